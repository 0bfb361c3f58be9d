// SPDX-License-Identifier: MIT
/*
 * Compaction: movable pages go from the lower end of a zone to free pages at its upper end, until a block of the wanted
 * order is free.
 *
 *   zone  |#.m.|mm.u|.m..|....|..m.|....|....|
 *          ^--- migrate scanner    free scanner ---^       they stop when they meet
 *
 * Owns compact_control, each zone's struct compact_state (deferral, where the scanners were, pageblocks to skip). Invariants: a
 * page isolated as free has one reference and is in cc->freepages or is the target of a move; when compact_zone returns, no page
 * is isolated: what was not used is free again, what was not moved is its owner's.
 *
 * Locking: zone->lock while the free scanner takes blocks; the migrate scanner takes page references only
 * (isolate_movable_page). compact_state is hints: read and written untorn, without a lock.
 *
 * Against Linux 6.12: the same two scanners, suitability, fragmentation index, deferral and skip hints. There is no kcompactd, and no
 * proactive compaction.
 */
#include <quire/compaction.h>
#include <quire/mm_init.h>
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "internal.h"

int sysctl_extfrag_threshold = 500;

/* ------------------------------------------------------------------ what a zone remembers */

/* Pageblocks that the skip hints cover: one bit each, by number modulo. A stale or foreign bit costs a chance, not correctness. */
#define SKIP_BITS 1024U

struct compact_state {
	unsigned int considered,
		defer_shift; /* tries since the last failure; log2 of how many to leave out */
	int order_failed;    /* smaller orders are not deferred */
	unsigned long migrate_pfn, free_pfn; /* where the scanners go on; 0: from the ends */
	bool blockskip_flush; /* the scanners met: forget the hints at the next start */
	u64 skip[SKIP_BITS / 64];
};

/* By node and zone. */
static struct compact_state *states[MAX_NUMNODES][MAX_NR_ZONES];

/* NULL: nothing is remembered of the zone. */
static struct compact_state *state_of(const struct zone *zone)
{
	return __atomic_load_n(&states[zone_to_nid(zone)][zone_idx(zone)], __ATOMIC_ACQUIRE);
}

/* Not when first needed: then an unmovable page more would lie in the way of what is wanted. */
void compaction_init(void)
{
	struct zone *zone;

	for_each_zone(zone)
	{
		struct compact_state **slot = &states[zone_to_nid(zone)][zone_idx(zone)];

		if (managed_zone(zone) && !*slot)
			__atomic_store_n(slot,
					 alloc_pages_exact(sizeof(**slot), GFP_KERNEL | __GFP_ZERO),
					 __ATOMIC_RELEASE);
	}
}

void compaction_forget(void)
{
	unsigned int nid, z;

	for (nid = 0; nid < MAX_NUMNODES; nid++)
		for (z = 0; z < MAX_NR_ZONES; z++) {
			if (states[nid][z])
				free_pages_exact(states[nid][z], sizeof(struct compact_state));
			states[nid][z] = NULL;
		}
}

#define GET(s, field) __atomic_load_n(&(s)->field, __ATOMIC_RELAXED)
#define PUT(s, field, v) __atomic_store_n(&(s)->field, (v), __ATOMIC_RELAXED)

static unsigned long skip_bit(unsigned long pfn)
{
	return (pfn >> pageblock_order) % SKIP_BITS;
}

static bool get_skip(const struct compact_state *s, unsigned long pfn)
{
	return s && (GET(s, skip[skip_bit(pfn) / 64]) >> (skip_bit(pfn) % 64) & 1);
}

static void set_skip(struct compact_state *s, unsigned long pfn)
{
	if (s)
		__atomic_fetch_or(&s->skip[skip_bit(pfn) / 64], 1ULL << (skip_bit(pfn) % 64),
				  __ATOMIC_RELAXED);
}

void reset_isolation_suitable(struct zone *zone)
{
	struct compact_state *s = state_of(zone);
	unsigned int i;

	if (!s)
		return;
	for (i = 0; i < ARRAY_SIZE(s->skip); i++)
		PUT(s, skip[i], 0);
	PUT(s, migrate_pfn, 0);
	PUT(s, free_pfn, 0);
	PUT(s, blockskip_flush, false);
}

