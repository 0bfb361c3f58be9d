// SPDX-License-Identifier: MIT
/* One program watches another: stops, memory, registers, system calls, events, and memory that is read only. */
#define _GNU_SOURCE
#include "abi.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

struct regs {
	uint64_t x[31], sp, pc, pstate;
};

static long ptrace(long request, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static volatile long word = 41;
static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

/* Its second instruction is what the tests write over. */
__attribute__((noinline, aligned(8))) static int seven(void)
{
	int n;

	__asm__ volatile("mov %w0, #7\n\tnop" : "=r"(n));
	return n;
}

static int stopped(pid_t pid, int status)
{
	int seen;

	return waitpid(pid, &seen, __WALL) == pid && seen == (status << 8 | 0x7f);
}

static int exited(pid_t pid, int code)
{
	int seen;

	return waitpid(pid, &seen, __WALL) == pid && WIFEXITED(seen) && WEXITSTATUS(seen) == code;
}

static int get(pid_t pid, struct regs *r)
{
	struct iovec v = {r, sizeof(*r)};

	return !ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &v) && v.iov_len == sizeof(*r);
}

static int set(pid_t pid, struct regs *r)
{
	struct iovec v = {r, sizeof(*r)};

	return !ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &v);
}

/* A child that asks to be watched, stops, and does `fn`. */
static pid_t child(int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(fn());
	}
	return stopped(pid, SIGSTOP) ? pid : -1;
}

static int tell_word(void)
{
	return (int)word;
}

static int call_seven(void)
{
	return seven();
}

static int signals_itself(void)
{
	signal(SIGUSR2, on_signal);
	raise(SIGUSR1);
	return got;
}

static int calls(void)
{
	return syscall(SYS_getppid) == 4242 && syscall(SYS_getuid) == -1 && errno == ENOSYS;
}

