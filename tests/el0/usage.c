// SPDX-License-Identifier: MIT
/*
 * What a program has used, as getrusage, times, wait4, /proc/PID/stat and acct's records tell it: faults, time at EL0 and in the kernel. And that
 * one that is killed uses no more.
 */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <signal.h>
#include <sys/acct.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#define PAGES 200

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long ms(struct timeval t)
{
	return t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void touch(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (size_t)(PAGES * page), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, (size_t)(PAGES * page), MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		p[i * page] = 1;
	munmap(p, (size_t)(PAGES * page));
}

/* Who notes a write to a page that may be written and is clean: the CPU, or the kernel by a fault (run.sh knows which CPU can). */
static void write_clean(void)
{
	long page = sysconf(_SC_PAGESIZE), faults, right = 0;
	size_t size = (size_t)(PAGES * page);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rusage a, b;

	madvise(p, size, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		p[i * page] = 1;
	check(!madvise(p, size, MADV_FREE), "pages are given up for a while");
	getrusage(RUSAGE_SELF, &a);
	for (int i = 0; i < PAGES; i++)
		p[i * page] = (char)i;
	getrusage(RUSAGE_SELF, &b);
	faults = b.ru_minflt - a.ru_minflt;
	/* What was written is not given up any more. */
	madvise(p, size, MADV_PAGEOUT);
	for (int i = 0; i < PAGES; i++)
		right += p[i * page] == (char)i;
	check(right == PAGES, "and are kept, written again");
	printf("clean pages: %s\n", faults < PAGES / 2 ? "noted by the CPU" : "noted by faults");
	munmap(p, size);
}

static void user_time(long how_long)
{
	volatile long n = 0;

	for (long until = now_ms() + how_long; now_ms() < until;)
		for (int i = 0; i < 3000000; i++)
			n++;
}

static void kernel_time(long how_long)
{
	static char buf[65536];
	int fd = open("/dev/zero", O_RDONLY);

	for (long until = now_ms() + how_long; now_ms() < until;)
		if (read(fd, buf, sizeof(buf)) < 0)
			break;
	close(fd);
}

/* The field of /proc/self/stat, counted from 1 as proc(5) does. */
static long stat_field(int n)
{
	static char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	char *p;

	close(fd);
	text[len > 0 ? len : 0] = '\0';
	p = strrchr(text, ')');
	for (n -= 2; p && n > 0; n--)
		p = strchr(p + 1, ' ');
	return p ? strtol(p + 1, NULL, 10) : -1;
}

/* The machine has a clock, which knew at the start which year it is: neither 1970 nor long from now. */
static void check_date(void)
{
	struct timespec t;
	struct stat st;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &t);
	check(t.tv_sec > 1735689600 && t.tv_sec < 4102444800, "the clock knows the date");
	check(labs(time(NULL) - t.tv_sec) <= 1, "time tells it");
	close(open("/tmp/new", O_CREAT | O_WRONLY, 0600));
	check(!stat("/tmp/new", &st) && labs(st.st_mtime - t.tv_sec) <= 2, "a new file has it");
	check(!stat("/", &st) && t.tv_sec - st.st_ctime >= 0 && t.tv_sec - st.st_ctime < 120,
	      "files of the first moment have it");
	snprintf(text, sizeof(text), "date: %ld\n", (long)t.tv_sec);
	fputs(text, stdout);
}

/* Memory that takes minutes to fault in, page by page, and a signal that comes when that has begun. */
static void test_killed_meanwhile(void)
{
	const size_t size = 256UL << 30;
	long began;
	char name[32], text[2048];
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			       -1, 0);

		madvise(p, size, MADV_NOHUGEPAGE);
		madvise(p, size, 22 /* MADV_POPULATE_READ */);
		_exit(0);
	}
	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	fd = open(name, O_RDONLY);
	/* Its tables grow. */
	do {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		const char *tables;

		text[n > 0 ? n : 0] = 0;
		tables = strstr(text, "VmPTE:");
		if (n <= 0 || !tables || atol(tables + 6) > 200)
			break;
	} while (!sched_yield());
	close(fd);
	began = now_ms();
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		      WTERMSIG(status) == SIGKILL && now_ms() - began < 20000,
	      "one that is killed faults no more memory in");
}

static int first_of_namespace(void *unused)
{
	pid_t pid;

	(void)unused;
	if (acct("/tmp/acct.below"))
		return 1;
	pid = fork();
	if (!pid)
		_exit(3);
	return pid != 2 || waitpid(pid, NULL, 0) != pid;
}

