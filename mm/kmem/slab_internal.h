/* SPDX-License-Identifier: MIT */
/*
 * What the slab allocator's files share: slab.c (a CPU's own objects) calls slab_node.c (slabs of a node), and
 * slab_cache.c (caches) both.
 */
#ifndef QUIRE_SLAB_INTERNAL_H
#define QUIRE_SLAB_INTERNAL_H

#include <quire/local_lock.h>
#include <quire/slab.h>

/*
 * A bag of free objects, moved as a whole between CPUs and their node. Those of one cache have one size: 128, 256, 512 or 1,024 bytes,
 * as its capacity wants it. One that is not a CPU's main sheaf is full, as far as its cache fills one, or empty.
 */
struct sheaf {
	struct sheaf *next;
	void *objects[];
};
#define SHEAF_SHIFT_MIN 7U
#define NR_SHEAF_SIZES 4U
/* Objects in a sheaf of a size, 0 to NR_SHEAF_SIZES - 1. */
#define SHEAF_BYTES(i) (1U << (SHEAF_SHIFT_MIN + (i)))
#define SHEAF_MAX(i) ((unsigned int)((SHEAF_BYTES(i) - sizeof(struct sheaf)) / sizeof(void *)))

struct kmem_cache_node {
	spinlock_t list_lock;	  /* slabs: their words and lists */
	struct page_list partial; /* some objects free: taken from the front */
	struct page_list full;	  /* none free */
	unsigned long nr_partial, nr_slabs;
	unsigned long nr_objects; /* in slabs, free or not */
	unsigned long nr_free;	  /* of them free */
	unsigned long nr_empty;	  /* slabs of `partial` without an object in use */
	spinlock_t barn_lock __cacheline_aligned;
	struct sheaf *full_sheaves, *empty_sheaves;
	unsigned int nr_full_sheaves, nr_empty_sheaves;
};

/*
 * A slab's head page, in `word`: bit 0 is 0 (no tail page). `first`: the first free object's number, SLAB_END: none. Changed
 * under list_lock.
 */
#define SLAB_END 0xffffU
struct slab_word {
	u16 zero, inuse, first, total;
};
BUILD_BUG_ON(sizeof(struct slab_word) != sizeof(u64));

/* One access each: whoever meets the page may ask its word whether it is a tail page. */
static inline struct slab_word slab_load(const struct page *slab)
{
	u64 word = __atomic_load_n(&slab->word, __ATOMIC_RELAXED);
	struct slab_word w;

	__builtin_memcpy(&w, &word, sizeof(w));
	return w;
}

static inline void slab_store(struct page *slab, struct slab_word w)
{
	u64 word;

	__builtin_memcpy(&word, &w, sizeof(w));
	__atomic_store_n(&slab->word, word, __ATOMIC_RELAXED);
}

/*
 * By number. One that is not used holds slab_no_cache, whose CPUs have no sheaves, so that the fast paths ask neither whether
 * there is a cache nor whether it has sheaves.
 */
extern struct kmem_cache *slab_cache_table[SLAB_MAX_CACHES];
extern struct kmem_cache slab_no_cache;
/* Up to this size kmalloc finds the CPU's part in one load. */
#define KMALLOC_LOOKUP_MAX 1024U
/*
 * What kmalloc and kfree want to know, at one place: each cache's `cpu`, without a look at the cache; and where page_type stands of
 * the page at address 0, if that were in the linear map: slab_page_type() adds the distance to that of another.
 */
struct slab_lookup {
	struct slab_cpu *cpu[SLAB_MAX_CACHES];
	unsigned long page_types;
	/* kmalloc's caches of the ordinary kind, by (size - 1) / KMALLOC_MIN_SIZE. */
	struct slab_cpu *kmalloc[KMALLOC_LOOKUP_MAX / KMALLOC_MIN_SIZE];
};
extern struct slab_lookup slab_lookup;

/* page_type of p's page. p is in the linear map. */
static __always_inline u32 slab_page_type(const void *p)
{
	long page = (long)p >> PAGE_SHIFT;

	return __atomic_load_n(
		(const u32 *)(slab_lookup.page_types + ((unsigned long)page << STRUCT_PAGE_SHIFT)),
		__ATOMIC_RELAXED);
}
extern struct slab_cpu slab_no_cpus[NR_CPUS];
extern struct kmem_cache *slab_caches;
extern struct kmem_cache sheaf_caches[NR_SHEAF_SIZES], node_cache, cache_cache;

