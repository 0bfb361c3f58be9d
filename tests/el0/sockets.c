// SPDX-License-Identifier: MIT
/* Sockets of AF_UNIX, splice and its kin, as Linux 6.12 has them: each expectation was seen there. Static, with glibc. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	failures += !ok;
}

#define FAILS(call, err) check((call) == -1 && errno == (err), #call " is " #err)
#define WORKS(call) check((call) >= 0, #call)

static socklen_t name_of(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path + (*name == '@'), name + (*name == '@'), strlen(name) - (*name == '@'));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@'));
}

static int events(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

	poll(&p, 1, 0);
	return p.revents;
}

static int pass_fd(int by, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = {"F", 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return (int)sendmsg(by, &m, 0);
}

static int take_fd(int by)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(by, &m, MSG_CMSG_CLOEXEC) != 1 || byte != 'F')
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static void pairs(void)
{
	static char big[300000];
	char buf[100];
	int s[2], n, type;
	socklen_t len = sizeof(type);
	ssize_t put;

	WORKS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	check(write(s[0], "abc", 3) == 3 && write(s[0], "def", 3) == 3 &&
		      read(s[1], buf, 100) == 6 && !memcmp(buf, "abcdef", 6),
	      "a stream has no borders");
	check(!getsockopt(s[0], SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM,
	      "SO_TYPE");
	FAILS(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	check(events(s[0]) == POLLOUT, "only writable");
	write(s[0], "xyz", 3);
	check(recv(s[1], buf, 2, MSG_PEEK) == 2 && !ioctl(s[1], FIONREAD, &n) && n == 3 &&
		      read(s[1], buf, 100) == 3,
	      "MSG_PEEK takes nothing");
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	put = write(s[0], big, sizeof(big));
	check(put > 100000 && put < 300000, "a stream that nobody reads is full");
	FAILS(write(s[0], big, sizeof(big)), EAGAIN);
	for (n = 0; put > 0;) {
		ssize_t got = read(s[1], big, 10000);

		if (got <= 0)
			break;
		n++;
		put -= got;
	}
	check(put == 0 && events(s[0]) == POLLOUT, "all of it is read, and there is room");
	FAILS(lseek(s[0], 0, SEEK_SET), ESPIPE);
	/* Bytes with a descriptor end a read. */
	check(write(s[0], "ab", 2) == 2 && pass_fd(s[0], 1) == 1 && write(s[0], "cd", 2) == 2,
	      "with a descriptor in the middle");
	check(recv(s[1], buf, 100, MSG_PEEK) == 3 && read(s[1], buf, 100) == 3 && buf[2] == 'F',
	      "a read ends with it");
	check(read(s[1], buf, 100) == 2 && buf[1] == 'd', "and the next one has what came later");
	/* A descriptor goes along. */
	n = open("/s/file", O_CREAT | O_RDWR, 0644);
	write(n, "by another", 10);
	check(pass_fd(s[0], n) == 1, "SCM_RIGHTS is sent");
	close(n);
	n = take_fd(s[1]);
	check(n >= 0 && pread(n, buf, 100, 0) == 10 && !memcmp(buf, "by another", 10) &&
		      fcntl(n, F_GETFD) == 1,
	      "and works at the other end");
	close(n);
	check(!shutdown(s[0], SHUT_WR) && read(s[1], buf, 1) == 0,
	      "shutdown for writing is the other's end");
	check(events(s[1]) == (POLLIN | POLLOUT | POLLRDHUP), "and polls so");
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(s[0], "x", 1), EPIPE);
	check(write(s[1], "y", 1) == 1 && read(s[0], buf, 1) == 1, "the other way still goes");
	close(s[0]);
	check(events(s[1]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP), "a peer that has gone");
	FAILS(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[1]);

	WORKS(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	check(write(s[0], "one", 3) == 3 && write(s[0], "three", 5) == 5, "two datagrams");
	check(read(s[1], buf, 2) == 2 && read(s[1], buf, 100) == 5 && !memcmp(buf, "three", 5),
	      "a datagram is taken as a whole");
	check(send(s[0], "", 0, 0) == 0 && recv(s[1], buf, 100, 0) == 0, "an empty one");
	write(s[0], "long", 4);
	check(recv(s[1], buf, 1, MSG_TRUNC) == 4, "MSG_TRUNC says how long it was");
	close(s[0]);
	close(s[1]);
	WORKS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	write(s[0], "12", 2);
	write(s[0], "345", 3);
	check(read(s[1], buf, 100) == 2 && read(s[1], buf, 100) == 3, "packets in sequence");
	close(s[0]);
	check(read(s[1], buf, 100) == 0, "and their end");
	close(s[1]);

	FAILS(socketpair(AF_UNIX, 9, 0, s), ESOCKTNOSUPPORT);
}

