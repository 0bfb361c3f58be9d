// SPDX-License-Identifier: MIT
/*
 * The software MMU: walks genuine VMSAv8-64 tables in simulated memory. How the core changes them is judged in mmu_judge.c.
 *
 * It knows the architecture from TCR_EL1 and the page size alone and shares no code with arch/arm64: it is the judge of
 * that code. It has
 *   - a TLB of 256 translations (pages, blocks, whole contiguous runs) for each CPU, filled by its translations only. A hit is
 *     compared with the tables it came from: what changed since makes it stale, and using it an error. A flush goes to all CPUs, as
 *     TLBI ...IS does; so the CPU that was forgotten, or flushed too early, is the one that shows the error;
 *   - the contiguous bit: a TLB entry made of one entry of a group stands for all of them; a group that disagrees is an error when a
 *     translation comes to it;
 *   - the marks of a CPU that manages them (TCR_EL1.HA, HD): the access flag and the dirty state of a group go into any entry of it;
 *   - a barrier flag for each CPU: a translation between its store and its barrier is an error.
 *
 * Locking: mmu.lock, interrupts off.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include <stdlib.h>

#include "mmu_internal.h"

#define TCR_HA (1ULL << 39)
#define TCR_HD (1ULL << 40)

struct mmu_state mmu;
struct mmu_cpu mmu_boot_cpu;

void mmu_error(const char *fmt, ...)
{
	char text[sizeof(mmu.first_error)];
	va_list args;

	va_start(args, fmt);
	quire_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (mmu.errors++ == 0)
		memcpy(mmu.first_error, text, sizeof(text));
	if (mmu.errors <= 16)
		pr_err("mmu: %s\n", text);
}

unsigned int mmu_errors(void)
{
	return mmu.errors;
}

const char *mmu_first_error(void)
{
	return mmu.errors ? mmu.first_error : NULL;
}

void mmu_cpu_remove(unsigned int cpu)
{
	unsigned long flags = spin_lock_irqsave(&mmu.lock);
	struct mmu_cpu *c = mmu.cpus[cpu];

	mmu.cpus[cpu] = NULL;
	spin_unlock_irqrestore(&mmu.lock, flags);
	free(c);
}

int mmu_cpu_add(unsigned int cpu)
{
	struct mmu_cpu *c = calloc(1, sizeof(*c));
	unsigned long flags;

	if (!c)
		return -ENOMEM;
	flags = spin_lock_irqsave(&mmu.lock);
	mmu.cpus[cpu] = c;
	mmu.nr_cpus = max(mmu.nr_cpus, cpu + 1);
	spin_unlock_irqrestore(&mmu.lock, flags);
	return 0;
}

void mmu_reset(void)
{
	for (unsigned int cpu = 1; cpu < mmu.nr_cpus; cpu++)
		free(mmu.cpus[cpu]);
	memset(&mmu, 0, sizeof(mmu));
	memset(&mmu_boot_cpu, 0, sizeof(mmu_boot_cpu));
}

/* ------------------------------------------------------------------ walk */

/* The first of the entries that t stands for. */
static u64 *group_of(const struct tlb_entry *t)
{
	return phys_to_virt(t->entry[t->nr - 1] & ~(8ULL * t->group - 1));
}

/* One of them has, for all of them, what is wanted of these bits. */
static bool any_entry(const struct tlb_entry *t, u64 bits, u64 wanted)
{
	for (unsigned int i = 0; i < t->group; i++)
		if ((mmu_load_entry(group_of(t) + i) & bits) == wanted)
			return true;
	return false;
}

