// SPDX-License-Identifier: MIT
/* links: mm/page/zone.c mm/page/zonelist.c mm/page/watermark.c mm/early/sparse.c @memblock */
/* granules: 12 14 16 */
/*
 * Node and zone ranges, ZONE_MOVABLE, present pages, and which page memmap_walk gives to whom. The judge of the sizes is
 * tests/oracle/zones.txt: what Linux 6.12 made of the same regions.
 */
#include "mm_fixture.h"

static unsigned long sum_pages;

unsigned long totalram_pages(void)
{
	return sum_pages;
}

static int reset(void **state)
{
	reset_machine();
	/* A parameter of an earlier test goes with its value. */
	parse_kernelcore("0");
	parse_movablecore("0");
	parse_kernelcore("0%");
	parse_movablecore("0%");
	return 0;
}

#define PFN(addr) ((unsigned long)(addr) >> PAGE_SHIFT)

static void add(u64 base, u64 size, int nid)
{
	assert_int_equal(memblock_add_node(base, size, nid, MEMBLOCK_NONE), 0);
}

/* ------------------------------------------------------------------ recorded machines */

struct expected {
	char name[64];
	int shift;
	unsigned long limits[MAX_NR_ZONES], movable[MAX_NUMNODES];
	struct {
		int node, zone;
		unsigned long start, spanned, present;
	} zones[64];
	unsigned int nr_zones, nr_unavailable;
	struct {
		int node, zone;
		unsigned long pages;
	} unavailable[2048];
	char fallback[MAX_NUMNODES][128];
	unsigned int nr_mem;
};

static unsigned int check_case(const struct expected *e)
{
	unsigned long max_zone_pfns[MAX_NR_ZONES] = {0};
	unsigned int bad = 0;
	const char *p;
	char line[160];

	for (int z = 0, last = 0; z < MAX_NR_ZONES; z++)
		last = (int)(max_zone_pfns[z] = e->limits[z] ? e->limits[z] : (unsigned long)last);
	sparse_init();
	free_area_init(max_zone_pfns);
	build_all_zonelists();

	for (unsigned int i = 0; i < e->nr_zones; i++) {
		struct zone *z = zone_at(e->zones[i].node, (enum zone_type)e->zones[i].zone);

		bad += z->spanned_pages != e->zones[i].spanned;
		bad += z->present_pages != e->zones[i].present;
		bad += e->zones[i].spanned && z->zone_start_pfn != e->zones[i].start;
	}
	for (int n = 0; n < MAX_NUMNODES; n++) {
		bad += PFN_PHYS(zone_movable_pfn[n]) != e->movable[n];
		if (e->fallback[n][0])
			bad += !logged(e->fallback[n]);
	}
	/* The lines about holes, each once and in Linux's order. */
	p = log_text;
	for (unsigned int i = 0; i < e->nr_unavailable; i++) {
		snprintf(line, sizeof(line),
			 "On node %d, zone %s: %lu pages in unavailable ranges\n",
			 e->unavailable[i].node, zone_names[e->unavailable[i].zone],
			 e->unavailable[i].pages);
		p = strstr(p, "On node");
		if (!p || strncmp(p, line, strlen(line)) != 0) {
			bad++;
			break;
		}
		p += strlen(line);
	}
	bad += p && strstr(p, "unavailable ranges") != NULL;
	if (bad)
		print_error("%s: %u differences\n%.3000s\n", e->name, bad, log_text);
	return bad;
}

