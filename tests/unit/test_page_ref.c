// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 16 */
/* References: where they are counted, what a tail has in their place, and who frees. */
#include <pthread.h>

#include "page_log.h"

#define ORDER 3
#define NR (1U << ORDER)

static struct page *compound(void)
{
	return alloc_pages(GFP_KERNEL | __GFP_COMP, ORDER);
}

static struct zone *zone;

static int new_world(void **state)
{
	zone = world_simple(4096);
	world_add_pagesets(1, 8, 64);
	log_clear();
	return 0;
}

static unsigned long pages_free(void)
{
	drain_all_pages(NULL);
	return (unsigned long)free_pages_of(zone);
}

static int nothing_was_reported(void **state)
{
	assert_string_equal(log_text, "");
	world_check();
	return 0;
}

static void references_to_tails_are_the_heads(void **state)
{
	struct page *head = compound();
	unsigned int i;

	for (i = 0; i < NR; i++) {
		get_page(head + i);
		assert_int_equal(page_ref_count(head), 2);
		get_page(head + (NR - 1 - i));
		assert_int_equal(page_ref_count(head), 3);
		assert_int_equal(page_count(head + i), 3);
		put_page(head + i);
		put_page(head + (NR - 1 - i));
		assert_int_equal(page_ref_count(head), 1);
	}
	for (i = 1; i < NR; i++)
		assert_int_equal(head[i]._refcount, PAGE_REF_TAIL);
	put_page(head);
}

/* Whichever page of it: the whole compound page is free then, and its pages count from 0 again. */
static void the_last_reference_frees_it_also_through_a_tail(void **state)
{
	unsigned int i, last;

	for (last = 0; last < NR; last++) {
		unsigned long before = pages_free();
		struct page *head = compound();

		get_page(head + NR - 1);
		put_page(head + NR / 2);
		assert_true(PageHead(head));
		put_page(head + last);
		assert_false(PageHead(head));
		for (i = 0; i < NR; i++) {
			assert_int_equal(head[i]._refcount, 0);
			assert_int_equal(head[i].word, 0);
		}
		assert_int_equal(pages_free(), before);
	}
}

static void a_small_page_counts_for_itself(void **state)
{
	unsigned long before = pages_free();
	struct page *page = alloc_page(GFP_KERNEL);

	get_page(page);
	get_page(page);
	assert_int_equal(page_ref_count(page), 3);
	put_page(page);
	put_page(page);
	assert_int_equal(page_ref_count(page), 1);
	put_page(page);
	assert_int_equal(page_ref_count(page), 0);
	assert_int_equal(pages_free(), before);
}

/* Who has no reference and comes by a tail, as one does who walks over pfns, gets none, and changes nothing. */
static void a_tail_has_none_to_be_had(void **state)
{
	struct page *head = compound();
	unsigned int i;

	for (i = 1; i < NR; i++) {
		assert_false(get_page_unless_zero(head + i));
		assert_int_equal(head[i]._refcount, PAGE_REF_TAIL);
	}
	assert_int_equal(page_ref_count(head), 1);
	assert_true(folio_try_get((struct folio *)head));
	assert_int_equal(page_count(head + 2), 2);
	put_page(head);
	put_page(head);
	assert_false(get_page_unless_zero(head));
	assert_false(get_page_unless_zero(head + 1));
}

/* The pages of a slab are given back as tails that never had a reference of their own. */
static void pages_that_are_no_tails_any_more_count_from_0(void **state)
{
	struct page *head = compound();
	unsigned int i;

	for (i = 1; i < NR; i++)
		clear_compound_head(head + i);
	__ClearPageHead(head);
	for (i = 1; i < NR; i++)
		assert_int_equal(page_ref_count(head + i), 0);
	__free_pages(head, ORDER);
}

#define TURNS 20000

static void *get_and_put(void *arg)
{
	struct page *head = arg;
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		get_page(head + i % NR);
		put_page(head + (i + 3) % NR);
	}
	put_page(head + 5);
	return NULL;
}

static void threads_lose_no_reference(void **state)
{
	struct page *head = compound();
	pthread_t thread[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		get_page(head + i);
		assert_int_equal(pthread_create(&thread[i], NULL, get_and_put, head), 0);
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(page_ref_count(head), 1);
	for (i = 1; i < NR; i++)
		assert_int_equal(head[i]._refcount, PAGE_REF_TAIL);
	put_page(head + 1);
	assert_int_equal(head[1]._refcount, 0);
}

int main(void)
{
#define RUN(test) cmocka_unit_test_setup_teardown(test, new_world, nothing_was_reported)
	const struct CMUnitTest tests[] = {
		RUN(references_to_tails_are_the_heads),
		RUN(the_last_reference_frees_it_also_through_a_tail),
		RUN(a_small_page_counts_for_itself),
		RUN(a_tail_has_none_to_be_had),
		RUN(pages_that_are_no_tails_any_more_count_from_0),
		RUN(threads_lose_no_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
