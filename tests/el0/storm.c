// SPDX-License-Identifier: MIT
/*
 * A storm of system calls: programs and threads that call anything with arguments that are nearly right, all at once, while they touch the
 * memory that their siblings map, move and give back. What the calls return is their affair. The kernel must go on, every program must
 * end when it is killed, and what they had must come back. With glibc, as /init; the command line says
 *
 *   storm=SEED[,SECONDS[,WORKERS[,ROUND[,1]]]]     ROUND: that round alone, and not -1; 1: say which calls were made and have worked
 *
 * The first program forks one round after the other, of some seconds each, in namespaces of its own: its first process (raise_storm)
 * restarts workers, kills those that have got stuck, and is killed at the end with all that is left of the round. After each round the
 * first program looks whether there is a process that does not end, and in the end it says what of memory and of the kernel's objects
 * is missing: not a verdict, since caches and lists of CPUs keep some (docs/debugging.md has how to judge it). Every choice of a worker
 * is by the seed and its number; how they meet is by the machine.
 */
#define _GNU_SOURCE
#include "storm.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MS 3000
#define HANG_MS 60000
#define STUCK_MS 700

struct shared *shared;
static unsigned long long seed = 1;
static int seconds = 30, workers = 8, only = -1, count_them;
static unsigned int tried[512], worked[512];
static int failures;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* A round's first process: of its pid namespace, so that nobody in it can end it but for lack of memory. */
static void raise_storm(unsigned long long number)
{
	unsigned long last[MAX_WORKERS] = {0}, generation = 0;
	long moved[MAX_WORKERS];
	pid_t pids[MAX_WORKERS] = {0};

	storm_prepare(number);
	for (;;) {
		pid_t pid;

		for (int i = 0; i < workers; i++) {
			if (pids[i])
				continue;
			shared->calls[i] = 0;
			pid = fork();
			if (!pid)
				storm_worker(i, number * 1000003 + generation * 64 + (unsigned)i);
			generation++;
			pids[i] = pid > 0 ? pid : 0;
			last[i] = 0;
			moved[i] = now_ms();
		}
		nap(10);
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0) {
			int i = 0;

			while (i < workers && pids[i] != pid)
				i++;
			if (i < workers)
				pids[i] = 0;
			else
				__atomic_fetch_add(&shared->reaped, 1, __ATOMIC_RELAXED);
		}
		for (int i = 0; i < workers; i++) {
			if (shared->calls[i] != last[i]) {
				last[i] = shared->calls[i];
				moved[i] = now_ms();
			} else if (pids[i] && now_ms() - moved[i] > STUCK_MS) {
				kill(pids[i], SIGKILL);
			}
		}
	}
}

static int round_main(void *arg)
{
	unsigned long long number = *(unsigned long long *)arg;

	for (int fd = 3; fd < 64; fd++)
		close(fd);
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	raise_storm(number);
	return 0;
}

/* /proc/sys as it was: a storm turns everything. */
static struct {
	char path[96], value[128];
} settings[256];
static int nr_settings;

static void save_settings(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[512];
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] == '.' || lstat(path, &st) || strlen(path) >= 96)
			continue;
		if (S_ISDIR(st.st_mode))
			save_settings(path);
		if (!S_ISREG(st.st_mode) || !(st.st_mode & 0200) || !(st.st_mode & 0400) ||
		    nr_settings == 256)
			continue;
		fd = open(path, O_RDONLY);
		memset(settings[nr_settings].value, 0, 128);
		if (fd >= 0 && read(fd, settings[nr_settings].value, 127) > 0) {
			char *open_bracket = strchr(settings[nr_settings].value, '[');

			/* always [madvise] never */
			if (open_bracket) {
				memmove(settings[nr_settings].value, open_bracket + 1,
					strlen(open_bracket));
				*strchrnul(settings[nr_settings].value, ']') = 0;
			}
			strcpy(settings[nr_settings++].path, path);
		}
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
}

static void restore_settings(void)
{
	for (int i = 0; i < nr_settings; i++) {
		int fd = open(settings[i].path, O_WRONLY);

		if (fd < 0)
			continue;
		if (write(fd, settings[i].value, strlen(settings[i].value)) < 0)
			(void)errno;
		close(fd);
	}
}

/* What the kernel has: pages, and objects of each cache. */
struct stock {
	long free_kb;
	int caches;
	struct {
		char name[32];
		long active;
	} cache[160];
};

static void take_stock(struct stock *s)
{
	char line[512];
	FILE *f = fopen("/proc/meminfo", "r");

	memset(s, 0, sizeof(*s));
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &s->free_kb);
	if (f)
		fclose(f);
	f = fopen("/proc/slabinfo", "r");
	while (f && s->caches < 160 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %ld", s->cache[s->caches].name,
			   &s->cache[s->caches].active) == 2)
			s->caches++;
	if (f)
		fclose(f);
}

