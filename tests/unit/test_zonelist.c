// SPDX-License-Identifier: MIT
/* links: mm/page/zonelist.c mm/page/zone.c mm/page/watermark.c mm/early/sparse.c @memblock */
/* The order of nodes and zones in zonelists. (Recorded fallback orders of Linux are checked in test_zone.c.) */
#include "mm_fixture.h"

#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

unsigned long totalram_pages(void)
{
	return 0;
}

static int reset(void **state)
{
	reset_machine();
	node_has_cpu_mask = 0;
	return 0;
}

/* n nodes of 1 GiB from 2 GiB on; DMA up to `dma_end`. */
static void nodes(int n, u64 dma_end)
{
	for (int i = 0; i < n; i++)
		memblock_add_node((u64)(2 + i) * SZ_1G, SZ_1G, i, MEMBLOCK_NONE);
	boot_zones(PFN(dma_end), PFN(dma_end));
}

static void set_distance(int a, int b, int d)
{
	distances[a][b] = distances[b][a] = d;
}

static void expect_order(int nid, unsigned int n, ...)
{
	int order[MAX_NUMNODES];
	va_list args;

	assert_int_equal(zonelist_node_order(nid, order, MAX_NUMNODES), n);
	va_start(args, n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(order[i], va_arg(args, int));
	va_end(args);
}

/*
 *   distances   0 --20-- 1 --20-- 2       and 0 -- 2 is 40
 */
static void the_nearest_node_comes_first(void **state)
{
	set_distance(0, 1, 20);
	set_distance(1, 2, 20);
	set_distance(0, 2, 40);
	nodes(3, SZ_4G);
	build_all_zonelists();
	expect_order(0, 3, 0, 1, 2);
	expect_order(1, 3, 1, 2, 0);
	expect_order(2, 3, 2, 1, 0);
	assert_true(logged("Fallback order for Node 0: 0 1 2 \n"));
}

static void equal_nodes_follow_in_a_ring(void **state)
{
	nodes(4, 8 * SZ_1G);
	build_all_zonelists();
	expect_order(0, 4, 0, 1, 2, 3);
	expect_order(1, 4, 1, 2, 3, 0);
	expect_order(2, 4, 2, 3, 0, 1);
	expect_order(3, 4, 3, 0, 1, 2);
}

/* Of nodes at one distance, one without CPUs; a nearer one with CPUs still wins. */
static void a_node_without_cpus_is_preferred_between_equals(void **state)
{
	u64 used = 1;

	nodes(3, 8 * SZ_1G);
	node_has_cpu_mask = 1 << 0 | 1 << 1;
	assert_int_equal(find_next_best_node(0, &used), 2);
	assert_int_equal(find_next_best_node(0, &used), 1);
	assert_int_equal(find_next_best_node(0, &used), NUMA_NO_NODE);
	assert_int_equal(used, 7);
	set_distance(0, 1, 15);
	used = 1;
	assert_int_equal(find_next_best_node(0, &used), 1);
}

/*
 *   2G      3G      4G      5G       node 0: DMA; node 1: DMA and NORMAL
 *   |node 0 |  node 1      |
 */
static void high_zones_of_a_node_come_before_its_low_ones(void **state)
{
	const struct zoneref *ref;

	memblock_add_node(2 * SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	memblock_add_node(3 * SZ_1G, 2 * SZ_1G, 1, MEMBLOCK_NONE);
	boot_zones(PFN(SZ_4G), PFN(SZ_4G));
	build_all_zonelists();
	ref = NODE_DATA(1)->node_zonelists[ZONELIST_FALLBACK];
	assert_ptr_equal(ref[0].zone, zone_at(1, ZONE_NORMAL));
	assert_int_equal(ref[0].zone_idx, ZONE_NORMAL);
	assert_ptr_equal(ref[1].zone, zone_at(1, ZONE_DMA));
	assert_ptr_equal(ref[2].zone, zone_at(0, ZONE_DMA));
	assert_null(ref[3].zone);
	ref = NODE_DATA(1)->node_zonelists[ZONELIST_NOFALLBACK];
	assert_ptr_equal(ref[0].zone, zone_at(1, ZONE_NORMAL));
	assert_ptr_equal(ref[1].zone, zone_at(1, ZONE_DMA));
	assert_null(ref[2].zone);
	assert_int_equal(policy_zone, ZONE_NORMAL);
	assert_true(logged("Policy zone: Normal\n"));
}

static void a_memoryless_node_has_only_the_others(void **state)
{
	u64 size;

	memblock_add_node(2 * SZ_1G, SZ_1G, 1, MEMBLOCK_NONE);
	memblock_add_node(3 * SZ_1G, SZ_1G, 2, MEMBLOCK_NONE);
	assert_true(alloc_node_data(0, &size) != 0);
	boot_zones(PFN(SZ_4G), PFN(SZ_4G));
	build_all_zonelists();
	expect_order(0, 2, 1, 2);
	assert_null(NODE_DATA(0)->node_zonelists[ZONELIST_NOFALLBACK][0].zone);
	assert_true(logged("Built 3 zonelists, mobility grouping on.  Total pages: 524288\n"));
}

static void little_memory_is_not_grouped_by_mobility(void **state)
{
	memblock_add_node(SZ_1G, 8 * SZ_1M, 0, MEMBLOCK_NONE);
	boot_zones(PFN(SZ_4G), PFN(SZ_4G));
	build_all_zonelists();
	assert_true(page_group_by_mobility_disabled);
	assert_true(logged("mobility grouping off.  Total pages: 2048\n"));
	assert_true(logged("Policy zone: DMA\n"));
}

static void lists_take_only_the_room_of_zones_that_exist(void **state)
{
	phys_addr_t before;

	nodes(2, SZ_4G);
	before = memblock_reserved_size();
	build_all_zonelists();
	assert_true(memblock_reserved_size() - before <
		    2 * (2 + 1 + MAX_NR_ZONES + 1) * sizeof(struct zoneref) + 2 * SMP_CACHE_BYTES);
}

static void no_room_for_a_list_panics(void **state)
{
	nodes(1, SZ_4G);
	memblock_reserve(0, SIM_SIZE);
	expect_assert_failure(build_all_zonelists());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_nearest_node_comes_first, reset),
		cmocka_unit_test_setup(equal_nodes_follow_in_a_ring, reset),
		cmocka_unit_test_setup(a_node_without_cpus_is_preferred_between_equals, reset),
		cmocka_unit_test_setup(high_zones_of_a_node_come_before_its_low_ones, reset),
		cmocka_unit_test_setup(a_memoryless_node_has_only_the_others, reset),
		cmocka_unit_test_setup(little_memory_is_not_grouped_by_mobility, reset),
		cmocka_unit_test_setup(lists_take_only_the_room_of_zones_that_exist, reset),
		cmocka_unit_test_setup(no_room_for_a_list_panics, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
