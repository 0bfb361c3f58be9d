// SPDX-License-Identifier: MIT
/* links: mm/page/buddy.c mm/page/buddy_check.c mm/page/fallback.c mm/page/pageset.c mm/page/alloc.c mm/page/free.c mm/page/bulk.c mm/page/complain.c */
/* granules: 12 16 */
/* Many pages at once: arrays that nobody has written yet are filled, and references are dropped as one by one. */
#include "page_world.h"

#define N 96U

static char log_text[8192];
static size_t log_len;

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(log_text + log_len, sizeof(log_text) - log_len,
		      fmt[0] == KERN_SOH[0] ? fmt + 2 : fmt, args);
	va_end(args);
	log_len = min(log_len + (size_t)n, sizeof(log_text) - 1);
	return n;
}

static int start(void **state)
{
	log_len = 0;
	log_text[0] = '\0';
	return 0;
}

/* Pages of the zone that somebody has: neither free nor in a CPU's list. */
static unsigned long used_pages(const struct zone *zone)
{
	return zone->managed_pages - free_pages_of(zone) - (unsigned long)zone->pageset[0].count -
	       (unsigned long)zone->pageset[1].count;
}

static struct zone *world(int batch, int high)
{
	struct zone *zone = world_simple(4096);

	world_add_pagesets(2, batch, high);
	host_cpu = 0;
	return zone;
}

static void fill_distinct(struct page **array, unsigned int n)
{
	unsigned int i, j;

	memset(array, 0xa5, n * sizeof(*array));
	assert_int_equal(alloc_pages_fill(GFP_KERNEL, NUMA_NO_NODE, n, array), n);
	for (i = 0; i < n; i++) {
		assert_int_equal(page_count(array[i]), 1);
		for (j = 0; j < i; j++)
			assert_ptr_not_equal(array[i], array[j]);
	}
}

static void an_array_is_filled_whatever_is_in_it(void **state)
{
	struct page *array[N];
	struct zone *zone = world(8, 64);

	/* From the free lists, and then from what the CPU has and the free lists. */
	fill_distinct(array, N);
	assert_int_equal(used_pages(zone), N);
	release_pages(array, N);
	assert_true(zone->pageset[0].count > 0);
	fill_distinct(array, N);
	assert_int_equal(used_pages(zone), N);
	assert_int_equal(alloc_pages_fill(GFP_KERNEL, 0, 0, array), 0);
	assert_int_equal(alloc_pages_fill(GFP_KERNEL, 0, 0, NULL), 0);
	release_pages(array, N);
	assert_int_equal(used_pages(zone), 0);
	world_check();
}

static void a_filled_arrays_pages_are_cleared_on_request(void **state)
{
	struct page *array[N];
	unsigned int i;

	world(8, 64);
	memset(world_memory, 0x77, 4096 * PAGE_SIZE);
	__free_page(alloc_page(GFP_KERNEL));
	assert_int_equal(alloc_pages_fill(GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE, N, array), N);
	for (i = 0; i < N * PAGE_SIZE; i += 61)
		assert_int_equal(((char *)page_address(array[i / PAGE_SIZE]))[i % PAGE_SIZE], 0);
	release_pages(array, N);
	world_check();
}

static void less_than_asked_for_is_said(void **state)
{
	struct page *array[128];
	struct zone *zone = world_simple(64);
	unsigned long got, all = 0;

	world_add_pagesets(2, 4, 16);
	while ((got = alloc_pages_fill(GFP_NOWAIT, NUMA_NO_NODE, 128 - all, array + all)))
		all += got;
	assert_true(all > 0 && all <= 64);
	assert_int_equal(used_pages(zone), all);
	release_pages(array, (int)all);
	assert_int_equal(used_pages(zone), 0);
	world_check();
}

static void pages_go_to_the_cpus_list_up_to_its_limit(void **state)
{
	struct page *array[N];
	struct zone *zone = world(8, 24);

	fill_distinct(array, N);
	release_pages(array, 20);
	assert_int_equal(zone->pageset[0].count, 20);
	assert_ptr_equal(page_from_index(zone->pageset[0].lists[MIGRATE_UNMOVABLE].first),
			 array[19]);
	release_pages(array + 20, N - 20);
	assert_true(zone->pageset[0].count < 24);
	assert_int_equal(used_pages(zone), 0);
	world_check();
	/* Nothing stays locked. */
	assert_int_equal(zone->pageset[0].lock.busy, 0);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 4096);
	assert_int_equal(log_len, 0);
}

static void a_page_that_has_another_reference_stays(void **state)
{
	struct page *array[N];
	struct zone *zone = world(8, 256);

	fill_distinct(array, N);
	get_page(array[7]);
	release_pages(array, N);
	assert_int_equal(used_pages(zone), 1);
	assert_int_equal(page_count(array[7]), 1);
	release_pages(array + 7, 1);
	assert_int_equal(used_pages(zone), 0);
	world_check();
	assert_int_equal(log_len, 0);
}

