/* SPDX-License-Identifier: MIT */
/*
 * memblock with 100, 1,000 and 10,000 regions: the operations whose cost in Linux grows with the number of regions.
 *
 * The regions are the bench's own: memblock's arrays are exchanged for its spare ones, and what the boot left in
 * memblock is put back at the end. Reservations are 4 KiB at multiples of 64 KiB, so that no two touch.
 */
#include <quire/bench.h>
#include <quire/memblock.h>
#include <quire/printk.h>

#define MANY 10000U
#define SLOT SZ_64K
#define START SZ_1G
#define ALLOCATIONS 1000U

static u16 order[MANY];
static u32 seed;

/* xorshift32: the same order on every machine. */
static u32 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void shuffle(unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++)
		order[i] = (u16)i;
	for (i = n - 1; i; i--) {
		j = next_random() % (i + 1);
		swap(order[i], order[j]);
	}
}

static phys_addr_t slot(unsigned int i)
{
	return START + (phys_addr_t)order[i] * SLOT;
}

static void empty(struct memblock_type *type, struct memblock_region *array)
{
	type->regions = array;
	type->cnt = 0;
	type->max = MEMBLOCK_SPARE_REGIONS;
	type->total_size = 0;
}

static void row(const char *what, unsigned int n, u64 ops, u64 ticks)
{
	char name[48];

	quire_snprintf(name, sizeof(name), "memblock_%s_%u", what, n);
	bench_row(name, ops, ticks);
}

static void bench_regions(unsigned int n, struct memblock_region *memory,
			  struct memblock_region *reserved)
{
	phys_addr_t s, e, found = 0;
	unsigned int i, hits = 0, allocations = min(n, ALLOCATIONS);
	u64 t, walk, nr = 0;

	empty(&memblock.memory, memory);
	empty(&memblock.reserved, reserved);
	memblock_add(START, (phys_addr_t)n * SLOT);

	shuffle(n);
	t = bench_ticks();
	for (i = 0; i < n; i++)
		memblock_reserve(slot(i), SZ_4K);
	row("reserve_random", n, n, bench_ticks() - t);

	shuffle(n);
	t = bench_ticks();
	for (i = 0; i < n; i++)
		hits += memblock_is_reserved(slot(i) + (i & 1 ? SZ_4K : 0));
	row("is_reserved", n, n, bench_ticks() - t);

	t = bench_ticks();
	for_each_free_mem_range(walk, NUMA_NO_NODE, MEMBLOCK_NONE, &s, &e, NULL) nr++;
	row("free_range_walk", n, nr, bench_ticks() - t);

	t = bench_ticks();
	for (i = 0; i < 10; i++)
		found |= memblock_phys_alloc_range(2 * SLOT, SZ_4K, 0, MEMBLOCK_ALLOC_ANYWHERE);
	row("alloc_failing_scan", n, 10, bench_ticks() - t);

	t = bench_ticks();
	for (i = 0; i < allocations; i++)
		found |= !memblock_phys_alloc(64, 64);
	row("alloc64_after", n, allocations, bench_ticks() - t);

	shuffle(n);
	t = bench_ticks();
	for (i = 0; i < n; i++)
		memblock_phys_free(slot(i), SZ_4K);
	row("free_random", n, n, bench_ticks() - t);

	BUG_ON(found || nr != n || hits != n / 2 || memblock_check());

	empty(&memblock.memory, memory);
	t = bench_ticks();
	for (i = 0; i < n; i++)
		memblock_add(slot(i), SZ_4K);
	row("add_random", n, n, bench_ticks() - t);

	empty(&memblock.memory, memory);
	t = bench_ticks();
	for (i = 0; i < n; i++)
		memblock_add(START + (phys_addr_t)i * SLOT, SZ_4K);
	row("add_ascending", n, n, bench_ticks() - t);

	BUG_ON(memblock.memory.cnt != n || memblock_check());
}

void bench_memblock(void)
{
	struct memblock saved = memblock;
	bool record = memblock_record_events, closed = memblock_closed;
	void *memory, *reserved;
	size_t size;

	if (!memblock_unused_spare(0, &memory, &size) ||
	    !memblock_unused_spare(1, &reserved, &size)) {
		pr_warn("bench: memblock's spare arrays are in use\n");
		return;
	}
	seed = 2463534242;
	memblock_record_events = false;
	memblock_closed = false;
	memblock.current_limit = MEMBLOCK_ALLOC_ANYWHERE;
	memblock.bottom_up = false;
	bench_regions(100, memory, reserved);
	bench_regions(1000, memory, reserved);
	bench_regions(10000, memory, reserved);
	memblock = saved;
	memblock_record_events = record;
	memblock_closed = closed;
}
