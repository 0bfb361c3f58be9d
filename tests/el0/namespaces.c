// SPDX-License-Identifier: MIT
/* Namespaces but those of users: what programs see of them, by the calls that make, enter and name them. */
#include "namespaces.h"

#include <pthread.h>
#include <sys/mman.h>

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

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
	int pidfd = -1, status, fd;
	pid_t pid = clone_in(CLONE_NEWPID, &pidfd, NULL, 0);

	if (!pid)
		sleeper();
	told();
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	snprintf(line, sizeof(line), "Pid:\t%d", pid);
	check(has_line(path, line), "a pidfd's Pid");
	snprintf(line, sizeof(line), "NSpid:\t%d\t1", pid);
	check(has_line(path, line), "a pidfd's NSpid");
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	strcpy(line, link_of(path));
	fd = ioctl(pidfd, 0xff05, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(fd >= 0 && !strcmp(link_of(path), line), "PIDFD_GET_PID_NAMESPACE");
	close(fd);
	FAILS(ioctl(pidfd, 0xff05, 1), EINVAL);
	FAILS(ioctl(pidfd, 0xff20, 0), ENOTTY);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	WORKS((int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
	check(waitpid(pid, &status, 0) == pid, "it has ended");
	FAILS(ioctl(pidfd, 0xff05, 0), ESRCH);
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

/* ------------------------------------------------------------------ names of the machine */

static const char *node(void)
{
	static struct utsname u;

	uname(&u);
	return u.nodename;
}

static void other_names(void)
{
	char before_it[66] = "x";
	struct utsname u;
	int fd;

	check(!strcmp(node(), "outer"), "a new one begins with the names of the old one");
	WORKS(sethostname("inner", 5));
	WORKS(setdomainname("inside", 6));
	uname(&u);
	check(!strcmp(u.nodename, "inner") && !strcmp(u.domainname, "inside"), "names of its own");
	check(!strcmp(text_of("/proc/sys/kernel/hostname"), "inner\n"), "in /proc, too");
	fd = open("/proc/sys/kernel/hostname", O_WRONLY);
	check(write(fd, "written\n", 8) == 8 && !strcmp(node(), "written"), "written there");
	close(fd);
	FAILS(syscall(SYS_sethostname, before_it, -1L), EINVAL);
	FAILS(syscall(SYS_sethostname, before_it, 65L), EINVAL);
}

static void reboots(void)
{
	reboot(RB_AUTOBOOT);
	_exit(9);
}

static void names(void)
{
	char before[64];
	int status;
	pid_t pid;

	WORKS(sethostname("outer", 5));
	in_child(CLONE_NEWUTS, other_names);
	check(!strcmp(node(), "outer"), "the outer name is as it was");
	strcpy(before, link_of("/proc/self/ns/uts"));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int own = open("/proc/self/ns/uts", O_RDONLY);

		_exit(unshare(CLONE_NEWUTS) || !strcmp(before, link_of("/proc/self/ns/uts")) ||
		      sethostname("other", 5) || setns(own, CLONE_NEWUTS) ||
		      strcmp(before, link_of("/proc/self/ns/uts")) || strcmp(node(), "outer"));
	}
	check(waitpid(pid, &status, 0) == pid && !status, "there by unshare and back by setns");
	pid = clone_in(CLONE_NEWPID, NULL, NULL, 0);
	if (!pid)
		reboots();
	check(waitpid(pid, &status, 0) == pid && status == SIGHUP,
	      "reboot() in a PID namespace ends it by SIGHUP");
}

/* ------------------------------------------------------------------ mounts */

static void other_mounts(void)
{
	int fd;

	check(!access("/tmp/outer/file", F_OK), "what was mounted is there");
	WORKS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	WORKS(mkdir("/tmp/outer/dir", 0755));
	WORKS(mount("inner", "/tmp/outer/dir", "tmpfs", 0, NULL));
	fd = open("/tmp/outer/dir/file", O_CREAT | O_WRONLY, 0644);
	WORKS(fd);
	close(fd);
	check(strstr(text_of("/proc/self/mountinfo"), " /tmp/outer/dir ") != NULL,
	      "it is in mountinfo");
	tell(0);
	pause();
}

static void mounts(void)
{
	struct stat st;
	int fd, status;
	char path[64];
	pid_t pid, other;

	WORKS(mkdir("/tmp/outer", 0755));
	WORKS(mount("outer", "/tmp/outer", "tmpfs", 0, NULL));
	close(open("/tmp/outer/file", O_CREAT | O_WRONLY, 0644));
	pid = clone_in(CLONE_NEWNS, NULL, NULL, 0);
	if (!pid) {
		other_mounts();
		_exit(0);
	}
	told();
	check(access("/tmp/outer/dir/file", F_OK) == -1 && errno == ENOENT,
	      "what others mount for themselves is not seen");
	check(strstr(text_of("/proc/self/mountinfo"), " /tmp/outer/dir ") == NULL,
	      "nor in mountinfo");
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	check(strstr(text_of(path), " /tmp/outer/dir ") != NULL, "but in that of who sees it");
	/* At the same place, something else. */
	WORKS(mount("mine", "/tmp/outer/dir", "tmpfs", 0, NULL));
	check(access("/tmp/outer/dir/file", F_OK) == -1, "and something else at the same place");
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	check(!strncmp(link_of(path), "mnt:[", 5) &&
		      strcmp(link_of(path), link_of("/proc/self/ns/mnt")),
	      "it is another namespace");
	fd = open(path, O_RDONLY);
	fflush(stdout);
	other = fork();
	if (!other)
		_exit(setns(fd, CLONE_NEWNS) || access("/tmp/outer/dir/file", F_OK) ||
		      umount("/tmp/outer/dir") || !access("/tmp/outer/dir/file", F_OK));
	check(waitpid(other, &status, 0) == other && !status,
	      "entered by setns, and taken off there");
	WORKS(umount("/tmp/outer/dir"));
	close(fd);
	WORKS(umount("/tmp/outer"));
	check(access("/tmp/outer/file", F_OK) == -1, "taken off");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	FAILS(mount(NULL, "/tmp", NULL, MS_PRIVATE, NULL), EINVAL);
	FAILS(mount(NULL, "/proc", NULL, MS_PRIVATE | MS_SHARED, NULL), EINVAL);
	WORKS(mount(NULL, "/proc", NULL, MS_SHARED, NULL));
	check(strstr(text_of("/proc/self/mountinfo"), " shared:") != NULL, "shared is shown");
	WORKS(mount(NULL, "/proc", NULL, MS_PRIVATE, NULL));
	check(strstr(text_of("/proc/self/mountinfo"), " shared:") == NULL, "and private");
	check(stat("/tmp/outer", &st) == 0 && rmdir("/tmp/outer") == 0, "the place is free again");
}

/* ------------------------------------------------------------------ sockets' names */

static const struct sockaddr_un abstract = {AF_UNIX, "\0namespaces"};
static void other_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	FAILS(connect(fd, (const struct sockaddr *)&abstract, sizeof(abstract)), ECONNREFUSED);
	WORKS(bind(fd, (const struct sockaddr *)&abstract, sizeof(abstract)));
	close(fd);
}

static void same_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	WORKS(connect(fd, (const struct sockaddr *)&abstract, sizeof(abstract)));
	close(fd);
}

