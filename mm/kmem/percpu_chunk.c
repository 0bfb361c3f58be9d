// SPDX-License-Identifier: MIT
/*
 * Chunks of per-CPU memory: made, found by address, given pages and relieved of them. What lies in them is percpu.c's.
 *
 * A chunk is a unit for each CPU at the distances that the first chunk's units have (percpu_setup.c); its addresses are reserved as a whole, and it
 * gets pages as objects want them. Invariant, which pcpu_check re-derives: a page of a unit has memory in all units or in none.
 *
 * Locking: pcpu_grow_lock, interrupts on, for whoever makes a chunk or gives it pages or takes them away, so that memory is asked for and given back
 * without pcpu_lock, which comes inside of it. The list of chunks changes under both.
 *
 * Against Linux: there a worker frees empty chunks but one, here free_percpu does; pages that lie free between objects are given
 * back by pcpu_shrink alone.
 */
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>
#include <quire/vmstat.h>

#include "percpu_internal.h"

spinlock_t pcpu_grow_lock;

size_t pcpu_chunk_bytes(void)
{
	return sizeof(struct pcpu_chunk) + pcpu_nr_cells * sizeof(struct pcpu_cell);
}

static void init_chunk(struct pcpu_chunk *chunk, char *base)
{
	unsigned int i;

	chunk->base = base;
	chunk->addr = (unsigned long)__per_cpu_start + (unsigned long)base -
		      (unsigned long)pcpu_layout.base;
	chunk->free_cells = chunk->longest = pcpu_nr_cells;
	for (i = 0; i < NR_CLASSES; i++)
		chunk->list[i] = NONE;
	for (i = 0; i < pcpu_nr_cells; i++)
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
	struct pcpu_chunk *chunk = memblock_alloc(pcpu_chunk_bytes(), SMP_CACHE_BYTES);

	if (!chunk)
		panic("pcpu_first_chunk: no memory for %zu bytes", pcpu_chunk_bytes());
	init_chunk(chunk, pcpu_layout.base);
	chunk->populated = ~0ULL;
	return chunk;
}

/*
 * Chunks by address, for free_percpu. A chunk is in the bucket of its first byte; an address is in a chunk that begins in the same
 * stretch of a unit's size or in the one before.
 */
#define BUCKETS 256U
static struct pcpu_chunk *buckets[BUCKETS];

static struct pcpu_chunk **bucket_of(unsigned long stretch)
{
	return &buckets[stretch * 0x9e3779b97f4a7c15UL >> 56];
}

struct pcpu_chunk *pcpu_find_chunk(unsigned long addr)
{
	const size_t size = pcpu_layout.unit_size;
	struct pcpu_chunk *chunk = pcpu_chunks;
	unsigned int back;

	if (addr - chunk->addr < size)
		return chunk;
	for (back = 0; back < 2; back++)
		for (chunk = *bucket_of(addr / size - back); chunk; chunk = chunk->next_hash)
			if (addr - chunk->addr < size)
				return chunk;
	return NULL;
}

static void hash_chunk(struct pcpu_chunk *chunk)
{
	struct pcpu_chunk **bucket = bucket_of(chunk->addr / pcpu_layout.unit_size);

	chunk->next_hash = *bucket;
	*bucket = chunk;
}

static void unhash_chunk(struct pcpu_chunk *chunk)
{
	struct pcpu_chunk **link = bucket_of(chunk->addr / pcpu_layout.unit_size);

	while (*link != chunk)
		link = &(*link)->next_hash;
	*link = chunk->next_hash;
}

void pcpu_first_chunk(void)
{
	const struct pcpu_layout *l = &pcpu_layout;
	size_t dyn = ALIGN(l->static_size + l->reserved_size, CELL);

	BUG_ON(l->unit_size / PAGE_SIZE > 64);
	pcpu_nr_cells = (unsigned int)(l->unit_size / CELL);
	/* Two views of one chunk: what one may give out is reserved in the other. */
	pcpu_chunks = boot_chunk();
	reserve_cells(pcpu_chunks, 0, dyn);
	pcpu_reserved = boot_chunk();
	reserve_cells(pcpu_reserved, 0, l->static_size);
	reserve_cells(pcpu_reserved, dyn, l->unit_size);
	pcpu_nr_chunks = 1;
	memset(buckets, 0, sizeof(buckets));
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
		if (!frame)
			continue;
		mod_page_state_of(frame, NR_PERCPU, -1);
		__free_page(frame);
	}
}

int pcpu_populate(struct pcpu_chunk *chunk, unsigned int page, gfp_t gfp)
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
		mod_page_state_of(frame, NR_PERCPU, 1);
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

struct pcpu_chunk *pcpu_new_chunk(void)
{
	const struct pcpu_layout *l = &pcpu_layout;
	struct pcpu_chunk *chunk = kzalloc(pcpu_chunk_bytes(), GFP_KERNEL | __GFP_NOWARN), *last;
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
	for (last = pcpu_chunks; last->next; last = last->next)
		;
	last->next = chunk;
	hash_chunk(chunk);
	pcpu_nr_chunks++;
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

void pcpu_free_empty(unsigned int keep)
{
	struct pcpu_chunk **link, *chunk, *gone = NULL;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);

	for (link = &pcpu_chunks->next; (chunk = *link);) {
		if (chunk->objects || (keep && keep--)) {
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		unhash_chunk(chunk);
		chunk->next = gone;
		gone = chunk;
		pcpu_nr_chunks--;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	while ((chunk = gone)) {
		gone = chunk->next;
		free_chunk(chunk);
	}
}

/* Pages of which no cell is in use lose their memory. pcpu_grow_lock held. True: some did. */
static bool free_empty_pages(struct pcpu_chunk *chunk)
{
	unsigned int per_page = (unsigned int)(PAGE_SIZE / CELL), page, k;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);
	u64 empty = 0;

	for (page = 0; page < pcpu_layout.unit_size / PAGE_SIZE; page++) {
		for (k = 0; k < per_page && chunk->cell[page * per_page + k].kind == CELL_FREE; k++)
			;
		if (k == per_page)
			empty |= 1ULL << page;
	}
	empty &= chunk->populated;
	chunk->populated &= ~empty;
	spin_unlock_irqrestore(&pcpu_lock, flags);
	/* Nobody gets objects there now: for that the bits would have to come back, under pcpu_grow_lock. */
	for (page = 0; page < pcpu_layout.unit_size / PAGE_SIZE; page++)
		if (empty >> page & 1)
			depopulate(chunk, page, nr_cpus_possible);
	return empty != 0;
}

void pcpu_shrink(void)
{
	struct pcpu_chunk *chunk;
	bool some = false;

	spin_lock(&pcpu_grow_lock);
	pcpu_free_empty(0);
	/* The list changes under pcpu_grow_lock only. */
	for (chunk = pcpu_chunks->next; chunk; chunk = chunk->next)
		some |= free_empty_pages(chunk);
	/* These addresses may get memory again: no TLB is to know what they had. */
	if (some)
		vm_unmap_aliases();
	spin_unlock(&pcpu_grow_lock);
}
