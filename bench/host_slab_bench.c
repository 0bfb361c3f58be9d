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
 * A line a row: NAME, operation, threads, ns a pair, the least of the samples and their median (host_sample.h). run_bench.sh runs the
 * allocators in turn, several times.
 */
#include "tests/unit/page_world.h"

#include <quire/slab.h>

#include "bench/host_sample.h"

#define BATCH 256U
#define PAIRS (20 * BATCH)

enum kind { QUIRE = 1, BATCHES = 2 };

static void *(*volatile const quire_take)(size_t, gfp_t) = __kmalloc;
static void (*volatile const quire_give)(const void *) = kfree;
static void *(*volatile const process_take)(size_t) = malloc;
static void (*volatile const process_give)(void *) = free;

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

static void pairs(const struct host_job *job, unsigned int cpu)
{
	bool batch = job->kind & BATCHES;
	size_t size = job->size;
	void *object[BATCH];
	unsigned long i;
	unsigned int k;

	if (job->kind & QUIRE)
		LOOP(quire_take(size, GFP_KERNEL), quire_give);
	else
		LOOP(process_take(size), process_give);
}

static void row(const char *name, unsigned int kind, size_t size, unsigned int threads)
{
	static struct host_job job;
	char what[64];

	job = (struct host_job){
		.work = pairs, .threads = threads, .ops = PAIRS, .kind = kind, .size = size};
	snprintf(what, sizeof(what), "%s\t%zu B %s", name, size,
		 kind & BATCHES ? "256 at a time" : "pair");
	host_measure(what, &job);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "quire";
	unsigned int threads, most = argc > 2 ? (unsigned int)atoi(argv[2]) : HOST_THREADS;
	unsigned int kind = strcmp(name, "quire") ? 0 : QUIRE;
	size_t size;

	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	world_add_pagesets(HOST_THREADS, 63, 1024);
	kmem_cache_init();
	for (threads = 1; threads <= min(most, HOST_THREADS); threads++)
		for (size = 64; size <= 256; size *= 4) {
			row(name, kind, size, threads);
			row(name, kind | BATCHES, size, threads);
		}
	return 0;
}
