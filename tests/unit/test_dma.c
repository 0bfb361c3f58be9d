// SPDX-License-Identifier: MIT
/* links: mm/kmem/swiotlb.c lib/string.c */
/* granules: 12 14 16 */
/*
 * Memory for devices: from which zone or area, at which address, through which cache; with the real bounce buffers.
 *
 *   RAM  1G            2G                4G                    7G
 *        |==== DMA ====|===== DMA32 =====|======= NORMAL ======|
 *
 * Pages, CMA and kernel mappings are doubles: each gives from the top of a zone downwards, remembers what is out, and can fail. What
 * is mapped is a second view of the same memory, so that a wrong frame shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#define is_swiotlb_force_bounce forced_to_bounce
#include "mm/kmem/dma.c"
#undef is_swiotlb_force_bounce

#include "device_log.h"

#define RAM_START (1UL << 30)
#define RAM_END (7UL << 30)
#define DMA_END (2UL << 30)

struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn, max_pfn;
unsigned int nr_cpus_possible = 1;
phys_addr_t arm64_dma_phys_limit;
struct mem_section *mem_sections;
unsigned long first_section_nr, nr_mem_sections;
struct cma *dma_contiguous_default_area;
const pgprot_t PROT_NORMAL_NC = {0xc0ffee};

static int memory_fd;
static bool force;

bool forced_to_bounce(void)
{
	return force;
}

/* ---- boot memory, for the pool alone: below the DMA zone's end */
u64 parse_size(const char *s, const char **end, bool *overflow)
{
	return strtoull(s, (char **)end, 0);
}

phys_addr_t memblock_phys_mem_size(void)
{
	return RAM_END - RAM_START;
}

static phys_addr_t boot_next = RAM_START;

void *memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				 phys_addr_t max_addr, int nid)
{
	boot_next = ALIGN(boot_next, align) + size;
	return phys_to_virt(boot_next - size);
}

void memblock_free(void *p, size_t size)
{
	fail_msg("the pool was not wanted");
}

/* ---- what is out: pages and CMA */
struct block {
	phys_addr_t phys;
	size_t size;
	const struct cma *cma; /* NULL: pages */
};
static struct block blocks[32];
static unsigned int nr_blocks;
static int fail_after = -1;	    /* so many allocations of any kind succeed; -1: all */
static unsigned int nr_allocations; /* of pages, tried */
static phys_addr_t top[3];	    /* what is free of DMA, DMA32, NORMAL ends here */
static const phys_addr_t bottom[3] = {RAM_START + (128UL << 20), DMA_END, 4UL << 30};

static bool fails(void)
{
	return fail_after >= 0 && fail_after-- == 0;
}

static struct block *out(phys_addr_t phys, size_t size, const struct cma *cma)
{
	blocks[nr_blocks] = (struct block){phys, size, cma};
	/* Whoever had it left something. */
	memset(phys_to_virt(phys), 0xa5, size);
	return &blocks[nr_blocks++];
}

static bool back(phys_addr_t phys, size_t size, const struct cma *cma)
{
	for (unsigned int i = 0; i < nr_blocks; i++)
		if (blocks[i].phys == phys && blocks[i].size == size && blocks[i].cma == cma) {
			blocks[i] = blocks[--nr_blocks];
			return true;
		}
	return false;
}

/* The highest zone that gfp allows and that has room. */
void *alloc_pages_exact_nid(int nid, size_t size, gfp_t gfp)
{
	int z = gfp & __GFP_DMA ? 0 : gfp & __GFP_DMA32 ? 1 : 2;
	size_t block = roundup_pow_of_two(size);

	nr_allocations++;
	if (fails())
		return NULL;
	for (; z >= 0; z--)
		if (ALIGN_DOWN(top[z] - block, block) >= bottom[z]) {
			top[z] = ALIGN_DOWN(top[z] - block, block);
			return phys_to_virt(out(top[z], size, NULL)->phys);
		}
	return NULL;
}

void free_pages_exact(void *p, size_t size)
{
	assert_true(back(virt_to_phys(p), size, NULL));
}

static struct cma low_cma = {.base = 0x60000000, .size = SZ_64M};
static struct cma high_cma = {.base = 0x180000000, .size = SZ_64M};
static unsigned int cma_order;

