// SPDX-License-Identifier: MIT
/*
 * Guard-page mode: every Nth object on a page of its own between pages that are not mapped, at its page's beginning or end; unmapped
 * when it is freed. Who reads or writes beyond it or after it was freed faults there and then (Linux: KFENCE).
 *
 *   pool   |guard|guard| page 0 |guard| page 1 |guard| ... page n-1 |guard|
 *   page   |object|canary .......|   or   |....... canary|object|canary|      in turn
 *
 * Owns the pool, which memblock gives and which is of pages in the linear map, and a description of each object. Invariants: a
 * page is mapped if and only if its object is GUARD_LIVE, or on its way to or from it; free ones are reused in the order in which they
 * were freed, so that a stale pointer faults as long as possible.
 *
 * Locking: guard_lock for the list of free ones and for the states; pages are mapped and unmapped without it, by the one who took the
 * object off its state. Any context.
 *
 * Against Linux: sampling by number, not by time; the end is the fault itself, because nothing here returns from one.
 */
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/sparse.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#include "debug.h"

#define GUARD_OBJECTS 255U
#define GUARD_OBJECTS_MAX 65535U

enum guard_state { GUARD_UNUSED, GUARD_LIVE, GUARD_FREED };

struct guard_track {
	depot_stack_handle_t stack;
	unsigned int cpu;
	u64 when;
};

struct guard_object {
	u8 *object; /* of the last who had it */
	size_t size;
	const struct kmem_cache *cache; /* NULL: it is destroyed */
	enum guard_state state;
	bool boot;
	bool at_end; /* of its page; in turn */
	u32 next;    /* free ones: number + 1, 0: the last */
	struct guard_track allocated, freed;
};

unsigned int guard_interval;
static unsigned int nr_objects = GUARD_OBJECTS;
static phys_addr_t pool_pa;
static u64 pool_size;
static struct guard_object *objects;
static u32 first_free, last_free;
static unsigned long requests;
static struct guard_stats stats;
static spinlock_t guard_lock = SPINLOCK_INIT;
static bool ready;

/* ------------------------------------------------------------------ option, boot */

const char *guard_pages_option(const char *val)
{
	u64 n, count = GUARD_OBJECTS;

	if (!val || !debug_number(&val, &n) || n > UINT_MAX)
		return "not a number";
	if (*val == ',') {
		val++;
		if (!debug_number(&val, &count) || !count || count > GUARD_OBJECTS_MAX)
			return "objects: a number from 1 to 65535";
	}
	if (*val)
		return "something follows the number";
	guard_interval = (unsigned int)n;
	nr_objects = (unsigned int)count;
	return NULL;
}

static u64 page_of(unsigned int i)
{
	return (2 * (u64)i + 2) * PAGE_SIZE;
}

/* In pages, and then out of sight. */
static bool map_pool(void)
{
	unsigned long kva = phys_to_kva(pool_pa);

	if (kernel_unmap(kva, pool_size) || kernel_map(kva, pool_pa, pool_size, linear_prot(),
						       MAP_NO_BLOCKS | MAP_NO_CONT | MAP_NO_EXEC))
		return false;
	linear_hide(pool_pa, pool_size);
	return true;
}

bool guard_pool_init(void)
{
	u64 align = max(PAGE_SIZE, SZ_2M);
	unsigned int i;

	pool_size = page_of(nr_objects);
	objects = memblock_alloc(nr_objects * sizeof(*objects), PAGE_SIZE);
	pool_pa =
		objects ? memblock_phys_alloc(pool_size, pool_size < align ? PAGE_SIZE : align) : 0;
	if (!pool_pa || !map_pool()) {
		pr_warn("guard_pages: no memory for %u objects: off\n", nr_objects);
		if (pool_pa)
			memblock_phys_free(pool_pa, pool_size);
		memblock_free(objects, nr_objects * sizeof(*objects));
		objects = NULL;
		return false;
	}
	for (i = 0; i < nr_objects; i++)
		objects[i].next = i + 2;
	objects[nr_objects - 1].next = 0;
	first_free = 1;
	last_free = nr_objects;
	pr_info("guard_pages: every object of %u, %u at a time, in [%pa + %#llx]\n", guard_interval,
		nr_objects, &pool_pa, (unsigned long long)pool_size);
	return true;
}

