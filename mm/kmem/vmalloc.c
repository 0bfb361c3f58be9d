// SPDX-License-Identifier: MIT
/*
 * vmalloc, vmap: pages wherever they are, at consecutive addresses of the vmalloc area.
 *
 * Owns the areas' descriptions and the address space.
 * An area goes in two steps: its pages are unmapped and freed at once, its addresses stay taken (lazy) until the TLBs
 * were flushed for all such areas together. Stale entries can reach freed pages until then only through addresses that
 * nobody may use any more, as in Linux.
 *
 * Invariants: an area's addresses are in the tree until no TLB can hold them; what is mapped in an area of VM_ALLOC is its
 * pages[]. Locking: vm_lock (interrupts off, a leaf) for tree and lazy list; pages and descriptions are allocated and freed without
 * it. purge_lock, before it, for who flushes: as long as there are areas to free, but with interrupts as they were. Any context for vfree
 * and vunmap: they allocate nothing, and leave the flush to others when somebody is at it or interrupts are off.
 *
 * Against Linux 6.12: one address space and one lock, where it has nodes by address.
 */
#include <quire/mm_init.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "vmalloc_internal.h"

static struct va_space space;
static spinlock_t vm_lock = SPINLOCK_INIT, purge_lock = SPINLOCK_INIT;
static bool ready;
static struct kmem_cache *vm_struct_cache;
static struct vm_struct *lazy;
static unsigned long nr_lazy;
static struct vm_struct image_areas[ARRAY_SIZE(((struct kimage *)0)->segment)];

/* ------------------------------------------------------------------ descriptions */

/* All of it is written by who sets the area up. */
static struct vm_struct *area_get(void)
{
	return kmem_cache_alloc(vm_struct_cache, GFP_KERNEL | __GFP_NOWARN);
}

/* vm->va is set; size: guard page included. */
static void area_set(struct vm_struct *vm, unsigned long size, unsigned long flags,
		     const void *caller)
{
	vm->addr = port_kva_to_ptr(vm->va.start);
	vm->size = size;
	vm->flags = flags;
	vm->pages = NULL;
	vm->nr_pages = 0;
	vm->phys_addr = 0;
	vm->caller = caller;
	vm->next_lazy = NULL;
}

static void area_put(struct vm_struct *vm)
{
	kmem_cache_free(vm_struct_cache, vm);
}

/* ------------------------------------------------------------------ lazy areas */

unsigned long vm_lazy_max_pages(void)
{
	return (unsigned long)(ilog2(num_online_cpus() | 1) + 1) * (SZ_32M / PAGE_SIZE);
}

/* Areas whose addresses are given back in one go, with interrupts off: some microseconds. */
#define PURGE_BATCH 32U

/* The addresses of the first few of a chain. Returns the rest. */
static struct vm_struct *free_batch(struct vm_struct *chain)
{
	unsigned long flags = spin_lock_irqsave(&vm_lock);
	struct vm_struct *vm = chain;
	unsigned int n;

	for (n = 0; vm && n < PURGE_BATCH; n++, vm = vm->next_lazy)
		va_free(&space, &vm->va);
	spin_unlock_irqrestore(&vm_lock, flags);
	while (n--) {
		vm = chain->next_lazy;
		area_put(chain);
		chain = vm;
	}
	return vm;
}

/*
 * purge_lock held: one flush for all that was freed before. What is off the list is nobody's until its addresses are free, and who wants
 * addresses and finds none comes after us, by the lock.
 */
static void purge(void)
{
	unsigned long flags = spin_lock_irqsave(&vm_lock);
	struct vm_struct *chain = lazy;

	lazy = NULL;
	WRITE_ONCE(nr_lazy, 0);
	spin_unlock_irqrestore(&vm_lock, flags);
	vmap_ram_before_flush();
	port_flush_tlb_all();
	vmap_ram_after_flush();
	while (chain)
		chain = free_batch(chain);
}

void vm_flush_lazy(void)
{
	spin_lock(&purge_lock);
	purge();
	spin_unlock(&purge_lock);
}

bool vm_try_flush_lazy(void)
{
	/* An interrupt may have come to who is at it; and with interrupts off it would take too long. */
	if (port_irqs_disabled() || !spin_trylock(&purge_lock))
		return false;
	purge();
	spin_unlock(&purge_lock);
	return true;
}

