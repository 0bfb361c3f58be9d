/* SPDX-License-Identifier: MIT */
/*
 * Pointers by number, where numbers in use lie close together (lib/radix_tree.c): the pages of a file. Locking: the user's.
 */
#ifndef QUIRE_RADIX_TREE_H
#define QUIRE_RADIX_TREE_H

#include <quire/types.h>

#define RADIX_BITS 6U
#define RADIX_SLOTS (1U << RADIX_BITS)
/* Bytes of a node. */
#define RADIX_NODE_SIZE (RADIX_SLOTS * sizeof(void *))

struct radix_tree {
	void *root;
	unsigned int height; /* levels of nodes; 0: root is entry 0 itself */
};

/* The entry, or NULL. */
void *radix_tree_load(const struct radix_tree *t, unsigned long index);
/*
 * The entries from index on that lie side by side: of index + i at [i], for *n of them, which is not more than it was. NULL: they are all
 * NULL. For reading.
 */
void *const *radix_tree_run(const struct radix_tree *t, unsigned long index, unsigned long *n);
/*
 * The place of an entry, NULL as long as nothing was put there; alloc gives zeroed nodes of RADIX_NODE_SIZE. NULL: no memory.
 */
void **radix_tree_slot(struct radix_tree *t, unsigned long index, void *(*alloc)(void));
/* The first entry from *index on that is not NULL, and its index; NULL: none. */
void *radix_tree_next(const struct radix_tree *t, unsigned long *index);
/* Free the nodes; entries are the caller's. */
void radix_tree_destroy(struct radix_tree *t, void (*release)(void *node));

#endif
