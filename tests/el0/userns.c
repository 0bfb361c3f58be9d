// SPDX-License-Identifier: MIT
/* User namespaces: ids, their maps, capabilities, how many there may be. */
#include "namespaces.h"

#include <sys/inotify.h>
#include <sys/ptrace.h>

/* ------------------------------------------------------------------ users */

/* By somebody who is nobody special. */
static void unprivileged(void)
{
	char path[64];
	int status, fd;
	pid_t pid;
	struct stat st;

	check(setgroups(0, NULL) == 0 && setresgid(1000, 1000, 1000) == 0 &&
		      setresuid(1000, 1000, 1000) == 0,
	      "user and group 1000");
	prctl(PR_SET_DUMPABLE, 1);
	FAILS(unshare(CLONE_NEWNS), EPERM);
	WORKS(unshare(CLONE_NEWUSER));
	check(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534,
	      "nobody, before there is a map");
	check(has_line("/proc/self/status", "CapEff:\t000001ffffffffff") &&
		      has_line("/proc/self/status", "CapInh:\t0000000000000000"),
	      "with all capabilities");
	check(!strcmp(text_of("/proc/self/uid_map"), ""), "uid_map is empty");
	check(!strcmp(text_of("/proc/self/setgroups"), "allow\n"), "setgroups is allowed");
	FAILS(setgroups(0, NULL), EPERM);
	FAILS(setuid(0), EINVAL);
	FAILS(put_text("/proc/self/uid_map", "0 0 1"), EPERM);
	FAILS(put_text("/proc/self/uid_map", "0 1000 2"), EPERM);
	FAILS(put_text("/proc/self/uid_map", "0 1000"), EINVAL);
	FAILS(put_text("/proc/self/uid_map", "0 1000 0"), EINVAL);
	FAILS(put_text("/proc/self/uid_map", "0 1000 1 1"), EINVAL);
	FAILS(put_text("/proc/self/uid_map", "0 1000 1\n0 1001 1\n"), EINVAL);
	WORKS(put_text("/proc/self/uid_map", "0 1000 1\n"));
	FAILS(put_text("/proc/self/uid_map", "0 1000 1\n"), EPERM);
	FAILS(put_text("/proc/self/gid_map", "0 1000 1\n"), EPERM);
	FAILS(put_text("/proc/self/setgroups", "maybe"), EINVAL);
	WORKS(put_text("/proc/self/setgroups", "deny"));
	FAILS(put_text("/proc/self/setgroups", "allow"), EPERM);
	WORKS(put_text("/proc/self/gid_map", "0 1000 1\n"));
	check(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0, "root inside");
	check(has_line("/proc/self/uid_map", "         0       1000          1"),
	      "uid_map as the parent has it");
	check(has_line("/proc/self/status", "Uid:\t0\t0\t0\t0"), "status, too");
	FAILS(setgroups(0, NULL), EPERM);
	FAILS(setuid(1), EINVAL);
	FAILS(setreuid(0, 1), EINVAL);
	WORKS(setuid(0));
	check(stat("/", &st) == 0 && st.st_uid == 65534, "the others are nobody");
	check(stat("/proc/self", &st) == 0 && st.st_uid == 0, "one's own are root's");
	FAILS(chown("/tmp", 0, 0), EPERM);
	FAILS(sethostname("x", 1), EPERM);
	FAILS(setpriority(PRIO_PROCESS, 0, -5), EACCES);
	WORKS(unshare(CLONE_NEWUTS));
	WORKS(sethostname("inside", 6));
	WORKS(unshare(CLONE_NEWNS | CLONE_NEWPID));
	WORKS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	WORKS(mount("mine", "/tmp", "tmpfs", 0, NULL));
	fd = open("/tmp/file", O_CREAT | O_WRONLY, 0600);
	WORKS(fd);
	check(fstat(fd, &st) == 0 && st.st_uid == 0 && st.st_gid == 0, "its files are root's");
	FAILS(fchown(fd, 1, 0), EINVAL);
	close(fd);
	FAILS(umount("/proc"), EINVAL);
	FAILS(mount("d", "/tmp", "devtmpfs", 0, NULL), EPERM);
	FAILS(mount("s", "/tmp", "sysfs", 0, NULL), EPERM);
	WORKS(umount("/tmp"));
	WORKS(mount("r", "/tmp", "ramfs", 0, NULL));
	WORKS(umount("/tmp"));
	WORKS(mount("p", "/tmp", "devpts", 0, NULL));
	WORKS(umount("/tmp"));
	FAILS(mknod("/tmp/null", S_IFCHR | 0666, 0x103), EPERM);
	fd = open("/proc/self/ns/user", O_RDONLY);
	check(ioctl(fd, 0xb703) == CLONE_NEWUSER, "NS_GET_NSTYPE of users");
	{
		uid_t owner = 1;

		check(ioctl(fd, 0xb704, &owner) == 0 && owner == 0, "NS_GET_OWNER_UID");
	}
	FAILS(ioctl(fd, 0xb702), EPERM);
	FAILS(setns(fd, CLONE_NEWUSER), EINVAL);
	close(fd);
	fd = open("/proc/self/ns/uts", O_RDONLY);
	status = ioctl(fd, 0xb701);
	check(status >= 0 && ioctl(status, 0xb703) == CLONE_NEWUSER, "NS_GET_USERNS");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", status);
	check(!strcmp(link_of(path), link_of("/proc/self/ns/user")), "is one's own");
	FAILS(ioctl(fd, 0xb702), EINVAL);
	close(fd);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(getpid() == 1 && !mount("proc", "/proc", "proc", 0, NULL) &&
				      !strcmp(link_of("/proc/self"), "1")
			      ? 0
			      : errno);
	check(waitpid(pid, &status, 0) == pid && !status, "/proc of its own PID namespace");
	WORKS(unshare(CLONE_NEWUSER));
	check(getuid() == 65534, "a further one");
}

