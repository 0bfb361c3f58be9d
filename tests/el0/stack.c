// SPDX-License-Identifier: MIT
/* Programs whose RLIMIT_STACK is small: what exec refuses, what ends by SIGSEGV because it has no way back, and how large a stack is at first. */
#define _GNU_SOURCE
#include "abi.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define KIB 1024UL

/* [stack] of /proc/self/maps, in KiB. */
static int stack_kib(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[300];
	unsigned long from, to;
	int kib = -1;

	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[stack]") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			kib = (int)((to - from) / KIB);
	fclose(f);
	return kib;
}

static void handler(int sig)
{
	_exit(sig);
}

/*
 * A program with that limit and so many bytes of arguments, two strings of them the program's own: the KiB of its stack; a signal as -1000 less
 * its number; an errno as -errno.
 */
static int begin_with(unsigned long limit, unsigned long bytes)
{
	struct rlimit r = {limit, RLIM_INFINITY};
	char *argv[20] = {(char *)"stack"}, *envp[] = {NULL};
	int p[2], said = -2000, n = 1, status;
	pid_t pid;

	(void)!pipe(p);
	for (; bytes; n++) {
		unsigned long some = bytes > 100 * KIB ? 100 * KIB : bytes;

		argv[n] = malloc(some);
		memset(argv[n], 'x', some - 1);
		argv[n][some - 1] = '\0';
		bytes -= some;
	}
	pid = fork();
	if (!pid) {
		personality(ADDR_NO_RANDOMIZE);
		dup2(p[1], 3);
		setrlimit(RLIMIT_STACK, &r);
		execve("/init", argv, envp);
		said = -errno;
		(void)!write(3, &said, sizeof(said));
		_exit(9);
	}
	close(p[1]);
	if (read(p[0], &said, sizeof(said)) != sizeof(said))
		said = -2000;
	close(p[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && said == -2000)
		said = -1000 - WTERMSIG(status);
	for (int i = 1; i < n; i++)
		free(argv[i]);
	return said;
}

static void expect(unsigned long limit, unsigned long bytes, int want)
{
	const int got = begin_with(limit, bytes);
	char what[100];

	snprintf(what, sizeof(what), "a limit of %lu and %lu bytes of arguments: %d", limit, bytes,
		 want);
	if (!check(got == want, what))
		printf("     it is %d\n", got);
}

/* A program whose first segment is longer in its file than in memory: Linux sees it when the old program is gone. */
static void no_way_back(void)
{
	char *buf = malloc(4 << 20);
	int in = open("/init", O_RDONLY), out = open("/tmp/bad", O_WRONLY | O_CREAT, 0755);
	const long n = read(in, buf, 4 << 20);
	Elf64_Phdr *p = (Elf64_Phdr *)(buf + ((Elf64_Ehdr *)buf)->e_phoff);
	int status;
	pid_t pid;

	while (p->p_type != PT_LOAD)
		p++;
	p->p_filesz = p->p_memsz + 1;
	check(write(out, buf, (size_t)n) == n, "a program with a wrong segment");
	close(in);
	close(out);
	free(buf);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, handler);
		execl("/tmp/bad", "bad", NULL);
		_exit(8);
	}
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "it ends by SIGSEGV, whatever handler there was");
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], "stack")) {
		int kib = stack_kib();

		(void)!write(3, &kib, sizeof(kib));
		return 0;
	}
	begin();
	/* A page for the strings is there at any rate; what else comes on the stack is too much for it. */
	expect(0, 0, -1000 - SIGSEGV);
	expect(4 * KIB, 0, -1000 - SIGSEGV);
	expect(8 * KIB, 0, 8);
	expect(12 * KIB, 0, 12);
	expect(44 * KIB, 0, 44);
	expect(100 * KIB + 5, 0, 100);
	expect(128 * KIB, 0, 128);
	expect(132 * KIB, 0, 132);
	expect(136 * KIB, 0, 132);
	expect(8192 * KIB, 0, 132);
	expect(RLIM_INFINITY, 0, 132);
	/* "stack", "/init" and eight bytes are 20: the strings take a page, or more than the limit. */
	expect(1, 4076, -1000 - SIGSEGV);
	expect(1, 4077, -E2BIG);
	expect(8 * KIB, 6 * KIB, -1000 - SIGSEGV);
	expect(12 * KIB, 6 * KIB, 12);
	expect(16 * KIB, 15 * KIB, -1000 - SIGSEGV);
	expect(20 * KIB, 20 * KIB, -E2BIG);
	expect(64 * KIB, 60 * KIB, -1000 - SIGSEGV);
	expect(64 * KIB, 127 * KIB, -E2BIG);
	expect(256 * KIB, 127 * KIB, 256);
	expect(256 * KIB, 128 * KIB, -E2BIG);
	no_way_back();
	(void)argc;
	return end("stack");
}
