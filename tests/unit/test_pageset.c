// SPDX-License-Identifier: MIT
/* links: @buddy */
/* Per-CPU lists: refill, order of use, giving back, draining, the lock that is not waited for. */
#include "page_world.h"

static struct zone *world_with_pagesets(unsigned long pages, unsigned int cpus, int batch, int high)
{
	struct zone *zone = world_simple(pages);

	world_add_pagesets(cpus, batch, high);
	return zone;
}

static void refill_takes_a_batch_and_counts_it_out_of_the_zone(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 7, 64);
	struct page *page = rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0);

	assert_non_null(page);
	assert_int_equal(zone->pageset[0].count, 6);
	assert_int_equal(free_pages_of(zone), 4096 - 7);
	world_check();
}

static void refills_in_a_row_double_up_to_what_high_allows(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 4, 64);
	static const int taken[] = {4, 8, 16, 32, 60, 60};
	unsigned int i;
	int k;

	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		unsigned long before = free_pages_of(zone);

		assert_non_null(rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0));
		assert_int_equal(before - free_pages_of(zone), taken[i]);
		for (k = 1; k < taken[i]; k++)
			assert_non_null(rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0));
		assert_int_equal(zone->pageset[0].count, 0);
	}
	world_check();
}

static void larger_orders_refill_fewer_blocks(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 31, 400);

	assert_non_null(rmqueue_pcplist(zone, 3, MIGRATE_MOVABLE, 0));
	/* 31 / 8 blocks, the one given less. */
	assert_int_equal(zone->pageset[0].count, 2 * 8);
	world_check();
}

static void a_pageset_of_high_zero_keeps_nothing(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 1, 0);
	struct page *page = rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0);

	assert_int_equal(zone->pageset[0].count, 0);
	set_page_counts(page, PAGE_COUNTS_FREE);
	free_unref_page(page, 0);
	assert_int_equal(zone->pageset[0].count, 0);
	assert_int_equal(free_pages_of(zone), 4096);
	world_check();
}

static void refill_gives_pages_in_order_of_address(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page *first = rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0);
	int i;

	for (i = 1; i < 8; i++)
		assert_ptr_equal(rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0), first + i);
}

static void page_freed_last_is_given_first(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page *a, *b;

	a = alloc_page(GFP_KERNEL);
	b = alloc_page(GFP_KERNEL);
	__free_page(a);
	__free_page(b);
	assert_ptr_equal(alloc_page(GFP_KERNEL), b);
	assert_ptr_equal(alloc_page(GFP_KERNEL), a);
	assert_int_equal(pageset_check(zone), 0);
}

static void excess_goes_back_a_batch_at_a_time_oldest_first(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 4, 12);
	struct page *p[12];
	int i;

	for (i = 0; i < 12; i++)
		p[i] = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0);
	for (i = 0; i < 11; i++)
		free_unref_page(p[i], 0);
	assert_int_equal(zone->pageset[0].count, 11);
	free_unref_page(p[11], 0);
	assert_int_equal(zone->pageset[0].count, 12 - 4);
	/* The four freed first are one block again. */
	assert_true(PageBuddy(p[0]));
	assert_int_equal(p[0]->order, 2);
	world_check();
}

static void drain_takes_all_orders_and_types_of_all_cpus(void **state)
{
	struct zone *zone = world_with_pagesets(16384, 2, 8, 4096);
	unsigned int order, mt;

	for (host_cpu = 0; host_cpu < 2; host_cpu++)
		for (mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			for (order = 0; order <= 3; order++) {
				struct page *page = rmqueue_pcplist(zone, order, mt, 0);

				assert_non_null(page);
				free_unref_page(page, order);
			}
	host_cpu = 0;
	world_check();
	assert_true(zone->pageset[1].count > 0);
	drain_local_pages(zone);
	assert_int_equal(zone->pageset[0].count, 0);
	assert_true(zone->pageset[1].count > 0);
	drain_all_pages(NULL);
	assert_int_equal(zone->pageset[1].count, 0);
	assert_int_equal(free_pages_of(zone), 16384);
	world_check();
}

static void page_goes_back_by_the_type_that_its_pageblock_has_then(void **state)
{
	struct zone *zone = world_with_pagesets(4 * pageblock_nr_pages, 1, 8, 64);
	struct page *page = rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0);

	free_unref_page(page, 0);
	move_freepages_block(zone, page, MIGRATE_MOVABLE, MIGRATE_CMA);
	drain_all_pages(zone);
	assert_true(zone->vm_stat[NR_FREE_CMA_PAGES] > 0);
	world_check();
}

