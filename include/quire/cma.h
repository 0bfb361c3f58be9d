/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory areas (mm/page/cma.c): ranges taken from memblock early, whose pages later
 * serve movable allocations until a driver wants the range (Linux: include/linux/cma.h,
 * dma-map-ops.h).
 */
#ifndef QUIRE_CMA_H
#define QUIRE_CMA_H

#include <quire/spinlock.h>

struct page;

#define MAX_CMA_AREAS 64
#define CMA_MAX_NAME 48

/*
 * Areas start and end at pageblocks, so that a pageblock has one type (Linux:
 * CMA_MIN_ALIGNMENT_BYTES).
 */
#define CMA_MIN_ALIGNMENT_PAGES pageblock_nr_pages
#define CMA_MIN_ALIGNMENT_BYTES (PAGE_SIZE * CMA_MIN_ALIGNMENT_PAGES)

struct cma {
	char name[CMA_MAX_NAME];
	phys_addr_t base, size;	    /* bytes; size 0: could not be activated */
	unsigned int order_per_bit; /* log2 of the pages that one bit of the bitmap stands for */
	int nid;		    /* asked-for node or NUMA_NO_NODE */
	bool active;		    /* its pages belong to the page allocator */
	spinlock_t lock;	    /* bitmap, available_count */
	spinlock_t alloc_lock;	    /* one at a time isolates the area's pageblocks */
	u64 *bitmap; /* one bit: 2^order_per_bit pages are given out; NULL until the first time */
	unsigned long available_count; /* pages of the clear bits, once there is a bitmap */
	/* Pages that requests got, did not get, and gave back; as in /sys/kernel/mm/cma. */
	u64 nr_pages_succeeded, nr_pages_failed, nr_pages_released;
};

/*
 * In order of declaration. Written by the boot CPU until cma_init_reserved_areas(), constant
 * afterwards.
 */
extern struct cma cma_areas[MAX_CMA_AREAS];
extern unsigned int nr_cma_areas;
/* Pages in all areas. */
extern unsigned long totalcma_pages;

/*
 * The area that drivers without one of their own use: from linux,cma-default in the tree or cma=.
 * NULL: none.
 */
extern struct cma *dma_contiguous_default_area;

/*
 * What cma= said, in bytes; set by the parser of the command line. size == PHYS_ADDR_MAX: not
 * given. base 0: anywhere; limit 0: none; a limit equal to base + size fixes the place.
 */
struct cma_cmdline {
	phys_addr_t size, base, limit;
};
extern struct cma_cmdline cma_cmdline;

/*
 * Reserve `size` bytes from memblock as an area. base: lowest address, or with `fixed` the exact
 * one; 0: any. limit: end of the range to search, 0: end of memory. alignment: power of two or 0;
 * raised to a pageblock. nid: exact node, or NUMA_NO_NODE. Prints the result. Returns 0, -ENOSPC
 * (table full), -EINVAL, -EBUSY (fixed range taken), -ENOMEM. Before memblock_free_all only.
 */
int cma_declare_contiguous_nid(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
			       phys_addr_t alignment, unsigned int order_per_bit, bool fixed,
			       const char *name, struct cma **res_cma, int nid);

static inline int cma_declare_contiguous(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
					 phys_addr_t alignment, unsigned int order_per_bit,
					 bool fixed, const char *name, struct cma **res_cma)
{
	return cma_declare_contiguous_nid(base, size, limit, alignment, order_per_bit, fixed, name,
					  res_cma, NUMA_NO_NODE);
}

/*
 * Make an area of memory that memblock already has as reserved (a reserved-memory node). name NULL:
 * "cmaN". Returns 0, -ENOSPC, or -EINVAL when not all reserved or not aligned to
 * CMA_MIN_ALIGNMENT_BYTES.
 */
int cma_init_reserved_mem(phys_addr_t base, phys_addr_t size, unsigned int order_per_bit,
			  const char *name, struct cma **res_cma);

/* The default area, by cma_cmdline or 64 MiB, below `limit` bytes. Called by bootmem_init. */
void dma_contiguous_reserve(phys_addr_t limit);

/*
 * Give the areas' pages to the page allocator as MIGRATE_CMA; managed pages grow by them. An area
 * that spans zones or lies outside memory is given up and its pages become ordinary ones. Called
 * once, after memblock_free_all.
 */
void cma_init_reserved_areas(void);

/*
 * Take `count` pages from an area, contiguous, the first aligned to 2^align pages: whoever uses them is moved away. Each page has
 * one reference; their content is not defined. NULL: bad argument, or no such range can be had; said so unless no_warn. Not in
 * interrupts; may take long.
 */
struct page *cma_alloc(struct cma *cma, unsigned long count, unsigned int align, bool no_warn);
/* [pages, pages + count) lies within the area. */
bool cma_pages_valid(const struct cma *cma, const struct page *pages, unsigned long count);
/*
 * Give back what cma_alloc gave, or a part of it of whole bits. False when it does not lie in the
 * area, or nobody has it, which is reported.
 */
bool cma_release(struct cma *cma, struct page *pages, unsigned long count);
/*
 * Re-derive what every active area claims: pageblock types, bitmap against count and pages. With other CPUs quiet. Prints
 * violations; returns how many.
 */
int cma_check(void);
/* Call fn for every area until it returns nonzero, which is returned. */
int cma_for_each_area(int (*fn)(struct cma *cma, void *data), void *data);

static inline phys_addr_t cma_get_base(const struct cma *cma)
{
	return cma->base;
}

static inline unsigned long cma_get_size(const struct cma *cma)
{
	return cma->size;
}

static inline const char *cma_get_name(const struct cma *cma)
{
	return cma->name;
}

#endif
