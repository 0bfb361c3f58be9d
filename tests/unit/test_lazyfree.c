// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Pages that may be dropped go when memory is short, and no others. Accesses go through TLBs that forget nothing until they are flushed. */
#include "vm_world.h"

static struct mm_struct *mm, *child;

static int begin(void **state)
{
	world_begin();
	srandom(7);
	mm = mm_alloc();
	child = NULL;
	assert_non_null(mm);
	page_alloc_hooks.direct_reclaim = NULL;
	vm_reclaim_init();
	return 0;
}

static int end(void **state)
{
	page_alloc_hooks.direct_reclaim = NULL;
	mmput(mm);
	if (child)
		mmput(child);
	world_end();
	return 0;
}

static unsigned long reclaim(void)
{
	return page_alloc_hooks.direct_reclaim(GFP_KERNEL, 0, 0, NULL);
}

#define MAP_DROPPABLE 8UL

/* So many pages at the window, written: page i holds i + 1. */
static void map_written(unsigned int pages, unsigned long flags)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, WINDOW, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       flags | MAP_ANONYMOUS | MAP_FIXED, 0),
			 WINDOW);
	for (unsigned int i = 0; i < pages; i++) {
		unsigned char byte = (unsigned char)(i + 1);

		assert_int_equal(access(mm, addr_of(i), true, &byte), 0);
	}
}

static int read_at(struct mm_struct *whose, unsigned int page)
{
	unsigned char byte = 0xee;

	assert_int_equal(access(whose, addr_of(page), false, &byte), 0);
	return byte;
}

static void free_advice(unsigned int first, unsigned int n)
{
	assert_int_equal(vm_madvise(mm, addr_of(first), n * PAGE_SIZE, MADV_FREE), 0);
}

static void what_is_not_missed_goes_and_reads_as_zeros(void **state)
{
	map_written(6, MAP_PRIVATE);
	assert_int_equal(reclaim(), 0);
	free_advice(1, 3);
	/* As long as it is there it may be read as it was. */
	assert_int_equal(read_at(mm, 2), 3);
	assert_int_equal(reclaim(), 3);
	assert_int_equal(get_mm_rss(mm), 3);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(read_at(mm, i), i >= 1 && i <= 3 ? 0 : i + 1);
	assert_int_equal(reclaim(), 0);
	assert_int_equal(mm_check(mm), 0);
}

static void what_is_written_again_stays(void **state)
{
	unsigned char byte = 9;

	map_written(4, MAP_PRIVATE);
	free_advice(0, 4);
	assert_int_equal(access(mm, addr_of(1), true, &byte), 0);
	/* By the kernel, too. */
	assert_int_equal(access_remote_vm(mm, addr_of(2), &byte, 1, true), 0);
	assert_int_equal(reclaim(), 2);
	assert_int_equal(read_at(mm, 1), 9);
	assert_int_equal(read_at(mm, 2), 9);
	assert_int_equal(read_at(mm, 0), 0);
}

static void a_page_that_others_have_stays(void **state)
{
	struct page *held;

	map_written(3, MAP_PRIVATE);
	child = dup_mm(mm);
	assert_non_null(child);
	memset(tlb, 0, sizeof(tlb));
	free_advice(0, 3);
	assert_int_equal(reclaim(), 0);
	mmput(child);
	child = NULL;
	held = get_user_page(mm, addr_of(1), false);
	assert_non_null(held);
	free_advice(0, 3);
	assert_int_equal(reclaim(), 2);
	assert_int_equal(read_at(mm, 1), 2);
	put_user_page(held);
	free_advice(1, 1);
	assert_int_equal(reclaim(), 1);
	assert_int_equal(mm_check(mm), 0);
}

static void a_child_s_copy_may_go_and_the_parent_s_stay(void **state)
{
	map_written(2, MAP_PRIVATE);
	free_advice(0, 2);
	child = dup_mm(mm);
	memset(tlb, 0, sizeof(tlb));
	assert_int_equal(read_at(child, 0), 1);
	assert_int_equal(reclaim(), 0);
	assert_int_equal(mm_check(child), 0);
}

