// SPDX-License-Identifier: MIT
/* links: mm/page/contig.c mm/page/cma.c mm/page/handover.c mm/page/zone.c @buddy mm/page/zonelist.c mm/page/watermark.c mm/early/sparse.c @memblock */
/* granules: 12 14 16 */
/*
 * The page allocator whole, from memblock to requests, on machines with odd memory: several CPUs take and give by every way
 * there is while sections grow, and in the end all memory is back, page for page.
 *
 * The memory map starts as garbage that looks like free blocks, and a section's part of it cannot be touched before the
 * section is GROWING: who reads a struct page that nobody has written stops the test.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "mm/page/internal.h"
#include "mm_fixture.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define BLOCK (PAGE_SIZE << pageblock_order)
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)
#define MAP_BYTES (PAGES_PER_SECTION * sizeof(struct page))
#define CPUS 3U
#define MAX_SECTIONS 16U
#define PAGES_MAX (MAX_SECTIONS * PAGES_PER_SECTION)

/* ------------------------------------------------------------------ a map that must be written before it is read */

static void map_fault(int sig, siginfo_t *info, void *context)
{
	unsigned long pfn = (unsigned long)((struct page *)info->si_addr - vmemmap);
	struct mem_section *s = pfn_to_section(pfn);
	static const char text[] = "struct page touched before its section was grown\n";

	(void)sig, (void)context;
	if (s && s->present && section_state(s) != SECTION_EMPTY) {
		pfn = ALIGN_DOWN(pfn, PAGES_PER_SECTION);
		if (mprotect(vmemmap + pfn, MAP_BYTES, PROT_READ | PROT_WRITE) == 0)
			return;
	}
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(3);
	abort();
}

