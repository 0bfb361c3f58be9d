// SPDX-License-Identifier: MIT
/* links: boot/memblock_init.c mm/early/memblock*.c lib/vsprintf.c lib/string.c */
/* granules: 12 14 16 */
/* arm64_memblock_init: which memory stays, where the linear map starts, and what is reserved. */
#include "boot_fixture.h"

#define IMAGE 0x40200000UL
#define IMAGE_SIZE 0x400000UL

phys_addr_t arm64_dma_phys_limit, memory_limit;
phys_addr_t phys_initrd_start, phys_initrd_size, elfcorehdr_addr, elfcorehdr_size;
char boot_command_line[COMMAND_LINE_SIZE];
struct va_layout va_layout;
struct fdt_info fdt_info;
s64 memstart_addr;
static unsigned int pa_bits, scans;
static int map_error;

unsigned int port_pa_bits(void)
{
	return pa_bits;
}

int port_linear_map_init(phys_addr_t memstart, phys_addr_t start, phys_addr_t end)
{
	return map_error;
}

void early_init_fdt_scan_reserved_mem(void)
{
	scans++;
}

static int setup(void **state)
{
	reset_boot();
	va_layout.page_offset = -(1UL << 48);
	va_layout.page_end = -(1UL << 47);
	pa_bits = 44;
	memory_limit = PHYS_ADDR_MAX;
	boot_params.image.phys = IMAGE;
	boot_params.image.size = IMAGE_SIZE;
	scans = 0;
	map_error = 0;
	fdt_info.memory_nodes = 1;
	return 0;
}

/* The boundary that memstart_addr is rounded down to. */
static u64 align(void)
{
	return PAGE_SHIFT == 16 ? SZ_1G / 2 : SZ_1G;
}

static void memory_as_usual(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	arm64_memblock_init();
	assert_int_equal(memblock.memory.cnt, 1);
	assert_memory(0, 0x40000000, SZ_1G);
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_reserved(0, IMAGE, IMAGE_SIZE);
	assert_int_equal(memstart_addr, 0x40000000);
	assert_int_equal(scans, 1);
	assert_string_equal(log_text, "");
}

static void the_linear_map_starts_at_a_block(void **state)
{
	memblock_add(0x48000000, SZ_1G);
	boot_params.image.phys = 0x50200000;
	arm64_memblock_init();
	assert_int_equal(memstart_addr, 0x40000000);
	setup(NULL);
	memblock_add(0x60000000, SZ_1G);
	boot_params.image.phys = 0x60200000;
	arm64_memblock_init();
	assert_int_equal(memstart_addr, 0x60000000 & ~(align() - 1));
}

/*
 *	2^pa_bits:             |
 *	[========]       [=====|=====]
 */
static void memory_beyond_the_cpu_s_reach(void **state)
{
	pa_bits = 36;
	memblock_add(0x40000000, SZ_1G);
	memblock_add((1UL << 36) - SZ_1G, SZ_2G);
	arm64_memblock_init();
	assert_int_equal(memblock.memory.cnt, 2);
	assert_memory(1, (1UL << 36) - SZ_1G, SZ_1G);
	assert_logged("Ignoring 1024 MiB of memory in [0x0000001000000000-0x0000001040000000): "
		      "this CPU's physical addresses do not reach it");
}

static void all_memory_beyond_the_cpu_s_reach(void **state)
{
	pa_bits = 32;
	memblock_add(SZ_4G, SZ_1G);
	expect_assert_failure(arm64_memblock_init());
}

/* RAM from 1 GiB on, a linear region of 2 GiB: what lies beyond 3 GiB goes. */
static void ram_wider_than_the_linear_map(void **state)
{
	va_layout.page_end = va_layout.page_offset + SZ_2G;
	memblock_add(0x40000000, SZ_4G);
	arm64_memblock_init();
	assert_int_equal(memblock.memory.cnt, 1);
	assert_memory(0, 0x40000000, SZ_2G);
	assert_logged("Ignoring 2048 MiB");
}

