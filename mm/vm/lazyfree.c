// SPDX-License-Identifier: MIT
/*
 * Pages that may be dropped: what MADV_FREE was said of and has not been written since, and what MAP_DROPPABLE areas hold.
 *
 * An anonymous page is written when it comes, so that its entry is dirty; MADV_FREE makes the entry clean, which nothing else does. So a
 * clean entry of an anonymous page says that its program does not miss what is there, and a write, by the CPU's account or by a fault, takes that back.
 * Dropped is a page that one clean entry shows (of a MAP_DROPPABLE area: any entry) and nobody else has: the entry becomes empty, and reads as zeros.
 *
 * They are given back when an allocation has to reclaim (page_alloc_hooks.direct_reclaim), before anything is killed, and by
 * MADV_PAGEOUT. mm->has_lazy says that there may be such pages.
 *
 * Locking: who reclaims may hold any lock, as he comes from an allocation: family_lock and mmap_lock are only tried. Entries are taken as
 * everywhere: PTE_BUSY while it is seen whether somebody else has the page, with the flush between.
 *
 * Against Linux 6.12: such pages are put on the list of inactive file pages there, which reclaim takes from; here it looks for them, in
 * the address spaces that have said that they have some.
 */
#include <quire/gfp.h>
#include <quire/mm.h>

#include "internal.h"

/* As many at a time: what a look through an address space costs is shared by them. */
#define RECLAIM_BATCH 512UL

/* The entry's page is nobody else's: it goes. */
static bool drop_entry(struct mm_struct *mm, u64 *pte, u64 val, unsigned long addr)
{
	struct page *page;

	if (unlikely(val & DESC_CONT))
		val = cont_unfold(mm, pte, addr);
	if (!pte_present(val))
		return false;
	page = pte_page(val);
	if (!page_is_anon(page) || !pte_cmpxchg(pte, &val, PTE_BUSY))
		return false;
	port_flush_tlb_user_page(mm->context_id, addr);
	/* Who takes a reference looks at the entry afterwards, and sees that it is busy (pin_user_page). */
	if (!page_is_exclusive(page)) {
		port_set_pte(pte, val);
		return false;
	}
	port_set_pte(pte, 0);
	add_mm_counter(mm, MM_ANONPAGES, -1);
	page_remove_rmap(page);
	put_user_page(page);
	return true;
}

void mark_lazy_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long addr = start, stop, n = 0;

	for (; addr < end; addr = stop) {
		u64 *pte = pte_find(mm, addr, &stop);

		stop = min(stop, end);
		if (!pte && mm_has_huge(mm)) {
			bool changed = false;

			if (huge_clear_marks(mm, addr, stop, DESC_DIRTY | DESC_AF, &changed))
				stop = addr;
			n += changed ? HUGE_PAGES : 0;
		}
		for (; pte && addr < stop; addr += PAGE_SIZE, pte++) {
			u64 val = pte_wait(pte);

			while (pte_present(val) && !(val & PTE_SPECIAL) &&
			       (pte_dirty(val) || val & DESC_AF)) {
				u64 clean;

				if (unlikely(val & DESC_CONT)) {
					val = cont_unfold(mm, pte, addr);
					continue;
				}
				clean = (val & ~(u64)(DESC_DIRTY | DESC_AF)) | DESC_RDONLY;

				if (pte_cmpxchg(pte, &val, clean)) {
					n++;
					break;
				}
				if (val == PTE_BUSY)
					val = pte_wait(pte);
			}
		}
	}
	if (!n)
		return;
	/* As long as a TLB has an entry as it was, writes go unnoticed. */
	port_flush_tlb_user_range(mm->context_id, start, end, false);
	__atomic_store_n(&mm->has_lazy, true, __ATOMIC_SEQ_CST);
	count_vm_events(PGLAZYFREE, n);
}

