/* SPDX-License-Identifier: MIT */
/*
 * Disjoint ranges of addresses, each with a value, and the gaps between them (lib/gap_tree.c).
 *
 * A range is [start, end), never empty. The tree changes under the user's lock, which has to be held alone where the tree is not const,
 * and may be shared where it is; gap_tree_find_seq alone may be called without, by who checks a sequence count that writers hold odd while
 * they change the tree.
 */
#ifndef QUIRE_GAP_TREE_H
#define QUIRE_GAP_TREE_H

#include <quire/types.h>

/* Bytes of a node, and their alignment: what `alloc` has to give. */
#define GAP_NODE_SIZE 512U
/* A level more takes several times the insertions, fourteen times mostly: what no machine lives to see. */
#define GAP_TREE_MAX_HEIGHT 16U

struct gap_tree {
	void *root;
	unsigned int height; /* levels: 0: empty, 1: the root is a leaf */
	unsigned int nr_spare;
	unsigned long nr; /* ranges */
	void *spare;	  /* nodes in reserve, linked by their first word */
	void *(*alloc)(void);
	void (*release)(void *node);
	/*
	 * The finger: who looks for an address in [low, high) comes to the leaf way[height - 1], by entry idx[l] of node way[l]. at: which
	 * entry of the leaf was meant. low >= high: nowhere.
	 */
	unsigned long low, high;
	void *way[GAP_TREE_MAX_HEIGHT];
	u8 idx[GAP_TREE_MAX_HEIGHT];
	unsigned int at;
};

/*
 * alloc: GAP_NODE_SIZE bytes, or NULL. release: takes them back; a node that is given back stays readable memory for as long as a
 * gap_tree_find_seq may run.
 */
void gap_tree_init(struct gap_tree *t, void *(*alloc)(void), void (*release)(void *node));

/* So many nodes. 0 or -ENOMEM; what was had is kept for a later one. */
int gap_tree_reserve_more(struct gap_tree *t, unsigned int nodes);
/* Nodes for `inserts` calls of gap_tree_insert or gap_tree_split. 0 or -ENOMEM. */
static inline int gap_tree_reserve(struct gap_tree *t, unsigned int inserts)
{
	/* Each may split a node on every level and make a new root; and each new root is one level more for those after it. */
	unsigned int want = inserts * (t->height + 1) + inserts * (inserts - 1) / 2;

	return likely(t->nr_spare >= want) ? 0 : gap_tree_reserve_more(t, want);
}

/*
 * Add [start, end), which meets no other. Cannot fail after a gap_tree_reserve that counted it. value is not NULL.
 */
void gap_tree_insert(struct gap_tree *t, unsigned long start, unsigned long end, void *value);

/*
 * The range that holds addr, and starts below it, ends there; what it had above is a range of its own with `value`, which is not NULL. Cannot
 * fail for want of memory after a gap_tree_reserve that counted it. False: there is none.
 */
bool gap_tree_split(struct gap_tree *t, unsigned long addr, void *value);

/* Remove the range that holds addr; its value, or NULL: there is none. */
void *gap_tree_erase(struct gap_tree *t, unsigned long addr);

/* The range that holds addr becomes [start, end), which meets no other and has the same neighbours. False: there is none. */
bool gap_tree_resize(struct gap_tree *t, unsigned long addr, unsigned long start,
		     unsigned long end);
/* The range that holds addr gets another value; the old one, or NULL: there is none. */
void *gap_tree_replace(struct gap_tree *t, unsigned long addr, void *value);

/* The first range that ends above addr: its value, or NULL. start, end: where it lies; may be NULL. */
void *gap_tree_find(const struct gap_tree *t, unsigned long addr, unsigned long *start,
		    unsigned long *end);

/* The same value, for who is going to change something there: the way is kept for what follows. */
void *gap_tree_seek(struct gap_tree *t, unsigned long addr);

/* The last range's value; NULL: the tree is empty. */
void *gap_tree_last(const struct gap_tree *t);

/*
 * gap_tree_find without the lock. seq: even, and equal to *count, when the call began. False: a writer came between, and nothing is
 * known. (Orders: what a reader with the old count sees was there before the writer.)
 */
bool gap_tree_find_seq(const struct gap_tree *t, unsigned long addr, const u32 *count, u32 seq,
		       void **value);

/*
 * The lowest, or the highest, gap that has `size` bytes within [low, high): as much of it as is in there. size is not 0. False:
 * there is none.
 */
bool gap_tree_lowest(const struct gap_tree *t, unsigned long low, unsigned long high,
		     unsigned long size, unsigned long *start, unsigned long *end);
bool gap_tree_highest(const struct gap_tree *t, unsigned long low, unsigned long high,
		      unsigned long size, unsigned long *start, unsigned long *end);

/* Give every node back; the tree is empty then. */
void gap_tree_destroy(struct gap_tree *t);

/* Re-derives order, bounds, gaps, depth and counts. Prints violations, returns how many. */
int gap_tree_check(const struct gap_tree *t);

#endif
