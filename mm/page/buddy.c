// SPDX-License-Identifier: MIT
/*
 * The free lists: blocks of 2^order pages, by order and migrate type.
 *
 *   free_area[3]   UNMOVABLE -> [8 pages] <-> [8 pages]
 *                  MOVABLE   -> [8 pages]
 *                  ...
 *
 * Owns struct zone's free_area and vm_stat, and `order`, `next`, `prev`, page_type of the first
 * page of a free block. Invariants (buddy_check.c re-derives them): a free block of order n is
 * aligned to 2^n pages; its first page alone is PageBuddy; it is in the list of its pageblock's
 * type; no two free buddies exist that may be one block: blocks merge unless that would join
 * pageblocks of which one is CMA, HIGHATOMIC or isolated; a page in the lists has no references, no
 * flags, and `word` 0; NR_FREE_PAGES counts the pages of all lists but ISOLATE, and the zone's
 * deferred pages.
 *
 * Locking: zone->lock, with interrupts off. Watermark checks read counters without it.
 *
 * Against Linux 6.12: the same lists, the same choice of block and the same rule for merging, so
 * that the same sequence of calls leaves the same blocks. Two differences. A refill of many pages
 * takes whole blocks apart instead of splitting off page after page: the same pages, a fraction of
 * the work. And a zone whose sections are not all initialised is grown before a request falls back
 * to another type, because on Linux the lists would hold those pages already.
 */
#include <quire/cma.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "internal.h"

/* ------------------------------------------------------------------ freeing */

/* The free block of this order that makes one of twice the size with the block at pfn, or NULL. */
static inline struct page *find_buddy(const struct page *page, unsigned long pfn,
				      unsigned int order)
{
	struct page *buddy = (struct page *)page + (long)((pfn ^ (1UL << order)) - pfn);
	u32 zone_bits = ~0U << PAGE_ZONE_SHIFT;

	/*
	 * Another page's type is written without the lock when it is allocated, but only the lock's
	 * holder makes it buddy.
	 */
	if (!PageBuddy(buddy) || buddy_order(buddy) != order)
		return NULL;
	/*
	 * Pages do not change zones; the flags beside the zone do not matter, and may be written
	 * meanwhile: by merging both pages are looked at, neither need be ours.
	 */
	if ((__atomic_load_n(&buddy->flags, __ATOMIC_RELAXED) ^
	     __atomic_load_n(&page->flags, __ATOMIC_RELAXED)) &
	    zone_bits)
		return NULL;
	return buddy;
}

/*
 * The block above may soon be complete: what it waits for is that this block is not given out again
 * at once.
 */
static inline bool buddy_merge_likely(const struct page *page, unsigned long pfn,
				      unsigned int order)
{
	unsigned long higher = pfn & ~(1UL << order);

	if (order >= MAX_PAGE_ORDER - 1)
		return false;
	return find_buddy(page - (pfn - higher), higher, order + 1) != NULL;
}

void set_pageblock_range(struct page *page, unsigned int order, enum migratetype mt)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order);

	for (; pfn < end; pfn += pageblock_nr_pages)
		set_pfnblock_migratetype(pfn, mt);
}

void __free_one_page(struct page *page, unsigned long pfn, struct zone *zone, unsigned int order,
		     enum migratetype mt, unsigned int fpi)
{
	bool tail;

	if (!(fpi & FPI_COUNTED))
		account_freepages(zone, 1L << order, mt);
	while (order < MAX_PAGE_ORDER) {
		struct page *buddy = find_buddy(page, pfn, order);
		enum migratetype buddy_mt = mt;

		if (!buddy)
			break;
		if (unlikely(order >= pageblock_order)) {
			buddy_mt = get_pageblock_migratetype(buddy);
			if (buddy_mt != mt &&
			    (!migratetype_is_mergeable(mt) || !migratetype_is_mergeable(buddy_mt)))
				break;
		}
		del_from_free_list(buddy, zone, order, buddy_mt);
		/*
		 * One type for the whole block: when it is split, its parts go to the lists of this
		 * type.
		 */
		if (unlikely(buddy_mt != mt))
			set_pageblock_range(buddy, order, mt);
		if (buddy < page)
			page = buddy;
		pfn &= ~(1UL << order);
		order++;
	}
	tail = (fpi & FPI_TO_TAIL) || buddy_merge_likely(page, pfn, order);
	add_to_free_list(page, zone, order, mt, tail);
}

/* Parts of a large block may have got different types while it was in use. */
void free_by_pageblock(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi)
{
	unsigned int step = min(order, (unsigned int)pageblock_order);
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order);

	for (; pfn < end; pfn += 1UL << step)
		__free_one_page(pfn_to_page(pfn), pfn, zone, step, get_pfnblock_migratetype(pfn),
				fpi);
}

