// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/*
 * Address spaces against a model that knows, for each page of a window, whether it is mapped, how, and one byte of what is in it. Accesses
 * go through a TLB that forgets nothing until it is flushed: a flush that is missing shows as an access by what was there before.
 */
#include "vm_world.h"

/* ------------------------------------------------------------------ the model */

struct cell {
	bool mapped, shared;
	unsigned long prot;
	unsigned char byte;    /* private */
	unsigned char *common; /* shared: of all that map it */
};

struct space {
	struct mm_struct *mm;
	struct cell cell[PAGES];
};

static struct space spaces[SPACES];
static unsigned char commons[1 << 16];
static unsigned int nr_commons;
static unsigned int fail_share; /* of a thousand allocations */

static unsigned long rnd(unsigned long n)
{
	return (unsigned long)random() % n;
}

static bool should_fail(gfp_t gfp, unsigned int order)
{
	(void)gfp, (void)order;
	return fail_share && rnd(1000) < fail_share;
}

static const struct page_debug_ops injected = {.should_fail = should_fail};

static int begin(void **state)
{
	world_begin();
	memset(spaces, 0, sizeof(spaces));
	nr_commons = 0;
	fail_share = 0;
	srandom(7);
	return 0;
}

static int end(void **state)
{
	fail_share = 0;
	page_debug = NULL;
	for (unsigned int i = 0; i < SPACES; i++)
		if (spaces[i].mm)
			mmput(spaces[i].mm);
	world_end();
	return 0;
}

static void start_space(struct space *s)
{
	memset(s->cell, 0, sizeof(s->cell));
	s->mm = mm_alloc();
	assert_true(s->mm || fail_share);
	if (s->mm)
		s->mm->mmap_base = SZ_1G;
}

static unsigned long random_prot(void)
{
	static const unsigned long prots[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
					      PROT_READ, PROT_NONE};

	return prots[rnd(4)];
}

/* What a failed request may have left: only what was there, or nothing. */
static void resync(struct space *s, unsigned int first, unsigned int n)
{
	assert_true(fail_share);
	for (; n--; first++)
		if (!vma_lookup(s->mm, addr_of(first)))
			s->cell[first].mapped = false;
}

static void op_mmap(struct space *s, unsigned int first, unsigned int n)
{
	bool shared = !rnd(3);
	unsigned long prot = random_prot(),
		      ret = vm_mmap_pgoff(
			      s->mm, NULL, addr_of(first), n * PAGE_SIZE, prot,
			      MAP_ANONYMOUS | MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE), 0);

	if (IS_ERR_VALUE(ret)) {
		resync(s, first, n);
		return;
	}
	assert_int_equal(ret, addr_of(first));
	for (; n--; first++) {
		s->cell[first] = (struct cell){.mapped = true, .shared = shared, .prot = prot};
		if (shared) {
			s->cell[first].common = &commons[nr_commons++ % sizeof(commons)];
			*s->cell[first].common = 0;
		}
	}
}

static void op_munmap(struct space *s, unsigned int first, unsigned int n)
{
	if (vm_munmap(s->mm, addr_of(first), n * PAGE_SIZE)) {
		resync(s, first, n);
		return;
	}
	for (; n--; first++)
		s->cell[first].mapped = false;
}

static void op_mprotect(struct space *s, unsigned int first, unsigned int n)
{
	unsigned long prot = random_prot();
	int err = vm_mprotect(s->mm, addr_of(first), n * PAGE_SIZE, prot);

	for (; n--; first++) {
		if (!s->cell[first].mapped) {
			assert_int_equal(err, -ENOMEM);
			return;
		}
		if (err && fail_share) {
			/* As far as it went: areas in front have it, those behind do not. */
			unsigned long now =
				vma_lookup(s->mm, addr_of(first))->vm_flags & VM_ACCESS_FLAGS;

			assert_true(now == prot || now == s->cell[first].prot);
			s->cell[first].prot = now;
			continue;
		}
		s->cell[first].prot = prot;
	}
	assert_true(!err || fail_share);
}

static void op_dontneed(struct space *s, unsigned int first, unsigned int n)
{
	bool hole = false;
	int err = vm_madvise(s->mm, addr_of(first), n * PAGE_SIZE, MADV_DONTNEED);

	for (; n--; first++) {
		hole |= !s->cell[first].mapped;
		if (!s->cell[first].shared)
			s->cell[first].byte = 0;
	}
	assert_int_equal(err, hole ? -ENOMEM : 0);
}

/* A page moves: what is at `to` goes, what was at `from` is there then, and keep leaves an empty one behind. */
static void model_move(struct space *s, unsigned int from, unsigned int to, bool keep)
{
	s->cell[to] = s->cell[from];
	if (!keep)
		s->cell[from].mapped = false;
	else if (!s->cell[from].shared)
		s->cell[from].byte = 0;
}

