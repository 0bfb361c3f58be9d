// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Address spaces, one thing after another: what the calls on them answer, what an access then sees, what is counted. */
#include "vm_world.h"

static struct mm_struct *program;

static int begin(void **state)
{
	world_begin();
	srandom(7);
	return 0;
}

static int end(void **state)
{
	if (program)
		mmput(program);
	program = NULL;
	world_end();
	return 0;
}

static struct mm_struct *one(void)
{
	program = mm_alloc();
	assert_non_null(program);
	program->mmap_base = SZ_1G;
	return program;
}

static void a_read_shows_the_zero_page_and_a_write_a_page_of_its_own(void **state)
{
	struct mm_struct *mm = one();
	unsigned char byte = 1;

	assert_int_equal(vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 WINDOW);
	assert_int_equal(access(mm, WINDOW, false, &byte), 0);
	assert_int_equal(byte, 0);
	assert_int_equal(get_mm_rss(mm), 0);
	byte = 5;
	assert_int_equal(access(mm, WINDOW, true, &byte), 0);
	assert_int_equal(get_mm_rss(mm), 1);
	assert_int_equal(*(char *)page_address(zero_page), 0);
}

static void the_last_sharer_writes_without_a_copy(void **state)
{
	struct mm_struct *mm = one(), *child;
	unsigned char byte = 5;
	char *before, *after;

	vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	assert_int_equal(access(mm, WINDOW, true, &byte), 0);
	before = hardware(mm, WINDOW, false);
	child = dup_mm(mm);
	assert_ptr_equal(hardware(child, WINDOW, false), before);
	assert_null(hardware(mm, WINDOW, true));
	mmput(child);
	memset(tlb, 0, sizeof(tlb));
	assert_int_equal(access(mm, WINDOW, true, &byte), 0);
	after = hardware(mm, WINDOW, false);
	assert_ptr_equal(after, before);
}

static void mappings_go_top_down_and_join(void **state)
{
	struct mm_struct *mm = one();
	unsigned long a, b, prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;

	a = vm_mmap_pgoff(mm, NULL, 0, 3 * PAGE_SIZE, prot, flags, 0);
	b = vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, prot, flags, 0);
	assert_int_equal(a, SZ_1G - 3 * PAGE_SIZE);
	assert_int_equal(b, a - PAGE_SIZE);
	assert_int_equal(mm->map_count, 1);
	assert_int_equal(vm_munmap(mm, a, PAGE_SIZE), 0);
	assert_int_equal(mm->map_count, 2);
	/* The hole is filled from above, and all is one again. */
	assert_int_equal(vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, prot, flags, 0), a);
	assert_int_equal(mm->map_count, 1);
	assert_int_equal(mm_check(mm), 0);
}

/*
 * The highest room of all that the list of areas shows below the base. A stack above it keeps some of it free, and then all that is
 * looked at is below that (Linux: unmapped_area_topdown).
 */
static unsigned long highest_of_all(const struct mm_struct *mm, unsigned long len)
{
	const struct vm_area_struct *above;
	unsigned long limit = mm->mmap_base, end;

	do {
		unsigned long low = MMAP_MIN_ADDR;

		above = NULL;
		end = 0;
		for (const struct vm_area_struct *vma = mm->mmap;; vma = vma->next) {
			unsigned long high = min(vma ? vma->vm_start : TASK_SIZE, limit);

			if (high > low && high - low >= len) {
				end = high;
				above = vma;
			}
			if (!vma)
				break;
			low = max(vma->vm_end, MMAP_MIN_ADDR);
		}
		limit = above ? vm_start_gap(above) : ULONG_MAX;
	} while (end && limit < end);
	return end ? end - len : (unsigned long)-ENOMEM;
}

