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

/* ------------------------------------------------------------------ the contiguous bit */

/* A group of its own behind the pages of KVA, and its first entry: at level 3 in their table, or blocks at level 2. */
#define GROUP(level) ((level) == 3 ? KVA + contiguous_entries(3) * PAGE_SIZE : KVA + level_size(1))
#define GROUP_PA 0x100000000000UL /* aligned to everything */

static u64 *map_group(int level)
{
	unsigned long kva = GROUP(level);
	struct walk w;
	u64 *entry;

	assert_int_equal(pgtable_map(&tree, kva, GROUP_PA,
				     contiguous_entries(level) * level_size(level), PAGE_KERNEL, 0),
			 0);
	pgtable_walk_tree(&tree, kva, &w);
	assert_int_equal(w.step[w.nr_steps - 1].level, level + 1); /* 0: level -1 */
	entry = (u64 *)phys_to_virt(w.step[w.nr_steps - 1].table) + w.step[w.nr_steps - 1].index;
	assert_true(*entry & DESC_CONT);
	return entry;
}

static void one_tlb_entry_stands_for_a_whole_group(void **state)
{
	for (int level = 2; level <= 3; level++) {
		unsigned int n = contiguous_entries(level);
		u64 size = level_size(level), *entry;
		struct mmu_result r;

		setup(state);
		entry = map_group(level);
		for (unsigned int i = 0; i < n; i++) {
			assert_true(mmu_translate(GROUP(level) + i * size + 5, MMU_WRITE, &r));
			assert_int_equal(r.size, n * size);
			assert_int_equal(r.pa, GROUP_PA + i * size + 5);
		}
		assert_int_equal(mmu_errors(), 0);
		/* An entry goes whose address was never used: the TLB has it from another's use. */
		setup(state);
		entry = map_group(level);
		assert_true(mmu_translate(GROUP(level), MMU_READ, &r));
		port_set_pte(entry + n - 1, 0);
		port_pte_barrier();
		assert_true(mmu_translate(GROUP(level) + (n - 1) * size, MMU_READ, &r));
		expect_error("stale TLB entry");
		/* A flush by any of the addresses takes it all. */
		setup(state);
		entry = map_group(level);
		assert_true(mmu_translate(GROUP(level) + size, MMU_READ, &r));
		for (unsigned int i = 0; i < n; i++)
			port_set_pte(entry + i, 0);
		port_flush_tlb_kernel_range(GROUP(level), GROUP(level) + n * size);
		for (unsigned int i = 0; i < n; i++)
			assert_false(mmu_translate(GROUP(level) + i * size, MMU_READ, &r));
		assert_int_equal(mmu_errors(), 0);
	}
}

/* Stores that the software MMU does not see, as those into tables which are linked later. */
static void expect_odd_group(void **state, int level, unsigned int which, u64 clear, u64 change,
			     const char *text)
{
	struct mmu_result r;
	u64 *entry;

	setup(state);
	entry = map_group(level);
	entry[which] = (entry[which] & ~clear) ^ change;
	/* By the one that is as it should be. */
	assert_true(mmu_translate(GROUP(level) + level_size(level), MMU_READ, &r));
	/* As if the bit were not there. */
	assert_int_equal(r.size, level_size(level));
	assert_int_equal(r.pa, GROUP_PA + level_size(level));
	expect_error("contiguous bit in the group of");
	expect_error(text);
}

static void a_group_that_disagrees(void **state)
{
	for (int level = 2; level <= 3; level++) {
		unsigned int last = contiguous_entries(level) - 1;
		u64 size = level_size(level);

		expect_odd_group(state, level, last, ~0ULL, 0, "not all are valid");
		expect_odd_group(state, level, 0, DESC_VALID, 0, "not all are valid");
		expect_odd_group(state, level, last, DESC_CONT, 0, "some have the bit");
		expect_odd_group(state, level, last, 0, size, "addresses are not contiguous");
		expect_odd_group(state, level, 0, 0, size << 8, "addresses are not contiguous");
		expect_odd_group(state, level, last, DESC_WRITE, DESC_RDONLY, "attributes differ");
		expect_odd_group(state, level, 0, 0, DESC_USER, "attributes differ");
		expect_odd_group(state, level, last, 0, DESC_UXN, "attributes differ");
		expect_odd_group(state, level, last, 0, DESC_ATTRINDX(MT_DEVICE_nGnRE),
				 "attributes differ");
	}
}

