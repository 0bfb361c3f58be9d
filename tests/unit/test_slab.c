// SPDX-License-Identifier: MIT
/* links: @slab */
/* granules: 12 14 16 */
/* Caches and kmalloc over the real page allocator: contents, counts, every page back at the end, every failure undone. */
#include "slab_world.h"

#include <quire/page_debug.h>
#include <quire/vmstat.h>

static void sizes_are_rounded_up_as_in_linux(void **state)
{
	static const struct {
		size_t size, rounded;
	} t[] = {{1, 8},     {8, 8},	  {9, 16},	{16, 16},     {17, 32},	    {33, 64},
		 {65, 96},   {96, 96},	  {97, 128},	{129, 192},   {192, 192},   {193, 256},
		 {257, 512}, {513, 1024}, {1025, 2048}, {2049, 4096}, {4097, 8192}, {0, 0}};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		void *p;

		assert_int_equal(kmalloc_size_roundup(t[i].size), t[i].rounded);
		if (!t[i].size)
			continue;
		p = kmalloc(t[i].size, GFP_KERNEL);
		assert_non_null(p);
		assert_int_equal(ksize(p), t[i].rounded);
		if (is_power_of_2(t[i].rounded))
			assert_true(IS_ALIGNED((unsigned long)p, min(t[i].rounded, PAGE_SIZE)));
		kfree(p);
	}
	assert_int_equal(kmalloc_size_roundup(KMALLOC_MAX_CACHE_SIZE + 1), 4 * PAGE_SIZE);
	assert_int_equal(kmalloc_size_roundup(KMALLOC_MAX_SIZE + 1), KMALLOC_MAX_SIZE + 1);
}

