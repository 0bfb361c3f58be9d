// SPDX-License-Identifier: MIT
/*
 * The stress's kinds of kernel objects: kmalloc, caches that all CPUs share, caches of one owner, pools, per-CPU memory.
 *
 * Owns the shared caches and pools, from stress_kmem_init to stress_kmem_exit.
 */
#include "stress_internal.h"

#include <quire/mempool.h>
#include <quire/percpu.h>
#include <quire/smp.h>

#define CTOR_BYTE 0x5a

static void ctor(void *object)
{
	u64 *word = object;

	for (unsigned int i = 0; i < 4; i++)
		word[i] = 0x0101010101010101ULL * CTOR_BYTE;
}

static const struct {
	const char *name;
	unsigned int size, align;
	slab_flags_t flags;
	void (*ctor)(void *object);
} shared[] = {
	{"stress-8", 8, 0, 0, NULL},
	{"stress-24", 24, 0, SLAB_NO_MERGE, NULL},
	{"stress-100", 100, 4, SLAB_RECLAIM_ACCOUNT, NULL},
	{"stress-192", 192, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, NULL},
	{"stress-ctor", 320, 64, SLAB_NO_MERGE, ctor},
	{"stress-rcu", 576, 0, SLAB_TYPESAFE_BY_RCU, ctor},
	{"stress-1k", 1000, 128, SLAB_NO_MERGE, NULL},
	{"stress-big", 6000, 0, 0, NULL},
	{"stress-dma", 256, 0, SLAB_CACHE_DMA, NULL},
};
static struct kmem_cache *cache[ARRAY_SIZE(shared)];
static mempool_t *pool[4];
/* Bytes of an element of each. */
static size_t pool_bytes[4];

void stress_kmem_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pool); i++) {
		mempool_destroy(pool[i]);
		pool[i] = NULL;
	}
	for (i = 0; i < ARRAY_SIZE(cache); i++) {
		if (cache[i])
			kmem_cache_destroy(cache[i]);
		cache[i] = NULL;
	}
}

/* A cache gets its CPUs' parts when it is first used. */
static void use_every_kmalloc(void)
{
	static const gfp_t types[NR_KMALLOC_TYPES] = {0, __GFP_RECLAIMABLE, __GFP_DMA};
	unsigned int t, size;

	for (t = 0; t < NR_KMALLOC_TYPES; t++)
		for (size = 8; size <= KMALLOC_MAX_CACHE_SIZE; size += max(size / 2, 8U) & ~7U)
			kfree(kmalloc(size, GFP_KERNEL | __GFP_NOWARN | types[t]));
}

int stress_kmem_init(void)
{
	unsigned int i;

	use_every_kmalloc();

	for (i = 0; i < ARRAY_SIZE(cache); i++) {
		cache[i] = kmem_cache_create(shared[i].name, shared[i].size, shared[i].align,
					     shared[i].flags, shared[i].ctor);
		if (!cache[i])
			goto fail;
	}
	pool_bytes[0] = 192;
	pool[0] = mempool_create_slab_pool(8, cache[3]);
	pool_bytes[1] = 1500;
	pool[1] = mempool_create_kmalloc_pool(4, pool_bytes[1]);
	pool_bytes[2] = PAGE_SIZE << 1;
	pool[2] = mempool_create_page_pool(4, 1);
	pool_bytes[3] = 3 * PAGE_SIZE;
	pool[3] = mempool_create(2, mempool_kvmalloc, mempool_kvfree, (void *)pool_bytes[3]);
	for (i = 0; i < ARRAY_SIZE(pool); i++)
		if (!pool[i])
			goto fail;
	return 0;
fail:
	stress_kmem_exit();
	return -ENOMEM;
}

int stress_kmem_check(void)
{
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(pool); i++)
		if (pool[i])
			bad += mempool_check(pool[i]);
	return bad;
}

/* ------------------------------------------------------------------ kmalloc */

