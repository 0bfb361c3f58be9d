/* SPDX-License-Identifier: MIT */
/*
 * What debugging hooks into the allocators (mm/debug/ fills it in). NULL, the usual case, costs nothing: the fast
 * paths are set up only where page_debug / slab_debug_ops is NULL, so that a machine that debugs takes the slow ones, which ask.
 * A cache that is checked (SLAB_DEBUG_FLAGS) has no fast path either; the others keep theirs.
 *
 * Set once by mm_debug_init(), before the first page is allocated, from the boot parameters:
 *   page_poison=1, page_owner=on, fail_page_alloc=, debug_guardpage_minorder=    page_debug
 *   failslab=, guard_pages=N                                                     slab_debug_ops
 *   slab_debug=FZPU[,cache]                                                      slab_object_debug
 *   debug_leaks                                                                  page_debug, slab_object_debug
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
	/*
	 * Blocks smaller than this order are cut from one of it, and the rest is kept back by `guard`, which is called with the
	 * order that was asked for, after `alloc` with the larger one. What is kept back `free` gives back.
	 */
	unsigned int guard_order;
	void (*guard)(struct page *page, unsigned int order, unsigned int wanted);
	/* The pages from pfn on come from outside (memory hotplug): what was known of them is forgotten. */
	void (*forget)(unsigned long pfn, unsigned long nr);
};
extern const struct page_debug_ops *page_debug;

struct slab_debug_ops {
	/* s NULL: kmalloc of whole pages. */
	bool (*should_fail)(struct kmem_cache *s, gfp_t gfp);
	/* Guard-page mode: an object on a page of its own, or NULL: the slab serves it. */
	void *(*guard_alloc)(struct kmem_cache *s, size_t size, gfp_t gfp);
	/* True: `object` was one of those, and is dealt with. s: what the caller thinks, or none. */
	bool (*guard_free)(struct kmem_cache *s, void *object);
	/* The bytes of such an object; 0: it is none. */
	size_t (*guard_size)(const void *object);
	/* The cache goes unless it has such objects: how many it has. Those it had forget it, if it has none. */
	unsigned long (*guard_forget)(const struct kmem_cache *s);
};
extern const struct slab_debug_ops *slab_debug_ops;

/*
 * Checks of the objects of a cache with SLAB_DEBUG_FLAGS. A slot is the object's place in its slab, red zones and notes included;
 * the slab allocator moves slots, its user has objects.
 */
struct slab_object_ops {
	/* What a cache shall be checked for: what its user wants and what the command line wants. */
	unsigned int (*flags)(const char *name, unsigned int flags);
	/* The object has its place: make room for red zones and notes. In: s->size, the bytes so far; free_offset. */
	void (*layout)(struct kmem_cache *s);
	/* A slot of a new slab; the constructor has not run yet. */
	void (*init)(struct kmem_cache *s, void *slot);
	/* The user's object, or NULL: the slot is broken, has been reported, and is never given out again. */
	void *(*alloc)(struct kmem_cache *s, void *slot, size_t size);
	/* The slot, or NULL: reported, not to be freed. */
	void *(*free)(struct kmem_cache *s, void *object);
	/* A free slot's slab goes back to the page allocator. */
	void (*retire)(struct kmem_cache *s, void *slot);
	/* kmalloc: what the user asked for; he wants `size` of the object's bytes from now on. */
	size_t (*requested)(struct kmem_cache *s, void *object);
	void (*resize)(struct kmem_cache *s, void *object, size_t size);
};
extern const struct slab_object_ops *slab_object_debug;

/*
 * A kernel address that is not mapped was touched: say so if it is one that debugging has taken away, and whose it was. For a port's
 * fault handler, on the CPU that faulted, any context. pc: the instruction. False: nothing is known of the address.
 */
extern bool (*mm_explain_fault)(unsigned long kva, bool write, unsigned long pc);

#endif
