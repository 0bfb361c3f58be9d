// SPDX-License-Identifier: MIT
/*
 * Ranges: taking exactly the pages [start, end), whoever has them.
 *
 * When all are free and nobody else isolates there, they leave the lists with one hold of the lock; a single page may also be
 * what this CPU gave back last, in a list of its own. Else:
 *
 *   pageblocks   |....MOVABLE....|....MOVABLE....|....MOVABLE....|
 *   wanted                 [start . . . . . . . end)
 *   1 isolate    |....ISOLATE....|....ISOLATE....|                 free pages leave circulation
 *   2 drain, migrate: what is not free is made free, and stays in ISOLATE lists
 *   3 take         free  [taken . . . . . . . . .) free
 *   4 give the types back; the pages beside the range are free as before
 *
 * Owns the states MIGRATE_ISOLATE. Invariant: an isolated pageblock is in the hands of one caller,
 * who gives it its type back on every path. A free block of the isolated pageblocks does not reach
 * beyond them, because blocks of ISOLATE do not merge with others.
 *
 * Locking: zone->lock for each pageblock. Not in interrupts.
 *
 * Against Linux 6.12: the same order of steps, but for the short way, which Linux lacks: it isolates pageblocks and drains
 * every CPU's lists to take one free page. Users of pages are moved by page_alloc_hooks.migrate_range; while there is none, a
 * range with a used page is -EBUSY.
 */
#include <quire/migrate.h>
#include <quire/mm_init.h>
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "contig.h"
#include "internal.h"

/* ------------------------------------------------------------------ isolation */

/*
 * A page of the pageblock's part [start, end) that nobody can move, or NULL. A snapshot: the caller
 * looks again when it has the pages.
 */
static struct page *has_unmovable_pages(unsigned long start, unsigned long end,
					enum migratetype block, enum migratetype wanted)
{
	bool movable_zone = page_zonenum(pfn_to_page(start)) == ZONE_MOVABLE;
	unsigned long pfn;

	/*
	 * What is in a CMA area was put there on the promise that it moves; and only CMA may take
	 * it.
	 */
	if (is_migrate_cma(block))
		return is_migrate_cma(wanted) ? NULL : pfn_to_page(start);
	for (pfn = start; pfn < end; pfn++) {
		struct page *page = pfn_to_page(pfn), *head;

		if (PageReserved(page))
			return page;
		if (movable_zone)
			continue;
		head = compound_head(page);
		if (PageHead(head)) {
			if (!page_flag_test(head, PG_lru, __ATOMIC_RELAXED))
				return page;
			continue;
		}
		if (!page_ref_count(page)) {
			/* Free, or on its way. */
			if (PageBuddy(page))
				pfn += (1UL << buddy_order_unsafe(page)) - 1;
			continue;
		}
		if (!page_flag_test(page, PG_lru, __ATOMIC_RELAXED) && !__PageMovable(page))
			return page;
	}
	return NULL;
}

/* Isolate one pageblock, of which [start, end) is wanted. 0 or -EBUSY. */
static int isolate_pageblock(unsigned long pfn, unsigned long start, unsigned long end,
			     enum migratetype wanted)
{
	struct page *page = pfn_to_page(pfn);
	struct zone *zone = page_zone(pfn_to_page(max(pfn, start)));
	unsigned long flags = spin_lock_irqsave(&zone->lock);
	enum migratetype mt = get_pfnblock_migratetype(pfn);
	int ret = -EBUSY;

	/* Isolated by somebody else, or a reserve that must not be broken up. */
	if (!is_migrate_isolate(mt) && mt != MIGRATE_HIGHATOMIC &&
	    !has_unmovable_pages(max(pfn, start), min(pfn + pageblock_nr_pages, end), mt, wanted) &&
	    move_freepages_block_isolate(zone, page, MIGRATE_ISOLATE))
		ret = 0;
	spin_unlock_irqrestore(&zone->lock, flags);
	return ret;
}

