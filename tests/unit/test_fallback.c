// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 14 16 */
/* When a type's free lists cannot serve a request: other types' blocks, CMA, the atomic reserve, and new memory before they mix. */
#include "page_world.h"

#define PB pageblock_nr_pages

static struct page *take(struct zone *zone, unsigned int order, enum migratetype mt)
{
	return rmqueue_buddy(zone, order, mt, ALLOC_WMARK_LOW);
}

static void give(struct zone *zone, struct page *page, unsigned int order)
{
	free_one_page(zone, page, order, FPI_NONE);
}

/* ------------------------------------------------------------------ fallback */

static void unmovable_request_claims_a_whole_pageblock(void **state)
{
	struct zone *zone = world_simple(4 * MAX_ORDER_NR_PAGES);
	struct page *page = take(zone, 0, MIGRATE_UNMOVABLE);

	assert_non_null(page);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	/* The rest of the claimed block serves the next ones. */
	assert_int_equal(nr_blocks(zone, 0, MIGRATE_UNMOVABLE), 1);
	assert_int_equal(nr_blocks(zone, MAX_PAGE_ORDER, MIGRATE_MOVABLE), 3);
	assert_int_equal(buddy_check(zone), 0);
}

/* The first pageblock is half used by movable pages (not LRU: nobody knows), half free. */
static void pageblock_is_claimed_when_half_is_free(void **state)
{
	struct zone *zone = world_simple(PB);
	struct page *used = take(zone, pageblock_order - 1, MIGRATE_MOVABLE), *page;

	(void)used;
	page = take(zone, 0, MIGRATE_RECLAIMABLE);
	assert_non_null(page);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_RECLAIMABLE);
	assert_int_equal(nr_blocks(zone, 0, MIGRATE_RECLAIMABLE), 1);
	assert_int_equal(buddy_check(zone), 0);
}

/* Three quarters are movable pages on the LRU: the pageblock stays movable, one page is taken. */
static void page_is_stolen_from_a_pageblock_of_others(void **state)
{
	struct zone *zone = world_simple(PB);
	unsigned long i;
	struct page *page;

	take(zone, pageblock_order - 1, MIGRATE_MOVABLE);
	take(zone, pageblock_order - 2, MIGRATE_MOVABLE);
	for (i = 0; i < PB * 3 / 4; i++)
		SetPageLRU(world_page(i));
	page = take(zone, 0, MIGRATE_UNMOVABLE);
	assert_non_null(page);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	assert_int_equal(nr_blocks(zone, 0, MIGRATE_MOVABLE), 1);
	for (i = 0; i < PB * 3 / 4; i++)
		ClearPageLRU(world_page(i));
	assert_int_equal(buddy_check(zone), 0);
}

static void movable_request_takes_small_pages_without_claiming(void **state)
{
	struct zone *zone = world_simple(PB);
	struct page *page;

	set_pfnblock_migratetype(BASE_PFN, MIGRATE_UNMOVABLE);
	world_init_free(zone, 0, PB);
	memset(zone->free_area, 0, sizeof(zone->free_area));
	zone->vm_stat[NR_FREE_PAGES] = 0;
	buddy_free_range(zone, BASE_PFN + 8, BASE_PFN + 12);
	for (unsigned long i = 0; i < PB; i++)
		if (i < 8 || i >= 12)
			set_page_counts(world_page(i), PAGE_COUNTS_NEW);
	page = take(zone, 1, MIGRATE_MOVABLE);
	assert_ptr_equal(page, world_page(8));
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	assert_int_equal(buddy_check(zone), 0);
}

static void nofragment_refuses_to_mix_types(void **state)
{
	struct zone *zone = world_simple(PB);

	take(zone, 0, MIGRATE_MOVABLE);
	assert_null(rmqueue_buddy(zone, 0, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT));
	assert_non_null(rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, ALLOC_NOFRAGMENT));
	assert_int_equal(buddy_check(zone), 0);
}