/* Pages [first, first + n) move to another place in the window, with FIXED. */
static void op_mremap(struct space *s, unsigned int first, unsigned int n)
{
	unsigned int to = (unsigned int)rnd(PAGES - n + 1), i;
	bool keep = !rnd(3);
	const struct vm_area_struct *vma = vma_lookup(s->mm, addr_of(first));
	bool one_area = vma && vma->vm_end >= addr_of(first + n);
	bool meets = to < first + n && first < to + n;
	unsigned long ret = vm_mremap(s->mm, addr_of(first), n * PAGE_SIZE, n * PAGE_SIZE,
				      MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0),
				      addr_of(to));

	if (!vma || meets) {
		assert_int_equal((long)ret, vma ? -EINVAL : -EFAULT);
		return;
	}
	if (IS_ERR_VALUE(ret)) {
		/* By then the place may have been cleared, as in Linux. */
		assert_true(fail_share || ((long)ret == -EFAULT && !one_area));
		for (i = 0; i < n; i++)
			if (!vma_lookup(s->mm, addr_of(to + i)))
				s->cell[to + i].mapped = false;
		return;
	}
	assert_int_equal(ret, addr_of(to));
	for (i = 0; i < n; i++)
		model_move(s, first + i, to + i, keep);
}

/* In place: shorter, or longer where nothing follows. */
static void op_resize(struct space *s, unsigned int first, unsigned int n)
{
	unsigned int want = 1 + (unsigned int)rnd(min(8U, PAGES - first)), i;
	const struct vm_area_struct *vma = vma_lookup(s->mm, addr_of(first));
	bool shared = s->cell[first].shared;
	unsigned long ret = vm_mremap(s->mm, addr_of(first), n * PAGE_SIZE, want * PAGE_SIZE, 0, 0);

	if (!vma)
		assert_int_equal((long)ret, -EFAULT);
	if (IS_ERR_VALUE(ret))
		return;
	for (i = want; i < n; i++)
		s->cell[first + i].mapped = false;
	/* What a shared area grows into its file does not hold; such areas are left alone. */
	for (i = n; i < want; i++)
		s->cell[first + i] = (struct cell){.mapped = true, .prot = s->cell[first].prot};
	if (shared && want > n)
		op_munmap(s, first + n, want - n);
}

static void op_mlock(struct space *s, unsigned int first, unsigned int n)
{
	bool hole = false, denied = false;
	int err;

	for (unsigned int i = 0; i < n; i++) {
		const struct cell *c = &s->cell[first + i];

		hole |= !c->mapped;
		denied |= !hole && !(c->prot & (PROT_READ | PROT_WRITE));
	}
	err = vm_mlock(s->mm, addr_of(first), n * PAGE_SIZE, false);
	assert_true(fail_share || err == (hole || denied ? -ENOMEM : 0));
	err = vm_munlock(s->mm, addr_of(first), n * PAGE_SIZE);
	assert_true(fail_share || err == (hole ? -ENOMEM : 0));
}

static void op_touch(struct space *s, unsigned int page)
{
	struct cell *c = &s->cell[page];
	unsigned char *is = c->shared ? c->common : &c->byte, byte = (unsigned char)rnd(256);
	bool write = rnd(2);
	vm_fault_t ret = access(s->mm, addr_of(page) + 77, write, &byte);

	if (!c->mapped || !(c->prot & (write ? PROT_WRITE : PROT_READ | PROT_WRITE))) {
		assert_int_equal(ret, c->mapped ? VM_FAULT_SIGSEGV | VM_FAULT_BADACCESS
						: VM_FAULT_SIGSEGV);
		return;
	}
	if (ret) {
		assert_true(fail_share && ret & VM_FAULT_OOM);
		return;
	}
	if (write)
		*is = byte;
	else
		assert_int_equal(byte, *is);
}

static void op_fork(void)
{
	struct space *from = &spaces[rnd(SPACES)], *to = &spaces[rnd(SPACES)];

	if (!from->mm || from == to)
		return;
	if (to->mm)
		mmput(to->mm);
	*to = *from;
	to->mm = dup_mm(from->mm);
	assert_true(to->mm || fail_share);
}

