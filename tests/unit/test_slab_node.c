// SPDX-License-Identifier: MIT
/* links: @slab */
/* granules: 12 14 16 */
/* Slabs: of which size they are when memory is in pieces, and how they are asked for. */
#include "slab_world.h"

/*
 * Every second page of the machine is free, and no two in a row:
 *
 *	|x| |x| |x| |x| ...
 *
 * Returns the pages in between.
 */
static unsigned long split_all(struct page ***taken)
{
	unsigned long nr = 0, kept = 0, i;
	struct page **pages = calloc(WORLD_PAGES, sizeof(void *));

	assert_non_null(pages);
	while ((pages[nr] = alloc_pages(GFP_NOWAIT | __GFP_MEMALLOC, 0)))
		nr++;
	for (i = 0; i < nr; i++) {
		if (page_to_pfn(pages[i]) % 2)
			pages[kept++] = pages[i];
		else
			__free_pages(pages[i], 0);
	}
	*taken = pages;
	return kept;
}

static void mend(struct page **taken, unsigned long n)
{
	while (n)
		__free_pages(taken[--n], 0);
	free(taken);
}

static void slabinfo_counts_slabs_of_both_sizes(struct kmem_cache *s, unsigned long in_use)
{
	unsigned long objects = 0, pages = 0, slabs = 0;
	struct slabinfo info;
	struct page *page;

	page = pfn_to_page(zone->zone_start_pfn);
	for (; page < pfn_to_page(zone_end_pfn(zone)); page++)
		if (page_type_load(page) == SLAB_PAGE_TYPE(0, s->id)) {
			pages++;
			if (!PageTail(page)) {
				slabs++;
				objects += (PAGE_SIZE << compound_order(page)) / s->size;
			}
		}
	get_slabinfo(s, &info);
	assert_int_equal(info.num_objs, objects);
	assert_int_equal(info.num_slabs, slabs);
	assert_int_equal(info.active_objs, in_use);
	assert_true(pages >= slabs && pages <= slabs << s->order);
}

static void slabs_are_smaller_when_memory_is_in_pieces(void **state)
{
	struct kmem_cache *s =
		kmem_cache_create("in pieces", PAGE_SIZE / 2 - 64, 0, SLAB_NO_MERGE, constructor);
	void *p[120], *large;
	unsigned long n, i;
	struct page **taken;

	assert_true(s->order > 0 && s->min_order == 0);
	for (i = 0; i < 40; i++)
		assert_non_null(p[i] = kmem_cache_alloc(s, GFP_KERNEL));
	assert_int_equal(compound_order(slab_of(s, p[0])), s->order);
	n = split_all(&taken);
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 1));
	constructed = 0;
	for (; i < 120; i++) {
		/* Who may not wait as well as who may. */
		p[i] = kmem_cache_alloc(s, i % 2 ? GFP_KERNEL : GFP_ATOMIC);
		assert_non_null(p[i]);
		pattern(p[i], PAGE_SIZE / 2 - 64, (unsigned int)i);
	}
	assert_int_equal(compound_order(slab_of(s, p[119])), 0);
	assert_null(slab_of(s, (char *)page_address(virt_to_page(p[119])) + 2UL * s->size));
	assert_int_equal(slab_check(), 0);
	slabinfo_counts_slabs_of_both_sizes(s, 120);
	/* kmalloc's: all but those that no page holds. */
	for (i = 0; i <= KMALLOC_SHIFT_HIGH; i++) {
		struct kmem_cache *c = &kmalloc_caches[KMALLOC_NORMAL][i];
		unsigned int k;

		for (k = 0; c->size && c->size <= PAGE_SIZE && k < 3 * c->objects; k++) {
			void **q = kmalloc(c->size, GFP_KERNEL);

			assert_non_null(q);
			*q = NULL;
			kfree(q);
		}
	}
	large = kmalloc(2 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
	assert_null(large);
	mend(taken, n);
	for (i = 40; i < 120; i++)
		assert_pattern(p[i], PAGE_SIZE / 2 - 64, (unsigned int)i);
	for (i = 0; i < 120; i++)
		kmem_cache_free(s, p[i]);
	assert_int_equal(slab_check(), 0);
	slabinfo_counts_slabs_of_both_sizes(s, 0);
	kmem_cache_destroy(s);
}

static struct {
	gfp_t gfp;
	unsigned int order;
} tries[4];

static bool note_and_fail(gfp_t gfp, unsigned int order)
{
	if (asked < ARRAY_SIZE(tries)) {
		tries[asked].gfp = gfp;
		tries[asked].order = order;
	}
	return asked++ < fail_after;
}

static void no_request_is_made_hard_but_for_the_smallest_slab(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = note_and_fail};
	struct kmem_cache *s =
		kmem_cache_create("gentle", PAGE_SIZE / 2 - 64, 0, SLAB_NO_MERGE, constructor);
	void *p;

	assert_true(s->order > 0 && s->min_order == 0);
	asked = 0;
	fail_after = 1;
	page_debug = &ops;
	assert_int_equal(slab_take_some(s, GFP_KERNEL, 0, &p, 1), 1);
	page_debug = NULL;
	assert_int_equal(asked, 2);
	assert_int_equal(tries[0].order, s->order);
	assert_int_equal(tries[0].gfp & (__GFP_RECLAIM | __GFP_NOFAIL), 0);
	assert_int_equal(tries[0].gfp & (__GFP_NOWARN | __GFP_NORETRY),
			 __GFP_NOWARN | __GFP_NORETRY);
	assert_int_equal(tries[1].order, 0);
	assert_int_equal(tries[1].gfp & (__GFP_RECLAIM | __GFP_NOWARN | __GFP_NORETRY),
			 __GFP_RECLAIM);
	slab_give(s, &p, 1);
	kmem_cache_shrink(s);
	/* And who may not fail does not, after all others have been asked. */
	asked = 0;
	fail_after = 2;
	page_debug = &ops;
	assert_int_equal(slab_take_some(s, GFP_KERNEL | __GFP_NOFAIL, 0, &p, 1), 1);
	page_debug = NULL;
	assert_int_equal(tries[1].gfp & __GFP_NOFAIL, 0);
	/* What is tried before it must not fail is no failure to speak of. */
	assert_true(tries[1].gfp & __GFP_NOWARN);
	slab_give(s, &p, 1);
	kmem_cache_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(slabs_are_smaller_when_memory_is_in_pieces),
		T(no_request_is_made_hard_but_for_the_smallest_slab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
