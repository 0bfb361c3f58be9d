// SPDX-License-Identifier: MIT
/* links: boot/fdt_*.c mm/early/memblock*.c lib/vsprintf.c lib/string.c third_party/libfdt/fdt*.c */
/*
 * The one pass over the tree: what it keeps of good trees, and that no broken one leads it outside.
 */
#include "boot_fixture.h"

phys_addr_t arm64_dma_phys_limit;
struct cma_cmdline cma_cmdline;
const pgprot_t PAGE_KERNEL = {1}, PAGE_KERNEL_RO = {2};
static void *map_result;
static int psci_hvc;
static u32 psci_cpu_on;

void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot)
{
	*size = tree_size;
	return map_result;
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
	psci_hvc = hvc;
	psci_cpu_on = cpu_on_function;
}

static int setup(void **state)
{
	reset_boot();
	psci_hvc = -1;
	return 0;
}

static void chosen_as_it_should_be(void **state)
{
	static const u8 seed[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	tree_begin(2, 2);
	prop_str("model", "A board");
	node("chosen");
	prop_str("bootargs", "quiet mem=1G");
	prop_cells("linux,initrd-start", 2, 0, (u64[]){0x148000000}, 1);
	prop_cells("linux,initrd-end", 2, 0, (u64[]){0x148100000}, 1);
	prop_ranges("linux,elfcorehdr", (u64[]){0x50000000, 0x2000}, 2);
	prop_str("stdout-path", "serial0:115200n8");
	ok(fdt_property(tree_buf, "kaslr-seed", seed, 8));
	ok(fdt_property(tree_buf, "rng-seed", seed, 8));
	end();
	tree_memory("memory@40000000", 0x40000000, SZ_1G);
	ok(scan_tree());
	assert_string_equal(boot_command_line, "quiet mem=1G");
	assert_int_equal(phys_initrd_start, 0x148000000);
	assert_int_equal(phys_initrd_size, 0x100000);
	assert_int_equal(elfcorehdr_addr, 0x50000000);
	assert_int_equal(elfcorehdr_size, 0x2000);
	assert_string_equal(machine_model, "A board");
	assert_string_equal(fdt_info.stdout_path, "serial0:115200n8");
	/* Seeds are gone from the tree. */
	for (u32 i = 0; i + 8 <= tree_size; i++)
		assert_memory_not_equal((char *)tree_blob + i, seed, 8);
}

static void initrd_of_one_cell(void **state)
{
	tree_begin(2, 2);
	node("chosen@0");
	prop_u32("linux,initrd-start", 0x48000000);
	prop_u32("linux,initrd-end", 0x48001000);
	end();
	ok(scan_tree());
	assert_int_equal(phys_initrd_start, 0x48000000);
	assert_int_equal(phys_initrd_size, 0x1000);
}

static void initrd_that_ends_before_it_starts(void **state)
{
	tree_begin(2, 2);
	node("chosen");
	prop_u32("linux,initrd-start", 0x48001000);
	prop_u32("linux,initrd-end", 0x48000000);
	end();
	ok(scan_tree());
	assert_int_equal(phys_initrd_size, 0);
	assert_logged("the initrd ends");
}

static void bootargs_longer_than_the_line(void **state)
{
	static char args[COMMAND_LINE_SIZE + 100];

	memset(args, 'x', sizeof(args) - 1);
	tree_begin(2, 2);
	node("chosen");
	prop_str("bootargs", args);
	end();
	ok(scan_tree());
	assert_int_equal(strlen(boot_command_line), COMMAND_LINE_SIZE - 1);
	assert_logged("only the first 2047 are used");
}

/*
 *	node a: |....[==========]....[===]|   node b between them, hotpluggable
 */
static void memory_nodes(void **state)
{
	tree_begin(2, 1);
	node("memory@40000000");
	prop_str("device_type", "memory");
	prop_ranges("reg", (u64[]){0x40000000, SZ_1G, 0x880000000, SZ_2G}, 4);
	end();
	node("memory@100000000");
	prop_str("device_type", "memory");
	prop_reg(0x100000000, SZ_256M);
	prop("hotpluggable");
	prop_u32("numa-node-id", 1);
	end();
	node("sram@1000");
	prop_reg(0x1000, 0x1000);
	end();
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 3);
	assert_memory(0, 0x40000000, SZ_1G);
	check_region(&memblock.memory, 1, 0x100000000, SZ_256M, MEMBLOCK_HOTPLUG);
	assert_memory(2, 0x880000000, SZ_2G);
	assert_true(fdt_info.numa_ids);
}

