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

struct chips {
	struct irqchip *chip;
	unsigned int nr, max;
};

static bool read_chip(const struct fdt_props *p, const struct fdt_level *lv, int depth, void *arg)
{
	struct chips *found = arg;
	struct irqchip *chip = &found->chip[found->nr];

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
	return ++found->nr == found->max;
}

unsigned int find_irqchips(struct irqchip *chips, unsigned int max)
{
	struct chips found = {.chip = chips, .max = max};

	if (max)
		fdt_find(read_chip, &found);
	return found.nr;
}
