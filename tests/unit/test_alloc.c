// SPDX-License-Identifier: MIT
/* links: mm/page/buddy.c mm/page/buddy_check.c mm/page/fallback.c mm/page/pageset.c mm/page/alloc.c mm/page/free.c mm/page/bulk.c mm/page/complain.c */
/* granules: 12 16 */
/* Requests: which zone, which watermark, what happens when there is nothing; freeing; bulk; two threads. */
#include <pthread.h>

#include "page_world.h"

/* ------------------------------------------------------------------ the log, to see what was reported */

static char log_text[16384];
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

static void log_clear(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

static u64 now;
u64 port_clock_ns(void)
{
	return now += 100 * 1000000000ULL;
}

static int log_start(void **state)
{
	log_clear();
	return 0;
}

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

/* ------------------------------------------------------------------ the state of pages */

static void page_given_out_has_one_reference_and_nothing_else(void **state)
{
	unsigned int order, i;

	world_simple(4096);
	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 6; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		assert_int_equal(page_count(page), 1);
		for (i = 0; i < 1U << order; i++) {
			assert_int_equal(page[i].flags & PAGEFLAGS_MASK, 0);
			assert_int_equal(page[i]._mapcount, -1);
			assert_int_equal(page[i].word, 0);
			assert_int_equal(page_ref_count(page + i), i == 0);
		}
		__free_pages(page, order);
	}
	world_check();
}

static void zero_means_every_byte(void **state)
{
	unsigned int order;

	world_simple(4096);
	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 5; order++) {
		struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE, order);
		char *p = page_address(page);
		size_t i, size = PAGE_SIZE << order;

		memset(p, 0x5a, size);
		__free_pages(page, order);
		page = alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_ZERO, order);
		assert_ptr_equal(page_address(page), p);
		for (i = 0; i < size; i++)
			if (p[i])
				fail();
		__free_pages(page, order);
	}
}

static void compound_pages_are_made_and_undone(void **state)
{
	struct zone *zone = world_simple(4096);
	unsigned int order;

	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 6; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

		if (order) {
			assert_true(PageHead(page));
			assert_ptr_equal(compound_head(page + (1 << order) - 1), page);
		}
		assert_int_equal(compound_order(page), order);
		get_page(page + (1 << order) - 1);
		__free_pages(page, order);
		assert_int_equal(page_count(page), 1);
		put_page(page);
		assert_int_equal(page->flags & PAGEFLAGS_MASK, 0);
		world_check();
	}
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 4096);
	folio_put(folio_alloc(GFP_KERNEL, 3));
	world_check();
}

static void reference_taken_on_the_way_keeps_the_first_page_only(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	assert_true(get_page_unless_zero(page));
	__free_pages(page, 3);
	assert_int_equal(free_pages_of(zone), 64 - 1);
	assert_int_equal(page_count(page), 1);
	put_page(page);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

static void flags_of_contents_are_cleared_on_free(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	SetPageDirty(page);
	SetPageUptodate(page);
	SetPageReferenced(page + 1);
	__free_pages(page, 1);
	assert_int_equal(page[0].flags & PAGEFLAGS_MASK, 0);
	assert_int_equal(page[1].flags & PAGEFLAGS_MASK, 0);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* Free a page in a bad state: it is reported with `text`, and not put back. */
static void check_bad(struct page *page, unsigned int order, const char *text)
{
	struct zone *zone = page_zone(page);
	unsigned long free;

	drain_all_pages(NULL);
	free = free_pages_of(zone);
	log_clear();
	free_unref_page(page, order);
	assert_non_null(strstr(log_text, "BUG: Bad page state in process swapper/0"));
	assert_non_null(strstr(log_text, text));
	assert_int_equal(free_pages_of(zone), free);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), free);
	assert_int_equal(buddy_check(zone), 0);
}

static struct page *taken(unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | (order ? __GFP_COMP : 0), order);

	set_page_count(page, 0);
	return page;
}

static void page_still_in_use_is_reported_and_lost(void **state)
{
	struct page *page;
	unsigned int round, free;
	struct zone *zone = world_simple(1024);

	for (round = 0; round < 2; round++) {
		page = taken(0);
		page->_refcount = 1;
		check_bad(page, 0, "page dumped because: nonzero _refcount");
		page = taken(0);
		page->_mapcount = 0;
		check_bad(page, 0, "page dumped because: nonzero mapcount");
		page = taken(0);
		__SetPageSlab(page);
		check_bad(page, 0, "page dumped because: page still has a type");
		page = taken(0);
		page->word = 0x1000;
		check_bad(page, 0, "page dumped because: non-NULL mapping");
		page = taken(0);
		SetPageLRU(page);
		check_bad(page, 0, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set");
		assert_non_null(strstr(log_text, "(lru|node=0|zone=2)"));
		page = taken(0);
		SetPageReserved(page);
		check_bad(page, 0, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set");
		page = taken(2);
		check_bad(page + 1, 0, "tail page freed");
		page = taken(2);
		check_bad(page, 1, "wrong compound order");
		page = taken(3);
		clear_compound_head(page + 5);
		check_bad(page, 3, "compound_head not consistent");
		page = taken(3);
		page[5]._mapcount = 3;
		check_bad(page, 3, "nonzero mapcount");
		world_add_pagesets(1, 8, 64);
	}
	/* Broken memory is lost without a word. */
	page = taken(0);
	SetPageHWPoison(page);
	drain_all_pages(NULL);
	free = (unsigned int)free_pages_of(zone);
	log_clear();
	free_unref_page(page, 0);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), free);
	assert_string_equal(log_text, "");
}

