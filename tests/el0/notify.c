// SPDX-License-Identifier: MIT
/* Who is told what happens to files: inotify, F_NOTIFY, O_ASYNC, leases; /proc/locks; and file systems that go while somebody is inside. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

static char buf[4096];

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (write(fd, text, strlen(text)) < 0)
		printf("FAIL %s\n", path);
	close(fd);
}

/* The signal that is pending, and what it says; 0: none. */
static int taken(siginfo_t *info)
{
	struct timespec none = {0, 0};
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGUSR1);
	memset(info, 0, sizeof(*info));
	sig = sigtimedwait(&set, info, &none);
	return sig < 0 ? 0 : sig;
}

/* The next event of an inotify descriptor: its mask; 0: none. */
static unsigned int event(int fd, int *wd, char *name)
{
	static char events[4096];
	static ssize_t left, at;
	struct inotify_event *e;

	if (!left) {
		left = read(fd, events, sizeof(events));
		at = 0;
		if (left <= 0) {
			left = 0;
			return 0;
		}
	}
	e = (struct inotify_event *)(events + at);
	at += (ssize_t)(sizeof(*e) + e->len);
	left -= (ssize_t)(sizeof(*e) + e->len);
	*wd = e->wd;
	strcpy(name, e->len ? e->name : "");
	return e->mask;
}

static void test_inotify(void)
{
	int fd = inotify_init1(IN_NONBLOCK), wd, own, file;
	char name[300];
	struct timespec t[2] = {{1, 0}, {0, UTIME_OMIT}};

	WORKS(mount("t", "/n", "tmpfs", 0, NULL));
	close(open("/n/f", O_CREAT | O_RDWR, 0644));
	own = inotify_add_watch(fd, "/n/f", IN_ATTRIB | IN_MODIFY | IN_ACCESS);
	chmod("/n/f", 0600);
	check(event(fd, &wd, name) == IN_ATTRIB && wd == own, "chmod");
	file = open("/n/f", O_RDWR);
	fchmod(file, 0644);
	check(event(fd, &wd, name) == IN_ATTRIB, "fchmod");
	chown("/n/f", 5, 5);
	check(event(fd, &wd, name) == IN_ATTRIB, "chown");
	utimensat(AT_FDCWD, "/n/f", NULL, 0);
	check(event(fd, &wd, name) == IN_ATTRIB, "utimensat");
	utimensat(AT_FDCWD, "/n/f", t, 0);
	check(event(fd, &wd, name) == IN_ACCESS, "... of the access time alone");
	ftruncate(file, 5);
	check(event(fd, &wd, name) == IN_MODIFY, "ftruncate");
	truncate("/n/f", 9);
	check(event(fd, &wd, name) == IN_MODIFY, "truncate");
	fallocate(file, 0, 0, 4096);
	check(event(fd, &wd, name) == IN_MODIFY, "fallocate");
	close(file);
	check(!event(fd, &wd, name), "no more");
	/* The file system goes: watches do not keep it. */
	inotify_add_watch(fd, "/n", IN_CREATE);
	WORKS(umount("/n"));
	check(event(fd, &wd, name) == IN_UNMOUNT, "IN_UNMOUNT");
	check(event(fd, &wd, name) == IN_IGNORED, "IN_IGNORED");
	check(event(fd, &wd, name) == (IN_UNMOUNT | IN_ISDIR), "... for each watch");
	check(event(fd, &wd, name) == IN_IGNORED, "... too");
	check(!event(fd, &wd, name), "and no more");
	FAILS(inotify_rm_watch(fd, own), EINVAL);
	close(fd);
}

static void test_limits(void)
{
	int fd[4], wd, n = 0;
	char name[300];

	put("/proc/sys/fs/inotify/max_user_instances", "2");
	fd[0] = inotify_init1(IN_NONBLOCK);
	fd[1] = inotify_init1(IN_NONBLOCK);
	check(fd[0] >= 0 && fd[1] >= 0, "two instances");
	FAILS(inotify_init1(0), EMFILE);
	close(fd[1]);
	check((fd[1] = inotify_init1(0)) >= 0, "one instead of another");
	close(fd[1]);
	put("/proc/sys/fs/inotify/max_user_instances", "128");
	put("/proc/sys/fs/inotify/max_user_watches", "2");
	check(inotify_add_watch(fd[0], "/n", IN_OPEN) >= 0 &&
		      inotify_add_watch(fd[0], "/tmp", IN_OPEN) >= 0,
	      "two watches");
	FAILS(inotify_add_watch(fd[0], "/proc", IN_OPEN), ENOSPC);
	WORKS(inotify_add_watch(fd[0], "/n", IN_CREATE));
	inotify_rm_watch(fd[0], 2);
	WORKS(inotify_add_watch(fd[0], "/proc", IN_OPEN));
	close(fd[0]);
	put("/proc/sys/fs/inotify/max_user_watches", "10000");
	put("/proc/sys/fs/inotify/max_queued_events", "3");
	fd[0] = inotify_init1(IN_NONBLOCK);
	inotify_add_watch(fd[0], "/n", IN_CREATE);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "/n/q%d", i);
		close(open(name, O_CREAT | O_RDWR, 0600));
		unlink(name);
	}
	while (event(fd[0], &wd, name) == IN_CREATE)
		n++;
	check(n == 3 && wd == -1, "three events, then it overflows");
	close(fd[0]);
	put("/proc/sys/fs/inotify/max_queued_events", "16384");
}

