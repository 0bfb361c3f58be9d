// SPDX-License-Identifier: MIT
/*
 * arm64_memblock_init: from what the tree calls memory to what this kernel can use of it, and where
 * the linear map starts.
 *
 * The steps are Linux's, in Linux's order, because each sees what the ones before left: physical
 * address size, linear region, mem=, initrd, randomisation, the kernel image, the tree's
 * reservations. When it returns, memstart_addr is final and phys_to_virt works.
 *
 * Differences: Linux removes silently, here each removal of memory is said; struct page links
 * number 2^32 pages (quire/page.h), which bounds the span of RAM; va_layout is that of the VA size
 * in force, so a 52-bit kernel on a 48-bit CPU needs no shift of memstart_addr.
 */
#include <quire/boot.h>
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/printk.h>

#include "fdt_scan.h"

/*
 * memstart_addr is rounded down to what one entry (or a contiguous run) of the linear map's block
 * level maps: a 1 GiB entry with 4K pages, 32 entries of 32 MiB with 16K, one of 512 MiB with 64K;
 * and to a section, so that vmemmap begins with a whole one.
 */
#if PAGE_SHIFT == 16
#define MEMSTART_SHIFT 29
#else
#define MEMSTART_SHIFT 30
#endif
#define MEMSTART_ALIGN                                                                             \
	(1UL << (MEMSTART_SHIFT > SECTION_SIZE_BITS ? MEMSTART_SHIFT : SECTION_SIZE_BITS))

/*
 * Bytes of RAM, holes included, that 32-bit page indices reach: page_base_pfn lies one section
 * below the first page.
 */
#define MAX_RAM_SPAN ((1ULL << (32 + PAGE_SHIFT)) - (1ULL << SECTION_SIZE_BITS))

static phys_addr_t image_end(void)
{
	return boot_params.image.phys + boot_params.image.size;
}

/* Remove [start, end) of memory, and say so when there was any. */
static __always_inline void drop_memory(phys_addr_t start, phys_addr_t end, const char *why)
{
	phys_addr_t before = memblock_phys_mem_size();
	phys_addr_t first = memblock_start_of_DRAM(), last = memblock_end_of_DRAM();

	if (start >= end)
		return;
	memblock_remove(start, end == PHYS_ADDR_MAX ? end : end - start);
	before -= memblock_phys_mem_size();
	start = max(start, first);
	end = min(end, last);
	if (before)
		pr_warn("Ignoring %llu MiB of memory in [%pa-%pa): %s\n",
			(unsigned long long)(before >> 20), &start, &end, why);
}

/*
 * The linear map's size in bytes bounds the span of RAM; so do page indices. Below it RAM is kept,
 * or the kernel where that lies higher.
 */
static void fit_linear_region(u64 linear_size)
{
	const char *why = "it does not fit in the linear mapping, VA_BITS too small";
	phys_addr_t start, end, limit;

	memstart_addr = (s64)ALIGN_DOWN(memblock_start_of_DRAM(), MEMSTART_ALIGN);
	if (linear_size > MAX_RAM_SPAN) {
		linear_size = MAX_RAM_SPAN;
		why = "the memory map holds 2^32 pages";
	}
	start = (phys_addr_t)memstart_addr;
	limit = linear_size > PHYS_ADDR_MAX - start ? PHYS_ADDR_MAX : start + linear_size;
	drop_memory(max(limit, image_end()), PHYS_ADDR_MAX, why);
	end = memblock_end_of_DRAM();
	if (limit < end) {
		/* The kernel lies beyond: keep the upper end of RAM instead. */
		memstart_addr = (s64)ALIGN(end - linear_size, MEMSTART_ALIGN);
		drop_memory(0, (phys_addr_t)memstart_addr, why);
	}
}

/*
 * mem= and linux,usable-memory-range may have cut the initrd off: its pages become memory again, as
 * long as the linear map, page indices and the CPU reach them. An initrd below all memory or too far
 * away is given up.
 */
