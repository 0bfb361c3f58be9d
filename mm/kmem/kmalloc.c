// SPDX-License-Identifier: MIT
/*
 * kmalloc: memory by size. Classes of sizes are caches; what is larger than two pages is a compound page of its own.
 *
 * Owns kmalloc_caches. A large block is a compound page without type, so that kfree and ksize find its order.
 *
 * Against Linux: the same classes (powers of two, 96 and 192), the same alignment; no caches for cgroups.
 */
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "slab_internal.h"

struct kmem_cache kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];

const u8 kmalloc_size_index[24] = {
	3, 4, 5, 5, 6, 6, 6, 6, 1, 1, 1, 1, 7, 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2,
};

/* ------------------------------------------------------------------ boot */

static unsigned int class_size(unsigned int class)
{
	return class == 1 ? 96 : class == 2 ? 192 : 1U << class;
}

void create_kmalloc_caches(void)
{
	static const struct {
		const char *prefix;
		slab_flags_t flags;
	} types[NR_KMALLOC_TYPES] = {
		[KMALLOC_NORMAL] = {"kmalloc", 0},
		[KMALLOC_RECLAIM] = {"kmalloc-rcl", SLAB_RECLAIM_ACCOUNT},
		[KMALLOC_DMA] = {"dma-kmalloc", SLAB_CACHE_DMA},
	};
	static char names[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1][20];
	unsigned int type, class, size;

	for (type = 0; type < NR_KMALLOC_TYPES; type++) {
		for (class = 1; class <= KMALLOC_SHIFT_HIGH; class ++) {
			size = class_size(class);
			if (size < KMALLOC_MIN_SIZE)
				continue;
			quire_snprintf(names[type][class], sizeof(names[type][class]),
				       size < 1024 ? "%s-%u" : "%s-%uk", types[type].prefix,
				       size < 1024 ? size : size / 1024);
			slab_boot_kmalloc(&kmalloc_caches[type][class], names[type][class], size,
					  types[type].flags);
		}
	}
	for (type = 0; type < NR_KMALLOC_TYPES; type++)
		for (class = 1; class <= KMALLOC_SHIFT_HIGH; class ++)
			if (kmalloc_caches[type][class].size)
				slab_boot_kmalloc_ready(&kmalloc_caches[type][class]);
	for (size = KMALLOC_MIN_SIZE; size <= KMALLOC_LOOKUP_MAX; size += KMALLOC_MIN_SIZE)
		slab_lookup.kmalloc[size / KMALLOC_MIN_SIZE - 1] =
			kmalloc_caches[KMALLOC_NORMAL][kmalloc_index(size)].cpu;
}

/* ------------------------------------------------------------------ allocating */

void *__kmalloc_large(size_t size, gfp_t gfp, int nid)
{
	struct page *page;

	if (unlikely(size > KMALLOC_MAX_SIZE))
		return NULL;
	if (unlikely(slab_debug_ops) && slab_debug_ops->should_fail &&
	    slab_debug_ops->should_fail(NULL, gfp))
		return NULL;
	page = alloc_pages_node(nid, gfp | __GFP_COMP, get_order(size));
	return page ? page_address(page) : NULL;
}

void *kmalloc_slow(size_t size, gfp_t gfp)
{
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return __kmalloc_large(size, gfp, NUMA_NO_NODE);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	return __kmalloc_cache_gfp(size, gfp,
				   &kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)]);
}

void *__kmalloc_node(size_t size, gfp_t gfp, int nid)
{
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return __kmalloc_large(size, gfp, nid);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (nid == NUMA_NO_NODE || nid == numa_node_id())
		return __kmalloc_cache_gfp(size, gfp,
					   &kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)]);
	return slab_alloc_slow(&kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)], gfp, nid,
			       size);
}

/* ------------------------------------------------------------------ freeing, sizes */

/* The block that kmalloc gave as pages, or NULL. */
static __always_inline struct page *large_block(const void *p)
{
	struct page *page = virt_to_page(p);

	if (!PageHead(page) || page_has_type(page) || !page_ref_count(page) ||
	    (unsigned long)p % PAGE_SIZE)
		/* A block of one page has no head mark: nothing of kmalloc is that small. */
		return NULL;
	return page;
}

