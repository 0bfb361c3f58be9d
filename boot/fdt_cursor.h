/* SPDX-License-Identifier: MIT */
/*
 * Reading a flattened device tree from front to back (boot/fdt_cursor.c).
 *
 * A cursor is a position between two tokens of the structure block. Nothing is copied: names and
 * values point into the tree, which stays mapped.
 */
#ifndef BOOT_FDT_CURSOR_H
#define BOOT_FDT_CURSOR_H

#include <quire/types.h>

/* The properties that the boot asks for. Every other one is passed over. */
#define FDT_PROPERTIES(P)                                                                          \
	P(INTERRUPT_CELLS, "#interrupt-cells")                                                     \
	P(REDIST_REGIONS, "#redistributor-regions")                                                \
	P(ADDRESS_CELLS, "#address-cells")                                                         \
	P(SIZE_CELLS, "#size-cells")                                                               \
	P(ALIGNMENT, "alignment")                                                                  \
	P(ALLOC_RANGES, "alloc-ranges")                                                            \
	P(BOOTARGS, "bootargs")                                                                    \
	P(COMPATIBLE, "compatible")                                                                \
	P(CPU_RELEASE_ADDR, "cpu-release-addr")                                                    \
	P(CPU_ON, "cpu_on")                                                                        \
	P(DEVICE_TYPE, "device_type")                                                              \
	P(DISTANCE_MATRIX, "distance-matrix")                                                      \
	P(DMA_RANGES, "dma-ranges")                                                                \
	P(ENABLE_METHOD, "enable-method")                                                          \
	P(HOTPLUGGABLE, "hotpluggable")                                                            \
	P(KASLR_SEED, "kaslr-seed")                                                                \
	P(INTERRUPT_CONTROLLER, "interrupt-controller")                                            \
	P(INTERRUPT_NAMES, "interrupt-names")                                                      \
	P(INTERRUPT_PARENT, "interrupt-parent")                                                    \
	P(INTERRUPTS, "interrupts")                                                                \
	P(CMA_DEFAULT, "linux,cma-default")                                                        \
	P(DMA_DEFAULT, "linux,dma-default")                                                        \
	P(ELFCOREHDR, "linux,elfcorehdr")                                                          \
	P(INITRD_END, "linux,initrd-end")                                                          \
	P(INITRD_START, "linux,initrd-start")                                                      \
	P(LINUX_STDOUT, "linux,stdout-path")                                                       \
	P(USABLE_MEMORY, "linux,usable-memory")                                                    \
	P(USABLE_RANGE, "linux,usable-memory-range")                                               \
	P(METHOD, "method")                                                                        \
	P(MODEL, "model")                                                                          \
	P(NO_MAP, "no-map")                                                                        \
	P(NUMA_NODE_ID, "numa-node-id")                                                            \
	P(PHANDLE, "phandle")                                                                      \
	P(RANGES, "ranges")                                                                        \
	P(REDIST_STRIDE, "redistributor-stride")                                                   \
	P(REG, "reg")                                                                              \
	P(REG_IO_WIDTH, "reg-io-width")                                                            \
	P(REG_SHIFT, "reg-shift")                                                                  \
	P(REUSABLE, "reusable")                                                                    \
	P(RNG_SEED, "rng-seed")                                                                    \
	P(SIZE, "size")                                                                            \
	P(STATUS, "status")                                                                        \
	P(STDOUT_PATH, "stdout-path")

enum fdt_prop_id {
	FDT_P_NONE,
#define FDT_PROP_ENUM(id, name) FDT_P_##id,
	FDT_PROPERTIES(FDT_PROP_ENUM)
#undef FDT_PROP_ENUM
		FDT_P_NR,
};

enum fdt_token { FDT_T_NODE, FDT_T_PROP, FDT_T_NODE_END, FDT_T_END, FDT_T_BAD };

/* Offsets of names below this are looked up once and then known. */
#define FDT_NAME_CACHE 4096

struct fdt_tree {
	const u8 *base;
	u32 size;
	const u32 *start, *end; /* structure block */
	const char *strings;
	u32 strings_size; /* up to and including the last NUL */
	/* By offset in the strings block: 0 not seen yet, else enum fdt_prop_id + 1. */
	u8 name_id[FDT_NAME_CACHE];
};

struct fdt_cursor {
	struct fdt_tree *tree;
	const u32 *p;
	const char *name;      /* FDT_T_NODE: the node's; with unit address, "" for the root */
	const char *error;     /* FDT_T_BAD: why */
	const u32 *val;	       /* FDT_T_PROP, 4-byte aligned */
	u32 len;	       /* FDT_T_PROP: bytes */
	enum fdt_prop_id prop; /* FDT_T_PROP: FDT_P_NONE for a property nobody asks for */
};

/*
 * One node's properties, by enum fdt_prop_id. val and len are valid where the bit in `present` is
 * set.
 */
struct fdt_props {
	u64 present;
	const u32 *val[FDT_P_NR];
	u32 len[FDT_P_NR];
};

/*
 * Check the header of the tree at fdt (mapped and readable for `size` bytes, 8-byte aligned) and
 * prepare to read it. Returns NULL, or what is wrong with it.
 */
const char *fdt_tree_init(struct fdt_tree *tree, const void *fdt, u32 size);

void fdt_cursor_init(struct fdt_cursor *c, struct fdt_tree *tree);

/*
 * The next token. Every bound is checked; after FDT_T_BAD and FDT_T_END the cursor does not move.
 */
enum fdt_token fdt_next_token(struct fdt_cursor *c);

/*
 * After FDT_T_NODE: collect the node's properties; the cursor then stands before its first child or
 * its end.
 */
void fdt_read_props(struct fdt_cursor *c, struct fdt_props *props);

/* After fdt_read_props: pass over what is left of the node. False when the tree is broken. */
bool fdt_skip_node(struct fdt_cursor *c);

/*
 * The next child of the node whose properties were read, with its properties. Call fdt_skip_node
 * before asking for the next one. False when there is none left (the node's end has been passed
 * then).
 */
bool fdt_next_child(struct fdt_cursor *c, struct fdt_props *props);

static inline bool fdt_has(const struct fdt_props *p, enum fdt_prop_id id)
{
	return (p->present >> id) & 1;
}

static inline u32 fdt_cell(const u32 *cell)
{
#ifdef __AARCH64EB__
	return *cell;
#else
	return __builtin_bswap32(*cell);
#endif
}

/* A number of n cells; of more than two the last two count. Of none: 0. */
static inline u64 fdt_number(const u32 *cell, unsigned int n)
{
	u64 v = 0;

	while (n--)
		v = v << 32 | fdt_cell(cell++);
	return v;
}

/* The property's value as one cell, or dflt when it is absent or shorter. */
u32 fdt_prop_u32(const struct fdt_props *p, enum fdt_prop_id id, u32 dflt);
/* The property as a terminated string, or NULL when it is absent, empty or without an end. */
const char *fdt_prop_string(const struct fdt_props *p, enum fdt_prop_id id);
/* One string of the `compatible` list equals s. */
bool fdt_compatible(const struct fdt_props *p, const char *s);
/* `status` is absent, "okay" or "ok". */
bool fdt_available(const struct fdt_props *p);
/* The node's name is `name`, its unit address aside unless `name` has one. n: length of `name`. */
bool fdt_name_is(const char *node, const char *name, size_t n);

#endif
