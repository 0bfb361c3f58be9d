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
	tlb->keep_anon = false;
	tlb->nr = 0;
	tlb->tables = (struct page_list){0};
}

void gather_flush(struct mmu_gather *tlb)
{
	unsigned int i;
	struct page *page;

	bool dead = tlb->dead, keep_anon = tlb->keep_anon;

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
	tlb->keep_anon = keep_anon;
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

/* The entry becomes 0, unless it shows what is to stay. Returns what it was, or 0. */
static u64 take_pte(u64 *pte, bool keep_anon)
{
	u64 val = pte_wait(pte);

	while (val) {
		if (keep_anon && (val & PTE_SPECIAL || page_is_anon(pte_page(val))))
			return 0;
		if (pte_cmpxchg(pte, &val, 0))
			break;
		if (val == PTE_BUSY)
			val = pte_wait(pte);
	}
	return val;
}

/* Pages that left, by counter. */
struct rss_change {
	long n[NR_MM_COUNTERS];
};

/* The entry of a page has been taken: nobody else learns of the page from it. */
static void drop_mapped(struct mmu_gather *tlb, u64 val, struct rss_change *rss)
{
	struct page *page = pte_page(val);

	rss->n[page_counter(page)]--;
	if (pte_dirty(val) && !page_is_anon(page))
		SetPageDirty(page);
	page_remove_rmap(page);
	tlb->pages[tlb->nr++] = page;
	if (tlb->nr == GATHER_PAGES)
		gather_flush(tlb);
}

void unmap_page_range(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = tlb->mm;
	struct rss_change rss = {0};
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

			if (!val)
				continue;
			val = take_pte(pte, tlb->keep_anon);
			if (!pte_present(val))
				continue;
			note(tlb, addr, addr + PAGE_SIZE);
			if (!(val & PTE_SPECIAL))
				drop_mapped(tlb, val, &rss);
		}
	}
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++)
		if (rss.n[i])
			add_mm_counter(mm, i, rss.n[i]);
}

void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct mmu_gather tlb;

	gather_begin(&tlb, mm, false);
	unmap_page_range(&tlb, start, end);
	gather_flush(&tlb);
}
