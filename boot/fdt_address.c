// SPDX-License-Identifier: MIT
/*
 * Addresses in the device tree: cells of a bus, translation to CPU addresses through `ranges` and
 * `dma-ranges`, and nodes by path.
 *
 * A path from the root is an array of levels, lv[0] the root. An address in a node's `reg` is one
 * of the bus that its parent is: it is given in the parent's cells, and the parent's `ranges` takes
 * it one level up (Devicetree Specification 0.4, 2.3.8).
 *
 * Differences from Linux's drivers/of/address.c: PCI's address-space bits are not compared, ISA has
 * no rules of its own, and a translation that fails is left out of the DMA limit instead of
 * wrapping around into it.
 */
#include <quire/boot.h>
#include <quire/string.h>

#include "fdt_scan.h"

/* Addresses have 1 to 4 cells (PCI: 3). */
#define MAX_CELLS 4

static u8 cells(const struct fdt_props *p, enum fdt_prop_id id, u8 inherited)
{
	u32 n = fdt_prop_u32(p, id, inherited);

	/* Out of range: no address of that bus can be read, which 0 says. */
	return n <= MAX_CELLS ? (u8)n : 0;
}

void fdt_level_set(struct fdt_level *lv, const struct fdt_level *parent, const char *name,
		   const struct fdt_props *p)
{
	const char *type;

	*lv = (struct fdt_level){
		.addr_cells = cells(p, FDT_P_ADDRESS_CELLS, parent ? parent->addr_cells : 1),
		.size_cells = cells(p, FDT_P_SIZE_CELLS, parent ? parent->size_cells : 1),
		.disabled = parent && (parent->disabled || !fdt_available(p)),
	};
	if (fdt_has(p, FDT_P_RANGES)) {
		lv->ranges = p->val[FDT_P_RANGES];
		lv->ranges_len = p->len[FDT_P_RANGES];
	}
	if (fdt_has(p, FDT_P_DMA_RANGES)) {
		lv->dma_ranges = p->val[FDT_P_DMA_RANGES];
		lv->dma_ranges_len = p->len[FDT_P_DMA_RANGES];
	}
	if (lv->addr_cells == 3) {
		type = fdt_prop_string(p, FDT_P_DEVICE_TYPE);
		lv->pci = (type && (strcmp(type, "pci") == 0 || strcmp(type, "pciex") == 0)) ||
			  fdt_name_is(name, "pcie", 4);
	}
}

/* A PCI address has its space in the first cell and the address in the two others. */
static u64 bus_address(const struct fdt_level *bus, const u32 *cell)
{
	if (bus->pci)
		return fdt_number(cell + 1, 2);
	return fdt_number(cell, bus->addr_cells);
}

/* One bus up. -1 when no range of it holds addr. */
static int translate_one(const struct fdt_level *bus, const struct fdt_level *parent, u64 *addr,
			 bool dma)
{
	const u32 *r = dma ? bus->dma_ranges : bus->ranges;
	u32 left = (dma ? bus->dma_ranges_len : bus->ranges_len) / 4;
	unsigned int entry = bus->addr_cells + parent->addr_cells + bus->size_cells;

	/*
	 * Without `ranges` a bus is closed; without `dma-ranges`, or with an empty one, addresses
	 * pass as they are.
	 */
	if (!r)
		return dma ? 0 : -1;
	if (!left)
		return 0;
	if (!bus->addr_cells || !bus->size_cells || !parent->addr_cells)
		return -1;
	for (; left >= entry; left -= entry, r += entry) {
		u64 from = bus_address(bus, r);
		u64 size = fdt_number(r + bus->addr_cells + parent->addr_cells, bus->size_cells);

		if (*addr >= from && *addr - from < size) {
			*addr = *addr - from + bus_address(parent, r + bus->addr_cells);
			return 0;
		}
	}
	return -1;
}

u64 fdt_translate(const struct fdt_level *lv, int depth, u64 addr, bool dma)
{
	int d;

	for (d = depth - 1; d > 0; d--)
		if (translate_one(&lv[d], &lv[d - 1], &addr, dma))
			return FDT_BAD_ADDR;
	return addr;
}

