// SPDX-License-Identifier: MIT
/*
 * The short ways: taking an object from the top of this CPU's stack, and putting one there (slab_internal.h says whose turn
 * it is).
 *
 * Each calls another function only as its last deed, so that it needs no frame of its own; the board compiles this file
 * without frame pointers, and a call chain still shows who called.
 *
 * A pair has two loads that wait for a store of the pair before, both of `top`. Nothing waits for tag: it is known
 * what is stored there, and the processor guesses that it was not 0.
 */
#include "slab_internal.h"

/* Neighbours in one access where the compiler knows how; what another CPU may change meanwhile is one of the bounds. */
#ifdef QUIRE_TSAN
#define STACK_LOAD(x) LOCAL_LOAD(x)
#else
#define STACK_LOAD(x) (x)
#endif

/* The top object, or NULL: the slow way. */
static __always_inline void *take_fast(struct slab_cpu *c)
{
	const u32 tag = LOCAL_LOAD(c->tag);
	void **floor, **top, *object;

	if (unlikely(!tag))
		return NULL;
	LOCAL_STORE(c->tag, 0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	floor = STACK_LOAD(c->floor);
	top = STACK_LOAD(c->top);
	if (unlikely(top <= floor)) {
		LOCAL_STORE(c->tag, tag);
		return NULL;
	}
	object = *--top;
	c->top = top;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	LOCAL_STORE(c->tag, tag);
	assume(object);
	return object;
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	void *object = take_fast(s->cpu + port_cpu());

	if (unlikely(!object))
		return slab_alloc_slow(s, gfp, NUMA_NO_NODE, READ_ONCE(s->object_size));
	if (unlikely(gfp & __GFP_ZERO))
		return slab_clear_object(object);
	return object;
}

void *__kmalloc_cache(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	void *object = take_fast(s->cpu + port_cpu());

	return likely(object) ? object : slab_kmalloc_slow(size, gfp, s);
}

void *__kmalloc_cache_gfp(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	void *object = take_fast(s->cpu + port_cpu());

	if (unlikely(!object))
		return slab_kmalloc_slow(size, gfp, s);
	if (unlikely(gfp & __GFP_ZERO))
		return slab_clear_object(object);
	return object;
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	void *object;

	/* 0 is more than any. */
	if (likely(size - 1 < KMALLOC_LOOKUP_MAX) &&
	    likely(!(gfp & (__GFP_DMA | __GFP_RECLAIMABLE | __GFP_ZERO)))) {
		object = take_fast(slab_lookup.kmalloc[(size - 1) / KMALLOC_MIN_SIZE] + port_cpu());
		if (likely(object))
			return object;
	}
	return kmalloc_slow(size, gfp);
}

/* type: of the object's page. False: the slow way. */
static __always_inline bool free_fast(struct slab_cpu *c, void *object, u32 type)
{
	void **top, **limit;

	if (unlikely(LOCAL_LOAD(c->tag) != type))
		return false;
	LOCAL_STORE(c->tag, 0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	top = STACK_LOAD(c->top);
	limit = STACK_LOAD(c->limit);
	if (unlikely(top >= limit)) {
		LOCAL_STORE(c->tag, type);
		return false;
	}
	*top++ = object;
	c->top = top;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	LOCAL_STORE(c->tag, type);
	return true;
}

void kmem_cache_free(struct kmem_cache *s, void *object)
{
	if (unlikely(!object))
		return;
	if (unlikely(!free_fast(s->cpu + port_cpu(), object, slab_page_type(object))))
		slab_free_slow(s, object);
}

/* kfree of what this CPU's stack does not take. type: of p's page. */
static __always_inline void kfree_elsewhere(void *p, u32 type)
{
	if (type >> 24 != PGTY_slab)
		kfree_other(p);
	else
		slab_free_slow(slab_cache_table[type % SLAB_MAX_CACHES], p);
}

void kfree(const void *p)
{
	u32 type;

	if (unlikely(ZERO_OR_NULL_PTR(p)))
		return;
	type = slab_page_type(p);
	/* What is no slab has no CPU's tag. */
	if (unlikely(!free_fast(slab_lookup.cpu[type % SLAB_MAX_CACHES] + port_cpu(), (void *)p,
				type)))
		kfree_elsewhere((void *)p, type);
}
