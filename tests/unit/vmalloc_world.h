/* SPDX-License-Identifier: MIT */
/*
 * A world for the tests of the vmalloc area: real page tables under the software MMU, a window of the process that shows what is
 * mapped, and doubles of pages and objects that count what is out and can be made to fail.
 *
 *   simulated memory   |tables ...        |data: what alloc_pages gives, from the top downwards|
 *   kernel addresses   VMALLOC ... + VSIZE   shown at `window`, page by page, as the tables are written
 */
#ifndef VMALLOC_WORLD_H
#define VMALLOC_WORLD_H

/* The frames that a window shows are frames of the simulated memory. */
#define _GNU_SOURCE
#include "mapping_world.h"

#include <pthread.h>
#include <quire/gfp.h>
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/slab.h>
#include <quire/smp.h>

#include "mm/kmem/vmalloc_internal.h"

#define DATA_FROM (WORLD_PAGES / 4)
#define BLOCK_BYTES_OF_TABLE ((unsigned long)PAGE_SIZE << (PAGE_SHIFT - 3))
#define VMALLOC_AT (-(1UL << 46))
/* Blocks of vm_map_ram are of 1024 pages. */
#define VSIZE (PAGE_SIZE << 15)

unsigned int nr_cpus_possible = 1;
struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn;
struct kmem_cache kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];
const u8 kmalloc_size_index[24];

static char *window;
static struct page world_map[WORLD_PAGES];
static pthread_mutex_t world_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned char data_used[WORLD_PAGES];
static long pages_out, objects_out;
/* Allocations of any kind until one fails; -1: never. Orders above it are not to be had. */
static long fail_in = -1;
static unsigned int highest_order = MAX_PAGE_ORDER, large_tries;
/* No area is to be found there while its pages are freed. */
static const void *dying;
/* Not 0: no page may be freed while a report could count it; 1 more than were freed. */
static unsigned int no_pages_seen;

static bool fails(void)
{
	return fail_in >= 0 && fail_in-- == 0;
}

/* ---- the log: kept since the last look */
static char log_text[8192];

int vprintk(const char *fmt, va_list args)
{
	size_t n = strlen(log_text);

	fmt += fmt[0] == '\001' ? 2 : 0;
	if (n < sizeof(log_text) - 300)
		vsnprintf(log_text + n, 300, fmt, args);
	return 0;
}

int printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	return 0;
}

static inline bool said(const char *text)
{
	bool yes = strstr(log_text, text) != NULL;

	log_text[0] = '\0';
	return yes;
}

/* ---- the window */

void *port_kva_to_ptr(unsigned long kva)
{
	return window + (kva - VMALLOC_AT);
}

unsigned long port_ptr_to_kva(const void *p)
{
	return (unsigned long)((const char *)p - window) + VMALLOC_AT;
}

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	if (!host_memory_holds(pa, size))
		return 0;
	/* A second view of the same shared pages. */
	assert_ptr_equal(mremap(world_memory + (pa - WORLD_BASE), 0, size,
				MREMAP_MAYMOVE | MREMAP_FIXED, port_kva_to_ptr(kva)),
			 port_kva_to_ptr(kva));
	return 0;
}

void port_mirror_unmap(unsigned long kva, u64 size)
{
	assert_true(kva >= VMALLOC_AT && kva + size <= VMALLOC_AT + VSIZE);
	mmap(port_kva_to_ptr(kva), size, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* ---- table pages, from several threads */

static phys_addr_t locked_alloc(void)
{
	phys_addr_t pa;

	pthread_mutex_lock(&world_mutex);
	pa = fails() ? 0 : world_alloc();
	pthread_mutex_unlock(&world_mutex);
	return pa;
}

static void locked_free(phys_addr_t pa)
{
	pthread_mutex_lock(&world_mutex);
	world_free(pa);
	pthread_mutex_unlock(&world_mutex);
}

/* ---- pages */

static struct page *take_pages(gfp_t gfp, unsigned int order)
{
	unsigned long n = 1UL << order, at = WORLD_PAGES, i;

	large_tries += order != 0;
	if (order > highest_order || fails())
		return NULL;
	while (at >= DATA_FROM + n) {
		at = ALIGN_DOWN(at - n, n);
		for (i = 0; i < n && !data_used[at + i]; i++)
			;
		if (i < n)
			continue;
		memset(data_used + at, 1, n);
		memset(world_memory + at * PAGE_SIZE, gfp & __GFP_ZERO ? 0 : 0xa5, n * PAGE_SIZE);
		pages_out += (long)n;
		return &world_map[at];
	}
	return NULL;
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask)
{
	struct page *page;

	pthread_mutex_lock(&world_mutex);
	page = take_pages(gfp, order);
	pthread_mutex_unlock(&world_mutex);
	return page;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return __alloc_pages(gfp, order, 0, NULL);
}

/* Every block here is single pages from the start. */
void split_page(struct page *page, unsigned int order)
{
}

void __free_pages(struct page *page, unsigned int order)
{
	unsigned long at = (unsigned long)(page - world_map);

	assert_int_equal(order, 0);
	assert_true(!dying || !find_vm_area(dying));
	if (no_pages_seen) {
		struct vm_area_view v;

		no_pages_seen++;
		assert_false(vm_view_area(0, false, &v, NULL));
	}
	pthread_mutex_lock(&world_mutex);
	assert_true(at >= DATA_FROM && at < WORLD_PAGES && data_used[at]);
	data_used[at] = 0;
	pages_out--;
	pthread_mutex_unlock(&world_mutex);
}

unsigned long alloc_pages_bulk(gfp_t gfp, int nid, nodemask_t *nodemask, int nr,
			       struct page_list *list, struct page **array)
{
	unsigned long i = 0;

	for (; i < (unsigned long)nr; i++)
		if (!array[i] && !(array[i] = alloc_pages(gfp, 0)))
			break;
	return i;
}

unsigned long alloc_pages_fill(gfp_t gfp, int node, unsigned long nr, struct page **array)
{
	memset(array, 0, nr * sizeof(*array));
	return alloc_pages_bulk(gfp, node, NULL, (int)nr, NULL, array);
}

void release_pages(struct page **pages, int nr)
{
	for (int i = 0; i < nr; i++)
		__free_pages(pages[i], 0);
}

unsigned long totalram_pages(void)
{
	return WORLD_PAGES;
}

int numa_node_id(void)
{
	return 0;
}

/* ---- objects */

static struct kmem_cache only_cache;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	only_cache.object_size = size;
	return &only_cache;
}

static void *object(size_t size, gfp_t gfp)
{
	void *p;

	pthread_mutex_lock(&world_mutex);
	p = fails() ? NULL : malloc(size);
	objects_out += p != NULL;
	pthread_mutex_unlock(&world_mutex);
	if (p)
		memset(p, gfp & __GFP_ZERO ? 0 : 0x5a, size);
	return p;
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	assert_ptr_equal(s, &only_cache);
	return object(s->object_size, gfp);
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	return object(size, gfp);
}

void *__kmalloc_cache(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	return object(size, gfp);
}

void *__kmalloc_cache_gfp(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	return object(size, gfp);
}

void *__kmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return object(size, gfp);
}

