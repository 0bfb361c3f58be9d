/* SPDX-License-Identifier: MIT */
/*
 * memblock: physical memory before the page allocator, as two sorted arrays of regions: what is memory, and what of
 * it (or beside it) is taken. Source-compatible with Linux 6.12's linux/memblock.h: same names, arguments, fields.
 *
 * All addresses and sizes are physical, in bytes, of any alignment; only one CPU runs, nothing sleeps, no locks.
 * A range whose end would lie beyond PHYS_ADDR_MAX is cut there. Functions returning int give 0 or -ENOMEM (the
 * region array is full and could not grow); what they changed before that stays.
 *
 * Implementation: mm/early/memblock.c (arrays and ranges), memblock_alloc.c, memblock_iter.c.
 * memblock_free_all and memblock_free_late belong to the hand-over: mm/page/handover.c.
 */
#ifndef QUIRE_MEMBLOCK_H
#define QUIRE_MEMBLOCK_H

#include <quire/port.h>

extern unsigned long max_low_pfn, min_low_pfn, max_pfn;
extern unsigned long long max_possible_pfn;

enum memblock_flags {
	MEMBLOCK_NONE = 0x0,
	MEMBLOCK_HOTPLUG = 0x1, /* may be unplugged: with movable_node, no allocation from it */
	MEMBLOCK_MIRROR = 0x2,	/* mirrored: allocations prefer it */
	MEMBLOCK_NOMAP = 0x4,	/* not in the linear map, no allocation from it */
	MEMBLOCK_DRIVER_MANAGED = 0x8, /* a driver added it, firmware does not know it as RAM */
	MEMBLOCK_RSRV_NOINIT = 0x10,   /* reserved, and its struct pages stay uninitialised */
};

struct memblock_region {
	phys_addr_t base;
	phys_addr_t size;
	enum memblock_flags flags;
#if NODES_SHIFT > 0
	int nid; /* MAX_NUMNODES or NUMA_NO_NODE: not known */
#endif
};

/*
 * regions[0 .. cnt) are sorted by base, disjoint and not empty; neighbours that touch differ in flags or nid
 * (memblock_cap_memory_range may leave a NOMAP region in two touching pieces); total_size is the sum of their sizes.
 * `regions` may move inside its array when regions are added or removed (Linux: only when the array grows).
 */
struct memblock_type {
	unsigned long cnt; /* regions */
	unsigned long max; /* regions that the array has room for */
	phys_addr_t total_size;
	struct memblock_region *regions;
	char *name;
};

struct memblock {
	bool bottom_up; /* allocate from the lowest address that fits instead of the highest */
	phys_addr_t current_limit; /* what MEMBLOCK_ALLOC_ACCESSIBLE stands for */
	struct memblock_type memory;
	struct memblock_type reserved;
};

extern struct memblock memblock;
/* What firmware described, untouched by limits; only memblock_physmem_add fills it. */
extern struct memblock_type physmem;

/* memory stays described after boot (Linux: CONFIG_ARCH_KEEP_MEMBLOCK, which arm64 selects). */
#define __init_memblock
#define __initdata_memblock
static inline void memblock_discard(void)
{
}

/* A node number that names a node, unlike NUMA_NO_NODE and MAX_NUMNODES. */
static inline bool numa_valid_node(int nid)
{
	return nid >= 0 && nid < MAX_NUMNODES;
}

/* ------------------------------------------------------------------ switches */

/* movable_node on the command line: hotpluggable memory is not allocated from. */
extern bool movable_node_enabled;
static inline bool movable_node_is_enabled(void)
{
	return movable_node_enabled;
}

/* kernelcore=mirror: memblock_mark_mirror takes effect only when set. */
extern bool mirrored_kernelcore;
/* Some memory is marked MEMBLOCK_MIRROR. */
bool memblock_has_mirror(void);

/* memblock=debug: every operation and allocation is printed with its caller, in Linux's words. */
void memblock_set_debug(bool on);
/* Every operation is also given to event_record(). On by default; a bench turns it off. */
extern bool memblock_record_events;

/*
 * From now on the linear map may hold region arrays: a full array doubles into memory that memblock itself allocates
 * and reserves. Before, a full array moves once into a static spare of MEMBLOCK_SPARE_REGIONS entries (Linux: panics).
 */
