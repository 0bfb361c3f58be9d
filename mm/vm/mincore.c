// SPDX-License-Identifier: MIT
/*
 * mincore and msync: what of a range is in memory, and what of it is written to its file. Files are memory here, so nothing is written;
 * what the calls refuse is Linux 6.12's (mm/mincore.c, mm/msync.c).
 *
 * Locking: mmap_lock, for reading.
 */
#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/string.h>

#include "internal.h"

/* Is a page of the file there, where the table has none? */
static unsigned char file_has(const struct vm_area_struct *vma, unsigned long addr)
{
	struct page *page;

	if (!vma->vm_file || !vma->vm_file->f_mapping)
		return 0;
	page = mapping_get_page(vma->vm_file->f_mapping, linear_page_index(vma, addr), false);
	if (page)
		put_page(page);
	return page != NULL;
}

static void area_residency(struct mm_struct *mm, const struct vm_area_struct *vma,
			   unsigned long addr, unsigned long end, unsigned char *vec)
{
	while (addr < end) {
		unsigned long stop;
		const u64 *pte = pte_find(mm, addr, &stop);

		stop = min(stop, end);
		if (!pte && mm_has_huge(mm)) {
			u64 raw, val;

			if (entry_find(mm, addr, &raw, &val) && val) {
				memset(vec, 1, (stop - addr) >> PAGE_SHIFT);
				vec += (stop - addr) >> PAGE_SHIFT;
				addr = stop;
				continue;
			}
		}
		for (; addr < stop; addr += PAGE_SIZE) {
			*vec++ = pte && pte_load(pte) ? 1 : file_has(vma, addr);
			if (pte)
				pte++;
		}
	}
}

long vm_mincore(struct mm_struct *mm, unsigned long start, unsigned long pages, unsigned char *vec)
{
	const struct vm_area_struct *vma;
	long n = -ENOMEM;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, start);
	if (vma) {
		unsigned long end = min(vma->vm_end, start + (pages << PAGE_SHIFT));

		n = (long)((end - start) >> PAGE_SHIFT);
		if (vma_is_anonymous(vma) || vma->vm_file)
			area_residency(mm, vma, start, end, vec);
		else
			memset(vec, 1, (size_t)n);
	}
	mmap_read_unlock(mm);
	return n;
}

int vm_msync(struct mm_struct *mm, unsigned long start, unsigned long len, int flags)
{
	const struct vm_area_struct *vma;
	unsigned long end;
	int err = 0, hole = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || start & (PAGE_SIZE - 1) ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	end = start + PAGE_ALIGN(len);
	if (end < start)
		return -ENOMEM;
	mmap_read_lock(mm);
	while (start < end) {
		vma = find_vma(mm, start);
		if (!vma || vma->vm_start > start) {
			hole = -ENOMEM;
			/* Nothing follows that would matter to it. */
			if (!vma || flags == MS_ASYNC || vma->vm_start >= end)
				break;
		}
		if (flags & MS_INVALIDATE && vma->vm_flags & VM_LOCKED) {
			err = -EBUSY;
			break;
		}
		start = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return err ? err : hole;
}
