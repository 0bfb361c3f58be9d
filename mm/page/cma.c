// SPDX-License-Identifier: MIT
/*
 * CMA areas: where they are placed, and how their pages come to the page allocator.
 *
 *   memblock   |...........[reserved: cma].......|     dma_contiguous_reserve, before memblock_free_all
 *   allocator  |....free...|MIGRATE_CMA, free|...|     cma_init_reserved_areas, after it
 *
 * Owns cma_areas. Invariants: areas start and end at pageblocks and do not overlap (memblock's
 * reservations guarantee it); an active area lies in one zone, is counted in that zone's managed
 * and cma pages, and its pageblocks are MIGRATE_CMA as soon as their section is READY.
 *
 * Locking: the boot CPU alone, until activation; the table is constant afterwards. A bit of an
 * area's bitmap changes under its lock; set, it keeps the pages for who set it. One CPU at a time
 * isolates pageblocks of an area (cma.alloc_lock, taken before zone->lock), because two that share a
 * pageblock would both fail; areas share none.
 *
 * Against Linux: the same place and words for every area. Activation there clears and frees every
 * page; here an area in sections that are not READY yet is only counted.
 */
/* Before the first header that includes <quire/printk.h>. */
#define pr_fmt(fmt) "cma: " fmt

#include <quire/buddy.h>
#include <quire/build_profile.h>
#include <quire/cma.h>
#include <quire/gfp.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/page_debug.h>
#include <quire/page_ref.h>
#include <quire/printk.h>
#include <quire/sparse.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "contig.h"

struct cma cma_areas[MAX_CMA_AREAS];
unsigned int nr_cma_areas;
unsigned long totalcma_pages;
struct cma *dma_contiguous_default_area;
struct cma_cmdline cma_cmdline = {.size = PHYS_ADDR_MAX};

/* Size of the default area when cma= is not given. */
#define CMA_DEFAULT_SIZE SZ_64M

int cma_init_reserved_mem(phys_addr_t base, phys_addr_t size, unsigned int order_per_bit,
			  const char *name, struct cma **res_cma)
{
	struct cma *cma;

	if (nr_cma_areas == MAX_CMA_AREAS) {
		pr_err("Not enough slots for CMA reserved regions!\n");
		return -ENOSPC;
	}
	if (!size || base + size < base || !memblock_is_region_reserved(base, size))
		return -EINVAL;
	if (!IS_ALIGNED(base | size, CMA_MIN_ALIGNMENT_BYTES))
		return -EINVAL;

	cma = &cma_areas[nr_cma_areas];
	memset(cma, 0, sizeof(*cma));
	if (name)
		quire_strlcpy(cma->name, name, sizeof(cma->name));
	else
		quire_snprintf(cma->name, sizeof(cma->name), "cma%u", nr_cma_areas);
	cma->base = base;
	cma->size = size;
	cma->order_per_bit = order_per_bit;
	cma->nid = NUMA_NO_NODE;
	nr_cma_areas++;
	totalcma_pages += PHYS_PFN(size);
	*res_cma = cma;
	return 0;
}

/*
 * A place for an area that is not fixed. Above 4 GiB and from there upwards first, when memory
 * reaches that far: the zones of devices with few address bits stay free, and movable pages that
 * have to leave the area find room above it.
 */
static phys_addr_t find_place(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
			      phys_addr_t alignment, int nid)
{
	phys_addr_t addr = 0;

	if (!memblock_bottom_up() && memblock_end_of_DRAM() >= SZ_4G + size) {
		memblock_set_bottom_up(true);
		addr = memblock_alloc_range_nid(size, alignment, SZ_4G, limit, nid, true);
		memblock_set_bottom_up(false);
	}
	if (!addr)
		addr = memblock_alloc_range_nid(size, alignment, base, limit, nid, true);
	return addr;
}

