// SPDX-License-Identifier: MIT
/* links: mm/early/sparse.c mm/page/zone.c @memblock */
/* granules: 12 14 16 */
/* Sections, the memory map's runs and their placement, struct pages as written by memmap_init_*, page links. */
#include "mm_fixture.h"

#define SECTION (1UL << SECTION_SIZE_BITS)
#define MAP_SIZE (PAGES_PER_SECTION * sizeof(struct page))
#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

static int reset(void **state)
{
	reset_machine();
	return 0;
}

/* Every byte of every mapping: the address in vmemmap agrees with pfn, and the memory is reserved RAM. */
static void check_mappings(void)
{
	for (unsigned int i = 0; i < nr_mappings; i++) {
		const struct mapping *m = &mappings[i];

		assert_true(memblock_is_region_memory(m->pa, m->size));
		for (u64 at = 0; at < m->size; at += MAP_SIZE) {
			assert_true(memblock_is_reserved(m->pa + at));
			assert_true(memblock_is_reserved(m->pa + at + MAP_SIZE - 1));
		}
		for (unsigned int j = 0; j < i; j++)
			assert_false(memblock_addrs_overlap(m->pa, m->size, mappings[j].pa,
							    mappings[j].size));
	}
}

static bool mapped(unsigned long pfn)
{
	unsigned long kva = (unsigned long)pfn_to_page(pfn);

	for (unsigned int i = 0; i < nr_mappings; i++)
		if (kva >= mappings[i].kva && kva - mappings[i].kva < mappings[i].size)
			return true;
	return false;
}

/*
 *   section   8      9     10     11     12
 *          |####|#####|      |     |##|            memory
 *             1     1     0     0     1            present
 */
