/* SPDX-License-Identifier: MIT */
/*
 * memblock: what stands on the arrays. Iterators, look-ups, totals, limits on memory, the dump and the check. Owns no
 * data. No locking: one CPU.
 *
 * Against Linux: the same iteration order and positions (a position is two array indices); look-ups that Linux does
 * by walking the array are binary searches. The empty gap between two reserved regions that touch is not given (Linux gives it).
 */
#include <quire/mmzone.h>
#include "memblock_internal.h"

/* ------------------------------------------------------------------ iterators */

static inline u64 position(unsigned long a, unsigned long b)
{
	return (u32)a | (u64)b << 32;
}

static inline void give(const struct memblock_region *m, phys_addr_t start, phys_addr_t end,
			phys_addr_t *out_start, phys_addr_t *out_end, int *out_nid)
{
	if (out_start)
		*out_start = start;
	if (out_end)
		*out_end = end;
	if (out_nid)
		*out_nid = memblock_get_region_node(m);
}

/* Gap b of a type: between regions b - 1 and b. */
static inline phys_addr_t gap_start(const struct memblock_type *type, unsigned long b)
{
	return b ? region_end(&type->regions[b - 1]) : 0;
}

static inline phys_addr_t gap_end(const struct memblock_type *type, unsigned long b)
{
	return b < type->cnt ? type->regions[b].base : PHYS_ADDR_MAX;
}

void __next_mem_range(u64 *idx, int nid, enum memblock_flags flags, struct memblock_type *type_a,
		      struct memblock_type *type_b, phys_addr_t *out_start, phys_addr_t *out_end,
		      int *out_nid)
{
	unsigned long a = (u32)*idx, b = *idx >> 32;
	bool all = type_a != &memblock.memory;

	for (; a < type_a->cnt; a++) {
		const struct memblock_region *m = &type_a->regions[a];
		phys_addr_t start = m->base, end = region_end(m), free_start, free_end;

		if (!all && memblock_skip_region(m, nid, flags))
			continue;
		if (!type_b) {
			give(m, start, end, out_start, out_end, out_nid);
			*idx = position(a + 1, b);
			return;
		}
		/* Both arrays are sorted: of a region and a gap, the one that ends first is left first. */
		for (; b <= type_b->cnt; b++) {
			free_start = gap_start(type_b, b);
			if (free_start >= end)
				break;
			free_end = gap_end(type_b, b);
			if (free_end <= start || free_end == free_start)
				continue;
			give(m, max(start, free_start), min(end, free_end), out_start, out_end,
			     out_nid);
			*idx = end <= free_end ? position(a + 1, b) : position(a, b + 1);
			return;
		}
	}
	*idx = U64_MAX;
}

void __next_mem_range_rev(u64 *idx, int nid, enum memblock_flags flags,
			  struct memblock_type *type_a, struct memblock_type *type_b,
			  phys_addr_t *out_start, phys_addr_t *out_end, int *out_nid)
{
	/* Signed: a position below the first region or gap is -1. */
	s32 a = (s32)*idx, b = (s32)(*idx >> 32);
	bool all = type_a != &memblock.memory;

	if (*idx == U64_MAX) {
		a = (s32)type_a->cnt - 1;
		b = type_b ? (s32)type_b->cnt : 0;
	}
	for (; a >= 0; a--) {
		const struct memblock_region *m = &type_a->regions[a];
		phys_addr_t start = m->base, end = region_end(m), free_start, free_end;

		if (!all && memblock_skip_region(m, nid, flags))
			continue;
		if (!type_b) {
			give(m, start, end, out_start, out_end, out_nid);
			*idx = position((unsigned long)(a - 1), (unsigned long)b);
			return;
		}
		for (; b >= 0; b--) {
			free_end = gap_end(type_b, (unsigned long)b);
			if (free_end <= start)
				break;
			free_start = gap_start(type_b, (unsigned long)b);
			if (free_start >= end || free_start == free_end)
				continue;
			give(m, max(start, free_start), min(end, free_end), out_start, out_end,
			     out_nid);
			if (start >= free_start)
				a--;
			else
				b--;
			*idx = position((unsigned long)a, (unsigned long)b);
			return;
		}
	}
	*idx = U64_MAX;
}

