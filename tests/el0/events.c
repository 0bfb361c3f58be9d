// SPDX-License-Identifier: MIT
/* Descriptors that tell what has happened: signalfd, inotify, what /proc says of each; and kcmp, which tells what two tasks share. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void signalfds(void)
{
	struct signalfd_siginfo s[4];
	union sigval v = {.sival_int = 77};
	sigset_t set;
	int fd, status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	FAILS(signalfd(-1, &set, 1), EINVAL);
	FAILS(signalfd(100, &set, 0), EBADF);
	FAILS(signalfd(0, &set, 0), EINVAL);
	FAILS((int)syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	FAILS((int)syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "signalfd");
	FAILS((int)read(fd, s, sizeof(s)), EAGAIN);
	FAILS((int)read(fd, s, 127), EINVAL);
	check(!readable(fd), "nothing to read");
	raise(SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, v);
	check(readable(fd), "something to read");
	check(read(fd, s, sizeof(s)) == 256 && s[0].ssi_signo == SIGUSR1 &&
		      s[0].ssi_code == SI_TKILL && s[0].ssi_pid == (uint32_t)getpid() &&
		      s[1].ssi_signo == (uint32_t)SIGRTMIN && s[1].ssi_code == SI_QUEUE &&
		      s[1].ssi_int == 77 && s[1].ssi_ptr % 256 == 77,
	      "two signals at once");
	FAILS((int)read(fd, s, sizeof(s)), EAGAIN);
	fcntl(fd, F_SETFL, 0);
	pid = fork();
	if (!pid) {
		usleep(20000);
		_exit(3);
	}
	check(read(fd, s, sizeof(s)) == 128 && s[0].ssi_signo == SIGCHLD &&
		      s[0].ssi_code == CLD_EXITED && s[0].ssi_pid == (uint32_t)pid &&
		      s[0].ssi_status == 3,
	      "it waits for a child's end");
	waitpid(pid, &status, 0);
	sigdelset(&set, SIGUSR1);
	check(signalfd(fd, &set, 0) == fd, "another set");
	raise(SIGUSR1);
	check(!readable(fd), "what it does not name is not there");
	signal(SIGUSR1, SIG_IGN);
	close(fd);
}

static char buf[4096];
static int got;

static int has(int fd)
{
	ssize_t n = read(fd, buf, sizeof(buf));

	got = n > 0 ? (int)n : 0;
	return n >= 0 || errno == EAGAIN;
}

/* The events in buf, as "mask:name " in order. */
static const char *events(void)
{
	static char text[1024];
	char *to = text;

	for (char *p = buf; p < buf + got;) {
		struct inotify_event *e = (struct inotify_event *)p;

		to += sprintf(to, "%x:%s ", e->mask, e->len ? e->name : "");
		p += sizeof(*e) + e->len;
	}
	*to = '\0';
	return text;
}

static int says(int fd, const char *what)
{
	int ok = has(fd) && !strcmp(events(), what);

	if (!ok)
		printf("     '%s', not '%s'\n", events(), what);
	return ok;
}

