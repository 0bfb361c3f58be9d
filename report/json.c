// SPDX-License-Identifier: MIT
/*
 * The machine as one JSON document: docs/json.md lists every key.
 *
 * A small writer keeps the commas right and breaks lines so that the text can be read and compared line by line: top
 * keys and array elements begin lines, what is inside an element stays on its line. Addresses and sizes in bytes are
 * strings "0x…" (a JSON number loses bits above 2^53); counts and page frame numbers are numbers. Bytes outside
 * printable ASCII in names that come from the device tree are written as \u00XX, so that the document is valid
 * whatever the tree holds.
 */
#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/string.h>

/* Containers deeper than this stay on one line. */
#define LINE_DEPTH 2

struct json {
	struct out *out;
	unsigned int depth;
	bool first; /* nothing yet in the container that is open */
	bool flat;  /* the container that is open stays on its line */
};

static void sep(struct json *j)
{
	bool line = j->depth && j->depth <= LINE_DEPTH && !j->flat;

	if (!j->first)
		out_puts(j->out, line ? "," : ", ");
	if (line) {
		out_puts(j->out, "\n");
		for (unsigned int i = 0; i < j->depth; i++)
			out_puts(j->out, "  ");
	}
	j->first = false;
}

static void put_string(struct json *j, const char *s)
{
	const char *run = s;

	out_puts(j->out, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			continue;
		out_write(j->out, run, (size_t)(s - run));
		run = s + 1;
		if (c == '"' || c == '\\')
			out_printf(j->out, "\\%c", c);
		else
			out_printf(j->out, "\\u%04x", c);
	}
	out_write(j->out, run, (size_t)(s - run));
	out_puts(j->out, "\"");
}

static void key(struct json *j, const char *name)
{
	sep(j);
	put_string(j, name);
	out_puts(j->out, ": ");
}

/* name: the key in an object, NULL in an array. */
static void value(struct json *j, const char *name)
{
	if (name)
		key(j, name);
	else
		sep(j);
}

static void begin(struct json *j, const char *name, const char *bracket)
{
	value(j, name);
	out_puts(j->out, bracket);
	j->depth++;
	j->first = true;
}

static void end(struct json *j, const char *bracket)
{
	j->depth--;
	if (!j->first && j->depth < LINE_DEPTH && !j->flat) {
		out_puts(j->out, "\n");
		for (unsigned int i = 0; i < j->depth; i++)
			out_puts(j->out, "  ");
	}
	out_puts(j->out, bracket);
	j->first = false;
}

/* A small object that stays on one line. */
static void begin_flat(struct json *j, const char *name)
{
	begin(j, name, "{");
	j->flat = true;
}

static void end_flat(struct json *j)
{
	end(j, "}");
	j->flat = false;
}

static void put_hex(struct json *j, const char *name, u64 v)
{
	value(j, name);
	out_printf(j->out, "\"0x%llx\"", (unsigned long long)v);
}

static void put_num(struct json *j, const char *name, long long v)
{
	value(j, name);
	out_printf(j->out, "%lld", v);
}

static void put_bool(struct json *j, const char *name, bool v)
{
	value(j, name);
	out_puts(j->out, v ? "true" : "false");
}

static void put_str(struct json *j, const char *name, const char *s)
{
	value(j, name);
	put_string(j, s);
}

/* MAX_NUMNODES and NUMA_NO_NODE both mean no node. */
static int plain_nid(int nid)
{
	return nid < 0 || nid >= MAX_NUMNODES ? NUMA_NO_NODE : nid;
}

static void put_flags(struct json *j, u32 flags)
{
	static const struct {
		u32 bit;
		const char *name;
	} names[] = {
		{MEMBLOCK_HOTPLUG, "HOTPLUG"},
		{MEMBLOCK_MIRROR, "MIRROR"},
		{MEMBLOCK_NOMAP, "NOMAP"},
		{MEMBLOCK_DRIVER_MANAGED, "DRIVER_MANAGED"},
		{MEMBLOCK_RSRV_NOINIT, "RSRV_NOINIT"},
	};

	begin(j, "flags", "[");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].bit)
			put_str(j, NULL, names[i].name);
	end(j, "]");
}