static int forks(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(5);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int execs(void)
{
	execl("/init", "init", "again", NULL);
	return 1;
}

static int spins(void)
{
	while (word)
		usleep(1000);
	return 0;
}

static int watched(void)
{
	word = 47;
	return 0;
}

static void basics(void)
{
	pid_t pid = child(tell_word);
	struct regs r;
	siginfo_t info;
	sigset_t mask;
	long value = 0;
	struct iovec v = {&r, 12};

	check(pid > 0, "a child stops for its tracer");
	check(!ptrace(PTRACE_PEEKDATA, pid, (void *)&word, &value) && value == 41, "PEEKDATA");
	check(!ptrace(PTRACE_POKEDATA, pid, (void *)&word, (void *)99), "POKEDATA");
	check(word == 41, "what the child has is its own");
	FAILS(ptrace(PTRACE_PEEKDATA, pid, (void *)8, &value), EIO);
	FAILS(ptrace(PTRACE_PEEKUSR, pid, 0, &value), EIO);
	check(get(pid, &r) && r.pc > 0x1000 && r.sp > 0x1000 && r.x[8] != 0, "GETREGSET");
	FAILS(ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &v), EINVAL);
	FAILS(ptrace(PTRACE_GETREGSET, pid, (void *)0x9999, &v), EINVAL);
	r.pstate |= 5;
	check(!set(pid, &r) && errno == EINVAL, "no tracer makes it the kernel");
	check(!ptrace(PTRACE_GETSIGINFO, pid, 0, &info) && info.si_signo == SIGSTOP &&
		      info.si_code == SI_TKILL && info.si_pid == pid,
	      "GETSIGINFO");
	check(!ptrace(PTRACE_GETSIGMASK, pid, (void *)8, &mask), "GETSIGMASK");
	FAILS(ptrace(PTRACE_GETSIGMASK, pid, (void *)4, &mask), EINVAL);
	FAILS(ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)0x8000), EINVAL);
	FAILS(ptrace(PTRACE_CONT, pid, 0, (void *)65), EIO);
	FAILS(ptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
	FAILS(ptrace(PTRACE_INTERRUPT, pid, 0, 0), EIO);
	FAILS(ptrace(PTRACE_CONT, getpid(), 0, 0), ESRCH);
	FAILS(ptrace(PTRACE_CONT, 30000, 0, 0), ESRCH);
	FAILS(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	check(!ptrace(PTRACE_CONT, pid, 0, 0) && exited(pid, 99),
	      "CONT, and it ends with what was poked");
}

static void signals(void)
{
	pid_t pid = child(signals_itself);
	siginfo_t info;
	sigset_t mask;

	ptrace(PTRACE_CONT, pid, 0, 0);
	check(stopped(pid, SIGUSR1), "a signal is its tracer's first");
	ptrace(PTRACE_CONT, pid, 0, (void *)SIGUSR2);
	check(exited(pid, SIGUSR2), "another one is taken in its place");
	/* A number that there is no signal of, in the place of one that the child blocks. */
	pid = child(signals_itself);
	ptrace(PTRACE_CONT, pid, 0, 0);
	stopped(pid, SIGUSR1);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	check(!ptrace(PTRACE_SETSIGMASK, pid, (void *)8, &mask) &&
		      !ptrace(PTRACE_GETSIGINFO, pid, 0, &info),
	      "the signal is blocked under way");
	info.si_signo = 0x7fffffff;
	check(!ptrace(PTRACE_SETSIGINFO, pid, 0, &info) &&
		      !ptrace(PTRACE_CONT, pid, 0, (void *)SIGUSR1) && waitpid(pid, NULL, 0) == pid,
	      "and what it is said to be is not believed");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = child(signals_itself);
	ptrace(PTRACE_CONT, pid, 0, 0);
	stopped(pid, SIGUSR1);
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(exited(pid, 0), "or none at all");
}

static void text(void)
{
	pid_t pid = child(call_seven);
	uint64_t *at = (uint64_t *)seven, code;
	unsigned int i;

	for (i = 0; i < 8 && ((uint32_t *)at)[i] != 0x528000e0; i++)
		;
	at = (uint64_t *)((uint32_t *)at + i);
	check(i < 8 && !ptrace(PTRACE_PEEKTEXT, pid, at, &code), "PEEKTEXT");
	code = (code & ~0xffffffffUL) | 0x52800120;
	check(!ptrace(PTRACE_POKETEXT, pid, at, (void *)code), "POKETEXT into code");
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(exited(pid, 9), "it executes what was written");
	check(seven() == 7, "its parent does not");
}

static void syscalls(void)
{
	pid_t pid = child(calls);
	struct regs r;
	int n = -1;
	struct iovec v = {&n, 4};
	long status;
	int seen;

	ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACESYSGOOD);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &seen, 0);
		if (!WIFSTOPPED(seen) || WSTOPSIG(seen) != (SIGTRAP | 0x80) || !get(pid, &r))
			break;
		v.iov_len = 4;
		if (r.x[7] == 0 && r.x[8] == SYS_getuid) {
			n = -1;
			ptrace(PTRACE_SETREGSET, pid, (void *)0x404, &v);
			r.x[0] = (uint64_t)-ENOSYS;
			set(pid, &r);
		}
		if (r.x[7] == 1 && r.x[8] == SYS_getppid) {
			r.x[0] = 4242;
			set(pid, &r);
		}
	}
	status = seen;
	check(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	      "SYSCALL: one call's result is changed, another is not made");
}

static int counts(void)
{
	volatile int n = 0;

	while (n < 1000)
		n++;
	return (int)word;
}

static void steps(void)
{
	pid_t pid = child(counts);
	struct regs a, b;
	int n = 0, seen;

	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	check(stopped(pid, SIGTRAP), "SINGLESTEP stops");
	for (int i = 0; i < 50; i++) {
		if (!get(pid, &a) || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
		    !stopped(pid, SIGTRAP) || !get(pid, &b))
			break;
		n += a.pc != b.pc;
	}
	check(n > 40, "fifty times at another instruction");
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(waitpid(pid, &seen, 0) == pid && WIFEXITED(seen) && WEXITSTATUS(seen) == 41,
	      "and it goes on without");
}

