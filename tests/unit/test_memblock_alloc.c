/* SPDX-License-Identifier: MIT */
/* links: @memblock lib/vsprintf.c lib/string.c */
/*
 * memblock's allocation: where the block comes from, what is never given, what happens when there is none.
 */
#include "memblock_fixture.h"

#define ANYWHERE MEMBLOCK_ALLOC_ANYWHERE

static void comes_from_the_top_or_the_bottom(void **state)
{
	memblock_add(SZ_1G, SZ_1M);
	memblock_add(SZ_2G, SZ_1M);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_2G + SZ_1M - SZ_4K);
	memblock_set_bottom_up(true);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_1G);
	assert_int_equal(memblock_phys_alloc(100, 64), SZ_1G + SZ_4K);
	/* Aligned up past what is taken, and past the end of a region into the next. */
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_64K), SZ_1G + SZ_64K);
	assert_int_equal(memblock_phys_alloc_range(SZ_4K, SZ_4K, SZ_1G + SZ_1M - 100, ANYWHERE),
			 SZ_2G);
}

/*
 *   memory     |-----------------------|
 *   reserved      |1|  |2|     |3|
 *   limits          |<------------->|      the gaps at both ends are cut
 */
static void stays_within_its_limits(void **state)
{
	phys_addr_t at;

	memblock_add(0x100000, 0x100000);
	memblock_reserve(0x110000, 0x10000);
	memblock_reserve(0x130000, 0x10000);
	memblock_reserve(0x180000, 0x10000);
	at = memblock_phys_alloc_range(0x8000, 0x1000, 0x11c000, 0x194000);
	assert_int_equal(at, 0x178000);
	at = memblock_phys_alloc_range(0x4000, 0x1000, 0x11c000, 0x194000);
	assert_int_equal(at, 0x190000);
	at = memblock_phys_alloc_range(0x4000, 0x1000, 0x11c000, 0x140000);
	assert_int_equal(at, 0x12c000);
	assert_int_equal(memblock_phys_alloc_range(0x8001, 1, 0x128000, 0x130000), 0);
	assert_int_equal(memblock_phys_alloc_range(0x1000, 1, 0x130000, 0x130000), 0);
	assert_int_equal(memblock_phys_alloc_range(0x1000, 1, 0x140000, 0x130000), 0);
	memblock.current_limit = 0x101000;
	assert_int_equal(memblock_phys_alloc(0x1000, 0x1000), 0x100000);
	assert_int_equal(memblock_phys_alloc(0x1000, 0x1000), 0);
}

static void page_zero_is_never_given(void **state)
{
	memblock_add(0, 2 * PAGE_SIZE);
	memblock_set_bottom_up(true);
	assert_int_equal(memblock_phys_alloc(PAGE_SIZE, 1), PAGE_SIZE);
	assert_int_equal(memblock_phys_alloc(64, 64), 0);
}

static void a_failure_reserves_nothing_and_says_so(void **state)
{
	memblock_add(SZ_1G, SZ_1M);
	assert_int_equal(memblock_phys_alloc(SZ_2M, SZ_4K), 0);
	assert_null(memblock_alloc(SZ_2M, SZ_4K));
	assert_null(memblock_alloc_from(SZ_2M, SZ_4K, SZ_1M));
	assert_null(memblock_alloc_exact_nid_raw(SZ_4K, SZ_4K, 0, 0, 5));
	assert_int_equal(memblock.reserved.cnt, 0);
	assert_int_equal(event_log.events[event_log.nr - 1].op, EVENT_ALLOC);
	assert_int_equal(event_log.events[event_log.nr - 1].base, 0);
	fresh_memblock(NULL);
	assert_int_equal(memblock_phys_alloc(1, 1), 0);
}

/* Rounding up to the alignment wraps to 0 above the last region: not an address below it. */
static void alignment_does_not_wrap_around_the_top(void **state)
{
	memblock_add(PHYS_ADDR_MAX - 0xfff, 0x1000);
	memblock_set_bottom_up(true);
	assert_int_equal(memblock_phys_alloc(16, SZ_1M), 0);
	assert_int_equal(memblock_phys_alloc(16, 16), PHYS_ADDR_MAX - 0xfff);
	memblock_set_bottom_up(false);
	assert_int_equal(memblock_phys_alloc(16, SZ_1M), 0);
	assert_int_equal(memblock_phys_alloc(PHYS_ADDR_MAX, 1), 0);
}

static void without_alignment_is_a_cache_line_and_a_warning(void **state)
{
	memblock_add(SZ_1G, SZ_1M);
	assert_int_equal(memblock_phys_alloc(SMP_CACHE_BYTES / 2, 0),
			 SZ_1G + SZ_1M - SMP_CACHE_BYTES);
	assert_non_null(strstr(logged, "WARNING"));
}