/* Garbage of the worst kind: every entry a free block of the lowest zone, of an order that fits its place. */
static void spoil_map(void)
{
	struct sigaction act = {.sa_sigaction = map_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	unsigned long first = first_section_nr << PFN_SECTION_SHIFT, i;

	assert_true(nr_mem_sections <= MAX_SECTIONS);
	for (i = 0; i < nr_mem_sections << PFN_SECTION_SHIFT; i++)
		vmemmap[first + i] = (struct page){
			.flags = 0,
			.next = (u32)i + 1,
			.prev = (u32)i - 1,
			.order = min((u32)__ffs(i | MAX_ORDER_NR_PAGES), (u32)MAX_PAGE_ORDER),
			.page_type = PAGE_TYPE_VALUE(PGTY_buddy),
			.word = ~0UL,
		};
	sigaction(SIGSEGV, &act, NULL);
	assert_int_equal(mprotect(vmemmap + first, nr_mem_sections * MAP_BYTES, PROT_NONE), 0);
}

/* ------------------------------------------------------------------ machines */

static unsigned long free_at_boot, managed_at_boot;
static struct cma *area;
/* Who has a page: 0 nobody. And the truth about it: 1 the allocator's, by memblock. */
static u8 owner[PAGES_MAX], given[PAGES_MAX];
static unsigned long first_pfn;

static void mark_given(phys_addr_t start, phys_addr_t end)
{
	unsigned long pfn;

	for (pfn = PFN_UP(start); pfn < PFN_DOWN(end); pfn++)
		given[pfn - first_pfn] = 1;
}

static void start_machine(void)
{
	if (vmemmap)
		mprotect(vmemmap + (first_section_nr << PFN_SECTION_SHIFT),
			 nr_mem_sections * MAP_BYTES, PROT_READ | PROT_WRITE);
	reset_machine();
	memset(cma_areas, 0, sizeof(cma_areas));
	nr_cma_areas = 0;
	totalcma_pages = 0;
	area = NULL;
	nr_cpus_possible = CPUS;
	memset(&page_alloc_hooks, 0, sizeof(page_alloc_hooks));
	page_alloc_forget();
}

/* From the regions in memblock to an allocator with pagesets. */
static void boot_machine(unsigned long dma_end, unsigned long dma32_end)
{
	phys_addr_t start, end;
	u64 i;

	boot_zones(dma_end, dma32_end);
	spoil_map();
	build_all_zonelists();
	first_pfn = first_section_nr << PFN_SECTION_SHIFT;
	memset(owner, 0, sizeof(owner));
	memset(given, 0, sizeof(given));
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
		mark_given(start, end);
	memblock_free_all();
	cma_init_reserved_areas();
	if (area && area->active)
		mark_given(area->base, area->base + area->size);
	init_per_zone_wmark_min();
	assert_int_equal(zone_check(), 0);
	free_at_boot = nr_free_pages();
	managed_at_boot = totalram_pages();
	assert_int_equal(free_at_boot, managed_at_boot);
	setup_per_cpu_pageset();
}

static unsigned long pageset_pages(void)
{
	unsigned long pages = 0;
	struct zone *zone;

	for_each_zone(zone) if (zone->pageset) pages +=
		PFN_UP(nr_cpus_possible * sizeof(struct per_cpu_pages));
	return pages;
}

static void check_all(void)
{
	struct zone *zone;

	assert_int_equal(zone_check(), 0);
	for_each_zone(zone)
	{
		assert_int_equal(buddy_check(zone), 0);
		assert_int_equal(pageset_check(zone), 0);
	}
}

/* Everything was given back: free is what it was but the pagesets, and a bitmap. */
static void check_all_back(void)
{
	unsigned long i;
	struct zone *zone;

	drain_all_pages(NULL);
	check_all();
	for (i = 0; i < PAGES_MAX; i++)
		assert_int_equal(owner[i], 0);
	for_each_zone(zone) unreserve_highatomic_pageblock(zone, MIGRATE_MOVABLE, true);
	assert_int_equal(nr_free_pages() + pageset_pages() + (area && area->bitmap ? 1 : 0),
			 free_at_boot);
	assert_int_equal(totalram_pages(), managed_at_boot);
	memmap_grow_all();
	check_all();
	assert_int_equal(nr_free_pages() + pageset_pages() + (area && area->bitmap ? 1 : 0),
			 free_at_boot);
}

static void add_cma(phys_addr_t base, phys_addr_t size)
{
	assert_int_equal(cma_declare_contiguous(base, size, 0, 0, 0, true, "test", &area), 0);
}

/*
 * Zones, nodes and memory that end anywhere:
 *
 *   section  4        5        6        7         8        9
 *   node 0   |### ####|#####                            |##|
 *   node 1               ######|########|....#### |######
 */
static void odd_machine(void)
{
	start_machine();
	memblock_add_node(4 * SECTION, SECTION / 4 + 3 * PAGE_SIZE, 0, MEMBLOCK_NONE);
	memblock_add_node(4 * SECTION + SECTION / 4 + 5 * PAGE_SIZE,
			  SECTION + SECTION / 2 + 7 * PAGE_SIZE, 0, MEMBLOCK_NONE);
	memblock_add_node(5 * SECTION + 3 * (SECTION / 4) + 12 * PAGE_SIZE, 2 * SECTION, 1,
			  MEMBLOCK_NONE);
	memblock_add_node(8 * SECTION + PAGE_SIZE, PAGE_SIZE, 1, MEMBLOCK_NONE);
	memblock_add_node(8 * SECTION + SECTION / 2, SECTION / 2, 1, MEMBLOCK_NONE);
	memblock_add_node(9 * SECTION, SECTION - PAGE_SIZE, 0, MEMBLOCK_NONE);
	memblock_reserve(4 * SECTION + 3 * PAGE_SIZE + 5, 1);
	memblock_reserve(6 * SECTION + 17 * PAGE_SIZE, 1);
	memblock_mark_nomap(6 * SECTION + SECTION / 4, 2 * PAGE_SIZE);
	/* With 64 KiB pages it would be the whole section, which has a page less. */
	if (PAGE_SHIFT != 16)
		add_cma(ALIGN(9 * SECTION + SECTION / 4, BLOCK), 2 * BLOCK);
}

/* Two nodes take turns within the pageblocks of one section. */
static void interleaved_machine(void)
{
	unsigned long i, part = BLOCK / 8, half = min(12 * part, SECTION / 2);

	start_machine();
	for (i = 0; i < 2 * half / part; i++)
		memblock_add_node(5 * SECTION - half + i * part, part, (int)(i % 3 == 1),
				  MEMBLOCK_NONE);
	memblock_add_node(4 * SECTION, SECTION - half, 0, MEMBLOCK_NONE);
	memblock_add_node(5 * SECTION + half, 2 * SECTION, 1, MEMBLOCK_NONE);
	boot_machine(PFN(6 * SECTION), PFN(6 * SECTION));
}

/* ------------------------------------------------------------------ churn */

struct rnd {
	u64 s;
};

static unsigned long rnd(struct rnd *r, unsigned long n)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return r->s % n;
}

