// SPDX-License-Identifier: MIT
/*
 * Nodes and zones: their ranges and sizes, from memblock's regions.
 *
 *   zone limits (arm64)     |--- DMA ---|--- DMA32 ---|-------- NORMAL --------|
 *   node 0 memory              ######  ######   ########
 *   node 1 memory                                           ######  ##########
 *   kernelcore=                                ^ MOVABLE of node 0 starts here
 *
 * Owns node_data, the zones' limits, ZONE_MOVABLE's start per node. Invariants, for each zone:
 * spanned >= present >= managed; a node's present is the sum of its zones'; zones of a node do not
 * overlap, except NORMAL and MOVABLE with kernelcore=mirror, where the region's MIRROR flag
 * decides. All sizes are final when free_area_init returns, but managed_pages, which
 * memblock_free_all sets.
 *
 * Locking: none; the boot CPU alone.
 *
 * Against Linux: the same decisions, to the page. Linux's free_area_init goes on to write every
 * struct page (memmap_init); here memmap_walk tells the same story, which page belongs to which
 * zone, when a section is grown.
 */
#include <quire/build_profile.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/sparse.h>
#include <quire/string.h>

struct pglist_data *node_data[MAX_NUMNODES];
u64 node_online_mask;
u64 node_memory_mask;

const char *const zone_names[MAX_NR_ZONES] = {
	[ZONE_DMA] = "DMA",	    [ZONE_DMA32] = "DMA32",   [ZONE_NORMAL] = "Normal",
	[ZONE_MOVABLE] = "Movable", [ZONE_DEVICE] = "Device",
};

unsigned long arch_zone_lowest_possible_pfn[MAX_NR_ZONES];
unsigned long arch_zone_highest_possible_pfn[MAX_NR_ZONES];
unsigned long zone_movable_pfn[MAX_NUMNODES];

/* The highest zone that memory can be in: ZONE_MOVABLE takes its upper part. */
static enum zone_type movable_zone;

/* kernelcore= and movablecore=, in pages; percent not 0: of all pages. */
struct core_size {
	unsigned long pages, percent;
};
static struct core_size required_kernelcore, required_movablecore;

/* ------------------------------------------------------------------ parameters */

static int parse_core(const char *arg, struct core_size *core)
{
	u64 n = 0;
	unsigned int base = 10, digits = 0, shift = 0;

	if (!arg)
		return -EINVAL;
	if (arg[0] == '0' && (arg[1] | 32) == 'x') {
		base = 16;
		arg += 2;
	} else if (arg[0] == '0') {
		base = 8;
	}
	for (;; arg++, digits++) {
		unsigned int c = (unsigned char)*arg, d;

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			d = (c | 32) - 'a' + 10;
		else
			break;
		if (d >= base)
			break;
		if (n > (U64_MAX - d) / base)
			return -EINVAL;
		n = n * base + d;
	}
	if (!digits)
		return -EINVAL;
	if (*arg == '%') {
		if (n > 100)
			return -EINVAL;
		core->percent = n;
		return 0;
	}
	switch (*arg | 32) {
	case 'e':
		shift += 10;
		fallthrough;
	case 'p':
		shift += 10;
		fallthrough;
	case 't':
		shift += 10;
		fallthrough;
	case 'g':
		shift += 10;
		fallthrough;
	case 'm':
		shift += 10;
		fallthrough;
	case 'k':
		shift += 10;
		break;
	default:
		break;
	}
	if (n > U64_MAX >> shift)
		return -EINVAL;
	core->pages = (n << shift) >> PAGE_SHIFT;
	core->percent = 0;
	return 0;
}

int parse_kernelcore(const char *arg)
{
	if (arg && strcmp(arg, "mirror") == 0) {
		mirrored_kernelcore = true;
		return 0;
	}
	return parse_core(arg, &required_kernelcore);
}

int parse_movablecore(const char *arg)
{
	return parse_core(arg, &required_movablecore);
}

/* ------------------------------------------------------------------ nodes */