static void random_run(unsigned int steps)
{
	for (unsigned int i = 0; i < steps; i++) {
		struct space *s = &spaces[rnd(SPACES)];
		unsigned int first = (unsigned int)rnd(PAGES),
			     n = 1 + (unsigned int)rnd(min(8U, PAGES - first));

		if (!s->mm)
			start_space(s);
		if (!s->mm)
			continue;
		switch (rnd(40)) {
		case 0 ... 3:
			op_mmap(s, first, n);
			break;
		case 4 ... 5:
			op_munmap(s, first, n);
			break;
		case 6 ... 8:
			op_mprotect(s, first, n);
			break;
		case 9:
			op_dontneed(s, first, n);
			break;
		case 10:
			op_fork();
			break;
		case 11 ... 12:
			op_mremap(s, first, n);
			break;
		case 13:
			op_resize(s, first, n);
			break;
		case 14:
			op_mlock(s, first, n);
			break;
		default:
			op_touch(s, first);
		}
		if (i % 8 == 0)
			for (unsigned int k = 0; k < SPACES; k++)
				assert_int_equal(spaces[k].mm ? mm_check(spaces[k].mm) : 0, 0);
	}
}

static void random_programs_see_what_the_model_says(void **state)
{
	random_run(30000);
}

static void a_lack_of_memory_at_any_point_loses_nothing(void **state)
{
	page_debug = &injected;
	fail_share = 30;
	random_run(15000);
}

/* ------------------------------------------------------------------ single things */

static struct mm_struct *one(void)
{
	start_space(&spaces[0]);
	return spaces[0].mm;
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
	spaces[0].mm = NULL;
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

/* ------------------------------------------------------------------ several CPUs */

/* Faults in the fixed part, while the main thread maps and unmaps beside it and forks. */
static void *faulting(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	struct mm_struct *mm = spaces[0].mm;
	unsigned long i = 0;

	be_cpu(cpu);
	while (cpus_go_on() || i < 100) {
		unsigned long addr = SZ_4G + (cpu * 64 + i % 64) * PAGE_SIZE, done;
		u32 value = cpu * 1000000 + (u32)i, back = 0;

		done = access_remote_vm(mm, addr, &value, sizeof(value), true);
		done |= access_remote_vm(mm, addr, &back, sizeof(back), false);
		if (done || back != value)
			return (void *)1;
		i++;
	}
	return NULL;
}

/* A reader comes in while another one is there, and tells; a writer does not. */
static void *reading_beside(void *arg)
{
	be_cpu(1);
	mmap_read_lock(arg);
	mmap_read_unlock(arg);
	return NULL;
}

static unsigned long guarded[2];

/* Writers change both together; nobody sees them differ. */
static void *reading_and_writing(void *arg)
{
	struct mm_struct *mm = spaces[0].mm;
	unsigned long bad = 0;

	be_cpu((unsigned int)(uintptr_t)arg);
	for (unsigned int i = 0; i < 2000; i++) {
		if (i % 4) {
			mmap_read_lock(mm);
			bad += guarded[0] != guarded[1];
			mmap_read_unlock(mm);
		} else if (i % 8 || mmap_write_trylock(mm)) {
			if (i % 8)
				mmap_write_lock(mm);
			bad += guarded[0]++ != guarded[1]++;
			mmap_write_unlock(mm);
		}
	}
	return (void *)bad;
}

static void areas_are_looked_at_by_several_and_changed_by_one(void **state)
{
	struct mm_struct *mm = one();
	pthread_t reader;

	cpus_begin();
	mmap_read_lock(mm);
	assert_false(mmap_write_trylock(mm));
	assert_int_equal(pthread_create(&reader, NULL, reading_beside, mm), 0);
	pthread_join(reader, NULL);
	mmap_read_unlock(mm);
	assert_true(mmap_write_trylock(mm));
	mmap_write_unlock(mm);
	cpus_run(reading_and_writing);
	cpus_join();
	assert_true(guarded[0] >= CPUS * 250UL);
	assert_int_equal(mm->mmap_readers, 0);
	cpus_end();
}

static void faults_go_on_while_areas_change(void **state)
{
	struct mm_struct *mm = one();

	vm_mmap_pgoff(mm, NULL, SZ_4G, CPUS * 2 * 64 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	cpus_begin();
	cpus_run(faulting);
	for (unsigned int i = 0; i < 300; i++) {
		struct mm_struct *child;

		op_mmap(&spaces[0], (unsigned int)rnd(PAGES - 8), 1 + (unsigned int)rnd(8));
		op_munmap(&spaces[0], (unsigned int)rnd(PAGES - 8), 1 + (unsigned int)rnd(8));
		child = dup_mm(mm);
		assert_non_null(child);
		mmput(child);
	}
	cpus_join();
	assert_int_equal(mm_check(mm), 0);
	cpus_end();
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
		TEST(random_programs_see_what_the_model_says),
		TEST(a_lack_of_memory_at_any_point_loses_nothing),
		TEST(areas_are_looked_at_by_several_and_changed_by_one),
		TEST(faults_go_on_while_areas_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