void vm_unmap_aliases(void)
{
	/* Also what was unmapped within an area that is still there. */
	vm_flush_lazy();
	vmap_ram_shrink(0);
}

unsigned long vmalloc_nr_lazy(void)
{
	return READ_ONCE(nr_lazy);
}

/* ------------------------------------------------------------------ areas */

static int take_addresses(struct vm_struct *vm, unsigned long whole, unsigned long align,
			  unsigned long flags, const void *caller)
{
	unsigned long irq = spin_lock_irqsave(&vm_lock);
	int err = va_alloc(&space, &vm->va, whole, max(align, PAGE_SIZE), va_layout.vmalloc_start,
			   va_layout.vmalloc_end);

	if (likely(!err))
		area_set(vm, whole, flags, caller);
	spin_unlock_irqrestore(&vm_lock, irq);
	return err;
}

struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long align, unsigned long flags,
				     const void *caller)
{
	struct vm_struct *vm;
	unsigned long whole = PAGE_ALIGN(size);

	if (!(flags & VM_NO_GUARD))
		whole += PAGE_SIZE;
	if (!ready || !size || whole < size || !is_power_of_2(align))
		return NULL;
	/* What vfree() had to leave because interrupts were off: a machine may run that way for ever. */
	if (unlikely(READ_ONCE(nr_lazy) > vm_lazy_max_pages()))
		vm_flush_lazy();
	vm = area_get();
	if (!vm)
		return NULL;
	if (likely(!take_addresses(vm, whole, align, flags, caller)))
		return vm;
	vm_flush_lazy();
	if (!take_addresses(vm, whole, align, flags, caller))
		return vm;
	area_put(vm);
	return NULL;
}

struct vm_struct *get_vm_area(unsigned long size, unsigned long flags)
{
	return get_vm_area_caller(size, PAGE_SIZE, flags, (const void *)_RET_IP_);
}

static struct vm_struct *area_of(struct va_node *n)
{
	return container_of(n, struct vm_struct, va);
}

/* vm_lock held. */
static struct vm_struct *lookup(unsigned long kva)
{
	struct va_node *n = va_find(&space, kva);

	return n != &space.tail && n->start <= kva && !n->lazy ? area_of(n) : NULL;
}

struct vm_struct *find_vm_area(const void *addr)
{
	struct vm_struct *vm;
	unsigned long flags;

	if (!ready || !is_vmalloc_addr(addr))
		return NULL;
	flags = spin_lock_irqsave(&vm_lock);
	vm = lookup(port_ptr_to_kva(addr));
	spin_unlock_irqrestore(&vm_lock, flags);
	return vm;
}

struct vm_struct *vm_take_area(const void *addr, unsigned long kinds, const char *who)
{
	struct vm_struct *vm = NULL;
	unsigned long flags;

	if (ready && is_vmalloc_addr(addr)) {
		flags = spin_lock_irqsave(&vm_lock);
		vm = lookup(port_ptr_to_kva(addr));
		if (vm && vm->addr == addr && vm->flags & kinds)
			vm->va.lazy = true;
		else
			vm = NULL;
		spin_unlock_irqrestore(&vm_lock, flags);
	}
	if (!vm) {
		pr_warn("WARNING: Trying to %s() bad address (%p)\n", who, addr);
		port_backtrace();
	}
	return vm;
}

void vm_release_area(struct vm_struct *vm)
{
	unsigned long flags = spin_lock_irqsave(&vm_lock);
	bool many;

	vm->va.lazy = true;
	vm->next_lazy = lazy;
	lazy = vm;
	WRITE_ONCE(nr_lazy, nr_lazy + (vm->size >> PAGE_SHIFT));
	many = nr_lazy > vm_lazy_max_pages();
	spin_unlock_irqrestore(&vm_lock, flags);
	if (unlikely(many))
		vm_try_flush_lazy();
}

void vm_free_flushed_area(struct vm_struct *vm)
{
	unsigned long flags = spin_lock_irqsave(&vm_lock);

	va_free(&space, &vm->va);
	spin_unlock_irqrestore(&vm_lock, flags);
	area_put(vm);
}

void vunmap_range(unsigned long kva, unsigned long size)
{
	kernel_unmap_lazy(kva, size);
	port_mirror_unmap(kva, size);
}

void free_vm_area(struct vm_struct *area)
{
	vunmap_range(area->va.start, area->size);
	vm_release_area(area);
}

