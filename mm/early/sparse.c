// SPDX-License-Identifier: MIT
/*
 * Sections and the memory map's address space: which parts of physical memory have struct pages,
 * and where these lie.
 *
 *   physical   |--hole--|###section###|###section###|--hole--|###section###|
 *                            |             |                      |
 *   vmemmap          one run, one range of memory            another run
 *
 * Owns mem_sections, pageblock_types, vmemmap. Invariants: a section is present exactly when its
 * struct pages are mapped; its state goes EMPTY, GROWING, READY and never back; struct pages of a
 * section that is not READY hold garbage.
 *
 * Locking: the boot CPU builds the table; later only `state` changes, by compare-and-swap
 * (mm/page/handover.c).
 *
 * Against Linux: there a section's map is allocated and mapped 2 MiB at a time and every page's
 * entry is written at boot, at 27 instructions a page. Here a run of sections takes one allocation
 * whose address agrees with its virtual address modulo the run's size, so that the largest blocks
 * map it, and nothing is written. What a section costs at boot is four bytes stored.
 */
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/page-flags.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/sparse.h>
#include <quire/string.h>

struct mem_section *mem_sections;
unsigned long first_section_nr, nr_mem_sections;
u8 *pageblock_types;

u64 hotplug_reserve;

struct page *vmemmap;
struct page *page_index_base;
unsigned long page_base_pfn;

#define SECTION_MAP_SIZE (PAGES_PER_SECTION << STRUCT_PAGE_SHIFT)

/*
 * Index 0 is no page and the first section starts at PAGES_PER_SECTION: what 32-bit links can
 * reach.
 */
#define MAX_SECTIONS ((1UL << (32 - PFN_SECTION_SHIFT)) - 1)

/* The largest block that an entry can map: alignment beyond it gains nothing. */
#if PAGE_SHIFT == 12
#define LARGEST_BLOCK SZ_1G
#else
#define LARGEST_BLOCK (1UL << (2 * PAGE_SHIFT - 3))
#endif

/* Sections [start, end) of one node, waiting for their map. */
struct section_run {
	unsigned long start, end;
	int nid;
};

static unsigned long vmemmap_kva(unsigned long pfn)
{
	/* memstart_addr may be negative: the shift must keep its sign. */
	s64 offset = (s64)pfn - (memstart_addr >> PAGE_SHIFT);

	return va_layout.vmemmap_start + ((unsigned long)offset << STRUCT_PAGE_SHIFT);
}

/*
 * Memory for a map of `size` bytes at kva, with pa equal to kva modulo the largest power of two
 * that can be had: what lies below the wanted remainder is given back. Returns 0 when there is no
 * room at all.
 */
static phys_addr_t alloc_map(unsigned long kva, u64 size, int nid)
{
	u64 align = min_t(u64, rounddown_pow_of_two(size), LARGEST_BLOCK);

	for (; align >= PAGE_SIZE; align >>= 1) {
		u64 skip = kva & (align - 1);
		phys_addr_t pa = memblock_phys_alloc_try_nid(size + skip, align, nid);

		if (!pa)
			continue;
		if (skip)
			memblock_phys_free(pa, skip);
		return pa + skip;
	}
	return 0;
}

static int populate(unsigned long start_nr, unsigned long end_nr, int nid)
{
	unsigned long kva = vmemmap_kva(start_nr << PFN_SECTION_SHIFT);
	u64 size = (end_nr - start_nr) * SECTION_MAP_SIZE;
	phys_addr_t pa;
	int err;

	if (kva < va_layout.vmemmap_start || size > va_layout.vmemmap_end - kva)
		return -ERANGE;
	pa = alloc_map(kva, size, nid);
	if (!pa)
		return -ENOMEM;
	err = kernel_map(kva, pa, size, PAGE_KERNEL, MAP_NO_EXEC);
	if (!err) {
		err = port_mirror_map(kva, pa, size);
		if (err)
			kernel_unmap(kva, size);
	}
	if (err)
		memblock_phys_free(pa, size);
	return err;
}

/* The first free memory at or above *start and below end; false: there is none. */
static bool first_free(phys_addr_t *start, phys_addr_t end, phys_addr_t *stop)
{
	phys_addr_t s, e;
	u64 i;

	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &s, &e, NULL)
	{
		if (e <= *start)
			continue;
		*start = max(s, *start);
		*stop = min(e, end);
		return *start < end;
	}
	return false;
}

/*
 * Leave a section out: nobody may be given its memory, because there is no struct page to account
 * for it. What is reserved already keeps its node.
 */
static void drop_section(unsigned long nr)
{
	phys_addr_t base = (phys_addr_t)nr << SECTION_SIZE_BITS, stop;
	phys_addr_t end = base + (1UL << SECTION_SIZE_BITS);

	mem_sections[nr - first_section_nr].present = 0;
	for (; first_free(&base, end, &stop); base = stop)
		if (memblock_reserve(base, stop - base))
			panic("Cannot reserve memory at %pa that has no memory map", &base);
}

static void populate_run(const struct section_run *run)
{
	unsigned long nr, dropped = 0;

	if (run->start == run->end || populate(run->start, run->end, run->nid) == 0)
		return;
	/* Not in one piece: what still fits, section by section. */
	for (nr = run->start; nr < run->end; nr++) {
		if (populate(nr, nr + 1, run->nid)) {
			drop_section(nr);
			dropped++;
		}
	}
	if (dropped)
		pr_err("sparse_init: node[%d] memory map backing failed for %lu sections. Some "
		       "memory will not be available.\n",
		       run->nid, dropped);
}

/*
 * Mark the sections that [start_pfn, end_pfn) touches and add them to the run; a run that ends is
 * populated.
 */
