// SPDX-License-Identifier: MIT
/* links: mm/page/contig.c mm/page/cma.c mm/page/migrate.c mm/page/compaction.c @buddy mm/page/hotplug.c mm/page/handover.c mm/page/zone.c mm/page/zonelist.c mm/page/watermark.c mm/early/sparse.c @memblock mm/debug/movable.c */
/* granules: 12 14 16 */
/* Sections come and go: on the way there and back every count, list and mapping is as it was. */
#include <quire/compaction.h>
#include <quire/memory_hotplug.h>
#include <quire/page_debug.h>

#include "mm/page/internal.h"
#include "mm_fixture.h"
#include "mm/debug/movable.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)
/* RAM at boot: sections 4 to 7 and 9; 8 is a hole, 10 and 11 are kept for later. */
#define HOLE (8 * SECTION)
#define LATER (10 * SECTION)

pgprot_t linear_prot(void)
{
	return PAGE_KERNEL;
}

struct snapshot {
	unsigned long free, managed, present[MAX_NR_ZONES], start[MAX_NR_ZONES],
		spanned[MAX_NR_ZONES], wmark[MAX_NR_ZONES][NR_WMARK],
		blocks[MAX_NR_ZONES][NR_PAGE_ORDERS];
	unsigned long node_start, node_spanned, node_present;
	int nr_zones;
	unsigned int mappings;
};

static void snapshot(struct snapshot *s)
{
	struct pglist_data *pgdat = NODE_DATA(0);

	memset(s, 0, sizeof(*s));
	drain_all_pages(NULL);
	s->free = nr_free_pages();
	s->managed = totalram_pages();
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		struct zone *zone = &pgdat->node_zones[z];

		s->present[z] = zone->present_pages;
		s->start[z] = zone->zone_start_pfn;
		s->spanned[z] = zone->spanned_pages;
		memcpy(s->wmark[z], zone->_watermark, sizeof(s->wmark[z]));
		for (unsigned int o = 0; o < NR_PAGE_ORDERS; o++)
			s->blocks[z][o] = zone->free_area[o].nr_free;
	}
	s->node_start = pgdat->node_start_pfn;
	s->node_spanned = pgdat->node_spanned_pages;
	s->node_present = pgdat->node_present_pages;
	s->nr_zones = pgdat->nr_zones;
	s->mappings = nr_mappings;
}

static void assert_same(const struct snapshot *before)
{
	struct snapshot after;

	snapshot(&after);
	assert_memory_equal(before, &after, sizeof(after));
}

static void check_all(void)
{
	struct zone *zone;

	assert_int_equal(zone_check(), 0);
	assert_int_equal(hotplug_check(), 0);
	for_each_zone(zone)
	{
		if (!populated_zone(zone))
			continue;
		assert_int_equal(buddy_check(zone), 0);
		assert_int_equal(pageset_check(zone), 0);
	}
}

static int boot(void **state)
{
	(void)state;
	/* Of the machine before; its memory is gone. */
	if (mem_sections && memblock_closed) {
		hotplug_forget();
		compaction_forget();
	}
	reset_machine();
	memset(cma_areas, 0, sizeof(cma_areas));
	nr_cma_areas = 0;
	nr_cpus_possible = 2;
	memset(&page_alloc_hooks, 0, sizeof(page_alloc_hooks));
	page_alloc_forget();
	hotplug_reserve = 2 * SECTION;
	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(9 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	boot_zones(PFN(SIM_SIZE), 0);
	build_all_zonelists();
	memblock_free_all();
	init_per_zone_wmark_min();
	setup_per_cpu_pageset();
	migration_init();
	compaction_init();
	memmap_grow_all();
	/* The tables of hotplug are there from the first use on: here, so that before and after can be compared. */
	assert_int_equal(add_memory(0, LATER, SECTION), 0);
	assert_int_equal(remove_memory(LATER, SECTION), 0);
	check_all();
	return 0;
}

static void a_section_comes_and_goes_page_for_page(void **state)
{
	static const phys_addr_t at[] = {LATER, HOLE, LATER + SECTION};
	struct snapshot before, offline;
	unsigned int i;

	snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		/* In the hole the DMA zone spans it; beyond, it is ZONE_NORMAL's. */
		struct zone *zone = zone_at(0, at[i] == HOLE ? ZONE_DMA : ZONE_NORMAL);
		unsigned long present = zone->present_pages;

		assert_int_equal(add_memory(0, at[i], SECTION), 0);
		assert_false(pfn_valid(PFN(at[i])));
		assert_null(pfn_to_online_page(PFN(at[i])));
		assert_int_equal(hotplug_check(), 0);
		snapshot(&offline);
		assert_int_equal(online_pages(PFN(at[i]), PAGES_PER_SECTION, MMOP_ONLINE), 0);
		assert_true(pfn_valid(PFN(at[i])));
		assert_int_equal(zone->present_pages, present + PAGES_PER_SECTION);
		assert_true(zone_spans_pfn(zone, PFN(at[i])));
		assert_int_equal(totalram_pages(), before.managed + PAGES_PER_SECTION);
		check_all();
		assert_int_equal(offline_pages(PFN(at[i]), PAGES_PER_SECTION), 0);
		check_all();
		if (at[i] == HOLE)
			assert_same(&offline);
		assert_int_equal(remove_memory(at[i], SECTION), 0);
		if (at[i] == HOLE)
			assert_same(&before);
		else
			snapshot(&before); /* new zonelists */
		assert_int_equal(totalram_pages(), offline.managed);
	}
	check_all();
}

