// SPDX-License-Identifier: MIT
/*
 * Scattered frames at consecutive addresses, against a model of one word a page: also when the table that was found last is
 * freed in between, and when another is.
 */
/* links: arch/arm64/frames.c @tables */
/* granules: 12 14 16 */
#include "mapping_world.h"

#include <quire/page.h>

/* Two tables of the last level and a bit. */
#define PAGES (2 * TABLE_ENTRIES + 40)
#define FRAMES 64U

static struct page memory_map[FRAMES];
static u64 model[PAGES]; /* pfn, 0: nothing */
static unsigned long base;
struct page *vmemmap;

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

static int init(void **state)
{
	world_init(PAGE_SHIFT == 16 ? 42 : 48, 48, false);
	pgtable_init(&kernel_pgtable, port_swapper_pg_dir(), vabits_actual, 48, false);
	kernel_pgtable.live = true;
	/* Frames far from the tables' memory: nothing is ever read there. */
	vmemmap = memory_map - (1UL << 20);
	memset(model, 0, sizeof(model));
	base = -(1UL << (vabits_actual - 1)) + TABLE_ENTRIES * PAGE_SIZE - 20 * PAGE_SIZE;
	return 0;
}

static u64 seed = 88172645463325252ULL;

static unsigned long below(unsigned long n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned long)(seed % n);
}

static void expect_model(void)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		struct walk w;

		kernel_walk(base + i * PAGE_SIZE, &w);
		if (!model[i])
			assert_int_not_equal(w.result, WALK_OK);
		else if (w.result != WALK_OK || w.pa != PFN_PHYS(model[i]))
			fail_msg("page %lu: mapped to 0x%llx, should be 0x%llx", i,
				 (unsigned long long)w.pa, (unsigned long long)PFN_PHYS(model[i]));
	}
	world_check();
}

static int map(unsigned long first, unsigned long n)
{
	struct page *pages[PAGES] = {NULL};
	int err;

	for (unsigned long i = 0; i < n; i++)
		pages[i] = &memory_map[below(FRAMES)];
	err = kernel_map_frames(base + first * PAGE_SIZE, pages, n, PAGE_KERNEL);
	for (unsigned long i = 0; i < n && !err; i++)
		model[first + i] = page_to_pfn(pages[i]);
	return err;
}

static void unmap(unsigned long first, unsigned long n, bool lazy)
{
	if (lazy) {
		assert_int_equal(kernel_unmap_lazy(base + first * PAGE_SIZE, n * PAGE_SIZE), 0);
		port_flush_tlb_all();
	} else {
		assert_int_equal(kernel_unmap(base + first * PAGE_SIZE, n * PAGE_SIZE), 0);
	}
	memset(model + first, 0, n * sizeof(*model));
}

static bool is_free(unsigned long first, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		if (model[first + i])
			return false;
	return true;
}

static void pages_are_where_they_were_put(void **state)
{
	assert_int_equal(map(0, PAGES), 0);
	expect_model();
	unmap(5, 3, true);
	unmap(TABLE_ENTRIES - 1, 2, true);
	expect_model();
	assert_int_equal(map(5, 3), 0);
	assert_int_equal(map(TABLE_ENTRIES - 1, 2), 0);
	expect_model();
	assert_int_equal(map(0, 0), 0);
}

static void the_table_found_last_may_be_freed(void **state)
{
	unsigned long tables;

	/* The table found last goes, and its page becomes something else. */
	assert_int_equal(map(20, 8), 0);
	tables = world_outstanding;
	unmap(20, 8, false);
	assert_true(world_outstanding < tables);
	assert_int_equal(map(24, 8), 0);
	expect_model();
	unmap(20, 12, false);
	assert_int_equal(map(20 + TABLE_ENTRIES, 8), 0);
	assert_int_equal(map(20, 8), 0);
	expect_model();
	/* Another one goes. */
	unmap(20 + TABLE_ENTRIES, 8, false);
	assert_int_equal(map(60, 8), 0);
	assert_int_equal(map(20 + TABLE_ENTRIES, 8), 0);
	expect_model();
}

static void without_memory_for_a_table_nothing_is_mapped(void **state)
{
	assert_int_equal(map(20, 4), 0);
	world_fail_after = 0;
	/* The first table is there, the next is not. */
	assert_int_equal(map(24, TABLE_ENTRIES), -ENOMEM);
	port_flush_tlb_all();
	world_fail_after = -1;
	expect_model();
}

static void any_sequence_agrees_with_the_model(void **state)
{
	for (unsigned int i = 0; i < 1500; i++) {
		unsigned long n = 1 + below(below(8) ? 20 : PAGES), first = below(PAGES - n + 1);
		unsigned int what = (unsigned int)below(8);

		if (what >= 3 && is_free(first, n))
			assert_int_equal(map(first, n), 0);
		else if (what < 3)
			unmap(first, n, what < 2);
		if (i % 50 == 0)
			expect_model();
	}
	expect_model();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pages_are_where_they_were_put, init),
		cmocka_unit_test_setup(the_table_found_last_may_be_freed, init),
		cmocka_unit_test_setup(without_memory_for_a_table_nothing_is_mapped, init),
		cmocka_unit_test_setup(any_sequence_agrees_with_the_model, init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
