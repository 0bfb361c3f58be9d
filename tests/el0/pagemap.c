// SPDX-License-Identifier: MIT
/*
 * What a program sees of its pages and says of them: PAGEMAP_SCAN, MADV_FREE, memfd_secret, MAP_DROPPABLE, capset. All of it holds on Linux 6.12.
 *
 * With glibc, as /init; it needs /proc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct scan_arg {
	unsigned long size, flags, start, end, walk_end, vec, vec_len, max_pages;
	unsigned long inverted, mask, anyof, ret;
};
struct region {
	unsigned long start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan_arg)
#define WRITTEN 2UL
#define PRESENT 8UL
#define PFNZERO 32UL
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static long page;
static int failures, pagemap;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", what);
	failures += !ok;
}

static long ret(long r)
{
	return r < 0 ? -errno : r;
}

static char *map(long pages, int flags)
{
	return mmap(NULL, (size_t)(pages * page), PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1,
		    0);
}

static int is(const struct region *r, const char *base, long from, long to,
	      unsigned long categories)
{
	return r->start == (unsigned long)(base + from * page) &&
	       r->end == (unsigned long)(base + to * page) && r->categories == categories;
}

static void regions_of_pages(void)
{
	char *p = map(8, MAP_PRIVATE);
	struct region r[8];
	struct scan_arg a = {.size = sizeof(a),
			     .start = (unsigned long)p,
			     .end = (unsigned long)(p + 8 * page),
			     .vec = (unsigned long)r,
			     .vec_len = 8,
			     .mask = PRESENT,
			     .ret = WRITTEN | PRESENT | PFNZERO},
			b;

	p[page] = p[2 * page] = p[5 * page] = 1;
	(void)*(volatile char *)(p + 3 * page);
	b = a;
	check(ret(ioctl(pagemap, SCAN, &b)) == 3 && is(&r[0], p, 1, 3, WRITTEN | PRESENT) &&
		      is(&r[1], p, 3, 4, WRITTEN | PRESENT | PFNZERO) &&
		      is(&r[2], p, 5, 6, WRITTEN | PRESENT),
	      "pages that are there, alike ones together");
	check(b.walk_end == a.end, "the walk ends at the end");
	b = a;
	b.max_pages = 2;
	check(ret(ioctl(pagemap, SCAN, &b)) == 1 && is(&r[0], p, 1, 3, WRITTEN | PRESENT) &&
		      b.walk_end == (unsigned long)(p + 3 * page),
	      "no more pages than asked for");
	b = a;
	b.vec_len = 1;
	check(ret(ioctl(pagemap, SCAN, &b)) == 1 && b.walk_end == (unsigned long)(p + 3 * page),
	      "no more regions than there is room for");
	b = a;
	b.inverted = PRESENT;
	b.ret = PRESENT;
	check(ret(ioctl(pagemap, SCAN, &b)) == 3 && is(&r[0], p, 0, 1, 0) &&
		      is(&r[1], p, 4, 5, 0) && is(&r[2], p, 6, 8, 0),
	      "pages that are not there");
	b = a;
	b.mask = 0;
	b.anyof = PFNZERO;
	check(ret(ioctl(pagemap, SCAN, &b)) == 1 && r[0].start == (unsigned long)(p + 3 * page),
	      "pages of any of some categories");
	b = a;
	b.vec = b.vec_len = 0;
	check(ret(ioctl(pagemap, SCAN, &b)) == 0 && b.walk_end == a.end, "without room for any");
	b = a;
	b.flags = 2;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EPERM, "areas that cannot be protected");
	b = a;
	b.flags = 1;
	check(ret(ioctl(pagemap, SCAN, &b)) == 0, "are passed over when that is allowed");
	b = a;
	b.size--;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EINVAL, "another size");
	b = a;
	b.flags = 4;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EINVAL, "a flag that is none");
	b = a;
	b.mask = 256;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EINVAL, "a category that is none");
	b = a;
	b.start++;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EINVAL, "not at a page");
	b = a;
	b.end = b.start - 1;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EFAULT, "an end before the start");
	b = a;
	b.vec = 0;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EINVAL, "room nowhere");
	b = a;
	b.vec = 8;
	check(ret(ioctl(pagemap, SCAN, &b)) == -EFAULT, "room where nothing is");
	check(ret(ioctl(pagemap, SCAN, 8)) == -EFAULT, "an argument where nothing is");
	check(ret(ioctl(pagemap, SCAN + 1, &b)) == -EINVAL, "another call");
}

/* kB of a line of smaps of the area that begins at p; -1: none. */
static long smaps(const char *p, const char *key)
{
	char line[512];
	unsigned long start;
	FILE *f = fopen("/proc/self/smaps", "r");
	long v = -1;
	int in = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%*x %*4s", &start) == 1 && strchr(line, '-') < line + 20 &&
		    strchr(line, '-'))
			in = start == (unsigned long)p;
		else if (in && !strncmp(line, key, strlen(key)))
			v = atol(line + strlen(key));
	}
	if (f)
		fclose(f);
	return v;
}

#define FREE 256L

