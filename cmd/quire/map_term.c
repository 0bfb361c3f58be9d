// SPDX-License-Identifier: MIT
/*
 * The map in a terminal: rows of cells, a line for each reservation in sight, all about one address.
 *
 * A cell is a power of two of bytes, so are the rows: addresses are round. A cell shows the most special thing in it; a small
 * letter (a lighter block) when that has less than half of the cell. Where there is no colour letters say what it is.
 */
#include <stdlib.h>
#include <string.h>

#include "map_draw.h"

typedef unsigned long long ull;

static const struct {
	char letter;
	const char *colour; /* SGR */
} looks[MAP_KINDS] = {
	[MAP_NOMAP] = {'X', "91"},    [MAP_KERNEL] = {'K', "92"}, [MAP_CRASH] = {'S', "93"},
	[MAP_FDT] = {'D', "95"},      [MAP_INITRD] = {'I', "96"}, [MAP_CMA] = {'C', "94"},
	[MAP_FIRMWARE] = {'R', "33"}, [MAP_PERCPU] = {'P', "36"}, [MAP_DMA] = {'B', "35"},
	[MAP_TABLES] = {'T', "1;35"}, [MAP_MEMMAP] = {'M', "34"}, [MAP_BOOT] = {'A', "37"},
	[MAP_FREE] = {'.', "90"},     [MAP_HOLE] = {' ', "0"},
};

#define MAX_ROWS 40
#define CELLS 640
#define MIN_CELL 64

struct drawing {
	FILE *f;
	const struct map_model *m;
	const struct map_view *v;
	const struct host_out *out;
	unsigned int columns;
	uint64_t base, end; /* in sight */
	uint64_t cell;
	unsigned int width; /* cells in a row */
	uint32_t seen;
};

static void bold(const struct drawing *d, const char *text)
{
	fprintf(d->f, d->out->colour ? "\033[1m%s\033[0m" : "%s", text);
}

static void put_cell(const struct drawing *d, enum map_kind kind, bool most)
{
	char letter = looks[kind].letter;

	if (!most && letter >= 'A' && letter <= 'Z')
		letter = (char)(letter | 0x20);
	if (kind == MAP_HOLE)
		fputs(" ", d->f);
	else if (d->out->unicode && (d->out->colour || kind == MAP_FREE))
		fputs(kind == MAP_FREE ? "·" : most ? "█" : "▒", d->f);
	else
		fputc(letter, d->f);
}

static void put_run(const struct drawing *d, enum map_kind kind, bool most, unsigned int n)
{
	if (!n)
		return;
	if (d->out->colour)
		fprintf(d->f, "\033[%sm", looks[kind].colour);
	while (n--)
		put_cell(d, kind, most);
	if (d->out->colour)
		fputs("\033[0m", d->f);
}

static unsigned int margin(const struct drawing *d)
{
	return (unsigned int)d->m->digits + 6;
}

static void indent(const struct drawing *d, unsigned int n)
{
	fprintf(d->f, "%*s", (int)n, "");
}

/* Where the address that was asked for is, under its row. */
static void draw_mark(const struct drawing *d, uint64_t lo, uint64_t hi)
{
	if (d->v->at == NO_ADDRESS || d->v->at < lo || d->v->at >= hi)
		return;
	indent(d, margin(d) + (unsigned int)((d->v->at - lo) / d->cell));
	fputs("^\n", d->f);
}

static void draw_row(struct drawing *d, uint64_t lo, uint64_t hi)
{
	enum map_kind run = MAP_HOLE;
	unsigned int n = 0, share;
	bool run_most = true;

	fprintf(d->f, "  0x%0*llx  ", d->m->digits, (ull)lo);
	for (uint64_t at = lo; at < hi; at += d->cell) {
		enum map_kind kind = map_classify(d->m, at, at + d->cell, &share);
		bool most = share >= 128;

		d->seen |= 1U << kind;
		if (n && (kind != run || most != run_most)) {
			put_run(d, run, run_most, n);
			n = 0;
		}
		run = kind;
		run_most = most;
		n++;
	}
	if (run != MAP_HOLE)
		put_run(d, run, run_most, n);
	fputs("\n", d->f);
	draw_mark(d, lo, hi);
}

