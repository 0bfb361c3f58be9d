// SPDX-License-Identifier: MIT
/* Checks of nodes of memory: ids, and the distances between them. */
#include <string.h>

#include "check.h"

#define LOCAL_DISTANCE 10
#define MAX_ID 64

/* What the prediction makes of the ids. */
static const char *nodes_effect(const struct check_context *c)
{
	if (c->forecast.nr_nodes > 1)
		return text("memory without an id belongs to no node: Linux counts it to node 0 or "
			    "refuses the map, by the order of the nodes; here it has %zu nodes",
			    c->forecast.nr_nodes);
	return "Linux gives NUMA up and fakes one node with all memory";
}

static void check_ids(struct check_context *c, unsigned int *nodes)
{
	const struct board *b = &c->board;
	uint64_t seen = 0;
	size_t with = 0, without = 0;

	for (size_t i = 0; i < b->nr_memory; i++) {
		const struct memory_node *m = &b->memory[i];

		if (!m->typed)
			continue;
		if (!m->nid_len) {
			without++;
			continue;
		}
		with++;
		if (m->nid < 0 || m->nid >= 1 << c->profile->nodes_shift || !c->profile->numa)
			report(c, CHECK_NUMA_ID_INVALID, m->path, m->node, "numa-node-id",
			       m->nid_len != 4 ? text("%d bytes instead of 4", m->nid_len)
					       : text("%d, but the kernel has nodes 0 to %d "
						      "(CONFIG_NODES_SHIFT)",
						      m->nid, (1 << c->profile->nodes_shift) - 1),
			       "\"Node id exceeds maximum value\": Linux gives NUMA up and fakes "
			       "one "
			       "node with all memory",
			       "number the nodes from 0 on");
		else if (m->nid < MAX_ID)
			seen |= 1ULL << m->nid;
	}
	for (size_t i = 0; with && without && i < b->nr_memory; i++)
		if (b->memory[i].typed && !b->memory[i].nid_len)
			report(c, CHECK_NUMA_ID_MISSING, b->memory[i].path, b->memory[i].node,
			       "numa-node-id",
			       "other memory nodes have a numa-node-id, this one has none",
			       nodes_effect(c), "give every memory node its numa-node-id");
	*nodes = (unsigned int)__builtin_popcountll(seen);
}

/* As the map gives it; 0: it does not. */
static uint32_t distance(const struct board *b, uint32_t from, uint32_t to)
{
	for (size_t i = b->nr_distances; i-- > 0;)
		if (b->distances[i].from == from && b->distances[i].to == to)
			return b->distances[i].distance;
	return 0;
}

static void check_distances(struct check_context *c)
{
	const struct board *b = &c->board;

	if (!b->distance_typed)
		report(c, CHECK_NUMA_DISTANCE, b->distance_path, b->distance_node, "compatible",
		       "compatible is not \"numa-distance-map-v1\"",
		       "Linux does not find the map: every other node is at distance 20",
		       "add compatible = \"numa-distance-map-v1\"");
	if (b->distance_len <= 0 || b->distance_len % 12)
		report(c, CHECK_NUMA_DISTANCE, b->distance_path, b->distance_node,
		       "distance-matrix",
		       b->distance_len < 0 ? text("there is no distance-matrix")
					   : text("%d bytes are no whole number of triples (12)",
						  b->distance_len),
		       b->distance_len > 0
			       ? "Linux ignores what is left over"
			       : "Linux gives NUMA up and fakes one node with all memory",
		       "one triple <from to distance> for each pair");
	for (size_t i = 0; i < b->nr_distances; i++) {
		const struct distance *d = &b->distances[i];
		uint32_t back = distance(b, d->to, d->from);

		if (d->from == d->to ? d->distance != LOCAL_DISTANCE
				     : d->distance <= LOCAL_DISTANCE)
			report(c, CHECK_NUMA_DISTANCE, b->distance_path, b->distance_node,
			       "distance-matrix",
			       text("the distance from node %u to node %u is %u", d->from, d->to,
				    d->distance),
			       "\"Invalid distance\": Linux gives NUMA up and fakes one node with "
			       "all memory",
			       "10 from a node to itself, more than 10 to any other");
		else if (d->from < d->to && back && back != d->distance)
			report(c, CHECK_NUMA_ASYMMETRIC, b->distance_path, b->distance_node,
			       "distance-matrix",
			       text("node %u to node %u is %u, the way back is %u", d->from, d->to,
				    d->distance, back),
			       "Linux keeps both: each node falls back in an order of its own, and "
			       "reclaim and the scheduler read one direction",
			       "one distance for both directions, unless the machine is built so");
	}
}

void check_numa(struct check_context *c)
{
	unsigned int nodes;

	check_ids(c, &nodes);
	if (c->board.distance_path)
		check_distances(c);
	else if (nodes > 1)
		report(c, CHECK_NUMA_NO_MAP, "/", 0, NULL,
		       text("%u nodes of memory and no distance-map", nodes),
		       "every other node is at distance 20: with three nodes or more the order of "
		       "fallback is that of their numbers",
		       "add a node with compatible = \"numa-distance-map-v1\" and a "
		       "distance-matrix");
}