static void cma_and_atomic_pages_are_held_as_movable_ones(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page *page = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0);
	struct page *other = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0);

	free_unref_page(other, 0);
	move_freepages_block(zone, page, MIGRATE_MOVABLE, MIGRATE_HIGHATOMIC);
	free_unref_page(page, 0);
	assert_ptr_equal(page_list_first(&zone->pageset[0].lists[MIGRATE_MOVABLE]), page);
	drain_all_pages(zone);
	world_check();
}

static void isolated_page_is_not_held(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page *page = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0);

	assert_true(move_freepages_block_isolate(zone, page, MIGRATE_ISOLATE));
	free_unref_page(page, 0);
	assert_int_equal(zone->pageset[0].count, 0);
	assert_int_equal(nr_blocks(zone, pageblock_order, MIGRATE_ISOLATE), 1);
	world_check();
}

/* An interrupt that comes while its CPU uses the lists finds the lock taken. */
static void who_finds_the_lock_taken_goes_to_the_free_lists(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page *page;

	page = alloc_page(GFP_KERNEL);
	assert_true(local_trylock(&zone->pageset[0].lock));
	assert_null(rmqueue_pcplist(zone, 0, MIGRATE_UNMOVABLE, 0));
	__free_page(page);
	page = alloc_page(GFP_ATOMIC);
	assert_non_null(page);
	assert_int_equal(zone->pageset[0].lock.busy, 1);
	local_unlock(&zone->pageset[0].lock);
	__free_page(page);
	world_check();
}

static void large_block_freed_last_is_given_first(void **state)
{
	unsigned int order;

	for (order = 4; order <= MAX_PAGE_ORDER; order++) {
		struct zone *zone = world_with_pagesets(16 * MAX_ORDER_NR_PAGES, 1, 8, 64);
		struct page *a, *b;

		zone->pageset[0].large_max = 1 << order;
		a = alloc_pages(GFP_KERNEL, order);
		b = alloc_pages(GFP_KERNEL, order);
		__free_pages(a, order);
		assert_int_equal(zone->pageset[0].large, 1 << order);
		/* There is room for one: the older goes. */
		__free_pages(b, order);
		assert_int_equal(zone->pageset[0].large, 1 << order);
		world_check();
		assert_ptr_equal(alloc_pages(GFP_KERNEL, order), b);
		assert_int_equal(zone->pageset[0].large, 0);
		__free_pages(b, order);
		drain_all_pages(zone);
		assert_int_equal(zone->pageset[0].large, 0);
		assert_int_equal(free_pages_of(zone), 16 * MAX_ORDER_NR_PAGES);
		world_check();
	}
}

static void large_block_with_an_isolated_pageblock_is_not_held(void **state)
{
	struct zone *zone = world_with_pagesets(16 * MAX_ORDER_NR_PAGES, 1, 8, 64);
	unsigned long part;

	zone->pageset[0].large_max = (int)MAX_ORDER_NR_PAGES;
	for (part = 0; part < MAX_ORDER_NR_PAGES; part += pageblock_nr_pages) {
		struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE, MAX_PAGE_ORDER);

		assert_true(move_freepages_block_isolate(zone, page + part, MIGRATE_ISOLATE));
		__free_pages(page, MAX_PAGE_ORDER);
		assert_int_equal(zone->pageset[0].large, 0);
		world_check();
	}
}

