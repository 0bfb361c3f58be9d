// SPDX-License-Identifier: MIT
/* links: mm/kmem/mempool.c */
/*
 * Pools: the reserve is there when the allocator has nothing, is filled again first, and everything that was taken goes back. The
 * allocators are doubles that count and can be told to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include <quire/mempool.h>

struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn;

static unsigned int online = 1;
static long blocks, elements; /* that are out */
static bool empty;	      /* the elements' allocator has none */
static unsigned int fail_in;  /* the nth allocation from here fails; 0: none */
static __thread gfp_t last_gfp;

unsigned int num_online_cpus(void)
{
	return online;
}

static bool fails(void)
{
	return fail_in && --fail_in == 0;
}

static void *block(size_t size)
{
	if (fails())
		return NULL;
	__atomic_fetch_add(&blocks, 1, __ATOMIC_RELAXED);
	return malloc(size);
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	return block(size);
}

void *__kmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return block(size);
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	return block(64);
}

void kmem_cache_free(struct kmem_cache *s, void *p)
{
	kfree(p);
}

void *kvmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return block(size);
}

void kvfree(const void *p)
{
	kfree(p);
}

void kfree(const void *p)
{
	if (p)
		__atomic_fetch_sub(&blocks, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return block(sizeof(struct page) << order);
}

void __free_pages(struct page *page, unsigned int order)
{
	kfree(page);
}

/* ---- elements: an int each, which says whose they are */

static void *get(gfp_t gfp, void *pool_data)
{
	int *e;

	last_gfp = gfp;
	if (__atomic_load_n(&empty, __ATOMIC_RELAXED) || fails())
		return NULL;
	__atomic_fetch_add(&elements, 1, __ATOMIC_RELAXED);
	e = malloc(sizeof(*e));
	*e = -1;
	return e;
}

static void put(void *element, void *pool_data)
{
	assert_ptr_equal(pool_data, &elements);
	__atomic_fetch_sub(&elements, 1, __ATOMIC_RELAXED);
	free(element);
}

static mempool_t *pool_of(int n)
{
	return mempool_create(n, get, put, &elements);
}

static int fresh(void **state)
{
	online = 1;
	empty = false;
	fail_in = 0;
	blocks = elements = 0;
	return 0;
}

static int all_is_back(void **state)
{
	assert_int_equal(blocks, 0);
	assert_int_equal(elements, 0);
	return 0;
}

/* ---- tests */

static void a_pool_begins_full_and_gives_all_back(void **state)
{
	mempool_t *pool = pool_of(5);

	assert_non_null(pool);
	assert_int_equal(elements, 5);
	assert_true(mempool_is_saturated(pool));
	assert_int_equal(mempool_check(pool), 0);
	mempool_destroy(pool);
	mempool_destroy(NULL);
	assert_null(pool_of(0));
	assert_null(pool_of(-1));
}

static void the_allocator_is_asked_first_and_gently(void **state)
{
	mempool_t *pool = pool_of(2);
	void *e = mempool_alloc(pool, GFP_KERNEL);

	assert_int_equal(pool->curr_nr, 2);
	assert_int_equal(elements, 3);
	assert_false(last_gfp & (__GFP_DIRECT_RECLAIM | __GFP_IO));
	assert_true(last_gfp & __GFP_NOMEMALLOC);
	assert_true(last_gfp & __GFP_NOWARN);
	mempool_free(e, pool);
	/* The reserve is full: it went to its allocator. */
	assert_int_equal(elements, 2);
	mempool_free(NULL, pool);
	mempool_destroy(pool);
}

static void the_reserve_serves_when_there_is_nothing_and_fills_first(void **state)
{
	mempool_t *pool = pool_of(3);
	void *e[3];
	int i;

	empty = true;
	for (i = 0; i < 3; i++) {
		e[i] = mempool_alloc(pool, GFP_ATOMIC);
		assert_non_null(e[i]);
		assert_int_equal(mempool_check(pool), 0);
	}
	assert_true(e[0] != e[1] && e[1] != e[2] && e[0] != e[2]);
	assert_null(mempool_alloc(pool, GFP_ATOMIC));
	assert_null(mempool_alloc_preallocated(pool));
	assert_false(mempool_is_saturated(pool));
	/* Memory is back, and goes to the reserve before the allocator. */
	empty = false;
	for (i = 0; i < 3; i++)
		mempool_free(e[i], pool);
	assert_true(mempool_is_saturated(pool));
	assert_int_equal(elements, 3);
	assert_int_equal(mempool_check(pool), 0);
	mempool_destroy(pool);
}

static void the_last_cpu_does_not_wait_for_ever(void **state)
{
	mempool_t *pool = pool_of(1);
	void *e;

	empty = true;
	e = mempool_alloc(pool, GFP_KERNEL);
	assert_non_null(e);
	assert_null(mempool_alloc(pool, GFP_KERNEL | __GFP_NOWARN));
	/* It tried with all the means that the caller allows. */
	assert_true(last_gfp & __GFP_DIRECT_RECLAIM);
	mempool_free(e, pool);
	mempool_destroy(pool);
}

static void *give_back(void *arg)
{
	mempool_t *pool = ((void **)arg)[0];

	/* Until the other one has seen the empty reserve, or not: either is right. */
	mempool_free(((void **)arg)[1], pool);
	return NULL;
}

static void others_are_waited_for(void **state)
{
	mempool_t *pool = pool_of(1);
	void *arg[2], *e;
	pthread_t t;

	online = 2;
	empty = true;
	arg[0] = pool;
	arg[1] = mempool_alloc(pool, GFP_KERNEL);
	assert_int_equal(pthread_create(&t, NULL, give_back, arg), 0);
	e = mempool_alloc(pool, GFP_KERNEL);
	assert_ptr_equal(e, arg[1]);
	pthread_join(t, NULL);
	mempool_free(e, pool);
	mempool_destroy(pool);
}

/* One that is never given back, as it seems: after five seconds, and five more, somebody is told. */
static mempool_t *waited_for;
static void *kept;
static unsigned int turns, warnings;
static u64 now_ns;

void smp_hold_point(void)
{
	__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
	if (waited_for && warnings == 2) {
		mempool_free(kept, waited_for);
		waited_for = NULL;
	}
}

u64 port_time_ns(void)
{
	return __atomic_add_fetch(&now_ns, 1000000000, __ATOMIC_RELAXED);
}

int vprintk(const char *fmt, va_list args)
{
	(void)args;
	if (strstr(fmt, "mempool_alloc: CPU"))
		__atomic_fetch_add(&warnings, 1, __ATOMIC_RELAXED);
	return 0;
}

static void a_long_wait_is_told_of(void **state)
{
	mempool_t *pool = pool_of(1);

	online = 2;
	empty = true;
	kept = mempool_alloc(pool, GFP_KERNEL);
	turns = warnings = 0;
	waited_for = pool;
	assert_ptr_equal(mempool_alloc(pool, GFP_KERNEL), kept);
	assert_int_equal(warnings, 2);
	/* A look at the clock is a second here, and comes once in 256 turns. */
	assert_true(turns > 10 * 256 && turns < 13 * 256);
	mempool_free(kept, pool);
	mempool_destroy(pool);
}

static void a_pool_grows_and_shrinks(void **state)
{
	mempool_t *pool = pool_of(4);
	void *e;

	assert_int_equal(mempool_resize(pool, 7), 0);
	assert_int_equal(elements, 7);
	assert_int_equal(mempool_check(pool), 0);
	e = mempool_alloc_preallocated(pool);
	assert_int_equal(mempool_resize(pool, 2), 0);
	assert_int_equal(pool->curr_nr, 2);
	assert_int_equal(elements, 3);
	mempool_free(e, pool);
	assert_int_equal(elements, 2);
	assert_int_equal(mempool_resize(pool, 0), -EINVAL);
	/* No memory for the stack: as it was. */
	fail_in = 1;
	assert_int_equal(mempool_resize(pool, 9), -ENOMEM);
	assert_int_equal(pool->min_nr, 2);
	/* No elements: they come as they are given back. */
	e = mempool_alloc(pool, GFP_KERNEL);
	empty = true;
	assert_int_equal(mempool_resize(pool, 3), 0);
	assert_int_equal(pool->curr_nr, 2);
	empty = false;
	mempool_free(e, pool);
	assert_int_equal(pool->curr_nr, 3);
	assert_int_equal(mempool_check(pool), 0);
	mempool_destroy(pool);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	mempool_t pool = {0};
	unsigned int n;

	for (n = 1; n <= 6; n++) {
		fail_in = n;
		assert_null(pool_of(4));
		assert_int_equal(blocks, 0);
		assert_int_equal(elements, 0);
	}
	fail_in = 7;
	mempool_destroy(pool_of(4));
	fail_in = 0;
	mempool_exit(&pool);
	assert_int_equal(mempool_init(&pool, 3, get, put, &elements), 0);
	mempool_exit(&pool);
	mempool_exit(&pool);
}

static void pools_of_every_kind(void **state)
{
	mempool_t *pool[] = {
		mempool_create_kmalloc_pool(3, 100),
		mempool_create_slab_pool(3, NULL),
		mempool_create_page_pool(3, 2),
		mempool_create(3, mempool_kvmalloc, mempool_kvfree, (void *)9000),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pool); i++) {
		void *e;

		assert_non_null(pool[i]);
		e = mempool_alloc(pool[i], GFP_KERNEL);
		assert_non_null(e);
		mempool_free(e, pool[i]);
		mempool_destroy(pool[i]);
	}
}

