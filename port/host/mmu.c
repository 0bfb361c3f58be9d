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
 *   - a barrier flag for each CPU: a translation between its store and its barrier is an error.
 *
 * Cost: storing into an invalid entry is a compare and a store; only changes of valid entries are looked at, and their
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

#define VALID 1ULL
#define TABLE 2ULL
#define CONT (1ULL << 52)
#define BITS (PAGE_SHIFT - 3)
#define NO_TABLE ~0ULL

/* One cached translation and the entries that made it. */
struct tlb_entry {
	bool valid, ro, xn;
	int level;
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

/* ------------------------------------------------------------------ geometry */

static unsigned int va_bits(void)
{
	return 64 - ((port_read_reg(PORT_TCR_EL1) >> 16) & 63);
}

/* 52-bit addresses in descriptors: TCR_EL1.DS; with 64 KiB pages always. */
static bool wide(void)
{
	return PAGE_SHIFT == 16 || ((port_read_reg(PORT_TCR_EL1) >> 59) & 1);
}

static int top_level(void)
{
	int level = 3;

	for (unsigned int bits = PAGE_SHIFT + BITS; bits < va_bits(); bits += BITS)
		level--;
	return level;
}

static unsigned int shift_of(int level)
{
	return PAGE_SHIFT + (unsigned int)(3 - level) * BITS;
}

static u64 index_of(unsigned long va, int level)
{
	unsigned int bits = level == top_level() ? va_bits() - shift_of(level) : BITS;

	return (va >> shift_of(level)) & ((1UL << bits) - 1);
}

static phys_addr_t address_of(u64 desc)
{
	u64 low = desc & (((1ULL << 48) - 1) & PAGE_MASK);

	if (PAGE_SHIFT == 16)
		return low | ((desc >> 12) & 0xf) << 48;
	if (wide())
		return low | (desc & (3ULL << 48)) | ((desc >> 8) & 3) << 50;
	return low;
}

static bool block_allowed(int level)
{
	bool pa52 = PAGE_SHIFT == 16 ? port_pa_bits() == 52 : wide();

	switch (PAGE_SHIFT) {
	case 12:
		return level == 2 || level == 1 || (level == 0 && pa52);
	default:
		return level == 2 || (level == 1 && pa52);
	}
}

static unsigned int run_of(int level)
{
	switch (PAGE_SHIFT) {
	case 12:
		return level >= 1 ? 16 : 1;
	case 14:
		return level == 3 ? 128 : level == 2 ? 32 : 1;
	default:
		return level >= 2 ? 32 : 1;
	}
}

static bool is_table(u64 desc, int level)
{
	return level < 3 && (desc & (VALID | TABLE)) == (VALID | TABLE);
}

static phys_addr_t root(void)
{
	u64 size;

	return mmu.root_set ? mmu.root : port_init_pg_dir(&size);
}

static u64 load(phys_addr_t pa)
{
	return __atomic_load_n((const u64 *)phys_to_virt(pa), __ATOMIC_ACQUIRE);
}

/* ------------------------------------------------------------------ walk */

static unsigned int fault_code(unsigned int kind, int level)
{
	/* 0 address size, 4 translation, 8 access flag, 12 permission; level -1 has codes of its own. */
	if (level < 0)
		return kind == 0 ? 0x29 : 0x2b;
	return kind + (unsigned int)level;
}

/* Walk without TLB. Fills *t as a TLB entry; returns 0 or a fault status code plus 0x100. */
static unsigned int walk(unsigned long va, struct tlb_entry *t)
{
	phys_addr_t table = root();
	unsigned int run;
	u64 desc, size;

	memset(t, 0, sizeof(*t));
	if (va < -(1UL << va_bits()))
		return 0x100 + fault_code(4, 0);
	for (t->level = top_level();; t->level++) {
		phys_addr_t at = table + 8 * index_of(va, t->level);

		if (!host_memory_holds(at, 8))
			return 0x100 + 0x14 + (unsigned int)max(t->level, 0);
		desc = load(at);
		t->entry[t->nr] = at;
		t->value[t->nr++] = desc;
		if (!(desc & VALID))
			return 0x100 + fault_code(4, t->level);
		table = address_of(desc);
		if (!is_table(desc, t->level))
			break;
		if (table >> port_pa_bits())
			return 0x100 + fault_code(0, t->level);
		t->ro |= (desc >> 62) & 1;
		t->xn |= (desc >> 59) & 1;
	}
	if (t->level == 3 ? !(desc & TABLE) : !block_allowed(t->level))
		return 0x100 + fault_code(4, t->level);
	if (table >> port_pa_bits())
		return 0x100 + fault_code(0, t->level);
	if (!(desc & (1ULL << 10)))
		return 0x100 + fault_code(8, t->level);
	size = 1ULL << shift_of(t->level);
	run = desc & CONT ? run_of(t->level) : 1;
	/* With the contiguous bit the CPU may take any entry for the whole run. */
	t->size = size * run;
	t->va = va & ~(t->size - 1);
	t->pa = (table & ~(size - 1)) - ((va & ~(size - 1)) - t->va);
	t->desc = desc;
	t->ro |= (desc >> 7) & 1;
	t->xn |= (desc >> 53) & 1;
	return 0;
}

static bool stale(const struct tlb_entry *t)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (load(t->entry[i]) != t->value[i])
			return true;
	return false;
}