static void every_recorded_machine_agrees(void **state)
{
	static struct expected e;
	char line[512], word[64], arg[64];
	unsigned int cases = 0, bad = 0;
	FILE *f = fopen("tests/oracle/zones.txt", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long a, b, c;
		int n, z, off = 0;

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%63s%n", word, &off), 1);
		if (!strcmp(word, "case")) {
			memset(&e, 0, sizeof(e));
			reset(NULL);
			assert_int_equal(sscanf(line + off, "%63s %d", e.name, &e.shift), 2);
		} else if (e.shift != PAGE_SHIFT) {
			continue;
		} else if (!strcmp(word, "arg")) {
			assert_int_equal(sscanf(line + off, " %63s", arg), 1);
			if (!strncmp(arg, "kernelcore=", 11))
				assert_int_equal(parse_kernelcore(arg + 11), 0);
			else if (!strncmp(arg, "movablecore=", 12))
				assert_int_equal(parse_movablecore(arg + 12), 0);
		} else if (!strcmp(word, "mem")) {
			assert_int_equal(sscanf(line + off, "%lx %lx %d %d", &a, &b, &n, &z), 4);
			memblock_add_node(a, b, n, (enum memblock_flags)z);
		} else if (!strcmp(word, "limit")) {
			assert_int_equal(sscanf(line + off, "%d %lu", &z, &a), 2);
			e.limits[z] = a;
		} else if (!strcmp(word, "movable")) {
			assert_int_equal(sscanf(line + off, "%d %lx", &n, &a), 2);
			e.movable[n] = a;
		} else if (!strcmp(word, "zone")) {
			assert_int_equal(
				sscanf(line + off, "%d %d %lu %lu %lu", &n, &z, &a, &b, &c), 5);
			e.zones[e.nr_zones].node = n;
			e.zones[e.nr_zones].zone = z;
			e.zones[e.nr_zones].start = a;
			e.zones[e.nr_zones].spanned = b;
			e.zones[e.nr_zones++].present = c;
		} else if (!strcmp(word, "unavailable")) {
			assert_int_equal(sscanf(line + off, "%d %d %lu", &n, &z, &a), 3);
			e.unavailable[e.nr_unavailable].node = n;
			e.unavailable[e.nr_unavailable].zone = z;
			e.unavailable[e.nr_unavailable++].pages = a;
		} else if (!strcmp(word, "distance")) {
			char *p = line + off;

			n = (int)strtol(p, &p, 10);
			for (int to = 0; *p && *p != '\n'; to++)
				distances[n][to] = (int)strtol(p, &p, 10);
		} else if (!strcmp(word, "fallback")) {
			char *p = line + off;

			n = (int)strtol(p, &p, 10);
			snprintf(e.fallback[n], sizeof(e.fallback[n]),
				 "Fallback order for Node %d: %.*s \n", n,
				 (int)strcspn(p + 1, "\n"), p + 1);
		} else if (!strcmp(word, "end")) {
			bad += check_case(&e);
			cases++;
		}
	}
	fclose(f);
	print_message("%u recorded machines\n", cases);
	assert_int_equal(cases, PAGE_SHIFT == 12 ? 127 : PAGE_SHIFT == 14 ? 6 : 0);
	assert_int_equal(bad, 0);
}

/* ------------------------------------------------------------------ rules */

/*
 *        1G          3G  4G        6G
 *   node 0 |##############|##########|
 *          |---- DMA -----|- NORMAL -|
 */
static void a_node_is_cut_at_zone_limits(void **state)
{
	add(SZ_1G, 5 * SZ_1G, 0);
	boot_zones(PFN(SZ_4G), 0);
	assert_int_equal(zone_at(0, ZONE_DMA)->spanned_pages, PFN(3 * SZ_1G));
	assert_int_equal(zone_at(0, ZONE_DMA32)->spanned_pages, 0);
	assert_int_equal(zone_at(0, ZONE_NORMAL)->zone_start_pfn, PFN(SZ_4G));
	assert_int_equal(zone_at(0, ZONE_NORMAL)->present_pages, PFN(2 * SZ_1G));
	assert_int_equal(NODE_DATA(0)->node_present_pages, PFN(5 * SZ_1G));
	assert_int_equal(NODE_DATA(0)->nr_zones, ZONE_NORMAL + 1);
	assert_true(logged("  DMA      [mem 0x0000000040000000-0x00000000ffffffff]\n"));
	assert_true(logged("  DMA32    empty\n"));
	assert_true(logged("  Normal   [mem 0x0000000100000000-0x000000017fffffff]\n"));
	assert_true(logged("Initmem setup node 0 [mem 0x0000000040000000-0x000000017fffffff]\n"));
}

