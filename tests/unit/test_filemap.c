// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Files that are mapped: what a fault brings in, and what is left of it when the file is cut short or gets a hole. */
#include "vm_world.h"

static struct mm_struct *mm;
static struct address_space *mapping;

static int begin(void **state)
{
	world_begin();
	mapping = mapping_alloc(false);
	mm = mm_alloc();
	assert_non_null(mapping);
	assert_non_null(mm);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(mm_check(mm), 0);
	mmput(mm);
	mapping_put(mapping);
	world_end();
	return 0;
}

/* A file of n pages whose page i begins with 'a' + i. */
static void fill(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char c = (char)('a' + i);

		assert_int_equal(mapping_write(mapping, i * PAGE_SIZE, &c, 1), 1);
	}
	mapping_truncate(mapping, n * PAGE_SIZE);
}

static void map(struct mm_struct *to, unsigned int page, unsigned int n, unsigned long flags,
		unsigned long pgoff)
{
	struct file *file = mapping_file(mapping, FMODE_READ | FMODE_WRITE);

	assert_non_null(file);
	assert_int_equal(vm_mmap_pgoff(to, file, addr_of(page), n * PAGE_SIZE,
				       PROT_READ | PROT_WRITE, flags | MAP_FIXED, pgoff),
			 addr_of(page));
	fput(file);
}

/* What a read of the page sees; -1: SIGBUS. */
static int see(struct mm_struct *by, unsigned int page)
{
	unsigned char byte;
	vm_fault_t ret = access(by, addr_of(page), false, &byte);

	if (!ret)
		return byte;
	assert_int_equal(ret, VM_FAULT_SIGBUS);
	return -1;
}

static void set(struct mm_struct *by, unsigned int page, unsigned char byte)
{
	assert_int_equal(access(by, addr_of(page), true, &byte), 0);
}

static bool is_mapped(struct mm_struct *by, unsigned int page)
{
	unsigned long stop;
	u64 *pte = pte_find(by, addr_of(page), &stop);

	return pte && pte_load(pte);
}

static void what_lies_around_is_mapped_with_it_if_the_file_has_it(void **state)
{
	unsigned int around = max(SZ_64K / PAGE_SIZE, 1UL), there = 0;

	fill(40);
	mapping_punch(mapping, PAGE_SIZE, 2 * PAGE_SIZE);
	/* The window's start is a multiple of 64 KiB; the area begins within one. */
	map(mm, 3, 40, MAP_PRIVATE, 0);
	assert_int_equal(see(mm, 3), 'a');
	for (unsigned int i = 0; i < PAGES; i++) {
		bool in = addr_of(i) / SZ_64K == addr_of(3) / SZ_64K || i == 3;

		assert_int_equal(is_mapped(mm, i), in && i >= 3 && i != 4);
		there += is_mapped(mm, i);
	}
	assert_int_equal(get_mm_counter(mm, MM_FILEPAGES), there);
	assert_int_equal(global_node_page_state(NR_FILE_MAPPED), there);
	/* Made by who asks for it, and that alone. */
	assert_int_equal(mapping->nrpages, 39);
	assert_int_equal(see(mm, 4), 0);
	assert_int_equal(mapping->nrpages, 40);
	assert_int_equal(see(mm, 3 + 30), 'a' + 30);
	assert_true(around == 1 || get_mm_counter(mm, MM_FILEPAGES) > 2);
	/* A write brings just its own. */
	map(mm, 0, 2, MAP_SHARED, 10);
	set(mm, 0, 'x');
	assert_false(is_mapped(mm, 1));
}

static void the_window_ends_with_the_file_and_with_the_area(void **state)
{
	fill(5);
	mapping_truncate(mapping, 2 * PAGE_SIZE + 1);
	map(mm, 0, 8, MAP_SHARED, 0);
	map(mm, 20, 2, MAP_SHARED, 0);
	assert_int_equal(see(mm, 0), 'a');
	assert_int_equal(see(mm, 20), 'a');
	assert_false(is_mapped(mm, 3));
	assert_false(is_mapped(mm, 19));
	assert_false(is_mapped(mm, 22));
	assert_int_equal(see(mm, 2), 'c');
	assert_int_equal(see(mm, 3), -1);
}