void defer_compaction(struct zone *zone, int order)
{
	struct compact_state *s = state_of(zone);

	if (!s)
		return;
	PUT(s, considered, 0);
	PUT(s, defer_shift, min(GET(s, defer_shift) + 1, (unsigned int)COMPACT_MAX_DEFER_SHIFT));
	if (order < GET(s, order_failed))
		PUT(s, order_failed, order);
}

bool compaction_deferred(struct zone *zone, int order)
{
	struct compact_state *s = state_of(zone);
	unsigned int limit, n;

	if (!s || order < GET(s, order_failed))
		return false;
	limit = 1U << GET(s, defer_shift);
	n = GET(s, considered) + 1;
	PUT(s, considered, min(n, limit));
	return n < limit;
}

void compaction_defer_reset(struct zone *zone, int order, bool alloc_success)
{
	struct compact_state *s = state_of(zone);

	if (!s)
		return;
	if (alloc_success) {
		PUT(s, considered, 0);
		PUT(s, defer_shift, 0);
	}
	if (order >= GET(s, order_failed))
		PUT(s, order_failed, order + 1);
}

/* ------------------------------------------------------------------ is it worth while */

int fragmentation_index(struct zone *zone, unsigned int order)
{
	unsigned long free = 0, blocks = 0, suitable = 0, wanted = 1UL << order;
	unsigned int o;

	if (order > MAX_PAGE_ORDER)
		return 0;
	for (o = 0; o < NR_PAGE_ORDERS; o++) {
		unsigned long n = __atomic_load_n(&zone->free_area[o].nr_free, __ATOMIC_RELAXED);

		blocks += n;
		free += n << o;
		if (o >= order)
			suitable += n << (o - order);
	}
	if (!blocks)
		return 0;
	if (suitable)
		return -1000;
	return 1000 - (int)((1000 + free * 1000 / wanted) / blocks);
}

