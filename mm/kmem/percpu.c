// SPDX-License-Identifier: MIT
/*
 * alloc_percpu: memory at one address for every CPU.
 *
 *   chunk    |cell|cell|cell|cell| ... |      a unit's bytes in cells of 512; what is said of a cell holds in all units
 *   small    a cell of one class: 64 objects of 8 bytes, or 21 of 24, ... 2 of 256; a bit each
 *   large    cells in a row
 *
 * Owns what is in chunks; they come and go in percpu_chunk.c. Invariants, which pcpu_check re-derives: a cell is FREE, BODY (of a
 * large object, the first cell knows how many) or of a class; a cell of a class is in its class's list if and only if an object in it is
 * free; a class's cell with no object in use is FREE again, but for one a class and chunk; free_cells counts FREE cells; cells in use
 * lie in pages that have memory.
 *
 * Locking: pcpu_lock, interrupts off, for all of it; outside of it pcpu_grow_lock (percpu_chunk.c) for who wants more memory.
 *
 * Against Linux: there a bitmap of 4-byte units with hints a block, searched and rebuilt at each call; here a small object
 * costs a bit operation. Sizes are rounded up to a class: 8, 16, 24, 32, 48, 64, 96, 128, 192, 256.
 */
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "percpu_internal.h"

struct pcpu_chunk *pcpu_chunks, *pcpu_reserved;
spinlock_t pcpu_lock;
unsigned int pcpu_nr_cells, pcpu_nr_chunks;
size_t pcpu_allocated;

/* ------------------------------------------------------------------ classes */

const u16 pcpu_class_size[NR_CLASSES] = {8, 16, 24, 32, 48, 64, 96, 128, 192, 256};

/* The class of a size, by (size - 1) / 8. */
static const u8 size_class[CELL / 16] = {
	0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7,
	8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9,
};

static unsigned int class_of(size_t size, size_t align)
{
	unsigned int c;

	if (size > CELL / 2)
		return NR_CLASSES;
	for (c = size_class[(size - 1) / 8]; c < NR_CLASSES && (pcpu_class_size[c] & (align - 1));
	     c++)
		;
	return c;
}

/* A bit for every object that a cell of the class holds. */
#define FULL(size) (~0ULL >> (64 - CELL / (size)))
static const u64 full_masks[NR_CLASSES] = {
	FULL(8),  FULL(16), FULL(24),  FULL(32),  FULL(48),
	FULL(64), FULL(96), FULL(128), FULL(192), FULL(256),
};

u64 pcpu_full_mask(unsigned int class)
{
	return full_masks[class];
}

/* ------------------------------------------------------------------ cells. pcpu_lock held */

static void list_add(struct pcpu_chunk *chunk, unsigned int class, unsigned int i)
{
	struct pcpu_cell *cell = &chunk->cell[i];

	cell->prev = NONE;
	cell->next = chunk->list[class];
	if (cell->next != NONE)
		chunk->cell[cell->next].prev = (u16)i;
	chunk->list[class] = (u16)i;
}

static void list_del(struct pcpu_chunk *chunk, unsigned int class, unsigned int i)
{
	const struct pcpu_cell *cell = &chunk->cell[i];

	if (cell->prev != NONE)
		chunk->cell[cell->prev].next = cell->next;
	else
		chunk->list[class] = cell->next;
	if (cell->next != NONE)
		chunk->cell[cell->next].prev = cell->prev;
}

/* Pages of the unit that n cells from i on touch. */
static u64 pages_of(unsigned int i, unsigned int n)
{
	unsigned int first = (unsigned int)(i * CELL / PAGE_SIZE);
	unsigned int last = (unsigned int)(((i + n) * CELL - 1) / PAGE_SIZE);

	return GENMASK(last, first);
}

/*
 * n FREE cells in a row, aligned; with memory, or `bare`: any. NONE: there are none. A search that shows that no row is so long is not made
 * again before a cell becomes free.
 */
static unsigned int find_cells(struct pcpu_chunk *chunk, unsigned int n, unsigned int align,
			       bool bare)
{
	bool row = align > 1;
	unsigned int i, k;

	if (chunk->longest < n)
		return NONE;
	while (chunk->first_free < pcpu_nr_cells &&
	       chunk->cell[chunk->first_free].kind != CELL_FREE)
		chunk->first_free++;
	for (i = ALIGN(chunk->first_free, align); i + n <= pcpu_nr_cells;
	     i = ALIGN(i + k + 1, align)) {
		for (k = 0; k < n && chunk->cell[i + k].kind == CELL_FREE; k++)
			;
		if (k == n && (bare || !(pages_of(i, n) & ~chunk->populated)))
			return i;
		if (k == n) {
			row = true;
			k = 0;
		}
	}
	if (!row)
		chunk->longest = n - 1;
	return NONE;
}

