// SPDX-License-Identifier: MIT
/*
 * Caches: making, merging, shrinking and destroying them; what reports and checks want to know of them.
 *
 * Owns the list of all caches and their numbers. The structures of caches and of their nodes' lists are objects of caches
 * themselves: cache_cache, node_cache and sheaf_caches are variables, have no sheaves and come first, so that the slab
 * allocator needs nobody but the page allocator.
 *
 * Locking: slab_mutex for the list, for numbers, and for whoever empties other CPUs' sheaves. It is a spin lock held with
 * interrupts on: cross calls go through while it is held.
 */
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "slab_internal.h"

struct kmem_cache *slab_caches;
struct kmem_cache sheaf_caches[NR_SHEAF_SIZES], node_cache, cache_cache;
bool slab_nomerge, slab_freelist_random, slab_freelist_hardened;

static spinlock_t slab_mutex;
static bool available;

bool slab_is_available(void)
{
	return available;
}

/* ------------------------------------------------------------------ layout */

/*
 * The order of a cache's slabs: the smallest whose rest is at most a sixteenth, then an eighth, and so on to a half, with enough
 * objects for the CPUs there are; else the smallest that holds one. (Linux: calculate_order.)
 */
static unsigned int slab_order(unsigned int size)
{
	unsigned int wanted = 4 * (2 + (unsigned int)ilog2(nr_cpus_possible));
	unsigned int most = (unsigned int)(PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER) / size, order,
		     part;

	for (wanted = min(wanted, most); wanted > 0; wanted--) {
		unsigned int first = get_order((u64)wanted * size);

		for (part = 16; part > 1; part /= 2)
			for (order = first; order <= PAGE_ALLOC_COSTLY_ORDER; order++)
				if ((PAGE_SIZE << order) % size <= (PAGE_SIZE << order) / part)
					return order;
	}
	return get_order(size);
}

/*
 * Objects that a sheaf of this cache holds: as many as go into four pages; of large ones as many as the smallest sheaf has room
 * for, up to 16 pages; two at least.
 */
static void choose_sheaf(struct kmem_cache *s)
{
	unsigned int large = min((unsigned int)(16 * PAGE_SIZE / s->size), SHEAF_MAX(0));
	unsigned int n = max(max((unsigned int)(4 * PAGE_SIZE / s->size), large), 2U), i = 0;

	while (i < NR_SHEAF_SIZES - 1 && SHEAF_MAX(i) + 1 < n)
		i++;
	s->sheaf_size = (u8)i;
	s->capacity = min(n, SHEAF_MAX(i));
}

/* Full sheaves that a node keeps: up to 1/256 of a GiB, at least two. */
static unsigned int max_full_sheaves(const struct kmem_cache *s)
{
	return max(2U, (unsigned int)(SZ_4M / ((u64)s->capacity * s->size)) + 1);
}

/* Full sheaves that a CPU may keep beside its main one: 16, or 128 KiB. */
static unsigned int max_own_sheaves(const struct kmem_cache *s)
{
	return clamp((unsigned int)(128 * SZ_1K / ((u64)s->capacity * s->size)), 1U, 16U);
}

static void lay_out(struct kmem_cache *s)
{
	unsigned int size = (unsigned int)ALIGN(s->object_size, sizeof(void *));

	if (s->flags & SLAB_HWCACHE_ALIGN) {
		unsigned int line = L1_CACHE_BYTES;

		while (s->object_size <= line / 2)
			line /= 2;
		s->align = max(s->align, line);
	}
	s->align = max(s->align, (unsigned int)sizeof(void *));
	/* A free object keeps what the constructor, or a late reader, put there: its link goes behind it. */
	if (s->ctor || (s->flags & SLAB_TYPESAFE_BY_RCU)) {
		s->free_offset = (unsigned int)ALIGN(s->object_size, 2U);
		size = (unsigned int)ALIGN(s->free_offset + 2, sizeof(void *));
	}
	s->size = size;
	if (s->flags & SLAB_DEBUG_FLAGS)
		slab_object_debug->layout(s);
	s->size = (unsigned int)ALIGN(s->size, s->align);
	s->order = slab_order(s->size);
	s->min_order = min((unsigned int)get_order(s->size), s->order);
	s->objects = min((unsigned int)((PAGE_SIZE << s->order) / s->size), SLAB_END - 1);
	s->allocflags = s->flags & SLAB_RECLAIM_ACCOUNT ? __GFP_RECLAIMABLE : 0;
	if (s->flags & SLAB_CACHE_DMA)
		s->allocflags |= __GFP_DMA;
	s->random = slab_freelist_hardened ? (port_clock_ns() + (unsigned long)s->id * 40503UL) *
							     0x9e3779b97f4a7c15UL |
						     1
					   : 0;
}