static void choose_scale(struct drawing *d)
{
	uint64_t bytes = map_covered(&d->m->memory, d->base, d->end), least = d->m->page;

	/* A window is shown as it is, holes too. */
	if (d->v->end && d->end - d->base > bytes)
		bytes = d->end - d->base;
	if (d->v->end && d->end - d->base < least * 16)
		least = MIN_CELL;
	for (d->width = 128; d->width > 16 && margin(d) + d->width > d->columns; d->width /= 2)
		;
	for (d->cell = least; bytes / d->cell > (d->v->end ? CELLS / 2 : CELLS); d->cell *= 2)
		;
}

static void draw_legend(const struct drawing *d)
{
	unsigned int at = margin(d);
	char size[MAP_SIZE_MAX];

	indent(d, at);
	for (enum map_kind k = 0; k < MAP_HOLE; k++) {
		unsigned int n = (unsigned int)strlen(map_kind_names[k]) + 4;

		if (!(d->seen >> k & 1))
			continue;
		if (at + n > d->columns) {
			fputs("\n", d->f);
			indent(d, margin(d));
			at = margin(d);
		}
		if (at > margin(d))
			fputs("  ", d->f);
		put_run(d, k, true, 1);
		fprintf(d->f, " %s", map_kind_names[k]);
		at += n;
	}
	fputs("\n", d->f);
	indent(d, margin(d));
	fprintf(d->f, "one character is %s; %s less than half of it\n", map_size(size, d->cell),
		d->out->unicode && d->out->colour ? "a lighter one:" : "a small letter:");
}

static void draw_map(struct drawing *d)
{
	const struct map_list *mem = &d->m->memory;
	const uint64_t row = d->cell * d->width;
	unsigned int rows = 0;
	char size[MAP_SIZE_MAX];
	uint64_t last = 0;
	size_t i = map_first_above(mem, d->base);

	while (i < mem->nr && mem->r[i].base < d->end) {
		uint64_t lo = mem->r[i].base > d->base ? mem->r[i].base : d->base,
			 end = mem->r[i].end;

		for (i++; i < mem->nr && mem->r[i].base < d->end && mem->r[i].base - end < row; i++)
			end = mem->r[i].end;
		if (end > d->end)
			end = d->end;
		if (last && lo > last) {
			indent(d, margin(d));
			fprintf(d->f, "- %s of no memory -\n", map_size(size, lo - last));
		}
		for (lo &= ~(d->cell - 1); lo < end; lo = (lo & ~(row - 1)) + row) {
			uint64_t hi = (lo & ~(row - 1)) + row;

			if (++rows > MAX_ROWS) {
				fprintf(d->f, "  ... and more: --range shows a part\n");
				return;
			}
			draw_row(d, lo, hi < end ? hi : end);
		}
		last = end;
	}
	if (!rows)
		fputs("  No memory there.\n", d->f);
}

/* ------------------------------------------------------------------ lines */

static void put_range(const struct drawing *d, uint64_t base, uint64_t end)
{
	fprintf(d->f, "  0x%0*llx-0x%0*llx", d->m->digits, (ull)base, d->m->digits, (ull)end - 1);
}

/* "who", and by whom and when where there is room. */
static void draw_claim(const struct drawing *d, const struct map_range *r)
{
	unsigned int left = 2 * (unsigned int)d->m->digits + 7 + 13;
	char size[MAP_SIZE_MAX];
	int room = d->columns > left + 12 ? (int)(d->columns - left) : 12;

	put_range(d, r->base, r->end);
	fprintf(d->f, " %9s  ", map_size(size, r->end - r->base));
	put_run(d, r->kind, true, 1);
	room -= 2;
	fprintf(d->f, " %.*s", room, r->who);
	room -= (int)strlen(r->who);
	if (*r->by && room > (int)strlen(r->by) + 3 && strcmp(r->by, r->who) != 0) {
		fprintf(d->f, d->out->colour ? "  \033[2m%s\033[0m" : "  %s", r->by);
		room -= (int)strlen(r->by) + 2;
		if (*r->step && room > (int)strlen(r->step) + 6 && strcmp(r->step, r->by) != 0)
			fprintf(d->f, d->out->colour ? " \033[2min %s\033[0m" : " in %s", r->step);
	}
	fputs("\n", d->f);
}

#define MAX_CLAIMS 24

/* The larger ones where there are too many: at least that large are shown. */
static uint64_t least_shown(const struct drawing *d, size_t max)
{
	uint64_t least = 1;
	size_t n;

	do {
		n = 0;
		for (size_t i = map_first_above(&d->m->claims, d->base);
		     i < d->m->claims.nr && d->m->claims.r[i].base < d->end; i++)
			n += d->m->claims.r[i].end - d->m->claims.r[i].base >= least;
		least *= 2;
	} while (n > max);
	return least / 2;
}

