// SPDX-License-Identifier: MIT
/*
 * Groups of pages between a page and a huge page, as a program sees them: what one write brings, settings and statistics of each size, kpageflags,
 * smaps, and what is left of a group when a part is dropped, moved, protected, or written by a child. All of it holds on Linux 6.12 as well.
 *
 * With glibc, as /init; it needs /proc and /sys.
 */
#include "thp.h"

#define MOST 512U /* pages that are looked at: more than the largest group has */

static char *area; /* a huge page, aligned */
static size_t size, huge, huge_kb;
/* The smallest group: four pages; and sixteen. */
static size_t least_kb, middle_kb;

static char *file_of(size_t kb, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), THP "hugepages-%zukB/%s", kb, file);
	return path;
}

static int enable(size_t kb, const char *word)
{
	return put(file_of(kb, "enabled"), word);
}

static int is_enabled(size_t kb, const char *word)
{
	char line[64] = "";
	FILE *f = fopen(file_of(kb, "enabled"), "r");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	return strstr(line, word) != NULL;
}

static long stat_of(size_t kb, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "stats/%s", name);
	return number(file_of(kb, path));
}

static void fresh(int advice)
{
	mmap(area, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (advice)
		madvise(area, size, advice);
}

/* Which pages of the area are there, as a string: '#', or '.' where none is; pages [from, to). */
static const char *shape(size_t from, size_t to)
{
	static char s[MOST + 1];
	size_t n = 0;

	for (size_t i = from; i < to && n < MOST; i++)
		s[n++] = pagemap(area + i * page) >> 63 & 1 ? '#' : '.';
	s[n] = 0;
	return s;
}

static size_t there(void)
{
	size_t n = 0;

	for (size_t i = 0; i < size / page; i++)
		n += pagemap(area + i * page) >> 63 & 1;
	return n;
}

static uint64_t frame(size_t i)
{
	return pagemap(area + i * page) & ((1ULL << 55) - 1);
}

static void defaults(void)
{
	check(is_enabled(huge_kb, "[inherit]"), "the huge page inherits");
	for (size_t kb = least_kb; kb < huge_kb; kb *= 2)
		check(is_enabled(kb, "[never]"), "no other size is enabled");
	check(!enable(middle_kb, "sometimes") && is_enabled(middle_kb, "[never]"),
	      "other words are refused");
	check(stat_of(least_kb / 2, "split") == 0 &&
		      stat_of(least_kb / 2, "anon_fault_alloc") == -1,
	      "two pages are no size of anonymous memory");
	fresh(0);
	area[0] = 1;
	check(there() == size / page, "a huge page is still the first choice");
	put(THP "enabled", "never");
	fresh(0);
	area[0] = 1;
	check(there() == 1, "else one page");
}

static void one_size(size_t kb)
{
	const size_t n = kb * 1024 / page, at = n + n / 2;
	long alloc = stat_of(kb, "anon_fault_alloc"), anon = stat_of(kb, "nr_anon");
	int row = 1, kinds = 1, zero = 1;
	char name[64];

	enable(kb, "always");
	fresh(0);
	area[at * page] = 7;
	snprintf(name, sizeof(name), "a write brings %zu kB", kb);
	check(there() == n && shape(n, n + 1)[0] == '#' && shape(2 * n - 1, 2 * n)[0] == '#', name);
	check(stat_of(kb, "anon_fault_alloc") == alloc + 1 && stat_of(kb, "nr_anon") == anon + 1,
	      "its size's statistics say so");
	for (size_t i = n; i < 2 * n; i++) {
		row &= frame(i) == frame(n) + (i - n);
		kinds &=
			flags(area + i * page) >> KPF_THP & 1 &&
			flags(area + i * page) >> (i == n ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL) &
				1;
		zero &= area[i * page] == (i == at ? 7 : 0) && area[(i + 1) * page - 1] == 0;
	}
	check(row && !(frame(n) & (n - 1)), "its pages are one piece, aligned");
	check(kinds, "kpageflags shows a head and tails of it");
	check(zero, "what was not written is 0");
	check(pagemap(area + at * page) >> 56 & 1, "its pages are the program's alone");
	check(field("/proc/self/smaps", "AnonHugePages:", area) == 0 &&
		      field("/proc/self/smaps", "Rss:", area) == (long)kb &&
		      field("/proc/self/smaps", "THPeligible:", area) == 1,
	      "smaps counts it as small pages");
	munmap(area, size);
	check(stat_of(kb, "nr_anon") == anon, "and then it is gone");
	enable(kb, "never");
}

static void choices(void)
{
	enable(least_kb, "always");
	enable(middle_kb, "always");
	fresh(0);
	/* The area begins in the middle of sixteen pages. */
	munmap(area, 8 * page);
	area[9 * page] = 1;
	check(!strcmp(shape(8, 20), "####........"),
	      "what the area cuts is left to a smaller size");
	area[30 * page] = 1;
	check(!strcmp(shape(12, 36), "....################...."), "the largest is taken");
	fresh(0);
	check(area[2 * page] == 0, "a read of nothing");
	area[6 * page] = 1;
	check(!strcmp(shape(0, 16), "..#.####........"), "where something is no group comes");
	area[1 * page] = 1;
	check(!strcmp(shape(0, 16), ".##.####........"), "but the page alone");
	enable(least_kb, "never");
	enable(middle_kb, "madvise");
	fresh(0);
	area[0] = 1;
	check(there() == 1, "madvise: not without advice");
	fresh(MADV_HUGEPAGE);
	area[0] = 1;
	check(there() == 16, "but with it");
	fresh(MADV_NOHUGEPAGE);
	enable(middle_kb, "always");
	area[0] = 1;
	check(there() == 1, "never where it is not wanted");
	enable(middle_kb, "inherit");
	fresh(MADV_HUGEPAGE);
	area[0] = 1;
	check(there() == 1, "inherit: never is inherited");
	put(THP "enabled", "madvise");
	fresh(MADV_HUGEPAGE);
	enable(huge_kb, "never");
	area[0] = 1;
	check(there() == 16, "and so is madvise");
	enable(huge_kb, "inherit");
	put(THP "enabled", "never");
	enable(middle_kb, "never");
}

static void parts(void)
{
	int status, ok;

	enable(middle_kb, "always");
	fill(area, size);
	madvise(area + 18 * page, 3 * page, MADV_DONTNEED);
	check(!strcmp(shape(14, 24), "####...###") && !area[19 * page] &&
		      filled(area, area, 18 * page) && filled(area + 21 * page, area, 11 * page),
	      "a part is dropped");
	fill(area, size);
	check(!mprotect(area + 3 * page, page, PROT_READ) && filled(area, area, size) &&
		      !mprotect(area + 3 * page, page, PROT_READ | PROT_WRITE),
	      "a part is protected");
	area[3 * page] = 4;
	check(!mprotect(area, size, PROT_READ) && !mprotect(area, size, PROT_READ | PROT_WRITE),
	      "all of it");
	area[5 * page] = 6;
	check(filled(area, area, size), "nothing is lost by that");
	check(mremap(area + 8 * page, 4 * page, 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
		     area + 49 * page) == area + 49 * page &&
		      filled(area + 49 * page, area + 41 * page, 4 * page) &&
		      filled(area, area, 8 * page) && filled(area + 12 * page, area, 37 * page),
	      "a part is moved");
	fill(area, size);
	if (!fork()) {
		ok = filled(area, area, size);
		area[20 * page] = 99;
		ok &= filled(area, area, 20 * page) &&
		      filled(area + 21 * page, area, size - 21 * page);
		madvise(area + 40 * page, 5 * page, MADV_DONTNEED);
		_exit(!ok);
	}
	area[23 * page + 9] = 3;
	wait(&status);
	check(WIFEXITED(status) && !WEXITSTATUS(status),
	      "a child has it, and writes a page of its own");
	check(filled(area, area, size) && area[23 * page + 9] == 3,
	      "the parent sees nothing of it");
	for (size_t i = 0; i < size; i += page)
		area[i + 1] = 5;
	check(filled(area, area, size), "who is alone again writes all of it");
	munmap(area, size);
	enable(middle_kb, "never");
}

int main(void)
{
	thp_begin();
	huge = size = (size_t)number(THP "hpage_pmd_size");
	huge_kb = huge / 1024, least_kb = 4 * page / 1024, middle_kb = 16 * page / 1024;
	area = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	area = (char *)(((uintptr_t)area + size - 1) & ~(size - 1));
	put(THP "enabled", "always");
	defaults();
	size = MOST * page;
	for (size_t kb = least_kb; kb * 1024 < size; kb *= 2)
		one_size(kb);
	choices();
	parts();
	puts("mthp: done");
	sync();
	reboot(failures ? RB_HALT_SYSTEM : RB_POWER_OFF);
	return failures != 0;
}
