// SPDX-License-Identifier: MIT
/*
 * The interrupt of the CPUs' virtual timer, as the device tree gives it (Linux: arch_timer_of_init, which takes the virtual timer wherever the
 * kernel runs at EL1, as this one does). Two passes over the tree, once, when programs are about to run: the timer's node, with the
 * interrupt parent that it has or inherits, and that parent's #interrupt-cells.
 */
#include <quire/boot.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "fdt_scan.h"

/* Without interrupt-names: secure, not secure, virtual, hypervisor. */
#define VIRTUAL 2U
#define NO_PLACE (~0U)
/* What all systems give it that follow Arm's BSA. */
#define BSA_INTID 27U
/* Of an Arm GIC's cells: which kind, which number of that kind. */
#define GIC_PPI 1U
#define GIC_PPI_FIRST 16U
#define GIC_PPIS 16U

struct timer_node {
	const u32 *interrupts;
	u32 len;		   /* cells */
	u32 which;		   /* of its interrupts */
	u32 controller;		   /* phandle */
	u32 cells;		   /* of an interrupt there */
	u32 parent[FDT_MAX_DEPTH]; /* the controller, of the nodes on the way */
};

/* The place of a name in the list that p has of them; NO_PLACE: it is not there. */
static u32 place_of(const struct fdt_props *p, enum fdt_prop_id id, const char *name)
{
	const char *s = (const char *)p->val[id], *end = s + p->len[id];
	const size_t n = strlen(name) + 1;

	for (u32 i = 0; s < end; s += strnlen(s, (size_t)(end - s)) + 1, i++)
		if ((size_t)(end - s) >= n && memcmp(s, name, n) == 0)
			return i;
	return NO_PLACE;
}

static bool take_timer(const struct fdt_props *p, const struct fdt_level *lv, int depth, void *arg)
{
	struct timer_node *t = arg;

	t->parent[depth] =
		fdt_prop_u32(p, FDT_P_INTERRUPT_PARENT, depth ? t->parent[depth - 1] : 0);
	if (!fdt_available(p) || !fdt_has(p, FDT_P_INTERRUPTS) ||
	    (!fdt_compatible(p, "arm,armv8-timer") && !fdt_compatible(p, "arm,armv7-timer")))
		return false;
	t->interrupts = p->val[FDT_P_INTERRUPTS];
	t->len = p->len[FDT_P_INTERRUPTS] / 4;
	t->which = VIRTUAL;
	if (fdt_has(p, FDT_P_INTERRUPT_NAMES))
		t->which = place_of(p, FDT_P_INTERRUPT_NAMES, "virt");
	t->controller = t->parent[depth];
	return true;
}

static bool take_cells(const struct fdt_props *p, const struct fdt_level *lv, int depth, void *arg)
{
	struct timer_node *t = arg;

	if (!fdt_has(p, FDT_P_INTERRUPT_CONTROLLER) ||
	    fdt_prop_u32(p, FDT_P_PHANDLE, 0) != t->controller)
		return false;
	t->cells = fdt_prop_u32(p, FDT_P_INTERRUPT_CELLS, 0);
	return true;
}

/* Why *id, the interrupt, is not known from the tree; NULL: it is, or the controller is one that does not ask for it. */
static const char *read_interrupt(unsigned int *id)
{
	struct timer_node t = {.interrupts = NULL};
	const u32 *cell;

	if (!fdt_find(take_timer, &t))
		return "has no node of it";
	if (!t.controller || !fdt_find(take_cells, &t) || !t.cells)
		return "has no controller of its interrupts";
	/* Three cells and more are a GIC's; other controllers have a line of their own for it, which their driver knows. */
	if (t.cells < 3)
		return NULL;
	if (t.cells > t.len || t.which > t.len / t.cells - 1)
		return "gives it none";
	cell = t.interrupts + (size_t)t.which * t.cells;
	if (fdt_cell(cell) != GIC_PPI || fdt_cell(cell + 1) >= GIC_PPIS)
		return "gives it one that is not each CPU's own";
	*id = fdt_cell(cell + 1) + GIC_PPI_FIRST;
	return NULL;
}

unsigned int find_timer_interrupt(void)
{
	unsigned int id = BSA_INTID;
	const char *why = read_interrupt(&id);

	if (why)
		pr_warn("virtual timer: the device tree %s; interrupt %u is taken\n", why, id);
	return id;
}
