// SPDX-License-Identifier: MIT
/* Namespaces: what programs see of them, by the calls that make, enter and name them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "abi.h"

/* A child by clone3 in new namespaces, with the numbers that it is to have. */
static pid_t clone_in(uint64_t flags, int *pidfd, const pid_t *set_tid, size_t n)
{
	struct clone_args args = {
		.flags = flags | (pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = n,
	};

	fflush(stdout);
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Does what `fn` says in a child, whose failures count. */
static void in_child(uint64_t flags, void (*fn)(void))
{
	pid_t pid = clone_in(flags, NULL, NULL, 0);
	int status = 0;

	if (!pid) {
		failures = 0;
		fn();
		fflush(stdout);
		_exit(failures != 0);
	}
	if (check(pid > 0, "a child in new namespaces"))
		failures += waitpid(pid, &status, 0) != pid || status;
}

/* The file's text, in a buffer of its own; "" for none. */
static const char *text_of(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static int has_line(const char *path, const char *line)
{
	const char *at = strstr(text_of(path), line);

	return at && at[strlen(line)] == '\n';
}

static const char *link_of(const char *path)
{
	static char text[2][64];
	static int turn;
	char *t = text[turn ^= 1];
	ssize_t n = readlink(path, t, sizeof(text[0]) - 1);

	t[n > 0 ? n : 0] = '\0';
	return t;
}

/* A number, through a pipe. */
static int to[2];
static void tell(int value)
{
	if (write(to[1], &value, sizeof(value)) != sizeof(value))
		_exit(99);
}
static int told(void)
{
	int value = -1;

	return read(to[0], &value, sizeof(value)) == sizeof(value) ? value : -1;
}

/* ------------------------------------------------------------------ process numbers */

static void first_of_all(void)
{
	pid_t pid;
	int status;

	check(getpid() == 1 && getppid() == 0, "the first one is 1, and its parent is not seen");
	check(getpgrp() == 0 && getsid(0) == 0, "nor are its group and session");
	check(syscall(SYS_gettid) == 1, "its thread is 1, too");
	pid = fork();
	if (!pid)
		_exit(getpid() == 2 && getppid() == 1 ? 7 : 8);
	check(pid == 2, "the second one is 2");
	check(waitpid(2, &status, 0) == 2 && status == 7 << 8, "and is waited for as 2");
	check(setsid() == 1 && getsid(0) == 1 && getpgrp() == 1, "a session of its own");
	FAILS(kill(3, 0), ESRCH);
	check(kill(-1, 0) == -1 && errno == ESRCH, "there is nobody else to be sent a signal");
	check(waitpid(-1, &status, 0) == -1 && errno == ECHILD, "nor to be waited for");
	/* Nobody in it ends it, not even itself. */
	kill(1, SIGTERM);
	kill(1, SIGKILL);
	check(1, "its init is still there");
}

static volatile sig_atomic_t from_pid, from_code;
static void note_sender(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	from_pid = si->si_pid;
	from_code = si->si_code;
}

static void signals(void)
{
	struct sigaction sa = {.sa_sigaction = note_sender, .sa_flags = SA_SIGINFO};
	sigset_t set, old;
	siginfo_t si;
	pid_t pid;
	int status;

	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&old);
	sigaddset(&old, SIGCHLD);
	tell(0);
	sigsuspend(&old);
	check(from_pid == 0 && from_code == SI_USER, "a signal from above comes from 0");
	pid = fork();
	if (!pid) {
		syscall(SYS_rt_sigqueueinfo, 1, SIGUSR1,
			&(siginfo_t){.si_code = SI_QUEUE, .si_pid = 1});
		_exit(0);
	}
	sigsuspend(&old);
	check(from_pid == 1 && from_code == SI_QUEUE, "one that is queued from whom it says");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	check(sigwaitinfo(&set, &si) == SIGCHLD && si.si_pid == pid && si.si_code == CLD_EXITED,
	      "SIGCHLD by the number here");
	check(waitpid(pid, &status, 0) == pid, "and it is waited for");
}

static void sleeper(void)
{
	signal(SIGTERM, SIG_DFL);
	tell(getpid());
	for (;;)
		pause();
}

/* An orphan is its init's child. */
static void orphans(void)
{
	pid_t pid = fork(), orphan;
	siginfo_t si = {0};
	int status;

	if (!pid) {
		if (!fork()) {
			while (getppid() != 1)
				usleep(1000);
			_exit(5);
		}
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid, "the parent has ended");
	orphan = waitpid(-1, &status, 0);
	check(orphan == pid + 1 && status == 5 << 8, "the orphan is its init's");
	/* A subreaper is asked first. */
	pid = fork();
	if (!pid) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		pid = fork();
		if (!pid) {
			pid = fork();
			if (!pid) {
				while (getppid() == 1 + 0 || getppid() > 4)
					if (getppid() == 1)
						_exit(1);
					else
						usleep(1000);
				_exit(0);
			}
			_exit(0);
		}
		waitpid(pid, &status, 0);
		_exit(waitpid(-1, &status, 0) > 0 && !status ? 0 : 1);
	}
	check(waitid(P_PID, (id_t)pid, &si, WEXITED) == 0 && si.si_pid == pid,
	      "waitid by the number here");
	/* Leaves two behind, which end with it. */
	if (!fork())
		sleeper();
	if (!fork()) {
		if (!fork())
			sleeper();
		sleeper();
	}
	told();
	told();
	told();
}

static void nested(void)
{
	check(getpid() == 1, "1 in the inner one");
	mkdir("/proc2", 0755);
	check(mount("proc", "/proc2", "proc", 0, NULL) == 0, "a /proc of its own");
	check(!strcmp(link_of("/proc2/self"), "1"), "self is 1 there");
	check(atoi(link_of("/proc/self")) > 2, "and something else in the outer one");
	check(has_line("/proc2/self/status", "NSpid:\t1"), "NSpid of the inner one");
	check(strstr(text_of("/proc2/1/stat"), "1 (init) R 0 ") == text_of("/proc2/1/stat"),
	      "stat of the inner one");
	check(access("/proc2/2", F_OK) == -1 && errno == ENOENT, "nobody else is there");
	check(umount("/proc2") == 0, "and it goes");
}

static void two_levels(void)
{
	char line[64];

	in_child(CLONE_NEWPID, nested);
	snprintf(line, sizeof(line), "NSpid:\t%s\t1", link_of("/proc/self"));
	check(has_line("/proc/self/status", line), "NSpid of both");
	snprintf(line, sizeof(line), "NStgid:\t%s\t1", link_of("/proc/self"));
	check(has_line("/proc/self/status", line), "NStgid of both");
}

static void chosen_numbers(void)
{
	pid_t one[] = {1, 4242}, used[] = {1}, pid;
	pid_t three[] = {1, 1, 1};
	int status;

	pid = clone_in(CLONE_NEWPID, NULL, one, 2);
	if (!pid)
		_exit(getpid() == 1 ? 3 : 4);
	check(pid == 4242, "the number outside that was asked for");
	check(waitpid(pid, &status, 0) == pid && status == 3 << 8, "and inside");
	FAILS(clone_in(0, NULL, used, 1), EEXIST);
	FAILS(clone_in(0, NULL, three, 3), EINVAL);
	used[0] = 0;
	FAILS(clone_in(0, NULL, used, 1), EINVAL);
	used[0] = -1;
	FAILS(clone_in(0, NULL, used, 1), EINVAL);
	used[0] = 5;
	FAILS(clone_in(CLONE_NEWPID, NULL, used, 1), EINVAL);
	FAILS(clone_in(0, NULL, used, 0), EINVAL);
	FAILS(clone_in(0, NULL, NULL, 1), EINVAL);
	FAILS(clone_in(0, NULL, used, 33), EINVAL);
}

static void unshared(void)
{
	char before[64], path[64];
	int status, fd;
	pid_t pid;

	strcpy(before, link_of("/proc/self/ns/pid"));
	WORKS(unshare(CLONE_NEWPID));
	check(!strcmp(link_of("/proc/self/ns/pid"), before), "who unshares stays where it is");
	FAILS((int)readlink("/proc/self/ns/pid_for_children", path, sizeof(path)), ENOENT);
	FAILS(unshare(CLONE_NEWPID), EINVAL);
	FAILS(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, path, 0, 0, 0), EINVAL);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		tell(getpid());
		pause();
		_exit(0);
	}
	check(told() == 1, "its first child is 1");
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	check(!strcmp(link_of("/proc/self/ns/pid_for_children"), link_of(path)),
	      "pid_for_children is the child's");
	check(!strncmp(link_of(path), "pid:[", 5) && strcmp(link_of(path), before),
	      "which is another one");
	fd = open(path, O_RDONLY);
	WORKS(fd);
	check(ioctl(fd, 0xb703) == CLONE_NEWPID, "NS_GET_NSTYPE");
	check(ioctl(fd, 0x8004b706, 1) == pid, "NS_GET_PID_FROM_PIDNS");
	check(ioctl(fd, 0x8004b708, pid) == 1, "NS_GET_PID_IN_PIDNS");
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && status == SIGKILL,
	      "from above its init is killed");
	check(fork() == -1 && errno == ENOMEM, "nobody comes in after its init has ended");
	close(fd);
}

