// SPDX-License-Identifier: MIT
/*
 * The hand-over: which pages of each zone the page allocator gets, when, and what the Memory: line says.
 *
 *   memblock_free_all          whole pages that are not reserved
 *   page_alloc_init_late       the Memory: line
 *   cma_init_reserved_areas    CMA areas
 *   init_per_zone_wmark_min    watermarks, from the managed pages so far
 *   free_initrd_mem            whole pages of the initrd, when the archive has been unpacked
 *   free_initmem               what the image needed to start
 *
 * The zones are the core's (free_area_init), and so are watermarks, reserves, pagesets and zonelists, computed from the
 * managed pages that are counted here. Their own structures are allocated after memblock's last state has been kept.
 */
#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/gfp.h>
#include <quire/mm_init.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

struct linux_memory_line linux_memory_line;
unsigned long linux_total_pages;

/* Managed pages by node and zone: when watermarks are computed, and when user space runs. */
static unsigned long early[MAX_NUMNODES][MAX_NR_ZONES], last[MAX_NUMNODES][MAX_NR_ZONES];

static unsigned long *count_of(unsigned long counts[MAX_NUMNODES][MAX_NR_ZONES],
			       const struct zone *zone)
{
	return &counts[zone_to_nid(zone)][zone_idx(zone)];
}

/* Add the pages [start, end) to the zones that have them; returns how many are memory. */
static unsigned long add_managed(unsigned long start, unsigned long end, bool cma)
{
	unsigned long first, end_pfn, a, b, pages = 0;
	int i, nid, t;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &first, &end_pfn, &nid)
	{
		if (end_pfn <= start || first >= end || !NODE_DATA(nid))
			continue;
		for (t = 0; t < MAX_NR_ZONES; t++) {
			struct zone *z = &NODE_DATA(nid)->node_zones[t];

			a = max(max(first, start), z->zone_start_pfn);
			b = min(min(end_pfn, end), z->zone_start_pfn + z->spanned_pages);
			if (a >= b)
				continue;
			z->managed_pages += b - a;
			if (cma)
				z->cma_pages += b - a;
			pages += b - a;
		}
	}
	return pages;
}

/*
 * Where the zone's deferred pages begin: of a node's highest zone one section is initialised early, and what is missing
 * to the next section's start.
 */
static unsigned long first_deferred(const struct zone *z)
{
	unsigned long per_section = 1UL << (build_profile->section_size_bits - PAGE_SHIFT);
	unsigned long start, end, last = z->zone_start_pfn + z->spanned_pages, n = 0, pfn;
	int i, t;

	for (t = zone_idx(z) + 1; t < MAX_NR_ZONES; t++)
		if (z->zone_pgdat->node_zones[t].spanned_pages)
			return last;
	for_each_mem_pfn_range(i, zone_to_nid(z), &start, &end, NULL)
	{
		start = max(start, z->zone_start_pfn);
		end = min(end, last);
		if (start >= end)
			continue;
		/* The first start of a section that more than a section's pages come before, itself counted. */
		pfn = n > per_section - 1 ? start : start + (per_section - n);
		pfn = ALIGN(pfn, per_section);
		if (pfn < end)
			return pfn;
		n += end - start;
	}
	return last;
}

/* Free pages that are initialised at the hand-over; the others come later. */
static unsigned long free_early(void)
{
	unsigned long pages = 0, limit, a, b;
	phys_addr_t start, end;
	struct zone *z;
	int nid;
	u64 i;

	for_each_zone(z)
	{
		limit = first_deferred(z);
		for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, &nid)
		{
			a = max(PFN_UP(start), z->zone_start_pfn);
			b = min(PFN_DOWN(end), limit);
			if (nid == zone_to_nid(z) && a < b)
				pages += b - a;
		}
	}
	return pages;
}

static unsigned long free_all(void)
{
	unsigned long pages = 0;
	phys_addr_t start, end;
	struct zone *zone;
	u64 i;

	for_each_zone(zone) zone->managed_pages = 0;
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
	{
		if (PFN_UP(start) < PFN_DOWN(end))
			pages += add_managed(PFN_UP(start), PFN_DOWN(end), false);
	}
	return pages;
}

static unsigned long kib(u64 bytes)
{
	return (unsigned long)(bytes >> 10);
}

