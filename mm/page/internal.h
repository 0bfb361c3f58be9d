/* SPDX-License-Identifier: MIT */
/*
 * What the files of the page allocator share: buddy.c and fallback.c (free lists, under
 * zone->lock), pageset.c (per-CPU lists, under per_cpu_pages.lock), free.c (giving back),
 * alloc.c (requests), bulk.c (many at once), contig.c (ranges). Each calls only those before it.
 */
#ifndef QUIRE_PAGE_INTERNAL_H
#define QUIRE_PAGE_INTERNAL_H

#include <quire/buddy.h>
#include <quire/local_lock.h>
#include <quire/page_debug.h>
#include <quire/vmstat.h>

/*
 * Every section that the zone has is in the lists, or growing did not help: fall back to other
 * types all the same.
 */
#define ALLOC_GROWN 0x1000U

/* How __free_one_page puts a block. */
#define FPI_NONE 0U
#define FPI_TO_TAIL 1U /* to be given out last: memory that nobody used yet */
#define FPI_COUNTED 2U /* the pages are counted as free already: deferred ones */

static inline bool is_migrate_isolate(enum migratetype mt)
{
	return mt == MIGRATE_ISOLATE;
}

static inline bool is_migrate_cma(enum migratetype mt)
{
	return mt == MIGRATE_CMA;
}

/* Free blocks of these types may merge across pageblocks. */
static inline bool migratetype_is_mergeable(enum migratetype mt)
{
	return mt < MIGRATE_PCPTYPES;
}

static inline unsigned long pageblock_start_pfn(unsigned long pfn)
{
	return ALIGN_DOWN(pfn, pageblock_nr_pages);
}

/* Of a free block of the zone whose lock is held; of any other page it is a hint. */
static inline unsigned int buddy_order(const struct page *page)
{
	return __atomic_load_n(&page->order, __ATOMIC_RELAXED);
}

/* A free block's order without the lock: a hint, but at most MAX_PAGE_ORDER. */
static inline unsigned int buddy_order_unsafe(const struct page *page)
{
	return min(buddy_order(page), (unsigned int)MAX_PAGE_ORDER);
}

/* Free pages that are in no list yet. Written under zone->lock, looked at without. */
static inline unsigned long zone_deferred_pages(const struct zone *zone)
{
	return __atomic_load_n(&zone->deferred_pages, __ATOMIC_RELAXED);
}

/* nr pages left the zone's free lists for users or per-CPU lists. */
static inline void count_pgalloc(const struct zone *zone, unsigned long nr)
{
	count_vm_events((enum vm_event_item)(PGALLOC_DMA + zone_idx(zone)), nr);
}

/* Counters are written under zone->lock and read without. */
static inline void zone_page_state_add(struct zone *zone, enum zone_stat_item item, long nr)
{
	__atomic_store_n(&zone->vm_stat[item], zone->vm_stat[item] + nr, __ATOMIC_RELAXED);
}

/*
 * nr pages of type mt came to the free lists, or left. Isolated pages are free, but not to be had.
 * zone->lock held.
 */
static inline void account_freepages(struct zone *zone, long nr, enum migratetype mt)
{
	if (is_migrate_isolate(mt))
		return;
	zone_page_state_add(zone, NR_FREE_PAGES, nr);
	if (is_migrate_cma(mt))
		zone_page_state_add(zone, NR_FREE_CMA_PAGES, nr);
	else if (mt == MIGRATE_HIGHATOMIC)
		__atomic_store_n(&zone->nr_free_highatomic,
				 zone->nr_free_highatomic + (unsigned long)nr, __ATOMIC_RELAXED);
}

static inline void set_nr_free(struct free_area *area, unsigned long nr)
{
	__atomic_store_n(&area->nr_free, nr, __ATOMIC_RELAXED);
}

/* The block becomes a free one; not counted yet. zone->lock held. */
static inline void add_to_free_list(struct page *page, struct zone *zone, unsigned int order,
				    enum migratetype mt, bool tail)
{
	struct free_area *area = &zone->free_area[order];

	__atomic_store_n(&page->order, order, __ATOMIC_RELAXED);
	__SetPageBuddy(page);
	if (tail)
		page_list_add_tail(&area->free_list[mt], page);
	else
		page_list_add(&area->free_list[mt], page);
	set_nr_free(area, area->nr_free + 1);
}

static inline void del_from_free_list(struct page *page, struct zone *zone, unsigned int order,
				      enum migratetype mt)
{
	struct free_area *area = &zone->free_area[order];

	page_list_del(&area->free_list[mt], page);
	__ClearPageBuddy(page);
	set_nr_free(area, area->nr_free - 1);
}

/* ------------------------------------------------------------------ buddy.c */
/* zone->lock held unless said otherwise. */

