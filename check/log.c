// SPDX-License-Identifier: MIT
/*
 * A kernel's log read into figures, see log.h.
 *
 * Each line that memory's bring-up prints has one reader in the table; it gets what follows the words that the line is known
 * by. Nothing of a line is trusted: numbers that do not parse leave the line out.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

typedef unsigned long long ull;

static void put(struct facts *f, enum fact_unit unit, uint64_t value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void put(struct facts *f, enum fact_unit unit, uint64_t value, const char *fmt, ...)
{
	struct fact *more = f->fact, new = {.value = value, .unit = unit};
	va_list args;

	va_start(args, fmt);
	vsnprintf(new.name, sizeof(new.name), fmt, args);
	va_end(args);
	/* A line that comes twice (two consoles): the first counts. */
	if (fact_find(f, new.name))
		return;
	if (!(f->nr & (f->nr - 1)))
		more = realloc(f->fact, (f->nr ? f->nr * 2 : 1) * sizeof(*more));
	if (!more)
		return;
	f->fact = more;
	f->fact[f->nr++] = new;
}

static void put_range(struct facts *f, const char *name, uint64_t base, uint64_t size)
{
	put(f, FACT_ADDRESS, base, "%s base", name);
	put(f, FACT_BYTES, size, "%s size", name);
}

/* ------------------------------------------------------------------ lines */

/* [0xFIRST-0xLAST] or [mem 0xFIRST-0xLAST], somewhere in s. */
static bool range(const char *s, uint64_t *base, uint64_t *size)
{
	ull first, last;

	s = strchr(s, '[');
	if (!s)
		return false;
	s++;
	if (!strncmp(s, "mem ", 4))
		s += 4;
	if (sscanf(s, "0x%llx-0x%llx]", &first, &last) != 2 || last < first || last == ~0ULL)
		return false;
	*base = first;
	*size = last - first + 1;
	return true;
}

static void version(struct boot_log *l, const char *s)
{
	if (!l->release)
		l->release = strndup(s, strcspn(s, " "));
}

static void command_line(struct boot_log *l, const char *s)
{
	if (!l->args)
		l->args = strdup(s);
}

static void cpu(struct boot_log *l, const char *s)
{
	const char *p = strchr(s, '[');

	if (p && !l->midr)
		l->midr = strtoull(p + 1, NULL, 16);
}

static void memblock_reserve(struct boot_log *l, const char *s)
{
	uint64_t base, size;

	if (!range(s, &base, &size))
		return;
	/* The tree first; the image last in arm64_memblock_init, and before paging_init. */
	if (strstr(s, "] setup_arch") || strstr(s, "] early_init_dt_verify")) {
		if (l->dtb == NO_FACT)
			l->dtb = base;
	} else if (strstr(s, "] arm64_memblock_init")) {
		l->image = base;
		l->image_size = size;
	}
}

static void config(struct boot_log *l, const char *list, const char *s)
{
	uint64_t base, size;
	char name[32];
	unsigned int i;

	/* "memory[0x0]	[0x...-0x...], ..." */
	if (sscanf(s, "[0x%x]", &i) != 1 || i > 65535 || !strchr(s, ']') ||
	    !range(strchr(s, ']'), &base, &size))
		return;
	l->debug = true;
	snprintf(name, sizeof(name), "%s[%u]", list, i);
	put_range(&l->facts, name, base, size);
}

static void config_memory(struct boot_log *l, const char *s)
{
	config(l, "memory", s);
}

static void config_reserved(struct boot_log *l, const char *s)
{
	config(l, "reserved", s);
}

/* "  node   0: [mem ...]": a region in whole pages; the configuration, which comes later, has the bytes. */
static void node_range(struct boot_log *l, const char *s)
{
	uint64_t base, size;
	char name[32];

	if (!isdigit((unsigned char)s[strspn(s, " ")]) || !range(s, &base, &size))
		return;
	snprintf(name, sizeof(name), "pages[%u]", l->node_ranges++);
	put_range(&l->facts, name, base, size);
}

static void node_data(struct boot_log *l, const char *s)
{
	uint64_t base, size;
	unsigned int node;
	char name[32];

	if (sscanf(s, "%u) allocated", &node) != 1 || !range(s, &base, &size))
		return;
	snprintf(name, sizeof(name), "NODE_DATA(%u)", node);
	put_range(&l->facts, name, base, size);
}

