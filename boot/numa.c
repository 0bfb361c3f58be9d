// SPDX-License-Identifier: MIT
/*
 * Nodes: which memory and which CPUs are near each other, from the device tree, or one node for
 * all.
 *
 * numa_init runs a source of blocks ("[start, end) is on node nid"), checks and trims them against
 * memblock, writes the node into memblock's regions, and makes the node's data. The first source
 * that covers all memory wins: the tree's numa-node-id properties, else a single faked node.
 * numa=fake=N cuts what came out into N.
 *
 * Invariants after arch_numa_init: every memory region has a node; every node in numa_nodes_parsed
 * is online; distance[][] is valid for nodes below distance_cnt and the default elsewhere.
 *
 * Linux's blocks beyond the end of memory (kept for hotplug) have no use here and are dropped.
 */
#define pr_fmt(fmt) "NUMA: " fmt

#include <quire/boot.h>
#include <quire/build_profile.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/mmzone.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "fdt_scan.h"

#define MAX_BLOCKS (MAX_NUMNODES * 2)
#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20
/* A faked node has at least this much memory. */
#define FAKE_NODE_MIN SZ_32M

struct numa_block {
	u64 start, end;
	int nid;
};

struct numa_blocks {
	unsigned int nr;
	struct numa_block blk[MAX_BLOCKS];
};

static struct numa_blocks blocks;
static u64 numa_nodes_parsed;
static u8 distance[MAX_NUMNODES][MAX_NUMNODES];
static int distance_cnt;
/* numa=fake: the node of the tree that a faked one lies in. */
static int fake_to_real[MAX_NUMNODES];
static unsigned int nr_fake;

int node_distance(int from, int to)
{
	if (from < 0 || to < 0 || from >= distance_cnt || to >= distance_cnt)
		return from == to ? LOCAL_DISTANCE : REMOTE_DISTANCE;
	return distance[from][to];
}

unsigned int node_cpu_count(int nid)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_cpus_possible; i++)
		n += cpu_descs[i].nid == nid;
	return n;
}

static void set_distance(u32 from, u32 to, u32 value)
{
	int i, j;

	if (!distance_cnt) {
		distance_cnt = numa_nodes_parsed ? ilog2(numa_nodes_parsed) + 1 : 1;
		/* Linux's table lies in memory of its own. */
		if (build_profile && build_profile->version >= 0x60c)
			memblock_alloc((phys_addr_t)(distance_cnt * distance_cnt), PAGE_SIZE);
		for (i = 0; i < distance_cnt; i++)
			for (j = 0; j < distance_cnt; j++)
				distance[i][j] = i == j ? LOCAL_DISTANCE : REMOTE_DISTANCE;
		printk(KERN_DEBUG "NUMA: Initialized distance table, cnt=%d\n", distance_cnt);
	}
	if (from >= (u32)distance_cnt || to >= (u32)distance_cnt) {
		pr_warn("Warning: node ids are out of bound, from=%u to=%u distance=%u\n", from, to,
			value);
		return;
	}
	if (value > 255 || (from == to && value != LOCAL_DISTANCE)) {
		pr_warn("Warning: invalid distance parameter, from=%u to=%u distance=%u\n", from,
			to, value);
		return;
	}
	distance[from][to] = (u8)value;
}

/* Nodes that this kernel can tell apart; a prediction's are those of the build. */
static u32 max_nodes(void)
{
	return min(1U << profile_or(nodes_shift, (unsigned long)NODES_SHIFT), (u32)MAX_NUMNODES);
}

static int add_block(int nid, u64 start, u64 end)
{
	if (start == end)
		return 0;
	if (start > end || nid < 0 || nid >= MAX_NUMNODES) {
		pr_warn("Warning: invalid memblk node %d [mem %#010llx-%#010llx]\n", nid,
			(unsigned long long)start, (unsigned long long)(end - 1));
		return 0;
	}
	if (blocks.nr == MAX_BLOCKS) {
		pr_err("too many memblk ranges\n");
		return -EINVAL;
	}
	blocks.blk[blocks.nr++] = (struct numa_block){start, end, nid};
	return 0;
}

static void remove_block(struct numa_blocks *b, unsigned int i)
{
	b->nr--;
	memmove(&b->blk[i], &b->blk[i + 1], (b->nr - i) * sizeof(b->blk[0]));
}

