// SPDX-License-Identifier: MIT
/*
 * Ranges of addresses and the gaps between them, in a B+ tree whose nodes are eight cache lines.
 *
 * A leaf holds ranges in order; a node above it holds for each child what lies in it: where its first range starts, where its
 * last one ends, and the largest gap between two of its ranges. The gaps between two children follow from the node itself, so
 * a change of one range is told to its ancestors only, and to those only as far as it changes what they hold.
 *
 * Changes come in clusters. So the tree keeps its finger where it was changed last, the way to that leaf and the addresses that lead
 * there, and mostly nothing goes down from the root again. For the same reason a node knows how large its second largest gap is at most
 * (rest): when the largest one, from which mappings are mostly taken, becomes a little smaller, the others need not be looked at.
 *
 * Entries stand together somewhere in their node, from slot `first` on (of an inner node: 0), so that the shorter side makes room. Mappings
 * go downwards, heaps and stacks grow elsewhere: what comes is mostly near one end of its leaf.
 *
 * Invariants: every node has an entry at least, an inner root two; all leaves are `height` levels down; in a node
 * end[i] <= start[i + 1]; in slots before the entries end is 0, in those behind them it is ULONG_MAX, and there is no value or child, so
 * that a search looks at all slots, whatever is in them; no gap of a node but one, its largest, is larger than rest (of the root: nothing
 * is known); with low <= addr < high the
 * finger is at the leaf of the first range that ends above addr.
 *
 * Locking: the user's. Readers without it come in by gap_tree_find_seq, which believes nothing before it has looked at the sequence
 * count again, above all no pointer; so nodes may change and even be freed meanwhile. They know neither nr nor finger nor rest.
 *
 * Against Linux's maple tree: nodes twice as large, no copying of nodes for readers, the way kept from one call to the next, and the
 * largest gap excludes the one before the first range, which would change with the neighbour.
 */
#include <quire/printk.h>

#include "gap_tree_node.h"

/* ------------------------------------------------------------------ nodes */

void gap_tree_init(struct gap_tree *t, void *(*alloc)(void), void (*release)(void *node))
{
	*t = (struct gap_tree){.alloc = alloc, .release = release};
}

int gap_tree_reserve_more(struct gap_tree *t, unsigned int want)
{
	while (t->nr_spare < want) {
		void **node = t->alloc();

		if (!node)
			return -ENOMEM;
		*node = t->spare;
		t->spare = node;
		t->nr_spare++;
	}
	return 0;
}

static void *take_node(struct gap_tree *t)
{
	void **node = t->spare;

	BUG_ON(!node);
	t->spare = *node;
	t->nr_spare--;
	return node;
}

static void clear_slots(struct gap_leaf *l, unsigned int from, unsigned int to, unsigned long end)
{
	for (; from < to; from++) {
		SET(l->end[from], end);
		SET(l->value[from], NULL);
	}
}

static void inner_end_at(struct gap_inner *n, unsigned int nr, unsigned int old)
{
	n->nr = nr;
	for (; nr < old; nr++) {
		SET(n->end[nr], ULONG_MAX);
		SET(n->child[nr], NULL);
	}
}

/* An empty one whose entries will begin at `first`. */
static struct gap_leaf *new_leaf(struct gap_tree *t, unsigned int first)
{
	struct gap_leaf *l = take_node(t);

	l->nr = 0;
	l->first = first;
	l->rest = 0;
	clear_slots(l, 0, first, 0);
	clear_slots(l, first, LEAF_MAX, ULONG_MAX);
	return l;
}

static struct gap_inner *new_inner(struct gap_tree *t)
{
	struct gap_inner *n = take_node(t);

	inner_end_at(n, 0, INNER_MAX);
	n->first = 0;
	n->rest = 0;
	return n;
}

/* rest is what it should be then. */
static struct summary summarise(void *node, bool leaf)
{
	struct gap_leaf *l = node;
	struct gap_inner *n = node;
	struct two_gaps g = {0, 0};
	unsigned int i, first = l->first, last = past(l) - 1;
	const unsigned long *start = leaf ? l->start : n->start;

