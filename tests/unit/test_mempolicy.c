// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Memory policies: which there are, how areas are cut and joined by them, and what is refused. Two nodes are in tests/el0/numa.c. */
#include "vm_world.h"

#include <quire/mempolicy.h>

static struct mm_struct *mm;

static int begin(void **state)
{
	world_begin();
	/* The world's only node has memory, and says so. */
	node_data[0]->node_present_pages = node_data[0]->node_spanned_pages = 1;
	mm = mm_alloc();
	assert_non_null(mm);
	assert_int_equal(vm_mmap_pgoff(mm, NULL, WINDOW, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 WINDOW);
	return 0;
}

static int end(void **state)
{
	mmput(mm);
	world_end();
	return 0;
}

static int bind(unsigned int first, unsigned int n, int mode, u64 nodes, unsigned long flags)
{
	int err;
	struct mempolicy *pol = mpol_new(mode, nodes, &err);

	if (!err)
		err = vm_mbind(mm, addr_of(first), n * PAGE_SIZE, pol, nodes, flags);
	mpol_put(pol);
	return err;
}

static void policies_are_what_linux_takes(void **state)
{
	static const struct {
		int mode;
		u64 nodes;
		int err;
	} cases[] = {
		{MPOL_DEFAULT, 0, 0},
		{MPOL_DEFAULT, 1, -EINVAL},
		{MPOL_PREFERRED, 0, 0}, /* is the local one */
		{MPOL_PREFERRED | MPOL_F_STATIC_NODES, 0, -EINVAL},
		{MPOL_BIND, 0, -EINVAL},
		{MPOL_BIND, 2, -EINVAL}, /* not there */
		{MPOL_BIND, 3, 0},
		{MPOL_BIND | MPOL_F_RELATIVE_NODES, 4, 0}, /* folded */
		{MPOL_BIND | MPOL_F_STATIC_NODES, 4, -EINVAL},
		{MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, 1, -EINVAL},
		{MPOL_BIND | MPOL_F_NUMA_BALANCING, 1, 0},
		{MPOL_INTERLEAVE | MPOL_F_NUMA_BALANCING, 1, -EINVAL},
		{MPOL_LOCAL, 0, 0},
		{MPOL_LOCAL, 1, -EINVAL},
		{MPOL_WEIGHTED_INTERLEAVE, 1, 0},
		{MPOL_MAX, 1, -EINVAL},
		{-1, 1, -EINVAL},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = 1;
		struct mempolicy *pol = mpol_new(cases[i].mode, cases[i].nodes, &err);

		assert_int_equal(err, cases[i].err);
		assert_int_equal(pol != NULL, !err && cases[i].mode != MPOL_DEFAULT);
		mpol_put(pol);
	}
}

static void areas_are_cut_by_policies_and_joined_by_equal_ones(void **state)
{
	assert_int_equal(mm->map_count, 1);
	assert_int_equal(bind(2, 2, MPOL_BIND, 1, 0), 0);
	assert_int_equal(mm->map_count, 3);
	/* Of a part, what it has already: nothing changes, and it ends. */
	assert_int_equal(bind(2, 1, MPOL_BIND, 1, 0), 0);
	assert_int_equal(mm->map_count, 3);
	/* Another one that says the same. */
	assert_int_equal(bind(4, 2, MPOL_BIND, 1, 0), 0);
	assert_int_equal(mm->map_count, 3);
	assert_int_equal(bind(4, 2, MPOL_INTERLEAVE, 1, 0), 0);
	assert_int_equal(mm->map_count, 4);
	/* It goes where its pages go, and to children. */
	assert_int_equal(vm_mremap(mm, addr_of(4), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, addr_of(20)),
			 addr_of(20));
	assert_int_equal(find_vma(mm, addr_of(20))->vm_policy->mode, MPOL_INTERLEAVE);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(bind(0, 4, MPOL_DEFAULT, 0, 0), 0);
	assert_int_equal(mm->map_count, 3);
}

static void holes_and_homes_are_looked_at(void **state)
{
	assert_int_equal(vm_munmap(mm, addr_of(3), PAGE_SIZE), 0);
	assert_int_equal(bind(0, 8, MPOL_BIND, 1, 0), -EFAULT);
	assert_int_equal(bind(6, 4, MPOL_BIND, 1, 0), -EFAULT);
	assert_int_equal(bind(3, 1, MPOL_DEFAULT, 0, 0), -EFAULT);
	assert_int_equal(bind(0, 8, MPOL_DEFAULT, 0, 0), 0);
	assert_int_equal(vm_set_home_node(mm, addr_of(0), PAGE_SIZE, 0), -ENOENT);
	assert_int_equal(bind(0, 1, MPOL_LOCAL, 0, 0), 0);
	assert_int_equal(vm_set_home_node(mm, addr_of(0), PAGE_SIZE, 0), -EOPNOTSUPP);
	assert_int_equal(bind(0, 1, MPOL_BIND, 1, 0), 0);
	assert_int_equal(vm_set_home_node(mm, addr_of(0), PAGE_SIZE, 0), 0);
	assert_int_equal(find_vma(mm, addr_of(0))->vm_policy->home_node, 0);
}

static void pages_say_where_they_are(void **state)
{
	unsigned char byte = 1;

	assert_int_equal(vm_move_page(mm, addr_of(0), -1, false), -ENOENT);
	assert_int_equal(vm_move_page(mm, addr_of(30), -1, false), -EFAULT);
	assert_int_equal(access(mm, addr_of(1), false, &byte), 0);
	assert_int_equal(vm_move_page(mm, addr_of(1), -1, false), -EFAULT);
	assert_int_equal(access(mm, addr_of(0), true, &byte), 0);
	assert_int_equal(vm_move_page(mm, addr_of(0), -1, false), 0);
	assert_int_equal(vm_move_page(mm, addr_of(0), 0, false), 0);
	assert_int_equal(vm_migrate_nodes(mm, 1, 1, true), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(policies_are_what_linux_takes),
		TEST(areas_are_cut_by_policies_and_joined_by_equal_ones),
		TEST(holes_and_homes_are_looked_at),
		TEST(pages_say_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
