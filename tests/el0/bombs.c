// SPDX-License-Identifier: MIT
/*
 * Programs that take all they can get, and races of threads that end: the machine goes on, and all of it comes back. Run with little memory
 * and several CPUs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	fflush(stdout);
	failures += !ok;
}

static unsigned long free_memory(void)
{
	struct sysinfo si;

	sysinfo(&si);
	return si.freeram;
}

/* Until there is no more of them; then they are all killed. */
static int fork_bomb(void)
{
	int n = 0, status, left = 0;
	pid_t pid;

	sigset_t set;

	setpgid(0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while ((pid = fork()) > 0)
		n++;
	if (!pid) {
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		for (;;)
			pause();
	}
	if (errno != EAGAIN && errno != ENOMEM)
		return 1;
	kill(0, SIGTERM);
	while (wait(&status) > 0)
		left++;
	return left == n && n > 50 ? 0 : 2;
}

static int memory_bomb(void)
{
	for (;;) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			return 3;
		memset(p, 1, 1 << 20);
	}
}

/* The call that brings the pages in does not fail: who asks for more than there is ends for it, as if he had touched them. */
static int locked_bomb(void)
{
	char *p = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? 3 : mlock(p, 1UL << 30) ? 4 : 5;
}

static int populated_bomb(void)
{
	return mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0) == MAP_FAILED
		       ? 3
		       : 5;
}

static int advised_bomb(void)
{
	char *p = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? 3 : madvise(p, 1UL << 30, 23 /* MADV_POPULATE_WRITE */) ? 4 : 5;
}

static void *spin(void *arg)
{
	for (;;)
		sched_yield();
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *exec_it(void *arg)
{
	execl(arg, arg, "child", NULL);
	return NULL;
}

/* Threads that all want to become another program, or end the process, at once. */
static int exec_race(char *path)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, spin, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, exec_it, path);
	for (int i = 0; i < 60; i++)
		sleep(1);
	return 1;
}

static void *exit_it(void *arg)
{
	_exit((int)(long)arg);
}

static int exit_race(void)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, spin, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, exit_it, (void *)9L);
	for (int i = 0; i < 60; i++)
		sleep(1);
	return 1;
}

static volatile int signals;
static void count(int sig)
{
	(void)sig;
	__atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
}

/* Threads under a rain of signals: registers come back each time. */
static void *compute(void *arg)
{
	double x = 1;
	unsigned long n = 0;

	for (long i = 0; i < 300000; i++) {
		x = x * 1.0000001 + 1e-9;
		n = n * 6364136223846793005UL + 1442695040888963407UL;
	}
	*(double *)arg = x;
	return (void *)n;
}

static int signal_rain(void)
{
	pthread_t t[4];
	double first, x[4];
	void *n, *want = compute(&first);

	signal(SIGUSR1, count);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, compute, &x[i]);
	for (int k = 0; k < 2000; k++)
		pthread_kill(t[k % 4], SIGUSR1);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &n);
		if (n != want || x[i] != first)
			return 1;
	}
	return 0;
}

static int run(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static char *self;
static int race(void)
{
	return exec_race(self);
}

static int many_threads(void)
{
	pthread_t t[64];
	int made;

	for (int round = 0; round < 20; round++) {
		for (made = 0; made < 64 && !pthread_create(&t[made], NULL, nothing, NULL); made++)
			;
		for (int i = 0; i < made; i++)
			pthread_join(t[i], NULL);
		if (made < 64)
			return 1;
	}
	return 0;
}

/* Bad pointers to every system call but those that end things. */
static int hostile(void)
{
	static const long bad[] = {0,
				   1,
				   -1,
				   0x10000,
				   (long)0xffff000000000000,
				   (long)0xffff800080000000,
				   0x7fffffffffff,
				   0x1000000000000};

	signal(SIGSEGV, SIG_IGN);
	alarm(20);
	for (long nr = 0; nr < 470; nr++) {
		/* exit, exit_group, waits, sleeps, signals to everybody, reboot. */
		if (nr == 93 || nr == 94 || nr == 129 || nr == 130 || nr == 131 || nr == 142 ||
		    nr == 139 || nr == 133 || nr == 220 || nr == 435 || nr == 72 || nr == 73 ||
		    nr == 22 || nr == 98 || nr == 101 || nr == 115 || nr == 137 || nr == 95 ||
		    nr == 260 || nr == 63 || nr == 215 || nr == 226 || nr == 222 || nr == 214 ||
		    nr == 233 || nr == 441 || nr == 449 || nr == 138 || nr == 240 || nr == 57 ||
		    nr == 436 || nr == 119 || nr == 51 || nr == 39)
			continue;
		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			syscall(nr, bad[i], bad[(i + 1) % 8], bad[(i + 2) % 8], bad[(i + 3) % 8],
				bad[(i + 5) % 8], bad[(i + 7) % 8]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long before = 0, after;
	int r, bad = 0;

	if (argc > 1)
		return 23;
	self = argv[0];
	/* The first round fills what is kept for the next. */
	for (int round = 0; round < 2; round++) {
		before = free_memory();
		check(run(many_threads) == 0, "1280 threads");
		for (int i = 0; i < 20 && !bad; i++)
			bad = run(race) != 23;
		check(!bad, "threads exec at once");
		for (int i = 0; i < 20 && !bad; i++)
			bad = run(exit_race) != 9;
		check(!bad, "threads end the process at once");
		check(run(signal_rain) == 0, "registers survive signals");
		r = run(fork_bomb);
		check(r == 0, "a fork bomb ends at the limit");
		r = run(memory_bomb);
		check(r == 256 + SIGKILL, "a memory bomb is killed");
		check(run(locked_bomb) == 256 + SIGKILL, "who locks more than there is is killed");
		check(run(populated_bomb) == 256 + SIGKILL, "who populates it is");
		check(run(advised_bomb) == 256 + SIGKILL, "by advice, too");
	}
	after = free_memory();
	check(after + (4UL << 20) > before, "memory has come back");
	if (after + (4UL << 20) <= before)
		printf("before %lu KiB, after %lu KiB\n", before >> 10, after >> 10);
	/* They may leave files behind: so they come last. */
	r = run(hostile);
	check(r == 0 || r == 256 + SIGALRM, "bad arguments to every system call");
	printf("bombs: %s\n", failures ? "failed" : "done");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
