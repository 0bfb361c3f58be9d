// SPDX-License-Identifier: MIT
/* Restartable sequences: registration, the CPU's number, what a signal and another thread's turn do to a sequence. */
#define _GNU_SOURCE
#include "abi.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define SIG 0xd428bc00U /* glibc's, and RSEQ_SIG in the code below */

struct area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t cs;
	uint32_t flags, node_id, mm_cid, end;
} __attribute__((aligned(32)));

static struct area mine, other;

static long rseq(void *at, uint32_t len, int flags, uint32_t sig)
{
	return syscall(SYS_rseq, at, len, flags, sig);
}

/* Counts at *count from x until it is interrupted: what the handler of the sequence returns. The word before it is the signature. */
uint64_t spin(struct area *a, volatile uint64_t *count);
extern char spin_start[], spin_end[], spin_abort[], spin_cs[];
__asm__(".text\n"
	".globl spin, spin_start, spin_end, spin_abort, spin_cs\n"
	".type spin, %function\n"
	"spin:	adrp x2, spin_cs\n"
	"	add x2, x2, :lo12:spin_cs\n"
	"	str x2, [x0, #8]\n"
	"spin_start:\n"
	"1:	ldr x3, [x1]\n"
	"	add x3, x3, #1\n"
	"	str x3, [x1]\n"
	"	b 1b\n"
	"spin_end:\n"
	"	.word 0xd428bc00\n"
	"spin_abort:\n"
	"	ldr x0, [x1]\n"
	"	ret\n"
	".data\n"
	".balign 32\n"
	"spin_cs: .word 0, 0\n"
	"	.quad spin_start, spin_end - spin_start, spin_abort\n"
	".text\n");

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	alarms++;
	(void)sig;
}

static int cpu_is(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set) && mine.cpu_id == (unsigned int)cpu &&
	       mine.cpu_id_start == (unsigned int)cpu && sched_getcpu() == cpu;
}

static volatile int stop;

static void *compete(void *arg)
{
	while (!stop)
		;
	return arg;
}

static void registration(void)
{
	struct area *libc = (struct area *)((char *)__builtin_thread_pointer() + __rseq_offset);

	check(__rseq_size >= 20 && libc->cpu_id < 4096, "the C library has registered its own");
	check(getauxval(27) == 28 && getauxval(28) == 32,
	      "the auxiliary vector tells what there is");
	FAILS(rseq(&mine, 32, 0, SIG), EINVAL);
	FAILS(rseq(libc, 32, 0, SIG), EBUSY);
	FAILS(rseq(libc, 32, 0, SIG + 1), EPERM);
	FAILS(rseq(libc, 64, 0, SIG), EINVAL);
	FAILS(rseq(libc, 32, 1, SIG + 1), EPERM);
	FAILS(rseq(libc, 32, 3, SIG), EINVAL);
	FAILS(rseq(&mine, 32, 1, SIG), EINVAL);
	WORKS(rseq(libc, 32, 1, SIG));
	check(libc->cpu_id == (uint32_t)-1 && !libc->cpu_id_start, "nothing is written any more");
	FAILS(rseq(libc, 32, 1, SIG), EINVAL);
	FAILS(rseq(&mine, 31, 0, SIG), EINVAL);
	FAILS(rseq((char *)&mine + 8, 32, 0, SIG), EINVAL);
	FAILS(rseq(&mine, 32, 2, SIG), EINVAL);
	FAILS(rseq((void *)0xffff000000000000UL, 32, 0, SIG), EFAULT);
	FAILS(rseq((void *)32, 32, 0, SIG), EFAULT);
	mine.cs = 12345;
	WORKS(rseq(&mine, 32, 0, SIG));
	check(!mine.cs && mine.cpu_id == (unsigned int)sched_getcpu(),
	      "the CPU stands there, and no sequence");
}

static void sequences(void)
{
	const struct itimerval soon = {{0, 0}, {0, 20000}};
	struct sigaction sa = {.sa_handler = on_alarm};
	volatile uint64_t count = 0;
	uint64_t n;
	pthread_t t;
	cpu_set_t set;

	check(cpu_is(0), "on CPU 0");
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		check(cpu_is(1) && cpu_is(0), "on another CPU, and back");
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	/* Whatever else runs here ends it too. */
	do
		n = spin(&mine, &count);
	while (!alarms);
	check(n > 0 && n == count && alarms == 1 && !mine.cs, "a signal ends a sequence");
	/* Another thread wants this CPU. */
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	count = 0;
	pthread_create(&t, NULL, compete, NULL);
	n = spin(&mine, &count);
	check(n > 0 && n == count && !mine.cs, "another thread's turn ends a sequence");
	stop = 1;
	pthread_join(t, NULL);
	/* Outside of the sequence its mark goes, and nothing else happens. */
	mine.cs = (uint64_t)(unsigned long)spin_cs;
	raise(SIGALRM);
	check(!mine.cs && alarms == 2, "the mark of a sequence that it is not in goes");
}

