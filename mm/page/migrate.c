// SPDX-License-Identifier: MIT
/*
 * Migration: what is on a movable page goes to another page, and the first becomes free.
 *
 *   isolate     the owner leaves the page alone; the mover has a reference and the page's links
 *   migrate     both pages locked: the owner copies, and lets its handles point to the new page
 *   or putback  the owner has it back
 *
 * Owns PG_isolated, the table of movable_operations and their number in `word`. Invariant: an isolated page has a reference of
 * the mover's; `word` of a page that comes to the free lists is 0: who gives a page up while it is isolated leaves only
 * PAGE_MAPPING_MOVABLE there, and the mover clears that.
 *
 * Locking: the page lock, for one page after the other but for a pair (src, dst), where nobody else can reach dst. No other
 * lock is taken under it here; owners may take theirs, and so must not call lock_page under them (trylock_page is fine).
 *
 *   scanner                                 owner frees the page
 *   1 sees a movable `word`
 *                                           2 lock_page, __ClearPageMovable, unlock_page
 *                                           3 put_page: not the last if 4 was before, else the page is free and 4 fails
 *   4 get_page_unless_zero
 *   5 trylock_page, looks at `word` again   what it sees now stays so
 *   6 not movable: unlock, put_page         maybe the last: the page is freed here
 *
 * Against Linux 6.12: the same protocol for drivers' pages. LRU pages go by a hook. A pointer to the operations
 * does not fit beside the marks in `word`, so that they have numbers.
 */
#include <quire/migrate.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "internal.h"

struct lru_migration lru_migration;

/* By number, from 1; an entry is written once. */
static const struct movable_operations *movable_ops[MAX_MOVABLE_OPS + 1];

/* ------------------------------------------------------------------ drivers' pages */