/* The checks and the reservation; on success *base and *size are the area's. */
static int reserve_area(phys_addr_t *base, phys_addr_t *size, phys_addr_t limit,
			phys_addr_t alignment, unsigned int order_per_bit, bool fixed, int nid)
{
	phys_addr_t end = memblock_end_of_DRAM();

	if (fixed && !IS_ALIGNED(*base, alignment)) {
		pr_err("Region at %pa must be aligned to %pa bytes\n", base, &alignment);
		return -EINVAL;
	}
	*base = ALIGN(*base, alignment);
	*size = ALIGN(*size, alignment);
	limit = ALIGN_DOWN(limit, alignment);
	if (!*base)
		fixed = false;
	if (!IS_ALIGNED(PHYS_PFN(*size), 1UL << order_per_bit))
		return -EINVAL;
	if (limit == 0 || limit > end)
		limit = end;
	/* The same as base + size > limit where that sum does not wrap. */
	if (*size > limit || *base > limit - *size || *size == 0) {
		pr_err("Size (%pa) of region at %pa exceeds limit (%pa)\n", size, base, &limit);
		return -EINVAL;
	}
	if (fixed)
		return memblock_is_region_reserved(*base, *size) || memblock_reserve(*base, *size)
			       ? -EBUSY
			       : 0;
	*base = find_place(*base, *size, limit, alignment, nid);
	return *base ? 0 : -ENOMEM;
}

int cma_declare_contiguous_nid(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
			       phys_addr_t alignment, unsigned int order_per_bit, bool fixed,
			       const char *name, struct cma **res_cma, int nid)
{
	int err;

	if (nr_cma_areas == MAX_CMA_AREAS) {
		pr_err("Not enough slots for CMA reserved regions!\n");
		return -ENOSPC;
	}
	if (!size || (alignment && !is_power_of_2(alignment)) || order_per_bit > MAX_PAGE_ORDER)
		return -EINVAL;
	alignment = max(alignment, (phys_addr_t)CMA_MIN_ALIGNMENT_BYTES);

	err = reserve_area(&base, &size, limit, alignment, order_per_bit, fixed, nid);
	if (!err) {
		err = cma_init_reserved_mem(base, size, order_per_bit, name, res_cma);
		if (err)
			memblock_phys_free(base, size);
	}
	if (err) {
		pr_err("Failed to reserve %lu MiB on node %d\n", (unsigned long)(size / SZ_1M),
		       nid);
		return err;
	}
	(*res_cma)->nid = nid;
	pr_info("Reserved %lu MiB at %pa on node %d\n", (unsigned long)(size / SZ_1M), &base, nid);
	return 0;
}

void dma_contiguous_reserve(phys_addr_t limit)
{
	phys_addr_t size = profile_or(cma_size_mbytes * SZ_1M, CMA_DEFAULT_SIZE), base = 0;
	bool fixed = false;

	if (cma_cmdline.size != PHYS_ADDR_MAX) {
		size = cma_cmdline.size;
		base = cma_cmdline.base;
		fixed = base + size == cma_cmdline.limit;
		if (cma_cmdline.limit && (!limit || cma_cmdline.limit < limit))
			limit = cma_cmdline.limit;
	}
	if (size && !dma_contiguous_default_area)
		cma_declare_contiguous(base, size, limit, 0, 0, fixed, "reserved",
				       &dma_contiguous_default_area);
}

/* ------------------------------------------------------------------ activation */

/* An area must be memory of one zone throughout. */
struct area_zone {
	struct zone *zone;
	bool bad;
};

static void note_stretch(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
			 enum memmap_kind kind, void *arg)
{
	struct area_zone *a = arg;

	(void)start_pfn, (void)end_pfn;
	if (kind != MEMMAP_RESERVED || (a->zone && a->zone != zone))
		a->bad = true;
	a->zone = zone;
}

