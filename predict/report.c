// SPDX-License-Identifier: MIT
/*
 * What was predicted, as text in the words of Linux's log, and as one JSON document (docs/predict.md).
 *
 * After a panic only what had happened until then is written. Addresses and sizes in bytes are strings "0x...", pages
 * and counts are numbers.
 */
#include <stdlib.h>

#include <quire/boot.h>
#include <quire/cma.h>
#include <quire/mm_init.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

/* memblock's regions after free_initmem: the structures that reports need are allocated later. */
static struct kept {
	struct memblock_region *regions;
	unsigned long nr;
} kept_memory, kept_reserved;

static void keep(struct kept *k, const struct memblock_type *type)
{
	k->regions = malloc((type->cnt + 1) * sizeof(*k->regions));
	k->nr = k->regions ? type->cnt : 0;
	if (k->regions)
		memcpy(k->regions, type->regions, type->cnt * sizeof(*k->regions));
}

void predict_keep_final(void)
{
	keep(&kept_memory, &memblock.memory);
	keep(&kept_reserved, &memblock.reserved);
}

typedef unsigned long long ull;

/* ------------------------------------------------------------------ events */

static const char *const requests[] = {
	[REQUEST_PHYS_RANGE] = "phys_alloc_range",
	[REQUEST_TRY_NID] = "alloc_try_nid",
	[REQUEST_TRY_NID_RAW] = "alloc_try_nid_raw",
	[REQUEST_EXACT_NID_RAW] = "alloc_exact_nid_raw",
};

/* The name of what Linux prints for an event; NULL: nothing. */
static const char *printed_as(const struct event *e)
{
	switch (e->op) {
	case EVENT_ADD:
		return "add";
	case EVENT_REMOVE:
		return "remove";
	case EVENT_RESERVE:
		return "reserve";
	case EVENT_FREE:
		return "phys_free";
	case EVENT_ALLOC:
		return e->flags < ARRAY_SIZE(requests) ? requests[e->flags] : NULL;
	default:
		return NULL;
	}
}

static void put_event(struct out *o, const struct event *e, const char *what)
{
	const char *caller = linux_caller_name(e);

	out_printf(o, "{\"op\": \"%s\", ", what);
	if (e->op == EVENT_ALLOC) {
		out_printf(o, "\"size\": \"0x%llx\", \"align\": \"0x%llx\", ", (ull)e->size,
			   (ull)e->align);
		if (e->flags != REQUEST_PHYS_RANGE)
			out_printf(o, "\"nid\": %d, ", e->nid);
		out_printf(o, "\"from\": \"0x%llx\", \"max_addr\": \"0x%llx\", ", (ull)e->min,
			   (ull)e->max);
		if (e->base)
			out_printf(o, "\"result\": \"0x%llx\", ", (ull)e->base);
	} else {
		out_printf(o, "\"base\": \"0x%llx\", \"size\": \"0x%llx\", ", (ull)e->base,
			   (ull)e->size);
	}
	out_puts(o, "\"caller\": ");
	predict_put_text(o, caller ? caller : "?");
	out_puts(o, "}");
}

/* The events of one repetition are printed ones: a request and what it reserved. */
static void put_run(struct out *o, const struct linux_run *r)
{
	const bool down = (s64)r->stride < 0;

	out_printf(o,
		   "{\"op\": \"repeat\", \"count\": %llu, \"stride\": \"%s0x%llx\", \"events\": [",
		   (ull)r->count, down ? "-" : "", (ull)(down ? -r->stride : r->stride));
	for (u32 i = 0; i < r->len; i++) {
		const struct event *e = &event_log.events[r->at + i];

		out_puts(o, i ? ",\n      " : "\n      ");
		put_event(o, e, printed_as(e));
	}
	out_puts(o, "]}");
}

static void put_events(struct out *o)
{
	const char *comma = "";

	out_puts(o, "  \"events\": [");
	for (u32 i = 0; i < event_log.nr; i++) {
		const struct linux_run *run = linux_run_at(i);
		const char *what = printed_as(&event_log.events[i]);

		if (!what)
			continue;
		out_printf(o, "%s\n    ", comma);
		comma = ",";
		if (run) {
			put_run(o, run);
			i += run->len - 1;
		} else {
			put_event(o, &event_log.events[i], what);
		}
	}
	out_puts(o, "\n  ],\n");
}

