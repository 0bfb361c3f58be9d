// SPDX-License-Identifier: MIT
/* Walks, leaves, counts; and each violation that the check is there for, planted. */
/* links: @tables */
/* granules: 12 14 16 */
#include "mapping_world.h"

#define VA_BITS 48
#define KVA (-(1UL << VA_BITS))

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

static int setup(void **state)
{
	world_init(VA_BITS, 44, false);
	return pgtable_map(&tree, KVA, 0, 3 * level_size(2) + PAGE_SIZE, PAGE_KERNEL, MAP_NO_CONT);
}

/* The entry that the walk of kva ends at. */
static u64 *leaf_of(unsigned long kva)
{
	struct walk w;

	pgtable_walk_tree(&tree, kva, &w);
	return (u64 *)phys_to_virt(w.step[w.nr_steps - 1].table) + w.step[w.nr_steps - 1].index;
}

static void each_step_is_told(void **state)
{
	struct walk w;

	pgtable_walk_tree(&tree, KVA + 3 * level_size(2) + 5, &w);
	assert_int_equal(w.result, WALK_OK);
	assert_int_equal(w.pa, 3 * level_size(2) + 5);
	assert_int_equal(w.size, PAGE_SIZE);
	assert_int_equal(w.nr_steps, MAX_LEVEL + 1 - tree.top);
	assert_int_equal(w.step[0].table, tree.root);
	for (unsigned int i = 0; i < w.nr_steps; i++) {
		assert_int_equal(w.step[i].level, tree.top + 1 + (int)i);
		if (i + 1 < w.nr_steps)
			assert_int_equal(desc_to_pa(w.step[i].desc, false), w.step[i + 1].table);
	}
	assert_int_equal(w.step[w.nr_steps - 1].index, 0);
	assert_int_equal(w.step[w.nr_steps - 2].index, 3);
	assert_int_equal(w.table_attrs, DESC_UXNTABLE);
	pgtable_walk_tree(&tree, KVA + level_size(2) + 5, &w);
	assert_int_equal(w.size, level_size(2));
	assert_int_equal(w.nr_steps, MAX_LEVEL - tree.top);
	assert_false(w.contiguous);
}

static void faults_of_a_walk(void **state)
{
	struct walk w;

	pgtable_walk_tree(&tree, KVA - 1, &w);
	assert_int_equal(w.result, WALK_BAD_VA);
	assert_int_equal(w.nr_steps, 0);
	pgtable_walk_tree(&tree, 0x1000, &w);
	assert_int_equal(w.result, WALK_BAD_VA);
	pgtable_walk_tree(&tree, KVA + 3 * level_size(2) + PAGE_SIZE, &w);
	assert_int_equal(w.result, WALK_TRANSLATION);
	assert_int_equal(w.nr_steps, MAX_LEVEL + 1 - tree.top);
	/* Level 3 with bit 1 clear is reserved. */
	*leaf_of(KVA + 3 * level_size(2)) &= ~DESC_TABLE;
	pgtable_walk_tree(&tree, KVA + 3 * level_size(2), &w);
	assert_int_equal(w.result, WALK_TRANSLATION);
	/* An output address of 45 bits on a CPU with 44. */
	*leaf_of(KVA) |= 1UL << 44;
	pgtable_walk_tree(&tree, KVA, &w);
	assert_int_equal(w.result, WALK_ADDRESS_SIZE);
	/* Tables outside the image cannot be read before the linear map is there. */
	linear_map_ready = false;
	boot_params.image = (struct kimage){.phys = WORLD_BASE, .size = PAGE_SIZE};
	pgtable_walk_tree(&tree, KVA, &w);
	assert_int_equal(w.result, WALK_UNREADABLE);
	assert_int_equal(w.nr_steps, 1);
	boot_params.image.size = 0;
}

static void a_block_of_the_root_that_has_none_faults(void **state)
{
	u64 *root = phys_to_virt(tree.root);
	struct walk w;

	if (level_has_leaf(tree.top, false)) {
		print_message("the root of this tree may hold blocks\n");
		skip();
	}
	root[1] = PAGE_KERNEL.val | DESC_VALID;
	pgtable_walk_tree(&tree, KVA + level_size(tree.top), &w);
	assert_int_equal(w.result, WALK_TRANSLATION);
	assert_true(pgtable_check_tree(&tree) > 0);
}

static struct pgtable_leaf found[64];
static unsigned int nr_found;

static int collect(const struct pgtable_leaf *leaf, void *arg)
{
	found[nr_found++] = *leaf;
	return nr_found == *(unsigned int *)arg ? 7 : 0;
}