static gfp_t kmalloc_gfp(struct stress_cpu *c)
{
	gfp_t gfp = stress_gfp(c) & ~(__GFP_HIGHMEM | __GFP_MOVABLE);

	if (stress_chance(c, 5))
		gfp = (gfp & ~__GFP_RECLAIMABLE) | __GFP_DMA;
	if (stress_chance(c, 20))
		gfp |= __GFP_ZERO;
	return gfp;
}

static size_t kmalloc_bytes(struct stress_cpu *c)
{
	if (stress_chance(c, 4))
		return stress_size(c, 1, 256 * 1024);
	return stress_size(c, 1, KMALLOC_MAX_CACHE_SIZE);
}

static bool kmalloc_make(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = kmalloc_bytes(c);
	gfp_t gfp = kmalloc_gfp(c);
	void *p;

	switch (stress_random(c, 4)) {
	case 0:
		p = kmalloc_node(size, gfp, numa_node_id());
		break;
	case 1:
		p = kmalloc_array(2, (size + 1) / 2, gfp);
		break;
	default:
		p = kmalloc(size, gfp);
	}
	if (!p)
		return false;
	if (ksize(p) < size)
		stress_bad(c, "kmalloc of %lu bytes gave %lu", (unsigned long)size,
			   (unsigned long)ksize(p));
	if ((unsigned long)p % ARCH_KMALLOC_MINALIGN ||
	    (is_power_of_2(size) && size <= PAGE_SIZE && (unsigned long)p % size))
		stress_bad(c, "kmalloc of %lu bytes: %p is not aligned", (unsigned long)size, p);
	stress_begin(c, o, p, size, gfp);
	return true;
}

static void kmalloc_drop(struct stress_cpu *c, struct stress_object *o)
{
	void *p = o->p;

	if (stress_chance(c, 5))
		kfree_sensitive(p);
	else if (stress_chance(c, 5))
		kfree_bulk(1, &p);
	else
		kfree(p);
}

static void resized(struct stress_cpu *c, struct stress_object *o, void *p, size_t size)
{
	if (!p)
		return;
	/* The first bytes, which have no gaps whatever the size. */
	if (!stress_check(p, min(min(o->size, size), (size_t)512), o->key))
		stress_bad(c, "contents were lost from %lu to %lu bytes", (unsigned long)o->size,
			   (unsigned long)size);
	stress_begin(c, o, p, size, 0);
}

static void kmalloc_change(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = kmalloc_bytes(c);

	resized(c, o, krealloc(o->p, size, kmalloc_gfp(c) & ~__GFP_ZERO), size);
}

static bool kvmalloc_make(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = stress_size(c, 1, 32 * PAGE_SIZE);
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | (stress_chance(c, 20) ? __GFP_ZERO : 0);
	void *p = kvmalloc(size, gfp);

	if (!p)
		return false;
	stress_begin(c, o, p, size, gfp);
	return true;
}

static void kvmalloc_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	kvfree(o->p);
}

static void kvmalloc_change(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = stress_size(c, 1, 32 * PAGE_SIZE);

	resized(c, o, kvrealloc(o->p, size, GFP_KERNEL | __GFP_NOWARN), size);
}

/* ------------------------------------------------------------------ caches */

/* An object of a cache with a ctor comes as that left it, and goes so: its first words are not the user's. */
static size_t own_bytes(unsigned int i)
{
	return shared[i].ctor ? 4 * sizeof(u64) : 0;
}

static void look_at_ctor(struct stress_cpu *c, unsigned int i, const void *p)
{
	const u64 *word = p;

	for (unsigned int n = 0; n < own_bytes(i) / sizeof(u64); n++)
		if (word[n] != 0x0101010101010101ULL * CTOR_BYTE) {
			stress_bad(c, "%s: %p is not as its constructor left it", shared[i].name,
				   p);
			return;
		}
}

