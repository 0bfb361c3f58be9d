// SPDX-License-Identifier: MIT
/* links: @buddy mm/page/contig.c */
/* granules: 12 14 16 */
/* Ranges: isolation, taking exactly what is asked, giving everything back on every failure. */
#include "page_world.h"

#include "mm/page/contig.h"

#define PB pageblock_nr_pages

static struct zone *zone;

static void world(unsigned long pages)
{
	zone = world_simple(pages);
}

/* What the world looked like before must be so again. */
struct snapshot {
	unsigned long free, cma, blocks[NR_PAGE_ORDERS];
	u8 types[sizeof(world_types)];
};

static void snapshot(struct snapshot *s)
{
	unsigned int order;

	memset(s, 0, sizeof(*s));
	s->free = free_pages_of(zone);
	s->cma = (unsigned long)zone->vm_stat[NR_FREE_CMA_PAGES];
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		s->blocks[order] = zone->free_area[order].nr_free;
	memcpy(s->types, world_types, sizeof(world_types));
}

static void assert_same(const struct snapshot *before)
{
	struct snapshot after;

	snapshot(&after);
	assert_memory_equal(before, &after, sizeof(after));
	world_check();
}

/*
 *   0         PB        2*PB
 *   |...[====taken====]...|      pages beside the range stay free
 */
static void takes_exactly_the_range(void **state)
{
	unsigned long start, end, pages = 4 * MAX_ORDER_NR_PAGES, i;
	static const unsigned long at[][2] = {{0, 1}, {1, 2}, {3, 100}, {0, 0}, {0, 0}, {0, 0}};
	struct snapshot before;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(at); k++) {
		world(pages);
		snapshot(&before);
		start = at[k][0], end = at[k][1];
		if (k == 3)
			end = PB;
		if (k == 4)
			start = PB - 3, end = PB + 5;
		if (k == 5)
			start = 7, end = pages - 1;
		assert_int_equal(alloc_contig_range(BASE_PFN + start, BASE_PFN + end,
						    MIGRATE_MOVABLE, GFP_KERNEL),
				 0);
		assert_int_equal(free_pages_of(zone), pages - (end - start));
		for (i = start; i < end; i++)
			assert_int_equal(page_ref_count(world_page(i)), 1);
		for (i = 0; i < pages; i += PB)
			assert_int_equal(get_pfnblock_migratetype(BASE_PFN + i), MIGRATE_MOVABLE);
		world_check();
		free_contig_range(BASE_PFN + start, end - start);
		assert_same(&before);
	}
}

static void range_of_cma_comes_and_goes_as_cma(void **state)
{
	struct snapshot before;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN + PB, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 4 * PB, true);
	snapshot(&before);
	assert_int_equal(
		alloc_contig_range(BASE_PFN + PB + 5, BASE_PFN + PB + 9, MIGRATE_CMA, GFP_KERNEL),
		0);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], PB - 4);
	free_contig_range(BASE_PFN + PB + 5, 4);
	assert_same(&before);
	/* Only for who knows that it is CMA. */
	assert_int_equal(alloc_contig_range(BASE_PFN + PB + 5, BASE_PFN + PB + 9, MIGRATE_MOVABLE,
					    GFP_KERNEL),
			 -EBUSY);
	assert_same(&before);
}

