// SPDX-License-Identifier: MIT
/*
 * The model of a map: memblock replayed from the document's events, so that every reservation has an owner.
 *
 * A reservation belongs to what has a name there (image, initrd, node of /reserved-memory, CMA, ...), else to the function
 * that asked for it; where two reserve the same, the first has it. The replay ends where memblock hands over: what is
 * freed later (init code, the initrd) was reserved. cmd/quire/map/model.js does the same for the HTML report, there
 * moment by moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map_model.h"

const char *const map_kind_names[MAP_KINDS] = {
	[MAP_NOMAP] = "no-map",
	[MAP_KERNEL] = "kernel image",
	[MAP_CRASH] = "crash kernel",
	[MAP_FDT] = "device tree",
	[MAP_INITRD] = "initrd",
	[MAP_CMA] = "CMA",
	[MAP_FIRMWARE] = "reserved by the tree",
	[MAP_PERCPU] = "per-CPU memory",
	[MAP_DMA] = "bounce buffers",
	[MAP_TABLES] = "page tables",
	[MAP_MEMMAP] = "struct pages",
	[MAP_BOOT] = "boot allocations",
	[MAP_FREE] = "free",
	[MAP_HOLE] = "hole",
};

char *map_size(char buf[MAP_SIZE_MAX], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned int u = 0, tenth = 0;
	uint64_t v = bytes;

	for (; v >= 1024 && u < 6; u++) {
		tenth = (unsigned int)(v % 1024 * 10 / 1024);
		v /= 1024;
	}
	if (v < 100 && tenth)
		snprintf(buf, MAP_SIZE_MAX, "%llu.%u %s", (unsigned long long)v, tenth, units[u]);
	else
		snprintf(buf, MAP_SIZE_MAX, "%llu %s", (unsigned long long)v, units[u]);
	return buf;
}

/* ------------------------------------------------------------------ lists */

static void no_memory(void)
{
	fputs("quire: no memory\n", stderr);
	exit(2);
}

/* Room for n more; what is at and behind `at` moves up. */
static struct map_range *insert(struct map_list *l, size_t at, size_t n)
{
	if (l->nr + n > l->max) {
		l->max = (l->nr + n) * 2 + 32;
		l->r = realloc(l->r, l->max * sizeof(*l->r));
		if (!l->r)
			no_memory();
	}
	if (at < l->nr)
		memmove(&l->r[at + n], &l->r[at], (l->nr - at) * sizeof(*l->r));
	l->nr += n;
	return &l->r[at];
}

static void append(struct map_list *l, const struct map_range *r)
{
	if (r->end > r->base)
		*insert(l, l->nr, 1) = *r;
}

size_t map_first_above(const struct map_list *l, uint64_t at)
{
	size_t low = 0, high = l->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->r[mid].end > at)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

const struct map_range *map_find(const struct map_list *l, uint64_t at)
{
	size_t i = map_first_above(l, at);

	return i < l->nr && l->r[i].base <= at ? &l->r[i] : NULL;
}

uint64_t map_covered(const struct map_list *l, uint64_t base, uint64_t end)
{
	uint64_t sum = 0;

	for (size_t i = map_first_above(l, base); i < l->nr && l->r[i].base < end; i++) {
		uint64_t a = l->r[i].base > base ? l->r[i].base : base;
		uint64_t b = l->r[i].end < end ? l->r[i].end : end;

		sum += b - a;
	}
	return sum;
}

/* What is in [base, end) goes. */
static void cut(struct map_list *l, uint64_t base, uint64_t end)
{
	size_t i = map_first_above(l, base), j;

	if (base >= end || i == l->nr)
		return;
	if (l->r[i].base < base) {
		struct map_range *r;

		if (l->r[i].end > end) {
			r = insert(l, i + 1, 1);
			*r = l->r[i];
			r->base = end;
			l->r[i].end = base;
			return;
		}
		l->r[i++].end = base;
	}
	for (j = i; j < l->nr && l->r[j].end <= end; j++)
		;
	if (j < l->nr && l->r[j].base < end)
		l->r[j].base = end;
	memmove(&l->r[i], &l->r[j], (l->nr - j) * sizeof(*l->r));
	l->nr -= j - i;
}

