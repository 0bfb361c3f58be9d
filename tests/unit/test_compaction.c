// SPDX-License-Identifier: MIT
/* links: @buddy mm/page/contig.c mm/page/migrate.c mm/page/compaction.c mm/debug/movable.c */
/* granules: 12 14 16 */
/*
 * Compaction and migration with real movable pages: a zone made of holes gives large blocks again, objects stay what they are, and
 * nothing is lost when it cannot be done.
 */
#include <pthread.h>

#include <quire/compaction.h>

#include "page_world.h"
#include "mm/debug/movable.h"

#define PB pageblock_nr_pages
#define ZONE_PAGES (4 * MAX_ORDER_NR_PAGES)

static struct zone *zone;
static int handle_of[ZONE_PAGES];

static void world(unsigned long pages)
{
	compaction_forget();
	memset(&lru_migration, 0, sizeof(lru_migration));
	zone = world_simple(pages);
	migration_init();
}

/* Every page of the zone an object; then all but every `keep`th go. */
static void make_holes(unsigned long pages, unsigned long keep)
{
	unsigned long i;

	for (i = 0; i < pages; i++) {
		handle_of[i] = movable_create(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
		assert_true(handle_of[i] >= 0);
	}
	for (i = 0; i < pages; i++)
		if (i % keep) {
			assert_true(movable_destroy(handle_of[i]));
			handle_of[i] = -1;
		}
}

static void destroy_all(void)
{
	unsigned long i;

	for (i = 0; i < ZONE_PAGES; i++)
		if (handle_of[i] >= 0)
			assert_true(movable_destroy(handle_of[i]));
	memset(handle_of, -1, sizeof(handle_of));
	assert_int_equal(movable_count(), 0);
}

static void the_zone_is_whole_again(unsigned long pages)
{
	/* What compaction remembers of the zone lies in pages, too. */
	compaction_forget();
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), pages);
	world_check();
}

/* The store has fewer handles than a zone of the larger granules has pages. */
static unsigned long some_pages(void)
{
	return min(ZONE_PAGES, (unsigned long)MOVABLE_HANDLES);
}

static bool too_large(void)
{
	if (ZONE_PAGES <= MOVABLE_HANDLES)
		return false;
	print_message("the zone has more pages than the store has handles\n");
	return true;
}

/* ------------------------------------------------------------------ migration */

static void an_object_moves_and_keeps_its_handle(void **state)
{
	unsigned long moved = movable_moved();
	struct page *before;
	int h;

	world(ZONE_PAGES);
	h = movable_create(GFP_HIGHUSER_MOVABLE);
	assert_true(h >= 0);
	before = movable_page(h);
	assert_int_equal(alloc_contig_range(page_to_pfn(before), page_to_pfn(before) + 1,
					    MIGRATE_MOVABLE, 0),
			 0);
	assert_ptr_not_equal(movable_page(h), before);
	assert_int_equal(movable_moved(), moved + 1);
	assert_int_equal(movable_check_all(), 0);
	free_contig_range(page_to_pfn(before), 1);
	assert_true(movable_destroy(h));
	the_zone_is_whole_again(ZONE_PAGES);
}

static void refusals_leave_all_as_it_was(void **state)
{
	struct page *before;
	unsigned long pfn;
	int h;

	world(ZONE_PAGES);
	h = movable_create(GFP_HIGHUSER_MOVABLE);
	before = movable_page(h);
	pfn = page_to_pfn(before);
	movable_refuse_isolate = -1;
	assert_int_equal(alloc_contig_range(pfn, pfn + 1, MIGRATE_MOVABLE, 0), -EBUSY);
	movable_refuse_isolate = 0;
	movable_refuse_migrate = -1;
	assert_int_equal(alloc_contig_range(pfn, pfn + 1, MIGRATE_MOVABLE, 0), -EBUSY);
	assert_ptr_equal(movable_page(h), before);
	assert_int_equal(movable_check_all(), 0);
	/* Not for ever: the owner says -EAGAIN a few times. */
	movable_refuse_migrate = 3;
	assert_int_equal(alloc_contig_range(pfn, pfn + 1, MIGRATE_MOVABLE, 0), 0);
	movable_refuse_migrate = 0;
	free_contig_range(pfn, 1);
	assert_true(movable_destroy(h));
	the_zone_is_whole_again(ZONE_PAGES);
}

