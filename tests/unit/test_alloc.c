// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 16 */
/* Requests: which zone, which watermark, what happens when there is nothing; two threads. */
#include <pthread.h>

#include "page_log.h"

/* ------------------------------------------------------------------ gfp */

static void gfp_names_the_zone(void **state)
{
	assert_int_equal(gfp_zone(GFP_KERNEL), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_KERNEL | GFP_DMA), ZONE_DMA);
	assert_int_equal(gfp_zone(GFP_KERNEL | GFP_DMA32), ZONE_DMA32);
	assert_int_equal(gfp_zone(GFP_HIGHUSER), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	/* Movable, but not able to be in high memory. */
	assert_int_equal(gfp_zone(GFP_USER | __GFP_MOVABLE), ZONE_NORMAL);
	assert_int_equal(gfp_zone(__GFP_MOVABLE | GFP_DMA), ZONE_DMA);
	assert_int_equal(gfp_zone(__GFP_MOVABLE | GFP_DMA32), ZONE_DMA32);
	assert_int_equal(gfp_zone(GFP_DMA | GFP_DMA32), ZONE_DMA);
	assert_int_equal(gfp_zone(__GFP_RECLAIMABLE | GFP_DMA32), ZONE_DMA32);
}

static void gfp_names_the_type(void **state)
{
	assert_int_equal(gfp_migratetype(GFP_KERNEL), MIGRATE_UNMOVABLE);
	assert_int_equal(gfp_migratetype(GFP_HIGHUSER_MOVABLE), MIGRATE_MOVABLE);
	assert_int_equal(gfp_migratetype(GFP_KERNEL | __GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
	/* Both at once is a mistake that must not reach the reserve. */
	assert_int_equal(gfp_migratetype(__GFP_MOVABLE | __GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
}

static void gfp_names_are_linuxs(void **state)
{
	char buf[GFP_NAME_MAX];

	assert_int_equal(GFP_KERNEL, 0xcc0);
	assert_string_equal(gfp_names(buf, GFP_KERNEL), "GFP_KERNEL");
	assert_string_equal(gfp_names(buf, GFP_ATOMIC | __GFP_ZERO), "GFP_ATOMIC|__GFP_ZERO");
	assert_string_equal(gfp_names(buf, GFP_HIGHUSER_MOVABLE | __GFP_COMP),
			    "GFP_HIGHUSER_MOVABLE|__GFP_COMP");
	assert_string_equal(gfp_names(buf, 0), "0");
	gfp_names(buf, ~0U);
	assert_true(strlen(buf) < GFP_NAME_MAX);
}

/* ------------------------------------------------------------------ zones */

/*
 *   node 0:  |DMA 4096|DMA32 4096|NORMAL 4096|MOVABLE 4096|
 */
static void world_four_zones(void)
{
	world_init(1);
	world_add_zone(0, ZONE_DMA, 0, 4096, true);
	world_add_zone(0, ZONE_DMA32, 4096, 8192, true);
	world_add_zone(0, ZONE_NORMAL, 8192, 12288, true);
	world_add_zone(0, ZONE_MOVABLE, 12288, 16384, true);
	world_build_zonelists();
}

static unsigned int zone_for(gfp_t gfp)
{
	struct page *page = alloc_page(gfp);
	unsigned int z;

	assert_non_null(page);
	z = page_zonenum(page);
	__free_page(page);
	return z;
}

static void request_gets_the_highest_zone_it_allows(void **state)
{
	unsigned int round;

	world_four_zones();
	/* Without pagesets, and with: the short way must agree. */
	for (round = 0; round < 2; round++) {
		unsigned int twice;

		for (twice = 0; twice < 2; twice++) {
			assert_int_equal(zone_for(GFP_KERNEL), ZONE_NORMAL);
			assert_int_equal(zone_for(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
			assert_int_equal(zone_for(GFP_KERNEL | GFP_DMA32), ZONE_DMA32);
			assert_int_equal(zone_for(GFP_KERNEL | GFP_DMA), ZONE_DMA);
		}
		world_add_pagesets(1, 8, 64);
	}
	world_check();
}

static void request_falls_to_lower_zones_but_not_to_higher(void **state)
{
	gfp_t quiet = GFP_NOWAIT;
	unsigned int seen[MAX_NR_ZONES] = {0};
	struct page *page;

	world_four_zones();
	while ((page = alloc_page(quiet | GFP_DMA32)))
		seen[page_zonenum(page)]++;
	assert_int_equal(seen[ZONE_DMA], 4096);
	assert_int_equal(seen[ZONE_DMA32], 4096);
	assert_int_equal(seen[ZONE_NORMAL] + seen[ZONE_MOVABLE], 0);
	while ((page = alloc_page(quiet)))
		seen[page_zonenum(page)]++;
	assert_int_equal(seen[ZONE_NORMAL], 4096);
	assert_int_equal(seen[ZONE_MOVABLE], 0);
	while ((page = alloc_page(quiet | __GFP_HIGHMEM | __GFP_MOVABLE)))
		seen[page_zonenum(page)]++;
	assert_int_equal(seen[ZONE_MOVABLE], 4096);
	world_check();
}

static void world_two_nodes(void)
{
	world_init(2);
	world_add_zone(0, ZONE_NORMAL, 0, 4096, true);
	world_add_zone(1, ZONE_NORMAL, PAGES_PER_SECTION, PAGES_PER_SECTION + 4096, true);
	world_build_zonelists();
	world_add_pagesets(2, 8, 64);
}

static void own_node_first_then_the_other(void **state)
{
	struct page *page;
	unsigned int n[2] = {0};

	world_two_nodes();
	set_cpu_numa_node(0, 1);
	assert_int_equal(numa_node_id(), 1);
	page = alloc_page(GFP_KERNEL);
	assert_int_equal(page_to_nid(page), 1);
	__free_page(page);
	page = alloc_pages_node(0, GFP_KERNEL, 0);
	assert_int_equal(page_to_nid(page), 0);
	page = alloc_pages_node(NUMA_NO_NODE, GFP_KERNEL, 0);
	assert_int_equal(page_to_nid(page), 1);
	while ((page = alloc_page(GFP_NOWAIT)))
		n[page_to_nid(page)]++;
	assert_true(n[0] > 4000 && n[1] > 4000);
	world_check();
}

static void thisnode_does_not_leave_the_node(void **state)
{
	struct page *page;
	unsigned int n[2] = {0};

	world_two_nodes();
	while ((page = alloc_pages_node(0, GFP_NOWAIT | __GFP_THISNODE, 0)))
		n[page_to_nid(page)]++;
	while ((page = alloc_page(GFP_NOWAIT | __GFP_THISNODE)))
		n[page_to_nid(page)]++;
	assert_int_equal(n[0], 4096);
	assert_int_equal(n[1], 0);
	/* A node that does not exist. */
	assert_null(alloc_pages_node(40, GFP_NOWAIT | __GFP_THISNODE, 0));
	page = alloc_pages_node(40, GFP_NOWAIT, 0);
	assert_int_equal(page_to_nid(page), 1);
	__free_page(page);
	/* The short way leads to the own node also when it is empty. */
	page = alloc_page(GFP_KERNEL);
	assert_int_equal(page_to_nid(page), 1);
	assert_null(alloc_page(GFP_NOWAIT | __GFP_THISNODE));
}

static void nodemask_is_obeyed(void **state)
{
	nodemask_t only1 = {.bits = {2}}, none = {.bits = {0}};
	struct page *page;

	world_two_nodes();
	page = __alloc_pages(GFP_KERNEL, 0, 0, &only1);
	assert_int_equal(page_to_nid(page), 1);
	assert_null(__alloc_pages(GFP_NOWAIT, 0, 0, &none));
}

static void nothing_before_there_are_zones(void **state)
{
	world_init(1);
	assert_null(alloc_page(GFP_NOWAIT));
	assert_null(alloc_pages_node(0, GFP_NOWAIT, 0));
	world_init(0);
	assert_null(alloc_page(GFP_NOWAIT));
	assert_int_equal(numa_node_id(), 0);
}

/* ------------------------------------------------------------------ watermarks */

static struct zone *world_with_marks(unsigned long pages)
{
	struct zone *zone = world_simple(pages);

	zone->_watermark[WMARK_MIN] = 400;
	zone->_watermark[WMARK_LOW] = 500;
	zone->_watermark[WMARK_HIGH] = 600;
	return zone;
}

/* How many pages a kind of request leaves free. */
static unsigned long left_by(gfp_t gfp)
{
	struct zone *zone = world_with_marks(4096);

	while (alloc_page(gfp | __GFP_NOWARN))
		;
	assert_int_equal(buddy_check(zone), 0);
	return free_pages_of(zone);
}

static void each_kind_of_request_has_its_own_floor(void **state)
{
	/* GFP_KERNEL goes down to min; a request needs more than the mark to be free. */
	assert_int_equal(left_by(GFP_KERNEL), 400);
	assert_int_equal(left_by(GFP_NOWAIT), 400);
	/* __GFP_HIGH: half; and with no way to wait, three eighths. */
	assert_int_equal(left_by(GFP_KERNEL | __GFP_HIGH), 200);
	assert_int_equal(left_by(GFP_ATOMIC), 150);
	assert_int_equal(left_by(GFP_ATOMIC | __GFP_NOMEMALLOC), 200);
	assert_int_equal(left_by(GFP_KERNEL | __GFP_MEMALLOC), 0);
	assert_int_equal(left_by(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC), 400);
}

static void lowmem_reserve_keeps_a_low_zone_for_its_own(void **state)
{
	struct zone *dma, *normal;
	struct page *page;
	unsigned int from_dma = 0;

	world_init(1);
	dma = world_add_zone(0, ZONE_DMA, 0, 4096, true);
	normal = world_add_zone(0, ZONE_NORMAL, 4096, 8192, true);
	world_build_zonelists();
	dma->lowmem_reserve[ZONE_NORMAL] = 1000;
	while ((page = alloc_page(GFP_NOWAIT)))
		from_dma += page_zonenum(page) == ZONE_DMA;
	assert_int_equal(from_dma, 4096 - 1000);
	assert_int_equal(free_pages_of(normal), 0);
	while ((page = alloc_page(GFP_NOWAIT | GFP_DMA)))
		from_dma++;
	assert_int_equal(from_dma, 4096);
}

static void cma_pages_do_not_count_for_who_cannot_use_them(void **state)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * pageblock_nr_pages, true);
	world_build_zonelists();
	assert_true(zone_watermark_ok(zone, 0, pageblock_nr_pages, ZONE_NORMAL, ALLOC_CMA));
	assert_false(zone_watermark_ok(zone, 0, pageblock_nr_pages, ZONE_NORMAL, 0));
	assert_true(zone_watermark_ok(zone, 0, pageblock_nr_pages - 1, ZONE_NORMAL, 0));
}

static void high_order_needs_a_block_not_only_pages(void **state)
{
	struct zone *zone = world_simple(4096);
	unsigned long i;

	for (i = 0; i < 4096; i++)
		alloc_page(GFP_NOWAIT);
	for (i = 0; i < 4096; i += 2)
		__free_page(world_page(i));
	assert_int_equal(free_pages_of(zone), 2048);
	assert_true(zone_watermark_ok(zone, 0, 100, ZONE_NORMAL, 0));
	assert_false(zone_watermark_ok(zone, 1, 100, ZONE_NORMAL, 0));
	assert_null(alloc_pages(GFP_NOWAIT, 1));
	__free_page(world_page(1));
	assert_true(zone_watermark_ok(zone, 1, 100, ZONE_NORMAL, 0));
	assert_non_null(alloc_pages(GFP_NOWAIT, 1));
	/* Blocks that are still to come count. */
	zone->deferred_pages = 1;
	assert_true(zone_watermark_ok(zone, 4, 100, ZONE_NORMAL, 0));
}

static void atomic_high_order_makes_a_reserve_and_kernel_requests_respect_it(void **state)
{
	struct zone *zone =
		world_simple(100 * pageblock_nr_pages < WORLD_SECTIONS * PAGES_PER_SECTION
				     ? 100 * pageblock_nr_pages
				     : WORLD_SECTIONS * PAGES_PER_SECTION);
	struct page *page;

	zone->_watermark[WMARK_LOW] = zone->managed_pages;
	page = alloc_pages(GFP_ATOMIC, 2);
	assert_non_null(page);
	if (zone->managed_pages / 100 >= pageblock_nr_pages) {
		assert_int_equal(get_pageblock_migratetype(page), MIGRATE_HIGHATOMIC);
		assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr_pages);
	} else {
		assert_int_equal(zone->nr_reserved_highatomic, 0);
	}
	assert_int_equal(buddy_check(zone), 0);
}

static void a_page_in_the_cpus_list_is_given_below_the_watermark(void **state)
{
	struct zone *zone = world_simple(4096);
	struct page *page;

	world_add_pagesets(1, 8, 64);
	page = alloc_page(GFP_HIGHUSER_MOVABLE);
	__free_page(page);
	zone->_watermark[WMARK_MIN] = zone->_watermark[WMARK_LOW] = 1UL << 40;
	assert_ptr_equal(alloc_page(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE), page);
}

static void zone_grows_when_its_lists_are_empty(void **state)
{
	struct zone *zone;
	struct page *page;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, 2 * PAGES_PER_SECTION, false);
	world_defer(zone, 0, PAGES_PER_SECTION);
	world_defer(zone, PAGES_PER_SECTION, 2 * PAGES_PER_SECTION);
	world_build_zonelists();
	page = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	assert_non_null(page);
	assert_int_equal(world_grows, 1);
	assert_int_equal(zone->deferred_pages, PAGES_PER_SECTION);
	while (alloc_pages(GFP_NOWAIT, MAX_PAGE_ORDER))
		;
	assert_int_equal(world_grows, 2);
	assert_int_equal(free_pages_of(zone), 0);
	world_check();
}

/* ------------------------------------------------------------------ the slow path */

static unsigned int woken, reclaims, compactions, ooms;
static struct page *hoard[64];
static unsigned int hoarded;

static void wake(struct zone *zone, gfp_t gfp, unsigned int order, enum zone_type highest)
{
	woken++;
}

static unsigned long reclaim(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	reclaims++;
	if (!hoarded)
		return 0;
	__free_page(hoard[--hoarded]);
	return 1;
}

static bool compact(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	compactions++;
	return false;
}

static bool kill(gfp_t gfp, unsigned int order)
{
	ooms++;
	if (!hoarded)
		return false;
	__free_page(hoard[--hoarded]);
	return true;
}

/* A full zone, with `keep` pages that somebody could free. */
static struct zone *world_full(unsigned int keep)
{
	struct zone *zone = world_simple(1024);

	hoarded = woken = reclaims = compactions = ooms = 0;
	for (;;) {
		struct page *page = alloc_page(GFP_NOWAIT);

		if (!page)
			break;
		if (hoarded < keep)
			hoard[hoarded++] = page;
	}
	return zone;
}

static void reclaim_is_asked_when_the_caller_can_wait(void **state)
{
	world_full(3);
	page_alloc_hooks.direct_reclaim = reclaim;
	page_alloc_hooks.wake_kswapd = wake;
	assert_null(alloc_page(GFP_NOWAIT));
	assert_int_equal(reclaims, 0);
	assert_true(woken > 0);
	assert_non_null(alloc_page(GFP_KERNEL));
	assert_int_equal(reclaims, 1);
	woken = 0;
	assert_non_null(alloc_page(__GFP_DIRECT_RECLAIM));
	assert_int_equal(woken, 0);
}

/* Somebody else takes whatever is reclaimed: the request must end all the same, first by the OOM killer's help. */
static unsigned long reclaimed_for_others(gfp_t gfp, unsigned int order, int nid,
					  nodemask_t *nodemask)
{
	reclaims++;
	return 32;
}

static void reclaim_that_helps_others_only_comes_to_an_end(void **state)
{
	world_full(1);
	page_alloc_hooks.direct_reclaim = reclaimed_for_others;
	page_alloc_hooks.out_of_memory = kill;
	assert_non_null(alloc_page(GFP_KERNEL));
	assert_int_equal(ooms, 1);
	/* 1,024 pages of the zone, 32 at a time, and one round more. */
	assert_int_equal(reclaims, 1024 / 32 + 1);
	reclaims = 0;
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 2));
	assert_int_equal(reclaims, 16 + 1);
	assert_int_equal(ooms, 2);
}

