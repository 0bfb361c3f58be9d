/* SPDX-License-Identifier: MIT */
/*
 * memblock: the region arrays, and adding, removing and splitting ranges.
 *
 * Owns `memblock`, `physmem` and the memory that their arrays lie in. Invariants: those of struct memblock_type, checked by
 * memblock_check(). No locking: one CPU, before the page allocator.
 *
 * Against Linux: the same results region for region, and arrays double when Linux's do (but not before memory is
 * removed, and never into the range that is being removed or reserved); but a range is found by binary search, its
 * pieces are merged as they are written instead of inserted and merged afterwards, and the array keeps free slots at
 * both ends, so that making room moves the shorter side:
 *
 *        array->base      regions                                     array->base + array->cap
 *        |  free slots    | 0 | 1 | ...            ... | cnt-1 |  free slots |
 *
 * And an array may grow before the linear map exists (Linux panics): it moves into a static spare.
 */
#include <quire/build_profile.h>

#include "memblock_internal.h"

#define INIT_MEMBLOCK_REGIONS 128
/* As arm64 has them: firmware may hand over many small banks, and each CPU may bring a reservation (GIC tables). */
#ifndef QUIRE_MEMBLOCK_MEMORY_REGIONS
#define QUIRE_MEMBLOCK_MEMORY_REGIONS (INIT_MEMBLOCK_REGIONS * 8)
#endif
#ifndef QUIRE_MEMBLOCK_RESERVED_REGIONS
#define QUIRE_MEMBLOCK_RESERVED_REGIONS (INIT_MEMBLOCK_REGIONS + NR_CPUS + 1)
#endif
#define INIT_PHYSMEM_REGIONS 4

/*
 * The left side is moved only when it is that many regions shorter than the right one: small arrays, where nothing can be
 * gained, keep `regions` where it is, and callers that hold pointers to regions see what they see in Linux.
 */
#define MOVE_BIAS 32

static struct memblock_region memory_init[QUIRE_MEMBLOCK_MEMORY_REGIONS];
static struct memblock_region reserved_init[QUIRE_MEMBLOCK_RESERVED_REGIONS];
static struct memblock_region physmem_init[INIT_PHYSMEM_REGIONS];

/* Not cleared at start (the section's name says so to the board's linker script): untouched, they cost nothing. */
#define __spare __attribute__((section(".bss.noinit"))) __aligned(PAGE_SIZE)
static struct memblock_region memory_spare[MEMBLOCK_SPARE_REGIONS] __spare;
static struct memblock_region reserved_spare[MEMBLOCK_SPARE_REGIONS] __spare;

struct memblock memblock = {
	.current_limit = MEMBLOCK_ALLOC_ANYWHERE,
	.memory = {.regions = memory_init, .max = ARRAY_SIZE(memory_init), .name = "memory"},
	.reserved = {.regions = reserved_init,
		     .max = ARRAY_SIZE(reserved_init),
		     .name = "reserved"},
};

struct memblock_type physmem = {
	.regions = physmem_init,
	.max = ARRAY_SIZE(physmem_init),
	.name = "physmem",
};

unsigned long max_low_pfn, min_low_pfn, max_pfn;
unsigned long long max_possible_pfn;

bool memblock_debug;
bool memblock_record_events = true;
bool memblock_closed;
bool movable_node_enabled;
bool mirrored_kernelcore;
static bool can_resize;

/* The memory that a type's regions lie in. `dynamic`: taken from memblock itself, so given back when it is left. */
struct region_array {
	struct memblock_region *base;
	unsigned long cap;
	struct memblock_region *init, *spare;
	unsigned long init_cap, spare_cap;
	bool dynamic;
	bool refused; /* could not grow, and the log says so */
};

enum { MEMORY, RESERVED, PHYSMEM };

