// SPDX-License-Identifier: MIT
/*
 * Taking pages out of an address space.
 *
 * Order, for each page: its entry is cleared, the TLBs are flushed, the page's reference goes. Between the first two a CPU may still
 * use the page by what its TLB holds, so it must be nobody else's yet. Many pages share one flush.
 *
 * Locking: none. Entries are taken one by one, so a fault may come between; who wants a range to stay empty has taken its area out of
 * the address space before. Then nobody but the CPU changes what is there, and of private memory plain stores do, four entries at a
 * time where four pages follow one another.
 *
 * Against Linux 6.12: the same order. There each table has a lock, and every entry is an atomic exchange, a mapping to drop and a
 * reference to drop; here the two are one word of the page.
 */
#include <quire/mm.h>
#include <quire/string.h>

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
	tlb->max = GATHER_PAGES;
	tlb->pages = tlb->own;
	tlb->tables = (struct page_list){0};
}

/* Pages of files: what was written to them by the entry that is gone is theirs now. */
static void drop_file_pages(struct mm_struct *mm, const unsigned long *pages, unsigned int nr)
{
	long rss[NR_MM_COUNTERS] = {0};

	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = (struct page *)(pages[i] & ~1UL);

		if (pages[i] & 1)
			SetPageDirty(page);
		rss[page_counter(page)]--;
		page_remove_rmap(page);
		put_user_page(page);
	}
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++)
		if (rss[i])
			add_mm_counter(mm, i, rss[i]);
}

static void drop_pages(struct mmu_gather *tlb)
{
	unsigned int files = free_anon_pages(tlb->pages, tlb->nr), anon = tlb->nr - files;

	if (anon)
		add_mm_counter(tlb->mm, MM_ANONPAGES, -(long)anon);
	if (files)
		drop_file_pages(tlb->mm, tlb->pages, files);
	tlb->nr = 0;
}

void gather_flush(struct mmu_gather *tlb)
{
	struct page *page;

	if (!tlb->dead && tlb->whole)
		port_flush_tlb_asid(tlb->mm->context_id);
	else if (!tlb->dead && (tlb->start < tlb->end || tlb->freed_tables))
		port_flush_tlb_user_range(tlb->mm->context_id, tlb->start, tlb->end,
					  tlb->freed_tables);
	if (tlb->nr)
		drop_pages(tlb);
	while ((page = page_list_first(&tlb->tables))) {
		page_list_del(&tlb->tables, page);
		table_page_free(tlb->mm, page);
	}
	if (tlb->pages != tlb->own) {
		free_page((unsigned long)tlb->pages);
		tlb->pages = tlb->own;
		tlb->max = GATHER_PAGES;
	}
	tlb->start = ULONG_MAX;
	tlb->end = 0;
	tlb->freed_tables = false;
}