void __next_mem_pfn_range(int *idx, int nid, unsigned long *out_start_pfn,
			  unsigned long *out_end_pfn, int *out_nid)
{
	const struct memblock_type *type = &memblock.memory;
	unsigned long i, start, end;

	for (i = (unsigned long)(*idx + 1); i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		start = PFN_UP(r->base);
		end = PFN_DOWN(region_end(r));
		if (start >= end || (numa_valid_node(nid) && nid != memblock_get_region_node(r)))
			continue;
		if (out_start_pfn)
			*out_start_pfn = start;
		if (out_end_pfn)
			*out_end_pfn = end;
		if (out_nid)
			*out_nid = memblock_get_region_node(r);
		*idx = (int)i;
		return;
	}
	*idx = -1;
}

#if NODES_SHIFT > 0
void __next_mem_pfn_range_in_zone(u64 *idx, struct zone *zone, unsigned long *out_spfn,
				  unsigned long *out_epfn)
{
	unsigned long spfn, epfn;
	phys_addr_t start, end;

	for (;;) {
		__next_mem_range(idx, zone_to_nid(zone), MEMBLOCK_NONE, &memblock.memory,
				 &memblock.reserved, &start, &end, NULL);
		if (*idx == U64_MAX)
			break;
		spfn = PFN_UP(start);
		epfn = PFN_DOWN(end);
		if (epfn <= zone->zone_start_pfn || epfn <= spfn)
			continue;
		if (spfn >= zone_end_pfn(zone)) {
			*idx = U64_MAX;
			break;
		}
		if (out_spfn)
			*out_spfn = max(zone->zone_start_pfn, spfn);
		if (out_epfn)
			*out_epfn = min(zone_end_pfn(zone), epfn);
		return;
	}
	if (out_spfn)
		*out_spfn = ULONG_MAX;
	if (out_epfn)
		*out_epfn = 0;
}
#endif

/* ------------------------------------------------------------------ look-ups */

unsigned long memblock_addrs_overlap(phys_addr_t base1, phys_addr_t size1, phys_addr_t base2,
				     phys_addr_t size2)
{
	return base1 < base2 + memblock_capped(base2, size2) &&
	       base2 < base1 + memblock_capped(base1, size1);
}

bool memblock_overlaps_region(struct memblock_type *type, phys_addr_t base, phys_addr_t size)
{
	unsigned long i = memblock_first_above(type, base);

	return i < type->cnt && type->regions[i].base < base + memblock_capped(base, size);
}

/* The region that holds addr, or NULL. */
static inline const struct memblock_region *region_at(const struct memblock_type *type,
						      phys_addr_t addr)
{
	const struct memblock_region *r;

	if (!type->cnt)
		return NULL;
	r = memblock_last_from(type, addr);
	return r->base <= addr && addr < region_end(r) ? r : NULL;
}

bool memblock_is_reserved(phys_addr_t addr)
{
	return region_at(&memblock.reserved, addr);
}

bool memblock_is_memory(phys_addr_t addr)
{
	return region_at(&memblock.memory, addr);
}

bool memblock_is_map_memory(phys_addr_t addr)
{
	const struct memblock_region *r = region_at(&memblock.memory, addr);

	return r && !(r->flags & MEMBLOCK_NOMAP);
}

bool memblock_is_region_memory(phys_addr_t base, phys_addr_t size)
{
	const struct memblock_region *r = region_at(&memblock.memory, base);

	return r && region_end(r) >= base + memblock_capped(base, size);
}

bool memblock_is_region_reserved(phys_addr_t base, phys_addr_t size)
{
	return memblock_overlaps_region(&memblock.reserved, base, size);
}