static struct region_array arrays[] = {
	[MEMORY] = {.base = memory_init,
		    .cap = ARRAY_SIZE(memory_init),
		    .init = memory_init,
		    .init_cap = ARRAY_SIZE(memory_init),
		    .spare = memory_spare,
		    .spare_cap = ARRAY_SIZE(memory_spare)},
	[RESERVED] = {.base = reserved_init,
		      .cap = ARRAY_SIZE(reserved_init),
		      .init = reserved_init,
		      .init_cap = ARRAY_SIZE(reserved_init),
		      .spare = reserved_spare,
		      .spare_cap = ARRAY_SIZE(reserved_spare)},
	[PHYSMEM] = {.base = physmem_init,
		     .cap = ARRAY_SIZE(physmem_init),
		     .init = physmem_init,
		     .init_cap = ARRAY_SIZE(physmem_init)},
};

/* ------------------------------------------------------------------ arrays */

static inline bool within(const struct memblock_region *p, const struct memblock_region *base,
			  unsigned long cap)
{
	return (unsigned long)p - (unsigned long)base < cap * sizeof(*p);
}

static noinline void adopt(struct memblock_type *type, struct region_array *a)
{
	a->dynamic = false;
	if (within(type->regions, a->init, a->init_cap)) {
		a->base = a->init;
		a->cap = a->init_cap;
	} else if (a->spare && within(type->regions, a->spare, a->spare_cap)) {
		a->base = a->spare;
		a->cap = a->spare_cap;
	} else {
		a->base = type->regions;
		a->cap = type->max;
	}
}

/*
 * The array of a type. `regions` is a public field: who points it elsewhere (as Linux's own tests do, back to an array
 * it had before) gets that array adopted, with `max` entries when it is not one of ours.
 */
static inline struct region_array *array_of(struct memblock_type *type)
{
	struct region_array *a = type == &memblock.reserved ? &arrays[RESERVED]
				 : type == &memblock.memory ? &arrays[MEMORY]
							    : &arrays[PHYSMEM];

	if (unlikely(!within(type->regions, a->base, a->cap)))
		adopt(type, a);
	return a;
}

static inline bool has_room(struct memblock_type *type, unsigned long n)
{
	return type->cnt + n <= min(type->max, array_of(type)->cap);
}

static inline void move_regions(struct memblock_region *dst, const struct memblock_region *src,
				unsigned long n)
{
	if (n)
		memmove(dst, src, n * sizeof(*dst));
}

/* Make a hole of n at idx and divide all other free slots between both ends. */
static void spread(struct memblock_type *type, struct region_array *a, unsigned long idx,
		   unsigned long n)
{
	struct memblock_region *to = a->base + (a->cap - type->cnt - n) / 2;
	struct memblock_region *from = type->regions;
	unsigned long right = type->cnt - idx;

	if (to >= from) {
		move_regions(to + idx + n, from + idx, right);
		move_regions(to, from, idx);
	} else {
		move_regions(to, from, idx);
		move_regions(to + idx + n, from + idx, right);
	}
	type->regions = to;
	type->cnt += n;
}

/* Open n slots before regions[idx]; has_room() holds. */
static void open_slots(struct memblock_type *type, unsigned long idx, unsigned long n)
{
	struct region_array *a = array_of(type);
	unsigned long head = (unsigned long)(type->regions - a->base);
	unsigned long tail = a->cap - head - type->cnt;
	unsigned long right = type->cnt - idx;
	bool left = idx + MOVE_BIAS < right;

	BUG_ON(head + tail < n);
	if (left ? head < n : tail < n) {
		/* Moving the other side would cost as much, and again next time. */
		spread(type, a, idx, n);
	} else if (left) {
		type->regions -= n;
		type->cnt += n;
		move_regions(type->regions, type->regions + n, idx);
	} else {
		move_regions(type->regions + idx + n, type->regions + idx, right);
		type->cnt += n;
	}
}

/* Close regions[idx .. idx + n). */
void memblock_close_slots(struct memblock_type *type, unsigned long idx, unsigned long n)
{
	unsigned long right = type->cnt - idx - n;

	if (!n)
		return;
	type->cnt -= n;
	if (idx + MOVE_BIAS < right) {
		array_of(type);
		move_regions(type->regions + n, type->regions, idx);
		type->regions += n;
	} else {
		move_regions(type->regions + idx, type->regions + idx + n, right);
	}
	if (!type->cnt) {
		/* An empty type has one empty region, for those who look at regions[0] without asking cnt. */
		type->regions[0] = (struct memblock_region){0};
		memblock_set_region_node(&type->regions[0], MAX_NUMNODES);
	}
}

