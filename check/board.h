/* SPDX-License-Identifier: MIT */
/*
 * What a device tree says of memory, with the node and property of each statement: banks, reservations, what /chosen
 * asks for, nodes of memory and their distances. Read only; what Linux makes of it is the prediction's.
 */
#ifndef QUIRE_CHECK_BOARD_H
#define QUIRE_CHECK_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_NODE (-1)

/* One entry of a memory node's reg. */
struct bank {
	const char *path;
	int node;	    /* offset in the tree */
	unsigned int index; /* in reg */
	uint64_t base, size;
};

struct memory_node {
	const char *path;
	int node;
	const char *reg_name; /* "reg", or the deprecated "linux,usable-memory" */
	int reg_len;	      /* bytes; -1: it has none */
	unsigned int nr_banks;
	bool typed; /* device_type is "memory": otherwise Linux does not look at it */
	int nid;    /* numa-node-id; -1: none */
	int nid_len;
};

enum rsv_kind {
	RSV_STATIC,  /* a node with reg */
	RSV_DYNAMIC, /* a node with size */
	RSV_BLOCK,   /* /memreserve/ */
};

/* A reservation: one entry of a node's reg, a node without reg, or an entry of the memory reservation block. */
struct rsv {
	enum rsv_kind kind;
	const char *path, *name; /* "/memreserve/" both for the block's */
	int node;
	unsigned int index, nr; /* entry in reg, and how many there are */
	uint64_t base, size;
	bool nomap, reusable, pool, restricted, cma_default;
	bool used; /* a driver or pool may ask for it: it has a phandle or a compatible */
	/* dynamic */
	uint64_t align;
	bool bad_size, bad_align, bad_ranges;
	unsigned int nr_ranges;
	uint64_t range_base, range_size; /* of the first alloc-range */
};

/* A node of /reserved-memory whose reg or size cannot be read. */
struct bad_rsv {
	const char *path;
	int node, len;
	const char *property; /* NULL: it has neither reg nor size */
};

struct distance {
	uint32_t from, to, distance;
};

enum initrd_state { INITRD_NONE, INITRD_GOOD, INITRD_HALF, INITRD_BACKWARDS };

struct board {
	const void *fdt;
	size_t fdt_size; /* totalsize */
	int ac, sc;	 /* the root's cells */
	bool bad_cells;	 /* 0, or more than 4 in all */
	struct memory_node *memory;
	struct bank *banks;
	struct rsv *rsv;
	struct bad_rsv *bad_rsv;
	struct distance *distances;
	size_t nr_memory, nr_banks, nr_rsv, nr_bad_rsv, nr_distances;

	bool has_reserved_memory, rsv_cells_ok, rsv_ranges;
	int rsv_node, rsv_ac, rsv_sc, chosen_node; /* NO_NODE: there is none */
	enum initrd_state initrd;
	uint64_t initrd_base, initrd_size;
	const char *bootargs;
	const char *distance_path; /* of the distance-map; NULL: none */
	int distance_node, distance_len;
	bool distance_typed; /* compatible is numa-distance-map-v1 */
	bool usable_range;   /* linux,usable-memory-range: a crash kernel's tree */
};

/* Read the tree, whose structure the caller has verified. False: no memory. */
bool board_read(struct board *b, const void *fdt, size_t size);
void board_free(struct board *b);

/* Path of a node, malloc'ed and kept until the process ends (few, and reports hold them). */
const char *board_path(const struct board *b, int node);

#endif
