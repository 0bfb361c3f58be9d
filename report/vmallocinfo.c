// SPDX-License-Identifier: MIT
/*
 * /proc/vmallocinfo: the areas of the vmalloc region in order of address, as Linux 6.12 prints them (vmalloc_info_show), with
 * the addresses shown.
 */
#include <quire/report.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

void report_vmallocinfo(struct out *out)
{
	unsigned int on_node[MAX_NUMNODES] = {0};
	struct vm_area_view area;
	unsigned long at;
	int nid;

	for (at = 0; vm_view_area(at, false, &area, on_node); at = area.end) {
		out_printf(out, "0x%016lx-0x%016lx %7lu", area.start, area.start + area.size,
			   area.size);
		if (area.flags & VM_RAM) {
			out_puts(out, " vm_map_ram\n");
			continue;
		}
		if (area.caller)
			out_printf(out, " %pS", area.caller);
		if (area.nr_pages)
			out_printf(out, " pages=%u", area.nr_pages);
		if (area.phys_addr)
			out_printf(out, " phys=%pa", &area.phys_addr);
		if (area.flags & VM_IOREMAP)
			out_puts(out, " ioremap");
		if (area.flags & VM_ALLOC)
			out_puts(out, " vmalloc");
		if (area.flags & VM_DMA_COHERENT)
			out_puts(out, " dma-coherent");
		else if (area.flags & VM_MAP)
			out_puts(out, " vmap");
		if (area.pages_mapped)
			out_puts(out, " vpages");
		for (nid = 0; nid < MAX_NUMNODES; nid++) {
			if (on_node[nid])
				out_printf(out, " N%d=%u", nid, on_node[nid]);
			on_node[nid] = 0;
		}
		out_puts(out, "\n");
	}
	for (at = 0; vm_view_area(at, true, &area, NULL); at = area.end)
		out_printf(out, "0x%016lx-0x%016lx %7lu unpurged vm_area\n", area.start, area.end,
			   area.end - area.start);
}
