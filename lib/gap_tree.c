// SPDX-License-Identifier: MIT
/*
 * Ranges of addresses and the gaps between them, in a B+ tree whose nodes are eight cache lines.
 *
 * A leaf holds ranges in order; a node above it holds for each child what lies in it: where its first range starts, where its
 * last one ends, and the largest gap between two of its ranges. The gaps between two children follow from the node itself, so
 * a change of one range is told to its ancestors only, and to those only as far as it changes what they hold.
 *
 * Invariants: every node has an entry at least, an inner root two; all leaves are `height` levels down; in a node
 * end[i] <= start[i + 1].
 *
 * Locking: the user's. Readers without it come in by gap_tree_find_seq, which believes nothing before it has looked at the sequence
 * count again, above all no pointer; so nodes may change and even be freed meanwhile.
 *
 * Against Linux's maple tree: nodes twice as large, no copying of nodes for readers, and the largest gap excludes the one before the
 * first range, which would change with the neighbour.
 */
#include <quire/gap_tree.h>
#include <quire/printk.h>
#include <quire/string.h>

#define LEAF_MAX 21U
#define INNER_MAX 15U

/* Both kinds begin alike. */
struct gap_leaf {
	unsigned long nr;
	unsigned long end[LEAF_MAX], start[LEAF_MAX];
	void *value[LEAF_MAX];
};

struct gap_inner {
	unsigned long nr;
	unsigned long end[INNER_MAX], start[INNER_MAX], gap[INNER_MAX];
	void *child[INNER_MAX];
};

BUILD_BUG_ON(sizeof(struct gap_leaf) > GAP_NODE_SIZE);
BUILD_BUG_ON(sizeof(struct gap_inner) > GAP_NODE_SIZE);
BUILD_BUG_ON(offsetof(struct gap_leaf, end) != offsetof(struct gap_inner, end));

/* A way from the root to an entry: entry idx[l] of node[l]; level 0 is the root, height - 1 the leaf. */
struct path {
	void *node[GAP_TREE_MAX_HEIGHT];
	unsigned int idx[GAP_TREE_MAX_HEIGHT];
};

struct summary {
	unsigned long start, end, gap;
};

