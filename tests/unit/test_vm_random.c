// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/*
 * Random programs against a model that knows, for each page of a window, whether it is mapped, how, and one byte of what is in it. Accesses
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_programs_see_what_the_model_says),
		TEST(a_lack_of_memory_at_any_point_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
