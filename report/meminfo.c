// SPDX-License-Identifier: MIT
/*
 * /proc/meminfo in Linux 6.12's format and order, as Debian builds it. What there is none of (swap, huge pages, block devices) is 0, since
 * programs look for the line.
 */
#include <quire/cma.h>
#include <quire/mm.h>
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

static u64 node_pages(enum node_stat_item item)
{
	return pages(global_node_page_state(item));
}

void report_meminfo(struct out *out)
{
	unsigned long reclaimable, unreclaimable, vmalloc = 0, tables = 0;
	unsigned long free = nr_free_pages();
	struct pgtable_stats st;
	struct pcpu_stats percpu;
	struct vm_area_view area;

	vmstat_refresh();
	reclaimable = global_node_page_state(NR_SLAB_RECLAIMABLE_B);
	unreclaimable = global_node_page_state(NR_SLAB_UNRECLAIMABLE_B);
	for (unsigned long at = 0; vm_view_area(at, false, &area, NULL); at = area.end)
		if (area.flags & VM_ALLOC)
			vmalloc += area.nr_pages;
	kernel_pgtable_stats(va_layout.page_offset, -1UL, &st);
	for (unsigned int i = 0; i < ARRAY_SIZE(st.table_pages); i++)
		tables += st.table_pages[i];
	pcpu_get_stats(&percpu);

	line(out, "MemTotal:", pages(totalram_pages()));
	line(out, "MemFree:", pages(free));
	/* What a request could have without swapping: less the reserves, and what can be reclaimed. */
	line(out, "MemAvailable:",
	     pages(free > totalreserve_pages ? free - totalreserve_pages : 0) + pages(reclaimable));
	line(out, "Buffers:", 0);
	line(out, "Cached:", node_pages(NR_FILE_PAGES));
	line(out, "SwapCached:", 0);
	line(out, "Active:", node_pages(NR_ACTIVE_ANON) + node_pages(NR_ACTIVE_FILE));
	line(out, "Inactive:", node_pages(NR_INACTIVE_ANON) + node_pages(NR_INACTIVE_FILE));
	line(out, "Active(anon):", node_pages(NR_ACTIVE_ANON));
	line(out, "Inactive(anon):", node_pages(NR_INACTIVE_ANON));
	line(out, "Active(file):", node_pages(NR_ACTIVE_FILE));
	line(out, "Inactive(file):", node_pages(NR_INACTIVE_FILE));
	line(out, "Unevictable:", node_pages(NR_UNEVICTABLE));
	line(out, "Mlocked:", 0);
	line(out, "SwapTotal:", 0);
	line(out, "SwapFree:", 0);
	line(out, "Dirty:", node_pages(NR_FILE_DIRTY));
	line(out, "Writeback:", node_pages(NR_WRITEBACK));
	line(out, "AnonPages:", node_pages(NR_ANON_MAPPED));
	line(out, "Mapped:", node_pages(NR_FILE_MAPPED));
	line(out, "Shmem:", node_pages(NR_SHMEM));
	line(out, "KReclaimable:", pages(reclaimable));
	line(out, "Slab:", pages(reclaimable + unreclaimable));
	line(out, "SReclaimable:", pages(reclaimable));
	line(out, "SUnreclaim:", pages(unreclaimable));
	line(out, "KernelStack:", (u64)global_node_page_state(NR_KERNEL_STACK_KB) << 10);
	line(out, "PageTables:", pages(tables) + node_pages(NR_PAGETABLE));
	line(out, "SecPageTables:", 0);
	line(out, "NFS_Unstable:", 0);
	line(out, "Bounce:", 0);
	line(out, "WritebackTmp:", 0);
	line(out, "CommitLimit:", pages(vm_commit_limit()));
	line(out, "Committed_AS:", pages(vm_memory_committed()));
	line(out, "VmallocTotal:", va_layout.vmalloc_end - va_layout.vmalloc_start);
	line(out, "VmallocUsed:", pages(vmalloc));
	line(out, "VmallocChunk:", 0);
	line(out, "Percpu:", (u64)percpu.populated * percpu.units);
	out_printf(out, "HardwareCorrupted: %5u kB\n", 0U);
	line(out,
	     "AnonHugePages:", pages(global_node_page_state(NR_ANON_THPS)) << (PAGE_SHIFT - 3));
	line(out, "ShmemHugePages:", 0);
	line(out, "ShmemPmdMapped:", 0);
	line(out, "FileHugePages:", 0);
	line(out, "FilePmdMapped:", 0);
	line(out, "CmaTotal:", pages(totalcma_pages));
	line(out, "CmaFree:", pages(global_zone_page_state(NR_FREE_CMA_PAGES)));
	out_puts(out,
		 "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
		 "HugePages_Surp:        0\n");
	line(out, "Hugepagesize:", PAGE_SIZE << (PAGE_SHIFT - 3));
	line(out, "Hugetlb:", 0);
}
