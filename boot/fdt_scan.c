// SPDX-License-Identifier: MIT
/*
 * The device tree, read once from front to back: what the machine is, where its memory is, and what
 * /chosen asks for.
 *
 * early_init_dt_scan goes over the structure block one time and checks it as it goes, so that every
 * later reader may trust the tree. Each node is judged when its properties have been read and
 * before its children are. What only a later stage can use (reserved memory, NUMA distances,
 * stdout-path) is kept as a position in the tree.
 *
 * Linux makes several walks, each by libfdt from the root: chosen, memory, usable range, then the
 * unflattened objects. The effects and the order of memblock operations are the same. Differences:
 * entries of the wrong length are reported, a tree with broken structure stops the boot with a
 * message, overlapping memory is said, and no property is read past its end.
 *
 * Runs on the boot CPU alone, before the linear map; touches the tree through the fixmap and
 * memblock's static arrays.
 */
#define pr_fmt(fmt) "OF: fdt: " fmt

#include <quire/build_profile.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/string.h>

#include <libfdt.h>

#include "fdt_scan.h"

struct fdt_info fdt_info;
char boot_command_line[COMMAND_LINE_SIZE];
const char *machine_model;
phys_addr_t phys_initrd_start, phys_initrd_size;
phys_addr_t elfcorehdr_addr, elfcorehdr_size;
struct cpu_desc cpu_descs[NR_CPUS];
unsigned int nr_cpus_possible = 1;

/* Which part of the tree a node lies in: its ancestor at depth 1. */
enum fdt_part { PART_OTHER, PART_CPUS };

/*
 * Banks stop here, so that until paging_init memblock's array has slots left for what splits
 * regions: mem=, NOMAP, the kernel, the initrd.
 */
#define MAX_MEMORY_BANKS (MEMBLOCK_SPARE_REGIONS - MAX_RESERVED_MEM)

bool early_init_dt_add_memory_arch(u64 base, u64 size)
{
	phys_addr_t before = memblock_phys_mem_size();

	if (size > ~(u64)0 - base) {
		pr_warn("Ignoring memory range 0x%llx - 0x%llx: it passes the end of the address "
			"space\n",
			(unsigned long long)base, (unsigned long long)(base + size));
		size = ~(u64)0 - base;
	}
	/* Not one whole page. */
	if (size < PAGE_SIZE - (base & ~PAGE_MASK)) {
		pr_warn("Ignoring memory block 0x%llx - 0x%llx\n", (unsigned long long)base,
			(unsigned long long)(base + size));
		return false;
	}
	if (!IS_ALIGNED(base, PAGE_SIZE)) {
		size -= PAGE_SIZE - (base & ~PAGE_MASK);
		base = PAGE_ALIGN(base);
	}
	size &= PAGE_MASK;
	/* Linux adds what is left even when that is nothing. */
	if (!size && !build_profile)
		return false;
	if (memblock.memory.cnt >= MAX_MEMORY_BANKS || memblock_add(base, size)) {
		fdt_info.surplus_banks++;
		fdt_info.surplus_bytes += size;
		return false;
	}
	fdt_info.overlap_bytes += size - (memblock_phys_mem_size() - before);
	return true;
}

/* ------------------------------------------------------------------ nodes */

static void scan_root(const struct fdt_props *p)
{
	static const enum fdt_prop_id cells[] = {FDT_P_ADDRESS_CELLS, FDT_P_SIZE_CELLS};
	unsigned int i;

	fdt_info.addr_cells = fdt_prop_u32(p, FDT_P_ADDRESS_CELLS, 1);
	fdt_info.size_cells = fdt_prop_u32(p, FDT_P_SIZE_CELLS, 1);
	for (i = 0; i < ARRAY_SIZE(cells); i++)
		if (fdt_has(p, cells[i]) && p->len[cells[i]] != 4)
			pr_err("/: %s has %u bytes instead of 4\n",
			       i ? "#size-cells" : "#address-cells", p->len[cells[i]]);
	fdt_info.cells_usable = fdt_info.addr_cells >= 1 && fdt_info.addr_cells <= 4 &&
				fdt_info.size_cells >= 1 && fdt_info.size_cells <= 4;
	if (!fdt_info.cells_usable)
		pr_err("/: addresses of %u cells and sizes of %u: no memory can be described so\n",
		       fdt_info.addr_cells, fdt_info.size_cells);
	machine_model = fdt_prop_string(p, FDT_P_MODEL);
	if (!machine_model)
		machine_model = fdt_prop_string(p, FDT_P_COMPATIBLE);
}