/* ------------------------------------------------------------------ mapping */

void vm_make_way(unsigned long kva, unsigned long size)
{
	const unsigned long block = PAGE_SIZE << (PAGE_SHIFT - 3);
	unsigned long start = ALIGN(kva, block), end = (kva + size) & ~(block - 1);

	if (start < end)
		(void)kernel_unmap(start, end - start);
}

int vmap_pages_range(unsigned long kva, struct page **pages, unsigned int count, pgprot_t prot)
{
	unsigned int i, n;
	int err = kernel_map_frames(kva, pages, count, prot);

	for (i = 0; port_mirrors() && i < count && !err; i += n) {
		for (n = 1; i + n < count && pages[i + n] == pages[i] + n; n++)
			;
		err = port_mirror_map(kva + i * PAGE_SIZE, page_to_phys(pages[i]), n * PAGE_SIZE);
	}
	if (err)
		vunmap_range(kva, count * PAGE_SIZE);
	return err;
}

/* Sure to fail, and not worth trying. The pages of all zones are counted for large requests only. */
static bool more_than_ram(unsigned long pages)
{
	return pages > SZ_4M / PAGE_SIZE && pages > totalram_pages();
}

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)
{
	struct vm_struct *vm;

	if (!count || more_than_ram(count))
		return NULL;
	vm = get_vm_area_caller(count * PAGE_SIZE, PAGE_SIZE, flags | VM_MAP,
				(const void *)_RET_IP_);
	if (!vm)
		return NULL;
	if (vmap_pages_range(vm->va.start, pages, count, prot)) {
		vm_release_area(vm);
		return NULL;
	}
	if (flags & VM_MAP_PUT_PAGES) {
		vm->pages = pages;
		__atomic_store_n(&vm->nr_pages, count, __ATOMIC_RELEASE);
	}
	return vm->addr;
}

void vunmap(const void *addr)
{
	struct vm_struct *vm = addr ? vm_take_area(addr, VM_MAP | VM_IOREMAP, "vunmap") : NULL;

	if (vm)
		free_vm_area(vm);
}

/* ------------------------------------------------------------------ vmalloc */

void vm_free_pages(struct vm_struct *vm)
{
	/* Of an area that did not come to be: nobody is to look at its pages any more. */
	if (!vm->va.lazy) {
		unsigned long flags = spin_lock_irqsave(&vm_lock);

		vm->va.lazy = true;
		spin_unlock_irqrestore(&vm_lock, flags);
	}
	release_pages(vm->pages, (int)vm->nr_pages);
	kvfree(vm->pages);
	vm->pages = NULL;
	vm->nr_pages = 0;
}

/* Pages for all of the area but its guard. */
static int fill_area(struct vm_struct *vm, unsigned int count, gfp_t gfp, int node)
{
	gfp_t inner =
		(gfp & ~(__GFP_ZERO | __GFP_HIGHMEM | __GFP_DMA | __GFP_DMA32)) | __GFP_NOWARN;

	vm->pages = kvmalloc_node(count * sizeof(void *), inner, node);
	if (!vm->pages)
		return -ENOMEM;
	while (vm->nr_pages < count) {
		unsigned long got = alloc_pages_fill(gfp | __GFP_NOWARN, node, count - vm->nr_pages,
						     vm->pages + vm->nr_pages);

		if (!got)
			return -ENOMEM;
		__atomic_store_n(&vm->nr_pages, vm->nr_pages + (unsigned int)got, __ATOMIC_RELEASE);
	}
	return 0;
}

/* Once. *what: why not. */
static void *try_vmalloc(unsigned long size, unsigned long align, gfp_t gfp, int node,
			 const void *caller, const char **what)
{
	struct vm_struct *vm = get_vm_area_caller(size, align, VM_ALLOC, caller);

	*what = "vm_struct allocation failed";
	if (!vm)
		return NULL;
	*what = "failed to allocate pages";
	if (!fill_area(vm, (unsigned int)(PAGE_ALIGN(size) >> PAGE_SHIFT), gfp, node)) {
		*what = "failed to map pages";
		if (!vmap_pages_range(vm->va.start, vm->pages, vm->nr_pages, PAGE_KERNEL))
			return vm->addr;
	}
	vm_free_pages(vm);
	vm_release_area(vm);
	return NULL;
}

