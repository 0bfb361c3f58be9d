// SPDX-License-Identifier: MIT
/* Processes as others see them: memory of one that ends, what wait says of it. */
#define _GNU_SOURCE
#include "abi.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif

#define BYTES (8L << 20)

static long mrelease(int fd, unsigned int flags)
{
	return syscall(SYS_process_mrelease, fd, flags);
}

/* The number behind a word of /proc/PID/status; -1: there is none. */
static long status_of(pid_t pid, const char *word)
{
	char name[64], text[4096], *at;
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	fd = open(name, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -1;
	text[n] = 0;
	at = strstr(text, word);
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

static int forever(void *arg)
{
	(void)arg;
	while (pause())
		;
	return 0;
}

/* It ends, and stands in its end before its memory goes. */
static void test_mrelease(void)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long *own = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int fd, status;
	siginfo_t si;
	long before;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		memset(own, 7, BYTES);
		shared[0] = 7;
		raise(SIGSTOP);
		_exit(3);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	waitpid(pid, &status, 0);
	FAILS(mrelease(-1, 0), EBADF);
	FAILS(mrelease(1, 0), EBADF);
	FAILS(mrelease(fd, 1), EINVAL);
	check(mrelease(fd, 0) == -1 && errno == EINVAL, "one that runs keeps its memory");
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACEEXIT);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	check(status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8), "it stands in its end");
	before = status_of(pid, "RssAnon:");
	check(!mrelease(fd, 0), "then its memory is given back");
	check(before >= BYTES >> 10 && status_of(pid, "RssAnon:") < before - (BYTES >> 11),
	      "which /proc sees");
	errno = 0;
	check(ptrace(PTRACE_PEEKDATA, pid, own, NULL) == 0 && !errno, "nothing is left in it");
	check(shared[0] == 7, "but of what others have, too");
	check(!mrelease(fd, 0), "once more is no mistake");
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	check(mrelease(fd, 0) == -1 && errno == ESRCH, "a zombie has none");
	check(waitpid(pid, &status, 0) == pid && status == 3 << 8, "it ended as it wanted to");
	check(mrelease(fd, 0) == -1 && errno == ESRCH, "nobody has none either");
	close(fd);
	munmap(own, BYTES);
}

/* Two processes with one memory: one goes on. */
static void test_mrelease_shared(void)
{
	static volatile pid_t other;
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = fork();
	int status, fd;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		other = clone(forever, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
		_exit(3);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACEEXIT);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	check(mrelease(fd, 0) == -1 && errno == EINVAL, "memory that another one runs with stays");
	kill((pid_t)ptrace(PTRACE_PEEKDATA, pid, (void *)&other, NULL), SIGKILL);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Who has ended will not continue, nor stop: nobody waits for that. Who waits already hears of the end, too. */
static void test_wait(void)
{
	siginfo_t si;
	pid_t pid = fork(), waiter;
	int status;
	/* A wait that does not end is one that is interrupted, which init is by handlers only. */
	const struct sigaction act = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &act, NULL);
	alarm(20);
	if (!pid)
		_exit(3);
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	FAILS(waitid(P_PID, (id_t)pid, &si, WCONTINUED), ECHILD);
	FAILS(waitid(P_PID, (id_t)pid, &si, WSTOPPED), ECHILD);
	FAILS(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WCONTINUED | WNOHANG), ECHILD);
	FAILS(waitid(P_ALL, 0, &si, WSTOPPED | WCONTINUED), ECHILD);
	check(!waitid(P_PID, (id_t)pid, &si, WEXITED | WCONTINUED) && si.si_status == 3,
	      "its end is told");
	/* A child of its own waits for a child that stops, continues and ends. */
	waiter = fork();
	if (!waiter) {
		int seen = 0;

		pid = fork();
		if (!pid) {
			raise(SIGSTOP);
			_exit(1);
		}
		if (!waitid(P_PID, (id_t)pid, &si, WSTOPPED) && si.si_code == CLD_STOPPED)
			seen |= 1;
		kill(pid, SIGCONT);
		/* It may have ended by now; then it is as above. */
		if (!waitid(P_PID, (id_t)pid, &si, WCONTINUED) ? si.si_code == CLD_CONTINUED
							       : errno == ECHILD)
			seen |= 2;
		if (waitid(P_PID, (id_t)pid, &si, WCONTINUED) == -1 && errno == ECHILD)
			seen |= 4;
		_exit(seen);
	}
	check(waitpid(waiter, &status, 0) == waiter && status == 7 << 8,
	      "who waits for more is woken by the end");
	alarm(0);
}

