// SPDX-License-Identifier: MIT
/* links: @buddy mm/page/contig.c mm/page/migrate.c mm/page/compaction.c mm/page/cma.c @memblock mm/debug/movable.c */
/* cflags: -DWORLD_HAS_CMA */
/*
 * CMA over the real page allocator, with real movable pages, on one CPU and on several: contents stay what they are, no page has two
 * owners, and at the end all is free.
 */
#include "page_world.h"
#include "mm/debug/movable.h"

#include <pthread.h>

#include <quire/compaction.h>
#include <quire/vmstat.h>

/* ---- of the rooms below that are not linked */
unsigned long free_reserved_range(phys_addr_t base, phys_addr_t size)
{
	return 0;
}

void memmap_init_free(unsigned long start_pfn, unsigned long end_pfn, const struct zone *zone)
{
}

void memmap_set_types(unsigned long start_pfn, unsigned long end_pfn, enum migratetype mt)
{
}

#define PB pageblock_nr_pages
#define CPUS 4U
/* Two areas, of two pageblocks each, between ordinary ones. */
#define ZONE_PAGES (16 * PB)
#define AREA_PAGES (2 * PB)

static struct zone *zone;
static unsigned long free_at_start;

static void add_area(struct cma *cma, unsigned long at, const char *name)
{
	unsigned long pfn;

	*cma = (struct cma){
		.base = PFN_PHYS(BASE_PFN + at), .size = PFN_PHYS(AREA_PAGES), .active = true};
	snprintf(cma->name, sizeof(cma->name), "%s", name);
	for (pfn = at; pfn < at + AREA_PAGES; pfn += PB)
		set_pfnblock_migratetype(BASE_PFN + pfn, MIGRATE_CMA);
}

static void world(void)
{
	compaction_forget();
	memset(cma_areas, 0, sizeof(cma_areas));
	world_init(1);
	add_area(&cma_areas[0], 2 * PB, "low");
	add_area(&cma_areas[1], 8 * PB, "high");
	zone = world_add_zone(0, ZONE_NORMAL, 0, ZONE_PAGES, true);
	zone->cma_pages = 2 * AREA_PAGES;
	nr_cma_areas = 2;
	world_build_zonelists();
	world_add_pagesets(CPUS, 8, 64);
	migration_init();
	/* The bitmaps are there before anything is counted. */
	assert_true(cma_release(&cma_areas[0], cma_alloc(&cma_areas[0], 1, 0, true), 1));
	assert_true(cma_release(&cma_areas[1], cma_alloc(&cma_areas[1], 1, 0, true), 1));
	drain_all_pages(NULL);
	free_at_start = free_pages_of(zone);
}

static void all_is_free(void)
{
	assert_int_equal(movable_count(), 0);
	assert_int_equal(cma_check(), 0);
	world_check();
	drain_all_pages(NULL);
	assert_int_equal(free_pages_of(zone), free_at_start);
	assert_int_equal(zone_page_state(zone, NR_FREE_CMA_PAGES), 2 * AREA_PAGES);
	world_check();
}

/* ---- one CPU */

static void movable_pages_leave_an_area_that_is_wanted(void **state)
{
	static int handle[ZONE_PAGES];
	unsigned long n = 0, in_area = 0, i, moved = movable_moved(), events[NR_VM_EVENT_ITEMS];
	unsigned long before[NR_VM_EVENT_ITEMS] = {0};
	struct cma *cma;
	struct page *page;

	world();
	before[0] = this_cpu_read(vm_event_states.event[CMA_ALLOC_SUCCESS]);
	before[1] = this_cpu_read(vm_event_states.event[PGMIGRATE_SUCCESS]);
	/* More than the ordinary pages: some lie in an area. */
	while (n < 13 * PB) {
		handle[n] = movable_create(GFP_HIGHUSER_MOVABLE);
		assert_true(handle[n] >= 0);
		n++;
	}
	for (cma = cma_areas; !in_area && cma < cma_areas + 2; cma += !in_area)
		for (i = 0; i < n; i++)
			in_area += cma_pages_valid(cma, movable_page(handle[i]), 1);
	assert_true(in_area >= PB / 2);
	page = cma_alloc(cma, AREA_PAGES, 0, false);
	assert_non_null(page);
	assert_int_equal(page_to_pfn(page), PHYS_PFN(cma->base));
	assert_int_equal(movable_moved() - moved, in_area);
	assert_int_equal(movable_check_all(), 0);
	events[0] = this_cpu_read(vm_event_states.event[CMA_ALLOC_SUCCESS]);
	events[1] = this_cpu_read(vm_event_states.event[PGMIGRATE_SUCCESS]);
	assert_int_equal(events[0] - before[0], 1);
	assert_int_equal(events[1] - before[1], in_area);
	/* They are its user's: written from end to end, no object is touched. */
	memset(page_address(page), 0x5a, AREA_PAGES * PAGE_SIZE);
	assert_int_equal(movable_check_all(), 0);
	assert_true(cma_release(cma, page, AREA_PAGES));
	for (i = 0; i < n; i++)
		assert_true(movable_destroy(handle[i]));
	all_is_free();
}

