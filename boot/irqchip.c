// SPDX-License-Identifier: MIT
/*
 * The interrupt controllers that the device tree describes, in its order, with their registers translated to CPU addresses.
 * Which of them can be driven is the port's to say. One pass over the tree, only on machines with more than one CPU.
 *
 * Linux matches every node against its drivers' compatible strings (of_irq_init) and sorts them by interrupt-parent; here the root
 * controller is the one that the port knows.
 */
#include <quire/string.h>

#include "fdt_scan.h"
#include "irqchip.h"

static void read_regs(struct irqchip *chip, const struct fdt_props *p, const struct fdt_level *lv,
		      int depth)
{
	const struct fdt_level *bus = &lv[depth ? depth - 1 : 0];
	const u32 entry = bus->addr_cells + bus->size_cells;
	const u32 *reg;
	u32 left;

	if (!fdt_has(p, FDT_P_REG) || !bus->addr_cells)
		return;
	reg = p->val[FDT_P_REG];
	for (left = p->len[FDT_P_REG] / 4; left >= entry && chip->nr_regs < IRQCHIP_MAX_REGS;
	     left -= entry, reg += entry) {
		u64 base = fdt_translate(lv, depth, fdt_number(reg, bus->addr_cells), false);

		/* Registers are counted by their place: one that cannot be reached ends the list. */
		if (base == FDT_BAD_ADDR)
			return;
		chip->reg[chip->nr_regs].base = base;
		chip->reg[chip->nr_regs++].size =
			fdt_number(reg + bus->addr_cells, bus->size_cells);
	}
}

static bool read_chip(struct irqchip *chip, const struct fdt_props *p, const struct fdt_level *lv,
		      int depth)
{
	if (!fdt_has(p, FDT_P_INTERRUPT_CONTROLLER) || !fdt_prop_string(p, FDT_P_COMPATIBLE) ||
	    lv[depth].disabled || !fdt_available(p))
		return false;
	*chip = (struct irqchip){
		.compatible = (const char *)p->val[FDT_P_COMPATIBLE],
		.compatible_len = p->len[FDT_P_COMPATIBLE],
		.nr_redist_regions = fdt_prop_u32(p, FDT_P_REDIST_REGIONS, 1),
	};
	if (fdt_has(p, FDT_P_REDIST_STRIDE))
		chip->redist_stride = fdt_number(p->val[FDT_P_REDIST_STRIDE],
						 min(p->len[FDT_P_REDIST_STRIDE] / 4, 2U));
	read_regs(chip, p, lv, depth);
	return true;
}

unsigned int find_irqchips(struct irqchip *chips, unsigned int max)
{
	static struct fdt_level lv[FDT_MAX_DEPTH];
	struct fdt_props props;
	struct fdt_cursor c;
	unsigned int n = 0;
	const char *name;
	int depth = -1;

	fdt_cursor_init(&c, &fdt_info.tree);
	for (;;) {
		switch (fdt_next_token(&c)) {
		case FDT_T_NODE:
			/* The scan at boot has seen that it nests no deeper. */
			if (++depth == FDT_MAX_DEPTH)
				return n;
			name = c.name;
			fdt_read_props(&c, &props);
			fdt_level_set(&lv[depth], depth ? &lv[depth - 1] : NULL, name, &props);
			if (n < max && read_chip(&chips[n], &props, lv, depth))
				n++;
			break;
		case FDT_T_NODE_END:
			if (--depth == -1)
				return n;
			break;
		default:
			return n;
		}
	}
}
