/* SPDX-License-Identifier: MIT */
/*
 * A tree of translation tables: what mapping.c changes and walk.c reads. The kernel's is kernel_pgtable; tests and the
 * host make others.
 */
#ifndef ARM64_PGTABLE_H
#define ARM64_PGTABLE_H

#include <quire/pgtable.h>
#include <quire/spinlock.h>

#include "descriptor.h"

struct pgtable {
	phys_addr_t root;
	u8 va_bits; /* the tree translates the highest 2^va_bits addresses (TTBR1) */
	u8 pa_bits; /* beyond it: address size fault */
	s8 top;	    /* level of the root's entries */
	bool pa52;  /* 52-bit output addresses (LPA, LPA2): format and block sizes */
	bool live;  /* a walker may use the tree: barriers, break-before-make, TLB maintenance */
	spinlock_t lock;
	/*
	 * The table of the last level that frames.c found last, and kva / TABLE_BYTES that it is for. NULL: none. Under lock,
	 * as tables are freed.
	 */
	u64 *last_table;
	unsigned long last_range;
};

extern struct pgtable kernel_pgtable;

/* root: a zeroed table of 2^(va_bits - shift of its level) entries. lpa2: TCR_EL1.DS, ignored with 64 KiB pages. */
void pgtable_init(struct pgtable *pt, phys_addr_t root, unsigned int va_bits, unsigned int pa_bits,
		  bool lpa2);
/* Geometry of the running CPU: vabits_actual, port_pa_bits(), TCR_EL1.DS. */
void pgtable_init_kernel(phys_addr_t root);

/* See kernel_map(), kernel_unmap(), kernel_protect(). */
int pgtable_map(struct pgtable *pt, unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot,
		unsigned int flags);
int pgtable_unmap(struct pgtable *pt, unsigned long kva, u64 size);
int pgtable_unmap_lazy(struct pgtable *pt, unsigned long kva, u64 size);
int pgtable_protect(struct pgtable *pt, unsigned long kva, u64 size, pgprot_t prot);

/*
 * Break-before-make, the only place where a live entry gives way to another: n entries from `entry` on, which map
 * n * size bytes at kva, become invalid, leave the TLBs, and become val, val + step, ...  Interrupts off. Nothing that the
 * caller needs meanwhile (code, stack, the table itself) may be reached through what is broken.
 */
void break_before_make(u64 *entry, unsigned int n, u64 val, u64 step, unsigned long kva, u64 size);

static inline unsigned long table_index(const struct pgtable *pt, int level, unsigned long kva)
{
	unsigned long i = kva >> level_shift(level);

	if (level == pt->top)
		return i & ((1UL << (pt->va_bits - level_shift(level))) - 1);
	return i & (TABLE_ENTRIES - 1);
}

/* End of the entry that holds kva, or end if that comes first. Right also for the last entry of the address space. */
static inline unsigned long entry_end(unsigned long kva, unsigned long end, u64 size)
{
	unsigned long next = (kva | (size - 1)) + 1;

	return next - 1 < end - 1 ? next : end;
}

/* How many of the n entries from `entry` on are invalid, up to the first that is not. */
static inline unsigned long count_invalid(const u64 *entry, unsigned long n)
{
	unsigned long i = 0;

	/* Four at a time: most of a table is empty when somebody asks. */
	while (n - i >= 4 &&
	       !((entry[i] | entry[i + 1] | entry[i + 2] | entry[i + 3]) & DESC_VALID))
		i += 4;
	while (i < n && !(port_get_pte(&entry[i]) & DESC_VALID))
		i++;
	return i;
}

/* A leaf of this tree. With LPA2 the shareability bits of prot give way to the address. */
static inline u64 leaf_desc_for(const struct pgtable *pt, int level, phys_addr_t pa, pgprot_t prot)
{
	u64 mask = desc_pa_mask(pt->pa52) | DESC_CONT | DESC_TABLE | DESC_VALID;

	return (prot.val & ~mask) | leaf_type(level) | desc_from_pa(pa);
}

static inline bool kva_in_tree(const struct pgtable *pt, unsigned long kva)
{
	return kva >= -(1UL << pt->va_bits);
}

/* ---- reaching tables (fixmap.c) */

/* paging_init has mapped all RAM: tables are reached through the linear map. */
extern bool linear_map_ready;

/* Pointer to a table outside the image before linear_map_ready: through the level's fixmap slot, until the next call for it. */
u64 *fixmap_table_ptr(int level, phys_addr_t table);
/* Clear the slots. */
void fixmap_tables_done(void);

static inline bool in_image(phys_addr_t pa)
{
	return pa - boot_params.image.phys < boot_params.image.size;
}

static inline u64 *table_ptr(int level, phys_addr_t table)
{
	if (in_image(table))
		return port_image_to_ptr(table);
	if (likely(linear_map_ready))
		return phys_to_virt(table);
	return fixmap_table_ptr(level, table);
}

/* For readers that must not change the fixmap: NULL when the table cannot be reached yet. */
static inline const u64 *table_ptr_ro(phys_addr_t table)
{
	if (in_image(table))
		return port_image_to_ptr(table);
	return linear_map_ready ? phys_to_virt(table) : NULL;
}

/* ---- table pages (pgalloc.c) */

/*
 * Pages set aside for one change. Those from memblock come in one piece where it has one; others are linked through
 * their first word, which reads as an invalid descriptor because a page's address is even.
 */
struct table_pool {
	phys_addr_t next, end; /* piece */
	phys_addr_t chain;     /* 0: none */
	unsigned long count;   /* in piece and chain */
};

/* Add n pages. -ENOMEM: none was added. No lock held. */
int table_pool_fill(struct table_pool *pool, unsigned long n);
/* Contents are undefined. The pool must not be empty. */
phys_addr_t table_pool_take(struct table_pool *pool, int level);
/* Put a page back, to be given away by table_pool_drain. The page may still be in a walker's caches. */
void table_pool_put(struct table_pool *pool, int level, phys_addr_t table);
/* Give every page back to its allocator. No lock held, TLBs flushed. */
void table_pool_drain(struct table_pool *pool);

/* ---- walking (walk.c) */

void pgtable_walk_tree(const struct pgtable *pt, unsigned long kva, struct walk *w);
int pgtable_for_each_leaf_tree(const struct pgtable *pt, unsigned long start, unsigned long end,
			       int (*fn)(const struct pgtable_leaf *leaf, void *arg), void *arg);
void pgtable_stats_tree(const struct pgtable *pt, unsigned long start, unsigned long end,
			struct pgtable_stats *s);
/* Structure only: see kernel_pgtable_check. */
int pgtable_check_tree(const struct pgtable *pt);

#endif