static void an_object_freed_while_isolated_is_freed_by_the_mover(void **state)
{
	struct page_list list = {0};
	struct page *page;
	int h;

	world(ZONE_PAGES);
	h = movable_create(GFP_HIGHUSER_MOVABLE);
	page = movable_page(h);
	assert_true(isolate_movable_page(page, MIGRATE_SYNC));
	/* Once only. */
	assert_false(isolate_movable_page(page, MIGRATE_SYNC));
	page_list_add(&list, page);
	assert_true(movable_destroy(h));
	assert_int_equal(page_ref_count(page), 1);
	putback_movable_pages(&list);
	/* The same in the middle of a move. */
	h = movable_create(GFP_HIGHUSER_MOVABLE);
	page = movable_page(h);
	assert_true(isolate_movable_page(page, MIGRATE_SYNC));
	page_list_add(&list, page);
	assert_true(movable_destroy(h));
	assert_int_equal(migrate_range(page_to_pfn(page), page_to_pfn(page) + 1), -EBUSY);
	putback_movable_pages(&list);
	the_zone_is_whole_again(ZONE_PAGES);
}

static void pages_of_others_are_not_touched(void **state)
{
	struct page *page;

	world(ZONE_PAGES);
	page = alloc_page(GFP_KERNEL);
	assert_false(isolate_movable_page(page, MIGRATE_SYNC));
	/* A word that looks like a mark in a page with a type is the type's. */
	__SetPageSlab(page);
	page->word = PAGE_MAPPING_MOVABLE | 1 << MOVABLE_ID_SHIFT;
	assert_false(isolate_movable_page(page, MIGRATE_SYNC));
	assert_int_equal(page_ref_count(page), 1);
	page->word = 0;
	__ClearPageSlab(page);
	__free_page(page);
	assert_false(isolate_movable_page(world_page(0), MIGRATE_SYNC));
	the_zone_is_whole_again(ZONE_PAGES);
}

/* ------------------------------------------------------------------ compaction */

static void large_blocks_come_back(void **state)
{
	static const unsigned int orders[] = {pageblock_order, MAX_PAGE_ORDER};
	unsigned int k;

	if (too_large())
		skip();
	for (k = 0; k < ARRAY_SIZE(orders); k++) {
		struct page *page;

		world(ZONE_PAGES);
		make_holes(ZONE_PAGES, 4);
		page_alloc_hooks.direct_compact = NULL;
		assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, orders[k]));
		assert_int_equal(fragmentation_index(zone, orders[k]) > 900, 1);
		migration_init();
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, orders[k]);
		assert_non_null(page);
		assert_int_equal(movable_check_all(), 0);
		world_check();
		__free_pages(page, orders[k]);
		destroy_all();
		the_zone_is_whole_again(ZONE_PAGES);
	}
}

/* One page that cannot move in each pageblock but one: that one, and no other, can be had. */
static void unmovable_pages_stay_where_they_are(void **state)
{
	unsigned long i, nr = 0;
	struct page *stay[ZONE_PAGES / PB], *page;

	if (too_large())
		skip();
	world(ZONE_PAGES);
	make_holes(ZONE_PAGES, 4);
	for (i = PB; i < ZONE_PAGES; i += PB) {
		page = world_page(i + 1);
		/* A hole: taken out of the free lists as it lies. */
		assert_int_equal(
			alloc_contig_range(BASE_PFN + i + 1, BASE_PFN + i + 2, MIGRATE_MOVABLE, 0),
			0);
		stay[nr++] = page;
	}
	page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, pageblock_order);
	assert_ptr_equal(page, world_page(0));
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, pageblock_order));
	assert_int_equal(movable_check_all(), 0);
	for (i = 0; i < nr; i++) {
		assert_int_equal(page_ref_count(stay[i]), 1);
		__free_page(stay[i]);
	}
	__free_pages(page, pageblock_order);
	destroy_all();
	the_zone_is_whole_again(ZONE_PAGES);
}

