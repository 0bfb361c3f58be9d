// SPDX-License-Identifier: MIT
/*
 * scale.c - what system calls cost while other processes make the same ones, on as many CPUs.
 *
 * Runs as PID 1 of the image or of Linux. For each call 1, 2 and 4 processes, each on a CPU of its own, make it for a fifth of a second;
 * a line of output says how many nanoseconds by the clock a call took each of them, on average:
 *
 *   SC <call> <processes> <ns>
 *
 * With QEMU's threads (-smp 4) that is wall clock: run it on a machine that has nothing else to do, and as many CPUs. Figures of a call
 * that scales stay as they are from 1 to 4.
 *
 * Build: aarch64-linux-gnu-gcc -O2 -static -o init scale.c
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 4
#define RUN_NS 200000000L

static struct {
	int start, ready;
	struct {
		int word;
		long calls, ns;
	} of[MOST] __attribute__((aligned(128)));
} * shared;

static long now(void)
{
	long count, hz;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tmrs %1, cntfrq_el0" : "=r"(count), "=r"(hz));
	return (long)((__int128)count * 1000000000 / hz);
}

static void getpid_call(int i)
{
	(void)i;
	syscall(SYS_getpid);
}

static void clock_call(int i)
{
	struct timespec t;

	(void)i;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}

static void yield_call(int i)
{
	(void)i;
	syscall(SYS_sched_yield);
}

static void wake_call(int i)
{
	syscall(SYS_futex, &shared->of[i].word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_call(int i)
{
	syscall(SYS_futex, &shared->of[i].word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

static int pipe_fd[MOST][2];

static void pipe_call(int i)
{
	char c = 'x';

	if (write(pipe_fd[i][1], &c, 1) != 1 || read(pipe_fd[i][0], &c, 1) != 1)
		exit(2);
}

static const struct {
	const char *name;
	void (*call)(int i);
} calls[] = {
	{"getpid", getpid_call},      {"clock_gettime", clock_call},
	{"sched_yield", yield_call},  {"futex_wake_none", wake_call},
	{"futex_wait_no", wait_call}, {"pipe_write_read", pipe_call},
};

static void child(int i, void (*call)(int i))
{
	cpu_set_t one;
	long start, end, n = 0;

	CPU_ZERO(&one);
	CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one);
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&shared->start, __ATOMIC_ACQUIRE))
		;
	start = now();
	do {
		for (int k = 0; k < 64; k++)
			call(i);
		n += 64;
		end = now();
	} while (end - start < RUN_NS);
	shared->of[i].calls = n;
	shared->of[i].ns = end - start;
	exit(0);
}

int main(void)
{
	int status, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (int i = 0; i < MOST; i++)
		bad |= pipe(pipe_fd[i]);
	for (unsigned int c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
		for (int n = 1; n <= MOST; n *= 2) {
			long ns = 0, made = 0;

			shared->start = shared->ready = 0;
			for (int i = 0; i < n; i++)
				if (!fork())
					child(i, calls[c].call);
			while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < n)
				usleep(1000);
			__atomic_store_n(&shared->start, 1, __ATOMIC_RELEASE);
			while (wait(&status) > 0)
				bad |= status;
			for (int i = 0; i < n; i++) {
				ns += shared->of[i].ns;
				made += shared->of[i].calls;
			}
			printf("SC %s %d %ld\n", calls[c].name, n, made ? ns / made : -1);
		}
	}
	printf("scale: %s\n", bad ? "failed" : "done");
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return bad;
}
