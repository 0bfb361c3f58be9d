// SPDX-License-Identifier: MIT
/*
 * What a person wants to know after a boot: the summary, and physical memory drawn as a strip.
 *
 * The map is a row of cells for each stretch of memory, all cells of the same size (a power of two, chosen so that
 * everything fits into MAP_CELLS), stretches that are nearer than a cell drawn as one. Rows too are a power of two of
 * cells, so that their addresses are round. A cell shows the most special
 * thing that touches it: a kernel image of 1 MiB stays visible on a board of 1 TiB.
 */
#include <quire/boot.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/report.h>
#include <quire/sparse.h>
#include <quire/string.h>

#define MAP_CELLS 512
#define MAP_MAX_ROWS 40

/* What a cell can show, the most special first. */
enum cell {
	CELL_NOMAP,
	CELL_KERNEL,
	CELL_FDT,
	CELL_INITRD,
	CELL_CRASH,
	CELL_CMA,
	CELL_FIRMWARE,
	CELL_BOOT,
	CELL_FREE,
	CELL_HOLE,
	NR_CELLS
};

static const struct {
	char letter;
	const char *colour; /* SGR foreground */
	const char *name;
} looks[NR_CELLS] = {
	[CELL_NOMAP] = {'X', "91", "no-map"},	   [CELL_KERNEL] = {'K', "92", "kernel"},
	[CELL_FDT] = {'D', "95", "device tree"},   [CELL_INITRD] = {'I', "96", "initrd"},
	[CELL_CRASH] = {'S', "93", "crashkernel"}, [CELL_CMA] = {'C', "94", "CMA"},
	[CELL_FIRMWARE] = {'R', "33", "reserved"}, [CELL_BOOT] = {'b', "37", "boot allocations"},
	[CELL_FREE] = {'.', "90", "free"},	   [CELL_HOLE] = {' ', "0", "hole"},
};

/* ------------------------------------------------------------------ what lies where */

static bool overlaps(u64 base, u64 size, u64 lo, u64 hi)
{
	return size && base < hi && lo < base + size;
}

/* The first region of a sorted array that ends above lo; cnt when there is none. */
static unsigned long first_above(const struct memblock_type *type, u64 lo)
{
	unsigned long a = 0, b = type->cnt;

	while (a < b) {
		unsigned long m = a + (b - a) / 2;

		if (type->regions[m].base + type->regions[m].size > lo)
			b = m;
		else
			a = m + 1;
	}
	return a;
}

static bool touches(const struct memblock_type *type, u64 lo, u64 hi, u32 flags)
{
	for (unsigned long i = first_above(type, lo); i < type->cnt && type->regions[i].base < hi;
	     i++)
		if (type->regions[i].size && (type->regions[i].flags & flags) == flags)
			return true;
	return false;
}

/* Bytes of [lo, hi) that the array covers. */
static u64 covered(const struct memblock_type *type, u64 lo, u64 hi)
{
	u64 sum = 0;

	for (unsigned long i = first_above(type, lo); i < type->cnt && type->regions[i].base < hi;
	     i++) {
		const struct memblock_region *r = &type->regions[i];

		sum += min_t(u64, r->base + r->size, hi) - max_t(u64, r->base, lo);
	}
	return sum;
}

/* Its own header says; 0 when it lies where the linear map does not reach. */
static u64 fdt_size(void)
{
	const phys_addr_t pa = boot_params.fdt_phys;
	const u8 *p;

	if (!touches(&memblock.memory, pa, pa + 8, 0) ||
	    touches(&memblock.memory, pa, pa + 8, MEMBLOCK_NOMAP))
		return 0;
	p = phys_to_virt(pa);
	return (u64)p[4] << 24 | (u64)p[5] << 16 | (u64)p[6] << 8 | p[7];
}

static bool touches_cma(u64 lo, u64 hi)
{
	for (unsigned int i = 0; i < nr_cma_areas; i++)
		if (overlaps(cma_areas[i].base, cma_areas[i].size, lo, hi))
			return true;
	return false;
}

static bool touches_firmware(u64 lo, u64 hi)
{
	for (unsigned int i = 0; i < nr_reserved_mem; i++)
		if (!reserved_mem[i].refused &&
		    overlaps(reserved_mem[i].base, reserved_mem[i].size, lo, hi))
			return true;
	return false;
}

static enum cell classify(u64 lo, u64 hi, u64 fdt_bytes)
{
	const struct kimage *image = &boot_params.image;

