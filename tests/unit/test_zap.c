// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Pages that leave an address space: all of them, once, and out of every TLB. */
#include "vm_world.h"

/* More than a gather notes by itself, and than its page of its own. */
#define MANY ((unsigned int)(GATHER_PAGES + PAGE_SIZE / sizeof(unsigned long) + 37))
#include "mm/vm/gather.h"

static bool no_memory;

static bool should_fail(gfp_t gfp, unsigned int order)
{
	(void)gfp, (void)order;
	return no_memory;
}

static const struct page_debug_ops injected = {.should_fail = should_fail};

static int begin(void **state)
{
	world_begin();
	world_add_pagesets(4, 8, 64);
	srandom(11);
	return 0;
}

static int end(void **state)
{
	page_debug = NULL;
	no_memory = false;
	world_end();
	return 0;
}

static struct mm_struct *space(void)
{
	struct mm_struct *mm = mm_alloc();

	assert_non_null(mm);
	return mm;
}

static void map_at(struct mm_struct *mm, unsigned long addr, unsigned long pages)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 addr);
}

/* A page that is empty, the zero page, or the program's own with a byte of its number: mostly as the one before, so that there are runs. */
static void fill(struct mm_struct *mm, unsigned int kind[PAGES])
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < PAGES; i++) {
		unsigned char byte = (unsigned char)i;

		if (random() % 4 == 0)
			k = (unsigned int)random() % 3;
		kind[i] = k;
		if (k)
			assert_int_equal(access(mm, addr_of(i), k == 2, &byte), 0);
	}
}

static void what_is_unmapped_is_in_no_tlb(void **state)
{
	struct mm_struct *mm = space();

	for (unsigned int round = 0; round < 200; round++) {
		unsigned int kind[PAGES], from = (unsigned int)random() % PAGES,
					  n = 1 + (unsigned int)random() % (PAGES - from);

		map_at(mm, addr_of(0), PAGES);
		fill(mm, kind);
		assert_int_equal(vm_munmap(mm, addr_of(from), n * PAGE_SIZE), 0);
		map_at(mm, addr_of(from), n);
		for (unsigned int i = 0; i < PAGES; i++) {
			bool gone = i >= from && i < from + n;
			unsigned char byte = 1;

			assert_int_equal(access(mm, addr_of(i), false, &byte), 0);
			assert_int_equal(byte, !gone && kind[i] == 2 ? i : 0);
		}
		assert_int_equal(mm_check(mm), 0);
		assert_int_equal(vm_munmap(mm, addr_of(0), PAGES * PAGE_SIZE), 0);
		assert_int_equal(get_mm_rss(mm), 0);
	}
	mmput(mm);
}

static void more_pages_go_than_a_gather_holds(void **state)
{
	struct mm_struct *mm = space();

	for (unsigned int round = 0; round < 3; round++) {
		map_at(mm, WALKS, MANY);
		for (unsigned int i = 0; i < MANY; i++)
			assert_int_equal(handle_mm_fault(mm, WALKS + i * PAGE_SIZE,
							 i % 50 == 49 ? 0 : FAULT_FLAG_WRITE),
					 0);
		if (round == 1) {
			/* Without a page for more of them, the flush comes sooner. */
			no_memory = true;
			page_debug = &injected;
		}
		if (round == 2)
			break;
		assert_int_equal(vm_munmap(mm, WALKS, MANY * PAGE_SIZE), 0);
		no_memory = false;
		page_debug = NULL;
		assert_int_equal(get_mm_rss(mm), 0);
		assert_int_equal(mm->pgtables_bytes, 0);
	}
	/* The third time they go with their address space. */
	mmput(mm);
}

static void what_somebody_else_has_stays(void **state)
{
	struct mm_struct *mm = space(), *child;
	unsigned char byte = 0;
	struct page *held;

	map_at(mm, addr_of(0), PAGES);
	for (unsigned int i = 0; i < PAGES; i++) {
		byte = (unsigned char)(i + 1);
		assert_int_equal(access(mm, addr_of(i), true, &byte), 0);
	}
	held = get_user_page(mm, addr_of(5), true);
	assert_non_null(held);
	child = dup_mm(mm);
	assert_non_null(child);
	/* The child's own by now: the parent's is not shared any more. */
	byte = 99;
	assert_int_equal(access(child, addr_of(7), true, &byte), 0);
	assert_int_equal(vm_munmap(mm, addr_of(0), PAGES / 2 * PAGE_SIZE), 0);
	assert_int_equal(get_mm_rss(mm), PAGES - PAGES / 2);
	for (unsigned int i = 0; i < PAGES; i++) {
		assert_int_equal(access(child, addr_of(i), false, &byte), 0);
		assert_int_equal(byte, i == 7 ? 99 : i + 1);
	}
	assert_int_equal(mm_check(child), 0);
	/* The last one that shows them goes; one of the pages is held. */
	mmput(child);
	for (unsigned int i = PAGES / 2; i < PAGES; i++) {
		assert_int_equal(access(mm, addr_of(i), false, &byte), 0);
		assert_int_equal(byte, i + 1);
	}
	mmput(mm);
	assert_int_equal(page_ref_count(held), 1);
	assert_int_equal(*(unsigned char *)page_address(held), 6);
	put_user_page(held);
}

static void address_spaces_end_in_any_order(void **state)
{
	for (unsigned int round = 0; round < 60; round++) {
		struct mm_struct *each[3] = {space()};
		unsigned int kind[PAGES], first = round % 3;

		map_at(each[0], addr_of(0), PAGES);
		fill(each[0], kind);
		for (unsigned int i = 1; i < 3; i++) {
			each[i] = dup_mm(each[i - 1]);
			assert_non_null(each[i]);
			for (unsigned int n = 0; n < 5; n++) {
				unsigned char byte = 1;

				assert_int_equal(access(each[i],
							addr_of((unsigned int)random() % PAGES),
							true, &byte),
						 0);
			}
		}
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(mm_check(each[(first + i) % 3]), 0);
			mmput(each[(first + i) % 3]);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_unmapped_is_in_no_tlb),
		TEST(more_pages_go_than_a_gather_holds),
		TEST(what_somebody_else_has_stays),
		TEST(address_spaces_end_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
