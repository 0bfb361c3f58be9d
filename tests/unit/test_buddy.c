// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 14 16 */
/* The free lists: blocks, merging, many at once, the check itself; and all short sequences on a tiny zone. Types that help each other out: test_fallback.c. */
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

/* ------------------------------------------------------------------ ranges */

/*
 *   offset  3 4       8               16      20 21
 *           |1|  4    |       8       |   4   |1|
 */
static void range_becomes_largest_aligned_blocks(void **state)
{
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 3, 21, true);
	assert_int_equal(free_pages_of(zone), 18);
	assert_int_equal(zone->free_area[0].nr_free, 2);
	assert_int_equal(zone->free_area[2].nr_free, 2);
	assert_int_equal(zone->free_area[3].nr_free, 1);
	assert_true(PageBuddy(world_page(8)));
	assert_int_equal(world_page(8)->order, 3);
	assert_int_equal(buddy_check(zone), 0);
}

static void range_of_largest_blocks(void **state)
{
	struct zone *zone = world_simple(4 * MAX_ORDER_NR_PAGES);

	assert_int_equal(zone->free_area[MAX_PAGE_ORDER].nr_free, 4);
	assert_int_equal(nr_blocks(zone, MAX_PAGE_ORDER, MIGRATE_MOVABLE), 4);
	assert_int_equal(buddy_check(zone), 0);
}

static void range_goes_by_the_pageblocks_type(void **state)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN + PB, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 4 * PB, true);
	assert_int_equal(nr_blocks(zone, pageblock_order, MIGRATE_CMA), 1);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], PB);
	assert_int_equal(free_pages_of(zone), 4 * PB);
	assert_int_equal(buddy_check(zone), 0);
}

/* ------------------------------------------------------------------ splitting and merging */

static void first_page_of_a_block_is_given_and_the_halves_stay(void **state)
{
	struct zone *zone = world_simple(16);
	struct page *page = take(zone, 0, MIGRATE_MOVABLE);
	unsigned int o;

	assert_ptr_equal(page, world_page(0));
	for (o = 0; o < 4; o++)
		assert_int_equal(zone->free_area[o].nr_free, 1);
	assert_int_equal(free_pages_of(zone), 15);
	assert_int_equal(buddy_check(zone), 0);
	give(zone, page, 0);
	assert_int_equal(zone->free_area[4].nr_free, 1);
	assert_int_equal(buddy_check(zone), 0);
}

static void smallest_sufficient_block_is_split(void **state)
{
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 24, true);
	assert_ptr_equal(take(zone, 2, MIGRATE_MOVABLE), world_page(16));
	assert_int_equal(zone->free_area[4].nr_free, 1);
}

static void buddies_of_different_zones_do_not_merge(void **state)
{
	struct zone *low, *high;

	world_init(1);
	low = world_add_zone(0, ZONE_DMA, 0, 8, true);
	high = world_add_zone(0, ZONE_NORMAL, 8, 16, true);
	assert_int_equal(low->free_area[3].nr_free, 1);
	assert_int_equal(high->free_area[3].nr_free, 1);
	assert_int_equal(buddy_check(low) + buddy_check(high), 0);
}

/* A pageblock of type `a` freed beside a free one of type `b`. Only possible where a block holds two pageblocks. */
static unsigned long merged_blocks(enum migratetype a, enum migratetype b)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, a);
	set_pfnblock_migratetype(BASE_PFN + PB, b);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * PB, false);
	buddy_free_range(zone, BASE_PFN + PB, BASE_PFN + 2 * PB);
	buddy_free_range(zone, BASE_PFN, BASE_PFN + PB);
	assert_int_equal(buddy_check(zone), 0);
	return zone->free_area[MAX_PAGE_ORDER].nr_free;
}

static void pageblocks_merge_by_type(void **state)
{
	/* With 16K and 64K pages a largest block is one pageblock. */
	if (pageblock_order == MAX_PAGE_ORDER)
		return;
	assert_int_equal(merged_blocks(MIGRATE_MOVABLE, MIGRATE_MOVABLE), 1);
	assert_int_equal(merged_blocks(MIGRATE_UNMOVABLE, MIGRATE_MOVABLE), 1);
	/* The merged block has one type: the one freed last. */
	assert_int_equal(get_pfnblock_migratetype(BASE_PFN + PB), MIGRATE_UNMOVABLE);
	assert_int_equal(merged_blocks(MIGRATE_CMA, MIGRATE_CMA), 1);
	assert_int_equal(merged_blocks(MIGRATE_CMA, MIGRATE_MOVABLE), 0);
	assert_int_equal(merged_blocks(MIGRATE_MOVABLE, MIGRATE_ISOLATE), 0);
	assert_int_equal(merged_blocks(MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE), 0);
	assert_int_equal(merged_blocks(MIGRATE_ISOLATE, MIGRATE_ISOLATE), 1);
}