/* The kernel lies high: the lower end goes instead, and the kernel stays. */
static void a_kernel_at_the_far_end_of_wide_ram(void **state)
{
	va_layout.page_end = va_layout.page_offset + SZ_2G;
	memblock_add(0x40000000, SZ_4G);
	boot_params.image.phys = 0x40000000 + SZ_4G - SZ_16M;
	arm64_memblock_init();
	assert_true(memblock_is_region_memory(boot_params.image.phys, IMAGE_SIZE));
	assert_true(memblock_start_of_DRAM() >= (phys_addr_t)memstart_addr);
	assert_true(memblock_end_of_DRAM() - (phys_addr_t)memstart_addr <= SZ_2G);
	assert_int_equal(memstart_addr % align(), 0);
}

static void page_indices_bound_the_span(void **state)
{
	const u64 span = (1ULL << (32 + PAGE_SHIFT)) - (1ULL << SECTION_SIZE_BITS);

	pa_bits = 52;
	va_layout.page_offset = -(1UL << 52);
	va_layout.page_end = -(1UL << 51);
	memblock_add(0x40000000, SZ_1G);
	memblock_add(span, SZ_4G);
	arm64_memblock_init();
	assert_int_equal(memblock_end_of_DRAM(), span + (u64)memstart_addr);
	assert_logged("the memory map holds 2^32 pages");
}

/* mem= cuts at the end, except what the kernel lies in and NOMAP. */
static void memory_limit_keeps_the_kernel(void **state)
{
	memblock_add(0x40000000, SZ_2G);
	memblock_mark_nomap(0x90000000, SZ_2M);
	boot_params.image.phys = 0x60200000;
	memory_limit = SZ_256M;
	arm64_memblock_init();
	assert_int_equal(memblock.memory.cnt, 3);
	assert_memory(0, 0x40000000, SZ_256M);
	assert_memory(1, 0x60200000, IMAGE_SIZE);
	check_region(&memblock.memory, 2, 0x90000000, SZ_2M, MEMBLOCK_NOMAP);
}

static void the_initrd_comes_back_after_a_limit(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	memory_limit = SZ_256M;
	phys_initrd_start = 0x60000800;
	phys_initrd_size = 0x10000;
	arm64_memblock_init();
	assert_memory(1, 0x60000800 & PAGE_MASK, PAGE_ALIGN(0x60010800) - (0x60000800 & PAGE_MASK));
	assert_true(memblock_is_region_reserved(0x60000800, 0x10000));
	assert_logged("is not all memory: adding it");
}

static void an_initrd_below_memory_is_dropped(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = 0x3ff00000;
	phys_initrd_size = SZ_2M;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	assert_int_equal(memblock.memory.cnt, 1);
	assert_logged("initrd not fully accessible via the linear mapping");
}

static void an_initrd_out_of_reach_is_dropped(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = 0x40000000 + (1UL << 47);
	phys_initrd_size = SZ_2M;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	setup(NULL);
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = ~0UL - 0x1000;
	phys_initrd_size = SZ_2M;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	assert_int_equal(memblock_check(), 0);
}

/* RAM at 0, so that an end that wrapped around would look near. */
static void an_initrd_at_the_end_of_64_bits_is_dropped(void **state)
{
	boot_params.image.phys = 0x200000;
	memblock_add(0, SZ_1G);
	phys_initrd_start = ~0UL - 0xff;
	phys_initrd_size = 0x10;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	assert_memory(0, 0, SZ_1G);
}

static void an_initrd_beyond_the_cpu_s_reach_is_dropped(void **state)
{
	pa_bits = 40;
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = (1UL << 40) - SZ_1M;
	phys_initrd_size = SZ_2M;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	assert_int_equal(memblock.memory.cnt, 1);
}

static void an_initrd_beyond_page_indices_is_dropped(void **state)
{
	pa_bits = 52;
	va_layout.page_offset = -(1UL << 52);
	va_layout.page_end = -(1UL << 51);
	memblock_add(0x40000000, SZ_1G);
	memory_limit = SZ_1G / 2;
	phys_initrd_start = 1UL << (32 + PAGE_SHIFT);
	phys_initrd_size = SZ_1G;
	arm64_memblock_init();
	assert_int_equal(phys_initrd_size, 0);
	assert_int_equal(memblock.memory.cnt, 1);
}

