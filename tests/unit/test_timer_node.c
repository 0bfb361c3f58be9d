// SPDX-License-Identifier: MIT
/* links: boot/fdt_*.c boot/timer_node.c mm/early/memblock*.c lib/vsprintf.c lib/string.c third_party/libfdt/fdt*.c */
/* The virtual timer's interrupt: by place and by name, of controllers with cells of three and four, and the usual one where the tree does not say. */
#include "boot_fixture.h"

#include <quire/boot.h>

phys_addr_t arm64_dma_phys_limit;
struct cma_cmdline cma_cmdline;
const pgprot_t PAGE_KERNEL = {1}, PAGE_KERNEL_RO = {2};

void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot)
{
	return NULL;
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
}

static int setup(void **state)
{
	reset_boot();
	return 0;
}

#define GIC 7

static void controller(const char *name, u32 phandle, u32 cells)
{
	node(name);
	prop("interrupt-controller");
	prop_u32("#interrupt-cells", cells);
	prop_u32("phandle", phandle);
	end();
}

/* Four interrupts of the timer: 13, 14, 11 and 10, as on most boards. */
static const u64 usual[] = {1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4};

static void timer(const char *compatible, u32 parent, const u64 *cells, unsigned int nr)
{
	node("timer");
	prop_str("compatible", compatible);
	if (parent)
		prop_u32("interrupt-parent", parent);
	prop_cells("interrupts", 1, 0, cells, nr);
	end();
}

static void the_third_is_the_virtual_one(void **state)
{
	tree_begin(2, 2);
	prop_u32("interrupt-parent", GIC);
	controller("gpio", 3, 2);
	timer("arm,armv8-timer", 0, usual, 12);
	controller("gic", GIC, 3);
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 27);
	assert_false(logged("virtual timer"));
}

static void another_number_is_taken(void **state)
{
	static const u64 cells[] = {1, 2, 4, 1, 3, 4, 1, 5, 4, 1, 6, 4};

	tree_begin(2, 2);
	controller("gic", GIC, 3);
	node("soc");
	prop_u32("interrupt-parent", GIC);
	timer("arm,armv7-timer", 0, cells, 12);
	end();
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 21);
}

static void names_say_which(void **state)
{
	static const char names[] = "phys\0virt";
	static const u64 cells[] = {1, 14, 4, 1, 9, 4};

	tree_begin(2, 2);
	controller("gic", GIC, 3);
	node("timer");
	prop_str("compatible", "arm,armv8-timer");
	prop_u32("interrupt-parent", GIC);
	ok(fdt_property(tree_buf, "interrupt-names", names, sizeof(names)));
	prop_cells("interrupts", 1, 0, cells, 6);
	end();
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 25);
}

static void cells_may_be_four(void **state)
{
	static const u64 cells[] = {1, 13, 4, 0, 1, 14, 4, 0, 1, 12, 4, 0, 1, 10, 4, 0};

	tree_begin(2, 2);
	controller("gic", GIC, 4);
	timer("arm,armv8-timer", GIC, cells, 16);
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 28);
}

/* The parent's cells are asked for, of which another controller has other ones. */
static void the_own_parent_wins(void **state)
{
	tree_begin(2, 2);
	prop_u32("interrupt-parent", 9);
	controller("other", 9, 1);
	controller("gic", GIC, 3);
	timer("arm,armv8-timer", GIC, (const u64[]){1, 1, 4, 1, 2, 4, 1, 3, 4}, 9);
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 19);
}

/* A log without a word of it, and the usual number. */
static void another_kind_of_controller_does_not_ask(void **state)
{
	for (u32 cells = 1; cells < 3; cells++) {
		setup(state);
		tree_begin(2, 2);
		controller("local", GIC, cells);
		timer("arm,armv8-timer", GIC, usual, 4 * cells);
		ok(scan_tree());
		assert_int_equal(find_timer_interrupt(), 27);
		assert_false(logged("virtual timer"));
	}
}

static void assumed(const char *why)
{
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 27);
	assert_logged(why);
	assert_logged("; interrupt 27 is taken");
}

static void what_says_nothing_is_the_usual_one(void **state)
{
	static const u64 other[] = {1, 13, 4, 1, 14, 4, 1, 5, 4, 1, 6, 4};
	static const u64 shared[] = {1, 13, 4, 1, 14, 4, 0, 5, 4};
	static const u64 beyond[] = {1, 13, 4, 1, 14, 4, 1, 16, 4};
	static const struct {
		u32 cells, nr;
		const u64 *interrupts;
		const char *why;
	} bad[] = {
		{0, 12, other, "has no controller"},  {3, 6, other, "gives it none"},
		{3, 8, other, "gives it none"},	      {13, 12, other, "gives it none"},
		{3, 0, other, "gives it none"},	      {3, 9, shared, "not each CPU's own"},
		{3, 9, beyond, "not each CPU's own"}, {4, 12, other, "not each CPU's own"},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(state);
		tree_begin(2, 2);
		controller("gic", GIC, bad[i].cells);
		timer("arm,armv8-timer", GIC, bad[i].interrupts, bad[i].nr);
		assumed(bad[i].why);
	}
	setup(state);
	tree_begin(2, 2);
	controller("gic", GIC, 3);
	assumed("has no node");
	setup(state);
	tree_begin(2, 2);
	timer("arm,armv8-timer", GIC, other, 12);
	assumed("has no controller");
	/* Nobody's, though there is one that has no number. */
	setup(state);
	tree_begin(2, 2);
	node("gic");
	prop("interrupt-controller");
	prop_u32("#interrupt-cells", 3);
	end();
	timer("arm,armv8-timer", 0, other, 12);
	assumed("has no controller");
}

/* Names without the one that is asked for, one of them cut off in the middle of it. */
static void names_without_it_are_not_counted(void **state)
{
	static const char names[] = "phys\0hyp-phys\0vi";

	tree_begin(2, 2);
	controller("gic", GIC, 3);
	node("timer");
	prop_str("compatible", "arm,armv8-timer");
	prop_u32("interrupt-parent", GIC);
	ok(fdt_property(tree_buf, "interrupt-names", names, sizeof(names) - 1));
	prop_cells("interrupts", 1, 0, (const u64[]){1, 1, 4, 1, 2, 4, 1, 3, 4}, 9);
	end();
	assumed("gives it none");
}

static void a_node_that_is_off_is_passed_over(void **state)
{
	tree_begin(2, 2);
	prop_u32("interrupt-parent", GIC);
	controller("gic", GIC, 3);
	node("off");
	prop_str("compatible", "arm,armv8-timer");
	prop_str("status", "disabled");
	prop_cells("interrupts", 1, 0, (const u64[]){1, 1, 4, 1, 2, 4, 1, 3, 4}, 9);
	end();
	timer("arm,armv8-timer", 0, (const u64[]){1, 1, 4, 1, 2, 4, 1, 4, 4}, 9);
	ok(scan_tree());
	assert_int_equal(find_timer_interrupt(), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_third_is_the_virtual_one, setup),
		cmocka_unit_test_setup(another_number_is_taken, setup),
		cmocka_unit_test_setup(names_say_which, setup),
		cmocka_unit_test_setup(cells_may_be_four, setup),
		cmocka_unit_test_setup(the_own_parent_wins, setup),
		cmocka_unit_test_setup(another_kind_of_controller_does_not_ask, setup),
		cmocka_unit_test_setup(what_says_nothing_is_the_usual_one, setup),
		cmocka_unit_test_setup(names_without_it_are_not_counted, setup),
		cmocka_unit_test_setup(a_node_that_is_off_is_passed_over, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
