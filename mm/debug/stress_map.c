// SPDX-License-Identifier: MIT
/*
 * The stress's kinds of mappings: vmalloc, vmap, ioremap, memory for devices; and memory that comes and goes.
 *
 * Owns the hot-added section, from stress_map_init to stress_map_exit: `hot` says whose turn it is to bring it online or take it
 * offline.
 */
#include "stress_internal.h"

#include <quire/cma.h>
#include <quire/dma.h>
#include <quire/io.h>
#include <quire/memblock.h>
#include <quire/memory_hotplug.h>
#include <quire/slab.h>
#include <quire/swiotlb.h>
#include <quire/vmalloc.h>

/* PAR_EL1: the translation failed; the output address. */
#define PAR_F 1
#define PAR_PA(par) ((par)&GENMASK(51, 12))

static struct {
	phys_addr_t start; /* 0: none */
	u32 busy;
	bool online;
	unsigned long onlined, offlined, refused;
} hot;
/* Somewhere no RAM is, and none will come; 0: nowhere. */
static phys_addr_t device_area;
#define DEVICE_AREA_PAGES 64

static struct device device[3];

static bool set_hot(bool online)
{
	unsigned long pfn = PHYS_PFN(hot.start);
	int err = online ? online_pages(pfn, PAGES_PER_SECTION, MMOP_ONLINE_MOVABLE)
			 : offline_pages(pfn, PAGES_PER_SECTION);

	if (!err)
		hot.online = online;
	return !err;
}

int stress_map_init(const struct stress_options *options)
{
	phys_addr_t end = ALIGN(memblock_end_of_DRAM(), 1UL << SECTION_SIZE_BITS);

	device_area = memblock_start_of_DRAM() - DEVICE_AREA_PAGES * PAGE_SIZE;
	if (memblock_start_of_DRAM() < SZ_16M)
		device_area = end + hotplug_reserve;
	if ((device_area + DEVICE_AREA_PAGES * PAGE_SIZE) >> port_pa_bits())
		device_area = 0;
	/* One that reaches all, one that does not look into caches, one of little reach. */
	device_dma_init(&device[0], "stress-64", true);
	device_dma_init(&device[1], "stress-nc", false);
	device_dma_init(&device[2], "stress-32", true);
	dma_set_mask_and_coherent(&device[0], DMA_BIT_MASK(64));
	hot.start = 0;
	hot.online = false;
	if (options->hotplug && hotplug_reserve >= 1UL << SECTION_SIZE_BITS &&
	    !add_memory((int)page_to_nid(virt_to_page(phys_to_virt(memblock_start_of_DRAM()))), end,
			1UL << SECTION_SIZE_BITS))
		hot.start = end;
	/* What a new zone needs for itself it gets now. */
	if (hot.start && (!set_hot(true) || !set_hot(false)))
		stress_bad(NULL, "hot-added memory does not come and go");
	return 0;
}

int stress_map_exit(void)
{
	if (!hot.start)
		return 0;
	if (hot.online && !set_hot(false))
		return 1;
	return remove_memory(hot.start, 1UL << SECTION_SIZE_BITS) != 0;
}

/* ------------------------------------------------------------------ common */

/* The MMU finds the page where the allocator says: fills TLBs, which must forget it in time. */
static void look_up(struct stress_cpu *c, const void *p, phys_addr_t pa)
{
	u64 par = port_at_s1e1(port_ptr_to_kva(p), true);

	if (par & PAR_F)
		stress_bad(c, "%p is not mapped", p);
	else if ((PAR_PA(par) & PAGE_MASK) != (pa & PAGE_MASK))
		stress_bad(c, "%p is %#llx and should be %#llx", p, (unsigned long long)PAR_PA(par),
			   (unsigned long long)pa);
}

/* ------------------------------------------------------------------ vmalloc, vmap */

