// SPDX-License-Identifier: MIT
/* links: mm/kmem/percpu.c mm/kmem/percpu_chunk.c mm/kmem/percpu_check.c mm/kmem/percpu_setup.c */
/* granules: 12 14 16 */
/* cflags: -D__per_cpu_start=__start_quire_percpu -D__per_cpu_end=__stop_quire_percpu */
/*
 * Per-CPU memory: every CPU's copy is its own and keeps its contents; chunks come and go with every page; nothing is lost when
 * memory is refused. Memblock, pages and the vmalloc area are doubles over one arena.
 */
#include "percpu_world.h"

#include <pthread.h>
#include <signal.h>

static void static_variables_are_copied_for_every_cpu(void **state)
{
	unsigned int cpu;

	machine(4, NULL);
	for (cpu = 0; cpu < 4; cpu++) {
		assert_int_equal(per_cpu(counter, cpu), 42);
		assert_true(IS_ALIGNED((unsigned long)per_cpu_ptr(&__per_cpu_start[0], cpu),
				       PAGE_SIZE));
		assert_true(IS_ALIGNED((unsigned long)per_cpu_ptr(&wide, cpu), L1_CACHE_BYTES));
		assert_true(is_kernel_percpu_address((unsigned long)per_cpu_ptr(&counter, cpu)));
		per_cpu(counter, cpu) = (int)cpu;
	}
	assert_false(
		is_kernel_percpu_address((unsigned long)arena + 3 * pcpu_layout.unit_size / 2));
	for (cpu = 0; cpu < 4; cpu++)
		assert_int_equal(per_cpu(counter, cpu), cpu);
	assert_int_equal(this_cpu_read(counter), 0);
	this_cpu_add(counter, 5);
	assert_int_equal(this_cpu_inc_return(counter), 6);
	assert_int_equal(this_cpu_xchg(counter, 9), 6);
	assert_int_equal(this_cpu_cmpxchg(counter, 8, 1), 9);
	assert_int_equal(this_cpu_cmpxchg(counter, 9, 1), 9);
	assert_int_equal(per_cpu(counter, 0), 1);
	assert_int_equal(per_cpu(counter, 1), 1);
	counter = 42;
	nothing_is_left();
}

/* A signal is this CPU's interrupt. */
static unsigned int interrupts;
static pthread_t interrupted;

static void interrupt(int sig)
{
	this_cpu_inc(counter);
	__atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
}

static void *interrupter(void *arg)
{
	unsigned int i, seen;

	for (i = 0; i < 3000; i++) {
		seen = __atomic_load_n(&interrupts, __ATOMIC_RELAXED);
		pthread_kill(interrupted, SIGUSR1);
		while (__atomic_load_n(&interrupts, __ATOMIC_RELAXED) == seen)
			port_cpu_relax();
	}
	return NULL;
}

static void an_operation_is_one_step_to_interrupts(void **state)
{
	pthread_t thread;
	int mine = 0;

	machine(2, NULL);
	interrupts = 0;
	interrupted = pthread_self();
	signal(SIGUSR1, interrupt);
	this_cpu_write(counter, 0);
	pthread_create(&thread, NULL, interrupter, NULL);
	while (__atomic_load_n(&interrupts, __ATOMIC_RELAXED) < 3000) {
		this_cpu_inc(counter);
		this_cpu_add(counter, 3);
		this_cpu_sub(counter, 2);
		this_cpu_dec(counter);
		mine++;
		this_cpu_inc(counter);
	}
	pthread_join(thread, NULL);
	assert_int_equal(this_cpu_read(counter), mine * 2 + 3000);
	nothing_is_left();
}

static void cpus_of_a_node_lie_together(void **state)
{
	static const int two[] = {0, 1, 0, 1, 1, 0};
	const struct pcpu_layout *l = &pcpu_layout;
	unsigned int cpu;

	machine(6, two);
	assert_int_equal(l->nr_groups, 2);
	assert_int_equal(l->group_size[0], 3 * l->unit_size);
	assert_int_equal(l->group_offset[0], 0);
	for (cpu = 0; cpu < 6; cpu++) {
		unsigned long group = l->group_offset[two[cpu]];

		assert_true(l->unit_offset[cpu] - group < l->group_size[two[cpu]]);
	}
	nothing_is_left();
}

