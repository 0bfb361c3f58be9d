// SPDX-License-Identifier: MIT
/*
 * Memory hotplug: sections that come after boot and may go again.
 *
 *   add_memory      linear map, struct pages mapped, not written            HOT_OFFLINE
 *   online_pages    struct pages written, span and counts, free lists       HOT_ONLINE, section READY
 *   offline_pages   isolated, users moved out, taken off the lists          HOT_OFFLINE, section not present
 *   remove_memory   struct pages and linear map unmapped                    HOT_NONE
 *
 * Owns `hot`: the state of every section that did not come at boot, and the spans that zones and nodes had then. Invariants
 * (hotplug_check): a section of the table is present as SECTION_PRESENT_HOT exactly when its block is HOT_ONLINE, then it is
 * READY and all its pages are the block's zone's; a zone's span is its boot span and the online blocks, no more.
 *
 * Locking: `lock`, outermost; zone->lock for what the allocator reads. Who walks struct pages without a reference (scanners) looks at
 * the section's state for each pageblock; remove_memory must not be called while one is at work on that section.
 *
 * Against Linux 6.12: the same steps, checks and errors. The unit is a section there, too; a section's struct pages come from the
 * node's other memory. Memory of the boot cannot be taken offline here: memblock's regions do not change after the hand-over.
 */
#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/compaction.h>
#include <quire/memory_hotplug.h>
#include <quire/mm_init.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/sparse.h>

#include "contig.h"
#include "internal.h"

#define SECTION_BYTES (1UL << SECTION_SIZE_BITS)
#define SECTION_MAP_BYTES (PAGES_PER_SECTION << STRUCT_PAGE_SHIFT)

enum { HOT_NONE, HOT_OFFLINE, HOT_ONLINE };

struct hot_block {
	struct page *map; /* of its struct pages' memory */
	struct zone *zone;
	u8 state;
	s16 nid;
};

struct span {
	unsigned long start, pages;
};

static struct {
	struct hot_block *blocks; /* [nr_mem_sections] */
	struct span *zones;	  /* [MAX_NUMNODES * MAX_NR_ZONES], as boot left them */
	struct span *nodes;	  /* [MAX_NUMNODES] */
} hot;
static spinlock_t lock;

static struct hot_block *block_of(unsigned long pfn)
{
	return &hot.blocks[(pfn >> PFN_SECTION_SHIFT) - first_section_nr];
}

static struct span *boot_span(const struct zone *zone)
{
	return &hot.zones[zone_to_nid(zone) * MAX_NR_ZONES + (int)zone_idx(zone)];
}

/* Hot-added, online or not, all of it. */
static bool is_hot(phys_addr_t pa, u64 size)
{
	unsigned long first = pa >> SECTION_SIZE_BITS, last = (pa + size - 1) >> SECTION_SIZE_BITS;

	for (; first <= last; first++)
		if (first - first_section_nr >= nr_mem_sections ||
		    hot.blocks[first - first_section_nr].state == HOT_NONE)
			return false;
	return true;
}

/* The first use: tables, and what there is to come back to. */
static int hot_init(void)
{
	size_t nodes = MAX_NUMNODES * sizeof(struct span);
	struct zone *zone;
	int nid;

	if (hot.blocks)
		return 0;
	hot.zones = alloc_pages_exact(nodes * (MAX_NR_ZONES + 1), GFP_KERNEL | __GFP_ZERO);
	if (!hot.zones)
		return -ENOMEM;
	hot.blocks =
		alloc_pages_exact(nr_mem_sections * sizeof(*hot.blocks), GFP_KERNEL | __GFP_ZERO);
	if (!hot.blocks) {
		free_pages_exact(hot.zones, nodes * (MAX_NR_ZONES + 1));
		hot.zones = NULL;
		return -ENOMEM;
	}
	hot.nodes = hot.zones + MAX_NUMNODES * MAX_NR_ZONES;
	for_each_zone(zone) * boot_span(zone) =
		(struct span){zone->zone_start_pfn, zone->spanned_pages};
	for_each_online_node(nid) hot.nodes[nid] =
		(struct span){NODE_DATA(nid)->node_start_pfn, NODE_DATA(nid)->node_spanned_pages};
	linear_map_later = is_hot;
	return 0;
}