static void add_back_initrd(u64 linear_size)
{
	phys_addr_t reach = (phys_addr_t)memstart_addr + min(linear_size, MAX_RAM_SPAN);
	phys_addr_t base, size, last;

	if (!phys_initrd_size)
		return;
	reach = min(reach, (phys_addr_t)1 << port_pa_bits());
	base = phys_initrd_start & PAGE_MASK;
	if (base < memblock_start_of_DRAM() || phys_initrd_start >= reach ||
	    phys_initrd_size > reach - phys_initrd_start) {
		pr_warn("initrd not fully accessible via the linear mapping -- please check your "
			"bootloader ...\n");
		phys_initrd_size = 0;
		return;
	}
	size = PAGE_ALIGN(phys_initrd_start + phys_initrd_size) - base;
	last = base + size - 1;
	/* Adding it back is for what mem= cut off; more than there is of memory cannot have been loaded. */
	if (memory_limit == PHYS_ADDR_MAX && size > memblock_phys_mem_size()) {
		pr_warn("initrd [%pa-%pa] is larger than memory, ignoring it\n", &base, &last);
		phys_initrd_size = 0;
		return;
	}
	if (memblock_addrs_overlap(base, size, boot_params.image.phys, boot_params.image.size))
		pr_warn("initrd [%pa-%pa] lies over the kernel image: its content is lost\n", &base,
			&last);
	if (!memblock_is_region_memory(base, size))
		pr_warn("initrd [%pa-%pa] is not all memory: adding it\n", &base, &last);
	memblock_add(base, size);
	memblock_clear_nomap(base, size);
	memblock_reserve(base, size);
}

/*
 * Move PAGE_OFFSET's physical address down by a random multiple of MEMSTART_ALIGN, where the linear
 * region has room beyond all that this CPU's physical addresses can name.
 */
static void randomise_memstart(u64 linear_size)
{
	s64 range = (s64)linear_size - (s64)(1ULL << port_pa_bits());

	if (!boot_params.memstart_seed || range < (s64)MEMSTART_ALIGN)
		return;
	range /= (s64)MEMSTART_ALIGN;
	memstart_addr -= (s64)MEMSTART_ALIGN * ((range * boot_params.memstart_seed) >> 16);
}

void arm64_memblock_init(void)
{
	const struct kimage *image = &boot_params.image;
	u64 linear_size = va_layout.page_end - va_layout.page_offset;
	phys_addr_t start, end, free_start, free_end;
	u64 i;

	event_step("arm64_memblock_init");
	if (!memblock.memory.total_size)
		panic("No memory: %s",
		      !fdt_info.memory_nodes
			      ? "the device tree has no /memory node"
			      : "the /memory nodes of the device tree describe none");
	drop_memory(1ULL << port_pa_bits(), PHYS_ADDR_MAX,
		    "this CPU's physical addresses do not reach it");
	if (!memblock.memory.total_size)
		panic("No memory: all of it lies beyond %u-bit physical addresses", port_pa_bits());
	if (image->size && !memblock_is_region_memory(image->phys, image->size)) {
		start = image->phys;
		end = image_end() - 1;
		pr_err("the kernel image [%pa-%pa] is not all memory according to the device tree: "
		       "adding it\n",
		       &start, &end);
		memblock_add(image->phys, image->size);
	}

	event_step("linear region");
	fit_linear_region(linear_size);

	if (memory_limit != PHYS_ADDR_MAX) {
		event_step("mem=");
		memblock_mem_limit_remove_map(memory_limit);
		memblock_add(image->phys, image->size);
	}
	event_step("initrd");
	add_back_initrd(linear_size);
	randomise_memstart(linear_size);

	memblock_reserve(image->phys, image->size);
	early_init_fdt_scan_reserved_mem();

	start = memblock_start_of_DRAM();
	end = memblock_end_of_DRAM();
	if (port_linear_map_init((phys_addr_t)memstart_addr, start, end))
		panic("The linear map cannot hold memory from %pa to %pa", &start, &end);
	i = 0;
	__next_mem_range(&i, NUMA_NO_NODE, MEMBLOCK_NONE, &memblock.memory, &memblock.reserved,
			 &free_start, &free_end, NULL);
	if (i == ~(u64)0)
		panic("No usable memory is left: all %llu KiB of it are reserved",
		      (unsigned long long)(memblock_phys_mem_size() >> 10));
}