/* A pageblock of it is isolated while the CPU holds it: the drain that follows sees each part's own type. */
static void large_block_goes_back_by_its_pageblocks_types(void **state)
{
	struct zone *zone = world_with_pagesets(16 * MAX_ORDER_NR_PAGES, 1, 8, 64);
	struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE, MAX_PAGE_ORDER);
	unsigned long last = MAX_ORDER_NR_PAGES - pageblock_nr_pages;

	zone->pageset[0].large_max = (int)MAX_ORDER_NR_PAGES;
	__free_pages(page, MAX_PAGE_ORDER);
	assert_int_equal(zone->pageset[0].large, MAX_ORDER_NR_PAGES);
	assert_true(move_freepages_block_isolate(zone, page + last, MIGRATE_ISOLATE));
	drain_all_pages(zone);
	assert_int_equal(free_pages_of(zone), 16 * MAX_ORDER_NR_PAGES - pageblock_nr_pages);
	world_check();
}

static void setup_gives_every_zone_its_sets(void **state)
{
	struct zone *zone = world_simple(4096);
	unsigned int cpu;

	nr_cpus_possible = 3;
	zone->pageset_batch = 5;
	zone->pageset_high_min = 40;
	zone->pageset_high_max = 80;
	setup_per_cpu_pageset();
	assert_non_null(zone->pageset);
	assert_int_equal((uintptr_t)zone->pageset % L1_CACHE_BYTES, 0);
	for (cpu = 0; cpu < 3; cpu++) {
		assert_int_equal(zone->pageset[cpu].batch, 5);
		assert_int_equal(zone->pageset[cpu].high_min, 40);
		assert_int_equal(zone->pageset[cpu].high, 40);
		assert_int_equal(zone->pageset[cpu].count, 0);
	}
	assert_non_null(alloc_page(GFP_KERNEL));
	assert_int_equal(zone->pageset[0].count, 4);
	world_check();
}

static void setup_without_memory_panics(void **state)
{
	struct zone *zone = world_simple(4);

	zone->vm_stat[NR_FREE_PAGES] = 0;
	expect_assert_failure(setup_per_cpu_pageset());
}

static void check_finds_what_is_broken(void **state)
{
	struct zone *zone = world_with_pagesets(4096, 1, 8, 64);
	struct page_list *list = &zone->pageset[0].lists[MIGRATE_MOVABLE];
	struct page *page, saved;

	rmqueue_pcplist(zone, 0, MIGRATE_MOVABLE, 0);
	page = page_from_index(page_list_first(list)->next);
	saved = *page;
#define BROKEN(change, undo)                                                                       \
	change;                                                                                    \
	assert_true(pageset_check(zone) > 0);                                                      \
	undo;                                                                                      \
	assert_int_equal(pageset_check(zone), 0)
	BROKEN(page->_refcount = 1, *page = saved);
	BROKEN(page->flags |= 1, *page = saved);
	BROKEN(page->prev = 0, *page = saved);
	BROKEN(page->next = list->first, *page = saved);
	BROKEN(zone->pageset[0].count++, zone->pageset[0].count--);
	BROKEN(list->last--, list->last++);
#undef BROKEN
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refill_takes_a_batch_and_counts_it_out_of_the_zone),
		cmocka_unit_test(refills_in_a_row_double_up_to_what_high_allows),
		cmocka_unit_test(larger_orders_refill_fewer_blocks),
		cmocka_unit_test(a_pageset_of_high_zero_keeps_nothing),
		cmocka_unit_test(refill_gives_pages_in_order_of_address),
		cmocka_unit_test(page_freed_last_is_given_first),
		cmocka_unit_test(excess_goes_back_a_batch_at_a_time_oldest_first),
		cmocka_unit_test(drain_takes_all_orders_and_types_of_all_cpus),
		cmocka_unit_test(page_goes_back_by_the_type_that_its_pageblock_has_then),
		cmocka_unit_test(cma_and_atomic_pages_are_held_as_movable_ones),
		cmocka_unit_test(isolated_page_is_not_held),
		cmocka_unit_test(who_finds_the_lock_taken_goes_to_the_free_lists),
		cmocka_unit_test(large_block_freed_last_is_given_first),
		cmocka_unit_test(large_block_with_an_isolated_pageblock_is_not_held),
		cmocka_unit_test(large_block_goes_back_by_its_pageblocks_types),
		cmocka_unit_test(setup_gives_every_zone_its_sets),
		cmocka_unit_test(setup_without_memory_panics),
		cmocka_unit_test(check_finds_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
