/* SPDX-License-Identifier: MIT */
/*
 * Compaction: making large free blocks by moving movable pages to the upper end of a zone (Linux:
 * include/linux/compaction.h). Implementation: mm/page/compaction.c.
 */
#ifndef QUIRE_COMPACTION_H
#define QUIRE_COMPACTION_H

#include <quire/gfp.h>
#include <quire/migrate.h>

enum compact_result {
	COMPACT_NOT_SUITABLE_ZONE,
	COMPACT_SKIPPED,  /* not enough free pages, or the block is there */
	COMPACT_DEFERRED, /* failed lately */
	COMPACT_CONTINUE,
	COMPACT_COMPLETE, /* the scanners met */
	COMPACT_PARTIAL_SKIPPED,
	COMPACT_CONTENDED,
	COMPACT_SUCCESS, /* a block of the order is free */
};

/* After 2^shift requests at most a zone that could not be compacted is tried again. */
#define COMPACT_MAX_DEFER_SHIFT 6

/*
 * 0 .. 1000: how much a failure of this order is fragmentation (1000) rather than lack of memory (0); -1000: a block is free.
 * Takes no lock (Linux: fragmentation_index).
 */
int fragmentation_index(struct zone *zone, unsigned int order);
/* Above it a failure counts as fragmentation (Linux: the sysctl of that name). */
extern int sysctl_extfrag_threshold;

/* There are free pages enough to move into. */
bool compaction_suitable(struct zone *zone, int order, int highest_zoneidx);

/* A failure of this order is noted; shall this try be left out; it succeeded. */
void defer_compaction(struct zone *zone, int order);
bool compaction_deferred(struct zone *zone, int order);
void compaction_defer_reset(struct zone *zone, int order, bool alloc_success);

/* Forget which pageblocks gave nothing. */
void reset_isolation_suitable(struct zone *zone);

/*
 * Compact one zone until a block of the order is free, or the scanners meet. order -1: all of it. May take long; not in
 * interrupts, no lock held.
 */
enum compact_result compact_zone_order(struct zone *zone, int order, enum migratetype mt,
				       enum migrate_mode mode);
/* All of a node's zones, or of all nodes (Linux: /proc/sys/vm/compact_memory). */
void compact_node(int nid);
void compact_nodes(void);

/* page_alloc_hooks.direct_compact. */
bool try_to_compact_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodemask);

/* Give each zone that has pages what deferral and hints are kept in, when it has none yet. Boot, and who adds a zone. */
void compaction_init(void);
/* Forget what it knows of zones: for tests, which make new ones. Frees its pages. */
void compaction_forget(void);

#endif