void memblock_allow_resize(void);
#define MEMBLOCK_SPARE_REGIONS 12288UL
/*
 * The spare arrays that are not in use, for whoever frees boot memory: index 0 (memory) or 1 (reserved). Returns
 * false when it is in use. Page aligned; bss that the port does not clear.
 */
bool memblock_unused_spare(unsigned int index, void **start, size_t *size);

/*
 * The page allocator owns all free memory now and reads the regions when it grows: an allocation
 * fails, a change is -EBUSY, each with a warning.
 */
extern bool memblock_closed;

/* ------------------------------------------------------------------ regions */

/* Add memory. Overlaps are fine: what is already there keeps its flags and node. */
int memblock_add_node(phys_addr_t base, phys_addr_t size, int nid, enum memblock_flags flags);
int memblock_add(phys_addr_t base, phys_addr_t size);
/* Take memory away; parts that are not there are no error. */
int memblock_remove(phys_addr_t base, phys_addr_t size);
/* Reserve, and give back. Neither looks at memory. */
int memblock_reserve(phys_addr_t base, phys_addr_t size);
int memblock_phys_free(phys_addr_t base, phys_addr_t size);
/* memblock_phys_free of what memblock_alloc* returned; NULL does nothing. */
void memblock_free(void *ptr, size_t size);
int memblock_physmem_add(phys_addr_t base, phys_addr_t size);

/* Set or clear a flag in [base, base + size), splitting regions at the edges and merging what then is alike. */
int memblock_mark_hotplug(phys_addr_t base, phys_addr_t size);
int memblock_clear_hotplug(phys_addr_t base, phys_addr_t size);
int memblock_mark_mirror(phys_addr_t base, phys_addr_t size);
int memblock_mark_nomap(phys_addr_t base, phys_addr_t size);
int memblock_clear_nomap(phys_addr_t base, phys_addr_t size);
int memblock_reserved_mark_noinit(phys_addr_t base, phys_addr_t size);
int memblock_set_node(phys_addr_t base, phys_addr_t size, struct memblock_type *type, int nid);

/* Shrink every memory region to multiples of align (a power of two); what is left empty goes. */
void memblock_trim_memory(phys_addr_t align);
/*
 * Keep the first `limit` bytes of memory, counted over the regions in order; drop memory and reservations above.
 * _remove_map keeps NOMAP regions wherever they are. A limit of 0 or above the amount of memory does nothing.
 */
void memblock_enforce_memory_limit(phys_addr_t limit);
void memblock_mem_limit_remove_map(phys_addr_t limit);
/* Drop all memory but NOMAP outside [base, base + size), and the reservations outside. size 0 does nothing. */
void memblock_cap_memory_range(phys_addr_t base, phys_addr_t size);

/* ------------------------------------------------------------------ questions */

/* [base1, base1 + size1) and [base2, base2 + size2) have a byte in common. */
unsigned long memblock_addrs_overlap(phys_addr_t base1, phys_addr_t size1, phys_addr_t base2,
				     phys_addr_t size2);
bool memblock_overlaps_region(struct memblock_type *type, phys_addr_t base, phys_addr_t size);
/* Less than threshold_bytes of memory is without a node; says so when not. */
bool memblock_validate_numa_coverage(unsigned long threshold_bytes);

bool memblock_is_memory(phys_addr_t addr);
/* Memory that the linear map covers: not NOMAP. */
bool memblock_is_map_memory(phys_addr_t addr);
bool memblock_is_region_memory(phys_addr_t base, phys_addr_t size); /* all of it in one region */
bool memblock_is_reserved(phys_addr_t addr);
bool memblock_is_region_reserved(phys_addr_t base, phys_addr_t size); /* any of it */
/* Node of the region that holds pfn and the region's pfn range, or NUMA_NO_NODE. */
int memblock_search_pfn_nid(unsigned long pfn, unsigned long *start_pfn, unsigned long *end_pfn);

phys_addr_t memblock_phys_mem_size(void);
phys_addr_t memblock_reserved_size(void);
unsigned long memblock_estimated_nr_free_pages(void);
/* 0 when there is no memory. */
phys_addr_t memblock_start_of_DRAM(void);
phys_addr_t memblock_end_of_DRAM(void);

