/* SPDX-License-Identifier: MIT */
/* links: @memblock lib/build_profile.c */
/*
 * memblock against a model that cannot be wrong: one entry for each 256 bytes of a small address space, in two copies
 * (memory, reserved). Each input is a list of operations; after each, memblock's regions must say the same as the
 * model, memblock_check() must hold, and every allocation must be the one that trying all addresses finds.
 *
 * The address space begins at 0, in the middle, or ends at the top of the physical address space, where the very last byte
 * can not be described. It is backed by real memory, so that region arrays can double into it.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/printk.h>

#define UNIT 256UL
#define UNITS 1024UL
#define SPAN (UNIT * UNITS)
#define NODES 3
#define MAX_OPS 400

#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "fuzz_memblock: %s:%d: %s\n", __FILE__, __LINE__, #cond);  \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static void fail(void) __noreturn;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct unit {
	bool present;
	u8 flags;
	int nid;
};

struct model {
	struct unit memory[UNITS], reserved[UNITS];
};

static struct model model;
static phys_addr_t origin;
static u8 backing[SPAN] __attribute__((aligned(65536)));
static struct memblock_region *memory_init, *reserved_init;

/* Units that hold a region array: never freed, or memblock would write where it gave memory away. */
static bool array_unit[UNITS];

static struct event nested[64];
static unsigned int nr_nested;

/* The events of the operation that went wrong, and the end. */
static void fail(void)
{
	unsigned int i;

	for (i = 0; i < nr_nested; i++)
		fprintf(stderr, "fuzz_memblock: event %d [%#llx, +%#llx)\n", nested[i].op,
			(unsigned long long)nested[i].base, (unsigned long long)nested[i].size);
	abort();
}

/* ------------------------------------------------------------------ doubles */

int printk(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

void event_record(const struct event *e)
{
	REQUIRE(nr_nested < ARRAY_SIZE(nested));
	nested[nr_nested++] = *e;
}

/* ------------------------------------------------------------------ input */

static const u8 *in, *in_end;

static unsigned int byte(void)
{
	return in < in_end ? *in++ : 0;
}

static unsigned long below(unsigned long n)
{
	unsigned long hi = byte();

	return (hi << 8 | byte()) % n;
}

/* ------------------------------------------------------------------ model */

static phys_addr_t unit_base(unsigned long u)
{
	return origin + u * UNIT;
}

/* Bytes of a unit that can belong to a region. */
static u64 unit_bytes(unsigned long u)
{
	return unit_base(u) + UNIT == 0 ? UNIT - 1 : UNIT;
}

static unsigned long end_unit(phys_addr_t end)
{
	return end == PHYS_ADDR_MAX ? UNITS : (end - origin) / UNIT;
}

static void model_add(struct unit *m, unsigned long u, unsigned long n, int nid, u8 flags)
{
	for (; n && u < UNITS; u++, n--)
		if (!m[u].present)
			m[u] = (struct unit){true, flags, nid};
}

static void model_remove(struct unit *m, unsigned long u, unsigned long n)
{
	for (; n && u < UNITS; u++, n--)
		m[u].present = false;
}

static bool same(const struct unit *a, const struct unit *b)
{
	return a->present == b->present &&
	       (!a->present || (a->flags == b->flags && a->nid == b->nid));
}

static void compare(const struct memblock_type *type, const struct unit *m)
{
	static struct unit seen[UNITS];
	unsigned long i, u, end;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		REQUIRE((r->base - origin) % UNIT == 0);
		REQUIRE(r->base + r->size == PHYS_ADDR_MAX || r->size % UNIT == 0);
		end = end_unit(r->base + r->size);
		REQUIRE(end <= UNITS);
		for (u = (r->base - origin) / UNIT; u < end; u++) {
			REQUIRE(!seen[u].present);
			seen[u] = (struct unit){true, (u8)r->flags, r->nid};
		}
	}
	for (u = 0; u < UNITS; u++)
		REQUIRE(same(&seen[u], &m[u]));
}

/* The memory that an allocation or iteration with (nid, flags) sees. */
static bool eligible(unsigned long u, int nid, unsigned int flags)
{
	const struct unit *m = &model.memory[u];

	if (!m->present || (numa_valid_node(nid) && m->nid != nid))
		return false;
	if ((m->flags & MEMBLOCK_HOTPLUG) && movable_node_enabled && !(flags & MEMBLOCK_HOTPLUG))
		return false;
	if ((flags & MEMBLOCK_MIRROR) && !(m->flags & MEMBLOCK_MIRROR))
		return false;
	if ((m->flags & MEMBLOCK_NOMAP) && !(flags & MEMBLOCK_NOMAP))
		return false;
	return !(m->flags & MEMBLOCK_DRIVER_MANAGED) || (flags & MEMBLOCK_DRIVER_MANAGED);
}

