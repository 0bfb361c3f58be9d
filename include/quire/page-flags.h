/* SPDX-License-Identifier: MIT */
/*
 * Page flags, page types and folios (Linux: include/linux/page-flags.h, names and policies of
 * 6.12).
 *
 * One list of the flags, and one macro that makes all the functions of a flag from its line. The
 * functions do not appear in the text; docs/page-flags.md lists each with its flag, made by
 * tools/page_flags_table.py.
 *
 * A flag's policy says on which page of a compound page it lives:
 *   PF_ANY          every page has its own
 *   PF_HEAD         the head page's counts; PageX(tail) asks the head
 *   PF_NO_TAIL      as PF_HEAD; only head or small pages are given to functions that change it
 *   PF_NO_COMPOUND  never used on compound pages
 *   PF_SECOND       kept in the first tail page
 *
 * Atomicity: Set, Clear, TestSet and TestClear are atomic with respect to each other. The __ forms
 * are plain read-modify-write, for a page that nobody else can reach. Memory order: the TestSet and
 * TestClear forms order as an acquire and a release; the others do not order, except for
 * `uptodate`, whose test acquires and whose set releases, because it publishes the page's contents.
 */
#ifndef QUIRE_PAGE_FLAGS_H
#define QUIRE_PAGE_FLAGS_H

#include <quire/page.h>
#include <quire/printk.h>

/*
 * The flags, in order of their bits: X(flag, Name in PageName, policy, order of test, order of
 * set). At most PAGE_FLAG_BITS.
 */
/* clang-format off */
#define PAGE_FLAG_LIST(X)                                                                          \
	X(locked, Locked, PF_NO_TAIL, RELAXED, RELAXED) /* I/O in progress; lock_page */           \
	X(writeback, Writeback, PF_NO_TAIL, RELAXED, RELAXED) /* being written out */              \
	X(referenced, Referenced, PF_HEAD, RELAXED, RELAXED) /* used since reclaim last looked */  \
	X(uptodate, Uptodate, PF_NO_TAIL, ACQUIRE, RELEASE) /* contents are valid */               \
	X(dirty, Dirty, PF_HEAD, RELAXED, RELAXED) /* to be written */                             \
	X(lru, LRU, PF_HEAD, RELAXED, RELAXED) /* on an LRU list */                                \
	X(head, Head, PF_ANY, RELAXED, RELAXED) /* first page of a compound page */                \
	X(waiters, Waiters, PF_HEAD, RELAXED, RELAXED) /* somebody sleeps for it */                \
	X(active, Active, PF_HEAD, RELAXED, RELAXED) /* on the active list */                      \
	X(workingset, Workingset, PF_HEAD, RELAXED, RELAXED) /* refaulted or was active */         \
	X(owner_priv_1, OwnerPriv1, PF_NO_COMPOUND, RELAXED, RELAXED) /* the owner's own use */    \
	X(owner_2, Owner2, PF_HEAD, RELAXED, RELAXED) /* the owner's own use, tails too */         \
	X(arch_1, Arch1, PF_ANY, RELAXED, RELAXED) /* arm64: data cache clean to PoU */            \
	X(reserved, Reserved, PF_NO_COMPOUND, RELAXED, RELAXED) /* not the allocator's to give */  \
	X(private, Private, PF_ANY, RELAXED, RELAXED) /* private data of a filesystem */           \
	X(private_2, Private2, PF_HEAD, RELAXED, RELAXED) /* more of it */                         \
	X(reclaim, Reclaim, PF_NO_TAIL, RELAXED, RELAXED) /* reclaim it after write-out */         \
	X(swapbacked, SwapBacked, PF_HEAD, RELAXED, RELAXED) /* backed by memory or swap */        \
	X(unevictable, Unevictable, PF_HEAD, RELAXED, RELAXED) /* reclaim must leave it */         \
	X(mlocked, Mlocked, PF_HEAD, RELAXED, RELAXED) /* a VM_LOCKED area maps it */              \
	X(hwpoison, HWPoison, PF_ANY, RELAXED, RELAXED) /* broken memory */                        \
	X(young, Young, PF_HEAD, RELAXED, RELAXED) /* idle tracking took an access bit */          \
	X(idle, Idle, PF_HEAD, RELAXED, RELAXED) /* not accessed since it was set */