static void slabs_are_counted_for_their_node(void **state)
{
	struct kmem_cache *s = kmem_cache_create("counted", 1000, 0, SLAB_RECLAIM_ACCOUNT, NULL);
	unsigned long before, other, kept;
	void *p[100];
	int i;

	vmstat_refresh();
	before = node_page_state(NODE_DATA(0), NR_SLAB_RECLAIMABLE_B);
	other = node_page_state(NODE_DATA(0), NR_SLAB_UNRECLAIMABLE_B);
	for (i = 0; i < 100; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	vmstat_refresh();
	kept = node_page_state(NODE_DATA(0), NR_SLAB_RECLAIMABLE_B) - before;
	assert_true(kept >= DIV_ROUND_UP(100 * 1000UL, PAGE_SIZE));
	assert_true(node_page_state(NODE_DATA(0), NR_SLAB_UNRECLAIMABLE_B) >= other);
	for (i = 0; i < 100; i++)
		kmem_cache_free(s, p[i]);
	kmem_cache_destroy(s);
	vmstat_refresh();
	assert_int_equal(node_page_state(NODE_DATA(0), NR_SLAB_RECLAIMABLE_B), before);
}

static void odd_requests(void **state)
{
	void *volatile p;
	size_t huge = SIZE_MAX;

	assert_ptr_equal(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	kmem_cache_free(&kmalloc_caches[0][6], NULL);
	assert_int_equal(ksize(NULL), 0);
	assert_int_equal(ksize(ZERO_SIZE_PTR), 0);
	assert_null(kmalloc(huge, GFP_KERNEL));
	assert_null(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	assert_null(kmalloc_array(huge / 2, 3, GFP_KERNEL));
	assert_null(kcalloc(huge, huge, GFP_KERNEL));
	assert_null(kmalloc_array_node(huge / 4, 5, GFP_KERNEL, 0));
	assert_null(kcalloc_node(huge / 8, 9, GFP_KERNEL, 0));
	assert_null(kvmalloc_array(huge, 2, GFP_KERNEL));
	assert_null(kvcalloc(2, huge, GFP_KERNEL));
	p = kcalloc_node(3, 100, GFP_KERNEL, 0);
	assert_int_equal(((char *)p)[299], 0);
	kfree(p);
	p = kmalloc(100, GFP_KERNEL);
	assert_null(krealloc_array(p, huge, 2, GFP_KERNEL));
	assert_null(krealloc(p, KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	assert_int_equal(ksize(p), 128);
	assert_ptr_equal(krealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	p = krealloc(NULL, 5, GFP_KERNEL);
	assert_non_null(p);
	kfree_sensitive(p);
	assert_null(kstrdup(NULL, GFP_KERNEL));
	p = kstrdup("quire", GFP_KERNEL);
	assert_string_equal(p, "quire");
	kfree(p);
}

static void krealloc_keeps_contents(void **state)
{
	static const size_t sizes[] = {8, 20, 100, 96, 1000, 3 * PAGE_SIZE, 50, 40 * PAGE_SIZE, 9};
	size_t have = 0;
	void *p = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = krealloc(p, sizes[i], GFP_KERNEL);
		assert_non_null(p);
		assert_pattern(p, min(have, sizes[i]), 3);
		have = sizes[i];
		pattern(p, have, 3);
	}
	kfree(p);
}

static void large_blocks_are_pages(void **state)
{
	void *p = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL), *q;

	assert_non_null(p);
	assert_int_equal(ksize(p), KMALLOC_MAX_SIZE);
	q = kzalloc(KMALLOC_MAX_CACHE_SIZE + 1, GFP_KERNEL);
	assert_int_equal(ksize(q), 4 * PAGE_SIZE);
	kfree(p);
	kfree(q);
}

static void zeroed_means_zero(void **state)
{
	unsigned int i, k;

	for (i = 0; i < 200; i++) {
		unsigned char *p = kzalloc(200, GFP_KERNEL);

		for (k = 0; k < 200; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xee, 200);
		kfree(p);
	}
}

/*
 * An interrupt between the short way's load and store of the tag, which opens the CPU's stack, leaves the tag as it was before:
 * no cache's. Caches of both sides of the one that such a tag would name are cleared right.
 */
static void zeroed_means_this_caches_size_whatever_the_tag_is(void **state)
{
	static const unsigned int sizes[] = {24, 72, 1000, 3000};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const size_t size = sizes[i];
		struct kmem_cache *s = kmem_cache_create("untagged", sizes[i], 0, 0, NULL);
		unsigned char *p[3], *q;

		for (k = 0; k < 3; k++) {
			p[k] = kmem_cache_alloc(s, GFP_KERNEL);
			memset(p[k], 0xee, size);
		}
		kmem_cache_free(s, p[1]);
		assert_true(slab_nr(s->cpu + port_cpu()) > 0);
		s->cpu[port_cpu()].tag = SLAB_NO_TYPE;
		q = kmem_cache_alloc(s, GFP_KERNEL | __GFP_ZERO);
		assert_ptr_equal(q, p[1]);
		for (k = 0; k < size; k++) {
			assert_int_equal(q[k], 0);
			assert_int_equal(p[0][k], 0xee);
			assert_int_equal(p[2][k], 0xee);
		}
		/* It goes the long way, which puts the tag right. */
		kmem_cache_free(s, q);
		assert_int_equal(s->cpu[port_cpu()].tag, s->cpu[port_cpu()].type);
		kmem_cache_free(s, p[0]);
		kmem_cache_free(s, p[2]);
		kmem_cache_destroy(s);
	}
}

static void a_constructor_runs_once_for_an_object(void **state)
{
	struct kmem_cache *s = kmem_cache_create("made", 40, 0, 0, constructor);
	unsigned char *p[300];
	unsigned int i, k, round;

	constructed = 0;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			for (k = 0; k < 40; k++)
				assert_int_equal(p[i][k], 0x5c);
		}
		for (i = 0; i < ARRAY_SIZE(p); i++)
			kmem_cache_free(s, p[i]);
	}
	assert_true(constructed >= ARRAY_SIZE(p));
	assert_true(constructed < ARRAY_SIZE(p) + 2 * s->objects);
	kmem_cache_destroy(s);
}

static void alike_caches_are_one(void **state)
{
	struct kmem_cache *a = kmem_cache_create("a", 200, 0, 0, NULL);
	struct kmem_cache *b = kmem_cache_create("b", 196, 0, 0, NULL);
	struct kmem_cache *c = kmem_cache_create("c", 200, 0, SLAB_RECLAIM_ACCOUNT, NULL);
	struct kmem_cache *d = kmem_cache_create("d", 200, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	struct kmem_cache *e = kmem_cache_create("e", 200, 0, SLAB_NO_MERGE, NULL);
	struct kmem_cache *f = kmem_cache_create("f", 200, 0, 0, constructor);
	struct kmem_cache *g = kmem_cache_create("g", 200, 0, SLAB_HWCACHE_ALIGN, NULL);
	struct kmem_cache *same = kmem_cache_create("k", 1024, 0, 0, NULL);
	void *p;

	assert_ptr_equal(a, b);
	assert_ptr_equal(same, &kmalloc_caches[KMALLOC_NORMAL][10]);
	assert_true(a != c && a != d && a != e && a != f && c != d && d != e && e != f && a != g);
	p = kmem_cache_alloc(b, GFP_KERNEL);
	kmem_cache_destroy(a);
	/* b goes on. */
	pattern(p, 196, 1);
	kmem_cache_free(b, p);
	kmem_cache_destroy(b);
	kmem_cache_destroy(c);
	kmem_cache_destroy(d);
	kmem_cache_destroy(e);
	kmem_cache_destroy(f);
	kmem_cache_destroy(g);
	kmem_cache_destroy(same);
	assert_non_null(virt_to_cache(p = kmalloc(1024, GFP_KERNEL)));
	kfree(p);
}

static void objects_are_aligned(void **state)
{
	unsigned int align, i;

	for (align = 1; align <= PAGE_SIZE; align *= 2) {
		struct kmem_cache *s = kmem_cache_create("x", 24, align, SLAB_NO_MERGE, NULL);
		void *p[20];

		assert_non_null(s);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			assert_true(IS_ALIGNED((unsigned long)p[i], max(align, 8U)));
		}
		kmem_cache_free_bulk(s, ARRAY_SIZE(p), p);
		kmem_cache_destroy(s);
	}
	assert_null(kmem_cache_create("x", 24, 3, 0, NULL));
	assert_null(kmem_cache_create("x", 0, 0, 0, NULL));
	assert_null(kmem_cache_create("x", KMALLOC_MAX_SIZE + 1, 0, 0, NULL));
}

/* The list of an imaginary user: each object's size and pattern are checked as long as he has it. */
static void random_traffic_keeps_every_content(void **state)
{
	static const size_t classes[] = {1,   8,   24,	 64,   90,   128,  180,
					 256, 700, 1024, 4000, 5000, 8192, 3 * PAGE_SIZE};
	struct {
		void *p;
		size_t n;
	} have[600] = {{NULL, 0}};
	unsigned int i, x = 12345;

	for (i = 0; i < 60000; i++) {
		unsigned int k;

		x = x * 1103515245 + 12345;
		k = (x >> 8) % ARRAY_SIZE(have);
		if (have[k].p) {
			assert_pattern(have[k].p, have[k].n, k);
			kfree(have[k].p);
			have[k].p = NULL;
		} else {
			have[k].n = classes[(x >> 20) % ARRAY_SIZE(classes)];
			have[k].p = kmalloc(have[k].n, GFP_KERNEL);
			assert_non_null(have[k].p);
			pattern(have[k].p, have[k].n, k);
		}
		if (i % 9973 == 0) {
			assert_int_equal(slab_check(), 0);
			slab_drain_all();
			assert_int_equal(slab_check(), 0);
		}
	}
	for (i = 0; i < ARRAY_SIZE(have); i++)
		kfree(have[i].p);
}

static void bulk_is_all_or_nothing(void **state)
{
	struct kmem_cache *s = kmem_cache_create("bulk", 192, 0, SLAB_NO_MERGE, NULL);
	void *p[500];
	unsigned int i, k;

	assert_int_equal(kmem_cache_alloc_bulk(s, GFP_KERNEL, ARRAY_SIZE(p), p), ARRAY_SIZE(p));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		for (k = 0; k < i; k++)
			assert_true(p[i] != p[k]);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		pattern(p[i], 192, i);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		assert_pattern(p[i], 192, i);
	p[7] = NULL;
	kmem_cache_free_bulk(s, 7, p);
	kmem_cache_free_bulk(NULL, ARRAY_SIZE(p) - 8, p + 8);
	assert_int_equal(slab_check(), 0);
	assert_int_equal(kmem_cache_alloc_bulk(s, GFP_KERNEL, 0, p), 0);
	{
		struct slabinfo info;

		get_slabinfo(s, &info);
		assert_int_equal(info.active_objs, 1);
		kmem_cache_destroy(s);
	}
	/* One object was kept: the cache stays, and what is freed is still its own. */
	assert_ptr_equal(slab_cache_table[s->id], s);
	slab_drain_all();
	assert_int_equal(s->node[0]->nr_slabs, 1);
	for (i = 0; i < s->objects; i++) {
		void *object = (char *)page_address(page_from_index(s->node[0]->partial.first)) +
			       (size_t)i * s->size;

		if (!slab_object_is_free(s, object)) {
			kmem_cache_free(s, object);
			break;
		}
	}
	s->refcount = 1;
	kmem_cache_destroy(s);
}

static void what_is_no_object_is_left_alone(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	char *p = kmalloc(64, GFP_KERNEL);

	kfree(page_address(page));
	kmem_cache_free(&kmalloc_caches[KMALLOC_NORMAL][8], p);
	pattern(p, 64, 9);
	assert_int_equal(slab_check(), 0);
	kfree(p);
	__free_pages(page, 0);
}

/* What a driver does, with the nth request for pages failing: for n = 0, 1, ... until none fails. */
static void every_failure_is_undone(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = fail_nth};
	unsigned int n, i;

	for (n = 0;; n++) {
		struct kmem_cache *s;
		void *p[200], *q;

		slab_drain_all();
		fail_after = n;
		asked = 0;
		page_debug = &ops;
		s = kmem_cache_create("fails", 300, 0, SLAB_NO_MERGE, constructor);
		if (s) {
			for (i = 0; i < ARRAY_SIZE(p); i++)
				p[i] = kmem_cache_alloc(s, GFP_KERNEL | __GFP_NOWARN);
			for (i = 0; i < ARRAY_SIZE(p); i++)
				kmem_cache_free(s, p[i]);
			if (kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_NOWARN, ARRAY_SIZE(p), p))
				kmem_cache_free_bulk(s, ARRAY_SIZE(p), p);
		}
		q = kmalloc(3 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		kfree(q);
		q = kmalloc(600, GFP_KERNEL | __GFP_NOWARN);
		kfree(q);
		page_debug = NULL;
		kmem_cache_destroy(s);
		all_is_back(NULL);
		if (asked <= n)
			break;
	}
	assert_true(n > 2);
}

