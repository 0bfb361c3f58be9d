// SPDX-License-Identifier: MIT
/* links: boot/reserved_mem.c boot/fdt_*.c mm/early/memblock*.c lib/vsprintf.c lib/string.c third_party/libfdt/fdt*.c */
/*
 * /reserved-memory and /memreserve/: what memblock holds afterwards, and what the log and the list
 * say.
 */
#include "boot_fixture.h"

#define RAM 0x40000000UL

phys_addr_t arm64_dma_phys_limit;
struct cma_cmdline cma_cmdline;
struct cma *dma_contiguous_default_area;
const pgprot_t PAGE_KERNEL = {1}, PAGE_KERNEL_RO = {2};
static struct cma area;
static unsigned int nr_areas;
static char sim_ram[SZ_1M] __attribute__((aligned(4096)));

void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot)
{
	return NULL;
}

void port_set_psci(bool hvc, u32 cpu_on_function)
{
}

int cma_init_reserved_mem(phys_addr_t base, phys_addr_t size, unsigned int order_per_bit,
			  const char *name, struct cma **res)
{
	area.base = base;
	area.size = size;
	nr_areas++;
	*res = &area;
	return 0;
}

/* 1 GiB of RAM, of which only the last MiB can be touched. */
static int setup(void **state)
{
	reset_boot();
	cma_cmdline = (struct cma_cmdline){.size = PHYS_ADDR_MAX};
	dma_contiguous_default_area = NULL;
	nr_areas = 0;
	physvirt_offset = (s64)sim_ram - (s64)(RAM + SZ_1G - SZ_1M);
	return 0;
}

static void start(const u64 *rsv, unsigned int nr)
{
	tree_begin_rsv(2, 2, rsv, nr);
	tree_memory("memory@40000000", RAM, SZ_1G);
	tree_reserved_memory();
}

static void region(const char *name, u64 base, u64 size)
{
	node(name);
	prop_reg(base, size);
}

/* Close /reserved-memory, read the tree, and run the first pass. */
static void first_pass(void)
{
	end();
	ok(scan_tree());
	clear_log();
	early_init_fdt_scan_reserved_mem();
	assert_int_equal(memblock_check(), 0);
}

static void both_passes(void)
{
	first_pass();
	clear_log();
	fdt_scan_reserved_mem_reg_nodes();
	assert_int_equal(memblock_check(), 0);
}

static const struct reserved_mem *entry(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_reserved_mem; i++)
		if (strcmp(reserved_mem[i].name, name) == 0)
			return &reserved_mem[i];
	return NULL;
}

/*
 *	memory    [..........NN...............]
 *	reserved  .......RR...................
 */
static void regions_with_reg(void **state)
{
	start(NULL, 0);
	region("plain@50000000", 0x50000000, SZ_1M);
	end();
	region("nomap@60000000", 0x60000000, SZ_2M);
	prop("no-map");
	prop_str("compatible", "vendor,secmon");
	end();
	both_passes();
	assert_reserved(0, 0x50000000, SZ_1M);
	assert_int_equal(memblock.memory.cnt, 3);
	check_region(&memblock.memory, 1, 0x60000000, SZ_2M, MEMBLOCK_NOMAP);
	assert_string_equal(log_text, "OF: reserved mem: 0x0000000050000000..0x00000000500fffff "
				      "(1024 KiB) map non-reusable plain@50000000\n"
				      "OF: reserved mem: 0x0000000060000000..0x00000000601fffff "
				      "(2048 KiB) nomap non-reusable nomap@60000000\n");
	assert_int_equal(nr_reserved_mem, 2);
	assert_string_equal(entry("nomap@60000000")->compatible, "vendor,secmon");
	assert_false(entry("nomap@60000000")->refused);
}

static void memreserve_entries(void **state)
{
	start((u64[]){0x48000000, 0x1000, 0x41000000, 0x123, 0xfffffffffffff000, 0x2000}, 3);
	first_pass();
	assert_reserved(0, 0x41000000, 0x123);
	assert_reserved(1, 0x48000000, 0x1000);
	assert_int_equal(memblock.reserved.cnt, 3);
}