static void failure_loses_nothing(void **state)
{
	unsigned long free;

	if (too_large())
		skip();
	world(ZONE_PAGES);
	make_holes(ZONE_PAGES, 2);
	/* So that what compaction remembers is there already. */
	assert_int_equal(
		compact_zone_order(zone, -1, MIGRATE_MOVABLE, MIGRATE_SYNC) == COMPACT_SUCCESS, 0);
	destroy_all();
	make_holes(ZONE_PAGES - 4, 2);
	free = free_pages_of(zone);
	movable_refuse_migrate = -1;
	assert_int_equal(compact_zone_order(zone, MAX_PAGE_ORDER, MIGRATE_MOVABLE, MIGRATE_SYNC),
			 COMPACT_COMPLETE);
	movable_refuse_migrate = 0;
	movable_refuse_isolate = -1;
	assert_int_equal(compact_zone_order(zone, MAX_PAGE_ORDER, MIGRATE_MOVABLE, MIGRATE_SYNC),
			 COMPACT_COMPLETE);
	movable_refuse_isolate = 0;
	assert_int_equal(free_pages_of(zone), free);
	assert_int_equal(movable_check_all(), 0);
	world_check();
	destroy_all();
	the_zone_is_whole_again(ZONE_PAGES);
}

static void failures_are_deferred_ever_longer(void **state)
{
	unsigned int i, tries = 0;

	world(ZONE_PAGES);
	defer_compaction(zone, 4);
	assert_false(compaction_deferred(zone, 4));
	compaction_init();
	compaction_init();
	assert_int_equal(free_pages_of(zone), ZONE_PAGES - 1);
	for (i = 0; i < 3; i++)
		defer_compaction(zone, 4);
	/* 2^3: the eighth is made. */
	while (compaction_deferred(zone, 4))
		tries++;
	assert_int_equal(tries, 7);
	assert_false(compaction_deferred(zone, 3));
	for (i = 0; i < 20; i++)
		defer_compaction(zone, 3);
	for (tries = 0; compaction_deferred(zone, 3);)
		tries++;
	assert_int_equal(tries, (1 << COMPACT_MAX_DEFER_SHIFT) - 1);
	compaction_defer_reset(zone, 3, true);
	assert_false(compaction_deferred(zone, 3));
	the_zone_is_whole_again(ZONE_PAGES);
}

/* A pageblock of movable pages does not become an unmovable one because a quarter of it is free. */
static void pageblocks_of_movable_objects_are_not_claimed(void **state)
{
	struct page *page;
	unsigned long i;

	if (too_large())
		skip();
	world(2 * PB);
	make_holes(2 * PB, 1);
	for (i = 0; i < 2 * PB; i++) {
		unsigned long at = page_to_pfn(movable_page(handle_of[i])) - BASE_PFN;

		if (at < PB && at % 4 == 0) {
			assert_true(movable_destroy(handle_of[i]));
			handle_of[i] = -1;
		}
	}
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	assert_non_null(page);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	__free_page(page);
	destroy_all();
	the_zone_is_whole_again(2 * PB);
}

/* A run that found its block goes on there the next time; one of the whole node begins at the ends. */
static void runs_go_on_where_the_last_one_stopped(void **state)
{
	struct page *block[4];
	unsigned int i;

	if (too_large())
		skip();
	world(ZONE_PAGES);
	make_holes(ZONE_PAGES, 4);
	compaction_init();
	for (i = 0; i < ARRAY_SIZE(block); i++) {
		block[i] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, pageblock_order - 2);
		assert_non_null(block[i]);
		assert_int_equal(movable_check_all(), 0);
		world_check();
	}
	compact_node(-1);
	compact_node(1);
	compact_nodes();
	assert_int_equal(movable_check_all(), 0);
	world_check();
	for (i = 0; i < ARRAY_SIZE(block); i++)
		__free_pages(block[i], pageblock_order - 2);
	destroy_all();
	compaction_forget();
	the_zone_is_whole_again(ZONE_PAGES);
}

static void too_little_memory_is_not_compacted(void **state)
{
	world(ZONE_PAGES);
	assert_true(compaction_suitable(zone, 3, ZONE_NORMAL));
	zone->_watermark[WMARK_MIN] = zone->_watermark[WMARK_LOW] = ZONE_PAGES - 8;
	assert_false(compaction_suitable(zone, 3, ZONE_NORMAL));
	assert_int_equal(fragmentation_index(zone, 3), -1000);
	assert_false(try_to_compact_pages(GFP_KERNEL, 0, 0, NULL));
	assert_false(try_to_compact_pages(GFP_KERNEL, 3, 5, NULL));
	assert_false(try_to_compact_pages(GFP_KERNEL, 3, 0, NULL));
	zone->_watermark[WMARK_MIN] = zone->_watermark[WMARK_LOW] = 0;
	the_zone_is_whole_again(ZONE_PAGES);
}

