// SPDX-License-Identifier: MIT
/*
 * Giving pages back: the check of what comes, and the way to this CPU's list.
 *
 *   __free_pages           the last reference is gone, nothing is left on the page: about 65 instructions
 *     else free_any        flags to clear, compound pages to take apart, pages to report and keep
 *
 * Owns the way of a page from used to free. Invariant: a page that comes back with references,
 * mappings, a mapping, a type or flags of a user is reported and never given out again.
 *
 * Locking: none here; pageset.c and buddy.c take theirs. Any context.
 *
 * Against Linux 6.12: the same checks, of every page of a block and in one branch when all is well.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "internal.h"

/* ------------------------------------------------------------------ what comes */

/*
 * A look at a page without references. Others may look at it at the same time, and for a moment try to get a reference or the page
 * lock, of a page that was taken again meanwhile: later than this, for what this CPU stores depends on what it sees here. That
 * is order enough for the processor; ThreadSanitizer wants to be told that it is meant.
 */
#ifdef QUIRE_TSAN
#define LOAD_FREE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#else
#define LOAD_FREE(x) (x)
#endif

/*
 * All of a block's pages look as the lists want them: no references, no mappings, no mapping, no
 * flags. One value is 0 then, so that it is one branch.
 */
static __always_inline bool nothing_left(const struct page *page, unsigned int order)
{
	const struct page *end = page + (1UL << order);
	u64 left = 0;
	u32 flags = 0;

#define LOOK(p)                                                                                    \
	(left |=                                                                                   \
	 (LOAD_FREE(*(const u64 *)&(p)->_refcount) ^ PAGE_COUNTS_FREE) | LOAD_FREE((p)->word),     \
	 flags |= LOAD_FREE((p)->flags))
	LOOK(page);
	/* Pages are paired: the loop's own instructions are half as many. */
	if (order)
		for (LOOK(page + 1), page += 2; page < end; page += 2)
			LOOK(page), LOOK(page + 1);
#undef LOOK
	return !(left | (flags & PAGEFLAGS_MASK));
}

/* Of nr pages, a power of two, 16 at least. A port that has wider registers may do it faster. */
__attribute__((weak)) bool pages_nothing_left(const struct page *page, unsigned long nr)
{
	return nothing_left(page, (unsigned int)ilog2(nr));
}

/* NULL: a page without references that may be given out again, save for flags to clear. */
static const char *free_page_bad_reason(const struct page *page)
{
	if (page->_mapcount != -1)
		return page_has_type(page) ? "page still has a type" : "nonzero mapcount";
	if (page_ref_count(page))
		return "nonzero _refcount";
	if (page->word)
		return "non-NULL mapping";
	if (LOAD_FREE(page->flags) & PAGE_FLAGS_CHECK_AT_FREE)
		return "PAGE_FLAGS_CHECK_AT_FREE flag(s) set";
	return NULL;
}

static bool free_one_prepare(struct page *page)
{
	const char *reason;

	if (likely(nothing_left(page, 0)))
		return true;
	reason = free_page_bad_reason(page);
	if (reason) {
		bad_page(page, reason);
		return false;
	}
	/* It spoke for its group (mm/vm/huge.c), whose order it has. */
	if (PageLargeHead(page))
		mod_mthp_stat(page->prev, MTHP_NR_ANON, -1);
	/* A neighbour that is freed may look at the zone in it. */
	__atomic_store_n(&page->flags, page->flags & ~PAGE_FLAGS_CHECK_AT_PREP, __ATOMIC_RELAXED);
	return true;
}

/*
 * Make a block that lost its last reference ready for the free lists. False: something of it is
 * still in use, has been reported, and none of it may be given out again.
 */