static struct zone *world_with_cma(unsigned long cma, unsigned long other)
{
	struct zone *zone;
	unsigned long i;

	world_init(1);
	for (i = 0; i < cma; i++)
		set_pfnblock_migratetype(BASE_PFN + i * PB, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, (cma + other) * PB, true);
	return zone;
}

static void cma_serves_movable_requests_only(void **state)
{
	struct zone *zone = world_with_cma(2, 0);

	assert_null(rmqueue_buddy(zone, 0, MIGRATE_UNMOVABLE, 0));
	assert_null(rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0));
	assert_non_null(rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, ALLOC_CMA));
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], 2 * PB - 1);
	assert_int_equal(buddy_check(zone), 0);
}

static void cma_is_used_first_while_it_is_more_than_half(void **state)
{
	struct zone *zone = world_with_cma(2, 1);
	struct page *page = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, ALLOC_CMA);

	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_CMA);
	zone = world_with_cma(1, 2);
	page = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, ALLOC_CMA);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	assert_int_equal(buddy_check(zone), 0);
}

static void bulk_keeps_the_balance_of_cma(void **state)
{
	struct zone *zone = world_with_cma(2, 2);
	struct page_list list = {0};
	unsigned long cma = 0, other = 0;
	u32 index;

	/* Equal at first: ordinary pages, until CMA has more; then by turns. */
	assert_int_equal(rmqueue_bulk(zone, 0, 64, MIGRATE_MOVABLE, ALLOC_CMA, &list, NULL), 64);
	for (index = list.first; index; index = page_from_index(index)->next)
		if (get_pageblock_migratetype(page_from_index(index)) == MIGRATE_CMA)
			cma++;
		else
			other++;
	assert_int_equal(cma, 32);
	assert_int_equal(other, 32);
	assert_int_equal(buddy_check(zone), 0);
}

/* ------------------------------------------------------------------ the atomic reserve */

static void highatomic_reserve_is_one_percent_in_pageblocks(void **state)
{
	unsigned long pages = WORLD_SECTIONS * PAGES_PER_SECTION;
	struct zone *zone = world_simple(pages);
	struct page *page = take(zone, 2, MIGRATE_UNMOVABLE);
	unsigned long i, limit = ALIGN(pages / 100, PB);

	if (pages / 100 < PB) {
		reserve_highatomic_pageblock(page, 2, zone);
		assert_int_equal(zone->nr_reserved_highatomic, 0);
		return;
	}
	for (i = 0; i < 4 * limit / PB; i++) {
		page = take(zone, pageblock_order, MIGRATE_MOVABLE);
		give(zone, page, pageblock_order);
		page = take(zone, 2, MIGRATE_MOVABLE);
		reserve_highatomic_pageblock(page, 2, zone);
		assert_int_equal(buddy_check(zone), 0);
	}
	assert_int_equal(zone->nr_reserved_highatomic, limit);
	assert_true(zone->nr_free_highatomic > 0);
	/* One pageblock is kept unless forced. */
	while (unreserve_highatomic_pageblock(zone, MIGRATE_MOVABLE, false))
		assert_int_equal(buddy_check(zone), 0);
	assert_int_equal(zone->nr_reserved_highatomic, PB);
	assert_true(unreserve_highatomic_pageblock(zone, MIGRATE_UNMOVABLE, true));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	assert_int_equal(zone->nr_free_highatomic, 0);
	assert_false(unreserve_highatomic_pageblock(zone, MIGRATE_UNMOVABLE, true));
	assert_int_equal(buddy_check(zone), 0);
}