/* r where nothing was yet; neighbours of the same owner become one. */
static void fill(struct map_list *l, struct map_range r)
{
	const uint64_t end = r.end;
	size_t i = map_first_above(l, r.base);

	while (r.base < end) {
		struct map_range *before = i ? &l->r[i - 1] : NULL;

		if (i < l->nr && l->r[i].base <= r.base) {
			r.base = l->r[i++].end;
			continue;
		}
		r.end = i < l->nr && l->r[i].base < end ? l->r[i].base : end;
		if (before && before->end == r.base && before->who == r.who &&
		    before->kind == r.kind && before->by == r.by) {
			before->end = r.end;
		} else if (i < l->nr && l->r[i].base == r.end && l->r[i].who == r.who &&
			   l->r[i].kind == r.kind && l->r[i].by == r.by) {
			l->r[i].base = r.base;
		} else {
			*insert(l, i, 1) = r;
			i++;
		}
		r.base = r.end;
	}
}

/* ------------------------------------------------------------------ what has a name */

static struct map_range range_of(const struct json *j, const char *base, const char *size)
{
	struct map_range r = {
		.base = json_num(j, base), .nid = -1, .who = "", .by = "", .step = ""};

	if (__builtin_add_overflow(r.base, json_num(j, size), &r.end))
		r.end = UINT64_MAX;
	return r;
}

static void add_known(struct map_list *l, const struct json *j, enum map_kind kind, const char *who)
{
	struct map_range r = range_of(j, "base", "size");

	r.kind = kind;
	r.who = who;
	append(l, &r);
}

static void find_known(struct map_model *m)
{
	const struct json *doc = m->doc, *e;
	struct map_list *l = &m->known;
	struct map_range r;

	add_known(l, json_get(doc, "kernel"), MAP_KERNEL, "kernel image");
	json_each(e, json_get(doc, "cma"))
	{
		char *name = NULL;

		if (m->nr_cma < MAP_MAX_CMA &&
		    asprintf(&name, "CMA area \"%s\"", json_str(e, "name")) >= 0)
			m->cma_names[m->nr_cma++] = name;
		else
			name = NULL;
		add_known(l, e, MAP_CMA, name ? name : "CMA area");
	}
	json_each(e, json_get(doc, "reserved_mem"))
	{
		const struct json *nomap = json_get(e, "nomap"), *refused = json_get(e, "refused");

		if (!refused || !refused->truth)
			add_known(l, e, nomap && nomap->truth ? MAP_NOMAP : MAP_FIRMWARE,
				  json_str(e, "name"));
	}
	add_known(l, json_get(doc, "initrd"), MAP_INITRD, "initrd");
	add_known(l, json_get(doc, "crashkernel"), MAP_CRASH, "crash kernel");
	r = range_of(json_get(doc, "crashkernel"), "low_base", "low_size");
	r.kind = MAP_CRASH;
	r.who = "crash kernel, low";
	append(l, &r);
	json_each(e, json_get(doc, "nodes"))
	{
		r = range_of(e, "data", "data_size");
		r.kind = MAP_BOOT;
		r.who = "NODE_DATA";
		append(l, &r);
	}
	add_known(l, json_get(doc, "swiotlb"), MAP_DMA, "bounce buffers (swiotlb)");
}

static const struct map_range *known_at(const struct map_model *m, uint64_t at)
{
	for (size_t i = 0; i < m->known.nr; i++)
		if (m->known.r[i].base <= at && at < m->known.r[i].end)
			return &m->known.r[i];
	return NULL;
}

