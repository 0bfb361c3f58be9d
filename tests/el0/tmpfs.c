// SPDX-License-Identifier: MIT
/* tmpfs: what all files of one may have together, on every way that asks for it, and what is said of it. */
#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

static sigjmp_buf back;

static void on_bus(int sig)
{
	siglongjmp(back, sig);
}

/* The signal of a write there; 0: none. */
static int poke(volatile char *at)
{
	struct sigaction a = {.sa_handler = on_bus}, was;
	int sig;

	sigaction(SIGBUS, &a, &was);
	sig = sigsetjmp(back, 1);
	if (!sig)
		*at = 'x';
	sigaction(SIGBUS, &was, NULL);
	return sig;
}

static int peek(volatile char *at)
{
	struct sigaction a = {.sa_handler = on_bus}, was;
	int sig;

	sigaction(SIGBUS, &a, &was);
	sig = sigsetjmp(back, 1);
	if (!sig)
		(void)*at;
	sigaction(SIGBUS, &was, NULL);
	return sig;
}

static long blocks_free(void)
{
	struct statfs s;

	return statfs("/m", &s) ? -1 : (long)s.f_bfree;
}

static long files_free(void)
{
	struct statfs s;

	return statfs("/m", &s) ? -1 : (long)s.f_ffree;
}

/* /m with so many pages. */
static int mount_pages(unsigned long flags, long pages, const char *more)
{
	char text[64];

	snprintf(text, sizeof(text), "size=%ldk%s", pages * PAGE / 1024, more);
	return mount("t", "/m", "tmpfs", flags, text);
}

static long pages_of(const char *path)
{
	struct stat s;

	return lstat(path, &s) ? -1 : s.st_blocks * 512 / PAGE;
}

static void test_size(void)
{
	static char buf[16 * PAGE_MOST];
	struct statfs s;
	int fd, other;
	char *map;

	WORKS(mount_pages(0, 8, ",nr_inodes=8"));
	check(!statfs("/m", &s) && s.f_type == 0x01021994 && s.f_bsize == PAGE &&
		      s.f_frsize == PAGE && s.f_blocks == 8 && s.f_bfree == 8 && s.f_bavail == 8 &&
		      s.f_files == 8 && s.f_ffree == 7 && s.f_namelen == 255,
	      "statfs says the limits");
	fd = open("/m/f", O_CREAT | O_RDWR, 0644);
	check(files_free() == 6, "a file is an inode less");
	check(write(fd, buf, (size_t)(16 * PAGE)) == 8 * PAGE,
	      "a write is short where the file system is full");
	FAILS(write(fd, buf, 1), ENOSPC);
	check(blocks_free() == 0 && pages_of("/m/f") == 8, "all is used");
	check(pwrite(fd, buf, 10, 100) == 10, "what is there can be written");
	/* Behind the last page but in no other. */
	check(!ftruncate(fd, 8 * PAGE - 5) && pwrite(fd, buf, PAGE, 8 * PAGE - 5) == 5,
	      "up to the end of the last page");
	other = open("/m/g", O_CREAT | O_RDWR, 0644);
	check(other >= 0 && write(other, "x", 1) == -1 && errno == ENOSPC,
	      "nor has another file room");
	WORKS(ftruncate(fd, 7 * PAGE));
	check(blocks_free() == 1 && pages_of("/m/f") == 7, "truncating gives back");
	check(write(other, "x", 1) == 1 && blocks_free() == 0, "... to any file");
	WORKS(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, PAGE, 2 * PAGE));
	check(blocks_free() == 2 && pages_of("/m/f") == 5, "a hole gives back");
	map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED && !ftruncate(fd, 16 * PAGE),
	      "a mapping that is larger than the room");
	check(!poke(map + PAGE) && blocks_free() == 1 && pages_of("/m/f") == 6,
	      "a fault takes a page");
	check(!poke(map + 8 * PAGE) && blocks_free() == 0, "... and another");
	check(poke(map + 9 * PAGE) == SIGBUS, "a write fault without room is SIGBUS");
	check(peek(map + 9 * PAGE) == SIGBUS, "... and a read fault");
	errno = 0;
	check(pread(fd, buf, 1, 9 * PAGE) == 1 && !buf[0], "a read of a hole takes nothing");
	check(!poke(map + PAGE), "what is there is written without");
	check(read(open("/dev/zero", O_RDONLY), map + 9 * PAGE, 1) == -1 && errno == EFAULT,
	      "a call that meets it: EFAULT");
	WORKS(unlink("/m/f"));
	check(blocks_free() == 0, "a file without a name keeps its pages");
	munmap(map, 16 * PAGE);
	check(blocks_free() == 0, "... as long as it is open");
	close(fd);
	check(blocks_free() == 7, "then they are back");
	close(other);
	WORKS(unlink("/m/g"));
	check(blocks_free() == 8 && files_free() == 7, "all is as at the start");
	/* A private mapping takes the file's pages only by reading. */
	fd = open("/m/p", O_CREAT | O_RDWR, 0644);
	WORKS(ftruncate(fd, 4 * PAGE));
	map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(!poke(map) && blocks_free() == 7,
	      "a private write fault takes a page of the file, too");
	munmap(map, 4 * PAGE);
	close(fd);
	unlink("/m/p");
}