	for (i = first; i < last; i++)
		add_gap(&g, start[i + 1] - l->end[i]);
	if (!leaf)
		for (i = 0; i <= last; i++)
			add_gap(&g, n->gap[i]);
	l->rest = g.second;
	return (struct summary){.start = start[first], .end = l->end[last], .gap = g.first};
}

static void set_summary(struct gap_inner *n, unsigned int i, struct summary s)
{
	SET(n->start[i], s.start);
	SET(n->end[i], s.end);
	SET(n->gap[i], s.gap);
}

/* ------------------------------------------------------------------ ways */

static void lift_finger(struct gap_tree *t)
{
	t->low = t->high = 0;
}

/* Put the finger at the leaf of the first range that ends above addr, or at the last leaf. */
static noinline void descend(struct gap_tree *t, unsigned long addr)
{
	unsigned long low = 0, high = ULONG_MAX;
	unsigned int level, i;
	void *node = t->root;

	for (level = 0; level + 1 < t->height; level++) {
		struct gap_inner *n = node;

		i = inner_above(n, addr);
		if (i >= n->nr)
			i = n->nr - 1;
		else
			high = n->end[i];
		if (i)
			low = n->end[i - 1];
		t->way[level] = n;
		t->idx[level] = (u8)i;
		node = n->child[i];
	}
	t->way[level] = node;
	t->low = low;
	t->high = high;
}

/* The finger goes to the leaf of addr. The tree is not empty. */
static __always_inline struct gap_leaf *seek(struct gap_tree *t, unsigned long addr,
					     unsigned int *i)
{
	struct gap_leaf *l;

	if (unlikely(!at_finger(t, addr)))
		descend(t, addr);
	l = t->way[t->height - 1];
	*i = entry_in(t, l, addr);
	if (*i < LEAF_MAX)
		t->at = *i;
	return l;
}

/* The same, of the range that holds addr; NULL: there is none. */
static __always_inline struct gap_leaf *seek_holder(struct gap_tree *t, unsigned long addr,
						    unsigned int *i)
{
	struct gap_leaf *l;

	if (!t->height)
		return NULL;
	l = seek(t, addr, i);
	return *i < past(l) && l->start[*i] <= addr ? l : NULL;
}

void *gap_tree_seek(struct gap_tree *t, unsigned long addr)
{
	unsigned int i;
	const struct gap_leaf *l;

	if (!t->height)
		return NULL;
	l = seek(t, addr, &i);
	return i < past(l) ? l->value[i] : NULL;
}

/* ------------------------------------------------------------------ what ancestors are told */

/* Some of a node's gaps, before a change and after it: the largest of those that went, the two largest that came. */
struct change {
	unsigned long was;
	struct two_gaps now;
};

/* The largest gap of the node, which was `largest`, after the change. */
static unsigned long settle(void *node, bool leaf, unsigned long largest, const struct change *c)
{
	struct gap_leaf *l = node;
	unsigned long now = c->now.first;

	l->rest = max(l->rest, c->now.second);
	if (c->was < largest) {
		/* The largest one stays, but is perhaps the second then. */
		l->rest = max(l->rest, min(largest, now));
		return max(largest, now);
	}
	return now < l->rest && now < largest ? summarise(node, leaf).gap : now;
}

/* The finger's leaf has changed, and its ancestors hear of it as far as it concerns them. */
static void tell_above(struct gap_tree *t, struct change c)
{
	unsigned int level = t->height - 1;
	const struct gap_leaf *l = t->way[level];
	unsigned long start = l->start[l->first], end = l->end[past(l) - 1], gap;
	void *node = t->way[level];
	bool leaf = true;

	while (level--) {
		struct gap_inner *n = t->way[level];
		unsigned int i = t->idx[level];
		unsigned long old_start = n->start[i], old_end = n->end[i], old_gap = n->gap[i];

		gap = settle(node, leaf, old_gap, &c);
		if (gap == old_gap && start == old_start && end == old_end)
			return;
		c = (struct change){.was = old_gap, .now = {gap, 0}};
		if (start != old_start) {
			SET(n->start[i], start);
			if (i) {
				c.was = max(c.was, old_start - n->end[i - 1]);
				add_gap(&c.now, start - n->end[i - 1]);
			}
		}
		if (end != old_end) {
			SET(n->end[i], end);
			if (i + 1 < n->nr) {
				c.was = max(c.was, n->start[i + 1] - old_end);
				add_gap(&c.now, n->start[i + 1] - end);
			}
		}
		SET(n->gap[i], gap);
		start = n->start[0];
		end = n->end[n->nr - 1];
		node = n;
		leaf = false;
	}
}

