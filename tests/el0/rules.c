// SPDX-License-Identifier: MIT
/* Rules of single calls that test suites look for: who may change a file, what is being executed, the order of errors, clocks and their timers. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define NOBODY ((void *)-1L)

static unsigned int mode_of(const char *name)
{
	struct stat s;

	return stat(name, &s) ? 0 : s.st_mode & 07777;
}

static int make(const char *name, mode_t mode)
{
	int fd = open(name, O_CREAT | O_RDWR, mode);

	fchmod(fd, mode);
	return fd;
}

/* What a child ended with. */
static int run(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void become(uid_t id)
{
	if (setresgid(id, id, id) || setresuid(id, id, id))
		_exit(99);
}

/* ------------------------------------------------------------------ files */

static int owner_without_group(void)
{
	become(1000);
	if (chmod("lent", 02777) || mode_of("lent") != 0777)
		return 1;
	if (chown("lent", -1, -1) || chown("lent", -1, 1000) || chown("lent", 0, -1) != -1 ||
	    errno != EPERM)
		return 2;
	/* Somebody else's, which has bits that would go. */
	return chown("other", -1, -1) != -1 || errno != EPERM;
}

static int no_write(void)
{
	become(1000);
	return truncate("plain", 1) != -1 || errno != EACCES || chroot("nowhere") != -1 ||
	       errno != ENOENT || chroot("/tmp") != -1 || errno != EPERM;
}

static int no_capability(void)
{
	/* Root's number, to files, without what root may. */
	setfsuid(1000);
	return access("secret", R_OK) || open("secret", O_RDONLY) != -1 || errno != EACCES;
}

static int outside(void)
{
	char at[200];

	if (chdir("/tmp") || mkdir("jail", 0755) || chroot("jail"))
		return 1;
	return syscall(SYS_getcwd, at, sizeof(at)) != 18 || strcmp(at, "(unreachable)/tmp") != 0;
}

static void test_files(void)
{
	struct stat s;
	int fd;

	umask(0);
	fd = make("plain", 0644);
	check(write(fd, "abc", 3) == 3, "three bytes");
	close(fd);
	close(make("lent", 0666));
	close(make("other", 06777));
	WORKS(chown("lent", 1000, 7));
	check(!run(owner_without_group), "an owner lends no group, and gives nothing away");
	check(!run(no_write), "truncate and chroot ask first");
	check(!stat("plain", &s) && s.st_size == 3, "and the file is as it was");
	close(make("secret", 0600));
	check(!run(no_capability), "file capabilities go with the file-system number");
	FAILS(open("/init", O_RDWR), ETXTBSY);
	FAILS(open("/init", O_RDONLY | O_TRUNC), ETXTBSY);
	FAILS(truncate("/init", 0), ETXTBSY);
	check(!run(outside), "a place outside the root");
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	check(!linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), "a file gets its name");
	close(fd);
	fd = make("gone", 0600);
	unlink("gone");
	FAILS(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH), ENOENT);
	close(fd);
	check(!syscall(SYS_renameat2, AT_FDCWD, "named", AT_FDCWD, "moved", 4) &&
		      !lstat("named", &s) && S_ISCHR(s.st_mode) && !s.st_rdev,
	      "a whiteout takes the place of what is moved");
	FAILS(mkdir("/proc/nothing", 0777), ENOENT);
	FAILS(rename("/", "x"), EXDEV);
}