/* One more than places, and then some below and between: all are reserved, by taking gaps too. */
static void more_entries_than_places(void **state)
{
	const u64 limit = MEMBLOCK_SPARE_REGIONS - MAX_RESERVED_MEM;
	u64 *rsv = calloc(2 * (limit + 4), sizeof(*rsv));
	u64 i;

	for (i = 0; i < limit + 4; i++) {
		rsv[2 * i] = 0x48000000 + i * 0x2000;
		rsv[2 * i + 1] = 0x1000;
	}
	rsv[2 * limit + 2] = 0x47000000;
	rsv[2 * limit + 4] = 0x48001000;
	rsv[2 * limit + 5] = 0x4000;
	start(rsv, (unsigned int)limit + 4);
	region("secure@40000000", 0x40000000, SZ_1M);
	prop("no-map");
	end();
	first_pass();
	for (i = 0; i < limit + 4; i++)
		assert_true(memblock_is_region_memory(rsv[2 * i], rsv[2 * i + 1]) &&
			    memblock_is_reserved(rsv[2 * i]) &&
			    memblock_is_reserved(rsv[2 * i] + rsv[2 * i + 1] - 1));
	assert_true(memblock.reserved.cnt <= limit);
	assert_false(memblock_is_reserved(0x46fff000));
	assert_false(memblock_is_reserved(0x7f000000));
	assert_logged("more than 11264 separate reservations");
	free(rsv);
}

static void no_map_over_a_reservation_is_refused(void **state)
{
	const char *line = "OF: reserved mem: Reserved memory: failed to reserve memory for node "
			   "'nomap@40200000': base 0x0000000040200000, size 2 MiB\n";

	start(NULL, 0);
	region("nomap@40200000", 0x40200000, SZ_2M);
	prop("no-map");
	end();
	end();
	ok(scan_tree());
	memblock_reserve(0x40300000, 0x1000); /* the kernel */
	clear_log();
	early_init_fdt_scan_reserved_mem();
	assert_string_equal(log_text, line);
	assert_int_equal(memblock.memory.cnt, 1);
	fdt_scan_reserved_mem_reg_nodes();
	assert_true(entry("nomap@40200000")->refused);
}

static void no_map_outside_of_memory_is_nobodys_business(void **state)
{
	start(NULL, 0);
	region("nomap@1000", 0x1000, SZ_2M);
	prop("no-map");
	end();
	first_pass();
	assert_string_equal(log_text, "");
	assert_int_equal(memblock.memory.cnt, 1);
}

static void over_the_kernel_is_said(void **state)
{
	start(NULL, 0);
	region("plain@40200000", 0x40200000, SZ_2M);
	end();
	boot_params.image.phys = 0x40300000;
	boot_params.image.size = SZ_1M;
	first_pass();
	assert_logged("plain@40200000: lies over the kernel image");
}

static void regs_that_cannot_be_read(void **state)
{
	start(NULL, 0);
	node("empty");
	prop("reg");
	end();
	node("short");
	prop_ranges("reg", (u64[]){0x50000000}, 1);
	end();
	region("zero@50000000", 0x50000000, 0);
	end();
	region("off@51000000", 0x51000000, SZ_1M);
	prop_str("status", "disabled");
	end();
	node("two@62000000");
	prop_ranges("reg", (u64[]){0x62000000, 0x10000, 0x63000000, 0x10000}, 4);
	end();
	node("nothing");
	end();
	first_pass();
	assert_logged("invalid reg property in 'short'");
	assert_logged("failed to reserve memory for node 'zero@50000000'");
	assert_int_equal(memblock.reserved.cnt, 2);
	clear_log();
	fdt_scan_reserved_mem_reg_nodes();
	assert_logged("empty reg property in 'empty'");
	assert_logged("ignores 1 regions in node 'two@62000000'");
	assert_int_equal(nr_reserved_mem, 1);
}

static void cells_other_than_the_root_s(void **state)
{
	tree_begin(2, 2);
	tree_memory("memory@40000000", RAM, SZ_1G);
	node("reserved-memory");
	prop_u32("#address-cells", 1);
	prop_u32("#size-cells", 1);
	prop("ranges");
	node("x");
	prop_cells("reg", 1, 0, (u64[]){0x60000000, SZ_1M}, 2);
	end();
	both_passes();
	assert_string_equal(
		log_text, "OF: reserved mem: Reserved memory: unsupported node format, ignoring\n");
	assert_int_equal(memblock.reserved.cnt, 0);
}

