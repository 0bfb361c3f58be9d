// SPDX-License-Identifier: MIT
/*
 * The software MMU's judgement of how the core changes page tables (mmu.c translates by them). It has
 *   - ghosts: valid entries that were taken away and not yet flushed. A CPU may have cached any of them, used or not. To make an
 *     entry valid again while its ghost lives breaks break-before-make (Arm ARM D8.16.1); so does changing a valid entry
 *     into another valid one, permissions excepted. A range flush (TLBI VAALE1IS) lays ghosts of leaves; only a full one
 *     lays those of tables, which walk caches hold;
 *   - the contiguous bit: an entry that its group's others do not go with is an error as soon as it is made (vmsa.h);
 *   - places: where in the tree a table hangs, found by a search that is cached.
 *
 * Cost: storing into an invalid entry is some compares and a store; only changes of valid entries are looked at, and their
 * address is found by a cached search of the tree. Stores past port_set_pte() are not seen: the core uses them in tables
 * that no walker reaches.
 *
 * Locking: mmu.lock, interrupts off, for all but that fast path. A store that goes the fast path at the moment at which another CPU
 * breaks an entry goes to another entry: the core changes tables under a lock of its own.
 */
#include "mmu_internal.h"

#define NO_TABLE ~0ULL
#define NOWHERE 9
/* After a break, as many stores are checked as the largest run has entries. */
#define SUSPECT_STORES 128

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
		u64 desc = mmu_load(table + 8 * i);

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
	phys_addr_t table = mmu_root();

	for (int level = cpu_top_level(); level < p->level; level++) {
		u64 desc = mmu_load(table + 8 * cpu_index(p->va, level));

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
	find_table(table, mmu_root(), cpu_top_level(), -(1UL << cpu_va_bits()), p);
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
	if (!host_ptr_to_kva(entry, &kva) || mmu_walk(kva, &t))
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
	if (mmu_walk(phys_to_kva(pa), &t))
		mmu_error("table 0x%llx stored to through a broken mapping",
			  (unsigned long long)(pa & PAGE_MASK));
}

static void check_made(phys_addr_t entry, u64 val)
{
	for (unsigned int i = 0; i < mmu.nr_ghosts; i++) {
		const struct ghost *g = &mmu.ghosts[i];

		if (entry >= g->first && entry <= g->last) {
			mmu_error(
				"break-before-make: entry for 0x%016lx made valid before the flush",
				g->va + (((entry - g->first) / 8) << cpu_shift(g->level)));
			return;
		}
		if (g->table != NO_TABLE &&
		    g->table == (cpu_address(val, cpu_wide()) & PAGE_MASK)) {
			mmu_error("table 0x%llx used again before the flush of 0x%016lx",
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
		u64 desc = mmu_load(first + 8ULL * i);
		const char *why;

		if (i == mine || !(desc & CPU_VALID) || cpu_is_table(desc, p->level) ||
		    !((desc | val) & CPU_CONT))
			continue;
		why = contiguous_neighbours(desc, val, (long)mine - (long)i,
					    1ULL << cpu_shift(p->level), cpu_wide());
		if (!why)
			continue;
		mmu_error("contiguous bit: entry for 0x%016lx made in a group that it does not go "
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
		mmu_error(
			"break-before-make: valid entry for 0x%016lx changed from 0x%llx to 0x%llx",
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

/* Lay what [start, end) touches of a ghost. Returns whether nothing is left and another ghost has its place. */
static bool lay_ghost(unsigned int i, unsigned long start, unsigned long end)
{
	struct ghost *g = &mmu.ghosts[i], rest;
	unsigned int shift = cpu_shift(g->level);
	u64 n = (g->last - g->first) / 8 + 1, from, to;

	if (g->table != NO_TABLE || !mmu_overlap(g->va, n << shift, start, end))
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

void mmu_lay_ghosts(unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < mmu.nr_ghosts;)
		if (!lay_ghost(i, start, end))
			i++;
}

void mmu_lay_all_ghosts(void)
{
	set_nr_ghosts(0);
}

/* ------------------------------------------------------------------ pages given away */

static void table_freed(const struct mmu_cpu *c, phys_addr_t page)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(c->tlb); i++) {
		const struct tlb_entry *t = &c->tlb[i];

		for (unsigned int n = 0; t->valid && n < t->nr; n++)
			if ((t->entry[n] & PAGE_MASK) == page)
				mmu_error("table 0x%llx freed while the TLB holds 0x%016lx",
					  (unsigned long long)page, t->va);
	}
}

void mmu_page_freed(phys_addr_t pa)
{
	phys_addr_t page = pa & PAGE_MASK;
	unsigned long flags = spin_lock_irqsave(&mmu.lock);

	for (unsigned int i = 0; i < mmu.nr_ghosts; i++)
		if (mmu.ghosts[i].table == page)
			mmu_error("table 0x%llx freed before the flush of 0x%016lx",
				  (unsigned long long)page, mmu.ghosts[i].va);
	for (unsigned int cpu = 0; cpu < max(mmu.nr_cpus, 1U); cpu++)
		if (mmu_of(cpu))
			table_freed(mmu_of(cpu), page);
	spin_unlock_irqrestore(&mmu.lock, flags);
	if (place_of(page))
		mmu_error("table 0x%llx freed while it is linked", (unsigned long long)page);
}
