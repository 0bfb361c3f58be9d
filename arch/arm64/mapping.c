// SPDX-License-Identifier: MIT
/*
 * Changing translation tables: map, unmap and protect, one path for every level and granule.
 *
 * A change has two passes. The first walks the range, refuses what cannot be done and counts the tables that will be
 * needed; they are set aside in a pool. The second writes and cannot fail. A subtree that did not exist is built from
 * its leaves upwards in pages that no walker sees and is then linked with one store; a block that must be split is
 * replaced by such a subtree that says the same, already with the change in it. So a walker never meets a
 * half-built table, and the entries of new tables cost plain stores.
 *
 * Invariants: a table page is linked once; a run with the contiguous bit is whole: all its entries have it, the same
 * attributes, and consecutive addresses; a valid entry of a live tree becomes another valid entry only in
 * break_before_make(), or in place where permissions alone change (Arm ARM D8.16.1); a table page leaves its tree before it
 * is freed, and the TLBs, walk caches included, are flushed in between.
 *
 * Locking: pgtable.lock over both passes, interrupts off. Pages are allocated and freed outside of it, because the page
 * allocator has locks of its own; when the tree changed meanwhile and needs more, the first pass is repeated.
 *
 * Against Linux: there mapping code exists per level, allocates as it goes, panics when it cannot, and never splits a
 * live block, which is why rodata=full costs a linear map of pages.
 */
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "pgtable.h"

/* Leaves alone go, tables stay, and the TLBs are flushed by the caller. */
#define UNMAP_LAZY 0x100

enum op_kind { OP_MAP, OP_UNMAP, OP_PROTECT };

struct op {
	struct pgtable *pt;
	enum op_kind kind;
	unsigned int flags; /* MAP_* */
	u64 attrs;	    /* of leaves, without type, contiguous bit and address */
	u64 table_attrs;    /* of new table descriptors */
	u64 pa_mask;
	unsigned long need; /* first pass: tables to build */
	struct table_pool pool;
	struct table_pool freed;
	bool flush; /* leaves of a live tree were taken away or changed */
};

struct pgtable kernel_pgtable;

void pgtable_init(struct pgtable *pt, phys_addr_t root, unsigned int va_bits, unsigned int pa_bits,
		  bool lpa2)
{
	*pt = (struct pgtable){
		.root = root,
		.va_bits = (u8)va_bits,
		.pa_bits = (u8)pa_bits,
		.top = (s8)root_level(va_bits),
		.pa52 = PAGE_SHIFT == 16 ? pa_bits > 48 : lpa2,
	};
}

/* ------------------------------------------------------------------ what a leaf may be */

/* pa and kva agree in the bits below the level's entry size, and the level has blocks. */
static bool leaf_fits(const struct op *op, int level, u64 kva_xor_pa)
{
	if (level < MAX_LEVEL && (op->flags & MAP_NO_BLOCKS))
		return false;
	return level_has_leaf(level, op->pt->pa52) && IS_ALIGNED(kva_xor_pa, level_size(level));
}

/* Attributes of an existing leaf, as in op->attrs. */
static u64 leaf_attrs(const struct op *op, u64 desc)
{
	return desc & ~(op->pa_mask | DESC_CONT | DESC_TABLE | DESC_VALID);
}

static bool leaf_changes(const struct op *op, u64 desc)
{
	return op->kind == OP_UNMAP || leaf_attrs(op, desc) != op->attrs;
}

static u64 leaf_desc(u64 attrs, int level, phys_addr_t pa)
{
	return attrs | leaf_type(level) | desc_from_pa(pa);
}

/*
 * The change may be made in a live entry, outside of a contiguous run, as it stands: permissions and software bits alone
 * (Linux: pgattr_change_is_safe). Normal and normal-tagged memory are one cacheability.
 */
static bool change_in_place(u64 old, u64 new)
{
	u64 mask = DESC_PXN | DESC_UXN | DESC_RDONLY | DESC_WRITE | DESC_NG | DESC_SW_MASK;
	u64 type_old = old & DESC_ATTRINDX_MASK, type_new = new &DESC_ATTRINDX_MASK;

	if ((old | new) & DESC_CONT || (old & ~new &DESC_NG))
		return false;
	if (type_old <= DESC_ATTRINDX(MT_NORMAL_TAGGED) &&
	    type_new <= DESC_ATTRINDX(MT_NORMAL_TAGGED))
		mask |= DESC_ATTRINDX_MASK;
	return ((old ^ new) & ~mask) == 0;
}

