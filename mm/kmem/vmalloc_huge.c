// SPDX-License-Identifier: MIT
/*
 * vmalloc_huge: virtually contiguous memory in as few TLB entries as there is contiguous memory for.
 *
 *	|2 MiB block         |2 MiB block         |64 KiB run|64 KiB run|pages|guard
 *
 * An area begins at a block's boundary and is filled from there on with the largest piece that is aligned, wanted and to be had: as
 * much as one entry of the level above pages maps, as much as one contiguous run does (Arm ARM D8.7.1), single pages. A size
 * that was refused once is not asked for again. Pieces are split into pages at once, so an area is freed, and its pages are
 * shared, as any other. Owns nothing. Locking: that of pages, areas and page tables.
 *
 * Against Linux 6.12: there all pieces of an area have one size, up to which the area is rounded up, and arm64 has no contiguous runs
 * there.
 */
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/slab.h>

#include "vmalloc_internal.h"

/* Pages (log2) that an entry of the level above maps, and that a contiguous run of pages maps. */
#define BLOCK_ORDER ((unsigned int)PAGE_SHIFT - 3)
#define RUN_ORDER (PAGE_SHIFT == 12 ? 4U : PAGE_SHIFT == 14 ? 7U : 5U)

static const unsigned int orders[] = {BLOCK_ORDER, RUN_ORDER};

static int fill(struct vm_struct *vm, unsigned int count, gfp_t gfp, int node)
{
	const gfp_t large = (gfp & ~(__GFP_COMP | __GFP_NOFAIL)) | __GFP_NOWARN | __GFP_NORETRY;
	unsigned int o = 0;

	while (vm->nr_pages < count) {
		unsigned int at = vm->nr_pages, left = count - at, i;
		struct page *page = NULL;
		unsigned long got;

		for (i = o; i < ARRAY_SIZE(orders) && !page; i++) {
			unsigned int n = 1U << orders[i];

			/* Larger ones were before it, so that at is a multiple of n. */
			if (left < n)
				continue;
			page = alloc_pages_node(node, large, orders[i]);
			if (!page) {
				o = i + 1;
				continue;
			}
			split_page(page, orders[i]);
			for (i = 0; i < n; i++)
				vm->pages[at + i] = page + i;
			__atomic_store_n(&vm->nr_pages, at + n, __ATOMIC_RELEASE);
			break;
		}
		if (page)
			continue;
		got = alloc_pages_bulk_array_node(gfp | __GFP_NOWARN, node, count, vm->pages);
		if (got <= vm->nr_pages)
			return -ENOMEM;
		__atomic_store_n(&vm->nr_pages, (unsigned int)got, __ATOMIC_RELEASE);
	}
	return 0;
}

/* Pages from pages[i] on that lie in a row. */
static unsigned int in_a_row(const struct vm_struct *vm, unsigned int i)
{
	unsigned int n = 1;

	while (i + n < vm->nr_pages && vm->pages[i + n] == vm->pages[i] + n)
		n++;
	return n;
}

static int map(struct vm_struct *vm)
{
	unsigned int i, n, m;
	int err = 0;

	for (i = 0; i < vm->nr_pages && !err; i += n) {
		unsigned long kva = vm->va.start + i * PAGE_SIZE;

		n = in_a_row(vm, i);
		if (n >= 1U << RUN_ORDER) {
			vm_make_way(kva, n * PAGE_SIZE);
			err = kernel_map(kva, page_to_phys(vm->pages[i]), n * PAGE_SIZE,
					 PAGE_KERNEL, 0);
			if (!err)
				err = port_mirror_map(kva, page_to_phys(vm->pages[i]),
						      n * PAGE_SIZE);
			continue;
		}
		while (i + n < vm->nr_pages && (m = in_a_row(vm, i + n)) < 1U << RUN_ORDER)
			n += m;
		err = vmap_pages_range(kva, vm->pages + i, n, PAGE_KERNEL);
	}
	if (err)
		vunmap_range(vm->va.start, vm->nr_pages * PAGE_SIZE);
	return err;
}

void *__vmalloc_huge_node(unsigned long size, gfp_t gfp, int node, const void *caller)
{
	const gfp_t inner = (gfp & ~(__GFP_HIGHMEM | __GFP_DMA | __GFP_DMA32)) | __GFP_NOWARN;
	unsigned long count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct vm_struct *vm;
	unsigned int order;

	if (count < 1UL << RUN_ORDER || count > totalram_pages())
		return __vmalloc_node(size, 1, gfp, node, caller);
	order = count < 1UL << BLOCK_ORDER ? RUN_ORDER : BLOCK_ORDER;
	vm = get_vm_area_caller(size, PAGE_SIZE << order, VM_ALLOC, caller);
	if (vm) {
		vm->pages = kvmalloc_node(count * sizeof(void *), inner | __GFP_ZERO, node);
		if (vm->pages && !fill(vm, (unsigned int)count, gfp, node) && !map(vm))
			return vm->addr;
		vm_free_pages(vm);
		vm_release_area(vm);
	}
	/* Single pages may still be had, and if not, that is said. */
	return __vmalloc_node(size, 1, gfp, node, caller);
}

void *vmalloc_huge(unsigned long size, gfp_t gfp)
{
	return __vmalloc_huge_node(size, gfp, NUMA_NO_NODE, (const void *)_RET_IP_);
}
