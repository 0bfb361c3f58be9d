// SPDX-License-Identifier: MIT
/*
 * /proc/slabinfo, version 2.1, as Linux 6.12 prints it for SLUB: there are no tunables, and every slab counts as active.
 */
#include <quire/report.h>
#include <quire/slab.h>

void report_slabinfo(struct out *out)
{
	struct slab_cache_view s = {0};

	out_puts(out, "slabinfo - version: 2.1\n"
		      "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		      "<pagesperslab> : "
		      "tunables <limit> <batchcount> <sharedfactor> : "
		      "slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	/* What is written to may itself make caches, destroy them and have them drained: nothing is locked meanwhile. */
	while (slab_view_cache(s.serial, &s)) {
		const struct slabinfo *i = &s.info;

		out_printf(out,
			   "%-17s %6lu %6lu %6u %4u %4d : tunables %4u %4u %4u : slabdata %6lu "
			   "%6lu %6lu\n",
			   s.name, i->active_objs, i->num_objs, s.size, i->objects_per_slab,
			   1 << i->cache_order, 0, 0, 0, i->num_slabs, i->num_slabs, 0UL);
	}
}
