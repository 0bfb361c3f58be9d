// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Blocks that one entry maps, through everything that happens to an address space. */
#include "huge_world.h"

#include <quire/pagewalk.h>

static struct page *page_at(struct mm_struct *by, unsigned long addr)
{
	u64 raw, val;

	assert_non_null(entry_find(by, addr, &raw, &val));
	return pte_page(val);
}

/* ------------------------------------------------------------------ faults */

static void a_write_maps_a_block_where_an_area_covers_it(void **state)
{
	unsigned long allocated = event(THP_FAULT_ALLOC);
	u64 raw, val;

	map(mm, page_of(0, 1), 2 * HUGE_SIZE);
	/* The first block begins before the area. */
	set(mm, page_of(0, 5), 'a');
	assert_int_equal(get_mm_rss(mm), 1);
	set(mm, page_of(1, 7), 'b');
	assert_int_equal(get_mm_rss(mm), 1 + HUGE_PAGES);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(event(THP_FAULT_ALLOC), allocated + 1);
	/* It is aligned in memory as well, and what nobody has written is 0. */
	assert_non_null(entry_find(mm, page_of(1, 0), &raw, &val));
	assert_int_equal(pte_pa(raw) & (HUGE_SIZE - 1), 0);
	assert_int_equal(see(mm, page_of(1, 0)), 0);
	assert_int_equal(see(mm, page_of(1, HUGE_PAGES - 1)), 0);
	assert_int_equal(see(mm, page_of(1, 7)), 'b');
	/* The last one ends behind it. */
	set(mm, page_of(2, 0), 'c');
	assert_int_equal(get_mm_rss(mm), 2 + HUGE_PAGES);
	/* The pages say of which block they are. */
	assert_ptr_equal(page_large_head(page_at(mm, page_of(1, 7))), page_at(mm, page_of(1, 0)));
	assert_null(page_large_head(page_at(mm, page_of(2, 0))));
	vmstat_refresh();
	assert_int_equal(global_node_page_state(NR_ANON_THPS), 1);
}

static void settings_and_advice_decide_who_gets_a_block(void **state)
{
	settings_and_advice_decide(HUGE_ORDER);
}

static void a_read_of_nothing_and_a_stack_get_single_pages(void **state)
{
	map(mm, BASE, HUGE_SIZE);
	assert_int_equal(see(mm, BASE), 0);
	set(mm, BASE, 'x');
	assert_int_equal(get_mm_rss(mm), 1);
	assert_int_equal(vm_mmap_pgoff(mm, NULL, page_of(1, 0), HUGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_STACK, 0),
			 page_of(1, 0));
	set(mm, page_of(1, 0), 'x');
	assert_int_equal(get_mm_rss(mm), 2);
	assert_int_equal(mm->nr_huge, 0);
}

static void without_a_block_single_pages_do(void **state)
{
	unsigned long fallback = event(THP_FAULT_FALLBACK);

	page_debug = &injected;
	fail_from = HUGE_ORDER;
	map(mm, BASE, HUGE_SIZE);
	set(mm, page_of(0, 3), 'x');
	fail_from = 0;
	assert_int_equal(get_mm_rss(mm), 1);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(event(THP_FAULT_FALLBACK), fallback + 1);
	assert_int_equal(see(mm, page_of(0, 3)), 'x');
}

/* ------------------------------------------------------------------ the zero block */

