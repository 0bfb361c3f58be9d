// SPDX-License-Identifier: MIT
/*
 * A CPU's own objects: allocating and freeing without a lock that another CPU has.
 *
 *   kmem_cache_alloc          the CPU's main sheaf has one
 *     else refill             the spare sheaf, a full one of the node's barn, objects of partial slabs
 *       else slab_take        slabs, a new one if need be
 *   kmem_cache_free           the CPU's main sheaf has room
 *     else make_room          the spare sheaf, an empty one of the barn, the objects back to their slabs
 *       else slab_give
 *
 * Invariants: the objects [0, nr) of `main`, and those of each sheaf's own nr, are free, belong to the cache and stand nowhere
 * else; objects of another node than the CPU's are never put into its sheaves.
 *
 * Locking: slab_cpu.lock is the CPU's own (<quire/local_lock.h>); barn_lock and list_lock come under it. Pages and sheaves
 * are allocated under it only without waiting. Whoever empties another CPU's sheaves holds slab_mutex.
 *
 * Against Linux 6.12: sheaves are what Linux got later; here every cache has them and they are all there is in front of the
 * slabs. A page says its cache and node itself, so that freeing does not look at the head page.
 */
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "slab_internal.h"

struct slab_cpu slab_no_cpus[NR_CPUS];
struct kmem_cache slab_no_cache = {.cpu = slab_no_cpus, .name = "(none)"};
struct kmem_cache *slab_cache_table[SLAB_MAX_CACHES] = {
	[0 ... SLAB_MAX_CACHES - 1] = &slab_no_cache,
};
struct slab_cpu *slab_cpu_table[SLAB_MAX_CACHES] = {
	[0 ... SLAB_MAX_CACHES - 1] = slab_no_cpus,
};

/* ------------------------------------------------------------------ sheaves and barns */

static struct sheaf *alloc_sheaf(gfp_t gfp)
{
	void *p;

	if (!slab_take(&sheaf_cache, (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN, NUMA_NO_NODE, &p,
		       1))
		return NULL;
	*(struct sheaf *)p = (struct sheaf){.nr = 0};
	return p;
}

static void free_sheaf(struct sheaf *sheaf)
{
	void *p = sheaf;

	if (sheaf)
		slab_give(&sheaf_cache, &p, 1);
}

/* A full sheaf of the barn for an empty one, or NULL. */
static struct sheaf *barn_take_full(struct kmem_cache_node *n, struct sheaf *empty)
{
	struct sheaf *full;
	unsigned long flags;

	if (!__atomic_load_n(&n->full_sheaves, __ATOMIC_RELAXED))
		return NULL;
	flags = spin_lock_irqsave(&n->barn_lock);
	full = n->full_sheaves;
	if (full) {
		__atomic_store_n(&n->full_sheaves, full->next, __ATOMIC_RELAXED);
		n->nr_full_sheaves--;
		empty->next = n->empty_sheaves;
		__atomic_store_n(&n->empty_sheaves, empty, __ATOMIC_RELAXED);
		n->nr_empty_sheaves++;
	}
	spin_unlock_irqrestore(&n->barn_lock, flags);
	return full;
}

/* The full sheaf goes into the barn if there is room; an empty one, or NULL when there is no room or none. */
static struct sheaf *barn_give_full(struct kmem_cache *s, struct kmem_cache_node *n,
				    struct sheaf *full, struct sheaf *empty)
{
	unsigned long flags = spin_lock_irqsave(&n->barn_lock);

