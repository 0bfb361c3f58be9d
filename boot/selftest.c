// SPDX-License-Identifier: MIT
/*
 * quire.selftest: proof on the running MMU and page allocator of what the tables and the log claim.
 *
 * A check provokes the fault, or asks the address translation hardware, or takes every page there
 * is; the descriptors that it doubts are read only where nothing else can answer (whether a page is
 * executable, in a process). Each prints one line; none leaves a mark: what is written is written
 * back, all pages are returned, all counts compared.
 *
 * Where kernel addresses are not the program's own (a process), faults are those of the software
 * MMU, by port_at_s1e1.
 *
 * Runs on the boot CPU after start_kernel; the other CPUs are idle until selftest_cpus.c gives them something to do.
 */
#include <quire/boot.h>
#include <quire/buddy.h>
#include <quire/cma.h>
#include <quire/dma.h>
#include <quire/io.h>
#include <quire/memblock.h>
#include <quire/mm_init.h>
#include <quire/percpu.h>
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/sparse.h>
#include <quire/swiotlb.h>
#include <quire/vmalloc.h>

#include "selftest.h"

/* ESR_EL1: exception class, write, and the fault status codes (Arm ARM D24.2.40). */
#define ESR_EC(esr) ((esr) >> 26 & 0x3f)
#define EC_INSN_ABORT 0x21
#define EC_DATA_ABORT 0x25
#define ESR_WRITE BIT(6)
#define FSC_KIND(esr) ((esr)&0x3c)
#define FSC_TRANSLATION 0x04
#define FSC_PERMISSION 0x0c

/* PAR_EL1 (Arm ARM D24.2.149): failed; output address; attributes. */
#define PAR_F 1
#define PAR_PA(par) ((par)&GENMASK(51, 12))
#define PAR_ATTR(par) ((par) >> 56)
#define ATTR_DEVICE_nGnRE 0x04
#define ATTR_NORMAL 0xff

#define DESC_PXN BIT(53)

static unsigned int passed, failed;
static char why[160];

/* Why a check failed. */
#define fail selftest_fail
const char *selftest_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	quire_vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return why;
}

static const char skipped[] = "nothing to check";

static void check(const char *name, const char *result)
{
	if (result == skipped) {
		pr_info("selftest: %s: skipped (%s)\n", name, result);
		return;
	}
	if (result) {
		pr_err("selftest: %s: FAILED %s\n", name, result);
		failed++;
		return;
	}
	pr_info("selftest: %s: ok\n", name);
	passed++;
}

/* ------------------------------------------------------------------ faults */

/* A kernel address can be dereferenced as it is. */
static bool kva_is_pointer(void)
{
	phys_addr_t pa = memblock_start_of_DRAM();

	return (unsigned long)phys_to_virt(pa) == phys_to_kva(pa);
}

static int op_read(void *arg)
{
	(void)*(volatile u8 *)arg;
	return 0;
}

/* Writes back what it reads: no harm is done when it does not fault. */
static int op_rewrite(void *arg)
{
	volatile u32 *p = arg;
	u32 v = *p;

	*p = v;
	return 0;
}

static int op_call(void *arg)
{
	((void (*)(void))arg)();
	return 0;
}

static const char *want_fault(int (*op)(void *arg), unsigned long kva, u64 ec, u64 kind, bool write)
{
	u64 esr = 0, far = 0;

	if (!port_expect_fault(op, (void *)kva, &esr, &far))
		return fail("no fault at 0x%lx", kva);
	if (ESR_EC(esr) != ec || FSC_KIND(esr) != kind || (write && !(esr & ESR_WRITE)))
		return fail("another fault at 0x%lx: ESR 0x%llx", kva, (unsigned long long)esr);
	if (far != kva)
		return fail("fault at 0x%llx instead of 0x%lx", (unsigned long long)far, kva);
	return NULL;
}

static const char *not_writable(unsigned long kva)
{
	if (port_at_s1e1(kva, false) & PAR_F)
		return fail("0x%lx is not readable", kva);
	if (!(port_at_s1e1(kva, true) & PAR_F))
		return fail("0x%lx is writable", kva);
	if (!kva_is_pointer())
		return NULL;
	return want_fault(op_rewrite, kva, EC_DATA_ABORT, FSC_PERMISSION, true);
}