/* Move the regions to the middle of another array. */
static void switch_array(struct memblock_type *type, struct region_array *a,
			 struct memblock_region *base, unsigned long cap, bool dynamic)
{
	struct memblock_region *to = base + (type->cnt > MOVE_BIAS ? (cap - type->cnt) / 2 : 0);

	move_regions(to, type->regions, type->cnt);
	type->regions = to;
	type->max = cap;
	a->base = base;
	a->cap = cap;
	a->dynamic = dynamic;
}

static int phys_free_from(phys_addr_t base, phys_addr_t size, unsigned long ip);

/*
 * Give `type` a larger array: twice the size, in memory outside [avoid_base, avoid_base + avoid_size), which the caller
 * is about to reserve; or the static spare, when the linear map is not up or has no room. Indices and `regions` change;
 * the type may gain the region of its own array.
 */
static noinline int memblock_double_array(struct memblock_type *type, phys_addr_t avoid_base,
					  phys_addr_t avoid_size)
{
	struct region_array *a = array_of(type);
	struct memblock_region *old = a->base;
	phys_addr_t old_bytes = PAGE_ALIGN(a->cap * sizeof(*old));
	unsigned long new_max = type->max * 2;
	phys_addr_t bytes = PAGE_ALIGN(new_max * sizeof(*old)), addr = 0, last;
	bool old_dynamic = a->dynamic;

	if (build_profile && !can_resize)
		panic("memblock: cannot resize %s array", type->name);

	if (!avoid_size)
		avoid_base = 0;
	if (can_resize) {
		addr = memblock_find_in_range(avoid_base + avoid_size, memblock.current_limit,
					      bytes, PAGE_SIZE);
		/* An end of 0 would mean no limit. */
		if (!addr && avoid_base > PAGE_SIZE)
			addr = memblock_find_in_range(0, min(avoid_base, memblock.current_limit),
						      bytes, PAGE_SIZE);
	}
	if (addr) {
		last = addr + new_max * sizeof(*old) - 1;
		memblock_dbg("memblock: %s is doubled to %lu at [%pa-%pa]\n", type->name, new_max,
			     &addr, &last);
		switch_array(type, a, __va(addr), new_max, true);
	} else if (a->spare && a->base != a->spare && a->spare_cap > type->max) {
		switch_array(type, a, a->spare, a->spare_cap, false);
	} else {
		if (!a->refused)
			pr_err("memblock: Failed to double %s array from %lu to %lu entries !\n",
			       type->name, type->max, new_max);
		a->refused = true;
		return -ENOMEM;
	}
	/*
	 * Reserved before the old one is freed (Linux frees first): either may make the other type grow, and that array
	 * must find this one taken. The type has room for at least two more regions now, so it does not grow again.
	 */
	if (addr)
		BUG_ON(memblock_reserve_from(addr, bytes, (unsigned long)memblock_double_array));
	if (old_dynamic)
		phys_free_from(__pa(old), old_bytes, (unsigned long)memblock_free);
	return 0;
}

/* Room for n more regions, growing if need be into memory outside the range. */
static int make_room(struct memblock_type *type, unsigned long n, phys_addr_t avoid_base,
		     phys_addr_t avoid_size)
{
	while (unlikely(!has_room(type, n)))
		if (memblock_double_array(type, avoid_base, avoid_size))
			return -ENOMEM;
	return 0;
}

void memblock_allow_resize(void)
{
	can_resize = true;
}

bool memblock_unused_spare(unsigned int index, void **start, size_t *size)
{
	if (index > RESERVED || arrays[index].base == arrays[index].spare)
		return false;
	*start = arrays[index].spare;
	*size = ALIGN_DOWN(arrays[index].spare_cap * sizeof(struct memblock_region), PAGE_SIZE);
	return true;
}

void memblock_set_debug(bool on)
{
	memblock_debug = on;
}

/* ------------------------------------------------------------------ ranges */

/* A range between regions idx - 1 and idx would merge with one of them. */
static bool touches_alike(struct memblock_type *type, unsigned long idx, phys_addr_t base,
			  phys_addr_t size, int nid, enum memblock_flags flags)
{
	struct memblock_region *r = type->regions + idx;

	return (idx && region_end(r - 1) == base && region_is(r - 1, nid, flags)) ||
	       (idx < type->cnt && r->base == base + size && region_is(r, nid, flags));
}