unsigned int mmu_walk(unsigned long va, struct tlb_entry *t)
{
	phys_addr_t table = mmu_root();
	u64 desc, size;

	memset(t, 0, sizeof(*t));
	if (va < -(1UL << cpu_va_bits()))
		return 0x100 + cpu_fault_code(4, 0);
	for (t->level = cpu_top_level();; t->level++) {
		phys_addr_t at = table + 8 * cpu_index(va, t->level);

		if (!host_memory_holds(at, 8))
			return 0x100 + 0x14 + (unsigned int)max(t->level, 0);
		desc = mmu_load(at);
		t->entry[t->nr] = at;
		t->value[t->nr++] = desc;
		if (!(desc & CPU_VALID))
			return 0x100 + cpu_fault_code(4, t->level);
		table = cpu_address(desc, cpu_wide());
		if (!cpu_is_table(desc, t->level))
			break;
		if (table >> port_pa_bits())
			return 0x100 + cpu_fault_code(0, t->level);
		t->ro |= (desc >> 62) & 1;
		t->xn |= (desc >> 59) & 1;
	}
	if (t->level == 3 ? !(desc & CPU_TYPE) : !cpu_block_allowed(t->level))
		return 0x100 + cpu_fault_code(4, t->level);
	if (table >> port_pa_bits())
		return 0x100 + cpu_fault_code(0, t->level);
	size = 1ULL << cpu_shift(t->level);
	t->group = desc & CPU_CONT ? contiguous_group(t->level) : 1;
	if (t->group > 1) {
		t->odd = contiguous_fault(group_of(t), t->group, size, cpu_wide());
		if (t->odd)
			t->group = 1;
	}
	/* With the contiguous bit the CPU may take any entry for the whole group. */
	t->size = size * t->group;
	t->va = va & ~(t->size - 1);
	t->pa = (table & ~(size - 1)) - ((va & ~(size - 1)) - t->va);
	t->desc = desc;
	t->table_ro = t->ro;
	t->ro |= (desc >> 7) & 1;
	t->xn |= (desc >> 53) & 1;
	return desc & CPU_AF ? 0 : 0x100 + cpu_fault_code(8, t->level);
}

/*
 * The walk of a CPU that marks what it uses as TCR_EL1 says: the access flag, the dirty state, in a group in any entry of it and for all. A
 * group that disagrees is told of.
 */
static unsigned int walk_and_mark(unsigned long va, bool write, struct tlb_entry *t)
{
	u64 tcr = port_read_reg(PORT_TCR_EL1), desc, new, *entry;
	unsigned int fault;

	for (;;) {
		fault = mmu_walk(va, t);
		if (!t->desc)
			return fault;
		if (fault && !(tcr & TCR_HA))
			break;
		entry = group_of(t) + mmu.marks++ % t->group;
		desc = new = mmu_load_entry(entry);
		if (fault && !any_entry(t, CPU_AF, CPU_AF))
			new |= CPU_AF;
		if (write && t->ro && !t->table_ro && t->desc & CPU_DBM && tcr & TCR_HD) {
			t->ro = false;
			if (!any_entry(t, CPU_AP2, 0))
				new &= ~CPU_AP2;
		}
		fault = 0;
		/* Software may have taken it away meanwhile. */
		if (new == desc || __atomic_compare_exchange_n(entry, &desc, new, false,
							       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			break;
	}
	if (t->odd)
		mmu_error("contiguous bit in the group of 0x%016lx: %s", va, t->odd);
	return fault;
}

/* The tables do not say any more what the TLB has of va. What a CPU may have written into them meanwhile does not count. */
static bool stale(const struct tlb_entry *t, unsigned long va)
{
	u64 size = t->size / t->group;
	u64 desc = mmu_load_entry(group_of(t) + (va - t->va) / size);

	for (unsigned int i = 0; i + 1 < t->nr; i++)
		if (mmu_load(t->entry[i]) != t->value[i])
			return true;
	if (!(desc & CPU_VALID) ||
	    cpu_address(desc, cpu_wide()) != t->pa + ((va - t->va) & ~(size - 1)) ||
	    contiguous_difference(desc, t->desc, cpu_wide()))
		return true;
	return !t->ro && !any_entry(t, CPU_AP2, 0);
}

static struct tlb_entry *tlb_slot(struct mmu_cpu *c, unsigned long va, u64 size)
{
	return &c->tlb[(va / size) % ARRAY_SIZE(c->tlb)];
}

/* What the TLB has of va: groups and blocks by any of their addresses. NULL: nothing. */
static struct tlb_entry *tlb_find(struct mmu_cpu *c, unsigned long va)
{
	for (int level = max(cpu_top_level(), 0); level <= 3; level++) {
		u64 size = 1ULL << cpu_shift(level);
		struct tlb_entry *group = tlb_slot(c, va, size * contiguous_group(level)),
				 *one = tlb_slot(c, va, size);

		if (group->valid && va - group->va < group->size)
			return group;
		if (one->valid && va - one->va < one->size)
			return one;
	}
	return NULL;
}

bool mmu_translate(unsigned long kva, enum mmu_access access, struct mmu_result *r)
{
	struct mmu_cpu *c = this_mmu();
	struct tlb_entry *t, fresh;
	unsigned int fault = 0;
	unsigned long flags;

	*r = (struct mmu_result){0};
	flags = spin_lock_irqsave(&mmu.lock);
	if (c->need_barrier) {
		mmu_error("access to 0x%016lx without a barrier after a store to the tables", kva);
		c->need_barrier = false;
	}
	t = tlb_find(c, kva);
	/* To note a write it looks at the entry again. */
	if (t && access == MMU_WRITE && t->ro && !t->table_ro && t->desc & CPU_DBM &&
	    port_read_reg(PORT_TCR_EL1) & TCR_HD) {
		t->valid = false;
		t = NULL;
	}
	if (t) {
		if (stale(t, kva))
			mmu_error("stale TLB entry used for 0x%016lx", kva);
	} else {
		fault = walk_and_mark(kva, access == MMU_WRITE, &fresh);
		if (fault) {
			t = &fresh;
		} else {
			t = tlb_slot(c, kva, fresh.size);
			*t = fresh;
			t->valid = true;
		}
	}
	if (!fault && ((access == MMU_WRITE && t->ro) || (access == MMU_EXEC && t->xn)))
		fault = 0x100 + cpu_fault_code(12, t->level);
	r->level = t->level;
	r->desc = t->desc;
	r->size = t->size;
	r->fsc = fault & 0xff;
	r->ok = !fault;
	if (r->ok)
		r->pa = t->pa + (kva - t->va);
	spin_unlock_irqrestore(&mmu.lock, flags);
	return r->ok;
}

u64 mmu_fault_esr(const struct mmu_result *r, enum mmu_access access)
{
	u64 ec = access == MMU_EXEC ? 0x21 : 0x25;

	return ec << 26 | 1UL << 25 | (access == MMU_WRITE) << 6 | r->fsc;
}

u64 port_at_s1e1(unsigned long kva, bool write)
{
	struct mmu_result r;
	u64 attr, sh;

	if (!mmu_translate(kva, write ? MMU_WRITE : MMU_READ, &r))
		return 1 | r.fsc << 1 | 1UL << 11;
	attr = (port_read_reg(PORT_MAIR_EL1) >> (8 * ((r.desc >> 2) & 7))) & 0xff;
	sh = PAGE_SHIFT != 16 && cpu_wide() ? (port_read_reg(PORT_TCR_EL1) >> 28) & 3
					    : (r.desc >> 8) & 3;
	/* Device and non-cacheable memory report as outer shareable (Arm ARM, PAR_EL1.SH). */
	if ((attr & 0xf0) == 0 || attr == 0x44)
		sh = 2;
	/* PA[47:12] whatever the granule. */
	return attr << 56 | (r.pa & ~0xfffULL) | 1UL << 11 | sh << 7;
}

/* ------------------------------------------------------------------ flushes */

/* What the TLB of one CPU has of [start, end), which may wrap to all there is, goes. */
static void flush_cpu(struct mmu_cpu *c, unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->tlb); i++)
		if (c->tlb[i].valid && mmu_overlap(c->tlb[i].va, c->tlb[i].size, start, end))
			c->tlb[i].valid = false;
}