void __free_one_page(struct page *page, unsigned long pfn, struct zone *zone, unsigned int order,
		     enum migratetype mt, unsigned int fpi);
/*
 * Move [start_pfn, end_pfn), as buddy_free_range wants it, from the zone's deferred pages to its lists: they were free
 * before and are so at every moment. Takes the lock.
 */
void buddy_free_deferred(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn);
/* The same for a block of any order, by the types of its pageblocks, which may differ. */
void free_by_pageblock(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi);
/* The same. Takes the lock. */
void free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi);
/*
 * Split a block off the lists of order `high` down to `low`: the first part is the caller's, the
 * rest goes back.
 */
void expand(struct zone *zone, struct page *page, unsigned int low, unsigned int high,
	    enum migratetype mt);
struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, enum migratetype mt);
void set_pageblock_range(struct page *page, unsigned int order, enum migratetype mt);

/*
 * One block from the lists, with fallbacks, growing the zone when needed. Takes the lock. NULL:
 * none.
 */
struct page *rmqueue_buddy(struct zone *zone, unsigned int order, enum migratetype mt,
			   unsigned int alloc_flags);
/*
 * Up to count blocks, with one hold of the lock: to the end of list, or into array, there with a
 * reference each. Growing the zone when it gets none. Returns how many. Takes the lock.
 */
unsigned int rmqueue_bulk(struct zone *zone, unsigned int order, unsigned int count,
			  enum migratetype mt, unsigned int alloc_flags, struct page_list *list,
			  struct page **array);

/* ------------------------------------------------------------------ fallback.c */
/* zone->lock held unless said otherwise. */

/* A block from another type's lists, with the whole pageblock turned to mt, or just taken. */
struct page *__rmqueue_claim(struct zone *zone, unsigned int order, enum migratetype mt,
			     unsigned int alloc_flags);
struct page *__rmqueue_steal(struct zone *zone, unsigned int order, enum migratetype mt);

/*
 * The free block that holds pfn, from at most MAX_PAGE_ORDER below; NULL: pfn is not free.
 * Isolation works on pageblocks, which may be the upper half of a block. pfn's section is READY.
 */
struct page *free_block_over(unsigned long pfn);

/*
 * Move the free blocks of page's pageblock between types. Returns the pages moved, -1 when it is
 * not all in the zone.
 */
long move_freepages_block(struct zone *zone, struct page *page, enum migratetype from,
			  enum migratetype to);
/*
 * The same for isolation: a free block larger than the pageblock is split. False: not all in the
 * zone.
 */
bool move_freepages_block_isolate(struct zone *zone, struct page *page, enum migratetype to);

/* Keep page's pageblock for high-order atomic requests. Takes the lock. */
void reserve_highatomic_pageblock(struct page *page, unsigned int order, struct zone *zone);
/*
 * Give one such pageblock of the zone back as mt, the last one only when forced. Takes the lock.
 * True: got pages.
 */
bool unreserve_highatomic_pageblock(struct zone *zone, enum migratetype mt, bool force);

/* ------------------------------------------------------------------ pageset.c; no lock held */

/* The list of an order. */
static __always_inline unsigned int pcp_list_index(unsigned int order, enum migratetype mt)
{
	return order * MIGRATE_PCPTYPES + mt;
}

/* The counter that a block's pages are in. */
static __always_inline int *pcp_counter(struct per_cpu_pages *pcp, unsigned int order)
{
	return order > PAGE_ALLOC_COSTLY_ORDER ? &pcp->large : &pcp->count;
}

/*
 * The lists of a pageset are page_lists whose users know more: `last` counts only while `first` is
 * not 0, and the first page's `prev` never. So taking a page is one load and one store.
 */
static __always_inline struct page *pcp_pop(struct per_cpu_pages *pcp, struct page_list *list,
					    u32 first, unsigned int order)
{
	struct page *page = page_from_index(first);

	list->first = page->next;
	*pcp_counter(pcp, order) -= 1 << order;
	return page;
}

static __always_inline void pcp_push(struct per_cpu_pages *pcp, struct page_list *list,
				     struct page *page, unsigned int order)
{
	struct page *base = page_index_base;
	u32 self = (u32)(page - base), first = list->first;

	page->next = first;
	if (likely(first))
		base[first].prev = self;
	else
		list->last = self;
	list->first = self;
	*pcp_counter(pcp, order) += 1 << order;
}

static inline struct page *pcp_pop_tail(struct per_cpu_pages *pcp, struct page_list *list,
					unsigned int order)
{
	struct page *page = page_from_index(list->last);

	if (list->first == list->last) {
		list->first = 0;
	} else {
		list->last = page->prev;
		page_from_index(list->last)->next = 0;
	}
	*pcp_counter(pcp, order) -= 1 << order;
	return page;
}

/*
 * This CPU's set of the zone, locked, or NULL: none yet, or somebody drains it, or an interrupt came
 * into its use.
 */