/* ------------------------------------------------------------------ making */

/* What a cache is checked for: what its user wants, and what the command line does; nothing where there is nobody to check. */
static slab_flags_t debug_flags(const char *name, slab_flags_t flags)
{
	if (!slab_object_debug)
		return flags & ~SLAB_DEBUG_FLAGS;
	return slab_object_debug->flags(name, flags);
}

static struct kmem_cache_node *alloc_node(int nid)
{
	void *p = NULL;

	if (!node_cache.size)
		/* Its own: for ever. */
		p = alloc_pages_exact_nid(nid, sizeof(struct kmem_cache_node), GFP_KERNEL);
	else if (!slab_take(&node_cache, GFP_KERNEL, nid, &p, 1))
		return NULL;
	if (p)
		memset(p, 0, sizeof(struct kmem_cache_node));
	return p;
}

static void free_nodes(struct kmem_cache *s)
{
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		void *p = s->node[nid];

		s->node[nid] = NULL;
		if (p)
			slab_give(&node_cache, &p, 1);
	}
}

static int find_id(void)
{
	unsigned int id;

	/* 0 is no cache's: a page of another type may have it there. */
	for (id = 1; id < SLAB_MAX_CACHES; id++)
		if (slab_cache_table[id] == &slab_no_cache)
			return (int)id;
	return -ENOSPC;
}

int slab_cache_setup(struct kmem_cache *s, const char *name, unsigned int size, unsigned int align,
		     slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache_node *node[MAX_NUMNODES] = {NULL};
	int nid, id = find_id();

	if (id < 0)
		return id;
	for_each_online_node(nid)
	{
		node[nid] = alloc_node(nid);
		if (!node[nid]) {
			memcpy(s->node, node, sizeof(node));
			free_nodes(s);
			return -ENOMEM;
		}
	}
	memcpy(s->node, node, sizeof(node));
	s->name = name;
	s->id = (u16)id;
	s->flags = flags;
	s->object_size = size;
	s->align = align;
	s->ctor = ctor;
	s->refcount = 1;
	s->cpu = slab_no_cpus;
	lay_out(s);
	slab_cache_table[id] = s;
	s->serial = slab_caches ? slab_caches->serial + 1 : 1;
	s->next = slab_caches;
	slab_caches = s;
	return 0;
}

/*
 * The CPUs' parts: from kmalloc's caches, straight from their slabs. They exist as long as the cache does, because nobody
 * could tell whether a CPU is looking at them.
 */
static struct slab_cpu *alloc_cpus(void)
{
	size_t bytes = nr_cpus_possible * sizeof(struct slab_cpu);
	struct slab_cpu *cpus;
	unsigned int cpu;

	if (bytes > KMALLOC_MAX_CACHE_SIZE)
		cpus = alloc_pages_exact(bytes, GFP_KERNEL);
	else
		cpus = slab_alloc_slow(&kmalloc_caches[KMALLOC_NORMAL][kmalloc_index(bytes)],
				       GFP_KERNEL, NUMA_NO_NODE, bytes);
	for (cpu = 0; cpus && cpu < nr_cpus_possible; cpu++)
		cpus[cpu] = (struct slab_cpu){.tag = SLAB_NO_TYPE, .type = SLAB_NO_TYPE};
	return cpus;
}

static void free_cpus(struct slab_cpu *cpus)
{
	size_t bytes = nr_cpus_possible * sizeof(struct slab_cpu);

	if (cpus == slab_no_cpus)
		return;
	if (bytes > KMALLOC_MAX_CACHE_SIZE)
		free_pages_exact(cpus, bytes);
	else
		slab_free_slow(&kmalloc_caches[KMALLOC_NORMAL][kmalloc_index(bytes)], cpus);
}

/* Sheaves in front. Not for the caches that sheaves and caches themselves come from. */
static int give_sheaves(struct kmem_cache *s)
{
	struct slab_cpu *cpus;

	if (slab_debug_ops || (s->flags & SLAB_DEBUG_FLAGS))
		return 0;
	cpus = alloc_cpus();
	if (!cpus)
		return -ENOMEM;
	s->cpu = cpus;
	slab_lookup.cpu[s->id] = cpus;
	choose_sheaf(s);
	s->max_full = max_full_sheaves(s);
	s->max_own = max_own_sheaves(s);
	return 0;
}

