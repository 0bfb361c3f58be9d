// SPDX-License-Identifier: MIT
/* The fixmap: its tables in every geometry, slots that are used again, and device trees that are not what they should be. */
/* links: @tables */
/* granules: 12 14 16 */
#include "fixmap_world.h"

static const unsigned int va_sizes[] = {PAGE_SHIFT == 12 ? 39 : PAGE_SHIFT == 14 ? 47 : 42, 48, 52};

static void boot(unsigned int va_bits)
{
	world_init(va_bits, va_bits == 52 ? 52 : 48, va_bits == 52);
	memset(shown, 0, sizeof(shown));
	boot_params.image =
		(struct kimage){.phys = WORLD_BASE, .size = WORLD_IMAGE_PAGES * PAGE_SIZE};
	assert_int_equal(va_layout_init(va_bits), 0);
	mmu_reset();
	early_fixmap_init();
}

static void slots_map_what_they_are_told(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(va_sizes); i++) {
		struct mmu_result r;
		struct walk w;

		boot(va_sizes[i]);
		for (unsigned int idx = FIX_EARLYCON; idx < __end_of_fixed_addresses; idx++) {
			unsigned long kva = fix_to_virt(idx);

			assert_false(mmu_translate(kva, MMU_READ, &r));
			set_fixmap(idx, 0x50000000 + idx * PAGE_SIZE, PROT_DEVICE_nGnRE);
			assert_true(mmu_translate(kva + 8, MMU_WRITE, &r));
			assert_int_equal(r.pa, 0x50000000 + idx * PAGE_SIZE + 8);
			assert_false(mmu_translate(kva, MMU_EXEC, &r));
			kernel_walk(kva, &w);
			assert_int_equal(w.result, WALK_OK);
			/* Again, with another page: broken, flushed, made. */
			set_fixmap(idx, 0x60000000, PAGE_KERNEL_RO);
			assert_true(mmu_translate(kva, MMU_READ, &r));
			assert_int_equal(r.pa, 0x60000000);
			assert_false(mmu_translate(kva, MMU_WRITE, &r));
		}
		for (unsigned int idx = FIX_EARLYCON; idx < __end_of_fixed_addresses; idx++) {
			set_fixmap(idx, 0, __pgprot(0));
			assert_false(mmu_translate(fix_to_virt(idx), MMU_READ, &r));
		}
		assert_int_equal(pgtable_check_tree(&kernel_pgtable), 0);
		assert_int_equal(mmu_errors(), 0);
	}
}

static void another_root_gets_the_same_tables(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(va_sizes); i++) {
		struct mmu_result r;

		boot(va_sizes[i]);
		set_fixmap(FIX_EARLYCON, 0x9000000, PROT_DEVICE_nGnRE);
		fixmap_install(port_swapper_pg_dir());
		port_replace_ttbr1(port_swapper_pg_dir());
		assert_true(mmu_translate(fix_to_virt(FIX_EARLYCON), MMU_READ, &r));
		assert_int_equal(r.pa, 0x9000000);
		set_fixmap(FIX_PTE, 0x50000000, PAGE_KERNEL);
		assert_true(mmu_translate(fix_to_virt(FIX_PTE), MMU_READ, &r));
		assert_int_equal(mmu_errors(), 0);
	}
}