static void unisolate_pageblock(unsigned long pfn, enum migratetype mt)
{
	struct page *page = pfn_to_page(pfn);
	struct zone *zone = page_zone(page);
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	if (is_migrate_isolate(get_pfnblock_migratetype(pfn))) {
		if (PageBuddy(page) && buddy_order(page) == pageblock_order) {
			/*
			 * Free as a whole. Put back as if freed, so that it merges with its
			 * neighbour, which an isolated one did not.
			 */
			del_from_free_list(page, zone, pageblock_order, MIGRATE_ISOLATE);
			set_pfnblock_migratetype(pfn, mt);
			__free_one_page(page, pfn, zone, pageblock_order, mt, FPI_NONE);
		} else {
			/* A larger block is split: its other pageblocks may be another caller's. */
			move_freepages_block_isolate(zone, page, mt);
		}
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}

static void undo_isolate(unsigned long start, unsigned long end, enum migratetype mt)
{
	unsigned long pfn;

	for (pfn = pageblock_start_pfn(start); pfn < end; pfn += pageblock_nr_pages)
		unisolate_pageblock(pfn, mt);
}

/* All pageblocks of the range, or none. 0 or -EBUSY. */
static int start_isolate(unsigned long start, unsigned long end, enum migratetype mt)
{
	unsigned long pfn;

	for (pfn = pageblock_start_pfn(start); pfn < end; pfn += pageblock_nr_pages) {
		if (isolate_pageblock(pfn, start, end, mt)) {
			undo_isolate(start, pfn, mt);
			return -EBUSY;
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ taking */

/*
 * Take the free block apart: [start, end) leaves the lists, the rest goes back to those of mt. zone->lock held. Returns its
 * end.
 */
static unsigned long take_block(struct zone *zone, struct page *block, unsigned long start,
				unsigned long end, enum migratetype mt)
{
	unsigned int order = buddy_order(block);
	unsigned long pfn = page_to_pfn(block), stop = pfn + (1UL << order);

	del_from_free_list(block, zone, order, mt);
	while (pfn < stop) {
		/* The pieces outside: largest aligned ones that touch neither side. */
		unsigned long to = pfn < start ? min(start, stop)
				   : pfn < end ? min(end, stop)
					       : stop;
		unsigned int o;

		if (pfn >= start && pfn < end) {
			pfn = to;
			continue;
		}
		o = min((unsigned int)ilog2(to - pfn), (unsigned int)MAX_PAGE_ORDER);
		if (pfn)
			o = min(o, (unsigned int)__ffs(pfn));
		add_to_free_list(pfn_to_page(pfn), zone, o, mt, false);
		pfn += 1UL << o;
	}
	return stop;
}

/* All of [start, end) is free, in pageblocks of type mt: take it. -EBUSY, nothing taken, when it is not. */
static int take_range(struct zone *zone, unsigned long start, unsigned long end,
		      enum migratetype mt)
{
	unsigned long pfn, flags = spin_lock_irqsave(&zone->lock);
	struct page *block;
	int ret = -EBUSY;

	for (pfn = start; pfn < end; pfn = page_to_pfn(block) + (1UL << buddy_order(block))) {
		block = free_block_over(pfn);
		if (!block || get_pfnblock_migratetype(pfn) != mt)
			goto out;
	}
	for (pfn = start; pfn < end;) {
		pfn = take_block(zone, free_block_over(pfn), start, end, mt);
	}
	account_freepages(zone, -(long)(end - start), mt);
	ret = 0;
out:
	spin_unlock_irqrestore(&zone->lock, flags);
	return ret;
}

/* The whole range has struct pages, of one zone. */
static int check_range(unsigned long start, unsigned long end)
{
	unsigned long pfn = ALIGN_DOWN(start, PAGES_PER_SECTION);
	const struct zone *zone;

	if (start >= end)
		return -EINVAL;
	for (; pfn < end; pfn += PAGES_PER_SECTION)
		if (section_grow(pfn))
			return -EINVAL;
	zone = page_zone(pfn_to_page(start));
	if (!zone_spans_pfn(zone, end - 1))
		return -EINVAL;
	for (pfn = pageblock_start_pfn(start); pfn < end; pfn += pageblock_nr_pages)
		if (page_zone(pfn_to_page(max(pfn, start))) != zone)
			return -EINVAL;
	return 0;
}

/* How often pages that were freed late are fetched from the CPUs' lists. */
#define TAKE_ROUNDS 3

/*
 * [start, end) of one zone leaves the allocator, with its users moved away. Pages are without reference then, and not counted as
 * free.
 */
int contig_take(struct zone *zone, unsigned long start, unsigned long end, enum migratetype mt)
{
	unsigned int round;
	int ret = start_isolate(start, end, mt);

	if (ret)
		return ret;
	drain_all_pages(zone);
	ret = take_range(zone, start, end, MIGRATE_ISOLATE);
	if (ret && page_alloc_hooks.migrate_range) {
		/* Busy pages may have become free since: the pages themselves decide below. */
		ret = page_alloc_hooks.migrate_range(start, end);
		if (ret && ret != -EBUSY)
			goto undo;
		/* Who saw the type from before the isolation may bring pages to his list after a drain. */
		for (round = 0, ret = -EBUSY; ret && round < TAKE_ROUNDS; round++) {
			drain_all_pages(zone);
			ret = take_range(zone, start, end, MIGRATE_ISOLATE);
		}
	}
undo:
	undo_isolate(start, end, mt);
	return ret;
}

/* The pages become the caller's. */
static void prep_range(unsigned long start, unsigned long end, gfp_t gfp)
{
	struct page *page = pfn_to_page(start), *stop = pfn_to_page(end), *p;
	unsigned int order = (unsigned int)ilog2(end - start);

	if (gfp & __GFP_COMP) {
		set_page_counts(page, PAGE_COUNTS_NEW);
		if (page_debug && page_debug->alloc)
			page_debug->alloc(page, order, gfp);
	} else {
		for (p = page; p < stop; p++)
			set_page_counts(p, PAGE_COUNTS_NEW);
		if (unlikely(page_debug) && page_debug->alloc)
			for (p = page; p < stop; p++)
				page_debug->alloc(p, 0, gfp);
	}
	if (gfp & __GFP_ZERO)
		for (p = page; p < stop; p++)
			clear_page(page_address(p));
	if ((gfp & __GFP_COMP) && order)
		prep_compound_page(page, order);
}

int contig_alloc_free(unsigned long start, unsigned long end, enum migratetype mt, gfp_t gfp)
{
	struct page *page = pfn_to_page(start);
	struct zone *zone = page_zone(page);
	int ret = 0;

	if (end - start != 1 || !pcp_take_page(zone, page))
		ret = take_range(zone, start, end, mt);
	if (!ret)
		prep_range(start, end, gfp);
	return ret;
}

/* Not every page, but a bad range would be found when it is taken: a page that is not free. */
int alloc_contig_range(unsigned long start, unsigned long end, unsigned int migratetype, gfp_t gfp)
{
	unsigned long nr = end - start;
	int ret;

	if (check_range(start, end))
		return -EINVAL;
	/* A compound page is aligned to its size. */
	if ((gfp & __GFP_COMP) && (!is_power_of_2(nr) || (start & (nr - 1))))
		return -EINVAL;
	if (unlikely(page_debug) && page_debug->should_fail &&
	    page_debug->should_fail(gfp, (unsigned int)ilog2(roundup_pow_of_two(nr))))
		return -ENOMEM;
	ret = contig_take(page_zone(pfn_to_page(start)), start, end, (enum migratetype)migratetype);
	if (!ret)
		prep_range(start, end, gfp);
	return ret;
}

/* The page comes back as it was given out, and its last reference is dropped here. */
static bool plain_and_last(struct page *page)
{
	return !(page->word | (page->flags & PAGEFLAGS_MASK)) && page->_mapcount == -1 &&
	       page_ref_freeze(page, 1);
}

static noinline void free_range_of_many(unsigned long pfn, unsigned long nr_pages)
{
	struct page *page = pfn_to_page(pfn), *end = page + nr_pages, *start;

	if (PageHead(page)) {
		unsigned int order = compound_order(page);

		WARN_ON(1UL << order != nr_pages);
		__free_pages(page, order);
		return;
	}
	/* They go back as the blocks that they make. */
	while (page < end) {
		for (start = page; !page_debug && page < end; page++)
			if (!plain_and_last(page))
				break;
		if (start != page)
			buddy_free_range(page_zone(start), page_to_pfn(start), page_to_pfn(page));
		if (page < end)
			__free_page(page++);
	}
}

/* One page goes to this CPU's list. */
void free_contig_range(unsigned long pfn, unsigned long nr_pages)
{
	if (nr_pages == 1 && !PageHead(pfn_to_page(pfn)))
		__free_page(pfn_to_page(pfn));
	else if (nr_pages)
		free_range_of_many(pfn, nr_pages);
}

/* ------------------------------------------------------------------ anywhere */

/* Could [pfn, pfn + nr) be had? Cheap refusals, before anything is isolated. */
static bool range_possible(const struct zone *zone, unsigned long pfn, unsigned long nr)
{
	unsigned long end = pfn + nr;

	for (; pfn < end; pfn++) {
		const struct page *page = pfn_to_online_page(pfn);

		if (!page || page_zone(page) != zone || PageReserved(page))
			return false;
		if (PageBuddy(page))
			pfn += (1UL << buddy_order_unsafe(page)) - 1;
	}
	return true;
}

struct page *alloc_contig_pages(unsigned long nr_pages, gfp_t gfp, int nid, nodemask_t *nodemask)
{
	const struct pglist_data *pgdat;
	const struct zoneref *ref;

	if (!nr_pages)
		return NULL;
	if (nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid))
		nid = numa_node_id();
	pgdat = NODE_DATA(nid);
	if (!pgdat || !pgdat->node_zonelists[ZONELIST_FALLBACK])
		return NULL;
	ref = pgdat->node_zonelists[gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK];
	for (; ref->zone; ref++) {
		unsigned long pfn;

		if (ref->zone_idx > gfp_zone(gfp) ||
		    (nodemask && !node_isset(zone_to_nid(ref->zone), *nodemask)))
			continue;
		/* Steps of its own size, so that ranges of one size do not overlap halfway. */
		pfn = DIV_ROUND_UP(ref->zone->zone_start_pfn, nr_pages) * nr_pages;
		for (; pfn + nr_pages <= zone_end_pfn(ref->zone) && pfn + nr_pages > pfn;
		     pfn += nr_pages)
			if (range_possible(ref->zone, pfn, nr_pages) &&
			    !alloc_contig_range(pfn, pfn + nr_pages, MIGRATE_MOVABLE, gfp))
				return pfn_to_page(pfn);
	}
	return NULL;
}
