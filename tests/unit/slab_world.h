/* SPDX-License-Identifier: MIT */
/* A machine for the slab allocator's tests: it lies over the real page allocator; vmalloc is a double. */
#ifndef TESTS_SLAB_WORLD_H
#define TESTS_SLAB_WORLD_H

#include "page_world.h"

#include <pthread.h>
#include <quire/page_debug.h>
#include <quire/slab.h>
#include <quire/vmalloc.h>

#include "slab_fixture.h"

/* ---- vmalloc is another room */
static struct vm_struct vmalloc_area;

void *__vmalloc_huge_node(unsigned long size, gfp_t gfp, int node, const void *caller)
{
	vmalloc_area.nr_pages = (unsigned int)PFN_UP(size);
	return vmalloc_area.addr = calloc(1, size);
}

void vfree(const void *p)
{
	assert_ptr_equal(p, vmalloc_area.addr);
	free(vmalloc_area.addr);
	vmalloc_area.addr = NULL;
}

bool is_vmalloc_addr(const void *p)
{
	return p && p == vmalloc_area.addr;
}

size_t vmalloc_size(const void *p)
{
	return is_vmalloc_addr(p) ? (size_t)vmalloc_area.nr_pages * PAGE_SIZE : 0;
}

/* ---- a machine */
#define WORLD_PAGES (WORLD_SECTIONS * PAGES_PER_SECTION)

#define THREADS 3
static struct zone *zone;
static unsigned long free_at_start;

/* Slabs that are in use for ever: those of the slab allocator itself. */
static int machine(void **state)
{
	forget_slab();
	zone = world_simple(WORLD_PAGES);
	nr_cpus_possible = THREADS + 1;
	kmem_cache_init();
	slab_drain_all();
	free_at_start = free_pages_of(zone);
	return 0;
}

/* All that was taken is back: nothing is cached anywhere, no page is missing. */
static int all_is_back(void **state)
{
	slab_debug_ops = NULL;
	assert_int_equal(slab_check(), 0);
	slab_drain_all();
	assert_int_equal(slab_check(), 0);
	assert_int_equal(free_pages_of(zone), free_at_start);
	world_check();
	return 0;
}

/* ---- what tests do */
#define T(f) cmocka_unit_test_setup_teardown(f, machine, all_is_back)

static __maybe_unused void pattern(void *p, size_t n, unsigned int seed)
{
	unsigned char *c = p;
	size_t i;

	for (i = 0; i < n; i++)
		c[i] = (unsigned char)(seed * 31 + i * 7);
}

static __maybe_unused void assert_pattern(const void *p, size_t n, unsigned int seed)
{
	const unsigned char *c = p;
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(c[i], (unsigned char)(seed * 31 + i * 7));
}

static unsigned int constructed;

static __maybe_unused void constructor(void *object)
{
	memset(object, 0x5c, 40);
	constructed++;
}

/* Requests for pages since asked was 0; the one after fail_after of them fails. */
static unsigned int fail_after, asked;

static __maybe_unused bool fail_nth(gfp_t gfp, unsigned int order)
{
	return asked++ == fail_after;
}

#endif