struct page *cma_alloc(struct cma *cma, unsigned long count, unsigned int align, bool no_warn)
{
	cma_order = align;
	if (fails())
		return NULL;
	return phys_to_page(out(cma->base, count * PAGE_SIZE, cma)->phys);
}

bool cma_release(struct cma *cma, struct page *pages, unsigned long count)
{
	return back(page_to_phys(pages), count * PAGE_SIZE, cma);
}

/* ---- caches: how often something was cleaned, and what last */
static phys_addr_t cleaned_phys;
static size_t cleaned_size;
static unsigned int nr_cleaned;

void port_dcache_clean_inval_poc(const void *p, size_t size)
{
	cleaned_phys = virt_to_phys(p);
	cleaned_size = size;
	nr_cleaned++;
}

/* How often since the last time, and the last one's range. */
static unsigned int cleanings(phys_addr_t phys, size_t size)
{
	unsigned int n = nr_cleaned;

	if (n) {
		assert_int_equal(cleaned_phys, phys);
		assert_int_equal(cleaned_size, size);
	}
	nr_cleaned = 0;
	return n;
}

static unsigned int cwg = 4; /* lines of 64 bytes */

u64 port_read_reg(enum port_reg reg)
{
	return reg == PORT_CTR_EL0 ? (u64)cwg << 24 : 0;
}

size_t kmalloc_size_roundup(size_t size)
{
	return size < 8 ? 8 : size > 64 && size <= 96 ? 96 : roundup_pow_of_two(size);
}

/* ---- kernel mappings: a window with a second view of the memory */
#define WINDOW SZ_64M
static char *window;
static struct vm_struct area;
static phys_addr_t mapped_at;

struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long align, unsigned long flags,
				     const void *caller)
{
	assert_null(area.addr);
	assert_true(flags == (VM_MAP | VM_DMA_COHERENT) && size <= WINDOW);
	if (fails())
		return NULL;
	area = (struct vm_struct){.addr = window, .size = size, .flags = flags, .caller = caller};
	area.va.start = (unsigned long)window;
	return &area;
}

int kernel_map(unsigned long kva, phys_addr_t pa, u64 size, pgprot_t prot, unsigned int flags)
{
	assert_int_equal(prot.val, PROT_NORMAL_NC.val);
	/* No dirty line may come down on what is written uncached. */
	assert_int_equal(cleanings(pa, size), 1);
	if (fails())
		return -ENOMEM;
	assert_ptr_equal(mmap((void *)kva, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			      memory_fd, (off_t)(pa - RAM_START)),
			 kva);
	mapped_at = pa;
	return 0;
}

static void unmap(void)
{
	mmap(window, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
	     0);
	area.addr = NULL;
	mapped_at = 0;
}

int port_mirror_map(unsigned long kva, phys_addr_t pa, u64 size)
{
	return fails() ? -ENOMEM : 0;
}

void free_vm_area(struct vm_struct *vm)
{
	unmap();
}

void vunmap(const void *addr)
{
	assert_ptr_equal(addr, area.addr);
	unmap();
}

bool is_vmalloc_addr(const void *p)
{
	return (const char *)p >= window && (const char *)p < window + WINDOW;
}

unsigned long vmalloc_to_pfn(const void *addr)
{
	return addr == window && mapped_at ? PHYS_PFN(mapped_at) : 0;
}

/* ---- a machine */
static struct device dev;

static int machine(void **state)
{
	unsigned int i;

	if (!window) {
		const unsigned long nr = (RAM_END - RAM_START) >> SECTION_SIZE_BITS;
		struct page *map;
		char *at;

		memory_fd = (int)syscall(SYS_memfd_create, "ram", 0);
		assert_int_equal(ftruncate(memory_fd, RAM_END - RAM_START), 0);
		at = mmap(NULL, RAM_END - RAM_START, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, memory_fd, 0);
		map = mmap(NULL, (RAM_END >> PAGE_SHIFT) * sizeof(struct page),
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			   0);
		window = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			      -1, 0);
		assert_true(at != MAP_FAILED && map != MAP_FAILED && window != MAP_FAILED);
		physvirt_offset = (s64)((u64)(unsigned long)at - RAM_START);
		vmemmap = map;
		page_index_base = map;
		mem_sections = calloc(nr, sizeof(struct mem_section));
		first_section_nr = RAM_START >> SECTION_SIZE_BITS;
		nr_mem_sections = nr;
		for (i = 0; i < nr; i++)
			mem_sections[i].present = 1;
		max_pfn = PHYS_PFN(RAM_END);
		arm64_dma_phys_limit = DMA_END;
		assert_null(swiotlb_setup("512"));
		swiotlb_init();
		assert_true(is_swiotlb_active());
	}
	top[0] = DMA_END;
	top[1] = 4UL << 30;
	top[2] = RAM_END;
	nr_blocks = nr_cleaned = nr_allocations = 0;
	fail_after = -1;
	force = false;
	cwg = 4;
	log_clear();
	dma_contiguous_default_area = NULL;
	memset(&counted, 0, sizeof(counted));
	device_dma_init(&dev, "device", true);
	return 0;
}

