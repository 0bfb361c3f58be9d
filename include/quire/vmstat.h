/* SPDX-License-Identifier: MIT */
/*
 * Statistics of memory: events, nodes, zones (Linux: include/linux/vmstat.h, vm_event_item.h; names of 6.12).
 *
 * Events are counted per CPU and summed when read. A node's counters are pages; each CPU gathers small differences of its
 * own and adds them to the node's when they reach a threshold, so that a counter read without folding is off by at most
 * VMSTAT_THRESHOLD a CPU. A zone's free counters belong to mm/page/ and are exact under zone->lock.
 *
 * Any context, interrupts included. Nothing here allocates or waits.
 */
#ifndef QUIRE_VMSTAT_H
#define QUIRE_VMSTAT_H

#include <quire/mmzone.h>
#include <quire/percpu.h>

/* ------------------------------------------------------------------ events */

/*
 * PGALLOC_*, PGFREE: pages that left a zone's free lists or came back; what goes round in a CPU's own list without touching
 * them is not seen, because counting it would cost more than the list does.
 */
enum vm_event_item {
	PGALLOC_DMA,
	PGALLOC_DMA32,
	PGALLOC_NORMAL,
	PGALLOC_MOVABLE,
	PGALLOC_DEVICE,
	ALLOCSTALL, /* requests that had to reclaim */
	PGFREE,
	NUMA_HIT, /* requests of the long way that were served by the node they prefer */
	NUMA_MISS,
	PGFAULT,
	PGMAJFAULT, /* had to wait for a disk: there is none */
	PGLAZYFREE, /* pages that MADV_FREE was said of; PGLAZYFREED: and that were dropped */
	PGLAZYFREED,
	PGMIGRATE_SUCCESS,
	PGMIGRATE_FAIL,
	COMPACTMIGRATE_SCANNED,
	COMPACTFREE_SCANNED,
	COMPACTISOLATED,
	COMPACTSTALL,
	COMPACTFAIL,
	COMPACTSUCCESS,
	CMA_ALLOC_SUCCESS,
	CMA_ALLOC_FAIL,
	THP_FAULT_ALLOC,
	THP_FAULT_FALLBACK,
	THP_COLLAPSE_ALLOC,
	THP_COLLAPSE_ALLOC_FAILED,
	THP_SPLIT_PMD,
	THP_ZERO_PAGE_ALLOC,
	THP_ZERO_PAGE_ALLOC_FAILED,
	NR_VM_EVENT_ITEMS,
};

struct vm_event_state {
	unsigned long event[NR_VM_EVENT_ITEMS];
};
DECLARE_PER_CPU(struct vm_event_state, vm_event_states);

static inline void count_vm_events(enum vm_event_item item, unsigned long n)
{
	/* Interrupts count as well. */
	this_cpu_add(vm_event_states.event[item], n);
}

static inline void count_vm_event(enum vm_event_item item)
{
	count_vm_events(item, 1);
}

/* The sum of all CPUs; ret has NR_VM_EVENT_ITEMS entries (Linux: all_vm_events). */
void all_vm_events(unsigned long *ret);
/* As /proc/vmstat names them: "pgalloc_dma". */
extern const char *const vm_event_names[NR_VM_EVENT_ITEMS];

/* ------------------------------------------------------------------ transparent huge pages, by their order */

/* Linux: struct mthp_stat. Allocated by a fault; could not be had by one; groups of anonymous pages whose first page is still what it was. */
enum mthp_stat_item {
	MTHP_ANON_FAULT_ALLOC,
	MTHP_ANON_FAULT_FALLBACK,
	MTHP_NR_ANON,
	NR_MTHP_STATS
};
/* Orders 0 to that of a block. */
#define MTHP_ORDERS (PAGE_SHIFT - 2)

struct mthp_state {
	long nr[MTHP_ORDERS][NR_MTHP_STATS];
};
DECLARE_PER_CPU(struct mthp_state, mthp_states);

static inline void mod_mthp_stat(unsigned int order, enum mthp_stat_item item, long delta)
{
	if (likely(order < MTHP_ORDERS))
		this_cpu_add(mthp_states.nr[order][item], delta);
}

/* The sum of all CPUs. */
long mthp_stat(unsigned int order, enum mthp_stat_item item);

/* ------------------------------------------------------------------ nodes */

enum node_stat_item {
	NR_INACTIVE_ANON,
	NR_ACTIVE_ANON,
	NR_INACTIVE_FILE,
	NR_ACTIVE_FILE,
	NR_UNEVICTABLE,
	NR_SLAB_RECLAIMABLE_B,	 /* given in bytes, kept in pages */
	NR_SLAB_UNRECLAIMABLE_B, /* likewise */
	NR_ISOLATED_ANON,
	NR_ISOLATED_FILE,
	NR_ANON_MAPPED,
	NR_FILE_MAPPED,
	NR_FILE_PAGES,
	NR_FILE_DIRTY,
	NR_WRITEBACK,
	NR_SHMEM,
	NR_KERNEL_MISC_RECLAIMABLE,
	NR_KERNEL_STACK_KB, /* in KiB */
	NR_PAGETABLE,
	NR_VMALLOC,   /* pages of vmalloc areas; Linux has a counter of its own for it */
	NR_ANON_THPS, /* not pages: blocks that some entry maps as a whole */
	NR_PERCPU,    /* pages of per-CPU chunks but the first, which boot memory holds; likewise */
	NR_VM_NODE_STAT_ITEMS,
};

#define VMSTAT_THRESHOLD 64

/* NR_ANON_MAPPED and NR_FILE_MAPPED change with every fault: each CPU's account of each node is just added to and summed when read. */
enum mapped_item { MAPPED_ANON, MAPPED_FILE, NR_MAPPED_ITEMS };
struct vm_mapped_state {
	long nr[MAX_NUMNODES][NR_MAPPED_ITEMS];
};
DECLARE_PER_CPU(struct vm_mapped_state, vm_mapped_states);

/* delta: pages, bytes for the items that end in _B (whole pages), KiB for NR_KERNEL_STACK_KB. */
void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item, long delta);
/* The node of the page. */
void mod_page_state_of(const struct page *page, enum node_stat_item item, long delta);
/* In pages (KiB for NR_KERNEL_STACK_KB), never below 0; what CPUs have not folded yet is not in it. */
unsigned long node_page_state(const struct pglist_data *pgdat, enum node_stat_item item);
unsigned long global_node_page_state(enum node_stat_item item);
/* Fold what every CPU has gathered: call it before a report; exact when other CPUs are quiet. */
void vmstat_refresh(void);
extern const char *const node_stat_names[NR_VM_NODE_STAT_ITEMS];

/* ------------------------------------------------------------------ zones */

static inline unsigned long zone_page_state(const struct zone *zone, enum zone_stat_item item)
{
	return (unsigned long)__atomic_load_n(&zone->vm_stat[item], __ATOMIC_RELAXED);
}

/* Of all zones, in pages. */
unsigned long global_zone_page_state(enum zone_stat_item item);
/* For items other than NR_FREE_PAGES and NR_FREE_CMA_PAGES, which change under zone->lock only. */
void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta);

#endif
