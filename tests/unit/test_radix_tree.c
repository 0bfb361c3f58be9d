// SPDX-License-Identifier: MIT
/* links: lib/radix_tree.c */
/* Numbers with pointers against a sorted list of the same numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <quire/radix_tree.h>

static unsigned int nodes;

static void *node_alloc(void)
{
	nodes++;
	return calloc(1, RADIX_NODE_SIZE);
}

static void node_free(void *node)
{
	nodes--;
	free(node);
}

static void *no_node(void)
{
	return NULL;
}

/* All of n ascending numbers are there, found one after another with their own values, and nothing else is. */
static void holds(const unsigned long *numbers, unsigned int n)
{
	struct radix_tree t = {0};
	unsigned long index = 0;
	unsigned int i;

	/* From the largest down and from the smallest up: the tree grows at once, or step by step. */
	for (i = 0; i < n; i++) {
		void **slot = radix_tree_slot(&t, numbers[n % 2 ? i : n - 1 - i], node_alloc);

		assert_non_null(slot);
		assert_null(*slot);
		*slot = (void *)&numbers[n % 2 ? i : n - 1 - i];
	}
	for (i = 0; i < n; i++) {
		assert_ptr_equal(radix_tree_next(&t, &index), &numbers[i]);
		assert_int_equal(index, numbers[i]);
		assert_ptr_equal(radix_tree_load(&t, numbers[i]), &numbers[i]);
		if (numbers[i] + 1 != (i + 1 < n ? numbers[i + 1] : 0))
			assert_null(radix_tree_load(&t, numbers[i] + 1));
		index++;
	}
	if (index)
		assert_null(radix_tree_next(&t, &index));
	radix_tree_destroy(&t, node_free);
	assert_int_equal(nodes, 0);
}

static void numbers_with_gaps_between_them_are_all_found(void **state)
{
	static const unsigned long
		few[] = {5, 70, 71, 200},
		one[] = {0}, none[] = {0},
		far[] = {0,	   63, 64, 4095, 4096, 1UL << 30, (1UL << 52) - 1, ULONG_MAX - 1,
			 ULONG_MAX};

	holds(few, 4);
	holds(one, 1);
	holds(none, 0);
	holds(far, 9);
}

static void random_numbers_are_all_found(void **state)
{
	static unsigned long numbers[500];

	srandom(11);
	for (unsigned int run = 0; run < 200; run++) {
		unsigned long at = 0, step = 1UL << (1 + random() % 40);
		unsigned int n = 1 + (unsigned int)random() % 500;

		for (unsigned int i = 0; i < n; i++) {
			at += 1 + (unsigned long)random() % step;
			numbers[i] = at;
		}
		holds(numbers, n);
	}
}

static void no_memory_for_a_node_changes_nothing_that_is_there(void **state)
{
	struct radix_tree t = {0};
	unsigned long index = 0;
	void **slot = radix_tree_slot(&t, 0, no_node);

	assert_non_null(slot);
	*slot = &t;
	assert_null(radix_tree_slot(&t, 1UL << 40, no_node));
	assert_ptr_equal(radix_tree_load(&t, 0), &t);
	assert_ptr_equal(radix_tree_next(&t, &index), &t);
	assert_int_equal(index, 0);
	radix_tree_destroy(&t, node_free);
	assert_int_equal(nodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_with_gaps_between_them_are_all_found),
		cmocka_unit_test(random_numbers_are_all_found),
		cmocka_unit_test(no_memory_for_a_node_changes_nothing_that_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
