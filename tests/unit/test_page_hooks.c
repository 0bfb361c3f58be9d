// SPDX-License-Identifier: MIT
/* links: @buddy */
/* The debugging hooks: asked once a request, told of every block given out and taken back, by all ways. */
#include "page_world.h"

static unsigned long out, back, split, asked;
static bool fail;

static bool should_fail(gfp_t gfp, unsigned int order)
{
	asked++;
	return fail;
}

static void note_alloc(struct page *page, unsigned int order, gfp_t gfp)
{
	out += 1UL << order;
}

static void note_free(struct page *page, unsigned int order)
{
	assert_int_equal(page_ref_count(page), 0);
	back += 1UL << order;
}

static void note_split(struct page *page, unsigned int order)
{
	split += 1UL << order;
}

static const struct page_debug_ops ops = {
	.should_fail = should_fail,
	.alloc = note_alloc,
	.free = note_free,
	.split = note_split,
};

static struct zone *start(bool pagesets)
{
	struct zone *zone = world_simple(16384);

	if (pagesets)
		world_add_pagesets(2, 8, 64);
	out = back = split = asked = 0;
	fail = false;
	page_debug = &ops;
	return zone;
}

static int stop(void **state)
{
	page_debug = NULL;
	return 0;
}

static void every_block_of_every_order_is_told(void **state)
{
	unsigned int pagesets, order, round;

	for (pagesets = 0; pagesets < 2; pagesets++) {
		struct zone *zone = start(pagesets);
		unsigned long pages = 0;

		for (order = 0; order <= MAX_PAGE_ORDER; order++)
			for (round = 0; round < 3; round++) {
				struct page *page = alloc_pages(GFP_KERNEL, order);

				assert_non_null(page);
				pages += 1UL << order;
				assert_int_equal(out, pages);
				__free_pages(page, order);
				assert_int_equal(back, pages);
			}
		assert_int_equal(asked, 3 * NR_PAGE_ORDERS);
		drain_all_pages(NULL);
		assert_int_equal(free_pages_of(zone), 16384);
		world_check();
	}
}

static void bulk_pages_are_told_one_by_one(void **state)
{
	struct page *array[40] = {NULL};
	struct page_list list = {0};
	unsigned int i;

	start(true);
	assert_int_equal(alloc_pages_bulk_array(GFP_KERNEL, 40, array), 40);
	assert_int_equal(out, 40);
	for (i = 0; i < 40; i++)
		__free_page(array[i]);
	assert_int_equal(back, 40);
	assert_int_equal(alloc_pages_bulk_list(GFP_KERNEL, 10, &list), 10);
	assert_int_equal(out, 50);
	while (list.first) {
		struct page *page = page_from_index(list.first);

		page_list_del(&list, page);
		__free_page(page);
	}
	assert_int_equal(back, 50);
	world_check();
}

static void exact_pages_are_split_and_come_back_singly(void **state)
{
	void *p;

	start(true);
	p = alloc_pages_exact(5 * PAGE_SIZE, GFP_KERNEL);
	assert_non_null(p);
	assert_int_equal(out, 8);
	assert_int_equal(split, 8);
	assert_int_equal(back, 3);
	free_pages_exact(p, 5 * PAGE_SIZE);
	assert_int_equal(back, 8);
}

static void isolated_and_compound_pages_are_told(void **state)
{
	struct page *page, *compound;

	start(true);
	compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	page = alloc_page(GFP_KERNEL);
	put_page(compound);
	assert_int_equal(back, 4);
	set_pageblock_migratetype(page, MIGRATE_ISOLATE);
	__free_page(page);
	assert_int_equal(back, 5);
}

static void a_request_that_shall_fail_takes_nothing(void **state)
{
	struct page *array[4] = {NULL};
	struct zone *zone = start(true);

	fail = true;
	assert_null(alloc_pages(GFP_KERNEL, 0));
	assert_null(alloc_pages(GFP_KERNEL, 4));
	assert_int_equal(asked, 2);
	assert_int_equal(alloc_pages_bulk_array(GFP_KERNEL, 4, array), 0);
	assert_int_equal(out, 0);
	assert_int_equal(free_pages_of(zone), 16384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_block_of_every_order_is_told, stop),
		cmocka_unit_test_teardown(bulk_pages_are_told_one_by_one, stop),
		cmocka_unit_test_teardown(exact_pages_are_split_and_come_back_singly, stop),
		cmocka_unit_test_teardown(isolated_and_compound_pages_are_told, stop),
		cmocka_unit_test_teardown(a_request_that_shall_fail_takes_nothing, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
