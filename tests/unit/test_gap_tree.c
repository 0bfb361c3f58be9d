// SPDX-License-Identifier: MIT
/* links: lib/gap_tree*.c */
/*
 * Ranges and gaps against a map of cells: every short sequence, long random ones, and readers without the lock while a writer changes
 * the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include <quire/gap_tree.h>

static struct gap_tree tree;
static long live_nodes, fail_after = -1;

static void *new_node(void)
{
	if (!fail_after)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	live_nodes++;
	return aligned_alloc(64, GAP_NODE_SIZE);
}

static void free_node(void *node)
{
	live_nodes--;
	/* Nothing in it is of use any more. */
	memset(node, 0xa5, GAP_NODE_SIZE);
	free(node);
}

static void begin(void)
{
	live_nodes = 0;
	gap_tree_init(&tree, new_node, free_node);
}

static void end(void)
{
	gap_tree_destroy(&tree);
	assert_int_equal(live_nodes, 0);
}

/* ------------------------------------------------------------------ the model: a cell holds the start of its range plus 1, or 0 */

#define CELLS_MAX 6000
static unsigned short cell[CELLS_MAX];
static unsigned int cells;

static void *value_of(unsigned long start)
{
	return (void *)(start * 16 + 16);
}

static bool model_free(unsigned long s, unsigned long e)
{
	for (; s < e; s++)
		if (cell[s])
			return false;
	return true;
}

static void model_set(unsigned long s, unsigned long e, unsigned short v)
{
	for (; s < e; s++)
		cell[s] = v;
}

static void insert(unsigned long s, unsigned long e)
{
	assert_int_equal(gap_tree_reserve(&tree, 1), 0);
	gap_tree_insert(&tree, s, e, value_of(s));
	model_set(s, e, (unsigned short)(s + 1));
}

static void erase(unsigned long at)
{
	unsigned short v = cell[at];
	void *got = gap_tree_erase(&tree, at);

	if (!v) {
		assert_null(got);
		return;
	}
	assert_ptr_equal(got, value_of(v - 1UL));
	for (unsigned int i = 0; i < cells; i++)
		if (cell[i] == v)
			cell[i] = 0;
}

/* The range that holds `at` is cut there, if it begins below. */
static void split(unsigned long at)
{
	unsigned short v = cell[at];
	bool inside = v && v - 1UL < at;

	assert_int_equal(gap_tree_reserve(&tree, 1), 0);
	assert_int_equal(gap_tree_split(&tree, at, value_of(at)), inside);
	if (!inside)
		return;
	for (unsigned long i = at; i < cells && cell[i] == v; i++)
		cell[i] = (unsigned short)(at + 1);
}

static void compare_find(unsigned long at)
{
	unsigned long s = at, e, got_s = 0, got_e = 0;
	void *v = gap_tree_find(&tree, at, &got_s, &got_e), *v2 = NULL;
	u32 count = 2;

	assert_true(gap_tree_find_seq(&tree, at, &count, 2, &v2));
	assert_ptr_equal(v, v2);
	/* Half of them leave the finger where it is. */
	if (at % 2)
		assert_ptr_equal(v, gap_tree_seek(&tree, at));
	while (s < cells && !cell[s])
		s++;
	if (s >= cells) {
		assert_null(v);
		return;
	}
	e = s;
	while (e < cells && cell[e] == cell[s])
		e++;
	assert_ptr_equal(v, value_of(cell[s] - 1UL));
	assert_int_equal(got_s, cell[s] - 1);
	assert_int_equal(got_e, e);
}

static void compare_last(void)
{
	unsigned int i = cells;

	while (i && !cell[i - 1])
		i--;
	assert_ptr_equal(gap_tree_last(&tree), i ? value_of(cell[i - 1] - 1UL) : NULL);
}

