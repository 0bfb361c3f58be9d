// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Random programs with blocks, against the model of random_programs.h, which knows a few pages of each block. */
#include "huge_world.h"

#define TOTAL (BLOCKS * SAMPLES)
#define MODEL_PAGES TOTAL
#include "random_programs.h"

static const unsigned long sample[SAMPLES] = {
	0, 1, HUGE_PAGES / 2 - 1, HUGE_PAGES / 2, HUGE_PAGES - 2, HUGE_PAGES - 1};

static unsigned long sample_addr(unsigned int i)
{
	return page_of(i / SAMPLES, sample[i % SAMPLES]);
}

/* Where the pages from the i-th sample on begin, so that ranges have all pages of the samples that they hold. */
static unsigned long bound(unsigned int i)
{
	return i == TOTAL ? BASE + BLOCKS * HUGE_SIZE : sample_addr(i);
}

static void look_at_all(struct model *m)
{
	for (unsigned int i = 0; i < TOTAL; i++) {
		char byte = 0;
		vm_fault_t ret = touch(m->mm, sample_addr(i), false, &byte);

		assert_int_equal(!(ret & VM_FAULT_SIGSEGV), m->page[i].mapped);
		if (ret)
			continue;
		if (m->page[i].lazy && !byte) {
			m->page[i].lazy = false;
			m->page[i].byte = 0;
		}
		assert_int_equal(byte, m->page[i].byte);
	}
}

/* Drop, or let go, or take what may go: [a, b), which are at start. */
static void advise(struct model *m, unsigned int a, unsigned int b, unsigned long start,
		   unsigned long len)
{
	static const int advices[] = {MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT};
	int advice = advices[random() % 3];

	vm_madvise(m->mm, start, len, advice);
	for (unsigned int i = a; advice != MADV_PAGEOUT && i < b; i++) {
		m->page[i].lazy = advice == MADV_FREE;
		if (advice == MADV_DONTNEED)
			m->page[i].byte = 0;
	}
}

/* To the same place in other blocks of the window. */
static void move_within(struct model *m, unsigned int a, unsigned int b, unsigned long start,
			unsigned long len)
{
	unsigned int to = (a % SAMPLES) + (unsigned int)random() % BLOCKS * SAMPLES;
	bool keep = random() % 4 == 0;
	unsigned long at, there = bound(to);

	if (to + (b - a) > TOTAL || (there < start + len && start < there + len))
		return;
	at = vm_mremap(m->mm, start, len, len,
		       MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0), there);
	for (unsigned int i = 0; i < b - a; i++) {
		if (at == there) {
			assert_true(m->page[a + i].mapped);
			m->page[to + i] = m->page[a + i];
			m->page[a + i].mapped = keep;
			m->page[a + i].lazy = false;
			m->page[a + i].byte = 0;
			continue;
		}
		assert_true(fail_share || (long)at == -EFAULT);
		/* By then the place may have been cleared, as in Linux. */
		if (!vma_lookup(m->mm, bound(to + i))) {
			m->page[to + i].mapped = m->page[to + i].lazy = false;
			m->page[to + i].byte = 0;
		}
	}
}

static void step(struct model *models)
{
	struct model *m = some_model(models);
	unsigned int a = (unsigned int)random() % TOTAL,
		     b = a + 1 + (unsigned int)random() % (TOTAL - a);
	unsigned long start = bound(a), len = bound(b) - start;
	unsigned long what = (unsigned long)random() % 13;

	if (!m)
		return;
	/* Often whole blocks; new memory mostly, or there would be none. */
	if (random() % 8 < (what < 2 ? 7 : 4)) {
		a = a / SAMPLES * SAMPLES;
		b = (b + SAMPLES - 1) / SAMPLES * SAMPLES;
		start = bound(a);
		len = bound(b) - start;
	}
	switch (what) {
	case 0:
	case 1:
		model_mmap(m, a, b, start, len);
		return;
	case 2:
		if (random() % 3 == 0)
			model_munmap(m, a, b, start, len);
		return;
	case 3:
		model_mprotect(m, a, b, start, len);
		return;
	case 4:
		advise(m, a, b, start, len);
		return;
	case 5:
		model_fork(m, &models[random() % MODELS]);
		return;
	case 6: /* a block or part of one */
		model_move(m, a, b, start, len,
			   BASE + 8 * HUGE_SIZE + (random() % 2 ? 0 : PAGE_SIZE));
		return;
	case 7:
		thp_use_zero_page = PAGE_SHIFT < 16 && random() % 8 == 0;
		if (random() % 3 == 0)
			vm_madvise(m->mm, start, len, MADV_COLLAPSE);
		vm_madvise(m->mm, start, len, random() % 2 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
		return;
	case 8:
		model_migrate(m, a, start);
		return;
	case 9:
		move_within(m, a, b, start, len);
		return;
	default:
		model_write(m, a, sample_addr(a));
	}
}

#define SEEDS (PAGE_SHIFT == 12 ? 20U : PAGE_SHIFT == 14 ? 4U : 1U)

static void random_programs_see_what_the_model_says(void **state)
{
	unsigned long allocated = event(THP_FAULT_ALLOC), split = event(THP_SPLIT_PMD);

	run_seeds(1, SEEDS, 300, 0);
	/* It was about blocks; of the largest there is room for few. */
	assert_true(event(THP_FAULT_ALLOC) - allocated > (PAGE_SHIFT == 16 ? 0 : 5 * SEEDS));
	assert_true(event(THP_SPLIT_PMD) - split > (PAGE_SHIFT == 16 ? 0 : 2 * SEEDS));
}

static void a_lack_of_memory_at_any_point_loses_nothing(void **state)
{
	run_seeds(1001, SEEDS, 300, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_programs_see_what_the_model_says),
		TEST(a_lack_of_memory_at_any_point_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