static void a_group_at_an_address_that_is_not_aligned(void **state)
{
	unsigned int n = contiguous_entries(3);
	u64 *entry = map_group(3);
	struct mmu_result r;

	for (unsigned int i = 0; i < n; i++)
		entry[i] += PAGE_SIZE;
	assert_true(mmu_translate(GROUP(3), MMU_READ, &r));
	assert_int_equal(r.pa, GROUP_PA + PAGE_SIZE);
	expect_error("not aligned");
}

static void marks_and_what_no_cpu_looks_at_may_differ(void **state)
{
	struct mmu_result r;
	u64 *entry = map_group(3);

	for (unsigned int i = 0; i < contiguous_entries(3); i++)
		entry[i] |= DESC_WRITE | (i % 3 ? DESC_RDONLY : 0);
	entry[5] &= ~DESC_AF;
	entry[6] |= DESC_DIRTY | BIT(63);
	assert_true(mmu_translate(GROUP(3), MMU_READ, &r));
	assert_int_equal(r.size, contiguous_entries(3) * PAGE_SIZE);
	assert_int_equal(mmu_errors(), 0);
	/* Without DBM it is a permission. */
	setup(state);
	entry = map_group(3);
	for (unsigned int i = 0; i < contiguous_entries(3); i++)
		entry[i] = (entry[i] & ~DESC_WRITE) | (i % 3 ? DESC_RDONLY : 0);
	assert_true(mmu_translate(GROUP(3), MMU_READ, &r));
	expect_error("attributes differ");
}

/* A single entry of a group is written to. */
static void one_entry_of_a_group_is_changed(void **state)
{
	u64 *entry = map_group(3);

	port_set_pte(entry + 2, (entry[2] & ~DESC_WRITE) | DESC_RDONLY);
	expect_error("break-before-make: valid entry");
	setup(state);
	entry = map_group(3);
	port_set_pte(entry + 2, entry[2] & ~DESC_CONT);
	expect_error("break-before-make: valid entry");
	/* Marks need no break, in some entries or in all. */
	setup(state);
	entry = map_group(3);
	port_set_pte(entry + 2, entry[2] & ~DESC_AF);
	port_set_pte(entry + 2, entry[2] | DESC_AF | DESC_DIRTY);
	port_set_pte(entry + 3, entry[3] | DESC_RDONLY);
	assert_true(entry[3] & DESC_WRITE);
	assert_int_equal(mmu_errors(), 0);
}

/* Broken and made alone, flush and all: what it becomes must go with the others. */
static void one_entry_of_a_group_is_broken_and_made(void **state)
{
	static const struct {
		u64 change;
		const char *text;
	} made[] = {{DESC_CONT, "some have the bit"},
		    {GROUP_PA, "addresses are not contiguous"},
		    {DESC_USER, "attributes differ"},
		    {0, NULL},
		    {DESC_AF, NULL}};
	struct mmu_result r;

	for (int level = 2; level <= 3; level++)
		for (unsigned int i = 0; i < ARRAY_SIZE(made); i++) {
			u64 size = level_size(level), *entry, val;

			setup(state);
			entry = map_group(level) + 3;
			val = *entry;
			break_before_make(entry, 1, val ^ made[i].change, 0,
					  GROUP(level) + 3 * size, size);
			if (made[i].text)
				expect_error(made[i].text);
			assert_int_equal(mmu_errors(), made[i].text ? 1 : 0);
		}
	/* The group is broken and made: anything goes. */
	for (int level = 2; level <= 3; level++) {
		u64 size = level_size(level), *entry;

		setup(state);
		entry = map_group(level);
		break_before_make(entry, contiguous_entries(level),
				  (*entry & ~DESC_CONT) | DESC_USER, size, GROUP(level), size);
		assert_true(mmu_translate(GROUP(level), MMU_READ, &r));
		assert_int_equal(r.size, size);
		break_before_make(entry, contiguous_entries(level), *entry | DESC_CONT, size,
				  GROUP(level), size);
		assert_true(mmu_translate(GROUP(level), MMU_READ, &r));
		assert_int_equal(r.size, contiguous_entries(level) * size);
		assert_int_equal(mmu_errors(), 0);
	}
	/* One is taken away, and the rest used on. */
	setup(state);
	port_set_pte(map_group(3), 0);
	port_flush_tlb_kernel_range(GROUP(3), GROUP(3) + PAGE_SIZE);
	assert_int_equal(mmu_errors(), 0);
	assert_true(mmu_translate(GROUP(3) + PAGE_SIZE, MMU_READ, &r));
	expect_error("not all are valid");
}