static void attaching(void)
{
	pid_t pid = fork();
	unsigned long message = 0;
	int seen;

	if (!pid)
		_exit(spins());
	WORKS(ptrace(PTRACE_ATTACH, pid, 0, 0));
	check(stopped(pid, SIGSTOP), "ATTACH stops it");
	WORKS(ptrace(PTRACE_DETACH, pid, 0, 0));
	FAILS(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
	check(waitpid(pid, &seen, WNOHANG) == 0, "DETACH lets it run");
	FAILS(ptrace(PTRACE_SEIZE, pid, (void *)1, 0), EIO);
	WORKS(ptrace(PTRACE_SEIZE, pid, 0, 0));
	FAILS(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
	WORKS(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	check(stopped(pid, SIGTRAP | PTRACE_EVENT_STOP << 8), "INTERRUPT stops one that is seized");
	kill(pid, SIGKILL);
	check(waitpid(pid, &seen, 0) == pid && WIFSIGNALED(seen), "SIGKILL ends one in a stop");

	pid = child(forks);
	ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)(PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT));
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(stopped(pid, SIGTRAP | PTRACE_EVENT_FORK << 8) &&
		      !ptrace(PTRACE_GETEVENTMSG, pid, 0, &message) && message > 1,
	      "an event tells of a fork");
	check(stopped((pid_t)message, SIGSTOP), "its child stops, too");
	ptrace(PTRACE_CONT, pid, 0, 0);
	ptrace(PTRACE_CONT, (pid_t)message, 0, 0);
	check(stopped((pid_t)message, SIGTRAP | PTRACE_EVENT_EXIT << 8),
	      "an event tells of the end");
	ptrace(PTRACE_CONT, (pid_t)message, 0, 0);
	check(exited((pid_t)message, 5), "the tracer reads its end first");
	/* SIGCHLD, and the end. */
	for (;;) {
		waitpid(pid, &seen, 0);
		if (!WIFSTOPPED(seen))
			break;
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	check(WIFEXITED(seen) && WEXITSTATUS(seen) == 5, "then its parent");

	pid = child(execs);
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(stopped(pid, SIGTRAP), "exec is a SIGTRAP");
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(exited(pid, 23), "and the new program runs");
	pid = child(execs);
	ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACEEXEC);
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(stopped(pid, SIGTRAP | PTRACE_EVENT_EXEC << 8), "or an event");
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(exited(pid, 23), "and it runs, too");
}

static void watchpoints(void)
{
	struct {
		uint32_t info, pad;
		struct {
			uint64_t addr;
			uint32_t ctrl, pad;
		} reg[16];
	} w;
	struct iovec v = {&w, sizeof(w)};
	pid_t pid = child(watched);
	siginfo_t info;

	memset(&w, 0, sizeof(w));
	check(!ptrace(PTRACE_GETREGSET, pid, (void *)NT_ARM_HW_WATCH, &v) && (w.info & 0xff) > 0,
	      "there are watchpoints");
	w.reg[0].addr = (uint64_t)(unsigned long)&word;
	w.reg[0].ctrl = 0xff << 5 | 2 << 3 | 1;
	v.iov_len = 8 + 16;
	check(!ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_HW_WATCH, &v), "one is set");
	ptrace(PTRACE_CONT, pid, 0, 0);
	check(stopped(pid, SIGTRAP) && !ptrace(PTRACE_GETSIGINFO, pid, 0, &info) &&
		      info.si_code == TRAP_HWBKPT && info.si_addr == (void *)&word,
	      "the store that it watches stops");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void read_only(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/mem", O_RDWR), file = open("/tmp/f", O_RDWR | O_CREAT, 0600);
	char *anon = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *private, *shared, seen[8] = {0};
	int status;

	if (write(file, "original", 8) != 8 || ftruncate(file, page))
		check(0, "a file");
	private = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	file = open("/tmp/f", O_RDONLY);
	shared = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, file, 0);
	check(pwrite(fd, "forced", 6, (off_t)(unsigned long)anon) == 6 &&
		      !memcmp(anon, "forced", 6),
	      "/proc/self/mem writes to memory that is read only");
	check(pwrite(fd, "forced", 6, (off_t)(unsigned long)private) == 6 &&
		      !memcmp(private, "forcedal", 8) && pread(file, seen, 8, 0) == 8 &&
		      !memcmp(seen, "original", 8) && !memcmp(shared, "original", 8),
	      "a private file's page is copied for it");
	FAILS(pwrite(fd, "forced", 6, (off_t)(unsigned long)shared), EIO);
	if (!fork()) {
		_exit(pwrite(fd, "FORCED", 6, (off_t)(unsigned long)anon) != 6);
	}
	wait(&status);
	check(status == 0 && !memcmp(anon, "FORCED", 6),
	      "the memory is whose it was when it was opened");
	if (!fork()) {
		fd = open("/proc/self/mem", O_RDWR);
		status = pwrite(fd, "forked", 6, (off_t)(unsigned long)anon) == 6 &&
			 !memcmp(anon, "forked", 6);
		anon[0] = 1;
		_exit(status);
	}
	wait(&status);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "and it stays read only");
	check(!memcmp(anon, "FORCED", 6), "a child's is not the parent's");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 23;
	begin();
	basics();
	signals();
	text();
	syscalls();
	steps();
	attaching();
	watchpoints();
	read_only();
	return end("ptrace");
	(void)argv;
}
