/* SPDX-License-Identifier: MIT */
/*
 * Kernel page tables: building, changing, walking (arch/arm64/, pure logic over port.h).
 *
 * Lock: the kernel tables are changed under kernel_pgtable.lock (taken inside). Hardware may walk meanwhile: a table page
 * is freed only after its entry is cleared and the TLBs are flushed. Software readers take no lock either: one that runs
 * along with an unmap may read a table that has been given away, so what it says counts only when nothing is unmapped.
 *
 * While a live block or run is split, changes its attributes or loses a part, it is not mapped for a moment
 * (break-before-make): no CPU may need what it maps. Other CPUs have to be kept out of it by the caller.
 */
#ifndef QUIRE_PGTABLE_H
#define QUIRE_PGTABLE_H

#include <quire/types.h>

/* Attribute bits of a leaf descriptor, without type and output address. */
typedef struct {
	u64 val;
} pgprot_t;
#define __pgprot(x) ((pgprot_t){(x)})

/*
 * Kernel protections as Linux 6.12 arm64 has them (PAGE_KERNEL ...): AttrIndx, AP, SH, AF, PXN, UXN, nG, dirty
 * software bits as in Linux so that dumps agree.
 */
extern const pgprot_t PAGE_KERNEL; /* RW NX, normal */
extern const pgprot_t
	PAGE_KERNEL_TAGGED; /* RW NX, normal, tag accesses allowed (AttrIndx 1): the linear map */
pgprot_t linear_prot(void); /* the one of the two that the linear map has on this machine */
extern const pgprot_t PAGE_KERNEL_RO;	 /* RO NX */
extern const pgprot_t PAGE_KERNEL_ROX;	 /* RO X */
extern const pgprot_t PAGE_KERNEL_EXEC;	 /* RW X: only for init text before it is sealed */
extern const pgprot_t PROT_DEVICE_nGnRE; /* device memory */
extern const pgprot_t PROT_NORMAL_NC;

/* Flags of kernel_map. */
#define MAP_NO_BLOCKS 1 /* pages only */
#define MAP_NO_CONT 2	/* no contiguous bit */
#define MAP_NO_EXEC 4	/* new tables get PXNTable: nothing below them is executable at EL1 */

/*
 * Map [kva, kva + size) to pa in the kernel's tables, with the largest blocks and contiguous runs that alignment and flags
 * allow. kva, pa, size: multiples of PAGE_SIZE. Tables come from memblock until the buddy allocator is up, then from it. Two
 * passes: first every table that will be needed is allocated (may fail with -ENOMEM, nothing changed but empty tables), then the
 * entries are written, which cannot fail. A live entry is replaced by break-before-make; mapping over a live entry with another
 * output address is -EEXIST.
 */
int kernel_map(unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot, unsigned int flags);
/* Unmap; table pages that became empty are freed after the flush. Holes in the range are fine. */
int kernel_unmap(unsigned long kva, u64 size);
struct page;

/*
 * Map n pages, wherever they are, at kva on; nothing may be mapped there, nor linger in the TLBs. 0, or -ENOMEM when there is no
 * memory for a table, and then nothing is mapped, but what was is still to be flushed (arch/arm64/frames.c).
 */
int kernel_map_frames(unsigned long kva, struct page *const *pages, unsigned long n, pgprot_t prot);
/*
 * The same without a flush, and tables stay: the caller flushes before the addresses or the memory's contents serve
 * anything else. [kva, kva + size) takes no part of a block or contiguous run.
 */
int kernel_unmap_lazy(unsigned long kva, u64 size);
/* Change the attributes of what is mapped, splitting blocks at the ends where needed. -ENOENT where nothing is mapped. */
int kernel_protect(unsigned long kva, u64 size, pgprot_t prot);

/* One step of a walk. */
struct walk_step {
	unsigned int level; /* -1 is level -1 of LPA2: stored as level + 1, so 0 .. 4 */
	unsigned int index;
	phys_addr_t table;
	u64 desc;
};

