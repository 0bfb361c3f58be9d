// SPDX-License-Identifier: MIT
/*
 * The fast paths: taking an object of this CPU's sheaf, and putting one there.
 *
 * Each calls another function only as its last deed, so that it needs no frame of its own; the board compiles this file
 * without frame pointers, and a call chain still shows who called.
 */
#include "slab_internal.h"

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	struct slab_cpu *c = s->cpu;
	unsigned long nr;
	void *object;

	c += port_cpu();
	if (unlikely(!local_trylock(&c->lock)))
		return slab_alloc_slow(s, gfp, NUMA_NO_NODE);
	nr = c->nr;
	if (unlikely(!nr)) {
		local_unlock(&c->lock);
		return slab_alloc_slow(s, gfp, NUMA_NO_NODE);
	}
	nr--;
	object = c->objects[nr];
	c->nr = nr;
	local_unlock(&c->lock);
	if (unlikely(gfp & __GFP_ZERO))
		return slab_clear_object(s, object);
	return object;
}

/* type: of the object's page. False: the slow way. */
static __always_inline bool free_fast(struct slab_cpu *cpus, void *object, u32 type)
{
	struct slab_cpu *c = cpus + port_cpu();
	unsigned long nr;

	if (unlikely(type >> SLAB_ID_BITS != c->tag) || unlikely(!local_trylock(&c->lock)))
		return false;
	nr = c->nr;
	if (unlikely(nr == c->capacity)) {
		local_unlock(&c->lock);
		return false;
	}
	c->objects[nr] = object;
	c->nr = nr + 1;
	local_unlock(&c->lock);
	return true;
}

void kmem_cache_free(struct kmem_cache *s, void *object)
{
	u32 type;

	if (unlikely(!object))
		return;
	type = page_type_load(virt_to_page(object));
	if (unlikely(type % SLAB_MAX_CACHES != s->id) || unlikely(!free_fast(s->cpu, object, type)))
		slab_free_slow(s, object);
}

void kfree(const void *p)
{
	u32 type;

	if (unlikely(ZERO_OR_NULL_PTR(p)))
		return;
	/* What is no slab has no CPU's tag, and goes the slow way. */
	type = page_type_load(virt_to_page(p));
	if (unlikely(!free_fast(slab_cpu_table[type % SLAB_MAX_CACHES], (void *)p, type)))
		slab_free_slow(slab_cache_table[type % SLAB_MAX_CACHES], (void *)p);
}