/* linux,initrd-start and -end: one cell or two each, whatever the root's cells are. */
static void chosen_initrd(const struct fdt_props *p)
{
	u64 start, end;

	if (!fdt_has(p, FDT_P_INITRD_START) && !fdt_has(p, FDT_P_INITRD_END))
		return;
	if (!fdt_has(p, FDT_P_INITRD_START) || !fdt_has(p, FDT_P_INITRD_END)) {
		pr_err("chosen: of linux,initrd-start and -end one is missing, ignoring the "
		       "initrd\n");
		return;
	}
	if (p->len[FDT_P_INITRD_START] < 4 || p->len[FDT_P_INITRD_END] < 4) {
		pr_err("chosen: linux,initrd-start or -end has no value, ignoring the initrd\n");
		return;
	}
	start = fdt_number(p->val[FDT_P_INITRD_START], p->len[FDT_P_INITRD_START] / 4);
	end = fdt_number(p->val[FDT_P_INITRD_END], p->len[FDT_P_INITRD_END] / 4);
	if (start > end) {
		pr_err("chosen: the initrd ends (0x%llx) before it starts (0x%llx), ignoring it\n",
		       (unsigned long long)end, (unsigned long long)start);
		return;
	}
	phys_initrd_start = start;
	phys_initrd_size = end - start;
}

/* A secret that has served: out of the tree, which stays readable. */
static void wipe(const struct fdt_props *p, enum fdt_prop_id id)
{
	if (fdt_has(p, id) && p->len[id])
		memset((void *)(unsigned long)p->val[id], 0, p->len[id]);
}

u64 boot_random_seed[BOOT_SEED_WORDS];

/* For those who give out random numbers: all of it counts, however long it is. */
static void keep_seed(const struct fdt_props *p, unsigned int prop)
{
	const u8 *from = (const u8 *)p->val[prop];
	u8 *to = (u8 *)boot_random_seed;

	if (!fdt_has(p, prop))
		return;
	for (u32 i = 0; i < p->len[prop]; i++)
		to[i % sizeof(boot_random_seed)] ^= from[i];
}

static void scan_chosen(const struct fdt_props *p)
{
	unsigned int ac = fdt_info.addr_cells, sc = fdt_info.size_cells;

	if (fdt_info.has_chosen)
		return;
	fdt_info.has_chosen = true;
	chosen_initrd(p);
	if (fdt_has(p, FDT_P_ELFCOREHDR) && fdt_info.cells_usable) {
		if (p->len[FDT_P_ELFCOREHDR] < (ac + sc) * 4) {
			pr_err("chosen: linux,elfcorehdr is too short, ignoring it\n");
		} else {
			elfcorehdr_addr = fdt_number(p->val[FDT_P_ELFCOREHDR], ac);
			elfcorehdr_size = fdt_number(p->val[FDT_P_ELFCOREHDR] + ac, sc);
		}
	}
	if (fdt_has(p, FDT_P_USABLE_RANGE)) {
		fdt_info.usable_range = p->val[FDT_P_USABLE_RANGE];
		fdt_info.usable_range_len = p->len[FDT_P_USABLE_RANGE];
	}
	keep_seed(p, FDT_P_RNG_SEED);
	keep_seed(p, FDT_P_KASLR_SEED);
	wipe(p, FDT_P_RNG_SEED);
	wipe(p, FDT_P_KASLR_SEED);
	if (fdt_has(p, FDT_P_BOOTARGS) && p->len[FDT_P_BOOTARGS]) {
		const char *args = (const char *)p->val[FDT_P_BOOTARGS];
		size_t n = strnlen(args, p->len[FDT_P_BOOTARGS]);

		if (n >= COMMAND_LINE_SIZE) {
			pr_err("chosen: bootargs has %lu characters, only the first %u are used\n",
			       (unsigned long)n, COMMAND_LINE_SIZE - 1);
			n = COMMAND_LINE_SIZE - 1;
		}
		memcpy(boot_command_line, args, n);
		boot_command_line[n] = '\0';
	}
	fdt_info.stdout_path = fdt_prop_string(p, FDT_P_STDOUT_PATH);
	if (!fdt_info.stdout_path)
		fdt_info.stdout_path = fdt_prop_string(p, FDT_P_LINUX_STDOUT);
}

