// SPDX-License-Identifier: MIT
/*
 * alloc_percpu, named as measured in Linux, and what the allocator keeps for itself.
 */
#include <quire/bench.h>
#include <quire/percpu.h>
#include <quire/printk.h>

#define HOT 1000U
#define BATCH 1000U

static void *objects[BATCH];
static u64 nothing;

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

static void row(const char *what, size_t size, const char *how, u64 ops, u64 ticks)
{
	char name[64];

	quire_snprintf(name, sizeof(name), "%s %zu %s", what, size, how);
	bench_row(name, ops, ticks);
}

static noinline void measure_hot(size_t size)
{
	u64 t0, t1, t2, taken = 0, given = 0;
	unsigned int i;

	for (i = 0; i < HOT + 8; i++) {
		void *p;

		/* The first rounds find cells and memory. */
		if (i == 8)
			taken = given = 0;
		t0 = bench_ticks();
		p = __alloc_percpu(size, 8);
		t1 = bench_ticks();
		if (!p)
			return;
		free_percpu(p);
		t2 = bench_ticks();
		taken += t1 - t0 - nothing;
		given += t2 - t1 - nothing;
	}
	row("alloc_percpu", size, "hot", HOT, taken);
	row("free_percpu", size, "hot", HOT, given);
}

static noinline void measure_batch(size_t size)
{
	u64 t0 = 0, t1 = 0, t2 = 0;
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		t0 = bench_ticks();
		for (i = 0; i < BATCH; i++)
			objects[i] = __alloc_percpu(size, 8);
		t1 = bench_ticks();
		for (i = 0; i < BATCH; i++)
			free_percpu(objects[i]);
		t2 = bench_ticks();
	}
	row("alloc_percpu", size, "batch1000", BATCH, t1 - t0);
	row("free_percpu", size, "batch1000", BATCH, t2 - t1);
}

void bench_percpu(void)
{
	nothing = pair_cost();
	measure_hot(8);
	measure_hot(64);
	measure_hot(1024);
	measure_batch(8);
}
