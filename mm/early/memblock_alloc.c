/* SPDX-License-Identifier: MIT */
/*
 * memblock: finding free memory and reserving it.
 *
 * Owns no data. Free is what lies in memblock.memory and not in memblock.reserved; the search takes the eligible memory
 * regions from the top (or the bottom) and looks at the gaps between reservations in each. No locking: one CPU.
 *
 * Against Linux: the same address for the same request. Linux walks both arrays from their ends and then reserves by
 * walking from the start; here both the first gap and the place to reserve are found by binary search. An alignment
 * that would wrap around the top of the address space finds nothing (Linux returns an address below the range).
 */
#include "memblock_internal.h"

/* The largest aligned start of `size` bytes in [start, end), or 0. */
static inline phys_addr_t fit_high(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				   phys_addr_t align)
{
	phys_addr_t cand;

	if (end < size)
		return 0;
	cand = ALIGN_DOWN(end - size, align);
	return cand >= start ? cand : 0;
}

/* The smallest, or 0. */
static inline phys_addr_t fit_low(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				  phys_addr_t align)
{
	phys_addr_t cand = ALIGN(start, align);

	return cand >= start && cand < end && end - cand >= size ? cand : 0;
}

/* Reservations that overlap [start, end): from first_reserved(start) up to, not including, last_reserved(end). */
static inline const struct memblock_region *first_reserved(phys_addr_t start)
{
	return memblock.reserved.regions + memblock_first_above(&memblock.reserved, start);
}

static inline const struct memblock_region *last_reserved(phys_addr_t end)
{
	const struct memblock_region *r = first_reserved(end - 1);

	return r < memblock.reserved.regions + memblock.reserved.cnt && r->base < end ? r + 1 : r;
}

/*
 * Highest fit between the reservations in [start, end), which is memory. The gaps at the two ends are cut by start and
 * end; those between are not, so that the loop over them asks their size alone.
 */
static phys_addr_t find_gap_high(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				 phys_addr_t align)
{
	const struct memblock_region *r = last_reserved(end), *first = memblock.reserved.regions;
	phys_addr_t cand, gap = start, top = end;

	if (r > first && region_end(r - 1) > start)
		gap = region_end(r - 1);
	if (gap < end && end - gap >= size) {
		cand = fit_high(gap, end, size, align);
		if (cand)
			return cand;
	}
	if (gap == start)
		return 0;
	first = first_reserved(start);
	for (r--; r > first; r--) {
		top = r->base;
		gap = region_end(r - 1);
		if (top - gap >= size) {
			cand = fit_high(gap, top, size, align);
			if (cand)
				return cand;
		}
	}
	top = r->base;
	return top > start && top - start >= size ? fit_high(start, top, size, align) : 0;
}

/* Lowest fit. */
static phys_addr_t find_gap_low(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				phys_addr_t align)
{
	const struct memblock_region *r = first_reserved(start), *last;
	phys_addr_t cand, gap, top = end;

	last = memblock.reserved.regions + memblock.reserved.cnt;
	if (r < last && r->base < end)
		top = r->base;
	if (top > start && top - start >= size) {
		cand = fit_low(start, top, size, align);
		if (cand)
			return cand;
	}
	if (top == end)
		return 0;
	last = last_reserved(end);
	for (r++; r < last; r++) {
		gap = region_end(r - 1);
		if (r->base - gap >= size) {
			cand = fit_low(gap, r->base, size, align);
			if (cand)
				return cand;
		}
	}
	gap = region_end(r - 1);
	return gap < end && end - gap >= size ? fit_low(gap, end, size, align) : 0;
}

static phys_addr_t find_in_range_node(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				      phys_addr_t end, int nid, enum memblock_flags flags)
{
	struct memblock_type *memory = &memblock.memory;
	unsigned long i;
	phys_addr_t found;

	if (end == MEMBLOCK_ALLOC_ACCESSIBLE || end == MEMBLOCK_ALLOC_NOLEAKTRACE)
		end = memblock.current_limit;
	/* Page 0 is never given away: 0 means failure. */
	start = max(start, (phys_addr_t)PAGE_SIZE);
	if (end <= start)
		return 0;

	if (memblock_bottom_up()) {
		for (i = memblock_first_above(memory, start); i < memory->cnt; i++) {
			struct memblock_region *m = &memory->regions[i];

			if (m->base >= end)
				break;
			if (memblock_skip_region(m, nid, flags))
				continue;
			found = find_gap_low(max(m->base, start), min(region_end(m), end), size,
					     align);
			if (found)
				return found;
		}
		return 0;
	}

	i = memblock_first_above(memory, end - 1);
	if (i < memory->cnt && memory->regions[i].base < end)
		i++;
	while (i--) {
		struct memblock_region *m = &memory->regions[i];

		if (region_end(m) <= start)
			break;
		if (memblock_skip_region(m, nid, flags))
			continue;
		found = find_gap_high(max(m->base, start), min(region_end(m), end), size, align);
		if (found)
			return found;
	}
	return 0;
}

static enum memblock_flags wanted_flags(void)
{
	return memblock_has_mirror() ? MEMBLOCK_MIRROR : MEMBLOCK_NONE;
}

static void no_mirror(phys_addr_t size)
{
	pr_warn("Could not allocate %pa bytes of mirrored memory\n", &size);
}