static void add_range(struct section_run *run, unsigned long start_pfn, unsigned long end_pfn,
		      int nid)
{
	unsigned long nr = start_pfn >> PFN_SECTION_SHIFT;
	unsigned long end = ((end_pfn - 1) >> PFN_SECTION_SHIFT) + 1;
	struct mem_section s = {.present = 1, .state = SECTION_EMPTY, .nid = (s16)nid};
	unsigned long limit = first_section_nr + nr_mem_sections;

	/* Sections beyond the table have no index: out of reach of struct page's links. */
	if (end > limit) {
		phys_addr_t base = PFN_PHYS(max(start_pfn, limit << PFN_SECTION_SHIFT));

		pr_err("sparse_init: memory at %pa is too far from the first for the memory map, "
		       "and is not used\n",
		       &base);
		memblock_reserve(base, PFN_PHYS(end_pfn) - base);
		end = limit;
	}
	/* Regions come in order, so that only the first section can belong to a range before. */
	if (nr < run->end)
		nr = run->end;
	if (nr >= end)
		return;
	if (nr != run->end || nid != run->nid) {
		populate_run(run);
		run->start = nr;
		run->nid = nid;
	}
	run->end = end;
	for (; nr < end; nr++)
		mem_sections[nr - first_section_nr] = s;
}

void sparse_init(void)
{
	unsigned long start_pfn, end_pfn, last_nr, base, blocks;
	struct section_run run = {0};
	int i, nid;

	if (!memblock.memory.cnt)
		panic("sparse_init: no memory");
	first_section_nr = memblock_start_of_DRAM() >> SECTION_SIZE_BITS;
	last_nr = (memblock_end_of_DRAM() - 1) >> SECTION_SIZE_BITS;
	/* And as many as may come later. */
	nr_mem_sections =
		last_nr - first_section_nr + 1 +
		DIV_ROUND_UP(min(hotplug_reserve, BIT(MAX_PHYSMEM_BITS)), 1UL << SECTION_SIZE_BITS);
	nr_mem_sections = min(nr_mem_sections, MAX_SECTIONS);

	blocks = nr_mem_sections * PAGEBLOCKS_PER_SECTION;
	mem_sections = memblock_alloc(nr_mem_sections * sizeof(*mem_sections), SMP_CACHE_BYTES);
	pageblock_types = memblock_alloc_raw(blocks, SMP_CACHE_BYTES);
	if (!mem_sections || !pageblock_types)
		panic("sparse_init: no memory for the table of %lu sections", nr_mem_sections);

	/*
	 * Bases are moved so that a pfn indexes directly; as integers, because they lie outside
	 * their objects.
	 */
	base = (first_section_nr << PFN_SECTION_SHIFT) >> pageblock_order;
	pageblock_types = (u8 *)((unsigned long)pageblock_types - base);

	base = first_section_nr << PFN_SECTION_SHIFT;
	vmemmap = (struct page *)((unsigned long)port_kva_to_ptr(vmemmap_kva(base)) -
				  (base << STRUCT_PAGE_SHIFT));
	page_base_pfn = base - PAGES_PER_SECTION;
	page_index_base =
		(struct page *)((unsigned long)vmemmap + (page_base_pfn << STRUCT_PAGE_SHIFT));

	run.start = run.end = first_section_nr;
	run.nid = NUMA_NO_NODE;
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start_pfn, &end_pfn, &nid)
		add_range(&run, start_pfn, end_pfn, numa_valid_node(nid) ? nid : 0);
	populate_run(&run);
}

/*
 * Store one value of struct page to each of [start_pfn, end_pfn). The 32 bytes are two store-pair
 * instructions; sixteen pages a turn make the loop's own three instructions small against them: 2.2
 * instructions a page.
 */
static void fill_pages(unsigned long start_pfn, unsigned long end_pfn, u64 w0, u64 w2)
{
	u64 *p = (u64 *)pfn_to_page(start_pfn), *end = (u64 *)pfn_to_page(end_pfn);

#define FILL1(i) (p[4 * (i)] = w0, p[4 * (i) + 1] = 0, p[4 * (i) + 2] = w2, p[4 * (i) + 3] = 0)
#define FILL4(i) (FILL1(i), FILL1((i) + 1), FILL1((i) + 2), FILL1((i) + 3))
	for (; end - p >= 64; p += 64)
		FILL4(0), FILL4(4), FILL4(8), FILL4(12);
	for (; p < end; p += 4)
		FILL1(0);
#undef FILL4
#undef FILL1
}

/* The words of struct page that are not zero, in the order of its fields. */
union page_words {
	struct page page;
	u64 word[4];
};

static void init_pages(unsigned long start_pfn, unsigned long end_pfn, u32 flags, s32 refcount)
{
	union page_words u = {.page = {.flags = flags, ._refcount = refcount, ._mapcount = -1}};

	fill_pages(start_pfn, end_pfn, u.word[0], u.word[2]);
}

static u32 page_links(const struct zone *zone)
{
	return (u32)zone_to_nid(zone) << PAGE_NODE_SHIFT | (u32)zone_idx(zone) << PAGE_ZONE_SHIFT;
}

void memmap_init_free(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone)
{
	init_pages(start_pfn, end_pfn, page_links(zone), 0);
}

void memmap_init_reserved(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone)
{
	init_pages(start_pfn, end_pfn, page_links(zone) | (u32)BIT(PG_reserved), 1);
}

void memmap_set_types(unsigned long start_pfn, unsigned long end_pfn, enum migratetype mt)
{
	unsigned long first = start_pfn >> pageblock_order;

	/* At least the block of start_pfn: with 64 KiB pages a pageblock is a section. */
	memset(pageblock_types + first, mt, ((end_pfn - 1) >> pageblock_order) - first + 1);
}