static void many_ids(void)
{
	char path[64];
	int status;
	pid_t pid = clone_in(CLONE_NEWUSER, NULL, NULL, 0);

	if (!pid) {
		told();
		_exit(getuid() != 0 || getgid() != 0 || setgroups(1, (gid_t[]){5}) ||
		      setresuid(7, 8, 9) || getuid() != 7 || geteuid() != 8 ||
		      !has_line("/proc/self/status", "Uid:\t7\t8\t9\t8"));
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	WORKS(put_text(path, "0 0 1\n1 100000 65535\n"));
	check(has_line(path, "         1     100000      65535"), "the map from outside");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	WORKS(put_text(path, "0 0 100\n"));
	tell(0);
	check(waitpid(pid, &status, 0) == pid && !status, "many ids inside");
	pid = clone_in(CLONE_NEWUSER, NULL, NULL, 0);
	if (!pid) {
		tell(0);
		pause();
	}
	told();
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	check(has_line(path, "Uid:\t0\t0\t0\t0"), "who looks from outside sees the user outside");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	FAILS(clone_in(CLONE_NEWUSER | CLONE_FS, NULL, NULL, 0), EINVAL);
	FAILS(unshare(CLONE_NEWUSER | CLONE_IO), EINVAL);
	check(has_line("/proc/self/uid_map", "         0          0 4294967295"),
	      "the first one's map");
	FAILS(put_text("/proc/self/uid_map", "0 0 1"), EPERM);
}

/* Who has the file written by another one does not get that one's rights. */
static void by_who_opened_it(void)
{
	char path[64];
	int status, fd;
	pid_t pid = clone_in(0, NULL, NULL, 0);

	if (!pid) {
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000) ||
		    prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
			_exit(1);
		tell(0);
		pause();
	}
	told();
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	WORKS(seteuid(1000));
	fd = open(path, O_WRONLY);
	WORKS(seteuid(0));
	check(fd >= 0 && write(fd, "5 5 1\n", 6) == -1 && errno == EPERM &&
		      !strcmp(text_of(path), ""),
	      "root's write to a user's descriptor is not root's");
	close(fd);
	WORKS(put_text(path, "5 5 1\n"));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* ------------------------------------------------------------------ how many */

static void limited(void)
{
	int status;
	pid_t pid;

	check(!strcmp(text_of("/proc/sys/user/max_uts_namespaces"), "2147483647\n"),
	      "in a new user namespace there is no limit");
	WORKS(put_text("/proc/sys/user/max_uts_namespaces", "1\n"));
	pid = clone_in(CLONE_NEWUTS, NULL, NULL, 0);
	if (!pid) {
		tell(0);
		pause();
	}
	told();
	FAILS(unshare(CLONE_NEWUTS), ENOSPC);
	FAILS(clone_in(CLONE_NEWUTS, NULL, NULL, 0), ENOSPC);
	WORKS(unshare(CLONE_NEWNET));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	WORKS(unshare(CLONE_NEWUTS));
	FAILS(put_text("/proc/sys/user/max_uts_namespaces", "-1\n"), EINVAL);
}

static void how_many(void)
{
	char before[32];

	in_child(CLONE_NEWUSER, limited);
	strcpy(before, text_of("/proc/sys/user/max_user_namespaces"));
	WORKS(put_text("/proc/sys/user/max_user_namespaces", "0\n"));
	FAILS(clone_in(CLONE_NEWUSER, NULL, NULL, 0), ENOSPC);
	FAILS(unshare(CLONE_NEWUSER), ENOSPC);
	WORKS(put_text("/proc/sys/user/max_user_namespaces", before));
}

/* ------------------------------------------------------------------ who comes in from outside */

/* root of the machine comes into a user's namespace: what it knew before is not for who rules there, nor what its children know. */
static void comes_in(void)
{
	int fd, guest, child, status;
	pid_t host = fork(), pid;
	char path[64];

	if (!host) {
		if (setuid(1000) || unshare(CLONE_NEWUSER))
			_exit(90);
		tell(getpid());
		for (;;)
			pause();
	}
	told();
	snprintf(path, sizeof(path), "/proc/%d/ns/user", host);
	fd = open(path, O_RDONLY);
	WORKS(fd);
	guest = fork();
	if (!guest) {
		if (setns(fd, CLONE_NEWUSER))
			_exit(91);
		child = fork();
		if (child)
			tell(child);
		for (;;)
			pause();
	}
	child = told();
	/* Another one there, which is as the host is: of the user that has made it. */
	pid = fork();
	if (!pid) {
		if (setuid(1000) || setns(fd, CLONE_NEWUSER))
			_exit(1);
		check(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "setuid leaves it not dumpable");
		FAILS(ptrace(PTRACE_SEIZE, guest, 0, 0), EPERM);
		FAILS(ptrace(PTRACE_SEIZE, child, 0, 0), EPERM);
		FAILS(ptrace(PTRACE_SEIZE, getppid(), 0, 0), EPERM);
		fflush(stdout);
		_exit(failures != 0);
	}
	check(waitpid(pid, &status, 0) == pid && !status, "a guest's memory is its own");
	WORKS(ptrace(PTRACE_SEIZE, guest, 0, 0));
	WORKS(kill(child, SIGKILL));
	WORKS(kill(guest, SIGKILL));
	WORKS(kill(host, SIGKILL));
	waitpid(guest, &status, 0);
	waitpid(host, &status, 0);
	close(fd);
}

/* ------------------------------------------------------------------ mounts */

#define DEPTH 700

/* One in another, as deep as that, from where it stands; and back to the root.
 */
static int deep(void)
{
	int n = 0;

	while (n < DEPTH && !mkdir("d", 0755) && !chdir("d"))
		n++;
	return chdir("/") ? 0 : n;
}

/* Root of a namespace of its own, that has one of mounts. */
static void become_root(void)
{
	check(setgroups(0, NULL) == 0 && setresgid(1000, 1000, 1000) == 0 &&
		      setresuid(1000, 1000, 1000) == 0,
	      "user and group 1000");
	prctl(PR_SET_DUMPABLE, 1);
	WORKS(unshare(CLONE_NEWUSER | CLONE_NEWNS));
	WORKS(put_text("/proc/self/uid_map", "0 1000 1\n"));
	WORKS(put_text("/proc/self/setgroups", "deny"));
	WORKS(put_text("/proc/self/gid_map", "0 1000 1\n"));
}

static void owners(void)
{
	struct stat st;

	become_root();
	WORKS(mount("mine", "/tmp", "tmpfs", 0, NULL));
	check(!stat("/tmp", &st) && st.st_uid == 0 && st.st_gid == 0, "whose tmpfs it is");
	WORKS(mount("mine", "/tmp", "tmpfs", 0, "uid=0,gid=0"));
	check(!stat("/tmp", &st) && st.st_uid == 0 && st.st_gid == 0, "uid=0 is its root");
	FAILS(mount("mine", "/tmp", "tmpfs", 0, "uid=1"), EINVAL);
	FAILS(mount("mine", "/tmp", "tmpfs", 0, "gid=1000"), EINVAL);
	FAILS(mount("pts", "/tmp", "devpts", 0, "gid=5"), EINVAL);
	FAILS(mount("pts", "/tmp", "devpts", 0, "uid=1000"), EINVAL);
	WORKS(mount("pts", "/tmp", "devpts", 0, "uid=0,gid=0,ptmxmode=666"));
	check(!stat("/tmp/ptmx", &st) && st.st_uid == 0 && st.st_gid == 0, "whose ptmx it is");
	WORKS(open("/tmp/ptmx", O_RDWR | O_NOCTTY));
	check(!stat("/tmp/0", &st) && st.st_uid == 0 && st.st_gid == 0, "a slave's, too");
}

/* What it has from who has more rights stays as it is. */
static void others_mounts(void)
{
	become_root();
	FAILS(mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL), EPERM);
	FAILS(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_RDONLY, "size=4096"), EPERM);
	FAILS(umount2("/tmp", MNT_EXPIRE), EINVAL);
	WORKS(mount("mine", "/tmp", "tmpfs", 0, NULL));
	WORKS(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	FAILS(mkdir("/tmp/d", 0755), EROFS);
}

