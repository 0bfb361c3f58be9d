/* SPDX-License-Identifier: MIT */
/*
 * Memory as devices see it (mm/kmem/dma.c; Linux: linux/dma-mapping.h, kernel/dma/direct.c; names and meanings of 6.12).
 *
 * No IOMMU: an address on a device's bus is a physical address, or one a fixed distance away (dma_range_map). A device reaches
 * addresses up to its masks. Memory beyond is reached by bounce buffers (<quire/swiotlb.h>); a device that does not look into
 * the CPU's caches (dma_coherent false) gets cache maintenance, and coherent memory that is mapped uncached.
 */
#ifndef QUIRE_DMA_H
#define QUIRE_DMA_H

#include <quire/gfp.h>

typedef u64 dma_addr_t;
#define DMA_BIT_MASK(n) ((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

enum dma_data_direction { DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_NONE };

#define DMA_ATTR_SKIP_CPU_SYNC (1UL << 5) /* the caller takes care of caches and bounce buffers */
#define DMA_ATTR_NO_WARN (1UL << 8)	  /* failure is not reported */

/* [cpu_start, cpu_start + size) is at dma_start on the bus. An array of them ends with size 0. */
struct bus_dma_region {
	phys_addr_t cpu_start;
	dma_addr_t dma_start;
	u64 size;
};

struct cma;

/* What a driver says once; 0: no limit. */
struct device_dma_parameters {
	unsigned int max_segment_size; /* bytes */
	unsigned int min_align_mask;   /* address bits that a bounce buffer keeps */
	unsigned long
		segment_boundary_mask; /* no buffer crosses a multiple of this plus 1; 0: 4 GiB */
};

/* As much of a device as its memory needs. */
struct device {
	const char *name;      /* for messages */
	u64 *dma_mask;	       /* highest bus address of streaming mappings; NULL: does no DMA */
	u64 coherent_dma_mask; /* of coherent memory */
	u64 bus_dma_limit;     /* that the bus passes on; 0: no limit */
	const struct bus_dma_region *dma_range_map; /* NULL: bus addresses are physical ones */
	const struct device_dma_parameters *dma_parms;
	struct cma *cma_area; /* its own; NULL: the default one */
	int numa_node;
	bool dma_coherent; /* sees what is in the CPU's caches */
	u64 own_dma_mask;  /* what dma_mask points to, unless the bus brings its own */
};

/* A device of 32-bit addresses on no bus in particular: what the others of this header begin with (Linux: of_dma_configure). */
void device_dma_init(struct device *dev, const char *name, bool coherent);

/*
 * The device reaches addresses of `mask`, of the form DMA_BIT_MASK(n). 0; -EIO: it does no DMA, or not all of the DMA zone is in its
 * reach, and then nothing has changed. As in Linux 32 bits and more are always accepted; where RAM lies beyond, requests fail later.
 */
int dma_set_mask(struct device *dev, u64 mask);
int dma_set_coherent_mask(struct device *dev, u64 mask);
int dma_set_mask_and_coherent(struct device *dev, u64 mask);
bool dma_supported(struct device *dev, u64 mask);
/* The mask that reaches all of RAM. */
u64 dma_get_required_mask(struct device *dev);
/* Whether streaming mappings of some of RAM need a bounce buffer. */
bool dma_addressing_limited(struct device *dev);
/* Bytes of the largest streaming mapping. */
size_t dma_max_mapping_size(struct device *dev);

/* Between physical addresses and the device's; DMA_MAPPING_ERROR, PHYS_ADDR_MAX: the map has no such address. */
dma_addr_t phys_to_dma(const struct device *dev, phys_addr_t phys);
phys_addr_t dma_to_phys(const struct device *dev, dma_addr_t addr);

/* ------------------------------------------------------------------ coherent memory */

/*
 * `size` bytes, rounded up to pages, zeroed, contiguous, aligned to the smallest block that holds them; CPU and device see each
 * other's writes without more. From the device's CMA area, else the default one when larger than a page, else the page allocator:
 * the highest zone that the mask allows. NULL: none within the mask. For a device that is not coherent gfp has to allow sleeping;
 * the memory is then mapped uncached in the vmalloc area, and the linear map's view of it must not be touched.
 */
void *dma_alloc_attrs(struct device *dev, size_t size, dma_addr_t *handle, gfp_t gfp,
		      unsigned long attrs);
/* All four as they were given. What does not fit together is reported and left alone. NULL is allowed. Not in interrupts. */
void dma_free_attrs(struct device *dev, size_t size, void *p, dma_addr_t handle,
		    unsigned long attrs);

static inline void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *handle,
				       gfp_t gfp)
{
	return dma_alloc_attrs(dev, size, handle, gfp, gfp & __GFP_NOWARN ? DMA_ATTR_NO_WARN : 0);
}

static inline void dma_free_coherent(struct device *dev, size_t size, void *p, dma_addr_t handle)
{
	dma_free_attrs(dev, size, p, handle, 0);
}

/* ------------------------------------------------------------------ streaming mappings */

/*
 * Memory of the linear map goes to the device, for transfers of `dir`, until dma_unmap. DMA_MAPPING_ERROR: the device does not
 * reach it and there is no bounce buffer, or p is not of the linear map. Any context. The CPU leaves the memory alone in between,
 * but between dma_sync_single_for_cpu and dma_sync_single_for_device, for any part of it.
 */
dma_addr_t dma_map_phys(struct device *dev, phys_addr_t phys, size_t size,
			enum dma_data_direction dir, unsigned long attrs);
dma_addr_t dma_map_single_attrs(struct device *dev, void *p, size_t size,
				enum dma_data_direction dir, unsigned long attrs);
void dma_unmap_single_attrs(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir, unsigned long attrs);
void dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
			     enum dma_data_direction dir);
void dma_sync_single_for_device(struct device *dev, dma_addr_t addr, size_t size,
				enum dma_data_direction dir);

#define dma_map_single(dev, p, size, dir) dma_map_single_attrs(dev, p, size, dir, 0)
#define dma_unmap_single(dev, addr, size, dir) dma_unmap_single_attrs(dev, addr, size, dir, 0)

static inline dma_addr_t dma_map_page(struct device *dev, struct page *page, size_t offset,
				      size_t size, enum dma_data_direction dir)
{
	return dma_map_phys(dev, page_to_phys(page) + offset, size, dir, 0);
}

#define dma_unmap_page(dev, addr, size, dir) dma_unmap_single_attrs(dev, addr, size, dir, 0)

static inline int dma_mapping_error(struct device *dev, dma_addr_t addr)
{
	(void)dev;
	return addr == DMA_MAPPING_ERROR ? -ENOMEM : 0;
}

/* ------------------------------------------------------------------ for reports and checks */

struct dma_stats {
	unsigned long coherent;	      /* allocations that are out */
	unsigned long coherent_bytes; /* of these */
	unsigned long mappings,
		bounced; /* streaming mappings made since boot, and those by bounce buffers */
};
void dma_get_stats(struct dma_stats *stats);
/* What the counters say against each other, and swiotlb_check(). Prints violations, returns how many. */
int dma_check(void);

#endif
