// SPDX-License-Identifier: MIT
/* links: boot/numa.c boot/fdt_*.c mm/early/memblock*.c lib/vsprintf.c lib/string.c third_party/libfdt/fdt*.c */
/* Nodes from the tree, one faked, or several: memblock's regions, distances and CPUs. */
#include "boot_fixture.h"

phys_addr_t arm64_dma_phys_limit;
struct cma_cmdline cma_cmdline;
const pgprot_t PAGE_KERNEL = {1}, PAGE_KERNEL_RO = {2};
bool numa_off;
unsigned int numa_fake_nodes;
static u64 nodes;

void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot)
{
	return NULL;
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
}

phys_addr_t alloc_node_data(int nid, u64 *size)
{
	nodes |= 1UL << nid;
	*size = 4096;
	return memblock_phys_alloc_try_nid(*size, 64, nid);
}

void get_pfn_range_for_nid(int nid, unsigned long *start_pfn, unsigned long *end_pfn)
{
	unsigned long start, stop;
	int i, n;

	*start_pfn = ~0UL;
	*end_pfn = 0;
	for_each_mem_pfn_range(i, nid, &start, &stop, &n)
	{
		*start_pfn = min(*start_pfn, start);
		*end_pfn = max(*end_pfn, stop);
	}
	if (!*end_pfn)
		*start_pfn = 0;
}

unsigned long absent_pages_in_range(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long start, stop, absent = end_pfn - start_pfn;
	int i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &stop, NULL)
	{
		start = clamp(start, start_pfn, end_pfn);
		stop = clamp(stop, start_pfn, end_pfn);
		absent -= stop - start;
	}
	return absent;
}

static int setup(void **state)
{
	reset_boot();
	numa_off = false;
	numa_fake_nodes = 0;
	nodes = 0;
	return 0;
}

/* nid < 0: without numa-node-id */
static void bank(u64 base, u64 size, int nid)
{
	char name[32];

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)base);
	node(name);
	prop_str("device_type", "memory");
	prop_reg(base, size);
	if (nid >= 0)
		prop_u32("numa-node-id", (u32)nid);
	end();
}

static void cpu(unsigned int hwid, int nid)
{
	char name[16];

	snprintf(name, sizeof(name), "cpu@%x", hwid);
	node(name);
	prop_u32("reg", hwid);
	if (nid >= 0)
		prop_u32("numa-node-id", (u32)nid);
	end();
}

static void distances(const u32 *triples, unsigned int nr)
{
	u32 out[64];
	unsigned int i;

	for (i = 0; i < nr; i++)
		out[i] = cpu_to_fdt32(triples[i]);
	node("distance-map");
	prop_str("compatible", "numa-distance-map-v1");
	ok(fdt_property(tree_buf, "distance-matrix", out, (int)(nr * 4)));
	end();
}

static void run(void)
{
	ok(scan_tree());
	clear_log();
	arch_numa_init();
	assert_int_equal(memblock_check(), 0);
}

static void check_nid(unsigned long i, u64 base, u64 size, int nid)
{
	assert_memory(i, base, size);
	assert_int_equal(memblock.memory.regions[i].nid, nid);
}

static void without_a_map_one_node_is_faked(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_1G, -1);
	run();
	assert_int_equal(memblock.memory.cnt, 1);
	check_nid(0, SZ_1G, SZ_1G, 0);
	assert_int_equal(nodes, 1);
	assert_logged("NUMA: Faking a node at [mem 0x0000000040000000-0x000000007fffffff]\n"
		      "NODE_DATA(0) allocated [mem 0x7ffff000-0x7fffffff]\n");
	assert_int_equal(node_distance(0, 0), 10);
	assert_int_equal(node_distance(0, 1), 20);
	assert_int_equal(node_cpu_count(0), 1);
}

/*
 *	[node 0][node 1][node 0]
 */
static void nodes_of_the_tree(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	cpu(0, 0);
	cpu(1, 1);
	cpu(2, -1);
	end();
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_1G + SZ_256M, SZ_256M, 1);
	bank(SZ_1G + 2 * SZ_256M, SZ_256M, 0);
	run();
	assert_int_equal(memblock.memory.cnt, 3);
	check_nid(0, SZ_1G, SZ_256M, 0);
	check_nid(1, SZ_1G + SZ_256M, SZ_256M, 1);
	check_nid(2, SZ_1G + 2 * SZ_256M, SZ_256M, 0);
	assert_int_equal(nodes, 3);
	assert_int_equal(node_cpu_count(0), 2);
	assert_int_equal(cpu_descs[1].nid, 1);
	assert_false(logged("Faking"));
}