/* The whole gap, as far as it is in [low, high), that starts lowest or ends highest. */
static void compare_gaps(unsigned long low, unsigned long high, unsigned long size)
{
	unsigned long first_s = 0, first_e = 0, last_s = 0, last_e = 0, s, e, gs, ge;
	bool any = false;

	for (s = low; s < high; s = e + (e == s)) {
		e = s;
		while (e < high && !cell[e])
			e++;
		if (e - s >= size && e > s) {
			if (!any) {
				first_s = s;
				first_e = e;
			}
			any = true;
			last_s = s;
			last_e = e;
		}
	}
	assert_int_equal(gap_tree_lowest(&tree, low, high, size, &gs, &ge), any);
	if (any) {
		assert_int_equal(gs, first_s);
		assert_int_equal(ge, first_e);
	}
	assert_int_equal(gap_tree_highest(&tree, low, high, size, &gs, &ge), any);
	if (any) {
		assert_int_equal(gs, last_s);
		assert_int_equal(ge, last_e);
	}
}

static void start_model(unsigned int n)
{
	cells = n;
	memset(cell, 0, sizeof(cell));
	begin();
}

/* ------------------------------------------------------------------ tests */

static void try_all(unsigned int depth, const unsigned int *ops, unsigned int n)
{
	static const unsigned int ranges[][2] = {{0, 1}, {1, 2}, {1, 3}, {2, 4},
						 {3, 5}, {4, 6}, {0, 6}};
	enum { KINDS = 7 + 6 + 5 };
	unsigned int seq[8];

	if (depth) {
		for (unsigned int i = 0; i < n; i++)
			seq[i] = ops[i];
		for (seq[n] = 0; seq[n] < KINDS; seq[n]++)
			try_all(depth - 1, seq, n + 1);
		return;
	}
	start_model(6);
	for (unsigned int i = 0; i < n; i++) {
		if (ops[i] >= 13)
			split(ops[i] - 12);
		else if (ops[i] >= 7)
			erase(ops[i] - 7);
		else if (model_free(ranges[ops[i]][0], ranges[ops[i]][1]))
			insert(ranges[ops[i]][0], ranges[ops[i]][1]);
		assert_int_equal(gap_tree_check(&tree), 0);
	}
	for (unsigned int at = 0; at < 6; at++)
		compare_find(at);
	compare_last();
	for (unsigned int low = 0; low < 6; low++)
		for (unsigned int high = low; high <= 6; high++)
			for (unsigned int size = 1; size < 4; size++)
				compare_gaps(low, high, size);
	end();
}

static void every_short_sequence_agrees_with_a_map(void **state)
{
	for (unsigned int depth = 0; depth <= 4; depth++)
		try_all(depth, NULL, 0);
}

static unsigned long rnd(unsigned long n)
{
	return (unsigned long)random() % n;
}

static void grow_or_shrink(unsigned long at)
{
	unsigned long s = at, e = at, ns, ne;
	unsigned short v = cell[at];

	if (!v) {
		assert_false(gap_tree_resize(&tree, at, at, at + 1));
		return;
	}
	while (s && cell[s - 1] == v)
		s--;
	while (e < cells && cell[e] == v)
		e++;
	ns = s;
	ne = e;
	if (rnd(2))
		ne = e - s > 1 && rnd(2) ? e - 1 : e < cells && !cell[e] ? e + 1 : e;
	else
		ns = e - s > 1 && rnd(2) ? s + 1 : s && !cell[s - 1] ? s - 1 : s;
	assert_true(gap_tree_resize(&tree, at, ns, ne));
	assert_ptr_equal(gap_tree_replace(&tree, ns, value_of(ns)), value_of(v - 1UL));
	model_set(s, e, 0);
	model_set(ns, ne, (unsigned short)(ns + 1));
}

