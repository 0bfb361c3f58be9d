// SPDX-License-Identifier: MIT
/*
 * Pools with a reserve, for who must go on when memory has run out.
 *
 * Owns the reserve: a stack of elements. Invariants: 0 <= curr_nr <= min_nr, and the first curr_nr elements are not NULL. Who puts
 * one back sees a reserve that is not full, or somebody else filled it.
 *
 * Locking: pool->lock, interrupts off, around the stack alone; the allocator is called without it.
 *
 * Against Linux 6.12: the same order (allocator, reserve, wait). Waiting is turning around, not sleeping in a queue: other CPUs
 * give back, and where there are none the request fails. The allocator is asked again at every turn, and a wait of seconds is
 * reported.
 */
#include <quire/mempool.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/string.h>

/* Both numbers are also looked at without the lock. */
static int nr(const int *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static void set_nr(int *n, int v)
{
	__atomic_store_n(n, v, __ATOMIC_RELAXED);
}

/* The top of the stack; NULL: empty. */
static void *take_reserve(mempool_t *pool)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	void *element = NULL;

	if (pool->curr_nr) {
		set_nr(&pool->curr_nr, pool->curr_nr - 1);
		element = pool->elements[pool->curr_nr];
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

/* False: it is full. */
static bool give_reserve(mempool_t *pool, void *element)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	bool room = pool->curr_nr < pool->min_nr;

	if (room) {
		pool->elements[pool->curr_nr] = element;
		set_nr(&pool->curr_nr, pool->curr_nr + 1);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return room;
}

/* ------------------------------------------------------------------ making and ending */

void mempool_exit(mempool_t *pool)
{
	void *element;

	if (!pool->elements)
		return;
	while ((element = take_reserve(pool)))
		pool->free(element, pool->pool_data);
	kfree(pool->elements);
	pool->elements = NULL;
	pool->min_nr = 0;
}

int mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
		      void *pool_data, gfp_t gfp, int nid)
{
	*pool = (mempool_t){.pool_data = pool_data, .alloc = alloc, .free = release};
	if (min_nr < 1)
		return -EINVAL;
	pool->elements =
		(void **)kmalloc_node((size_t)min_nr * sizeof(pool->elements[0]), gfp, nid);
	if (!pool->elements)
		return -ENOMEM;
	pool->min_nr = min_nr;
	while (pool->curr_nr < min_nr) {
		void *element = alloc(gfp, pool_data);

		if (!element) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		give_reserve(pool, element);
	}
	return 0;
}

int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
		 void *pool_data)
{
	return mempool_init_node(pool, min_nr, alloc, release, pool_data, GFP_KERNEL, NUMA_NO_NODE);
}

mempool_t *mempool_create_node(int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
			       void *pool_data, gfp_t gfp, int nid)
{
	mempool_t *pool = kmalloc_node(sizeof(*pool), gfp, nid);

	if (pool && mempool_init_node(pool, min_nr, alloc, release, pool_data, gfp, nid)) {
		kfree(pool);
		pool = NULL;
	}
	return pool;
}

mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc, mempool_free_t *release,
			  void *pool_data)
{
	return mempool_create_node(min_nr, alloc, release, pool_data, GFP_KERNEL, NUMA_NO_NODE);
}

void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kfree(pool);
}

/* The reserve moves into a stack of another size. What does not fit has been freed before. */
static void replace_stack(mempool_t *pool, void **elements, int min_nr)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	void **old = pool->elements;

	memcpy(elements, old, (size_t)pool->curr_nr * sizeof(old[0]));
	pool->elements = elements;
	set_nr(&pool->min_nr, min_nr);
	spin_unlock_irqrestore(&pool->lock, flags);
	kfree(old);
}

int mempool_resize(mempool_t *pool, int min_nr)
{
	unsigned long flags;
	void **elements;

	if (min_nr < 1)
		return -EINVAL;
	elements = kmalloc_array((size_t)min_nr, sizeof(elements[0]), GFP_KERNEL);
	if (!elements)
		return -ENOMEM;
	/* From here on nothing is put above the new top. */
	flags = spin_lock_irqsave(&pool->lock);
	set_nr(&pool->min_nr, min(pool->min_nr, min_nr));
	spin_unlock_irqrestore(&pool->lock, flags);
	while (nr(&pool->curr_nr) > min_nr) {
		void *element = take_reserve(pool);

		if (element)
			pool->free(element, pool->pool_data);
	}
	replace_stack(pool, elements, min_nr);
	while (!mempool_is_saturated(pool)) {
		void *element = pool->alloc(GFP_KERNEL, pool->pool_data);

		if (!element)
			break;
		if (!give_reserve(pool, element))
			pool->free(element, pool->pool_data);
	}
	return 0;
}

