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

/* What the last reference and mapping is taken from is free. In place: *pages gets those, the number is returned. */
static unsigned int drop_pages(struct mm_struct *mm, unsigned long *pages, unsigned int nr)
{
	long rss[NR_MM_COUNTERS] = {0};
	struct page **freed = (struct page **)pages;
	unsigned int nr_freed = 0;

	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = (struct page *)(pages[i] & ~1UL);
		bool anon = page_is_anon(page);
		u64 counts;

		if (likely(anon)) {
			rss[MM_ANONPAGES]--;
		} else {
			rss[page_counter(page)]--;
			if (pages[i] & 1)
				SetPageDirty(page);
		}
		counts = page_counts_sub(page, PAGE_COUNTS_MAPPED);
		if ((s64)counts >= 0)
			continue;
		/* No mapping is left. */
		count_mapped(page, anon ? MAPPED_ANON : MAPPED_FILE, -1);
		if (unlikely(counts != PAGE_COUNTS_FREE))
			continue;
		if (anon)
			__atomic_store_n(&page->word, 0, __ATOMIC_RELAXED);
		freed[nr_freed++] = page;
	}
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++)
		if (rss[i])
			add_mm_counter(mm, i, rss[i]);
	return nr_freed;
}

void gather_flush(struct mmu_gather *tlb)
{
	bool dead = tlb->dead, keep_anon = tlb->keep_anon;
	struct page *page;

	if (!dead && tlb->whole)
		port_flush_tlb_asid(tlb->mm->context_id);
	else if (!dead && (tlb->start < tlb->end || tlb->freed_tables))
		port_flush_tlb_user_range(tlb->mm->context_id, tlb->start, tlb->end,
					  tlb->freed_tables);
	if (tlb->nr)
		free_unref_pages((struct page **)tlb->pages,
				 (int)drop_pages(tlb->mm, tlb->pages, tlb->nr));
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

/* Entries of one table, of [addr, stop). */
static __always_inline void unmap_entries(struct mmu_gather *tlb, u64 *pte, unsigned long addr,
					  unsigned long stop, bool dead)
{
	for (; addr < stop; addr += PAGE_SIZE, pte++) {
		u64 val = pte_load(pte);

		if (!val)
			continue;
		if (!dead) {
			val = take_pte(pte, tlb->keep_anon);
			if (!val)
				continue;
			note(tlb, addr, addr + PAGE_SIZE);
		}
		if (unlikely(val & PTE_SPECIAL))
			continue;
		tlb->pages[tlb->nr++] = (unsigned long)pte_page(val) | pte_dirty(val);
		if (tlb->nr == GATHER_PAGES)
			gather_flush(tlb);
	}
}

void unmap_page_range(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	unsigned long addr = start, stop;
	u64 *pte;

	for (; (pte = pte_next(tlb->mm, &addr, end, &stop)); addr = stop) {
		/* Nobody comes to a dead one's entries any more: they go with their table. */
		if (tlb->dead)
			unmap_entries(tlb, pte, addr, stop, true);
		else
			unmap_entries(tlb, pte, addr, stop, false);
	}
}

void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct mmu_gather tlb;

	gather_begin(&tlb, mm, false);
	unmap_page_range(&tlb, start, end);
	gather_flush(&tlb);
}
