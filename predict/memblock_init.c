// SPDX-License-Identifier: MIT
/*
 * arm64_memblock_init as Linux does it, on Quire's memblock and reservations.
 *
 * Against boot/memblock_init.c: that one says what it removes, adds the image when the tree forgot it, bounds RAM by
 * page indices, and gives up on less. Linux knows none of these, and its linear map is that of the build's VA size, so
 * that memstart_addr is moved down on a CPU that has fewer bits.
 */
#include <quire/boot.h>
#include <quire/mmzone.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "../boot/fdt_scan.h"
#include "predict.h"

/* What one entry (or a contiguous run) of the linear map's block level maps, and a section. */
static u64 memstart_align(void)
{
	unsigned int shift = PAGE_SHIFT == 16 ? 29 : 30;

	return 1ULL << max(shift, (unsigned int)build_profile->section_size_bits);
}

static void remove(phys_addr_t base, phys_addr_t size)
{
	u32 first = event_log.nr;

	memblock_remove(base, size);
	linux_caller(first, "arm64_memblock_init");
}

static void add(phys_addr_t base, phys_addr_t size)
{
	u32 first = event_log.nr;

	memblock_add(base, size);
	linux_caller(first, "arm64_memblock_init");
}

static void reserve(phys_addr_t base, phys_addr_t size)
{
	u32 first = event_log.nr;

	memblock_reserve(base, size);
	linux_caller(first, "arm64_memblock_init");
}

static void fit_linear_region(u64 size)
{
	const u64 align = memstart_align();
	phys_addr_t image_end = boot_params.image.phys + boot_params.image.size;

	memstart_addr = (s64)(memblock_start_of_DRAM() & ~(align - 1));
	if (memblock_end_of_DRAM() - (u64)memstart_addr > size)
		pr_warn("Memory doesn't fit in the linear mapping, VA_BITS too small\n");
	remove(max((phys_addr_t)memstart_addr + size, image_end), ~0ULL);
	if ((u64)memstart_addr + size < memblock_end_of_DRAM()) {
		memstart_addr = (s64)ALIGN(memblock_end_of_DRAM() - size, align);
		remove(0, (phys_addr_t)memstart_addr);
	}
	if (build_profile->va_bits == 52 && vabits_actual != 52)
		memstart_addr -= (s64)(linux_page_offset(vabits_actual) - linux_page_offset(52));
}

static void add_back_initrd(u64 linear_size)
{
	phys_addr_t base = phys_initrd_start & PAGE_MASK, size;

	if (!phys_initrd_size)
		return;
	size = PAGE_ALIGN(phys_initrd_start + phys_initrd_size) - base;
	if (base < memblock_start_of_DRAM() ||
	    base + size > memblock_start_of_DRAM() + linear_size) {
		pr_warn("initrd not fully accessible via the linear mapping -- please check your "
			"bootloader ...\n");
		phys_initrd_size = 0;
		return;
	}
	add(base, size);
	memblock_clear_nomap(base, size);
	reserve(base, size);
}

/* Linux's linear region ends where that of the smallest VA size of the build ends. */
u64 linux_linear_size(void)
{
	unsigned int least = (unsigned int)build_profile->va_bits;
	u64 page_end;

	if (least == 52)
		least = PAGE_SHIFT == 14 ? 47 : 48;
	page_end = -(1ULL << (least - 1));
	return page_end - linux_page_offset(vabits_actual);
}

/* What is reserved belongs to the function whose step it comes in; requests have names of their own. */
static void scan_reserved_mem(void)
{
	const char *who = "early_init_fdt_scan_reserved_mem";
	u32 i = event_log.nr;

	early_init_fdt_scan_reserved_mem();
	for (; i < event_log.nr; i++) {
		struct event *e = &event_log.events[i];
		unsigned long offset, size;
		const char *by;

		if (e->op == EVENT_STEP) {
			who = !strcmp(e->name, "fdt_scan_reserved_mem")
				      ? "fdt_scan_reserved_mem"
				      : "early_init_fdt_scan_reserved_mem";
			continue;
		}
		by = e->op == EVENT_RESERVE ? port_symbolize(e->ip, &offset, &size) : NULL;
		if (by && strcmp(by, "memblock_alloc_range_nid") != 0)
			e->name = who;
	}
}

void linux_memblock_init(void)
{
	const struct kimage *image = &boot_params.image;
	u64 size = linux_linear_size();
	phys_addr_t start, end, first;
	s64 range;

	event_step("arm64_memblock_init");
	remove(1ULL << linux_phys_mask_shift(), ~0ULL);
	if (!memblock.memory.total_size)
		panic("No memory: the device tree describes none that this kernel can use");
	fit_linear_region(size);
	if (memory_limit != PHYS_ADDR_MAX) {
		memblock_mem_limit_remove_map(memory_limit);
		add(image->phys, image->size);
	}
	add_back_initrd(size);
	range = (s64)(size - (1ULL << port_pa_bits()));
	if (boot_params.memstart_seed && range >= (s64)memstart_align()) {
		range /= (s64)memstart_align();
		memstart_addr -=
			(s64)(memstart_align() * ((u64)(range * boot_params.memstart_seed) >> 16));
	}
	/* Before 6.2 the first 64 KiB, which hold the header, are not kept. */
	first = linux_before(0x602) ? build_profile->stext : 0;
	reserve(image->phys + first, image->size - first);
	scan_reserved_mem();

	/* The simulated RAM has its window where the port's own layout wants it. */
	start = memblock_start_of_DRAM();
	end = memblock_end_of_DRAM();
	if (port_linear_map_init(start & ~(phys_addr_t)(memstart_align() - 1), start, end))
		panic("The linear map cannot hold memory from %pa to %pa", &start, &end);
}
