// SPDX-License-Identifier: MIT
/*
 * Zonelists: for every node, the zones to try in order, nearest node first and a node's high zones
 * before its low ones.
 *
 *   node 0 of 2:   0/Normal  0/DMA  1/Normal  (end)
 *
 * Owns both zonelists of every node, policy_zone and page_group_by_mobility_disabled. Invariants: a
 * list holds each populated zone of its nodes once; it ends with a NULL zone; it does not change
 * after build_all_zonelists.
 *
 * Locking: none; the boot CPU builds, everybody reads.
 *
 * Against Linux: the same order. A zonelist there has room for every zone of 2^NODES_SHIFT nodes
 * inside pglist_data; here it is as long as the zones that exist.
 */
#include <quire/boot.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/printk.h>

enum zone_type policy_zone;
bool page_group_by_mobility_disabled;
u64 node_has_cpu_mask;

/* How often a node was the first of its distance in another node's list: spreads equal nodes. */
static unsigned int node_load[MAX_NUMNODES];

int find_next_best_node(int node, u64 *used)
{
	u64 candidates = node_memory_mask & ~*used;
	int best = NUMA_NO_NODE;
	unsigned int best_value = UINT_MAX;

	if (candidates >> node & 1) {
		*used |= 1ULL << node;
		return node;
	}
	for (; candidates; candidates &= candidates - 1) {
		int n = __ffs(candidates);
		unsigned int value = (unsigned int)node_distance(node, n);

		/* The next node rather than one before, so that not all nodes turn to node 0. */
		value += n < node;
		/* A node without CPUs has fewer allocations of its own. */
		value += node_has_cpu_mask >> n & 1;
		/* Distance decides, load only between equals. */
		value = value * MAX_NUMNODES + node_load[n];
		if (value < best_value) {
			best_value = value;
			best = n;
		}
	}
	if (best >= 0)
		*used |= 1ULL << best;
	return best;
}

static struct zoneref *add_node_zones(struct zoneref *ref, struct pglist_data *pgdat)
{
	int i;

	for (i = MAX_NR_ZONES - 1; i >= 0; i--) {
		struct zone *zone = &pgdat->node_zones[i];

		if (!populated_zone(zone))
			continue;
		*ref++ = (struct zoneref){.zone = zone, .zone_idx = (enum zone_type)i};
		/* Where memory policies apply: the highest zone that is not ZONE_MOVABLE. */
		if (i != ZONE_MOVABLE && i > (int)policy_zone)
			policy_zone = (enum zone_type)i;
	}
	return ref;
}

static unsigned int populated_zones(void)
{
	unsigned int n = 0;
	struct zone *zone;

	for_each_zone(zone) n += populated_zone(zone);
	return n;
}

static void build_zonelists(struct pglist_data *pgdat, unsigned int nr_zones)
{
	int local = pgdat->node_id, prev = local, node;
	/* The fallback list, and the node's own zones, each with its end. */
	u64 entries = nr_zones + 1 + MAX_NR_ZONES + 1;
	struct zoneref *ref;
	u64 used = 0;

	ref = memblock_alloc_node(entries * sizeof(*ref), SMP_CACHE_BYTES, local);
	if (!ref)
		panic("Cannot allocate the zonelists of node %d", local);
	pgdat->node_zonelists[ZONELIST_FALLBACK] = ref;

	pr_info("Fallback order for Node %d: ", local);
	while ((node = find_next_best_node(local, &used)) >= 0) {
		if (node_distance(local, node) != node_distance(local, prev))
			node_load[node]++;
		prev = node;
		ref = add_node_zones(ref, NODE_DATA(node));
		pr_cont("%d ", node);
	}
	pr_cont("\n");
	*ref++ = (struct zoneref){0};

	pgdat->node_zonelists[ZONELIST_NOFALLBACK] = ref;
	ref = add_node_zones(ref, pgdat);
	*ref = (struct zoneref){0};
}

void build_all_zonelists(void)
{
	unsigned int nr_zones = populated_zones();
	unsigned long pages;
	int nid;

	policy_zone = ZONE_DMA;
	for (nid = 0; nid < MAX_NUMNODES; nid++)
		node_load[nid] = 0;
	for_each_online_node(nid) build_zonelists(NODE_DATA(nid), nr_zones);

	/* With fewer pageblocks than types, types would only fight for them. */
	pages = nr_free_zone_pages(ZONE_MOVABLE);
	page_group_by_mobility_disabled = pages < pageblock_nr_pages * MIGRATE_TYPES;
	pr_info("Built %u zonelists, mobility grouping %s.  Total pages: %lu\n",
		(unsigned int)__builtin_popcountll(node_online_mask),
		page_group_by_mobility_disabled ? "off" : "on", pages);
	pr_info("Policy zone: %s\n", zone_names[policy_zone]);
}

unsigned int zonelist_node_order(int nid, int *order, unsigned int max)
{
	const struct zoneref *ref = NODE_DATA(nid)->node_zonelists[ZONELIST_FALLBACK];
	unsigned int n = 0;
	int last = NUMA_NO_NODE;

	for (; ref && ref->zone; ref++) {
		int node = zone_to_nid(ref->zone);

		if (node == last)
			continue;
		if (n < max)
			order[n] = node;
		last = node;
		n++;
	}
	return n;
}
