// SPDX-License-Identifier: MIT
/*
 * Requests for pages: the fast path, the choice of zone, and what to do when there is none.
 *
 *   alloc_pages            this CPU's list of the nearest zone has one: about 45 instructions
 *     else alloc_any       each zone of the zonelist above its watermark: pageset, free lists
 *       else slow path     lower watermark, reserves, hooks of reclaim, compaction, OOM; or NULL
 *
 * Owns the choice, and the way of a page from free to used: a page given out has one reference, no
 * flags, no type and `word` 0.
 *
 * Locking: none here; pageset.c and buddy.c take theirs. Any context.
 *
 * Against Linux 6.12: the same zones in the same order by the same watermarks, except that the
 * first look is at the CPU's own list without asking the watermark: its pages are outside
 * NR_FREE_PAGES already, so that taking one brings the zone no closer to its watermark. There is no
 * cpuset and no memory policy.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "internal.h"

struct page_alloc_hooks page_alloc_hooks;

/*
 * Zone and type by the low five bits of gfp. Zones: DMA, DMA32, MOVABLE (only with HIGHMEM), else
 * NORMAL. Type: MOVABLE is bit 3, RECLAIMABLE bit 4.
 */
#define CLASS(zone, mt) ((zone) | (mt) << 4)
#define CLASSES(mt)                                                                                \
	CLASS(ZONE_NORMAL, mt), CLASS(ZONE_DMA, mt), CLASS(ZONE_NORMAL, mt), CLASS(ZONE_DMA, mt),  \
		CLASS(ZONE_DMA32, mt), CLASS(ZONE_DMA, mt), CLASS(ZONE_DMA32, mt),                 \
		CLASS(ZONE_DMA, mt)
#define CLASSES_MOVABLE(mt)                                                                        \
	CLASS(ZONE_NORMAL, mt), CLASS(ZONE_DMA, mt), CLASS(ZONE_MOVABLE, mt), CLASS(ZONE_DMA, mt), \
		CLASS(ZONE_DMA32, mt), CLASS(ZONE_DMA, mt), CLASS(ZONE_DMA32, mt),                 \
		CLASS(ZONE_DMA, mt)
const u8 gfp_class_table[32] = {
	CLASSES(MIGRATE_UNMOVABLE),
	CLASSES_MOVABLE(MIGRATE_MOVABLE),
	CLASSES(MIGRATE_RECLAIMABLE),
	CLASSES_MOVABLE(MIGRATE_RECLAIMABLE),
};

/* A port may have a better way. */
__attribute__((weak)) void clear_page(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

__attribute__((weak)) void copy_page(void *to, const void *from)
{
	memcpy(to, from, PAGE_SIZE);
}

/* ------------------------------------------------------------------ nodes */

/* Each CPU's node, plus 1; 0: not told. */
static u8 cpu_node[NR_CPUS];

struct local_pcp local_pcp[NR_CPUS];
BUILD_BUG_ON(MAX_NR_ZONES > 8 || MAX_NUMNODES > 255);

static struct pglist_data *local_pgdat(void)
{
	unsigned int nid = cpu_node[port_cpu()];

	if (nid)
		return NODE_DATA(nid - 1);
	return node_online_mask ? NODE_DATA(__ffs(node_online_mask)) : NULL;
}

int numa_node_id(void)
{
	const struct pglist_data *pgdat = local_pgdat();

	return pgdat ? pgdat->node_id : 0;
}

void set_cpu_numa_node(unsigned int cpu, int nid)
{
	if (WARN_ON(cpu >= NR_CPUS || nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid)))
		return;
	cpu_node[cpu] = (u8)(nid + 1);
	memset(&local_pcp[cpu], 0, sizeof(local_pcp[cpu]));
}

void page_alloc_forget(void)
{
	memset(cpu_node, 0, sizeof(cpu_node));
	memset(local_pcp, 0, sizeof(local_pcp));
	free_forget();
}

/* ------------------------------------------------------------------ a request */

