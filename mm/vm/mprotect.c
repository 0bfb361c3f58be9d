// SPDX-License-Identifier: MIT
/*
 * mprotect: areas change what they allow.
 *
 * Errors and their order are Linux 6.12's (mm/mprotect.c). Locking: mmap_lock. An area has its new flags before its entries
 * are changed, so that a fault which comes between makes an entry of the new kind.
 */
#include <quire/mm.h>

#include "internal.h"

/* What mprotect changes of an entry. */
#define ALTERED ((u64)(DESC_VALID | DESC_USER | DESC_PXN | DESC_UXN | DESC_RDONLY | DESC_WRITE))

/* The entry as the area wants it; what is known of accesses is kept. */
static u64 pte_modify(const struct vm_area_struct *vma, u64 old)
{
	u64 pte;

	if (pte_dirty(old))
		old |= DESC_DIRTY;
	pte = (old & ~ALTERED) | (vma->vm_page_prot & ALTERED);
	/* Alone with its page: a write need not fault first. */
	if (vma->vm_flags & VM_WRITE && !(vma->vm_flags & VM_SHARED) && !(old & PTE_SPECIAL) &&
	    old & DESC_DIRTY && page_is_exclusive(pte_page(old)))
		pte = pte_mkwrite(pte);
	else if (pte_dirty(old) && pte_write(pte))
		pte = pte_mkdirty(pte);
	return pte;
}

/* An entry is about to become executable; a fault may put another page there meanwhile, and free this one. */
static void sync_exec_entry(const struct vm_area_struct *vma, const u64 *pte, u64 val)
{
	struct page *page = pte_page(val);

	if (PageArch1(page) || !get_page_unless_zero(page))
		return;
	if (pte_load(pte) == val)
		sync_exec(vma, page);
	put_page_guessed(page);
}

/* The entry for addr, that anybody may change meanwhile. Returns what it was, 0: nothing was there. */
static u64 change_entry(const struct vm_area_struct *vma, u64 *pte, unsigned long addr)
{
	u64 old = pte_wait(pte);

	while (pte_present(old)) {
		if (unlikely(old & DESC_CONT)) {
			old = cont_unfold(vma->vm_mm, pte, addr);
			continue;
		}
		if (vma->vm_flags & VM_EXEC)
			sync_exec_entry(vma, pte, old);
		if (pte_cmpxchg(pte, &old, pte_modify(vma, old)))
			return old;
		if (old == PTE_BUSY)
			old = pte_wait(pte);
	}
	return 0;
}

/* Private anonymous memory is to be so: bits that may change, and what they become. */
struct new_prot {
	u64 mask, prot;
	bool writable; /* where nobody else has the page */
};

/*
 * Entries that are written and accessed in the software's account: whatever the CPU adds to that, nothing is lost. False: not all four
 * are, or may be written alike; nothing has been done.
 */
static __always_inline bool change_batch(const struct new_prot *p, u64 *pte, struct page *map)
{
	u64 val[PTE_BATCH], all, counts = 0, prot = p->prot;

	port_get_ptes(pte, val);
	all = val[0] & val[1] & val[2] & val[3];
	/* Something empty, or the zero page, is not written. */
	if (unlikely(!(all & DESC_AF)) || unlikely(!(all & DESC_DIRTY)))
		return false;
	if (p->writable) {
		/* None is 0: the entry itself has a reference. */
#pragma GCC unroll 4
		for (unsigned int i = 0; i < PTE_BATCH; i++)
			counts |= page_counts(pte_page_48(val[i], map));
		if (unlikely(counts != PAGE_COUNTS_EXCLUSIVE))
			return false;
		prot = pte_mkwrite(prot);
	}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < PTE_BATCH; i++)
		val[i] = (val[i] & ~p->mask) | prot;
	port_set_ptes(pte, val);
	return true;
}

/*
 * Entries of private anonymous memory that only the CPU may change: it sets no mark in one that is accessed and, if it may be written,
 * is. Returns whether there was one.
 */