/* What Linux prints nothing of: where the boot was, and changes of regions' flags. */
static void put_steps(struct out *o)
{
	const char *comma = "";
	unsigned long at = 0;

	out_puts(o, "  \"steps\": [");
	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];
		const struct linux_run *run = linux_run_at(i);

		if (printed_as(e)) {
			at++;
			if (run)
				i += run->len - 1;
			continue;
		}
		if (e->op != EVENT_STEP && e->op != EVENT_MARK && e->op != EVENT_CLEAR &&
		    e->op != EVENT_LIMIT)
			continue;
		out_printf(o, "%s\n    {\"at\": %lu, \"op\": \"%s\", ", comma, at,
			   event_op_name(e->op));
		comma = ",";
		if (e->op == EVENT_STEP) {
			out_puts(o, "\"name\": ");
			predict_put_text(o, e->name);
		} else {
			out_printf(o, "\"base\": \"0x%llx\", \"size\": \"0x%llx\", \"flags\": %u",
				   (ull)e->base, (ull)e->size, e->flags);
		}
		out_puts(o, "}");
	}
	out_puts(o, "\n  ],\n");
}

/* ------------------------------------------------------------------ regions */

static void put_region(struct out *o, const char *comma, u64 base, u64 size, int nid, u32 flags)
{
	out_printf(o,
		   "%s\n    {\"base\": \"0x%llx\", \"size\": \"0x%llx\", \"nid\": %d, "
		   "\"flags\": %u}",
		   comma, (ull)base, (ull)size, nid < 0 || nid >= MAX_NUMNODES ? -1 : nid, flags);
}

static void put_config(struct out *o, const char *name, enum event_op op)
{
	const char *comma = "";

	out_printf(o, "  \"%s\": [", name);
	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];

		if (e->op != op)
			continue;
		put_region(o, comma, e->base, e->size, e->nid, e->flags);
		comma = ",";
	}
	out_puts(o, "\n  ],\n");
}

static void put_kept(struct out *o, const char *name, const struct kept *k)
{
	out_printf(o, "  \"%s\": [", name);
	for (unsigned long i = 0; i < k->nr; i++)
		put_region(o, i ? "," : "", k->regions[i].base, k->regions[i].size,
			   memblock_get_region_node(&k->regions[i]), (u32)k->regions[i].flags);
	out_puts(o, "\n  ],\n");
}

/* ------------------------------------------------------------------ what follows from memblock */

static void put_reserved_mem(struct out *o)
{
	out_puts(o, "  \"reserved_mem\": [");
	for (unsigned int i = 0; i < nr_reserved_mem; i++) {
		const struct reserved_mem *r = &reserved_mem[i];

		out_printf(o, "%s\n    {\"name\": ", i ? "," : "");
		predict_put_text(o, r->name);
		out_printf(o,
			   ", \"base\": \"0x%llx\", \"size\": \"0x%llx\", \"nomap\": %s, "
			   "\"reusable\": %s, \"refused\": %s}",
			   (ull)r->base, (ull)r->size, r->nomap ? "true" : "false",
			   r->reusable ? "true" : "false", r->refused ? "true" : "false");
	}
	out_puts(o, "\n  ],\n");
}

static void put_nodes(struct out *o)
{
	const char *comma = "", *between;
	int nid, other, order[MAX_NUMNODES];
	unsigned int nr;

	out_puts(o, "  \"nodes\": [");
	for_each_online_node(nid)
	{
		phys_addr_t pa = virt_to_phys(NODE_DATA(nid));

		out_printf(
			o,
			"%s\n    {\"node\": %d, \"data\": \"0x%llx\", \"data_size\": \"0x%llx\", ",
			comma, nid, (ull)pa,
			(ull)ALIGN(build_profile->pglist_data, SMP_CACHE_BYTES));
		comma = ",";
		out_puts(o, "\"fallback\": [");
		nr = zonelist_node_order(nid, order, MAX_NUMNODES);
		for (unsigned int i = 0; i < nr; i++)
			out_printf(o, "%s%d", i ? ", " : "", order[i]);
		out_puts(o, "], \"distance\": [");
		between = "";
		for_each_online_node(other)
		{
			out_printf(o, "%s%d", between, node_distance(nid, other));
			between = ", ";
		}
		out_puts(o, "]}");
	}
	out_puts(o, "\n  ],\n");
}

static void put_zones(struct out *o)
{
	const char *comma = "";
	struct zone *z;

	out_puts(o, "  \"zones\": [");
	for_each_zone(z)
	{
		out_printf(o, "%s\n    {\"node\": %d, \"zone\": \"%s\", \"start_pfn\": %lu, ",
			   comma, zone_to_nid(z), z->name, z->zone_start_pfn);
		comma = ",";
		out_printf(o,
			   "\"spanned\": %lu, \"present\": %lu, \"managed\": %lu, \"cma\": %lu, ",
			   z->spanned_pages, z->present_pages, z->managed_pages, z->cma_pages);
		out_printf(o, "\"min\": %lu, \"low\": %lu, \"high\": %lu, \"protection\": [",
			   min_wmark_pages(z), low_wmark_pages(z), high_wmark_pages(z));
		for (int i = 0; i < MAX_NR_ZONES; i++)
			out_printf(o, "%s%lu", i ? ", " : "", z->lowmem_reserve[i]);
		out_printf(o, "], \"batch\": %d}", z->pageset_batch);
	}
	out_puts(o, "\n  ],\n");
}