static void compound_and_zeroed_ranges(void **state)
{
	struct snapshot before;
	struct page *page;

	world(2 * MAX_ORDER_NR_PAGES);
	snapshot(&before);
	memset(world_memory, 0x33, 20 * PAGE_SIZE);
	assert_int_equal(alloc_contig_range(BASE_PFN + 8, BASE_PFN + 16, MIGRATE_MOVABLE,
					    GFP_KERNEL | __GFP_COMP | __GFP_ZERO),
			 0);
	page = world_page(8);
	assert_int_equal(compound_order(page), 3);
	assert_ptr_equal(compound_head(page + 7), page);
	assert_int_equal(*(char *)page_address(page + 7), 0);
	assert_int_equal(*(char *)page_address(page + 8), 0x33);
	free_contig_range(BASE_PFN + 8, 8);
	assert_same(&before);
	/* Not a power of two, not aligned. */
	assert_int_equal(alloc_contig_range(BASE_PFN + 8, BASE_PFN + 14, MIGRATE_MOVABLE,
					    GFP_KERNEL | __GFP_COMP),
			 -EINVAL);
	assert_int_equal(alloc_contig_range(BASE_PFN + 4, BASE_PFN + 12, MIGRATE_MOVABLE,
					    GFP_KERNEL | __GFP_COMP),
			 -EINVAL);
	assert_same(&before);
}

static void used_page_makes_it_busy_and_all_is_given_back(void **state)
{
	struct snapshot before;
	struct page *used;

	world(4 * MAX_ORDER_NR_PAGES);
	used = alloc_page(GFP_KERNEL);
	assert_non_null(used);
	snapshot(&before);
	assert_int_equal(
		alloc_contig_range(BASE_PFN, BASE_PFN + 2 * PB, MIGRATE_MOVABLE, GFP_KERNEL),
		-EBUSY);
	assert_same(&before);
	/* The second pageblock fails after the first was isolated: a reserved page. */
	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * MAX_ORDER_NR_PAGES, false);
	__SetPageReserved(world_page(PB + 3));
	set_page_count(world_page(PB + 3), 1);
	buddy_free_range(zone, BASE_PFN, BASE_PFN + PB + 3);
	buddy_free_range(zone, BASE_PFN + PB + 4, BASE_PFN + 2 * MAX_ORDER_NR_PAGES);
	snapshot(&before);
	assert_int_equal(alloc_contig_range(BASE_PFN + PB - 1, BASE_PFN + PB + 4, MIGRATE_MOVABLE,
					    GFP_KERNEL),
			 -EBUSY);
	assert_same(&before);
}

/* A page used outside the range, in the same pageblock, is in nobody's way. */
static void used_page_beside_the_range_does_not_matter(void **state)
{
	struct page *used;

	world(2 * MAX_ORDER_NR_PAGES);
	used = alloc_page(GFP_KERNEL);
	assert_ptr_equal(used, world_page(0));
	assert_int_equal(
		alloc_contig_range(BASE_PFN + 1, BASE_PFN + 8, MIGRATE_UNMOVABLE, GFP_KERNEL), 0);
	free_contig_range(BASE_PFN + 1, 7);
	__free_page(used);
	world_check();
}

static void pages_in_per_cpu_lists_are_fetched(void **state)
{
	struct page *page;

	world(2 * MAX_ORDER_NR_PAGES);
	world_build_zonelists();
	world_add_pagesets(2, 8, 64);
	page = alloc_page(GFP_HIGHUSER_MOVABLE);
	__free_page(page);
	assert_true(zone->pageset[0].count > 0);
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + PB, MIGRATE_MOVABLE, GFP_KERNEL),
			 0);
	free_contig_range(BASE_PFN, PB);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 2 * MAX_ORDER_NR_PAGES);
	world_check();
}

/* ------------------------------------------------------------------ moving users */

static struct page *user;
static int migrate_result;
static unsigned int migrations;

static int migrate(unsigned long start, unsigned long end)
{
	migrations++;
	if (user && page_to_pfn(user) >= start && page_to_pfn(user) < end && !migrate_result) {
		ClearPageLRU(user);
		__free_page(user);
		user = NULL;
	}
	return migrate_result;
}