static void falls_back_to_other_nodes_unless_exact(void **state)
{
	memblock_add_node(SZ_1G, SZ_1M, 0, 0);
	memblock_add_node(SZ_2G, SZ_1M, 1, 0);
	assert_int_equal(memblock_phys_alloc_try_nid(SZ_4K, SZ_4K, 0), SZ_1G + SZ_1M - SZ_4K);
	memblock_reserve(SZ_1G, SZ_1M);
	assert_int_equal(memblock_alloc_range_nid(SZ_4K, SZ_4K, 0, ANYWHERE, 0, true), 0);
	assert_int_equal(memblock_alloc_range_nid(SZ_4K, SZ_4K, 0, ANYWHERE, 0, false),
			 SZ_2G + SZ_1M - SZ_4K);
	assert_int_equal(memblock_alloc_range_nid(SZ_4K, SZ_4K, 0, ANYWHERE, MAX_NUMNODES, true),
			 SZ_2G + SZ_1M - 2 * SZ_4K);
}

static void leaves_nomap_hotplug_and_driver_memory_alone(void **state)
{
	memblock_add(SZ_1G, SZ_4K);
	memblock_add_node(SZ_2G, SZ_4K, 0, MEMBLOCK_DRIVER_MANAGED);
	memblock_add_node(SZ_2G + SZ_1M, SZ_4K, 0, MEMBLOCK_NOMAP);
	memblock_add_node(SZ_4G, SZ_4K, 0, MEMBLOCK_HOTPLUG);
	movable_node_enabled = true;
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_1G);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), 0);
	movable_node_enabled = false;
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_4G);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), 0);
}

static void a_block_does_not_straddle_unlike_regions(void **state)
{
	memblock_add_node(SZ_1G, SZ_4K, 0, 0);
	memblock_add_node(SZ_1G + SZ_4K, SZ_4K, 1, 0);
	assert_int_equal(memblock_phys_alloc(SZ_4K + 1, 1), 0);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_1G + SZ_4K);
}

static void the_lower_bound_of_a_pointer_is_a_wish(void **state)
{
	static u8 backing[2 * SZ_4K] __aligned(4096);
	u8 *p;

	physvirt_offset = (s64)((u64)(unsigned long)backing - SZ_1G);
	memset(backing, 0x55, sizeof(backing));
	memblock_add(SZ_1G, sizeof(backing));
	p = memblock_alloc_from(SZ_4K, SZ_4K, SZ_2G);
	assert_ptr_equal(p, backing + SZ_4K);
	assert_int_equal(p[0], 0);
	assert_int_equal(p[SZ_4K - 1], 0);
	/* Two requests, as they were made. */
	assert_int_equal(event_log.events[1].min, SZ_2G);
	assert_int_equal(event_log.events[1].base, 0);
	assert_int_equal(event_log.events[2].min, 0);
	assert_int_equal(event_log.events[2].base, SZ_1G + SZ_4K);

	assert_ptr_equal(memblock_alloc_raw(SZ_4K, SZ_4K), backing);
	assert_int_equal(backing[0], 0x55);
	memblock_free(NULL, SZ_4K);
	memblock_free(p, SZ_4K);
	assert_false(memblock_is_reserved(SZ_1G + SZ_4K));
	assert_true(memblock_is_reserved(SZ_1G));
}

static void nothing_is_given_after_the_hand_over(void **state)
{
	memblock_add(SZ_1G, SZ_1M);
	memblock_closed = true;
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), 0);
	assert_int_equal(memblock.reserved.cnt, 0);
}

/* Last: memory once marked as mirrored is preferred for good. */
static void mirrored_memory_is_preferred(void **state)
{
	memblock_add(SZ_1G, SZ_4K);
	memblock_add(SZ_2G, SZ_4K);
	assert_int_equal(memblock_mark_mirror(SZ_1G, SZ_4K), 0);
	assert_false(memblock_has_mirror());
	assert_region(&memblock.memory, 0, SZ_1G, SZ_4K, MAX_NUMNODES, 0);

	mirrored_kernelcore = true;
	assert_int_equal(memblock_mark_mirror(SZ_1G, SZ_4K), 0);
	assert_true(memblock_has_mirror());
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_1G);
	assert_int_equal(logged_len, 0);
	assert_int_equal(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_2G);
	assert_non_null(strstr(logged, "Could not allocate 0x0000000000001000 bytes of mirrored"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comes_from_the_top_or_the_bottom, fresh_memblock),
		cmocka_unit_test_setup(stays_within_its_limits, fresh_memblock),
		cmocka_unit_test_setup(page_zero_is_never_given, fresh_memblock),
		cmocka_unit_test_setup(a_failure_reserves_nothing_and_says_so, fresh_memblock),
		cmocka_unit_test_setup(alignment_does_not_wrap_around_the_top, fresh_memblock),
		cmocka_unit_test_setup(without_alignment_is_a_cache_line_and_a_warning,
				       fresh_memblock),
		cmocka_unit_test_setup(falls_back_to_other_nodes_unless_exact, fresh_memblock),
		cmocka_unit_test_setup(leaves_nomap_hotplug_and_driver_memory_alone,
				       fresh_memblock),
		cmocka_unit_test_setup(a_block_does_not_straddle_unlike_regions, fresh_memblock),
		cmocka_unit_test_setup(the_lower_bound_of_a_pointer_is_a_wish, fresh_memblock),
		cmocka_unit_test_setup(nothing_is_given_after_the_hand_over, fresh_memblock),
		cmocka_unit_test_setup(mirrored_memory_is_preferred, fresh_memblock),
	};

	return cmocka_run_group_tests_name("memblock_alloc", tests, NULL, NULL);
}