/* It has no objects; its number, nodes and CPUs' parts go. slab_mutex held. */
static void unmake(struct kmem_cache *s)
{
	struct kmem_cache **link;

	for (link = &slab_caches; *link != s; link = &(*link)->next)
		;
	*link = s->next;
	slab_cache_table[s->id] = &slab_no_cache;
	slab_lookup.cpu[s->id] = slab_no_cpus;
	free_cpus(s->cpu);
	free_nodes(s);
}

/* What two caches must have alike to be one (Linux: SLAB_MERGE_SAME), and what keeps a cache alone. */
#define MERGE_SAME (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_ACCOUNT)
#define MERGE_NEVER (SLAB_DEBUG_FLAGS | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE)

static struct kmem_cache *find_mergeable(unsigned int size, unsigned int align, slab_flags_t flags)
{
	struct kmem_cache probe = {.object_size = size, .align = align, .flags = flags}, *s;

	if (slab_nomerge || (flags & MERGE_NEVER))
		return NULL;
	lay_out(&probe);
	for (s = slab_caches; s; s = s->next) {
		if (s->ctor || (s->flags & MERGE_NEVER) || s->refcount < 0)
			continue;
		if ((s->flags ^ flags) & MERGE_SAME)
			continue;
		/* As large, less than a word more, and aligned as well. */
		if (s->size < probe.size || s->size - probe.size >= sizeof(void *) ||
		    s->size % probe.align)
			continue;
		return s;
	}
	return NULL;
}

static struct kmem_cache *create(const char *name, unsigned int size, unsigned int align,
				 slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache *s = NULL;
	void *p = NULL;

	if (!name || !size || size > KMALLOC_MAX_SIZE || (align && !is_power_of_2(align)) ||
	    align > PAGE_SIZE)
		return NULL;
	flags = debug_flags(name, flags);
	spin_lock(&slab_mutex);
	if (!ctor)
		s = find_mergeable(size, align, flags);
	if (s) {
		s->refcount++;
		/* Others clear objects of this size meanwhile: larger does no harm. */
		WRITE_ONCE(s->object_size, max(s->object_size, size));
	} else if (slab_take(&cache_cache, GFP_KERNEL, NUMA_NO_NODE, &p, 1)) {
		s = p;
		memset(s, 0, sizeof(*s));
		if (slab_cache_setup(s, name, size, align, flags, ctor)) {
			s = NULL;
		} else if (give_sheaves(s)) {
			unmake(s);
			s = NULL;
		}
		if (!s)
			slab_give(&cache_cache, &p, 1);
	}
	spin_unlock(&slab_mutex);
	return s;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache *s = create(name, size, align, flags, ctor);

	if (!s && (flags & SLAB_PANIC))
		panic("kmem_cache_create: cannot make cache %s of %u bytes", name ? name : "(none)",
		      size);
	if (!s)
		pr_warn("kmem_cache_create: cannot make cache %s of %u bytes\n",
			name ? name : "(none)", size);
	return s;
}

/* ------------------------------------------------------------------ emptying and unmaking */

/* All that is kept in front of the slabs back into them. slab_mutex held. Returns the slabs that stay. */
static unsigned long drain(struct kmem_cache *s)
{
	slab_flush_cpus(s);
	slab_flush_barns(s);
	return slab_discard_empty(s);
}

int kmem_cache_shrink(struct kmem_cache *s)
{
	spin_lock(&slab_mutex);
	drain(s);
	spin_unlock(&slab_mutex);
	return 0;
}

void slab_drain_all(void)
{
	struct kmem_cache *s;

	spin_lock(&slab_mutex);
	for (s = slab_caches; s; s = s->next)
		if (s->capacity)
			drain(s);
	/* Now that nobody has sheaves. */
	for (s = slab_caches; s; s = s->next)
		if (!s->capacity)
			drain(s);
	spin_unlock(&slab_mutex);
}

void kmem_cache_destroy(struct kmem_cache *s)
{
	unsigned long slabs, guarded = 0;
	void *p = s;

	if (!s)
		return;
	spin_lock(&slab_mutex);
	if (--s->refcount > 0)
		goto out;
	slabs = drain(s);
	if (slab_debug_ops && slab_debug_ops->guard_forget)
		guarded = slab_debug_ops->guard_forget(s);
	if (slabs || guarded) {
		struct slabinfo info;

		get_slabinfo(s, &info);
		pr_err("BUG %s: Objects remaining on kmem_cache_destroy(): %lu in %lu slabs\n",
		       s->name, info.active_objs + guarded, slabs);
		port_backtrace();
		/* It stays, without a user, so that what is freed later is known. */
		s->refcount = 0;
		goto out;
	}
	unmake(s);
	slab_give(&cache_cache, &p, 1);
out:
	spin_unlock(&slab_mutex);
}

