// SPDX-License-Identifier: MIT
/* links: */
/* The generated functions of page flags and types, policies, compound pages, and the table in docs/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/page_ref.h>

struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn;

static struct page map[64];

/* page[8..11] is a compound page of order 2. */
static struct page *setup_compound(void)
{
	unsigned int i;

	memset(map, 0, sizeof(map));
	vmemmap = page_index_base = map;
	for (i = 0; i < 64; i++)
		map[i]._mapcount = -1;
	__SetPageHead(&map[8]);
	for (i = 9; i < 12; i++)
		set_compound_head(&map[i], &map[8]);
	map[9].order = 2;
	return &map[8];
}

static void flags_are_23_and_leave_room_for_zone_and_node(void **state)
{
	assert_int_equal(NR_PAGEFLAGS, 23);
	assert_int_equal(NR_PAGEFLAGS, PAGE_ZONE_SHIFT);
	assert_int_equal(PG_locked, 0);
	assert_int_equal(PG_head, 6);
	assert_int_equal(PG_waiters, 7);
	assert_int_equal(PG_idle, 22);
}

/* What every function of one flag does to a small page, whose other bits must not change. */
#define X(flag, Name, ...)                                                                         \
	static void flag_##flag(void)                                                              \
	{                                                                                          \
		struct page *page = &map[20];                                                      \
		struct folio *folio = (struct folio *)page;                                        \
		const u32 bit = 1U << PG_##flag, other = 0xa5a5a5a5U & ~bit;                       \
                                                                                                   \
		page->flags = other;                                                               \
		assert_false(Page##Name(page));                                                    \
		SetPage##Name(page);                                                               \
		assert_int_equal(page->flags, other | bit);                                        \
		assert_true(Page##Name(page));                                                     \
		ClearPage##Name(page);                                                             \
		assert_int_equal(page->flags, other);                                              \
		__SetPage##Name(page);                                                             \
		assert_int_equal(page->flags, other | bit);                                        \
		__ClearPage##Name(page);                                                           \
		assert_int_equal(page->flags, other);                                              \
		assert_false(TestSetPage##Name(page));                                             \
		assert_true(TestSetPage##Name(page));                                              \
		assert_true(TestClearPage##Name(page));                                            \
		assert_false(TestClearPage##Name(page));                                           \
		assert_int_equal(page->flags, other);                                              \
		assert_false(folio_test_##flag(folio));                                            \
		folio_set_##flag(folio);                                                           \
		assert_true(folio_test_##flag(folio));                                             \
		assert_int_equal(page->flags, other | bit);                                        \
		folio_clear_##flag(folio);                                                         \
		__folio_set_##flag(folio);                                                         \
		assert_int_equal(page->flags, other | bit);                                        \
		__folio_clear_##flag(folio);                                                       \
		assert_int_equal(page->flags, other);                                              \
		assert_false(folio_test_set_##flag(folio));                                        \
		assert_true(folio_test_clear_##flag(folio));                                       \
		assert_int_equal(page->flags, other);                                              \
	}
PAGE_FLAG_LIST(X)
#undef X

static void every_function_of_every_flag_touches_its_bit_alone(void **state)
{
	setup_compound();
#define X(flag, ...) flag_##flag();
	PAGE_FLAG_LIST(X)
#undef X
}

static void second_names_share_the_bit(void **state)
{
	struct page *page = &map[20];

	setup_compound();
	SetPageSwapCache(page);
	assert_int_equal(page->flags, 1U << PG_owner_priv_1);
	page->flags = 0;
	folio_set_readahead((struct folio *)page);
	assert_true(PageReclaim(page));
}

/* Where a flag lives when it is set by way of a tail. */
static void policies_say_which_page_has_the_flag(void **state)
{
	struct page *head = setup_compound(), *tail = head + 2;

	SetPageDirty(tail); /* PF_HEAD */
	assert_true(head->flags >> PG_dirty & 1);
	assert_int_equal(tail->flags, 0);
	assert_true(PageDirty(tail));
	SetPagePrivate(tail); /* PF_ANY */
	assert_true(tail->flags >> PG_private & 1);
	assert_false(PagePrivate(head));
	__SetPageLocked(head); /* PF_NO_TAIL */
	assert_true(PageLocked(tail));
	SetPageHasHWPoisoned(head); /* PF_SECOND */
	assert_true(head[1].flags >> PG_active & 1);
	assert_true(folio_test_has_hwpoisoned((struct folio *)head));
	assert_false(folio_test_active((struct folio *)head));
}

static void compound_pages_know_head_order_and_size(void **state)
{
	struct page *head = setup_compound();
	struct folio *folio = page_folio(head + 3);

	assert_ptr_equal(folio, head);
	assert_ptr_equal(compound_head(head + 1), head);
	assert_ptr_equal(compound_head(&map[20]), &map[20]);
	assert_true(PageTail(head + 1));
	assert_false(PageTail(head));
	assert_true(PageCompound(head) && PageCompound(head + 3));
	assert_false(PageCompound(&map[20]));
	assert_int_equal(folio_order(folio), 2);
	assert_int_equal(folio_nr_pages(folio), 4);
	assert_int_equal(folio_nr_pages(page_folio(&map[20])), 1);
	assert_ptr_equal(folio_page(folio, 3), head + 3);
	clear_compound_head(head + 1);
	assert_false(PageTail(head + 1));
	/* A mapping's marks are not a tail's. */
	map[20].word = 0x7f0012345678UL | PAGE_MAPPING_KSM;
	assert_false(PageTail(&map[20]));
}

static void types_exclude_each_other_and_mapcounts(void **state)
{
	struct page *page = &map[30];
	int mapcount;

	setup_compound();
	assert_false(page_has_type(page));
#define X(type, Name, fname, value)                                                                \
	__SetPage##Name(page);                                                                     \
	assert_true(Page##Name(page));                                                             \
	assert_true(folio_test_##fname((struct folio *)page));                                     \
	assert_int_equal(page->page_type, (u32)value << 24);                                       \
	assert_int_equal(PageBuddy(page) + PageOffline(page) + PageTable(page) + PageGuard(page) + \
				 PageHugetlb(page) + PageSlab(page) + PageZsmalloc(page) +         \
				 PageUnaccepted(page),                                             \
			 1);                                                                       \
	assert_true(page_has_type(page));                                                          \
	__ClearPage##Name(page);                                                                   \
	assert_int_equal(page->_mapcount, -1);                                                     \
	__folio_set_##fname((struct folio *)page);                                                 \
	assert_true(Page##Name(page));                                                             \
	__folio_clear_##fname((struct folio *)page);                                               \
	assert_false(page_has_type(page));
	PAGE_TYPE_LIST(X)
#undef X
	for (mapcount = -1; mapcount < 1000; mapcount++) {
		page->_mapcount = mapcount;
		assert_false(page_has_type(page));
	}
	page->_mapcount = INT_MAX;
	assert_false(page_has_type(page));
}

static void table_in_docs_is_up_to_date(void **state)
{
	assert_int_equal(system("python3 tools/page_flags_table.py --check"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_23_and_leave_room_for_zone_and_node),
		cmocka_unit_test(every_function_of_every_flag_touches_its_bit_alone),
		cmocka_unit_test(second_names_share_the_bit),
		cmocka_unit_test(policies_say_which_page_has_the_flag),
		cmocka_unit_test(compound_pages_know_head_order_and_size),
		cmocka_unit_test(types_exclude_each_other_and_mapcounts),
		cmocka_unit_test(table_in_docs_is_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
