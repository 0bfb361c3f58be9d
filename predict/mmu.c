// SPDX-License-Identifier: MIT
/*
 * The pages that Linux's early page tables take: map_mem's and vmemmap's.
 *
 * Only which tables exist is kept, not their entries: for each level, the ranges of table indices (va >> bits that one
 * table covers) that have a page, sorted and merged. Neighbouring banks share their tables, so the lists stay short.
 *
 * What decides how many there are: block mappings need aligned ranges and are off with rodata=full or where KFENCE may
 * be started late, because both change attributes of single pages; the image's alias is always mapped by blocks.
 *
 * Against the core's arch/arm64/mmu.c: that one maps by the largest blocks whatever rodata= says, and takes its tables
 * in runs. Here each table is one request of one page, in the order in which the walk comes to it.
 */
#include <stdlib.h>

#include <quire/boot.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

#define MAX_LEVELS 5
#define STEP (PAGE_SHIFT - 3)

struct span {
	u64 first, last;
};

/* By level of the entries in the table: 0: pages. */
static struct spans {
	struct span *span;
	unsigned long nr, max;
} tables[MAX_LEVELS];

struct linux_tables linux_tables;

static unsigned int entry_shift(unsigned int level)
{
	return PAGE_SHIFT + level * STEP;
}

bool linux_lpa2(void)
{
	return PAGE_SHIFT != 16 && build_profile->pa_bits == 52 && vabits_actual == 52;
}

unsigned int linux_phys_mask_shift(void)
{
	if (PAGE_SHIFT != 16 && build_profile->pa_bits == 52 && !linux_lpa2())
		return 48;
	return (unsigned int)build_profile->pa_bits;
}

u64 linux_page_offset(unsigned int va_bits)
{
	return -(1ULL << va_bits);
}

phys_addr_t linux_dma_goal(void)
{
	return (phys_addr_t)memstart_addr;
}

/* Index of the first span that ends at or above x. */
static unsigned long find_span(const struct spans *s, u64 x)
{
	unsigned long low = 0, high = s->nr, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->span[mid].last < x)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void insert(struct spans *s, unsigned long at, u64 x)
{
	bool below = at && s->span[at - 1].last + 1 == x;
	bool above = at < s->nr && s->span[at].first == x + 1;

	if (below && above) {
		s->span[at - 1].last = s->span[at].last;
		s->nr--;
		memmove(&s->span[at], &s->span[at + 1], (s->nr - at) * sizeof(*s->span));
	} else if (below) {
		s->span[at - 1].last = x;
	} else if (above) {
		s->span[at].first = x;
	} else {
		if (s->nr == s->max) {
			unsigned long max = s->max ? s->max * 2 : 64;
			struct span *more = realloc(s->span, max * sizeof(*more));

			if (!more)
				panic("no memory for the list of page tables");
			s->span = more;
			s->max = max;
		}
		memmove(&s->span[at + 1], &s->span[at], (s->nr - at) * sizeof(*s->span));
		s->span[at] = (struct span){x, x};
		s->nr++;
	}
}

/* The table that holds the entry of this level for va is there from now on. False: it was before. */
static bool note_table(unsigned int level, u64 va)
{
	struct spans *s = &tables[level];
	u64 x = va >> (entry_shift(level) + STEP);
	unsigned long at = find_span(s, x);

	if (at < s->nr && s->span[at].first <= x)
		return false;
	insert(s, at, x);
	return true;
}

/* The tables of the image and the fixmap lie in the image. */
static void note_range(u64 start, u64 end)
{
	for (unsigned int level = 0; level + 1 < linux_tables.levels; level++) {
		u64 step = 1ULL << (entry_shift(level) + STEP);
		u64 va = start & ~(step - 1);

		for (; va < end && va >= (start & ~(step - 1)); va += step)
			note_table(level, va);
	}
}

#define FIXMAP_SIZE SZ_8M