int memblock_search_pfn_nid(unsigned long pfn, unsigned long *start_pfn, unsigned long *end_pfn)
{
	const struct memblock_region *r = region_at(&memblock.memory, PFN_PHYS(pfn));

	if (!r)
		return NUMA_NO_NODE;
	*start_pfn = PFN_DOWN(r->base);
	*end_pfn = PFN_DOWN(region_end(r));
	return memblock_get_region_node(r);
}

bool memblock_validate_numa_coverage(unsigned long threshold_bytes)
{
	unsigned long start_pfn, end_pfn, nr_pages = 0;
	int nid, i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &start_pfn, &end_pfn,
			       &nid) if (!numa_valid_node(nid)) nr_pages += end_pfn - start_pfn;
	if ((nr_pages << PAGE_SHIFT) <= threshold_bytes)
		return true;
	pr_err("NUMA: no nodes coverage for %luMB of %luMB RAM\n", (nr_pages << PAGE_SHIFT) >> 20,
	       (unsigned long)(memblock.memory.total_size >> 20));
	return false;
}

phys_addr_t memblock_phys_mem_size(void)
{
	return memblock.memory.total_size;
}

phys_addr_t memblock_reserved_size(void)
{
	return memblock.reserved.total_size;
}

unsigned long memblock_estimated_nr_free_pages(void)
{
	return PHYS_PFN(memblock_phys_mem_size() - memblock_reserved_size());
}

phys_addr_t memblock_start_of_DRAM(void)
{
	return memblock.memory.cnt ? memblock.memory.regions[0].base : 0;
}

phys_addr_t memblock_end_of_DRAM(void)
{
	return memblock.memory.cnt ? region_end(&memblock.memory.regions[memblock.memory.cnt - 1])
				   : 0;
}

/* ------------------------------------------------------------------ limits */

void memblock_trim_memory(phys_addr_t align)
{
	struct memblock_type *type = &memblock.memory;
	unsigned long i, out = 0;

	for (i = 0; i < type->cnt; i++) {
		struct memblock_region r = type->regions[i];
		phys_addr_t start = ALIGN(r.base, align);
		phys_addr_t end = ALIGN_DOWN(region_end(&r), align);

		type->total_size -= r.size;
		if (start < r.base || start >= end)
			continue;
		r.base = start;
		r.size = end - start;
		type->total_size += r.size;
		type->regions[out++] = r;
	}
	memblock_close_slots(type, out, type->cnt - out);
}

/* The address below which lie `limit` bytes of memory, PHYS_ADDR_MAX when there are fewer. */
static phys_addr_t find_max_addr(phys_addr_t limit)
{
	struct memblock_region *r;

	for_each_mem_region(r)
	{
		if (limit <= r->size)
			return r->base + limit;
		limit -= r->size;
	}
	return PHYS_ADDR_MAX;
}

void memblock_enforce_memory_limit(phys_addr_t limit)
{
	phys_addr_t max_addr = limit ? find_max_addr(limit) : PHYS_ADDR_MAX;

	if (max_addr == PHYS_ADDR_MAX)
		return;
	memblock_event(EVENT_LIMIT, 0, max_addr, NUMA_NO_NODE, 0, _RET_IP_);
	memblock_remove_range(&memblock.memory, max_addr, PHYS_ADDR_MAX);
	memblock_remove_range(&memblock.reserved, max_addr, PHYS_ADDR_MAX);
}

