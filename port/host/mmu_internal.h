/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the software MMU know of each other: mmu.c, which translates as a CPU does, and mmu_judge.c, which looks at how the core changes
 * the tables. All of it under mmu.lock unless it says otherwise.
 */
#ifndef HOST_MMU_INTERNAL_H
#define HOST_MMU_INTERNAL_H

#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/spinlock.h>

#include "machine.h"
#include "mmu.h"
#include "vmsa.h"

/* One cached translation and the entries that made it. */
struct tlb_entry {
	bool valid, ro, xn;
	bool table_ro; /* whatever the leaf says */
	int level;
	unsigned int group; /* entries that it stands for; 1: one */
	const char *odd; /* what is wrong with the group, of which it is but one entry therefore */
	unsigned long va;
	u64 size;
	phys_addr_t pa;
	u64 desc;
	unsigned int nr;
	phys_addr_t entry[5];
	u64 value[5];
};

/* Neighbouring entries of one table that were valid and are not flushed. */
struct ghost {
	phys_addr_t first, last; /* of the entries themselves */
	int level;
	unsigned long va;  /* of the first */
	phys_addr_t table; /* entry of a table: the page it led to; else ~0 */
};

/* Where a table hangs in the tree; level NOWHERE: in no tree at that generation. */
struct place {
	phys_addr_t table;
	unsigned long va;
	int level;
	u64 generation;
};

/* What a CPU has for itself. */
struct mmu_cpu {
	struct tlb_entry tlb[256];
	bool need_barrier;
};

struct mmu_state {
	spinlock_t lock;
	phys_addr_t root;
	bool root_set;
	struct mmu_cpu *cpus[NR_CPUS]; /* [0]: NULL; the boot CPU's is mmu_boot_cpu */
	unsigned int nr_cpus;	       /* one above the last of them */
	struct ghost ghosts[128];
	unsigned int nr_ghosts;
	struct place places[64];
	u64 generation;	      /* of the tree: tables were linked */
	unsigned int marks;   /* made in groups: they go around */
	unsigned int suspect; /* stores whose way to the table is to be looked at */
	unsigned int errors;
	char first_error[160];
};

extern struct mmu_state mmu;
extern struct mmu_cpu mmu_boot_cpu;

/* A rule is broken: counted, the first one kept, some printed. */
void mmu_error(const char *fmt, ...) __printf(1, 2);
/* Walk without TLB or marks. Fills *t as a TLB entry; returns 0 or a fault status code plus 0x100. */
unsigned int mmu_walk(unsigned long va, struct tlb_entry *t);
/* What of valid entries was taken away is flushed: of [start, end), by leaves; all of it. */
void mmu_lay_ghosts(unsigned long start, unsigned long end);
void mmu_lay_all_ghosts(void);

/* Threads that are no CPU use the boot CPU's. */
static inline struct mmu_cpu *this_mmu(void)
{
	struct mmu_cpu *c = mmu.cpus[port_cpu()];

	return c ? c : &mmu_boot_cpu;
}

static inline struct mmu_cpu *mmu_of(unsigned int cpu)
{
	return cpu ? mmu.cpus[cpu] : &mmu_boot_cpu;
}

static inline phys_addr_t mmu_root(void)
{
	u64 size;

	return mmu.root_set ? mmu.root : port_init_pg_dir(&size);
}

static inline u64 mmu_load_entry(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static inline u64 mmu_load(phys_addr_t pa)
{
	return mmu_load_entry(phys_to_virt(pa));
}

static inline bool mmu_overlap(unsigned long va, u64 size, unsigned long start, unsigned long end)
{
	return va <= end - 1 && va + size - 1 >= start;
}

#endif
