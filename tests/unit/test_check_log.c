// SPDX-License-Identifier: MIT
/* links: check/log.c cmd/quire/json.c */
/* cflags: -D_GNU_SOURCE */
/* A kernel's log read into figures (check/log.c): what a line says, what is passed over, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "check/log.h"

static struct boot_log l;

static bool read_text(const char *text)
{
	return log_read(&l, text, strlen(text));
}

static uint64_t value(const char *name)
{
	const struct fact *f = fact_find(&l.facts, name);

	assert_non_null(f);
	return f->value;
}

static void a_line_is_understood_whatever_it_begins_with(void **state)
{
	static const char *const begins[] = {"", "[    0.000000] ", "<6>[    0.000000] ", "<6>",
					     "Nov 25 10:00:00 board kernel: "};
	char text[200];

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		snprintf(text, sizeof(text),
			 "%spercpu: Embedded 34 pages/cpu s99672 r8192 d31400 u139264\r\n",
			 begins[i]);
		assert_true(read_text(text));
		assert_int_equal(value("percpu static"), 99672);
		assert_int_equal(value("percpu unit"), 139264);
		log_free(&l);
	}
}

static void the_image_is_the_last_that_arm64_memblock_init_reserves(void **state)
{
	assert_true(read_text("memblock_reserve: [0x48200000-0x482fffff] setup_arch+0x1\n"
			      "memblock_reserve: [0x48000000-0x480f1fff] arm64_memblock_init+0x3\n"
			      "memblock_reserve: [0x40200000-0x4242ffff] arm64_memblock_init+0x2\n"
			      "cma: Reserved 64 MiB at 0x7ac00000 on node -1\n"));
	assert_int_equal(l.image, 0x40200000);
	assert_int_equal(l.image_size, 0x2230000);
	assert_int_equal(l.dtb, 0x48200000);
	assert_int_equal(value("CMA base"), 0x7ac00000);
	log_free(&l);
}

static void parts_of_the_memory_line_keep_a_margin_where_the_prediction_has_one(void **state)
{
	const struct fact *f;

	assert_true(
		read_text("Memory: 900000K/1000000K available (14144K kernel code, 2776K rwdata, "
			  "10724K rodata, 6208K init, 906K bss, 58376K reserved, 65536K "
			  "cma-reserved)\n"));
	f = fact_find(&l.facts, "available memory");
	assert_true(fact_agrees(f, &(struct fact){.value = 901000}));
	assert_false(fact_agrees(f, &(struct fact){.value = 901001}));
	f = fact_find(&l.facts, "cma-reserved");
	assert_int_equal(f->value, 65536);
	assert_false(fact_agrees(f, &(struct fact){.value = 65537}));
	assert_false(fact_agrees(f, NULL));
	log_free(&l);
}

static void ranges_that_are_none_leave_the_line_out(void **state)
{
	assert_true(read_text("NODE_DATA(0) allocated [mem 0x20-0x10]\n"
			      "NODE_DATA(1) allocated [mem 0x0-0xffffffffffffffff]\n"
			      "NODE_DATA(2) allocated [mem banana]\n"
			      "NODE_DATA(3) allocated [mem 0x1000-0x1fff]\n"));
	assert_int_equal(l.facts.nr, 2);
	assert_int_equal(value("NODE_DATA(3) size"), 0x1000);
	log_free(&l);
}

static void the_first_of_two_boots_counts(void **state)
{
	assert_true(read_text("Built 1 zonelists, mobility grouping on.  Total pages: 100\n"
			      "Built 2 zonelists, mobility grouping on.  Total pages: 200\n"));
	assert_int_equal(value("total pages"), 100);
	assert_int_equal(value("zonelists"), 1);
	log_free(&l);
}

static void a_second_boot_adds_nothing_to_the_first(void **state)
{
	static const char boot[] = "Booting Linux on physical CPU 0x0000000000 [0x410fd083]\n"
				   "  node   0: [mem 0x40000000-0x7fffffff]\n"
				   "cma: Reserved 64 MiB at 0x7ac00000 on node -1\n";
	char twice[2 * sizeof(boot)];
	size_t nr;

	assert_true(read_text(boot));
	nr = l.facts.nr;
	log_free(&l);
	snprintf(twice, sizeof(twice), "%s%s", boot, boot);
	assert_true(read_text(twice));
	assert_int_equal(l.facts.nr, nr);
	assert_int_equal(l.node_ranges, 1);
	log_free(&l);
}

static void what_is_no_log_is_refused_with_its_place(void **state)
{
	assert_false(read_text("hello\n"));
	assert_int_equal(l.bad_at, 6);
	log_free(&l);
	assert_false(log_read(&l, "ab\0c", 4));
	assert_int_equal(l.bad_at, 2);
	log_free(&l);
	assert_false(read_text(""));
	log_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_understood_whatever_it_begins_with),
		cmocka_unit_test(the_image_is_the_last_that_arm64_memblock_init_reserves),
		cmocka_unit_test(
			parts_of_the_memory_line_keep_a_margin_where_the_prediction_has_one),
		cmocka_unit_test(ranges_that_are_none_leave_the_line_out),
		cmocka_unit_test(the_first_of_two_boots_counts),
		cmocka_unit_test(a_second_boot_adds_nothing_to_the_first),
		cmocka_unit_test(what_is_no_log_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
