// SPDX-License-Identifier: MIT
/*
 * Memory policies on a machine of two nodes: where pages come to lie, where they go, what is refused. All of it holds on Linux 6.12 as well.
 *
 * With glibc, as /init; it needs /proc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY, WEIGHTED };
#define STATIC (1 << 15)
#define RELATIVE (1 << 14)
#define STRICT 1
#define MOVE 2
#define MOVE_ALL 4
#define PAGES 8
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

static long page;
static int failures;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", what);
	failures += !ok;
}

static long ret(long r)
{
	return r < 0 ? -errno : r;
}

static long mbind_(void *p, long pages, int mode, unsigned long nodes, unsigned int flags)
{
	return ret(syscall(SYS_mbind, p, pages * page, mode, &nodes, 64UL, flags));
}

static long set_policy(int mode, unsigned long nodes)
{
	return ret(syscall(SYS_set_mempolicy, mode, &nodes, 64UL));
}

static long get_policy(int *mode, unsigned long *nodes, void *p, unsigned long flags)
{
	return ret(syscall(SYS_get_mempolicy, mode, nodes, 64UL, p, flags));
}

static char *map(long pages)
{
	return mmap(NULL, (size_t)(pages * page), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int node_of(void *p)
{
	int status = -1;

	return syscall(SYS_move_pages, 0, 1UL, &p, NULL, &status, 0) ? -1000 : status;
}

/* Are all of the pages on the node? */
static int all_on(char *p, long pages, int node)
{
	for (long i = 0; i < pages; i++)
		if (node_of(p + i * page) != node)
			return 0;
	return 1;
}

static void where_pages_come(void)
{
	char *a = map(PAGES), *b = map(PAGES), *c = map(PAGES), *d = map(PAGES);
	int mode = -1, different = 1;
	unsigned long nodes = 0;

	check(!mbind_(a, PAGES, BIND, 2, 0), "mbind to node 1");
	memset(a, 1, (size_t)(PAGES * page));
	check(all_on(a, PAGES, 1), "pages of an area bound to node 1 are there");
	check(!mbind_(b, PAGES, PREFERRED, 1, 0), "prefer node 0");
	memset(b, 1, (size_t)(PAGES * page));
	check(all_on(b, PAGES, 0), "preferred pages are on node 0");
	check(!mbind_(c, PAGES, INTERLEAVE, 3, 0), "interleave");
	memset(c, 1, (size_t)(PAGES * page));
	for (long i = 1; i < PAGES; i++)
		different &= node_of(c + i * page) != node_of(c + (i - 1) * page);
	check(different, "interleaved pages take turns");
	check(!get_policy(&mode, &nodes, a + page, 2) && mode == BIND && nodes == 2,
	      "an area's policy is told");
	check(!get_policy(&mode, NULL, a, 3) && mode == 1, "the node of a page is told");
	check(!set_policy(BIND, 2), "set_mempolicy");
	memset(d, 1, (size_t)(PAGES * page));
	check(all_on(d, PAGES, 1), "the task's policy counts where the area has none");
	check(!get_policy(&mode, &nodes, d, 2) && mode == DEFAULT && nodes == 0,
	      "an area without a policy has the default one");
	check(!get_policy(&mode, &nodes, NULL, 0) && mode == BIND && nodes == 2,
	      "the task's policy is told");
	if (!fork()) {
		char *e = map(1);

		*e = 1;
		_exit(node_of(e));
	}
	wait(&mode);
	check(WEXITSTATUS(mode) == 1, "a child has its parent's policy");
	check(!set_policy(DEFAULT, 0), "no policy again");
	check(!get_policy(&mode, &nodes, NULL, 4) && nodes == 3, "the nodes that are allowed");
}

/* Lines of maps between two addresses. */
static int areas(char *from, char *to)
{
	char line[512];
	unsigned long start, end;
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && end > (unsigned long)from &&
		    start < (unsigned long)to)
			n++;
	if (f)
		fclose(f);
	return n;
}

static int numa_maps_has(char *p, const char *text)
{
	char line[512];
	unsigned long start;
	FILE *f = fopen("/proc/self/numa_maps", "r");
	int found = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx", &start) == 1 && start == (unsigned long)p)
			found |= strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}

