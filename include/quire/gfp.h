/* SPDX-License-Identifier: MIT */
/*
 * Asking for pages (Linux: include/linux/gfp.h, gfp_types.h): names, meanings and values of 6.12.
 *
 * Implementation: mm/page/alloc.c (policy), free.c, bulk.c, pageset.c (per-CPU lists), buddy.c (free lists),
 * contig.c (ranges).
 *
 * Every function that allocates works in any context when gfp lacks __GFP_DIRECT_RECLAIM, and may
 * sleep otherwise once a reclaim exists. Orders are log2 of pages, at most MAX_PAGE_ORDER. A block
 * of order n is aligned to 2^n pages.
 */
#ifndef QUIRE_GFP_H
#define QUIRE_GFP_H

#include <quire/mmzone.h>
#include <quire/page_ref.h>

/* Which zone. */
#define __GFP_DMA ((gfp_t)0x01U)
#define __GFP_HIGHMEM                                                                              \
	((gfp_t)0x02U) /* no such zone on arm64: only with __GFP_MOVABLE it means ZONE_MOVABLE */
#define __GFP_DMA32 ((gfp_t)0x04U)
#define __GFP_MOVABLE ((gfp_t)0x08U) /* the page can be moved or reclaimed: MIGRATE_MOVABLE */
#define GFP_ZONEMASK (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)

/* Mobility and place. */
#define __GFP_RECLAIMABLE ((gfp_t)0x10U)  /* MIGRATE_RECLAIMABLE: a shrinker can free it */
#define __GFP_WRITE ((gfp_t)0x1000U)	  /* will be dirtied */
#define __GFP_HARDWALL ((gfp_t)0x100000U) /* within the cpuset */
#define __GFP_THISNODE ((gfp_t)0x200000U) /* from the named node or not at all */
#define __GFP_ACCOUNT ((gfp_t)0x400000U)  /* charged to a memory cgroup */

/* Watermarks. */
#define __GFP_HIGH ((gfp_t)0x20U)	 /* high priority: half of the min watermark may be used */
#define __GFP_MEMALLOC ((gfp_t)0x20000U) /* all reserves: this allocation frees more memory */
#define __GFP_NOMEMALLOC ((gfp_t)0x80000U) /* no reserves, even so */

/* Reclaim. */
#define __GFP_IO ((gfp_t)0x40U)
#define __GFP_FS ((gfp_t)0x80U)
#define __GFP_DIRECT_RECLAIM ((gfp_t)0x400U) /* the caller may be made to reclaim, so may sleep */
#define __GFP_KSWAPD_RECLAIM ((gfp_t)0x800U) /* kswapd is woken when memory is low */
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define __GFP_RETRY_MAYFAIL ((gfp_t)0x4000U)
#define __GFP_NOFAIL ((gfp_t)0x8000U)
#define __GFP_NORETRY ((gfp_t)0x10000U)

/* Action. */
#define __GFP_ZERO ((gfp_t)0x100U)    /* contents are zero */
#define __GFP_NOWARN ((gfp_t)0x2000U) /* failure is not reported */
#define __GFP_COMP ((gfp_t)0x40000U)  /* order > 0: a compound page */
#define __GFP_ZEROTAGS ((gfp_t)0x800000U)
#define __GFP_BITS_SHIFT 26
#define __GFP_BITS_MASK ((gfp_t)((1U << __GFP_BITS_SHIFT) - 1))