static void a_file_cut_short_ends_for_all_who_map_it(void **state)
{
	struct mm_struct *child;
	char back[2];

	fill(10);
	map(mm, 0, 10, MAP_SHARED, 0);
	map(mm, 20, 6, MAP_PRIVATE, 4);
	for (unsigned int i = 0; i < 10; i++)
		set(mm, i, (unsigned char)('A' + i));
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(see(mm, 20 + i), 'E' + i);
	set(mm, 21, 'p');
	set(mm, 24, 'q');
	child = dup_mm(mm);
	assert_non_null(child);
	assert_int_equal(see(child, 7), 'H');
	assert_int_equal(see(child, 24), 'q');
	mapping_truncate(mapping, 6 * PAGE_SIZE + 1);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(see(mm, i), i < 7 ? 'A' + (int)i : -1);
		assert_int_equal(see(child, i), i < 7 ? 'A' + (int)i : -1);
	}
	/* Copies too. */
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(see(mm, 20 + i), i == 1 ? 'p' : i < 3 ? 'E' + (int)i : -1);
	assert_int_equal(see(child, 21), 'p');
	assert_int_equal(see(child, 24), -1);
	assert_int_equal(mapping->nrpages, 7);
	assert_int_equal(mm_check(child), 0);
	/* What comes back is zero, also of the last page. */
	*((char *)page_address(radix_tree_load(&mapping->pages, 6)) + 5) = 'z';
	mapping_truncate(mapping, 9 * PAGE_SIZE);
	assert_int_equal(see(mm, 8), 0);
	assert_int_equal(mapping_read(mapping, 6 * PAGE_SIZE, back, 1), 1);
	assert_int_equal(back[0], 'G');
	assert_int_equal(mapping_read(mapping, 6 * PAGE_SIZE + 5, back, 1), 1);
	assert_int_equal(back[0], 0);
	mmput(child);
}