static void areas_are_cut_and_joined(void)
{
	char *a = mmap((void *)0x100000000, (size_t)(PAGES * page), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	     *end = a + PAGES * page;

	check(areas(a, end) == 1, "one area");
	mbind_(a + 2 * page, 2, BIND, 2, 0);
	check(areas(a, end) == 3, "a policy in the middle makes three");
	a[2 * page] = 1;
	check(numa_maps_has(a + 2 * page, "bind:1") && numa_maps_has(a + 2 * page, "N1=1"),
	      "numa_maps shows it");
	mbind_(a + 4 * page, 2, BIND, 2, 0);
	check(areas(a, end) == 3, "an equal one beside it joins");
	mbind_(a + 2 * page, 2, BIND | STATIC, 2, 0);
	check(areas(a, end) == 4, "one with other flags does not");
	check(numa_maps_has(a + 2 * page, "bind=static:1"), "numa_maps shows flags");
	mbind_(a, PAGES, DEFAULT, 0, 0);
	/* What came of a page that was written differs in its owner. */
	check(areas(a, end) == 3,
	      "with the default policy for all they stay apart by their pages' owners");
	check(mbind_(a, PAGES, INTERLEAVE | RELATIVE, 4, 0) == 0, "relative nodes are folded");
	check(numa_maps_has(a, "interleave=relative:0"), "onto those that there are");
	munmap(a, (size_t)(PAGES * page));
}

static void pages_move(void)
{
	char *a = map(PAGES);
	void *at[PAGES];
	int nodes[PAGES], status[PAGES], good = 1;
	unsigned long from = 2, to = 1;

	mbind_(a, PAGES, BIND, 1, 0);
	memset(a, 7, (size_t)(PAGES * page));
	check(mbind_(a, PAGES, BIND, 2, STRICT) == -EIO, "strict: pages are elsewhere");
	check(all_on(a, PAGES, 0), "and stay there");
	check(!mbind_(a, PAGES, BIND, 2, STRICT | MOVE), "strict, and they may be moved");
	check(all_on(a, PAGES, 1), "and are");
	for (long i = 0; i < PAGES; i++) {
		at[i] = a + i * page;
		nodes[i] = i & 1;
		good &= a[i * page] == 7 && a[i * page + page - 1] == 7;
	}
	check(good, "with what was in them");
	check(!syscall(SYS_move_pages, 0, (unsigned long)PAGES, at, nodes, status, MOVE),
	      "move_pages");
	for (long i = 0; i < PAGES; i++)
		good &= status[i] == (i & 1) && node_of(at[i]) == (i & 1) && a[i * page] == 7;
	check(good, "each page to its node");
	check(!syscall(SYS_migrate_pages, 0, 64UL, &from, &to), "migrate_pages");
	check(all_on(a, PAGES, 0), "moves all from one node to the other");
}

static void what_is_refused(void)
{
	char *a = map(4), *hole;
	unsigned long nodes[20] = {0};
	void *at[1] = {a};
	int node = 1, status = 0, mode;

	check(mbind_(a, 1, 7, 1, 0) == -EINVAL, "no such mode");
	check(mbind_(a, 1, BIND | STATIC | RELATIVE, 1, 0) == -EINVAL, "static and relative");
	check(mbind_(a, 1, BIND, 0, 0) == -EINVAL, "bound to no node");
	check(mbind_(a, 1, BIND, 4, 0) == -EINVAL, "bound to a node that is not there");
	check(mbind_(a, 1, DEFAULT, 1, 0) == -EINVAL, "the default policy has no nodes");
	check(mbind_(a, 1, LOCAL, 1, 0) == -EINVAL, "nor has the local one");
	check(mbind_(a, 1, BIND, 1, 8) == -EINVAL, "no such flag");
	check(mbind_(a + 1, 1, BIND, 1, 0) == -EINVAL, "not at a page");
	check(mbind_(a, 0, BIND, 0, 0) == 0, "nothing is done to nothing");
	check(ret(syscall(SYS_mbind, a, -page - 1, BIND, (unsigned long[]){1}, 64UL, 0)) == -EINVAL,
	      "beyond the end of all addresses");
	check(ret(syscall(SYS_mbind, a, page, BIND, 1UL, 64UL, 0)) == -EFAULT, "a bad mask");
	check(ret(syscall(SYS_mbind, a, page, 99, 1UL, 64UL, 0)) == -EINVAL,
	      "a bad mode before a bad mask");
	check(ret(syscall(SYS_mbind, a, page, BIND, nodes, page * 8UL + 2, 0)) == -EINVAL,
	      "a mask that is too long");
	nodes[0] = 1;
	nodes[1] = 1UL << 20;
	check(ret(syscall(SYS_mbind, a, page, BIND, nodes, 130UL, 0)) == -EINVAL,
	      "nodes that there cannot be");
	nodes[1] = 0;
	check(ret(syscall(SYS_mbind, a, page, BIND, nodes, 130UL, 0)) == 0, "zeros there");
	hole = a + page;
	munmap(hole, (size_t)page);
	check(mbind_(a, 4, BIND, 1, 0) == -EFAULT, "a hole");
	check(mbind_(a, 4, DEFAULT, 0, 0) == 0, "a hole is none for the default policy");
	check(mbind_(hole, 1, DEFAULT, 0, 0) == -EFAULT, "nothing but a hole is");
	check(get_policy(&mode, NULL, hole, 2) == -EFAULT, "the policy of nothing");
	check(get_policy(&mode, NULL, a, 0) == -EINVAL, "an address without MPOL_F_ADDR");
	check(get_policy(&mode, NULL, NULL, 1) == -EINVAL, "the next node without turns");
	check(get_policy(&mode, NULL, NULL, 5) == -EINVAL, "allowed nodes and a flag");
	check(ret(syscall(SYS_get_mempolicy, &mode, nodes, 1UL, NULL, 0UL)) == -EINVAL,
	      "room for fewer nodes than there are");
	check(node_of(a) == -ENOENT, "no page");
	check(node_of(hole) == -EFAULT, "no area");
	check(*(volatile char *)a == 0 && node_of(a) == -EFAULT, "the zero page");
	*a = 1;
	node = 5;
	check(ret(syscall(SYS_move_pages, 0, 1UL, at, &node, &status, MOVE)) == -ENODEV,
	      "to a node that is not there");
	check(ret(syscall(SYS_move_pages, 0, 1UL, at, NULL, &status, 8)) == -EINVAL,
	      "move_pages with a flag that is none");
	check(ret(syscall(SYS_move_pages, 99999, 1UL, at, NULL, &status, 0)) == -ESRCH,
	      "of a process that is not there");
	check(ret(syscall(SYS_move_pages, 0, 1UL, 8UL, NULL, &status, 0)) == -EFAULT,
	      "a bad array");
	check(ret(syscall(SYS_migrate_pages, 0, 64UL, nodes, (unsigned long[]){0})) == -EINVAL,
	      "to no node");
	check(ret(syscall(SYS_migrate_pages, 99999, 64UL, nodes, nodes)) == -ESRCH,
	      "pages of a process that is not there");
	check(ret(syscall(SYS_set_mempolicy_home_node, a, page, 1UL, 0UL)) == -ENOENT,
	      "a home without a policy");
	mbind_(a, 1, INTERLEAVE, 3, 0);
	check(ret(syscall(SYS_set_mempolicy_home_node, a, page, 1UL, 0UL)) == -EOPNOTSUPP,
	      "a home where pages take turns");
	mbind_(a, 1, BIND, 3, 0);
	check(ret(syscall(SYS_set_mempolicy_home_node, a, page, 1UL, 1UL)) == -EINVAL,
	      "a home with flags");
	check(ret(syscall(SYS_set_mempolicy_home_node, a, page, 9UL, 0UL)) == -EINVAL,
	      "a home that is not there");
	check(!syscall(SYS_set_mempolicy_home_node, a, page, 1UL, 0UL), "a home");
	madvise(a, (size_t)page, MADV_DONTNEED);
	*a = 1;
	check(node_of(a) == 1, "is where pages come from");
}

static void shared_pages_stay(void)
{
	char *a = map(1);
	int fds[2], fds2[2], status;
	char c;

	mbind_(a, 1, BIND, 1, 0);
	*a = 1;
	if (pipe(fds) || pipe(fds2))
		return;
	if (!fork()) {
		close(fds[1]);
		c = *(volatile char *)a;
		if (write(fds2[1], &c, 1) != 1 || read(fds[0], &c, 1))
			_exit(1);
		_exit(0);
	}
	if (read(fds2[0], &c, 1) != 1)
		return;
	check(!mbind_(a, 1, BIND, 2, MOVE) && node_of(a) == 0, "a page that a child has stays");
	check(!mbind_(a, 1, BIND, 2, MOVE_ALL) && node_of(a) == 1, "unless all may go");
	close(fds[1]);
	wait(&status);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	page = sysconf(_SC_PAGESIZE);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	where_pages_come();
	areas_are_cut_and_joined();
	pages_move();
	what_is_refused();
	shared_pages_stay();
	printf("numa: done\n");
	sync();
	reboot(RB_POWER_OFF);
	return failures != 0;
}