struct held {
	struct page *page;
	unsigned long nr;
	int order; /* -1: a range, -2: of the CMA area */
};

static bool own(struct page *page, unsigned long nr)
{
	unsigned long at = page_to_pfn(page) - first_pfn;
	bool good = true;

	for (; nr; nr--, at++) {
		good &= given[at];
		good &= __atomic_exchange_n(&owner[at], 1, __ATOMIC_RELAXED) == 0;
	}
	return good;
}

static bool disown(struct page *page, unsigned long nr)
{
	unsigned long at = page_to_pfn(page) - first_pfn;
	bool good = true;

	for (; nr; nr--, at++)
		good &= __atomic_exchange_n(&owner[at], 0, __ATOMIC_RELAXED) == 1;
	return good;
}

static const gfp_t kinds[] = {
	GFP_KERNEL,
	GFP_HIGHUSER_MOVABLE,
	GFP_ATOMIC,
	GFP_KERNEL | __GFP_RECLAIMABLE,
	GFP_KERNEL | GFP_DMA,
	GFP_KERNEL | __GFP_COMP,
	GFP_NOWAIT | __GFP_THISNODE,
	GFP_KERNEL | GFP_DMA32,
	GFP_ATOMIC | __GFP_MEMALLOC,
};

#define HELD 600U
#define BULK 40U

static bool take_one(struct rnd *r, struct held *h)
{
	unsigned long pages = nr_mem_sections << PFN_SECTION_SHIFT, start;
	unsigned int kind = (unsigned int)rnd(r, 100);

	if (kind < 90) {
		h->order = kind < 60 ? 0 : (int)rnd(r, kind < 80 ? 5 : NR_PAGE_ORDERS);
		h->nr = 1UL << h->order;
		h->page = __alloc_pages(kinds[rnd(r, ARRAY_SIZE(kinds))] | __GFP_NOWARN,
					(unsigned int)h->order, (int)rnd(r, 2), NULL);
	} else if (kind < 94) {
		h->order = -1;
		h->nr = 1 + rnd(r, pageblock_nr_pages * 3);
		start = first_pfn + rnd(r, pages);
		h->page = alloc_contig_range(start, start + h->nr, MIGRATE_MOVABLE, GFP_KERNEL)
				  ? NULL
				  : pfn_to_page(start);
	} else if (kind < 95) {
		h->order = -1;
		h->nr = 1 + rnd(r, pageblock_nr_pages * 2);
		h->page = alloc_contig_pages(h->nr, GFP_KERNEL, (int)rnd(r, 2), NULL);
	} else if (area) {
		h->order = -2;
		h->nr = 1 + rnd(r, 64);
		h->page = cma_alloc(area, h->nr, (unsigned int)rnd(r, 4), true);
	} else {
		return false;
	}
	return h->page != NULL;
}

static bool give_one(struct held *h)
{
	bool good = disown(h->page, h->nr);

	if (h->order >= 0)
		__free_pages(h->page, (unsigned int)h->order);
	else if (h->order == -1)
		free_contig_range(page_to_pfn(h->page), h->nr);
	else
		good &= cma_release(area, h->page, h->nr);
	return good;
}

static bool bulk(struct rnd *r)
{
	struct page *array[BULK] = {NULL};
	unsigned long n = alloc_pages_bulk_array_node(kinds[rnd(r, 4)] | __GFP_NOWARN,
						      (int)rnd(r, 2), BULK, array),
		      i;
	bool good = true;

	for (i = 0; i < BULK; i++) {
		good &= (array[i] != NULL) == (i < n);
		if (array[i])
			good &= own(array[i], 1);
	}
	for (i = 0; i < n; i++) {
		good &= disown(array[i], 1);
		__free_page(array[i]);
	}
	return good;
}

