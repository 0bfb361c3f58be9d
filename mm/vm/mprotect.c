// SPDX-License-Identifier: MIT
/*
 * mprotect and madvise: areas change what they allow, or give up what they show.
 *
 * Errors and their order are Linux 6.12's (mm/mprotect.c, mm/madvise.c). Locking: mmap_lock. An area has its new flags before its entries
 * are changed, so that a fault which comes between makes an entry of the new kind.
 */
#include <quire/mm.h>

#include "internal.h"

/* The entry as the area wants it; what is known of accesses is kept. */
static u64 pte_modify(const struct vm_area_struct *vma, u64 old)
{
	const u64 mask = DESC_VALID | DESC_USER | DESC_PXN | DESC_UXN | DESC_RDONLY | DESC_WRITE;
	u64 pte;

	if (pte_dirty(old))
		old |= DESC_DIRTY;
	pte = (old & ~mask) | (vma->vm_page_prot & mask);
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
	put_user_page(page);
}

static void change_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long addr = start, stop;
	bool any = false;

	while (addr < end) {
		u64 *pte = pte_find(mm, addr, &stop);

		stop = min(stop, end);
		if (!pte) {
			addr = stop;
			continue;
		}
		for (; addr < stop; addr += PAGE_SIZE, pte++) {
			u64 old = pte_load(pte);

			while (pte_present(old) || old == PTE_BUSY) {
				if (old == PTE_BUSY) {
					old = pte_wait(pte);
					continue;
				}
				if (vma->vm_flags & VM_EXEC)
					sync_exec_entry(vma, pte, old);
				if (pte_cmpxchg(pte, &old, pte_modify(vma, old))) {
					any |= old & DESC_VALID;
					break;
				}
			}
		}
	}
	if (any)
		port_flush_tlb_user_range(mm->context_id, start, end, false);
}

static int protect_area(struct vm_area_struct **vma, unsigned long start, unsigned long end,
			unsigned long prot)
{
	unsigned long old = (*vma)->vm_flags, flags = (old & ~VM_ACCESS_FLAGS) | prot;

	/* VM_MAY* stand four bits above what they allow. */
	if (prot & ~(flags >> 4) & VM_ACCESS_FLAGS)
		return -EACCES;
	if (flags == old)
		return 0;
	if ((flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE)
		flags |= VM_ACCOUNT;
	*vma = vma_modify_flags(*vma, start, end, flags);
	if (!*vma)
		return -ENOMEM;
	change_protection(*vma, start, end);
	return 0;
}

static int do_mprotect(struct mm_struct *mm, unsigned long start, unsigned long end,
		       unsigned long prot, unsigned long grows)
{
	struct vm_area_struct *vma = find_vma(mm, start);
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

		err = protect_area(&vma, start, stop, prot);
		if (err || stop == end)
			return err;
		start = stop;
		vma = vma_lookup(mm, start);
		if (!vma)
			return -ENOMEM;
	}
}

int vm_mprotect(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long prot)
{
	unsigned long end, grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
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
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
		return -EINVAL;
	mmap_write_lock(mm);
	err = do_mprotect(mm, start, end, prot, grows);
	mmap_write_unlock(mm);
	return err;
}

/* ------------------------------------------------------------------ madvise */

static int advise_area(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		       int advice)
{
	unsigned long flags = vma->vm_flags;

	switch (advice) {
	case MADV_DONTNEED:
		if (flags & (VM_LOCKED | VM_PFNMAP))
			return -EINVAL;
		zap_range(vma->vm_mm, start, end);
		return 0;
	case MADV_DONTFORK:
		flags |= VM_DONTCOPY;
		break;
	case MADV_DOFORK:
		if (flags & VM_IO)
			return -EINVAL;
		flags &= ~VM_DONTCOPY;
		break;
	case MADV_WIPEONFORK:
		if (!vma_is_anonymous(vma) || flags & VM_SHARED)
			return -EINVAL;
		flags |= VM_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		flags &= ~VM_WIPEONFORK;
		break;
	default:
		return 0;
	}
	/* That there is no memory for another area is not the caller's mistake: not ENOMEM, which says that. */
	return flags == vma->vm_flags || vma_modify_flags(vma, start, end, flags) ? 0 : -EAGAIN;
}

static bool advice_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return true;
	}
	return false;
}

int vm_madvise(struct mm_struct *mm, unsigned long start, unsigned long len, int advice)
{
	unsigned long end = start + PAGE_ALIGN(len);
	int err = 0, hole = 0;

	if (!advice_known(advice) || start & (PAGE_SIZE - 1) || (len && !PAGE_ALIGN(len)) ||
	    end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate_range(mm, start, end, advice == MADV_POPULATE_WRITE);
	mmap_write_lock(mm);
	while (start < end && !err) {
		struct vm_area_struct *vma = find_vma(mm, start);

		if (!vma || vma->vm_start > start) {
			/* What is not mapped is an error at the end, not for what follows. */
			hole = -ENOMEM;
			if (!vma || vma->vm_start >= end)
				break;
			start = vma->vm_start;
		}
		len = min(vma->vm_end, end);
		err = advise_area(vma, start, len, advice);
		start = len;
	}
	mmap_write_unlock(mm);
	return err ? err : hole;
}
