// SPDX-License-Identifier: MIT
/*
 * A CPU's own objects: allocating and freeing without a lock that another CPU has.
 *
 *   kmem_cache_alloc          the CPU's main sheaf has one (slab_fast.c)
 *     else refill             a full sheaf of the CPU's, one of the node's barn, objects of partial slabs
 *       else slab_take        slabs, a new one if need be
 *   kmem_cache_free           the CPU's main sheaf has room (slab_fast.c)
 *     else make_room          one more full one for the CPU, or for the barn, objects to their slabs
 *       else slab_give
 *
 * Full sheaves stay with the CPU as far as it has shown that it wants them back: one, and each time it must look elsewhere for
 * objects its credit grows by one, up to max_own. So a CPU that takes and gives by hundreds meets nobody, and one that only frees
 * what others allocate keeps nothing from them.
 *
 * Invariants: the objects [floor, top), and those of the full sheaves, are free, belong to the cache and stand nowhere else; objects
 * of another node than the CPU's are never put into its sheaves.
 *
 * Locking: slab_cpu is the CPU's own (slab_internal.h); barn_lock and list_lock come under it. Pages and sheaves
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
struct slab_lookup slab_lookup = {
	.cpu = {[0 ... SLAB_MAX_CACHES - 1] = slab_no_cpus},
	.kmalloc = {[0 ... KMALLOC_LOOKUP_MAX / KMALLOC_MIN_SIZE - 1] = slab_no_cpus},
};

/* ------------------------------------------------------------------ sheaves and barns */

static struct sheaf *alloc_sheaf(const struct kmem_cache *s, gfp_t gfp)
{
	void *p;

	if (!slab_take(&sheaf_caches[s->sheaf_size], (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN,
		       NUMA_NO_NODE, &p, 1))
		return NULL;
	return p;
}

static void free_sheaf(const struct kmem_cache *s, struct sheaf *sheaf)
{
	void *p = sheaf;

	if (sheaf)
		slab_give(&sheaf_caches[s->sheaf_size], &p, 1);
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
		WRITE_ONCE(n->nr_full_sheaves, n->nr_full_sheaves - 1);
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
		WRITE_ONCE(n->nr_full_sheaves, n->nr_full_sheaves + 1);
	}
	spin_unlock_irqrestore(&n->barn_lock, flags);
	return empty;
}

/* ------------------------------------------------------------------ a CPU's part */

static void chain_push(struct sheaf **chain, u8 *nr, struct sheaf *sheaf)
{
	sheaf->next = *chain;
	*chain = sheaf;
	++*nr;
}

static struct sheaf *chain_pop(struct sheaf **chain, u8 *nr)
{
	struct sheaf *sheaf = *chain;

	if (sheaf) {
		*chain = sheaf->next;
		--*nr;
	}
	return sheaf;
}

/* nr: 0 or the capacity. */
static void set_main(const struct kmem_cache *s, struct slab_cpu *c, struct sheaf *sheaf,
		     unsigned int nr)
{
	c->main = sheaf;
	c->floor = sheaf->objects;
	c->top = sheaf->objects + nr;
	c->limit = sheaf->objects + s->capacity;
}

/* Something into the main sheaf, which is empty. c is ours. */
static bool refill(struct kmem_cache *s, struct slab_cpu *c, int nid)
{
	struct sheaf *full = chain_pop(&c->full, &c->nr_full);

	if (likely(full)) {
		chain_push(&c->empty, &c->nr_empty, c->main);
		set_main(s, c, full, s->capacity);
		return true;
	}
	if (c->credit < s->max_own)
		c->credit++;
	full = s->node[nid] ? barn_take_full(s->node[nid], c->main) : NULL;
	if (full) {
		set_main(s, c, full, s->capacity);
		return true;
	}
	c->top += slab_take_partial(s, nid, c->top, (s->capacity + 1) / 2);
	return c->top != c->floor;
}

