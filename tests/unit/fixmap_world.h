/* SPDX-License-Identifier: MIT */
/* mapping_world.h with a fixmap whose addresses can be dereferenced. */
#ifndef FIXMAP_WORLD_H
#define FIXMAP_WORLD_H

#include "mapping_world.h"

/* What the windows of the host would show: one physical page for each page of the fixmap. */
static phys_addr_t shown[__end_of_fixed_addresses + 1];

static unsigned int slot_of(unsigned long kva)
{
	unsigned long slot = (va_layout.fixaddr_top - kva + PAGE_SIZE - 1) >> PAGE_SHIFT;

	assert_in_range(slot, 1, __end_of_fixed_addresses);
	return (unsigned int)slot;
}

int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	if (!host_memory_holds(pa, size))
		return -ENOMEM;
	for (u64 at = 0; at < size; at += PAGE_SIZE)
		shown[slot_of(kva + at)] = pa + at;
	return 0;
}

void port_mirror_unmap(unsigned long kva, u64 size)
{
	for (u64 at = 0; at < size; at += PAGE_SIZE)
		shown[slot_of(kva + at)] = 0;
}

/* Where a physical address shows through the fixmap. */
static inline void *in_window(phys_addr_t pa)
{
	return world_alias + (pa - WORLD_BASE);
}

void *port_kva_to_ptr(unsigned long kva)
{
	assert_int_not_equal(shown[slot_of(kva)], 0);
	return world_alias + (shown[slot_of(kva)] - WORLD_BASE) + (kva & ~PAGE_MASK);
}

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	phys_addr_t pa = WORLD_BASE + (u64)((const char *)p - world_alias);

	for (unsigned int i = 0; i < ARRAY_SIZE(shown); i++) {
		if (shown[i] && shown[i] == (pa & PAGE_MASK)) {
			*kva = fix_to_virt(i) + (pa & ~PAGE_MASK);
			return true;
		}
	}
	return false;
}

#endif