static const char *not_mapped(unsigned long kva)
{
	if (!(port_at_s1e1(kva, false) & PAR_F))
		return fail("0x%lx is mapped", kva);
	if (!kva_is_pointer())
		return NULL;
	return want_fault(op_read, kva, EC_DATA_ABORT, FSC_TRANSLATION, false);
}

/* By the descriptor alone: calling what lies there would run it if it is executable. */
static const char *not_executable(unsigned long kva)
{
	struct walk w;

	kernel_walk(kva, &w);
	if (w.result != WALK_OK)
		return fail("0x%lx is not mapped", kva);
	return w.step[w.nr_steps - 1].desc & DESC_PXN ? NULL : fail("0x%lx is executable", kva);
}

/* ------------------------------------------------------------------ the kernel image */

static const char *check_segments(enum kimage_prot prot, const char *(*f)(unsigned long kva))
{
	const struct kimage *image = &boot_params.image;
	const char *result = skipped;
	unsigned int i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];

		if (s->prot != prot || s->start >= s->end)
			continue;
		result = f(image->kva + s->start);
		if (!result)
			result = f(image->kva + s->end - PAGE_SIZE);
		if (result)
			break;
	}
	return result;
}

static const char *writes_fault(enum kimage_prot prot)
{
	return rodata_mode == RODATA_OFF ? skipped : check_segments(prot, not_writable);
}

static const char *data_does_not_run(void)
{
	static const enum kimage_prot prots[] = {KIMAGE_RO, KIMAGE_RW, KIMAGE_INIT_RW,
						 KIMAGE_INIT_RX};
	const char *result;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		/* With rodata=off nobody seals it. */
		if (prots[i] == KIMAGE_INIT_RX && rodata_mode == RODATA_OFF)
			break;
		result = check_segments(prots[i], not_executable);
		if (result && result != skipped)
			return result;
	}
	return NULL;
}

static u32 ret_instruction = 0xd65f03c0;

static const char *running_data_faults(void)
{
	struct page *page;
	const char *result;
	u32 *code;

	if (!kva_is_pointer())
		return skipped;
	result = want_fault(op_call, (unsigned long)&ret_instruction, EC_INSN_ABORT, FSC_PERMISSION,
			    false);
	if (result)
		return result;
	page = alloc_pages(GFP_KERNEL, 0);
	if (!page)
		return fail("no page");
	code = page_address(page);
	*code = ret_instruction;
	result = want_fault(op_call, (unsigned long)code, EC_INSN_ABORT, FSC_PERMISSION, false);
	__free_pages(page, 0);
	return result;
}

/* What is read-only in the image must not be writable through the linear map either. */
static const char *alias_is_read_only(void)
{
	const struct kimage *image = &boot_params.image;
	const char *result = skipped;
	unsigned int i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];

		if ((s->prot != KIMAGE_RX && s->prot != KIMAGE_RO) || s->start >= s->end)
			continue;
		result = not_writable(phys_to_kva(image->phys + s->start));
		if (!result)
			result = not_writable(phys_to_kva(image->phys + s->end - PAGE_SIZE));
		if (!result)
			result = not_executable(phys_to_kva(image->phys + s->start));
		if (result)
			return result;
	}
	return result;
}

/* ------------------------------------------------------------------ the linear map */

/* Every page of a NOMAP region, those that it shares with other memory included. */
static const char *nomap_faults(void)
{
	const char *result = skipped;
	struct memblock_region *r;

	for_each_mem_region(r)
	{
		phys_addr_t first = r->base & PAGE_MASK, end = PAGE_ALIGN(r->base + r->size);

		if (!memblock_is_nomap(r))
			continue;
		result = not_mapped(phys_to_kva(first));
		if (!result)
			result = not_mapped(phys_to_kva(end - PAGE_SIZE));
		if (result)
			break;
	}
	return result;
}

static const char *beyond_memory_faults(void)
{
	phys_addr_t end = PAGE_ALIGN(memblock_end_of_DRAM());
	unsigned long kva = phys_to_kva(end);

	return end && kva < va_layout.page_end ? not_mapped(kva) : skipped;
}

