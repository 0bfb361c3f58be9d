// SPDX-License-Identifier: MIT
/* links: mm/kmem/percpu.c mm/kmem/percpu_chunk.c mm/kmem/percpu_check.c mm/kmem/percpu_setup.c */
/* granules: 12 14 16 */
/* cflags: -D__per_cpu_start=__start_quire_percpu -D__per_cpu_end=__stop_quire_percpu */
/*
 * Per-CPU memory against a model, step by step: random sizes, alignments, contexts, failures and shrinking. After each step the check
 * passes, and objects, chunks and pages are as many as the model says.
 */
#include "percpu_world.h"

static u64 seed;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 16) % n);
}

#define OBJECTS 600
static struct object {
	char *p;
	size_t size;
	bool reserved;
} have[OBJECTS];
static unsigned int live;

static void fill(const struct object *o)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		memset(per_cpu_ptr(o->p, cpu), (int)(1 + (o - have) % 251 + cpu), o->size);
}

static void assert_filled(const struct object *o)
{
	unsigned int cpu;
	size_t i;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		const unsigned char *p = (const unsigned char *)per_cpu_ptr(o->p, cpu);

		for (i = 0; i < o->size; i++)
			if (p[i] != (unsigned char)(1 + (o - have) % 251 + cpu))
				fail_msg("object %td of %zu bytes, CPU %u, byte %zu", o - have,
					 o->size, cpu, i);
	}
}

static void new_object_is_apart(const struct object *o, size_t align)
{
	const struct object *other;
	unsigned int cpu;
	size_t i;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		const char *p = per_cpu_ptr(o->p, cpu);

		assert_true(IS_ALIGNED((unsigned long)p, align));
		for (i = 0; i < o->size; i++)
			assert_int_equal(p[i], 0);
		assert_false(is_kernel_percpu_address((unsigned long)p));
	}
	for (other = have; other < have + OBJECTS; other++)
		if (other != o && other->p && other->p < o->p + o->size &&
		    o->p < other->p + other->size)
			fail_msg("%zu bytes at %p lie in %zu at %p", o->size, (void *)o->p,
				 other->size, (void *)other->p);
}

/* Counts are what is there; everything that was asked for and is not held any more has been given back. */
static void counts_agree(void)
{
	struct pcpu_stats stats;
	unsigned int i;
	size_t least = 0;

	assert_int_equal(pcpu_check(), 0);
	pcpu_get_stats(&stats);
	for (i = 0; i < OBJECTS; i++)
		least += have[i].p ? have[i].size : 0;
	assert_int_equal(stats.objects, live);
	assert_true(stats.allocated >= least);
	assert_int_equal(areas_out, stats.chunks - 1);
	assert_int_equal(blocks_out, stats.chunks - 1);
	assert_int_equal(pages_out * (long)PAGE_SIZE,
			 (long)((stats.populated - stats.unit_size) * nr_cpus_possible));
}

static size_t random_size(void)
{
	switch (rnd(8)) {
	case 0:
		return 1 + rnd(PCPU_MAX_ALLOC);
	case 1:
	case 2:
		return 1 + rnd(4096);
	default:
		return 1 + rnd(256);
	}
}

static void step(struct object *o, bool may_fail)
{
	size_t align = 1UL << rnd(rnd(4) ? 5 : PAGE_SHIFT + 1);
	bool atomic = !rnd(6);

	if (o->p) {
		assert_filled(o);
		free_percpu(o->p);
		o->p = NULL;
		live--;
		return;
	}
	o->size = random_size();
	o->reserved = !rnd(10);
	fail_in = may_fail && !rnd(3) ? 1 + rnd(6) : 0;
	if (o->reserved)
		o->p = __alloc_reserved_percpu(o->size, align);
	else
		o->p = __alloc_percpu_gfp(o->size, align,
					  (atomic ? GFP_ATOMIC : GFP_KERNEL) | __GFP_NOWARN);
	if (!o->p) {
		/* Nobody refused a page: then only who may not ask for any is turned down. */
		assert_true(o->reserved || atomic || (may_fail && !fail_in));
		fail_in = 0;
		return;
	}
	fail_in = 0;
	live++;
	new_object_is_apart(o, align);
	fill(o);
}

