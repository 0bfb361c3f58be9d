// SPDX-License-Identifier: MIT
/*
 * Slabs: blocks of pages cut into objects, and a node's lists of them.
 *
 *   slab      |obj 0|obj 1|obj 2| ... |obj n-1|..rest..|     pages: PGTY_slab, node and cache number in page_type
 *              free objects are linked by their numbers, from the head page's `first` on
 *   node      partial: slabs with a free object        full: the others
 *
 * Owns the words of slab pages. Invariants, which slab_node_check re-derives: a slab is in `partial` if and only if an object in it
 * is free; the links from `first` lead through total - inuse different objects; nr_objects and nr_free are the sums over the
 * slabs; nr_empty those without an object in use. A slab is as large as its cache wants, or, made when there was no such block, the
 * smallest that holds an object: its head page says how large, and `total` how many objects it has.
 *
 * Locking: list_lock of the node, interrupts off. Pages are asked for and given back without it.
 *
 * Against Linux: no slab belongs to a CPU (no freezing, no double-word exchange): sheaves in front take the
 * traffic, and come here with many objects at once. Links are 16-bit numbers, full slabs are on a list.
 */
#include <quire/mm_init.h>
#include <quire/page_debug.h>
#include <quire/printk.h>
#include <quire/string.h>
#include <quire/vmstat.h>

#include "slab_internal.h"

/* Empty slabs that a node keeps of a cache, so that one object more or less does not make and unmake a slab. */
#define KEEP_EMPTY 2

static inline char *slab_object(const struct kmem_cache *s, struct page *slab, unsigned int i)
{
	return (char *)page_address(slab) + (size_t)i * s->size;
}