static void a_mapping_goes_where_a_search_of_all_puts_it(void **state)
{
	struct mm_struct *mm = one();
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS, at[64] = {0}, len[64] = {0};

	/* What lies over the base, and beside it. */
	vm_mmap_pgoff(mm, NULL, SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ, flags | MAP_FIXED, 0);
	for (unsigned int i = 0; i < 6000; i++) {
		unsigned int k = (unsigned int)rnd(64);
		unsigned long there;

		if (at[k]) {
			/* All of it, or some at one end, or in the middle. */
			unsigned long skip = rnd(3) ? 0 : rnd(len[k]), n = len[k] - skip;

			n -= rnd(3) ? 0 : rnd(n);
			assert_int_equal(vm_munmap(mm, at[k] + skip * PAGE_SIZE, n * PAGE_SIZE), 0);
			at[k] = 0;
			continue;
		}
		len[k] = rnd(4) ? 1 + rnd(4) : 1 + rnd(300);
		if (!rnd(8)) {
			/* Somewhere near. What was there goes: its owner does not mind. */
			at[k] = SZ_1G - (1 + rnd(3000)) * PAGE_SIZE;
			assert_int_equal(vm_mmap_pgoff(mm, NULL, at[k], len[k] * PAGE_SIZE,
						       random_prot(), flags | MAP_FIXED, 0),
					 at[k]);
			continue;
		}
		there = highest_of_all(mm, len[k] * PAGE_SIZE);
		at[k] = vm_mmap_pgoff(mm, NULL, 0, len[k] * PAGE_SIZE, random_prot(),
				      flags | (rnd(16) ? 0 : MAP_GROWSDOWN), 0);
		/* Where there is no room below the base, a quarter of the way up. */
		if (IS_ERR_VALUE(there))
			assert_true(at[k] >= TASK_SIZE / 4);
		else
			assert_int_equal(at[k], there);
		if (!rnd(6))
			(void)vm_mremap(mm, at[k], len[k] * PAGE_SIZE, (1 + rnd(8)) * PAGE_SIZE,
					MREMAP_MAYMOVE, 0);
		if (i % 16 == 0)
			assert_int_equal(mm_check(mm), 0);
	}
}

static void bad_requests_get_linux_s_errors(void **state)
{
	struct mm_struct *mm = one();
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS;

	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, 0, PROT_READ, flags, 0), -EINVAL);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, ULONG_MAX, PROT_READ, flags, 0), -ENOMEM);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, TASK_SIZE, PROT_READ, flags, 0), -ENOMEM);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, WINDOW + 1, PAGE_SIZE, PROT_READ,
					     flags | MAP_FIXED, 0),
			 -EINVAL);
	mm->unprivileged = true;
	assert_int_equal(
		(long)vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, PROT_READ, flags | MAP_FIXED, 0),
		-EPERM);
	mm->unprivileged = false;
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, PROT_READ, MAP_ANONYMOUS, 0),
			 -EINVAL);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, PROT_READ, flags, ULONG_MAX),
			 -EOVERFLOW);
	assert_int_equal(
		vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ, flags | MAP_FIXED, 0),
		WINDOW);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ,
					     flags | MAP_FIXED_NOREPLACE, 0),
			 -EEXIST);
	assert_int_equal(vm_munmap(mm, WINDOW, 0), -EINVAL);
	assert_int_equal(vm_munmap(mm, WINDOW + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(vm_munmap(mm, TASK_SIZE, PAGE_SIZE), -EINVAL);
	assert_int_equal(vm_munmap(mm, WINDOW + SZ_1M, PAGE_SIZE), 0);
	assert_int_equal(vm_mprotect(mm, WINDOW + 1, PAGE_SIZE, PROT_READ), -EINVAL);
	assert_int_equal(vm_mprotect(mm, WINDOW, 0, PROT_READ), 0);
	assert_int_equal(vm_mprotect(mm, WINDOW, 2 * PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, 0x40), -EINVAL);
	assert_int_equal(vm_mprotect(mm, WINDOW, -PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), -EINVAL);
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_READ | PROT_GROWSUP), -EINVAL);
	assert_int_equal(vm_mprotect(mm, WINDOW + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN),
			 -ENOMEM);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, 999), -EINVAL);
	assert_int_equal(vm_madvise(mm, WINDOW, 2 * PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, PAGE_SIZE, PROT_READ,
					     MAP_ANONYMOUS | MAP_SHARED_VALIDATE, 0),
			 -EINVAL);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, MADV_POPULATE_READ), 0);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, MADV_POPULATE_WRITE), -EINVAL);
	assert_int_equal(vm_madvise(mm, WINDOW, 2 * PAGE_SIZE, MADV_POPULATE_READ), -ENOMEM);
	mm->max_map_count = mm->map_count;
	assert_int_equal(
		vm_mmap_pgoff(mm, NULL, WINDOW, 2 * PAGE_SIZE, PROT_READ, flags | MAP_FIXED, 0),
		WINDOW);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, MADV_DONTFORK), -EAGAIN);
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_NONE), -ENOMEM);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(handle_mm_fault(mm, TASK_SIZE, 0), VM_FAULT_SIGSEGV);
	assert_int_equal(handle_mm_fault(mm, ULONG_MAX, 0), VM_FAULT_SIGSEGV);
}

