/* SPDX-License-Identifier: MIT */
/* links: @memblock lib/vsprintf.c lib/string.c */
/*
 * Reading memblock: iterators, look-ups, limits, the dump in Linux's form, and that memblock_check() finds what is wrong.
 */
#include <quire/mmzone.h>
#include "memblock_fixture.h"

#define MAX_RANGES 16
static struct range {
	phys_addr_t start, end;
	int nid;
} ranges[MAX_RANGES];
static unsigned int nr_ranges;

static void note(phys_addr_t start, phys_addr_t end, int nid)
{
	assert_true(nr_ranges < MAX_RANGES);
	ranges[nr_ranges++] = (struct range){start, end, nid};
}

static void assert_range(unsigned int i, phys_addr_t start, phys_addr_t end)
{
	assert_true(i < nr_ranges);
	assert_int_equal(ranges[i].start, start);
	assert_int_equal(ranges[i].end, end);
}

/*
 *            0x1000      0x4000   0x5000        0x8000    0xa000     0xc000
 *   memory   |-- node 0 --|        |-- node 1 ---|---NOMAP-|-hotplug--|
 *   reserved    |2|              |---|       |-----------|
 *              2000 3000        4800 5800   7000        9000
 */
static void four_kinds_of_memory(void)
{
	memblock_add_node(0x1000, 0x3000, 0, 0);
	memblock_add_node(0x5000, 0x3000, 1, 0);
	memblock_add_node(0x8000, 0x2000, 1, MEMBLOCK_NOMAP);
	memblock_add_node(0xa000, 0x2000, 1, MEMBLOCK_HOTPLUG);
	memblock_reserve(0x2000, 0x1000);
	memblock_reserve(0x4800, 0x1000);
	memblock_reserve(0x7000, 0x2000);
}

static void free_ranges_are_memory_without_reservations(void **state)
{
	phys_addr_t s, e;
	int nid;
	u64 i;

	four_kinds_of_memory();
	nr_ranges = 0;
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &s, &e, &nid) note(s, e, nid);
	assert_int_equal(nr_ranges, 4);
	assert_range(0, 0x1000, 0x2000);
	assert_range(1, 0x3000, 0x4000);
	assert_range(2, 0x5800, 0x7000);
	assert_range(3, 0xa000, 0xc000);
	assert_int_equal(ranges[1].nid, 0);
	assert_int_equal(ranges[2].nid, 1);

	nr_ranges = 0;
	for_each_free_mem_range_reverse(i, NUMA_NO_NODE, MEMBLOCK_NOMAP, &s, &e, NULL)
		note(s, e, 0);
	assert_int_equal(nr_ranges, 5);
	assert_range(0, 0xa000, 0xc000);
	assert_range(1, 0x9000, 0xa000);
	assert_range(2, 0x5800, 0x7000);
	assert_range(4, 0x1000, 0x2000);

	nr_ranges = 0;
	for_each_free_mem_range(i, 0, MEMBLOCK_NONE, &s, &e, NULL) note(s, e, 0);
	assert_int_equal(nr_ranges, 2);

	movable_node_enabled = true;
	nr_ranges = 0;
	for_each_free_mem_range(i, 1, MEMBLOCK_NONE, &s, &e, NULL) note(s, e, 0);
	assert_int_equal(nr_ranges, 1);
	assert_range(0, 0x5800, 0x7000);
}

static void the_empty_gap_between_touching_reservations_is_not_given(void **state)
{
	phys_addr_t s, e;
	u64 i;

	memblock_add(0x1000, 0x4000);
	memblock_reserve(0x2000, 0x2000);
	memblock_reserved_mark_noinit(0x3000, 0x1000);
	assert_int_equal(memblock.reserved.cnt, 2);
	nr_ranges = 0;
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &s, &e, NULL) note(s, e, 0);
	for_each_free_mem_range_reverse(i, NUMA_NO_NODE, MEMBLOCK_NONE, &s, &e, NULL) note(s, e, 0);
	assert_int_equal(nr_ranges, 4);
	assert_range(0, 0x1000, 0x2000);
	assert_range(1, 0x4000, 0x5000);
	assert_range(2, 0x4000, 0x5000);
	assert_range(3, 0x1000, 0x2000);
}

