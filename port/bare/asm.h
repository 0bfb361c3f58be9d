/* SPDX-License-Identifier: MIT */
/*
 * Constants that the board's assembly and its earliest C share: where the kernel is linked, sizes of the
 * stacks, and the register bits that are written before the core's own definitions can be used.
 */
#ifndef QUIRE_BARE_ASM_H
#define QUIRE_BARE_ASM_H

/* Bytes of a page, also for the linker script. QUIRE_PAGE_SHIFT: 12, 14 or 16, from image.mk. */
#define EARLY_PAGE_SIZE (1 << QUIRE_PAGE_SHIFT)

/*
 * The granule in the image's header, in ID_AA64MMFR0_EL1 (its field, the first value that is support and the first above that is none),
 * in TCR_EL1 (TG1 and TG0).
 */
#if QUIRE_PAGE_SHIFT == 12
#define IMAGE_FLAGS 0xa
#define TGRAN_SHIFT 28
#define TGRAN_FIRST 0
#define TGRAN_NONE 8
#define TCR_GRANULE 0x80000000
#elif QUIRE_PAGE_SHIFT == 14
#define IMAGE_FLAGS 0xc
#define TGRAN_SHIFT 20
#define TGRAN_FIRST 1
#define TGRAN_NONE 16
#define TCR_GRANULE 0x40008000
#else
#define IMAGE_FLAGS 0xe
#define TGRAN_SHIFT 24
#define TGRAN_FIRST 0
#define TGRAN_NONE 8
#define TCR_GRANULE 0xc0004000
#endif

/* Linux 6.12, VA_BITS 48: MODULES_END. The link address in quire.lds is the same number. */
#define KIMAGE_VADDR 0xffff800080000000
/* The end of the vmalloc area that KASLR may use (Linux: VMEMMAP_START - 8 MiB, 48 bits; struct page has 64 bytes there). */
#define KASLR_VMALLOC_END (-(1UL << (54 - QUIRE_PAGE_SHIFT)) - 0x800000UL)
/* The image's place modulo this is the same in physical and virtual addresses. */
#define MIN_KIMG_ALIGN 0x200000

#define SEGMENT_ALIGN 0x10000
#define KERNEL_STACK_SIZE 0x8000
#define EXCEPTION_STACK_SIZE 0x4000
#define EARLY_STACK_SIZE 0x1000

/* Page-table pages of the identity map and of init_pg_dir: see early_map.c for the count. */
#if QUIRE_PAGE_SHIFT == 12
#define IDMAP_PAGES 17
#define INIT_PG_PAGES 10
#elif QUIRE_PAGE_SHIFT == 14
#define IDMAP_PAGES 16
#define INIT_PG_PAGES 7
#else
#define IDMAP_PAGES 11
#define INIT_PG_PAGES 5
#endif
/* the last of the identity map's, for the UART of a boot that fails before it has a console */
#define IDMAP_SPARE_PAGES 3

/* struct exception_frame (exception.h). */
#define FRAME_SP 248
#define FRAME_PC 256
#define FRAME_PSTATE 264
#define FRAME_ESR 272
#define FRAME_FAR 280
#define FRAME_KIND 288
#define FRAME_CHAIN 304
#define FRAME_SIZE 320
/* An interrupt's frame is the same. */
#define IRQ_FRAME_SIZE FRAME_SIZE

/* struct cpu_stacks (bare.h), indexed by the CPU's number in TPIDR_EL1. */
#define CPU_STACKS_SHIFT 4
#define TPIDR_CPU_BITS 12

/* struct secondary_boot (smp.c), read with the MMU off. */
#define SECONDARY_HWID 0
#define SECONDARY_NEXT 8
#define SECONDARY_STACK 16
#define SECONDARY_TPIDR 24
#define SECONDARY_TTBR1 32
#define SECONDARY_TTBR0 40
#define SECONDARY_TCR 48
#define SECONDARY_ENTRY 56
#define SECONDARY_SIZE 64
/* Affinity fields of MPIDR_EL1. */
#define MPIDR_AFFINITY 0xff00ffffff

/* struct user_regs (quire/user.h). */
#define UREGS_PC 256
#define UREGS_ORIG_X0 272
#define UREGS_WORK 280
#define UREGS_SIZE 288
/* struct user_fpsimd. */
#define FPSIMD_STATUS 512

/* SCTLR_ELx */
#define SCTLR_M (1 << 0)
#define SCTLR_C (1 << 2)
#define SCTLR_SPAN (1 << 23)
#define SCTLR_EE (1 << 25)
/* All RES1 bits of an Armv8.0 SCTLR_EL1 / SCTLR_EL2, MMU and caches off, little-endian. */
#define SCTLR_EL1_OFF 0x30d00800
#define SCTLR_EL2_OFF 0x30c50830
/*
 * M C SA SA0 SED I DZE UCT nTWE IESB SPAN UCI ITFSB EPAN and the RES1 bits: what Linux 6.12 sets
 * (INIT_SCTLR_EL1_MMU_ON). Bits that a CPU does not implement are RES0.
 */
#define SCTLR_EL1_ON 0x0200002034f4d91d

/*
 * Indices as Linux 6.12 numbers them (MT_*): 0 Normal WBWA, 1 Normal (tagged where MTE is in use), 2 Normal NC,
 * 3 Device-nGnRnE, 4 Device-nGnRE.
 */
#define MAIR_VALUE 0x000000040044ffff

/*
 * TCR_EL1 without IPS, HA and HD: T0SZ = T1SZ = 16 (48 bits), TG0 and TG1, walks inner-shareable and
 * write-back write-allocate, A1 (the ASID is TTBR1's), 16-bit ASIDs, TBI0.
 */
#define TCR_VALUE (0x0000003035503510 | TCR_GRANULE)
#define TCR_IPS_SHIFT 32
#define TCR_HA (1 << 39)
#define TCR_HD (1 << 40)

#endif