bool prepare_alloc(struct alloc_context *ac, gfp_t gfp, int nid, nodemask_t *nodemask)
{
	const struct pglist_data *pgdat = nid >= 0 && nid < MAX_NUMNODES ? NODE_DATA(nid) : NULL;

	if (!pgdat) {
		/* A node that is not there has nothing. */
		if ((gfp & __GFP_THISNODE) && nid != NUMA_NO_NODE)
			return false;
		pgdat = local_pgdat();
		if (!pgdat)
			return false;
	}
	ac->zonelist = pgdat->node_zonelists[gfp & __GFP_THISNODE ? ZONELIST_NOFALLBACK
								  : ZONELIST_FALLBACK];
	ac->nodemask = nodemask;
	ac->highest_zoneidx = gfp_zone(gfp);
	ac->migratetype = gfp_migratetype(gfp);
	ac->nid = pgdat->node_id;
	if (!ac->zonelist)
		return false;
	ac->preferred = next_zoneref(ac->zonelist, ac);
	return ac->preferred->zone != NULL;
}

BUILD_BUG_ON(__GFP_HIGH != ALLOC_MIN_RESERVE);
BUILD_BUG_ON(__GFP_KSWAPD_RECLAIM != ALLOC_KSWAPD);

/* The right to memory below the low watermark. */
static unsigned int gfp_to_alloc_flags(gfp_t gfp, unsigned int order)
{
	unsigned int alloc_flags =
		ALLOC_WMARK_MIN | ALLOC_CPUSET | (gfp & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM));

	if (!(gfp & __GFP_DIRECT_RECLAIM)) {
		if (!(gfp & __GFP_NOMEMALLOC)) {
			alloc_flags |= ALLOC_NON_BLOCK;
			if (order && (gfp & __GFP_HIGH))
				alloc_flags |= ALLOC_HIGHATOMIC;
		}
		if (gfp & __GFP_HIGH)
			alloc_flags &= ~ALLOC_CPUSET;
	}
	return gfp_to_alloc_flags_cma(gfp, alloc_flags);
}

/*
 * While ZONE_NORMAL has DMA32 below it to go to, it rather does than mixing types in its
 * pageblocks. A zone below is smaller and holds short-lived things anyway.
 */
static unsigned int alloc_flags_nofragment(const struct zone *zone, gfp_t gfp)
{
	unsigned int alloc_flags = gfp & __GFP_KSWAPD_RECLAIM;

	if (zone_idx(zone) != ZONE_NORMAL)
		return alloc_flags;
	if ((node_online_mask & (node_online_mask - 1)) && !populated_zone(zone - 1))
		return alloc_flags;
	return alloc_flags | ALLOC_NOFRAGMENT;
}

/* ------------------------------------------------------------------ watermarks */

/* Free pages that this request cannot have. */
static long unusable_free(const struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	long unusable = (1L << order) - 1;

	if (!(alloc_flags & ALLOC_RESERVES))
		unusable += (long)__atomic_load_n(&zone->nr_free_highatomic, __ATOMIC_RELAXED);
	if (!(alloc_flags & ALLOC_CMA))
		unusable += (long)zone_page_state(zone, NR_FREE_CMA_PAGES);
	return unusable;
}

/*
 * A list is empty or not: looked at without the lock, which is as good as any answer a moment
 * later.
 */
__attribute__((no_sanitize("thread"))) static bool list_empty_racy(const struct page_list *list)
{
	return READ_ONCE(list->first) == 0;
}

static bool has_free_block(const struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	unsigned int o, mt;

	/*
	 * What the sections to come will hold cannot be seen in the lists. The request grows them
	 * and looks again.
	 */
	if (zone_deferred_pages(zone))
		return true;
	for (o = order; o < NR_PAGE_ORDERS; o++) {
		const struct free_area *area = &zone->free_area[o];

		if (!__atomic_load_n(&area->nr_free, __ATOMIC_RELAXED))
			continue;
		for (mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			if (!list_empty_racy(&area->free_list[mt]))
				return true;
		if ((alloc_flags & ALLOC_CMA) && !list_empty_racy(&area->free_list[MIGRATE_CMA]))
			return true;
		if ((alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)) &&
		    !list_empty_racy(&area->free_list[MIGRATE_HIGHATOMIC]))
			return true;
	}
	return false;
}

bool zone_watermark_ok(struct zone *zone, unsigned int order, unsigned long mark,
		       enum zone_type highest_zoneidx, unsigned int alloc_flags)
{
	long free = (long)zone_page_state(zone, NR_FREE_PAGES);
	long min = (long)mark;

