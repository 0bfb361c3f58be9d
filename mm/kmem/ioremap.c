// SPDX-License-Identifier: MIT
/*
 * Device memory at kernel addresses. Owns nothing: areas are vmalloc.c's, marked VM_IOREMAP.
 * Against Linux 6.12 arm64: the same refusals (ioremap_prot, generic_ioremap_prot, memremap).
 */
#include <quire/io.h>
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/vmalloc.h>

/* Some page of the range is memory that the linear map has. */
static bool touches_ram(phys_addr_t start, phys_addr_t end)
{
	for (start &= PAGE_MASK; start < end; start += PAGE_SIZE)
		if (memblock_is_map_memory(start))
			return true;
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
	if (touches_ram(phys, last + 1)) {
		pr_warn("WARNING: ioremap of memory at %pa\n", &phys);
		return NULL;
	}
	/* As far as a 2 MiB block the addresses agree with what they map (Linux: IOREMAP_MAX_ORDER). */
	order = min_t(unsigned int, get_order(whole) + PAGE_SHIFT, 2 * PAGE_SHIFT - 3);
	vm = get_vm_area_caller(whole, 1UL << order, VM_IOREMAP, caller);
	if (!vm)
		return NULL;
	vm->phys_addr = base;
	if (kernel_map(vm->va.start, base, whole, prot, MAP_NO_BLOCKS | MAP_NO_CONT)) {
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
	phys_addr_t end = offset + size;

	if (!size || end < offset)
		return NULL;
	if (flags & MEMREMAP_WB) {
		bool all = true;

		for (phys_addr_t p = offset & PAGE_MASK; p < end && all; p += PAGE_SIZE)
			all = memblock_is_map_memory(p);
		if (all)
			return phys_to_virt(offset);
	}
	if (touches_ram(offset, end)) {
		pr_warn("WARNING: memremap attempted on ram %pa size: 0x%lx\n", &offset, size);
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