/* The new zone is used: requests go there first, and when it is gone, elsewhere. */
static void new_zones_are_used(void **state)
{
	struct page *page;

	assert_int_equal(add_memory(0, LATER, 2 * SECTION), 0);
	/* In this order, because what a zone needs for itself comes from the kernel's zones, and stays. */
	assert_int_equal(online_pages(PFN(LATER + SECTION), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE),
			 0);
	assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE), 0);
	page = alloc_page(GFP_KERNEL);
	assert_ptr_equal(page_zone(page), zone_at(0, ZONE_NORMAL));
	__free_page(page);
	page = alloc_page(GFP_HIGHUSER_MOVABLE);
	assert_ptr_equal(page_zone(page), zone_at(0, ZONE_MOVABLE));
	memset(page_address(page), 0x5a, PAGE_SIZE);
	__free_page(page);
	check_all();
	/* Of two zones: not in one go. */
	assert_int_equal(offline_pages(PFN(LATER), 2 * PAGES_PER_SECTION), -EINVAL);
	assert_int_equal(offline_pages(PFN(LATER), PAGES_PER_SECTION), 0);
	assert_int_equal(offline_pages(PFN(LATER + SECTION), PAGES_PER_SECTION), 0);
	assert_int_equal(remove_memory(LATER, 2 * SECTION), 0);
	page = alloc_page(GFP_HIGHUSER_MOVABLE);
	assert_ptr_equal(page_zone(page), zone_at(0, ZONE_DMA));
	__free_page(page);
	check_all();
}

/* The zone's own things are made with its first page ever; when it comes again it finds them, and requests find it. */
static void a_zone_that_comes_again_costs_nothing(void **state)
{
	struct snapshot before;

	for (unsigned int round = 0; round < 4; round++) {
		struct page *page;

		assert_int_equal(add_memory(0, LATER, SECTION), 0);
		assert_true(linear_map_later(LATER, SECTION));
		assert_false(linear_map_later(LATER, 2 * SECTION));
		assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE),
				 0);
		page = alloc_page(GFP_HIGHUSER_MOVABLE);
		assert_ptr_equal(page_zone(page), zone_at(0, ZONE_MOVABLE));
		__free_page(page);
		assert_int_equal(offline_and_remove_memory(LATER, SECTION), 0);
		assert_false(linear_map_later(LATER, SECTION));
		check_all();
		if (!round)
			snapshot(&before);
		else
			assert_same(&before);
	}
}

static void users_are_moved_out(void **state)
{
	int handles[500];
	unsigned int i, there = 0;

	assert_int_equal(add_memory(0, LATER, SECTION), 0);
	assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE), 0);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = movable_create(GFP_HIGHUSER_MOVABLE);
		assert_true(handles[i] >= 0);
		there += page_to_pfn(movable_page(handles[i])) >= PFN(LATER);
	}
	assert_true(there > 0);
	assert_int_equal(remove_memory(LATER, SECTION), -EBUSY);
	/* One that does not want to: nothing changes. */
	movable_refuse_migrate = -1;
	assert_int_equal(offline_pages(PFN(LATER), PAGES_PER_SECTION), -EBUSY);
	movable_refuse_migrate = 0;
	check_all();
	assert_int_equal(movable_check_all(), 0);
	assert_int_equal(offline_pages(PFN(LATER), PAGES_PER_SECTION), 0);
	assert_int_equal(remove_memory(LATER, SECTION), 0);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		assert_true(page_to_pfn(movable_page(handles[i])) < PFN(LATER));
		assert_true(movable_destroy(handles[i]));
	}
	check_all();
}

