// SPDX-License-Identifier: MIT
/* links: @buddy */
/* granules: 12 16 */
/* What comes out is clean, what comes back is looked at: references, flags, compound and split pages, amounts. */
#include "page_log.h"

static void page_given_out_has_one_reference_and_nothing_else(void **state)
{
	unsigned int order, i;

	world_simple(4096);
	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 6; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		assert_int_equal(page_count(page), 1);
		for (i = 0; i < 1U << order; i++) {
			assert_int_equal(page[i].flags & PAGEFLAGS_MASK, 0);
			assert_int_equal(page[i]._mapcount, -1);
			assert_int_equal(page[i].word, 0);
			assert_int_equal(page_ref_count(page + i), i == 0);
		}
		__free_pages(page, order);
	}
	world_check();
}

static void zero_means_every_byte(void **state)
{
	unsigned int order;

	world_simple(4096);
	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 5; order++) {
		struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE, order);
		char *p = page_address(page);
		size_t i, size = PAGE_SIZE << order;

		memset(p, 0x5a, size);
		__free_pages(page, order);
		page = alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_ZERO, order);
		assert_ptr_equal(page_address(page), p);
		for (i = 0; i < size; i++)
			if (p[i])
				fail();
		__free_pages(page, order);
	}
}

static void compound_pages_are_made_and_undone(void **state)
{
	struct zone *zone = world_simple(4096);
	unsigned int order;

	world_add_pagesets(1, 8, 64);
	for (order = 0; order < 6; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

		if (order) {
			assert_true(PageHead(page));
			assert_ptr_equal(compound_head(page + (1 << order) - 1), page);
		}
		assert_int_equal(compound_order(page), order);
		get_page(page + (1 << order) - 1);
		__free_pages(page, order);
		assert_int_equal(page_count(page), 1);
		put_page(page);
		assert_int_equal(page->flags & PAGEFLAGS_MASK, 0);
		world_check();
	}
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 4096);
	folio_put(folio_alloc(GFP_KERNEL, 3));
	world_check();
}

static void reference_taken_on_the_way_keeps_the_first_page_only(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	assert_true(get_page_unless_zero(page));
	__free_pages(page, 3);
	assert_int_equal(free_pages_of(zone), 64 - 1);
	assert_int_equal(page_count(page), 1);
	put_page(page);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* Whatever the page has become: the owner gives it up first, and nothing of it is lost. */
static void guessed_reference_frees_what_the_page_is_now(void **state)
{
	struct zone *zone = world_simple(64);
	unsigned int order, anon;
	struct page *page;

	for (order = 0; order < 5; order++) {
		page = alloc_pages(GFP_KERNEL | (order ? __GFP_COMP : 0), order);
		assert_true(get_page_unless_zero(page));
		__free_pages(page, order);
		assert_int_equal(free_pages_of(zone), 64 - (1 << order));
		put_page_guessed(page);
		assert_int_equal(free_pages_of(zone), 64);
		world_check();
	}
	/* Who leaves first does nothing to it. */
	for (anon = 0; anon < 2; anon++) {
		page = alloc_pages(GFP_HIGHUSER_MOVABLE, 0);
		page->word = anon ? 8 | PAGE_MAPPING_ANON : 0;
		assert_true(get_page_unless_zero(page));
		put_page_guessed(page);
		assert_int_equal(page_count(page), 1);
		assert_int_equal(page->word, anon ? 8 | PAGE_MAPPING_ANON : 0);
		assert_true(get_page_unless_zero(page));
		page_ref_sub(page, 1);
		put_page_guessed(page);
		assert_int_equal(page->word, 0);
		assert_int_equal(free_pages_of(zone), 64);
	}
	page = alloc_pages(GFP_KERNEL, 0);
	__free_pages(page, 0);
	assert_false(get_page_unless_zero(page));
	world_check();
}

static void flags_of_contents_are_cleared_on_free(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	SetPageDirty(page);
	SetPageUptodate(page);
	SetPageReferenced(page + 1);
	__free_pages(page, 1);
	assert_int_equal(page[0].flags & PAGEFLAGS_MASK, 0);
	assert_int_equal(page[1].flags & PAGEFLAGS_MASK, 0);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* Free a page in a bad state: it is reported with `text`, and not put back. */
static void check_bad(struct page *page, unsigned int order, const char *text)
{
	struct zone *zone = page_zone(page);
	unsigned long free;

	drain_all_pages(NULL);
	free = free_pages_of(zone);
	log_clear();
	free_unref_page(page, order);
	assert_non_null(strstr(log_text, "BUG: Bad page state in process swapper/0"));
	assert_non_null(strstr(log_text, text));
	assert_int_equal(free_pages_of(zone), free);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), free);
	assert_int_equal(buddy_check(zone), 0);
}

static struct page *taken(unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | (order ? __GFP_COMP : 0), order);

	set_page_count(page, 0);
	return page;
}