/* So many CPUs that their parts of a cache are whole pages. */
static void parts_of_many_cpus_are_pages(void **state)
{
	static const struct page_debug_ops ops = {.should_fail = fail_nth};
	const unsigned int cpus = nr_cpus_possible;
	unsigned long before;
	struct kmem_cache *s;

	slab_drain_all();
	before = free_pages_of(zone);
	nr_cpus_possible = KMALLOC_MAX_CACHE_SIZE / sizeof(struct slab_cpu) + 1;
	if (nr_cpus_possible > NR_CPUS) {
		nr_cpus_possible = cpus;
		print_message("%u CPUs at most: their parts are no pages of this size\n", NR_CPUS);
		skip();
	}
	s = kmem_cache_create("many", 64, 0, SLAB_NO_MERGE, NULL);
	assert_non_null(s);
	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	kmem_cache_destroy(s);
	/* No page for them: no cache, and nothing is lost. Its nodes' lists and itself may want pages before. */
	for (fail_after = 0; fail_after < 8; fail_after++) {
		asked = 0;
		page_debug = &ops;
		s = kmem_cache_create("many", 64, 0, SLAB_NO_MERGE, NULL);
		page_debug = NULL;
		if (s)
			break;
		assert_true(asked > fail_after);
	}
	assert_non_null(s);
	assert_true(fail_after >= 1);
	kmem_cache_destroy(s);
	nr_cpus_possible = cpus;
	slab_drain_all();
	assert_int_equal(free_pages_of(zone), before);
}

