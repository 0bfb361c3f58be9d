// SPDX-License-Identifier: MIT
/*
 * Groups: pages in a row, 2^order of them and fewer than a block has, that one fault brings (Linux: mTHP).
 *
 * A write to private anonymous memory where nothing is takes the largest naturally aligned group that the settings allow, that lies in the area,
 * whose entries are all empty, and that there is memory for; else the next smaller one; else a page. As those of a block (huge.c) the
 * pages are single ones, each with its own counts and index: what happens to one of them happens to it alone, and there is nothing to split. The first
 * has PG_large_head and the order in `prev`, until it is freed or moved: for kpageflags and for hugepages-*kB/stats/nr_anon.
 *
 * Where it fills runs of CONT_PAGES entries these are folded (cont.c).
 *
 * Locking: as entries of pages. All of the group's are taken first, as PTE_BUSY, without waiting for any; then they are filled. So two
 * groups, or a group and a page, never have a part each: who finds an entry taken gives his back, and the access tries again.
 *
 * Against Linux 6.12 (alloc_anon_folio): the same choice of the order and the same statistics. There a group is a folio, and what is left of one in part
 * waits for reclaim to be split.
 */
#include <quire/mm.h>
#include <quire/page_debug.h>

#include "internal.h"

/* Where the group of f->address begins, if it lies in the area; ULONG_MAX: it does not. */
static unsigned long group_start(const struct vm_fault *f, unsigned int order)
{
	const unsigned long size = PAGE_SIZE << order, start = ALIGN_DOWN(f->address, size);
	const struct vm_area_struct *vma = f->vma;

	return start >= vma->vm_start && vma->vm_end - start >= size ? start : ULONG_MAX;
}

/* All entries are the caller's. False: one is not empty, and all are as they were. */
static bool take_empty(u64 *pte, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		u64 none = 0;

		if (pte_cmpxchg(&pte[i], &none, PTE_BUSY))
			continue;
		while (i--)
			port_set_pte(&pte[i], 0);
		return false;
	}
	return true;
}

/* The entries, taken, show the pages of the group. */
static void fill(const struct vm_area_struct *vma, u64 *pte, const struct page *head,
		 unsigned int n)
{
	const u64 prot = writable_pte(vma, area_prot(vma)) | (n < CONT_PAGES ? 0 : DESC_CONT);
	phys_addr_t pa = page_to_phys(head);

	for (unsigned int i = 0; i < n; i += PTE_BATCH) {
		u64 val[PTE_BATCH];

		for (unsigned int k = 0; k < PTE_BATCH; k++, pa += PAGE_SIZE)
			val[k] = mk_pte(pa, prot);
		port_set_ptes(pte + i, val);
	}
}

static void make_group(const struct vm_fault *f, unsigned long start, struct page *head,
		       unsigned int order)
{
	struct vm_area_struct *vma = f->vma;
	u64 *pte = f->pte - ((f->address - start) >> PAGE_SHIFT);
	const unsigned int n = 1U << order;

	for (unsigned int i = 0; i < n; i++) {
		clear_page(page_address(head + i));
		sync_exec(vma, head + i);
	}
	if (!take_empty(pte, n)) {
		__free_pages(head, order);
		return;
	}
	group_init(head, vma->vm_mm, linear_page_index(vma, start), order);
	if (n >= CONT_PAGES)
		relaxed_store(&vma->vm_mm->has_cont, true);
	/* Who finds the pages by the entries finds them empty, and the program's. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	fill(vma, pte, head, n);
	add_mm_counter(vma->vm_mm, MM_ANONPAGES, (long)n);
	mod_mthp_stat(order, MTHP_ANON_FAULT_ALLOC, 1);
}

bool group_fault(struct vm_fault *f)
{
	unsigned long orders = relaxed_load(&thp_group_orders), start;

	for (unsigned int order = HUGE_ORDER - 1; orders; orders &= ~BIT(order), order--) {
		struct page *head;

		if (!(orders & BIT(order)) || !thp_allowed(f->vma, order))
			continue;
		start = group_start(f, order);
		if (start == ULONG_MAX)
			continue;
		if (ptes_none(f->pte - ((f->address - start) >> PAGE_SHIFT), 1U << order) <
		    1U << order)
			continue;
		head = vma_alloc_pages(f->vma, start, thp_gfp(f->vma), order);
		if (head) {
			make_group(f, start, head, order);
			return true;
		}
		mod_mthp_stat(order, MTHP_ANON_FAULT_FALLBACK, 1);
	}
	return false;
}
