// SPDX-License-Identifier: MIT
/*
 * Taking pages away from a file, and from all who map it.
 *
 * A file knows the areas that show it (i_mmap, by the indices they show). First the pages leave the file, so that no fault finds them
 * again, then the entries that show them go, area by area; a page is free when nobody uses it any more.
 *
 *	truncation				fault
 *	i_size, the page out of the tree	under address_space.lock: page in the tree?
 *	under address_space.lock		then the entry is made, still under the lock
 *	i_mmap_lock, entries are looked for
 *
 * Either the fault finds no page, or the truncation finds the entry.
 *
 * Locking: page lock, then i_mmap_lock, then address_space.lock. An area enters and leaves i_mmap with its file's i_mmap_lock, inside
 * mmap_lock; its tables are freed after it has left, so whoever holds i_mmap_lock may use those of all areas in it.
 *
 * Against Linux 6.12: the same order of things; there the page lock decides between fault and truncation.
 */
#include <quire/filemap.h>
#include <quire/string.h>

#include "gather.h"
#include "internal.h"

void vma_file_link(struct vm_area_struct *vma)
{
	struct address_space *mapping;

	if (!vma_in_file(vma))
		return;
	mapping = vma_mapping(vma);
	vma->in_file.first = vma->vm_pgoff;
	vma->in_file.last = vma->vm_pgoff + vma_pages(vma) - 1;
	spin_lock(&mapping->i_mmap_lock);
	interval_tree_insert(&mapping->i_mmap, &vma->in_file);
	spin_unlock(&mapping->i_mmap_lock);
}

void vma_file_unlink(struct vm_area_struct *vma)
{
	struct address_space *mapping;

	if (!vma_in_file(vma))
		return;
	mapping = vma_mapping(vma);
	spin_lock(&mapping->i_mmap_lock);
	interval_tree_remove(&mapping->i_mmap, &vma->in_file);
	spin_unlock(&mapping->i_mmap_lock);
}

/* The pages with indices from first to last. */
static void unmap_pages(struct address_space *mapping, unsigned long first, unsigned long last,
			bool even_cows)
{
	struct interval_node *n;

	spin_lock(&mapping->i_mmap_lock);
	for (n = interval_tree_first(&mapping->i_mmap, first, last); n;
	     n = interval_tree_next(&mapping->i_mmap, n, first, last)) {
		struct vm_area_struct *vma = container_of(n, struct vm_area_struct, in_file);
		unsigned long from = max(first, n->first), to = min(last, n->last);
		struct mmu_gather tlb;

		gather_begin(&tlb, vma->vm_mm, false);
		tlb.keep_anon = !even_cows;
		unmap_page_range(&tlb, vma->vm_start + ((from - n->first) << PAGE_SHIFT),
				 vma->vm_start + ((to - n->first + 1) << PAGE_SHIFT));
		gather_flush(&tlb);
	}
	spin_unlock(&mapping->i_mmap_lock);
}

void unmap_mapping_range(struct address_space *mapping, u64 start, u64 len, bool even_cows)
{
	unsigned long first = DIV_ROUND_UP(start, PAGE_SIZE), last = ULONG_MAX;

	if (len && start + len >= start)
		last = ((start + len - 1) >> PAGE_SHIFT);
	if (first <= last)
		unmap_pages(mapping, first, last, even_cows);
}

/* [start, end), in one page. */
static void zero_part(struct address_space *mapping, u64 start, u64 end)
{
	struct page *page;

	if (start >= end)
		return;
	page = mapping_get_page(mapping, start >> PAGE_SHIFT, false);
	if (!page)
		return;
	memset((char *)page_address(page) + (start & (PAGE_SIZE - 1)), 0, end - start);
	put_page(page);
}

void mapping_truncate(struct address_space *mapping, u64 size)
{
	unsigned long first = DIV_ROUND_UP(size, PAGE_SIZE);
	u64 old;

	spin_lock(&mapping->lock);
	old = mapping->i_size;
	__atomic_store_n(&mapping->i_size, size, __ATOMIC_SEQ_CST);
	spin_unlock(&mapping->lock);
	/* The last page's rest may have been written by who maps it: what a growing file gets is zero. */
	zero_part(mapping, min(size, old), min(ALIGN(min(size, old), PAGE_SIZE), max(size, old)));
	if (size >= old)
		return;
	mapping_remove_pages(mapping, first, ULONG_MAX);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	unmap_pages(mapping, first, ULONG_MAX, true);
}

void mapping_punch(struct address_space *mapping, u64 start, u64 end)
{
	u64 first = ALIGN(start, PAGE_SIZE), stop = ALIGN_DOWN(end, PAGE_SIZE);

	if (start >= end)
		return;
	/* Inside one page. */
	if (first > stop) {
		zero_part(mapping, start, end);
		return;
	}
	zero_part(mapping, start, first);
	zero_part(mapping, stop, end);
	if (first == stop)
		return;
	mapping_remove_pages(mapping, first >> PAGE_SHIFT, (stop >> PAGE_SHIFT) - 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	unmap_pages(mapping, first >> PAGE_SHIFT, (stop >> PAGE_SHIFT) - 1, false);
}