/* A block of whole pageblocks is reserved as it is, in use, and joins the reserve when it is freed. */
static void a_large_block_becomes_reserve_as_a_whole(void **state)
{
	unsigned long pages = 110 * PB;
	struct zone *zone;
	struct page *page;

	if (pages > WORLD_SECTIONS * PAGES_PER_SECTION) {
		print_message(
			"a hundred pageblocks of this granule are larger than the test's world\n");
		skip();
	}
	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, pages, true);
	page = take(zone, pageblock_order, MIGRATE_MOVABLE);
	reserve_highatomic_pageblock(page, pageblock_order, zone);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_HIGHATOMIC);
	assert_int_equal(zone->nr_reserved_highatomic, PB);
	assert_int_equal(zone->nr_free_highatomic, 0);
	assert_int_equal(buddy_check(zone), 0);
	give(zone, page, pageblock_order);
	assert_int_equal(zone->nr_free_highatomic, PB);
	assert_int_equal(buddy_check(zone), 0);
	/* The last pageblock of it goes only when it must. */
	assert_false(unreserve_highatomic_pageblock(zone, MIGRATE_MOVABLE, false));
	assert_true(unreserve_highatomic_pageblock(zone, MIGRATE_MOVABLE, true));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	assert_int_equal(free_pages_of(zone), pages);
}

static void nobody_is_woken(struct zone *zone, gfp_t gfp, unsigned int order,
			    enum zone_type highest)
{
}

/* Mixing types raises the watermarks, so that reclaim makes room for pageblocks of one type. */
static void mixing_types_boosts_the_watermarks(void **state)
{
	struct zone *zone;
	unsigned int i;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 4 * PB, true);
	zone->_watermark[WMARK_HIGH] = PB;
	while (take(zone, 0, MIGRATE_MOVABLE))
		;
	/* One page of a pageblock is free each time, and taken by a request of another type. */
	for (i = 0; i < 4; i++) {
		/* Nobody would lower them again. */
		page_alloc_hooks.wake_kswapd = i ? nobody_is_woken : NULL;
		give(zone, world_page(i * PB), 0);
		assert_ptr_equal(take(zone, 0, MIGRATE_UNMOVABLE), world_page(i * PB));
		/* One and a half times the high one at most. */
		assert_int_equal(zone->watermark_boost, min(i * PB, PB + PB / 2));
	}
	page_alloc_hooks.wake_kswapd = NULL;
}

static void only_entitled_requests_use_the_atomic_reserve(void **state)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_HIGHATOMIC);
	zone = world_add_zone(0, ZONE_NORMAL, 0, PB, true);
	assert_null(rmqueue_buddy(zone, 1, MIGRATE_UNMOVABLE, 0));
	assert_non_null(rmqueue_buddy(zone, 1, MIGRATE_UNMOVABLE, ALLOC_HIGHATOMIC));
	assert_non_null(rmqueue_buddy(zone, 0, MIGRATE_UNMOVABLE, ALLOC_NON_BLOCK));
	assert_non_null(rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, ALLOC_OOM));
	assert_int_equal(zone->nr_free_highatomic, PB - 4);
	assert_int_equal(buddy_check(zone), 0);
}

/* ------------------------------------------------------------------ growth */

static void zone_grows_before_types_mix(void **state)
{
	struct zone *zone;
	unsigned long n;

	/* What is there belongs to UNMOVABLE; the rest is not initialised. */
	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_UNMOVABLE);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * PAGES_PER_SECTION, false);
	buddy_free_range(zone, BASE_PFN, BASE_PFN + PB);
	world_defer(zone, PAGES_PER_SECTION, 2 * PAGES_PER_SECTION);
	n = free_pages_of(zone);
	assert_int_equal(get_pageblock_migratetype(take(zone, 0, MIGRATE_MOVABLE)),
			 MIGRATE_MOVABLE);
	assert_int_equal(world_grows, 1);
	assert_int_equal(zone->deferred_pages, 0);
	/* Deferred pages were counted before. */
	assert_int_equal(free_pages_of(zone), n - 1);
	assert_int_equal(nr_blocks(zone, pageblock_order, MIGRATE_UNMOVABLE), 1);
	assert_int_equal(buddy_check(zone), 0);
}