static void deep_directories(void)
{
	become_root();
	WORKS(mount("deep", "/tmp", "tmpfs", 0, NULL));
	check(chdir("/tmp") == 0 && deep() == DEPTH, "deep directories");
	FAILS(umount2("/tmp", MNT_EXPIRE), EAGAIN);
	WORKS(umount2("/tmp", MNT_EXPIRE));
	WORKS(mount("deep", "/tmp", "tmpfs", 0, NULL));
	check(chdir("/tmp") == 0 && deep() == DEPTH, "deep ones that end with their namespace");
}

/* Each in the one before. */
static int nested(const char *top, int most)
{
	int n = 0;

	if (mount("n", top, "tmpfs", 0, NULL) || chdir(top))
		return 0;
	while (++n < most && !mkdir("d", 0755) && !mount("n", "d", "tmpfs", 0, NULL) && !chdir("d"))
		;
	return n;
}

static void deep_mounts(void)
{
	become_root();
	check(nested("/tmp", DEPTH) == DEPTH && !mkdir("last", 0755), "mounts in mounts");
	FAILS(umount("/tmp"), EBUSY);
	WORKS(umount2("/tmp", MNT_DETACH));
	check(!access("last", F_OK), "who is inside has it still");
	FAILS(mount("n", "last", "tmpfs", 0, NULL), EINVAL);
	FAILS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL), EINVAL);
	WORKS(chdir("/"));
	check(!strstr(text_of("/proc/self/mounts"), "\nn "), "all of them are off");
	check(nested("/tmp", DEPTH) == DEPTH, "mounts that end with their namespace");
}

