/* SPDX-License-Identifier: MIT */
/*
 * Shared by the four memblock files, for nobody else.
 */
#ifndef MM_EARLY_MEMBLOCK_INTERNAL_H
#define MM_EARLY_MEMBLOCK_INTERNAL_H

#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/string.h>

extern bool memblock_debug;

#define memblock_dbg(fmt, ...)                                                                     \
	do {                                                                                       \
		if (unlikely(memblock_debug))                                                      \
			pr_info(fmt, ##__VA_ARGS__);                                               \
	} while (0)

/* The size that [base, base + size) keeps without wrapping around. */
static inline phys_addr_t memblock_capped(phys_addr_t base, phys_addr_t size)
{
	return min(size, PHYS_ADDR_MAX - base);
}

static inline phys_addr_t region_end(const struct memblock_region *r)
{
	return r->base + r->size;
}

static inline bool region_is(const struct memblock_region *r, int nid, enum memblock_flags flags)
{
#if NODES_SHIFT > 0
	return r->flags == flags && r->nid == nid;
#else
	(void)nid;
	return r->flags == flags;
#endif
}

static inline bool regions_alike(const struct memblock_region *a, const struct memblock_region *b)
{
	return region_is(a, memblock_get_region_node(b), b->flags);
}

/* The last region that starts at or below addr; the first when none does. cnt must not be 0. O(log cnt). */
static inline const struct memblock_region *memblock_last_from(const struct memblock_type *type,
							       phys_addr_t addr)
{
	const struct memblock_region *p = type->regions;
	unsigned long n = type->cnt;
	unsigned long step = 1UL << ilog2(n);

	/* It is among the last `step` regions or among the first; then halving is exact down to 1. */
	if (p[n - step].base <= addr)
		p += n - step;
	for (step = step * sizeof(*p) / 2; step >= sizeof(*p); step /= 2) {
		const struct memblock_region *q = (const void *)((const char *)p + step);

		if (q->base <= addr)
			p = q;
	}
	return p;
}

/* Index of the first region that ends above addr, cnt when there is none. O(log cnt). */
static inline unsigned long memblock_first_above(const struct memblock_type *type, phys_addr_t addr)
{
	const struct memblock_region *p;

	if (!type->cnt)
		return 0;
	p = memblock_last_from(type, addr);
	return (unsigned long)(p - type->regions) + (region_end(p) <= addr);
}

/* Regions of memory that an allocation or iteration with (nid, flags) must not see. */
static inline bool memblock_skip_region(const struct memblock_region *m, int nid,
					enum memblock_flags flags)
{
	if (numa_valid_node(nid) && nid != memblock_get_region_node(m))
		return true;
	if (likely(m->flags == MEMBLOCK_NONE))
		return flags & MEMBLOCK_MIRROR;
	if ((m->flags & MEMBLOCK_HOTPLUG) && !(flags & MEMBLOCK_HOTPLUG) &&
	    movable_node_is_enabled())
		return true;
	if ((flags & MEMBLOCK_MIRROR) && !(m->flags & MEMBLOCK_MIRROR))
		return true;
	return m->flags & ~flags & (MEMBLOCK_NOMAP | MEMBLOCK_DRIVER_MANAGED);
}

/* [memblock.c] Remove regions[idx .. idx + n); their sizes have been taken off total_size. */
void memblock_close_slots(struct memblock_type *type, unsigned long idx, unsigned long n);

/*
 * [memblock.c] Split regions so that none crosses an edge of [base, base + size); [*first, *last) are then the ones
 * inside. `avoid`: the range is no place for the array, should it have to grow.
 */
int memblock_isolate_range(struct memblock_type *type, phys_addr_t base, phys_addr_t size,
			   bool avoid, unsigned long *first, unsigned long *last);
int memblock_remove_range(struct memblock_type *type, phys_addr_t base, phys_addr_t size);

/* [memblock.c] memblock_reserve on behalf of `ip`. */
int memblock_reserve_from(phys_addr_t base, phys_addr_t size, unsigned long ip);

/*
 * [memblock_alloc.c] Free memory in [start, end) for anybody: mirrored if there is some, else any. Reserves nothing.
 * Returns 0 when there is none.
 */
phys_addr_t memblock_find_in_range(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				   phys_addr_t align);

static inline void memblock_event(enum event_op op, phys_addr_t base, phys_addr_t size, int nid,
				  u32 flags, unsigned long ip)
{
	if (memblock_record_events) {
		struct event e = {
			.op = op,
			.base = base,
			.size = size,
			.nid = nid,
			.flags = flags,
			.ip = ip,
		};

		event_record(&e);
	}
}

#endif