#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO (__GFP_RECLAIM)
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_USER (__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL)
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32
#define GFP_HIGHUSER (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT                                                                        \
	((GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE (GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)

/*
 * The low five bits of gfp, zone and mobility, give in one load: highest zone in bits 0..2, migrate
 * type in bits 4..5. Combinations that mean nothing get the lowest zone named, and RECLAIMABLE.
 */
extern const u8 gfp_class_table[32];

static __always_inline unsigned int gfp_class(gfp_t gfp)
{
	return gfp_class_table[gfp & (GFP_ZONEMASK | __GFP_RECLAIMABLE)];
}

/* The highest zone that gfp allows. */
static __always_inline enum zone_type gfp_zone(gfp_t gfp)
{
	return (enum zone_type)(gfp_class(gfp) & 7);
}

static __always_inline enum migratetype gfp_migratetype(gfp_t gfp)
{
	return (enum migratetype)(gfp_class(gfp) >> 4);
}

static __always_inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return (gfp & __GFP_DIRECT_RECLAIM) != 0;
}

/* Linux's bitmap of nodes, by number. */
typedef struct {
	unsigned long bits[(MAX_NUMNODES + 63) / 64];
} nodemask_t;

static inline bool node_isset(int nid, nodemask_t mask)
{
	return mask.bits[nid / 64] >> (nid % 64) & 1;
}

/* The node of this CPU: the one set, else the first online. */
int numa_node_id(void);
/* `cpu` is in node nid, which is online. Called by boot/ for each CPU before it allocates. */
void set_cpu_numa_node(unsigned int cpu, int nid);

/* ------------------------------------------------------------------ blocks */

/*
 * 2^order pages, physically contiguous, with one reference; from the CPU's own node when it has.
 * NULL: no memory, with a warning unless __GFP_NOWARN. Without __GFP_COMP, only the first page has
 * a reference.
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order);

/*
 * Node preferred_nid first, then by distance; nodemask: only these (NULL: all). A node that is not
 * online counts as the nearest one that is.
 */
struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid, nodemask_t *nodemask);

/* nid NUMA_NO_NODE: the CPU's own. */
static inline struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	if (nid == NUMA_NO_NODE)
		return alloc_pages(gfp, order);
	return __alloc_pages(gfp, order, nid, NULL);
}

#define alloc_page(gfp) alloc_pages(gfp, 0)

static inline struct folio *folio_alloc(gfp_t gfp, unsigned int order)
{
	return (struct folio *)alloc_pages(gfp | __GFP_COMP, order);
}

/*
 * Drop the reference of a block from alloc_pages, and free it when it was the last. When somebody
 * else still holds the first page of a block that is no compound page, the others are freed now and
 * the first when he lets go.
 */
void __free_pages(struct page *page, unsigned int order);

/*
 * The block has no reference left: put it back. Checks the page, see free_pages_prepare in
 * mm/page/free.c.
 */
void free_unref_page(struct page *page, unsigned int order);
/* Single pages whose last reference the caller has dropped. */
void free_unref_pages(struct page **pages, int nr);
/*
 * Pages that programs' entries showed, bit 0 of each the caller's: of the anonymous ones a mapping goes, with its reference, and those
 * that nobody has any more are free. Returns how many others there are; those stand in front then.
 */
unsigned int free_anon_pages(unsigned long *pages, unsigned int nr);

/* The same as addresses in the linear map; 0 for none. No __GFP_HIGHMEM. */
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
unsigned long get_zeroed_page(gfp_t gfp);
void free_pages(unsigned long addr, unsigned int order);

#define __get_free_page(gfp) __get_free_pages(gfp, 0)
#define __free_page(page) __free_pages(page, 0)
#define free_page(addr) free_pages(addr, 0)

/* Make 2^order single pages of a block (not compound), each with the block's references. */
void split_page(struct page *page, unsigned int order);
/* Make a compound page of a block. */
void prep_compound_page(struct page *page, unsigned int order);

/* ------------------------------------------------------------------ amounts */

/*
 * `size` bytes, rounded up to pages, contiguous: a block cut to size. NULL: none, or more than the
 * largest block.
 */
void *alloc_pages_exact(size_t size, gfp_t gfp);
void *alloc_pages_exact_nid(int nid, size_t size, gfp_t gfp);
void free_pages_exact(void *p, size_t size);

/*
 * Single pages, many at once. Into array: the NULL entries of array[0..nr) are filled from the
 * front; returns how many entries are then filled in a row. Onto list (its end): returns how many
 * pages were added. Less than nr is no error; nothing is reported.
 */
unsigned long alloc_pages_bulk(gfp_t gfp, int preferred_nid, nodemask_t *nodemask, int nr,
			       struct page_list *list, struct page **array);

static inline unsigned long alloc_pages_bulk_array(gfp_t gfp, unsigned long nr, struct page **array)
{
	return alloc_pages_bulk(gfp, numa_node_id(), NULL, (int)nr, NULL, array);
}

