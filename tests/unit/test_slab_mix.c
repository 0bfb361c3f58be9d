// SPDX-License-Identifier: MIT
/* links: @slab */
/*
 * Memory for a mix of objects that was recorded: /proc/slabinfo of Linux 6.12 (Debian's kernel, 2 CPUs, 1 GiB, after the boot). The
 * same objects, from caches of the same sizes, may not take more memory here, and the layouts of all its caches are to be the same.
 */
#include "page_world.h"

#include <quire/slab.h>

#include "mm/kmem/slab_internal.h"

/* A layout that Linux chose: bytes from object to object, objects in a slab, pages of a slab. */
static const struct layout {
	unsigned int size, objects, pages;
} layouts[] = {
	{8, 512, 1},   {16, 256, 1},  {24, 170, 1},  {32, 128, 1},  {40, 102, 1},  {48, 85, 1},
	{56, 73, 1},   {64, 64, 1},   {72, 56, 1},   {80, 51, 1},   {88, 46, 1},   {96, 42, 1},
	{104, 39, 1},  {112, 36, 1},  {120, 34, 1},  {128, 32, 1},  {136, 30, 1},  {144, 28, 1},
	{152, 26, 1},  {160, 25, 1},  {168, 24, 1},  {176, 23, 1},  {184, 22, 1},  {192, 21, 1},
	{200, 20, 1},  {256, 16, 1},  {264, 15, 1},  {312, 13, 1},  {320, 12, 1},  {384, 21, 2},
	{432, 18, 2},  {512, 16, 2},  {576, 14, 2},  {584, 14, 2},  {616, 13, 2},  {632, 25, 4},
	{640, 12, 2},  {664, 12, 2},  {704, 23, 4},  {760, 21, 4},  {832, 19, 4},  {896, 18, 4},
	{960, 17, 4},  {968, 16, 4},  {1024, 16, 4}, {1152, 14, 4}, {1168, 14, 4}, {1216, 13, 4},
	{1280, 12, 4}, {1312, 12, 4}, {1344, 12, 4}, {1664, 19, 8}, {2048, 16, 8}, {2112, 15, 8},
	{2176, 15, 8}, {2432, 13, 8}, {2624, 12, 8}, {4096, 8, 8},  {4480, 7, 8},  {4736, 6, 8},
	{8192, 4, 8},
};

/* What was in use: bytes of an object, objects in use, slabs, pages of a slab. */
static const struct used {
	unsigned int size, objects, slabs, pages;
} used[] = {
	{1216, 13, 1, 4},  {320, 12, 1, 1},	 {960, 17, 1, 4},   {48, 170, 2, 1},
	{1024, 32, 2, 4},  {640, 12, 1, 2},	 {256, 32, 2, 1},   {832, 19, 1, 4},
	{256, 16, 1, 1},   {4096, 64, 8, 8},	 {2048, 16, 1, 8},  {8, 1024, 2, 1},
	{1024, 16, 1, 4},  {832, 38, 2, 4},	 {640, 24, 2, 2},   {256, 32, 2, 1},
	{664, 132, 11, 2}, {192, 21, 1, 1},	 {24, 170, 1, 1},   {192, 273, 13, 1},
	{704, 46, 2, 4},   {120, 68, 2, 1},	 {80, 102, 2, 1},   {1664, 19, 1, 8},
	{760, 126, 6, 4},  {136, 11100, 370, 1}, {384, 63, 3, 2},   {192, 42, 2, 1},
	{632, 250, 10, 4}, {192, 504, 24, 1},	 {4096, 16, 2, 8},  {88, 552, 12, 1},
	{72, 56, 1, 1},	   {40, 204, 2, 1},	 {176, 46, 2, 1},   {704, 46, 2, 4},
	{1152, 112, 8, 4}, {2112, 90, 6, 8},	 {4736, 76, 15, 8}, {192, 105, 5, 1},
	{64, 128, 2, 1},   {104, 78, 2, 1},	 {128, 96, 3, 1},   {48, 170, 2, 1},
	{32, 128, 1, 1},   {96, 1470, 35, 1},	 {56, 4161, 57, 1}, {512, 128, 8, 2},
	{256, 80, 5, 1},   {584, 280, 20, 2},	 {1280, 24, 2, 4},  {72, 280, 5, 1},
	{112, 36, 1, 1},   {8192, 4, 1, 8},	 {4096, 24, 3, 8},  {2048, 32, 2, 8},
	{1024, 32, 2, 4},  {512, 32, 2, 2},	 {256, 32, 2, 1},   {128, 64, 2, 1},
	{64, 128, 2, 1},   {32, 256, 2, 1},	 {16, 512, 2, 1},   {8, 1024, 2, 1},
	{192, 63, 3, 1},   {96, 42, 1, 1},	 {8192, 16, 4, 8},  {4096, 24, 3, 8},
	{2048, 96, 6, 8},  {1024, 304, 19, 4},	 {512, 288, 18, 2}, {256, 352, 22, 1},
	{128, 352, 11, 1}, {64, 1728, 27, 1},	 {32, 817, 11, 1},  {16, 1534, 6, 1},
	{8, 1536, 3, 1},   {192, 483, 23, 1},	 {96, 2100, 50, 1}, {64, 256, 4, 1},
	{256, 208, 13, 1},
};