static void no_sockets(void)
{
	check(!strcmp(text_of("/proc/net/unix"),
		      "Num       RefCount Protocol Flags    Type St Inode Path\n"),
	      "/proc/net/unix is empty");
}

static void sockets(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	WORKS(bind(fd, (const struct sockaddr *)&abstract, sizeof(abstract)));
	WORKS(listen(fd, 5));
	in_child(CLONE_NEWNET, other_socket);
	in_child(CLONE_NEWUTS, same_socket);
	check(strstr(text_of("/proc/net/unix"), " @namespaces") != NULL, "it is in /proc/net/unix");
	in_child(CLONE_NEWNET, no_sockets);
	close(fd);
}

/* ------------------------------------------------------------------ System V's objects, message queues */

static int the_shm, the_sem, the_msg;
static void other_objects(void)
{
	struct sembuf up = {0, 1, 0};
	int id;
	void *p;

	FAILS(shmget(77, 4096, 0600), ENOENT);
	FAILS(semget(77, 1, 0600), ENOENT);
	FAILS(msgget(77, 0600), ENOENT);
	FAILS((int)(long)shmat(the_shm, NULL, 0), EINVAL);
	FAILS(semop(the_sem, &up, 1), EINVAL);
	FAILS(msgctl(the_msg, IPC_RMID, NULL), EINVAL);
	FAILS(mq_open("/outer", O_RDONLY), ENOENT);
	check(!strchr(strchr(text_of("/proc/sysvipc/shm"), '\n') + 1, '\n'),
	      "/proc/sysvipc/shm is empty");
	check(has_line("/proc/sys/kernel/msgmax", "8192"), "limits of its own");
	WORKS(put_text("/proc/sys/kernel/msgmax", "4096"));
	id = shmget(77, 8192, IPC_CREAT | 0600);
	WORKS(id);
	p = shmat(id, NULL, 0);
	check(p != (void *)-1, "a segment of that key");
	*(char *)p = 1;
	WORKS(semget(77, 1, IPC_CREAT | 0600));
	WORKS(msgget(77, IPC_CREAT | 0600));
	WORKS(mq_open("/inner", O_CREAT | O_RDWR, 0600, NULL));
}