void free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	free_by_pageblock(zone, page, order, fpi);
	spin_unlock_irqrestore(&zone->lock, flags);
	count_vm_events(PGFREE, 1UL << order);
}

/* All pageblocks of the block have one type. */
static bool one_type(unsigned long pfn, unsigned int order)
{
	unsigned long end = pfn + (1UL << order);
	enum migratetype mt = get_pfnblock_migratetype(pfn);

	while ((pfn += pageblock_nr_pages) < end)
		if (get_pfnblock_migratetype(pfn) != mt)
			return false;
	return true;
}

static void free_range(struct zone *zone, unsigned long pfn, unsigned long end_pfn,
		       unsigned int fpi)
{
	while (pfn < end_pfn) {
		unsigned int order = (unsigned int)ilog2(end_pfn - pfn);

		order = min(order, (unsigned int)MAX_PAGE_ORDER);
		if (pfn)
			order = min(order, (unsigned int)__ffs(pfn));
		if (order > pageblock_order && !one_type(pfn, order))
			order = pageblock_order;
		__free_one_page(pfn_to_page(pfn), pfn, zone, order, get_pfnblock_migratetype(pfn),
				fpi);
		pfn += 1UL << order;
	}
}

void buddy_free_range(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	free_range(zone, start_pfn, end_pfn, FPI_TO_TAIL);
	spin_unlock_irqrestore(&zone->lock, flags);
}

void buddy_free_deferred(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	free_range(zone, start_pfn, end_pfn, FPI_TO_TAIL | FPI_COUNTED);
	__atomic_store_n(&zone->deferred_pages, zone->deferred_pages - (end_pfn - start_pfn),
			 __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* ------------------------------------------------------------------ taking */

void expand(struct zone *zone, struct page *page, unsigned int low, unsigned int high,
	    enum migratetype mt)
{
	while (high > low) {
		high--;
		add_to_free_list(page + (1UL << high), zone, high, mt, false);
	}
}

/* The first block of the smallest order that has one, off its list. *order: its own on return. */
static inline struct page *take_smallest(struct zone *zone, unsigned int *order,
					 enum migratetype mt)
{
	unsigned int o;

	for (o = *order; o < NR_PAGE_ORDERS; o++) {
		struct page *page = page_list_first(&zone->free_area[o].free_list[mt]);

		if (!page)
			continue;
		del_from_free_list(page, zone, o, mt);
		*order = o;
		return page;
	}
	return NULL;
}

struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, enum migratetype mt)
{
	unsigned int high = order;
	struct page *page = take_smallest(zone, &high, mt);

	if (page) {
		expand(zone, page, order, high, mt);
		account_freepages(zone, -(1L << order), mt);
	}
	return page;
}

/*
 * CMA pages are taken first while they are more than half of what is free: so that both kinds run
 * out together.
 */
static inline bool cma_has_most(const struct zone *zone, unsigned int alloc_flags)
{
	return (alloc_flags & ALLOC_CMA) &&
	       zone_page_state(zone, NR_FREE_CMA_PAGES) > zone_page_state(zone, NR_FREE_PAGES) / 2;
}

/*
 * May a request of type mt go to another type's lists? Only when they hold what they would with all
 * sections initialised: all of it, or for types that start a pageblock of their own, one whole free
 * pageblock to claim.
 */
static bool lists_complete(const struct zone *zone, enum migratetype mt, unsigned int alloc_flags)
{
	unsigned int order;

	if (likely(!zone_deferred_pages(zone)) || (alloc_flags & ALLOC_GROWN))
		return true;
	if (mt == MIGRATE_MOVABLE)
		return false;
	for (order = pageblock_order; order < NR_PAGE_ORDERS; order++)
		if (!page_list_empty(&zone->free_area[order].free_list[MIGRATE_MOVABLE]))
			return true;
	return false;
}

/*
 * Where the last page was found. What was empty before stays so under one hold of the lock, so that
 * a refill need not look again.
 */
enum rmqueue_mode { RMQUEUE_NORMAL, RMQUEUE_CMA, RMQUEUE_CLAIM, RMQUEUE_STEAL };

/*
 * One block, by rising risk of fragmentation: own type, CMA, another's whole pageblock, another's
 * pages.
 */
static struct page *__rmqueue(struct zone *zone, unsigned int order, enum migratetype mt,
			      unsigned int alloc_flags, enum rmqueue_mode *mode)
{
	struct page *page;

	if (cma_has_most(zone, alloc_flags)) {
		page = __rmqueue_smallest(zone, order, MIGRATE_CMA);
		if (page)
			return page;
	}
	if (*mode == RMQUEUE_NORMAL) {
		page = __rmqueue_smallest(zone, order, mt);
		if (page)
			return page;
	}
	if (unlikely(!lists_complete(zone, mt, alloc_flags)))
		return NULL;
	if (*mode <= RMQUEUE_CMA && (alloc_flags & ALLOC_CMA)) {
		page = __rmqueue_smallest(zone, order, MIGRATE_CMA);
		if (page) {
			*mode = RMQUEUE_CMA;
			return page;
		}
	}
	if (*mode <= RMQUEUE_CLAIM) {
		page = __rmqueue_claim(zone, order, mt, alloc_flags);
		if (page) {
			/* The own lists have the rest of the pageblock now. */
			*mode = RMQUEUE_NORMAL;
			return page;
		}
	}
	if (alloc_flags & ALLOC_NOFRAGMENT)
		return NULL;
	page = __rmqueue_steal(zone, order, mt);
	if (page)
		*mode = RMQUEUE_STEAL;
	return page;
}

/*
 * Nothing was found: shall the caller try again? `deferred`: pages were missing in the lists when it
 * looked; by now another CPU may have put the last of them there. Grows the zone's next section. When
 * there is none, the last try is made with ALLOC_GROWN, which may use other types.
 */
static bool grow_and_retry(struct zone *zone, bool deferred, unsigned int *alloc_flags)
{
	if (likely(!deferred) || (*alloc_flags & ALLOC_GROWN))
		return false;
	if (!zone_grow(zone))
		*alloc_flags |= ALLOC_GROWN;
	return true;
}

struct page *rmqueue_buddy(struct zone *zone, unsigned int order, enum migratetype mt,
			   unsigned int alloc_flags)
{
	struct page *page;
	bool deferred;

	do {
		enum rmqueue_mode mode = RMQUEUE_NORMAL;
		unsigned long flags = spin_lock_irqsave(&zone->lock);

		deferred = zone->deferred_pages != 0;
		page = NULL;
		if (alloc_flags & ALLOC_HIGHATOMIC)
			page = __rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC);
		if (!page)
			page = __rmqueue(zone, order, mt, alloc_flags, &mode);
		/*
		 * An order-0 atomic request or an OOM victim must not fail while others' reserve is
		 * there.
		 */
		if (!page && (alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK)) &&
		    lists_complete(zone, mt, alloc_flags))
			page = __rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC);
		spin_unlock_irqrestore(&zone->lock, flags);
	} while (!page && grow_and_retry(zone, deferred, &alloc_flags));
	if (page)
		count_pgalloc(zone, 1UL << order);
	return page;
}