/* The main sheaf, which is full, to the barn. False: it has enough of them. */
static bool trade_full(struct kmem_cache *s, struct slab_cpu *c, int nid)
{
	struct kmem_cache_node *n = s->node[nid];
	struct sheaf *empty = chain_pop(&c->empty, &c->nr_empty), *got;

	if (!n || !s->max_full)
		goto keep;
	got = barn_give_full(s, n, c->main, empty);
	if (!got && !empty &&
	    __atomic_load_n(&n->nr_full_sheaves, __ATOMIC_RELAXED) < s->max_full) {
		/* It has room, and no empty one for us. */
		empty = alloc_sheaf(s, GFP_NOWAIT);
		if (empty)
			got = barn_give_full(s, n, c->main, empty);
	}
	if (got) {
		set_main(s, c, got, 0);
		return true;
	}
keep:
	if (empty)
		chain_push(&c->empty, &c->nr_empty, empty);
	return false;
}

/* Room in the main sheaf, which is full. c is ours. */
static void make_room(struct kmem_cache *s, struct slab_cpu *c, int nid)
{
	unsigned int half = s->capacity / 2;

	if (likely(c->nr_full < c->credit)) {
		struct sheaf *empty = chain_pop(&c->empty, &c->nr_empty);

		if (unlikely(!empty))
			empty = alloc_sheaf(s, GFP_NOWAIT);
		if (likely(empty)) {
			chain_push(&c->full, &c->nr_full, c->main);
			set_main(s, c, empty, 0);
			return;
		}
	}
	if (trade_full(s, c, nid))
		return;
	c->top = c->floor + half;
	slab_give(s, c->top, s->capacity - half);
}

/* The node of a slab's page. */
static inline int type_to_nid(u32 type)
{
	return (int)(type >> SLAB_ID_BITS) % MAX_NUMNODES;
}

static void unlock_own(struct slab_cpu *c)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	LOCAL_STORE(c->tag, c->type);
}

/* This CPU's part, ours, with its sheaves, which it gets when it first comes here; NULL: go to the slabs. */
static struct slab_cpu *lock_own(struct kmem_cache *s)
{
	struct slab_cpu *c = s->cpu + port_cpu();
	struct sheaf *main;