static void inotifies(void)
{
	int in, wd, wd2, f, n;

	FAILS(inotify_init1(1), EINVAL);
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	check(in >= 0, "inotify_init1");
	mkdir("/tmp/w", 0755);
	FAILS(inotify_add_watch(in, "/tmp/none", IN_CREATE), ENOENT);
	FAILS(inotify_add_watch(in, "/tmp/w", 0), EINVAL);
	FAILS(inotify_add_watch(100, "/tmp/w", IN_CREATE), EBADF);
	FAILS(inotify_add_watch(0, "/tmp/w", IN_CREATE), EINVAL);
	wd = inotify_add_watch(in, "/tmp/w", IN_ALL_EVENTS);
	check(wd == 1 && inotify_add_watch(in, "/tmp/w", IN_ALL_EVENTS) == 1, "a watch, once");
	FAILS(inotify_add_watch(in, "/tmp/w", IN_CREATE | IN_MASK_CREATE), EEXIST);
	FAILS((int)read(in, buf, sizeof(buf)), EAGAIN);
	f = open("/tmp/w/file", O_RDWR | O_CREAT, 0644);
	check(readable(in) && !ioctl(in, FIONREAD, &n) && n == 64, "FIONREAD");
	FAILS((int)read(in, buf, 16), EINVAL);
	check(says(in, "100:file 20:file "), "a file is made and opened");
	if (write(f, "x", 1) != 1 || write(f, "y", 1) != 1)
		check(0, "write");
	check(says(in, "2:file "), "written to, told once");
	if (pread(f, buf, 1, 0) != 1)
		check(0, "read");
	close(f);
	check(says(in, "1:file 8:file "), "read and closed");
	close(open("/tmp/w/file", O_RDONLY));
	check(says(in, "20:file 10:file "), "opened for reading only");
	rename("/tmp/w/file", "/tmp/w/other");
	check(says(in, "40:file 80:other ") && ((struct inotify_event *)buf)->cookie &&
		      ((struct inotify_event *)buf)->cookie ==
			      ((struct inotify_event *)(buf + 32))->cookie,
	      "moved");
	mkdir("/tmp/w/d", 0755);
	rmdir("/tmp/w/d");
	check(says(in, "40000100:d 40000200:d "), "a directory, made and removed");
	wd2 = inotify_add_watch(in, "/tmp/w/other", IN_DELETE_SELF | IN_CLOSE);
	check(wd2 == 2, "a file is watched");
	unlink("/tmp/w/other");
	check(has(in) && strstr(events(), "400: ") && strstr(events(), "8000: ") &&
		      strstr(events(), "200:other "),
	      "it goes, and its watch");
	FAILS(inotify_rm_watch(in, wd2), EINVAL);
	check(!inotify_rm_watch(in, wd) && says(in, "8000: "), "inotify_rm_watch");
	FAILS(inotify_rm_watch(in, wd), EINVAL);
	close(open("/tmp/w/file", O_RDWR | O_CREAT, 0644));
	FAILS((int)read(in, buf, sizeof(buf)), EAGAIN);
	wd = inotify_add_watch(in, "/tmp/w", IN_OPEN | IN_ONESHOT);
	close(open("/tmp/w/file", O_RDONLY));
	check(says(in, "20:file 8000: "), "IN_ONESHOT");
	inotify_add_watch(in, "/tmp/w", IN_OPEN);
	close(in);
	unlink("/tmp/w/file");
	rmdir("/tmp/w");
}

static long kcmp(pid_t a, pid_t b, int type, unsigned long i, unsigned long j)
{
	return syscall(SYS_kcmp, a, b, type, i, j);
}

static void compares(void)
{
	int a = open("/dev/null", O_RDONLY), b = dup(a), c = open("/dev/null", O_RDONLY), status;
	pid_t me = getpid(), pid = fork();

	if (!pid)
		pause();
	check(kcmp(me, me, KCMP_FILE, a, b) == 0, "a duplicate is the same open file");
	check(kcmp(me, me, KCMP_FILE, a, c) + kcmp(me, me, KCMP_FILE, c, a) == 3,
	      "another one is before or behind");
	check(kcmp(me, pid, KCMP_FILE, a, a) == 0, "a child's is the same");
	check(kcmp(me, pid, KCMP_VM, 0, 0) > 0 && kcmp(me, me, KCMP_VM, 0, 0) == 0, "KCMP_VM");
	check(kcmp(me, pid, KCMP_FILES, 0, 0) > 0 && kcmp(me, pid, KCMP_FS, 0, 0) > 0 &&
		      kcmp(me, pid, KCMP_SIGHAND, 0, 0) > 0,
	      "a fork shares none of the rest");
	FAILS(kcmp(me, me, KCMP_FILE, 100, a), EBADF);
	FAILS(kcmp(me, 30000, KCMP_VM, 0, 0), ESRCH);
	FAILS(kcmp(me, me, 100, 0, 0), EINVAL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static int fdinfo_says(int fd, const char *want)
{
	char path[64], text[1024] = {0};
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	if (info < 0 || read(info, text, sizeof(text) - 1) <= 0)
		return 0;
	close(info);
	if (!strstr(text, want))
		printf("     it says: %s", text);
	return strstr(text, want) != NULL;
}

/* What /proc/self/fdinfo knows of each kind. */
static void fdinfos(void)
{
	const struct itimerspec t = {{3, 5}, {1000000000, 0}};
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0x1234};
	int event = eventfd(21, EFD_SEMAPHORE), timer = timerfd_create(CLOCK_MONOTONIC, 0),
	    poll = epoll_create1(0), mask;
	char want[128];
	sigset_t set;

	check(fdinfo_says(event, "eventfd-count:               15\neventfd-id: ") &&
		      fdinfo_says(event, "\neventfd-semaphore: 1\n"),
	      "an eventfd's number and kind");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	mask = signalfd(-1, &set, 0);
	check(fdinfo_says(mask, "\nsigmask:\t0000000000000800\n"), "a signalfd's signals");
	timerfd_settime(timer, 0, &t, NULL);
	check(fdinfo_says(timer,
			  "\nclockid: 1\nticks: 0\nsettime flags: 00\nit_value: (999999999, ") &&
		      fdinfo_says(timer, "\nit_interval: (3, 5)\n"),
	      "a timerfd's time");
	epoll_ctl(poll, EPOLL_CTL_ADD, event, &e);
	snprintf(want, sizeof(want),
		 "\ntfd: %8d events:       19 data:             1234  pos:0 ino:", event);
	check(fdinfo_says(poll, want), "an epoll set's files");
	check(fdinfo_says(open("/tmp", O_PATH), "\nmnt_id:\t"),
	      "and of one that only stands for a place");
}

#define DUPS 500
#define LEVELS 4

/* Sets in sets, each by many descriptors: what is asked of them goes through each once, not by each way. */
static void many_ways(void)
{
	const struct rlimit files = {4096, 4096};
	struct epoll_event e = {.events = EPOLLIN};
	struct timespec a, b;
	int set[LEVELS], fd[LEVELS - 1][DUPS], first, same = 1;

	setrlimit(RLIMIT_NOFILE, &files);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < LEVELS; i++)
		set[i] = epoll_create1(0);
	for (int i = LEVELS - 2; i >= 0; i--)
		for (int k = 0; k < DUPS; k++) {
			fd[i][k] = dup(set[i + 1]);
			same &= !epoll_ctl(set[i], EPOLL_CTL_ADD, fd[i][k], &e);
		}
	check(same, "a set is in a set by many descriptors");
	check(!epoll_wait(set[0], &e, 1, 0) && !readable(set[0]), "nothing is ready in them");
	e.events = EPOLLIN;
	FAILS(epoll_ctl(set[LEVELS - 1], EPOLL_CTL_ADD, set[0], &e), ELOOP);
	first = epoll_create1(0);
	WORKS(epoll_ctl(first, EPOLL_CTL_ADD, set[0], &e));
	FAILS(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, first, &e), ELOOP);
	clock_gettime(CLOCK_MONOTONIC, &b);
	check(b.tv_sec - a.tv_sec < 10, "by 125 million ways, but soon");
	close_range(3, ~0U, 0);
}

