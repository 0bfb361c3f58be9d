// SPDX-License-Identifier: MIT
/*
 * kmalloc and kfree in a process beside user-space allocators: the same loops on one thread and on two.
 *
 *   host_slab_bench quire          kmalloc over the real page allocator
 *   host_slab_bench NAME           malloc of the process: run it with LD_PRELOAD=libNAME.so
 *
 * A line a row: NAME, operation, threads, ns a pair. Each row is the best of five, because the machine is shared.
 */
#include "tests/unit/page_world.h"

#include <pthread.h>
#include <quire/slab.h>
#include <time.h>

#define PAIRS 4000000UL
#define BATCH 256U

struct job {
	pthread_t thread;
	unsigned int cpu;
	size_t size;
	bool batch, quire;
	double ns;
};

static unsigned int ready, go;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The compiler must not see through a pair of malloc and free. */
static inline void *keep(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

#define LOOP(take, give)                                                                           \
	do {                                                                                       \
		if (!job->batch) {                                                                 \
			for (i = 0; i < PAIRS; i++) {                                              \
				void *p = keep(take);                                              \
				*(volatile char *)p = 1;                                           \
				give(p);                                                           \
			}                                                                          \
		} else {                                                                           \
			for (i = 0; i < PAIRS / BATCH; i++) {                                      \
				for (k = 0; k < BATCH; k++) {                                      \
					object[k] = keep(take);                                    \
					*(volatile char *)object[k] = 1;                           \
				}                                                                  \
				for (k = 0; k < BATCH; k++)                                        \
					give(object[k]);                                           \
			}                                                                          \
		}                                                                                  \
	} while (0)

static void *run(void *arg)
{
	struct job *job = arg;
	void *object[BATCH];
	unsigned long i;
	unsigned int k;
	double start;

	host_cpu = job->cpu;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		;
	start = now();
	if (job->quire && job->size == 64)
		LOOP(kmalloc(64, GFP_KERNEL), kfree);
	else if (job->quire)
		LOOP(kmalloc(256, GFP_KERNEL), kfree);
	else
		LOOP(malloc(job->size), free);
	job->ns = (now() - start) / PAIRS;
	return NULL;
}

static void row(const char *name, size_t size, bool batch, unsigned int threads)
{
	struct job job[2];
	double best = 1e9;
	unsigned int round, t;

	for (round = 0; round < 5; round++) {
		double ns = 0;

		ready = go = 0;
		for (t = 0; t < threads; t++) {
			job[t] = (struct job){.cpu = t,
					      .size = size,
					      .batch = batch,
					      .quire = !strcmp(name, "quire")};
			pthread_create(&job[t].thread, NULL, run, &job[t]);
		}
		while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < threads)
			;
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		for (t = 0; t < threads; t++) {
			pthread_join(job[t].thread, NULL);
			ns = max(ns, job[t].ns);
		}
		best = min(best, ns);
	}
	printf("%s\t%zu B %s\t%u\t%.2f\n", name, size, batch ? "256 at a time" : "pair", threads,
	       best);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "quire";
	unsigned int threads;
	size_t size;

	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	world_add_pagesets(2, 63, 1024);
	kmem_cache_init();
	for (threads = 1; threads <= 2; threads++)
		for (size = 64; size <= 256; size *= 4) {
			row(name, size, false, threads);
			row(name, size, true, threads);
		}
	return 0;
}