static const char *reads_right(phys_addr_t pa)
{
	unsigned long kva = phys_to_kva(pa);
	u64 par = port_at_s1e1(kva, false), esr, far;

	if (par & PAR_F)
		return fail("0x%lx (RAM at %pa) is not mapped", kva, &pa);
	if (PAR_PA(par) != (pa & ~0xfffULL))
		return fail("0x%lx is 0x%llx instead of %pa", kva, (unsigned long long)PAR_PA(par),
			    &pa);
	if (PAR_ATTR(par) != ATTR_NORMAL)
		return fail("RAM at %pa has attributes 0x%llx", &pa,
			    (unsigned long long)PAR_ATTR(par));
	if (port_expect_fault(op_read, phys_to_virt(pa), &esr, &far))
		return fail("reading RAM at %pa faults", &pa);
	return NULL;
}

static const char *ram_reads_at_its_ends(void)
{
	const char *result = skipped;
	phys_addr_t start, end;
	u64 i;

	for_each_mem_range(i, &start, &end)
	{
		start = PAGE_ALIGN(start);
		end &= PAGE_MASK;
		if (start >= end)
			continue;
		result = reads_right(start);
		if (!result)
			result = reads_right(end - 1);
		if (result)
			break;
	}
	return result;
}

/* Any page beside RAM serves: it is mapped, translated and unmapped, not touched. */
static const char *device_attributes(void)
{
	unsigned long kva = va_layout.pci_io_start;
	phys_addr_t pa = PAGE_ALIGN(memblock_end_of_DRAM());
	u64 par;

	if (pa >> port_pa_bits())
		pa = 0;
	if (kernel_map(kva, pa, PAGE_SIZE, PROT_DEVICE_nGnRE, 0))
		return fail("cannot map a page");
	par = port_at_s1e1(kva, false);
	if (kernel_unmap(kva, PAGE_SIZE))
		return fail("cannot unmap it");
	if (par & PAR_F || PAR_PA(par) != (pa & ~0xfffULL))
		return fail("the mapping does not translate: PAR 0x%llx", (unsigned long long)par);
	if (PAR_ATTR(par) != ATTR_DEVICE_nGnRE)
		return fail("attributes 0x%llx", (unsigned long long)PAR_ATTR(par));
	return not_mapped(kva);
}

/* ------------------------------------------------------------------ the page allocator */

/* Enough to go through every list and section of a machine of 4 GiB, with 4K pages. */
#define MAX_TAKEN (1UL << 20)
/* Everything: reserves, CMA and the movable zone included. */
#define GFP_ALL (GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC | __GFP_NOWARN | __GFP_NORETRY)

/*
 * What a page's `word`, its owner's to use, says while it is taken: the block that it belongs to. Bits 0 to 2
 * stay clear: they mark compound tails and movable pages.
 */
static u64 block_mark(unsigned long head, unsigned int order)
{
	return 0x51ULL << 56 | (u64)head << 8 | order << 3;
}

static bool in_cma(phys_addr_t base, phys_addr_t end)
{
	unsigned int i;

	for (i = 0; i < nr_cma_areas; i++)
		if (cma_areas[i].active && base >= cma_areas[i].base &&
		    end <= cma_areas[i].base + cma_areas[i].size)
			return true;
	return false;
}

/* [base, base + size) is memory that the linear map covers, and nobody's. */
static const char *is_free_ram(phys_addr_t base, phys_addr_t size)
{
	unsigned long pfn = PHYS_PFN(base), end = PHYS_PFN(base + size), start_pfn, end_pfn;

	while (pfn < end) {
		phys_addr_t pa = PFN_PHYS(pfn);

		if (memblock_search_pfn_nid(pfn, &start_pfn, &end_pfn) == NUMA_NO_NODE)
			return fail("%pa is not memory", &pa);
		if (!memblock_is_map_memory(pa))
			return fail("%pa is NOMAP", &pa);
		pfn = end_pfn;
	}
	if (memblock_is_region_reserved(base, size) && !in_cma(base, base + size))
		return fail("something in %pa + 0x%llx is reserved", &base,
			    (unsigned long long)size);
	return NULL;
}

/* The block's first bytes lead to the one taken before: a list that also writes to RAM. */
static void mark_block(struct page *page, unsigned int order, u64 before)
{
	unsigned long head = page_to_pfn(page), i;

	*(u64 *)page_address(page) = before;
	for (i = 0; i < 1UL << order; i++)
		page[i].word = block_mark(head, order);
}

