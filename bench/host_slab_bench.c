// SPDX-License-Identifier: MIT
/*
 * kmalloc and kfree in a process beside user-space allocators: the same loops on one thread and on two.
 *
 *   host_slab_bench quire [THREADS]  kmalloc over the real page allocator, on one thread up to THREADS (2)
 *   host_slab_bench NAME [THREADS]   malloc of the process: run it with LD_PRELOAD=libNAME.so
 *
 * Each is called as a shared library is, by an address from a table, with a size that is not known when the loop is compiled; and Quire
 * is compiled as shared libraries are (mk/bench.mk).
 *
 * A line a row: NAME, operation, threads, ns a pair, the least of the samples and their median. A sample is the wall-clock time from
 * where the last thread arrives until the last one has ended; it is short, a fraction of a scheduler's slice, so that some are
 * not disturbed on a machine that others use. run_bench.sh runs the allocators in turn, several times.
 */
#include "tests/unit/page_world.h"

#include <pthread.h>
#include <sched.h>
#include <quire/slab.h>
#include <time.h>

#define PAIRS (80 * BATCH)
#define BATCH 256U
#define SAMPLES 200U

struct job {
	pthread_t thread;
	unsigned int cpu, threads;
	size_t size;
	bool quire, batch;
};

static unsigned int arrived;
static double start[SAMPLES], end[2][SAMPLES];

static void *(*volatile const quire_take)(size_t, gfp_t) = __kmalloc;
static void (*volatile const quire_give)(const void *) = kfree;
static void *(*volatile const process_take)(size_t) = malloc;
static void (*volatile const process_give)(void *) = free;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define LOOP(take, give)                                                                           \
	do {                                                                                       \
		for (i = 0; !batch && i < PAIRS; i++) {                                            \
			void *p = take;                                                            \
                                                                                                   \
			*(volatile char *)p = 1;                                                   \
			give(p);                                                                   \
		}                                                                                  \
		for (; i < PAIRS; i += BATCH) {                                                    \
			for (k = 0; k < BATCH; k++) {                                              \
				object[k] = take;                                                  \
				*(volatile char *)object[k] = 1;                                   \
			}                                                                          \
			for (k = 0; k < BATCH; k++)                                                \
				give(object[k]);                                                   \
		}                                                                                  \
	} while (0)

static void pairs(bool quire, size_t size, bool batch)
{
	void *object[BATCH];
	unsigned long i;
	unsigned int k;

	if (quire)
		LOOP(quire_take(size, GFP_KERNEL), quire_give);
	else
		LOOP(process_take(size), process_give);
}

static void *run(void *arg)
{
	struct job *job = arg;
	unsigned int i, spins = 0;

	host_cpu = job->cpu;
	/* What a thread needs once is not what is measured. */
	pairs(job->quire, job->size, job->batch);
	for (i = 0; i < SAMPLES; i++) {
		unsigned int all = (i + 1) * job->threads;

		if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == all)
			start[i] = now();
		while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < all)
			if (++spins % 100000 == 0)
				sched_yield();
		pairs(job->quire, job->size, job->batch);
		end[job->cpu][i] = now();
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static void row(const char *name, size_t size, bool batch, unsigned int threads)
{
	static double ns[SAMPLES];
	struct job job[2];
	unsigned int t, i;

	arrived = 0;
	for (t = 0; t < threads; t++) {
		job[t] = (struct job){.cpu = t,
				      .threads = threads,
				      .size = size,
				      .batch = batch,
				      .quire = !strcmp(name, "quire")};
		if (pthread_create(&job[t].thread, NULL, run, &job[t]))
			exit(1);
	}
	for (t = 0; t < threads; t++)
		pthread_join(job[t].thread, NULL);
	for (i = 0; i < SAMPLES; i++) {
		double last = end[0][i];

		if (threads > 1)
			last = max(last, end[1][i]);
		ns[i] = (last - start[i]) / PAIRS;
	}
	qsort(ns, SAMPLES, sizeof(ns[0]), by_value);
	printf("%s\t%zu B %s\t%u\t%.2f\t%.2f\n", name, size, batch ? "256 at a time" : "pair",
	       threads, ns[0], ns[SAMPLES / 2]);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "quire";
	unsigned int threads, most = argc > 2 ? min(2U, (unsigned int)atoi(argv[2])) : 2;
	size_t size;

	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	world_add_pagesets(2, 63, 1024);
	kmem_cache_init();
	for (threads = 1; threads <= most; threads++)
		for (size = 64; size <= 256; size *= 4) {
			row(name, size, false, threads);
			row(name, size, true, threads);
		}
	return 0;
}