static void a_hole_reads_as_zeros_and_copies_stay(void **state)
{
	char c = 'e';

	fill(8);
	assert_int_equal(mapping_write(mapping, PAGE_SIZE - 1, &c, 1), 1);
	map(mm, 0, 8, MAP_SHARED, 0);
	map(mm, 10, 8, MAP_PRIVATE, 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(see(mm, 10 + i), 'a' + i);
	set(mm, 12, 'p');
	mapping_punch(mapping, PAGE_SIZE - 1, 4 * PAGE_SIZE + 1);
	assert_int_equal(mapping->nrpages, 5);
	assert_int_equal(mapping->i_size, 8 * PAGE_SIZE);
	for (unsigned int i = 0; i < 8; i++) {
		int byte = i >= 1 && i <= 4 ? 0 : 'a' + (int)i;

		assert_int_equal(see(mm, i), byte);
		assert_int_equal(see(mm, 10 + i), i == 2 ? 'p' : byte);
	}
	assert_int_equal(mapping_read(mapping, PAGE_SIZE - 1, &c, 1), 1);
	assert_int_equal(c, 0);
	/* Within a page. */
	mapping_punch(mapping, 6 * PAGE_SIZE, 6 * PAGE_SIZE + 1);
	assert_int_equal(see(mm, 6), 0);
}

static void what_counts_as_opened_to_be_read_is_never_made_writable(void **state)
{
	struct file *file = mapping_file(mapping, FMODE_READ | FMODE_WRITE);
	const unsigned long flags = MAP_SHARED | MAP_FIXED;

	fill(2);
	assert_int_equal((long)vm_mmap_reader(mm, file, addr_of(0), 2 * PAGE_SIZE,
					      PROT_READ | PROT_WRITE, flags, 0),
			 -EACCES);
	assert_int_equal(vm_mmap_reader(mm, file, addr_of(0), 2 * PAGE_SIZE, PROT_READ, flags, 0),
			 addr_of(0));
	fput(file);
	assert_int_equal(vm_mprotect(mm, addr_of(0), PAGE_SIZE, PROT_READ | PROT_WRITE), -EACCES);
	assert_int_equal(vm_remap_file_pages(mm, addr_of(0), PAGE_SIZE, 0, 1, 0), -EINVAL);
	assert_int_equal(mapping->i_mmap_writable, 0);
	/* It shows what others write, and is no copy of it. */
	map(mm, 2, 2, MAP_SHARED, 0);
	assert_int_equal(mapping->i_mmap_writable, 1);
	set(mm, 3, 'x');
	assert_int_equal(see(mm, 0), 'a');
	assert_int_equal(see(mm, 1), 'x');
}

/* Areas that are cut, joined and moved stay where truncation finds them. */
static void an_area_is_found_whatever_became_of_it(void **state)
{
	unsigned long nr;

	fill(20);
	map(mm, 0, 20, MAP_SHARED, 0);
	for (unsigned int i = 0; i < 20; i++)
		set(mm, i, 'x');
	assert_int_equal(vm_munmap(mm, addr_of(5), 2 * PAGE_SIZE), 0);
	assert_int_equal(vm_mprotect(mm, addr_of(10), 2 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(interval_tree_check(&mapping->i_mmap, &nr), 0);
	assert_int_equal(nr, 4);
	assert_int_equal(vm_mprotect(mm, addr_of(10), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(interval_tree_check(&mapping->i_mmap, &nr), 0);
	assert_int_equal(nr, 2);
	mapping_truncate(mapping, PAGE_SIZE);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(is_mapped(mm, i), i == 0);
	assert_int_equal(vm_munmap(mm, addr_of(0), 20 * PAGE_SIZE), 0);
	assert_int_equal(interval_tree_check(&mapping->i_mmap, &nr), 0);
	assert_int_equal(nr, 0);
}

static void counters_know_files_shared_memory_and_copies_apart(void **state)
{
	fill(4);
	map(mm, 0, 4, MAP_PRIVATE, 0);
	set(mm, 0, 'p');
	assert_int_equal(see(mm, 1), 'b');
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr_of(20), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, 0),
			 addr_of(20));
	set(mm, 20, 's');
	set(mm, 21, 's');
	vmstat_refresh();
	assert_int_equal(get_mm_counter(mm, MM_ANONPAGES), 1);
	assert_int_equal(get_mm_counter(mm, MM_SHMEMPAGES), 2);
	assert_int_equal(global_node_page_state(NR_ANON_MAPPED), 1);
	assert_int_equal(global_node_page_state(NR_FILE_MAPPED),
			 get_mm_counter(mm, MM_FILEPAGES) + 2);
	assert_int_equal(global_node_page_state(NR_SHMEM), 2);
	assert_int_equal(global_node_page_state(NR_FILE_PAGES), 6);
	assert_int_equal(global_node_page_state(NR_PAGETABLE), mm->pgtables_bytes / PAGE_SIZE + 1);
}

/* ------------------------------------------------------------------ page_mkwrite */

static unsigned int asked;
static vm_fault_t mkwrite_answer;
static struct page *its_page;

static vm_fault_t give_page(struct vm_area_struct *vma, unsigned long pgoff, struct page **page)
{
	get_page(its_page);
	*page = its_page;
	return 0;
}

static vm_fault_t want_to_know(struct vm_area_struct *vma, struct page *page)
{
	assert_ptr_equal(page, its_page);
	asked++;
	return mkwrite_answer;
}

static void who_wants_to_know_of_writes_is_asked_before_each_first_one(void **state)
{
	static const struct vm_operations_struct ops = {.fault = give_page,
							.page_mkwrite = want_to_know};
	struct vm_area_struct *vma;
	unsigned char byte = 'w';

	its_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr_of(0), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, 0),
			 addr_of(0));
	/* The same area, of a device. */
	vma = find_vma(mm, addr_of(0));
	vma_file_unlink(vma);
	fput(vma->vm_file);
	vma->vm_file = NULL;
	vma->vm_ops = &ops;
	vma_set_page_prot(vma);
	asked = 0;
	assert_int_equal(see(mm, 0), 0);
	assert_int_equal(asked, 0);
	mkwrite_answer = VM_FAULT_SIGBUS;
	assert_int_equal(access(mm, addr_of(0), true, &byte), VM_FAULT_SIGBUS);
	assert_int_equal(access(mm, addr_of(1), true, &byte), VM_FAULT_SIGBUS);
	assert_int_equal(asked, 2);
	assert_int_equal(see(mm, 0), 0);
	mkwrite_answer = 0;
	set(mm, 0, 'w');
	set(mm, 0, 'x');
	set(mm, 1, 'y');
	assert_int_equal(asked, 4);
	assert_int_equal(see(mm, 0), 'y');
	zap_range(mm, addr_of(0), addr_of(2));
	assert_true(PageDirty(its_page));
	put_page(its_page);
}

/* ------------------------------------------------------------------ several CPUs */

static struct mm_struct *of_cpu[CPUS + 1];

/* Who shares a page's contents races for them, and knows: what is copied while another writes is nobody's error. */
__attribute__((no_sanitize("thread"))) void copy_page(void *to, const void *from)
{
	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		((volatile u64 *)to)[i] = ((volatile const u64 *)from)[i];
}

/* Faults on pages of the file that come and go, and forks. */
static void *touching(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	struct mm_struct *own = of_cpu[cpu], *child;

	be_cpu(cpu);
	for (unsigned int i = 0; cpus_go_on(); i++) {
		struct page *page = get_user_page(own, addr_of(i % 16), true);

		if (page)
			put_user_page(page);
		(void)handle_mm_fault(own, addr_of((i + 5) % 16), 0);
		if (i % 64)
			continue;
		child = dup_mm(own);
		if (!child)
			return (void *)1;
		mmput(child);
	}
	return NULL;
}

static void truncation_leaves_no_entry_however_many_fault(void **state)
{
	cpus_begin();
	fill(16);
	for (unsigned int i = 1; i <= CPUS; i++) {
		of_cpu[i] = i == 1 ? mm : mm_alloc();
		map(of_cpu[i], 0, 16, i < 3 ? MAP_SHARED : MAP_PRIVATE, 0);
	}
	cpus_run(touching);
	for (unsigned int i = 0; i < 500; i++) {
		mapping_truncate(mapping, (i % 7) * PAGE_SIZE + i % 3);
		for (unsigned int k = i % 7 + 1; k < 16; k++)
			if (is_mapped(mm, k))
				fail_msg("page %u is mapped behind the end at %u", k, i % 7);
		mapping_truncate(mapping, 16 * PAGE_SIZE);
		mapping_punch(mapping, i % 16 * PAGE_SIZE, 16 * PAGE_SIZE);
	}
	cpus_join();
	cpus_end();
	for (unsigned int i = 2; i <= CPUS; i++) {
		assert_int_equal(mm_check(of_cpu[i]), 0);
		mmput(of_cpu[i]);
	}
}

/* The page that took the last room is in the file's count already, and about to be in its tree. */
static void *asking(void *arg)
{
	struct page *page;

	be_cpu(1);
	if (mapping_make_page(mapping, 0, &page))
		return arg;
	put_page(page);
	return NULL;
}

static void *putting_it_there(void *arg)
{
	be_cpu(2);
	spin_lock(&mapping->lock);
	filemap_replace_page(mapping, 0, arg);
	spin_unlock(&mapping->lock);
	return NULL;
}

static void waiting(unsigned int n)
{
	while (spin_waiters(&mapping->lock) < n)
		sched_yield();
}

/*
 *	who asks			who puts it there
 *	looks: it is not there
 *					puts it there
 *	there is no room
 *	looks again: it is
 */
static void who_asks_for_the_page_that_took_the_last_room_gets_it(void **state)
{
	static struct file_space space = {.max = 1};
	struct page *page, *other;
	pthread_t asks, puts;
	void *bad, **slot;

	mapping->space = &space;
	assert_int_equal(mapping_make_page(mapping, 0, &page), 0);
	put_page(page);
	assert_int_equal(mapping_make_page(mapping, 1, &other), -ENOSPC);
	cpus_begin();
	spin_lock(&mapping->lock);
	slot = radix_tree_slot(&mapping->pages, 0, NULL);
	assert_ptr_equal(*slot, page);
	*slot = NULL;
	/* The lock is fair: they have it one after the other. */
	assert_int_equal(pthread_create(&asks, NULL, asking, mm), 0);
	waiting(1);
	assert_int_equal(pthread_create(&puts, NULL, putting_it_there, page), 0);
	waiting(2);
	spin_unlock(&mapping->lock);
	pthread_join(puts, NULL);
	pthread_join(asks, &bad);
	assert_null(bad);
	cpus_end();
	mapping_remove_pages(mapping, 0, ULONG_MAX);
	assert_int_equal(space.used, 0);
	mapping->space = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lies_around_is_mapped_with_it_if_the_file_has_it),
		TEST(the_window_ends_with_the_file_and_with_the_area),
		TEST(a_file_cut_short_ends_for_all_who_map_it),
		TEST(a_hole_reads_as_zeros_and_copies_stay),
		TEST(what_counts_as_opened_to_be_read_is_never_made_writable),
		TEST(an_area_is_found_whatever_became_of_it),
		TEST(counters_know_files_shared_memory_and_copies_apart),
		TEST(who_wants_to_know_of_writes_is_asked_before_each_first_one),
		TEST(who_asks_for_the_page_that_took_the_last_room_gets_it),
		TEST(truncation_leaves_no_entry_however_many_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
