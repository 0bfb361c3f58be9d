// SPDX-License-Identifier: MIT
/* links: mm/page/cma.c mm/page/handover.c mm/page/zone.c mm/early/sparse.c mm/early/memblock.c mm/early/memblock_alloc.c mm/early/memblock_iter.c */
/* granules: 12 14 16 */
/* Where CMA areas go, what is refused and in which words, and how their pages come to the allocator. */
#include "buddy_double.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define BLOCK CMA_MIN_ALIGNMENT_BYTES
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

static struct cma *cma;

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
	if (PAGE_SHIFT == 16)
		skip();
	memblock_add_node(SZ_1G, SZ_1G, 0, MEMBLOCK_NONE);
	cma_cmdline = (struct cma_cmdline){SZ_64M, 0x50000000, 0x50000000 + SZ_64M};
	dma_contiguous_reserve(SZ_4G);
	assert_int_equal(dma_contiguous_default_area->base, 0x50000000);
	assert_true(logged("cma: Reserved 64 MiB at 0x0000000050000000 on node -1\n"));
}

static void cma_in_a_range_is_placed_high_in_it(void **state)
{
	/* cma=32M@0x50000000-0x58000000 */
	if (PAGE_SHIFT == 16)
		skip();
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
