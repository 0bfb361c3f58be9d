/* SPDX-License-Identifier: MIT */
/*
 * Ranges of numbers that may overlap, and which of them meet a given one (lib/interval_tree.c): the areas that map a part of a file.
 * Nodes are the user's; nothing is allocated. Locking: the user's.
 */
#ifndef QUIRE_INTERVAL_TREE_H
#define QUIRE_INTERVAL_TREE_H

#include <quire/types.h>

struct interval_node {
	unsigned long first, last; /* inclusive, first <= last; not to be changed while in a tree */
	unsigned long max_last;	   /* of all below and itself */
	struct interval_node *left, *right;
};

struct interval_tree {
	struct interval_node *root;
};

/* The node, in no tree, with first and last set. */
void interval_tree_insert(struct interval_tree *t, struct interval_node *node);
/* The node, in this tree. */
void interval_tree_remove(struct interval_tree *t, struct interval_node *node);

/* The lowest range that meets [first, last], or NULL; and the one after `node`, by first, then by address. O(log n). */
struct interval_node *interval_tree_first(const struct interval_tree *t, unsigned long first,
					  unsigned long last);
struct interval_node *interval_tree_next(const struct interval_tree *t,
					 const struct interval_node *node, unsigned long first,
					 unsigned long last);

/* Re-derives order, bounds and shape. Prints violations, returns how many. *nr: nodes. */
int interval_tree_check(const struct interval_tree *t, unsigned long *nr);

#endif
