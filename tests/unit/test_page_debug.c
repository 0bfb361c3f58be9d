// SPDX-License-Identifier: MIT
/* links: @debug @slab mm/kmem/kvmalloc.c lib/debug_hooks.c port/host/symbols.c port/host/stack_trace.c */
/* cflags: -D_GNU_SOURCE -DQUIRE_HOST -fno-omit-frame-pointer */
/*
 * page_poison, page_owner, debug_guardpage_minorder, debug_leaks and failures: what is planted is reported, with who did it; what is
 * right is not; and no page is lost.
 */
#include "debug_world.h"

static noinline struct page *take_here(unsigned int order)
{
	struct page *volatile page = alloc_pages(GFP_KERNEL, order);

	return page;
}

static noinline void give_here(struct page *page, unsigned int order)
{
	__free_pages(page, order);
	__asm__ volatile("");
}

static int quiet(void **state)
{
	forget_log();
	return 0;
}

static int back(void **state)
{
	all_is_back();
	return 0;
}

/* Pages until the one that is looked for comes. Returns how many. */
static unsigned int take_until(const struct page *page, struct page **taken, unsigned int max)
{
	unsigned int n = 0;

	do
		taken[n] = take_here(0);
	while (taken[n++] != page && n < max);
	assert_ptr_equal(taken[n - 1], page);
	return n;
}

static void writing_a_freed_page_is_found(void **state)
{
	struct page *page = take_here(0), *taken[64];
	u8 *p = page_address(page);
	unsigned int n;

	memset(p, 0, PAGE_SIZE);
	give_here(page, 0);
	p[100] = 0x12;
	p[101] = 0x13;
	n = take_until(page, taken, ARRAY_SIZE(taken));
	assert_logged("pagealloc: memory corruption\n");
	assert_logged("bytes 0x64 to 0x65, written after it was freed\n");
	assert_logged(": 12 13 ");
	assert_logged(" give_here+");
	while (n)
		give_here(taken[--n], 0);
	forget_log();
	p[7] ^= 1;
	n = take_until(page, taken, ARRAY_SIZE(taken));
	assert_logged("pagealloc: single bit error\n");
	while (n)
		give_here(taken[--n], 0);
	forget_log();
	n = take_until(page, taken, ARRAY_SIZE(taken));
	assert_string_equal(log_text, "");
	while (n)
		give_here(taken[--n], 0);
}

static void owners_are_known(void **state)
{
	struct page *page = take_here(2);
	struct page_owner o;
	unsigned long pfn = page_to_pfn(page);
	const unsigned long *entries;

	assert_true(page_owner_next(&pfn, &o));
	assert_int_equal(o.pfn, page_to_pfn(page));
	assert_int_equal(o.order, 2);
	assert_int_equal(o.gfp, GFP_KERNEL);
	assert_false(o.boot);
	assert_true(stack_depot_fetch(o.stack, &entries) > 2);
	forget_log();
	page_owner_print(page);
	assert_logged(" take_here+");
	assert_int_equal(pfn, page_to_pfn(page) + 4);
	split_page(page, 2);
	pfn = page_to_pfn(page) + 3;
	assert_true(page_owner_next(&pfn, &o));
	assert_int_equal(o.pfn, page_to_pfn(page) + 3);
	assert_int_equal(o.order, 0);
	for (unsigned int i = 0; i < 4; i++)
		give_here(page + i, 0);
	pfn = page_to_pfn(page);
	assert_true(!page_owner_next(&pfn, &o) || o.pfn >= page_to_pfn(page) + 4);
	forget_log();
	page_owner_print(page);
	assert_logged("last free stack trace:\n");
	assert_logged(" give_here+");
}

