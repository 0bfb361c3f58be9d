// SPDX-License-Identifier: MIT
/*
 * The kernel's page tables as Linux 6.12's kernel_page_tables shows them, character for character.
 *
 * A line is a range of neighbouring entries of one level and one set of attributes; physical addresses play no part.
 * What is not mapped is a line too, of the level at which the walk ended. A marker ends a line and starts the next.
 *
 * The walk is in report order and keeps one open line: no memory in proportion to the tables.
 */
#include <quire/pgtable.h>
#include <quire/report_pgtable.h>

#include "../arch/arm64/pgtable.h"

struct attribute {
	u64 mask, val;
	const char *set, *clear; /* NULL: prints nothing */
};

static const struct attribute attributes[] = {
	{DESC_VALID, DESC_VALID, " ", "F"},
	{DESC_USER, DESC_USER, "USR", "   "},
	{DESC_RDONLY, DESC_RDONLY, "ro", "RW"},
	{DESC_PXN, DESC_PXN, "NX", "x "},
	{DESC_SH_MASK, DESC_SH_MASK, "SHD", "   "},
	{DESC_AF, DESC_AF, "AF", "  "},
	{DESC_NG, DESC_NG, "NG", "  "},
	{DESC_CONT, DESC_CONT, "CON", "   "},
	{DESC_TABLE, DESC_TABLE, "   ", "BLK"},
	{DESC_UXN, DESC_UXN, "UXN", "   "},
	{DESC_GP, DESC_GP, "GP", "  "},
	{DESC_ATTRINDX_MASK, DESC_ATTRINDX(MT_DEVICE_nGnRnE), "DEVICE/nGnRnE", NULL},
	{DESC_ATTRINDX_MASK, DESC_ATTRINDX(MT_DEVICE_nGnRE), "DEVICE/nGnRE", NULL},
	{DESC_ATTRINDX_MASK, DESC_ATTRINDX(MT_NORMAL_NC), "MEM/NORMAL-NC", NULL},
	{DESC_ATTRINDX_MASK, DESC_ATTRINDX(MT_NORMAL), "MEM/NORMAL", NULL},
	{DESC_ATTRINDX_MASK, DESC_ATTRINDX(MT_NORMAL_TAGGED), "MEM/NORMAL-TAGGED", NULL},
};

/* The bits that a line tells apart. */
static u64 shown_bits(void)
{
	u64 mask = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(attributes); i++)
		mask |= attributes[i].mask;
	return mask;
}

struct marker {
	unsigned long address;
	const char *name;
};

#define NR_MARKERS 13

struct dump {
	struct out *out;
	const struct pgtable *pt;
	struct marker marker[NR_MARKERS];
	unsigned int at; /* the marker that is behind us */
	u64 shown;
	/* The open line. */
	bool open;
	int level;
	u64 prot;
	unsigned long start;
};

/* Names as Linux has them: levels that a shorter walk lacks have no entries and so no lines. */
static const char *level_name(const struct dump *d, int level)
{
	static const char *const names[] = {"PGD", "P4D", "PUD", "PMD", "PTE"};

	return level == d->pt->top ? "PGD" : names[level + 1];
}

static bool marker_reached(const struct dump *d, unsigned long address)
{
	return d->at + 1 < NR_MARKERS && address >= d->marker[d->at + 1].address;
}

static void print_marker(struct dump *d)
{
	out_printf(d->out, "---[ %s ]---\n", d->marker[d->at].name);
}

static void print_line(const struct dump *d, unsigned long end)
{
	static const char units[] = "KMGTPE";
	unsigned long size = (end - d->start) >> 10;
	const char *unit = units;

	while (!(size & 1023) && unit[1]) {
		size >>= 10;
		unit++;
	}
	out_printf(d->out, "0x%016lx-0x%016lx   %9lu%c %s", d->start, end, size, *unit,
		   level_name(d, d->level));
	for (unsigned int i = 0; d->prot && i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];
		const char *s = (d->prot & a->mask) == a->val ? a->set : a->clear;

		if (s)
			out_printf(d->out, " %s", s);
	}
	out_puts(d->out, "\n");
}

/* What holds from `address` on. end: the address space ends there, at 0. */
static void note(struct dump *d, unsigned long address, int level, u64 desc, bool end)
{
	u64 prot = desc & d->shown;

	if (!d->open) {
		d->open = true;
		print_marker(d);
	} else if (end || prot != d->prot || level != d->level || marker_reached(d, address)) {
		print_line(d, address);
		if (marker_reached(d, address)) {
			d->at++;
			print_marker(d);
		}
	} else {
		return;
	}
	/* Two markers may lie at one address; more wait for the next line, as in Linux. */
	if (marker_reached(d, address)) {
		d->at++;
		print_marker(d);
	}
	d->start = address;
	d->level = level;
	d->prot = prot;
}

static void dump_table(struct dump *d, int level, phys_addr_t table, unsigned long kva,
		       unsigned long end)
{
	const u64 *t = table_ptr_ro(table);
	u64 size = level_size(level);
	unsigned long next;

	for (; t; kva = next) {
		u64 desc = port_get_pte(&t[table_index(d->pt, level, kva)]);

		next = entry_end(kva, end, size);
		if (desc_is_table(desc, level))
			dump_table(d, level + 1, desc_to_pa(desc, d->pt->pa52), kva, next);
		else
			note(d, kva, level, desc, false);
		if (next == end)
			break;
	}
}

void report_ptdump(struct out *out)
{
	const struct va_layout *l = &va_layout;
	struct dump d = {
		.out = out,
		.pt = &kernel_pgtable,
		.shown = shown_bits(),
		.marker =
			{
				{l->page_offset, "Linear Mapping start"},
				{l->page_end, "Linear Mapping end"},
				{l->modules_start, "Modules start"},
				{l->modules_end, "Modules end"},
				{l->vmalloc_start, "vmalloc() area"},
				{l->vmalloc_end, "vmalloc() end"},
				{l->vmemmap_start, "vmemmap start"},
				{l->vmemmap_end, "vmemmap end"},
				{l->pci_io_start, "PCI I/O start"},
				{l->pci_io_end, "PCI I/O end"},
				{l->fixaddr_start, "Fixmap start"},
				{l->fixaddr_top, "Fixmap end"},
			},
	};

	d.marker[NR_MARKERS - 1].address = ~0UL;
	dump_table(&d, d.pt->top, d.pt->root, l->page_offset, 0);
	note(&d, 0, MIN_LEVEL, 0, true);
}