static void flush_all_cpus(unsigned long start, unsigned long end)
{
	flush_cpu(&mmu_boot_cpu, start, end);
	for (unsigned int cpu = 1; cpu < mmu.nr_cpus; cpu++)
		if (mmu.cpus[cpu])
			flush_cpu(mmu.cpus[cpu], start, end);
}

void port_flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	unsigned long flags = spin_lock_irqsave(&mmu.lock);

	this_mmu()->need_barrier = false;
	if (start == end)
		goto out;
	flush_all_cpus(start, end);
	mmu_lay_ghosts(start, end);
out:
	spin_unlock_irqrestore(&mmu.lock, flags);
}

void mmu_flush_this_cpu(unsigned long start, unsigned long end)
{
	unsigned long flags = spin_lock_irqsave(&mmu.lock);

	this_mmu()->need_barrier = false;
	flush_cpu(this_mmu(), start, end);
	spin_unlock_irqrestore(&mmu.lock, flags);
}

void port_flush_tlb_all(void)
{
	unsigned long flags = spin_lock_irqsave(&mmu.lock);

	this_mmu()->need_barrier = false;
	flush_all_cpus(0, 0);
	mmu_lay_all_ghosts();
	spin_unlock_irqrestore(&mmu.lock, flags);
}

void port_replace_ttbr1(phys_addr_t pgd)
{
	port_flush_tlb_all();
	mmu.root = pgd;
	mmu.root_set = true;
	mmu.generation++;
}