static void test_fallocate(void)
{
	static char buf[PAGE_MOST];
	struct stat s;
	int fd = open("/m/a", O_CREAT | O_RDWR, 0644);

	WORKS(fallocate(fd, 0, 0, 4 * PAGE));
	check(blocks_free() == 4 && pages_of("/m/a") == 4, "fallocate takes pages");
	FAILS(fallocate(fd, 0, 0, 9 * PAGE), ENOSPC);
	check(blocks_free() == 4, "more than all of it: nothing changes");
	check(pwrite(fd, buf, 1, 6 * PAGE) == 1 && blocks_free() == 3, "a page behind");
	close(open("/m/b", O_CREAT | O_RDWR, 0644));
	check(!truncate("/m/b", 5) && !fstat(fd, &s) && s.st_size == 6 * PAGE + 1, "sizes");
	{
		int b = open("/m/b", O_RDWR);

		FAILS(fallocate(b, 0, 0, 4 * PAGE), ENOSPC);
		check(blocks_free() == 3 && pages_of("/m/b") == 0 && !fstat(b, &s) &&
			      s.st_size == 5,
		      "what fails in the middle gives back what it had taken");
		WORKS(fallocate(b, FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE));
		check(blocks_free() == 0 && !fstat(b, &s) && s.st_size == 5 &&
			      pages_of("/m/b") == 3,
		      "KEEP_SIZE");
		check(pwrite(b, buf, PAGE, 2 * PAGE) == PAGE, "what was allocated can be written");
		close(b);
	}
	close(fd);
	unlink("/m/a");
	unlink("/m/b");
	check(blocks_free() == 8, "all is back");
}

static void test_inodes(void)
{
	char text[201], name[8];
	int fd;

	memset(text, 'l', 200);
	text[200] = 0;
	check(files_free() == 7, "seven are left");
	WORKS(symlink("short", "/m/s"));
	check(blocks_free() == 8 && pages_of("/m/s") == 0 && files_free() == 6,
	      "a short link takes no page");
	WORKS(symlink(text, "/m/long"));
	check(blocks_free() == 7 && pages_of("/m/long") == 1, "a long one does");
	text[127] = 0;
	WORKS(symlink(text, "/m/l127"));
	check(blocks_free() == 7, "127 characters are short");
	unlink("/m/l127");
	text[127] = 'l';
	text[128] = 0;
	WORKS(symlink(text, "/m/l128"));
	check(blocks_free() == 6, "128 are not");
	unlink("/m/l128");
	WORKS(mkdir("/m/d", 0755));
	check(pages_of("/m/d") == 0 && blocks_free() == 7, "nor does a directory");
	WORKS(mknod("/m/fifo", S_IFIFO | 0600, 0));
	check(files_free() == 3, "links, a directory, a pipe");
	WORKS(link("/m/s", "/m/s2"));
	check(files_free() == 2, "a second name counts, too");
	unlink("/m/s2");
	check(files_free() == 3, "... until it goes");
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "/m/%d", i);
		close(open(name, O_CREAT | O_RDWR, 0600));
	}
	check(files_free() == 0, "no more");
	FAILS(open("/m/more", O_CREAT | O_RDWR, 0600), ENOSPC);
	FAILS(mkdir("/m/more", 0700), ENOSPC);
	FAILS(symlink("x", "/m/more"), ENOSPC);
	FAILS(mknod("/m/more", S_IFIFO | 0600, 0), ENOSPC);
	FAILS(link("/m/0", "/m/more"), ENOSPC);
	FAILS(open("/m", O_TMPFILE | O_RDWR, 0600), ENOSPC);
	WORKS(rename("/m/0", "/m/1"));
	check(files_free() == 1, "a name that another takes the place of is free");
	fd = open("/m", O_TMPFILE | O_RDWR, 0600);
	check(fd >= 0 && files_free() == 0, "a file without a name is one");
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	check(!linkat(AT_FDCWD, text, AT_FDCWD, "/m/named", AT_SYMLINK_FOLLOW) && files_free() == 0,
	      "its first name is none more");
	close(fd);
	/* A long link without a page to put it in. */
	unlink("/m/named");
	fd = open("/m/2", O_RDWR);
	WORKS(fallocate(fd, 0, 0, 7 * PAGE));
	memset(text, 'l', 200);
	FAILS(symlink(text, "/m/more"), ENOSPC);
	check(access("/m/more", F_OK) == -1 && files_free() == 1, "there is no such name then");
	close(fd);
}