static int all_is_back(void **state)
{
	struct swiotlb_stats stats;

	swiotlb_get_stats(&stats);
	assert_int_equal(stats.used, 0);
	assert_int_equal(nr_blocks, 0);
	assert_null(area.addr);
	assert_int_equal(counted.coherent, 0);
	assert_int_equal(dma_check(), 0);
	return 0;
}

static void mask(unsigned int bits)
{
	assert_int_equal(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(bits)), 0);
}

static unsigned int zone_of(phys_addr_t phys)
{
	return phys < DMA_END ? 0 : phys < (4UL << 30) ? 1 : 2;
}

/* ---- coherent memory */

static void the_mask_decides_the_zone(void **state)
{
	static const struct {
		unsigned int bits;
		u64 bus_limit;
		unsigned int zone;
	} t[] = {{64, 0, 2},	    {33, 0, 2},	  {32, 0, 1},
		 {31, 0, 0},	    {64, ~0U, 1}, {33, (2UL << 30) - 1, 0},
		 {64, 7UL << 30, 2}};

	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++) {
		dma_addr_t handle;
		void *p;

		mask(t[i].bits);
		dev.bus_dma_limit = t[i].bus_limit;
		p = dma_alloc_coherent(&dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
		assert_non_null(p);
		assert_int_equal(zone_of(handle), t[i].zone);
		assert_ptr_equal(p, phys_to_virt(handle));
		/* At the first attempt. */
		assert_int_equal(nr_allocations, i + 1);
		dma_free_coherent(&dev, 3 * PAGE_SIZE, p, handle);
	}
}

/* The bus ends within NORMAL: the page at its top is not reached, and goes back. */
static void a_zone_that_reaches_too_far_is_followed_by_a_lower_one(void **state)
{
	dma_addr_t handle;
	void *p;

	mask(64);
	dev.bus_dma_limit = (5UL << 30) - 1;
	p = dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL);
	assert_int_equal(zone_of(handle), 1);
	assert_int_equal(nr_blocks, 1);
	dma_free_coherent(&dev, PAGE_SIZE, p, handle);
	/* And within DMA32. */
	dev.bus_dma_limit = (3UL << 30) - 1;
	p = dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL);
	assert_int_equal(zone_of(handle), 0);
	dma_free_coherent(&dev, PAGE_SIZE, p, handle);
	/* And below what even the DMA zone gives. */
	dev.bus_dma_limit = RAM_START + PAGE_SIZE;
	assert_null(dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL));
	assert_true(said("device: no coherent memory"));
	assert_null(dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL | __GFP_NOWARN));
	assert_false(said("coherent"));
}

/* The first GiB of RAM is at 0 on the bus: 30 bits reach it. */
static void a_bus_with_an_offset(void **state)
{
	static const struct bus_dma_region map[] = {
		{.cpu_start = RAM_START, .dma_start = 0, .size = 1UL << 30}, {.size = 0}};
	dma_addr_t handle, at;
	void *p;

	dev.dma_range_map = map;
	mask(30);
	p = dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL);
	assert_ptr_equal(p, phys_to_virt(handle + RAM_START));
	dma_free_coherent(&dev, PAGE_SIZE, p, handle);
	assert_true(phys_to_dma(&dev, DMA_END) == DMA_MAPPING_ERROR);
	assert_true(dma_to_phys(&dev, 1UL << 30) == PHYS_ADDR_MAX);
	/* What the map does not have is bounced. */
	memset(phys_to_virt(DMA_END), 'x', 100);
	at = dma_map_single(&dev, phys_to_virt(DMA_END), 100, DMA_TO_DEVICE);
	assert_true(is_swiotlb_buffer(at + RAM_START));
	assert_int_equal(*(char *)phys_to_virt(at + RAM_START + 99), 'x');
	dma_unmap_single(&dev, at, 100, DMA_TO_DEVICE);
}

