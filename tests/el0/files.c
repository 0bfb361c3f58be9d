// SPDX-License-Identifier: MIT
/* Files, as Linux 6.12 has them: names, descriptors, contents, pipes, polls. Each expectation was seen on Linux. Static, with glibc. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

/* Bytes of a page. */
#define PAGE ((long)getpagesize())
#define PAGE_MOST 65536
#define ROUND_UP(bytes) (((bytes) + PAGE - 1) / PAGE * PAGE)

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	failures += !ok;
}

/* A call that must fail so. */
#define FAILS(call, err) check((call) == -1 && errno == (err), #call " is " #err)
#define WORKS(call) check((call) >= 0, #call)

static int make(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);

	if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	return fd;
}

static int same(const char *path, const char *text)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(buf, text);
}

static void paths(void)
{
	struct stat a, b;
	char buf[300];
	int fd, dir;

	WORKS(mkdir("/t", 0755));
	FAILS(mkdir("/t", 0755), EEXIST);
	WORKS(mkdir("/t/d/", 0755));
	FAILS(mkdir("/t/no/d", 0755), ENOENT);
	close(make("/t/f", "hello"));
	FAILS(open("/t/f/x", O_RDONLY), ENOTDIR);
	FAILS(open("/t/f/", O_RDONLY), ENOTDIR);
	FAILS(open("/t/nothing", O_RDONLY), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("/t", O_RDWR), EISDIR);
	FAILS(open("/t/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("/t/f", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	FAILS(open("/t/new/", O_CREAT | O_RDWR, 0644), EISDIR);
	FAILS(open("/t/d", O_CREAT | O_RDWR, 0644), EISDIR);
	memset(buf, 'n', sizeof(buf) - 1);
	buf[0] = '/';
	buf[sizeof(buf) - 1] = '\0';
	FAILS(open(buf, O_RDONLY), ENAMETOOLONG);
	FAILS(syscall(SYS_openat, AT_FDCWD, 8L, O_RDONLY), EFAULT);
	FAILS(openat(77, "f", O_RDONLY), EBADF);

	WORKS(symlink("f", "/t/l"));
	WORKS(symlink("loop", "/t/loop"));
	WORKS(symlink("gone", "/t/dangling"));
	FAILS(symlink("x", "/t/l"), EEXIST);
	check(same("/t/l", "hello"), "a link is followed");
	FAILS(open("/t/loop", O_RDONLY), ELOOP);
	FAILS(open("/t/l", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("/t/dangling", O_RDONLY), ENOENT);
	FAILS(open("/t/dangling", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	fd = open("/t/dangling", O_CREAT | O_RDWR, 0600);
	check(fd >= 0 && !stat("/t/gone", &a) && a.st_size == 0, "O_CREAT makes what a link names");
	close(fd);
	check(readlink("/t/l", buf, sizeof(buf)) == 1 && buf[0] == 'f', "readlink");
	FAILS(readlink("/t/f", buf, sizeof(buf)), EINVAL);
	check(!lstat("/t/l", &a) && S_ISLNK(a.st_mode) && a.st_size == 1 && a.st_mode == 0120777,
	      "lstat of a link");

	dir = open("/t", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "f", O_RDONLY);
	check(dir >= 0 && fd >= 0, "openat a directory's descriptor");
	check(!fstat(fd, &a) && !fstatat(dir, "f", &b, 0) && a.st_ino == b.st_ino &&
		      a.st_dev == b.st_dev && a.st_nlink == 1,
	      "stat the same file by two ways");
	check(!fstatat(fd, "", &b, AT_EMPTY_PATH) && a.st_ino == b.st_ino, "AT_EMPTY_PATH");
	FAILS(fstatat(fd, "x", &b, 0), ENOTDIR);
	close(fd);
	fd = open("/t/f", O_PATH);
	check(fd >= 0 && fcntl(fd, F_GETFL) == (O_PATH), "O_PATH");
	FAILS(read(fd, buf, 1), EBADF);
	close(fd);

	WORKS(link("/t/f", "/t/d/g"));
	check(!stat("/t/d/g", &a) && a.st_nlink == 2, "a second name");
	FAILS(link("/t/d", "/t/e"), EPERM);
	FAILS(link("/t/none", "/t/e"), ENOENT);
	FAILS(link("/t/f", "/t/d/g"), EEXIST);
	FAILS(rmdir("/t/d"), ENOTEMPTY);
	FAILS(rmdir("/t/f"), ENOTDIR);
	FAILS(unlink("/t/d"), EISDIR);
	FAILS(unlink("/t/none"), ENOENT);
	FAILS(unlink("/t/f/"), ENOTDIR);
	FAILS(rmdir("/t/d/."), EINVAL);
	FAILS(rmdir("/t/d/.."), ENOTEMPTY);
	FAILS(rmdir("/"), EBUSY);
	WORKS(unlink("/t/d/g"));
	check(!stat("/t/f", &a) && a.st_nlink == 1, "and one again");
	check(!stat("/t", &a) && a.st_nlink == 3, "a directory counts the ones in it");

	WORKS(chdir("/t/d"));
	check(getcwd(buf, sizeof(buf)) && !strcmp(buf, "/t/d"), "getcwd");
	check(syscall(SYS_getcwd, buf, 5L) == 5, "getcwd fits");
	FAILS(syscall(SYS_getcwd, buf, 4L), ERANGE);
	check(!access("../f", R_OK | W_OK), "..");
	FAILS(access("../f", X_OK), EACCES);
	FAILS(access("../f", 9), EINVAL);
	WORKS(rmdir("/t/d"));
	check(!getcwd(buf, sizeof(buf)) && errno == ENOENT, "where one stands may go");
	FAILS(open("x", O_CREAT | O_RDWR, 0644), ENOENT);
	FAILS(chdir("/t/f"), ENOTDIR);
	WORKS(fchdir(dir));
	close(dir);
	check(getcwd(buf, sizeof(buf)) && !strcmp(buf, "/t"), "fchdir");
	check(umask(027) == 022 && umask(022) == 027, "umask");
}

static void renames(void)
{
	struct stat a;

	mkdir("/t/d1", 0755);
	mkdir("/t/d2", 0755);
	close(make("/t/a", "A"));
	close(make("/t/b", "B"));
	WORKS(rename("/t/a", "/t/d1/a with a longer name"));
	check(same("/t/d1/a with a longer name", "A"), "rename to a longer name");
	WORKS(rename("/t/d1/a with a longer name", "/t/b"));
	check(same("/t/b", "A") && access("/t/d1/a with a longer name", F_OK), "rename replaces");
	close(make("/t/a", "A2"));
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "/t/a", AT_FDCWD, "/t/b", 1), EEXIST);
	check(!syscall(SYS_renameat2, AT_FDCWD, "/t/a", AT_FDCWD, "/t/b", 2) && same("/t/a", "A") &&
		      same("/t/b", "A2"),
	      "RENAME_EXCHANGE");
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "/t/a", AT_FDCWD, "/t/b", 3), EINVAL);
	FAILS(rename("/t/none", "/t/b"), ENOENT);
	FAILS(rename("/t/a", "/t/d1"), EISDIR);
	FAILS(rename("/t/d1", "/t/a"), ENOTDIR);
	FAILS(rename("/t/d1", "/t/d1/x"), EINVAL);
	WORKS(mkdir("/t/d2/x", 0755));
	FAILS(rename("/t/d1", "/t/d2"), ENOTEMPTY);
	WORKS(rename("/t/d2", "/t/d1"));
	check(!stat("/t/d1/x", &a) && stat("/t/d2", &a), "a directory replaces an empty one");
	FAILS(rename("/t/d1/.", "/t/y"), EBUSY);
	WORKS(link("/t/a", "/t/a2"));
	check(!rename("/t/a", "/t/a2") && !access("/t/a", F_OK),
	      "rename of two names of one file does nothing");
}

static void contents(void)
{
	static char big[70000], back[70000];
	const long end = PAGE + 904 + (long)sizeof(big);
	struct iovec v[2] = {{big, 5}, {big + 5, 7}};
	struct stat a;
	struct statfs sf;
	int fd = make("/t/c", "0123456789"), two;
	char buf[32] = "";
	char *map;

	check(lseek(fd, 0, SEEK_CUR) == 10 && lseek(fd, -3, SEEK_END) == 7, "lseek");
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 9), EINVAL);
	check(read(fd, buf, 10) == 3 && !memcmp(buf, "789", 3) && read(fd, buf, 1) == 0,
	      "read to the end");
	check(pread(fd, buf, 2, 4) == 2 && !memcmp(buf, "45", 2) && pwrite(fd, "xy", 2, 4) == 2,
	      "pread, pwrite");
	FAILS(pread(fd, buf, 2, -1), EINVAL);
	lseek(fd, 0, SEEK_SET);
	FAILS(syscall(SYS_read, fd, 8L, 1L), EFAULT);
	FAILS(syscall(SYS_write, fd, 8L, 1L), EFAULT);
	two = open("/t/c", O_RDONLY);
	FAILS(write(two, "x", 1), EBADF);
	FAILS(ftruncate(two, 1), EINVAL);
	close(two);
	two = open("/t/c", O_WRONLY | O_APPEND);
	FAILS(read(two, buf, 1), EBADF);
	check(lseek(two, 0, SEEK_SET) == 0 && write(two, "AP", 2) == 2 &&
		      same("/t/c", "0123xy6789AP"),
	      "O_APPEND");
	close(two);
	check(!ftruncate(fd, 4) && same("/t/c", "0123"), "ftruncate makes it shorter");
	check(!ftruncate(fd, 8) && !fstat(fd, &a) && a.st_size == 8 && pread(fd, buf, 8, 0) == 8 &&
		      !memcmp(buf, "0123\0\0\0\0", 8),
	      "and longer, with zeros");
	FAILS(truncate("/t", 1), EISDIR);
	FAILS(ftruncate(fd, -1), EINVAL);
	two = open("/t/c", O_RDWR | O_TRUNC);
	check(!fstat(fd, &a) && a.st_size == 0 && a.st_blocks == 0, "O_TRUNC");
	close(two);

	for (unsigned int i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 256);
	check(pwrite(fd, big, sizeof(big), PAGE + 904) == sizeof(big) &&
		      pread(fd, back, sizeof(back), PAGE + 904) == sizeof(back) &&
		      !memcmp(big, back, sizeof(big)),
	      "70,000 bytes across pages");
	check(!fstat(fd, &a) && a.st_size == end && a.st_blocks == (ROUND_UP(end) - PAGE) / 512,
	      "a hole has no blocks");
	check(lseek(fd, 0, SEEK_DATA) == PAGE && lseek(fd, PAGE, SEEK_HOLE) == end &&
		      lseek(fd, 0, SEEK_HOLE) == 0,
	      "SEEK_DATA, SEEK_HOLE");
	FAILS(lseek(fd, end, SEEK_DATA), ENXIO);
	lseek(fd, 0, SEEK_SET);
	check(writev(fd, v, 2) == 12 && pread(fd, back, 12, 0) == 12 && !memcmp(back, big, 12),
	      "writev");
	lseek(fd, 0, SEEK_SET);
	check(readv(fd, v, 2) == 12, "readv");
	FAILS(readv(fd, v, -1), EINVAL);
	FAILS(readv(fd, v, 1025), EINVAL);

	/* The mapping is the file. */
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED && !memcmp(map, big, 12), "a mapping shows what was written");
	map[3] = 'M';
	check(pread(fd, buf, 4, 0) == 4 && buf[3] == 'M', "and what is written there is read");
	check(pwrite(fd, "W", 1, 2) == 1 && map[2] == 'W', "and the other way");
	check(!ftruncate(fd, 1) && map[2] == 0 && map[0] == big[0],
	      "what a truncation cut is zero in the mapping's page");
	munmap(map, 8192);

	check(!fallocate(fd, 0, 0, 10000) && !fstat(fd, &a) && a.st_size == 10000 &&
		      a.st_blocks == ROUND_UP(10000) / 512,
	      "fallocate");
	check(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 10000, 10000) && !fstat(fd, &a) &&
		      a.st_size == 10000 && a.st_blocks == ROUND_UP(20000) / 512,
	      "FALLOC_FL_KEEP_SIZE");
	memset(back, 'z', 8192);
	pwrite(fd, back, 8192, 0);
	check(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 4000) &&
		      pread(fd, back, 8192, 0) == 8192 && back[99] == 'z' && back[100] == 0 &&
		      back[4099] == 0 && back[4100] == 'z',
	      "FALLOC_FL_PUNCH_HOLE");
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096), EOPNOTSUPP);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	close(fd);
	FAILS(fallocate(fd, 0, 0, 1), EBADF);

	fd = make("/t/u", "still there");
	check(!unlink("/t/u") && pread(fd, buf, 5, 0) == 5 && !memcmp(buf, "still", 5) &&
		      !fstat(fd, &a) && a.st_nlink == 0,
	      "an open file lives without a name");
	close(fd);
	fd = open("/t", O_TMPFILE | O_RDWR, 0600);
	check(fd >= 0 && write(fd, "x", 1) == 1 && !fstat(fd, &a) && a.st_nlink == 0, "O_TMPFILE");
	close(fd);
	fd = make("/t/cs", "");
	{
		uint64_t range[2] = {0, 0}, stat[5];

		pwrite(fd, "x", 1, 0);
		pwrite(fd, "x", 1, 2 * PAGE);
		check(!syscall(451, fd, range, stat, 0) && stat[0] == 2 && stat[1] == 0 &&
			      stat[3] == 0,
		      "cachestat of two pages and a hole");
		range[0] = range[1] = (uint64_t)PAGE;
		check(!syscall(451, fd, range, stat, 0) && stat[0] == 0, "and of the hole");
		FAILS(syscall(451, fd, range, stat, 1), EINVAL);
		FAILS(syscall(451, 99, range, stat, 0), EBADF);
	}
	close(fd);
	check(!statfs("/t", &sf) && sf.f_type == 0x01021994 && sf.f_bsize == PAGE &&
		      sf.f_namelen == 255,
	      "statfs of a tmpfs");
	check(!chmod("/t/c", 04711) && !stat("/t/c", &a) && (a.st_mode & 07777) == 04711, "chmod");
	check(!chown("/t/c", 5, 6) && !stat("/t/c", &a) && a.st_uid == 5 && a.st_gid == 6 &&
		      (a.st_mode & 07777) == 0711,
	      "chown clears set-user-id");
	check(!access("/t/c", X_OK), "access X_OK");
	{
		struct timespec t[2] = {{100, 5}, {200, UTIME_OMIT}};

		check(!utimensat(AT_FDCWD, "/t/c", t, 0) && !stat("/t/c", &a) &&
			      a.st_atim.tv_sec == 100 && a.st_atim.tv_nsec == 5 &&
			      a.st_mtim.tv_sec != 200,
		      "utimensat");
	}
}