static void a_read_of_nothing_shows_the_zero_block(void **state)
{
	unsigned long made = event(THP_ZERO_PAGE_ALLOC), split;
	struct mm_struct *child;
	struct mapped_page m;
	unsigned long next;
	struct page *held;

	thp_use_zero_page = 1;
	map(mm, page_of(0, 1), 3 * HUGE_SIZE);
	/* Where no block fits it is the zero page. */
	assert_int_equal(see(mm, page_of(0, 3)), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(see(mm, page_of(1, 3)), 0);
	assert_int_equal(see(mm, page_of(2, HUGE_PAGES - 1)), 0);
	assert_int_equal(event(THP_ZERO_PAGE_ALLOC), made + 1);
	assert_int_equal(mm->nr_huge, 2);
	assert_int_equal(get_mm_rss(mm), 0);
	assert_ptr_equal(page_at(mm, page_of(1, 5)), page_at(mm, page_of(2, 5)));
	assert_true(is_huge_zero(page_at(mm, page_of(1, 5))));
	assert_true(vm_mapped_page(mm, page_of(1, 7), page_of(2, 0), &m, &next));
	assert_null(m.page);
	/* Neither advice nor protection does anything to it. */
	assert_int_equal(vm_madvise(mm, page_of(1, 0), HUGE_SIZE, MADV_FREE), 0);
	assert_int_equal(vm_madvise(mm, page_of(1, 0), HUGE_SIZE, MADV_PAGEOUT), 0);
	assert_int_equal(vm_mprotect(mm, page_of(1, 0), HUGE_SIZE, PROT_READ), 0);
	assert_int_equal(vm_mprotect(mm, page_of(1, 0), HUGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm->nr_huge, 2);
	held = get_user_page(mm, page_of(1, 9), false);
	assert_non_null(held);
	user_page_put(held);
	/* A write takes one page of it. */
	split = event(THP_SPLIT_PMD);
	set(mm, page_of(1, 5), 'x');
	assert_int_equal(event(THP_SPLIT_PMD), split + 1);
	assert_int_equal(get_mm_rss(mm), 1);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(see(mm, page_of(1, 6)), 0);
	assert_false(is_huge_zero(page_at(mm, page_of(1, 6))));
	child = dup_mm(mm);
	assert_int_equal(child->nr_huge, 1);
	set(child, page_of(2, 0), 'c');
	assert_int_equal(see(mm, page_of(2, 0)), 0);
	assert_int_equal(see(child, page_of(2, 1)), 0);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_madvise(mm, page_of(2, 0), PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(vm_madvise(mm, page_of(1, 0), 2 * HUGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(get_mm_rss(mm), 0);
}

static void without_memory_for_the_zero_block_a_page_does(void **state)
{
	unsigned long failed = event(THP_ZERO_PAGE_ALLOC_FAILED);

	thp_use_zero_page = 1;
	page_debug = &injected;
	fail_from = HUGE_ORDER;
	map(mm, BASE, HUGE_SIZE);
	assert_int_equal(see(mm, BASE), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(event(THP_ZERO_PAGE_ALLOC_FAILED), failed + 1);
	fail_from = 0;
}

/* ------------------------------------------------------------------ parts */

/* A block with another first byte in each of a few pages. */
static void fill(unsigned long block)
{
	for (unsigned long i = 0; i < 8; i++)
		set(mm, page_of(block, i), (char)('a' + i));
	set(mm, page_of(block, HUGE_PAGES - 1), 'z');
}

static void assert_filled(struct mm_struct *by, unsigned long addr, unsigned long from)
{
	for (unsigned long i = from; i < 8; i++)
		assert_int_equal(see(by, addr + i * PAGE_SIZE), 'a' + i);
	assert_int_equal(see(by, addr + HUGE_SIZE - PAGE_SIZE), 'z');
}

static void what_is_unmapped_of_a_block_is_free_at_once(void **state)
{
	unsigned long split = event(THP_SPLIT_PMD), before;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	slab_drain_all();
	before = free_pages_of(zone);
	assert_int_equal(vm_munmap(mm, BASE, 3 * PAGE_SIZE), 0);
	slab_drain_all();
	/* The second area's description may take a page of the slab allocator. */
	assert_in_range(free_pages_of(zone), before + 2, before + 3);
	assert_int_equal(event(THP_SPLIT_PMD), split + 1);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(get_mm_rss(mm), HUGE_PAGES - 3);
	assert_filled(mm, BASE, 3);
	assert_int_equal(mm_check(mm), 0);
	vmstat_refresh();
	assert_int_equal(global_node_page_state(NR_ANON_THPS), 0);
}

static void dropped_memory_is_zero_again_whole_or_in_part(void **state)
{
	map(mm, BASE, 2 * HUGE_SIZE);
	fill(0);
	fill(1);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE + 4 * PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(get_mm_rss(mm), HUGE_PAGES - 4);
	assert_int_equal(see(mm, page_of(0, 2)), 0);
	assert_int_equal(see(mm, page_of(1, 2)), 0);
	assert_filled(mm, page_of(1, 0), 4);
}

static void permissions_change_whole_or_in_part(void **state)
{
	char byte = 'q';

	map(mm, BASE, 2 * HUGE_SIZE);
	fill(0);
	fill(1);
	assert_int_equal(vm_mprotect(mm, BASE, HUGE_SIZE + PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_true(touch(mm, page_of(0, 9), true, &byte) & VM_FAULT_SIGSEGV);
	assert_true(touch(mm, page_of(1, 0), true, &byte) & VM_FAULT_SIGSEGV);
	set(mm, page_of(1, 1), 'b');
	assert_filled(mm, page_of(0, 0), 0);
	assert_filled(mm, page_of(1, 0), 0);
	/* None, and all of it again: still the block, and no fault to write it. */
	assert_int_equal(vm_mprotect(mm, BASE, HUGE_SIZE, PROT_NONE), 0);
	assert_true(touch(mm, page_of(0, 9), false, &byte) & VM_FAULT_SIGSEGV);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_mprotect(mm, BASE, HUGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_non_null(cpu_access(mm, page_of(0, 9), true));
	assert_int_equal(mm->nr_huge, 1);
	assert_filled(mm, page_of(0, 0), 0);
}

static void an_area_that_is_cut_has_no_block_across_the_cut(void **state)
{
	map(mm, BASE, 3 * HUGE_SIZE);
	for (unsigned long i = 0; i < 3; i++)
		fill(i);
	assert_int_equal(mm->nr_huge, 3);
	assert_int_equal(vm_madvise(mm, page_of(0, 5), HUGE_SIZE, MADV_DONTDUMP), 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(mm_check(mm), 0);
	/* Areas that take each other's ends in cut as well; at the end of a block it stays whole. */
	assert_int_equal(vm_madvise(mm, page_of(1, 5), HUGE_SIZE - 5 * PAGE_SIZE, MADV_DONTDUMP),
			 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(vm_madvise(mm, page_of(1, 5), HUGE_SIZE, MADV_DONTDUMP), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(mm_check(mm), 0);
	for (unsigned long i = 0; i < 3; i++)
		assert_filled(mm, page_of(i, 0), 0);
}

static void a_block_moves_as_it_is_where_it_can(void **state)
{
	const struct page *head;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	head = page_at(mm, BASE);
	assert_int_equal(vm_mremap(mm, BASE, HUGE_SIZE, HUGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				   page_of(2, 0)),
			 page_of(2, 0));
	assert_int_equal(mm->nr_huge, 1);
	assert_ptr_equal(page_at(mm, page_of(2, 0)), head);
	assert_filled(mm, page_of(2, 0), 0);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_mremap(mm, page_of(2, 0), HUGE_SIZE, HUGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, page_of(0, 3)),
			 page_of(0, 3));
	assert_int_equal(mm->nr_huge, 0);
	assert_filled(mm, page_of(0, 3), 0);
	assert_int_equal(mm_check(mm), 0);
}

static void single_pages_are_put_together_on_demand(void **state)
{
	struct mm_struct *child;
	struct page *held;

	thp_enabled = THP_NEVER;
	map(mm, BASE, 2 * HUGE_SIZE);
	/* Nothing is there. */
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), -EINVAL);
	assert_int_equal(see(mm, page_of(0, 9)), 0);
	/* Nothing that could be written. */
	set(mm, page_of(1, 1), 'x');
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), -EINVAL);
	fill(0);
	child = dup_mm(mm);
	set(mm, page_of(0, 3), 'D');
	held = get_user_page(mm, page_of(0, 5), false);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), -EAGAIN);
	user_page_put(held);
	page_debug = &injected;
	fail_from = HUGE_ORDER;
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), -ENOMEM);
	fail_from = 0;
	page_debug = NULL;
	assert_int_equal(get_mm_rss(mm), 10);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(get_mm_rss(mm), HUGE_PAGES + 1);
	assert_int_equal(see(mm, page_of(0, 3)), 'D');
	assert_int_equal(see(mm, page_of(0, 9)), 0);
	set(mm, page_of(0, 3), 'd');
	assert_filled(mm, BASE, 0);
	assert_filled(child, BASE, 0);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	/* It is already, and can be taken apart and put together again. */
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), 0);
	assert_int_equal(vm_madvise(mm, page_of(0, 4), PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(see(mm, page_of(0, 4)), 0);
	assert_filled(mm, BASE, 5);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_NOHUGEPAGE), 0);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_COLLAPSE), -EINVAL);
}

