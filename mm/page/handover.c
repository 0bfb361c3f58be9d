// SPDX-License-Identifier: MIT
/*
 * From memblock to the page allocator: what is free is counted at once, and handed over a section
 * at a time.
 *
 *   memblock_free_all     managed, free and deferred pages of every zone, from the regions alone
 *   zone_grow, section_grow    a section's struct pages are written, its free ranges go to the free lists
 *
 * Owns the zones' managed_pages and deferred_pages, and the sections' state after boot. Invariants:
 * NR_FREE_PAGES of a zone = pages in its free lists + deferred_pages, seen under zone->lock (a page
 * in a per-CPU list is not free); memblock's regions do not change once memblock_closed is set, so
 * that a section can be read from them at any later time; deferred_pages is 0 once every section is
 * READY.
 *
 * Locking: a section belongs to the CPU that moved its state from EMPTY to GROWING, which keeps
 * interrupts off until it is READY, so that nobody spins for a CPU that does not run. Counters
 * change under zone->lock.
 *
 *   CPU 0                                    CPU 1
 *   1 state: EMPTY -> GROWING
 *   2 writes struct pages
 *   3 gives ranges to the free lists         4 takes such a page: zone->lock orders it after 2
 *   5 state = READY (release)                6 sees READY (acquire): all struct pages are valid
 *                                            5' sees GROWING in zone_grow: waits, then tries the lists again
 *
 * READY comes after 3, because who finds every section READY concludes that nothing is left.
 *
 * Against Linux: there memblock_free_all writes and frees every page of the first sections, and
 * threads do the rest in the background (deferred struct page init), so that free counts grow over
 * time. Here all counts are right from the start and the work is done by whoever needs the pages,
 * lowest section first.
 */
#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/gfp.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/page-flags.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/sparse.h>
#include <quire/string.h>

#include "internal.h"

/* ------------------------------------------------------------------ counting */

void reset_all_zones_managed_pages(void)
{
	struct zone *zone;

	for_each_zone(zone) zone->managed_pages = 0;
}

/* Only memory that has a memory map can be used. */
static void count_free(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
		       enum memmap_kind kind, void *arg)
{
	unsigned long pages = end_pfn - start_pfn;

	(void)arg;
	if (kind != MEMMAP_FREE)
		return;
	zone->managed_pages += pages;
	zone->deferred_pages += pages;
	zone->vm_stat[NR_FREE_PAGES] += (long)pages;
}

/* Page tables come from the page allocator from now on. Called without locks. */
static phys_addr_t alloc_table(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	if (!page)
		return 0;
	__SetPageTable(page);
	return page_to_phys(page);
}

static void free_table(phys_addr_t table)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(table));

	if (!page)
		return; /* in the kernel image, outside memory */
	if (PageReserved(page)) {
		/* From memblock's time. */
		free_reserved_range(table, PAGE_SIZE);
		return;
	}
	__ClearPageTable(page);
	__free_pages(page, 0);
}

void memblock_free_all(void)
{
	BUG_ON(memblock_closed);
	reset_all_zones_managed_pages();
	memmap_walk(0, PHYS_PFN(memblock_end_of_DRAM()), count_free, NULL);
	memblock_closed = true;
	pgtable_alloc_hook = alloc_table;
	pgtable_free_hook = free_table;
}

unsigned long totalram_pages(void)
{
	unsigned long pages = 0;
	struct zone *zone;

	for_each_zone(zone) pages += READ_ONCE(zone->managed_pages);
	return pages;
}

bool totalram_at_least(unsigned long wanted)
{
	unsigned long pages = 0;
	struct zone *zone;

	/* Mostly the first zone tells. */
	for_each_zone(zone)
	{
		pages += READ_ONCE(zone->managed_pages);
		if (likely(pages >= wanted))
			return true;
	}
	return false;
}

unsigned long nr_free_pages(void)
{
	unsigned long pages = 0;
	struct zone *zone;

	for_each_zone(zone) pages += zone_page_state(zone, NR_FREE_PAGES);
	return pages;
}

