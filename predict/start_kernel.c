// SPDX-License-Identifier: MIT
/*
 * The order of things in the kernel that is being predicted.
 *
 * Steps that do the same in Linux and in Quire are the core's (boot/, mm/); steps that take memory in another way are
 * those of this room. The order is that of Linux's start_kernel and setup_arch, as far as memory is concerned.
 */
#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/mmzone.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/string.h>

#include "../boot/fdt_scan.h"
#include "predict.h"

/* INIT_MEMBLOCK_RESERVED_REGIONS of a build with NR_CPUS CPUs. */
#define RESERVED_REGIONS_BASE 129
#define MAX_NR_CPUS 8192

static struct memblock_region reserved_regions[RESERVED_REGIONS_BASE + MAX_NR_CPUS];

static void size_memblock(void)
{
	memblock.reserved.regions = reserved_regions;
	memblock.reserved.max = RESERVED_REGIONS_BASE + build_profile->nr_cpus;
}

/* One set of CPUs for each node, up to the highest. */
static void node_to_cpumask_map(void)
{
	int last = ilog2(node_online_mask), nid;

	for (nid = 0; nid <= last; nid++)
		linux_must_alloc("alloc_bootmem_cpumask_var",
				 DIV_ROUND_UP(build_profile->nr_cpus, 64) * 8, SMP_CACHE_BYTES);
}

static void linux_bootmem_init(void)
{
	event_step("bootmem_init");
	min_low_pfn = PFN_UP(memblock_start_of_DRAM());
	max_pfn = max_low_pfn = PFN_DOWN(memblock_end_of_DRAM());
	arch_numa_init();
	if (build_profile->cpumask_offstack)
		node_to_cpumask_map();
	linux_sparse_init();
	zone_sizes_init();
	linux_count_kernel_pages();
	event_step("dma_contiguous_reserve");
	dma_contiguous_reserve(arm64_dma_phys_limit);
	if (build_profile->crash_reserve)
		reserve_crashkernel();
	event_step("memblock_dump_all");
	memblock_dump_all();
	report_memblock_config();
}

static void linux_setup_arch(void)
{
	event_step("setup_arch");
	early_fixmap_init();
	setup_machine_fdt(boot_params.fdt_phys);
	nr_cpus_possible = min(nr_cpus_possible, (unsigned int)build_profile->nr_cpus);
	event_step("parse_early_param");
	rodata_mode = build_profile->rodata_full ? RODATA_FULL : RODATA_ON;
	parse_early_param();
	linux_parse_params();
	linux_tables_init();
	linux_memblock_init();
	event_step("paging_init");
	linux_paging_init();
	linux_unflatten_device_tree();
	linux_bootmem_init();
	event_step("request_standard_resources");
	linux_must_alloc("setup_arch", memblock.memory.cnt * build_profile->resource,
			 SMP_CACHE_BYTES);
}

static void setup_command_line(void)
{
	size_t len = strlen(boot_command_line) + 1;

	event_step("setup_command_line");
	linux_must_alloc("start_kernel", len, SMP_CACHE_BYTES);
	linux_must_alloc("start_kernel", len, SMP_CACHE_BYTES);
}

/* The list is put together in memory that is given back at once. */
static void unknown_bootoptions(void)
{
	/* Each word with its blank, and the end. */
	size_t size = unknown_bootoptions_length() + 2;
	phys_addr_t at;

	if (size == 2)
		return;
	at = linux_alloc("start_kernel", size, SMP_CACHE_BYTES);
	if (at)
		linux_free("start_kernel", at, size);
}

void predict_start_kernel(const struct build_profile *p, bool trace)
{
	memblock_record_events = trace;
	build_profile = p;
	size_memblock();
	event_step("start_kernel");
	linux_setup_arch();
	setup_command_line();
	linux_setup_per_cpu_areas();
	linux_hugetlb();
	unknown_bootoptions();
	linux_setup_log_buf();
	linux_vfs_caches_init_early();
	linux_kfence_metadata();
	linux_stack_depot();
	linux_swiotlb_init();
	linux_hand_over();
}