static void directories(void)
{
	struct dirent *e;
	int n = 0, wrong = 0, pass;
	char name[32];
	DIR *d;

	mkdir("/t/many", 0755);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "/t/many/%d", i);
		close(open(name, O_CREAT | O_RDWR, 0644));
	}
	/* Names go while they are read. */
	d = opendir("/t/many");
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		wrong += e->d_type != DT_REG;
		snprintf(name, sizeof(name), "/t/many/%s", e->d_name);
		wrong += unlink(name) != 0;
	}
	check(n == 500 && !wrong, "500 names are read once each, and removed meanwhile");
	for (pass = 0, n = 0; d && pass < 2; pass++) {
		rewinddir(d);
		while ((e = readdir(d)))
			n++;
	}
	check(n == 4, "then there are . and .. alone, also the second time");
	if (d)
		closedir(d);
	WORKS(rmdir("/t/many"));
	{
		int fd = open("/t/c", O_RDONLY);
		char buf[64];

		FAILS(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
		close(fd);
		fd = open("/t", O_RDONLY);
		FAILS(syscall(SYS_getdents64, fd, buf, 8), EINVAL);
		FAILS(read(fd, buf, 8), EISDIR);
		close(fd);
	}
}

static void descriptors(void)
{
	int a = open("/t/c", O_RDWR), b, c, i;

	b = dup(a);
	check(b == a + 1, "dup takes the lowest");
	check(lseek(a, 5, SEEK_SET) == 5 && lseek(b, 0, SEEK_CUR) == 5, "and shares the position");
	check(dup2(a, 60) == 60 && dup2(a, a) == a, "dup2");
	FAILS(dup3(a, a, 0), EINVAL);
	FAILS(dup2(99, 5), EBADF);
	FAILS(dup2(a, 100000), EBADF);
	check(fcntl(a, F_DUPFD, 200) == 200 && fcntl(a, F_DUPFD_CLOEXEC, 200) == 201,
	      "F_DUPFD from 200 on");
	check(fcntl(200, F_GETFD) == 0 && fcntl(201, F_GETFD) == 1, "FD_CLOEXEC");
	FAILS(fcntl(a, F_DUPFD, -1), EINVAL);
	FAILS(fcntl(a, 9999), EINVAL);
	FAILS(fcntl(99, F_GETFD), EBADF);
	check((fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND)) == O_RDWR &&
		      !fcntl(a, F_SETFL, O_APPEND | O_NONBLOCK) &&
		      (fcntl(b, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK),
	      "F_SETFL is the file's");
	fcntl(a, F_SETFL, 0);
	close(200), close(201), close(60);
	FAILS(close(60), EBADF);
	for (i = 0; (c = dup(a)) >= 0; i++)
		;
	check(errno == EMFILE && i > 900, "EMFILE at the limit");
	check(!close_range((unsigned int)b + 1, ~0U, 0) && fcntl(b + 1, F_GETFD) == -1 &&
		      fcntl(b, F_GETFD) == 0,
	      "close_range");
	close(b);
	/* Locks */
	b = open("/t/c", O_RDWR);
	check(!flock(a, LOCK_SH) && !flock(b, LOCK_SH), "two share a lock");
	FAILS(flock(b, LOCK_EX | LOCK_NB), EAGAIN);
	check(!flock(a, LOCK_UN) && !flock(b, LOCK_EX | LOCK_NB), "LOCK_EX when the other is gone");
	flock(b, LOCK_UN);
	{
		struct flock l = {
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
		int status;

		check(!fcntl(a, F_SETLK, &l), "F_SETLK");
		if (!fork()) {
			struct flock g = l, w = {.l_type = F_WRLCK, .l_start = 15, .l_len = 1};

			if (fcntl(a, F_GETLK, &g) || g.l_type != F_WRLCK || g.l_start != 10 ||
			    g.l_len != 10 || g.l_pid != getppid())
				_exit(1);
			if (fcntl(a, F_SETLK, &w) != -1 || errno != EAGAIN)
				_exit(2);
			w.l_start = 20;
			_exit(fcntl(a, F_SETLK, &w) ? 3 : 0);
		}
		wait(&status);
		check(status == 0,
		      "another process is kept out of the range, and not of what is behind");
	}
	close(a), close(b);
}

static void pipes(void)
{
	static char big[16 * PAGE_MOST + 100000];
	int p[2], q[2], status, pid, n;
	char buf[64];
	struct pollfd pf;
	struct stat st;

	WORKS(pipe2(p, O_CLOEXEC));
	check(write(p[1], "abc", 3) == 3 && read(p[0], buf, 64) == 3 && !memcmp(buf, "abc", 3),
	      "through a pipe");
	FAILS(read(p[1], buf, 1), EBADF);
	FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
	FAILS(pread(p[0], buf, 1, 0), ESPIPE);
	check(fcntl(p[0], F_GETPIPE_SZ) == 16 * PAGE &&
		      fcntl(p[0], F_SETPIPE_SZ, PAGE + 904) == 2 * PAGE,
	      "the size of a pipe");
	check(fcntl(p[1], F_SETPIPE_SZ, 16 * PAGE) == 16 * PAGE, "and back");
	check(!fstat(p[0], &st) && S_ISFIFO(st.st_mode), "fstat of a pipe");
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	FAILS(read(p[0], buf, 1), EAGAIN);
	check(write(p[1], big, sizeof(big)) == 16 * PAGE, "sixteen pages fit");
	FAILS(write(p[1], big, 1), EAGAIN);
	pf = (struct pollfd){.fd = p[1], .events = POLLOUT};
	check(poll(&pf, 1, 0) == 0, "a full pipe is not writable");
	check(read(p[0], big, 100) == 100 && poll(&pf, 1, 0) == 0,
	      "nor when less than a page is free");
	FAILS(write(p[1], big, 200), EAGAIN);
	check(read(p[0], big, (size_t)PAGE - 100) == PAGE - 100 && poll(&pf, 1, 0) == 1 &&
		      pf.revents == POLLOUT,
	      "but with a page");
	check(write(p[1], big, (size_t)PAGE + 904) == PAGE, "a part of more than PIPE_BUF");
	while (read(p[0], big, sizeof(big)) > 0)
		;
	fcntl(p[0], F_SETFL, 0);
	fcntl(p[1], F_SETFL, 0);
	/* More than fits, by two processes. */
	for (unsigned int i = 0; i < sizeof(big); i++)
		big[i] = (char)(i % 251);
	pid = fork();
	if (!pid) {
		n = write(p[1], big, sizeof(big)) == sizeof(big) ? 0 : 1;
		_exit(n);
	}
	for (n = 0; n < (int)sizeof(big);) {
		static char part[7000];
		ssize_t got = read(p[0], part, sizeof(part));

		printf("# %d got %zd %d %d\n", n, got, part[0], big[n]);
		if (got <= 0 || memcmp(part, big + n, (size_t)got))
			break;
		n += (int)got;
	}
	waitpid(pid, &status, 0);
	check(n == sizeof(big) && !status, "200,000 bytes from another process, in order");
	/* The same pipe by another name */
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, "");
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", p[1]);
	n = open(buf, O_WRONLY);
	check(n >= 0 && write(n, "again", 5) == 5 && read(p[0], buf, 64) == 5,
	      "a pipe opened by /proc/self/fd");
	close(n);
	/* Ends */
	pf = (struct pollfd){.fd = p[0], .events = POLLIN};
	check(poll(&pf, 1, 0) == 0, "an empty pipe is not readable");
	write(p[1], "x", 1);
	close(p[1]);
	check(poll(&pf, 1, -1) == 1 && pf.revents == (POLLIN | POLLHUP),
	      "the writer has gone, and left a byte");
	check(read(p[0], buf, 5) == 1 && read(p[0], buf, 5) == 0, "then it is the end");
	close(p[0]);
	/* FIFO */
	WORKS(mkfifo("/t/fifo", 0600));
	FAILS(open("/t/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	pid = fork();
	if (!pid) {
		int fd = open("/t/fifo", O_WRONLY);

		_exit(write(fd, "from a child", 12) != 12);
	}
	n = open("/t/fifo", O_RDONLY);
	check(read(n, buf, 64) == 12 && read(n, buf, 64) == 0, "a FIFO");
	close(n);
	waitpid(pid, &status, 0);
	/* eventfd, epoll */
	n = eventfd(3, EFD_NONBLOCK);
	{
		uint64_t v = 0;
		struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 42}, out[4];
		int e = epoll_create1(0);

		check(read(n, &v, 8) == 8 && v == 3, "eventfd counts");
		FAILS(read(n, &v, 8), EAGAIN);
		FAILS(read(n, &v, 4), EINVAL);
		WORKS(epoll_ctl(e, EPOLL_CTL_ADD, n, &ev));
		FAILS(epoll_ctl(e, EPOLL_CTL_ADD, n, &ev), EEXIST);
		FAILS(epoll_ctl(e, EPOLL_CTL_DEL, 99, &ev), EBADF);
		FAILS(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev), EINVAL);
		check(epoll_wait(e, out, 4, 0) == 0, "nothing is ready");
		v = 5;
		write(n, &v, 8);
		check(epoll_wait(e, out, 4, -1) == 1 && out[0].data.u64 == 42 &&
			      out[0].events == EPOLLIN,
		      "epoll_wait");
		check(epoll_wait(e, out, 4, 0) == 1, "and again, by level");
		ev.events = EPOLLIN | EPOLLET;
		epoll_ctl(e, EPOLL_CTL_MOD, n, &ev);
		check(epoll_wait(e, out, 4, 0) == 1 && epoll_wait(e, out, 4, 0) == 0,
		      "by edge: once");
		write(n, &v, 8);
		check(epoll_wait(e, out, 4, 0) == 1, "and once for another write");
		ev.events = EPOLLIN | EPOLLONESHOT;
		epoll_ctl(e, EPOLL_CTL_MOD, n, &ev);
		check(epoll_wait(e, out, 4, 0) == 1 && epoll_wait(e, out, 4, 0) == 0,
		      "EPOLLONESHOT");
		close(n);
		check(epoll_wait(e, out, 4, 0) == 0, "a closed file is in no set");
		FAILS(epoll_wait(e, out, 0, 0), EINVAL);
		close(e);
	}
	/* select */
	WORKS(pipe(q));
	{
		fd_set r, w;
		struct timeval tv = {0, 0};

		FD_ZERO(&r);
		FD_ZERO(&w);
		FD_SET(q[0], &r);
		FD_SET(q[1], &w);
		check(select(q[1] + 1, &r, &w, NULL, &tv) == 1 && !FD_ISSET(q[0], &r) &&
			      FD_ISSET(q[1], &w),
		      "select");
	}
	close(q[0]), close(q[1]);
	pf = (struct pollfd){.fd = 99, .events = POLLIN};
	check(poll(&pf, 1, 0) == 1 && pf.revents == POLLNVAL, "poll of no descriptor");
}

