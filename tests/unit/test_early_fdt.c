// SPDX-License-Identifier: MIT
/* links: port/bare/early_fdt.c third_party/libfdt/fdt.c third_party/libfdt/fdt_sw.c third_party/libfdt/fdt_ro.c */
/*
 * The board's first reader of the tree: what it finds, and that nothing in a broken tree leads it out of its bounds
 * (AddressSanitizer watches: trees are in blocks of their exact size).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libfdt.h>

#include "../../port/bare/early.h"

#define CHECK(call) assert_true((call) >= 0)

/*
 * The tree of most tests:
 *
 *   /  (#address-cells 2, #size-cells 2)
 *   |- aliases: serial0 = /soc/bus@1000/serial@200
 *   |- soc (1, 1; ranges 0x7e000000 -> 0x3f000000)
 *   |  |- chosen: a node of the same name elsewhere
 *   |  `- bus@1000 (1, 1; ranges 0 -> 0x7e001000)
 *   |     |- timer@100
 *   |     `- serial@200: arm,pl011
 *   |- uart@9000000: ns16550a, reg-shift 2, reg-io-width 4
 *   |- psci: method
 *   `- chosen
 */
struct options {
	const char *stdout_path, *bootargs, *method;
	bool ranges, serial;
};

static void reg(void *fdt, u64 base, unsigned int ac, u64 size, unsigned int sc)
{
	fdt32_t cells[4];
	unsigned int n = 0;

	if (ac == 2)
		cells[n++] = cpu_to_fdt32(base >> 32);
	cells[n++] = cpu_to_fdt32((u32)base);
	if (sc == 2)
		cells[n++] = cpu_to_fdt32(size >> 32);
	cells[n++] = cpu_to_fdt32((u32)size);
	CHECK(fdt_property(fdt, "reg", cells, (int)(n * 4)));
}

static void cells(void *fdt, u32 ac, u32 sc)
{
	CHECK(fdt_property_u32(fdt, "#address-cells", ac));
	CHECK(fdt_property_u32(fdt, "#size-cells", sc));
}

/* A tree in a block of exactly its size; free() it. */
static void *build(const struct options *o)
{
	static char buf[8192];
	fdt32_t soc_ranges[] = {cpu_to_fdt32(0x7e000000), cpu_to_fdt32(0), cpu_to_fdt32(0x3f000000),
				cpu_to_fdt32(0x1000000)};
	fdt32_t bus_ranges[] = {cpu_to_fdt32(0), cpu_to_fdt32(0x7e001000), cpu_to_fdt32(0x1000)};
	void *fdt = buf, *copy;

	CHECK(fdt_create(fdt, sizeof(buf)));
	CHECK(fdt_finish_reservemap(fdt));
	CHECK(fdt_begin_node(fdt, ""));
	cells(fdt, 2, 2);
	CHECK(fdt_begin_node(fdt, "aliases"));
	CHECK(fdt_property_string(fdt, "serial0", "/soc/bus@1000/serial@200"));
	CHECK(fdt_end_node(fdt));
	CHECK(fdt_begin_node(fdt, "soc"));
	cells(fdt, 1, 1);
	if (o->ranges)
		CHECK(fdt_property(fdt, "ranges", soc_ranges, sizeof(soc_ranges)));
	CHECK(fdt_begin_node(fdt, "chosen"));
	CHECK(fdt_property_string(fdt, "bootargs", "wrong"));
	CHECK(fdt_end_node(fdt));
	CHECK(fdt_begin_node(fdt, "bus@1000"));
	cells(fdt, 1, 1);
	CHECK(fdt_property(fdt, "ranges", bus_ranges, sizeof(bus_ranges)));
	CHECK(fdt_begin_node(fdt, "timer@100"));
	reg(fdt, 0x100, 1, 0x100, 1);
	CHECK(fdt_end_node(fdt));
	if (o->serial) {
		static const char both[] = "vendor,uart\0arm,pl011";

		CHECK(fdt_begin_node(fdt, "serial@200"));
		CHECK(fdt_property(fdt, "compatible", both, sizeof(both)));
		reg(fdt, 0x200, 1, 0x100, 1);
		CHECK(fdt_end_node(fdt));
	}
	CHECK(fdt_end_node(fdt));
	CHECK(fdt_end_node(fdt));
	if (o->serial) {
		CHECK(fdt_begin_node(fdt, "uart@9000000"));
		CHECK(fdt_property_string(fdt, "compatible", "ns16550a"));
		reg(fdt, 0x109000000, 2, 0x100, 2);
		CHECK(fdt_property_u32(fdt, "reg-shift", 2));
		CHECK(fdt_property_u32(fdt, "reg-io-width", 4));
		CHECK(fdt_end_node(fdt));
	}
	if (o->method) {
		CHECK(fdt_begin_node(fdt, "psci"));
		CHECK(fdt_property_string(fdt, "method", o->method));
		CHECK(fdt_end_node(fdt));
	}
	CHECK(fdt_begin_node(fdt, "chosen"));
	if (o->bootargs)
		CHECK(fdt_property_string(fdt, "bootargs", o->bootargs));
	CHECK(fdt_property_u64(fdt, "kaslr-seed", 0x1122334455667788));
	if (o->stdout_path)
		CHECK(fdt_property_string(fdt, "stdout-path", o->stdout_path));
	CHECK(fdt_end_node(fdt));
	CHECK(fdt_end_node(fdt));
	CHECK(fdt_finish(fdt));
	copy = malloc(fdt_totalsize(fdt));
	assert_non_null(copy);
	memcpy(copy, fdt, fdt_totalsize(fdt));
	return copy;
}