static void a_page_that_two_banks_share_belongs_to_neither(void **state)
{
	add(SZ_1G, SZ_16M + 0x800, 0);
	add(SZ_1G + SZ_16M + 0x800 + 1, SZ_16M, 1);
	boot_zones(PFN(SZ_4G), 0);
	assert_int_equal(zone_at(0, ZONE_DMA)->present_pages, PFN(SZ_16M));
	assert_int_equal(zone_at(1, ZONE_DMA)->present_pages, PFN(SZ_16M) - (PAGE_SIZE > 0x801));
}

static void a_memoryless_node_is_set_up_empty(void **state)
{
	u64 size;

	add(SZ_1G, SZ_1G, 0);
	assert_true(alloc_node_data(0, &size) != 0);
	assert_true(alloc_node_data(3, &size) != 0);
	boot_zones(PFN(SZ_4G), 0);
	assert_true(logged("Initmem setup node 3 as memoryless\n"));
	assert_int_equal(NODE_DATA(3)->node_spanned_pages, 0);
	assert_int_equal(NODE_DATA(3)->nr_zones, 0);
	/* Iteration: node by node. */
	assert_ptr_equal(first_zone(), zone_at(0, ZONE_DMA));
	assert_ptr_equal(next_zone(zone_at(0, ZONE_DEVICE)), zone_at(3, ZONE_DMA));
	assert_null(next_zone(zone_at(3, ZONE_DEVICE)));
}

static void parameters_are_parsed_or_refused(void **state)
{
	assert_int_equal(parse_kernelcore(NULL), -EINVAL);
	assert_int_equal(parse_kernelcore(""), -EINVAL);
	assert_int_equal(parse_kernelcore("zero"), -EINVAL);
	assert_int_equal(parse_kernelcore("101%"), -EINVAL);
	assert_int_equal(parse_movablecore("99999999999999999999"), -EINVAL);
	assert_int_equal(parse_movablecore("99999999999G"), -EINVAL);
	assert_int_equal(parse_movablecore("mirror"), -EINVAL);
	assert_int_equal(parse_movablecore("0x20000000"), 0);
	assert_int_equal(parse_kernelcore("30%"), 0);
	assert_int_equal(parse_kernelcore("mirror"), 0);
	assert_true(mirrored_kernelcore);
}

static void movablecore_is_rounded_up_to_largest_blocks(void **state)
{
	unsigned long movable;

	add(SZ_1G, SZ_1G, 0);
	assert_int_equal(parse_movablecore("100M"), 0);
	boot_zones(PFN(SZ_4G), 0);
	movable = ALIGN(PFN(100 * SZ_1M), MAX_ORDER_NR_PAGES);
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->present_pages, movable);
	assert_int_equal(zone_at(0, ZONE_DMA)->present_pages, PFN(SZ_1G) - movable);
}

static void kernelcore_of_all_memory_leaves_no_movable_zone(void **state)
{
	add(SZ_1G, SZ_1G, 0);
	assert_int_equal(parse_kernelcore("1G"), 0);
	boot_zones(PFN(SZ_4G), 0);
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->spanned_pages, 0);
	assert_int_equal(zone_movable_pfn[0], 0);
}

/*
 *   node 0 |#| 512M    node 1 |########| 3G     kernelcore=2G: node 0 gives 512M, node 1 the rest
 */
static void a_small_node_is_made_up_for_by_the_other(void **state)
{
	add(SZ_1G, SZ_1G / 2, 0);
	add(2 * SZ_1G, 3 * SZ_1G, 1);
	assert_int_equal(parse_kernelcore("2G"), 0);
	boot_zones(PFN(8 * SZ_1G), 0);
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->present_pages, 0);
	assert_int_equal(zone_at(1, ZONE_MOVABLE)->present_pages, PFN(3 * SZ_1G / 2));
	assert_int_equal(zone_at(1, ZONE_DMA)->present_pages, PFN(3 * SZ_1G / 2));
}