/* The number of mops, given when it comes first. 0: all are taken. */
static unsigned int movable_id(const struct movable_operations *mops)
{
	unsigned int id;

	for (id = 1; id <= MAX_MOVABLE_OPS; id++) {
		const struct movable_operations *none = NULL;

		if (__atomic_load_n(&movable_ops[id], __ATOMIC_ACQUIRE) == mops)
			return id;
		if (__atomic_compare_exchange_n(&movable_ops[id], &none, mops, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
		    none == mops)
			return id;
	}
	return 0;
}

bool __SetPageMovable(struct page *page, const struct movable_operations *mops)
{
	unsigned int id = movable_id(mops);
	u64 own = page->word & ~(BIT(MOVABLE_PRIVATE_SHIFT) - 1);

	if (WARN_ON(!id || !PageLocked(page)))
		return false;
	__atomic_store_n(&page->word, own | (u64)id << MOVABLE_ID_SHIFT | PAGE_MAPPING_MOVABLE,
			 __ATOMIC_RELEASE);
	return true;
}

void __ClearPageMovable(struct page *page)
{
	WARN_ON(!PageLocked(page));
	__atomic_store_n(&page->word, PageIsolated(page) ? PAGE_MAPPING_MOVABLE : 0,
			 __ATOMIC_RELEASE);
}

const struct movable_operations *page_movable_ops(const struct page *page)
{
	u64 word = __atomic_load_n(&page->word, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&movable_ops[word >> MOVABLE_ID_SHIFT & MOVABLE_ID_MASK],
			       __ATOMIC_ACQUIRE);
}

bool isolate_movable_page(struct page *page, enum migrate_mode mode)
{
	bool isolated = false;

	/* The page lock is only touched where a driver's page is: other pages' owners set flags plainly. */
	if (!PageMovable(page) || !get_page_unless_zero(page))
		return false;
	if (PageMovable(page) && trylock_page(page)) {
		if (PageMovable(page) && !PageIsolated(page) &&
		    page_movable_ops(page)->isolate_page(page, mode)) {
			SetPageIsolated(page);
			isolated = true;
		}
		unlock_page(page);
	}
	if (!isolated)
		put_page_guessed(page);
	return isolated;
}

/* A program's own, which is on no list. A hint. */
static bool is_anon(const struct page *page)
{
	return (__atomic_load_n(&page->word, __ATOMIC_RELAXED) &
		(PAGE_MAPPING_FLAGS | PAGE_WORD_TAIL)) == PAGE_MAPPING_ANON &&
	       !page_has_type(page);
}

bool isolate_page_for_migration(struct page *page, enum migrate_mode mode, struct folio **folio)
{
	struct folio *f = page_folio(page);

	if (isolate_movable_page(page, mode)) {
		*folio = (struct folio *)page;
		return true;
	}
	if (!lru_migration.isolate || !(folio_test_lru(f) || is_anon(&f->page)) ||
	    !folio_try_get(f))
		return false;
	/* It may have been split, or another page of it have come here, before the reference. */
	if (page_folio(page) == f && lru_migration.isolate(f, mode)) {
		*folio = f;
		return true;
	}
	put_page_guessed(&f->page);
	return false;
}

/* The mover is done with a page that its owner gave up meanwhile, or that moved. Locked; unlocks it and puts it. */
static void let_go(struct page *page)
{
	ClearPageIsolated(page);
	if (__PageMovable(page))
		__atomic_store_n(&page->word, 0, __ATOMIC_RELEASE);
	unlock_page(page);
	put_page(page);
}

static void putback_movable_page(struct page *page)
{
	lock_page(page);
	if (PageMovable(page)) {
		page_movable_ops(page)->putback_page(page);
		ClearPageIsolated(page);
		unlock_page(page);
		put_page(page);
	} else {
		let_go(page);
	}
}

/* Which of the two an isolated page is: a driver's has PG_isolated, also when the driver gave it up. */
static bool is_drivers(const struct page *page)
{
	return __PageMovable(page) && PageIsolated(page);
}

static void putback_page(struct page *page)
{
	if (is_drivers(page))
		putback_movable_page(page);
	else if (lru_migration.putback)
		lru_migration.putback((struct folio *)page);
}

void putback_movable_pages(struct page_list *list)
{
	struct page *page;

	while ((page = page_list_first(list))) {
		page_list_del(list, page);
		putback_page(page);
	}
}

/* ------------------------------------------------------------------ moving */

static void put_new(struct folio *dst, free_folio_t *put_new_folio, unsigned long private)
{
	if (put_new_folio)
		put_new_folio(dst, private);
	else
		folio_put(dst);
}

/* A driver's page, off the list. On an error that is not success the page is still isolated, and ours. */
static int move_drivers_page(struct page *src, struct folio *dst, enum migrate_mode mode)
{
	int err = -EAGAIN;

	if (!trylock_page(src)) {
		if (mode == MIGRATE_ASYNC)
			return -EAGAIN;
		lock_page(src);
	}
	if (!PageMovable(src)) {
		/* Its owner freed it: nothing to move. */
		let_go(src);
		return 1;
	}
	if (trylock_page(&dst->page)) {
		err = page_movable_ops(src)->migrate_page(&dst->page, src, mode);
		unlock_page(&dst->page);
	}
	if (err == MIGRATEPAGE_SUCCESS) {
		WARN_ON(PageMovable(src));
		let_go(src);
	} else {
		unlock_page(src);
	}
	return err;
}

/* 0: moved, or free meanwhile; an error: still isolated. */
static int move_one(struct page *src, new_folio_t *get_new, free_folio_t *put_new_folio,
		    unsigned long private, enum migrate_mode mode)
{
	struct folio *dst = get_new((struct folio *)src, private);
	int err;

	if (!dst)
		return -ENOMEM;
	if (is_drivers(src)) {
		err = move_drivers_page(src, dst, mode);
		if (err == MIGRATEPAGE_SUCCESS)
			folio_put(dst); /* its owner has a reference of its own */
		else
			put_new(dst, put_new_folio, private);
		return err > 0 ? 0 : err;
	}
	err = lru_migration.migrate ? lru_migration.migrate(dst, (struct folio *)src, mode)
				    : -EBUSY;
	if (err)
		put_new(dst, put_new_folio, private);
	return err;
}

/* How often a page is tried that says -EAGAIN (Linux: NR_MAX_MIGRATE_PAGES_RETRY). */
#define MIGRATE_ROUNDS 10

int migrate_pages(struct page_list *from, new_folio_t *get_new_folio, free_folio_t *put_new_folio,
		  unsigned long private, enum migrate_mode mode, int reason,
		  unsigned int *ret_succeeded)
{
	unsigned int rounds = mode == MIGRATE_ASYNC ? 3 : MIGRATE_ROUNDS, moved = 0, failed = 0;
	struct page_list again = {0}, stay = {0};
	struct page *page;
	int err = 0;

	(void)reason;
	for (; rounds && !page_list_empty(from) && err != -ENOMEM; rounds--) {
		while ((page = page_list_first(from))) {
			page_list_del(from, page);
			err = move_one(page, get_new_folio, put_new_folio, private, mode);
			if (!err) {
				moved++;
				continue;
			}
			page_list_add_tail(err == -EAGAIN ? &again : &stay, page);
			if (err == -ENOMEM)
				break;
		}
		while ((page = page_list_first(&again))) {
			page_list_del(&again, page);
			page_list_add_tail(from, page);
		}
	}
	while ((page = page_list_first(&stay))) {
		page_list_del(&stay, page);
		page_list_add_tail(from, page);
	}
	for (page = page_list_first(from); page;
	     page = page->next ? page_from_index(page->next) : NULL)
		failed++;
	count_vm_events(PGMIGRATE_SUCCESS, moved);
	count_vm_events(PGMIGRATE_FAIL, failed);
	if (ret_succeeded)
		*ret_succeeded = moved;
	return err == -ENOMEM ? err : (int)failed;
}

/* ------------------------------------------------------------------ ranges */

/* Pages isolated and moved at once (Linux: SWAP_CLUSTER_MAX). */
#define MIGRATE_BATCH 32U
/* A page that is busy for a moment may be free the next time (Linux: 5 in __alloc_contig_migrate_range). */
#define RANGE_ROUNDS 5

/* Where the users of a range go: anywhere that movable pages may be. The range is isolated and gives none. */
static struct folio *range_target(struct folio *src, unsigned long private)
{
	int nid = page_to_nid(&src->page);

	(void)private;
	return (struct folio *)__alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL |
						     __GFP_NOWARN | __GFP_COMP,
					     folio_order(src), nid, NULL);
}

