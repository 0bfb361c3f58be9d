// SPDX-License-Identifier: MIT
/*
 * The memory that Linux's tree of device nodes takes: one request, whose size follows from the flat tree.
 *
 *   | node, full name | property | property | ... | "name" property + text | node, full name | ...
 *
 * Nodes lie in the flat tree's order, each aligned to a pointer; names and values of properties stay in the flat tree,
 * but for the "name" that a node without one is given: its name less the unit address.
 */
#include <libfdt.h>

#include <quire/boot.h>
#include <quire/string.h>

#include "../boot/fdt_scan.h"
#include "predict.h"

#define POINTER_ALIGN 8
#define FDT_DEPTH_LIMIT 63
/* Behind the tree, so that a write past its end is seen. */
#define CANARY 4

static u64 room(u64 at, u64 size)
{
	return ALIGN(at, POINTER_ALIGN) + size;
}

/* "serial@9000000": 7 with the terminator. */
static u64 short_name_size(const char *name)
{
	const char *base = name, *at = NULL, *p;

	for (p = name; *p; p++) {
		if (*p == '@')
			at = p;
		else if (*p == '/')
			base = p + 1;
	}
	if (!at || at < base)
		at = p;
	return (u64)(at - base) + 1;
}

/* The kernel takes its seed out of the tree when it has read it. */
static bool taken_out(const char *node, int depth, const char *prop, int len)
{
	return depth == 1 && (!strcmp(node, "chosen") || !strcmp(node, "chosen@0")) && len > 0 &&
	       !strcmp(prop, "rng-seed");
}

/* Where the node's part ends when it begins at `at`. */
static u64 node_end(const void *fdt, int node, int depth, u64 at)
{
	bool has_name = false;
	const char *name, *prop;
	int len, prop_len, p;

	name = fdt_get_name(fdt, node, &len);
	if (!name)
		return at;
	at = room(at, build_profile->device_node + (u64)len + 1);
	for (p = fdt_first_property_offset(fdt, node); p >= 0;
	     p = fdt_next_property_offset(fdt, p)) {
		if (!fdt_getprop_by_offset(fdt, p, &prop, &prop_len) ||
		    taken_out(name, depth, prop, prop_len))
			continue;
		has_name |= !strcmp(prop, "name");
		at = room(at, build_profile->property);
	}
	return has_name ? at : room(at, build_profile->property + short_name_size(name));
}

void linux_unflatten_device_tree(void)
{
	const void *fdt = fdt_info.tree.base;
	int node = 0, depth = 0;
	u64 size = 0;

	event_step("fdt_scan_reserved_mem_reg_nodes");
	fdt_scan_reserved_mem_reg_nodes();
	event_step("unflatten_device_tree");
	for (; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth))
		if (depth < FDT_DEPTH_LIMIT)
			size = node_end(fdt, node, depth, size);
	if (node < 0 && node != -FDT_ERR_NOTFOUND)
		return;
	size = ALIGN(size, 4);
	linux_must_alloc("early_init_dt_alloc_memory_arch", size + CANARY, POINTER_ALIGN);
}
