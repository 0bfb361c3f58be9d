// SPDX-License-Identifier: MIT
/*
 * CMA: taking and giving back 1, 16 and 256 pages of the default area, all of it free, as measured in Linux: each size some times
 * in a row, alloc and release apart.
 */
#include <quire/bench.h>
#include <quire/cma.h>
#include <quire/printk.h>
#include <quire/types.h>

#define ROUNDS 50U

void bench_cma(void)
{
	static const unsigned long counts[] = {1, 16, 256};
	struct cma *cma = dma_contiguous_default_area;
	unsigned int i, round;

	if (!cma || !cma->active)
		return;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		u64 t0, t1, t2, empty = ~0ULL, taken = 0, given = 0;
		char name[48];

		for (round = 0; round < ROUNDS + 2; round++) {
			struct page *page;

			/* The first rounds make the bitmap and grow a section. */
			if (round == 2)
				taken = given = 0;
			t0 = bench_ticks();
			t1 = bench_ticks();
			empty = min(empty, t1 - t0);
			t0 = bench_ticks();
			page = cma_alloc(cma, counts[i], 0, true);
			t1 = bench_ticks();
			if (!page)
				return;
			cma_release(cma, page, counts[i]);
			t2 = bench_ticks();
			taken += t1 - t0 - empty;
			given += t2 - t1 - empty;
		}
		quire_snprintf(name, sizeof(name), "cma_alloc %lu pages", counts[i]);
		bench_row(name, ROUNDS, taken);
		quire_snprintf(name, sizeof(name), "cma_release %lu pages", counts[i]);
		bench_row(name, ROUNDS, given);
	}
}
