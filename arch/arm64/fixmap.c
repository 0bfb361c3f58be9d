// SPDX-License-Identifier: MIT
/*
 * The fixmap: addresses known at compile time, whose physical side is set at run time. It is the first thing mapped after
 * the image, and the way to memory before the linear map exists: the device tree, the console, and page tables while
 * they are built.
 *
 * Its tables are pages inside the image (port_bm_table): two of level 3, because the window of the device tree is longer
 * than 2 MiB, and one each of levels 2, 1 and 0 where the tree above them has none. The same pages hang in init_pg_dir and
 * in swapper_pg_dir, so a slot set before the switch is there after it.
 *
 * Invariants: nothing else lives below the two tables of level 3; a slot that is in use is broken before it is made
 * again; a slot's window on the host shows what its entry says.
 *
 * Locking: none. Slots have one user each; the page-table slots belong to who holds the tree's lock.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "pgtable.h"

#define NR_BM_PTE 2

static bool fixmap_ready;
bool linear_map_ready;
/* What FIX_PTE .. FIX_PGD map, 0: nothing. */
static phys_addr_t slot_table[MAX_LEVEL - MIN_LEVEL + 1];
/* Pages of the device tree's window that are mapped, and the first one's address. */
static unsigned long fdt_pages;
static phys_addr_t fdt_base;

/* ------------------------------------------------------------------ tables */

static unsigned int bm_pte_of(unsigned long kva)
{
	return (unsigned int)((kva >> level_shift(2)) -
			      (va_layout.fixaddr_start >> level_shift(2)));
}

static u64 *fixmap_entry(unsigned long kva)
{
	u64 *t = port_image_to_ptr(port_bm_table(bm_pte_of(kva)));

	return t + ((kva >> PAGE_SHIFT) & (TABLE_ENTRIES - 1));
}

/* The fixmap's own table for level `level` on the way to kva. */
static phys_addr_t bm_table(int level, unsigned long kva)
{
	if (level == MAX_LEVEL)
		return port_bm_table(bm_pte_of(kva));
	return port_bm_table((unsigned int)(NR_BM_PTE + 2 - level));
}

/* Tables of level 3 that the fixmap spans. */
static unsigned int nr_bm_pte(void)
{
	return bm_pte_of(va_layout.fixaddr_top - 1) + 1;
}

void fixmap_install(phys_addr_t root)
{
	const struct pgtable *pt = &kernel_pgtable;

	for (unsigned int i = 0; i < nr_bm_pte(); i++) {
		unsigned long kva =
			(va_layout.fixaddr_start & ~(level_size(2) - 1)) + i * level_size(2);
		phys_addr_t table = root;

		for (int level = pt->top; level < MAX_LEVEL; level++) {
			u64 *entry = table_ptr(level, table) + table_index(pt, level, kva);
			u64 desc = port_get_pte(entry);

			if (!(desc & DESC_VALID)) {
				desc = desc_from_pa(bm_table(level + 1, kva)) | DESC_VALID |
				       DESC_TABLE | DESC_UXNTABLE;
				port_set_pte(entry, desc);
			} else if (!desc_is_table(desc, level)) {
				panic("A block is mapped at the fixmap, 0x%016lx", kva);
			}
			table = desc_to_pa(desc, pt->pa52);
		}
		if (table != bm_table(MAX_LEVEL, kva))
			panic("The fixmap shares a table with another mapping at 0x%016lx", kva);
	}
	port_pte_barrier();
}

void early_fixmap_init(void)
{
	u64 size;
	phys_addr_t root = port_init_pg_dir(&size);

	pgtable_init_kernel(root);
	kernel_pgtable.live = true;
	linear_map_ready = false;
	fdt_pages = 0;
	memset(slot_table, 0, sizeof(slot_table));
	if (nr_bm_pte() > NR_BM_PTE)
		panic("The fixmap spans %u tables", nr_bm_pte());
	for (unsigned int i = 0; i < NR_BM_TABLES; i++)
		memset(port_image_to_ptr(port_bm_table(i)), 0, PAGE_SIZE);
	fixmap_install(root);
	fixmap_ready = true;
}

/* ------------------------------------------------------------------ slots */

unsigned long fix_to_virt(enum fixed_address idx)
{
	return va_layout.fixaddr_top - ((unsigned long)idx << PAGE_SHIFT);
}

void set_fixmap(enum fixed_address idx, phys_addr_t pa, pgprot_t prot)
{
	unsigned long kva = fix_to_virt(idx);
	u64 *entry, old, val = 0;

	BUG_ON(!fixmap_ready || idx <= FIX_HOLE || idx >= __end_of_fixed_addresses);
	entry = fixmap_entry(kva);
	old = port_get_pte(entry);
	if (prot.val)
		val = leaf_desc_for(&kernel_pgtable, MAX_LEVEL, pa, prot);
	if (old == val)
		return;
	if (!val) {
		port_set_pte(entry, 0);
		port_flush_tlb_kernel_range(kva, kva + PAGE_SIZE);
		port_mirror_unmap(kva, PAGE_SIZE);
		return;
	}
	if (old & DESC_VALID) {
		break_before_make(entry, 1, val, 0, kva, PAGE_SIZE);
	} else {
		port_set_pte(entry, val);
		port_pte_barrier();
	}
	/* A device has no window on the host; its driver knows. */
	if (port_mirror_map(kva, pa & PAGE_MASK, PAGE_SIZE))
		port_mirror_unmap(kva, PAGE_SIZE);
}