static void without_the_node(void **state)
{
	tree_begin(2, 2);
	tree_memory("memory@40000000", RAM, SZ_1G);
	ok(scan_tree());
	clear_log();
	early_init_fdt_scan_reserved_mem();
	fdt_scan_reserved_mem_reg_nodes();
	assert_string_equal(
		log_text, "OF: reserved mem: Reserved memory: No reserved-memory node in the DT\n");
}

/* Static regions first, although they come later in the tree. */
static void dynamic_regions_keep_clear_of_static_ones(void **state)
{
	start(NULL, 0);
	node("dyn");
	prop_ranges("size", (u64[]){0}, 0);
	end();
	node("dyn2");
	prop_cells("size", 2, 0, (u64[]){SZ_2M}, 1);
	prop_cells("alignment", 2, 0, (u64[]){SZ_2M}, 1);
	end();
	region("top@7fe00000", 0x7fe00000, SZ_2M);
	end();
	first_pass();
	assert_logged("invalid size property in 'dyn' node");
	assert_reserved(0, 0x7fc00000, SZ_4M);
	assert_true(entry("dyn2")->dynamic);
}

static void alloc_ranges_in_order(void **state)
{
	start(NULL, 0);
	node("dyn");
	prop_cells("size", 2, 0, (u64[]){SZ_4M}, 1);
	prop_ranges("alloc-ranges", (u64[]){0x10000000, SZ_16M, 0x60000000, SZ_256M}, 4);
	end();
	node("none");
	prop_cells("size", 2, 0, (u64[]){SZ_4M}, 1);
	prop_ranges("alloc-ranges", (u64[]){0x10000000, SZ_16M}, 2);
	end();
	node("odd");
	prop_cells("size", 2, 0, (u64[]){SZ_4M}, 1);
	prop_ranges("alloc-ranges", (u64[]){0x10000000}, 1);
	end();
	node("crooked");
	prop_cells("size", 2, 0, (u64[]){SZ_4M}, 1);
	prop_cells("alignment", 2, 0, (u64[]){0x3000}, 1);
	end();
	first_pass();
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_reserved(0, 0x6fc00000, SZ_4M);
	assert_logged("failed to allocate memory for node 'none': size 4 MiB");
	assert_logged("invalid alloc-ranges property in 'odd'");
	assert_logged("invalid alignment property in 'crooked'");
	assert_int_equal(nr_reserved_mem, 1);
}

/*
 *	first:      |--------RRRR|          top of its range
 *	second:     .............|NN-----|  begins where the first ends: lowest address of its range
 */
static void neighbours_grow_together(void **state)
{
	start(NULL, 0);
	node("first");
	prop_cells("size", 2, 0, (u64[]){SZ_4M}, 1);
	prop_ranges("alloc-ranges", (u64[]){0x50000000, SZ_16M}, 2);
	end();
	node("second");
	prop_cells("size", 2, 0, (u64[]){SZ_2M}, 1);
	prop_ranges("alloc-ranges", (u64[]){0x51000000, SZ_16M}, 2);
	end();
	first_pass();
	assert_int_equal(memblock.reserved.cnt, 1);
	assert_reserved(0, 0x50c00000, SZ_4M + SZ_2M);
	assert_false(memblock_bottom_up());
}

static void dynamic_no_map(void **state)
{
	start(NULL, 0);
	node("dyn");
	prop_cells("size", 2, 0, (u64[]){SZ_2M}, 1);
	prop("no-map");
	end();
	first_pass();
	check_region(&memblock.memory, 1, 0x7fe00000, SZ_2M, MEMBLOCK_NOMAP);
	assert_reserved(0, 0x7fe00000, SZ_2M);
}

static void cma_pool(u64 base, u64 size)
{
	region("pool", base, size);
	prop_str("compatible", "shared-dma-pool");
	prop("reusable");
	prop("linux,cma-default");
	end();
}

static void a_reusable_pool_is_a_contiguous_area(void **state)
{
	start(NULL, 0);
	cma_pool(0x58000000, SZ_128M);
	both_passes();
	assert_int_equal(nr_areas, 1);
	assert_ptr_equal(dma_contiguous_default_area, &area);
	assert_logged(
		"Reserved memory: created CMA memory pool at 0x0000000058000000, size 128 MiB\n"
		"OF: reserved mem: initialized node pool, compatible id shared-dma-pool\n"
		"OF: reserved mem: 0x0000000058000000..0x000000005fffffff (131072 KiB) map "
		"reusable pool\n");
}

