// SPDX-License-Identifier: MIT
/*
 * Contiguous entries: an aligned run of a program's entries of pages, CONT_PAGES of them, that a TLB may hold as one (Arm ARM D8.7.1, Linux: contpte).
 *
 * They are folded, that is have DESC_CONT, when a fault fills all of them at once (group.c). What may be said of folded ones:
 *   - all CONT_PAGES have the bit, show pages in a row from an aligned one on, and are otherwise alike
 *   - they are of private anonymous memory, accessed and dirty in the software's account, and where they may be written not RDONLY: so the
 *     CPU, which may write its marks into any entry of a run, has none to write, and who reads marks of one entry has those of all
 *   - they lie in one area: moving an area's end unfolds (vma_move_ends)
 *
 * What happens to a whole run under who has kept faults away happens entry after entry: unmapping, exit, fork (the child's are folded as
 * well), mprotect. Until the flush at the end a TLB may have the run as it was or as it becomes. Who changes one entry, or may meet others, unfolds first.
 * mprotect of a whole run folds it again if it can be: its entries are without the right to anything then anyhow, before a flush. Nothing else does.
 *
 * Locking: who unfolds has the first entry for himself (PTE_BUSY), then the others, each when it is not taken any more: the fault that fills a run
 * does so from the first entry on, has the rest taken meanwhile, and waits for nobody. A folded entry is changed by nobody else, since whoever
 * finds it folded comes here. Where the bit goes no translation may be left that has more than one page, so the flush stands between
 * (break-before-make).
 *
 * Against Linux 6.12 (arch/arm64/mm/contpte.c): there entries are also folded when the last one of a run comes, files' as well, and marks are gathered
 * over the run.
 */
#include <quire/mm.h>

#include "internal.h"

u64 cont_unfold(struct mm_struct *mm, u64 *pte, unsigned long addr)
{
	const unsigned long start = ALIGN_DOWN(addr, CONT_SIZE);
	u64 *first = pte - ((addr - start) >> PAGE_SHIFT), val;

	for (;;) {
		val = pte_wait(first);
		if (val & DESC_CONT) {
			if (pte_cmpxchg(first, &val, PTE_BUSY))
				break;
			continue;
		}
		/* What was seen of the first one may be older than what the caller saw of his: then his is still folded. */
		val = pte_wait(pte);
		if (!(val & DESC_CONT))
			return val;
	}
	for (unsigned int i = 1; i < CONT_PAGES; i++) {
		/* The fault that fills the run may not have come to all of it yet: it would write over what is made of it here. */
		(void)pte_wait(&first[i]);
		port_set_pte(&first[i], PTE_BUSY);
	}
	port_flush_tlb_user_range(mm->context_id, start, start + CONT_SIZE, false);
	val &= ~(u64)DESC_CONT;
	/* Who finds the first one his again finds all of them so. */
	for (unsigned int i = CONT_PAGES; i--;)
		port_set_pte(&first[i], val + ((u64)i << PAGE_SHIFT));
	return pte_wait(pte);
}

bool cont_may_fold(const u64 *pte, u64 mask)
{
	const u64 marks = DESC_AF | DESC_DIRTY, val = pte_load(pte) & ~mask;

	/* That the pages are not a group's shows most often in the first one's address. */
	if ((val & marks) != marks || val & PTE_SPECIAL || pte_pa(val) & (CONT_SIZE - 1))
		return false;
	for (unsigned int i = 1; i < CONT_PAGES; i++)
		if ((pte_load(&pte[i]) & ~mask) != val + ((u64)i << PAGE_SHIFT))
			return false;
	return true;
}

void cont_cut(struct mm_struct *mm, unsigned long addr)
{
	u64 *pte = addr & (CONT_SIZE - 1) ? pte_lookup(mm, addr) : NULL;

	if (pte && pte_wait(pte) & DESC_CONT)
		cont_unfold(mm, pte, addr);
}

void cont_unfold_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long stop;

	for (unsigned long addr = start; addr < end; addr = stop) {
		u64 *pte = pte_find(mm, addr, &stop);

		for (; pte && addr < min(stop, end); addr += PAGE_SIZE, pte++)
			if (pte_load(pte) & DESC_CONT)
				cont_unfold(mm, pte, addr);
	}
}

const char *cont_fault(const struct vm_area_struct *vma, const u64 *pte, unsigned long addr)
{
	const unsigned long start = ALIGN_DOWN(addr, CONT_SIZE);
	const u64 *first = pte - ((addr - start) >> PAGE_SHIFT);
	const u64 val = pte_load(first);

	if (start < vma->vm_start || start + CONT_SIZE > vma->vm_end)
		return "has contiguous entries that it shares with others";
	if (!vma_is_anonymous(vma) || val & PTE_SPECIAL || !(val & DESC_AF) ||
	    !(val & DESC_DIRTY) || (val & DESC_WRITE && val & DESC_RDONLY))
		return "has contiguous entries which the CPU could mark";
	if (pte_pa(val) & (CONT_SIZE - 1))
		return "has contiguous entries of pages that are not aligned";
	for (unsigned int i = 0; i < CONT_PAGES; i++)
		if (pte_load(&first[i]) != val + ((u64)i << PAGE_SHIFT))
			return "has contiguous entries that do not agree";
	return NULL;
}