/* Isolate up to a batch of what can be moved from *pfn on. *busy: pages in use that could not be isolated. */
static unsigned int isolate_batch(unsigned long *pfn, unsigned long end, struct page_list *list,
				  unsigned long *busy)
{
	unsigned int n = 0;

	while (*pfn < end && n < MIGRATE_BATCH) {
		struct page *page = pfn_to_page(*pfn);
		struct folio *folio;

		if (PageBuddy(page)) {
			*pfn = ALIGN_DOWN(*pfn, 1UL << buddy_order_unsafe(page)) +
			       (1UL << buddy_order_unsafe(page));
			continue;
		}
		if (isolate_page_for_migration(page, MIGRATE_SYNC, &folio)) {
			page_list_add_tail(list, &folio->page);
			*pfn = page_to_pfn(&folio->page) + (unsigned long)folio_nr_pages(folio);
			n++;
			continue;
		}
		*busy += page_ref_count(page) > 0;
		++*pfn;
	}
	return n;
}

int migrate_range(unsigned long start, unsigned long end)
{
	unsigned int round;

	for (round = 0; round < RANGE_ROUNDS; round++) {
		unsigned long pfn = start, busy = 0;
		bool left = false;

		while (pfn < end) {
			struct page_list list = {0};
			int err;

			if (!isolate_batch(&pfn, end, &list, &busy))
				continue;
			err = migrate_pages(&list, range_target, NULL, 0, MIGRATE_SYNC,
					    MR_CONTIG_RANGE, NULL);
			if (err) {
				putback_movable_pages(&list);
				if (err < 0)
					return err;
				left = true;
			}
		}
		if (!left)
			return busy ? -EBUSY : 0;
	}
	return -EBUSY;
}
