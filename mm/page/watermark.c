// SPDX-License-Identifier: MIT
/*
 * How many pages each zone keeps: watermarks, lowmem reserves, and how many pages a CPU may hold
 * back.
 *
 *   free pages of a zone
 *      |            reclaim sleeps
 *    high ---------------------------
 *      |            background reclaim runs
 *    low  ---------------------------   + lowmem_reserve[] for allocations that could use a higher zone
 *    min  ---------------------------
 *      |            only who frees memory, or must not fail
 *
 * Owns min_free_kbytes, watermark_scale_factor, the ratios, totalreserve_pages and every zone's
 * _watermark, lowmem_reserve and pageset limits. All follow from managed_pages; nothing here looks
 * at memory.
 *
 * Locking: the boot CPU, or a writer of these settings with other writers shut out. Each value is
 * read untorn without a lock.
 *
 * Against Linux: the same numbers for the same managed pages. Linux computes watermarks before it
 * frees the initrd and its init sections, and does not again when these pages are added; lowmem
 * reserves it does.
 */
#include <quire/boot.h>
#include <quire/mm_init.h>
#include <quire/printk.h>

int min_free_kbytes = 1024;
int user_min_free_kbytes = -1;
int watermark_scale_factor = 10; /* of 10000 */
bool transparent_hugepage_enabled = true;
int transparent_hugepage_mode;
unsigned long totalreserve_pages;

/*
 * A zone keeps 1/ratio of the pages above it from allocations that could use those; 0: keeps
 * nothing.
 */
int sysctl_lowmem_reserve_ratio[MAX_NR_ZONES] = {
	[ZONE_DMA] = 256,
	[ZONE_DMA32] = 256,
	[ZONE_NORMAL] = 32,
};

/* Pages that reclaim takes at a time, the least that ZONE_MOVABLE keeps. */
#define SWAP_CLUSTER_MAX 32UL
/* A CPU may hold at most this part of a zone. */
#define MIN_PERCPU_PAGELIST_HIGH_FRACTION 8
/* Below this the kernel turns transparent huge pages off. */
#define THP_MIN_RAM (512UL << (20 - PAGE_SHIFT))

unsigned long nr_free_zone_pages(enum zone_type highest)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_zone(zone) if (zone_idx(zone) <= highest &&
				zone->managed_pages > high_wmark_pages(zone)) sum +=
		zone->managed_pages - high_wmark_pages(zone);
	return sum;
}

unsigned long nr_free_buffer_pages(void)
{
	return nr_free_zone_pages(ZONE_NORMAL);
}

static void calculate_totalreserve_pages(void)
{
	unsigned long sum = 0;
	struct zone *zone;
	unsigned int j;

	for_each_zone(zone)
	{
		unsigned long most = 0;

		for (j = zone_idx(zone); j < MAX_NR_ZONES; j++)
			most = max(most, zone->lowmem_reserve[j]);
		sum += min(most + high_wmark_pages(zone), zone->managed_pages);
	}
	totalreserve_pages = sum;
}

void setup_per_zone_lowmem_reserve(void)
{
	struct zone *zone;

	for_each_zone(zone)
	{
		unsigned int i = zone_idx(zone), j;
		unsigned long above = 0;
		int ratio = sysctl_lowmem_reserve_ratio[i];

		for (j = i + 1; j < MAX_NR_ZONES; j++) {
			above += zone->zone_pgdat->node_zones[j].managed_pages;
			WRITE_ONCE(zone->lowmem_reserve[j], ratio > 0 && zone->managed_pages
								    ? above / (unsigned long)ratio
								    : 0);
		}
	}
	calculate_totalreserve_pages();
}

/* ------------------------------------------------------------------ pagesets */

int zone_batchsize(const struct zone *zone)
{
	/* 0.1 % of the zone and at most 1 MiB; a quarter of it moves at once. */
	unsigned long batch = min(zone->managed_pages >> 10, SZ_1M / PAGE_SIZE) / 4;

	batch = max(batch, 1UL);
	/* 2^n - 1, so that batches do not all have one half of the page colours. */
	return (int)rounddown_pow_of_two(batch + batch / 2) - 1;
}

/*
 * `pages` split over the CPUs of the zone's node (of the machine, when it has none); four batches
 * at least.
 */
static int zone_highsize(const struct zone *zone, int batch, unsigned long pages)
{
	unsigned int cpus = node_cpu_count(zone_to_nid(zone));

	if (!cpus)
		cpus = max(nr_cpus_possible, 1U);
	return max((int)(pages / cpus), batch * 4);
}

void zone_pcp_update(struct zone *zone)
{
	int batch = max(zone_batchsize(zone), 1);
	int high_min = zone_highsize(zone, batch, low_wmark_pages(zone));
	int high_max =
		zone_highsize(zone, batch, zone->managed_pages / MIN_PERCPU_PAGELIST_HIGH_FRACTION);
	unsigned int cpu;

	/* Read without a lock by who makes pagesets, or reports. */
	WRITE_ONCE(zone->pageset_batch, batch);
	WRITE_ONCE(zone->pageset_high_min, high_min);
	WRITE_ONCE(zone->pageset_high_max, high_max);
	for (cpu = 0; zone->pageset && cpu < nr_cpus_possible; cpu++) {
		struct per_cpu_pages *pcp = &zone->pageset[cpu];

		WRITE_ONCE(pcp->batch, batch);
		WRITE_ONCE(pcp->high_min, high_min);
		WRITE_ONCE(pcp->high_max, high_max);
		WRITE_ONCE(pcp->large_max, pcp_large_max(high_max));
	}
}