void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node,
		     const void *caller)
{
	unsigned long count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	const char *what = "exceeds total pages";
	void *p;

	if (!size)
		return NULL;
	if (count && !more_than_ram(count)) {
		/* What must not fail waits for others to give back, unless there is nothing to wait for. */
		while (!(p = try_vmalloc(size, align, gfp, node, caller, &what)) &&
		       (gfp & __GFP_NOFAIL) && ready && is_power_of_2(align))
			smp_wait_relax();
		if (likely(p))
			return p;
	}
	if (!(gfp & __GFP_NOWARN))
		pr_warn("vmalloc error: size %lu, %s\n", size, what);
	return NULL;
}

void *__vmalloc(unsigned long size, gfp_t gfp)
{
	return __vmalloc_node(size, 1, gfp, NUMA_NO_NODE, (const void *)_RET_IP_);
}

void *vmalloc(unsigned long size)
{
	return __vmalloc_node(size, 1, GFP_KERNEL, NUMA_NO_NODE, (const void *)_RET_IP_);
}

void *vzalloc(unsigned long size)
{
	return __vmalloc_node(size, 1, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE,
			      (const void *)_RET_IP_);
}

void *vmalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, 1, GFP_KERNEL, node, (const void *)_RET_IP_);
}

void vfree(const void *addr)
{
	struct vm_struct *vm =
		addr ? vm_take_area(addr, VM_ALLOC | VM_MAP_PUT_PAGES, "vfree") : NULL;

	if (!vm)
		return;
	vunmap_range(vm->va.start, (unsigned long)vm->nr_pages << PAGE_SHIFT);
	vm_free_pages(vm);
	vm_release_area(vm);
}

/* ------------------------------------------------------------------ congruent areas */

void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms)
{
	for (int i = 0; i < nr_vms; i++)
		free_vm_area(vms[i]);
	kfree(vms);
}

/* A hole for all of them together is looked for; what lies between them goes back. */
static int take_congruent(struct vm_struct **vms, const unsigned long *offsets, const size_t *sizes,
			  int nr_vms, size_t align, const void *caller)
{
	unsigned long flags = spin_lock_irqsave(&vm_lock);
	struct va_node span;
	int err = va_alloc(&space, &span, offsets[nr_vms - 1] + sizes[nr_vms - 1],
			   max_t(unsigned long, align, PAGE_SIZE), va_layout.vmalloc_start,
			   va_layout.vmalloc_end);

	if (!err) {
		va_free(&space, &span);
		while (nr_vms--) {
			unsigned long start = span.start + offsets[nr_vms];

			/* Cannot fail: the hole was free just now. */
			BUG_ON(va_claim(&space, &vms[nr_vms]->va, start, start + sizes[nr_vms]));
			area_set(vms[nr_vms], sizes[nr_vms], VM_ALLOC | VM_NO_GUARD, caller);
		}
	}
	spin_unlock_irqrestore(&vm_lock, flags);
	return err;
}

struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms,
				     size_t align)
{
	const void *caller = (const void *)_RET_IP_;
	struct vm_struct **vms;
	int i;

	if (!ready || nr_vms < 1 || !is_power_of_2(align))
		return NULL;
	vms = kmalloc_array((size_t)nr_vms, sizeof(void *), GFP_KERNEL | __GFP_NOWARN);
	if (!vms)
		return NULL;
	for (i = 0; i < nr_vms; i++) {
		vms[i] = area_get();
		if (!vms[i])
			goto fail;
	}
	if (!take_congruent(vms, offsets, sizes, nr_vms, align, caller))
		return vms;
	vm_flush_lazy();
	if (!take_congruent(vms, offsets, sizes, nr_vms, align, caller))
		return vms;
fail:
	while (i--)
		area_put(vms[i]);
	kfree(vms);
	return NULL;
}

/* ------------------------------------------------------------------ questions */

bool is_vmalloc_addr(const void *p)
{
	unsigned long start = (unsigned long)port_kva_to_ptr(va_layout.vmalloc_start);

	return (unsigned long)p - start < va_layout.vmalloc_end - va_layout.vmalloc_start;
}

size_t vmalloc_size(const void *p)
{
	struct vm_struct *vm = find_vm_area(p);

	return vm ? vm->size - (vm->flags & VM_NO_GUARD ? 0 : PAGE_SIZE) : 0;
}

unsigned long vmalloc_to_pfn(const void *addr)
{
	struct walk w;

	kernel_walk(port_ptr_to_kva(addr), &w);
	return w.result == WALK_OK ? PHYS_PFN(w.pa) : 0;
}