static void put_region(struct json *j, u64 base, u64 size, int nid, u32 flags)
{
	begin(j, NULL, "{");
	put_hex(j, "base", base);
	put_hex(j, "size", size);
	put_num(j, "nid", plain_nid(nid));
	put_flags(j, flags);
	end(j, "}");
}

static void put_memblock_now(struct json *j, const char *name, const struct memblock_type *type)
{
	begin(j, name, "[");
	/* An empty array keeps one region of size 0. */
	for (unsigned long i = 0; i < type->cnt; i++)
		if (type->regions[i].size)
			put_region(j, type->regions[i].base, type->regions[i].size,
				   memblock_get_region_node(&type->regions[i]),
				   (u32)type->regions[i].flags);
	end(j, "]");
}

/* As at the configuration dump; as now when the boot did not come that far. */
static void put_memblock_config(struct json *j, const char *name, enum event_op op,
				const struct memblock_type *type)
{
	bool any = false;

	for (u32 i = 0; i < event_log.nr && !any; i++)
		any = event_log.events[i].op == EVENT_CONFIG_MEMORY ||
		      event_log.events[i].op == EVENT_CONFIG_RESERVED;
	if (!any) {
		put_memblock_now(j, name, type);
		return;
	}
	begin(j, name, "[");
	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];

		if (e->op == op)
			put_region(j, e->base, e->size, e->nid, e->flags);
	}
	end(j, "]");
}

void report_memblock_config(void)
{
	static const enum event_op ops[] = {EVENT_CONFIG_MEMORY, EVENT_CONFIG_RESERVED};
	const struct memblock_type *types[] = {&memblock.memory, &memblock.reserved};

	for (unsigned int t = 0; t < ARRAY_SIZE(types); t++) {
		for (unsigned long i = 0; i < types[t]->cnt; i++) {
			const struct memblock_region *r = &types[t]->regions[i];
			struct event e = {
				.op = ops[t],
				.base = r->base,
				.size = r->size,
				.flags = (u32)r->flags,
				.nid = plain_nid(memblock_get_region_node(r)),
			};

			if (r->size)
				event_record(&e);
		}
	}
}

static void put_reserved_mem(struct json *j)
{
	begin(j, "reserved_mem", "[");
	for (unsigned int i = 0; i < nr_reserved_mem; i++) {
		const struct reserved_mem *r = &reserved_mem[i];

		begin(j, NULL, "{");
		put_str(j, "name", r->name);
		put_str(j, "compatible", r->compatible);
		put_hex(j, "base", r->base);
		put_hex(j, "size", r->size);
		put_bool(j, "dynamic", r->dynamic);
		put_bool(j, "nomap", r->nomap);
		put_bool(j, "reusable", r->reusable);
		put_bool(j, "linux_cma_default", r->linux_cma_default);
		put_bool(j, "refused", r->refused);
		end(j, "}");
	}
	end(j, "]");
}

static void put_nodes(struct json *j)
{
	int nid, other;

	begin(j, "nodes", "[");
	for_each_online_node(nid)
	{
		const struct pglist_data *pgdat = NODE_DATA(nid);

		if (!pgdat)
			continue;
		begin(j, NULL, "{");
		put_num(j, "node", nid);
		put_hex(j, "start", PFN_PHYS(pgdat->node_start_pfn));
		put_hex(j, "end", PFN_PHYS(pgdat->node_start_pfn + pgdat->node_spanned_pages));
		put_num(j, "start_pfn", (long long)pgdat->node_start_pfn);
		put_num(j, "spanned", (long long)pgdat->node_spanned_pages);
		put_num(j, "present", (long long)pgdat->node_present_pages);
		begin(j, "distance", "[");
		for_each_online_node(other) put_num(j, NULL, node_distance(nid, other));
		end(j, "]");
		end(j, "}");
	}
	end(j, "]");
}