static void names(void)
{
	struct sockaddr_un a, b;
	struct stat st;
	socklen_t len = name_of(&a, "/s/socket"), blen;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d;
	char buf[10];
	struct ucred cred;

	FAILS(connect(c, (struct sockaddr *)&a, len), ENOENT);
	FAILS(listen(l, 5), EINVAL);
	WORKS(bind(l, (struct sockaddr *)&a, len));
	check(!stat("/s/socket", &st) && S_ISSOCK(st.st_mode), "a socket has a name");
	FAILS(open("/s/socket", O_RDWR), ENXIO);
	FAILS(connect(c, (struct sockaddr *)&a, len), ECONNREFUSED);
	d = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(bind(d, (struct sockaddr *)&a, len), EADDRINUSE);
	close(d);
	WORKS(listen(l, 5));
	fcntl(l, F_SETFL, O_NONBLOCK);
	FAILS(accept(l, NULL, NULL), EAGAIN);
	check(events(l) == 0, "nobody has come");
	FAILS(write(c, "x", 1), ENOTCONN);
	WORKS(connect(c, (struct sockaddr *)&a, len));
	check(events(l) == POLLIN, "somebody has");
	check(write(c, "early", 5) == 5, "it may write before it is accepted");
	blen = sizeof(b);
	d = accept4(l, (struct sockaddr *)&b, &blen, SOCK_CLOEXEC);
	check(d >= 0 && blen == 2 && read(d, buf, 10) == 5 && !memcmp(buf, "early", 5), "accept");
	blen = sizeof(b);
	check(!getpeername(c, (struct sockaddr *)&b, &blen) && blen == len &&
		      !strcmp(b.sun_path, "/s/socket"),
	      "getpeername");
	blen = sizeof(cred);
	check(!getsockopt(d, SOL_SOCKET, SO_PEERCRED, &cred, &blen) && cred.pid == getpid() &&
		      cred.uid == 0,
	      "SO_PEERCRED");
	FAILS(connect(c, (struct sockaddr *)&a, len), EISCONN);
	FAILS(accept(c, NULL, NULL), EINVAL);
	close(c);
	check(read(d, buf, 10) == 0, "the end");
	close(d);
	close(l);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect(c, (struct sockaddr *)&a, len), ECONNREFUSED);
	close(c);

	len = name_of(&a, "@abstract");
	l = socket(AF_UNIX, SOCK_DGRAM, 0);
	c = socket(AF_UNIX, SOCK_DGRAM, 0);
	FAILS(sendto(c, "x", 1, 0, (struct sockaddr *)&a, len), ECONNREFUSED);
	WORKS(bind(l, (struct sockaddr *)&a, len));
	check(sendto(c, "hello", 5, 0, (struct sockaddr *)&a, len) == 5 && recv(l, buf, 10, 0) == 5,
	      "a datagram to an abstract name");
	len = name_of(&b, "@back");
	WORKS(bind(c, (struct sockaddr *)&b, len));
	sendto(c, "hi", 2, 0, (struct sockaddr *)&a, name_of(&a, "@abstract"));
	blen = sizeof(b);
	check(recvfrom(l, buf, 10, 0, (struct sockaddr *)&b, &blen) == 2 && blen == len &&
		      !memcmp(b.sun_path, "\0back", 5),
	      "recvfrom says from whom");
	FAILS(write(c, "x", 1), ENOTCONN);
	WORKS(connect(c, (struct sockaddr *)&a, name_of(&a, "@abstract")));
	check(write(c, "x", 1) == 1 && read(l, buf, 10) == 1, "a connected datagram socket");
	close(l);
	FAILS(write(c, "x", 1), ECONNREFUSED);
	close(c);
	FAILS(accept(0, NULL, NULL), ENOTSOCK);
	FAILS(accept(77, NULL, NULL), EBADF);
}

static int peer_is(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	struct ucred c = {-7, 7, 7};
	socklen_t len = sizeof(c);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) && len == sizeof(c) &&
	       c.pid == pid && c.uid == uid && c.gid == gid;
}

static int map_ids(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY);
	n = (int)write(fd, text, strlen(text));
	close(fd);
	return n == (int)strlen(text);
}