phys_addr_t alloc_node_data(int nid, u64 *size)
{
	u64 bytes = ALIGN(profile_or(pglist_data, sizeof(struct pglist_data)), SMP_CACHE_BYTES);
	phys_addr_t pa = memblock_phys_alloc_try_nid(bytes, SMP_CACHE_BYTES, nid);

	if (!pa)
		return 0;
	node_data[nid] = memset(phys_to_virt(pa), 0, bytes);
	node_data[nid]->node_id = nid;
	node_online_mask |= 1ULL << nid;
	*size = bytes;
	return pa;
}

void get_pfn_range_for_nid(int nid, unsigned long *start_pfn, unsigned long *end_pfn)
{
	unsigned long start, end;
	int i;

	*start_pfn = *end_pfn = 0;
	for_each_mem_pfn_range(i, nid, &start, &end, NULL)
	{
		if (*end_pfn == 0)
			*start_pfn = start;
		*end_pfn = end;
	}
}

struct zone *first_zone(void)
{
	return node_online_mask ? node_data[__ffs(node_online_mask)]->node_zones : NULL;
}

struct zone *next_zone(struct zone *zone)
{
	int nid = zone_to_nid(zone);
	u64 above;

	if (zone_idx(zone) < MAX_NR_ZONES - 1)
		return zone + 1;
	above = node_online_mask & (~1ULL << nid);
	return above ? node_data[__ffs(above)]->node_zones : NULL;
}

/* ------------------------------------------------------------------ ZONE_MOVABLE */

static unsigned long count_memory_nodes(void)
{
	unsigned long start, end, pages = 0;
	int i, nid;

	node_memory_mask = 0;
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &nid)
	{
		pages += end - start;
		if (numa_valid_node(nid))
			node_memory_mask |= 1ULL << nid;
	}
	return pages;
}

static void lower_movable_start(const struct memblock_region *r)
{
	int nid = memblock_get_region_node(r);
	unsigned long pfn = memblock_region_memory_base_pfn(r);

	if (numa_valid_node(nid) && (!zone_movable_pfn[nid] || pfn < zone_movable_pfn[nid]))
		zone_movable_pfn[nid] = pfn;
}

/* movable_node: everything from the node's first hotpluggable byte on. */
static void movable_from_hotplug(void)
{
	struct memblock_region *r;

	for_each_mem_region(r) if (memblock_is_hotpluggable(r)) lower_movable_start(r);
}

/* kernelcore=mirror: the unmirrored memory above 4 GiB. False when there is nothing mirrored. */
static bool movable_from_mirror(void)
{
	bool low_not_mirrored = false;
	struct memblock_region *r;

	if (!memblock_has_mirror()) {
		pr_warn("The system has no mirror memory, ignore kernelcore=mirror.\n");
		return false;
	}
	for_each_mem_region(r)
	{
		if (memblock_is_mirror(r))
			continue;
		if (memblock_region_memory_base_pfn(r) < PHYS_PFN(SZ_4G))
			low_not_mirrored = true;
		else
			lower_movable_start(r);
	}
	if (low_not_mirrored)
		pr_warn("This configuration results in unmirrored kernel memory.\n");
	return true;
}

/*
 * Take up to `share` pages of node nid for the kernel, from where an earlier pass ended, and move
 * the node's ZONE_MOVABLE behind them. `lowest` is where ZONE_MOVABLE may start at all: memory
 * below it is the kernel's anyway. Returns the pages taken.
 */
static unsigned long take_kernelcore(int nid, unsigned long share, unsigned long lowest)
{
	unsigned long start, end, taken = 0, left = share;
	int i;

	for_each_mem_pfn_range(i, nid, &start, &end, NULL)
	{
		unsigned long pages;

		start = max(start, zone_movable_pfn[nid]);
		if (start >= end)
			continue;
		if (start < lowest) {
			/* More than the share may be below; all of it counts for the total. */
			pages = min(end, lowest) - start;
			taken += pages;
			left -= min(pages, left);
			if (end <= lowest) {
				zone_movable_pfn[nid] = end;
				continue;
			}
			start = lowest;
		}
		pages = min(end - start, left);
		zone_movable_pfn[nid] = start + pages;
		taken += pages;
		left -= pages;
		if (!left)
			break;
	}
	return taken;
}

