// SPDX-License-Identifier: MIT
/*
 * Looking at what is mapped, for smaps, pagemap and mincore's like (include/quire/pagewalk.h).
 *
 * Reads entries as they are at that moment; takes no reference: what it says of a page is a report, not a hold on it. Locking: the
 * caller's mmap_lock keeps tables from being freed.
 */
#include <quire/pagewalk.h>

#include "internal.h"

bool vm_mapped_page(struct mm_struct *mm, unsigned long addr, unsigned long end,
		    struct mapped_page *m, unsigned long *next)
{
	unsigned long table_end;
	const u64 *pte = pte_find(mm, addr, &table_end);
	u64 desc, raw = 0;

	if (pte)
		raw = desc = pte_wait(pte);
	else if (!mm_has_huge(mm) || !entry_find(mm, addr, &raw, &desc)) {
		*next = min(table_end, end);
		return false;
	}
	/* Each page of a block has its own account. */
	*next = addr + PAGE_SIZE;
	if (!pte_present(desc))
		return false;
	*m = (struct mapped_page){
		.pfn = PHYS_PFN(pte_pa(desc)),
		.size = pmd_is_leaf(raw) && !pte ? HUGE_SIZE : PAGE_SIZE,
		.write = pte_write(desc),
		.dirty = pte_dirty(desc),
		.young = desc & DESC_AF,
	};
	if (desc & PTE_SPECIAL)
		return true;
	m->page = pte_page(desc);
	m->mapcount = __atomic_load_n(&m->page->_mapcount, __ATOMIC_RELAXED) + 1;
	m->anon = page_is_anon(m->page);
	m->shmem = !m->anon && PageSwapBacked(m->page);
	return true;
}

/* So much is looked at before who wants to change the area has his turn. */
#define ENTRIES_AT_ONCE 512U

void vm_each_mapped(struct mm_struct *mm, unsigned long addr, unsigned long end,
		    void (*see)(void *arg, const struct vm_area_struct *vma,
				const struct mapped_page *m, unsigned long size),
		    void *arg)
{
	while (addr < end) {
		const struct vm_area_struct *vma = vma_start_read(mm, addr);
		unsigned long next, stop;

		if (!vma)
			return;
		stop = min(end, vma->vm_end);
		for (unsigned int n = 0; addr < stop && n < ENTRIES_AT_ONCE; n++, addr = next) {
			struct mapped_page m;

			if (vm_mapped_page(mm, addr, stop, &m, &next))
				see(arg, vma, &m, next - addr);
		}
		vma_end_read();
	}
}

const char *vma_anon_name(const struct vm_area_struct *vma)
{
	return vma->anon_name ? vma->anon_name->name : NULL;
}

const struct page *vm_zero_page(void)
{
	return zero_page;
}

/*
 * Without a flush: a translation that a TLB still has lets an access pass unnoticed, as it does on Linux until the entry is looked up
 * again.
 */
void vm_clear_refs(struct mm_struct *mm, int which)
{
	mmap_read_lock(mm);
	for (const struct vm_area_struct *vma = mm->mmap; vma; vma = vma->next) {
		unsigned long addr = vma->vm_start, next;

		if ((which == 2 && vma->vm_file) || (which == 3 && !vma->vm_file))
			continue;
		for (; addr < vma->vm_end; addr = next) {
			struct mapped_page m;
			unsigned long end;
			u64 *pte, old;

			if (!vm_mapped_page(mm, addr, vma->vm_end, &m, &next) || !m.young)
				continue;
			pte = pte_find(mm, addr, &end);
			if (!pte) {
				huge_clear_young(mm, addr);
				continue;
			}
			old = pte_wait(pte);
			if (unlikely(old & DESC_CONT))
				old = cont_unfold(mm, pte, addr);
			/* One that changes meanwhile is in use. */
			if (pte_present(old))
				pte_cmpxchg(pte, &old, old & ~(u64)DESC_AF);
			if (m.page)
				ClearPageReferenced(m.page);
		}
	}
	mmap_read_unlock(mm);
}
