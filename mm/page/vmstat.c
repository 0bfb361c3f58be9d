// SPDX-License-Identifier: MIT
/*
 * Counters of events, nodes and zones.
 *
 * Owns the nodes' counters and each CPU's differences. Invariant: a node's value is node_stat plus every CPU's difference;
 * a difference never exceeds VMSTAT_THRESHOLD either way.
 *
 * Locking: none. A CPU changes its differences by compare-and-exchange, who folds for all exchanges them: neither an interrupt
 * nor another CPU comes between a load and its store, and what is folded is counted once.
 *
 * Against Linux 6.12: one threshold for all machines; differences of a node are a table of the CPU, not memory of the node.
 */
#include <quire/smp.h>
#include <quire/vmstat.h>

DEFINE_PER_CPU(struct vm_event_state, vm_event_states);

DEFINE_PER_CPU(struct vm_mapped_state, vm_mapped_states);

DEFINE_PER_CPU(struct mthp_state, mthp_states);

struct vm_diff {
	s8 item[MAX_NUMNODES][NR_VM_NODE_STAT_ITEMS];
};
static DEFINE_PER_CPU(struct vm_diff, vm_diffs);
BUILD_BUG_ON(VMSTAT_THRESHOLD > 127);

static long node_stat[MAX_NUMNODES][NR_VM_NODE_STAT_ITEMS];

const char *const vm_event_names[NR_VM_EVENT_ITEMS] = {
	[PGALLOC_DMA] = "pgalloc_dma",
	[PGALLOC_DMA32] = "pgalloc_dma32",
	[PGALLOC_NORMAL] = "pgalloc_normal",
	[PGALLOC_MOVABLE] = "pgalloc_movable",
	[PGALLOC_DEVICE] = "pgalloc_device",
	[ALLOCSTALL] = "allocstall",
	[PGFREE] = "pgfree",
	[NUMA_HIT] = "numa_hit",
	[NUMA_MISS] = "numa_miss",
	[PGFAULT] = "pgfault",
	[PGMAJFAULT] = "pgmajfault",
	[PGLAZYFREE] = "pglazyfree",
	[PGLAZYFREED] = "pglazyfreed",
	[PGMIGRATE_SUCCESS] = "pgmigrate_success",
	[PGMIGRATE_FAIL] = "pgmigrate_fail",
	[COMPACTMIGRATE_SCANNED] = "compact_migrate_scanned",
	[COMPACTFREE_SCANNED] = "compact_free_scanned",
	[COMPACTISOLATED] = "compact_isolated",
	[COMPACTSTALL] = "compact_stall",
	[COMPACTFAIL] = "compact_fail",
	[COMPACTSUCCESS] = "compact_success",
	[CMA_ALLOC_SUCCESS] = "cma_alloc_success",
	[CMA_ALLOC_FAIL] = "cma_alloc_fail",
	[THP_FAULT_ALLOC] = "thp_fault_alloc",
	[THP_FAULT_FALLBACK] = "thp_fault_fallback",
	[THP_COLLAPSE_ALLOC] = "thp_collapse_alloc",
	[THP_COLLAPSE_ALLOC_FAILED] = "thp_collapse_alloc_failed",
	[THP_SPLIT_PMD] = "thp_split_pmd",
	[THP_ZERO_PAGE_ALLOC] = "thp_zero_page_alloc",
	[THP_ZERO_PAGE_ALLOC_FAILED] = "thp_zero_page_alloc_failed",
};

const char *const node_stat_names[NR_VM_NODE_STAT_ITEMS] = {
	[NR_INACTIVE_ANON] = "nr_inactive_anon",
	[NR_ACTIVE_ANON] = "nr_active_anon",
	[NR_INACTIVE_FILE] = "nr_inactive_file",
	[NR_ACTIVE_FILE] = "nr_active_file",
	[NR_UNEVICTABLE] = "nr_unevictable",
	[NR_SLAB_RECLAIMABLE_B] = "nr_slab_reclaimable",
	[NR_SLAB_UNRECLAIMABLE_B] = "nr_slab_unreclaimable",
	[NR_ISOLATED_ANON] = "nr_isolated_anon",
	[NR_ISOLATED_FILE] = "nr_isolated_file",
	[NR_ANON_MAPPED] = "nr_anon_pages",
	[NR_FILE_MAPPED] = "nr_mapped",
	[NR_FILE_PAGES] = "nr_file_pages",
	[NR_FILE_DIRTY] = "nr_dirty",
	[NR_WRITEBACK] = "nr_writeback",
	[NR_SHMEM] = "nr_shmem",
	[NR_KERNEL_MISC_RECLAIMABLE] = "nr_kernel_misc_reclaimable",
	[NR_KERNEL_STACK_KB] = "nr_kernel_stack",
	[NR_PAGETABLE] = "nr_page_table_pages",
	[NR_VMALLOC] = "nr_vmalloc",
	[NR_ANON_THPS] = "nr_anon_transparent_hugepages",
	[NR_PERCPU] = "nr_percpu",
};