/* Every page still has its block's mark: no other block lies in it. Takes the marks away. */
static const char *unmark_block(struct page *page, unsigned int order)
{
	unsigned long head = page_to_pfn(page), i;
	const char *result = NULL;

	for (i = 0; i < 1UL << order; i++) {
		if (page[i].word != block_mark(head, order))
			result = fail("page 0x%lx was given out twice", head + i);
		page[i].word = 0;
	}
	return result;
}

/* Ends the list of blocks taken: 0 is a page on boards whose RAM starts there. */
#define NO_PFN (~0ULL)

static const char *every_page_is_free_ram(void)
{
	unsigned long before, taken = 0;
	const char *result = NULL;
	u64 last = NO_PFN;
	int order;

	drain_all_pages(NULL);
	before = nr_free_pages();
	for (order = MAX_PAGE_ORDER; order >= 0 && taken < MAX_TAKEN && !result; order--) {
		struct page *page;

		while (taken < MAX_TAKEN && !result &&
		       (page = alloc_pages(GFP_ALL, (unsigned int)order))) {
			result = is_free_ram(page_to_phys(page), PAGE_SIZE << order);
			/* What is not free RAM is not written to. */
			if (result)
				break;
			mark_block(page, (unsigned int)order, last);
			last = page_to_pfn(page);
			taken += 1UL << order;
		}
	}
	if (!result && taken < MAX_TAKEN && nr_free_pages() > before / 64)
		result = fail("%lu of %lu pages cannot be had", nr_free_pages(), before);
	while (last != NO_PFN) {
		struct page *page = pfn_to_page(last);
		unsigned int block_order = page->word >> 3 & 0x1f;
		u64 next = *(u64 *)page_address(page);
		const char *mark;

		/* The list is not to be trusted beyond a block that somebody else has, too. */
		if (page->word != block_mark(last, block_order))
			return fail("page 0x%llx was given out twice", (unsigned long long)last);
		mark = unmark_block(page, block_order);
		if (!result)
			result = mark;
		__free_pages(page, block_order);
		last = next;
	}
	drain_all_pages(NULL);
	if (!result && nr_free_pages() != before)
		result = fail("%lu pages are free afterwards, %lu were", nr_free_pages(), before);
	return result;
}

/* ------------------------------------------------------------------ vmalloc, ioremap */

static const char *vmalloc_serves(void)
{
	const unsigned long size = 5 * PAGE_SIZE;
	const char *result = NULL;
	unsigned long i, kva;
	u64 *p = vzalloc(size);

	if (!p)
		return fail("no memory");
	kva = port_ptr_to_kva(p);
	for (i = 0; i < size / sizeof(*p) && !result; i++) {
		if (p[i])
			result = fail("0x%lx is not zero", kva + i * sizeof(*p));
		p[i] = ~i;
	}
	for (i = 0; i < size / sizeof(*p) && !result; i++)
		if (p[i] != ~i)
			result = fail("0x%lx does not keep what is written", kva + i * sizeof(*p));
	if (!result)
		result = not_mapped(kva + size);
	vfree(p);
	vm_unmap_aliases();
	return result ? result : not_mapped(kva);
}

/* The largest pieces that there is memory for: 4 MiB and some pages, whose first and last word are kept. */
static const char *vmalloc_huge_serves(void)
{
	const unsigned long size = SZ_4M + 3 * PAGE_SIZE;
	const char *result = NULL;
	unsigned long kva;
	struct walk w;
	u64 *p;

	p = vmalloc_huge(size, GFP_KERNEL | __GFP_NOWARN);
	if (!p)
		return fail("no memory");
	kva = port_ptr_to_kva(p);
	p[0] = kva;
	p[size / sizeof(*p) - 1] = ~kva;
	kernel_walk(kva, &w);
	if (w.result != WALK_OK || (w.size == PAGE_SIZE && !w.contiguous))
		result = fail("0x%lx is mapped by a single page", kva);
	else if (*(u64 *)phys_to_virt(w.pa) != kva || p[size / sizeof(*p) - 1] != ~kva)
		result = fail("0x%lx does not keep what is written", kva);
	else
		result = not_mapped(kva + size);
	vfree(p);
	vm_unmap_aliases();
	return result ? result : not_mapped(kva);
}