/* ------------------------------------------------------------------ using */

/* Waiting is for moments: after so long somebody is told, again and again. */
#define WAIT_NS 5000000000ULL
#define TURNS_A_LOOK 255U

/* since: when the wait began, or was last told of; 0: it is not known yet. Returns the same for the next look. */
static u64 look_at_clock(const mempool_t *pool, u64 since)
{
	u64 now = port_time_ns();

	if (!since || now - since < WAIT_NS)
		return since ? since : now;
	pr_warn("mempool_alloc: CPU%u has waited %llu s for one of %d elements to come back\n",
		port_cpu(), WAIT_NS / 1000000000, pool->min_nr);
	port_backtrace();
	return now;
}

void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	/* The reserve is there: neither the last pages nor long efforts. */
	gfp_t gentle = (gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN) &
		       ~(__GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_ZERO);
	gfp_t again = gentle | (gfp & (__GFP_DIRECT_RECLAIM | __GFP_IO));
	void *element = pool->alloc(gentle, pool->pool_data);
	unsigned int turns = 0;
	u64 since = 0;

	if (likely(element))
		return element;
	for (;;) {
		element = take_reserve(pool);
		if (element || !gfpflags_allow_blocking(gfp))
			return element;
		element = pool->alloc(again, pool->pool_data);
		if (element)
			return element;
		if (num_online_cpus() == 1)
			break;
		smp_wait_relax();
		if (!(++turns & TURNS_A_LOOK))
			since = look_at_clock(pool, since);
	}
	if (!(gfp & __GFP_NOWARN)) {
		pr_warn("mempool_alloc: all %d elements are out, and nobody is there to give one "
			"back\n",
			pool->min_nr);
		port_backtrace();
	}
	return NULL;
}

void *mempool_alloc_preallocated(mempool_t *pool)
{
	return take_reserve(pool);
}

void mempool_free(void *element, mempool_t *pool)
{
	if (unlikely(!element))
		return;
	/*
	 * Not full, seen without the lock: the element that this CPU took made it so, or whoever filled it has done
	 * what is needed.
	 */
	if (unlikely(nr(&pool->curr_nr) < nr(&pool->min_nr)) && give_reserve(pool, element))
		return;
	pool->free(element, pool->pool_data);
}

int mempool_check(mempool_t *pool)
{
	int bad = 0, i, k;

	if (pool->curr_nr < 0 || pool->curr_nr > pool->min_nr ||
	    (pool->min_nr && !pool->elements)) {
		pr_err("mempool_check: %d of %d elements in reserve\n", pool->curr_nr,
		       pool->min_nr);
		return 1;
	}
	for (i = 0; i < pool->curr_nr; i++) {
		for (k = 0; k < i && pool->elements[k] != pool->elements[i]; k++)
			;
		if (k < i || !pool->elements[i]) {
			pr_err("mempool_check: element %d is %s\n", i,
			       k < i ? "in reserve twice" : "NULL");
			bad++;
		}
	}
	return bad;
}

/* ------------------------------------------------------------------ the usual elements */

void *mempool_alloc_slab(gfp_t gfp, void *pool_data)
{
	return kmem_cache_alloc(pool_data, gfp);
}

void mempool_free_slab(void *element, void *pool_data)
{
	kmem_cache_free(pool_data, element);
}

void *mempool_kmalloc(gfp_t gfp, void *pool_data)
{
	return kmalloc((size_t)pool_data, gfp);
}

void mempool_kfree(void *element, void *pool_data)
{
	(void)pool_data;
	kfree(element);
}

void *mempool_kvmalloc(gfp_t gfp, void *pool_data)
{
	return kvmalloc((size_t)pool_data, gfp);
}

void mempool_kvfree(void *element, void *pool_data)
{
	(void)pool_data;
	kvfree(element);
}

void *mempool_alloc_pages(gfp_t gfp, void *pool_data)
{
	return alloc_pages(gfp, (unsigned int)(long)pool_data);
}

void mempool_free_pages(void *element, void *pool_data)
{
	__free_pages(element, (unsigned int)(long)pool_data);
}
