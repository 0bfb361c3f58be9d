// SPDX-License-Identifier: MIT
/* links: port/bare/early_map.c */
/*
 * The board's first page tables, built in a pool of this program and walked here by an independent reader of VMSAv8-64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <quire/string.h>

#include "../../port/bare/early.h"

#define POOL_PA 0x40000000UL
#define POOL_PAGES 16
#define SYMBOL(name) char name[8] __aligned(8);

/* What early_create_idmap takes from the linker script; only early_map_range is under test here. */
SYMBOL(_text)
SYMBOL(__start_rodata)
SYMBOL(__end_rodata)
SYMBOL(__inittext_end)
SYMBOL(__data_end)
SYMBOL(__stack_start)
SYMBOL(reserved_pg_dir)
SYMBOL(idmap_pg_dir)
SYMBOL(early_uncached_end)

void dcache_inval_poc_range(u64 start, u64 end)
{
}

static u64 pages[POOL_PAGES][512] __aligned(4096);
static struct early_pool pool;

static int setup(void **state)
{
	memset(pages, 0, sizeof(pages[0]));
	memset(pages[1], 0xff, sizeof(pages) - sizeof(pages[0])); /* pool pages are not clean */
	pool = (struct early_pool){
		.next = POOL_PA + 4096,
		.end = POOL_PA + POOL_PAGES * 4096,
		.offset = (u64)(unsigned long)pages - POOL_PA,
	};
	return 0;
}

static unsigned int used(void)
{
	return (unsigned int)((pool.next - POOL_PA) / 4096);
}

/* The leaf for va: its descriptor and level, or level -1. */
static int walk(u64 va, u64 *desc)
{
	const u64 *table = pages[0];
	int level;

	for (level = 0; level < 4; level++) {
		*desc = table[va >> (39 - 9 * level) & 511];
		if (!(*desc & 1))
			return -1;
		if (level == 3)
			return *desc & 2 ? 3 : -1;
		if (!(*desc & 2))
			return level;
		table = pages[((*desc & 0xfffffffff000) - POOL_PA) / 4096];
	}
	return -1;
}

static u64 output(u64 va, int *level)
{
	u64 desc, mask;

	*level = walk(va, &desc);
	if (*level < 0)
		return 0;
	mask = (1UL << (39 - 9 * *level)) - 1;
	return (desc & 0xfffffffff000 & ~mask) | (va & mask);
}

static void a_block_is_used_where_both_addresses_are_aligned(void **state)
{
	int level;

	/* |4K..|   2M   |   2M   |..4K| */
	assert_int_equal(early_map_range(&pool, POOL_PA, 0xffff8000801ff000, 0x401ff000, 0x402000,
					 EARLY_PROT_RW),
			 0);
	assert_true(output(0xffff8000801ff123, &level) == 0x401ff123);
	assert_int_equal(level, 3);
	assert_true(output(0xffff800080234567, &level) == 0x40234567);
	assert_int_equal(level, 2);
	assert_true(output(0xffff8000805fffff, &level) == 0x405fffff);
	assert_int_equal(level, 2);
	assert_true(output(0xffff800080600fff, &level) == 0x40600fff);
	assert_int_equal(level, 3);
	output(0xffff800080601000, &level);
	assert_int_equal(level, -1);
	output(0xffff8000801fefff, &level);
	assert_int_equal(level, -1);
	assert_int_equal(used(), 5); /* root, levels 1 and 2, two of level 3 */
}

static void no_block_where_they_differ_modulo_2m(void **state)
{
	int level;

	assert_int_equal(early_map_range(&pool, POOL_PA, 0xffff800080000000, 0x40010000, 0x200000,
					 EARLY_PROT_RX),
			 0);
	assert_true(output(0xffff8000800abcde, &level) == 0x400bbcde);
	assert_int_equal(level, 3);
}

static void what_is_mapped_stays(void **state)
{
	u64 desc;
	int level;

	/* one page of text inside a 2 MiB range that is mapped afterwards; and a block over a block */
	assert_int_equal(
		early_map_range(&pool, POOL_PA, 0x40201000, 0x40201000, 0x1000, EARLY_PROT_RX), 0);
	assert_int_equal(
		early_map_range(&pool, POOL_PA, 0x40200000, 0x40200000, 0x400000, EARLY_PROT_RW),
		0);
	assert_int_equal(
		early_map_range(&pool, POOL_PA, 0x40400000, 0x40400000, 0x200000, EARLY_PROT_RO),
		0);
	assert_int_equal(
		early_map_range(&pool, POOL_PA, 0x40401000, 0x40401000, 0x1000, EARLY_PROT_RO), 0);
	assert_int_equal(walk(0x40201000, &desc), 3);
	assert_true((desc & EARLY_PTE_RDONLY) && !(desc & EARLY_PTE_PXN));
	assert_int_equal(walk(0x40202000, &desc), 3);
	assert_false(desc & EARLY_PTE_RDONLY);
	assert_true(output(0x40401234, &level) == 0x40401234);
	assert_int_equal(level, 2);
	walk(0x40401000, &desc);
	assert_false(desc & EARLY_PTE_RDONLY);
}

static void ranges_cross_tables_of_every_level(void **state)
{
	u64 va = 0xffff808000000000 - 0x1000; /* the end of a level-0 entry */
	int level;

	assert_int_equal(early_map_range(&pool, POOL_PA, va, 0x40000000, 0x2000, EARLY_PROT_RW), 0);
	assert_true(output(va, &level) == 0x40000000);
	assert_true(output(va + 0x1000, &level) == 0x40001000);
	assert_int_equal(used(), 7);
}

static void the_last_page_of_the_address_space_is_mapped(void **state)
{
	int level;

	assert_int_equal(early_map_range(&pool, POOL_PA, 0xfffffffffffff000, 0x9000000, 0x1000,
					 EARLY_PROT_DEVICE),
			 0);
	assert_true(output(0xffffffffffffffff, &level) == 0x9000fff);
}

static void an_empty_pool_is_an_error(void **state)
{
	pool.end = POOL_PA + 3 * 4096;
	assert_int_equal(early_map_range(&pool, POOL_PA, 0x1000, 0x1000, 0x1000, EARLY_PROT_RW),
			 -ENOMEM);
}

static void no_protection_is_writable_and_executable(void **state)
{
	static const u64 prot[] = {EARLY_PROT_RW, EARLY_PROT_RO, EARLY_PROT_RX, EARLY_PROT_DEVICE};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prot); i++) {
		assert_true((prot[i] & EARLY_PTE_RDONLY) || (prot[i] & EARLY_PTE_PXN));
		assert_true(prot[i] & EARLY_PTE_UXN);
		assert_true(prot[i] & EARLY_PTE_AF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_block_is_used_where_both_addresses_are_aligned, setup),
		cmocka_unit_test_setup(no_block_where_they_differ_modulo_2m, setup),
		cmocka_unit_test_setup(what_is_mapped_stays, setup),
		cmocka_unit_test_setup(ranges_cross_tables_of_every_level, setup),
		cmocka_unit_test_setup(the_last_page_of_the_address_space_is_mapped, setup),
		cmocka_unit_test_setup(an_empty_pool_is_an_error, setup),
		cmocka_unit_test(no_protection_is_writable_and_executable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