/* The same where nodes have come or gone below `level` of the way, whose node's entries are right by now. */
static void summarise_up(struct gap_tree *t, unsigned int level)
{
	while (level--)
		set_summary(t->way[level], t->idx[level],
			    summarise(t->way[level + 1], level + 2 == t->height));
}

/* ------------------------------------------------------------------ adding */

static __always_inline void leaf_put(struct gap_leaf *l, unsigned int i, unsigned long start,
				     unsigned long end, void *value)
{
	SET(l->end[i], end);
	SET(l->start[i], start);
	SET(l->value[i], value);
}

static __always_inline void leaf_copy(struct gap_leaf *to, unsigned int i,
				      const struct gap_leaf *from, unsigned int k)
{
	leaf_put(to, i, from->start[k], from->end[k], from->value[k]);
}

/* The entries stand at the end of the leaf's slots, or at the beginning. */
static void leaf_to_end(struct gap_leaf *l)
{
	unsigned int first = LEAF_MAX - l->nr;

	for (unsigned int k = l->nr; k--;)
		leaf_copy(l, first + k, l, l->first + k);
	l->first = first;
	clear_slots(l, 0, first, 0);
}

static void leaf_to_begin(struct gap_leaf *l)
{
	for (unsigned int k = 0; k < l->nr; k++)
		leaf_copy(l, k, l, l->first + k);
	l->first = 0;
	clear_slots(l, l->nr, LEAF_MAX, ULONG_MAX);
}

/* A new entry before what is in slot i. Returns its slot. The leaf is not full. */
static unsigned int leaf_open(struct gap_leaf *l, unsigned int i, unsigned long start,
			      unsigned long end, void *value)
{
	unsigned int first = l->first, stop = past(l);

	/* At the edge, where more of the kind will come: once to the other one. */
	if (unlikely(i == stop && stop == LEAF_MAX)) {
		leaf_to_begin(l);
		first = 0;
		i = stop = l->nr;
	} else if (unlikely(!i && !first)) {
		leaf_to_end(l);
		first = i = l->first;
		stop = LEAF_MAX;
	}
	if (first && (i - first < stop - i || stop == LEAF_MAX)) {
		i--;
		for (unsigned int k = first - 1; k < i; k++)
			leaf_copy(l, k, l, k + 1);
		l->first = first - 1;
	} else {
		for (unsigned int k = stop; k > i; k--)
			leaf_copy(l, k, l, k - 1);
	}
	leaf_put(l, i, start, end, value);
	l->nr++;
	return i;
}

static void inner_open(struct gap_inner *n, unsigned int i, void *child, struct summary s)
{
	for (unsigned int k = n->nr; k > i; k--) {
		SET(n->end[k], n->end[k - 1]);
		SET(n->start[k], n->start[k - 1]);
		SET(n->gap[k], n->gap[k - 1]);
		SET(n->child[k], n->child[k - 1]);
	}
	set_summary(n, i, s);
	SET(n->child[i], child);
	n->nr++;
}

/* What is in slot `from` of a and behind it goes behind what b has, where there is room. */
static void leaf_move(struct gap_leaf *b, struct gap_leaf *a, unsigned int from)
{
	unsigned int stop = past(a);

	for (unsigned int k = from, to = past(b); k < stop; k++, to++)
		leaf_copy(b, to, a, k);
	b->nr += stop - from;
	a->nr -= stop - from;
	clear_slots(a, from, stop, ULONG_MAX);
}

