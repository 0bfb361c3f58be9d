// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* mprotect: what is shared stays so, and what is known of entries is kept. */
#include "vm_world.h"

static int begin(void **state)
{
	world_begin();
	return 0;
}

static int end(void **state)
{
	world_end();
	return 0;
}

static struct mm_struct *space(void)
{
	struct mm_struct *mm = mm_alloc();

	assert_non_null(mm);
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr_of(0), PAGES * PAGE_SIZE,
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 addr_of(0));
	for (unsigned int i = 0; i < PAGES; i++) {
		unsigned char byte = (unsigned char)i;

		assert_int_equal(access(mm, addr_of(i), true, &byte), 0);
	}
	return mm;
}

static void protect(struct mm_struct *mm, unsigned long prot)
{
	assert_int_equal(vm_mprotect(mm, addr_of(0), PAGES * PAGE_SIZE, prot), 0);
}

static void expect(struct mm_struct *mm, unsigned int page, unsigned char what)
{
	unsigned char byte = (unsigned char)~what;

	assert_int_equal(access(mm, addr_of(page), false, &byte), 0);
	assert_int_equal(byte, what);
}

/* All pages but one, at each place among its neighbours, are copied before: none is written through an entry that both have. */
static void a_page_that_a_child_has_too_is_not_written(void **state)
{
	for (unsigned int shared = 8; shared < 24; shared++) {
		struct mm_struct *mm = space(), *child = dup_mm(mm);
		unsigned char byte = 200;

		assert_non_null(child);
		for (unsigned int i = 0; i < PAGES; i++)
			if (i != shared)
				assert_int_equal(access(mm, addr_of(i), true, &byte), 0);
		protect(mm, PROT_READ);
		protect(mm, PROT_READ | PROT_WRITE);
		for (unsigned int i = 0; i < PAGES; i++)
			assert_int_equal(access(mm, addr_of(i), true, &byte), 0);
		for (unsigned int i = 0; i < PAGES; i++) {
			expect(mm, i, 200);
			expect(child, i, (unsigned char)i);
		}
		assert_int_equal(mm_check(mm), 0);
		mmput(child);
		mmput(mm);
	}
}

static void a_page_of_one_s_own_is_written_without_a_fault(void **state)
{
	struct mm_struct *mm = space();

	protect(mm, PROT_READ);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_null(hardware(mm, addr_of(i), true));
	protect(mm, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_non_null(hardware(mm, addr_of(i), true));
	mmput(mm);
}

static void nothing_is_read_where_nothing_is_allowed(void **state)
{
	struct mm_struct *mm = space();

	protect(mm, PROT_NONE);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_null(hardware(mm, addr_of(i), false));
	assert_int_equal(get_mm_rss(mm), PAGES);
	protect(mm, PROT_READ);
	for (unsigned int i = 0; i < PAGES; i++)
		expect(mm, i, (unsigned char)i);
	assert_int_equal(mm_check(mm), 0);
	mmput(mm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_that_a_child_has_too_is_not_written),
		TEST(a_page_of_one_s_own_is_written_without_a_fault),
		TEST(nothing_is_read_where_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