/* No more pages can be noted: from now on they can, in a page where there is memory for one. */
static void gather_more(struct mmu_gather *tlb)
{
	unsigned long *pages = NULL;

	if (tlb->pages == tlb->own)
		pages = (void *)__get_free_page(GFP_NOWAIT | __GFP_NOWARN);
	if (!pages) {
		gather_flush(tlb);
		return;
	}
	memcpy(pages, tlb->own, sizeof(tlb->own));
	tlb->pages = pages;
	tlb->max = PAGE_SIZE / sizeof(*pages);
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

/* The entry for addr becomes 0, unless it shows what is to stay. Returns what it was, or 0. */
static u64 take_pte(const struct mmu_gather *tlb, u64 *pte, unsigned long addr)
{
	const bool keep_anon = tlb->keep_anon;
	u64 val = pte_wait(pte);

	while (val) {
		if (unlikely(val & DESC_CONT)) {
			val = cont_unfold(tlb->mm, pte, addr);
			continue;
		}
		if (keep_anon && (val & PTE_SPECIAL || page_is_anon(pte_page(val))))
			return 0;
		if (pte_cmpxchg(pte, &val, 0))
			break;
		if (val == PTE_BUSY)
			val = pte_wait(pte);
	}
	return val;
}

/* ------------------------------------------------------------------ entries of one table: n of them, one at least */

/* Anybody may change them meanwhile. */
static void take_entries(struct mmu_gather *tlb, u64 *pte, unsigned long addr, unsigned int n)
{
	for (u64 *end = pte + n; pte < end; addr += PAGE_SIZE, pte++) {
		u64 val = pte_load(pte);

		if (!val)
			continue;
		val = take_pte(tlb, pte, addr);
		if (!val)
			continue;
		note(tlb, addr, addr + PAGE_SIZE);
		if (unlikely(val & PTE_SPECIAL))
			continue;
		if (tlb->nr == tlb->max)
			gather_more(tlb);
		tlb->pages[tlb->nr++] = (unsigned long)pte_page(val) | pte_dirty(val);
	}
}

/*
 * Private anonymous memory, whose entries nobody changes but the CPU, who sets marks: of pages that are given up they say nothing. As many
 * as the gather has room for; returns how many that was.
 */
static unsigned int take_anon(struct mmu_gather *tlb, u64 *pte, unsigned long addr, unsigned int n)
{
	static const u64 none[PTE_BATCH];
	unsigned long *to = tlb->pages + tlb->nr;
	u64 *start = pte, *end, *first, *last, *batches;
	struct page *const map = vmemmap;
	unsigned int empty;

	empty = ptes_none(pte, n);
	if (empty == n)
		return n;
	pte += empty;
	first = last = pte;
	end = pte + min(n - empty, tlb->max - tlb->nr);
	batches = pte_batches_end(end);
	while (pte < end) {
		u64 val[PTE_BATCH];

		if (likely(pte <= batches)) {
			port_get_ptes(pte, val);
			if (ptes_are_pages(val)) {
				port_set_ptes(pte, none);
#pragma GCC unroll 4
				for (unsigned int i = 0; i < PTE_BATCH; i++)
					to[i] = (unsigned long)pte_page_48(val[i], map);
				to += PTE_BATCH;
				pte += PTE_BATCH;
				last = pte;
				continue;
			}
			if (ptes_are_none(val)) {
				pte += PTE_BATCH;
				continue;
			}
		}
		val[0] = pte_load(pte);
		if (val[0]) {
			port_set_pte(pte, 0);
			if (!(val[0] & PTE_SPECIAL))
				*to++ = (unsigned long)pte_page(val[0]);
			last = pte + 1;
		}
		pte++;
	}
	tlb->nr = (unsigned int)(to - tlb->pages);
	if (first < last)
		note(tlb, addr + ((unsigned long)(first - start) << PAGE_SHIFT),
		     addr + ((unsigned long)(last - start) << PAGE_SHIFT));
	return (unsigned int)(pte - start);
}

/* A page less that a dead one shows, where another one shows it too; the others are noted. */
static __always_inline unsigned long *drop_shared(unsigned long *to, struct page *page)
{
	u64 counts = page_counts_sub(page, PAGE_COUNTS_MAPPED);

	if (likely((s64)counts >= 0))
		return to;
	if (unlikely(counts != PAGE_COUNTS_FREE)) {
		count_mapped(page, MAPPED_ANON, -1);
		return to;
	}
	/* Nobody has it any more, nor can get it: as it was, it is freed with the others. */
	set_page_counts(page, PAGE_COUNTS_EXCLUSIVE);
	*to = (unsigned long)page;
	return to + 1;
}

/* The same of a dead one. The entries go with their table. */
static unsigned int drop_anon(struct mmu_gather *tlb, const u64 *pte, unsigned int n)
{
	unsigned long *to = tlb->pages + tlb->nr;
	const u64 *end = pte + min(n, tlb->max - tlb->nr), *start = pte;
	const u64 *batches = pte_batches_end(end);
	struct page *const map = vmemmap;
	unsigned int none = 0;
	long shared;

	while (pte < end) {
		u64 val[PTE_BATCH];

		if (likely(pte <= batches)) {
			port_get_ptes(pte, val);
			if (ptes_are_pages(val)) {
#pragma GCC unroll 4
				for (unsigned int i = 0; i < PTE_BATCH; i++)
					to = drop_shared(to, pte_page_48(val[i], map));
				pte += PTE_BATCH;
				continue;
			}
			if (ptes_are_none(val)) {
				pte += PTE_BATCH;
				none += PTE_BATCH;
				continue;
			}
		}
		val[0] = pte_load(pte++);
		if (val[0] && !(val[0] & PTE_SPECIAL))
			to = drop_shared(to, pte_page(val[0]));
		else
			none++;
	}
	shared = (pte - start) - none - (to - tlb->pages - tlb->nr);
	if (shared)
		add_mm_counter(tlb->mm, MM_ANONPAGES, -shared);
	tlb->nr = (unsigned int)(to - tlb->pages);
	return (unsigned int)(pte - start);
}

/* Pages of files, and copies of them, of a dead one. */
static void drop_entries(struct mmu_gather *tlb, const u64 *pte, unsigned int n)
{
	for (const u64 *end = pte + n; pte < end; pte++) {
		u64 val = pte_load(pte);

		if (!val || val & PTE_SPECIAL)
			continue;
		if (tlb->nr == tlb->max)
			gather_more(tlb);
		tlb->pages[tlb->nr++] = (unsigned long)pte_page(val) | pte_dirty(val);
	}
}

/* ------------------------------------------------------------------ ranges */

/*
 * How many of n entries may be taken now. A folded run is gone before there is a flush: by what was left of it a TLB could have all of it again, with
 * pages that are somebody else's by then.
 */
static noinline unsigned int whole_run(struct mmu_gather *tlb, u64 *pte, unsigned long addr,
				       unsigned int n)
{
	unsigned int run =
		min(n, (unsigned int)((CONT_SIZE - (addr & (CONT_SIZE - 1))) >> PAGE_SHIFT));

	if (!(pte_load(pte) & DESC_CONT))
		return run;
	if (tlb->max - tlb->nr < run)
		gather_more(tlb);
	if (tlb->max - tlb->nr < run)
		cont_unfold(tlb->mm, pte, addr);
	return run;
}

/* anon: nobody but the CPU changes the entries, and all are of private anonymous memory. */
static __always_inline void unmap_range_of(struct mmu_gather *tlb, unsigned long start,
					   unsigned long end, bool anon)
{
	unsigned long stop;
	u64 *pte;

	for (; (pte = pte_next(tlb->mm, &start, end, &stop)); start = stop) {
		unsigned int n = (unsigned int)((stop - start) >> PAGE_SHIFT), done;

		if (unlikely(!n)) {
			huge_zap(tlb, start, min(end, ALIGN_DOWN(start, HUGE_SIZE) + HUGE_SIZE));
			continue;
		}
		if (!anon && tlb->dead)
			drop_entries(tlb, pte, n);
		else if (!anon)
			take_entries(tlb, pte, start, n);
		for (; anon && n; n -= done, pte += done, start += done * PAGE_SIZE) {
			unsigned int some = n;

			if (mm_has_cont(tlb->mm) && !tlb->dead)
				some = whole_run(tlb, pte, start, n);
			if (tlb->nr == tlb->max)
				gather_more(tlb);
			done = tlb->dead ? drop_anon(tlb, pte, n)
					 : take_anon(tlb, pte, start, some);
		}
	}
}

void unmap_page_range(struct mmu_gather *tlb, unsigned long start, unsigned long end)
{
	unmap_range_of(tlb, start, end, false);
}

void unmap_area(struct mmu_gather *tlb, const struct vm_area_struct *vma)
{
	unmap_range_of(tlb, vma->vm_start, vma->vm_end, vma_is_anonymous(vma));
}

void zap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct mmu_gather tlb;

	gather_begin(&tlb, mm, false);
	unmap_page_range(&tlb, start, end);
	gather_flush(&tlb);
}

void vm_reap(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	/* What others see, too, stays: they may be about to read what this one has written. */
	for (const struct vm_area_struct *vma = mm->mmap; vma; vma = vma->next)
		if (!(vma->vm_flags & (VM_PFNMAP | VM_SHARED)))
			zap_range(mm, vma->vm_start, vma->vm_end);
	mmap_read_unlock(mm);
}
