// SPDX-License-Identifier: MIT
/* links: @debug @slab mm/kmem/kvmalloc.c lib/debug_hooks.c port/host/symbols.c port/host/stack_trace.c */
/* cflags: -D_GNU_SOURCE -DQUIRE_HOST -fno-omit-frame-pointer */
/* Bugs planted in users of slab_debug=FZPU: each is reported in Linux's words, with who allocated and who freed, and nothing else is. */
#include "debug_world.h"

#include "mm/debug/slab_debug.h"

/* Functions whose names the reports must show. */
static noinline void *allocate_here(size_t size)
{
	void *volatile p = kmalloc(size, GFP_KERNEL);

	return p;
}

static noinline void free_here(void *p)
{
	kfree(p);
	__asm__ volatile("");
}

static int quiet(void **state)
{
	forget_log();
	return 0;
}

static int back(void **state)
{
	forget_log();
	return 0;
}

/* What is broken is kept from use: so many pages less come back. */
static void keep_lost(void)
{
	slab_drain_all();
	free_at_start = free_pages_of(zone);
}

static void correct_use_is_silent(void **state)
{
	size_t size;
	void *p[200];
	unsigned int i;

	for (size = 1; size < 3 * PAGE_SIZE; size += 1 + size / 3) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = i % 2 ? kmalloc(size, GFP_KERNEL) : kzalloc(size, GFP_KERNEL);
			assert_non_null(p[i]);
			if (is_power_of_2(size) && size <= PAGE_SIZE)
				assert_true(IS_ALIGNED((unsigned long)p[i], size));
			for (size_t k = 0; !(i % 2) && k < size; k++)
				assert_int_equal(((u8 *)p[i])[k], 0);
			memset(p[i], 0x11, size);
		}
		assert_int_equal(mm_debug_check(), 0);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			kfree(p[i]);
	}
	assert_string_equal(log_text, "");
	all_is_back();
}

static void a_byte_beyond_the_requested_size_is_found(void **state)
{
	u8 *p = allocate_here(60);

	p[60] = 0x78;
	free_here(p);
	assert_logged("BUG kmalloc-64 (Not tainted): kmalloc Redzone overwritten\n");
	assert_logged("First byte 0x78 instead of 0xcc\n");
	assert_logged("Allocated in allocate_here");
	assert_logged("a_byte_beyond_the_requested_size_is_found");
	assert_logged("FIX kmalloc-64: Object at 0x");
	forget_log();
	/* It was put right and not freed: now it can be. */
	free_here(p);
	assert_string_equal(log_text, "");
	all_is_back();
}

static void zones_on_both_sides_are_found(void **state)
{
	u8 *p = allocate_here(64);

	p[64] = 1;
	free_here(p);
	assert_logged("BUG kmalloc-64 (Not tainted): Right Redzone overwritten\n");
	assert_logged("First byte 0x1 instead of 0xcc\n");
	forget_log();
	p[-1] = 2;
	assert_int_equal(mm_debug_check(), 1);
	assert_logged("BUG kmalloc-64 (Not tainted): Left Redzone overwritten\n");
	forget_log();
	free_here(p);
	assert_string_equal(log_text, "");
	all_is_back();
}

static void a_write_after_free_is_found_by_the_next_user(void **state)
{
	u8 *p = allocate_here(192), *q;

	free_here(p);
	p[17] = 0x42;
	q = allocate_here(192);
	assert_ptr_not_equal(p, q);
	assert_logged("BUG kmalloc-192 (Not tainted): Poison overwritten\n");
	assert_logged("First byte 0x42 instead of 0x6b\n");
	assert_logged("Allocated in allocate_here");
	assert_logged("Freed in free_here");
	assert_logged("42 6b");
	forget_log();
	free_here(q);
	assert_string_equal(log_text, "");
	keep_lost();
	assert_int_equal(mm_debug_check(), 0);
}

static void freeing_twice_is_found(void **state)
{
	u8 *p = allocate_here(100), *q = allocate_here(100);

	free_here(p);
	free_here(q);
	free_here(p);
	assert_logged("BUG kmalloc-128 (Not tainted): Object already free\n");
	assert_logged("Allocated in allocate_here");
	assert_logged("Freed in free_here");
	forget_log();
	assert_int_equal(slab_check(), 0);
	all_is_back();
}

static void a_pointer_into_an_object_is_no_object(void **state)
{
	u8 *p = allocate_here(100);
	struct kmem_cache *s = kmem_cache_create("other", 100, 0, 0, NULL);

	free_here(p + 8);
	assert_logged("BUG kmalloc-128 (Not tainted): Invalid object pointer 0x");
	assert_logged("Allocated in allocate_here");
	forget_log();
	kmem_cache_free(s, p);
	assert_logged("BUG other: ");
	forget_log();
	free_here(p);
	assert_string_equal(log_text, "");
	kmem_cache_destroy(s);
	all_is_back();
}