/* ------------------------------------------------------------------ watermarks */

void calculate_min_free_kbytes(void)
{
	u64 lowmem_kbytes = (u64)nr_free_buffer_pages() * (PAGE_SIZE >> 10);
	/* Network bandwidth does not grow linearly with the machine: 4 * sqrt. */
	int kbytes = (int)int_sqrt(lowmem_kbytes * 16);

	if (kbytes > user_min_free_kbytes)
		min_free_kbytes = clamp(kbytes, 128, 262144);
	else
		pr_warn("min_free_kbytes is not updated to %d because user defined value %d is "
			"preferred\n",
			kbytes, user_min_free_kbytes);
}

static void set_watermarks(struct zone *zone, unsigned long pages_min, unsigned long lowmem_pages)
{
	u64 managed = zone->managed_pages;
	u64 share = lowmem_pages ? (u64)pages_min * managed / lowmem_pages : 0;
	u64 lowest = share, gap;

	/*
	 * Allocations that may dig into the reserve do not need ZONE_MOVABLE. The distances between
	 * the marks pace background reclaim and are the same for all.
	 */
	if (zone_idx(zone) == ZONE_MOVABLE)
		lowest = clamp((u64)(managed / 1024), (u64)SWAP_CLUSTER_MAX, (u64)128);
	gap = max(share / 4, managed / 10000 * (u64)watermark_scale_factor +
				     managed % 10000 * (u64)watermark_scale_factor / 10000);

	WRITE_ONCE(zone->watermark_boost, 0);
	WRITE_ONCE(zone->_watermark[WMARK_MIN], lowest);
	WRITE_ONCE(zone->_watermark[WMARK_LOW], lowest + gap);
	WRITE_ONCE(zone->_watermark[WMARK_HIGH], lowest + 2 * gap);
	WRITE_ONCE(zone->_watermark[WMARK_PROMO], lowest + 3 * gap);
}

void setup_per_zone_wmarks(void)
{
	unsigned long pages_min = (unsigned long)min_free_kbytes >> (PAGE_SHIFT - 10);
	unsigned long lowmem_pages = 0;
	struct zone *zone;

	for_each_zone(zone) if (zone_idx(zone) != ZONE_MOVABLE) lowmem_pages += zone->managed_pages;
	for_each_zone(zone)
	{
		set_watermarks(zone, pages_min, lowmem_pages);
		zone_pcp_update(zone);
	}
	calculate_totalreserve_pages();
}

/*
 * With transparent huge pages, keep enough free that whole pageblocks stay free: two a zone, and
 * room for each of the three types to fall back to the two others; at most 5 % of lowmem. Small
 * machines have them off and are left alone; where they are off by choice, Linux computes the plain
 * value once more, now beyond the high watermarks.
 */
static void raise_for_huge_pages(void)
{
	unsigned long zones = 0, pages;
	struct zone *zone;

	if (totalram_pages() < THP_MIN_RAM)
		return;
	if (!transparent_hugepage_enabled) {
		calculate_min_free_kbytes();
		setup_per_zone_wmarks();
		return;
	}
	for_each_populated_zone(zone) zones += zone_idx(zone) <= ZONE_NORMAL;
	pages = pageblock_nr_pages * zones * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	pages = min(pages, nr_free_buffer_pages() / 20);
	if (pages << (PAGE_SHIFT - 10) > (unsigned long)min_free_kbytes) {
		if (user_min_free_kbytes >= 0)
			pr_info("raising min_free_kbytes from %d to %lu to help transparent "
				"hugepage allocations\n",
				min_free_kbytes, pages << (PAGE_SHIFT - 10));
		min_free_kbytes = (int)(pages << (PAGE_SHIFT - 10));
	}
	setup_per_zone_wmarks();
}

void init_per_zone_wmark_min(void)
{
	struct zone *zone;

	/*
	 * nr_free_buffer_pages counts beyond the high watermark, and there is none before the first
	 * time.
	 */
	for_each_zone(zone)
	{
		WRITE_ONCE(zone->watermark_boost, 0);
		WRITE_ONCE(zone->_watermark[WMARK_HIGH], 0);
	}
	calculate_min_free_kbytes();
	setup_per_zone_wmarks();
	setup_per_zone_lowmem_reserve();
	raise_for_huge_pages();
}

int zone_override_managed(int nid, enum zone_type zone, unsigned long pages)
{
	if (nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid) || (unsigned int)zone >= MAX_NR_ZONES)
		return -EINVAL;
	NODE_DATA(nid)->node_zones[zone].managed_pages = pages;
	return 0;
}