static void put_zones(struct json *j)
{
	struct zone *z;

	begin(j, "zones", "[");
	for_each_zone(z)
	{
		begin(j, NULL, "{");
		put_num(j, "node", zone_to_nid(z));
		put_str(j, "name", z->name);
		put_num(j, "start_pfn", (long long)z->zone_start_pfn);
		put_num(j, "spanned", (long long)z->spanned_pages);
		put_num(j, "present", (long long)z->present_pages);
		put_num(j, "managed", (long long)z->managed_pages);
		put_num(j, "cma", (long long)z->cma_pages);
		put_num(j, "free", z->vm_stat[NR_FREE_PAGES]);
		put_num(j, "min", (long long)min_wmark_pages(z));
		put_num(j, "low", (long long)low_wmark_pages(z));
		put_num(j, "high", (long long)high_wmark_pages(z));
		begin(j, "protection", "[");
		for (int i = 0; i < MAX_NR_ZONES; i++)
			put_num(j, NULL, (long long)z->lowmem_reserve[i]);
		end(j, "]");
		begin(j, "pcp", "{");
		put_num(j, "high", z->pageset_high_min);
		put_num(j, "high_max", z->pageset_high_max);
		put_num(j, "batch", z->pageset_batch);
		end(j, "}");
		end(j, "}");
	}
	end(j, "]");
}

static void put_cma(struct json *j)
{
	begin(j, "cma", "[");
	for (unsigned int i = 0; i < nr_cma_areas; i++) {
		/* An area that could not be activated. */
		if (!cma_areas[i].size)
			continue;
		begin(j, NULL, "{");
		put_str(j, "name", cma_areas[i].name);
		put_hex(j, "base", cma_areas[i].base);
		put_hex(j, "size", cma_areas[i].size);
		put_num(j, "order_per_bit", cma_areas[i].order_per_bit);
		put_num(j, "nid", plain_nid(cma_areas[i].nid));
		end(j, "}");
	}
	end(j, "]");
}

static void put_zonelist(struct json *j, const char *name, const struct zoneref *ref)
{
	begin(j, name, "[");
	for (; ref && ref->zone; ref++) {
		begin(j, NULL, "{");
		put_num(j, "node", zone_to_nid(ref->zone));
		put_str(j, "zone", ref->zone->name);
		end(j, "}");
	}
	end(j, "]");
}

static void put_zonelists(struct json *j)
{
	int nid;

	begin(j, "zonelists", "[");
	for_each_online_node(nid)
	{
		const struct pglist_data *pgdat = NODE_DATA(nid);
		const struct zoneref *ref;
		u64 seen = 0;

		if (!pgdat)
			continue;
		begin(j, NULL, "{");
		put_num(j, "node", nid);
		/* Nodes in the order in which they are tried: "Fallback order for Node". */
		begin(j, "order", "[");
		for (ref = pgdat->node_zonelists[ZONELIST_FALLBACK]; ref && ref->zone; ref++) {
			int n = zone_to_nid(ref->zone);

			if (!(seen >> n & 1))
				put_num(j, NULL, n);
			seen |= 1ULL << n;
		}
		end(j, "]");
		put_zonelist(j, "fallback", pgdat->node_zonelists[ZONELIST_FALLBACK]);
		put_zonelist(j, "nofallback", pgdat->node_zonelists[ZONELIST_NOFALLBACK]);
		end(j, "}");
	}
	end(j, "]");
}

static void put_linear_map(struct json *j)
{
	struct linear_map_stats s;
	char name[24];

	linear_map_stats(&s);
	begin_flat(j, "linear_map");
	for (unsigned int i = 0; i < s.nr_blocks; i++) {
		quire_snprintf(name, sizeof(name), "0x%llx", (unsigned long long)s.block[i].size);
		put_num(j, name, (long long)s.block[i].count);
	}
	put_num(j, "table_pages", (long long)s.table_pages);
	end_flat(j);
}

static void put_layout(struct json *j)
{
	struct layout_area areas[MAX_LAYOUT_AREAS];
	unsigned int n = layout_areas(areas);

	begin(j, "virtual_layout", "[");
	for (unsigned int i = 0; i < n; i++) {
		begin(j, NULL, "{");
		put_str(j, "name", areas[i].name);
		put_hex(j, "start", areas[i].start);
		put_hex(j, "end", areas[i].end);
		put_hex(j, "size", areas[i].end - areas[i].start);
		end(j, "}");
	}
	end(j, "]");
}