static void random_walk(unsigned int cpus, const int *nodes, unsigned int steps, bool may_fail)
{
	unsigned int i, most = 1, target = OBJECTS;
	struct pcpu_stats stats;

	machine(cpus, nodes);
	memset(have, 0, sizeof(have));
	live = 0;
	seed = 88172645463325252ULL + cpus;
	for (i = 0; i < steps; i++) {
		/* The population goes up and down, so that chunks come and go. */
		if (i % 1500 == 0)
			target = i % 3000 ? 20 : OBJECTS;
		step(&have[rnd(OBJECTS)], may_fail);
		if (live > target) {
			struct object *o = &have[rnd(OBJECTS)];

			if (o->p)
				step(o, may_fail);
		}
		if (!rnd(97))
			pcpu_shrink();
		counts_agree();
		pcpu_get_stats(&stats);
		most = max(most, stats.chunks);
	}
	assert_true(most > 3);
	for (i = 0; i < OBJECTS; i++)
		if (have[i].p)
			step(&have[i], false);
	/* Without being asked it has kept one empty chunk at most. */
	counts_agree();
	pcpu_get_stats(&stats);
	assert_true(stats.chunks <= 2);
	nothing_is_left();
}

static void one_cpu(void **state)
{
	random_walk(1, NULL, 9000, false);
}

static void cpus_of_three_nodes(void **state)
{
	static const int nodes[] = {0, 1, 0, 2};

	random_walk(4, nodes, 6000, false);
}

static void memory_that_is_refused_now_and_then(void **state)
{
	static const int nodes[] = {0, 1};

	random_walk(2, nodes, 9000, true);
}

/* ------------------------------------------------------------------ growing and shrinking, page by page */

static unsigned int nr_chunks_now(void)
{
	struct pcpu_stats stats;

	pcpu_get_stats(&stats);
	return stats.chunks;
}

static void chunks_go_when_two_are_empty(void **state)
{
	static void *p[64];
	unsigned int n = 0;

	machine(2, NULL);
	/* Three chunks beside the first, each of large objects. */
	while (nr_chunks_now() < 4)
		assert_non_null(p[n++] = __alloc_percpu(16384, 8));
	while (n > 1 && nr_chunks_now() == 4)
		free_percpu(p[--n]);
	/* The third is empty, the second has become so: one of the two went. */
	assert_int_equal(nr_chunks_now(), 3);
	assert_int_equal(pcpu_check(), 0);
	while (n)
		free_percpu(p[--n]);
	assert_int_equal(nr_chunks_now(), 2);
	nothing_is_left();
}

static void pages_between_objects_are_given_back_and_come_again(void **state)
{
	enum { N = 400 };
	static char *p[N];
	unsigned int i;
	long before;

	machine(2, NULL);
	for (i = 0; i < N; i++)
		assert_non_null(p[i] = __alloc_percpu(512, 8));
	before = pages_out;
	/* All but every 32nd: with 4 KiB pages three of four are free. */
	for (i = 0; i < N; i++)
		if (i % 32) {
			free_percpu(p[i]);
			p[i] = NULL;
		} else {
			memset(per_cpu_ptr(p[i], 0), 0x11, 512);
			memset(per_cpu_ptr(p[i], 1), 0x22, 512);
		}
	pcpu_shrink();
	assert_int_equal(pcpu_check(), 0);
	if (PAGE_SIZE == 4096)
		assert_true(pages_out < before / 2);
	/* The same addresses again: the double of the page tables wants the TLBs flushed in between. */
	for (i = 0; i < N; i++)
		if (!p[i])
			assert_non_null(p[i] = __alloc_percpu(512, 8));
	assert_int_equal(pcpu_check(), 0);
	for (i = 0; i < N; i++) {
		if (i % 32 == 0) {
			assert_int_equal(per_cpu_ptr(p[i], 0)[511], 0x11);
			assert_int_equal(per_cpu_ptr(p[i], 1)[0], 0x22);
		}
		free_percpu(p[i]);
	}
	nothing_is_left();
}