static void take_cells(struct pcpu_chunk *chunk, unsigned int i, unsigned int n, unsigned int kind)
{
	unsigned int k;

	chunk->cell[i].kind = (u8)kind;
	for (k = 1; k < n; k++)
		chunk->cell[i + k].kind = CELL_BODY;
	chunk->free_cells -= n;
}

static void give_cells(struct pcpu_chunk *chunk, unsigned int i, unsigned int n)
{
	unsigned int k;

	for (k = 0; k < n; k++)
		chunk->cell[i + k].kind = CELL_FREE;
	chunk->free_cells += n;
	chunk->first_free = min(chunk->first_free, i);
	chunk->longest = pcpu_nr_cells;
}

/* ------------------------------------------------------------------ objects. pcpu_lock held */

/* The object's offset in a unit, or -1. */
static long take_small(struct pcpu_chunk *chunk, unsigned int class)
{
	unsigned int i = chunk->list[class], bit;
	struct pcpu_cell *cell;

	if (i == NONE) {
		i = find_cells(chunk, 1, 1, false);
		if (i == NONE)
			return -1;
		take_cells(chunk, i, 1, class);
		chunk->cell[i].free = pcpu_full_mask(class);
		list_add(chunk, class, i);
	}
	cell = &chunk->cell[i];
	bit = (unsigned int)__ffs(cell->free);
	cell->free &= cell->free - 1;
	if (!cell->free)
		list_del(chunk, class, i);
	return (long)(i * CELL + bit * pcpu_class_size[class]);
}

static long take_large(struct pcpu_chunk *chunk, unsigned int n, unsigned int align)
{
	unsigned int i = find_cells(chunk, n, align, false);

	if (i == NONE)
		return -1;
	take_cells(chunk, i, n, CELL_LARGE);
	chunk->cell[i].free = n;
	return (long)(i * CELL);
}

struct request {
	unsigned int class;	   /* NR_CLASSES: large */
	unsigned int cells, align; /* of a large one, in cells */
	size_t size;		   /* what it takes */
};

static long take(struct pcpu_chunk *chunk, const struct request *r)
{
	long offset = r->class < NR_CLASSES ? take_small(chunk, r->class)
					    : take_large(chunk, r->cells, r->align);

	if (offset >= 0) {
		chunk->objects++;
		pcpu_allocated += r->size;
	}
	return offset;
}

/* ------------------------------------------------------------------ more memory */

