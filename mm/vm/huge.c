// SPDX-License-Identifier: MIT
/*
 * Blocks: memory of a program that one entry of the level above the last maps, 2 MiB with 4K pages (32 MiB with 16K, 512 MiB with 64K).
 *
 * A block comes by a write to private anonymous memory where an area covers it (make_huge). Its pages are pages like any others, each with
 * its own count of mappings and references and its own place in its area: not a compound page. So what happens to one of them
 * happens to it alone. A block is split by writing a table of entries that show the same pages, and nothing that is counted changes;
 * a part that is unmapped is free at once; a page of it can be copied, referenced or moved like one that never was in a block. What that
 * costs is a store or an atomic addition for each page when a block is made, shared by a fork, or unmapped. The first page says that
 * the block was made as one: PG_large_head, its `prev` the order, its `next` how many leaves map all of it. Once that is 0 it stays so,
 * and the fields are free for other use (isolation for migration).
 *
 * Invariants (mm_check): a leaf lies in one area, of private anonymous memory; areas are cut only where the leaf is split first. An
 * address space keeps a table for each of its leaves (mm.deposits, nr_huge of them), so that a split cannot fail.
 *
 * Locking: as entries of pages: a leaf changes by an atomic exchange. Where a table takes its place it is PTE_BUSY from the
 * exchange to the store, with the flush between (break-before-make); so also where it is taken away, since what a fault puts there
 * next may be of another size. mm.deposit_lock is a leaf.
 *
 * Against Linux 6.12: there a block is a folio, with counts for the whole and for each page, and the parts of one that is not mapped
 * as a whole any more wait for reclaim to split it (deferred_split). Here is nothing to defer.
 */
#include <quire/mm.h>
#include <quire/page_debug.h>

#include "gather.h"
#include "internal.h"

/* ------------------------------------------------------------------ the pages of a block */

static u32 *leaf_count(struct page *head)
{
	return &head->next;
}

static struct page *leaf_head(u64 leaf)
{
	return pte_page(leaf);
}

/*
 * One entry maps the page, the family's at index. counted: it has its reference already, which compaction may have added to; nothing is
 * stored over it. Whose a page is comes last: then compaction may look at it, and finds it in a leaf.
 */
static __always_inline void init_page(struct page *page, unsigned long index, u64 owner,
				      bool counted)
{
	page->index_lo = (u32)index;
	if (counted)
		__atomic_store_n(&page->_mapcount, 0, __ATOMIC_RELAXED);
	else
		set_page_counts(page, PAGE_COUNTS_EXCLUSIVE);
	__atomic_store_n(&page->word, (u64)(index >> 32) << 48 | owner, __ATOMIC_RELEASE);
}

void block_init(struct page *head, const struct mm_struct *mm, unsigned long index)
{
	const u64 owner = mm->family << 3 | PAGE_MAPPING_ANON;
	unsigned long i;

	/* What keeps notes of pages wants to know that they are single ones now. */
	if (unlikely(page_debug))
		split_page(head, HUGE_ORDER);
	head->prev = HUGE_ORDER;
	relaxed_store(leaf_count(head), 1);
	SetPageLargeHead(head);
	mod_mthp_stat(HUGE_ORDER, MTHP_NR_ANON, 1);
	init_page(head, index, owner, true);
	if (unlikely(page_debug)) {
		for (i = 1; i < HUGE_PAGES; i++)
			init_page(head + i, index + i, owner, true);
	} else {
		for (i = 1; i < HUGE_PAGES; i++)
			init_page(head + i, index + i, owner, false);
	}
	count_mapped(head, MAPPED_ANON, (long)HUGE_PAGES);
	mod_page_state_of(head, NR_ANON_THPS, 1);
}

void group_init(struct page *head, const struct mm_struct *mm, unsigned long index,
		unsigned int order)
{
	const u64 owner = mm->family << 3 | PAGE_MAPPING_ANON;
	const bool counted = page_debug;

	if (unlikely(counted))
		split_page(head, order);
	head->prev = order;
	/* No leaf maps it. */
	relaxed_store(leaf_count(head), 0);
	SetPageLargeHead(head);
	init_page(head, index, owner, true);
	for (unsigned long i = 1; i < 1UL << order; i++)
		init_page(head + i, index + i, owner, counted);
	count_mapped(head, MAPPED_ANON, 1L << order);
	mod_mthp_stat(order, MTHP_NR_ANON, 1);
}

