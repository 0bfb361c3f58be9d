/* SPDX-License-Identifier: MIT */
/*
 * Kernel objects: caches of equal objects, and kmalloc (Linux: include/linux/slab.h; names and meanings of 6.12).
 *
 * Implementation: mm/kmem/slab.c (a CPU's own objects), slab_node.c (slabs), slab_cache.c (caches), kmalloc.c.
 *
 * Any context, when gfp lacks __GFP_DIRECT_RECLAIM; the functions that create, destroy and shrink are not for interrupts.
 * An object's memory is in the linear map. Objects of one cache never share a page with others, but caches that are
 * alike may be one cache (merging).
 */
#ifndef QUIRE_SLAB_H
#define QUIRE_SLAB_H

#include <quire/gfp.h>
#include <quire/page-flags.h>

typedef unsigned int slab_flags_t;

#define SLAB_CONSISTENCY_CHECKS 0x00000100U /* check what is freed, dearly */
#define SLAB_RED_ZONE 0x00000400U	    /* known bytes around objects */
#define SLAB_POISON 0x00000800U		    /* known bytes in free objects */
#define SLAB_HWCACHE_ALIGN                                                                         \
	0x00002000U		    /* objects begin at cache lines, small ones share one evenly */
#define SLAB_CACHE_DMA 0x00004000U  /* memory of ZONE_DMA */
#define SLAB_STORE_USER 0x00010000U /* who allocated and freed is kept */
#define SLAB_RECLAIM_ACCOUNT 0x00020000U /* can be reclaimed: its pages are grouped with such */
#define SLAB_PANIC 0x00040000U		 /* kmem_cache_create may not fail */
/*
 * The memory of a freed object stays memory of this cache's objects until every reader that may still look at it has gone:
 * it may meanwhile become another object of the cache. A reader takes a reference or lock in the object and then asks
 * again whether it is the one it meant. Such caches do not merge; and an empty slab is given back only when nobody reads: no
 * kernel thread reads under such protection yet, so at once.
 */
#define SLAB_TYPESAFE_BY_RCU 0x00080000U
#define SLAB_NO_MERGE 0x01000000U
#define SLAB_ACCOUNT 0x04000000U
#define SLAB_DEBUG_FLAGS (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

struct kmem_cache;

/* What kmalloc(0) gives: not NULL, not to be touched; kfree takes it. */
#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(p) ((unsigned long)(p) <= (unsigned long)ZERO_SIZE_PTR)

/* kmalloc's smallest alignment; a power-of-two size is aligned to itself. */
#define ARCH_KMALLOC_MINALIGN 8
#define KMALLOC_SHIFT_LOW 3
#define KMALLOC_MIN_SIZE (1U << KMALLOC_SHIFT_LOW)
/* Above this, kmalloc takes whole pages. */
#define KMALLOC_SHIFT_HIGH (PAGE_SHIFT + 1)
#define KMALLOC_MAX_CACHE_SIZE (1UL << KMALLOC_SHIFT_HIGH)
#define KMALLOC_MAX_SIZE (PAGE_SIZE << MAX_PAGE_ORDER)

/*
 * A CPU's own objects of a cache: a stack, in the room of its main sheaf.
 *
 *	floor        top               limit
 *	|objects ....|.... room .......|
 *
 * tag: the page_type of what this CPU takes and gives here; 0 while it is at it. How CPU, interrupts and other CPUs keep
 * out of each other's way is told in mm/kmem/slab_internal.h.
 */
struct sheaf;
struct slab_cpu {
	u32 tag;
	u32 wanted; /* another CPU wants it */
	void **floor, **top, **limit;
	struct sheaf *main;	    /* NULL: it has no sheaves at all */
	struct sheaf *full, *empty; /* whole ones beside it */
	u8 nr_full, nr_empty;
	u8 credit; /* full ones that it may keep */
	u32 type;  /* what tag is when it is not 0 */
} __cacheline_aligned;

/*
 * page_type of each page of a slab: PGTY_slab in bits 24..31, the node in 12..17, the cache's number in 0..8. So that kfree
 * needs no look at the head page.
 */
#define SLAB_ID_BITS 12
#define SLAB_MAX_CACHES 512U
#define SLAB_PAGE_TYPE(nid, id)                                                                    \
	(PAGE_TYPE_VALUE(PGTY_slab) | (u32)(nid) << SLAB_ID_BITS | (u32)(id))

struct kmem_cache_node;

