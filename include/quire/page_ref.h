/* SPDX-License-Identifier: MIT */
/*
 * References to pages (Linux: include/linux/page_ref.h and get_page, put_page of linux/mm.h).
 *
 * A page from the allocator has one reference; who drops the last one frees it. References to a
 * compound page are counted in its head. A page of the allocator has none: a reference is only
 * taken from 0 by the allocator.
 *
 * A tail's own count is PAGE_REF_TAIL, far below 0. So get_page and put_page count where they are told to, and learn by
 * what was there whether that was a tail: then they put it right, and count in the head. Who calls them holds a reference, so
 * that the compound page stays one meanwhile. (Linux looks for a tail first: two loads more for every page that is none.)
 */
#ifndef QUIRE_PAGE_REF_H
#define QUIRE_PAGE_REF_H

#include <quire/page-flags.h>

/* _refcount and _mapcount as one word: a free page (0, -1) and one just allocated (1, -1). */
#define PAGE_COUNTS_FREE 0xffffffff00000000UL
#define PAGE_COUNTS_NEW 0xffffffff00000001UL
/* One mapping with its reference: added to the word, and taken from it. */
#define PAGE_COUNTS_MAPPED 0x100000001UL
/* One mapping, whose is the only reference. */
#define PAGE_COUNTS_EXCLUSIVE 1UL
BUILD_BUG_ON(offsetof(struct page, _refcount) % 8 != 0);
BUILD_BUG_ON(offsetof(struct page, _mapcount) != offsetof(struct page, _refcount) + 4);
BUILD_BUG_ON(__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__);

/*
 * Relaxed accesses of words. An atomic one wants the address in a register of its own, a volatile one is the same
 * instruction without that; who looks for races wants the atomic one.
 */
#if defined(__SANITIZE_THREAD__) || defined(__clang__)
#define relaxed_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define relaxed_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#else
#define relaxed_load(p) READ_ONCE(*(p))
#define relaxed_store(p, v) WRITE_ONCE(*(p), v)
#endif

static __always_inline u64 page_counts(const struct page *page)
{
	return relaxed_load((const u64 *)&page->_refcount);
}

static __always_inline void set_page_counts(struct page *page, u64 counts)
{
	relaxed_store((u64 *)&page->_refcount, counts);
}

static __always_inline void page_counts_add(struct page *page, u64 counts)
{
	port_fetch_add64_relaxed((u64 *)&page->_refcount, counts);
}

/* Returns what is left. What others did to the page before they took theirs is visible then. */
static __always_inline u64 page_counts_sub(struct page *page, u64 counts)
{
	return port_fetch_add64_acq_rel((u64 *)&page->_refcount, -counts) - counts;
}

static inline int page_ref_count(const struct page *page)
{
	return __atomic_load_n(&page->_refcount, __ATOMIC_RELAXED);
}

static inline int folio_ref_count(const struct folio *folio)
{
	return page_ref_count(&folio->page);
}

/* References to page's folio. */
static inline int page_count(const struct page *page)
{
	return page_ref_count(compound_head(page));
}

static inline void set_page_count(struct page *page, int v)
{
	__atomic_store_n(&page->_refcount, v, __ATOMIC_RELAXED);
}

static __always_inline void page_ref_add(struct page *page, int nr)
{
	port_fetch_add_relaxed(&page->_refcount, nr);
}

static inline void page_ref_sub(struct page *page, int nr)
{
	__atomic_fetch_sub(&page->_refcount, nr, __ATOMIC_RELEASE);
}

static __always_inline void page_ref_inc(struct page *page)
{
	page_ref_add(page, 1);
}

/*
 * Drop one reference; true when it was the last, and the caller now owns the page's fate. Whatever
 * others did to the page before they dropped theirs is visible then.
 */
static __always_inline bool put_page_testzero(struct page *page)
{
	return port_fetch_add_acq_rel(&page->_refcount, -1) == 1;
}

/*
 * Take a reference unless there is none: for who found the page without holding one (speculative
 * reference). A tail has none of its own.
 */
static inline bool get_page_unless_zero(struct page *page)
{
	s32 old = __atomic_load_n(&page->_refcount, __ATOMIC_RELAXED);

	do {
		if (old <= 0)
			return false;
	} while (!__atomic_compare_exchange_n(&page->_refcount, &old, old + 1, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static inline bool folio_try_get(struct folio *folio)
{
	return get_page_unless_zero(&folio->page);
}

/* Frees a folio whose last reference is gone, and reports one that had none: mm/page/free.c. */
void __folio_put(struct folio *folio);

static __always_inline void folio_get(struct folio *folio)
{
	page_ref_inc(&folio->page);
}

static __always_inline void folio_put(struct folio *folio)
{
	if (unlikely(port_fetch_add_acq_rel(&folio->page._refcount, -1) <= 1))
		__folio_put(folio);
}

/* mm/page/free.c: page turned out to be a tail; the last reference of page is gone, or it is a tail. */
void __get_page(struct page *page);
void __put_page(struct page *page);

/* The caller holds a reference already, so that a tail stays one. */
static __always_inline void get_page(struct page *page)
{
	if (unlikely(port_fetch_add_relaxed(&page->_refcount, 1) < 0))
		__get_page(page);
}

static __always_inline void put_page(struct page *page)
{
	if (unlikely(port_fetch_add_acq_rel(&page->_refcount, -1) <= 1))
		__put_page(page);
}

/*
 * Drop a reference that get_page_unless_zero took of a page that was somebody's a moment ago and may be anybody's now: a program's, a
 * file's, the first of a compound page of the kernel's. Who drops the last one frees what it has become (mm/page/free.c).
 */
void put_page_guessed(struct page *page);

#endif