static void oom_is_asked_last_and_not_for_costly_or_norety_requests(void **state)
{
	world_full(1);
	page_alloc_hooks.out_of_memory = kill;
	assert_null(alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN));
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, PAGE_ALLOC_COSTLY_ORDER + 1));
	assert_null(alloc_page(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN));
	assert_int_equal(ooms, 0);
	assert_non_null(alloc_page(GFP_KERNEL));
	assert_int_equal(ooms, 1);
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	assert_int_equal(ooms, 2);
}

static void compaction_is_asked_for_blocks(void **state)
{
	world_full(0);
	page_alloc_hooks.direct_compact = compact;
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	assert_int_equal(compactions, 0);
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 2));
	assert_true(compactions > 0);
}

/* Progress without result ends: sixteen rounds, or at once for a costly order. */
static unsigned long claims_progress(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	reclaims++;
	return reclaims < 1000;
}

static void rounds_of_reclaim_are_bounded_for_large_blocks(void **state)
{
	world_full(0);
	page_alloc_hooks.direct_reclaim = claims_progress;
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL,
				PAGE_ALLOC_COSTLY_ORDER + 1));
	assert_int_equal(reclaims, 16);
}

static void nofail_retries_until_there_is_a_page(void **state)
{
	world_full(1);
	page_alloc_hooks.out_of_memory = kill;
	assert_non_null(alloc_page(GFP_KERNEL | __GFP_NOFAIL));
	/* And with nobody who could free anything it does not hang. */
	page_alloc_hooks.out_of_memory = NULL;
	expect_assert_failure(alloc_page(GFP_KERNEL | __GFP_NOFAIL));
}