static void test_moving(void)
{
	struct iovec vec[2] = {{(char[4]){0}, 4}, {NOBODY, 4}};
	int fd = make("bytes", 0600), ends[2];

	check(write(fd, "0123456789", 10) == 10, "ten bytes");
	FAILS(pread(fd, NOBODY, 1, 50), EFAULT);
	FAILS(write(fd, NOBODY, 0), EFAULT);
	FAILS(preadv(fd, vec, 2, 0), EFAULT);
	FAILS(preadv2(fd, vec, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	check(pwritev2(fd, vec, 1, 0, RWF_APPEND) == 4 && lseek(fd, 0, SEEK_END) == 14,
	      "one write at the end");
	check(!flock(fd, LOCK_MAND | LOCK_READ), "no lock has to be obeyed");
	FAILS(pipe2(ends, O_EXCL), ENOPKG);
	check(lseek(eventfd(0, 0), 5, SEEK_SET) == 0, "a number has no place");
	WORKS(syncfs(eventfd(0, 0)));
	close(fd);
}

static int over_the_limit(void)
{
	struct rlimit r = {100, 100};
	int fd = open("long", O_CREAT | O_RDWR, 0600);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &r);
	return ftruncate(fd, 101) != -1 || errno != EFBIG || fallocate(fd, 0, 0, 200) != -1 ||
	       errno != EFBIG || ftruncate(fd, 100);
}

static struct flock lock_of(int type, off_t start, off_t len)
{
	return (struct flock){.l_type = (short)type, .l_start = start, .l_len = len};
}

static void test_locks(void)
{
	int fd = make("locks", 0600), said[2], status;
	struct flock l;
	char c;
	pid_t pid;

	check(!run(over_the_limit), "RLIMIT_FSIZE holds for what grows without writing");
	check(pipe(said) == 0, "a pipe");
	for (int i = 0; i < 2; i++) {
		l = lock_of(F_WRLCK, 10L * i, 10);
		WORKS(fcntl(fd, F_SETLK, &l));
	}
	pid = fork();
	if (!pid) {
		l = lock_of(F_WRLCK, 0, 0);
		if (fcntl(fd, F_GETLK, &l) || l.l_start != 0 || l.l_len != 20)
			_exit(1);
		l = lock_of(F_WRLCK, 30, 1);
		if (fcntl(fd, F_SETLK, &l) || write(said[1], "x", 1) != 1)
			_exit(2);
		l = lock_of(F_WRLCK, 0, 1);
		_exit(fcntl(fd, F_SETLKW, &l) ? 3 : 0);
	}
	check(read(said[0], &c, 1) == 1, "the other one has its lock");
	/* Whoever comes second is told: it is one of the two. */
	l = lock_of(F_WRLCK, 30, 1);
	status = fcntl(fd, F_SETLKW, &l);
	if (status)
		check(errno == EDEADLK, "they would wait for each other");
	close(fd);
	check(waitpid(pid, &status, 0) == pid && (!status || status == 3 << 8), "and both go on");
}

static void test_owner(void)
{
	struct f_owner_ex ex = {F_OWNER_PGRP, getpgrp()};
	int fd = make("owned", 0600);

	check(fcntl(fd, F_GETOWN) == 0, "nobody is told");
	FAILS(fcntl(fd, F_SETOWN, 999999), ESRCH);
	FAILS(fcntl(fd, F_SETSIG, 65), EINVAL);
	WORKS(fcntl(fd, F_SETSIG, SIGUSR1));
	check(fcntl(fd, F_GETSIG) == SIGUSR1, "by that signal");
	ex.pid = getpid();
	ex.type = F_OWNER_PID;
	WORKS(fcntl(fd, F_SETOWN_EX, &ex));
	check(fcntl(fd, F_GETOWN) == getpid(), "the process is told");
	ex.type = 9;
	FAILS(fcntl(fd, F_SETOWN_EX, &ex), EINVAL);
	close(fd);
}

static volatile sig_atomic_t signalled;

static void note(int sig)
{
	signalled = sig;
}

static void test_async(void)
{
	struct sigaction sa = {.sa_handler = note};
	int ends[2];
	char c;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGIO, &sa, NULL);
	check(!pipe(ends), "a pipe that tells");
	WORKS(fcntl(ends[0], F_SETOWN, getpid()));
	WORKS(fcntl(ends[0], F_SETFL, O_ASYNC));
	check(write(ends[1], "a", 1) == 1 && signalled == SIGIO, "SIGIO for what comes");
	WORKS(fcntl(ends[0], F_SETSIG, SIGUSR1));
	check(write(ends[1], "a", 1) == 1 && signalled == SIGUSR1, "or another one");
	signalled = 0;
	WORKS(fcntl(ends[0], F_SETFL, 0));
	check(write(ends[1], "a", 1) == 1 && !signalled && read(ends[0], &c, 1) == 1, "or none");
}

/* Each write is one read. */
static void test_packets(void)
{
	static char big[3 * PAGE_MOST];
	const long all = 2 * PAGE + 1808;
	int ends[2], n;

	check(!pipe2(ends, O_DIRECT | O_NONBLOCK), "a pipe of packets");
	WORKS(fcntl(ends[1], F_SETPIPE_SZ, 8 * PAGE));
	check(fcntl(ends[1], F_GETFL) == (O_WRONLY | O_DIRECT | O_NONBLOCK), "that says so");
	check(write(ends[1], "abc", 3) == 3 && write(ends[1], "defgh", 5) == 5, "two packets");
	check(!ioctl(ends[0], FIONREAD, &n) && n == 8, "of eight bytes");
	check(read(ends[0], big, 100) == 3 && !memcmp(big, "abc", 3), "the first");
	check(read(ends[0], big, 2) == 2 && !memcmp(big, "de", 2), "a part of the second");
	FAILS(read(ends[0], big, 1), EAGAIN);
	check(write(ends[1], big, (size_t)all) == all, "a long one is three");
	check(read(ends[0], big, (size_t)all) == PAGE && read(ends[0], big, (size_t)all) == PAGE &&
		      read(ends[0], big, (size_t)all) == 1808,
	      "which come one by one");
	for (n = 0; write(ends[1], "x", 1) == 1; n++)
		;
	check(n == 8 && errno == EAGAIN, "each takes a page");
	WORKS(fcntl(ends[1], F_SETPIPE_SZ, 16 * PAGE));
	WORKS(fcntl(ends[1], F_SETFL, 0));
	check(write(ends[1], "yz", 2) == 2 && write(ends[1], "!", 1) == 1, "a stream behind them");
	for (n = 0; n < 8 && read(ends[0], big, 10) == 1; n++)
		;
	check(n == 8 && read(ends[0], big, 10) == 3 && !memcmp(big, "yz!", 3), "all of it");
}