	if (!touches(&memblock.memory, lo, hi, 0))
		return CELL_HOLE;
	if (overlaps(image->phys, image->size, lo, hi))
		return CELL_KERNEL;
	if (overlaps(boot_params.fdt_phys, fdt_bytes, lo, hi))
		return CELL_FDT;
	if (touches(&memblock.memory, lo, hi, MEMBLOCK_NOMAP))
		return CELL_NOMAP;
	if (overlaps(phys_initrd_start, phys_initrd_size, lo, hi))
		return CELL_INITRD;
	if (overlaps(crash_res.base, crash_res.size, lo, hi) ||
	    overlaps(crash_res.low_base, crash_res.low_size, lo, hi))
		return CELL_CRASH;
	if (touches_cma(lo, hi))
		return CELL_CMA;
	if (touches_firmware(lo, hi))
		return CELL_FIRMWARE;
	if (touches(&memblock.reserved, lo, hi, 0))
		return CELL_BOOT;
	return CELL_FREE;
}

/* ------------------------------------------------------------------ the map */

static void put_cells(struct out *out, enum cell cell, unsigned int n)
{
	if (out->colour)
		out_printf(out, "\033[%sm", looks[cell].colour);
	while (n--) {
		char c[2] = {looks[cell].letter, 0};

		if (cell == CELL_HOLE)
			out_puts(out, " ");
		else if (out->unicode && (out->colour || cell == CELL_FREE))
			out_puts(out, cell == CELL_FREE ? "░" : "█");
		else
			out_puts(out, c);
	}
	if (out->colour)
		out_puts(out, "\033[0m");
}

struct stretch {
	u64 start, end;
};

/*
 * The next stretch of memory at or above *pos, holes smaller than `gap` included. Returns false at the end.
 */
static bool next_stretch(u64 pos, u64 gap, struct stretch *s)
{
	const struct memblock_type *m = &memblock.memory;
	unsigned long i = first_above(m, pos);

	if (i >= m->cnt || !m->regions[i].size)
		return false;
	s->start = m->regions[i].base;
	s->end = s->start + m->regions[i].size;
	for (i++; i < m->cnt && m->regions[i].base - s->end < gap; i++)
		s->end = m->regions[i].base + m->regions[i].size;
	return true;
}

/* Digits of the addresses that begin the rows: those of the highest, 8 at least. */
static int address_digits(void)
{
	const struct memblock_type *m = &memblock.memory;
	const u64 last = m->cnt ? m->regions[m->cnt - 1].base : 0;
	const u64 size = m->cnt ? m->regions[m->cnt - 1].size : 0;
	int digits = 8;

	while (digits < 16 && (last + size - !!size) >> 4 * digits)
		digits++;
	return digits;
}

/* What a row has before its cells: "  0x40000000  ". */
static unsigned int margin(int digits)
{
	return 6 + (unsigned int)digits;
}

static unsigned int map_width(const struct out *out, int digits)
{
	unsigned int columns = out->columns ? out->columns : 80, width = 64;

	while (width > 16 && margin(digits) + width > columns)
		width /= 2;
	return width;
}

/* The smallest power of two of at least a page with which everything fits into MAP_CELLS. */
static u64 cell_size(void)
{
	u64 total = covered(&memblock.memory, 0, PHYS_ADDR_MAX);
	u64 cell = max_t(u64, roundup_pow_of_two(DIV_ROUND_UP(total, MAP_CELLS)), SZ_64K);

	return max_t(u64, cell, PAGE_SIZE);
}

static void draw_row(struct out *out, int digits, u64 lo, u64 hi, u64 cell, u64 fdt_bytes,
		     u32 *seen)
{
	enum cell run = NR_CELLS;
	unsigned int n = 0;

	out_printf(out, "  0x%0*llx  ", digits, (unsigned long long)lo);
	for (u64 at = lo; at < hi; at += cell) {
		enum cell c = classify(at, min(at + cell, hi), fdt_bytes);

		*seen |= 1U << c;
		if (c != run && n) {
			put_cells(out, run, n);
			n = 0;
		}
		run = c;
		n++;
	}
	if (n)
		put_cells(out, run, n);
	out_puts(out, "\n");
}

static void indent(struct out *out, unsigned int columns)
{
	while (columns--)
		out_puts(out, " ");
}