/* ------------------------------------------------------------------ first pass */

/* Tables for a range that nothing maps yet, its table at `level` included. */
static unsigned long count_new(const struct op *op, int level, unsigned long kva, unsigned long end,
			       phys_addr_t pa)
{
	u64 size = level_size(level);
	unsigned long next = entry_end(kva, end, size), full, n = 1;

	if (level == MAX_LEVEL)
		return 1;
	/* First entry, if it is covered in part; then whole entries, all alike; then the rest of the last one. */
	if (next - kva != size) {
		n += count_new(op, level + 1, kva, next, pa);
		pa += next - kva;
		kva = next;
	}
	full = (end - kva) >> level_shift(level);
	if (full && !leaf_fits(op, level, kva ^ pa))
		n += full * count_new(op, level + 1, kva, kva + size, pa);
	kva += full << level_shift(level);
	pa += full << level_shift(level);
	if (kva != end)
		n += count_new(op, level + 1, kva, end, pa);
	return n;
}

/* Tables for splitting a leaf above `level` so that [kva, end) has entries of its own. */
static unsigned long count_split(int level, unsigned long kva, unsigned long end)
{
	u64 mask = level_size(level) - 1;
	bool head = kva & mask, tail = end & mask;
	unsigned long n = 1;

	if (level == MAX_LEVEL)
		return 1;
	if (((kva ^ (end - 1)) & ~mask) == 0)
		return head || tail ? 1 + count_split(level + 1, kva, end) : 1;
	if (head)
		n += count_split(level + 1, kva, (kva | mask) + 1);
	if (tail)
		n += count_split(level + 1, end & ~mask, end);
	return n;
}

