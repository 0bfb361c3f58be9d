// SPDX-License-Identifier: MIT
/*
 * Does an address space hold what it claims? Areas, list, tree, counts and page tables are derived again from each other. For tests and
 * debugging: nobody changes the address space meanwhile.
 */
#include <quire/mm.h>
#include <quire/printk.h>

#include "internal.h"

struct tally {
	unsigned long total, locked, data, exec, stack; /* pages */
	long rss[NR_MM_COUNTERS];
	unsigned int areas, leaves;
	int bad;
};

static void bad_area(struct tally *t, const struct vm_area_struct *vma, const char *what)
{
	pr_err("mm_check: [%#lx, %#lx) flags %#lx: %s\n", vma->vm_start, vma->vm_end, vma->vm_flags,
	       what);
	t->bad++;
}

/* The entry of a page, or what it would be. vma NULL: there should be none. */
static void check_entry(const struct vm_area_struct *vma, unsigned long addr, u64 val,
			struct tally *t)
{
	struct page *page;
	int found;

	if (!vma || !pte_present(val)) {
		pr_err("mm_check: the entry of %#lx is %#llx%s\n", addr, (unsigned long long)val,
		       vma ? "" : ", where no area is");
		t->bad++;
		return;
	}
	if ((val & DESC_VALID) && !(vma->vm_flags & VM_ACCESS_FLAGS))
		bad_area(t, vma, "accessible, against its flags");
	if (pte_write(val) && !(val & DESC_RDONLY) && !(vma->vm_flags & VM_WRITE))
		bad_area(t, vma, "writable, against its flags");
	if (val & PTE_SPECIAL)
		return;
	page = pte_page(val);
	if (page_ref_count(page) < 1 || page->_mapcount < 0)
		bad_area(t, vma, "maps a page that nobody claims");
	if (pte_write(val) && !(vma->vm_flags & VM_SHARED) && page->_mapcount > 0)
		bad_area(t, vma, "writes to a page that is shared");
	found = page_rmap_count(page);
	if (found >= 0 && found != page->_mapcount + 1)
		bad_area(t, vma, "maps a page whose entries are not all found");
	t->rss[page_counter(page)]++;
}

static void check_page(const struct vm_area_struct *vma, unsigned long addr, const u64 *pte,
		       struct tally *t)
{
	const u64 val = pte_load(pte);
	const char *what = vma && val & DESC_CONT ? cont_fault(vma, pte, addr) : NULL;

	check_entry(vma, addr, val, t);
	if (what)
		bad_area(t, vma, what);
	if (vma && val & DESC_CONT && !mm_has_cont(vma->vm_mm))
		bad_area(t, vma, "has contiguous entries, against its word");
}

/* A leaf that maps addr, where no table is. Returns where it ends; 0: there is none. */
static unsigned long check_leaf(struct mm_struct *mm, const struct vm_area_struct *vma,
				unsigned long addr, struct tally *t)
{
	unsigned long start = ALIGN_DOWN(addr, HUGE_SIZE), end = start + HUGE_SIZE;
	u64 raw, val;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		if (!entry_find(mm, addr, &raw, &val) || !val)
			break;
		check_entry(vma, addr, val, t);
	}
	if (addr == start)
		return 0;
	t->leaves++;
	if (addr < end || !vma || start < vma->vm_start || end > vma->vm_end ||
	    !vma_is_anonymous(vma) || (!(val & PTE_SPECIAL) && !page_in_leaf(pte_page(val))))
		bad_area(t, vma ? vma : mm->mmap, "has a block that does not belong there");
	return end;
}

/* The entries of [start, end); vma NULL: there should be none. */
static void check_entries(struct mm_struct *mm, const struct vm_area_struct *vma,
			  unsigned long start, unsigned long end, struct tally *t)
{
	unsigned long addr = start, stop;

	while (addr < end) {
		const u64 *pte = pte_find(mm, addr, &stop);
		unsigned long leaf_end = !pte && mm_has_huge(mm) ? check_leaf(mm, vma, addr, t) : 0;

		stop = leaf_end ? leaf_end : min(stop, end);
		for (; pte && addr < stop; addr += PAGE_SIZE, pte++)
			if (pte_load(pte))
				check_page(vma, addr, pte, t);
		addr = stop;
	}
}