static bool fits(unsigned long u, unsigned long n, int nid, unsigned int flags)
{
	unsigned long i;

	for (i = u; i < u + n; i++)
		if (i >= UNITS || unit_bytes(i) != UNIT || !eligible(i, nid, flags) ||
		    model.reserved[i].present || !same(&model.memory[i], &model.memory[u]))
			return false;
	return true;
}

static phys_addr_t model_find(unsigned long n, phys_addr_t align, unsigned long lo,
			      unsigned long hi, int nid, unsigned int flags)
{
	unsigned long i, u;

	for (i = 0; i < UNITS; i++) {
		u = memblock.bottom_up ? i : UNITS - 1 - i;
		if (u < lo || u + n > hi || unit_base(u) < PAGE_SIZE || unit_base(u) % align)
			continue;
		if (fits(u, n, nid, flags))
			return unit_base(u);
	}
	return 0;
}

static phys_addr_t model_alloc(unsigned long n, phys_addr_t align, unsigned long lo,
			       unsigned long hi, int nid, bool exact)
{
	unsigned int flags = memblock_has_mirror() ? MEMBLOCK_MIRROR : 0;
	phys_addr_t found;

	for (;; flags = 0) {
		found = model_find(n, align, lo, hi, nid, flags);
		if (!found && numa_valid_node(nid) && !exact)
			found = model_find(n, align, lo, hi, NUMA_NO_NODE, flags);
		if (found || !flags)
			return found;
	}
}

/* ------------------------------------------------------------------ checks after an operation */

/* What the operation did besides itself: region arrays reserved where they moved to, and freed where they were. */
static void apply_nested(unsigned int own)
{
	unsigned int i;
	unsigned long u, n;

	for (i = own; i < nr_nested; i++) {
		u = (nested[i].base - origin) / UNIT;
		n = nested[i].size / UNIT;
		REQUIRE(u + n <= UNITS && !(nested[i].base % PAGE_SIZE));
		if (nested[i].op == EVENT_RESERVE) {
			for (; n--; u++) {
				REQUIRE(!model.reserved[u].present && model.memory[u].present);
				model_add(model.reserved, u, 1, MAX_NUMNODES, 0);
				array_unit[u] = true;
			}
		} else {
			REQUIRE(nested[i].op == EVENT_FREE);
			for (; n--; u++) {
				REQUIRE(array_unit[u]);
				model_remove(model.reserved, u, 1);
				array_unit[u] = false;
			}
		}
	}
	nr_nested = 0;
}

static void check_iteration(int nid, unsigned int flags)
{
	static bool seen[UNITS];
	unsigned long u, end, forward = 0, backward = 0;
	phys_addr_t s, e, last = 0;
	int n;
	u64 i;

	memset(seen, 0, sizeof(seen));
	for_each_free_mem_range(i, nid, flags, &s, &e, &n)
	{
		REQUIRE(s < e && s >= last);
		last = e;
		forward++;
		for (u = (s - origin) / UNIT, end = end_unit(e); u < end; u++) {
			REQUIRE(!seen[u] && model.memory[u].nid == n);
			seen[u] = true;
		}
	}
	for (u = 0; u < UNITS; u++)
		REQUIRE(seen[u] == (eligible(u, nid, flags) && !model.reserved[u].present));
	for_each_free_mem_range_reverse(i, nid, flags, &s, &e, NULL)
	{
		REQUIRE(e <= last);
		last = s;
		backward++;
		for (u = (s - origin) / UNIT, end = end_unit(e); u < end; u++) {
			REQUIRE(seen[u]);
			seen[u] = false;
		}
	}
	for (u = 0; u < UNITS; u++)
		REQUIRE(!seen[u]);
	REQUIRE(forward == backward);
}

static void check_lookups(unsigned long u, unsigned long n)
{
	phys_addr_t base = unit_base(u);
	bool taken = false;
	unsigned long i;

	for (i = u; i < u + n && i < UNITS; i++)
		taken = taken || model.reserved[i].present;
	REQUIRE(memblock_is_memory(base + UNIT / 2) == model.memory[u].present);
	REQUIRE(memblock_is_reserved(base) == model.reserved[u].present);
	REQUIRE(memblock_is_map_memory(base) ==
		(model.memory[u].present && !(model.memory[u].flags & MEMBLOCK_NOMAP)));
	REQUIRE(memblock_is_region_reserved(base, n * UNIT) == taken);
}

/* ------------------------------------------------------------------ operations */

static bool touches_array(unsigned long u, unsigned long n)
{
	for (; n && u < UNITS; u++, n--)
		if (array_unit[u])
			return true;
	return false;
}