struct kmem_cache {
	struct slab_cpu
		*cpu; /* [nr_cpus_possible]; slab_no_cpus until the first CPU wants it, or always */
	slab_flags_t flags;
	gfp_t allocflags;	  /* for its slabs */
	unsigned int object_size; /* what the user asked for */
	unsigned int size;	  /* from one object to the next */
	unsigned int align;
	unsigned int free_offset; /* of the link in a free object */
	unsigned int order;	/* of its slabs, but for those made when there was no such block */
	unsigned int min_order; /* ... of those */
	unsigned int objects;	/* in a slab of `order` */
	unsigned int capacity;	/* of a sheaf; 0: no sheaves */
	unsigned int max_full;	/* full sheaves that a node keeps */
	unsigned int max_own;	/* ... and a CPU beside its main one, at most */
	u16 id;
	s16 refcount;  /* users: merged caches are one */
	u8 sheaf_size; /* of its sheaves, a number */
	void (*ctor)(void *object);
	const char *name;
	unsigned long random; /* hardening: links are stored so changed; 0: plain */
	struct kmem_cache_node *node[MAX_NUMNODES];
	struct kmem_cache *next; /* all caches, the newest first, under slab_mutex */
	u64 serial;		 /* the how manieth to be made, from 1 on */
	/* With SLAB_DEBUG_FLAGS: where the object begins in its slot, and the note on it (mm/debug/slab_debug.c). */
	unsigned int red_left, note_offset;
};

/* ------------------------------------------------------------------ boot */

/* Make kmalloc and the rest usable. Once, when pages can be allocated (Linux: kmem_cache_init). */
void kmem_cache_init(void);
bool slab_is_available(void);
/*
 * On the command line slab_nomerge, quire.slab_freelist_random: a slab's objects are given out in an order of their own, and
 * quire.slab_freelist_hardened: links in free objects are stored changed, so that a stray write is found out and a forged one is
 * not followed far. Before kmem_cache_init.
 */
extern bool slab_nomerge, slab_freelist_random, slab_freelist_hardened;

/* ------------------------------------------------------------------ caches */

/*
 * A cache of objects of `size` bytes, aligned to `align` (0: a word; SLAB_HWCACHE_ALIGN raises it). ctor runs once for an
 * object when its slab is made, and an object is freed in the state that ctor left. name must outlive the cache. NULL:
 * bad size (0 or more than KMALLOC_MAX_SIZE), align no power of two, no memory, or too many caches; with SLAB_PANIC it panics.
 */
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *));
#define KMEM_CACHE(type, flags)                                                                    \
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

/* The last user of a merged cache destroys it. Objects that are still allocated are reported, and the cache stays. */
void kmem_cache_destroy(struct kmem_cache *s);

/* Give back every empty slab, after every CPU's and node's sheaves have been emptied. Returns 0. */
int kmem_cache_shrink(struct kmem_cache *s);
/* The same for all caches. */
void slab_drain_all(void);

static inline unsigned int kmem_cache_size(const struct kmem_cache *s)
{
	return READ_ONCE(s->object_size);
}

/* An object, or NULL: no memory. __GFP_ZERO clears it (not with a ctor). */
void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
/* From a node's memory if it has any: nid NUMA_NO_NODE: any. */
void *kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid);
static inline void *kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp)
{
	return kmem_cache_alloc(s, gfp | __GFP_ZERO);
}

/* NULL is allowed. An object of another cache, or none, is reported and left alone. */
void kmem_cache_free(struct kmem_cache *s, void *object);

/* All `n` objects into p[], or none: returns n or 0. */
int kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t n, void **p);
/* s NULL: objects of any cache, and of kmalloc. */
void kmem_cache_free_bulk(struct kmem_cache *s, size_t n, void **p);
#define kfree_bulk(n, p) kmem_cache_free_bulk(NULL, n, p)

/* ------------------------------------------------------------------ kmalloc */

enum kmalloc_cache_type { KMALLOC_NORMAL, KMALLOC_RECLAIM, KMALLOC_DMA, NR_KMALLOC_TYPES };
/* By class: 0: none, 1: 96 bytes, 2: 192 bytes, n: 2^n bytes. */
extern struct kmem_cache kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];
/* The class of a size up to 192, by (size - 1) / 8. */
extern const u8 kmalloc_size_index[24];

static __always_inline unsigned int kmalloc_index(size_t size)
{
	if (__builtin_constant_p(size)) {
		if (size <= 8)
			return 3;
		if (size > 64 && size <= 96)
			return 1;
		if (size > 128 && size <= 192)
			return 2;
		return 64U - (unsigned int)__builtin_clzll(size - 1);
	}
	if (size <= 192)
		return kmalloc_size_index[(size - 1) / 8];
	return 64U - (unsigned int)__builtin_clzll(size - 1);
}

static __always_inline enum kmalloc_cache_type kmalloc_type(gfp_t gfp)
{
	if (likely(!(gfp & (__GFP_DMA | __GFP_RECLAIMABLE))))
		return KMALLOC_NORMAL;
	return gfp & __GFP_DMA ? KMALLOC_DMA : KMALLOC_RECLAIM;
}

/*
 * `size` bytes from the cache of their class; the size is for those who check (slab_debug=), and stands first so that it costs
 * __kmalloc nothing to hand it on. The first does not clear: gfp has no __GFP_ZERO.
 */
void *__kmalloc_cache(size_t size, gfp_t gfp, struct kmem_cache *s);
void *__kmalloc_cache_gfp(size_t size, gfp_t gfp, struct kmem_cache *s);
void *__kmalloc(size_t size, gfp_t gfp);
void *__kmalloc_node(size_t size, gfp_t gfp, int nid);
/* More than KMALLOC_MAX_CACHE_SIZE: whole pages, a compound page. */
void *__kmalloc_large(size_t size, gfp_t gfp, int nid);

