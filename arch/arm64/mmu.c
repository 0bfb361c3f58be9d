// SPDX-License-Identifier: MIT
/*
 * paging_init: the kernel's own page tables, from the image's segments and memblock's memory, and the switch to them.
 *
 *   swapper_pg_dir -+- kernel image   text RX, rodata RO, init text RX, init data and data RW
 *                   +- fixmap         the tables that init_pg_dir has
 *                   +- linear map     every range of memory that is not NOMAP, RW, never executable;
 *                                     the alias of [_text, __init_begin) read-only,
 *                                     with rodata=off too
 *
 * Invariants afterwards: no address is writable and executable (unless rodata=off); no writable alias of what the kernel maps
 * read-only; NOMAP memory is in no page of the linear map, not even in part; what is free in memblock is in it.
 *
 * Runs on the boot CPU with interrupts off, once.
 *
 * Against Linux 6.12: there the image is mapped from head.S on and the alias is made read-only late; with rodata=full, the
 * default, the linear map is made of pages. Here the alias is read-only from the start and blocks are split when a
 * permission changes, so every mode has the same blocks.
 */
#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "pgtable.h"

#define PROT_BASE (DESC_AF | DESC_SH_INNER | DESC_UXN)
#define PROT_MEM (PROT_BASE | DESC_PXN | DESC_WRITE)

const pgprot_t PAGE_KERNEL = {PROT_MEM | DESC_DIRTY | DESC_ATTRINDX(MT_NORMAL)};
const pgprot_t PAGE_KERNEL_TAGGED = {PROT_MEM | DESC_DIRTY | DESC_ATTRINDX(MT_NORMAL_TAGGED)};
const pgprot_t PAGE_KERNEL_RO = {PROT_BASE | DESC_PXN | DESC_RDONLY | DESC_DIRTY |
				 DESC_ATTRINDX(MT_NORMAL)};
const pgprot_t PAGE_KERNEL_ROX = {PROT_BASE | DESC_RDONLY | DESC_DIRTY | DESC_ATTRINDX(MT_NORMAL)};
const pgprot_t PAGE_KERNEL_EXEC = {PROT_BASE | DESC_WRITE | DESC_DIRTY | DESC_ATTRINDX(MT_NORMAL)};
const pgprot_t PROT_DEVICE_nGnRE = {PROT_MEM | DESC_ATTRINDX(MT_DEVICE_nGnRE)};
const pgprot_t PROT_NORMAL_NC = {PROT_MEM | DESC_ATTRINDX(MT_NORMAL_NC)};

enum rodata_mode rodata_mode = RODATA_FULL;

#define TCR_DS BIT(59)

void pgtable_init_kernel(phys_addr_t root)
{
	pgtable_init(&kernel_pgtable, root, vabits_actual, port_pa_bits(),
		     port_read_reg(PORT_TCR_EL1) & TCR_DS);
}

/* ------------------------------------------------------------------ the image */

static pgprot_t segment_prot(enum kimage_prot prot)
{
	bool protect = rodata_mode != RODATA_OFF;

	switch (prot) {
	case KIMAGE_RX:
	case KIMAGE_INIT_RX:
		return protect ? PAGE_KERNEL_ROX : PAGE_KERNEL_EXEC;
	case KIMAGE_RO:
		return protect ? PAGE_KERNEL_RO : PAGE_KERNEL;
	case KIMAGE_RW:
	case KIMAGE_INIT_RW:
		break;
	}
	return PAGE_KERNEL;
}

static void map_kernel(struct pgtable *pt)
{
	const struct kimage *image = &boot_params.image;

	for (unsigned int i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];
		int err = pgtable_map(pt, image->kva + s->start, image->phys + s->start,
				      s->end - s->start, segment_prot(s->prot), 0);

		if (err)
			panic("Cannot map the kernel's %s: error %d", s->name, err);
	}
}

/* [_text, __init_begin): what has no writable alias. */
static u64 init_begin(void)
{
	const struct kimage *image = &boot_params.image;
	u64 begin = image->size;

	for (unsigned int i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];

		if (s->prot != KIMAGE_RX && s->prot != KIMAGE_RO)
			begin = min(begin, s->start);
	}
	return begin;
}

/* ------------------------------------------------------------------ the linear map */

/* Tag accesses need AttrIndx 1, if the port gave it cacheable memory. */
pgprot_t linear_prot(void)
{
	u64 attr = MAIR_ATTR(port_read_reg(PORT_MAIR_EL1), MT_NORMAL_TAGGED);

	return attr == MAIR_ATTR_NORMAL_WB || attr == MAIR_ATTR_NORMAL_TAGGED ? PAGE_KERNEL_TAGGED
									      : PAGE_KERNEL;
}

