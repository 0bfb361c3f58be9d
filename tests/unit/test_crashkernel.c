// SPDX-License-Identifier: MIT
/* links: boot/crashkernel.c boot/params.c mm/early/memblock*.c lib/vsprintf.c lib/string.c */
/* crashkernel=: every form, where the memory is found, and what is said when it is not. */
#include "boot_fixture.h"

phys_addr_t arm64_dma_phys_limit;
phys_addr_t phys_initrd_start, phys_initrd_size, elfcorehdr_addr, elfcorehdr_size;
char boot_command_line[COMMAND_LINE_SIZE];
struct cma_cmdline cma_cmdline;
enum rodata_mode rodata_mode;
bool transparent_hugepage_enabled;
int transparent_hugepage_mode;

int setup_earlycon(const char *val)
{
	return 0;
}

int parse_kernelcore(const char *arg)
{
	return 0;
}

int parse_movablecore(const char *arg)
{
	return 0;
}

void port_enable_semihosting(void)
{
}

/* RAM 1..3 GiB and 4..8 GiB; DMA reaches 4 GiB. */
static int setup(void **state)
{
	reset_boot();
	memblock_add(SZ_1G, SZ_2G);
	memblock_add(SZ_4G, SZ_4G);
	arm64_dma_phys_limit = SZ_4G;
	return 0;
}

static void reserve(const char *cmdline)
{
	clear_log();
	snprintf(boot_command_line, sizeof(boot_command_line), "%s", cmdline);
	reserve_crashkernel();
	assert_int_equal(memblock_check(), 0);
}

static void nothing(const char *cmdline, const char *why)
{
	setup(NULL);
	reserve(cmdline);
	assert_int_equal(crash_res.size, 0);
	assert_int_equal(memblock.reserved.cnt, 0);
	if (why)
		assert_logged(why);
	else
		assert_string_equal(log_text, "");
}

static void low_when_nothing_else_is_said(void **state)
{
	reserve("quiet crashkernel=256M");
	assert_int_equal(crash_res.base, 3 * SZ_1G - SZ_256M);
	assert_int_equal(crash_res.size, SZ_256M);
	assert_int_equal(crash_res.low_size, 0);
	assert_reserved(0, 3 * SZ_1G - SZ_256M, SZ_256M);
	assert_string_equal(
		log_text,
		"crashkernel reserved: 0x00000000b0000000 - 0x00000000c0000000 (256 MB)\n");
}

static void at_a_place(void **state)
{
	reserve("crashkernel=128M@0x60000000");
	assert_int_equal(crash_res.base, 0x60000000);
	memblock_reserve(0x70000000, 0x1000);
	nothing("crashkernel=1G@0xa0000000", "crashkernel reservation failed - memory is in use.");
	nothing("crashkernel=128M@15E", "memory is in use");
}

static void a_place_that_is_taken(void **state)
{
	memblock_reserve(0x61000000, 0x1000);
	reserve("crashkernel=128M@0x60000000");
	assert_int_equal(crash_res.size, 0);
	assert_int_equal(memblock.reserved.cnt, 1);
}

/* Too large for below the limit: above, with a low part. */
static void high_when_low_has_no_room(void **state)
{
	reserve("crashkernel=3G");
	assert_int_equal(crash_res.base, 5 * SZ_1G);
	assert_int_equal(crash_res.low_size, SZ_128M);
	assert_int_equal(crash_res.low_base, 3 * SZ_1G - SZ_128M);
	assert_logged("crashkernel low memory reserved: 0xb8000000 - 0xc0000000 (128 MB)\n");
}

static void high_and_low(void **state)
{
	reserve("crashkernel=512M,high crashkernel=64M,low");
	assert_int_equal(crash_res.base, SZ_4G + SZ_4G - SZ_1G / 2);
	assert_int_equal(crash_res.low_base, 3 * SZ_1G - SZ_64M);
	setup(NULL);
	reserve("crashkernel=512M,high crashkernel=0,low");
	assert_int_equal(crash_res.size, SZ_1G / 2);
	assert_int_equal(crash_res.low_size, 0);
	setup(NULL);
	reserve("crashkernel=256M,high");
	assert_int_equal(crash_res.low_size, SZ_128M);
}

static void high_falls_back_to_low(void **state)
{
	memblock_remove(SZ_4G, SZ_4G);
	reserve("crashkernel=256M,high");
	assert_int_equal(crash_res.base, 3 * SZ_1G - SZ_256M);
	assert_int_equal(crash_res.low_size, 0);
}

static void without_a_low_part_there_is_none_at_all(void **state)
{
	memblock_reserve(SZ_1G, SZ_2G);
	reserve("crashkernel=512M,high");
	assert_int_equal(crash_res.size, 0);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_logged("cannot allocate crashkernel low memory (size:0x8000000).");
}

static void ranges_by_amount_of_ram(void **state)
{
	reserve("crashkernel=1G-4G:128M,4G-:256M");
	assert_int_equal(crash_res.size, SZ_256M);
	setup(NULL);
	reserve("crashkernel=1G-8G:128M,8G-:256M@0x50000000");
	assert_int_equal(crash_res.base, 0x50000000);
	assert_int_equal(crash_res.size, SZ_128M);
	nothing("crashkernel=16G-:128M", "crashkernel size resulted in zero bytes");
}

static void the_last_one_counts(void **state)
{
	reserve("crashkernel=64M crashkernel=1G,high crashkernel=128M");
	assert_int_equal(crash_res.size, SZ_128M);
	assert_true(crash_res.base < SZ_4G);
}

static void what_cannot_be_read(void **state)
{
	nothing("crashkernel=", "Memory value expected");
	nothing("crashkernel=abc", "Memory value expected");
	nothing("crashkernel=16E", "Memory value expected");
	nothing("crashkernel=64Mx", "unrecognized char: x");
	nothing("crashkernel=1G:64M", "'-' expected");
	nothing("crashkernel=1G-2G=64M:", "':' expected");
	nothing("crashkernel=2G-1G:64M", "end <= start");
	nothing("crashkernel=1G-:", "Memory value expected");
	nothing("crashkernel=1G-:64G", "invalid size");
	nothing("crashkernel=64M@", "Memory value expected");
	nothing("crashkernel=1G-:64M@", "Memory value expected");
	nothing("crashkernel=64M,higher", "unrecognized char");
	nothing("crashkernel=64M,low", NULL);
	nothing("crashkernel=1x,high", "unrecognized char");
	nothing("crashkernel=64M,high crashkernel=x,low", "Memory value expected");
	nothing("crashkernel=0", NULL);
	nothing("mem=1G", NULL);
}

static void more_than_there_is(void **state)
{
	nothing("crashkernel=900G", "not less than all memory");
	nothing("crashkernel=5G", "cannot allocate crashkernel (size:0x140000000)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(low_when_nothing_else_is_said, setup),
		cmocka_unit_test_setup(at_a_place, setup),
		cmocka_unit_test_setup(a_place_that_is_taken, setup),
		cmocka_unit_test_setup(high_when_low_has_no_room, setup),
		cmocka_unit_test_setup(high_and_low, setup),
		cmocka_unit_test_setup(high_falls_back_to_low, setup),
		cmocka_unit_test_setup(without_a_low_part_there_is_none_at_all, setup),
		cmocka_unit_test_setup(ranges_by_amount_of_ram, setup),
		cmocka_unit_test_setup(the_last_one_counts, setup),
		cmocka_unit_test_setup(what_cannot_be_read, setup),
		cmocka_unit_test_setup(more_than_there_is, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
