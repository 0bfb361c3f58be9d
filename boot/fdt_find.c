// SPDX-License-Identifier: MIT
/*
 * Looking for nodes of a device tree that the scan at boot has read (fdt_scan.c): one pass, parents before their children. For what is
 * wanted once and late, and is not worth a place in fdt_info.
 *
 * Locking: none; on the boot CPU, one after another, for the levels are kept here.
 */
#include "fdt_scan.h"

bool fdt_find(fdt_visit_fn *visit, void *arg)
{
	static struct fdt_level lv[FDT_MAX_DEPTH];
	struct fdt_props props;
	struct fdt_cursor c;
	const char *name;
	int depth = -1;

	fdt_cursor_init(&c, &fdt_info.tree);
	for (;;) {
		switch (fdt_next_token(&c)) {
		case FDT_T_NODE:
			/* The scan at boot has seen that it nests no deeper. */
			if (++depth == FDT_MAX_DEPTH)
				return false;
			name = c.name;
			fdt_read_props(&c, &props);
			fdt_level_set(&lv[depth], depth ? &lv[depth - 1] : NULL, name, &props);
			if (visit(&props, lv, depth, arg))
				return true;
			break;
		case FDT_T_NODE_END:
			if (--depth == -1)
				return false;
			break;
		default:
			return false;
		}
	}
}
