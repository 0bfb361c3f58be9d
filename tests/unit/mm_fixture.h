/* SPDX-License-Identifier: MIT */
/*
 * A machine for tests of zones, sections and hand-over: 64 GiB of simulated physical memory and a
 * window for the memory map, both backed by the process lazily; kernel page tables and the buddy
 * lists are doubles that remember what they were asked.
 *
 *   reset_machine(); memblock_add_node(...); ... boot_zones(limits);
 */
#ifndef MM_FIXTURE_H
#define MM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/page-flags.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#define SIM_SIZE (64UL << 30)

struct va_layout va_layout;
s64 memstart_addr;
const pgprot_t PAGE_KERNEL = {1};
phys_addr_t arm64_dma_phys_limit = 1UL << 32;
unsigned int nr_cpus_possible = 2;

static int distances[MAX_NUMNODES][MAX_NUMNODES];

int node_distance(int from, int to)
{
	if (distances[from][to])
		return distances[from][to];
	return from == to ? 10 : 20;
}

unsigned int node_cpu_count(int nid)
{
	return 1;
}

/* ---- the log: what was printed since the last reset */
static char log_text[1 << 18];
static size_t log_len;

int vprintk(const char *fmt, va_list args)
{
	char text[512], clean[256];
	size_t n = 0;

	if (fmt[0] == '\001')
		fmt += 2;
	/* %pa, which the host's printf does not know, takes a pointer to the value. */
	snprintf(clean, sizeof(clean), "%s", fmt);
	if (!strstr(fmt, "%pa")) {
		n = (size_t)vsnprintf(text, sizeof(text), fmt, args);
	} else {
		for (const char *p = fmt; *p && n < sizeof(text) - 32; p++) {
			char one[16] = "%", *o = one + 1;

			if (*p != '%') {
				text[n++] = *p;
				continue;
			}
			if (p[1] == 'p' && p[2] == 'a') {
				n += (size_t)sprintf(text + n, "0x%016lx",
						     (unsigned long)*va_arg(args, phys_addr_t *));
				p += 2;
				continue;
			}
			do
				*o++ = *++p;
			while (!strchr("dusx", *p));
			*o = '\0';
			if (*p == 's')
				n += (size_t)sprintf(text + n, one, va_arg(args, char *));
			else if (strchr(one, 'l'))
				n += (size_t)sprintf(text + n, one, va_arg(args, long));
			else
				n += (size_t)sprintf(text + n, one, va_arg(args, int));
		}
		text[n] = '\0';
	}
	if (log_len + n < sizeof(log_text))
		log_len += (size_t)sprintf(log_text + log_len, "%s", text);
	return (int)n;
}

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

static __maybe_unused bool logged(const char *text)
{
	return strstr(log_text, text) != NULL;
}

/* ---- page tables */
phys_addr_t (*pgtable_alloc_hook)(void);
void (*pgtable_free_hook)(phys_addr_t table);

struct mapping {
	unsigned long kva;
	phys_addr_t pa;
	u64 size;
};
static struct mapping mappings[4096];
static unsigned int nr_mappings;
/* Calls of kernel_map that still succeed; -1: all. */
static int map_budget = -1;

int kernel_map(unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot, unsigned int flags)
{
	if (map_budget == 0)
		return -ENOMEM;
	if (map_budget > 0)
		map_budget--;
	assert_true(nr_mappings < ARRAY_SIZE(mappings));
	mappings[nr_mappings++] = (struct mapping){kva, pa, size};
	return 0;
}

int kernel_unmap(unsigned long kva, u64 size)
{
	assert_true(nr_mappings && mappings[nr_mappings - 1].kva == kva);
	nr_mappings--;
	return 0;
}

/* ---- memory */
static struct memblock pristine;

static __maybe_unused void reset_machine(void)
{
	static void *window, *map;
	const size_t map_size = (SIM_SIZE >> PAGE_SHIFT) * sizeof(struct page) + SZ_1G;

	if (!window) {
		window = mmap(NULL, SIM_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		map = mmap(NULL, map_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_true(window != MAP_FAILED && map != MAP_FAILED);
		pristine = memblock;
	}
	/* Fresh memory that is not zero would be as fresh: tests must not rely on it. */
	madvise(map, map_size, MADV_DONTNEED);
	physvirt_offset = (s64)(unsigned long)window;
	va_layout.vmemmap_start = ALIGN((unsigned long)map, SZ_1G);
	va_layout.vmemmap_end = va_layout.vmemmap_start + ((SIM_SIZE >> PAGE_SHIFT) * 32);
	memstart_addr = 0;

	memblock = pristine;
	memblock_closed = false;
	memblock_record_events = false;
	movable_node_enabled = mirrored_kernelcore = false;
	memset(node_data, 0, sizeof(node_data));
	memset(distances, 0, sizeof(distances));
	node_online_mask = node_memory_mask = 0;
	nr_mappings = 0;
	map_budget = -1;
	pgtable_alloc_hook = NULL;
	pgtable_free_hook = NULL;
	log_len = 0;
	log_text[0] = '\0';
}

/*
 * What bootmem_init does, with every zone's end pfn; zones that are not given end where memory
 * ends.
 */
static __maybe_unused void boot_zones(unsigned long dma_end, unsigned long dma32_end)
{
	unsigned long max_zone_pfns[MAX_NR_ZONES] = {0};
	unsigned long end = PHYS_PFN(memblock_end_of_DRAM());

	max_zone_pfns[ZONE_DMA] = min(dma_end, end);
	max_zone_pfns[ZONE_DMA32] = min(dma32_end, end);
	max_zone_pfns[ZONE_NORMAL] = end;
	sparse_init();
	free_area_init(max_zone_pfns);
}

static __maybe_unused struct zone *zone_at(int nid, enum zone_type type)
{
	assert_non_null(NODE_DATA(nid));
	return &NODE_DATA(nid)->node_zones[type];
}

#endif