/* Two pages in the wrong order, from this CPU's addresses. */
static const char *vm_map_ram_serves(void)
{
	struct page *pages[2] = {alloc_pages(GFP_KERNEL, 0), alloc_pages(GFP_KERNEL, 0)};
	const char *result = NULL;
	char *p = NULL;

	if (pages[0] && pages[1])
		p = vm_map_ram(pages, 2, NUMA_NO_NODE);
	if (!p) {
		result = fail("no memory");
	} else {
		p[PAGE_SIZE] = 0x5a;
		if (*(char *)page_address(pages[1]) != 0x5a)
			result = fail("what is written does not reach its page");
		vm_unmap_ram(p, 2);
		vm_unmap_aliases();
		if (!result)
			result = not_mapped(port_ptr_to_kva(p));
	}
	for (unsigned int i = 0; i < 2; i++)
		if (pages[i])
			__free_page(pages[i]);
	return result;
}

static const char *ioremap_refuses_ram(void)
{
	return ioremap(memblock_start_of_DRAM(), PAGE_SIZE) ? fail("RAM was mapped") : NULL;
}

/* ------------------------------------------------------------------ memory for devices */

#define ATTR_NORMAL_NC 0x44

/* Three pages for a device that does not see the caches: within its reach, uncached, and gone afterwards. */
static const char *coherent_memory_is_reached(void)
{
	const size_t size = 3 * PAGE_SIZE;
	const char *result = NULL;
	struct device dev;
	dma_addr_t handle;
	unsigned long kva;
	u64 par, *p;

	device_dma_init(&dev, "selftest", false);
	p = dma_alloc_coherent(&dev, size, &handle, GFP_KERNEL | __GFP_NOWARN);
	if (!p)
		return memblock_start_of_DRAM() > DMA_BIT_MASK(32) ? skipped : fail("no memory");
	kva = port_ptr_to_kva(p);
	par = port_at_s1e1(kva, true);
	if (handle + size - 1 > DMA_BIT_MASK(32))
		result = fail("0x%llx is out of reach", (unsigned long long)handle);
	else if (par & PAR_F || PAR_ATTR(par) != ATTR_NORMAL_NC ||
		 PAR_PA(par) != (handle & ~0xfffULL))
		result = fail("0x%lx is mapped by PAR 0x%llx", kva, (unsigned long long)par);
	for (unsigned int i = 0; i < size / sizeof(*p) && !result; i++)
		if (p[i])
			result = fail("it is not zero at %u", i);
	dma_free_coherent(&dev, size, p, handle);
	if (result)
		return result;
	vm_unmap_aliases();
	return not_mapped(kva);
}

/* What the device reads is what the CPU wrote, and the other way round, wherever the buffer lies. */
static const char *streaming_memory_is_reached(void)
{
	const char *result = NULL;
	struct device dev;
	dma_addr_t at;
	u8 *p, *device;

	device_dma_init(&dev, "selftest", true);
	p = (u8 *)__get_free_page(GFP_KERNEL);
	if (!p)
		return fail("no page");
	p[100] = 0x5c;
	p[101] = 0x5d;
	at = dma_map_single_attrs(&dev, p + 100, 2, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN);
	if (at == DMA_MAPPING_ERROR) {
		result = is_swiotlb_active() && memblock_start_of_DRAM() < DMA_BIT_MASK(32)
				 ? fail("it cannot be mapped")
				 : skipped;
	} else {
		device = phys_to_virt(dma_to_phys(&dev, at));
		if (at + 1 > DMA_BIT_MASK(32) || device[0] != 0x5c)
			result = fail("the device reads 0x%x at 0x%llx", device[0],
				      (unsigned long long)at);
		device[0] = 0xc5;
		dma_unmap_single(&dev, at, 2, DMA_BIDIRECTIONAL);
		if (!result && (p[100] != 0xc5 || p[101] != 0x5d))
			result = fail("0x%x, 0x%x came back", p[100], p[101]);
	}
	free_pages((unsigned long)p, 0);
	return result;
}

