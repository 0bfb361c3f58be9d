// SPDX-License-Identifier: MIT
/* Extended attributes of files on tmpfs: families, limits, who may. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static char big[70000];
static void *volatile nowhere = (void *)8;
static volatile size_t too_much = 70000;

static int has(const char *path, const char *name, const char *value)
{
	char text[256];
	ssize_t n = lgetxattr(path, name, text, sizeof(text));

	return n == (ssize_t)strlen(value) && !memcmp(text, value, (size_t)n);
}

static int lists(const char *path, const char *names, size_t len)
{
	char text[512];
	ssize_t n = llistxattr(path, text, sizeof(text));

	return n == (ssize_t)len && !memcmp(text, names, len);
}

static void test_calls(void)
{
	int fd = open("/x/f", O_CREAT | O_RDWR, 0644), path;
	char text[64];

	check(lists("/x/f", "", 0), "a new file has none");
	WORKS(setxattr("/x/f", "user.b", "value", 5, 0));
	check(has("/x/f", "user.b", "value"), "set, and got");
	check(getxattr("/x/f", "user.b", NULL, 0) == 5, "how long it is");
	FAILS(getxattr("/x/f", "user.b", text, 4), ERANGE);
	FAILS(getxattr("/x/f", "user.c", text, 4), ENODATA);
	FAILS(setxattr("/x/f", "user.b", "v", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr("/x/f", "user.c", "v", 1, XATTR_REPLACE), ENODATA);
	FAILS(setxattr("/x/f", "user.c", "v", 1, 4), EINVAL);
	FAILS(setxattr("/x/f", "user.c", "v", 1, XATTR_CREATE | XATTR_REPLACE), ENODATA);
	FAILS(setxattr("/x/f", "user.b", "v", 1, XATTR_CREATE | XATTR_REPLACE), EEXIST);
	WORKS(setxattr("/x/f", "user.b", "other", 5, XATTR_REPLACE));
	WORKS(fsetxattr(fd, "user.a", "", 0, XATTR_CREATE));
	check(has("/x/f", "user.b", "other") && has("/x/f", "user.a", ""),
	      "replaced, and an empty one");
	WORKS(setxattr("/x/f", "trusted.t", "t", 1, 0));
	WORKS(setxattr("/x/f", "security.s", "s", 1, 0));
	check(lists("/x/f", "user.b\0user.a\0trusted.t\0security.s", 35),
	      "listed the last name first");
	check(listxattr("/x/f", NULL, 0) == 35 && flistxattr(fd, text, sizeof(text)) == 35,
	      "by path and descriptor");
	FAILS(listxattr("/x/f", text, 34), ERANGE);
	WORKS(removexattr("/x/f", "user.b"));
	FAILS(removexattr("/x/f", "user.b"), ENODATA);
	WORKS(fremovexattr(fd, "user.a"));
	check(fgetxattr(fd, "user.a", NULL, 0) == -1 && errno == ENODATA, "removed");
	FAILS(setxattr("/x/f", "user.", "v", 1, 0), EINVAL);
	FAILS(setxattr("/x/f", "", "v", 1, 0), ERANGE);
	FAILS(setxattr("/x/f", "what.x", "v", 1, 0), EOPNOTSUPP);
	FAILS(setxattr("/x/f", "user", "v", 1, 0), EOPNOTSUPP);
	FAILS(setxattr("/x/f", "system.x", "v", 1, 0), EOPNOTSUPP);
	FAILS(getxattr("/x/f", "what.x", text, 1), EOPNOTSUPP);
	FAILS(getxattr("/x/f", "", text, 1), ERANGE);
	FAILS(setxattr("/x/none", "user.x", "v", 1, 0), ENOENT);
	FAILS(setxattr("/x/none", "user.x", big, too_much, 0), E2BIG);
	FAILS(setxattr(nowhere, "user.x", "v", 1, 0), EFAULT);
	FAILS(setxattr("/x/f", nowhere, "v", 1, 0), EFAULT);
	FAILS(setxattr("/x/f", "user.x", nowhere, 1, 0), EFAULT);
	FAILS(getxattr("/x/f", "trusted.t", nowhere, 5), EFAULT);
	FAILS(fsetxattr(99, "user.x", "v", 1, 0), EBADF);
	FAILS(fgetxattr(99, "user.x", text, 1), EBADF);
	FAILS(flistxattr(99, text, 1), EBADF);
	FAILS(fremovexattr(99, "user.x"), EBADF);
	path = open("/x/f", O_PATH);
	FAILS(fsetxattr(path, "user.x", "v", 1, 0), EBADF);
	close(path);
	/* Limits. */
	memset(big, 'n', sizeof(big));
	memcpy(big, "user.", 5);
	big[255] = 0;
	WORKS(setxattr("/x/f", big, "v", 1, 0));
	WORKS(removexattr("/x/f", big));
	big[255] = 'n';
	big[256] = 0;
	FAILS(setxattr("/x/f", big, "v", 1, 0), ERANGE);
	FAILS(getxattr("/x/f", big, text, 1), ERANGE);
	FAILS(removexattr("/x/f", big), ERANGE);
	memset(big, 'v', sizeof(big));
	WORKS(setxattr("/x/f", "user.big", big, 65536, 0));
	FAILS(setxattr("/x/f", "user.big", big, 65537, 0), E2BIG);
	check(getxattr("/x/f", "user.big", big, sizeof(big)) == 65536, "64 KiB");
	WORKS(removexattr("/x/f", "user.big"));
	/* Another name of the file has the same. */
	WORKS(link("/x/f", "/x/g"));
	check(has("/x/g", "trusted.t", "t"), "attributes are the file's, not the name's");
	close(fd);
}

