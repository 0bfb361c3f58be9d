// SPDX-License-Identifier: MIT
/*
 * Per-CPU lists of free pages, in front of a zone's free lists: most requests end here, without
 * zone->lock.
 *
 * Owns struct per_cpu_pages. Invariants (pageset_check): count is the pages in the lists; a page in
 * a list has no references, no flags, no type, and is not counted in NR_FREE_PAGES; it belongs to
 * the zone. Its pageblock's type may have changed meanwhile: the free lists look at it again when
 * they get it.
 *
 * Locking: pcp->lock. The owner tries once, and does without when it is taken; so an interrupt that
 * comes while its CPU holds the lock is served from the free lists, and interrupts need not be off.
 * Who drains another CPU's lists spins for it. Order: pcp->lock, then zone->lock.
 *
 * Against Linux 6.12: the same orders, batch and doubling refill. There pcp->high moves between
 * high_min and high_max with the load, and a worker lets it decay; here it stays at high_min.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "internal.h"

/* A refill takes at most 2^5 batches (Linux: CONFIG_PCP_BATCH_SCALE_MAX). */
#define ALLOC_FACTOR_MAX 5

/* ------------------------------------------------------------------ refill */

/*
 * How many blocks a refill takes. Each refill with nothing freed in between takes twice as many as
 * the one before.
 */
static unsigned int refill_size(struct per_cpu_pages *pcp, unsigned int order)
{
	int base = READ_ONCE(pcp->batch), high = READ_ONCE(pcp->high_min), batch = base, room;

	pcp->high = high;
	/* Not to hold pages at all. */
	if (high < base)
		return 1;
	if (!order) {
		batch = base << pcp->alloc_factor;
		room = max(high - pcp->count - base, base);
		if (batch <= room && pcp->alloc_factor < ALLOC_FACTOR_MAX)
			pcp->alloc_factor++;
		batch = min(batch, room);
	}
	return batch > 1 ? (unsigned int)max(batch >> order, 2) : 1;
}

struct page *rmqueue_pcplist(struct zone *zone, unsigned int order, enum migratetype mt,
			     unsigned int alloc_flags)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone, port_cpu());
	int index = pcp_list_index(order, mt);
	struct page *page = NULL;
	struct page_list *list;

	if (!pcp)
		return NULL;
	list = &pcp->lists[index];
	if (!list->first) {
		unsigned int nr = refill_size(pcp, order);

		list->last = 0;
		nr = rmqueue_bulk(zone, order, nr, mt, alloc_flags, list, NULL);
		pcp->count += (int)(nr << order);
	}
	if (list->first)
		page = pcp_pop(pcp, list, list->first, order);
	spin_unlock(&pcp->lock);
	return page;
}

/* ------------------------------------------------------------------ giving back */

static unsigned int index_order(unsigned int index)
{
	unsigned int order = index / MIGRATE_PCPTYPES;

	return order > PAGE_ALLOC_COSTLY_ORDER ? (unsigned int)pageblock_order : order;
}

/*
 * Give `count` pages back, or a few more, or all there are: from each list in turn, so that no
 * order or type is emptied first, and those that lie longest and so are least likely in a cache.
 * pcp->lock held.
 */
