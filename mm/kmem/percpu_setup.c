// SPDX-License-Identifier: MIT
/*
 * The first chunk of per-CPU memory: every possible CPU's unit, embedded in the linear map.
 *
 *   group 0 (CPUs of near nodes)           group 1
 *   |unit 0 |unit 1 |unit 2 |              |unit 3 |unit 4 |
 *    static, reserved, dynamic
 *
 * A group is memory of one node in one piece. Units lie at the same distances in every chunk to come, so that one offset a
 * CPU serves all of them.
 *
 * Locking: the boot CPU alone.
 *
 * Against Linux: the same groups, sizes and line of log. The end of a unit that nothing needs is not freed: there is none,
 * a unit is as large as its parts.
 */
#include <quire/boot.h>
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "percpu_internal.h"

struct pcpu_layout pcpu_layout;

#define LOCAL_DISTANCE 10

/* The first group all of whose nodes are near nid, by distances of LOCAL_DISTANCE both ways; or a new one. */
static unsigned int group_of_node(int nid, const u8 *node_group, unsigned int nr)
{
	unsigned int g;
	int other;

	for (g = 0; g < nr; g++) {
		bool near = true;

		for (other = 0; other < MAX_NUMNODES && near; other++)
			if (node_group[other] == g + 1 &&
			    (node_distance(nid, other) > LOCAL_DISTANCE ||
			     node_distance(other, nid) > LOCAL_DISTANCE))
				near = false;
		if (near)
			break;
	}
	return g;
}

/* Each CPU's group, in order of CPUs. Returns how many groups there are. */
static unsigned int group_cpus(int (*cpu_nid)(unsigned int cpu), u8 *group)
{
	u8 node_group[MAX_NUMNODES] = {0}; /* plus 1; 0: no CPU so far */
	unsigned int cpu, nr = 0;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		int nid = cpu_nid(cpu);

		if (!node_group[nid]) {
			unsigned int g = group_of_node(nid, node_group, nr);

			node_group[nid] = (u8)(g + 1);
			nr = max(nr, g + 1);
		}
		group[cpu] = (u8)(node_group[nid] - 1);
	}
	return nr;
}

static void *need(size_t size)
{
	void *p = memblock_alloc(size, SMP_CACHE_BYTES);

	if (!p)
		panic("setup_per_cpu_areas: no memory for %zu bytes", size);
	return p;
}

/* Memory for a group's units; returns it, near node nid if possible. */
static char *alloc_group(size_t size, int nid)
{
	char *p = memblock_alloc_try_nid(size, PAGE_SIZE, 0, MEMBLOCK_ALLOC_ACCESSIBLE, nid);

	if (!p)
		panic("setup_per_cpu_areas: no memory for units of %zu bytes", size);
	return p;
}

void pcpu_size_units(struct pcpu_layout *l, size_t static_size)
{
	l->static_size = static_size;
	l->reserved_size = PERCPU_MODULE_RESERVE;
	l->unit_size = max(PCPU_MIN_UNIT_SIZE,
			   PAGE_ALIGN(l->static_size + l->reserved_size + PERCPU_DYNAMIC_RESERVE));
	l->dyn_size = l->unit_size - l->static_size - l->reserved_size;
}

void setup_per_cpu_areas(int (*cpu_nid)(unsigned int cpu))
{
	struct pcpu_layout *l = &pcpu_layout;
	unsigned int cpu, g, k, first, n;
	u8 *group = need(nr_cpus_possible);
	char **base;

	pcpu_size_units(l, (size_t)(__per_cpu_end - __per_cpu_start));
	l->nr_groups = group_cpus(cpu_nid, group);
	l->unit_offset = need(nr_cpus_possible * sizeof(*l->unit_offset));
	l->group_offset = need(l->nr_groups * sizeof(*l->group_offset));
	l->group_size = need(l->nr_groups * sizeof(*l->group_size));
	base = need(l->nr_groups * sizeof(*base));

	for (g = 0; g < l->nr_groups; g++) {
		for (n = 0, first = nr_cpus_possible, cpu = 0; cpu < nr_cpus_possible; cpu++)
			if (group[cpu] == g) {
				first = min(first, cpu);
				n++;
			}
		l->group_size[g] = n * l->unit_size;
		base[g] = alloc_group(l->group_size[g], cpu_nid(first));
		if (!l->base || base[g] < l->base)
			l->base = base[g];
		for (n = 0, cpu = 0; cpu < nr_cpus_possible; cpu++) {
			char *unit = base[g] + n * l->unit_size;

			if (group[cpu] != g)
				continue;
			memcpy(unit, __per_cpu_start, l->static_size);
			l->unit_offset[cpu] = (unsigned long)unit;
			n++;
		}
	}
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		__per_cpu_offset[cpu] = l->unit_offset[cpu] - (unsigned long)__per_cpu_start;
		l->unit_offset[cpu] -= (unsigned long)l->base;
	}
	/* Ascending, for whoever looks for congruent room. */
	for (g = 0; g < l->nr_groups; g++) {
		unsigned long offset = (unsigned long)(base[g] - l->base);
		size_t size = l->group_size[g];

		for (k = g; k > 0 && l->group_offset[k - 1] > offset; k--) {
			l->group_offset[k] = l->group_offset[k - 1];
			l->group_size[k] = l->group_size[k - 1];
		}
		l->group_offset[k] = offset;
		l->group_size[k] = size;
	}
	port_set_cpu(port_cpu(), __per_cpu_offset[port_cpu()]);
	pr_info("percpu: Embedded %zu pages/cpu s%zu r%zu d%zu u%zu\n", l->unit_size / PAGE_SIZE,
		l->static_size, l->reserved_size, l->dyn_size, l->unit_size);
	pcpu_first_chunk();
}

bool is_kernel_percpu_address(unsigned long addr)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		if (addr - (unsigned long)__per_cpu_start - __per_cpu_offset[cpu] <
		    (unsigned long)(__per_cpu_end - __per_cpu_start))
			return true;
	return false;
}