/* [base, base + size) lies between regions idx - 1 and idx, and there is room for one more unless it merges. */
static inline void add_between(struct memblock_type *type, unsigned long idx, phys_addr_t base,
			       phys_addr_t size, int nid, enum memblock_flags flags)
{
	struct memblock_region *r = type->regions + idx;
	bool below = idx && region_end(r - 1) == base && region_is(r - 1, nid, flags);
	bool above = idx < type->cnt && r->base == base + size && region_is(r, nid, flags);

	type->total_size += size;
	if (below && above) {
		r[-1].size += size + r->size;
		memblock_close_slots(type, idx, 1);
	} else if (below) {
		r[-1].size += size;
	} else if (above) {
		r->base = base;
		r->size += size;
	} else {
		open_slots(type, idx, 1);
		r = type->regions + idx;
		r->base = base;
		r->size = size;
		r->flags = flags;
		memblock_set_region_node(r, nid);
	}
}

/* Append a region to the ones written so far (`out` of them), or extend the last when it touches and is alike. */
static unsigned long emit(struct memblock_region *regions, unsigned long out, phys_addr_t base,
			  phys_addr_t size, int nid, enum memblock_flags flags)
{
	struct memblock_region *r = regions + out;

	if (out && region_end(r - 1) == base && region_is(r - 1, nid, flags)) {
		r[-1].size += size;
		return out;
	}
	r->base = base;
	r->size = size;
	r->flags = flags;
	memblock_set_region_node(r, nid);
	return out + 1;
}

/*
 * Regions [first, last) overlap [base, end) and some of them differ from what is added: fill the `gaps` between them.
 * The regions are first moved up by `gaps`, so that what is written never overtakes what is read.
 */
static void add_into_gaps(struct memblock_type *type, unsigned long first, unsigned long last,
			  unsigned long gaps, phys_addr_t base, phys_addr_t end, int nid,
			  enum memblock_flags flags)
{
	struct memblock_region *regions, r;
	unsigned long i, out = first;

	open_slots(type, first, gaps);
	regions = type->regions;
	for (i = first + gaps; i < last + gaps; i++) {
		r = regions[i];
		if (r.base > base) {
#if NODES_SHIFT > 0
			WARN_ON(nid != memblock_get_region_node(&r));
#endif
			WARN_ON(flags != r.flags);
			out = emit(regions, out, base, r.base - base, nid, flags);
		}
		out = emit(regions, out, r.base, r.size, memblock_get_region_node(&r), r.flags);
		base = region_end(&r);
	}
	if (base < end)
		out = emit(regions, out, base, end - base, nid, flags);
	if (i < type->cnt) {
		r = regions[i++];
		out = emit(regions, out, r.base, r.size, memblock_get_region_node(&r), r.flags);
	}
	memblock_close_slots(type, out, i - out);
}

/*
 * Sections that have not been initialised are read from the regions later, so a change after the
 * hand-over would give a page twice or lose it. Who has memory to give back then calls memblock_free_late.
 */
static noinline int memblock_is_closed(void)
{
	WARN_ON_ONCE(true);
	return -EBUSY;
}

