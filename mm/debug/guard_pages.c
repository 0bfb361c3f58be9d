// SPDX-License-Identifier: MIT
/*
 * Pages that nobody may touch: debug_guardpage_minorder=N keeps the rest of a block of order N back, unmapped, behind every
 * smaller block that is given out, so that who runs over its end faults there.
 *
 *   a block of order 2 for a request of order 0
 *   |== the user's ==|.. kept back ..|.. kept back ..|.. kept back ..|
 *
 * Owns what is kept back: no reference, on no list, not mapped, from page_debug_ops.guard to the `free` of the first page. The
 * linear map is of pages while this is on (linear_map_in_pages), so that hiding one needs no table and breaks no block.
 *
 * Locking: a block is its user's. Any context.
 *
 * Against Linux: there the rest of a block that is split is kept, and debug_pagealloc=on has to be given too, which unmaps all that is free.
 */
#include <quire/buddy.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "debug.h"

unsigned int guardpage_minorder;

/* As Linux: half of the orders at most. */
const char *debug_guardpage_option(const char *val)
{
	u64 n;

	if (!val || !debug_number(&val, &n) || *val)
		return "not an order";
	if (n > MAX_PAGE_ORDER / 2)
		return "too large: at most half of the largest order";
	guardpage_minorder = (unsigned int)n;
	linear_map_in_pages = n != 0;
	return NULL;
}

/* ------------------------------------------------------------------ the linear map */

void linear_hide(phys_addr_t pa, u64 size)
{
	unsigned long kva = phys_to_kva(pa);

	/* Cannot fail: nothing is split. */
	WARN_ON(kernel_unmap_lazy(kva, size));
	port_flush_tlb_kernel_range(kva, kva + size);
	port_linear_hide(pa, size);
	__atomic_add_fetch(&linear_hidden_pages, size >> PAGE_SHIFT, __ATOMIC_RELAXED);
}

void linear_show(phys_addr_t pa, u64 size)
{
	WARN_ON(kernel_map(phys_to_kva(pa), pa, size, linear_prot(),
			   MAP_NO_BLOCKS | MAP_NO_CONT | MAP_NO_EXEC));
	port_linear_show(pa, size);
	__atomic_sub_fetch(&linear_hidden_pages, size >> PAGE_SHIFT, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ keeping and giving back */

static phys_addr_t rest_of(const struct page *page, unsigned int order, unsigned int guarded,
			   u64 *size)
{
	*size = (PAGE_SIZE << guarded) - (PAGE_SIZE << order);
	return page_to_phys(page) + (PAGE_SIZE << order);
}

void guard_pages_keep(struct page *page, unsigned int order, unsigned int wanted)
{
	phys_addr_t pa;
	u64 size;

	page_record_guard(page, wanted, order);
	pa = rest_of(page, wanted, order, &size);
	linear_hide(pa, size);
}

void guard_pages_give_back(struct page *page)
{
	struct page_owner o = {.order = 0};
	unsigned int guarded;
	phys_addr_t pa;
	u64 size;

	page_owner_of(page, &o);
	guarded = page_record_unguard(page);
	pa = rest_of(page, o.order, guarded, &size);
	linear_show(pa, size);
	buddy_free_range(page_zone(page), PHYS_PFN(pa), PHYS_PFN(pa + size));
}

bool guard_pages_explain(unsigned long kva, bool write, unsigned long pc)
{
	unsigned long pfn, first;
	struct page_owner o;

	if (!guardpage_minorder || kva < va_layout.page_offset || kva >= va_layout.page_end)
		return false;
	pfn = PHYS_PFN(kva_to_phys(kva));
	first = ALIGN_DOWN(pfn, 1UL << guardpage_minorder);
	if (!page_owner_of(pfn_to_page(first), &o) || pfn - first < 1UL << o.order)
		return false;
	pr_err("BUG: guard page touched: %s at %#lx in %pS\n", write ? "write" : "read", kva,
	       (void *)pc);
	pr_err("%lu bytes behind the block of order %u at pfn %#lx\n",
	       kva - phys_to_kva(PFN_PHYS(first + (1UL << o.order))), o.order, first);
	page_owner_print(pfn_to_page(first));
	return true;
}
