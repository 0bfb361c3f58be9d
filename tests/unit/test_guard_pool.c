// SPDX-License-Identifier: MIT
/* links: @debug @slab mm/kmem/kvmalloc.c lib/debug_hooks.c port/host/symbols.c port/host/stack_trace.c */
/* cflags: -D_GNU_SOURCE -DQUIRE_HOST -fno-omit-frame-pointer */
/* guard_pages=1: an access beyond an object, or to a freed one, faults, and the fault is explained. */
#include "debug_world.h"

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

static bool in_pool(const void *p)
{
	return virt_to_phys(p) - pool_taken < POOL_PAGES * PAGE_SIZE;
}

/* An object that ends at its page's end, or begins at its beginning. */
static u8 *placed(bool right, size_t size)
{
	u8 *p = allocate_here(size);

	if (IS_ALIGNED((unsigned long)p, PAGE_SIZE) != right)
		return p;
	free_here(p);
	p = allocate_here(size);
	assert_true(IS_ALIGNED((unsigned long)p, PAGE_SIZE) != right);
	return p;
}

static int quiet(void **state)
{
	forget_log();
	return 0;
}

static int back(void **state)
{
	all_is_back();
	return 0;
}

static void reading_beyond_the_end_faults(void **state)
{
	u8 *p = placed(true, 64);

	assert_true(in_pool(p));
	assert_false(faults(p) || faults(p + 63));
	assert_true(faults(p + 64));
	assert_logged("BUG: KFENCE: out-of-bounds read in debug_machine");
	assert_logged("(0B right of kfence-#");
	assert_logged("size=64, cache=kmalloc-64\n");
	assert_logged("allocated by task 0 on cpu 0");
	assert_logged(" allocate_here+");
	free_here(p);
}

static void reading_before_the_beginning_faults(void **state)
{
	u8 *p = placed(false, 64);

	assert_true(faults(p - 3));
	assert_logged("BUG: KFENCE: out-of-bounds read");
	assert_logged("(3B left of kfence-#");
	free_here(p);
}

static void using_a_freed_object_faults(void **state)
{
	u8 *p = allocate_here(100);

	free_here(p);
	assert_true(faults(p + 50));
	assert_logged("BUG: KFENCE: use-after-free read");
	assert_logged("Use-after-free read at 0x");
	assert_logged(" allocate_here+");
	assert_logged("freed by task 0 on cpu 0");
	assert_logged(" free_here+");
}

static void freeing_wrongly_is_found(void **state)
{
	u8 *p = allocate_here(100);

	free_here(p + 1);
	assert_logged("BUG: KFENCE: invalid free");
	forget_log();
	free_here(p);
	assert_string_equal(log_text, "");
	free_here(p);
	assert_logged("BUG: KFENCE: double-free");
	assert_logged(" free_here+");
}

static void a_write_within_the_page_is_found_when_it_is_freed(void **state)
{
	u8 *p = placed(true, 61);

	/* Aligned to 64: three bytes of the page lie behind it. */
	p[61] = 9;
	free_here(p);
	assert_logged("BUG: KFENCE: memory corruption");
}

static void freed_pages_are_used_again_last(void **state)
{
	u8 *p = allocate_here(8), *q[20];
	unsigned int i;

	free_here(p);
	for (i = 0; i < 20; i++) {
		q[i] = allocate_here(8);
		assert_true(in_pool(q[i]));
		assert_ptr_not_equal((unsigned long)q[i] & PAGE_MASK, (unsigned long)p & PAGE_MASK);
	}
	assert_true(faults(p));
	for (i = 0; i < 20; i++)
		free_here(q[i]);
}

static void a_full_pool_leaves_it_to_the_slab(void **state)
{
	struct guard_stats st;
	u8 *p[40];
	unsigned int i, guarded = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = kzalloc(200, GFP_KERNEL);
		assert_non_null(p[i]);
		assert_int_equal(p[i][0] | p[i][199], 0);
		guarded += in_pool(p[i]);
		assert_true(ksize(p[i]) >= 200);
	}
	guard_pool_get_stats(&st);
	assert_int_equal(guarded, st.objects);
	assert_int_equal(st.in_use, st.objects);
	assert_true(st.full > 0);
	kfree_bulk(ARRAY_SIZE(p), (void **)p);
	assert_string_equal(log_text, "");
}

static void krealloc_moves_between_pool_and_slab(void **state)
{
	size_t sizes[] = {10, 100, 5000, 40, 3 * PAGE_SIZE, 1}, had = 0;
	u8 *p = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = krealloc(p, sizes[i], GFP_KERNEL);
		assert_non_null(p);
		if (had)
			assert_int_equal(p[min(had, sizes[i]) - 1], 0x33);
		memset(p, 0x33, sizes[i]);
		had = sizes[i];
	}
	kfree(p);
	assert_string_equal(log_text, "");
}

static void a_cache_goes_after_its_guarded_objects(void **state)
{
	struct kmem_cache *s = kmem_cache_create("guarded", 40, 0, SLAB_NO_MERGE, NULL);
	u8 *p = kmem_cache_alloc(s, GFP_KERNEL);

	assert_true(in_pool(p));
	kmem_cache_destroy(s);
	assert_logged("BUG guarded: Objects remaining on kmem_cache_destroy(): 1 in 0 slabs");
	assert_ptr_equal(next_cache(NULL), s);
	/* It is known whose the object is. */
	kmem_cache_free(s, p);
	s->refcount = 1;
	forget_log();
	kmem_cache_destroy(s);
	assert_string_equal(log_text, "");
	assert_ptr_not_equal(next_cache(NULL), s);
	assert_true(faults(p));
	assert_logged("size=40, cache=<destroyed>\n");
}

static void *traffic(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, i;

	host_cpu = cpu;
	for (i = 0; i < 3000; i++) {
		u8 *p = kmalloc(1 + i % 300, GFP_KERNEL);

		memset(p, (int)cpu, 1 + i % 300);
		assert_int_equal(p[i % (1 + i % 300)], (u8)cpu);
		kfree(p);
	}
	return NULL;
}

static void cpus_share_the_pool(void **state)
{
	pthread_t t[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, traffic, (void *)(uintptr_t)i);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	assert_string_equal(log_text, "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, quiet, back)
	const struct CMUnitTest tests[] = {
		T(reading_beyond_the_end_faults),
		T(reading_before_the_beginning_faults),
		T(using_a_freed_object_faults),
		T(freeing_wrongly_is_found),
		T(a_write_within_the_page_is_found_when_it_is_freed),
		T(freed_pages_are_used_again_last),
		T(a_full_pool_leaves_it_to_the_slab),
		T(krealloc_moves_between_pool_and_slab),
		T(a_cache_goes_after_its_guarded_objects),
		T(cpus_share_the_pool),
	};

	debug_machine("guard_pages=1,30", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
