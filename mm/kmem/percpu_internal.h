/* SPDX-License-Identifier: MIT */
/*
 * What percpu_setup.c (the first chunk) tells percpu.c (allocation).
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

/* The first chunk's dynamic and reserved parts may be allocated from. Once, by setup_per_cpu_areas. */
void pcpu_first_chunk(void);

#endif