/* Objects of every size at once: each keeps its number; free pages come back when all is given back. */
static const char *kmalloc_keeps_contents(void)
{
	static u64 *object[512];
	unsigned long before, after;
	const char *result = NULL;
	unsigned int i;

	slab_drain_all();
	drain_all_pages(NULL);
	before = nr_free_pages();
	for (i = 0; i < ARRAY_SIZE(object); i++) {
		size_t size = sizeof(u64) << (i % 12);

		object[i] = kmalloc(size, GFP_KERNEL);
		if (!object[i])
			return fail("no memory for %lu bytes", (unsigned long)size);
		object[i][0] = i;
		object[i][size / sizeof(u64) - 1] = i;
	}
	for (i = 0; i < ARRAY_SIZE(object) && !result; i++)
		if (object[i][0] != i || object[i][(1UL << (i % 12)) - 1] != i)
			result = fail("object %u holds %llu", i, (unsigned long long)object[i][0]);
	for (i = 0; i < ARRAY_SIZE(object); i++)
		kfree(object[i]);
	slab_drain_all();
	drain_all_pages(NULL);
	after = nr_free_pages();
	return !result && after != before ? fail("%lu pages free, %lu before", after, before)
					  : result;
}

/* More than the first chunk has, so that another one comes and goes. */
static const char *percpu_keeps_contents(void)
{
	static u64 *object[128];
	const char *result = NULL;
	unsigned int i, cpu;

	for (i = 0; i < ARRAY_SIZE(object); i++) {
		object[i] = __alloc_percpu(1024, sizeof(u64));
		if (!object[i])
			return fail("no memory for object %u", i);
		for (cpu = 0; cpu < nr_cpus_possible; cpu++)
			*per_cpu_ptr(object[i], cpu) = i * NR_CPUS + cpu;
	}
	for (i = 0; i < ARRAY_SIZE(object); i++) {
		for (cpu = 0; cpu < nr_cpus_possible && !result; cpu++)
			if (*per_cpu_ptr(object[i], cpu) != i * NR_CPUS + cpu)
				result = fail("object %u of CPU %u holds another's number", i, cpu);
		free_percpu(object[i]);
	}
	pcpu_shrink();
	return result;
}

static const char *violations(int n)
{
	return n ? fail("%d violations, see above", n) : NULL;
}

static int check_lists(void)
{
	struct zone *zone;
	int n = 0;

	for_each_zone(zone) n += buddy_check(zone) + pageset_check(zone);
	return n;
}

int quire_selftest(void)
{
	passed = failed = 0;
	check("writing text faults", writes_fault(KIMAGE_RX));
	check("writing rodata faults", writes_fault(KIMAGE_RO));
	check("data is not executable", data_does_not_run());
	check("executing data faults", running_data_faults());
	check("the image's alias is not writable", alias_is_read_only());
	check("NOMAP memory faults", nomap_faults());
	check("what lies beyond memory faults", beyond_memory_faults());
	check("RAM reads right at its ends", ram_reads_at_its_ends());
	check("device memory has device attributes", device_attributes());
	check("every page given out is free RAM", every_page_is_free_ram());
	check("vmalloc serves and guards", vmalloc_serves());
	check("vmalloc_huge serves by blocks or runs", vmalloc_huge_serves());
	check("vm_map_ram serves", vm_map_ram_serves());
	check("ioremap refuses RAM", ioremap_refuses_ram());
	check("devices reach coherent memory, uncached", coherent_memory_is_reached());
	check("devices reach what is mapped for them", streaming_memory_is_reached());
	check("kmalloc keeps contents and gives all back", kmalloc_keeps_contents());
	check("per-CPU memory is each CPU's own", percpu_keeps_contents());
	if (num_online_cpus() > 1) {
		check("every CPU answers calls", cpus_answer_calls());
		check("CPUs that call each other at once get on", cpus_call_each_other());
		check("each CPU has an area of its own", cpus_have_areas_of_their_own());
		check("every CPU sees what is unmapped", cpus_see_unmapping());
		check("blocks are split under CPUs that use them", splitting_is_not_noticed());
		check("a lock excludes", locks_exclude());
		check("a lock serves in order", locks_are_fair());
		check("interrupts keep all registers", interrupts_keep_registers());
		check("all CPUs allocate at once and give all back", cpus_allocate_at_once());
	}
	check("CPUs", violations(smp_check()));
	check("slabs", violations(slab_check()));
	check("per-CPU chunks", violations(pcpu_check()));
	check("vmalloc's areas", violations(vmalloc_check()));
	check("memory for devices", violations(dma_check()));
	check("page tables", violations(kernel_pgtable_check()));
	check("memblock", violations(memblock_check()));
	check("zones", violations(zone_check()));
	check("free lists", violations(check_lists()));
	pr_info("selftest: %u passed, %u failed\n", passed, failed);
	return (int)failed;
}
