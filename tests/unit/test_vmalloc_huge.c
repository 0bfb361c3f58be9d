// SPDX-License-Identifier: MIT
/* links: mm/kmem/vmalloc.c mm/kmem/vmap_ram.c mm/kmem/va_alloc.c @tables arch/arm64/frames.c mm/kmem/vmalloc_huge.c */
/* granules: 12 14 16 */
/* Large areas take few TLB entries where there is contiguous memory, and are areas like any other: contents, frames, every failure. */
#include "vmalloc_world.h"

#define BLOCK_ORDER ((unsigned int)PAGE_SHIFT - 3)
#define BLOCK_PAGES (1UL << BLOCK_ORDER)
#define RUN_PAGES (PAGE_SHIFT == 12 ? 16UL : PAGE_SHIFT == 14 ? 128UL : 32UL)
/* With 64 KiB pages a block is 512 MiB, which this world has not. */
#define HAS_BLOCKS (PAGE_SHIFT < 16)

/* What one TLB entry maps at page i: pages. */
static unsigned long entry_pages(const char *p, unsigned long i)
{
	struct mmu_result r;

	assert_true(mmu_translate(port_ptr_to_kva(p + i * PAGE_SIZE), MMU_READ, &r));
	return r.size / PAGE_SIZE;
}

static void check_contents(char *p, unsigned long pages)
{
	pattern(p, pages * PAGE_SIZE, 5);
	for (unsigned long i = 0; i < pages; i++)
		assert_memory_equal(phys_to_virt(page_to_phys(vmalloc_to_page(p + i * PAGE_SIZE))),
				    p + i * PAGE_SIZE, PAGE_SIZE);
	assert_false(translates(p + pages * PAGE_SIZE));
	assert_int_equal(vmalloc_size(p), pages * PAGE_SIZE);
	assert_int_equal(vmalloc_check(), 0);
}

static void the_largest_pieces_are_used(void **state)
{
	unsigned long pages = (HAS_BLOCKS ? BLOCK_PAGES : 0) + 3 * RUN_PAGES + 5, i = 0;
	char *p = vmalloc_huge(pages * PAGE_SIZE - 7, GFP_KERNEL | __GFP_ZERO);

	assert_non_null(p);
	for (unsigned long k = 0; k < pages * PAGE_SIZE; k += 512)
		assert_int_equal(p[k], 0);
	check_contents(p, pages);
	/* Nothing is rounded up. */
	assert_int_equal(pages_out, pages);
	if (HAS_BLOCKS) {
		assert_int_equal(entry_pages(p, 0), BLOCK_PAGES);
		i = BLOCK_PAGES;
	}
	for (; i < pages - 5; i += RUN_PAGES)
		assert_int_equal(entry_pages(p, i), RUN_PAGES);
	assert_int_equal(entry_pages(p, pages - 1), 1);
	vfree(p);
}

static void small_ones_are_pages(void **state)
{
	char *p = vmalloc_huge((RUN_PAGES - 1) * PAGE_SIZE, GFP_KERNEL);

	assert_int_equal(entry_pages(p, 0), 1);
	check_contents(p, RUN_PAGES - 1);
	vfree(p);
	assert_null(vmalloc_huge(0, GFP_KERNEL));
	assert_null(vmalloc_huge(SIZE_MAX - PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN));
}

static void without_contiguous_memory_smaller_pieces_serve(void **state)
{
	const unsigned long pages = 2 * (HAS_BLOCKS ? BLOCK_PAGES : RUN_PAGES) + 3;
	char *p;

	highest_order = BLOCK_ORDER - 1;
	large_tries = 0;
	p = vmalloc_huge(pages * PAGE_SIZE, GFP_KERNEL);
	assert_int_equal(large_tries, HAS_BLOCKS + pages / RUN_PAGES);
	assert_int_equal(entry_pages(p, 0), RUN_PAGES);
	check_contents(p, pages);
	vfree(p);
	highest_order = 0;
	large_tries = 0;
	p = vmalloc_huge(pages * PAGE_SIZE, GFP_KERNEL);
	/* Of each size once. */
	assert_int_equal(large_tries, HAS_BLOCKS ? 2 : 1);
	assert_int_equal(entry_pages(p, 0), 1);
	check_contents(p, pages);
	vfree(p);
}