void hotplug_forget(void)
{
	if (hot.blocks) {
		free_pages_exact(hot.blocks, nr_mem_sections * sizeof(*hot.blocks));
		free_pages_exact(hot.zones,
				 MAX_NUMNODES * sizeof(struct span) * (MAX_NR_ZONES + 1));
	}
	linear_map_later = NULL;
	hot.blocks = NULL;
	hot.zones = NULL;
}

/* ------------------------------------------------------------------ coming */

static void unmap_section(unsigned long pfn)
{
	unsigned long kva = port_ptr_to_kva(pfn_to_page(pfn));
	struct hot_block *b = block_of(pfn);

	port_mirror_unmap(kva, SECTION_MAP_BYTES);
	kernel_unmap(kva, SECTION_MAP_BYTES);
	__free_pages(b->map, get_order(SECTION_MAP_BYTES));
	kernel_unmap(phys_to_kva(PFN_PHYS(pfn)), SECTION_BYTES);
	*b = (struct hot_block){0};
}

static int map_section(unsigned long pfn, int nid)
{
	unsigned long kva = port_ptr_to_kva(pfn_to_page(pfn));
	unsigned int order = get_order(SECTION_MAP_BYTES);
	struct page *map = alloc_pages_node(nid, GFP_KERNEL | __GFP_NOWARN, order);
	int err;

	if (!map)
		return -ENOMEM;
	err = kernel_map(phys_to_kva(PFN_PHYS(pfn)), PFN_PHYS(pfn), SECTION_BYTES, linear_prot(),
			 linear_map_flags());
	if (err)
		goto free;
	err = kernel_map(kva, page_to_phys(map), SECTION_MAP_BYTES, PAGE_KERNEL, MAP_NO_EXEC);
	if (err)
		goto unmap_linear;
	err = port_mirror_map(kva, page_to_phys(map), SECTION_MAP_BYTES);
	if (err)
		goto unmap;
	*block_of(pfn) = (struct hot_block){.map = map, .state = HOT_OFFLINE, .nid = (s16)nid};
	return 0;
unmap:
	kernel_unmap(kva, SECTION_MAP_BYTES);
unmap_linear:
	kernel_unmap(phys_to_kva(PFN_PHYS(pfn)), SECTION_BYTES);
free:
	__free_pages(map, order);
	return err;
}

/* Whole sections, all of the table. 0, -EINVAL or -ERANGE. */
static int check_range(phys_addr_t start, u64 size)
{
	phys_addr_t limit = (phys_addr_t)(first_section_nr + nr_mem_sections) << SECTION_SIZE_BITS;

	if (!size || ((start | size) & (SECTION_BYTES - 1)))
		return -EINVAL;
	if (start + size < start || start + size > limit ||
	    start < (phys_addr_t)first_section_nr << SECTION_SIZE_BITS)
		return -ERANGE;
	return 0;
}

static int add_locked(int nid, unsigned long start, unsigned long end)
{
	unsigned long pfn, at;
	int err = hot_init();

	if (err)
		return err;
	for (pfn = start; pfn < end; pfn += PAGES_PER_SECTION)
		if (pfn_valid(pfn) || block_of(pfn)->state != HOT_NONE)
			return -EEXIST;
	for (pfn = start; pfn < end; pfn += PAGES_PER_SECTION) {
		err = map_section(pfn, nid);
		if (!err)
			continue;
		for (at = pfn; at > start;)
			unmap_section(at -= PAGES_PER_SECTION);
		return err;
	}
	max_pfn = max(max_pfn, end);
	return 0;
}

int add_memory(int nid, phys_addr_t start, u64 size)
{
	int err = check_range(start, size);

	if (nid < 0 || nid >= MAX_NUMNODES || !NODE_DATA(nid))
		err = -EINVAL;
	/* Within the linear map, and on the host within what the process simulates. */
	if (!err)
		err = port_linear_map_init((phys_addr_t)memstart_addr, start, start + size);
	if (err)
		return err;
	spin_lock(&lock);
	err = add_locked(nid, PHYS_PFN(start), PHYS_PFN(start + size));
	spin_unlock(&lock);
	return err;
}

/* ------------------------------------------------------------------ spans and lists */

