// SPDX-License-Identifier: MIT
/*
 * Where the boot loader puts the image, the initrd and the tree.
 *
 * Where nobody says, the check takes the place that a careful loader would: the lowest multiple of 2 MiB that is memory
 * and in no fixed reservation. So a finding about a place is about one that was told.
 */
#include <string.h>

#include "check.h"

#define SZ_2M (2 * 1024 * 1024ULL)

/* Memory that the banks describe, as far as one of them holds all of it. */
static bool in_a_bank(const struct board *b, uint64_t base, uint64_t size)
{
	for (size_t i = 0; i < b->nr_banks; i++)
		if (base >= b->banks[i].base && size <= b->banks[i].size &&
		    base - b->banks[i].base <= b->banks[i].size - size)
			return true;
	return false;
}

/* The end of something that [base, base + size) touches; 0: it is free. */
static uint64_t taken_until(const struct board *b, uint64_t base, uint64_t size, uint64_t avoid,
			    uint64_t avoid_size)
{
	for (size_t i = 0; i < b->nr_rsv; i++)
		if (b->rsv[i].kind != RSV_DYNAMIC &&
		    ranges_overlap(base, size, b->rsv[i].base, b->rsv[i].size))
			return range_end(b->rsv[i].base, b->rsv[i].size);
	if (ranges_overlap(base, size, b->initrd_base, b->initrd_size))
		return range_end(b->initrd_base, b->initrd_size);
	if (ranges_overlap(base, size, avoid, avoid_size))
		return range_end(avoid, avoid_size);
	return 0;
}

bool find_place(const struct board *b, uint64_t size, uint64_t avoid, uint64_t avoid_size,
		uint64_t *base)
{
	bool found = false;

	for (size_t i = 0; i < b->nr_banks; i++) {
		const struct bank *k = &b->banks[i];
		uint64_t at = (k->base + SZ_2M - 1) & ~(SZ_2M - 1), until;

		while (at >= k->base && at - k->base <= k->size &&
		       k->size - (at - k->base) >= size) {
			if (found && at >= *base)
				break;
			until = taken_until(b, at, size, avoid, avoid_size);
			if (!until) {
				*base = at;
				found = true;
				break;
			}
			if (until > UINT64_MAX - SZ_2M)
				break;
			at = (until + SZ_2M - 1) & ~(SZ_2M - 1);
		}
	}
	return found;
}

static void check_image(struct check_context *c)
{
	const struct board *b = &c->board;
	const struct place *p = &c->image;
	bool may_avoid = c->image_fits && !p->told && (!c->assumed || c->base_known);
	uint64_t start = UINT64_MAX;

	if (p->told && c->forecast.nr_memory && !c->assumed && !in_a_bank(b, p->base, p->size))
		report(c, CHECK_IMAGE_OUTSIDE, "/", 0, NULL,
		       text("no bank holds the image, %s", range_text(p->base, p->size)),
		       "Linux adds what memblock lacks of it only with mem=: else it maps itself, "
		       "and panics or corrupts what is there",
		       "load it inside a bank of memory");
	if (!p->told && !c->image_fits && b->nr_banks && !c->assumed)
		report(c, CHECK_IMAGE_NO_ROOM, "/", 0, NULL,
		       text("no free range of %s at a multiple of 2 MiB", size_text(p->size)),
		       "no boot loader can place the kernel without writing over a reservation",
		       "fewer or smaller reservations, side by side");
	for (size_t i = 0; i < b->nr_banks; i++)
		if (b->banks[i].size && b->banks[i].base < start)
			start = b->banks[i].base;
	start = (start + SZ_2M - 1) & ~(SZ_2M - 1);
	for (size_t i = 0; i < b->nr_rsv && may_avoid; i++) {
		const struct rsv *r = &b->rsv[i];

		if (r->kind == RSV_DYNAMIC || !ranges_overlap(start, p->size, r->base, r->size))
			continue;
		report(c, CHECK_PLACE_AVOID, r->path, r->node, r->kind == RSV_BLOCK ? NULL : "reg",
		       text("%s is where a loader that puts the kernel at the start of memory "
			    "(0x%llx) would write",
			    range_text(r->base, r->size), (unsigned long long)start),
		       "none here; but firmware there does not survive such a loader",
		       text("load the kernel at 0x%llx or above", (unsigned long long)p->base));
		break;
	}
}

static void check_initrd(struct check_context *c)
{
	const struct board *b = &c->board;
	char *line = forecast_line(&c->forecast, "initrd not fully accessible");

	if (b->initrd == INITRD_HALF || b->initrd == INITRD_BACKWARDS)
		report(c, CHECK_INITRD_INVALID, "/chosen", c->board.chosen_node,
		       "linux,initrd-start",
		       b->initrd == INITRD_HALF
			       ? text("of linux,initrd-start and linux,initrd-end one is missing")
			       : text("linux,initrd-end is before linux,initrd-start"),
		       "Linux boots without an initrd", "give both, end behind the last byte");
	if (line && !c->assumed)
		report(c, CHECK_INITRD_OUTSIDE, "/chosen", c->board.chosen_node,
		       "linux,initrd-start",
		       text("the initrd, %s, is not all in memory that the linear map covers",
			    range_text(c->initrd.base, c->initrd.size)),
		       text("\"%s\": Linux boots without it", line), "load it into the first bank");
	if (c->initrd.size &&
	    ranges_overlap(c->initrd.base, c->initrd.size, c->image.base, c->image.size))
		report(c, CHECK_PLACE_OVERLAP, "/chosen", c->board.chosen_node,
		       "linux,initrd-start",
		       text("the initrd, %s, lies over the image, %s (with its bss)",
			    range_text(c->initrd.base, c->initrd.size),
			    range_text(c->image.base, c->image.size)),
		       "the kernel clears its bss over the initrd before it reads it",
		       "load the initrd behind the image_size of the Image header");
	if (c->initrd.size && c->dtb.told &&
	    ranges_overlap(c->initrd.base, c->initrd.size, c->dtb.base, c->dtb.size))
		report(c, CHECK_PLACE_OVERLAP, "/chosen", c->board.chosen_node,
		       "linux,initrd-start",
		       text("the initrd, %s, lies over the device tree, %s",
			    range_text(c->initrd.base, c->initrd.size),
			    range_text(c->dtb.base, c->dtb.size)),
		       "one of them was written over by the other", "load them apart");
}

void check_placement(struct check_context *c)
{
	check_image(c);
	check_initrd(c);
	if (c->dtb.told && ranges_overlap(c->dtb.base, c->dtb.size, c->image.base, c->image.size))
		report(c, CHECK_PLACE_OVERLAP, "/", 0, NULL,
		       text("the device tree, %s, lies over the image, %s (with its bss)",
			    range_text(c->dtb.base, c->dtb.size),
			    range_text(c->image.base, c->image.size)),
		       "one of them was written over by the other, or the kernel clears its bss "
		       "over "
		       "the tree: no boot",
		       "load the tree behind the image_size of the Image header");
	if (c->board.fdt_size > SZ_2M)
		report(c, CHECK_DTB_TOO_LARGE, "/", 0, NULL,
		       text("the tree has %s", size_text(c->board.fdt_size)),
		       "Linux maps 2 MiB of it and stops: no message, no boot",
		       "leave out symbols (dtc without -@) and unused nodes");
	if (c->dtb.told && c->dtb.base % 8)
		report(c, CHECK_DTB_UNALIGNED, "/", 0, NULL,
		       text("the tree is at 0x%llx", (unsigned long long)c->dtb.base),
		       "Linux takes it for invalid and stops", "load it at a multiple of 8 bytes");
}
