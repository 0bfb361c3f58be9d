/* SPDX-License-Identifier: MIT */
/*
 * Build-time choices of the core. Everything here is a compile-time constant of one
 * build; what a machine decides at boot (PA bits, VA bits, number of CPUs) is a variable
 * elsewhere. The host command links one core per granule.
 */
#ifndef QUIRE_CONFIG_H
#define QUIRE_CONFIG_H

/* Translation granule: 12 (4 KiB), 14 (16 KiB) or 16 (64 KiB). */
#ifndef QUIRE_PAGE_SHIFT
#define QUIRE_PAGE_SHIFT 12
#endif

#define PAGE_SHIFT QUIRE_PAGE_SHIFT
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* As arch/arm64/Kconfig: the largest buddy block, and the section of the memory map. */
#if PAGE_SHIFT == 12
#define MAX_PAGE_ORDER 10
#define SECTION_SIZE_BITS 27
#define DEFAULT_VA_BITS 48
#elif PAGE_SHIFT == 14
#define MAX_PAGE_ORDER 11
#define SECTION_SIZE_BITS 27
#define DEFAULT_VA_BITS 47
#elif PAGE_SHIFT == 16
#define MAX_PAGE_ORDER 13
#define SECTION_SIZE_BITS 29
#define DEFAULT_VA_BITS 48
#else
#error "QUIRE_PAGE_SHIFT must be 12, 14 or 16"
#endif

/* Largest physical address the architecture can name with this granule (FEAT_LPA, FEAT_LPA2). */
#define MAX_PHYSMEM_BITS 52

/* A pageblock is what one PMD entry maps, but never more than the largest buddy block. */
#ifndef PMD_BLOCK_ORDER
#define PMD_BLOCK_ORDER (PAGE_SHIFT - 3)
#endif
#define pageblock_order (PMD_BLOCK_ORDER < MAX_PAGE_ORDER ? PMD_BLOCK_ORDER : MAX_PAGE_ORDER)
#define pageblock_nr_pages (1UL << pageblock_order)

/* 0 builds without NUMA: regions have no node. */
#ifndef QUIRE_NODES_SHIFT
#define QUIRE_NODES_SHIFT 6
#endif
#define NODES_SHIFT QUIRE_NODES_SHIFT
#define MAX_NUMNODES (1 << NODES_SHIFT)
#define NUMA_NO_NODE (-1)
#define NR_CPUS 256

#define COMMAND_LINE_SIZE 2048
#define MAX_FDT_SIZE (2UL << 20)
#ifndef L1_CACHE_BYTES
#define L1_CACHE_BYTES 64
#endif
#define SMP_CACHE_BYTES L1_CACHE_BYTES

#endif