static void memory_is_rounded_inward(void **state)
{
	tree_begin(2, 2);
	tree_memory("memory@40000000", 0x40000800, 0x3ffff123);
	tree_memory("memory@90000000", 0x90000000, 0x800);
	tree_memory("memory@a0000800", 0xa0000800, 0xf00);
	tree_memory("memory@b0000000", 0xb0000000, 0);
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 1);
	assert_memory(0, 0x40001000, 0x3fffe000);
	assert_logged("Ignoring memory block 0x90000000 - 0x90000800");
}

static void memory_that_is_no_memory(void **state)
{
	tree_begin(2, 2);
	node("memory@40000000");
	prop_str("device_type", "memory");
	prop_str("status", "disabled");
	prop_reg(0x40000000, SZ_1G);
	end();
	node("memory@80000000");
	prop_str("device_type", "memory");
	end();
	node("memory@c0000000"); /* without device_type */
	prop_reg(0xc0000000, SZ_1G);
	end();
	node("soc");
	tree_memory("memory@d0000000", 0xd0000000, SZ_1G);
	end();
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 0);
	assert_int_equal(fdt_info.memory_nodes, 2);
}

static void usable_memory_instead_of_reg(void **state)
{
	tree_begin(2, 2);
	node("memory@40000000");
	prop_str("device_type", "memory");
	prop_reg(0x40000000, SZ_1G);
	prop_ranges("linux,usable-memory", (u64[]){0x50000000, SZ_256M}, 2);
	end();
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 1);
	assert_memory(0, 0x50000000, SZ_256M);
}

static void usable_memory_range(void **state)
{
	tree_begin(2, 2);
	node("chosen");
	prop_ranges("linux,usable-memory-range", (u64[]){0x60000000, SZ_256M, 0x50000000, SZ_1M},
		    4);
	end();
	tree_memory("memory@40000000", 0x40000000, SZ_1G);
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 2);
	assert_memory(0, 0x50000000, SZ_1M);
	assert_memory(1, 0x60000000, SZ_256M);
}

static void overlapping_memory_is_said(void **state)
{
	tree_begin(2, 2);
	tree_memory("memory@40000000", 0x40000000, SZ_1G);
	tree_memory("memory@60000000", 0x60000000, SZ_1G);
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 1);
	assert_memory(0, 0x40000000, SZ_1G + SZ_1G / 2);
	assert_logged("memory nodes overlap: 524288 KiB");
}

/* Page by page with a hole after each: as many as there is room for, and a word about the rest. */
static void more_banks_than_places(void **state)
{
	const u64 limit = MEMBLOCK_SPARE_REGIONS - MAX_RESERVED_MEM;
	u32 *reg = calloc(4 * (limit + 5), sizeof(*reg));
	u64 i;

	for (i = 0; i < limit + 5; i++) {
		reg[4 * i] = cpu_to_fdt32((u32)((SZ_4G + i * 2 * PAGE_SIZE) >> 32));
		reg[4 * i + 1] = cpu_to_fdt32((u32)(SZ_4G + i * 2 * PAGE_SIZE));
		reg[4 * i + 3] = cpu_to_fdt32(PAGE_SIZE);
	}
	tree_begin(2, 2);
	node("memory@100000000");
	prop_str("device_type", "memory");
	prop("hotpluggable");
	ok(fdt_property(tree_buf, "reg", reg, (int)(16 * (limit + 5))));
	end();
	ok(scan_tree());
	free(reg);
	assert_int_equal(memblock.memory.cnt, limit);
	assert_logged("the last 5, 20 KiB, are left out");
	assert_false(logged("overlap"));
	assert_false(logged("hotplug"));
	/* What comes later can still split regions. */
	assert_int_equal(memblock_remove(SZ_4G + 1024, 1024), 0);
	memblock_mark_nomap(SZ_4G, 512);
	assert_int_equal(memblock.memory.cnt, limit + 2);
}

static void memory_beyond_64_bits(void **state)
{
	tree_begin(2, 2);
	tree_memory("memory@0", 0xfffffffffffff000, 0x3000);
	tree_memory("memory@1", 0x40000000, ~0UL);
	ok(scan_tree());
	assert_int_equal(memblock_check(), 0);
	assert_logged("it passes the end of the address space");
}