	if (!s->capacity || !LOCAL_LOAD(c->tag))
		return NULL;
	LOCAL_STORE(c->tag, 0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (LOCAL_LOAD(c->wanted)) {
		unlock_own(c);
		return NULL;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (likely(c->main))
		return c;
	main = alloc_sheaf(s, GFP_NOWAIT);
	if (!main) {
		unlock_own(c);
		return NULL;
	}
	c->type = SLAB_PAGE_TYPE(numa_node_id(), s->id);
	c->credit = 1;
	set_main(s, c, main, 0);
	return c;
}

/* ------------------------------------------------------------------ allocating */

/* An object of a cache that is checked; a slot that turns out to be broken stays taken. */
static void *alloc_checked(struct kmem_cache *s, gfp_t gfp, int nid, size_t size)
{
	void *slot, *object;

	do {
		if (!slab_take(s, gfp, nid, &slot, 1))
			return NULL;
		object = slab_object_debug->alloc(s, slot, size);
	} while (!object);
	return gfp & __GFP_ZERO ? memset(object, 0, size) : object;
}

/*
 * An object of a slab, which may have to be made and the caller may wait for: so this is done while no part is ours. Some more of it come
 * along for this CPU.
 */
static void *take_and_keep(struct kmem_cache *s, gfp_t gfp, int nid)
{
	unsigned int want = nid == NUMA_NO_NODE ? 1 + s->capacity / 2 : 1, got;
	struct slab_cpu *c;
	void *some[8];

	got = slab_take_some(s, gfp, nid, some, min(want, (unsigned int)ARRAY_SIZE(some)));
	if (!got)
		return NULL;
	c = got > 1 ? lock_own(s) : NULL;
	if (c) {
		while (got > 1 && c->top != c->limit && slab_page_type(some[got - 1]) == c->type)
			*c->top++ = some[--got];
		unlock_own(c);
	}
	if (unlikely(got > 1))
		slab_give(s, some + 1, got - 1);
	return some[0];
}

void *slab_alloc_slow(struct kmem_cache *s, gfp_t gfp, int nid, size_t size)
{
	struct slab_cpu *c;
	void *object;

	if (unlikely(slab_debug_ops)) {
		if (slab_debug_ops->should_fail && slab_debug_ops->should_fail(s, gfp))
			return NULL;
		if (slab_debug_ops->guard_alloc) {
			object = slab_debug_ops->guard_alloc(s, size, gfp);
			if (object)
				return object;
		}
	}
	if (nid == NUMA_NO_NODE || nid == numa_node_id()) {
		c = lock_own(s);
		if (c) {
			object = NULL;
			if (c->top != c->floor || refill(s, c, type_to_nid(c->type)))
				object = *--c->top;
			unlock_own(c);
			if (object)
				goto out;
		}
	}
	if (unlikely(s->flags & SLAB_DEBUG_FLAGS))
		return alloc_checked(s, gfp, nid, size);
	object = take_and_keep(s, gfp, nid);
	if (!object)
		return NULL;
out:
	if (gfp & __GFP_ZERO)
		memset(object, 0, READ_ONCE(s->object_size));
	return object;
}

void *slab_kmalloc_slow(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	return slab_alloc_slow(s, gfp, NUMA_NO_NODE, size);
}

void *slab_clear_object(void *object)
{
	const struct kmem_cache *s = slab_cache_table[slab_page_type(object) % SLAB_MAX_CACHES];

	return memset(object, 0, READ_ONCE(s->object_size));
}

void *kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid)
{
	if (nid == NUMA_NO_NODE || nid == numa_node_id())
		return kmem_cache_alloc(s, gfp);
	return slab_alloc_slow(s, gfp, nid, READ_ONCE(s->object_size));
}

int kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t n, void **p)
{
	unsigned int got = 0, want = (unsigned int)n;
	struct slab_cpu *c;

	if (!n || n > INT_MAX)
		return 0;
	if (unlikely(!s->capacity)) {
		for (; got < want; got++) {
			p[got] = slab_alloc_slow(s, gfp, NUMA_NO_NODE, READ_ONCE(s->object_size));
			if (!p[got])
				goto undo;
		}
		return (int)n;
	}
	c = lock_own(s);
	if (c) {
		while (got < want && (c->top != c->floor || refill(s, c, type_to_nid(c->type)))) {
			u32 part = min(slab_nr(c), want - got);

			c->top -= part;
			memcpy(p + got, c->top, part * sizeof(*p));
			got += part;
		}
		unlock_own(c);
	}
	if (got < want)
		got += slab_take(s, gfp, NUMA_NO_NODE, p + got, want - got);
	if (unlikely(got < want))
		goto undo;
	if (gfp & __GFP_ZERO)
		for (got = 0; got < want; got++)
			memset(p[got], 0, READ_ONCE(s->object_size));
	return (int)n;
undo:
	kmem_cache_free_bulk(s, got, p);
	return 0;
}

/* ------------------------------------------------------------------ freeing */

struct kmem_cache *virt_to_cache(const void *p)
{
	u32 type = slab_page_type(p);
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
		/* An object that is checked does not begin where its slot does. */
		if (of && (of->flags & SLAB_DEBUG_FLAGS) && (!s || s == of))
			return of;
		bad_free(s, object);
		return NULL;
	}
	return of;
}

void slab_free_slow(struct kmem_cache *s, void *object)
{
	u32 type = slab_page_type(object);
	struct slab_cpu *c;

	if (unlikely(slab_debug_ops) && slab_debug_ops->guard_free &&
	    slab_debug_ops->guard_free(s, object))
		return;
	if (unlikely(type >> 24 != PGTY_slab)) {
		kfree_other(object);
		return;
	}
	c = lock_own(s);
	if (likely(c)) {
		if (likely(c->type == type)) {
			if (c->top == c->limit)
				make_room(s, c, type_to_nid(type));
			*c->top++ = object;
			unlock_own(c);
			return;
		}
		unlock_own(c);
	}
	s = check_object(s, object);
	if (!s)
		return;
	if (unlikely(s->flags & SLAB_DEBUG_FLAGS)) {
		object = slab_object_debug->free(s, object);
		if (!object)
			return;
	}
	slab_give(s, &object, 1);
}