static bool cache_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int i = (unsigned int)stress_random(c, ARRAY_SIZE(shared));
	gfp_t gfp = stress_gfp(c) & ~(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_RECLAIMABLE);
	char *p;

	if (!shared[i].ctor && stress_chance(c, 20))
		gfp |= __GFP_ZERO;
	p = stress_chance(c, 20) ? kmem_cache_alloc_node(cache[i], gfp, numa_node_id())
				 : kmem_cache_alloc(cache[i], gfp);
	if (!p)
		return false;
	if (shared[i].align && (unsigned long)p % shared[i].align)
		stress_bad(c, "%s: %p is not aligned", shared[i].name, p);
	look_at_ctor(c, i, p);
	o->n = i;
	stress_begin(c, o, p + own_bytes(i), shared[i].size - own_bytes(i), gfp);
	return true;
}

static bool cache_check(struct stress_cpu *c, struct stress_object *o)
{
	look_at_ctor(c, (unsigned int)o->n, (char *)o->p - own_bytes((unsigned int)o->n));
	return stress_plain_check(c, o);
}

static void cache_drop(struct stress_cpu *c, struct stress_object *o)
{
	void *p = (char *)o->p - own_bytes((unsigned int)o->n);

	if (stress_chance(c, 20))
		kfree(p);
	else
		kmem_cache_free(cache[o->n], p);
}

static bool batch_make(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int i = (unsigned int)stress_random(c, 4);
	unsigned long want = 1 + stress_random(c, STRESS_MAX_PARTS), n;

	if (!kmem_cache_alloc_bulk(
		    cache[i], stress_gfp(c) & ~(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_RECLAIMABLE),
		    want, o->part))
		return false;
	o->n = want;
	o->extra = i;
	o->p = o->part[0];
	o->size = shared[i].size;
	o->key = stress_key(c, o->p);
	for (n = 0; n < want; n++)
		stress_fill(o->part[n], o->size, o->key + n);
	return true;
}

static bool batch_check(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long n;

	(void)c;
	for (n = 0; n < o->n; n++)
		if (!stress_check(o->part[n], o->size, o->key + n))
			return false;
	return true;
}

static void batch_drop(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long n;

	switch (stress_random(c, 3)) {
	case 0:
		kmem_cache_free_bulk(cache[o->extra], o->n, o->part);
		break;
	case 1:
		kfree_bulk(o->n, o->part);
		break;
	default:
		for (n = 0; n < o->n; n++)
			kmem_cache_free(cache[o->extra], o->part[n]);
	}
}

/* A cache of its own, with some objects. */
static bool own_make(struct stress_cpu *c, struct stress_object *o)
{
	static const slab_flags_t flags[] = {0,
					     SLAB_NO_MERGE,
					     SLAB_HWCACHE_ALIGN,
					     SLAB_RECLAIM_ACCOUNT | SLAB_NO_MERGE,
					     SLAB_TYPESAFE_BY_RCU,
					     SLAB_ACCOUNT};
	unsigned int size = (unsigned int)stress_size(c, 8, 2 * PAGE_SIZE);
	unsigned int align = stress_chance(c, 50) ? 0 : 8U << stress_random(c, 5);
	struct kmem_cache *s = kmem_cache_create("stress-own", size, align,
						 flags[stress_random(c, ARRAY_SIZE(flags))], NULL);
	unsigned long want = 1 + stress_random(c, STRESS_MAX_PARTS - 1);

	if (!s)
		return false;
	o->part[STRESS_MAX_PARTS - 1] = s;
	o->size = size;
	o->p = s;
	o->key = stress_key(c, s);
	for (o->n = 0; o->n < want; o->n++) {
		void *p = kmem_cache_alloc(s, GFP_KERNEL | __GFP_NOWARN);

		if (!p)
			break;
		if (align && (unsigned long)p % align)
			stress_bad(c, "%p of a cache of %u bytes is not aligned to %u", p, size,
				   align);
		o->part[o->n] = p;
		stress_fill(p, size, o->key + o->n);
	}
	return true;
}

