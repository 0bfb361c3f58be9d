// SPDX-License-Identifier: MIT
/*
 * The texts made from page tables: the dump in Linux's format and the walk in words. The dump's lines are worked out from
 * Linux's attribute table (arch/arm64/mm/ptdump.c) and the layout of 39-bit addresses.
 */
/* links: @tables report/ptdump.c report/walk.c report/layout.c lib/out.c */
#include <quire/memblock.h>
#include <quire/out.h>
#include <quire/report_pgtable.h>

#include "mapping_world.h"

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

static char text[65536];

static int keep(struct out *out, const char *s, size_t n)
{
	size_t at = strlen(text);

	assert_true(at + n < sizeof(text));
	memcpy(text + at, s, n);
	text[at + n] = '\0';
	return 0;
}

static struct out out = {.write = keep};

static void machine(unsigned int va_bits, bool lpa2)
{
	world_init(va_bits, va_bits == 52 ? 52 : 48, lpa2);
	assert_int_equal(va_layout_init(va_bits), 0);
	memstart_addr = WORLD_BASE;
	kernel_pgtable = tree;
	text[0] = '\0';
	memblock_remove(0, PHYS_ADDR_MAX);
	memblock_add(WORLD_BASE, SZ_1G);
	memblock_mark_nomap(WORLD_BASE + (512 * SZ_1M), SZ_1M);
}