void memblock_set_current_limit(phys_addr_t limit);
phys_addr_t memblock_get_current_limit(void);

/* With memblock=debug: all regions by printk, as Linux prints them. */
void memblock_dump_all(void);
/* Verify what struct memblock_type promises. Returns the number of violations, each printed. */
int memblock_check(void);

static inline bool memblock_is_hotpluggable(struct memblock_region *m)
{
	return m->flags & MEMBLOCK_HOTPLUG;
}

static inline bool memblock_is_mirror(struct memblock_region *m)
{
	return m->flags & MEMBLOCK_MIRROR;
}

static inline bool memblock_is_nomap(struct memblock_region *m)
{
	return m->flags & MEMBLOCK_NOMAP;
}

static inline bool memblock_is_reserved_noinit(struct memblock_region *m)
{
	return m->flags & MEMBLOCK_RSRV_NOINIT;
}

static inline bool memblock_is_driver_managed(struct memblock_region *m)
{
	return m->flags & MEMBLOCK_DRIVER_MANAGED;
}

#if NODES_SHIFT > 0
static inline void memblock_set_region_node(struct memblock_region *r, int nid)
{
	r->nid = nid;
}

static inline int memblock_get_region_node(const struct memblock_region *r)
{
	return r->nid;
}
#else
static inline void memblock_set_region_node(struct memblock_region *r, int nid)
{
	(void)r, (void)nid;
}

static inline int memblock_get_region_node(const struct memblock_region *r)
{
	(void)r;
	return 0;
}
#endif

/* Whole pages of a memory region; every page that a reserved region touches. */
static inline unsigned long memblock_region_memory_base_pfn(const struct memblock_region *reg)
{
	return PFN_UP(reg->base);
}

static inline unsigned long memblock_region_memory_end_pfn(const struct memblock_region *reg)
{
	return PFN_DOWN(reg->base + reg->size);
}

static inline unsigned long memblock_region_reserved_base_pfn(const struct memblock_region *reg)
{
	return PFN_DOWN(reg->base);
}

static inline unsigned long memblock_region_reserved_end_pfn(const struct memblock_region *reg)
{
	return PFN_UP(reg->base + reg->size);
}

/* ------------------------------------------------------------------ iterators */

/*
 * Steps of the range iterators. *idx holds the next region of type_a (low half) and the next gap of type_b (high half,
 * gap i lies below region i); U64_MAX ends, and starts the reverse walk. Of memblock.memory, regions of another
 * node, NOMAP and DRIVER_MANAGED ones (unless the flag is given), hotpluggable ones with movable_node (unless given),
 * and non-mirrored ones when MEMBLOCK_MIRROR is given, are skipped. Out pointers may be NULL.
 */
void __next_mem_range(u64 *idx, int nid, enum memblock_flags flags, struct memblock_type *type_a,
		      struct memblock_type *type_b, phys_addr_t *out_start, phys_addr_t *out_end,
		      int *out_nid);
void __next_mem_range_rev(u64 *idx, int nid, enum memblock_flags flags,
			  struct memblock_type *type_a, struct memblock_type *type_b,
			  phys_addr_t *out_start, phys_addr_t *out_end, int *out_nid);
void __next_mem_pfn_range(int *idx, int nid, unsigned long *out_start_pfn,
			  unsigned long *out_end_pfn, int *out_nid);

/* Ranges in type_a and not in type_b (NULL: nothing excluded), ascending. i is a u64. */
#define __for_each_mem_range(i, type_a, type_b, nid, flags, p_start, p_end, p_nid)                 \
	for (i = 0, __next_mem_range(&i, nid, flags, type_a, type_b, p_start, p_end, p_nid);       \
	     i != U64_MAX;                                                                         \
	     __next_mem_range(&i, nid, flags, type_a, type_b, p_start, p_end, p_nid))

/* The same, descending. */
#define __for_each_mem_range_rev(i, type_a, type_b, nid, flags, p_start, p_end, p_nid)             \
	for (i = U64_MAX,                                                                          \
	    __next_mem_range_rev(&i, nid, flags, type_a, type_b, p_start, p_end, p_nid);           \
	     i != U64_MAX;                                                                         \
	     __next_mem_range_rev(&i, nid, flags, type_a, type_b, p_start, p_end, p_nid))