/* ------------------------------------------------------------------ boot */

static void boot_cache(struct kmem_cache *s, const char *name, unsigned int size)
{
	if (slab_cache_setup(s, name, size, 0, SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE | SLAB_PANIC,
			     NULL))
		panic("kmem_cache_init: no memory for cache %s", name);
}

void kmem_cache_init(void)
{
	static const char *const names[NR_SHEAF_SIZES] = {
		"kmem_cache_sheaf-128", "kmem_cache_sheaf-256", "kmem_cache_sheaf-512",
		"kmem_cache_sheaf-1k"};
	unsigned int i;

	/* physvirt_offset is a multiple of PAGE_SIZE, and on the host it may be negative. */
	slab_lookup.page_types =
		(unsigned long)vmemmap + offsetof(struct page, page_type) -
		((unsigned long)(physvirt_offset >> PAGE_SHIFT) << STRUCT_PAGE_SHIFT);
	boot_cache(&node_cache, "kmem_cache_node", sizeof(struct kmem_cache_node));
	for (i = 0; i < NR_SHEAF_SIZES; i++)
		boot_cache(&sheaf_caches[i], names[i], SHEAF_BYTES(i));
	boot_cache(&cache_cache, "kmem_cache", sizeof(struct kmem_cache));
	create_kmalloc_caches();
	available = true;
}

void slab_boot_kmalloc(struct kmem_cache *s, const char *name, unsigned int size,
		       slab_flags_t flags)
{
	/* A power of two is aligned to itself. */
	unsigned int align =
		is_power_of_2(size) ? min(size, (unsigned int)PAGE_SIZE) : ARCH_KMALLOC_MINALIGN;

	if (slab_cache_setup(s, name, size, align, debug_flags(name, flags), NULL))
		panic("kmem_cache_init: no memory for cache %s", name);
}

void slab_boot_kmalloc_ready(struct kmem_cache *s)
{
	if (give_sheaves(s))
		panic("kmem_cache_init: no memory for the sheaves of %s", s->name);
}

/* ------------------------------------------------------------------ looking */

struct kmem_cache *next_cache(struct kmem_cache *s)
{
	return s ? s->next : slab_caches;
}

/* Objects that a CPU has: another one's are those of a moment. */
static unsigned long cpu_objects(const struct kmem_cache *s, const struct slab_cpu *c)
{
	void **floor = READ_ONCE(c->floor), **top = READ_ONCE(c->top);
	unsigned long n = (unsigned long)READ_ONCE(c->nr_full) * s->capacity;

	/* floor may be another sheaf's than top. */
	return top > floor && top - floor <= (long)s->capacity ? n + (unsigned long)(top - floor)
							       : n;
}

/* Objects in sheaves. */
static unsigned long cached_objects(struct kmem_cache *s, struct slabinfo *info)
{
	unsigned long n = 0;
	unsigned int cpu;
	int nid;

	for (cpu = 0; s->cpu != slab_no_cpus && cpu < nr_cpus_possible; cpu++) {
		const struct slab_cpu *c = &s->cpu[cpu];

		info->overhead += sizeof(*c);
		n += cpu_objects(s, c);
		if (READ_ONCE(c->main))
			info->overhead += (1UL + READ_ONCE(c->nr_full) + READ_ONCE(c->nr_empty)) *
					  SHEAF_BYTES(s->sheaf_size);
	}
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct kmem_cache_node *node = s->node[nid];
		unsigned long flags;

		if (!node)
			continue;
		flags = spin_lock_irqsave(&node->barn_lock);
		n += (unsigned long)node->nr_full_sheaves * s->capacity;
		info->overhead += (node->nr_full_sheaves + node->nr_empty_sheaves) *
				  SHEAF_BYTES(s->sheaf_size);
		spin_unlock_irqrestore(&node->barn_lock, flags);
	}
	return n;
}