/* One leaf less maps the block as a whole. */
static void leaf_gone(struct page *head)
{
	if (__atomic_sub_fetch(leaf_count(head), 1, __ATOMIC_RELEASE) == 0)
		mod_page_state_of(head, NR_ANON_THPS, -1);
}

static void leaf_shared(struct page *head)
{
	__atomic_fetch_add(leaf_count(head), 1, __ATOMIC_RELAXED);
}

struct page_batch {
	int nr;
	struct page *pages[64];
};

static void batch_add(struct page_batch *b, struct page *page)
{
	b->pages[b->nr++] = page;
	if (b->nr == (int)ARRAY_SIZE(b->pages)) {
		free_unref_pages(b->pages, b->nr);
		b->nr = 0;
	}
}

/* A mapping and a reference of each page go, and no TLB has any. leaf_gone has been called. */
static void block_release(struct page *head)
{
	struct page_batch batch = {0};
	unsigned long mapped = 0;
	bool whole = true;

	for (struct page *page = head; page < head + HUGE_PAGES; page++) {
		u64 counts = page_counts_sub(page, PAGE_COUNTS_MAPPED);

		if ((s64)counts >= 0)
			mapped++;
		if (likely(counts == PAGE_COUNTS_FREE)) {
			relaxed_store(&page->word, 0);
			if (unlikely(!whole))
				batch_add(&batch, page);
			continue;
		}
		/* Somebody else's too: those before it are freed one by one. */
		if (whole)
			for (struct page *p = head; p < page; p++)
				batch_add(&batch, p);
		whole = false;
	}
	count_mapped(head, MAPPED_ANON, (long)mapped - (long)HUGE_PAGES);
	if (!whole) {
		free_unref_pages(batch.pages, batch.nr);
		return;
	}
	ClearPageLargeHead(head);
	mod_mthp_stat(HUGE_ORDER, MTHP_NR_ANON, -1);
	free_unref_page(head, HUGE_ORDER);
}

/* It may have gone, and the page be another's by now. */
static bool of_block(const struct page *page, const struct page *head)
{
	return page_is_anon(page) && !((page->word ^ head->word) & GENMASK(47, 0)) &&
	       page->index_lo - head->index_lo == (u32)(page - head);
}

bool page_in_leaf(const struct page *page)
{
	const struct page *head = pfn_to_page(ALIGN_DOWN(page_to_pfn(page), HUGE_PAGES));

	return PageLargeHead(head) && relaxed_load(&head->prev) == HUGE_ORDER &&
	       relaxed_load(&head->next) && of_block(page, head);
}

const struct page *page_large_head(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	for (unsigned int order = 1; order <= HUGE_ORDER; order++) {
		const struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (PageLargeHead(head) && head->prev >= order && of_block(page, head))
			return head;
	}
	return NULL;
}

/* ------------------------------------------------------------------ tables that are kept */

void deposit(struct mm_struct *mm, struct page *table)
{
	spin_lock(&mm->deposit_lock);
	page_list_add(&mm->deposits, table);
	spin_unlock(&mm->deposit_lock);
	__atomic_fetch_add(&mm->nr_huge, 1, __ATOMIC_RELAXED);
}

static struct page *withdraw(struct mm_struct *mm)
{
	struct page *table;

	spin_lock(&mm->deposit_lock);
	table = page_list_first(&mm->deposits);
	page_list_del(&mm->deposits, table);
	spin_unlock(&mm->deposit_lock);
	return table;
}

/* The leaf that it was kept for is gone. */
static void deposit_free(struct mm_struct *mm)
{
	__atomic_fetch_sub(&mm->nr_huge, 1, __ATOMIC_RELAXED);
	table_page_free(mm, withdraw(mm));
}

/* ------------------------------------------------------------------ splitting */

/* The entry that the page of a leaf at addr would have. */
static u64 leaf_pte(u64 leaf, unsigned long addr)
{
	const u64 address = desc_pa_mask(kernel_pgtable.pa52);
	phys_addr_t pa = pte_pa(leaf) + (addr & (HUGE_SIZE - 1) & PAGE_MASK);

	return (leaf & ~address) | desc_from_pa(pa) | DESC_TABLE;
}

/* Each page of a leaf of the zero block is the zero page. */
static void split_zero(u64 leaf, u64 *pte)
{
	const u64 address = desc_pa_mask(kernel_pgtable.pa52);
	const u64 val = (leaf & ~address) | desc_from_pa(page_to_phys(zero_page)) | DESC_TABLE;

	for (unsigned long i = 0; i < TABLE_ENTRIES; i++)
		pte[i] = val;
}