/* Memory that the linear map covers, reserved or not. */
#define for_each_mem_range(i, p_start, p_end)                                                      \
	__for_each_mem_range(i, &memblock.memory, NULL, NUMA_NO_NODE,                              \
			     MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, p_start, p_end, NULL)
#define for_each_mem_range_rev(i, p_start, p_end)                                                  \
	__for_each_mem_range_rev(i, &memblock.memory, NULL, NUMA_NO_NODE,                          \
				 MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, p_start, p_end, NULL)
#define for_each_reserved_mem_range(i, p_start, p_end)                                             \
	__for_each_mem_range(i, &memblock.reserved, NULL, NUMA_NO_NODE, MEMBLOCK_NONE, p_start,    \
			     p_end, NULL)

/* Memory that is not reserved. */
#define for_each_free_mem_range(i, nid, flags, p_start, p_end, p_nid)                              \
	__for_each_mem_range(i, &memblock.memory, &memblock.reserved, nid, flags, p_start, p_end,  \
			     p_nid)
#define for_each_free_mem_range_reverse(i, nid, flags, p_start, p_end, p_nid)                      \
	__for_each_mem_range_rev(i, &memblock.memory, &memblock.reserved, nid, flags, p_start,     \
				 p_end, p_nid)

static inline void __next_physmem_range(u64 *idx, struct memblock_type *type,
					phys_addr_t *out_start, phys_addr_t *out_end)
{
	__next_mem_range(idx, NUMA_NO_NODE, MEMBLOCK_NONE, &physmem, type, out_start, out_end,
			 NULL);
}

/* What firmware described and is not in type. */
#define for_each_physmem_range(i, type, p_start, p_end)                                            \
	for (i = 0, __next_physmem_range(&i, type, p_start, p_end); i != U64_MAX;                  \
	     __next_physmem_range(&i, type, p_start, p_end))

/* Whole pages of every memory region, flags ignored. nid MAX_NUMNODES: of all nodes. i is an int. */
#define for_each_mem_pfn_range(i, nid, p_start, p_end, p_nid)                                      \
	for (i = -1, __next_mem_pfn_range(&i, nid, p_start, p_end, p_nid); i >= 0;                 \
	     __next_mem_pfn_range(&i, nid, p_start, p_end, p_nid))

struct zone;
/* Free whole pages of one zone, from where the iteration stands (i = 0 to begin, then one step before the loop). */
void __next_mem_pfn_range_in_zone(u64 *idx, struct zone *zone, unsigned long *out_spfn,
				  unsigned long *out_epfn);
#define for_each_free_mem_pfn_range_in_zone_from(i, zone, p_start, p_end)                          \
	for (; i != U64_MAX; __next_mem_pfn_range_in_zone(&i, zone, p_start, p_end))

#define for_each_mem_region(region)                                                                \
	for (region = memblock.memory.regions;                                                     \
	     region < (memblock.memory.regions + memblock.memory.cnt); region++)
#define for_each_reserved_mem_region(region)                                                       \
	for (region = memblock.reserved.regions;                                                   \
	     region < (memblock.reserved.regions + memblock.reserved.cnt); region++)

/* ------------------------------------------------------------------ allocation */

#define MEMBLOCK_ALLOC_ANYWHERE (~(phys_addr_t)0)
#define MEMBLOCK_ALLOC_ACCESSIBLE 0
#define MEMBLOCK_ALLOC_NOLEAKTRACE 1 /* as ACCESSIBLE */
#define MEMBLOCK_LOW_LIMIT 0

/* What memblock_alloc_low stays below: the DMA zone's last byte, as arm64 has it. */
#ifndef ARCH_LOW_ADDRESS_LIMIT
extern phys_addr_t arm64_dma_phys_limit;
#define ARCH_LOW_ADDRESS_LIMIT (arm64_dma_phys_limit - 1)
#endif

