/* SPDX-License-Identifier: MIT */
/*
 * What debugging hooks into the allocators (mm/debug/ fills it in). NULL, the usual case, costs nothing: the fast
 * paths are set up only where page_debug / slab_debug_ops is NULL, so that a machine that debugs takes the slow ones, which ask.
 *
 * Set once by mm_debug_init(), before the first page is allocated, from the boot parameters:
 *   page_poison=1, page_owner=on, fail_page_alloc=, debug_guardpage_minorder=    page_debug
 *   slab_debug=FZPU[,cache], failslab=, guard_pages=N                            slab_debug_ops
 *   debug_leaks                                                                  both
 */
#ifndef QUIRE_PAGE_DEBUG_H
#define QUIRE_PAGE_DEBUG_H

#include <quire/types.h>

struct page;
struct kmem_cache;

/* Any of the functions may be NULL. Any context; they must not allocate in a way that comes back here. */
struct page_debug_ops {
	/* The request shall fail (fault injection). Asked once a request, before anything is taken. */
	bool (*should_fail)(gfp_t gfp, unsigned int order);
	/* The block leaves the allocator for its user, before it is zeroed / comes back, its last reference gone. */
	void (*alloc)(struct page *page, unsigned int order, gfp_t gfp);
	void (*free)(struct page *page, unsigned int order);
	/* split_page: the block's pages have owners of their own now. */
	void (*split)(struct page *page, unsigned int order);
};
extern const struct page_debug_ops *page_debug;

struct slab_debug_ops {
	bool (*should_fail)(struct kmem_cache *s, gfp_t gfp);
	/* Guard-page mode: an object on a page of its own, or NULL: the slab serves it. */
	void *(*guard_alloc)(struct kmem_cache *s, size_t size, gfp_t gfp);
	/* True: `object` was one of those, and is dealt with. */
	bool (*guard_free)(struct kmem_cache *s, void *object);
	/* The bytes of such an object; 0: it is none. */
	size_t (*guard_size)(const void *object);
};
extern const struct slab_debug_ops *slab_debug_ops;

#endif