struct page *vmalloc_to_page(const void *addr)
{
	unsigned long pfn = vmalloc_to_pfn(addr);

	return pfn ? pfn_to_page(pfn) : NULL;
}

struct vm_struct *next_vm_area(struct vm_struct *area)
{
	struct va_node *n = area ? area->va.next : space.head.next;

	while (n && n != &space.tail && n->lazy)
		n = n->next;
	return n && n != &space.tail ? area_of(n) : NULL;
}

/*
 * pages[] is complete up to nr_pages, which is stored after it, and goes only when the area is lazy: so it is there as long as vm_lock
 * keeps the area from becoming that.
 */
bool vm_view_area(unsigned long from, bool lazy_ones, struct vm_area_view *view,
		  unsigned int *on_node)
{
	unsigned long flags;
	struct vm_struct *vm;
	struct va_node *n;

	if (!ready)
		return false;
	flags = spin_lock_irqsave(&vm_lock);
	for (n = va_find(&space, from); n != &space.tail && n->lazy != lazy_ones; n = n->next)
		;
	if (n == &space.tail) {
		spin_unlock_irqrestore(&vm_lock, flags);
		return false;
	}
	vm = area_of(n);
	*view = (struct vm_area_view){
		.start = n->start,
		.end = n->end,
		.size = vm->size,
		.flags = READ_ONCE(vm->flags),
		.nr_pages = lazy_ones ? 0 : __atomic_load_n(&vm->nr_pages, __ATOMIC_ACQUIRE),
		.phys_addr = READ_ONCE(vm->phys_addr),
		.caller = vm->caller,
	};
	if (view->nr_pages)
		view->pages_mapped = is_vmalloc_addr(vm->pages);
	for (unsigned int i = 0; on_node && i < view->nr_pages; i++)
		on_node[page_to_nid(vm->pages[i])]++;
	spin_unlock_irqrestore(&vm_lock, flags);
	return true;
}

struct vm_struct *next_unpurged_area(struct vm_struct *area)
{
	return area ? area->next_lazy : lazy;
}

static int leaf_in_free(const struct pgtable_leaf *leaf, void *arg)
{
	pr_err("vmalloc: 0x%016lx is mapped and in no area\n", leaf->kva);
	++*(int *)arg;
	return 0;
}

int vmalloc_check(void)
{
	int bad;

	if (!ready)
		return 0;
	bad = va_check(&space) + vmap_ram_check();
	for (struct va_node *n = space.head.next; n; n = n->next) {
		struct vm_struct *vm = area_of(n);

		/* A lazy area and a gap hold nothing. */
		if (n->gap)
			pgtable_for_each_leaf(port_swapper_pg_dir(), n->prev->end, n->start,
					      leaf_in_free, &bad);
		if (n == &space.tail)
			break;
		if (n->lazy) {
			pgtable_for_each_leaf(port_swapper_pg_dir(), n->start, n->end, leaf_in_free,
					      &bad);
			continue;
		}
		for (unsigned int i = 0; i < vm->nr_pages; i++) {
			struct walk w;

			kernel_walk(n->start + i * PAGE_SIZE, &w);
			if (w.result == WALK_OK && w.pa == page_to_phys(vm->pages[i]))
				continue;
			pr_err("vmalloc: page %u of 0x%016lx is not what it maps\n", i, n->start);
			bad++;
		}
	}
	return bad;
}

/* ------------------------------------------------------------------ boot */

void vmalloc_init(void)
{
	const struct kimage *image = &boot_params.image;

	vm_struct_cache = KMEM_CACHE(vm_struct, SLAB_PANIC);
	va_space_init(&space, va_layout.vmalloc_start, va_layout.vmalloc_end);
	for (unsigned int i = 0; i < image->nr_segments; i++) {
		const struct kimage_segment *s = &image->segment[i];
		struct vm_struct *vm = &image_areas[i];

		if (s->start == s->end ||
		    va_claim(&space, &vm->va, image->kva + s->start, image->kva + s->end))
			continue;
		vm->addr = (void *)(image->kva + s->start);
		vm->size = s->end - s->start;
		vm->flags = VM_MAP | VM_NO_GUARD;
		vm->phys_addr = image->phys + s->start;
		vm->caller = (const void *)vmalloc_init;
	}
	ready = true;
}