static void pages_in_other_cpus_lists_are_found_before_giving_up(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page, *last = NULL;

	world_add_pagesets(2, 4, 64);
	while ((page = alloc_page(GFP_NOWAIT)))
		last = page;
	host_cpu = 1;
	__free_page(last);
	host_cpu = 0;
	assert_int_equal(zone->pageset[1].count, 1);
	assert_null(alloc_page(GFP_NOWAIT));
	assert_ptr_equal(alloc_page(GFP_KERNEL), last);
}

static void atomic_reserve_is_given_up_before_failing(void **state)
{
	struct zone *zone;

	world_init(1);
	set_pfnblock_migratetype(BASE_PFN, MIGRATE_HIGHATOMIC);
	zone = world_add_zone(0, ZONE_NORMAL, 0, pageblock_nr_pages, true);
	zone->nr_reserved_highatomic = pageblock_nr_pages;
	world_build_zonelists();
	assert_null(alloc_page(GFP_NOWAIT | __GFP_NOMEMALLOC));
	assert_non_null(alloc_page(GFP_KERNEL));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	world_check();
}

static void failure_is_reported_in_linuxs_words(void **state)
{
	world_full(0);
	log_clear();
	assert_null(alloc_pages(GFP_KERNEL, 4));
	assert_non_null(strstr(log_text, "swapper/0: page allocation failure: order:4, "
					 "mode:0xcc0(GFP_KERNEL), nodemask=(null)"));
	assert_non_null(strstr(log_text, "Node 0 test free:0kB"));
	log_clear();
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 4));
	assert_string_equal(log_text, "");
}

