// SPDX-License-Identifier: MIT
/*
 * Requests to memblock under Linux's names.
 *
 * Owns no data. memblock itself is Quire's: the address it finds is the one that Linux finds. What is added here is the
 * caller that Linux prints, kept in the event's name, because the functions that ask are not those of Linux.
 */
#include <quire/build_profile.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

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