enum walk_result {
	WALK_OK,
	WALK_BAD_VA,	  /* not an address that TTBR1 translates */
	WALK_TRANSLATION, /* invalid or reserved descriptor: the last step holds it */
	WALK_ADDRESS_SIZE, /* the last step's descriptor names an address beyond the CPU's PA range */
	WALK_UNREADABLE, /* a table that cannot be read yet: before paging_init, outside the image */
};

struct walk {
	enum walk_result result;
	unsigned int nr_steps;
	struct walk_step step[5];
	phys_addr_t pa; /* of the address itself, when WALK_OK */
	u64 size;	/* bytes that the leaf maps (one entry) */
	bool contiguous;
	u64 table_attrs; /* NSTable, APTable, UXNTable, PXNTable of all tables passed */
};
/*
 * Walk the tables at root (phys) for kva as the hardware would, with the geometry of the live kernel tables. Tables in the
 * kernel image are read through port_image_to_ptr, others through phys_to_virt. Takes no lock.
 */
void pgtable_walk(phys_addr_t root, unsigned long kva, struct walk *w);
/* The same for the live kernel tables. */
void kernel_walk(unsigned long kva, struct walk *w);

/* One leaf entry. Called in order of address; a nonzero return ends the iteration and is returned. */
struct pgtable_leaf {
	unsigned long kva;
	phys_addr_t pa;
	u64 size; /* bytes of this one entry, also within a contiguous run */
	u64 desc;
	unsigned int level; /* 0..3 */
};
int pgtable_for_each_leaf(phys_addr_t root, unsigned long start, unsigned long end,
			  int (*fn)(const struct pgtable_leaf *leaf, void *arg), void *arg);

/*
 * Tables and leaves that serve [start, end) of the kernel's tables, the root included. Index: level + 1, so 0 is level -1.
 * Entries of a contiguous run count in contiguous_runs_by_level only, once a run.
 */
struct pgtable_stats {
	unsigned long table_pages[5];
	unsigned long leaves_by_level[5];
	unsigned long contiguous_runs_by_level[5];
};
void kernel_pgtable_stats(unsigned long start, unsigned long end, struct pgtable_stats *s);

/*
 * Re-derives the structure from the root: every table page reachable once, in RAM or the image, reserved while memblock knows;
 * blocks only where the level has them; contiguous runs whole; the linear map maps what its addresses say, no NOMAP memory,
 * and all memory that is free in memblock; no W+X leaf. Returns the number of violations, the first 16 of them printed.
 */
int kernel_pgtable_check(void);
/* [pa, pa + size) is memory that came after boot and that memblock does not know: mm/page/hotplug.c sets it. NULL: there is none. */
extern bool (*linear_map_later)(phys_addr_t pa, u64 size);

/* Leaves that are writable and executable at EL1, or executable at EL0, in pages of PAGE_SIZE; each run printed. */
unsigned long kernel_check_wx(void);

/* ------------------------------------------------------------------ for debugging (arch/arm64/linear_pages.c) */

/* The linear map is made of pages: set before paging_init, so that a page can be taken out of it and put back at any time. */
extern bool linear_map_in_pages;
/* Pages of the linear map that debugging has taken away. */
extern unsigned long linear_hidden_pages;
/* Flags of kernel_map for the linear map. */
unsigned int linear_map_flags(void);

/* ------------------------------------------------------------------ table pages (arch/arm64/pgalloc.c) */

/*
 * Where table pages come from and go to once the page allocator is up: set by mm/page, called without locks held. alloc returns
 * a page's physical address, contents undefined, or 0. While they are NULL memblock serves.
 */
extern phys_addr_t (*pgtable_alloc_hook)(void);
extern void (*pgtable_free_hook)(phys_addr_t table);

/* ------------------------------------------------------------------ the road (arch/arm64/mmu.c) */