void mem_init_print_info(void)
{
	const struct kimage *image = &boot_params.image;
	u64 code = 0, data = 0, rodata = 0, init = 0, bss = 0, end = 0, in_file;
	unsigned long physpages = 0, reserved;
	unsigned int i;
	int nid;

	for (i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];
		u64 size = s->end - s->start;

		end = max(end, s->end);
		switch (s->prot) {
		case KIMAGE_RX:
			code += size;
			break;
		case KIMAGE_RO:
			rodata += size;
			break;
		case KIMAGE_RW:
			in_file = image->bss_start ? clamp(image->bss_start, s->start, s->end)
						   : s->end;
			data += in_file - s->start;
			bss += s->end - in_file;
			break;
		case KIMAGE_INIT_RX:
		case KIMAGE_INIT_RW:
			init += size;
			break;
		}
	}
	if (image->size > end)
		bss += image->size - end;
	for_each_online_node(nid) physpages += NODE_DATA(nid)->node_present_pages;
	reserved = physpages - totalram_pages() - totalcma_pages;

#define K(pages) ((pages) << (PAGE_SHIFT - 10))
	pr_info("Memory: %luK/%luK available (%luK kernel code, %luK rwdata, %luK rodata, %luK "
		"init, %luK bss, %luK reserved, %luK cma-reserved)\n",
		K(nr_free_pages()), K(physpages), (unsigned long)code / SZ_1K,
		(unsigned long)data / SZ_1K, (unsigned long)rodata / SZ_1K,
		(unsigned long)init / SZ_1K, (unsigned long)bss / SZ_1K, K(reserved),
		K(totalcma_pages));
#undef K
}

/* ------------------------------------------------------------------ growing */

static void init_stretch(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
			 enum memmap_kind kind, void *arg)
{
	(void)arg;
	if (kind == MEMMAP_FREE)
		memmap_init_free(start_pfn, end_pfn, zone);
	else
		memmap_init_reserved(start_pfn, end_pfn, zone);
}

static void give_stretch(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
			 enum memmap_kind kind, void *arg)
{
	(void)arg;
	if (kind == MEMMAP_FREE)
		buddy_free_deferred(zone, start_pfn, end_pfn);
}

/*
 * Call fn for the part of each activated CMA area in [start, end); only init_stretch's result is
 * known of its pages.
 */
static void for_each_cma_part(unsigned long start, unsigned long end,
			      void (*fn)(struct zone *zone, unsigned long start, unsigned long end))
{
	unsigned int i;

	for (i = 0; i < nr_cma_areas; i++) {
		const struct cma *cma = &cma_areas[i];
		unsigned long s = max(start, PHYS_PFN(cma->base));
		unsigned long e = min(end, PHYS_PFN(cma->base + cma->size));

		if (cma->active && s < e)
			fn(page_zone(pfn_to_page(s)), s, e);
	}
}

static void init_cma_part(struct zone *zone, unsigned long start, unsigned long end)
{
	memmap_init_free(start, end, zone);
	memmap_set_types(start, end, MIGRATE_CMA);
}

static void give_cma_part(struct zone *zone, unsigned long start, unsigned long end)
{
	buddy_free_deferred(zone, start, end);
}

/* The caller moved the section to GROWING, with interrupts off. */
static void grow(struct mem_section *s)
{
	unsigned long nr = (unsigned long)(s - mem_sections) + first_section_nr;
	unsigned long start = nr << PFN_SECTION_SHIFT, end = start + PAGES_PER_SECTION;

	/*
	 * All pages first: freeing one looks at its buddies, which may be in another stretch of the
	 * section. They cannot be in another section, which holds a multiple of the largest block.
	 */
	memmap_walk(start, end, init_stretch, NULL);
	memmap_set_types(start, end, MIGRATE_MOVABLE);
	for_each_cma_part(start, end, init_cma_part);

	memmap_walk(start, end, give_stretch, NULL);
	for_each_cma_part(start, end, give_cma_part);
	__atomic_store_n(&s->state, SECTION_READY, __ATOMIC_RELEASE);
}
BUILD_BUG_ON(PAGES_PER_SECTION % MAX_ORDER_NR_PAGES != 0);

/* Grow s, or wait until who grows it has done so. */
static void grow_or_wait(struct mem_section *s)
{
	unsigned long flags = port_irq_save();
	u8 empty = SECTION_EMPTY;

	if (__atomic_compare_exchange_n(&s->state, &empty, SECTION_GROWING, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE))
		grow(s);
	else
		while (section_state(s) != SECTION_READY) {
			/* Who grows it may be held, where it waits for zone->lock. */
			smp_wait_relax();
		}
	port_irq_restore(flags);
}

