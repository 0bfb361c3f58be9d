// SPDX-License-Identifier: MIT
/* Files with holes of 2^50 pages: what looks for their pages passes over them at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>

#include "abi.h"

#define CACHESTAT 451

int main(void)
{
	struct {
		unsigned long off, len;
	} all = {0, 0};
	unsigned long stat[5] = {0};
	int fd;

	begin();
	fd = open("/tmp/sparse", O_RDWR | O_CREAT, 0600);
	WORKS(ftruncate(fd, 1L << 62));
	check(pwrite(fd, "x", 1, 1L << 61) == 1, "a byte in the middle of nothing");
	check(lseek(fd, 0, SEEK_DATA) == 1L << 61, "SEEK_DATA finds it");
	check(lseek(fd, (1L << 61) + 5, SEEK_DATA) == (1L << 61) + 5, "and its page");
	check(lseek(fd, 1L << 61, SEEK_HOLE) == (1L << 61) + PAGE, "and SEEK_HOLE what follows");
	check(lseek(fd, 77, SEEK_HOLE) == 77, "a hole is where it is looked for");
	FAILS(lseek(fd, (1L << 61) + PAGE, SEEK_DATA), ENXIO);
	WORKS(syscall(CACHESTAT, fd, &all, stat, 0));
	check(stat[0] == 1, "cachestat counts one page");
	return end("holes");
}
