// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Whose a page is, and pages that move under programs which use them. */
#include "vm_world.h"

#include <quire/migrate.h>

static struct mm_struct *mm;

static int begin(void **state)
{
	world_begin();
	vm_migration_init();
	mm = mm_alloc();
	assert_non_null(mm);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(mm_check(mm), 0);
	mmput(mm);
	world_end();
	return 0;
}

static void map_anon(unsigned int page, unsigned int n, unsigned long flags)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr_of(page), n * PAGE_SIZE,
				       PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_FIXED,
				       0),
			 addr_of(page));
}

static void set(struct mm_struct *by, unsigned int page, unsigned char byte)
{
	assert_int_equal(access(by, addr_of(page), true, &byte), 0);
}

static int see(struct mm_struct *by, unsigned int page)
{
	unsigned char byte;

	assert_int_equal(access(by, addr_of(page), false, &byte), 0);
	return byte;
}

static struct page *page_at(struct mm_struct *by, unsigned int page)
{
	unsigned long stop;

	return pte_page(pte_load(pte_find(by, addr_of(page), &stop)));
}

static struct folio *new_page(struct folio *src, unsigned long private)
{
	return (struct folio *)alloc_page(GFP_HIGHUSER_MOVABLE);
}

/* The page goes elsewhere, as compaction would have it. */
static bool move(struct page *page)
{
	struct page_list list = {0};
	struct folio *folio;

	if (!isolate_page_for_migration(page, MIGRATE_SYNC, &folio))
		return false;
	page_list_add(&list, &folio->page);
	if (!migrate_pages(&list, new_page, NULL, 0, MIGRATE_SYNC, MR_COMPACTION, NULL))
		return true;
	putback_movable_pages(&list);
	return false;
}

static void a_page_is_found_wherever_forks_and_moves_have_taken_it(void **state)
{
	struct mm_struct *child, *grandchild;
	struct page *page;

	map_anon(0, 4, MAP_PRIVATE);
	set(mm, 1, 'a');
	page = page_at(mm, 1);
	assert_int_equal(page_rmap_count(page), 1);
	child = dup_mm(mm);
	grandchild = dup_mm(child);
	assert_int_equal(page_rmap_count(page), 3);
	/* Another's place, cut off from its neighbours. */
	assert_int_equal(vm_mremap(child, addr_of(1), PAGE_SIZE, PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, addr_of(30)),
			 addr_of(30));
	assert_ptr_equal(page_at(child, 30), page);
	assert_int_equal(page_rmap_count(page), 3);
	assert_int_equal(mm_check(child), 0);
	mmput(mm_alloc());
	mmput(grandchild);
	assert_int_equal(page_rmap_count(page), 2);
	set(child, 30, 'b');
	assert_int_equal(page_rmap_count(page), 1);
	assert_int_equal(page_rmap_count(page_at(child, 30)), 1);
	mmput(child);
}

static void pages_move_with_all_their_entries(void **state)
{
	struct mm_struct *child;
	struct page *old, *shared;

	map_anon(0, 4, MAP_PRIVATE);
	map_anon(8, 4, MAP_SHARED);
	set(mm, 0, 'a');
	set(mm, 9, 's');
	assert_int_equal(vm_mprotect(mm, addr_of(2), PAGE_SIZE, PROT_NONE), 0);
	child = dup_mm(mm);
	assert_int_equal(see(child, 9), 's');
	old = page_at(mm, 0);
	shared = page_at(mm, 9);
	assert_true(move(old));
	assert_int_equal(page_count(old), 0);
	assert_true(move(shared));
	assert_ptr_not_equal(page_at(mm, 9), shared);
	assert_ptr_equal(page_at(mm, 0), page_at(child, 0));
	assert_ptr_equal(page_at(mm, 9), page_at(child, 9));
	assert_int_equal(see(mm, 0), 'a');
	assert_int_equal(see(child, 0), 'a');
	/* Copied on write still, and shared still. */
	set(child, 0, 'b');
	assert_int_equal(see(mm, 0), 'a');
	set(child, 9, 't');
	assert_int_equal(see(mm, 9), 't');
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	set(mm, 0, 'c');
	assert_int_equal(see(mm, 0), 'c');
}

static void a_page_that_somebody_uses_stays(void **state)
{
	struct page *page;

	map_anon(0, 2, MAP_PRIVATE);
	set(mm, 0, 'a');
	page = get_user_page(mm, addr_of(0), true);
	assert_non_null(page);
	assert_false(move(page));
	assert_ptr_equal(page_at(mm, 0), page);
	assert_int_equal(page_count(page), 2);
	put_user_page(page);
	/* Somebody is changing the address space. */
	mmap_write_lock(mm);
	assert_false(move(page));
	mmap_write_unlock(mm);
	assert_true(move(page));
	assert_int_equal(see(mm, 0), 'a');
	/* No page of a program's at all. */
	assert_false(move(zero_page));
}

/* ------------------------------------------------------------------ several CPUs */

static unsigned int pages_moved;

static void *using(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, seen = ~0U, now;

	be_cpu(cpu);
	for (unsigned int i = 0; cpus_go_on(); i++) {
		unsigned long addr = addr_of(cpu * 8 + i % 8);
		u32 value = cpu << 24 | i, back = 0;
		struct mm_struct *child;

		if (access_remote_vm(mm, addr, &value, 4, true) ||
		    access_remote_vm(mm, addr, &back, 4, false) || back != value)
			return (void *)1;
		/* A fork has mmap_lock, where no page moves: not all of the time. */
		now = __atomic_load_n(&pages_moved, __ATOMIC_RELAXED);
		if (i % 128 || now == seen)
			continue;
		seen = now;
		child = dup_mm(mm);
		if (!child || access_remote_vm(child, addr, &back, 4, false) || back != value)
			return (void *)1;
		mmput(child);
	}
	return NULL;
}

static void pages_move_while_programs_write_them(void **state)
{
	cpus_begin();
	pages_moved = 0;
	map_anon(0, 40, MAP_PRIVATE);
	for (unsigned int i = 0; i < 40; i++)
		set(mm, i, 1);
	memset(tlb, 0, sizeof(tlb));
	cpus_run(using);
	for (unsigned int i = 0; pages_moved < 300; i++) {
		struct page *page = get_user_page(mm, addr_of(8 + i % 24), false);

		assert_non_null(page);
		put_user_page(page);
		if (move(page))
			__atomic_store_n(&pages_moved, pages_moved + 1, __ATOMIC_RELAXED);
		else
			port_cpu_relax();
	}
	cpus_join();
	cpus_end();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_found_wherever_forks_and_moves_have_taken_it),
		TEST(pages_move_with_all_their_entries),
		TEST(a_page_that_somebody_uses_stays),
		TEST(pages_move_while_programs_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
