/* SPDX-License-Identifier: MIT */
/*
 * The software MMU of the host port: what a CPU would do with the page tables in simulated memory, and what it would
 * suffer from software that forgets a TLB flush.
 */
#ifndef HOST_MMU_H
#define HOST_MMU_H

#include <quire/types.h>

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

struct mmu_result {
	bool ok;
	phys_addr_t pa;
	u64 desc;	  /* of the leaf; 0 when there is none */
	u64 size;	  /* bytes that the TLB entry maps: a page, a block, a contiguous run */
	int level;	  /* of the leaf, or where the walk ended */
	unsigned int fsc; /* fault status code (ESR_EL1.DFSC), when !ok */
};

/*
 * Translate as EL1 of this CPU with PAN clear: from its TLB if it has the address, else by a walk whose result goes into the TLB. A use of a
 * TLB entry that the tables no longer bear out is an error (mmu_errors) and gives the old translation, as a CPU may.
 */
bool mmu_translate(unsigned long kva, enum mmu_access access, struct mmu_result *r);
/* ESR_EL1 of the fault that the access takes. */
u64 mmu_fault_esr(const struct mmu_result *r, enum mmu_access access);

/*
 * A page that may have been a table or mapped is given away: an error when the TLB or a walk cache may still know it.
 * For allocators of tests; never called from the core.
 */
void mmu_page_freed(phys_addr_t pa);

/*
 * A flush that does not reach the other CPUs (TLBI without IS). For tests: the core has no use for one, and what it would miss is to be
 * seen.
 */
void mmu_flush_this_cpu(unsigned long start, unsigned long end);

/* Broken rules so far; each was printed. The first one's text. */
unsigned int mmu_errors(void);
const char *mmu_first_error(void);
/* A CPU comes, with an empty TLB, -ENOMEM; and goes. The boot CPU, 0, is always there. */
int mmu_cpu_add(unsigned int cpu);
void mmu_cpu_remove(unsigned int cpu);
/* Back to power-on: TLB empty, no errors, root init_pg_dir. */
void mmu_reset(void);

#endif
