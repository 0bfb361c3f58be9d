/* SPDX-License-Identifier: MIT */
/*
 * A small machine for the page allocator's tests: nodes, zones, sections, a memory map and memory, made without memblock and
 * sparse. It stands for mm/page/zone.c, zonelist.c, handover.c and mm/early/sparse.c.
 *
 *   pfn  BASE                                  BASE + sections * PAGES_PER_SECTION
 *        |== zone ==|== zone ==|..hole..|== zone ==|
 *
 * A world has some sections from BASE_PFN on; zones are laid into it. Pages outside zones are reserved and of no zone.
 */
#ifndef TESTS_PAGE_WORLD_H
#define TESTS_PAGE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "mm/page/internal.h"

#define BASE_PFN (8 * PAGES_PER_SECTION)
#define WORLD_SECTIONS 4
#define WORLD_NODES 2
#define WORLD_CPUS 4
#define NO_ZONE 7U

struct pglist_data *node_data[MAX_NUMNODES];
u64 node_online_mask;
struct mem_section *mem_sections;
unsigned long first_section_nr, nr_mem_sections, page_base_pfn;
u8 *pageblock_types;
struct page *vmemmap, *page_index_base;
unsigned int nr_cpus_possible = 1;
bool page_group_by_mobility_disabled;
/* Unless the test links mm/page/cma.c. */
#ifndef WORLD_HAS_CMA
struct cma cma_areas[MAX_CMA_AREAS];
unsigned int nr_cma_areas;
#endif

static struct pglist_data world_nodes[WORLD_NODES];
static struct zoneref world_refs[WORLD_NODES][MAX_ZONELISTS][WORLD_NODES * MAX_NR_ZONES + 1];
static struct mem_section world_sections[WORLD_SECTIONS];
static u8 world_types[WORLD_SECTIONS * PAGEBLOCKS_PER_SECTION];
static struct page *world_map;
static char *world_memory;
static struct per_cpu_pages world_sets[WORLD_NODES][MAX_NR_ZONES][WORLD_CPUS];

/* ------------------------------------------------------------------ what other parts supply */

struct zone *first_zone(void)
{
	return &world_nodes[0].node_zones[0];
}

struct zone *next_zone(struct zone *zone)
{
	struct pglist_data *pgdat = zone->zone_pgdat;

	if (zone < &pgdat->node_zones[MAX_NR_ZONES - 1])
		return zone + 1;
	return pgdat->node_id + 1 < WORLD_NODES ? world_nodes[pgdat->node_id + 1].node_zones : NULL;
}

/* Free pages of sections that are not READY: [start, end) of the zone, given when it grows. */
struct world_deferred {
	struct zone *zone;
	unsigned long start, end;
};
static struct world_deferred world_deferred[16];
static unsigned int nr_world_deferred, world_grows;

int section_grow(unsigned long pfn)
{
	struct mem_section *s = pfn_to_section(pfn);
	unsigned int i;

	if (!s || !s->present)
		return -ENOENT;
	if (s->state == SECTION_READY)
		return 0;
	world_grows++;
	for (i = 0; i < nr_world_deferred; i++) {
		struct world_deferred *d = &world_deferred[i];

		if (pfn_to_section(d->start) == s)
			buddy_free_deferred(d->zone, d->start, d->end);
	}
	s->state = SECTION_READY;
	return 0;
}

struct page *pfn_to_online_page(unsigned long pfn)
{
	return section_grow(pfn) ? NULL : pfn_to_page(pfn);
}

bool zone_grow(struct zone *zone)
{
	unsigned int i;

	for (i = 0; i < nr_world_deferred; i++)
		if (world_deferred[i].zone == zone &&
		    pfn_to_section(world_deferred[i].start)->state != SECTION_READY) {
			section_grow(world_deferred[i].start);
			return true;
		}
	return false;
}

