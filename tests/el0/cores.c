// SPDX-License-Identifier: MIT
/* Core dumps: what is in them, what limits them, and that neither the other threads nor the other processes feel them but by SIGKILL. */
#define _GNU_SOURCE
#include "abi.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define MIB (1L << 20)
#define AT ((char *)0x500000000UL)

static long core_size(void)
{
	struct stat st;

	return stat("core", &st) ? -1 : (long)st.st_size;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A child that has `bytes` at AT, of which the first `touched` hold 'a' + their page, and a limit; it ends by SIGABRT. */
static pid_t start(rlim_t limit, long bytes, long touched, void (*more)(void))
{
	const struct rlimit r = {limit, limit};
	pid_t pid;

	unlink("core");
	pid = fork();
	if (pid)
		return pid;
	setrlimit(RLIMIT_CORE, &r);
	if (mmap(AT, (size_t)bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != AT)
		_exit(1);
	for (long i = 0; i < touched; i += PAGE)
		memset(AT + i, 'a' + (int)(i / PAGE % 26), 16);
	if (more)
		more();
	abort();
}

static int end_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* Where the file has the child's bytes; 0: nowhere. */
static off_t place_of(int fd, Elf64_Ehdr *h)
{
	Elf64_Phdr p;

	if (pread(fd, h, sizeof(*h), 0) != sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG))
		return 0;
	for (int i = 0; i < h->e_phnum; i++)
		if (pread(fd, &p, sizeof(p), (off_t)(h->e_phoff + (unsigned)i * sizeof(p))) ==
			    sizeof(p) &&
		    p.p_type == PT_LOAD && p.p_vaddr == (unsigned long)AT)
			return (off_t)p.p_offset;
	return 0;
}

static void test_contents(void)
{
	int status = end_of(start(RLIM_INFINITY, 8 * MIB, 1 * MIB, NULL)),
	    fd = open("core", O_RDONLY), right = 1;
	struct stat st;
	Elf64_Ehdr h;
	off_t at;
	char c;

	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status),
	      "a core is dumped, and wait says so");
	at = place_of(fd, &h);
	check(at != 0, "the area is in it");
	for (long i = 0; i < MIB / PAGE; i++)
		right &= pread(fd, &c, 1, at + i * PAGE) == 1 && c == 'a' + i % 26;
	check(right, "with what was written to it");
	check(pread(fd, &c, 1, at + 8 * MIB - 1) == 1 && !c, "and what was not is zeros");
	check(!fstat(fd, &st) && st.st_blocks * 512 < 4 * MIB, "that take no room");
	close(fd);
}

static void test_limits(void)
{
	int status = end_of(start(0, MIB, MIB, NULL));
	long size;

	check(WTERMSIG(status) == SIGABRT && !WCOREDUMP(status) && core_size() < 0,
	      "a limit of 0: no dump");
	status = end_of(start(PAGE - 1, MIB, MIB, NULL));
	check(!WCOREDUMP(status) && core_size() < 0, "nor with less than a page");
	status = end_of(start(256 * 1024, 4 * MIB, 4 * MIB, NULL));
	size = core_size();
	check(WCOREDUMP(status) && size > 0 && size < MIB, "what the limit cuts off is a dump");
	/* The stack lies behind it: what is in between is a hole, that counts nothing. */
	status = end_of(start(8 * MIB, 64 * MIB, PAGE, NULL));
	check(WCOREDUMP(status) && core_size() > 64 * MIB, "holes do not count");
	status = end_of(start(8 * MIB, 64 * MIB, 0, NULL));
	check(WCOREDUMP(status) && core_size() > 0 && core_size() < MIB,
	      "nothing of an area that was never written to is in it");
}

/* Wait until the dump has begun; then it is still going on, if it is large enough. */
static int dump_began(void)
{
	double give_up = now() + 20;

	while (core_size() <= 0)
		if (now() > give_up)
			return 0;
		else
			sched_yield();
	return 1;
}

static void test_kill(void)
{
	pid_t pid = start(RLIM_INFINITY, 96 * MIB, 96 * MIB, NULL);
	int status, began = dump_began();
	long size = core_size();

	check(began && size < 96 * MIB, "others run while it is written");
	kill(pid, SIGTERM);
	kill(pid, SIGSTOP);
	check(waitpid(pid, &status, WNOHANG) == 0, "which no other signal ends");
	check(!kill(pid, SIGKILL), "SIGKILL is taken");
	status = end_of(pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !WCOREDUMP(status),
	      "and ends it: killed by it, no core");
	check(core_size() < 96 * MIB, "what has been written stays, the rest does not come");
}

static volatile unsigned long *counter;

static void *counts(void *arg)
{
	(void)arg;
	for (;;)
		++*counter;
	return NULL;
}

static void *waits(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void with_threads(void)
{
	pthread_t t;

	pthread_create(&t, NULL, counts, NULL);
	pthread_create(&t, NULL, waits, NULL);
	while (!*counter)
		sched_yield();
}

static void test_threads(void)
{
	unsigned long was;
	int status, same = 1;
	pid_t pid;

	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = start(RLIM_INFINITY, 32 * MIB, 32 * MIB, with_threads);
	check(dump_began(), "a process of three threads is dumped");
	was = *counter;
	for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG | WNOWAIT) == 0; i++) {
		same &= *counter == was;
		sched_yield();
	}
	same &= *counter == was;
	check(same, "its other threads have ended before");
	status = end_of(pid);
	check(WTERMSIG(status) == SIGABRT && WCOREDUMP(status), "and it ends by its signal");
}

/* By both of its numbers: its namespace's (%p) and the first one's (%P). */
static void test_numbers(void)
{
	char *outside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	     name[64];
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	struct stat st;
	pid_t pid;

	check(write(fd, "core.%P.%p", 10) == 10, "a core's name with numbers");
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (!pid) {
			pid = fork();
			if (!pid) {
				const struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};

				setrlimit(RLIMIT_CORE, &r);
				if (readlink("/proc/self", outside, 32) > 0)
					abort();
				_exit(1);
			}
			end_of(pid);
			_exit(0);
		}
		end_of(pid);
		_exit(0);
	}
	end_of(pid);
	snprintf(name, sizeof(name), "core.%s.2", outside);
	check(atoi(outside) > 2 && !stat(name, &st), name);
	unlink(name);
	check(pwrite(fd, "core", 4, 0) == 4, "and without");
	close(fd);
	munmap(outside, PAGE);
}

int main(void)
{
	begin();
	if (chdir("/tmp"))
		return 1;
	test_contents();
	test_limits();
	test_kill();
	test_threads();
	test_numbers();
	unlink("core");
	return end("cores");
}