void huge_split(struct mm_struct *mm, u64 *pmd, unsigned long addr)
{
	u64 leaf = pte_wait(pmd), *pte;
	struct page *table;

	do
		if (!pmd_is_leaf(leaf))
			return;
	while (!pte_cmpxchg(pmd, &leaf, PTE_BUSY));
	port_flush_tlb_user_page(mm->context_id, addr);
	table = withdraw(mm);
	pte = page_address(table);
	if (leaf & PTE_SPECIAL)
		split_zero(leaf, pte);
	else
		for (unsigned long i = 0; i < TABLE_ENTRIES; i++)
			pte[i] = leaf_pte(leaf, i << PAGE_SHIFT);
	if (!(leaf & PTE_SPECIAL))
		leaf_gone(leaf_head(leaf));
	/* Who finds the table finds its entries. */
	leaf = PTE_BUSY;
	pte_cmpxchg(pmd, &leaf, table_desc(table));
	port_pte_barrier();
	/* Who saw no table looks for leaves until here. */
	__atomic_fetch_sub(&mm->nr_huge, 1, __ATOMIC_RELEASE);
	count_vm_event(THP_SPLIT_PMD);
}

/* The leaf that maps addr, if one does; *leaf: its entry. */
static u64 *find_leaf(struct mm_struct *mm, unsigned long addr, u64 *leaf)
{
	u64 *pmd = mm_has_huge(mm) ? pmd_entry(mm, addr, false) : NULL;

	if (!pmd)
		return NULL;
	*leaf = pte_wait(pmd);
	return pmd_is_leaf(*leaf) ? pmd : NULL;
}

bool huge_split_at(struct mm_struct *mm, unsigned long addr)
{
	u64 leaf, *pmd = find_leaf(mm, addr, &leaf);

	if (pmd)
		huge_split(mm, pmd, addr);
	return pmd;
}

/* ------------------------------------------------------------------ faults */

u64 new_leaf(const struct vm_area_struct *vma, const struct page *head)
{
	return writable_pte(vma, mk_pte(page_to_phys(head), area_prot(vma)) & ~(u64)DESC_TABLE);
}

/* A new block. True: something is mapped there now. False: small pages have to do. */
static bool make_huge(const struct vm_fault *f, u64 *pmd)
{
	struct vm_area_struct *vma = f->vma;
	struct mm_struct *mm = vma->vm_mm;
	unsigned long base = ALIGN_DOWN(f->address, HUGE_SIZE);
	struct page *head, *table;
	u64 none = 0, leaf;

	if (!(f->flags & FAULT_FLAG_WRITE) || base < vma->vm_start ||
	    vma->vm_end - base < HUGE_SIZE || !thp_allowed(vma, HUGE_ORDER))
		return false;
	table = table_page_alloc(mm, 0);
	head = table ? vma_alloc_pages(vma, base, thp_gfp(vma), HUGE_ORDER) : NULL;
	if (!head) {
		if (table)
			table_page_free(mm, table);
		count_vm_event(THP_FAULT_FALLBACK);
		mod_mthp_stat(HUGE_ORDER, MTHP_ANON_FAULT_FALLBACK, 1);
		return false;
	}
	block_init(head, mm, linear_page_index(vma, base));
	for (unsigned long i = 0; i < HUGE_PAGES; i++)
		clear_page((char *)page_address(head) + (i << PAGE_SHIFT));
	if (vma->vm_flags & VM_EXEC)
		for (unsigned long i = 0; i < HUGE_PAGES; i++)
			sync_exec(vma, head + i);
	deposit(mm, table);
	leaf = new_leaf(vma, head);
	if (!pte_cmpxchg(pmd, &none, leaf)) {
		leaf_gone(head);
		block_release(head);
		deposit_free(mm);
		return true;
	}
	add_mm_counter(mm, MM_ANONPAGES, (long)HUGE_PAGES);
	count_vm_event(THP_FAULT_ALLOC);
	mod_mthp_stat(HUGE_ORDER, MTHP_ANON_FAULT_ALLOC, 1);
	return true;
}

/*
 * A read of nothing: the zero block. As make_huge. *ret: VM_FAULT_RETRY where the area has no owner of private pages yet, which it gets now as by
 * a write: fork and MADV_COLLAPSE ask for it.
 */