static void movable_node_takes_what_can_be_unplugged(void **state)
{
	add(SZ_1G, SZ_1G, 0);
	memblock_add_node(2 * SZ_1G, SZ_1G, 0, MEMBLOCK_HOTPLUG);
	movable_node_enabled = true;
	boot_zones(PFN(SZ_4G), 0);
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->zone_start_pfn, PFN(2 * SZ_1G));
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->present_pages, PFN(SZ_1G));
	assert_int_equal(zone_at(0, ZONE_DMA)->present_pages, PFN(SZ_1G));
}

/*
 *   1G        4G      5G       6G       7G       8G
 *   |#######mirror#####|-plain--|#mirror#|-plain--|      NORMAL has what is mirrored, MOVABLE the rest above 4G; their
 *             |<----------- NORMAL --------------->|      spans overlap
 *                      |<--------- MOVABLE ------->|
 */
static void mirrored_memory_above_4g_stays_normal(void **state)
{
	add(SZ_1G, 7 * SZ_1G, 0);
	mirrored_kernelcore = true;
	memblock_mark_mirror(SZ_1G, 4 * SZ_1G);
	memblock_mark_mirror(6 * SZ_1G, SZ_1G);
	boot_zones(PFN(SZ_4G), 0);
	assert_int_equal(zone_at(0, ZONE_NORMAL)->spanned_pages, PFN(4 * SZ_1G));
	assert_int_equal(zone_at(0, ZONE_NORMAL)->present_pages, PFN(2 * SZ_1G));
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->zone_start_pfn, PFN(5 * SZ_1G));
	assert_int_equal(zone_at(0, ZONE_MOVABLE)->present_pages, PFN(2 * SZ_1G));
	assert_ptr_equal(zone_of_pfn(PFN(SZ_4G)), zone_at(0, ZONE_NORMAL));
	assert_ptr_equal(zone_of_pfn(PFN(5 * SZ_1G)), zone_at(0, ZONE_MOVABLE));
	assert_ptr_equal(zone_of_pfn(PFN(6 * SZ_1G)), zone_at(0, ZONE_NORMAL));
	assert_ptr_equal(zone_of_pfn(PFN(7 * SZ_1G)), zone_at(0, ZONE_MOVABLE));
}

/* ------------------------------------------------------------------ memmap_walk */

struct stretch {
	struct zone *zone;
	unsigned long start, end;
	enum memmap_kind kind;
};
static struct stretch seen[4096];
static unsigned int nr_seen;

static void note(struct zone *zone, unsigned long start, unsigned long end, enum memmap_kind kind,
		 void *arg)
{
	assert_true(start < end);
	assert_true(nr_seen < ARRAY_SIZE(seen));
	seen[nr_seen++] = (struct stretch){zone, start, end, kind};
}

static void walk(unsigned long start, unsigned long end)
{
	unsigned long at = start;

	nr_seen = 0;
	memmap_walk(start, end, note, NULL);
	for (unsigned int i = 0; i < nr_seen; i++) {
		assert_int_equal(seen[i].start, at);
		at = seen[i].end;
	}
	assert_int_equal(at, end);
}

static void a_partly_reserved_page_is_not_free(void **state)
{
	unsigned long base = PFN(SZ_1G);

	add(SZ_1G, SZ_16M, 0);
	boot_zones(PFN(SZ_4G), 0);
	memblock_phys_free(0, SZ_4G);
	memblock_reserve(SZ_1G + PAGE_SIZE * 2 + 1, 1);
	memblock_reserve(SZ_1G + PAGE_SIZE * 4, PAGE_SIZE + 8);
	walk(base, base + 8);
	assert_int_equal(nr_seen, 5);
	assert_int_equal(seen[1].start, base + 2);
	assert_int_equal(seen[1].kind, MEMMAP_RESERVED);
	assert_int_equal(seen[2].kind, MEMMAP_FREE);
	assert_int_equal(seen[2].end, base + 4);
	assert_int_equal(seen[3].kind, MEMMAP_RESERVED);
	assert_int_equal(seen[3].end, base + 6);
	assert_int_equal(seen[4].kind, MEMMAP_FREE);
}

