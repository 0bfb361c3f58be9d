/* SPDX-License-Identifier: MIT */
/*
 * Moving what is on a page to another page (Linux: include/linux/migrate.h). Implementation: mm/page/migrate.c.
 *
 * Two kinds of pages can be moved. Pages of a driver, which says how by `struct movable_operations`; and pages of files
 * and processes (LRU pages), for which an upper floor fills in `lru_migration`.
 *
 * `word` of a driver's movable page:
 *
 *   63                              7 6   3 2 1 0
 *   | the owner's own 57 bits        | id  |1|0|0|      id: which movable_operations, 0: the owner gave the page up
 *
 * Who owns what: `word`, PG_isolated and the decision to let go change under the page lock (lock_page). While a page is
 * isolated the mover holds one reference, owns next and prev, and the owner must leave both alone.
 */
#ifndef QUIRE_MIGRATE_H
#define QUIRE_MIGRATE_H

#include <quire/gfp.h>
#include <quire/page_ref.h>
#include <quire/smp.h>

enum migrate_mode {
	MIGRATE_ASYNC,	    /* waits for nothing */
	MIGRATE_SYNC_LIGHT, /* waits for locks */
	MIGRATE_SYNC,	    /* waits for locks and for writeback */
};

enum migrate_reason {
	MR_COMPACTION,
	MR_MEMORY_FAILURE,
	MR_MEMORY_HOTPLUG,
	MR_SYSCALL,
	MR_MEMPOLICY_MBIND,
	MR_NUMA_MISPLACED,
	MR_CONTIG_RANGE,
	MR_LONGTERM_PIN,
	MR_DEMOTION,
	MR_DAMON,
	MR_TYPES
};

/* What migrate_page and lru_migration.migrate return. */
#define MIGRATEPAGE_SUCCESS 0

/*
 * How a driver's pages are moved. Each is called with the page locked; migrate_page with both locked.
 *   isolate_page   the driver takes the page off its lists and leaves it alone; false: not now.
 *   migrate_page   copy, and let handles point to dst: MIGRATEPAGE_SUCCESS, and the driver has dropped its claim on src by
 *                  __ClearPageMovable(src) and its reference by put_page(src), and has claimed dst: get_page(dst),
 *                  __SetPageMovable(dst). -EAGAIN: try again; any other error: it stays.
 *   putback_page   not moved: back to the driver's lists.
 */
struct movable_operations {
	bool (*isolate_page)(struct page *page, enum migrate_mode mode);
	int (*migrate_page)(struct page *dst, struct page *src, enum migrate_mode mode);
	void (*putback_page)(struct page *page);
};

/* How many different movable_operations there can be. */
#define MAX_MOVABLE_OPS 15
#define MOVABLE_ID_SHIFT 3
#define MOVABLE_ID_MASK 15UL
#define MOVABLE_PRIVATE_SHIFT 7

/*
 * The page, of order 0, locked by the caller, with a reference of the caller's, is movable from here on: moved by mops, which is
 * constant and stays for ever. False: too many different mops (Linux: __SetPageMovable, which cannot fail).
 */
bool __SetPageMovable(struct page *page, const struct movable_operations *mops);
/* The caller, who has the page lock, gives the page up: it is not movable any more, and may be freed. */
void __ClearPageMovable(struct page *page);

/* A driver's movable page, or one that was. A hint unless the page is locked or the caller has a reference. */
static inline bool __PageMovable(const struct page *page)
{
	return (__atomic_load_n(&page->word, __ATOMIC_RELAXED) &
		(PAGE_MAPPING_FLAGS | PAGE_WORD_TAIL)) == PAGE_MAPPING_MOVABLE &&
	       !page_has_type(page);
}

/* A driver owns it now. Same context. */
static inline bool PageMovable(const struct page *page)
{
	return __PageMovable(page) &&
	       (__atomic_load_n(&page->word, __ATOMIC_RELAXED) >> MOVABLE_ID_SHIFT &
		MOVABLE_ID_MASK);
}