/* The kernel's own thread: a process without memory and files, which nobody can end. */
static void test_kthread(void)
{
	char text[4096] = "", *at;
	int fd = open("/proc/2/stat", O_RDONLY), n = 0;
	unsigned int flags = 0;
	struct dirent *e;
	DIR *dir;

	check(read(fd, text, sizeof(text) - 1) > 0 &&
		      sscanf(text, "2 (kthreadd) S 0 0 0 0 -1 %u", &flags) == 1 &&
		      flags & 0x00200000,
	      "PID 2 is a thread of the kernel");
	close(fd);
	check(status_of(2, "Kthread:") == 1 && status_of(2, "PPid:") == 0 &&
		      status_of(2, "VmSize:") == -1 && status_of(2, "FDSize:") == 64,
	      "which its status says, too");
	dir = opendir("/proc/2/fd");
	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	check(dir && !n, "it has no files");
	closedir(dir);
	FAILS(open("/proc/2/fd/0", O_PATH), ENOENT);
	fd = open("/proc/2/maps", O_RDONLY);
	check(read(fd, text, sizeof(text)) == 0, "nor memory");
	close(fd);
	fd = open("/proc/2/cmdline", O_RDONLY);
	check(read(fd, text, sizeof(text)) == 0, "nor arguments");
	close(fd);
	FAILS(readlink("/proc/2/exe", text, sizeof(text)), ENOENT);
	check(readlink("/proc/2/cwd", text, sizeof(text)) == 1 && text[0] == '/', "it is at /");
	dir = opendir("/proc");
	for (at = NULL; !at && (e = readdir(dir));)
		at = strcmp(e->d_name, "2") ? NULL : text;
	check(at != NULL, "/proc lists it");
	closedir(dir);
	for (int sig = 0; sig <= 64; sig++)
		if (kill(2, sig) || (sig && syscall(SYS_tgkill, 2, 2, sig)))
			check(0, "a signal is sent");
	check(!kill(2, 0) && status_of(2, "SigPnd:") == 0 && status_of(2, "ShdPnd:") == 0,
	      "no signal does anything to it");
	FAILS(ptrace(PTRACE_ATTACH, 2, NULL, NULL), EPERM);
	FAILS(setpgid(2, 2), ESRCH);
	check(getpgid(2) == 0 && getsid(2) == 0, "it is of no group");
	check(getpriority(PRIO_PROCESS, 2) == 0, "it has a priority");
}

static unsigned int effective(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};

	return syscall(SYS_capget, &h, d) ? 0 : d[0].effective;
}

/* What an ordinary user has of root's: in a child, and in a program that it executes (see main). */
static int keeps_capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) != 1 ||
	    prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != 0x10)
		return 10;
	if (setresuid(1000, 1000, 1000) || effective() || syscall(SYS_capget, &h, d) ||
	    !(d[0].permitted & 1U << CAP_SYS_NICE))
		return 11;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_NICE, 0, 0) != -1 || errno != EPERM)
		return 12;
	d[0].inheritable = d[0].permitted;
	if (syscall(SYS_capset, &h, d) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_NICE, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SYS_NICE, 0, 0) != 1)
		return 13;
	execl("/proc/self/exe", "init", "caps", NULL);
	return 14;
}

