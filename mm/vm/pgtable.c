// SPDX-License-Identifier: MIT
/*
 * A program's page tables: made as faults need them, freed with the areas that they serve.
 *
 * Invariants: a table hangs in one entry; an entry of a table once set stays until no area reaches into what it covers.
 *
 * Locking: none for making one: the entry is taken by an atomic exchange, and who comes second gives his page back. Freeing is
 * under mmap_lock, of what no area covers, so that no fault is there.
 *
 * Against Linux 6.12: the same shape, without a lock in each table.
 */
#include <quire/mm.h>
#include <quire/string.h>

#include "gather.h"
#include "internal.h"

#define TOP_LEVEL root_level(TASK_VA_BITS)
/* Linux: PMD_TABLE_PXN and kin: nothing of a program is executed at EL1. */
#define USER_TABLE (DESC_VALID | DESC_TABLE | DESC_PXNTABLE)

static u64 *entry_of(phys_addr_t table, int level, unsigned long addr)
{
	return (u64 *)phys_to_virt(table) + ((addr >> level_shift(level)) & (TABLE_ENTRIES - 1));
}

static phys_addr_t table_of(u64 desc)
{
	return desc_to_pa(desc, kernel_pgtable.pa52);
}

struct page *table_page_alloc(struct mm_struct *mm, gfp_t more)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | more);

	if (!page)
		return NULL;
	__SetPageTable(page);
	mod_page_state_of(page, NR_PAGETABLE, 1);
	__atomic_fetch_add(&mm->pgtables_bytes, (long)PAGE_SIZE, __ATOMIC_RELAXED);
	return page;
}

void table_page_free(struct mm_struct *mm, struct page *page)
{
	__ClearPageTable(page);
	mod_page_state_of(page, NR_PAGETABLE, -1);
	__atomic_fetch_sub(&mm->pgtables_bytes, (long)PAGE_SIZE, __ATOMIC_RELAXED);
	__free_page(page);
}

u64 table_desc(const struct page *page)
{
	return desc_from_pa(page_to_phys(page)) | USER_TABLE;
}

noinline u64 make_table(struct mm_struct *mm, u64 *entry)
{
	struct page *page = table_page_alloc(mm, __GFP_ZERO);
	u64 old = 0, desc;

	if (!page)
		return 0;
	desc = table_desc(page);
	if (!pte_cmpxchg(entry, &old, desc)) {
		table_page_free(mm, page);
		return old;
	}
	port_pte_barrier();
	return desc;
}

/* An entry of the level above the last gets a table: of its own, or that of the block which is split. 0: no memory. */
static noinline u64 need_table(struct mm_struct *mm, u64 *entry, unsigned long addr)
{
	for (;;) {
		u64 desc = pte_wait(entry);

		if (!desc)
			desc = make_table(mm, entry);
		if (!desc || pmd_is_table(desc))
			return desc;
		if (pmd_is_leaf(desc))
			huge_split(mm, entry, addr);
	}
}

/* pa52 is nearly always false: a constant in each of the two copies. The levels are unrolled. */
static __always_inline u64 *walk_alloc(struct mm_struct *mm, unsigned long addr, bool pa52)
{
	phys_addr_t table = mm->pgd;

#pragma GCC unroll 4
	for (int level = TOP_LEVEL; level < MAX_LEVEL; level++) {
		u64 *entry = entry_of(table, level, addr), desc = pte_load(entry);

		if (level == MAX_LEVEL - 1 ? unlikely(!pmd_is_table(desc)) : unlikely(!desc)) {
			desc = level == MAX_LEVEL - 1 ? need_table(mm, entry, addr)
						      : make_table(mm, entry);
			if (!desc)
				return NULL;
		}
		table = desc_to_pa(desc, pa52);
	}
	return entry_of(table, MAX_LEVEL, addr);
}

u64 *pte_alloc(struct mm_struct *mm, unsigned long addr)
{
	return unlikely(kernel_pgtable.pa52) ? walk_alloc(mm, addr, true)
					     : walk_alloc(mm, addr, false);
}

static __always_inline u64 *walk_find(const struct mm_struct *mm, unsigned long addr,
				      unsigned long *end, bool pa52)
{
	phys_addr_t table = mm->pgd;

#pragma GCC unroll 4
	for (int level = TOP_LEVEL; level < MAX_LEVEL; level++) {
		u64 desc = pte_load(entry_of(table, level, addr));

		if (level == MAX_LEVEL - 1 ? !pmd_is_table(desc) : !desc) {
			*end = (addr | (level_size(level) - 1)) + 1;
			return NULL;
		}
		table = desc_to_pa(desc, pa52);
	}
	*end = (addr | (level_size(MAX_LEVEL - 1) - 1)) + 1;
	return entry_of(table, MAX_LEVEL, addr);
}

u64 *pte_find(const struct mm_struct *mm, unsigned long addr, unsigned long *end)
{
	return unlikely(kernel_pgtable.pa52) ? walk_find(mm, addr, end, true)
					     : walk_find(mm, addr, end, false);
}