struct object {
	char *p;
	size_t size;
};

static void fill(const struct object *o, unsigned int seed)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		memset(per_cpu_ptr(o->p, cpu), (int)(seed + cpu * 17), o->size);
}

static void assert_filled(const struct object *o, unsigned int seed)
{
	unsigned int cpu;
	size_t i;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		for (i = 0; i < o->size; i++)
			assert_int_equal((unsigned char)per_cpu_ptr(o->p, cpu)[i],
					 (unsigned char)(seed + cpu * 17));
}

static void assert_zero(const struct object *o)
{
	unsigned int cpu;
	size_t i;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		for (i = 0; i < o->size; i++)
			assert_int_equal(per_cpu_ptr(o->p, cpu)[i], 0);
}

static void random_objects_keep_every_cpus_contents(void **state)
{
	static const int nodes[] = {0, 0, 1};
	static struct object have[700];
	unsigned int i, x = 7, grown = 0;
	struct pcpu_stats stats;

	machine(3, nodes);
	memset(have, 0, sizeof(have));
	for (i = 0; i < 30000; i++) {
		struct object *o;
		size_t align;

		x = x * 1103515245 + 12345;
		o = &have[(x >> 8) % ARRAY_SIZE(have)];
		if (o->p) {
			assert_filled(o, (unsigned int)(o - have));
			free_percpu(o->p);
			o->p = NULL;
			continue;
		}
		align = 1UL << (x >> 20) % 8;
		o->size = 1 + (x >> 12) % ((x >> 28) ? 300 : 5000);
		o->p = __alloc_percpu(o->size, align);
		assert_non_null(o->p);
		assert_true(IS_ALIGNED((unsigned long)per_cpu_ptr(o->p, 2), align));
		assert_zero(o);
		fill(o, (unsigned int)(o - have));
		if (i % 3001 == 0) {
			assert_int_equal(pcpu_check(), 0);
			pcpu_get_stats(&stats);
			grown = max(grown, stats.chunks);
			pcpu_shrink();
		}
	}
	assert_true(grown > 1);
	for (i = 0; i < ARRAY_SIZE(have); i++)
		free_percpu(have[i].p);
	nothing_is_left();
}