static void memory_is_zeroed_aligned_and_rounded_up(void **state)
{
	const size_t size = 5 * PAGE_SIZE + 1;
	struct dma_stats stats;
	dma_addr_t handle;
	char *p;

	p = dma_alloc_coherent(&dev, size, &handle, GFP_KERNEL | __GFP_DMA);
	assert_true(IS_ALIGNED(handle, 8 * PAGE_SIZE));
	for (size_t i = 0; i < 6 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
	/* The device's mask counts, not the caller's zone. */
	assert_int_equal(zone_of(handle), 1);
	assert_int_equal(blocks[0].size, 6 * PAGE_SIZE);
	dma_get_stats(&stats);
	assert_int_equal(stats.coherent, 1);
	assert_int_equal(stats.coherent_bytes, 6 * PAGE_SIZE);
	assert_int_equal(dma_check(), 0);
	dma_free_coherent(&dev, size, p, handle);
	assert_null(dma_alloc_coherent(&dev, 0, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&dev, SIZE_MAX, &handle, GFP_KERNEL));
	dev.coherent_dma_mask = 0;
	assert_null(dma_alloc_coherent(&dev, 1, &handle, GFP_KERNEL));
}

static void what_does_not_fit_together_is_not_freed(void **state)
{
	dma_addr_t handle;
	char *p = dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL);

	dma_free_coherent(&dev, PAGE_SIZE, p, handle + PAGE_SIZE);
	assert_true(said("are not those at bus address"));
	dma_free_coherent(&dev, PAGE_SIZE, p + 8, handle);
	assert_true(said("are not those at bus address"));
	dma_free_coherent(&dev, PAGE_SIZE, p, 8UL << 30);
	assert_true(said("are not those at bus address"));
	dma_free_coherent(&dev, 0, p, handle);
	assert_true(said("are not those at bus address"));
	dma_free_coherent(&dev, PAGE_SIZE, NULL, handle);
	assert_int_equal(nr_blocks, 1);
	dma_free_coherent(&dev, PAGE_SIZE, p, handle);
}

static void larger_than_a_page_comes_from_the_contiguous_area(void **state)
{
	dma_addr_t handle;
	void *p;

	dma_contiguous_default_area = &low_cma;
	p = dma_alloc_coherent(&dev, 300 * PAGE_SIZE, &handle, GFP_KERNEL);
	assert_int_equal(handle, low_cma.base);
	/* Alignment of large ones ends at 256 pages. */
	assert_int_equal(cma_order, 8);
	dma_free_coherent(&dev, 300 * PAGE_SIZE, p, handle);
	assert_int_equal(nr_blocks, 0);
	p = dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_KERNEL);
	assert_ptr_equal(blocks[0].cma, NULL);
	dma_free_coherent(&dev, PAGE_SIZE, p, handle);
	/* Who may not sleep, does not go there. */
	p = dma_alloc_coherent(&dev, 2 * PAGE_SIZE, &handle, GFP_ATOMIC);
	assert_ptr_equal(blocks[0].cma, NULL);
	dma_free_coherent(&dev, 2 * PAGE_SIZE, p, handle);
	/* The device's own area serves single pages, too. */
	dev.cma_area = &low_cma;
	dma_contiguous_default_area = &high_cma;
	p = dma_alloc_coherent(&dev, 1, &handle, GFP_KERNEL);
	assert_ptr_equal(blocks[0].cma, &low_cma);
	dma_free_coherent(&dev, 1, p, handle);
}