static void krealloc_knows_what_was_asked_for(void **state)
{
	u8 *p = kmalloc(20, GFP_KERNEL), *q;

	memset(p, 7, 20);
	q = krealloc(p, 30, GFP_KERNEL | __GFP_ZERO);
	assert_ptr_equal(p, q);
	assert_int_equal(q[19], 7);
	assert_int_equal(q[20] | q[29], 0);
	q = krealloc(q, 10, GFP_KERNEL);
	q[10] = 1;
	kfree(q);
	assert_logged("kmalloc Redzone overwritten");
	forget_log();
	/* Who asks for the room may use it. */
	assert_int_equal(ksize(q), 32);
	memset(q, 3, 32);
	q = krealloc(q, 300, GFP_KERNEL);
	assert_int_equal(q[31], 3);
	memset(q, 4, 300);
	kfree(q);
	assert_string_equal(log_text, "");
	all_is_back();
}

static unsigned int constructed;

static void construct(void *object)
{
	memset(object, 0x5c, 40);
	constructed++;
}

static void a_constructed_object_keeps_what_is_in_it(void **state)
{
	struct kmem_cache *s = kmem_cache_create("made", 40, 0, 0, construct);
	u8 *p[100];
	unsigned int i, k, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			for (k = 0; k < 40; k++)
				assert_int_equal(p[i][k], 0x5c);
		}
		kmem_cache_free_bulk(s, ARRAY_SIZE(p), (void **)p);
	}
	assert_true(constructed >= ARRAY_SIZE(p));
	assert_int_equal(kmem_cache_alloc_bulk(s, GFP_KERNEL, 50, (void **)p), 50);
	p[7][40] = 1;
	kmem_cache_free_bulk(s, 50, (void **)p);
	assert_logged("BUG made (Not tainted): Right Redzone overwritten");
	kmem_cache_free(s, p[7]);
	kmem_cache_destroy(s);
	all_is_back();
}

static void options_choose_caches(void **state)
{
	static const struct {
		const char *option, *cache;
		slab_flags_t flags;
	} t[] = {
		{"", "any", SLAB_DEBUG_FLAGS},
		{"FZ", "any", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE},
		{"P,dentry", "dentry", SLAB_POISON},
		{"P,dentry", "dentry2", 0},
		{"P,a,b*", "bcd", SLAB_POISON},
		{",x", "x", SLAB_DEBUG_FLAGS},
		{",x", "y", 0},
		{"Z,x;U", "x", SLAB_RED_ZONE},
		{"Z,x;U", "y", SLAB_STORE_USER},
		{"Z,x;U,y;-", "z", 0},
		{"-", "any", 0},
		{"fq", "any", SLAB_CONSISTENCY_CHECKS},
	};
	char tell[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++) {
		snprintf(tell, sizeof(tell), "slab_debug=%s", t[i].option);
		set_option(tell);
		assert_int_equal(slab_object_debug_ops.flags(t[i].cache, 0), t[i].flags);
	}
	assert_logged("slab_debug option 'q' unknown. skipped\n");
	set_option("slab_debug=FZPU,kmalloc-*,made,other");
}

/* ---- several CPUs */

static void *traffic(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, i, x = cpu + 1;
	u8 *mine[64] = {NULL};
	size_t size[64];

	host_cpu = cpu;
	for (i = 0; i < 20000; i++) {
		unsigned int k;

		x = x * 1103515245 + 12345;
		k = (x >> 10) % 64;
		if (mine[k]) {
			assert_int_equal(mine[k][0], (u8)k);
			assert_int_equal(mine[k][size[k] - 1], (u8)k);
			kfree(mine[k]);
			mine[k] = NULL;
		} else {
			size[k] = 1 + (x >> 16) % 500;
			mine[k] = kmalloc(size[k], GFP_KERNEL);
			memset(mine[k], (int)k, size[k]);
		}
	}
	for (i = 0; i < 64; i++)
		kfree(mine[i]);
	return NULL;
}

static void cpus_work_side_by_side(void **state)
{
	pthread_t t[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, traffic, (void *)(uintptr_t)i);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	assert_string_equal(log_text, "");
	all_is_back();
}

static void *victim;

static void *free_it(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	kfree(victim);
	return NULL;
}

static void one_of_two_who_free_at_once_is_told(void **state)
{
	unsigned int round;

	for (round = 0; round < 200; round++) {
		pthread_t t;

		forget_log();
		victim = kmalloc(48, GFP_KERNEL);
		pthread_create(&t, NULL, free_it, (void *)1UL);
		kfree(victim);
		pthread_join(t, NULL);
		assert_logged("Object already free");
		assert_ptr_equal(
			strstr(strstr(log_text, "Object already free") + 1, "Object already free"),
			NULL);
	}
	forget_log();
	all_is_back();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, quiet, back)
	const struct CMUnitTest tests[] = {
		T(correct_use_is_silent),
		T(a_byte_beyond_the_requested_size_is_found),
		T(zones_on_both_sides_are_found),
		T(a_write_after_free_is_found_by_the_next_user),
		T(freeing_twice_is_found),
		T(a_pointer_into_an_object_is_no_object),
		T(krealloc_knows_what_was_asked_for),
		T(a_constructed_object_keeps_what_is_in_it),
		T(cpus_work_side_by_side),
		T(one_of_two_who_free_at_once_is_told),
		T(options_choose_caches),
	};

	debug_machine("slab_debug=FZPU", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
