// SPDX-License-Identifier: MIT
/*
 * alloc_percpu: memory at one address for every CPU.
 *
 *   chunk    |cell|cell|cell|cell| ... |      a unit's bytes in cells of 512; what is said of a cell holds in all units
 *   small    a cell of one class: 64 objects of 8 bytes, or 21 of 24, ... 2 of 256; a bit each
 *   large    cells in a row
 *
 * Owns chunks. Invariants, which pcpu_check re-derives: a cell is FREE, BODY (of a large object, the first cell knows how many) or
 * of a class; a cell of a class is in its class's list if and only if an object in it is free; a class's cell with no object in
 * use is FREE again, but for one a class and chunk; free_cells counts FREE cells; a page of a unit has memory in all units or in none, and
 * cells in use lie in such.
 *
 * Locking: pcpu_lock, interrupts off, for all of it; pcpu_grow_lock, interrupts on, outside of it for whoever makes a chunk or
 * gives it pages, so that memory is asked for without pcpu_lock.
 *
 * Against Linux: there a bitmap of 4-byte units with hints a block, searched and rebuilt at each call; here a small object
 * costs a bit operation. Sizes are rounded up to a class: 8, 16, 24, 32, 48, 64, 96, 128, 192, 256.
 */
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "percpu_internal.h"

#define CELL 512UL
#define NONE 0xffffU

enum { CELL_FREE = 0xff, CELL_BODY = 0xfe, CELL_LARGE = 0xfd, CELL_RESERVED = 0xfc };

static const u16 class_size[] = {8, 16, 24, 32, 48, 64, 96, 128, 192, 256};
#define NR_CLASSES ((unsigned int)ARRAY_SIZE(class_size))

struct pcpu_cell {
	u64 free;	/* class: objects that are free; LARGE: how many cells */
	u16 next, prev; /* class: in the chunk's list of cells with free objects */
	u8 kind;	/* class, or CELL_ */
};

struct pcpu_chunk {
	struct pcpu_chunk *next;
	char *base;			     /* unit of the lowest address */
	unsigned long addr;		     /* the per-CPU address of a unit's first byte */
	struct vm_struct **vms;		     /* NULL: the first chunk */
	unsigned int free_cells, first_free; /* no FREE cell is below first_free */
	unsigned long objects;
	u16 list[NR_CLASSES]; /* cells with free objects */
	u64 populated;	      /* bit: a page of the unit, PAGES_MAX at most */
	struct pcpu_cell cell[];
};

static struct pcpu_chunk *first_chunk, *reserved_chunk;
static spinlock_t pcpu_lock, pcpu_grow_lock;
static unsigned int nr_cells, nr_chunks;
static size_t allocated;

/* ------------------------------------------------------------------ classes */

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
	for (c = size_class[(size - 1) / 8]; c < NR_CLASSES && (class_size[c] & (align - 1)); c++)
		;
	return c;
}

/* A bit for every object that a cell of the class holds. */
#define FULL(size) (~0ULL >> (64 - CELL / (size)))
static const u64 full_masks[NR_CLASSES] = {
	FULL(8),  FULL(16), FULL(24),  FULL(32),  FULL(48),
	FULL(64), FULL(96), FULL(128), FULL(192), FULL(256),
};

static u64 full_mask(unsigned int class)
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

/* n FREE cells in a row, aligned; with memory, or `bare`: any. NONE: there are none. */
static unsigned int find_cells(struct pcpu_chunk *chunk, unsigned int n, unsigned int align,
			       bool bare)
{
	unsigned int i, k;

	if (chunk->free_cells < n)
		return NONE;
	while (chunk->first_free < nr_cells && chunk->cell[chunk->first_free].kind != CELL_FREE)
		chunk->first_free++;
	for (i = ALIGN(chunk->first_free, align); i + n <= nr_cells; i = ALIGN(i + k + 1, align)) {
		for (k = 0; k < n && chunk->cell[i + k].kind == CELL_FREE; k++)
			;
		if (k == n && (bare || !(pages_of(i, n) & ~chunk->populated)))
			return i;
		if (k == n)
			k = 0;
	}
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
		chunk->cell[i].free = full_mask(class);
		list_add(chunk, class, i);
	}
	cell = &chunk->cell[i];
	bit = (unsigned int)__ffs(cell->free);
	cell->free &= cell->free - 1;
	if (!cell->free)
		list_del(chunk, class, i);
	return (long)(i * CELL + bit * class_size[class]);
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
		allocated += r->size;
	}
	return offset;
}

/* ------------------------------------------------------------------ chunks */

static size_t chunk_bytes(void)
{
	return sizeof(struct pcpu_chunk) + nr_cells * sizeof(struct pcpu_cell);
}