static void own_drop(struct stress_cpu *c, struct stress_object *o)
{
	struct kmem_cache *s = o->part[STRESS_MAX_PARTS - 1];

	if (stress_chance(c, 50))
		kmem_cache_free_bulk(s, o->n, o->part);
	else
		while (o->n)
			kmem_cache_free(s, o->part[--o->n]);
	if (stress_chance(c, 30))
		kmem_cache_shrink(s);
	kmem_cache_destroy(s);
}

/* ------------------------------------------------------------------ pools, per-CPU memory */

/* Never with waiting: whoever waits for an element waits for a CPU that may wait itself. */
static bool pool_make(struct stress_cpu *c, struct stress_object *o)
{
	void *p;

	o->n = stress_random(c, c->in_irq ? 3 : ARRAY_SIZE(pool));
	p = stress_chance(c, 30) ? mempool_alloc_preallocated(pool[o->n])
				 : mempool_alloc(pool[o->n], GFP_NOWAIT);
	if (!p)
		return false;
	o->part[0] = p;
	stress_begin(c, o, o->n == 2 ? page_address(p) : p, pool_bytes[o->n], 0);
	return true;
}

static void pool_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	mempool_free(o->part[0], pool[o->n]);
}

static bool percpu_make(struct stress_cpu *c, struct stress_object *o)
{
	size_t size = stress_size(c, 1, stress_chance(c, 5) ? PCPU_MIN_UNIT_SIZE / 2 : 512);
	size_t align = 1UL << stress_random(c, 8);
	gfp_t gfp = (c->in_irq || stress_chance(c, 20) ? GFP_NOWAIT : GFP_KERNEL) | __GFP_NOWARN;
	char *p = __alloc_percpu_gfp(size, align, gfp);
	unsigned int cpu;

	if (!p)
		return false;
	o->p = p;
	o->size = size;
	o->key = stress_key(c, p);
	for_each_possible_cpu(cpu)
	{
		void *copy = per_cpu_ptr(p, cpu);

		if ((unsigned long)copy % align)
			stress_bad(c, "alloc_percpu: %p is not aligned to %lu", copy,
				   (unsigned long)align);
		if (!stress_is_zero(copy, size))
			stress_bad(c, "alloc_percpu: CPU %u's %lu bytes are not zero", cpu,
				   (unsigned long)size);
		stress_fill(copy, size, o->key + cpu);
	}
	return true;
}

static bool percpu_check(struct stress_cpu *c, struct stress_object *o)
{
	unsigned int cpu;
	char *p = o->p;

	(void)c;
	for_each_possible_cpu(
		cpu) if (!stress_check(per_cpu_ptr(p, cpu), o->size, o->key + cpu)) return false;
	return true;
}

static void percpu_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	free_percpu(o->p);
}

/* ------------------------------------------------------------------ rare things */

void stress_kmem_disturb(struct stress_cpu *c)
{
	switch (stress_random(c, 4)) {
	case 0:
		slab_drain_all();
		break;
	case 1:
		pcpu_shrink();
		break;
	default:
		kmem_cache_shrink(cache[stress_random(c, ARRAY_SIZE(cache))]);
	}
}

const struct stress_kind stress_kmem_kinds[] = {
	{"kmalloc", 40, STRESS_IRQ, kmalloc_make, stress_plain_check, kmalloc_drop, kmalloc_change},
	{"kvmalloc", 5, 0, kvmalloc_make, stress_plain_check, kvmalloc_drop, kvmalloc_change},
	{"cache", 40, STRESS_IRQ, cache_make, cache_check, cache_drop, NULL},
	{"cache, bulk", 10, STRESS_IRQ, batch_make, batch_check, batch_drop, NULL},
	{"cache of its own", 1, 0, own_make, batch_check, own_drop, NULL},
	{"pool", 8, 0, pool_make, stress_plain_check, pool_drop, NULL},
	{"per-CPU", 10, STRESS_IRQ, percpu_make, percpu_check, percpu_drop, NULL},
	{NULL, 0, 0, NULL, NULL, NULL, NULL},
};
