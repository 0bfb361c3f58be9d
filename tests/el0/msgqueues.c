// SPDX-License-Identifier: MIT
/* POSIX message queues. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "abi.h"

static char buf[65536];

static struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Its exit code. */
static int child(int (*fn)(void))
{
	int status, pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void names(void)
{
	struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 16};
	struct stat st;
	char name[300], link[64] = "";
	mqd_t q, other;

	FAILS(mq_open("/none", O_RDWR), ENOENT);
	FAILS(mq_unlink("/none"), ENOENT);
	FAILS(syscall(SYS_mq_open, "/slash", O_RDWR | O_CREAT, 0600, NULL), EACCES);
	FAILS(syscall(SYS_mq_open, "..", O_RDWR | O_CREAT, 0600, NULL), EACCES);
	FAILS(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL), ENOENT);
	FAILS(syscall(SYS_mq_open, "a", O_RDWR | O_CREAT, 0600, 1), EFAULT);
	memset(name, 'n', sizeof(name));
	name[0] = '/', name[257] = 0;
	FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
	q = mq_open("/a", O_RDWR | O_CREAT | O_EXCL, 0640, &attr);
	check(q >= 0, "a queue is made");
	FAILS(mq_open("/a", O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
	FAILS(mq_open("/a", 3), EINVAL);
	check(fcntl(q, F_GETFD) == FD_CLOEXEC, "exec closes it");
	check(!fstat(q, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640,
	      "its mode is what was asked for");
	sprintf(name, "/proc/self/fd/%d", q);
	other = open(name, O_RDONLY);
	check(mq_getattr(other, &attr) == 0, "it can be opened by that");
	close(other);
	check(readlink(name, link, sizeof(link) - 1) == 2 && !strcmp(link, "/a"),
	      "its name is in /proc/self/fd");
	other = mq_open("/a", O_RDONLY | O_CREAT, 0600, NULL);
	check(other >= 0 && other != q, "and opened once more");
	check(!mq_getattr(other, &attr) && attr.mq_maxmsg == 3 && attr.mq_msgsize == 16 &&
		      !attr.mq_curmsgs,
	      "it keeps its size");
	FAILS(mq_send(other, "x", 1, 0), EBADF);
	FAILS(mq_getattr(0, &attr), EBADF);
	WORKS(mq_unlink("/a"));
	FAILS(mq_open("/a", O_RDWR), ENOENT);
	check(!mq_send(q, "left", 4, 0) && mq_receive(other, buf, 16, NULL) == 4,
	      "without a name it works on");
	close(other);
	close(q);
}

static void order(void)
{
	static const unsigned int priorities[] = {5, 1, 5, 32767, 0, 3};
	struct mq_attr attr = {.mq_maxmsg = 6, .mq_msgsize = 8};
	mqd_t q = mq_open("/order", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
	char got[7] = "";
	unsigned int priority, last = 40000, down = 1;
	struct timespec past = {1, 0}, bad = {1, 1000000000};
	struct pollfd p = {q, POLLIN | POLLOUT, 0};
	int flags;

	FAILS(mq_receive(q, buf, 8, NULL), EAGAIN);
	check(poll(&p, 1, 0) == 1 && p.revents == POLLOUT, "an empty queue can be written");
	for (int i = 0; i < 6; i++)
		mq_send(q, (char[]){'a' + i}, 1, priorities[i]);
	FAILS(mq_send(q, "x", 1, 0), EAGAIN);
	check(poll(&p, 1, 0) == 1 && p.revents == POLLIN, "a full one can be read");
	FAILS(mq_send(q, "123456789", 9, 0), EMSGSIZE);
	FAILS(mq_send(q, "x", 1, 32768), EINVAL);
	FAILS(mq_receive(q, buf, 7, NULL), EMSGSIZE);
	FAILS(mq_send(q, (char *)8, 1, 0), EFAULT);
	attr.mq_flags = 0;
	WORKS(mq_setattr(q, &attr, NULL));
	flags = fcntl(q, F_GETFL);
	check(!(flags & O_NONBLOCK), "mq_setattr takes O_NONBLOCK off");
	attr.mq_flags = O_APPEND;
	FAILS(mq_setattr(q, &attr, NULL), EINVAL);
	FAILS(mq_timedsend(q, "x", 1, 0, &past), ETIMEDOUT);
	FAILS(mq_timedsend(q, "x", 1, 0, &bad), EINVAL);
	memset(buf, 0, sizeof(buf));
	check(read(q, buf, 80) > 0 && !strncmp(buf, "QSIZE:6          NOTIFY:0", 25),
	      "a read shows its size");
	for (int i = 0; i < 6 && mq_receive(q, buf, 8, &priority) == 1; i++) {
		got[i] = buf[0];
		down &= priority <= last;
		last = priority;
	}
	check(down && !strcmp(got, "dacfbe"), "the highest priority comes first, then the oldest");
	FAILS(mq_timedreceive(q, buf, 8, NULL, &past), ETIMEDOUT);
	bad = in_ms(30);
	FAILS(mq_timedreceive(q, buf, 8, NULL, &bad), ETIMEDOUT);
	past = in_ms(0);
	check(past.tv_sec > bad.tv_sec ||
		      (past.tv_sec == bad.tv_sec && past.tv_nsec >= bad.tv_nsec),
	      "and not before its time");
	WORKS(mq_send(q, "", 0, 0));
	check(mq_receive(q, buf, 8, NULL) == 0, "a message may be empty");
	mq_unlink("/order");
	close(q);
}

static mqd_t shared;

static void *produce(void *arg)
{
	for (int i = 0; i < 2000; i++)
		if (mq_send(shared, (char *)&i, sizeof(i), (unsigned int)(long)arg))
			return (void *)1;
	return NULL;
}

static void handler(int sig)
{
	(void)sig;
}

static int wait_and_be_interrupted(void)
{
	struct sigaction sa = {.sa_handler = handler};

	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 20000);
	return mq_receive(shared, buf, 8, NULL) == -1 && errno == EINTR ? 0 : 1;
}

static void waiting(void)
{
	struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 8};
	int next[2] = {0, 0}, right = 1;
	pthread_t t[2];
	unsigned int priority;
	void *ret[2];

	shared = mq_open("/shared", O_RDWR | O_CREAT, 0600, &attr);
	check(child(wait_and_be_interrupted) == 0, "a signal ends the wait");
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, produce, (void *)i);
	for (int i = 0, v; i < 4000; i++) {
		right &= mq_receive(shared, (char *)&v, 8, &priority) == 4 && priority < 2 &&
			 v == next[priority];
		next[priority & 1]++;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &ret[i]);
	check(right && !ret[0] && !ret[1], "two threads send, one receives all in order");
	mq_unlink("/shared");
	close(shared);
}

