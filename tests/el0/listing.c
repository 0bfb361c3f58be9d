// SPDX-License-Identifier: MIT
/* The first program of tests/el0/initramfs.py: what it was called with, and every file that it finds, a line each. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int show(const char *path, const struct stat *s, int type, struct FTW *at)
{
	unsigned long long sum = 14695981039346656037ULL;
	char buf[4096];

	(void)type;
	(void)at;
	/* Who runs this has given them nothing, or everybody finds something else there. */
	if (!strcmp(path, "/") || !strncmp(path, "/dev", 4) || !strncmp(path, "/root", 5))
		return 0;
	if (S_ISREG(s->st_mode)) {
		FILE *f = fopen(path, "r");
		size_t n;

		while (f && (n = fread(buf, 1, sizeof(buf), f)))
			for (size_t i = 0; i < n; i++)
				sum = (sum ^ (unsigned char)buf[i]) * 1099511628211ULL;
		if (f)
			fclose(f);
		printf("file %s %o %u:%u %ld %lld %llx %lld\n", path, s->st_mode, s->st_uid,
		       s->st_gid, (long)s->st_nlink, (long long)s->st_size, sum,
		       (long long)s->st_mtime);
	} else if (S_ISLNK(s->st_mode)) {
		ssize_t n = readlink(path, buf, sizeof(buf) - 1);

		buf[n > 0 ? n : 0] = '\0';
		printf("link %s %s\n", path, buf);
	} else {
		printf("node %s %o %u:%u %lx\n", path, s->st_mode, s->st_uid, s->st_gid,
		       (long)s->st_rdev);
	}
	return 0;
}

int main(int argc, char **argv, char **envp)
{
	for (int i = 0; i < argc; i++)
		printf("argument %s\n", argv[i]);
	for (; *envp; envp++)
		printf("environment %s\n", *envp);
	nftw("/", show, 16, FTW_PHYS);
	printf("listing: done\n");
	fflush(stdout);
	return 0;
}