/* Linux takes any alignment below its least, 4, for that. */
static void no_alignment_is_the_least(void **state)
{
	static const size_t sizes[] = {1, 8, 24, 256, 257, 3000};
	unsigned int i, align;

	machine(2, NULL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (align = 0; align < 4; align++) {
			void *p = __alloc_percpu(sizes[i], align);

			assert_non_null(p);
			assert_true(IS_ALIGNED((unsigned long)p, 4));
			free_percpu(p);
		}
	assert_null(__alloc_percpu_gfp(8, 5, GFP_KERNEL | __GFP_NOWARN));
	nothing_is_left();
}

static void objects_do_not_overlap(void **state)
{
	static const size_t sizes[] = {1, 8, 9, 24, 33, 64, 65, 128, 200, 256, 257, 512, 513, 4096};
	static struct object have[14 * 40];
	unsigned int i, k;

	machine(2, NULL);
	for (i = 0; i < ARRAY_SIZE(have); i++) {
		have[i].size = sizes[i % 14];
		have[i].p = __alloc_percpu(have[i].size, 1);
		for (k = 0; k < i; k++)
			assert_true(have[i].p + have[i].size <= have[k].p ||
				    have[k].p + have[k].size <= have[i].p);
	}
	for (i = 0; i < ARRAY_SIZE(have); i++)
		free_percpu(have[i].p);
	nothing_is_left();
}

static void what_is_refused(void **state)
{
	char *p;

	machine(1, NULL);
	assert_null(__alloc_percpu(0, 8));
	assert_null(__alloc_percpu(8, 5));
	assert_null(__alloc_percpu(8, 2 * PAGE_SIZE));
	assert_null(__alloc_percpu(PCPU_MAX_ALLOC + 1, 8));
	p = __alloc_percpu(PCPU_MAX_ALLOC, 8);
	assert_non_null(p);
	free_percpu(p);
	free_percpu(NULL);
	p = (char *)alloc_percpu(u64);
	free_percpu(p + 1);
	free_percpu(p + 8);
	free_percpu(&counter);
	free_percpu(p);
	/* Twice. */
	free_percpu(p);
	assert_int_equal(pcpu_check(), 0);
	pcpu_shrink();
	/* Without sleeping: what the first chunk has, and no more. */
	{
		void *q[2000], *none;
		unsigned int n = 0;

		while (n < ARRAY_SIZE(q) &&
		       (q[n] = __alloc_percpu_gfp(256, 8, GFP_ATOMIC | __GFP_NOWARN)))
			n++;
		assert_in_range(n, 50, ARRAY_SIZE(q) - 1);
		assert_int_equal(areas_out, 0);
		none = __alloc_percpu_gfp(256, 8, GFP_KERNEL);
		assert_non_null(none);
		free_percpu(none);
		while (n)
			free_percpu(q[--n]);
	}
	nothing_is_left();
}

static void the_reserve_is_apart(void **state)
{
	char *p, *q;

	machine(2, NULL);
	p = __alloc_reserved_percpu(4096, 8);
	q = __alloc_reserved_percpu(64, 64);
	assert_non_null(p);
	assert_non_null(q);
	assert_null(__alloc_reserved_percpu(PERCPU_MODULE_RESERVE, 8));
	free_percpu(p);
	free_percpu(q);
	nothing_is_left();
}

static void every_failure_is_undone(void **state)
{
	unsigned int n, failures = 0;

	machine(3, NULL);
	for (n = 1; n < 2000; n++) {
		static void *p[300];
		unsigned int i, missing = 0;

		fail_in = n;
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = __alloc_percpu_gfp(1024, 8, GFP_KERNEL | __GFP_NOWARN);
			missing += !p[i];
		}
		assert_true(missing <= 1);
		failures += missing;
		assert_int_equal(pcpu_check(), 0);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			free_percpu(p[i]);
		if (fail_in)
			break;
		nothing_is_left();
	}
	fail_in = 0;
	assert_true(n < 2000 && failures > 20);
	nothing_is_left();
}

static void *thread(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, i;
	u64 *p[32] = {NULL};

	port_set_cpu(cpu, per_cpu_offset(cpu));
	for (i = 0; i < 20000; i++) {
		unsigned int k = (i * 7 + cpu) % 32;

		if (p[k]) {
			assert_int_equal(*this_cpu_ptr(p[k]), k + 100 * cpu);
			free_percpu(p[k]);
			p[k] = NULL;
		} else {
			p[k] = __alloc_percpu(8 + k * 40, 8);
			*this_cpu_ptr(p[k]) = k + 100 * cpu;
		}
		if (i % 500 == 0)
			pcpu_shrink();
	}
	for (i = 0; i < 32; i++)
		free_percpu(p[i]);
	return NULL;
}

static void several_cpus(void **state)
{
	pthread_t t[3];
	unsigned int i;

	machine(3, NULL);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)i), 0);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	nothing_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_variables_are_copied_for_every_cpu),
		cmocka_unit_test(an_operation_is_one_step_to_interrupts),
		cmocka_unit_test(cpus_of_a_node_lie_together),
		cmocka_unit_test(random_objects_keep_every_cpus_contents),
		cmocka_unit_test(no_alignment_is_the_least),
		cmocka_unit_test(objects_do_not_overlap),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(the_reserve_is_apart),
		cmocka_unit_test(every_failure_is_undone),
		cmocka_unit_test(several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