static void a_compound_page_goes_as_a_whole_by_any_of_its_pages(void **state)
{
	struct page *array[5], *head;
	struct zone *zone = world(8, 256);

	fill_distinct(array, 2);
	head = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);
	get_page(head);
	array[2] = head + 5;
	array[3] = array[1];
	array[1] = head;
	array[4] = alloc_page(GFP_KERNEL);
	assert_int_equal(used_pages(zone), 8 + 3);
	release_pages(array, 5);
	assert_int_equal(used_pages(zone), 0);
	assert_int_equal(log_len, 0);
	world_check();
}

static void a_page_still_in_use_is_reported_and_kept(void **state)
{
	struct page *array[N];
	struct zone *zone = world(8, 256);

	fill_distinct(array, N);
	array[3]->word = 0x1000;
	array[50]->_mapcount = 0;
	release_pages(array, N);
	assert_int_equal(used_pages(zone), 2);
	assert_non_null(strstr(log_text, "non-NULL mapping"));
	assert_non_null(strstr(log_text, "nonzero mapcount"));
	/* Flags of contents are no reason to complain. */
	log_len = 0;
	array[0] = alloc_page(GFP_KERNEL);
	__SetPageReferenced(array[0]);
	release_pages(array, 1);
	assert_int_equal(used_pages(zone), 2);
	assert_int_equal(log_len, 0);
}

static void a_page_given_back_twice_is_reported(void **state)
{
	struct page *array[3];
	struct zone *zone = world(8, 256);

	fill_distinct(array, 2);
	array[2] = array[0];
	release_pages(array, 3);
	assert_non_null(strstr(log_text, "freed without a reference"));
	assert_int_equal(used_pages(zone), 0);
	world_check();
}

static void pages_of_two_zones_and_of_isolated_blocks_go_where_they_belong(void **state)
{
	struct page *array[40];
	struct zone *low, *high;
	unsigned int i;

	world_init(1);
	low = world_add_zone(0, ZONE_DMA32, 0, 4096, true);
	high = world_add_zone(0, ZONE_NORMAL, PAGES_PER_SECTION, PAGES_PER_SECTION + 4096, true);
	world_build_zonelists();
	world_add_pagesets(2, 8, 64);
	for (i = 0; i < 40; i++)
		array[i] = alloc_page(i & 1 ? GFP_KERNEL : GFP_KERNEL | GFP_DMA32);
	release_pages(array, 40);
	assert_int_equal(used_pages(low), 0);
	assert_int_equal(used_pages(high), 0);
	world_check();

	array[0] = alloc_page(GFP_KERNEL);
	array[1] = alloc_page(GFP_KERNEL);
	set_pfnblock_migratetype(page_to_pfn(array[0]), MIGRATE_CMA);
	release_pages(array, 2);
	/* The list of movable pages stands for CMA. */
	assert_int_equal(page_index32(array[1]), high->pageset[0].lists[MIGRATE_MOVABLE].first);
}

static void a_list_that_is_locked_is_gone_round(void **state)
{
	struct page *array[N];
	struct zone *zone = world(8, 256);
	unsigned long before;
	int count;

	fill_distinct(array, N);
	before = free_pages_of(zone);
	count = zone->pageset[0].count;
	/* An interrupt that came while the CPU held it. */
	zone->pageset[0].lock.busy = 1;
	release_pages(array, N);
	assert_int_equal(free_pages_of(zone), before + N);
	assert_int_equal(zone->pageset[0].count, count);
	assert_int_equal(zone->pageset[0].lock.busy, 1);
	zone->pageset[0].lock.busy = 0;
	world_check();
}

static void nothing_to_drop_is_nothing_to_do(void **state)
{
	struct zone *zone = world(8, 64);

	release_pages(NULL, 0);
	release_pages(NULL, -4);
	assert_int_equal(used_pages(zone), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_array_is_filled_whatever_is_in_it, start),
		cmocka_unit_test_setup(a_filled_arrays_pages_are_cleared_on_request, start),
		cmocka_unit_test_setup(less_than_asked_for_is_said, start),
		cmocka_unit_test_setup(pages_go_to_the_cpus_list_up_to_its_limit, start),
		cmocka_unit_test_setup(a_page_that_has_another_reference_stays, start),
		cmocka_unit_test_setup(a_compound_page_goes_as_a_whole_by_any_of_its_pages, start),
		cmocka_unit_test_setup(a_page_still_in_use_is_reported_and_kept, start),
		cmocka_unit_test_setup(a_page_given_back_twice_is_reported, start),
		cmocka_unit_test_setup(
			pages_of_two_zones_and_of_isolated_blocks_go_where_they_belong, start),
		cmocka_unit_test_setup(a_list_that_is_locked_is_gone_round, start),
		cmocka_unit_test_setup(nothing_to_drop_is_nothing_to_do, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