/* The struct pages of the pool, which kfree looks at, exist from here on. */
static bool get_ready(void)
{
	unsigned long pfn, end = PHYS_PFN(pool_pa + pool_size);

	if (!mm_debug_armed)
		return false;
	for (pfn = PHYS_PFN(pool_pa); pfn < end; pfn = ALIGN(pfn + 1, PAGES_PER_SECTION))
		if (!pfn_to_online_page(pfn))
			return false;
	if (!pfn_to_online_page(end - 1))
		return false;
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	return true;
}

bool guard_pool_enabled(void)
{
	return objects != NULL;
}

/* ------------------------------------------------------------------ objects */

static bool in_pool(const void *p)
{
	return objects && virt_to_phys(p) - pool_pa < pool_size;
}

/* The object whose page holds the byte at `offset` of the pool, or NULL: a guard. */
static struct guard_object *object_at(u64 offset)
{
	u64 page = offset >> PAGE_SHIFT;

	return page < 2 || page % 2 ? NULL : &objects[page / 2 - 1];
}

static unsigned int number_of(const struct guard_object *o)
{
	return (unsigned int)(o - objects);
}

static phys_addr_t pa_of(const struct guard_object *o)
{
	return pool_pa + page_of(number_of(o));
}

/* For an object of s. The lock: guard_forget writes it, too. */
static struct guard_object *take_free(const struct kmem_cache *s)
{
	unsigned long flags = spin_lock_irqsave(&guard_lock);
	struct guard_object *o = first_free ? &objects[first_free - 1] : NULL;

	if (o) {
		first_free = o->next;
		if (!first_free)
			last_free = 0;
		o->cache = s;
		o->at_end = ++stats.allocated % 2;
	} else {
		stats.full++;
	}
	spin_unlock_irqrestore(&guard_lock, flags);
	return o;
}

static void put_free(struct guard_object *o)
{
	unsigned long flags = spin_lock_irqsave(&guard_lock);
	u32 nr = number_of(o) + 1;

	o->next = 0;
	if (last_free)
		objects[last_free - 1].next = nr;
	else
		first_free = nr;
	last_free = nr;
	spin_unlock_irqrestore(&guard_lock, flags);
}

static void set_track(struct guard_track *t)
{
	t->stack = stack_depot_here(1);
	t->cpu = port_cpu();
	t->when = port_clock_ns();
}

/* Different for each byte of eight, so that a copy of a piece is seen, too. */
static u8 canary(const u8 *p)
{
	return (u8)(0xaa ^ ((unsigned long)p & 7));
}

static void fill_canary(u8 *from, const u8 *to)
{
	for (; from < to; from++)
		*from = canary(from);
}

static const u8 *broken_canary(const u8 *from, const u8 *to)
{
	for (; from < to; from++)
		if (*from != canary(from))
			return from;
	return NULL;
}

/* Does the object suit the pool, and is it its turn? */
static bool takes(const struct kmem_cache *s, size_t size, gfp_t gfp)
{
	if (size > PAGE_SIZE || (gfp & (GFP_ZONEMASK & ~__GFP_MOVABLE)) || (gfp & __GFP_THISNODE) ||
	    (s->flags & (SLAB_CACHE_DMA | SLAB_TYPESAFE_BY_RCU)) || s->align > PAGE_SIZE)
		return false;
	if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE) && !get_ready())
		return false;
	return __atomic_fetch_add(&requests, 1, __ATOMIC_RELAXED) % guard_interval == 0;
}

void *guard_alloc(struct kmem_cache *s, size_t size, gfp_t gfp)
{
	struct guard_object *o;
	u8 *page;

	if (!guard_interval || !size || !takes(s, size, gfp))
		return NULL;
	o = take_free(s);
	if (!o)
		return NULL;
	linear_show(pa_of(o), PAGE_SIZE);
	page = phys_to_virt(pa_of(o));
	o->size = size;
	o->boot = !mm_debug_armed;
	/* At the end, as near to the guard as alignment allows, and at the beginning, in turn. */
	o->object = page;
	if (o->at_end)
		o->object += ALIGN_DOWN(PAGE_SIZE - size, (unsigned long)s->align);
	fill_canary(page, o->object);
	fill_canary(o->object + size, page + PAGE_SIZE);
	if (gfp & __GFP_ZERO)
		memset(o->object, 0, size);
	if (s->ctor)
		s->ctor(o->object);
	set_track(&o->allocated);
	__atomic_store_n(&o->state, GUARD_LIVE, __ATOMIC_RELEASE);
	__atomic_add_fetch(&stats.in_use, 1, __ATOMIC_RELAXED);
	return o->object;
}

