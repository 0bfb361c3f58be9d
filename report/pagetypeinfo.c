// SPDX-License-Identifier: MIT
/*
 * /proc/pagetypeinfo as Linux 6.12 prints it: free blocks by migrate type and order, and pageblocks by type.
 *
 * Memory whose struct pages do not exist yet counts as what it will be: its blocks and pageblocks are CMA or Movable, so that the
 * types of an order add up to /proc/buddyinfo's number. As in Linux each node has a part of its own.
 */
#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/mmzone.h>
#include <quire/report.h>
#include <quire/sparse.h>

static const char *const type_names[MIGRATE_TYPES] = {"Unmovable",  "Movable", "Reclaimable",
						      "HighAtomic", "CMA",     "Isolate"};

static unsigned long listed(const struct zone *z, unsigned int order, unsigned int type)
{
	unsigned long n = 0;

	for (u32 i = z->free_area[order].free_list[type].first; i; i = page_from_index(i)->next)
		n++;
	return n;
}

static unsigned long free_blocks(struct zone *z, unsigned int order, unsigned int type)
{
	unsigned long n;

	if (type == MIGRATE_CMA)
		return listed(z, order, type) + zone_deferred_cma_blocks(z, order);
	if (type != MIGRATE_MOVABLE)
		return listed(z, order, type);
	n = zone_free_blocks(z, order);
	for (type = 0; type < MIGRATE_TYPES; type++)
		if (type != MIGRATE_MOVABLE)
			n -= free_blocks(z, order, type);
	return n;
}

static void show_free(struct out *out, struct zone *z)
{
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++) {
		out_printf(out, "Node %4d, zone %8s, type %12s ", zone_to_nid(z), z->name,
			   type_names[type]);
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
			out_printf(out, "%6lu ", free_blocks(z, order, type));
		out_puts(out, "\n");
	}
}

/* What a pageblock will be that has no struct pages yet. Areas of CMA are of whole ones. */
static enum migratetype future_type(unsigned long pfn)
{
	for (unsigned int i = 0; i < nr_cma_areas; i++)
		if (cma_areas[i].active && PFN_PHYS(pfn) - cma_areas[i].base < cma_areas[i].size)
			return MIGRATE_CMA;
	return MIGRATE_MOVABLE;
}

static void show_blocks(struct out *out, const struct zone *z)
{
	unsigned long count[MIGRATE_TYPES] = {0}, pfn = z->zone_start_pfn;

	for (pfn = ALIGN_DOWN(pfn, pageblock_nr_pages); pfn < zone_end_pfn(z);
	     pfn += pageblock_nr_pages) {
		const struct mem_section *s = pfn_to_section(pfn);

		if (!s || !s->present)
			continue;
		count[s->state == SECTION_READY ? get_pfnblock_migratetype(pfn)
						: future_type(pfn)]++;
	}
	out_printf(out, "Node %d, zone %8s ", zone_to_nid(z), z->name);
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
		out_printf(out, "%12lu ", count[type]);
	out_puts(out, "\n");
}

static void show_node(struct out *out, int nid)
{
	struct zone *z;

	out_printf(out, "Page block order: %d\nPages per block:  %lu\n\n", (int)pageblock_order,
		   pageblock_nr_pages);
	out_printf(out, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		out_printf(out, "%6u ", order);
	out_puts(out, "\n");
	for_each_populated_zone(z) if (zone_to_nid(z) == nid) show_free(out, z);
	out_printf(out, "\n%-23s", "Number of blocks type ");
	for (unsigned int type = 0; type < MIGRATE_TYPES; type++)
		out_printf(out, "%12s ", type_names[type]);
	out_puts(out, "\n");
	for_each_populated_zone(z) if (zone_to_nid(z) == nid) show_blocks(out, z);
}

/* Nodes without memory have no part. */
void report_pagetypeinfo(struct out *out)
{
	int nid;

	for_each_online_node(nid)
	{
		if (NODE_DATA(nid)->node_present_pages)
			show_node(out, nid);
	}
}
