// SPDX-License-Identifier: MIT
/*
 * Scattered frames at consecutive addresses, and taking them away without a flush: what vmalloc does to the kernel's tables.
 *
 * kernel_map() maps one physical range and sees to every case. Here each page goes elsewhere, nothing is mapped there yet,
 * and the table of the last level nearly always exists: it is looked up once for all the entries it has, and remembered for the
 * next time, as one area mostly follows another. A missing one is made by kernel_map() with the first page. Blocks are the
 * general path's business, in both directions.
 *
 * Locking: kernel_pgtable.lock, interrupts off, a table at a time.
 */
#include <quire/page.h>

#include "pgtable.h"

#define TABLE_BYTES (PAGE_SIZE * TABLE_ENTRIES)

enum lookup { LOOKUP_TABLE, LOOKUP_NONE, LOOKUP_BLOCK };

/* The table of the last level for kva. Lock held. */
static noinline enum lookup find_table(struct pgtable *pt, unsigned long kva, u64 **table)
{
	phys_addr_t at = pt->root;
	int level;

	for (level = pt->top; level < MAX_LEVEL; level++) {
		const u64 *t = table_ptr(level, at);
		u64 desc = port_get_pte(&t[table_index(pt, level, kva)]);

		if (!(desc & DESC_VALID))
			return LOOKUP_NONE;
		if (!desc_is_table(desc, level))
			return LOOKUP_BLOCK;
		at = desc_to_pa(desc, pt->pa52);
	}
	*table = table_ptr(MAX_LEVEL, at);
	/* Before there is a linear map, tables come and go in one slot. */
	if (linear_map_ready) {
		pt->last_table = *table;
		pt->last_range = kva / TABLE_BYTES;
	}
	return LOOKUP_TABLE;
}

/* The entry of the last level for kva. Lock held. */
static inline enum lookup last_entry(struct pgtable *pt, unsigned long kva, u64 **entry)
{
	u64 *table = pt->last_table;

	if (unlikely(!table || pt->last_range != kva / TABLE_BYTES)) {
		enum lookup found = find_table(pt, kva, &table);

		if (found != LOOKUP_TABLE)
			return found;
	}
	*entry = table + (kva >> PAGE_SHIFT) % TABLE_ENTRIES;
	return LOOKUP_TABLE;
}

/* Entries for n pages. leaf: their attributes. */
static void write_frames(const struct pgtable *pt, u64 *entry, struct page *const *pages,
			 unsigned long n, u64 leaf)
{
	/* Without 52 bits of address a leaf is the sum of attributes and address, hence of a constant and the struct page's. */
	const unsigned int shift = PAGE_SHIFT - STRUCT_PAGE_SHIFT;
	const u64 base = leaf - ((u64)vmemmap << shift);

	if (unlikely(pt->pa52)) {
		for (; n; n--)
			port_set_pte(entry++, leaf | desc_from_pa(page_to_phys(*pages++)));
		return;
	}
	for (; n >= 2; n -= 2, entry += 2, pages += 2) {
		port_set_pte(entry, base + ((u64)pages[0] << shift));
		port_set_pte(entry + 1, base + ((u64)pages[1] << shift));
	}
	if (n)
		port_set_pte(entry, base + ((u64)pages[0] << shift));
}

static void clear_entries(u64 *entry, unsigned long n)
{
	for (; n >= 4; n -= 4, entry += 4) {
		port_set_pte(entry, 0);
		port_set_pte(entry + 1, 0);
		port_set_pte(entry + 2, 0);
		port_set_pte(entry + 3, 0);
	}
	for (; n; n--)
		port_set_pte(entry++, 0);
}

/* Pages from kva on that one table maps, n at most. */
static unsigned long in_one_table(unsigned long kva, unsigned long n)
{
	return min(n, (TABLE_BYTES - (kva & (TABLE_BYTES - 1))) >> PAGE_SHIFT);
}

int kernel_map_frames(unsigned long kva, struct page *const *pages, unsigned long n, pgprot_t prot)
{
	struct pgtable *pt = &kernel_pgtable;
	unsigned long i, here, flags;

	for (i = 0; i < n; i += here) {
		unsigned long at = kva + i * PAGE_SIZE;
		enum lookup found;
		u64 *entry;

		here = in_one_table(at, n - i);
		flags = spin_lock_irqsave(&pt->lock);
		found = last_entry(pt, at, &entry);
		if (likely(found == LOOKUP_TABLE))
			write_frames(pt, entry, pages + i, here,
				     leaf_desc_for(pt, MAX_LEVEL, 0, prot));
		spin_unlock_irqrestore(&pt->lock, flags);
		if (unlikely(found != LOOKUP_TABLE)) {
			int err = found == LOOKUP_BLOCK
					  ? -EEXIST
					  : kernel_map(at, page_to_phys(pages[i]), PAGE_SIZE, prot,
						       MAP_NO_BLOCKS | MAP_NO_CONT);

			if (err) {
				if (i)
					kernel_unmap_lazy(kva, i * PAGE_SIZE);
				return err;
			}
			here = 1;
		}
	}
	port_pte_barrier();
	return 0;
}

int kernel_unmap_lazy(unsigned long kva, u64 size)
{
	struct pgtable *pt = &kernel_pgtable;
	unsigned long n = size >> PAGE_SHIFT, i, here, flags;

	for (i = 0; i < n; i += here) {
		unsigned long at = kva + i * PAGE_SIZE;
		enum lookup found;
		u64 *entry;

		here = in_one_table(at, n - i);
		flags = spin_lock_irqsave(&pt->lock);
		found = last_entry(pt, at, &entry);
		if (likely(found == LOOKUP_TABLE))
			clear_entries(entry, here);
		spin_unlock_irqrestore(&pt->lock, flags);
		if (found == LOOKUP_BLOCK)
			return pgtable_unmap_lazy(pt, at, size - i * PAGE_SIZE);
	}
	port_pte_barrier();
	return 0;
}