/* ------------------------------------------------------------------ the device tree */

static int of_memory_node(const char *name, const struct fdt_props *p)
{
	unsigned int ac = fdt_info.addr_cells, sc = fdt_info.size_cells;
	u32 nid = fdt_prop_u32(p, FDT_P_NUMA_NODE_ID, 0), left;
	const u32 *reg;
	int err;

	if (fdt_has(p, FDT_P_NUMA_NODE_ID) && p->len[FDT_P_NUMA_NODE_ID] != 4)
		pr_warn("%s: numa-node-id has %u bytes instead of 4\n", name,
			p->len[FDT_P_NUMA_NODE_ID]);
	if (nid >= max_nodes()) {
		pr_warn("Node id %u exceeds maximum value\n", nid);
		goto bad;
	}
	if (!fdt_has(p, FDT_P_REG) || p->len[FDT_P_REG] / 4 < ac + sc)
		goto bad;
	reg = p->val[FDT_P_REG];
	for (left = p->len[FDT_P_REG] / 4; left >= ac + sc; left -= ac + sc, reg += ac + sc) {
		u64 start = fdt_number(reg, ac);

		err = add_block((int)nid, start, start + fdt_number(reg + ac, sc));
		if (err)
			return err;
		numa_nodes_parsed |= 1ULL << nid;
	}
	return 0;
bad:
	pr_err("bad property in memory node %s\n", name);
	return -EINVAL;
}

/*
 * Linux's answer when a memory node has no numa-node-id depends on whether it is the last one; so
 * does this one's.
 */
static int of_memory_nodes(void)
{
	struct fdt_props props;
	struct fdt_cursor c;
	int err = -EINVAL;

	fdt_cursor_init(&c, &fdt_info.tree);
	if (!fdt_next_child(&c, &props))
		return -EINVAL;
	for (; fdt_next_child(&c, &props); fdt_skip_node(&c)) {
		const char *type = fdt_prop_string(&props, FDT_P_DEVICE_TYPE);

		if (!type || strcmp(type, "memory") != 0)
			continue;
		if (!fdt_has(&props, FDT_P_NUMA_NODE_ID)) {
			err = -EINVAL;
			continue;
		}
		err = of_memory_node(c.name, &props);
		if (err)
			return err;
	}
	return err;
}

/* Triples of from, to, distance. */
static int of_distance_map(void)
{
	const u32 *m = fdt_info.distance_matrix;
	u32 left = fdt_info.distance_matrix_len / 4;

	if (!fdt_info.has_distance_map)
		return 0;
	printk(KERN_INFO "OF: NUMA: parsing numa-distance-map-v1\n");
	if (fdt_info.distance_matrix_len % 12)
		printk(KERN_WARNING
		       "OF: NUMA: distance-matrix has %u bytes, which is not a multiple of "
		       "12: the rest is ignored\n",
		       fdt_info.distance_matrix_len);
	if (!m) {
		printk(KERN_ERR "OF: NUMA: No distance-matrix property in distance-map\n");
		return -EINVAL;
	}
	if (!left) {
		printk(KERN_ERR "OF: NUMA: Invalid distance-matrix\n");
		return -EINVAL;
	}
	for (; left >= 3; left -= 3, m += 3) {
		u32 a = fdt_cell(m), b = fdt_cell(m + 1), d = fdt_cell(m + 2);

		if (a == b ? d != LOCAL_DISTANCE : d <= LOCAL_DISTANCE) {
			printk(KERN_ERR "OF: NUMA: Invalid distance[node%u -> node%u] = %u\n", a, b,
			       d);
			return -EINVAL;
		}
		if (a < MAX_NUMNODES)
			numa_nodes_parsed |= 1ULL << a;
		set_distance(a, b, d);
		/* The other direction follows, unless the map says it itself later. */
		if (b > a)
			set_distance(b, a, d);
	}
	return 0;
}

static int of_numa_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr_cpus_possible; i++) {
		if (!cpu_descs[i].has_nid)
			continue;
		if (cpu_descs[i].nid >= (int)max_nodes())
			pr_warn("Node id %d exceeds maximum value\n", cpu_descs[i].nid);
		else
			numa_nodes_parsed |= 1ULL << cpu_descs[i].nid;
	}
	if (!fdt_info.numa_ids || !fdt_info.cells_usable)
		return -EINVAL;
	err = of_memory_nodes();
	return err ? err : of_distance_map();
}