static void page_still_in_use_is_reported_and_lost(void **state)
{
	struct page *page;
	unsigned int round, free;
	struct zone *zone = world_simple(1024);

	for (round = 0; round < 2; round++) {
		page = taken(0);
		page->_refcount = 1;
		check_bad(page, 0, "page dumped because: nonzero _refcount");
		page = taken(0);
		page->_mapcount = 0;
		check_bad(page, 0, "page dumped because: nonzero mapcount");
		page = taken(0);
		__SetPageSlab(page);
		check_bad(page, 0, "page dumped because: page still has a type");
		page = taken(0);
		page->word = 0x1000;
		check_bad(page, 0, "page dumped because: non-NULL mapping");
		page = taken(0);
		SetPageLRU(page);
		check_bad(page, 0, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set");
		assert_non_null(strstr(log_text, "(lru|node=0|zone=2)"));
		page = taken(0);
		SetPageReserved(page);
		check_bad(page, 0, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set");
		page = taken(2);
		check_bad(page + 1, 0, "tail page freed");
		page = taken(2);
		check_bad(page, 1, "wrong compound order");
		page = taken(3);
		clear_compound_head(page + 5);
		check_bad(page, 3, "compound_head not consistent");
		page = taken(3);
		page[5]._mapcount = 3;
		check_bad(page, 3, "nonzero mapcount");
		world_add_pagesets(1, 8, 64);
	}
	/* Broken memory is lost without a word. */
	page = taken(0);
	SetPageHWPoison(page);
	drain_all_pages(NULL);
	free = (unsigned int)free_pages_of(zone);
	log_clear();
	free_unref_page(page, 0);
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), free);
	assert_string_equal(log_text, "");
}

static void freeing_twice_is_reported(void **state)
{
	struct page *page, *big;
	struct zone *zone = world_simple(64);

	page = alloc_page(GFP_KERNEL);
	big = alloc_pages(GFP_KERNEL, 4);
	__free_page(page);
	log_clear();
	__free_page(page);
	assert_non_null(strstr(log_text, "page dumped because: freed without a reference"));
	assert_int_equal(free_pages_of(zone), 64 - 16);
	world_check();
	log_clear();
	put_page(page);
	assert_non_null(strstr(log_text, "freed without a reference"));
	assert_int_equal(free_pages_of(zone), 64 - 16);
	world_check();
	/* The same in this CPU's list, and for a block, whose tails must not come twice either. */
	world_add_pagesets(1, 8, 64);
	page = alloc_page(GFP_KERNEL);
	__free_page(page);
	__free_pages(big, 4);
	log_clear();
	__free_page(page);
	assert_non_null(strstr(log_text, "freed without a reference"));
	log_clear();
	__free_pages(big, 4);
	assert_non_null(strstr(log_text, "freed without a reference"));
	world_check();
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

/* The pages beside it are free: they stay so, and the one that was freed is lost. */
static void freeing_more_than_there_was_is_reported(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_page(GFP_KERNEL);

	log_clear();
	__free_pages(page, 3);
	assert_non_null(strstr(log_text, "page dumped because: page still has a type"));
	assert_int_equal(free_pages_of(zone), 63);
	world_check();
}

/* ------------------------------------------------------------------ addresses and amounts */

static void addresses_are_of_the_linear_map(void **state)
{
	struct zone *zone = world_simple(256);
	unsigned long addr = __get_free_pages(GFP_KERNEL, 2), zero;

	assert_true(addr && IS_ALIGNED(addr - (unsigned long)world_memory, 4 * PAGE_SIZE));
	memset((void *)addr, 1, 4 * PAGE_SIZE);
	free_pages(addr, 2);
	zero = get_zeroed_page(GFP_KERNEL);
	assert_int_equal(*(char *)zero, 0);
	free_page(zero);
	free_pages(0, 3);
	assert_int_equal(free_pages_of(zone), 256);
	while (alloc_page(GFP_NOWAIT))
		;
	assert_int_equal(__get_free_page(GFP_NOWAIT), 0);
}

static void exact_amounts_cost_no_more(void **state)
{
	struct zone *zone = world_simple(MAX_ORDER_NR_PAGES * 2);
	size_t size;

	for (size = 1; size < 40 * PAGE_SIZE; size += 777) {
		unsigned long before = free_pages_of(zone);
		char *p = alloc_pages_exact(size, GFP_KERNEL);

		assert_non_null(p);
		memset(p, 1, size);
		assert_int_equal(before - free_pages_of(zone), PFN_UP(size));
		free_pages_exact(p, size);
		assert_int_equal(free_pages_of(zone), before);
	}
	assert_null(alloc_pages_exact(0, GFP_KERNEL));
	assert_null(alloc_pages_exact((PAGE_SIZE << MAX_PAGE_ORDER) + 1, GFP_KERNEL));
	assert_null(alloc_pages_exact(SIZE_MAX, GFP_KERNEL));
	assert_non_null(alloc_pages_exact_nid(0, PAGE_SIZE << MAX_PAGE_ORDER, GFP_KERNEL));
	world_check();
}

static void split_pages_are_freed_one_by_one(void **state)
{
	struct zone *zone = world_simple(64);
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	int i;

	split_page(page, 3);
	for (i = 7; i >= 0; i--)
		__free_page(page + i);
	assert_int_equal(free_pages_of(zone), 64);
	world_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_given_out_has_one_reference_and_nothing_else),
		cmocka_unit_test(zero_means_every_byte),
		cmocka_unit_test(compound_pages_are_made_and_undone),
		cmocka_unit_test(reference_taken_on_the_way_keeps_the_first_page_only),
		cmocka_unit_test(flags_of_contents_are_cleared_on_free),
		cmocka_unit_test_setup(page_still_in_use_is_reported_and_lost, log_start),
		cmocka_unit_test_setup(freeing_twice_is_reported, log_start),
		cmocka_unit_test_setup(freeing_more_than_there_was_is_reported, log_start),
		cmocka_unit_test(addresses_are_of_the_linear_map),
		cmocka_unit_test(guessed_reference_frees_what_the_page_is_now),
		cmocka_unit_test(exact_amounts_cost_no_more),
		cmocka_unit_test(split_pages_are_freed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
