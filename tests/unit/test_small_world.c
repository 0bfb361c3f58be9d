// SPDX-License-Identifier: MIT
/* links: @buddy mm/page/contig.c mm/page/migrate.c mm/page/cma.c @memblock */
/* cflags: -O2 -DPMD_BLOCK_ORDER=2 -DWORLD_HAS_CMA */
/*
 * Every sequence of up to six operations on a zone of 16 pages, against a model, with the invariants checked after each.
 *
 *   page        0       4       8       12      16
 *   pageblock   |.......|.......|.......|.......|        of four pages: the core is built with a small PMD block
 *   CMA                 |== area of 8 ==|                in the second world
 *
 * A request that fails must change nothing, so that no sequence goes on from it. States that are the same to the last link are
 * walked from once, at the smallest depth at which they come: all that follows would be the same.
 */
#include "page_world.h"

#include <quire/migrate.h>

#define TINY 16U
#define DEPTH 6U
#define PB pageblock_nr_pages
BUILD_BUG_ON(PMD_BLOCK_ORDER != 2);

/* ---- of the rooms below that are not linked */
unsigned long free_reserved_range(phys_addr_t base, phys_addr_t size)
{
	return 0;
}

void memmap_init_free(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone)
{
}

void memmap_set_types(unsigned long start_pfn, unsigned long end_pfn, enum migratetype mt)
{
}

/* ------------------------------------------------------------------ states */

static struct zone *zone;
static unsigned long states, steps;
static unsigned int limit = DEPTH; /* of operations */

/* Depth at which a state was met first, by its hash. */
#define TABLE (1U << 22)
static struct {
	u64 hash;
	u8 depth;
} * seen;

