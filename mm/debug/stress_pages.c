// SPDX-License-Identifier: MIT
/*
 * The stress's kinds of pages: blocks, bulks, exact amounts, pieces of blocks, ranges, CMA, page fragments, movable objects.
 * Owns nothing.
 */
#include "stress_internal.h"

#include <quire/cma.h>
#include <quire/compaction.h>
#include <quire/migrate.h>

#include "movable.h"

static unsigned int random_order(struct stress_cpu *c)
{
	/* Half of what is asked for is single pages, and few are large. */
	if (stress_chance(c, 50))
		return 0;
	if (stress_chance(c, 85))
		return (unsigned int)stress_random(c, 4);
	return (unsigned int)stress_random(c, min_t(unsigned long, MAX_PAGE_ORDER, 9) + 1);
}

static gfp_t page_gfp(struct stress_cpu *c, unsigned int order)
{
	gfp_t gfp = stress_gfp(c);

	if (stress_chance(c, 10))
		gfp |= stress_chance(c, 50) ? __GFP_DMA : __GFP_DMA32;
	if (gfp & (__GFP_DMA | __GFP_DMA32))
		gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE);
	if (order && stress_chance(c, 40))
		gfp |= __GFP_COMP;
	if (stress_chance(c, 20))
		gfp |= __GFP_ZERO;
	if (stress_chance(c, 2))
		gfp |= __GFP_MEMALLOC;
	if (stress_chance(c, 10))
		gfp |= __GFP_THISNODE;
	return gfp;
}

/* ------------------------------------------------------------------ blocks */

static bool block_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int order = random_order(c);
	gfp_t gfp = page_gfp(c, order);
	nodemask_t here = {.bits = {node_online_mask}};
	struct page *page;

	switch (stress_random(c, 4)) {
	case 0:
		page = alloc_pages_node(numa_node_id(), gfp, order);
		break;
	case 1:
		page = __alloc_pages(gfp, order, (int)stress_random(c, 2), &here);
		break;
	default:
		page = alloc_pages(gfp, order);
	}
	if (!page)
		return false;
	if (page_to_pfn(page) & ((1UL << order) - 1))
		stress_bad(c, "a block of order %u begins at pfn %lu", order, page_to_pfn(page));
	o->n = order;
	o->part[0] = page;
	stress_begin(c, o, page_address(page), PAGE_SIZE << order, gfp);
	return true;
}

static void block_drop(struct stress_cpu *c, struct stress_object *o)
{
	struct page *page = o->part[0];
	unsigned int order = (unsigned int)o->n;

	if (PageHead(page) && stress_chance(c, 50))
		put_page(page);
	else if (stress_chance(c, 20))
		free_pages((unsigned long)o->p, order);
	else
		__free_pages(page, order);
}

/* Somebody else has a reference to the first page for some time. */
static bool held_make(struct stress_cpu *c, struct stress_object *o)
{
	if (!block_make(c, o))
		return false;
	get_page(o->part[0]);
	return true;
}

static void held_drop(struct stress_cpu *c, struct stress_object *o)
{
	struct page *page = o->part[0];

	/* Of a plain block all but the first page go now. */
	__free_pages(page, (unsigned int)o->n);
	if (!stress_check(o->p, 64, o->key))
		stress_bad(c, "a page with a reference was given away");
	put_page(page);
}

/* ------------------------------------------------------------------ parts */

static bool parts_check(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long i;

	(void)c;
	for (i = 0; i < o->n; i++)
		if (!stress_check(page_address(o->part[i]), PAGE_SIZE, o->key + i))
			return false;
	return true;
}

static void parts_begin(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long i;

	o->p = page_address(o->part[0]);
	o->size = o->n * PAGE_SIZE;
	o->key = stress_key(c, o->p);
	for (i = 0; i < o->n; i++)
		stress_fill(page_address(o->part[i]), PAGE_SIZE, o->key + i);
}

/* In any order. */
static void parts_drop(struct stress_cpu *c, struct stress_object *o)
{
	while (o->n) {
		unsigned long i = stress_random(c, o->n);

		__free_page(o->part[i]);
		o->part[i] = o->part[--o->n];
	}
}

static bool bulk_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long want = 1 + stress_random(c, STRESS_MAX_PARTS), i;
	gfp_t gfp = page_gfp(c, 0) & ~__GFP_THISNODE;
	struct page_list list = {0, 0};

	if (stress_chance(c, 50)) {
		for (i = 0; i < want; i++)
			o->part[i] = NULL;
		o->n = alloc_pages_bulk_array(gfp, want, (struct page **)o->part);
	} else {
		o->n = alloc_pages_bulk_list(gfp, want, &list);
		for (i = 0; i < o->n; i++) {
			struct page *page = page_list_first(&list);

			page_list_del(&list, page);
			o->part[i] = page;
		}
		if (!page_list_empty(&list))
			stress_bad(c, "a bulk of %lu pages is longer than it says", o->n);
	}
	if (!o->n)
		return false;
	parts_begin(c, o);
	return true;
}

static bool split_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int order = 1 + (unsigned int)stress_random(c, 5);
	struct page *page = alloc_pages(page_gfp(c, 0), order);
	unsigned long i;

	if (!page)
		return false;
	split_page(page, order);
	o->n = 1UL << order;
	for (i = 0; i < o->n; i++)
		o->part[i] = page + i;
	parts_begin(c, o);
	return true;
}

