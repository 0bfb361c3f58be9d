// SPDX-License-Identifier: MIT
/*
 * Reading translation tables: one walk as the hardware does it, the leaves in order, counts, and the check of everything
 * that mapping.c promises.
 *
 * Owns nothing, changes nothing, takes no lock: a reader that runs along with a map or protect sees the old or the new;
 * along with an unmap it may read a table page that somebody else has by now.
 *
 * Against Linux: ptdump and debug_checkwx walk the tables there; nothing verifies their structure.
 */
#include <quire/memblock.h>
#include <quire/printk.h>

#include "pgtable.h"

/* ------------------------------------------------------------------ one walk */

void pgtable_walk_tree(const struct pgtable *pt, unsigned long kva, struct walk *w)
{
	phys_addr_t table = pt->root;

	*w = (struct walk){.result = WALK_BAD_VA};
	if (!kva_in_tree(pt, kva))
		return;
	for (int level = pt->top;; level++) {
		const u64 *t = table_ptr_ro(table);
		struct walk_step *step = &w->step[w->nr_steps];
		u64 desc;

		if (!t) {
			w->result = WALK_UNREADABLE;
			return;
		}
		w->nr_steps++;
		step->level = (unsigned int)(level + 1);
		step->index = (unsigned int)table_index(pt, level, kva);
		step->table = table;
		step->desc = desc = port_get_pte(&t[step->index]);

		if (!(desc & DESC_VALID) ||
		    (!desc_is_table(desc, level) &&
		     (!level_has_leaf(level, pt->pa52) ||
		      (desc & DESC_TABLE) != (leaf_type(level) & DESC_TABLE)))) {
			w->result = WALK_TRANSLATION;
			return;
		}
		table = desc_to_pa(desc, pt->pa52);
		if (!desc_is_table(desc, level)) {
			u64 size = level_size(level);

			/* Address bits below the block's size are ignored. */
			w->pa = (table & ~(size - 1)) | (kva & (size - 1));
			w->size = size;
			w->contiguous = (desc & DESC_CONT) && contiguous_entries(level) > 1;
			w->result = table >> pt->pa_bits ? WALK_ADDRESS_SIZE : WALK_OK;
			return;
		}
		if (table >> pt->pa_bits) {
			w->result = WALK_ADDRESS_SIZE;
			return;
		}
		w->table_attrs |= desc & DESC_TABLE_ATTRS;
	}
}

static struct pgtable with_root(phys_addr_t root)
{
	struct pgtable pt = kernel_pgtable;

	pt.root = root;
	return pt;
}

void pgtable_walk(phys_addr_t root, unsigned long kva, struct walk *w)
{
	struct pgtable pt = with_root(root);

	pgtable_walk_tree(&pt, kva, w);
}

void kernel_walk(unsigned long kva, struct walk *w)
{
	pgtable_walk_tree(&kernel_pgtable, kva, w);
}

/* ------------------------------------------------------------------ every leaf */

/*
 * Visits tables and leaves of [start, end) in order of address; end 0 is the top of the address space. table: may be NULL.
 * A nonzero answer ends the visit.
 */
#define SKIP_TABLE 1
struct visitor {
	const struct pgtable *pt;
	int (*leaf)(const struct pgtable_leaf *leaf, void *arg);
	/* A table at `level`, whose descriptor was `desc` (0: the root), before its entries; SKIP_TABLE: without them. */
	int (*table)(int level, phys_addr_t table, unsigned long kva, u64 desc, void *arg);
	void *arg;
	/* Pages with all bits of either need not be seen: they are passed over four at a time. 0: every leaf is. */
	u64 pass[2];
};

static bool may_pass(const struct visitor *v, const u64 *entry)
{
	u64 all = entry[0] & entry[1] & entry[2] & entry[3];

	return (all & v->pass[0]) == v->pass[0] || (all & v->pass[1]) == v->pass[1];
}

static int visit(const struct visitor *v, int level, phys_addr_t table, u64 from,
		 unsigned long start, unsigned long end)
{
	const struct pgtable *pt = v->pt;
	const u64 *t = table_ptr_ro(table), *entry;
	unsigned int shift = level_shift(level);
	u64 size = level_size(level);
	unsigned long next;
	int err;

	if (v->table) {
		err = v->table(level, table, start, from, v->arg);
		if (err)
			return err == SKIP_TABLE ? 0 : err;
	}
	if (!t)
		return 0;
	entry = t + table_index(pt, level, start);
	do {
		u64 desc = port_get_pte(entry);

		err = 0;
		if (level == MAX_LEVEL && v->pass[0] && end - start >= 4 * size &&
		    may_pass(v, entry)) {
			entry += 4;
			start += 4 * size;
			continue;
		}
		next = entry_end(start, end, size);
		if (!(desc & DESC_VALID)) {
			/* end - 1: the end of the address space is 0. */
			unsigned long n = ((end - 1) >> shift) - (start >> shift) + 1;

			n = count_invalid(entry, n);
			next = entry_end(start + ((n - 1) << shift), end, size);
			entry += n - 1;
		} else if (desc_is_table(desc, level)) {
			err = visit(v, level + 1, desc_to_pa(desc, pt->pa52), desc, start, next);
		} else if (v->leaf) {
			struct pgtable_leaf leaf = {
				.kva = start & ~(size - 1),
				.pa = desc_to_pa(desc, pt->pa52),
				.size = size,
				.desc = desc,
				.level = (unsigned int)level,
			};

			err = v->leaf(&leaf, v->arg);
		}
		start = next;
		entry++;
	} while (!err && start != end);
	return err;
}

