// SPDX-License-Identifier: MIT
/*
 * What the page tables of the predicted kernel map, for pictures: runs of equal entries, and where the tables lie.
 *
 * Owns two lists in the order in which the boot made them. A mapping is a range of addresses whose entries have one size
 * and one permission; a table run is so many tables of one level at steps that are equal. Both stay short on any board:
 * the 2 million tables of 4 TiB in single pages are some thousand runs. Nothing is kept when nobody asks for the JSON
 * document (memblock_record_events).
 *
 * Linux keeps no such lists: its kernel_page_tables dump finds the same by walking.
 */
#include <stdlib.h>

#include <quire/memblock.h>
#include <quire/pgtable.h>
#include <quire/printk.h>

#include "predict.h"

typedef unsigned long long ull;

struct mapping {
	u64 va, size, pa, block;
	const char *prot;
	bool cont;
};

struct table_run {
	unsigned int level;
	u64 va, pa, count;
	u64 va_step, pa_step; /* modulo 2^64; 0 while count is 1 */
};

static struct mapping *mappings;
static unsigned long nr_mappings, max_mappings;
static struct table_run *runs;
static unsigned long nr_runs, max_runs;

static void *one_more(void *array, unsigned long nr, unsigned long *max, size_t size)
{
	if (nr < *max)
		return array;
	*max = *max ? *max * 2 : 64;
	array = realloc(array, *max * size);
	if (!array)
		panic("no memory for the list of mappings");
	return array;
}

static void add(u64 va, u64 end, u64 pa, u64 block, const char *prot, bool cont)
{
	struct mapping *m = nr_mappings ? &mappings[nr_mappings - 1] : NULL;

	if (va == end)
		return;
	if (m && m->va + m->size == va && m->pa + m->size == pa && m->block == block &&
	    m->prot == prot && m->cont == cont) {
		m->size += end - va;
		return;
	}
	mappings = one_more(mappings, nr_mappings, &max_mappings, sizeof(*mappings));
	mappings[nr_mappings++] = (struct mapping){va, end - va, pa, block, prot, cont};
}

/* Bytes of a run with the contiguous bit (Arm ARM D8.7.1); 0: entries of this size have none. */
static u64 run_bytes(u64 block)
{
	if (block == PAGE_SIZE)
		return PAGE_SIZE << (PAGE_SHIFT == 12 ? 4 : PAGE_SHIFT == 14 ? 7 : 5);
	if (block == PAGE_SIZE << (PAGE_SHIFT - 3))
		return block << (PAGE_SHIFT == 12 ? 4 : 5);
	return 0;
}

void linux_mapped(u64 va, u64 end, u64 pa, u64 block, const char *prot, bool may_cont)
{
	u64 run = may_cont ? run_bytes(block) : 0, first, last;

	if (!memblock_record_events || va == end)
		return;
	first = run ? ALIGN(va, run) : end;
	last = run ? end & ~(run - 1) : va;
	if (!run || first >= last || ((va ^ pa) & (run - 1))) {
		add(va, end, pa, block, prot, false);
		return;
	}
	add(va, first, pa, block, prot, false);
	add(first, last, pa + (first - va), block, prot, true);
	add(last, end, pa + (last - va), block, prot, false);
}

void linux_table(unsigned int level, u64 va, u64 pa)
{
	struct table_run *r = nr_runs ? &runs[nr_runs - 1] : NULL;

	if (!memblock_record_events)
		return;
	if (r && r->level == level && r->count == 1) {
		r->va_step = va - r->va;
		r->pa_step = pa - r->pa;
		r->count = 2;
		return;
	}
	if (r && r->level == level && va == r->va + r->count * r->va_step &&
	    pa == r->pa + r->count * r->pa_step) {
		r->count++;
		return;
	}
	runs = one_more(runs, nr_runs, &max_runs, sizeof(*runs));
	runs[nr_runs++] = (struct table_run){.level = level, .va = va, .pa = pa, .count = 1};
}

void predict_put_mappings(struct out *o)
{
	out_puts(o, "  \"mappings\": [");
	for (unsigned long i = 0; i < nr_mappings; i++) {
		const struct mapping *m = &mappings[i];

		out_printf(o,
			   "%s\n    {\"va\": \"0x%llx\", \"size\": \"0x%llx\", \"pa\": \"0x%llx\", "
			   "\"block\": \"0x%llx\", \"prot\": \"%s\"%s}",
			   i ? "," : "", (ull)m->va, (ull)m->size, (ull)m->pa, (ull)m->block,
			   m->prot, m->cont ? ", \"cont\": true" : "");
	}
	out_puts(o, "\n  ],\n  \"tables\": [");
	for (unsigned long i = 0; i < nr_runs; i++) {
		const struct table_run *r = &runs[i];

		out_printf(o, "%s\n    {\"level\": %u, \"va\": \"0x%llx\", \"pa\": \"0x%llx\"",
			   i ? "," : "", r->level, (ull)r->va, (ull)r->pa);
		if (r->count > 1)
			out_printf(o,
				   ", \"count\": %llu, \"va_step\": \"%s0x%llx\", \"pa_step\": "
				   "\"%s0x%llx\"",
				   (ull)r->count, (s64)r->va_step < 0 ? "-" : "",
				   (ull)((s64)r->va_step < 0 ? -r->va_step : r->va_step),
				   (s64)r->pa_step < 0 ? "-" : "",
				   (ull)((s64)r->pa_step < 0 ? -r->pa_step : r->pa_step));
		out_puts(o, "}");
	}
	out_puts(o, "\n  ],\n");
}