static void cells_of_every_size(void **state)
{
	unsigned int ac, sc;

	for (ac = 1; ac <= 4; ac++) {
		for (sc = 1; sc <= 4; sc++) {
			reset_boot();
			tree_begin(ac, sc);
			tree_memory("memory@40000000", 0x40000000, SZ_1G);
			ok(scan_tree());
			assert_memory(0, 0x40000000, SZ_1G);
		}
	}
}

static void cells_that_describe_nothing(void **state)
{
	static const unsigned int cells[][2] = {{0, 0}, {0, 1}, {2, 0}, {5, 2}, {2, 0xffffffff}};
	u32 reg[8] = {0};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		reset_boot();
		tree_begin(cells[i][0], cells[i][1]);
		node("memory@0");
		prop_str("device_type", "memory");
		ok(fdt_property(tree_buf, "reg", reg, sizeof(reg)));
		end();
		ok(scan_tree());
		assert_int_equal(memblock.memory.cnt, 0);
		assert_logged("no memory can be described so");
	}
}

static void reg_of_odd_length_is_said(void **state)
{
	tree_begin(2, 2);
	node("memory@40000000");
	prop_str("device_type", "memory");
	prop_ranges("reg", (u64[]){0x40000000, SZ_1G, 0x90000000}, 3);
	end();
	ok(scan_tree());
	assert_int_equal(memblock.memory.cnt, 1);
	assert_logged("memory@40000000: reg has 24 bytes");
}

static void cpus(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 0);
	node("cpu@0");
	prop_str("device_type", "cpu");
	prop_str("compatible", "arm,cortex-a72");
	prop_str("enable-method", "psci");
	prop_u32("reg", 0);
	prop_u32("numa-node-id", 3);
	end();
	node("cpu@100");
	prop_u32("reg", 0x100);
	end();
	node("cpu@101");
	prop_u32("reg", 0x101);
	prop_str("status", "fail-broken");
	end();
	node("cpu@102"); /* no reg */
	end();
	node("cpu-map");
	end();
	end();
	node("psci");
	prop_str("method", "hvc");
	end();
	ok(scan_tree());
	assert_int_equal(nr_cpus_possible, 2);
	assert_true(cpu_descs[0].has_nid);
	assert_int_equal(cpu_descs[0].nid, 3);
	assert_string_equal(cpu_descs[0].enable_method, "psci");
	assert_int_equal(cpu_descs[1].hwid, 0x100);
	assert_false(cpu_descs[1].has_nid);
	assert_logged("cpu@102: missing or short reg");
	assert_int_equal(psci_hvc, 1);
}

static void where_a_cpu_spins(void **state)
{
	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 0);
	node("cpu@0");
	prop_u32("reg", 0);
	prop_str("enable-method", "spin-table");
	prop_cells("cpu-release-addr", 2, 0, (u64[]){0x1000000d8}, 1);
	end();
	node("cpu@1");
	prop_u32("reg", 1);
	prop_u32("cpu-release-addr", 0xe0);
	end();
	node("cpu@2");
	prop_u32("reg", 2);
	prop("cpu-release-addr");
	end();
	end();
	ok(scan_tree());
	assert_int_equal(nr_cpus_possible, 3);
	assert_string_equal(cpu_descs[0].enable_method, "spin-table");
	assert_int_equal(cpu_descs[0].release_addr, 0x1000000d8);
	assert_int_equal(cpu_descs[1].release_addr, 0xe0);
	assert_int_equal(cpu_descs[2].release_addr, 0);
}

/* Before PSCI 0.2 the tree says by which number a function is called. */
static void old_firmware_has_numbers_of_its_own(void **state)
{
	static const char both[] = "arm,psci-0.2\0arm,psci";

	tree_begin(2, 2);
	node("psci");
	prop_str("compatible", "arm,psci");
	prop_str("method", "smc");
	prop_u32("cpu_on", 0x95c1ba60);
	end();
	ok(scan_tree());
	assert_int_equal(psci_hvc, 0);
	assert_int_equal(psci_cpu_on, 0x95c1ba60);

	tree_begin(2, 2);
	node("psci");
	ok(fdt_property(tree_buf, "compatible", both, sizeof(both)));
	prop_str("method", "hvc");
	prop_u32("cpu_on", 0x95c1ba60);
	end();
	ok(scan_tree());
	assert_int_equal(psci_hvc, 1);
	assert_int_equal(psci_cpu_on, 0);
}

