// SPDX-License-Identifier: MIT
/* quire diff: what a change of the device tree does to the memory map, the reservations, the zones and the page tables. */
#include <stdlib.h>
#include <string.h>

#include "../../check/check.h"
#include "quire.h"

typedef unsigned long long ull;

/* One line of a section: what is compared is all of it. */
struct line {
	char *text;
};

struct section {
	const char *name;
	struct line *lines[2];
	size_t nr[2];
};

static void add(struct section *s, int side, char *line)
{
	struct line *more = realloc(s->lines[side], (s->nr[side] + 1) * sizeof(*more));

	if (!more || !line)
		die("no memory");
	s->lines[side] = more;
	s->lines[side][s->nr[side]++].text = line;
}

static bool has(const struct section *s, int side, const char *line)
{
	for (size_t i = 0; i < s->nr[side]; i++)
		if (!strcmp(s->lines[side][i].text, line))
			return true;
	return false;
}

static char *region_text(const struct forecast_region *r)
{
	char *range = range_text(r->base, r->size), *size = size_text(r->size), *all;
	char node[24] = "";

	if (r->nid >= 0)
		snprintf(node, sizeof(node), ", node %d", r->nid);
	all = text("%s %s%s%s", range, size, node, r->flags & FORECAST_NOMAP ? ", no-map" : "");
	free(range);
	free(size);
	return all;
}

static void add_regions(struct section *s, int side, const struct forecast_region *r, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		add(s, side, region_text(&r[i]));
}

static void add_named(struct section *s, int side, const char *name, uint64_t base, uint64_t size,
		      const char *more)
{
	add(s, side, text("%s %s %s%s", name, range_text(base, size), size_text(size), more));
}

static void add_zones(struct section *s, int side, const struct forecast *f, unsigned int shift)
{
	for (size_t i = 0; i < f->nr_zones; i++) {
		const struct forecast_zone *z = &f->zones[i];

		if (z->present)
			add(s, side,
			    text("node %d %s from 0x%llx: %s present, %s (%llu pages) managed, %s "
				 "CMA, min %llu "
				 "low "
				 "%llu high %llu pages",
				 z->node, z->name, (ull)z->start << shift,
				 size_text(z->present << shift), size_text(z->managed << shift),
				 (ull)z->managed, size_text(z->cma << shift), (ull)z->min,
				 (ull)z->low, (ull)z->high));
	}
}

/* Bytes that are mapped by entries of each size. */
static void add_mappings(struct section *s, int side, const struct forecast *f)
{
	struct {
		uint64_t block, bytes;
	} sum[16] = {{0}};
	const struct json *v;
	size_t nr = 0, i;

	json_each(v, json_get(f->root, "mappings"))
	{
		uint64_t block = json_num(v, "block");

		for (i = 0; i < nr && sum[i].block != block; i++)
			;
		if (i == 16)
			continue;
		nr += i == nr;
		sum[i].block = block;
		sum[i].bytes += json_num(v, "size");
	}
	for (i = 0; i < nr; i++)
		add(s, side,
		    text("%s (%lluK) mapped by entries of %s", size_text(sum[i].bytes),
			 (ull)sum[i].bytes / 1024, size_text(sum[i].block)));
	add(s, side,
	    text("%llu table pages: %llu of the last level, %llu, %llu, %llu above",
		 (ull)forecast_table_pages(f), (ull)f->tables[0], (ull)f->tables[1],
		 (ull)f->tables[2], (ull)(f->tables[3] + f->tables[4])));
}

enum { BOOT, MEMORY, RESERVED, NODES, CMA, CRASH, ZONES, TABLES, TOTALS, NR_SECTIONS };

static void fill(struct section *s, int side, const struct forecast *f, unsigned int shift)
{
	const struct json *m = json_get(f->root, "memory_line");

	if (f->panic)
		add(&s[BOOT], side, text("Kernel panic - not syncing: %s", f->panic));
	else
		add(&s[BOOT], side, text("boots"));
	add_regions(&s[MEMORY], side, f->memory, f->nr_memory);
	add_regions(&s[RESERVED], side, f->reserved, f->nr_reserved);
	for (size_t i = 0; i < f->nr_rsv; i++)
		add_named(&s[NODES], side, f->rsv[i].name, f->rsv[i].base, f->rsv[i].size,
			  f->rsv[i].refused    ? ", refused"
			  : f->rsv[i].nomap    ? ", no-map"
			  : f->rsv[i].reusable ? ", reusable"
					       : "");
	for (size_t i = 0; i < f->nr_cma; i++)
		add_named(&s[CMA], side, f->cma[i].name, f->cma[i].base, f->cma[i].size, "");
	if (f->crash.size)
		add_named(&s[CRASH], side, "crash kernel", f->crash.base, f->crash.size, "");
	if (f->crash_low.size)
		add_named(&s[CRASH], side, "low", f->crash_low.base, f->crash_low.size, "");
	add_zones(&s[ZONES], side, f, shift);
	add_mappings(&s[TABLES], side, f);
	if (m)
		add(&s[TOTALS], side,
		    text("%lluK of %lluK available, %lluK reserved, %lluK CMA",
			 (ull)json_num(m, "available_k"), (ull)json_num(m, "total_k"),
			 (ull)json_num(m, "reserved_k"), (ull)json_num(m, "cma_reserved_k")));
}