static void a_crooked_pool_is_given_back(void **state)
{
	start(NULL, 0);
	cma_pool(0x58001000, SZ_2M);
	both_passes();
	assert_int_equal(nr_areas, 0);
	assert_logged("Reserved memory: incorrect alignment of CMA region\n"
		      "OF: reserved mem: node pool compatible matching fail\n");
	assert_false(memblock_is_reserved(0x58001000));
	assert_true(entry("pool")->refused);
}

/* What `more` does to a board with a pool at 0x58000000 makes the pool impossible. */
static void pool_over(void (*more)(void))
{
	setup(NULL);
	start((u64[]){0x70000000, SZ_4M}, 1);
	cma_pool(0x58000000, SZ_32M);
	more();
	both_passes();
	assert_logged("CMA region pool has something else in it");
	assert_logged("pool: stays reserved, something else is in it");
	assert_true(entry("pool")->refused);
	assert_int_equal(nr_areas, 0);
	assert_null(dma_contiguous_default_area);
	assert_true(memblock_is_region_reserved(0x58000000, SZ_32M));
	memset(&boot_params, 0, sizeof(boot_params));
}

static void image_in_pool(void)
{
	boot_params.image.phys = 0x58200000;
	boot_params.image.size = SZ_1M;
}

static void node_in_pool(void)
{
	region("small@59000000", 0x59000000, 0x1000);
	end();
}

static void unmapped_node_in_pool(void)
{
	region("secure@59000000", 0x59000000, 0x1000);
	prop("no-map");
	end();
}

/* The allocator would lend out what others have there. */
static void a_pool_with_others_in_it_is_none(void **state)
{
	pool_over(image_in_pool);
	/* The tree of scan_tree() lies at 0x44000000. */
	setup(NULL);
	start(NULL, 0);
	cma_pool(0x44000000, SZ_32M);
	both_passes();
	assert_int_equal(nr_areas, 0);
	setup(NULL);
	start((u64[]){0x58400000, 0x1000}, 1);
	cma_pool(0x58000000, SZ_32M);
	both_passes();
	assert_int_equal(nr_areas, 0);
	pool_over(node_in_pool);
	pool_over(unmapped_node_in_pool);
}

/* Free memory that the linear map does not have would be given out. */
static void an_impossible_pool_that_is_not_mapped_stays_reserved(void **state)
{
	start(NULL, 0);
	region("pool", 0x58000000, SZ_32M);
	prop("no-map");
	prop("reusable");
	prop_str("compatible", "shared-dma-pool");
	end();
	both_passes();
	assert_logged("pool: stays reserved, it is not in the linear map");
	assert_true(entry("pool")->refused);
	assert_true(memblock_is_region_reserved(0x58000000, SZ_32M));
}

static void the_command_line_beats_the_tree(void **state)
{
	cma_cmdline.size = SZ_32M;
	start(NULL, 0);
	cma_pool(0x58000000, SZ_128M);
	both_passes();
	assert_logged("bypass pool node, using cmdline CMA params instead");
	assert_null(dma_contiguous_default_area);
	assert_false(memblock_is_reserved(0x58000000));
}

static void a_pool_outside_of_memory_is_said(void **state)
{
	start(NULL, 0);
	cma_pool(0x90000000, SZ_32M);
	both_passes();
	assert_logged("pool: not all of it is memory");
}

static void other_pools(void **state)
{
	start(NULL, 0);
	region("coherent@50000000", 0x50000000, SZ_4M);
	prop_str("compatible", "shared-dma-pool");
	prop("no-map");
	end();
	region("bounce@51000000", 0x51000000, SZ_8M);
	prop_str("compatible", "restricted-dma-pool");
	end();
	region("bad@52000000", 0x52000000, SZ_8M);
	prop_str("compatible", "restricted-dma-pool");
	prop("no-map");
	end();
	region("both@53000000", 0x53000000, SZ_4M);
	prop_str("compatible", "shared-dma-pool");
	prop("no-map");
	prop("reusable");
	end();
	both_passes();
	assert_logged("created DMA memory pool at 0x0000000050000000, size 4 MiB");
	assert_logged("created restricted DMA pool at 0x0000000051000000, size 8 MiB");
	assert_logged("node bad@52000000 compatible matching fail");
	assert_logged("node both@53000000 compatible matching fail");
	assert_true(memblock_is_map_memory(0x52000000));
	assert_true(memblock_is_map_memory(0x53000000));
	assert_false(memblock_is_map_memory(0x50000000));
}