static void a_page_that_stays_keeps_its_section(void **state)
{
	struct page *page;
	struct snapshot before;

	assert_int_equal(add_memory(0, LATER, SECTION), 0);
	assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE), 0);
	page = alloc_page(GFP_KERNEL);
	assert_true(page_to_pfn(page) >= PFN(LATER));
	snapshot(&before);
	assert_int_equal(offline_pages(PFN(LATER), PAGES_PER_SECTION), -EBUSY);
	assert_same(&before);
	check_all();
	__free_page(page);
	assert_int_equal(offline_and_remove_memory(LATER, SECTION), 0);
	check_all();
}

static void refusals(void **state)
{
	struct snapshot before;

	snapshot(&before);
	assert_int_equal(add_memory(0, LATER + PAGE_SIZE, SECTION), -EINVAL);
	assert_int_equal(add_memory(0, LATER, PAGE_SIZE), -EINVAL);
	assert_int_equal(add_memory(0, LATER, 0), -EINVAL);
	assert_int_equal(add_memory(3, LATER, SECTION), -EINVAL);
	assert_int_equal(add_memory(-1, LATER, SECTION), -EINVAL);
	assert_int_equal(add_memory(0, LATER, 3 * SECTION), -ERANGE);
	assert_int_equal(add_memory(0, 0, SECTION), -ERANGE);
	assert_int_equal(add_memory(0, -SECTION, 2 * SECTION), -ERANGE);
	assert_int_equal(add_memory(0, 9 * SECTION, 2 * SECTION), -EEXIST);
	assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE), -EINVAL);
	assert_int_equal(offline_pages(PFN(4 * SECTION), PAGES_PER_SECTION), -EINVAL);
	assert_int_equal(remove_memory(4 * SECTION, SECTION), -EINVAL);
	assert_same(&before);
	assert_int_equal(add_memory(0, LATER, SECTION), 0);
	assert_int_equal(add_memory(0, LATER, SECTION), -EEXIST);
	assert_int_equal(online_pages(PFN(LATER), 1, MMOP_ONLINE), -EINVAL);
	assert_int_equal(online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_OFFLINE), -EINVAL);
	assert_int_equal(offline_pages(PFN(LATER), PAGES_PER_SECTION), -EINVAL);
	assert_int_equal(remove_memory(LATER, SECTION), 0);
	/* No memory for page tables at any step: nothing is left over. */
	for (int n = 0; n < 4; n++) {
		map_budget = n;
		assert_int_equal(add_memory(0, LATER, 2 * SECTION), -ENOMEM);
		map_budget = -1;
		assert_same(&before);
	}
	check_all();
}

static unsigned int fail_at, asked;

static bool fail_nth(gfp_t gfp, unsigned int order)
{
	(void)gfp;
	(void)order;
	return asked++ == fail_at;
}

/* What a new zone needs, its lists and pagesets, is not to be had: nothing has come, and the next try does it all. */
static void a_new_zone_without_memory_for_its_own_things_does_not_come(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = fail_nth};
	struct snapshot before;
	int err = -ENOMEM;

	(void)state;
	assert_int_equal(add_memory(0, LATER, SECTION), 0);
	snapshot(&before);
	for (fail_at = 0; err; fail_at++) {
		asked = 0;
		page_debug = &ops;
		err = online_pages(PFN(LATER), PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE);
		page_debug = NULL;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_same(&before);
		assert_false(pfn_valid(PFN(LATER)));
		check_all();
	}
	/* Pagesets, and lists where their slab is full; compaction does without. */
	assert_true(fail_at == 1 || fail_at == 2);
	check_all();
	assert_int_equal(offline_and_remove_memory(LATER, SECTION), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_section_comes_and_goes_page_for_page, boot),
		cmocka_unit_test_setup(new_zones_are_used, boot),
		cmocka_unit_test_setup(a_zone_that_comes_again_costs_nothing, boot),
		cmocka_unit_test_setup(users_are_moved_out, boot),
		cmocka_unit_test_setup(a_page_that_stays_keeps_its_section, boot),
		cmocka_unit_test_setup(refusals, boot),
		cmocka_unit_test_setup(a_new_zone_without_memory_for_its_own_things_does_not_come,
				       boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