static void init_chunk(struct pcpu_chunk *chunk, char *base)
{
	unsigned int i;

	chunk->base = base;
	chunk->addr = (unsigned long)__per_cpu_start + (unsigned long)base -
		      (unsigned long)pcpu_layout.base;
	chunk->free_cells = nr_cells;
	for (i = 0; i < NR_CLASSES; i++)
		chunk->list[i] = NONE;
	for (i = 0; i < nr_cells; i++)
		chunk->cell[i].kind = CELL_FREE;
}

static void reserve_cells(struct pcpu_chunk *chunk, size_t start, size_t end)
{
	size_t i;

	for (i = start / CELL; i < DIV_ROUND_UP(end, CELL); i++)
		if (chunk->cell[i].kind == CELL_FREE) {
			chunk->cell[i].kind = CELL_RESERVED;
			chunk->free_cells--;
		}
}

static struct pcpu_chunk *boot_chunk(void)
{
	struct pcpu_chunk *chunk = memblock_alloc(chunk_bytes(), SMP_CACHE_BYTES);

	if (!chunk)
		panic("pcpu_first_chunk: no memory for %zu bytes", chunk_bytes());
	init_chunk(chunk, pcpu_layout.base);
	chunk->populated = ~0ULL;
	return chunk;
}

void pcpu_first_chunk(void)
{
	const struct pcpu_layout *l = &pcpu_layout;
	size_t dyn = ALIGN(l->static_size + l->reserved_size, CELL);

	BUG_ON(l->unit_size / PAGE_SIZE > 64);
	nr_cells = (unsigned int)(l->unit_size / CELL);
	/* Two views of one chunk: what one may give out is reserved in the other. */
	first_chunk = boot_chunk();
	reserve_cells(first_chunk, 0, dyn);
	reserved_chunk = boot_chunk();
	reserve_cells(reserved_chunk, 0, l->static_size);
	reserve_cells(reserved_chunk, dyn, l->unit_size);
	nr_chunks = 1;
}

static char *unit(const struct pcpu_chunk *chunk, unsigned int cpu)
{
	return chunk->base + pcpu_layout.unit_offset[cpu];
}

/* Take away and give back the pages [first, last] of CPUs below `cpus`. */
static void depopulate(struct pcpu_chunk *chunk, unsigned int page, unsigned int cpus)
{
	unsigned int cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		char *p = unit(chunk, cpu) + page * PAGE_SIZE;
		struct page *frame = vmalloc_to_page(p);

		vunmap_range(port_ptr_to_kva(p), PAGE_SIZE);
		if (frame)
			__free_page(frame);
	}
}

/* A page for every CPU. pcpu_grow_lock held. */
static int populate(struct pcpu_chunk *chunk, unsigned int page, gfp_t gfp)
{
	unsigned long flags;
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		char *p = unit(chunk, cpu) + page * PAGE_SIZE;
		struct page *frame = alloc_pages(gfp | __GFP_NOWARN, 0);

		if (!frame)
			break;
		if (vmap_pages_range(port_ptr_to_kva(p), &frame, 1, PAGE_KERNEL)) {
			__free_page(frame);
			break;
		}
	}
	if (cpu < nr_cpus_possible) {
		depopulate(chunk, page, cpu);
		/* Those addresses must not be mapped again before. */
		vm_unmap_aliases();
		return -ENOMEM;
	}
	flags = spin_lock_irqsave(&pcpu_lock);
	chunk->populated |= 1ULL << page;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return 0;
}

/* A chunk without pages, last in the list. pcpu_grow_lock held. */
static struct pcpu_chunk *new_chunk(void)
{
	const struct pcpu_layout *l = &pcpu_layout;
	struct pcpu_chunk *chunk = kzalloc(chunk_bytes(), GFP_KERNEL | __GFP_NOWARN), *last;
	unsigned long flags;

	if (!chunk)
		return NULL;
	chunk->vms =
		pcpu_get_vm_areas(l->group_offset, l->group_size, (int)l->nr_groups, PAGE_SIZE);
	if (!chunk->vms) {
		kfree(chunk);
		return NULL;
	}
	init_chunk(chunk, chunk->vms[0]->addr);
	flags = spin_lock_irqsave(&pcpu_lock);
	for (last = first_chunk; last->next; last = last->next)
		;
	last->next = chunk;
	nr_chunks++;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return chunk;
}

static void free_chunk(struct pcpu_chunk *chunk)
{
	unsigned int page;

	for (page = 0; page < pcpu_layout.unit_size / PAGE_SIZE; page++)
		if (chunk->populated >> page & 1)
			depopulate(chunk, page, nr_cpus_possible);
	pcpu_free_vm_areas(chunk->vms, (int)pcpu_layout.nr_groups);
	kfree(chunk);
}

