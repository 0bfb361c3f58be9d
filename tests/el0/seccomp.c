// SPDX-License-Identifier: MIT
/* System calls given up: strict mode, filters and each of their answers, threads, a listener, and programs that are none. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NR (BPF_LD | BPF_W | BPF_ABS), 0, 0, offsetof(struct seccomp_data, nr)
#define RET(value)                                                                                 \
	{                                                                                          \
		BPF_RET | BPF_K, 0, 0, (value)                                                     \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static long seccomp(unsigned int op, unsigned int flags, void *arg)
{
	return syscall(SYS_seccomp, op, flags, arg);
}

static long install(struct sock_filter *insn, size_t n, unsigned int flags)
{
	struct sock_fprog prog = {(unsigned short)n, insn};

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* `answer` to the call, leave to all others. */
static long filter(int nr, unsigned int answer, unsigned int flags)
{
	struct sock_filter insn[] = {{NR},
				     {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned int)nr},
				     RET(answer),
				     RET(SECCOMP_RET_ALLOW)};

	return install(insn, COUNT(insn), flags);
}

/* How a child ends that does this: the code, or 128 and its signal. */
static int child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int strict(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	write(1, "", 0);
	syscall(SYS_exit, 7);
	return 2;
}

static int strict_kills(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	getppid();
	return 2;
}

static int kills(void)
{
	filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
	getppid();
	return 2;
}

static void *kills_thread(void *arg)
{
	filter(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
	getppid();
	*(int *)arg = 1;
	return NULL;
}

static int one_thread_less(void)
{
	pthread_t t;
	int survived = 0;

	pthread_create(&t, NULL, kills_thread, &survived);
	pthread_join(t, NULL);
	return survived ? 1 : getppid() <= 0;
}

static int no_uid(void)
{
	return syscall(SYS_getuid) != -1 || errno != E2BIG;
}

/* The strictest of three answers counts, whichever came last; a number above 4095 is 4095; data is no more than 16 bits. */
static int errors(void)
{
	filter(SYS_getppid, SECCOMP_RET_ERRNO | 5000, 0);
	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != 4095)
		return 1;
	filter(SYS_getppid, SECCOMP_RET_ALLOW, 0);
	filter(SYS_getuid, SECCOMP_RET_ERRNO | E2BIG, 0);
	if (syscall(SYS_getuid) != -1 || errno != E2BIG)
		return 2;
	if (syscall(SYS_getppid) != -1 || errno != 4095)
		return 3;
	/* A child has them. */
	return child(no_uid);
}

static volatile siginfo_t seen;

static void on_sys(int sig, siginfo_t *info, void *ctx)
{
	seen = *info;
	(void)sig;
	(void)ctx;
}

static int traps(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &sa, NULL);
	filter(SYS_getppid, SECCOMP_RET_TRAP | 77, 0);
	/* The registers are as they were: so is x0. */
	if (syscall(SYS_getppid, 4242) != 4242)
		return 1;
	if (seen.si_signo != SIGSYS || seen.si_code != 1 || seen.si_errno != 77)
		return 2;
	return seen.si_syscall != SYS_getppid || seen.si_arch != AUDIT_ARCH_AARCH64 ||
	       !seen.si_call_addr;
}

/* An argument's two halves are looked at, the architecture, and arithmetic with both registers and memory. */
static int computes(void)
{
	struct sock_filter insn[] = {
		{NR},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 13, SYS_getppid},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 11, AUDIT_ARCH_AARCH64},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args[1]) + 4},
		{BPF_ST, 0, 0, 3},
		{BPF_LDX | BPF_MEM, 0, 0, 3},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args[1])},
		{BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0}, /* by 0: 0, which kills */
		{BPF_ALU | BPF_MUL | BPF_K, 0, 0, 3},
		{BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0},
		{BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xff},
		{BPF_ALU | BPF_OR | BPF_K, 0, 0, SECCOMP_RET_ERRNO},
		{BPF_JMP | BPF_JA, 0, 0, 0},
		{BPF_RET | BPF_A, 0, 0, 0},
		RET(SECCOMP_RET_ALLOW),
	};

	if (install(insn, COUNT(insn), 0))
		return 1;
	/* 100 / 5 * 3 - 5 */
	if (syscall(SYS_getppid, 0, 5L << 32 | 100) != -1 || errno != 55)
		return 2;
	syscall(SYS_getppid, 0, 100);
	return 3;
}