/*
 * Spread `core` pages evenly over the nodes; what a small node cannot give, the others give in
 * further passes, each with one node fewer in the division, until the rest is less than a page a
 * node.
 */
static void spread_kernelcore(unsigned long core)
{
	unsigned long usable_nodes = (unsigned long)__builtin_popcountll(node_memory_mask);
	unsigned long lowest = arch_zone_lowest_possible_pfn[movable_zone];
	u64 nodes;

	if (!usable_nodes)
		return;
	do {
		unsigned long share = core / usable_nodes;

		for (nodes = node_memory_mask; nodes; nodes &= nodes - 1) {
			if (core < share)
				share = core / usable_nodes;
			core -= min(core, take_kernelcore(__ffs(nodes), share, lowest));
		}
		usable_nodes--;
	} while (usable_nodes && core > usable_nodes);
}

/*
 * The pages that the kernel must be able to use, from kernelcore= and movablecore=. 0: no
 * ZONE_MOVABLE.
 */
static unsigned long kernelcore_pages(unsigned long total)
{
	struct core_size *k = &required_kernelcore, *m = &required_movablecore;
	unsigned long core = k->percent ? total * 100 * k->percent / 10000 : k->pages;
	unsigned long movable = m->percent ? total * 100 * m->percent / 10000 : m->pages;

	if (movable) {
		/* Whole largest blocks, so that ZONE_MOVABLE is not smaller than asked for. */
		movable = min(ALIGN(movable, MAX_ORDER_NR_PAGES), total);
		core = max(core, total - movable);
	}
	return core < total ? core : 0;
}

static void find_zone_movable_pfns_for_nodes(unsigned long total)
{
	unsigned long start, end, core;
	int nid, zone;

	memset(zone_movable_pfn, 0, sizeof(zone_movable_pfn));
	for (zone = MAX_NR_ZONES - 1; zone > 0; zone--)
		if (zone != ZONE_MOVABLE &&
		    arch_zone_highest_possible_pfn[zone] > arch_zone_lowest_possible_pfn[zone])
			break;
	movable_zone = (enum zone_type)zone;

	if (movable_node_is_enabled()) {
		movable_from_hotplug();
	} else if (mirrored_kernelcore) {
		if (!movable_from_mirror())
			return;
	} else {
		core = kernelcore_pages(total);
		if (!core)
			return;
		spread_kernelcore(core);
	}
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		if (!zone_movable_pfn[nid])
			continue;
		zone_movable_pfn[nid] = ALIGN(zone_movable_pfn[nid], MAX_ORDER_NR_PAGES);
		get_pfn_range_for_nid(nid, &start, &end);
		if (zone_movable_pfn[nid] >= end)
			zone_movable_pfn[nid] = 0;
	}
}

/* ------------------------------------------------------------------ sizes */

/* [*start, *end) of a zone within a node's range; empty when *start == *end. */
static void zone_range_in_node(int nid, enum zone_type type, unsigned long node_start,
			       unsigned long node_end, unsigned long *start, unsigned long *end)
{
	unsigned long low = arch_zone_lowest_possible_pfn[type];
	unsigned long high = arch_zone_highest_possible_pfn[type];
	unsigned long movable = zone_movable_pfn[nid];

	*start = clamp(node_start, low, high);
	*end = clamp(node_end, low, high);
	if (movable) {
		if (type == ZONE_MOVABLE) {
			*start = movable;
			*end = min(node_end, arch_zone_highest_possible_pfn[movable_zone]);
		} else if (!mirrored_kernelcore && *start<movable && * end> movable) {
			*end = movable;
		} else if (*start >= movable) {
			*start = *end;
		}
	}
	if (*end < node_start || *start > node_end || *start >= *end)
		*start = *end = 0;
}

unsigned long absent_pages_in_range(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long start, end, absent = end_pfn - start_pfn;
	int i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, NULL) absent -=
		clamp(end, start_pfn, end_pfn) - clamp(start, start_pfn, end_pfn);
	return absent;
}