	if (n->nr_full_sheaves >= s->max_full) {
		empty = NULL;
	} else if (!empty && n->empty_sheaves) {
		empty = n->empty_sheaves;
		__atomic_store_n(&n->empty_sheaves, empty->next, __ATOMIC_RELAXED);
		n->nr_empty_sheaves--;
	}
	if (empty) {
		full->next = n->full_sheaves;
		__atomic_store_n(&n->full_sheaves, full, __ATOMIC_RELAXED);
		n->nr_full_sheaves++;
	}
	spin_unlock_irqrestore(&n->barn_lock, flags);
	return empty;
}

/* ------------------------------------------------------------------ a CPU's part */

static void set_main(struct slab_cpu *c, struct sheaf *sheaf)
{
	c->main->nr = (u32)c->nr;
	c->main = sheaf;
	c->objects = sheaf->objects;
	c->nr = sheaf->nr;
}

/* Something into the main sheaf, which is empty. c->lock held. */
static bool refill(struct kmem_cache *s, struct slab_cpu *c, int nid)
{
	struct sheaf *full;

	if (c->spare->nr) {
		full = c->spare;
		c->spare = c->main;
		set_main(c, full);
		c->spare->nr = 0;
		return true;
	}
	full = s->node[nid] ? barn_take_full(s->node[nid], c->main) : NULL;
	if (full) {
		c->main = full;
		c->objects = full->objects;
		c->nr = full->nr;
		return true;
	}
	c->nr = slab_take_partial(s, nid, c->objects, (unsigned int)(c->capacity + 1) / 2);
	return c->nr != 0;
}

/* Room in the main sheaf, which is full. c->lock held. */
static void make_room(struct kmem_cache *s, struct slab_cpu *c, int nid)
{
	struct kmem_cache_node *n = s->node[nid];
	struct sheaf *empty = NULL;
	unsigned long half;

	if (c->spare->nr < c->capacity) {
		struct sheaf *roomy = c->spare;

		c->main->nr = (u32)c->nr;
		c->spare = c->main;
		c->main = roomy;
		c->objects = roomy->objects;
		c->nr = roomy->nr;
		return;
	}
	c->main->nr = (u32)c->nr;
	if (n && s->max_full) {
		empty = barn_give_full(s, n, c->main, NULL);
		if (!empty) {
			struct sheaf *new = NULL;

			if (__atomic_load_n(&n->nr_full_sheaves, __ATOMIC_RELAXED) < s->max_full)
				new = alloc_sheaf(GFP_NOWAIT);
			empty = new ? barn_give_full(s, n, c->main, new) : NULL;
			if (new && !empty)
				free_sheaf(new);
		}
	}
	if (empty) {
		c->main = empty;
		c->objects = empty->objects;
		c->nr = 0;
		return;
	}
	half = c->nr / 2;
	slab_give(s, c->objects + half, (unsigned int)(c->nr - half));
	c->nr = half;
}

/* This CPU's part, locked, with its sheaves, which it gets when it first comes here; NULL: go to the slabs. */
static struct slab_cpu *lock_own(struct kmem_cache *s)
{
	struct slab_cpu *c = s->cpu + port_cpu();
	struct sheaf *main, *spare;

	if (!s->capacity || !local_trylock(&c->lock))
		return NULL;
	if (likely(c->main))
		return c;
	main = alloc_sheaf(GFP_NOWAIT);
	spare = main ? alloc_sheaf(GFP_NOWAIT) : NULL;
	if (!spare) {
		free_sheaf(main);
		local_unlock(&c->lock);
		return NULL;
	}
	c->main = main;
	c->spare = spare;
	c->objects = main->objects;
	c->tag = SLAB_TAG(numa_node_id());
	c->capacity = s->capacity;
	return c;
}

/* ------------------------------------------------------------------ allocating */

void *slab_alloc_slow(struct kmem_cache *s, gfp_t gfp, int nid)
{
	struct slab_cpu *c;
	void *object;

	if (unlikely(slab_debug_ops)) {
		if (slab_debug_ops->should_fail && slab_debug_ops->should_fail(s, gfp))
			return NULL;
		if (slab_debug_ops->guard_alloc) {
			object = slab_debug_ops->guard_alloc(s, s->object_size, gfp);
			if (object)
				goto out;
		}
	}
	if (nid == NUMA_NO_NODE || nid == numa_node_id()) {
		c = lock_own(s);
		if (c) {
			object = NULL;
			if (c->nr || refill(s, c, numa_node_id()))
				object = c->objects[--c->nr];
			local_unlock(&c->lock);
			if (object)
				goto out;
		}
	}
	if (!slab_take(s, gfp, nid, &object, 1))
		return NULL;
out:
	if (gfp & __GFP_ZERO)
		memset(object, 0, s->object_size);
	return object;
}

void *slab_clear_object(const struct kmem_cache *s, void *object)
{
	return memset(object, 0, s->object_size);
}

void *kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid)
{
	if (nid == NUMA_NO_NODE || nid == numa_node_id())
		return kmem_cache_alloc(s, gfp);
	return slab_alloc_slow(s, gfp, nid);
}

int kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t n, void **p)
{
	unsigned int got = 0, want = (unsigned int)n;
	struct slab_cpu *c;

	if (!n || n > INT_MAX)
		return 0;
	if (unlikely(slab_debug_ops)) {
		for (; got < want; got++) {
			p[got] = slab_alloc_slow(s, gfp, NUMA_NO_NODE);
			if (!p[got])
				goto undo;
		}
		return (int)n;
	}
	c = lock_own(s);
	if (c) {
		while (got < want && (c->nr || refill(s, c, numa_node_id()))) {
			u32 part = min((u32)c->nr, want - got);

			c->nr -= part;
			memcpy(p + got, c->objects + c->nr, part * sizeof(*p));
			got += part;
		}
		local_unlock(&c->lock);
	}
	if (got < want)
		got += slab_take(s, gfp, NUMA_NO_NODE, p + got, want - got);
	if (unlikely(got < want))
		goto undo;
	if (gfp & __GFP_ZERO)
		for (got = 0; got < want; got++)
			memset(p[got], 0, s->object_size);
	return (int)n;
undo:
	kmem_cache_free_bulk(s, got, p);
	return 0;
}

/* ------------------------------------------------------------------ freeing */

struct kmem_cache *virt_to_cache(const void *p)
{
	u32 type = page_type_load(virt_to_page(p));

