// SPDX-License-Identifier: MIT
/*
 * The date: from the first clock of the device tree that the port can read and that answers (Linux: CONFIG_RTC_HCTOSYS). One pass over the
 * tree, once, when programs are about to run.
 */
#include <quire/boot.h>
#include <quire/port.h>

#include "fdt_scan.h"

/* What Linux's drivers of the same devices call them. */
static const char *const clocks[] = {"arm,pl031"};

static bool read_clock(const struct fdt_props *p, const struct fdt_level *lv, int depth,
		       void *seconds)
{
	const u32 cells = lv[depth ? depth - 1 : 0].addr_cells;
	u64 base;

	if (lv[depth].disabled || !fdt_available(p) || !fdt_has(p, FDT_P_REG) || !cells ||
	    p->len[FDT_P_REG] < cells * 4)
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!fdt_compatible(p, clocks[i]))
			continue;
		base = fdt_translate(lv, depth, fdt_number(p->val[FDT_P_REG], cells), false);
		if (base != FDT_BAD_ADDR && !port_rtc_read(clocks[i], base, seconds))
			return true;
	}
	return false;
}

bool rtc_read_date(u64 *seconds)
{
	return fdt_find(read_clock, seconds);
}