phys_addr_t memblock_find_in_range(phys_addr_t start, phys_addr_t end, phys_addr_t size,
				   phys_addr_t align)
{
	enum memblock_flags flags = wanted_flags();
	phys_addr_t found = find_in_range_node(size, align, start, end, NUMA_NO_NODE, flags);

	if (!found && (flags & MEMBLOCK_MIRROR)) {
		no_mirror(size);
		found = find_in_range_node(size, align, start, end, NUMA_NO_NODE, MEMBLOCK_NONE);
	}
	return found;
}

/* Mirrored memory of the node, then of any node; then the same of any memory. */
static phys_addr_t alloc_range(phys_addr_t size, phys_addr_t align, phys_addr_t start,
			       phys_addr_t end, int nid, bool exact_nid)
{
	enum memblock_flags flags = wanted_flags();
	unsigned long ip = (unsigned long)memblock_alloc_range_nid;
	phys_addr_t found;

	if (WARN_ON_ONCE(memblock_closed))
		return 0;
	if (WARN_ON_ONCE(!align))
		align = SMP_CACHE_BYTES;
	for (;;) {
		found = find_in_range_node(size, align, start, end, nid, flags);
		if (found && !memblock_reserve_from(found, size, ip))
			return found;
		if (numa_valid_node(nid) && !exact_nid) {
			found = find_in_range_node(size, align, start, end, NUMA_NO_NODE, flags);
			if (found && !memblock_reserve_from(found, size, ip))
				return found;
		}
		if (!(flags & MEMBLOCK_MIRROR))
			return 0;
		flags &= ~MEMBLOCK_MIRROR;
		no_mirror(size);
	}
}

/* The request as an event, before the reservation that it leads to; its result is filled in afterwards. */
static u32 request_event(phys_addr_t size, phys_addr_t align, phys_addr_t start, phys_addr_t end,
			 int nid, enum event_request func, unsigned long ip)
{
	u32 idx = event_log.nr;
	struct event e = {
		.op = EVENT_ALLOC,
		.flags = func,
		.nid = nid,
		.size = size,
		.align = align,
		.min = start,
		.max = end,
		.ip = ip,
	};

	event_record(&e);
	return idx;
}

static phys_addr_t alloc_recorded(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				  phys_addr_t end, int nid, bool exact_nid, enum event_request func,
				  unsigned long ip)
{
	phys_addr_t found;
	u32 idx;

	if (!memblock_record_events)
		return alloc_range(size, align, start, end, nid, exact_nid);
	idx = request_event(size, align, start, end, nid, func, ip);
	found = alloc_range(size, align, start, end, nid, exact_nid);
	if (idx < event_log.nr)
		event_log.events[idx].base = found;
	return found;
}

phys_addr_t memblock_alloc_range_nid(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				     phys_addr_t end, int nid, bool exact_nid)
{
	return alloc_recorded(size, align, start, end, nid, exact_nid, REQUEST_SILENT, _RET_IP_);
}

phys_addr_t memblock_phys_alloc_range(phys_addr_t size, phys_addr_t align, phys_addr_t start,
				      phys_addr_t end)
{
	memblock_dbg(
		"memblock_phys_alloc_range: %llu bytes align=0x%llx from=%pa max_addr=%pa %pS\n",
		(unsigned long long)size, (unsigned long long)align, &start, &end,
		(void *)_RET_IP_);
	return alloc_recorded(size, align, start, end, NUMA_NO_NODE, false, REQUEST_PHYS_RANGE,
			      _RET_IP_);
}

phys_addr_t memblock_phys_alloc_try_nid(phys_addr_t size, phys_addr_t align, int nid)
{
	return alloc_recorded(size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE, nid, false, REQUEST_SILENT,
			      _RET_IP_);
}

/* As a pointer; min_addr is dropped when it cannot be met. */
static void *alloc_internal(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			    phys_addr_t max_addr, int nid, bool exact_nid, enum event_request func,
			    unsigned long ip)
{
	phys_addr_t found;

	if (max_addr > memblock.current_limit)
		max_addr = memblock.current_limit;
	found = alloc_recorded(size, align, min_addr, max_addr, nid, exact_nid, func, ip);
	if (!found && min_addr)
		found = alloc_recorded(size, align, 0, max_addr, nid, exact_nid, func, ip);
	return found ? phys_to_virt(found) : NULL;
}

static void log_request(const char *func, phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			phys_addr_t max_addr, int nid, unsigned long ip)
{
	memblock_dbg("%s: %llu bytes align=0x%llx nid=%d from=%pa max_addr=%pa %pS\n", func,
		     (unsigned long long)size, (unsigned long long)align, nid, &min_addr, &max_addr,
		     (void *)ip);
}

void *memblock_alloc_exact_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				   phys_addr_t max_addr, int nid)
{
	log_request("memblock_alloc_exact_nid_raw", size, align, min_addr, max_addr, nid, _RET_IP_);
	return alloc_internal(size, align, min_addr, max_addr, nid, true, REQUEST_EXACT_NID_RAW,
			      _RET_IP_);
}

void *memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				 phys_addr_t max_addr, int nid)
{
	log_request("memblock_alloc_try_nid_raw", size, align, min_addr, max_addr, nid, _RET_IP_);
	return alloc_internal(size, align, min_addr, max_addr, nid, false, REQUEST_TRY_NID_RAW,
			      _RET_IP_);
}

void *memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			     phys_addr_t max_addr, int nid)
{
	void *p;

	log_request("memblock_alloc_try_nid", size, align, min_addr, max_addr, nid, _RET_IP_);
	p = alloc_internal(size, align, min_addr, max_addr, nid, false, REQUEST_TRY_NID, _RET_IP_);
	if (p)
		memset(p, 0, size);
	return p;
}
