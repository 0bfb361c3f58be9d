/* SPDX-License-Identifier: MIT */
/*
 * Nodes, zones, free areas, per-CPU pagesets, zonelists, sections (Linux: include/linux/mmzone.h).
 */
#ifndef QUIRE_MMZONE_H
#define QUIRE_MMZONE_H

#include <quire/local_lock_types.h>
#include <quire/page.h>
#include <quire/spinlock.h>

enum zone_type {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_MOVABLE,
	ZONE_DEVICE,
	MAX_NR_ZONES,
};

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES, /* the types that per-CPU lists hold */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_CMA,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES,
};

#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES (1UL << MAX_PAGE_ORDER)
#define PAGE_ALLOC_COSTLY_ORDER 3

enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

struct free_area {
	struct page_list free_list[MIGRATE_TYPES];
	unsigned long nr_free; /* blocks of this order, all types */
};

enum zone_stat_item { NR_FREE_PAGES, NR_FREE_CMA_PAGES, NR_VM_ZONE_STAT_ITEMS };

/*
 * A CPU's own free pages of one zone, by order and migratetype: list index = order * MIGRATE_PCPTYPES + migratetype. Orders
 * 0..3 are refilled and given back in batches; of larger blocks it keeps those freed last, of large_max pages in all. The
 * owner takes `lock` by local_trylock, with interrupts as they are, and goes to the free lists when it fails; who drains
 * waits for it, never in interrupt context.
 */
#define NR_PCP_SMALL_LISTS (MIGRATE_PCPTYPES * (PAGE_ALLOC_COSTLY_ORDER + 1))
#define NR_PCP_LISTS (MIGRATE_PCPTYPES * NR_PAGE_ORDERS)

struct per_cpu_pages {
	struct local_lock lock;
	int count;	      /* pages in the lists of orders 0..3 */
	int large, large_max; /* pages in the lists above, and how many there may be */
	int high; /* give back at this count: high_min, as long as nothing tunes it up to high_max */
	int high_min, high_max;
	int batch;	  /* pages moved at once to and from the buddy lists */
	u32 alloc_factor; /* log2 of how much more than batch a refill takes */
	struct page_list lists[NR_PCP_LISTS];
} __cacheline_aligned;

/* How many pages in large blocks a CPU keeps: a quarter of what it may at most, or one of the largest. */
static inline int pcp_large_max(int high_max)
{
	return min(high_max / 4, (int)MAX_ORDER_NR_PAGES);
}

struct pglist_data;

struct zone {
	/* Read on every allocation. */
	unsigned long _watermark[NR_WMARK]; /* pages */
	unsigned long watermark_boost;
	unsigned long nr_reserved_highatomic; /* pages of HIGHATOMIC pageblocks */
	unsigned long nr_free_highatomic;     /* of these, free ones; written under lock */
	unsigned long lowmem_reserve
		[MAX_NR_ZONES]; /* pages kept from allocations that could use a higher zone */
	struct pglist_data *zone_pgdat;
	struct per_cpu_pages *pageset; /* [nr_cpus_possible] */
	int pageset_high_min, pageset_high_max, pageset_batch;
	const char *name;

	/*
	 * spanned = end - start of the zone including holes; present = spanned less holes; managed = present less
	 * what is reserved: the pages the buddy allocator has or had. All are final from free_area_init /
	 * memblock_free_all on, whether or not the sections have been initialised yet.
	 */
	unsigned long zone_start_pfn;
	unsigned long spanned_pages, present_pages, managed_pages, present_early_pages, cma_pages;

	/*
	 * Pages that are free but whose struct pages do not exist yet (sections not grown). Counted in
	 * NR_FREE_PAGES. mm/page/handover.c takes them from memblock a section at a time.
	 */
	unsigned long deferred_pages;
	unsigned long
		grow_pfn; /* every section of this zone below this pfn is READY; see handover.c */

	/* Written on every refill: own cache line. */
	struct {
	} _pad __cacheline_aligned;
	spinlock_t lock; /* free_area, free counts, pageblock migratetypes */
	struct free_area free_area[NR_PAGE_ORDERS];
	long vm_stat[NR_VM_ZONE_STAT_ITEMS]; /* pages, exact under lock */
};

struct zoneref {
	struct zone *zone; /* NULL ends the list */
	enum zone_type zone_idx;
};

#define MAX_ZONES_PER_ZONELIST (MAX_NUMNODES * MAX_NR_ZONES)
enum { ZONELIST_FALLBACK, ZONELIST_NOFALLBACK, MAX_ZONELISTS };

struct pglist_data {
	int node_id;
	struct zone node_zones[MAX_NR_ZONES];
	int nr_zones; /* populated zones up to the highest */
	unsigned long node_start_pfn, node_spanned_pages, node_present_pages;
	/* [MAX_ZONELISTS], each an array of zonerefs ended by .zone == NULL, sized for the nodes that exist */
	struct zoneref *node_zonelists[MAX_ZONELISTS];
};
typedef struct pglist_data pg_data_t;

