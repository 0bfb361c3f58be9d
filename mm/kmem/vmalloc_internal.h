/* SPDX-License-Identifier: MIT */
/* Between the files of the vmalloc area: vmalloc.c, vmalloc_huge.c, vmap_ram.c. */
#ifndef MM_KMEM_VMALLOC_INTERNAL_H
#define MM_KMEM_VMALLOC_INTERNAL_H

#include <quire/vmalloc.h>

/*
 * The area of one of these kinds (VM_*) that begins at addr leaves the living: its user alone has it now, until
 * vm_release_area. NULL: there is none, which is reported in who's name.
 */
struct vm_struct *vm_take_area(const void *addr, unsigned long kinds, const char *who);
/* Nothing is mapped in it any more: its addresses come back after the next flush. */
void vm_release_area(struct vm_struct *vm);
/* Nothing of it is in any TLB, either: its addresses come back at once. */
void vm_free_flushed_area(struct vm_struct *vm);
/* One flush for all that was freed or unmapped. Not in interrupts. */
void vm_flush_lazy(void);
/* The same in any context, if nobody is at it and interrupts are on. Was it done? */
bool vm_try_flush_lazy(void);
/*
 * Empty tables that earlier areas left within [kva, kva + size), which is all of a living area's and not mapped, go, so that blocks
 * can be where they were. A table that it covers is nobody else's.
 */
void vm_make_way(unsigned long kva, unsigned long size);
/* Give back the pages of pages[]. */
void vm_free_pages(struct vm_struct *vm);
/* More than these pages of addresses are not left unflushed, unless all are freed with interrupts off. */
unsigned long vm_lazy_max_pages(void);

/*
 * Around the flush of all TLBs, with the lock held of who flushes: what was unmapped before it in blocks of vm_map_ram is noted, and
 * may be used again after it.
 */
void vmap_ram_before_flush(void);
void vmap_ram_after_flush(void);
/* Give back the addresses of blocks that nobody uses, but of so many of each CPU. No locks held. */
void vmap_ram_shrink(unsigned int keep);
/* Re-derives every block's bits, lists and page tables. Prints violations, returns how many. */
int vmap_ram_check(void);

#endif