static __always_inline bool change_private(const struct vm_area_struct *vma, u64 *pte,
					   unsigned long addr, unsigned long n, bool writable)
{
	const struct new_prot p = {ALTERED, vma->vm_page_prot & ALTERED, writable};
	const u64 *start = pte, *end = pte + n, *batches = pte_batches_end(end);
	struct page *const map = vmemmap;
	bool any = false;

	while (pte < end) {
		u64 old, new;

		if (likely(pte <= batches) && likely(change_batch(&p, pte, map))) {
			any = true;
			pte += PTE_BATCH;
			continue;
		}
		old = pte_load(pte);
		if (!old) {
			pte++;
			continue;
		}
		any = true;
		if (unlikely((old & (DESC_DIRTY | DESC_AF)) != (DESC_DIRTY | DESC_AF))) {
			change_entry(vma, pte, addr + ((unsigned long)(pte - start) << PAGE_SHIFT));
			pte++;
			continue;
		}
		new = (old & ~ALTERED) | p.prot;
		/* Dirty, so it is a page of its own; alone with it, a write need not fault first. */
		if (writable && page_counts(pte_page(old)) == PAGE_COUNTS_EXCLUSIVE)
			new = pte_mkwrite(new);
		port_set_pte(pte++, new);
	}
	return any;
}

/*
 * Folded entries, a whole run, or such as are folded again. First they allow nothing, then, when no TLB has them as they were, what the area
 * wants, all of them alike: so not written without a fault, where not all of the pages are this entry's alone.
 */
static void change_run(const struct vm_area_struct *vma, u64 *pte)
{
	u64 new = (pte_load(pte) & ~ALTERED) | (vma->vm_page_prot & ALTERED);
	struct page *page = pte_page(new);
	unsigned int alone = 0;

	while (alone < CONT_PAGES && page_counts(page + alone) == PAGE_COUNTS_EXCLUSIVE)
		alone++;
	if (vma->vm_flags & VM_WRITE && alone == CONT_PAGES)
		new = pte_mkwrite(new);
	for (unsigned int i = 0; i < CONT_PAGES; i++)
		port_set_pte(&pte[i], new + ((u64)i << PAGE_SHIFT));
}

/* As change_private, of a table where some entries are folded. */
static noinline bool change_runs(const struct vm_area_struct *vma, u64 *pte, unsigned long addr,
				 unsigned long n)
{
	const unsigned long end = addr + (n << PAGE_SHIFT), start = addr;
	bool folded = false, any = false;
	unsigned long stop;

	for (unsigned long i = (-start & (CONT_SIZE - 1)) >> PAGE_SHIFT; i + CONT_PAGES <= n;
	     i += CONT_PAGES)
		if (cont_may_fold(&pte[i], ALTERED)) {
			for (unsigned long k = i; k < i + CONT_PAGES; k++)
				port_set_pte(&pte[k],
					     (pte_load(&pte[k]) & ~(u64)DESC_VALID) | DESC_CONT);
			folded = true;
		}
	if (folded)
		port_flush_tlb_user_range(vma->vm_mm->context_id, start, end, false);
	for (; addr < end; pte += (stop - addr) >> PAGE_SHIFT, addr = stop) {
		stop = min(ALIGN_DOWN(addr, CONT_SIZE) + CONT_SIZE, end);
		if (pte_load(pte) & DESC_CONT)
			change_run(vma, pte);
		else
			any |= change_private(vma, pte, addr, (stop - addr) >> PAGE_SHIFT,
					      vma->vm_flags & VM_WRITE);
	}
	return any;
}

/* old: the flags that the entries were made by. */
static void change_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			      unsigned long old)
{
	struct mm_struct *mm = vma->vm_mm;
	bool private = vma_is_anonymous(vma) && !(vma->vm_flags & (VM_EXEC | VM_SHARED)),
	     any = false;
	unsigned long addr = start, stop;

	for (; addr < end; addr = stop) {
		u64 *pte = pte_find(mm, addr, &stop);

		stop = min(stop, end);
		if (!pte) {
			bool split = false;

			if (mm_has_huge(mm))
				huge_protect(vma, addr, stop, &split, &any);
			if (split)
				stop = addr;
			continue;
		}
		if (private) {
			/* A table at a time without faults. */
			vma_change_begin(mm);
			vma_start_write(vma);
			if (mm_has_cont(mm)) {
				/* Since the area became what it is, faults may have brought runs that lie across the ends. */
				cont_cut(mm, addr);
				cont_cut(mm, stop);
				any |= change_runs(vma, pte, addr, (stop - addr) >> PAGE_SHIFT);
			} else if (vma->vm_flags & VM_WRITE) {
				any |= change_private(vma, pte, addr, (stop - addr) >> PAGE_SHIFT,
						      true);
			} else {
				any |= change_private(vma, pte, addr, (stop - addr) >> PAGE_SHIFT,
						      false);
			}
			vma_change_end(mm);
			continue;
		}
		for (; addr < stop; addr += PAGE_SIZE, pte++)
			any |= change_entry(vma, pte, addr) != 0;
	}
	/* What allowed nothing is in no TLB. */
	if (any && old & VM_ACCESS_FLAGS)
		port_flush_tlb_user_range(mm->context_id, start, end, false);
}

