// SPDX-License-Identifier: MIT
/* links: mm/page/watermark.c */
/* granules: 12 14 16 */
/*
 * Watermarks, lowmem reserves and pageset limits from managed pages. The judge is tests/oracle/wmark.tsv: what Linux 6.12
 * computed on recorded machines from the managed pages it had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/boot.h>
#include <quire/mm_init.h>

#define NODES 8

static struct pglist_data nodes[NODES];
struct pglist_data *node_data[MAX_NUMNODES];
u64 node_online_mask;
unsigned int nr_cpus_possible = 4;
static unsigned int cpus_in_node = 2;

unsigned int node_cpu_count(int nid)
{
	return cpus_in_node;
}

struct zone *first_zone(void)
{
	return node_online_mask ? nodes[0].node_zones : NULL;
}

struct zone *next_zone(struct zone *zone)
{
	if (zone_idx(zone) < MAX_NR_ZONES - 1)
		return zone + 1;
	return node_online_mask >> (zone_to_nid(zone) + 1) & 1
		       ? nodes[zone_to_nid(zone) + 1].node_zones
		       : NULL;
}

unsigned long totalram_pages(void)
{
	unsigned long pages = 0;
	struct zone *zone;

	for_each_zone(zone) pages += zone->managed_pages;
	return pages;
}

static void set_nodes(int count)
{
	memset(nodes, 0, sizeof(nodes));
	node_online_mask = 0;
	for (int n = 0; n < count; n++) {
		nodes[n].node_id = n;
		node_data[n] = &nodes[n];
		node_online_mask |= 1ULL << n;
		for (int z = 0; z < MAX_NR_ZONES; z++) {
			nodes[n].node_zones[z].zone_pgdat = &nodes[n];
			nodes[n].node_zones[z].name = "zone";
		}
	}
	user_min_free_kbytes = -1;
	transparent_hugepage_enabled = true;
	watermark_scale_factor = 10;
}

static int reset(void **state)
{
	set_nodes(1);
	return 0;
}

struct row {
	char name[64];
	int shift, kbytes, thp, node, zone;
	unsigned long present, then, managed, wmark[4], protection[5];
	char batch[16];
};

static int parse_row(const char *line, struct row *r)
{
	return sscanf(line,
		      "%63s %d %d %d %d %d %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %15s",
		      r->name, &r->shift, &r->kbytes, &r->thp, &r->node, &r->zone, &r->present,
		      &r->then, &r->managed, &r->wmark[0], &r->wmark[1], &r->wmark[2], &r->wmark[3],
		      &r->protection[0], &r->protection[1], &r->protection[2], &r->protection[3],
		      &r->protection[4], r->batch) == 19;
}

static unsigned int check_rows(const struct row *rows, unsigned int n)
{
	unsigned int bad = 0;

	set_nodes(rows[n - 1].node + 1);
	transparent_hugepage_enabled = rows[0].thp;
	for (unsigned int i = 0; i < n; i++) {
		nodes[rows[i].node].node_zones[rows[i].zone].present_pages = rows[i].present;
		assert_int_equal(zone_override_managed(rows[i].node, (enum zone_type)rows[i].zone,
						       rows[i].then),
				 0);
	}
	init_per_zone_wmark_min();
	bad += min_free_kbytes != rows[0].kbytes;
	for (unsigned int i = 0; i < n; i++) {
		struct zone *z = &nodes[rows[i].node].node_zones[rows[i].zone];

		for (int w = 0; w < NR_WMARK; w++)
			bad += z->_watermark[w] != rows[i].wmark[w];
		if (rows[i].batch[0] != '-')
			bad += z->pageset_batch != atoi(rows[i].batch);
	}
	/* Linux computes these again when it frees its init sections. */
	for (unsigned int i = 0; i < n; i++)
		zone_override_managed(rows[i].node, (enum zone_type)rows[i].zone, rows[i].managed);
	setup_per_zone_lowmem_reserve();
	for (unsigned int i = 0; i < n; i++)
		for (int p = 0; p < MAX_NR_ZONES; p++)
			bad += nodes[rows[i].node].node_zones[rows[i].zone].lowmem_reserve[p] !=
			       rows[i].protection[p];
	if (bad)
		print_error("%s: %u values differ from Linux's\n", rows[0].name, bad);
	return bad;
}

static void every_recorded_machine_agrees(void **state)
{
	static struct row rows[NODES * MAX_NR_ZONES + 1];
	unsigned int n = 0, cases = 0, bad = 0;
	char line[512];
	FILE *f = fopen("tests/oracle/wmark.tsv", "r");

	assert_non_null(f);
	for (;;) {
		bool more = fgets(line, sizeof(line), f);

		if (more && line[0] == '#')
			continue;
		if (more)
			assert_true(parse_row(line, &rows[n]));
		if (n && (!more || strcmp(rows[n].name, rows[0].name) != 0)) {
			if (rows[0].shift == PAGE_SHIFT) {
				bad += check_rows(rows, n);
				cases++;
			}
			rows[0] = rows[n];
			n = 0;
		}
		if (!more)
			break;
		n++;
	}
	fclose(f);
	print_message("%u recorded machines\n", cases);
	/* 127 with 4 KiB pages, 6 with 16 KiB; none was recorded with 64 KiB. */
	assert_int_equal(cases, PAGE_SHIFT == 12 ? 127 : PAGE_SHIFT == 14 ? 6 : 0);
	assert_int_equal(bad, 0);
}

