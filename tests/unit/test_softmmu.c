// SPDX-License-Identifier: MIT
/* The software MMU sees every mistake it is there for: each test plants one, and then does the same thing right. */
/* links: @tables */
/* granules: 12 14 16 */
#include "mapping_world.h"

#define VA_BITS 48
#define KVA (-(1UL << VA_BITS))
#define PAGE_DESC(pa) (PAGE_KERNEL.val | DESC_VALID | DESC_TABLE | (pa))

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

/* The entry of level 3 for KVA's page n, in a table that exists. */
static u64 *pte(unsigned int n)
{
	struct walk w;

	pgtable_walk_tree(&tree, KVA, &w);
	assert_int_equal(w.step[w.nr_steps - 1].level, MAX_LEVEL + 1);
	return (u64 *)phys_to_virt(w.step[w.nr_steps - 1].table) + n;
}

static int setup(void **state)
{
	world_init(VA_BITS, 48, false);
	return pgtable_map(&tree, KVA, 0x80000000 + PAGE_SIZE, 8 * PAGE_SIZE, PAGE_KERNEL, 0);
}

static void expect_error(const char *text)
{
	if (!mmu_errors())
		fail_msg("the software MMU saw nothing, expected: %s", text);
	if (!strstr(mmu_first_error(), text))
		fail_msg("%s, expected: %s", mmu_first_error(), text);
}