static void cma_reserved(struct boot_log *l, const char *s)
{
	ull mib, base;
	char name[32];

	if (sscanf(s, "%llu MiB at 0x%llx", &mib, &base) != 2 || mib > 1ULL << 40)
		return;
	snprintf(name, sizeof(name), "CMA area at 0x%llx", base);
	put(&l->facts, FACT_BYTES, mib << 20, "%s", l->cma ? name : "CMA size");
	if (!l->cma++)
		put(&l->facts, FACT_ADDRESS, base, "CMA base");
}

static void cma_failed(struct boot_log *l, const char *s)
{
	(void)s;
	put(&l->facts, FACT_BYTES, 0, "CMA size");
	l->cma++;
}

static void crash(struct boot_log *l, const char *name, const char *s)
{
	ull base, end;

	if (sscanf(s, "0x%llx - 0x%llx", &base, &end) == 2 && end > base)
		put_range(&l->facts, name, base, end - base);
}

static void crash_high(struct boot_log *l, const char *s)
{
	crash(l, "crash kernel", s);
}

static void crash_low(struct boot_log *l, const char *s)
{
	crash(l, "crash kernel low", s);
}

static void percpu(struct boot_log *l, const char *s)
{
	ull pages, fixed, reserved, dyn, unit;
	int n = sscanf(s, "%llu pages/cpu s%llu r%llu d%llu u%llu", &pages, &fixed, &reserved, &dyn,
		       &unit);

	if (n < 4)
		return;
	put(&l->facts, FACT_COUNT, pages, "percpu pages");
	put(&l->facts, FACT_BYTES, fixed, "percpu static");
	put(&l->facts, FACT_BYTES, reserved, "percpu reserved");
	put(&l->facts, FACT_BYTES, dyn, "percpu dynamic");
	if (n == 5)
		put(&l->facts, FACT_BYTES, unit, "percpu unit");
}

static void hash(struct boot_log *l, const char *name, const char *s)
{
	ull entries, bytes;
	unsigned int order;

	if (sscanf(s, "%llu (order: %u, %llu bytes", &entries, &order, &bytes) != 3)
		return;
	put(&l->facts, FACT_COUNT, entries, "%s entries", name);
	put(&l->facts, FACT_BYTES, bytes, "%s size", name);
}

static void dentries(struct boot_log *l, const char *s)
{
	hash(l, "Dentry cache", s);
}

static void inodes(struct boot_log *l, const char *s)
{
	hash(l, "Inode-cache", s);
}

static void zonelists(struct boot_log *l, const char *s)
{
	const char *p = strstr(s, "Total pages: ");
	unsigned int lists;
	ull pages;

	if (sscanf(s, "%u zonelists", &lists) == 1)
		put(&l->facts, FACT_COUNT, lists, "zonelists");
	if (p && sscanf(p, "Total pages: %llu", &pages) == 1)
		put(&l->facts, FACT_COUNT, pages, "total pages");
}

static void swiotlb(struct boot_log *l, const char *s)
{
	ull base, end;

	if (sscanf(s, "[mem 0x%llx-0x%llx]", &base, &end) == 2 && end > base)
		put_range(&l->facts, "swiotlb", base, end - base);
}

/* "991168K/1048576K available (14144K kernel code, ...)" */
static void memory_line(struct boot_log *l, const char *s)
{
	static const struct {
		const char *words, *name;
	} parts[] = {
		{"K kernel code", "kernel code"},
		{"K rwdata", "rwdata"},
		{"K rodata", "rodata"},
		{"K init", "init"},
		{"K bss", "bss"},
		{"K reserved", "reserved memory"},
		{"K cma-reserved", "cma-reserved"},
	};
	ull available, total;

	if (sscanf(s, "%lluK/%lluK available", &available, &total) != 2)
		return;
	put(&l->facts, FACT_KIB, total, "total memory");
	put(&l->facts, FACT_KIB, available, "available memory");
	l->facts.fact[l->facts.nr - 1].margin = total / 1000;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *p = strstr(s, parts[i].words), *start = p;

		while (start && start > s && isdigit((unsigned char)start[-1]))
			start--;
		if (!p || start == p)
			continue;
		put(&l->facts, FACT_KIB, strtoull(start, NULL, 10), "%s", parts[i].name);
		if (!strcmp(parts[i].name, "reserved memory"))
			l->facts.fact[l->facts.nr - 1].margin = total / 1000;
	}
}