static void a_file_is_seen_by_all_and_changed_by_those_who_share(void **state)
{
	struct mm_struct *mm = one();
	struct address_space *mapping = mapping_alloc(false);
	struct file *file = mapping_file(mapping, FMODE_READ | FMODE_WRITE),
		    *readable = mapping_file(mapping, FMODE_READ);
	unsigned char byte;
	char c = 'a';

	assert_int_equal(mapping_write(mapping, PAGE_SIZE + 10, &c, 1), 1);
	assert_int_equal(vm_mmap_pgoff(mm, file, WINDOW, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_FIXED, 0),
			 WINDOW);
	assert_int_equal(vm_mmap_pgoff(mm, readable, WINDOW + 8 * PAGE_SIZE, 2 * PAGE_SIZE,
				       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 0),
			 WINDOW + 8 * PAGE_SIZE);
	assert_int_equal((long)vm_mmap_pgoff(mm, readable, WINDOW, PAGE_SIZE,
					     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 0),
			 -EACCES);
	assert_int_equal((long)vm_mmap_pgoff(mm, file, 0, PAGE_SIZE, PROT_READ,
					     MAP_PRIVATE | MAP_GROWSDOWN, 0),
			 -EINVAL);
	assert_int_equal(access(mm, WINDOW + PAGE_SIZE + 10, false, &byte), 0);
	assert_int_equal(byte, 'a');
	byte = 'b';
	assert_int_equal(access(mm, WINDOW + PAGE_SIZE + 10, true, &byte), 0);
	assert_int_equal(mapping_read(mapping, PAGE_SIZE + 10, &c, 1), 1);
	assert_int_equal(c, 'b');
	/* The private one sees it until it writes. */
	assert_int_equal(access(mm, WINDOW + 9 * PAGE_SIZE + 10, false, &byte), 0);
	assert_int_equal(byte, 'b');
	byte = 'p';
	assert_int_equal(access(mm, WINDOW + 9 * PAGE_SIZE + 10, true, &byte), 0);
	assert_int_equal(mapping_read(mapping, PAGE_SIZE + 10, &c, 1), 1);
	assert_int_equal(c, 'b');
	/* Beyond the end of the file there is nothing. */
	assert_int_equal(vm_madvise(mm, WINDOW, 4 * PAGE_SIZE, MADV_POPULATE_READ), -EFAULT);
	assert_int_equal(access(mm, WINDOW + 2 * PAGE_SIZE, false, &byte), VM_FAULT_SIGBUS);
	assert_int_equal(mm_check(mm), 0);
	fput(file);
	fput(readable);
	mapping_put(mapping);
}