/*
 * Objects of p[0..n) onto the stack of c, as long as they are of its type; returns how many. c is ours. One test an object: NULL and
 * ZERO_SIZE_PTR end it as well.
 */
static size_t push_run(struct kmem_cache *s, struct slab_cpu *c, void **p, size_t n)
{
	const u32 type = c->type;
	size_t i = 0;

	for (;;) {
		size_t end = min(n, i + (size_t)(c->limit - c->top));
		void **top = c->top;

		for (; i < end; i++) {
			void *object = p[i];

			if (ZERO_OR_NULL_PTR(object) || slab_page_type(object) != type)
				break;
			*top++ = object;
		}
		c->top = top;
		if (i < end || i == n)
			return i;
		make_room(s, c, type_to_nid(type));
	}
}

void kmem_cache_free_bulk(struct kmem_cache *s, size_t n, void **p)
{
	size_t i = 0;

	while (i < n) {
		struct kmem_cache *of;
		struct slab_cpu *c;
		size_t pushed = 0;

		if (ZERO_OR_NULL_PTR(p[i])) {
			i++;
			continue;
		}
		of = virt_to_cache(p[i]);
		c = of && (!s || of == s) ? lock_own(of) : NULL;
		if (c) {
			pushed = push_run(of, c, p + i, n - i);
			unlock_own(c);
		}
		i += pushed;
		if (pushed)
			continue;
		if (s)
			kmem_cache_free(s, p[i++]);
		else
			kfree(p[i++]);
	}
}

/* ------------------------------------------------------------------ emptying */

/* nr objects of a sheaf back to their slabs, and the sheaf away. */
static void drop_sheaf(struct kmem_cache *s, struct sheaf *sheaf, unsigned int nr)
{
	slab_give(s, sheaf->objects, nr);
	free_sheaf(s, sheaf);
}

static void wait_for_owners(const struct kmem_cache *s)
{
	unsigned int cpu;

	smp_membarrier();
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		while (!__atomic_load_n(&s->cpu[cpu].tag, __ATOMIC_ACQUIRE))
			smp_wait_relax();
	smp_membarrier();
}

/* All that a CPU has, whose stack is shut. */
static void empty_cpu(struct kmem_cache *s, struct slab_cpu *c)
{
	struct sheaf *sheaf;

	drop_sheaf(s, c->main, (unsigned int)(c->top - c->main->objects));
	while ((sheaf = chain_pop(&c->full, &c->nr_full)))
		drop_sheaf(s, sheaf, s->capacity);
	while ((sheaf = chain_pop(&c->empty, &c->nr_empty)))
		drop_sheaf(s, sheaf, 0);
	c->main = NULL;
	__atomic_store_n(&c->top, NULL, __ATOMIC_RELAXED);
}

/*
 * Every CPU's objects back to their slabs, and the sheaves away. slab_mutex held; not with interrupts off. slab_internal.h
 * has the steps.
 */
void slab_flush_cpus(struct kmem_cache *s)
{
	unsigned int cpu;

	if (s->cpu == slab_no_cpus)
		return;
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		__atomic_store_n(&s->cpu[cpu].wanted, 1, __ATOMIC_RELAXED);
	wait_for_owners(s);
	for (cpu = 0; cpu < nr_cpus_possible; cpu++) {
		__atomic_store_n(&s->cpu[cpu].floor, SLAB_SHUT, __ATOMIC_RELAXED);
		__atomic_store_n(&s->cpu[cpu].limit, NULL, __ATOMIC_RELAXED);
	}
	wait_for_owners(s);
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		if (s->cpu[cpu].main)
			empty_cpu(s, &s->cpu[cpu]);
	smp_membarrier();
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		__atomic_store_n(&s->cpu[cpu].wanted, 0, __ATOMIC_RELEASE);
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
			drop_sheaf(s, full, s->capacity);
		}
		for (; empty; empty = next) {
			next = empty->next;
			free_sheaf(s, empty);
		}
	}
}