static void the_check_finds_planted_errors(void **state)
{
	struct pcpu_chunk *c;
	struct pcpu_cell *small, *large;
	char *p, *q;

	machine(2, NULL);
	p = __alloc_percpu(24, 8);
	q = __alloc_percpu(3000, 8);
	c = pcpu_chunks;
	small = &c->cell[((unsigned long)p - c->addr) / CELL];
	large = &c->cell[((unsigned long)q - c->addr) / CELL];
	assert_int_equal(pcpu_check(), 0);
#define BROKEN(broken, mended)                                                                     \
	do {                                                                                       \
		broken;                                                                            \
		assert_true(pcpu_check() > 0);                                                     \
		mended;                                                                            \
		assert_int_equal(pcpu_check(), 0);                                                 \
	} while (0)
	BROKEN(c->objects++, c->objects--);
	BROKEN(c->free_cells++, c->free_cells--);
	BROKEN(c->longest = 1, c->longest = pcpu_nr_cells);
	BROKEN(pcpu_allocated += 8, pcpu_allocated -= 8);
	BROKEN(pcpu_nr_chunks++, pcpu_nr_chunks--);
	BROKEN(small->free |= 1ULL << 63, small->free &= ~(1ULL << 63));
	BROKEN(small->kind++, small->kind--);
	BROKEN(large[1].kind = CELL_FREE, large[1].kind = CELL_BODY);
	BROKEN(large->free++, large->free--);
	BROKEN(c->populated = 0, c->populated = ~0ULL);
	BROKEN(c->first_free = pcpu_nr_cells, c->first_free = 0);
#undef BROKEN
	free_percpu(p);
	free_percpu(q);
	nothing_is_left();
}

static void copies_have_physical_addresses(void **state)
{
	char *p, *big[64];
	unsigned int n = 0, cpu;

	machine(2, NULL);
	p = __alloc_percpu(24, 8);
	for (cpu = 0; cpu < 2; cpu++)
		assert_int_equal(per_cpu_ptr_to_phys(per_cpu_ptr(p, cpu)),
				 virt_to_phys(per_cpu_ptr(p, cpu)));
	while (nr_chunks_now() < 2)
		assert_non_null(big[n++] = __alloc_percpu(5000, 8));
	for (cpu = 0; cpu < 2; cpu++) {
		char *at = per_cpu_ptr(big[n - 1], cpu) + 4321;

		assert_true(is_vmalloc_addr(at));
		assert_int_equal(per_cpu_ptr_to_phys(at),
				 page_to_phys(vmalloc_to_page(at)) + (unsigned long)at % PAGE_SIZE);
	}
	while (n)
		free_percpu(big[--n]);
	free_percpu(p);
	nothing_is_left();
}

/* What Linux 6.12 printed: "percpu: Embedded 34 pages/cpu s99672 r8192 d31400 u139264". */
static void units_are_sized_as_recorded_from_linux(void **state)
{
	static const struct {
		unsigned int page_shift, pages;
		size_t s, r, d, u;
	} recorded[] = {
		{12, 34, 99672, 8192, 31400, 139264},
		{12, 34, 101464, 8192, 29608, 139264},
		{14, 15, 199960, 8192, 37608, 245760},
	};
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(recorded); i++) {
		struct pcpu_layout l;

		if (recorded[i].page_shift != PAGE_SHIFT)
			continue;
		pcpu_size_units(&l, recorded[i].s);
		assert_int_equal(l.reserved_size, recorded[i].r);
		assert_int_equal(l.dyn_size, recorded[i].d);
		assert_int_equal(l.unit_size, recorded[i].u);
		assert_int_equal(l.unit_size / PAGE_SIZE, recorded[i].pages);
		n++;
	}
	if (!n) {
		print_message("no boot of Linux with 64 KiB pages was recorded with this line\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_sized_as_recorded_from_linux),
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(cpus_of_three_nodes),
		cmocka_unit_test(memory_that_is_refused_now_and_then),
		cmocka_unit_test(chunks_go_when_two_are_empty),
		cmocka_unit_test(the_check_finds_planted_errors),
		cmocka_unit_test(copies_have_physical_addresses),
		cmocka_unit_test(pages_between_objects_are_given_back_and_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