static void large_block_is_freed_by_its_pageblocks_types(void **state)
{
	struct zone *zone = world_simple(MAX_ORDER_NR_PAGES);
	struct page *page = take(zone, MAX_PAGE_ORDER, MIGRATE_MOVABLE);

	/* With 16K and 64K pages a largest block is one pageblock. */
	if (pageblock_order == MAX_PAGE_ORDER)
		return;
	set_pfnblock_migratetype(BASE_PFN + PB, MIGRATE_ISOLATE);
	give(zone, page, MAX_PAGE_ORDER);
	assert_int_equal(nr_blocks(zone, pageblock_order, MIGRATE_MOVABLE), 1);
	assert_int_equal(nr_blocks(zone, pageblock_order, MIGRATE_ISOLATE), 1);
	/* Isolated pages are not counted. */
	assert_int_equal(free_pages_of(zone), PB);
	assert_int_equal(buddy_check(zone), 0);
}

/*
 * A freed page whose next larger buddy is free is likely to merge soon: it goes to the end of its list.
 *
 *   0 [used] 1 [used] [2 3 free]      freeing 0 waits for 1
 */
static void block_that_may_merge_soon_is_given_last(void **state)
{
	struct zone *zone = world_simple(16);
	struct page *p[16];
	int i;

	for (i = 0; i < 16; i++)
		p[i] = take(zone, 0, MIGRATE_MOVABLE);
	give(zone, p[2], 0);
	give(zone, p[3], 0);
	give(zone, p[8], 0);
	give(zone, p[0], 0);
	assert_ptr_equal(page_list_first(&zone->free_area[0].free_list[MIGRATE_MOVABLE]), p[8]);
	assert_int_equal(buddy_check(zone), 0);
}

static void new_memory_is_given_last(void **state)
{
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 16, true);
	world_init_free(zone, 32, 48);
	zone->spanned_pages = 48;
	buddy_free_range(zone, BASE_PFN + 32, BASE_PFN + 48);
	assert_ptr_equal(take(zone, 4, MIGRATE_MOVABLE), world_page(0));
}

/* ------------------------------------------------------------------ bulk */

static void bulk_gives_the_pages_that_single_requests_would(void **state)
{
	struct page *one[64], *many[64];
	unsigned int n, i, order;
	struct zone *zone;

	for (order = 0; order < 3; order++) {
		for (n = 1; n <= 64U >> order; n++) {
			zone = world_simple(96);
			for (i = 0; i < n; i++)
				one[i] = take(zone, order, MIGRATE_MOVABLE);
			for (i = 0; i < n; i++)
				one[i] = (void *)(uintptr_t)page_to_pfn(one[i]);
			zone = world_simple(96);
			assert_int_equal(
				rmqueue_bulk(zone, order, n, MIGRATE_MOVABLE, 0, NULL, many), n);
			for (i = 0; i < n; i++) {
				assert_int_equal((uintptr_t)one[i], page_to_pfn(many[i]));
				assert_int_equal(page_ref_count(many[i]), 1);
				set_page_counts(many[i], PAGE_COUNTS_FREE);
			}
			assert_int_equal(buddy_check(zone), 0);
			for (i = 0; i < n; i++)
				give(zone, many[i], order);
			assert_int_equal(free_pages_of(zone), 96);
			assert_int_equal(
				zone->free_area[5].nr_free + 2 * zone->free_area[6].nr_free, 3);
		}
	}
}

static void bulk_of_more_than_there_is_gives_all(void **state)
{
	struct zone *zone = world_simple(24);
	struct page_list list = {0};

	assert_int_equal(rmqueue_bulk(zone, 0, 100, MIGRATE_UNMOVABLE, 0, &list, NULL), 24);
	assert_int_equal(rmqueue_bulk(zone, 0, 1, MIGRATE_UNMOVABLE, 0, &list, NULL), 0);
	assert_int_equal(free_pages_of(zone), 0);
	assert_int_equal(buddy_check(zone), 0);
}

/* ------------------------------------------------------------------ the check finds what is broken */