static void activate(struct cma *cma)
{
	unsigned long pfn = PHYS_PFN(cma->base), end = PHYS_PFN(cma->base + cma->size), next;
	struct area_zone a = {0};

	memmap_walk(pfn, end, note_stretch, &a);
	for (next = pfn; next < end; next += PAGES_PER_SECTION)
		a.bad |= !pfn_valid(next);
	a.bad |= !pfn_valid(end - 1) || !a.zone;
	if (a.bad) {
		totalcma_pages -= end - pfn;
		free_reserved_range(cma->base, cma->size);
		cma->size = 0;
		pr_err("CMA area %s could not be activated\n", cma->name);
		return;
	}
	/* From here on a section that grows frees what it has of the area. */
	cma->active = true;
	a.zone->managed_pages += end - pfn;
	a.zone->cma_pages += end - pfn;
	for (; pfn < end; pfn = next) {
		next = min(end, ALIGN(pfn + 1, PAGES_PER_SECTION));
		if (pfn_ready(pfn)) {
			memmap_init_free(pfn, next, a.zone);
			memmap_set_types(pfn, next, MIGRATE_CMA);
			buddy_free_range(a.zone, pfn, next);
		} else {
			a.zone->deferred_pages += next - pfn;
			a.zone->vm_stat[NR_FREE_PAGES] += (long)(next - pfn);
			a.zone->vm_stat[NR_FREE_CMA_PAGES] += (long)(next - pfn);
		}
	}
}

void cma_init_reserved_areas(void)
{
	unsigned int i;

	for (i = 0; i < nr_cma_areas; i++)
		if (cma_areas[i].size && !cma_areas[i].active)
			activate(&cma_areas[i]);
}

/* ------------------------------------------------------------------ taking and giving back */

/* The first bit from start on that is `value`, or end. */
static unsigned long next_bit(const u64 *map, unsigned long start, unsigned long end, bool value)
{
	while (start < end) {
		u64 bits = relaxed_load(&map[start / 64]);
		u64 word = (value ? bits : ~bits) >> (start % 64);

		if (word)
			return min(start + (unsigned long)__ffs(word), end);
		start = (start | 63) + 1;
	}
	return end;
}

static inline void change_word(u64 *word, u64 mask, bool value)
{
	relaxed_store(word, value ? *word | mask : *word & ~mask);
}

/* A word at a time. */
static void change_bits(u64 *map, unsigned long first, unsigned long n, bool value)
{
	unsigned long end = first + n;

	if (likely(n == 1)) {
		change_word(&map[first / 64], 1ULL << (first % 64), value);
		return;
	}
	while (first < end) {
		unsigned long stop = min(end, (first | 63) + 1);

		change_word(&map[first / 64], (~0ULL >> (64 - (stop - first))) << (first % 64),
			    value);
		first = stop;
	}
}

/*
 * n clear bits from `start` on, of which the first, plus offset, is a multiple of mask + 1. Returns
 * the first, or a number beyond `bits` when there are none.
 */
static unsigned long find_area(const u64 *map, unsigned long bits, unsigned long start,
			       unsigned long n, unsigned long mask, unsigned long offset)
{
	for (;;) {
		unsigned long first = next_bit(map, start, bits, false);

		first = ((first + offset + mask) & ~mask) - offset;
		if (first > bits || n > bits - first)
			return ULONG_MAX;
		start = next_bit(map, first, first + n, true);
		if (start == first + n)
			return first;
		start++;
	}
}

static unsigned long area_bits(const struct cma *cma)
{
	return PHYS_PFN(cma->size) >> cma->order_per_bit;
}

static unsigned long pages_to_bits(const struct cma *cma, unsigned long pages)
{
	return ALIGN(pages, 1UL << cma->order_per_bit) >> cma->order_per_bit;
}

static size_t bitmap_bytes(const struct cma *cma)
{
	return DIV_ROUND_UP(area_bits(cma), 64) * sizeof(u64);
}

/* Areas that nobody takes from need no bitmap: most machines have one that is never used. */
static int need_bitmap(struct cma *cma)
{
	unsigned long flags;
	u64 *map;

	if (__atomic_load_n(&cma->bitmap, __ATOMIC_ACQUIRE))
		return 0;
	map = alloc_pages_exact(bitmap_bytes(cma), GFP_KERNEL | __GFP_ZERO);
	if (!map)
		return -ENOMEM;
	flags = spin_lock_irqsave(&cma->lock);
	if (!cma->bitmap) {
		cma->available_count = PHYS_PFN(cma->size);
		__atomic_store_n(&cma->bitmap, map, __ATOMIC_RELEASE);
		map = NULL;
	}
	spin_unlock_irqrestore(&cma->lock, flags);
	if (map)
		free_pages_exact(map, bitmap_bytes(cma));
	return 0;
}

