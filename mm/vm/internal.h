/* SPDX-License-Identifier: MIT */
/* What the files of mm/vm/ share. */
#ifndef MM_VM_INTERNAL_H
#define MM_VM_INTERNAL_H

#include <quire/mm.h>
#include <quire/percpu.h>

#include "pte.h"

/* ------------------------------------------------------------------ vma.c */

extern struct kmem_cache *vma_cache;

/*
 * Areas of mm are about to change: until vma_change_end() every fault that begins waits for mmap_lock. Does not wait for
 * faults that have begun: vma_start_write() does, of an area that is changed or goes.
 */
void vma_change_begin(struct mm_struct *mm);
void vma_change_end(struct mm_struct *mm);
void vma_start_write(struct vm_area_struct *vma);

/*
 * The area of addr for a fault, or NULL. It does not change and stays until vma_end_read(), which the same CPU has to call, having
 * done nothing that may sleep, nor another fault.
 */
struct vm_area_struct *vma_start_read(struct mm_struct *mm, unsigned long addr);
void vma_end_read(void);

/* A new area, not in any address space yet; NULL: no memory. */
struct vm_area_struct *vma_alloc(struct mm_struct *mm, unsigned long start, unsigned long end,
				 unsigned long flags);
void vma_free(struct vm_area_struct *vma);
/* The same, telling its file. */
void remove_vma(struct vm_area_struct *vma);
/* Into the tree and the list, after prev (NULL: first). One reserved insertion. Within vma_change_begin. */
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev);
/* Out of both; the area is the caller's. Within vma_change_begin, its faults awaited. */
void vma_unlink(struct vm_area_struct *vma);

/*
 * An area [start, end) with these properties shall be: a neighbour that is alike grows instead, and when that closes a gap the other
 * one goes. NULL: no neighbour is alike. mmap_lock; takes care of vma_change_begin itself. Nothing may be mapped there.
 */
struct vm_area_struct *vma_merge_new(struct mm_struct *mm, struct vm_area_struct *prev,
				     unsigned long start, unsigned long end, unsigned long flags,
				     const struct vm_operations_struct *ops, void *private,
				     unsigned long pgoff);
/*
 * The part [start, end) of the area gets other flags: it is split off where it is a part, and joined with neighbours that are alike
 * then. Returns the area that holds start, or NULL: no memory, or too many areas.
 */
struct vm_area_struct *vma_modify_flags(struct vm_area_struct *vma, unsigned long start,
					unsigned long end, unsigned long flags);
/* Cut the area at addr, inside it: it keeps what is below. 0, -ENOMEM. */
int split_vma(struct vm_area_struct *vma, unsigned long addr);
/* vm_page_prot by vm_flags. */
void vma_set_page_prot(struct vm_area_struct *vma);
void vm_stat_account(struct mm_struct *mm, unsigned long flags, long pages);

/* ------------------------------------------------------------------ pgtable.c */

/* The entry of addr, its tables made where there are none; NULL: no memory. */
u64 *pte_alloc(struct mm_struct *mm, unsigned long addr);
/* The same without making any. NULL: no table. *end: where the entries that follow in the same table end. */
u64 *pte_find(const struct mm_struct *mm, unsigned long addr, unsigned long *end);
void free_pgd(struct mm_struct *mm);
int pgd_alloc(struct mm_struct *mm);
/* Tables below the root, counted. */
unsigned long count_pgtables(const struct mm_struct *mm);

/* ------------------------------------------------------------------ zap.c */

/* Take away what is mapped in [start, end), and flush. */
void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end);

/* ------------------------------------------------------------------ mmap.c */

/* munmap of whole pages, mmap_lock held. */
int unmap_areas(struct mm_struct *mm, unsigned long start, unsigned long end);

/* ------------------------------------------------------------------ fork.c */

/* What vma shows is shared with its copy in mm; -ENOMEM. */
int copy_page_range(struct mm_struct *mm, struct vm_area_struct *vma);

extern struct page *zero_page;

/* ------------------------------------------------------------------ fault.c */

/* Before a page of an area that is executed: what was written to it reaches the instruction fetch. The page is not freed meanwhile. */
void sync_exec(const struct vm_area_struct *vma, struct page *page);

/* ------------------------------------------------------------------ a program's pages */

static inline bool page_is_anon(const struct page *page)
{
	return __atomic_load_n(&page->word, __ATOMIC_RELAXED) & PAGE_MAPPING_ANON;
}

/*
 * Nobody but this entry has the page: neither another program nor the kernel. (A second entry cannot come while this is asked: it
 * would have to be copied from this one, by a fork, which waits for faults and for mmap_lock.)
 */
static inline bool page_is_exclusive(const struct page *page)
{
	return page_is_anon(page) && __atomic_load_n(&page->_mapcount, __ATOMIC_ACQUIRE) == 0 &&
	       page_ref_count(page) == 1;
}

/* A new page becomes one program's own, at an index of its area. */
static inline void page_add_new_anon_rmap(struct page *page, unsigned long index)
{
	page->index_lo = (u32)index;
	__atomic_store_n(&page->word, (u64)(index >> 32) << 48 | PAGE_MAPPING_ANON,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&page->_mapcount, 0, __ATOMIC_RELAXED);
}

/* Drop a reference; what the page was to programs is forgotten with the last one. */
static inline void put_user_page(struct page *page)
{
	if (!put_page_testzero(page))
		return;
	if (page_is_anon(page))
		__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
	free_unref_page(page, 0);
}

#endif