/* A node of the tree whose memory is taken out of memblock, or is not reserved. */
static bool is_claimed(const struct map_model *m, const struct map_range *r)
{
	return map_covered(&m->claims, r->base, r->end) > 0;
}

static void draw_claims(const struct drawing *d)
{
	const struct map_list *l = &d->m->claims;
	size_t left_out = 0, max = d->v->end ? 200 : MAX_CLAIMS;
	uint64_t least = least_shown(d, max), bytes = 0;
	char size[MAP_SIZE_MAX];

	bold(d, d->v->end ? "Reserved there\n" : "Reserved\n");
	for (size_t i = 0; i < d->m->known.nr; i++) {
		const struct map_range *r = &d->m->known.r[i];

		if (r->kind == MAP_NOMAP && r->base < d->end && r->end > d->base &&
		    !is_claimed(d->m, r))
			draw_claim(d, r);
	}
	for (size_t i = map_first_above(l, d->base); i < l->nr && l->r[i].base < d->end; i++) {
		if (l->r[i].end - l->r[i].base >= least) {
			draw_claim(d, &l->r[i]);
		} else {
			left_out++;
			bytes += l->r[i].end - l->r[i].base;
		}
	}
	if (left_out)
		fprintf(d->f, "  and %zu smaller ones, %s in all\n", left_out,
			map_size(size, bytes));
}

static void draw_zones(const struct drawing *d)
{
	char present[MAP_SIZE_MAX], managed[MAP_SIZE_MAX];
	unsigned int shown = 0;

	bold(d, "Zones\n");
	for (size_t i = 0; i < d->m->nr_zones; i++) {
		const struct map_zone *z = &d->m->zones[i];

		if (z->end <= d->base || z->base >= d->end)
			continue;
		if (++shown > 16) {
			fprintf(d->f, "  ... of %u nodes; --range shows a part\n", d->m->nr_nodes);
			return;
		}
		put_range(d, z->base, z->end);
		fprintf(d->f, " %9s  %-8s", map_size(present, z->present * d->m->page), z->name);
		if (d->m->nr_nodes > 1)
			fprintf(d->f, "node %d  ", z->node);
		fprintf(d->f, "%s managed", map_size(managed, z->managed * d->m->page));
		if (d->columns >= 92)
			fprintf(d->f, ", min/low/high %llu/%llu/%llu pages", (ull)z->min,
				(ull)z->low, (ull)z->high);
		fputs("\n", d->f);
	}
}

struct block_sum {
	uint64_t block, bytes;
	bool cont;
};

/* The largest first. */
static int by_block(const void *a, const void *b)
{
	const struct block_sum *x = a, *y = b;

	return x->block != y->block ? (x->block > y->block ? -1 : 1) : y->cont - x->cont;
}

static void draw_linear(const struct drawing *d)
{
	struct block_sum sums[8] = {0};
	unsigned int n = 0, i;
	char size[MAP_SIZE_MAX];

	for (size_t k = 0; k < d->m->linear.nr; k++) {
		const struct map_range *r = &d->m->linear.r[k];
		uint64_t a = r->base > d->base ? r->base : d->base,
			 b = r->end < d->end ? r->end : d->end;

		if (a >= b)
			continue;
		for (i = 0; i < n && (sums[i].block != r->block || sums[i].cont != r->cont); i++)
			;
		if (i == n && n == sizeof(sums) / sizeof(sums[0]))
			continue;
		if (i == n)
			n++;
		sums[i].block = r->block;
		sums[i].cont = r->cont;
		sums[i].bytes += b - a;
	}
	if (!n)
		return;
	bold(d, "Linear map\n");
	qsort(sums, n, sizeof(sums[0]), by_block);
	for (i = 0; i < n; i++) {
		ull entries = (ull)(sums[i].bytes / (sums[i].block ? sums[i].block : 1));

		fprintf(d->f, "%s%llu x %s%s", i ? ", " : "  ", entries,
			map_size(size, sums[i].block), sums[i].cont ? " contiguous" : "");
	}
	if (d->m->tables && !d->v->end)
		fprintf(d->f, "; %s of tables", map_size(size, d->m->tables));
	fputs("\n", d->f);
}

/* ------------------------------------------------------------------ one address */