static void ways_that_meet(void)
{
	struct epoll_event e = {.events = EPOLLIN}, got[4];
	int set[3] = {epoll_create1(0), epoll_create1(0), epoll_create1(0)}, fd = eventfd(0, 0);
	uint64_t n = 1;

	epoll_ctl(set[2], EPOLL_CTL_ADD, fd, &e);
	for (uint32_t i = 0; i < 2; i++) {
		e.data.u32 = i;
		epoll_ctl(set[1], EPOLL_CTL_ADD, dup(set[2]), &e);
		epoll_ctl(set[0], EPOLL_CTL_ADD, dup(set[1]), &e);
	}
	check(!epoll_wait(set[0], got, 4, 0) && !readable(set[0]), "two ways to nothing");
	write(fd, &n, 8);
	check(epoll_wait(set[0], got, 4, 0) == 2 && readable(set[0]), "two ways to something");
	read(fd, &n, 8);
	check(!epoll_wait(set[0], got, 4, 0) && !readable(set[0]), "and it is gone by both");
	close_range(3, ~0U, 0);
}

static int few_watches(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int a = epoll_create1(0), b, fd[3] = {eventfd(0, 0), eventfd(0, 0), eventfd(0, 0)};

	if (setresuid(1001, 1001, 1001))
		return 1;
	b = epoll_create1(0);
	close(a);
	a = epoll_create1(0);
	if (epoll_ctl(a, EPOLL_CTL_ADD, fd[0], &e) || epoll_ctl(b, EPOLL_CTL_ADD, fd[1], &e))
		return 2;
	if (epoll_ctl(b, EPOLL_CTL_ADD, fd[2], &e) != -1 || errno != ENOSPC)
		return 3;
	close(fd[1]);
	return epoll_ctl(b, EPOLL_CTL_ADD, fd[2], &e) ? 4 : 0;
}

static int put_watches(const char *text)
{
	int fd = open("/proc/sys/fs/epoll/max_user_watches", O_WRONLY);
	int ok = write(fd, text, strlen(text)) > 0;

	close(fd);
	return ok;
}

static void watches(void)
{
	int status;

	check(put_watches("2"), "max_user_watches");
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(few_watches());
		waitpid(pid, &status, 0);
		check(!status,
		      i ? "and has none when it has ended" : "a user's watches are limited");
	}
	put_watches("400000");
}

int main(void)
{
	begin();
	fdinfos();
	signalfds();
	inotifies();
	compares();
	many_ways();
	ways_that_meet();
	watches();
	return end("events");
}
