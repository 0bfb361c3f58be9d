// SPDX-License-Identifier: MIT
/* Re-derives what gap_tree.c promises: order, bounds, gaps, depth, counts, empty slots, the finger. Under the user's lock. */
#include <quire/printk.h>

#include "gap_tree_node.h"

/* Behind the entries nothing is found; and no gap but one is larger than rest. */
static int check_node(const void *node, bool leaf, bool root, struct two_gaps *g)
{
	const struct gap_inner *n = node;
	const struct gap_leaf *l = node;
	const unsigned long *start = leaf ? l->start : n->start;
	int bad = 0;

	*g = (struct two_gaps){0, 0};
	for (unsigned int i = l->first; i + 1 < past(l); i++)
		add_gap(g, start[i + 1] - l->end[i]);
	for (unsigned int i = 0; !leaf && i < n->nr; i++)
		add_gap(g, n->gap[i]);
	if (!root && g->second > n->rest) {
		pr_err("gap_tree: the second gap is %#lx, said to be at most %#lx\n", g->second,
		       n->rest);
		bad++;
	}
	for (unsigned int i = 0; i < (leaf ? LEAF_MAX : INNER_MAX); i++) {
		if ((i >= l->first && i < past(l)) ||
		    (l->end[i] == (i < l->first ? 0 : ULONG_MAX) &&
		     !(leaf ? l->value[i] : n->child[i])))
			continue;
		pr_err("gap_tree: slot %u is not empty\n", i);
		bad++;
	}
	return bad;
}

static int check_below(const void *node, unsigned int height, struct summary *s, unsigned long *nr,
		       bool root)
{
	const struct gap_inner *n = node;
	const struct gap_leaf *l = node;
	const unsigned long *start = height > 1 ? n->start : l->start;
	unsigned int max = height > 1 ? INNER_MAX : LEAF_MAX;
	struct two_gaps g;
	int bad = 0;

	if (!n->nr || past(l) > max || (root && height > 1 && n->nr < 2) ||
	    (height > 1 && n->first)) {
		pr_err("gap_tree: a node of level %u has %u entries from slot %u on\n", height,
		       n->nr, n->first);
		return 1;
	}
	for (unsigned int i = l->first; i < past(l); i++) {
		if (start[i] >= l->end[i] || (i > l->first && l->end[i - 1] > start[i])) {
			pr_err("gap_tree: level %u entry %u: [%#lx, %#lx) is out of order\n",
			       height, i, start[i], l->end[i]);
			bad++;
		}
		if (height > 1) {
			struct summary c;

			bad += check_below(n->child[i], height - 1, &c, nr, false);
			if (bad)
				return bad;
			if (c.start != start[i] || c.end != l->end[i] || c.gap != n->gap[i]) {
				pr_err("gap_tree: level %u entry %u holds [%#lx, %#lx) gap %#lx, "
				       "its child "
				       "[%#lx, %#lx) gap %#lx\n",
				       height, i, start[i], l->end[i], n->gap[i], c.start, c.end,
				       c.gap);
				bad++;
			}
		} else if (!l->value[i]) {
			pr_err("gap_tree: [%#lx, %#lx) has no value\n", start[i], l->end[i]);
			bad++;
		}
	}
	if (height == 1)
		*nr += n->nr;
	bad += check_node(node, height == 1, root, &g);
	*s = (struct summary){.start = start[l->first], .end = l->end[past(l) - 1], .gap = g.first};
	return bad;
}

/* Does a search from the root come to the finger's leaf, at both ends of what it is said to stand for? */
static int check_finger(const struct gap_tree *t)
{
	const unsigned long at[] = {t->low, t->high - 1};

	if (t->low >= t->high)
		return 0;
	for (unsigned int k = 0; k < 2; k++) {
		const void *node = t->root;

		for (unsigned int level = 0; level + 1 < t->height; level++) {
			const struct gap_inner *n = node;
			unsigned int i = inner_above(n, at[k]);

			i = min(i, n->nr - 1);
			if (t->way[level] != node || t->idx[level] != i)
				goto bad;
			node = n->child[i];
		}
		if (!node || t->way[t->height - 1] != node || t->at >= LEAF_MAX)
			goto bad;
	}
	return 0;
bad:
	pr_err("gap_tree: the finger is not where [%#lx, %#lx) lies\n", t->low, t->high);
	return 1;
}

int gap_tree_check(const struct gap_tree *t)
{
	unsigned long nr = 0, spare = 0;
	struct summary s;
	int bad = 0;

	if (t->height)
		bad = check_below(t->root, t->height, &s, &nr, true) + check_finger(t);
	for (void **p = t->spare; p; p = *p)
		spare++;
	if (!bad && (nr != t->nr || spare != t->nr_spare)) {
		pr_err("gap_tree: %lu ranges and %lu spare nodes, counted %lu and %u\n", nr, spare,
		       t->nr, t->nr_spare);
		bad++;
	}
	return bad;
}