/* The pages of the first tables are given back long before the last one's: all tables have to be forgotten all the same. */
static void no_way_to_a_table_that_is_freed_is_left_in_a_tlb(void **state)
{
	struct mm_struct *mm = one();
	unsigned long base = ALIGN(WALKS, TABLE_SIZE);

	assert_int_equal(base, WALKS);
	assert_int_equal(vm_mmap_pgoff(mm, NULL, base, NR_WALKS * TABLE_SIZE, PROT_READ,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 base);
	for (unsigned long i = 0; i < NR_WALKS; i++) {
		assert_int_equal(handle_mm_fault(mm, base + i * TABLE_SIZE, 0), 0);
		walk_known[i] = true;
	}
	assert_int_equal(vm_madvise(mm, base, (NR_WALKS - 1) * TABLE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(vm_munmap(mm, base, NR_WALKS * TABLE_SIZE), 0);
	assert_int_equal(mm->pgtables_bytes, 0);
	for (unsigned int i = 0; i < NR_WALKS; i++)
		assert_false(walk_known[i]);
}

static void whole_tables_move_as_they_are(void **state)
{
	struct mm_struct *mm = one();
	unsigned long base = WALKS, to = base + 4 * TABLE_SIZE, addr, end;
	const u64 *table;

	assert_int_equal(vm_mmap_pgoff(mm, NULL, base, 2 * TABLE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 base);
	for (addr = base; addr < base + 2 * TABLE_SIZE; addr += TABLE_SIZE / 4)
		assert_int_equal(handle_mm_fault(mm, addr, FAULT_FLAG_WRITE), 0);
	table = pte_find(mm, base, &end);
	for (unsigned int i = 0; i < NR_WALKS; i++)
		walk_known[i] = true;
	assert_int_equal(vm_mremap(mm, base, 2 * TABLE_SIZE, 2 * TABLE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, to),
			 to);
	/* The very same table, and nobody knows the old way any more. */
	assert_ptr_equal(pte_find(mm, to, &end), table);
	assert_null(pte_find(mm, base, &end));
	assert_false(walk_known[0] || walk_known[1]);
	assert_int_equal(get_mm_rss(mm), 8);
	assert_int_equal(mm_check(mm), 0);
	/* A page further on, the entries move one by one. */
	assert_int_equal(vm_mremap(mm, to, 2 * TABLE_SIZE, 2 * TABLE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, base + PAGE_SIZE),
			 base + PAGE_SIZE);
	assert_int_equal(get_mm_rss(mm), 8);
	assert_int_equal(mm_check(mm), 0);
}

static void promises_are_kept_count_of(void **state)
{
	struct mm_struct *mm = one(), *child;
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS, before = vm_memory_committed(), a;

	a = vm_mmap_pgoff(mm, NULL, 0, 10 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, 0);
	assert_int_equal(vm_memory_committed() - before, 10);
	/* Not of what cannot be written, nor of what is without a reserve. */
	vm_mmap_pgoff(mm, NULL, 0, 10 * PAGE_SIZE, PROT_READ, flags, 0);
	vm_mmap_pgoff(mm, NULL, 0, 10 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE,
		      0);
	assert_int_equal(vm_memory_committed() - before, 10);
	assert_int_equal(vm_mremap(mm, a, 4 * PAGE_SIZE, 6 * PAGE_SIZE, MREMAP_MAYMOVE, 0) &
				 (PAGE_SIZE - 1),
			 0);
	assert_int_equal(vm_memory_committed() - before, 12);
	child = dup_mm(mm);
	assert_int_equal(vm_memory_committed() - before, 24);
	mmput(child);
	assert_int_equal(vm_memory_committed() - before, 12);
	/* By guess: no more at once than there is. */
	ram_pages = 1000;
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, 1001 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					     flags, 0),
			 -ENOMEM);
	/* By count: no more in all than half of what there is. */
	sysctl_overcommit_memory = OVERCOMMIT_NEVER;
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, 0, 500 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					     flags | MAP_NORESERVE, 0),
			 -ENOMEM);
	a = vm_mmap_pgoff(mm, NULL, 0, 400 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, 0);
	assert_false(IS_ERR_VALUE(a));
	sysctl_overcommit_memory = OVERCOMMIT_ALWAYS;
	assert_false(IS_ERR_VALUE(
		vm_mmap_pgoff(mm, NULL, 0, 5000 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, 0)));
	sysctl_overcommit_memory = OVERCOMMIT_GUESS;
	ram_pages = 1UL << 36;
	mmput(mm);
	program = NULL;
	assert_int_equal(vm_memory_committed(), before);
}