static void the_page_that_this_cpu_gave_back_last_is_had_from_its_list(void **state)
{
	struct page *page, *other;
	unsigned long pfn, before;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN + PB, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 4 * PB, true);
	world_add_pagesets(2, 8, 64);
	pfn = BASE_PFN + PB + 5;
	assert_int_equal(alloc_contig_range(pfn, pfn + 2, MIGRATE_CMA, GFP_KERNEL), 0);
	page = pfn_to_page(pfn);
	other = page + 1;
	__free_page(other);
	__free_page(page);
	before = free_pages_of(zone);
	assert_int_equal(zone->pageset[0].count, 2);
	assert_int_equal(contig_alloc_free(pfn, pfn + 1, MIGRATE_CMA, GFP_KERNEL | __GFP_ZERO), 0);
	assert_int_equal(page_count(page), 1);
	assert_int_equal(zone->pageset[0].count, 1);
	assert_int_equal(free_pages_of(zone), before);
	/* It is not free any more; the one below it is, but it was not the last. */
	assert_int_equal(contig_alloc_free(pfn, pfn + 1, MIGRATE_CMA, GFP_KERNEL), -EBUSY);
	__free_page(page);
	assert_int_equal(contig_alloc_free(pfn + 1, pfn + 2, MIGRATE_CMA, GFP_KERNEL), -EBUSY);
	/* Not from another CPU's list, nor from one that is in use. */
	host_cpu = 1;
	assert_int_equal(contig_alloc_free(pfn, pfn + 1, MIGRATE_CMA, GFP_KERNEL), -EBUSY);
	host_cpu = 0;
	zone->pageset[0].lock.busy = 1;
	assert_int_equal(contig_alloc_free(pfn, pfn + 1, MIGRATE_CMA, GFP_KERNEL), -EBUSY);
	zone->pageset[0].lock.busy = 0;
	assert_int_equal(pageset_check(zone), 0);
	drain_all_pages(zone);
	assert_int_equal(free_pages_of(zone), 4 * PB);
	world_check();
}

static void movable_users_are_moved(void **state)
{
	struct snapshot before;

	world(4 * MAX_ORDER_NR_PAGES);
	page_alloc_hooks.migrate_range = migrate;
	user = alloc_page(GFP_HIGHUSER_MOVABLE);
	SetPageLRU(user);
	snapshot(&before);
	/* The migration fails for good: the range is given back with that error. */
	migrate_result = -ENOMEM;
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 16, MIGRATE_MOVABLE, GFP_KERNEL),
			 -ENOMEM);
	assert_same(&before);
	/* It could not move the page. */
	migrate_result = -EBUSY;
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 16, MIGRATE_MOVABLE, GFP_KERNEL),
			 -EBUSY);
	assert_same(&before);
	migrate_result = 0;
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 16, MIGRATE_MOVABLE, GFP_KERNEL),
			 0);
	assert_int_equal(migrations, 3);
	free_contig_range(BASE_PFN, 16);
	assert_int_equal(free_pages_of(zone), 4 * MAX_ORDER_NR_PAGES);
	world_check();
}

/*
 * While the CMA pageblock is isolated, another caller isolates its lower neighbour, whose last used page becomes
 * free, and fails.
 */
static struct page *last_user, *cma_user;

static int fail_beside(unsigned long start, unsigned long end)
{
	(void)end;
	if (start == BASE_PFN) {
		ClearPageLRU(last_user);
		__free_page(last_user);
		return -ENOMEM;
	}
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 16, MIGRATE_MOVABLE, GFP_KERNEL),
			 -ENOMEM);
	assert_int_equal(get_pfnblock_migratetype(BASE_PFN), MIGRATE_MOVABLE);
	assert_int_equal(get_pfnblock_migratetype(BASE_PFN + PB), MIGRATE_ISOLATE);
	__free_page(cma_user);
	return 0;
}

/*
 * The free halves of two isolated pageblocks become one block:
 *
 *   |....MOVABLE....|......CMA......|     who gives the first up must leave the second isolated
 */