/*
 * Reserve `size` bytes, aligned to `align` (a power of two; 0 means SMP_CACHE_BYTES and a warning), of free memory in
 * [start, end) and never in page 0. Highest address first, or lowest with memblock.bottom_up. nid: that node; when it
 * has no room, any node unless exact_nid. Returns the physical address, 0 when there is none.
 */
phys_addr_t memblock_alloc_range_nid(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				     phys_addr_t end, int nid, bool exact_nid);
phys_addr_t memblock_phys_alloc_range(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				      phys_addr_t end);
phys_addr_t memblock_phys_alloc_try_nid(phys_addr_t size, phys_addr_t align, int nid);

/*
 * The same as a pointer into the linear map, which must be up; NULL when there is none. min_addr is a wish: dropped
 * when it cannot be met. max_addr is also bounded by current_limit. The _raw ones do not clear the memory.
 */
void *memblock_alloc_exact_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				   phys_addr_t max_addr, int nid);
void *memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				 phys_addr_t max_addr, int nid);
void *memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			     phys_addr_t max_addr, int nid);

static __always_inline phys_addr_t memblock_phys_alloc(phys_addr_t size, phys_addr_t align)
{
	return memblock_phys_alloc_range(size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE);
}

static __always_inline void *memblock_alloc(phys_addr_t size, phys_addr_t align)
{
	return memblock_alloc_try_nid(size, align, MEMBLOCK_LOW_LIMIT, MEMBLOCK_ALLOC_ACCESSIBLE,
				      NUMA_NO_NODE);
}

static __always_inline void *memblock_alloc_raw(phys_addr_t size, phys_addr_t align)
{
	return memblock_alloc_try_nid_raw(size, align, MEMBLOCK_LOW_LIMIT,
					  MEMBLOCK_ALLOC_ACCESSIBLE, NUMA_NO_NODE);
}

static __always_inline void *memblock_alloc_from(phys_addr_t size, phys_addr_t align,
						 phys_addr_t min_addr)
{
	return memblock_alloc_try_nid(size, align, min_addr, MEMBLOCK_ALLOC_ACCESSIBLE,
				      NUMA_NO_NODE);
}

static __always_inline void *memblock_alloc_low(phys_addr_t size, phys_addr_t align)
{
	return memblock_alloc_try_nid(size, align, MEMBLOCK_LOW_LIMIT, ARCH_LOW_ADDRESS_LIMIT,
				      NUMA_NO_NODE);
}

static __always_inline void *memblock_alloc_node(phys_addr_t size, phys_addr_t align, int nid)
{
	return memblock_alloc_try_nid(size, align, MEMBLOCK_LOW_LIMIT, MEMBLOCK_ALLOC_ACCESSIBLE,
				      nid);
}

static inline void memblock_set_bottom_up(bool enable)
{
	memblock.bottom_up = enable;
}

static inline bool memblock_bottom_up(void)
{
	return memblock.bottom_up;
}

/* ------------------------------------------------------------------ hand-over (mm/page/handover.c) */

void memblock_free_all(void);
/* Give pages to the page allocator after memblock_free_all. */
void memblock_free_late(phys_addr_t base, phys_addr_t size);
void reset_all_zones_managed_pages(void);

/* ------------------------------------------------------------------ hash tables (mm/page/large_hash.c) */

#define HASH_EARLY 0x1 /* from memblock; else from the page allocator */
#define HASH_ZERO 0x2  /* cleared */
#define hashdist 0     /* tables are not spread over nodes */

/*
 * A table of a power of two of buckets of `bucketsize` bytes: numentries of them, or when that is 0 one for each
 * 2^scale bytes of memory (fewer above 64 GiB, when there is no high_limit); at least low_limit, at most high_limit
 * (0: a sixteenth of memory). Smaller when memory is short; panics when not even a page is left. Logs the table
 * under its name; log2 of the entries goes to *hash_shift, entries - 1 to *hash_mask (either may be NULL).
 */
void *alloc_large_system_hash(const char *tablename, unsigned long bucketsize,
			      unsigned long numentries, int scale, int flags,
			      unsigned int *hash_shift, unsigned int *hash_mask,
			      unsigned long low_limit, unsigned long high_limit);

/* memtest= is not built in. */
static inline void early_memtest(phys_addr_t start, phys_addr_t end)
{
	(void)start, (void)end;
}

#endif