static __always_inline struct per_cpu_pages *pcp_trylock(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = __atomic_load_n(&zone->pageset, __ATOMIC_ACQUIRE);

	if (unlikely(!pcp))
		return NULL;
	pcp += cpu;
	return likely(local_trylock(&pcp->lock)) ? pcp : NULL;
}

/*
 * A page from this CPU's lists, which are refilled when empty; NULL: not by this way. order: at
 * most PAGE_ALLOC_COSTLY_ORDER.
 */
struct page *rmqueue_pcplist(struct zone *zone, unsigned int order, enum migratetype mt,
			     unsigned int alloc_flags);
/*
 * Take this page off this CPU's list when it is the movable one that the CPU was given last: who takes and gives a certain
 * page again and again (CMA) finds it there. False: it is not, or not to be had so.
 */
bool pcp_take_page(struct zone *zone, struct page *page);
/* Give all blocks of orders above PAGE_ALLOC_COSTLY_ORDER back. pcp->lock held. */
void pcp_free_large(struct zone *zone, struct per_cpu_pages *pcp);
/* Too many pages in the lists: give some back. pcp->lock held; unlocks it. */
void pcp_free_excess(struct zone *zone, struct per_cpu_pages *pcp);

/* ------------------------------------------------------------------ a request */

/* What a request comes down to. */
struct alloc_context {
	const struct zoneref *zonelist;
	const struct zoneref *preferred; /* the first zone that may serve it */
	nodemask_t *nodemask;
	enum zone_type highest_zoneidx;
	enum migratetype migratetype;
	int nid;
};

/* The zone at ref or after it that the request may use; ref->zone NULL at the end. */
static inline const struct zoneref *next_zoneref(const struct zoneref *ref,
						 const struct alloc_context *ac)
{
	while (ref->zone && (ref->zone_idx > ac->highest_zoneidx ||
			     (ac->nodemask && !node_isset(zone_to_nid(ref->zone), *ac->nodemask))))
		ref++;
	return ref;
}

/* Movable pages may be in CMA areas: who needs the area can move them. */
static inline unsigned int gfp_to_alloc_flags_cma(gfp_t gfp, unsigned int alloc_flags)
{
	return gfp_migratetype(gfp) == MIGRATE_MOVABLE ? alloc_flags | ALLOC_CMA : alloc_flags;
}

/* ------------------------------------------------------------------ debugging */
/*
 * Called for every block that is given out or comes back, whichever way. The short ways do not exist
 * where page_debug is set (local_pcp, zone_pageset), so that only what they leave asks here.
 */

static inline bool page_debug_should_fail(gfp_t gfp, unsigned int order)
{
	return unlikely(page_debug) && page_debug->should_fail &&
	       page_debug->should_fail(gfp, order);
}

static inline void page_debug_alloc(struct page *page, unsigned int order, gfp_t gfp)
{
	if (unlikely(page_debug) && page_debug->alloc)
		page_debug->alloc(page, order, gfp);
}

static inline void page_debug_free(struct page *page, unsigned int order)
{
	if (unlikely(page_debug) && page_debug->free)
		page_debug->free(page, order);
}

/* ------------------------------------------------------------------ complain.c */

/* The request failed: say so, unless it does not want that or it was said a moment ago. */
void warn_alloc(gfp_t gfp, unsigned int order, const struct alloc_context *ac);
/* The page is freed while in use: say so. The caller never gives it out again. */
void bad_page(struct page *page, const char *reason);

/* ------------------------------------------------------------------ free.c */

/*
 * nr pages from `page` on, a power of two and 16 at least, are as the free lists want them: no references,
 * mappings, mapping or flags. The board has one in assembly.
 */
bool pages_nothing_left(const struct page *page, unsigned long nr);
/* Forget what it knows of pagesets: page_alloc_forget calls it. */
void free_forget(void);

/* ------------------------------------------------------------------ alloc.c */

/*
 * Short ways for the fast paths, found when first needed: a CPU's pageset of the zone that its requests
 * up to a zone prefer. NULL: not yet, or there is none. Zonelists and pagesets do not change once they
 * exist.
 */
struct local_pcp {
	struct per_cpu_pages *upto[8];
};
extern struct local_pcp local_pcp[NR_CPUS];

/* False: no zone can serve it. */
bool prepare_alloc(struct alloc_context *ac, gfp_t gfp, int nid, nodemask_t *nodemask);
/* The zone's watermark in alloc_flags allows the request, with `extra` pages more left free. */
bool zone_has_room(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		   const struct alloc_context *ac, unsigned long extra);
void clear_pages(struct page *page, unsigned int order);
/* Forget what it knows of zones, pagesets and CPUs' nodes: for tests, which make new ones. */
void page_alloc_forget(void);

#endif
