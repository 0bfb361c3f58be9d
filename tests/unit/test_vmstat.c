// SPDX-License-Identifier: MIT
/* links: mm/page/vmstat.c @buddy */
/* Counters: what the CPUs gathered and what the nodes show add up. */
#include "page_world.h"

#include <pthread.h>

static long random_delta(void)
{
	static u64 seed = 42;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (long)(seed >> 40) % 300 - 150;
}

static void small_changes_show_when_folded(void **state)
{
	unsigned long before;

	world_simple(4096);
	before = node_page_state(NODE_DATA(0), NR_VMALLOC);
	mod_node_page_state(NODE_DATA(0), NR_VMALLOC, 5);
	assert_int_equal(node_page_state(NODE_DATA(0), NR_VMALLOC), before);
	vmstat_refresh();
	assert_int_equal(node_page_state(NODE_DATA(0), NR_VMALLOC), before + 5);
	mod_node_page_state(NODE_DATA(0), NR_VMALLOC, -5);
	vmstat_refresh();
	assert_int_equal(node_page_state(NODE_DATA(0), NR_VMALLOC), before);
}

static void any_sequence_adds_up(void **state)
{
	long sum = 0;
	int i;

	world_simple(4096);
	vmstat_refresh();
	mod_node_page_state(NODE_DATA(0), NR_PERCPU, 1000000);
	for (i = 0; i < 10000; i++) {
		long d = random_delta(), seen;

		mod_node_page_state(NODE_DATA(0), NR_PERCPU, d);
		sum += d;
		seen = (long)node_page_state(NODE_DATA(0), NR_PERCPU) - 1000000 - sum;
		assert_in_range(seen + VMSTAT_THRESHOLD, 0, 2 * VMSTAT_THRESHOLD);
	}
	vmstat_refresh();
	assert_int_equal((long)node_page_state(NODE_DATA(0), NR_PERCPU), 1000000 + sum);
	assert_int_equal((long)global_node_page_state(NR_PERCPU), 1000000 + sum);
}

static bool counted;

static void *fold_all_the_time(void *arg)
{
	while (!__atomic_load_n(&counted, __ATOMIC_ACQUIRE))
		vmstat_refresh();
	return NULL;
}

/* Who folds takes a difference away between any two instructions of the CPU that changes it. */
static void folding_while_a_cpu_counts_loses_nothing(void **state)
{
	pthread_t other;
	long sum = 0;
	int i;

	world_simple(4096);
	vmstat_refresh();
	mod_node_page_state(NODE_DATA(0), NR_FILE_PAGES, 1000000000);
	counted = false;
	assert_int_equal(pthread_create(&other, NULL, fold_all_the_time, NULL), 0);
	for (i = 0; i < 2000000; i++) {
		long d = i % 16 ? 3 : random_delta();

		mod_node_page_state(NODE_DATA(0), NR_FILE_PAGES, d);
		sum += d;
	}
	__atomic_store_n(&counted, true, __ATOMIC_RELEASE);
	pthread_join(other, NULL);
	vmstat_refresh();
	assert_int_equal((long)node_page_state(NODE_DATA(0), NR_FILE_PAGES), 1000000000 + sum);
}

static void slab_bytes_are_kept_in_pages(void **state)
{
	world_simple(4096);
	mod_page_state_of(world_page(0), NR_SLAB_UNRECLAIMABLE_B, 3 * (long)PAGE_SIZE);
	vmstat_refresh();
	assert_int_equal(node_page_state(NODE_DATA(0), NR_SLAB_UNRECLAIMABLE_B), 3);
	mod_page_state_of(world_page(0), NR_SLAB_UNRECLAIMABLE_B, -3 * (long)PAGE_SIZE);
	vmstat_refresh();
	assert_int_equal(node_page_state(NODE_DATA(0), NR_SLAB_UNRECLAIMABLE_B), 0);
}

static void below_zero_shows_as_none(void **state)
{
	world_simple(4096);
	mod_node_page_state(NODE_DATA(0), NR_SHMEM, -100);
	assert_int_equal(node_page_state(NODE_DATA(0), NR_SHMEM), 0);
	assert_int_equal(global_node_page_state(NR_SHMEM), 0);
}

static void every_counter_has_a_name(void **state)
{
	unsigned int i;

	for (i = 0; i < NR_VM_EVENT_ITEMS; i++)
		assert_non_null(vm_event_names[i]);
	for (i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		assert_non_null(node_stat_names[i]);
}

static void pages_that_leave_the_lists_are_counted(void **state)
{
	unsigned long before[NR_VM_EVENT_ITEMS], after[NR_VM_EVENT_ITEMS];
	struct zone *zone = world_simple(4096);
	struct page *page;

	all_vm_events(before);
	page = alloc_pages(GFP_KERNEL, 5);
	all_vm_events(after);
	assert_int_equal(after[PGALLOC_NORMAL] - before[PGALLOC_NORMAL], 32);
	assert_int_equal(after[PGFREE] - before[PGFREE], 0);
	__free_pages(page, 5);
	all_vm_events(after);
	assert_int_equal(after[PGFREE] - before[PGFREE], 32);
	assert_int_equal(global_zone_page_state(NR_FREE_PAGES), free_pages_of(zone));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_changes_show_when_folded),
		cmocka_unit_test(any_sequence_adds_up),
		cmocka_unit_test(folding_while_a_cpu_counts_loses_nothing),
		cmocka_unit_test(slab_bytes_are_kept_in_pages),
		cmocka_unit_test(below_zero_shows_as_none),
		cmocka_unit_test(every_counter_has_a_name),
		cmocka_unit_test(pages_that_leave_the_lists_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
