// SPDX-License-Identifier: MIT
/* Checks of reservations whose place is fixed: nodes of /reserved-memory with reg, and /memreserve/. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

typedef unsigned long long ull;

static const char *property_of(const struct rsv *r)
{
	return r->kind == RSV_BLOCK ? NULL : "reg";
}

/* ------------------------------------------------------------------ form */

static void check_form(struct check_context *c)
{
	const struct board *b = &c->board;

	if (b->has_reserved_memory && (!b->rsv_cells_ok || !b->rsv_ranges))
		report(c, CHECK_RESERVED_CELLS, "/reserved-memory", b->rsv_node,
		       b->rsv_cells_ok ? "ranges" : "#address-cells",
		       b->rsv_cells_ok ? text("there is no ranges property")
				       : text("#address-cells %d and #size-cells %d, the root has "
					      "%d and %d",
					      b->rsv_ac, b->rsv_sc, b->ac, b->sc),
		       "\"Reserved memory: unsupported node format, ignoring\": nothing in the "
		       "node "
		       "is reserved, and the page allocator hands all of it out",
		       "give the node the root's #address-cells and #size-cells, and an empty "
		       "ranges;");
	for (size_t i = 0; i < b->nr_bad_rsv; i++) {
		const struct bad_rsv *r = &b->bad_rsv[i];

		if (r->property)
			report(c, CHECK_RESERVED_REG, r->path, r->node, r->property,
			       text("%d bytes are no whole number of entries of %d (%d + %d cells)",
				    r->len, 4 * (b->ac + b->sc), b->ac, b->sc),
			       r->len ? "\"invalid reg property, skipping node\": the region is "
					"not "
					"reserved, and the page allocator hands it out"
				      : "Linux reads the entry from what follows it in the tree, "
					"or "
					"skips the node",
			       text("write each range as %d + %d cells", b->ac, b->sc));
		else
			report(c, CHECK_RESERVED_EMPTY, r->path, r->node, NULL,
			       "the node has neither reg nor size", "Linux passes over it",
			       "add reg or size, or status = \"disabled\" until somebody fills it "
			       "in");
	}
}

static void check_flags(struct check_context *c, const struct rsv *r)
{
	const char *what = NULL, *fix = NULL;

	if (r->nomap && r->reusable) {
		what = "no-map and reusable exclude each other: what is not mapped cannot be lent";
		fix = "drop no-map for a CMA pool, reusable for firmware's memory";
	} else if (r->restricted && (r->nomap || r->reusable)) {
		what = "a restricted-dma-pool must be mapped and is not reusable";
		fix = "drop no-map and reusable";
	} else if (r->cma_default && (!r->pool || !r->reusable)) {
		what = "linux,cma-default is for a reusable shared-dma-pool";
		fix = "add compatible = \"shared-dma-pool\" and reusable";
	}
	if (what)
		report(c, CHECK_RESERVED_FLAGS, r->path, r->node, r->nomap ? "no-map" : "reusable",
		       what,
		       r->cma_default && !r->nomap
			       ? "Linux does not make it the default area, and makes one of its own"
			       : "Linux sets up no pool; a region with no-map and reusable is "
				 "given "
				 "back to the page allocator when its pool is refused",
		       fix);
}

/* ------------------------------------------------------------------ place */

static bool may_be_memory(const struct check_context *c, const struct rsv *r)
{
	if (c->assumed)
		return c->base_known && r->base >= c->assumed_base;
	return !c->forecast.nr_memory || memory_covers(c, r->base, r->size);
}

static void check_alignment(struct check_context *c, const struct rsv *r)
{
	uint64_t page = page_size(c);
	const char *effect;

	/* Outside of memory there are no pages: SRAM, or what firmware never gave away. */
	if (!((r->base | r->size) & (page - 1)) || !may_be_memory(c, r))
		return;
	if (!r->nomap)
		effect = text("Linux keeps the whole pages at its ends, %s in all",
			      size_text(((range_end(r->base, r->size) + page - 1) & ~(page - 1)) -
					(r->base & ~(page - 1))));
	else if (c->profile->map_rounds_inward)
		effect = "the pages at its ends are memory that is neither mapped nor usable";
	else
		effect = "the pages at its ends stay mapped, cacheable, and the CPU may read them "
			 "ahead: what firmware guards there can fault";
	report(c, CHECK_RESERVED_UNALIGNED, r->path, r->node, property_of(r),
	       text("%s is no whole number of pages of %s", range_text(r->base, r->size),
		    size_text(page)),
	       effect,
	       "align base and size to pages: 4 KiB, or 64 KiB for kernels of all page sizes");
}

