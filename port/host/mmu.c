// SPDX-License-Identifier: MIT
/*
 * The software MMU: walks genuine VMSAv8-64 tables in simulated memory and judges how the core changes them.
 *
 * It knows the architecture from TCR_EL1 and the page size alone and shares no code with arch/arm64: it is the judge of
 * that code. It has
 *   - a TLB of 256 translations (pages, blocks, whole contiguous runs) for each CPU, filled by its translations only. A hit is
 *     compared with the tables it came from: what changed since makes it stale, and using it an error. A flush goes to all CPUs, as
 *     TLBI ...IS does; so the CPU that was forgotten, or flushed too early, is the one that shows the error;
 *   - ghosts: valid entries that were taken away and not yet flushed. A CPU may have cached any of them, used or not. To make an
 *     entry valid again while its ghost lives breaks break-before-make (Arm ARM D8.16.1); so does changing a valid entry
 *     into another valid one, permissions excepted. A range flush (TLBI VAALE1IS) lays ghosts of leaves; only a full one
 *     lays those of tables, which walk caches hold;
 *   - the contiguous bit: a TLB entry made of one entry of a group stands for all of them; a group that disagrees is an error when a
 *     translation comes to it, and as soon as an entry is made that its neighbours do not go with (vmsa.h);
 *   - the marks of a CPU that manages them (TCR_EL1.HA, HD): the access flag and the dirty state of a group go into any entry of it;
 *   - a barrier flag for each CPU: a translation between its store and its barrier is an error.
 *
 * Cost: storing into an invalid entry is some compares and a store; only changes of valid entries are looked at, and their
 * address is found by a cached search of the tree. Stores past port_set_pte() are not seen: the core uses them in tables
 * that no walker reaches.
 *
 * Locking: mmu.lock, interrupts off, for all but that fast path. A store that goes the fast path at the moment at which another CPU
 * breaks an entry goes to another entry: the core changes tables under a lock of its own.
 */
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#include <stdlib.h>

#include "machine.h"
#include "mmu.h"
#include "vmsa.h"

#define TCR_HA (1ULL << 39)
#define TCR_HD (1ULL << 40)
#define NO_TABLE ~0ULL

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
	phys_addr_t table; /* entry of a table: the page it led to; else NO_TABLE */
};

/* Where a table hangs in the tree; level NOWHERE: in no tree at that generation. */
struct place {
	phys_addr_t table;
	unsigned long va;
	int level;
	u64 generation;
};
#define NOWHERE 9

/* After a break, as many stores are checked as the largest run has entries. */
#define SUSPECT_STORES 128

/* What a CPU has for itself. */
struct mmu_cpu {
	struct tlb_entry tlb[256];
	bool need_barrier;
};
static struct mmu_cpu boot_cpu;

static struct {
	spinlock_t lock;
	phys_addr_t root;
	bool root_set;
	struct mmu_cpu *cpus[NR_CPUS]; /* [0]: NULL; the boot CPU's is boot_cpu */
	unsigned int nr_cpus;	       /* one above the last of them */
	struct ghost ghosts[128];
	unsigned int nr_ghosts;
	struct place places[64];
	u64 generation;	      /* of the tree: tables were linked */
	unsigned int marks;   /* made in groups: they go around */
	unsigned int suspect; /* stores whose way to the table is to be looked at */
	unsigned int errors;
	char first_error[160];
} mmu;

static void error(const char *fmt, ...) __printf(1, 2);
static void error(const char *fmt, ...)
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

/* Threads that are no CPU use the boot CPU's. */
static struct mmu_cpu *this_mmu(void)
{
	struct mmu_cpu *c = mmu.cpus[port_cpu()];

	return c ? c : &boot_cpu;
}

static struct mmu_cpu *mmu_of(unsigned int cpu)
{
	return cpu ? mmu.cpus[cpu] : &boot_cpu;
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
	memset(&boot_cpu, 0, sizeof(boot_cpu));
}

