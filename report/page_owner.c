// SPDX-License-Identifier: MIT
/*
 * Who allocated each block of pages in use, as Linux 6.12's /sys/kernel/debug/page_owner prints it (print_page_owner): the request, the
 * page, the call chain, an empty line.
 */
#include <quire/gfp.h>
#include <quire/mm_debug.h>
#include <quire/mmzone.h>
#include <quire/report.h>

static const char *const type_names[MIGRATE_TYPES] = {"Unmovable",  "Movable", "Reclaimable",
						      "HighAtomic", "CMA",     "Isolate"};

static void show(struct out *out, const struct page_owner *o)
{
	const unsigned long *entries;
	unsigned int nr = stack_depot_fetch(o->stack, &entries), i;
	const struct page *page = pfn_to_page(o->pfn);
	char names[GFP_NAME_MAX];

	out_printf(out,
		   "Page allocated via order %u, mask %#x(%s), pid 0, tgid 0 (swapper/%u), ts %llu "
		   "ns\n",
		   o->order, o->gfp, gfp_names(names, o->gfp), o->cpu,
		   (unsigned long long)o->ts_nsec);
	out_printf(out, "PFN 0x%lx type %s Block %lu type %s Flags %#x\n", o->pfn,
		   type_names[gfp_migratetype(o->gfp)], o->pfn >> pageblock_order,
		   type_names[get_pageblock_migratetype(page)], page->flags);
	for (i = 0; i < nr; i++)
		out_printf(out, " %pS\n", (void *)(entries[i] - 1));
	out_puts(out, "\n");
}

void report_page_owner(struct out *out)
{
	struct page_owner o;
	unsigned long pfn = 0;

	if (!page_owner_enabled()) {
		out_puts(out, "page_owner is off: boot with page_owner=on\n");
		return;
	}
	while (page_owner_next(&pfn, &o))
		show(out, &o);
}