static void do_mark(unsigned long u, unsigned long n, unsigned int which)
{
	static const struct {
		int (*fn)(phys_addr_t base, phys_addr_t size);
		unsigned int flag;
		bool set, reserved;
	} ops[] = {
		{memblock_mark_hotplug, MEMBLOCK_HOTPLUG, true, false},
		{memblock_clear_hotplug, MEMBLOCK_HOTPLUG, false, false},
		{memblock_mark_mirror, MEMBLOCK_MIRROR, true, false},
		{memblock_mark_nomap, MEMBLOCK_NOMAP, true, false},
		{memblock_clear_nomap, MEMBLOCK_NOMAP, false, false},
		{memblock_reserved_mark_noinit, MEMBLOCK_RSRV_NOINIT, true, true},
	};
	struct unit *m;
	unsigned long i;

	which %= ARRAY_SIZE(ops);
	m = ops[which].reserved ? model.reserved : model.memory;
	REQUIRE(!ops[which].fn(unit_base(u), n * UNIT));
	for (i = u; i < u + n && i < UNITS; i++)
		if (ops[which].set)
			m[i].flags |= ops[which].flag;
		else
			m[i].flags &= ~ops[which].flag;
	apply_nested(1);
}

static void do_alloc(void)
{
	unsigned long n = 1 + below(24), lo = below(UNITS), hi = lo + 1 + below(UNITS);
	phys_addr_t align = UNIT << (byte() % 8), found, expected;
	int nid = (int)(byte() % (NODES + 1)) - 1;
	bool exact = byte() & 1;

	if (hi > UNITS || (byte() & 1)) {
		lo = 0;
		hi = UNITS;
	}
	expected = model_alloc(n, align, lo, hi, nid, exact);
	found = memblock_alloc_range_nid(n * UNIT, align, unit_base(lo),
					 hi == UNITS ? PHYS_ADDR_MAX : unit_base(hi), nid, exact);
	if (found != expected)
		fprintf(stderr,
			"found %llx, expected %llx (%lu units, align %llx, units %lu to %lu, node "
			"%d)\n",
			(unsigned long long)found, (unsigned long long)expected, n,
			(unsigned long long)align, lo, hi, nid);
	REQUIRE(found == expected);
	REQUIRE(nested[0].op == EVENT_ALLOC && nested[0].size == n * UNIT);
	if (found)
		model_add(model.reserved, (found - origin) / UNIT, n, MAX_NUMNODES, 0);
	apply_nested(found ? 2 : 1);
}

/* Where `limit` bytes of memory end, or UNITS when there are fewer. */
static unsigned long limit_unit(u64 limit)
{
	unsigned long u;

	for (u = 0; u < UNITS; u++) {
		if (!model.memory[u].present)
			continue;
		if (limit <= unit_bytes(u))
			return limit == UNIT ? u + 1 : UNITS + 1;
		limit -= unit_bytes(u);
	}
	return UNITS + 1;
}

static void drop_outside(unsigned long lo, unsigned long hi, bool keep_nomap)
{
	unsigned long u;

	for (u = 0; u < UNITS; u++) {
		if (u >= lo && u < hi)
			continue;
		if (!keep_nomap || !(model.memory[u].flags & MEMBLOCK_NOMAP))
			model.memory[u].present = false;
		model.reserved[u].present = false;
	}
}

static void do_limit(unsigned int which)
{
	unsigned long lo = below(UNITS), n = 1 + below(UNITS), hi;
	bool any = memblock_phys_mem_size() != 0;

	/* An array that grew on the way could come to lie in what is dropped, as in Linux. */
	if (memblock.memory.cnt + 2 > memblock.memory.max ||
	    memblock.reserved.cnt + 2 > memblock.reserved.max)
		return;

	switch (which % 3) {
	case 0:
	case 1:
		hi = limit_unit(n * UNIT);
		if (hi <= UNITS && touches_array(hi, UNITS))
			return;
		if (which % 3)
			memblock_enforce_memory_limit(n * UNIT);
		else
			memblock_mem_limit_remove_map(n * UNIT);
		if (hi <= UNITS)
			drop_outside(0, hi, which % 3 == 0);
		break;
	default:
		if (touches_array(0, lo) || touches_array(lo + n, UNITS))
			return;
		memblock_cap_memory_range(unit_base(lo), n * UNIT);
		if (any)
			drop_outside(lo, lo + n, true);
	}
	apply_nested(nr_nested && nested[0].op == EVENT_LIMIT ? 1 : 0);
}