static void without_cpus_there_is_one(void **state)
{
	tree_begin(2, 2);
	ok(scan_tree());
	assert_int_equal(nr_cpus_possible, 1);
	assert_logged("No chosen node found");
}

static void more_cpus_than_places(void **state)
{
	char name[16];
	unsigned int i;

	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	for (i = 0; i < NR_CPUS + 3; i++) {
		snprintf(name, sizeof(name), "cpu@%x", i);
		node(name);
		prop_u32("reg", i);
		end();
	}
	end();
	ok(scan_tree());
	assert_int_equal(nr_cpus_possible, NR_CPUS);
	assert_logged("3 are left out");
}

static void cpus_that_cannot_be_told_apart(void **state)
{
	static const u32 reg[] = {0, 0x100, 0, 0x1000000, 0x101};
	char name[16];
	unsigned int i;

	tree_begin(2, 2);
	node("cpus");
	prop_u32("#address-cells", 1);
	for (i = 0; i < ARRAY_SIZE(reg); i++) {
		snprintf(name, sizeof(name), "cpu@%c", 'a' + i);
		node(name);
		prop_u32("reg", reg[i]);
		end();
	}
	end();
	ok(scan_tree());
	assert_int_equal(nr_cpus_possible, 3);
	assert_int_equal(cpu_descs[2].hwid, 0x101);
	assert_logged("cpu@c: another CPU has the same reg");
	assert_logged("cpu@d: reg is not an affinity of MPIDR_EL1");
}

static void prop_words(const char *name, const u32 *w, unsigned int nr)
{
	u32 out[16];
	unsigned int i;

	for (i = 0; i < nr; i++)
		out[i] = cpu_to_fdt32(w[i]);
	ok(fdt_property(tree_buf, name, out, (int)(nr * 4)));
}

/*
 * A bus with one cell for addresses and sizes whose range is <child parent-high parent-low size>.
 */
static void bus(const char *name, const char *ranges, u32 child, u64 parent, u32 size)
{
	node(name);
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 1);
	prop_words(ranges, (u32[]){child, (u32)(parent >> 32), (u32)parent, size}, 4);
}

/*
 *	/        2/2 cells
 *	  soc    dma-ranges: bus 3 GiB .. 4 GiB is CPU 0 .. 1 GiB
 *	    dev  dma-ranges: its 0 .. 256 MiB is soc's 0xd0000000 .., CPU 0x10000000 ..
 */
static void dma_ranges_go_through_every_bus(void **state)
{
	tree_begin(2, 2);
	bus("soc", "dma-ranges", 0xc0000000, 0, 0x40000000);
	node("dev");
	prop_words("dma-ranges", (u32[]){0, 0xd0000000, 0x10000000}, 3);
	end();
	end();
	ok(scan_tree());
	assert_int_equal(fdt_info.dma_max, 0x1fffffff);
}

static void the_tightest_bus_decides(void **state)
{
	tree_begin(2, 2);
	bus("wide", "dma-ranges", 0, 0x100000000, 0x80000000);
	end();
	bus("narrow", "dma-ranges", 0, 0, 0x40000000);
	end();
	bus("off", "dma-ranges", 0, 0, 0x1000);
	prop_str("status", "disabled");
	end();
	node("open");
	prop("dma-ranges");
	end();
	ok(scan_tree());
	assert_int_equal(fdt_info.dma_max, 0x3fffffff);
}

static void dma_ranges_that_reach_nothing(void **state)
{
	tree_begin(2, 2);
	bus("soc", "dma-ranges", 0xc0000000, 0, 0x40000000);
	node("dev"); /* 0x1000 is not on soc's bus */
	prop_words("dma-ranges", (u32[]){0, 0x1000, 0x10000000}, 3);
	end();
	end();
	bus("empty", "dma-ranges", 0, 0, 0);
	end();
	ok(scan_tree());
	assert_int_equal(fdt_info.dma_max, 0x3fffffff);
}

static void find(const char *path, struct fdt_level *lv, int *depth, struct fdt_props *props)
{
	struct fdt_cursor c;

	ok(fdt_find_node(&fdt_info.tree, path, strlen(path), &c, props, lv, depth));
}