static bool vmalloc_make(struct stress_cpu *c, struct stress_object *o)
{
	/* In blocks and contiguous runs, some of them with pages behind. */
	bool huge = stress_chance(c, 20);
	unsigned int many = stress_chance(c, huge ? 15 : 5) ? 600 : huge ? 60 : 20;
	size_t size = stress_size(c, 1, many * PAGE_SIZE);
	gfp_t gfp = (stress_chance(c, 30) ? GFP_KERNEL | __GFP_ZERO : GFP_KERNEL) | __GFP_NOWARN;
	unsigned long align = stress_chance(c, 20) ? PAGE_SIZE << stress_random(c, 6) : 1;
	char *p = huge			 ? vmalloc_huge(size, gfp)
		  : stress_chance(c, 70) ? __vmalloc(size, gfp)
					 : __vmalloc_node(size, align, gfp, numa_node_id(),
							  (const void *)_RET_IP_);
	size_t at;

	if (!p)
		return false;
	if (!is_vmalloc_addr(p) || vmalloc_size(p) != PAGE_ALIGN(size))
		stress_bad(c, "vmalloc: %p has %lu bytes of %lu", p, (unsigned long)vmalloc_size(p),
			   (unsigned long)size);
	stress_begin(c, o, p, size, gfp);
	at = stress_random(c, size);
	look_up(c, p + at, PFN_PHYS(vmalloc_to_pfn(p + at)));
	return true;
}

static bool vmalloc_look(struct stress_cpu *c, struct stress_object *o)
{
	char *p = o->p;

	p += stress_random(c, o->size);
	look_up(c, p, PFN_PHYS(vmalloc_to_pfn(p)));
	return stress_plain_check(c, o);
}

static void vmalloc_drop(struct stress_cpu *c, struct stress_object *o)
{
	if (stress_chance(c, 50))
		vfree(o->p);
	else
		kvfree(o->p);
}

/* As many pages as come, mapped. */
static bool map_pages(struct stress_cpu *c, struct stress_object *o, bool ram)
{
	unsigned long want = 1 + stress_random(c, STRESS_MAX_PARTS);
	void *p = NULL;

	for (o->n = 0; o->n < want; o->n++) {
		o->part[o->n] = alloc_page(stress_gfp(c));
		if (!o->part[o->n])
			break;
	}
	if (o->n && ram)
		p = vm_map_ram((struct page **)o->part, (unsigned int)o->n, NUMA_NO_NODE);
	else if (o->n)
		p = vmap((struct page **)o->part, (unsigned int)o->n, VM_MAP, PAGE_KERNEL);
	if (!p) {
		while (o->n)
			__free_page(o->part[--o->n]);
		return false;
	}
	stress_begin(c, o, p, o->n * PAGE_SIZE, 0);
	return true;
}

static bool vmap_make(struct stress_cpu *c, struct stress_object *o)
{
	return map_pages(c, o, false);
}

static bool map_ram_make(struct stress_cpu *c, struct stress_object *o)
{
	return map_pages(c, o, true);
}

static bool vmap_check(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long i = stress_random(c, o->n);
	const u64 *there = page_address(o->part[i]);
	const char *here = o->p;

	look_up(c, here + i * PAGE_SIZE, page_to_phys(o->part[i]));
	/* The first word of a page is the same, seen from the other side. */
	return stress_plain_check(c, o) && *there == *(const u64 *)(here + i * PAGE_SIZE);
}

static void vmap_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	vunmap(o->p);
	while (o->n)
		__free_page(o->part[--o->n]);
}

static void map_ram_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	vm_unmap_ram(o->p, (unsigned int)o->n);
	while (o->n)
		__free_page(o->part[--o->n]);
}

/* ------------------------------------------------------------------ device memory: mapped, not touched */

static bool ioremap_make(struct stress_cpu *c, struct stress_object *o)
{
	phys_addr_t pa = device_area + stress_random(c, (DEVICE_AREA_PAGES - 8) * PAGE_SIZE);
	size_t size = 1 + stress_random(c, 8 * PAGE_SIZE);

	if (!device_area)
		return false;
	o->p = stress_chance(c, 50) ? ioremap(pa, size) : ioremap_wc(pa, size);
	if (!o->p)
		return false;
	o->n = pa;
	o->size = size;
	look_up(c, o->p, pa);
	return true;
}

static bool ioremap_check(struct stress_cpu *c, struct stress_object *o)
{
	unsigned long at = stress_random(c, o->size);

	look_up(c, (char *)o->p + at, o->n + at);
	return true;
}

static void ioremap_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	iounmap(o->p);
}

/* ------------------------------------------------------------------ memory for devices */