/* Add [base, base + size) where nothing is yet. Linux: memblock_add_range. */
static int memblock_add_range(struct memblock_type *type, phys_addr_t base, phys_addr_t size,
			      int nid, enum memblock_flags flags)
{
	phys_addr_t end, cursor, added, avoid;
	struct memblock_region *r;
	unsigned long first, last, gaps;
	bool alike;

	if (unlikely(memblock_closed))
		return memblock_is_closed();
	size = memblock_capped(base, size);
	if (!size)
		return 0;
	end = base + size;
	/* The array must not come to lie where the caller wants its reservation. */
	avoid = type == &memblock.reserved ? size : 0;
again:
	first = type->cnt;
	if (first && region_end(&type->regions[first - 1]) > base)
		first = memblock_first_above(type, base);
	r = type->regions + first;
	if (likely(first == type->cnt || r->base >= end)) {
		if (unlikely(!has_room(type, 1))) {
			if (!make_room(type, 1, base, avoid))
				goto again;
			if (!touches_alike(type, first, base, size, nid, flags))
				return -ENOMEM;
		}
		add_between(type, first, base, size, nid, flags);
		return 0;
	}

	cursor = base;
	gaps = added = 0;
	alike = true;
	for (last = first; last < type->cnt && r->base < end; last++, r++) {
		if (r->base > cursor) {
			gaps++;
			added += r->base - cursor;
		}
		alike = alike && region_is(r, nid, flags);
		cursor = region_end(r);
	}
	if (cursor < end) {
		gaps++;
		added += end - cursor;
	}
	if (!gaps)
		return 0;
	if (!has_room(type, gaps)) {
		if (make_room(type, gaps, base, avoid))
			return -ENOMEM;
		goto again;
	}
	type->total_size += added;
	if (!alike) {
		add_into_gaps(type, first, last, gaps, base, end, nid, flags);
		return 0;
	}
	/* All one kind: they become one region, together with what touches it on either side. */
	r = type->regions;
	base = min(base, r[first].base);
	end = max(end, cursor);
	if (first && region_end(&r[first - 1]) == base && region_is(&r[first - 1], nid, flags))
		base = r[--first].base;
	if (last < type->cnt && r[last].base == end && region_is(&r[last], nid, flags))
		end = region_end(&r[last++]);
	r[first].base = base;
	r[first].size = end - base;
	memblock_close_slots(type, first + 1, last - first - 1);
	return 0;
}

/* Split regions[idx] at `at`, which lies inside it; there is room. */
static void split_region(struct memblock_type *type, unsigned long idx, phys_addr_t at)
{
	struct memblock_region *r;

	open_slots(type, idx, 1);
	r = type->regions + idx;
	r[0] = r[1];
	r[0].size = at - r[0].base;
	r[1].size -= r[0].size;
	r[1].base = at;
}

/*
 * Split regions so that none crosses an edge of [base, base + size); [*first, *last) are then the ones inside. Linux
 * grows the array whenever two more regions would not fit, so does this, but it fails only when it must split. `avoid`:
 * the range is no place for the array.
 */
int memblock_isolate_range(struct memblock_type *type, phys_addr_t base, phys_addr_t size,
			   bool avoid, unsigned long *first, unsigned long *last)
{
	struct memblock_region *r;
	phys_addr_t end;
	unsigned long need;
	bool room;

	*first = *last = 0;
	if (unlikely(memblock_closed))
		return memblock_is_closed();
	size = memblock_capped(base, size);
	if (!size)
		return 0;
	end = base + size;
	room = !make_room(type, 2, base, avoid ? size : 0);

	*first = *last = memblock_first_above(type, base);
	r = type->regions + *first;
	if (*first == type->cnt || r->base >= end)
		return 0;
	/* The last one may be the first. */
	*last = memblock_first_above(type, end - 1);
	if (*last < type->cnt && type->regions[*last].base < end)
		(*last)++;
	if (!room) {
		need = (r->base < base) + (region_end(&type->regions[*last - 1]) > end);
		if (!has_room(type, need))
			return -ENOMEM;
	}
	if (r->base < base) {
		split_region(type, *first, base);
		(*first)++;
		(*last)++;
	}
	if (region_end(&type->regions[*last - 1]) > end)
		split_region(type, *last - 1, end);
	return 0;
}

/*
 * regions[idx] is to lose [base, end) from its middle, and the array is full: cut it off at base, then add what was
 * above. So the larger array cannot come to lie in what goes.
 */
static int cut_middle_of_memory(struct memblock_type *type, unsigned long idx, phys_addr_t base,
				phys_addr_t end)
{
	struct memblock_region old = type->regions[idx];
	int ret;

	type->regions[idx].size = base - old.base;
	type->total_size -= region_end(&old) - base;
	ret = memblock_add_range(type, end, region_end(&old) - end, memblock_get_region_node(&old),
				 old.flags);
	if (ret) {
		type->regions[idx].size = old.size;
		type->total_size += region_end(&old) - base;
	}
	return ret;
}