static void a_forgotten_flush_after_unmapping(void **state)
{
	struct mmu_result r;

	assert_true(mmu_translate(KVA, MMU_READ, &r));
	port_set_pte(pte(0), 0);
	port_pte_barrier();
	/* The CPU goes on with what it has. */
	assert_true(mmu_translate(KVA, MMU_READ, &r));
	expect_error("stale TLB entry");
	setup(state);
	assert_true(mmu_translate(KVA, MMU_READ, &r));
	port_set_pte(pte(0), 0);
	port_flush_tlb_kernel_range(KVA, KVA + PAGE_SIZE);
	assert_false(mmu_translate(KVA, MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
}

static void a_flush_of_the_wrong_page(void **state)
{
	struct mmu_result r;

	assert_true(mmu_translate(KVA, MMU_READ, &r));
	port_set_pte(pte(0), 0);
	port_flush_tlb_kernel_range(KVA + PAGE_SIZE, KVA + 2 * PAGE_SIZE);
	assert_true(mmu_translate(KVA, MMU_READ, &r));
	expect_error("stale TLB entry");
}

static void a_permission_taken_away_without_a_flush(void **state)
{
	struct mmu_result r;

	assert_true(mmu_translate(KVA, MMU_WRITE, &r));
	port_set_pte(pte(0), (r.desc & ~DESC_WRITE) | DESC_RDONLY);
	port_pte_barrier();
	assert_int_equal(mmu_errors(), 0);
	mmu_translate(KVA, MMU_WRITE, &r);
	expect_error("stale TLB entry");
}

static void a_new_address_without_a_break(void **state)
{
	port_set_pte(pte(0), PAGE_DESC(0x90000000));
	expect_error("break-before-make: valid entry");
	setup(state);
	break_before_make(pte(0), 1, PAGE_DESC(0x90000000), 0, KVA, PAGE_SIZE);
	assert_int_equal(mmu_errors(), 0);
}

static void a_break_without_a_flush(void **state)
{
	port_set_pte(pte(2), 0);
	port_pte_barrier();
	port_set_pte(pte(2), PAGE_DESC(0x90000000));
	expect_error("made valid before the flush");
}

/* The entry was never used by a translation, but a CPU may have fetched it all the same. */
static void the_same_for_one_of_many(void **state)
{
	for (unsigned int i = 1; i < 6; i++)
		port_set_pte(pte(i), 0);
	port_flush_tlb_kernel_range(KVA, KVA + 4 * PAGE_SIZE);
	port_set_pte(pte(3), PAGE_DESC(0x90000000));
	port_pte_barrier();
	assert_int_equal(mmu_errors(), 0);
	port_set_pte(pte(4), PAGE_DESC(0x90000000));
	expect_error("made valid before the flush");
}

static void the_contiguous_bit_changed_in_place(void **state)
{
	unsigned int run = contiguous_entries(3);

	assert_int_equal(pgtable_map(&tree, KVA + run * PAGE_SIZE, run * PAGE_SIZE, run * PAGE_SIZE,
				     PAGE_KERNEL, 0),
			 0);
	assert_true(*pte(run) & DESC_CONT);
	port_set_pte(pte(run), *pte(run) & ~DESC_CONT);
	expect_error("break-before-make");
}

static void memory_type_changed_in_place(void **state)
{
	port_set_pte(pte(0), (*pte(0) & ~DESC_ATTRINDX_MASK) | DESC_ATTRINDX(MT_DEVICE_nGnRE));
	expect_error("break-before-make");
	setup(state);
	/* Tagged and not tagged are the same cacheability. */
	port_set_pte(pte(0), (*pte(0) & ~DESC_ATTRINDX_MASK) | DESC_ATTRINDX(MT_NORMAL_TAGGED));
	assert_int_equal(mmu_errors(), 0);
}

static void a_table_freed_or_linked_again_before_its_flush(void **state)
{
	struct walk w;
	u64 *entry, desc;

	pgtable_walk_tree(&tree, KVA, &w);
	entry = (u64 *)phys_to_virt(w.step[w.nr_steps - 2].table) + w.step[w.nr_steps - 2].index;
	desc = *entry;
	port_set_pte(entry, 0);
	/* A flush of the range leaves walk caches alone. */
	port_flush_tlb_kernel_range(KVA, KVA + level_size(2));
	mmu_page_freed(w.step[w.nr_steps - 1].table);
	expect_error("freed before the flush");

	setup(state);
	pgtable_walk_tree(&tree, KVA, &w);
	entry = (u64 *)phys_to_virt(w.step[w.nr_steps - 2].table) + w.step[w.nr_steps - 2].index;
	desc = *entry;
	port_set_pte(entry, 0);
	port_flush_tlb_kernel_range(KVA, KVA + level_size(2));
	port_set_pte(entry + 1, desc);
	expect_error("used again before the flush");

	setup(state);
	pgtable_walk_tree(&tree, KVA, &w);
	entry = (u64 *)phys_to_virt(w.step[w.nr_steps - 2].table) + w.step[w.nr_steps - 2].index;
	desc = *entry;
	port_set_pte(entry, 0);
	port_flush_tlb_all();
	mmu_page_freed(w.step[w.nr_steps - 1].table);
	port_set_pte(entry + 1, desc);
	assert_int_equal(mmu_errors(), 0);
}

static void a_table_freed_while_linked(void **state)
{
	struct walk w;

	pgtable_walk_tree(&tree, KVA, &w);
	mmu_page_freed(w.step[w.nr_steps - 1].table);
	expect_error("freed while it is linked");
}

static void an_access_before_the_barrier(void **state)
{
	struct mmu_result r;

	port_set_pte(pte(8), PAGE_DESC(0x90000000));
	mmu_translate(KVA + 8 * PAGE_SIZE, MMU_READ, &r);
	expect_error("without a barrier");
}

static void a_block_leaves_the_tlb_by_any_of_its_addresses(void **state)
{
	unsigned long kva = KVA + level_size(1);
	struct mmu_result r;
	struct walk w;

	assert_int_equal(pgtable_map(&tree, kva, 0, level_size(2), PAGE_KERNEL, MAP_NO_CONT), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(mmu_translate(kva + i * PAGE_SIZE, MMU_READ, &r));
	assert_int_equal(r.size, level_size(2));
	pgtable_walk_tree(&tree, kva, &w);
	port_set_pte((u64 *)phys_to_virt(w.step[w.nr_steps - 1].table) +
			     w.step[w.nr_steps - 1].index,
		     0);
	port_flush_tlb_kernel_range(kva + 3 * PAGE_SIZE, kva + 4 * PAGE_SIZE);
	for (unsigned int i = 0; i < 8; i++)
		assert_false(mmu_translate(kva + i * PAGE_SIZE, MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
}

static void faults_as_the_architecture_numbers_them(void **state)
{
	struct mmu_result r;

	assert_false(mmu_translate(KVA - PAGE_SIZE, MMU_READ, &r));
	assert_int_equal(r.fsc, 0x04);
	assert_false(mmu_translate(KVA + 9 * PAGE_SIZE, MMU_READ, &r));
	assert_int_equal(r.fsc, 0x07);
	assert_int_equal(mmu_fault_esr(&r, MMU_WRITE), 0x96000047);
	assert_false(mmu_translate(KVA, MMU_EXEC, &r));
	assert_int_equal(r.fsc, 0x0f);
	assert_int_equal(mmu_fault_esr(&r, MMU_EXEC), 0x8600000f);
	assert_int_equal(pgtable_protect(&tree, KVA, PAGE_SIZE, PAGE_KERNEL_RO), 0);
	assert_true(mmu_translate(KVA, MMU_READ, &r));
	assert_false(mmu_translate(KVA, MMU_WRITE, &r));
	assert_int_equal(r.fsc, 0x0f);
	/* An address beyond the CPU's PA range. */
	world_pa_bits = 31;
	port_flush_tlb_all();
	assert_false(mmu_translate(KVA, MMU_READ, &r));
	assert_int_equal(r.fsc, 0x03);
	assert_int_equal(mmu_errors(), 0);
}

static void address_translation_reports_as_par(void **state)
{
	u64 par = port_at_s1e1(KVA + 0x123, false);

	assert_int_equal(par & 1, 0);
	assert_int_equal(par & GENMASK(51, 12) & PAGE_MASK, 0x80000000 + PAGE_SIZE);
	assert_int_equal(par >> 56, 0xff);
	assert_int_equal((par >> 7) & 3, 3);
	assert_int_equal(pgtable_map(&tree, KVA + 16 * PAGE_SIZE, 0x9000000, PAGE_SIZE,
				     PROT_DEVICE_nGnRE, 0),
			 0);
	par = port_at_s1e1(KVA + 16 * PAGE_SIZE, true);
	assert_int_equal(par & 1, 0);
	assert_int_equal(par >> 56, 0x04);
	par = port_at_s1e1(KVA + 17 * PAGE_SIZE, false);
	assert_int_equal(par & 1, 1);
	assert_int_equal((par >> 1) & 0x3f, 0x07);
}

/* As CPU 1 for a moment. */
static bool translate_on(unsigned int cpu, unsigned long kva, struct mmu_result *r)
{
	bool ok;

	host_cpu = cpu;
	ok = mmu_translate(kva, MMU_READ, r);
	host_cpu = 0;
	return ok;
}

static void a_flush_that_misses_a_cpu(void **state)
{
	struct mmu_result r;

	assert_int_equal(mmu_cpu_add(1), 0);
	assert_true(mmu_translate(KVA, MMU_READ, &r));
	assert_true(translate_on(1, KVA, &r));
	port_set_pte(pte(0), 0);
	port_pte_barrier();
	mmu_flush_this_cpu(KVA, KVA + PAGE_SIZE);
	/* Here all is well, there it is not. */
	assert_false(mmu_translate(KVA, MMU_READ, &r));
	assert_int_equal(mmu_errors(), 0);
	assert_true(translate_on(1, KVA, &r));
	expect_error("stale TLB entry");
	/* And the address must not be used again. */
	setup(state);
	assert_int_equal(mmu_cpu_add(1), 0);
	port_set_pte(pte(0), 0);
	port_pte_barrier();
	mmu_flush_this_cpu(KVA, KVA + PAGE_SIZE);
	port_set_pte(pte(0), PAGE_DESC(0x90000000));
	expect_error("made valid before the flush");
}

static void a_flush_reaches_every_cpu(void **state)
{
	struct mmu_result r;

	for (unsigned int cpu = 1; cpu < 4; cpu++)
		assert_int_equal(mmu_cpu_add(cpu), 0);
	for (unsigned int page = 0; page < 2; page++) {
		for (unsigned int cpu = 0; cpu < 4; cpu++)
			assert_true(translate_on(cpu, KVA + page * PAGE_SIZE, &r));
		host_cpu = page + 1;
		port_set_pte(pte(page), 0);
		if (page)
			port_flush_tlb_all();
		else
			port_flush_tlb_kernel_range(KVA, KVA + PAGE_SIZE);
		host_cpu = 0;
		for (unsigned int cpu = 0; cpu < 4; cpu++)
			assert_false(translate_on(cpu, KVA + page * PAGE_SIZE, &r));
	}
	assert_int_equal(mmu_errors(), 0);
	/* A CPU that comes again has an empty TLB. */
	assert_true(translate_on(2, KVA + 2 * PAGE_SIZE, &r));
	mmu_cpu_remove(2);
	port_set_pte(pte(2), 0);
	port_pte_barrier();
	assert_int_equal(mmu_cpu_add(2), 0);
	assert_false(translate_on(2, KVA + 2 * PAGE_SIZE, &r));
	assert_int_equal(mmu_errors(), 0);
}

/* Each waits for its own stores. */
static void a_barrier_is_a_cpus_own(void **state)
{
	struct mmu_result r;

	assert_int_equal(mmu_cpu_add(1), 0);
	port_set_pte(pte(20), PAGE_DESC(0x90000000));
	assert_true(translate_on(1, KVA, &r));
	host_cpu = 1;
	port_pte_barrier();
	host_cpu = 0;
	assert_int_equal(mmu_errors(), 0);
	mmu_translate(KVA, MMU_READ, &r);
	expect_error("without a barrier");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_forgotten_flush_after_unmapping, setup),
		cmocka_unit_test_setup(a_flush_of_the_wrong_page, setup),
		cmocka_unit_test_setup(a_permission_taken_away_without_a_flush, setup),
		cmocka_unit_test_setup(a_new_address_without_a_break, setup),
		cmocka_unit_test_setup(a_break_without_a_flush, setup),
		cmocka_unit_test_setup(the_same_for_one_of_many, setup),
		cmocka_unit_test_setup(the_contiguous_bit_changed_in_place, setup),
		cmocka_unit_test_setup(memory_type_changed_in_place, setup),
		cmocka_unit_test_setup(a_table_freed_or_linked_again_before_its_flush, setup),
		cmocka_unit_test_setup(a_table_freed_while_linked, setup),
		cmocka_unit_test_setup(an_access_before_the_barrier, setup),
		cmocka_unit_test_setup(a_block_leaves_the_tlb_by_any_of_its_addresses, setup),
		cmocka_unit_test_setup(a_flush_that_misses_a_cpu, setup),
		cmocka_unit_test_setup(a_flush_reaches_every_cpu, setup),
		cmocka_unit_test_setup(a_barrier_is_a_cpus_own, setup),
		cmocka_unit_test_setup(faults_as_the_architecture_numbers_them, setup),
		cmocka_unit_test_setup(address_translation_reports_as_par, setup),
	};
	return cmocka_run_group_tests_name("softmmu", tests, NULL, NULL);
}
