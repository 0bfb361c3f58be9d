// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/*
 * Runs of entries with the contiguous bit: what folds them, what leaves them folded, what unfolds them. The TLBs take a run whose entries agree as one
 * translation, and fail a test that flushes a part of one.
 */
#include "group_world.h"

#include <quire/pagewalk.h>

/* How many entries of the pages held have the bit. */
static unsigned int folded(struct mm_struct *by)
{
	unsigned int n = 0;

	for (unsigned long i = 0; i < HELD; i++) {
		u64 raw, val;

		if (entry_find(by, page_at_index(i), &raw, &val))
			n += !!(val & DESC_CONT);
	}
	return n;
}

/* All pages held, by groups as large as the architecture's: three. */
static void fill_folded(void)
{
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	map_pages(0, HELD);
	for (unsigned long i = 0; i < HELD; i++)
		set(mm, page_at_index(i), (char)(1 + i % 100));
	assert_int_equal(folded(mm), HELD);
}

static void assert_filled(struct mm_struct *by, unsigned long from, unsigned long to)
{
	for (unsigned long i = from; i < to; i++)
		assert_int_equal(see(by, page_at_index(i)), 1 + i % 100);
}

static void only_a_group_as_large_as_the_architectures_is_folded(void **state)
{
	enable(CONT_ORDER_HERE - 1, THP_SIZE_ALWAYS);
	map_pages(0, HELD);
	set(mm, BASE, 'a');
	set(mm, page_at_index(GROUP / 2), 'b');
	assert_int_equal(get_mm_rss(mm), GROUP);
	assert_int_equal(folded(mm), 0);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	set(mm, page_at_index(GROUP + 1), 'c');
	assert_int_equal(folded(mm), GROUP);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* A larger one is several. */
	enable(CONT_ORDER_HERE + 1, THP_SIZE_ALWAYS);
	map_pages(0, HELD);
	set(mm, BASE, 'd');
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(mm_check(mm), 0);
}