static void a_hole_belongs_to_the_zone_above_it(void **state)
{
	add(SZ_1G, SZ_16M, 0);
	add(SZ_1G + 2 * SZ_16M, SZ_16M, 1);
	boot_zones(PFN(SZ_4G), 0);
	assert_ptr_equal(zone_of_pfn(PFN(SZ_1G + SZ_16M)), zone_at(1, ZONE_DMA));
	assert_ptr_equal(zone_of_pfn(0), zone_at(0, ZONE_DMA));
	/* Nothing above: the zone below. */
	assert_ptr_equal(zone_of_pfn(PFN(SZ_1G + 3 * SZ_16M)), zone_at(1, ZONE_DMA));
}

/* The walk's free stretches are what memblock's own iterator calls free, whatever the regions. */
static void the_walk_agrees_with_the_free_iterator(void **state)
{
	srandom(1);
	for (int round = 0; round < 60; round++) {
		unsigned long from_iterator = 0, from_walk = 0;
		phys_addr_t start, end;
		u64 i;

		reset(NULL);
		for (int r = 0; r < 12; r++)
			add(SZ_1G + (u64)(random() % 64) * SZ_16M + (u64)(random() % 3) * 0x800,
			    (u64)(1 + random() % 40) * SZ_1M + (u64)(random() % 3) * 0x900, r & 1);
		add(2 * SZ_4G, SZ_1G, 0);
		boot_zones(PFN(SZ_1G + 37 * SZ_16M), PFN(SZ_4G));
		memblock_mark_nomap(SZ_1G + (u64)(random() % 64) * SZ_16M, SZ_1M + 0x345);
		for (int r = 0; r < 60; r++)
			memblock_reserve(SZ_1G + (u64)(random() % 0x40000000),
					 (u64)(random() % 0x30000));

		for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end,
					NULL) if (PFN_UP(start) < PFN_DOWN(end)) from_iterator +=
			PFN_DOWN(end) - PFN_UP(start);
		walk(0, PFN(3 * SZ_4G));
		for (unsigned int s = 0; s < nr_seen; s++)
			if (seen[s].kind == MEMMAP_FREE)
				from_walk += seen[s].end - seen[s].start;
		assert_int_equal(from_walk, from_iterator);

		/* A walk of a part is the same part of the walk. */
		for (int part = 0; part < 8; part++) {
			unsigned long pfn = PFN(SZ_1G) + (unsigned long)random() % PFN(SZ_1G);
			enum memmap_kind kind = MEMMAP_HOLE;
			struct zone *zone = NULL;

			walk(0, PFN(3 * SZ_4G));
			for (unsigned int s = 0; s < nr_seen; s++) {
				if (pfn >= seen[s].start && pfn < seen[s].end) {
					kind = seen[s].kind;
					zone = seen[s].zone;
				}
			}
			walk(pfn, pfn + 1);
			assert_int_equal(nr_seen, 1);
			assert_int_equal(seen[0].kind, kind);
			assert_ptr_equal(seen[0].zone, zone);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_recorded_machine_agrees, reset),
		cmocka_unit_test_setup(a_node_is_cut_at_zone_limits, reset),
		cmocka_unit_test_setup(a_page_that_two_banks_share_belongs_to_neither, reset),
		cmocka_unit_test_setup(a_memoryless_node_is_set_up_empty, reset),
		cmocka_unit_test_setup(parameters_are_parsed_or_refused, reset),
		cmocka_unit_test_setup(movablecore_is_rounded_up_to_largest_blocks, reset),
		cmocka_unit_test_setup(kernelcore_of_all_memory_leaves_no_movable_zone, reset),
		cmocka_unit_test_setup(a_small_node_is_made_up_for_by_the_other, reset),
		cmocka_unit_test_setup(movable_node_takes_what_can_be_unplugged, reset),
		cmocka_unit_test_setup(mirrored_memory_above_4g_stays_normal, reset),
		cmocka_unit_test_setup(a_partly_reserved_page_is_not_free, reset),
		cmocka_unit_test_setup(a_hole_belongs_to_the_zone_above_it, reset),
		cmocka_unit_test_setup(the_walk_agrees_with_the_free_iterator, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
