// SPDX-License-Identifier: MIT
/* links: mm/page/cma.c mm/page/handover.c mm/page/zone.c mm/early/sparse.c @memblock */
/* granules: 12 14 16 */
/* Where CMA areas go, what is refused and in which words, and how their pages come to the allocator. */
#include "buddy_double.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define BLOCK CMA_MIN_ALIGNMENT_BYTES
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

static struct cma *cma;

/* ---- alloc_contig_range and what is behind it: pages taken, and one that cannot be moved */
static u8 taken[1 << 20];
static unsigned long taken_base, busy_pfn, contig_calls;
static int contig_error;
static bool no_exact_pages;

int alloc_contig_range(unsigned long start, unsigned long end, unsigned int migratetype, gfp_t gfp)
{
	contig_calls++;
	assert_int_equal(migratetype, MIGRATE_CMA);
	assert_true(pfn_ready(start) && pfn_ready(end - 1));
	if (contig_error)
		return contig_error;
	if (busy_pfn >= start && busy_pfn < end)
		return -EBUSY;
	for (unsigned long pfn = start; pfn < end; pfn++) {
		assert_int_equal(taken[pfn - taken_base], 0);
		taken[pfn - taken_base] = 1;
	}
	return 0;
}

/* The short way finds nothing free, so that everything goes by alloc_contig_range. */
int contig_alloc_free(unsigned long start, unsigned long end, enum migratetype mt, gfp_t gfp)
{
	return -EBUSY;
}

void drain_all_pages(struct zone *zone)
{
}

void free_contig_range(unsigned long pfn, unsigned long nr_pages)
{
	for (; nr_pages; pfn++, nr_pages--) {
		assert_int_equal(taken[pfn - taken_base], 1);
		taken[pfn - taken_base] = 0;
	}
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	assert_true(gfp & __GFP_ZERO);
	return no_exact_pages ? NULL : test_calloc(1, size);
}

void free_pages_exact(void *p, size_t size)
{
	test_free(p);
}

static int reset(void **state)
{
	reset_machine();
	reset_buddy();
	memset(cma_areas, 0, sizeof(cma_areas));
	nr_cma_areas = 0;
	totalcma_pages = 0;
	dma_contiguous_default_area = NULL;
	cma_cmdline = (struct cma_cmdline){.size = PHYS_ADDR_MAX};
	cma = NULL;
	memset(taken, 0, sizeof(taken));
	busy_pfn = contig_calls = 0;
	contig_error = 0;
	no_exact_pages = false;
	return 0;
}

/* ------------------------------------------------------------------ placement */

static void the_highest_place_below_the_limit(void **state)
{
	memblock_add_node(2 * SZ_1G, 2 * SZ_1G, 0, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous(0, SZ_1G, 3 * SZ_1G + 5, 0, 0, false, "area", &cma),
			 0);
	assert_int_equal(cma->base, 2 * SZ_1G);
	assert_int_equal(cma->size, SZ_1G);
	assert_string_equal(cma_get_name(cma), "area");
	assert_true(memblock_is_reserved(2 * SZ_1G) && memblock_is_reserved(3 * SZ_1G - 1));
	assert_int_equal(totalcma_pages, PFN(SZ_1G));
	assert_true(logged("cma: Reserved 1024 MiB at 0x0000000080000000 on node -1\n"));
	/* The next one lies above. */
	assert_int_equal(cma_declare_contiguous(0, SZ_1G, 0, 0, 0, false, NULL, &cma), 0);
	assert_int_equal(cma->base, 3 * SZ_1G);
	assert_string_equal(cma->name, "cma1");
}