/* Memory for a request: pages of a chunk that has the room, or a new chunk. pcpu_grow_lock held. True: try again. */
static bool grow(const struct request *r, gfp_t gfp)
{
	unsigned int n = r->class < NR_CLASSES ? 1 : r->cells;
	unsigned int align = r->class < NR_CLASSES ? 1 : r->align, i = NONE, page;
	struct pcpu_chunk *chunk;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);
	u64 missing = 0;

	for (chunk = first_chunk->next; chunk; chunk = chunk->next) {
		i = find_cells(chunk, n, align, true);
		if (i != NONE) {
			missing = pages_of(i, n) & ~chunk->populated;
			break;
		}
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	if (!chunk) {
		chunk = new_chunk();
		if (!chunk)
			return false;
		missing = pages_of(0, n);
	}
	for (; missing; missing &= missing - 1) {
		page = (unsigned int)__ffs(missing);
		if (populate(chunk, page, gfp))
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
	if (!size || size > PCPU_MAX_ALLOC || !is_power_of_2(align) || align > PAGE_SIZE)
		return false;
	r->class = class_of(size, align);
	r->cells = (unsigned int)DIV_ROUND_UP(size, CELL);
	r->align = (unsigned int)max(align / CELL, 1UL);
	r->size = r->class < NR_CLASSES ? class_size[r->class] : r->cells * CELL;
	return true;
}

/* From any chunk that has memory for it. */
static void *take_anywhere(const struct request *r)
{
	struct pcpu_chunk *chunk;
	long offset = -1;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);

	for (chunk = first_chunk; chunk; chunk = chunk->next) {
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
	struct pcpu_chunk *chunk = first_chunk;
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
	allocated += class_size[class];
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return clear_small(chunk->addr + i * CELL + bit * class_size[class], class_size[class]);
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
	offset = take(reserved_chunk, &r);
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return offset < 0 ? NULL : clear_units(reserved_chunk, offset, r.size);
}

/* ------------------------------------------------------------------ free_percpu */

/* The chunk and offset of a per-CPU address. pcpu_lock held. */
static struct pcpu_chunk *chunk_of(const void *ptr, size_t *offset)
{
	struct pcpu_chunk *chunk;

	for (chunk = first_chunk; chunk; chunk = chunk->next) {
		*offset = (unsigned long)ptr - chunk->addr;
		if (*offset < pcpu_layout.unit_size)
			break;
	}
	if (chunk == first_chunk && reserved_chunk->cell[*offset / CELL].kind != CELL_RESERVED)
		return reserved_chunk;
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
		allocated -= cell->free * CELL;
		give_cells(chunk, i, (unsigned int)cell->free);
		return true;
	}
	class = cell->kind;
	if (class >= NR_CLASSES)
		return false;
	size = class_size[class];
	bit = offset % CELL / size;
	mask = 1ULL << bit;
	if (offset % CELL % size || bit >= CELL / size || (cell->free & mask))
		return false;
	if (!cell->free)
		list_add(chunk, class, i);
	cell->free |= mask;
	allocated -= size;
	/* The last cell of a class stays: the next object is taken from it at once. */
	if (cell->free == full_mask(class) && (cell->next != NONE || cell->prev != NONE)) {
		list_del(chunk, class, i);
		give_cells(chunk, i, 1);
	}
	return true;
}

static noinline void free_any(void *ptr)
{
	struct pcpu_chunk *chunk;
	unsigned long flags;
	size_t offset = 0;
	bool ok;

	flags = spin_lock_irqsave(&pcpu_lock);
	chunk = chunk_of(ptr, &offset);
	ok = chunk && give(chunk, offset);
	if (ok)
		chunk->objects--;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	if (!ok) {
		pr_err("free_percpu: %p was not given by alloc_percpu, and is not freed\n", ptr);
		port_backtrace();
	}
}

/* A small object of the first chunk, to a cell that stays in its list: as alloc_quick. */
void free_percpu(void *ptr)
{
	struct pcpu_chunk *chunk = first_chunk;
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
	size = class_size[cell->kind];
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
	allocated -= size;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return;
any:
	spin_unlock_irqrestore(&pcpu_lock, flags);
	free_any(ptr);
}

