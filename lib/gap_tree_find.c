// SPDX-License-Identifier: MIT
/*
 * Finding in a gap tree: ranges by address, with and without the lock, and gaps by size (gap_tree.c: what the tree is).
 *
 * Changes nothing. Locking: the user's, which may be shared; gap_tree_find_seq has none: it believes nothing before it has looked at the
 * sequence count again, above all no pointer.
 */
#include "gap_tree_node.h"

void *gap_tree_find(const struct gap_tree *t, unsigned long addr, unsigned long *start,
		    unsigned long *end)
{
	const struct gap_leaf *l = t->root;
	unsigned int h, i;

	if (!t->height)
		return NULL;
	if (at_finger(t, addr)) {
		l = t->way[t->height - 1];
		i = entry_in(t, l, addr);
	} else {
		for (h = t->height; h > 1; h--) {
			const struct gap_inner *n = (const struct gap_inner *)l;

			i = inner_above(n, addr);
			if (i >= n->nr)
				return NULL;
			l = n->child[i];
		}
		i = leaf_above(l, addr);
	}
	if (i >= past(l))
		return NULL;
	if (start)
		*start = l->start[i];
	if (end)
		*end = l->end[i];
	return l->value[i];
}

void *gap_tree_last(const struct gap_tree *t)
{
	const struct gap_leaf *l = t->root;
	unsigned int h;

	for (h = t->height; h > 1; h--) {
		const struct gap_inner *n = (const struct gap_inner *)l;

		l = n->child[n->nr - 1];
	}
	return h ? l->value[past(l) - 1] : NULL;
}

/* What was read before this is true when the count has not moved. */
static __always_inline bool unchanged(const u32 *count, u32 seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return likely(__atomic_load_n(count, __ATOMIC_RELAXED) == seq);
}

bool gap_tree_find_seq(const struct gap_tree *t, unsigned long addr, const u32 *count, u32 seq,
		       void **value)
{
	unsigned int h = GET(t->height), i;
	const void *node = GET(t->root);

	if (unlikely(!unchanged(count, seq)))
		return false;
	*value = NULL;
	for (; h > 1; h--) {
		const struct gap_inner *n = node;

		/* Whatever the node is by now, i is in it. */
		i = inner_above(n, addr);
		node = i < INNER_MAX ? GET(n->child[i]) : NULL;
		if (unlikely(!unchanged(count, seq)))
			return false;
		if (!node)
			return true;
	}
	if (h) {
		const struct gap_leaf *l = node;

		i = leaf_above(l, addr);
		if (i < LEAF_MAX)
			*value = GET(l->value[i]);
	}
	return unchanged(count, seq);
}

/* ------------------------------------------------------------------ gaps */

struct gap_query {
	unsigned long low, high, size;
	unsigned long start, end; /* what was found */
};

/* Is there enough of [start, end) within the limits? */
static bool fits(struct gap_query *q, unsigned long start, unsigned long end)
{
	start = max(start, q->low);
	end = min(end, q->high);
	if (start >= end || end - start < q->size)
		return false;
	q->start = start;
	q->end = end;
	return true;
}

/* before: where the range ends that precedes the first one of the node. */
static bool lowest_below(const void *node, unsigned int height, unsigned long before,
			 struct gap_query *q)
{
	const struct gap_inner *n = node;
	const struct gap_leaf *l = node;
	unsigned int i = height > 1 ? inner_above(n, q->low) : leaf_above(l, q->low);
	const unsigned long *start = height > 1 ? n->start : l->start;

	i = clamp(i, l->first, past(l));
	if (i > l->first)
		before = l->end[i - 1];
	for (; i < past(l); i++) {
		if (start[i] - before >= q->size && fits(q, before, start[i]))
			return true;
		if (start[i] >= q->high)
			return false;
		if (height > 1 && n->gap[i] >= q->size &&
		    lowest_below(n->child[i], height - 1, start[i], q))
			return true;
		before = l->end[i];
	}
	return false;
}

/* after: where the range starts that follows the last one of the node. */
static bool highest_below(const void *node, unsigned int height, unsigned long after,
			  struct gap_query *q)
{
	const struct gap_inner *n = node;
	const struct gap_leaf *l = node;
	/* Ranges behind the first that ends above `high` are out of reach. */
	unsigned int i = height > 1 ? inner_above(n, q->high) : leaf_above(l, q->high);
	const unsigned long *start = height > 1 ? n->start : l->start;

	i = clamp(i, l->first, past(l));
	if (i < past(l)) {
		if (i + 1 < past(l))
			after = start[i + 1];
		i++;
	}
	while (i-- > l->first) {
		if (after - l->end[i] >= q->size && fits(q, l->end[i], after))
			return true;
		if (l->end[i] <= q->low)
			return false;
		if (height > 1 && n->gap[i] >= q->size &&
		    highest_below(n->child[i], height - 1, l->end[i], q))
			return true;
		after = start[i];
	}
	return false;
}

static unsigned long root_end(const struct gap_tree *t)
{
	const struct gap_leaf *l = t->root;

	return t->height ? l->end[past(l) - 1] : 0;
}

static unsigned long root_start(const struct gap_tree *t)
{
	const struct gap_leaf *l = t->root;
	const struct gap_inner *n = t->root;

	return t->height > 1 ? n->start[0] : t->height ? l->start[l->first] : ULONG_MAX;
}

bool gap_tree_lowest(const struct gap_tree *t, unsigned long low, unsigned long high,
		     unsigned long size, unsigned long *start, unsigned long *end)
{
	struct gap_query q = {.low = low, .high = high, .size = size};

	if (!(t->height && lowest_below(t->root, t->height, 0, &q)) &&
	    !fits(&q, root_end(t), ULONG_MAX))
		return false;
	*start = q.start;
	*end = q.end;
	return true;
}

bool gap_tree_highest(const struct gap_tree *t, unsigned long low, unsigned long high,
		      unsigned long size, unsigned long *start, unsigned long *end)
{
	struct gap_query q = {.low = low, .high = high, .size = size};

	if (!(t->height && highest_below(t->root, t->height, ULONG_MAX, &q)) &&
	    !fits(&q, 0, root_start(t)))
		return false;
	*start = q.start;
	*end = q.end;
	return true;
}
