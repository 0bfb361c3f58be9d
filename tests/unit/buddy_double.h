/* SPDX-License-Identifier: MIT */
/*
 * A buddy allocator that never merges: what it is given lies in the lists page by page, so that a
 * test and zone_check() can count it.
 */
#ifndef BUDDY_DOUBLE_H
#define BUDDY_DOUBLE_H

#include "mm_fixture.h"

static unsigned long pages_given;

void buddy_free_range(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	for (unsigned long pfn = start_pfn; pfn < end_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn);
		enum migratetype mt = get_pageblock_migratetype(page);

		assert_ptr_equal(page_zone(page), zone);
		assert_int_equal(page->_refcount, 0);
		assert_int_equal(PageReserved(page), 0);
		/* On no list yet: a page given twice is found here. */
		assert_int_equal(page->word, 0);
		page->word = 1;
		page_list_add(&zone->free_area[0].free_list[mt], page);
		zone->free_area[0].nr_free++;
		zone->vm_stat[NR_FREE_PAGES]++;
		zone->vm_stat[NR_FREE_CMA_PAGES] += mt == MIGRATE_CMA;
	}
	__atomic_fetch_add(&pages_given, end_pfn - start_pfn, __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&zone->lock, flags);
}

void buddy_free_deferred(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long pages = end_pfn - start_pfn, pfn, flags;

	buddy_free_range(zone, start_pfn, end_pfn);
	flags = spin_lock_irqsave(&zone->lock);
	__atomic_store_n(&zone->deferred_pages, zone->deferred_pages - pages, __ATOMIC_RELAXED);
	zone->vm_stat[NR_FREE_PAGES] -= (long)pages;
	for (pfn = start_pfn; pfn < end_pfn; pfn++)
		zone->vm_stat[NR_FREE_CMA_PAGES] -=
			get_pageblock_migratetype(pfn_to_page(pfn)) == MIGRATE_CMA;
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* From the lowest zone that has pages; grows it when its lists are empty. */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	for (struct zone *zone = first_zone(); zone; zone = next_zone(zone)) {
		struct free_area *area = &zone->free_area[0];
		struct page *page;

		if (!area->nr_free && !zone_grow(zone))
			continue;
		page = page_list_first(&area->free_list[MIGRATE_MOVABLE]);
		if (!page)
			continue;
		page_list_del(&area->free_list[MIGRATE_MOVABLE], page);
		area->nr_free--;
		zone->vm_stat[NR_FREE_PAGES]--;
		page->word = 0;
		page->_refcount = 1;
		return page;
	}
	return NULL;
}

void __free_pages(struct page *page, unsigned int order)
{
	assert_int_equal(page->_refcount, 1);
	assert_int_equal(page->_mapcount, -1);
	page->_refcount = 0;
	buddy_free_range(page_zone(page), page_to_pfn(page), page_to_pfn(page) + 1);
	pages_given--;
}

static __maybe_unused void reset_buddy(void)
{
	pages_given = 0;
}

#endif