static bool exact_make(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = stress_size(c, 1, 24 * PAGE_SIZE);
	gfp_t gfp = page_gfp(c, 0) & ~__GFP_HIGHMEM;
	void *p = stress_chance(c, 50) ? alloc_pages_exact(size, gfp)
				       : alloc_pages_exact_nid(numa_node_id(), size, gfp);

	if (!p)
		return false;
	stress_begin(c, o, p, size, gfp);
	return true;
}

static void exact_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	free_pages_exact(o->p, o->size);
}

/* ------------------------------------------------------------------ ranges */

static bool contig_make(struct stress_cpu *c, struct stress_object *o)
{
	struct page *page;

	o->n = 1 + stress_random(c, 64);
	page = alloc_contig_pages(o->n, GFP_KERNEL | __GFP_NOWARN, numa_node_id(), NULL);
	if (!page)
		return false;
	o->part[0] = page;
	stress_begin(c, o, page_address(page), o->n * PAGE_SIZE, 0);
	return true;
}

static void contig_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	free_contig_range(page_to_pfn(o->part[0]), o->n);
}

static bool cma_make(struct stress_cpu *c, struct stress_object *o)
{
	struct page *page;
	struct cma *cma;

	if (!nr_cma_areas)
		return false;
	cma = &cma_areas[stress_random(c, nr_cma_areas)];
	o->n = stress_size(c, 1, 64);
	page = cma_alloc(cma, o->n, (unsigned int)stress_random(c, 4), true);
	if (!page)
		return false;
	if (!cma_pages_valid(cma, page, o->n))
		stress_bad(c, "cma_alloc gave pages beside its area");
	o->part[0] = page;
	o->part[1] = cma;
	stress_begin(c, o, page_address(page), o->n * PAGE_SIZE, 0);
	return true;
}

/* In one piece or two. */
static void cma_drop(struct stress_cpu *c, struct stress_object *o)
{
	struct page *page = o->part[0];
	struct cma *cma = o->part[1];
	unsigned long first = cma->order_per_bit ? o->n : 1 + stress_random(c, o->n);

	if (!cma_release(cma, page, first))
		stress_bad(c, "cma_release refused what cma_alloc gave");
	if (first < o->n && !cma_release(cma, page + first, o->n - first))
		stress_bad(c, "cma_release refused the rest of what cma_alloc gave");
}

/* ------------------------------------------------------------------ pieces, movable objects */

static bool frag_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int size = (unsigned int)stress_size(c, 1, PAGE_SIZE / 2);
	unsigned int align = 1U << stress_random(c, 8);
	void *p = page_frag_alloc_align(&c->frag, size, GFP_KERNEL | __GFP_NOWARN, align);

	if (!p)
		return false;
	if ((unsigned long)p % align)
		stress_bad(c, "page_frag_alloc_align: %p is not aligned to %u", p, align);
	stress_begin(c, o, p, size, 0);
	return true;
}

static void frag_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	page_frag_free(o->p);
}

static bool movable_make(struct stress_cpu *c, struct stress_object *o)
{
	int handle =
		movable_create((stress_chance(c, 80) ? GFP_HIGHUSER : GFP_NOWAIT) | __GFP_NOWARN);

	if (handle < 0)
		return false;
	o->n = (unsigned long)handle;
	o->p = NULL;
	o->size = PAGE_SIZE;
	return true;
}

static bool movable_object_check(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	return movable_check((int)o->n);
}

static void movable_drop(struct stress_cpu *c, struct stress_object *o)
{
	if (!movable_destroy((int)o->n))
		stress_bad(c, "movable object %lu was damaged at its end", o->n);
}

/* ------------------------------------------------------------------ rare things */

void stress_page_disturb(struct stress_cpu *c)
{
	struct zone *zone = first_zone();
	unsigned long skip = stress_random(c, MAX_NR_ZONES);

	while (skip-- && next_zone(zone))
		zone = next_zone(zone);
	switch (stress_random(c, 5)) {
	case 0:
		drain_all_pages(NULL);
		break;
	case 1:
		drain_all_pages(populated_zone(zone) ? zone : NULL);
		break;
	case 2:
		drain_local_pages(NULL);
		break;
	case 3:
		compact_node(numa_node_id());
		break;
	default:
		if (populated_zone(zone))
			compact_zone_order(zone, (int)stress_random(c, MAX_PAGE_ORDER + 1),
					   MIGRATE_UNMOVABLE, MIGRATE_SYNC_LIGHT);
	}
}

const struct stress_kind stress_page_kinds[] = {
	{"block", 30, STRESS_IRQ, block_make, stress_plain_check, block_drop, NULL},
	{"block, held", 5, STRESS_IRQ, held_make, stress_plain_check, held_drop, NULL},
	{"bulk", 6, STRESS_IRQ, bulk_make, parts_check, parts_drop, NULL},
	{"split block", 4, STRESS_IRQ, split_make, parts_check, parts_drop, NULL},
	{"exact", 6, STRESS_IRQ, exact_make, stress_plain_check, exact_drop, NULL},
	{"contiguous", 1, 0, contig_make, stress_plain_check, contig_drop, NULL},
	{"CMA", 2, 0, cma_make, stress_plain_check, cma_drop, NULL},
	{"fragment", 10, 0, frag_make, stress_plain_check, frag_drop, NULL},
	{"movable", 20, 0, movable_make, movable_object_check, movable_drop, NULL},
	{NULL, 0, 0, NULL, NULL, NULL, NULL},
};