static void freelists_may_be_random_and_hardened(void **state)
{
	struct kmem_cache *s;
	void *p[64];
	unsigned int i, in_order = 0;

	slab_freelist_random = slab_freelist_hardened = true;
	s = kmem_cache_create("shuffled", 64, 0, SLAB_NO_MERGE, NULL);
	assert_int_not_equal(s->random, 0);
	assert_int_equal(slab_take(s, GFP_KERNEL, 0, p, ARRAY_SIZE(p)), ARRAY_SIZE(p));
	for (i = 1; i < ARRAY_SIZE(p); i++)
		in_order += (char *)p[i] == (char *)p[i - 1] + 64;
	/* A step of one of 63: once in a while. The objects are all different, at any rate. */
	if (in_order == ARRAY_SIZE(p) - 1)
		print_message("the random order was the plain one\n");
	slab_give(s, p, ARRAY_SIZE(p));
	assert_int_equal(slab_check(), 0);
	kmem_cache_destroy(s);
}

/* ---- a CPU's own objects */

/* What an interrupt meets between two instructions of a fast path: tag is 0. It has to leave the stack alone. */
static void an_interrupt_in_a_fast_path_leaves_the_stack_alone(void **state)
{
	struct kmem_cache *s = kmem_cache_create("busy", 64, 0, SLAB_NO_MERGE, NULL);
	void *p = kmem_cache_alloc(s, GFP_KERNEL), *mine[300], **bulk = mine + 200;
	struct slab_cpu *c = &s->cpu[0], before;
	unsigned int i;

	kmem_cache_free(s, p);
	c->tag = 0;
	before = *c;
	for (i = 0; i < 200; i++) {
		mine[i] = kmem_cache_alloc(s, GFP_ATOMIC);
		assert_non_null(mine[i]);
		assert_ptr_not_equal(mine[i], p);
	}
	assert_int_equal(kmem_cache_alloc_bulk(s, GFP_ATOMIC, 100, bulk), 100);
	assert_memory_equal(c, &before, sizeof(before));
	for (i = 0; i < 100; i++)
		kmem_cache_free(s, mine[i]);
	for (; i < 200; i++)
		kfree(mine[i]);
	kmem_cache_free_bulk(s, 100, bulk);
	assert_memory_equal(c, &before, sizeof(before));
	c->tag = c->type;
	assert_int_equal(slab_check(), 0);
	assert_ptr_equal(kmem_cache_alloc(s, GFP_KERNEL), p);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

static void who_takes_and_gives_by_hundreds_meets_nobody(void **state)
{
	struct kmem_cache *s = kmem_cache_create("hundreds", 64, 0, SLAB_NO_MERGE, NULL);
	struct slab_cpu *c;
	unsigned int i, round, credit = 0;
	unsigned long slabs = 0;
	void *p[500];

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			kmem_cache_free(s, p[i]);
		c = &s->cpu[0];
		if (round < 10) {
			credit = c->credit;
			slabs = s->node[0]->nr_slabs;
			continue;
		}
		/* It has found out what it needs: nothing comes from elsewhere any more. */
		assert_int_equal(c->credit, credit);
		assert_int_equal(s->node[0]->nr_slabs, slabs);
		assert_int_equal(s->node[0]->nr_full_sheaves, 0);
	}
	assert_true(c->nr_full * s->capacity + slab_nr(c) >= ARRAY_SIZE(p));
	kmem_cache_destroy(s);
}