/* One node for everything: there is no map, or it is wrong, or it is not wanted. */
static int dummy_numa_init(void)
{
	phys_addr_t start = memblock_start_of_DRAM(), end = memblock_end_of_DRAM() - 1;
	int err;

	if (numa_off)
		pr_info("NUMA disabled\n");
	pr_info("Faking a node at [mem %pa-%pa]\n", &start, &end);
	err = add_block(0, start, end + 1);
	if (err) {
		pr_err("NUMA init failed\n");
		return err;
	}
	numa_nodes_parsed = 1;
	numa_off = true;
	return 0;
}

/* ------------------------------------------------------------------ from blocks to nodes */

/* Some block of another node than nid reaches into [start, end). */
static bool foreign_block_in(int nid, u64 start, u64 end)
{
	unsigned int k;

	for (k = 0; k < blocks.nr; k++)
		if (blocks.blk[k].nid != nid && start < blocks.blk[k].end &&
		    end > blocks.blk[k].start)
			return true;
	return false;
}

static int cleanup_blocks(void)
{
	const u64 low = memblock_start_of_DRAM(), high = memblock_end_of_DRAM();
	unsigned int i, j;

	for (i = 0; i < blocks.nr; i++) {
		struct numa_block *b = &blocks.blk[i];
		bool outside =
			!memblock_overlaps_region(&memblock.memory, b->start, b->end - b->start);

		b->start = max(b->start, low);
		b->end = min(b->end, high);
		if (outside || b->start >= b->end)
			remove_block(&blocks, i--);
	}
	for (i = 0; i < blocks.nr; i++) {
		for (j = i + 1; j < blocks.nr; j++) {
			struct numa_block *a = &blocks.blk[i], *b = &blocks.blk[j];
			u64 start, end;

			if (a->end > b->start && a->start < b->end) {
				if (a->nid != b->nid) {
					pr_err("node %d [mem %#010llx-%#010llx] overlaps with node "
					       "%d [mem %#010llx-%#010llx]\n",
					       a->nid, (unsigned long long)a->start,
					       (unsigned long long)(a->end - 1), b->nid,
					       (unsigned long long)b->start,
					       (unsigned long long)(b->end - 1));
					return -EINVAL;
				}
				pr_warn("Warning: node %d [mem %#010llx-%#010llx] overlaps with "
					"itself [mem %#010llx-%#010llx]\n",
					a->nid, (unsigned long long)a->start,
					(unsigned long long)(a->end - 1),
					(unsigned long long)b->start,
					(unsigned long long)(b->end - 1));
			}
			/*
			 * Two blocks of a node are one when nothing of another node lies between
			 * them.
			 */
			if (a->nid != b->nid)
				continue;
			start = min(a->start, b->start);
			end = max(a->end, b->end);
			if (foreign_block_in(a->nid, start, end))
				continue;
			pr_info("NUMA: Node %d [mem %#010llx-%#010llx] + [mem %#010llx-%#010llx] "
				"-> [mem %#010llx-%#010llx]\n",
				a->nid, (unsigned long long)a->start,
				(unsigned long long)(a->end - 1), (unsigned long long)b->start,
				(unsigned long long)(b->end - 1), (unsigned long long)start,
				(unsigned long long)(end - 1));
			a->start = start;
			a->end = end;
			remove_block(&blocks, j--);
		}
	}
	return 0;
}

static u64 hole_size(u64 start, u64 end)
{
	unsigned long start_pfn = PFN_UP(start), end_pfn = PFN_DOWN(end);

	return start_pfn < end_pfn ? PFN_PHYS(absent_pages_in_range(start_pfn, end_pfn)) : 0;
}

static u64 ram_size(u64 start, u64 end)
{
	return end - start - hole_size(start, end);
}

/*
 * numa=fake=N: nodes of equal RAM, dealt to the real nodes in turn. Nodes are multiples of
 * FAKE_NODE_MIN; the first `big` of them take up what the rounding leaves.
 */