static void freeing_twice_is_reported(void **state)
{
	struct page *page, *big;
	struct zone *zone = world_simple(64);

	page = alloc_page(GFP_KERNEL);
	big = alloc_pages(GFP_KERNEL, 4);
	__free_page(page);
	log_clear();
	__free_page(page);
	assert_non_null(strstr(log_text, "page dumped because: freed without a reference"));
	assert_int_equal(free_pages_of(zone), 64 - 16);
	world_check();
	log_clear();
	put_page(page);
	assert_non_null(strstr(log_text, "freed without a reference"));
	assert_int_equal(free_pages_of(zone), 64 - 16);
	world_check();
	/* The same in this CPU's list, and for a block, whose tails must not come twice either. */
	world_add_pagesets(1, 8, 64);
	page = alloc_page(GFP_KERNEL);
	__free_page(page);
	__free_pages(big, 4);
	log_clear();
	__free_page(page);
	assert_non_null(strstr(log_text, "freed without a reference"));
	log_clear();
	__free_pages(big, 4);
	assert_non_null(strstr(log_text, "freed without a reference"));
	world_check();
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* The pages beside it are free: they stay so, and the one that was freed is lost. */
static void freeing_more_than_there_was_is_reported(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_page(GFP_KERNEL);

	log_clear();
	__free_pages(page, 3);
	assert_non_null(strstr(log_text, "page dumped because: page still has a type"));
	assert_int_equal(free_pages_of(zone), 63);
	world_check();
}

/* ------------------------------------------------------------------ addresses and amounts */

static void addresses_are_of_the_linear_map(void **state)
{
	struct zone *zone = world_simple(256);
	unsigned long addr = __get_free_pages(GFP_KERNEL, 2), zero;

	assert_true(addr && IS_ALIGNED(addr - (unsigned long)world_memory, 4 * PAGE_SIZE));
	memset((void *)addr, 1, 4 * PAGE_SIZE);
	free_pages(addr, 2);
	zero = get_zeroed_page(GFP_KERNEL);
	assert_int_equal(*(char *)zero, 0);
	free_page(zero);
	free_pages(0, 3);
	assert_int_equal(free_pages_of(zone), 256);
	while (alloc_page(GFP_NOWAIT))
		;
	assert_int_equal(__get_free_page(GFP_NOWAIT), 0);
}

static void exact_amounts_cost_no_more(void **state)
{
	struct zone *zone = world_simple(MAX_ORDER_NR_PAGES * 2);
	size_t size;

	for (size = 1; size < 40 * PAGE_SIZE; size += 777) {
		unsigned long before = free_pages_of(zone);
		char *p = alloc_pages_exact(size, GFP_KERNEL);

		assert_non_null(p);
		memset(p, 1, size);
		assert_int_equal(before - free_pages_of(zone), PFN_UP(size));
		free_pages_exact(p, size);
		assert_int_equal(free_pages_of(zone), before);
	}
	assert_null(alloc_pages_exact(0, GFP_KERNEL));
	assert_null(alloc_pages_exact((PAGE_SIZE << MAX_PAGE_ORDER) + 1, GFP_KERNEL));
	assert_null(alloc_pages_exact(SIZE_MAX, GFP_KERNEL));
	assert_non_null(alloc_pages_exact_nid(0, PAGE_SIZE << MAX_PAGE_ORDER, GFP_KERNEL));
	world_check();
}

static void split_pages_are_freed_one_by_one(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	int i;

	split_page(page, 3);
	for (i = 7; i >= 0; i--)
		__free_page(page + i);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* ------------------------------------------------------------------ bulk */

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
		cmocka_unit_test(page_given_out_has_one_reference_and_nothing_else),
		cmocka_unit_test(zero_means_every_byte),
		cmocka_unit_test(compound_pages_are_made_and_undone),
		cmocka_unit_test(reference_taken_on_the_way_keeps_the_first_page_only),
		cmocka_unit_test(flags_of_contents_are_cleared_on_free),
		cmocka_unit_test_setup(page_still_in_use_is_reported_and_lost, log_start),
		cmocka_unit_test_setup(freeing_twice_is_reported, log_start),
		cmocka_unit_test_setup(freeing_more_than_there_was_is_reported, log_start),
		cmocka_unit_test(addresses_are_of_the_linear_map),
		cmocka_unit_test(exact_amounts_cost_no_more),
		cmocka_unit_test(split_pages_are_freed_one_by_one),
		cmocka_unit_test(bulk_fills_the_gaps_of_an_array),
		cmocka_unit_test(bulk_onto_a_list_and_zeroed),
		cmocka_unit_test(bulk_gives_less_when_there_is_less),
		cmocka_unit_test(nobody_gets_what_somebody_has),
		cmocka_unit_test(two_cpus_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
