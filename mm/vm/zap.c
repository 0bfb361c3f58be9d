// SPDX-License-Identifier: MIT
/*
 * Taking pages out of an address space.
 *
 * Order, for each page: its entry is cleared, the TLBs are flushed, the page's reference goes. Between the first two a CPU may still
 * use the page by what its TLB holds, so it must be nobody else's yet. Many pages share one flush.
 *
 * Locking: none. Entries are taken one by one, so a fault may come between; who wants a range to stay empty has taken its area out of
 * the address space before.
 */
#include <quire/mm.h>

#include "gather.h"
#include "internal.h"

void gather_begin(struct mmu_gather *tlb, struct mm_struct *mm, bool whole)
{
	tlb->mm = mm;
	tlb->start = ULONG_MAX;
	tlb->end = 0;
	tlb->freed_tables = false;
	tlb->whole = whole;
	tlb->dead = false;
	tlb->nr = 0;
	tlb->tables = (struct page_list){0};
}

void gather_flush(struct mmu_gather *tlb)
{
	unsigned int i;
	struct page *page;

	bool dead = tlb->dead;

	if (!dead && tlb->whole)
		port_flush_tlb_asid(tlb->mm->context_id);
	else if (!dead && (tlb->start < tlb->end || tlb->freed_tables))
		port_flush_tlb_user_range(tlb->mm->context_id, tlb->start, tlb->end,
					  tlb->freed_tables);
	for (i = 0; i < tlb->nr; i++)
		put_user_page(tlb->pages[i]);
	while ((page = page_list_first(&tlb->tables))) {
		page_list_del(&tlb->tables, page);
		table_page_free(tlb->mm, page);
	}
	gather_begin(tlb, tlb->mm, tlb->whole);
	tlb->dead = dead;
}

static void note(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	tlb->start = min(tlb->start, start);
	tlb->end = max(tlb->end, end);
}

void gather_table(struct mmu_gather *tlb, struct page *table, unsigned long addr)
{
	/* A CPU may keep the way to a table that no page hangs in any more: one address that leads there is flushed. */
	note(tlb, addr, addr + PAGE_SIZE);
	page_list_add(&tlb->tables, table);
	tlb->freed_tables = true;
}

/* The entry becomes 0. Returns what it was. */
static u64 take_pte(u64 *pte)
{
	u64 val = pte_wait(pte);

	while (val && !pte_cmpxchg(pte, &val, 0))
		if (val == PTE_BUSY)
			val = pte_wait(pte);
	return val;
}

void unmap_page_range(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = tlb->mm;
	long anon = 0, file = 0;
	unsigned long addr = start;

	while (addr < end) {
		unsigned long stop;
		u64 *pte = pte_find(mm, addr, &stop);

		stop = min(stop, end);
		if (!pte) {
			addr = stop;
			continue;
		}
		for (; addr < stop; addr += PAGE_SIZE, pte++) {
			u64 val = pte_load(pte);
			struct page *page;

			if (!val)
				continue;
			val = take_pte(pte);
			if (!pte_present(val))
				continue;
			note(tlb, addr, addr + PAGE_SIZE);
			if (val & PTE_SPECIAL)
				continue;
			page = pte_page(val);
			if (page_is_anon(page)) {
				anon++;
			} else {
				file++;
				if (pte_dirty(val))
					SetPageDirty(page);
			}
			__atomic_fetch_sub(&page->_mapcount, 1, __ATOMIC_RELAXED);
			tlb->pages[tlb->nr++] = page;
			if (tlb->nr == GATHER_PAGES)
				gather_flush(tlb);
		}
	}
	if (anon)
		add_mm_counter(mm, MM_ANONPAGES, -anon);
	if (file)
		add_mm_counter(mm, MM_FILEPAGES, -file);
}

void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct mmu_gather tlb;

	gather_begin(&tlb, mm, false);
	unmap_page_range(&tlb, start, end);
	gather_flush(&tlb);
}