static int child_ends(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int inherits(void)
{
	return rseq(&mine, 32, 0, SIG) == -1 && errno == EBUSY &&
	       mine.cpu_id == (unsigned int)sched_getcpu();
}

static int bad_sequence(void)
{
	mine.cs = 3;
	sched_yield();
	usleep(1000);
	return 1;
}

static int bad_signature(void)
{
	static uint64_t cs[4];

	cs[1] = (uint64_t)(unsigned long)spin_start;
	cs[2] = (uint64_t)(spin_end - spin_start);
	cs[3] = (uint64_t)(unsigned long)spin_abort + 4;
	mine.cs = (uint64_t)(unsigned long)cs;
	usleep(1000);
	return 1;
}

static void *thread_has_none(void *arg)
{
	struct area *libc = (struct area *)((char *)__builtin_thread_pointer() + __rseq_offset);
	long err = rseq(&other, 32, 0, SIG);

	/* The C library may have registered its own here, too. */
	if (err && !rseq(libc, 32, 1, SIG))
		err = rseq(&other, 32, 0, SIG);
	check(!err && other.cpu_id == (unsigned int)sched_getcpu(), "a thread has its own");
	WORKS(rseq(&other, 32, 1, SIG));
	return arg;
}

/* ------------------------------------------------------------------ membarrier */

#define REGISTER_GLOBAL 4
#define PRIVATE 8
#define REGISTER_PRIVATE 16
#define CORE 32
#define REGISTER_CORE 64
#define RSEQ 128
#define REGISTER_RSEQ 256
#define REGISTRATIONS 512
#define FLAG_CPU 1U

static long membarrier(int cmd, unsigned int flags, int cpu)
{
	return syscall(SYS_membarrier, cmd, flags, cpu);
}

static volatile uint64_t turns;
static volatile int ended;

static void on_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *in_sequence(void *arg)
{
	struct area *libc = (struct area *)((char *)__builtin_thread_pointer() + __rseq_offset);

	rseq(libc, 32, 1, SIG);
	rseq(&other, 32, 0, SIG);
	on_cpu(1);
	spin(&other, &turns);
	ended = 1;
	rseq(&other, 32, 1, SIG);
	return arg;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A thread on CPU 1 is in a sequence, with nobody else there. */
static int restarts(unsigned int flags, int cpu)
{
	pthread_t t;
	double until;
	long err;
	int by;

	turns = 0;
	ended = 0;
	pthread_create(&t, NULL, in_sequence, NULL);
	while (!turns)
		;
	err = membarrier(RSEQ, flags, cpu);
	/* It does not wait for the thread. */
	for (until = seconds() + 1; !err && !ended && seconds() < until;)
		;
	by = !err && ended;
	if (!ended)
		pthread_kill(t, SIGALRM);
	pthread_join(t, NULL);
	return by;
}

static int after_exec(void)
{
	return execl("/init", "init", "registrations", NULL);
}

static int after_fork(void)
{
	return membarrier(REGISTRATIONS, 0, 0) != (REGISTER_CORE | REGISTER_PRIVATE);
}

static void barriers(void)
{
	check(membarrier(0, 0, 0) == 1023, "all commands are there");
	FAILS(membarrier(0, 1, 0), EINVAL);
	FAILS(membarrier(PRIVATE, FLAG_CPU, 0), EINVAL);
	FAILS(membarrier(RSEQ, 2, 0), EINVAL);
	FAILS(membarrier(1024, 0, 0), EINVAL);
	FAILS(membarrier(3, 0, 0), EINVAL);
	check(membarrier(REGISTRATIONS, 0, 0) == 0, "no registrations");
	FAILS(membarrier(PRIVATE, 0, 0), EPERM);
	FAILS(membarrier(CORE, 0, 0), EPERM);
	FAILS(membarrier(RSEQ, 0, 0), EPERM);
	FAILS(membarrier(RSEQ, FLAG_CPU, 0), EPERM);
	WORKS(membarrier(1, 0, 0));
	WORKS(membarrier(2, 0, 0));
	WORKS(membarrier(REGISTER_CORE, 0, 0));
	WORKS(membarrier(CORE, 0, 0));
	FAILS(membarrier(PRIVATE, 0, 0), EPERM);
	check(membarrier(REGISTRATIONS, 0, 0) == (REGISTER_CORE | REGISTER_PRIVATE),
	      "who has cores synchronised shows as one with barriers");
	check(child_ends(after_fork) == 0, "a fork has its parent's registrations");
	check(child_ends(after_exec) == 0, "and a new program none");
	WORKS(membarrier(REGISTER_RSEQ, 0, 0));
	WORKS(membarrier(REGISTER_PRIVATE, 0, 0));
	WORKS(membarrier(REGISTER_GLOBAL, 0, 0));
	check(membarrier(REGISTRATIONS, 0, 0) ==
		      (REGISTER_GLOBAL | REGISTER_PRIVATE | REGISTER_CORE | REGISTER_RSEQ),
	      "all registrations");
	WORKS(membarrier(PRIVATE, 0, 0));
	WORKS(membarrier(RSEQ, 0, 0));
	WORKS(membarrier(RSEQ, FLAG_CPU, 0));
	WORKS(membarrier(RSEQ, FLAG_CPU, 100000));
	WORKS(membarrier(RSEQ, FLAG_CPU, -1));
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	on_cpu(0);
	check(restarts(0, 0), "a sequence elsewhere begins again by membarrier");
	check(restarts(FLAG_CPU, 1), "and by one for that CPU");
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc == 2 && !strcmp(argv[1], "registrations"))
		return membarrier(REGISTRATIONS, 0, 0) != 0;

	begin();
	registration();
	sequences();
	mine.cs = 0;
	pthread_create(&t, NULL, thread_has_none, NULL);
	pthread_join(t, NULL);
	check(child_ends(inherits) == 1, "a fork has its parent's");
	check(child_ends(bad_sequence) == -SIGSEGV, "what is no sequence is SIGSEGV");
	check(child_ends(bad_signature) == -SIGSEGV, "and so is a wrong signature");
	WORKS(rseq(&mine, 32, 1, SIG));
	barriers();
	return end("rseq");
}