static void free_pages_bulk(struct zone *zone, struct per_cpu_pages *pcp, int count)
{
	unsigned long flags;
	unsigned int index = 0;

	count = min(count, pcp->count);
	if (count <= 0)
		return;
	flags = spin_lock_irqsave(&zone->lock);
	while (count > 0) {
		struct page_list *list = &pcp->lists[index];
		unsigned int order = index_order(index);

		if (list->first) {
			struct page *page = pcp_pop_tail(pcp, list, order);
			unsigned long pfn = page_to_pfn(page);

			count -= 1 << order;
			__free_one_page(page, pfn, zone, order, get_pfnblock_migratetype(pfn),
					FPI_NONE);
		}
		index = index + 1 == NR_PCP_LISTS ? 0 : index + 1;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}

void pcp_free_excess(struct zone *zone, struct per_cpu_pages *pcp)
{
	int high = READ_ONCE(pcp->high_min), batch = READ_ONCE(pcp->batch);

	pcp->high = high;
	pcp->alloc_factor >>= 1;
	if (high < batch)
		free_pages_bulk(zone, pcp, pcp->count);
	else if (pcp->count >= high)
		free_pages_bulk(zone, pcp, max(batch, pcp->count - high));
	spin_unlock(&pcp->lock);
}

static void drain_pageset(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp;

	if (!zone->pageset)
		return;
	pcp = &zone->pageset[cpu];
	spin_lock(&pcp->lock);
	free_pages_bulk(zone, pcp, pcp->count);
	pcp->alloc_factor = 0;
	spin_unlock(&pcp->lock);
}

void drain_all_pages(struct zone *zone)
{
	struct zone *z;
	unsigned int cpu;

	for_each_zone(z)
	{
		if (zone && z != zone)
			continue;
		for (cpu = 0; cpu < nr_cpus_possible; cpu++)
			drain_pageset(z, cpu);
	}
}

void drain_local_pages(struct zone *zone)
{
	struct zone *z;

	for_each_zone(z) if (!zone || z == zone) drain_pageset(z, port_cpu());
}

/* ------------------------------------------------------------------ set-up */

void setup_per_cpu_pageset(void)
{
	size_t size = nr_cpus_possible * sizeof(struct per_cpu_pages);
	unsigned int cpu;
	struct zone *zone;

	for_each_zone(zone)
	{
		struct per_cpu_pages *sets;

		if (!managed_zone(zone) || zone->pageset)
			continue;
		sets = alloc_pages_exact_nid(zone_to_nid(zone), size, GFP_KERNEL | __GFP_ZERO);
		if (!sets)
			panic("No memory for the pagesets of node %d zone %s", zone_to_nid(zone),
			      zone->name);
		for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
			sets[cpu].batch = zone->pageset_batch;
			sets[cpu].high = sets[cpu].high_min = zone->pageset_high_min;
			sets[cpu].high_max = zone->pageset_high_max;
		}
		__atomic_store_n(&zone->pageset, sets, __ATOMIC_RELEASE);
	}
}

/* ------------------------------------------------------------------ check */

static int check_set(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = &zone->pageset[cpu];
	int bad = 0, count = 0;
	unsigned int i;

	for (i = 0; i < NR_PCP_LISTS; i++) {
		const struct page_list *list = &pcp->lists[i];
		unsigned int order = index_order(i);
		u32 index, prev = 0;

		for (index = list->first; index; index = page_from_index(index)->next) {
			const struct page *page = page_from_index(index);
			unsigned long pfn = page_to_pfn(page);

			if ((prev && page->prev != prev) || page_counts(page) != PAGE_COUNTS_FREE ||
			    (page->flags & PAGEFLAGS_MASK) || page->word ||
			    page_zone(page) != zone || (pfn & ((1UL << order) - 1))) {
				pr_err("pageset_check: node %d zone %s cpu %u: pfn 0x%lx in list "
				       "%u is bad\n",
				       zone_to_nid(zone), zone->name, cpu, pfn, i);
				bad++;
			}
			prev = index;
			count += 1 << order;
			/* A circle shows as too many pages. */
			if (count > pcp->count)
				break;
		}
		if (!index && prev && list->last != prev) {
			pr_err("pageset_check: node %d zone %s cpu %u: list %u ends wrong\n",
			       zone_to_nid(zone), zone->name, cpu, i);
			bad++;
		}
	}
	if (count != pcp->count) {
		pr_err("pageset_check: node %d zone %s cpu %u: %d pages in the lists, %d counted\n",
		       zone_to_nid(zone), zone->name, cpu, count, pcp->count);
		bad++;
	}
	return bad;
}

int pageset_check(struct zone *zone)
{
	unsigned int cpu;
	int bad = 0;

	if (!zone->pageset)
		return 0;
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		spin_lock(&zone->pageset[cpu].lock);
		bad += check_set(zone, cpu);
		spin_unlock(&zone->pageset[cpu].lock);
	}
	return bad;
}
