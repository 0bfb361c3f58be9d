// SPDX-License-Identifier: MIT
/* links: lib/interval_tree.c lib/string.c lib/vsprintf.c */
/* Random ranges come and go; what meets a range is compared with a look at each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <quire/interval_tree.h>

#define NODES 200U

static struct interval_node node[NODES];
static bool in[NODES];

static bool comes_before(const struct interval_node *a, const struct interval_node *b)
{
	return a->first != b->first ? a->first < b->first : a < b;
}

/* By looking at all: the first after `after` that meets the range. */
static struct interval_node *expected(const struct interval_node *after, unsigned long first,
				      unsigned long last)
{
	struct interval_node *best = NULL;

	for (unsigned int i = 0; i < NODES; i++) {
		struct interval_node *n = &node[i];

		if (in[i] && n->first <= last && n->last >= first &&
		    (!after || comes_before(after, n)) && (!best || comes_before(n, best)))
			best = n;
	}
	return best;
}

static unsigned int walk(const struct interval_tree *t, unsigned long first, unsigned long last)
{
	struct interval_node *n = interval_tree_first(t, first, last);
	unsigned int found = 0;

	assert_ptr_equal(n, expected(NULL, first, last));
	for (; n; n = interval_tree_next(t, n, first, last), found++)
		assert_ptr_equal(interval_tree_next(t, n, first, last), expected(n, first, last));
	return found;
}

static void what_meets_a_range_is_found_in_order(void **state)
{
	struct interval_tree t = {0};
	unsigned long nr, count = 0, met = 0;

	srandom(3);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = (unsigned int)random() % NODES;
		unsigned long at = (unsigned long)random() % 1000;

		if (in[i]) {
			interval_tree_remove(&t, &node[i]);
			in[i] = false;
			count--;
		} else {
			node[i] = (struct interval_node){.first = at,
							 .last = at + (unsigned long)random() % 50};
			interval_tree_insert(&t, &node[i]);
			in[i] = true;
			count++;
		}
		if (step % 16)
			continue;
		assert_int_equal(interval_tree_check(&t, &nr), 0);
		assert_int_equal(nr, count);
		at = (unsigned long)random() % 1000;
		met += walk(&t, at, at + (unsigned long)random() % 100);
	}
	assert_true(met > 1000);
	assert_int_equal(walk(&t, 0, ULONG_MAX), count);
}

static void the_largest_numbers_and_an_empty_tree_are_no_special_cases(void **state)
{
	struct interval_tree t = {0};
	struct interval_node all = {.first = 0, .last = ULONG_MAX},
			     end = {.first = ULONG_MAX, .last = ULONG_MAX};
	unsigned long nr;

	assert_null(interval_tree_first(&t, 0, ULONG_MAX));
	interval_tree_insert(&t, &end);
	assert_null(interval_tree_first(&t, 0, ULONG_MAX - 1));
	interval_tree_insert(&t, &all);
	assert_ptr_equal(interval_tree_first(&t, ULONG_MAX, ULONG_MAX), &all);
	assert_ptr_equal(interval_tree_next(&t, &all, ULONG_MAX, ULONG_MAX), &end);
	assert_null(interval_tree_next(&t, &end, ULONG_MAX, ULONG_MAX));
	interval_tree_remove(&t, &all);
	interval_tree_remove(&t, &end);
	assert_int_equal(interval_tree_check(&t, &nr), 0);
	assert_int_equal(nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_meets_a_range_is_found_in_order),
		cmocka_unit_test(the_largest_numbers_and_an_empty_tree_are_no_special_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