static void what_is_locked_has_its_limit(void **state)
{
	struct mm_struct *mm = one();
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	mm->unprivileged = true;
	mm->rlimit_memlock = 4 * PAGE_SIZE;
	vm_mmap_pgoff(mm, NULL, WINDOW, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, 0);
	assert_int_equal(vm_mlock(mm, WINDOW, 5 * PAGE_SIZE, false), -ENOMEM);
	assert_int_equal(vm_mlock(mm, WINDOW + 1, 3 * PAGE_SIZE, false), 0);
	assert_int_equal(mm->locked_vm, 4);
	assert_int_equal(get_mm_rss(mm), 4);
	/* What is locked already does not count twice. */
	assert_int_equal(vm_mlock(mm, WINDOW, 4 * PAGE_SIZE, true), 0);
	assert_int_equal((long)vm_mmap_pgoff(mm, NULL, WINDOW + 16 * PAGE_SIZE, PAGE_SIZE,
					     PROT_READ, flags | MAP_LOCKED, 0),
			 -EAGAIN);
	assert_int_equal((long)vm_mremap(mm, WINDOW + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 3 * PAGE_SIZE,
					 MREMAP_MAYMOVE, 0),
			 -EAGAIN);
	assert_int_equal(vm_munlock(mm, WINDOW + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm->map_count, 4);
	assert_int_equal(vm_mlockall(mm, MCL_CURRENT), -ENOMEM);
	assert_int_equal(vm_mlockall(mm, MCL_ONFAULT), -EINVAL);
	mm->unprivileged = false;
	assert_int_equal(vm_mlockall(mm, MCL_CURRENT | MCL_FUTURE), 0);
	assert_int_equal(mm->locked_vm, 8);
	vm_mmap_pgoff(mm, NULL, WINDOW + 16 * PAGE_SIZE, PAGE_SIZE, PROT_READ, flags, 0);
	assert_int_equal(mm->locked_vm, 9);
	assert_int_equal(vm_munlockall(mm), 0);
	assert_int_equal(mm->locked_vm, 0);
	assert_int_equal(mm_check(mm), 0);
}

static void a_child_without_a_locked_area_has_nothing_locked(void **state)
{
	struct mm_struct *mm = one(), *child;

	vm_mmap_pgoff(mm, NULL, WINDOW, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED, 0);
	assert_int_equal(vm_madvise(mm, WINDOW, PAGE_SIZE, MADV_DONTFORK), 0);
	child = dup_mm(mm);
	assert_non_null(child);
	assert_int_equal(child->locked_vm, 0);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
}

/* What a file does not hold it still gives back whole: its pages lie apart. */
static void a_file_s_pages_go_with_it_however_they_lie(void **state)
{
	struct mm_struct *mm = one();
	unsigned long n = 300;

	assert_int_equal(vm_mmap_pgoff(mm, NULL, SZ_4G, n * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, 0),
			 SZ_4G);
	for (unsigned long i = 3; i < n; i += 61)
		for (unsigned long k = 0; k < 2; k++)
			assert_int_equal(
				handle_mm_fault(mm, SZ_4G + (i + k) * PAGE_SIZE, FAULT_FLAG_WRITE),
				0);
	/* end() counts what is free. */
}

static const void *page_behind(struct mm_struct *mm, unsigned long addr)
{
	unsigned long end;

	return page_address(pte_page(pte_load(pte_find(mm, addr, &end))));
}

static void nothing_is_executed_before_the_instruction_fetch_sees_it(void **state)
{
	struct mm_struct *mm = one();
	struct address_space *mapping = mapping_alloc(false);
	struct file *file = mapping_file(mapping, FMODE_READ);
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	unsigned char byte = 5;

	/* Written, then made executable. */
	vm_mmap_pgoff(mm, NULL, WINDOW, PAGE_SIZE, PROT_READ | PROT_WRITE, anon, 0);
	assert_int_equal(access(mm, WINDOW, true, &byte), 0);
	last_synced = NULL;
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_READ), 0);
	assert_null(last_synced);
	assert_int_equal(vm_mprotect(mm, WINDOW, PAGE_SIZE, PROT_READ | PROT_EXEC), 0);
	assert_ptr_equal(last_synced, page_behind(mm, WINDOW));
	assert_int_equal(page_ref_count(virt_to_page(last_synced)), 1);
	/* New and executable at once: what the page was before must not run. */
	vm_mmap_pgoff(mm, NULL, WINDOW + 2 * PAGE_SIZE, PAGE_SIZE,
		      PROT_READ | PROT_WRITE | PROT_EXEC, anon, 0);
	assert_int_equal(access(mm, WINDOW + 2 * PAGE_SIZE, true, &byte), 0);
	assert_ptr_equal(last_synced, page_behind(mm, WINDOW + 2 * PAGE_SIZE));
	/* A file's page that was executed, and is written again before the next one executes it. */
	for (unsigned int i = 4; i < 6; i++) {
		assert_int_equal(mapping_write(mapping, 0, &byte, 1), 1);
		vm_mmap_pgoff(mm, file, WINDOW + i * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_FIXED, 0);
		last_synced = NULL;
		assert_int_equal(access(mm, WINDOW + i * PAGE_SIZE, false, &byte), 0);
		assert_ptr_equal(last_synced, page_behind(mm, WINDOW + i * PAGE_SIZE));
	}
	fput(file);
	mapping_put(mapping);
}

