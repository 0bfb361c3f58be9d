// SPDX-License-Identifier: MIT
/* Checks of what the shape of memory costs: page tables around no-map regions, struct pages for holes. */
#include <string.h>

#include "check.h"

/* struct pages for holes: less is not worth a line. */
#define WASTE_MATTERS (512 * 1024ULL)

/* A block of the linear map: 2 MiB, 32 MiB, 512 MiB. */
static uint64_t block_size(const struct check_context *c)
{
	return 1ULL << (2 * c->profile->page_shift - 3);
}

static void check_nomap(struct check_context *c)
{
	const struct board *b = &c->board;
	uint64_t block = block_size(c), with_pages, without_pages;
	struct forecast with, without;
	const struct rsv *first = NULL;
	unsigned int nr = 0;
	bool both;

	for (size_t i = 0; i < b->nr_rsv; i++) {
		const struct rsv *r = &b->rsv[i];

		if (r->kind != RSV_STATIC || !r->nomap || !r->size ||
		    !((r->base | r->size) & (block - 1)) || !memory_covers(c, r->base, r->size))
			continue;
		if (!first)
			first = r;
		nr++;
	}
	if (!first || !c->enabled[CHECK_NOMAP_BLOCKS] || c->least > SEVERITY_NOTE ||
	    c->forecast.panic)
		return;
	if (!c->again(c->arg, &(struct variant){.blocks = true}, &with))
		return;
	if (!c->again(c->arg, &(struct variant){.blocks = true, .drop_nomap = true}, &without)) {
		forecast_free(&with);
		return;
	}
	both = with.root && without.root && !with.panic && !without.panic;
	with_pages = forecast_table_pages(&with);
	without_pages = forecast_table_pages(&without);
	forecast_free(&with);
	forecast_free(&without);
	if (!both || with_pages <= without_pages)
		return;
	report(c, CHECK_NOMAP_BLOCKS, first->path, first->node, "no-map",
	       text("%u no-map region%s with ends inside blocks of %s", nr, nr > 1 ? "s" : "",
		    size_text(block)),
	       text("%llu page-table page%s more (%s) and single pages in the TLB around %s, where "
		    "the "
		    "kernel maps by blocks (rodata=on, no KFENCE)%s",
		    (unsigned long long)(with_pages - without_pages),
		    with_pages - without_pages > 1 ? "s" : "",
		    size_text((with_pages - without_pages) * page_size(c)), nr > 1 ? "them" : "it",
		    c->profile->rodata_full || c->profile->kfence
			    ? text("; %s maps single pages everywhere and pays nothing more",
				   c->profile->release)
			    : ""),
	       "put such regions side by side, and align the whole to a block");
}

struct holes {
	uint64_t bytes, small; /* in sections that have memory; in gaps inside a section */
	unsigned int gaps, sections;
	uint64_t first, first_size; /* the first such gap */
};

/* Regions sorted by address; those that touch are one. */
static struct holes find_holes(const struct check_context *c)
{
	const struct forecast *f = &c->forecast;
	const uint64_t section = 1ULL << c->profile->section_size_bits, mask = section - 1;
	struct holes h = {0};
	uint64_t end = 0; /* of what was seen */
	bool any = false;

	for (size_t i = 0; i < f->nr_memory; i++) {
		uint64_t base = f->memory[i].base, from;

		if (any && base == end) {
			end = range_end(base, f->memory[i].size);
			continue;
		}
		/* The rest of the section before, and the beginning of this one's. */
		from = any ? (end + mask) & ~mask : base & ~mask;
		if (any && base < from) {
			h.bytes += base - end;
			h.small += base - end;
			if (!h.gaps++) {
				h.first = end;
				h.first_size = base - end;
			}
		} else {
			if (any)
				h.bytes += from - end;
			h.bytes += base & mask;
		}
		any = true;
		end = range_end(base, f->memory[i].size);
	}
	if (any)
		h.bytes += -end & mask;
	return h;
}

static const char *node_of(const struct check_context *c, uint64_t end, int *node)
{
	const struct board *b = &c->board;

	for (size_t i = 0; i < b->nr_banks; i++)
		if (range_end(b->banks[i].base, b->banks[i].size) >= end &&
		    b->banks[i].base < end) {
			*node = b->banks[i].node;
			return b->banks[i].path;
		}
	*node = b->nr_banks ? b->banks[0].node : 0;
	return b->nr_banks ? b->banks[0].path : "/";
}

static void check_holes(struct check_context *c)
{
	const struct build_profile *p = c->profile;
	struct holes h = find_holes(c);
	uint64_t waste = (h.bytes >> p->page_shift) * p->page_size_of;
	const char *section = size_text(1ULL << p->section_size_bits), *path;
	int node;

	if (c->assumed || !c->forecast.nr_memory)
		return;
	path = node_of(c, h.gaps ? h.first : c->forecast.memory[0].base + 1, &node);
	if (h.gaps)
		report(c, CHECK_SECTION_HOLES, path, node, "reg",
		       text("%u hole%s, %s in all, inside sections of %s; the first is %s", h.gaps,
			    h.gaps > 1 ? "s" : "", size_text(h.small), section,
			    range_text(h.first, h.first_size)),
		       text("the memory map has struct pages for %s too (%s), the page allocator's "
			    "blocks end there, and such a section cannot be unplugged",
			    h.gaps > 1 ? "them" : "it",
			    size_text((h.small >> p->page_shift) * p->page_size_of)),
		       "describe one bank, and what firmware keeps of it in /reserved-memory with "
		       "no-map");
	if (waste >= WASTE_MATTERS)
		report(c, CHECK_MEMMAP_WASTE, path, node, "reg",
		       text("sections of %s that have memory have %s without", section,
			    size_text(h.bytes)),
		       text("%s of struct pages (%lu bytes a page) for memory that is not there",
			    size_text(waste), p->page_size_of),
		       text("begin and end banks at multiples of %s where the hardware allows it",
			    section));
}

void check_cost(struct check_context *c)
{
	check_nomap(c);
	check_holes(c);
}
