/* SPDX-License-Identifier: MIT */
/*
 * A machine for the tests of per-CPU memory: memblock, pages and the vmalloc area are doubles over one arena, which count what is out,
 * can be made to fail, and complain of an address that is mapped again before the TLBs forgot it.
 */
#ifndef TESTS_PERCPU_WORLD_H
#define TESTS_PERCPU_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <quire/memblock.h>
#include <quire/slab.h>
#include <quire/vmalloc.h>

#include "mm/kmem/percpu_internal.h"

#define MAX_CPUS 8
DEFINE_PER_CPU(int, counter) = 42;
DEFINE_PER_CPU_ALIGNED(
	struct { char c[100]; }, wide);

unsigned int nr_cpus_possible;
struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn;
const pgprot_t PAGE_KERNEL = {1};
static int nids[MAX_CPUS];

int node_distance(int from, int to)
{
	return from == to ? 10 : 20;
}

static int cpu_nid(unsigned int cpu)
{
	return nids[cpu];
}

/* ---- memory: boot memory from the bottom of an arena, areas from its middle on */
#define ARENA (1UL << 32)
static char *arena;
static size_t boot_used, areas_used;

void *memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
			     phys_addr_t max_addr, int nid)
{
	char *p;

	/* Nodes are far from each other. */
	if (nid > 0)
		boot_used = max(boot_used, (size_t)nid << 24);
	boot_used = ALIGN(boot_used, (size_t)align);
	p = arena + boot_used;
	boot_used += size;
	return memset(p, 0, size);
}

static unsigned int fail_in; /* the nth request from here fails; 0: none */

static bool fails(void)
{
	return fail_in && --fail_in == 0;
}

static long pages_out, blocks_out, areas_out;
static struct page *mapped[ARENA / PAGE_SIZE];
/* Unmapped since the TLBs were flushed: must not be mapped again. */
static bool stale[ARENA / PAGE_SIZE];
static struct page frames[1 << 16];

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	unsigned int i;

	if (fails())
		return NULL;
	for (i = 0; i < ARRAY_SIZE(frames) && frames[i]._refcount; i++)
		;
	assert_true(i < ARRAY_SIZE(frames));
	frames[i]._refcount = 1;
	pages_out++;
	return &frames[i];
}

void __free_pages(struct page *page, unsigned int order)
{
	assert_int_equal(page->_refcount, 1);
	page->_refcount = 0;
	pages_out--;
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	return NULL;
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	if (fails())
		return NULL;
	blocks_out++;
	return calloc(1, size);
}

void kfree(const void *p)
{
	blocks_out -= p != NULL;
	free((void *)p);
}

static unsigned long arena_page(unsigned long kva)
{
	return (kva - (unsigned long)arena) / PAGE_SIZE;
}

static struct page **slot(unsigned long kva)
{
	return &mapped[arena_page(kva)];
}

int vmap_pages_range(unsigned long kva, struct page **pages, unsigned int count, pgprot_t prot)
{
	if (fails())
		return -ENOMEM;
	assert_int_equal(count, 1);
	assert_null(*slot(kva));
	assert_false(stale[arena_page(kva)]);
	*slot(kva) = pages[0];
	/* What the page held before. */
	memset((void *)kva, 0xa5, PAGE_SIZE);
	return 0;
}

void vunmap_range(unsigned long kva, unsigned long size)
{
	stale[arena_page(kva)] |= *slot(kva) != NULL;
	*slot(kva) = NULL;
}

void vm_unmap_aliases(void)
{
	memset(stale, 0, sizeof(stale));
}

bool is_vmalloc_addr(const void *p)
{
	return (const char *)p >= arena + ARENA / 2 && (const char *)p < arena + ARENA;
}

struct page *vmalloc_to_page(const void *addr)
{
	struct page *page = *slot((unsigned long)addr);

	/* As the real one: what is unmapped is asked for before it is. */
	return page;
}

/* Places that were given back: all areas of a machine have one shape. */
static size_t places[1024];
static unsigned int nr_places;

struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms,
				     size_t align)
{
	size_t place = areas_used;
	struct vm_struct **vms;
	int i;

	if (fails())
		return NULL;
	if (nr_places) {
		/* As the real one: flushed before anybody gets it again. */
		place = places[--nr_places];
		vm_unmap_aliases();
	} else {
		areas_used += offsets[nr_vms - 1] + sizes[nr_vms - 1];
		assert_true(areas_used < ARENA / 2);
	}
	vms = calloc((size_t)nr_vms, sizeof(*vms));
	for (i = 0; i < nr_vms; i++) {
		vms[i] = calloc(1, sizeof(*vms[i]));
		vms[i]->addr = arena + ARENA / 2 + place + offsets[i];
	}
	areas_out++;
	return vms;
}

void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms)
{
	int i;

	places[nr_places++] = (size_t)((char *)vms[0]->addr - arena - ARENA / 2);
	for (i = 0; i < nr_vms; i++)
		free(vms[i]);
	free(vms);
	areas_out--;
}

/* ---- a machine */

static void machine(unsigned int cpus, const int *cpu_nids)
{
	unsigned int i;

	if (!arena)
		arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(arena != MAP_FAILED);
	nr_cpus_possible = cpus;
	for (i = 0; i < cpus; i++)
		nids[i] = cpu_nids ? cpu_nids[i] : 0;
	boot_used = areas_used = nr_places = 0;
	fail_in = 0;
	memset(&pcpu_layout, 0, sizeof(pcpu_layout));
	memset(mapped, 0, sizeof(mapped));
	memset(stale, 0, sizeof(stale));
	host_cpu = 0;
	setup_per_cpu_areas(cpu_nid);
}

static void nothing_is_left(void)
{
	struct pcpu_stats stats;

	assert_int_equal(pcpu_check(), 0);
	pcpu_shrink();
	assert_int_equal(pcpu_check(), 0);
	pcpu_get_stats(&stats);
	assert_int_equal(stats.objects, 0);
	assert_int_equal(stats.allocated, 0);
	assert_int_equal(stats.chunks, 1);
	assert_int_equal(pages_out, 0);
	assert_int_equal(blocks_out, 0);
	assert_int_equal(areas_out, 0);
}

/* ---- tests */

#endif