static inline unsigned long alloc_pages_bulk_list(gfp_t gfp, unsigned long nr,
						  struct page_list *list)
{
	return alloc_pages_bulk(gfp, numa_node_id(), NULL, (int)nr, list, NULL);
}

static inline unsigned long alloc_pages_bulk_array_node(gfp_t gfp, int nid, unsigned long nr,
							struct page **array)
{
	return alloc_pages_bulk(gfp, nid == NUMA_NO_NODE ? numa_node_id() : nid, NULL, (int)nr,
				NULL, array);
}

/*
 * The same for an array that nobody has written yet: up to nr pages from its front on. Returns how many. node: NUMA_NO_NODE is the
 * CPU's own.
 */
unsigned long alloc_pages_fill(gfp_t gfp, int node, unsigned long nr, struct page **array);

/*
 * Drop a reference of each page, and free those that had no other: as put_page() of each, in one go for pages of
 * order 0 (Linux: release_pages).
 */
void release_pages(struct page **pages, int nr);

/* ------------------------------------------------------------------ ranges (mm/page/contig.c) */

/*
 * Take exactly the pages [start, end), which must lie in one zone and be free or movable.
 * migratetype: what their pageblocks are, MIGRATE_MOVABLE or MIGRATE_CMA, and are again afterwards.
 * Each page gets a reference; with __GFP_COMP, end - start is a power of two and the range becomes
 * one compound page. Returns 0, -EBUSY when something in it cannot be had, -EINVAL for a bad range.
 * May take long; not in interrupts.
 */
int alloc_contig_range(unsigned long start, unsigned long end, unsigned int migratetype, gfp_t gfp);

/* Any nr_pages contiguous pages, aligned to nr_pages when it is a power of two. NULL: none. */
struct page *alloc_contig_pages(unsigned long nr_pages, gfp_t gfp, int nid, nodemask_t *nodemask);

/* Give back pages of either, each with its one reference. */
void free_contig_range(unsigned long pfn, unsigned long nr_pages);

/* ------------------------------------------------------------------ per-CPU lists (mm/page/pageset.c) */

/*
 * Give every populated zone its pagesets, with the limits that zone_pcp_update() computed. Once,
 * when pages can be allocated; before it, pages come from the free lists directly.
 */
void setup_per_cpu_pageset(void);
/* The same for one zone, at any later time. 0, also when it has them; -ENOMEM. */
int setup_zone_pageset(struct zone *zone);

/*
 * Give the pages in all CPUs' lists of the zone (NULL: of all zones) back to the free lists. Not in
 * interrupts.
 */
void drain_all_pages(struct zone *zone);
/* This CPU's only. */
void drain_local_pages(struct zone *zone);

/* ------------------------------------------------------------------ what upper floors fill in */

struct alloc_context;

/* Asked in the slow path only. Any may be NULL. */
struct page_alloc_hooks {
	/* Memory of this zone is low: background reclaim should start. Must not sleep. */
	void (*wake_kswapd)(struct zone *zone, gfp_t gfp, unsigned int order,
			    enum zone_type highest);
	/* Free pages; may sleep. Returns the pages freed. */
	unsigned long (*direct_reclaim)(gfp_t gfp, unsigned int order, int nid,
					nodemask_t *nodemask);
	/*
	 * Move pages so that a block of `order` becomes free. Returns true when trying again may
	 * help.
	 */
	bool (*direct_compact)(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask);
	/* Nothing else helped: kill something. Returns true when trying again may help. */
	bool (*out_of_memory)(gfp_t gfp, unsigned int order);
	/*
	 * Move the users of the pages [start, end) elsewhere. Returns 0 when all were movable,
	 * -EBUSY, -ENOMEM, -EINTR.
	 */
	int (*migrate_range)(unsigned long start, unsigned long end);
};
extern struct page_alloc_hooks page_alloc_hooks;

/* "GFP_KERNEL|__GFP_ZERO". Returns buf. */
#define GFP_NAME_MAX 256
char *gfp_names(char buf[GFP_NAME_MAX], gfp_t gfp);

#endif