/* A node with device_type = "memory" directly below the root. */
static void scan_memory(const char *name, const struct fdt_props *p)
{
	unsigned int ac = fdt_info.addr_cells, sc = fdt_info.size_cells;
	enum fdt_prop_id id = FDT_P_USABLE_MEMORY;
	const u32 *reg;
	u32 left;

	fdt_info.memory_nodes++;
	if (fdt_has(p, FDT_P_NUMA_NODE_ID))
		fdt_info.numa_ids = true;
	if (!fdt_info.cells_usable || !fdt_available(p))
		return;
	if (!fdt_has(p, id))
		id = FDT_P_REG;
	if (!fdt_has(p, id)) {
		pr_warn("%s: no reg, no memory\n", name);
		return;
	}
	reg = p->val[id];
	left = p->len[id] / 4;
	if (p->len[id] % ((ac + sc) * 4))
		pr_err("%s: reg has %u bytes, which is not a multiple of %u: the rest is ignored\n",
		       name, p->len[id], (ac + sc) * 4);
	for (; left >= ac + sc; left -= ac + sc, reg += ac + sc) {
		u64 base = fdt_number(reg, ac);
		u64 size = fdt_number(reg + ac, sc);

		if (!size)
			continue;
		if (early_init_dt_add_memory_arch(base, size) && fdt_has(p, FDT_P_HOTPLUGGABLE) &&
		    memblock_mark_hotplug(base, size))
			pr_warn("failed to mark hotplug range 0x%llx - 0x%llx\n",
				(unsigned long long)base, (unsigned long long)(base + size));
	}
}

/* A child of /cpus. CPUs that cannot be told apart or exceed NR_CPUS are not counted. */
static void scan_cpu(const char *name, const struct fdt_props *p, const struct fdt_level *cpus)
{
	const char *type = fdt_prop_string(p, FDT_P_DEVICE_TYPE);
	const char *status = fdt_prop_string(p, FDT_P_STATUS);
	struct cpu_desc *cpu;
	unsigned int i;
	u64 hwid;
	u32 nid;

	if (!fdt_name_is(name, "cpu", 3) && !(type && strcmp(type, "cpu") == 0))
		return;
	/* "disabled" means that it waits for its enable-method; "fail" that it is broken. */
	if (status && strncmp(status, "fail", 4) == 0)
		return;
	if (!cpus->addr_cells || !fdt_has(p, FDT_P_REG) ||
	    p->len[FDT_P_REG] < cpus->addr_cells * 4U) {
		pr_err("%s: missing or short reg property, ignoring this CPU\n", name);
		return;
	}
	hwid = fdt_number(p->val[FDT_P_REG], cpus->addr_cells);
	if (hwid & ~MPIDR_HWID_MASK) {
		pr_err("%s: reg is not an affinity of MPIDR_EL1, ignoring this CPU\n", name);
		return;
	}
	for (i = 0; i < nr_cpus_possible; i++) {
		if (cpu_descs[i].hwid == hwid) {
			pr_err("%s: another CPU has the same reg, ignoring this one\n", name);
			return;
		}
	}
	if (nr_cpus_possible == NR_CPUS) {
		fdt_info.surplus_cpus++;
		return;
	}
	nid = fdt_prop_u32(p, FDT_P_NUMA_NODE_ID, ~0U);
	cpu = &cpu_descs[nr_cpus_possible++];
	*cpu = (struct cpu_desc){
		.hwid = hwid,
		.has_nid = nid != ~0U,
		.nid = nid == ~0U ? NUMA_NO_NODE : (int)min(nid, (u32)INT_MAX),
		.compatible = fdt_prop_string(p, FDT_P_COMPATIBLE),
		.enable_method = fdt_prop_string(p, FDT_P_ENABLE_METHOD),
	};
	if (fdt_has(p, FDT_P_CPU_RELEASE_ADDR))
		cpu->release_addr = fdt_number(p->val[FDT_P_CPU_RELEASE_ADDR],
					       min(p->len[FDT_P_CPU_RELEASE_ADDR] / 4, 2U));
}