static void who_only_frees_keeps_one_full_sheaf(void **state)
{
	struct kmem_cache *s = kmem_cache_create("freed", 64, 0, SLAB_NO_MERGE, NULL);
	unsigned int i, n = 3000;
	static void *p[3000];

	for (i = 0; i < n; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	host_cpu = 1;
	for (i = 0; i < n; i++)
		kmem_cache_free(s, p[i]);
	assert_int_equal(s->cpu[1].nr_full, 1);
	assert_true(s->node[0]->nr_full_sheaves > 0);
	/* The other one finds them there. */
	host_cpu = 0;
	for (i = 0; i < n; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	assert_int_equal(s->node[0]->nr_full_sheaves, 0);
	assert_true(s->cpu[0].credit <= s->max_own);
	for (i = 0; i < n; i++)
		kmem_cache_free(s, p[i]);
	assert_true(s->cpu[0].nr_full <= s->max_own);
	kmem_cache_destroy(s);
}

/* ---- several CPUs */

static struct kmem_cache *shared;
static void *mailbox[THREADS][64];

static void *cpu_main(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, i, x = cpu + 1;
	void *mine[64] = {NULL};

	host_cpu = cpu;
	for (i = 0; i < 30000; i++) {
		unsigned int k;
		void *p;

		x = x * 1103515245 + 12345;
		k = (x >> 10) % 64;
		if (mine[k]) {
			assert_pattern(mine[k], 48, cpu * 64 + k);
			kmem_cache_free(shared, mine[k]);
			mine[k] = NULL;
		} else {
			mine[k] = kmem_cache_alloc(shared, GFP_KERNEL);
			assert_non_null(mine[k]);
			pattern(mine[k], 48, cpu * 64 + k);
		}
		/* One for the neighbour to free. */
		p = __atomic_exchange_n(&mailbox[(cpu + 1) % THREADS][k],
					kmem_cache_alloc(shared, GFP_KERNEL), __ATOMIC_ACQ_REL);
		if (p)
			kmem_cache_free(shared, p);
		p = __atomic_exchange_n(&mailbox[cpu][k], NULL, __ATOMIC_ACQ_REL);
		if (p)
			kmem_cache_free(shared, p);
	}
	for (i = 0; i < 64; i++)
		kmem_cache_free(shared, mine[i]);
	return NULL;
}

static void cpus_free_each_others_objects_while_one_drains(void **state)
{
	pthread_t t[THREADS];
	unsigned int i, k;

	shared = kmem_cache_create("shared", 48, 0, SLAB_NO_MERGE, NULL);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, cpu_main, (void *)(uintptr_t)i), 0);
	host_cpu = THREADS;
	for (i = 0; i < 100; i++)
		kmem_cache_shrink(shared);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	host_cpu = 0;
	for (i = 0; i < THREADS; i++)
		for (k = 0; k < 64; k++)
			kmem_cache_free(shared, mailbox[i][k]);
	memset(mailbox, 0, sizeof(mailbox));
	assert_int_equal(slab_check(), 0);
	kmem_cache_destroy(shared);
}

