// SPDX-License-Identifier: MIT
/*
 * MADV_COLLAPSE: what single pages hold goes to a block, which one entry maps.
 *
 *   the table's entry becomes PTE_BUSY, the TLBs forget what was mapped and the way to the table; the pages are copied, what is empty is
 *   zero; the entry becomes a leaf, and the table is kept for its split (huge.c); the pages go.
 *
 * Locking: mmap_lock, and no fault in the area meanwhile: so nobody but the CPU is at the entries, and nobody gets a page by them. Whoever
 * has one already shows in its count of references, and then it stays where it is.
 *
 * Against Linux 6.12 (mm/khugepaged.c): the same conditions and errors for anonymous memory. Files have no blocks, and there is no thread
 * that goes around and collapses.
 */
#include <quire/mm.h>
#include <quire/string.h>

#include "internal.h"

/* Could all that the table shows go to a block? 0, -EINVAL: nothing there may be written, -EAGAIN: somebody holds a page. */
static int look_at_table(const u64 *pte)
{
	bool writable = false;

	for (unsigned long i = 0; i < HUGE_PAGES; i++) {
		u64 val = pte_load(&pte[i]);
		const struct page *page;

		if (!val || val & PTE_SPECIAL)
			continue;
		page = pte_page(val);
		if (!page_is_anon(page))
			return -EINVAL;
		if (page_ref_count(page) != __atomic_load_n(&page->_mapcount, __ATOMIC_RELAXED) + 1)
			return -EAGAIN;
		writable |= pte_write(val);
	}
	return writable ? 0 : -EINVAL;
}

/* No CPU gets there any more. Returns how many pages there were. */
static long move_contents(const struct vm_area_struct *vma, u64 *pte, struct page *head)
{
	long n = 0;

	for (unsigned long i = 0; i < HUGE_PAGES; i++) {
		u64 val = pte_load(&pte[i]);
		struct page *to = head + i;

		if (val && !(val & PTE_SPECIAL)) {
			copy_page(page_address(to), page_address(pte_page(val)));
			n++;
		} else {
			clear_page(page_address(to));
		}
		sync_exec(vma, to);
	}
	return n;
}

static void drop_old_pages(u64 *pte)
{
	for (unsigned long i = 0; i < HUGE_PAGES; i++) {
		u64 val = pte_load(&pte[i]);

		port_set_pte(&pte[i], 0);
		if (!val || val & PTE_SPECIAL)
			continue;
		page_remove_rmap(pte_page(val));
		put_user_page(pte_page(val));
	}
}

/* Faults awaited. */
static int collapse_table(struct vm_area_struct *vma, unsigned long addr, u64 *pmd,
			  struct page *head)
{
	struct mm_struct *mm = vma->vm_mm;
	u64 desc = pte_load(pmd), *pte = pte_lookup(mm, addr);
	int err = look_at_table(pte);
	long n;

	if (err)
		return err;
	port_set_pte(pmd, PTE_BUSY);
	port_flush_tlb_user_range(mm->context_id, addr, addr + HUGE_SIZE, true);
	n = move_contents(vma, pte, head);
	block_init(head, mm, linear_page_index(vma, addr));
	deposit(mm, phys_to_page(desc_to_pa(desc, kernel_pgtable.pa52)));
	desc = PTE_BUSY;
	pte_cmpxchg(pmd, &desc, new_leaf(vma, head));
	drop_old_pages(pte);
	add_mm_counter(mm, MM_ANONPAGES, (long)HUGE_PAGES - n);
	return 0;
}

static int collapse_block(struct vm_area_struct *vma, unsigned long addr)
{
	u64 *pmd = pmd_entry(vma->vm_mm, addr, false), desc = pmd ? pte_wait(pmd) : 0;
	struct page *head;
	int err;

	if (!desc)
		return -EINVAL;
	if (pmd_is_leaf(desc))
		return 0;
	head = vma_alloc_pages(vma, addr, GFP_TRANSHUGE & ~__GFP_COMP, HUGE_ORDER);
	count_vm_event(head ? THP_COLLAPSE_ALLOC : THP_COLLAPSE_ALLOC_FAILED);
	if (!head)
		return -ENOMEM;
	vma_change_begin(vma->vm_mm);
	vma_start_write(vma);
	err = collapse_table(vma, addr, pmd, head);
	vma_change_end(vma->vm_mm);
	if (err)
		__free_pages(head, HUGE_ORDER);
	return err;
}

int collapse_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	unsigned long last = ALIGN_DOWN(vma->vm_end, HUGE_SIZE);
	int err = 0;

	/* Settings do not count, what the area and the program want does. */
	if (!vma_is_anonymous(vma) || vma->vm_flags & (VM_NOHUGEPAGE | VM_SPECIAL) ||
	    vma->vm_mm->thp_disabled || !vma->anon_vma || last < vma->vm_start + HUGE_SIZE)
		return -EINVAL;
	start = ALIGN(start, HUGE_SIZE);
	end = ALIGN_DOWN(end, HUGE_SIZE);
	if (end < start)
		return -EINVAL;
	for (; start < end; start += HUGE_SIZE) {
		int failed = collapse_block(vma, start);

		if (failed)
			err = failed;
		if (failed == -ENOMEM)
			break;
	}
	return err;
}