/* ------------------------------------------------------------------ reports */

static void show_object(const struct guard_object *o)
{
	pr_err("\n");
	pr_err("kfence-#%u: %p-%p, size=%zu, cache=%s\n", number_of(o), o->object,
	       o->object + o->size - 1, o->size, o->cache ? o->cache->name : "<destroyed>");
	pr_err("\n");
	pr_err("allocated by task 0 on cpu %u at %llu.%06llus:\n", o->allocated.cpu,
	       seconds(o->allocated.when), microseconds(o->allocated.when));
	stack_depot_print(o->allocated.stack);
	if (o->state != GUARD_FREED)
		return;
	pr_err("\n");
	pr_err("freed by task 0 on cpu %u at %llu.%06llus:\n", o->freed.cpu, seconds(o->freed.when),
	       microseconds(o->freed.when));
	stack_depot_print(o->freed.stack);
}

static void headline(const char *what, const char *how, unsigned long pc)
{
	pr_err("==================================================================\n");
	pr_err("BUG: KFENCE: %s%s in %pS\n", what, how, (void *)pc);
	pr_err("\n");
	__atomic_add_fetch(&stats.errors, 1, __ATOMIC_RELAXED);
}

static void tail(const struct guard_object *o)
{
	if (o)
		show_object(o);
	pr_err("==================================================================\n");
}

static void report_free(const struct guard_object *o, const void *p, const char *what)
{
	headline(what, "", (unsigned long)_RET_IP_);
	pr_err("Invalid free of %p%s\n", p, o && o->state == GUARD_FREED ? " (freed already)" : "");
	port_backtrace();
	tail(o);
}

static void report_canary(const struct guard_object *o, const u8 *bad)
{
	headline("memory corruption", "", (unsigned long)_RET_IP_);
	pr_err("Corrupted memory at %p (in kfence-#%u):\n", bad, number_of(o));
	hex_dump("", bad, 16 - ((unsigned long)bad & 15));
	port_backtrace();
	tail(o);
}

/* ------------------------------------------------------------------ freeing */

static void check_canary(const struct guard_object *o)
{
	const u8 *page = phys_to_virt(pa_of(o));
	const u8 *bad = broken_canary(page, o->object);

	if (!bad)
		bad = broken_canary(o->object + o->size, page + PAGE_SIZE);
	if (unlikely(bad))
		report_canary(o, bad);
}

bool guard_free(struct kmem_cache *s, void *object)
{
	struct guard_object *o;
	unsigned long flags;
	bool good;

	if (!in_pool(object))
		return false;
	o = object_at(virt_to_phys(object) - pool_pa);
	if (!o) {
		report_free(NULL, object, "invalid free");
		return true;
	}
	flags = spin_lock_irqsave(&guard_lock);
	good = o->state == GUARD_LIVE && o->object == object;
	if (good) {
		__atomic_store_n(&o->state, GUARD_FREED, __ATOMIC_RELAXED);
		stats.freed++;
	}
	spin_unlock_irqrestore(&guard_lock, flags);
	if (!good) {
		report_free(o, object, o->state == GUARD_FREED ? "double-free" : "invalid free");
		return true;
	}
	set_track(&o->freed);
	check_canary(o);
	linear_hide(pa_of(o), PAGE_SIZE);
	__atomic_sub_fetch(&stats.in_use, 1, __ATOMIC_RELAXED);
	put_free(o);
	return true;
}

size_t guard_size(const void *object)
{
	const struct guard_object *o;

	if (!in_pool(object))
		return 0;
	o = object_at(virt_to_phys(object) - pool_pa);
	return o && o->state == GUARD_LIVE && o->object == object ? o->size : 0;
}