/*
 * The part of region r that is in `zone`; empty when *start >= *end. Zones overlap only with
 * kernelcore=mirror, where from the start of ZONE_MOVABLE on the mirrored regions are the lower
 * zone's.
 */
static void zone_part_of_region(const struct zone *zone, struct memblock_region *r,
				unsigned long *start, unsigned long *end)
{
	unsigned long zone_start = zone->zone_start_pfn, zone_end = zone_end_pfn(zone);
	unsigned long movable = zone_movable_pfn[zone_to_nid(zone)];

	if (mirrored_kernelcore && movable) {
		if (zone_idx(zone) == ZONE_MOVABLE) {
			if (memblock_is_mirror(r))
				zone_end = zone_start;
		} else if (!memblock_is_mirror(r)) {
			zone_end = clamp(movable, zone_start, zone_end);
		}
	}
	*start = clamp(memblock_region_memory_base_pfn(r), zone_start, zone_end);
	*end = clamp(memblock_region_memory_end_pfn(r), zone_start, zone_end);
}

static void count_present_pages(struct pglist_data *pgdat)
{
	struct memblock_region *r;
	unsigned long start, end;
	unsigned int j;

	for_each_mem_region(r)
	{
		if (memblock_get_region_node(r) != pgdat->node_id)
			continue;
		for (j = 0; j < MAX_NR_ZONES; j++) {
			struct zone *zone = &pgdat->node_zones[j];

			if (!zone->spanned_pages)
				continue;
			zone_part_of_region(zone, r, &start, &end);
			if (start < end) {
				zone->present_pages += end - start;
				pgdat->node_present_pages += end - start;
			}
		}
	}
}

static void free_area_init_node(struct pglist_data *pgdat)
{
	unsigned long node_start, node_end, start, end;
	int nid = pgdat->node_id;
	unsigned int j;

	get_pfn_range_for_nid(nid, &node_start, &node_end);
	pgdat->node_start_pfn = node_start;
	pgdat->node_spanned_pages = node_end - node_start;
	pgdat->node_present_pages = 0;
	pgdat->nr_zones = 0;
	if (node_start == node_end)
		pr_info("Initmem setup node %d as memoryless\n", nid);
	else
		pr_info("Initmem setup node %d [mem %#018llx-%#018llx]\n", nid,
			(unsigned long long)PFN_PHYS(node_start),
			(unsigned long long)PFN_PHYS(node_end) - 1);

	for (j = 0; j < MAX_NR_ZONES; j++) {
		struct zone *zone = &pgdat->node_zones[j];

		zone->name = zone_names[j];
		zone->zone_pgdat = pgdat;
		zone->present_pages = 0;
		start = end = 0;
		if (node_start != node_end)
			zone_range_in_node(nid, (enum zone_type)j, node_start, node_end, &start,
					   &end);
		zone->zone_start_pfn = start;
		zone->spanned_pages = end - start;
	}
	if (node_start != node_end)
		count_present_pages(pgdat);
	for (j = 0; j < MAX_NR_ZONES; j++) {
		struct zone *zone = &pgdat->node_zones[j];

		/* Until memblock_free_all knows better: Linux prints totals from this. */
		zone->managed_pages = zone->present_early_pages = zone->present_pages;
		zone->grow_pfn = zone->zone_start_pfn;
		if (zone->spanned_pages)
			pgdat->nr_zones = (int)j + 1;
	}
}

/* ------------------------------------------------------------------ what each page belongs to */

