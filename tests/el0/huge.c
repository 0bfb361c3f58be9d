// SPDX-License-Identifier: MIT
/*
 * Transparent huge pages as a program sees them: in smaps, pagemap, kpageflags and vmstat, and what is left of them when a part is
 * unmapped, protected, moved, dropped, or written by a child. All of it holds on Linux 6.12 as well.
 *
 * With glibc, as /init; it needs /proc and /sys.
 */
#include "thp.h"

static size_t huge;
static char *area; /* four blocks, aligned */

static long anon_huge(const char *addr)
{
	return field("/proc/self/smaps", "AnonHugePages:", addr);
}

static long splits(void)
{
	return field("/proc/vmstat", "thp_split_pmd ", NULL);
}

static void one_fault(void)
{
	unsigned char vec[1];
	long before = field("/proc/vmstat", "thp_fault_alloc ", NULL);
	int zero = 1;

	mmap(area, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(field("/proc/self/smaps", "THPeligible:", area) == 1, "memory may have a huge page");
	area[5 * page] = 1;
	check(field("/proc/vmstat", "thp_fault_alloc ", NULL) == before + 1, "a write gets one");
	check(anon_huge(area) == (long)huge / 1024, "smaps counts it");
	check(field("/proc/self/smaps", "Rss:", area) == (long)huge / 1024, "all of it is there");
	check(field("/proc/meminfo", "AnonHugePages:", NULL) >= (long)huge / 1024,
	      "meminfo counts it");
	check(mincore(area + huge - page, page, vec) == 0 && vec[0], "so does mincore");
	for (size_t i = 0; i < huge; i += page)
		zero &= area[i] == (i == 5 * page);
	check(zero, "what was not written is 0");
	check(!((pagemap(area) & ((1ULL << 55) - 1)) & (huge / page - 1)),
	      "it is aligned in memory");
	check((pagemap(area + page) & ((1ULL << 55) - 1)) ==
		      (pagemap(area) & ((1ULL << 55) - 1)) + 1,
	      "and in one piece");
	check(pagemap(area + 7 * page) >> 63 & 1 && pagemap(area + 7 * page) >> 56 & 1,
	      "its pages are present and the program's alone");
	check(flags(area) >> KPF_THP & 1 && flags(area) >> KPF_COMPOUND_HEAD & 1,
	      "the first page is a head");
	check(flags(area + page) >> KPF_THP & 1 && flags(area + page) >> KPF_COMPOUND_TAIL & 1,
	      "the others are tails");
}

static void zero(void)
{
	unsigned char vec[1];
	size_t there = 0;
	int is = 1;

	mmap(area, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (size_t i = 0; i < huge; i += page)
		is &= area[i + 7] == 0;
	check(is, "memory that was only read is 0");
	check(pagemap(area + huge - page) >> 63 & 1 && !mincore(area + 3 * page, page, vec) &&
		      vec[0],
	      "all of it is there");
	check(field("/proc/self/smaps", "Rss:", area) == 0 && anon_huge(area) == 0, "and nobody's");
	check(field("/proc/vmstat", "thp_zero_page_alloc ", NULL) >= 1, "by the huge zero page");
	area[4 * page] = 9;
	check(field("/proc/self/smaps", "Rss:", area) == (long)page / 1024, "a write takes a page");
	for (size_t i = 0; i < huge; i += page)
		there += pagemap(area + i) >> 63 & 1;
	check(there == huge / page && area[4 * page] == 9 && !area[5 * page] && !area[3 * page],
	      "the others are as they were");
	munmap(area, huge);
}

static void parts(void)
{
	long n = splits();

	fill(area, huge);
	munmap(area + 3 * page, 2 * page);
	check(splits() == n + 1 && anon_huge(area) == 0, "a part that is unmapped splits it");
	check(filled(area, area, 3 * page) && filled(area + 5 * page, area, huge - 5 * page),
	      "the rest is as it was");
	fill(area, huge);
	n = splits();
	mprotect(area, huge, PROT_READ);
	check(anon_huge(area) == (long)huge / 1024 && splits() == n, "it is protected as a whole");
	mprotect(area, huge, PROT_READ | PROT_WRITE);
	mprotect(area + 9 * page, page, PROT_READ);
	check(splits() == n + 1 && filled(area, area, huge), "or in part");
	mprotect(area + 9 * page, page, PROT_READ | PROT_WRITE);
	fill(area, 2 * huge);
	n = splits();
	madvise(area, huge + 4 * page, MADV_DONTNEED);
	check(splits() == n + 1 && !area[0] && !area[huge + 3 * page], "what is dropped is 0");
	check(filled(area + huge + 4 * page, area, huge - 4 * page), "and the rest is as it was");
	fill(area, huge);
	n = splits();
	check(mremap(area, huge, huge, MREMAP_MAYMOVE | MREMAP_FIXED, area + 2 * huge) ==
			      area + 2 * huge &&
		      splits() == n && anon_huge(area + 2 * huge) == (long)huge / 1024,
	      "it moves as a whole");
	check(filled(area + 2 * huge, area + 2 * huge, huge), "with what is in it");
	check(mremap(area + 2 * huge, huge, huge, MREMAP_MAYMOVE | MREMAP_FIXED, area + page) ==
			      area + page &&
		      splits() == n + 1 && filled(area + page, area + page, huge),
	      "or in parts, where it does not fit");
	munmap(area, 4 * huge);
}

static void forks(void)
{
	int status;

	fill(area, huge);
	if (!fork()) {
		int bad = anon_huge(area) != (long)huge / 1024 || !filled(area, area, huge);

		area[2 * page] = 77;
		bad |= (anon_huge(area) != 0) << 1 | !filled(area + 3 * page, area, huge - 3 * page)
							     << 2;
		_exit(bad);
	}
	wait(&status);
	check(WIFEXITED(status) && !(WEXITSTATUS(status) & 1), "a child has it too");
	check(WIFEXITED(status) && !(WEXITSTATUS(status) & 6),
	      "until it writes: then the pages are its own");
	check(filled(area, area, huge) && anon_huge(area) == (long)huge / 1024, "not the parent's");
	area[4 * page] = 5;
	check(anon_huge(area) == (long)huge / 1024 && filled(area, area, huge),
	      "who has it alone again writes it as it is");
	munmap(area, huge);
}

/* Is there one in fresh memory, for this advice (0: none) and these flags of mmap? */
static int given(int advice, int flags)
{
	int is;

	mmap(area, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags,
	     -1, 0);
	if (advice)
		madvise(area, huge, advice);
	area[0] = 1;
	is = anon_huge(area) > 0;
	munmap(area, huge);
	return is;
}

static void settings(void)
{
	int pipes[2];
	char c;

	check(!given(MADV_NOHUGEPAGE, 0), "none where it is not wanted");
	check(!given(0, MAP_STACK), "none for stacks");
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	check(!given(MADV_HUGEPAGE, 0), "none for who has refused them");
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	put(THP "enabled", "madvise");
	check(!given(0, 0) && given(MADV_HUGEPAGE, 0), "madvise: where they are asked for");
	put(THP "enabled", "never");
	check(!given(MADV_HUGEPAGE, 0), "never: nowhere");
	put(THP "enabled", "always");
	check(given(0, 0), "always: everywhere");
	/* The kernel's own accesses. */
	fill(area, huge);
	check(!pipe(pipes) && write(pipes[1], area + 6 * page, 1) == 1 &&
		      read(pipes[0], &c, 1) == 1 && c == area[6 * page] &&
		      write(pipes[1], "x", 1) == 1 && read(pipes[0], area + 8 * page, 1) == 1 &&
		      area[8 * page] == 'x',
	      "the kernel reads and writes there");
	munmap(area, huge);
}

int main(void)
{
	thp_begin();
	huge = (size_t)number(THP "hpage_pmd_size");
	area = mmap(NULL, 6 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	area = (char *)(((uintptr_t)area + 2 * huge - 1) & ~(huge - 1));
	munmap(area - huge, 5 * huge);
	put(THP "enabled", "always");
	one_fault();
	zero();
	parts();
	forks();
	settings();
	puts("huge: done");
	sync();
	reboot(failures ? RB_HALT_SYSTEM : RB_POWER_OFF);
	return failures != 0;
}