static void map_linear(struct pgtable *pt, phys_addr_t start, phys_addr_t end, pgprot_t prot)
{
	int err;

	if (start >= end)
		return;
	/* Nothing below these tables is executable. A table shared with the image was made before, without that. */
	err = pgtable_map(pt, phys_to_kva(start), start, end - start, prot, linear_map_flags());
	if (err)
		panic("Cannot map memory [%pa-%pa]: error %d", &start, &end, err);
}

/* Regions that touch (nodes, flags) are one bank: blocks may cross from one to the next. */
static void for_each_bank(struct pgtable *pt,
			  void (*fn)(struct pgtable *pt, phys_addr_t start, phys_addr_t end))
{
	phys_addr_t start, end, bank_start = 0, bank_end = 0;
	u64 i;

	for_each_mem_range(i, &start, &end)
	{
		if (start == bank_end) {
			bank_end = end;
			continue;
		}
		fn(pt, bank_start, bank_end);
		bank_start = start;
		bank_end = end;
	}
	fn(pt, bank_start, bank_end);
}

/* One range of memory without holes; bytes, not pages. */
static void map_bank(struct pgtable *pt, phys_addr_t start, phys_addr_t end)
{
	phys_addr_t ro_start = boot_params.image.phys, ro_end = ro_start + init_begin();
	pgprot_t prot = linear_prot();

	/* Inward: a page that is NOMAP in part is not mapped. */
	start = PAGE_ALIGN(start);
	end &= PAGE_MASK;
	if (start >= end)
		return;
	if (ro_end <= start || ro_start >= end) {
		map_linear(pt, start, end, prot);
		return;
	}
	map_linear(pt, start, ro_start, prot);
	map_linear(pt, max(start, ro_start), min(end, ro_end), PAGE_KERNEL_RO);
	map_linear(pt, ro_end, end, prot);
}

static void map_mem(struct pgtable *pt)
{
	for_each_bank(pt, map_bank);
}

/*
 * The pages at a bank's ends that map_bank left out: nobody may be given the part of them that is memory. Only now,
 * because a bank in small pieces makes memblock's array grow, which takes memory that is mapped.
 */
static void reserve_bank_ends(struct pgtable *pt, phys_addr_t start, phys_addr_t end)
{
	phys_addr_t first = min(PAGE_ALIGN(start), end), last = max(end & PAGE_MASK, first);

	if ((first != start && memblock_reserve(start, first - start)) ||
	    (last != end && memblock_reserve(last, end - last)))
		panic("No room to reserve what the linear map leaves out of [%pa-%pa]", &start,
		      &end);
}

/* ------------------------------------------------------------------ the road */

void paging_init(void)
{
	phys_addr_t swapper = port_swapper_pg_dir(), init;
	struct pgtable next;
	u64 init_size;

	init = port_init_pg_dir(&init_size);
	memset(port_image_to_ptr(swapper), 0, PAGE_SIZE);
	pgtable_init(&next, swapper, kernel_pgtable.va_bits, kernel_pgtable.pa_bits,
		     kernel_pgtable.pa52);

	event_step("map_kernel");
	map_kernel(&next);
	fixmap_install(swapper);
	event_step("map_mem");
	map_mem(&next);

	event_step("cpu_replace_ttbr1");
	port_replace_ttbr1(swapper);
	kernel_pgtable.root = swapper;
	linear_map_ready = true;
	fixmap_tables_done();

	if (init_size)
		memblock_phys_free(init, init_size);
	memblock_allow_resize();
	for_each_bank(&next, reserve_bank_ends);
}

void mark_rodata_ro(void)
{
	const struct kimage *image = &boot_params.image;
	unsigned long wx;

	if (rodata_mode == RODATA_OFF) {
		pr_info("Kernel memory protection disabled.\n");
		return;
	}
	/* Text, rodata and their alias have been read-only since paging_init. */
	for (unsigned int i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];
		int err;

		if (s->prot != KIMAGE_INIT_RX || s->start == s->end)
			continue;
		err = kernel_protect(image->kva + s->start, s->end - s->start, PAGE_KERNEL_RO);
		if (err)
			pr_err("Cannot seal the kernel's %s: error %d\n", s->name, err);
	}
	wx = kernel_check_wx();
	if (wx)
		pr_warn("Checked W+X mappings: FAILED, %lu W+X pages found\n", wx);
	else
		pr_info("Checked W+X mappings: passed, no W+X pages found\n");
}
