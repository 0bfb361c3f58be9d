/* SPDX-License-Identifier: MIT */
/*
 * memblock: what regions are marked with, flags and nodes.
 *
 * A range is marked by cutting the regions at its edges (memblock_isolate_range) and merging afterwards what is alike and touches; so the
 * invariants of struct memblock_type hold again. Owns whether any memory is mirrored. No locking: one CPU, before the page allocator.
 *
 * Against Linux: what merges is closed up at once, where Linux moves the rest of the array for each pair.
 */
#include "memblock_internal.h"

static bool some_mirror;

bool memblock_has_mirror(void)
{
	return some_mirror;
}

/* Merge regions that touch and are alike among [first - 1, last]. */
static void memblock_merge_regions(struct memblock_type *type, unsigned long first,
				   unsigned long last)
{
	struct memblock_region *r = type->regions;
	unsigned long out, i;

	if (first)
		first--;
	if (last < type->cnt)
		last++;
	if (last - first < 2)
		return;
	for (out = first, i = first + 1; i < last; i++) {
		BUG_ON(region_end(&r[out]) > r[i].base);
		if (region_end(&r[out]) == r[i].base && regions_alike(&r[out], &r[i]))
			r[out].size += r[i].size;
		else if (++out != i)
			r[out] = r[i];
	}
	memblock_close_slots(type, out + 1, last - out - 1);
}

static int memblock_setclr_flag(struct memblock_type *type, phys_addr_t base, phys_addr_t size,
				bool set, enum memblock_flags flag, unsigned long ip)
{
	unsigned long first, last, i;
	int ret;

	memblock_event(set ? EVENT_MARK : EVENT_CLEAR, base, size, NUMA_NO_NODE, flag, ip);
	ret = memblock_isolate_range(type, base, size,
				     type == &memblock.reserved || flag == MEMBLOCK_NOMAP, &first,
				     &last);
	if (ret)
		return ret;
	for (i = first; i < last; i++) {
		if (set)
			type->regions[i].flags |= flag;
		else
			type->regions[i].flags &= ~flag;
	}
	memblock_merge_regions(type, first, last);
	return 0;
}

int memblock_mark_hotplug(phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(&memblock.memory, base, size, true, MEMBLOCK_HOTPLUG, _RET_IP_);
}

int memblock_clear_hotplug(phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(&memblock.memory, base, size, false, MEMBLOCK_HOTPLUG,
				    _RET_IP_);
}

int memblock_mark_mirror(phys_addr_t base, phys_addr_t size)
{
	if (!mirrored_kernelcore)
		return 0;
	some_mirror = true;
	return memblock_setclr_flag(&memblock.memory, base, size, true, MEMBLOCK_MIRROR, _RET_IP_);
}

int memblock_mark_nomap(phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(&memblock.memory, base, size, true, MEMBLOCK_NOMAP, _RET_IP_);
}

int memblock_clear_nomap(phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(&memblock.memory, base, size, false, MEMBLOCK_NOMAP, _RET_IP_);
}

int memblock_reserved_mark_noinit(phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(&memblock.reserved, base, size, true, MEMBLOCK_RSRV_NOINIT,
				    _RET_IP_);
}

int memblock_set_node(phys_addr_t base, phys_addr_t size, struct memblock_type *type, int nid)
{
#if NODES_SHIFT > 0
	unsigned long first, last, i;
	int ret;

	memblock_event(EVENT_SET_NODE, base, size, nid, 0, _RET_IP_);
	ret = memblock_isolate_range(type, base, size, type == &memblock.reserved, &first, &last);
	if (ret)
		return ret;
	for (i = first; i < last; i++)
		memblock_set_region_node(&type->regions[i], nid);
	memblock_merge_regions(type, first, last);
#else
	(void)base, (void)size, (void)type, (void)nid;
#endif
	return 0;
}