static int visit_range(const struct visitor *v, unsigned long start, unsigned long end)
{
	unsigned long first = -(1UL << v->pt->va_bits);

	if (start < first)
		start = first;
	if (end - 1 < start)
		return 0;
	return visit(v, v->pt->top, v->pt->root, 0, start, end);
}

int pgtable_for_each_leaf_tree(const struct pgtable *pt, unsigned long start, unsigned long end,
			       int (*fn)(const struct pgtable_leaf *leaf, void *arg), void *arg)
{
	struct visitor v = {.pt = pt, .leaf = fn, .arg = arg};

	return visit_range(&v, start, end);
}

int pgtable_for_each_leaf(phys_addr_t root, unsigned long start, unsigned long end,
			  int (*fn)(const struct pgtable_leaf *leaf, void *arg), void *arg)
{
	struct pgtable pt = with_root(root);

	return pgtable_for_each_leaf_tree(&pt, start, end, fn, arg);
}

/* ------------------------------------------------------------------ counts */

static int count_table(int level, phys_addr_t table, unsigned long kva, u64 desc, void *arg)
{
	struct pgtable_stats *s = arg;

	s->table_pages[level + 1]++;
	return 0;
}

static int count_leaf(const struct pgtable_leaf *leaf, void *arg)
{
	struct pgtable_stats *s = arg;
	u64 run = leaf->size * contiguous_entries((int)leaf->level);

	if (!(leaf->desc & DESC_CONT) || run == leaf->size)
		s->leaves_by_level[leaf->level + 1]++;
	else if (IS_ALIGNED(leaf->kva, run))
		s->contiguous_runs_by_level[leaf->level + 1]++;
	return 0;
}

void pgtable_stats_tree(const struct pgtable *pt, unsigned long start, unsigned long end,
			struct pgtable_stats *s)
{
	struct visitor v = {.pt = pt, .leaf = count_leaf, .table = count_table, .arg = s};

	*s = (struct pgtable_stats){0};
	visit_range(&v, start, end);
}

/*
 * The kernel's own tables may be taken away under a walk (an unmapping that leaves one empty), so its lock is held; not for all of
 * them at once, since interrupts are off: some tables of the last level, and then on from the next.
 */
#define TABLES_A_PIECE 32U

struct piece {
	struct pgtable_stats *stats;
	unsigned long from; /* where this piece begins */
	unsigned long
		next; /* the table that is the next one's, by its first address; 0: this is the last */
	unsigned int left;
	bool first;
};

static int count_table_of_piece(int level, phys_addr_t table, unsigned long kva, u64 desc,
				void *arg)
{
	struct piece *p = arg;

	/* The tables above the first one of a piece have been counted with the piece before. */
	if (level < MAX_LEVEL)
		return !p->first && kva == p->from ? 0
						   : count_table(level, table, kva, desc, p->stats);
	if (!p->left) {
		p->next = kva;
		return -EAGAIN;
	}
	p->left--;
	return count_table(level, table, kva, desc, p->stats);
}

static int count_leaf_of_piece(const struct pgtable_leaf *leaf, void *arg)
{
	struct piece *p = arg;

	return count_leaf(leaf, p->stats);
}

void kernel_pgtable_stats(unsigned long start, unsigned long end, struct pgtable_stats *s)
{
	struct pgtable *pt = &kernel_pgtable;
	struct piece p = {.stats = s, .next = start, .first = true};
	struct visitor v = {
		.pt = pt, .leaf = count_leaf_of_piece, .table = count_table_of_piece, .arg = &p};
	unsigned long flags;

	*s = (struct pgtable_stats){0};
	do {
		p.from = p.next;
		p.next = 0;
		p.left = TABLES_A_PIECE;
		flags = spin_lock_irqsave(&pt->lock);
		visit_range(&v, p.from, end);
		spin_unlock_irqrestore(&pt->lock, flags);
		p.first = false;
	} while (p.next);
}

