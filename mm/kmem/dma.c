// SPDX-License-Identifier: MIT
/*
 * Memory for devices: coherent allocations, streaming mappings.
 *
 *	dma_alloc_coherent	CMA, else pages	  + uncached mapping	when the device does not see the caches
 *	dma_map_single		the memory itself + cache maintenance	      "
 *				a bounce buffer	  + cache maintenance	when the device does not reach the memory, or a cache
 *								line of it is also somebody else's
 *
 * Owns nothing but counters: an allocation is its user's, named by address, handle and size. Locking: those of CMA, pages, vmalloc and
 * swiotlb.
 *
 * Against Linux 6.12 (kernel/dma/direct.c): the same zones, limits and order of tries. Pages beyond the size go back to the page
 * allocator at once. There is no pool of uncached memory for requests that may not sleep.
 */
#include <quire/cma.h>
#include <quire/dma.h>
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/swiotlb.h>
#include <quire/vmalloc.h>

/* Linux's CONFIG_CMA_ALIGNMENT: larger requests are aligned to so many pages (log2) only. */
#define CMA_ALIGNMENT 8U
/* Linux's ARCH_DMA_MINALIGN: no cache has longer lines. */
#define DMA_MINALIGN 128U

static struct dma_stats counted; /* atomic each */

static void count(unsigned long *counter, unsigned long n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ addresses */

dma_addr_t phys_to_dma(const struct device *dev, phys_addr_t phys)
{
	const struct bus_dma_region *r = dev->dma_range_map;

	if (likely(!r))
		return phys;
	for (; r->size; r++)
		if (phys - r->cpu_start < r->size)
			return phys - r->cpu_start + r->dma_start;
	return DMA_MAPPING_ERROR;
}

phys_addr_t dma_to_phys(const struct device *dev, dma_addr_t addr)
{
	const struct bus_dma_region *r = dev->dma_range_map;

	if (likely(!r))
		return addr;
	for (; r->size; r++)
		if (addr - r->dma_start < r->size)
			return addr - r->dma_start + r->cpu_start;
	return PHYS_ADDR_MAX;
}

static u64 min_not_zero(u64 a, u64 b)
{
	return a && b ? min(a, b) : a | b;
}

/* All of [addr, addr + size) is something that `mask` and the bus let through. */
static bool reaches(const struct device *dev, u64 mask, dma_addr_t addr, size_t size)
{
	dma_addr_t last;

	return addr != DMA_MAPPING_ERROR && !__builtin_add_overflow(addr, size - 1, &last) &&
	       last <= min_not_zero(mask, dev->bus_dma_limit);
}

static bool coherent_reaches(const struct device *dev, phys_addr_t phys, size_t size)
{
	return reaches(dev, dev->coherent_dma_mask, phys_to_dma(dev, phys), size);
}

static bool streaming_reaches(const struct device *dev, phys_addr_t phys, size_t size)
{
	return dev->dma_mask && *dev->dma_mask &&
	       reaches(dev, *dev->dma_mask, phys_to_dma(dev, phys), size);
}

/* ------------------------------------------------------------------ masks */

void device_dma_init(struct device *dev, const char *name, bool coherent)
{
	*dev = (struct device){
		.name = name,
		.own_dma_mask = DMA_BIT_MASK(32),
		.coherent_dma_mask = DMA_BIT_MASK(32),
		.numa_node = NUMA_NO_NODE,
		.dma_coherent = coherent,
	};
	dev->dma_mask = &dev->own_dma_mask;
}

bool dma_supported(struct device *dev, u64 mask)
{
	/* ZONE_DMA can serve it, from its last byte on. */
	dma_addr_t least = phys_to_dma(dev, min(arm64_dma_phys_limit, PFN_PHYS(max_pfn)) - 1);

	/* Drivers count on 32 bits wherever RAM lies (Linux: dma_direct_supported). */
	return mask >= DMA_BIT_MASK(32) || (least != DMA_MAPPING_ERROR && mask >= least);
}

int dma_set_mask(struct device *dev, u64 mask)
{
	if (!dev->dma_mask || !dma_supported(dev, mask))
		return -EIO;
	*dev->dma_mask = mask;
	return 0;
}

int dma_set_coherent_mask(struct device *dev, u64 mask)
{
	if (!dma_supported(dev, mask))
		return -EIO;
	dev->coherent_dma_mask = mask;
	return 0;
}

int dma_set_mask_and_coherent(struct device *dev, u64 mask)
{
	int err = dma_set_mask(dev, mask);

	return err ? err : dma_set_coherent_mask(dev, mask);
}

u64 dma_get_required_mask(struct device *dev)
{
	dma_addr_t highest = phys_to_dma(dev, PFN_PHYS(max_pfn) - 1);

	return highest == DMA_MAPPING_ERROR ? ~0ULL : DMA_BIT_MASK(ilog2(highest | 1) + 1);
}

bool dma_addressing_limited(struct device *dev)
{
	u64 mask = dev->dma_mask ? *dev->dma_mask : 0;

	return !mask || min_not_zero(mask, dev->bus_dma_limit) < dma_get_required_mask(dev);
}

size_t dma_max_mapping_size(struct device *dev)
{
	if (is_swiotlb_active() && (dma_addressing_limited(dev) || is_swiotlb_force_bounce()))
		return swiotlb_max_mapping_size(dev);
	return ~(size_t)0;
}

/* ------------------------------------------------------------------ coherent memory: pages */

static struct page *pages_from_cma(struct device *dev, size_t size, gfp_t gfp)
{
	unsigned long nr = size >> PAGE_SHIFT;
	struct cma *cma = dev->cma_area ? dev->cma_area : dma_contiguous_default_area;
	struct page *page;

	/* A single page needs nothing contiguous. */
	if (!cma || !gfpflags_allow_blocking(gfp) || (!dev->cma_area && nr == 1))
		return NULL;
	page = cma_alloc(cma, nr, min(get_order(size), CMA_ALIGNMENT), true);
	if (page && !coherent_reaches(dev, page_to_phys(page), size)) {
		cma_release(cma, page, nr);
		page = NULL;
	}
	return page;
}

/* The zone that the highest address allowed lies in; what of it lies beyond is found out by trying. */
static gfp_t first_zone_to_try(const struct device *dev)
{
	u64 limit = min_not_zero(dev->coherent_dma_mask, dev->bus_dma_limit);
	phys_addr_t last = dma_to_phys(dev, limit);

	if (last < arm64_dma_phys_limit)
		return GFP_DMA;
	return last <= DMA_BIT_MASK(32) ? GFP_DMA32 : 0;
}

static struct page *pages_from_zone(struct device *dev, size_t size, gfp_t gfp)
{
	void *p = alloc_pages_exact_nid(dev->numa_node, size, gfp);

	if (!p)
		return NULL;
	if (coherent_reaches(dev, virt_to_phys(p), size))
		return virt_to_page(p);
	free_pages_exact(p, size);
	return NULL;
}

static struct page *alloc_coherent_pages(struct device *dev, size_t size, gfp_t gfp)
{
	struct page *page = pages_from_cma(dev, size, gfp);
	gfp_t zone = first_zone_to_try(dev);

	/* A lower zone each time. */
	if (!page)
		page = pages_from_zone(dev, size, gfp | zone);
	if (!page && !zone)
		page = pages_from_zone(dev, size, gfp | GFP_DMA32);
	if (!page && zone != GFP_DMA)
		page = pages_from_zone(dev, size, gfp | GFP_DMA);
	return page;
}

static void free_coherent_pages(struct device *dev, struct page *page, size_t size)
{
	unsigned long nr = size >> PAGE_SHIFT;

	if (dev->cma_area && cma_release(dev->cma_area, page, nr))
		return;
	if (dma_contiguous_default_area && cma_release(dma_contiguous_default_area, page, nr))
		return;
	free_pages_exact(page_address(page), size);
}

/* ------------------------------------------------------------------ coherent memory */

/* The same memory uncached, at another address; its lines leave the caches before. NULL: no room or no memory. */
static void *map_uncached(struct page *page, size_t size, const void *caller)
{
	struct vm_struct *vm;

	port_dcache_clean_inval_poc(page_address(page), size);
	vm = get_vm_area_caller(size, PAGE_SIZE, VM_MAP | VM_DMA_COHERENT, caller);
	if (!vm)
		return NULL;
	if (kernel_map(vm->va.start, page_to_phys(page), size, PROT_NORMAL_NC,
		       MAP_NO_BLOCKS | MAP_NO_CONT) ||
	    port_mirror_map(vm->va.start, page_to_phys(page), size)) {
		free_vm_area(vm);
		return NULL;
	}
	return vm->addr;
}

void *dma_alloc_attrs(struct device *dev, size_t size, dma_addr_t *handle, gfp_t gfp,
		      unsigned long attrs)
{
	struct page *page;
	void *p = NULL;

	/* The zone is found here. */
	gfp &= ~(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM | __GFP_COMP | __GFP_ZERO);
	if (!size || !dev->coherent_dma_mask || PAGE_ALIGN(size) < size ||
	    (!dev->dma_coherent && !gfpflags_allow_blocking(gfp)))
		return NULL;
	size = PAGE_ALIGN(size);
	page = alloc_coherent_pages(dev, size, gfp | __GFP_NOWARN);
	if (page) {
		p = dev->dma_coherent ? page_address(page)
				      : map_uncached(page, size, (const void *)_RET_IP_);
		if (!p)
			free_coherent_pages(dev, page, size);
	}
	if (!p) {
		if (!(attrs & DMA_ATTR_NO_WARN))
			pr_warn("%s: no coherent memory of %zu bytes within %#llx\n", dev->name,
				size, (unsigned long long)dev->coherent_dma_mask);
		return NULL;
	}
	memset(p, 0, size);
	*handle = phys_to_dma(dev, page_to_phys(page));
	count(&counted.coherent, 1);
	count(&counted.coherent_bytes, size);
	return p;
}

/* p is what the CPU has for the memory at phys. */
static bool belong_together(const struct device *dev, const void *p, phys_addr_t phys)
{
	if (!IS_ALIGNED(phys, PAGE_SIZE) || !pfn_valid(PHYS_PFN(phys)))
		return false;
	if (!dev->dma_coherent)
		return is_vmalloc_addr(p) && vmalloc_to_pfn(p) == PHYS_PFN(phys);
	return p == phys_to_virt(phys);
}

void dma_free_attrs(struct device *dev, size_t size, void *p, dma_addr_t handle,
		    unsigned long attrs)
{
	phys_addr_t phys = dma_to_phys(dev, handle);

	(void)attrs;
	if (!p)
		return;
	size = PAGE_ALIGN(size);
	if (!size || !belong_together(dev, p, phys)) {
		pr_err("%s: dma_free_coherent: %zu bytes at %p are not those at bus address "
		       "%#llx\n",
		       dev->name, size, p, (unsigned long long)handle);
		port_backtrace();
		return;
	}
	if (!dev->dma_coherent)
		vunmap(p);
	free_coherent_pages(dev, phys_to_page(phys), size);
	count(&counted.coherent, -1UL);
	count(&counted.coherent_bytes, -size);
}

/* ------------------------------------------------------------------ streaming mappings */

/* CTR_EL0.CWG, log2 of words (Arm ARM D24.2.34): what a write-back may write at a time. 0: not told. */
static unsigned int cache_line_bytes(void)
{
	unsigned int cwg = (unsigned int)(port_read_reg(PORT_CTR_EL0) >> 24 & 0xf);

	return cwg ? 4U << cwg : DMA_MINALIGN;
}

/*
 * The device writes memory behind the caches' back, and the CPU may write the rest of a line: what kmalloc gave for this size does
 * not have its lines for itself. (Linux: dma_kmalloc_needs_bounce; it relies on larger buffers being their user's whole lines.)
 */
static bool shares_lines(const struct device *dev, phys_addr_t phys, size_t size,
			 enum dma_data_direction dir)
{
	if (dev->dma_coherent || dir == DMA_TO_DEVICE || size >= 2UL * DMA_MINALIGN)
		return false;
	return !IS_ALIGNED(phys | kmalloc_size_roundup(size), cache_line_bytes());
}

static void to_point_of_coherency(const struct device *dev, phys_addr_t phys, size_t size)
{
	if (!dev->dma_coherent)
		port_dcache_clean_inval_poc(phys_to_virt(phys), size);
}

/* The bounce buffer's bus address. */
static dma_addr_t map_bounced(struct device *dev, phys_addr_t phys, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	phys_addr_t buffer = swiotlb_tbl_map_single(dev, phys, size, dir);
	const char *why = "swiotlb buffer is full";

	if (buffer != PHYS_ADDR_MAX) {
		if (streaming_reaches(dev, buffer, size)) {
			to_point_of_coherency(dev, buffer, size);
			count(&counted.mappings, 1);
			count(&counted.bounced, 1);
			return phys_to_dma(dev, buffer);
		}
		swiotlb_tbl_unmap_single(dev, buffer, size, dir, false);
		why = "it does not reach the swiotlb buffer";
	} else if (!is_swiotlb_active()) {
		why = "there is no swiotlb buffer";
	}
	if (!(attrs & DMA_ATTR_NO_WARN))
		pr_warn("%s: %s (sz: %zu bytes at %pa, DMA mask %#llx)\n", dev->name, why, size,
			&phys, (unsigned long long)(dev->dma_mask ? *dev->dma_mask : 0));
	return DMA_MAPPING_ERROR;
}

dma_addr_t dma_map_phys(struct device *dev, phys_addr_t phys, size_t size,
			enum dma_data_direction dir, unsigned long attrs)
{
	if (!size || (unsigned int)dir >= DMA_NONE || !pfn_valid(PHYS_PFN(phys)))
		return DMA_MAPPING_ERROR;
	if (is_swiotlb_force_bounce() || !streaming_reaches(dev, phys, size) ||
	    shares_lines(dev, phys, size, dir))
		return map_bounced(dev, phys, size, dir, attrs);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		to_point_of_coherency(dev, phys, size);
	count(&counted.mappings, 1);
	return phys_to_dma(dev, phys);
}

dma_addr_t dma_map_single_attrs(struct device *dev, void *p, size_t size,
				enum dma_data_direction dir, unsigned long attrs)
{
	if (is_vmalloc_addr(p)) {
		pr_warn("%s: rejecting DMA map of vmalloc memory\n", dev->name);
		return DMA_MAPPING_ERROR;
	}
	return dma_map_phys(dev, virt_to_phys(p), size, dir, attrs);
}

/* What the device wrote becomes visible to the CPU: no line of it stays that was fetched meanwhile. */
static void from_device(const struct device *dev, phys_addr_t phys, size_t size,
			enum dma_data_direction dir)
{
	if (dir != DMA_TO_DEVICE)
		to_point_of_coherency(dev, phys, size);
}

void dma_unmap_single_attrs(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	phys_addr_t phys = dma_to_phys(dev, addr);
	bool sync = !(attrs & DMA_ATTR_SKIP_CPU_SYNC);

	if (sync)
		from_device(dev, phys, size, dir);
	if (is_swiotlb_buffer(phys))
		swiotlb_tbl_unmap_single(dev, phys, size, dir, sync);
}

void dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
			     enum dma_data_direction dir)
{
	phys_addr_t phys = dma_to_phys(dev, addr);