static void what_happens_to_one_entry_unfolds_its_run_alone(void **state)
{
	const struct {
		int advice;
		bool stays;
	} cases[] = {{MADV_DONTNEED, false},
		     {MADV_FREE, true},
		     {MADV_COLD, true},
		     {MADV_DONTDUMP, true}};
	struct page *page;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		fill_folded();
		assert_int_equal(
			vm_madvise(mm, page_at_index(GROUP + 1), PAGE_SIZE, cases[i].advice), 0);
		assert_int_equal(folded(mm), 2 * GROUP);
		assert_int_equal(see(mm, page_at_index(GROUP + 1)),
				 cases[i].stays ? 1 + (GROUP + 1) % 100 : 0);
		assert_filled(mm, 0, GROUP + 1);
		assert_filled(mm, GROUP + 2, HELD);
		assert_int_equal(mm_check(mm), 0);
	}
	fill_folded();
	assert_int_equal(vm_munmap(mm, page_at_index(GROUP - 1), PAGE_SIZE), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(vm_mprotect(mm, page_at_index(2 * GROUP), PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(folded(mm), GROUP);
	page = get_user_page(mm, page_at_index(GROUP + 3), false);
	user_page_put(page);
	move(page, MIGRATE_SYNC);
	assert_int_equal(folded(mm), 0);
	assert_ptr_not_equal(mapped(mm, GROUP + 3), page);
	assert_filled(mm, GROUP, HELD);
	assert_int_equal(mm_check(mm), 0);
	fill_folded();
	vm_clear_refs(mm, 1);
	assert_int_equal(folded(mm), 0);
	assert_filled(mm, 0, HELD);
}

static void a_run_is_folded_again_when_all_of_it_changes_permission(void **state)
{
	const unsigned long at = page_at_index(GROUP), run = GROUP * PAGE_SIZE;
	struct mm_struct *child;

	fill_folded();
	assert_int_equal(vm_mprotect(mm, at, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(vm_mprotect(mm, at, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(vm_mprotect(mm, at, run, PROT_READ), 0);
	assert_int_equal(folded(mm), HELD);
	assert_filled(mm, 0, HELD);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_mprotect(mm, at, run, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(folded(mm), HELD);
	/* Pages that were written alone while a child had them are elsewhere, unless the child wrote them first. */
	child = dup_mm(mm);
	set(mm, page_at_index(1), 2);
	set(child, page_at_index(GROUP), 'c');
	set(mm, page_at_index(GROUP), (char)(1 + GROUP % 100));
	assert_int_equal(folded(mm), GROUP);
	mmput(child);
	assert_int_equal(vm_mprotect(mm, BASE, HELD * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_filled(mm, 0, HELD);
	assert_int_equal(vm_mprotect(mm, BASE, HELD * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(mm_check(mm), 0);
	/* Not with a page that is not accessed, nor in part, nor where one is gone. */
	assert_int_equal(vm_madvise(mm, at, PAGE_SIZE, MADV_COLD), 0);
	assert_int_equal(folded(mm), GROUP);
	assert_int_equal(vm_mprotect(mm, at, run, PROT_READ), 0);
	assert_int_equal(folded(mm), GROUP);
	assert_filled(mm, GROUP, HELD);
	assert_int_equal(vm_mprotect(mm, at + PAGE_SIZE, run - PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(vm_mprotect(mm, at + PAGE_SIZE, run - PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(folded(mm), GROUP);
	assert_int_equal(vm_madvise(mm, at, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(vm_mprotect(mm, at, run, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(folded(mm), GROUP);
	assert_filled(mm, GROUP + 1, HELD);
	assert_int_equal(mm_check(mm), 0);
}

/* As a fault leaves it that comes when the areas are one again, and before the entries of the part are looked at. */
static void a_run_that_a_fault_brought_across_the_ends_of_a_change_is_cut(void **state)
{
	const unsigned long half = GROUP / 2;

	watched = false;
	for (unsigned int part = 0; part < 2; part++) {
		const unsigned long at = page_at_index(GROUP + part * half);
		u64 run[GROUP], *pte;

		fill_folded();
		pte = pte_lookup(mm, page_at_index(GROUP));
		memcpy(run, pte, sizeof(run));
		assert_int_equal(vm_mprotect(mm, at, half * PAGE_SIZE, PROT_READ), 0);
		for (unsigned int i = 0; i < GROUP; i++)
			port_set_pte(&pte[i], run[i]);
		assert_int_equal(vm_mprotect(mm, at, half * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
		assert_int_equal(folded(mm), 2 * GROUP);
		assert_filled(mm, 0, HELD);
		assert_int_equal(mm_check(mm), 0);
	}
}

static void what_happens_to_a_whole_run_leaves_it_folded(void **state)
{
	const unsigned long far = BASE + 8 * HUGE_SIZE, run = GROUP * PAGE_SIZE;
	struct mm_struct *child;
	char byte = 'x';
	u64 raw, val;

	fill_folded();
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ), 0);
	assert_true(touch(mm, page_at_index(GROUP + 2), true, &byte) & VM_FAULT_SIGSEGV);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_NONE), 0);
	assert_true(touch(mm, page_at_index(GROUP), false, &byte) & VM_FAULT_SIGSEGV);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ | PROT_WRITE), 0);
	assert_non_null(cpu_access(mm, page_at_index(GROUP + 5), true));
	assert_int_equal(folded(mm), HELD);
	assert_int_equal(vm_madvise(mm, BASE, run, MADV_DONTNEED), 0);
	assert_int_equal(folded(mm), HELD - GROUP);
	assert_filled(mm, GROUP, HELD);
	/* A child's entries are folded too, and writes unfold on either side. */
	child = dup_mm(mm);
	assert_int_equal(folded(child), HELD - GROUP);
	assert_int_equal(folded(mm), HELD - GROUP);
	/* The first pages, by which no one may judge the others. */
	set(child, page_at_index(GROUP), 'c');
	set(child, page_at_index(GROUP + 1), 'c');
	assert_int_equal(folded(child), GROUP);
	assert_int_equal(folded(mm), HELD - GROUP);
	assert_filled(mm, GROUP, HELD);
	/* Not alone with all of its pages: not to be written without a fault, none of it. */
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ), 0);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm_check(mm), 0);
	set(mm, page_at_index(GROUP + 1), (char)(1 + (GROUP + 1) % 100));
	set(mm, page_at_index(GROUP + 2), (char)(1 + (GROUP + 2) % 100));
	assert_int_equal(see(child, page_at_index(GROUP + 1)), 'c');
	assert_filled(child, GROUP + 2, HELD);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	assert_filled(mm, GROUP, HELD);
	/* To a place that is aligned alike, and to one that is not. */
	fill_folded();
	assert_int_equal(
		vm_mremap(mm, page_at_index(GROUP), run, run, MREMAP_MAYMOVE | MREMAP_FIXED, far),
		far);
	assert_non_null(entry_find(mm, far, &raw, &val));
	assert_true(val & DESC_CONT);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_mremap(mm, far, run, run, MREMAP_MAYMOVE | MREMAP_FIXED,
				   far + 2 * run + PAGE_SIZE),
			 far + 2 * run + PAGE_SIZE);
	assert_non_null(entry_find(mm, far + 2 * run + PAGE_SIZE, &raw, &val));
	assert_false(val & DESC_CONT);
	assert_int_equal(see(mm, far + 2 * run + PAGE_SIZE), 1 + GROUP % 100);
	assert_int_equal(mm_check(mm), 0);
}

static void a_run_goes_as_a_whole_before_its_pages_do(void **state)
{
	/* Pages that do not come in runs shift what is noted together. */
	for (unsigned long more = 0; more < 4; more++) {
		disable_all();
		map_pages(0, MORE);
		for (unsigned long i = 0; i < more; i++)
			set(mm, page_at_index(i), 'a');
		enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
		for (unsigned long i = GROUP; i < MORE; i += GROUP)
			set(mm, page_at_index(i), 'b');
		assert_int_equal(folded(mm), HELD - GROUP);
		/* No memory for a longer list. */
		page_debug = &injected;
		fail_share = 1000;
		assert_int_equal(vm_munmap(mm, BASE, MORE * PAGE_SIZE), 0);
		fail_share = 0;
		page_debug = NULL;
		assert_int_equal(get_mm_rss(mm), 0);
	}
}

/* ------------------------------------------------------------------ several CPUs */

static unsigned long round_begun;

/* A page of the run's first half, when a round begins, each time a little later. */
static void *faulting_in_time(void *arg)
{
	unsigned long cpu = (unsigned long)arg, seen = 0, now;

	be_cpu((unsigned int)cpu);
	while (cpus_go_on()) {
		now = __atomic_load_n(&round_begun, __ATOMIC_ACQUIRE);
		if (now == seen)
			continue;
		seen = now;
		for (volatile unsigned long wait = now * cpu % 2000; wait; wait--)
			continue;
		if (handle_mm_fault(mm, page_at_index(cpu), FAULT_FLAG_WRITE) & VM_FAULT_ERROR)
			return arg;
	}
	be_cpu(0);
	return NULL;
}

static void a_run_that_comes_while_a_part_changes_permission_is_cut(void **state)
{
	const unsigned long at = page_at_index(CONT_PAGES / 2), size = CONT_SIZE / 2;

	watched = false;
	round_begun = 0;
	map_pages(0, HELD);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	handle_mm_fault(mm, page_at_index(2 * CONT_PAGES), FAULT_FLAG_WRITE);
	cpus_begin();
	cpus_run(faulting_in_time);
	for (unsigned long i = 1; i <= (PAGE_SHIFT == 12 ? 4000 : 500); i++) {
		assert_int_equal(vm_mprotect(mm, at, size, PROT_READ), 0);
		assert_int_equal(vm_madvise(mm, BASE, CONT_SIZE, MADV_DONTNEED), 0);
		__atomic_store_n(&round_begun, i, __ATOMIC_RELEASE);
		/* One area again, so a fault may bring a run over all of it before its entries are looked at. */
		assert_int_equal(vm_mprotect(mm, at, size, PROT_READ | PROT_WRITE), 0);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}

static void *dropping_the_first(void *arg)
{
	be_cpu(1);
	arg = (void *)(long)vm_madvise(mm, BASE, PAGE_SIZE, MADV_DONTNEED);
	be_cpu(0);
	return arg;
}

static void a_run_is_unfolded_when_its_fault_has_come_to_all_of_it(void **state)
{
	u64 rest[GROUP], *pte;
	pthread_t t;
	void *err;

	watched = false;
	map_pages(0, HELD);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	handle_mm_fault(mm, BASE, FAULT_FLAG_WRITE);
	pte = pte_lookup(mm, BASE);
	assert_true(*pte & DESC_CONT);
	/* As the fault leaves them meanwhile that has filled four of them. */
	for (unsigned int i = 4; i < CONT_PAGES; i++) {
		rest[i] = pte[i];
		port_set_pte(&pte[i], PTE_BUSY);
	}
	cpus_begin();
	assert_int_equal(pthread_create(&t, NULL, dropping_the_first, NULL), 0);
	while (pte_load(pte) & DESC_CONT)
		sched_yield();
	/* Long enough for who does not wait. */
	for (unsigned int i = 0; i < 2000 && pte_load(pte) == PTE_BUSY; i++)
		sched_yield();
	for (unsigned int i = 4; i < CONT_PAGES; i++)
		port_set_pte(&pte[i], rest[i]);
	pthread_join(t, &err);
	assert_null(err);
	assert_int_equal(pte_load(pte), 0);
	for (unsigned int i = 1; i < CONT_PAGES; i++)
		assert_true(pte_present(pte_load(&pte[i])) && !(pte_load(&pte[i]) & DESC_CONT));
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_a_group_as_large_as_the_architectures_is_folded),
		TEST(what_happens_to_one_entry_unfolds_its_run_alone),
		TEST(a_run_is_folded_again_when_all_of_it_changes_permission),
		TEST(a_run_that_a_fault_brought_across_the_ends_of_a_change_is_cut),
		TEST(what_happens_to_a_whole_run_leaves_it_folded),
		TEST(a_run_goes_as_a_whole_before_its_pages_do),
		TEST(a_run_that_comes_while_a_part_changes_permission_is_cut),
		TEST(a_run_is_unfolded_when_its_fault_has_come_to_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
