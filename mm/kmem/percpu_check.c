// SPDX-License-Identifier: MIT
/*
 * Per-CPU memory looked at: statistics, and pcpu_check, which re-derives what percpu.c claims of its chunks.
 *
 * Owns nothing. Locking: pcpu_lock, for the whole of a look.
 */
#include <quire/printk.h>

#include "percpu_internal.h"

void pcpu_get_stats(struct pcpu_stats *stats)
{
	const struct pcpu_layout *l = &pcpu_layout;
	const struct pcpu_chunk *chunk;
	unsigned long flags = spin_lock_irqsave(&pcpu_lock);

	*stats = (struct pcpu_stats){
		.chunks = pcpu_nr_chunks,
		.units = nr_cpus_possible,
		.unit_size = l->unit_size,
		.static_size = l->static_size,
		.reserved_size = l->reserved_size,
		.dyn_size = l->dyn_size,
		.allocated = pcpu_allocated,
		.populated = l->unit_size,
		.metadata = (pcpu_nr_chunks + 1) * pcpu_chunk_bytes(),
		.objects = pcpu_reserved ? pcpu_reserved->objects : 0,
	};
	for (chunk = pcpu_chunks; chunk; chunk = chunk->next) {
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
	unsigned int i, class, free = 0, listed = 0, with_free = 0, body = 0, row = 0;
	bool unused[NR_CLASSES] = {false};
	unsigned long objects = 0;
	int errors = 0;

	for (i = 0; i < pcpu_nr_cells; i++) {
		const struct pcpu_cell *cell = &chunk->cell[i];

		if (body) {
			body--;
			if (cell->kind != CELL_BODY)
				errors += complain(chunk, i,
						   "is in a large object and says it is not");
			continue;
		}
		row = cell->kind == CELL_FREE ? row + 1 : 0;
		if (row > chunk->longest)
			errors += complain(chunk, i, "ends a longer row of free cells than known");
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
		} else if (cell->kind >= NR_CLASSES || (cell->free & ~pcpu_full_mask(cell->kind))) {
			errors += complain(chunk, i, "says what no cell can be");
		} else {
			unsigned long n = (unsigned long)__builtin_popcountll(
				pcpu_full_mask(cell->kind) & ~cell->free);

			objects += n;
			*bytes += n * pcpu_class_size[cell->kind];
			with_free += cell->free != 0;
			if (!n && unused[cell->kind])
				errors += complain(chunk, i, "is the second without an object");
			unused[cell->kind] |= !n;
		}
	}
	for (class = 0; class < NR_CLASSES; class ++)
		for (i = chunk->list[class]; i != NONE && listed <= pcpu_nr_cells;
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

	if (!pcpu_chunks)
		return 0;
	flags = spin_lock_irqsave(&pcpu_lock);
	errors += check_chunk(pcpu_reserved, &bytes);
	for (chunk = pcpu_chunks; chunk; chunk = chunk->next, n++) {
		errors += check_chunk(chunk, &bytes);
		if (pcpu_find_chunk(chunk->addr) != chunk ||
		    pcpu_find_chunk(chunk->addr + pcpu_layout.unit_size - 1) != chunk) {
			pr_err("pcpu_check: the chunk at %#lx is not found by its addresses\n",
			       chunk->addr);
			errors++;
		}
	}
	if (n != pcpu_nr_chunks || bytes != pcpu_allocated) {
		pr_err("pcpu_check: %u chunks with %zu bytes given out; counted %u, %zu\n", n,
		       bytes, pcpu_nr_chunks, pcpu_allocated);
		errors++;
	}
	spin_unlock_irqrestore(&pcpu_lock, flags);
	return errors;
}