static void widen(struct span *s, unsigned long start, unsigned long end)
{
	unsigned long old_end = s->start + s->pages;

	if (s->pages) {
		start = min(start, s->start);
		end = max(end, old_end);
	}
	*s = (struct span){start, end - start};
}

/* What a zone and its node span: boot's, and the online blocks. */
static void set_spans(struct zone *zone)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	struct span z = *boot_span(zone), n = hot.nodes[pgdat->node_id];
	unsigned long i, pfn, flags;

	for (i = 0; i < nr_mem_sections; i++) {
		const struct hot_block *b = &hot.blocks[i];

		if (b->state != HOT_ONLINE)
			continue;
		pfn = (i + first_section_nr) << PFN_SECTION_SHIFT;
		if (b->zone == zone)
			widen(&z, pfn, pfn + PAGES_PER_SECTION);
		if (b->zone->zone_pgdat == pgdat)
			widen(&n, pfn, pfn + PAGES_PER_SECTION);
	}
	flags = spin_lock_irqsave(&zone->lock);
	WRITE_ONCE(zone->zone_start_pfn, z.start);
	WRITE_ONCE(zone->spanned_pages, z.pages);
	spin_unlock_irqrestore(&zone->lock, flags);
	WRITE_ONCE(pgdat->node_start_pfn, n.start);
	WRITE_ONCE(pgdat->node_spanned_pages, n.pages);
	/* Never less in between: others walk the node's zones. */
	for (i = MAX_NR_ZONES; i && !pgdat->node_zones[i - 1].spanned_pages; i--)
		;
	WRITE_ONCE(pgdat->nr_zones, (int)i);
}

