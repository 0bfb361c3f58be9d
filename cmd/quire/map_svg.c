// SPDX-License-Identifier: MIT
/*
 * The map as an SVG picture that needs nothing else: rows to scale, legend, the largest reservations, zones. Its colours follow
 * the viewer's scheme, as those of the HTML report do.
 */
#include <stdlib.h>
#include <string.h>

#include "map_draw.h"

typedef unsigned long long ull;

#define WIDTH 1200
#define LEFT 132
#define STRIP (WIDTH - LEFT - 28)
#define ROW 40
#define MAX_ROWS 16
#define MAX_LINES 18

static const char *const classes[MAP_KINDS] = {
	[MAP_NOMAP] = "nomap",	 [MAP_KERNEL] = "kernel", [MAP_CRASH] = "crash",
	[MAP_FDT] = "fdt",	 [MAP_INITRD] = "initrd", [MAP_CMA] = "cma",
	[MAP_FIRMWARE] = "firm", [MAP_PERCPU] = "percpu", [MAP_DMA] = "dma",
	[MAP_TABLES] = "tables", [MAP_MEMMAP] = "memmap", [MAP_BOOT] = "boot",
	[MAP_FREE] = "free",	 [MAP_HOLE] = "hole",
};

static const char style[] =
	"text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#1d2321}.m{font:12px "
	"ui-monospace,'DejaVu Sans Mono',monospace}.s{fill:#5d6763}"
	".h{font-size:20px;font-weight:650}.b{font-weight:650}.bg{fill:#fff}.hole{fill:#eef0ec}."
	"free{fill:#d5dfd8}.kernel{fill:#2f9a5f}.fdt{fill:#c3479b}"
	".initrd{fill:#1593ab}.nomap{fill:#d1433e}.firm{fill:#b9772a}.cma{fill:#3d6fd9}.crash{fill:"
	"#c9a312}.tables{fill:#7c55d0}.memmap{fill:#64809f}"
	".percpu{fill:#43968c}.dma{fill:#a0628d}.boot{fill:#8b9088}.z0{fill:#d9b36a}.z1{fill:#"
	"a9c27d}.z2{fill:#7fb3b0}.z3{fill:#a99bd0}"
	"@media(prefers-color-scheme:dark){text{fill:#e4e9e6}.s{fill:#a0aaa5}.bg{fill:#161b19}."
	"hole{fill:#222927}.free{fill:#33403a}.kernel{fill:#4cc085}"
	".fdt{fill:#e57cc3}.initrd{fill:#45c3d8}.nomap{fill:#f0736d}.firm{fill:#e0a158}.cma{fill:#"
	"7199f5}.crash{fill:#ecd05a}.tables{fill:#a987f0}"
	".memmap{fill:#8fa9c6}.percpu{fill:#6bc2b6}.dma{fill:#c98fb8}.boot{fill:#a2aaa4}.z0{fill:#"
	"a98745}.z1{fill:#7d9656}.z2{fill:#4f8a87}.z3{fill:#7a6cab}}";

struct svg {
	FILE *f;
	const struct map_model *m;
	uint64_t base, end, row; /* bytes in a row */
	int y;
	uint32_t seen;
};

/* Bytes that a tree or a program chose, as text of an XML document. */
static void put_text(FILE *f, const char *s, size_t max)
{
	for (; *s && max; s++, max--) {
		unsigned char c = (unsigned char)*s;

		if (c == '&')
			fputs("&amp;", f);
		else if (c == '<')
			fputs("&lt;", f);
		else if (c >= 0x20 && c < 0x7f)
			fputc(c, f);
		else
			fputc('?', f);
	}
}