/* "0x..b..0x..e (N KiB) nomap non-reusable NAME" */
static void reserved_mem(struct boot_log *l, const char *s)
{
	ull first, last, kib;
	char map[8], kind[16], name[48];

	if (sscanf(s, "0x%llx..0x%llx (%llu KiB) %7s %15s %47s", &first, &last, &kib, map, kind,
		   name) == 6 &&
	    last >= first)
		put_range(&l->facts, name, first, last - first + 1);
}

static const struct {
	const char *words;
	void (*read)(struct boot_log *l, const char *s);
} lines[] = {
	{"Linux version ", version},
	{"Kernel command line: ", command_line},
	{"Booting Linux on physical CPU ", cpu},
	{"memblock_reserve: ", memblock_reserve},
	{" memory", config_memory},
	{" reserved", config_reserved},
	{"  node  ", node_range},
	{"NODE_DATA(", node_data},
	{"cma: Reserved ", cma_reserved},
	{"cma: Failed to reserve ", cma_failed},
	{"crashkernel reserved: ", crash_high},
	{"crashkernel low memory reserved: ", crash_low},
	{"percpu: Embedded ", percpu},
	{"Dentry cache hash table entries: ", dentries},
	{"Inode-cache hash table entries: ", inodes},
	{"Built ", zonelists},
	{"software IO TLB: mapped ", swiotlb},
	{"Memory: ", memory_line},
	{"OF: reserved mem: ", reserved_mem},
};

/* Behind a journal's prefix, a level and the time: "Nov 25 10:00:00 host kernel: <6>[    0.000000] ". */
static const char *message(const char *s)
{
	const char *p = strstr(s, "kernel: ");

	if (p)
		s = p + 8;
	if (*s == '<' && isdigit((unsigned char)s[1]) && strchr(s, '>') && strchr(s, '>') - s < 5)
		s = strchr(s, '>') + 1;
	p = s + strspn(s, " ");
	if (*p == '[') {
		const char *end = strchr(p, ']');

		if (end && strspn(p + 1, " 0123456789.TC") == (size_t)(end - p - 1))
			s = end[1] == ' ' ? end + 2 : end + 1;
	}
	return s;
}

bool log_read(struct boot_log *l, const char *text, size_t size)
{
	static const char begins[] = "Booting Linux on physical CPU ";
	const char *nul = memchr(text, 0, size);
	char line[2400];

	*l = (struct boot_log){.dtb = NO_FACT};
	if (nul) {
		l->why = "not text";
		l->bad_at = (size_t)(nul - text);
		return false;
	}
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t n = strcspn(p, "\r\n");
		const char *s;

		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1),
			 p);
		s = message(line);
		/* A log of several boots: the first counts. */
		if (l->facts.nr && !strncmp(s, begins, strlen(begins)))
			break;
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			if (!strncmp(s, lines[i].words, strlen(lines[i].words)))
				lines[i].read(l, s + strlen(lines[i].words));
	}
	if (!l->facts.nr) {
		l->why = "no line of a kernel's boot in it";
		l->bad_at = size;
		return false;
	}
	return true;
}

void log_free(struct boot_log *l)
{
	free(l->release);
	free(l->args);
	facts_free(&l->facts);
}

/* ------------------------------------------------------------------ the prediction's */

static void facts_of_memory(struct facts *to, const struct forecast *f, uint64_t page)
{
	uint64_t start, end;
	size_t whole = 0;
	char name[64];

	for (size_t i = 0; i < f->nr_memory; i++) {
		const struct forecast_region *r = &f->memory[i];

		snprintf(name, sizeof(name), "memory[%zu]", i);
		put_range(to, name, r->base, r->size);
		start = (r->base + page - 1) & ~(page - 1);
		end = (r->base + r->size) & ~(page - 1);
		/* One that holds no whole page is not said. */
		if (end <= start)
			continue;
		snprintf(name, sizeof(name), "pages[%zu]", whole++);
		put_range(to, name, start, end - start);
	}
	for (size_t i = 0; i < f->nr_reserved; i++) {
		snprintf(name, sizeof(name), "reserved[%zu]", i);
		put_range(to, name, f->reserved[i].base, f->reserved[i].size);
	}
	for (size_t i = 0; i < f->nr_rsv; i++)
		put_range(to, f->rsv[i].name, f->rsv[i].base, f->rsv[i].size);
}