/* ------------------------------------------------------------------ forks */

static void a_child_shares_blocks_until_one_side_writes(void **state)
{
	struct mm_struct *child;
	struct page *shared;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	child = dup_mm(mm);
	assert_int_equal(child->nr_huge, 1);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(get_mm_rss(child), HUGE_PAGES);
	vmstat_refresh();
	/* One block, however many show it. */
	assert_int_equal(global_node_page_state(NR_ANON_THPS), 1);
	shared = page_at(mm, page_of(0, 2));
	assert_int_equal(page_rmap_count(shared), 2);
	assert_int_equal(mm_check(child), 0);
	assert_filled(child, BASE, 0);
	/* The child's is split, and one page copied. */
	set(child, page_of(0, 2), 'X');
	assert_int_equal(child->nr_huge, 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(page_rmap_count(shared), 1);
	assert_filled(mm, BASE, 0);
	assert_filled(child, BASE, 3);
	assert_int_equal(mm_check(child), 0);
	assert_int_equal(mm_check(mm), 0);
	mmput(child);
	/* Alone again: no copy, and the block is whole. */
	set(mm, page_of(0, 4), 'e');
	assert_int_equal(mm->nr_huge, 1);
	assert_filled(mm, BASE, 0);
}

static void a_block_goes_with_the_last_of_its_pages(void **state)
{
	struct mm_struct *child;
	struct page *page;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	child = dup_mm(mm);
	assert_int_equal(vm_munmap(mm, BASE, HUGE_SIZE), 0);
	assert_filled(child, BASE, 0);
	/* Somebody holds a page longer than the program does. */
	page = get_user_page(child, page_of(0, 6), true);
	assert_non_null(page);
	mmput(child);
	assert_int_equal(*(char *)page_address(page), 'g');
	assert_int_equal(page_count(page), 1);
	user_page_put(page);
}

static void the_kernel_reads_and_writes_through_a_block(void **state)
{
	char text[32] = "over the end of a page";
	unsigned long addr = page_of(0, 9) - 8;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	assert_int_equal(access_remote_vm(mm, addr, text, sizeof(text), true), 0);
	memset(text, 0, sizeof(text));
	assert_int_equal(access_remote_vm(mm, addr, text, sizeof(text), false), 0);
	assert_string_equal(text, "over the end of a page");
	assert_int_equal(mm->nr_huge, 1);
}

static void reports_see_each_page_of_a_block(void **state)
{
	unsigned long next, n = 0;
	struct mapped_page m;
	unsigned char vec[8] = {0};

	map(mm, BASE, 2 * HUGE_SIZE);
	fill(0);
	for (unsigned long addr = BASE; addr < BASE + 2 * HUGE_SIZE; addr = next) {
		if (!vm_mapped_page(mm, addr, BASE + 2 * HUGE_SIZE, &m, &next))
			continue;
		assert_int_equal(m.size, HUGE_SIZE);
		assert_int_equal(m.mapcount, 1);
		assert_true(m.anon && m.write && m.dirty);
		assert_int_equal(m.pfn, page_to_pfn(page_at(mm, addr)));
		n++;
	}
	assert_int_equal(n, HUGE_PAGES);
	assert_int_equal(vm_mincore(mm, page_of(1, 0) - 4 * PAGE_SIZE, 8, vec), 8);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(vec[i], i < 4);
	vm_clear_refs(mm, 1);
	assert_true(vm_mapped_page(mm, page_of(0, 3), page_of(0, 4), &m, &next));
	assert_false(m.young);
}

static void a_block_that_may_go_goes_page_by_page(void **state)
{
	map(mm, BASE, HUGE_SIZE);
	fill(0);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_FREE), 0);
	assert_int_equal(mm->nr_huge, 1);
	/* Written since: it is wanted again, and so is what is in the same block. */
	set(mm, page_of(0, 3), 'D');
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_PAGEOUT), 0);
	assert_int_equal(mm->nr_huge, 1);
	assert_int_equal(see(mm, page_of(0, 4)), 'e');
	assert_int_equal(vm_madvise(mm, page_of(0, 4), PAGE_SIZE, MADV_FREE), 0);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_PAGEOUT), 0);
	assert_int_equal(see(mm, page_of(0, 4)), 0);
	assert_int_equal(see(mm, page_of(0, 3)), 'D');
	assert_int_equal(get_mm_rss(mm), HUGE_PAGES - 1);
	assert_int_equal(vm_madvise(mm, BASE, HUGE_SIZE, MADV_DONTNEED), 0);
	/* And all of one. */
	map(mm, page_of(1, 0), HUGE_SIZE);
	fill(1);
	assert_int_equal(vm_madvise(mm, page_of(1, 0), HUGE_SIZE, MADV_FREE), 0);
	assert_int_equal(vm_madvise(mm, page_of(1, 0), HUGE_SIZE, MADV_PAGEOUT), 0);
	assert_int_equal(get_mm_rss(mm), 0);
}