/* ------------------------------------------------------------------ the check */

/*
 * Tables seen, by a hash of their address: a second table with the same hash is compared with every table by another
 * visit, so that no memory is needed in proportion to the tables.
 */
struct check {
	const struct pgtable *pt;
	bool kernel;
	int violations;
	u64 seen[1024];
	u64 run_left; /* bytes of a contiguous run that must follow */
	struct pgtable_leaf last;
};

struct twice {
	phys_addr_t table;
	unsigned int times;
};

static int count_twice(int level, phys_addr_t table, unsigned long kva, u64 desc, void *arg)
{
	struct twice *t = arg;

	t->times += t->table == table;
	/* A loop in the tables would be visited for ever by nobody: levels end it. */
	return 0;
}

static void violation(struct check *c, const char *what, unsigned long kva, u64 desc)
{
	/* A broken tree has thousands. */
	if (c->violations++ < 16)
		pr_err("page tables: %s at 0x%016lx (descriptor 0x%016llx)\n", what, kva,
		       (unsigned long long)desc);
}

static int check_table(int level, phys_addr_t table, unsigned long kva, u64 desc, void *arg)
{
	struct check *c = arg;
	u64 hash = (table >> PAGE_SHIFT) * 0x9e3779b97f4a7c15ULL >> 48;
	u64 bit = 1ULL << (hash & 63), *word = &c->seen[hash >> 6];

	if (*word & bit) {
		struct twice t = {.table = table};
		struct visitor v = {.pt = c->pt, .table = count_twice, .arg = &t};

		visit_range(&v, -(1UL << c->pt->va_bits), 0);
		if (t.times > 1)
			violation(c, "a table linked twice", kva, desc);
	}
	*word |= bit;
	if (!table_ptr_ro(table))
		violation(c, "a table that cannot be read", kva, desc);
	if (table >> c->pt->pa_bits)
		violation(c, "a table beyond the PA range", kva, desc);
	if (!c->kernel || in_image(table))
		return 0;
	if (!memblock_is_map_memory(table))
		violation(c, "a table outside memory", kva, desc);
	else if (!pgtable_alloc_hook && !memblock_is_reserved(table))
		violation(c, "a table in memory that is free", kva, desc);
	return 0;
}

static void check_run(struct check *c, const struct pgtable_leaf *leaf)
{
	u64 run = leaf->size * contiguous_entries((int)leaf->level);
	bool cont = leaf->desc & DESC_CONT;

	if (c->run_left) {
		u64 attrs = ~desc_pa_mask(c->pt->pa52);

		if (!cont || leaf->level != c->last.level ||
		    leaf->kva != c->last.kva + leaf->size || leaf->pa != c->last.pa + leaf->size ||
		    ((leaf->desc ^ c->last.desc) & attrs & ~DESC_AF))
			violation(c, "a contiguous run that is not whole", leaf->kva, leaf->desc);
		c->run_left -= min(leaf->size, c->run_left);
	} else if (cont) {
		if (run == leaf->size)
			violation(c, "the contiguous bit where there are no runs", leaf->kva,
				  leaf->desc);
		else if (!IS_ALIGNED(leaf->kva | leaf->pa, run))
			violation(c, "a contiguous run that is not aligned", leaf->kva, leaf->desc);
		else
			c->run_left = run - leaf->size;
	}
	c->last = *leaf;
}

bool (*linear_map_later)(phys_addr_t pa, u64 size);

static void check_linear(struct check *c, const struct pgtable_leaf *leaf)
{
	const struct memblock_type *mem = &memblock.memory;
	phys_addr_t end = leaf->pa + leaf->size;
	unsigned long low = 0, high = mem->cnt;
	u64 covered = 0;

	if (leaf->pa != kva_to_phys(leaf->kva)) {
		violation(c, "the linear map maps another address than it says", leaf->kva,
			  leaf->desc);
		return;
	}
	/* The first region that ends above: a board may have ten thousand, and a million leaves. */
	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (mem->regions[mid].base + mem->regions[mid].size > leaf->pa)
			high = mid;
		else
			low = mid + 1;
	}
	for (; low < mem->cnt && mem->regions[low].base < end; low++) {
		struct memblock_region *r = &mem->regions[low];
		phys_addr_t from = max(r->base, leaf->pa), to = min(r->base + r->size, end);

		if (memblock_is_nomap(r))
			violation(c, "the linear map maps NOMAP memory", leaf->kva, leaf->desc);
		covered += to - from;
	}
	if (covered != leaf->size && !(linear_map_later && linear_map_later(leaf->pa, leaf->size)))
		violation(c, "the linear map maps what is not memory", leaf->kva, leaf->desc);
}