static siginfo_t told;
static volatile int times;

static void on_message(int sig, siginfo_t *info, void *ctx)
{
	(void)sig, (void)ctx;
	told = *info;
	times++;
}

static int own(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_NONE};

	return mq_notify(shared, &ev) ? 1 : 0;
}

static int busy(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_NONE};

	return mq_notify(shared, &ev) == -1 && errno == EBUSY && !mq_notify(shared, NULL) ? 0 : 1;
}

static void notified(void)
{
	struct sigaction sa = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};

	sigaction(SIGUSR1, &sa, NULL);
	shared = mq_open("/notify", O_RDWR | O_CREAT, 0600, NULL);
	check(child(own) == 0 && !mq_notify(shared, &ev), "who ends is told no more");
	check(child(busy) == 0, "one process is told, another one cannot be");
	mq_send(shared, "x", 1, 0);
	check(times == 1 && told.si_code == SI_MESGQ && told.si_value.sival_int == 77 &&
		      told.si_pid == getpid(),
	      "a message in an empty queue is told");
	mq_receive(shared, buf, 8192, NULL);
	mq_send(shared, "x", 1, 0);
	check(times == 1, "and once only");
	WORKS(mq_notify(shared, &ev));
	mq_send(shared, "x", 1, 0);
	check(times == 1, "it is not told of a queue that has some");
	WORKS(mq_notify(shared, NULL));
	WORKS(mq_notify(shared, &ev));
	close(dup(shared));
	check(child(own) == 0, "a close ends it");
	ev.sigev_signo = 65;
	FAILS(mq_notify(shared, &ev), EINVAL);
	ev.sigev_notify = 9;
	FAILS(mq_notify(shared, &ev), EINVAL);
	FAILS(mq_notify(0, NULL), EBADF);
	mq_unlink("/notify");
	close(shared);
}

/* SIGEV_THREAD, as the C library asks for it: 32 bytes to a socket. */
static int tell_socket(mqd_t q, int fd, const char *cookie)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD,
			      .sigev_signo = fd,
			      .sigev_value.sival_ptr = (void *)(unsigned long)cookie};

	return (int)syscall(SYS_mq_notify, q, &ev);
}

