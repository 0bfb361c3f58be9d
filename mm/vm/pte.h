/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a program's pages (level 3), and how they may change.
 *
 *   valid                          mapped, and EL0 has some access; bits as Linux 6.12 uses them
 *   not valid, nG set              mapped, but PROT_NONE: else as when valid
 *   PTE_BUSY                       somebody is about to replace it and has it for himself: wait
 *   0                              nothing
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
