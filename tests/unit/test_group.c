// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Groups of pages that one fault brings, and what becomes of their pages one by one. */
#include "group_world.h"

/* Pages [first, first + n) are a group of their own, in a row and aligned in memory. */
static void assert_group(unsigned long first, unsigned long n)
{
	struct page *head = mapped(mm, first);

	assert_non_null(head);
	assert_int_equal(page_to_pfn(head) & (n - 1), 0);
	for (unsigned long i = 0; i < n; i++) {
		assert_ptr_equal(mapped(mm, first + i), head + i);
		assert_ptr_equal(page_large_head(head + i), head);
		assert_int_equal(page_counts(head + i), PAGE_COUNTS_EXCLUSIVE);
	}
	assert_int_equal(head->prev, ilog2(n));
}

/* ------------------------------------------------------------------ faults */

static void a_write_brings_the_group_that_it_is_in(void **state)
{
	enable(3, THP_SIZE_ALWAYS);
	map_pages(0, HELD);
	set(mm, page_at_index(13), 'a');
	assert_int_equal(get_mm_rss(mm), 8);
	assert_group(8, 8);
	assert_null(mapped(mm, 7));
	assert_null(mapped(mm, 16));
	for (unsigned long i = 8; i < 16; i++)
		assert_int_equal(see(mm, page_at_index(i)), i == 13 ? 'a' : 0);
	assert_int_equal(mthp_stat(3, MTHP_ANON_FAULT_ALLOC), 1);
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 1);
	assert_int_equal(mm_check(mm), 0);
}

static void a_read_of_nothing_brings_the_zero_page_alone(void **state)
{
	enable(2, THP_SIZE_ALWAYS);
	map_pages(0, 8);
	assert_int_equal(see(mm, page_at_index(1)), 0);
	assert_int_equal(get_mm_rss(mm), 0);
	/* A write to it brings one page, and one beside it too: there is something in its group. */
	set(mm, page_at_index(1), 'b');
	set(mm, page_at_index(2), 'c');
	assert_int_equal(get_mm_rss(mm), 2);
}

static void area_and_what_is_there_leave_the_next_smaller_size(void **state)
{
	for (unsigned int order = 2; order < CONT_ORDER_HERE; order++)
		enable(order, THP_SIZE_ALWAYS);
	/* From page 4 on there is no group of 8 below page 8, and none of 16 below page 16. */
	map_pages(4, 12);
	set(mm, page_at_index(5), 'a');
	assert_group(4, 4);
	set(mm, page_at_index(9), 'b');
	assert_group(8, 8);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* An area's odd ends. */
	map_pages(1, 6);
	set(mm, page_at_index(2), 'a');
	assert_int_equal(get_mm_rss(mm), 1);
	set(mm, page_at_index(5), 'b');
	assert_int_equal(get_mm_rss(mm), 2);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* Page 2 is there: its four do not come again, their neighbours do. */
	disable_all();
	map_pages(0, 8);
	set(mm, page_at_index(2), 'x');
	enable(2, THP_SIZE_ALWAYS);
	enable(3, THP_SIZE_ALWAYS);
	set(mm, page_at_index(6), 'y');
	assert_group(4, 4);
	set(mm, page_at_index(1), 'z');
	assert_int_equal(get_mm_rss(mm), 6);
	assert_int_equal(mm_check(mm), 0);
}

static void settings_and_advice_decide_who_gets_a_group(void **state)
{
	settings_and_advice_decide(2);
}

static void without_memory_for_it_a_smaller_one_does(void **state)
{
	const long none = mthp_stat(4, MTHP_ANON_FAULT_FALLBACK),
		   less = mthp_stat(3, MTHP_ANON_FAULT_FALLBACK),
		   least = mthp_stat(2, MTHP_ANON_FAULT_FALLBACK);

	for (unsigned int order = 2; order <= 4; order++)
		enable(order, THP_SIZE_ALWAYS);
	page_debug = &injected;
	fail_from = 3;
	map_pages(0, 32);
	set(mm, page_at_index(9), 'x');
	assert_group(8, 4);
	fail_from = 2;
	set(mm, page_at_index(25), 'x');
	assert_int_equal(get_mm_rss(mm), 5);
	fail_from = 0;
	assert_int_equal(mthp_stat(4, MTHP_ANON_FAULT_FALLBACK) - none, 2);
	assert_int_equal(mthp_stat(3, MTHP_ANON_FAULT_FALLBACK) - less, 2);
	assert_int_equal(mthp_stat(2, MTHP_ANON_FAULT_FALLBACK) - least, 1);
}