void pcpu_shrink(void)
{
	struct pcpu_chunk **link, *chunk, *gone = NULL;
	unsigned long flags;

	spin_lock(&pcpu_grow_lock);
	flags = spin_lock_irqsave(&pcpu_lock);
	for (link = &first_chunk->next; (chunk = *link);) {
		if (chunk->objects) {
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		chunk->next = gone;
		gone = chunk;
		nr_chunks--;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	while ((chunk = gone)) {
		gone = chunk->next;
		free_chunk(chunk);
	}
	spin_unlock(&pcpu_grow_lock);
}

phys_addr_t per_cpu_ptr_to_phys(void *addr)
{
	if (is_vmalloc_addr(addr))
		return page_to_phys(vmalloc_to_page(addr)) + (unsigned long)addr % PAGE_SIZE;
	return virt_to_phys(addr);
}

/* ------------------------------------------------------------------ looking and checking */

void pcpu_get_stats(struct pcpu_stats *stats)
{
	const struct pcpu_layout *l = &pcpu_layout;
	const struct pcpu_chunk *chunk;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);

	*stats = (struct pcpu_stats){
		.chunks = nr_chunks,
		.units = nr_cpus_possible,
		.unit_size = l->unit_size,
		.static_size = l->static_size,
		.reserved_size = l->reserved_size,
		.dyn_size = l->dyn_size,
		.allocated = allocated,
		.populated = l->unit_size,
		.metadata = (nr_chunks + 1) * chunk_bytes(),
		.objects = reserved_chunk ? reserved_chunk->objects : 0,
	};
	for (chunk = first_chunk; chunk; chunk = chunk->next) {
		stats->objects += chunk->objects;
		if (chunk->vms)
			stats->populated +=
				(size_t)__builtin_popcountll(chunk->populated) * PAGE_SIZE;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
}

static int complain(const struct pcpu_chunk *chunk, unsigned int i, const char *what)
{
	pr_err("pcpu_check: chunk %p, cell %u: %s\n", (const void *)chunk->base, i, what);
	return 1;
}

static int check_chunk(const struct pcpu_chunk *chunk, size_t *bytes)
{
	unsigned int i, class, free = 0, listed = 0, with_free = 0, body = 0;
	bool unused[NR_CLASSES] = {false};
	unsigned long objects = 0;
	int errors = 0;

	for (i = 0; i < nr_cells; i++) {
		const struct pcpu_cell *cell = &chunk->cell[i];

		if (body) {
			body--;
			if (cell->kind != CELL_BODY)
				errors += complain(chunk, i,
						   "is in a large object and says it is not");
			continue;
		}
		if (cell->kind == CELL_FREE) {
			free++;
			if (i < chunk->first_free)
				errors += complain(chunk, i, "is free, below the first free one");
			continue;
		}
		if (cell->kind == CELL_RESERVED)
			continue;
		if (!(chunk->populated >> (i * CELL / PAGE_SIZE) & 1))
			errors += complain(chunk, i, "is in use and has no memory");
		if (cell->kind == CELL_LARGE) {
			body = (unsigned int)cell->free - 1;
			objects++;
			*bytes += cell->free * CELL;
		} else if (cell->kind >= NR_CLASSES || (cell->free & ~full_mask(cell->kind))) {
			errors += complain(chunk, i, "says what no cell can be");
		} else {
			unsigned long n = (unsigned long)__builtin_popcountll(
				full_mask(cell->kind) & ~cell->free);

			objects += n;
			*bytes += n * class_size[cell->kind];
			with_free += cell->free != 0;
			if (!n && unused[cell->kind])
				errors += complain(chunk, i, "is the second without an object");
			unused[cell->kind] |= !n;
		}
	}
	for (class = 0; class < NR_CLASSES; class ++)
		for (i = chunk->list[class]; i != NONE && listed <= nr_cells;
		     i = chunk->cell[i].next, listed++)
			if (chunk->cell[i].kind != class || !chunk->cell[i].free)
				errors +=
					complain(chunk, i, "is in a list where it does not belong");
	if (free != chunk->free_cells || listed != with_free || objects != chunk->objects || body) {
		pr_err("pcpu_check: chunk %p: %u free cells, %u in lists, %u with room, %lu "
		       "objects; counted %u, %lu\n",
		       (const void *)chunk->base, free, listed, with_free, objects,
		       chunk->free_cells, chunk->objects);
		errors++;
	}
	return errors;
}

int pcpu_check(void)
{
	const struct pcpu_chunk *chunk;
	unsigned int n = 0;
	size_t bytes = 0;
	int errors = 0;
	unsigned long flags;

	if (!first_chunk)
		return 0;
	flags = spin_lock_irqsave(&pcpu_lock);
	errors += check_chunk(reserved_chunk, &bytes);
	for (chunk = first_chunk; chunk; chunk = chunk->next, n++)
		errors += check_chunk(chunk, &bytes);
	if (n != nr_chunks || bytes != allocated) {
		pr_err("pcpu_check: %u chunks with %zu bytes given out; counted %u, %zu\n", n,
		       bytes, nr_chunks, allocated);
		errors++;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return errors;
}