static bool coherent_make(struct stress_cpu *c, struct stress_object *o)
{
	struct device *dev = &device[stress_random(c, ARRAY_SIZE(device))];
	size_t size = stress_size(c, 1, 16 * PAGE_SIZE);
	dma_addr_t handle;
	void *p = dma_alloc_coherent(dev, size, &handle, GFP_KERNEL | __GFP_NOWARN);

	if (!p)
		return false;
	if (handle + size - 1 > dev->coherent_dma_mask)
		stress_bad(c, "%s: coherent memory at %#llx", dev->name,
			   (unsigned long long)handle);
	o->part[0] = dev;
	o->extra = handle;
	stress_begin(c, o, p, size, __GFP_ZERO);
	return true;
}

static void coherent_drop(struct stress_cpu *c, struct stress_object *o)
{
	(void)c;
	dma_free_coherent(o->part[0], o->size, o->p, o->extra);
}

static bool stream_make(struct stress_cpu *c, struct stress_object *o)
{
	struct device *dev = &device[stress_random(c, ARRAY_SIZE(device))];
	size_t size = stress_size(c, 1, 4 * PAGE_SIZE);
	void *p = kmalloc(size, stress_gfp(c) & ~(__GFP_HIGHMEM | __GFP_MOVABLE));
	dma_addr_t handle;

	if (!p)
		return false;
	stress_begin(c, o, p, size, 0);
	handle = dma_map_single_attrs(dev, p, size, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN);
	if (dma_mapping_error(dev, handle)) {
		kfree(p);
		return false;
	}
	o->part[0] = dev;
	o->extra = handle;
	return true;
}

/* Through the bounce buffer, if there is one, as the device sees it. */
static bool stream_check(struct stress_cpu *c, struct stress_object *o)
{
	struct device *dev = o->part[0];

	(void)c;
	dma_sync_single_for_device(dev, o->extra, o->size, DMA_BIDIRECTIONAL);
	if (!stress_check(phys_to_virt(dma_to_phys(dev, o->extra)), o->size, o->key))
		return false;
	dma_sync_single_for_cpu(dev, o->extra, o->size, DMA_BIDIRECTIONAL);
	return stress_plain_check(c, o);
}

static void stream_drop(struct stress_cpu *c, struct stress_object *o)
{
	dma_unmap_single(o->part[0], o->extra, o->size, DMA_BIDIRECTIONAL);
	if (!stress_plain_check(c, o))
		stress_bad(c, "a buffer came back otherwise from its device");
	kfree(o->p);
}

/* ------------------------------------------------------------------ rare things */

static void plug(struct stress_cpu *c)
{
	u32 no = 0;

	(void)c;
	if (!hot.start || !__atomic_compare_exchange_n(&hot.busy, &no, 1, false, __ATOMIC_ACQUIRE,
						       __ATOMIC_RELAXED))
		return;
	if (!set_hot(!hot.online))
		hot.refused++;
	else if (hot.online)
		hot.onlined++;
	else
		hot.offlined++;
	__atomic_store_n(&hot.busy, 0, __ATOMIC_RELEASE);
}

/* As /proc/vmallocinfo does it, while areas come and go. */
static void look_at_areas(struct stress_cpu *c)
{
	unsigned int on_node[MAX_NUMNODES] = {0};
	struct vm_area_view v;
	bool lazy = stress_chance(c, 50);

	for (unsigned long at = 0; vm_view_area(at, lazy, &v, on_node); at = v.end)
		if (v.end <= at || v.start >= v.end || v.nr_pages > (v.end - v.start) / PAGE_SIZE)
			stress_bad(c, "an area is not where a report looks for the next");
}

void stress_map_disturb(struct stress_cpu *c)
{
	if (stress_chance(c, 20))
		look_at_areas(c);
	else if (stress_chance(c, 30))
		vm_unmap_aliases();
	else
		plug(c);
}

const struct stress_kind stress_map_kinds[] = {
	{"vmalloc", 8, 0, vmalloc_make, vmalloc_look, vmalloc_drop, NULL},
	{"vmap", 6, 0, vmap_make, vmap_check, vmap_drop, NULL},
	{"vm_map_ram", 6, 0, map_ram_make, vmap_check, map_ram_drop, NULL},
	{"ioremap", 3, 0, ioremap_make, ioremap_check, ioremap_drop, NULL},
	{"DMA, coherent", 4, 0, coherent_make, stress_plain_check, coherent_drop, NULL},
	{"DMA, streaming", 6, STRESS_IRQ, stream_make, stream_check, stream_drop, NULL},
	{NULL, 0, 0, NULL, NULL, NULL, NULL},
};
