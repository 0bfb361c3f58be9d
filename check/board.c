// SPDX-License-Identifier: MIT
/*
 * The tree's statements on memory, see board.h.
 *
 * Which nodes count is Linux's rule (drivers/of/fdt.c, of_reserved_mem.c): memory is every available child of the root whose
 * device_type is "memory"; of /reserved-memory every available child, by reg or else by size. Nodes that Linux passes over
 * although they look like memory are listed too, and marked.
 */
#include <libfdt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

/* Room for one more entry in a list that grows by doubling. */
static void *grow(void *list, size_t nr, size_t entry)
{
	if (nr & (nr - 1) || (nr && nr < 8))
		return list;
	return realloc(list, (nr ? nr * 2 : 8) * entry);
}

#define APPEND(list, nr, ...)                                                                      \
	({                                                                                         \
		void *more_ = grow(list, nr, sizeof(*(list)));                                     \
		if (more_) {                                                                       \
			(list) = more_;                                                            \
			(list)[(nr)++] = (__typeof__(*(list)))__VA_ARGS__;                         \
		}                                                                                  \
		more_ != NULL;                                                                     \
	})

const char *board_path(const struct board *b, int node)
{
	char path[1024];

	if (node < 0 || fdt_get_path(b->fdt, node, path, sizeof(path)))
		return "?";
	return strdup(path);
}

/* The same for a child of the root or of /reserved-memory, without a walk from the root. */
static const char *child_path(const struct board *b, const char *parent, int node)
{
	const char *name = fdt_get_name(b->fdt, node, NULL);
	char *path;

	return asprintf(&path, "%s/%s", parent, name ? name : "?") < 0 ? "?" : path;
}

static const fdt32_t *prop(const struct board *b, int node, const char *name, int *len)
{
	return fdt_getprop(b->fdt, node, name, len);
}

static bool has(const struct board *b, int node, const char *name)
{
	int len;

	return prop(b, node, name, &len) != NULL;
}

static int cells(const struct board *b, int node, const char *name, int otherwise)
{
	int len;
	const fdt32_t *p = prop(b, node, name, &len);
	uint32_t n;

	if (!p || len != 4)
		return otherwise;
	n = fdt32_to_cpu(*p);
	return n > 8 ? 0 : (int)n;
}

static uint64_t number(const fdt32_t *p, int n)
{
	uint64_t v = 0;

	while (p && n-- > 0)
		v = v << 32 | fdt32_to_cpu(*p++);
	return v;
}

static bool is_text(const struct board *b, int node, const char *name, const char *want)
{
	int len;
	const char *p = fdt_getprop(b->fdt, node, name, &len);

	return p && len == (int)strlen(want) + 1 && !memcmp(p, want, (size_t)len);
}

/* As Linux's of_fdt_device_is_available. */
static bool available(const struct board *b, int node)
{
	return !has(b, node, "status") || is_text(b, node, "status", "okay") ||
	       is_text(b, node, "status", "ok");
}

/* ------------------------------------------------------------------ memory */

static void read_memory(struct board *b, int node, bool typed)
{
	int len = -1, nid_len = 0, n = b->ac + b->sc;
	const fdt32_t *reg = prop(b, node, "linux,usable-memory", &len), *id;
	const char *name = "linux,usable-memory", *path = child_path(b, "", node);
	unsigned int nr = 0;

	if (!reg) {
		reg = prop(b, node, "reg", &len);
		name = "reg";
	}
	id = prop(b, node, "numa-node-id", &nid_len);
	for (int left = reg && typed && !b->bad_cells ? len / 4 : 0; left >= n;
	     left -= n, reg += n, nr++)
		APPEND(b->banks, b->nr_banks,
		       {path, node, nr, number(reg, b->ac), number(reg + b->ac, b->sc)});
	APPEND(b->memory, b->nr_memory,
	       {
		       .path = path,
		       .node = node,
		       .reg_name = name,
		       .reg_len = reg ? len : -1,
		       .nr_banks = nr,
		       .typed = typed,
		       .nid = id && nid_len == 4 ? (int)fdt32_to_cpu(*id) : -1,
		       .nid_len = id ? nid_len : 0,
	       });
}

static void read_memory_nodes(struct board *b)
{
	int node;

	fdt_for_each_subnode(node, b->fdt, 0)
	{
		const char *name = fdt_get_name(b->fdt, node, NULL);
		bool typed = is_text(b, node, "device_type", "memory");

		if (!available(b, node))
			continue;
		if (typed || (name && (!strcmp(name, "memory") || !strncmp(name, "memory@", 7))))
			read_memory(b, node, typed);
	}
}

/* ------------------------------------------------------------------ reservations */

static bool compatible(const struct board *b, int node, const char *what)
{
	return fdt_node_check_compatible(b->fdt, node, what) == 0;
}

static void read_dynamic(struct board *b, struct rsv *r)
{
	int len, n = b->ac + b->sc;
	const fdt32_t *p = prop(b, r->node, "size", &len);

	r->kind = RSV_DYNAMIC;
	r->nr = 1;
	r->bad_size = len != b->sc * 4;
	r->size = r->bad_size ? 0 : number(p, b->sc);
	p = prop(b, r->node, "alignment", &len);
	if (p) {
		r->bad_align = len != b->ac * 4;
		r->align = r->bad_align ? 0 : number(p, b->ac);
		r->bad_align |= (r->align & (r->align - 1)) != 0;
	}
	p = prop(b, r->node, "alloc-ranges", &len);
	if (p) {
		r->bad_ranges = len % (n * 4) != 0 || !len;
		r->nr_ranges = (unsigned int)(len / (n * 4));
		if (r->nr_ranges) {
			r->range_base = number(p, b->ac);
			r->range_size = number(p + b->ac, b->sc);
		}
	}
	APPEND(b->rsv, b->nr_rsv, *r);
}