static void count_pages(struct zone *zone, long nr)
{
	unsigned long flags = spin_lock_irqsave(&zone->lock);

	/* Read without the lock by who wants to know how large a zone is. */
	WRITE_ONCE(zone->present_pages, zone->present_pages + (unsigned long)nr);
	WRITE_ONCE(zone->managed_pages, zone->managed_pages + (unsigned long)nr);
	zone->zone_pgdat->node_present_pages += (unsigned long)nr;
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* Who is in a list once stays there. */
static bool is_listed(const struct zone *zone)
{
	const struct zoneref *ref = zone->zone_pgdat->node_zonelists[ZONELIST_NOFALLBACK];

	while (ref && ref->zone && ref->zone != zone)
		ref++;
	return ref && ref->zone;
}

static struct zoneref *add_node(struct zoneref *ref, struct pglist_data *pgdat)
{
	int z;

	for (z = MAX_NR_ZONES - 1; z >= 0; z--)
		if (populated_zone(&pgdat->node_zones[z]) || is_listed(&pgdat->node_zones[z]))
			*ref++ = (struct zoneref){&pgdat->node_zones[z], (enum zone_type)z};
	return ref;
}

#define ZONELIST_BYTES ((MAX_ZONES_PER_ZONELIST + MAX_NR_ZONES + 2) * sizeof(struct zoneref))

static void free_zonelists(struct zoneref **lists)
{
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		if (lists[nid])
			free_pages_exact(lists[nid], ZONELIST_BYTES);
}

/* Room for the lists of all online nodes, or -ENOMEM. */
static int alloc_zonelists(struct zoneref **lists)
{
	int nid;

	for_each_online_node(nid)
	{
		lists[nid] = alloc_pages_exact_nid(nid, ZONELIST_BYTES, GFP_KERNEL | __GFP_ZERO);
		if (!lists[nid]) {
			free_zonelists(lists);
			return -ENOMEM;
		}
	}
	return 0;
}

/*
 * A zone got pages that never had any. Lists are not changed but replaced: who walks an old one may end its walk. So old ones made
 * here stay, and a zone that lost its last page stays in them, with nothing to give: when it comes back they are right again.
 */
static void rebuild_zonelists(struct zoneref *const *lists)
{
	int nid, other, nodes[MAX_NUMNODES];
	unsigned int cpu, z;

	for_each_online_node(nid)
	{
		struct zoneref *ref = lists[nid];
		struct zoneref *fallback = ref, *own;
		u64 listed = 0;
		unsigned int i, n;

		n = min(zonelist_node_order(nid, nodes, MAX_NUMNODES), (unsigned int)MAX_NUMNODES);
		for (i = 0; i < n; i++) {
			ref = add_node(ref, NODE_DATA(nodes[i]));
			listed |= 1ULL << nodes[i];
		}
		/* A node that had no memory yet: its own list begins with it, in others it comes last. */
		for_each_online_node(other) if (!(listed >> other & 1)) ref =
			add_node(ref, NODE_DATA(other));
		ref++;
		own = ref;
		add_node(ref, NODE_DATA(nid));
		__atomic_store_n(&NODE_DATA(nid)->node_zonelists[ZONELIST_FALLBACK], fallback,
				 __ATOMIC_RELEASE);
		__atomic_store_n(&NODE_DATA(nid)->node_zonelists[ZONELIST_NOFALLBACK], own,
				 __ATOMIC_RELEASE);
	}
	/* The short ways to a zone that is not the first any more. */
	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		for (z = 0; z < ARRAY_SIZE(local_pcp[0].upto); z++)
			__atomic_store_n(&local_pcp[cpu].upto[z], NULL, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ online */

/* A kernel zone of the node that spans some of it, else ZONE_NORMAL. */
static struct zone *zone_for(int nid, unsigned long start, unsigned long end, enum mmop type)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	unsigned int z;

	if (type == MMOP_ONLINE_MOVABLE)
		return &zones[ZONE_MOVABLE];
	for (z = 0; z < ZONE_NORMAL; z++)
		if (zones[z].spanned_pages && start < zone_end_pfn(&zones[z]) &&
		    end > zones[z].zone_start_pfn)
			return &zones[z];
	return &zones[ZONE_NORMAL];
}

/* All blocks of the range are in this state, of one node and one zone. */
static bool all_in_state(unsigned long pfn, unsigned long nr, unsigned int state)
{
	unsigned long at;

	if (!nr || ((pfn | nr) & (PAGES_PER_SECTION - 1)) || !hot.blocks ||
	    check_range(PFN_PHYS(pfn), PFN_PHYS(nr)))
		return false;
	for (at = pfn; at < pfn + nr; at += PAGES_PER_SECTION)
		if (block_of(at)->state != state || block_of(at)->nid != block_of(pfn)->nid ||
		    block_of(at)->zone != block_of(pfn)->zone)
			return false;
	return true;
}

/* Sections come to be used, or not any more. */
static void set_sections(unsigned long pfn, unsigned long nr, struct zone *zone)
{
	for (; nr; pfn += PAGES_PER_SECTION, nr -= PAGES_PER_SECTION) {
		struct mem_section *s = pfn_to_section(pfn);

		block_of(pfn)->zone = zone;
		block_of(pfn)->state = zone ? HOT_ONLINE : HOT_OFFLINE;
		s->nid = block_of(pfn)->nid;
		s->present = zone ? SECTION_PRESENT_HOT : 0;
		__atomic_store_n(&s->state, zone ? SECTION_READY : SECTION_EMPTY, __ATOMIC_RELEASE);
	}
}

static int online_locked(unsigned long pfn, unsigned long nr, enum mmop type)
{
	struct zoneref *lists[MAX_NUMNODES] = {NULL};
	struct zone *zone;
	bool first;

	if (!all_in_state(pfn, nr, HOT_OFFLINE))
		return -EINVAL;
	zone = zone_for(block_of(pfn)->nid, pfn, pfn + nr, type);
	if (!zone->name)
		zone->name = zone_names[zone_idx(zone)];
	first = !populated_zone(zone) && !is_listed(zone);
	/* What the zone needs for itself is to lie elsewhere, or it would keep the section for ever. */
	if (first && alloc_zonelists(lists))
		return -ENOMEM;
	if (setup_zone_pageset(zone)) {
		free_zonelists(lists);
		return -ENOMEM;
	}
	if (page_debug && page_debug->forget)
		page_debug->forget(pfn, nr);
	memmap_init_free(pfn, pfn + nr, zone);
	memmap_set_types(pfn, pfn + nr, MIGRATE_MOVABLE);
	count_pages(zone, (long)nr);
	if (first)
		rebuild_zonelists(lists);
	set_sections(pfn, nr, zone);
	set_spans(zone);
	node_memory_mask |= 1ULL << zone_to_nid(zone);
	compaction_init();
	buddy_free_range(zone, pfn, pfn + nr);
	init_per_zone_wmark_min();
	return 0;
}

int online_pages(unsigned long pfn, unsigned long nr_pages, enum mmop type)
{
	int err;

	if (type == MMOP_OFFLINE)
		return -EINVAL;
	spin_lock(&lock);
	err = online_locked(pfn, nr_pages, type);
	spin_unlock(&lock);
	return err;
}

/* ------------------------------------------------------------------ going */

/* How often it is tried: a page may be busy for a moment. Linux tries until a signal comes. */
#define OFFLINE_ROUNDS 5

static int offline_locked(unsigned long pfn, unsigned long nr)
{
	unsigned int round;
	struct zone *zone;
	int err = -EBUSY;

	if (!all_in_state(pfn, nr, HOT_ONLINE))
		return -EINVAL;
	zone = block_of(pfn)->zone;
	for (round = 0; err == -EBUSY && round < OFFLINE_ROUNDS; round++) {
		/* A reserve for others can be made elsewhere. */
		while (unreserve_highatomic_pageblock(zone, MIGRATE_MOVABLE, true))
			;
		err = contig_take(zone, pfn, pfn + nr, MIGRATE_MOVABLE);
	}
	if (err)
		return err;
	set_sections(pfn, nr, NULL);
	count_pages(zone, -(long)nr);
	set_spans(zone);
	init_per_zone_wmark_min();
	return 0;
}

int offline_pages(unsigned long pfn, unsigned long nr_pages)
{
	int err;

	spin_lock(&lock);
	err = offline_locked(pfn, nr_pages);
	spin_unlock(&lock);
	return err;
}

static int remove_locked(unsigned long pfn, unsigned long nr)
{
	unsigned long at;

	if (!hot.blocks)
		return -EINVAL;
	for (at = pfn; at < pfn + nr; at += PAGES_PER_SECTION) {
		if (block_of(at)->state == HOT_ONLINE)
			return -EBUSY;
		if (block_of(at)->state == HOT_NONE)
			return -EINVAL;
	}
	for (at = pfn + nr; at > pfn;)
		unmap_section(at -= PAGES_PER_SECTION);
	return 0;
}

int remove_memory(phys_addr_t start, u64 size)
{
	int err = check_range(start, size) ? -EINVAL : 0;

	if (err)
		return err;
	spin_lock(&lock);
	err = remove_locked(PHYS_PFN(start), PHYS_PFN(size));
	spin_unlock(&lock);
	return err;
}

int offline_and_remove_memory(phys_addr_t start, u64 size)
{
	int err = offline_pages(PHYS_PFN(start), PHYS_PFN(size));

	return err ? err : remove_memory(start, size);
}

/* ------------------------------------------------------------------ looking */

int for_each_memory_block(int (*fn)(unsigned long section_nr, int online, const struct zone *zone,
				    void *arg),
			  void *arg)
{
	unsigned long i;
	int ret = 0;

	for (i = 0; hot.blocks && i < nr_mem_sections && !ret; i++)
		if (hot.blocks[i].state != HOT_NONE)
			ret = fn(i + first_section_nr, hot.blocks[i].state == HOT_ONLINE,
				 hot.blocks[i].zone, arg);
	return ret;
}

int hotplug_check(void)
{
	unsigned long i, p;
	int bad = 0;

	for (i = 0; hot.blocks && i < nr_mem_sections; i++) {
		const struct hot_block *b = &hot.blocks[i];
		const struct mem_section *s = &mem_sections[i];
		unsigned long pfn = (i + first_section_nr) << PFN_SECTION_SHIFT;
		bool online = b->state == HOT_ONLINE;
		int wrong = online != (s->present == SECTION_PRESENT_HOT) ||
			    (online && section_state(s) != SECTION_READY) || online != !!b->zone ||
			    (b->state != HOT_NONE) != !!b->map;

		for (p = pfn; online && !wrong && p < pfn + PAGES_PER_SECTION; p++)
			wrong = page_zone(pfn_to_page(p)) != b->zone;
		if (online && !wrong)
			wrong = !zone_spans_pfn(b->zone, pfn) ||
				!zone_spans_pfn(b->zone, pfn + PAGES_PER_SECTION - 1);
		if (wrong) {
			pr_err("hotplug_check: section %lu: state %u, present %u\n",
			       i + first_section_nr, b->state, s->present);
			bad++;
		}
	}
	return bad;
}
