// SPDX-License-Identifier: MIT
/*
 * When the lists of the wanted type are empty: which other type's pages to take, and when a whole
 * pageblock changes sides.
 *
 * The aim is that a pageblock holds pages of one mobility, so that pageblocks of movable pages can
 * become free as a whole. So a request falls back to the largest free block of another type, and
 * takes the pageblock with it when half of that is free or of its own kind; only when no pageblock
 * can be claimed it takes single pages, the smallest that serve.
 *
 * Also the reserve for high-order atomic requests: pageblocks of MIGRATE_HIGHATOMIC, at most 1 % of
 * a zone.
 *
 * Locking: zone->lock held by the caller, unless said otherwise. Linux 6.12: __rmqueue_claim,
 * __rmqueue_steal, reserve_highatomic_pageblock and what they call; the same decisions.
 */
#include <quire/migrate.h>
#include <quire/mm_init.h>

#include "internal.h"

/*
 * Where each type looks next, in order. What a page of that type does to the pageblock decides:
 * MOVABLE is the last to be mixed.
 */
static const u8 fallbacks[MIGRATE_PCPTYPES][MIGRATE_PCPTYPES - 1] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

/*
 * May a request of type mt that found a block of this order turn its pageblock? Movable pages do
 * little harm in another type's pageblock, so they only try with a block that promises success; the
 * others always try.
 */
static bool may_claim(unsigned int order, enum migratetype mt)
{
	return order >= pageblock_order / 2 || mt != MIGRATE_MOVABLE ||
	       page_group_by_mobility_disabled;
}

/* The type whose list of this order a request of type mt falls back to, or -1. */
static int fallback_type(const struct zone *zone, unsigned int order, enum migratetype mt)
{
	const struct free_area *area = &zone->free_area[order];
	unsigned int i;

	if (!area->nr_free)
		return -1;
	for (i = 0; i < MIGRATE_PCPTYPES - 1; i++)
		if (!page_list_empty(&area->free_list[fallbacks[mt][i]]))
			return fallbacks[mt][i];
	return -1;
}

/* ------------------------------------------------------------------ pageblocks */

/*
 * The pageblock of pfn, when the zone has all of it: the lock of one zone protects neither another's
 * pages nor a type that both go by, so that the type of a pageblock that zones share never changes.
 * Nodes may take turns within one, then each zone spans it; a zone without holes has what it spans.
 */
static bool whole_pageblock(const struct zone *zone, unsigned long pfn, unsigned long *start)
{
	unsigned long end;

	*start = pfn = pageblock_start_pfn(pfn);
	end = pfn + pageblock_nr_pages;
	if (!zone_spans_pfn(zone, pfn) || !zone_spans_pfn(zone, end - 1))
		return false;
	if (zone->present_pages == zone->spanned_pages)
		return true;
	while (pfn < end) {
		const struct page *page = pfn_to_page(pfn);

		if (page_zone(page) != zone)
			return false;
		pfn += PageBuddy(page) ? 1UL << buddy_order(page) : 1;
	}
	return true;
}

/*
 * Set the type of a pageblock and move its free blocks there, to the end of the lists. Returns the
 * pages moved.
 */
static long __move_freepages_block(struct zone *zone, unsigned long start, enum migratetype from,
				   enum migratetype to)
{
	unsigned long pfn = start, end = start + pageblock_nr_pages;
	long moved = 0;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order;

		if (!PageBuddy(page)) {
			pfn++;
			continue;
		}
		order = buddy_order(page);
		page_list_del(&zone->free_area[order].free_list[from], page);
		page_list_add_tail(&zone->free_area[order].free_list[to], page);
		moved += 1L << order;
		pfn += 1UL << order;
	}
	account_freepages(zone, -moved, from);
	account_freepages(zone, moved, to);
	set_pfnblock_migratetype(start, to);
	return moved;
}

long move_freepages_block(struct zone *zone, struct page *page, enum migratetype from,
			  enum migratetype to)
{
	unsigned long start;

	if (!whole_pageblock(zone, page_to_pfn(page), &start))
		return -1;
	return __move_freepages_block(zone, start, from, to);
}

struct page *free_block_over(unsigned long pfn)
{
	unsigned int order;