	free -= unusable_free(zone, order, alloc_flags);
	if (unlikely(alloc_flags & ALLOC_RESERVES)) {
		/* __GFP_HIGH may use half, and who cannot sleep besides a quarter of the rest. */
		if (alloc_flags & ALLOC_MIN_RESERVE) {
			min -= min / 2;
			if (alloc_flags & ALLOC_NON_BLOCK)
				min -= min / 4;
		}
		/* A victim of the OOM killer is about to free more than it takes. */
		if (alloc_flags & ALLOC_OOM)
			min -= min / 2;
	}
	if (free <= min + (long)READ_ONCE(zone->lowmem_reserve[highest_zoneidx]))
		return false;
	return !order || has_free_block(zone, order, alloc_flags);
}

bool zone_has_room(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		   const struct alloc_context *ac, unsigned long extra)
{
	unsigned int wmark = alloc_flags & ALLOC_WMARK_MASK;
	unsigned long boost = READ_ONCE(zone->watermark_boost);
	unsigned long mark = READ_ONCE(zone->_watermark[wmark]) + boost + extra;

	if (zone_watermark_ok(zone, order, mark, ac->highest_zoneidx, alloc_flags))
		return true;
	/* The boost is for kswapd's sake, not to make urgent requests fail. */
	return boost && !order && wmark == WMARK_MIN && (alloc_flags & ALLOC_MIN_RESERVE) &&
	       zone_watermark_ok(zone, 0, mark - boost, ac->highest_zoneidx, alloc_flags);
}

/* ------------------------------------------------------------------ giving out */

void prep_compound_page(struct page *page, unsigned int order)
{
	const u64 word = tail_word(page);
	struct page *end = page + (1UL << order), *tail;

	for (tail = page + 1; tail < end; tail++)
		set_tail(tail, word);
	if (order)
		/* Somebody who took the page for a free block may look at it. */
		__atomic_store_n(&page[1].order, order, __ATOMIC_RELAXED);
	__SetPageHead(page);
}

void split_page(struct page *page, unsigned int order)
{
	unsigned long i;

	BUG_ON(PageCompound(page) || !page_ref_count(page));
	for (i = 1; i < 1UL << order; i++)
		set_page_counts(page + i, (u64)(u32)page_ref_count(page) | PAGE_COUNTS_FREE);
	if (unlikely(page_debug) && page_debug->split)
		page_debug->split(page, order);
}

void clear_pages(struct page *page, unsigned int order)
{
	char *p = page_address(page), *end = p + (PAGE_SIZE << order);

	for (; p < end; p += PAGE_SIZE)
		clear_page(p);
}

/* Never NULL. */
__attribute__((returns_nonnull)) static noinline struct page *
prep_more(struct page *page, unsigned int order, gfp_t gfp)
{
	if (gfp & __GFP_ZERO)
		clear_pages(page, order);
	if (order && (gfp & __GFP_COMP))
		prep_compound_page(page, order);
	return page;
}

/*
 * A block off the lists becomes the caller's. Its `word`s are 0 and its flags clear, as they were
 * when it was freed.
 */
static __always_inline struct page *prep_new_page(struct page *page, unsigned int order, gfp_t gfp)
{
	set_page_counts(page, PAGE_COUNTS_NEW);
	if (unlikely(gfp & (order ? __GFP_ZERO | __GFP_COMP : __GFP_ZERO)))
		return prep_more(page, order, gfp);
	return page;
}

static struct page *rmqueue(struct zone *zone, unsigned int order, unsigned int alloc_flags,
			    const struct alloc_context *ac, gfp_t gfp)
{
	struct page *page = NULL;

	if (order <= PAGE_ALLOC_COSTLY_ORDER)
		page = rmqueue_pcplist(zone, order, ac->migratetype, alloc_flags);
	if (!page)
		page = rmqueue_buddy(zone, order, ac->migratetype, alloc_flags);
	if (unlikely(READ_ONCE(zone->watermark_boost)) && (alloc_flags & ALLOC_KSWAPD) &&
	    page_alloc_hooks.wake_kswapd)
		page_alloc_hooks.wake_kswapd(zone, gfp, 0, ac->highest_zoneidx);
	return page;
}