static void zone_does_not_grow_while_a_pageblock_can_be_claimed(void **state)
{
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * PAGES_PER_SECTION, false);
	buddy_free_range(zone, BASE_PFN, BASE_PFN + PB);
	world_defer(zone, PAGES_PER_SECTION, 2 * PAGES_PER_SECTION);
	assert_non_null(take(zone, 0, MIGRATE_UNMOVABLE));
	assert_int_equal(world_grows, 0);
	/* Now nothing is left to claim. */
	assert_non_null(take(zone, 0, MIGRATE_RECLAIMABLE));
	assert_int_equal(world_grows, 1);
	assert_int_equal(buddy_check(zone), 0);
}

static void bulk_grows_an_empty_zone(void **state)
{
	struct zone *zone;
	struct page *pages[20];

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, PAGES_PER_SECTION, false);
	world_defer(zone, 0, PAGES_PER_SECTION);
	assert_int_equal(rmqueue_bulk(zone, 0, 20, MIGRATE_MOVABLE, 0, NULL, pages), 20);
	assert_int_equal(world_grows, 1);
	assert_int_equal(buddy_check(zone), 0);
}

static void falls_back_when_growing_ends(void **state)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_UNMOVABLE);
	zone = world_add_zone(0, ZONE_NORMAL, 0, PB, true);
	/* Counted as deferred, but no section has them: what happens before memblock_free_all. */
	zone->deferred_pages = 5;
	zone->vm_stat[NR_FREE_PAGES] += 5;
	assert_non_null(take(zone, 0, MIGRATE_MOVABLE));
	assert_int_equal(buddy_check(zone), 0);
}

static void deferred_pages_count_in_reports_as_the_blocks_they_will_be(void **state)
{
	unsigned long before[NR_PAGE_ORDERS];
	unsigned int order;
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 3 * PAGES_PER_SECTION, false);
	buddy_free_range(zone, BASE_PFN, BASE_PFN + 8);
	world_defer(zone, PAGES_PER_SECTION + 3, 2 * PAGES_PER_SECTION - 5);
	world_defer(zone, 2 * PAGES_PER_SECTION, 2 * PAGES_PER_SECTION + 2);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		before[order] = zone_free_blocks(zone, order);
	assert_int_equal(zone->free_area[MAX_PAGE_ORDER].nr_free, 0);
	section_grow(BASE_PFN + PAGES_PER_SECTION);
	section_grow(BASE_PFN + 2 * PAGES_PER_SECTION);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		assert_int_equal(before[order], zone->free_area[order].nr_free);
	assert_int_equal(zone_free_blocks(zone, NR_PAGE_ORDERS), 0);
	assert_int_equal(buddy_check(zone), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmovable_request_claims_a_whole_pageblock),
		cmocka_unit_test(pageblock_is_claimed_when_half_is_free),
		cmocka_unit_test(page_is_stolen_from_a_pageblock_of_others),
		cmocka_unit_test(movable_request_takes_small_pages_without_claiming),
		cmocka_unit_test(nofragment_refuses_to_mix_types),
		cmocka_unit_test(cma_serves_movable_requests_only),
		cmocka_unit_test(cma_is_used_first_while_it_is_more_than_half),
		cmocka_unit_test(bulk_keeps_the_balance_of_cma),
		cmocka_unit_test(highatomic_reserve_is_one_percent_in_pageblocks),
		cmocka_unit_test(a_large_block_becomes_reserve_as_a_whole),
		cmocka_unit_test(mixing_types_boosts_the_watermarks),
		cmocka_unit_test(only_entitled_requests_use_the_atomic_reserve),
		cmocka_unit_test(zone_grows_before_types_mix),
		cmocka_unit_test(zone_does_not_grow_while_a_pageblock_can_be_claimed),
		cmocka_unit_test(bulk_grows_an_empty_zone),
		cmocka_unit_test(falls_back_when_growing_ends),
		cmocka_unit_test(deferred_pages_count_in_reports_as_the_blocks_they_will_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