/*
 * Linux isolates and removes; this trims the regions at the edges where they are. Freed reservations grow the array
 * when Linux would, if two more regions do not fit.
 */
int memblock_remove_range(struct memblock_type *type, phys_addr_t base, phys_addr_t size)
{
	struct memblock_region *r;
	unsigned long first, last;
	phys_addr_t end;

	if (unlikely(memblock_closed))
		return memblock_is_closed();
	size = memblock_capped(base, size);
	if (!size)
		return 0;
	end = base + size;
	if (type == &memblock.reserved)
		make_room(type, 2, base, size);

	first = memblock_first_above(type, base);
	r = type->regions + first;
	if (first == type->cnt || r->base >= end)
		return 0;
	if (r->base < base) {
		if (region_end(r) > end) {
			if (!has_room(type, 1))
				return type == &memblock.reserved
					       ? -ENOMEM
					       : cut_middle_of_memory(type, first, base, end);
			split_region(type, first, base);
			r = type->regions + first + 1;
			r->size -= size;
			r->base = end;
			type->total_size -= size;
			return 0;
		}
		type->total_size -= region_end(r) - base;
		r->size = base - r->base;
		first++, r++;
	}
	for (last = first; last < type->cnt && region_end(r) <= end; last++, r++)
		type->total_size -= r->size;
	if (last < type->cnt && r->base < end) {
		type->total_size -= end - r->base;
		r->size -= end - r->base;
		r->base = end;
	}
	memblock_close_slots(type, first, last - first);
	return 0;
}

/* ------------------------------------------------------------------ the API */

int memblock_add_node(phys_addr_t base, phys_addr_t size, int nid, enum memblock_flags flags)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_add_node: [%pa-%pa] nid=%d flags=%x %pS\n", &base, &last, nid, flags,
		     (void *)_RET_IP_);
	memblock_event(EVENT_ADD, base, size, nid, flags, _RET_IP_);
	return memblock_add_range(&memblock.memory, base, size, nid, flags);
}

int memblock_add(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_add: [%pa-%pa] %pS\n", &base, &last, (void *)_RET_IP_);
	memblock_event(EVENT_ADD, base, size, MAX_NUMNODES, 0, _RET_IP_);
	return memblock_add_range(&memblock.memory, base, size, MAX_NUMNODES, 0);
}

int memblock_physmem_add(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_physmem_add: [%pa-%pa] %pS\n", &base, &last, (void *)_RET_IP_);
	memblock_event(EVENT_PHYSMEM_ADD, base, size, MAX_NUMNODES, 0, _RET_IP_);
	return memblock_add_range(&physmem, base, size, MAX_NUMNODES, 0);
}

int memblock_remove(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_remove: [%pa-%pa] %pS\n", &base, &last, (void *)_RET_IP_);
	memblock_event(EVENT_REMOVE, base, size, NUMA_NO_NODE, 0, _RET_IP_);
	return memblock_remove_range(&memblock.memory, base, size);
}

int memblock_reserve_from(phys_addr_t base, phys_addr_t size, unsigned long ip)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_reserve: [%pa-%pa] %pS\n", &base, &last, (void *)ip);
	memblock_event(EVENT_RESERVE, base, size, MAX_NUMNODES, 0, ip);
	return memblock_add_range(&memblock.reserved, base, size, MAX_NUMNODES, 0);
}

int memblock_reserve(phys_addr_t base, phys_addr_t size)
{
	return memblock_reserve_from(base, size, _RET_IP_);
}

static int phys_free_from(phys_addr_t base, phys_addr_t size, unsigned long ip)
{
	phys_addr_t last = base + size - 1;

	memblock_dbg("memblock_phys_free: [%pa-%pa] %pS\n", &base, &last, (void *)ip);
	memblock_event(EVENT_FREE, base, size, NUMA_NO_NODE, 0, ip);
	return memblock_remove_range(&memblock.reserved, base, size);
}

int memblock_phys_free(phys_addr_t base, phys_addr_t size)
{
	return phys_free_from(base, size, _RET_IP_);
}

void memblock_free(void *ptr, size_t size)
{
	if (ptr)
		phys_free_from(__pa(ptr), size, (unsigned long)memblock_free);
}