static void check_area(struct mm_struct *mm, const struct vm_area_struct *vma, struct tally *t)
{
	unsigned long pages = vma_pages(vma), flags = vma->vm_flags, start, end;

	t->areas++;
	if (vma->vm_start >= vma->vm_end || (vma->vm_start | vma->vm_end) & (PAGE_SIZE - 1) ||
	    vma->vm_end > TASK_SIZE)
		bad_area(t, vma, "is no range of pages");
	if (vma->vm_mm != mm)
		bad_area(t, vma, "is another's");
	if (gap_tree_find(&mm->areas, vma->vm_start, &start, &end) != vma ||
	    start != vma->vm_start || end != vma->vm_end)
		bad_area(t, vma, "is not so in the tree");
	if (vma->next && (vma->next->prev != vma || vma->next->vm_start < vma->vm_end))
		bad_area(t, vma, "does not go with the next one");
	t->total += pages;
	if (flags & VM_LOCKED)
		t->locked += pages;
	if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		t->exec += pages;
	else if (flags & VM_GROWSDOWN)
		t->stack += pages;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		t->data += pages;
}

/* No hole between mmap_full and mmap_base. */
static int check_full(const struct mm_struct *mm)
{
	unsigned long start, end;

	if (mm->mmap_full >= mm->mmap_base ||
	    !gap_tree_lowest(&mm->areas, mm->mmap_full, mm->mmap_base, 1, &start, &end))
		return 0;
	pr_err("mm_check: nothing is mapped in [%#lx, %#lx), where all is said to be full from "
	       "%#lx to %#lx\n",
	       start, end, mm->mmap_full, mm->mmap_base);
	return 1;
}

int mm_check(struct mm_struct *mm)
{
	const struct vm_area_struct *vma;
	unsigned long last = 0;
	struct tally t = {0};

	t.bad = gap_tree_check(&mm->areas) + check_full(mm);
	if (mm->mmap && mm->mmap->prev)
		bad_area(&t, mm->mmap, "is the first, and has one before it");
	for (vma = mm->mmap; vma; vma = vma->next) {
		check_area(mm, vma, &t);
		check_entries(mm, NULL, last, vma->vm_start, &t);
		check_entries(mm, vma, vma->vm_start, vma->vm_end, &t);
		last = vma->vm_end;
	}
	check_entries(mm, NULL, last, TASK_SIZE, &t);
	if (t.areas != mm->map_count || t.areas != mm->areas.nr || t.total != mm->total_vm ||
	    t.locked != mm->locked_vm || t.data != mm->data_vm || t.exec != mm->exec_vm ||
	    t.stack != mm->stack_vm) {
		pr_err("mm_check: %u areas of %lu pages (data %lu, code %lu, stack %lu, locked "
		       "%lu), counted %u of %lu "
		       "(%lu, %lu, %lu, %lu)\n",
		       t.areas, t.total, t.data, t.exec, t.stack, t.locked, mm->map_count,
		       mm->total_vm, mm->data_vm, mm->exec_vm, mm->stack_vm, mm->locked_vm);
		t.bad++;
	}
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++) {
		if (t.rss[i] == mm_counter_sum(mm, i))
			continue;
		pr_err("mm_check: %ld pages of kind %u are mapped, counted %ld\n", t.rss[i], i,
		       mm_counter_sum(mm, i));
		t.bad++;
	}
	if (t.leaves != mm->nr_huge) {
		pr_err("mm_check: %u blocks are mapped, counted %u\n", t.leaves, mm->nr_huge);
		t.bad++;
	}
	if ((long)(count_pgtables(mm) * PAGE_SIZE) != mm->pgtables_bytes) {
		pr_err("mm_check: %lu tables, counted %ld bytes\n", count_pgtables(mm),
		       mm->pgtables_bytes);
		t.bad++;
	}
	return t.bad;
}