static void pages_that_are_not_missed(void)
{
	char *p = mmap((void *)0x100000000, (size_t)(FREE * page), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	long lazy;

	memset(p, 1, (size_t)(FREE * page));
	check(smaps(p, "LazyFree:") == 0, "nothing may go");
	check(!madvise(p, (size_t)(FREE * page), MADV_FREE), "MADV_FREE");
	/* Linux counts the last few later. */
	lazy = smaps(p, "LazyFree:");
	check(lazy >= FREE / 2 * page / 1024, "pages may go");
	p[page] = p[2 * page] = 1;
	check(smaps(p, "LazyFree:") == lazy - 2 * page / 1024, "what is written may not");
	check(!madvise(p, (size_t)(FREE * page), MADV_PAGEOUT), "MADV_PAGEOUT");
	check(p[page] == 1 && p[2 * page] == 1, "what was written is there");
	check(p[5 * page] == 0, "what was not is gone");
	munmap(p, (size_t)(FREE * page));
	p = map(1, MAP_SHARED);
	check(ret(madvise(p, (size_t)page, MADV_FREE)) == -EINVAL,
	      "of shared memory nothing may go");
	p = map(4, 8); /* MAP_DROPPABLE */
	check(p != MAP_FAILED, "MAP_DROPPABLE");
	check(!mlock(p, (size_t)page) && smaps(p, "Locked:") == 0, "is not locked");
	check(ret(madvise(p, (size_t)page, MADV_KEEPONFORK)) == -EINVAL, "nor kept on fork");
	check(ret((long)mmap(NULL, (size_t)page, PROT_READ, 8 | MAP_ANONYMOUS | MAP_LOCKED, -1,
			     0)) == -EINVAL,
	      "not with MAP_LOCKED");
}

static void secret_memory(void)
{
	int fd = (int)ret(syscall(SYS_memfd_secret, 0)), status, fds[2];
	char buf[16] = {0}, *p;
	struct iovec mine = {buf, sizeof(buf)}, theirs;
	struct stat st;

	check(fd >= 0, "memfd_secret");
	check(ret(syscall(SYS_memfd_secret, 1)) == -EINVAL, "with a flag that is none");
	check(!fstat(fd, &st) && st.st_size == 0 && st.st_mode == (S_IFREG | 0600),
	      "an empty file of its owner's");
	check(!ftruncate(fd, 2 * page), "gets a size");
	check(ret(ftruncate(fd, page)) == -EINVAL, "once");
	check(ret(read(fd, buf, 1)) == -EINVAL && ret(write(fd, buf, 1)) == -EINVAL,
	      "cannot be read or written");
	check(ret(lseek(fd, 0, SEEK_SET)) == -ESPIPE, "nor is there a place in it");
	check(ret((long)mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE, fd, 0)) == -EINVAL,
	      "nor mapped privately");
	p = mmap(NULL, (size_t)(2 * page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(p != MAP_FAILED, "but for all");
	strcpy(p, "secret");
	theirs = (struct iovec){p, sizeof(buf)};
	check(ret(process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0)) == -EFAULT,
	      "not by process_vm_readv");
	status = open("/proc/self/mem", O_RDONLY);
	check(ret(pread(status, buf, 6, (long)p)) == -EIO, "not by /proc/self/mem");
	close(status);
	check(!pipe(fds) && write(fds[1], p, 7) == 7 && read(fds[0], buf, 7) == 7 &&
		      !strcmp(buf, "secret"),
	      "by the program's own calls it is");
	check(ret(vmsplice(fds[1], &theirs, 1, 0)) == -EFAULT, "not by vmsplice");
	if (!fork())
		_exit(strcmp(p, "secret") != 0);
	wait(&status);
	check(status == 0, "and by its children");
}

/* In a child: what is given up is gone. */
static void privileges(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	struct rlimit limit = {2 * (rlim_t)page, 2 * (rlim_t)page};
	char *p = map(8, MAP_PRIVATE);

	check(!syscall(SYS_capget, &h, d) && d[0].effective & 1U << CAP_IPC_LOCK, "root has all");
	setrlimit(RLIMIT_MEMLOCK, &limit);
	check(!mlock(p, (size_t)(8 * page)) && !munlock(p, (size_t)(8 * page)),
	      "and locks what it wants");
	d[0].effective &= ~(1U << CAP_IPC_LOCK);
	check(!syscall(SYS_capset, &h, d), "capset");
	check(ret(mlock(p, (size_t)(8 * page))) == -ENOMEM,
	      "without CAP_IPC_LOCK there is a limit");
	d[0].effective |= 1U << CAP_IPC_LOCK;
	check(!syscall(SYS_capset, &h, d) && !mlock(p, (size_t)(8 * page)),
	      "what is permitted comes back");
	memset(d, 0, sizeof(d));
	check(!syscall(SYS_capset, &h, d), "all is given up");
	d[0].permitted = d[0].effective = 1;
	check(ret(syscall(SYS_capset, &h, d)) == -EPERM, "for good");
	check(ret(chroot("/")) == -EPERM, "root without capabilities is not root");
	check(ret(syscall(SYS_capset, &h, 8L)) == -EFAULT, "a bad address");
}

int main(void)
{
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	page = sysconf(_SC_PAGESIZE);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	regions_of_pages();
	pages_that_are_not_missed();
	secret_memory();
	if (!fork()) {
		privileges();
		_exit(failures != 0);
	}
	wait(&status);
	failures += status != 0;
	printf("pagemap: done\n");
	reboot(RB_POWER_OFF);
	return failures != 0;
}