static void random_run(unsigned int n, unsigned int steps, unsigned int share)
{
	start_model(n);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned long at = rnd(n), size = 1 + rnd(3);
		/* Waxes and wanes, so that nodes split and merge. */
		unsigned int add = i / (steps / 8) % 2 ? 100 - share : share;

		if (rnd(100) < add) {
			if (at + size <= n && model_free(at, at + size))
				insert(at, at + size);
			else
				split(at);
		} else if (rnd(4)) {
			erase(at);
		} else {
			grow_or_shrink(at);
		}
		if (n <= 800 || i % 16 == 0)
			assert_int_equal(gap_tree_check(&tree), 0);
		compare_find(rnd(n));
		compare_last();
		if (i % 8 == 0) {
			unsigned long low = rnd(n), high = low + rnd(n - low) + 1;

			compare_gaps(low, high, 1 + rnd(8));
			compare_gaps(0, n, 1 + rnd(12));
		}
	}
	for (unsigned int i = 0; i < n; i++)
		erase(i);
	assert_int_equal(tree.nr, 0);
	assert_int_equal(tree.height, 0);
	end();
}

static void random_sequences_agree_with_a_map(void **state)
{
	srandom(1);
	random_run(100, 40000, 60);
	random_run(800, 60000, 80);
	random_run(CELLS_MAX - 1, 120000, 95);
}

static void ascending_and_descending_ranges_fill_their_nodes(void **state)
{
	for (int down = 0; down < 2; down++) {
		begin();
		for (unsigned long i = 0; i < 20000; i++) {
			unsigned long at = down ? 2 * (20000 - i) : 2 * (i + 1);

			assert_int_equal(gap_tree_reserve(&tree, 1), 0);
			gap_tree_insert(&tree, at, at + 1, value_of(at));
		}
		assert_int_equal(gap_tree_check(&tree), 0);
		/* 1,000 full leaves, and those above them at least half full. */
		assert_true(live_nodes - (long)tree.nr_spare < 1000 + 1000 / 6);
		assert_true(tree.height <= 5);
		end();
	}
}

static void an_insertion_that_was_reserved_for_does_not_fail(void **state)
{
	/* Many at once into a tree of full leaves, so that every one may split. */
	begin();
	for (unsigned long i = 1; i <= 3000; i++) {
		assert_int_equal(gap_tree_reserve(&tree, 1), 0);
		gap_tree_insert(&tree, i * 100, i * 100 + 1, value_of(i));
	}
	assert_int_equal(gap_tree_reserve(&tree, 64), 0);
	fail_after = 0;
	for (unsigned long i = 0; i < 64; i++)
		gap_tree_insert(&tree, i * 2100 + 150, i * 2100 + 151, value_of(i));
	assert_int_equal(gap_tree_check(&tree), 0);
	assert_int_equal(gap_tree_reserve(&tree, 1000), -ENOMEM);
	fail_after = 3;
	assert_int_equal(gap_tree_reserve(&tree, 1000), -ENOMEM);
	fail_after = -1;
	assert_int_equal(gap_tree_check(&tree), 0);
	end();
}

static void the_ends_of_the_address_space_are_reached(void **state)
{
	unsigned long s, e;

	begin();
	assert_true(gap_tree_lowest(&tree, 0, ULONG_MAX, ULONG_MAX, &s, &e));
	assert_int_equal(s, 0);
	assert_true(e == ULONG_MAX);
	assert_int_equal(gap_tree_reserve(&tree, 2), 0);
	gap_tree_insert(&tree, 0, 4096, value_of(1));
	gap_tree_insert(&tree, ULONG_MAX - 4095, ULONG_MAX, value_of(2));
	assert_ptr_equal(gap_tree_find(&tree, ULONG_MAX - 1, NULL, NULL), value_of(2));
	assert_null(gap_tree_find(&tree, ULONG_MAX, NULL, NULL));
	assert_true(gap_tree_highest(&tree, 0, ULONG_MAX, 1, &s, &e));
	assert_int_equal(s, 4096);
	assert_true(e == ULONG_MAX - 4095);
	assert_false(gap_tree_lowest(&tree, 0, 4096, 1, &s, &e));
	assert_false(gap_tree_highest(&tree, 0, 4096, 1, &s, &e));
	end();
}

