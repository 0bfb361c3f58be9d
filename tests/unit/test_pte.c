// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Marks in entries, set by the CPU or by software: none is lost, whatever is done to the entry. */
#include "vm_world.h"

static struct mm_struct *mm;

static int begin(void **state)
{
	world_begin();
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

static void set_marks(unsigned int kind)
{
	for (unsigned int i = 0; i < TLBS; i++)
		cpu_marks[i] = kind;
}

static void map(unsigned long flags)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, addr_of(0), 16 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       flags | MAP_ANONYMOUS | MAP_FIXED, 0),
			 addr_of(0));
}

static void touch(unsigned int page, bool write)
{
	unsigned char byte = (unsigned char)(page + 1);

	assert_int_equal(access(mm, addr_of(page), write, &byte), 0);
}

static u64 entry(unsigned int page)
{
	unsigned long stop;
	u64 *pte = pte_find(mm, addr_of(page), &stop);

	return pte ? pte_load(pte) : 0;
}

/* Clean entries of pages that are there and may be written. */
static void make_clean(void)
{
	map(MAP_PRIVATE);
	for (unsigned int i = 0; i < 16; i++)
		touch(i, true);
	assert_int_equal(vm_madvise(mm, addr_of(0), 16 * PAGE_SIZE, MADV_FREE), 0);
	for (unsigned int i = 0; i < 16; i++)
		assert_false(pte_dirty(entry(i)));
}

static void a_cpu_that_notes_writes_does_not_fault(void **state)
{
	for (unsigned int kind = NO_MARKS; kind <= DIRTY_STATE; kind++) {
		set_marks(kind);
		make_clean();
		/* Read before, so that the TLB holds the entry as a clean one. */
		for (unsigned int i = 0; i < 8; i++)
			touch(i, false);
		for (unsigned int i = 0; i < 16; i++) {
			assert_int_equal(hardware(mm, addr_of(i), true) != NULL,
					 kind == DIRTY_STATE);
			touch(i, true);
			assert_true(pte_dirty(entry(i)));
			assert_true(entry(i) & DESC_AF);
		}
	}
}

/* What is done to entries that the CPU has just marked. */
static void read_only_and_back(void)
{
	assert_int_equal(vm_mprotect(mm, addr_of(0), 16 * PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(vm_mprotect(mm, addr_of(0), 16 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
}

static void nothing_and_back(void)
{
	assert_int_equal(vm_mprotect(mm, addr_of(0), 16 * PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(vm_mprotect(mm, addr_of(0), 16 * PAGE_SIZE, PROT_READ), 0);
}

static void a_child(void)
{
	struct mm_struct *child = dup_mm(mm);

	assert_non_null(child);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
}

static void away_and_back(void)
{
	pages_move = true;
	assert_int_equal(vm_mremap(mm, addr_of(0), 16 * PAGE_SIZE, 16 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, addr_of(20)),
			 addr_of(20));
	assert_int_equal(vm_mremap(mm, addr_of(20), 16 * PAGE_SIZE, 16 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, addr_of(0)),
			 addr_of(0));
	pages_move = false;
}

static void (*const changes[])(void) = {read_only_and_back, nothing_and_back, a_child,
					away_and_back};

/* MADV_FREE, then a write to some of them: just those must not be dropped. */
static void a_write_to_private_memory_is_remembered(void **state)
{
	for (unsigned int kind = NO_MARKS; kind <= DIRTY_STATE; kind++)
		for (unsigned int c = 0; c < ARRAY_SIZE(changes); c++) {
			unsigned long written = 0;

			set_marks(kind);
			make_clean();
			/* Runs, and single ones among them. */
			for (unsigned int i = 0; i < 16; i++)
				if (i < 5 || i % 3 == 0)
					touch(i, true), written++;
			changes[c]();
			for (unsigned int i = 0; i < 16; i++)
				assert_int_equal(pte_dirty(entry(i)), i < 5 || i % 3 == 0);
			assert_int_equal(drop_lazy_pages(vma_lookup(mm, addr_of(0)), addr_of(0),
							 addr_of(16), 16, NULL),
					 16 - written);
			assert_int_equal(get_mm_rss(mm), written);
		}
}

/* A file's page is dirty when the entry by which it was written goes, and only then. */
static void a_write_to_a_shared_page_is_its_page_s(void **state)
{
	for (unsigned int kind = NO_MARKS; kind <= DIRTY_STATE; kind++)
		for (unsigned int way = 0; way < 3; way++) {
			struct page *page[16];

			set_marks(kind);
			map(MAP_SHARED);
			for (unsigned int i = 0; i < 16; i++) {
				touch(i, false);
				page[i] = get_user_page(mm, addr_of(i), false);
				assert_non_null(page[i]);
				ClearPageDirty(page[i]);
			}
			for (unsigned int i = 0; i < 16; i += 3)
				touch(i, true);
			if (way == 1)
				read_only_and_back();
			if (way == 2)
				assert_int_equal(
					vm_madvise(mm, addr_of(0), 16 * PAGE_SIZE, MADV_DONTNEED),
					0);
			assert_int_equal(vm_munmap(mm, addr_of(0), 16 * PAGE_SIZE), 0);
			for (unsigned int i = 0; i < 16; i++) {
				assert_int_equal(PageDirty(page[i]), i % 3 == 0);
				put_user_page(page[i]);
			}
		}
}

static void an_access_is_remembered(void **state)
{
	for (unsigned int kind = NO_MARKS; kind <= DIRTY_STATE; kind++)
		for (unsigned int c = 0; c < ARRAY_SIZE(changes); c++) {
			set_marks(kind);
			make_clean();
			for (unsigned int i = 0; i < 16; i += 3)
				touch(i, false);
			changes[c]();
			for (unsigned int i = 0; i < 16; i++)
				assert_int_equal(!!(entry(i) & DESC_AF), i % 3 == 0);
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cpu_that_notes_writes_does_not_fault),
		TEST(a_write_to_private_memory_is_remembered),
		TEST(a_write_to_a_shared_page_is_its_page_s),
		TEST(an_access_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
