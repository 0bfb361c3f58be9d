// SPDX-License-Identifier: MIT
/*
 * buddy_check: what the free lists claim, derived again from every list and every struct page of a
 * zone.
 *
 * For tests, fuzzers and the self-test; nothing calls it in normal use. Linux has no such check.
 */
#include <quire/printk.h>
#include <quire/sparse.h>

#include "internal.h"

struct check {
	struct zone *zone;
	int bad;
	unsigned long blocks; /* in all lists */
	unsigned long free, cma, highatomic, isolated;
};

static void complain(struct check *c, const char *what, unsigned long a, unsigned long b)
{
	/* A broken list has thousands of violations. */
	if (c->bad++ < 10)
		pr_err("buddy_check: node %d zone %s: %s (0x%lx, 0x%lx)\n", zone_to_nid(c->zone),
		       c->zone->name, what, a, b);
}

/* The block's buddy is free and of its order: should they be one? */
static bool should_be_merged(const struct page *page, unsigned long pfn, unsigned int order,
			     enum migratetype mt)
{
	unsigned long buddy_pfn = pfn ^ (1UL << order);
	const struct page *buddy = pfn_to_page(buddy_pfn);
	enum migratetype buddy_mt;

	if (order == MAX_PAGE_ORDER || !PageBuddy(buddy) || buddy_order(buddy) != order ||
	    page_zone(buddy) != page_zone(page))
		return false;
	buddy_mt = get_pfnblock_migratetype(buddy_pfn);
	return order < pageblock_order || mt == buddy_mt ||
	       (migratetype_is_mergeable(mt) && migratetype_is_mergeable(buddy_mt));
}

static void check_block(struct check *c, const struct page *page, unsigned int order,
			enum migratetype mt)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order), p;

	if (pfn & ((1UL << order) - 1))
		complain(c, "block not aligned (pfn, order)", pfn, order);
	if (!zone_spans_pfn(c->zone, pfn) || !zone_spans_pfn(c->zone, end - 1))
		complain(c, "block outside the zone (pfn, order)", pfn, order);
	if (!PageBuddy(page))
		complain(c, "block in a list is not marked free (pfn, order)", pfn, order);
	else if (buddy_order(page) != order)
		complain(c, "block in the list of another order (pfn, its order)", pfn,
			 buddy_order(page));
	for (p = pfn; p < end; p++) {
		const struct page *q = pfn_to_page(p);

		if (p != pfn && PageBuddy(q))
			complain(c, "free block inside another (pfn of both)", p, pfn);
		if (page_ref_count(q) || q->word || (q->flags & PAGE_FLAGS_CHECK_AT_PREP) ||
		    (p != pfn && page_type_load(q) != PAGE_TYPE_NONE))
			complain(c, "free page in use (pfn, flags)", p, q->flags);
		if (page_zone(q) != c->zone)
			complain(c, "free page of another zone (pfn, flags)", p, q->flags);
		if (get_pfnblock_migratetype(p) != mt)
			complain(c, "pageblock of another type than the list (pfn, type)", p,
				 get_pfnblock_migratetype(p));
	}
	if (should_be_merged(page, pfn, order, mt))
		complain(c, "two free buddies (pfn, order)", pfn, order);
}

static void check_list(struct check *c, unsigned int order, enum migratetype mt,
		       unsigned long *blocks)
{
	const struct page_list *list = &c->zone->free_area[order].free_list[mt];
	unsigned long limit = (c->zone->spanned_pages >> order) + 1, pages, nr = 0;
	u32 index, prev = 0;

	for (index = list->first; index; prev = index, index = page_from_index(index)->next) {
		const struct page *page = page_from_index(index);

		if (page->prev != prev)
			complain(c, "link back is wrong (pfn, index)", page_to_pfn(page),
				 page->prev);
		if (++nr > limit) {
			complain(c, "list without end (order, type)", order, mt);
			return;
		}
		check_block(c, page, order, mt);
	}
	if (list->last != prev)
		complain(c, "last is not the last (order, type)", order, mt);
	*blocks += nr;
	pages = nr << order;
	if (is_migrate_isolate(mt)) {
		c->isolated += pages;
		return;
	}
	c->free += pages;
	if (is_migrate_cma(mt))
		c->cma += pages;
	if (mt == MIGRATE_HIGHATOMIC)
		c->highatomic += pages;
}

/* Every page marked free is in a list: as many as the lists have. */
static unsigned long marked_free(const struct zone *zone)
{
	unsigned long pfn, end = zone_end_pfn(zone), n = 0;

	for (pfn = zone->zone_start_pfn; pfn < end; pfn++) {
		if (!pfn_ready(pfn)) {
			pfn |= PAGES_PER_SECTION - 1;
			continue;
		}
		if (PageBuddy(pfn_to_page(pfn)) && page_zone(pfn_to_page(pfn)) == zone)
			n++;
	}
	return n;
}

int buddy_check(struct zone *zone)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);
	struct check c = {.zone = zone};
	unsigned int order, mt;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		unsigned long blocks = 0;

		for (mt = 0; mt < MIGRATE_TYPES; mt++)
			check_list(&c, order, (enum migratetype)mt, &blocks);
		if (blocks != zone->free_area[order].nr_free)
			complain(&c, "nr_free (counted, blocks)", zone->free_area[order].nr_free,
				 blocks);
		c.blocks += blocks;
	}
	if (marked_free(zone) != c.blocks)
		complain(&c, "pages marked free (marked, in lists)", marked_free(zone), c.blocks);
	if (zone_page_state(zone, NR_FREE_PAGES) != c.free + zone->deferred_pages)
		complain(&c, "NR_FREE_PAGES (counted, pages)", zone_page_state(zone, NR_FREE_PAGES),
			 c.free + zone->deferred_pages);
	/* Deferred pages of CMA areas are counted, but not known apart here. */
	if (zone_page_state(zone, NR_FREE_CMA_PAGES) < c.cma ||
	    zone_page_state(zone, NR_FREE_CMA_PAGES) > c.cma + zone->deferred_pages)
		complain(&c, "NR_FREE_CMA_PAGES (counted, pages)",
			 zone_page_state(zone, NR_FREE_CMA_PAGES), c.cma);
	if (zone->nr_free_highatomic != c.highatomic)
		complain(&c, "nr_free_highatomic (counted, pages)", zone->nr_free_highatomic,
			 c.highatomic);
	spin_unlock_irqrestore(&zone->lock, flags);
	return c.bad;
}