/* The lines of one side that the other has not, in order. */
static size_t differing(const struct section *s, int side, bool print, char sign,
			const char *colour)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nr[side]; i++) {
		if (has(s, !side, s->lines[side][i].text))
			continue;
		n++;
		if (print)
			printf("%s  %c %s%s\n", colour, sign, s->lines[side][i].text,
			       *colour ? "\033[0m" : "");
	}
	return n;
}

static void put_lines(const struct section *s, int side)
{
	const char *comma = "";

	for (size_t i = 0; i < s->nr[side]; i++) {
		if (has(s, !side, s->lines[side][i].text))
			continue;
		printf("%s", comma);
		put_json_text(stdout, s->lines[side][i].text);
		comma = ", ";
	}
}

static void print_json(const struct options *o, const struct section *s)
{
	const char *comma = "";

	printf("{\n  \"a\": ");
	put_json_text(stdout, o->boards[0]);
	printf(",\n  \"b\": ");
	put_json_text(stdout, o->boards[1]);
	printf(",\n  \"profile\": \"%s\",\n  \"differences\": [", o->profile.name);
	for (size_t i = 0; i < NR_SECTIONS; i++) {
		if (!differing(&s[i], 0, false, 0, "") && !differing(&s[i], 1, false, 0, ""))
			continue;
		printf("%s\n    {\"section\": \"%s\", \"only_a\": [", comma, s[i].name);
		put_lines(&s[i], 0);
		printf("], \"only_b\": [");
		put_lines(&s[i], 1);
		printf("]}");
		comma = ",";
	}
	printf("\n  ]\n}\n");
}

int cmd_diff(const struct options *o)
{
	static struct section s[NR_SECTIONS] = {
		{.name = "boot"},     {.name = "memory"},
		{.name = "reserved"}, {.name = "reserved-memory nodes"},
		{.name = "CMA"},      {.name = "crash kernel"},
		{.name = "zones"},    {.name = "page tables"},
		{.name = "totals"},
	};
	struct host_out out = stdout_out();
	size_t found = 0;
	bool panic = false;

	for (int side = 0; side < 2; side++) {
		struct options one = *o;
		struct forecast f;
		struct tree t = {0};
		uint64_t base, size;
		bool no_memory;

		one.board = o->boards[side];
		/* What is mapped is known from them. */
		one.events = true;
		progress_begin("predicting", one.board);
		make_tree(&one, &t);
		if (!t.sound)
			die("%s: damaged device tree at offset %#zx", one.board, t.bad_at);
		no_memory = !tree_first_bank(&t, &base, &size);
		free(t.blob);
		if (!run_forecast(&one, &f))
			die("%s: cannot be predicted", one.board);
		progress_end();
		if (o->verbose)
			fputs(f.log, stderr);
		if (f.panic) {
			panic = true;
			fprintf(stderr, "quire: %s: that kernel panics: %s\n", one.board, f.panic);
			if (no_memory)
				fprintf(stderr,
					"quire: %s: this tree leaves memory to the boot loader: "
					"--mem SIZE stands for it\n",
					one.board);
		}
		fill(s, side, &f, (unsigned int)o->profile.page_shift);
		forecast_free(&f);
	}
	if (o->json)
		print_json(o, s);
	for (size_t i = 0; i < NR_SECTIONS; i++) {
		size_t n = differing(&s[i], 0, false, 0, "") + differing(&s[i], 1, false, 0, "");

		found += n;
		if (o->json || !n)
			continue;
		printf("%s%s%s\n", out.colour ? "\033[1m" : "", s[i].name,
		       out.colour ? "\033[0m" : "");
		differing(&s[i], 0, true, '-', out.colour ? "\033[31m" : "");
		differing(&s[i], 1, true, '+', out.colour ? "\033[32m" : "");
	}
	return found || panic ? 1 : 0;
}