static void a_stack_grows_down_to_its_limit(void **state)
{
	struct mm_struct *mm = one();
	unsigned long top = WINDOW + SZ_64M;
	struct vm_area_struct *vma;

	mm->rlimit_stack = 16 * PAGE_SIZE;
	vm_mmap_pgoff(mm, NULL, top - 2 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, 0);
	assert_int_equal(handle_mm_fault(mm, top - 10 * PAGE_SIZE, FAULT_FLAG_WRITE), 0);
	vma = find_vma(mm, top - PAGE_SIZE);
	assert_int_equal(vma->vm_start, top - 10 * PAGE_SIZE);
	assert_int_equal(vma->vm_pgoff, vma->vm_start >> PAGE_SHIFT);
	assert_int_equal(handle_mm_fault(mm, top - 17 * PAGE_SIZE, FAULT_FLAG_WRITE),
			 VM_FAULT_SIGSEGV);
	/* From its start, wherever that is by now. */
	assert_int_equal(
		vm_mprotect(mm, top - 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), 0);
	assert_int_equal(handle_mm_fault(mm, top - 10 * PAGE_SIZE, FAULT_FLAG_WRITE),
			 VM_FAULT_SIGSEGV | VM_FAULT_BADACCESS);
	assert_int_equal(handle_mm_fault(mm, top - PAGE_SIZE, FAULT_FLAG_WRITE), 0);
	assert_int_equal(mm_check(mm), 0);
}

static void brk_moves_the_end_of_the_heap(void **state)
{
	struct mm_struct *mm = one();

	mm->start_brk = mm->brk = WINDOW;
	assert_int_equal(vm_brk(mm, 0), WINDOW);
	assert_int_equal(vm_brk(mm, WINDOW + 100), WINDOW + 100);
	assert_int_equal(mm->map_count, 1);
	assert_int_equal(vm_brk(mm, WINDOW + 5 * PAGE_SIZE), WINDOW + 5 * PAGE_SIZE);
	assert_int_equal(mm->map_count, 1);
	assert_int_equal(vm_brk(mm, WINDOW - PAGE_SIZE), WINDOW + 5 * PAGE_SIZE);
	assert_int_equal(vm_brk(mm, WINDOW), WINDOW);
	assert_int_equal(mm->map_count, 0);
	assert_int_equal(mm_check(mm), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_read_shows_the_zero_page_and_a_write_a_page_of_its_own),
		TEST(the_last_sharer_writes_without_a_copy),
		TEST(mappings_go_top_down_and_join),
		TEST(a_mapping_goes_where_a_search_of_all_puts_it),
		TEST(bad_requests_get_linux_s_errors),
		TEST(a_file_is_seen_by_all_and_changed_by_those_who_share),
		TEST(no_way_to_a_table_that_is_freed_is_left_in_a_tlb),
		TEST(whole_tables_move_as_they_are),
		TEST(promises_are_kept_count_of),
		TEST(what_is_locked_has_its_limit),
		TEST(a_child_without_a_locked_area_has_nothing_locked),
		TEST(a_file_s_pages_go_with_it_however_they_lie),
		TEST(nothing_is_executed_before_the_instruction_fetch_sees_it),
		TEST(a_stack_grows_down_to_its_limit),
		TEST(brk_moves_the_end_of_the_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