/* Linux: mprotect_fixup. */
static int protect_area(struct vm_area_struct **vma, unsigned long start, unsigned long end,
			unsigned long prot)
{
	struct mm_struct *mm = (*vma)->vm_mm;
	unsigned long old = (*vma)->vm_flags, flags = (old & ~VM_ACCESS_FLAGS) | prot;
	long pages = (long)((end - start) >> PAGE_SHIFT), charged = 0;

	/* VM_MAY* stand four bits above what they allow. */
	if (prot & ~(flags >> 4) & VM_ACCESS_FLAGS)
		return -EACCES;
	if (mm->mdwe && flags & VM_EXEC && (flags & VM_WRITE || !(old & VM_EXEC)))
		return -EACCES;
	if (old & VM_SEALED)
		return -EPERM;
	if (flags == old)
		return 0;
	if (flags & VM_WRITE) {
		if (!may_expand_vm(mm, flags, (unsigned long)pages) &&
		    may_expand_vm(mm, old, (unsigned long)pages))
			return -ENOMEM;
		if (!(old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))) {
			if (vm_enough_memory(mm, pages))
				return -ENOMEM;
			charged = pages;
			flags |= VM_ACCOUNT;
		}
	} else if (old & VM_ACCOUNT && vma_is_anonymous(*vma) && !(*vma)->anon_vma) {
		/* Nobody has touched it: the promise can be taken back. */
		flags &= ~VM_ACCOUNT;
	}
	*vma = vma_modify_flags(*vma, start, end, flags);
	if (!*vma) {
		vm_acct_memory(-charged);
		return -ENOMEM;
	}
	change_protection(*vma, start, end, old);
	if (old & VM_ACCOUNT && !(flags & VM_ACCOUNT))
		vm_acct_memory(-pages);
	return 0;
}

/* *populate: from where on private locked pages became writable, and to where; their copies are to be made at once. */
static int do_mprotect(struct mm_struct *mm, unsigned long start, unsigned long end,
		       unsigned long prot, unsigned long grows, unsigned long populate[2])
{
	struct vm_area_struct *vma = find_vma_to_change(mm, start);
	int err;

	if (!vma || vma->vm_start >= (grows & PROT_GROWSDOWN ? end : start + 1))
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		/* All that the stack has grown to. */
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		start = vma->vm_start;
	}
	if (grows & PROT_GROWSUP)
		return -EINVAL; /* nothing does */
	for (;;) {
		unsigned long stop = min(vma->vm_end, end);
		bool copies = prot & PROT_WRITE &&
			      (vma->vm_flags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED;

		err = protect_area(&vma, start, stop, prot);
		if (!err && copies) {
			populate[0] = min(populate[0], start);
			populate[1] = stop;
		}
		if (err || stop == end)
			return err;
		start = stop;
		vma = vma_lookup(mm, start);
		if (!vma)
			return -ENOMEM;
	}
}

#define PROT_SEM 8UL

int vm_mprotect(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long prot)
{
	unsigned long end, grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	unsigned long populate[2] = {ULONG_MAX, 0};
	int err;

	/* Linux looks at the two first, and at an empty range before the rest. */
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	prot &= ~grows;
	if (start & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	end = start + PAGE_ALIGN(len);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	mmap_write_lock(mm);
	err = do_mprotect(mm, start, end, prot & ~PROT_SEM, grows, populate);
	mmap_write_unlock(mm);
	if (populate[0] < populate[1])
		(void)mm_populate(mm, populate[0], populate[1] - populate[0], true);
	return err;
}
