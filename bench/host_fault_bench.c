// SPDX-License-Identifier: MIT
/*
 * Page faults of one address space in a process, on one thread and on two, each a CPU of its own with an area of its own, between which
 * lies nothing. The pages are given back between samples. Rows as host_page_bench.c has them.
 */
#define WORLD_COUNTS_FLUSHES 0
#include "tests/unit/vm_world.h"

#include "bench/host_sample.h"

#define OPS 512UL
#define APART SZ_1G

enum kind { WRITE, READ, AGAIN };

static struct mm_struct *mm;

static unsigned long area_of(unsigned int cpu)
{
	return SZ_4G + cpu * APART;
}

static void work(const struct host_job *job, unsigned int cpu)
{
	const unsigned long base = area_of(cpu);
	const unsigned int flags = FAULT_FLAG_USER | (job->kind == READ ? 0 : FAULT_FLAG_WRITE);

	be_cpu(cpu);
	for (unsigned long i = 0; i < OPS; i++)
		if (handle_mm_fault(mm, base + i * PAGE_SIZE, flags) & VM_FAULT_ERROR)
			exit(1);
}

static void undo(const struct host_job *job, unsigned int cpu)
{
	if (job->kind != AGAIN && vm_madvise(mm, area_of(cpu), OPS * PAGE_SIZE, MADV_DONTNEED))
		exit(1);
}

static void measure(const char *name, enum kind kind, unsigned int threads)
{
	static struct host_job job;

	world_begin();
	world_add_pagesets(WORLD_CPUS, 63, 1024);
	cpus_begin();
	mm = mm_alloc();
	if (!mm)
		exit(1);
	for (unsigned int cpu = 0; cpu < HOST_THREADS; cpu++)
		if (vm_mmap_pgoff(mm, NULL, area_of(cpu), OPS * PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0) != area_of(cpu))
			exit(1);
	job = (struct host_job){
		.work = work, .undo = undo, .threads = threads, .ops = OPS, .kind = kind};
	host_measure(name, &job);
	be_cpu(0);
	mmput(mm);
	cpus_end();
}

int main(void)
{
	for (unsigned int threads = 1; threads <= HOST_THREADS; threads++) {
		measure("write fault, areas of their own", WRITE, threads);
		measure("read fault, areas of their own", READ, threads);
		measure("fault of what is there", AGAIN, threads);
	}
	return 0;
}
