/* SPDX-License-Identifier: MIT */
/*
 * For tests of address spaces: a CPU that reads and writes by page tables through TLBs which forget nothing until they are flushed, and which
 * fail the test when what they hold allows more than the tables do.
 */
#ifndef TESTS_VM_WORLD_H
#define TESTS_VM_WORLD_H

#include "page_world.h"

#include <pthread.h>
#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/page_debug.h>
#include <quire/slab.h>
#include <quire/user.h>

#include "mm/vm/internal.h"
#include "port/host/vmsa.h"
#include "slab_fixture.h"

struct pgtable kernel_pgtable;
int transparent_hugepage_mode;

/* Far more than the areas of any test here: they are about other limits. */
static unsigned long ram_pages = 1UL << 36;

unsigned long totalram_pages(void)
{
	return ram_pages;
}

bool totalram_at_least(unsigned long pages)
{
	return pages <= ram_pages;
}

/* ------------------------------------------------------------------ the TLB */

#define WINDOW 0x10000000UL
#define PAGES 48U
#define SPACES 4U

#define ASIDS 256U
#define TLBS 2U			    /* CPUs, as it were: an access is by one of them */
static u64 tlb[TLBS][ASIDS][PAGES]; /* the entry as it was used; 0: none */
static unsigned int flushes;
#ifndef WORLD_COUNTS_FLUSHES /* a bench does not: one counter for all CPUs is what it would measure */
#define WORLD_COUNTS_FLUSHES 1
#endif
/* What a test has beside them: of one address space's [start, end); all of it when they are equal. */
static void (*flush_more)(u64 asid, unsigned long start, unsigned long end);

/* 8 bits of ASID, else as doubles.c has it. */
u64 port_read_reg(enum port_reg reg)
{
	return reg == PORT_ID_AA64MMFR0_EL1 ? 0x1104 : reg == PORT_MPIDR_EL1 ? 1UL << 31 : 0;
}

static u64 *tlb_slot(unsigned int which, u64 asid, unsigned long addr)
{
	unsigned long page = (addr - WINDOW) >> PAGE_SHIFT;

	assert_true(asid < ASIDS);
	return addr >= WINDOW && page < PAGES ? &tlb[which][asid][page] : NULL;
}

void port_flush_tlb_user_page(u64 asid, unsigned long addr)
{
	for (unsigned int i = 0; i < TLBS; i++) {
		u64 *slot = tlb_slot(i, asid, addr);

		if (slot)
			__atomic_store_n(slot, 0, __ATOMIC_RELAXED);
	}
	if (WORLD_COUNTS_FLUSHES)
		__atomic_fetch_add(&flushes, 1, __ATOMIC_RELAXED);
	if (flush_more)
		flush_more(asid, addr, addr + PAGE_SIZE);
}

/* Ways to tables that a CPU remembers: [i] as it was used for table i of those that begin at WALKS; NULL: none. */
#define WALKS (SZ_4G + SZ_1G)
#define NR_WALKS 8U
#define TABLE_SIZE (1UL << (2 * PAGE_SHIFT - 3))
static bool walk_known[NR_WALKS];

void port_flush_tlb_user_range(u64 asid, unsigned long start, unsigned long end, bool tables)
{
	for (unsigned long i = 0; tables && i < NR_WALKS; i++)
		if (start >= end ||
		    (start < WALKS + (i + 1) * TABLE_SIZE && end > WALKS + i * TABLE_SIZE))
			walk_known[i] = false;
	for (; start < end; start += PAGE_SIZE)
		port_flush_tlb_user_page(asid, start);
}

void port_flush_tlb_asid(u64 asid)
{
	port_flush_tlb_user_range(asid, WINDOW, WINDOW + PAGES * PAGE_SIZE, true);
	if (flush_more)
		flush_more(asid, 0, 0);
}

static const void *last_synced;

void port_switch_mm(phys_addr_t pgd, u64 asid)
{
	(void)pgd;
	(void)asid;
}

void port_sync_icache(const void *p, size_t size)
{
	assert_int_equal(size, PAGE_SIZE);
	last_synced = p;
}

/*
 * How the CPUs mark entries (TCR_EL1.HA, HD): not at all, only the access flag, or the dirty state too. They are of different kinds unless a
 * test says otherwise, as those of big.LITTLE may be.
 */
enum { NO_MARKS, ACCESS_FLAG, DIRTY_STATE };
static unsigned int cpu_marks[TLBS] = {DIRTY_STATE, NO_MARKS};

/* Entries become empty because their pages move, not because they are given up. */
static bool pages_move;

/*
 * Stores that do not look at what was there: what a CPU may do to a valid entry at the same moment must be in the new one, or be of no
 * interest: of a page of a program's own that is given up.
 */