static noinline bool free_pages_prepare(struct page *page, unsigned int order)
{
	bool compound = PageHead(page), good = true;
	unsigned long i, nr = 1UL << order;

	/* Broken memory: lost, without a word, because that was said when it broke. */
	if (unlikely(PageHWPoison(page)) && !order)
		return false;
	if (PageTail(page)) {
		bad_page(page, "tail page freed");
		return false;
	}
	if (compound && compound_order(page) != order) {
		bad_page(page, "wrong compound order");
		return false;
	}
	if (compound) {
		u64 tail = tail_word(page);

		for (i = 1; i < nr; i++) {
			if (likely(page[i].word == tail)) {
				clear_compound_head(page + i);
				continue;
			}
			bad_page(page + i, "compound_head not consistent");
			good = false;
			page[i].word = 0;
		}
		__ClearPageHead(page);
	}
	for (i = 0; i < nr; i++)
		good &= free_one_prepare(page + i);
	return good;
}

/* ------------------------------------------------------------------ where it goes */

/*
 * The pagesets of a page's zone, by the node and zone bits of its flags; NULL: not yet, or there are
 * none. Pagesets do not change once they exist.
 */
static struct per_cpu_pages *zone_pageset[1U << (PAGE_ZONE_BITS + PAGE_NODE_BITS)];

void free_forget(void)
{
	memset(zone_pageset, 0, sizeof(zone_pageset));
}

/* To a list of a pageset, which the caller has locked; unlocks it. */
static __always_inline void free_to_pcp(struct per_cpu_pages *pcp, struct page *page,
					unsigned int order, unsigned int mt)
{
	pcp_push(pcp, &pcp->lists[pcp_list_index(order, (enum migratetype)mt)], page, order);
	if (unlikely(pcp->count >= READ_ONCE(pcp->high_min)))
		pcp_free_excess(page_zone(page), pcp);
	else
		local_unlock(&pcp->lock);
}

/* The short way to the pagesets of the page's zone, found for the next time. NULL: there is none. */
static noinline struct per_cpu_pages *find_zone_pageset(const struct page *page)
{
	struct per_cpu_pages *sets = NULL;

	if (!page_debug)
		sets = __atomic_load_n(&page_zone(page)->pageset, __ATOMIC_ACQUIRE);
	if (sets)
		__atomic_store_n(&zone_pageset[LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT], sets,
				 __ATOMIC_RELEASE);
	return sets;
}

/* There is no short way to the zone's pagesets yet, or the CPU's is not to be had now. */
static noinline void free_to_zone(struct page *page, unsigned int order, unsigned int mt)
{
	struct per_cpu_pages **way = &zone_pageset[LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT],
			     *pcp = NULL;
	struct zone *zone = page_zone(page);

	page_debug_free(page, order);
	if (!__atomic_load_n(way, __ATOMIC_RELAXED)) {
		find_zone_pageset(page);
		pcp = pcp_trylock(zone, port_cpu());
	}
	if (pcp)
		free_to_pcp(pcp, page, order, mt);
	else
		free_one_page(zone, page, order, FPI_NONE);
}

/* A block that is ready to be given out again: to this CPU's list, or where it belongs. */
static __always_inline void free_ready(struct page *page, unsigned int order, unsigned int mt)
{
	struct per_cpu_pages *pcp =
		relaxed_load(&zone_pageset[LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT]);

	if (unlikely(!pcp))
		goto elsewhere;
	pcp += port_cpu();
	if (unlikely(!local_trylock(&pcp->lock)))
		goto elsewhere;
	free_to_pcp(pcp, page, order, mt);
	return;
elsewhere:
	free_to_zone(page, order, mt);
}

/* All of a block's pageblocks have type mt. */
static bool of_one_type(const struct page *page, unsigned int order, enum migratetype mt)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order);

	while ((pfn += pageblock_nr_pages) < end)
		if (get_pfnblock_migratetype(pfn) != mt)
			return false;
	return true;
}

/* Room for one more, made at the cost of those that were freed before. pcp->lock held. */
static bool pcp_large_room(struct page *page, struct per_cpu_pages *pcp, unsigned int order)
{
	int pages = 1 << order, most = READ_ONCE(pcp->large_max);

	if (likely(pcp->large + pages <= most))
		return true;
	if (pages <= most)
		pcp_free_large(page_zone(page), pcp);
	return pages <= most;
}

/*
 * A block of an order above 3 that is ready: this CPU keeps it as long as it has room for it. Only one
 * whose pages all go to lists of one type that per-CPU lists have.
 */
