// SPDX-License-Identifier: MIT
/*
 * CMA areas: where they are placed, and how their pages come to the page allocator.
 *
 *   memblock   |...........[reserved: cma].......|     dma_contiguous_reserve, before memblock_free_all
 *   allocator  |....free...|MIGRATE_CMA, free|...|     cma_init_reserved_areas, after it
 *
 * Owns cma_areas. Invariants: areas start and end at pageblocks and do not overlap (memblock's reservations guarantee it); an active
 * area lies in one zone, is counted in that zone's managed and cma pages, and its pageblocks are MIGRATE_CMA as soon as their
 * section is READY.
 *
 * Locking: the boot CPU alone, until activation; the table is constant afterwards.
 *
 * Against Linux: the same place and words for every area. Activation there clears and frees every page; here an area in
 * sections that are not READY yet is only counted.
 */
/* Before the first header that includes <quire/printk.h>. */
#define pr_fmt(fmt) "cma: " fmt

#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/sparse.h>
#include <quire/string.h>

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
 * A place for an area that is not fixed. Above 4 GiB and from there upwards first, when memory reaches that far: the zones of
 * devices with few address bits stay free, and movable pages that have to leave the area find room above it.
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
	phys_addr_t size = CMA_DEFAULT_SIZE, base = 0;
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
			buddy_free_range(a.zone, pfn, next, MIGRATE_CMA);
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
