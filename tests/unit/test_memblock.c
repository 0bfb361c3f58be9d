/* SPDX-License-Identifier: MIT */
/* links: @memblock lib/vsprintf.c lib/string.c */
/*
 * memblock's arrays and ranges, where Linux's own tests (make test-linux-memblock) do not look: growth before and after
 * memblock_allow_resize(), many regions, the top of the address space, events, and the log.
 */
#include "memblock_fixture.h"

#define SPARE MEMBLOCK_SPARE_REGIONS

/* Region i of many that do not touch. */
#define AT(i) (SZ_1G + (phys_addr_t)(i)*SZ_64K)

static u8 backing[16 << 20] __aligned(65536);

/* [base, base + sizeof(backing)) is real memory. */
static void back(phys_addr_t base)
{
	physvirt_offset = (s64)((u64)(unsigned long)backing - base);
}

static void starts_with_the_sizes_of_arm64(void **state)
{
	assert_int_equal(memblock.memory.max, 1024);
	assert_int_equal(memblock.reserved.max, 128 + NR_CPUS + 1);
	assert_int_equal(memblock_check(), 0);
}

/* ------------------------------------------------------------------ before memblock_allow_resize() */

static void grows_into_the_spare_before_resize_is_allowed(void **state)
{
	unsigned long i;
	size_t size;
	void *spare;

	assert_true(memblock_unused_spare(0, &spare, &size));
	assert_true((unsigned long)spare % PAGE_SIZE == 0 && size % PAGE_SIZE == 0 && size);
	for (i = 0; i < 1024; i++)
		assert_int_equal(memblock_add(AT(i), SZ_4K), 0);
	assert_int_equal(memblock.memory.max, 1024);
	assert_int_equal(memblock_add(AT(1024), SZ_4K), 0);
	assert_int_equal(memblock.memory.max, SPARE);
	assert_int_equal(memblock.memory.cnt, 1025);
	for (i = 0; i <= 1024; i++)
		assert_region(&memblock.memory, i, AT(i), SZ_4K, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
	assert_int_equal(memblock.reserved.cnt, 0);
	assert_false(memblock_unused_spare(0, &spare, &size));
	assert_true(memblock_unused_spare(1, &spare, &size));
	assert_false(memblock_unused_spare(2, &spare, &size));
}

static void ten_thousand_regions_in_any_order(void **state)
{
	const u32 *order = shuffled(10000);
	unsigned long i;

	for (i = 0; i < 10000; i++) {
		assert_int_equal(
			memblock_add_node(AT(order[i]), SZ_32M >> 10, (int)(order[i] % 3), 0), 0);
		assert_int_equal(memblock_reserve(AT(order[i]), SZ_4K), 0);
	}
	assert_int_equal(memblock.memory.cnt, 10000);
	assert_int_equal(memblock.reserved.cnt, 10000);
	assert_int_equal(memblock_check(), 0);
	for (i = 0; i < 10000; i++)
		assert_region(&memblock.memory, i, AT(i), SZ_32M >> 10, (int)(i % 3), 0);

	order = shuffled(10000);
	for (i = 0; i < 10000; i++) {
		assert_int_equal(memblock_phys_free(AT(order[i]), SZ_4K), 0);
		assert_false(memblock_is_reserved(AT(order[i])));
		if (i % 997 == 0)
			assert_int_equal(memblock_check(), 0);
	}
	assert_int_equal(memblock.reserved.cnt, 0);
	assert_int_equal(memblock_reserved_size(), 0);
	assert_int_equal(memblock_remove(0, PHYS_ADDR_MAX), 0);
	assert_int_equal(memblock.memory.cnt, 0);
	assert_int_equal(memblock_check(), 0);
}

/* Descending, then all gaps filled: every insertion is at the front, then every one merges. */
static void filling_the_gaps_leaves_one_region(void **state)
{
	unsigned long i;

	for (i = 5000; i--;)
		assert_int_equal(memblock_reserve(AT(i), SZ_4K), 0);
	assert_int_equal(memblock.reserved.cnt, 5000);
	assert_int_equal(memblock_check(), 0);
	assert_int_equal(memblock_reserve(AT(0), AT(5000) - AT(0)), 0);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_region(&memblock.reserved, 0, AT(0), AT(5000) - AT(0), MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
}

static void a_full_spare_refuses_and_changes_nothing(void **state)
{
	struct memblock_type *memory = &memblock.memory;
	phys_addr_t total;
	unsigned long i;

	for (i = 0; i < SPARE; i++)
		assert_int_equal(memblock_add(AT(i), 3 * SZ_4K), 0);
	assert_int_equal(memory->cnt, SPARE);
	total = memory->total_size;
	assert_int_equal(logged_len, 0);

	assert_int_equal(memblock_add(AT(SPARE), SZ_4K), -ENOMEM);
	assert_non_null(strstr(logged, "memblock: Failed to double memory array from 12288 to"));
	/* Cutting the middle out would need one more; so would a flag on the middle. */
	assert_int_equal(memblock_remove(AT(7) + SZ_4K, SZ_4K), -ENOMEM);
	assert_int_equal(memblock_mark_nomap(AT(7) + SZ_4K, SZ_4K), -ENOMEM);
	assert_int_equal(memory->cnt, SPARE);
	assert_int_equal(memory->total_size, total);
	for (i = 0; i < SPARE; i++)
		assert_region(memory, i, AT(i), 3 * SZ_4K, MAX_NUMNODES, 0);

	/* What needs no room still works. */
	assert_int_equal(memblock_add(AT(7) + 3 * SZ_4K, SZ_4K), 0);
	assert_region(memory, 7, AT(7), 4 * SZ_4K, MAX_NUMNODES, 0);
	assert_int_equal(memblock_remove(AT(7), SZ_4K), 0);
	assert_region(memory, 7, AT(7) + SZ_4K, 3 * SZ_4K, MAX_NUMNODES, 0);
	assert_int_equal(memblock_mark_nomap(AT(9), 3 * SZ_4K), 0);
	assert_region(memory, 9, AT(9), 3 * SZ_4K, MAX_NUMNODES, MEMBLOCK_NOMAP);
	assert_int_equal(memblock_check(), 0);
}

/* ------------------------------------------------------------------ ranges */

/*
 *   reserved   | 1 |   | 2 |      | 3 |
 *   add          |----------------|        cut in the middle of 1 and 3
 */
static void a_range_over_many_becomes_one(void **state)
{
	memblock_reserve(0x1000, 0x1000);
	memblock_reserve(0x4000, 0x1000);
	memblock_reserve(0x8000, 0x1000);
	memblock_reserve(0x1800, 0x7000);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_region(&memblock.reserved, 0, 0x1000, 0x8000, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
}

/*
 *   memory      | node 1 |      | NOMAP |     | node 2 |
 *   add      |----------------- node 2 ---------------------|
 */
static void what_is_there_keeps_its_node_and_flags(void **state)
{
	memblock_add_node(0x10000, 0x1000, 1, 0);
	memblock_add_node(0x20000, 0x1000, 2, MEMBLOCK_NONE);
	memblock_mark_nomap(0x20000, 0x1000);
	memblock_add_node(0x30000, 0x1000, 2, 0);
	assert_int_equal(memblock_add_node(0x8000, 0x30000, 2, 0), 0);

	assert_int_equal(memblock.memory.cnt, 5);
	assert_region(&memblock.memory, 0, 0x8000, 0x8000, 2, 0);
	assert_region(&memblock.memory, 1, 0x10000, 0x1000, 1, 0);
	assert_region(&memblock.memory, 2, 0x11000, 0xf000, 2, 0);
	assert_region(&memblock.memory, 3, 0x20000, 0x1000, 2, MEMBLOCK_NOMAP);
	assert_region(&memblock.memory, 4, 0x21000, 0x17000, 2, 0);
	assert_int_equal(memblock.memory.total_size, 0x30000);
	assert_int_equal(memblock_check(), 0);
	assert_non_null(strstr(logged, "WARNING"));
}

static void a_range_is_cut_at_the_top_of_the_address_space(void **state)
{
	const phys_addr_t top = PHYS_ADDR_MAX;

	assert_int_equal(memblock_add(top - 0xfff, 0x1000), 0);
	assert_region(&memblock.memory, 0, top - 0xfff, 0xfff, MAX_NUMNODES, 0);
	assert_int_equal(memblock_reserve(top - 0x1fff, PHYS_ADDR_MAX), 0);
	assert_region(&memblock.reserved, 0, top - 0x1fff, 0x1fff, MAX_NUMNODES, 0);
	assert_int_equal(memblock_add(top, 0x1000), 0);
	assert_int_equal(memblock.memory.cnt, 1);
	assert_false(memblock_is_memory(top));
	assert_true(memblock_is_memory(top - 1));
	assert_true(memblock_is_region_reserved(top - 1, PHYS_ADDR_MAX));
	assert_int_equal(memblock_phys_free(top - 0xfff, PHYS_ADDR_MAX), 0);
	assert_region(&memblock.reserved, 0, top - 0x1fff, 0x1000, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
}

static void an_empty_range_changes_nothing(void **state)
{
	memblock_add(0x1000, 0x1000);
	assert_int_equal(memblock_add(0x5000, 0), 0);
	assert_int_equal(memblock_remove(0x1800, 0), 0);
	assert_int_equal(memblock_mark_nomap(0x1800, 0), 0);
	assert_int_equal(memblock_set_node(0x1800, 0, &memblock.memory, 1), 0);
	assert_int_equal(memblock.memory.cnt, 1);
	assert_region(&memblock.memory, 0, 0x1000, 0x1000, MAX_NUMNODES, 0);
}

static void removing_the_last_region_leaves_an_empty_one(void **state)
{
	memblock_add_node(0x1000, 0x1000, 3, MEMBLOCK_HOTPLUG);
	memblock_remove(0, PHYS_ADDR_MAX);
	assert_int_equal(memblock.memory.cnt, 0);
	assert_int_equal(memblock.memory.regions[0].size, 0);
	assert_int_equal(memblock.memory.regions[0].flags, 0);
	assert_int_equal(memblock_start_of_DRAM(), 0);
	assert_int_equal(memblock_end_of_DRAM(), 0);
}

/* ------------------------------------------------------------------ events and log */

static void every_operation_is_an_event_with_its_caller(void **state)
{
	static const enum event_op ops[] = {
		EVENT_ADD,   EVENT_ADD,	     EVENT_RESERVE,	EVENT_MARK,
		EVENT_CLEAR, EVENT_SET_NODE, EVENT_ALLOC,	EVENT_RESERVE,
		EVENT_FREE,  EVENT_REMOVE,   EVENT_PHYSMEM_ADD,
	};
	phys_addr_t found;
	unsigned int i;

	memblock_add_node(SZ_1G, SZ_16M, 1, MEMBLOCK_HOTPLUG);
	memblock_add(SZ_2G, SZ_16M);
	memblock_reserve(SZ_1G, SZ_4K);
	memblock_mark_nomap(SZ_2G, SZ_4K);
	memblock_clear_nomap(SZ_2G, SZ_4K);
	memblock_set_node(SZ_2G, SZ_16M, &memblock.memory, 0);
	found = memblock_phys_alloc_range(SZ_4K, SZ_64K, SZ_1M, SZ_4G);
	memblock_phys_free(found, SZ_4K);
	memblock_remove(SZ_1G, SZ_16M);
	memblock_physmem_add(SZ_1G, SZ_16M);

	assert_int_equal(event_log.nr, ARRAY_SIZE(ops));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		assert_int_equal(event_log.events[i].op, ops[i]);
		assert_true(event_log.events[i].ip != 0);
	}
	assert_int_equal(event_log.events[0].nid, 1);
	assert_int_equal(event_log.events[0].flags, MEMBLOCK_HOTPLUG);
	assert_int_equal(event_log.events[3].flags, MEMBLOCK_NOMAP);
	/* The request knows what it was given; the reservation that it led to comes after. */
	assert_int_equal(event_log.events[6].base, SZ_2G + SZ_16M - SZ_64K);
	assert_int_equal(event_log.events[6].size, SZ_4K);
	assert_int_equal(event_log.events[6].align, SZ_64K);
	assert_int_equal(event_log.events[6].min, SZ_1M);
	assert_int_equal(event_log.events[6].max, SZ_4G);
	assert_int_equal(event_log.events[7].base, found);

	memblock_record_events = false;
	memblock_reserve(SZ_1G, SZ_4K);
	memblock_phys_alloc(SZ_4K, SZ_4K);
	assert_int_equal(event_log.nr, ARRAY_SIZE(ops));
}

/* As a boot of Linux with memblock=debug prints them; the caller is whatever %pS makes of it. */
static void debug_lines_are_those_of_linux(void **state)
{
	static const char *const lines[] = {
		"memblock_add: [0x0000000040000000-0x000000007fffffff] ",
		"memblock_add_node: [0x0000000080000000-0x0000000080ffffff] nid=1 flags=1 ",
		"memblock_reserve: [0x0000000044000000-0x000000004400570f] ",
		"memblock_remove: [0x0001000000000000-0x0000fffffffffffe] ",
		"memblock_phys_alloc_range: 4096 bytes align=0x1000 from=0x0000000000000000 "
		"max_addr=0x0000000000000001 ",
		"memblock_reserve: [0x0000000080fff000-0x0000000080ffffff] ",
		"memblock_phys_free: [0x0000000080fff000-0x0000000080ffffff] ",
	};
	const char *p = logged;
	unsigned int i;

	memblock_set_debug(true);
	memblock_add(SZ_1G, SZ_1G);
	memblock_add_node(SZ_2G, SZ_16M, 1, MEMBLOCK_HOTPLUG);
	memblock_reserve(0x44000000, 0x5710);
	memblock_remove(1UL << 48, PHYS_ADDR_MAX);
	assert_int_equal(memblock_phys_alloc_range(SZ_4K, SZ_4K, 0, MEMBLOCK_ALLOC_NOLEAKTRACE),
			 0x80fff000);
	memblock_phys_free(0x80fff000, SZ_4K);

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_memory_equal(p, lines[i], strlen(lines[i]));
		p = strchr(p, '\n');
		assert_non_null(p);
		p++;
	}
	assert_int_equal(*p, 0);
}

/* ------------------------------------------------------------------ after memblock_allow_resize() */

static void doubles_into_memory_that_it_reserves(void **state)
{
	unsigned long i, max = memblock.reserved.max;
	phys_addr_t size = PAGE_ALIGN(2 * max * sizeof(struct memblock_region));

	memblock_allow_resize();
	back(SZ_1G);
	memblock_add(SZ_1G, sizeof(backing));
	for (i = 0; i < max; i++)
		memblock_reserve(SZ_4G + i * SZ_64K, SZ_4K);
	assert_int_equal(memblock.reserved.max, max);
	memblock_set_debug(true);
	assert_int_equal(memblock_reserve(SZ_2G, SZ_4K), 0);
	assert_non_null(strstr(logged, "memblock: reserved is doubled to 770 at [0x"));

	assert_int_equal(memblock.reserved.max, 2 * max);
	assert_int_equal(memblock.reserved.cnt, max + 2);
	assert_region(&memblock.reserved, 0, SZ_1G + sizeof(backing) - size, size, MAX_NUMNODES, 0);
	assert_true((u8 *)memblock.reserved.regions >= backing + sizeof(backing) - size);
	assert_int_equal(memblock_check(), 0);

	/* Doubled again, the old array is free again. */
	memblock_set_debug(false);
	for (i = 0; i < max; i++)
		memblock_reserve(SZ_8M * 1024 + i * SZ_64K, SZ_4K);
	assert_int_equal(memblock.reserved.max, 4 * max);
	assert_false(memblock_is_reserved(SZ_1G + sizeof(backing) - size));
	assert_int_equal(memblock_check(), 0);
}

/* A full array, and all memory below the end of what is to be reserved: there is no place for another array. */
static void an_array_is_never_put_where_the_reservation_goes(void **state)
{
	unsigned long i;

	memblock_allow_resize();
	back(0);
	memblock_add(0, SZ_16M);
	for (i = 0; i < memblock.reserved.max; i++)
		memblock_reserve(SZ_4G + i * SZ_64K, SZ_4K);
	assert_int_equal(memblock_reserve(0, SZ_16M), 0);
	/* Not into memory: into the spare. */
	assert_int_equal(memblock.reserved.max, SPARE);
	assert_region(&memblock.reserved, 0, 0, SZ_16M, MAX_NUMNODES, 0);
	assert_int_equal(memblock_check(), 0);
}

/* Memory's array is full and the range that goes is the only free memory. */
static void an_array_is_never_put_in_memory_that_goes(void **state)
{
	unsigned long i;

	memblock_allow_resize();
	back(SZ_1G);
	memblock_add(SZ_1G, SZ_16M);
	memblock_reserve(SZ_1G, SZ_4M);
	for (i = 0; i < 1023; i++)
		memblock_add(SZ_4G + i * SZ_64K, SZ_4K);
	memblock_reserve(SZ_4G, SZ_1G);
	assert_int_equal(memblock.memory.cnt, memblock.memory.max);

	assert_int_equal(memblock_remove(SZ_1G + SZ_4M, SZ_8M), 0);
	assert_region(&memblock.memory, 0, SZ_1G, SZ_4M, MAX_NUMNODES, 0);
	assert_region(&memblock.memory, 1, SZ_1G + 3 * SZ_4M, SZ_4M, MAX_NUMNODES, 0);
	assert_int_equal(memblock.memory.cnt, 1025);
	assert_false(memblock_is_region_reserved(SZ_1G + SZ_4M, SZ_8M));
	assert_int_equal(memblock_check(), 0);
}

static void a_hundred_thousand_random_operations_keep_the_promises(void **state)
{
	static bool taken[60003];
	unsigned long i, j, page, n;
	bool reserve;

	memblock_allow_resize();
	back(SZ_1G);
	memblock_record_events = false;
	memblock_add(SZ_1G, sizeof(backing));
	for (i = 0; i < 100000; i++) {
		page = test_random() % 60000;
		n = 1 + test_random() % 3;
		reserve = test_random() % 5 < 3;
		if (reserve)
			assert_int_equal(memblock_reserve(SZ_4G + page * SZ_4K, n * SZ_4K), 0);
		else
			assert_int_equal(memblock_phys_free(SZ_4G + page * SZ_4K, n * SZ_4K), 0);
		for (j = page; j < page + n; j++)
			taken[j] = reserve;
		if (i % 5000)
			continue;
		assert_int_equal(memblock_check(), 0);
		for (j = 0; j < ARRAY_SIZE(taken); j++)
			assert_true(memblock_is_reserved(SZ_4G + j * SZ_4K) == taken[j]);
	}
	assert_true(memblock.reserved.cnt > 5000);
}

/* After the hand-over the page allocator reads the regions: they must stay as they are. */
static void nothing_changes_after_the_hand_over(void **state)
{
	(void)state;
	memblock_add(0, SZ_1G);
	memblock_reserve(SZ_1M, SZ_1M);
	memblock_closed = true;
	assert_int_equal(memblock_add(SZ_2G, SZ_1M), -EBUSY);
	assert_int_equal(memblock_remove(0, SZ_1M), -EBUSY);
	assert_int_equal(memblock_reserve(SZ_4M, SZ_1M), -EBUSY);
	assert_int_equal(memblock_phys_free(SZ_1M, SZ_1M), -EBUSY);
	assert_int_equal(memblock_mark_nomap(0, SZ_1M), -EBUSY);
	memblock_closed = false;
	assert_int_equal(memblock.memory.cnt, 1);
	assert_int_equal(memblock.memory.total_size, SZ_1G);
	assert_int_equal(memblock.memory.regions[0].flags, 0);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_int_equal(memblock.reserved.regions[0].base, SZ_1M);
	assert_int_equal(memblock_check(), 0);
}

int main(void)
{
	/* In this order: once allowed, resizing cannot be forbidden again. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_changes_after_the_hand_over, fresh_memblock),
		cmocka_unit_test_setup(starts_with_the_sizes_of_arm64, fresh_memblock),
		cmocka_unit_test_setup(grows_into_the_spare_before_resize_is_allowed,
				       fresh_memblock),
		cmocka_unit_test_setup(ten_thousand_regions_in_any_order, fresh_memblock),
		cmocka_unit_test_setup(filling_the_gaps_leaves_one_region, fresh_memblock),
		cmocka_unit_test_setup(a_full_spare_refuses_and_changes_nothing, fresh_memblock),
		cmocka_unit_test_setup(a_range_over_many_becomes_one, fresh_memblock),
		cmocka_unit_test_setup(what_is_there_keeps_its_node_and_flags, fresh_memblock),
		cmocka_unit_test_setup(a_range_is_cut_at_the_top_of_the_address_space,
				       fresh_memblock),
		cmocka_unit_test_setup(an_empty_range_changes_nothing, fresh_memblock),
		cmocka_unit_test_setup(removing_the_last_region_leaves_an_empty_one,
				       fresh_memblock),
		cmocka_unit_test_setup(every_operation_is_an_event_with_its_caller, fresh_memblock),
		cmocka_unit_test_setup(debug_lines_are_those_of_linux, fresh_memblock),
		cmocka_unit_test_setup(doubles_into_memory_that_it_reserves, fresh_memblock),
		cmocka_unit_test_setup(an_array_is_never_put_where_the_reservation_goes,
				       fresh_memblock),
		cmocka_unit_test_setup(an_array_is_never_put_in_memory_that_goes, fresh_memblock),
		cmocka_unit_test_setup(a_hundred_thousand_random_operations_keep_the_promises,
				       fresh_memblock),
	};

	return cmocka_run_group_tests_name("memblock", tests, NULL, NULL);
}