/*
 * Whose turn it is at a slab_cpu. The short ways (slab_fast.c) and the long ones (slab.c) of the CPU itself:
 *
 *	tag 0? then it interrupted itself: go to the slabs
 *	tag = 0
 *	(long) wanted? then tag = type, go to the slabs	(short) nothing below top, or no room? tag = type, go the long way
 *	... the stack ...
 *	tag = type
 *
 * So an interrupt between the load and the store of tag leaves the stack complete, and one after it keeps off. A short way asks
 * nothing that it need not know anyway: what tag is not 0 for is the type that kfree compares, and `wanted` it never reads, because
 * another CPU that wants in shuts the stack, by bounds between which no top lies (floor above, limit below):
 *
 *	1  wanted = 1; smp_membarrier(); wait until tag is not 0; smp_membarrier()	no long way is under way, or begins
 *	2  floor = SLAB_SHUT, limit = NULL; smp_membarrier(); wait for tag again; smp_membarrier()	nor a short one
 *	3  ... the stack; at the end it has no sheaves and stays shut ...; smp_membarrier(); wanted = 0
 *
 * As in <quire/local_lock.h> the membarriers stand for those that the owner leaves out. Only the owner, the long way, opens a stack:
 * were it another CPU, a short way might see the old top with the new bounds. tests/models/slab_cpu.pml is this in Promela.
 */
#define SLAB_SHUT ((void **)~0UL)

/* Objects in a stack that is not shut. */
static inline u32 slab_nr(const struct slab_cpu *c)
{
	return (u32)(c->top - c->floor);
}

/* What `tag` is before the CPU first comes here: no page's type. */
#define SLAB_NO_TYPE 1U

/* ------------------------------------------------------------------ slab_node.c */

/*
 * Up to n objects from slabs: of node nid first, then, unless gfp has __GFP_THISNODE, of any other; makes slabs when there
 * are none. Returns how many.
 */
unsigned int slab_take(struct kmem_cache *s, gfp_t gfp, int nid, void **p, unsigned int n);
/* The same, as many as come at once: at most one slab is made. */
unsigned int slab_take_some(struct kmem_cache *s, gfp_t gfp, int nid, void **p, unsigned int n);
/* Only from slabs that exist on this node; no allocation. */
unsigned int slab_take_partial(struct kmem_cache *s, int nid, void **p, unsigned int n);
/* Back to their slabs, of any node; empty slabs beyond the few that are kept go back to the page allocator. */
void slab_give(struct kmem_cache *s, void **p, unsigned int n);
/* The slab that holds object, whose place in it is right, or NULL. */
struct page *slab_of(const struct kmem_cache *s, const void *object);
/*
 * Give a block of pages back that is ours, a compound page: without their types, and taken apart unless somebody else holds it
 * too, so that the page allocator has nothing left to do.
 */
void slab_free_pages(struct page *block, unsigned int order);
/* Empty slabs of all nodes go. Returns the slabs that stay. */
unsigned long slab_discard_empty(struct kmem_cache *s);
/* The lists of all nodes; *nr_free: objects free in slabs. Returns violations, each printed. */
int slab_node_check(const struct kmem_cache *s, unsigned long *nr_free);
/* Is `object`, whose slab is right, in its slab's list of free ones? */
bool slab_object_is_free(const struct kmem_cache *s, const void *object);

/* ------------------------------------------------------------------ slab.c */

/* What slab_fast.c does not do at once. */
void *slab_alloc_slow(struct kmem_cache *s, gfp_t gfp, int nid, size_t size);
/* size: what the user of kmalloc asked for. */
void *slab_kmalloc_slow(size_t size, gfp_t gfp, struct kmem_cache *s);
/*
 * Clears the object and returns it. Its page says how large it is: the tag that the short way found may be one from before the
 * stack was opened, by an interrupt that came between its load and its store.
 */
void *slab_clear_object(void *object);
void slab_free_slow(struct kmem_cache *s, void *object);

/* Every CPU's objects back to their slabs, and the sheaves away. slab_mutex held; not with interrupts off. */
void slab_flush_cpus(struct kmem_cache *s);
/* Every node's full sheaves back, and the empty ones away. */
void slab_flush_barns(struct kmem_cache *s);

/* ------------------------------------------------------------------ kmalloc.c */

/* kmalloc of any size, without the short way of small ones. */
void *kmalloc_slow(size_t size, gfp_t gfp);
/* kfree of what is in no slab: whole pages, a guarded object, or nonsense. */
void kfree_other(const void *p);
/* kmalloc's caches exist from here on. */
void create_kmalloc_caches(void);

/* ------------------------------------------------------------------ slab_cache.c */

/* Lay a cache out and give it a number and its nodes' lists. 0, -EINVAL, -ENOMEM, -ENOSPC. slab_mutex held, or at boot. */
/* One of kmalloc's caches, and its sheaves once all are there; panic without memory. */
void slab_boot_kmalloc(struct kmem_cache *s, const char *name, unsigned int size,
		       slab_flags_t flags);
void slab_boot_kmalloc_ready(struct kmem_cache *s);
int slab_cache_setup(struct kmem_cache *s, const char *name, unsigned int size, unsigned int align,
		     slab_flags_t flags, void (*ctor)(void *));

#endif