static void draw_legend(struct out *out, unsigned int left, u32 seen)
{
	unsigned int width = out->columns ? out->columns : 80, at = left;

	indent(out, left);
	for (enum cell c = 0; c < CELL_HOLE; c++) {
		unsigned int n = (unsigned int)strlen(looks[c].name) + 4;

		if (!(seen >> c & 1))
			continue;
		if (at + n > width) {
			out_puts(out, "\n");
			indent(out, left);
			at = left;
		}
		if (at > left)
			out_puts(out, "  ");
		put_cells(out, c, 1);
		out_printf(out, " %s", looks[c].name);
		at += n;
	}
	out_puts(out, "\n");
}

void report_map(struct out *out)
{
	const int digits = address_digits();
	const unsigned int left = margin(digits), width = map_width(out, digits);
	const u64 cell = cell_size(), fdt_bytes = fdt_size();
	unsigned int rows = 0;
	char text[HUMAN_SIZE_MAX];
	struct stretch s = {0};
	u32 seen = 0;
	u64 last = 0;

	while (next_stretch(s.end, cell, &s)) {
		u64 lo = ALIGN_DOWN(s.start, cell);

		if (rows >= MAP_MAX_ROWS) {
			out_puts(out, "  ... more above\n");
			break;
		}
		if (last && lo > last) {
			indent(out, left);
			out_printf(out, "- hole of %s -\n", human_size(text, s.start - last));
		}
		for (; lo < s.end && rows < MAP_MAX_ROWS; rows++) {
			u64 hi = s.end - lo > width * cell ? lo + width * cell : s.end;

			draw_row(out, digits, lo, hi, cell, fdt_bytes, &seen);
			lo = hi;
		}
		last = s.end;
	}
	draw_legend(out, left, seen);
	indent(out, left);
	out_printf(out, "one character is %s\n", human_size(text, cell));
}

/* ------------------------------------------------------------------ the summary */

static void heading(struct out *out, const char *name)
{
	out_printf(out, out->colour ? "\033[1m%s\033[0m\n" : "%s\n", name);
}

/* "12.3%" of whole, in tenths of a percent. */
static void put_share(struct out *out, u64 part, u64 whole)
{
	u64 tenths = whole >= 1000 ? part / (whole / 1000) : 0;

	out_printf(out, "%llu.%llu%%", (unsigned long long)(tenths / 10),
		   (unsigned long long)(tenths % 10));
}

#define MAX_LINES 12

static void show_memory(struct out *out, u64 total)
{
	const struct memblock_type *m = &memblock.memory;
	char size[HUMAN_SIZE_MAX];

	heading(out, "RAM");
	for (unsigned long i = 0; i < m->cnt && i < MAX_LINES; i++) {
		const struct memblock_region *r = &m->regions[i];
		int nid = memblock_get_region_node(r);

		if (!r->size)
			continue;
		out_printf(out, "  0x%012llx-0x%012llx  %9s", (unsigned long long)r->base,
			   (unsigned long long)(r->base + r->size - 1), human_size(size, r->size));
		if (nid >= 0 && nid < MAX_NUMNODES)
			out_printf(out, "  node %d", nid);
		out_printf(out, "%s%s\n", r->flags & MEMBLOCK_NOMAP ? "  no-map" : "",
			   r->flags & MEMBLOCK_HOTPLUG ? "  hotpluggable" : "");
	}
	if (m->cnt > MAX_LINES)
		out_printf(out, "  ... and %lu more\n", m->cnt - MAX_LINES);
	out_printf(out, "  %s in all\n", human_size(size, total));
}

static void reserved_line(struct out *out, u64 base, u64 size, const char *who)
{
	char text[HUMAN_SIZE_MAX];

	if (size)
		out_printf(out, "  0x%012llx-0x%012llx  %9s  %s\n", (unsigned long long)base,
			   (unsigned long long)(base + size - 1), human_size(text, size), who);
}

static void show_reserved(struct out *out, u64 total)
{
	u64 reserved = covered(&memblock.reserved, 0, PHYS_ADDR_MAX);
	char size[HUMAN_SIZE_MAX], who[80];

	heading(out, "Reserved");
	reserved_line(out, boot_params.image.phys, boot_params.image.size, "kernel image");
	reserved_line(out, boot_params.fdt_phys, fdt_size(), "device tree");
	reserved_line(out, phys_initrd_start, phys_initrd_size, "initrd");
	reserved_line(out, crash_res.base, crash_res.size, "crash kernel");
	reserved_line(out, crash_res.low_base, crash_res.low_size, "crash kernel, low");
	for (unsigned int i = 0; i < nr_reserved_mem && i < MAX_LINES; i++) {
		const struct reserved_mem *r = &reserved_mem[i];

		quire_snprintf(who, sizeof(who), "%s%s%s%s%s", r->name,
			       r->dynamic ? ", placed" : "", r->nomap ? ", no-map" : "",
			       r->reusable ? ", reusable" : "", r->refused ? ", refused" : "");
		reserved_line(out, r->base, r->size, who);
	}
	if (nr_reserved_mem > MAX_LINES)
		out_printf(out, "  ... and %u more of the tree\n", nr_reserved_mem - MAX_LINES);
	for (unsigned int i = 0; i < nr_cma_areas; i++) {
		quire_snprintf(who, sizeof(who), "CMA area \"%s\"", cma_areas[i].name);
		reserved_line(out, cma_areas[i].base, cma_areas[i].size, who);
	}
	out_printf(out, "  %s, ", human_size(size, reserved));
	put_share(out, reserved, total);
	out_puts(out, " of RAM, what boot has allocated for itself included\n");
}