/* Who has connected or begun to listen, as he was then, and as the reader's user namespace knows him. */
static void peers(void)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, "@peers");
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c, d, s[2], told[2], back[2], status;
	pid_t me = getpid(), pid;
	char byte;

	check(peer_is(l, 0, -1, -1), "a new socket has no peer");
	WORKS(bind(l, (struct sockaddr *)&a, len));
	WORKS(setegid(55));
	WORKS(listen(l, 5));
	WORKS(setegid(0));
	check(peer_is(l, me, 0, 55), "a listener's is who has begun to listen");
	pipe(told);
	pipe(back);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		WORKS(setresgid(10, 20, 30));
		WORKS(setresuid(1000, 2000, 0));
		c = socket(AF_UNIX, SOCK_STREAM, 0);
		WORKS(connect(c, (struct sockaddr *)&a, len));
		check(peer_is(c, me, 0, 55), "who connects sees who listened");
		WORKS(seteuid(0));
		write(told[1], "x", 1);
		pause();
	}
	read(told[0], &byte, 1);
	d = accept(l, NULL, NULL);
	check(peer_is(d, pid, 2000, 20), "who accepts sees the effective ids of who connected");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check(peer_is(d, pid, 2000, 20), "also when he is gone");
	close(d);
	close(l);

	WORKS(seteuid(7));
	WORKS(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	WORKS(seteuid(0));
	check(peer_is(s[0], me, 7, 0) && peer_is(s[1], me, 7, 0), "a pair's is who made it");
	l = socket(AF_UNIX, SOCK_DGRAM, 0);
	c = socket(AF_UNIX, SOCK_DGRAM, 0);
	WORKS(bind(l, (struct sockaddr *)&a, name_of(&a, "@datagrams")));
	WORKS(connect(c, (struct sockaddr *)&a, name_of(&a, "@datagrams")));
	check(peer_is(c, 0, -1, -1), "connected for datagrams there is none");
	close(l);
	close(c);

	mkdir("/proc", 0755);
	WORKS(mount("proc", "/proc", "proc", 0, NULL));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		WORKS(unshare(CLONE_NEWUSER));
		check(peer_is(s[0], me, 65534, 65534), "without a map ids are the overflow's");
		write(told[1], "x", 1);
		read(back[0], &byte, 1);
		check(peer_is(s[0], me, 40, 50), "ids are those of the reader's namespace");
		c = socket(AF_UNIX, SOCK_STREAM, 0);
		check(peer_is(c, 0, -1, -1), "nobody is nobody there");
		fflush(stdout);
		_exit(failures != 0);
	}
	read(told[0], &byte, 1);
	check(map_ids(pid, "uid_map", "40 7 1\n") && map_ids(pid, "gid_map", "50 0 1\n"),
	      "maps from above");
	write(back[1], "x", 1);
	fflush(stdout);
	check(waitpid(pid, &status, 0) == pid && !status, "the reader in a namespace");
	close(s[0]);
	close(s[1]);
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(back[i]);
	}
}

static void splices(void)
{
	char buf[100];
	int a = open("/s/a", O_CREAT | O_RDWR, 0644), b = open("/s/b", O_CREAT | O_RDWR, 0644),
	    p[2], q[2];
	struct iovec v[2] = {{"vm", 2}, {"splice", 6}};
	loff_t off = 2;

	write(a, "0123456789", 10);
	check(sendfile(b, a, &off, 5) == 5 && off == 7 && pread(b, buf, 100, 0) == 5 &&
		      !memcmp(buf, "23456", 5) && lseek(a, 0, SEEK_CUR) == 10,
	      "sendfile from an offset");
	lseek(a, 8, SEEK_SET);
	check(sendfile(b, a, NULL, 100) == 2 && lseek(a, 0, SEEK_CUR) == 10 &&
		      lseek(b, 0, SEEK_CUR) == 7,
	      "and from the position to the end");
	FAILS(sendfile(b, 77, NULL, 1), EBADF);
	pipe(p);
	pipe(q);
	off = 1;
	check(splice(a, &off, p[1], NULL, 4, 0) == 4 && off == 5, "splice into a pipe");
	check(tee(p[0], q[1], 100, 0) == 4 && read(q[0], buf, 100) == 4 && !memcmp(buf, "1234", 4),
	      "tee copies");
	check(splice(p[0], NULL, q[1], NULL, 2, 0) == 2 && read(q[0], buf, 100) == 2 &&
		      !memcmp(buf, "12", 2),
	      "splice from pipe to pipe");
	off = 0;
	check(splice(p[0], NULL, b, &off, 100, 0) == 2 && off == 2 && pread(b, buf, 3, 0) == 3 &&
		      !memcmp(buf, "344", 3),
	      "and into a file");
	FAILS(splice(p[0], NULL, b, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(splice(a, NULL, b, NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], &off, b, NULL, 1, 0), ESPIPE);
	FAILS(tee(p[0], p[1], 1, 0), EINVAL);
	check(vmsplice(p[1], v, 2, 0) == 8 && read(p[0], buf, 100) == 8 &&
		      !memcmp(buf, "vmsplice", 8),
	      "vmsplice");
	FAILS(vmsplice(a, v, 2, 0), EBADF);
	off = 0;
	{
		loff_t to = 20;

		check(copy_file_range(a, &off, b, &to, 100, 0) == 10 && off == 10 && to == 30,
		      "copy_file_range");
		to = 5, off = 0;
		FAILS(copy_file_range(a, &off, a, &to, 10, 0), EINVAL);
	}
	FAILS(copy_file_range(p[0], NULL, b, NULL, 1, 0), EINVAL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/s", 0755);
	pairs();
	names();
	peers();
	splices();
	printf("sockets: done, %d failures\n", failures);
	fflush(stdout);
	return failures != 0;
}