void port_set_pte(u64 *entry, u64 val)
{
	u64 old = __atomic_load_n(entry, __ATOMIC_RELAXED);

	/* A program's page, no table. */
	if (old & DESC_VALID && old & DESC_NG && !(old & PTE_SPECIAL)) {
		bool may_be_dirtied = old & DESC_WRITE && old & DESC_RDONLY;

		if (val ? may_be_dirtied && !pte_dirty(val)
			: may_be_dirtied && (pages_move || !page_is_anon(pte_page(old))))
			fail_msg("a write may be lost: %#lx becomes %#lx", (long)old, (long)val);
		if (val && !(old & DESC_AF) && !(val & DESC_AF))
			fail_msg("an access may be lost: %#lx becomes %#lx", (long)old, (long)val);
	}
	__atomic_store_n(entry, val, __ATOMIC_RELEASE);
}

/* Entries that stand for one another: those of a group with the contiguous bit, from *first on; else one. */
static unsigned int group_of(u64 *pte, u64 val, u64 **first)
{
	unsigned int n = val & CPU_CONT ? contiguous_group(3) : 1;

	*first = pte - (unsigned long)pte / sizeof(*pte) % n;
	return n;
}

static bool group_has(const u64 *first, unsigned int n, u64 bits, u64 wanted)
{
	for (unsigned int i = 0; i < n; i++)
		if ((pte_load(first + i) & bits) == wanted)
			return true;
	return false;
}

/* By the TLB: it must not allow what the entry does not, nor lead elsewhere. */
static void check_stale(u64 slot, u64 *pte, unsigned long addr, bool write)
{
	u64 val = pte ? pte_load(pte) : 0, *first;
	unsigned int n = group_of(pte, val, &first);

	/* In a group the hardware may have noted another write in another entry. */
	if (!(val & DESC_VALID) || pte_pa(val) != pte_pa(slot) ||
	    (write && !group_has(first, n, DESC_RDONLY, 0)))
		fail_msg("stale TLB entry %#lx of %#lx used, the table says %#lx", (long)slot, addr,
			 (long)val);
}

/* The TLB has the entry as it was used; and all of its group, each of which goes by a flush of its own, as those of a CPU that does not join them. */
static void fill_tlb(unsigned int cpu, u64 asid, unsigned long addr, u64 val, unsigned int n)
{
	unsigned long start = ALIGN_DOWN(addr, n * PAGE_SIZE);
	phys_addr_t pa = pte_pa(val) - (ALIGN_DOWN(addr, PAGE_SIZE) - start);

	for (unsigned int i = 0; i < n; i++) {
		u64 *slot = tlb_slot(cpu, asid, start + i * PAGE_SIZE);

		if (slot)
			*slot = (val & ~cpu_address_mask(false)) | desc_from_pa(pa + i * PAGE_SIZE);
	}
}

/* What the hardware does: the byte, or NULL: a fault. */
static char *hardware(struct mm_struct *mm, unsigned long addr, bool write)
{
	unsigned int cpu = (unsigned int)random() % TLBS, n;
	u64 *slot = tlb_slot(cpu, mm->context_id, addr), *pte, *first, *any, val, old, new;
	unsigned long end;
	const char *odd;

	pte = pte_find(mm, addr, &end);
	if (*slot && write && *slot & DESC_RDONLY) {
		if (!(*slot & DESC_WRITE) || cpu_marks[cpu] < DIRTY_STATE)
			return NULL;
		/* To note the write it looks at the entry again. */
		*slot = 0;
	}
	if (*slot) {
		check_stale(*slot, pte, addr, write);
		return (char *)page_address(pte_page(*slot)) + (addr & (PAGE_SIZE - 1));
	}
	do {
		val = pte ? pte_load(pte) : 0;
		if (!(val & DESC_VALID) || !(val & DESC_USER))
			return NULL;
		n = group_of(pte, val, &first);
		odd = n > 1 ? contiguous_fault(first, n, PAGE_SIZE, false) : NULL;
		if (odd)
			fail_msg("the group of %#lx with the contiguous bit: %s", addr, odd);
		/* Marks go into any entry of the group, and hold for all. */
		any = n > 1 ? &first[(unsigned long)random() % n] : pte;
		old = new = pte_load(any);
		if (!(val & DESC_AF)) {
			if (cpu_marks[cpu] < ACCESS_FLAG)
				return NULL;
			if (!group_has(first, n, DESC_AF, DESC_AF))
				new |= DESC_AF;
			val |= DESC_AF;
		}
		if (write && val & DESC_RDONLY) {
			if (!(val & DESC_WRITE) || cpu_marks[cpu] < DIRTY_STATE)
				return NULL;
			if (!group_has(first, n, DESC_RDONLY, 0))
				new &= ~(u64)DESC_RDONLY;
			val &= ~(u64)DESC_RDONLY;
		}
	} while (new != old && !port_cmpxchg_pte(any, &old, new));
	fill_tlb(cpu, mm->context_id, addr, val, n);
	return (char *)page_address(pte_page(val)) + (addr & (PAGE_SIZE - 1));
}

/* The program's access: 0, or the fault that ends it. */
static inline vm_fault_t access(struct mm_struct *mm, unsigned long addr, bool write,
				unsigned char *byte)
{
	for (unsigned int tries = 0; tries < 4; tries++) {
		char *p = hardware(mm, addr, write);
		vm_fault_t ret;

		if (p) {
			if (write)
				*p = (char)*byte;
			else
				*byte = (unsigned char)*p;
			return 0;
		}
		ret = handle_mm_fault(mm, addr, FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0));
		if (ret & VM_FAULT_ERROR)
			return ret;
	}
	fail_msg("the access to %#lx faults for ever", addr);
	return 0;
}

