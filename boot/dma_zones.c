// SPDX-License-Identifier: MIT
/*
 * bootmem_init: what follows once memory can be touched: nodes, the memory map, zones, contiguous
 * areas, the crash kernel.
 *
 * ZONE_DMA ends where the most constrained bus of the tree (dma-ranges) ends, and at 4 GiB at most
 * when there is RAM below; ZONE_DMA32 holds what is left below 4 GiB, ZONE_NORMAL the rest. Each
 * limit is cut at the end of RAM, so a zone without memory has the limit of the one below.
 */
#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/mmzone.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/sparse.h>

#include "fdt_scan.h"

#define DMA_BIT_MASK_32 0xffffffffULL

phys_addr_t arm64_dma_phys_limit;

/* last: highest address that the zone may have. Returns the first that it has not. */
static phys_addr_t max_zone_phys(phys_addr_t last)
{
	return min(last, memblock_end_of_DRAM() - 1) + 1;
}

void zone_sizes_init(void)
{
	unsigned long max_zone_pfns[MAX_NR_ZONES] = {0};
	phys_addr_t limit = fdt_info.dma_max;

	event_step("zone_sizes_init");
	/* Drivers count on 32-bit memory in ZONE_DMA, wherever there is some. */
	if (memblock_start_of_DRAM() < DMA_BIT_MASK_32)
		limit = min(limit, (phys_addr_t)DMA_BIT_MASK_32);
	arm64_dma_phys_limit = max_zone_phys(limit);
	max_zone_pfns[ZONE_DMA] = PFN_DOWN(arm64_dma_phys_limit);
	max_zone_pfns[ZONE_DMA32] = PFN_DOWN(max_zone_phys(DMA_BIT_MASK_32));
	max_zone_pfns[ZONE_NORMAL] = max_pfn;
	free_area_init(max_zone_pfns);
}

void bootmem_init(void)
{
	event_step("bootmem_init");
	min_low_pfn = PFN_UP(memblock_start_of_DRAM());
	max_pfn = max_low_pfn = PFN_DOWN(memblock_end_of_DRAM());
	arch_numa_init();
	event_step("sparse_init");
	sparse_init();
	zone_sizes_init();
	event_step("dma_contiguous_reserve");
	dma_contiguous_reserve(arm64_dma_phys_limit);
	reserve_crashkernel();
	event_step("memblock_dump_all");
	memblock_dump_all();
	report_memblock_config();
}