/* Who asks for what, by the beginning of the function's name. */
static const struct {
	const char *caller;
	enum map_kind kind;
	const char *who;
} askers[] = {
	{"early_pgtable_alloc", MAP_TABLES, "page tables of the linear map"},
	{"__earlyonly_bootmem_alloc", MAP_MEMMAP, "struct pages: tables and blocks"},
	{"memmap_alloc", MAP_MEMMAP, "memory map"},
	{"sparse_", MAP_MEMMAP, "memory map"},
	{"pcpu_", MAP_PERCPU, "per-CPU memory"},
	{"setup_per_cpu_areas", MAP_PERCPU, "per-CPU memory"},
	{"swiotlb", MAP_DMA, "bounce buffers (swiotlb)"},
	{"kfence", MAP_BOOT, "KFENCE"},
	{"reserve_crashkernel", MAP_CRASH, "crash kernel"},
	{"cma_declare_contiguous", MAP_CMA, "CMA"},
	{"fdt_scan_reserved_mem", MAP_FIRMWARE, "reserved by the tree"},
	{"early_init_fdt_scan_reserved_mem", MAP_FIRMWARE, "/memreserve/"},
	{"early_init_dt_alloc_memory_arch", MAP_BOOT, "unflattened device tree"},
	{"alloc_large_system_hash", MAP_BOOT, "hash table"},
	{"setup_log_buf", MAP_BOOT, "log buffer"},
	{"paging_init", MAP_BOOT, "KFENCE pool"},
};

/* The tables and the memory map may lie in a place that has a name; others are what has the name. */
#define ASKERS_FIRST 6

static void attribute(const struct map_model *m, struct map_range *r)
{
	const struct map_range *known = known_at(m, r->base);
	size_t i;

	for (i = 0; i < sizeof(askers) / sizeof(askers[0]); i++)
		if (!strncmp(r->by, askers[i].caller, strlen(askers[i].caller)))
			break;
	if (known && i >= ASKERS_FIRST) {
		r->kind = known->kind;
		r->who = known->who;
	} else if (i < sizeof(askers) / sizeof(askers[0])) {
		r->kind = askers[i].kind;
		r->who = askers[i].who;
	} else if (r->base == json_num(json_get(m->doc, "fdt"), "base")) {
		r->kind = MAP_FDT;
		r->who = "device tree";
	} else {
		r->kind = MAP_BOOT;
		r->who = *r->by ? r->by : r->step;
	}
}

/* ------------------------------------------------------------------ the replay */

struct replay {
	struct map_model *m;
	const char *step,
		*asked; /* the function that is running, and the one whose request is being served */
};

static bool is_request(const char *op)
{
	return !strncmp(op, "alloc", 5) || !strcmp(op, "phys_alloc_range");
}

/* More repetitions than this with gaps between them are shown without the gaps. */
#define MAX_SPREAD 20000

static void one_event(struct replay *p, const struct json *e, uint64_t n, int64_t stride)
{
	const char *op = json_str(e, "op"), *caller = json_str(e, "caller");
	struct map_range r = range_of(e, "base", "size");
	uint64_t size = r.end - r.base;

	if (stride == INT64_MIN)
		stride = 0;

	if (is_request(op)) {
		p->asked = caller;
		return;
	}
	if (!strcmp(op, "reserve")) {
		r.by = p->asked && *p->asked ? p->asked : caller;
		if (!strcmp(r.by, "memblock_alloc_range_nid"))
			r.by = "";
		r.step = p->step;
		attribute(p->m, &r);
		if (n > 1 && ((uint64_t)llabs(stride) == size || n > MAX_SPREAD)) {
			uint64_t last = r.base + (n - 1) * (uint64_t)stride;

			r.base = last < r.base ? last : r.base;
			r.end = r.base + (n - 1) * (uint64_t)llabs(stride) + size;
			n = 1;
		}
		for (; n; n--, r.base += (uint64_t)stride, r.end += (uint64_t)stride)
			fill(&p->m->claims, r);
	} else if (!strcmp(op, "free") || !strcmp(op, "phys_free")) {
		for (n = n < MAX_SPREAD ? n : MAX_SPREAD; n;
		     n--, r.base += (uint64_t)stride, r.end += (uint64_t)stride)
			cut(&p->m->claims, r.base, r.end);
	}
	p->asked = NULL;
}