static void sections_with_memory_are_present(void **state)
{
	memblock_add_node(8 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(12 * SECTION, SECTION / 2, 0, MEMBLOCK_NONE);
	sparse_init();
	assert_int_equal(first_section_nr, 8);
	assert_int_equal(nr_mem_sections, 5);
	assert_true(pfn_valid(PFN(8 * SECTION)));
	assert_true(pfn_valid(PFN(10 * SECTION) - 1));
	assert_false(pfn_valid(PFN(10 * SECTION)));
	assert_false(pfn_valid(PFN(12 * SECTION) - 1));
	/* The hole at the end of a present section has a memory map. */
	assert_true(pfn_valid(PFN(13 * SECTION) - 1));
	assert_false(pfn_valid(PFN(13 * SECTION)));
	assert_false(pfn_valid(0));
	assert_false(pfn_valid(~0UL));
	assert_false(pfn_ready(PFN(8 * SECTION)));
	assert_int_equal(nr_mappings, 2);
	assert_true(mapped(PFN(8 * SECTION)) && mapped(PFN(13 * SECTION) - 1));
	assert_false(mapped(PFN(10 * SECTION)));
	check_mappings();
}

static void a_run_ends_where_the_node_changes(void **state)
{
	memblock_add_node(8 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(12 * SECTION, 4 * SECTION, 1, MEMBLOCK_NONE);
	sparse_init();
	assert_int_equal(nr_mappings, 2);
	assert_int_equal(mappings[0].size, 4 * MAP_SIZE);
	assert_int_equal(mappings[1].size, 4 * MAP_SIZE);
	/* Each near the memory it describes. */
	assert_in_range(mappings[0].pa, 8 * SECTION, 12 * SECTION - 1);
	assert_in_range(mappings[1].pa, 12 * SECTION, 16 * SECTION - 1);
	assert_int_equal(pfn_to_section(PFN(12 * SECTION) - 1)->nid, 0);
	assert_int_equal(pfn_to_section(PFN(12 * SECTION))->nid, 1);
	check_mappings();
}

static void a_section_of_two_nodes_is_the_first_ones(void **state)
{
	memblock_add_node(8 * SECTION, SECTION / 2, 1, MEMBLOCK_NONE);
	memblock_add_node(8 * SECTION + SECTION / 2, SECTION / 2 + SECTION, 0, MEMBLOCK_NONE);
	sparse_init();
	assert_int_equal(pfn_to_section(PFN(8 * SECTION))->nid, 1);
	assert_int_equal(pfn_to_section(PFN(9 * SECTION))->nid, 0);
	assert_int_equal(nr_mappings, 2);
	check_mappings();
}

/* The physical address equals the virtual one modulo a large power of two, so that blocks can map it. */
static void placement_allows_blocks_and_wastes_nothing(void **state)
{
	/* An odd number of sections at an odd place. */
	memblock_add_node(9 * SECTION, 33 * SECTION, 0, MEMBLOCK_NONE);
	sparse_init();
	assert_int_equal(nr_mappings, 1);
	assert_int_equal(mappings[0].size, 33 * MAP_SIZE);
	assert_int_equal((mappings[0].kva ^ mappings[0].pa) & (8 * MAP_SIZE - 1), 0);
	/* The section table, the pageblock types, and the map; no more. */
	assert_true(memblock_reserved_size() < 33 * MAP_SIZE + PAGE_SIZE * 4);
	check_mappings();
}

static void without_room_for_a_run_sections_are_mapped_alone(void **state)
{
	memblock_add_node(8 * SECTION, 4 * SECTION, 0, MEMBLOCK_NONE);
	/* Free pieces that hold one section's map each, and a little for the tables. */
	memblock_reserve(8 * SECTION, 4 * SECTION);
	for (int i = 0; i < 4; i++)
		memblock_phys_free((u64)(8 + i) * SECTION, MAP_SIZE);
	memblock_phys_free(12 * SECTION - 4 * PAGE_SIZE, 4 * PAGE_SIZE);
	sparse_init();
	assert_int_equal(nr_mappings, 4);
	for (int i = 0; i < 4; i++)
		assert_true(pfn_valid(PFN((u64)(8 + i) * SECTION)));
	check_mappings();
}

static void a_section_without_a_map_is_left_out_and_said_so(void **state)
{
	memblock_add_node(8 * SECTION, 2 * SECTION, 0, MEMBLOCK_NONE);
	memblock_reserve(8 * SECTION, 2 * SECTION);
	memblock_phys_free(8 * SECTION, MAP_SIZE);
	memblock_phys_free(9 * SECTION, 4 * PAGE_SIZE);
	sparse_init();
	assert_int_equal(nr_mappings, 1);
	assert_int_equal(pfn_valid(PFN(8 * SECTION)) + pfn_valid(PFN(9 * SECTION)), 1);
	assert_true(logged("Some memory will not be available"));
	check_mappings();
}

static void a_failed_mapping_gives_its_memory_back(void **state)
{
	unsigned long reserved;

	memblock_add_node(8 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	map_budget = 0;
	sparse_init();
	assert_false(pfn_valid(PFN(8 * SECTION)));
	/* Nobody gets memory that has no struct page. */
	reserved = memblock_reserved_size();
	assert_int_equal(reserved, SECTION);
	assert_int_equal(nr_mappings, 0);
}

static void memory_beyond_the_reach_of_links_is_not_used(void **state)
{
	u64 far = (u64)PAGES_PER_SECTION * PAGE_SIZE * (1UL << (32 - PFN_SECTION_SHIFT));

	memblock_add_node(8 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(8 * SECTION + far, SECTION, 0, MEMBLOCK_NONE);
	memblock_set_current_limit(SIM_SIZE);
	sparse_init();
	assert_true(logged("too far"));
	assert_true(pfn_valid(PFN(8 * SECTION)));
	assert_false(pfn_valid(PFN(8 * SECTION + far)));
	assert_true(memblock_is_region_reserved(8 * SECTION + far, SECTION));
}

static void no_memory_panics(void **state)
{
	expect_assert_failure(sparse_init());
}

static struct zone *one_section(void)
{
	memblock_add_node(8 * SECTION, SECTION, 0, MEMBLOCK_NONE);
	memblock_add_node(16 * SECTION, SECTION, 5, MEMBLOCK_NONE);
	boot_zones(PFN(SZ_1G / 2), PFN(SZ_1G / 2));
	return zone_at(5, ZONE_NORMAL);
}

static void struct_pages_are_free_or_reserved(void **state)
{
	struct zone *zone = one_section();
	unsigned long pfn = PFN(8 * SECTION);

	memset(pfn_to_page(pfn), 0xa5, MAP_SIZE);
	memmap_init_free(pfn, pfn + 40, zone);
	memmap_init_reserved(pfn + 40, pfn + 41, zone);
	for (unsigned long i = 0; i < 41; i++) {
		struct page *page = pfn_to_page(pfn + i);

		assert_ptr_equal(page_zone(page), zone);
		assert_int_equal(page_to_nid(page), 5);
		assert_int_equal(page->next | page->prev | page->order, 0);
		assert_int_equal(page->_mapcount, -1);
		assert_int_equal(page->word, 0);
		assert_int_equal(page->_refcount, i == 40);
		assert_int_equal(PageReserved(page), i == 40);
	}
	/* Not one byte beyond. */
	assert_int_equal(pfn_to_page(pfn + 41)->flags, 0xa5a5a5a5);
}

static void pageblock_types_are_kept_a_block(void **state)
{
	unsigned long pfn = PFN(8 * SECTION);

	one_section();
	memmap_set_types(pfn, pfn + PAGES_PER_SECTION, MIGRATE_MOVABLE);
	set_pfnblock_migratetype(pfn + pageblock_nr_pages - 1, MIGRATE_CMA);
	assert_int_equal(get_pageblock_migratetype(pfn_to_page(pfn)), MIGRATE_CMA);
	if (PAGEBLOCKS_PER_SECTION > 1) {
		assert_int_equal(get_pfnblock_migratetype(pfn + pageblock_nr_pages),
				 MIGRATE_MOVABLE);
		memmap_set_types(pfn + pageblock_nr_pages, pfn + 2 * pageblock_nr_pages,
				 MIGRATE_ISOLATE);
		assert_int_equal(get_pfnblock_migratetype(pfn + pageblock_nr_pages),
				 MIGRATE_ISOLATE);
		assert_int_equal(get_pfnblock_migratetype(pfn), MIGRATE_CMA);
	}
}

static void links_reach_the_first_and_the_last_page(void **state)
{
	struct page_list list = {0};
	struct page *first, *last;

	one_section();
	first = pfn_to_page(PFN(8 * SECTION));
	last = pfn_to_page(PFN(17 * SECTION) - 1);
	assert_int_equal(page_index32(first), PAGES_PER_SECTION);
	assert_ptr_equal(page_from_index(page_index32(last)), last);
	page_list_add(&list, first);
	page_list_add_tail(&list, last);
	assert_ptr_equal(page_list_first(&list), first);
	page_list_del(&list, first);
	assert_ptr_equal(page_list_first(&list), last);
	page_list_del(&list, last);
	assert_true(page_list_empty(&list) && !list.last);
}

static void memory_from_address_zero_works(void **state)
{
	struct page_list list = {0};

	memblock_add_node(0, 2 * SECTION, 0, MEMBLOCK_NONE);
	sparse_init();
	assert_true(pfn_valid(0));
	page_list_add(&list, pfn_to_page(0));
	assert_ptr_equal(page_list_first(&list), pfn_to_page(0));
	check_mappings();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sections_with_memory_are_present, reset),
		cmocka_unit_test_setup(a_run_ends_where_the_node_changes, reset),
		cmocka_unit_test_setup(a_section_of_two_nodes_is_the_first_ones, reset),
		cmocka_unit_test_setup(placement_allows_blocks_and_wastes_nothing, reset),
		cmocka_unit_test_setup(without_room_for_a_run_sections_are_mapped_alone, reset),
		cmocka_unit_test_setup(a_section_without_a_map_is_left_out_and_said_so, reset),
		cmocka_unit_test_setup(a_failed_mapping_gives_its_memory_back, reset),
		cmocka_unit_test_setup(memory_beyond_the_reach_of_links_is_not_used, reset),
		cmocka_unit_test_setup(no_memory_panics, reset),
		cmocka_unit_test_setup(struct_pages_are_free_or_reserved, reset),
		cmocka_unit_test_setup(pageblock_types_are_kept_a_block, reset),
		cmocka_unit_test_setup(links_reach_the_first_and_the_last_page, reset),
		cmocka_unit_test_setup(memory_from_address_zero_works, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