static noinline void kfree_bad(const void *p)
{
	pr_err("BUG kfree: %p was not given by kmalloc, and is not freed\n", p);
	port_backtrace();
}

static __always_inline void kfree_large(const void *p)
{
	struct page *page = large_block(p);

	if (likely(page))
		slab_free_pages(page, compound_order(page));
	else
		kfree_bad(p);
}

static noinline void kfree_other_debug(const void *p)
{
	if (!slab_debug_ops->guard_free || !slab_debug_ops->guard_free(NULL, (void *)p))
		kfree_large(p);
}

void kfree_other(const void *p)
{
	if (unlikely(slab_debug_ops))
		kfree_other_debug(p);
	else
		kfree_large(p);
}

size_t kmalloc_size_roundup(size_t size)
{
	if (!size || size > KMALLOC_MAX_SIZE)
		return size;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return PAGE_SIZE << get_order(size);
	return class_size(kmalloc_index(size));
}

void kfree_sensitive(const void *p)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	memset((void *)p, 0, ksize(p));
	/* The stores are not for nothing: somebody may read the memory after it was freed. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	kfree(p);
}

/* krealloc in place, of an object that is checked: it may have more or less of its bytes than before. */
static bool resize_checked(const void *p, size_t *old, size_t size, gfp_t gfp)
{
	struct kmem_cache *s = virt_to_cache(p);

	if (!s || !(s->flags & SLAB_DEBUG_FLAGS))
		return false;
	*old = slab_object_debug->requested(s, (void *)p);
	if (size > READ_ONCE(s->object_size))
		return false;
	slab_object_debug->resize(s, (void *)p, size);
	if ((gfp & __GFP_ZERO) && size > *old)
		memset((char *)p + *old, 0, size - *old);
	return true;
}

/* What ksize() says, to one who does not mean to use it all. */
static size_t room_at(const void *p)
{
	struct kmem_cache *s;
	struct page *page;
	size_t size;

	if (slab_debug_ops && slab_debug_ops->guard_size) {
		size = slab_debug_ops->guard_size(p);
		if (size)
			return size;
	}
	s = virt_to_cache(p);
	if (s)
		return s->flags & SLAB_DEBUG_FLAGS || s->ctor ? READ_ONCE(s->object_size) : s->size;
	page = large_block(p);
	return page ? PAGE_SIZE << compound_order(page) : 0;
}

size_t ksize(const void *p)
{
	struct kmem_cache *s;

	if (ZERO_OR_NULL_PTR(p))
		return 0;
	s = slab_object_debug ? virt_to_cache(p) : NULL;
	if (s && (s->flags & SLAB_DEBUG_FLAGS))
		/* Who asks may use it all. */
		slab_object_debug->resize(s, (void *)p, READ_ONCE(s->object_size));
	return room_at(p);
}

void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	size_t old = ZERO_OR_NULL_PTR(p) ? 0 : room_at(p);
	void *new;

	if (!size) {
		kfree(p);
		return ZERO_SIZE_PTR;
	}
	if (unlikely(slab_object_debug) && old && resize_checked(p, &old, size, gfp))
		return (void *)p;
	if (size <= old && !ZERO_OR_NULL_PTR(p)) {
		if (gfp & __GFP_ZERO)
			memset((char *)p + size, 0, old - size);
		return (void *)p;
	}
	new = kmalloc(size, gfp);
	if (new &&old) {
		memcpy(new, p, old);
		kfree(p);
	}
	return new;
}

void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return krealloc(p, bytes, gfp);
}

void *kmemdup(const void *src, size_t n, gfp_t gfp)
{
	void *p = kmalloc(n, gfp);

	if (p && n)
		memcpy(p, src, n);
	return p;
}

char *kstrdup(const char *s, gfp_t gfp)
{
	return s ? kmemdup(s, strlen(s) + 1, gfp) : NULL;
}
