/* SPDX-License-Identifier: MIT */
/*
 * alloc_percpu and free_percpu, named as those measured in Linux.
 */
#include <quire/bench.h>
#include <quire/percpu.h>
#include <quire/printk.h>

#define N 1000U

static void *objects[N];

static void measure(size_t size)
{
	u64 t0, t1, t2, nothing = ~0ULL, taken = 0, given = 0;
	char name[40];
	unsigned int i, round;

	for (i = 0; i < 16; i++) {
		t0 = bench_ticks();
		nothing = min(nothing, bench_ticks() - t0);
	}
	for (i = 0; i < N + 8; i++) {
		void *p;

		if (i == 8)
			taken = given = 0;
		t0 = bench_ticks();
		p = __alloc_percpu(size, 8);
		t1 = bench_ticks();
		free_percpu(p);
		t2 = bench_ticks();
		taken += t1 - t0 - nothing;
		given += t2 - t1 - nothing;
	}
	quire_snprintf(name, sizeof(name), "alloc_percpu %zu hot", size);
	bench_row(name, N, taken);
	quire_snprintf(name, sizeof(name), "free_percpu %zu hot", size);
	bench_row(name, N, given);
	if (size != 8)
		return;
	for (round = 0; round < 2; round++) {
		t0 = bench_ticks();
		for (i = 0; i < N; i++)
			objects[i] = __alloc_percpu(size, 8);
		t1 = bench_ticks();
		for (i = 0; i < N; i++)
			free_percpu(objects[i]);
		t2 = bench_ticks();
	}
	bench_row("alloc_percpu 8 batch1000", N, t1 - t0);
	bench_row("free_percpu 8 batch1000", N, t2 - t1);
}

void bench_percpu(void)
{
	measure(8);
	measure(64);
	measure(1024);
}
