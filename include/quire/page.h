/* SPDX-License-Identifier: MIT */
/*
 * struct page: one per page frame, 32 bytes (Linux: 64).
 *
 *   offset  field       buddy        pcp         slab page     page table    folio (anon, file)
 *   0       flags       PG_* bits 0..22, zone 23..25, node 26..31 (whoever owns the page)
 *   4       next        free list    free list   partial list  -             LRU list
 *   8       prev        free list    free list   partial list  -             LRU list
 *   12      order/...   order        migratetype order         level         index, low 32 bits
 *   16      _refcount   0            0           1             1             references
 *   20      page_type   PGTY_buddy   -1          PGTY_slab     PGTY_table    _mapcount (-1: not mapped)
 *   24      word        -            -           cache, inuse  owner mm      mapping (48 bits) | index, high 16 bits
 *
 * Links are 32-bit page indices, not pointers: index = pfn - page_base_pfn, and 0 is no page (page_base_pfn lies one
 * section below the first section). 2^32 pages of 4 KiB span 16 TiB of physical address space; arm64_memblock_init keeps the
 * span of RAM within that and says so.
 *
 * A mapping is an object of the linear map, aligned to 64 bytes: its distance from the page of index 0 divided by 64 takes at
 * most 45 bits (with 64K pages 2^48 bytes are spanned) in bits 3 to 47; bits 0 to 2 are marks (tail page, and
 * PAGE_MAPPING_* in page-flags.h); the remaining 16 bits are the high part of the page's index in its file or area,
 * which so has 48 bits.
 *
 * In a large folio the head page carries flags, refcount and mapping; tail pages carry in `word` the head's index with
 * bit 0 set (compound_head), in _refcount PAGE_REF_TAIL, in the first tail's `order` the folio's order.
 *
 * A struct page is valid only once its section has been initialised (section_grow in mm/early/sparse.c). Who takes a pfn from outside the
 * allocator (device tree, /proc) uses pfn_to_online_page(), which initialises it.
 */
#ifndef QUIRE_PAGE_H
#define QUIRE_PAGE_H

#include <quire/port.h>

struct page {
	u32 flags;
	u32 next, prev;
	union {
		u32 order; /* buddy, slab, first tail: log2 of the block's pages */
		u32 index_lo;
		u32 migratetype; /* on a per-CPU list */
	};
	s32 _refcount;
	union {
		s32 _mapcount;
		u32 page_type;
	};
	u64 word;
};
BUILD_BUG_ON(sizeof(struct page) != 32);
#define STRUCT_PAGE_SHIFT 5

/* An ordered set of pages, linked by index. first and last are 0 when it is empty. */
struct page_list {
	u32 first, last;
};

/* The memory map: vmemmap[pfn] is pfn's struct page (a pointer; on the host into its window). */
extern struct page *vmemmap;
/* vmemmap + page_base_pfn: the page of index 0, which does not exist. */
extern struct page *page_index_base;
extern unsigned long page_base_pfn;

static inline struct page *pfn_to_page(unsigned long pfn)
{
	struct page *page = vmemmap + pfn;

	assume(page);
	return page;
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - vmemmap);
}

static inline phys_addr_t page_to_phys(const struct page *page)
{
	return PFN_PHYS(page_to_pfn(page));
}

static inline struct page *phys_to_page(phys_addr_t pa)
{
	return pfn_to_page(PHYS_PFN(pa));
}

static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}

static inline struct page *virt_to_page(const void *p)
{
	return phys_to_page(virt_to_phys(p));
}

static inline u32 page_index32(const struct page *page)
{
	return (u32)(page - page_index_base);
}

static inline struct page *page_from_index(u32 index)
{
	return page_index_base + index;
}

#define PAGE_FLAG_BITS 23
#define PAGE_ZONE_SHIFT 23
#define PAGE_ZONE_BITS 3
#define PAGE_NODE_SHIFT 26
#define PAGE_NODE_BITS 6

/* Zone and node never change; the flags beside them may meanwhile. */
static inline unsigned int page_zonenum(const struct page *page)
{
	u32 flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	return (flags >> PAGE_ZONE_SHIFT) & ((1U << PAGE_ZONE_BITS) - 1);
}

static inline unsigned int page_to_nid(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> PAGE_NODE_SHIFT;
}

/*
 * Lists. The page must be on no list for add, on this list for del. Constant time. Locking: the list's owner's;
 * whether a list is empty may be looked at without, as a hint.
 */
static inline bool page_list_empty(const struct page_list *l)
{
	return l->first == 0;
}

static inline void page_list_add(struct page_list *l, struct page *page)
{
	u32 self = page_index32(page), first = l->first;

	page->prev = 0;
	page->next = first;
	if (first)
		page_from_index(first)->prev = self;
	else
		l->last = self;
	WRITE_ONCE(l->first, self);
}

static inline void page_list_add_tail(struct page_list *l, struct page *page)
{
	u32 self = page_index32(page), last = l->last;

	page->next = 0;
	page->prev = last;
	if (last)
		page_from_index(last)->next = self;
	else
		WRITE_ONCE(l->first, self);
	l->last = self;
}

static inline void page_list_del(struct page_list *l, struct page *page)
{
	u32 next = page->next, prev = page->prev;

	if (prev)
		page_from_index(prev)->next = next;
	else
		WRITE_ONCE(l->first, next);
	if (next)
		page_from_index(next)->prev = prev;
	else
		l->last = prev;
}

static inline struct page *page_list_first(const struct page_list *l)
{
	return l->first ? page_from_index(l->first) : NULL;
}

#endif
