/* SPDX-License-Identifier: MIT */
/* What is mapped in an address space, page by page, for reports (mm/vm/pagewalk.c; Linux: mm/pagewalk.c). */
#ifndef QUIRE_PAGEWALK_H
#define QUIRE_PAGEWALK_H

#include <quire/mm.h>
#include <quire/page.h>

struct mapped_page {
	struct page *page; /* NULL: the zero page, or no memory that is counted */
	unsigned long pfn;
	unsigned long size; /* bytes that its entry maps; the page is one of them */
	s32 mapcount;	    /* entries of all address spaces that show the page */
	bool write, dirty, young, anon, shmem;
};

/*
 * The page at addr: true, and *m is filled in. False: nothing is mapped there. *next: where to look next, at most end. The caller holds
 * mmap_lock, or the area as vm_each_mapped does; faults go on meanwhile, so that what is told may be over when it is.
 */
bool vm_mapped_page(struct mm_struct *mm, unsigned long addr, unsigned long end,
		    struct mapped_page *m, unsigned long *next);

/*
 * What is mapped between addr and end, in order, `size` bytes of one entry or of a part of it. Without mmap_lock: the area is kept as a fault keeps it,
 * so who changes others does not wait; it ends where there is no area (any more). see: neither sleeps nor faults.
 */
void vm_each_mapped(struct mm_struct *mm, unsigned long addr, unsigned long end,
		    void (*see)(void *arg, const struct vm_area_struct *vma,
				const struct mapped_page *m, unsigned long size),
		    void *arg);

/* The name that prctl has given the area, or NULL. */
const char *vma_anon_name(const struct vm_area_struct *vma);
/* The page that reads of untouched memory show. */
const struct page *vm_zero_page(void);
/* The page is one of the block that reads of nothing see. */
bool is_huge_zero(const struct page *page);
/* /proc/PID/clear_refs: 1: all pages, 2: anonymous ones, 3: those of files are not referenced any more. Takes mmap_lock. */
void vm_clear_refs(struct mm_struct *mm, int which);

#endif