static void inner_move(struct gap_inner *b, struct gap_inner *a, unsigned int from)
{
	unsigned int n = a->nr, to = b->nr;

	for (unsigned int k = from; k < n; k++, to++) {
		SET(b->end[to], a->end[k]);
		SET(b->start[to], a->start[k]);
		SET(b->gap[to], a->gap[k]);
		SET(b->child[to], a->child[k]);
	}
	b->nr = to;
	inner_end_at(a, from, n);
}

/*
 * Where a full node of `max` entries is cut for a new entry at i. Near its ends just there, so that most stay together: ranges mostly come
 * in ascending or descending order, if not quite at the end, and nodes that are cut in the middle would stay half empty.
 */
static unsigned int cut_at(unsigned int i, unsigned int max)
{
	return i <= max / 4 || i >= max - max / 4 ? i : max / 2;
}

static void new_root(struct gap_tree *t, void *left, void *right, bool leaves)
{
	struct gap_inner *root = new_inner(t);

	BUG_ON(t->height == GAP_TREE_MAX_HEIGHT);
	inner_open(root, 0, left, summarise(left, leaves));
	inner_open(root, 1, right, summarise(right, leaves));
	SET(t->root, (void *)root);
	SET(t->height, t->height + 1);
}

/* Which of the two halves of a node that was cut takes an entry that came at i: the left one, of `cut` entries? Neither stays empty. */
static bool goes_left(unsigned int i, unsigned int cut, unsigned int max)
{
	return i < cut || (i == cut && cut <= max / 2);
}

/* The node at `level` of the way has got a new neighbour on its right. */
static void add_child(struct gap_tree *t, unsigned int level, void *right)
{
	bool leaf = level + 1 == t->height;

	while (level--) {
		struct gap_inner *n = t->way[level], *b;
		unsigned int i = t->idx[level] + 1U, cut;
		struct summary s = summarise(right, leaf);

		set_summary(n, i - 1, summarise(t->way[level + 1], leaf));
		if (n->nr < INNER_MAX) {
			inner_open(n, i, right, s);
			summarise_up(t, level);
			return;
		}
		b = new_inner(t);
		cut = cut_at(i, INNER_MAX);
		inner_move(b, n, cut);
		if (goes_left(i, cut, INNER_MAX))
			inner_open(n, i, right, s);
		else
			inner_open(b, i - cut, right, s);
		right = b;
		leaf = false;
	}
	new_root(t, t->way[0], right, leaf);
}

/* A range comes at i of the finger's leaf, which is full. */
static noinline void insert_by_split(struct gap_tree *t, struct gap_leaf *l, unsigned int i,
				     unsigned long start, unsigned long end, void *value)
{
	struct gap_leaf *b = new_leaf(t, 0);
	unsigned int cut = cut_at(i, LEAF_MAX);

	/* It was full, so slots are numbers of entries. */
	leaf_move(b, l, cut);
	if (goes_left(i, cut, LEAF_MAX)) {
		/* Who comes near the beginning comes downwards. */
		if (i == cut) {
			leaf_to_end(l);
			i = LEAF_MAX;
		}
		leaf_open(l, i, start, end, value);
	} else {
		leaf_open(b, i - cut, start, end, value);
	}
	add_child(t, t->height - 1, b);
	lift_finger(t);
}

static noinline void insert_first(struct gap_tree *t, unsigned long start, unsigned long end,
				  void *value)
{
	struct gap_leaf *l = new_leaf(t, LEAF_MAX / 2);

	leaf_open(l, LEAF_MAX / 2, start, end, value);
	SET(t->root, (void *)l);
	SET(t->height, 1);
	lift_finger(t);
}

