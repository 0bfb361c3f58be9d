// SPDX-License-Identifier: MIT
/* links: mm/kmem/va_alloc.c */
/* granules: 12 14 16 */
/*
 * The address-space allocator against a map of pages: every sequence of six operations in sixteen pages, long random ones, and
 * the depth of the tree with many fragments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/printk.h>
#include <quire/vmalloc.h>

#define BASE (64UL * PAGE_SIZE)
#define PAGES 16U

static struct va_space space;

/* The lowest place in the model, or -1. */
static int model_fit(const char *used, unsigned int pages, unsigned int n, unsigned int align)
{
	for (unsigned int at = 0; at + n <= pages; at += align) {
		unsigned int i = 0;

		while (i < n && !used[at + i])
			i++;
		if (i == n)
			return (int)at;
	}
	return -1;
}

static unsigned long page_of(const struct va_node *n)
{
	return (n->start - BASE) / PAGE_SIZE;
}

static void take(struct va_node *n, char *used, unsigned int pages, unsigned int count,
		 unsigned int align, bool *live)
{
	int at = model_fit(used, pages, count, align);
	int err = va_alloc(&space, n, count * PAGE_SIZE, align * PAGE_SIZE, BASE,
			   BASE + pages * PAGE_SIZE);

	assert_int_equal(err, at < 0 ? -ENOMEM : 0);
	*live = !err;
	if (err)
		return;
	/* Any free place that is aligned; with page alignment the lowest. */
	if (align == 1)
		assert_int_equal(page_of(n), at);
	assert_int_equal(page_of(n) % align, 0);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(used[page_of(n) + i], 0);
		used[page_of(n) + i] = 1;
	}
}

static void give(struct va_node *n, char *used, bool *live)
{
	memset(used + page_of(n), 0, (n->end - n->start) / PAGE_SIZE);
	va_free(&space, n);
	*live = false;
}

/* Operation k of 11: allocate 1, 2, 3, 5, 8 pages or 1, 2, 4 aligned to 4; free the first, middle, last that lives. */
static void small_world(const unsigned char *ops)
{
	static const unsigned char size[] = {1, 2, 3, 5, 8, 1, 2, 4};
	struct va_node nodes[6];
	bool live[6] = {false};
	char used[PAGES] = {0};
	unsigned int nr = 0;

	va_space_init(&space, BASE, BASE + PAGES * PAGE_SIZE);
	for (unsigned int i = 0; i < 6; i++) {
		if (ops[i] < 8) {
			take(&nodes[nr], used, PAGES, size[ops[i]], ops[i] < 5 ? 1 : 4, &live[nr]);
			nr++;
			continue;
		}
		for (unsigned int j = 0, at = ops[i] == 8   ? 0
					      : ops[i] == 9 ? nr / 2
					      : nr	    ? nr - 1
							    : 0;
		     j < nr; j++) {
			unsigned int k = (at + j) % nr;

			if (!live[k])
				continue;
			give(&nodes[k], used, &live[k]);
			break;
		}
	}
	assert_int_equal(va_check(&space), 0);
}

static void every_short_sequence_agrees_with_a_map(void **state)
{
	unsigned char ops[6];

	for (unsigned int n = 0; n < 11U * 11 * 11 * 11 * 11 * 11; n++) {
		unsigned int rest = n;

		for (unsigned int i = 0; i < 6; i++, rest /= 11)
			ops[i] = (unsigned char)(rest % 11);
		small_world(ops);
	}
}

static void random_sequences_agree_with_a_map(void **state)
{
	enum { SPAN = 4096, NODES = 512 };
	static struct va_node nodes[NODES];
	static bool live[NODES];
	static char used[SPAN];

	srand(1);
	va_space_init(&space, BASE, BASE + SPAN * PAGE_SIZE);
	for (unsigned int i = 0; i < 40000; i++) {
		unsigned int k = (unsigned int)rand() % NODES;

		if (live[k])
			give(&nodes[k], used, &live[k]);
		else
			take(&nodes[k], used, SPAN, 1 + (unsigned int)rand() % 32,
			     rand() % 4 ? 1 : 1U << (rand() % 6), &live[k]);
		if (i % 512 == 0)
			assert_int_equal(va_check(&space), 0);
	}
	for (unsigned int k = 0; k < NODES; k++)
		if (live[k])
			give(&nodes[k], used, &live[k]);
	assert_int_equal(space.nr, 0);
	assert_int_equal(va_check(&space), 0);
}