static void draw_address(const struct drawing *d)
{
	const struct map_model *m = d->m;
	const uint64_t at = d->v->at;
	const struct map_range *bank = map_find(&m->memory, at), *claim = map_find(&m->claims, at);
	const struct map_range *lin = map_find(&m->linear, at);
	char size[MAP_SIZE_MAX];

	fprintf(d->f, "\n");
	bold(d, "There\n");
	fprintf(d->f, "  address     0x%0*llx, page frame %llu\n", m->digits, (ull)at,
		(ull)(at / m->page));
	if (!bank) {
		size_t i = map_first_above(&m->memory, at);

		fprintf(d->f, "  memory      none");
		if (i < m->memory.nr)
			fprintf(d->f, "; the next begins %s higher, at 0x%llx",
				map_size(size, m->memory.r[i].base - at), (ull)m->memory.r[i].base);
		fputs("\n", d->f);
	} else {
		fprintf(d->f, "  memory      0x%llx-0x%llx, %s%s", (ull)bank->base,
			(ull)bank->end - 1, map_size(size, bank->end - bank->base),
			bank->flags & MAP_FLAG_NOMAP ? ", no-map" : "");
		if (m->nr_nodes > 1)
			fprintf(d->f, ", node %d", bank->nid);
		fprintf(d->f, "\n  section     %llu, %s into it\n", (ull)(at / m->section),
			map_size(size, at % m->section));
		for (size_t i = 0; i < m->nr_zones; i++)
			if (at >= m->zones[i].base && at < m->zones[i].end &&
			    (m->nr_nodes < 2 || m->zones[i].node == bank->nid))
				fprintf(d->f, "  zone        %s\n", m->zones[i].name);
	}
	if (claim) {
		fprintf(d->f, "  reserved    %s", claim->who);
		if (*claim->by && strcmp(claim->by, claim->who) != 0)
			fprintf(d->f, ", by %s", claim->by);
		if (*claim->step)
			fprintf(d->f, " in %s", claim->step);
		fprintf(d->f, "\n              0x%llx-0x%llx, %s\n", (ull)claim->base,
			(ull)claim->end - 1, map_size(size, claim->end - claim->base));
	} else if (bank && bank->flags & MAP_FLAG_NOMAP) {
		for (size_t i = 0; i < m->known.nr; i++)
			if (m->known.r[i].kind == MAP_NOMAP && at >= m->known.r[i].base &&
			    at < m->known.r[i].end)
				fprintf(d->f, "  reserved    %s, no-map\n", m->known.r[i].who);
	} else if (bank) {
		fputs("  reserved    no: the page allocator gets it\n", d->f);
	}
	if (lin)
		fprintf(d->f, "  linear map  0x%llx, %s %s%s, %s\n",
			(ull)(lin->va + (at - lin->base)), map_size(size, lin->block),
			lin->block < 1 << 20 ? "page" : "block", lin->cont ? ", contiguous" : "",
			lin->prot);
	else if (m->linear.nr)
		fputs("  linear map  not mapped\n", d->f);
}

static void draw_head(const struct drawing *d)
{
	const struct map_model *m = d->m;
	char total[MAP_SIZE_MAX], reserved[MAP_SIZE_MAX], page[MAP_SIZE_MAX];
	uint64_t tenths = m->total / 1000 ? m->reserved / (m->total / 1000) : 0;

	fprintf(d->f, "\n");
	if (d->out->colour)
		fputs("\033[1m", d->f);
	fprintf(d->f, "%.*s", (int)d->columns, m->board);
	fprintf(d->f, "%s\n", d->out->colour ? "\033[0m" : "");
	fprintf(d->f, "%s%s, %s pages%s\n", *m->release ? "Linux " : "Quire", m->release,
		map_size(page, m->page), m->nr_nodes > 1 ? ", several nodes" : "");
	fprintf(d->f, "%s of RAM, %s reserved (%llu.%llu %%) when memblock hands over\n\n",
		map_size(total, m->total), map_size(reserved, m->reserved), (ull)tenths / 10,
		(ull)tenths % 10);
	if (m->panic)
		fprintf(d->f, "Kernel panic - not syncing: %s\n\n", m->panic);
}

void map_draw_text(FILE *f, const struct map_model *m, const struct map_view *v,
		   const struct host_out *out)
{
	struct drawing d = {
		.f = f, .m = m, .v = v, .out = out, .columns = out->columns ? out->columns : 80};

	d.base = v->end ? v->base : 0;
	d.end = v->end ? v->end : UINT64_MAX;
	choose_scale(&d);
	draw_head(&d);
	draw_map(&d);
	draw_legend(&d);
	if (v->at != NO_ADDRESS)
		draw_address(&d);
	fputs("\n", f);
	draw_claims(&d);
	draw_zones(&d);
	draw_linear(&d);
}