static void neighbours_isolation_survives_a_failure(void **state)
{
	struct snapshot before;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN + PB, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 4 * MAX_ORDER_NR_PAGES, true);
	world_build_zonelists();
	snapshot(&before);
	assert_int_equal(
		alloc_contig_range(BASE_PFN + 1, BASE_PFN + 2, MIGRATE_MOVABLE, GFP_KERNEL), 0);
	last_user = pfn_to_page(BASE_PFN + 1);
	SetPageLRU(last_user);
	assert_int_equal(
		alloc_contig_range(BASE_PFN + PB, BASE_PFN + PB + 1, MIGRATE_CMA, GFP_KERNEL), 0);
	cma_user = pfn_to_page(BASE_PFN + PB);
	page_alloc_hooks.migrate_range = fail_beside;
	assert_int_equal(
		alloc_contig_range(BASE_PFN + PB, BASE_PFN + PB + 16, MIGRATE_CMA, GFP_KERNEL), 0);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], PB - 16);
	free_contig_range(BASE_PFN + PB, 16);
	assert_same(&before);
}

/* ------------------------------------------------------------------ bad ranges */

static void bad_ranges_are_refused(void **state)
{
	unsigned long far = BASE_PFN + WORLD_SECTIONS * PAGES_PER_SECTION;
	struct snapshot before;

	world(2 * MAX_ORDER_NR_PAGES);
	snapshot(&before);
	assert_int_equal(alloc_contig_range(BASE_PFN + 4, BASE_PFN + 4, MIGRATE_MOVABLE, 0),
			 -EINVAL);
	assert_int_equal(alloc_contig_range(BASE_PFN + 5, BASE_PFN + 4, MIGRATE_MOVABLE, 0),
			 -EINVAL);
	assert_int_equal(alloc_contig_range(far - 4, far + 4, MIGRATE_MOVABLE, 0), -EINVAL);
	assert_int_equal(alloc_contig_range(0, 4, MIGRATE_MOVABLE, 0), -EINVAL);
	/* Beyond the zone: pages of no zone. */
	assert_int_equal(alloc_contig_range(BASE_PFN + 2 * MAX_ORDER_NR_PAGES - 1,
					    BASE_PFN + 2 * MAX_ORDER_NR_PAGES + 1, MIGRATE_MOVABLE,
					    0),
			 -EINVAL);
	assert_same(&before);
	/* The atomic reserve is not broken up, nor what somebody else isolates. */
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_HIGHATOMIC);
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 1, MIGRATE_MOVABLE, 0), -EBUSY);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_ISOLATE);
	assert_int_equal(alloc_contig_range(BASE_PFN, BASE_PFN + 1, MIGRATE_MOVABLE, 0), -EBUSY);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_MOVABLE);
	assert_same(&before);
	free_contig_range(BASE_PFN, 0);
}

static void range_of_a_section_that_is_not_grown_is_grown(void **state)
{
	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * PAGES_PER_SECTION, false);
	world_defer(zone, 0, PAGES_PER_SECTION);
	world_defer(zone, PAGES_PER_SECTION, 2 * PAGES_PER_SECTION);
	assert_int_equal(alloc_contig_range(BASE_PFN + PAGES_PER_SECTION - 2,
					    BASE_PFN + PAGES_PER_SECTION + 2, MIGRATE_MOVABLE,
					    GFP_KERNEL),
			 0);
	assert_int_equal(world_grows, 2);
	free_contig_range(BASE_PFN + PAGES_PER_SECTION - 2, 4);
	assert_int_equal(free_pages_of(zone), 2 * PAGES_PER_SECTION);
	world_check();
}

/* ------------------------------------------------------------------ anywhere */