static unsigned int how_many(const u64 *entry, u64 bits, u64 wanted)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < contiguous_entries(3); i++)
		n += (entry[i] & bits) == wanted;
	return n;
}

static void the_hardware_marks_any_entry_of_a_group(void **state)
{
	unsigned int n = contiguous_entries(3), marked = 0;
	struct mmu_result r;
	u64 *entry;

	for (unsigned int i = 0; i < n; i++) {
		entry = map_group(3);
		for (unsigned int k = 0; k < n; k++)
			entry[k] = (entry[k] & ~DESC_AF) | DESC_RDONLY | DESC_WRITE;
		/* Software's: a fault, by the entry itself. */
		assert_false(mmu_translate(GROUP(3), MMU_READ, &r));
		assert_int_equal(r.fsc, 0x0b);
		world_tcr |= 1UL << 39;
		assert_true(mmu_translate(GROUP(3), MMU_READ, &r));
		assert_int_equal(how_many(entry, DESC_AF, DESC_AF), 1);
		assert_false(mmu_translate(GROUP(3), MMU_WRITE, &r));
		assert_int_equal(r.fsc, 0x0f);
		world_tcr |= 1UL << 40;
		assert_true(mmu_translate(GROUP(3), MMU_WRITE, &r));
		assert_int_equal(how_many(entry, DESC_RDONLY, 0), 1);
		marked += !(entry[0] & DESC_RDONLY);
		/* One is enough for all of them. */
		for (unsigned int k = 0; k < n; k++) {
			assert_true(mmu_translate(GROUP(3) + k * PAGE_SIZE, MMU_WRITE, &r));
			port_flush_tlb_kernel_range(GROUP(3), GROUP(3) + PAGE_SIZE);
		}
		assert_int_equal(how_many(entry, DESC_RDONLY, 0), 1);
		assert_int_equal(how_many(entry, DESC_AF, DESC_AF), 1);
		assert_int_equal(mmu_errors(), 0);
		setup(state);
	}
	/* Not always the one that was used. */
	assert_true(marked < n);
}

static void a_write_by_a_tlb_entry_whose_dirty_state_was_taken_away(void **state)
{
	u64 *entry = map_group(3);
	struct mmu_result r;

	world_tcr |= 3UL << 39;
	for (unsigned int i = 0; i < contiguous_entries(3); i++)
		entry[i] |= DESC_RDONLY | DESC_WRITE;
	assert_true(mmu_translate(GROUP(3), MMU_WRITE, &r));
	for (unsigned int i = 0; i < contiguous_entries(3); i++)
		port_set_pte(entry + i, entry[i] | DESC_RDONLY);
	port_pte_barrier();
	assert_int_equal(mmu_errors(), 0);
	mmu_translate(GROUP(3), MMU_WRITE, &r);
	expect_error("stale TLB entry");
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
		cmocka_unit_test_setup(one_tlb_entry_stands_for_a_whole_group, setup),
		cmocka_unit_test_setup(a_group_that_disagrees, setup),
		cmocka_unit_test_setup(a_group_at_an_address_that_is_not_aligned, setup),
		cmocka_unit_test_setup(marks_and_what_no_cpu_looks_at_may_differ, setup),
		cmocka_unit_test_setup(one_entry_of_a_group_is_changed, setup),
		cmocka_unit_test_setup(one_entry_of_a_group_is_broken_and_made, setup),
		cmocka_unit_test_setup(the_hardware_marks_any_entry_of_a_group, setup),
		cmocka_unit_test_setup(a_write_by_a_tlb_entry_whose_dirty_state_was_taken_away,
				       setup),
		cmocka_unit_test_setup(faults_as_the_architecture_numbers_them, setup),
		cmocka_unit_test_setup(address_translation_reports_as_par, setup),
	};
	return cmocka_run_group_tests_name("softmmu", tests, NULL, NULL);
}
