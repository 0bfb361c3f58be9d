/* SPDX-License-Identifier: MIT */
/*
 * For tests of groups: HELD pages from BASE on, three times as many as the architecture's contiguous groups have. A flush that meets a run of which
 * only a part is left fails the test.
 */
#ifndef TESTS_GROUP_WORLD_H
#define TESTS_GROUP_WORLD_H

#define CONT_ORDER_HERE (PAGE_SHIFT == 14 ? 7U : PAGE_SHIFT == 16 ? 5U : 4U)
#define GROUP (1U << CONT_ORDER_HERE)
#define HELD (3U * GROUP)
/* Of what is unmapped at once: more than is noted without memory for a list. */
#define MORE (8U * GROUP)
#define CACHE_ROOM (HELD + 1U)
#include "thp_world.h"

static unsigned long page_at_index(unsigned long page)
{
	return BASE + page * PAGE_SIZE;
}

static bool watched;

/* A run that is there in part when translations are flushed could come into a TLB as a whole again. */
static void flush_and_look(u64 asid, unsigned long start, unsigned long stop)
{
	flush_cache(asid, start, stop);
	if (!watched || (mm->context_id & 0xff) != (asid & 0xff))
		return;
	for (unsigned long first = 0; first < MORE; first += GROUP) {
		const u64 *pte = pte_lookup(mm, page_at_index(first));
		unsigned int there = 0;

		for (unsigned long i = 0; pte && i < GROUP; i++)
			there += (pte_load(&pte[i]) & (DESC_CONT | DESC_VALID)) ==
				 (DESC_CONT | DESC_VALID);
		if (there && there < GROUP)
			fail_msg("%u entries of a run from page %lu are left at a flush", there,
				 first);
	}
}

static void enable(unsigned int order, int choice)
{
	relaxed_store(&thp_size_enabled[order], choice);
	thp_sizes_changed();
}

static void disable_all(void)
{
	for (unsigned int order = 0; order < HUGE_ORDER; order++)
		thp_size_enabled[order] = THP_SIZE_NEVER;
	thp_sizes_changed();
}

static int begin(void **state)
{
	thp_begin(flush_and_look);
	watched = true;
	return 0;
}

static int end(void **state)
{
	disable_all();
	thp_enabled = THP_NEVER;
	watched = false;
	thp_end();
	return 0;
}

static __maybe_unused void map_pages(unsigned long page, unsigned long n)
{
	map(mm, page_at_index(page), n * PAGE_SIZE);
}

static __maybe_unused struct page *mapped(struct mm_struct *by, unsigned long page)
{
	u64 raw, val;

	return entry_find(by, page_at_index(page), &raw, &val) && pte_present(val) ? pte_page(val)
										   : NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