static void order_beyond_the_largest_is_refused(void **state)
{
	world_simple(4096);
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_PAGE_ORDER + 1));
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 64));
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, ~0U));
}

/* ------------------------------------------------------------------ random requests against owners and contents */

static u64 seed;

static unsigned int rnd_of(u64 *s, unsigned int n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (unsigned int)(*s % n);
}

struct held {
	struct page *page;
	unsigned int order;
	u64 pattern;
};

static void fill(const struct held *h)
{
	unsigned long i;

	for (i = 0; i < 1UL << h->order; i++)
		*(u64 *)page_address(h->page + i) = h->pattern + i;
}

static bool intact(const struct held *h)
{
	unsigned long i;

	for (i = 0; i < 1UL << h->order; i++)
		if (*(u64 *)page_address(h->page + i) != h->pattern + i)
			return false;
	return true;
}

static const gfp_t kinds[] = {
	GFP_KERNEL | __GFP_NOWARN,	     GFP_HIGHUSER_MOVABLE | __GFP_NOWARN,
	GFP_ATOMIC | __GFP_NOWARN,	     GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_NOWARN,
	GFP_KERNEL | GFP_DMA | __GFP_NOWARN, GFP_KERNEL | __GFP_COMP | __GFP_NOWARN,
	GFP_NOWAIT | __GFP_THISNODE,
};

