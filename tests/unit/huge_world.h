/* SPDX-License-Identifier: MIT */
/*
 * For tests of blocks that one entry maps.
 *
 *   BASE      +1        +2        +3        +4  blocks
 *    |---------|---------|---------|---------|
 *
 * An access goes by one of two TLBs that forget nothing until they are flushed, and that must never hold a page and the block which it is
 * in at once: a CPU may report a conflict then, or use either.
 */
#ifndef TESTS_HUGE_WORLD_H
#define TESTS_HUGE_WORLD_H

#define BLOCKS 4UL
/* Pages of a block that random programs look at: its ends, and some between. */
#define SAMPLES 6U
#define CACHE_ROOM (2U * BLOCKS * SAMPLES) /* twice as many as pages are looked at */
#include "thp_world.h"

static unsigned long page_of(unsigned long block, unsigned long page)
{
	return BASE + block * HUGE_SIZE + page * PAGE_SIZE;
}

/* Blocks of the largest granule are 512 MiB: what is zero in them is not written, so that it need not be there. */
void clear_page(void *page)
{
	static const char zeros[PAGE_SIZE];

	if (memcmp(page, zeros, PAGE_SIZE))
		memset(page, 0, PAGE_SIZE);
}

static int begin(void **state)
{
	thp_begin(flush_cache);
	madvise(world_memory, WORLD_SECTIONS * PAGES_PER_SECTION * PAGE_SIZE, MADV_HUGEPAGE);
	thp_enabled = THP_ALWAYS;
	thp_use_zero_page = 0;
	return 0;
}

static int end(void **state)
{
	thp_enabled = THP_ALWAYS;
	thp_size_enabled[HUGE_ORDER] = THP_SIZE_INHERIT;
	thp_end();
	return 0;
}

static unsigned long event(enum vm_event_item item)
{
	unsigned long all[NR_VM_EVENT_ITEMS];

	all_vm_events(all);
	return all[item];
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