static struct tlb_entry *tlb_slot(unsigned long va)
{
	struct mmu_cpu *c = this_mmu();

	return &c->tlb[(va >> PAGE_SHIFT) % ARRAY_SIZE(c->tlb)];
}

bool mmu_translate(unsigned long kva, enum mmu_access access, struct mmu_result *r)
{
	struct mmu_cpu *c = this_mmu();
	struct tlb_entry *t = tlb_slot(kva), fresh;
	unsigned int fault = 0;
	unsigned long flags;

	*r = (struct mmu_result){0};
	flags = spin_lock_irqsave(&mmu.lock);
	if (c->need_barrier) {
		error("access to 0x%016lx without a barrier after a store to the tables", kva);
		c->need_barrier = false;
	}
	if (t->valid && kva - t->va < t->size) {
		if (stale(t))
			error("stale TLB entry used for 0x%016lx", kva);
	} else {
		fault = walk(kva, &fresh);
		if (fault) {
			t = &fresh;
		} else {
			*t = fresh;
			t->valid = true;
		}
	}
	if (!fault && ((access == MMU_WRITE && t->ro) || (access == MMU_EXEC && t->xn)))
		fault = 0x100 + fault_code(12, t->level);
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
	sh = PAGE_SHIFT != 16 && wide() ? (port_read_reg(PORT_TCR_EL1) >> 28) & 3
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
	u64 n = level == top_level() ? 1UL << (va_bits() - shift_of(level)) : 1UL << BITS;

	if (table == wanted) {
		p->va = va;
		p->level = level;
		return true;
	}
	if (level == 3 || !host_memory_holds(table, n * 8))
		return false;
	for (u64 i = 0; i < n; i++) {
		u64 desc = load(table + 8 * i);

		if (is_table(desc, level) &&
		    find_table(wanted, address_of(desc), level + 1, va + (i << shift_of(level)), p))
			return true;
	}
	return false;
}

/* The tables still lead to p->table as they did. */
static bool still_there(const struct place *p)
{
	phys_addr_t table = root();

	for (int level = top_level(); level < p->level; level++) {
		u64 desc = load(table + 8 * index_of(p->va, level));

		if (!is_table(desc, level))
			return false;
		table = address_of(desc);
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
	find_table(table, root(), top_level(), -(1UL << va_bits()), p);
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
	table = is_table(old, p->level) ? address_of(old) : NO_TABLE;
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
		.va = p->va + (((entry & ~PAGE_MASK) / 8) << shift_of(p->level)),
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
			      g->va + (((entry - g->first) / 8) << shift_of(g->level)));
			return;
		}
		if (g->table != NO_TABLE && g->table == (address_of(val) & PAGE_MASK)) {
			error("table 0x%llx used again before the flush of 0x%016lx",
			      (unsigned long long)g->table, g->va);
			return;
		}
	}
}

/* The change of a valid entry needs no break: permissions, software bits, normal against normal tagged. */
static bool harmless(u64 old, u64 new)
{
	u64 mask = 1ULL << 7 | 1ULL << 51 | 3ULL << 53 | 0xfULL << 55 | 1ULL << 63;
	unsigned int type_old = (old >> 2) & 7, type_new = (new >> 2) & 7;

	if (type_old < 2 && type_new < 2)
		mask |= 7 << 2;
	return !((old | new) & CONT) && ((old ^ new) & ~mask) == 0;
}

static void change(u64 *entry, u64 old, u64 val)
{
	const struct place *p;
	phys_addr_t pa;

	if (!entry_address(entry, &pa))
		return;
	if (!(old & VALID)) {
		if (val & VALID)
			check_made(pa, val);
		return;
	}
	if (old == val)
		return;
	if (!(val & VALID)) {
		add_ghost(pa, old);
		__atomic_store_n(&mmu.suspect, SUSPECT_STORES, __ATOMIC_RELAXED);
		return;
	}
	p = place_of(pa);
	if (p && (is_table(old, p->level) || is_table(val, p->level) || !harmless(old, val)))
		error("break-before-make: valid entry for 0x%016lx changed from 0x%llx to 0x%llx",
		      p->va + (((pa & ~PAGE_MASK) / 8) << shift_of(p->level)),
		      (unsigned long long)old, (unsigned long long)val);
}

void port_set_pte(u64 *entry, u64 val)
{
	u64 old = __atomic_load_n(entry, __ATOMIC_RELAXED);
	unsigned long flags;
	unsigned int left;

	if ((old & VALID) || __atomic_load_n(&mmu.suspect, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&mmu.nr_ghosts, __ATOMIC_RELAXED)) {
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
	if ((val & (VALID | TABLE)) == (VALID | TABLE))
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
	unsigned int shift = shift_of(g->level);
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
