// SPDX-License-Identifier: MIT
/*
 * The virtual layout, against what Linux 6.12's headers give for each page and VA size (its struct page has 64 bytes, so
 * vmemmap is worked out from 32), and rules that hold for all of them.
 */
/* links: arch/arm64/layout.c */
/* granules: 12 14 16 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <quire/pgtable.h>
#include <quire/port.h>

static void areas_are_in_order_and_apart(void **state)
{
	static const unsigned int sizes[] = {36, 39, 42, 47, 48, 52};
	unsigned int possible = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct va_layout *l = &va_layout;

		vabits_actual = sizes[i];
		if (va_layout_init(sizes[i])) {
			assert_int_equal(va_layout_init(sizes[i]), -EINVAL);
			continue;
		}
		possible++;
		assert_int_equal(l->page_offset, -(1UL << sizes[i]));
		assert_true(l->page_offset < l->page_end);
		assert_int_equal(l->page_end, l->modules_start);
		assert_int_equal(l->modules_end - l->modules_start, SZ_2G);
		assert_int_equal(l->kimage_vaddr, l->modules_end);
		assert_int_equal(l->vmalloc_start, l->modules_end);
		assert_true(l->vmalloc_start < l->vmalloc_end);
		assert_true(l->vmalloc_end < l->vmemmap_start);
		assert_true(l->vmemmap_end <= l->pci_io_start);
		assert_true(l->pci_io_end < l->fixaddr_start);
		assert_int_equal(l->fixaddr_top, -SZ_8M);
		/* A struct page for every page of the linear map. */
		assert_int_equal((l->vmemmap_end - l->vmemmap_start) / 32,
				 (l->page_end - l->page_offset) / PAGE_SIZE);
	}
	assert_int_equal(possible, 3);
}

static void values_of_linux(void **state)
{
	const struct va_layout *l = &va_layout;

	vabits_actual = 48;
	assert_int_equal(va_layout_init(48), 0);
	/* asm/memory.h with VA_BITS=48: the same for every page size. */
	assert_int_equal(l->page_offset, 0xffff000000000000UL);
	assert_int_equal(l->page_end, 0xffff800000000000UL);
	assert_int_equal(l->kimage_vaddr, 0xffff800080000000UL);
	assert_int_equal(l->vmemmap_end, 0xffffffffc0000000UL);
	assert_int_equal(l->pci_io_start, 0xffffffffc0800000UL);
	assert_int_equal(l->pci_io_end, 0xffffffffc1800000UL);
	if (PAGE_SHIFT == 12) {
		assert_int_equal(l->vmemmap_start, 0xfffffeffc0000000UL);
		assert_int_equal(va_layout_init(39), 0);
		assert_int_equal(l->page_offset, 0xffffff8000000000UL);
		assert_int_equal(l->page_end, 0xffffffc000000000UL);
		assert_int_equal(l->kimage_vaddr, 0xffffffc080000000UL);
	} else if (PAGE_SHIFT == 14) {
		assert_int_equal(va_layout_init(47), 0);
		assert_int_equal(l->page_offset, 0xffff800000000000UL);
		assert_int_equal(l->page_end, 0xffffc00000000000UL);
	} else {
		assert_int_equal(va_layout_init(42), 0);
		assert_int_equal(l->page_offset, 0xfffffc0000000000UL);
		assert_int_equal(l->page_end, 0xfffffe0000000000UL);
	}
}

/* One image, 52 bits or less: where it and the areas above the linear map lie does not depend on the CPU. */
static void fifty_two_bits_on_smaller_hardware(void **state)
{
	unsigned int less = PAGE_SHIFT == 14 ? 47 : 48;
	struct va_layout full;

	assert_int_equal(va_layout_init(52), 0);
	full = va_layout;
	assert_int_equal(va_layout_init(less), 0);
	assert_int_equal(va_layout.page_offset, -(1UL << less));
	assert_int_equal(va_layout.page_end, full.page_end);
	assert_int_equal(va_layout.kimage_vaddr, full.kimage_vaddr);
	assert_int_equal(va_layout.vmemmap_end, full.vmemmap_end);
	assert_int_equal(va_layout.fixaddr_start, full.fixaddr_start);
	/* What the smaller linear map needs no struct pages for, vmalloc has. */
	assert_int_equal(va_layout.vmalloc_end - full.vmalloc_end,
			 ((1UL << 52) - (1UL << less)) / PAGE_SIZE * 32);
}

/* PAGE_OFFSET may stand for an address below 0: translation is an addition modulo 2^64. */
static void memstart_below_zero(void **state)
{
	assert_int_equal(va_layout_init(48), 0);
	memstart_addr = -(s64)SZ_1G;
	assert_int_equal(phys_to_kva(0), va_layout.page_offset + SZ_1G);
	assert_int_equal(kva_to_phys(va_layout.page_offset + SZ_1G), 0);
	assert_int_equal(kva_to_phys(phys_to_kva(0x123456789000)), 0x123456789000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_are_in_order_and_apart),
		cmocka_unit_test(values_of_linux),
		cmocka_unit_test(fifty_two_bits_on_smaller_hardware),
		cmocka_unit_test(memstart_below_zero),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