static void behind_a_block_nobody_may_touch(void **state)
{
	unsigned int order;

	for (order = 0; order < 3; order++) {
		unsigned long before = linear_hidden_pages;
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, order);
		u8 *p = page_address(page), *end = p + (PAGE_SIZE << order);

		assert_int_equal(compound_order(page), order);
		assert_int_equal(end[-1], 0);
		if (order < 2) {
			forget_log();
			assert_true(faults(end + 5));
			assert_logged("BUG: guard page touched: read");
			assert_logged("5 bytes behind the block of order");
			assert_logged("behind_a_block_nobody_may_touch");
			assert_int_equal(linear_hidden_pages - before, 4U - (1U << order));
		}
		__free_pages(page, order);
		assert_int_equal(linear_hidden_pages, before);
	}
}

static struct fault_attr attr(const char *val)
{
	struct fault_attr a = {.name = "test"};

	assert_null(setup_fault_attr(&a, val));
	return a;
}

static unsigned int failures(struct fault_attr *a, unsigned int n, long size)
{
	unsigned int failed = 0;

	while (n--)
		failed += should_fail(a, size);
	return failed;
}

static void failures_come_as_asked_for(void **state)
{
	struct fault_attr a = attr("1,100,0,-1");

	assert_int_equal(failures(&a, 50, 1), 50);
	a = attr("5,100,0,-1");
	assert_int_equal(failures(&a, 50, 1), 10);
	a = attr("1,100,0,3");
	assert_int_equal(failures(&a, 50, 1), 3);
	/* As long as more than a request's size is left of it, none fails. */
	a = attr("1,100,1000,-1");
	assert_int_equal(failures(&a, 9, 100), 0);
	assert_int_equal(failures(&a, 5, 100), 5);
	a = attr("1,0,0,-1");
	assert_int_equal(failures(&a, 50, 1), 0);
	a = attr("1,50,0,-1");
	assert_in_range(failures(&a, 1000, 1), 400, 600);
	assert_int_equal(attr("1,10,0,-1,3").min_order, 3);
	assert_non_null(setup_fault_attr(&a, NULL));
	assert_non_null(setup_fault_attr(&a, ""));
	assert_non_null(setup_fault_attr(&a, "1,2,3"));
	assert_non_null(setup_fault_attr(&a, "1,101,0,1"));
	assert_non_null(setup_fault_attr(&a, "1,100,0,1,2,3"));
	assert_non_null(setup_fault_attr(&a, "1,100,0,x"));
	assert_non_null(setup_fault_attr(&a, "1,100,0,-2"));
}

static void the_nth_request_fails_and_says_where(void **state)
{
	depot_stack_handle_t site;
	struct page *page[3];
	void *p;

	fault_nth(2);
	page[0] = take_here(0);
	page[1] = take_here(0);
	page[2] = take_here(0);
	assert_true(page[0] && !page[1] && page[2]);
	assert_true(fault_nth_hit(&site));
	forget_log();
	stack_depot_print(site);
	assert_logged(" take_here+");
	give_here(page[0], 0);
	give_here(page[2], 0);
	fault_nth(1);
	p = kmalloc(100, GFP_KERNEL);
	assert_null(p);
	fault_nth(1);
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 3));
	fault_nth(1);
	page[0] = alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 0);
	assert_non_null(page[0]);
	assert_false(fault_nth_hit(NULL));
	fault_nth(0);
	give_here(page[0], 0);
}

static noinline void *leak_here(size_t size)
{
	void *volatile p = kmalloc(size, GFP_KERNEL);

	return p;
}

static void what_is_left_is_listed(void **state)
{
	void *p[3];
	struct page *page;
	/* One call, not three that the compiler makes of it. */
	volatile unsigned int i;

	assert_int_equal(leaks_report(), 0);
	assert_logged("debug_leaks: everything was freed\n");
	for (i = 0; i < 3; i++)
		p[i] = leak_here(100);
	page = take_here(3);
	forget_log();
	assert_int_equal(leaks_report(), 4);
	assert_logged("debug_leaks: 3 objects of kmalloc-128, 300 bytes, allocated by:\n");
	assert_logged(" leak_here+");
	assert_logged("debug_leaks: 1 blocks of pages, 32768 bytes, allocated by:\n");
	assert_logged(" take_here+");
	assert_logged("debug_leaks: 4 allocations, 33068 bytes were not freed\n");
	for (i = 0; i < 3; i++)
		kfree(p[i]);
	give_here(page, 3);
}

