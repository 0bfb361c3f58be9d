/* SPDX-License-Identifier: MIT */
/*
 * A booted machine made of constants, for the tests of report/: 1 GiB at 1 GiB with a hole, two nodes.
 *
 *   0x40000000      0x60000000 0x60100000      0x70000000          0x880000000   0x8c0000000
 *   |  node 0 ....  |  no-map  | ...........   |      hole         |  node 1 ... |
 *    image at 0x40200000 (32 MiB), tree at 0x48200000, CMA at 0x68000000 (64 MiB)
 */
#ifndef REPORT_MACHINE_H
#define REPORT_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/report.h>

static struct memblock_region memory_regions[] = {
	{.base = 0x40000000, .size = 0x20000000, .nid = 0},
	{.base = 0x60000000, .size = 0x100000, .flags = MEMBLOCK_NOMAP, .nid = 0},
	{.base = 0x60100000, .size = 0xff00000, .nid = 0},
	{.base = 0x880000000, .size = 0x40000000, .nid = 1},
};
static struct memblock_region reserved_regions[] = {
	{.base = 0x40200000, .size = 0x2000000, .nid = 0},
	{.base = 0x48200000, .size = 0x100000, .nid = MAX_NUMNODES},
	{.base = 0x68000000, .size = 0x4000000, .nid = 0, .flags = MEMBLOCK_RSRV_NOINIT},
	{.base = 0x8bfff0000, .size = 0x10000, .nid = 1},
};
struct memblock memblock = {
	.memory = {.cnt = 4, .max = 4, .regions = memory_regions},
	.reserved = {.cnt = 4, .max = 4, .regions = reserved_regions},
};

static struct reserved_mem reserved_nodes[] = {
	{.name = "secure@60000000", .base = 0x60000000, .size = 0x100000, .nomap = true},
	{.name = "bad\"name\\\n\xff",
	 .compatible = "shared-dma-pool",
	 .base = 0,
	 .size = 0,
	 .refused = true},
};
struct reserved_mem *reserved_mem = reserved_nodes;
unsigned int nr_reserved_mem = 2;
struct cma cma_areas[MAX_CMA_AREAS] = {
	{.name = "reserved", .base = 0x68000000, .size = 0x4000000, .nid = NUMA_NO_NODE},
};
unsigned int nr_cma_areas = 1;
struct crash_res crash_res;
phys_addr_t phys_initrd_start, phys_initrd_size;
const char *machine_model = "Test board";
char boot_command_line[COMMAND_LINE_SIZE] = "console=ttyAMA0 \"quoted\"";
int min_free_kbytes = 1234;
unsigned int nr_cpus_possible = 2;
unsigned long first_section_nr = 8, nr_mem_sections;
struct mem_section *mem_sections;
s64 memstart_addr = 0x40000000;
struct va_layout va_layout = {
	.va_bits = 48,
	.page_offset = 0xffff000000000000,
	.page_end = 0xffff800000000000,
	.modules_start = 0xffff800000000000,
	.modules_end = 0xffff800080000000,
	.vmalloc_start = 0xffff800080000000,
	.vmalloc_end = 0xfffffdfff0000000,
	.vmemmap_start = 0xfffffe0000000000,
	.vmemmap_end = 0xffffff0000000000,
};

static struct pglist_data nodes[2];
struct pglist_data *node_data[MAX_NUMNODES] = {&nodes[0], &nodes[1]};
u64 node_online_mask = 3;

struct zone *first_zone(void)
{
	return nodes[0].node_zones;
}

struct zone *next_zone(struct zone *zone)
{
	struct pglist_data *pgdat = zone->zone_pgdat;

	if (zone + 1 < pgdat->node_zones + MAX_NR_ZONES)
		return zone + 1;
	return pgdat == &nodes[0] ? nodes[1].node_zones : NULL;
}

/* This machine has no deferred pages. */
unsigned long zone_free_blocks(struct zone *zone, unsigned int order)
{
	return zone->free_area[order].nr_free;
}

int node_distance(int from, int to)
{
	return from == to ? 10 : 20;
}

/* The linear map: 3 blocks of 2 MiB, a contiguous run of 16 blocks, 5 pages. */
void kernel_pgtable_stats(unsigned long start, unsigned long end, struct pgtable_stats *s)
{
	*s = (struct pgtable_stats){
		.table_pages = {0, 1, 1, 2, 3},
		.leaves_by_level = {[3] = 3, [4] = 5},
		.contiguous_runs_by_level = {[3] = 1},
	};
}

/* ------------------------------------------------------------------ collecting what a report writes */

static char text[256 * 1024];
static size_t text_len;

static int collect(struct out *out, const char *s, size_t n)
{
	assert_true(text_len + n < sizeof(text));
	memcpy(text + text_len, s, n);
	text_len += n;
	text[text_len] = 0;
	return 0;
}

static int set_up(void **state)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};
	static struct zoneref lists[2][3];

	text_len = 0;
	text[0] = 0;
	boot_params.image =
		(struct kimage){.phys = 0x40200000, .size = 0x2000000, .kva = 0xffff800080000000};
	boot_params.fdt_phys = 0x48200000;
	for (int n = 0; n < 2; n++) {
		nodes[n].node_id = n;
		nodes[n].node_start_pfn = n ? 0x880000 : 0x40000;
		nodes[n].node_spanned_pages = n ? 0x40000 : 0x30000;
		nodes[n].node_present_pages = nodes[n].node_spanned_pages;
		for (int z = 0; z < MAX_NR_ZONES; z++)
			nodes[n].node_zones[z] =
				(struct zone){.name = names[z], .zone_pgdat = &nodes[n]};
		lists[n][0] = (struct zoneref){.zone = &nodes[n].node_zones[n ? 2 : 0]};
		lists[n][1] = (struct zoneref){.zone = &nodes[!n].node_zones[n ? 0 : 2]};
		nodes[n].node_zonelists[ZONELIST_FALLBACK] = lists[n];
	}
	nodes[0].node_zones[ZONE_DMA].zone_start_pfn = 0x40000;
	nodes[0].node_zones[ZONE_DMA].spanned_pages = 0x30000;
	nodes[0].node_zones[ZONE_DMA].present_pages = 0x30000;
	nodes[0].node_zones[ZONE_DMA].managed_pages = 0x2c000;
	nodes[0].node_zones[ZONE_DMA].vm_stat[NR_FREE_PAGES] = 0x2b000;
	nodes[0].node_zones[ZONE_DMA]._watermark[WMARK_MIN] = 100;
	nodes[0].node_zones[ZONE_DMA].lowmem_reserve[ZONE_NORMAL] = 77;
	nodes[0].node_zones[ZONE_DMA].pageset_batch = 63;
	nodes[0].node_zones[ZONE_DMA].free_area[10].nr_free = 42;
	nodes[1].node_zones[ZONE_NORMAL].zone_start_pfn = 0x880000;
	nodes[1].node_zones[ZONE_NORMAL].spanned_pages = 0x40000;
	nodes[1].node_zones[ZONE_NORMAL].present_pages = 0x40000;
	return 0;
}

#endif