static void pages_that_do_not_move_fail_it_and_stay(void **state)
{
	struct cma *cma = &cma_areas[1];
	unsigned long n = 0, i, failed;
	static int handle[ZONE_PAGES];

	world();
	/* All but the atomic and other reserves: no room to move to either. */
	while ((handle[n] = movable_create(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN)) >= 0)
		n++;
	failed = cma->nr_pages_failed;
	assert_null(cma_alloc(cma, AREA_PAGES, 0, true));
	assert_int_equal(cma->nr_pages_failed, failed + AREA_PAGES);
	assert_int_equal(movable_check_all(), 0);
	assert_int_equal(cma_check(), 0);
	world_check();
	/* With room, but refused. */
	for (i = 0; i < n; i += 2)
		assert_true(movable_destroy(handle[i]));
	movable_refuse_migrate = -1;
	assert_null(cma_alloc(cma, AREA_PAGES, 0, true));
	movable_refuse_migrate = 0;
	movable_refuse_isolate = -1;
	assert_null(cma_alloc(cma, AREA_PAGES, 0, true));
	movable_refuse_isolate = 0;
	assert_int_equal(movable_check_all(), 0);
	assert_int_equal(cma->available_count, AREA_PAGES);
	for (i = 1; i < n; i += 2)
		assert_true(movable_destroy(handle[i]));
	all_is_free();
}

static void the_check_finds_planted_errors(void **state)
{
	struct cma *cma;
	struct page *page;

	world();
	cma = &cma_areas[0];
	page = cma_alloc(cma, 3, 0, true);
	assert_non_null(page);
	assert_int_equal(cma_check(), 0);
	cma->available_count++;
	assert_int_equal(cma_check(), 1);
	cma->available_count--;
	cma->bitmap[0] |= 1ULL << 20;
	/* A bit of a free page, and the count. */
	assert_int_equal(cma_check(), 2);
	cma->bitmap[0] &= ~(1ULL << 20);
	set_pfnblock_migratetype(PHYS_PFN(cma->base) + PB, MIGRATE_MOVABLE);
	assert_int_equal(cma_check(), 1);
	set_pfnblock_migratetype(PHYS_PFN(cma->base) + PB, MIGRATE_CMA);
	cma->size -= PAGE_SIZE;
	assert_true(cma_check() > 0);
	cma->size += PAGE_SIZE;
	assert_int_equal(cma_check(), 0);
	assert_true(cma_release(cma, page, 3));
	all_is_free();
}

/* ---- several CPUs */

static bool churning;
static unsigned long got[CPUS];

static u64 next(u64 *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

/* Takes and releases ranges, each filled with a mark of its own. */
static void *taker(void *arg)
{
	struct {
		struct page *page;
		unsigned long count;
	} mine[8] = {{0}};
	unsigned int cpu = (unsigned int)(unsigned long)arg, i, k;
	struct cma *cma = &cma_areas[0];
	u64 x = 88172645463325252ULL + cpu;

	host_cpu = cpu;
	for (i = 0; i < 600; i++) {
		next(&x);
		k = x % ARRAY_SIZE(mine);
		if (!mine[k].page) {
			unsigned int align = x >> 8 & 3;
			unsigned long p;

			mine[k].count = 1 + (x >> 16) % 24;
			mine[k].page = cma_alloc(cma, mine[k].count, align, true);
			if (!mine[k].page)
				continue;
			got[cpu]++;
			assert_true(cma_pages_valid(cma, mine[k].page, mine[k].count));
			assert_int_equal(page_to_pfn(mine[k].page) & ((1UL << align) - 1), 0);
			for (p = 0; p < mine[k].count; p++)
				*(u64 *)page_address(mine[k].page + p) = cpu << 8 | k;
			continue;
		}
		for (unsigned long p = 0; p < mine[k].count; p++)
			assert_int_equal(*(u64 *)page_address(mine[k].page + p), cpu << 8 | k);
		assert_true(cma_release(cma, mine[k].page, mine[k].count));
		mine[k].page = NULL;
	}
	for (k = 0; k < ARRAY_SIZE(mine); k++)
		if (mine[k].page)
			assert_true(cma_release(cma, mine[k].page, mine[k].count));
	return NULL;
}

/* Movable objects that come and go, in the area when it has free pages. */
static void *churn(void *arg)
{
	u64 x = 1442695040888963407ULL + (unsigned long)arg;
	static __thread int mine[1024];
	unsigned int k;

	host_cpu = (unsigned int)(unsigned long)arg;
	memset(mine, -1, sizeof(mine));
	while (__atomic_load_n(&churning, __ATOMIC_ACQUIRE)) {
		k = next(&x) % ARRAY_SIZE(mine);
		if (mine[k] < 0)
			mine[k] = movable_create(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
		else if (x >> 32 & 1)
			assert_true(movable_check(mine[k]));
		else {
			assert_true(movable_destroy(mine[k]));
			mine[k] = -1;
		}
	}
	for (k = 0; k < ARRAY_SIZE(mine); k++)
		if (mine[k] >= 0)
			assert_true(movable_destroy(mine[k]));
	return NULL;
}

static void cpus_take_from_one_area_while_objects_live_there(void **state)
{
	pthread_t threads[CPUS];
	struct cma *cma = &cma_areas[0];
	unsigned int i;

	world();
	memset(got, 0, sizeof(got));
	churning = true;
	for (i = 0; i < CPUS; i++)
		pthread_create(&threads[i], NULL, i < 2 ? taker : churn, (void *)(unsigned long)i);
	for (i = 0; i < CPUS; i++) {
		pthread_join(threads[i], NULL);
		if (i == 1)
			__atomic_store_n(&churning, false, __ATOMIC_RELEASE);
	}
	assert_true(got[0] > 50 && got[1] > 50);
	assert_int_equal(cma->nr_pages_succeeded, cma->nr_pages_released);
	all_is_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(movable_pages_leave_an_area_that_is_wanted),
		cmocka_unit_test(pages_that_do_not_move_fail_it_and_stay),
		cmocka_unit_test(the_check_finds_planted_errors),
		cmocka_unit_test(cpus_take_from_one_area_while_objects_live_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
