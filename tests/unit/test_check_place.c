// SPDX-License-Identifier: MIT
/* links: check/[a-z]*.c cmd/quire/json.c third_party/libfdt/[a-z]*.c */
/* cflags: -D_GNU_SOURCE -fwrapv */
/* What the checks share (check/checks.c, place.c): places around reservations, ranges, sizes as text, names of checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "check/check.h"

#define MIB (1024 * 1024ULL)

static struct bank banks[2];
static struct rsv rsv[3];
static struct board board = {.banks = banks, .rsv = rsv};

static void bank(uint64_t base, uint64_t size)
{
	banks[board.nr_banks++] = (struct bank){.path = "/memory", .base = base, .size = size};
}

static void reserve(uint64_t base, uint64_t size)
{
	rsv[board.nr_rsv++] = (struct rsv){.kind = RSV_STATIC, .base = base, .size = size};
}

static int setup(void **state)
{
	board.nr_banks = board.nr_rsv = 0;
	board.initrd_base = board.initrd_size = 0;
	return 0;
}

/*
 *  |RR....R.........|      4 MiB from 0x80000000: the gap between is too small
 */
static void a_place_is_the_lowest_that_touches_no_reservation(void **state)
{
	uint64_t at;

	bank(0x80000000, 64 * MIB);
	reserve(0x80000000, 1 * MIB);
	reserve(0x80500000, 1 * MIB);
	assert_true(find_place(&board, 4 * MIB, 0, 0, &at));
	assert_int_equal(at, 0x80600000);
	assert_true(find_place(&board, 2 * MIB, 0, 0, &at));
	assert_int_equal(at, 0x80200000);
}

static void a_place_avoids_the_initrd_and_what_it_is_told_to(void **state)
{
	uint64_t at;

	bank(0x80000000, 64 * MIB);
	board.initrd_base = 0x80000000;
	board.initrd_size = 3 * MIB;
	assert_true(find_place(&board, 2 * MIB, 0x80400000, 4096, &at));
	assert_int_equal(at, 0x80600000);
}

static void the_lowest_bank_with_room_is_taken_whatever_their_order(void **state)
{
	uint64_t at;

	bank(0xc0000000, 64 * MIB);
	bank(0x80000000, 8 * MIB);
	assert_true(find_place(&board, 4 * MIB, 0, 0, &at));
	assert_int_equal(at, 0x80000000);
	assert_true(find_place(&board, 16 * MIB, 0, 0, &at));
	assert_int_equal(at, 0xc0000000);
}

static void there_is_no_place_where_nothing_is_large_enough(void **state)
{
	uint64_t at;

	assert_false(find_place(&board, 2 * MIB, 0, 0, &at));
	bank(0x80100000, 3 * MIB);
	assert_false(find_place(&board, 3 * MIB, 0, 0, &at));
	reserve(0x80000000, UINT64_MAX);
	assert_false(find_place(&board, 1 * MIB, 0, 0, &at));
}

static void ranges_at_the_end_of_the_address_space_do_not_wrap(void **state)
{
	assert_true(range_end(UINT64_MAX - 1, 4) == UINT64_MAX);
	assert_true(ranges_overlap(UINT64_MAX - 8, 64, UINT64_MAX - 4, 2));
	assert_false(ranges_overlap(0, 4, 4, 4));
	assert_false(ranges_overlap(0, 0, 0, 4));
}

static void sizes_are_exact_where_that_is_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0 bytes"},
		     {1, "1 byte"},
		     {4387, "4387 bytes"},
		     {4096, "4 KiB"},
		     {1536 * 1024, "1536 KiB"},
		     {64 * MIB, "64 MiB"},
		     {3ULL << 40, "3 TiB"},
		     {12345678, "11.8 MiB"}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *s = size_text(sizes[i].bytes);

		assert_string_equal(s, sizes[i].text);
		free(s);
	}
}

static void every_check_is_found_by_its_name_and_no_two_have_one(void **state)
{
	for (enum check_id i = 0; i < NR_CHECKS; i++)
		assert_int_equal(check_find(checks[i].name, strlen(checks[i].name)), i);
	assert_int_equal(check_find("memory", 6), NR_CHECKS);
	assert_int_equal(check_find("", 0), NR_CHECKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_place_is_the_lowest_that_touches_no_reservation, setup),
		cmocka_unit_test_setup(a_place_avoids_the_initrd_and_what_it_is_told_to, setup),
		cmocka_unit_test_setup(the_lowest_bank_with_room_is_taken_whatever_their_order,
				       setup),
		cmocka_unit_test_setup(there_is_no_place_where_nothing_is_large_enough, setup),
		cmocka_unit_test(ranges_at_the_end_of_the_address_space_do_not_wrap),
		cmocka_unit_test(sizes_are_exact_where_that_is_short),
		cmocka_unit_test(every_check_is_found_by_its_name_and_no_two_have_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
