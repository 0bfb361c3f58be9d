/* SPDX-License-Identifier: MIT */
/*
 * Pages and tables that have been taken out of an address space and are freed when the TLBs have forgotten them (mm/vm/zap.c; Linux:
 * struct mmu_gather).
 */
#ifndef MM_VM_GATHER_H
#define MM_VM_GATHER_H

#include <quire/mm.h>

/* Pages that are noted in the gather itself; more in a page of its own, if there is one. */
#define GATHER_PAGES 64U

struct mmu_gather {
	struct mm_struct *mm;
	unsigned long start,
		end; /* what was mapped, or served by a table, and is not flushed: a hull; start > end: nothing */
	bool freed_tables;
	bool whole;	/* flush all of the address space */
	bool keep_anon; /* private copies of a file's pages stay */
	bool dead;	/* nobody runs in it, and it has been flushed: nothing of it is in a TLB */
	unsigned int nr, max;
	struct page_list tables;
	/* Pages that an entry showed, which is gone: a mapping and a reference to drop. Bit 0: it was written by it. */
	unsigned long *pages;
	unsigned long own[GATHER_PAGES];
};

void gather_begin(struct mmu_gather *tlb, struct mm_struct *mm, bool whole);
/* Flush, and free what was gathered. */
void gather_flush(struct mmu_gather *tlb);
/* A table that has been unhung; addr: a page that it served. */
void gather_table(struct mmu_gather *tlb, struct page *table, unsigned long addr);

/* Take away what is mapped in [start, end). */
void unmap_page_range(struct mmu_gather *tlb, unsigned long start, unsigned long end);
/* All of an area that is in no tree any more, under mmap_lock, or of a dead one: nobody but the CPU changes its entries. */
void unmap_area(struct mmu_gather *tlb, const struct vm_area_struct *vma);

/*
 * Unhang the tables that serve nothing but [start, end), which lies between an area that ends at floor and one that starts at ceiling (0: there
 * is none). Nothing is mapped there any more.
 */
void free_pgtables(struct mmu_gather *tlb, unsigned long start, unsigned long end,
		   unsigned long floor, unsigned long ceiling);
void table_page_free(struct mm_struct *mm, struct page *page);

#endif