static int fake_nodes(unsigned int n)
{
	static struct numa_blocks fake;
	const u64 dma32_end = memblock_start_of_DRAM() + SZ_4G;
	u64 size = PFN_PHYS(PHYS_PFN(memblock_phys_mem_size()) / n);
	u64 big = (size & (FAKE_NODE_MIN - 1)) * n / FAKE_NODE_MIN;
	u64 left = numa_nodes_parsed;
	unsigned int nid = 0, i;
	int real;

	size &= ~(FAKE_NODE_MIN - 1);
	if (!size) {
		pr_err("Not enough memory for each node.  NUMA emulation disabled.\n");
		return -EINVAL;
	}
	fake.nr = 0;
	for (i = 0; i < MAX_NUMNODES; i++)
		fake_to_real[i] = NUMA_NO_NODE;
	while (left) {
		for (real = 0; real < MAX_NUMNODES; real++) {
			struct numa_block *b = NULL;
			u64 start, end, limit;

			if (!((left >> real) & 1))
				continue;
			for (i = 0; i < blocks.nr && !b; i++)
				if (blocks.blk[i].nid == real)
					b = &blocks.blk[i];
			if (!b) {
				left &= ~(1ULL << real);
				continue;
			}
			start = b->start;
			limit = b->end;
			end = start + size + (nid < big ? FAKE_NODE_MIN : 0);
			while (end < limit && ram_size(start, end) < size)
				end += FAKE_NODE_MIN;
			end = min(end, limit);
			/*
			 * Nothing useful would be left below the 32-bit boundary, or at the end,
			 * for the next one.
			 */
			if (end < dma32_end && ram_size(end, dma32_end) < FAKE_NODE_MIN)
				end = min(dma32_end, limit);
			if (end < limit && ram_size(end, limit) < size)
				end = limit;
			if (fake.nr == MAX_BLOCKS) {
				pr_err("Too many emulated memblks, failing emulation\n");
				return -EINVAL;
			}
			fake.blk[fake.nr++] = (struct numa_block){start, end, (int)(nid % n)};
			if (fake_to_real[nid % n] == NUMA_NO_NODE)
				fake_to_real[nid % n] = real;
			printk(KERN_INFO "Faking node %u at [mem %#018llx-%#018llx] (%lluMB)\n",
			       nid % n, (unsigned long long)start, (unsigned long long)(end - 1),
			       (unsigned long long)(end - start) >> 20);
			nid++;
			b->start = end;
			if (b->start >= b->end)
				remove_block(&blocks, (unsigned int)(b - blocks.blk));
		}
	}
	blocks = fake;
	nr_fake = min(nid, n);
	return 0;
}

/* Faked nodes of one real node are as near as a node is to itself. */
static void fake_distances(void)
{
	static u8 d[MAX_NUMNODES][MAX_NUMNODES];
	unsigned int i, j;

	for (i = 0; i < nr_fake; i++)
		for (j = 0; j < nr_fake; j++)
			d[i][j] = (u8)node_distance(fake_to_real[i], fake_to_real[j]);
	memcpy(distance, d, sizeof(distance));
	distance_cnt = (int)nr_fake;
	numa_nodes_parsed = nr_fake == 64 ? ~0ULL : (1ULL << nr_fake) - 1;
}

/* A prediction of a release that does not yet know the nodes of reservations. */
static bool before_6_12(void)
{
	return profile_or(version, 0x60cUL) < 0x60c;
}

static int register_blocks(void)
{
	u64 reserved_nodes = 0;
	struct memblock_region *r;
	unsigned int i;

	for (i = 0; i < blocks.nr; i++)
		numa_nodes_parsed |= 1ULL << blocks.blk[i].nid;
	for (i = 0; i < blocks.nr; i++) {
		struct numa_block *b = &blocks.blk[i];

		memblock_set_node(b->start, b->end - b->start, &memblock.memory, b->nid);
	}
	if (before_6_12())
		return 0;
	/*
	 * A node that holds kernel memory cannot be unplugged: none of its memory is hotpluggable.
	 */
	for (i = 0; i < blocks.nr; i++) {
		struct numa_block *b = &blocks.blk[i];

		memblock_set_node(b->start, b->end - b->start, &memblock.reserved, b->nid);
	}
	for_each_reserved_mem_region(r) if (numa_valid_node(memblock_get_region_node(r)))
		reserved_nodes |= 1ULL << memblock_get_region_node(r);
	for (i = 0; i < blocks.nr; i++) {
		struct numa_block *b = &blocks.blk[i];

		if ((reserved_nodes >> b->nid) & 1)
			memblock_clear_hotplug(b->start, b->end - b->start);
	}
	return 0;
}