static int machine(void **state)
{
	world_simple(WORLD_SECTIONS * PAGES_PER_SECTION);
	nr_cpus_possible = 2;
	kmem_cache_init();
	return 0;
}

static void a_cache_of_any_recorded_size_is_laid_out_as_linux_does(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct kmem_cache *s =
			kmem_cache_create("layout", layouts[i].size, 8, SLAB_NO_MERGE, NULL);

		assert_non_null(s);
		assert_int_equal(s->size, layouts[i].size);
		assert_int_equal(1U << s->order, layouts[i].pages);
		assert_int_equal(s->objects, layouts[i].objects);
		kmem_cache_destroy(s);
	}
}

static void recorded_objects_take_no_more_slabs_than_in_linux(void **state)
{
	unsigned long objects = 0, here = 0, theirs = 0, overhead = 0;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(used); i++) {
		struct kmem_cache *s =
			kmem_cache_create("mix", used[i].size, 8, SLAB_NO_MERGE, NULL);
		struct slabinfo info;

		assert_non_null(s);
		for (k = 0; k < used[i].objects; k++)
			assert_non_null(kmem_cache_alloc(s, GFP_KERNEL));
		get_slabinfo(s, &info);
		assert_int_equal(info.active_objs, used[i].objects);
		assert_true(info.num_slabs <= used[i].slabs);
		objects += (unsigned long)used[i].objects * used[i].size;
		here += info.num_slabs * (PAGE_SIZE << info.cache_order);
		theirs += (unsigned long)used[i].slabs * used[i].pages * PAGE_SIZE;
		overhead += info.overhead;
	}
	print_message("%zu caches, %lu bytes of objects in %lu bytes of slabs (Linux: %lu); beside "
		      "them %lu bytes for one CPU that used all caches\n",
		      ARRAY_SIZE(used), objects, here, theirs, overhead);
	/* Even with what Quire has beside the slabs, and Linux's of that kind not counted. */
	assert_true(here + overhead <= theirs);
}

/* What kmalloc adds, were the recorded objects asked for by size: to the classes that Linux has, and to no larger ones. */
static void kmalloc_rounds_the_recorded_sizes_no_further_than_linux(void **state)
{
	static const unsigned int classes[] = {8,   16,	 32,   64,   96,   128, 192,
					       256, 512, 1024, 2048, 4096, 8192};
	unsigned int i, class;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		void *p = kmalloc(layouts[i].size, GFP_KERNEL);

		for (class = 0; classes[class] < layouts[i].size; class ++)
			;
		assert_int_equal(ksize(p), classes[class]);
		kfree(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cache_of_any_recorded_size_is_laid_out_as_linux_does),
		cmocka_unit_test(recorded_objects_take_no_more_slabs_than_in_linux),
		cmocka_unit_test(kmalloc_rounds_the_recorded_sizes_no_further_than_linux),
	};

	return cmocka_run_group_tests(tests, machine, NULL);
}