/* Readers without the lock look on: every word is stored as a whole. */
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define GET(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

static void move_words(void *to, const void *from, unsigned long n)
{
	unsigned long *d = to;
	const unsigned long *s = from;

	if (d <= s) {
		for (unsigned long i = 0; i < n; i++)
			SET(d[i], s[i]);
	} else {
		while (n--)
			SET(d[n], s[n]);
	}
}

/* ------------------------------------------------------------------ nodes */

void gap_tree_init(struct gap_tree *t, void *(*alloc)(void), void (*release)(void *node))
{
	*t = (struct gap_tree){.alloc = alloc, .release = release};
}

int gap_tree_reserve(struct gap_tree *t, unsigned int inserts)
{
	/* Each may split a node on every level and make a new root; and each new root is one level more for those after it. */
	unsigned int want = inserts * (t->height + 1) + inserts * (inserts - 1) / 2;

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

/* The first entry that ends above addr; nr when there is none. */
static inline unsigned int first_above(const unsigned long *end, unsigned int nr,
				       unsigned long addr)
{
	unsigned int base = 0;

	while (nr > 1) {
		unsigned int half = nr / 2;

		if (GET(end[base + half - 1]) <= addr)
			base += half;
		nr -= half;
	}
	return base + (nr && GET(end[base]) <= addr);
}

static struct summary summarise(const void *node, bool leaf)
{
	const struct gap_leaf *l = node;
	const struct gap_inner *n = node;
	struct summary s = {.gap = 0};
	unsigned int i, nr = (unsigned int)l->nr;
	const unsigned long *start = leaf ? l->start : n->start;

	s.start = start[0];
	s.end = l->end[nr - 1];
	for (i = 0; i + 1 < nr; i++)
		if (start[i + 1] - l->end[i] > s.gap)
			s.gap = start[i + 1] - l->end[i];
	if (!leaf)
		for (i = 0; i < nr; i++)
			if (n->gap[i] > s.gap)
				s.gap = n->gap[i];
	return s;
}

/* False: it was so already. */
static bool set_summary(struct gap_inner *n, unsigned int i, struct summary s)
{
	if (n->start[i] == s.start && n->end[i] == s.end && n->gap[i] == s.gap)
		return false;
	SET(n->start[i], s.start);
	SET(n->end[i], s.end);
	SET(n->gap[i], s.gap);
	return true;
}

/* The node at `level` of the path has changed: tell those above it. */
static void update_up(struct gap_tree *t, struct path *p, unsigned int level)
{
	while (level--) {
		bool leaf = level + 2 == t->height;

		if (!set_summary(p->node[level], p->idx[level],
				 summarise(p->node[level + 1], leaf)))
			break;
	}
}

/* The way to the first range that ends above addr, or behind the last one: then idx is nr in the leaf. */
static struct gap_leaf *descend(const struct gap_tree *t, unsigned long addr, struct path *p)
{
	unsigned int level, i;
	void *node = t->root;

	for (level = 0; level + 1 < t->height; level++) {
		struct gap_inner *n = node;

		i = first_above(n->end, (unsigned int)n->nr, addr);
		if (i == n->nr)
			i--;
		p->node[level] = n;
		p->idx[level] = i;
		node = n->child[i];
	}
	p->node[level] = node;
	p->idx[level] = first_above(((struct gap_leaf *)node)->end,
				    (unsigned int)((struct gap_leaf *)node)->nr, addr);
	return node;
}

/* The same to the range that holds addr; NULL: there is none. */
static struct gap_leaf *descend_to(const struct gap_tree *t, unsigned long addr, struct path *p)
{
	struct gap_leaf *leaf;
	unsigned int i;

	if (!t->height)
		return NULL;
	leaf = descend(t, addr, p);
	i = p->idx[t->height - 1];
	return i < leaf->nr && leaf->start[i] <= addr ? leaf : NULL;
}

/* ------------------------------------------------------------------ adding */

static void leaf_open(struct gap_leaf *l, unsigned int i, unsigned long start, unsigned long end,
		      void *value)
{
	unsigned int behind = (unsigned int)l->nr - i;

	move_words(&l->end[i + 1], &l->end[i], behind);
	move_words(&l->start[i + 1], &l->start[i], behind);
	move_words(&l->value[i + 1], &l->value[i], behind);
	SET(l->end[i], end);
	SET(l->start[i], start);
	SET(l->value[i], value);
	SET(l->nr, l->nr + 1);
}

static void inner_open(struct gap_inner *n, unsigned int i, void *child, struct summary s)
{
	unsigned int behind = (unsigned int)n->nr - i;

	move_words(&n->end[i + 1], &n->end[i], behind);
	move_words(&n->start[i + 1], &n->start[i], behind);
	move_words(&n->gap[i + 1], &n->gap[i], behind);
	move_words(&n->child[i + 1], &n->child[i], behind);
	SET(n->end[i], s.end);
	SET(n->start[i], s.start);
	SET(n->gap[i], s.gap);
	SET(n->child[i], child);
	SET(n->nr, n->nr + 1);
}

/* Entries [from, nr) of a become the first of b, which is empty. */
static void leaf_move(struct gap_leaf *b, struct gap_leaf *a, unsigned int from)
{
	unsigned int n = (unsigned int)a->nr - from;

	move_words(&b->end[b->nr], &a->end[from], n);
	move_words(&b->start[b->nr], &a->start[from], n);
	move_words(&b->value[b->nr], &a->value[from], n);
	SET(b->nr, b->nr + n);
	SET(a->nr, from);
}

static void inner_move(struct gap_inner *b, struct gap_inner *a, unsigned int from)
{
	unsigned int n = (unsigned int)a->nr - from;

	move_words(&b->end[b->nr], &a->end[from], n);
	move_words(&b->start[b->nr], &a->start[from], n);
	move_words(&b->gap[b->nr], &a->gap[from], n);
	move_words(&b->child[b->nr], &a->child[from], n);
	SET(b->nr, b->nr + n);
	SET(a->nr, from);
}

/*
 * Where a full node of `max` entries is cut for a new entry at i. At its ends all the others stay together, as ranges mostly come in
 * ascending or descending order, and nodes that are cut in the middle would stay half empty.
 */
static unsigned int cut_at(unsigned int i, unsigned int max)
{
	return i == 0 || i == max ? i : max / 2;
}

static void new_root(struct gap_tree *t, void *left, void *right, bool leaves)
{
	struct gap_inner *root = take_node(t);

	BUG_ON(t->height == GAP_TREE_MAX_HEIGHT);
	SET(root->nr, 0);
	inner_open(root, 0, left, summarise(left, leaves));
	inner_open(root, 1, right, summarise(right, leaves));
	SET(t->root, (void *)root);
	SET(t->height, t->height + 1);
}

/* `node`, at `level` of the path, has got a new neighbour on its right. */
static void add_child(struct gap_tree *t, struct path *p, unsigned int level, void *right)
{
	bool leaf = level + 1 == t->height;

	while (level--) {
		struct gap_inner *n = p->node[level], *b;
		unsigned int i = p->idx[level] + 1, cut;
		struct summary s = summarise(right, leaf);

		set_summary(n, i - 1, summarise(p->node[level + 1], leaf));
		if (n->nr < INNER_MAX) {
			inner_open(n, i, right, s);
			update_up(t, p, level);
			return;
		}
		b = take_node(t);
		SET(b->nr, 0);
		cut = cut_at(i, INNER_MAX);
		inner_move(b, n, cut);
		if (i <= cut && cut < INNER_MAX)
			inner_open(n, i, right, s);
		else
			inner_open(b, i - cut, right, s);
		right = b;
		leaf = false;
	}
	new_root(t, p->node[0], right, leaf);
}

void gap_tree_insert(struct gap_tree *t, unsigned long start, unsigned long end, void *value)
{
	struct gap_leaf *l, *b;
	unsigned int i, cut;
	struct path p;

	BUG_ON(start >= end || !value);
	t->nr++;
	if (!t->height) {
		l = take_node(t);
		SET(l->nr, 0);
		leaf_open(l, 0, start, end, value);
		SET(t->root, (void *)l);
		SET(t->height, 1);
		return;
	}
	l = descend(t, start, &p);
	i = p.idx[t->height - 1];
	BUG_ON(i < l->nr && l->start[i] < end);
	if (l->nr < LEAF_MAX) {
		leaf_open(l, i, start, end, value);
		update_up(t, &p, t->height - 1);
		return;
	}
	b = take_node(t);
	SET(b->nr, 0);
	cut = cut_at(i, LEAF_MAX);
	leaf_move(b, l, cut);
	if (i <= cut && cut < LEAF_MAX)
		leaf_open(l, i, start, end, value);
	else
		leaf_open(b, i - cut, start, end, value);
	add_child(t, &p, t->height - 1, b);
}

/* ------------------------------------------------------------------ removing */

static void leaf_close(struct gap_leaf *l, unsigned int i)
{
	unsigned int behind = (unsigned int)l->nr - i - 1;

	move_words(&l->end[i], &l->end[i + 1], behind);
	move_words(&l->start[i], &l->start[i + 1], behind);
	move_words(&l->value[i], &l->value[i + 1], behind);
	SET(l->nr, l->nr - 1);
}

static void inner_close(struct gap_inner *n, unsigned int i)
{
	unsigned int behind = (unsigned int)n->nr - i - 1;

	move_words(&n->end[i], &n->end[i + 1], behind);
	move_words(&n->start[i], &n->start[i + 1], behind);
	move_words(&n->gap[i], &n->gap[i + 1], behind);
	move_words(&n->child[i], &n->child[i + 1], behind);
	SET(n->nr, n->nr - 1);
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
	if (leaf)
		leaf_move((struct gap_leaf *)a, (struct gap_leaf *)b, 0);
	else
		inner_move(a, b, 0);
	inner_close(n, i + 1);
	set_summary(n, i, summarise(a, leaf));
	t->release(b);
	return true;
}

/* The node at `level` of the path has lost an entry. */
static void shrink(struct gap_tree *t, struct path *p, unsigned int level)
{
	bool leaf = level + 1 == t->height;
	struct gap_inner *root;

	for (; level; level--, leaf = false) {
		struct gap_inner *node = p->node[level], *n = p->node[level - 1];
		unsigned int i = p->idx[level - 1];

		if (!node->nr) {
			inner_close(n, i);
			t->release(node);
			continue;
		}
		set_summary(n, i, summarise(node, leaf));
		if (node->nr > (leaf ? LEAF_MAX : INNER_MAX) / 4 ||
		    (!(i + 1 < n->nr && merge_children(t, n, i, leaf)) &&
		     !(i && merge_children(t, n, i - 1, leaf)))) {
			update_up(t, p, level - 1);
			break;
		}
	}
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

void *gap_tree_erase(struct gap_tree *t, unsigned long addr)
{
	struct path p;
	struct gap_leaf *l = descend_to(t, addr, &p);
	unsigned int i;
	void *value;

	if (!l)
		return NULL;
	i = p.idx[t->height - 1];
	value = l->value[i];
	t->nr--;
	leaf_close(l, i);
	shrink(t, &p, t->height - 1);
	return value;
}

bool gap_tree_resize(struct gap_tree *t, unsigned long addr, unsigned long start, unsigned long end)
{
	struct path p;
	struct gap_leaf *l = descend_to(t, addr, &p);
	unsigned int i;

	if (!l)
		return false;
	i = p.idx[t->height - 1];
	BUG_ON(start >= end || (i && l->end[i - 1] > start) ||
	       (i + 1 < l->nr && l->start[i + 1] < end));
	SET(l->start[i], start);
	SET(l->end[i], end);
	update_up(t, &p, t->height - 1);
	return true;
}

void *gap_tree_replace(struct gap_tree *t, unsigned long addr, void *value)
{
	struct path p;
	struct gap_leaf *l = descend_to(t, addr, &p);
	unsigned int i;
	void *old;

	BUG_ON(!value);
	if (!l)
		return NULL;
	i = p.idx[t->height - 1];
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

/* ------------------------------------------------------------------ finding */

void *gap_tree_find(const struct gap_tree *t, unsigned long addr, unsigned long *start,
		    unsigned long *end)
{
	const struct gap_leaf *l = t->root;
	unsigned int h, i;

	if (!t->height)
		return NULL;
	for (h = t->height; h > 1; h--) {
		const struct gap_inner *n = (const struct gap_inner *)l;

		i = first_above(n->end, (unsigned int)n->nr, addr);
		if (i == n->nr)
			return NULL;
		l = n->child[i];
	}
	i = first_above(l->end, (unsigned int)l->nr, addr);
	if (i == l->nr)
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
	return h ? l->value[l->nr - 1] : NULL;
}

/* What was read before this is true when the count has not moved. */
static inline bool unchanged(const u32 *count, u32 seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return likely(__atomic_load_n(count, __ATOMIC_RELAXED) == seq);
}

bool gap_tree_find_seq(const struct gap_tree *t, unsigned long addr, const u32 *count, u32 seq,
		       void **value)
{
	unsigned int h = GET(t->height), i, nr;
	const void *node = GET(t->root);

	if (unlikely(!unchanged(count, seq)))
		return false;
	*value = NULL;
	for (; h > 1; h--) {
		const struct gap_inner *n = node;

		/* In a node that is something else by now, nr may be anything. */
		nr = (unsigned int)min(GET(n->nr), (unsigned long)INNER_MAX);
		i = first_above(n->end, nr, addr);
		if (i == nr)
			return unchanged(count, seq);
		node = GET(n->child[i]);
		if (unlikely(!unchanged(count, seq)))
			return false;
	}
	if (h) {
		const struct gap_leaf *l = node;

		nr = (unsigned int)min(GET(l->nr), (unsigned long)LEAF_MAX);
		i = first_above(l->end, nr, addr);
		if (i < nr)
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
	unsigned int i = first_above(l->end, (unsigned int)n->nr, q->low);
	const unsigned long *start = height > 1 ? n->start : l->start;

	if (i)
		before = l->end[i - 1];
	for (; i < n->nr; i++) {
		if (fits(q, before, start[i]))
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
	unsigned int i = first_above(l->end, (unsigned int)n->nr, q->high);
	const unsigned long *start = height > 1 ? n->start : l->start;

	if (i < n->nr) {
		if (i + 1 < n->nr)
			after = start[i + 1];
		i++;
	}
	while (i--) {
		if (fits(q, l->end[i], after))
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

	return t->height ? l->end[l->nr - 1] : 0;
}

static unsigned long root_start(const struct gap_tree *t)
{
	const struct gap_leaf *l = t->root;
	const struct gap_inner *n = t->root;

	return t->height > 1 ? n->start[0] : t->height ? l->start[0] : ULONG_MAX;
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

/* ------------------------------------------------------------------ check */

static int check_below(const void *node, unsigned int height, struct summary *s, unsigned long *nr,
		       bool root)
{
	const struct gap_inner *n = node;
	const struct gap_leaf *l = node;
	const unsigned long *start = height > 1 ? n->start : l->start;
	unsigned int max = height > 1 ? INNER_MAX : LEAF_MAX;
	int bad = 0;

	if (!n->nr || n->nr > max || (root && height > 1 && n->nr < 2)) {
		pr_err("gap_tree: a node of level %u has %lu entries\n", height, n->nr);
		return 1;
	}
	for (unsigned int i = 0; i < n->nr; i++) {
		if (start[i] >= l->end[i] || (i && l->end[i - 1] > start[i])) {
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
	*s = summarise(node, height == 1);
	return bad;
}

int gap_tree_check(const struct gap_tree *t)
{
	unsigned long nr = 0, spare = 0;
	struct summary s;
	int bad = 0;

	if (t->height)
		bad = check_below(t->root, t->height, &s, &nr, true);
	for (void **p = t->spare; p; p = *p)
		spare++;
	if (!bad && (nr != t->nr || spare != t->nr_spare)) {
		pr_err("gap_tree: %lu ranges and %lu spare nodes, counted %lu and %u\n", nr, spare,
		       t->nr, t->nr_spare);
		bad++;
	}
	return bad;
}