/* A page from the first zone of the list that may give one. */
static struct page *get_page_from_freelist(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
					   const struct alloc_context *ac)
{
	const struct zoneref *ref;

retry:
	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac)) {
		struct zone *zone = ref->zone;
		struct page *page;

		/* Rather mix types than go to another node. */
		if ((alloc_flags & ALLOC_NOFRAGMENT) && zone != ac->preferred->zone &&
		    zone_to_nid(zone) != zone_to_nid(ac->preferred->zone)) {
			alloc_flags &= ~ALLOC_NOFRAGMENT;
			goto retry;
		}
		if (!(alloc_flags & ALLOC_NO_WATERMARKS) &&
		    !zone_has_room(zone, order, alloc_flags, ac, 0))
			continue;
		page = rmqueue(zone, order, alloc_flags, ac, gfp);
		if (!page)
			continue;
		page_debug_alloc(page, order, gfp);
		page = prep_new_page(page, order, gfp);
		if (unlikely(alloc_flags & ALLOC_HIGHATOMIC))
			reserve_highatomic_pageblock(page, order, zone);
		return page;
	}
	/* No zone had a pageblock of its own for it. */
	if (alloc_flags & ALLOC_NOFRAGMENT) {
		alloc_flags &= ~ALLOC_NOFRAGMENT;
		goto retry;
	}
	return NULL;
}

/* ------------------------------------------------------------------ slow path */

static void wake_all_kswapds(gfp_t gfp, unsigned int order, const struct alloc_context *ac)
{
	const struct zoneref *ref;

	if (!page_alloc_hooks.wake_kswapd)
		return;
	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac))
		if (managed_zone(ref->zone))
			page_alloc_hooks.wake_kswapd(ref->zone, gfp, order, ac->highest_zoneidx);
}

static bool unreserve_highatomic(const struct alloc_context *ac, bool force)
{
	const struct zoneref *ref;

	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac))
		if (unreserve_highatomic_pageblock(ref->zone, ac->migratetype, force))
			return true;
	return false;
}

/*
 * Let reclaim work, and look again; the second time with what per-CPU lists and the atomic reserve
 * hold.
 */
static struct page *direct_reclaim(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
				   const struct alloc_context *ac, unsigned long *progress)
{
	struct page *page;

	*progress = page_alloc_hooks.direct_reclaim
			    ? page_alloc_hooks.direct_reclaim(gfp, order, ac->nid, ac->nodemask)
			    : 0;
	if (*progress) {
		page = get_page_from_freelist(gfp, order, alloc_flags, ac);
		if (page)
			return page;
	}
	unreserve_highatomic(ac, false);
	drain_all_pages(NULL);
	return get_page_from_freelist(gfp, order, alloc_flags, ac);
}

static struct page *direct_compact(gfp_t gfp, unsigned int order, unsigned int alloc_flags,
				   const struct alloc_context *ac)
{
	if (!order || !page_alloc_hooks.direct_compact ||
	    !page_alloc_hooks.direct_compact(gfp, order, ac->nid, ac->nodemask))
		return NULL;
	return get_page_from_freelist(gfp, order, alloc_flags, ac);
}

/*
 * Rounds of reclaim without success before the OOM killer is asked, and rounds of a request for more than one page, whom
 * free pages alone do not help (Linux: MAX_RECLAIM_RETRIES, MAX_COMPACT_RETRIES).
 */
#define MAX_RECLAIM_RETRIES 16
#define MAX_COMPACT_RETRIES 16

struct retries {
	unsigned int idle;	 /* rounds in a row that freed nothing */
	unsigned int rounds;	 /* in all */
	unsigned long reclaimed; /* pages in all */
};

/*
 * Is another round of reclaim worth it? Not when as many pages as there are were reclaimed for this request already, and it
 * got none of them: others take them as fast, and will for ever (Linux: should_reclaim_retry, which asks whether what
 * is left to reclaim would do).
 */
static bool should_retry(struct retries *r, unsigned int order, unsigned long progress,
			 const struct alloc_context *ac)
{
	const struct zoneref *ref;
	unsigned long pages = 0;

	r->reclaimed += progress;
	r->idle = progress && order <= PAGE_ALLOC_COSTLY_ORDER ? 0 : r->idle + 1;
	if (!progress || r->idle >= MAX_RECLAIM_RETRIES ||
	    (++r->rounds > MAX_COMPACT_RETRIES && order))
		return false;
	for (ref = ac->preferred; ref->zone; ref = next_zoneref(ref + 1, ac))
		pages += READ_ONCE(ref->zone->managed_pages);
	return r->reclaimed <= pages;
}