static void test_prctl(void)
{
	int value = 0, status;
	void *tid = NULL;
	pid_t pid;

	check(prctl(PR_GET_TIMING) == 0 && prctl(PR_SET_TIMING, 0) == 0, "time by the tick");
	FAILS(prctl(PR_SET_TIMING, 1), EINVAL);
	check(!prctl(PR_GET_TSC, &value) && value == PR_TSC_ENABLE, "the counter can be read");
	FAILS(prctl(PR_GET_TSC, 8), EFAULT);
	check(!prctl(PR_TASK_PERF_EVENTS_DISABLE) && !prctl(PR_TASK_PERF_EVENTS_ENABLE),
	      "no events are counted, or not counted");
	check(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_DEFAULT, "bad memory: default");
	WORKS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	check(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY, "early");
	WORKS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0));
	check(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_LATE, "late");
	FAILS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), EINVAL);
	FAILS(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), EINVAL);
	FAILS(prctl(PR_MCE_KILL, 2, 0, 0, 0), EINVAL);
	FAILS(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 1, 0), EINVAL);
	FAILS(prctl(PR_MCE_KILL_GET, 0, 0, 0, 1), EINVAL);
	WORKS(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
	check(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_DEFAULT, "and default again");
	syscall(SYS_set_tid_address, &value);
	check(!prctl(PR_GET_TID_ADDRESS, &tid) && tid == &value, "where its end is told");
	FAILS(prctl(PR_SET_SECUREBITS, 0x100), EPERM);
	FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0), EINVAL);
	FAILS(prctl(PR_CAP_AMBIENT, 9, 1, 0, 0), EINVAL);
	FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
	check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0) == 0, "nothing is ambient");
	pid = fork();
	if (!pid)
		_exit(keeps_capabilities());
	check(waitpid(pid, &status, 0) == pid && status == 3 << 8,
	      "capabilities outlive root, and exec");
	pid = fork();
	if (!pid) {
		/* No fix-up, and that locked. */
		if (prctl(PR_SET_SECUREBITS, 0xc) || prctl(PR_SET_SECUREBITS, 0) != -1 ||
		    errno != EPERM || prctl(PR_GET_SECUREBITS) != 0xc)
			_exit(1);
		_exit(setresuid(1000, 1000, 1000) || !(effective() & 1U << CAP_SYS_NICE));
	}
	check(waitpid(pid, &status, 0) == pid && !status, "or do not go with it at all");
}