static void leaves_come_in_order_and_the_visit_can_end(void **state)
{
	unsigned int stop = 64;

	nr_found = 0;
	assert_int_equal(pgtable_for_each_leaf_tree(&tree, 0, 0, collect, &stop), 0);
	assert_int_equal(nr_found, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(found[i].kva, KVA + i * level_size(2));
		assert_int_equal(found[i].pa, i * level_size(2));
		assert_int_equal(found[i].size, i < 3 ? level_size(2) : PAGE_SIZE);
		assert_int_equal(found[i].level, i < 3 ? 2 : 3);
	}
	nr_found = 0;
	stop = 2;
	assert_int_equal(pgtable_for_each_leaf_tree(&tree, 0, 0, collect, &stop), 7);
	assert_int_equal(nr_found, 2);
	/* A part: the entries that it touches. */
	nr_found = 0;
	stop = 64;
	pgtable_for_each_leaf_tree(&tree, KVA + level_size(2) + 1, KVA + 2 * level_size(2) + 1,
				   collect, &stop);
	assert_int_equal(nr_found, 2);
	assert_int_equal(found[0].kva, KVA + level_size(2));
	nr_found = 0;
	assert_int_equal(pgtable_for_each_leaf_tree(&tree, KVA, KVA, collect, &stop), 0);
	assert_int_equal(nr_found, 0);
}

static void the_last_addresses_are_visited(void **state)
{
	unsigned int stop = 64;

	assert_int_equal(pgtable_map(&tree, -2 * PAGE_SIZE, 0, PAGE_SIZE, PAGE_KERNEL, 0), 0);
	nr_found = 0;
	pgtable_for_each_leaf_tree(&tree, -SZ_1G, 0, collect, &stop);
	assert_int_equal(nr_found, 1);
	assert_int_equal(found[0].kva, -2 * PAGE_SIZE);
}

static void counts(void **state)
{
	unsigned int run = contiguous_entries(3);
	struct pgtable_stats s;

	assert_int_equal(pgtable_map(&tree, KVA + 3 * level_size(2) + run * PAGE_SIZE,
				     run * PAGE_SIZE, 2 * run * PAGE_SIZE, PAGE_KERNEL, 0),
			 0);
	pgtable_stats_tree(&tree, 0, 0, &s);
	assert_int_equal(s.leaves_by_level[3], 3);
	assert_int_equal(s.leaves_by_level[4], 1);
	assert_int_equal(s.contiguous_runs_by_level[4], 2);
	for (int level = MIN_LEVEL; level <= MAX_LEVEL; level++)
		assert_int_equal(s.table_pages[level + 1], level >= tree.top);
}

static void the_check_sees_what_is_wrong(void **state)
{
	unsigned long run = contiguous_entries(3) * PAGE_SIZE, kva = KVA + 3 * level_size(2) + run;
	u64 *entry, saved;

	assert_int_equal(pgtable_map(&tree, kva, run, run, PAGE_KERNEL, 0), 0);
	assert_int_equal(pgtable_check_tree(&tree), 0);

	/* A run with a hole, with another permission, with another address. */
	entry = leaf_of(kva + 2 * PAGE_SIZE);
	saved = *entry;
	*entry = 0;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry = saved | DESC_RDONLY;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry = saved + PAGE_SIZE;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry = saved & ~DESC_CONT;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry = saved & ~DESC_AF;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry = saved;
	/* The contiguous bit alone in the middle of nowhere. */
	entry = leaf_of(KVA + 3 * level_size(2));
	*entry |= DESC_CONT;
	assert_true(pgtable_check_tree(&tree) > 0);
	*entry &= ~DESC_CONT;
	/* A block with address bits below its size. */
	entry = leaf_of(KVA);
	saved = *entry;
	*entry |= PAGE_SIZE;
	assert_int_equal(pgtable_check_tree(&tree), 1);
	*entry = saved | 1UL << 46;
	assert_int_equal(pgtable_check_tree(&tree), 1);
	*entry = saved;
	assert_int_equal(pgtable_check_tree(&tree), 0);
}

static void a_table_linked_twice_is_seen(void **state)
{
	struct walk w;
	u64 *entry;

	pgtable_walk_tree(&tree, KVA + 3 * level_size(2), &w);
	entry = (u64 *)phys_to_virt(w.step[w.nr_steps - 2].table) + w.step[w.nr_steps - 2].index;
	entry[5] = entry[0];
	assert_true(pgtable_check_tree(&tree) > 0);
	entry[5] = 0;
	assert_int_equal(pgtable_check_tree(&tree), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_step_is_told, setup),
		cmocka_unit_test_setup(faults_of_a_walk, setup),
		cmocka_unit_test_setup(a_block_of_the_root_that_has_none_faults, setup),
		cmocka_unit_test_setup(leaves_come_in_order_and_the_visit_can_end, setup),
		cmocka_unit_test_setup(the_last_addresses_are_visited, setup),
		cmocka_unit_test_setup(counts, setup),
		cmocka_unit_test_setup(the_check_sees_what_is_wrong, setup),
		cmocka_unit_test_setup(a_table_linked_twice_is_seen, setup),
	};
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
