// SPDX-License-Identifier: MIT
/*
 * The first chunk of per-CPU memory, with what Linux keeps to manage it.
 *
 * CPUs of one node form a group; a group's units lie in one request. The unit is what is linked into the image plus
 * room for modules plus room for what boot asks for, in whole pages. percpu_alloc=page takes single pages instead.
 *
 *      unit   | static | reserved (modules) | dynamic |
 *
 * The atom is one page on arm64, so a request holds exactly its units and nothing is given back.
 */
#include <quire/boot.h>
#include <quire/mmzone.h>
#include <quire/port.h>
#include <quire/printk.h>

#include "predict.h"

#define MODULE_RESERVE (8UL << 10)
#define DYNAMIC_RESERVE (28UL << 10)
#define DYNAMIC_EARLY (20UL << 10)
#define MIN_UNIT (32UL << 10)
#define MIN_ALLOC 4UL
#define SLOT_BASE_SHIFT 5
#define POINTER 8UL

struct linux_percpu linux_percpu;

/* By CPU: its group; by group: its first CPU and how many it has. */
static unsigned int group_of[NR_CPUS], first_cpu[NR_CPUS], group_cpus[NR_CPUS];

static unsigned int fls_long(unsigned long v)
{
	return v ? (unsigned int)ilog2(v) + 1 : 0;
}

static bool near(unsigned int a, unsigned int b)
{
	return node_distance(cpu_descs[a].nid, cpu_descs[b].nid) == 10 &&
	       node_distance(cpu_descs[b].nid, cpu_descs[a].nid) == 10;
}

static unsigned int build_groups(bool by_node)
{
	unsigned int cpu, other, groups = 0;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		group_of[cpu] = ~0U;
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		if (group_of[cpu] != ~0U)
			continue;
		group_of[cpu] = groups;
		first_cpu[groups] = cpu;
		group_cpus[groups] = 1;
		for (other = cpu + 1; other < nr_cpus_possible; other++) {
			if (group_of[other] != ~0U || (by_node && !near(cpu, other)))
				continue;
			group_of[other] = groups;
			group_cpus[groups]++;
		}
		groups++;
	}
	return groups;
}

/* pcpu_fc_alloc: on the CPU's node, away from DMA memory if that can be. */
static phys_addr_t alloc_units(unsigned int cpu, u64 size)
{
	int nid = cpu_descs[cpu].nid;

	if (nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid))
		nid = NUMA_NO_NODE;
	return linux_request(REQUEST_TRY_NID, "pcpu_fc_alloc", size, PAGE_SIZE, linux_dma_goal(),
			     MEMBLOCK_ALLOC_ACCESSIBLE, nid);
}

/* The maps of one of the first chunk's two dynamic parts, which begins at `start` in the unit. */
static void first_chunk(unsigned long start, unsigned long size)
{
	static const char who[] = "pcpu_alloc_first_chunk";
	unsigned long region = PAGE_ALIGN((start & ~PAGE_MASK) + size);
	unsigned long bits = region / MIN_ALLOC, pages = region / PAGE_SIZE;

	linux_must_alloc(who, build_profile->pcpu_chunk + DIV_ROUND_UP(pages, 64) * 8,
			 SMP_CACHE_BYTES);
	linux_must_alloc(who, DIV_ROUND_UP(bits, 64) * 8, SMP_CACHE_BYTES);
	linux_must_alloc(who, DIV_ROUND_UP(bits + 1, 64) * 8, SMP_CACHE_BYTES);
	linux_must_alloc(who, pages * build_profile->pcpu_block_md, SMP_CACHE_BYTES);
}

static void setup_first_chunk(void)
{
	static const char who[] = "pcpu_setup_first_chunk";
	struct linux_percpu *p = &linux_percpu;
	unsigned long static_size = ALIGN(p->static_size, MIN_ALLOC), slots;

	linux_must_alloc(who, p->nr_groups * POINTER, SMP_CACHE_BYTES);
	linux_must_alloc(who, p->nr_groups * POINTER, SMP_CACHE_BYTES);
	linux_must_alloc(who, nr_cpus_possible * 4UL, SMP_CACHE_BYTES);
	linux_must_alloc(who, nr_cpus_possible * POINTER, SMP_CACHE_BYTES);
	slots = max(fls_long(p->unit) - SLOT_BASE_SHIFT + 2, 1U) + 4;
	linux_must_alloc(who, slots * 2 * POINTER, SMP_CACHE_BYTES);
	first_chunk(static_size, p->reserved);
	first_chunk(static_size + p->reserved, p->dyn - (static_size - p->static_size));
}

