/* SPDX-License-Identifier: MIT */
/*
 * The memory map: sections, vmemmap, and their growth on demand (mm/early/sparse.c,
 * mm/page/handover.c).
 *
 * A section is in one of three states. EMPTY: its struct pages hold garbage; what is free in it is
 * counted in its zones' deferred_pages. GROWING: one CPU writes them. READY: they are valid, for
 * ever; but memory that was added later may go offline, and its section is not present then.
 */
#ifndef QUIRE_SPARSE_H
#define QUIRE_SPARSE_H

#include <quire/mmzone.h>

/* mem_section.present: not at all, since boot, or added later (mm/page/hotplug.c). */
enum { SECTION_PRESENT_BOOT = 1, SECTION_PRESENT_HOT = 2 };

enum section_state { SECTION_EMPTY, SECTION_GROWING, SECTION_READY };

static inline unsigned int section_state(const struct mem_section *s)
{
	return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

/* pfn's section exists and its struct pages are valid. Any context. */
static inline bool pfn_ready(unsigned long pfn)
{
	struct mem_section *s = pfn_to_section(pfn);

	return s && section_state(s) == SECTION_READY;
}

/*
 * Build the section table from memblock.memory, and allocate and map the struct pages of every
 * section that has memory: one physically contiguous range a run of sections of one node, placed so
 * that vmemmap is mapped with the largest blocks. No struct page is written. When memory does not
 * suffice, the section is left out: its memory is reserved, pfn_valid() is false there, and a line
 * says so. Called by bootmem_init, once (Linux: sparse_init).
 */
void sparse_init(void);

/*
 * The struct pages of [start_pfn, end_pfn), all in one section that the caller is growing: free
 * (refcount 0, on no list) or reserved (PG_reserved, refcount 1), with zone and node in flags.
 */
void memmap_init_free(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone);
void memmap_init_reserved(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone);

/*
 * The type of the pageblocks of [start_pfn, end_pfn), in a section that the caller is growing or
 * under zone->lock.
 */
void memmap_set_types(unsigned long start_pfn, unsigned long end_pfn, enum migratetype mt);

/*
 * Make pfn's section READY: write its struct pages and give its free pages to the free lists.
 * Returns 0 when the section is READY on return, -ENOENT when it has no memory, -EAGAIN before
 * memblock_free_all. Idempotent; any context, no zone lock held; takes zone->lock inside and keeps
 * interrupts off for the time of one section.
 */
int section_grow(unsigned long pfn);

/*
 * Grow the next section that has free pages of this zone. Returns true when the zone's free lists
 * got pages since the call, false when nothing is left to grow. Lowest section first. Context as
 * section_grow.
 *
 * Another CPU may have put the last deferred pages into the lists just before the call: who found
 * the lists empty while deferred_pages was not 0 looks once more after false.
 */
bool zone_grow(struct zone *zone);

/* Grow everything: for reports and tests that look at every page. */
void memmap_grow_all(void);

/*
 * The struct page of a pfn from outside the allocator, valid; NULL when the pfn has none. Context
 * as section_grow.
 */
struct page *pfn_to_online_page(unsigned long pfn);

/* What a stretch of physical memory is, by memblock alone. */
enum memmap_kind {
	MEMMAP_HOLE,	 /* not in memblock.memory */
	MEMMAP_NOMAP,	 /* memory without a linear mapping, or managed by a driver */
	MEMMAP_RESERVED, /* reserved, or a page that is not wholly free */
	MEMMAP_FREE,
};

typedef void (*memmap_walk_fn)(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
			       enum memmap_kind kind, void *arg);

/*
 * Cut [start_pfn, end_pfn) into stretches of one kind and one zone, in order and without gaps. A
 * hole goes to the zone above it, after the last memory to the zone below (Linux: memmap_init).
 * Cost: O(log regions + regions in the range). Needs free_area_init done.
 */
void memmap_walk(unsigned long start_pfn, unsigned long end_pfn, memmap_walk_fn fn, void *arg);

/* The zone that memmap_walk gives pfn to. NULL when there is no memory at all. For cold paths. */
struct zone *zone_of_pfn(unsigned long pfn);

#endif
