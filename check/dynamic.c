// SPDX-License-Identifier: MIT
/*
 * Checks of reservations that say how large they are, not where: whether Linux finds a place, and whether it would for a
 * little more. Both are asked of the prediction.
 */
#include <string.h>

#include "check.h"

/* A margin of less than an eighth of the region's size is "only just". */
#define MARGIN 8
/* So many what-ifs a board. */
#define MAX_TRIES 16

static void check_invalid(struct check_context *c, const struct rsv *r)
{
	const struct board *b = &c->board;
	const char *property = r->bad_size ? "size" : r->bad_align ? "alignment" : "alloc-ranges";

	report(c, CHECK_DYNAMIC_INVALID, r->path, r->node, property,
	       r->bad_size    ? text("size must have %d cells", b->sc)
	       : r->bad_align ? text("alignment must have %d cells and be a power of two", b->ac)
			      : text("an entry of alloc-ranges has %d + %d cells", b->ac, b->sc),
	       r->bad_align && r->align
		       ? "Linux asks memblock for that alignment, and gets an address that "
			 "satisfies nothing"
		       : text("\"invalid %s property, skipping node\": there is no such region",
			      property),
	       "write it with the root's cells");
}

void check_dynamic(struct check_context *c)
{
	const struct board *b = &c->board;
	const struct forecast *f = &c->forecast;
	unsigned int tries = 0;

	for (size_t i = 0; i < b->nr_rsv; i++) {
		const struct rsv *r = &b->rsv[i];
		const struct forecast_rsv *got;
		struct forecast other;

		if (r->kind != RSV_DYNAMIC)
			continue;
		if (r->bad_size || r->bad_align || r->bad_ranges) {
			check_invalid(c, r);
			continue;
		}
		if (f->panic || c->assumed || !r->size)
			continue;
		got = forecast_of(f, r);
		if (!got) {
			report(c, CHECK_DYNAMIC_UNPLACED, r->path, r->node,
			       r->nr_ranges ? "alloc-ranges" : "size",
			       text("there is no free range of %s%s%s", size_text(r->size),
				    r->align ? text(", aligned to %s,", size_text(r->align)) : "",
				    r->nr_ranges ? text(" in %s",
							range_text(r->range_base, r->range_size))
						 : ""),
			       text("\"failed to allocate memory for node '%s'\": no such region",
				    r->name),
			       "a smaller size, wider alloc-ranges, or fixed reservations that "
			       "leave "
			       "a larger gap");
			continue;
		}
		/* A range made to measure is a fixed place by another name. */
		if (r->nr_ranges == 1 && r->range_size < r->size + r->size / MARGIN)
			continue;
		if (got->refused || !c->enabled[CHECK_DYNAMIC_TIGHT] || tries++ >= MAX_TRIES)
			continue;
		if (!c->again(c->arg,
			      &(struct variant){.grow_node = r->node,
						.grow_size = r->size + r->size / MARGIN},
			      &other))
			continue;
		if (other.root && !forecast_of(&other, r))
			report(c, CHECK_DYNAMIC_TIGHT, r->path, r->node, "size",
			       text("%s find a place at 0x%llx; %s would find none",
				    size_text(r->size), (unsigned long long)got->base,
				    size_text(r->size + r->size / MARGIN)),
			       "it works today: with a larger kernel, initrd or reservation it is "
			       "refused",
			       "widen alloc-ranges, or keep a larger gap free");
		forecast_free(&other);
	}
}