static phys_addr_t root(void)
{
	u64 size;

	return mmu.root_set ? mmu.root : port_init_pg_dir(&size);
}

static u64 load_entry(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static u64 load(phys_addr_t pa)
{
	return load_entry(phys_to_virt(pa));
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
		if ((load_entry(group_of(t) + i) & bits) == wanted)
			return true;
	return false;
}

/* Walk without TLB. Fills *t as a TLB entry; returns 0 or a fault status code plus 0x100. */
static unsigned int walk(unsigned long va, struct tlb_entry *t)
{
	phys_addr_t table = root();
	u64 desc, size;

	memset(t, 0, sizeof(*t));
	if (va < -(1UL << cpu_va_bits()))
		return 0x100 + cpu_fault_code(4, 0);
	for (t->level = cpu_top_level();; t->level++) {
		phys_addr_t at = table + 8 * cpu_index(va, t->level);

		if (!host_memory_holds(at, 8))
			return 0x100 + 0x14 + (unsigned int)max(t->level, 0);
		desc = load(at);
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
		fault = walk(va, t);
		if (!t->desc)
			return fault;
		if (fault && !(tcr & TCR_HA))
			break;
		entry = group_of(t) + mmu.marks++ % t->group;
		desc = new = load_entry(entry);
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
		error("contiguous bit in the group of 0x%016lx: %s", va, t->odd);
	return fault;
}

/* The tables do not say any more what the TLB has of va. What a CPU may have written into them meanwhile does not count. */
static bool stale(const struct tlb_entry *t, unsigned long va)
{
	u64 size = t->size / t->group;
	u64 desc = load_entry(group_of(t) + (va - t->va) / size);

	for (unsigned int i = 0; i + 1 < t->nr; i++)
		if (load(t->entry[i]) != t->value[i])
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
		error("access to 0x%016lx without a barrier after a store to the tables", kva);
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
			error("stale TLB entry used for 0x%016lx", kva);
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

/* ------------------------------------------------------------------ where a table hangs */

static bool find_table(phys_addr_t wanted, phys_addr_t table, int level, unsigned long va,
		       struct place *p)
{
	u64 n = level == cpu_top_level() ? 1UL << (cpu_va_bits() - cpu_shift(level))
					 : 1UL << CPU_BITS;

	if (table == wanted) {
		p->va = va;
		p->level = level;
		return true;
	}
	if (level == 3 || !host_memory_holds(table, n * 8))
		return false;
	for (u64 i = 0; i < n; i++) {
		u64 desc = load(table + 8 * i);

		if (cpu_is_table(desc, level) &&
		    find_table(wanted, cpu_address(desc, cpu_wide()), level + 1,
			       va + (i << cpu_shift(level)), p))
			return true;
	}
	return false;
}

/* The tables still lead to p->table as they did. */
static bool still_there(const struct place *p)
{
	phys_addr_t table = root();

	for (int level = cpu_top_level(); level < p->level; level++) {
		u64 desc = load(table + 8 * cpu_index(p->va, level));

		if (!cpu_is_table(desc, level))
			return false;
		table = cpu_address(desc, cpu_wide());
	}
	return table == p->table;
}

/* NULL: no walker reaches the table. */
static const struct place *place_of(phys_addr_t entry)
{
	phys_addr_t table = entry & PAGE_MASK;
	struct place *p = &mmu.places[(table >> PAGE_SHIFT) % ARRAY_SIZE(mmu.places)];

	if (p->table == table && p->generation) {
		if (p->level == NOWHERE && p->generation == mmu.generation + 1)
			return NULL;
		if (p->level != NOWHERE && still_there(p))
			return p;
	}
	p->table = table;
	p->level = NOWHERE;
	find_table(table, root(), cpu_top_level(), -(1UL << cpu_va_bits()), p);
	p->generation = mmu.generation + 1;
	return p->level == NOWHERE ? NULL : p;
}

/* The physical address behind a pointer to an entry: RAM's window, or through the fixmap. */
static bool entry_address(const u64 *entry, phys_addr_t *pa)
{
	struct tlb_entry t;
	unsigned long kva;

	*pa = virt_to_phys(entry);
	if (host_memory_holds(*pa, sizeof(*entry)))
		return true;
	if (!host_ptr_to_kva(entry, &kva) || walk(kva, &t))
		return false;
	*pa = t.pa + (kva - t.va);
	return true;
}

/* ------------------------------------------------------------------ ghosts */

/* Looked at without the lock. */
static void set_nr_ghosts(unsigned int nr)
{
	__atomic_store_n(&mmu.nr_ghosts, nr, __ATOMIC_RELAXED);
}

static void drop_ghost(unsigned int i)
{
	mmu.ghosts[i] = mmu.ghosts[mmu.nr_ghosts - 1];
	set_nr_ghosts(mmu.nr_ghosts - 1);
}

static void add_ghost(phys_addr_t entry, u64 old)
{
	const struct place *p = place_of(entry);
	struct ghost *last = mmu.nr_ghosts ? &mmu.ghosts[mmu.nr_ghosts - 1] : NULL;
	phys_addr_t table;

	if (!p)
		return;
	table = cpu_is_table(old, p->level) ? cpu_address(old, cpu_wide()) : NO_TABLE;
	if (last && table == NO_TABLE && last->table == NO_TABLE && last->last + 8 == entry &&
	    (last->first & PAGE_MASK) == (entry & PAGE_MASK)) {
		last->last = entry;
		return;
	}
	if (mmu.nr_ghosts == ARRAY_SIZE(mmu.ghosts))
		drop_ghost(0);
	mmu.ghosts[mmu.nr_ghosts] = (struct ghost){
		.first = entry,
		.last = entry,
		.level = p->level,
		.va = p->va + (((entry & ~PAGE_MASK) / 8) << cpu_shift(p->level)),
		.table = table,
	};
	set_nr_ghosts(mmu.nr_ghosts + 1);
}

/*
 * While something is broken, the table that is stored to must still be reached. Pointers into RAM's window stand for the
 * linear map, but for the image, which the kernel has mapped elsewhere.
 */
static void check_reached(const u64 *p)
{
	phys_addr_t pa = virt_to_phys(p);
	struct tlb_entry t;

	if (!va_layout.va_bits || !host_memory_holds(pa, sizeof(*p)) ||
	    pa - boot_params.image.phys < boot_params.image.size)
		return;
	if (walk(phys_to_kva(pa), &t))
		error("table 0x%llx stored to through a broken mapping",
		      (unsigned long long)(pa & PAGE_MASK));
}

static void check_made(phys_addr_t entry, u64 val)
{
	for (unsigned int i = 0; i < mmu.nr_ghosts; i++) {
		const struct ghost *g = &mmu.ghosts[i];

		if (entry >= g->first && entry <= g->last) {
			error("break-before-make: entry for 0x%016lx made valid before the flush",
			      g->va + (((entry - g->first) / 8) << cpu_shift(g->level)));
			return;
		}
		if (g->table != NO_TABLE &&
		    g->table == (cpu_address(val, cpu_wide()) & PAGE_MASK)) {
			error("table 0x%llx used again before the flush of 0x%016lx",
			      (unsigned long long)g->table, g->va);
			return;
		}
	}
}

/* An entry with the contiguous bit comes into a group, or one without it: those that are there must go with it. */
static void check_group(phys_addr_t entry, u64 val)
{
	const struct place *p = place_of(entry);
	unsigned int n = p ? contiguous_group(p->level) : 1, mine = (unsigned int)(entry / 8) % n;
	phys_addr_t first = entry - 8ULL * mine;

	if (n == 1 || cpu_is_table(val, p->level))
		return;
	for (unsigned int i = 0; i < n; i++) {
		u64 desc = load(first + 8ULL * i);
		const char *why;

		if (i == mine || !(desc & CPU_VALID) || cpu_is_table(desc, p->level) ||
		    !((desc | val) & CPU_CONT))
			continue;
		why = contiguous_neighbours(desc, val, (long)mine - (long)i,
					    1ULL << cpu_shift(p->level), cpu_wide());
		if (!why)
			continue;
		error("contiguous bit: entry for 0x%016lx made in a group that it does not go "
		      "with: %s",
		      p->va + (((entry & ~PAGE_MASK) / 8) << cpu_shift(p->level)), why);
		return;
	}
}

/* check_group() has something to look at. */
static bool meets_group(const u64 *entry, u64 val)
{
	unsigned long in_table = (unsigned long)entry & ~PAGE_MASK;
	u64 beside = val;

	if (in_table)
		beside |= __atomic_load_n(entry - 1, __ATOMIC_RELAXED);
	if (in_table + 8 < PAGE_SIZE)
		beside |= __atomic_load_n(entry + 1, __ATOMIC_RELAXED);
	return val & CPU_VALID && beside & CPU_CONT;
}

/* The change of a valid entry needs no break: permissions, software bits, normal against normal tagged; in a group marks alone. */
static bool harmless(u64 old, u64 new)
{
	u64 mask = CPU_AP2 | CPU_AF | CPU_DBM | 3ULL << 53 | CPU_IGNORED;
	unsigned int type_old = (old >> 2) & 7, type_new = (new >> 2) & 7;

	if ((old | new) & CPU_CONT)
		return cpu_address(old, cpu_wide()) == cpu_address(new, cpu_wide()) &&
		       !contiguous_difference(old, new, cpu_wide());
	if (type_old < 2 && type_new < 2)
		mask |= 7 << 2;
	return ((old ^ new) & ~mask) == 0;
}

static void change(u64 *entry, u64 old, u64 val)
{
	const struct place *p;
	phys_addr_t pa;

	if (!entry_address(entry, &pa))
		return;
	if (!(old & CPU_VALID)) {
		if (val & CPU_VALID)
			check_made(pa, val);
		if (meets_group(entry, val))
			check_group(pa, val);
		return;
	}
	if (old == val)
		return;
	if (!(val & CPU_VALID)) {
		add_ghost(pa, old);
		__atomic_store_n(&mmu.suspect, SUSPECT_STORES, __ATOMIC_RELAXED);
		return;
	}
	p = place_of(pa);
	if (p &&
	    (cpu_is_table(old, p->level) || cpu_is_table(val, p->level) || !harmless(old, val)))
		error("break-before-make: valid entry for 0x%016lx changed from 0x%llx to 0x%llx",
		      p->va + (((pa & ~PAGE_MASK) / 8) << cpu_shift(p->level)),
		      (unsigned long long)old, (unsigned long long)val);
}

void port_set_pte(u64 *entry, u64 val)
{
	u64 old = __atomic_load_n(entry, __ATOMIC_RELAXED);
	unsigned long flags;
	unsigned int left;

	if ((old & CPU_VALID) || __atomic_load_n(&mmu.suspect, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&mmu.nr_ghosts, __ATOMIC_RELAXED) || meets_group(entry, val)) {
		flags = spin_lock_irqsave(&mmu.lock);
		left = mmu.suspect;
		if (left) {
			__atomic_store_n(&mmu.suspect, left - 1, __ATOMIC_RELAXED);
			check_reached(entry);
		}
		change(entry, old, val);
		spin_unlock_irqrestore(&mmu.lock, flags);
	}
	__atomic_store_n(entry, val, __ATOMIC_RELEASE);
	if ((val & (CPU_VALID | CPU_TYPE)) == (CPU_VALID | CPU_TYPE))
		__atomic_fetch_add(&mmu.generation, 1, __ATOMIC_RELAXED);
	this_mmu()->need_barrier = true;
}

void port_pte_barrier(void)
{
	this_mmu()->need_barrier = false;
}

/* ------------------------------------------------------------------ flushes */

static bool overlap(unsigned long va, u64 size, unsigned long start, unsigned long end)
{
	return va <= end - 1 && va + size - 1 >= start;
}

/* Lay what [start, end) touches of a ghost. Returns whether nothing is left and another ghost has its place. */
static bool lay_ghost(unsigned int i, unsigned long start, unsigned long end)
{
	struct ghost *g = &mmu.ghosts[i], rest;
	unsigned int shift = cpu_shift(g->level);
	u64 n = (g->last - g->first) / 8 + 1, from, to;

	if (g->table != NO_TABLE || !overlap(g->va, n << shift, start, end))
		return false;
	/* Entries from .. to are flushed. */
	from = start <= g->va ? 0 : (start - g->va) >> shift;
	to = end - 1 - g->va >= (n << shift) ? n - 1 : (end - 1 - g->va) >> shift;
	rest = *g;
	rest.first += (to + 1) * 8;
	rest.va += (to + 1) << shift;
	g->last = g->first + from * 8 - 8;
	if (from == 0) {
		if (to == n - 1) {
			drop_ghost(i);
			return true;
		}
		*g = rest;
	} else if (to != n - 1 && mmu.nr_ghosts < ARRAY_SIZE(mmu.ghosts)) {
		mmu.ghosts[mmu.nr_ghosts] = rest;
		set_nr_ghosts(mmu.nr_ghosts + 1);
	}
	return false;
}

/* What the TLB of one CPU has of [start, end), which may wrap to all there is, goes. */
static void flush_cpu(struct mmu_cpu *c, unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->tlb); i++)
		if (c->tlb[i].valid && overlap(c->tlb[i].va, c->tlb[i].size, start, end))
			c->tlb[i].valid = false;
}

static void flush_all_cpus(unsigned long start, unsigned long end)
{
	flush_cpu(&boot_cpu, start, end);
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
	for (unsigned int i = 0; i < mmu.nr_ghosts;)
		if (!lay_ghost(i, start, end))
			i++;
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
	set_nr_ghosts(0);
	spin_unlock_irqrestore(&mmu.lock, flags);
}

void port_replace_ttbr1(phys_addr_t pgd)
{
	port_flush_tlb_all();
	mmu.root = pgd;
	mmu.root_set = true;
	mmu.generation++;
}

/* ------------------------------------------------------------------ pages given away */

static void table_freed(const struct mmu_cpu *c, phys_addr_t page)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->tlb); i++) {
		const struct tlb_entry *t = &c->tlb[i];

		for (unsigned int n = 0; t->valid && n < t->nr; n++)
			if ((t->entry[n] & PAGE_MASK) == page)
				error("table 0x%llx freed while the TLB holds 0x%016lx",
				      (unsigned long long)page, t->va);
	}
}

void mmu_page_freed(phys_addr_t pa)
{
	phys_addr_t page = pa & PAGE_MASK;
	unsigned long flags = spin_lock_irqsave(&mmu.lock);

	for (unsigned int i = 0; i < mmu.nr_ghosts; i++)
		if (mmu.ghosts[i].table == page)
			error("table 0x%llx freed before the flush of 0x%016lx",
			      (unsigned long long)page, mmu.ghosts[i].va);
	for (unsigned int cpu = 0; cpu < max(mmu.nr_cpus, 1U); cpu++)
		if (mmu_of(cpu))
			table_freed(mmu_of(cpu), page);
	spin_unlock_irqrestore(&mmu.lock, flags);
	if (place_of(page))
		error("table 0x%llx freed while it is linked", (unsigned long long)page);
}