/* clang-format on */

/*
 * Second names of bits, for owners that cannot meet the first: X(flag, Name, policy, order, order,
 * bit).
 */
/* clang-format off */
#define PAGE_FLAG_ALIAS_LIST(X)                                                                    \
	X(readahead, Readahead, PF_HEAD, RELAXED, RELAXED, reclaim) /* read: start read-ahead */   \
	X(swapcache, SwapCache, PF_HEAD, RELAXED, RELAXED, owner_priv_1) /* has a swap entry */    \
	X(checked, Checked, PF_NO_COMPOUND, RELAXED, RELAXED, owner_priv_1) /* filesystems */      \
	X(anon_exclusive, AnonExclusive, PF_ANY, RELAXED, RELAXED, owner_2) /* one process's */    \
	X(large_head, LargeHead, PF_ANY, RELAXED, RELAXED, owner_2) /* mm/vm/huge.c: of a block */  \
	X(mappedtodisk, MappedToDisk, PF_NO_TAIL, RELAXED, RELAXED, owner_2) /* has disk blocks */ \
	X(isolated, Isolated, PF_ANY, RELAXED, RELAXED, reclaim) /* movable page being moved */    \
	X(reported, Reported, PF_NO_COMPOUND, RELAXED, RELAXED, uptodate) /* free, host knows */   \
	X(has_hwpoisoned, HasHWPoisoned, PF_SECOND, RELAXED, RELAXED, active) /* a page of it */   \
	X(large_rmappable, LargeRmappable, PF_SECOND, RELAXED, RELAXED, workingset) /* rmap */     \
	X(partially_mapped, PartiallyMapped, PF_SECOND, RELAXED, RELAXED, reclaim) /* to split */
/* clang-format on */

enum pageflags {
#define X(flag, ...) PG_##flag,
	PAGE_FLAG_LIST(X)
#undef X
		__NR_PAGEFLAGS,
#define X(flag, name, policy, t, s, bit) PG_##flag = PG_##bit,
	PAGE_FLAG_ALIAS_LIST(X)
#undef X
};
BUILD_BUG_ON(__NR_PAGEFLAGS != PAGE_FLAG_BITS);
#define NR_PAGEFLAGS __NR_PAGEFLAGS

/* The flags of a page as the allocator gives it: none. What is left is zone and node. */
#define PAGEFLAGS_MASK ((1U << NR_PAGEFLAGS) - 1)

/* ------------------------------------------------------------------ compound pages and folios */

/*
 * A folio is a page that is no tail: a small page, or the head that stands for its whole compound
 * page.
 */
struct folio {
	struct page page;
};

/*
 * The low bits of struct page's `word` say what it holds. A mapping's own marks leave bit 0 to tail
 * pages; heads are at even indices, so that bit 0 of an index is free.
 */
#define PAGE_WORD_TAIL 1UL
#define PAGE_MAPPING_ANON 2UL
#define PAGE_MAPPING_MOVABLE 4UL
#define PAGE_MAPPING_KSM (PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE)
#define PAGE_MAPPING_FLAGS (PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE)

static __always_inline int PageTail(const struct page *page)
{
	return __atomic_load_n(&page->word, __ATOMIC_RELAXED) & PAGE_WORD_TAIL;
}

/*
 * The head of page's compound page, or page itself. Without a reference it may change under the
 * caller.
 */
static __always_inline struct page *_compound_head(const struct page *page)
{
	u64 word = __atomic_load_n(&page->word, __ATOMIC_RELAXED);

	return unlikely(word & PAGE_WORD_TAIL) ? page_from_index((u32)(word & ~PAGE_WORD_TAIL))
					       : (struct page *)page;
}
#define compound_head(page) ((__typeof__(page))_compound_head(page))

/*
 * What a tail has instead of references: far enough below 0 that it stays there whatever is added for a moment, so that who counts
 * finds out by the result that it was a tail (get_page, put_page).
 */
#define PAGE_REF_TAIL (-(1 << 30))