/* With memory beyond 4 GiB: the lowest place above 4 GiB, so that DMA zones stay free. */
static void above_4g_from_below(void **state)
{
	memblock_add_node(2 * SZ_1G, 6 * SZ_1G, 0, MEMBLOCK_NONE);
	memblock_reserve(SZ_4G, 1);
	assert_int_equal(cma_declare_contiguous(0, SZ_1G, 0, 0, 0, false, "area", &cma), 0);
	assert_int_equal(cma->base, SZ_4G + BLOCK);
	assert_false(memblock_bottom_up());
	/* Unless the limit forbids it. */
	assert_int_equal(cma_declare_contiguous(0, SZ_1G, SZ_4G, 0, 0, false, "area", &cma), 0);
	assert_int_equal(cma->base, 3 * SZ_1G);
}

static void a_fixed_place_is_taken_or_refused(void **state)
{
	memblock_add_node(SZ_1G, 2 * SZ_1G, 0, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous(2 * SZ_1G, BLOCK, 0, 0, 0, true, "area", &cma), 0);
	assert_int_equal(cma->base, 2 * SZ_1G);
	assert_int_equal(cma_declare_contiguous(2 * SZ_1G, BLOCK, 0, 0, 0, true, "area", &cma),
			 -EBUSY);
	assert_int_equal(cma_declare_contiguous(2 * SZ_1G + 8, BLOCK, 0, 0, 0, true, "area", &cma),
			 -EINVAL);
	assert_true(logged("cma: Region at 0x0000000080000008 must be aligned to 0x"));
	assert_int_equal(nr_cma_areas, 1);
}

static void a_node_is_exact(void **state)
{
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	memblock_add_node(2 * SZ_1G, SZ_1G, 1, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous_nid(0, BLOCK, 0, 0, 0, false, "area", &cma, 0), 0);
	assert_int_equal(cma->base, 2 * SZ_1G - BLOCK);
	assert_int_equal(cma->nid, 0);
	assert_int_equal(cma_declare_contiguous_nid(0, BLOCK, 0, 0, 0, false, "area", &cma, 3),
			 -ENOMEM);
	assert_true(logged("MiB on node 3\n"));
}

static void nonsense_is_refused(void **state)
{
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous(0, 0, 0, 0, 0, false, "a", &cma), -EINVAL);
	assert_int_equal(cma_declare_contiguous(0, BLOCK, 0, 3, 0, false, "a", &cma), -EINVAL);
	assert_int_equal(cma_declare_contiguous(0, BLOCK, 0, 0, 60, false, "a", &cma), -EINVAL);
	assert_int_equal(cma_declare_contiguous(0, SZ_4G, 0, 0, 0, false, "a", &cma), -EINVAL);
	assert_true(logged("cma: Size (0x0000000100000000) of region at 0x0000000000000000 exceeds "
			   "limit (0x0000000080000000)\n"));
	assert_true(logged("cma: Failed to reserve 4096 MiB on node -1\n"));
	/* Sizes and places whose sum, or whose alignment, wraps. */
	assert_int_equal(cma_declare_contiguous(0, ~0UL, 0, 0, 0, false, "a", &cma), -EINVAL);
	assert_int_equal(cma_declare_contiguous(~0UL - BLOCK + 1, BLOCK, 0, 0, 0, true, "a", &cma),
			 -EINVAL);
	/* Only what is reserved can become an area, and only whole pageblocks. */
	assert_int_equal(cma_init_reserved_mem(SZ_1G, BLOCK, 0, "a", &cma), -EINVAL);
	memblock_reserve(SZ_1G, 2 * BLOCK);
	assert_int_equal(cma_init_reserved_mem(SZ_1G + PAGE_SIZE, BLOCK, 0, "a", &cma), -EINVAL);
	assert_int_equal(cma_init_reserved_mem(SZ_1G, BLOCK + PAGE_SIZE, 0, "a", &cma), -EINVAL);
	assert_int_equal(cma_init_reserved_mem(SZ_1G, 0, 0, "a", &cma), -EINVAL);
	assert_int_equal(nr_cma_areas, 0);
	assert_int_equal(memblock_reserved_size(), 2 * BLOCK);
	assert_int_equal(cma_init_reserved_mem(SZ_1G, BLOCK, 0, "a", &cma), 0);
}