static void compare_stock(const struct stock *was, const struct stock *is)
{
	printf("storm: free %ld kB, was %ld kB\n", is->free_kb, was->free_kb);
	for (int i = 0; i < is->caches && i < was->caches; i++)
		if (is->cache[i].active > was->cache[i].active)
			printf("storm: %s: %ld objects, was %ld\n", is->cache[i].name,
			       is->cache[i].active, was->cache[i].active);
}

static void say_who_is_left(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	static const char *const what[] = {"stat", "syscall", "status"};

	while (d && (e = readdir(d))) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		for (int i = 0; i < 3; i++) {
			char path[64], text[1500];
			int fd;
			ssize_t n;

			snprintf(path, sizeof(path), "/proc/%.16s/%s", e->d_name, what[i]);
			fd = open(path, O_RDONLY);
			n = fd < 0 ? -errno : read(fd, text, sizeof(text) - 1);
			if (fd >= 0)
				close(fd);
			text[n > 0 ? n : 0] = 0;
			if (n < 0)
				snprintf(text, sizeof(text), "(%zd, %d)", n, errno);
			printf("storm: %s %s\n", path, text);
		}
	}
	if (d)
		closedir(d);
}

static void fail(const char *what, unsigned long long number)
{
	printf("FAIL storm=%llu,%d,%d,%llu: %s\n", seed, seconds, workers, number - seed * 1000,
	       what);
	failures++;
}

/* Waits for it, with a limit. */
static int ended(pid_t pid)
{
	long start = now_ms();
	pid_t got;

	while ((got = waitpid(-1, NULL, WNOHANG | __WALL)) != pid) {
		if (now_ms() - start > HANG_MS || (got < 0 && errno != EINTR))
			return 0;
		if (!got)
			nap(2);
	}
	return 1;
}

static int one_round(unsigned long long number, long ms)
{
	static char stack[65536] __attribute__((aligned(16)));
	unsigned long last = 0;
	long start = now_ms(), moved = start;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = clone(round_main, stack + sizeof(stack),
		    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, &number);
	if (pid < 0) {
		printf("storm: round %llu cannot begin: %s\n", number, strerror(errno));
		nap(200);
		return 1;
	}
	while (now_ms() - start < ms) {
		unsigned long sum = 0;

		nap(50);
		for (int i = 0; i < MAX_WORKERS; i++)
			sum += shared->calls[i];
		if (sum != last) {
			last = sum;
			moved = now_ms();
		}
		if (waitpid(pid, NULL, WNOHANG | __WALL) == pid) {
			printf("storm: round %llu was ended\n", number);
			pid = 0;
			break;
		}
		if (now_ms() - moved > HANG_MS) {
			fail("nothing goes on", number);
			say_who_is_left();
			break;
		}
	}
	if (pid) {
		kill(pid, SIGKILL);
		if (!ended(pid)) {
			fail("it does not end", number);
			say_who_is_left();
			return 0;
		}
	}
	restore_settings();
	printf("storm: round %llu: %lu calls, %lu programs\n", number, shared->total,
	       shared->forks);
	for (int i = 0; i < 512; i++) {
		tried[i] += shared->tried[i];
		worked[i] += shared->worked[i];
	}
	return 1;
}

static void read_options(void)
{
	char text[2048] = {0}, *at;
	int fd = open("/proc/cmdline", O_RDONLY);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && (at = strstr(text, "storm=")))
		sscanf(at, "storm=%llu,%d,%d,%d,%d", &seed, &seconds, &workers, &only, &count_them);
	close(fd);
	if (workers > MAX_WORKERS)
		workers = MAX_WORKERS;
}

int main(int argc, char **argv)
{
	static struct stock first, last;
	unsigned long long number = 0;
	long end;
	int go_on = 1;

	if (argc > 2 && strcmp(argv[0], "storm-worker") == 0)
		storm_again(strtoul(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/h", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	read_options();
	shared = mmap((void *)SHARED_AT, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	save_settings("/proc/sys");
	save_settings("/sys/kernel/mm");
	printf("storm: seed %llu, %d s, %d workers, %d settings\n", seed, seconds, workers,
	       nr_settings);
	take_stock(&first);
	take_stock(&first);
	end = now_ms() + seconds * 1000L;
	if (only >= 0)
		number = (unsigned)only;
	while (go_on && now_ms() < end) {
		go_on = one_round(seed * 1000 + number, ROUND_MS);
		number += only < 0;
	}
	nap(100);
	take_stock(&last);
	compare_stock(&first, &last);
	for (int i = 0; count_them && i < 512; i++)
		if (tried[i])
			printf("storm: call %d: %u of %u worked\n", i, worked[i], tried[i]);
	printf("storm: %s\n", failures ? "failed" : "done");
	return failures != 0;
}