/* A pid namespace has its own, with its numbers, until its init ends. */
static void test_acct_below(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	struct acct_v3 r = {0};
	int fd = open("/tmp/acct.below", O_CREAT | O_RDWR, 0600), status;
	pid_t pid = clone(first_of_namespace, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, NULL);

	check(waitpid(pid, &status, 0) == pid && !status, "a namespace asks for records");
	check(read(fd, &r, sizeof(r)) == sizeof(r) && r.ac_pid == 2 && r.ac_ppid == 1 &&
		      r.ac_exitcode == 3 << 8,
	      "with the numbers that are of it");
	while (read(fd, &r, sizeof(r)) > 0)
		check(r.ac_pid == 1, "of its init at the end");
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
	check(read(fd, &r, sizeof(r)) == 0, "and of nobody when it has gone");
	close(fd);
	unlink("/tmp/acct.below");
}

/* One record for each process that ends, and no more when it is off. */
static void test_acct(void)
{
	struct acct_v3 r = {0};
	int fd, status, other = 0;
	pid_t pid;

	FAILS(acct("/tmp"), EISDIR);
	FAILS(acct("/tmp/none"), ENOENT);
	FAILS(acct("/proc/self/comm"), EINVAL);
	fd = open("/tmp/acct", O_CREAT | O_RDWR, 0600);
	WORKS(acct("/tmp/acct"));
	pid = fork();
	if (!pid) {
		if (setresuid(1000, 1000, 1000) || acct(NULL) != -1 || errno != EPERM)
			_exit(1);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	check(WEXITSTATUS(status) == 7, "only who may changes it");
	check(read(fd, &r, sizeof(r)) == sizeof(r), "a record");
	check(r.ac_version == 3 && r.ac_flag & AFORK && !(r.ac_flag & AXSIG) &&
		      r.ac_exitcode == 7 << 8 && r.ac_uid == 1000,
	      "of how it ended, and who it was");
	check(r.ac_pid == (unsigned int)pid && r.ac_ppid == (unsigned int)getpid() &&
		      !strcmp(r.ac_comm, "init") && r.ac_etime < 6000,
	      "which it was, and how long");
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	check(read(fd, &r, sizeof(r)) == sizeof(r) && r.ac_flag & AXSIG && r.ac_exitcode == SIGKILL,
	      "and of one that was killed");
	WORKS(acct(NULL));
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
	while (read(fd, &r, sizeof(r)) == sizeof(r))
		other |= r.ac_pid == (unsigned int)pid;
	check(!other, "and of none after that");
	close(fd);
}

int main(void)
{
	struct rusage a, b, of_child, children;
	struct tms t;
	long faults;
	int status;
	pid_t pid;

	begin();
	getrusage(RUSAGE_SELF, &a);
	faults = stat_field(10);
	touch();
	getrusage(RUSAGE_SELF, &b);
	check(b.ru_minflt - a.ru_minflt >= PAGES && b.ru_minflt - a.ru_minflt < 2 * PAGES,
	      "each page touched first is a fault");
	check(stat_field(10) - faults >= PAGES && stat_field(10) - faults < 2 * PAGES,
	      "/proc/self/stat counts it too");
	check(b.ru_majflt == a.ru_majflt, "and none had to be read from anywhere");
	write_clean();

	getrusage(RUSAGE_SELF, &a);
	user_time(300);
	getrusage(RUSAGE_SELF, &b);
	check(ms(b.ru_utime) - ms(a.ru_utime) > 2 * (ms(b.ru_stime) - ms(a.ru_stime)),
	      "a loop is user time");
	getrusage(RUSAGE_SELF, &a);
	kernel_time(600);
	getrusage(RUSAGE_SELF, &b);
	check(ms(b.ru_stime) - ms(a.ru_stime) > 200, "calls are system time");
	times(&t);
	check(t.tms_utime > 0 && t.tms_stime > 10, "times tells both");
	check(stat_field(14) > 0 && stat_field(15) > 10, "/proc/self/stat tells both");

	pid = fork();
	if (!pid) {
		touch();
		user_time(100);
		kernel_time(100);
		_exit(0);
	}
	check(wait4(pid, &status, 0, &of_child) == pid && of_child.ru_minflt >= PAGES &&
		      ms(of_child.ru_utime) + ms(of_child.ru_stime) > 100 &&
		      ms(of_child.ru_stime) > 10,
	      "wait4 tells what a child has used");
	getrusage(RUSAGE_CHILDREN, &children);
	check(children.ru_minflt == of_child.ru_minflt &&
		      ms(children.ru_stime) == ms(of_child.ru_stime),
	      "RUSAGE_CHILDREN is the same");
	check(stat_field(11) == children.ru_minflt, "and /proc/self/stat's cminflt");
	check_date();
	test_acct();
	test_acct_below();
	test_killed_meanwhile();
	return end("usage");
}
