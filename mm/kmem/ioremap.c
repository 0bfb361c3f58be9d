// SPDX-License-Identifier: MIT
/*
 * Device memory at kernel addresses. Owns nothing: areas are vmalloc.c's, marked VM_IOREMAP.
 * Against Linux 6.12 arm64: the same refusals (ioremap_prot, generic_ioremap_prot, memremap).
 */
#include <quire/io.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/printk.h>

#include "vmalloc_internal.h"

/* Memory that came after boot covers whole sections. */
static bool touches_hot_memory(phys_addr_t start, phys_addr_t last)
{
	phys_addr_t p = start & PAGE_MASK;

	if (!linear_map_later)
		return false;
	for (; p <= last; p = ALIGN(p + 1, 1UL << SECTION_SIZE_BITS)) {
		if (linear_map_later(p, PAGE_SIZE))
			return true;
		if (p > PHYS_ADDR_MAX - (1UL << SECTION_SIZE_BITS))
			break;
	}
	return false;
}

/* Some page of [start, last] is memory that the linear map has. */
static bool touches_ram(phys_addr_t start, phys_addr_t last)
{
	struct memblock_region *r;

	start &= PAGE_MASK;
	last |= PAGE_SIZE - 1;
	for_each_mem_region(r)
	{
		if (r->base > last)
			break;
		if (!memblock_is_nomap(r) && r->size && r->base + r->size - 1 >= start)
			return true;
	}
	return touches_hot_memory(start, last);
}

/* All of it is. */
static bool is_ram(phys_addr_t start, phys_addr_t last)
{
	struct memblock_region *r;

	if (touches_hot_memory(start, last))
		return linear_map_later(start & PAGE_MASK,
					(last | (PAGE_SIZE - 1)) + 1 - (start & PAGE_MASK));
	/* Regions ascend and do not meet: one after the other has what is left. */
	for_each_mem_region(r)
	{
		if (memblock_is_nomap(r) || start < r->base || start - r->base >= r->size)
			continue;
		if (last - r->base < r->size)
			return true;
		start = r->base + r->size;
	}
	return false;
}

static void *remap(phys_addr_t phys, size_t size, pgprot_t prot, const void *caller)
{
	unsigned long offset = phys & ~PAGE_MASK, whole;
	phys_addr_t last = phys + size - 1, base = phys & PAGE_MASK;
	struct vm_struct *vm;
	unsigned int order;

	if (!size || last < phys || last >> port_pa_bits())
		return NULL;
	whole = PAGE_ALIGN(size + offset);
	if (whole < size)
		return NULL;
	if (touches_ram(phys, last)) {
		pr_warn("WARNING: ioremap of memory at %pa\n", &phys);
		return NULL;
	}
	/* As far as a 2 MiB block the addresses agree with what they map, so that blocks serve (Linux: IOREMAP_MAX_ORDER). */
	order = min_t(unsigned int, get_order(whole) + PAGE_SHIFT, 2 * PAGE_SHIFT - 3);
	vm = get_vm_area_caller(whole, 1UL << order, VM_IOREMAP, caller);
	if (!vm)
		return NULL;
	WRITE_ONCE(vm->phys_addr, base);
	vm_make_way(vm->va.start, whole);
	if (kernel_map(vm->va.start, base, whole, prot, MAP_NO_CONT)) {
		free_vm_area(vm);
		return NULL;
	}
	/* A process shows what it simulates; what it does not, is not there to be read. */
	(void)port_mirror_map(vm->va.start, base, whole);
	return (char *)vm->addr + offset;
}

void *ioremap_prot(phys_addr_t phys, size_t size, pgprot_t prot)
{
	return remap(phys, size, prot, (const void *)_RET_IP_);
}

void *ioremap(phys_addr_t phys, size_t size)
{
	return remap(phys, size, PROT_DEVICE_nGnRE, (const void *)_RET_IP_);
}

void *ioremap_wc(phys_addr_t phys, size_t size)
{
	return remap(phys, size, PROT_NORMAL_NC, (const void *)_RET_IP_);
}

void iounmap(void *addr)
{
	if (is_vmalloc_addr(addr))
		vunmap((void *)((unsigned long)addr & PAGE_MASK));
}

void *memremap(phys_addr_t offset, size_t size, unsigned long flags)
{
	const void *caller = (const void *)_RET_IP_;
	phys_addr_t last = offset + size - 1;

	if (!size || last < offset)
		return NULL;
	if (touches_ram(offset, last)) {
		const bool all = is_ram(offset, last);

		if (all && flags & MEMREMAP_WB)
			return phys_to_virt(offset);
		pr_warn("WARNING: memremap attempted on %s %pa size: 0x%lx\n",
			all ? "ram" : "mixed range", &offset, size);
		return NULL;
	}
	if (flags & MEMREMAP_WB)
		return remap(offset, size, PAGE_KERNEL, caller);
	if (flags & MEMREMAP_WT)
		return remap(offset, size, PROT_DEVICE_nGnRE, caller);
	if (flags & MEMREMAP_WC)
		return remap(offset, size, PROT_NORMAL_NC, caller);
	return NULL;
}

void memunmap(void *addr)
{
	iounmap(addr);
}