static void equal_stacks_have_one_number(void **state)
{
	unsigned long a[] = {1, 2, 3}, b[] = {1, 2, 4};
	struct stack_depot_stats before, after;
	const unsigned long *entries;
	depot_stack_handle_t h = stack_depot_save(a, 3);

	stack_depot_get_stats(&before);
	assert_int_not_equal(h, 0);
	assert_int_equal(stack_depot_save(a, 3), h);
	assert_int_not_equal(stack_depot_save(a, 2), h);
	assert_int_not_equal(stack_depot_save(b, 3), h);
	assert_int_equal(stack_depot_fetch(h, &entries), 3);
	assert_memory_equal(entries, a, sizeof(a));
	stack_depot_get_stats(&after);
	assert_int_equal(after.stacks, before.stacks + 2);
	assert_int_equal(stack_depot_save(a, 0), 0);
	assert_int_equal(stack_depot_fetch(0, &entries), 0);
}

static depot_stack_handle_t handles[4][500];

static void *save_many(void *arg)
{
	unsigned int t = (unsigned int)(uintptr_t)arg, i;

	for (i = 0; i < 500; i++) {
		unsigned long e[] = {0x1000, i, i * 7};

		handles[t][i] = stack_depot_save(e, 3);
	}
	return NULL;
}

static void cpus_agree_on_the_numbers(void **state)
{
	pthread_t t[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, save_many, (void *)(uintptr_t)i);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 1; i < 4; i++)
		assert_memory_equal(handles[0], handles[i], sizeof(handles[0]));
}

/* Notes that hold a number may be overwritten: any number is a chain that was kept, or none. */
static void a_number_that_was_never_given_is_no_stack(void **state)
{
	const unsigned long kept[] = {~0UL, ~0UL, 5, 0xffff800080001234UL, 7};
	const unsigned long *entries;
	depot_stack_handle_t h = stack_depot_save(kept, ARRAY_SIZE(kept));
	struct stack_depot_stats st;
	unsigned int i;

	stack_depot_get_stats(&st);
	assert_int_equal(stack_depot_fetch(h, &entries), ARRAY_SIZE(kept));
	assert_memory_equal(entries, kept, sizeof(kept));
	for (i = 1; i < 2 + ARRAY_SIZE(kept) + 4; i++)
		assert_int_equal(stack_depot_fetch(h + i, &entries), 0);
	assert_int_equal(stack_depot_fetch((u32)(st.bytes / sizeof(u64)), &entries), 0);
	assert_int_equal(stack_depot_fetch(~0U, &entries), 0);
}

/* Last: nothing has room afterwards. */
static void a_full_depot_loses_stacks_and_says_so(void **state)
{
	struct stack_depot_stats st;
	unsigned long e[16] = {0};

	do {
		e[0]++;
		stack_depot_get_stats(&st);
	} while (stack_depot_save(e, 16));
	stack_depot_get_stats(&st);
	assert_true(st.lost >= 1);
	assert_true(st.bytes <= st.bytes_max);
	stack_depot_print(0);
	assert_logged("not known");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, quiet, back)
	const struct CMUnitTest tests[] = {
		T(writing_a_freed_page_is_found),
		T(owners_are_known),
		T(behind_a_block_nobody_may_touch),
		T(failures_come_as_asked_for),
		T(the_nth_request_fails_and_says_where),
		T(what_is_left_is_listed),
		T(equal_stacks_have_one_number),
		T(cpus_agree_on_the_numbers),
		T(a_number_that_was_never_given_is_no_stack),
		T(a_full_depot_loses_stacks_and_says_so),
	};

	debug_machine("page_poison=1", "page_owner=on", "debug_guardpage_minorder=2", "debug_leaks",
		      "failslab=1,0,0,0", "fail_nth=1000000000", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