static void scan_reserved_memory(const struct fdt_cursor *c, const struct fdt_props *p)
{
	if (fdt_info.has_reserved_memory)
		return;
	fdt_info.has_reserved_memory = true;
	fdt_info.reserved_memory = *c;
	fdt_info.reserved_memory_format_ok =
		fdt_has(p, FDT_P_RANGES) &&
		fdt_prop_u32(p, FDT_P_ADDRESS_CELLS, ~0U) == fdt_info.addr_cells &&
		fdt_prop_u32(p, FDT_P_SIZE_CELLS, ~0U) == fdt_info.size_cells;
}

static void scan_distance_map(const struct fdt_props *p)
{
	if (fdt_info.has_distance_map || !fdt_compatible(p, "numa-distance-map-v1"))
		return;
	fdt_info.has_distance_map = true;
	if (fdt_has(p, FDT_P_DISTANCE_MATRIX)) {
		fdt_info.distance_matrix = p->val[FDT_P_DISTANCE_MATRIX];
		fdt_info.distance_matrix_len = p->len[FDT_P_DISTANCE_MATRIX];
	}
}

/*
 * How firmware is called: to power the machine off, to start CPUs. Before PSCI 0.2 the tree also said by which number each
 * function is called.
 */
static void scan_psci(const struct fdt_props *p)
{
	const char *method = fdt_prop_string(p, FDT_P_METHOD);

	if (!method || (strcmp(method, "hvc") != 0 && strcmp(method, "smc") != 0))
		pr_warn("psci: missing or unknown method property\n");
	else
		port_set_psci(method[0] == 'h',
			      fdt_compatible(p, "arm,psci-0.2") || fdt_compatible(p, "arm,psci-1.0")
				      ? 0
				      : fdt_prop_u32(p, FDT_P_CPU_ON, 0));
}

static enum fdt_part scan_top(const char *name, const struct fdt_props *p,
			      const struct fdt_cursor *c)
{
	const char *type;

	switch (name[0]) {
	case 'c':
		if (fdt_name_is(name, "chosen", 6))
			scan_chosen(p);
		else if (strcmp(name, "cpus") == 0)
			return PART_CPUS;
		break;
	case 'p':
		if (strcmp(name, "psci") == 0)
			scan_psci(p);
		break;
	case 'r':
		if (fdt_name_is(name, "reserved-memory", 15))
			scan_reserved_memory(c, p);
		break;
	default:
		break;
	}
	if (fdt_has(p, FDT_P_DEVICE_TYPE)) {
		type = fdt_prop_string(p, FDT_P_DEVICE_TYPE);
		if (type && strcmp(type, "memory") == 0)
			scan_memory(name, p);
	}
	return PART_OTHER;
}

/* ------------------------------------------------------------------ the pass */

static int broken(const struct fdt_cursor *c, const char *why)
{
	pr_crit("the device tree is broken at offset 0x%lx: %s\n",
		(unsigned long)((const u8 *)c->p - c->tree->base), why);
	return -EINVAL;
}

static int scan_nodes(void)
{
	static struct fdt_level lv[FDT_MAX_DEPTH];
	enum fdt_part part = PART_OTHER;
	struct fdt_props props;
	struct fdt_cursor c;
	const char *name;
	int depth = -1;

	fdt_cursor_init(&c, &fdt_info.tree);
	for (;;) {
		switch (fdt_next_token(&c)) {
		case FDT_T_NODE:
			if (++depth == FDT_MAX_DEPTH)
				return broken(&c, "nodes nest too deep");
			name = c.name;
			fdt_read_props(&c, &props);
			fdt_level_set(&lv[depth], depth ? &lv[depth - 1] : NULL, name, &props);
			if (depth == 0)
				scan_root(&props);
			else if (depth == 1)
				part = scan_top(name, &props, &c);
			else if (depth == 2 && part == PART_CPUS)
				scan_cpu(name, &props, &lv[1]);
			if (fdt_has(&props, FDT_P_DMA_RANGES) && !lv[depth].disabled &&
			    lv[depth].dma_ranges_len)
				fdt_info.dma_max =
					min(fdt_info.dma_max, fdt_dma_ranges_max(lv, depth));
			if (name[0] == 'd' || fdt_has(&props, FDT_P_DISTANCE_MATRIX))
				scan_distance_map(&props);
			break;
		case FDT_T_NODE_END:
			if (--depth == -1)
				return 0;
			break;
		case FDT_T_PROP:
			return broken(&c, "a property after a node, or outside of any");
		case FDT_T_END:
			return broken(&c, "it ends inside a node");
		default:
			return broken(&c, c.error);
		}
	}
}