static void test_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	int set = epoll_create1(0), e = eventfd(0, 0), outer = set;

	WORKS(epoll_ctl(set, EPOLL_CTL_ADD, e, &ev));
	FAILS(epoll_ctl(set, EPOLL_CTL_MOD, e, &ev), EINVAL);
	ev.events = EPOLLIN;
	FAILS(epoll_ctl(set, EPOLL_CTL_MOD, e, &ev), EINVAL);
	for (int i = 0; i < 4; i++) {
		int next = epoll_create1(0);

		WORKS(epoll_ctl(next, EPOLL_CTL_ADD, outer, &ev));
		outer = next;
	}
	FAILS(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, outer, &ev), ELOOP);
}

static void test_sockets(void)
{
	struct timeval limit = {0, 50000}, got = {0, 0};
	socklen_t len = sizeof(got);
	int pair[2];
	char c;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "two sockets");
	WORKS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	check(!getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len) && len == sizeof(got) &&
		      got.tv_usec >= 50000 && got.tv_usec < 60000,
	      "so long is waited");
	FAILS(read(pair[0], &c, 1), EAGAIN);
	limit.tv_usec = 1000000;
	FAILS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), EDOM);
	FAILS(setsockopt(pair[0], SOL_SOCKET, 999, &limit, sizeof(limit)), ENOPROTOOPT);
	FAILS(recv(pair[0], &c, 1, MSG_OOB), EINVAL);
	WORKS(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RDWR));
}

/* relatime: once for each change. */
static void test_access_time(void)
{
	struct timespec nap = {0, 30000000}, was;
	int fd = make("read", 0600);
	struct stat s;
	char c;

	check(write(fd, "abc", 3) == 3, "three bytes");
	nanosleep(&nap, NULL);
	check(pread(fd, &c, 1, 0) == 1 && !fstat(fd, &s), "one is read");
	was = s.st_atim;
	check(was.tv_sec != s.st_mtim.tv_sec || was.tv_nsec != s.st_mtim.tv_nsec, "which is noted");
	nanosleep(&nap, NULL);
	check(pread(fd, &c, 1, 0) == 1 && !fstat(fd, &s) && was.tv_nsec == s.st_atim.tv_nsec,
	      "the first time");
	close(fd);
}

/* The masks of what has been noted since, one after the other, a digit each of those that are looked for. */
static long noted(int in)
{
	static const unsigned int known[] = {0, IN_ATTRIB, IN_DELETE_SELF, IN_IGNORED,
					     IN_CLOSE_WRITE};
	char buf[1000];
	ssize_t n = read(in, buf, sizeof(buf));
	long all = 0;

	for (char *p = buf; n > 0 && p < buf + n;) {
		struct inotify_event e;

		memcpy(&e, p, sizeof(e));
		for (unsigned int i = 1; i < 5; i++)
			if (e.mask == known[i])
				all = all * 10 + i;
		p += sizeof(e) + e.len;
	}
	return all;
}

static void test_watch(void)
{
	int in = inotify_init1(IN_NONBLOCK), fd = make("watched", 0600);

	WORKS(inotify_add_watch(in, "watched", IN_ALL_EVENTS & ~IN_OPEN));
	WORKS(unlink("watched"));
	check(noted(in) == 1, "a name less");
	close(fd);
	check(noted(in) == 423, "and it goes with the last who has it open");
	close(in);
}

/* ------------------------------------------------------------------ turns */

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t min, max;
};

static int forgotten(void)
{
	return sched_getscheduler(0) != SCHED_OTHER || nice(0) != 0;
}