/* ---- checks find what is broken */

static void the_check_finds_planted_errors(void **state)
{
	struct kmem_cache *s = kmem_cache_create("broken", 64, 0, SLAB_NO_MERGE, NULL);
	void *p[4];
	struct kmem_cache_node *n;
	struct page *slab;
	struct slab_word w;
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	n = s->node[0];
	slab = slab_of(s, p[0]);
	assert_int_equal(slab_check(), 0);
	w = slab_load(slab);
	w.inuse++;
	slab_store(slab, w);
	assert_true(slab_check() > 0);
	w.inuse--;
	slab_store(slab, w);
	n->nr_free++;
	assert_true(slab_check() > 0);
	n->nr_free--;
	page_type_store(slab, PAGE_TYPE_NONE);
	assert_true(slab_check() > 0);
	page_type_store(slab, SLAB_PAGE_TYPE(0, s->id));
	assert_int_equal(slab_check(), 0);
	{
		struct slab_cpu *c = &s->cpu[0];
		void *keep = c->floor[0];

		assert_true(slab_nr(c) > 1);
		c->floor[0] = c->floor[1];
		assert_true(slab_check() > 0);
		c->floor[0] = (char *)keep + 8;
		assert_true(slab_check() > 0);
		c->floor[0] = keep;
		c->limit++;
		assert_true(slab_check() > 0);
		c->limit--;
		c->nr_full++;
		assert_true(slab_check() > 0);
		c->nr_full--;
	}
	assert_int_equal(slab_check(), 0);
	for (i = 0; i < 4; i++)
		kmem_cache_free(s, p[i]);
	kmem_cache_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sizes_are_rounded_up_as_in_linux),
		T(odd_requests),
		T(slabs_are_counted_for_their_node),
		T(krealloc_keeps_contents),
		T(large_blocks_are_pages),
		T(zeroed_means_zero),
		T(zeroed_means_this_caches_size_whatever_the_tag_is),
		T(a_constructor_runs_once_for_an_object),
		T(alike_caches_are_one),
		T(objects_are_aligned),
		T(random_traffic_keeps_every_content),
		T(bulk_is_all_or_nothing),
		T(what_is_no_object_is_left_alone),
		T(every_failure_is_undone),
		T(parts_of_many_cpus_are_pages),
		T(freelists_may_be_random_and_hardened),
		T(an_interrupt_in_a_fast_path_leaves_the_stack_alone),
		T(who_takes_and_gives_by_hundreds_meets_nobody),
		T(who_only_frees_keeps_one_full_sheaf),
		T(cpus_free_each_others_objects_while_one_drains),
		T(the_check_finds_planted_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