/* The bits are taken or free from now on. cma->lock held. */
static void mark(struct cma *cma, unsigned long first, unsigned long n, bool taken)
{
	change_bits(cma->bitmap, first, n, taken);
	if (taken)
		cma->available_count -= n << cma->order_per_bit;
	else
		cma->available_count += n << cma->order_per_bit;
}

/* released: pages that somebody had. */
static __always_inline void give_bits(struct cma *cma, unsigned long first, unsigned long n,
				      unsigned long released)
{
	unsigned long flags = spin_lock_irqsave(&cma->lock);

	mark(cma, first, n, false);
	__atomic_store_n(&cma->nr_pages_released, cma->nr_pages_released + released,
			 __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&cma->lock, flags);
}

/* The pages themselves: what is on them moves away. */
static int take_pages(struct cma *cma, unsigned long pfn, unsigned long count, gfp_t gfp)
{
	unsigned long at;
	int err;

	if (unlikely(page_debug) && page_debug->should_fail &&
	    page_debug->should_fail(gfp, (unsigned int)ilog2(roundup_pow_of_two(count))))
		return -ENOMEM;
	for (at = pfn; at < pfn + count; at = ALIGN(at + 1, PAGES_PER_SECTION))
		if (section_grow(at))
			return -EINVAL;
	/* Mostly all is free, or was a moment ago and lies in a CPU's list. */
	if (!contig_alloc_free(pfn, pfn + count, MIGRATE_CMA, gfp))
		return 0;
	drain_all_pages(page_zone(pfn_to_page(pfn)));
	if (!contig_alloc_free(pfn, pfn + count, MIGRATE_CMA, gfp))
		return 0;
	spin_lock(&cma->alloc_lock);
	err = alloc_contig_range(pfn, pfn + count, MIGRATE_CMA, gfp);
	spin_unlock(&cma->alloc_lock);
	return err;
}

struct page *cma_alloc(struct cma *cma, unsigned long count, unsigned int align, bool no_warn)
{
	unsigned long base, bits, n, mask, offset, first, start = 0;
	int err = -ENOMEM;

	if (!cma || !cma->active || !count || align >= 64 - PAGE_SHIFT ||
	    count > PHYS_PFN(cma->size) || need_bitmap(cma))
		return NULL;
	base = PHYS_PFN(cma->base);
	bits = area_bits(cma);
	n = pages_to_bits(cma, count);
	mask = align > cma->order_per_bit ? (1UL << (align - cma->order_per_bit)) - 1 : 0;
	/* The bit's number says how the page is aligned only relative to the area's start. */
	offset = (base & ((1UL << align) - 1)) >> cma->order_per_bit;

	for (;;) {
		unsigned long flags = spin_lock_irqsave(&cma->lock);

		first = find_area(cma->bitmap, bits, start, n, mask, offset);
		if (first < bits)
			mark(cma, first, n, true);
		spin_unlock_irqrestore(&cma->lock, flags);
		if (first >= bits)
			break;

		err = take_pages(cma, base + (first << cma->order_per_bit), count,
				 GFP_KERNEL | (no_warn ? __GFP_NOWARN : 0));
		if (!err) {
			__atomic_fetch_add(&cma->nr_pages_succeeded, count, __ATOMIC_RELAXED);
			count_vm_event(CMA_ALLOC_SUCCESS);
			return pfn_to_page(base + (first << cma->order_per_bit));
		}
		give_bits(cma, first, n, 0);
		/* Something there cannot be moved now: elsewhere, perhaps. */
		if (err != -EBUSY)
			break;
		start = first + mask + 1;
	}
	__atomic_fetch_add(&cma->nr_pages_failed, count, __ATOMIC_RELAXED);
	count_vm_event(CMA_ALLOC_FAIL);
	if (!no_warn)
		pr_err("%s: alloc failed, req-size: %lu pages, ret: %d\n", cma->name, count, err);
	return NULL;
}