phys_addr_t fdt_dma_ranges_max(const struct fdt_level *lv, int depth)
{
	const struct fdt_level *bus = &lv[depth], *parent = depth ? &lv[depth - 1] : bus;
	const u32 *r = bus->dma_ranges;
	u32 left = bus->dma_ranges_len / 4;
	unsigned int entry = bus->addr_cells + parent->addr_cells + bus->size_cells;
	phys_addr_t highest = 0;
	bool found = false;

	if (!bus->addr_cells || !bus->size_cells || !parent->addr_cells)
		return PHYS_ADDR_MAX;
	for (; left >= entry; left -= entry, r += entry) {
		u64 cpu = fdt_translate(lv, depth, bus_address(parent, r + bus->addr_cells), true);
		u64 size = fdt_number(r + bus->addr_cells + parent->addr_cells, bus->size_cells);

		if (cpu == FDT_BAD_ADDR || !size)
			continue;
		found = true;
		if (size - 1 > PHYS_ADDR_MAX - cpu)
			highest = PHYS_ADDR_MAX;
		else
			highest = max(highest, cpu + size - 1);
	}
	return found ? highest : PHYS_ADDR_MAX;
}

int fdt_find_path(struct fdt_tree *tree, const char *path, size_t n, struct fdt_cursor *c,
		  struct fdt_props *props, struct fdt_level lv[FDT_MAX_DEPTH], int *depth)
{
	const char *end = path + n;
	int d = 0;

	fdt_cursor_init(c, tree);
	if (!fdt_next_child(c, props))
		return -ENOENT;
	fdt_level_set(&lv[0], NULL, "", props);
	for (;;) {
		const char *next;
		size_t len;

		while (path < end && *path == '/')
			path++;
		if (path == end)
			break;
		next = memchr(path, '/', (size_t)(end - path));
		len = (size_t)((next ? next : end) - path);
		if (++d >= FDT_MAX_DEPTH)
			return -ENOENT;
		for (;;) {
			if (!fdt_next_child(c, props))
				return -ENOENT;
			if (fdt_name_is(c->name, path, len))
				break;
			if (!fdt_skip_node(c))
				return -ENOENT;
		}
		fdt_level_set(&lv[d], &lv[d - 1], c->name, props);
		path += len;
	}
	*depth = d;
	return 0;
}

/* The value of /aliases' property of that name: an absolute path. lv and props are scratch. */
static const char *alias_path(struct fdt_tree *tree, const char *alias, size_t n,
			      struct fdt_props *props, struct fdt_level lv[FDT_MAX_DEPTH])
{
	struct fdt_cursor c;
	const u32 *p;
	int depth;

	if (fdt_find_path(tree, "/aliases", 8, &c, props, lv, &depth))
		return NULL;
	/*
	 * Aliases have names of their own, so the properties are read again, by name: back to
	 * behind the node's name.
	 */
	for (p = (const u32 *)(const void *)c.name; p < tree->end; p++) {
		const char *w = (const char *)p;

		if (!w[0] || !w[1] || !w[2] || !w[3])
			break;
	}
	c.p = p + 1;
	while (fdt_next_token(&c) == FDT_T_PROP) {
		const char *name = tree->strings + fdt_cell(c.val - 1);
		const char *val = (const char *)c.val;

		if (strlen(name) == n && memcmp(name, alias, n) == 0)
			return c.len && memchr(val, 0, c.len) && val[0] == '/' ? val : NULL;
	}
	return NULL;
}

int fdt_find_node(struct fdt_tree *tree, const char *path, size_t n, struct fdt_cursor *c,
		  struct fdt_props *props, struct fdt_level lv[FDT_MAX_DEPTH], int *depth)
{
	char full[256];
	const char *rest, *val;
	size_t len, rest_len;

	if (!n)
		return -ENOENT;
	if (path[0] == '/')
		return fdt_find_path(tree, path, n, c, props, lv, depth);
	rest = memchr(path, '/', n);
	len = rest ? (size_t)(rest - path) : n;
	val = alias_path(tree, path, len, props, lv);
	if (!val)
		return -ENOENT;
	if (!rest)
		return fdt_find_path(tree, val, strlen(val), c, props, lv, depth);
	rest_len = n - len;
	len = strlen(val);
	if (len + rest_len > sizeof(full))
		return -ENOENT;
	memcpy(full, val, len);
	memcpy(full + len, rest, rest_len);
	return fdt_find_path(tree, full, len + rest_len, c, props, lv, depth);
}