/* The `word` of a head's tails. */
static __always_inline u64 tail_word(const struct page *head)
{
	return (u64)page_index32(head) | PAGE_WORD_TAIL;
}

/* A page without references becomes a tail. */
static __always_inline void set_tail(struct page *page, u64 word)
{
	WRITE_ONCE(page->_refcount, PAGE_REF_TAIL);
	WRITE_ONCE(page->word, word);
}

static __always_inline void set_compound_head(struct page *page, const struct page *head)
{
	set_tail(page, tail_word(head));
}

/* A tail is a page without references again. */
static __always_inline void clear_compound_head(struct page *page)
{
	WRITE_ONCE(page->_refcount, 0);
	WRITE_ONCE(page->word, 0);
}

#define page_folio(p)                                                                              \
	(_Generic((p), const struct page *                                                         \
		  : (const struct folio *)_compound_head(p), struct page *                         \
		  : (struct folio *)_compound_head(p)))
#define folio_page(folio, n) (&(folio)->page + (n))

/* ------------------------------------------------------------------ the functions of a flag */

/* The page that holds the flag. `change`: the flag is about to be changed. */
static __always_inline struct page *page_for_PF_ANY(const struct page *page, bool change)
{
	(void)change;
	return (struct page *)page;
}

static __always_inline struct page *page_for_PF_HEAD(const struct page *page, bool change)
{
	(void)change;
	return _compound_head(page);
}

static __always_inline struct page *page_for_PF_NO_TAIL(const struct page *page, bool change)
{
#ifdef QUIRE_DEBUG_VM
	BUG_ON(change && PageTail(page));
#endif
	(void)change;
	return _compound_head(page);
}

static __always_inline struct page *page_for_PF_NO_COMPOUND(const struct page *page, bool change)
{
#ifdef QUIRE_DEBUG_VM
	BUG_ON(change && (PageTail(page) || (page->flags >> PG_head & 1)));
#endif
	(void)change;
	return (struct page *)page;
}

static __always_inline struct page *page_for_PF_SECOND(const struct page *page, bool change)
{
	(void)change;
	return (struct page *)page + 1;
}

/* Of a folio it is the head, or for PF_SECOND the page after it. */
#define FOLIO_PF_ANY 0
#define FOLIO_PF_HEAD 0
#define FOLIO_PF_NO_TAIL 0
#define FOLIO_PF_NO_COMPOUND 0
#define FOLIO_PF_SECOND 1

static __always_inline bool page_flag_test(const struct page *page, unsigned int bit, int order)
{
	return __atomic_load_n(&page->flags, order) >> bit & 1;
}

static __always_inline void page_flag_set(struct page *page, unsigned int bit, int order)
{
	__atomic_fetch_or(&page->flags, 1U << bit, order);
}

static __always_inline void page_flag_clear(struct page *page, unsigned int bit)
{
	__atomic_fetch_and(&page->flags, ~(1U << bit), __ATOMIC_RELAXED);
}

static __always_inline bool page_flag_test_set(struct page *page, unsigned int bit)
{
	return __atomic_fetch_or(&page->flags, 1U << bit, __ATOMIC_ACQ_REL) >> bit & 1;
}

static __always_inline bool page_flag_test_clear(struct page *page, unsigned int bit)
{
	return __atomic_fetch_and(&page->flags, ~(1U << bit), __ATOMIC_ACQ_REL) >> bit & 1;
}

/* Plain, but with an order for who reads at the same time. */
static __always_inline void __page_flag_set(struct page *page, unsigned int bit, int order)
{
	__atomic_store_n(&page->flags, page->flags | 1U << bit, order);
}

static __always_inline void __page_flag_clear(struct page *page, unsigned int bit)
{
	__atomic_store_n(&page->flags, page->flags & ~(1U << bit), __ATOMIC_RELAXED);
}