static void paths_aliases_and_ranges(void **state)
{
	struct fdt_level lv[FDT_MAX_DEPTH];
	struct fdt_props props;
	struct fdt_cursor c;
	int depth;
	u64 addr;

	tree_begin(2, 2);
	node("aliases");
	prop_str("serial0", "/soc/serial@7e201000");
	prop_str("soc", "/soc");
	prop_str("bad", "nowhere");
	end();
	bus("soc", "ranges", 0x7e000000, 0xfe000000, 0x1800000);
	node("serial@7e200000");
	prop_u32("reg", 0x7e200000);
	end();
	node("serial@7e201000");
	prop_u32("reg", 0x7e201000);
	end();
	node("far");
	prop_u32("reg", 0x1000);
	end();
	end();
	ok(scan_tree());

	find("serial0", lv, &depth, &props);
	assert_int_equal(depth, 2);
	addr = fdt_number(props.val[FDT_P_REG], lv[1].addr_cells);
	assert_int_equal(addr, 0x7e201000);
	assert_int_equal(fdt_translate(lv, depth, addr, false), 0xfe201000);
	/* Without unit address: the first of that name. Through an alias of the parent. */
	find("soc/serial", lv, &depth, &props);
	assert_int_equal(fdt_prop_u32(&props, FDT_P_REG, 0), 0x7e200000);
	find("/soc/far", lv, &depth, &props);
	assert_int_equal(fdt_translate(lv, depth, 0x1000, false), FDT_BAD_ADDR);
	assert_int_equal(fdt_find_node(&fdt_info.tree, "bad", 3, &c, &props, lv, &depth), -ENOENT);
	assert_int_equal(fdt_find_node(&fdt_info.tree, "none", 4, &c, &props, lv, &depth), -ENOENT);
	assert_int_equal(fdt_find_node(&fdt_info.tree, "/soc/no", 7, &c, &props, lv, &depth),
			 -ENOENT);
	assert_int_equal(fdt_find_node(&fdt_info.tree, "", 0, &c, &props, lv, &depth), -ENOENT);
}

/* ------------------------------------------------------------------ broken trees */

static void small_tree(void)
{
	tree_begin_rsv(2, 2, (u64[]){0x41000000, 0x1000}, 1);
	node("chosen");
	prop_str("bootargs", "x");
	end();
	tree_memory("memory@40000000", 0x40000000, SZ_1G);
	tree_end();
}

static int rescan(u32 size)
{
	reset_boot();
	return early_init_dt_scan(tree_blob, 0x44000000, size);
}

static void headers_are_judged(void **state)
{
	static const u32 bad[][2] = {
		{0, 0xd00dfeee},		    /* magic */
		{4, 16},			    /* totalsize */
		{4, 0xffffffff},  {8, 0xfffffff0},  /* off_dt_struct */
		{8, 0x39},	  {12, 0xfffffff0}, /* off_dt_strings */
		{16, 0xfffffff1},		    /* off_mem_rsvmap */
		{20, 3},			    /* version */
		{24, 99},			    /* last_comp_version */
		{32, 0xffffffff},		    /* size_dt_strings */
		{36, 0xffffffff},		    /* size_dt_struct */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		small_tree();
		*(u32 *)((char *)tree_blob + bad[i][0]) = cpu_to_fdt32(bad[i][1]);
		assert_int_equal(rescan(tree_size), -EINVAL);
		assert_logged("the device tree's header is bad");
	}
	small_tree();
	assert_int_equal(rescan(8), -EINVAL);
	assert_int_equal(rescan(tree_size - 4), -EINVAL);
	ok(rescan(tree_size));
}

static void a_cut_off_structure_is_an_error(void **state)
{
	u32 full, n;

	small_tree();
	full = fdt_size_dt_struct(tree_blob);
	/*
	 * The last two tokens are the root's end, without which it is broken, and FDT_END, which
	 * nobody needs.
	 */
	for (n = 0; n < full - 4; n += 4) {
		fdt_set_size_dt_struct(tree_blob, n);
		assert_int_equal(rescan(tree_size), -EINVAL);
		assert_logged("the device tree is broken at offset");
	}
	fdt_set_size_dt_struct(tree_blob, full);
	ok(rescan(tree_size));
}