static void check_finds_what_is_broken(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *a = take(zone, 0, MIGRATE_MOVABLE), *b = take(zone, 0, MIGRATE_MOVABLE);
	struct page *block = page_list_first(&zone->free_area[4].free_list[MIGRATE_MOVABLE]);
	struct page saved = *block;

	assert_int_equal(buddy_check(zone), 0);
#define BROKEN(change, undo)                                                                       \
	change;                                                                                    \
	assert_true(buddy_check(zone) > 0);                                                        \
	undo;                                                                                      \
	assert_int_equal(buddy_check(zone), 0)
	BROKEN(block->order = 3, *block = saved);
	BROKEN(block->_refcount = 1, *block = saved);
	BROKEN(block->flags |= 1U << PG_dirty, *block = saved);
	BROKEN(block->word = 8, *block = saved);
	BROKEN(block->prev = 5, *block = saved);
	BROKEN(block->page_type = PAGE_TYPE_NONE, *block = saved);
	BROKEN(__SetPageBuddy(block + 1), __ClearPageBuddy(block + 1));
	BROKEN(__SetPageBuddy(a), __ClearPageBuddy(a));
	BROKEN(zone->free_area[4].nr_free++, zone->free_area[4].nr_free--);
	BROKEN(zone->vm_stat[NR_FREE_PAGES]++, zone->vm_stat[NR_FREE_PAGES]--);
	BROKEN(zone->vm_stat[NR_FREE_CMA_PAGES]++, zone->vm_stat[NR_FREE_CMA_PAGES]--);
	BROKEN(zone->nr_free_highatomic++, zone->nr_free_highatomic--);
	BROKEN(set_pfnblock_migratetype(BASE_PFN, MIGRATE_CMA),
	       set_pfnblock_migratetype(BASE_PFN, MIGRATE_MOVABLE));
	/* Two buddies that were not merged. */
	add_to_free_list(a, zone, 0, MIGRATE_MOVABLE, false);
	add_to_free_list(b, zone, 0, MIGRATE_MOVABLE, false);
	zone->vm_stat[NR_FREE_PAGES] += 2;
	assert_true(buddy_check(zone) > 0);
#undef BROKEN
}

/* ------------------------------------------------------------------ every short sequence on a zone of 16 pages */

/*
 * The model is the set of free pages: as all have one type, the blocks follow from it, the largest aligned ones. A block of
 * order n is to be had when one of them is as large, from the smallest that is. Depth-first through all sequences of eight
 * operations: allocate an order 0..4, or free one of the blocks held.
 */
#define TINY 16
#define DEPTH 8

struct tiny {
	struct zone *zone;
	u32 free; /* bit per page */
	struct {
		struct page *page;
		unsigned int order;
	} held[DEPTH];
	unsigned int nr_held;
	unsigned long sequences;
};

static u32 block_bits(unsigned int at, unsigned int order)
{
	return (order == 5 ? ~0U : (1U << (1U << order)) - 1) << at;
}

/* The largest aligned free block that holds page `at`: its order. */
static unsigned int model_order(u32 free, unsigned int at)
{
	unsigned int order = 0;

	while (order < 4) {
		u32 bits = block_bits(at & ~((2U << order) - 1), order + 1);

		if ((free & bits) != bits)
			break;
		order++;
	}
	return order;
}

static int model_smallest(u32 free, unsigned int order)
{
	int best = -1;
	unsigned int at;

	for (at = 0; at < TINY; at++) {
		int o;

		if (!(free >> at & 1))
			continue;
		o = (int)model_order(free, at);
		if (o >= (int)order && (best < 0 || o < best))
			best = o;
	}
	return best;
}

static void tiny_compare(const struct tiny *t)
{
	unsigned long expect[5] = {0};
	unsigned int at, order;

	for (at = 0; at < TINY; at++) {
		const struct page *page = world_page(at);

		order = t->free >> at & 1 ? model_order(t->free, at) : 9;
		if (order == 9 || (at & ((1U << order) - 1))) {
			if (PageBuddy(page))
				fail_msg("page %u is marked free", at);
			continue;
		}
		if (!PageBuddy(page) || page->order != order)
			fail_msg("page %u is no free block of order %u", at, order);
		expect[order]++;
	}
	for (order = 0; order < 5; order++)
		if (t->zone->free_area[order].nr_free != expect[order])
			fail_msg("order %u: %lu blocks, not %lu", order,
				 t->zone->free_area[order].nr_free, expect[order]);
	if (free_pages_of(t->zone) != (unsigned long)__builtin_popcount(t->free))
		fail_msg("NR_FREE_PAGES is wrong");
}

