/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's operations, named as those measured in Linux: "hot" is a pair that takes and gives back the same block
 * again and again, "batch" takes many and then gives all back.
 *
 * Works on the zones as the boot left them, and gives every page back. The counter's own cost, and the loop's, are
 * measured and taken off.
 */
#include <quire/bench.h>
#include <quire/buddy.h>
#include <quire/printk.h>

#define HOT 1000U
#define BATCH 1024U

static struct page *pages[BATCH];
static u64 empty_loop;

/* Ticks of reading the counter around nothing: once each time, hence the smallest of several. */
static u64 pair_cost(void)
{
	u64 best = ~0ULL;
	int i;

	for (i = 0; i < 16; i++) {
		u64 t = bench_ticks();

		best = min(best, bench_ticks() - t);
	}
	return best;
}

static void row(const char *what, unsigned int order, const char *how, u64 ops, u64 ticks)
{
	char name[48];

	quire_snprintf(name, sizeof(name), "%s o%u %s", what, order, how);
	bench_row(name, ops, ticks);
}

/* One operation between two readings, so that allocating and freeing are seen apart. */
static void hot(gfp_t gfp, unsigned int order, const char *alloc, const char *release)
{
	u64 t0, t1, t2, taken = 0, given = 0;
	struct page *page;
	unsigned int i;

	for (i = 0; i < HOT + 8; i++) {
		/* The first rounds fill lists and grow sections. */
		if (i == 8)
			taken = given = 0;
		t0 = bench_ticks();
		page = alloc_pages(gfp | __GFP_NOWARN, order);
		t1 = bench_ticks();
		if (!page)
			return;
		__free_pages(page, order);
		t2 = bench_ticks();
		taken += t1 - t0 - empty_loop;
		given += t2 - t1 - empty_loop;
	}
	row(alloc, order, "hot", HOT, taken);
	row(release, order, "hot", HOT, given);
}

static void batch(gfp_t gfp, unsigned int order, unsigned int n, const char *alloc,
		  const char *release)
{
	unsigned int got, i, round;
	u64 t, taken = 0, given = 0;
	char how[16];

	for (round = 0; round < 2; round++) {
		t = bench_ticks();
		for (got = 0; got < n; got++) {
			pages[got] = alloc_pages(gfp | __GFP_NOWARN, order);
			if (!pages[got])
				break;
		}
		taken = bench_ticks() - t;
		t = bench_ticks();
		for (i = 0; i < got; i++)
			__free_pages(pages[i], order);
		given = bench_ticks() - t;
		if (got != n)
			return;
	}
	quire_snprintf(how, sizeof(how), "batch%u", n);
	row(alloc, order, how, n, taken);
	row(release, order, how, n, given);
}

static void bulk(unsigned int n)
{
	unsigned long got, i;
	u64 t, taken = 0, given = 0;
	char name[48];
	int round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < n; i++)
			pages[i] = NULL;
		t = bench_ticks();
		got = alloc_pages_bulk_array(GFP_KERNEL, n, pages);
		taken = bench_ticks() - t;
		t = bench_ticks();
		for (i = 0; i < got; i++)
			__free_page(pages[i]);
		given = bench_ticks() - t;
		if (got != n)
			return;
	}
	quire_snprintf(name, sizeof(name), "alloc_pages_bulk n%u", n);
	bench_row(name, n, taken);
	quire_snprintf(name, sizeof(name), "free after bulk n%u", n);
	bench_row(name, n, given);
}

void bench_pages(void)
{
	static const unsigned int orders[] = {0, 1, 2, 3, 4, 9, MAX_PAGE_ORDER};
	/* GFP_KERNEL_ACCOUNT: charged to a memory cgroup where there is one; Linux's lean build has none, nor are there any here. */
	static const struct {
		gfp_t gfp;
		const char *alloc, *release;
	} kinds[] = {
		{GFP_KERNEL, "alloc_pages", "free_pages"},
		{GFP_KERNEL | __GFP_ZERO, "alloc_pages_zero", "free_pages_zero"},
		{GFP_KERNEL_ACCOUNT, "alloc_pages_acct", "free_pages_acct"},
	};
	unsigned int i, k;

	empty_loop = pair_cost();
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < ARRAY_SIZE(orders); i++)
			hot(kinds[k].gfp, orders[i], kinds[k].alloc, kinds[k].release);
		batch(kinds[k].gfp, 0, BATCH, kinds[k].alloc, kinds[k].release);
		batch(kinds[k].gfp, 3, 256, kinds[k].alloc, kinds[k].release);
	}
	hot(GFP_HIGHUSER_MOVABLE, 0, "alloc_pages_movable", "free_pages_movable");
	bulk(16);
	bulk(64);
	bulk(512);
}
