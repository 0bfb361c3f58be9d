// SPDX-License-Identifier: MIT
/*
 * Many single pages at once: from this CPU's list, then from the free lists with one hold of their
 * lock, at about 20 instructions a page.
 *
 * Owns nothing. Locking: the pageset's, tried once. Any context.
 *
 * Against Linux 6.12 (alloc_pages_bulk_noprof): the same choice of zone, whose watermark is asked for
 * all pages at once; what the CPU's own list has is taken without asking.
 */
#include <quire/string.h>

#include "internal.h"

/* The run of NULL entries at array[at]. */
static unsigned int null_run(struct page **array, unsigned int at, unsigned int nr)
{
	unsigned int n = 0;

	while (at + n < nr && !array[at + n])
		n++;
	return n;
}

/* Up to n pages of this CPU's list into array or onto list. pcp->lock held. */
static unsigned int bulk_take_own(struct per_cpu_pages *pcp, unsigned int n, enum migratetype mt,
				  struct page_list *list, struct page **array)
{
	struct page_list *own = &pcp->lists[mt];
	struct page *base = page_index_base;
	unsigned int got = 0;
	u32 first = own->first;

	for (; got < n && first; got++) {
		struct page *page = base + first;

		first = page->next;
		set_page_counts(page, PAGE_COUNTS_NEW);
		if (array)
			array[got] = page;
		else
			page_list_add_tail(list, page);
	}
	own->first = first;
	pcp->count -= (int)got;
	return got;
}

/* The same, and then straight from the free lists. */
static unsigned int bulk_take(struct zone *zone, struct per_cpu_pages *pcp, unsigned int n,
			      enum migratetype mt, unsigned int alloc_flags, struct page_list *list,
			      struct page **array)
{
	unsigned int got = bulk_take_own(pcp, n, mt, list, array);
	struct page_list more = {0};

	if (got == n)
		return got;
	if (array)
		return got + rmqueue_bulk(zone, 0, n - got, mt, alloc_flags, NULL, array + got);
	got += rmqueue_bulk(zone, 0, n - got, mt, alloc_flags, &more, NULL);
	while (more.first) {
		struct page *page = page_from_index(more.first);

		page_list_del(&more, page);
		set_page_counts(page, PAGE_COUNTS_NEW);
		page_list_add_tail(list, page);
	}
	return got;
}

/*
 * An array of NULLs to be filled by this CPU, from the front: what its list has. As in alloc_fast, no
 * watermark is asked.
 */
static unsigned int bulk_fast(gfp_t gfp, unsigned int nr, struct page **array)
{
	unsigned int class = gfp_class(gfp);
	struct per_cpu_pages *pcp = local_pcp[port_cpu()].upto[class & 7];
	unsigned int got;

	if (!pcp || !local_trylock(&pcp->lock))
		return 0;
	got = bulk_take_own(pcp, nr, (enum migratetype)(class >> 4), NULL, array);
	local_unlock(&pcp->lock);
	return got;
}

/*
 * The nearest zone that stays above its low watermark after nr more pages; NULL: none on the
 * preferred node.
 */
static struct zone *bulk_zone(const struct alloc_context *ac, unsigned int alloc_flags,
			      unsigned long nr)
{
	const struct zoneref *ref;

	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac)) {
		if (zone_to_nid(ref->zone) != zone_to_nid(ac->preferred->zone))
			return NULL;
		if (zone_has_room(ref->zone, 0, alloc_flags, ac, nr))
			return ref->zone;
	}
	return NULL;
}

unsigned long alloc_pages_bulk(gfp_t gfp, int preferred_nid, nodemask_t *nodemask, int nr_pages,
			       struct page_list *list, struct page **array)
{
	unsigned int nr = nr_pages > 0 ? (unsigned int)nr_pages : 0, at = 0, start, n, got;
	unsigned int alloc_flags = gfp_to_alloc_flags_cma(gfp, ALLOC_WMARK_LOW);
	struct per_cpu_pages *pcp = NULL;
	struct alloc_context ac;
	struct zone *zone;
	struct page *page;

	while (array && at < nr && array[at])
		at++;
	start = at;
	if (array && at < nr && !nodemask && !(gfp & __GFP_ZERO) &&
	    preferred_nid == numa_node_id()) {
		at += bulk_fast(gfp, null_run(array, at, nr), array + at);
		while (at < nr && array[at])
			at++;
	}
	if (at == nr || !prepare_alloc(&ac, gfp, preferred_nid, nodemask))
		return at;
	/* Who debugs looks at every page as at a request of its own. */
	if (unlikely(page_debug)) {
		while (at < nr && (page = __alloc_pages(gfp, 0, preferred_nid, nodemask))) {
			if (array)
				array[at] = page;
			else
				page_list_add_tail(list, page);
			at++;
			while (array && at < nr && array[at])
				at++;
		}
		return at;
	}
	zone = nr - at > 1 ? bulk_zone(&ac, alloc_flags, nr) : NULL;
	if (zone)
		pcp = pcp_trylock(zone, port_cpu());
	if (pcp) {
		while (at < nr) {
			n = array ? null_run(array, at, nr) : nr - at;
			if (!n) {
				at++;
				continue;
			}
			got = bulk_take(zone, pcp, n, ac.migratetype, alloc_flags, list,
					array ? array + at : NULL);
			if ((gfp & __GFP_ZERO) && got) {
				unsigned int i;
				u32 index = list ? list->last : 0;

				for (i = 0; i < got; i++) {
					page = array ? array[at + i] : page_from_index(index);
					if (!array)
						index = page->prev;
					clear_pages(page, 0);
				}
			}
			at += got;
			if (got < n)
				break;
		}
		local_unlock(&pcp->lock);
	}
	if (at > start)
		return at;
	/* Not in bulk: one page, with all that the allocator can do for it. */
	page = __alloc_pages(gfp, 0, preferred_nid, nodemask);
	if (page) {
		if (array)
			array[at] = page;
		else
			page_list_add_tail(list, page);
		at++;
	}
	return at;
}

unsigned long alloc_pages_fill(gfp_t gfp, int node, unsigned long nr, struct page **array)
{
	unsigned int n = (unsigned int)min_t(unsigned long, nr, INT_MAX), got = 0;

	if (!n)
		return 0;
	assume(array);
	if (!(gfp & __GFP_ZERO) && (node == NUMA_NO_NODE || node == numa_node_id()))
		got = bulk_fast(gfp, n, array);
	if (got == n)
		return got;
	memset(array + got, 0, (n - got) * sizeof(struct page *));
	return got + alloc_pages_bulk_array_node(gfp, node, n - got, array + got);
}
