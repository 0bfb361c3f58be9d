// SPDX-License-Identifier: MIT
/*
 * Address space: which ranges of [start, end) are taken.
 *
 * Owns a treap of busy ranges by address, each with the gap before it and the largest gap of its subtree. One node a range and
 * none for what is free, so that freeing needs no memory and merging is nothing to do. The last gap, which is nearly all of
 * the space, is the tail's, and the tail is not in the tree: while no gap between ranges will do, the root says so
 * at once, and a range put behind the others changes nobody's max_gap.
 *
 * Invariants: nodes and the two ends are also a list in order; gap = start - prev->end; max_gap = the maximum over the
 * subtree; a parent's priority is not below its children's. Expected O(log n) each, save for alignments above a page in a
 * space that has only gaps which alignment may spoil. Locking: the caller's.
 *
 * Against Linux: there free ranges have nodes in a red-black tree of their own, and busy ones in others.
 */
#include <quire/printk.h>
#include <quire/vmalloc.h>

static unsigned long max_gap_of(const struct va_node *n)
{
	unsigned long m = n->gap;

	if (n->left && n->left->max_gap > m)
		m = n->left->max_gap;
	if (n->right && n->right->max_gap > m)
		m = n->right->max_gap;
	return m;
}

static void update_up(struct va_node *n)
{
	for (; n; n = n->parent) {
		unsigned long m = max_gap_of(n);

		if (m == n->max_gap)
			break;
		n->max_gap = m;
	}
}

static void replace_child(struct va_space *s, struct va_node *parent, struct va_node *old,
			  struct va_node *n)
{
	if (!parent)
		s->root = n;
	else if (parent->left == old)
		parent->left = n;
	else
		parent->right = n;
	if (n)
		n->parent = parent;
}

/* n takes its parent's place. */
static void rotate_up(struct va_space *s, struct va_node *n)
{
	struct va_node *p = n->parent, *child;

	replace_child(s, p->parent, p, n);
	if (p->left == n) {
		child = n->right;
		n->right = p;
		p->left = child;
	} else {
		child = n->left;
		n->left = p;
		p->right = child;
	}
	p->parent = n;
	if (child)
		child->parent = p;
	n->max_gap = p->max_gap;
	p->max_gap = max_gap_of(p);
}

void va_space_init(struct va_space *s, unsigned long start, unsigned long end)
{
	*s = (struct va_space){.seed = 2463534242U};
	s->head.start = s->head.end = start;
	s->head.next = &s->tail;
	s->tail.start = s->tail.end = end;
	s->tail.prev = &s->head;
	s->tail.gap = end - start;
}

static void insert_before(struct va_space *s, struct va_node *n, struct va_node *next)
{
	struct va_node *prev = next->prev;

	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 17;
	s->seed ^= s->seed << 5;
	n->priority = s->seed;
	n->left = n->right = NULL;
	n->lazy = false;
	n->prev = prev;
	n->next = next;
	prev->next = next->prev = n;
	n->gap = n->max_gap = n->start - prev->end;
	next->gap = next->start - n->end;
	/* In order, its place is empty on one side or the other. The ends are not in the tree. */
	if (next != &s->tail && !next->left) {
		next->left = n;
		n->parent = next;
	} else if (prev != &s->head) {
		prev->right = n;
		n->parent = prev;
	} else {
		s->root = n;
		n->parent = NULL;
	}
	update_up(n->parent);
	if (next != &s->tail)
		update_up(next);
	while (n->parent && n->parent->priority < n->priority)
		rotate_up(s, n);
	s->nr++;
}

void va_free(struct va_space *s, struct va_node *n)
{
	struct va_node *parent;

	while (n->left || n->right) {
		struct va_node *up = n->left;

		if (!up || (n->right && n->right->priority > up->priority))
			up = n->right;
		rotate_up(s, up);
	}
	parent = n->parent;
	replace_child(s, parent, n, NULL);
	update_up(parent);
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next->gap = n->next->start - n->prev->end;
	if (n->next != &s->tail)
		update_up(n->next);
	s->nr--;
}

/* Where in the gap before n: the lowest address, or 0. */
static unsigned long fit(const struct va_node *n, unsigned long size, unsigned long align,
			 unsigned long lo, unsigned long hi)
{
	unsigned long from = max(n->prev->end, lo), to = min(n->start, hi), at = ALIGN(from, align);

	return at >= from && at < to && to - at >= size ? at : 0;
}

static struct va_node *search(struct va_node *n, unsigned long size, unsigned long align,
			      unsigned long lo, unsigned long hi, unsigned long want)
{
	struct va_node *found;

	/* The gap before n and all to its left end at or below n->start. */
	while (n && n->max_gap >= want) {
		if (n->start > lo) {
			found = search(n->left, size, align, lo, hi, want);
			if (found)
				return found;
			if (n->gap >= size && fit(n, size, align, lo, hi))
				return n;
		}
		if (n->end >= hi)
			break;
		n = n->right;
	}
	return NULL;
}

int va_alloc(struct va_space *s, struct va_node *n, unsigned long size, unsigned long align,
	     unsigned long lo, unsigned long hi)
{
	unsigned long want = size + align - PAGE_SIZE;
	struct va_node *next = NULL;

	if (!size || want < size)
		return -ENOMEM;
	/* Gaps that are large enough wherever they begin, then those that may be by luck. */
	if (s->root && s->root->max_gap >= want)
		next = search(s->root, size, align, lo, hi, want);
	if (!next && align > PAGE_SIZE && s->root && s->root->max_gap >= size &&
	    !fit(&s->tail, size, align, lo, hi))
		next = search(s->root, size, align, lo, hi, size);
	if (!next)
		next = &s->tail;
	n->start = fit(next, size, align, lo, hi);
	if (!n->start)
		return -ENOMEM;
	n->end = n->start + size;
	insert_before(s, n, next);
	return 0;
}

struct va_node *va_find(struct va_space *s, unsigned long addr)
{
	struct va_node *n = s->root, *best = &s->tail;

	while (n) {
		if (addr < n->end) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

int va_claim(struct va_space *s, struct va_node *n, unsigned long start, unsigned long end)
{
	struct va_node *next = va_find(s, start);

	if (start >= end || start < s->head.end || end > next->start)
		return -EBUSY;
	n->start = start;
	n->end = end;
	insert_before(s, n, next);
	return 0;
}

static unsigned long check_tree(const struct va_node *n, int *bad)
{
	unsigned long count = 1;

	if (n->left) {
		*bad += n->left->parent != n || n->left->priority > n->priority ||
			n->left->end > n->start;
		count += check_tree(n->left, bad);
	}
	if (n->right) {
		*bad += n->right->parent != n || n->right->priority > n->priority ||
			n->right->start < n->end;
		count += check_tree(n->right, bad);
	}
	*bad += n->max_gap != max_gap_of(n);
	return count;
}

int va_check(struct va_space *s)
{
	unsigned long listed = 0;
	int bad = 0;

	for (struct va_node *n = s->head.next; n; n = n->next) {
		bad += n->prev->next != n || n->start < n->prev->end ||
		       n->gap != n->start - n->prev->end || va_find(s, n->start) != n;
		listed++;
	}
	bad += listed != s->nr + 1;
	if (s->root)
		bad += s->root->parent != NULL || check_tree(s->root, &bad) != s->nr;
	else
		bad += s->nr != 0;
	if (bad)
		pr_err("address space: %d violations in %lu ranges\n", bad, s->nr);
	return bad;
}
