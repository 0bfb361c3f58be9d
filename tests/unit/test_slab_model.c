// SPDX-License-Identifier: MIT
/* links: @slab mm/kmem/kvmalloc.c */
/*
 * The slab allocator against a model, step by step: caches of all flags that come and go, single objects, bulk, nodes, CPUs, shrinking,
 * memory that is refused. After each step slab_check passes and every cache has as many objects in use as the model.
 */
#include "slab_world.h"

#define USERS 24U
#define OBJECTS 500U

/* Who created a cache; alike ones may have got the same. */
static struct user {
	struct kmem_cache *cache;
	unsigned int size, align;
	bool constructed;
	unsigned int objects;
} user[USERS];

static struct object {
	unsigned char *p;
	struct user *of;
} object[OBJECTS];

static u64 seed;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 16) % n);
}

/* ---- contents */

#define CONSTRUCTED 0xc0

static void construct(void *p)
{
	memset(p, CONSTRUCTED, 8);
}

static unsigned char mark(const struct object *o, unsigned int i)
{
	return (unsigned char)((o - object) * 13 + i);
}

static void taken(struct object *o, struct user *u, void *p, bool zeroed)
{
	unsigned int i;

	o->p = p;
	o->of = u;
	u->objects++;
	assert_true(IS_ALIGNED((unsigned long)p, max(u->align, 8U)));
	assert_ptr_equal(virt_to_cache(p), u->cache);
	assert_true(ksize(p) >= u->size);
	for (i = 0; zeroed && i < u->size; i++)
		assert_int_equal(o->p[i], 0);
	for (i = 0; u->constructed && i < 8; i++)
		assert_int_equal(o->p[i], CONSTRUCTED);
	for (i = 0; i < u->size; i++)
		o->p[i] = mark(o, i);
}

/* Nobody else wrote there; and it is as its constructor left it. */
static void *given_up(struct object *o)
{
	void *p = o->p;
	unsigned int i;

	for (i = 0; i < o->of->size; i++)
		if (o->p[i] != mark(o, i))
			fail_msg("object %td of %u bytes: byte %u", o - object, o->of->size, i);
	if (o->of->constructed)
		construct(p);
	o->of->objects--;
	o->p = NULL;
	return p;
}

/* ---- steps */

static bool may_fail;

static bool refuse(gfp_t gfp, unsigned int order)
{
	return may_fail && !rnd(3);
}

static struct page_debug_ops refusing = {.should_fail = refuse};

static unsigned int users_of(const struct kmem_cache *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < USERS; i++)
		n += user[i].cache == s;
	return n;
}

static void create(struct user *u)
{
	static const slab_flags_t flags[] = {0,
					     0,
					     SLAB_HWCACHE_ALIGN,
					     SLAB_RECLAIM_ACCOUNT,
					     SLAB_TYPESAFE_BY_RCU,
					     SLAB_NO_MERGE,
					     SLAB_ACCOUNT,
					     SLAB_HWCACHE_ALIGN | SLAB_RECLAIM_ACCOUNT};
	static const unsigned int sizes[] = {8, 24, 64, 100, 192, 256, 700, 1024, 3000, 5000};
	slab_flags_t f = flags[rnd(ARRAY_SIZE(flags))];

	u->size = rnd(3) ? sizes[rnd(ARRAY_SIZE(sizes))] : 8 + rnd(6000);
	u->align = rnd(2) ? 0 : 1U << rnd(9);
	u->constructed = !rnd(4);
	u->objects = 0;
	u->cache =
		kmem_cache_create("model", u->size, u->align, f, u->constructed ? construct : NULL);
	if (!u->cache) {
		assert_true(may_fail);
		return;
	}
	if (f & SLAB_HWCACHE_ALIGN && u->size > L1_CACHE_BYTES / 2)
		u->align = max(u->align, (unsigned int)L1_CACHE_BYTES);
	if (f & SLAB_NO_MERGE || u->constructed)
		assert_int_equal(users_of(u->cache), 1);
}

static void destroy(struct user *u)
{
	unsigned int i, n = 0;

	/* What is destroyed with objects stays and is reported: another test. */
	for (i = 0; i < USERS; i++)
		if (user[i].cache == u->cache)
			n += user[i].objects;
	if (u->objects || (n && users_of(u->cache) == 1))
		return;
	kmem_cache_destroy(u->cache);
	u->cache = NULL;
}

