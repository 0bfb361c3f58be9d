// SPDX-License-Identifier: MIT
/*
 * A search tree by (first, address), in which each node knows the largest `last` below it, so that what ends too early is skipped as a whole.
 *
 * Invariants: left < node <= right in that order; a node's rank, a hash of its address, is not below its children's (a treap): the
 * shape is that of a tree filled in random order, whatever order is real, so its expected height is a small multiple of log2 n.
 *
 * Against Linux 6.12: a red-black tree with the same augmentation there, whose nodes know their parents.
 */
#include <quire/interval_tree.h>
#include <quire/printk.h>

/* Addresses lie regularly; their hashes do not (Fibonacci hashing, folded). */
static u32 rank_of(const struct interval_node *n)
{
	u64 x = (u64)(unsigned long)n * 0x9e3779b97f4a7c15UL;

	return (u32)(x >> 32) ^ (u32)(x >> 13);
}

/* rank_of, then the address: no two are equal. */
static bool outranks(const struct interval_node *a, const struct interval_node *b)
{
	u32 ra = rank_of(a), rb = rank_of(b);

	return ra != rb ? ra > rb : a > b;
}

static bool before(const struct interval_node *a, const struct interval_node *b)
{
	return a->first != b->first ? a->first < b->first : a < b;
}

static void update(struct interval_node *n)
{
	unsigned long max = n->last;

	if (n->left && n->left->max_last > max)
		max = n->left->max_last;
	if (n->right && n->right->max_last > max)
		max = n->right->max_last;
	n->max_last = max;
}

/* What lies before `at` and what does not. */
static void split(struct interval_node *n, const struct interval_node *at,
		  struct interval_node **low, struct interval_node **high)
{
	if (!n) {
		*low = *high = NULL;
		return;
	}
	if (before(n, at)) {
		split(n->right, at, &n->right, high);
		*low = n;
	} else {
		split(n->left, at, low, &n->left);
		*high = n;
	}
	update(n);
}

/* All of low lies before all of high. */
static struct interval_node *join(struct interval_node *low, struct interval_node *high)
{
	if (!low || !high)
		return low ? low : high;
	if (outranks(low, high)) {
		low->right = join(low->right, high);
		update(low);
		return low;
	}
	high->left = join(low, high->left);
	update(high);
	return high;
}

void interval_tree_insert(struct interval_tree *t, struct interval_node *node)
{
	struct interval_node **at = &t->root;

	while (*at && outranks(*at, node)) {
		if ((*at)->max_last < node->last)
			(*at)->max_last = node->last;
		at = before(node, *at) ? &(*at)->left : &(*at)->right;
	}
	split(*at, node, &node->left, &node->right);
	update(node);
	*at = node;
}

static void remove_below(struct interval_node **at, struct interval_node *node)
{
	struct interval_node *n = *at;

	/* Not in this tree. */
	if (WARN_ON(!n))
		return;
	if (n == node) {
		*at = join(n->left, n->right);
		return;
	}
	remove_below(before(node, n) ? &n->left : &n->right, node);
	update(n);
}

void interval_tree_remove(struct interval_tree *t, struct interval_node *node)
{
	remove_below(&t->root, node);
}

/* The first that meets [first, last] and comes after `after` (NULL: any). */
static struct interval_node *search(struct interval_node *n, const struct interval_node *after,
				    unsigned long first, unsigned long last)
{
	while (n && n->max_last >= first) {
		struct interval_node *found;

		if (after && !before(after, n)) {
			n = n->right;
			continue;
		}
		found = search(n->left, after, first, last);
		if (found)
			return found;
		if (n->first > last)
			return NULL;
		if (n->last >= first)
			return n;
		/* All that is on the right comes after `after`, too. */
		after = NULL;
		n = n->right;
	}
	return NULL;
}

struct interval_node *interval_tree_first(const struct interval_tree *t, unsigned long first,
					  unsigned long last)
{
	return search(t->root, NULL, first, last);
}

struct interval_node *interval_tree_next(const struct interval_tree *t,
					 const struct interval_node *node, unsigned long first,
					 unsigned long last)
{
	return search(t->root, node, first, last);
}

static int check_below(const struct interval_node *n, const struct interval_node *low,
		       const struct interval_node *high, unsigned long *nr)
{
	unsigned long max;
	int bad = 0;

	if (!n)
		return 0;
	++*nr;
	max = n->last;
	if (n->left && n->left->max_last > max)
		max = n->left->max_last;
	if (n->right && n->right->max_last > max)
		max = n->right->max_last;
	if (n->first > n->last || n->max_last != max || (low && !before(low, n)) ||
	    (high && !before(n, high)) || (n->left && outranks(n->left, n)) ||
	    (n->right && outranks(n->right, n))) {
		pr_err("interval_tree: [%lu, %lu] max %lu is out of place\n", n->first, n->last,
		       n->max_last);
		bad = 1;
	}
	return bad + check_below(n->left, low, n, nr) + check_below(n->right, n, high, nr);
}

int interval_tree_check(const struct interval_tree *t, unsigned long *nr)
{
	*nr = 0;
	return check_below(t->root, NULL, NULL, nr);
}