static void expect_has(const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void dump_of_a_small_tree(void **state)
{
	machine(39, false);
	assert_int_equal(
		kernel_map(va_layout.page_offset, WORLD_BASE, SZ_2M, PAGE_KERNEL_TAGGED, 0), 0);
	assert_int_equal(kernel_map(va_layout.page_offset + SZ_2M, WORLD_BASE + SZ_2M, SZ_2M,
				    PAGE_KERNEL_RO, 0),
			 0);
	assert_int_equal(kernel_map(va_layout.kimage_vaddr, WORLD_BASE, SZ_4K, PAGE_KERNEL_ROX, 0),
			 0);
	assert_int_equal(kernel_map(va_layout.kimage_vaddr + SZ_64K, WORLD_BASE + SZ_64K,
				    (2 * SZ_64K), PAGE_KERNEL, 0),
			 0);
	assert_int_equal(
		kernel_map(va_layout.kimage_vaddr + SZ_1M, 0x9000000, SZ_4K, PROT_DEVICE_nGnRE, 0),
		0);
	report_ptdump(&out);
	assert_string_equal(text, "---[ Linear Mapping start ]---\n"
				  "0xffffff8000000000-0xffffff8000200000           2M PMD       RW "
				  "NX SHD AF        BLK UXN    MEM/NORMAL-TAGGED\n"
				  "0xffffff8000200000-0xffffff8000400000           2M PMD       ro "
				  "NX SHD AF        BLK UXN    MEM/NORMAL\n"
				  "0xffffff8000400000-0xffffff8040000000        1020M PMD\n"
				  "0xffffff8040000000-0xffffffc000000000         255G PGD\n"
				  "---[ Linear Mapping end ]---\n"
				  "---[ Modules start ]---\n"
				  "0xffffffc000000000-0xffffffc080000000           2G PGD\n"
				  "---[ Modules end ]---\n"
				  "---[ vmalloc() area ]---\n"
				  "0xffffffc080000000-0xffffffc080001000           4K PTE       ro "
				  "x  SHD AF            UXN    MEM/NORMAL\n"
				  "0xffffffc080001000-0xffffffc080010000          60K PTE\n"
				  "0xffffffc080010000-0xffffffc080030000         128K PTE       RW "
				  "NX SHD AF    CON     UXN    MEM/NORMAL\n"
				  "0xffffffc080030000-0xffffffc080100000         832K PTE\n"
				  "0xffffffc080100000-0xffffffc080101000           4K PTE       RW "
				  "NX SHD AF            UXN    DEVICE/nGnRE\n"
				  "0xffffffc080101000-0xffffffc080200000        1020K PTE\n"
				  "0xffffffc080200000-0xffffffc0c0000000        1022M PMD\n"
				  "0xffffffc0c0000000-0xffffffff40000000         250G PGD\n"
				  "---[ vmalloc() end ]---\n"
				  "---[ vmemmap start ]---\n"
				  "0xffffffff40000000-0xffffffffc0000000           2G PGD\n"
				  "---[ vmemmap end ]---\n"
				  "0xffffffffc0000000-0x0000000000000000           1G PGD\n");
}

static void walk_of_a_mapped_address(void **state)
{
	unsigned long kva;

	machine(48, false);
	kva = phys_to_kva(WORLD_BASE);
	assert_int_equal(kernel_map(kva, WORLD_BASE, SZ_32M, PAGE_KERNEL_RO, MAP_NO_EXEC), 0);
	assert_int_equal(report_walk(&out, kva + SZ_2M + 0x123), 0);
	expect_has("0xffff000000200123: walk from 0x40000000 (TTBR1_EL1), 4 KiB granule, 48-bit "
		   "addresses\n");
	expect_has("  level 0  index    0  0x18");
	expect_has("not executable at EL1, not executable at EL0\n");
	expect_has("  level 2  index    1  0x00f0000040200781  2 MiB block at 0x40200000 in a "
		   "contiguous run of "
		   "32 MiB, normal memory, read-only, never executable, inner shareable, dirty\n");
	expect_has("  physical address 0x40200123\n");
	assert_null(strstr(text, "level 3"));
}

static void walks_that_fault(void **state)
{
	machine(48, false);
	assert_int_equal(report_walk(&out, 0x1000), -EFAULT);
	expect_has("not a kernel address: TTBR1_EL1 translates 0xffff000000000000 and above\n");
	text[0] = '\0';
	assert_int_equal(report_walk(&out, va_layout.vmalloc_start), -EFAULT);
	expect_has("  level 0  index  256  0x0000000000000000  invalid\n  level 0 translation "
		   "fault\n");
	text[0] = '\0';
	assert_int_equal(
		kernel_map(va_layout.vmalloc_start, 0x9000000, SZ_4K, PROT_DEVICE_nGnRE, 0), 0);
	assert_int_equal(report_walk(&out, va_layout.vmalloc_start + SZ_4K), -EFAULT);
	expect_has("  level 3  index    1  0x0000000000000000  invalid\n  level 3 translation "
		   "fault\n");
	text[0] = '\0';
	assert_int_equal(report_walk(&out, va_layout.vmalloc_start), 0);
	expect_has("4 KiB page at 0x9000000, device nGnRE, read-write, never executable, inner "
		   "shareable, DBM\n");
}

static void five_levels_and_shareability_from_tcr(void **state)
{
	machine(52, true);
	assert_int_equal(kernel_map(va_layout.page_offset, WORLD_BASE, SZ_4K, PAGE_KERNEL, 0), 0);
	assert_int_equal(report_walk(&out, va_layout.page_offset), 0);
	expect_has("  level -1  index    0  ");
	expect_has("  level 3  index    0  ");
	assert_null(strstr(text, "shareable"));
}

static void where_a_physical_address_is_mapped(void **state)
{
	machine(48, false);
	assert_int_equal(kernel_map(phys_to_kva(WORLD_BASE), WORLD_BASE, SZ_2M, PAGE_KERNEL, 0), 0);
	assert_int_equal(
		kernel_map(va_layout.kimage_vaddr, WORLD_BASE + SZ_64K, SZ_4K, PAGE_KERNEL_ROX, 0),
		0);
	assert_int_equal(report_walk_phys(&out, WORLD_BASE + SZ_64K + 8), 0);
	expect_has("0xffff000000010008: walk");
	expect_has("0xffff800080000008: walk");
	expect_has("executable at EL1");
	text[0] = '\0';
	assert_int_equal(report_walk_phys(&out, 0x1000), -ENOENT);
	assert_string_equal(text, "0x1000 is mapped nowhere: it is not memory\n");
	text[0] = '\0';
	assert_int_equal(report_walk_phys(&out, WORLD_BASE + (512 * SZ_1M) + 5), -ENOENT);
	expect_has("(no-map)");
	text[0] = '\0';
	memblock_add(0x90000800, SZ_4K);
	assert_int_equal(report_walk_phys(&out, 0x90000900), -ENOENT);
	expect_has("it shares its page with what is not mapped");
	text[0] = '\0';
	memblock_clear_nomap(WORLD_BASE + (512 * SZ_1M), SZ_1M);
	assert_int_equal(report_walk_phys(&out, WORLD_BASE + (512 * SZ_1M) + 5), -ENOENT);
	expect_has("it was no-map when the linear map was made");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dump_of_a_small_tree),
		cmocka_unit_test(walk_of_a_mapped_address),
		cmocka_unit_test(walks_that_fault),
		cmocka_unit_test(five_levels_and_shareability_from_tcr),
		cmocka_unit_test(where_a_physical_address_is_mapped),
	};
	return cmocka_run_group_tests_name("ptdump", tests, NULL, NULL);
}