void make_pages_old(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	unsigned long addr = start, stop;
	bool changed = false;

	for (; addr < end; addr = stop) {
		u64 *pte = pte_find(vma->vm_mm, addr, &stop);

		stop = min(stop, end);
		if (!pte && mm_has_huge(vma->vm_mm) &&
		    huge_clear_marks(vma->vm_mm, addr, stop, DESC_AF, &changed))
			stop = addr;
		for (; pte && addr < stop; addr += PAGE_SIZE, pte++) {
			u64 val = pte_load(pte);

			if (unlikely(val & DESC_CONT))
				val = cont_unfold(vma->vm_mm, pte, addr);
			/* What others have in use as well is not for one to judge. */
			if (pte_present(val) && !(val & PTE_SPECIAL) && val & DESC_AF &&
			    __atomic_load_n(&pte_page(val)->_mapcount, __ATOMIC_RELAXED) <= 0)
				changed |= pte_cmpxchg(pte, &val, val & ~(u64)DESC_AF);
		}
	}
	if (changed)
		port_flush_tlb_user_range(vma->vm_mm->context_id, start, end, false);
}

unsigned long drop_lazy_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			      unsigned long most, const nodemask_t *nodes)
{
	bool droppable = vma->vm_flags & VM_DROPPABLE;
	unsigned long addr = start, stop, n = 0;

	for (; addr < end && n < most; addr = stop) {
		u64 *pte = pte_find(vma->vm_mm, addr, &stop);

		stop = min(stop, end);
		/* Of a block each page for itself. */
		if (!pte && mm_has_huge(vma->vm_mm) &&
		    (droppable || huge_is_clean(vma->vm_mm, addr)) &&
		    huge_split_at(vma->vm_mm, addr))
			stop = addr;
		for (; pte && addr < stop && n < most; addr += PAGE_SIZE, pte++) {
			u64 val = pte_load(pte);

			if (!pte_present(val) || val & PTE_SPECIAL ||
			    (pte_dirty(val) && !droppable))
				continue;
			if (nodes && !node_isset(page_to_nid(pte_page(val)), *nodes))
				continue;
			if (drop_entry(vma->vm_mm, pte, val, addr))
				n++;
			else
				__atomic_store_n(&vma->vm_mm->has_lazy, true, __ATOMIC_RELAXED);
		}
	}
	count_vm_events(PGLAZYFREED, n);
	return n;
}

/* mmap_lock, family_lock. False: there may be more. */
static bool reclaim_mm(struct mm_struct *mm, const nodemask_t *nodes, unsigned long *n)
{
	for (struct vm_area_struct *vma = mm->mmap; vma; vma = vma->next) {
		if (!vma_is_anonymous(vma) || vma->vm_flags & VM_LOCKED || !vma->anon_vma)
			continue;
		*n += drop_lazy_pages(vma, vma->vm_start, vma->vm_end, RECLAIM_BATCH - *n, nodes);
		if (*n >= RECLAIM_BATCH)
			return false;
	}
	return true;
}

/* What a reclaim wants, and has got. */
struct lazy_reclaim {
	const nodemask_t *nodes; /* NULL: of any */
	unsigned long freed;
};

/* False: that is enough. */
static bool reclaim_lazy_mm(struct mm_struct *mm, void *arg)
{
	struct lazy_reclaim *r = arg;

	if (!__atomic_load_n(&mm->has_lazy, __ATOMIC_RELAXED) || !mmap_write_trylock(mm))
		return true;
	/* Who says so again says it after this. */
	__atomic_store_n(&mm->has_lazy, false, __ATOMIC_SEQ_CST);
	if (!reclaim_mm(mm, r->nodes, &r->freed) || r->nodes)
		__atomic_store_n(&mm->has_lazy, true, __ATOMIC_RELAXED);
	mmap_write_unlock(mm);
	return r->freed < RECLAIM_BATCH;
}

static unsigned long reclaim_lazy_pages(gfp_t gfp, unsigned int order, int nid,
					nodemask_t *nodemask)
{
	struct lazy_reclaim r = {.nodes = nodemask};

	(void)gfp, (void)order, (void)nid;
	each_mm(reclaim_lazy_mm, &r);
	return r.freed;
}

void vm_reclaim_init(void)
{
	page_alloc_hooks.direct_reclaim = reclaim_lazy_pages;
}