static void test_sched(void)
{
	struct attr a = {48, 6, 0, 0, 0, 10000000, 30000000, 30000000, 0, 0}, got;
	struct sched_param p = {.sched_priority = 5};
	struct timespec ts;

	WORKS(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p));
	check(sched_getscheduler(0) == (SCHED_FIFO | SCHED_RESET_ON_FORK), "it is told");
	check(!run(forgotten), "children begin anew");
	WORKS(sched_setscheduler(0, SCHED_RR, &p));
	check(!sched_rr_get_interval(0, &ts) && ts.tv_nsec == 100000000, "a turn of SCHED_RR");
	WORKS(syscall(SYS_sched_setattr, 0, &a, 0));
	check(!syscall(SYS_sched_getattr, 0, &got, sizeof(got), 0) && got.policy == 6 &&
		      got.deadline == 30000000 && got.size == 56,
	      "a deadline is told");
	a.size = 47;
	FAILS(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
	check(a.size == 56, "and how long it may be");
	p.sched_priority = 0;
	WORKS(sched_setscheduler(0, SCHED_OTHER, &p));
	WORKS(syscall(SYS_ioprio_set, 1, 0, 0x4007));
	check(syscall(SYS_ioprio_get, 1, 0) == 0x4007, "whose disk comes last");
	FAILS(syscall(SYS_ioprio_set, 1, 0, 0x8000), EINVAL);
}

static int used_up(void)
{
	struct rlimit r = {1, 2};

	signal(SIGXCPU, note);
	setrlimit(RLIMIT_CPU, &r);
	while (!signalled)
		;
	getrlimit(RLIMIT_CPU, &r);
	if (r.rlim_cur != 2)
		return 1;
	for (;;)
		;
}

/* ------------------------------------------------------------------ time */

static int used_timer(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec it = {{0, 0}, {0, 50000000}};
	struct timespec at;
	timer_t timer;

	signal(SIGUSR1, note);
	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &timer) ||
	    timer_settime(timer, 0, &it, NULL))
		return 1;
	while (!signalled)
		;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return !at.tv_sec && at.tv_nsec < 50000000;
}

static void test_clock(void)
{
	struct timespec was, at, later;
	struct itimerspec it = {{0, 0}, {0, 0}};
	struct timex t = {.modes = ADJ_MAXERROR, .maxerror = 5000};
	struct pollfd p = {.events = POLLIN};
	uint64_t n;
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), status;
	pid_t pid;

	check(!run(used_timer), "a timer of used time");
	check(WTERMSIG(run(used_up)) == SIGKILL, "RLIMIT_CPU warns, and ends it");
	WORKS(adjtimex(&t));
	check(t.maxerror == 5000 && t.tick == 10000 && t.tolerance == 32768000, "what it is told");
	t.modes = ADJ_TICK;
	t.tick = 8999;
	FAILS(adjtimex(&t), EINVAL);
	clock_gettime(CLOCK_REALTIME, &was);
	it.it_value.tv_sec = was.tv_sec + 1000;
	WORKS(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	later = was;
	later.tv_sec += 500;
	pid = fork();
	if (!pid)
		_exit(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &later, NULL));
	later.tv_sec += 1;
	WORKS(clock_settime(CLOCK_REALTIME, &later));
	check(waitpid(pid, &status, 0) == pid && !status, "who sleeps to a date wakes when it is");
	p.fd = fd;
	check(poll(&p, 1, 0) == 1, "who watches the date is told");
	FAILS(read(fd, &n, 8), ECANCELED);
	WORKS(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
	later.tv_sec += 600;
	WORKS(clock_settime(CLOCK_REALTIME, &later));
	p.events = POLLIN;
	check(poll(&p, 1, 5000) == 1 && read(fd, &n, 8) == 8 && n == 1, "a date comes sooner");
	/* A leap second: the last second of the day is there twice. */
	at = later;
	at.tv_sec += 86400 - at.tv_sec % 86400 - 1;
	at.tv_nsec = 500000000;
	WORKS(clock_settime(CLOCK_REALTIME, &at));
	t = (struct timex){.modes = ADJ_STATUS, .status = STA_PLL};
	adjtimex(&t);
	t = (struct timex){.modes = ADJ_STATUS, .status = STA_INS};
	adjtimex(&t);
	/* It is looked at when a second begins: the one that begins next is the one before. */
	later = at;
	later.tv_sec += 1;
	later.tv_nsec = 0;
	check(!clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &later, NULL), "until the next day");
	t.modes = 0;
	check(adjtimex(&t) >= 0 && t.status & STA_INS, "the order is kept");
	t = (struct timex){.modes = ADJ_STATUS, .status = STA_PLL};
	adjtimex(&t);
	t.modes = ADJ_STATUS;
	t.status = 0;
	adjtimex(&t);
	WORKS(clock_settime(CLOCK_REALTIME, &was));
}

int main(void)
{
	begin();
	if (mount("tmp", "/tmp", "tmpfs", 0, "mode=1777") || chdir("/tmp"))
		return 1;
	test_files();
	test_moving();
	test_locks();
	test_owner();
	test_async();
	test_packets();
	test_epoll();
	test_sockets();
	test_access_time();
	test_watch();
	test_sched();
	test_clock();
	return end("rules");
}