const struct movable_operations *page_movable_ops(const struct page *page);

/* The owner's own bits of a movable page: 57. Page locked, or the only one who can reach it. */
static inline u64 page_movable_private(const struct page *page)
{
	return __atomic_load_n(&page->word, __ATOMIC_RELAXED) >> MOVABLE_PRIVATE_SHIFT;
}

static inline void set_page_movable_private(struct page *page, u64 value)
{
	u64 low = page->word & (BIT(MOVABLE_PRIVATE_SHIFT) - 1);

	__atomic_store_n(&page->word, value << MOVABLE_PRIVATE_SHIFT | low, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ the page lock */

/* A spinning lock: who holds it does not sleep here. Not in interrupts. */
static inline bool trylock_page(struct page *page)
{
	return !TestSetPageLocked(page);
}

static inline void lock_page(struct page *page)
{
	while (!trylock_page(page))
		smp_wait_relax();
}

static inline void unlock_page(struct page *page)
{
	__atomic_fetch_and(&compound_head(page)->flags, ~(1U << PG_locked), __ATOMIC_RELEASE);
}

/* The references go from `count` to 0 in one step, so that nobody new comes; false: others hold it. */
static inline bool page_ref_freeze(struct page *page, int count)
{
	s32 old = count;

	return __atomic_compare_exchange_n(&page->_refcount, &old, 0, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static inline void page_ref_unfreeze(struct page *page, int count)
{
	__atomic_store_n(&page->_refcount, count, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ moving */

/*
 * LRU pages, for the floor that has them; any function NULL: they are not movable. isolate: off the LRU, with a reference
 * kept for the mover; migrate: as migrate_page above, dst new; putback: back to the LRU, drops that reference.
 */
struct lru_migration {
	bool (*isolate)(struct folio *folio, enum migrate_mode mode);
	int (*migrate)(struct folio *dst, struct folio *src, enum migrate_mode mode);
	void (*putback)(struct folio *folio);
};
extern struct lru_migration lru_migration;

/* A page for the contents of src, with one reference and not locked; NULL: none, and migrate_pages ends with -ENOMEM. */
typedef struct folio *new_folio_t(struct folio *src, unsigned long private);
/* Takes a page of new_folio_t back that was not used. NULL: folio_put. */
typedef void free_folio_t(struct folio *folio, unsigned long private);

/*
 * Isolate one page for moving: takes a reference. False: it is no movable page, or somebody is at it. The caller may hold no
 * reference: the page may be anything. Not in interrupts (Linux: isolate_movable_page).
 */
bool isolate_movable_page(struct page *page, enum migrate_mode mode);
/* The same for whichever kind the page is. *folio: what was isolated. */
bool isolate_page_for_migration(struct page *page, enum migrate_mode mode, struct folio **folio);

/*
 * Move every isolated page of the list. Those moved leave it, and are free when nobody else holds them; those that could not be
 * moved stay in it: putback_movable_pages. Returns 0 when all were moved, the number of pages that were not, or -ENOMEM.
 * *ret_succeeded, when not NULL: pages moved. (Linux: migrate_pages.)
 */
int migrate_pages(struct page_list *from, new_folio_t *get_new_folio, free_folio_t *put_new_folio,
		  unsigned long private, enum migrate_mode mode, int reason,
		  unsigned int *ret_succeeded);
void putback_movable_pages(struct page_list *list);

/*
 * Move the users of [start, end) elsewhere; other pages are left alone. 0: all that was found has been moved; -EBUSY,
 * -ENOMEM. The pageblocks should be isolated, or the pages come back. page_alloc_hooks.migrate_range.
 */
int migrate_range(unsigned long start, unsigned long end);

/* Set page_alloc_hooks.migrate_range and .direct_compact: boot/ calls it when pages can be allocated. */
void migration_init(void);

#endif