void all_vm_events(unsigned long *ret)
{
	unsigned int cpu, i;

	for (i = 0; i < NR_VM_EVENT_ITEMS; i++) {
		ret[i] = 0;
		for_each_possible_cpu(cpu)
		{
			/* Without areas of their own all CPUs share one. */
			if (cpu && per_cpu_offset(cpu) == per_cpu_offset(0))
				continue;
			ret[i] += __atomic_load_n(&per_cpu(vm_event_states, cpu).event[i],
						  __ATOMIC_RELAXED);
		}
	}
}

long mthp_stat(unsigned int order, enum mthp_stat_item item)
{
	unsigned int cpu;
	long sum = 0;

	for_each_possible_cpu(cpu)
	{
		if (cpu && per_cpu_offset(cpu) == per_cpu_offset(0))
			continue;
		sum += __atomic_load_n(&per_cpu(mthp_states, cpu).nr[order][item],
				       __ATOMIC_RELAXED);
	}
	return sum;
}

static void mod_node(int nid, enum node_stat_item item, long delta)
{
	s8 *diff = &this_cpu_ptr(&vm_diffs)->item[nid][item];
	s8 old = __atomic_load_n(diff, __ATOMIC_RELAXED);
	long sum;
	bool over;

	if (item == NR_SLAB_RECLAIMABLE_B || item == NR_SLAB_UNRECLAIMABLE_B)
		delta /= (long)PAGE_SIZE;
	do {
		sum = old + delta;
		over = sum > VMSTAT_THRESHOLD || sum < -VMSTAT_THRESHOLD;
	} while (!__atomic_compare_exchange_n(diff, &old, over ? 0 : (s8)sum, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (over)
		__atomic_fetch_add(&node_stat[nid][item], sum, __ATOMIC_RELAXED);
}

void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item, long delta)
{
	mod_node(pgdat->node_id, item, delta);
}

void mod_page_state_of(const struct page *page, enum node_stat_item item, long delta)
{
	mod_node((int)page_to_nid(page), item, delta);
}

/* Of a node; for the two items that CPUs keep to themselves, theirs. */
static long node_sum(int nid, enum node_stat_item item)
{
	long sum = __atomic_load_n(&node_stat[nid][item], __ATOMIC_RELAXED);
	unsigned int cpu;

	if (item != NR_ANON_MAPPED && item != NR_FILE_MAPPED)
		return sum;
	for_each_possible_cpu(cpu)
	{
		if (cpu && per_cpu_offset(cpu) == per_cpu_offset(0))
			continue;
		sum += __atomic_load_n(
			&per_cpu(vm_mapped_states, cpu)
				 .nr[nid][item == NR_ANON_MAPPED ? MAPPED_ANON : MAPPED_FILE],
			__ATOMIC_RELAXED);
	}
	return sum;
}

unsigned long node_page_state(const struct pglist_data *pgdat, enum node_stat_item item)
{
	long v = node_sum(pgdat->node_id, item);

	/* Pages counted by one CPU and given back by another may show as less than none. */
	return v > 0 ? (unsigned long)v : 0;
}

unsigned long global_node_page_state(enum node_stat_item item)
{
	long sum = 0;
	int nid;

	for_each_online_node(nid) sum += node_sum(nid, item);
	return sum > 0 ? (unsigned long)sum : 0;
}

void vmstat_refresh(void)
{
	unsigned int cpu, i;
	int nid;

	for_each_possible_cpu(cpu)
	{
		struct vm_diff *d = per_cpu_ptr(&vm_diffs, cpu);

		for_each_online_node(nid) for (i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		{
			s8 v = __atomic_load_n(&d->item[nid][i], __ATOMIC_RELAXED);

			if (v && (v = __atomic_exchange_n(&d->item[nid][i], 0, __ATOMIC_RELAXED)))
				__atomic_fetch_add(&node_stat[nid][i], v, __ATOMIC_RELAXED);
		}
	}
}

unsigned long global_zone_page_state(enum zone_stat_item item)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_zone(zone) sum += zone_page_state(zone, item);
	return sum;
}

void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta)
{
	__atomic_fetch_add(&zone->vm_stat[item], delta, __ATOMIC_RELAXED);
}