static int bad_programs(void)
{
	struct sock_filter no_end[] = {{NR}}, far[] = {{BPF_JMP | BPF_JA, 0, 0, 1}, RET(0)},
			   odd[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 2}, RET(0)},
			   beyond[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0,
					sizeof(struct seccomp_data)},
				       RET(0)},
			   unwritten[] = {{BPF_LD | BPF_MEM, 0, 0, 1}, RET(0)},
			   by_zero[] = {{BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0}, RET(0)},
			   half[] = {{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
				     {BPF_ST, 0, 0, 1},
				     {BPF_LD | BPF_MEM, 0, 0, 1},
				     RET(0)},
			   unknown[] = {{BPF_ALU | BPF_MOD | BPF_K, 0, 0, 3}, RET(0)},
			   packet[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, RET(0)},
			   good[] = {RET(SECCOMP_RET_ALLOW)};

	FAILS(install(no_end, 1, 0), EINVAL);
	FAILS(install(no_end, 0, 0), EINVAL);
	FAILS(install(far, 2, 0), EINVAL);
	FAILS(install(odd, 2, 0), EINVAL);
	FAILS(install(beyond, 2, 0), EINVAL);
	FAILS(install(unwritten, 2, 0), EINVAL);
	FAILS(install(half, 4, 0), EINVAL);
	FAILS(install(by_zero, 2, 0), EINVAL);
	FAILS(install(unknown, 2, 0), EINVAL);
	FAILS(install(packet, 2, 0), EINVAL);
	FAILS(install((void *)8, 1, 0), EFAULT);
	FAILS(install(good, 1, 64), EINVAL);
	FAILS(seccomp(9, 0, NULL), EINVAL);
	FAILS(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	check(!prctl(PR_GET_SECCOMP), "and nothing was given up");
	return 0;
}

static int stop_thread;

static void *waits(void *arg)
{
	while (!__atomic_load_n(&stop_thread, __ATOMIC_ACQUIRE))
		sched_yield();
	*(int *)arg = syscall(SYS_getppid) == -1 && errno == EDOM;
	return NULL;
}

static int all_threads(void)
{
	pthread_t t;
	int filtered = 0;

	pthread_create(&t, NULL, waits, &filtered);
	if (filter(SYS_getppid, SECCOMP_RET_ERRNO | EDOM, SECCOMP_FILTER_FLAG_TSYNC))
		return 1;
	__atomic_store_n(&stop_thread, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	return !filtered;
}

static int asks(void)
{
	struct seccomp_notif n = {0};
	struct seccomp_notif_resp r = {0};
	int listener = (int)filter(SYS_getppid, SECCOMP_RET_USER_NOTIF,
				   SECCOMP_FILTER_FLAG_NEW_LISTENER),
	    status;
	struct pollfd p = {listener, POLLIN, 0};
	pid_t pid;

	if (listener < 0)
		return 1;
	pid = fork();
	if (!pid)
		_exit(syscall(SYS_getppid, 11) != 1234 || syscall(SYS_getppid) != -1 ||
		      errno != EDOM || (long)syscall(SYS_getppid) <= 1);
	if (poll(&p, 1, 10000) != 1 || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return 2;
	if (n.pid != (unsigned int)pid || n.data.nr != SYS_getppid || n.data.args[0] != 11)
		return 3;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id))
		return 4;
	r.id = n.id + 1;
	if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r) || errno != ENOENT)
		return 5;
	r.id = n.id;
	r.val = 1234;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r))
		return 6;
	memset(&n, 0, sizeof(n));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return 7;
	r = (struct seccomp_notif_resp){.id = n.id, .error = -EDOM};
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r))
		return 8;
	memset(&n, 0, sizeof(n));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return 9;
	r = (struct seccomp_notif_resp){.id = n.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r) || waitpid(pid, &status, 0) != pid)
		return 10;
	if (status)
		return 20 + WEXITSTATUS(status);
	/* Whose listener has gone gets ENOSYS, and is not left waiting. */
	pid = fork();
	if (!pid) {
		close(listener);
		_exit(syscall(SYS_getppid) != -1 || errno != ENOSYS);
	}
	memset(&n, 0, sizeof(n));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return 11;
	close(listener);
	return waitpid(pid, &status, 0) != pid || status;
}

/* A tracer may make another call of it, or none. */
static int traced(void)
{
	int status;
	unsigned long data = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		filter(SYS_getppid, SECCOMP_RET_TRACE | 9, 0);
		_exit(syscall(SYS_getppid) <= 0);
	}
	if (waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP))
		return 1;
	ptrace(PTRACE_CONT, pid, 0, 0);
	if (waitpid(pid, &status, 0) != pid || status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
		return 2;
	ptrace(PTRACE_GETEVENTMSG, pid, 0, &data);
	if (data != 9)
		return 3;
	ptrace(PTRACE_CONT, pid, 0, 0);
	return waitpid(pid, &status, 0) != pid || status;
}

static int untraced(void)
{
	filter(SYS_getppid, SECCOMP_RET_TRACE, 0);
	return syscall(SYS_getppid) != -1 || errno != ENOSYS;
}

static int without_rights(void)
{
	struct sock_filter good[] = {RET(SECCOMP_RET_ALLOW)};

	if (setresuid(1000, 1000, 1000) || install(good, 1, 0) != -1 || errno != EACCES)
		return 1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || install(good, 1, 0) ||
	       prctl(PR_GET_SECCOMP) != 2;
}

int main(void)
{
	begin();
	check(child(strict) == 7, "strict mode lets a program write and exit");
	check(child(strict_kills) == 128 + SIGKILL, "and kills one that does anything else");
	check(child(kills) == 128 + SIGSYS, "a filter kills the process");
	check(!child(one_thread_less), "or one thread of it");
	check(!child(errors),
	      "answers are errors, the strictest counts, children have the filters");
	check(!child(traps), "SIGSYS says which call it was");
	check(child(computes) == 128 + SIGSYS,
	      "filters compute, and a division by 0 is the answer 0");
	bad_programs();
	check(!child(all_threads), "all threads at once");
	check(!child(asks), "a listener is asked, answers, lets go on, and goes");
	check(!child(traced), "a tracer sees the call");
	check(!child(untraced), "ENOSYS without one");
	check(!child(without_rights), "who may gain no rights may give calls up");
	return end("seccomp");
}