static void no_memory_divides_by_nothing(void **state)
{
	init_per_zone_wmark_min();
	assert_int_equal(min_free_kbytes, 128);
	assert_int_equal(nodes[0].node_zones[ZONE_NORMAL]._watermark[WMARK_HIGH], 0);
	assert_int_equal(nodes[0].node_zones[ZONE_MOVABLE]._watermark[WMARK_MIN], 32);
	assert_int_equal(totalreserve_pages, 0);
}

static void min_free_kbytes_has_a_floor_and_a_ceiling(void **state)
{
	struct zone *z = &nodes[0].node_zones[ZONE_NORMAL];

	z->present_pages = z->managed_pages = 16;
	calculate_min_free_kbytes();
	assert_int_equal(min_free_kbytes, 128);
	/* 4 * sqrt(kbytes) passes 256 MiB at 4 TiB. */
	z->managed_pages = (8UL << 40) >> PAGE_SHIFT;
	calculate_min_free_kbytes();
	assert_int_equal(min_free_kbytes, 262144);
}

static void a_larger_user_value_is_kept(void **state)
{
	struct zone *z = &nodes[0].node_zones[ZONE_NORMAL];

	z->present_pages = z->managed_pages = SZ_64M >> PAGE_SHIFT;
	min_free_kbytes = user_min_free_kbytes = 9000;
	init_per_zone_wmark_min();
	assert_int_equal(min_free_kbytes, 9000);
	assert_int_equal(z->_watermark[WMARK_MIN], (9000 >> (PAGE_SHIFT - 10)));
}

static void the_scale_factor_widens_the_gaps(void **state)
{
	struct zone *z = &nodes[0].node_zones[ZONE_NORMAL];
	unsigned long managed = SZ_256M >> PAGE_SHIFT;

	z->present_pages = z->managed_pages = managed;
	watermark_scale_factor = 1000;
	init_per_zone_wmark_min();
	assert_int_equal(z->_watermark[WMARK_LOW] - z->_watermark[WMARK_MIN], managed / 10);
	assert_int_equal(z->_watermark[WMARK_PROMO] - z->_watermark[WMARK_HIGH], managed / 10);
}

static void a_ratio_of_zero_reserves_nothing(void **state)
{
	struct zone *z = nodes[0].node_zones;

	z[ZONE_DMA].managed_pages = 1000;
	z[ZONE_NORMAL].managed_pages = 256000;
	setup_per_zone_lowmem_reserve();
	assert_int_equal(z[ZONE_DMA].lowmem_reserve[ZONE_DMA], 0);
	assert_int_equal(z[ZONE_DMA].lowmem_reserve[ZONE_NORMAL], 1000);
	sysctl_lowmem_reserve_ratio[ZONE_DMA] = 0;
	setup_per_zone_lowmem_reserve();
	sysctl_lowmem_reserve_ratio[ZONE_DMA] = 256;
	assert_int_equal(z[ZONE_DMA].lowmem_reserve[ZONE_NORMAL], 0);
}

static void pagesets_follow_their_zone(void **state)
{
	static struct per_cpu_pages pagesets[4];
	struct zone *z = &nodes[0].node_zones[ZONE_NORMAL];

	z->present_pages = z->managed_pages = SZ_1G >> PAGE_SHIFT;
	z->pageset = pagesets;
	init_per_zone_wmark_min();
	for (int cpu = 0; cpu < 4; cpu++) {
		assert_int_equal(pagesets[cpu].batch, z->pageset_batch);
		assert_int_equal(pagesets[cpu].high_min, z->pageset_high_min);
		assert_int_equal(pagesets[cpu].high_max, z->pageset_high_max);
	}
	assert_true(z->pageset_high_min >= 4 * z->pageset_batch);
	assert_int_equal(z->pageset_high_max, (SZ_1G >> PAGE_SHIFT) / 8 / 2);
	/* A node without CPUs is shared by all. */
	cpus_in_node = 0;
	zone_pcp_update(z);
	cpus_in_node = 2;
	assert_int_equal(z->pageset_high_max, (SZ_1G >> PAGE_SHIFT) / 8 / 4);
}

static void an_override_needs_an_existing_zone(void **state)
{
	assert_int_equal(zone_override_managed(-1, ZONE_DMA, 1), -EINVAL);
	assert_int_equal(zone_override_managed(MAX_NUMNODES, ZONE_DMA, 1), -EINVAL);
	assert_int_equal(zone_override_managed(MAX_NUMNODES - 1, ZONE_DMA, 1), -EINVAL);
	assert_int_equal(zone_override_managed(0, MAX_NR_ZONES, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_recorded_machine_agrees, reset),
		cmocka_unit_test_setup(no_memory_divides_by_nothing, reset),
		cmocka_unit_test_setup(min_free_kbytes_has_a_floor_and_a_ceiling, reset),
		cmocka_unit_test_setup(a_larger_user_value_is_kept, reset),
		cmocka_unit_test_setup(the_scale_factor_widens_the_gaps, reset),
		cmocka_unit_test_setup(a_ratio_of_zero_reserves_nothing, reset),
		cmocka_unit_test_setup(pagesets_follow_their_zone, reset),
		cmocka_unit_test_setup(an_override_needs_an_existing_zone, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