static void table_slots_are_one_a_level(void **state)
{
	phys_addr_t table[5];
	u64 *p[5];
	struct mmu_result r;

	boot(52);
	for (int level = MIN_LEVEL; level <= MAX_LEVEL; level++) {
		table[level + 1] = world_alloc();
		p[level + 1] = fixmap_table_ptr(level, table[level + 1]);
	}
	for (int i = 0; i < 5; i++) {
		assert_ptr_equal(p[i], in_window(table[i]));
		assert_true(mmu_translate(fix_to_virt(FIX_PTE + 4 - i), MMU_WRITE, &r));
		assert_int_equal(r.pa, table[i]);
	}
	/* The same level again takes the slot over. */
	p[0] = fixmap_table_ptr(MAX_LEVEL, table[0]);
	assert_ptr_equal(p[0], in_window(table[0]));
	fixmap_tables_done();
	for (int i = 0; i < 5; i++)
		assert_false(mmu_translate(fix_to_virt(FIX_PTE + i), MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
}

/* ------------------------------------------------------------------ device trees */

#define TREE_AT (WORLD_BASE + 64 * PAGE_SIZE)

static void put_header(phys_addr_t at, u32 magic, u32 size)
{
	u8 *p = phys_to_virt(at);

	for (int i = 0; i < 4; i++) {
		p[i] = (u8)(magic >> (24 - 8 * i));
		p[4 + i] = (u8)(size >> (24 - 8 * i));
	}
}

static bool all_unmapped(void)
{
	struct mmu_result r;

	for (unsigned int idx = FIX_FDT_END; idx <= FIX_FDT; idx++)
		if (mmu_translate(fix_to_virt(idx), MMU_READ, &r))
			return false;
	return true;
}

static void refused(phys_addr_t at)
{
	u32 size = 12345;

	assert_null(fixmap_remap_fdt(at, &size, PAGE_KERNEL));
	assert_int_equal(size, 12345);
	assert_true(all_unmapped());
	assert_int_equal(mmu_errors(), 0);
}

static bool nothing_answers;

bool port_expect_fault(int (*op)(void *arg), void *arg, u64 *esr, u64 *far)
{
	if (nothing_answers)
		*esr = 0x96000010;
	else
		op(arg);
	return nothing_answers;
}

static void a_tree_where_nothing_answers_is_refused(void **state)
{
	boot(48);
	put_header(TREE_AT, 0xd00dfeed, 100);
	nothing_answers = true;
	refused(TREE_AT);
	nothing_answers = false;
}

static void trees_that_cannot_be_used_are_refused(void **state)
{
	boot(48);
	put_header(TREE_AT, 0xd00dfeed, 4096);
	refused(0);
	put_header(TREE_AT + 4, 0xd00dfeed, 4096);
	refused(TREE_AT + 4);
	refused(1UL << 48);
	refused((1UL << 48) - 8);
	refused(0xffffffffffffff00);
	/* Not in memory that the machine has. */
	refused(0x10000000);
	put_header(TREE_AT, 0xd00dfeee, 4096);
	refused(TREE_AT);
	put_header(TREE_AT, 0, 0);
	refused(TREE_AT);
	put_header(TREE_AT, 0xd00dfeed, 39);
	refused(TREE_AT);
	put_header(TREE_AT, 0xd00dfeed, MAX_FDT_SIZE + 1);
	refused(TREE_AT);
	put_header(TREE_AT, 0xd00dfeed, 0xffffffff);
	refused(TREE_AT);
	/* Begins in memory, ends beyond. */
	put_header(WORLD_BASE + (WORLD_PAGES - 1) * PAGE_SIZE, 0xd00dfeed, PAGE_SIZE + 1);
	refused(WORLD_BASE + (WORLD_PAGES - 1) * PAGE_SIZE);
}

/*
 *   page   |   ....hhhh|tttttttt|...|tttt    |
 *              ^ 8 bytes before a page's end, 2 MiB long: one page more than 2 MiB
 */
static void the_largest_tree_at_the_worst_offset(void **state)
{
	phys_addr_t at = TREE_AT + PAGE_SIZE - 8;
	unsigned long kva = fix_to_virt(FIX_FDT);
	struct mmu_result r;
	u32 size = 0;

	boot(48);
	put_header(at, 0xd00dfeed, MAX_FDT_SIZE);
	assert_ptr_equal(fixmap_remap_fdt(at, &size, PAGE_KERNEL), in_window(at));
	assert_int_equal(size, MAX_FDT_SIZE);
	for (unsigned long i = 0; i <= MAX_FDT_SIZE / PAGE_SIZE; i++) {
		assert_true(mmu_translate(kva + i * PAGE_SIZE, MMU_WRITE, &r));
		assert_int_equal(r.pa, TREE_AT + i * PAGE_SIZE);
	}
	assert_false(mmu_translate(fix_to_virt(FIX_FDT_END) + PAGE_SIZE, MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
}

static void mapped_again_read_only_and_then_another(void **state)
{
	phys_addr_t second = TREE_AT + 256 * PAGE_SIZE;
	struct mmu_result r;
	u32 size;

	boot(48);
	put_header(TREE_AT, 0xd00dfeed, 3 * PAGE_SIZE);
	put_header(second + 16, 0xd00dfeed, 100);
	assert_non_null(fixmap_remap_fdt(TREE_AT, &size, PAGE_KERNEL));
	assert_true(mmu_translate(fix_to_virt(FIX_FDT), MMU_WRITE, &r));
	assert_non_null(fixmap_remap_fdt(TREE_AT, &size, PAGE_KERNEL_RO));
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(mmu_translate(fix_to_virt(FIX_FDT - i), MMU_READ, &r));
		assert_false(mmu_translate(fix_to_virt(FIX_FDT - i), MMU_WRITE, &r));
	}
	assert_ptr_equal(fixmap_remap_fdt(second + 16, &size, PAGE_KERNEL_RO),
			 in_window(second + 16));
	assert_int_equal(size, 100);
	assert_true(mmu_translate(fix_to_virt(FIX_FDT), MMU_READ, &r));
	assert_int_equal(r.pa, second);
	assert_false(mmu_translate(fix_to_virt(FIX_FDT - 1), MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_map_what_they_are_told),
		cmocka_unit_test(another_root_gets_the_same_tables),
		cmocka_unit_test(table_slots_are_one_a_level),
		cmocka_unit_test(a_tree_where_nothing_answers_is_refused),
		cmocka_unit_test(trees_that_cannot_be_used_are_refused),
		cmocka_unit_test(the_largest_tree_at_the_worst_offset),
		cmocka_unit_test(mapped_again_read_only_and_then_another),
	};
	return cmocka_run_group_tests_name("fixmap", tests, NULL, NULL);
}