static void a_full_table_is_said_so(void **state)
{
	memblock_add_node(SZ_1G, (MAX_CMA_AREAS + 1) * BLOCK, 0, MEMBLOCK_NONE);
	for (int i = 0; i < MAX_CMA_AREAS; i++)
		assert_int_equal(cma_declare_contiguous(0, BLOCK, 0, 0, 0, false, NULL, &cma), 0);
	assert_int_equal(cma_declare_contiguous(0, BLOCK, 0, 0, 0, false, NULL, &cma), -ENOSPC);
	assert_true(logged("cma: Not enough slots for CMA reserved regions!\n"));
}

/* ------------------------------------------------------------------ the default area, as recorded from Linux */

static void cma_at_an_address_is_fixed(void **state)
{
	/* cma=64M@0x50000000; a pageblock of 64 KiB pages is 512 MiB. */
	if (PAGE_SHIFT == 16) {
		print_message("a pageblock of 64 KiB pages is larger than this area\n");
		skip();
	}
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	cma_cmdline = (struct cma_cmdline){SZ_64M, 0x50000000, 0x50000000 + SZ_64M};
	dma_contiguous_reserve(SZ_4G);
	assert_int_equal(dma_contiguous_default_area->base, 0x50000000);
	assert_true(logged("cma: Reserved 64 MiB at 0x0000000050000000 on node -1\n"));
}

static void cma_in_a_range_is_placed_high_in_it(void **state)
{
	/* cma=32M@0x50000000-0x58000000 */
	if (PAGE_SHIFT == 16) {
		print_message("a pageblock of 64 KiB pages is larger than this area\n");
		skip();
	}
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	cma_cmdline = (struct cma_cmdline){SZ_32M, 0x50000000, 0x58000000};
	dma_contiguous_reserve(SZ_4G);
	assert_int_equal(dma_contiguous_default_area->base, 0x56000000);
}

static void the_default_is_64m_below_the_dma_limit(void **state)
{
	memblock_add_node(SZ_1G, 7 * SZ_1G, 0, MEMBLOCK_NONE);
	dma_contiguous_reserve(SZ_4G);
	assert_non_null(dma_contiguous_default_area);
	assert_int_equal(dma_contiguous_default_area->size, max(SZ_64M, BLOCK));
	assert_int_equal(dma_contiguous_default_area->base, SZ_4G - max(SZ_64M, BLOCK));
}

static void no_default_when_refused_or_already_there(void **state)
{
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	cma_cmdline = (struct cma_cmdline){0, 0, 0};
	dma_contiguous_reserve(SZ_4G);
	assert_int_equal(nr_cma_areas, 0);
	/* linux,cma-default came first. */
	cma_cmdline = (struct cma_cmdline){.size = PHYS_ADDR_MAX};
	cma_declare_contiguous(0, BLOCK, 0, 0, 0, false, "tree", &dma_contiguous_default_area);
	dma_contiguous_reserve(SZ_4G);
	assert_int_equal(nr_cma_areas, 1);
}

/* ------------------------------------------------------------------ activation */

static void activation_counts_pages_and_waits_for_the_section(void **state)
{
	struct zone *zone;
	unsigned long managed, pages = PFN(SECTION);

	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous(5 * SECTION, SECTION, 0, 0, 0, true, "area", &cma),
			 0);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	managed = zone->managed_pages;
	cma_init_reserved_areas();
	assert_true(cma->active);
	assert_int_equal(zone->managed_pages, managed + pages);
	assert_int_equal(zone->cma_pages, pages);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], pages);
	assert_int_equal(pages_given, 0);
	assert_int_equal(zone_check(), 0);
	/* Once only. */
	cma_init_reserved_areas();
	assert_int_equal(zone->managed_pages, managed + pages);

	memmap_grow_all();
	assert_int_equal(pages_given, managed + pages);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], pages);
	for (unsigned long pfn = PFN(4 * SECTION); pfn < PFN(8 * SECTION);
	     pfn += pageblock_nr_pages)
		assert_int_equal(get_pfnblock_migratetype(pfn),
				 pfn >= PFN(5 * SECTION) && pfn < PFN(6 * SECTION)
					 ? MIGRATE_CMA
					 : MIGRATE_MOVABLE);
	assert_int_equal(zone_check(), 0);
}

