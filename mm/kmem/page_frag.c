// SPDX-License-Identifier: MIT
/*
 * Pieces of pages, cut from the end of a block to its beginning.
 *
 * Owns nothing: a block is its cache's and its pieces', by the page's reference count. Invariant: references = pieces that are out +
 * pieces_left, from the moment the block comes. So a piece costs no atomic operation when it is taken, and one when it is freed.
 *
 * Locking: none; a cache is its user's, and the count is atomic.
 *
 * Against Linux 6.12: the same counting in advance. A block whose pieces have all come back is cut anew.
 */
#include <quire/page_frag.h>
#include <quire/printk.h>

/* References that a block begins with: more than it has bytes, so they cannot run out. */
#define PIECES ((s32)PAGE_FRAG_CACHE_MAX_SIZE + 1)

/* Drop nr references; true when they were the last. */
static bool drop_references(struct page *page, s32 nr)
{
	return __atomic_sub_fetch(&page->_refcount, nr, __ATOMIC_ACQ_REL) == 0;
}

static void cut_anew(struct page_frag_cache *nc)
{
	nc->offset = nc->size;
	nc->pieces_left = PIECES;
}

/* A block that has room: the old one, when nothing of it is out, or a new one. */
static bool refill(struct page_frag_cache *nc, gfp_t gfp)
{
	unsigned int order = PAGE_FRAG_CACHE_MAX_ORDER;
	struct page *page;

	if (nc->va) {
		page = virt_to_page(nc->va);
		if (drop_references(page, nc->pieces_left)) {
			set_page_count(page, PIECES);
			cut_anew(nc);
			return true;
		}
		nc->va = NULL;
	}
	page = NULL;
	if (order)
		page = alloc_pages((gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP | __GFP_NOWARN |
					   __GFP_NORETRY | __GFP_NOMEMALLOC,
				   order);
	if (!page) {
		order = 0;
		page = alloc_pages(gfp, 0);
	}
	if (!page)
		return false;
	nc->va = page_address(page);
	nc->size = (u32)(PAGE_SIZE << order);
	/* It has one reference already, which nobody else knows of. */
	page_ref_add(page, PIECES - 1);
	cut_anew(nc);
	return true;
}

void *page_frag_alloc_align(struct page_frag_cache *nc, unsigned int fragsz, gfp_t gfp,
			    unsigned int align)
{
	u32 offset;

	if (unlikely(!fragsz || fragsz > PAGE_FRAG_CACHE_MAX_SIZE || !is_power_of_2(align) ||
		     align > PAGE_SIZE))
		return NULL;
	if (unlikely(!nc->va || fragsz > nc->offset)) {
		if (!refill(nc, gfp) || fragsz > nc->offset)
			return NULL;
	}
	/* The block begins at a page: down to a multiple never leaves it. */
	offset = (nc->offset - fragsz) & ~(align - 1);
	nc->offset = offset;
	nc->pieces_left--;
	return nc->va + offset;
}

void page_frag_free(void *addr)
{
	put_page(virt_to_page(addr));
}

void __page_frag_cache_drain(struct page *page, unsigned int count)
{
	/* All but one at once; the last goes the ordinary way. */
	if (count > 1)
		page_ref_sub(page, (int)count - 1);
	if (count)
		put_page(page);
}

void page_frag_cache_drain(struct page_frag_cache *nc)
{
	if (nc->va)
		__page_frag_cache_drain(virt_to_page(nc->va), (unsigned int)nc->pieces_left);
	page_frag_cache_init(nc);
}

int page_frag_check(const struct page_frag_cache *nc)
{
	const struct page *page;

	if (!nc->va)
		return 0;
	page = virt_to_page(nc->va);
	if (nc->offset <= nc->size && nc->pieces_left > 0 &&
	    page_ref_count(page) >= nc->pieces_left && PIECES - nc->pieces_left <= (s32)nc->size &&
	    nc->size == PAGE_SIZE << (PageHead(page) ? compound_order(page) : 0))
		return 0;
	pr_err("page_frag_check: block %p of %u bytes: %u not given, %d references left of %d\n",
	       (const void *)nc->va, nc->size, nc->offset, nc->pieces_left, page_ref_count(page));
	return 1;
}