static struct page *alloc_slowpath(gfp_t gfp, unsigned int order, struct alloc_context *ac)
{
	const bool can_reclaim = (gfp & __GFP_DIRECT_RECLAIM) != 0;
	const bool costly = order > PAGE_ALLOC_COSTLY_ORDER;
	unsigned int alloc_flags = gfp_to_alloc_flags(gfp, order);
	struct retries retries = {0};
	unsigned long progress;
	struct page *page;

	WARN_ON_ONCE((gfp & __GFP_NOFAIL) && (order > 1 || !can_reclaim));
	if (alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(gfp, order, ac);
	page = get_page_from_freelist(gfp, order, alloc_flags, ac);
	if (page)
		return page;

	/* Fragmentation is the likelier reason for large and unmovable blocks. */
	if (can_reclaim)
		count_vm_event(ALLOCSTALL);
	if (can_reclaim && (costly || (order && ac->migratetype != MIGRATE_MOVABLE)) &&
	    !(gfp & __GFP_MEMALLOC)) {
		page = direct_compact(gfp, order, alloc_flags, ac);
		if (page)
			return page;
	}

	for (;;) {
		if ((gfp & __GFP_MEMALLOC) && !(gfp & __GFP_NOMEMALLOC))
			alloc_flags = gfp_to_alloc_flags_cma(gfp, ALLOC_NO_WATERMARKS) |
				      (alloc_flags & ALLOC_KSWAPD);
		/* The bounds that user space set do not bind who cannot wait. */
		if (!(alloc_flags & ALLOC_CPUSET)) {
			ac->nodemask = NULL;
			ac->preferred = next_zoneref(ac->zonelist, ac);
		}
		page = get_page_from_freelist(gfp, order, alloc_flags, ac);
		if (page)
			return page;
		if (!can_reclaim)
			break;
		page = direct_reclaim(gfp, order, alloc_flags, ac, &progress);
		if (!page)
			page = direct_compact(gfp, order, alloc_flags, ac);
		if (page)
			return page;
		if (!(gfp & __GFP_NOFAIL)) {
			if (gfp & __GFP_NORETRY)
				break;
			if (costly && !(gfp & __GFP_RETRY_MAYFAIL))
				break;
		}
		if (should_retry(&retries, order, progress, ac))
			continue;
		/* The last of the atomic reserve before somebody dies. */
		if (unreserve_highatomic(ac, true))
			continue;
		if (!costly && !(gfp & __GFP_RETRY_MAYFAIL) && page_alloc_hooks.out_of_memory &&
		    page_alloc_hooks.out_of_memory(gfp, order)) {
			retries = (struct retries){0};
			continue;
		}
		if (!(gfp & __GFP_NOFAIL))
			break;
		page = get_page_from_freelist(gfp, order, alloc_flags | ALLOC_MIN_RESERVE, ac);
		if (page)
			return page;
		/* Nobody is there who could free anything: waiting would be for ever. */
		if (!page_alloc_hooks.direct_reclaim && !page_alloc_hooks.out_of_memory)
			panic("System is deadlocked on memory");
	}
	warn_alloc(gfp, order, ac);
	return NULL;
}

/*
 * Find the short way for requests of gfp on this CPU, for the next time. It stays on the CPU's node,
 * so that __GFP_THISNODE may go it; a CPU of a node without memory has none.
 */
static void find_local_pcp(gfp_t gfp, unsigned int cpu)
{
	struct alloc_context ac;
	struct per_cpu_pages *sets;

	/* Who debugs wants to be asked: only the long way does. */
	if (page_debug || !prepare_alloc(&ac, gfp, NUMA_NO_NODE, NULL) ||
	    zone_to_nid(ac.preferred->zone) != ac.nid)
		return;
	sets = __atomic_load_n(&ac.preferred->zone->pageset, __ATOMIC_ACQUIRE);
	if (sets)
		local_pcp[cpu].upto[ac.highest_zoneidx] = sets + cpu;
}

/* Debugging: a larger block, of which the request gets the beginning; NULL: there is none. */
static struct page *alloc_guarded(gfp_t gfp, unsigned int order, const struct alloc_context *ac)
{
	unsigned int whole = page_debug->guard_order;
	struct page *page;