static void cap_memory_range(phys_addr_t base, phys_addr_t size, unsigned long ip)
{
	struct memblock_type *type = &memblock.memory;
	unsigned long first, last, i, out = 0;

	if (!size)
		return;
	if (!type->total_size) {
		pr_warn("memblock_cap_memory_range: No memory registered yet\n");
		return;
	}
	memblock_event(EVENT_LIMIT, base, size, NUMA_NO_NODE, 0, ip);
	if (memblock_isolate_range(type, base, size, false, &first, &last))
		return;
	for (i = 0; i < type->cnt; i++) {
		struct memblock_region *r = &type->regions[i];

		if ((i < first || i >= last) && !memblock_is_nomap(r)) {
			type->total_size -= r->size;
			continue;
		}
		if (out != i)
			type->regions[out] = *r;
		out++;
	}
	memblock_close_slots(type, out, type->cnt - out);
	memblock_remove_range(&memblock.reserved, 0, base);
	if (size < PHYS_ADDR_MAX - base)
		memblock_remove_range(&memblock.reserved, base + size, PHYS_ADDR_MAX);
}

void memblock_cap_memory_range(phys_addr_t base, phys_addr_t size)
{
	cap_memory_range(base, size, _RET_IP_);
}

void memblock_mem_limit_remove_map(phys_addr_t limit)
{
	phys_addr_t max_addr = limit ? find_max_addr(limit) : PHYS_ADDR_MAX;

	if (max_addr != PHYS_ADDR_MAX)
		cap_memory_range(0, max_addr, _RET_IP_);
}

void memblock_set_current_limit(phys_addr_t limit)
{
	memblock.current_limit = limit;
}

phys_addr_t memblock_get_current_limit(void)
{
	return memblock.current_limit;
}

/* ------------------------------------------------------------------ dump and check */

static void dump_type(const struct memblock_type *type)
{
	unsigned long i;

	pr_info(" %s.cnt  = 0x%lx\n", type->name, type->cnt);
	for (i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];
		phys_addr_t last = region_end(r) - 1;
		char node[32] = "";

#if NODES_SHIFT > 0
		if (numa_valid_node(r->nid))
			quire_snprintf(node, sizeof(node), " on node %d", r->nid);
#endif
		pr_info(" %s[0x%lx]\t[%pa-%pa], %pa bytes%s flags: 0x%x\n", type->name, i, &r->base,
			&last, &r->size, node, r->flags);
	}
}

void memblock_dump_all(void)
{
	if (!memblock_debug)
		return;
	pr_info("MEMBLOCK configuration:\n");
	pr_info(" memory size = %pa reserved size = %pa\n", &memblock.memory.total_size,
		&memblock.reserved.total_size);
	dump_type(&memblock.memory);
	dump_type(&memblock.reserved);
	if (physmem.cnt)
		dump_type(&physmem);
}

static int check_type(const struct memblock_type *type)
{
	const struct memblock_region *r = type->regions;
	phys_addr_t total = 0;
	unsigned long i;
	int bad = 0;

	if (type->cnt > type->max) {
		pr_err("memblock: %s has %lu regions in room for %lu\n", type->name, type->cnt,
		       type->max);
		bad++;
	}
	for (i = 0; i < type->cnt; i++, r++) {
		total += r->size;
		if (!r->size || r->size > PHYS_ADDR_MAX - r->base) {
			pr_err("memblock: %s[0x%lx] at %pa has size %pa\n", type->name, i, &r->base,
			       &r->size);
			bad++;
		}
		if (!i)
			continue;
		if (region_end(&r[-1]) > r->base) {
			pr_err("memblock: %s[0x%lx] at %pa overlaps the region before\n",
			       type->name, i, &r->base);
			bad++;
		}
		if (region_end(&r[-1]) == r->base && regions_alike(&r[-1], r) &&
		    !(r->flags & MEMBLOCK_NOMAP)) {
			pr_err("memblock: %s[0x%lx] at %pa is not merged with the region before\n",
			       type->name, i, &r->base);
			bad++;
		}
	}
	if (total != type->total_size) {
		pr_err("memblock: %s.total_size is %pa, the regions have %pa\n", type->name,
		       &type->total_size, &total);
		bad++;
	}
	return bad;
}

int memblock_check(void)
{
	return check_type(&memblock.memory) + check_type(&memblock.reserved) + check_type(&physmem);
}