static void an_initrd_partly_outside_is_made_memory(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = 0x7fff0000;
	phys_initrd_size = SZ_1M;
	arm64_memblock_init();
	assert_memory(0, 0x40000000, 0x3fff0000 + SZ_1M);
}

static void an_initrd_over_the_kernel_is_said(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	phys_initrd_start = IMAGE + SZ_1M;
	phys_initrd_size = SZ_1M;
	arm64_memblock_init();
	assert_logged("lies over the kernel image");
}

static void an_image_outside_of_memory_is_made_memory(void **state)
{
	memblock_add(0x80000000, SZ_1G);
	arm64_memblock_init();
	assert_memory(0, IMAGE, IMAGE_SIZE);
	assert_logged("the kernel image [0x0000000040200000-0x00000000405fffff] is not all memory");
}

static void no_memory_says_why(void **state)
{
	expect_assert_failure(arm64_memblock_init());
	fdt_info.memory_nodes = 0;
	expect_assert_failure(arm64_memblock_init());
}

static void nothing_but_the_kernel_fits(void **state)
{
	memblock_add(IMAGE, IMAGE_SIZE);
	expect_assert_failure(arm64_memblock_init());
}

static void a_map_that_the_port_cannot_hold(void **state)
{
	memblock_add(0x40000000, SZ_1G);
	map_error = -ERANGE;
	expect_assert_failure(arm64_memblock_init());
}

static void the_seed_moves_the_linear_map(void **state)
{
	unsigned int seed;

	for (seed = 0; seed <= 0xffff; seed += 0x1111) {
		setup(NULL);
		memblock_add(0x40000000, SZ_1G);
		boot_params.memstart_seed = (u16)seed;
		arm64_memblock_init();
		assert_int_equal(memstart_addr % (s64)align(), 0);
		assert_true(memstart_addr <= 0x40000000);
		/* RAM at its highest possible address still fits. */
		assert_true((1L << 44) - memstart_addr <= (1L << 47) + 0x40000000);
		assert_true(seed == 0 || memstart_addr < 0x40000000);
	}
}

static void no_room_to_move(void **state)
{
	pa_bits = 47;
	memblock_add(0x40000000, SZ_1G);
	boot_params.memstart_seed = 0xffff;
	arm64_memblock_init();
	assert_int_equal(memstart_addr, 0x40000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_as_usual, setup),
		cmocka_unit_test_setup(the_linear_map_starts_at_a_block, setup),
		cmocka_unit_test_setup(memory_beyond_the_cpu_s_reach, setup),
		cmocka_unit_test_setup(all_memory_beyond_the_cpu_s_reach, setup),
		cmocka_unit_test_setup(ram_wider_than_the_linear_map, setup),
		cmocka_unit_test_setup(a_kernel_at_the_far_end_of_wide_ram, setup),
		cmocka_unit_test_setup(page_indices_bound_the_span, setup),
		cmocka_unit_test_setup(memory_limit_keeps_the_kernel, setup),
		cmocka_unit_test_setup(the_initrd_comes_back_after_a_limit, setup),
		cmocka_unit_test_setup(an_initrd_below_memory_is_dropped, setup),
		cmocka_unit_test_setup(an_initrd_out_of_reach_is_dropped, setup),
		cmocka_unit_test_setup(an_initrd_at_the_end_of_64_bits_is_dropped, setup),
		cmocka_unit_test_setup(an_initrd_beyond_the_cpu_s_reach_is_dropped, setup),
		cmocka_unit_test_setup(an_initrd_beyond_page_indices_is_dropped, setup),
		cmocka_unit_test_setup(an_initrd_partly_outside_is_made_memory, setup),
		cmocka_unit_test_setup(an_initrd_over_the_kernel_is_said, setup),
		cmocka_unit_test_setup(an_image_outside_of_memory_is_made_memory, setup),
		cmocka_unit_test_setup(no_memory_says_why, setup),
		cmocka_unit_test_setup(nothing_but_the_kernel_fits, setup),
		cmocka_unit_test_setup(a_map_that_the_port_cannot_hold, setup),
		cmocka_unit_test_setup(the_seed_moves_the_linear_map, setup),
		cmocka_unit_test_setup(no_room_to_move, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