static void a_section_grown_before_is_given_at_once(void **state)
{
	struct zone *zone;

	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	assert_int_equal(
		cma_declare_contiguous(5 * SECTION, 2 * SECTION, 0, 0, 0, true, "area", &cma), 0);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	zone = zone_at(0, ZONE_DMA);
	assert_int_equal(section_grow(PFN(5 * SECTION)), 0);
	assert_int_equal(pages_given, 0);
	cma_init_reserved_areas();
	assert_int_equal(pages_given, PFN(SECTION));
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], PFN(2 * SECTION));
	assert_int_equal(zone_check(), 0);
	memmap_grow_all();
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], PFN(2 * SECTION));
	assert_int_equal(zone_check(), 0);
}

static void an_area_across_zones_becomes_ordinary_memory(void **state)
{
	unsigned long free_pages;

	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	assert_int_equal(
		cma_declare_contiguous(5 * SECTION, 2 * SECTION, 0, 0, 0, true, "area", &cma), 0);
	boot_zones(PFN(6 * SECTION), 0);
	memblock_free_all();
	free_pages = nr_free_pages();
	cma_init_reserved_areas();
	assert_false(cma->active);
	assert_int_equal(totalcma_pages, 0);
	assert_true(logged("cma: CMA area area could not be activated\n"));
	assert_int_equal(nr_free_pages(), free_pages + PFN(2 * SECTION));
	assert_int_equal(zone_check(), 0);
}

/* Linux warns, and oopses later. */
static void an_area_outside_memory_is_given_up(void **state)
{
	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	memblock_reserve(20 * SECTION, SECTION);
	assert_int_equal(cma_init_reserved_mem(20 * SECTION, SECTION, 0, "outside", &cma), 0);
	memblock_reserve(7 * SECTION, 2 * SECTION);
	assert_int_equal(cma_init_reserved_mem(7 * SECTION, 2 * SECTION, 0, "across", &cma), 0);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	cma_init_reserved_areas();
	assert_true(logged("CMA area outside could not be activated\n"));
	assert_true(logged("CMA area across could not be activated\n"));
	/* What of it is memory is used. */
	memmap_grow_all();
	assert_int_equal(zone_at(0, ZONE_DMA)->cma_pages, 0);
	assert_false(PageReserved(pfn_to_page(PFN(7 * SECTION))));
	assert_int_equal(zone_check(), 0);
}

/* ------------------------------------------------------------------ taking and giving back */