/* Requests and frees at random; every block keeps what its owner wrote. Returns false when one did not. */
static bool churn(u64 s, unsigned int rounds, struct held *held, unsigned int max)
{
	unsigned int nr = 0, round;
	bool good = true;

	for (round = 0; round < rounds; round++) {
		if (nr < max && rnd_of(&s, 100) < 53) {
			struct held *h = &held[nr];

			h->order = rnd_of(&s, 100) < 80 ? 0 : rnd_of(&s, 6);
			h->page = alloc_pages(kinds[rnd_of(&s, ARRAY_SIZE(kinds))], h->order);
			if (!h->page)
				continue;
			h->pattern = s;
			fill(h);
			nr++;
		} else if (nr) {
			unsigned int k = rnd_of(&s, nr);

			good &= intact(&held[k]);
			__free_pages(held[k].page, held[k].order);
			held[k] = held[--nr];
		}
		if (rnd_of(&s, 5000) == 0)
			drain_all_pages(NULL);
	}
	while (nr--) {
		good &= intact(&held[nr]);
		__free_pages(held[nr].page, held[nr].order);
	}
	return good;
}

static void world_for_churn(void)
{
	struct zone *zone;

	world_init(1);
	world_add_zone(0, ZONE_DMA, 0, 1500, true);
	set_pfnblock_migratetype(BASE_PFN + PAGES_PER_SECTION, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, PAGES_PER_SECTION, PAGES_PER_SECTION + 3000, true);
	zone->_watermark[WMARK_MIN] = 20;
	zone->_watermark[WMARK_LOW] = 40;
	world_build_zonelists();
	world_add_pagesets(2, 8, 50);
}