static void strings_without_an_end(void **state)
{
	u32 n;

	small_tree();
	for (n = 0; n < fdt_size_dt_strings(tree_buf); n++) {
		fdt_set_size_dt_strings(tree_blob, n);
		assert_int_equal(rescan(tree_size), -EINVAL);
	}
}

static void nodes_that_nest_too_deep(void **state)
{
	int i;

	tree_begin(2, 2);
	for (i = 0; i < FDT_MAX_DEPTH; i++)
		node("a");
	for (i = 0; i < FDT_MAX_DEPTH; i++)
		end();
	assert_int_equal(scan_tree(), -EINVAL);
	assert_logged("nest too deep");
}

static u32 rnd(u32 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* Whatever is damaged: an answer, and memblock in order; the sanitizers watch the reads. */
static void damaged_trees_lead_nowhere(void **state)
{
	u32 seed = 12345, i, j;

	for (i = 0; i < 3000; i++) {
		small_tree();
		for (j = rnd(&seed) % 4; j-- > 0;)
			((u8 *)tree_blob)[rnd(&seed) % tree_size] = (u8)rnd(&seed);
		if (i & 1) {
			u32 *w = (u32 *)tree_blob + rnd(&seed) % (tree_size / 4);

			*w = cpu_to_fdt32(rnd(&seed) % 12);
		}
		rescan(tree_size);
		assert_int_equal(memblock_check(), 0);
	}
}

static void no_tree_at_all(void **state)
{
	expect_assert_failure(setup_machine_fdt(0));
	map_result = NULL;
	expect_assert_failure(setup_machine_fdt(0x44000000));
	small_tree();
	memset(tree_blob, 0, 4);
	map_result = tree_blob;
	expect_assert_failure(setup_machine_fdt(0x44000000));
}

static void the_tree_reserves_itself(void **state)
{
	small_tree();
	map_result = tree_blob;
	setup_machine_fdt(0x44000000);
	assert_reserved(0, 0x44000000, tree_size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(chosen_as_it_should_be, setup),
		cmocka_unit_test_setup(initrd_of_one_cell, setup),
		cmocka_unit_test_setup(initrd_that_ends_before_it_starts, setup),
		cmocka_unit_test_setup(bootargs_longer_than_the_line, setup),
		cmocka_unit_test_setup(memory_nodes, setup),
		cmocka_unit_test_setup(memory_is_rounded_inward, setup),
		cmocka_unit_test_setup(memory_that_is_no_memory, setup),
		cmocka_unit_test_setup(usable_memory_instead_of_reg, setup),
		cmocka_unit_test_setup(usable_memory_range, setup),
		cmocka_unit_test_setup(overlapping_memory_is_said, setup),
		cmocka_unit_test_setup(more_banks_than_places, setup),
		cmocka_unit_test_setup(memory_beyond_64_bits, setup),
		cmocka_unit_test_setup(cells_of_every_size, setup),
		cmocka_unit_test_setup(cells_that_describe_nothing, setup),
		cmocka_unit_test_setup(reg_of_odd_length_is_said, setup),
		cmocka_unit_test_setup(cpus, setup),
		cmocka_unit_test_setup(where_a_cpu_spins, setup),
		cmocka_unit_test_setup(old_firmware_has_numbers_of_its_own, setup),
		cmocka_unit_test_setup(without_cpus_there_is_one, setup),
		cmocka_unit_test_setup(more_cpus_than_places, setup),
		cmocka_unit_test_setup(cpus_that_cannot_be_told_apart, setup),
		cmocka_unit_test_setup(dma_ranges_go_through_every_bus, setup),
		cmocka_unit_test_setup(the_tightest_bus_decides, setup),
		cmocka_unit_test_setup(dma_ranges_that_reach_nothing, setup),
		cmocka_unit_test_setup(paths_aliases_and_ranges, setup),
		cmocka_unit_test_setup(headers_are_judged, setup),
		cmocka_unit_test_setup(a_cut_off_structure_is_an_error, setup),
		cmocka_unit_test_setup(strings_without_an_end, setup),
		cmocka_unit_test_setup(nodes_that_nest_too_deep, setup),
		cmocka_unit_test_setup(damaged_trees_lead_nowhere, setup),
		cmocka_unit_test_setup(no_tree_at_all, setup),
		cmocka_unit_test_setup(the_tree_reserves_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