static void devices(void)
{
	char buf[16], zero[16] = "";
	int fd = open("/dev/null", O_RDWR);
	char *map;

	check(read(fd, buf, 16) == 0 && write(fd, buf, 16) == 16, "/dev/null");
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	memset(buf, 1, 16);
	check(read(fd, buf, 16) == 16 && !memcmp(buf, zero, 16), "/dev/zero");
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(map != MAP_FAILED && !map[5000] && (map[5000] = 1), "a private mapping of it");
	munmap(map, 8192);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED && !fork()) {
		map[0] = 7;
		_exit(0);
	}
	wait(NULL);
	check(map != MAP_FAILED && map[0] == 7, "a shared one");
	munmap(map, 8192);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	FAILS(write(fd, buf, 1), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	check(read(fd, buf, 16) == 16 && memcmp(buf, zero, 16), "/dev/urandom");
	close(fd);
	WORKS(mkdir("/t/m", 0755));
	WORKS(mount("none", "/t/m", "tmpfs", 0, "size=1m,mode=700"));
	{
		struct stat a, b;

		check(!stat("/t/m", &a) && !stat("/t", &b) && a.st_dev != b.st_dev &&
			      (a.st_mode & 0777) == 0700,
		      "a tmpfs is mounted");
		fd = make("/t/m/f", "x");
		FAILS(umount("/t/m"), EBUSY);
		{
			static char block[65536];
			struct statfs sf;
			ssize_t n, sum = 0;

			while ((n = write(fd, block, sizeof(block))) > 0)
				sum += n;
			check(n == -1 && errno == ENOSPC && sum > 900000 && sum < 1048576,
			      "a tmpfs of 1 MiB is full");
			check(!statfs("/t/m", &sf) &&
				      sf.f_blocks == (1UL << 20) / (unsigned long)PAGE &&
				      sf.f_bfree == 0,
			      "and statfs says so");
			FAILS(fallocate(fd, 0, 1 << 20, 4096), ENOSPC);
			check(!ftruncate(fd, 1) && write(fd, block, 4096) == 4096,
			      "there is room again");
		}
		close(fd);
		FAILS(rename("/t/m/f", "/t/f2"), EXDEV);
		FAILS(link("/t/m/f", "/t/f2"), EXDEV);
		FAILS(rmdir("/t/m"), EBUSY);
		check(!chdir("/t/m") && getcwd(buf, 16) && !strcmp(buf, "/t/m") && !chdir(".."),
		      "a path across a mount");
		check(getcwd(buf, 16) && !strcmp(buf, "/t"), "and back");
		WORKS(umount("/t/m"));
		FAILS(umount("/t/m"), EINVAL);
		check(stat("/t/m/f", &a) && errno == ENOENT, "and it has gone");
	}
	FAILS(mount("none", "/t/m", "nosuchfs", 0, ""), ENODEV);
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

static int noexec_scope(const char *value)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY), n = (int)write(fd, value, 1);

	close(fd);
	return n;
}

