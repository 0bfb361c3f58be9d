// SPDX-License-Identifier: MIT
/*
 * ASIDs: what tells the TLBs' entries of one address space from another's. There are 255 or 65535 (0 is nobody's), and there may be more
 * address spaces, so an ASID belongs to a generation. When all of one generation are given, the next begins: address spaces that run on a
 * CPU take theirs over, all others have to ask again when they run next, and every TLB forgets everything.
 *
 * Invariants: address spaces of the present generation have different ASIDs; TLBs hold entries of an ASID only of the address space that
 * has it, or, when nobody has it, of none.
 *
 * A flush by the ASID of an address space of an older generation may hit somebody else's entries, which costs a walk and nothing else;
 * of its own there are none.
 *
 * Locking: asid_lock, which comes last. Every CPU that is about to run an address space says so under it.
 *
 * Against Linux: there switching takes no lock as long as the generation lasts, and each CPU flushes its own TLB when it meets the next.
 */
#include <quire/percpu.h>
#include <quire/smp.h>
#include <quire/user.h>

#include "internal.h"

#define ASID_BITS 16
#define ASID_MASK (BIT(ASID_BITS) - 1)
#define NR_ASIDS (1U << ASID_BITS)

static u64 asid_used[NR_ASIDS / 64] = {1};
static unsigned int asid_next = 1, nr_asids = NR_ASIDS;
static u64 generation;
static spinlock_t asid_lock = SPINLOCK_INIT;
static DEFINE_PER_CPU(struct mm_struct *, active_mm);

void context_init(void)
{
	/* ASIDBits of ID_AA64MMFR0_EL1: 16 or 8 (Arm ARM D24.2.64). */
	if ((port_read_reg(PORT_ID_AA64MMFR0_EL1) >> 4 & 15) != 2)
		nr_asids = 256;
}

static void set_used(u64 asid)
{
	asid_used[asid / 64] |= BIT(asid % 64);
}

/* Those that run keep their ASIDs. */
static void new_generation(void)
{
	unsigned int i, cpu;

	generation++;
	for (i = 0; i < nr_asids / 64; i++)
		asid_used[i] = 0;
	set_used(0);
	for_each_possible_cpu(cpu)
	{
		struct mm_struct *mm = per_cpu(active_mm, cpu);

		if (!mm)
			continue;
		mm->context_id = generation << ASID_BITS | (mm->context_id & ASID_MASK);
		set_used(mm->context_id & ASID_MASK);
	}
	port_flush_tlb_all();
}

/* 0: all are given. */
static unsigned int find_free(void)
{
	for (unsigned int i = 0; i < nr_asids; i++, asid_next = (asid_next + 1) % nr_asids)
		if (!(asid_used[asid_next / 64] & BIT(asid_next % 64)))
			return asid_next;
	return 0;
}

static void new_context(struct mm_struct *mm)
{
	unsigned int asid = find_free();

	if (!asid) {
		new_generation();
		/* There are fewer CPUs than ASIDs. */
		asid = find_free();
	}
	set_used(asid);
	asid_next = (asid + 1) % nr_asids;
	mm->context_id = generation << ASID_BITS | asid;
}

void context_alloc(struct mm_struct *mm)
{
	spin_lock(&asid_lock);
	new_context(mm);
	spin_unlock(&asid_lock);
}

void context_free(struct mm_struct *mm)
{
	u64 asid = mm->context_id & ASID_MASK;

	spin_lock(&asid_lock);
	if (mm->context_id >> ASID_BITS == generation)
		asid_used[asid / 64] &= ~BIT(asid % 64);
	spin_unlock(&asid_lock);
}

void mm_switch(struct mm_struct *mm)
{
	if (!mm) {
		port_switch_mm(0, 0);
		this_cpu_write(active_mm, NULL);
		return;
	}
	spin_lock(&asid_lock);
	if (unlikely(mm->context_id >> ASID_BITS != generation))
		new_context(mm);
	this_cpu_write(active_mm, mm);
	spin_unlock(&asid_lock);
	port_switch_mm(mm->pgd, mm->context_id & ASID_MASK);
}
