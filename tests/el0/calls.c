// SPDX-License-Identifier: MIT
/* System calls around the mmap family, by what Linux 6.12 says to them: run on it, this program finds no fault either (but for names). */
#include "sys.h"

int failures;

enum {
	NR_fcntl = 25,
	NR_ftruncate = 46,
	NR_pwrite = 68,
	NR_prctl = 167,
	NR_mremap = 216,
	NR_mlock = 228,
	NR_remap_file_pages = 234,
	NR_mbind = 235,
	NR_get_mempolicy = 236,
	NR_set_mempolicy = 237,
	NR_process_vm_readv = 270,
	NR_process_vm_writev = 271,
	NR_memfd_create = 279,
	NR_pkey_mprotect = 288,
	NR_pkey_alloc = 289,
	NR_pkey_free = 290,
	NR_process_madvise = 440,
	NR_pidfd_open = 434,
	NR_mseal = 462,
};

#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034

static void test_seals(void)
{
	long fd = sys2(NR_memfd_create, "x", 2), plain = sys2(NR_memfd_create, "y", 0), exec;
	char *p;

	check(fd >= 0 && !sys2(NR_ftruncate, fd, 2 * PAGE), "a memfd");
	check(sys2(NR_memfd_create, "x", 0x20) == -22, "no other flags");
	check(sys2(NR_memfd_create, "x", 0x18) == -22, "nor these two together");
	check(sys2(NR_memfd_create, 8, 0) == -14, "a bad name is EFAULT");
	check(sys3(NR_fcntl, plain, F_GET_SEALS, 0) == 1 &&
		      sys3(NR_fcntl, plain, F_ADD_SEALS, 2) == -1,
	      "one that does not allow seals has its own");
	p = (char *)map(0, 2 * PAGE, PROT_RW, SHARED, (int)fd, 0);
	*p = 'a';
	check(sys3(NR_fcntl, fd, F_ADD_SEALS, 8) == -16,
	      "what is mapped for writing is not sealed");
	check(!sys3(NR_fcntl, fd, F_ADD_SEALS, 6) && sys3(NR_fcntl, fd, F_GET_SEALS, 0) == 6,
	      "but against other sizes");
	check(sys2(NR_ftruncate, fd, PAGE) == -1 && sys2(NR_ftruncate, fd, 3 * PAGE) == -1,
	      "which it then does not get");
	sys2(NR_munmap, p, 2 * PAGE);
	check(!sys3(NR_fcntl, fd, F_ADD_SEALS, 8), "sealed against writing");
	check(map(0, PAGE, PROT_RW, SHARED, (int)fd, 0) == -1, "nobody maps it for writing");
	p = (char *)map(0, PAGE, PROT_R, SHARED, (int)fd, 0);
	check((long)p > 0 && *p == 'a', "for reading it is mapped");
	check(sys3(NR_mprotect, p, PAGE, PROT_RW) == -13, "and stays so");
	check(sys4(NR_pwrite, fd, "b", 1, 0) == -1, "nor is it written");
	check(map(0, PAGE, PROT_RW, PRIVATE, (int)fd, 0) > 0, "private copies are nobody's affair");
	check(!sys3(NR_fcntl, fd, F_ADD_SEALS, 1) && sys3(NR_fcntl, fd, F_ADD_SEALS, 2) == -1,
	      "no more seals");
	exec = sys2(NR_memfd_create, "z", 8);
	check(sys3(NR_fcntl, exec, F_GET_SEALS, 0) == 0x20, "one without execution is sealed so");
}

struct vec {
	void *base;
	long len;
};

static char here[64], there[64];

static void test_other(void)
{
	struct vec local = {here, 8}, remote = {there, 8}, bad = {(void *)8, 8};
	long pid = fork_(), fd;

	if (!pid) {
		for (int i = 0; i < 8; i++)
			there[i] = (char)('a' + i);
		while (*(volatile char *)there != 'X')
			sys1(124, 0);
		quit(7);
	}
	do
		sys6(NR_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0);
	while (here[7] != 'h');
	check(here[0] == 'a', "another one's memory is read");
	here[0] = 'X';
	check(sys6(NR_process_vm_readv, pid, (long)&local, 1, (long)&bad, 1, 0) == -14,
	      "not where nothing is");
	check(sys6(NR_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 1) == -22,
	      "no flags");
	check(sys6(NR_process_vm_readv, 99999, (long)&local, 1, (long)&remote, 1, 0) == -3,
	      "nor of nobody");
	fd = sys2(NR_pidfd_open, pid, 0);
	remote.base = (void *)((long)there & -PAGE);
	remote.len = PAGE;
	check(sys6(NR_process_madvise, fd, (long)&remote, 1, 20, 0, 0) == PAGE,
	      "advice for another one");
	check(sys6(NR_process_madvise, fd, (long)&remote, 1, 4, 0, 0) == -22, "not all of it");
	remote.base = there;
	remote.len = 8;
	check(sys6(NR_process_vm_writev, pid, (long)&local, 1, (long)&remote, 1, 0) == 8,
	      "and written");
	int status = 0;
	check(sys4(NR_wait4, pid, &status, 0, 0) == pid && status == 7 << 8, "which it sees");
}