/* ------------------------------------------------------------------ gigantic */

static void gigantic_pages_move_objects_out_of_the_way(void **state)
{
	unsigned long pages = some_pages(), nr = 2 * MAX_ORDER_NR_PAGES, i;
	struct page *page;

	if (too_large())
		skip();
	world(ZONE_PAGES);
	make_holes(pages, 4);
	page = alloc_contig_pages(nr, GFP_KERNEL | __GFP_COMP, 0, NULL);
	assert_non_null(page);
	assert_int_equal(compound_order(page), MAX_PAGE_ORDER + 1);
	for (i = 1; i < nr; i++)
		assert_ptr_equal(compound_head(page + i), page);
	assert_int_equal(movable_check_all(), 0);
	world_check();
	free_contig_range(page_to_pfn(page), nr);
	destroy_all();
	the_zone_is_whole_again(ZONE_PAGES);
}

/* ------------------------------------------------------------------ several CPUs */

#define CPUS 3U
extern __thread unsigned int host_cpu;
static bool compacting;
static unsigned long large_got;

static void *churn(void *arg)
{
	u64 x = 88172645463325252ULL + (unsigned long)arg;
	int mine[64];
	unsigned int i, k;

	host_cpu = (unsigned int)(unsigned long)arg;
	memset(mine, -1, sizeof(mine));
	for (i = 0; i < 2000 || __atomic_load_n(&compacting, __ATOMIC_ACQUIRE); i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		k = x % 64;
		if (mine[k] < 0)
			mine[k] = movable_create(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
		else if (x >> 32 & 1)
			assert_true(movable_check(mine[k]));
		else {
			assert_true(movable_destroy(mine[k]));
			mine[k] = -1;
		}
	}
	for (k = 0; k < 64; k++)
		if (mine[k] >= 0)
			assert_true(movable_destroy(mine[k]));
	return NULL;
}

/* Where an object lies, so that there is something to move. */
static void *compactor(void *arg)
{
	unsigned long pfn;
	unsigned int round;

	host_cpu = (unsigned int)(unsigned long)arg;
	for (round = 0; round < 100; round++) {
		pfn = ALIGN_DOWN(page_to_pfn(movable_page(handle_of[round])), 64);
		compact_zone_order(zone, -1, MIGRATE_MOVABLE, MIGRATE_SYNC);
		if (!alloc_contig_range(pfn, pfn + 64, MIGRATE_MOVABLE, GFP_KERNEL)) {
			large_got++;
			free_contig_range(pfn, 64);
		}
	}
	__atomic_store_n(&compacting, false, __ATOMIC_RELEASE);
	return NULL;
}

static void objects_live_while_the_zone_is_compacted(void **state)
{
	pthread_t threads[CPUS];
	unsigned long i, moved = movable_moved();

	world(ZONE_PAGES);
	compaction_init();
	world_add_pagesets(CPUS, 8, 64);
	compacting = true;
	/* Some that stay, so that there is always something to move. */
	for (i = 0; i < 200; i++)
		handle_of[i] = movable_create(GFP_HIGHUSER_MOVABLE);
	for (i = 0; i < CPUS; i++)
		pthread_create(&threads[i], NULL, i ? churn : compactor, (void *)i);
	for (i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(movable_check_all(), 0);
	destroy_all();
	assert_true(movable_moved() > moved);
	assert_true(large_got > 0);
	the_zone_is_whole_again(ZONE_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_moves_and_keeps_its_handle),
		cmocka_unit_test(refusals_leave_all_as_it_was),
		cmocka_unit_test(an_object_freed_while_isolated_is_freed_by_the_mover),
		cmocka_unit_test(pages_of_others_are_not_touched),
		cmocka_unit_test(large_blocks_come_back),
		cmocka_unit_test(unmovable_pages_stay_where_they_are),
		cmocka_unit_test(failure_loses_nothing),
		cmocka_unit_test(failures_are_deferred_ever_longer),
		cmocka_unit_test(pageblocks_of_movable_objects_are_not_claimed),
		cmocka_unit_test(runs_go_on_where_the_last_one_stopped),
		cmocka_unit_test(too_little_memory_is_not_compacted),
		cmocka_unit_test(gigantic_pages_move_objects_out_of_the_way),
		cmocka_unit_test(objects_live_while_the_zone_is_compacted),
	};

	memset(handle_of, -1, sizeof(handle_of));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