/*
 * `size` bytes, or NULL; 0 bytes: ZERO_SIZE_PTR. Aligned to at least ARCH_KMALLOC_MINALIGN, to the whole size when that is a
 * power of two.
 */
static __always_inline void *kmalloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size) {
		if (size > KMALLOC_MAX_CACHE_SIZE)
			return __kmalloc_large(size, gfp, NUMA_NO_NODE);
		if (__builtin_constant_p(gfp) && !(gfp & __GFP_ZERO))
			return __kmalloc_cache(
				size, gfp, &kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)]);
		return __kmalloc_cache_gfp(size, gfp,
					   &kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)]);
	}
	return __kmalloc(size, gfp);
}

static inline void *kmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return __kmalloc_node(size, gfp, nid);
}

static __always_inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO);
}

static inline void *kzalloc_node(size_t size, gfp_t gfp, int nid)
{
	return kmalloc_node(size, gfp | __GFP_ZERO, nid);
}

/* NULL when n * size does not fit into size_t. */
static __always_inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kmalloc(bytes, gfp);
}

static __always_inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kmalloc_array(n, size, gfp | __GFP_ZERO);
}

static inline void *kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int nid)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kmalloc_node(bytes, gfp, nid);
}

static inline void *kcalloc_node(size_t n, size_t size, gfp_t gfp, int nid)
{
	return kmalloc_array_node(n, size, gfp | __GFP_ZERO, nid);
}

/* NULL and ZERO_SIZE_PTR are allowed. What kmalloc did not give is reported and left alone. */
void kfree(const void *p);
/* The same after clearing all of it. */
void kfree_sensitive(const void *p);
/* Bytes that may be used at p: what the size was rounded up to. 0 for NULL and ZERO_SIZE_PTR. */
size_t ksize(const void *p);
/* What kmalloc(size) would give; sizes that it refuses are returned as they are. */
size_t kmalloc_size_roundup(size_t size);

/*
 * Make p's memory `size` bytes, moving it when need be; contents are kept up to the smaller size. NULL: no memory, and p
 * is as it was. size 0 frees and gives ZERO_SIZE_PTR. With __GFP_ZERO what is new is zero, provided it was so all along.
 */
void *krealloc(const void *p, size_t size, gfp_t gfp);
void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp);

void *kmemdup(const void *src, size_t n, gfp_t gfp);
char *kstrdup(const char *s, gfp_t gfp);

/* kmalloc, or vmalloc when there is no such block and gfp may sleep. kvfree takes either. */
void *kvmalloc_node(size_t size, gfp_t gfp, int nid);
void kvfree(const void *p);
static inline void *kvmalloc(size_t size, gfp_t gfp)
{
	return kvmalloc_node(size, gfp, NUMA_NO_NODE);
}
static inline void *kvzalloc(size_t size, gfp_t gfp)
{
	return kvmalloc(size, gfp | __GFP_ZERO);
}
static inline void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kvmalloc(bytes, gfp);
}
static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kvmalloc_array(n, size, gfp | __GFP_ZERO);
}
void *kvrealloc(const void *p, size_t size, gfp_t gfp);

/* ------------------------------------------------------------------ for reports and checks */

struct slabinfo {
	unsigned long active_objs, num_objs, active_slabs, num_slabs;
	unsigned int objects_per_slab, cache_order, capacity; /* of a slab as the cache wants it */
	unsigned long cached_objs;			      /* free ones in sheaves */
	unsigned long overhead; /* bytes beside the slabs: sheaves and the CPUs' parts */
};
void get_slabinfo(struct kmem_cache *s, struct slabinfo *info);
/* Objects of this slab, a head page: in use, or free. */
unsigned int slab_nr_objects(const struct page *slab);
/* Every slot of every slab of the cache, in use or free, with the node's lock held and interrupts off. */
void slab_for_each_slot(struct kmem_cache *s,
			void (*fn)(struct kmem_cache *s, void *slot, void *arg), void *arg);
/* Every cache once, oldest last; NULL starts and ends. With no cache being made or destroyed. */
struct kmem_cache *next_cache(struct kmem_cache *s);
/*
 * The same for who cannot know that: what the newest cache is that was made before the one with `serial` (0: of all), copied. False:
 * there is none. May not be called with slab_mutex or an object's lock held; interrupts on.
 */
struct slab_cache_view {
	u64 serial;
	char name[64];
	unsigned int size;
	struct slabinfo info;
};
bool slab_view_cache(u64 serial, struct slab_cache_view *view);

/*
 * Re-derives every cache's slabs, lists and counts: each object is in use, in a sheaf or in its slab's list of free ones, once.
 * Other CPUs quiet. Prints violations, returns how many.
 */
int slab_check(void);

/* Is p in a slab, and of which cache? NULL: no. */
struct kmem_cache *virt_to_cache(const void *p);

#endif
