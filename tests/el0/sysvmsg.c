// SPDX-License-Identifier: MIT
/* System V's message queues, and the limits of its shared memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

#include "abi.h"

static struct {
	long type;
	char text[16384];
} m;
static int id;

static int child(int (*fn)(void))
{
	int status, pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n = (int)write(fd, text, strlen(text));

	close(fd);
	return n;
}

static int snd(long type, const char *text, int flags)
{
	m.type = type;
	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text), flags);
}

/* Is the next one of that kind this text? */
static int got(long type, int flags, const char *text)
{
	long n;

	memset(m.text, 0, 64);
	n = msgrcv(id, &m, 64, type, flags | IPC_NOWAIT);
	return n == (long)strlen(text) && !strcmp(m.text, text);
}

static void types(void)
{
	struct msqid_ds ds;

	id = msgget(1234, IPC_CREAT | IPC_EXCL | 0600);
	check(id >= 0, "a queue is made");
	FAILS(msgget(1234, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	FAILS(msgget(4321, 0600), ENOENT);
	check(msgget(1234, 0) == id, "and found by its key");
	FAILS(msgrcv(id, &m, 64, 0, IPC_NOWAIT), ENOMSG);
	FAILS(msgrcv(id, &m, -1, 0, IPC_NOWAIT), EINVAL);
	FAILS(msgsnd(id, (void *)8, 1, 0), EFAULT);
	FAILS(snd(0, "x", 0), EINVAL);
	FAILS(msgsnd(id, &m, 8193, 0), EINVAL);
	FAILS(msgsnd(id + 1, &m, 1, 0), EINVAL);
	snd(3, "three", 0);
	snd(2, "two", 0);
	snd(5, "five", 0);
	snd(2, "two again", 0);
	check(!msgctl(id, IPC_STAT, &ds) && ds.msg_qnum == 4 && ds.msg_cbytes == 21 &&
		      ds.msg_qbytes == 16384 && ds.msg_lspid == getpid() && !ds.msg_lrpid &&
		      ds.msg_stime >= 1000000000 && !ds.msg_rtime,
	      "IPC_STAT counts them");
	FAILS(msgrcv(id, &m, 3, 5, 0), E2BIG);
	FAILS(msgrcv(id, &m, 64, 4, IPC_NOWAIT), ENOMSG);
	check(got(1, MSG_COPY, "two") && got(1, MSG_COPY, "two"), "a copy leaves it there");
	FAILS(msgrcv(id, &m, 64, 9, IPC_NOWAIT | MSG_COPY), ENOMSG);
	FAILS(msgrcv(id, &m, 64, 0, MSG_COPY), EINVAL);
	check(got(-4, 0, "two") && got(-4, 0, "two again") && got(-4, 0, "three"),
	      "up to a type: the lowest first");
	FAILS(msgrcv(id, &m, 64, -4, IPC_NOWAIT), ENOMSG);
	snd(6, "six", 0);
	check(got(5, MSG_EXCEPT, "six"), "any type but one");
	check(msgrcv(id, &m, 2, LONG_MIN, MSG_NOERROR) == 2 && m.type == 5 &&
		      !strncmp(m.text, "fi", 2),
	      "a long one may be cut");
	check(snd(1, "", 0) == 0 && got(0, 0, ""), "one may be empty");
}

static int many(void)
{
	for (int i = 0; i < 3000; i++) {
		m.type = 1 + i % 2;
		*(int *)m.text = i;
		if (msgsnd(id, &m, 100, 0))
			return 1;
	}
	return 0;
}

static void handler(int sig)
{
	(void)sig;
}

static int interrupted(void)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 20000);
	return msgrcv(id, &m, 64, 99, 0) == -1 && errno == EINTR ? 0 : 1;
}

static int sends_until_removed(void)
{
	m.type = 1;
	while (!msgsnd(id, &m, 8192, 0))
		continue;
	return errno == EIDRM ? 0 : 1;
}

static int receives_until_removed(void)
{
	return msgrcv(id, &m, 64, 77, 0) == -1 && errno == EIDRM ? 0 : 1;
}

