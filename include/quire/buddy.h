/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator's free lists, to those who fill, check and report them (mm/page/buddy.c). Who
 * wants pages uses <quire/gfp.h>.
 */
#ifndef QUIRE_BUDDY_H
#define QUIRE_BUDDY_H

#include <quire/gfp.h>

/*
 * Give [start_pfn, end_pfn) to the zone's free lists, in the largest aligned blocks that the
 * pageblocks' types allow. The pages lie in one zone, their struct pages are initialised as free
 * (memmap_init_free) and so is every other in their largest blocks; they are on no list. Each
 * block goes to the list of its pageblock's type.
 * NR_FREE_PAGES grows by the pages; managed_pages is the caller's. Takes zone->lock; any context.
 */
void buddy_free_range(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn);

/*
 * Free blocks of an order, as a report shows them: those in the lists, and those that the deferred
 * pages will be when their sections are grown. Any context; the sum is a snapshot.
 */
unsigned long zone_free_blocks(struct zone *zone, unsigned int order);
/* Those of them that no list has yet and that CMA areas will give. */
unsigned long zone_deferred_cma_blocks(struct zone *zone, unsigned int order);

/* Call fn for every free block in the lists, order by order. zone->lock held. */
void zone_for_each_free(struct zone *zone,
			void (*fn)(struct page *page, unsigned int order, enum migratetype mt,
				   void *arg),
			void *arg);

/*
 * Re-derive what the free lists claim: every block aligned, in the zone, marked free, of the order
 * and type of its list; links consistent; no free page inside another block; no two free buddies
 * that should be one; counters exact; no free page outside the lists. O(pages of the zone). Takes
 * zone->lock. Prints each violation; returns how many.
 */
int buddy_check(struct zone *zone);
/* The same for the zone's per-CPU lists, with other CPUs quiet. */
int pageset_check(struct zone *zone);

/* ------------------------------------------------------------------ watermarks of a request */

/*
 * The allocator's idea of a request. ALLOC_WMARK_* index _watermark[]; the names are Linux's
 * (mm/internal.h).
 */
#define ALLOC_WMARK_MIN WMARK_MIN
#define ALLOC_WMARK_LOW WMARK_LOW
#define ALLOC_WMARK_HIGH WMARK_HIGH
#define ALLOC_NO_WATERMARKS 0x04U
#define ALLOC_WMARK_MASK (ALLOC_NO_WATERMARKS - 1)
#define ALLOC_OOM 0x08U		/* an OOM victim: half of the reserves */
#define ALLOC_NON_BLOCK 0x10U	/* cannot sleep */
#define ALLOC_MIN_RESERVE 0x20U /* __GFP_HIGH */
#define ALLOC_CPUSET 0x40U
#define ALLOC_CMA 0x80U		/* may use CMA pages: movable */
#define ALLOC_NOFRAGMENT 0x100U /* rather another zone than mix types in a pageblock */
#define ALLOC_HIGHATOMIC 0x200U /* may use MIGRATE_HIGHATOMIC pageblocks */
#define ALLOC_KSWAPD 0x800U	/* may wake kswapd */
#define ALLOC_RESERVES (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM)

/*
 * Would the zone still have more than `mark` pages and its reserve against requests for
 * highest_zoneidx after an allocation of this order, and a block large enough? Any context, without
 * lock: the answer may be stale.
 */
bool zone_watermark_ok(struct zone *zone, unsigned int order, unsigned long mark,
		       enum zone_type highest_zoneidx, unsigned int alloc_flags);

#endif