static void pieces_mix(void **state)
{
	const unsigned long pages = 4 * RUN_PAGES;
	char *p;

	/* The area, its array, then the first run is refused, and the size is not asked for again. */
	fail_in = 2;
	p = vmalloc_huge(pages * PAGE_SIZE, GFP_KERNEL);
	assert_int_equal(entry_pages(p, 0), 1);
	check_contents(p, pages);
	vfree(p);
	fail_in = 3;
	p = vmalloc_huge(pages * PAGE_SIZE, GFP_KERNEL);
	assert_int_equal(entry_pages(p, 0), RUN_PAGES);
	assert_int_equal(entry_pages(p, RUN_PAGES), 1);
	check_contents(p, pages);
	vfree(p);
}

/* Tables that small areas left behind do not keep blocks out, once their addresses were flushed. */
static void old_tables_make_way(void **state)
{
	char *small[8], *p;

	if (!HAS_BLOCKS) {
		print_message("a block is larger than this world\n");
		skip();
	}
	for (unsigned int i = 0; i < 8; i++)
		small[i] = vmalloc(PAGE_SIZE);
	for (unsigned int i = 0; i < 8; i++)
		vfree(small[i]);
	vm_unmap_aliases();
	p = vmalloc_huge(BLOCK_PAGES * PAGE_SIZE, GFP_KERNEL);
	assert_ptr_equal(p, small[0]);
	assert_int_equal(entry_pages(p, BLOCK_PAGES / 2), BLOCK_PAGES);
	check_contents(p, BLOCK_PAGES);
	vfree(p);
	/* And the other way round: a table comes where the block was. */
	vm_unmap_aliases();
	p = vmalloc(PAGE_SIZE);
	assert_ptr_equal(p, small[0]);
	assert_int_equal(entry_pages(p, 0), 1);
	vfree(p);
}

static void every_failure_is_undone(void **state)
{
	const unsigned long pages = (HAS_BLOCKS ? BLOCK_PAGES : 0) + RUN_PAGES + 1;
	int n;

	for (n = 0;; n++) {
		char *p;

		assert_int_equal(kernel_unmap(VMALLOC_AT, VSIZE), 0);
		fail_in = n;
		p = vmalloc_huge(pages * PAGE_SIZE, GFP_KERNEL);
		/* A single failure leaves the way by single pages. */
		assert_non_null(p);
		check_contents(p, pages);
		vfree(p);
		if (fail_in >= 0)
			break;
		all_is_back(state);
	}
	assert_true(n >= 6);
}

/* Everything fails from the n-th allocation on. */
static void without_memory_it_is_null(void **state)
{
	highest_order = 0;
	for (unsigned long i = DATA_FROM; i < WORLD_PAGES; i++)
		data_used[i] = i % 256 != 0;
	assert_null(vmalloc_huge(4 * RUN_PAGES * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN));
	assert_false(said("vmalloc error"));
	assert_null(vmalloc_huge(4 * RUN_PAGES * PAGE_SIZE, GFP_KERNEL));
	assert_true(said("vmalloc error: size"));
	memset(data_used, 0, sizeof(data_used));
}

#define test(f) cmocka_unit_test_teardown(f, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_largest_pieces_are_used),
		test(small_ones_are_pages),
		test(without_contiguous_memory_smaller_pieces_serve),
		test(pieces_mix),
		test(old_tables_make_way),
		test(every_failure_is_undone),
		test(without_memory_it_is_null),
	};

	return cmocka_run_group_tests(tests, vmalloc_world, NULL);
}