/* ------------------------------------------------------------------ taking many */

/* Where the pages of a refill go. */
struct sink {
	struct page_list *list;
	struct page **array;
};

/* `units` blocks of an order that lie side by side, off the lists. */
static inline void emit(struct sink *sink, struct page *page, unsigned int units,
			unsigned int order)
{
	struct page *end = page + ((unsigned long)units << order);

	if (sink->array) {
		for (; page < end; page += 1UL << order) {
			set_page_counts(page, PAGE_COUNTS_NEW);
			*sink->array++ = page;
		}
	} else {
		for (; page < end; page += 1UL << order)
			page_list_add_tail(sink->list, page);
	}
}

/*
 * At most `want` blocks of `order` from the smallest block that has one. Halving as expand() does,
 * but each half goes where all of it is wanted, as a whole.
 *
 *   want 5 of a block of 8:   [1 2 3 4][5 6 7 8]     the lower half is emitted,
 *                             [.......][5 6][7 8]    7, 8 go back,
 *                                      [5][6]        5 is emitted, 6 goes back
 */
static unsigned int take_units(struct zone *zone, unsigned int order, unsigned int want,
			       enum migratetype mt, struct sink *sink)
{
	unsigned int high = order, got = 0;
	struct page *page = take_smallest(zone, &high, mt);

	if (!page)
		return 0;
	while (high > order && want < 1U << (high - order)) {
		unsigned int half = 1U << (--high - order);

		if (want > half) {
			emit(sink, page, half, order);
			page += 1UL << high;
			got += half;
			want -= half;
		} else {
			add_to_free_list(page + (1UL << high), zone, high, mt, false);
		}
	}
	emit(sink, page, 1U << (high - order), order);
	got += 1U << (high - order);
	account_freepages(zone, -((long)got << order), mt);
	return got;
}

unsigned int rmqueue_bulk(struct zone *zone, unsigned int order, unsigned int count,
			  enum migratetype mt, unsigned int alloc_flags, struct page_list *list,
			  struct page **array)
{
	struct sink sink = {.list = list, .array = array};
	unsigned int got = 0;
	bool deferred;

