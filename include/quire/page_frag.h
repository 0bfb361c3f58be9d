/* SPDX-License-Identifier: MIT */
/*
 * Pieces of pages: short-lived buffers of any size, cut off one block after the other (mm/kmem/page_frag.c; Linux:
 * linux/page_frag_cache.h, page_frag_alloc_align).
 *
 * A cache belongs to one user, on one CPU at a time, who keeps its own interrupts out of it; a piece may be freed by anybody, in any
 * context.
 */
#ifndef QUIRE_PAGE_FRAG_H
#define QUIRE_PAGE_FRAG_H

#include <quire/gfp.h>

/* What a cache cuts from: a block of this size, a page when there is no such block. */
#define PAGE_FRAG_CACHE_MAX_SIZE (PAGE_SIZE > 32768UL ? PAGE_SIZE : 32768UL)
#define PAGE_FRAG_CACHE_MAX_ORDER get_order(PAGE_FRAG_CACHE_MAX_SIZE)

/*
 * The block's references are taken in one go when it comes: pieces_left of them are not given out yet. All zero: a cache
 * without a block.
 *
 *	va             va + offset            va + size
 *	| not given yet | pieces ...           |
 */
struct page_frag_cache {
	char *va;
	u32 offset, size;
	s32 pieces_left;
};

static inline void page_frag_cache_init(struct page_frag_cache *nc)
{
	*nc = (struct page_frag_cache){NULL, 0, 0, 0};
}

/*
 * fragsz bytes, 1 to PAGE_FRAG_CACHE_MAX_SIZE, at a multiple of align, a power of two up to PAGE_SIZE. NULL: no memory, bad
 * arguments, or more than a page when only a page could be had. Contents are not defined (__GFP_ZERO: of no effect on
 * what is cut from a block used before).
 */
void *page_frag_alloc_align(struct page_frag_cache *nc, unsigned int fragsz, gfp_t gfp,
			    unsigned int align);
static inline void *page_frag_alloc(struct page_frag_cache *nc, unsigned int fragsz, gfp_t gfp)
{
	return page_frag_alloc_align(nc, fragsz, gfp, 1);
}

/* The block goes when its last piece does. */
void page_frag_free(void *addr);
/* Let go of the cache's block; pieces that are out stay good. */
void page_frag_cache_drain(struct page_frag_cache *nc);
/* Drop `count` references of a block. */
void __page_frag_cache_drain(struct page *page, unsigned int count);

/* Prints violations, returns how many. */
int page_frag_check(const struct page_frag_cache *nc);

#endif
