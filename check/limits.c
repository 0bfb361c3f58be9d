// SPDX-License-Identifier: MIT
/* Checks of what Linux wants of memory for devices and crashes: CMA, the crash kernel, the DMA zone. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define SZ_MIB (1024 * 1024ULL)
/* Bounce buffers alone take 64 MiB of the zone, where there is so much. */
#define DMA_SMALL (64 * SZ_MIB)
#define DMA_MATTERS (512 * SZ_MIB)

void check_limits_pools(struct check_context *c)
{
	const struct board *b = &c->board;
	uint64_t align = cma_alignment(c);

	for (size_t i = 0; i < b->nr_rsv; i++) {
		const struct rsv *r = &b->rsv[i];
		bool fixed = r->kind == RSV_STATIC;

		if (!r->pool || !r->reusable || r->nomap || r->index || !r->size)
			continue;
		/* Linux raises the alignment of a dynamic pool itself, but not its size. */
		if (!(((fixed ? r->base : 0) | r->size) & (align - 1)))
			continue;
		report(c, CHECK_CMA_UNALIGNED, r->path, r->node, fixed ? "reg" : "size",
		       text("%s: a CMA pool begins and ends at a multiple of %s with pages of %s",
			    fixed ? range_text(r->base, r->size) : size_text(r->size),
			    size_text(align), size_text(page_size(c))),
		       "\"incorrect alignment of CMA region\": Linux makes no pool, and gives the "
		       "memory to everybody",
		       text("align base and size to %s; 64 KiB pages need 512 MiB",
			    size_text(align)));
	}
}

static void check_cma(struct check_context *c)
{
	const struct forecast *f = &c->forecast;
	char *cma = argument(c, "cma"), *line;
	const char *path = cma ? "/chosen" : "/";

	line = forecast_line(f, "cma: Failed to reserve");
	if (line && !c->assumed) {
		char *why = forecast_line(f, "exceeds limit");

		if (!why)
			why = forecast_line(f, "must be aligned");
		report(c, CHECK_CMA_UNPLACED, path, cma ? c->board.chosen_node : 0,
		       cma ? "bootargs" : NULL,
		       cma ? text("cma=%s cannot be reserved", cma)
			   : text("the kernel's default area of %lu MiB cannot be reserved",
				  c->profile->cma_size_mbytes),
		       why ? text("\"%s\"; \"%s\"", why, line)
			   : text("\"%s\": no free range below the DMA limit is large enough",
				  line),
		       "a smaller cma=, or a shared-dma-pool with linux,cma-default where there is "
		       "room");
	}
	for (size_t i = 0; i < c->board.nr_rsv; i++) {
		const struct rsv *r = &c->board.rsv[i];

		if (!cma || !r->cma_default || !r->pool || !r->reusable || r->index)
			continue;
		report(c, CHECK_CMA_BYPASSED, r->path, r->node, "linux,cma-default",
		       text("the command line has cma=%s", cma),
		       "\"bypass node, using cmdline CMA params instead\": the pool's memory goes "
		       "to "
		       "the page allocator",
		       "one of the two");
	}
	free(cma);
}

/* The zones that the range has pages of. */
static unsigned int zones_of(const struct check_context *c, uint64_t base, uint64_t size)
{
	const struct forecast *f = &c->forecast;
	unsigned int shift = (unsigned int)c->profile->page_shift, n = 0;

	for (size_t i = 0; i < f->nr_zones; i++)
		n += ranges_overlap(base, size, f->zones[i].start << shift,
				    f->zones[i].spanned << shift);
	return n;
}

/* As cma_activate_area looks at an area: all of it pages of one zone. */
static void check_areas(struct check_context *c)
{
	const struct forecast *f = &c->forecast;

	for (size_t i = 0; i < f->nr_cma && f->nr_zones && !c->assumed; i++) {
		const struct forecast_cma *a = &f->cma[i];
		bool outside = memory_covers(c, a->base, a->size) < a->size;
		const struct rsv *node = NULL;

		if (!outside && zones_of(c, a->base, a->size) < 2)
			continue;
		for (size_t j = 0; j < c->board.nr_rsv; j++)
			if (!strcmp(c->board.rsv[j].name, a->name))
				node = &c->board.rsv[j];
		report(c, CHECK_CMA_INACTIVE, node ? node->path : "/", node ? node->node : 0, NULL,
		       outside ? text("CMA area %s, %s, is not all in memory", a->name,
				      range_text(a->base, a->size))
			       : text("CMA area %s, %s, has pages of two zones", a->name,
				      range_text(a->base, a->size)),
		       text("\"CMA area %s could not be activated\": there is no such area",
			    a->name),
		       "place it so that all of it is memory, and no zone ends in it");
	}
}

static void check_crashkernel(struct check_context *c)
{
	static const char *const reasons[] = {
		"cannot allocate crashkernel",
		"crashkernel reservation failed",
		"crashkernel: ",
		"crashkernel size resulted in zero",
	};
	char *value = argument(c, "crashkernel"), *line = NULL;

	if (!value || c->forecast.crash.size || c->forecast.panic || c->assumed)
		return;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]) && !line; i++)
		line = forecast_line(&c->forecast, reasons[i]);
	report(c, CHECK_CRASH_REFUSED, "/chosen", c->board.chosen_node, "bootargs",
	       text("crashkernel=%s gets no memory", value),
	       !c->profile->crash_reserve ? "this kernel is built without CONFIG_CRASH_RESERVE"
	       : line			  ? text("\"%s\"", line)
					  : "Linux says nothing, and reserves nothing",
	       "a smaller size, size,high with size,low, or an offset where memory is free");
}

static void check_dma(struct check_context *c)
{
	const struct forecast *f = &c->forecast;
	uint64_t total = 0, dma = 0;
	bool has = false;

	if (f->panic || !f->nr_zones || c->assumed)
		return;
	for (size_t i = 0; i < f->nr_zones; i++) {
		const struct forecast_zone *z = &f->zones[i];

		total += z->present << c->profile->page_shift;
		if (!strncmp(z->name, "DMA", 3)) {
			has |= z->present != 0;
			if (!strcmp(z->name, "DMA"))
				dma += z->present << c->profile->page_shift;
		}
	}
	/* With all memory above 4 GiB the zone named DMA holds what is there, if a bus says that it reaches it. */
	if (!has || (f->nr_memory && f->memory[0].base >= 1ULL << 32))
		report(c, CHECK_DMA_ABSENT, "/", 0, NULL, "no memory below 4 GiB",
		       dma ? "ZONE_DMA has all memory: GFP_DMA and GFP_DMA32 succeed with "
			     "addresses that "
			     "devices of 32 bits do not reach, and so do bounce buffers"
			   : "ZONE_DMA and ZONE_DMA32 are empty: GFP_DMA fails, and there are no "
			     "bounce "
			     "buffers for devices of 32 address bits",
		       "map some memory below 4 GiB, or make sure that every device has an IOMMU "
		       "or "
		       "64 address bits (dma-ranges)");
	else if (dma < DMA_SMALL && total >= DMA_MATTERS)
		report(c, CHECK_DMA_SMALL, "/", 0, "dma-ranges",
		       text("ZONE_DMA has %s of %s", size_text(dma), size_text(total)),
		       "CMA, the crash kernel, bounce buffers and GFP_DMA share it: some of them "
		       "fail",
		       "widen the dma-ranges of the bus that reaches least, or give its devices a "
		       "reserved pool of their own");
}

void check_limits(struct check_context *c)
{
	check_cma(c);
	check_areas(c);
	check_crashkernel(c);
	check_dma(c);
}