static void droppable_pages_go_though_they_were_written(void **state)
{
	map_written(3, MAP_DROPPABLE);
	assert_int_equal(reclaim(), 3);
	assert_int_equal(read_at(mm, 1), 0);
	assert_int_equal(get_mm_rss(mm), 0);
}

static void pageout_drops_just_the_range(void **state)
{
	map_written(4, MAP_DROPPABLE);
	assert_int_equal(vm_madvise(mm, addr_of(1), 2 * PAGE_SIZE, MADV_PAGEOUT), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(read_at(mm, i), i == 1 || i == 2 ? 0 : i + 1);
	/* What is a program's own has nowhere to go. */
	map_written(2, MAP_PRIVATE);
	assert_int_equal(vm_madvise(mm, WINDOW, 2 * PAGE_SIZE, MADV_PAGEOUT), 0);
	assert_int_equal(read_at(mm, 1), 2);
}

static void cold_pages_are_not_young_and_stay(void **state)
{
	unsigned long stop;

	map_written(2, MAP_PRIVATE);
	assert_true(pte_load(pte_find(mm, addr_of(0), &stop)) & DESC_AF);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, MADV_COLD), 0);
	assert_false(pte_load(pte_find(mm, addr_of(0), &stop)) & DESC_AF);
	assert_true(pte_load(pte_find(mm, addr_of(1), &stop)) & DESC_AF);
	assert_int_equal(reclaim(), 0);
}

static void an_allocation_gets_them_before_it_fails(void **state)
{
	struct page_list all = {0};
	unsigned long with = 0, without = 0;
	struct page *page;

	map_written(40, MAP_PRIVATE);
	while ((page = alloc_page(GFP_KERNEL | __GFP_NOWARN))) {
		page_list_add(&all, page);
		without++;
	}
	free_advice(0, 40);
	while ((page = alloc_page(GFP_KERNEL | __GFP_NOWARN))) {
		page_list_add(&all, page);
		with++;
	}
	assert_true(without > 0);
	assert_int_equal(with, 40);
	assert_int_equal(get_mm_rss(mm), 0);
	while ((page = page_list_first(&all))) {
		page_list_del(&all, page);
		__free_page(page);
	}
}

#define FIRST_ERROR(err, advice, len)                                                              \
	assert_int_equal(vm_madvise(mm, WINDOW, (len)*PAGE_SIZE, advice), err)

static void only_anonymous_private_memory_can_be_freed_lazily(void **state)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, 0),
			 WINDOW);
	FIRST_ERROR(-EINVAL, MADV_FREE, 1);
	map_written(2, MAP_PRIVATE);
	assert_int_equal(vm_mlock(mm, WINDOW, PAGE_SIZE, false), 0);
	FIRST_ERROR(-EINVAL, MADV_FREE, 2);
	FIRST_ERROR(-EINVAL, MADV_COLD, 2);
	FIRST_ERROR(-EINVAL, MADV_PAGEOUT, 2);
	/* The second page comes after the error. */
	assert_int_equal(reclaim(), 0);
	assert_int_equal(vm_munlock(mm, WINDOW, PAGE_SIZE), 0);
	FIRST_ERROR(-ENOMEM, MADV_FREE, 3);
	assert_int_equal(reclaim(), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_missed_goes_and_reads_as_zeros),
		TEST(what_is_written_again_stays),
		TEST(a_page_that_others_have_stays),
		TEST(a_child_s_copy_may_go_and_the_parent_s_stay),
		TEST(droppable_pages_go_though_they_were_written),
		TEST(pageout_drops_just_the_range),
		TEST(cold_pages_are_not_young_and_stay),
		TEST(an_allocation_gets_them_before_it_fails),
		TEST(only_anonymous_private_memory_can_be_freed_lazily),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