void gap_tree_insert(struct gap_tree *t, unsigned long start, unsigned long end, void *value)
{
	struct change c = {0};
	struct gap_leaf *l;
	unsigned int i;

	BUG_ON(start >= end || !value);
	t->nr++;
	if (unlikely(!t->height)) {
		insert_first(t, start, end, value);
		return;
	}
	l = seek(t, start, &i);
	BUG_ON(i < past(l) && l->start[i] < end);
	if (unlikely(l->nr == LEAF_MAX)) {
		insert_by_split(t, l, i, start, end, value);
		return;
	}
	i = leaf_open(l, i, start, end, value);
	t->at = i;
	if (t->height == 1)
		return;
	if (i > l->first)
		add_gap(&c.now, start - l->end[i - 1]);
	if (i + 1 < past(l))
		add_gap(&c.now, l->start[i + 1] - end);
	if (i > l->first && i + 1 < past(l))
		c.was = l->start[i + 1] - l->end[i - 1];
	tell_above(t, c);
}

bool gap_tree_split(struct gap_tree *t, unsigned long addr, void *value)
{
	unsigned int i;
	struct gap_leaf *l = seek_holder(t, addr, &i);
	unsigned long end;

	BUG_ON(!value);
	if (!l || l->start[i] == addr)
		return false;
	end = l->end[i];
	t->nr++;
	SET(l->end[i], addr);
	if (unlikely(l->nr == LEAF_MAX)) {
		insert_by_split(t, l, i + 1, addr, end, value);
		return true;
	}
	/* Nothing that ancestors know has changed. */
	t->at = leaf_open(l, i + 1, addr, end, value);
	return true;
}

/* ------------------------------------------------------------------ removing */

/* Returns the slot of what follows. */
static unsigned int leaf_close(struct gap_leaf *l, unsigned int i)
{
	unsigned int first = l->first, last = past(l) - 1;

	l->nr--;
	if (i - first < last - i) {
		for (unsigned int k = i; k > first; k--)
			leaf_copy(l, k, l, k - 1);
		l->first = first + 1;
		clear_slots(l, first, first + 1, 0);
		return i + 1;
	}
	for (unsigned int k = i; k < last; k++)
		leaf_copy(l, k, l, k + 1);
	clear_slots(l, last, last + 1, ULONG_MAX);
	return i;
}

static void inner_close(struct gap_inner *n, unsigned int i)
{
	unsigned int nr = n->nr;

	for (unsigned int k = i; k + 1 < nr; k++) {
		SET(n->end[k], n->end[k + 1]);
		SET(n->start[k], n->start[k + 1]);
		SET(n->gap[k], n->gap[k + 1]);
		SET(n->child[k], n->child[k + 1]);
	}
	SET(n->end[nr - 1], ULONG_MAX);
	SET(n->child[nr - 1], NULL);
	n->nr = nr - 1;
}

/*
 * The child at i + 1 of n goes into the one at i when both fill no more than three quarters of one: then neither adding nor
 * removing follows at once. Returns whether.
 */
static bool merge_children(struct gap_tree *t, struct gap_inner *n, unsigned int i, bool leaf)
{
	struct gap_inner *a = n->child[i], *b = n->child[i + 1];

	if (a->nr + b->nr > (leaf ? LEAF_MAX : INNER_MAX) * 3 / 4)
		return false;
	if (leaf) {
		leaf_to_begin((struct gap_leaf *)a);
		leaf_move((struct gap_leaf *)a, (struct gap_leaf *)b, b->first);
	} else {
		inner_move(a, b, 0);
	}
	inner_close(n, i + 1);
	set_summary(n, i, summarise(a, leaf));
	t->release(b);
	return true;
}

/* The finger's leaf is empty, or small, and a neighbour too. */
static bool should_shrink(const struct gap_tree *t, const struct gap_leaf *l)
{
	const unsigned int most = LEAF_MAX * 3 / 4 - l->nr;
	const struct gap_inner *n;
	unsigned int i;

	if (!l->nr || t->height == 1)
		return !l->nr;
	n = t->way[t->height - 2];
	i = t->idx[t->height - 2];
	return (i + 1 < n->nr && ((const struct gap_leaf *)n->child[i + 1])->nr <= most) ||
	       (i && ((const struct gap_leaf *)n->child[i - 1])->nr <= most);
}