static void the_check_sees_what_is_wrong(void **state)
{
	mempool_t *pool = pool_of(3);
	void *kept = pool->elements[2];

	pool->elements[2] = pool->elements[0];
	assert_int_equal(mempool_check(pool), 1);
	pool->elements[2] = NULL;
	assert_int_equal(mempool_check(pool), 1);
	pool->elements[2] = kept;
	pool->curr_nr = 4;
	assert_int_equal(mempool_check(pool), 1);
	pool->curr_nr = 3;
	mempool_destroy(pool);
}

/* ---- against a model: what is out is what users have and what the reserve has */

static u64 seed = 88172645463325252ULL;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 16) % n);
}

static void resize_at_random(mempool_t *pool)
{
	int want = 1 + (int)rnd(12), before = pool->min_nr, reserve = pool->curr_nr, err;

	fail_in = rnd(3) ? 0 : 1 + rnd(4);
	err = mempool_resize(pool, want);
	assert_true(err == 0 || (err == -ENOMEM && pool->min_nr == before));
	fail_in = 0;
	if (err)
		assert_int_equal(pool->curr_nr, reserve);
	else
		assert_int_equal(pool->min_nr, want);
	/* The allocator may have had nothing for a larger one. */
	assert_true(pool->curr_nr >= min(reserve, pool->min_nr));
}