int section_grow(unsigned long pfn)
{
	struct mem_section *s = pfn_to_section(pfn);

	if (!s || !s->present)
		return -ENOENT;
	if (likely(section_state(s) == SECTION_READY))
		return 0;
	if (!memblock_closed)
		return -EAGAIN;
	grow_or_wait(s);
	return 0;
}

struct page *pfn_to_online_page(unsigned long pfn)
{
	return section_grow(pfn) ? NULL : pfn_to_page(pfn);
}

bool zone_grow(struct zone *zone)
{
	unsigned long pfn, end = zone_end_pfn(zone), deferred = zone_deferred_pages(zone);

	if (!deferred || !memblock_closed)
		return false;
	for (pfn = __atomic_load_n(&zone->grow_pfn, __ATOMIC_RELAXED); pfn < end;
	     pfn = ALIGN(pfn + 1, PAGES_PER_SECTION)) {
		struct mem_section *s = pfn_to_section(pfn);

		if (!s || !s->present || section_state(s) == SECTION_READY)
			continue;
		grow_or_wait(s);
		/*
		 * Every section below is READY, by this loop or by the cursor's promise. Another
		 * CPU may set the cursor back to where it was: then somebody looks at READY
		 * sections again, no more.
		 */
		__atomic_store_n(&zone->grow_pfn, min(ALIGN(pfn + 1, PAGES_PER_SECTION), end),
				 __ATOMIC_RELAXED);
		/* A section without free pages of this zone helps nobody: go on. */
		if (zone_deferred_pages(zone) < deferred)
			return true;
	}
	/* Others may have grown the last section meanwhile. */
	return zone_deferred_pages(zone) < deferred;
}

void memmap_grow_all(void)
{
	unsigned long nr;

	for (nr = 0; nr < nr_mem_sections; nr++)
		section_grow((nr + first_section_nr) << PFN_SECTION_SHIFT);
}

/* ------------------------------------------------------------------ giving back later */

/*
 * Only what memblock knows as reserved memory: a hole or memory without a mapping looks reserved in its
 * struct pages too. PageReserved tells what was given back before.
 */
static void give_reserved(struct zone *zone, unsigned long pfn, unsigned long end,
			  enum memmap_kind kind, void *arg)
{
	unsigned long *given = arg, start, stop, flags;

	while (kind == MEMMAP_RESERVED && pfn < end) {
		/* One section's part at a time. */
		stop = min(end, ALIGN(pfn + 1, PAGES_PER_SECTION));
		if (section_grow(pfn)) {
			pfn = stop;
			continue;
		}
		while (pfn < stop && !PageReserved(pfn_to_page(pfn)))
			pfn++;
		for (start = pfn; pfn < stop && PageReserved(pfn_to_page(pfn));)
			pfn++;
		if (start == pfn)
			continue;
		memmap_init_free(start, pfn, zone);
		buddy_free_range(zone, start, pfn);
		flags = spin_lock_irqsave(&zone->lock);
		zone->managed_pages += pfn - start;
		spin_unlock_irqrestore(&zone->lock, flags);
		*given += pfn - start;
	}
}

unsigned long free_reserved_range(phys_addr_t base, phys_addr_t size)
{
	unsigned long start = PFN_UP(base), end = PFN_DOWN(base + size), given = 0;

	if (start < end)
		memmap_walk(start, end, give_reserved, &given);
	return given;
}

void memblock_free_late(phys_addr_t base, phys_addr_t size)
{
	free_reserved_range(base, size);
}

/* ------------------------------------------------------------------ check */

/* Pages of one zone by kind, from memblock. */
struct zone_count {
	struct zone *zone;
	unsigned long present, free, deferred;
};

static void count_zone(struct zone *zone, unsigned long start_pfn, unsigned long end_pfn,
		       enum memmap_kind kind, void *arg)
{
	struct zone_count *c = arg;
	unsigned long pfn, next;

	if (zone != c->zone || kind == MEMMAP_HOLE)
		return;
	c->present += end_pfn - start_pfn;
	if (kind != MEMMAP_FREE)
		return;
	c->free += end_pfn - start_pfn;
	for (pfn = start_pfn; pfn < end_pfn; pfn = next) {
		next = min(end_pfn, ALIGN(pfn + 1, PAGES_PER_SECTION));
		if (!pfn_ready(pfn))
			c->deferred += next - pfn;
	}
}

