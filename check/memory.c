// SPDX-License-Identifier: MIT
/* Checks of the memory nodes: what of them becomes memory, and what is lost on the way. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

typedef unsigned long long ull;

/* A reservation's or bank's place in a list sorted by address. */
static int by_base(const void *a, const void *b)
{
	const struct bank *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static void check_nodes(struct check_context *c)
{
	const struct board *b = &c->board;
	int entry = 4 * (b->ac + b->sc);

	if (b->bad_cells)
		report(c, CHECK_MEMORY_CELLS, "/", 0, "#address-cells",
		       text("#address-cells is %d and #size-cells is %d", b->ac, b->sc),
		       "no memory node can be read: the kernel panics without a message on most "
		       "consoles",
		       "1 or 2 cells each; with 64-bit addresses: #address-cells = <2>, "
		       "#size-cells = <2>");
	for (size_t i = 0; i < b->nr_memory; i++) {
		const struct memory_node *m = &b->memory[i];

		if (!m->typed) {
			report(c, CHECK_MEMORY_UNTYPED, m->path, m->node, "device_type",
			       "looks like a memory node, but device_type is not \"memory\"",
			       "Linux passes over it: unless the boot loader adds the property, "
			       "none "
			       "of this memory exists",
			       "add device_type = \"memory\"");
			continue;
		}
		if (!b->bad_cells && m->reg_len >= 0 && m->reg_len % entry)
			report(c, CHECK_MEMORY_CELLS, m->path, m->node, m->reg_name,
			       text("%d bytes, but an entry has %d: %d address and %d size cells",
				    m->reg_len, entry, b->ac, b->sc),
			       text("Linux reads %d whole entries, the cells in a wrong order if "
				    "the "
				    "node was written for others, and ignores the rest",
				    m->reg_len / entry),
			       text("write each bank as %d + %d cells", b->ac, b->sc));
		if (!strcmp(m->reg_name, "linux,usable-memory"))
			report(c, CHECK_DEPRECATED, m->path, m->node, m->reg_name,
			       "linux,usable-memory is a private property of kexec on powerpc",
			       "Linux takes it instead of reg; NUMA still reads reg, so that the "
			       "two may disagree",
			       "use reg, and linux,usable-memory-range in /chosen for a crash "
			       "kernel");
	}
}

/* Pages that Linux takes of a bank (early_init_dt_add_memory_arch). */
static uint64_t whole_pages(const struct check_context *c, const struct bank *k, uint64_t *base)
{
	uint64_t page = page_size(c), skip = -k->base & (page - 1);

	*base = k->base + skip;
	return k->size > skip ? (k->size - skip) & ~(page - 1) : 0;
}

static const char *reg_of(const struct check_context *c, const struct bank *k)
{
	for (size_t i = 0; i < c->board.nr_memory; i++)
		if (c->board.memory[i].node == k->node)
			return c->board.memory[i].reg_name;
	return "reg";
}

static void check_bank(struct check_context *c, const struct bank *k, bool others)
{
	uint64_t base, size = whole_pages(c, k, &base);
	const char *reg = reg_of(c, k);

	if (!k->size) {
		if (others)
			report(c, CHECK_MEMORY_ZERO_SIZE, k->path, k->node, reg,
			       text("entry %u, at 0x%llx, has size 0", k->index, (ull)k->base),
			       "Linux skips it", "remove the entry, or give it a size");
		return;
	}
	if (!size)
		report(c, CHECK_MEMORY_SUBPAGE, k->path, k->node, reg,
		       text("entry %u, %s, holds no whole page of %s", k->index,
			    range_text(k->base, k->size), size_text(page_size(c))),
		       text("\"Ignoring memory block\": all %s are lost", size_text(k->size)),
		       "join it with the bank beside it, or leave it out");
	else if (size != k->size)
		report(c, CHECK_MEMORY_UNALIGNED, k->path, k->node, reg,
		       text("entry %u, %s, is no whole number of pages of %s", k->index,
			    range_text(k->base, k->size), size_text(page_size(c))),
		       text("Linux rounds inward to %s: %s are lost", range_text(base, size),
			    size_text(k->size - size)),
		       "align base and size to the largest page size the board is to run with (64 "
		       "KiB)");
}

static void check_overlaps(struct check_context *c)
{
	const struct board *b = &c->board;
	struct bank *sorted = malloc((b->nr_banks + 1) * sizeof(*sorted));
	const struct bank *last = NULL;

	if (!sorted)
		return;
	if (b->nr_banks)
		memcpy(sorted, b->banks, b->nr_banks * sizeof(*sorted));
	qsort(sorted, b->nr_banks, sizeof(*sorted), by_base);
	for (size_t i = 0; i < b->nr_banks; i++) {
		const struct bank *k = &sorted[i];

		if (!k->size)
			continue;
		if (last && k->base < range_end(last->base, last->size))
			report(c, CHECK_MEMORY_OVERLAP, k->path, k->node, reg_of(c, k),
			       text("entry %u, %s, overlaps entry %u of %s, %s", k->index,
				    range_text(k->base, k->size), last->index, last->path,
				    range_text(last->base, last->size)),
			       "Linux merges them without a word: there is less memory than the "
			       "sizes add up to",
			       "describe each byte once");
		if (!last || range_end(k->base, k->size) > range_end(last->base, last->size))
			last = k;
	}
	free(sorted);
}

/* What the prediction has not of a bank. */
static void check_dropped(struct check_context *c, const struct bank *k)
{
	const struct forecast *f = &c->forecast;
	uint64_t base, size = whole_pages(c, k, &base), got;
	const char *why;

	if (!size)
		return;
	got = memory_covers(c, base, size);
	if (got >= size)
		return;
	if (f->phys_bits && range_end(base, size) > 1ULL << f->phys_bits)
		why = text("the kernel has physical addresses of %u bits (up to 0x%llx)",
			   f->phys_bits, (1ULL << f->phys_bits) - 1);
	else
		why = text("the linear map of %s begins at 0x%llx", size_text(f->linear_size),
			   (ull)f->memstart);
	report(c, CHECK_MEMORY_DROPPED, k->path, k->node, reg_of(c, k),
	       text("entry %u, %s, cannot all be used: %s", k->index, range_text(k->base, k->size),
		    why),
	       text("Linux removes it from memory: %s of %s are lost", size_text(size - got),
		    size_text(size)),
	       "move the bank, or use a kernel with more address bits (CONFIG_ARM64_VA_BITS, "
	       "CONFIG_ARM64_PA_BITS)");
}

void check_memory(struct check_context *c)
{
	const struct board *b = &c->board;
	const struct forecast *f = &c->forecast;
	char *limit = argument(c, "mem");
	bool any = false;

	check_nodes(c);
	for (size_t i = 0; i < b->nr_banks; i++)
		any |= b->banks[i].size != 0;
	for (size_t i = 0; i < b->nr_banks; i++)
		check_bank(c, &b->banks[i], any);
	check_overlaps(c);
	/* A crash kernel's memory and mem= are less than the tree has because somebody wants that. */
	for (size_t i = 0; i < b->nr_banks && f->nr_memory && !b->usable_range && !limit; i++)
		check_dropped(c, &b->banks[i]);
	free(limit);
	if (f->panic)
		report(c, CHECK_BOOT_PANIC, "/", 0, NULL,
		       text("%s does not boot on this board", c->profile->release),
		       text("Kernel panic - not syncing: %s", f->panic),
		       strstr(f->panic, "resize")
			       ? "fewer separate regions: join banks, and reservations that touch "
				 "each other"
			       : "see the other findings, and quire predict -v for the kernel's "
				 "log");
}
