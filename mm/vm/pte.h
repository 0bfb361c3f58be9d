/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a program's pages (level 3), and how they may change.
 *
 *   valid                          mapped, and EL0 has some access; bits as Linux 6.12 uses them
 *   not valid, nG set              mapped, but PROT_NONE: else as when valid
 *   PTE_BUSY                       somebody is about to replace it and has it for himself: wait
 *   0                              nothing
 *
 * One level above, an entry is 0, PTE_BUSY, a table (DESC_TABLE), or a leaf: a block, with the bits that a page's entry has but for DESC_TABLE
 * (mm/vm/huge.c).
 *
 * Entries have no lock: each change is one atomic exchange, and the CPU may set AF, or clear RDONLY where DBM is set, at any
 * time between. So a change that depends on what was there compares (pte_cmpxchg) and tries again. Only where another address takes the
 * place of a valid one, which needs a flush in between (break-before-make), the entry is PTE_BUSY meanwhile.
 */
#ifndef MM_VM_PTE_H
#define MM_VM_PTE_H

#include <quire/page.h>
#include <quire/port.h>
#include <quire/smp.h>

#include "../../arch/arm64/pgtable.h"

/* Loops over entries take so many at a time where all are alike: the port's port_get_ptes. */
#define PTE_BATCH 4U

#define PTE_SPECIAL BIT(56) /* no struct page that counts: the zero page */
#define PTE_BUSY 2UL

static inline u64 pte_load(const u64 *pte)
{
	return port_get_pte(pte);
}

static inline bool pte_present(u64 pte)
{
	return pte & (DESC_VALID | DESC_NG);
}

static inline bool pmd_is_table(u64 pmd)
{
	return (pmd & (DESC_VALID | DESC_TABLE)) == (DESC_VALID | DESC_TABLE);
}

static inline bool pmd_is_leaf(u64 pmd)
{
	return pte_present(pmd) && !pmd_is_table(pmd);
}

static inline bool pte_write(u64 pte)
{
	return pte & DESC_WRITE;
}

/* Written to, by the CPU's account or by ours. */
static inline bool pte_dirty(u64 pte)
{
	return (pte & DESC_DIRTY) || ((pte & DESC_WRITE) && !(pte & DESC_RDONLY));
}

static inline phys_addr_t pte_pa(u64 pte)
{
	return desc_to_pa(pte, kernel_pgtable.pa52);
}

static inline struct page *pte_page(u64 pte)
{
	return phys_to_page(pte_pa(pte));
}

/*
 * Batches of entries before `end` begin here at the latest. On a machine with addresses of more than 48 bits there are none: of each entry
 * the address would have to be put together.
 */
static __always_inline u64 *pte_batches_end(const u64 *end)
{
	return unlikely(kernel_pgtable.pa52) ? NULL : (u64 *)end - PTE_BATCH;
}

/* pte_page() of an entry in a batch. map: vmemmap, which a loop that stores keeps for itself. */
static __always_inline struct page *pte_page_48(u64 pte, struct page *map)
{
	return map + PHYS_PFN(desc_to_pa(pte, false));
}

/* All of a batch are pages that are counted. */
static __always_inline bool ptes_are_pages(const u64 val[PTE_BATCH])
{
	return likely(val[0] & val[1] & val[2] & val[3] & DESC_NG) &&
	       likely(!((val[0] | val[1] | val[2] | val[3]) & PTE_SPECIAL));
}

static __always_inline bool ptes_are_none(const u64 val[PTE_BATCH])
{
	return !(val[0] | val[1] | val[2] | val[3]);
}

/* How many of n entries are empty before the first one that is not. */
static inline unsigned int ptes_none(const u64 *pte, unsigned int n)
{
	const u64 *start = pte, *end = pte + n;
	u64 val[PTE_BATCH];

	for (; end - pte >= (long)PTE_BATCH; pte += PTE_BATCH) {
		port_get_ptes(pte, val);
		if (!ptes_are_none(val))
			break;
	}
	while (pte < end && !pte_load(pte))
		pte++;
	return (unsigned int)(pte - start);
}

/* prot: vm_page_prot, valid or not. */
static inline u64 mk_pte(phys_addr_t pa, u64 prot)
{
	return desc_from_pa(pa) | prot;
}

static inline u64 pte_mkwrite(u64 pte)
{
	return (pte | DESC_WRITE) & ~(u64)DESC_RDONLY;
}

static inline u64 pte_mkdirty(u64 pte)
{
	return pte_write(pte) ? (pte | DESC_DIRTY) & ~(u64)DESC_RDONLY : pte | DESC_DIRTY;
}

/* A write will be noted again: by the CPU, where DBM allows it, or by a fault. */
static inline u64 pte_mkclean(u64 pte)
{
	return (pte & ~(u64)DESC_DIRTY) | DESC_RDONLY;
}

/* What the CPU noted by clearing RDONLY is kept in the software's bit. */
static inline u64 pte_wrprotect(u64 pte)
{
	if (pte_dirty(pte))
		pte |= DESC_DIRTY;
	return (pte & ~(u64)DESC_WRITE) | DESC_RDONLY;
}

/* True: done. Else *old is what is there. */
static inline bool pte_cmpxchg(u64 *pte, u64 *old, u64 val)
{
	return port_cmpxchg_pte(pte, old, val);
}

/* Wait until nobody has it for himself. */
static inline u64 pte_wait(const u64 *pte)
{
	u64 val;

	while (unlikely((val = pte_load(pte)) == PTE_BUSY))
		smp_wait_relax();
	return val;
}

#endif