static void put_cma(struct out *o)
{
	out_puts(o, "  \"cma\": [");
	for (unsigned int i = 0; i < nr_cma_areas; i++) {
		out_printf(o, "%s\n    {\"name\": ", i ? "," : "");
		predict_put_text(o, cma_areas[i].name);
		out_printf(o, ", \"base\": \"0x%llx\", \"size\": \"0x%llx\"}",
			   (ull)cma_areas[i].base, (ull)cma_areas[i].size);
	}
	out_puts(o, "\n  ],\n");
}

static void put_tables(struct out *o)
{
	const struct linux_memory_line *m = &linux_memory_line;
	const struct linux_percpu *p = &linux_percpu;

	out_printf(o,
		   "  \"percpu\": {\"kind\": \"%s\", \"pages\": %u, \"static\": %lu, \"reserved\": "
		   "%lu, "
		   "\"dyn\": %lu, \"unit\": %lu, \"groups\": %u},\n",
		   p->page_chunk ? "page" : "embed", p->pages, p->static_size, p->reserved, p->dyn,
		   p->unit, p->nr_groups);
	out_puts(o, "  \"hash_tables\": [");
	for (unsigned int i = 0; i < nr_linux_hashes; i++)
		out_printf(o,
			   "%s\n    {\"name\": \"%s\", \"entries\": %lu, \"order\": %u, "
			   "\"bytes\": %lu, \"kind\": \"%s\"}",
			   i ? "," : "", linux_hashes[i].name, linux_hashes[i].entries,
			   linux_hashes[i].order, linux_hashes[i].bytes,
			   linux_hashes[i].vmalloc ? "vmalloc" : "linear");
	out_puts(o, "\n  ],\n");
	out_printf(o,
		   "  \"swiotlb\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\", \"areas\": %u},\n",
		   (ull)linux_swiotlb.base, (ull)linux_swiotlb.size, linux_swiotlb.areas);
	out_printf(o,
		   "  \"memory_line\": {\"available_k\": %lu, \"total_k\": %lu, \"kernel_code_k\": "
		   "%lu, "
		   "\"rwdata_k\": %lu, \"rodata_k\": %lu, \"init_k\": %lu, \"bss_k\": %lu, "
		   "\"reserved_k\": %lu, \"cma_reserved_k\": %lu},\n",
		   m->available_k, m->total_k, m->code_k, m->rwdata_k, m->rodata_k, m->init_k,
		   m->bss_k, m->reserved_k, m->cma_k);
	out_printf(o, "  \"total_pages\": %lu, \"mobility\": \"%s\", \"min_free_kbytes\": %d,\n",
		   linux_total_pages, page_group_by_mobility_disabled ? "off" : "on",
		   min_free_kbytes);
}

int predict_report_json(struct out *o, const char *panic_text)
{
	out_puts(o, "{\n  \"profile\": ");
	predict_put_text(o, build_profile->name);
	out_puts(o, ",\n  \"release\": ");
	predict_put_text(o, build_profile->release);
	out_puts(o, ",\n  \"panic\": ");
	if (panic_text)
		predict_put_text(o, panic_text);
	else
		out_puts(o, "null");
	out_printf(o, ",\n  \"memstart_addr\": \"0x%llx\", \"va_bits\": %u, \"levels\": %u,\n",
		   (ull)memstart_addr, linux_tables.va_bits, linux_tables.levels);
	out_printf(o, "  \"phys_bits\": %u, \"linear_size\": \"0x%llx\",\n",
		   linux_tables.levels ? linux_phys_mask_shift() : 0,
		   (ull)(linux_tables.levels ? linux_linear_size() : 0));
	predict_put_machine(o);
	put_events(o);
	put_steps(o);
	put_config(o, "memory", EVENT_CONFIG_MEMORY);
	put_config(o, "reserved", EVENT_CONFIG_RESERVED);
	put_reserved_mem(o);
	put_cma(o);
	out_printf(o,
		   "  \"crashkernel\": {\"base\": \"0x%llx\", \"size\": \"0x%llx\", "
		   "\"low_base\": \"0x%llx\", \"low_size\": \"0x%llx\"},\n",
		   (ull)crash_res.base, (ull)crash_res.size, (ull)crash_res.low_base,
		   (ull)crash_res.low_size);
	predict_put_layout(o);
	predict_put_mappings(o);
	if (!panic_text) {
		put_kept(o, "final_memory", &kept_memory);
		put_kept(o, "final_reserved", &kept_reserved);
		put_nodes(o);
		put_zones(o);
		put_tables(o);
	}
	out_printf(o, "  \"table_pages\": [%lu, %lu, %lu, %lu, %lu]\n}\n", linux_tables.pages[0],
		   linux_tables.pages[1], linux_tables.pages[2], linux_tables.pages[3],
		   linux_tables.pages[4]);
	return o->error;
}