static int plan_table(struct op *op, int level, phys_addr_t table, unsigned long kva,
		      unsigned long end, phys_addr_t pa)
{
	u64 size = level_size(level);
	const u64 *t = table_ptr(level, table);
	const u64 *entry = t + table_index(op->pt, level, kva);
	bool leaf = leaf_fits(op, level, kva ^ pa);
	unsigned int shift = level_shift(level);
	unsigned long next;

	for (; kva != end; entry++, pa += next - kva, kva = next) {
		u64 desc = port_get_pte(entry);
		bool whole;

		next = entry_end(kva, end, size);
		whole = next - kva == size;
		if (!(desc & DESC_VALID)) {
			if (op->kind == OP_PROTECT)
				return -ENOENT;
			if (op->kind == OP_MAP && !(whole && leaf)) {
				op->need += count_new(op, level + 1, kva, next, pa);
			} else if (whole) {
				/* Nothing to do in the first pass for all that follow like this one. */
				unsigned long n = count_invalid(entry, (end - kva) >> shift);

				entry += n - 1;
				next = kva + (n << shift);
			}
		} else if (desc_is_table(desc, level)) {
			int err = plan_table(op, level + 1, desc_to_pa(desc, op->pt->pa52), kva,
					     next, pa);

			if (err)
				return err;
		} else {
			phys_addr_t mapped = desc_to_pa(desc, op->pt->pa52) + (kva & (size - 1));

			if (op->kind == OP_MAP && mapped != pa)
				return -EEXIST;
			if (!whole && leaf_changes(op, desc))
				op->need += count_split(level + 1, kva, next);
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ leaves in a row */

static void fill_new(u64 *entry, unsigned long n, u64 desc, u64 step)
{
	for (; n >= 4; n -= 4, entry += 4, desc += 4 * step) {
		entry[0] = desc;
		entry[1] = desc + step;
		entry[2] = desc + 2 * step;
		entry[3] = desc + 3 * step;
	}
	for (; n; n--, desc += step)
		*entry++ = desc;
}

static void fill_live(u64 *entry, unsigned long n, u64 desc, u64 step)
{
	for (; n; n--, desc += step)
		port_set_pte(entry++, desc);
}

/* n invalid entries become leaves of consecutive addresses with one value of the contiguous bit. */
static void fill(u64 *entry, unsigned long n, u64 attrs, int level, phys_addr_t pa, bool live)
{
	u64 size = level_size(level);

	/* The address is split in the descriptor: a row that crosses the split is made of two. */
	while (n) {
		const unsigned int split = PAGE_SHIFT == 16 ? 48 : 50;
		u64 here = min_t(u64, n,
				 ((pa | GENMASK(split - 1, 0)) + 1 - pa) >> level_shift(level));
		u64 desc = leaf_desc(attrs, level, pa);

		if (live)
			fill_live(entry, here, desc, size);
		else
			fill_new(entry, here, desc, size);
		n -= here;
		entry += here;
		pa += here * size;
	}
}

/* The same with contiguous runs wherever kva and pa are aligned to them. */
static void write_leaves(u64 *entry, unsigned long n, u64 attrs, int level, unsigned long kva,
			 phys_addr_t pa, unsigned int flags, bool live)
{
	unsigned int run = flags & MAP_NO_CONT ? 1 : contiguous_entries(level);
	u64 size = level_size(level);
	unsigned long head, body;

	if (run == 1 || n < run || !IS_ALIGNED(kva ^ pa, run * size)) {
		fill(entry, n, attrs, level, pa, live);
		return;
	}
	head = min_t(unsigned long, n, -(kva >> level_shift(level)) & (run - 1));
	body = (n - head) & ~(unsigned long)(run - 1);
	fill(entry, head, attrs, level, pa, live);
	fill(entry + head, body, attrs | DESC_CONT, level, pa + head * size, live);
	fill(entry + head + body, n - head - body, attrs, level, pa + (head + body) * size, live);
}

/* ------------------------------------------------------------------ new tables */

static u64 table_desc(const struct op *op, phys_addr_t table)
{
	return desc_from_pa(table) | DESC_VALID | DESC_TABLE | op->table_attrs;
}

/* Build the table that maps [kva, end) at `level` and everything below it; returns its descriptor. */
static u64 build(struct op *op, int level, unsigned long kva, unsigned long end, phys_addr_t pa)
{
	phys_addr_t table = table_pool_take(&op->pool, level);
	u64 *t = table_ptr(level, table), *entry = t + table_index(op->pt, level, kva);
	u64 size = level_size(level);
	bool leaf = leaf_fits(op, level, kva ^ pa);

	/* A table covered from end to end is written from end to end. */
	if (end - kva != size << TABLE_BITS)
		memset(t, 0, PAGE_SIZE);
	while (kva != end) {
		unsigned long n = 1, next = entry_end(kva, end, size);

		if (leaf && next - kva == size) {
			n = (end - kva) >> level_shift(level);
			next = kva + (n << level_shift(level));
			write_leaves(entry, n, op->attrs, level, kva, pa, op->flags, false);
		} else {
			*entry = build(op, level + 1, kva, next, pa);
		}
		entry += n;
		pa += next - kva;
		kva = next;
	}
	return table_desc(op, table);
}

/* Build a table that maps what the leaf `desc` one level up maps, at kva; returns its address. */
static phys_addr_t build_replica(struct op *op, int level, u64 desc, unsigned long kva)
{
	phys_addr_t table = table_pool_take(&op->pool, level);

	write_leaves(table_ptr(level, table), TABLE_ENTRIES, leaf_attrs(op, desc), level, kva,
		     desc_to_pa(desc, op->pt->pa52), 0, false);
	return table;
}

/* ------------------------------------------------------------------ live entries */

noinline void break_before_make(u64 *entry, unsigned int n, u64 val, u64 step, unsigned long kva,
				u64 size)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		port_set_pte(&entry[i], 0);
	/* One address of a block is enough to take the whole block out of the TLBs. */
	if (size == PAGE_SIZE)
		port_flush_tlb_kernel_range(kva, kva + n * PAGE_SIZE);
	else
		for (i = 0; i < n; i++)
			port_flush_tlb_kernel_range(kva + i * size, kva + i * size + PAGE_SIZE);
	for (i = 0; i < n; i++)
		port_set_pte(&entry[i], val + i * step);
	port_pte_barrier();
}

static void replace_live(struct op *op, int level, phys_addr_t table, u64 *entry, unsigned int n,
			 u64 val, u64 step, unsigned long kva)
{
	u64 size = level_size(level);
	phys_addr_t broken = desc_to_pa(port_get_pte(entry), op->pt->pa52);

	/* While a block of the linear map is broken, a table that lies in it is reached another way. */
	if (table - broken < n * size && op->pt == &kernel_pgtable && linear_map_ready) {
		u64 *t = fixmap_table_ptr(level, table);

		break_before_make(t + table_index(op->pt, level, kva), n, val, step, kva, size);
		fixmap_tables_done();
		return;
	}
	break_before_make(entry, n, val, step, kva, size);
}

/* n entries of one run, or one entry, get new contents. live: somebody may be using them. */
static void replace(struct op *op, int level, phys_addr_t table, u64 *entry, unsigned int n,
		    u64 val, u64 step, unsigned long kva, bool live)
{
	u64 old = port_get_pte(entry);

	if (!live) {
		fill_new(entry, n, val, step);
		return;
	}
	if (n == 1 && change_in_place(old, val)) {
		port_set_pte(entry, val);
		op->flush = true;
		return;
	}
	/*
	 * Memory in the block that is broken may be in use by other CPUs, which are kept from it meanwhile. A single page is its
	 * owner's alone.
	 */
	if (level_size(level) > PAGE_SIZE || n > 1) {
		unsigned long flags = smp_hold_others();

		replace_live(op, level, table, entry, n, val, step, kva);
		smp_release_others(flags);
		return;
	}
	replace_live(op, level, table, entry, n, val, step, kva);
}

/* ------------------------------------------------------------------ second pass */

static void apply_table(struct op *op, int level, phys_addr_t table, unsigned long kva,
			unsigned long end, phys_addr_t pa, bool live);

/*
 * A leaf that the change concerns, at kva, [kva, next) of it. Returns how many entries were dealt with: all of a
 * contiguous run that [kva, end) covers, else one.
 */
static unsigned int apply_leaf(struct op *op, int level, phys_addr_t table, u64 *entry,
			       unsigned long kva, unsigned long next, unsigned long end,
			       phys_addr_t pa, bool live)
{
	u64 size = level_size(level), desc = port_get_pte(entry);
	unsigned int n = 1;

	if (desc & DESC_CONT) {
		unsigned int run = contiguous_entries(level);
		unsigned long start = kva & ~(run * size - 1);

		if (start == kva && end - kva >= run * size) {
			n = run;
		} else {
			/* The run falls apart: the same leaves without the bit. */
			u64 *first = entry - ((kva - start) >> level_shift(level));
			u64 val = port_get_pte(first) & ~DESC_CONT;

			replace(op, level, table, first, run, val, size, start, live);
			desc = port_get_pte(entry);
		}
	}
	if (next - kva == size) {
		if (op->kind == OP_UNMAP) {
			for (unsigned int i = 0; i < n; i++) {
				if (live)
					port_set_pte(&entry[i], 0);
				else
					entry[i] = 0;
			}
			op->flush |= live;
		} else {
			u64 val = op->attrs | (desc & (op->pa_mask | DESC_VALID | DESC_TABLE));

			replace(op, level, table, entry, n, val | (n > 1 ? DESC_CONT : 0), size,
				kva, live);
		}
	} else {
		phys_addr_t sub = build_replica(op, level + 1, desc, kva & ~(size - 1));

		apply_table(op, level + 1, sub, kva, next, pa, false);
		replace(op, level, table, entry, 1, table_desc(op, sub), 0, kva & ~(size - 1),
			live);
	}
	return n;
}

static bool table_is_empty(const u64 *t)
{
	for (unsigned long i = 0; i < TABLE_ENTRIES; i += 4)
		if (t[i] | t[i + 1] | t[i + 2] | t[i + 3])
			return false;
	return true;
}

static void apply_table(struct op *op, int level, phys_addr_t table, unsigned long kva,
			unsigned long end, phys_addr_t pa, bool live)
{
	u64 size = level_size(level);
	u64 *entry = (u64 *)table_ptr(level, table) + table_index(op->pt, level, kva);
	bool leaf = leaf_fits(op, level, kva ^ pa);

	while (kva != end) {
		unsigned long n = 1, next = entry_end(kva, end, size);
		u64 desc = port_get_pte(entry);

		if (!(desc & DESC_VALID)) {
			if (op->kind != OP_MAP) {
				/* a hole */
			} else if (leaf && next - kva == size) {
				n = count_invalid(entry, (end - kva) >> level_shift(level));
				write_leaves(entry, n, op->attrs, level, kva, pa, op->flags, live);
			} else {
				u64 sub = build(op, level + 1, kva, next, pa);

				/* The subtree is complete before it can be seen. */
				if (live) {
					port_pte_barrier();
					port_set_pte(entry, sub);
				} else {
					*entry = sub;
				}
			}
		} else if (desc_is_table(desc, level)) {
			phys_addr_t sub = desc_to_pa(desc, op->pt->pa52);

			apply_table(op, level + 1, sub, kva, next, pa, live);
			if (op->kind == OP_UNMAP && !(op->flags & UNMAP_LAZY) &&
			    table_is_empty(table_ptr(level + 1, sub))) {
				if (live)
					port_set_pte(entry, 0);
				else
					*entry = 0;
				op->pt->last_table = NULL;
				table_pool_put(&op->freed, level + 1, sub);
			}
		} else if (leaf_changes(op, desc)) {
			n = apply_leaf(op, level, table, entry, kva, next, end, pa, live);
		}
		if (n > 1)
			next = kva + (n << level_shift(level));
		entry += n;
		pa += next - kva;
		kva = next;
	}
}

/* ------------------------------------------------------------------ the change as a whole */

static void finish(struct op *op, unsigned long kva, unsigned long end)
{
	if (!op->pt->live)
		return;
	port_pte_barrier();
	/* Flushing a range leaves the walk caches alone; a table that goes must leave them too. */
	if (op->freed.count)
		port_flush_tlb_all();
	else if (op->flush && !(op->flags & UNMAP_LAZY))
		port_flush_tlb_kernel_range(kva, end);
}

static int run_op(struct op *op, unsigned long kva, u64 size, phys_addr_t pa)
{
	struct pgtable *pt = op->pt;
	unsigned long end = kva + size, flags;
	int err;

	if (size == 0)
		return 0;
	if (!IS_ALIGNED(kva | size | pa, PAGE_SIZE) || !kva_in_tree(pt, kva) || end <= kva)
		return -EINVAL;
	if (op->kind == OP_MAP && (pa + size < pa || (pa + size - 1) >> (pt->pa52 ? 52 : 48)))
		return -ERANGE;
	op->pa_mask = desc_pa_mask(pt->pa52);
	/* With LPA2 shareability comes from TCR_EL1 and its bits are address. */
	op->attrs &= ~(op->pa_mask | DESC_CONT | DESC_TABLE | DESC_VALID);

	for (;;) {
		flags = spin_lock_irqsave(&pt->lock);
		op->need = 0;
		err = plan_table(op, pt->top, pt->root, kva, end, pa);
		if (err || op->need <= op->pool.count)
			break;
		spin_unlock_irqrestore(&pt->lock, flags);
		err = table_pool_fill(&op->pool, op->need - op->pool.count);
		if (err) {
			table_pool_drain(&op->pool);
			return err;
		}
	}
	if (!err) {
		apply_table(op, pt->top, pt->root, kva, end, pa, pt->live);
		finish(op, kva, end);
	}
	spin_unlock_irqrestore(&pt->lock, flags);
	table_pool_drain(&op->pool);
	table_pool_drain(&op->freed);
	return err;
}

int pgtable_map(struct pgtable *pt, unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot,
		unsigned int flags)
{
	struct op op = {.pt = pt, .kind = OP_MAP, .flags = flags, .attrs = prot.val};

	/* EL0 executes nothing of the kernel's, whatever a leaf says. */
	op.table_attrs = DESC_UXNTABLE | (flags & MAP_NO_EXEC ? DESC_PXNTABLE : 0);
	return run_op(&op, kva, size, pa);
}

int pgtable_unmap(struct pgtable *pt, unsigned long kva, u64 size)
{
	struct op op = {.pt = pt, .kind = OP_UNMAP, .table_attrs = DESC_UXNTABLE};

	return run_op(&op, kva, size, 0);
}

int pgtable_unmap_lazy(struct pgtable *pt, unsigned long kva, u64 size)
{
	struct op op = {
		.pt = pt, .kind = OP_UNMAP, .flags = UNMAP_LAZY, .table_attrs = DESC_UXNTABLE};

	return run_op(&op, kva, size, 0);
}

int pgtable_protect(struct pgtable *pt, unsigned long kva, u64 size, pgprot_t prot)
{
	struct op op = {
		.pt = pt, .kind = OP_PROTECT, .attrs = prot.val, .table_attrs = DESC_UXNTABLE};

	return run_op(&op, kva, size, 0);
}

int kernel_map(unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot, unsigned int flags)
{
	return pgtable_map(&kernel_pgtable, kva, pa, size, prot, flags);
}

int kernel_unmap(unsigned long kva, u64 size)
{
	return pgtable_unmap(&kernel_pgtable, kva, size);
}

int kernel_protect(unsigned long kva, u64 size, pgprot_t prot)
{
	return pgtable_protect(&kernel_pgtable, kva, size, prot);
}