void linux_tables_init(void)
{
	unsigned int levels = (vabits_actual - 4) / STEP;
	unsigned int least = (unsigned int)build_profile->va_bits;
	u64 image;

	/* Behind the modules, which begin where the linear region of the smallest VA size ends. */
	if (least == 52)
		least = PAGE_SHIFT == 14 ? 47 : 48;
	image = (0ULL - (1ULL << (least - 1))) + SZ_2G;
	/* A 52-bit build without LPA2 has the levels of 48 bits, or of 47 with 16K pages. */
	linux_tables.va_bits = vabits_actual;
	linux_tables.levels = levels;
	linux_tables.page_offset = linux_page_offset((unsigned int)build_profile->va_bits);
	linux_tables.image = image;
	/* Before 6.10 the image's tables are made with the linear map's. */
	if (!linux_before(0x60a))
		note_range(image, image + build_profile->image_size);
	note_range(0ULL - 2 * FIXMAP_SIZE, 0ULL - FIXMAP_SIZE);
}

static phys_addr_t table_page(unsigned int level)
{
	phys_addr_t pa = linux_request(REQUEST_PHYS_RANGE, "early_pgtable_alloc", PAGE_SIZE,
				       PAGE_SIZE, 0, MEMBLOCK_ALLOC_NOLEAKTRACE, NUMA_NO_NODE);

	if (!pa)
		panic("Failed to allocate page table page");
	linux_tables.pages[level]++;
	return pa;
}

/* What one table of that level covers. */
static u64 table_span(unsigned int level)
{
	return 1ULL << (entry_shift(level) + STEP);
}

static void map_table(unsigned int level, u64 va)
{
	if (note_table(level, va))
		linux_table(level, va & ~(table_span(level) - 1), table_page(level));
}

/* How a range is mapped. */
struct how {
	bool blocks, cont;
	const char *prot;
};

/* Entries of `level` for [va, end), whose table exists. */
static void map_entries(unsigned int level, u64 va, u64 end, phys_addr_t pa, const struct how *how)
{
	u64 size = 1ULL << entry_shift(level), next, run = 0;
	bool may = how->blocks && (level == 1 || (level == 2 && PAGE_SHIFT == 12));

	if (!level) {
		linux_mapped(va, end, pa, size, how->prot, how->cont);
		return;
	}
	for (; va != end; pa += next - va, va = next) {
		next = (va | (size - 1)) + 1;
		if (next > end || !next)
			next = end;
		if (may && !((va | next | pa) & (size - 1))) {
			run += next - va;
			continue;
		}
		linux_mapped(va - run, va, pa - run, size, how->prot, how->cont);
		run = 0;
		map_table(level - 1, va);
		map_entries(level - 1, va, next, pa, how);
	}
	linux_mapped(va - run, va, pa - run, size, how->prot, how->cont);
}

static void map_memblock(phys_addr_t start, phys_addr_t end, const struct how *how)
{
	u64 va = start - (u64)memstart_addr + linux_tables.page_offset;
	u64 va_end = PAGE_ALIGN(va + (end - start));

	map_entries(linux_tables.levels - 1, va & PAGE_MASK, va_end, start & PAGE_MASK, how);
}

static bool kfence_early(void)
{
	return build_profile->kfence && linux_params.kfence_sample_interval != 0;
}

/* Single pages of the linear map may change their attributes at run time. */
static bool can_set_direct_map(void)
{
	return rodata_mode == RODATA_FULL || build_profile->debug_pagealloc == 2 ||
	       (build_profile->kfence && !kfence_early());
}

/* Where what is kept of the image begins. */
static u64 linux_text_start(void)
{
	return linux_before(0x602) ? build_profile->stext : 0;
}

static void map_segment(u64 start, u64 end, const char *prot)
{
	const struct how how = {.blocks = true, .prot = prot};

	map_entries(linux_tables.levels - 1, linux_tables.image + start, linux_tables.image + end,
		    boot_params.image.phys + start, &how);
}

static void map_kernel(void)
{
	const struct build_profile *p = build_profile;

	map_segment(p->stext, p->etext, "rx");
	map_segment(p->etext, p->init_begin, "ro");
	map_segment(p->init_begin, p->initdata_begin, "init rx");
	map_segment(p->initdata_begin, p->init_end, "init rw");
	map_segment(p->init_end, p->image_size, "rw");
}