static void check_in_memory(struct check_context *c, const struct rsv *r)
{
	uint64_t covered;

	if (c->assumed || !c->forecast.nr_memory)
		return;
	covered = memory_covers(c, r->base, r->size);
	if (covered >= r->size)
		return;
	if (!covered && r->nomap) {
		report(c, CHECK_NOMAP_OUTSIDE, r->path, r->node, property_of(r),
		       text("%s is not in memory", range_text(r->base, r->size)),
		       "none: what is not memory is not mapped anyway",
		       "leave it out, unless a driver finds its region by this node");
		return;
	}
	report(c, CHECK_RESERVED_OUTSIDE, r->path, r->node, property_of(r),
	       covered ? text("%s of %s are not in memory", size_text(r->size - covered),
			      range_text(r->base, r->size))
		       : text("%s is not in memory", range_text(r->base, r->size)),
	       r->pool && r->reusable ? "Linux reserves it and accepts the pool, but cannot "
					"activate it: there is no CMA"
	       : covered
		       ? "Linux reserves all of it; its user gets addresses behind which there is "
			 "no memory"
		       : "Linux reserves addresses that it never had; a driver that uses the "
			 "region "
			 "reads and writes what is there, if anything",
	       "put the region into a bank of memory, or extend the bank");
}

/* ------------------------------------------------------------------ overlaps */

static int by_place(const void *a, const void *b)
{
	const struct rsv *const *x = a, *const *y = b;

	if ((*x)->base != (*y)->base)
		return (*x)->base < (*y)->base ? -1 : 1;
	/* A node before a repetition in the block. */
	return (int)(*x)->kind - (int)(*y)->kind;
}

static const char *overlap_effect(const struct check_context *c, const struct rsv *a,
				  const struct rsv *b)
{
	const struct forecast_rsv *fa = forecast_of(&c->forecast, a);
	const struct forecast_rsv *fb = forecast_of(&c->forecast, b);
	const struct rsv *refused = fa && fa->refused ? a : fb && fb->refused ? b : NULL;

	if (refused && refused->nomap)
		return text(
			"\"failed to reserve memory for node '%s'\": it is reserved already, so "
			"that it stays mapped",
			refused->name);
	if ((a->pool && a->reusable) || (b->pool && b->reusable))
		return "\"OVERLAP DETECTED!\": CMA lends its pages to everybody, also those that "
		       "the "
		       "other region's owner writes: memory is corrupted";
	if (a->nomap && b->nomap)
		return "\"OVERLAP DETECTED!\": Linux maps neither; whatever firmware or driver "
		       "gets the "
		       "second region finds the first one's owner in it";
	if (a->nomap != b->nomap)
		return "\"OVERLAP DETECTED!\": the part in common is not mapped, and the owner of "
		       "the "
		       "mapped region faults when it touches it";
	return "\"OVERLAP DETECTED!\": Linux reserves the union, and both owners write the part in "
	       "common";
}

static void overlap(struct check_context *c, const struct rsv *a, const struct rsv *b)
{
	uint64_t from = a->base > b->base ? a->base : b->base;
	uint64_t end = range_end(a->base, a->size), other = range_end(b->base, b->size);
	const struct rsv *node = b->kind == RSV_BLOCK ? a : b, *with = node == a ? b : a;
	const char *common = range_text(from, (end < other ? end : other) - from);

	/* A crash kernel's or firmware's copy of the same statement: nothing new is reserved. */
	if ((a->kind == RSV_BLOCK || b->kind == RSV_BLOCK) && !(node->pool && node->reusable)) {
		if (a->kind == RSV_BLOCK && b->kind == RSV_BLOCK)
			return;
		report(c, CHECK_MEMRESERVE_OVERLAP, node->path, node->node, "reg",
		       text("/memreserve/ entry %u, %s, has %s in common with this region",
			    with->index, range_text(with->base, with->size), common),
		       node->nomap ? "none: the part in common is not mapped, and reserved too"
				   : "none: Linux reserves the union",
		       "say it once: the node alone is enough");
		return;
	}
	report(c, CHECK_RESERVED_OVERLAP, node->path, node->node, "reg",
	       text("%s and %s, %s, have %s in common", range_text(node->base, node->size),
		    with->path, range_text(with->base, with->size), common),
	       overlap_effect(c, a, b), "move one of them, or make them one region");
}

