/* SPDX-License-Identifier: MIT */
/*
 * Bounce buffers for devices that do not reach all of RAM, or that would tear up cache lines (mm/kmem/swiotlb.c; Linux:
 * linux/swiotlb.h, kernel/dma/swiotlb.c of 6.12).
 *
 * The pool is low memory taken at boot, in slots of 2 KiB. A buffer is a run of slots within a segment of 128. Any context.
 */
#ifndef QUIRE_SWIOTLB_H
#define QUIRE_SWIOTLB_H

#include <quire/dma.h>

#define IO_TLB_SHIFT 11
#define IO_TLB_SIZE (1UL << IO_TLB_SHIFT)
#define IO_TLB_SEGSIZE 128U
#define IO_TLB_DEFAULT_SIZE SZ_64M

/*
 * swiotlb=slots[,areas][,force|noforce]; slots or areas may be left out. Before swiotlb_init. Returns NULL, or what is wrong with
 * the value, of which nothing is taken then.
 */
const char *swiotlb_setup(const char *val);

/*
 * Take the pool from memblock, below the DMA zone's end: 64 MiB when RAM goes beyond it, else a thousandth of RAM, for the sake
 * of devices that are not coherent; or what swiotlb= says. In mem_init, before memblock_free_all. Without memory it is halved down
 * to 1 MiB, and then there is none. (Linux: arm64's mem_init, swiotlb_init.)
 */
void swiotlb_init(void);

/* Every streaming mapping shall bounce (swiotlb=force). */
bool is_swiotlb_force_bounce(void);
bool is_swiotlb_active(void);
/* phys lies in the pool. */
bool is_swiotlb_buffer(phys_addr_t phys);

/*
 * A buffer for [orig, orig + size), with its contents: what the device does not write comes back as it was. Bits of dev's
 * min_align_mask are those of orig; a buffer of a page or more begins at a page otherwise. PHYS_ADDR_MAX: no room.
 */
phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t orig, size_t size,
				   enum dma_data_direction dir);
/* Give it back, what the device wrote copied out when dir says so and `sync`. addr: as it was given. */
void swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t addr, size_t size,
			      enum dma_data_direction dir, bool sync);
/* Copy a part of it out or in; addr: anywhere in it. What goes beyond its end is cut, with a warning. */
void swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t addr, size_t size,
				 enum dma_data_direction dir);
void swiotlb_sync_single_for_device(struct device *dev, phys_addr_t addr, size_t size,
				    enum dma_data_direction dir);
size_t swiotlb_max_mapping_size(struct device *dev);

struct swiotlb_stats {
	phys_addr_t start, end;
	unsigned long nslabs, used, hiwater; /* slots: all, in use, most at a time */
	unsigned int nareas;
	size_t metadata; /* bytes beside the pool */
};
void swiotlb_get_stats(struct swiotlb_stats *stats);
/* Re-derives every segment's bits and counts. With nobody at work. Prints violations, returns how many. */
int swiotlb_check(void);

#endif