static void overlaps_are_said_and_the_list_is_sorted(void **state)
{
	start(NULL, 0);
	region("c@60000000", 0x60000000, SZ_2M);
	end();
	region("a@50000000", 0x50000000, SZ_2M);
	end();
	region("b@50100000", 0x50100000, SZ_2M);
	end();
	both_passes();
	assert_string_equal(reserved_mem[0].name, "a@50000000");
	assert_string_equal(reserved_mem[2].name, "c@60000000");
	assert_logged("OF: reserved mem: OVERLAP DETECTED!\na@50000000 "
		      "(0x0000000050000000--0x0000000050200000) overlaps with b@50100000 "
		      "(0x0000000050100000--0x0000000050300000)\n");
}

static void many_regions(void **state)
{
	char name[24];
	unsigned int i;

	start(NULL, 0);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "r@%x", 0x50000000 + i * 0x10000);
		region(name, 0x50000000 + i * 0x10000, 0x1000);
		if (i % 3 == 0)
			prop("no-map");
		end();
	}
	both_passes();
	assert_int_equal(nr_reserved_mem, 300);
	assert_int_equal(memblock.memory.cnt, 201);
}

static void more_dynamic_regions_than_places(void **state)
{
	char name[24];
	unsigned int i;

	start(NULL, 0);
	for (i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "dyn%u", i);
		node(name);
		prop_cells("size", 2, 0, (u64[]){0x10000}, 1);
		end();
	}
	first_pass();
	assert_logged("too many defined dynamic regions, skip 'dyn64'");
	assert_int_equal(nr_reserved_mem, 64);
}

static void the_crash_dump_s_header(void **state)
{
	tree_begin(2, 2);
	node("chosen");
	prop_ranges("linux,elfcorehdr", (u64[]){0x50000000, 0x4000}, 2);
	end();
	tree_memory("memory@40000000", RAM, SZ_1G);
	ok(scan_tree());
	clear_log();
	early_init_fdt_scan_reserved_mem();
	assert_reserved(0, 0x50000000, 0x4000);
	assert_logged("Reserving 16 KiB of memory at 0x50000000 for elfcorehdr");
	clear_log();
	early_init_fdt_scan_reserved_mem();
	assert_logged("elfcorehdr is overlapped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(regions_with_reg, setup),
		cmocka_unit_test_setup(memreserve_entries, setup),
		cmocka_unit_test_setup(more_entries_than_places, setup),
		cmocka_unit_test_setup(no_map_over_a_reservation_is_refused, setup),
		cmocka_unit_test_setup(no_map_outside_of_memory_is_nobodys_business, setup),
		cmocka_unit_test_setup(over_the_kernel_is_said, setup),
		cmocka_unit_test_setup(regs_that_cannot_be_read, setup),
		cmocka_unit_test_setup(cells_other_than_the_root_s, setup),
		cmocka_unit_test_setup(without_the_node, setup),
		cmocka_unit_test_setup(dynamic_regions_keep_clear_of_static_ones, setup),
		cmocka_unit_test_setup(alloc_ranges_in_order, setup),
		cmocka_unit_test_setup(neighbours_grow_together, setup),
		cmocka_unit_test_setup(dynamic_no_map, setup),
		cmocka_unit_test_setup(a_reusable_pool_is_a_contiguous_area, setup),
		cmocka_unit_test_setup(a_crooked_pool_is_given_back, setup),
		cmocka_unit_test_setup(a_pool_with_others_in_it_is_none, setup),
		cmocka_unit_test_setup(an_impossible_pool_that_is_not_mapped_stays_reserved, setup),
		cmocka_unit_test_setup(the_command_line_beats_the_tree, setup),
		cmocka_unit_test_setup(a_pool_outside_of_memory_is_said, setup),
		cmocka_unit_test_setup(other_pools, setup),
		cmocka_unit_test_setup(overlaps_are_said_and_the_list_is_sorted, setup),
		cmocka_unit_test_setup(many_regions, setup),
		cmocka_unit_test_setup(more_dynamic_regions_than_places, setup),
		cmocka_unit_test_setup(the_crash_dump_s_header, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