static void a_random_walk_keeps_to_the_model(void **state)
{
	int *have[40] = {NULL};
	mempool_t *pool = pool_of(5);
	int held = 0, i;

	for (i = 0; i < 20000; i++) {
		unsigned int k = rnd(ARRAY_SIZE(have)), way = rnd(8);
		int reserve = pool->curr_nr;
		long out = elements;

		empty = !rnd(2);
		if (way == 0) {
			resize_at_random(pool);
		} else if (have[k]) {
			assert_int_equal(*have[k], k);
			*have[k] = -1;
			mempool_free(have[k], pool);
			have[k] = NULL;
			held--;
			/* The reserve first, and nothing beyond. */
			assert_int_equal(pool->curr_nr, min(reserve + 1, pool->min_nr));
			assert_int_equal(elements, reserve < pool->min_nr ? out : out - 1);
		} else {
			have[k] = way == 1 ? mempool_alloc_preallocated(pool)
					   : mempool_alloc(pool, GFP_ATOMIC);
			/* The reserve last; none only when there is neither. */
			if (way != 1 && !empty)
				assert_int_equal(pool->curr_nr, reserve);
			else
				assert_int_equal(pool->curr_nr, max(reserve - 1, 0));
			assert_int_equal(have[k] != NULL, (way != 1 && !empty) || reserve > 0);
			if (have[k]) {
				assert_int_equal(*have[k], -1);
				*have[k] = (int)k;
				held++;
			}
		}
		assert_int_equal(mempool_check(pool), 0);
		assert_int_equal(elements, held + pool->curr_nr);
	}
	for (i = 0; i < (int)ARRAY_SIZE(have); i++)
		mempool_free(have[i], pool);
	mempool_destroy(pool);
}

#define THREADS 3
#define ROUNDS 20000

static void *user(void *arg)
{
	mempool_t *pool = ((void **)arg)[0];
	int self = (int)(uintptr_t)((void **)arg)[1], i, k;
	int *e[4];

	for (i = 0; i < ROUNDS; i++) {
		int n = i % 4 + 1;

		/* The allocator is empty most of the time. */
		__atomic_store_n(&empty, i % 16 != 0, __ATOMIC_RELAXED);
		for (k = 0; k < n; k++) {
			e[k] = mempool_alloc(pool, GFP_ATOMIC);
			if (e[k])
				*e[k] = self * 1000 + k;
		}
		for (k = 0; k < n; k++) {
			if (e[k])
				assert_int_equal(*e[k], self * 1000 + k);
			mempool_free(e[k], pool);
		}
	}
	return NULL;
}

static void several_cpus(void **state)
{
	mempool_t *pool = pool_of(6);
	void *arg[THREADS][2];
	pthread_t t[THREADS];
	int i;

	online = THREADS;
	for (i = 0; i < THREADS; i++) {
		arg[i][0] = pool;
		arg[i][1] = (void *)(uintptr_t)(i + 1);
		assert_int_equal(pthread_create(&t[i], NULL, user, arg[i]), 0);
	}
	for (i = 0; i < 50; i++)
		assert_int_equal(mempool_resize(pool, 3 + i % 5), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(mempool_check(pool), 0);
	assert_int_equal(elements, pool->curr_nr);
	mempool_destroy(pool);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pool_begins_full_and_gives_all_back),
		TEST(the_allocator_is_asked_first_and_gently),
		TEST(the_reserve_serves_when_there_is_nothing_and_fills_first),
		TEST(the_last_cpu_does_not_wait_for_ever),
		TEST(others_are_waited_for),
		TEST(a_long_wait_is_told_of),
		TEST(a_pool_grows_and_shrinks),
		TEST(what_cannot_be_made_leaves_nothing),
		TEST(pools_of_every_kind),
		TEST(the_check_sees_what_is_wrong),
		TEST(a_random_walk_keeps_to_the_model),
		TEST(several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