static void test_policy(void)
{
	int mode = 9;
	unsigned long node = 1, none = 2, got[2] = {5, 5};
	long p = map(0, 2 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0);

	check(!sys6(NR_get_mempolicy, (long)&mode, (long)got, 64, 0, 0, 0) && !mode && !got[0],
	      "no policy");
	check(!sys3(NR_set_mempolicy, 2, &node, 64), "all from one node");
	check(!sys6(NR_get_mempolicy, (long)&mode, (long)got, 64, 0, 0, 0) && mode == 2 &&
		      got[0] == 1,
	      "is kept");
	check(sys3(NR_set_mempolicy, 2, &none, 64) == -22, "not from one that there is not");
	check(sys3(NR_set_mempolicy, 7, &node, 64) == -22 &&
		      sys3(NR_set_mempolicy, 2, 0, 0) == -22 &&
		      sys3(NR_set_mempolicy, 0, &node, 64) == -22,
	      "nor what makes no sense");
	check(!sys3(NR_set_mempolicy, 0, 0, 0), "no more");
	check(!sys6(NR_mbind, p, 2 * PAGE, 2, (long)&node, 64, 0), "an area's");
	sys2(NR_munmap, p + PAGE, PAGE);
	check(sys6(NR_mbind, p, 2 * PAGE, 2, (long)&node, 64, 0) == -14, "not a hole's");
	check(sys6(NR_get_mempolicy, (long)&mode, 0, 0, p, 3, 0) == 0 && mode == 0,
	      "the page's node");
	check(sys6(NR_get_mempolicy, (long)&mode, (long)got, 64, 0, 4, 0) == 0 && got[0] == 1,
	      "all nodes");
}

static void test_rest(void)
{
	long fd = sys2(NR_memfd_create, "r", 0), p;

	sys2(NR_ftruncate, fd, 4 * PAGE);
	sys4(NR_pwrite, fd, "3", 1, 3 * PAGE);
	p = map(0, 4 * PAGE, PROT_RW, SHARED, (int)fd, 0);
	check(!sys6(NR_remap_file_pages, p, PAGE, 0, 3, 0, 0) && *(char *)p == '3',
	      "pages in another order");
	check(sys6(NR_remap_file_pages, p, PAGE, 1, 3, 0, 0) == -22, "with no other protection");
	p = map(0, 4 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	check(sys6(NR_remap_file_pages, p, PAGE, 0, 3, 0, 0) == -22, "of files only");
	check(sys2(NR_pkey_alloc, 0, 0) == -28 && sys2(NR_pkey_alloc, 0, 15) == -28,
	      "there are no keys");
	check(sys2(NR_pkey_alloc, 1, 0) == -22 && sys2(NR_pkey_alloc, 0, 16) == -22,
	      "least of all such");
	check(!sys4(NR_pkey_mprotect, p, PAGE, PROT_R, -1) &&
		      !sys4(NR_pkey_mprotect, p, PAGE, PROT_RW, 0),
	      "none is no mistake, nor is the one that all memory has");
	*(char *)p = 1;
	check(sys4(NR_pkey_mprotect, p, PAGE, PROT_R, 1) == -22 &&
		      sys4(NR_pkey_mprotect, p, PAGE, PROT_R, 8) == -22 &&
		      sys4(NR_pkey_mprotect, p, PAGE, PROT_R, -2) == -22,
	      "others are nobody's");
	check(!sys4(NR_pkey_mprotect, p, 0, PROT_R, 1) &&
		      sys4(NR_pkey_mprotect, p, -PAGE, PROT_R, 1) == -12,
	      "which is found out last");
	check(sys1(NR_pkey_free, 1) == -22 && sys1(NR_pkey_free, -1) == -22, "nor given back");
	long child = fork_();

	if (!child) {
		long freed = sys1(NR_pkey_free, 0), again = sys1(NR_pkey_free, 0);

		quit(freed || again != -22 || sys4(NR_pkey_mprotect, p, PAGE, PROT_R, 0) != -22 ||
		     sys4(NR_pkey_mprotect, p, PAGE, PROT_R, -1));
	}
	int status = 1;

	check(sys4(NR_wait4, child, &status, 0, 0) == child && !status,
	      "but for the first one, once");
	check(!sys3(NR_mseal, p + PAGE, PAGE, 0), "a page is sealed");
	check(sys2(NR_munmap, p, 4 * PAGE) == -1 &&
		      sys3(NR_mprotect, p + PAGE, PAGE, PROT_R) == -1 &&
		      sys6(NR_mremap, p + PAGE, PAGE, 2 * PAGE, 1, 0, 0) == -1,
	      "and stays as it is");
	check(!sys2(NR_munmap, p, PAGE), "others do not");
	check(!sys6(NR_prctl, 65, 1, 0, 0, 0, 0), "nothing becomes executable");
	p = map(0, PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	check(sys3(NR_mprotect, p, PAGE, PROT_RX) == -13 &&
		      map(0, PAGE, 7, PRIVATE | ANON, -1, 0) == -13,
	      "which holds");
	check(sys6(NR_prctl, 65, 0, 0, 0, 0, 0) == -1 && sys6(NR_prctl, 66, 0, 0, 0, 0, 0) == 1,
	      "for good");
}

int main(void)
{
	test_seals();
	test_other();
	test_policy();
	test_rest();
	return failures;
}

void _start(void)
{
	main();
	say(failures ? "calls: failed\n" : "calls: done\n");
	sys4(142, 0xfee1dead, 672274793, 0x4321fedc, 0);
	quit(failures ? 1 : 0);
}