static void setup_node_data(int nid)
{
	unsigned long start_pfn, end_pfn;
	phys_addr_t pa;
	u64 size;
	int on;

	get_pfn_range_for_nid(nid, &start_pfn, &end_pfn);
	if (start_pfn >= end_pfn)
		printk(KERN_INFO "Initmem setup node %d [<memory-less node>]\n", nid);
	pa = alloc_node_data(nid, &size);
	if (!pa)
		panic("Cannot allocate node %d data: no memory left", nid);
	printk(KERN_INFO "NODE_DATA(%d) allocated [mem %#010llx-%#010llx]\n", nid,
	       (unsigned long long)pa, (unsigned long long)(pa + size - 1));
	on = memblock_search_pfn_nid(PHYS_PFN(pa), &start_pfn, &end_pfn);
	if (on != nid)
		printk(KERN_INFO "    NODE_DATA(%d) on node %d\n", nid, on);
}

/* Before 6.12 Linux allocates its table first, for all nodes that there could be, and frees it when this fails. */
static u64 linux_distance_bytes(void)
{
	return 1ULL << (2 * profile_or(nodes_shift, 0));
}

static noinline phys_addr_t linux_distance_table(void)
{
	if (!before_6_12())
		return 0;
	return __pa(memblock_alloc(linux_distance_bytes(), PAGE_SIZE));
}

static noinline void linux_free_distance(phys_addr_t table)
{
	if (table)
		memblock_phys_free(table, linux_distance_bytes());
}

static int numa_init(int (*source)(void))
{
	phys_addr_t distance_table;
	int nid, err;

	numa_nodes_parsed = 0;
	blocks.nr = 0;
	distance_cnt = 0;
	nr_fake = 0;
	distance_table = linux_distance_table();
	memblock_set_node(0, PHYS_ADDR_MAX, &memblock.memory, NUMA_NO_NODE);
	if (!before_6_12())
		memblock_set_node(0, PHYS_ADDR_MAX, &memblock.reserved, NUMA_NO_NODE);
	memblock_clear_hotplug(0, PHYS_ADDR_MAX);

	err = source();
	if (!err)
		err = cleanup_blocks();
	if (!err && numa_fake_nodes && fake_nodes(numa_fake_nodes) == 0)
		fake_distances();
	if (!err)
		err = register_blocks();
	if (!err && !numa_nodes_parsed) {
		pr_info("No NUMA configuration found\n");
		err = -EINVAL;
	}
	if (!err && !memblock_validate_numa_coverage(0))
		err = -EINVAL;
	if (err) {
		distance_cnt = 0;
		linux_free_distance(distance_table);
		return err;
	}
	for (nid = 0; nid < MAX_NUMNODES; nid++)
		if ((numa_nodes_parsed >> nid) & 1)
			setup_node_data(nid);
	return 0;
}

/* Where each CPU is: the node it names, if there is such a node; else the first one. */
static void map_cpus(bool from_tree)
{
	int first = __ffs(numa_nodes_parsed);
	unsigned int i, j;

	for (i = 0; i < nr_cpus_possible; i++) {
		struct cpu_desc *cpu = &cpu_descs[i];

		if (!from_tree || cpu->nid < 0 || cpu->nid >= MAX_NUMNODES)
			cpu->nid = 0;
		for (j = 0; j < nr_fake; j++)
			if (fake_to_real[j] == cpu->nid)
				break;
		if (nr_fake)
			cpu->nid = j < nr_fake ? (int)j : first;
		if (!((numa_nodes_parsed >> cpu->nid) & 1))
			cpu->nid = first;
	}
}

void arch_numa_init(void)
{
	bool from_tree = false;

	event_step("arch_numa_init");
	if (!numa_off)
		from_tree = numa_init(of_numa_init) == 0;
	if (!from_tree)
		numa_init(dummy_numa_init);
	map_cpus(from_tree);
}