static u64 mix(u64 hash, const void *data, size_t size)
{
	const unsigned char *p = data;
	u64 word;

	for (; size; p += min(size, sizeof(word)), size -= min(size, sizeof(word))) {
		word = 0;
		memcpy(&word, p, min(size, sizeof(word)));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

static u64 hash_zone(void)
{
	unsigned int i;
	u64 hash = mix(0xcbf29ce484222325ULL, world_page(0), TINY * sizeof(struct page));

	for (i = 0; i <= 4; i++)
		hash = mix(hash, &zone->free_area[i], sizeof(zone->free_area[i]));
	return mix(hash, world_types, TINY / PB);
}

/* True: it was met at this depth or above. */
static bool met(u64 hash, unsigned int depth)
{
	unsigned int at = (unsigned int)(hash >> 40) % TABLE;

	hash |= 1;
	while (seen[at].hash && seen[at].hash != hash)
		at = (at + 1) % TABLE;
	if (seen[at].hash && seen[at].depth <= depth)
		return true;
	states += !seen[at].hash;
	assert_true(states < TABLE / 2);
	seen[at].hash = hash;
	seen[at].depth = (u8)depth;
	return false;
}

static void forget_states(void)
{
	free(seen);
	seen = calloc(TABLE, sizeof(*seen));
	states = steps = 0;
}

/* What the allocator knows. */
struct saved_zone {
	struct page pages[TINY];
	struct zone zone;
	u8 types[TINY / PB];
};

static void save_zone(struct saved_zone *s)
{
	memcpy(s->pages, world_page(0), sizeof(s->pages));
	s->zone = *zone;
	memcpy(s->types, world_types, sizeof(s->types));
}

static void restore_zone(const struct saved_zone *s)
{
	memcpy(world_page(0), s->pages, sizeof(s->pages));
	*zone = s->zone;
	memcpy(world_types, s->types, sizeof(s->types));
}

/* What has been done so far, for whoever has to read a failure. */
static char trail[DEPTH][64];

#define BAD(...)                                                                                   \
	do {                                                                                       \
		unsigned int _i;                                                                   \
		for (_i = 0; _i < depth; _i++)                                                     \
			print_error("%u: %s\n", _i, trail[_i]);                                    \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

/* ------------------------------------------------------------------ blocks, types, ranges */

struct blocks {
	u32 free;
	u8 held[TINY];	/* order + 1 of the block that begins here */
	u8 range[TINY]; /* pages of the range that begins here */
};

static u32 bits(unsigned int at, unsigned int n)
{
	return (n == 32 ? ~0U : (1U << n) - 1) << at;
}

/* The largest aligned free block that holds page `at`: its order, or -1. */
static int block_order(u32 free, unsigned int at)
{
	int order = 0;

	if (!(free >> at & 1))
		return -1;
	while (order < 4) {
		u32 b = bits(at & ~((2U << order) - 1), 2U << order);

		if ((free & b) != b)
			break;
		order++;
	}
	return order;
}

/* The lists are the model's free pages, as the largest blocks. */
static void compare_blocks(const struct blocks *m, unsigned int depth)
{
	unsigned long expect[5] = {0};
	unsigned int at, order;

	for (at = 0; at < TINY; at++) {
		const struct page *page = world_page(at);
		int o = block_order(m->free, at);
		bool head = o >= 0 && !(at & ((1U << o) - 1));

		if (PageBuddy(page) != head || (head && page->order != (unsigned int)o))
			BAD("page %u is %sa free block of order %d", at, head ? "not " : "", o);
		if (head)
			expect[o]++;
	}
	for (order = 0; order < 5; order++)
		if (zone->free_area[order].nr_free != expect[order])
			BAD("order %u: %lu blocks, not %lu", order, zone->free_area[order].nr_free,
			    expect[order]);
	if (free_pages_of(zone) != (unsigned long)__builtin_popcount(m->free))
		BAD("NR_FREE_PAGES is %lu", free_pages_of(zone));
	if (buddy_check(zone))
		BAD("buddy_check");
}

/* The smallest order from `order` on of which the model has a block, of this type or of any (-1). Returns it, or -1. */
static int smallest(const struct blocks *m, unsigned int order, int mt)
{
	unsigned int at;
	int best = -1;

	for (at = 0; at < TINY; at++) {
		int o = block_order(m->free, at);

		if (o >= (int)order && (best < 0 || o < best) &&
		    (mt < 0 || world_types[at / PB] == mt))
			best = o;
	}
	return best;
}

static void walk_blocks(struct blocks *m, unsigned int depth);

static void try_alloc(struct blocks *m, unsigned int order, enum migratetype mt, unsigned int depth)
{
	struct blocks before = *m;
	int own = smallest(m, order, (int)mt), any = smallest(m, order, -1);
	u8 type[TINY / PB];
	struct page *page;
	unsigned int at;

	memcpy(type, world_types, sizeof(type));
	snprintf(trail[depth], sizeof(trail[depth]), "allocate order %u, type %u", order, mt);
	page = rmqueue_buddy(zone, order, mt, ALLOC_WMARK_LOW);
	steps++;
	depth++;
	if (!page != (any < 0))
		BAD("%s, but the model says otherwise", page ? "a block" : "none");
	if (!page) {
		compare_blocks(m, depth);
		return;
	}
	at = (unsigned int)(page - world_page(0));
	if (at & ((1U << order) - 1) || (m->free & bits(at, 1U << order)) != bits(at, 1U << order))
		BAD("page %u is not the start of a free block", at);
	/* Of its own type when there is one, the smallest that serves; else others are left no worse than need be. */
	if (own >= 0 && (type[at / PB] != mt || block_order(m->free, at) != own))
		BAD("page %u: type %u, order %d, where there was one of order %d", at,
		    type[at / PB], block_order(m->free, at), own);
	m->free &= ~bits(at, 1U << order);
	m->held[at] = (u8)(order + 1);
	walk_blocks(m, depth);
	*m = before;
}

/* Nothing can be moved here: all of it is free, or it is busy. */
static void try_range(struct blocks *m, unsigned int start, unsigned int end, unsigned int depth)
{
	struct blocks before = *m;
	u32 range = bits(start, end - start);
	int err;

	snprintf(trail[depth], sizeof(trail[depth]), "take [%u, %u)", start, end);
	err = alloc_contig_range(BASE_PFN + start, BASE_PFN + end, MIGRATE_MOVABLE,
				 GFP_KERNEL | __GFP_NOWARN);
	steps++;
	depth++;
	if (err != ((m->free & range) == range ? 0 : -EBUSY))
		BAD("it is %d", err);
	if (err) {
		compare_blocks(m, depth);
		return;
	}
	m->free &= ~range;
	m->range[start] = (u8)(end - start);
	walk_blocks(m, depth);
	*m = before;
}

static void walk_blocks(struct blocks *m, unsigned int depth)
{
	static const u8 ranges[][2] = {{0, 4}, {3, 6}, {2, 15}, {0, 16}};
	struct saved_zone saved;
	unsigned int order, mt, i;

	compare_blocks(m, depth);
	if (met(mix(mix(hash_zone(), m->held, TINY), m->range, TINY), depth) || depth == limit)
		return;
	save_zone(&saved);
	for (order = 0; order <= 4; order++)
		for (mt = 0; mt < (order ? 2U : MIGRATE_PCPTYPES); mt++) {
			try_alloc(m, order, mt, depth);
			restore_zone(&saved);
		}
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		try_range(m, ranges[i][0], ranges[i][1], depth);
		restore_zone(&saved);
	}
	for (i = 0; i < TINY; i++) {
		struct blocks before = *m;

		if (m->held[i]) {
			snprintf(trail[depth], sizeof(trail[depth]), "free page %u", i);
			free_one_page(zone, world_page(i), m->held[i] - 1U, FPI_NONE);
			m->free |= bits(i, 1U << (m->held[i] - 1));
			m->held[i] = 0;
		} else if (m->range[i]) {
			snprintf(trail[depth], sizeof(trail[depth]), "give range %u back", i);
			free_contig_range(BASE_PFN + i, m->range[i]);
			m->free |= bits(i, m->range[i]);
			m->range[i] = 0;
		} else {
			continue;
		}
		steps++;
		walk_blocks(m, depth + 1);
		restore_zone(&saved);
		*m = before;
	}
}

static void blocks_of_all_types_and_ranges(void **state)
{
	struct blocks m = {.free = 0xffff};

	forget_states();
	zone = world_simple(TINY);
	walk_blocks(&m, 0);
	print_message("%lu states, %lu operations\n", states, steps);
	assert_true(states > 10000);
}

/* ------------------------------------------------------------------ CMA, with movable pages in and around it */

#define AREA_START 4U
#define AREA_END 12U
#define OBJECTS 6U

static u64 bitmap[1];
static struct cma *area;

/* Objects that can be moved: handle h is the page's private number, and its first word says so. */
static struct page *object[OBJECTS];
static enum { WILLING, NO_ISOLATION, NO_MIGRATION } mood;

static bool object_isolate(struct page *page, enum migrate_mode mode)
{
	return mood != NO_ISOLATION;
}

static int object_migrate(struct page *dst, struct page *src, enum migrate_mode mode)
{
	u64 h = page_movable_private(src);

	if (mood == NO_MIGRATION)
		return -EAGAIN;
	*(u64 *)page_address(dst) = *(u64 *)page_address(src);
	get_page(dst);
	dst->word = src->word;
	object[h] = dst;
	__ClearPageMovable(src);
	put_page(src);
	return MIGRATEPAGE_SUCCESS;
}

static void object_putback(struct page *page)
{
}

static const struct movable_operations object_ops = {object_isolate, object_migrate,
						     object_putback};

struct area_model {
	u8 pinned[TINY]; /* an unmovable page */
	u8 cma[TINY];	 /* pages of the range of the area that begins here */
	u64 succeeded, failed, released;
};

struct saved_area {
	struct saved_zone zone;
	struct cma cma;
	u64 bitmap;
	struct page *object[OBJECTS];
};

static void save_area(struct saved_area *s)
{
	save_zone(&s->zone);
	s->cma = *area;
	s->bitmap = bitmap[0];
	memcpy(s->object, object, sizeof(object));
}

/* Contents go with the page numbers: what was moved is written back. */
static void restore_area(const struct saved_area *s)
{
	unsigned int h;

	restore_zone(&s->zone);
	*area = s->cma;
	bitmap[0] = s->bitmap;
	memcpy(object, s->object, sizeof(object));
	for (h = 0; h < OBJECTS; h++)
		if (object[h])
			*(u64 *)page_address(object[h]) = h + 1;
}

static u32 cma_bits(const struct area_model *m)
{
	u32 taken = 0;
	unsigned int i;

	for (i = 0; i < TINY; i++)
		if (m->cma[i])
			taken |= bits(i, m->cma[i]);
	return taken;
}

static u32 object_bits(void)
{
	u32 at = 0;
	unsigned int h;

	for (h = 0; h < OBJECTS; h++)
		if (object[h])
			at |= 1U << (object[h] - world_page(0));
	return at;
}

static u32 free_bits(const struct area_model *m)
{
	u32 used = cma_bits(m) | object_bits();
	unsigned int i;

	for (i = 0; i < TINY; i++)
		used |= (u32)m->pinned[i] << i;
	return ~used & 0xffff;
}

static void compare_area(const struct area_model *m, unsigned int depth)
{
	u32 taken = cma_bits(m), free = free_bits(m);
	unsigned int h, i, objects = 0;

	if (free_pages_of(zone) != (unsigned long)__builtin_popcount(free))
		BAD("%lu pages are free, not %d", free_pages_of(zone), __builtin_popcount(free));
	if (bitmap[0] != taken >> AREA_START)
		BAD("bitmap 0x%lx, not 0x%x", (unsigned long)bitmap[0], taken >> AREA_START);
	if (buddy_check(zone) || cma_check())
		BAD("a check complains");
	for (h = 0; h < OBJECTS; h++) {
		const struct page *page = object[h];

		if (!page)
			continue;
		objects++;
		if (page_ref_count(page) != 1 || page_movable_private(page) != h ||
		    PageIsolated(page) || PageLocked(page) || *(u64 *)page_address(page) != h + 1)
			BAD("object %u is not what it was", h);
	}
	if (objects != (unsigned int)__builtin_popcount(object_bits()))
		BAD("two objects on one page");
	for (i = 0; i < TINY; i++)
		if (page_ref_count(world_page(i)) != !(free >> i & 1))
			BAD("page %u has %d references", i, page_ref_count(world_page(i)));
	if (area->nr_pages_succeeded != m->succeeded || area->nr_pages_failed != m->failed ||
	    area->nr_pages_released != m->released)
		BAD("counters");
}

/* Where cma_alloc finds `count` pages, by the model; -1: nowhere. */
static int model_cma(const struct area_model *m, unsigned int count, unsigned int align)
{
	unsigned int step = 1U << align, at = AREA_START;
	u32 free = free_bits(m), taken = cma_bits(m), objects = object_bits();

	for (;; at += step) {
		u32 range, outside;

		/* The next place that nobody has from the area, aligned. */
		while (at + count <= AREA_END && ((at & (step - 1)) || (taken & bits(at, count))))
			at++;
		if (at + count > AREA_END)
			return -1;
		range = bits(at, count);
		if ((free & range) == range)
			return (int)at;
		if (mood == NO_ISOLATION)
			continue;
		/* Room for the objects: not in the pageblocks that are isolated. */
		outside = free & ~bits((unsigned int)ALIGN_DOWN(at, PB),
				       (unsigned int)(ALIGN(at + count, PB) - ALIGN_DOWN(at, PB)));
		if (mood == NO_MIGRATION && outside)
			continue;
		return __builtin_popcount(objects & range) <= __builtin_popcount(outside) ? (int)at
											  : -1;
	}
}

static void walk_area(struct area_model *m, unsigned int depth);

static void try_cma(struct area_model *m, unsigned int count, unsigned int align,
		    unsigned int depth)
{
	static const char *const moods[] = {"", ", no isolation", ", no migration"};
	struct area_model before = *m;
	int expect = model_cma(m, count, align);
	struct page *page;
	unsigned int at;

	snprintf(trail[depth], sizeof(trail[depth]), "cma_alloc %u, align %u%s", count, align,
		 moods[mood]);
	page = cma_alloc(area, count, align, true);
	mood = WILLING;
	steps++;
	depth++;
	at = page ? (unsigned int)(page - world_page(0)) : 0;
	if ((page ? (int)at : -1) != expect)
		BAD("page %d, not %d", page ? (int)at : -1, expect);
	if (page) {
		m->cma[at] = (u8)count;
		m->succeeded += count;
	} else {
		m->failed += count;
	}
	/* Also after a failure: objects may have moved. */
	walk_area(m, depth);
	*m = before;
}

static void try_object(struct area_model *m, unsigned int depth)
{
	u32 free = free_bits(m);
	struct page *page;
	unsigned int h;

	for (h = 0; h < OBJECTS && object[h]; h++)
		;
	if (h == OBJECTS)
		return;
	snprintf(trail[depth], sizeof(trail[depth]), "object %u", h);
	page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_NORETRY);
	steps++;
	depth++;
	if (!page != !free)
		BAD("%s", page ? "a page" : "none");
	if (!page)
		return;
	*(u64 *)page_address(page) = h + 1;
	lock_page(page);
	set_page_movable_private(page, h);
	object[h] = page;
	__SetPageMovable(page, &object_ops);
	unlock_page(page);
	walk_area(m, depth);
}

static void drop_object(struct area_model *m, unsigned int h, unsigned int depth)
{
	struct page *page = object[h];

	snprintf(trail[depth], sizeof(trail[depth]), "drop object %u", h);
	lock_page(page);
	__ClearPageMovable(page);
	object[h] = NULL;
	unlock_page(page);
	put_page(page);
	steps++;
	walk_area(m, depth + 1);
}

/* A page that cannot move: never in the area. */
static void try_pinned(struct area_model *m, unsigned int depth)
{
	struct area_model before = *m;
	u32 free = free_bits(m) & ~bits(AREA_START, AREA_END - AREA_START);
	struct page *page;
	unsigned int at;

	snprintf(trail[depth], sizeof(trail[depth]), "a pinned page");
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	steps++;
	depth++;
	if (!page != !free)
		BAD("%s", page ? "a page" : "none");
	if (!page)
		return;
	at = (unsigned int)(page - world_page(0));
	if (!(free >> at & 1))
		BAD("page %u", at);
	m->pinned[at] = 1;
	walk_area(m, depth);
	*m = before;
}

static void walk_area(struct area_model *m, unsigned int depth)
{
	static const u8 requests[][2] = {{1, 0}, {2, 1}, {3, 0}, {4, 2}, {8, 0}, {1, 3}};
	struct area_model before = *m;
	struct saved_area saved;
	unsigned int i;
	u64 hash;

	compare_area(m, depth);
	hash = mix(mix(hash_zone(), m->pinned, TINY), m->cma, TINY);
	if (met(mix(hash, object, sizeof(object)), depth) || depth == limit)
		return;
	save_area(&saved);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		try_cma(m, requests[i][0], requests[i][1], depth);
		restore_area(&saved);
	}
	for (i = 1; i <= 3; i++) {
		mood = i & 1 ? NO_ISOLATION : NO_MIGRATION;
		try_cma(m, i, 0, depth);
		restore_area(&saved);
	}
	try_object(m, depth);
	restore_area(&saved);
	try_pinned(m, depth);
	restore_area(&saved);
	for (i = 0; i < OBJECTS; i++)
		if (object[i]) {
			drop_object(m, i, depth);
			restore_area(&saved);
		}
	for (i = 0; i < TINY; i++) {
		if (m->pinned[i]) {
			snprintf(trail[depth], sizeof(trail[depth]), "free page %u", i);
			__free_page(world_page(i));
			m->pinned[i] = 0;
		} else if (m->cma[i]) {
			snprintf(trail[depth], sizeof(trail[depth]), "cma_release %u", i);
			if (!cma_release(area, world_page(i), m->cma[i]))
				BAD("refused");
			m->released += m->cma[i];
			m->cma[i] = 0;
		} else {
			continue;
		}
		steps++;
		walk_area(m, depth + 1);
		restore_area(&saved);
		*m = before;
	}
}

