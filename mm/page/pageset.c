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
 * Locking: pcp->lock, which costs its CPU no atomic operation. The owner tries once, and does without
 * when it is taken; so an interrupt that comes while its CPU holds the lock is served from the free
 * lists, and interrupts need not be off. Who drains lists, his own included, takes drain_lock, tells
 * all CPUs concerned, and waits for each. Order: drain_lock, pcp->lock, zone->lock.
 *
 * Large blocks (orders above 3) are kept one by one, not in batches: only those that a CPU gave back
 * last, of at most large_max pages, older ones making room, so that a CPU that takes and gives the same block does not merge
 * it up and split it down each time. What is beyond goes to the free lists at once.
 *
 * Against Linux 6.12: the same batch and doubling refill of the same orders; Linux keeps blocks of the
 * pageblock order besides, and none of the orders between. There pcp->high moves between
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
	unsigned int index = pcp_list_index(order, mt);
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
	local_unlock(&pcp->lock);
	return page;
}

bool pcp_take_page(struct zone *zone, struct page *page)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone, port_cpu());
	struct page_list *list;
	bool mine;

	if (!pcp)
		return false;
	list = &pcp->lists[pcp_list_index(0, MIGRATE_MOVABLE)];
	mine = list->first == page_index32(page);
	if (mine)
		pcp_pop(pcp, list, list->first, 0);
	local_unlock(&pcp->lock);
	return mine;
}

/* ------------------------------------------------------------------ giving back */

static unsigned int index_order(unsigned int index)
{
	return index / MIGRATE_PCPTYPES;
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
	int before = pcp->count;

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
		index = index + 1 == NR_PCP_SMALL_LISTS ? 0 : index + 1;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	count_vm_events(PGFREE, (unsigned long)(before - pcp->count));
}

void pcp_free_large(struct zone *zone, struct per_cpu_pages *pcp)
{
	unsigned int index;

	for (index = NR_PCP_SMALL_LISTS; pcp->large && index < NR_PCP_LISTS; index++) {
		struct page_list *list = &pcp->lists[index];
		unsigned int order = index_order(index);

		while (list->first)
			free_one_page(zone, pcp_pop(pcp, list, list->first, order), order,
				      FPI_NONE);
	}
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
	local_unlock(&pcp->lock);
}

/* Locked by who drains. */
static void drain_pageset(struct zone *zone, struct per_cpu_pages *pcp)
{
	free_pages_bulk(zone, pcp, pcp->count);
	pcp_free_large(zone, pcp);
	pcp->alloc_factor = 0;
}

/* Who takes CPUs' locks from outside does so one after another. */
static spinlock_t drain_lock = SPINLOCK_INIT;

static void announce(struct zone *zone, struct per_cpu_pages *pcp)
{
	(void)zone;
	remote_lock_announce(&pcp->lock);
}

static void await(struct zone *zone, struct per_cpu_pages *pcp)
{
	(void)zone;
	__remote_lock_wait(&pcp->lock);
}

static void let_go(struct zone *zone, struct per_cpu_pages *pcp)
{
	(void)zone;
	__remote_unlock(&pcp->lock);
}

/* For each pageset of CPUs [first, end) of a zone, NULL: of all zones. */
static void for_each_set(struct zone *zone, unsigned int first, unsigned int end,
			 void (*fn)(struct zone *zone, struct per_cpu_pages *pcp))
{
	struct zone *z;
	unsigned int cpu;

	for (z = zone ? zone : first_zone(); z; z = zone ? NULL : next_zone(z)) {
		for (cpu = first; z->pageset && cpu < end; cpu++)
			fn(z, &z->pageset[cpu]);
	}
}

/* Three barriers for all of them, however many CPUs there are. */
static void drain_pages(struct zone *zone, unsigned int first, unsigned int end)
{
	spin_lock(&drain_lock);
	for_each_set(zone, first, end, announce);
	smp_membarrier();
	for_each_set(zone, first, end, await);
	smp_membarrier();
	for_each_set(zone, first, end, drain_pageset);
	smp_membarrier();
	for_each_set(zone, first, end, let_go);
	spin_unlock(&drain_lock);
}

void drain_all_pages(struct zone *zone)
{
	drain_pages(zone, 0, nr_cpus_possible);
}

void drain_local_pages(struct zone *zone)
{
	drain_pages(zone, port_cpu(), port_cpu() + 1);
}

/* ------------------------------------------------------------------ set-up */

int setup_zone_pageset(struct zone *zone)
{
	size_t size = nr_cpus_possible * sizeof(struct per_cpu_pages);
	struct per_cpu_pages *sets;
	unsigned int cpu;

	if (zone->pageset)
		return 0;
	sets = alloc_pages_exact_nid(zone_to_nid(zone), size, GFP_KERNEL | __GFP_ZERO);
	if (!sets)
		return -ENOMEM;
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		sets[cpu].batch = zone->pageset_batch;
		sets[cpu].high = sets[cpu].high_min = zone->pageset_high_min;
		sets[cpu].high_max = zone->pageset_high_max;
		sets[cpu].large_max = pcp_large_max(zone->pageset_high_max);
	}
	__atomic_store_n(&zone->pageset, sets, __ATOMIC_RELEASE);
	return 0;
}

void setup_per_cpu_pageset(void)
{
	struct zone *zone;

	for_each_zone(zone) if (managed_zone(zone) && setup_zone_pageset(zone)) panic(
		"No memory for the pagesets of node %d zone %s", zone_to_nid(zone), zone->name);
}

/* ------------------------------------------------------------------ check */

static int check_set(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = &zone->pageset[cpu];
	int bad = 0, small = 0, large = 0;
	unsigned int i;

	for (i = 0; i < NR_PCP_LISTS; i++) {
		const struct page_list *list = &pcp->lists[i];
		unsigned int order = index_order(i);
		int *count = i < NR_PCP_SMALL_LISTS ? &small : &large;
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
			*count += 1 << order;
			/* A circle shows as too many pages. */
			if (*count > *pcp_counter(pcp, order))
				break;
		}
		if (!index && prev && list->last != prev) {
			pr_err("pageset_check: node %d zone %s cpu %u: list %u ends wrong\n",
			       zone_to_nid(zone), zone->name, cpu, i);
			bad++;
		}
	}
	if (small != pcp->count || large != pcp->large || large > max(pcp->large_max, 0)) {
		pr_err("pageset_check: node %d zone %s cpu %u: %d and %d pages in the lists, %d "
		       "and %d counted\n",
		       zone_to_nid(zone), zone->name, cpu, small, large, pcp->count, pcp->large);
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
	spin_lock(&drain_lock);
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		remote_lock(&zone->pageset[cpu].lock);
		bad += check_set(zone, cpu);
		remote_unlock(&zone->pageset[cpu].lock);
	}
	spin_unlock(&drain_lock);
	return bad;
}
