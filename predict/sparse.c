// SPDX-License-Identifier: MIT
/*
 * The memory map of Linux: roots of the section table, a usage map for each section, and struct pages with the tables
 * that map them.
 *
 *   sparse_init      table of roots; a root for each group of sections that has memory
 *   per node         usage maps, in the section of the node's data where that is possible
 *                    one buffer for all struct pages of the node, aligned to what a section's take in whole blocks
 *   per section      page tables of vmemmap as the walk needs them; struct pages from the buffer, or on their own
 *                    where the buffer was refused
 *
 * Against mm/early/sparse.c: that one reserves the map and writes a section's when it is first used.
 */
#include <stdlib.h>

#include <quire/boot.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/printk.h>

#include "predict.h"

#define PAGEBLOCK_BITS 4
#define SUBSECTION_SHIFT 21
#define PMD_BITS (PAGE_SHIFT + PAGE_SHIFT - 3)
#define PMD_BYTES (1ULL << PMD_BITS)

struct section {
	unsigned long nr;
	int nid;
};

static struct section *sections;
static unsigned long nr_sections, max_sections;

/* What is left of the node's buffer. */
static struct {
	u64 at, end; /* at 0: there is none */
} buffer;

static unsigned int section_shift(void)
{
	return (unsigned int)build_profile->section_size_bits;
}

static u64 section_pages(void)
{
	return 1ULL << (section_shift() - PAGE_SHIFT);
}

static u64 map_bytes(void)
{
	return ALIGN(section_pages() * build_profile->page_size_of, PMD_BYTES);
}

static u64 usage_bytes(void)
{
	u64 bits = (section_pages() >> pageblock_order) * PAGEBLOCK_BITS;

	return build_profile->mem_section_usage + ALIGN(bits, 64) / 8;
}

static void add_section(unsigned long nr, int nid)
{
	if (nr_sections && sections[nr_sections - 1].nr >= nr)
		return;
	if (nr_sections == max_sections) {
		max_sections = max_sections ? max_sections * 2 : 1024;
		sections = realloc(sections, max_sections * sizeof(*sections));
		if (!sections)
			panic("no memory for the list of sections");
	}
	sections[nr_sections++] = (struct section){nr, nid};
}

/* Sections with memory, and the roots of the table that holds them. */
static void memory_present(void)
{
	u64 per_root = PAGE_SIZE / build_profile->mem_section, root, last_root = ~0ULL;
	u64 roots = (1ULL << (linux_phys_mask_shift() - section_shift())) / per_root;
	unsigned long start, end, nr, per_section = section_pages();
	int i, nid;

	linux_must_alloc("sparse_init", max_t(u64, roots, 1) * sizeof(u64), L1_CACHE_BYTES);
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &nid)
	{
		for (nr = start / per_section; nr * per_section < end; nr++) {
			root = nr / per_root;
			if (root != last_root &&
			    !linux_request(REQUEST_TRY_NID, "sparse_index_alloc", PAGE_SIZE,
					   SMP_CACHE_BYTES, 0, MEMBLOCK_ALLOC_ACCESSIBLE, nid))
				panic("sparse_index_alloc: Failed to allocate");
			last_root = root;
			add_section(nr, nid);
		}
	}
}

static void usage_maps(int nid, u64 count)
{
	u64 mask = (1ULL << section_shift()) - 1;
	phys_addr_t goal = virt_to_phys(NODE_DATA(nid)) & ~mask;
	unsigned long start, end;
	int on = memblock_search_pfn_nid(PHYS_PFN(goal), &start, &end);
	u64 size = usage_bytes() * count;

	if (on == NUMA_NO_NODE)
		on = (int)__ffs(node_online_mask);
	if (linux_request(REQUEST_TRY_NID, "sparse_init_nid", size, SMP_CACHE_BYTES, goal,
			  goal + mask + 1, on))
		return;
	linux_request(REQUEST_TRY_NID, "sparse_init_nid", size, SMP_CACHE_BYTES, goal,
		      MEMBLOCK_ALLOC_ACCESSIBLE, on);
}

static void buffer_init(u64 size, int nid)
{
	buffer.at = linux_request(REQUEST_EXACT_NID_RAW, "memmap_alloc", size, map_bytes(),
				  linux_dma_goal(), MEMBLOCK_ALLOC_ACCESSIBLE, nid);
	buffer.end = buffer.at + size;
}

/* `size` bytes of the buffer, aligned to size. 0: it has them not. */
static phys_addr_t buffer_alloc(u64 size)
{
	u64 at = ALIGN(buffer.at, size);

	if (!buffer.at || at + size > buffer.end)
		return 0;
	if (at > buffer.at)
		linux_free("sparse_init_nid", buffer.at, at - buffer.at);
	buffer.at = at + size;
	return at;
}

static void buffer_fini(void)
{
	if (buffer.at && buffer.end > buffer.at)
		linux_free("sparse_init_nid", buffer.at, buffer.end - buffer.at);
	buffer.at = 0;
}

static bool map_piece(u64 va, u64 size, int nid)
{
	phys_addr_t pa = buffer_alloc(size);

	if (!pa)
		pa = linux_request(REQUEST_TRY_NID_RAW, "__earlyonly_bootmem_alloc", size, size,
				   linux_dma_goal(), MEMBLOCK_ALLOC_ACCESSIBLE, nid);
	if (pa)
		linux_mapped(va, va + size, pa, size, "rw", false);
	return pa;
}

static void base_pages(u64 va, u64 end, int nid)
{
	for (; va < end; va += PAGE_SIZE) {
		linux_vmemmap_tables(va, PAGE_SHIFT, nid);
		if (!map_piece(va, PAGE_SIZE, nid))
			panic("vmemmap: no memory for struct pages");
	}
}

u64 linux_vmemmap_start(void)
{
	unsigned int va = (unsigned int)build_profile->va_bits, least = va;
	u64 page_end;

	if (va == 52)
		least = PAGE_SHIFT == 14 ? 47 : 48;
	page_end = -(1ULL << (least - 1));
	return 0ULL - SZ_1G -
	       ((page_end - linux_page_offset(va)) >> PAGE_SHIFT) * build_profile->page_size_of;
}

static void populate(unsigned long nr, int nid)
{
	u64 pfn = nr * section_pages();
	u64 va = linux_vmemmap_start() +
		 (pfn - (u64)(memstart_addr >> PAGE_SHIFT)) * build_profile->page_size_of;
	u64 end = va + section_pages() * build_profile->page_size_of, next;

	if (PAGE_SHIFT != 12) {
		base_pages(va, end, nid);
		return;
	}
	for (; va < end; va = next) {
		next = min((va | (PMD_BYTES - 1)) + 1, end);
		linux_vmemmap_tables(va, PMD_BITS, nid);
		if (!map_piece(va, PMD_BYTES, nid))
			base_pages(va, next, nid);
	}
}

static void init_node(unsigned long first, unsigned long last)
{
	int nid = sections[first].nid;

	usage_maps(nid, last - first);
	buffer_init((last - first) * map_bytes(), nid);
	for (unsigned long i = first; i < last; i++)
		populate(sections[i].nr, nid);
	buffer_fini();
}

void linux_sparse_init(void)
{
	unsigned long first = 0, i;

	event_step("sparse_init");
	memory_present();
	for (i = 1; i <= nr_sections; i++) {
		if (i < nr_sections && sections[i].nid == sections[first].nid)
			continue;
		init_node(first, i);
		first = i;
	}
	free(sections);
	sections = NULL;
	nr_sections = max_sections = 0;
}