/* A queue that nobody reads holds so much and no more; on Linux who asks for the next one waits. */
static void told_without_end(void)
{
	static const char cookie[32] = "cookie";
	struct sigaction sa = {.sa_handler = handler};
	mqd_t q = mq_open("/socket", O_RDWR | O_CREAT, 0600, NULL);
	int fd = socket(AF_NETLINK, SOCK_RAW, 0), asked = 0, got = 0, status;
	pid_t pid;

	sigaction(SIGALRM, &sa, NULL);
	alarm(20);
	while (asked < 10000 && !tell_socket(q, fd, cookie) && !mq_notify(q, NULL))
		asked++;
	alarm(0);
	while (recv(fd, buf, 32, MSG_DONTWAIT) == 32 && !memcmp(buf, "cookie", 6) && buf[31] == 2)
		got++;
	check(got && got <= asked && got * 32 <= 212992, "a socket's queue is limited");
	check(!tell_socket(q, fd, cookie) && !mq_notify(q, NULL) &&
		      recv(fd, buf, 32, MSG_DONTWAIT) == 32,
	      "and used again when it has been read");
	/* Closed by a process that is not the one to be told: Linux holds the socket for ever. */
	check(!tell_socket(q, fd, cookie), "SIGEV_THREAD");
	mq_unlink("/socket");
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		_exit(close(q));
	check(waitpid(pid, &status, 0) == pid && !status && recv(fd, buf, 32, MSG_DONTWAIT) == 32 &&
		      buf[31] == 2,
	      "a notification ends with its queue");
	close(fd);
}

static int poor(void)
{
	struct mq_attr attr = {.mq_maxmsg = 11, .mq_msgsize = 64};
	char name[16];
	int n = 0, is_emfile;
	mqd_t q;

	if (setgid(1000) || setuid(1000))
		return 1;
	if (mq_open("/root", O_RDONLY) != -1 || errno != EACCES)
		return 2;
	if (syscall(SYS_mq_unlink, "root") != -1 || errno != EPERM)
		return 3;
	if (mq_open("/many", O_RDWR | O_CREAT, 0600, &attr) != -1 || errno != EINVAL)
		return 4;
	/* Nine of the default size, by 819,200 bytes. */
	for (;; n++) {
		sprintf(name, "/q%d", n);
		q = mq_open(name, O_RDWR | O_CREAT, 0600, NULL);
		if (q < 0)
			break;
		close(q);
	}
	is_emfile = errno == EMFILE;
	for (int i = 0; i < n; i++) {
		sprintf(name, "/q%d", i);
		mq_unlink(name);
	}
	q = mq_open("/q", O_RDWR | O_CREAT, 0600, NULL);
	mq_unlink("/q");
	return n == 9 && is_emfile && q >= 0 ? 0 : 5;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n = (int)write(fd, text, strlen(text));

	close(fd);
	return n;
}

static int one_too_many(void)
{
	if (setuid(1000))
		return 1;
	return mq_open("/second", O_RDWR | O_CREAT, 0600, NULL) == -1 && errno == ENOSPC ? 0 : 2;
}

static void limits(void)
{
	struct mq_attr attr = {.mq_maxmsg = 65537, .mq_msgsize = 1};
	struct rlimit small = {1000, 819200}, usual = {819200, 819200};
	mqd_t q = mq_open("/root", O_RDWR | O_CREAT, 0600, NULL);

	check(child(poor) == 0, "another user has its own limits");
	FAILS(mq_open("/big", O_RDWR | O_CREAT, 0600, &attr), EINVAL);
	attr.mq_maxmsg = 0;
	FAILS(mq_open("/big", O_RDWR | O_CREAT, 0600, &attr), EINVAL);
	setrlimit(RLIMIT_MSGQUEUE, &small);
	FAILS(mq_open("/big", O_RDWR | O_CREAT, 0600, NULL), EMFILE);
	setrlimit(RLIMIT_MSGQUEUE, &usual);
	check(put("/proc/sys/fs/mqueue/queues_max", "1") == 1 && child(one_too_many) == 0,
	      "queues_max is heeded");
	put("/proc/sys/fs/mqueue/queues_max", "256");
	check(put("/proc/sys/fs/mqueue/msg_max", "0") == -1 &&
		      put("/proc/sys/fs/mqueue/msgsize_max", "127") == -1,
	      "limits have limits");
	put("/proc/sys/fs/mqueue/msg_default", "7");
	close(q);
	mq_unlink("/root");
	q = mq_open("/root", O_RDWR | O_CREAT, 0600, NULL);
	check(!mq_getattr(q, &attr) && attr.mq_maxmsg == 7 && attr.mq_msgsize == 8192,
	      "msg_default is heeded");
	put("/proc/sys/fs/mqueue/msg_default", "10");
	close(q);
	mq_unlink("/root");
}

int main(void)
{
	begin();
	names();
	order();
	waiting();
	notified();
	told_without_end();
	limits();
	return end("msgqueues");
}