static void put_buddy(struct json *j)
{
	struct zone *z;

	begin(j, "buddy", "[");
	for_each_populated_zone(z)
	{
		begin(j, NULL, "{");
		put_num(j, "node", zone_to_nid(z));
		put_str(j, "zone", z->name);
		put_num(j, "deferred_pages", (long long)z->deferred_pages);
		begin(j, "free", "[");
		for (int i = 0; i < NR_PAGE_ORDERS; i++)
			put_num(j, NULL, (long long)zone_free_blocks(z, (unsigned int)i));
		end(j, "]");
		end(j, "}");
	}
	end(j, "]");
}

static void put_event(struct json *j, const struct event *e)
{
	unsigned long offset = 0, size = 0;
	const char *caller;

	begin(j, NULL, "{");
	put_str(j, "op", event_op_name(e->op));
	if (e->op == EVENT_STEP) {
		put_str(j, "name", e->name);
		end(j, "}");
		return;
	}
	put_hex(j, "base", e->base);
	put_hex(j, "size", e->size);
	if (e->op == EVENT_ALLOC) {
		put_hex(j, "align", e->align);
		put_hex(j, "min", e->min);
		put_hex(j, "max", e->max);
	}
	put_num(j, "nid", plain_nid(e->nid));
	put_flags(j, e->flags);
	caller = e->ip ? port_symbolize(e->ip, &offset, &size) : NULL;
	if (caller) {
		put_str(j, "caller", caller);
		put_hex(j, "offset", offset);
	}
	end(j, "}");
}

static void put_events(struct json *j)
{
	begin(j, "events", "[");
	for (u32 i = 0; i < event_log.nr; i++) {
		const struct event *e = &event_log.events[i];

		if (e->op != EVENT_CONFIG_MEMORY && e->op != EVENT_CONFIG_RESERVED)
			put_event(j, e);
	}
	end(j, "]");
	put_num(j, "events_dropped", event_log.dropped);
}

static void put_machine(struct json *j)
{
	begin_flat(j, "kernel");
	put_hex(j, "base", boot_params.image.phys);
	put_hex(j, "size", boot_params.image.size);
	put_hex(j, "kva", boot_params.image.kva);
	end_flat(j);
	begin_flat(j, "fdt");
	put_hex(j, "base", boot_params.fdt_phys);
	end_flat(j);
	begin_flat(j, "initrd");
	put_hex(j, "base", phys_initrd_start);
	put_hex(j, "size", phys_initrd_size);
	end_flat(j);
	begin_flat(j, "crashkernel");
	put_hex(j, "base", crash_res.base);
	put_hex(j, "size", crash_res.size);
	put_hex(j, "low_base", crash_res.low_base);
	put_hex(j, "low_size", crash_res.low_size);
	end_flat(j);
}

int report_json(struct out *out, const char *panic_text)
{
	struct json j = {.out = out, .first = true};

	begin(&j, NULL, "{");
	put_num(&j, "page_size", PAGE_SIZE);
	put_num(&j, "struct_page_size", sizeof(struct page));
	put_num(&j, "va_bits", va_layout.va_bits);
	put_hex(&j, "memstart_addr", (u64)memstart_addr);
	if (panic_text)
		put_str(&j, "panic", panic_text);
	put_str(&j, "model", machine_model ? machine_model : "");
	put_str(&j, "command_line", boot_command_line);
	put_machine(&j);
	put_memblock_config(&j, "memory", EVENT_CONFIG_MEMORY, &memblock.memory);
	put_memblock_config(&j, "reserved", EVENT_CONFIG_RESERVED, &memblock.reserved);
	put_reserved_mem(&j);
	if (!panic_text) {
		put_memblock_now(&j, "memory_final", &memblock.memory);
		put_memblock_now(&j, "reserved_final", &memblock.reserved);
		put_nodes(&j);
		put_num(&j, "min_free_kbytes", min_free_kbytes);
		put_zones(&j);
		put_cma(&j);
		put_zonelists(&j);
		put_linear_map(&j);
		put_layout(&j);
		put_buddy(&j);
	}
	put_events(&j);
	end(&j, "}");
	out_puts(out, "\n");
	return out->error;
}