enum rodata_mode { RODATA_OFF, RODATA_ON, RODATA_FULL };
extern enum rodata_mode rodata_mode; /* from rodata=; full by default */

/* map_kernel, map_mem, cpu_replace_ttbr1, init_pg_dir given back to memblock, memblock_allow_resize. */
void paging_init(void);
/* After init: rodata read-only in kernel and alias, init text no longer executable, W^X checked. */
void mark_rodata_ro(void);

/* Counters that the report shows: early page-table pages taken from memblock. */
extern unsigned long early_pgtable_pages;

/* ------------------------------------------------------------------ fixmap (arch/arm64/fixmap.c) */

enum fixed_address {
	FIX_HOLE,
	/* the device tree: 2 MiB at any offset within a page */
	FIX_FDT_END,
	FIX_FDT = FIX_FDT_END + MAX_FDT_SIZE / PAGE_SIZE,
	FIX_EARLYCON,
	FIX_TEXT_POKE0, /* a page of the image's own text, to write to */
	FIX_PTE,
	FIX_PMD,
	FIX_PUD,
	FIX_P4D,
	FIX_PGD,
	__end_of_fixed_addresses
};

/* Hang the fixmap's own tables into init_pg_dir. Before it nothing else of this header but va_layout_init may be called. */
void early_fixmap_init(void);
/* Hang the same tables into another root, whose other mappings exist already (paging_init). */
void fixmap_install(phys_addr_t root);
unsigned long fix_to_virt(enum fixed_address idx);
/*
 * Map one page (prot != 0) or unmap (prot.val == 0); a slot in use is broken before it is made again. Not for FIX_FDT.
 */
void set_fixmap(enum fixed_address idx, phys_addr_t pa, pgprot_t prot);
/*
 * Map the device tree at pa read-write or read-only; checks alignment to 8 bytes, magic and size (at most 2 MiB) before use. Returns a
 * pointer and *size, or NULL after printing what is wrong.
 */
void *fixmap_remap_fdt(phys_addr_t pa, u32 *size, pgprot_t prot);

/* ------------------------------------------------------------------ virtual layout (arch/arm64/layout.c) */

struct va_layout {
	unsigned int va_bits;		     /* vabits_actual, from setup_arch on */
	unsigned long page_offset, page_end; /* linear map */
	unsigned long modules_start, modules_end;
	unsigned long vmalloc_start, vmalloc_end;
	unsigned long vmemmap_start, vmemmap_end;
	unsigned long pci_io_start, pci_io_end;
	unsigned long fixaddr_start, fixaddr_top;
	unsigned long kimage_vaddr;
};
extern struct va_layout va_layout;
/*
 * Computes va_layout for a VA size: 39, 48, 52 (4K), 47, 48, 52 (16K), 42, 48, 52 (64K). -EINVAL for another. With 52 the areas
 * above page_end are those of 48 bits (47 with 16K), so that one image runs with and without 52-bit hardware; setup_arch
 * calls it again when vabits_actual is less than what the port began with.
 */
int va_layout_init(unsigned int va_bits);
extern s64 memstart_addr; /* physical address that PAGE_OFFSET maps; may be negative */

static inline unsigned long phys_to_kva(phys_addr_t pa)
{
	return (unsigned long)(pa - (u64)memstart_addr) + va_layout.page_offset;
}
static inline phys_addr_t kva_to_phys(unsigned long kva)
{
	return (phys_addr_t)(kva - va_layout.page_offset) + (u64)memstart_addr;
}

/* ------------------------------------------------------------------ faults in words (arch/arm64/syndrome.c) */

/*
 * "DABT (current EL), level 3 translation fault, write" ... Returns the length of the whole text, as snprintf; buf is always
 * terminated when size is not 0. Arm ARM D24.2.40 (ESR_EL1).
 */
int syndrome_describe(u64 esr, char *buf, size_t size);

#endif