u64 *fixmap_table_ptr(int level, phys_addr_t table)
{
	unsigned int i = (unsigned int)(MAX_LEVEL - level);
	enum fixed_address idx = FIX_PTE + i;

	if (slot_table[i] != table) {
		set_fixmap(idx, table, PAGE_KERNEL);
		slot_table[i] = table;
	}
	return port_kva_to_ptr(fix_to_virt(idx));
}

void fixmap_tables_done(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slot_table); i++) {
		if (slot_table[i])
			set_fixmap(FIX_PTE + i, 0, __pgprot(0));
		slot_table[i] = 0;
	}
}

/* ------------------------------------------------------------------ the device tree */

#define FDT_WINDOW_PAGES ((unsigned long)(FIX_FDT - FIX_FDT_END + 1))
#define FDT_MIN_SIZE 40 /* the header of version 17 */
#define FDT_MAGIC_BE 0xd00dfeedU
#define FDT_ALIGN 8

static void unmap_fdt(void)
{
	unsigned long kva = fix_to_virt(FIX_FDT), end = kva + fdt_pages * PAGE_SIZE;

	if (!fdt_pages)
		return;
	for (unsigned long at = kva; at != end; at += PAGE_SIZE)
		port_set_pte(fixmap_entry(at), 0);
	port_flush_tlb_kernel_range(kva, end);
	port_mirror_unmap(kva, end - kva);
	fdt_pages = 0;
}

/* Map the first n pages at base: new ones, and those that are mapped with other permissions. */
static int map_fdt(phys_addr_t base, unsigned long n, pgprot_t prot)
{
	unsigned long kva = fix_to_virt(FIX_FDT);
	u64 val = leaf_desc_for(&kernel_pgtable, MAX_LEVEL, base, prot);
	bool changed = false;
	int err;

	for (unsigned long i = 0; i < n; i++, val += PAGE_SIZE) {
		u64 *entry = fixmap_entry(kva + i * PAGE_SIZE);
		u64 old = port_get_pte(entry);

		if (old == val)
			continue;
		changed |= old & DESC_VALID;
		port_set_pte(entry, val);
	}
	port_pte_barrier();
	if (changed)
		port_flush_tlb_kernel_range(kva, kva + n * PAGE_SIZE);
	fdt_base = base;
	fdt_pages = max(fdt_pages, n);
	err = port_mirror_map(kva, base, n * PAGE_SIZE);
	return err;
}

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

struct fdt_first_words {
	const u8 *fdt;
	u32 magic, total;
};

static int read_header(void *arg)
{
	struct fdt_first_words *h = arg;

	h->magic = be32(h->fdt);
	h->total = be32(h->fdt + 4);
	return 0;
}

void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot)
{
	phys_addr_t base = pa & PAGE_MASK;
	unsigned long offset = pa & ~PAGE_MASK, pages;
	unsigned int pa_bits = kernel_pgtable.pa_bits;
	struct fdt_first_words header;
	u32 magic, total;
	u64 esr, far;
	u8 *fdt;

	if (!pa) {
		pr_err("No device tree: its address (x0 at entry) is 0\n");
		return NULL;
	}
	if (pa % FDT_ALIGN) {
		pr_err("Device tree at %pa is not aligned to %d bytes\n", &pa, FDT_ALIGN);
		return NULL;
	}
	if (pa >> pa_bits || (pa + MAX_FDT_SIZE - 1) >> pa_bits) {
		pr_err("Device tree at %pa is beyond the CPU's %u bits of physical address\n", &pa,
		       pa_bits);
		return NULL;
	}
	if (fdt_pages && fdt_base != base)
		unmap_fdt();
	/* The first page holds magic and size, because the tree is aligned. */
	if (map_fdt(base, 1, prot)) {
		pr_err("Device tree at %pa is not in memory\n", &pa);
		unmap_fdt();
		return NULL;
	}
	fdt = (u8 *)port_kva_to_ptr(fix_to_virt(FIX_FDT)) + offset;
	header.fdt = fdt;
	if (port_expect_fault(read_header, &header, &esr, &far)) {
		pr_err("Device tree at %pa: nothing answers there (ESR 0x%llx)\n", &pa,
		       (unsigned long long)esr);
		unmap_fdt();
		return NULL;
	}
	magic = header.magic;
	total = header.total;
	if (magic != FDT_MAGIC_BE) {
		pr_err("No device tree at %pa: the magic is 0x%08x, not 0x%08x\n", &pa, magic,
		       FDT_MAGIC_BE);
	} else if (total < FDT_MIN_SIZE) {
		pr_err("Device tree at %pa says its size is %u bytes, less than its header\n", &pa,
		       total);
	} else if (total > MAX_FDT_SIZE) {
		pr_err("Device tree at %pa is %u bytes long, the limit is %lu\n", &pa, total,
		       MAX_FDT_SIZE);
	} else {
		pages = PAGE_ALIGN(offset + total) >> PAGE_SHIFT;
		BUG_ON(pages > FDT_WINDOW_PAGES);
		if (map_fdt(base, pages, prot) == 0) {
			*size = total;
			return fdt;
		}
		pr_err("Device tree at %pa, %u bytes, ends outside of memory\n", &pa, total);
	}
	unmap_fdt();
	return NULL;
}