static int too_small(void)
{
	return msgrcv(id, &m, 1, 55, 0) == -1 && errno == E2BIG ? 0 : 1;
}

static int start(int (*fn)(void))
{
	int pid = fork();

	if (!pid)
		_exit(fn());
	return pid;
}

static int ended(int pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* It sleeps, by /proc. */
static void wait_asleep(int pid)
{
	char name[32], text[256];
	int fd;

	sprintf(name, "/proc/%d/stat", pid);
	do {
		memset(text, 0, sizeof(text));
		fd = open(name, O_RDONLY);
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = 0;
		close(fd);
		sched_yield();
	} while (!strstr(text, ") S"));
}

static void waiting(void)
{
	int next[2] = {0, 1}, right = 1, pid = start(many), other;

	for (int i = 0; i < 3000; i++) {
		int k = i & 1;

		right &= msgrcv(id, &m, 100, 1 + k, 0) == 100 && *(int *)m.text == next[k];
		next[k] += 2;
	}
	check(right && ended(pid) == 0, "all come in order, though they do not fit in at once");
	check(child(interrupted) == 0, "a signal ends the wait, whatever its flags say");
	pid = start(too_small);
	wait_asleep(pid);
	WORKS(snd(55, "fifty-five", 0));
	check(ended(pid) == 0 && got(55, 0, "fifty-five"),
	      "who waits with too small a buffer does not get it");
	pid = start(sends_until_removed);
	other = start(receives_until_removed);
	wait_asleep(pid);
	wait_asleep(other);
	m.type = 1;
	FAILS(msgsnd(id, &m, 1, IPC_NOWAIT), EAGAIN);
	WORKS(msgctl(id, IPC_RMID, NULL));
	check(ended(pid) == 0 && ended(other) == 0, "who waits hears that it was removed");
	FAILS(msgctl(id, IPC_RMID, NULL), EINVAL);
}

static int stranger(void)
{
	struct msqid_ds ds;

	if (setuid(1000))
		return 1;
	if (msgget(99, 0600) != -1 || errno != EACCES)
		return 2;
	if (msgsnd(id, &m, 1, 0) != -1 || errno != EACCES)
		return 3;
	if (msgrcv(id, &m, 1, 0, 0) != -1 || errno != EACCES)
		return 4;
	if (msgctl(id, IPC_STAT, &ds) != -1 || errno != EACCES)
		return 5;
	if (msgctl(id, IPC_RMID, NULL) != -1 || errno != EPERM)
		return 6;
	id = msgget(IPC_PRIVATE, 0600);
	if (msgctl(id, IPC_STAT, &ds))
		return 7;
	ds.msg_qbytes = 16385;
	if (msgctl(id, IPC_SET, &ds) != -1 || errno != EPERM)
		return 8;
	ds.msg_qbytes = 2;
	if (msgctl(id, IPC_SET, &ds) || snd(1, "abc", IPC_NOWAIT) != -1 || errno != EAGAIN)
		return 9;
	return msgctl(id, IPC_RMID, NULL) ? 10 : 0;
}

static void limits(void)
{
	struct msginfo info;
	struct msqid_ds ds;
	char text[1024] = "", line[64];
	int fd, place, wanted;

	id = msgget(99, IPC_CREAT | 0600);
	m.type = 1;
	check(child(stranger) == 0, "other users may not");
	place = msgctl(id, MSG_INFO, (struct msqid_ds *)&info);
	check(place >= 0 && info.msgpool == 1 && info.msgmax == 8192 && info.msgmnb == 16384 &&
		      info.msgmni == 32000,
	      "MSG_INFO shows the limits");
	check(msgctl(place, MSG_STAT, &ds) == id, "by its place it is found, too");
	put("/proc/sys/kernel/msgmax", "10");
	FAILS(snd(1, "eleven long", 0), EINVAL);
	WORKS(snd(1, "ten bytes.", 0));
	put("/proc/sys/kernel/msgmax", "8192");
	put("/proc/sys/kernel/msgmni", "1");
	FAILS(msgget(IPC_PRIVATE, 0600), ENOSPC);
	put("/proc/sys/kernel/msgmni", "32000");
	fd = open("/proc/sysvipc/msg", O_RDONLY);
	check(read(fd, text, sizeof(text) - 1) > 0, "there is /proc/sysvipc/msg");
	sprintf(line, "%10d %10d  %4o  %10u %10u %5d", 99, id, 0600, 10, 1, getpid());
	check(strstr(text, line) != NULL, "and the queue is in it");
	close(fd);
	msgctl(id, IPC_RMID, NULL);
	put("/proc/sys/kernel/msgmnb", "5");
	wanted = 7 * 32768 + 3;
	put("/proc/sys/kernel/msg_next_id", "229379");
	id = msgget(IPC_PRIVATE, 0600);
	check(id == wanted, "msg_next_id is the next one's id");
	FAILS(snd(1, "123456", IPC_NOWAIT), EAGAIN);
	put("/proc/sys/kernel/msgmnb", "16384");
	msgctl(id, IPC_RMID, NULL);
}

static int segment(unsigned long size)
{
	int s = shmget(IPC_PRIVATE, size, 0600), err = errno;

	if (s >= 0)
		shmctl(s, IPC_RMID, NULL);
	errno = err;
	return s;
}

static void shared_memory(void)
{
	int s;

	put("/proc/sys/kernel/shmmax", "8192");
	FAILS(segment(8193), EINVAL);
	WORKS(segment(8192));
	put("/proc/sys/kernel/shmmax", "18446744073692774399");
	put("/proc/sys/kernel/shmall", "2");
	FAILS(segment(2 * PAGE + 1), ENOSPC);
	WORKS(segment(2 * PAGE));
	s = shmget(IPC_PRIVATE, 2 * (size_t)PAGE, 0600);
	FAILS(segment(1), ENOSPC);
	put("/proc/sys/kernel/shmall", "18446744073692774399");
	put("/proc/sys/kernel/shmmni", "1");
	FAILS(segment(1), ENOSPC);
	put("/proc/sys/kernel/shmmni", "4096");
	shmctl(s, IPC_RMID, NULL);
	put("/proc/sys/kernel/shm_next_id", "229380");
	check(segment(1) == 229380, "shm_next_id is the next one's id");
	WORKS(segment(1));
}

static int meddles(void)
{
	struct sched_param p = {0};
	struct rlimit r;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (setgid(1000) || setuid(1000))
		return 1;
	if (prlimit(1, RLIMIT_CORE, NULL, &r) != -1 || errno != EPERM)
		return 2;
	if (setpriority(PRIO_PROCESS, 1, 5) != -1 || errno != EPERM)
		return 3;
	if (sched_setaffinity(1, sizeof(cpus), &cpus) != -1 || errno != EPERM)
		return 4;
	if (sched_setscheduler(1, SCHED_BATCH, &p) != -1 || errno != EPERM)
		return 5;
	if (setpriority(PRIO_USER, 0, 5) || setpriority(PRIO_USER, 1, 5) != -1 || errno != ESRCH)
		return 6;
	if (setpriority(PRIO_PGRP, getpgid(1), 6) != -1 || errno != EPERM)
		return 7;
	if (setpriority(PRIO_PROCESS, 0, 4) != -1 || errno != EACCES)
		return 8;
	p.sched_priority = 1;
	if (sched_setscheduler(0, SCHED_FIFO, &p) != -1 || errno != EPERM)
		return 9;
	return prlimit(getpid(), RLIMIT_CORE, NULL, &r) || sched_setaffinity(0, sizeof(cpus), &cpus)
		       ? 10
		       : 0;
}

int main(void)
{
	const struct timespec now = {1000000000, 0};
	int code;

	begin();
	clock_settime(CLOCK_REALTIME, &now);
	types();
	waiting();
	limits();
	shared_memory();
	code = child(meddles);
	if (!check(code == 0, "nobody sets another user's limits, CPUs, policy, nice value"))
		printf("     it ended with %d\n", code);
	return end("sysvmsg");
}
