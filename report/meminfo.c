// SPDX-License-Identifier: MIT
/*
 * /proc/meminfo in Linux 6.12's format, with the lines whose figures exist before there are address spaces, files and swap.
 */
#include <quire/cma.h>
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/report.h>
#include <quire/slab.h>
#include <quire/vmalloc.h>
#include <quire/vmstat.h>

static void line(struct out *out, const char *name, u64 bytes)
{
	out_printf(out, "%-15s %8llu kB\n", name, (unsigned long long)(bytes >> 10));
}

static u64 pages(unsigned long n)
{
	return (u64)n << PAGE_SHIFT;
}

void report_meminfo(struct out *out)
{
	unsigned long reclaimable, unreclaimable, vmalloc = 0, tables = 0;
	unsigned long free = nr_free_pages();
	struct pgtable_stats st;
	struct pcpu_stats percpu;
	struct vm_struct *area;

	vmstat_refresh();
	reclaimable = global_node_page_state(NR_SLAB_RECLAIMABLE_B);
	unreclaimable = global_node_page_state(NR_SLAB_UNRECLAIMABLE_B);
	for (area = next_vm_area(NULL); area; area = next_vm_area(area))
		if (area->flags & VM_ALLOC)
			vmalloc += area->nr_pages;
	kernel_pgtable_stats(va_layout.page_offset, -1UL, &st);
	for (unsigned int i = 0; i < ARRAY_SIZE(st.table_pages); i++)
		tables += st.table_pages[i];
	pcpu_get_stats(&percpu);

	line(out, "MemTotal:", pages(totalram_pages()));
	line(out, "MemFree:", pages(free));
	/* What a request could have without swapping: less the reserves, and what can be reclaimed. */
	line(out, "MemAvailable:",
	     pages(free > totalreserve_pages ? free - totalreserve_pages : 0) + pages(reclaimable));
	line(out, "KReclaimable:", pages(reclaimable));
	line(out, "Slab:", pages(reclaimable + unreclaimable));
	line(out, "SReclaimable:", pages(reclaimable));
	line(out, "SUnreclaim:", pages(unreclaimable));
	line(out, "PageTables:", pages(tables));
	line(out, "VmallocTotal:", va_layout.vmalloc_end - va_layout.vmalloc_start);
	line(out, "VmallocUsed:", pages(vmalloc));
	line(out, "VmallocChunk:", 0);
	line(out, "Percpu:", (u64)percpu.populated * percpu.units);
	line(out, "CmaTotal:", pages(totalcma_pages));
	line(out, "CmaFree:", pages(global_zone_page_state(NR_FREE_CMA_PAGES)));
}