static bool show_zero_block(const struct vm_fault *f, u64 *pmd, vm_fault_t *ret)
{
	struct vm_area_struct *vma = f->vma;
	unsigned long base = ALIGN_DOWN(f->address, HUGE_SIZE);
	const struct page *head;
	struct page *table;
	u64 none = 0;

	if (f->flags & FAULT_FLAG_WRITE || base < vma->vm_start || vma->vm_end - base < HUGE_SIZE ||
	    !relaxed_load(&thp_use_zero_page) || !thp_allowed(vma, HUGE_ORDER))
		return false;
	if (!__atomic_load_n(&vma->anon_vma, __ATOMIC_RELAXED)) {
		*ret = VM_FAULT_RETRY;
		return true;
	}
	table = table_page_alloc(vma->vm_mm, 0);
	head = table ? huge_zero() : NULL;
	if (!head) {
		if (table)
			table_page_free(vma->vm_mm, table);
		count_vm_event(THP_FAULT_FALLBACK);
		return false;
	}
	deposit(vma->vm_mm, table);
	if (!pte_cmpxchg(pmd, &none,
			 (mk_pte(page_to_phys(head), area_prot(vma)) & ~(u64)DESC_TABLE) |
				 PTE_SPECIAL))
		deposit_free(vma->vm_mm);
	return true;
}

/* No page of the block is anybody's but the leaf's. */
static bool block_is_exclusive(const struct page *head)
{
	for (const struct page *page = head; page < head + HUGE_PAGES; page++)
		if (page_counts(page) != PAGE_COUNTS_EXCLUSIVE)
			return false;
	return true;
}

/* The access found the leaf. False: it has been split. */
static bool leaf_fault(const struct vm_fault *f, u64 *pmd, u64 leaf)
{
	struct mm_struct *mm = f->vma->vm_mm;
	u64 new = leaf | DESC_AF;

	/* PROT_NONE before, and the area allows more now: mprotect has not come here yet. */
	if (!(leaf & DESC_VALID))
		return true;
	if (f->flags & FAULT_FLAG_WRITE) {
		if (!pte_write(leaf)) {
			if (!block_is_exclusive(leaf_head(leaf))) {
				huge_split(mm, pmd, f->address);
				return false;
			}
			/* A forced write makes the area's memory no more writable than it is. */
			if (f->vma->vm_flags & VM_WRITE)
				new = pte_mkwrite(new);
		}
		new = pte_mkdirty(new);
	}
	if (new == leaf)
		return true;
	/* When it has changed meanwhile the access tries again. */
	pte_cmpxchg(pmd, &leaf, new);
	if (f->flags & FAULT_FLAG_WRITE)
		port_flush_tlb_user_page(mm->context_id, f->address);
	return true;
}

bool huge_fault(struct vm_fault *f, vm_fault_t *ret)
{
	struct mm_struct *mm = f->vma->vm_mm;
	u64 *pmd = pmd_entry(mm, f->address, true), desc;

	*ret = 0;
	while (pmd) {
		desc = pte_wait(pmd);
		if (pmd_is_leaf(desc)) {
			if (!leaf_fault(f, pmd, desc))
				continue;
			*ret = VM_FAULT_BLOCK;
			return true;
		}
		if (desc) {
			f->pte = pte_lookup(mm, f->address);
			return false;
		}
		if (!make_huge(f, pmd) && !show_zero_block(f, pmd, ret) && !make_table(mm, pmd))
			break;
		if (*ret)
			return true;
	}
	*ret = VM_FAULT_OOM;
	return true;
}

/* ------------------------------------------------------------------ looking */

u64 *entry_find(struct mm_struct *mm, unsigned long addr, u64 *raw, u64 *val)
{
	for (;;) {
		u64 *entry = pte_lookup(mm, addr);

		if (likely(entry)) {
			*val = *raw = pte_wait(entry);
			return entry;
		}
		entry = find_leaf(mm, addr, raw);
		if (!entry && !pte_lookup(mm, addr))
			return NULL;
		if (entry) {
			*val = leaf_pte(*raw, addr);
			return entry;
		}
	}
}

/* ------------------------------------------------------------------ taking away, copying, changing */

bool huge_zap(struct mmu_gather *tlb, unsigned long addr, unsigned long end)
{
	struct mm_struct *mm = tlb->mm;
	u64 leaf, *pmd = find_leaf(mm, addr, &leaf);

	if (!pmd)
		return false;
	if (addr & (HUGE_SIZE - 1) || end - addr < HUGE_SIZE) {
		huge_split(mm, pmd, addr);
		return true;
	}
	if (tlb->dead) {
		port_set_pte(pmd, 0);
	} else {
		while (!pte_cmpxchg(pmd, &leaf, PTE_BUSY))
			if (!pmd_is_leaf(leaf))
				return true;
		port_flush_tlb_user_page(mm->context_id, addr);
		port_set_pte(pmd, 0);
	}
	deposit_free(mm);
	if (leaf & PTE_SPECIAL)
		return true;
	add_mm_counter(mm, MM_ANONPAGES, -(long)HUGE_PAGES);
	leaf_gone(leaf_head(leaf));
	block_release(leaf_head(leaf));
	return true;
}

