// SPDX-License-Identifier: MIT
/* links: mm/page/handover.c mm/page/zone.c mm/early/sparse.c @memblock */
/* granules: 12 14 16 */
/* Counting what is free without touching it, growing sections once and completely, from one CPU and from several. */
#include <pthread.h>
#include <quire/smp.h>
#include <sched.h>

#include "buddy_double.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

struct cma cma_areas[MAX_CMA_AREAS];
unsigned int nr_cma_areas;
unsigned long totalcma_pages;

static int reset(void **state)
{
	reset_machine();
	reset_buddy();
	memset(cma_areas, 0, sizeof(cma_areas));
	nr_cma_areas = 0;
	totalcma_pages = 0;
	return 0;
}

/* Free pages by memblock's own iterator, before the hand-over. */
static unsigned long free_by_memblock(void)
{
	unsigned long pages = 0;
	phys_addr_t start, end;
	u64 i;

	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end,
				NULL) if (PFN_UP(start) < PFN_DOWN(end)) pages +=
		PFN_DOWN(end) - PFN_UP(start);
	return pages;
}

/*
 *   section   4     5     6     7     8     9
 *   node 0    |###########|                        DMA up to the end of 5
 *   node 1                |#########|  |####|      NORMAL; hole in 8
 */
static void two_nodes(void)
{
	memblock_add_node(4 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(6 * SECTION, 2 * SECTION + SECTION / 2, 1, MEMBLOCK_NONE);
	memblock_add_node(9 * SECTION, SECTION, 1, MEMBLOCK_NONE);
	memblock_reserve(4 * SECTION, SZ_16M + 0x123);
	memblock_reserve(7 * SECTION + 0x801, 1);
	boot_zones(PFN(6 * SECTION), PFN(6 * SECTION));
	memblock_mark_nomap(6 * SECTION + SZ_1M, SZ_1M);
}

static void totals_are_right_before_anything_is_grown(void **state)
{
	unsigned long pages;

	two_nodes();
	pages = free_by_memblock();
	memblock_free_all();
	assert_true(memblock_closed);
	assert_int_equal(totalram_pages(), pages);
	assert_int_equal(nr_free_pages(), pages);
	assert_int_equal(pages_given, 0);
	for (struct zone *z = first_zone(); z; z = next_zone(z)) {
		assert_int_equal(z->deferred_pages, z->managed_pages);
		assert_true(z->managed_pages <= z->present_pages);
	}
	assert_int_equal(zone_at(1, ZONE_NORMAL)->present_pages, PFN(3 * SECTION + SECTION / 2));
	assert_int_equal(zone_check(), 0);
}

static void growing_moves_pages_and_keeps_the_totals(void **state)
{
	struct zone *dma, *normal;
	unsigned long pages;

	two_nodes();
	memblock_free_all();
	pages = nr_free_pages();
	dma = zone_at(0, ZONE_DMA);
	normal = zone_at(1, ZONE_NORMAL);

	assert_true(zone_grow(normal));
	/* The lowest section of the zone, and no other. */
	assert_true(pfn_ready(PFN(6 * SECTION)));
	assert_false(pfn_ready(PFN(7 * SECTION)) || pfn_ready(PFN(4 * SECTION)));
	assert_int_equal(pages_given, PFN(SECTION - SZ_1M));
	assert_int_equal(nr_free_pages(), pages);
	assert_int_equal(zone_check(), 0);

	while (zone_grow(normal))
		assert_int_equal(zone_check(), 0);
	assert_int_equal(normal->deferred_pages, 0);
	assert_false(zone_grow(normal));
	assert_true(dma->deferred_pages != 0);
	memmap_grow_all();
	assert_int_equal(dma->deferred_pages, 0);
	assert_int_equal(pages_given, pages);
	assert_int_equal(nr_free_pages(), pages);
	assert_int_equal(zone_check(), 0);
}

static void struct_pages_say_what_memblock_says(void **state)
{
	two_nodes();
	memblock_free_all();
	memmap_grow_all();
	for (unsigned long pfn = PFN(4 * SECTION); pfn < PFN(10 * SECTION); pfn++) {
		struct page *page = pfn_to_online_page(pfn);
		phys_addr_t base = PFN_PHYS(pfn);
		bool is_free = memblock_is_map_memory(base) &&
			       memblock_is_map_memory(base + PAGE_SIZE - 1) &&
			       !memblock_is_region_reserved(base, PAGE_SIZE);

		assert_non_null(page);
		assert_int_equal(PageReserved(page), !is_free);
		assert_int_equal(page->_refcount, !is_free);
		assert_ptr_equal(page_zone(page), zone_of_pfn(pfn));
		assert_int_equal(page->_mapcount, -1);
		assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	}
}

static void growing_again_changes_nothing(void **state)
{
	unsigned long given;

	two_nodes();
	memblock_free_all();
	assert_int_equal(section_grow(PFN(7 * SECTION) + 5), 0);
	given = pages_given;
	assert_true(given != 0);
	assert_int_equal(section_grow(PFN(7 * SECTION)), 0);
	assert_int_equal(section_grow(PFN(8 * SECTION) - 1), 0);
	assert_int_equal(pages_given, given);
}

static void a_pfn_without_memory_has_no_page(void **state)
{
	memblock_add_node(4 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(6 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	boot_zones(PFN(SIM_SIZE), 0);
	/* Not before the hand-over: memblock may still change. */
	assert_int_equal(section_grow(PFN(4 * SECTION)), -EAGAIN);
	assert_null(pfn_to_online_page(PFN(4 * SECTION)));
	memblock_free_all();
	assert_null(pfn_to_online_page(PFN(5 * SECTION)));
	assert_null(pfn_to_online_page(PFN(7 * SECTION)));
	assert_null(pfn_to_online_page(0));
	assert_int_equal(section_grow(PFN(5 * SECTION)), -ENOENT);
	assert_ptr_equal(pfn_to_online_page(PFN(4 * SECTION)), pfn_to_page(PFN(4 * SECTION)));
}

/* ---- another CPU grows it */
static struct mem_section *elsewhere; /* NULL: everything is as always */
static unsigned int hold_points, turns;

static void elsewhere_is_done(void)
{
	__atomic_store_n(&elsewhere->state, SECTION_READY, __ATOMIC_RELEASE);
}

void smp_hold_point(void)
{
	if (elsewhere && ++hold_points == 3)
		elsewhere_is_done();
}

void host_relax(void)
{
	/* It has waited long enough to know. */
	if (elsewhere && ++turns == 1000)
		elsewhere_is_done();
	sched_yield();
}

/* Interrupts are off, and who grows it may be held where it waits for a lock: who waits for that one must be held as well. */
static void who_waits_for_a_section_can_be_held(void **state)
{
	two_nodes();
	memblock_free_all();
	elsewhere = pfn_to_section(PFN(7 * SECTION));
	elsewhere->state = SECTION_GROWING;
	hold_points = turns = 0;
	assert_int_equal(section_grow(PFN(7 * SECTION)), 0);
	elsewhere = NULL;
	assert_int_equal(hold_points, 3);
}

/* One section, cut by the limit of a zone: growing it for one zone serves both. */
static void a_section_of_two_zones_is_grown_for_both(void **state)
{
	memblock_add_node(4 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	boot_zones(PFN(4 * SECTION + SECTION / 2), 0);
	memblock_free_all();
	assert_true(zone_grow(zone_at(0, ZONE_NORMAL)));
	assert_int_equal(zone_at(0, ZONE_DMA)->deferred_pages, 0);
	assert_int_equal(zone_at(0, ZONE_NORMAL)->deferred_pages, 0);
	assert_int_equal(zone_check(), 0);
}

static void a_section_without_free_pages_is_passed_over(void **state)
{
	memblock_add_node(4 * SECTION, 3 * SECTION, 0, MEMBLOCK_NONE);
	memblock_reserve(4 * SECTION, SECTION);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	assert_true(zone_grow(zone_at(0, ZONE_DMA)));
	assert_true(pages_given != 0);
	assert_true(pfn_ready(PFN(5 * SECTION)));
	assert_int_equal(zone_check(), 0);
}

static void reserved_memory_can_be_given_late(void **state)
{
	struct zone *zone;
	unsigned long managed;

	memblock_add_node(4 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	memblock_reserve(5 * SECTION - SZ_1M, 2 * SZ_1M);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	managed = zone->managed_pages;
	/* Across two sections, one grown and one not; parts of pages stay. */
	assert_int_equal(section_grow(PFN(4 * SECTION)), 0);
	memblock_free_late(5 * SECTION - SZ_1M + 1, 2 * SZ_1M - 2);
	assert_int_equal(zone->managed_pages, managed + PFN(2 * SZ_1M) - 2);
	assert_int_equal(zone_check(), 0);
	/* What is not reserved is not given a second time. */
	assert_int_equal(free_reserved_range(5 * SECTION - SZ_1M, 2 * SZ_1M), 2);
	assert_int_equal(free_reserved_range(5 * SECTION - SZ_1M, 2 * SZ_1M), 0);
	assert_int_equal(zone->managed_pages, managed + PFN(2 * SZ_1M));
	assert_int_equal(free_reserved_range(20 * SECTION, SZ_1M), 0);
	assert_int_equal(zone_check(), 0);
}

static void a_cma_area_grows_as_cma(void **state)
{
	struct zone *zone;
	unsigned long area = PFN(5 * SECTION);
	unsigned long pages = min(2 * pageblock_nr_pages, PAGES_PER_SECTION);

	memblock_add_node(4 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	memblock_reserve(PFN_PHYS(area), PFN_PHYS(pages));
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	cma_areas[nr_cma_areas++] =
		(struct cma){.base = PFN_PHYS(area), .size = PFN_PHYS(pages), .active = true};
	zone->managed_pages += pages;
	zone->cma_pages += pages;
	zone->deferred_pages += pages;
	zone->vm_stat[NR_FREE_PAGES] += (long)pages;
	zone->vm_stat[NR_FREE_CMA_PAGES] += (long)pages;
	assert_int_equal(zone_check(), 0);
	memmap_grow_all();
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], pages);
	assert_int_equal(get_pfnblock_migratetype(area + pages - 1), MIGRATE_CMA);
	assert_int_equal(pfn_to_page(area)->_refcount, 0);
	assert_int_equal(zone->deferred_pages, 0);
	assert_int_equal(zone_check(), 0);
}

static void broken_totals_are_found(void **state)
{
	struct zone *zone;

	two_nodes();
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	zone->deferred_pages--;
	assert_int_equal(zone_check(), 2);
	zone->deferred_pages++;
	zone->present_pages++;
	assert_int_equal(zone_check(), 2);
	zone->present_pages--;
	zone->managed_pages -= 7;
	assert_int_equal(zone_check(), 1);
	zone->managed_pages += 7;
	section_grow(PFN(4 * SECTION));
	zone->free_area[0].nr_free++;
	assert_int_equal(zone_check(), 1);
	zone->free_area[0].nr_free--;
	mem_sections[0].state = SECTION_GROWING;
	assert_true(zone_check() > 0);
	mem_sections[0].state = SECTION_READY;
	assert_int_equal(zone_check(), 0);
}

static void the_memory_line_adds_up(void **state)
{
	char line[128];

	two_nodes();
	boot_params.image = (struct kimage){
		.size = 0x90000,
		.nr_segments = 3,
		.segment = {{"text", 0, 0x10000, KIMAGE_RX},
			    {"rodata", 0x10000, 0x30000, KIMAGE_RO},
			    {"data", 0x30000, 0x60000, KIMAGE_RW}},
	};
	memblock_free_all();
	mem_init_print_info();
	snprintf(line, sizeof(line),
		 "Memory: %luK/%luK available (64K kernel code, 192K rwdata, 128K rodata, 0K init, "
		 "192K bss, ",
		 nr_free_pages() << (PAGE_SHIFT - 10), (5 * SECTION + SECTION / 2) >> 10);
	assert_true(logged(line));

	/* What the file ends within is data up to there. */
	boot_params.image.bss_start = 0x40000;
	mem_init_print_info();
	assert_true(logged("64K kernel code, 64K rwdata, 128K rodata, 0K init, 320K bss, "));
	/* A segment with nothing in the file; and a file that holds all of them. */
	boot_params.image.bss_start = 0x30000;
	mem_init_print_info();
	assert_true(logged("64K kernel code, 0K rwdata, 128K rodata, 0K init, 384K bss, "));
	boot_params.image.bss_start = 0x90000;
	mem_init_print_info();
	assert_true(logged("64K kernel code, 192K rwdata, 128K rodata, 0K init, 192K bss, "));
}

static void page_tables_come_from_the_allocator_and_go_back(void **state)
{
	struct zone *zone;
	phys_addr_t table, early;
	unsigned long managed, free_pages;

	memblock_add_node(4 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	boot_zones(PFN(SIM_SIZE), 0);
	early = memblock_phys_alloc(PAGE_SIZE, PAGE_SIZE);
	assert_null(pgtable_alloc_hook);
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	managed = zone->managed_pages;
	free_pages = nr_free_pages();

	table = pgtable_alloc_hook();
	assert_int_not_equal(table, 0);
	assert_true(PageTable(pfn_to_page(PHYS_PFN(table))));
	assert_int_equal(nr_free_pages(), free_pages - 1);
	pgtable_free_hook(table);
	assert_int_equal(nr_free_pages(), free_pages);
	/* One that memblock gave: a page more that the allocator manages. */
	pgtable_free_hook(early);
	assert_int_equal(nr_free_pages(), free_pages + 1);
	assert_int_equal(zone->managed_pages, managed + 1);
	/* One outside memory stays where it is. */
	pgtable_free_hook(20 * SECTION);
	assert_int_equal(nr_free_pages(), free_pages + 1);
	assert_int_equal(zone_check(), 0);
}

/* ------------------------------------------------------------------ several CPUs */

#define CPUS 4

static struct zone *contended;
static pthread_barrier_t start_line;
static unsigned long grown[CPUS];

static void *grow_until_nothing_is_left(void *arg)
{
	unsigned long *n = arg;

	pthread_barrier_wait(&start_line);
	while (zone_grow(contended))
		++*n;
	/* False means false for everybody: the zone has nothing left. */
	assert_int_equal(__atomic_load_n(&contended->deferred_pages, __ATOMIC_ACQUIRE), 0);
	return NULL;
}

static void *look_at_pages(void *arg)
{
	pthread_barrier_wait(&start_line);
	for (unsigned long i = 0; i < 16; i++) {
		unsigned long pfn = PFN((4 + i) * SECTION) + i;
		struct page *page = pfn_to_online_page(pfn);

		assert_non_null(page);
		assert_ptr_equal(page_zone(page), contended);
	}
	return NULL;
}

static void cpus_that_grow_at_once_grow_each_section_once(void **state)
{
	pthread_t threads[CPUS];
	unsigned long pages;

	memblock_add_node(4 * SECTION, 16 * SECTION, 0, MEMBLOCK_NONE);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	contended = zone_at(0, ZONE_DMA);
	pages = contended->managed_pages;
	memset(grown, 0, sizeof(grown));
	pthread_barrier_init(&start_line, NULL, CPUS);
	for (int i = 0; i < CPUS; i++)
		pthread_create(&threads[i], NULL,
			       i == CPUS - 1 ? look_at_pages : grow_until_nothing_is_left,
			       &grown[i]);
	for (int i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start_line);
	assert_int_equal(pages_given, pages);
	assert_int_equal(nr_free_pages(), pages);
	assert_int_equal(zone_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(totals_are_right_before_anything_is_grown, reset),
		cmocka_unit_test_setup(growing_moves_pages_and_keeps_the_totals, reset),
		cmocka_unit_test_setup(struct_pages_say_what_memblock_says, reset),
		cmocka_unit_test_setup(growing_again_changes_nothing, reset),
		cmocka_unit_test_setup(a_pfn_without_memory_has_no_page, reset),
		cmocka_unit_test_setup(who_waits_for_a_section_can_be_held, reset),
		cmocka_unit_test_setup(a_section_of_two_zones_is_grown_for_both, reset),
		cmocka_unit_test_setup(a_section_without_free_pages_is_passed_over, reset),
		cmocka_unit_test_setup(reserved_memory_can_be_given_late, reset),
		cmocka_unit_test_setup(a_cma_area_grows_as_cma, reset),
		cmocka_unit_test_setup(broken_totals_are_found, reset),
		cmocka_unit_test_setup(the_memory_line_adds_up, reset),
		cmocka_unit_test_setup(page_tables_come_from_the_allocator_and_go_back, reset),
		cmocka_unit_test_setup(cpus_that_grow_at_once_grow_each_section_once, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