static void free_large_ready(struct page *page, unsigned int order, unsigned int mt)
{
	struct per_cpu_pages *pcp =
		relaxed_load(&zone_pageset[LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT]);

	if (unlikely(!pcp))
		pcp = find_zone_pageset(page);
	if (likely(pcp) && mt < MIGRATE_PCPTYPES &&
	    (order <= pageblock_order || of_one_type(page, order, (enum migratetype)mt))) {
		pcp += port_cpu();
		if (likely(local_trylock(&pcp->lock))) {
			bool room = pcp_large_room(page, pcp, order);

			if (room)
				pcp_push(pcp,
					 &pcp->lists[pcp_list_index(order, (enum migratetype)mt)],
					 page, order);
			local_unlock(&pcp->lock);
			if (room)
				return;
		}
	}
	page_debug_free(page, order);
	free_one_page(page_zone(page), page, order, FPI_NONE);
}

/* Whatever free_unref_page does not do at once. */
static noinline void free_any(struct page *page, unsigned int order)
{
	enum migratetype mt;

	if (!nothing_left(page, order) && !free_pages_prepare(page, order))
		return;
	mt = get_pageblock_migratetype(page);
	if (order > PAGE_ALLOC_COSTLY_ORDER) {
		free_large_ready(page, order, mt);
		return;
	}
	/* As in free_reserved_type. */
	if (mt >= MIGRATE_PCPTYPES && !is_migrate_isolate(mt))
		mt = MIGRATE_MOVABLE;
	if (is_migrate_isolate(mt)) {
		page_debug_free(page, order);
		free_one_page(page_zone(page), page, order, FPI_NONE);
	} else {
		free_ready(page, order, mt);
	}
}

static noinline void free_large(struct page *page, unsigned int order, unsigned int mt)
{
	if (likely(pages_nothing_left(page, 1UL << order)))
		free_large_ready(page, order, mt);
	else
		free_any(page, order);
}

/* As get_pageblock_migratetype(), which computes the page's number. */
static __always_inline u8 pageblock_type_of(const struct page *page)
{
	unsigned long offset = (unsigned long)page - (unsigned long)vmemmap;

	return __atomic_load_n(&pageblock_types[offset >> (STRUCT_PAGE_SHIFT + pageblock_order)],
			       __ATOMIC_RELAXED);
}

/* A page of CMA or the atomic reserve, which have no lists there: their type is seen when the page goes back. */
static noinline void free_reserved_type(struct page *page, unsigned int order, unsigned int mt)
{
	if (likely(!order) && likely(mt != MIGRATE_ISOLATE) && likely(nothing_left(page, 0)))
		free_ready(page, 0, MIGRATE_MOVABLE);
	else
		free_any(page, order);
}

static __always_inline void free_fast(struct page *page, unsigned int order)
{
	u8 mt = pageblock_type_of(page);

	if (unlikely(mt >= MIGRATE_PCPTYPES))
		free_reserved_type(page, order, mt);
	else if (likely(!order) && likely(nothing_left(page, 0)))
		free_ready(page, 0, mt);
	else if (order > PAGE_ALLOC_COSTLY_ORDER)
		free_large(page, order, mt);
	else if (order && nothing_left(page, order))
		free_ready(page, order, mt);
	else
		free_any(page, order);
}

void free_unref_page(struct page *page, unsigned int order)
{
	free_fast(page, order);
}

/* ------------------------------------------------------------------ references */

static noinline void free_tails(struct page *page, unsigned int order)
{
	while (order-- > 0)
		free_unref_page(page + (1UL << order), order);
}

/*
 * There was no reference to drop: the page is free already. It stays so, with the count that it had
 * unless somebody got it meanwhile.
 */