	if (!page_debug->guard || order >= whole)
		return NULL;
	page = get_page_from_freelist(gfp & ~(__GFP_ZERO | __GFP_COMP), whole,
				      gfp_to_alloc_flags_cma(gfp, ALLOC_WMARK_LOW), ac);
	if (!page)
		return NULL;
	page_debug->guard(page, whole, order);
	return prep_more(page, order, gfp);
}

/* Everything that the fast path left. */
static noinline struct page *alloc_any(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	struct alloc_context ac;
	struct page *page;

	if (unlikely(order > MAX_PAGE_ORDER)) {
		WARN_ON_ONCE(!(gfp & __GFP_NOWARN));
		return NULL;
	}
	if (!prepare_alloc(&ac, gfp, nid, nodemask) || page_debug_should_fail(gfp, order))
		return NULL;
	if (unlikely(page_debug) && (page = alloc_guarded(gfp, order, &ac)))
		return page;
	if (unlikely(!local_pcp[port_cpu()].upto[ac.highest_zoneidx]))
		find_local_pcp(gfp, port_cpu());
	page = get_page_from_freelist(gfp, order,
				      gfp_to_alloc_flags_cma(gfp, ALLOC_WMARK_LOW) |
					      alloc_flags_nofragment(ac.preferred->zone, gfp),
				      &ac);
	return likely(page) ? page : alloc_slowpath(gfp, order, &ac);
}

/* ------------------------------------------------------------------ fast path */

/*
 * A block of this CPU's list of the zone that the request prefers, or NULL: not so simple. The zone
 * that the zonelist names first is right whenever it has a page: no watermark can forbid a page
 * that is not counted as free.
 */
static __always_inline struct page *alloc_fast(gfp_t gfp, unsigned int order, unsigned int cpu)
{
	unsigned int class = gfp_class(gfp);
	struct per_cpu_pages *pcp = local_pcp[cpu].upto[class & 7];
	struct page_list *list;
	struct page *page;
	u32 first;

	if (unlikely(!pcp) || unlikely(!local_trylock(&pcp->lock)))
		return NULL;
	list = &pcp->lists[order * MIGRATE_PCPTYPES + (class >> 4)];
	first = list->first;
	if (unlikely(!first)) {
		local_unlock(&pcp->lock);
		return NULL;
	}
	page = pcp_pop(pcp, list, first, order);
	local_unlock(&pcp->lock);
	return prep_new_page(page, order, gfp);
}

/* Order 0 with constants, 1 to 3 in one, larger ones in one. */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	unsigned int cpu = port_cpu();
	struct page *page = NULL;

	if (likely(!order))
		page = alloc_fast(gfp, 0, cpu);
	else if (order <= PAGE_ALLOC_COSTLY_ORDER)
		page = alloc_fast(gfp, order, cpu);
	else if (order <= MAX_PAGE_ORDER)
		page = alloc_fast(gfp, order, cpu);
	if (likely(page))
		return page;
	return alloc_any(gfp, order, NUMA_NO_NODE, NULL);
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid, nodemask_t *nodemask)
{
	if (!nodemask && preferred_nid == numa_node_id())
		return alloc_pages(gfp, order);
	return alloc_any(gfp, order, preferred_nid, nodemask);
}

/* ------------------------------------------------------------------ addresses and amounts */

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp & ~__GFP_HIGHMEM, order);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

static void *make_exact(struct page *page, unsigned int order, size_t size)
{
	unsigned long i, used = PFN_UP(size);

	if (!page)
		return NULL;
	split_page(page, order);
	for (i = used; i < 1UL << order; i++)
		__free_page(page + i);
	return page_address(page);
}

void *alloc_pages_exact_nid(int nid, size_t size, gfp_t gfp)
{
	/* The largest block bounds it; also keeps the rounding below from overflow. */
	if (!size || size > PAGE_SIZE << MAX_PAGE_ORDER)
		return NULL;
	WARN_ON_ONCE(gfp & (__GFP_COMP | __GFP_HIGHMEM));
	gfp &= ~(__GFP_COMP | __GFP_HIGHMEM);
	return make_exact(alloc_pages_node(nid, gfp, get_order(size)), get_order(size), size);
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	return alloc_pages_exact_nid(NUMA_NO_NODE, size, gfp);
}