static void blocks_of_a_node_are_joined_over_holes(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_2G, SZ_256M, 0);
	bank(SZ_4G, SZ_256M, 1);
	run();
	assert_logged("NUMA: Node 0 [mem 0x40000000-0x4fffffff] + [mem 0x80000000-0x8fffffff] -> "
		      "[mem 0x40000000-0x8fffffff]");
	check_nid(1, SZ_2G, SZ_256M, 0);
}

static void distances_of_the_map(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_2G, SZ_256M, 1);
	bank(SZ_4G, SZ_256M, 2);
	distances((u32[]){0, 0, 10, 0, 1, 20, 0, 2, 40, 1, 2, 30, 2, 1, 35}, 15);
	run();
	assert_logged("parsing numa-distance-map-v1");
	assert_int_equal(node_distance(0, 2), 40);
	assert_int_equal(node_distance(2, 0), 40); /* follows */
	assert_int_equal(node_distance(1, 2), 30);
	assert_int_equal(node_distance(2, 1), 35); /* said itself */
	assert_int_equal(node_distance(1, 1), 10);
	assert_int_equal(node_distance(-1, 70), 20);
}

static void bad_distances_mean_one_node(void **state)
{
	static const u32 bad[][3] = {{0, 1, 10}, {0, 0, 11}, {1, 0, 5}};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(NULL);
		tree_begin(2, 2);
		bank(SZ_1G, SZ_256M, 0);
		bank(SZ_2G, SZ_256M, 1);
		distances(bad[i], 3);
		run();
		assert_logged("Invalid distance[node");
		assert_logged("Faking a node");
		check_nid(1, SZ_2G, SZ_256M, 0);
	}
}

static void distances_out_of_bounds(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_2G, SZ_256M, 1);
	distances((u32[]){0, 1, 300, 0, 1000, 20, 0, 1, 25}, 9);
	run();
	assert_logged("invalid distance parameter, from=0 to=1 distance=300");
	assert_logged("node ids are out of bound, from=0 to=1000");
	assert_int_equal(node_distance(0, 1), 25);
	assert_int_equal(nodes, 3);
}

static void a_bank_without_node_means_one_node(void **state)
{
	int last;

	for (last = 0; last < 2; last++) {
		setup(NULL);
		tree_begin(2, 2);
		bank(SZ_1G, SZ_256M, last ? 0 : -1);
		bank(SZ_2G, SZ_256M, last ? -1 : 0);
		run();
		assert_logged("Faking a node");
		check_nid(0, SZ_1G, SZ_256M, 0);
		check_nid(1, SZ_2G, SZ_256M, 0);
		assert_int_equal(nodes, 1);
		assert_int_equal(logged("no nodes coverage for 256MB of 512MB RAM"), !last);
	}
}

static void node_numbers_too_large(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, MAX_NUMNODES);
	run();
	assert_logged("Node id 64 exceeds maximum value");
	assert_logged("bad property in memory node memory@40000000");
	assert_logged("Faking a node");
}

static void overlapping_nodes_mean_one_node(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_1G + SZ_128M, SZ_256M, 1);
	run();
	assert_logged("node 0 [mem 0x40000000-0x4fffffff] overlaps with node 1 [mem "
		      "0x48000000-0x57ffffff]");
	assert_logged("Faking a node");
}

static void a_node_of_cpus_alone(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	cpu(0, 0);
	cpu(1, 5);
	end();
	bank(SZ_1G, SZ_256M, 0);
	run();
	assert_int_equal(nodes, 1 | 1 << 5);
	assert_logged("Initmem setup node 5 [<memory-less node>]");
	assert_logged("    NODE_DATA(5) on node 0");
	assert_int_equal(cpu_descs[1].nid, 5);
}

static void cpus_of_nodes_that_are_not(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	cpu(0, 3);
	end();
	bank(SZ_1G, SZ_256M, -1);
	run();
	assert_int_equal(cpu_descs[0].nid, 0);
}

/* Node 0 does not exist: a CPU that names no node is on the first that does. */
static void cpus_without_a_node_and_no_node_0(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	cpu(0, -1);
	cpu(1, 99);
	end();
	bank(SZ_1G, SZ_256M, 7);
	bank(SZ_2G, SZ_256M, 3);
	run();
	assert_int_equal(nodes, 1 << 3 | 1 << 7);
	assert_int_equal(cpu_descs[0].nid, 3);
	assert_int_equal(cpu_descs[1].nid, 3);
}

static void not_wanted(void **state)
{
	numa_off = true;
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_2G, SZ_256M, 1);
	run();
	assert_logged("NUMA disabled");
	check_nid(1, SZ_2G, SZ_256M, 0);
	assert_int_equal(nodes, 1);
}