static void check_overlaps(struct check_context *c)
{
	const struct board *b = &c->board;
	const struct rsv **sorted = malloc((b->nr_rsv + 1) * sizeof(*sorted)), *last = NULL;
	size_t n = 0;

	if (!sorted)
		return;
	for (size_t i = 0; i < b->nr_rsv; i++)
		if (b->rsv[i].kind != RSV_DYNAMIC && b->rsv[i].size)
			sorted[n++] = &b->rsv[i];
	qsort(sorted, n, sizeof(*sorted), by_place);
	/* `last` is the one that reaches furthest: who overlaps anything before, overlaps it. */
	for (size_t i = 0; i < n; i++) {
		if (last && sorted[i]->base < range_end(last->base, last->size))
			overlap(c, last, sorted[i]);
		if (!last ||
		    range_end(sorted[i]->base, sorted[i]->size) > range_end(last->base, last->size))
			last = sorted[i];
	}
	free(sorted);
}

/* What the boot loader put into a reservation. */
static void check_loaded(struct check_context *c, const struct rsv *r)
{
	const struct {
		enum check_id id;
		const char *what;
		const struct place *at;
		const char *effect;
	} loaded[] = {
		{CHECK_RESERVED_IMAGE, "the kernel image", &c->image,
		 r->nomap
			 ? "Linux refuses to unmap its own image: the region stays mapped, and its "
			   "owner writes over the kernel, or has guarded it already"
			 : "Linux reserves the union; the region's owner writes over the kernel"},
		{CHECK_RESERVED_INITRD, "the initrd", &c->initrd,
		 "the region's owner writes over the initrd before it is unpacked; and what is "
		 "freed "
		 "after unpacking is the region's too"},
		{CHECK_RESERVED_DTB, "the device tree", &c->dtb,
		 "the region's owner writes over the device tree, which Linux reads until it has "
		 "unflattened it, and keeps"},
	};

	for (size_t i = 0; i < sizeof(loaded) / sizeof(loaded[0]); i++) {
		const struct place *p = loaded[i].at;

		if (!p->told || !ranges_overlap(r->base, r->size, p->base, p->size))
			continue;
		/* Boot loaders reserve in the block what they have loaded. */
		if (r->kind == RSV_BLOCK && i > 0)
			continue;
		report(c, loaded[i].id, r->path, r->node, property_of(r),
		       text("%s lies over %s, %s", range_text(r->base, r->size), loaded[i].what,
			    range_text(p->base, p->size)),
		       loaded[i].effect, "load it elsewhere, or move the region");
	}
}

/* What the checks before did not foresee. */
static void check_refused(struct check_context *c, const struct rsv *r, size_t before)
{
	const struct forecast_rsv *f = forecast_of(&c->forecast, r);
	char *line;

	if (!f || !f->refused || r->index)
		return;
	for (size_t i = before; i < c->nr_findings; i++) {
		const struct finding *x = &c->findings[i];

		/* An overlap is reported at one of the two, by the name of the other. */
		if ((x->offset == r->node && checks[x->check].severity == SEVERITY_ERROR) ||
		    (x->check == CHECK_RESERVED_OVERLAP && x->message &&
		     strstr(x->message, r->path)))
			return;
	}
	line = forecast_line(&c->forecast, text("for node '%s'", r->name));
	report(c, CHECK_RESERVED_REFUSED, r->path, r->node, NULL,
	       text("%s is not reserved", range_text(r->base, r->size)),
	       line ? line : "Linux gives it back to the page allocator",
	       "see docs/checks.md for what a region must not touch");
}

void check_reserved(struct check_context *c)
{
	const struct board *b = &c->board;
	size_t before = c->nr_findings;

	check_form(c);
	for (size_t i = 0; i < b->nr_rsv; i++) {
		const struct rsv *r = &b->rsv[i];

		if (r->kind != RSV_BLOCK && !r->index)
			check_flags(c, r);
		if (r->kind == RSV_DYNAMIC)
			continue;
		if (!r->size) {
			report(c, CHECK_RESERVED_ZERO_SIZE, r->path, r->node, property_of(r),
			       text("the range at 0x%llx has size 0", (ull)r->base),
			       text("\"failed to reserve memory for node '%s'\", unless the boot "
				    "loader fills it in",
				    r->name),
			       "status = \"disabled\" until it has a size");
			continue;
		}
		if (r->index == 1 && r->used)
			report(c, CHECK_RESERVED_RANGES, r->path, r->node, "reg",
			       text("%u ranges", r->nr),
			       text("Linux reserves all, but \"ignores %u regions\" when a driver "
				    "or "
				    "pool asks for this node: it gets the first alone",
				    r->nr - 1),
			       "one node for each range");
		check_alignment(c, r);
		check_in_memory(c, r);
		check_loaded(c, r);
	}
	check_overlaps(c);
	check_limits_pools(c);
	for (size_t i = 0; i < b->nr_rsv; i++)
		if (b->rsv[i].kind == RSV_STATIC && b->rsv[i].size)
			check_refused(c, &b->rsv[i], before);
}