/* From 6.10 on the image's tables lie in it: only what they map is of interest. */
static void image_entries(u64 start, u64 end, const char *prot, bool cont)
{
	const u64 size = 1ULL << entry_shift(1), off = boot_params.image.phys - linux_tables.image;
	u64 va = linux_tables.image + start, stop = linux_tables.image + end;
	u64 first = ALIGN(va, size), last = stop & ~(size - 1);

	if (first >= last || (off & (size - 1)))
		first = last = stop;
	linux_mapped(va, first, va + off, PAGE_SIZE, prot, cont);
	linux_mapped(first, last, first + off, size, prot, false);
	linux_mapped(last, stop, last + off, PAGE_SIZE, prot, cont);
}

static void image_mappings(void)
{
	const struct build_profile *p = build_profile;

	image_entries(0, p->stext, "rw", false);
	image_entries(p->stext, p->etext, "rx", true);
	image_entries(p->etext, p->init_begin, "ro", true);
	image_entries(p->init_begin, p->init_end, "init", false);
	image_entries(p->init_end, p->image_size, "rw", false);
}

/* The tables that the kernel started with lie at the image's end. */
static void free_init_pg_dir(void)
{
	u32 first = event_log.nr;

	memblock_phys_free(boot_params.image.phys + build_profile->init_pg_dir,
			   build_profile->image_size - build_profile->init_pg_dir);
	linux_caller(first, "paging_init");
}

/* A table of each level for the identity-mapped text, and one for a flag in another block; from 6.10 on in the image. */
static void create_idmap(void)
{
	for (unsigned int level = linux_tables.levels - 1; level--;)
		table_page(level);
	table_page(0);
}

void linux_paging_init(void)
{
	phys_addr_t pool_size = linux_kfence_pool_size(), pool = 0, start, end;
	phys_addr_t text = boot_params.image.phys + linux_text_start();
	phys_addr_t init_begin = boot_params.image.phys + build_profile->init_begin;
	const bool blocks = !can_set_direct_map();
	const struct how how = {blocks, blocks, "rw"}, alias = {true, false, "ro"},
			 guarded = {false, false, "rw"};
	u64 i;

	if (linux_before(0x60a))
		map_kernel();
	else
		image_mappings();
	if (kfence_early()) {
		pool = linux_request(REQUEST_PHYS_RANGE, "paging_init", pool_size, PAGE_SIZE, 0,
				     MEMBLOCK_ALLOC_ACCESSIBLE, NUMA_NO_NODE);
		if (pool)
			memblock_mark_nomap(pool, pool_size);
		linux_kfence_pool = pool;
	}
	memblock_mark_nomap(text, init_begin - text);
	for_each_mem_range(i, &start, &end)
	{
		if (build_profile->map_rounds_inward) {
			start = PAGE_ALIGN(start);
			end &= PAGE_MASK;
		}
		if (start < end)
			map_memblock(start, end, &how);
	}
	map_memblock(text, init_begin, &alias);
	memblock_clear_nomap(text, init_begin - text);
	if (pool) {
		map_memblock(pool, pool + pool_size, &guarded);
		memblock_clear_nomap(pool, pool_size);
	}
	if (linux_before(0x60a))
		free_init_pg_dir();
	memblock_allow_resize();
	if (linux_before(0x60a))
		create_idmap();
}

void linux_vmemmap_tables(u64 va, unsigned int shift, int nid)
{
	unsigned int level = linux_tables.levels - 1;
	phys_addr_t pa;

	/* From the root down: the table of the next level for va, until its entries are of `shift`. */
	while (level && entry_shift(level) > shift) {
		level--;
		if (!note_table(level, va))
			continue;
		pa = linux_request(REQUEST_TRY_NID_RAW, "__earlyonly_bootmem_alloc", PAGE_SIZE,
				   PAGE_SIZE, linux_dma_goal(), MEMBLOCK_ALLOC_ACCESSIBLE, nid);
		if (!pa)
			panic("vmemmap: no memory for a page table");
		linux_table(level, va & ~(table_span(level) - 1), pa);
		linux_tables.pages[level]++;
	}
}
