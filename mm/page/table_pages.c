// SPDX-License-Identifier: MIT
/*
 * Pages for the kernel's translation tables, once the page allocator is up: arch/arm64/pgalloc.c asks below for them through
 * two hooks, so that the lower floor does not call up.
 *
 * A table page has the type PGTY_table while it is one. A table that memblock gave at boot is a reserved page; given back, it
 * becomes an ordinary one and its zone manages one page more. (Linux: pagetable_alloc, pagetable_free.)
 */
#include <quire/gfp.h>
#include <quire/mm_init.h>
#include <quire/page-flags.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/sparse.h>

static phys_addr_t table_page_alloc(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return 0;
	__SetPageTable(page);
	return page_to_phys(page);
}

static void table_page_free(phys_addr_t table)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(table));

	BUG_ON(!page);
	if (PageReserved(page)) {
		free_reserved_range(table, PAGE_SIZE);
		return;
	}
	__ClearPageTable(page);
	__free_page(page);
}

void table_pages_init(void)
{
	pgtable_free_hook = table_page_free;
	pgtable_alloc_hook = table_page_alloc;
}
