// SPDX-License-Identifier: MIT
/*
 * /proc/buddyinfo: free blocks by order, one line a populated zone (Linux: frag_show). Pages whose struct pages do
 * not exist yet are in no list; they count as the blocks that they will be.
 */
#include <quire/buddy.h>
#include <quire/mmzone.h>
#include <quire/report.h>

void report_buddyinfo(struct out *out)
{
	struct zone *z;

	for_each_populated_zone(z)
	{
		out_printf(out, "Node %d, zone %8s ", zone_to_nid(z), z->name);
		for (int order = 0; order < NR_PAGE_ORDERS; order++)
			out_printf(out, "%6lu ", zone_free_blocks(z, (unsigned int)order));
		out_puts(out, "\n");
	}
}
