// SPDX-License-Identifier: MIT
/*
 * /proc/vmallocinfo: the areas of the vmalloc region in order of address, as Linux 6.12 prints them (vmalloc_info_show), with
 * the addresses shown.
 */
#include <quire/report.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

static void show_nodes(struct out *out, const struct vm_struct *area)
{
	unsigned int count[MAX_NUMNODES] = {0};
	int nid;

	if (!area->pages)
		return;
	for (unsigned int i = 0; i < area->nr_pages; i++)
		count[page_to_nid(area->pages[i])]++;
	for_each_online_node(nid) if (count[nid]) out_printf(out, " N%d=%u", nid, count[nid]);
}

void report_vmallocinfo(struct out *out)
{
	struct vm_struct *area;

	for (area = next_vm_area(NULL); area; area = next_vm_area(area)) {
		unsigned long start = area->va.start;

		out_printf(out, "0x%016lx-0x%016lx %7lu", start, start + area->size, area->size);
		if (area->flags & VM_RAM) {
			out_puts(out, " vm_map_ram\n");
			continue;
		}
		if (area->caller)
			out_printf(out, " %pS", area->caller);
		if (area->nr_pages)
			out_printf(out, " pages=%u", area->nr_pages);
		if (area->phys_addr)
			out_printf(out, " phys=%pa", &area->phys_addr);
		if (area->flags & VM_IOREMAP)
			out_puts(out, " ioremap");
		if (area->flags & VM_ALLOC)
			out_puts(out, " vmalloc");
		if (area->flags & VM_DMA_COHERENT)
			out_puts(out, " dma-coherent");
		else if (area->flags & VM_MAP)
			out_puts(out, " vmap");
		if (area->pages && is_vmalloc_addr(area->pages))
			out_puts(out, " vpages");
		show_nodes(out, area);
		out_puts(out, "\n");
	}
	for (area = next_unpurged_area(NULL); area; area = next_unpurged_area(area))
		out_printf(out, "0x%016lx-0x%016lx %7lu unpurged vm_area\n", area->va.start,
			   area->va.end, area->va.end - area->va.start);
}