static void text_at(struct svg *s, int x, int y, const char *class, const char *text)
{
	fprintf(s->f, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	put_text(s->f, text, 150);
	fputs("</text>\n", s->f);
}

static double x_of(const struct svg *s, uint64_t lo, uint64_t at)
{
	return LEFT + (double)(at - lo) * STRIP / (double)s->row;
}

static void draw_range(struct svg *s, uint64_t lo, const struct map_range *r, const char *class,
		       int y, int h, const char *who)
{
	uint64_t a = r->base > lo ? r->base : lo, b = r->end < lo + s->row ? r->end : lo + s->row;
	double x = x_of(s, lo, a), w = x_of(s, lo, b) - x;
	char size[MAP_SIZE_MAX];

	if (a >= b)
		return;
	fprintf(s->f, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>",
		class, x, y, w < 1.5 ? 1.5 : w, h);
	put_text(s->f, who, 150);
	fprintf(s->f, " 0x%llx-0x%llx %s</title></rect>\n", (ull)r->base, (ull)r->end - 1,
		map_size(size, r->end - r->base));
}

static void draw_list(struct svg *s, uint64_t lo, const struct map_list *l, bool ram)
{
	const uint64_t hi = lo + s->row, pixel = s->row / STRIP + 1;
	uint64_t drawn = 0;

	for (size_t i = map_first_above(l, lo); i < l->nr && l->r[i].base < hi; i++) {
		const struct map_range *r = &l->r[i];
		enum map_kind kind = r->kind;

		/* One a pixel: ten thousand of them in one are one. */
		if (!ram && r->end - r->base < pixel && r->base < drawn)
			continue;
		drawn = r->base + pixel;
		s->seen |= 1U << kind;
		draw_range(s, lo, r, classes[kind], s->y, 22,
			   ram ? kind == MAP_NOMAP ? "no-map" : "RAM" : r->who);
	}
}

static void draw_row(struct svg *s, uint64_t lo)
{
	char text[40];

	snprintf(text, sizeof(text), "0x%0*llx", s->m->digits, (ull)lo);
	text_at(s, 20, s->y + 15, "m s", text);
	fprintf(s->f,
		"<rect class=\"hole\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"22\" rx=\"3\"/>\n",
		LEFT, s->y, STRIP);
	draw_list(s, lo, &s->m->memory, true);
	draw_list(s, lo, &s->m->claims, false);
	for (size_t i = 0; i < s->m->nr_zones; i++) {
		const struct map_zone *z = &s->m->zones[i];
		const struct map_range r = {.base = z->base, .end = z->end};
		const char *class = !strcmp(z->name, "DMA")	 ? "z0"
				    : !strcmp(z->name, "DMA32")	 ? "z1"
				    : !strcmp(z->name, "Normal") ? "z2"
								 : "z3";

		if (z->base < lo + s->row && z->end > lo)
			draw_range(s, lo, &r, class, s->y + 24, 4, z->name);
	}
	s->y += ROW;
}

static void draw_rows(struct svg *s)
{
	const struct map_list *l = &s->m->memory;
	uint64_t lo = s->base & ~(s->row - 1);
	unsigned int rows = 0;
	char size[MAP_SIZE_MAX], text[80];

	while (lo < s->end) {
		size_t i = map_first_above(l, lo);
		uint64_t next = i < l->nr ? l->r[i].base & ~(s->row - 1) : s->end;

		if (i == l->nr || l->r[i].base >= s->end)
			break;
		if (next > lo) {
			if (rows) {
				snprintf(text, sizeof(text), "%s of no memory",
					 map_size(size, next - lo));
				text_at(s, LEFT, s->y + 6, "s", text);
				s->y += 22;
			}
			lo = next;
		}
		if (++rows > MAX_ROWS * 2) {
			text_at(s, LEFT, s->y + 6, "s", "... and more");
			s->y += 22;
			return;
		}
		draw_row(s, lo);
		if (lo + s->row < lo)
			return;
		lo += s->row;
	}
}

static void draw_legend(struct svg *s)
{
	int x = LEFT;

	for (enum map_kind k = 0; k < MAP_HOLE; k++) {
		int w = (int)strlen(map_kind_names[k]) * 8 + 30;

		if (!(s->seen >> k & 1))
			continue;
		if (x + w > WIDTH - 20) {
			x = LEFT;
			s->y += 22;
		}
		fprintf(s->f,
			"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" "
			"rx=\"3\"/>\n",
			classes[k], x, s->y);
		text_at(s, x + 18, s->y + 11, "s", map_kind_names[k]);
		x += w;
	}
	s->y += 40;
}

static int by_size(const void *a, const void *b)
{
	const struct map_range *x = a, *y = b;
	uint64_t p = x->end - x->base, q = y->end - y->base;

	return p > q ? -1 : p < q;
}

static void draw_claims(struct svg *s)
{
	const struct map_list *l = &s->m->claims;
	struct map_range *sorted = malloc((l->nr + 1) * sizeof(*sorted));
	char text[128], size[MAP_SIZE_MAX];

	if (!sorted)
		return;
	if (l->nr) {
		memcpy(sorted, l->r, l->nr * sizeof(*sorted));
		qsort(sorted, l->nr, sizeof(*sorted), by_size);
	}
	text_at(s, 20, s->y, "b", "Reserved, the largest first");
	s->y += 22;
	for (size_t i = 0; i < l->nr && i < MAX_LINES; i++) {
		const struct map_range *r = &sorted[i];

		fprintf(s->f,
			"<rect class=\"%s\" x=\"20\" y=\"%d\" width=\"11\" height=\"11\" "
			"rx=\"3\"/>\n",
			classes[r->kind], s->y - 10);
		snprintf(text, sizeof(text), "0x%0*llx-0x%0*llx", s->m->digits, (ull)r->base,
			 s->m->digits, (ull)r->end - 1);
		text_at(s, 40, s->y, "m", text);
		text_at(s, 330, s->y, "m", map_size(size, r->end - r->base));
		text_at(s, 430, s->y, "", r->who);
		text_at(s, 740, s->y, "m s", r->by);
		s->y += 20;
	}
	if (l->nr > MAX_LINES) {
		snprintf(text, sizeof(text), "and %zu more", l->nr - MAX_LINES);
		text_at(s, 40, s->y, "s", text);
		s->y += 20;
	}
	free(sorted);
}

static void draw_zones(struct svg *s)
{
	char text[160], present[MAP_SIZE_MAX], managed[MAP_SIZE_MAX];

	if (!s->m->nr_zones)
		return;
	s->y += 16;
	text_at(s, 20, s->y, "b", "Zones");
	s->y += 22;
	for (size_t i = 0; i < s->m->nr_zones && i < MAX_LINES; i++) {
		const struct map_zone *z = &s->m->zones[i];

		snprintf(text, sizeof(text), "0x%0*llx-0x%0*llx", s->m->digits, (ull)z->base,
			 s->m->digits, (ull)z->end - 1);
		text_at(s, 40, s->y, "m", text);
		text_at(s, 330, s->y, "m", map_size(present, z->present * s->m->page));
		snprintf(text, sizeof(text),
			 "%s of node %d, %s managed, min/low/high %llu/%llu/%llu pages", z->name,
			 z->node, map_size(managed, z->managed * s->m->page), (ull)z->min,
			 (ull)z->low, (ull)z->high);
		text_at(s, 430, s->y, "", text);
		s->y += 20;
	}
}

void map_draw_svg(FILE *f, const struct map_model *m, const struct map_view *v)
{
	struct svg s = {.f = f, .m = m, .y = 96};
	char *body = NULL, text[160], total[MAP_SIZE_MAX], reserved[MAP_SIZE_MAX],
	     page[MAP_SIZE_MAX], row[MAP_SIZE_MAX];
	size_t size = 0;
	uint64_t bytes;

	s.base = v->end ? v->base : m->memory.nr ? m->memory.r[0].base : 0;
	s.end = v->end ? v->end : m->memory.nr ? m->memory.r[m->memory.nr - 1].end : 0;
	bytes = v->end ? s.end - s.base : m->total;
	for (s.row = 4096; s.row < 1ULL << 60 && s.row * (MAX_ROWS / 2) < bytes; s.row *= 2)
		;
	/* The height is known when all is drawn. */
	s.f = open_memstream(&body, &size);
	if (!s.f)
		die("no memory");
	text_at(&s, 20, 38, "h", m->board);
	snprintf(text, sizeof(text),
		 "%s%s, %s pages: %s of RAM, %s reserved when memblock hands over. A row is %s.",
		 *m->release ? "Linux " : "Quire", m->release, map_size(page, m->page),
		 map_size(total, m->total), map_size(reserved, m->reserved), map_size(row, s.row));
	text_at(&s, 20, 62, "s", text);
	if (m->panic)
		text_at(&s, 20, 82, "b", m->panic);
	draw_rows(&s);
	s.y += 4;
	draw_legend(&s);
	draw_claims(&s);
	draw_zones(&s);
	fclose(s.f);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\">\n<style>%s</style>\n<rect class=\"bg\" width=\"%d\" "
		"height=\"%d\"/>\n",
		WIDTH, s.y + 16, WIDTH, s.y + 16, style, WIDTH, s.y + 16);
	fwrite(body, 1, size, f);
	fputs("</svg>\n", f);
	free(body);
}
