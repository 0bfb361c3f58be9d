// SPDX-License-Identifier: MIT
/* Pseudo-terminals: pairs and their names, lines, sessions and their
 * foreground, hangups. */
#define _GNU_SOURCE
#include "abi.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>

static char buf[10000];

/* A pair, unlocked. */
static int pair(int *slave, int flags)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), n = -1, zero = 0;
	char name[32];

	ioctl(master, TIOCGPTN, &n);
	ioctl(master, TIOCSPTLCK, &zero);
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	*slave = open(name, O_RDWR | flags);
	return master;
}

static int reads(int fd, const char *text)
{
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static void raw(int fd)
{
	struct termios t;

	tcgetattr(fd, &t);
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
}

static void test_names(void)
{
	int m, m2, s, n = -1, n2 = -1, one = 1, zero = 0, locked = -1;
	char name[32];
	struct stat st;
	struct statfs fs;

	mkdir("/dev/pts", 0755);
	FAILS(open("/dev/ptmx", O_RDWR), ENODEV);
	rmdir("/dev/pts");
	FAILS(open("/dev/ptmx", O_RDWR), ENOENT);
	mkdir("/dev/pts", 0755);
	WORKS(mount("devpts", "/dev/pts", "devpts", 0, "mode=620,gid=5,ptmxmode=666"));
	check(!statfs("/dev/pts", &fs) && fs.f_type == 0x1cd1, "devpts");
	check(!stat("/dev/pts/ptmx", &st) && st.st_mode == (S_IFCHR | 0666) &&
		      st.st_rdev == makedev(5, 2),
	      "its ptmx");
	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(m >= 0 && !ioctl(m, TIOCGPTN, &n) && n == 0, "the first pair is 0");
	m2 = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	check(m2 >= 0 && !ioctl(m2, TIOCGPTN, &n2) && n2 == 1, "the next 1, by the other ptmx");
	check(!stat("/dev/pts/1", &st) && st.st_mode == (S_IFCHR | 0620) && st.st_gid == 5 &&
		      st.st_uid == 0 && st.st_rdev == makedev(136, 1),
	      "a slave's name");
	check(!ioctl(m, TIOCGPTLCK, &locked) && locked == 1, "it is locked at first");
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	FAILS(open(name, O_RDWR | O_NOCTTY), EIO);
	WORKS(ioctl(m, TIOCSPTLCK, &zero));
	s = open(name, O_RDWR | O_NOCTTY);
	check(s >= 0 && isatty(s) && isatty(m), "unlocked, both are terminals");
	FAILS(ioctl(s, TIOCGPTN, &n), ENOTTY);
	FAILS(ioctl(s, TIOCSPTLCK, &one), ENOTTY);
	close(m2);
	check(access("/dev/pts/1", F_OK) == -1 && errno == ENOENT, "a name goes with its master");
	m2 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(!ioctl(m2, TIOCGPTN, &n2) && n2 == 1, "and its number comes again");
	n = ioctl(m2, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	check(n == -1 && errno == EIO, "TIOCGPTPEER: locked");
	ioctl(m2, TIOCSPTLCK, &zero);
	n = ioctl(m2, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	check(n >= 0 && write(n, "hi", 2) == 2 && reads(m2, "hi"), "TIOCGPTPEER: the slave");
	close(n);
	close(m2);
	check(mkdir("/dev/pts/x", 0755) == -1 && errno == EPERM, "no other names");
	FAILS(unlink("/dev/pts/0"), EPERM);
	mknod("/odd", S_IFCHR | 0600, makedev(136, 0));
	FAILS(open("/odd", O_RDWR | O_NOCTTY), EIO);
	close(s);
	close(m);
	FAILS(open("/dev/pts/0", O_RDWR), ENOENT);
	mkdir("/p2", 0755);
	WORKS(mount("devpts", "/p2", "devpts", 0, "newinstance,max=1"));
	check(!stat("/p2/ptmx", &st) && st.st_mode == (S_IFCHR | 0000), "a second instance");
	m = open("/p2/ptmx", O_RDWR | O_NOCTTY);
	check(m >= 0 && !ioctl(m, TIOCGPTN, &n) && n == 0 && !stat("/p2/0", &st) &&
		      st.st_mode == (S_IFCHR | 0600),
	      "has its own numbers");
	FAILS(open("/p2/ptmx", O_RDWR | O_NOCTTY), ENOSPC);
	check(access("/dev/pts/0", F_OK) == -1, "the first does not see them");
	close(m);
	WORKS(umount("/p2"));
	FAILS(mount("devpts", "/p2", "devpts", 0, "what=1"), EINVAL);
}

static void test_lines(void)
{
	int s, m = pair(&s, O_NOCTTY), n = -1;
	struct pollfd p = {.fd = m, .events = POLLIN | POLLOUT};
	struct termios t;

	check(!tcgetattr(s, &t) && t.c_iflag == (ICRNL | IXON) && t.c_oflag == (OPOST | ONLCR) &&
		      t.c_cflag == (B38400 | CS8 | CREAD) &&
		      t.c_lflag ==
			      (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN),
	      "a new terminal's modes");
	check(poll(&p, 1, 0) == 1 && p.revents == POLLOUT, "nothing to be read from the master");
	check(write(s, "out\n", 4) == 4 && reads(m, "out\r\n"), "output, with a return");
	check(write(m, "in\r", 3) == 3 && reads(m, "in\r\n"), "what is typed is echoed");
	check(!ioctl(s, FIONREAD, &n) && n == 3, "a line waits");
	check(reads(s, "in\n"), "and is read");
	write(m, "abc\177d\n", 6);
	check(reads(s, "abd\n"), "erased");
	read(m, buf, sizeof(buf));
	write(m, "x\004", 2);
	check(reads(s, "x"), "^D ends a read");
	write(m, "\004", 1);
	check(read(s, buf, 10) == 0, "alone it is the end of the file");
	read(m, buf, sizeof(buf));
	write(m, "part", 4);
	fcntl(s, F_SETFL, O_NONBLOCK);
	FAILS(read(s, buf, 10), EAGAIN);
	check(!ioctl(s, FIONREAD, &n) && n == 0, "no whole line");
	WORKS(tcflush(s, TCIFLUSH));
	write(m, "\n", 1);
	check(reads(s, "\n"), "flushed");
	fcntl(s, F_SETFL, 0);
	tcflush(m, TCIOFLUSH);
	fcntl(m, F_SETFL, O_NONBLOCK);
	while (read(m, buf, sizeof(buf)) > 0)
		continue;
	raw(s);
	write(m, "\003raw\r", 5);
	check(reads(s, "\003raw\r"), "raw");
	FAILS(read(m, buf, 10), EAGAIN);
	write(s, "a\nb", 3);
	check(reads(m, "a\nb"), "raw output");
	/* More than fits. */
	fcntl(s, F_SETFL, O_NONBLOCK);
	memset(buf, 'z', sizeof(buf));
	for (n = 0; n < 1000 && write(s, buf, 1000) > 0; n++)
		continue;
	check(n < 1000 && errno == EAGAIN, "the slave's output fills up");
	p = (struct pollfd){.fd = s, .events = POLLOUT};
	check(poll(&p, 1, 0) == 0, "no room");
	while (read(m, buf, sizeof(buf)) > 0)
		continue;
	check(poll(&p, 1, 1000) == 1 && p.revents == POLLOUT, "room again");
	{
		struct winsize w = {24, 80, 0, 0}, got;

		WORKS(ioctl(m, TIOCSWINSZ, &w));
		check(!ioctl(s, TIOCGWINSZ, &got) && got.ws_row == 24 && got.ws_col == 80,
		      "sizes are the pair's");
	}
	n = 1;
	check(!ioctl(m, TIOCPKT, &n) && write(s, "pkt", 3) == 3, "packet mode");
	check(read(m, buf, 10) == 4 && buf[0] == 0 && !memcmp(buf + 1, "pkt", 3),
	      "a byte before the data");
	n = 7;
	FAILS(ioctl(s, TIOCSETD, &n), EINVAL);
	check(!ioctl(s, TIOCGETD, &n) && n == 0, "the discipline");
	close(s);
	close(m);
}

static void test_ends(void)
{
	int s, m = pair(&s, O_NOCTTY);
	struct pollfd p = {.fd = m, .events = POLLIN};

	write(s, "last", 4);
	close(s);
	check(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLHUP), "the slave is closed");
	check(reads(m, "last"), "what it has written can be read");
	FAILS(read(m, buf, 10), EIO);
	check(poll(&p, 1, 0) == 1 && p.revents == POLLHUP, "then nothing");
	s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	check(s >= 0 && poll(&p, 1, 0) == 0, "opened again");
	p = (struct pollfd){.fd = s, .events = POLLIN};
	close(m);
	check(read(s, buf, 10) == 0, "the master is closed: the end");
	FAILS(write(s, "x", 1), EIO);
	check(tcgetattr(s, (struct termios *)buf) == -1 && errno == EIO, "nor a call");
	check(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "POLLHUP");
	close(s);
}

static volatile sig_atomic_t got[65];

static void note(int sig)
{
	got[sig]++;
}

/* A signal comes a moment after the key. */
static int comes(int sig, int times)
{
	for (int i = 0; i < 2000 && got[sig] < times; i++)
		usleep(1000);
	return got[sig] == times;
}

static void test_sessions(void)
{
	int s, m = pair(&s, O_NOCTTY), status;
	char name[32];
	int n = -1;
	pid_t sid = -1, leader;

	FAILS(tcgetpgrp(s), ENOTTY);
	check(!ioctl(m, TIOCGPGRP, &n) && n == 0, "the master may ask, and nobody is there");
	check(ioctl(m, TIOCGSID, &n) == -1 && errno == ENOTTY, "no session");
	ioctl(m, TIOCGPTN, &n);
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	leader = fork();
	if (!leader) {
		int p[2];
		pid_t child;

		failures = 0;
		FAILS(ioctl(s, TIOCSCTTY, 0), EPERM);
		setsid();
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		FAILS(ioctl(s, TIOCNOTTY), ENOTTY);
		close(open(name, O_RDWR | O_NOCTTY));
		FAILS(tcgetpgrp(s), ENOTTY);
		WORKS(ioctl(s, TIOCSCTTY, 0));
		check(tcgetpgrp(s) == getpid() && tcgetsid(s) == getpid(), "it controls");
		check(!ioctl(m, TIOCGSID, &sid) && sid == getpid(), "the master sees the session");
		n = open("/dev/tty", O_RDWR);
		check(n >= 0 && write(n, "t", 1) == 1 && reads(m, "t"), "/dev/tty is it");
		close(n);
		WORKS(ioctl(s, TIOCSCTTY, 0));
		/* The foreground. */
		signal(SIGTTOU, note);
		signal(SIGTTIN, note);
		pipe(p);
		child = fork();
		if (!child) {
			char c;

			setpgid(0, 0);
			read(p[0], &c, 1);
			_exit(0);
		}
		setpgid(child, child);
		FAILS(tcsetpgrp(s, 99999), ESRCH);
		FAILS(tcsetpgrp(s, -5), EINVAL);
		FAILS(tcsetpgrp(s, 1), EPERM);
		WORKS(tcsetpgrp(s, child));
		check(tcgetpgrp(s) == child, "another group is in the foreground");
		/* A leader's group is an orphan: nobody could bring it back. */
		FAILS(read(s, buf, 1), EIO);
		FAILS(tcsetpgrp(s, getpid()), ENOTTY);
		signal(SIGTTOU, SIG_IGN);
		WORKS(tcsetpgrp(s, getpid()));
		WORKS(tcsetpgrp(s, child));
		signal(SIGTTIN, SIG_IGN);
		FAILS(read(s, buf, 1), EIO);
		check(write(s, "bg", 2) == 2, "writing is allowed in the background");
		WORKS(tcsetpgrp(s, getpid()));
		write(p[1], "x", 1);
		waitpid(child, &status, 0);
		/* A child in the background is stopped. */
		signal(SIGTTIN, SIG_DFL);
		signal(SIGTTOU, SIG_DFL);
		child = fork();
		if (!child) {
			setpgid(0, 0);
			_exit(read(s, buf, 1) != 1);
		}
		check(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
			      WSTOPSIG(status) == SIGTTIN,
		      "a read stops it");
		tcflush(s, TCIOFLUSH);
		tcsetpgrp(s, child);
		signal(SIGTTOU, SIG_IGN);
		kill(child, SIGCONT);
		write(m, "y\n", 2);
		check(waitpid(child, &status, 0) == child && !status, "in the foreground it reads");
		tcsetpgrp(s, getpid());
		signal(SIGTTOU, SIG_DFL);
		child = fork();
		if (!child) {
			struct termios t;

			setpgid(0, 0);
			tcgetattr(s, &t);
			t.c_lflag |= TOSTOP;
			tcsetattr(s, TCSANOW, &t);
			_exit(1);
		}
		check(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
			      WSTOPSIG(status) == SIGTTOU,
		      "changing modes stops it");
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		/* Keys and sizes. */
		signal(SIGINT, note);
		signal(SIGQUIT, note);
		signal(SIGWINCH, note);
		write(m, "\003", 1);
		check(comes(SIGINT, 1), "^C");
		write(m, "\034", 1);
		check(comes(SIGQUIT, 1), "^\\");
		n = SIGINT;
		WORKS(ioctl(m, TIOCSIG, SIGINT));
		check(comes(SIGINT, 2), "TIOCSIG");
		{
			struct winsize w = {50, 100, 0, 0};

			ioctl(m, TIOCSWINSZ, &w);
			check(comes(SIGWINCH, 1), "SIGWINCH");
			ioctl(m, TIOCSWINSZ, &w);
			check(got[SIGWINCH] == 1, "... when it changes");
		}
		/* Given up, and again by opening. */
		signal(SIGHUP, note);
		signal(SIGCONT, note);
		WORKS(ioctl(s, TIOCNOTTY));
		check(got[SIGHUP] == 1 && got[SIGCONT] >= 1, "who gives it up is told");
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		n = open(name, O_RDWR);
		check(n >= 0 && tcgetsid(n) == getpid(),
		      "the first that a leader opens is its own");
		close(n);
		/* A hangup. */
		got[SIGHUP] = got[SIGCONT] = 0;
		close(m);
		_exit(failures);
	}
	waitpid(leader, &status, 0);
	check(!status, "a session");
	/* The master goes while a session has the slave. */
	leader = fork();
	if (!leader) {
		failures = 0;
		close(m);
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		signal(SIGHUP, note);
		signal(SIGCONT, note);
		write(s, "ready", 5);
		while (!got[SIGHUP])
			usleep(1000);
		check(got[SIGCONT] == 1, "SIGHUP, and SIGCONT");
		check(read(s, buf, 1) == 0, "the end");
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		_exit(failures);
	}
	fcntl(m, F_SETFL, 0);
	do
		n = (int)read(m, buf, sizeof(buf));
	while (n > 0 && !memmem(buf, (size_t)n, "ready", 5));
	close(m);
	waitpid(leader, &status, 0);
	check(!status, "a hangup");
	close(s);
	/* The leader ends: its foreground group is told. */
	m = pair(&s, O_NOCTTY);
	leader = fork();
	if (!leader) {
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		if (!fork()) {
			signal(SIGHUP, note);
			write(s, "up", 2);
			for (int i = 0; i < 5000 && !got[SIGHUP]; i++)
				usleep(1000);
			write(s, got[SIGHUP] ? "told" : "not", 4);
			_exit(0);
		}
		usleep(100000);
		_exit(0);
	}
	waitpid(leader, &status, 0);
	n = 0;
	while (n < 6) {
		ssize_t more = read(m, buf + n, sizeof(buf) - (size_t)n);

		if (more <= 0)
			break;
		n += (int)more;
	}
	check(n == 6 && !memcmp(buf, "uptold", 6), "SIGHUP when the leader ends");
	close(s);
	close(m);
}

/* A number may come again, but not for who is on a terminal that the old group
 * was in front of. */
static void test_numbers(void)
{
	int m, s, status, n = 0, pipes[2], back[2];
	char name[8] = "";
	sigset_t set;
	pid_t leader, old;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid_size = 1};

	m = pair(&s, O_NOCTTY);
	raw(s);
	check(pipe(pipes) == 0 && pipe(back) == 0, "pipes");
	leader = fork();
	if (!leader) {
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		old = fork();
		if (!old)
			pause();
		setpgid(old, old);
		signal(SIGTTOU, SIG_IGN);
		n = tcsetpgrp(s, old);
		kill(old, SIGKILL);
		waitpid(old, NULL, 0);
		write(pipes[1], &old, sizeof(old));
		pause();
	}
	old = -1;
	check(read(pipes[0], &old, sizeof(old)) == sizeof(old) && old > 0, "a group that ends");
	check(!ioctl(m, TIOCGPGRP, &n) && n == old, "and is in front still");
	args.set_tid = (uintptr_t)&old;
	fflush(stdout);
	n = (int)syscall(SYS_clone3, &args, sizeof(args));
	if (!n) {
		setpgid(0, 0);
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigprocmask(SIG_BLOCK, &set, NULL);
		write(pipes[1], name, 1);
		read(back[0], name, 1);
		_exit(sigpending(&set) || sigismember(&set, SIGINT));
	}
	check(n == old && read(pipes[0], name, 1) == 1, "another group of that number");
	WORKS(ioctl(m, TIOCSIG, SIGINT));
	write(back[1], name, 1);
	check(waitpid(old, &status, 0) == old && !status, "is not who is in front");
	kill(leader, SIGKILL);
	waitpid(leader, &status, 0);
	close(s);
	close(m);
}

/* After vhangup the master takes the session's terminal again: it is not left
 * behind when the pair ends. */
static void test_taken_again(void)
{
	int m, s, status;
	pid_t leader;

	fflush(stdout);
	leader = fork();
	if (!leader) {
		failures = 0;
		setsid();
		signal(SIGHUP, SIG_IGN);
		m = pair(&s, 0);
		check(open("/dev/tty", O_RDWR) >= 0, "a terminal");
		WORKS((int)syscall(SYS_vhangup));
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		WORKS(ioctl(m, TIOCSCTTY, 0));
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		fflush(stdout);
		_exit(failures != 0);
	}
	waitpid(leader, &status, 0);
	check(!status, "a hangup, and another");
}

/* A ptmx is of what covers the pts beside it, however often. */
static void test_stacked(void)
{
	int m, n = -1;

	mkdir("/tmp/d", 0755);
	mkdir("/tmp/d/pts", 0755);
	mknod("/tmp/d/ptmx", S_IFCHR | 0666, makedev(5, 2));
	WORKS(mount("one", "/tmp/d/pts", "devpts", 0, NULL));
	m = open("/tmp/d/pts/ptmx", O_RDWR | O_NOCTTY);
	WORKS(mount("two", "/tmp/d/pts", "devpts", 0, NULL));
	n = open("/tmp/d/ptmx", O_RDWR | O_NOCTTY);
	check(m >= 0 && n >= 0 && !access("/tmp/d/pts/0", F_OK), "the upper one");
	close(n);
	WORKS(umount("/tmp/d/pts"));
	close(m);
	WORKS(umount("/tmp/d/pts"));
}

int main(void)
{
	begin();
	umount("/dev/pts");
	test_names();
	test_lines();
	test_ends();
	test_sessions();
	test_stacked();
	test_numbers();
	test_taken_again();
	return end("ptys");
}
