/* SPDX-License-Identifier: MIT */
/* What contig.c does for CMA and memory hotplug. No lock held. */
#ifndef QUIRE_PAGE_CONTIG_H
#define QUIRE_PAGE_CONTIG_H

#include <quire/gfp.h>

/*
 * [start, end) of the zone, whose pageblocks are of type mt or to be, leaves the allocator with its users moved away: in no list,
 * without references, not counted as free. 0, -EBUSY, -ENOMEM.
 */
int contig_take(struct zone *zone, unsigned long start, unsigned long end, enum migratetype mt);
/*
 * The short way to alloc_contig_range: only what is in the free lists now, or one page that this CPU gave back last. 0 or -EBUSY.
 * The range is of READY sections.
 */
int contig_alloc_free(unsigned long start, unsigned long end, enum migratetype mt, gfp_t gfp);

#endif