/* linux,usable-memory-range: one or two ranges that a crash kernel may use. */
static void check_for_usable_mem_range(void)
{
	unsigned int ac = fdt_info.addr_cells, sc = fdt_info.size_cells;
	const u32 *r = fdt_info.usable_range;
	phys_addr_t base, size;

	if (!r || !fdt_info.cells_usable)
		return;
	if (!fdt_info.usable_range_len || fdt_info.usable_range_len % ((ac + sc) * 4)) {
		pr_err("chosen: linux,usable-memory-range has %u bytes, ignoring it\n",
		       fdt_info.usable_range_len);
		return;
	}
	memblock_cap_memory_range(fdt_number(r, ac), fdt_number(r + ac, sc));
	if (fdt_info.usable_range_len >= 2 * (ac + sc) * 4) {
		r += ac + sc;
		base = fdt_number(r, ac);
		size = fdt_number(r + ac, sc);
		if (size)
			memblock_add(base, size);
	}
}

int early_init_dt_scan(void *fdt, phys_addr_t phys, u32 size)
{
	const char *why;

	event_step("early_init_dt_scan");
	fdt_info = (struct fdt_info){.dma_max = PHYS_ADDR_MAX};
	boot_command_line[0] = '\0';
	phys_initrd_start = phys_initrd_size = 0;
	elfcorehdr_addr = elfcorehdr_size = 0;
	nr_cpus_possible = 0;
	why = fdt_tree_init(&fdt_info.tree, fdt, size);
	if (why) {
		pr_crit("the device tree's header is bad: %s\n", why);
		return -EINVAL;
	}
	fdt_info.phys = phys;
	fdt_info.size = fdt_info.tree.size;
	if (scan_nodes())
		return -EINVAL;
	if (!nr_cpus_possible) {
		pr_warn("no CPU is described in /cpus, counting the one that runs\n");
		cpu_descs[0].hwid = port_read_reg(PORT_MPIDR_EL1) & MPIDR_HWID_MASK;
		nr_cpus_possible = 1;
	}
	if (fdt_info.surplus_cpus)
		pr_warn("more than %u CPUs: %u are left out\n", NR_CPUS, fdt_info.surplus_cpus);
	if (!fdt_info.has_chosen)
		pr_warn("No chosen node found, continuing without\n");
	if (fdt_info.overlap_bytes)
		pr_warn("memory nodes overlap: %llu KiB are described more than once\n",
			(unsigned long long)fdt_info.overlap_bytes >> 10);
	if (fdt_info.surplus_banks)
		pr_warn("more than %lu separate banks of memory: the last %u, %llu KiB, are left "
			"out\n",
			MAX_MEMORY_BANKS, fdt_info.surplus_banks,
			(unsigned long long)fdt_info.surplus_bytes >> 10);
	check_for_usable_mem_range();
	return 0;
}

void setup_machine_fdt(phys_addr_t dt_phys)
{
	u32 size = 0;
	void *fdt;

	event_step("setup_machine_fdt");
	if (!dt_phys)
		panic("No device tree: x0 was 0 at entry, and the boot protocol wants its physical "
		      "address there");
	fdt = fixmap_remap_fdt(dt_phys, &size, PAGE_KERNEL);
	if (fdt)
		memblock_reserve(dt_phys, size);
	if (!fdt || early_init_dt_scan(fdt, dt_phys, size))
		panic("Error: invalid device tree blob at physical address %pa\n"
		      "The dtb must be 8-byte aligned and must not exceed 2 MB in size\n"
		      "Please check your bootloader.",
		      &dt_phys);
	/* Nothing writes it from here on. */
	fixmap_remap_fdt(dt_phys, &size, PAGE_KERNEL_RO);
	if (machine_model)
		printk(KERN_INFO "Machine model: %s\n", machine_model);
}