static phys_addr_t alloc_info(unsigned long *size)
{
	*size = PAGE_ALIGN(ALIGN(build_profile->pcpu_alloc_info +
					 linux_percpu.nr_groups * build_profile->pcpu_group_info,
				 4) +
			   nr_cpus_possible * 4UL);
	return linux_must_alloc("pcpu_build_alloc_info", *size, PAGE_SIZE);
}

static void size_unit(unsigned long dyn)
{
	struct linux_percpu *p = &linux_percpu;
	unsigned long sum;

	p->static_size = build_profile->percpu_static;
	p->reserved = MODULE_RESERVE;
	sum = PAGE_ALIGN(p->static_size + p->reserved + max(dyn, DYNAMIC_EARLY));
	p->dyn = sum - p->static_size - p->reserved;
	p->unit = max(sum, PAGE_ALIGN(MIN_UNIT));
	p->pages = (unsigned int)(sum / PAGE_SIZE);
	p->alloc_pages = (unsigned int)(p->unit / PAGE_SIZE);
}

/* False: a group got no memory. What was taken is given back, as Linux does before it tries single pages. */
static bool embed(void)
{
	static const char who[] = "pcpu_embed_first_chunk";
	struct linux_percpu *p = &linux_percpu;
	unsigned long sum, ai_size, areas_size;
	static phys_addr_t area[NR_CPUS];
	phys_addr_t ai, areas;
	unsigned int group, i;
	bool good = true;

	p->nr_groups = build_groups(true);
	size_unit(DYNAMIC_RESERVE);
	sum = p->static_size + p->reserved + p->dyn;
	ai = alloc_info(&ai_size);
	areas_size = PAGE_ALIGN(p->nr_groups * POINTER);
	areas = linux_must_alloc(who, areas_size, SMP_CACHE_BYTES);
	for (group = 0; good && group < p->nr_groups; group++) {
		area[group] = alloc_units(first_cpu[group], group_cpus[group] * p->unit);
		good = area[group] != 0;
	}
	if (good) {
		for (group = 0; group < p->nr_groups; group++)
			for (i = 0; i < group_cpus[group]; i++)
				linux_free(who, area[group] + i * p->unit + sum, p->unit - sum);
		setup_first_chunk();
	} else {
		while (--group)
			linux_free(who, area[group - 1], group_cpus[group - 1] * p->unit);
	}
	linux_free("pcpu_free_alloc_info", ai, ai_size);
	linux_free(who, areas, areas_size);
	return good;
}

static void by_pages(void)
{
	struct linux_percpu *p = &linux_percpu;
	unsigned long ai_size, pages_size;
	phys_addr_t ai, pages;
	unsigned int cpu, i;

	p->page_chunk = true;
	p->nr_groups = build_groups(false);
	size_unit(0);
	ai = alloc_info(&ai_size);
	pages_size = PAGE_ALIGN(p->alloc_pages * nr_cpus_possible * POINTER);
	pages = linux_must_alloc("pcpu_page_first_chunk", pages_size, SMP_CACHE_BYTES);
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		for (i = 0; i < p->alloc_pages; i++)
			if (!alloc_units(cpu, PAGE_SIZE))
				panic("Failed to initialize percpu areas (err=%d).", -ENOMEM);
	setup_first_chunk();
	linux_free("pcpu_page_first_chunk", pages, pages_size);
	linux_free("pcpu_free_alloc_info", ai, ai_size);
}

void linux_setup_per_cpu_areas(void)
{
	event_step("setup_per_cpu_areas");
	linux_percpu = (struct linux_percpu){0};
	if (linux_params.percpu_page || !embed())
		by_pages();
}
