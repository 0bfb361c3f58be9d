// SPDX-License-Identifier: MIT
/*
 * What programs nest and lengthen as far as they may: namespaces, mounts, sockets on their way in sockets. The kernel's stack holds none of
 * it, circles go, and no walk under the kernel's lock takes long.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "abi.h"

static int child(int (*fn)(void))
{
	int status, pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return status;
}

static unsigned long free_memory(void)
{
	struct sysinfo si;

	sysinfo(&si);
	return si.freeram;
}

/* ------------------------------------------------------------------ namespaces */

static int nest_mounts(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return 1;
	for (int i = 0; i < 700; i++)
		if (unshare(CLONE_NEWNS))
			return 2;
	return 0;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return ok;
}

static int nest_users(void)
{
	int n = 0;

	while (!unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)) {
		n++;
		if (!put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", "0 0 1") ||
		    !put("/proc/self/gid_map", "0 0 1"))
			return 2;
	}
	return n >= 30 && errno == ENOSPC ? 0 : 1;
}

static int nest_pids(void)
{
	static int level;
	int status = 1, pid;

	if (unshare(CLONE_NEWPID))
		return errno == ENOSPC && level >= 30 ? 0 : 1;
	level++;
	pid = fork();
	if (!pid)
		_exit(nest_pids());
	waitpid(pid, &status, 0);
	return status ? 2 : 0;
}

static void namespaces(void)
{
	check(!child(nest_mounts), "700 mount namespaces, each out of the one before, go at once");
	check(!child(nest_users), "user namespaces as deep as they may be go");
	check(!child(nest_pids), "PID namespaces as deep as they may be go");
	/* All are given back: as many can be made again, and again. */
	for (int i = 0; i < 4; i++)
		check(!child(nest_mounts), "... and are given back");
}

/* ------------------------------------------------------------------ mounts */

#define STACK 4000

static long ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How many lines of a table of mounts name that place. */
static int count_places(const char *place)
{
	FILE *f = fopen("/proc/self/mounts", "r");
	char line[512], at[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += sscanf(line, "%*s %255s", at) == 1 && !strcmp(at, place);
	if (f)
		fclose(f);
	return n;
}

static int stack_mounts(void)
{
	char cwd[100];
	long t;
	int n;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 1;
	mkdir("/tmp/a", 0755);
	for (int i = 0; i < STACK; i++)
		if (mount("none", "/tmp/a", "tmpfs", 0, NULL))
			return 2;
	t = ms_now();
	n = count_places("/tmp/a");
	if (n != STACK)
		return 3;
	/* Neither goes through all mounts for each. */
	t = ms_now() - t;
	printf("     mounts: %ld ms\n", t);
	if (t > 1500)
		return 10;
	t = ms_now();
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 4;
	t = ms_now() - t;
	printf("     propagation: %ld ms\n", t);
	if (t > 1500)
		return 11;
	/* From the top of the stack, and in a root that is in the midst of one. */
	mkdir("/tmp/a/b", 0755);
	if (chdir("/tmp/a/b") || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/tmp/a/b"))
		return 5;
	if (mount("none", "/tmp/a/b", "tmpfs", 0, NULL) || chdir("/tmp/a/b") || chroot(".") ||
	    !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/"))
		return 6;
	mkdir("/proc", 0755);
	mkdir("/c", 0755);
	if (chdir("/c") || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/c"))
		return 7;
	if (chdir("/") || mount("none", "/c", "tmpfs", 0, NULL) ||
	    mount("none", "/c", "tmpfs", 0, NULL) || chdir("/c") || !getcwd(cwd, sizeof(cwd)) ||
	    strcmp(cwd, "/c"))
		return 8;
	return 0;
}

static int stack_on_root(void)
{
	char cwd[100];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 1;
	for (int i = 0; i < 20; i++)
		if (mount("none", "/tmp", "tmpfs", 0, NULL))
			return 2;
	if (chdir("/tmp") || chroot("/tmp") || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/"))
		return 3;
	/* Above it, and seen from there. */
	mkdir("/d", 0755);
	for (int i = 0; i < 20; i++)
		if (mount("none", "/d", "tmpfs", 0, NULL))
			return 4;
	mkdir("/d/e", 0755);
	if (chdir("/d/e") || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/d/e"))
		return 5;
	for (int i = 0; i < 20; i++)
		if (umount("/d"))
			return errno == EBUSY && !i ? 0 : 6;
	return 7;
}

static void mounts(void)
{
	check(!child(stack_mounts), "mounts stacked high have their place");
	check(!child(stack_on_root), "... and a root among them");
}

/* ------------------------------------------------------------------ sockets */

static long send_fds(int by, const int *fds, int n)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *c;

	m.msg_controllen = CMSG_SPACE((unsigned int)n * sizeof(int));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((unsigned int)n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (unsigned int)n * sizeof(int));
	return sendmsg(by, &m, MSG_DONTWAIT);
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(from, &m, MSG_DONTWAIT) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Each end waits in the next one: the last close ends them all. In the innermost is the end of a pipe. */
static int nest_sockets(void)
{
	int outer[2] = {-1, -1}, inner[2], p[2];
	char byte;

	if (pipe(p) || fcntl(p[0], F_SETFL, O_NONBLOCK))
		return 1;
	for (int i = 0; i < 3000; i++) {
		int fds[2] = {i ? outer[0] : p[1], i ? outer[1] : p[1]};

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, inner))
			return 2;
		if (send_fds(inner[0], fds, 2) != 1)
			return 3;
		close(fds[0]);
		close(fds[1]);
		memcpy(outer, inner, sizeof(outer));
	}
	if (read(p[0], &byte, 1) != -1 || errno != EAGAIN)
		return 4;
	close(outer[0]);
	close(outer[1]);
	return read(p[0], &byte, 1) ? 5 : 0;
}

/* One sent to itself, two to each other, one to a listener that goes round. Each holds a pipe's end, which tells when it goes. */
static int circles(void)
{
	int s[2], t[2], p[2], fds[2], trigger;
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0circle"};
	char byte;

	for (int kind = 0; kind < 3; kind++) {
		if (pipe(p) || fcntl(p[0], F_SETFL, O_NONBLOCK) ||
		    socketpair(AF_UNIX, SOCK_DGRAM, 0, s) || socketpair(AF_UNIX, SOCK_STREAM, 0, t))
			return 1;
		fds[0] = p[1];
		switch (kind) {
		case 0:
			fds[1] = s[1];
			if (send_fds(s[0], fds, 2) != 1)
				return 2;
			break;
		case 1:
			fds[1] = s[1];
			if (send_fds(t[0], fds, 2) != 1)
				return 3;
			fds[1] = t[1];
			if (send_fds(s[0], fds, 2) != 1)
				return 4;
			break;
		default:
			/* Waiting at who has not been accepted by a listener that waits there itself. */
			close(s[0]);
			close(s[1]);
			s[0] = socket(AF_UNIX, SOCK_STREAM, 0);
			s[1] = socket(AF_UNIX, SOCK_STREAM, 0);
			if (bind(s[0], (struct sockaddr *)&a, 9) || listen(s[0], 5) ||
			    connect(s[1], (struct sockaddr *)&a, 9))
				return 5;
			fds[1] = s[0];
			if (send_fds(s[1], fds, 2) != 1)
				return 6;
		}
		close(p[1]);
		if (read(p[0], &byte, 1) != -1 || errno != EAGAIN)
			return 7;
		close(s[0]);
		close(s[1]);
		close(t[0]);
		close(t[1]);
		/* Linux looks for them when the next socket ends, in a work of its own. */
		trigger = socket(AF_UNIX, SOCK_STREAM, 0);
		close(trigger);
		for (int i = 0; i < 100 && read(p[0], &byte, 1) == -1; i++)
			usleep(10000);
		if (read(p[0], &byte, 1))
			return 10 + kind;
		close(p[0]);
	}
	return 0;
}

/* A circle that somebody can still open stays. */
static int open_circle(void)
{
	int s[2], t[2], fd, trigger;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s) || socketpair(AF_UNIX, SOCK_DGRAM, 0, t))
		return 1;
	if (send_fds(s[0], &s[1], 1) != 1 || send_fds(t[0], &s[1], 1) != 1)
		return 2;
	close(s[1]);
	trigger = socket(AF_UNIX, SOCK_STREAM, 0);
	close(trigger);
	fd = receive_fd(t[1]);
	if (fd < 0)
		return 3;
	if (receive_fd(fd) < 0)
		return 4;
	return 0;
}

/* Without end, they cost no memory. */
static int many_circles(void)
{
	unsigned long before = free_memory(), after;
	int s[2];

	for (int i = 0; i < 20000; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s) || send_fds(s[0], s, 2) != 1 ||
		    send_fds(s[1], s, 2) != 1)
			return 1;
		close(s[0]);
		close(s[1]);
	}
	after = free_memory();
	return after + (20UL << 20) < before ? 2 : 0;
}

