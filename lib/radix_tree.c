// SPDX-License-Identifier: MIT
/*
 * A tree of tables of 64 pointers each, as high as its largest number needs.
 *
 * Invariants: an entry's way is its number's digits of 6 bits, highest first; the tree becomes higher, never lower. Locking: the
 * user's.
 */
#include <quire/radix_tree.h>

static unsigned int shift_of(unsigned int height)
{
	return RADIX_BITS * (height - 1);
}

static bool fits(unsigned int height, unsigned long index)
{
	unsigned int bits = RADIX_BITS * height;

	return bits >= 64 || index >> bits == 0;
}

void *radix_tree_load(const struct radix_tree *t, unsigned long index)
{
	unsigned int h = t->height;
	void *node = t->root;

	if (!fits(h, index))
		return NULL;
	for (; h && node; h--)
		node = ((void **)node)[(index >> shift_of(h)) % RADIX_SLOTS];
	return node;
}

void *const *radix_tree_run(const struct radix_tree *t, unsigned long index, unsigned long *n)
{
	void *const *slot = &t->root;
	unsigned int h = t->height;
	unsigned long run = 1;

	if (!fits(h, index))
		return NULL;
	if (h)
		run = RADIX_SLOTS - index % RADIX_SLOTS;
	if (*n > run)
		*n = run;
	for (; h && *slot; h--)
		slot = (void *const *)*slot + (index >> shift_of(h)) % RADIX_SLOTS;
	return h ? NULL : slot;
}

void **radix_tree_slot(struct radix_tree *t, unsigned long index, void *(*alloc)(void))
{
	void **slot = &t->root;
	unsigned int h;

	while (!fits(t->height, index)) {
		if (t->root) {
			void **node = alloc();

			if (!node)
				return NULL;
			node[0] = t->root;
			t->root = node;
		}
		t->height++;
	}
	for (h = t->height; h; h--) {
		if (!*slot)
			*slot = alloc();
		if (!*slot)
			return NULL;
		slot = (void **)*slot + (index >> shift_of(h)) % RADIX_SLOTS;
	}
	return slot;
}

static void *next_below(void *node, unsigned int h, unsigned long *index)
{
	unsigned long slot;
	unsigned int i;

	if (!h || !node)
		return node;
	slot = *index >> shift_of(h);
	for (i = slot % RADIX_SLOTS; i < RADIX_SLOTS; i++) {
		void *found = next_below(((void **)node)[i], h - 1, index);

		if (found)
			return found;
		/* To the first of the next slot, wherever the search below has come to; behind the last number there is 0. */
		*index = ++slot << shift_of(h);
		if (!*index)
			break;
	}
	return NULL;
}

void *radix_tree_next(const struct radix_tree *t, unsigned long *index)
{
	return fits(t->height, *index) ? next_below(t->root, t->height, index) : NULL;
}

static void destroy_below(void *node, unsigned int h, void (*release)(void *node))
{
	if (!h || !node)
		return;
	for (unsigned int i = 0; i < RADIX_SLOTS; i++)
		destroy_below(((void **)node)[i], h - 1, release);
	release(node);
}

void radix_tree_destroy(struct radix_tree *t, void (*release)(void *node))
{
	destroy_below(t->root, t->height, release);
	*t = (struct radix_tree){0};
}
