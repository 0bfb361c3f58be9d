// SPDX-License-Identifier: MIT
/* links: mm/kmem/page_frag.c @pages lib/string.c lib/vsprintf.c */
/* granules: 12 14 16 */
/* Pieces of pages over the real page allocator: contents, alignment, blocks that go with their last piece. */
#include "page_world.h"

#include <quire/page_frag.h>

#define WORLD_PAGES (WORLD_SECTIONS * PAGES_PER_SECTION)

static struct zone *zone;
static unsigned long free_at_start;

static int machine(void **state)
{
	zone = world_simple(WORLD_PAGES);
	free_at_start = free_pages_of(zone);
	return 0;
}

static int all_is_back(void **state)
{
	assert_int_equal(free_pages_of(zone), free_at_start);
	world_check();
	return 0;
}

static void pieces_do_not_meet_and_blocks_go_with_the_last(void **state)
{
	static struct {
		unsigned char *p;
		unsigned int size;
	} have[400];
	struct page_frag_cache nc;
	unsigned int i, k, x = 3;

	page_frag_cache_init(&nc);
	memset(have, 0, sizeof(have));
	for (i = 0; i < 20000; i++) {
		unsigned int align = 1U << (x >> 8) % 8, n;

		x = x * 1103515245 + 12345;
		k = (x >> 12) % ARRAY_SIZE(have);
		if (have[k].p) {
			for (n = 0; n < have[k].size; n++)
				assert_int_equal(have[k].p[n], (unsigned char)k);
			page_frag_free(have[k].p);
			have[k].p = NULL;
			continue;
		}
		have[k].size = 1 + (x >> 5) % 3000;
		have[k].p = page_frag_alloc_align(&nc, have[k].size, GFP_ATOMIC, align);
		assert_non_null(have[k].p);
		assert_true(IS_ALIGNED((unsigned long)have[k].p, align));
		memset(have[k].p, (int)k, have[k].size);
		assert_int_equal(page_frag_check(&nc), 0);
	}
	page_frag_cache_drain(&nc);
	page_frag_cache_drain(&nc);
	for (k = 0; k < ARRAY_SIZE(have); k++)
		if (have[k].p)
			page_frag_free(have[k].p);
}

static void a_block_whose_pieces_are_back_is_cut_anew(void **state)
{
	struct page_frag_cache nc;
	unsigned long after_first;
	unsigned int i;
	void *p;

	page_frag_cache_init(&nc);
	p = page_frag_alloc(&nc, 100, GFP_KERNEL);
	after_first = free_pages_of(zone);
	page_frag_free(p);
	for (i = 0; i < 5000; i++) {
		p = page_frag_alloc(&nc, 100, GFP_KERNEL);
		assert_non_null(p);
		page_frag_free(p);
		assert_int_equal(free_pages_of(zone), after_first);
	}
	page_frag_cache_drain(&nc);
}

static void what_is_refused(void **state)
{
	struct page_frag_cache nc;
	void *p;

	page_frag_cache_init(&nc);
	assert_null(page_frag_alloc(&nc, 0, GFP_KERNEL));
	assert_null(page_frag_alloc(&nc, PAGE_FRAG_CACHE_MAX_SIZE + 1, GFP_KERNEL));
	assert_null(page_frag_alloc_align(&nc, 8, GFP_KERNEL, 3));
	assert_null(page_frag_alloc_align(&nc, 8, GFP_KERNEL, 2 * (unsigned int)PAGE_SIZE));
	assert_null(nc.va);
	p = page_frag_alloc(&nc, PAGE_FRAG_CACHE_MAX_SIZE, GFP_KERNEL);
	assert_non_null(p);
	page_frag_free(p);
	page_frag_cache_drain(&nc);
}

/* Single pages, every other one free: there is no block of a higher order. */
static void a_page_serves_where_there_is_no_block(void **state)
{
	static struct page *taken[WORLD_PAGES + 1];
	struct page_frag_cache nc;
	unsigned long n = 0, i;
	void *p, *q;

	while ((taken[n] = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 0)))
		n++;
	page_frag_cache_init(&nc);
	assert_null(page_frag_alloc(&nc, 64, GFP_ATOMIC | __GFP_NOWARN));
	assert_int_equal(page_frag_check(&nc), 0);
	for (i = 0; i < n; i++)
		if (page_to_pfn(taken[i]) % 2) {
			__free_page(taken[i]);
			taken[i] = NULL;
		}
	p = page_frag_alloc(&nc, 64, GFP_ATOMIC | __GFP_NOWARN);
	assert_non_null(p);
	assert_int_equal(nc.size, PAGE_SIZE);
	assert_int_equal(page_frag_check(&nc), 0);
	/* More than it can hold; with 64K pages a page is the largest there is. */
	q = page_frag_alloc(&nc, PAGE_FRAG_CACHE_MAX_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (PAGE_FRAG_CACHE_MAX_SIZE > PAGE_SIZE)
		assert_null(q);
	else
		page_frag_free(q);
	page_frag_free(p);
	page_frag_cache_drain(&nc);
	for (i = 0; i < n; i++)
		if (taken[i])
			__free_page(taken[i]);
}

static void the_check_sees_what_is_wrong(void **state)
{
	struct page_frag_cache nc, bad;
	void *p;

	page_frag_cache_init(&nc);
	p = page_frag_alloc(&nc, 64, GFP_KERNEL);
	bad = nc;
	bad.offset = bad.size + 1;
	assert_int_equal(page_frag_check(&bad), 1);
	bad = nc;
	bad.pieces_left += 2;
	assert_int_equal(page_frag_check(&bad), 1);
	bad = nc;
	bad.size /= 2;
	assert_int_equal(page_frag_check(&bad), 1);
	page_frag_free(p);
	page_frag_cache_drain(&nc);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_do_not_meet_and_blocks_go_with_the_last),
		TEST(a_block_whose_pieces_are_back_is_cut_anew),
		TEST(what_is_refused),
		TEST(a_page_serves_where_there_is_no_block),
		TEST(the_check_sees_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