/* ------------------------------------------------------------------ parts */

static void its_pages_are_unmapped_copied_and_moved_one_by_one(void **state)
{
	struct mm_struct *child;
	struct page *head;

	enable(3, THP_SIZE_ALWAYS);
	map_pages(0, 8);
	for (unsigned long i = 0; i < 8; i++)
		set(mm, page_at_index(i), (char)('a' + i));
	head = mapped(mm, 0);
	child = dup_mm(mm);
	set(child, page_at_index(2), 'X');
	assert_ptr_not_equal(mapped(child, 2), head + 2);
	assert_ptr_equal(mapped(child, 3), head + 3);
	/* Nobody else has that one any more: no copy. */
	set(mm, page_at_index(2), 'C');
	assert_ptr_equal(mapped(mm, 2), head + 2);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	set(mm, page_at_index(3), 'D');
	assert_ptr_equal(mapped(mm, 3), head + 3);
	assert_int_equal(vm_madvise(mm, page_at_index(5), PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(get_mm_rss(mm), 7);
	assert_int_equal(see(mm, page_at_index(5)), 0);
	assert_ptr_equal(page_large_head(head + 6), head);
	assert_int_equal(vm_mremap(mm, page_at_index(6), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, page_at_index(17)),
			 page_at_index(17));
	assert_int_equal(see(mm, page_at_index(17)), 'g');
	assert_ptr_equal(mapped(mm, 18), head + 7);
	/* The group lasts as long as its first page. */
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 1);
	assert_int_equal(vm_munmap(mm, BASE, PAGE_SIZE), 0);
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 0);
	assert_null(page_large_head(head + 7));
	assert_int_equal(see(mm, page_at_index(1)), 'b');
	assert_int_equal(mm_check(mm), 0);
}

/* ------------------------------------------------------------------ several CPUs */

/* Pages of the same groups, each CPU in an order of its own. */
static void *faulting(void *arg)
{
	unsigned long cpu = (unsigned long)arg;

	be_cpu((unsigned int)cpu);
	for (unsigned long n = 0; cpus_go_on(); n++) {
		unsigned long i = (n * (2 * cpu + 1) + cpu) % HELD, addr = page_at_index(i);
		struct page *page;

		/* Not always to be written. */
		if (i == 2 || i == 3)
			continue;
		if (handle_mm_fault(mm, addr, FAULT_FLAG_WRITE) & VM_FAULT_ERROR)
			return arg;
		page = get_user_page(mm, addr, n & 1);
		if (!page)
			return arg;
		user_page_put(page);
	}
	be_cpu(0);
	return NULL;
}

static void faults_in_one_group_go_on_while_it_changes(void **state)
{

	watched = false;
	map_pages(0, HELD);
	cpus_begin();
	cpus_run(faulting);
	for (unsigned int i = 0; i < (PAGE_SHIFT == 12 ? 400 : 60); i++) {
		struct mm_struct *child;

		for (unsigned int order = 2; order <= CONT_ORDER_HERE + 1; order++)
			enable(order, (i >> (order & 3)) & 1 ? THP_SIZE_ALWAYS : THP_SIZE_NEVER);
		assert_int_equal(vm_madvise(mm, page_at_index(i % 5), (HELD - i % 7) * PAGE_SIZE,
					    MADV_DONTNEED),
				 i % 5 > i % 7 ? -ENOMEM : 0);
		handle_mm_fault(mm, page_at_index(5), FAULT_FLAG_WRITE);
		assert_int_equal(vm_mprotect(mm, page_at_index(2), 2 * PAGE_SIZE, PROT_READ), 0);
		child = dup_mm(mm);
		assert_non_null(child);
		handle_mm_fault(mm, page_at_index(6), FAULT_FLAG_WRITE);
		mmput(child);
		assert_int_equal(
			vm_mprotect(mm, page_at_index(2), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE),
			0);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_brings_the_group_that_it_is_in),
		TEST(a_read_of_nothing_brings_the_zero_page_alone),
		TEST(area_and_what_is_there_leave_the_next_smaller_size),
		TEST(settings_and_advice_decide_who_gets_a_group),
		TEST(without_memory_for_it_a_smaller_one_does),
		TEST(its_pages_are_unmapped_copied_and_moved_one_by_one),
		TEST(faults_in_one_group_go_on_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
