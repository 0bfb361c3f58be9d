// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/* Random programs with groups and runs of the sizes that come and go, against the model of random_programs.h: all pages held. */
#include "group_world.h"

#define MODEL_PAGES HELD
#include "random_programs.h"

static void look_at_all(struct model *m)
{
	for (unsigned int i = 0; i < HELD; i++) {
		char byte = 0;
		vm_fault_t ret;

		/* What is empty stays so mostly, for groups to come. */
		if (m->page[i].mapped && !m->page[i].byte && random() % 64)
			continue;
		ret = touch(m->mm, page_at_index(i), false, &byte);
		assert_int_equal(!(ret & VM_FAULT_SIGSEGV), m->page[i].mapped);
		if (!ret)
			assert_int_equal(byte, m->page[i].byte);
	}
}

static void step(struct model *models)
{
	struct model *m = some_model(models);
	unsigned int a = (unsigned int)random() % HELD,
		     b = a + 1 + (unsigned int)random() % (HELD - a);
	unsigned long start, len;

	if (!m)
		return;
	/* Often what groups begin and end with. */
	if (random() % 2) {
		a = a / GROUP * GROUP;
		b = DIV_ROUND_UP(b, GROUP) * GROUP;
	}
	start = page_at_index(a);
	len = (b - a) * PAGE_SIZE;
	switch (random() % 14) {
	case 0:
	case 1:
		model_mmap(m, a, b, start, len);
		return;
	case 2:
		if (random() % 3 == 0)
			model_munmap(m, a, b, start, len);
		return;
	case 3:
	case 4:
		model_mprotect(m, a, b, start, len);
		return;
	case 5:
		vm_madvise(m->mm, start, len, MADV_DONTNEED);
		for (unsigned int i = a; i < b; i++)
			m->page[i].byte = 0;
		return;
	case 6:
		model_fork(m, &models[random() % MODELS]);
		return;
	case 7: /* by no page, a group, or a few pages off */
		model_move(m, a, b, start, len,
			   BASE + 8 * HUGE_SIZE +
				   (unsigned long)random() % 2 * (random() % 2 ? GROUP : 3) *
					   PAGE_SIZE);
		return;
	case 8:
		model_migrate(m, a, start);
		return;
	case 9:
		vm_madvise(m->mm, start, len, random() % 2 ? MADV_COLD : MADV_DONTDUMP);
		return;
	case 10:
		for (unsigned int order = 2; order <= CONT_ORDER_HERE + 1; order++)
			enable(order, random() % 2 ? THP_SIZE_ALWAYS : THP_SIZE_NEVER);
		return;
	default:
		b = a + (random() % 2 ? 1 : GROUP);
		for (unsigned int i = a; i < b && i < HELD; i++)
			model_write(m, i, page_at_index(i));
	}
}

#define SEEDS (PAGE_SHIFT == 12 ? 20U : 2U)

static void random_programs_see_what_the_model_says(void **state)
{
	long allocated = mthp_stat(CONT_ORDER_HERE, MTHP_ANON_FAULT_ALLOC);

	watched = false;
	run_seeds(1, SEEDS, 400, 0);
	assert_true(mthp_stat(CONT_ORDER_HERE, MTHP_ANON_FAULT_ALLOC) - allocated > 5 * SEEDS);
}

static void a_lack_of_memory_at_any_point_loses_nothing(void **state)
{
	watched = false;
	run_seeds(1001, SEEDS, 400, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_programs_see_what_the_model_says),
		TEST(a_lack_of_memory_at_any_point_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