void get_slabinfo(struct kmem_cache *s, struct slabinfo *info)
{
	unsigned long free = 0;
	int nid;

	*info = (struct slabinfo){
		.objects_per_slab = s->objects, .cache_order = s->order, .capacity = s->capacity};
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		const struct kmem_cache_node *n = s->node[nid];

		if (!n)
			continue;
		info->overhead += sizeof(*n);
		info->num_slabs += READ_ONCE(n->nr_slabs);
		info->active_slabs += READ_ONCE(n->nr_slabs) - READ_ONCE(n->nr_empty);
		info->num_objs += READ_ONCE(n->nr_objects);
		free += READ_ONCE(n->nr_free);
	}
	info->cached_objs = cached_objects(s, info);
	info->active_objs = info->num_objs - min(info->num_objs, free + info->cached_objs);
}

bool slab_view_cache(u64 serial, struct slab_cache_view *view)
{
	struct kmem_cache *s;

	spin_lock(&slab_mutex);
	for (s = slab_caches; s && serial && s->serial >= serial; s = s->next)
		;
	if (s) {
		view->serial = s->serial;
		quire_strlcpy(view->name, s->name, sizeof(view->name));
		view->size = s->size;
		get_slabinfo(s, &view->info);
	}
	spin_unlock(&slab_mutex);
	return s;
}

/* ------------------------------------------------------------------ checking */

static int check_sheaf(const struct kmem_cache *s, const struct sheaf *sheaf, u32 nr)
{
	int errors = 0;
	u32 i, k;

	if (nr > s->capacity) {
		pr_err("slab_check: %s: a sheaf of %u objects, more than %u\n", s->name, nr,
		       s->capacity);
		return 1;
	}
	for (i = 0; i < nr; i++) {
		void *object = sheaf->objects[i];

		if (!slab_of(s, object)) {
			pr_err("slab_check: %s: %p in a sheaf is no object of it\n", s->name,
			       object);
			errors++;
			continue;
		}
		if (slab_object_is_free(s, object)) {
			pr_err("slab_check: %s: %p is free in a sheaf and in its slab\n", s->name,
			       object);
			errors++;
		}
		for (k = 0; k < i; k++)
			if (sheaf->objects[k] == object) {
				pr_err("slab_check: %s: %p is twice in a sheaf\n", s->name, object);
				errors++;
			}
	}
	return errors;
}

static int check_cpu(const struct kmem_cache *s, const struct slab_cpu *c, unsigned int cpu)
{
	unsigned int full = 0, empty = 0;
	const struct sheaf *sheaf;
	int errors;

	if (!c->main)
		return 0;
	if (c->tag != c->type || c->floor != c->main->objects ||
	    c->limit - c->floor != (long)s->capacity || c->top < c->floor || c->top > c->limit) {
		pr_err("slab_check: %s: CPU %u's stack has no order\n", s->name, cpu);
		return 1;
	}
	errors = check_sheaf(s, c->main, slab_nr(c));
	for (sheaf = c->full; sheaf; sheaf = sheaf->next, full++)
		errors += check_sheaf(s, sheaf, s->capacity);
	for (sheaf = c->empty; sheaf; sheaf = sheaf->next)
		empty++;
	if (full != c->nr_full || empty != c->nr_empty || full > c->credit) {
		pr_err("slab_check: %s: CPU %u has %u full and %u empty sheaves, counted as %u and "
		       "%u, allowed %u\n",
		       s->name, cpu, full, empty, c->nr_full, c->nr_empty, c->credit);
		errors++;
	}
	return errors;
}

static int check_cache(const struct kmem_cache *s)
{
	unsigned long free;
	int nid, errors = slab_node_check(s, &free);
	const struct sheaf *sheaf;
	unsigned int cpu, n;

	for (cpu = 0; s->cpu != slab_no_cpus && cpu < nr_cpus_possible; cpu++) {
		const struct slab_cpu *c = &s->cpu[cpu];

		errors += check_cpu(s, c, cpu);
	}
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		if (!s->node[nid])
			continue;
		for (n = 0, sheaf = s->node[nid]->full_sheaves; sheaf; sheaf = sheaf->next, n++)
			errors += check_sheaf(s, sheaf, s->capacity);
		if (n != s->node[nid]->nr_full_sheaves) {
			pr_err("slab_check: %s, node %d: %u full sheaves, counted as %u\n", s->name,
			       nid, n, s->node[nid]->nr_full_sheaves);
			errors++;
		}
	}
	return errors;
}

int slab_check(void)
{
	const struct kmem_cache *s;
	int errors = 0;

	for (s = slab_caches; s; s = s->next) {
		if (slab_cache_table[s->id] != s || slab_lookup.cpu[s->id] != s->cpu) {
			pr_err("slab_check: %s: number %u is another cache's\n", s->name, s->id);
			errors++;
		}
		errors += check_cache(s);
	}
	return errors;
}