/* The finger's leaf has lost an entry. */
static noinline void shrink(struct gap_tree *t)
{
	unsigned int level = t->height - 1;
	struct gap_inner *root;
	bool leaf = true;

	for (; level; level--, leaf = false) {
		struct gap_inner *node = t->way[level], *n = t->way[level - 1];
		unsigned int i = t->idx[level - 1];

		if (!node->nr) {
			inner_close(n, i);
			t->release(node);
			continue;
		}
		set_summary(n, i, summarise(node, leaf));
		if (node->nr > (leaf ? LEAF_MAX : INNER_MAX) / 4 ||
		    (!(i + 1 < n->nr && merge_children(t, n, i, leaf)) &&
		     !(i && merge_children(t, n, i - 1, leaf)))) {
			summarise_up(t, level - 1);
			break;
		}
	}
	lift_finger(t);
	root = t->root;
	if (!root->nr) {
		SET(t->root, NULL);
		SET(t->height, 0);
		t->release(root);
		return;
	}
	while (t->height > 1 && root->nr == 1) {
		SET(t->root, root->child[0]);
		SET(t->height, t->height - 1);
		t->release(root);
		root = t->root;
	}
}

/* The last range of the finger's leaf ends elsewhere, and so do the addresses that lead there. */
static void last_end_moved(struct gap_tree *t, const struct gap_leaf *l)
{
	if (t->high != ULONG_MAX)
		t->high = l->end[past(l) - 1];
}

void *gap_tree_erase(struct gap_tree *t, unsigned long addr)
{
	unsigned int i;
	struct gap_leaf *l = seek_holder(t, addr, &i);
	struct change c = {0};
	unsigned long start, end;
	void *value;

	if (!l)
		return NULL;
	value = l->value[i];
	start = l->start[i];
	end = l->end[i];
	t->nr--;
	i = leaf_close(l, i);
	t->at = min(i, LEAF_MAX - 1);
	if (unlikely(l->nr <= LEAF_MAX / 4) && should_shrink(t, l)) {
		shrink(t);
		return value;
	}
	if (t->height == 1)
		return value;
	if (i > l->first)
		c.was = start - l->end[i - 1];
	if (i < past(l)) {
		c.was = max(c.was, l->start[i] - end);
		if (i > l->first)
			c.now.first = l->start[i] - l->end[i - 1];
	} else {
		last_end_moved(t, l);
	}
	tell_above(t, c);
	return value;
}

bool gap_tree_resize(struct gap_tree *t, unsigned long addr, unsigned long start, unsigned long end)
{
	unsigned int i;
	struct gap_leaf *l = seek_holder(t, addr, &i);
	struct change c = {0};

	if (!l)
		return false;
	BUG_ON(start >= end || (i > l->first && l->end[i - 1] > start) ||
	       (i + 1 < past(l) && l->start[i + 1] < end));
	if (i > l->first) {
		c.was = l->start[i] - l->end[i - 1];
		add_gap(&c.now, start - l->end[i - 1]);
	}
	if (i + 1 < past(l)) {
		c.was = max(c.was, l->start[i + 1] - l->end[i]);
		add_gap(&c.now, l->start[i + 1] - end);
	}
	SET(l->start[i], start);
	SET(l->end[i], end);
	if (i + 1 == past(l))
		last_end_moved(t, l);
	if (t->height > 1)
		tell_above(t, c);
	return true;
}

void *gap_tree_replace(struct gap_tree *t, unsigned long addr, void *value)
{
	unsigned int i;
	struct gap_leaf *l = seek_holder(t, addr, &i);
	void *old;

	BUG_ON(!value);
	if (!l)
		return NULL;
	old = l->value[i];
	SET(l->value[i], value);
	return old;
}

static void release_below(struct gap_tree *t, void *node, unsigned int height)
{
	struct gap_inner *n = node;

	if (height > 1)
		for (unsigned int i = 0; i < n->nr; i++)
			release_below(t, n->child[i], height - 1);
	t->release(node);
}

void gap_tree_destroy(struct gap_tree *t)
{
	if (t->height)
		release_below(t, t->root, t->height);
	while (t->nr_spare)
		t->release(take_node(t));
	gap_tree_init(t, t->alloc, t->release);
}