static void replay(struct map_model *m)
{
	const struct json *steps = json_get(m->doc, "steps"), *s = steps ? steps->first : NULL;
	struct replay p = {.m = m, .step = ""};
	const struct json *e, *sub;
	uint64_t at = 0;

	json_each(e, json_get(m->doc, "events"))
	{
		const char *op = json_str(e, "op");

		for (; s && json_num(s, "at") <= at; s = s->next)
			if (!strcmp(json_str(s, "op"), "step"))
				p.step = json_str(s, "name");
		at++;
		if (!strcmp(op, "step"))
			p.step = json_str(e, "name");
		if (!strcmp(p.step, "memblock_free_all") || !strncmp(p.step, "free_init", 9))
			return;
		if (strcmp(op, "repeat") != 0) {
			one_event(&p, e, 1, 0);
			continue;
		}
		json_each(sub, json_get(e, "events"))
			one_event(&p, sub, json_num(e, "count"), (int64_t)json_num(e, "stride"));
	}
}

/* ------------------------------------------------------------------ the rest of the document */

static uint32_t flag_bits(const struct json *flags)
{
	static const char *const names[] = {"HOTPLUG", "MIRROR", "NOMAP", "DRIVER_MANAGED",
					    "RSRV_NOINIT"};
	const struct json *e;
	uint32_t bits = 0;

	if (!flags || flags->type != JSON_ARRAY)
		return (uint32_t)json_number(flags, 0);
	json_each(e, flags) for (unsigned int i = 0; i < 5;
				 i++) if (!strcmp(json_text(e, ""), names[i])) bits |= 1U << i;
	return bits;
}