	do {
		enum rmqueue_mode mode = RMQUEUE_NORMAL;
		unsigned long flags = spin_lock_irqsave(&zone->lock);
		/* With CMA pages the balance is looked at before each. */
		bool one_by_one =
			(alloc_flags & ALLOC_CMA) && zone_page_state(zone, NR_FREE_CMA_PAGES);

		deferred = zone->deferred_pages != 0;
		while (got < count) {
			struct page *page;
			unsigned int n = 0;

			if (mode == RMQUEUE_NORMAL && !one_by_one)
				n = take_units(zone, order, count - got, mt, &sink);
			if (!n) {
				page = __rmqueue(zone, order, mt, alloc_flags, &mode);
				if (!page)
					break;
				emit(&sink, page, 1, order);
				n = 1;
			}
			got += n;
		}
		spin_unlock_irqrestore(&zone->lock, flags);
	} while (!got && grow_and_retry(zone, deferred, &alloc_flags));
	count_pgalloc(zone, (unsigned long)got << order);
	return got;
}

/* ------------------------------------------------------------------ reading */

void zone_for_each_free(struct zone *zone,
			void (*fn)(struct page *page, unsigned int order, enum migratetype mt,
				   void *arg),
			void *arg)
{
	unsigned int order, mt;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		for (mt = 0; mt < MIGRATE_TYPES; mt++) {
			struct page *page = page_list_first(&zone->free_area[order].free_list[mt]),
				    *next;

			for (; page; page = next) {
				next = page->next ? page_from_index(page->next) : NULL;
				fn(page, order, (enum migratetype)mt, arg);
			}
		}
	}
}

struct block_count {
	const struct zone *zone;
	unsigned int order;
	unsigned long blocks;
};

/* The blocks of [pfn, end), as buddy_free_range would make them. */
static void count_blocks(struct block_count *c, unsigned long pfn, unsigned long end)
{
	while (pfn < end) {
		unsigned int order =
			min((unsigned int)ilog2(end - pfn), (unsigned int)MAX_PAGE_ORDER);

		if (pfn)
			order = min(order, (unsigned int)__ffs(pfn));
		/* A run of largest blocks is one step. */
		if (order == MAX_PAGE_ORDER) {
			unsigned long run = ALIGN_DOWN(end - pfn, MAX_ORDER_NR_PAGES);

			if (c->order == order)
				c->blocks += run >> order;
			pfn += run;
			continue;
		}
		if (c->order == order)
			c->blocks++;
		pfn += 1UL << order;
	}
}

static void count_deferred(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
			   enum memmap_kind kind, void *arg)
{
	struct block_count *c = arg;

	if (zone == c->zone && kind == MEMMAP_FREE)
		count_blocks(c, start_pfn, end_pfn);
}

/*
 * Sections that follow each other and are not grown yet, from pfn on; an empty range ends at or
 * beyond end.
 */
static unsigned long deferred_run(unsigned long *pfn, unsigned long end)
{
	unsigned long stop;

	while (*pfn < end && (!pfn_valid(*pfn) || pfn_ready(*pfn)))
		*pfn = ALIGN(*pfn + 1, PAGES_PER_SECTION);
	for (stop = *pfn; stop < end && pfn_valid(stop) && !pfn_ready(stop);)
		stop = ALIGN(stop + 1, PAGES_PER_SECTION);
	return min(stop, end);
}

/* To memblock they are reserved. */
static void count_deferred_cma(struct block_count *c, unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < nr_cma_areas; i++) {
		unsigned long s = max(start, PHYS_PFN(cma_areas[i].base));
		unsigned long e = min(end, PHYS_PFN(cma_areas[i].base + cma_areas[i].size));

		if (cma_areas[i].active && s < e)
			count_blocks(c, s, e);
	}
}

/* cma_only: the others are left out. */
static unsigned long deferred_blocks(struct zone *zone, unsigned int order, bool cma_only)
{
	struct block_count c = {.zone = zone, .order = order};
	unsigned long pfn, stop, end = zone_end_pfn(zone);

	if (order >= NR_PAGE_ORDERS || !zone_deferred_pages(zone))
		return 0;
	for (pfn = zone->zone_start_pfn; pfn < end; pfn = stop) {
		stop = deferred_run(&pfn, end);
		if (pfn >= end)
			break;
		if (!cma_only)
			memmap_walk(pfn, stop, count_deferred, &c);
		count_deferred_cma(&c, pfn, stop);
	}
	return c.blocks;
}

unsigned long zone_deferred_cma_blocks(struct zone *zone, unsigned int order)
{
	return deferred_blocks(zone, order, true);
}

unsigned long zone_free_blocks(struct zone *zone, unsigned int order)
{
	if (order >= NR_PAGE_ORDERS)
		return 0;
	return deferred_blocks(zone, order, false) +
	       __atomic_load_n(&zone->free_area[order].nr_free, __ATOMIC_RELAXED);
}