void memmap_walk(unsigned long start_pfn, unsigned long end_pfn, memmap_walk_fn fn, void *arg)
{
	unsigned int i;

	for (i = 0; i < nr_world_deferred; i++) {
		unsigned long s = max(start_pfn, world_deferred[i].start);
		unsigned long e = min(end_pfn, world_deferred[i].end);

		if (s < e)
			fn(world_deferred[i].zone, s, e, MEMMAP_FREE, arg);
	}
}

/* ------------------------------------------------------------------ building */

static void world_free(void)
{
	munmap(world_map, sizeof(struct page) * WORLD_SECTIONS * PAGES_PER_SECTION);
	munmap(world_memory, WORLD_SECTIONS * PAGES_PER_SECTION * PAGE_SIZE);
	world_map = NULL;
}

static struct page *world_page(unsigned long offset)
{
	return pfn_to_page(BASE_PFN + offset);
}

/* A machine without zones; every page reserved and of no zone. */
static void world_init(unsigned int nodes)
{
	unsigned long i, pages = WORLD_SECTIONS * PAGES_PER_SECTION;
	unsigned int nid, z;

	if (world_map)
		world_free();
	world_map = mmap(NULL, sizeof(struct page) * pages, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	world_memory = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(world_map != MAP_FAILED && world_memory != MAP_FAILED);
	vmemmap = (struct page *)((unsigned long)world_map - BASE_PFN * sizeof(struct page));
	page_base_pfn = BASE_PFN - PAGES_PER_SECTION;
	page_index_base =
		(struct page *)((unsigned long)vmemmap + page_base_pfn * sizeof(struct page));
	physvirt_offset = (s64)((u64)(unsigned long)world_memory - PFN_PHYS(BASE_PFN));
	mem_sections = world_sections;
	first_section_nr = BASE_PFN >> PFN_SECTION_SHIFT;
	nr_mem_sections = WORLD_SECTIONS;
	pageblock_types = (u8 *)((unsigned long)world_types - (BASE_PFN >> pageblock_order));
	memset(world_types, MIGRATE_MOVABLE, sizeof(world_types));
	for (i = 0; i < WORLD_SECTIONS; i++)
		world_sections[i] = (struct mem_section){.present = 1, .state = SECTION_READY};
	for (i = 0; i < pages; i++)
		world_map[i] = (struct page){
			.flags = 1U << PG_reserved | NO_ZONE << PAGE_ZONE_SHIFT,
			._refcount = 1,
			._mapcount = -1,
		};
	memset(world_nodes, 0, sizeof(world_nodes));
	memset(world_refs, 0, sizeof(world_refs));
	memset(world_sets, 0, sizeof(world_sets));
	memset(node_data, 0, sizeof(node_data));
	memset(&page_alloc_hooks, 0, sizeof(page_alloc_hooks));
	node_online_mask = 0;
	nr_world_deferred = world_grows = nr_cma_areas = 0;
	page_group_by_mobility_disabled = false;
	nr_cpus_possible = 1;
	for (nid = 0; nid < WORLD_NODES; nid++) {
		world_nodes[nid].node_id = (int)nid;
		for (z = 0; z < MAX_NR_ZONES; z++) {
			world_nodes[nid].node_zones[z].zone_pgdat = &world_nodes[nid];
			world_nodes[nid].node_zones[z].name = "test";
		}
		if (nid >= nodes)
			continue;
		node_data[nid] = &world_nodes[nid];
		node_online_mask |= 1UL << nid;
	}
	page_alloc_forget();
}

static struct zone *world_zone(unsigned int nid, enum zone_type idx)
{
	return &world_nodes[nid].node_zones[idx];
}

/* Struct pages of [start, end), offsets from BASE_PFN, become free ones of a zone; not given to it yet. */
static void world_init_free(struct zone *zone, unsigned long start, unsigned long end)
{
	u32 flags = (u32)zone_to_nid(zone) << PAGE_NODE_SHIFT | zone_idx(zone) << PAGE_ZONE_SHIFT;

	for (; start < end; start++)
		*world_page(start) = (struct page){.flags = flags, ._mapcount = -1};
}

/* A zone of [start, end), offsets from BASE_PFN, all of it free. `given`: in its free lists at once. */
static struct zone *world_add_zone(unsigned int nid, enum zone_type idx, unsigned long start,
				   unsigned long end, bool given)
{
	struct zone *zone = world_zone(nid, idx);

	zone->zone_start_pfn = BASE_PFN + start;
	zone->spanned_pages = zone->present_pages = zone->managed_pages = end - start;
	world_init_free(zone, start, end);
	if (given)
		buddy_free_range(zone, BASE_PFN + start, BASE_PFN + end);
	return zone;
}

/* [start, end) of the zone, within one section, comes only when the zone grows. */
static inline void world_defer(struct zone *zone, unsigned long start, unsigned long end)
{
	world_deferred[nr_world_deferred++] =
		(struct world_deferred){zone, BASE_PFN + start, BASE_PFN + end};
	pfn_to_section(BASE_PFN + start)->state = SECTION_EMPTY;
	zone->deferred_pages += end - start;
	zone->vm_stat[NR_FREE_PAGES] += (long)(end - start);
}

/* Zonelists: own node from the highest zone down, then the others. Call after the zones are added. */
static inline void world_build_zonelists(void)
{
	unsigned int nid, k, n;
	int z;

	for (nid = 0; nid < WORLD_NODES; nid++) {
		n = 0;
		for (k = 0; k < WORLD_NODES; k++)
			for (z = MAX_NR_ZONES - 1; z >= 0; z--) {
				struct zone *zone =
					world_zone((nid + k) % WORLD_NODES, (enum zone_type)z);

				if (!zone->managed_pages)
					continue;
				world_refs[nid][ZONELIST_FALLBACK][n++] =
					(struct zoneref){zone, (enum zone_type)z};
				if (!k)
					world_refs[nid][ZONELIST_NOFALLBACK][n - 1] =
						(struct zoneref){zone, (enum zone_type)z};
			}
		world_nodes[nid].node_zonelists[ZONELIST_FALLBACK] = world_refs[nid][0];
		world_nodes[nid].node_zonelists[ZONELIST_NOFALLBACK] = world_refs[nid][1];
	}
}

/* Pagesets for every zone that has pages. */
static inline void world_add_pagesets(unsigned int cpus, int batch, int high)
{
	struct zone *zone;
	unsigned int cpu;

	nr_cpus_possible = cpus;
	for (zone = first_zone(); zone; zone = next_zone(zone)) {
		struct per_cpu_pages *sets = world_sets[zone_to_nid(zone)][zone_idx(zone)];

		if (!zone->managed_pages)
			continue;
		for (cpu = 0; cpu < cpus; cpu++) {
			sets[cpu].batch = batch;
			sets[cpu].high = sets[cpu].high_min = sets[cpu].high_max = high;
		}
		zone->pageset = sets;
	}
}

/* The usual world: one node, ZONE_NORMAL of `pages` pages from the base, no pagesets. */
static inline struct zone *world_simple(unsigned long pages)
{
	struct zone *zone;

	world_init(1);
	zone = world_add_zone(0, ZONE_NORMAL, 0, pages, true);
	world_build_zonelists();
	return zone;
}

static inline unsigned long free_pages_of(const struct zone *zone)
{
	return (unsigned long)zone->vm_stat[NR_FREE_PAGES];
}

static inline unsigned long nr_blocks(const struct zone *zone, unsigned int order,
				      enum migratetype mt)
{
	const struct page_list *l = &zone->free_area[order].free_list[mt];
	unsigned long n = 0;
	u32 i;

	for (i = l->first; i; i = page_from_index(i)->next)
		n++;
	return n;
}

/* Every zone's lists are what they claim. */
static inline void world_check(void)
{
	struct zone *zone;

	for (zone = first_zone(); zone; zone = next_zone(zone)) {
		if (!zone->managed_pages)
			continue;
		assert_int_equal(buddy_check(zone), 0);
		assert_int_equal(pageset_check(zone), 0);
	}
}

#endif