/* gigantic: pages that hugetlb has; they count as managed, though nobody gets them. */
static void memory_line(unsigned long free_pages, unsigned long gigantic)
{
	const struct build_profile *p = build_profile;
	const unsigned long k = PAGE_SIZE / 1024;
	unsigned long available = free_pages, present = 0, taken, unit = SZ_128M / 1024, step;
	struct zone *zone;

	for_each_zone(zone) present += zone->present_pages;
	taken = p->early_kib + p->early_kib_per_cpu * (nr_cpus_possible - 1) +
		p->early_kib_per_node * (unsigned long)(__builtin_popcountll(node_online_mask) - 1);
	/* Between powers of two in a straight line. */
	for (; unit < present * k; unit *= 2) {
		step = min(present * k - unit, unit);
		taken += p->early_kib_per_doubling * step / unit;
	}
	for (unsigned int i = 0; i < nr_linux_hashes; i++)
		if (linux_hashes[i].vmalloc)
			taken += kib(linux_hashes[i].bytes);
	/* Before 6.10 the line came at the hand-over, when most pages were still to be initialised. */
	if (linux_before(0x60a)) {
		taken = 0;
		available = p->deferred_struct_pages ? free_early() : free_pages;
	}
	linux_memory_line = (struct linux_memory_line){
		.available_k = available * k > taken ? available * k - taken : 0,
		.total_k = present * k,
		.code_k = kib(p->etext - p->stext),
		.rwdata_k = kib(p->data_end - p->init_end),
		.rodata_k = kib(p->rodata_end - p->etext),
		.init_k = kib(p->init_end - p->init_begin),
		.bss_k = kib(p->bss_end - p->bss_start),
		.reserved_k = (present - free_pages - gigantic - totalcma_pages) * k,
		.cma_k = totalcma_pages * k,
	};
}

static void activate_cma(void)
{
	for (unsigned int i = 0; i < nr_cma_areas; i++)
		if (cma_areas[i].size)
			add_managed(PFN_DOWN(cma_areas[i].base),
				    PFN_DOWN(cma_areas[i].base + cma_areas[i].size), true);
}

static void free_initrd_mem(void)
{
	phys_addr_t start = phys_initrd_start, end = start + phys_initrd_size;

	if (!phys_initrd_size)
		return;
	event_step("free_initrd_mem");
	linux_free("free_initrd_mem", start & PAGE_MASK, PAGE_ALIGN(end) - (start & PAGE_MASK));
	if (PFN_UP(start) < PFN_DOWN(end))
		add_managed(PFN_UP(start), PFN_DOWN(end), false);
}

static void free_initmem(void)
{
	phys_addr_t text = boot_params.image.phys;
	phys_addr_t start = text + build_profile->init_begin, end = text + build_profile->init_end;

	event_step("free_initmem");
	if (!linux_before(0x602))
		linux_free("free_initmem", start, end - start);
	add_managed(PFN_UP(start), PFN_DOWN(end), false);
}

void linux_hand_over(void)
{
	unsigned long free_pages, gigantic = 0;
	struct memblock_region *r;
	struct zone *zone;
	unsigned int cpu;

	event_step("memblock_free_all");
	/* From here on reservations are known by node too. */
	if (!linux_before(0x60c))
		for_each_mem_region(r) memblock_set_node(r->base, r->size, &memblock.reserved,
							 memblock_get_region_node(r));
	free_pages = free_all();
	for (unsigned long i = 0; i < nr_linux_gigantic; i++)
		gigantic += add_managed(PFN_DOWN(linux_gigantic[i].base),
					PFN_DOWN(linux_gigantic[i].base + linux_gigantic[i].size),
					false);
	memory_line(free_pages, gigantic);
	activate_cma();
	for_each_zone(zone) * count_of(early, zone) = zone->managed_pages;
	free_initrd_mem();
	free_initmem();
	for_each_zone(zone)
	{
		*count_of(last, zone) = zone->managed_pages;
		zone->managed_pages = zone->present_pages -
				      linux_memmap_pages(zone->spanned_pages, zone->present_pages);
	}
	memblock_record_events = false;
	predict_keep_final();
	/* Linux makes the lists before it knows what is managed. */
	build_all_zonelists();
	linux_total_pages = nr_free_zone_pages(ZONE_MOVABLE);
	/* Watermarks come before the initrd and init memory are freed; lowmem reserves are computed again after. */
	for_each_zone(zone) zone->managed_pages = *count_of(early, zone);
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		set_cpu_numa_node(cpu, cpu_descs[cpu].nid);
	init_per_zone_wmark_min();
	for_each_zone(zone) zone->managed_pages = *count_of(last, zone);
	setup_per_zone_lowmem_reserve();
}