/* ------------------------------------------------------------------ moving */

static void a_block_is_only_taken_apart_for_who_wants_just_its_place(void **state)
{
	struct mm_struct *child;
	struct page *page;

	map(mm, BASE, HUGE_SIZE);
	fill(0);
	child = dup_mm(mm);
	page = page_at(mm, page_of(0, 3));
	assert_false(move(page, MIGRATE_ASYNC));
	assert_false(move(page, MIGRATE_SYNC_LIGHT));
	assert_int_equal(mm->nr_huge, 1);
	assert_true(move(page, MIGRATE_SYNC));
	assert_int_equal(mm->nr_huge, 0);
	assert_int_equal(child->nr_huge, 0);
	assert_ptr_not_equal(page_at(mm, page_of(0, 3)), page);
	assert_ptr_equal(page_at(mm, page_of(0, 3)), page_at(child, page_of(0, 3)));
	/* And so does the first one, which spoke for all. */
	assert_true(move(page_at(mm, BASE), MIGRATE_SYNC));
	assert_null(page_large_head(page_at(mm, page_of(0, 5))));
	assert_filled(mm, BASE, 0);
	assert_filled(child, BASE, 0);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
}

/* ------------------------------------------------------------------ several CPUs */

/* Its own page of each block, again and again, while others fill and drop the blocks. */
static void *faulting(void *arg)
{
	unsigned long cpu = (unsigned long)arg;

	be_cpu((unsigned int)cpu);
	for (unsigned long n = 0; cpus_go_on(); n++) {
		unsigned long addr = page_of(n % 2, cpu);
		struct page *page;

		if (handle_mm_fault(mm, addr, FAULT_FLAG_WRITE) & VM_FAULT_ERROR)
			return arg;
		page = get_user_page(mm, addr, n & 1);
		if (!page)
			return arg;
		user_page_put(page);
	}
	be_cpu(0);
	return NULL;
}

