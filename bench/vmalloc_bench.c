/* SPDX-License-Identifier: MIT */
/*
 * vmalloc and vmap, named as those measured in Linux. What is freed lazily is flushed within the measurement whenever the
 * threshold is reached; the hundred rounds of 256 pages reach it.
 */
#include <quire/bench.h>
#include <quire/gfp.h>
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#define ROUNDS 100U

/* What reading the counter twice costs. */
static u64 nothing(void)
{
	u64 best = ~0ULL;

	for (unsigned int i = 0; i < 16; i++) {
		u64 t = bench_ticks();

		best = min(best, bench_ticks() - t);
	}
	return best;
}

static void row(const char *what, unsigned int pages, u64 ticks)
{
	char name[40];

	quire_snprintf(name, sizeof(name), "%s %u pages", what, pages);
	bench_row(name, ROUNDS, ticks - ROUNDS * nothing());
}

static void measure(unsigned int pages)
{
	u64 taken = 0, given = 0;
	unsigned int i;

	for (i = 0; i < ROUNDS + 4; i++) {
		u64 t0, t1;
		void *p;

		if (i == 4)
			taken = given = 0;
		t0 = bench_ticks();
		p = vmalloc(pages * PAGE_SIZE);
		t1 = bench_ticks();
		if (!p)
			return;
		vfree(p);
		given += bench_ticks() - t1;
		taken += t1 - t0;
	}
	row("vmalloc", pages, taken);
	row("vfree", pages, given);
}

static void *map(struct page **pages)
{
	return vmap(pages, 16, VM_MAP, PAGE_KERNEL);
}

static void unmap(void *p)
{
	vunmap(p);
}

static void *map_ram(struct page **pages)
{
	return vm_map_ram(pages, 16, NUMA_NO_NODE);
}

static void unmap_ram(void *p)
{
	vm_unmap_ram(p, 16);
}

/* Sixteen pages at one address; inlined with what it measures. */
static __always_inline void measure_map(void *(*take)(struct page **), void (*give)(void *),
					const char *taking, const char *giving)
{
	struct page *pages[16];
	u64 taken = 0, given = 0;
	unsigned int i;

	if (alloc_pages_bulk_array(GFP_KERNEL | __GFP_ZERO, 16, memset(pages, 0, sizeof(pages))) !=
	    16)
		return;
	for (i = 0; i < ROUNDS; i++) {
		u64 t0 = bench_ticks(), t1;
		void *p = take(pages);

		t1 = bench_ticks();
		give(p);
		given += bench_ticks() - t1;
		taken += t1 - t0;
	}
	row(taking, 16, taken);
	row(giving, 16, given);
	for (i = 0; i < 16; i++)
		__free_page(pages[i]);
}

void bench_vmalloc(void)
{
	measure(1);
	measure(16);
	measure(256);
	measure_map(map, unmap, "vmap", "vunmap");
	/* Its flushes shall give back its own addresses, not what the rows above have left. */
	vm_unmap_aliases();
	measure_map(map_ram, unmap_ram, "vm_map_ram", "vm_unmap_ram");
}