/* ------------------------------------------------------------------ text */

static void put_lines(struct out *o, const char *title, const char *prefix, enum event_op op)
{
	unsigned int n = 0;

	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];
		char node[24] = "";

		if (e->op != op)
			continue;
		if (!n)
			out_puts(o, title);
		if (e->nid >= 0 && e->nid < MAX_NUMNODES)
			quire_snprintf(node, sizeof(node), " on node %d", e->nid);
		out_printf(o, " %s[0x%x]\t[%#018llx-%#018llx], %#018llx bytes%s flags: 0x%x\n",
			   prefix, n++, (ull)e->base, (ull)(e->base + e->size - 1), (ull)e->size,
			   node, e->flags);
	}
}

static void put_text_zones(struct out *o)
{
	struct zone *z;

	for_each_zone(z)
	{
		if (!z->spanned_pages)
			continue;
		out_printf(o, "Node %d, zone %8s\n", zone_to_nid(z), z->name);
		out_printf(o, "        min      %lu\n        low      %lu\n        high     %lu\n",
			   min_wmark_pages(z), low_wmark_pages(z), high_wmark_pages(z));
		out_printf(o, "        spanned  %lu\n        present  %lu\n        managed  %lu\n",
			   z->spanned_pages, z->present_pages, z->managed_pages);
		out_printf(o, "        cma      %lu\n", z->cma_pages);
		out_puts(o, "        protection: (");
		for (int i = 0; i < MAX_NR_ZONES; i++)
			out_printf(o, "%s%lu", i ? ", " : "", z->lowmem_reserve[i]);
		out_printf(o, ")\n        pageset batch: %d\n", z->pageset_batch);
	}
}

static void put_text_tables(struct out *o)
{
	const struct linux_memory_line *m = &linux_memory_line;
	const struct linux_percpu *p = &linux_percpu;

	if (p->page_chunk)
		out_printf(o, "percpu: %u %luK pages/cpu s%lu r%lu d%lu\n", p->pages,
			   PAGE_SIZE / 1024, p->static_size, p->reserved, p->dyn);
	else
		out_printf(o, "percpu: Embedded %u pages/cpu s%lu r%lu d%lu u%lu\n", p->pages,
			   p->static_size, p->reserved, p->dyn, p->unit);
	for (unsigned int i = 0; i < nr_linux_hashes; i++)
		out_printf(o, "%s hash table entries: %lu (order: %u, %lu bytes, %s)\n",
			   linux_hashes[i].name, linux_hashes[i].entries, linux_hashes[i].order,
			   linux_hashes[i].bytes, linux_hashes[i].vmalloc ? "vmalloc" : "linear");
	out_printf(o, "Built %u zonelists, mobility grouping %s.  Total pages: %lu\n",
		   (unsigned int)__builtin_popcountll(node_online_mask),
		   page_group_by_mobility_disabled ? "off" : "on", linux_total_pages);
	if (linux_swiotlb.size)
		out_printf(o, "software IO TLB: mapped [mem %#018llx-%#018llx] (%lluMB)\n",
			   (ull)linux_swiotlb.base, (ull)(linux_swiotlb.base + linux_swiotlb.size),
			   (ull)linux_swiotlb.size >> 20);
	out_printf(o,
		   "Memory: %luK/%luK available (%luK kernel code, %luK rwdata, %luK rodata, %luK "
		   "init, %luK bss, %luK reserved, %luK cma-reserved)\n",
		   m->available_k, m->total_k, m->code_k, m->rwdata_k, m->rodata_k, m->init_k,
		   m->bss_k, m->reserved_k, m->cma_k);
}

int predict_report_text(struct out *o, const char *panic_text)
{
	out_puts(o, "MEMBLOCK configuration:\n");
	put_lines(o, "", "memory", EVENT_CONFIG_MEMORY);
	put_lines(o, "", "reserved", EVENT_CONFIG_RESERVED);
	if (panic_text) {
		out_printf(o, "Kernel panic - not syncing: %s\n", panic_text);
		return o->error;
	}
	put_text_tables(o);
	put_text_zones(o);
	return o->error;
}