static void contig_pages_are_found_between_used_ones(void **state)
{
	struct page *used[2], *page;
	nodemask_t none = {.bits = {0}};

	world(4 * MAX_ORDER_NR_PAGES);
	used[0] = rmqueue_buddy(zone, 0, MIGRATE_MOVABLE, 0);
	set_page_counts(used[0], PAGE_COUNTS_NEW);
	page = alloc_contig_pages(MAX_ORDER_NR_PAGES + 1, GFP_KERNEL, 0, NULL);
	assert_non_null(page);
	/* In steps of its size, so behind the used page. */
	assert_int_equal(page_to_pfn(page) % (MAX_ORDER_NR_PAGES + 1), 0);
	assert_true(page_to_pfn(page) > BASE_PFN);
	free_contig_range(page_to_pfn(page), MAX_ORDER_NR_PAGES + 1);
	assert_null(alloc_contig_pages(5 * MAX_ORDER_NR_PAGES, GFP_KERNEL, 0, NULL));
	assert_null(alloc_contig_pages(0, GFP_KERNEL, 0, NULL));
	assert_null(alloc_contig_pages(1, GFP_KERNEL, 0, &none));
	assert_null(alloc_contig_pages(1, GFP_KERNEL | GFP_DMA, 0, NULL));
	page = alloc_contig_pages(1, GFP_KERNEL, NUMA_NO_NODE, NULL);
	assert_non_null(page);
	free_contig_range(page_to_pfn(page), 1);
	__free_page(used[0]);
	assert_int_equal(free_pages_of(zone), 4 * MAX_ORDER_NR_PAGES);
	world_check();
}

/* Random ranges, kept for a while, over random single pages: nothing is lost, types stay. */
static u64 seed = 0x9e3779b97f4a7c15ULL;

static unsigned long rnd(unsigned long n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void random_ranges_lose_nothing(void **state)
{
	unsigned long pages = 4 * PB, got = 0, i, round;
	struct {
		unsigned long start, nr;
	} held[40];
	unsigned int nr = 0;

	world(pages);
	for (round = 0; round < 3000; round++) {
		if (nr < 40 && rnd(2)) {
			unsigned long start = rnd(pages), n = 1 + rnd(rnd(8) ? 30 : pages - start);
			int ret;

			n = min(n, pages - start);
			ret = alloc_contig_range(BASE_PFN + start, BASE_PFN + start + n,
						 MIGRATE_MOVABLE, GFP_KERNEL);
			for (i = 0; i < nr; i++)
				if (start < held[i].start + held[i].nr && held[i].start < start + n)
					break;
			assert_int_equal(ret, i < nr ? -EBUSY : 0);
			if (!ret) {
				held[nr].start = start;
				held[nr++].nr = n;
				got += n;
			}
		} else if (nr) {
			i = rnd(nr);
			free_contig_range(BASE_PFN + held[i].start, held[i].nr);
			got -= held[i].nr;
			held[i] = held[--nr];
		}
		assert_int_equal(free_pages_of(zone), pages - got);
		if (round % 64 == 0)
			assert_int_equal(buddy_check(zone), 0);
	}
	while (nr--)
		free_contig_range(BASE_PFN + held[nr].start, held[nr].nr);
	assert_int_equal(free_pages_of(zone), pages);
	assert_int_equal(buddy_check(zone), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_exactly_the_range),
		cmocka_unit_test(range_of_cma_comes_and_goes_as_cma),
		cmocka_unit_test(compound_and_zeroed_ranges),
		cmocka_unit_test(used_page_makes_it_busy_and_all_is_given_back),
		cmocka_unit_test(used_page_beside_the_range_does_not_matter),
		cmocka_unit_test(pages_in_per_cpu_lists_are_fetched),
		cmocka_unit_test(the_page_that_this_cpu_gave_back_last_is_had_from_its_list),
		cmocka_unit_test(movable_users_are_moved),
		cmocka_unit_test(neighbours_isolation_survives_a_failure),
		cmocka_unit_test(bad_ranges_are_refused),
		cmocka_unit_test(range_of_a_section_that_is_not_grown_is_grown),
		cmocka_unit_test(contig_pages_are_found_between_used_ones),
		cmocka_unit_test(random_ranges_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