	for (order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct page *page = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (PageBuddy(page))
			return page_to_pfn(page) + (1UL << buddy_order(page)) > pfn ? page : NULL;
	}
	return NULL;
}

bool move_freepages_block_isolate(struct zone *zone, struct page *page, enum migratetype to)
{
	unsigned long start, pfn;
	struct page *block;

	if (!whole_pageblock(zone, page_to_pfn(page), &start))
		return false;
	block = free_block_over(start);
	if (pageblock_order < MAX_PAGE_ORDER && block && buddy_order(block) > pageblock_order) {
		/*
		 * It spans this pageblock and others, all of one type: its parts go back by their
		 * own.
		 */
		unsigned int order = buddy_order(block);
		unsigned long end;

		pfn = page_to_pfn(block);
		end = pfn + (1UL << order);
		del_from_free_list(block, zone, order, get_pfnblock_migratetype(pfn));
		account_freepages(zone, -(1L << order), get_pfnblock_migratetype(pfn));
		set_pfnblock_migratetype(start, to);
		for (; pfn < end; pfn += pageblock_nr_pages)
			__free_one_page(pfn_to_page(pfn), pfn, zone, pageblock_order,
					get_pfnblock_migratetype(pfn), FPI_NONE);
		return true;
	}
	__move_freepages_block(zone, start, get_pfnblock_migratetype(start), to);
	return true;
}

/* ------------------------------------------------------------------ claiming */

/*
 * Pages of different mobility are about to mix. Ask for more free memory for a while, so that the
 * next request finds a pageblock of its own: the watermarks rise by a pageblock, to 1.5 times the
 * high one at most. Without a kswapd nobody would lower them.
 */
static void boost_watermark(struct zone *zone)
{
	unsigned long high = READ_ONCE(zone->_watermark[WMARK_HIGH]), max_boost = high + high / 2;

	/*
	 * In a small zone a pageblock more could be all that is left. High is 0 until the
	 * watermarks are set up.
	 */
	if (!page_alloc_hooks.wake_kswapd ||
	    pageblock_nr_pages * 4 > READ_ONCE(zone->managed_pages) || !max_boost)
		return;
	max_boost = max(max_boost, pageblock_nr_pages);
	WRITE_ONCE(zone->watermark_boost,
		   min(zone->watermark_boost + pageblock_nr_pages, max_boost));
}

/* A free block of at least a pageblock: all of it changes sides. */
static struct page *claim_whole(struct zone *zone, struct page *page, unsigned int high,
				unsigned int order, enum migratetype from, enum migratetype to)
{
	del_from_free_list(page, zone, high, from);
	account_freepages(zone, -(1L << high), from);
	set_pageblock_range(page, high, to);
	expand(zone, page, order, high, to);
	account_freepages(zone, (1L << high) - (1L << order), to);
	return page;
}

static struct page *claim_pageblock(struct zone *zone, struct page *page, unsigned int high,
				    unsigned int order, enum migratetype mt)
{
	enum migratetype from = get_pageblock_migratetype(page);
	unsigned long free = 0, movable = 0, alike, start, pfn;

	if (high >= pageblock_order)
		return claim_whole(zone, page, high, order, from, mt);
	boost_watermark(zone);
	if (!whole_pageblock(zone, page_to_pfn(page), &start))
		return NULL;
	for (pfn = start; pfn < start + pageblock_nr_pages;) {
		const struct page *p = pfn_to_page(pfn);

		if (PageBuddy(p)) {
			free += 1UL << buddy_order(p);
			pfn += 1UL << buddy_order(p);
			continue;
		}
		movable += page_flag_test(p, PG_lru, __ATOMIC_RELAXED) || __PageMovable(p);
		pfn++;
	}
	/* How many used pages are like ours. Between UNMOVABLE and RECLAIMABLE nobody can tell. */
	if (mt == MIGRATE_MOVABLE)
		alike = movable;
	else
		alike = from == MIGRATE_MOVABLE ? pageblock_nr_pages - free - movable : 0;
	if (free + alike < pageblock_nr_pages / 2 && !page_group_by_mobility_disabled)
		return NULL;
	__move_freepages_block(zone, start, from, mt);
	return __rmqueue_smallest(zone, order, mt);
}