unsigned long guard_forget(const struct kmem_cache *s)
{
	unsigned long flags = spin_lock_irqsave(&guard_lock), live = 0;
	unsigned int i;

	for (i = 0; i < nr_objects; i++)
		live += objects[i].state == GUARD_LIVE && objects[i].cache == s;
	for (i = 0; i < nr_objects && !live; i++)
		if (objects[i].cache == s)
			objects[i].cache = NULL;
	spin_unlock_irqrestore(&guard_lock, flags);
	return live;
}

/* ------------------------------------------------------------------ faults */

/* The live object next to a guard: which one the access was meant for. */
static struct guard_object *neighbour(u64 offset, u64 *distance)
{
	struct guard_object *left = NULL, *right = NULL;
	u64 to_left = 0, to_right = 0, page = offset & PAGE_MASK;

	if (page >= PAGE_SIZE)
		left = object_at(page - PAGE_SIZE);
	if (page + PAGE_SIZE < pool_size)
		right = object_at(page + PAGE_SIZE);
	if (left && left->state == GUARD_LIVE)
		to_left = pool_pa + offset - virt_to_phys(left->object + left->size) + 1;
	if (right && right->state == GUARD_LIVE)
		to_right = virt_to_phys(right->object) - (pool_pa + offset);
	if (to_left && (!to_right || to_left <= to_right)) {
		*distance = to_left - 1;
		return left;
	}
	*distance = to_right;
	return to_right ? right : NULL;
}

bool guard_explain(unsigned long kva, bool write, unsigned long pc)
{
	const char *how = write ? " write" : " read";
	struct guard_object *o;
	u64 offset, distance;

	if (!objects || kva < va_layout.page_offset || kva >= va_layout.page_end)
		return false;
	offset = kva_to_phys(kva) - pool_pa;
	if (offset >= pool_size)
		return false;
	o = object_at(offset);
	if (o && o->state == GUARD_FREED) {
		headline("use-after-free", how, pc);
		pr_err("Use-after-free%s at 0x%016lx (in kfence-#%u):\n", how, kva, number_of(o));
		tail(o);
		return true;
	}
	o = o ? NULL : neighbour(offset, &distance);
	if (o) {
		bool left = kva < phys_to_kva(virt_to_phys(o->object));

		headline("out-of-bounds", how, pc);
		pr_err("Out-of-bounds%s at 0x%016lx (%lluB %s of kfence-#%u):\n", how, kva,
		       (unsigned long long)distance, left ? "left" : "right", number_of(o));
	} else {
		headline("invalid", how, pc);
		pr_err("Invalid%s at 0x%016lx\n", how, kva);
	}
	tail(o);
	return true;
}

/* ------------------------------------------------------------------ looking */

void guard_for_each_live(live_object_fn fn, void *arg)
{
	unsigned int i;

	for (i = 0; objects && i < nr_objects; i++)
		if (objects[i].state == GUARD_LIVE)
			fn((struct kmem_cache *)objects[i].cache, objects[i].object,
			   objects[i].size, objects[i].allocated.stack, objects[i].boot, arg);
}

void guard_pool_get_stats(struct guard_stats *st)
{
	unsigned long flags = spin_lock_irqsave(&guard_lock);

	*st = stats;
	st->objects = objects ? nr_objects : 0;
	spin_unlock_irqrestore(&guard_lock, flags);
}

static bool is_mapped(const struct guard_object *o)
{
	struct walk w;

	kernel_walk(phys_to_kva(pa_of(o)), &w);
	return w.result == WALK_OK;
}

int guard_pool_check(void)
{
	unsigned int i, live = 0, bad = 0, nr_free = 0;
	u32 at;

	if (!objects)
		return 0;
	for (i = 0; i < nr_objects; i++) {
		live += objects[i].state == GUARD_LIVE;
		if (is_mapped(&objects[i]) != (objects[i].state == GUARD_LIVE)) {
			pr_err("guard_pages: object %u: its page is%s mapped\n", i,
			       is_mapped(&objects[i]) ? "" : " not");
			bad++;
		}
	}
	for (at = first_free; at && nr_free <= nr_objects; at = objects[at - 1].next)
		nr_free++;
	if (live != stats.in_use || nr_free + live != nr_objects) {
		pr_err("guard_pages: %u live, counted as %u, and %u free of %u\n", live,
		       stats.in_use, nr_free, nr_objects);
		bad++;
	}
	return (int)bad;
}