/* One active area of a section, bits of 2^order_per_bit pages. */
static unsigned long active_area(unsigned int order_per_bit)
{
	memblock_add_node(4 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	assert_int_equal(cma_declare_contiguous(5 * SECTION, SECTION, 0, 0, order_per_bit, true,
						"area", &cma),
			 0);
	boot_zones(PFN(SIM_SIZE), 0);
	memblock_free_all();
	cma_init_reserved_areas();
	taken_base = PFN(5 * SECTION);
	return taken_base;
}

static void drop_area(void)
{
	test_free(cma->bitmap);
}

static void pages_come_lowest_first_and_go_back(void **state)
{
	unsigned long base = active_area(0);
	struct page *a, *b, *c;

	a = cma_alloc(cma, 3, 0, false);
	b = cma_alloc(cma, 1, 0, false);
	assert_int_equal(page_to_pfn(a), base);
	assert_int_equal(page_to_pfn(b), base + 3);
	assert_true(cma_release(cma, a, 3));
	c = cma_alloc(cma, 2, 0, false);
	assert_int_equal(page_to_pfn(c), base);
	/* What does not fit into the gap comes after. */
	a = cma_alloc(cma, 2, 0, false);
	assert_int_equal(page_to_pfn(a), base + 4);
	assert_true(cma_release(cma, a, 2) && cma_release(cma, b, 1) && cma_release(cma, c, 2));
	drop_area();
}

static void alignment_is_of_the_page_not_of_the_bit(void **state)
{
	unsigned long base = active_area(2);
	struct page *a, *b;

	a = cma_alloc(cma, 1, 0, false);
	assert_int_equal(page_to_pfn(a), base);
	b = cma_alloc(cma, 4, 5, false);
	assert_int_equal(page_to_pfn(b), base + 32);
	/* A bit stands for four pages: the three others of the first are not given out. */
	b = cma_alloc(cma, 1, 0, false);
	assert_int_equal(page_to_pfn(b), base + 4);
	drop_area();
}

/* Gigantic pages are larger than the largest block. */
static void alignment_beyond_the_largest_block(void **state)
{
	unsigned long base = active_area(0);
	struct page *a, *b;

	if (PFN(SECTION) < 4UL << MAX_PAGE_ORDER) {
		print_message("a section of 64 KiB pages is one largest block\n");
		drop_area();
		skip();
	}
	a = cma_alloc(cma, 1, 0, false);
	assert_int_equal(page_to_pfn(a), base);
	b = cma_alloc(cma, 2UL << MAX_PAGE_ORDER, MAX_PAGE_ORDER + 1, false);
	assert_int_equal(page_to_pfn(b), ALIGN(base + 1, 2UL << MAX_PAGE_ORDER));
	drop_area();
}

static void the_whole_area_can_be_taken_once(void **state)
{
	active_area(0);
	assert_non_null(cma_alloc(cma, PFN(SECTION), 0, false));
	assert_null(cma_alloc(cma, 1, 0, true));
	assert_false(logged("alloc failed"));
	assert_null(cma_alloc(cma, 1, 0, false));
	assert_true(logged("cma: area: alloc failed, req-size: 1 pages, ret: -12\n"));
	assert_true(cma_release(cma, pfn_to_page(taken_base), PFN(SECTION)));
	assert_non_null(cma_alloc(cma, 1, 0, false));
	drop_area();
}

static void a_page_that_cannot_move_is_stepped_over(void **state)
{
	unsigned long base = active_area(0);

	busy_pfn = base + 2;
	assert_int_equal(page_to_pfn(cma_alloc(cma, 2, 1, false)), base);
	assert_int_equal(page_to_pfn(cma_alloc(cma, 2, 1, false)), base + 4);
	/* The failed attempt holds nothing. */
	busy_pfn = 0;
	assert_int_equal(page_to_pfn(cma_alloc(cma, 2, 1, false)), base + 2);
	/* Another error ends the search at once, and holds nothing either. */
	contig_error = -ENOMEM;
	contig_calls = 0;
	assert_null(cma_alloc(cma, 2, 1, true));
	assert_int_equal(contig_calls, 1);
	contig_error = 0;
	assert_int_equal(page_to_pfn(cma_alloc(cma, 2, 1, false)), base + 6);
	drop_area();
}

static void bad_requests_get_nothing(void **state)
{
	struct page *page;

	active_area(0);
	assert_null(cma_alloc(NULL, 1, 0, true));
	assert_null(cma_alloc(cma, 0, 0, true));
	assert_null(cma_alloc(cma, PFN(SECTION) + 1, 0, true));
	assert_null(cma_alloc(cma, 1, 64, true));
	no_exact_pages = true;
	assert_null(cma_alloc(cma, 1, 0, true));
	no_exact_pages = false;
	/* No page of the area is so aligned. */
	assert_null(cma_alloc(cma, 1, 40, true));
	page = cma_alloc(cma, 1, 0, true);
	assert_non_null(page);
	assert_false(cma_release(cma, page - 1, 1));
	assert_false(cma_release(cma, page, PFN(SECTION) + 1));
	assert_false(cma_release(cma, NULL, 1));
	/* The second page was not given out; and nothing is released twice. */
	assert_false(cma_release(cma, page, 2));
	assert_true(logged("2 pages at pfn"));
	assert_true(cma_release(cma, page, 1));
	assert_false(cma_release(cma, page, 1));
	assert_int_equal(cma->nr_pages_released, 1);
	assert_int_equal(cma->available_count, PFN(SECTION));
	cma->active = false;
	assert_null(cma_alloc(cma, 1, 0, true));
	drop_area();
}

/* Random requests: alloc_contig_range above fails the test when a page is given twice. */
static void no_page_is_given_twice(void **state)
{
	struct {
		struct page *page;
		unsigned long count;
	} held[64] = {{0}};

	active_area(1);
	srandom(7);
	for (int i = 0; i < 20000; i++) {
		unsigned int k = (unsigned int)random() % 64;

		if (held[k].page) {
			assert_true(cma_release(cma, held[k].page, held[k].count));
			held[k].page = NULL;
		} else {
			unsigned int align = (unsigned int)random() % 6;

			held[k].count = 1 + (unsigned long)random() % 300;
			held[k].page = cma_alloc(cma, held[k].count, align, true);
			if (held[k].page)
				assert_true(IS_ALIGNED(page_to_pfn(held[k].page), 1UL << align));
		}
	}
	drop_area();
}

static int stop_at(struct cma *area, void *data)
{
	++*(int *)data;
	return area == &cma_areas[1] ? 42 : 0;
}

static void iteration_stops_when_told(void **state)
{
	int n = 0;

	memblock_add_node(SZ_1G, 4 * BLOCK, 0, MEMBLOCK_NONE);
	for (int i = 0; i < 3; i++)
		cma_declare_contiguous(0, BLOCK, 0, 0, 0, false, NULL, &cma);
	assert_int_equal(cma_for_each_area(stop_at, &n), 42);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_highest_place_below_the_limit, reset),
		cmocka_unit_test_setup(above_4g_from_below, reset),
		cmocka_unit_test_setup(a_fixed_place_is_taken_or_refused, reset),
		cmocka_unit_test_setup(a_node_is_exact, reset),
		cmocka_unit_test_setup(nonsense_is_refused, reset),
		cmocka_unit_test_setup(a_full_table_is_said_so, reset),
		cmocka_unit_test_setup(cma_at_an_address_is_fixed, reset),
		cmocka_unit_test_setup(cma_in_a_range_is_placed_high_in_it, reset),
		cmocka_unit_test_setup(the_default_is_64m_below_the_dma_limit, reset),
		cmocka_unit_test_setup(no_default_when_refused_or_already_there, reset),
		cmocka_unit_test_setup(activation_counts_pages_and_waits_for_the_section, reset),
		cmocka_unit_test_setup(a_section_grown_before_is_given_at_once, reset),
		cmocka_unit_test_setup(an_area_across_zones_becomes_ordinary_memory, reset),
		cmocka_unit_test_setup(an_area_outside_memory_is_given_up, reset),
		cmocka_unit_test_setup(pages_come_lowest_first_and_go_back, reset),
		cmocka_unit_test_setup(alignment_is_of_the_page_not_of_the_bit, reset),
		cmocka_unit_test_setup(alignment_beyond_the_largest_block, reset),
		cmocka_unit_test_setup(the_whole_area_can_be_taken_once, reset),
		cmocka_unit_test_setup(a_page_that_cannot_move_is_stepped_over, reset),
		cmocka_unit_test_setup(bad_requests_get_nothing, reset),
		cmocka_unit_test_setup(no_page_is_given_twice, reset),
		cmocka_unit_test_setup(iteration_stops_when_told, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
