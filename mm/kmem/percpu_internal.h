/* SPDX-License-Identifier: MIT */
/*
 * What percpu_setup.c (the first chunk), percpu_chunk.c (more of them), percpu.c (allocation) and percpu_check.c (looking) know of each other.
 */
#ifndef QUIRE_PERCPU_INTERNAL_H
#define QUIRE_PERCPU_INTERNAL_H

#include <quire/percpu.h>

/* How units lie: the same distances in every chunk. */
struct pcpu_layout {
	char *base;				     /* unit of lowest address in the first chunk */
	size_t unit_size;			     /* bytes, a multiple of PAGE_SIZE */
	size_t static_size, reserved_size, dyn_size; /* of the first chunk's units */
	unsigned int nr_groups;
	unsigned long *unit_offset;  /* [nr_cpus_possible]: of each CPU's unit from base */
	unsigned long *group_offset; /* [nr_groups], ascending */
	size_t *group_size;
};
extern struct pcpu_layout pcpu_layout;

/* The sizes of a unit with so many bytes of static variables: what Linux makes of them. */
void pcpu_size_units(struct pcpu_layout *l, size_t static_size);
/* The first chunk's dynamic and reserved parts may be allocated from. Once, by setup_per_cpu_areas. */
void pcpu_first_chunk(void);

/* ------------------------------------------------------------------ chunks: see percpu.c */

#define CELL 512UL
#define NONE 0xffffU
#define NR_CLASSES 10U

enum { CELL_FREE = 0xff, CELL_BODY = 0xfe, CELL_LARGE = 0xfd, CELL_RESERVED = 0xfc };

extern const u16 pcpu_class_size[NR_CLASSES];

struct pcpu_cell {
	u64 free;	/* class: objects that are free; LARGE: how many cells */
	u16 next, prev; /* class: in the chunk's list of cells with free objects */
	u8 kind;	/* class, or CELL_ */
};

struct pcpu_chunk {
	struct pcpu_chunk *next;
	struct pcpu_chunk *next_hash;	     /* of its bucket, by address; not the first chunk */
	char *base;			     /* unit of the lowest address */
	unsigned long addr;		     /* the per-CPU address of a unit's first byte */
	struct vm_struct **vms;		     /* NULL: the first chunk */
	unsigned int free_cells, first_free; /* no FREE cell is below first_free */
	unsigned int longest;		     /* no more FREE cells than this lie in a row */
	unsigned long objects;
	u16 list[NR_CLASSES]; /* cells with free objects */
	u64 populated;	      /* bit: a page of the unit, PAGES_MAX at most */
	struct pcpu_cell cell[];
};

/* The first chunk, and by `next` all others; the first one's reserved part. Written under pcpu_lock. */
extern struct pcpu_chunk *pcpu_chunks, *pcpu_reserved;
extern spinlock_t pcpu_lock;
extern unsigned int pcpu_nr_cells, pcpu_nr_chunks; /* cells of a chunk; chunks */
extern size_t pcpu_allocated;			   /* bytes given out, a CPU */

size_t pcpu_chunk_bytes(void);
/* The chunk that holds this per-CPU address, the first one included; NULL: none. pcpu_lock held, or nobody else there. */
struct pcpu_chunk *pcpu_find_chunk(unsigned long addr);
/* A bit for every object that a cell of the class holds. */
u64 pcpu_full_mask(unsigned int class);

/* For what follows, but pcpu_first_chunk; before pcpu_lock. */
extern spinlock_t pcpu_grow_lock;
/* A chunk without pages, last in the list. NULL: no memory or no addresses. */
struct pcpu_chunk *pcpu_new_chunk(void);
/* A page for every CPU's unit, the page-th of each. 0, -ENOMEM. */
int pcpu_populate(struct pcpu_chunk *chunk, unsigned int page, gfp_t gfp);
/* All chunks without an object go, but for `keep` and the first. */
void pcpu_free_empty(unsigned int keep);

#endif