static void mem_ranges_see_hotplug_and_driver_memory_but_not_nomap(void **state)
{
	struct memblock_region *r;
	phys_addr_t s, e;
	unsigned int n = 0;
	u64 i;

	four_kinds_of_memory();
	memblock_add_node(0x10000, 0x1000, 1, MEMBLOCK_DRIVER_MANAGED);
	movable_node_enabled = true;
	nr_ranges = 0;
	for_each_mem_range(i, &s, &e) note(s, e, 0);
	assert_int_equal(nr_ranges, 4);
	assert_range(1, 0x5000, 0x8000);
	assert_range(2, 0xa000, 0xc000);
	assert_range(3, 0x10000, 0x11000);
	nr_ranges = 0;
	for_each_mem_range_rev(i, &s, &e) note(s, e, 0);
	assert_int_equal(nr_ranges, 4);
	assert_range(3, 0x1000, 0x4000);
	nr_ranges = 0;
	for_each_reserved_mem_range(i, &s, &e) note(s, e, 0);
	assert_int_equal(nr_ranges, 3);
	assert_range(2, 0x7000, 0x9000);
	for_each_mem_region(r) n++;
	for_each_reserved_mem_region(r) n += 100;
	assert_int_equal(n, 305);
}

static void physmem_is_what_firmware_said(void **state)
{
	phys_addr_t s, e;
	u64 i;

	memblock_physmem_add(0x1000, 0x4000);
	memblock_add(0x1000, 0x2000);
	nr_ranges = 0;
	for_each_physmem_range(i, &memblock.memory, &s, &e) note(s, e, 0);
	assert_int_equal(nr_ranges, 1);
	assert_range(0, 0x3000, 0x5000);
}

/* Only whole pages count; a region smaller than a page is passed over. */
static void pfn_ranges_are_whole_pages(void **state)
{
	unsigned long s, e;
	int i, nid;

	memblock_add_node(2 * PAGE_SIZE + 1, 2 * PAGE_SIZE, 0, 0);
	memblock_add_node(8 * PAGE_SIZE + 1, PAGE_SIZE, 0, 0);
	memblock_add_node(16 * PAGE_SIZE, PAGE_SIZE, 1, MEMBLOCK_NOMAP);
	nr_ranges = 0;
	for_each_mem_pfn_range(i, MAX_NUMNODES, &s, &e, &nid) note(s, e, nid);
	assert_int_equal(nr_ranges, 2);
	assert_range(0, 3, 4);
	assert_range(1, 16, 17);
	nr_ranges = 0;
	for_each_mem_pfn_range(i, 1, &s, &e, NULL) note(s, e, 0);
	assert_int_equal(nr_ranges, 1);
	assert_int_equal(memblock_search_pfn_nid(16, &s, &e), 1);
	assert_int_equal(s, 16);
	assert_int_equal(e, 17);
	assert_int_equal(memblock_search_pfn_nid(17, &s, &e), NUMA_NO_NODE);
}

static void free_pfn_ranges_of_a_zone_are_cut_to_it(void **state)
{
	static struct pglist_data node = {.node_id = 1};
	struct zone *zone = &node.node_zones[ZONE_NORMAL];
	unsigned long s, e;
	u64 i = 0;

	zone->zone_pgdat = &node;
	zone->zone_start_pfn = 12;
	zone->spanned_pages = 20;
	memblock_add_node(0, 8 * PAGE_SIZE, 1, 0);
	memblock_add_node(8 * PAGE_SIZE, 8 * PAGE_SIZE, 1, MEMBLOCK_DRIVER_MANAGED);
	memblock_set_node(0, 16 * PAGE_SIZE, &memblock.memory, 1);
	memblock_add_node(16 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0);
	memblock_add_node(20 * PAGE_SIZE, 100 * PAGE_SIZE, 1, 0);
	memblock_reserve(24 * PAGE_SIZE, 100);

	nr_ranges = 0;
	__next_mem_pfn_range_in_zone(&i, zone, &s, &e);
	for_each_free_mem_pfn_range_in_zone_from(i, zone, &s, &e) note(s, e, 1);
	assert_int_equal(nr_ranges, 2);
	assert_range(0, 20, 24);
	assert_range(1, 25, 32);
	assert_int_equal(s, ULONG_MAX);
}

static void look_ups_see_the_edges(void **state)
{
	four_kinds_of_memory();
	assert_false(memblock_is_memory(0xfff));
	assert_true(memblock_is_memory(0x1000));
	assert_true(memblock_is_memory(0x3fff));
	assert_false(memblock_is_memory(0x4000));
	assert_true(memblock_is_memory(0x8000));
	assert_false(memblock_is_map_memory(0x8000));
	assert_true(memblock_is_region_memory(0x1000, 0x3000));
	assert_false(memblock_is_region_memory(0x1000, 0x3001));
	assert_false(memblock_is_region_memory(0xfff, 2));
	assert_false(memblock_is_region_reserved(0x1000, 0x1000));
	assert_true(memblock_is_region_reserved(0x1000, 0x1001));
	assert_true(memblock_is_region_reserved(0x2fff, 1));
	assert_false(memblock_is_region_reserved(0x3000, 0x1800));
	assert_true(memblock_addrs_overlap(1, 2, 2, 1));
	assert_false(memblock_addrs_overlap(1, 1, 2, 1));
	/* A size that passes the end of the address space ends there. */
	assert_true(memblock_addrs_overlap(SZ_1G, ~0UL, SZ_2G, 1));
	assert_true(memblock_addrs_overlap(SZ_2G, 1, SZ_1G, ~0UL));
	assert_int_equal(memblock_start_of_DRAM(), 0x1000);
	assert_int_equal(memblock_end_of_DRAM(), 0xc000);
	assert_int_equal(memblock_phys_mem_size(), 0xa000);
	assert_int_equal(memblock_reserved_size(), 0x4000);
	assert_int_equal(memblock_estimated_nr_free_pages(), 0x6000 / PAGE_SIZE);
	memblock_set_current_limit(0x5000);
	assert_int_equal(memblock_get_current_limit(), 0x5000);
}

