// SPDX-License-Identifier: MIT
/*
 * The kernel's virtual address space: which area lies where, for a VA size. Pure arithmetic on Linux 6.12's formulas
 * (arch/arm64/include/asm/memory.h), with struct page at 32 bytes, so that vmemmap is half as large.
 *
 *   -2^va        linear map              page_offset .. page_end
 *   -2^(min-1)   modules, 2 GiB          modules_start .. modules_end
 *                vmalloc; the kernel image at its start (before KASLR)
 *                vmemmap                 .. -1 GiB
 *   -1 GiB+8 MiB PCI I/O, 16 MiB
 *                fixmap                  .. -8 MiB
 *
 * va is the size in force, min the size that every CPU has (48; 47 with 16 KiB pages; va itself up to 48). Linux keeps
 * the layout of the configured size on a CPU without 52-bit addresses and lowers memstart_addr instead; the areas above
 * page_end are the same either way, but for vmemmap_start.
 */
#include <quire/page.h>
#include <quire/pgtable.h>

#define MODULES_SIZE SZ_2G
#define PCI_IO_SIZE SZ_16M

struct va_layout va_layout;
s64 memstart_addr = -1;

static bool va_bits_possible(unsigned int va_bits)
{
	switch (va_bits) {
	case 39:
		return PAGE_SHIFT == 12;
	case 42:
		return PAGE_SHIFT == 16;
	case 47:
		return PAGE_SHIFT == 14;
	case 48:
	case 52:
		return true;
	}
	return false;
}

int va_layout_init(unsigned int va_bits)
{
	unsigned int min_bits = va_bits <= 48 ? va_bits : PAGE_SHIFT == 14 ? 47 : 48;
	struct va_layout *l = &va_layout;

	if (!va_bits_possible(va_bits))
		return -EINVAL;
	l->va_bits = va_bits;
	l->page_offset = -(1UL << va_bits);
	l->page_end = -(1UL << (min_bits - 1));
	l->modules_start = l->page_end;
	l->modules_end = l->modules_start + MODULES_SIZE;
	l->kimage_vaddr = l->modules_end;
	l->vmemmap_end = -SZ_1G;
	l->vmemmap_start = l->vmemmap_end -
			   (((l->page_end - l->page_offset) >> PAGE_SHIFT) << STRUCT_PAGE_SHIFT);
	l->vmalloc_start = l->modules_end;
	l->vmalloc_end = l->vmemmap_start - SZ_8M;
	l->pci_io_start = l->vmemmap_end + SZ_8M;
	l->pci_io_end = l->pci_io_start + PCI_IO_SIZE;
	l->fixaddr_top = -SZ_8M;
	l->fixaddr_start = l->fixaddr_top - ((unsigned long)__end_of_fixed_addresses << PAGE_SHIFT);
	return 0;
}