static int violation(const struct zone *zone, const char *what, unsigned long is,
		     unsigned long should)
{
	pr_err("zone_check: node %d zone %s: %s is %lu, should be %lu\n", zone_to_nid(zone),
	       zone->name, what, is, should);
	return 1;
}

static int check_zone(struct zone *zone)
{
	struct zone_count c = {.zone = zone};
	unsigned long listed = 0, cma = 0, cma_deferred = 0, cma_free, is, should;
	unsigned int order, mt, i;
	int bad = 0;

	memmap_walk(0, PHYS_PFN(memblock_end_of_DRAM()), count_zone, &c);
	for (i = 0; i < nr_cma_areas; i++) {
		unsigned long pfn = PHYS_PFN(cma_areas[i].base);
		unsigned long end = PHYS_PFN(cma_areas[i].base + cma_areas[i].size);

		if (!cma_areas[i].active || !zone_spans_pfn(zone, pfn) || zone_of_pfn(pfn) != zone)
			continue;
		cma += end - pfn;
		for (; pfn < end; pfn += pageblock_nr_pages)
			if (!pfn_ready(pfn))
				cma_deferred += pageblock_nr_pages;
	}
	cma_free = cma_deferred;
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		unsigned long blocks = 0;

		for (mt = 0; mt < MIGRATE_TYPES; mt++) {
			const struct page *page =
				page_list_first(&zone->free_area[order].free_list[mt]);

			/* A circle in a broken list shows as too many blocks. */
			for (; page && blocks <= zone->spanned_pages;
			     page = page->next ? page_from_index(page->next) : NULL) {
				if (page_zone(page) != zone)
					bad += violation(zone, "zone of a free page, pfn",
							 page_to_pfn(page), 0);
				blocks++;
				cma_free += mt == MIGRATE_CMA ? 1UL << order : 0;
			}
		}
		if (blocks != zone->free_area[order].nr_free)
			bad += violation(zone, "nr_free", zone->free_area[order].nr_free, blocks);
		listed += blocks << order;
	}
	for (i = 0; i < nr_mem_sections; i++)
		if (mem_sections[i].present == SECTION_PRESENT_HOT &&
		    page_zone(pfn_to_page((i + first_section_nr) << PFN_SECTION_SHIFT)) == zone) {
			c.present += PAGES_PER_SECTION;
			c.free += PAGES_PER_SECTION;
		}
	if (zone->spanned_pages < zone->present_pages)
		bad += violation(zone, "spanned", zone->spanned_pages, zone->present_pages);
	if (zone->present_pages != c.present)
		bad += violation(zone, "present", zone->present_pages, c.present);
	/* Pages freed late come on top of what memblock knows. */
	if (zone->managed_pages < c.free + cma || zone->managed_pages > c.present)
		bad += violation(zone, "managed", zone->managed_pages, c.free + cma);
	if (zone->cma_pages != cma)
		bad += violation(zone, "cma", zone->cma_pages, cma);
	if (zone->deferred_pages != c.deferred + cma_deferred)
		bad += violation(zone, "deferred", zone->deferred_pages, c.deferred + cma_deferred);
	is = (unsigned long)zone->vm_stat[NR_FREE_PAGES];
	should = listed + zone->deferred_pages;
	if (is != should)
		bad += violation(zone, "free", is, should);
	if (zone_page_state(zone, NR_FREE_CMA_PAGES) != cma_free)
		bad += violation(zone, "free cma", zone_page_state(zone, NR_FREE_CMA_PAGES),
				 cma_free);
	return bad;
}

int zone_check(void)
{
	struct zone *zone;
	unsigned long i;
	int bad = 0;

	for_each_zone(zone) bad += check_zone(zone);
	for (i = 0; i < nr_mem_sections; i++) {
		if (mem_sections[i].state == SECTION_GROWING ||
		    (!mem_sections[i].present && mem_sections[i].state != SECTION_EMPTY)) {
			pr_err("zone_check: section %lu: present %u, state %u\n",
			       i + first_section_nr, mem_sections[i].present,
			       mem_sections[i].state);
			bad++;
		}
	}
	return bad;
}