static void an_area_out_of_reach_is_left_alone(void **state)
{
	dma_addr_t handle;
	void *p;

	dma_contiguous_default_area = &high_cma;
	p = dma_alloc_coherent(&dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
	assert_int_equal(zone_of(handle), 1);
	assert_int_equal(nr_blocks, 1);
	dma_free_coherent(&dev, 2 * PAGE_SIZE, p, handle);
	mask(64);
	p = dma_alloc_coherent(&dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
	assert_int_equal(handle, high_cma.base);
	dma_free_coherent(&dev, 2 * PAGE_SIZE, p, handle);
}

static void a_device_without_snooping_gets_an_uncached_view(void **state)
{
	dma_addr_t handle;
	char *p;

	dev.dma_coherent = false;
	p = dma_alloc_coherent(&dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
	assert_ptr_equal(p, window);
	assert_int_equal(mapped_at, handle);
	assert_int_equal(p[0] | p[2 * PAGE_SIZE - 1], 0);
	p[PAGE_SIZE] = 'u';
	assert_int_equal(((char *)phys_to_virt(handle))[PAGE_SIZE], 'u');
	/* The linear map's address is not its name. */
	dma_free_coherent(&dev, 2 * PAGE_SIZE, phys_to_virt(handle), handle);
	assert_true(said("are not those at bus address"));
	dma_free_coherent(&dev, 2 * PAGE_SIZE, p, handle);
	/* Mapping may sleep. */
	assert_null(dma_alloc_coherent(&dev, PAGE_SIZE, &handle, GFP_ATOMIC));
}

static void every_failure_gives_everything_back(void **state)
{
	dma_addr_t handle;
	void *p = NULL;
	int n;

	dev.dma_coherent = false;
	dma_contiguous_default_area = &low_cma;
	mask(64);
	/* CMA, three zones; area, table, window with either. */
	for (n = 0; n < 8; n++) {
		fail_after = n;
		p = dma_alloc_coherent(&dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
		nr_cleaned = 0;
		if (p)
			dma_free_coherent(&dev, 2 * PAGE_SIZE, p, handle);
		else
			assert_true(said("no coherent memory of"));
		all_is_back(state);
		if (fail_after >= 0)
			break;
	}
	/* Area, table and window of the CMA range were reached: the last round was the undisturbed one. */
	assert_int_equal(n, 4);
	assert_non_null(p);
}

/* ---- streaming mappings */

static char *fill(phys_addr_t phys, size_t size, char c)
{
	return memset(phys_to_virt(phys), c, size);
}

static void memory_in_reach_is_mapped_as_it_is(void **state)
{
	char *p = fill(3UL << 30, PAGE_SIZE, 'm');
	dma_addr_t at;

	at = dma_map_single(&dev, p + 3, 1000, DMA_BIDIRECTIONAL);
	assert_int_equal(at, (3UL << 30) + 3);
	dma_sync_single_for_cpu(&dev, at, 1000, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(&dev, at, 1000, DMA_BIDIRECTIONAL);
	dma_unmap_single(&dev, at, 1000, DMA_BIDIRECTIONAL);
	assert_int_equal(nr_cleaned, 0);
	at = dma_map_page(&dev, virt_to_page(p), 5, 100, DMA_TO_DEVICE);
	assert_int_equal(at, (3UL << 30) + 5);
	assert_int_equal(dma_mapping_error(&dev, at), 0);
	dma_unmap_page(&dev, at, 100, DMA_TO_DEVICE);
	assert_int_equal(counted.mappings, 2);
	assert_int_equal(counted.bounced, 0);
	/* The last byte counts. */
	at = dma_map_single(&dev, phys_to_virt((4UL << 30) - 100), 100, DMA_TO_DEVICE);
	assert_int_equal(at, (4UL << 30) - 100);
	at = dma_map_single(&dev, phys_to_virt((4UL << 30) - 100), 101, DMA_TO_DEVICE);
	assert_true(is_swiotlb_buffer(at));
	dma_unmap_single(&dev, at, 101, DMA_TO_DEVICE);
}

static void caches_are_cleaned_for_a_device_that_does_not_see_them(void **state)
{
	const phys_addr_t phys = 3UL << 30;
	char *p = fill(phys, PAGE_SIZE, 'm');

	dev.dma_coherent = false;
	dma_map_single(&dev, p, 1024, DMA_TO_DEVICE);
	assert_int_equal(cleanings(phys, 1024), 1);
	dma_unmap_single(&dev, phys, 1024, DMA_TO_DEVICE);
	assert_int_equal(cleanings(0, 0), 0);
	dma_map_single(&dev, p, 1024, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(phys, 1024), 1);
	dma_sync_single_for_cpu(&dev, phys + 256, 256, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(phys + 256, 256), 1);
	dma_sync_single_for_device(&dev, phys, 512, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(phys, 512), 1);
	dma_unmap_single(&dev, phys, 1024, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(phys, 1024), 1);
	dma_map_single_attrs(&dev, p, 1024, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	dma_unmap_single_attrs(&dev, phys, 1024, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(nr_cleaned, 0);
}

static void memory_out_of_reach_is_bounced(void **state)
{
	const phys_addr_t phys = (6UL << 30) + 100;
	char *p = fill(phys, 3000, 'o'), *buffer;
	dma_addr_t at;

	at = dma_map_single(&dev, p, 3000, DMA_FROM_DEVICE);
	assert_true(is_swiotlb_buffer(at));
	buffer = phys_to_virt(at);
	/* What the device does not write comes back as it was. */
	assert_int_equal(buffer[2999], 'o');
	buffer[10] = 'd';
	assert_int_equal(p[10], 'o');
	dma_sync_single_for_cpu(&dev, at + 10, 1, DMA_FROM_DEVICE);
	assert_int_equal(p[10], 'd');
	buffer[11] = 'e';
	dma_unmap_single(&dev, at, 3000, DMA_FROM_DEVICE);
	assert_int_equal(p[11], 'e');
	assert_int_equal(p[12], 'o');
	at = dma_map_single(&dev, p, 3000, DMA_TO_DEVICE);
	buffer = phys_to_virt(at);
	p[20] = 'c';
	dma_sync_single_for_device(&dev, at + 20, 1, DMA_TO_DEVICE);
	assert_int_equal(buffer[20], 'c');
	buffer[21] = 'x';
	dma_unmap_single(&dev, at, 3000, DMA_TO_DEVICE);
	assert_int_equal(p[21], 'o');
	assert_int_equal(counted.bounced, 2);
	/* Without caches in common the buffer's lines are cleaned, not the original's. */
	dev.dma_coherent = false;
	at = dma_map_single(&dev, p, 3000, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(at, 3000), 1);
	dma_unmap_single(&dev, at, 3000, DMA_FROM_DEVICE);
	assert_int_equal(cleanings(at, 3000), 1);
}

static void small_objects_with_lines_of_others_are_bounced(void **state)
{
	const phys_addr_t phys = 3UL << 30;
	static const struct {
		size_t size;
		unsigned int offset, cwg;
		enum dma_data_direction dir;
		bool bounced;
	} t[] = {
		{8, 0, 4, DMA_FROM_DEVICE, true},    {8, 0, 4, DMA_TO_DEVICE, false},
		{64, 64, 4, DMA_FROM_DEVICE, false}, {96, 0, 4, DMA_FROM_DEVICE, true},
		{64, 32, 4, DMA_FROM_DEVICE, true},  {64, 64, 5, DMA_FROM_DEVICE, true},
		{128, 0, 5, DMA_FROM_DEVICE, false}, {64, 64, 0, DMA_BIDIRECTIONAL, true},
		{300, 8, 4, DMA_FROM_DEVICE, false},
	};

	dev.dma_coherent = false;
	for (unsigned int i = 0; i < ARRAY_SIZE(t); i++) {
		dma_addr_t at;

		cwg = t[i].cwg;
		at = dma_map_single(&dev, phys_to_virt(phys + t[i].offset), t[i].size, t[i].dir);
		assert_int_equal(is_swiotlb_buffer(at), t[i].bounced);
		dma_unmap_single(&dev, at, t[i].size, t[i].dir);
	}
	/* Not for one that sees them. */
	dev.dma_coherent = true;
	assert_int_equal(dma_map_single(&dev, phys_to_virt(phys), 8, DMA_FROM_DEVICE), phys);
}

static void force_bounces_everything(void **state)
{
	dma_addr_t at;

	mask(64);
	assert_true(dma_max_mapping_size(&dev) == SIZE_MAX);
	force = true;
	assert_int_equal(dma_max_mapping_size(&dev), 256 << 10);
	at = dma_map_single(&dev, phys_to_virt(3UL << 30), 100, DMA_TO_DEVICE);
	assert_true(is_swiotlb_buffer(at));
	dma_unmap_single(&dev, at, 100, DMA_TO_DEVICE);
}

static void what_cannot_be_mapped_is_refused(void **state)
{
	static dma_addr_t at[513];
	char *p = phys_to_virt(5UL << 30);
	unsigned int n = 0;

	while ((at[n] = dma_map_single_attrs(&dev, p, 2048, DMA_TO_DEVICE, DMA_ATTR_NO_WARN)) !=
	       DMA_MAPPING_ERROR)
		n++;
	assert_int_equal(n, 512);
	assert_false(said("swiotlb"));
	assert_true(dma_map_single(&dev, p, 2048, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(said("device: swiotlb buffer is full (sz: 2048 bytes"));
	assert_int_equal(dma_mapping_error(&dev, DMA_MAPPING_ERROR), -ENOMEM);
	while (n--)
		dma_unmap_single(&dev, at[n], 2048, DMA_TO_DEVICE);
	/* Larger than any buffer. */
	assert_true(dma_map_single(&dev, p, (256 << 10) + 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	/* It does not reach the pool itself. */
	dev.bus_dma_limit = RAM_START - 1;
	assert_true(dma_map_single(&dev, p, 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(said("it does not reach the swiotlb buffer"));
	dev.bus_dma_limit = 0;
	assert_true(dma_map_single(&dev, window, 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(said("rejecting DMA map of vmalloc memory"));
	assert_true(dma_map_single(&dev, p, 0, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_single(&dev, p, 1, DMA_NONE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&dev, RAM_END, 1, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	dev.dma_mask = NULL;
	assert_true(dma_map_single(&dev, p, 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_int_equal(counted.mappings, 512);
}

/* ---- masks */

static void masks(void **state)
{
	/* The DMA zone ends at 2 GiB: fewer bits reach none of it for sure; 32 are always promised, as in Linux. */
	assert_int_equal(dma_set_mask(&dev, DMA_BIT_MASK(30)), -EIO);
	assert_int_equal(dma_set_coherent_mask(&dev, DMA_BIT_MASK(30)), -EIO);
	assert_int_equal(dev.own_dma_mask, DMA_BIT_MASK(32));
	assert_int_equal(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(31)), 0);
	assert_int_equal(dev.coherent_dma_mask, DMA_BIT_MASK(31));
	arm64_dma_phys_limit = RAM_END;
	assert_false(dma_supported(&dev, DMA_BIT_MASK(31)));
	assert_true(dma_supported(&dev, DMA_BIT_MASK(32)));
	arm64_dma_phys_limit = DMA_END;
	assert_int_equal(dma_get_required_mask(&dev), DMA_BIT_MASK(33));
	assert_true(dma_addressing_limited(&dev));
	assert_int_equal(dma_max_mapping_size(&dev), 256 << 10);
	mask(33);
	assert_false(dma_addressing_limited(&dev));
	dev.bus_dma_limit = DMA_BIT_MASK(32);
	assert_true(dma_addressing_limited(&dev));
	dev.dma_mask = NULL;
	assert_int_equal(dma_set_mask(&dev, DMA_BIT_MASK(64)), -EIO);
	assert_true(dma_addressing_limited(&dev));
}

static void the_check_sees_what_is_wrong(void **state)
{
	assert_int_equal(dma_check(), 0);
	counted.coherent_bytes = PAGE_SIZE;
	assert_int_equal(dma_check(), 1);
	counted.coherent = 2;
	assert_int_equal(dma_check(), 1);
	counted.coherent = 1;
	assert_int_equal(dma_check(), 0);
	counted.bounced = 1;
	assert_int_equal(dma_check(), 1);
	memset(&counted, 0, sizeof(counted));
}

#define test(f) cmocka_unit_test_setup_teardown(f, machine, all_is_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_mask_decides_the_zone),
		test(a_zone_that_reaches_too_far_is_followed_by_a_lower_one),
		test(a_bus_with_an_offset),
		test(memory_is_zeroed_aligned_and_rounded_up),
		test(what_does_not_fit_together_is_not_freed),
		test(larger_than_a_page_comes_from_the_contiguous_area),
		test(an_area_out_of_reach_is_left_alone),
		test(a_device_without_snooping_gets_an_uncached_view),
		test(every_failure_gives_everything_back),
		test(memory_in_reach_is_mapped_as_it_is),
		test(caches_are_cleaned_for_a_device_that_does_not_see_them),
		test(memory_out_of_reach_is_bounced),
		test(small_objects_with_lines_of_others_are_bounced),
		test(force_bounces_everything),
		test(what_cannot_be_mapped_is_refused),
		test(masks),
		test(the_check_sees_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
