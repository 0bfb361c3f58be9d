// SPDX-License-Identifier: MIT
/* links: @slab mm/kmem/kvmalloc.c */
/* granules: 12 14 16 */
/* kvmalloc: a block of the slab allocator's when there is one, pages in a row of addresses when not. */
#include "slab_world.h"

static void kvmalloc_goes_to_vmalloc_when_there_is_no_block(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = fail_nth};
	unsigned long i;
	char *p;

	fail_after = asked = 0;
	page_debug = &ops;
	p = kvmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	page_debug = NULL;
	assert_ptr_equal(p, vmalloc_area.addr);
	pattern(p, 3 * PAGE_SIZE, 4);
	/* Smaller and larger again, in place: what was given up is gone. */
	assert_ptr_equal(kvrealloc(p, 100, GFP_KERNEL | __GFP_ZERO), p);
	assert_pattern(p, 100, 4);
	assert_ptr_equal(kvrealloc(p, 3 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO), p);
	for (i = 100; i < 3 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
	pattern(p, 3 * PAGE_SIZE, 4);
	p = kvrealloc(p, 5 * PAGE_SIZE, GFP_KERNEL);
	assert_true(p && !vmalloc_area.addr);
	assert_pattern(p, 3 * PAGE_SIZE, 4);
	kvfree(p);
	assert_null(kvmalloc((size_t)INT_MAX + 1, GFP_KERNEL | __GFP_NOWARN));
}

static gfp_t large_gfp;

static bool refuse_large(gfp_t gfp, unsigned int order)
{
	if (order)
		large_gfp = gfp;
	return order;
}

/* A block is no must when pages do. */
static void kvmalloc_insists_on_pages_only(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = refuse_large};
	char *p;

	page_debug = &ops;
	p = kvmalloc(5 * PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
	page_debug = NULL;
	assert_ptr_equal(p, vmalloc_area.addr);
	assert_true(large_gfp & __GFP_NORETRY);
	assert_false(large_gfp & __GFP_NOFAIL);
	kvfree(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(kvmalloc_goes_to_vmalloc_when_there_is_no_block),
		T(kvmalloc_insists_on_pages_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