static void do_trim(void)
{
	phys_addr_t align = UNIT << (byte() % 6);
	unsigned long i, u, end;

	for (i = 0; i < memblock.memory.cnt; i++) {
		struct memblock_region *r = &memblock.memory.regions[i];
		phys_addr_t s = r->base, e = r->base + r->size;

		for (u = (s - origin) / UNIT, end = end_unit(e); u < end; u++)
			if (unit_base(u) < ALIGN(s, align) || ALIGN(s, align) < s ||
			    unit_base(u) >= ALIGN_DOWN(e, align))
				model.memory[u].present = false;
	}
	memblock_trim_memory(align);
	apply_nested(0);
}

static void operate(void)
{
	static const u8 add_flags[] = {MEMBLOCK_NONE, MEMBLOCK_NONE, MEMBLOCK_HOTPLUG,
				       MEMBLOCK_DRIVER_MANAGED};
	unsigned int op = byte() % 16;
	unsigned long u = below(UNITS), n = byte() & 1 ? below(UNITS) : below(12);
	phys_addr_t base = unit_base(u), size = n * UNIT;
	int nid = (int)(byte() % NODES);
	u8 flags;

	/* A range may leave the space only where the space ends with the addresses. */
	if (u + n > UNITS && origin + SPAN != 0)
		n = UNITS - u, size = n * UNIT;
	else if (u + n >= UNITS && (byte() & 1))
		size = PHYS_ADDR_MAX;
	if (size == PHYS_ADDR_MAX && origin + SPAN != 0)
		size = n * UNIT;

	switch (op) {
	case 0:
	case 1:
		flags = add_flags[byte() % ARRAY_SIZE(add_flags)];
		REQUIRE(!memblock_add_node(base, size, nid, flags));
		model_add(model.memory, u, n, nid, flags);
		apply_nested(1);
		break;
	case 2:
		REQUIRE(!memblock_add(base, size));
		model_add(model.memory, u, n, MAX_NUMNODES, 0);
		apply_nested(1);
		break;
	case 3:
		REQUIRE(!memblock_remove(base, size));
		model_remove(model.memory, u, n);
		apply_nested(1);
		break;
	case 4:
	case 5:
	case 6:
		if (touches_array(u, n))
			break;
		REQUIRE(!memblock_reserve(base, size));
		model_add(model.reserved, u, n, MAX_NUMNODES, 0);
		apply_nested(1);
		break;
	case 7:
	case 8:
		if (touches_array(u, n))
			break;
		REQUIRE(!memblock_phys_free(base, size));
		model_remove(model.reserved, u, n);
		apply_nested(1);
		break;
	case 9:
		do_mark(u, n, byte());
		break;
	case 10:
		REQUIRE(!memblock_set_node(base, n * UNIT, &memblock.memory, nid));
		for (; n && u < UNITS; u++, n--)
			model.memory[u].nid = nid;
		apply_nested(1);
		break;
	case 11:
	case 12:
	case 13:
		do_alloc();
		break;
	case 14:
		if (byte() & 1)
			do_limit(byte());
		else
			do_trim();
		break;
	default:
		memblock_set_bottom_up(byte() & 1);
		movable_node_enabled = byte() & 1;
		check_iteration((int)(byte() % (NODES + 1)) - 1, byte() & 15);
		check_lookups(u, 1 + n % 16);
	}
}

static void reset(void)
{
	unsigned int how = byte();

	if (!memory_init) {
		memory_init = memblock.memory.regions;
		reserved_init = memblock.reserved.regions;
		mirrored_kernelcore = true;
		memblock_allow_resize();
	}
	memset(&model, 0, sizeof(model));
	memset(array_unit, 0, sizeof(array_unit));
	memblock.memory.regions = memory_init;
	memblock.reserved.regions = reserved_init;
	memblock.memory.cnt = memblock.reserved.cnt = 0;
	memblock.memory.total_size = memblock.reserved.total_size = 0;
	/* Small arrays double often. */
	memblock.memory.max = how & 1 ? 4 : 256;
	memblock.reserved.max = how & 2 ? 4 : 256;
	memblock.bottom_up = false;
	memblock.current_limit = MEMBLOCK_ALLOC_ANYWHERE;
	movable_node_enabled = false;
	nr_nested = 0;

	origin = (how & 12) == 4 ? 0 : (how & 12) == 8 ? 0 - SPAN : SZ_1G;
	physvirt_offset = (s64)((u64)(unsigned long)backing - origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int ops;

	in = data;
	in_end = data + size;
	reset();
	for (ops = 0; in < in_end && ops < MAX_OPS; ops++) {
		operate();
		REQUIRE(!nr_nested);
		REQUIRE(!memblock_check());
		compare(&memblock.memory, model.memory);
		compare(&memblock.reserved, model.reserved);
	}
	return 0;
}