static void undone(void)
{
	struct sembuf up = {0, 3, SEM_UNDO};

	WORKS(semop(the_sem, &up, 1));
	check(semctl(the_sem, 0, GETVAL) == 3, "3 more");
	tell(0);
	WORKS(unshare(CLONE_NEWIPC));
	tell(0);
	pause();
}

static void objects(void)
{
	int status;
	pid_t pid;
	char *p;

	the_shm = shmget(77, 4096, IPC_CREAT | 0600);
	the_sem = semget(77, 1, IPC_CREAT | 0600);
	the_msg = msgget(77, IPC_CREAT | 0600);
	WORKS(mq_open("/outer", O_CREAT | O_RDWR, 0600, NULL));
	p = shmat(the_shm, NULL, 0);
	strcpy(p, "outer");
	in_child(CLONE_NEWIPC, other_objects);
	check(!strcmp(p, "outer") && has_line("/proc/sys/kernel/msgmax", "8192"),
	      "the outer ones are as they were");
	FAILS(mq_open("/inner", O_RDONLY), ENOENT);
	FAILS(clone_in(CLONE_NEWIPC | CLONE_SYSVSEM, NULL, NULL, 0), EINVAL);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		undone();
		_exit(0);
	}
	told();
	told();
	check(semctl(the_sem, 0, GETVAL) == 0, "who leaves undoes what it has done");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (int i = 0; i < 50; i++) {
		pid = clone_in(CLONE_NEWIPC, NULL, NULL, 0);
		if (!pid)
			_exit(shmget(1, 4096, IPC_CREAT) < 0 || semget(1, 2, IPC_CREAT) < 0 ||
			      msgget(1, IPC_CREAT) < 0 ||
			      mq_open("/q", O_CREAT | O_RDWR, 0600, NULL) < 0);
		check(waitpid(pid, &status, 0) == pid && !status, "one with some of each");
	}
	WORKS(shmdt(p));
	WORKS(shmctl(the_shm, IPC_RMID, NULL));
	WORKS(semctl(the_sem, 0, IPC_RMID));
	WORKS(msgctl(the_msg, IPC_RMID, NULL));
	WORKS(mq_unlink("/outer"));
}

static void all_at_once(void)
{
	static const char *const names[] = {
		"uts", "mnt", "net", "cgroup", "pid_for_children", "time_for_children"};
	char before[6][64], path[64];

	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		strcpy(before[i], link_of(path));
	}
	WORKS(unshare(CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME));
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		check(!strcmp(before[i], link_of(path)) == (i == 4), names[i]);
	}
	FAILS(clone_in(CLONE_NEWNS | CLONE_FS, NULL, NULL, 0), EINVAL);
	if (setuid(1000))
		_exit(1);
	FAILS(unshare(CLONE_NEWUTS), EPERM);
	FAILS(unshare(CLONE_NEWNS), EPERM);
	FAILS(unshare(CLONE_NEWPID), EPERM);
	FAILS(clone_in(CLONE_NEWNET, NULL, NULL, 0), EPERM);
	FAILS(sethostname("x", 1), EPERM);
}

/* ------------------------------------------------------------------ how an init ends, and does not begin */

static unsigned int *both_end;

static void *end_with(void *arg)
{
	__atomic_fetch_add(both_end, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(both_end, __ATOMIC_ACQUIRE) < 2)
		;
	syscall(SYS_exit, 0);
	return arg;
}

/* Two threads are all of an init, and end at once. Is somebody else of its namespace left when it has been waited for? */
static int init_of_two(void)
{
	int left[2], status;
	pthread_t t;
	pid_t pid;
	char byte;
	int n;

	*both_end = 0;
	if (pipe2(left, O_NONBLOCK))
		return -1;
	pid = clone_in(CLONE_NEWPID, NULL, NULL, 0);
	if (!pid) {
		if (!fork())
			for (;;)
				pause();
		if (pthread_create(&t, NULL, end_with, NULL))
			_exit(1);
		end_with(NULL);
	}
	close(left[1]);
	n = waitpid(pid, &status, 0) != pid || status || read(left[0], &byte, 1) != 0;
	close(left[0]);
	return n;
}

static void first_number(void)
{
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD};
	int status;
	pid_t pid;

	WORKS(unshare(CLONE_NEWPID));
	FAILS(syscall(SYS_clone3, &args, sizeof(args)), EFAULT);
	pid = fork();
	if (!pid)
		_exit(getpid() == 1 ? 0 : 1);
	check(waitpid(pid, &status, 0) == pid && !status,
	      "who was not made has not been the namespace's first");
}

static void inits(void)
{
	int left = 0;

	both_end = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 200 && !left; i++)
		left = init_of_two();
	check(!left, "nobody is left of a namespace whose init ends by two threads at once");
	in_child(0, first_number);
}

int main(void)
{
	begin();
	pid_namespaces();
	inits();
	names();
	mounts();
	sockets();
	objects();
	in_child(0, all_at_once);
	return end("namespaces");
}