/* Whoever has something of it, and as long as that. */
static void inside(void)
{
	int watch, fd, tree = 0;
	char event[256];

	become_root();
	WORKS(mount("m", "/tmp", "tmpfs", 0, NULL));
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	FAILS(umount("/tmp"), EBUSY);
	close(fd);
	WORKS(mkdir("/tmp/a", 0755));
	WORKS(mkdir("/tmp/b", 0755));
	fd = open("/tmp/a/file", O_CREAT | O_RDWR, 0600);
	/* Names come, go and move, and are nobody's use. */
	for (int i = 0; i < 50; i++)
		tree += link("/tmp/a/file", "/tmp/b/file") || rename("/tmp/b/file", "/tmp/c") ||
			rename("/tmp/a", "/tmp/b/a") || rename("/tmp/b/a", "/tmp/a") ||
			unlink("/tmp/c");
	check(!tree, "names that move");
	FAILS(umount("/tmp"), EBUSY);
	WORKS(unlink("/tmp/a/file"));
	FAILS(umount2("/tmp", MNT_EXPIRE), EBUSY);
	watch = inotify_init1(IN_NONBLOCK);
	WORKS(inotify_add_watch(watch, "/tmp", IN_UNMOUNT));
	WORKS(umount2("/tmp", MNT_DETACH));
	check(read(watch, event, sizeof(event)) == -1 && errno == EAGAIN, "it is kept");
	close(fd);
	check(read(watch, event, sizeof(event)) > 0, "and goes with the last");
	close(watch);
}

/* With /proc/sys/fs/mount-max set by who may. */
static void limited_mounts(void)
{
	int n = 0;

	become_root();
	WORKS(mount("m", "/tmp", "tmpfs", 0, NULL));
	while (n < 1000 && !mount("m", "/tmp", "tmpfs", 0, NULL))
		n++;
	check(n < 1000 && errno == ENOSPC, "no more mounts than there may be");
	FAILS(mount("m", "/tmp", "tmpfs", 0, NULL), ENOSPC);
	WORKS(umount("/tmp"));
	WORKS(mount("m", "/tmp", "tmpfs", 0, NULL));
}

static void mounts(void)
{
	char before[32];

	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	in_child(0, owners);
	in_child(0, inside);
	in_child(0, others_mounts);
	strcpy(before, text_of("/proc/sys/fs/mount-max"));
	WORKS(put_text("/proc/sys/fs/mount-max", "100\n"));
	in_child(0, limited_mounts);
	WORKS(put_text("/proc/sys/fs/mount-max", before));
	in_child(0, deep_directories);
	in_child(0, deep_mounts);
	check(!access("/tmp", W_OK) && !umount("/tmp"), "what was there is as it was");
}

int main(void)
{
	begin();
	check(pipe(to) == 0, "a pipe");
	chmod("/tmp", 0777);
	in_child(0, unprivileged);
	many_ids();
	by_who_opened_it();
	how_many();
	comes_in();
	mounts();
	return end("userns");
}