/* Within [lo, hi) alone: the lowest place there, and none when the model has none. */
static void a_range_limits_where_it_lies(void **state)
{
	enum { SPAN = 512, NODES = 100 };
	static struct va_node nodes[NODES];
	static bool live[NODES];
	static char used[SPAN];
	unsigned int refused = 0;

	srand(2);
	va_space_init(&space, BASE, BASE + SPAN * PAGE_SIZE);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int k = (unsigned int)rand() % NODES, n = 1 + (unsigned int)rand() % 12;
		unsigned int lo = (unsigned int)rand() % SPAN;
		unsigned int hi = lo + (unsigned int)rand() % (SPAN - lo + 1);
		int at, err;

		if (live[k]) {
			give(&nodes[k], used, &live[k]);
			continue;
		}
		at = model_fit(used + lo, hi - lo, n, 1);
		err = va_alloc(&space, &nodes[k], n * PAGE_SIZE, PAGE_SIZE, BASE + lo * PAGE_SIZE,
			       BASE + hi * PAGE_SIZE);
		assert_int_equal(err, at < 0 ? -ENOMEM : 0);
		refused += err != 0;
		if (err)
			continue;
		assert_int_equal(page_of(&nodes[k]), lo + (unsigned int)at);
		memset(used + page_of(&nodes[k]), 1, n);
		live[k] = true;
		assert_int_equal(va_check(&space), 0);
	}
	assert_true(refused > 100);
}

static void a_claim_takes_only_what_is_free(void **state)
{
	struct va_node a, b;

	va_space_init(&space, BASE, BASE + PAGES * PAGE_SIZE);
	assert_int_equal(va_claim(&space, &a, BASE + 2 * PAGE_SIZE, BASE + 4 * PAGE_SIZE), 0);
	assert_int_equal(va_claim(&space, &b, BASE + 3 * PAGE_SIZE, BASE + 5 * PAGE_SIZE), -EBUSY);
	assert_int_equal(va_claim(&space, &b, BASE, BASE + 3 * PAGE_SIZE), -EBUSY);
	assert_int_equal(va_claim(&space, &b, BASE - PAGE_SIZE, BASE), -EBUSY);
	assert_int_equal(va_claim(&space, &b, BASE + 15 * PAGE_SIZE, BASE + 17 * PAGE_SIZE),
			 -EBUSY);
	assert_int_equal(va_claim(&space, &b, BASE, BASE + 2 * PAGE_SIZE), 0);
	assert_ptr_equal(va_find(&space, BASE + 3 * PAGE_SIZE), &a);
	assert_int_equal(va_check(&space), 0);
}

static unsigned int depth(const struct va_node *n)
{
	unsigned int l = n->left ? depth(n->left) : 0, r = n->right ? depth(n->right) : 0;

	return 1 + (l > r ? l : r);
}

static void a_hundred_thousand_fragments_make_a_shallow_tree(void **state)
{
	enum { N = 200000 };
	struct va_node *nodes = calloc(N, sizeof(*nodes)), big;
	const unsigned long end = BASE + 1000000 * PAGE_SIZE;

	va_space_init(&space, BASE, end);
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(va_alloc(&space, &nodes[i], PAGE_SIZE, PAGE_SIZE, BASE, end), 0);
	for (unsigned int i = 0; i < N; i += 2)
		va_free(&space, &nodes[i]);
	assert_true(depth(space.root) < 64);
	/* No hole of one page serves: it is found behind them all. */
	assert_int_equal(va_alloc(&space, &big, 2 * PAGE_SIZE, PAGE_SIZE, BASE, end), 0);
	assert_int_equal(page_of(&big), N);
	assert_int_equal(va_check(&space), 0);
	free(nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_sequence_agrees_with_a_map),
		cmocka_unit_test(random_sequences_agree_with_a_map),
		cmocka_unit_test(a_range_limits_where_it_lies),
		cmocka_unit_test(a_claim_takes_only_what_is_free),
		cmocka_unit_test(a_hundred_thousand_fragments_make_a_shallow_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
