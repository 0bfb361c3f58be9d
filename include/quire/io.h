/* SPDX-License-Identifier: MIT */
/*
 * Device memory in the kernel's address space (mm/kmem/ioremap.c; Linux: asm/io.h, linux/io.h).
 *
 * Any range of bytes; the offset within its first page is kept. NULL: empty, wraps, beyond the CPU's physical addresses, no room,
 * or memory that the linear map has, which is reported. May sleep.
 */
#ifndef QUIRE_IO_H
#define QUIRE_IO_H

#include <quire/pgtable.h>

void *ioremap_prot(phys_addr_t phys, size_t size, pgprot_t prot);
void *ioremap(phys_addr_t phys, size_t size);	 /* Device-nGnRE */
void *ioremap_wc(phys_addr_t phys, size_t size); /* Normal-NC */
void iounmap(void *addr);

#define MEMREMAP_WB 1UL
#define MEMREMAP_WT 2UL
#define MEMREMAP_WC 4UL
/*
 * The first of the ways in flags that can be had: WB of RAM is the linear map's address; WT is not offered on arm64 (as in
 * Linux, where it is ioremap_wt, Device-nGnRE); RAM is refused otherwise.
 */
void *memremap(phys_addr_t offset, size_t size, unsigned long flags);
void memunmap(void *addr);

#endif