static inline bool pages_valid(const struct cma *cma, const struct page *pages, unsigned long count)
{
	unsigned long pfn, base, total;

	if (!cma || !pages)
		return false;
	pfn = page_to_pfn(pages);
	base = PHYS_PFN(cma->base);
	total = PHYS_PFN(cma->size);
	return pfn - base < total && count <= total - (pfn - base);
}

bool cma_pages_valid(const struct cma *cma, const struct page *pages, unsigned long count)
{
	return pages_valid(cma, pages, count);
}

/* All n bits are set: somebody has them. Without the lock: whoever has the pages is the one who may clear the bits. */
static inline bool bits_taken(const struct cma *cma, unsigned long first, unsigned long n)
{
	if (likely(n == 1))
		return relaxed_load(&cma->bitmap[first / 64]) >> (first % 64) & 1;
	return next_bit(cma->bitmap, first, first + n, false) == first + n;
}

bool cma_release(struct cma *cma, struct page *pages, unsigned long count)
{
	unsigned long pfn, first, n;

	if (!pages_valid(cma, pages, count) || !cma->bitmap)
		return false;
	pfn = page_to_pfn(pages);
	first = (pfn - PHYS_PFN(cma->base)) >> cma->order_per_bit;
	n = likely(count == 1) ? 1 : pages_to_bits(cma, count);
	if (unlikely(!bits_taken(cma, first, n))) {
		pr_err("%s: %lu pages at pfn 0x%lx are not given out, and are not released\n",
		       cma->name, count, pfn);
		port_backtrace();
		return false;
	}
	free_contig_range(pfn, count);
	give_bits(cma, first, n, count);
	return true;
}

int cma_for_each_area(int (*fn)(struct cma *cma, void *data), void *data)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr_cma_areas; i++) {
		ret = fn(&cma_areas[i], data);
		if (ret)
			return ret;
	}
	return 0;
}

/* ------------------------------------------------------------------ check */

static int violation(const struct cma *cma, const char *what, unsigned long is,
		     unsigned long should)
{
	pr_err("cma_check: %s: %s (0x%lx, 0x%lx)\n", cma->name, what, is, should);
	return 1;
}

/* Pages of bits that are set were given out by cma_alloc; others are free, or a movable user's. */
static int check_bits(const struct cma *cma)
{
	unsigned long base = PHYS_PFN(cma->base), bits = area_bits(cma), bit, clear = 0;
	int bad = 0;

	for (bit = 0; bit < bits; bit++) {
		bool taken = cma->bitmap[bit / 64] >> (bit % 64) & 1;
		unsigned long pfn = base + (bit << cma->order_per_bit);

		clear += taken ? 0 : 1UL << cma->order_per_bit;
		/* The pages after the first may be beyond what was asked for. */
		if (taken && (!pfn_ready(pfn) || !page_count(pfn_to_page(pfn))))
			bad += violation(cma, "taken page is free (pfn, bit)", pfn, bit);
	}
	if (clear != cma->available_count)
		bad += violation(cma, "available_count (counted, clear)", cma->available_count,
				 clear);
	return bad;
}

int cma_check(void)
{
	unsigned long pfn, end;
	unsigned int i;
	int bad = 0;

	for (i = 0; i < nr_cma_areas; i++) {
		const struct cma *cma = &cma_areas[i];

		if (!cma->active)
			continue;
		pfn = PHYS_PFN(cma->base);
		end = PHYS_PFN(cma->base + cma->size);
		if (!IS_ALIGNED(pfn | end, pageblock_nr_pages))
			bad += violation(cma, "not of whole pageblocks (start, end)", pfn, end);
		for (; pfn < end; pfn += pageblock_nr_pages)
			if (pfn_ready(pfn) && get_pfnblock_migratetype(pfn) != MIGRATE_CMA)
				bad += violation(cma, "pageblock of another type (pfn, type)", pfn,
						 get_pfnblock_migratetype(pfn));
		if (cma->bitmap)
			bad += check_bits(cma);
	}
	return bad;
}