/* ------------------------------------------------------------------ a world */

static struct zone *zone;
static unsigned long free_at_start, zero_blocks_at_start;

static unsigned long zero_blocks(void)
{
	unsigned long all[NR_VM_EVENT_ITEMS];

	all_vm_events(all);
	return all[THP_ZERO_PAGE_ALLOC];
}

static void world_begin(void)
{
	forget_slab();
	zone = world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	nr_cpus_possible = 4;
	kmem_cache_init();
	vm_init();
	/* Most tests are about single pages. */
	thp_enabled = THP_NEVER;
	slab_drain_all();
	free_at_start = free_pages_of(zone);
	zero_blocks_at_start = zero_blocks();
	memset(tlb, 0, sizeof(tlb));
}

/* All address spaces and files are gone: nothing is left of them. */
static void world_end(void)
{
	slab_drain_all();
	assert_int_equal(slab_check(), 0);
	if (zone->pageset)
		drain_all_pages(zone);
	/* The zero block stays, once it is there. */
	assert_int_equal(free_pages_of(zone) + (zero_blocks() - zero_blocks_at_start) * HUGE_PAGES,
			 free_at_start);
	world_check();
	assert_int_equal(global_node_page_state(NR_ANON_MAPPED), 0);
	assert_int_equal(global_node_page_state(NR_FILE_MAPPED), 0);
	vmstat_refresh();
	assert_int_equal(global_node_page_state(NR_ANON_THPS), 0);
	for (unsigned int order = 0; order < MTHP_ORDERS; order++)
		assert_int_equal(mthp_stat(order, MTHP_NR_ANON), 0);
	assert_int_equal(global_node_page_state(NR_FILE_PAGES), 0);
	assert_int_equal(global_node_page_state(NR_SHMEM), 0);
	assert_int_equal(global_node_page_state(NR_PAGETABLE), 0);
}

/* ------------------------------------------------------------------ several CPUs */

#define CPUS 3
extern char __start_quire_percpu[], __stop_quire_percpu[];
static char copies[CPUS + 1][1 << 15] __aligned(64);

static void be_cpu(unsigned int cpu)
{
	port_set_cpu(cpu, __per_cpu_offset[cpu]);
}

/* The caller is CPU 0, the others are 1 to CPUS; each has a copy of the per-CPU variables, made of the section that they are in. */
static __maybe_unused void cpus_begin(void)
{
	assert_true((size_t)(__stop_quire_percpu - __start_quire_percpu) <= sizeof(copies[0]));
	for (unsigned int cpu = 0; cpu <= CPUS; cpu++)
		__per_cpu_offset[cpu] = (unsigned long)(copies[cpu] - __start_quire_percpu);
	be_cpu(0);
}

/* What they have counted is counted by the only one that is left. */
static __maybe_unused void cpus_end(void)
{
	vmstat_refresh();
	for (unsigned int i = 0; i <= CPUS; i++) {
		struct vm_mapped_state *s =
			(void *)(copies[i] + ((char *)&vm_mapped_states - __start_quire_percpu));
		struct mthp_state *t =
			(void *)(copies[i] + ((char *)&mthp_states - __start_quire_percpu));

		for (unsigned int item = 0; item < NR_MAPPED_ITEMS; item++) {
			vm_mapped_states.nr[0][item] += s->nr[0][item];
			s->nr[0][item] = 0;
		}
		for (unsigned int order = 0; order < MTHP_ORDERS; order++) {
			long *n = &t->nr[order][MTHP_NR_ANON];

			mthp_states.nr[order][MTHP_NR_ANON] += *n;
			*n = 0;
		}
	}
	__per_cpu_offset[0] = 0;
	be_cpu(0);
}

static pthread_t cpu_thread[CPUS];
static bool stop_threads;

/* After cpus_begin: f on CPUs 1 to CPUS, each with its number. */
static __maybe_unused void cpus_run(void *(*f)(void *cpu))
{
	stop_threads = false;
	for (unsigned long i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&cpu_thread[i], NULL, f, (void *)(i + 1)), 0);
}

static __maybe_unused bool cpus_go_on(void)
{
	return !__atomic_load_n(&stop_threads, __ATOMIC_ACQUIRE);
}

/* They are told to stop, and none of them returns that something was wrong. */
static __maybe_unused void cpus_join(void)
{
	__atomic_store_n(&stop_threads, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < CPUS; i++) {
		void *bad;

		pthread_join(cpu_thread[i], &bad);
		assert_null(bad);
	}
}

static __maybe_unused unsigned long rnd(unsigned long n)
{
	return (unsigned long)random() % n;
}

static __maybe_unused unsigned long random_prot(void)
{
	static const unsigned long prots[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
					      PROT_READ, PROT_NONE};

	return prots[rnd(4)];
}

static inline unsigned long addr_of(unsigned int page)
{
	return WINDOW + page * PAGE_SIZE;
}

#endif
