// SPDX-License-Identifier: MIT
/*
 * Requests to memblock under Linux's names.
 *
 * memblock itself is Quire's: the address it finds is the one that Linux finds. What is added here is the
 * caller that Linux prints, kept in the event's name, because the functions that ask are not those of Linux.
 *
 * Owns the list of runs. A request that differs from the one before by its result only, as the page tables' do by the
 * million, is not kept as events of its own: the run that it continues counts one more. Runs are in order of their
 * first event and do not overlap.
 */
#include <stdlib.h>

#include <quire/build_profile.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

static struct linux_run *runs;
static u32 nr_runs, max_runs;

/* b is a, `stride` further. */
static bool repeats(const struct event *a, const struct event *b, u64 stride)
{
	return a->op == b->op && a->flags == b->flags && a->nid == b->nid && a->size == b->size &&
	       a->align == b->align && a->min == b->min && a->max == b->max && a->ip == b->ip &&
	       a->name == b->name && b->base - a->base == stride;
}

/* The request whose events begin at `first` may be the one before once more. */
static void fold(u32 first)
{
	const u32 len = event_log.nr - first;
	struct event *now = &event_log.events[first], *before = now - len;
	struct linux_run *r = nr_runs ? &runs[nr_runs - 1] : NULL;
	bool runs_on;
	u64 stride;

	if (!len || len > 2 || first < len || now->op != EVENT_ALLOC || !now->base)
		return;
	runs_on = r && r->at == first - len && r->len == len;
	if (r && !runs_on && r->at + r->len > first - len)
		return;
	stride = runs_on ? r->stride * r->count : now->base - before->base;
	for (u32 i = 0; i < len; i++)
		if (!repeats(&before[i], &now[i], stride))
			return;
	if (!runs_on) {
		if (nr_runs == max_runs) {
			u32 max = max_runs ? max_runs * 2 : 64;
			struct linux_run *more = realloc(runs, max * sizeof(*more));

			/* Then they stay events. */
			if (!more)
				return;
			runs = more;
			max_runs = max;
		}
		r = &runs[nr_runs++];
		*r = (struct linux_run){
			.at = first - len, .len = len, .count = 1, .stride = stride};
	}
	r->count++;
	event_log.nr -= len;
}

const struct linux_run *linux_run_at(u32 at)
{
	u32 low = 0, high = nr_runs;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (runs[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nr_runs && runs[low].at == at ? &runs[low] : NULL;
}

phys_addr_t linux_request(enum event_request func, const char *caller, phys_addr_t size,
			  phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid)
{
	bool exact = func == REQUEST_EXACT_NID_RAW;
	phys_addr_t limit = func == REQUEST_PHYS_RANGE ? max : min(max, memblock.current_limit);
	u32 first = event_log.nr;
	phys_addr_t found;

	found = memblock_alloc_range_nid(size, align, min, limit, nid, exact);
	if (!found && min && func != REQUEST_PHYS_RANGE)
		found = memblock_alloc_range_nid(size, align, 0, limit, nid, exact);
	if (first < event_log.nr) {
		struct event *e = &event_log.events[first];

		e->flags = func;
		e->name = caller;
		e->base = found;
		e->max = max;
		fold(first);
	}
	return found;
}

phys_addr_t linux_alloc(const char *caller, phys_addr_t size, phys_addr_t align)
{
	return linux_request(REQUEST_TRY_NID, caller, size, align, MEMBLOCK_LOW_LIMIT,
			     MEMBLOCK_ALLOC_ACCESSIBLE, NUMA_NO_NODE);
}

phys_addr_t linux_must_alloc(const char *caller, phys_addr_t size, phys_addr_t align)
{
	phys_addr_t found = linux_alloc(caller, size, align);

	if (!found)
		panic("%s: Failed to allocate %llu bytes", caller, (unsigned long long)size);
	return found;
}

void linux_free(const char *caller, phys_addr_t base, phys_addr_t size)
{
	u32 first = event_log.nr;

	memblock_phys_free(base, size);
	/* memblock_free was inlined before. */
	linux_caller(first, linux_before(0x60a) ? caller : "memblock_free");
}

void linux_caller(u32 first, const char *caller)
{
	for (; first < event_log.nr; first++)
		if (!event_log.events[first].name)
			event_log.events[first].name = caller;
}

/* Inlined before 6.6. */
static const char crash[] = "reserve_crashkernel_generic";

/* Functions of the core that are others in Linux, because they are split or inlined differently. */
static const struct {
	const char *ours, *theirs;
} callers[] = {
	{"setup_machine_fdt", "setup_arch"},
	{"search", crash},
	{"reserve_low", crash},
	{"reserve_crashkernel", crash},
	{"alloc_arch", "fdt_scan_reserved_mem"},
	{"alloc_dynamic", "fdt_scan_reserved_mem"},
	{"alloc_in_range", "fdt_scan_reserved_mem"},
	{"alloc_list", "fdt_scan_reserved_mem_reg_nodes"},
	{"give_back", "fdt_reserved_mem_save_node"},
	{"init_node", "fdt_reserved_mem_save_node"},
	{"save_node", "fdt_reserved_mem_save_node"},
	{"reserve_area", "cma_declare_contiguous_nid"},
	{"set_distance", "numa_set_distance"},
	{"linux_distance_table", "numa_init"},
	{"linux_free_distance", "numa_free_distance"},
};

static const char *name_of(unsigned long ip)
{
	unsigned long offset, size;
	const char *name = port_symbolize(ip, &offset, &size);

	for (unsigned int i = 0; name && i < ARRAY_SIZE(callers); i++) {
		if (strcmp(name, callers[i].ours) != 0)
			continue;
		name = callers[i].theirs;
		if (name == crash && linux_before(0x606))
			name = "bootmem_init";
		break;
	}
	return name;
}

const char *linux_caller_name(const struct event *e)
{
	/* Nearly all come from one place. */
	static unsigned long last_ip;
	static const char *last_name;

	if (e->name)
		return e->name;
	if (e->ip != last_ip) {
		last_ip = e->ip;
		last_name = name_of(e->ip);
	}
	return last_name;
}