static void show_zones(struct out *out)
{
	char present[HUMAN_SIZE_MAX], managed[HUMAN_SIZE_MAX], free[HUMAN_SIZE_MAX];
	struct zone *z;

	heading(out, "Zones");
	out_puts(out,
		 "  node zone    start           present  managed     free  min/low/high pages\n");
	for_each_populated_zone(z)
	{
		human_size(present, PFN_PHYS(z->present_pages));
		human_size(managed, PFN_PHYS(z->managed_pages));
		human_size(free, PFN_PHYS((u64)max(z->vm_stat[NR_FREE_PAGES], 0L)));
		out_printf(out, "  %4d %-7s 0x%012llx %8s %8s %8s  %lu/%lu/%lu\n", zone_to_nid(z),
			   z->name, (unsigned long long)PFN_PHYS(z->zone_start_pfn), present,
			   managed, free, min_wmark_pages(z), low_wmark_pages(z),
			   high_wmark_pages(z));
	}
}

static void show_mapping(struct out *out)
{
	struct linear_map_stats s;
	char size[HUMAN_SIZE_MAX];
	bool any = false;

	linear_map_stats(&s);
	heading(out, "Linear map");
	out_puts(out, "  ");
	for (unsigned int i = s.nr_blocks; i-- > 0;) {
		if (!s.block[i].count)
			continue;
		out_printf(out, "%s%lu x %s", any ? ", " : "", s.block[i].count,
			   human_size(size, s.block[i].size));
		any = true;
	}
	out_printf(out, "%s", any ? "; " : "nothing; ");
	out_printf(out, "%lu table pages, %s\n", s.table_pages,
		   human_size(size, s.table_pages * PAGE_SIZE));
}

static void show_metadata(struct out *out, u64 total)
{
	u64 sections = 0, initialised = 0, bytes;
	char now[HUMAN_SIZE_MAX], full[HUMAN_SIZE_MAX];

	for (unsigned long i = 0; i < nr_mem_sections; i++) {
		sections += mem_sections[i].present;
		initialised += section_state(&mem_sections[i]) == SECTION_READY;
	}
	bytes = sections * PAGES_PER_SECTION * sizeof(struct page);
	heading(out, "Memory map");
	out_printf(out, "  %zu bytes a page; %s of %s initialised (%llu of %llu sections), ",
		   sizeof(struct page),
		   human_size(now, initialised * PAGES_PER_SECTION * sizeof(struct page)),
		   human_size(full, bytes), (unsigned long long)initialised,
		   (unsigned long long)sections);
	put_share(out, bytes, total);
	out_puts(out, " of RAM\n");
}

void report_summary(struct out *out)
{
	u64 total = covered(&memblock.memory, 0, PHYS_ADDR_MAX), free = 0;
	char size[HUMAN_SIZE_MAX];
	struct zone *z;

	for_each_populated_zone(z) free += PFN_PHYS((u64)max(z->vm_stat[NR_FREE_PAGES], 0L));

	out_printf(out, "\n%.120s\n",
		   machine_model && *machine_model ? machine_model : "Unnamed board");
	out_printf(out, "%lu KiB pages, %u-bit virtual addresses, %u CPU%s\n\n", PAGE_SIZE / 1024,
		   va_layout.va_bits, nr_cpus_possible, nr_cpus_possible == 1 ? "" : "s");
	report_map(out);
	out_puts(out, "\n");
	show_memory(out, total);
	show_reserved(out, total);
	show_zones(out);
	show_mapping(out);
	show_metadata(out, total);
	heading(out, "Virtual layout");
	report_layout(out);
	heading(out, "Free");
	out_printf(out, "  %s, ", human_size(size, free));
	put_share(out, free, total);
	out_puts(out, " of RAM\n");
}