static void memory_without_a_node_is_counted(void **state)
{
	memblock_add_node(SZ_1G, SZ_16M, 0, 0);
	memblock_add(SZ_2G, SZ_4M);
	assert_true(memblock_validate_numa_coverage(SZ_4M));
	assert_int_equal(logged_len, 0);
	assert_false(memblock_validate_numa_coverage(SZ_4M - 1));
	assert_string_equal(logged, "NUMA: no nodes coverage for 4MB of 20MB RAM\n");
}

/* ------------------------------------------------------------------ limits */

/*
 *   memory   |-- 4M --|      |-- 4M --|NOMAP 1M|-- 3M --|
 *   limit    6M: the 6th million ends in the middle of the second region
 */
static void a_memory_limit_counts_memory(void **state)
{
	memblock_add(SZ_1G, SZ_4M);
	memblock_add(SZ_2G, SZ_8M);
	memblock_mark_nomap(SZ_2G + SZ_4M, SZ_1M);
	memblock_reserve(SZ_1G, SZ_4K);
	memblock_reserve(SZ_2G + SZ_1M, SZ_4M);

	memblock_enforce_memory_limit(0);
	memblock_enforce_memory_limit(SZ_16M);
	assert_int_equal(memblock.memory.cnt, 4);

	memblock_mem_limit_remove_map(6 * SZ_1M);
	assert_int_equal(memblock.memory.cnt, 3);
	assert_region(&memblock.memory, 0, SZ_1G, SZ_4M, MAX_NUMNODES, 0);
	assert_region(&memblock.memory, 1, SZ_2G, SZ_2M, MAX_NUMNODES, 0);
	assert_region(&memblock.memory, 2, SZ_2G + SZ_4M, SZ_1M, MAX_NUMNODES, MEMBLOCK_NOMAP);
	assert_region(&memblock.reserved, 1, SZ_2G + SZ_1M, SZ_1M, MAX_NUMNODES, 0);
	assert_int_equal(event_log.events[event_log.nr - 1].op, EVENT_LIMIT);
	assert_int_equal(event_log.events[event_log.nr - 1].size, SZ_2G + SZ_2M);
	assert_int_equal(memblock_check(), 0);

	memblock_enforce_memory_limit(SZ_4M);
	assert_int_equal(memblock.memory.cnt, 1);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_int_equal(memblock_check(), 0);
}