/* A process's directory of /proc stands for it, too. */
static void test_proc_fd(void)
{
	char path[32];
	int fd, all = open("/proc", O_RDONLY), status;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	WORKS(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	FAILS(syscall(SYS_pidfd_send_signal, all, 0, NULL, 0), EBADF);
	WORKS(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	check(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM, "it gets the signal");
	FAILS(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), ESRCH);
	close(fd);
	close(all);
}

/* The timer's interrupts on all CPUs, by /proc/interrupts; -1: it has no such line. */
static long timer_interrupts(void)
{
	static char line[4096];
	FILE *f = fopen("/proc/interrupts", "r");
	long sum = -1;

	while (f && fgets(line, sizeof(line), f)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(line, "arch_timer"))
			continue;
		for (sum = 0, at++;; at = end) {
			long n = strtol(at, &end, 10);

			if (end == at)
				break;
			sum += n;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

static void test_proc_machine(void)
{
	struct timespec turn = {0, 2000000};
	long before = timer_interrupts(), intr = 0;
	char line[64] = "";
	FILE *f;
	pid_t pid;
	int status, fd;

	check(before >= 0, "/proc/interrupts has the CPUs' timer");
	nanosleep(&turn, NULL);
	check(timer_interrupts() > before, "the end of a sleep is one more");
	f = fopen("/proc/stat", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "intr %ld", &intr) == 1)
			break;
	if (f)
		fclose(f);
	check(intr >= before, "and all are counted in /proc/stat");

	WORKS(fd = open("/proc/self/stack", O_RDONLY));
	check(read(fd, line, sizeof(line)) >= 0, "root may see a task's stack");
	close(fd);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int fd2;

		failures = 0;
		setresuid(5, 5, 5);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		WORKS(fd2 = open("/proc/self/stack", O_RDONLY));
		FAILS(read(fd2, line, sizeof(line)), EACCES);
		fflush(stdout);
		_exit(failures != 0);
	}
	check(waitpid(pid, &status, 0) == pid && !status, "nobody else, and not his own");
}

/* ------------------------------------------------------------------ two threads at once */

#define LARGE (256UL << 20)
#define ONCE 3

/* What is copied takes a while, in which the other thread does something: when the child has its number already. */
static struct meanwhile {
	void (*what)(void);
	unsigned int ready;
	int master, slave;
} * at_once;

static int last_number(void)
{
	int fd = open("/proc/loadavg", O_RDONLY);
	char text[80], *at;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strrchr(text, ' ');
	return at ? atoi(at + 1) : -1;
}

static void *meanwhile(void *arg)
{
	const int before = last_number();

	__atomic_store_n(&at_once->ready, 1, __ATOMIC_RELEASE);
	while (last_number() == before)
		;
	at_once->what();
	return arg;
}

/* The child of a fork in the middle of which the other thread does it; when both are done a byte comes by `done`. */
static pid_t fork_while(void (*what)(void), int done[2])
{
	pthread_t t;
	pid_t pid;

	at_once->what = what;
	at_once->ready = 0;
	if (pipe(done) || pthread_create(&t, NULL, meanwhile, NULL))
		_exit(90);
	while (!__atomic_load_n(&at_once->ready, __ATOMIC_ACQUIRE))
		sched_yield();
	pid = fork();
	if (!pid)
		return 0;
	pthread_join(t, NULL);
	return pid;
}

static void give_up_terminal(void)
{
	if (ioctl(at_once->slave, TIOCNOTTY))
		_exit(96);
}

/* Leads a session on a terminal of its own, which it gives up while it forks: 0: its child has none either. */
static int lose_terminal(void)
{
	char byte = 0;
	int done[2], status, lock = 0;
	pid_t pid;

	signal(SIGHUP, SIG_IGN);
	setsid();
	at_once->master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	if (at_once->master < 0 || ioctl(at_once->master, TIOCSPTLCK, &lock))
		return 91;
	at_once->slave = ioctl(at_once->master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (at_once->slave < 0 || ioctl(at_once->slave, TIOCSCTTY, 0))
		return 92;
	pid = fork_while(give_up_terminal, done);
	if (!pid) {
		if (read(done[0], &byte, 1) != 1)
			_exit(93);
		_exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 0 : 1);
	}
	if (pid < 0 || write(done[1], &byte, 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 94;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 95;
}

static void own_group(void)
{
	setpgid(0, 0);
}

/* The last of its group leaves it while it forks: 0: its child has left it, or the group's number is still taken. */
static int leave_group(void)
{
	int done[2], status, result = 0;
	pid_t leader = fork(), pid, again;
	struct clone_args args = {.exit_signal = SIGCHLD};

	if (!leader)
		for (;;)
			pause();
	if (setpgid(leader, leader) || setpgid(0, leader))
		return 91;
	kill(leader, SIGKILL);
	waitpid(leader, &status, 0);
	pid = fork_while(own_group, done);
	if (!pid)
		for (;;)
			pause();
	if (getpgid(pid) == leader) {
		args.set_tid = (uintptr_t)&leader;
		args.set_tid_size = 1;
		again = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (!again)
			_exit(0);
		result = again != -1 || errno != EEXIST;
	}
	kill(pid, SIGKILL);
	return result;
}

static int in_children(int (*fn)(void))
{
	int status, bad = 0;

	for (unsigned int i = 0; i < ONCE && !bad; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(fn());
		if (waitpid(pid, &status, 0) != pid || status)
			bad = status ? status : -1;
	}
	if (bad)
		printf("     status %#x\n", (unsigned int)bad);
	return bad;
}

static void test_meanwhile(void)
{
	char *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(large, LARGE, MADV_NOHUGEPAGE);
	memset(large, 1, LARGE);
	at_once = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	check(!in_children(leave_group), "a child is in no group that has gone while it was made");
	check(!in_children(lose_terminal),
	      "nor has it a terminal that its session has not any more");
	munmap(large, LARGE);
}

/* ------------------------------------------------------------------ asleep, and it goes */

static void wait_asleep(pid_t pid, pid_t tid)
{
	char name[64], text[512];

	snprintf(name, sizeof(name), "/proc/%d/task/%d/status", pid, tid);
	for (;;) {
		int fd = open(name, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

		close(fd);
		if (n < 0)
			return;
		text[n] = 0;
		if (strstr(text, "State:\tS"))
			return;
		usleep(1000);
	}
}

static void nothing(int sig)
{
	(void)sig;
}

/* Who sleeps on another's time does so until a signal comes, when that one has gone. */
static void test_clock_goes(void)
{
	struct timespec some = {0, 15000000}, twenty = {0, 20000000}, used;
	int status;
	pid_t of = fork(), pid, others[4];

	if (!of)
		for (;;)
			pause();
	wait_asleep(of, of);
	pid = fork();
	if (!pid) {
		signal(SIGUSR1, nothing);
		_exit(clock_nanosleep(~of << 3 | 2, 0, &some, NULL));
	}
	wait_asleep(pid, pid);
	kill(of, SIGKILL);
	waitpid(of, &status, 0);
	/* It looks more than once, at what others have the memory of by then. */
	for (int i = 0; i < 4; i++) {
		of = fork();
		if (!of) {
			do
				clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
			while (!used.tv_sec && used.tv_nsec < twenty.tv_nsec);
			for (;;)
				pause();
		}
		others[i] = of;
	}
	for (int i = 0; i < 4; i++)
		wait_asleep(others[i], others[i]);
	nanosleep(&twenty, NULL);
	kill(pid, SIGUSR1);
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == EINTR,
	      "a sleep on the time of one that has gone ends by a signal");
	for (int i = 0; i < 4; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], &status, 0);
	}
}

static struct {
	int fd, error;
	pid_t tid;
} locker;

static void *lock_and_wait(void *arg)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	__atomic_store_n(&locker.tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	locker.error = fcntl(locker.fd, F_SETLKW, &l) ? errno : 0;
	return arg;
}

/* A lock that is waited for by a descriptor that is closed meanwhile is nobody's. */
static void test_lock_goes(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int held[2], status, fd = open("/tmp/lock", O_RDWR | O_CREAT, 0600);
	pthread_t t;
	pid_t pid;
	char byte;

	if (!check(fd >= 0 && !pipe(held), "a file to lock"))
		return;
	pid = fork();
	if (!pid) {
		fcntl(fd, F_SETLK, &l);
		if (write(held[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	check(read(held[0], &byte, 1) == 1, "another one has it");
	locker.fd = dup(fd);
	close(fd);
	pthread_create(&t, NULL, lock_and_wait, NULL);
	while (!__atomic_load_n(&locker.tid, __ATOMIC_ACQUIRE))
		sched_yield();
	wait_asleep(getpid(), locker.tid);
	close(locker.fd);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	pthread_join(t, NULL);
	check(locker.error == EBADF, "the descriptor went while the lock was waited for: EBADF");
	pid = fork();
	if (!pid) {
		fd = open("/tmp/lock", O_RDWR);
		_exit(fcntl(fd, F_GETLK, &l) || l.l_type != F_UNLCK);
	}
	check(waitpid(pid, &status, 0) == pid && !status, "and nobody has the lock");
	close(held[0]);
	close(held[1]);
	unlink("/tmp/lock");
}

/* Whose the child of a child is that was there before this process asked for orphans. The child's parent is told through `said`. */
static int take_orphan(int on, int said)
{
	int go[2], status;
	char byte = 0;
	pid_t child;

	if (pipe(go))
		return 1;
	child = fork();
	if (!child) {
		if (!fork()) {
			pid_t parent = getppid();

			close(go[1]);
			while (read(go[0], &byte, 1) > 0 || getppid() == parent)
				sched_yield();
			parent = getppid();
			_exit(write(said, &parent, sizeof(parent)) != sizeof(parent));
		}
		close(go[1]);
		_exit((int)read(go[0], &byte, 1));
	}
	/* It has a child by now, or makes one below a parent that has asked. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0);
	close(go[0]);
	close(go[1]);
	if (waitpid(child, &status, 0) != child || status)
		return 2;
	return on && (waitpid(-1, &status, 0) < 0 || status);
}

static void test_subreaper(void)
{
	for (int on = 1; on >= 0; on--) {
		pid_t parent = 0, pid;
		int said[2], status;

		if (!check(!pipe(said), "a pipe"))
			return;
		pid = fork();
		if (!pid)
			_exit(take_orphan(on, said[1]));
		check(waitpid(pid, &status, 0) == pid && !status, "who asks has waited");
		check(read(said[0], &parent, sizeof(parent)) == sizeof(parent) &&
			      parent == (on ? pid : 1),
		      on ? "an orphan is whose who has asked"
			 : "and init's when he does not any more");
		close(said[0]);
		close(said[1]);
	}
	check(waitpid(-1, NULL, 0) > 0, "which waits for it");
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return effective() == 1U << CAP_SYS_NICE && !prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) ? 3
												: 4;
	begin();
	test_mrelease();
	test_mrelease_shared();
	test_wait();
	test_kthread();
	test_prctl();
	test_proc_fd();
	test_proc_machine();
	test_meanwhile();
	test_clock_goes();
	test_lock_goes();
	test_subreaper();
	return end("process");
}