static void the_check_sees_what_is_wrong(void **state)
{
	begin();
	for (unsigned long i = 1; i <= 200; i++) {
		assert_int_equal(gap_tree_reserve(&tree, 1), 0);
		gap_tree_insert(&tree, i * 10, i * 10 + 5, value_of(i));
	}
	assert_int_equal(gap_tree_check(&tree), 0);
	tree.nr++;
	assert_true(gap_tree_check(&tree) > 0);
	tree.nr--;
	/* Word 2 of the root is where its first child's last range ends. */
	((unsigned long *)tree.root)[2]++;
	assert_true(gap_tree_check(&tree) > 0);
	((unsigned long *)tree.root)[2]--;
	assert_int_equal(gap_tree_check(&tree), 0);
	/* The finger says too much. */
	assert_non_null(gap_tree_seek(&tree, 1005));
	assert_int_equal(gap_tree_check(&tree), 0);
	tree.high += 100;
	assert_true(gap_tree_check(&tree) > 0);
	tree.high -= 100;
	tree.low = 0;
	assert_true(gap_tree_check(&tree) > 0);
	tree.low = tree.high = 0;
	/* Word 1 of a leaf bounds its second gap, which is 5. */
	assert_non_null(gap_tree_seek(&tree, 1005));
	((unsigned long *)tree.way[tree.height - 1])[1] = 4;
	assert_true(gap_tree_check(&tree) > 0);
	((unsigned long *)tree.way[tree.height - 1])[1] = 5;
	assert_int_equal(gap_tree_check(&tree), 0);
	end();
}

/* ------------------------------------------------------------------ readers without the lock */

static u32 count;
static bool stop;

static void *node_for_readers(void)
{
	return aligned_alloc(64, GAP_NODE_SIZE);
}

/* Never given back while readers run, but made nonsense of. */
static void *graveyard[4096];
static unsigned int buried;

static void bury_node(void *node)
{
	for (unsigned int i = 0; i < GAP_NODE_SIZE / 8; i++)
		__atomic_store_n((unsigned long *)node + i, 0xdead000000000008UL, __ATOMIC_RELAXED);
	graveyard[buried++] = node;
}

#define STEADY 512UL

static void *reader(void *arg)
{
	unsigned long seed = (unsigned long)arg, good = 0;

	/* Until it has seen something, however fast the writer is done. */
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE) || !good) {
		u32 seq = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
		unsigned long at;
		void *v;

		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		at = (seed >> 33) % STEADY * 100;
		if ((seq & 1) || !gap_tree_find_seq(&tree, at, &count, seq, &v))
			continue;
		/* Every hundredth cell is always taken. */
		if (v != value_of(at))
			return (void *)1;
		good++;
	}
	return NULL;
}

static void readers_see_the_tree_before_or_after_a_change(void **state)
{
	pthread_t t[2];

	gap_tree_init(&tree, node_for_readers, bury_node);
	for (unsigned long i = 0; i < STEADY; i++) {
		assert_int_equal(gap_tree_reserve(&tree, 1), 0);
		gap_tree_insert(&tree, i * 100, i * 100 + 1, value_of(i * 100));
	}
	for (unsigned long i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, reader, (void *)(i + 1)), 0);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned long i = 0; i < 2 * STEADY; i++) {
			unsigned long at = i % STEADY * 100 + 50;

			assert_int_equal(gap_tree_reserve(&tree, 1), 0);
			__atomic_store_n(&count, count + 1, __ATOMIC_RELAXED);
			__atomic_thread_fence(__ATOMIC_RELEASE);
			if (i < STEADY)
				gap_tree_insert(&tree, at, at + 1, value_of(at));
			else
				assert_non_null(gap_tree_erase(&tree, at));
			__atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(gap_tree_check(&tree), 0);
	tree.release = free;
	gap_tree_destroy(&tree);
	while (buried)
		free(graveyard[--buried]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_sequence_agrees_with_a_map),
		cmocka_unit_test(random_sequences_agree_with_a_map),
		cmocka_unit_test(ascending_and_descending_ranges_fill_their_nodes),
		cmocka_unit_test(an_insertion_that_was_reserved_for_does_not_fail),
		cmocka_unit_test(the_ends_of_the_address_space_are_reached),
		cmocka_unit_test(the_check_sees_what_is_wrong),
		cmocka_unit_test(readers_see_the_tree_before_or_after_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
