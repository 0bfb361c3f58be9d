/* SPDX-License-Identifier: MIT */
/*
 * The nodes of a gap tree, and the search in one (lib/gap_tree*.c only; the invariants are told in gap_tree.c).
 */
#ifndef QUIRE_GAP_TREE_NODE_H
#define QUIRE_GAP_TREE_NODE_H

#include <quire/gap_tree.h>

#define LEAF_MAX 20U
#define INNER_MAX 15U

/* Both kinds begin alike. */
struct gap_leaf {
	u32 nr, first;
	unsigned long rest;
	unsigned long end[LEAF_MAX], start[LEAF_MAX];
	void *value[LEAF_MAX];
};

struct gap_inner {
	u32 nr, first;
	unsigned long rest;
	unsigned long end[INNER_MAX], start[INNER_MAX], gap[INNER_MAX];
	void *child[INNER_MAX];
};

BUILD_BUG_ON(sizeof(struct gap_leaf) > GAP_NODE_SIZE);
BUILD_BUG_ON(sizeof(struct gap_inner) > GAP_NODE_SIZE);
BUILD_BUG_ON(offsetof(struct gap_leaf, end) != offsetof(struct gap_inner, end));

struct summary {
	unsigned long start, end, gap;
};

/* Readers without the lock look on: every word is stored as a whole. */
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define GET(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

/* Where the entries end. */
static __always_inline unsigned int past(const struct gap_leaf *l)
{
	return l->first + l->nr;
}

/* A step of a search among sorted words: half of them can be left out. */
static __always_inline const unsigned long *halve(const unsigned long *end, unsigned int half,
						  unsigned long addr)
{
	return GET(end[half - 1]) <= addr ? end + half : end;
}

/* The first slot that ends above addr; LEAF_MAX, or INNER_MAX, when there is none. Twenty slots, ten, five, three, two, one; or fifteen. */
static __always_inline unsigned int leaf_above(const struct gap_leaf *l, unsigned long addr)
{
	const unsigned long *p = l->end;

	p = halve(p, 10, addr);
	p = halve(p, 5, addr);
	p = halve(p, 2, addr);
	p = halve(p, 1, addr);
	p = halve(p, 1, addr);
	return (unsigned int)(p - l->end) + (GET(*p) <= addr);
}

static __always_inline unsigned int inner_above(const struct gap_inner *n, unsigned long addr)
{
	const unsigned long *p = n->end;

	p = halve(p, 7, addr);
	p = halve(p, 4, addr);
	p = halve(p, 2, addr);
	p = halve(p, 1, addr);
	return (unsigned int)(p - n->end) + (GET(*p) <= addr);
}

BUILD_BUG_ON(LEAF_MAX != 20 || INNER_MAX != 15);

/* Gaps of a node, one by one: what becomes the largest, and what the second. */
struct two_gaps {
	unsigned long first, second;
};

static __always_inline void add_gap(struct two_gaps *g, unsigned long gap)
{
	if (gap > g->first) {
		g->second = g->first;
		g->first = gap;
	} else if (gap > g->second) {
		g->second = gap;
	}
}

/* In the leaf of addr: the slot of the first entry that ends above it, or where entries end. Mostly the one that was looked for last. */
static __always_inline unsigned int entry_in(const struct gap_tree *t, const struct gap_leaf *l,
					     unsigned long addr)
{
	unsigned int i = t->at;

	if (likely(addr < l->end[i] && (!i || l->end[i - 1] <= addr)))
		return i;
	i = leaf_above(l, addr);
	return min(i, past(l));
}

static __always_inline bool at_finger(const struct gap_tree *t, unsigned long addr)
{
	return addr - t->low < t->high - t->low;
}

#endif