static void world_after_churn(void)
{
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(world_zone(0, ZONE_DMA)), 1500);
	assert_int_equal(free_pages_of(world_zone(0, ZONE_NORMAL)), 3000);
	world_check();
}

static void nobody_gets_what_somebody_has(void **state)
{
	static struct held held[3000];

	seed = 0x2545f4914f6cdd1dULL;
	world_for_churn();
	assert_true(churn(seed, 200000, held, ARRAY_SIZE(held)));
	world_after_churn();
}

static void *churn_thread(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	struct held *held = calloc(1500, sizeof(*held));
	bool good;

	host_cpu = cpu;
	good = churn(0x9e3779b97f4a7c15ULL * (cpu + 1), 100000, held, 1500);
	free(held);
	return (void *)(uintptr_t)good;
}

static void two_cpus_do_not_disturb_each_other(void **state)
{
	pthread_t thread[2];
	void *good;
	unsigned int i;

	world_for_churn();
	for (i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, churn_thread, (void *)(uintptr_t)i), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], &good);
		assert_true(good);
	}
	world_after_churn();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gfp_names_the_zone),
		cmocka_unit_test(gfp_names_the_type),
		cmocka_unit_test(gfp_names_are_linuxs),
		cmocka_unit_test(request_gets_the_highest_zone_it_allows),
		cmocka_unit_test(request_falls_to_lower_zones_but_not_to_higher),
		cmocka_unit_test(own_node_first_then_the_other),
		cmocka_unit_test(thisnode_does_not_leave_the_node),
		cmocka_unit_test(nodemask_is_obeyed),
		cmocka_unit_test(nothing_before_there_are_zones),
		cmocka_unit_test(each_kind_of_request_has_its_own_floor),
		cmocka_unit_test(lowmem_reserve_keeps_a_low_zone_for_its_own),
		cmocka_unit_test(cma_pages_do_not_count_for_who_cannot_use_them),
		cmocka_unit_test(high_order_needs_a_block_not_only_pages),
		cmocka_unit_test(atomic_high_order_makes_a_reserve_and_kernel_requests_respect_it),
		cmocka_unit_test(a_page_in_the_cpus_list_is_given_below_the_watermark),
		cmocka_unit_test(zone_grows_when_its_lists_are_empty),
		cmocka_unit_test(reclaim_is_asked_when_the_caller_can_wait),
		cmocka_unit_test(reclaim_that_helps_others_only_comes_to_an_end),
		cmocka_unit_test(oom_is_asked_last_and_not_for_costly_or_norety_requests),
		cmocka_unit_test(compaction_is_asked_for_blocks),
		cmocka_unit_test(rounds_of_reclaim_are_bounded_for_large_blocks),
		cmocka_unit_test(nofail_retries_until_there_is_a_page),
		cmocka_unit_test(pages_in_other_cpus_lists_are_found_before_giving_up),
		cmocka_unit_test(atomic_reserve_is_given_up_before_failing),
		cmocka_unit_test_setup(failure_is_reported_in_linuxs_words, log_start),
		cmocka_unit_test(order_beyond_the_largest_is_refused),
		cmocka_unit_test(nobody_gets_what_somebody_has),
		cmocka_unit_test(two_cpus_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