struct page *__rmqueue_claim(struct zone *zone, unsigned int order, enum migratetype mt,
			     unsigned int alloc_flags)
{
	unsigned int high, lowest = order;

	/* With NOFRAGMENT only pageblocks that are free as a whole; another zone may have some. */
	if (order < pageblock_order && (alloc_flags & ALLOC_NOFRAGMENT))
		lowest = pageblock_order;
	/* The largest free block is where the most of a pageblock is likely to be free. */
	for (high = MAX_PAGE_ORDER + 1; high-- > lowest;) {
		int from = fallback_type(zone, high, mt);
		struct page *page;

		if (from < 0)
			continue;
		if (!may_claim(high, mt))
			break;
		page = claim_pageblock(zone,
				       page_list_first(&zone->free_area[high].free_list[from]),
				       high, order, mt);
		if (page)
			return page;
	}
	return NULL;
}

struct page *__rmqueue_steal(struct zone *zone, unsigned int order, enum migratetype mt)
{
	unsigned int high;

	for (high = order; high < NR_PAGE_ORDERS; high++) {
		int from = fallback_type(zone, high, mt);
		struct page *page;

		if (from < 0)
			continue;
		page = page_list_first(&zone->free_area[high].free_list[from]);
		del_from_free_list(page, zone, high, (enum migratetype)from);
		expand(zone, page, order, high, (enum migratetype)from);
		account_freepages(zone, -(1L << order), (enum migratetype)from);
		return page;
	}
	return NULL;
}

/* ------------------------------------------------------------------ the atomic reserve */

/* Written under zone->lock, looked at without. */
static unsigned long reserved_highatomic(const struct zone *zone)
{
	return __atomic_load_n(&zone->nr_reserved_highatomic, __ATOMIC_RELAXED);
}

static void add_reserved_highatomic(struct zone *zone, long nr)
{
	__atomic_store_n(&zone->nr_reserved_highatomic,
			 zone->nr_reserved_highatomic + (unsigned long)nr, __ATOMIC_RELAXED);
}

void reserve_highatomic_pageblock(struct page *page, unsigned int order, struct zone *zone)
{
	unsigned long limit = READ_ONCE(zone->managed_pages) / 100, flags;
	enum migratetype mt;

	/* 1 % of the zone, in pageblocks; where that is less than one there is no reserve. */
	if (limit < pageblock_nr_pages)
		return;
	limit = ALIGN(limit, pageblock_nr_pages);
	if (reserved_highatomic(zone) >= limit)
		return;
	flags = spin_lock_irqsave(&zone->lock);
	mt = get_pageblock_migratetype(page);
	if (zone->nr_reserved_highatomic < limit && migratetype_is_mergeable(mt)) {
		if (order >= pageblock_order) {
			set_pageblock_range(page, order, MIGRATE_HIGHATOMIC);
			add_reserved_highatomic(zone, 1L << order);
		} else if (move_freepages_block(zone, page, mt, MIGRATE_HIGHATOMIC) >= 0) {
			add_reserved_highatomic(zone, (long)pageblock_nr_pages);
		}
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}

bool unreserve_highatomic_pageblock(struct zone *zone, enum migratetype mt, bool force)
{
	unsigned long flags, size;
	bool got = false;
	unsigned int order;

	if (!reserved_highatomic(zone) ||
	    (!force && reserved_highatomic(zone) <= pageblock_nr_pages))
		return false;
	flags = spin_lock_irqsave(&zone->lock);
	for (order = 0; order < NR_PAGE_ORDERS && !got; order++) {
		struct page_list *list = &zone->free_area[order].free_list[MIGRATE_HIGHATOMIC];
		struct page *page = page_list_first(list);

		if (!page)
			continue;
		size = max(pageblock_nr_pages, 1UL << order);
		if (order < pageblock_order) {
			got = move_freepages_block(zone, page, MIGRATE_HIGHATOMIC, mt) > 0;
		} else {
			page_list_del(list, page);
			page_list_add_tail(&zone->free_area[order].free_list[mt], page);
			account_freepages(zone, -(1L << order), MIGRATE_HIGHATOMIC);
			account_freepages(zone, 1L << order, mt);
			set_pageblock_range(page, order, mt);
			got = true;
		}
		if (got)
			add_reserved_highatomic(zone,
						-(long)min(size, zone->nr_reserved_highatomic));
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return got;
}