void *__kmalloc_large(size_t size, gfp_t gfp, int nid)
{
	return object(size, gfp);
}

void *kvmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return object(size, gfp);
}

void kfree(const void *p)
{
	pthread_mutex_lock(&world_mutex);
	objects_out -= p != NULL;
	pthread_mutex_unlock(&world_mutex);
	free((void *)p);
}

void kvfree(const void *p)
{
	kfree(p);
}

void kmem_cache_free(struct kmem_cache *s, void *p)
{
	kfree(p);
}

/* ---- a world, once a process; what tests leave behind is looked at after each */

static inline int vmalloc_world(void **state)
{
	world_init(48, 48, false);
	memset(data_used, 0, sizeof(data_used));
	memset(world_used + DATA_FROM, 1, WORLD_PAGES - DATA_FROM);
	vmemmap = (struct page *)((unsigned long)world_map -
				  PHYS_PFN(WORLD_BASE) * sizeof(struct page));
	page_index_base = vmemmap;
	window = mmap(NULL, VSIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(window, MAP_FAILED);
	va_layout = (struct va_layout){.page_offset = -(1UL << 48),
				       .vmalloc_start = VMALLOC_AT,
				       .vmalloc_end = VMALLOC_AT + VSIZE};
	kernel_pgtable = tree;
	pgtable_alloc_hook = locked_alloc;
	pgtable_free_hook = locked_free;
	boot_params.image.nr_segments = 0;
	vmalloc_init();
	return 0;
}

/* Nothing is out, nothing is mapped, no rule of the architecture was broken, all addresses are there again. */
static inline int all_is_back(void **state)
{
	fail_in = -1;
	highest_order = MAX_PAGE_ORDER;
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
	assert_int_equal(pages_out, 0);
	assert_int_equal(objects_out, 0);
	assert_null(next_vm_area(NULL));
	world_check();
	log_text[0] = '\0';
	return 0;
}

/* ---- several CPUs, each with a TLB */

/* CPUs 1 to n as threads; each runs fn with its number. */
static inline void run_cpus(unsigned int n, void *(*fn)(void *cpu))
{
	pthread_t t[8];

	assert_true(n < 8);
	for (uintptr_t i = 1; i <= n; i++) {
		assert_int_equal(mmu_cpu_add((unsigned int)i), 0);
		assert_int_equal(pthread_create(&t[i], NULL, fn, (void *)i), 0);
	}
	for (unsigned int i = 1; i <= n; i++)
		pthread_join(t[i], NULL);
	for (unsigned int i = 1; i <= n; i++)
		mmu_cpu_remove(i);
}

/* ---- looking */

static inline bool translates(const void *p)
{
	struct mmu_result r;

	return mmu_translate(port_ptr_to_kva(p), MMU_READ, &r);
}

/* By the tables, not by a TLB. */
static inline bool mapped(const void *p)
{
	struct walk w;

	kernel_walk(port_ptr_to_kva(p), &w);
	return w.result == WALK_OK;
}

static inline void pattern(void *p, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size / sizeof(u32); i++)
		((u32 *)p)[i] = seed * 2654435761U + (u32)i;
}

static inline bool has_pattern(const void *p, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size / sizeof(u32); i++)
		if (((const u32 *)p)[i] != seed * 2654435761U + (u32)i)
			return false;
	return true;
}

#endif