static void read_reservation(struct board *b, int node)
{
	int len, n = b->ac + b->sc;
	const char *name = fdt_get_name(b->fdt, node, NULL);
	const fdt32_t *reg = prop(b, node, "reg", &len);
	struct rsv r = {
		.path = child_path(b, "/reserved-memory", node),
		.name = name ? name : "?",
		.node = node,
		.nomap = has(b, node, "no-map"),
		.reusable = has(b, node, "reusable"),
		.pool = compatible(b, node, "shared-dma-pool"),
		.restricted = compatible(b, node, "restricted-dma-pool"),
		.cma_default = has(b, node, "linux,cma-default"),
		.used = has(b, node, "phandle") || has(b, node, "compatible"),
	};

	if (!reg && has(b, node, "size")) {
		read_dynamic(b, &r);
		return;
	}
	if (!reg || len % (n * 4) || !len) {
		APPEND(b->bad_rsv, b->nr_bad_rsv,
		       {r.path, node, reg ? len : -1, reg ? "reg" : NULL});
		return;
	}
	r.nr = (unsigned int)(len / (n * 4));
	for (; r.index < r.nr; r.index++, reg += n) {
		r.base = number(reg, b->ac);
		r.size = number(reg + b->ac, b->sc);
		APPEND(b->rsv, b->nr_rsv, r);
	}
}

static void read_reservations(struct board *b)
{
	int node, n = fdt_path_offset(b->fdt, "/reserved-memory");
	uint64_t base, size;

	b->rsv_node = n;
	b->has_reserved_memory = n >= 0;
	if (n >= 0) {
		b->rsv_ac = cells(b, n, "#address-cells", -1);
		b->rsv_sc = cells(b, n, "#size-cells", -1);
		b->rsv_ranges = has(b, n, "ranges");
		b->rsv_cells_ok = b->rsv_ac == b->ac && b->rsv_sc == b->sc && !b->bad_cells;
		if (b->rsv_cells_ok && b->rsv_ranges)
			fdt_for_each_subnode(node, b->fdt, n) if (available(b, node))
				read_reservation(b, node);
	}
	for (int i = 0; i < fdt_num_mem_rsv(b->fdt); i++)
		if (!fdt_get_mem_rsv(b->fdt, i, &base, &size) && size)
			APPEND(b->rsv, b->nr_rsv,
			       {
				       .kind = RSV_BLOCK,
				       .path = "/memreserve/",
				       .name = "/memreserve/",
				       .node = NO_NODE,
				       .index = (unsigned int)i,
				       .nr = 1,
				       .base = base,
				       .size = size,
			       });
}

/* ------------------------------------------------------------------ chosen, distances */

static bool chosen_number(const struct board *b, int node, const char *name, uint64_t *v)
{
	int len;
	const fdt32_t *p = prop(b, node, name, &len);

	if (!p || len < 4)
		return false;
	*v = number(p, len / 4 > 2 ? 2 : len / 4);
	return true;
}

static void read_chosen(struct board *b)
{
	int len, node = fdt_path_offset(b->fdt, "/chosen");
	uint64_t start = 0, end = 0;
	bool has_start, has_end;
	const char *args;

	b->bootargs = "";
	b->chosen_node = node < 0 ? NO_NODE : node;
	if (node < 0)
		return;
	args = fdt_getprop(b->fdt, node, "bootargs", &len);
	if (args && len > 0 && memchr(args, 0, (size_t)len))
		b->bootargs = args;
	b->usable_range = has(b, node, "linux,usable-memory-range");
	has_start = chosen_number(b, node, "linux,initrd-start", &start);
	has_end = chosen_number(b, node, "linux,initrd-end", &end);
	if (has_start != has_end)
		b->initrd = INITRD_HALF;
	else if (has_start && start > end)
		b->initrd = INITRD_BACKWARDS;
	else if (has_start && start < end)
		b->initrd = INITRD_GOOD;
	b->initrd_base = start;
	b->initrd_size = b->initrd == INITRD_GOOD ? end - start : 0;
}

static void read_distances(struct board *b)
{
	int len, node = fdt_node_offset_by_compatible(b->fdt, -1, "numa-distance-map-v1");
	const fdt32_t *m;

	b->distance_typed = node >= 0;
	if (node < 0)
		node = fdt_path_offset(b->fdt, "/distance-map");
	if (node < 0)
		return;
	b->distance_path = board_path(b, node);
	b->distance_node = node;
	m = prop(b, node, "distance-matrix", &len);
	b->distance_len = m ? len : -1;
	for (int left = m ? len / 4 : 0; left >= 3; left -= 3, m += 3)
		APPEND(b->distances, b->nr_distances,
		       {fdt32_to_cpu(m[0]), fdt32_to_cpu(m[1]), fdt32_to_cpu(m[2])});
}

bool board_read(struct board *b, const void *fdt, size_t size)
{
	*b = (struct board){.fdt = fdt, .fdt_size = size, .rsv_node = NO_NODE};
	b->ac = cells(b, 0, "#address-cells", 1);
	b->sc = cells(b, 0, "#size-cells", 1);
	b->bad_cells = b->ac < 1 || b->sc < 1 || b->ac > 4 || b->sc > 4;
	read_memory_nodes(b);
	read_reservations(b);
	read_chosen(b);
	read_distances(b);
	return true;
}

void board_free(struct board *b)
{
	free(b->memory);
	free(b->banks);
	free(b->rsv);
	free(b->bad_rsv);
	free(b->distances);
	*b = (struct board){0};
}