bool compaction_suitable(struct zone *zone, int order, int highest_zoneidx)
{
	unsigned long mark =
		order > PAGE_ALLOC_COSTLY_ORDER ? low_wmark_pages(zone) : min_wmark_pages(zone);

	/* Pages to move into: twice the block, because the scanners leave both copies for a moment. */
	if (!zone_watermark_ok(zone, 0, mark + (2UL << max(order, 0)),
			       (enum zone_type)highest_zoneidx, ALLOC_CMA))
		return false;
	if (order > PAGE_ALLOC_COSTLY_ORDER) {
		int index = fragmentation_index(zone, (unsigned int)order);

		if (index >= 0 && index <= sysctl_extfrag_threshold)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ one run */

struct compact_control {
	struct zone *zone;
	struct compact_state *state;
	struct page_list freepages; /* one reference each */
	unsigned long nr_freepages;
	struct page_list migratepages;
	unsigned long nr_migratepages;
	unsigned long start, end;	     /* of the zone */
	unsigned long migrate_pfn, free_pfn; /* scanned is: below the one, from the other on */
	int order;
	enum migratetype mt;
	enum migrate_mode mode;
	bool ignore_skip_hint, whole;
};

/* Pages moved at once (Linux: COMPACT_CLUSTER_MAX). */
#define COMPACT_CLUSTER_MAX 32UL

/* The pageblock of pfn when its struct pages are there and its first one in the zone is the zone's, else NULL. */
static struct page *pageblock_of_zone(const struct compact_control *cc, unsigned long pfn)
{
	struct page *page;

	pfn = max(pageblock_start_pfn(pfn), cc->start);
	if (!pfn_ready(pfn))
		return NULL;
	page = pfn_to_page(pfn);
	return page_zone(page) == cc->zone ? page : NULL;
}

/* May pages be moved out of such a pageblock? In a hurry only out of those that the request could use. */
static bool suitable_source(const struct compact_control *cc, unsigned long pfn)
{
	enum migratetype mt = get_pfnblock_migratetype(pfn);

	if (is_migrate_isolate(mt))
		return false;
	if (cc->mode != MIGRATE_ASYNC)
		return true;
	return cc->mt == MIGRATE_MOVABLE ? mt == MIGRATE_MOVABLE || is_migrate_cma(mt)
					 : mt == cc->mt;
}

/* Movable pages go where movable pages are, and not into a block that is free already as the request wants it. */
static bool suitable_target(const struct compact_control *cc, unsigned long pfn)
{
	const struct page *page = pfn_to_page(max(pageblock_start_pfn(pfn), cc->start));
	enum migratetype mt = get_pfnblock_migratetype(pfn);

	if (PageBuddy(page) && buddy_order_unsafe(page) >= pageblock_order)
		return false;
	return mt == MIGRATE_MOVABLE || is_migrate_cma(mt);
}

/* ------------------------------------------------------------------ the free scanner */

/* Up to `want` free pages of one pageblock leave the lists. */
static unsigned long isolate_freepages_block(struct compact_control *cc, unsigned long pfn,
					     unsigned long end, unsigned long want)
{
	struct zone *zone = cc->zone;
	unsigned long flags = spin_lock_irqsave(&zone->lock), got = 0, scanned = 0;
	enum migratetype mt = get_pfnblock_migratetype(pfn);

	/* It may have been isolated meanwhile. */
	if (mt != MIGRATE_MOVABLE && !is_migrate_cma(mt))
		goto out;
	while (pfn < end && got < want) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order;
		unsigned long i;

		scanned++;
		if (!PageBuddy(page) || page_zone(page) != zone) {
			pfn++;
			continue;
		}
		order = buddy_order(page);
		/* A block that reaches out of the pageblock is large enough to be left alone. */
		if (order >= pageblock_order)
			break;
		del_from_free_list(page, zone, order, mt);
		account_freepages(zone, -(1L << order), mt);
		for (i = 0; i < 1UL << order; i++) {
			set_page_counts(page + i, PAGE_COUNTS_NEW);
			page_list_add_tail(&cc->freepages, page + i);
		}
		got += 1UL << order;
		pfn += 1UL << order;
	}
out:
	spin_unlock_irqrestore(&zone->lock, flags);
	count_vm_events(COMPACTFREE_SCANNED, scanned);
	return got;
}

/* More free pages, from the top down to the migrate scanner. */
static void isolate_freepages(struct compact_control *cc)
{
	while (cc->nr_freepages < COMPACT_CLUSTER_MAX) {
		unsigned long end = cc->free_pfn, pfn, got;

		if (end <= cc->start)
			return;
		pfn = max(pageblock_start_pfn(end - 1), cc->start);
		/* Not into the pageblock that the other scanner is in. */
		if (pfn < ALIGN(cc->migrate_pfn, pageblock_nr_pages))
			return;
		cc->free_pfn = pfn;
		if (!pageblock_of_zone(cc, pfn) || !suitable_target(cc, pfn))
			continue;
		if (!cc->ignore_skip_hint && get_skip(cc->state, pfn))
			continue;
		got = isolate_freepages_block(cc, pfn, end, ULONG_MAX);
		cc->nr_freepages += got;
		if (!got)
			set_skip(cc->state, pfn);
	}
}

static struct folio *compaction_alloc(struct folio *src, unsigned long private)
{
	struct compact_control *cc = (struct compact_control *)private;
	struct page *page;

	/* Only single pages: larger folios would have to find a block, which is what is missing. */
	if (folio_order(src))
		return NULL;
	if (page_list_empty(&cc->freepages))
		isolate_freepages(cc);
	page = page_list_first(&cc->freepages);
	if (!page)
		return NULL;
	page_list_del(&cc->freepages, page);
	cc->nr_freepages--;
	if (page_debug && page_debug->alloc)
		page_debug->alloc(page, 0, GFP_HIGHUSER_MOVABLE);
	return (struct folio *)page;
}

/* Not used after all. */
static void compaction_free(struct folio *dst, unsigned long private)
{
	(void)private;
	folio_put(dst);
}

/* What is left of the isolated free pages goes back, straight to the free lists. Returns the highest pfn, or 0. */
static unsigned long release_freepages(struct compact_control *cc)
{
	unsigned long high = 0;
	struct page *page;

	while ((page = page_list_first(&cc->freepages))) {
		unsigned long pfn = page_to_pfn(page);

		page_list_del(&cc->freepages, page);
		high = max(high, pfn);
		/* Somebody may look at it for a moment (get_page_unless_zero): he frees it then. */
		if (put_page_testzero(page))
			free_one_page(cc->zone, page, 0, FPI_NONE);
	}
	cc->nr_freepages = 0;
	return high;
}

/* ------------------------------------------------------------------ the migrate scanner */

/* Isolate movable pages of [cc->migrate_pfn, end), all in one pageblock, at most a cluster. */
static void isolate_migratepages_block(struct compact_control *cc, unsigned long end)
{
	unsigned long pfn = cc->migrate_pfn, first = pfn, isolated = 0;

	while (pfn < end && cc->nr_migratepages < COMPACT_CLUSTER_MAX) {
		struct page *page = pfn_to_page(pfn);
		struct folio *folio;

		if (PageBuddy(page)) {
			/* Without the lock: the order may be anybody's, but not lead out of the block. */
			pfn += 1UL << buddy_order_unsafe(page);
			continue;
		}
		if (page_zone(page) == cc->zone && !PageCompound(page) &&
		    isolate_page_for_migration(page, cc->mode, &folio)) {
			page_list_add_tail(&cc->migratepages, &folio->page);
			cc->nr_migratepages++;
			isolated++;
		}
		pfn++;
	}
	count_vm_events(COMPACTMIGRATE_SCANNED, min(pfn, end) - first);
	count_vm_events(COMPACTISOLATED, isolated);
	cc->migrate_pfn = min(pfn, end);
	if (!isolated && first == max(pageblock_start_pfn(first), cc->start) &&
	    cc->migrate_pfn == end)
		set_skip(cc->state, first);
}

/* False: nothing was found before the scanners met. */
static bool isolate_migratepages(struct compact_control *cc)
{
	while (!cc->nr_migratepages) {
		unsigned long pfn = cc->migrate_pfn, end = ALIGN(pfn + 1, pageblock_nr_pages);

		if (pfn >= cc->free_pfn)
			return false;
		end = min(end, cc->free_pfn);
		if (!pageblock_of_zone(cc, pfn) || !suitable_source(cc, pfn) ||
		    (!cc->ignore_skip_hint && pfn == max(pageblock_start_pfn(pfn), cc->start) &&
		     get_skip(cc->state, pfn))) {
			cc->migrate_pfn = end;
			continue;
		}
		isolate_migratepages_block(cc, end);
	}
	return true;
}

/* ------------------------------------------------------------------ the run */

/* A block is free that the request can have. */
static bool block_is_free(const struct compact_control *cc)
{
	unsigned long flags;
	bool found = false;
	unsigned int o;

	if (cc->order < 0)
		return false;
	flags = spin_lock_irqsave(&cc->zone->lock);
	for (o = (unsigned int)cc->order; o < NR_PAGE_ORDERS && !found; o++) {
		const struct free_area *area = &cc->zone->free_area[o];

		found = !page_list_empty(&area->free_list[cc->mt]) ||
			(cc->mt == MIGRATE_MOVABLE &&
			 !page_list_empty(&area->free_list[MIGRATE_CMA])) ||
			/* Other types' blocks of this size are claimed with their pageblock. */
			(o >= pageblock_order / 2 &&
			 (!page_list_empty(&area->free_list[MIGRATE_MOVABLE]) ||
			  !page_list_empty(&area->free_list[MIGRATE_UNMOVABLE]) ||
			  !page_list_empty(&area->free_list[MIGRATE_RECLAIMABLE])));
	}
	spin_unlock_irqrestore(&cc->zone->lock, flags);
	return found;
}

static void start_scanners(struct compact_control *cc)
{
	struct compact_state *s = cc->state;
	unsigned long pfn;

	cc->start = cc->zone->zone_start_pfn;
	cc->end = zone_end_pfn(cc->zone);
	cc->migrate_pfn = cc->start;
	cc->free_pfn = cc->end;
	cc->whole = true;
	if (s && GET(s, blockskip_flush))
		reset_isolation_suitable(cc->zone);
	if (cc->order < 0 || !s)
		return;
	pfn = GET(s, migrate_pfn);
	if (pfn > cc->start && pfn < cc->end) {
		cc->migrate_pfn = pfn;
		cc->whole = false;
	}
	pfn = GET(s, free_pfn);
	if (pfn > cc->migrate_pfn && pfn < cc->end)
		cc->free_pfn = pfn;
}

/* What they leave is where the next run goes on. */
static void stop_scanners(struct compact_control *cc, bool met)
{
	unsigned long high = release_freepages(cc);

	/* Free pages that were given back are to be found again. */
	if (high)
		cc->free_pfn = max(cc->free_pfn, min(ALIGN(high + 1, pageblock_nr_pages), cc->end));
	if (!cc->state)
		return;
	if (met) {
		PUT(cc->state, migrate_pfn, 0);
		PUT(cc->state, free_pfn, 0);
		PUT(cc->state, blockskip_flush, true);
		return;
	}
	PUT(cc->state, migrate_pfn, pageblock_start_pfn(cc->migrate_pfn));
	PUT(cc->state, free_pfn, cc->free_pfn);
}

static enum compact_result compact_zone(struct compact_control *cc)
{
	enum compact_result result = COMPACT_CONTINUE;

	start_scanners(cc);
	/* Pages in the CPUs' lists are neither free nor movable. */
	drain_all_pages(cc->zone);
	while (result == COMPACT_CONTINUE) {
		int err;

		if (block_is_free(cc)) {
			result = COMPACT_SUCCESS;
			break;
		}
		if (!isolate_migratepages(cc)) {
			result = cc->whole ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
			break;
		}
		err = migrate_pages(&cc->migratepages, compaction_alloc, compaction_free,
				    (unsigned long)cc, cc->mode, MR_COMPACTION, NULL);
		if (err)
			putback_movable_pages(&cc->migratepages);
		cc->nr_migratepages = 0;
		/* Nothing left to move into: the scanners have met, or as good as. */
		if (err == -ENOMEM && cc->free_pfn <= ALIGN(cc->migrate_pfn, pageblock_nr_pages))
			result = cc->whole ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
		/* What moved lies in this CPU's lists, and cannot merge there. */
		drain_local_pages(cc->zone);
	}
	stop_scanners(cc, result != COMPACT_SUCCESS);
	drain_local_pages(cc->zone);
	if (result != COMPACT_SUCCESS && block_is_free(cc))
		result = COMPACT_SUCCESS;
	return result;
}

enum compact_result compact_zone_order(struct zone *zone, int order, enum migratetype mt,
				       enum migrate_mode mode)
{
	struct compact_control cc = {
		.zone = zone,
		.state = state_of(zone),
		.order = order,
		.mt = mt,
		.mode = mode,
		.ignore_skip_hint = order < 0 || mode == MIGRATE_SYNC,
	};

	return compact_zone(&cc);
}

/* ------------------------------------------------------------------ requests */

/* One zone for a request. True: a block may be there. */
static bool try_zone(struct zone *zone, int order, gfp_t gfp)
{
	enum migratetype mt = gfp_migratetype(gfp);
	enum compact_result r;

	if (compaction_deferred(zone, order) ||
	    !compaction_suitable(zone, order, (int)gfp_zone(gfp)))
		return false;
	r = compact_zone_order(zone, order, mt, MIGRATE_ASYNC);
	if (r != COMPACT_SUCCESS && (gfp & __GFP_DIRECT_RECLAIM)) {
		/* Once more with patience, and all of it. */
		reset_isolation_suitable(zone);
		r = compact_zone_order(zone, order, mt, MIGRATE_SYNC_LIGHT);
	}
	if (r == COMPACT_SUCCESS) {
		compaction_defer_reset(zone, order, false);
		return true;
	}
	defer_compaction(zone, order);
	return false;
}

bool try_to_compact_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	const struct zoneref *ref;
	bool done = false;

	if (!order || order > MAX_PAGE_ORDER || nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid))
		return false;
	count_vm_event(COMPACTSTALL);
	ref = NODE_DATA(nid)->node_zonelists[gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK
								  : ZONELIST_FALLBACK];
	for (; ref && ref->zone && !done; ref++)
		if (ref->zone_idx <= gfp_zone(gfp) &&
		    (!nodemask || node_isset(zone_to_nid(ref->zone), *nodemask)))
			done = try_zone(ref->zone, (int)order, gfp);
	count_vm_event(done ? COMPACTSUCCESS : COMPACTFAIL);
	return done;
}

void compact_node(int nid)
{
	unsigned int z;

	if (nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid))
		return;
	for (z = 0; z < MAX_NR_ZONES; z++)
		if (populated_zone(&NODE_DATA(nid)->node_zones[z]))
			compact_zone_order(&NODE_DATA(nid)->node_zones[z], -1, MIGRATE_MOVABLE,
					   MIGRATE_SYNC);
}

void compact_nodes(void)
{
	int nid;

	for_each_online_node(nid) compact_node(nid);
}

void migration_init(void)
{
	page_alloc_hooks.migrate_range = migrate_range;
	page_alloc_hooks.direct_compact = try_to_compact_pages;
}
