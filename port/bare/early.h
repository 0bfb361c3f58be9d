/* SPDX-License-Identifier: MIT */
/*
 * The code that runs before the kernel's own mapping exists: on the identity map, or with the MMU off.
 *
 * Rules there: a pointer is a physical address; no pointer stored in static data may be used (nothing is relocated
 * yet); with the MMU off every access must be aligned and no library function may be called. The early_*.c files are compiled
 * with -mstrict-align and without the transformations that make library calls or pointer tables of loops and switches.
 */
#ifndef QUIRE_BARE_EARLY_H
#define QUIRE_BARE_EARLY_H

#include <quire/types.h>

#include "asm.h"

#define __early __attribute__((section(".init.text")))

/* Addresses from quire.lds. */
extern char _text[], _etext[], __start_rodata[], __end_rodata[], __inittext_end[], __initdata_end[];
extern char _data[], __data_end[], __stack_start[], _end[], _edata[], __bss_start[], __bss_end[];
extern char kernel_stack[], kernel_stack_top[], exception_stack[], exception_stack_top[];
extern char init_pg_dir[], init_pg_end[], reserved_pg_dir[], idmap_pg_dir[], early_uncached_end[];

/* ---- early_map.c: attributes of a leaf, as Linux 6.12 sets them (Arm ARM D8.3). */
#define EARLY_PTE_TYPE 3UL
#define EARLY_PTE_VALID 1UL
#define EARLY_PTE_TABLE 2UL /* bit 1: a table or a page, not a block */
#define EARLY_PTE_ATTR(i) ((u64)(i) << 2)
#define EARLY_PTE_RDONLY BIT(7)
#define EARLY_PTE_SHARED (3UL << 8)
#define EARLY_PTE_AF BIT(10)
#define EARLY_PTE_WRITE BIT(51)
#define EARLY_PTE_PXN BIT(53)
#define EARLY_PTE_UXN BIT(54)
#define EARLY_PTE_ADDR GENMASK(47, PAGE_SHIFT)

#define EARLY_PROT_RW                                                                              \
	(EARLY_PTE_AF | EARLY_PTE_SHARED | EARLY_PTE_WRITE | EARLY_PTE_PXN | EARLY_PTE_UXN)
#define EARLY_PROT_RO                                                                              \
	(EARLY_PTE_AF | EARLY_PTE_SHARED | EARLY_PTE_RDONLY | EARLY_PTE_PXN | EARLY_PTE_UXN)
#define EARLY_PROT_RX (EARLY_PTE_AF | EARLY_PTE_SHARED | EARLY_PTE_RDONLY | EARLY_PTE_UXN)
#define EARLY_PROT_DEVICE                                                                          \
	(EARLY_PTE_AF | EARLY_PTE_SHARED | EARLY_PTE_WRITE | EARLY_PTE_PXN | EARLY_PTE_UXN |       \
	 EARLY_PTE_ATTR(4))

/*
 * A pool of table pages and how their physical addresses are reached: pointer = pa + offset (0 on the identity map). next and
 * end are physical. uncached: the MMU is off.
 */
struct early_pool {
	u64 next, end;
	u64 offset;
	bool uncached;
};

/* cache.S: also with the MMU off. Addresses are pointers. */
void dcache_inval_poc_range(u64 start, u64 end);
void dcache_clean_inval_poc_range(u64 start, u64 end);

/*
 * Map [va, va + size) to pa in the tables at root, with blocks of level 2 where all three allow. What is
 * mapped already stays as it is. Returns 0, -ENOMEM when the pool is empty.
 */
int early_map_range(struct early_pool *pool, u64 root, u64 va, u64 pa, u64 size, u64 prot);

/* head.S, MMU off: build the identity map of the image and of 2 MiB from the device tree on. Returns 0 on success. */
int early_create_idmap(u64 fdt);

/* ---- early_kernel.c, on the identity map, caches on. Returns the virtual address of _text. */
u64 early_map_kernel(u64 fdt);

/* What early_map_kernel decided; a number, because strings have no final address yet. */
enum kaslr_status { KASLR_ENABLED, KASLR_DISABLED_CMDLINE, KASLR_DISABLED_NO_SEED };
extern enum kaslr_status kaslr_status;
extern u16 kaslr_memstart_seed;

/* ---- early_fdt.c: a reader of the tree that needs nothing and trusts nothing. */

struct early_fdt {
	const u8 *base;
	u32 size;		    /* totalsize, at most MAX_FDT_SIZE */
	u32 struct_off, struct_end; /* offsets of the structure block */
	u32 strings_off, strings_end;
};

struct early_chosen {
	const char *bootargs; /* NULL: none; terminated within the property */
	u8 *kaslr_seed;	      /* 8 bytes, NULL: none */
	const char *stdout_path;
};

/* A UART that the raw writer and port/bare/console.c know. */
struct early_uart {
	char compatible[32];
	u64 base;
	u32 reg_shift, io_width; /* 0: the device's default */
};

enum early_psci { EARLY_PSCI_NONE, EARLY_PSCI_HVC, EARLY_PSCI_SMC };

/* False when the header is not that of a usable tree. Any alignment of fdt will do. */
bool early_fdt_open(struct early_fdt *t, u64 fdt);
void early_fdt_chosen(const struct early_fdt *t, struct early_chosen *c);
/* The stdout-path device, translated through its parents' ranges; without one, the first UART known by name. */
bool early_fdt_uart(const struct early_fdt *t, struct early_uart *u);
enum early_psci early_fdt_psci(const struct early_fdt *t);
/* Is `word` one of the parameters of the command line s? As the kernel's own parser: what follows "--" is not ours. */
bool early_cmdline_has(const char *s, const char *word);

/* ---- early_die.c: messages from where there is no console, MMU off. */
void early_die(const char *why, u64 fdt, u64 entry_el);
void early_secondary_message(u64 mpidr, u64 fdt);
void early_exception_report(u64 esr, u64 image_offset, u64 far, u64 fdt, u64 entry_el);

#endif
