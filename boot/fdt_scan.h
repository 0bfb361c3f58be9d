/* SPDX-License-Identifier: MIT */
/*
 * What the one pass over the device tree keeps for the stages that follow (boot/fdt_scan.c,
 * fdt_address.c).
 */
#ifndef BOOT_FDT_SCAN_H
#define BOOT_FDT_SCAN_H

#include <quire/boot.h>

#include "fdt_cursor.h"

/* Affinity fields of MPIDR_EL1: Aff3 in bits 39:32, Aff2 to Aff0 in 23:0 (Arm ARM D24.2.134). */
#define MPIDR_HWID_MASK 0xff00ffffffULL

/* Nodes may nest this deep, as in Linux (FDT_MAX_DEPTH). */
#define FDT_MAX_DEPTH 64

/*
 * A node on the path from the root to the one being read: what it says of its children's addresses.
 */
struct fdt_level {
	u8 addr_cells, size_cells;
	bool pci;
	bool disabled;			/* it or one above it has a status that is not okay */
	const u32 *ranges, *dma_ranges; /* NULL: absent */
	u32 ranges_len, dma_ranges_len; /* bytes */
};

struct fdt_info {
	struct fdt_tree tree;
	phys_addr_t phys;
	u32 size;			     /* of the tree, bytes */
	unsigned int addr_cells, size_cells; /* the root's */
	bool cells_usable;		     /* an entry of a memory node has 1 to 8 cells */

	bool has_chosen, has_reserved_memory;
	struct fdt_cursor reserved_memory; /* behind its properties, before its first child */
	bool reserved_memory_format_ok;	   /* it has the root's cells, and ranges */
	const char *stdout_path;
	const u32 *usable_range;
	u32 usable_range_len;
	bool numa_ids;		    /* a memory node says numa-node-id */
	const u32 *distance_matrix; /* of the first numa-distance-map-v1 */
	u32 distance_matrix_len;
	bool has_distance_map;
	/* Highest address that every bus with dma-ranges can reach; PHYS_ADDR_MAX: none says. */
	phys_addr_t dma_max;
	u64 overlap_bytes;	    /* of memory nodes, described before */
	unsigned int surplus_banks; /* for which memblock has no room */
	u64 surplus_bytes;
	unsigned int memory_nodes; /* with or without usable memory */
	unsigned int surplus_cpus; /* beyond NR_CPUS */
};
extern struct fdt_info fdt_info;

/*
 * setup_machine_fdt: map the tree, reserve it, read it, and add its memory to memblock. Panics when
 * there is no usable tree.
 */
void setup_machine_fdt(phys_addr_t dt_phys);

/*
 * Read the whole tree at `fdt` into fdt_info: chosen (command line, initrd, ...), memory nodes
 * (memblock_add), CPUs. Returns 0, or -EINVAL after printing what is wrong with the tree.
 */
int early_init_dt_scan(void *fdt, phys_addr_t phys, u32 size);

/*
 * One /memory range, rounded inward to pages; warns and drops what cannot be used. True when it was
 * added.
 */
bool early_init_dt_add_memory_arch(u64 base, u64 size);

/* ---- boot/fdt_find.c */

/* A node: its properties, and the levels from the root's, lv[0], to its own, lv[depth]. True: this is it. */
typedef bool fdt_visit_fn(const struct fdt_props *p, const struct fdt_level *lv, int depth,
			  void *arg);

/* Shows visit() the nodes of the tree, parents first, until it is content. False: it never was. Boot CPU, after early_init_dt_scan. */
bool fdt_find(fdt_visit_fn *visit, void *arg);

/* ---- boot/fdt_address.c */

/* Fill *lv from a node's properties. parent is NULL for the root. */
void fdt_level_set(struct fdt_level *lv, const struct fdt_level *parent, const char *name,
		   const struct fdt_props *p);

#define FDT_BAD_ADDR (~(u64)0)
/*
 * Translate addr, an address on the bus that lv[depth] is on, to one of the CPU's, through every
 * `ranges` (or `dma-ranges` when dma) above it. FDT_BAD_ADDR when a bus does not pass it on.
 */
u64 fdt_translate(const struct fdt_level *lv, int depth, u64 addr, bool dma);

/*
 * The highest CPU address that the node's dma-ranges reaches, or PHYS_ADDR_MAX when no entry of it
 * can be used.
 */
phys_addr_t fdt_dma_ranges_max(const struct fdt_level *lv, int depth);

/*
 * Find the node at an absolute path of n bytes. lv[0..*depth] is filled with it and those above it;
 * *c stands behind its properties. Returns 0 or -ENOENT.
 */
int fdt_find_path(struct fdt_tree *tree, const char *path, size_t n, struct fdt_cursor *c,
		  struct fdt_props *props, struct fdt_level lv[FDT_MAX_DEPTH], int *depth);

/* The same for a path that may begin with an alias. */
int fdt_find_node(struct fdt_tree *tree, const char *path, size_t n, struct fdt_cursor *c,
		  struct fdt_props *props, struct fdt_level lv[FDT_MAX_DEPTH], int *depth);

/* ---- boot/console.c */

/* earlycon=: value after '=', NULL for a bare "earlycon". Returns 0 or a negative errno. */
int setup_earlycon(const char *val);
/* When no console was named: the one of stdout-path. */
void console_from_stdout_path(void);

/* ---- boot/reserved_mem.c */

/*
 * The first pass, before the linear map: elfcorehdr, /reserved-memory (static, then dynamic),
 * /memreserve/.
 */
void early_init_fdt_scan_reserved_mem(void);
/* The second, when memory can be touched: the list of all regions, their pools, and overlaps. */
void fdt_scan_reserved_mem_reg_nodes(void);

/* ---- boot/memblock_init.c, numa.c, dma_zones.c, crashkernel.c */

void arm64_memblock_init(void);
void bootmem_init(void);
void arch_numa_init(void);
void zone_sizes_init(void);
void reserve_crashkernel(void);

#endif