static int too_many_waiting(void)
{
	struct rlimit limit = {7, 7};
	int s[2], p[2], sent = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || pipe(p) || setrlimit(RLIMIT_NOFILE, &limit) ||
	    setuid(1234))
		return 1;
	for (int i = 0; i < 100; i++) {
		int fd;

		if (send_fds(s[0], p, 1) != 1)
			return 2;
		fd = receive_fd(s[1]);
		if (fd >= 0)
			close(fd);
	}
	while (sent < 100 && send_fds(s[0], p, 1) == 1)
		sent++;
	if (errno != ETOOMANYREFS || sent != 8)
		return 10 + sent;
	receive_fd(s[1]);
	return send_fds(s[0], p, 1) == 1 ? 0 : 3;
}

/* Packets without a byte, and of one, fill a socket as they do on Linux. */
static int short_packets(void)
{
	int s[2], n = 0, empty = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	while (n < 100000 && send(s[0], "x", 1, MSG_DONTWAIT) == 1)
		n++;
	if (errno != EAGAIN)
		return 2;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s))
		return 3;
	while (empty < 100000 && !send(s[0], "", 0, MSG_DONTWAIT))
		empty++;
	printf("     %d of a byte, %d without\n", n, empty);
	return errno == EAGAIN && n == 278 && empty == 278 ? 0 : 4;
}

/* Files go along with bytes: without, none of 253 come, twice. */
static int files_without_bytes(void)
{
	static char control[CMSG_SPACE(253 * sizeof(int))];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct iovec iov = {control, 1};
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(253 * sizeof(int));
	for (int i = 0; i < 253; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), s, sizeof(int));
	for (int i = 0; i < 3; i++)
		if (sendmsg(s[0], &m, MSG_DONTWAIT))
			return 2;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	return recvmsg(s[1], &m, MSG_DONTWAIT) == -1 && errno == EAGAIN ? 0 : 3;
}

static void sockets(void)
{
	check(!child(files_without_bytes), "on a stream files go with bytes, or not at all");
	check(!child(nest_sockets), "3000 sockets, each waiting in the next, go at once");
	check(!child(circles), "sockets that only they themselves hold go");
	check(!child(open_circle), "... but not those that can be received");
	check(!child(many_circles), "... and without end they cost no memory");
	check(!child(too_many_waiting), "files on their way count against the limit of open files");
	check(!child(short_packets), "short packets fill a socket");
}

int main(void)
{
	begin();
	namespaces();
	mounts();
	sockets();
	return end("depth");
}
