// SPDX-License-Identifier: MIT
/*
 * The page allocator in a process, on one thread and on two, each a CPU of its own. Rows are "NAME THREADS LEAST MEDIAN",
 * tab-separated, in ns (host_sample.h); times are those of the machine that runs it.
 */
#include "tests/unit/page_world.h"

#include "bench/host_sample.h"

#define HELD 256U
#define OPS (20 * HELD)

enum kind { PAIR, BATCHES, BULK };

static void work(const struct host_job *job, unsigned int cpu)
{
	struct page *held[HELD] = {NULL};
	unsigned int i, k, order = job->order;

	for (i = 0; i < OPS;) {
		switch ((enum kind)job->kind) {
		case PAIR:
			held[0] = alloc_pages(GFP_KERNEL, order);
			__free_pages(held[0], order);
			i++;
			break;
		case BATCHES:
			for (k = 0; k < HELD; k++)
				held[k] = alloc_pages(GFP_KERNEL, order);
			for (k = 0; k < HELD; k++)
				__free_pages(held[k], order);
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
}

static void measure(const char *name, enum kind kind, unsigned int order, unsigned int threads)
{
	static struct host_job job;

	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	world_add_pagesets(HOST_THREADS, 63, 1024);
	job = (struct host_job){
		.work = work, .threads = threads, .ops = OPS, .kind = kind, .order = order};
	host_measure(name, &job);
}

int main(void)
{
	unsigned int threads;

	for (threads = 1; threads <= HOST_THREADS; threads++) {
		measure("order-0 pair, hot", PAIR, 0, threads);
		measure("order-3 pair, hot", PAIR, 3, threads);
		measure("order-0, 256 at a time", BATCHES, 0, threads);
		measure("bulk, 256 at a time", BULK, 0, threads);
	}
	return 0;
}