extern struct pglist_data *node_data[MAX_NUMNODES];
#define NODE_DATA(nid) (node_data[nid])

/* Nodes that exist, in order of number. */
extern u64 node_online_mask;
#define for_each_online_node(nid)                                                                  \
	for ((nid) = 0; (nid) < MAX_NUMNODES; (nid)++)                                             \
		if (!((node_online_mask >> (nid)) & 1)) {                                          \
		} else

/* Every zone of every node, populated or not: node by node, low zone first. */
struct zone *first_zone(void);
struct zone *next_zone(struct zone *zone);
#define for_each_zone(z) for ((z) = first_zone(); (z); (z) = next_zone(z))
#define for_each_populated_zone(z)                                                                 \
	for_each_zone(z) if (!populated_zone(z))                                                   \
	{                                                                                          \
	}                                                                                          \
	else

static inline unsigned int zone_idx(const struct zone *zone)
{
	return (unsigned int)(zone - zone->zone_pgdat->node_zones);
}

static inline int zone_to_nid(const struct zone *zone)
{
	return zone->zone_pgdat->node_id;
}

static inline unsigned long zone_end_pfn(const struct zone *zone)
{
	return READ_ONCE(zone->zone_start_pfn) + READ_ONCE(zone->spanned_pages);
}

static inline bool zone_spans_pfn(const struct zone *zone, unsigned long pfn)
{
	return pfn >= READ_ONCE(zone->zone_start_pfn) && pfn < zone_end_pfn(zone);
}

static inline bool populated_zone(const struct zone *zone)
{
	return READ_ONCE(zone->present_pages) != 0;
}

static inline bool managed_zone(const struct zone *zone)
{
	return READ_ONCE(zone->managed_pages) != 0;
}

static inline struct zone *page_zone(const struct page *page)
{
	return &NODE_DATA(page_to_nid(page))->node_zones[page_zonenum(page)];
}

#define min_wmark_pages(z) ((z)->_watermark[WMARK_MIN] + (z)->watermark_boost)
#define low_wmark_pages(z) ((z)->_watermark[WMARK_LOW] + (z)->watermark_boost)
#define high_wmark_pages(z) ((z)->_watermark[WMARK_HIGH] + (z)->watermark_boost)

/* ------------------------------------------------------------------ sections */

#define PFN_SECTION_SHIFT (SECTION_SIZE_BITS - PAGE_SHIFT)
#define PAGES_PER_SECTION (1UL << PFN_SECTION_SHIFT)
#define PAGEBLOCKS_PER_SECTION (PAGES_PER_SECTION >> pageblock_order)

struct mem_section {
	u8 present; /* some of it is memory: the memory map covers it */
	u8 state;   /* enum section_state of <quire/sparse.h>; published with release */
	s16 nid;    /* of its first present page */
};

/* mm/early/sparse.c: sections[pfn >> PFN_SECTION_SHIFT - first_section_nr]. */
extern struct mem_section *mem_sections;
extern unsigned long first_section_nr, nr_mem_sections;

static inline struct mem_section *pfn_to_section(unsigned long pfn)
{
	unsigned long i = (pfn >> PFN_SECTION_SHIFT) - first_section_nr;

	return i < nr_mem_sections ? &mem_sections[i] : NULL;
}

/* pfn lies in a section that has memory. Says nothing of whether the section is initialised. */
static inline bool pfn_valid(unsigned long pfn)
{
	struct mem_section *s = pfn_to_section(pfn);

	return s && s->present;
}

/*
 * enum migratetype of every pageblock, one byte each so that a change is one plain store: pageblock_types[pfn >>
 * pageblock_order], for pfns of sections that are READY. Written under zone->lock.
 */
extern u8 *pageblock_types;

static inline enum migratetype get_pfnblock_migratetype(unsigned long pfn)
{
	return (enum migratetype)__atomic_load_n(&pageblock_types[pfn >> pageblock_order],
						 __ATOMIC_RELAXED);
}

static inline void set_pfnblock_migratetype(unsigned long pfn, enum migratetype mt)
{
	__atomic_store_n(&pageblock_types[pfn >> pageblock_order], (u8)mt, __ATOMIC_RELAXED);
}

static inline enum migratetype get_pageblock_migratetype(const struct page *page)
{
	return get_pfnblock_migratetype(page_to_pfn(page));
}

static inline void set_pageblock_migratetype(struct page *page, enum migratetype mt)
{
	set_pfnblock_migratetype(page_to_pfn(page), mt);
}

/* "DMA", "DMA32", "Normal", "Movable", "Device". */
extern const char *const zone_names[MAX_NR_ZONES];

extern unsigned int nr_cpus_possible; /* from /cpus, at least 1 */
extern unsigned long min_low_pfn, max_pfn;
extern int min_free_kbytes, watermark_scale_factor;
extern int sysctl_lowmem_reserve_ratio[MAX_NR_ZONES];

#endif