	struct kmem_cache *s = slab_cache_table[type % SLAB_MAX_CACHES];

	return type >> 24 == PGTY_slab && s != &slab_no_cache ? s : NULL;
}

static void bad_free(const struct kmem_cache *s, const void *object)
{
	pr_err("BUG %s: %p is no object of it, and is not freed\n", s ? s->name : "kfree", object);
	port_backtrace();
}

/* The cache that the object is of; `s` is what the caller thinks, or NULL. NULL: reported. */
static struct kmem_cache *check_object(struct kmem_cache *s, const void *object)
{
	struct kmem_cache *of = virt_to_cache(object);

	if (!of || (s && s != of) || !slab_of(of, object)) {
		bad_free(s, object);
		return NULL;
	}
	return of;
}

void slab_free_slow(struct kmem_cache *s, void *object)
{
	struct slab_cpu *c;

	if (unlikely(slab_debug_ops) && slab_debug_ops->guard_free &&
	    slab_debug_ops->guard_free(s, object))
		return;
	if (s == &slab_no_cache || page_type_load(virt_to_page(object)) >> 24 != PGTY_slab) {
		kfree_other(object);
		return;
	}
	s = check_object(s, object);
	if (!s)
		return;
	c = lock_own(s);
	if (c) {
		if (page_type_load(virt_to_page(object)) >> SLAB_ID_BITS == c->tag) {
			if (c->nr == c->capacity)
				make_room(s, c, (int)(c->tag % MAX_NUMNODES));
			c->objects[c->nr++] = object;
			local_unlock(&c->lock);
			return;
		}
		local_unlock(&c->lock);
	}
	slab_give(s, &object, 1);
}

void kmem_cache_free_bulk(struct kmem_cache *s, size_t n, void **p)
{
	struct slab_cpu *c = NULL;
	size_t i = 0;

	while (i < n) {
		struct kmem_cache *of;
		u32 type;

		if (ZERO_OR_NULL_PTR(p[i])) {
			i++;
			continue;
		}
		type = page_type_load(virt_to_page(p[i]));
		of = slab_cache_table[type % SLAB_MAX_CACHES];
		if (type >> 24 != PGTY_slab || (s && of != s) || !(c = lock_own(of))) {
			if (s)
				kmem_cache_free(s, p[i++]);
			else
				kfree(p[i++]);
			continue;
		}
		/* As long as they are of this cache and node, under one lock. */
		while (c->tag == type >> SLAB_ID_BITS) {
			if (c->nr == c->capacity)
				make_room(of, c, (int)(c->tag % MAX_NUMNODES));
			c->objects[c->nr++] = p[i++];
			if (i == n || ZERO_OR_NULL_PTR(p[i]))
				break;
			if (page_type_load(virt_to_page(p[i])) != type)
				break;
		}
		local_unlock(&c->lock);
		if (c->tag != type >> SLAB_ID_BITS)
			kmem_cache_free(of, p[i++]);
	}
}

/* ------------------------------------------------------------------ emptying */

static void empty_sheaf(struct kmem_cache *s, struct sheaf *sheaf)
{
	slab_give(s, sheaf->objects, sheaf->nr);
	sheaf->nr = 0;
}

/* Every CPU's objects back to their slabs, and the sheaves away. slab_mutex held; not with interrupts off. */
void slab_flush_cpus(struct kmem_cache *s)
{
	struct slab_cpu *c;
	unsigned int cpu;

	if (s->cpu == slab_no_cpus)
		return;
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		remote_lock_announce(&s->cpu[cpu].lock);
	smp_membarrier();
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		c = &s->cpu[cpu];
		remote_lock_wait(&c->lock);
		if (c->main) {
			c->main->nr = (u32)c->nr;
			empty_sheaf(s, c->main);
			empty_sheaf(s, c->spare);
			free_sheaf(c->main);
			free_sheaf(c->spare);
			c->main = c->spare = NULL;
			c->nr = c->capacity = 0;
		}
		remote_unlock(&c->lock);
	}
}

/* Every node's full sheaves back, and the empty ones away. */
void slab_flush_barns(struct kmem_cache *s)
{
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct kmem_cache_node *n = s->node[nid];
		struct sheaf *full, *empty, *next;
		unsigned long flags;

		if (!n)
			continue;
		flags = spin_lock_irqsave(&n->barn_lock);
		full = n->full_sheaves;
		empty = n->empty_sheaves;
		__atomic_store_n(&n->full_sheaves, NULL, __ATOMIC_RELAXED);
		__atomic_store_n(&n->empty_sheaves, NULL, __ATOMIC_RELAXED);
		n->nr_full_sheaves = n->nr_empty_sheaves = 0;
		spin_unlock_irqrestore(&n->barn_lock, flags);
		for (; full; full = next) {
			next = full->next;
			empty_sheaf(s, full);
			free_sheaf(full);
		}
		for (; empty; empty = next) {
			next = empty->next;
			free_sheaf(empty);
		}
	}
}