/* Memory for a request: pages of a chunk that has the room, or a new chunk. pcpu_grow_lock held. True: try again. */
static bool grow(const struct request *r, gfp_t gfp)
{
	unsigned int n = r->class < NR_CLASSES ? 1 : r->cells;
	unsigned int align = r->class < NR_CLASSES ? 1 : r->align, i = NONE, page;
	struct pcpu_chunk *chunk;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);
	u64 missing = 0;

	for (chunk = pcpu_chunks->next; chunk; chunk = chunk->next) {
		i = find_cells(chunk, n, align, true);
		if (i != NONE) {
			missing = pages_of(i, n) & ~chunk->populated;
			break;
		}
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	if (!chunk) {
		chunk = pcpu_new_chunk();
		if (!chunk)
			return false;
		missing = pages_of(0, n);
	}
	for (; missing; missing &= missing - 1) {
		page = (unsigned int)__ffs(missing);
		if (pcpu_populate(chunk, page, gfp))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ alloc_percpu */

/* Every CPU's copy becomes zero. size: of a class, or of cells. */
static void *clear_units(const struct pcpu_chunk *chunk, long offset, size_t size)
{
	char *p = (char *)(chunk->addr + (unsigned long)offset);
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		memset(per_cpu_ptr(p, cpu), 0, size);
	return p;
}

static bool make_request(struct request *r, size_t size, size_t align)
{
	/* None asked for (0), or less than everything has: Linux's least is 4. */
	align = max(align, (size_t)4);
	if (!size || size > PCPU_MAX_ALLOC || !is_power_of_2(align) || align > PAGE_SIZE)
		return false;
	r->class = class_of(size, align);
	r->cells = (unsigned int)DIV_ROUND_UP(size, CELL);
	r->align = (unsigned int)max(align / CELL, 1UL);
	r->size = r->class < NR_CLASSES ? pcpu_class_size[r->class] : r->cells * CELL;
	return true;
}

/* From any chunk that has memory for it. */
static void *take_anywhere(const struct request *r)
{
	struct pcpu_chunk *chunk;
	long offset = -1;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);

	for (chunk = pcpu_chunks; chunk; chunk = chunk->next) {
		offset = take(chunk, r);
		if (offset >= 0)
			break;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return chunk ? clear_units(chunk, offset, r->size) : NULL;
}

/* Neither a small object of the first chunk nor anything else that is quick. */
static noinline void *alloc_any(size_t size, size_t align, gfp_t gfp)
{
	struct request r;
	void *p = NULL;
	bool more;

	if (!make_request(&r, size, align)) {
		if (!(gfp & __GFP_NOWARN))
			pr_warn("alloc_percpu: bad size %zu or alignment %zu\n", size, align);
		return NULL;
	}
	p = take_anywhere(&r);
	if (likely(p))
		return p;
	if (gfp & __GFP_DIRECT_RECLAIM) {
		spin_lock(&pcpu_grow_lock);
		do {
			more = grow(&r, gfp);
			p = take_anywhere(&r);
		} while (!p && more);
		spin_unlock(&pcpu_grow_lock);
	}
	if (!p && !(gfp & __GFP_NOWARN))
		pr_warn("percpu: allocation failed, size=%zu align=%zu\n", size, align);
	return p;
}

/* The same where a call would cost more than the object. */
static __always_inline void *clear_small(unsigned long at, size_t size)
{
	unsigned int cpu, nr = nr_cpus_possible;

	for (cpu = 0; cpu < nr; cpu++) {
		unsigned long p = at + __per_cpu_offset[cpu], end = p + size;

		/* A class is a multiple of 8. */
		if (size & 8) {
			WRITE_ONCE(*(u64 *)p, 0);
			p += 8;
		}
		for (; p < end; p += 16) {
			WRITE_ONCE(((u64 *)p)[0], 0);
			WRITE_ONCE(((u64 *)p)[1], 0);
		}
	}
	return (void *)at;
}

/*
 * A small object of the first chunk, from a cell that has more than one: nothing but that cell changes. All else is alloc_any's,
 * called last, so that this needs no frame.
 */
static __always_inline void *alloc_quick(size_t size, size_t align, gfp_t gfp)
{
	struct pcpu_chunk *chunk = pcpu_chunks;
	struct pcpu_cell *cell;
	unsigned int class, i, bit;
	unsigned long flags;
	u64 rest;

	if (unlikely(size - 1 >= CELL / 2) || unlikely((align - 1) & align) ||
	    unlikely(align > CELL / 2))
		return alloc_any(size, align, gfp);
	class = class_of(size, align);
	if (unlikely(class == NR_CLASSES))
		return alloc_any(size, align, gfp);
	flags = spin_lock_irqsave(&pcpu_lock);
	i = chunk->list[class];
	cell = &chunk->cell[i];
	if (unlikely(i == NONE) || unlikely(!(rest = cell->free & (cell->free - 1)))) {
		spin_unlock_irqrestore(&pcpu_lock, flags);
		return alloc_any(size, align, gfp);
	}
	bit = (unsigned int)__ffs(cell->free);
	cell->free = rest;
	chunk->objects++;
	pcpu_allocated += pcpu_class_size[class];
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return clear_small(chunk->addr + i * CELL + bit * pcpu_class_size[class],
			   pcpu_class_size[class]);
}

void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp)
{
	return alloc_quick(size, align, gfp);
}

void *__alloc_percpu(size_t size, size_t align)
{
	return alloc_quick(size, align, GFP_KERNEL);
}

void *__alloc_reserved_percpu(size_t size, size_t align)
{
	struct request r;
	unsigned long flags;
	long offset;

	if (!make_request(&r, size, align))
		return NULL;
	flags = spin_lock_irqsave(&pcpu_lock);
	offset = take(pcpu_reserved, &r);
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return offset < 0 ? NULL : clear_units(pcpu_reserved, offset, r.size);
}

/* ------------------------------------------------------------------ free_percpu */

/* The chunk and offset of a per-CPU address. pcpu_lock held. */
static struct pcpu_chunk *chunk_of(const void *ptr, size_t *offset)
{
	struct pcpu_chunk *chunk = pcpu_find_chunk((unsigned long)ptr);

	if (chunk)
		*offset = (unsigned long)ptr - chunk->addr;
	if (chunk == pcpu_chunks && pcpu_reserved->cell[*offset / CELL].kind != CELL_RESERVED)
		return pcpu_reserved;
	return chunk;
}

/* False: no object begins there. */
static bool give(struct pcpu_chunk *chunk, size_t offset)
{
	unsigned int i = (unsigned int)(offset / CELL), class;
	struct pcpu_cell *cell = &chunk->cell[i];
	size_t size, bit;
	u64 mask;

	if (cell->kind == CELL_LARGE && offset % CELL == 0) {
		pcpu_allocated -= cell->free * CELL;
		give_cells(chunk, i, (unsigned int)cell->free);
		return true;
	}
	class = cell->kind;
	if (class >= NR_CLASSES)
		return false;
	size = pcpu_class_size[class];
	bit = offset % CELL / size;
	mask = 1ULL << bit;
	if (offset % CELL % size || bit >= CELL / size || (cell->free & mask))
		return false;
	if (!cell->free)
		list_add(chunk, class, i);
	cell->free |= mask;
	pcpu_allocated -= size;
	/* The last cell of a class stays: the next object is taken from it at once. */
	if (cell->free == pcpu_full_mask(class) && (cell->next != NONE || cell->prev != NONE)) {
		list_del(chunk, class, i);
		give_cells(chunk, i, 1);
	}
	return true;
}

/* How many chunks beside the first are without an object. pcpu_lock held. */
static unsigned int nr_empty(void)
{
	const struct pcpu_chunk *chunk;
	unsigned int n = 0;

	for (chunk = pcpu_chunks->next; chunk; chunk = chunk->next)
		n += !chunk->objects;
	return n;
}

static noinline void free_any(void *ptr)
{
	struct pcpu_chunk *chunk;
	bool ok, shrink = false;
	unsigned long flags;
	size_t offset = 0;

	flags = spin_lock_irqsave(&pcpu_lock);
	chunk = chunk_of(ptr, &offset);
	ok = chunk && give(chunk, offset);
	if (ok && !--chunk->objects && chunk->vms)
		shrink = nr_empty() > 1;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	if (!ok) {
		pr_err("free_percpu: %p was not given by alloc_percpu, and is not freed\n", ptr);
		port_backtrace();
	}
	/* One is kept, so that an object more or less does not make and unmake a chunk. Who grows now keeps what there is. */
	if (shrink && spin_trylock(&pcpu_grow_lock)) {
		pcpu_free_empty(1);
		spin_unlock(&pcpu_grow_lock);
	}
}

/* A small object of the first chunk, to a cell that stays in its list: as alloc_quick. */
void free_percpu(void *ptr)
{
	struct pcpu_chunk *chunk = pcpu_chunks;
	unsigned long offset, flags, size;
	struct pcpu_cell *cell;
	u64 mask, free, full;

	if (unlikely(!ptr))
		return;
	offset = (unsigned long)ptr - chunk->addr;
	if (unlikely(offset >= pcpu_layout.unit_size))
		return free_any(ptr);
	cell = &chunk->cell[offset / CELL];
	flags = spin_lock_irqsave(&pcpu_lock);
	if (unlikely(cell->kind >= NR_CLASSES))
		goto any;
	size = pcpu_class_size[cell->kind];
	full = full_masks[cell->kind];
	mask = 1ULL << offset % CELL / size;
	free = cell->free;
	if (unlikely(offset % CELL % size) || unlikely(!free) || unlikely(!(mask & full & ~free)))
		goto any;
	free |= mask;
	/* Without an object it stays the last of its class, or goes. */
	if (unlikely(free == full) && (cell->next & cell->prev) != NONE)
		goto any;
	cell->free = free;
	chunk->objects--;
	pcpu_allocated -= size;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return;
any:
	spin_unlock_irqrestore(&pcpu_lock, flags);
	free_any(ptr);
}

phys_addr_t per_cpu_ptr_to_phys(void *addr)
{
	if (is_vmalloc_addr(addr))
		return page_to_phys(vmalloc_to_page(addr)) + (unsigned long)addr % PAGE_SIZE;
	return virt_to_phys(addr);
}