static void facts_of_areas(struct facts *to, const struct forecast *f)
{
	const struct forecast_cma *own = NULL;
	const struct json *v = json_get(f->root, "swiotlb");

	/* Pools of the tree are said in other lines. */
	for (size_t i = 0; i < f->nr_cma && !own; i++)
		if (!strcmp(f->cma[i].name, "reserved"))
			own = &f->cma[i];
	put(to, FACT_BYTES, own ? own->size : 0, "CMA size");
	if (own)
		put(to, FACT_ADDRESS, own->base, "CMA base");
	if (f->crash.size)
		put_range(to, "crash kernel", f->crash.base, f->crash.size);
	if (f->crash_low.size)
		put_range(to, "crash kernel low", f->crash_low.base, f->crash_low.size);
	if (json_num(v, "size"))
		put_range(to, "swiotlb", json_num(v, "base"), json_num(v, "size"));
}

void facts_of(struct facts *to, const struct forecast *f)
{
	static const struct {
		const char *key, *name;
	} parts[] = {
		{"total_k", "total memory"},
		{"available_k", "available memory"},
		{"kernel_code_k", "kernel code"},
		{"rwdata_k", "rwdata"},
		{"rodata_k", "rodata"},
		{"init_k", "init"},
		{"bss_k", "bss"},
		{"reserved_k", "reserved memory"},
		{"cma_reserved_k", "cma-reserved"},
	};
	const struct json *v, *e;
	char name[64];

	*to = (struct facts){0};
	facts_of_memory(to, f,
			json_num(f->root, "page_size") ? json_num(f->root, "page_size") : 4096);
	facts_of_areas(to, f);
	if (f->panic)
		return;
	v = json_get(f->root, "nodes");
	json_each(e, v)
	{
		snprintf(name, sizeof(name), "NODE_DATA(%u)", (unsigned int)json_num(e, "node"));
		put_range(to, name, json_num(e, "data"), json_num(e, "data_size"));
	}
	v = json_get(f->root, "percpu");
	put(to, FACT_COUNT, json_num(v, "pages"), "percpu pages");
	put(to, FACT_BYTES, json_num(v, "static"), "percpu static");
	put(to, FACT_BYTES, json_num(v, "reserved"), "percpu reserved");
	put(to, FACT_BYTES, json_num(v, "dyn"), "percpu dynamic");
	put(to, FACT_BYTES, json_num(v, "unit"), "percpu unit");
	v = json_get(f->root, "hash_tables");
	json_each(e, v)
	{
		put(to, FACT_COUNT, json_num(e, "entries"), "%s entries", json_str(e, "name"));
		put(to, FACT_BYTES, json_num(e, "bytes"), "%s size", json_str(e, "name"));
	}
	put(to, FACT_COUNT, f->nr_nodes, "zonelists");
	put(to, FACT_COUNT, json_num(f->root, "total_pages"), "total pages");
	v = json_get(f->root, "memory_line");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put(to, FACT_KIB, json_num(v, parts[i].key), "%s", parts[i].name);
}

void facts_free(struct facts *f)
{
	free(f->fact);
	*f = (struct facts){0};
}

const struct fact *fact_find(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->nr; i++)
		if (!strcmp(f->fact[i].name, name))
			return &f->fact[i];
	return NULL;
}

bool fact_agrees(const struct fact *logged, const struct fact *predicted)
{
	uint64_t apart;

	if (!predicted)
		return false;
	apart = logged->value > predicted->value ? logged->value - predicted->value
						 : predicted->value - logged->value;
	return apart <= logged->margin;
}

const char *fact_text(const struct fact *f, char *buf, size_t size)
{
	if (!f)
		snprintf(buf, size, "none");
	else if (f->unit == FACT_ADDRESS)
		snprintf(buf, size, "0x%llx", (ull)f->value);
	else if (f->unit == FACT_KIB)
		snprintf(buf, size, "%lluK", (ull)f->value);
	else if (f->unit == FACT_BYTES && f->value && f->value % (1 << 20) == 0)
		snprintf(buf, size, "%llu MiB", (ull)f->value >> 20);
	else if (f->unit == FACT_BYTES)
		snprintf(buf, size, "%llu bytes", (ull)f->value);
	else
		snprintf(buf, size, "%llu", (ull)f->value);
	return buf;
}
