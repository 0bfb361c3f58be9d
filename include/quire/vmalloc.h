/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous memory (mm/kmem/vmalloc.c; Linux: include/linux/vmalloc.h, names and meanings of 6.12).
 *
 * Addresses are pointers, as <quire/port.h> tells them from kvas. Freed addresses keep stale TLB entries until a batched
 * flush, and are not given out again before it. Functions that allocate may sleep; vfree and vunmap work in any context.
 */
#ifndef QUIRE_VMALLOC_H
#define QUIRE_VMALLOC_H

#include <quire/gfp.h>
#include <quire/pgtable.h>

#define VM_IOREMAP 0x1UL       /* ioremap and memremap */
#define VM_ALLOC 0x2UL	       /* vmalloc */
#define VM_MAP 0x4UL	       /* vmap */
#define VM_DMA_COHERENT 0x10UL /* dma_alloc_coherent, besides VM_MAP */
#define VM_NO_GUARD 0x40UL     /* no page left unmapped behind it */
#define VM_MAP_PUT_PAGES                                                                           \
	0x200UL		 /* vfree gives back the pages of vmap, and their array (kvmalloc) */
#define VM_RAM 0x10000UL /* vm_map_ram */

/* A node of the address-space allocator (mm/kmem/va_alloc.c): [start, end), and the gap before it. */
struct va_node {
	unsigned long start, end, gap, max_gap; /* max_gap: largest gap of the subtree */
	struct va_node *parent, *left, *right, *prev, *next;
	u32 priority;
	bool lazy; /* freed, its TLB entries not flushed yet */
};

struct vm_struct {
	struct va_node va; /* guard page included */
	void *addr;
	unsigned long size; /* bytes, guard page included unless VM_NO_GUARD */
	unsigned long flags;
	struct page **pages; /* VM_ALLOC, VM_MAP_PUT_PAGES */
	unsigned int nr_pages;
	phys_addr_t phys_addr; /* VM_IOREMAP */
	const void *caller;
	struct vm_struct *next_lazy;
};

/* The vmalloc area becomes usable, the kernel image's place in it taken. Once, after the page allocator is up. */
void vmalloc_init(void);

/* `size` bytes of whole pages at an address aligned to `align`; NULL: no memory or no room. caller: for reports. */
void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node,
		     const void *caller);
void *__vmalloc(unsigned long size, gfp_t gfp);
void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
void *vmalloc_node(unsigned long size, int node);
/* The same by blocks and contiguous runs where size and memory allow: mm/kmem/vmalloc_huge.c. */
void *vmalloc_huge(unsigned long size, gfp_t gfp);
void *__vmalloc_huge_node(unsigned long size, gfp_t gfp, int node, const void *caller);

static inline void *vzalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, 1, GFP_KERNEL | __GFP_ZERO, node, __builtin_return_address(0));
}

/* n * size bytes; NULL when that is more than a size_t holds. vcalloc: zeroed. */
static inline void *__vmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : __vmalloc(bytes, gfp);
}

static inline void *vmalloc_array(size_t n, size_t size)
{
	return __vmalloc_array(n, size, GFP_KERNEL);
}

static inline void *vcalloc(size_t n, size_t size)
{
	return __vmalloc_array(n, size, GFP_KERNEL | __GFP_ZERO);
}

/* NULL is allowed. What is not the start of an area is reported and left alone. */
void vfree(const void *addr);

/* Show `count` pages, which stay the caller's, at one address. flags: VM_MAP; with VM_MAP_PUT_PAGES vfree takes them. */
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void vunmap(const void *addr);

/*
 * The same for a short time, without a guard page, readable and writable; up to VMAP_MAX_ALLOC pages from addresses that the CPU has
 * ready (mm/kmem/vmap_ram.c). node is not used. count: as it was given. Whatever else is unmapped is reported and left alone.
 */
#define VMAP_MAX_ALLOC 64U
void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);

/* Address space alone. */
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags);
void free_vm_area(struct vm_struct *area);
/* align: a power of two; size: without the guard page. NULL: no room, no memory (Linux: __get_vm_area_caller). */
struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long align, unsigned long flags,
				     const void *caller);
/* The area that holds addr; NULL: none. */
struct vm_struct *find_vm_area(const void *addr);
/* Map or unmap pages within an area. -ENOMEM, and then nothing is mapped. */
int vmap_pages_range(unsigned long kva, struct page **pages, unsigned int count, pgprot_t prot);
void vunmap_range(unsigned long kva, unsigned long size);

/*
 * Areas at base + offsets[i] of sizes[i] bytes with one base, aligned to align: all or none, as an array to be given to
 * pcpu_free_vm_areas. offsets ascend and do not overlap; all are multiples of align (Linux: the same names).
 */
struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms,
				     size_t align);
void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms);

/* p is an address of the vmalloc area. */
bool is_vmalloc_addr(const void *p);
/* Bytes that vmalloc gave at p. */
size_t vmalloc_size(const void *p);
struct page *vmalloc_to_page(const void *addr);
unsigned long vmalloc_to_pfn(const void *addr);

/* Flush what is freed lazily, so that its addresses can be given out again. */
void vm_unmap_aliases(void);
unsigned long vmalloc_nr_lazy(void); /* pages */

/* Every area in use, in order of address. No area may come or go meanwhile. NULL starts and ends. */
struct vm_struct *next_vm_area(struct vm_struct *area);

/* What reports show of an area: a copy, so that areas may come and go. */
struct vm_area_view {
	unsigned long start, end, size, flags;
	unsigned int nr_pages;
	bool pages_mapped; /* pages[] is of vmalloc itself */
	phys_addr_t phys_addr;
	const void *caller;
};
/*
 * The first area that ends above `from`, and is freed and not flushed yet (lazy) or is not; false: there is none. Its end is the next
 * `from`. on_node: its pages by node, MAX_NUMNODES of them, or NULL.
 */
bool vm_view_area(unsigned long from, bool lazy, struct vm_area_view *view, unsigned int *on_node);
/* Areas that are freed and not flushed yet, in no order; NULL starts and ends. */
struct vm_struct *next_unpurged_area(struct vm_struct *area);
/* Re-derives tree, list, gaps and the page tables of every area. Returns violations, each printed. */
int vmalloc_check(void);

/* ------------------------------------------------------------------ mm/kmem/va_alloc.c */

/* Busy ranges of [start, end) in a treap by address. The caller's lock. */
struct va_space {
	struct va_node *root, head,
		tail; /* head and tail: empty ranges at the ends, not in the tree */
	unsigned long nr;
	u32 seed;
};
void va_space_init(struct va_space *s, unsigned long start, unsigned long end);
/* The lowest range of that size and alignment within [lo, hi). 0 or -ENOMEM. */
int va_alloc(struct va_space *s, struct va_node *n, unsigned long size, unsigned long align,
	     unsigned long lo, unsigned long hi);
/* A range that the caller names. 0, or -EBUSY when something is in it. */
int va_claim(struct va_space *s, struct va_node *n, unsigned long start, unsigned long end);
void va_free(struct va_space *s, struct va_node *n);
/* The range that holds addr, or the next above; the tail if none. */
struct va_node *va_find(struct va_space *s, unsigned long addr);
int va_check(struct va_space *s);

#endif