static void enter(void)
{
	int fd, own, pidfd = -1, status;
	char path[64];
	pid_t pid = clone_in(CLONE_NEWPID, &pidfd, NULL, 0), other;

	if (!pid)
		sleeper();
	check(told() == 1, "somebody is there");
	own = open("/proc/self/ns/pid", O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	fd = open(path, O_RDONLY);
	FAILS(setns(fd, CLONE_NEWUTS), EINVAL);
	FAILS(setns(pidfd, 0), EINVAL);
	FAILS(setns(pidfd, CLONE_NEWPID | CLONE_VM), EINVAL);
	FAILS(setns(99, CLONE_NEWPID), EBADF);
	FAILS(setns(0, CLONE_NEWPID), EINVAL);
	WORKS(setns(pidfd, CLONE_NEWPID));
	fflush(stdout);
	other = fork();
	if (!other)
		_exit(getpid() == 2 && getppid() == 0 ? 0 : 1);
	check(waitpid(other, &status, 0) == other && !status, "a child is the second one there");
	WORKS(setns(own, CLONE_NEWPID));
	WORKS(setns(fd, 0));
	other = fork();
	if (!other)
		_exit(getpid() == 3 ? 0 : 1);
	check(waitpid(other, &status, 0) == other && !status, "the next one the third");
	kill(pid, SIGTERM);
	check(waitpid(pid, &status, WNOHANG) == 0, "its init does not heed SIGTERM from above");
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && status == SIGKILL, "but SIGKILL");
	FAILS(setns(pidfd, CLONE_NEWPID), ESRCH);
	WORKS(setns(own, 0));
	close(own);
	close(fd);
	close(pidfd);
}