/* Seven operations, each on a page and on a folio. */
#define PAGE_FLAG(flag, Name, policy, test, set)                                                   \
	static __always_inline int Page##Name(const struct page *page)                             \
	{                                                                                          \
		return page_flag_test(page_for_##policy(page, false), PG_##flag, __ATOMIC_##test); \
	}                                                                                          \
	static __always_inline void SetPage##Name(struct page *page)                               \
	{                                                                                          \
		page_flag_set(page_for_##policy(page, true), PG_##flag, __ATOMIC_##set);           \
	}                                                                                          \
	static __always_inline void ClearPage##Name(struct page *page)                             \
	{                                                                                          \
		page_flag_clear(page_for_##policy(page, true), PG_##flag);                         \
	}                                                                                          \
	static __always_inline void __SetPage##Name(struct page *page)                             \
	{                                                                                          \
		__page_flag_set(page_for_##policy(page, true), PG_##flag, __ATOMIC_##set);         \
	}                                                                                          \
	static __always_inline void __ClearPage##Name(struct page *page)                           \
	{                                                                                          \
		__page_flag_clear(page_for_##policy(page, true), PG_##flag);                       \
	}                                                                                          \
	static __always_inline int TestSetPage##Name(struct page *page)                            \
	{                                                                                          \
		return page_flag_test_set(page_for_##policy(page, true), PG_##flag);               \
	}                                                                                          \
	static __always_inline int TestClearPage##Name(struct page *page)                          \
	{                                                                                          \
		return page_flag_test_clear(page_for_##policy(page, true), PG_##flag);             \
	}                                                                                          \
	static __always_inline bool folio_test_##flag(const struct folio *folio)                   \
	{                                                                                          \
		return page_flag_test(folio_page(folio, FOLIO_##policy), PG_##flag,                \
				      __ATOMIC_##test);                                            \
	}                                                                                          \
	static __always_inline void folio_set_##flag(struct folio *folio)                          \
	{                                                                                          \
		page_flag_set(folio_page(folio, FOLIO_##policy), PG_##flag, __ATOMIC_##set);       \
	}                                                                                          \
	static __always_inline void folio_clear_##flag(struct folio *folio)                        \
	{                                                                                          \
		page_flag_clear(folio_page(folio, FOLIO_##policy), PG_##flag);                     \
	}                                                                                          \
	static __always_inline void __folio_set_##flag(struct folio *folio)                        \
	{                                                                                          \
		__page_flag_set(folio_page(folio, FOLIO_##policy), PG_##flag, __ATOMIC_##set);     \
	}                                                                                          \
	static __always_inline void __folio_clear_##flag(struct folio *folio)                      \
	{                                                                                          \
		__page_flag_clear(folio_page(folio, FOLIO_##policy), PG_##flag);                   \
	}                                                                                          \
	static __always_inline bool folio_test_set_##flag(struct folio *folio)                     \
	{                                                                                          \
		return page_flag_test_set(folio_page(folio, FOLIO_##policy), PG_##flag);           \
	}                                                                                          \
	static __always_inline bool folio_test_clear_##flag(struct folio *folio)                   \
	{                                                                                          \
		return page_flag_test_clear(folio_page(folio, FOLIO_##policy), PG_##flag);         \
	}

#define X(flag, Name, policy, test, set, ...) PAGE_FLAG(flag, Name, policy, test, set)
PAGE_FLAG_LIST(X)
PAGE_FLAG_ALIAS_LIST(X)
#undef X

static __always_inline int PageCompound(const struct page *page)
{
	return PageHead(page) || PageTail(page);
}

static __always_inline bool folio_test_large(const struct folio *folio)
{
	return folio_test_head(folio);
}

/* log2 of the pages of a compound page, 0 for a small one. page: a head. Kept in the first tail. */
static __always_inline unsigned int compound_order(const struct page *page)
{
	return PageHead(page) ? page[1].order : 0;
}

static __always_inline unsigned int folio_order(const struct folio *folio)
{
	return compound_order(&folio->page);
}

static __always_inline long folio_nr_pages(const struct folio *folio)
{
	return 1L << folio_order(folio);
}

/* ------------------------------------------------------------------ page types */

/*
 * What a page is that nobody maps: kept where mapped pages count their mappings, as negative
 * numbers far from what a mapcount reaches. X(type, Name in PageName, name in folio_test_name).
 */
/* clang-format off */
#define PAGE_TYPE_LIST(X)                                                                          \
	X(buddy, Buddy, buddy, 0xf0) /* first page of a free block, `order` holds its order */     \
	X(offline, Offline, offline, 0xf1) /* logically not there: ballooned */                    \
	X(table, Table, pgtable, 0xf2) /* a page table */                                          \
	X(guard, Guard, guard, 0xf3) /* guard page of the debugging allocator */                   \
	X(hugetlb, Hugetlb, hugetlb, 0xf4) /* of hugetlbfs */                                      \
	X(slab, Slab, slab, 0xf5) /* objects of a slab cache */                                    \
	X(zsmalloc, Zsmalloc, zsmalloc, 0xf6) /* compressed memory */                              \
	X(unaccepted, Unaccepted, unaccepted, 0xf7) /* a guest must accept it first */
/* clang-format on */

enum pagetype {
#define X(type, Name, fname, value) PGTY_##type = value,
	PAGE_TYPE_LIST(X)
#undef X
		PGTY_mapcount_underflow = 0xff
};

/* A type's number as page_type holds it. */
#define PAGE_TYPE_VALUE(type) ((u32)(type) << 24)
/* page_type of a page without type, mapcount of a page without mapping. */
#define PAGE_TYPE_NONE U32_MAX

static __always_inline u32 page_type_load(const struct page *page)
{
	return __atomic_load_n(&page->page_type, __ATOMIC_RELAXED);
}

static __always_inline void page_type_store(struct page *page, u32 type)
{
	__atomic_store_n(&page->page_type, type, __ATOMIC_RELAXED);
}

static inline bool page_type_has_type(u32 page_type)
{
	return (s32)page_type < (s32)PAGE_TYPE_VALUE(PGTY_mapcount_underflow);
}

static inline bool page_has_type(const struct page *page)
{
	return page_type_has_type(page_type_load(page));
}

/*
 * Set on a page without type; cleared on one that has it. Setting or clearing twice is nothing. Not
 * atomic.
 */
#define PAGE_TYPE_OPS(Name, type, fname)                                                           \
	static __always_inline int Page##Name(const struct page *page)                             \
	{                                                                                          \
		return page_type_load(page) >> 24 == PGTY_##type;                                  \
	}                                                                                          \
	static __always_inline void __SetPage##Name(struct page *page)                             \
	{                                                                                          \
		page_type_store(page, PAGE_TYPE_VALUE(PGTY_##type));                               \
	}                                                                                          \
	static __always_inline void __ClearPage##Name(struct page *page)                           \
	{                                                                                          \
		page_type_store(page, PAGE_TYPE_NONE);                                             \
	}                                                                                          \
	static __always_inline bool folio_test_##fname(const struct folio *folio)                  \
	{                                                                                          \
		return Page##Name(&folio->page);                                                   \
	}                                                                                          \
	static __always_inline void __folio_set_##fname(struct folio *folio)                       \
	{                                                                                          \
		__SetPage##Name(&folio->page);                                                     \
	}                                                                                          \
	static __always_inline void __folio_clear_##fname(struct folio *folio)                     \
	{                                                                                          \
		__ClearPage##Name(&folio->page);                                                   \
	}

#define X(type, Name, fname, value) PAGE_TYPE_OPS(Name, type, fname)
PAGE_TYPE_LIST(X)
#undef X

/* ------------------------------------------------------------------ sets of flags */

/*
 * A page that is freed with one of these is still in use somewhere: a bug, and the page is not
 * given out again.
 */
#define PAGE_FLAGS_CHECK_AT_FREE                                                                   \
	(1U << PG_lru | 1U << PG_locked | 1U << PG_private | 1U << PG_private_2 |                  \
	 1U << PG_writeback | 1U << PG_reserved | 1U << PG_active | 1U << PG_unevictable |         \
	 1U << PG_mlocked)

/*
 * Cleared when a page is freed: what was true of its contents. hwpoison stays, it is true of the
 * memory.
 */
#define PAGE_FLAGS_CHECK_AT_PREP (PAGEFLAGS_MASK & ~(1U << PG_hwpoison))

#define PAGE_FLAGS_PRIVATE (1U << PG_private | 1U << PG_private_2)

static inline int folio_has_private(const struct folio *folio)
{
	return (folio->page.flags & PAGE_FLAGS_PRIVATE) != 0;
}

#endif