/* Entries that are empty are passed quickly: where little is mapped, most are. */
static __always_inline u64 *walk_next(const struct mm_struct *mm, unsigned long *from,
				      unsigned long end, unsigned long *stop, bool pa52)
{
	unsigned long addr = *from;

	while (addr < end) {
		phys_addr_t table = mm->pgd;
		u64 desc = 0;

#pragma GCC unroll 4
		for (int level = TOP_LEVEL; level < MAX_LEVEL; level++) {
			const u64 *entry = entry_of(table, level, addr);
			const unsigned long size = level_size(level);

			desc = pte_load(entry);
			if (desc) {
				table = desc_to_pa(desc, pa52);
				continue;
			}
			do {
				addr = (addr | (size - 1)) + 1;
				/* Behind the table's last entry? */
				if (addr >= end || !(addr & (size * TABLE_ENTRIES - 1)))
					break;
			} while (!pte_load(++entry));
			break;
		}
		if (desc) {
			*from = addr;
			if (unlikely(!pmd_is_table(desc))) {
				*stop = addr;
				return (u64 *)stop; /* not NULL */
			}
			*stop = min((addr | (level_size(MAX_LEVEL - 1) - 1)) + 1, end);
			return entry_of(table, MAX_LEVEL, addr);
		}
	}
	return NULL;
}

u64 *pte_next(const struct mm_struct *mm, unsigned long *addr, unsigned long end,
	      unsigned long *stop)
{
	return unlikely(kernel_pgtable.pa52) ? walk_next(mm, addr, end, stop, true)
					     : walk_next(mm, addr, end, stop, false);
}

u64 *pte_lookup(const struct mm_struct *mm, unsigned long addr)
{
	unsigned long end;

	return unlikely(kernel_pgtable.pa52) ? walk_find(mm, addr, &end, true)
					     : walk_find(mm, addr, &end, false);
}

/* ------------------------------------------------------------------ moving */

u64 *pmd_entry(struct mm_struct *mm, unsigned long addr, bool make)
{
	phys_addr_t table = mm->pgd;

	for (int level = TOP_LEVEL; level < MAX_LEVEL - 1; level++) {
		u64 *entry = entry_of(table, level, addr), desc = pte_load(entry);

		if (!desc && make)
			desc = make_table(mm, entry);
		if (!desc)
			return NULL;
		table = table_of(desc);
	}
	return entry_of(table, MAX_LEVEL - 1, addr);
}

bool move_table(struct mm_struct *mm, unsigned long from, unsigned long to)
{
	u64 *old = pmd_entry(mm, from, false), *new, desc;

	if (!old || !(desc = pte_load(old)))
		return true;
	new = pmd_entry(mm, to, true);
	if (!new || pte_load(new))
		return false;
	/* The CPU may set marks in a leaf until it is gone. */
	while (!pte_cmpxchg(old, &desc, 0))
		continue;
	port_set_pte(new, desc);
	return true;
}

/* ------------------------------------------------------------------ freeing */

/* Limits that a table must not reach beyond to be freed. */
struct free_op {
	struct mmu_gather *tlb;
	unsigned long floor, last; /* last: ceiling - 1 */
};

static void free_level(const struct free_op *op, phys_addr_t table, int level, unsigned long start,
		       unsigned long last)
{
	const unsigned long size = level_size(level);
	u64 *entry = entry_of(table, level, start);
	unsigned long base = ALIGN_DOWN(start, size);

	for (;; base += size, entry++) {
		unsigned long end = base + (size - 1), addr;
		u64 desc = pte_load(entry);

		if (desc) {
			addr = max(start, base);
			if (level + 1 < MAX_LEVEL)
				free_level(op, table_of(desc), level + 1, addr, min(last, end));
			if (base >= op->floor && end <= op->last) {
				port_set_pte(entry, 0);
				gather_table(op->tlb, phys_to_page(table_of(desc)), addr);
			}
		}
		if (end >= last)
			return;
	}
}

void free_pgtables(struct mmu_gather *tlb, unsigned long start, unsigned long end,
		   unsigned long floor, unsigned long ceiling)
{
	struct free_op op = {
		.tlb = tlb, .floor = floor, .last = (ceiling ? ceiling : TASK_SIZE) - 1};
	const unsigned long size = level_size(MAX_LEVEL - 1);
	unsigned long first = ALIGN_DOWN(start, size), last = (end - 1) | (size - 1);

	/* Those that neighbours share stay; mostly there are no others. */
	if (first < floor)
		first += size;
	if (last > op.last)
		last -= size;
	if (first < last)
		free_level(&op, tlb->mm->pgd, TOP_LEVEL, start, end - 1);
}

int pgd_alloc(struct mm_struct *mm)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	__SetPageTable(page);
	mod_page_state_of(page, NR_PAGETABLE, 1);
	mm->pgd = page_to_phys(page);
	return 0;
}

void free_pgd(struct mm_struct *mm)
{
	struct page *page = phys_to_page(mm->pgd);

	__ClearPageTable(page);
	mod_page_state_of(page, NR_PAGETABLE, -1);
	__free_page(page);
}

static unsigned long count_below(phys_addr_t table, int level)
{
	const u64 *entry = phys_to_virt(table);
	unsigned long n = 0;

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		if (pmd_is_table(entry[i]))
			n += 1 + (level + 1 < MAX_LEVEL ? count_below(table_of(entry[i]), level + 1)
							: 0);
	return n;
}

unsigned long count_pgtables(const struct mm_struct *mm)
{
	return count_below(mm->pgd, TOP_LEVEL) + mm->nr_huge;
}
