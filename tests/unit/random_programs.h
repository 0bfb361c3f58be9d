/* SPDX-License-Identifier: MIT */
/*
 * Random programs in three address spaces that fork into each other, against a model that knows some pages: whether they are mapped, may be written,
 * and a byte of each. Which pages these are, and what a program does, is the test's: MODEL_PAGES and thp_world.h before this header, step() and
 * look_at_all() behind it. A range of the model is [a, b) of its pages and [start, start + len) of addresses.
 */
#ifndef TESTS_RANDOM_PROGRAMS_H
#define TESTS_RANDOM_PROGRAMS_H

#define MODELS 3U
struct model {
	struct mm_struct *mm;
	struct {
		bool mapped, write;
		bool lazy; /* MADV_FREE since it was written: it may be 0 */
		char byte;
	} page[MODEL_PAGES];
};

static void step(struct model *models);
/* Reads what the model knows, and fails when something else is there. */
static void look_at_all(struct model *m);

/* One that there is, or NULL: there is none. */
static struct model *some_model(struct model *models)
{
	struct model *m = &models[random() % MODELS];

	if (!m->mm)
		m = &models[0];
	return m->mm ? m : NULL;
}

/* Empty pages, or none. */
static void model_set(struct model *m, unsigned int a, unsigned int b, bool mapped)
{
	for (unsigned int i = a; i < b; i++) {
		m->page[i].mapped = m->page[i].write = mapped;
		m->page[i].lazy = false;
		m->page[i].byte = 0;
	}
}

static bool model_has(const struct model *m, unsigned int a, unsigned int b)
{
	for (unsigned int i = a; i < b; i++)
		if (!m->page[i].mapped)
			return false;
	return true;
}

static void model_mmap(struct model *m, unsigned int a, unsigned int b, unsigned long start,
		       unsigned long len)
{
	if (IS_ERR_VALUE(vm_mmap_pgoff(m->mm, NULL, start, len, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0)))
		assert_true(fail_share);
	else
		model_set(m, a, b, true);
}

static void model_munmap(struct model *m, unsigned int a, unsigned int b, unsigned long start,
			 unsigned long len)
{
	if (vm_munmap(m->mm, start, len))
		assert_true(fail_share);
	else
		model_set(m, a, b, false);
}

static void model_mprotect(struct model *m, unsigned int a, unsigned int b, unsigned long start,
			   unsigned long len)
{
	bool write = random() % 2;
	int err;

	if (!model_has(m, a, b))
		return;
	/* What allows nothing in between is the same memory afterwards. */
	if (random() % 3 == 0 && vm_mprotect(m->mm, start, len, PROT_NONE))
		assert_true(fail_share);
	do
		err = vm_mprotect(m->mm, start, len, PROT_READ | (write ? PROT_WRITE : 0));
	while (err && fail_share);
	assert_int_equal(err, 0);
	for (unsigned int i = a; i < b; i++)
		m->page[i].write = write;
}

/* To `away`, where nothing is, and back. */
static void model_move(struct model *m, unsigned int a, unsigned int b, unsigned long start,
		       unsigned long len, unsigned long away)
{
	unsigned long at;

	for (unsigned int i = a; i < b; i++)
		if (!m->page[i].mapped || m->page[i].write != m->page[a].write)
			return;
	at = vm_mremap(m->mm, start, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away);
	assert_true(at == away || fail_share || (long)at == -EFAULT);
	if (at != away)
		return;
	at = vm_mremap(m->mm, away, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, start);
	if (at == start)
		return;
	assert_true(fail_share);
	assert_int_equal(vm_munmap(m->mm, away, len), 0);
	model_set(m, a, b, false);
}

static void model_fork(struct model *m, struct model *to)
{
	if (to == m)
		return;
	if (to->mm)
		mmput(to->mm);
	to->mm = dup_mm(m->mm);
	assert_true(to->mm || fail_share);
	if (to->mm)
		memcpy(to->page, m->page, sizeof(to->page));
}

/* Another page takes the place of page i of the model, which is at addr. */
static void model_migrate(struct model *m, unsigned int i, unsigned long addr)
{
	struct page *page = m->page[i].mapped ? get_user_page(m->mm, addr, false) : NULL;

	if (!page)
		return;
	user_page_put(page);
	move(page, MIGRATE_SYNC);
}

static void model_write(struct model *m, unsigned int i, unsigned long addr)
{
	char byte = (char)(1 + random() % 100);
	vm_fault_t ret = touch(m->mm, addr, true, &byte);

	if (ret & VM_FAULT_OOM)
		assert_true(fail_share);
	else
		assert_int_equal(!ret, m->page[i].mapped && m->page[i].write);
	if (ret)
		return;
	m->page[i].byte = byte;
	m->page[i].lazy = false;
}

static void run_random(unsigned int seed, unsigned int steps)
{
	struct model models[MODELS] = {{.mm = mm}};

	srandom(seed);
	for (unsigned int i = 0; i < steps; i++) {
		step(models);
		if (i % 16)
			continue;
		for (unsigned int k = 0; k < MODELS; k++) {
			unsigned int share = fail_share;

			if (!models[k].mm)
				continue;
			fail_share = 0;
			look_at_all(&models[k]);
			fail_share = share;
			if (i % 64 == 0)
				assert_int_equal(mm_check(models[k].mm), 0);
		}
	}
	fail_share = 0;
	mm = models[0].mm ? models[0].mm : mm_alloc();
	for (unsigned int k = 1; k < MODELS; k++)
		if (models[k].mm)
			mmput(models[k].mm);
}

/* Programs from the seed `first` on, each of which begins with nothing; share: how many of a thousand requests for memory fail. */
static void run_seeds(unsigned int first, unsigned int seeds, unsigned int steps,
		      unsigned int share)
{
	page_debug = share ? &injected : NULL;
	for (unsigned int i = 0; i < seeds; i++) {
		fail_share = share;
		run_random(first + i, steps);
		mmput(mm);
		mm = mm_alloc();
	}
}

#endif