static void test_owner(void)
{
	struct f_owner_ex ex = {F_OWNER_PGRP, 0};
	int p[2];
	siginfo_t info;
	int on = 1;

	pipe(p);
	check(fcntl(p[0], F_GETOWN) == 0 && fcntl(p[0], F_GETSIG) == 0, "nobody owns it");
	check(!fcntl(p[0], F_GETOWN_EX, &ex) && ex.type == F_OWNER_TID && ex.pid == 0,
	      "... nor more exactly");
	FAILS(fcntl(p[0], F_SETOWN, 99999), ESRCH);
	FAILS(fcntl(p[0], F_SETOWN, -99999), ESRCH);
	WORKS(fcntl(p[0], F_SETOWN, getpid()));
	check(fcntl(p[0], F_GETOWN) == getpid(), "F_SETOWN");
	check(!fcntl(p[0], F_GETOWN_EX, &ex) && ex.type == F_OWNER_PID && ex.pid == getpid(),
	      "a process");
	ex = (struct f_owner_ex){3, 1};
	FAILS(fcntl(p[0], F_SETOWN_EX, &ex), EINVAL);
	ex = (struct f_owner_ex){F_OWNER_TID, 99999};
	FAILS(fcntl(p[0], F_SETOWN_EX, &ex), ESRCH);
	FAILS(fcntl(p[0], F_SETOWN_EX, 8), EFAULT);
	FAILS(fcntl(p[0], F_SETSIG, 65), EINVAL);
	FAILS(fcntl(p[0], F_SETSIG, -1), EINVAL);
	setpgid(0, 0);
	ex = (struct f_owner_ex){F_OWNER_PGRP, getpgrp()};
	if (ex.pid) {
		WORKS(fcntl(p[0], F_SETOWN_EX, &ex));
		check(fcntl(p[0], F_GETOWN) == -getpgrp() || getpgrp() < 4096, "a group");
	}
	ex = (struct f_owner_ex){F_OWNER_TID, (int)syscall(SYS_gettid)};
	WORKS(fcntl(p[0], F_SETOWN_EX, &ex));

	/* O_ASYNC. */
	write(p[1], "x", 1);
	check(!taken(&info), "no signal without O_ASYNC");
	read(p[0], buf, 10);
	WORKS(fcntl(p[0], F_SETFL, O_ASYNC));
	check(fcntl(p[0], F_GETFL) & O_ASYNC, "it is shown");
	write(p[1], "x", 1);
	check(taken(&info) == SIGIO && info.si_code == SI_KERNEL, "SIGIO");
	check(!taken(&info), "one");
	WORKS(fcntl(p[0], F_SETSIG, SIGRTMIN));
	check(fcntl(p[0], F_GETSIG) == SIGRTMIN, "F_GETSIG");
	read(p[0], buf, 10);
	write(p[1], "x", 1);
	check(taken(&info) == SIGRTMIN && info.si_code == POLL_IN && info.si_fd == p[0] &&
		      info.si_band == (POLLIN | POLLRDNORM),
	      "the signal that was asked for says why");
	WORKS(fcntl(p[0], F_SETSIG, SIGIO));
	read(p[0], buf, 10);
	write(p[1], "x", 1);
	check(taken(&info) == SIGIO && info.si_code == POLL_IN && info.si_fd == p[0],
	      "SIGIO, when it was asked for");
	WORKS(fcntl(p[0], F_SETFL, 0));
	read(p[0], buf, 10);
	write(p[1], "x", 1);
	check(!taken(&info), "no more without O_ASYNC");
	WORKS(ioctl(p[0], FIOASYNC, &on));
	check(fcntl(p[0], F_GETFL) & O_ASYNC, "FIOASYNC");
	read(p[0], buf, 10);
	write(p[1], "x", 1);
	check(taken(&info) == SIGIO, "... is the same");
	close(p[0]);
	close(p[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	fcntl(p[0], F_SETOWN, getpid());
	fcntl(p[0], F_SETSIG, SIGRTMIN);
	fcntl(p[0], F_SETFL, O_ASYNC);
	write(p[1], "x", 1);
	check(taken(&info) == SIGRTMIN && info.si_code == POLL_IN, "a socket");
	close(p[0]);
	close(p[1]);
	while (taken(&info))
		continue;
}

static void test_dnotify(void)
{
	int dir, file;
	siginfo_t info;

	mkdir("/n/dir", 0755);
	dir = open("/n/dir", O_RDONLY);
	file = open("/n/file", O_CREAT | O_RDWR, 0600);
	FAILS(fcntl(file, F_NOTIFY, DN_CREATE), ENOTDIR);
	WORKS(fcntl(dir, F_SETSIG, SIGRTMIN));
	WORKS(fcntl(dir, F_NOTIFY, DN_CREATE));
	check(fcntl(dir, F_GETOWN) == getpid(), "who asks is the owner");
	close(open("/n/dir/a", O_CREAT | O_RDWR, 0600));
	check(taken(&info) == SIGRTMIN && info.si_fd == dir && info.si_code == POLL_MSG,
	      "a name is made");
	close(open("/n/dir/b", O_CREAT | O_RDWR, 0600));
	check(!taken(&info), "it is told once");
	WORKS(fcntl(dir, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT));
	WORKS(fcntl(dir, F_NOTIFY, DN_RENAME | DN_ATTRIB | DN_MODIFY | DN_ACCESS | DN_MULTISHOT));
	close(open("/n/dir/c", O_CREAT | O_RDWR, 0600));
	check(taken(&info) == SIGRTMIN, "create");
	while (taken(&info))
		continue;
	unlink("/n/dir/c");
	check(taken(&info) == SIGRTMIN, "delete");
	while (taken(&info))
		continue;
	chmod("/n/dir/a", 0640);
	check(taken(&info) == SIGRTMIN, "attribute");
	rename("/n/dir/a", "/n/dir/d");
	check(taken(&info) == SIGRTMIN, "rename");
	while (taken(&info))
		continue;
	close(file);
	file = open("/n/dir/d", O_RDWR);
	write(file, "x", 1);
	check(taken(&info) == SIGRTMIN, "modify");
	lseek(file, 0, SEEK_SET);
	read(file, buf, 1);
	check(taken(&info) == SIGRTMIN, "access");
	close(file);
	while (taken(&info))
		continue;
	WORKS(fcntl(dir, F_NOTIFY, 0));
	unlink("/n/dir/d");
	check(!taken(&info), "taken back");
	WORKS(fcntl(dir, F_NOTIFY, DN_DELETE | DN_MULTISHOT));
	close(dir);
	unlink("/n/dir/b");
	check(!taken(&info), "a closed directory tells nothing");
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_leases(void)
{
	int fd, other, status, p[2];
	siginfo_t info;
	pid_t child;
	long begin;

	close(open("/n/l", O_CREAT | O_RDWR, 0644));
	fd = open("/n/l", O_RDONLY);
	check(fcntl(fd, F_GETLEASE) == F_UNLCK, "no lease");
	FAILS(fcntl(fd, F_SETLEASE, 7), EINVAL);
	FAILS(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
	pipe(p);
	FAILS(fcntl(p[0], F_SETLEASE, F_RDLCK), EINVAL);
	WORKS(fcntl(fd, F_SETLEASE, F_RDLCK));
	check(fcntl(fd, F_GETLEASE) == F_RDLCK, "a reader's lease");
	other = open("/n/l", O_RDONLY);
	check(other >= 0 && !taken(&info), "others may read");
	FAILS(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
	close(other);
	WORKS(fcntl(fd, F_SETLEASE, F_WRLCK));
	WORKS(fcntl(fd, F_SETLEASE, F_RDLCK));
	FAILS(open("/n/l", O_WRONLY | O_NONBLOCK), EAGAIN);
	check(taken(&info) == SIGIO, "who opens it for writing is told of");
	check(fcntl(fd, F_GETLEASE) == F_UNLCK, "it is to go");
	FAILS(open("/n/l", O_WRONLY | O_NONBLOCK), EAGAIN);
	check(!taken(&info), "told once");
	check((other = open("/n/l", O_RDONLY | O_NONBLOCK)) >= 0, "reading goes on");
	close(other);
	WORKS(fcntl(fd, F_SETLEASE, F_UNLCK));
	check((other = open("/n/l", O_WRONLY | O_NONBLOCK)) >= 0, "given back");
	FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
	close(other);
	close(fd);

	/* A writer's, by somebody who waits. */
	fd = open("/n/l", O_RDWR);
	WORKS(fcntl(fd, F_SETLEASE, F_WRLCK));
	WORKS(fcntl(fd, F_SETSIG, SIGRTMIN));
	child = fork();
	if (!child) {
		other = open("/n/l", O_RDONLY);
		_exit(other < 0);
	}
	for (int i = 0; i < 2000 && taken(&info) != SIGRTMIN; i++)
		usleep(1000);
	check(info.si_signo == SIGRTMIN && info.si_fd == fd && info.si_code == POLL_MSG,
	      "the writer is told");
	check(fcntl(fd, F_GETLEASE) == F_RDLCK, "it is to become a reader's");
	check(waitpid(child, &status, WNOHANG) == 0, "the other waits");
	WORKS(fcntl(fd, F_SETLEASE, F_UNLCK));
	check(waitpid(child, &status, 0) == child && !status, "... until it is given back");
	/* The time is over. */
	put("/proc/sys/fs/lease-break-time", "1");
	WORKS(fcntl(fd, F_SETLEASE, F_WRLCK));
	begin = now_ms();
	child = fork();
	if (!child)
		_exit(truncate("/n/l", 1));
	check(waitpid(child, &status, 0) == child && !status && now_ms() - begin >= 900 &&
		      now_ms() - begin < 5000,
	      "after its time it goes");
	check(fcntl(fd, F_GETLEASE) == F_UNLCK, "... altogether");
	put("/proc/sys/fs/lease-break-time", "45");
	close(fd);
	chown("/n/l", 5, 5);
	if (!fork()) {
		failures = 0;
		setuid(1000);
		fd = open("/n/l", O_RDONLY);
		FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
		_exit(failures);
	}
	wait(&status);
	check(!status, "only the owner");
	close(p[0]);
	close(p[1]);
	while (taken(&info))
		continue;
}

static void test_own_locks(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_start = 10, .l_len = 5}, q = {.l_type = F_UNLCK};
	int fd = open("/n/locks", O_CREAT | O_RDWR, 0600), other = open("/n/locks", O_RDWR);

	WORKS(fcntl(fd, F_OFD_SETLK, &l));
	check(!fcntl(fd, F_OFD_GETLK, &q) && q.l_type == F_WRLCK && q.l_start == 10 &&
		      q.l_len == 5 && q.l_pid == -1,
	      "F_OFD_GETLK with F_UNLCK shows one's own lock");
	q = (struct flock){.l_type = F_UNLCK};
	check(!fcntl(other, F_OFD_GETLK, &q) && q.l_type == F_UNLCK, "... and no other's");
	q = (struct flock){.l_type = F_UNLCK};
	FAILS(fcntl(fd, F_GETLK, &q), EINVAL);
	close(fd);
	close(other);
}

/* /proc/locks has the line "N: WHAT PID MAJOR:MINOR:INODE RANGE" of that file, any N. what NULL: any line of the file. */
static int listed(int fd, const char *what, int pid, const char *range)
{
	static char text[8192];
	char file[64], line[160];
	int locks = open("/proc/locks", O_RDONLY);
	ssize_t n, len = 0;
	struct stat st;

	while ((n = read(locks, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	close(locks);
	fstat(fd, &st);
	snprintf(file, sizeof(file), "%02x:%02x:%lu", major(st.st_dev), minor(st.st_dev),
		 (unsigned long)st.st_ino);
	snprintf(line, sizeof(line), ": %s %d %s %s\n", what, pid, file, range);
	return strstr(text, what ? line : file) != NULL;
}

/* A child that waits for a lock of bytes 0 to 9, until it is listed as `what`. */
static pid_t waiting(int fd, short type, const char *what)
{
	struct flock l = {.l_type = type, .l_len = 10};
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		fcntl(fd, F_SETLKW, &l);
		_exit(0);
	}
	for (int i = 0; i < 1000000 && !listed(fd, what, pid, "0 9"); i++)
		sched_yield();
	return pid;
}

static void test_proc_locks(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_len = 100}, q = {.l_type = F_RDLCK};
	int fd = open("/n/listed", O_CREAT | O_RDWR, 0600), other = open("/n/listed", O_RDWR);
	int me = getpid();
	pid_t pid[3];

	check(!listed(fd, NULL, 0, ""), "a file without locks is not in /proc/locks");
	WORKS(fcntl(fd, F_SETLK, &l));
	check(listed(fd, "POSIX  ADVISORY  WRITE", me, "0 99"), "a lock of a range");
	l = (struct flock){.l_type = F_UNLCK, .l_start = 20, .l_len = 10};
	WORKS(fcntl(fd, F_SETLK, &l));
	check(listed(fd, "POSIX  ADVISORY  WRITE", me, "0 19") &&
		      listed(fd, "POSIX  ADVISORY  WRITE", me, "30 99"),
	      "two, when its middle is given up");
	l = (struct flock){.l_type = F_RDLCK, .l_start = 200};
	WORKS(fcntl(other, F_OFD_SETLK, &l));
	check(listed(fd, "OFDLCK ADVISORY  READ", -1, "200 EOF"), "one of an open file");
	WORKS(flock(other, LOCK_SH));
	check(listed(fd, "FLOCK  ADVISORY  READ", me, "0 EOF"), "flock's");
	pid[0] = waiting(fd, F_WRLCK, "-> POSIX  ADVISORY  WRITE");
	check(listed(fd, "-> POSIX  ADVISORY  WRITE", pid[0], "0 9"), "who waits");
	pid[1] = waiting(fd, F_WRLCK, " -> POSIX  ADVISORY  WRITE");
	check(listed(fd, " -> POSIX  ADVISORY  WRITE", pid[1], "0 9"), "who waits for him");
	pid[2] = waiting(fd, F_RDLCK, "  -> POSIX  ADVISORY  READ");
	check(listed(fd, "  -> POSIX  ADVISORY  READ", pid[2], "0 9"), "and for him");
	kill(pid[1], SIGKILL);
	waitpid(pid[1], NULL, 0);
	check(!listed(fd, "  -> POSIX  ADVISORY  WRITE", pid[1], "0 9"), "not who has gone");
	l = (struct flock){.l_type = F_UNLCK};
	WORKS(fcntl(fd, F_SETLK, &l));
	check(waitpid(pid[0], NULL, 0) == pid[0] && waitpid(pid[2], NULL, 0) == pid[2],
	      "they get it");
	check(!listed(fd, "POSIX  ADVISORY  WRITE", me, "0 19") &&
		      !listed(fd, "POSIX  ADVISORY  WRITE", me, "30 99"),
	      "and it is mine no more");
	check(!fcntl(fd, F_GETLK, &q) && q.l_type == F_UNLCK, "nor anybody's");
	close(other);
	check(!listed(fd, NULL, 0, ""), "none is left when the file is closed");
	close(fd);
}

static void test_umount(void)
{
	int fd, other;

	mkdir("/u", 0755);
	WORKS(mount("t", "/u", "tmpfs", 0, NULL));
	mkdir("/u/in", 0755);
	WORKS(mount("t", "/u/in", "tmpfs", 0, NULL));
	fd = open("/u/in/f", O_CREAT | O_RDWR, 0600);
	FAILS(umount("/u"), EBUSY);
	FAILS(umount("/u/in"), EBUSY);
	FAILS(umount("/u/none"), ENOENT);
	FAILS(umount2("/u", 0x100), EINVAL);
	FAILS(umount2("/u", MNT_EXPIRE | MNT_DETACH), EINVAL);
	FAILS(umount2("/u/in", MNT_EXPIRE), EBUSY);
	WORKS(umount2("/u", MNT_DETACH));
	check(access("/u/in", F_OK) == -1 && errno == ENOENT, "all below is gone from the tree");
	check(write(fd, "x", 1) == 1, "who is inside stays there");
	WORKS(mount("t", "/u", "tmpfs", 0, NULL));
	close(fd);
	FAILS(umount2("/u", MNT_EXPIRE), EAGAIN);
	close(open("/u", O_RDONLY));
	FAILS(umount2("/u", MNT_EXPIRE), EAGAIN);
	WORKS(umount2("/u", MNT_EXPIRE));
	FAILS(umount("/u"), EINVAL);
	symlink("/u", "/ul");
	WORKS(mount("t", "/u", "tmpfs", 0, NULL));
	FAILS(umount2("/ul", UMOUNT_NOFOLLOW), EINVAL);
	WORKS(umount2("/ul", 0));
	if (!fork()) {
		failures = 0;
		setuid(1000);
		FAILS(umount("/none"), ENOENT);
		FAILS(umount("/u"), EPERM);
		_exit(failures);
	}
	wait(&other);
	check(!other, "not by a user");
}

int main(void)
{
	sigset_t set;

	begin();
	mkdir("/n", 0755);
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	test_inotify();
	test_limits();
	test_owner();
	test_dnotify();
	test_leases();
	test_own_locks();
	test_proc_locks();
	test_umount();
	return end("notify");
}