static void capping_to_a_range_keeps_nomap(void **state)
{
	memblock_cap_memory_range(SZ_1G, SZ_1M);
	assert_non_null(strstr(logged, "No memory registered yet"));

	memblock_add(SZ_1G, SZ_16M);
	memblock_mark_nomap(SZ_1G + SZ_1M, SZ_2M);
	memblock_reserve(SZ_1G, SZ_16M);
	memblock_cap_memory_range(SZ_1G + SZ_2M, 0);
	assert_int_equal(memblock.memory.cnt, 3);
	/* The edge goes through the NOMAP region: it stays in two pieces, as in Linux. */
	memblock_cap_memory_range(SZ_1G + SZ_2M, SZ_4M);
	assert_int_equal(memblock.memory.cnt, 3);
	assert_region(&memblock.memory, 0, SZ_1G + SZ_1M, SZ_1M, MAX_NUMNODES, MEMBLOCK_NOMAP);
	assert_region(&memblock.memory, 1, SZ_1G + SZ_2M, SZ_1M, MAX_NUMNODES, MEMBLOCK_NOMAP);
	assert_region(&memblock.memory, 2, SZ_1G + 3 * SZ_1M, 3 * SZ_1M, MAX_NUMNODES, 0);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_region(&memblock.reserved, 0, SZ_1G + SZ_2M, SZ_4M, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
	memblock_cap_memory_range(SZ_1G + SZ_4M, PHYS_ADDR_MAX);
	assert_int_equal(memblock_end_of_DRAM(), SZ_1G + 6 * SZ_1M);
	assert_int_equal(memblock_check(), 0);
}

static void trimming_drops_what_becomes_empty(void **state)
{
	memblock_add(SZ_1M + 1, SZ_64K);
	memblock_add(SZ_2M + 1, SZ_2M);
	memblock_add(PHYS_ADDR_MAX - 0xfff, 0xfff);
	memblock_trim_memory(SZ_64K);
	assert_int_equal(memblock.memory.cnt, 1);
	assert_region(&memblock.memory, 0, SZ_2M + SZ_64K, SZ_2M - SZ_64K, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
}

/* ------------------------------------------------------------------ dump and check */

/* Lines of a boot of Linux 6.12 on arm64 with memblock=debug. */
static void the_dump_is_that_of_linux(void **state)
{
	memblock_add_node(0x40000000, 0x8000000, 0, 0);
	memblock_add_node(0x48000000, 0x10000, 0, MEMBLOCK_NOMAP);
	memblock_add(0x80000000, 0x40000000);
	memblock_reserve(0x40200000, 0x2230000);
	memblock_dump_all();
	assert_int_equal(logged_len, 0);
	memblock_set_debug(true);
	memblock_dump_all();
	assert_string_equal(logged,
			    "MEMBLOCK configuration:\n"
			    " memory size = 0x0000000048010000 reserved size = 0x0000000002230000\n"
			    " memory.cnt  = 0x3\n"
			    " memory[0x0]\t[0x0000000040000000-0x0000000047ffffff], "
			    "0x0000000008000000 bytes on node 0 flags: 0x0\n"
			    " memory[0x1]\t[0x0000000048000000-0x000000004800ffff], "
			    "0x0000000000010000 bytes on node 0 flags: 0x4\n"
			    " memory[0x2]\t[0x0000000080000000-0x00000000bfffffff], "
			    "0x0000000040000000 bytes flags: 0x0\n"
			    " reserved.cnt  = 0x1\n"
			    " reserved[0x0]\t[0x0000000040200000-0x000000004242ffff], "
			    "0x0000000002230000 bytes flags: 0x0\n");
}

static void check_finds_every_broken_promise(void **state)
{
	struct memblock_region *r = memblock.memory.regions;

	memblock_add(0x1000, 0x1000);
	memblock_add(0x3000, 0x1000);
	memblock_add(0x5000, 0x1000);
	assert_int_equal(memblock_check(), 0);

	memblock.memory.total_size++;
	assert_int_equal(memblock_check(), 1);
	memblock.memory.total_size--;

	r[1].size += 0x1000;
	r[2].size -= 0x1000;
	/* Touches and is alike, and the last is empty. */
	assert_int_equal(memblock_check(), 2);
	r[1].flags = MEMBLOCK_NOMAP;
	assert_int_equal(memblock_check(), 1);
	r[2].size += 0x1000;
	r[1].size -= 0x1000;

	r[1].base = 0x1800;
	assert_int_equal(memblock_check(), 1);
	r[1].base = 0x6000;
	assert_int_equal(memblock_check(), 1);
	r[1].base = 0x3000;
	assert_int_equal(memblock_check(), 0);

	memblock.memory.max = 2;
	assert_int_equal(memblock_check(), 1);
	memblock.memory.max = memory_init_max;
	r[2].base = PHYS_ADDR_MAX - 1;
	assert_int_equal(memblock_check(), 1);
	assert_true(logged_len != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(free_ranges_are_memory_without_reservations, fresh_memblock),
		cmocka_unit_test_setup(the_empty_gap_between_touching_reservations_is_not_given,
				       fresh_memblock),
		cmocka_unit_test_setup(mem_ranges_see_hotplug_and_driver_memory_but_not_nomap,
				       fresh_memblock),
		cmocka_unit_test_setup(physmem_is_what_firmware_said, fresh_memblock),
		cmocka_unit_test_setup(pfn_ranges_are_whole_pages, fresh_memblock),
		cmocka_unit_test_setup(free_pfn_ranges_of_a_zone_are_cut_to_it, fresh_memblock),
		cmocka_unit_test_setup(look_ups_see_the_edges, fresh_memblock),
		cmocka_unit_test_setup(memory_without_a_node_is_counted, fresh_memblock),
		cmocka_unit_test_setup(a_memory_limit_counts_memory, fresh_memblock),
		cmocka_unit_test_setup(capping_to_a_range_keeps_nomap, fresh_memblock),
		cmocka_unit_test_setup(trimming_drops_what_becomes_empty, fresh_memblock),
		cmocka_unit_test_setup(the_dump_is_that_of_linux, fresh_memblock),
		cmocka_unit_test_setup(check_finds_every_broken_promise, fresh_memblock),
	};

	return cmocka_run_group_tests_name("memblock_iter", tests, NULL, NULL);
}