static noinline void freed_without_reference(struct page *page)
{
	s32 count = -1;

	bad_page(page, "freed without a reference");
	__atomic_compare_exchange_n(&page->_refcount, &count, 0, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

void __free_pages(struct page *page, unsigned int order)
{
	/* Asked before the reference is dropped: afterwards the page is somebody else's. */
	bool head = PageHead(page);

	if (likely(put_page_testzero(page)))
		free_fast(page, order);
	else if (unlikely(page_ref_count(page) < 0))
		freed_without_reference(page);
	else if (!head)
		/*
		 * Somebody took a reference to the first page on the way (get_page_unless_zero). He
		 * will free it as a page of order 0, because nothing tells him otherwise; so the
		 * rest is freed here.
		 */
		free_tails(page, order);
}

void __folio_put(struct folio *folio)
{
	if (unlikely(page_ref_count(&folio->page) < 0))
		freed_without_reference(&folio->page);
	else
		free_unref_page(&folio->page, folio_order(folio));
}

/* The count of a tail, changed by nr, is what it was before. Before the head's is dropped: the page may be no tail afterwards. */
static void restore_tail(struct page *page, int nr)
{
	page_ref_sub(page, nr);
}

noinline void __get_page(struct page *page)
{
	/* A page without references is not to be had; that one is somebody else's to report. */
	if (!PageTail(page))
		return;
	restore_tail(page, 1);
	folio_get(page_folio(page));
}

noinline void __put_page(struct page *page)
{
	if (!PageTail(page)) {
		__folio_put((struct folio *)page);
		return;
	}
	restore_tail(page, -1);
	folio_put(page_folio(page));
}

void put_page_guessed(struct page *page)
{
	s32 before = port_fetch_add_acq_rel(&page->_refcount, -1);

	if (before > 1)
		return;
	if (unlikely(before < 1)) {
		freed_without_reference(page);
		return;
	}
	/* Nobody has it, nor can get it: what it is stays. A program's page is forgotten to be one by who leaves it last. */
	if (__atomic_load_n(&page->word, __ATOMIC_RELAXED) & PAGE_MAPPING_ANON)
		__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
	free_unref_page(page, folio_order((struct folio *)page));
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

void free_pages_exact(void *p, size_t size)
{
	unsigned long addr = (unsigned long)p, end = addr + PAGE_ALIGN(size);

	for (; addr < end; addr += PAGE_SIZE)
		free_page(addr);
}

/* ------------------------------------------------------------------ many at once */

/* This CPU's pageset of the page's zone, locked. NULL: not by this way. */
static __always_inline struct per_cpu_pages *lock_pageset_of(u32 flags)
{
	struct per_cpu_pages *pcp = relaxed_load(&zone_pageset[flags >> PAGE_ZONE_SHIFT]);

	if (unlikely(!pcp))
		return NULL;
	pcp += port_cpu();
	return likely(local_trylock(&pcp->lock)) ? pcp : NULL;
}

/*
 * Single pages mostly come from one zone and go to one list: the pageset stays locked from one to the next. Whatever is not so
 * simple goes the way of one page, without the lock.
 */
static __always_inline void release(struct page **pages, int nr, bool put)
{
	struct page **end = pages + max(nr, 0), *page;
	struct per_cpu_pages *pcp = NULL;
	u32 zone = 0;

	for (; pages < end; pages++) {
		unsigned int mt;

		page = *pages;
		if (put && unlikely((page->word & PAGE_WORD_TAIL) || PageHead(page)))
			goto one;
		if (put && unlikely(!put_page_testzero(page))) {
			if (unlikely(page_ref_count(page) < 0))
				freed_without_reference(page);
			continue;
		}
		mt = pageblock_type_of(page);
		if (unlikely(mt >= MIGRATE_PCPTYPES) || unlikely(!nothing_left(page, 0)))
			goto freed;
		if (unlikely(!pcp) || unlikely(LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT != zone)) {
			if (pcp)
				local_unlock(&pcp->lock);
			zone = LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT;
			pcp = lock_pageset_of(LOAD_FREE(page->flags));
			if (unlikely(!pcp))
				goto freed;
		}
		pcp_push(pcp, &pcp->lists[mt], page, 0);
		if (unlikely(pcp->count >= READ_ONCE(pcp->high_min))) {
			pcp_free_excess(page_zone(page), pcp);
			pcp = NULL;
		}
		continue;
	freed:
		if (pcp)
			local_unlock(&pcp->lock);
		pcp = NULL;
		free_unref_page(page, 0);
		continue;
	one:
		if (pcp)
			local_unlock(&pcp->lock);
		pcp = NULL;
		put_page(page);
	}
	if (pcp)
		local_unlock(&pcp->lock);
}

/* Pages of one zone and one list that this CPU gets, its pageset locked. */
struct freeing {
	struct per_cpu_pages *pcp; /* NULL: none is locked */
	u32 flags;		   /* that a page of the zone has, and nothing else */
	unsigned long
		block; /* the pageblock, by the page's address; none with this number exists at first */
	struct page_list *list; /* where its pages go */
	long mapped;		/* pages whose last mapping went, not counted yet */
};
#define BLOCK_OF(page) ((unsigned long)(page) >> (STRUCT_PAGE_SHIFT + pageblock_order))

static void freeing_end(struct freeing *f)
{
	unsigned int node = f->flags >> PAGE_NODE_SHIFT;

	if (f->pcp)
		local_unlock(&f->pcp->lock);
	if (f->mapped) {
		long *n = &this_cpu_ptr(&vm_mapped_states)->nr[node][MAPPED_ANON];

		relaxed_store(n, relaxed_load(n) - f->mapped);
	}
	*f = (struct freeing){.block = ULONG_MAX};
}

/* Another pageblock, perhaps of another zone; false: its pages are freed one by one. */
static noinline bool freeing_begin(struct freeing *f, const struct page *page)
{
	u32 zone = LOAD_FREE(page->flags) >> PAGE_ZONE_SHIFT;
	unsigned int mt = pageblock_type_of(page);

	if (mt >= MIGRATE_PCPTYPES)
		return false;
	if (f->pcp && f->flags >> PAGE_ZONE_SHIFT != zone)
		freeing_end(f);
	if (!f->pcp)
		f->pcp = lock_pageset_of(LOAD_FREE(page->flags));
	if (!f->pcp)
		return false;
	f->flags = zone << PAGE_ZONE_SHIFT;
	f->block = BLOCK_OF(page);
	f->list = &f->pcp->lists[mt];
	return true;
}

/* The pageset has too many. */
static noinline void freeing_excess(struct freeing *f, const struct page *page)
{
	pcp_free_excess(page_zone(page), f->pcp);
	f->pcp = NULL;
	freeing_end(f);
}

/* The page, whose last mapping went, is not as most are; counts: what it has left. */
static noinline void free_anon_slow(struct freeing *f, struct page *page, u64 counts)
{
	freeing_end(f);
	f->flags = LOAD_FREE(page->flags);
	f->mapped = 1;
	freeing_end(f);
	if (counts != PAGE_COUNTS_FREE)
		return;
	__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
	free_unref_page(page, 0);
}

unsigned int free_anon_pages(unsigned long *pages, unsigned int nr)
{
	struct freeing f = {.block = ULONG_MAX};
	unsigned int left = 0;

	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = (struct page *)(pages[i] & ~1UL);
		u64 counts;

		if (unlikely(!(__atomic_load_n(&page->word, __ATOMIC_RELAXED) &
			       PAGE_MAPPING_ANON))) {
			pages[left++] = pages[i];
			continue;
		}
		counts = page_counts_sub(page, PAGE_COUNTS_MAPPED);
		if ((s64)counts >= 0)
			continue;
		if (unlikely(counts != PAGE_COUNTS_FREE) ||
		    (unlikely(BLOCK_OF(page) != f.block) && !freeing_begin(&f, page)) ||
		    unlikely(LOAD_FREE(page->flags) != f.flags)) {
			free_anon_slow(&f, page, counts);
			continue;
		}
		f.mapped++;
		__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
		pcp_push(f.pcp, f.list, page, 0);
		if (unlikely(f.pcp->count >= READ_ONCE(f.pcp->high_min)))
			freeing_excess(&f, page);
	}
	freeing_end(&f);
	return left;
}

void release_pages(struct page **pages, int nr)
{
	release(pages, nr, true);
}

void free_unref_pages(struct page **pages, int nr)
{
	release(pages, nr, false);
}