static void no_hotplug_after_nodes(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	ok(scan_tree());
	memblock_mark_hotplug(SZ_1G, SZ_128M);
	arch_numa_init();
	assert_int_equal(memblock.memory.cnt, 1);
	check_nid(0, SZ_1G, SZ_256M, 0);
}

static void reserved_regions_get_their_node(void **state)
{
	tree_begin(2, 2);
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_1G + SZ_256M, SZ_256M, 1);
	ok(scan_tree());
	memblock_reserve(SZ_1G + SZ_256M - SZ_1M, SZ_2M);
	arch_numa_init();
	/* The first one is node 0's data. */
	assert_reserved(1, SZ_1G + SZ_256M - SZ_1M, SZ_1M);
	assert_reserved(2, SZ_1G + SZ_256M, SZ_1M);
	assert_int_equal(memblock.reserved.regions[1].nid, 0);
	assert_int_equal(memblock.reserved.regions[2].nid, 1);
}

static void faked_nodes_share_memory_evenly(void **state)
{
	unsigned long i;
	u64 sum[4] = {0};

	numa_fake_nodes = 4;
	tree_begin(2, 2);
	bank(SZ_1G, SZ_1G, -1);
	run();
	assert_int_equal(nodes, 0xf);
	for (i = 0; i < memblock.memory.cnt; i++)
		sum[memblock.memory.regions[i].nid] += memblock.memory.regions[i].size;
	for (i = 0; i < 4; i++)
		assert_int_equal(sum[i], SZ_256M);
	assert_int_equal(node_distance(0, 3), 10);
	assert_logged("Faking node 3 at [mem 0x0000000070000000-0x000000007fffffff] (256MB)");
}

static void too_little_for_faked_nodes(void **state)
{
	numa_fake_nodes = 64;
	tree_begin(2, 2);
	bank(SZ_1G, SZ_1G, -1);
	run();
	assert_int_equal(nodes, 1);
	assert_logged("Not enough memory for each node.");
}

static void faked_nodes_of_two_real_ones(void **state)
{
	numa_fake_nodes = 4;
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	cpu(0, 0);
	cpu(1, 1);
	end();
	bank(SZ_1G, SZ_256M, 0);
	bank(SZ_1G + SZ_256M, SZ_256M, 1);
	distances((u32[]){0, 0, 10, 0, 1, 40, 1, 1, 10}, 9);
	run();
	assert_int_equal(nodes, 0xf);
	/* Dealt in turn: 0 and 2 lie in node 0, 1 and 3 in node 1. */
	assert_int_equal(node_distance(0, 2), 10);
	assert_int_equal(node_distance(0, 1), 40);
	assert_int_equal(node_distance(3, 2), 40);
	assert_int_equal(cpu_descs[1].nid, 1);
}

static void too_many_blocks(void **state)
{
	unsigned int i;

	tree_begin(2, 2);
	for (i = 0; i < 2 * MAX_NUMNODES + 1; i++)
		bank(SZ_1G + (u64)i * SZ_2M, SZ_1M, 0);
	run();
	assert_logged("too many memblk ranges");
	assert_logged("Faking a node");
	assert_int_equal(nodes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_map_one_node_is_faked, setup),
		cmocka_unit_test_setup(nodes_of_the_tree, setup),
		cmocka_unit_test_setup(blocks_of_a_node_are_joined_over_holes, setup),
		cmocka_unit_test_setup(distances_of_the_map, setup),
		cmocka_unit_test_setup(bad_distances_mean_one_node, setup),
		cmocka_unit_test_setup(distances_out_of_bounds, setup),
		cmocka_unit_test_setup(a_bank_without_node_means_one_node, setup),
		cmocka_unit_test_setup(node_numbers_too_large, setup),
		cmocka_unit_test_setup(overlapping_nodes_mean_one_node, setup),
		cmocka_unit_test_setup(a_node_of_cpus_alone, setup),
		cmocka_unit_test_setup(cpus_of_nodes_that_are_not, setup),
		cmocka_unit_test_setup(cpus_without_a_node_and_no_node_0, setup),
		cmocka_unit_test_setup(not_wanted, setup),
		cmocka_unit_test_setup(no_hotplug_after_nodes, setup),
		cmocka_unit_test_setup(reserved_regions_get_their_node, setup),
		cmocka_unit_test_setup(faked_nodes_share_memory_evenly, setup),
		cmocka_unit_test_setup(too_little_for_faked_nodes, setup),
		cmocka_unit_test_setup(faked_nodes_of_two_real_ones, setup),
		cmocka_unit_test_setup(too_many_blocks, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