static void faults_in_one_block_go_on_while_it_changes(void **state)
{
	unsigned int rounds = PAGE_SHIFT == 12 ? 200 : PAGE_SHIFT == 14 ? 40 : 6;

	map(mm, BASE, 2 * HUGE_SIZE);
	cpus_begin();
	cpus_run(faulting);
	for (unsigned int i = 0; i < rounds; i++) {
		struct mm_struct *child;

		assert_int_equal(vm_madvise(mm, BASE, 2 * HUGE_SIZE, MADV_DONTNEED), 0);
		handle_mm_fault(mm, page_of(0, 5), FAULT_FLAG_WRITE);
		assert_int_equal(vm_mprotect(mm, page_of(1, 9), PAGE_SIZE, PROT_READ), 0);
		child = dup_mm(mm);
		assert_non_null(child);
		handle_mm_fault(mm, page_of(0, 6), FAULT_FLAG_WRITE);
		mmput(child);
		assert_int_equal(vm_mprotect(mm, page_of(1, 9), PAGE_SIZE, PROT_READ | PROT_WRITE),
				 0);
		assert_int_equal(vm_madvise(mm, page_of(0, 8), PAGE_SIZE, MADV_DONTNEED), 0);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	cpus_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_maps_a_block_where_an_area_covers_it),
		TEST(settings_and_advice_decide_who_gets_a_block),
		TEST(a_read_of_nothing_and_a_stack_get_single_pages),
		TEST(without_a_block_single_pages_do),
		TEST(a_read_of_nothing_shows_the_zero_block),
		TEST(without_memory_for_the_zero_block_a_page_does),
		TEST(what_is_unmapped_of_a_block_is_free_at_once),
		TEST(dropped_memory_is_zero_again_whole_or_in_part),
		TEST(permissions_change_whole_or_in_part),
		TEST(an_area_that_is_cut_has_no_block_across_the_cut),
		TEST(a_block_moves_as_it_is_where_it_can),
		TEST(single_pages_are_put_together_on_demand),
		TEST(a_child_shares_blocks_until_one_side_writes),
		TEST(a_block_goes_with_the_last_of_its_pages),
		TEST(the_kernel_reads_and_writes_through_a_block),
		TEST(reports_see_each_page_of_a_block),
		TEST(a_block_that_may_go_goes_page_by_page),
		TEST(a_block_is_only_taken_apart_for_who_wants_just_its_place),
		TEST(faults_in_one_block_go_on_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