static const struct options usual = {.stdout_path = "serial0:115200n8",
				     .bootargs = "a nokaslr",
				     .method = "hvc",
				     .ranges = true,
				     .serial = true};

static void chosen_is_the_one_at_the_root(void **state)
{
	struct early_chosen c;
	struct early_fdt t;
	void *fdt = build(&usual);

	assert_true(early_fdt_open(&t, (u64)(unsigned long)fdt));
	early_fdt_chosen(&t, &c);
	assert_string_equal(c.bootargs, "a nokaslr");
	assert_string_equal(c.stdout_path, "serial0:115200n8");
	assert_int_equal(c.kaslr_seed[0], 0x11);
	assert_int_equal(c.kaslr_seed[7], 0x88);
	free(fdt);
}

static void what_chosen_does_not_say_is_null(void **state)
{
	struct options o = {.ranges = true};
	struct early_chosen c;
	struct early_fdt t;
	void *fdt = build(&o);

	assert_true(early_fdt_open(&t, (u64)(unsigned long)fdt));
	early_fdt_chosen(&t, &c);
	assert_null(c.bootargs);
	assert_null(c.stdout_path);
	assert_non_null(c.kaslr_seed);
	assert_int_equal(early_fdt_psci(&t), EARLY_PSCI_NONE);
	free(fdt);
}

static bool uart_of(const struct options *o, struct early_uart *u)
{
	struct early_fdt t;
	void *fdt = build(o);
	bool found;

	assert_true(early_fdt_open(&t, (u64)(unsigned long)fdt));
	found = early_fdt_uart(&t, u);
	free(fdt);
	return found;
}

static void an_alias_leads_through_two_buses(void **state)
{
	struct early_uart u;

	assert_true(uart_of(&usual, &u));
	assert_string_equal(u.compatible, "arm,pl011");
	assert_true(u.base == 0x3f001200);
	assert_int_equal(u.reg_shift, 0);
}

static void a_path_without_unit_address_is_found(void **state)
{
	struct options o = usual;
	struct early_uart u;

	o.stdout_path = "/soc/bus/serial";
	assert_true(uart_of(&o, &u));
	assert_true(u.base == 0x3f001200);
}

static void a_uart_at_the_root_has_its_width_and_shift(void **state)
{
	struct options o = usual;
	struct early_uart u;

	o.stdout_path = "/uart@9000000";
	assert_true(uart_of(&o, &u));
	assert_string_equal(u.compatible, "ns16550a");
	assert_true(u.base == 0x109000000);
	assert_int_equal(u.reg_shift, 2);
	assert_int_equal(u.io_width, 4);
}

static void without_stdout_path_the_first_known_uart_serves(void **state)
{
	struct options o = usual;
	struct early_uart u;

	o.stdout_path = NULL;
	assert_true(uart_of(&o, &u));
	assert_true(u.base == 0x3f001200);
	o.serial = false;
	assert_false(uart_of(&o, &u));
}

static void a_bus_without_ranges_is_not_reachable(void **state)
{
	struct options o = usual;
	struct early_uart u;

	o.ranges = false;
	assert_false(uart_of(&o, &u) && u.base == 0x3f001200);
}

static void psci_names_its_conduit(void **state)
{
	struct options o = usual;
	struct early_fdt t;
	void *fdt = build(&o);

	assert_true(early_fdt_open(&t, (u64)(unsigned long)fdt));
	assert_int_equal(early_fdt_psci(&t), EARLY_PSCI_HVC);
	free(fdt);
	o.method = "smc";
	fdt = build(&o);
	assert_true(early_fdt_open(&t, (u64)(unsigned long)fdt));
	assert_int_equal(early_fdt_psci(&t), EARLY_PSCI_SMC);
	free(fdt);
}

