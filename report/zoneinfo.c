// SPDX-License-Identifier: MIT
/*
 * /proc/zoneinfo in Linux 6.12's format (zoneinfo_show_print): tools that read one read the other. Counters of what
 * Quire does not keep (NUMA hits), and what a node has none of, are left out rather than shown as 0.
 */
#include <quire/mmzone.h>
#include <quire/report.h>
#include <quire/vmstat.h>

static void show_pagesets(struct out *out, const struct zone *z)
{
	out_puts(out, "  pagesets\n");
	for (unsigned int cpu = 0; cpu < nr_cpus_possible; cpu++) {
		const struct per_cpu_pages *pcp = z->pageset ? &z->pageset[cpu] : NULL;

		out_printf(out,
			   "    cpu: %u\n"
			   "              count: %d\n"
			   "              high:  %d\n"
			   "              batch: %d\n",
			   cpu, pcp ? pcp->count : 0, pcp ? pcp->high : z->pageset_high_min,
			   pcp ? pcp->batch : z->pageset_batch);
	}
}

/* What the node has any of; Linux prints it with the node's first zone that has pages. */
static void show_node(struct out *out, const struct zone *z)
{
	const struct zone *first = z->zone_pgdat->node_zones;
	unsigned int i, shown = 0;

	while (!populated_zone(first) && first < z)
		first++;
	if (first != z || !populated_zone(z))
		return;
	for (i = 0; i < NR_VM_NODE_STAT_ITEMS; i++) {
		unsigned long n = node_page_state(z->zone_pgdat, (enum node_stat_item)i);

		if (!n)
			continue;
		if (!shown++)
			out_puts(out, "  per-node stats\n");
		out_printf(out, "      %-12s %lu\n", node_stat_names[i], n);
	}
}

void report_zoneinfo(struct out *out)
{
	struct zone *z;

	vmstat_refresh();
	for_each_zone(z)
	{
		out_printf(out, "Node %d, zone %8s\n", zone_to_nid(z), z->name);
		show_node(out, z);
		out_printf(out,
			   "  pages free     %ld\n"
			   "        boost    %lu\n"
			   "        min      %lu\n"
			   "        low      %lu\n"
			   "        high     %lu\n"
			   "        promo    %lu\n",
			   z->vm_stat[NR_FREE_PAGES], z->watermark_boost, min_wmark_pages(z),
			   low_wmark_pages(z), high_wmark_pages(z),
			   z->_watermark[WMARK_PROMO] + z->watermark_boost);
		out_printf(out,
			   "        spanned  %lu\n"
			   "        present  %lu\n"
			   "        managed  %lu\n"
			   "        cma      %lu\n"
			   "        protection: (%lu",
			   z->spanned_pages, z->present_pages, z->managed_pages, z->cma_pages,
			   z->lowmem_reserve[0]);
		for (int i = 1; i < MAX_NR_ZONES; i++)
			out_printf(out, ", %lu", z->lowmem_reserve[i]);
		out_puts(out, ")\n");
		if (!populated_zone(z))
			continue;
		out_printf(out, "      nr_free_pages %ld\n      nr_free_cma  %ld\n",
			   z->vm_stat[NR_FREE_PAGES], z->vm_stat[NR_FREE_CMA_PAGES]);
		show_pagesets(out, z);
		out_printf(out, "  node_unreclaimable:  0\n  start_pfn:           %lu\n",
			   z->zone_start_pfn);
	}
}