static bool churn(u64 seed, unsigned int rounds)
{
	struct held *held = calloc(HELD, sizeof(*held));
	struct rnd r = {seed};
	unsigned int nr = 0;
	bool good = true;

	while (rounds--) {
		unsigned long what = rnd(&r, 1000);

		if (what < 4) {
			drain_all_pages(NULL);
		} else if (what < 6) {
			pfn_to_online_page(first_pfn +
					   rnd(&r, nr_mem_sections << PFN_SECTION_SHIFT));
		} else if (what < 60) {
			good &= bulk(&r);
		} else if (nr < HELD && what < 530) {
			if (take_one(&r, &held[nr])) {
				SetPageReferenced(held[nr].page);
				good &= own(held[nr].page, held[nr].nr);
				nr++;
			}
		} else if (nr) {
			unsigned long k = rnd(&r, nr);

			good &= give_one(&held[k]);
			held[k] = held[--nr];
		}
	}
	while (nr)
		good &= give_one(&held[--nr]);
	free(held);
	return good;
}

static unsigned int churn_rounds = 40000;

static void *churn_thread(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	return (void *)(uintptr_t)churn(0x9e3779b97f4a7c15ULL * (host_cpu + 1), churn_rounds);
}

static void churn_on(unsigned int cpus)
{
	pthread_t thread[CPUS];
	unsigned int i;
	void *good;

	for (i = 0; i < CPUS; i++)
		set_cpu_numa_node(i, (int)(i & 1));
	for (i = 0; i < cpus; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, churn_thread, (void *)(uintptr_t)i), 0);
	for (i = 0; i < cpus; i++) {
		pthread_join(thread[i], &good);
		assert_true(good);
	}
	check_all_back();
}

/* ------------------------------------------------------------------ tests */

/*
 * An area that reaches beyond the memory, as a device tree may say, and over memory without a mapping, is given up. What
 * of it is memory becomes ordinary pages, and no more.
 *
 *   memory     |##################|nomap|####|
 *   area                  |.......................|
 */
static void area_beyond_memory_gives_no_page_that_is_not_there(void **state)
{
	unsigned long pfn, pages;

	start_machine();
	memblock_add_node(4 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(5 * SECTION, SECTION / 2, 0, MEMBLOCK_NONE);
	memblock_reserve(5 * SECTION, SECTION);
	assert_int_equal(cma_init_reserved_mem(5 * SECTION, SECTION, 0, "far", &area), 0);
	memblock_mark_nomap(5 * SECTION + SECTION / 4, PAGE_SIZE);
	boot_zones(PFN(6 * SECTION), PFN(6 * SECTION));
	spoil_map();
	build_all_zonelists();
	memblock_free_all();
	pages = totalram_pages();
	cma_init_reserved_areas();
	assert_false(area->active);
	assert_int_equal(totalram_pages(), pages + PFN(SECTION / 2) - 1);
	assert_int_equal(nr_free_pages(), totalram_pages());
	for (pfn = PFN(5 * SECTION); pfn < PFN(6 * SECTION); pfn++)
		assert_int_equal(PageReserved(pfn_to_online_page(pfn)),
				 pfn >= PFN(5 * SECTION + SECTION / 2) ||
					 pfn == PFN(5 * SECTION + SECTION / 4));
	/* Once is enough. */
	assert_int_equal(free_reserved_range(5 * SECTION, SECTION), 0);
	check_all();
}

static void memory_that_ends_anywhere_is_given_and_taken_back_whole(void **state)
{
	odd_machine();
	boot_machine(PFN(4 * SECTION + SECTION / 2 + 16 * PAGE_SIZE),
		     PFN(7 * SECTION + 33 * PAGE_SIZE));
	churn_on(1);
}

static void several_cpus_take_and_give_while_sections_grow(void **state)
{
	odd_machine();
	boot_machine(PFN(4 * SECTION + SECTION / 2 + 16 * PAGE_SIZE),
		     PFN(7 * SECTION + 33 * PAGE_SIZE));
	churn_on(CPUS);
}

static void zones_that_share_pageblocks_keep_to_their_own_pages(void **state)
{
	interleaved_machine();
	churn_on(1);
	interleaved_machine();
	churn_on(CPUS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(area_beyond_memory_gives_no_page_that_is_not_there),
		cmocka_unit_test(memory_that_ends_anywhere_is_given_and_taken_back_whole),
		cmocka_unit_test(zones_that_share_pageblocks_keep_to_their_own_pages),
		cmocka_unit_test(several_cpus_take_and_give_while_sections_grow),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