/* `objects` lie in the zone already: from there it goes on. */
static void area_world(unsigned int objects)
{
	struct area_model m = {0};
	unsigned int h;

	forget_states();
	memset(object, 0, sizeof(object));
	memset(cma_areas, 0, sizeof(cma_areas));
	world_init(1);
	for (h = AREA_START; h < AREA_END; h += PB)
		set_pfnblock_migratetype(BASE_PFN + h, MIGRATE_CMA);
	zone = world_add_zone(0, ZONE_NORMAL, 0, TINY, true);
	world_build_zonelists();
	page_alloc_hooks.migrate_range = migrate_range;
	bitmap[0] = 0;
	nr_cma_areas = 1;
	area = &cma_areas[0];
	*area = (struct cma){
		.name = "small",
		.base = PFN_PHYS(BASE_PFN + AREA_START),
		.size = PFN_PHYS(AREA_END - AREA_START),
		.active = true,
		.bitmap = bitmap,
		.available_count = AREA_END - AREA_START,
	};
	zone->cma_pages = AREA_END - AREA_START;
	for (h = 0; h < objects; h++) {
		struct page *page = alloc_page(GFP_HIGHUSER_MOVABLE);

		*(u64 *)page_address(page) = h + 1;
		lock_page(page);
		set_page_movable_private(page, h);
		object[h] = page;
		__SetPageMovable(page, &object_ops);
		unlock_page(page);
	}
	walk_area(&m, 0);
	print_message("%lu states, %lu operations\n", states, steps);
	assert_true(states > 10000);
}

static void an_area_and_movable_pages(void **state)
{
	area_world(0);
}

/* Five operations before the first. */
static void an_area_full_of_movable_pages(void **state)
{
	limit = DEPTH - 1;
	area_world(5);
	limit = DEPTH;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_all_types_and_ranges),
		cmocka_unit_test(an_area_and_movable_pages),
		cmocka_unit_test(an_area_full_of_movable_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