/* Index of the first region that ends above addr; type->cnt when there is none. */
static unsigned long first_region_above(const struct memblock_type *type, phys_addr_t addr)
{
	unsigned long low = 0, high = type->cnt;

	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (type->regions[mid].base + type->regions[mid].size <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct walk_out {
	memmap_walk_fn fn;
	void *arg;
};

/*
 * [start, end) of region r, all in `zone`: cut at reservations. *next is the first reserved region
 * that can matter; it only moves up. A page is free when no byte of it is reserved.
 */
static void walk_present(struct zone *zone, struct memblock_region *r, unsigned long start,
			 unsigned long end, unsigned long *next, const struct walk_out *out)
{
	const struct memblock_type *res = &memblock.reserved;
	phys_addr_t cur = PFN_PHYS(start), lim = PFN_PHYS(end);
	unsigned long done = start;

	if (memblock_is_nomap(r) || memblock_is_driver_managed(r)) {
		out->fn(zone, start, end, MEMMAP_NOMAP, out->arg);
		return;
	}
	while (cur < lim) {
		phys_addr_t gap_end = lim, after = lim;
		unsigned long free_start, free_end;

		while (*next < res->cnt &&
		       res->regions[*next].base + res->regions[*next].size <= cur)
			++*next;
		if (*next < res->cnt && res->regions[*next].base < lim) {
			gap_end = max(res->regions[*next].base, cur);
			after = res->regions[*next].base + res->regions[*next].size;
		}
		free_start = PFN_UP(cur);
		free_end = PFN_DOWN(gap_end);
		if (free_start < free_end) {
			if (done < free_start)
				out->fn(zone, done, free_start, MEMMAP_RESERVED, out->arg);
			out->fn(zone, free_start, free_end, MEMMAP_FREE, out->arg);
			done = free_end;
		}
		cur = after;
	}
	if (done < end)
		out->fn(zone, done, end, MEMMAP_RESERVED, out->arg);
}

static struct pglist_data *region_pgdat(const struct memblock_region *r)
{
	int nid = memblock_get_region_node(r);

	return numa_valid_node(nid) ? NODE_DATA(nid) : NODE_DATA(__ffs(node_online_mask));
}

/* The zone of the region's last page (last) or first page. NULL when it has no whole page. */
static struct zone *region_edge_zone(struct memblock_region *r, bool last)
{
	struct pglist_data *pgdat = region_pgdat(r);
	struct zone *found = NULL;
	unsigned long start, end;
	int j;

	for (j = 0; j < READ_ONCE(pgdat->nr_zones); j++) {
		struct zone *zone = &pgdat->node_zones[j];

		if (!populated_zone(zone))
			continue;
		zone_part_of_region(zone, r, &start, &end);
		if (start >= end)
			continue;
		found = zone;
		if (!last)
			break;
	}
	return found;
}

/* Whom a hole that reaches the end of the walk belongs to: regions from index i on lie above it. */
static struct zone *hole_zone(unsigned long i)
{
	struct memblock_region *regions = memblock.memory.regions;
	struct zone *zone = NULL;
	unsigned long j;

	for (j = i; j < memblock.memory.cnt && !zone; j++)
		zone = region_edge_zone(&regions[j], false);
	for (j = i; j > 0 && !zone; j--)
		zone = region_edge_zone(&regions[j - 1], true);
	return zone;
}

void memmap_walk(unsigned long start_pfn, unsigned long end_pfn, memmap_walk_fn fn, void *arg)
{
	const struct walk_out out = {fn, arg};
	unsigned long i = first_region_above(&memblock.memory, PFN_PHYS(start_pfn));
	unsigned long next = first_region_above(&memblock.reserved, PFN_PHYS(start_pfn));
	unsigned long hole = start_pfn, start, end;
	struct zone *zone;

	for (; i < memblock.memory.cnt; i++) {
		struct memblock_region *r = &memblock.memory.regions[i];
		struct pglist_data *pgdat = region_pgdat(r);
		int j;

		if (memblock_region_memory_base_pfn(r) >= end_pfn)
			break;
		if (memblock_region_memory_base_pfn(r) >= memblock_region_memory_end_pfn(r))
			continue;
		for (j = 0; j < READ_ONCE(pgdat->nr_zones); j++) {
			zone = &pgdat->node_zones[j];
			if (!populated_zone(zone))
				continue;
			zone_part_of_region(zone, r, &start, &end);
			start = max(start, start_pfn);
			end = min(end, end_pfn);
			if (start >= end)
				continue;
			if (hole < start)
				fn(zone, hole, start, MEMMAP_HOLE, arg);
			walk_present(zone, r, start, end, &next, &out);
			hole = end;
		}
	}
	if (hole < end_pfn) {
		zone = hole_zone(i);
		if (zone)
			fn(zone, hole, end_pfn, MEMMAP_HOLE, arg);
	}
}

static void note_zone(struct zone *zone, unsigned long start, unsigned long end,
		      enum memmap_kind kind, void *arg)
{
	(void)start, (void)end, (void)kind;
	*(struct zone **)arg = zone;
}

struct zone *zone_of_pfn(unsigned long pfn)
{
	struct zone *zone = NULL;

	memmap_walk(pfn, pfn + 1, note_zone, &zone);
	return zone;
}

/* ------------------------------------------------------------------ free_area_init */

/* Pages of holes for which there is a struct page all the same. */
static void report_hole(struct zone *zone, unsigned long start, unsigned long end,
			enum memmap_kind kind, void *arg)
{
	unsigned long first = first_section_nr, pages = 0, nr, last;

	(void)arg;
	if (kind != MEMMAP_HOLE)
		return;
	first = max(first, start >> PFN_SECTION_SHIFT);
	last = min(first_section_nr + nr_mem_sections, ((end - 1) >> PFN_SECTION_SHIFT) + 1);
	for (nr = first; nr < last; nr++)
		if (mem_sections[nr - first_section_nr].present)
			pages += min(end, (nr + 1) << PFN_SECTION_SHIFT) -
				 max(start, nr << PFN_SECTION_SHIFT);
	if (pages)
		pr_info("On node %d, zone %s: %lu pages in unavailable ranges\n", zone_to_nid(zone),
			zone->name, pages);
}

static void print_ranges(void)
{
	unsigned long start, end;
	int i, nid;

	pr_info("Zone ranges:\n");
	for (i = 0; i < MAX_NR_ZONES; i++) {
		if (i == ZONE_MOVABLE)
			continue;
		start = arch_zone_lowest_possible_pfn[i];
		end = arch_zone_highest_possible_pfn[i];
		if (start == end)
			pr_info("  %-8s empty\n", zone_names[i]);
		else
			pr_info("  %-8s [mem %#018llx-%#018llx]\n", zone_names[i],
				(unsigned long long)PFN_PHYS(start),
				(unsigned long long)PFN_PHYS(end) - 1);
	}
	pr_info("Movable zone start for each node\n");
	for (i = 0; i < MAX_NUMNODES; i++)
		if (zone_movable_pfn[i])
			pr_info("  Node %d: %#018llx\n", i,
				(unsigned long long)PFN_PHYS(zone_movable_pfn[i]));
	pr_info("Early memory node ranges\n");
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &nid)
		pr_info("  node %3d: [mem %#018llx-%#018llx]\n", nid,
			(unsigned long long)PFN_PHYS(start), (unsigned long long)PFN_PHYS(end) - 1);
}

void free_area_init(const unsigned long *max_zone_pfns)
{
	unsigned long end, start = PHYS_PFN(memblock_start_of_DRAM());
	u64 size;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		arch_zone_lowest_possible_pfn[i] = arch_zone_highest_possible_pfn[i] = 0;
		if (i == ZONE_MOVABLE)
			continue;
		end = max(max_zone_pfns[i], start);
		arch_zone_lowest_possible_pfn[i] = start;
		arch_zone_highest_possible_pfn[i] = end;
		start = end;
	}
	find_zone_movable_pfns_for_nodes(count_memory_nodes());
	print_ranges();

	/* Memory of a node that nobody announced must not be lost; and there is always a node 0. */
	for (i = 0; i < MAX_NUMNODES; i++) {
		bool wanted = (node_memory_mask >> i & 1) || (i == 0 && !node_online_mask);

		if (wanted && !NODE_DATA(i) && !alloc_node_data(i, &size))
			panic("Cannot allocate %zu bytes for node %d data",
			      sizeof(struct pglist_data), i);
	}
	for_each_online_node(i) free_area_init_node(NODE_DATA(i));
	if (node_memory_mask)
		memmap_walk(0, ALIGN(PHYS_PFN(memblock_end_of_DRAM()), PAGES_PER_SECTION),
			    report_hole, NULL);
}
