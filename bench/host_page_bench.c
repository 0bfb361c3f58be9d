/* SPDX-License-Identifier: MIT */
/*
 * The page allocator in a process: pairs a second on one thread and on two, each a CPU of its own. Rows are
 * "NAME THREADS NS MILLION-A-SECOND", tab-separated; times are those of the machine that runs it.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "tests/unit/page_world.h"

#define OPS 4000000U
#define HELD 256U

enum kind { PAIR, BATCHES, BULK };

struct job {
	enum kind kind;
	unsigned int cpu, order;
	pthread_barrier_t *start;
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *run(void *arg)
{
	struct job *job = arg;
	struct page *held[HELD] = {NULL};
	unsigned int i, k;

	host_cpu = job->cpu;
	pthread_barrier_wait(job->start);
	for (i = 0; i < OPS;) {
		switch (job->kind) {
		case PAIR:
			held[0] = alloc_pages(GFP_KERNEL, job->order);
			__free_pages(held[0], job->order);
			i++;
			break;
		case BATCHES:
			for (k = 0; k < HELD; k++)
				held[k] = alloc_pages(GFP_KERNEL, job->order);
			for (k = 0; k < HELD; k++)
				__free_pages(held[k], job->order);
			i += HELD;
			break;
		case BULK:
			alloc_pages_bulk_array(GFP_KERNEL, HELD, held);
			for (k = 0; k < HELD; k++) {
				__free_page(held[k]);
				held[k] = NULL;
			}
			i += HELD;
			break;
		}
	}
	return NULL;
}

static void measure(const char *name, enum kind kind, unsigned int order, unsigned int threads)
{
	pthread_barrier_t start;
	struct job job[2];
	pthread_t thread[2];
	double t;
	unsigned int i;

	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	world_add_pagesets(2, 63, 1024);
	pthread_barrier_init(&start, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		job[i] = (struct job){kind, i, order, &start};
		if (pthread_create(&thread[i], NULL, run, &job[i]))
			exit(1);
	}
	pthread_barrier_wait(&start);
	t = seconds();
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	t = seconds() - t;
	printf("%s\t%u\t%.1f\t%.1f\n", name, threads, t * 1e9 / OPS,
	       OPS * (double)threads / t / 1e6);
	pthread_barrier_destroy(&start);
}

int main(void)
{
	unsigned int threads;

	for (threads = 1; threads <= 2; threads++) {
		measure("order-0 pair, hot", PAIR, 0, threads);
		measure("order-3 pair, hot", PAIR, 3, threads);
		measure("order-0, 256 at a time", BATCHES, 0, threads);
		measure("bulk, 256 at a time", BULK, 0, threads);
	}
	return 0;
}