static void pidfds(void)
{
	char path[64], line[64];
	int pidfd = -1, status;
	pid_t pid = clone_in(CLONE_NEWPID, &pidfd, NULL, 0);

	if (!pid)
		sleeper();
	told();
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	snprintf(line, sizeof(line), "Pid:\t%d", pid);
	check(has_line(path, line), "a pidfd's Pid");
	snprintf(line, sizeof(line), "NSpid:\t%d\t1", pid);
	check(has_line(path, line), "a pidfd's NSpid");
	WORKS((int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
	check(waitpid(pid, &status, 0) == pid, "it has ended");
	check(has_line(path, "Pid:\t-1") && has_line(path, "NSpid:\t-1"), "a pidfd of nobody");
	close(pidfd);
}

/* Who is at the other end, seen from inside. */
static int pair[2];
static void peer(void)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	check(getsockopt(pair[1], SOL_SOCKET, SO_PEERCRED, &c, &len) == 0 && c.pid == 0,
	      "a peer above has no number");
}

static void pid_namespaces(void)
{
	pid_t pid;
	int status;

	check(pipe(to) == 0, "a pipe");
	in_child(CLONE_NEWPID, first_of_all);
	pid = clone_in(CLONE_NEWPID, NULL, NULL, 0);
	if (!pid) {
		failures = 0;
		signals();
		fflush(stdout);
		_exit(failures != 0);
	}
	told();
	kill(pid, SIGUSR1);
	check(waitpid(pid, &status, 0) == pid && !status, "signals by numbers of the namespace");
	in_child(CLONE_NEWPID, orphans);
	in_child(CLONE_NEWPID, two_levels);
	chosen_numbers();
	in_child(0, unshared);
	enter();
	pidfds();
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	in_child(CLONE_NEWPID, peer);
	FAILS(clone_in(CLONE_NEWPID | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL, 0),
	      EINVAL);
	for (int i = 0; i < 200; i++) {
		pid = clone_in(CLONE_NEWPID, NULL, NULL, 0);
		if (!pid) {
			for (int j = 0; j < 3; j++)
				if (!fork())
					pause();
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			failures++;
	}
	check(1, "200 of them with three programs each");
}

int main(void)
{
	begin();
	pid_namespaces();
	return end("namespaces");
}
