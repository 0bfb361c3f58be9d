/* SPDX-License-Identifier: MIT */
/* links: mm/page/large_hash.c @memblock lib/vsprintf.c lib/string.c */
/*
 * The sizes of hash tables: the lines that Linux 6.12 prints on a machine of 1 GiB, the limits, and what happens when
 * memory is short.
 */
#include <quire/gfp.h>
#include "memblock_fixture.h"

static u8 backing[SZ_4M] __aligned(65536);
static size_t exact_limit, exact_size;
static gfp_t exact_gfp;

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	exact_size = size;
	exact_gfp = gfp;
	return size <= exact_limit ? backing : NULL;
}

/* Memory of 1 GiB at 1 GiB, the last 4 MiB of it real; the kernel and its memory map are taken. */
static int one_gigabyte(void **state)
{
	fresh_memblock(state);
	memblock_record_events = false;
	physvirt_offset = (s64)((u64)(unsigned long)backing - (SZ_2G - sizeof(backing)));
	memblock_add(SZ_1G, SZ_1G);
	memblock_reserve(SZ_1G + SZ_2M, 56 * SZ_1M);
	exact_limit = SIZE_MAX;
	return 0;
}

static void sizes_are_those_of_linux(void **state)
{
	unsigned int shift, mask;
	u64 *table;

	memset(backing, 0x55, sizeof(backing));
	table = alloc_large_system_hash("Dentry cache", 8, 0, 13, HASH_EARLY | HASH_ZERO, &shift,
					&mask, 0, 0);
	assert_int_equal(shift, 17);
	assert_int_equal(mask, 131071);
	assert_int_equal(table[0], 0);
	assert_int_equal(table[mask], 0);
	table = alloc_large_system_hash("Inode-cache", 8, 0, 14, HASH_EARLY, &shift, NULL, 0, 0);
	assert_int_equal(shift, 16);
	assert_int_equal(table[0], 0x5555555555555555);
	alloc_large_system_hash("Mount-cache", 8, 0, 19, HASH_ZERO, NULL, NULL, 0, 0);
	assert_true(exact_gfp & __GFP_ZERO);
	assert_string_equal(
		logged,
		"Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes, linear)\n"
		"Inode-cache hash table entries: 65536 (order: 7, 524288 bytes, linear)\n"
		"Mount-cache hash table entries: 2048 (order: 2, 16384 bytes, linear)\n");
}

static void entries_stay_within_the_limits(void **state)
{
	unsigned int shift;

	alloc_large_system_hash("t", 8, 1000, 0, HASH_EARLY, &shift, NULL, 0, 0);
	assert_int_equal(shift, 10);
	alloc_large_system_hash("t", 8, 0, 40, HASH_EARLY, &shift, NULL, 0, 0);
	assert_int_equal(shift, 9); /* at least a page */
	alloc_large_system_hash("t", 8, 0, 40, HASH_EARLY, &shift, NULL, 2048, 0);
	assert_int_equal(shift, 11);
	alloc_large_system_hash("t", 8, 0, 13, HASH_EARLY, &shift, NULL, 0, 4095);
	assert_int_equal(shift, 11);
	/* A sixteenth of free memory. */
	alloc_large_system_hash("t", 64, 1UL << 40, 0, 0, &shift, NULL, 0, 0);
	assert_int_equal(exact_size, 64UL << shift);
	assert_true(exact_size <= SZ_64M && exact_size >= SZ_32M);
}

static void a_smaller_table_when_memory_is_short(void **state)
{
	unsigned int shift;

	exact_limit = SZ_16K;
	assert_non_null(alloc_large_system_hash("t", 8, 1 << 16, 0, 0, &shift, NULL, 0, 0));
	assert_int_equal(shift, 11);
	exact_limit = 0;
	expect_assert_failure(alloc_large_system_hash("t", 8, 1 << 16, 0, 0, &shift, NULL, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sizes_are_those_of_linux, one_gigabyte),
		cmocka_unit_test_setup(entries_stay_within_the_limits, one_gigabyte),
		cmocka_unit_test_setup(a_smaller_table_when_memory_is_short, one_gigabyte),
	};

	return cmocka_run_group_tests_name("large_hash", tests, NULL, NULL);
}
