// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 16 */
/* Many pages at once: into the gaps of an array, onto a list, as many as there are. */
#include "page_world.h"

static void bulk_fills_the_gaps_of_an_array(void **state)
{
	struct page *array[40] = {NULL}, *mine;
	struct zone *zone = world_simple(4096);
	unsigned int i;

	world_add_pagesets(1, 8, 64);
	mine = alloc_page(GFP_KERNEL);
	array[0] = array[5] = array[6] = array[39] = mine;
	assert_int_equal(alloc_pages_bulk_array(GFP_KERNEL, 40, array), 40);
	for (i = 0; i < 40; i++) {
		assert_non_null(array[i]);
		assert_int_equal(page_count(array[i]), 1);
	}
	assert_ptr_equal(array[5], mine);
	assert_int_equal(alloc_pages_bulk_array(GFP_KERNEL, 40, array), 40);
	for (i = 0; i < 40; i++)
		if (array[i] != mine)
			__free_page(array[i]);
	__free_page(mine);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 4096);
	world_check();
}

static void bulk_onto_a_list_and_zeroed(void **state)
{
	struct page_list list = {0};
	struct zone *zone = world_simple(4096);
	unsigned int n = 0, seen[4096] = {0};
	u32 index;

	world_add_pagesets(1, 8, 64);
	memset(world_memory, 0x77, 200 * PAGE_SIZE);
	__free_page(alloc_page(GFP_KERNEL));
	assert_int_equal(alloc_pages_bulk_list(GFP_KERNEL | __GFP_ZERO, 100, &list), 100);
	for (index = list.first; index; index = page_from_index(index)->next) {
		struct page *page = page_from_index(index);

		assert_int_equal(*(char *)page_address(page), 0);
		assert_int_equal(page_count(page), 1);
		assert_int_equal(seen[page - world_page(0)]++, 0);
		n++;
	}
	assert_int_equal(n, 100);
	assert_int_equal(free_pages_of(zone) + (unsigned long)zone->pageset[0].count, 4096 - 100);
	world_check();
}

static void bulk_gives_less_when_there_is_less(void **state)
{
	struct page *array[100] = {NULL};
	struct zone *zone = world_simple(64);
	unsigned int i;

	world_add_pagesets(1, 4, 16);
	/* More than the zone has above its watermark: one at a time, as Linux does. */
	assert_int_equal(alloc_pages_bulk_array(GFP_NOWAIT, 100, array), 1);
	assert_int_equal(alloc_pages_bulk_array(GFP_NOWAIT, 50, array), 50);
	assert_int_equal(alloc_pages_bulk(GFP_NOWAIT, 0, NULL, 0, NULL, array), 50 * 0);
	assert_int_equal(alloc_pages_bulk(GFP_NOWAIT, 0, NULL, -3, NULL, array), 0);
	while (alloc_page(GFP_NOWAIT))
		;
	/* What this CPU has is given, below the watermark too. */
	for (i = 0; i < 3; i++)
		__free_page(array[i]);
	memset(array, 0, sizeof(array));
	assert_int_equal(zone->pageset[0].count, 3);
	assert_int_equal(alloc_pages_bulk_array(GFP_NOWAIT | __GFP_MOVABLE, 10, array), 3);
	memset(array, 0, sizeof(array));
	assert_int_equal(alloc_pages_bulk_array(GFP_NOWAIT, 10, array), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_fills_the_gaps_of_an_array),
		cmocka_unit_test(bulk_onto_a_list_and_zeroed),
		cmocka_unit_test(bulk_gives_less_when_there_is_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