static void test_remount(void)
{
	struct statfs s;

	FAILS(mount_pages(MS_REMOUNT, 1, ""), EINVAL);
	FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT, "nr_inodes=2"), EINVAL);
	FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT, "size=x"), EINVAL);
	FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT, "what=4k"), EINVAL);
	FAILS(mount("t", "/m/d", "tmpfs", MS_REMOUNT, NULL), EINVAL);
	WORKS(mount_pages(MS_REMOUNT, 16, ""));
	check(!statfs("/m", &s) && s.f_blocks == 16 && s.f_bfree == 8 && s.f_files == 8,
	      "more room");
	WORKS(mount("t", "/m", "tmpfs", MS_REMOUNT, "nr_inodes=20,nr_blocks=8"));
	check(!statfs("/m", &s) && s.f_blocks == 8 && s.f_bfree == 0 && s.f_files == 20 &&
		      s.f_ffree == 13,
	      "less room");
	WORKS(mount("t", "/m", "tmpfs", MS_REMOUNT, NULL));
	check(!statfs("/m", &s) && s.f_blocks == 8, "without options all stays");
	WORKS(mount("t", "/m", "tmpfs", MS_REMOUNT, "size=0,nr_inodes=0"));
	check(!statfs("/m", &s) && s.f_blocks == 0 && s.f_bfree == 0 && s.f_files == 0 &&
		      s.f_ffree == 0,
	      "no limits");
	FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT, "size=1g"), EINVAL);
	FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT, "nr_inodes=1000"), EINVAL);
	{
		int fd = open("/m/w", O_CREAT | O_RDWR, 0600);

		check(fd >= 0, "a file more");
		FAILS(mount("t", "/m", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
		close(fd);
	}
	WORKS(mount("t", "/m", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
	FAILS(open("/m/new", O_CREAT | O_RDWR, 0600), EROFS);
	WORKS(umount("/m"));
}

static void test_options(void)
{
	static const struct {
		const char *text;
		int works;
	} options[] = {
		{"size=1%", 1},	       {"size=1x", 0},	    {"size=", 0},
		{"size", 0},	       {"size=1K", 1},	    {"size=1t", 1},
		{"nr_blocks=5", 1},    {"nr_blocks=5%", 0}, {"nr_inodes=1k", 1},
		{"nr_inodes=-1", 0},   {"mode=755", 1},	    {"mode=8", 0},
		{"mode=", 0},	       {"uid=5", 1},	    {"uid=x", 0},
		{"uid=-1", 0},	       {"gid=7,uid=3", 1},  {"huge=never", 1},
		{"huge=sometimes", 0}, {"inode64", 1},	    {"inode64=1", 0},
		{"noswap", 1},	       {"ro", 1},	    {"sync", 1},
		{"bogus", 0},	       {",size=4k,,", 1},   {"mode=0x1ff", 0},
		{"size=4k ", 0},
	};

	for (unsigned int i = 0; i < sizeof(options) / sizeof(*options); i++) {
		char what[64];
		int err = mount("t", "/m", "tmpfs", 0, options[i].text);

		snprintf(what, sizeof(what), "option \"%s\" %s", options[i].text,
			 options[i].works ? "is taken" : "is refused");
		check(options[i].works ? !err : err == -1 && errno == EINVAL, what);
		if (!err)
			umount("/m");
	}
}

int main(void)
{
	begin();
	mkdir("/m", 0755);
	test_size();
	test_fallocate();
	test_inodes();
	test_remount();
	test_options();
	return end("tmpfs");
}
