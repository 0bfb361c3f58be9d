/* SPDX-License-Identifier: MIT */
/*
 * Elements that can always be had: a pool keeps min_nr in reserve for the time when its allocator has none (mm/kmem/mempool.c;
 * Linux: include/linux/mempool.h, names and meanings of 6.12).
 *
 * mempool_alloc and mempool_free work in any context; the functions that make, resize and end a pool are not for interrupts, and
 * of one pool not for two CPUs at a time.
 */
#ifndef QUIRE_MEMPOOL_H
#define QUIRE_MEMPOOL_H

#include <quire/slab.h>
#include <quire/spinlock.h>

/* An element of the pool's own allocator; NULL: there is none. */
typedef void *(mempool_alloc_t)(gfp_t gfp, void *pool_data);
typedef void(mempool_free_t)(void *element, void *pool_data);

typedef struct mempool {
	spinlock_t lock;     /* curr_nr, min_nr, elements */
	int min_nr, curr_nr; /* what shall be, and what is in reserve: curr_nr <= min_nr */
	void **elements;     /* [min_nr], the first curr_nr count */
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
} mempool_t;

/*
 * A pool with min_nr elements, at least 1, taken from alloc now. NULL, or -EINVAL, -ENOMEM: and then nothing is kept. gfp, node: of the
 * pool itself and its first elements. mempool_init is for a pool within another structure, which mempool_exit ends.
 */
mempool_t *mempool_create_node(int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
			       void *pool_data, gfp_t gfp, int nid);
mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
			  void *pool_data);
int mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
		      void *pool_data, gfp_t gfp, int nid);
int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
		 void *pool_data);
/* Every element has come back. NULL is allowed; mempool_exit may be called twice, and of a pool that is all zero. */
void mempool_destroy(mempool_t *pool);
void mempool_exit(mempool_t *pool);

/*
 * Another min_nr, at least 1. Elements that are too many are freed; those that are missing are asked for, and where there are none the
 * reserve fills as elements come back. 0, -EINVAL, or -ENOMEM, and then nothing has changed.
 */
int mempool_resize(mempool_t *pool, int min_nr);

/*
 * From the allocator, which is asked without trying hard, else from the reserve. With __GFP_DIRECT_RECLAIM it waits until an element
 * comes back; where no other CPU runs that could give one back it is NULL, with a warning. (Linux waits in any case.) Without: NULL.
 * __GFP_ZERO is not for pools: what is in reserve is as its last user left it.
 */
void *mempool_alloc(mempool_t *pool, gfp_t gfp);
/* From the reserve alone; NULL: it is empty. */
void *mempool_alloc_preallocated(mempool_t *pool);
/* To the reserve when it is not full, else to the allocator. NULL is allowed. */
void mempool_free(void *element, mempool_t *pool);

static inline bool mempool_is_saturated(mempool_t *pool)
{
	return __atomic_load_n(&pool->curr_nr, __ATOMIC_RELAXED) >=
	       __atomic_load_n(&pool->min_nr, __ATOMIC_RELAXED);
}

/* The reserve is what it claims. With no user at work. Prints violations, returns how many. */
int mempool_check(mempool_t *pool);

/* Elements of a cache, by kmalloc of a size, kvmalloc of a size, and pages of an order. */
void *mempool_alloc_slab(gfp_t gfp, void *pool_data);
void mempool_free_slab(void *element, void *pool_data);
void *mempool_kmalloc(gfp_t gfp, void *pool_data);
void mempool_kfree(void *element, void *pool_data);
void *mempool_kvmalloc(gfp_t gfp, void *pool_data);
void mempool_kvfree(void *element, void *pool_data);
void *mempool_alloc_pages(gfp_t gfp, void *pool_data);
void mempool_free_pages(void *element, void *pool_data);

static inline mempool_t *mempool_create_slab_pool(int min_nr, struct kmem_cache *s)
{
	return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, s);
}

static inline mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t size)
{
	return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)size);
}

static inline mempool_t *mempool_create_page_pool(int min_nr, int order)
{
	return mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages, (void *)(long)order);
}

static inline int mempool_init_slab_pool(mempool_t *pool, int min_nr, struct kmem_cache *s)
{
	return mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, s);
}

static inline int mempool_init_kmalloc_pool(mempool_t *pool, int min_nr, size_t size)
{
	return mempool_init(pool, min_nr, mempool_kmalloc, mempool_kfree, (void *)size);
}

static inline int mempool_init_page_pool(mempool_t *pool, int min_nr, int order)
{
	return mempool_init(pool, min_nr, mempool_alloc_pages, mempool_free_pages,
			    (void *)(long)order);
}

#endif