static int check_leaf(const struct pgtable_leaf *leaf, void *arg)
{
	struct check *c = arg;
	int level = (int)leaf->level;

	if (!level_has_leaf(level, c->pt->pa52))
		violation(c, "a block where the level has none", leaf->kva, leaf->desc);
	if ((leaf->desc & DESC_TABLE) != (leaf_type(level) & DESC_TABLE))
		violation(c, "a reserved descriptor", leaf->kva, leaf->desc);
	if (!IS_ALIGNED(leaf->pa, leaf->size))
		violation(c, "a block with a misaligned address", leaf->kva, leaf->desc);
	if ((leaf->pa + leaf->size - 1) >> c->pt->pa_bits)
		violation(c, "an address beyond the PA range", leaf->kva, leaf->desc);
	if (!(leaf->desc & DESC_AF))
		violation(c, "a leaf without access flag", leaf->kva, leaf->desc);
	check_run(c, leaf);
	if (!c->kernel)
		return 0;
	if (!(leaf->desc & DESC_RDONLY) && !(leaf->desc & DESC_PXN) && rodata_mode != RODATA_OFF)
		violation(c, "writable and executable", leaf->kva, leaf->desc);
	if (leaf->kva >= va_layout.page_offset && leaf->kva < va_layout.page_end)
		check_linear(c, leaf);
	return 0;
}

/* What memblock may give away can be touched, but for what debugging has taken away. */
static void check_free_memory(struct check *c)
{
	unsigned long hidden = READ_ONCE(linear_hidden_pages);
	phys_addr_t start, end;
	struct walk w;
	u64 i;

	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, &start,
				&end, NULL)
	{
		for (; start < end; start = (start | (w.size - 1)) + 1) {
			pgtable_walk_tree(c->pt, phys_to_kva(start), &w);
			if (w.result == WALK_TRANSLATION && hidden) {
				hidden--;
				w.size = PAGE_SIZE;
				continue;
			}
			if (w.result != WALK_OK || w.pa != start) {
				violation(c, "free memory that is not mapped", phys_to_kva(start),
					  0);
				break;
			}
		}
	}
}

static int check_tree(const struct pgtable *pt, bool kernel)
{
	static struct check c; /* too large for a boot stack; checks are made one at a time */
	struct visitor v = {.pt = pt, .leaf = check_leaf, .table = check_table, .arg = &c};

	c = (struct check){.pt = pt, .kernel = kernel};
	visit_range(&v, -(1UL << pt->va_bits), 0);
	if (c.run_left)
		violation(&c, "a contiguous run that is not whole", c.last.kva, c.last.desc);
	if (kernel && linear_map_ready)
		check_free_memory(&c);
	return c.violations;
}

int pgtable_check_tree(const struct pgtable *pt)
{
	return check_tree(pt, false);
}

int kernel_pgtable_check(void)
{
	return check_tree(&kernel_pgtable, true);
}

/* ------------------------------------------------------------------ W^X */

struct wx {
	unsigned long pages;
	const char *what; /* of the run that is open */
	unsigned long start, end;
};

static void wx_close(struct wx *w)
{
	if (w->what)
		pr_warn("arm64/mm: Found %s mapping at address 0x%016lx-0x%016lx\n", w->what,
			w->start, w->end - 1);
	w->what = NULL;
}

/* What the table forbids need not be looked for below it: the linear map is done in one step. */
static int wx_table(int level, phys_addr_t table, unsigned long kva, u64 desc, void *arg)
{
	const u64 never = DESC_UXNTABLE | DESC_PXNTABLE;

	return (desc & never) == never ? SKIP_TABLE : 0;
}

static int wx_leaf(const struct pgtable_leaf *leaf, void *arg)
{
	struct wx *w = arg;
	const char *what = NULL;

	if (!(leaf->desc & DESC_UXN))
		what = "non-UXN";
	else if (!(leaf->desc & (DESC_RDONLY | DESC_PXN)))
		what = "insecure W+X";
	if (w->what && (what != w->what || leaf->kva != w->end))
		wx_close(w);
	if (!what)
		return 0;
	if (!w->what)
		w->start = leaf->kva;
	w->what = what;
	w->end = leaf->kva + leaf->size;
	w->pages += leaf->size >> PAGE_SHIFT;
	return 0;
}

unsigned long kernel_check_wx(void)
{
	struct wx w = {0};
	struct visitor v = {
		.pt = &kernel_pgtable,
		.leaf = wx_leaf,
		.table = wx_table,
		.arg = &w,
		.pass = {DESC_VALID | DESC_UXN | DESC_PXN, DESC_VALID | DESC_UXN | DESC_RDONLY},
	};

	visit_range(&v, -(1UL << kernel_pgtable.va_bits), 0);
	wx_close(&w);
	return w.pages;
}