static void take(struct user *u)
{
	struct object *o = &object[rnd(OBJECTS)];
	bool zero = !u->constructed && !rnd(3);
	gfp_t gfp = (rnd(2) ? GFP_KERNEL : GFP_ATOMIC) | (zero ? __GFP_ZERO : 0) | __GFP_NOWARN;
	void *p;

	if (o->p)
		return;
	p = rnd(4) ? kmem_cache_alloc(u->cache, gfp)
		   : kmem_cache_alloc_node(u->cache, gfp, (int)rnd(2));
	if (p)
		taken(o, u, p, zero);
	else
		assert_true(may_fail);
}

static void take_bulk(struct user *u)
{
	void *p[100];
	unsigned int want = 1 + rnd(ARRAY_SIZE(p)), n = 0, i;

	for (i = 0; i < OBJECTS; i++)
		n += !object[i].p;
	if (n < want)
		return;
	n = (unsigned int)kmem_cache_alloc_bulk(u->cache, GFP_KERNEL | __GFP_NOWARN, want, p);
	if (n != want) {
		assert_int_equal(n, 0);
		assert_true(may_fail);
		return;
	}
	for (i = 0; n; i++)
		if (!object[i].p)
			taken(&object[i], u, p[--n], false);
}

static void give(void)
{
	struct object *o = &object[rnd(OBJECTS)];
	struct kmem_cache *s;

	if (!o->p)
		return;
	s = o->of->cache;
	if (rnd(4))
		kmem_cache_free(s, given_up(o));
	else
		kfree(given_up(o));
}

/* Of one cache, or of all. */
static void give_bulk(void)
{
	void *p[100];
	unsigned int i, n = 0, first = rnd(OBJECTS);
	struct user *only = rnd(2) ? &user[rnd(USERS)] : NULL;
	struct kmem_cache *s = only ? only->cache : NULL;

	for (i = 0; i < OBJECTS && n < ARRAY_SIZE(p); i++) {
		struct object *o = &object[(first + i) % OBJECTS];

		if (o->p && (!only || o->of == only))
			p[n++] = given_up(o);
	}
	kmem_cache_free_bulk(s, n, p);
}

static void counts_agree(void)
{
	unsigned int i, k, n;

	assert_int_equal(slab_check(), 0);
	for (i = 0; i < USERS; i++) {
		struct slabinfo info;

		if (!user[i].cache)
			continue;
		for (n = 0, k = 0; k < USERS; k++)
			n += user[k].cache == user[i].cache ? user[k].objects : 0;
		get_slabinfo(user[i].cache, &info);
		/* One that kmalloc has as well has others' objects too. */
		if (!strcmp(user[i].cache->name, "model"))
			assert_int_equal(info.active_objs, n);
		else
			assert_true(info.active_objs >= n);
		assert_true(info.num_objs >= n + info.cached_objs);
	}
}

static void step(void)
{
	struct user *u = &user[rnd(USERS)];

	host_cpu = rnd(nr_cpus_possible);
	switch (rnd(20)) {
	case 0:
		u->cache ? destroy(u) : create(u);
		break;
	case 1:
		if (u->cache)
			assert_int_equal(kmem_cache_shrink(u->cache), 0);
		break;
	case 2:
		give_bulk();
		break;
	case 3:
		if (u->cache)
			take_bulk(u);
		break;
	case 4 ... 10:
		give();
		break;
	default:
		if (u->cache)
			take(u);
		else
			create(u);
	}
	counts_agree();
}

static void random_walk(unsigned int steps)
{
	unsigned int i;

	memset(user, 0, sizeof(user));
	memset(object, 0, sizeof(object));
	seed = 88172645463325252ULL;
	for (i = 0; i < steps; i++)
		step();
	may_fail = false;
	for (i = 0; i < OBJECTS; i++)
		if (object[i].p)
			kfree(given_up(&object[i]));
	counts_agree();
	for (i = 0; i < USERS; i++)
		if (user[i].cache)
			destroy(&user[i]);
	for (i = 0; i < USERS; i++)
		assert_null(user[i].cache);
	host_cpu = 0;
}

static void caches_of_all_flags(void **state)
{
	random_walk(1200);
}

static void freelists_in_random_order_and_hardened(void **state)
{
	slab_freelist_random = slab_freelist_hardened = true;
	random_walk(700);
}

static void nothing_is_merged(void **state)
{
	slab_nomerge = true;
	random_walk(700);
}

static void memory_that_is_refused_now_and_then(void **state)
{
	page_debug = &refusing;
	may_fail = true;
	random_walk(1200);
	page_debug = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(caches_of_all_flags),
		TEST(freelists_in_random_order_and_hardened),
		TEST(nothing_is_merged),
		TEST(memory_that_is_refused_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