static void a_header_that_is_none_is_refused(void **state)
{
	struct early_fdt t;
	u8 *fdt = build(&usual);

	assert_false(early_fdt_open(&t, 0));
	fdt[0] ^= 1;
	assert_false(early_fdt_open(&t, (u64)(unsigned long)fdt));
	fdt[0] ^= 1;
	((fdt32_t *)fdt)[2] = cpu_to_fdt32(0xfffffff0); /* off_dt_struct */
	assert_false(early_fdt_open(&t, (u64)(unsigned long)fdt));
	free(fdt);
}

static void a_tree_at_an_odd_address_is_read(void **state)
{
	u8 *fdt = build(&usual);
	u32 size = fdt_totalsize(fdt);
	u8 *odd = malloc(size + 1);
	struct early_chosen c;
	struct early_fdt t;
	struct early_uart u;

	memcpy(odd + 1, fdt, size);
	assert_true(early_fdt_open(&t, (u64)(unsigned long)(odd + 1)));
	early_fdt_chosen(&t, &c);
	assert_string_equal(c.bootargs, "a nokaslr");
	assert_true(early_fdt_uart(&t, &u));
	free(odd);
	free(fdt);
}

/* Every single byte of the tree, set to each of some values; totalsize stays true. */
static void broken_trees_are_read_within_their_bounds(void **state)
{
	static const u8 values[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x09, 0x7f, 0x80, 0xff};
	u8 *fdt = build(&usual);
	u32 size = fdt_totalsize(fdt), i, v;
	struct early_chosen c;
	struct early_fdt t;
	struct early_uart u;

	for (i = 8; i < size; i++)
		for (v = 0; v < sizeof(values); v++) {
			u8 old = fdt[i];

			fdt[i] = values[v];
			if (early_fdt_open(&t, (u64)(unsigned long)fdt)) {
				early_fdt_chosen(&t, &c);
				early_fdt_psci(&t);
				early_fdt_uart(&t, &u);
				assert_true(!c.bootargs || strlen(c.bootargs) < size);
			}
			fdt[i] = old;
		}
	free(fdt);
}

static void truncated_trees_are_read_within_their_bounds(void **state)
{
	u8 *whole = build(&usual);
	u32 size = fdt_totalsize(whole), n;
	struct early_chosen c;
	struct early_fdt t;
	struct early_uart u;

	for (n = 40; n < size; n += 3) {
		u8 *fdt = malloc(n);

		memcpy(fdt, whole, n);
		fdt_set_totalsize(fdt, n);
		if (early_fdt_open(&t, (u64)(unsigned long)fdt)) {
			early_fdt_chosen(&t, &c);
			early_fdt_psci(&t);
			early_fdt_uart(&t, &u);
		}
		free(fdt);
	}
	free(whole);
}

static void a_parameter_is_a_whole_word_before_the_dashes(void **state)
{
	assert_true(early_cmdline_has("nokaslr", "nokaslr"));
	assert_true(early_cmdline_has("  a=1 nokaslr\tb", "nokaslr"));
	assert_false(early_cmdline_has("", "nokaslr"));
	assert_false(early_cmdline_has("nokaslrx", "nokaslr"));
	assert_false(early_cmdline_has("xnokaslr", "nokaslr"));
	assert_false(early_cmdline_has("nokaslr=1", "nokaslr"));
	assert_false(early_cmdline_has("a -- nokaslr", "nokaslr"));
	assert_true(early_cmdline_has("a --x nokaslr", "nokaslr"));
	assert_false(early_cmdline_has("a=\"b nokaslr c\"", "nokaslr"));
	assert_true(early_cmdline_has("a=\"b c\" nokaslr", "nokaslr"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_is_the_one_at_the_root),
		cmocka_unit_test(what_chosen_does_not_say_is_null),
		cmocka_unit_test(an_alias_leads_through_two_buses),
		cmocka_unit_test(a_path_without_unit_address_is_found),
		cmocka_unit_test(a_uart_at_the_root_has_its_width_and_shift),
		cmocka_unit_test(without_stdout_path_the_first_known_uart_serves),
		cmocka_unit_test(a_bus_without_ranges_is_not_reachable),
		cmocka_unit_test(psci_names_its_conduit),
		cmocka_unit_test(a_header_that_is_none_is_refused),
		cmocka_unit_test(a_tree_at_an_odd_address_is_read),
		cmocka_unit_test(broken_trees_are_read_within_their_bounds),
		cmocka_unit_test(truncated_trees_are_read_within_their_bounds),
		cmocka_unit_test(a_parameter_is_a_whole_word_before_the_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