/* Who may execute a file that is sealed so. */
static void executable(void)
{
	struct stat st;
	char path[64];
	int fd = memfd_create("x", MFD_NOEXEC_SEAL);

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, "");
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_EXEC && !fstat(fd, &st) &&
		      (st.st_mode & 07777) == 0666,
	      "nobody executes it");
	FAILS(fchmod(fd, 0777), EPERM);
	FAILS(fchmod(fd, 0601), EPERM);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(chmod(path, 0755), EPERM);
	WORKS(fchmod(fd, 0600));
	check(!fstat(fd, &st) && (st.st_mode & 07777) == 0600, "who reads it is not sealed");
	close(fd);
	fd = memfd_create("x", MFD_EXEC | MFD_ALLOW_SEALING);
	check(!fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) && fcntl(fd, F_GET_SEALS) == 0x3e,
	      "what stays executable is not written");
	FAILS(write(fd, "x", 1), EPERM);
	FAILS(fchmod(fd, 0666), EPERM);
	WORKS(fchmod(fd, 0755));
	close(fd);
	fd = memfd_create("x", MFD_EXEC | MFD_ALLOW_SEALING);
	write(fd, "x", 1);
	check(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED &&
		      fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) == -1 && errno == EBUSY,
	      "unless somebody writes it");
	close(fd);
	noexec_scope("1");
	fd = memfd_create("x", 0);
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_EXEC, "scope 1: sealed, if nothing else is said");
	close(fd);
	fd = memfd_create("x", MFD_EXEC);
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL, "but something else may be");
	close(fd);
	noexec_scope("2");
	FAILS(memfd_create("x", MFD_EXEC), EACCES);
	fd = memfd_create("x", 0);
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_EXEC, "scope 2: may not");
	close(fd);
	noexec_scope("0");
	fd = memfd_create("x", 0);
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL && !fstat(fd, &st) && st.st_mode & 0111,
	      "scope 0: executable");
	close(fd);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/dev", 0755);
	if (access("/dev/zero", F_OK))
		mount("dev", "/dev", "devtmpfs", 0, "");
	paths();
	renames();
	contents();
	directories();
	descriptors();
	pipes();
	devices();
	executable();
	printf("files: done, %d failures\n", failures);
	fflush(stdout);
	return failures != 0;
}
