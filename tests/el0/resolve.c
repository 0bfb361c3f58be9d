// SPDX-License-Identifier: MIT
/* openat2: its arguments, and what a path's way may not do. And files that are made without a name. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int open2(int dir, const char *path, unsigned long flags, unsigned long mode,
		 unsigned long resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd;
}

static int at, root_fd;

/* Opened, and the file it should be; or the error. */
static void way(const char *path, unsigned long resolve, const char *is, int err)
{
	int fd = open2(at, path, O_PATH, 0, resolve), was = errno;
	char text[200];
	struct stat a, b;

	snprintf(text, sizeof(text), "\"%s\" with %#lx is %s", path, resolve,
		 is ? is : strerror(err));
	errno = was;
	if (is)
		check(fd >= 0 && !fstat(fd, &a) && !stat(is, &b) && a.st_ino == b.st_ino &&
			      a.st_dev == b.st_dev,
		      text);
	else
		check(fd == -1 && errno == err, text);
	if (fd >= 0)
		close(fd);
}

static void test_arguments(void)
{
	struct {
		struct open_how how;
		unsigned char more[64];
	} big;
	char *page = aligned_alloc((size_t)PAGE, 2 * (size_t)PAGE);
	int fd;

	memset(&big, 0, sizeof(big));
	big.how.flags = O_PATH;
	check((fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &big, sizeof(big))) >= 0,
	      "a larger structure of zeros behind");
	close(fd);
	big.more[63] = 1;
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/", &big, sizeof(big)), E2BIG);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/", &big, sizeof(big.how) - 1), EINVAL);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/", &big, 0), EINVAL);
	memset(page, 0, 2 * (size_t)PAGE);
	check((fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", page, PAGE)) >= 0, "a page");
	close(fd);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/", page, PAGE + 1), E2BIG);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/", 16L, sizeof(big.how)), EFAULT);
	FAILS(open2(AT_FDCWD, "/", O_PATH, 0, 0x40), EINVAL);
	FAILS(open2(AT_FDCWD, "/", O_PATH, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
	FAILS(open2(AT_FDCWD, "/", 1UL << 40, 0, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", 1UL << 30, 0, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", O_RDONLY, 0600, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/x", O_CREAT | O_RDWR, 010000, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", O_PATH | O_RDWR, 0, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", O_PATH | O_CREAT, 0600, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/x", O_CREAT | O_DIRECTORY, 0600, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", O_TMPFILE | O_RDONLY, 0600, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600, 0), EINVAL);
	FAILS(open2(AT_FDCWD, "/x", O_CREAT | O_RDWR, 0600, RESOLVE_CACHED), EAGAIN);
	FAILS(open2(AT_FDCWD, "/x", O_TRUNC | O_RDWR, 0, RESOLVE_CACHED), EAGAIN);
	FAILS(open2(AT_FDCWD, "/", O_TMPFILE | O_RDWR, 0600, RESOLVE_CACHED), EAGAIN);
	check((fd = open2(AT_FDCWD, "/r", O_RDONLY, 0, RESOLVE_CACHED)) >= 0,
	      "what is known is opened with CACHED");
	close(fd);
	FAILS(open2(99, "x", O_RDONLY, 0, 0), EBADF);
	FAILS(open2(99, "/r", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	FAILS(open2(99, "/r", O_RDONLY, 0, RESOLVE_IN_ROOT), EBADF);
}

static void test_ways(void)
{
	const unsigned long beneath = RESOLVE_BENEATH, in_root = RESOLVE_IN_ROOT,
			    no_xdev = RESOLVE_NO_XDEV, no_magic = RESOLVE_NO_MAGICLINKS,
			    no_links = RESOLVE_NO_SYMLINKS;
	char self[64];
	int fd;

	WORKS(mkdir("/r", 0755));
	WORKS(mkdir("/r/d", 0755));
	WORKS(mkdir("/r/d/e", 0755));
	WORKS(mkdir("/r/m", 0755));
	WORKS(mkdir("/out", 0755));
	close(open("/r/d/e/f", O_CREAT | O_RDWR, 0644));
	close(open("/r/f", O_CREAT | O_RDWR, 0644));
	close(open("/out/f", O_CREAT | O_RDWR, 0644));
	WORKS(symlink("../../out/f", "/r/d/escape"));
	WORKS(symlink("/r/f", "/r/absolute"));
	WORKS(symlink("../f", "/r/d/up"));
	WORKS(symlink("d/e", "/r/dir"));
	WORKS(symlink("../../../../d/e/f", "/r/d/far"));
	WORKS(symlink("m/../f", "/r/over"));
	WORKS(mount("t", "/r/m", "tmpfs", 0, NULL));
	close(open("/r/m/g", O_CREAT | O_RDWR, 0644));
	WORKS(symlink("/r/m/g", "/r/m/inside"));
	WORKS(symlink("/r/f", "/r/m/away"));
	at = open("/r", O_PATH | O_DIRECTORY);

	way("f", beneath, "/r/f", 0);
	way("d/e/f", beneath, "/r/d/e/f", 0);
	way("d/../f", beneath, "/r/f", 0);
	way("..", beneath, NULL, EXDEV);
	way("../r", beneath, NULL, EXDEV);
	way("d/../../r/f", beneath, NULL, EXDEV);
	way("/r/f", beneath, NULL, EXDEV);
	way("d/escape", beneath, NULL, EXDEV);
	way("absolute", beneath, NULL, EXDEV);
	way("d/up", beneath, "/r/f", 0);
	way("dir/f", beneath, "/r/d/e/f", 0);
	way("m/g", beneath, "/r/m/g", 0);
	way("none", beneath, NULL, ENOENT);
	way(".", beneath, "/r", 0);
	way("", beneath, NULL, ENOENT);

	way("f", in_root, "/r/f", 0);
	way("/f", in_root, "/r/f", 0);
	way("/", in_root, "/r", 0);
	way("..", in_root, "/r", 0);
	way("../../d/../../f", in_root, "/r/f", 0);
	way("d/far", in_root, "/r/d/e/f", 0);
	way("d/escape", in_root, NULL, ENOENT);
	way("absolute", in_root, NULL, ENOENT);
	way("/r/f", in_root, NULL, ENOENT);

	way("m", no_xdev, NULL, EXDEV);
	way("m/g", no_xdev, NULL, EXDEV);
	way("f", no_xdev, "/r/f", 0);
	way("/out/f", no_xdev, "/out/f", 0);
	/* The root's file system is not known yet. */
	way("absolute", no_xdev, NULL, EXDEV);
	way("d/../absolute", no_xdev, "/r/f", 0);
	way("over", no_xdev, NULL, EXDEV);
	way("/r/m/g", no_xdev, NULL, EXDEV);
	root_fd = at;
	at = open("/r/m", O_PATH | O_DIRECTORY);
	way("g", no_xdev, "/r/m/g", 0);
	way("..", no_xdev, NULL, EXDEV);
	way("inside", no_xdev, NULL, EXDEV);
	way("away", no_xdev, NULL, EXDEV);
	way("/r/f", no_xdev, "/r/f", 0);
	close(at);
	at = root_fd;

	way("f", no_links, "/r/f", 0);
	way("dir", no_links, NULL, ELOOP);
	way("dir/f", no_links, NULL, ELOOP);
	fd = open2(at, "dir", O_PATH | O_NOFOLLOW, 0, no_links);
	check(fd >= 0, "a last link that is not followed");
	close(fd);
	way("dir/f", no_magic, "/r/d/e/f", 0);
	fd = open("/r/f", O_RDONLY);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	way(self, no_magic, NULL, ELOOP);
	way(self, no_links, NULL, ELOOP);
	way(self, no_xdev, NULL, EXDEV);
	way(self, 0, "/r/f", 0);
	way("/proc/self/root/r/f", no_magic, NULL, ELOOP);
	way("/proc/self/exe", in_root, NULL, ENOENT);
	close(fd);
	fd = open("/proc/self", O_PATH);
	close(at);
	at = fd;
	way("cwd", beneath, NULL, EXDEV);
	way("cwd", in_root, NULL, EXDEV);
	way("cwd", no_xdev, NULL, EXDEV);
	way("exe", no_magic | beneath, NULL, ELOOP);
	close(fd);

	/* Making names keeps to it, too. */
	at = open("/r/d", O_RDONLY);
	FAILS(open2(at, "../new", O_CREAT | O_RDWR, 0600, beneath), EXDEV);
	check((fd = open2(at, "../new", O_CREAT | O_RDWR, 0600, in_root)) >= 0 &&
		      !access("/r/d/new", F_OK),
	      "a name is made in the root");
	close(fd);
	FAILS(open2(at, "escape", O_CREAT | O_RDWR, 0600, beneath), EXDEV);
	FAILS(open2(at, "new", O_CREAT | O_EXCL | O_RDWR, 0600, beneath), EEXIST);
	close(at);
	at = open("/r/f", O_RDONLY);
	FAILS(open2(at, "x", O_RDONLY, 0, beneath), ENOTDIR);
	FAILS(open2(at, "/f", O_RDONLY, 0, in_root), ENOTDIR);
	close(at);
}

static void test_nosymfollow(void)
{
	struct statfs s;
	int fd;

	WORKS(mount("t", "/r/m", "tmpfs", MS_REMOUNT | 256, NULL));
	check(!statfs("/r/m", &s) && s.f_flags & 0x2000, "statfs says so");
	FAILS(open("/r/m/inside", O_RDONLY), ELOOP);
	FAILS(open("/r/m/away", O_RDONLY), ELOOP);
	check((fd = open("/r/m/g", O_RDONLY)) >= 0,
	      "a file of a file system whose links are not followed");
	close(fd);
	check((fd = open("/r/absolute", O_RDONLY)) >= 0, "a link of another one");
	close(fd);
	WORKS(mount("t", "/r/m", "tmpfs", MS_REMOUNT, NULL));
	check((fd = open("/r/m/away", O_RDONLY)) >= 0, "followed again");
	close(fd);
}

static void set_to(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	check(write(fd, value, 1) == 1, path);
	close(fd);
}

static void opens(const char *path, const char *what)
{
	int fd = open(path, O_RDONLY);

	check(fd >= 0, what);
	close(fd);
}

/* Others' links in directories like /tmp, and links to others' files. */
static void test_protected(void)
{
	struct open_how how = {.resolve = RESOLVE_NO_SYMLINKS};
	struct stat st;
	int fd;

	mkdir("/r/sticky", 0755);
	chmod("/r/sticky", 01777);
	mkdir("/r/inside", 0755);
	close(open("/r/inside/file", O_CREAT | O_RDWR, 0644));
	close(open("/r/secret", O_CREAT | O_RDWR, 0600));
	symlink("/r/inside/file", "/r/sticky/link");
	symlink("/r/inside", "/r/sticky/dir");
	symlink("/r/sticky/new", "/r/sticky/lost");
	symlink("/r/inside/file", "/r/sticky/roots");
	symlink("/r/sticky/link", "/r/to-link");
	symlink("/r/sticky/dir", "/r/to-dir");
	lchown("/r/sticky/link", 5, 5);
	lchown("/r/sticky/dir", 5, 5);
	lchown("/r/sticky/lost", 5, 5);
	FAILS(open("/r/sticky/link", O_RDONLY), EACCES);
	FAILS(stat("/r/sticky/link", &st), EACCES);
	FAILS(truncate("/r/sticky/link", 0), EACCES);
	WORKS(lstat("/r/sticky/link", &st));
	FAILS(open("/r/sticky/link", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS((int)syscall(SYS_openat2, AT_FDCWD, "/r/sticky/link", &how, sizeof(how)), EACCES);
	FAILS(open("/r/sticky/lost", O_CREAT | O_RDWR, 0600), EACCES);
	FAILS(open("/r/sticky/dir/", O_RDONLY), EACCES);
	FAILS(open("/r/to-link", O_RDONLY), EACCES);
	FAILS(open("/r/to-dir", O_RDONLY), EACCES);
	opens("/r/sticky/dir/file", "by another's link on the way");
	opens("/r/to-dir/file", "by a link to it on the way");
	opens("/r/sticky/roots", "by one's own");
	chmod("/r/sticky", 0777);
	opens("/r/sticky/link", "where all may remove it");
	chmod("/r/sticky", 01775);
	opens("/r/sticky/link", "where not everybody may write");
	chmod("/r/sticky", 01777);
	WORKS(seteuid(5));
	opens("/r/sticky/link", "one's own, of another's file");
	opens("/r/sticky/roots", "a link of whose the directory is");
	FAILS(link("/r/secret", "/r/sticky/hard"), EPERM);
	FAILS(link("/r/inside/file", "/r/sticky/hard"), EPERM);
	WORKS(seteuid(0));
	WORKS(link("/r/secret", "/r/sticky/hard"));
	WORKS(unlink("/r/sticky/hard"));

	set_to("/proc/sys/fs/protected_symlinks", "0");
	set_to("/proc/sys/fs/protected_hardlinks", "0");
	opens("/r/sticky/link", "another's, when that is off");
	fd = open("/r/sticky/lost", O_CREAT | O_RDWR, 0600);
	check(fd >= 0, "and made by it");
	close(fd);
	WORKS(seteuid(5));
	WORKS(link("/r/secret", "/r/sticky/hard"));
	WORKS(seteuid(0));
	set_to("/proc/sys/fs/protected_symlinks", "1");
	set_to("/proc/sys/fs/protected_hardlinks", "1");
	fd = open("/proc/sys/fs/protected_symlinks", O_WRONLY);
	FAILS((int)write(fd, "2", 1), EINVAL);
	close(fd);
	FAILS(open("/r/sticky/link", O_RDONLY), EACCES);
}

static void test_tmpfile(void)
{
	int fd = open("/r", O_TMPFILE | O_RDWR, 0600), other;
	char self[64];
	struct stat s;

	check(fd >= 0 && !fstat(fd, &s) && s.st_nlink == 0 && s.st_mode == (S_IFREG | 0600),
	      "a file without a name");
	FAILS(linkat(fd, "", AT_FDCWD, "/r/f", AT_EMPTY_PATH), EEXIST);
	check(!linkat(fd, "", AT_FDCWD, "/r/named", AT_EMPTY_PATH) && !stat("/r/named", &s) &&
		      s.st_nlink == 1,
	      "gets one by its descriptor");
	check(!linkat(fd, "", AT_FDCWD, "/r/again", AT_EMPTY_PATH) && !stat("/r/named", &s) &&
		      s.st_nlink == 2,
	      "and another");
	unlink("/r/named");
	unlink("/r/again");
	FAILS(linkat(fd, "", AT_FDCWD, "/r/named", AT_EMPTY_PATH), ENOENT);
	close(fd);
	fd = open("/r", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	FAILS(linkat(AT_FDCWD, self, AT_FDCWD, "/r/named", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	fd = open("/r/gone", O_CREAT | O_RDWR, 0600);
	unlink("/r/gone");
	FAILS(linkat(fd, "", AT_FDCWD, "/r/named", AT_EMPTY_PATH), ENOENT);
	close(fd);
	FAILS(open("/r/f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	FAILS(open("/r/none", O_TMPFILE | O_RDWR, 0600), ENOENT);
	FAILS(open("/r", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	FAILS(open("/proc", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
	/* Who has not opened it cannot name it. */
	fd = open("/r", O_TMPFILE | O_RDWR, 0600);
	chmod("/r", 0777);
	if (!fork()) {
		failures = 0;
		setgid(1000);
		setuid(1000);
		FAILS(linkat(fd, "", AT_FDCWD, "/r/named", AT_EMPTY_PATH), ENOENT);
		other = open("/r", O_TMPFILE | O_RDWR, 0600);
		check(other >= 0 && !linkat(other, "", AT_FDCWD, "/r/own", AT_EMPTY_PATH),
		      "who has can");
		_exit(failures);
	}
	int status;

	wait(&status);
	check(!status, "by another user");
	close(fd);
}

int main(void)
{
	begin();
	test_ways();
	test_arguments();
	test_nosymfollow();
	test_tmpfile();
	test_protected();
	return end("resolve");
}