/* A count that is looked at without the lock. list_lock held. */
static inline void count(unsigned long *n, long by)
{
	__atomic_store_n(n, *n + (unsigned long)by, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ links */

static inline u16 *link_of(const struct kmem_cache *s, void *object)
{
	return (u16 *)((char *)object + s->free_offset);
}

/* Hardening: a link is stored changed by a secret of the cache and by its own place. */
static inline u16 link_mask(const struct kmem_cache *s, const u16 *link)
{
	return s->random ? (u16)(s->random ^ (unsigned long)link >> 3) : 0;
}

static inline unsigned int get_link(const struct kmem_cache *s, void *object)
{
	u16 *link = link_of(s, object);

	return *link ^ link_mask(s, link);
}

static inline void set_link(const struct kmem_cache *s, void *object, unsigned int next)
{
	u16 *link = link_of(s, object);

	*link = (u16)next ^ link_mask(s, link);
}

/* ------------------------------------------------------------------ making and unmaking */

static u64 shuffle_state = 0x9e3779b97f4a7c15ULL;

static unsigned int shuffle(unsigned int below)
{
	u64 x = __atomic_add_fetch(&shuffle_state, 0x9e3779b97f4a7c15ULL, __ATOMIC_RELAXED) ^
		(u64)port_clock_ns();

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (unsigned int)((x >> 33) % below);
}

static unsigned int gcd(unsigned int a, unsigned int b)
{
	while (b) {
		unsigned int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A new slot, before it is linked. */
static void prepare_slot(struct kmem_cache *s, void *slot)
{
	if (s->flags & SLAB_DEBUG_FLAGS)
		slab_object_debug->init(s, slot);
	if (s->ctor)
		s->ctor((char *)slot + s->red_left);
}

/*
 * Link all objects of a new slab; with randomisation from a random one on, in steps that meet each once. Returns the first.
 */
static unsigned int link_objects(struct kmem_cache *s, struct page *slab)
{
	unsigned int n = slab_load(slab).total, i, at = 0, step = 1, next, first;
	bool prepare;

	if (slab_freelist_random && n > 2) {
		at = shuffle(n);
		do
			step = 1 + shuffle(n - 1);
		while (gcd(n, step) != 1);
	}
	first = at;
	prepare = s->ctor || (s->flags & SLAB_DEBUG_FLAGS);
	for (i = 0; i < n; i++, at = next) {
		void *object = slab_object(s, slab, at);

		next = at + step < n ? at + step : at + step - n;
		if (unlikely(prepare))
			prepare_slot(s, object);
		set_link(s, object, i + 1 < n ? next : SLAB_END);
	}
	return first;
}

/* Slabs of the node, as /proc shows them. */
static void count_slab(const struct kmem_cache *s, const struct page *slab, long sign)
{
	mod_page_state_of(slab,
			  s->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE_B
							  : NR_SLAB_UNRECLAIMABLE_B,
			  sign * (long)(PAGE_SIZE << compound_order(slab)));
}

/*
 * Pages of a slab: as many as the cache wants, if they are there for the asking; else, with all that gfp permits, the fewest that hold
 * an object. *order: how many.
 */
static struct page *slab_pages(struct kmem_cache *s, gfp_t gfp, int nid, unsigned int *order)
{
	gfp_t gentle = (gfp | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	struct page *slab;

	*order = s->order;
	if (s->order == s->min_order)
		return alloc_pages_node(nid, gfp, s->order);
	if (gfp & __GFP_DIRECT_RECLAIM)
		gentle = (gentle | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	slab = alloc_pages_node(nid, gentle, s->order);
	if (likely(slab))
		return slab;
	*order = s->min_order;
	return alloc_pages_node(nid, gfp, s->min_order);
}

static struct page *new_slab(struct kmem_cache *s, gfp_t gfp, int nid)
{
	struct page *slab, *page;
	unsigned int order;
	u32 type, total;

	gfp = (gfp & ~(__GFP_ZERO | GFP_ZONEMASK | __GFP_RECLAIMABLE)) | s->allocflags | __GFP_COMP;
	slab = slab_pages(s, gfp, nid, &order);
	if (unlikely(!slab))
		return NULL;
	total = likely(order == s->order) ? s->objects
					  : min((u32)(PAGE_SIZE << order) / s->size, s->objects);
	type = SLAB_PAGE_TYPE(page_to_nid(slab), s->id);
	for (page = slab; page < slab + (1UL << order); page++)
		page_type_store(page, type);
	slab_store(slab, (struct slab_word){.first = SLAB_END, .total = (u16)total});
	slab_store(slab,
		   (struct slab_word){.first = (u16)link_objects(s, slab), .total = (u16)total});
	count_slab(s, slab, 1);
	return slab;
}

/* typed: its pages have the type of slabs. */
static __always_inline void free_block(struct page *block, unsigned int order, bool typed)
{
	const u64 tail = tail_word(block);
	struct page *page = block + 1, *end = block + (1UL << order);

	if (typed) {
		page_type_store(block, PAGE_TYPE_NONE);
		slab_store(block, (struct slab_word){0});
	}
	if (likely(page_ref_count(block) == 1)) {
		/* What is no tail of it is for the page allocator to report. */
		for (; page < end; page++) {
			if (unlikely(READ_ONCE(page->word) != tail))
				break;
			if (typed)
				page_type_store(page, PAGE_TYPE_NONE);
			clear_compound_head(page);
		}
		if (likely(page == end))
			__ClearPageHead(block);
	}
	for (; typed && page < end; page++)
		page_type_store(page, PAGE_TYPE_NONE);
	__free_pages(block, order);
}

void slab_free_pages(struct page *block, unsigned int order)
{
	free_block(block, order, false);
}

/* No object of it is in use, and it is on no list. */
static void free_slab(struct kmem_cache *s, struct page *slab)
{
	unsigned int i, n = slab_load(slab).total;

	for (i = 0; (s->flags & SLAB_DEBUG_FLAGS) && i < n; i++)
		slab_object_debug->retire(s, slab_object(s, slab, i));
	count_slab(s, slab, -1);
	free_block(slab, compound_order(slab), true);
}

/* An empty slab leaves its list, for good, and goes before `chain`, which is returned. list_lock held. */
static u32 detach(struct kmem_cache_node *n, struct page *slab, u32 chain)
{
	const unsigned int total = slab_load(slab).total;

	page_list_del(&n->partial, slab);
	n->nr_empty--;
	count(&n->nr_partial, -1);
	n->nr_slabs--;
	n->nr_objects -= total;
	n->nr_free -= total;
	slab->next = chain;
	return page_index32(slab);
}

/* Take off their list the empty slabs beyond `keep`, as a chain by `next`. list_lock held. */
static u32 detach_empty(struct kmem_cache_node *n, unsigned long keep)
{
	u32 chain = 0, index = n->partial.last;

	while (index && n->nr_empty > keep) {
		struct page *slab = page_from_index(index);

		index = slab->prev;
		if (!slab_load(slab).inuse)
			chain = detach(n, slab, chain);
	}
	return chain;
}

static void free_chain(struct kmem_cache *s, u32 chain)
{
	while (chain) {
		struct page *slab = page_from_index(chain);

		chain = slab->next;
		free_slab(s, slab);
	}
}

/* ------------------------------------------------------------------ taking */

/* Objects of one slab, which stays on its list unless it becomes full. list_lock held. */
static unsigned int take_from(struct kmem_cache *s, struct kmem_cache_node *n, struct page *slab,
			      void **p, unsigned int want)
{
	struct slab_word w = slab_load(slab);
	char *base = page_address(slab);
	unsigned int got = min(want, (unsigned int)(w.total - w.inuse)), first = w.first, i;

	for (i = 0; i < got; i++) {
		p[i] = base + (size_t)first * s->size;
		first = get_link(s, p[i]);
	}
	BUG_ON(first >= w.total && first != SLAB_END);
	if (!w.inuse)
		n->nr_empty--;
	w.first = (u16)first;
	w.inuse = (u16)(w.inuse + got);
	slab_store(slab, w);
	n->nr_free -= got;
	if (w.inuse == w.total) {
		page_list_del(&n->partial, slab);
		count(&n->nr_partial, -1);
		page_list_add(&n->full, slab);
	}
	return got;
}

unsigned int slab_take_partial(struct kmem_cache *s, int nid, void **p, unsigned int want)
{
	struct kmem_cache_node *n = s->node[nid];
	unsigned int got = 0;
	unsigned long flags;

	if (!n || !__atomic_load_n(&n->nr_partial, __ATOMIC_RELAXED))
		return 0;
	flags = spin_lock_irqsave(&n->list_lock);
	while (got < want && n->partial.first)
		got += take_from(s, n, page_from_index(n->partial.first), p + got, want - got);
	spin_unlock_irqrestore(&n->list_lock, flags);
	return got;
}

/* A new slab's first objects; the rest is for everybody. */
static unsigned int take_new(struct kmem_cache *s, gfp_t gfp, int nid, void **p, unsigned int want)
{
	struct page *slab = new_slab(s, gfp, nid);
	struct kmem_cache_node *n;
	unsigned long flags;
	unsigned int got;

	if (!slab)
		return 0;
	n = s->node[page_to_nid(slab)];
	flags = spin_lock_irqsave(&n->list_lock);
	page_list_add(&n->partial, slab);
	count(&n->nr_partial, 1);
	n->nr_slabs++;
	n->nr_empty++;
	n->nr_objects += slab_load(slab).total;
	n->nr_free += slab_load(slab).total;
	got = take_from(s, n, slab, p, want);
	spin_unlock_irqrestore(&n->list_lock, flags);
	return got;
}

unsigned int slab_take_some(struct kmem_cache *s, gfp_t gfp, int nid, void **p, unsigned int want)
{
	const bool must = gfp & __GFP_NOFAIL;
	unsigned int got;
	int other;

	if (nid == NUMA_NO_NODE)
		nid = numa_node_id();
	got = slab_take_partial(s, nid, p, want);
	if (!got)
		/* Who will ask again has not failed yet. */
		got = take_new(s, must ? (gfp & ~__GFP_NOFAIL) | __GFP_NOWARN : gfp, nid, p, want);
	if (likely(got))
		return got;
	/* No page anywhere: perhaps an object that another node has. */
	for_each_online_node(other)
	{
		if (gfp & __GFP_THISNODE)
			break;
		got = slab_take_partial(s, other, p, want);
		if (got)
			return got;
	}
	return must ? take_new(s, gfp, nid, p, want) : 0;
}

unsigned int slab_take(struct kmem_cache *s, gfp_t gfp, int nid, void **p, unsigned int want)
{
	unsigned int got = 0, more;

	do {
		more = slab_take_some(s, gfp, nid, p + got, want - got);
		got += more;
	} while (more && got < want);
	return got;
}

/* ------------------------------------------------------------------ giving */

struct page *slab_of(const struct kmem_cache *s, const void *object)
{
	struct page *slab = compound_head(virt_to_page(object));
	size_t offset = (size_t)((const char *)object - (const char *)page_address(slab));

	if (!PageSlab(slab) || (page_type_load(slab) & (SLAB_MAX_CACHES - 1)) != s->id ||
	    offset % s->size || offset / s->size >= slab_load(slab).total)
		return NULL;
	return slab;
}

unsigned int slab_nr_objects(const struct page *slab)
{
	return slab_load(slab).total;
}

/* False: it is free already, as far as that is cheap to see. list_lock held. */
static bool give_one(struct kmem_cache *s, struct kmem_cache_node *n, struct page *slab,
		     void *object)
{
	assume(n);
	struct slab_word w = slab_load(slab);
	unsigned int i = (unsigned int)(((char *)object - (char *)page_address(slab)) / s->size);

	if (unlikely(!w.inuse || w.first == i))
		return false;
	set_link(s, object, w.first);
	w.first = (u16)i;
	if (w.inuse-- == w.total) {
		page_list_del(&n->full, slab);
		page_list_add(&n->partial, slab);
		count(&n->nr_partial, 1);
	}
	if (!w.inuse)
		n->nr_empty++;
	n->nr_free++;
	slab_store(slab, w);
	return true;
}

void slab_give(struct kmem_cache *s, void **p, unsigned int nr)
{
	struct kmem_cache_node *n = NULL;
	unsigned long flags = 0;
	unsigned int i;
	u32 chain = 0;

	for (i = 0; i < nr; i++) {
		struct page *slab = compound_head(virt_to_page(p[i]));
		struct kmem_cache_node *of = s->node[page_to_nid(slab)];

		if (of != n) {
			if (n)
				spin_unlock_irqrestore(&n->list_lock, flags);
			n = of;
			flags = spin_lock_irqsave(&n->list_lock);
		}
		if (unlikely(!give_one(s, n, slab, p[i])))
			pr_err("%s: object %p is freed twice\n", s->name, p[i]);
		else if (unlikely(n->nr_empty > KEEP_EMPTY) && !slab_load(slab).inuse)
			chain = detach(n, slab, chain);
	}
	if (n)
		spin_unlock_irqrestore(&n->list_lock, flags);
	free_chain(s, chain);
}

unsigned long slab_discard_empty(struct kmem_cache *s)
{
	unsigned long flags, stay = 0;
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct kmem_cache_node *n = s->node[nid];
		u32 chain;

		if (!n)
			continue;
		flags = spin_lock_irqsave(&n->list_lock);
		chain = detach_empty(n, 0);
		stay += n->nr_slabs;
		spin_unlock_irqrestore(&n->list_lock, flags);
		free_chain(s, chain);
	}
	return stay;
}

/* ------------------------------------------------------------------ checking */

static int complain(const struct kmem_cache *s, const struct page *slab, const char *what)
{
	pr_err("slab_check: %s, slab at pfn %#lx: %s\n", s->name, page_to_pfn(slab), what);
	return 1;
}

/* Links of a slab: exactly as many as there are free objects, and an end. So there is no circle and none twice. */
static int check_links(const struct kmem_cache *s, struct page *slab)
{
	const struct slab_word w = slab_load(slab);
	unsigned int at = w.first, n = 0;

	if (w.inuse > w.total)
		return complain(s, slab, "more objects in use than it has");
	for (; at != SLAB_END; n++) {
		if (at >= w.total || n == (unsigned int)(w.total - w.inuse))
			return complain(s, slab, "the links of its free objects are broken");
		at = get_link(s, slab_object(s, slab, at));
	}
	return n == (unsigned int)(w.total - w.inuse)
		       ? 0
		       : complain(s, slab, "free objects are missing from its links");
}

static int check_slab(const struct kmem_cache *s, struct page *slab, int nid)
{
	const unsigned int order = compound_order(slab);
	struct page *page;
	int errors = 0;

	if ((order != s->order && order != s->min_order) ||
	    slab_load(slab).total !=
		    min((unsigned int)((PAGE_SIZE << order) / s->size), s->objects))
		errors += complain(s, slab, "it is not as large as its number of objects");
	for (page = slab; page < slab + (1UL << order); page++)
		if (page_type_load(page) != SLAB_PAGE_TYPE(nid, s->id))
			errors += complain(s, slab, "a page of it says it is something else");
	return errors ? errors : check_links(s, slab);
}

int slab_node_check(const struct kmem_cache *s, unsigned long *nr_free)
{
	int nid, errors = 0;

	*nr_free = 0;
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct kmem_cache_node *n = s->node[nid];
		unsigned long partial = 0, full = 0, empty = 0, free = 0, objects = 0, flags;
		u32 index;

		if (!n)
			continue;
		flags = spin_lock_irqsave(&n->list_lock);
		for (index = n->partial.first; index; partial++) {
			struct page *slab = page_from_index(index);
			const struct slab_word w = slab_load(slab);

			errors += check_slab(s, slab, nid);
			if (w.inuse >= w.total)
				errors += complain(s, slab,
						   "it is full, in the list of partial ones");
			objects += w.total;
			free += w.total - w.inuse;
			empty += !w.inuse;
			index = slab->next;
		}
		for (index = n->full.first; index; full++) {
			struct page *slab = page_from_index(index);

			errors += check_slab(s, slab, nid);
			objects += slab_load(slab).total;
			if (slab_load(slab).inuse != slab_load(slab).total)
				errors += complain(s, slab,
						   "it is not full, in the list of full ones");
			index = slab->next;
		}
		if (partial != n->nr_partial || partial + full != n->nr_slabs ||
		    objects != n->nr_objects || free != n->nr_free || empty != n->nr_empty) {
			pr_err("slab_check: %s, node %d: %lu partial, %lu full, %lu empty slabs, "
			       "%lu objects, %lu free; counted as %lu, %lu, %lu, %lu, %lu\n",
			       s->name, nid, partial, full, empty, objects, free, n->nr_partial,
			       n->nr_slabs - n->nr_partial, n->nr_empty, n->nr_objects, n->nr_free);
			errors++;
		}
		*nr_free += free;
		spin_unlock_irqrestore(&n->list_lock, flags);
	}
	return errors;
}

bool slab_object_is_free(const struct kmem_cache *s, const void *object)
{
	struct page *slab = compound_head(virt_to_page(object));
	const unsigned int total = slab_load(slab).total;
	unsigned int at = slab_load(slab).first, n;

	for (n = 0; at < total && n < total; n++) {
		if (slab_object(s, slab, at) == (const char *)object)
			return true;
		at = get_link(s, slab_object(s, slab, at));
	}
	return false;
}

static void each_slot(struct kmem_cache *s, u32 index,
		      void (*fn)(struct kmem_cache *s, void *slot, void *arg), void *arg)
{
	unsigned int i;

	for (; index; index = page_from_index(index)->next)
		for (i = 0; i < slab_load(page_from_index(index)).total; i++)
			fn(s, slab_object(s, page_from_index(index), i), arg);
}

void slab_for_each_slot(struct kmem_cache *s,
			void (*fn)(struct kmem_cache *s, void *slot, void *arg), void *arg)
{
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct kmem_cache_node *n = s->node[nid];
		unsigned long flags;

		if (!n)
			continue;
		flags = spin_lock_irqsave(&n->list_lock);
		each_slot(s, n->partial.first, fn, arg);
		each_slot(s, n->full.first, fn, arg);
		spin_unlock_irqrestore(&n->list_lock, flags);
	}
}