	from_device(dev, phys, size, dir);
	if (is_swiotlb_buffer(phys))
		swiotlb_sync_single_for_cpu(dev, phys, size, dir);
}

void dma_sync_single_for_device(struct device *dev, dma_addr_t addr, size_t size,
				enum dma_data_direction dir)
{
	phys_addr_t phys = dma_to_phys(dev, addr);

	if (is_swiotlb_buffer(phys))
		swiotlb_sync_single_for_device(dev, phys, size, dir);
	to_point_of_coherency(dev, phys, size);
}

/* ------------------------------------------------------------------ looking and checking */

void dma_get_stats(struct dma_stats *stats)
{
	stats->coherent = __atomic_load_n(&counted.coherent, __ATOMIC_RELAXED);
	stats->coherent_bytes = __atomic_load_n(&counted.coherent_bytes, __ATOMIC_RELAXED);
	stats->mappings = __atomic_load_n(&counted.mappings, __ATOMIC_RELAXED);
	stats->bounced = __atomic_load_n(&counted.bounced, __ATOMIC_RELAXED);
}

int dma_check(void)
{
	struct dma_stats s;
	int bad = 0;

	dma_get_stats(&s);
	if (s.coherent_bytes % PAGE_SIZE || s.coherent_bytes < s.coherent * PAGE_SIZE ||
	    (!s.coherent && s.coherent_bytes) || s.bounced > s.mappings) {
		pr_err("dma_check: %lu coherent allocations of %lu bytes; %lu of %lu mappings "
		       "bounced\n",
		       s.coherent, s.coherent_bytes, s.bounced, s.mappings);
		bad++;
	}
	return bad + swiotlb_check();
}