static int compare_base(const void *a, const void *b)
{
	const struct map_range *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static void sort(struct map_list *l)
{
	if (l->nr)
		qsort(l->r, l->nr, sizeof(*l->r), compare_base);
}

static void read_memory(struct map_model *m)
{
	const char *const keys[] = {"final_memory", "memory_final", "memory"};
	const struct json *list = NULL, *e;

	for (unsigned int i = 0; i < 3 && !list; i++)
		list = json_get(m->doc, keys[i]);
	json_each(e, list)
	{
		struct map_range r = range_of(e, "base", "size");

		r.nid = (int)json_num(e, "nid");
		r.flags = flag_bits(json_get(e, "flags"));
		r.kind = r.flags & MAP_FLAG_NOMAP ? MAP_NOMAP : MAP_FREE;
		append(&m->memory, &r);
	}
	sort(&m->memory);
}

static void read_linear(struct map_model *m)
{
	const struct json *e;
	uint64_t start = 0, end = 0;

	json_each(e, json_get(m->doc, "virtual_layout")) if (!strcmp(json_str(e, "name"),
								     "linear map"))
	{
		start = json_num(e, "start");
		end = json_num(e, "end");
	}
	json_each(e, json_get(m->doc, "mappings"))
	{
		struct map_range r = range_of(e, "pa", "size");

		r.va = json_num(e, "va");
		r.block = json_num(e, "block");
		r.prot = json_str(e, "prot");
		r.cont = json_get(e, "cont");
		if (r.va >= start && r.va < end)
			append(&m->linear, &r);
	}
	sort(&m->linear);
}

static void read_zones(struct map_model *m)
{
	const struct json *list = json_get(m->doc, "zones"), *e;
	size_t n = 0;

	json_each(e, list) n++;
	m->zones = calloc(n + 1, sizeof(*m->zones));
	if (!m->zones)
		no_memory();
	json_each(e, list)
	{
		struct map_zone *z = &m->zones[m->nr_zones];

		if (!json_num(e, "spanned"))
			continue;
		z->name = json_get(e, "zone") ? json_str(e, "zone") : json_str(e, "name");
		z->node = (int)json_num(e, "node");
		z->base = json_num(e, "start_pfn") * m->page;
		z->end = z->base + json_num(e, "spanned") * m->page;
		z->present = json_num(e, "present");
		z->managed = json_num(e, "managed");
		z->min = json_num(e, "min");
		z->low = json_num(e, "low");
		z->high = json_num(e, "high");
		m->nr_zones++;
	}
	json_each(e, json_get(m->doc, "nodes")) m->nr_nodes++;
}

const char *map_model_init(struct map_model *m, const struct json *doc)
{
	const struct json *e;

	*m = (struct map_model){.doc = doc};
	if (!json_get(doc, "memory") || !json_get(doc, "events"))
		return "not a document of quire boot --json or quire predict --json";
	m->page = json_number(json_get(doc, "page_size"), 4096);
	if (m->page != 4096 && m->page != 16384 && m->page != 65536)
		return "page_size is not 4096, 16384 or 65536";
	m->section = json_number(json_get(doc, "section_size"),
				 m->page == 65536 ? 1ULL << 29 : 1ULL << 27);
	m->board = *json_str(doc, "model") ? json_str(doc, "model") : "Unnamed board";
	m->release = json_str(doc, "release");
	m->panic = json_text(json_get(doc, "panic"), NULL);
	read_memory(m);
	/* What no processor has would also not fit the arithmetic of those who draw. */
	if (m->memory.nr && m->memory.r[m->memory.nr - 1].end > MAP_ADDRESS_MAX)
		return "memory beyond 56 bits of address";
	find_known(m);
	replay(m);
	read_linear(m);
	read_zones(m);
	m->total = map_covered(&m->memory, 0, UINT64_MAX);
	for (size_t i = 0; i < m->memory.nr; i++)
		m->reserved += map_covered(&m->claims, m->memory.r[i].base, m->memory.r[i].end);
	json_each(e, json_get(doc, "table_pages")) m->tables += json_number(e, 0) * m->page;
	json_each(e, json_get(doc, "cma")) m->cma += json_num(e, "size");
	m->digits = 8;
	while (m->memory.nr && m->digits < 16 &&
	       (m->memory.r[m->memory.nr - 1].end - 1) >> 4 * m->digits)
		m->digits++;
	return NULL;
}

void map_model_free(struct map_model *m)
{
	free(m->memory.r);
	free(m->claims.r);
	free(m->known.r);
	free(m->linear.r);
	free(m->zones);
	for (size_t i = 0; i < m->nr_cma; i++)
		free(m->cma_names[i]);
}

enum map_kind map_classify(const struct map_model *m, uint64_t base, uint64_t end,
			   unsigned int *share)
{
	uint64_t sum[MAP_KINDS] = {0}, ram = 0;
	enum map_kind kind = MAP_HOLE;
	const struct map_list *l = &m->memory;

	for (size_t i = map_first_above(l, base); i < l->nr && l->r[i].base < end; i++) {
		uint64_t a = l->r[i].base > base ? l->r[i].base : base;
		uint64_t b = l->r[i].end < end ? l->r[i].end : end;

		ram += b - a;
		if (l->r[i].flags & MAP_FLAG_NOMAP)
			sum[MAP_NOMAP] += b - a;
	}
	l = &m->claims;
	for (size_t i = map_first_above(l, base); ram && i < l->nr && l->r[i].base < end; i++) {
		uint64_t a = l->r[i].base > base ? l->r[i].base : base;
		uint64_t b = l->r[i].end < end ? l->r[i].end : end;

		sum[l->r[i].kind] += b - a;
	}
	*share = 0;
	if (!ram)
		return MAP_HOLE;
	for (kind = 0; kind < MAP_FREE && !sum[kind]; kind++)
		;
	*share = kind == MAP_FREE ? 256 : (unsigned int)(sum[kind] / ((end - base + 255) / 256));
	return kind;
}
