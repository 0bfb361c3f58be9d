/* SPDX-License-Identifier: MIT */
/*
 * Bringing nodes, zones and the page allocator up: what boot/ calls, in this order
 * (mm/page/zone.c, zonelist.c, watermark.c, handover.c).
 *
 *   alloc_node_data()      for each node          arch_numa_init
 *   sparse_init()          <quire/sparse.h>       bootmem_init
 *   free_area_init()                              zone_sizes_init
 *   dma_contiguous_reserve <quire/cma.h>          bootmem_init
 *   build_all_zonelists()                         mm_core_init
 *   memblock_free_all()    <quire/memblock.h>     mem_init
 *   mem_init_print_info()                         mem_init
 *   cma_init_reserved_areas() <quire/cma.h>       an initcall in Linux
 *   init_per_zone_wmark_min()                     an initcall in Linux
 *
 * All on the boot CPU. Sizes are in pages unless a name says otherwise.
 */
#ifndef QUIRE_MM_INIT_H
#define QUIRE_MM_INIT_H

#include <quire/mmzone.h>

/*
 * Allocate and clear node nid's pglist_data near its memory, set NODE_DATA(nid) and mark the node
 * online. Returns its physical address and *size in bytes for the caller's line of log, or 0
 * (nothing changed) when memblock has no room.
 */
phys_addr_t alloc_node_data(int nid, u64 *size);

/*
 * The values of kernelcore= and movablecore=: "mirror" (kernelcore only), "nn%", or bytes with K,
 * M, G, T. Returns 0 or -EINVAL, the setting unchanged.
 */
int parse_kernelcore(const char *arg);
int parse_movablecore(const char *arg);

/*
 * Nodes' and zones' ranges and sizes from memblock. max_zone_pfns[MAX_NR_ZONES]: end pfn of each
 * zone, 0 for one that does not exist; ZONE_MOVABLE's is ignored (Linux: free_area_init). Prints
 * the zone ranges.
 */
void free_area_init(const unsigned long *max_zone_pfns);

/* First pfn of ZONE_MOVABLE on a node, 0: none. Set by free_area_init. */
extern unsigned long zone_movable_pfn[MAX_NUMNODES];
/* The limits that free_area_init derived from max_zone_pfns: [lowest, highest) of each zone. */
extern unsigned long arch_zone_lowest_possible_pfn[MAX_NR_ZONES];
extern unsigned long arch_zone_highest_possible_pfn[MAX_NR_ZONES];

/*
 * First and end pfn of a node's memory, both 0 for a node without; nid MAX_NUMNODES: of all nodes.
 */
void get_pfn_range_for_nid(int nid, unsigned long *start_pfn, unsigned long *end_pfn);
/* Pages in [start, end) that are not in memblock.memory. */
unsigned long absent_pages_in_range(unsigned long start_pfn, unsigned long end_pfn);

/* Nodes with memory. */
extern u64 node_memory_mask;

/* ------------------------------------------------------------------ zonelists (zonelist.c) */

/*
 * Nodes that have an online CPU. A CPU that comes up sets its node's bit; none is set when the
 * lists are built at boot, so that the preference for nodes without CPUs plays no part then, as in
 * Linux on arm64.
 */
extern u64 node_has_cpu_mask;

/*
 * The next node of `node`'s fallback list: the nearest one with memory that is not in *used,
 * preferring the next number, nodes without CPUs and less loaded ones; adds it to *used.
 * NUMA_NO_NODE when none is left (Linux: find_next_best_node).
 */
int find_next_best_node(int node, u64 *used);

/*
 * Build every node's two zonelists from memblock memory; prints the order. Panics when there is no
 * room for them.
 */
void build_all_zonelists(void);

/*
 * Node numbers of nid's fallback list in order, at most max; returns how many there are. For
 * reports.
 */
unsigned int zonelist_node_order(int nid, int *order, unsigned int max);

extern enum zone_type policy_zone;
extern bool page_group_by_mobility_disabled;

/* ------------------------------------------------------------------ hand-over (handover.c) */

/*
 * memblock_free_all() is declared in <quire/memblock.h>; from then on memblock_closed is set and
 * its regions do not change.
 */

/* Pages that the page allocator has had in all: the sum of managed_pages. */
unsigned long totalram_pages(void);
/* Is it so many? Mostly cheaper. */
bool totalram_at_least(unsigned long pages);
/* Free pages of all zones, those in deferred sections included. */
unsigned long nr_free_pages(void);

/* The line "Memory: ...K/...K available (...)". */
void mem_init_print_info(void);

/*
 * Give reserved memory to the page allocator after memblock_free_all: whole pages in [base, base +
 * size), which must be reserved memory of ready or growable sections. managed pages grow by them.
 * Returns the pages given.
 */
unsigned long free_reserved_range(phys_addr_t base, phys_addr_t size);

/*
 * Verify what zones and nodes claim against memblock and the free lists: spanned, present, managed,
 * free = in lists + deferred, section states. Prints each violation; returns how many. With other
 * CPUs quiet.
 */
int zone_check(void);

/* ------------------------------------------------------------------ watermarks (watermark.c) */

extern int user_min_free_kbytes; /* min_free_kbytes=, -1: not set */
/* Raises min_free_kbytes on machines of 512 MiB or more. */
extern bool transparent_hugepage_enabled;
/* transparent_hugepage=: always, madvise, never, as 0, 1, 2. */
extern int transparent_hugepage_mode;
extern unsigned long totalreserve_pages;

/*
 * min_free_kbytes, watermarks, lowmem reserves and pageset limits from the zones' managed pages
 * (Linux: init_per_zone_wmark_min and what khugepaged's start adds).
 */
void init_per_zone_wmark_min(void);
void calculate_min_free_kbytes(void);
void setup_per_zone_wmarks(void);
void setup_per_zone_lowmem_reserve(void);
/*
 * A zone's pageset_batch, pageset_high_min and _high_max, and those of its pagesets (Linux:
 * zone_pcp_update).
 */
void zone_pcp_update(struct zone *zone);
int zone_batchsize(const struct zone *zone);

/* Pages beyond the high watermark in zones up to `highest` (Linux: nr_free_zone_pages). */
unsigned long nr_free_zone_pages(enum zone_type highest);
/* Managed and not in ZONE_MOVABLE (Linux: nr_free_buffer_pages). */
unsigned long nr_free_buffer_pages(void);

/*
 * Pretend that a zone manages `pages` pages, to compute what Linux would with as many: for `quire
 * boot` on a recorded machine, before init_per_zone_wmark_min(). zone_check() reports it. Returns 0
 * or -EINVAL for a zone that does not exist.
 */
int zone_override_managed(int nid, enum zone_type zone, unsigned long pages);

#endif