int huge_copy(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr)
{
	u64 leaf, *from = find_leaf(vma->vm_mm, addr, &leaf), *to;
	struct page *table, *head;

	if (!from)
		return 0;
	to = pmd_entry(mm, addr, true);
	table = to ? table_page_alloc(mm, 0) : NULL;
	if (!table)
		return -ENOMEM;
	if (leaf & PTE_SPECIAL) {
		deposit(mm, table);
		port_set_pte(to, leaf);
		return 0;
	}
	while (!pte_cmpxchg(from, &leaf, pte_wrprotect(leaf)))
		continue;
	head = leaf_head(leaf);
	leaf_shared(head);
	for (struct page *page = head; page < head + HUGE_PAGES; page++)
		page_counts_add(page, PAGE_COUNTS_MAPPED);
	deposit(mm, table);
	port_set_pte(to, pte_wrprotect(leaf));
	add_mm_counter(mm, MM_ANONPAGES, (long)HUGE_PAGES);
	return 0;
}

/* A leaf is about to become executable; faults may split it meanwhile, and free pages of it. */
static void sync_exec_leaf(const struct vm_area_struct *vma, const u64 *pmd, u64 leaf)
{
	for (struct page *page = leaf_head(leaf); page < leaf_head(leaf) + HUGE_PAGES; page++) {
		if (PageArch1(page) || !get_page_unless_zero(page))
			continue;
		if (pte_load(pmd) == leaf)
			sync_exec(vma, page);
		put_page_guessed(page);
	}
}

bool huge_protect(const struct vm_area_struct *vma, unsigned long addr, unsigned long end,
		  bool *split, bool *any)
{
	const u64 mask = DESC_VALID | DESC_USER | DESC_PXN | DESC_UXN | DESC_RDONLY | DESC_WRITE;
	struct mm_struct *mm = vma->vm_mm;
	u64 leaf, *pmd = find_leaf(mm, addr, &leaf), new;

	if (!pmd)
		return false;
	*split = addr & (HUGE_SIZE - 1) || end - addr < HUGE_SIZE;
	if (*split) {
		huge_split(mm, pmd, addr);
		return true;
	}
	do {
		*split = !pmd_is_leaf(leaf);
		if (*split)
			return true;
		if (vma->vm_flags & VM_EXEC)
			sync_exec_leaf(vma, pmd, leaf);
		new = leaf & ~mask;
		if (pte_dirty(leaf))
			new |= DESC_DIRTY;
		new |= vma->vm_page_prot &mask;
		/* Alone with its pages: a write need not fault first. */
		if (vma->vm_flags & VM_WRITE &&
		    new &DESC_DIRTY &&block_is_exclusive(leaf_head(leaf)))
			new = pte_mkwrite(new);
	} while (!pte_cmpxchg(pmd, &leaf, new));
	*any |= leaf & DESC_VALID;
	return true;
}

bool huge_clear_marks(struct mm_struct *mm, unsigned long addr, unsigned long end, u64 marks,
		      bool *changed)
{
	u64 leaf, *pmd = find_leaf(mm, addr, &leaf), new;

	if (!pmd)
		return false;
	if (addr & (HUGE_SIZE - 1) || end - addr < HUGE_SIZE) {
		huge_split(mm, pmd, addr);
		return true;
	}
	/* There is nothing in it that could be missed. */
	if (leaf & PTE_SPECIAL)
		return false;
	do {
		if (!pmd_is_leaf(leaf))
			return true;
		new = leaf & ~marks;
		if (marks & DESC_DIRTY)
			new |= DESC_RDONLY;
	} while (new != leaf && !pte_cmpxchg(pmd, &leaf, new));
	*changed |= new != leaf;
	return false;
}

bool huge_is_clean(struct mm_struct *mm, unsigned long addr)
{
	u64 leaf;

	return find_leaf(mm, addr, &leaf) && !(leaf & PTE_SPECIAL) && !pte_dirty(leaf);
}

void huge_clear_young(struct mm_struct *mm, unsigned long addr)
{
	u64 leaf, *pmd = find_leaf(mm, addr, &leaf);

	/* One that changes meanwhile is in use. */
	if (pmd)
		pte_cmpxchg(pmd, &leaf, leaf & ~(u64)DESC_AF);
}