static void test_kinds(void)
{
	int p[2], s = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[8];

	WORKS(symlink("f", "/x/l"));
	WORKS(mkdir("/x/d", 0777));
	WORKS(mknod("/x/fifo", S_IFIFO | 0600, 0));
	WORKS(setxattr("/x/l", "user.by", "link", 4, 0));
	check(has("/x/f", "user.by", "link"), "a link is followed");
	FAILS(lsetxattr("/x/l", "user.x", "v", 1, 0), EPERM);
	FAILS(lgetxattr("/x/l", "user.x", text, 1), ENODATA);
	WORKS(lsetxattr("/x/l", "trusted.l", "v", 1, 0));
	check(lists("/x/l", "trusted.l", 10), "a link has those of others than users");
	WORKS(lremovexattr("/x/l", "trusted.l"));
	FAILS(setxattr("/x/fifo", "user.x", "v", 1, 0), EPERM);
	FAILS(getxattr("/x/fifo", "user.x", text, 1), ENODATA);
	WORKS(setxattr("/x/fifo", "trusted.x", "v", 1, 0));
	WORKS(setxattr("/x/d", "user.x", "v", 1, 0));
	FAILS(setxattr("/dev/null", "user.x", "v", 1, 0), EPERM);
	FAILS(setxattr("/proc/version", "user.x", "v", 1, 0), EOPNOTSUPP);
	FAILS(getxattr("/proc/version", "user.x", text, 1), EOPNOTSUPP);
	check(listxattr("/proc/version", text, 8) == 0, "procfs has none");
	pipe(p);
	FAILS(fsetxattr(p[0], "user.x", "v", 1, 0), EPERM);
	FAILS(fgetxattr(p[0], "user.x", text, 1), ENODATA);
	FAILS(fsetxattr(s, "user.x", "v", 1, 0), EPERM);
	close(s);
	close(p[0]);
	close(p[1]);
}

static void test_who(void)
{
	struct {
		unsigned int magic, data[4];
	} caps = {0x02000000, {1 << 10, 0, 0, 0}};
	int status;

	WORKS(setxattr("/x/f", "security.capability", &caps, sizeof(caps), 0));
	FAILS(setxattr("/x/f", "security.capability", &caps, 12, 0), EINVAL);
	WORKS(removexattr("/x/f", "security.capability"));
	chmod("/x/f", 0644);
	mkdir("/x/sticky", 0777);
	chmod("/x/sticky", 01777);
	chmod("/x/d", 0777);
	if (!fork()) {
		char text[8];

		failures = 0;
		setgid(1000);
		setuid(1000);
		FAILS(setxattr("/x/f", "user.n", "v", 1, 0), EACCES);
		check(has("/x/f", "user.by", "link"), "others read");
		FAILS(setxattr("/x/f", "trusted.n", "v", 1, 0), EPERM);
		FAILS(getxattr("/x/f", "trusted.t", text, 1), ENODATA);
		FAILS(setxattr("/x/f", "security.n", "v", 1, 0), EPERM);
		check(getxattr("/x/f", "security.s", text, 8) == 1, "security is read by all");
		check(lists("/x/f", "user.by\0security.s", 19), "trusted ones are not shown");
		WORKS(setxattr("/x/d", "user.n", "v", 1, 0));
		FAILS(setxattr("/x/sticky", "user.n", "v", 1, 0), EPERM);
		_exit(failures);
	}
	wait(&status);
	check(!status, "another user");
	chmod("/x/f", 0600);
	if (!fork()) {
		char text[8];

		failures = 0;
		setuid(1000);
		FAILS(getxattr("/x/f", "user.by", text, 8), EACCES);
		_exit(failures);
	}
	wait(&status);
	check(!status, "one who may not read");
}

static void test_room(void)
{
	struct statfs s;
	long before;

	WORKS(mount("t", "/y", "tmpfs", 0, "nr_inodes=20"));
	close(open("/y/f", O_CREAT | O_RDWR, 0600));
	statfs("/y", &s);
	before = (long)s.f_ffree;
	WORKS(setxattr("/y/f", "user.a", big, 2000, 0));
	statfs("/y", &s);
	check(before - (long)s.f_ffree == 2, "an attribute counts as inodes by its size");
	FAILS(setxattr("/y/f", "user.b", big, 20000, 0), ENOSPC);
	WORKS(setxattr("/y/f", "user.a", "v", 1, 0));
	statfs("/y", &s);
	check(before - (long)s.f_ffree == 1, "a smaller one as less");
	WORKS(setxattr("/y/f", "user.b", big, 2000, 0));
	unlink("/y/f");
	statfs("/y", &s);
	check((long)s.f_ffree == before + 1, "all goes with the file");
	close(open("/y/f", O_CREAT | O_RDWR, 0600));
	WORKS(mount("t", "/y", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
	FAILS(setxattr("/y/f", "user.a", "v", 1, 0), EROFS);
	FAILS(removexattr("/y/f", "user.a"), EROFS);
	WORKS(umount("/y"));
}

int main(void)
{
	begin();
	mkdir("/x", 0755);
	mkdir("/y", 0755);
	mount("t", "/x", "tmpfs", 0, NULL);
	test_calls();
	test_kinds();
	test_who();
	test_room();
	return end("xattrs");
}