static void tiny_walk(struct tiny *t, unsigned int depth)
{
	struct page pages[TINY];
	struct zone zone;
	unsigned int order, i;

	t->sequences++;
	tiny_compare(t);
	if (depth == DEPTH)
		return;
	memcpy(pages, world_page(0), sizeof(pages));
	memcpy(&zone, t->zone, sizeof(zone));
	for (order = 0; order <= 4; order++) {
		struct tiny before = *t;
		int from = model_smallest(t->free, order);
		/* Types by turns: both must get the same, as a zone without a whole pageblock has nothing to claim. */
		struct page *page =
			take(t->zone, order, depth & 1 ? MIGRATE_UNMOVABLE : MIGRATE_MOVABLE);

		if ((page == NULL) != (from < 0))
			fail_msg("order %u: %s, but the model says otherwise", order,
				 page ? "a block" : "none");
		if (page) {
			unsigned int at = (unsigned int)(page - world_page(0));
			u32 bits = block_bits(at, order);

			if (at & ((1U << order) - 1) || (t->free & bits) != bits ||
			    (int)model_order(t->free, at) != from)
				fail_msg("order %u: page %u is wrong", order, at);
			t->free &= ~bits;
			t->held[t->nr_held].page = page;
			t->held[t->nr_held++].order = order;
			tiny_walk(t, depth + 1);
			memcpy(world_page(0), pages, sizeof(pages));
			memcpy(t->zone, &zone, sizeof(zone));
			before.sequences = t->sequences;
			*t = before;
		}
	}
	for (i = 0; i < t->nr_held; i++) {
		struct tiny before = *t;

		give(t->zone, t->held[i].page, t->held[i].order);
		t->free |= block_bits((unsigned int)(t->held[i].page - world_page(0)),
				      t->held[i].order);
		t->held[i] = t->held[--t->nr_held];
		tiny_walk(t, depth + 1);
		memcpy(world_page(0), pages, sizeof(pages));
		memcpy(t->zone, &zone, sizeof(zone));
		before.sequences = t->sequences;
		*t = before;
	}
}

static void every_sequence_of_eight_operations_on_sixteen_pages(void **state)
{
	struct tiny t = {.zone = world_simple(TINY), .free = 0xffff};

	tiny_walk(&t, 0);
	assert_true(t.sequences > 50000);
}

/* ------------------------------------------------------------------ random, against a bitmap of owners */

static u64 seed = 88172645463325252ULL;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

static void random_requests_of_all_types_lose_and_double_nothing(void **state)
{
	enum { BLOCKS = 400, ROUNDS = 60000 };
	static struct {
		struct page *page;
		unsigned int order;
	} held[BLOCKS];
	unsigned long pages = 2 * MAX_ORDER_NR_PAGES + 37, owned = 0, i;
	u8 *owner = calloc(pages, 1);
	unsigned int nr = 0, round;
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, pages, true);
	for (round = 0; round < ROUNDS; round++) {
		if (nr < BLOCKS && (rnd(100) < 52 || !nr)) {
			unsigned int order = rnd(100) < 70 ? rnd(3) : rnd(NR_PAGE_ORDERS);
			struct page *page = rmqueue_buddy(zone, order, rnd(MIGRATE_PCPTYPES),
							  rnd(2) ? ALLOC_CMA : 0);

			if (!page)
				continue;
			for (i = 0; i < 1UL << order; i++) {
				unsigned long at = (unsigned long)(page - world_page(0)) + i;

				assert_true(at < pages);
				assert_int_equal(owner[at], 0);
				owner[at] = 1;
			}
			owned += 1UL << order;
			held[nr].page = page;
			held[nr++].order = order;
		} else {
			unsigned int k = rnd(nr);

			for (i = 0; i < 1UL << held[k].order; i++)
				owner[(unsigned long)(held[k].page - world_page(0)) + i] = 0;
			owned -= 1UL << held[k].order;
			give(zone, held[k].page, held[k].order);
			held[k] = held[--nr];
		}
		assert_int_equal(free_pages_of(zone), pages - owned);
		if (round % 2000 == 0)
			assert_int_equal(buddy_check(zone), 0);
	}
	while (nr--)
		give(zone, held[nr].page, held[nr].order);
	assert_int_equal(free_pages_of(zone), pages);
	assert_int_equal(buddy_check(zone), 0);
	free(owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_becomes_largest_aligned_blocks),
		cmocka_unit_test(range_of_largest_blocks),
		cmocka_unit_test(range_goes_by_the_pageblocks_type),
		cmocka_unit_test(first_page_of_a_block_is_given_and_the_halves_stay),
		cmocka_unit_test(smallest_sufficient_block_is_split),
		cmocka_unit_test(buddies_of_different_zones_do_not_merge),
		cmocka_unit_test(pageblocks_merge_by_type),
		cmocka_unit_test(large_block_is_freed_by_its_pageblocks_types),
		cmocka_unit_test(block_that_may_merge_soon_is_given_last),
		cmocka_unit_test(new_memory_is_given_last),
		cmocka_unit_test(bulk_gives_the_pages_that_single_requests_would),
		cmocka_unit_test(bulk_of_more_than_there_is_gives_all),
		cmocka_unit_test(check_finds_what_is_broken),
		cmocka_unit_test(every_sequence_of_eight_operations_on_sixteen_pages),
		cmocka_unit_test(random_requests_of_all_types_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
