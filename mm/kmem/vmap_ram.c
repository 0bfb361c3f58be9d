// SPDX-License-Identifier: MIT
/*
 * vm_map_ram: a few pages at consecutive addresses for a short time, from addresses that each CPU keeps.
 *
 *   a block of 1024 pages of the vmalloc area     free    ......####....   may be mapped
 *                                                 dirty   ####..........   unmapped, still in TLBs perhaps
 *                                                 neither: in use
 *
 * Owns the blocks: each CPU has its own, from which it serves up to VMAP_MAX_ALLOC pages within one word of bits without
 * asking anybody. What was unmapped becomes free again, in place, with the next flush of all TLBs, whoever wants it. Larger requests
 * get an area of their own. A block is found by its address in a hash table.
 *
 * Invariants: free, dirty and flushing do not meet; nr_free counts free; a block with free pages is in its CPU's list of those; nothing
 * is mapped but what is in use. Locking: queue->lock, interrupts off, for its blocks' bits; bucket->lock for a chain. Under the lock
 * of who flushes (vmap_ram_before_flush), never the other way round. A block stays while something of it is in use.
 *
 * Against Linux 6.12: a block's addresses are used once there, in order, and the block is given back when all of it was; here they
 * serve again after a flush.
 */
#include <quire/page_ref.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/spinlock.h>

#include "vmalloc_internal.h"

#define BLOCK_PAGES 1024U
#define BLOCK_BYTES (BLOCK_PAGES * PAGE_SIZE)
#define WORDS (BLOCK_PAGES / 64)
/* A flush for less than a quarter of a block is not worth it when addresses are plenty. */
#define FLUSH_FROM (BLOCK_PAGES / 4)
#define BUCKETS 64U

struct vmap_block {
	struct vm_struct *vm;
	struct vmap_block *next;      /* of all of the CPU's */
	struct vmap_block *next_free; /* of those with free pages */
	struct vmap_block *next_hash;
	unsigned int cpu;
	unsigned int nr_free, nr_dirty;
	unsigned int no_run; /* no run of so many pages is free; > VMAP_MAX_ALLOC: not known */
	unsigned int from;   /* no word before it has a free page */
	bool listed;	     /* in the list of those with free pages */
	u64 free[WORDS], dirty[WORDS], flushing[WORDS];
};

struct vmap_queue {
	spinlock_t lock;
	struct vmap_block *all, *with_free;
	unsigned int nr_dirty; /* pages of all its blocks */
};
static DEFINE_PER_CPU_ALIGNED(struct vmap_queue, vmap_queues);

static struct bucket {
	spinlock_t lock;
	struct vmap_block *first;
} buckets[BUCKETS];

static unsigned long total_dirty; /* atomic */

static struct vmap_queue *queue_of(unsigned int cpu)
{
	return per_cpu_ptr(&vmap_queues, cpu);
}

/* ------------------------------------------------------------------ bits: stored under the lock, and looked at without it */

/* Where n ones in a row begin: shifted onto itself by as many as are known to be set, the known ones double. */
static u64 runs_of(u64 v, unsigned int n)
{
	for (unsigned int have = 1, more; have < n; have += more) {
		more = min(have, n - have);
		v &= v >> more;
	}
	return v;
}

static u64 run(unsigned int at, unsigned int n)
{
	return (~0ULL >> (64 - n)) << at;
}

/* ------------------------------------------------------------------ finding blocks */

static struct bucket *bucket_of(unsigned long kva)
{
	return &buckets[kva / BLOCK_BYTES % BUCKETS];
}

static struct vmap_block *find_block(unsigned long kva)
{
	struct bucket *bucket = bucket_of(kva);
	unsigned long flags = spin_lock_irqsave(&bucket->lock);
	struct vmap_block *b = bucket->first;

	while (b && kva - b->vm->va.start >= BLOCK_BYTES)
		b = b->next_hash;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return b;
}

static void hash_block(struct vmap_block *b)
{
	struct bucket *bucket = bucket_of(b->vm->va.start);
	unsigned long flags = spin_lock_irqsave(&bucket->lock);

	b->next_hash = bucket->first;
	bucket->first = b;
	spin_unlock_irqrestore(&bucket->lock, flags);
}

static void unhash_block(struct vmap_block *b)
{
	struct bucket *bucket = bucket_of(b->vm->va.start);
	unsigned long flags = spin_lock_irqsave(&bucket->lock);
	struct vmap_block **p = &bucket->first;

	while (*p != b)
		p = &(*p)->next_hash;
	*p = b->next_hash;
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/* ------------------------------------------------------------------ taking and giving */

/* Queue locked: now that b has free pages it serves. */
static void list_block(struct vmap_queue *q, struct vmap_block *b)
{
	if (b->listed || !b->nr_free)
		return;
	b->next_free = q->with_free;
	relaxed_store(&q->with_free, b);
	b->listed = true;
}

/* The address of n free pages of b; 0: there is no such run. */
static unsigned long take_run(struct vmap_block *b, unsigned int n)
{
	if (n > b->nr_free || n >= b->no_run)
		return 0;
	/* nr_free is not 0: the search ends. */
	while (!b->free[b->from])
		b->from++;
	for (unsigned int w = b->from; w < WORDS; w++) {
		u64 v = b->free[w] ? runs_of(b->free[w], n) : 0;
		unsigned int at;

		if (!v)
			continue;
		at = (unsigned int)__ffs(v);
		relaxed_store(&b->free[w], b->free[w] & ~run(at, n));
		b->nr_free -= n;
		return b->vm->va.start + (w * 64 + at) * PAGE_SIZE;
	}
	b->no_run = n;
	return 0;
}

static unsigned long take_from_queue(struct vmap_queue *q, unsigned int n)
{
	unsigned long flags = spin_lock_irqsave(&q->lock), kva = 0;
	struct vmap_block **p = &q->with_free, *b;

	while (!kva && (b = *p)) {
		kva = take_run(b, n);
		if (!b->nr_free) {
			relaxed_store(p, b->next_free);
			b->listed = false;
		} else {
			p = &b->next_free;
		}
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return kva;
}

/* A new block for this CPU, n pages of it taken: their address, or 0. */
static unsigned long take_from_new(unsigned int n, const void *caller)
{
	struct vmap_block *b = kzalloc(sizeof(*b), GFP_KERNEL | __GFP_NOWARN);
	struct vmap_queue *q;
	unsigned long flags, kva;

	if (!b)
		return 0;
	b->vm = get_vm_area_caller(BLOCK_BYTES, BLOCK_BYTES, VM_RAM | VM_NO_GUARD, caller);
	if (!b->vm) {
		kfree(b);
		return 0;
	}
	for (unsigned int w = 0; w < WORDS; w++)
		b->free[w] = ~0ULL;
	b->nr_free = BLOCK_PAGES;
	b->no_run = VMAP_MAX_ALLOC + 1;
	b->cpu = port_cpu();
	hash_block(b);
	q = queue_of(b->cpu);
	flags = spin_lock_irqsave(&q->lock);
	kva = take_run(b, n);
	b->next = q->all;
	q->all = b;
	list_block(q, b);
	spin_unlock_irqrestore(&q->lock, flags);
	return kva;
}

/* Nothing is mapped at [kva, kva + n pages) of b any more. */
static void give_run(struct vmap_block *b, unsigned long kva, unsigned int n)
{
	unsigned int at = (unsigned int)((kva - b->vm->va.start) / PAGE_SIZE);
	struct vmap_queue *q = queue_of(b->cpu);
	unsigned long flags = spin_lock_irqsave(&q->lock), total;

	relaxed_store(&b->dirty[at / 64], b->dirty[at / 64] | run(at % 64, n));
	b->nr_dirty += n;
	relaxed_store(&q->nr_dirty, q->nr_dirty + n);
	/* Under the lock: whoever sees the pages dirty sees them counted, so that the total never passes below 0. */
	total = __atomic_add_fetch(&total_dirty, n, __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&q->lock, flags);
	if (total > vm_lazy_max_pages() && vm_try_flush_lazy())
		vmap_ram_shrink(1);
}

/* ------------------------------------------------------------------ flushes */

void vmap_ram_before_flush(void)
{
	unsigned int cpu;

	if (!relaxed_load(&total_dirty))
		return;
	for_each_possible_cpu(cpu)
	{
		struct vmap_queue *q = queue_of(cpu);
		unsigned long flags;

		if (!relaxed_load(&q->nr_dirty))
			continue;
		flags = spin_lock_irqsave(&q->lock);
		for (struct vmap_block *b = q->all; b; b = b->next)
			for (unsigned int w = 0; w < WORDS; w++) {
				relaxed_store(&b->flushing[w], b->dirty[w]);
				relaxed_store(&b->dirty[w], 0);
			}
		spin_unlock_irqrestore(&q->lock, flags);
	}
}

void vmap_ram_after_flush(void)
{
	unsigned int cpu;

	if (!relaxed_load(&total_dirty))
		return;
	for_each_possible_cpu(cpu)
	{
		struct vmap_queue *q = queue_of(cpu);
		unsigned long flags;

		if (!relaxed_load(&q->nr_dirty))
			continue;
		flags = spin_lock_irqsave(&q->lock);
		for (struct vmap_block *b = q->all; b; b = b->next) {
			unsigned int n = 0;

			for (unsigned int w = 0; w < WORDS; w++) {
				n += (unsigned int)__builtin_popcountll(b->flushing[w]);
				relaxed_store(&b->free[w], b->free[w] | b->flushing[w]);
				relaxed_store(&b->flushing[w], 0);
			}
			if (!n)
				continue;
			b->nr_free += n;
			b->nr_dirty -= n;
			relaxed_store(&q->nr_dirty, q->nr_dirty - n);
			b->no_run = VMAP_MAX_ALLOC + 1;
			b->from = 0;
			list_block(q, b);
			__atomic_fetch_sub(&total_dirty, n, __ATOMIC_RELAXED);
		}
		spin_unlock_irqrestore(&q->lock, flags);
	}
}

/* Queue locked: take the blocks off it that are all free, but for `keep` of them. */
static struct vmap_block *unlist_unused(struct vmap_queue *q, unsigned int keep)
{
	struct vmap_block **p, *b, *unused = NULL;

	for (p = &q->with_free; (b = *p);) {
		if (b->nr_free < BLOCK_PAGES || keep) {
			keep -= b->nr_free == BLOCK_PAGES;
			p = &b->next_free;
			continue;
		}
		relaxed_store(p, b->next_free);
		b->listed = false;
	}
	for (p = &q->all; (b = *p);) {
		if (b->listed || b->nr_free < BLOCK_PAGES) {
			p = &b->next;
			continue;
		}
		*p = b->next;
		b->next = unused;
		unused = b;
	}
	return unused;
}

void vmap_ram_shrink(unsigned int keep)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct vmap_queue *q = queue_of(cpu);
		struct vmap_block *unused, *b;
		unsigned long flags;

		if (!relaxed_load(&q->with_free))
			continue;
		flags = spin_lock_irqsave(&q->lock);
		unused = unlist_unused(q, keep);
		spin_unlock_irqrestore(&q->lock, flags);
		while ((b = unused)) {
			unused = b->next;
			unhash_block(b);
			vm_free_flushed_area(b->vm);
			kfree(b);
		}
	}
}

/* ------------------------------------------------------------------ mapping */

static void bad_unmap(const void *mem, unsigned int count)
{
	pr_warn("WARNING: Trying to vm_unmap_ram() bad address (%p, %u pages)\n", mem, count);
	port_backtrace();
}

static void *map_large(struct page **pages, unsigned int count, const void *caller)
{
	struct vm_struct *vm =
		get_vm_area_caller(count * PAGE_SIZE, PAGE_SIZE, VM_RAM | VM_NO_GUARD, caller);

	if (!vm)
		return NULL;
	if (!vmap_pages_range(vm->va.start, pages, count, PAGE_KERNEL))
		return vm->addr;
	free_vm_area(vm);
	return NULL;
}

void *vm_map_ram(struct page **pages, unsigned int count, int node)
{
	const void *caller = (const void *)_RET_IP_;
	struct vmap_queue *q = queue_of(port_cpu());
	unsigned long kva;

	(void)node;
	if (!count)
		return NULL;
	if (count > VMAP_MAX_ALLOC)
		return map_large(pages, count, caller);
	kva = take_from_queue(q, count);
	if (unlikely(!kva) && relaxed_load(&q->nr_dirty) >= FLUSH_FROM) {
		vm_flush_lazy();
		kva = take_from_queue(q, count);
	}
	if (unlikely(!kva))
		kva = take_from_new(count, caller);
	if (unlikely(!kva))
		return NULL;
	if (vmap_pages_range(kva, pages, count, PAGE_KERNEL)) {
		give_run(find_block(kva), kva, count);
		return NULL;
	}
	return port_kva_to_ptr(kva);
}

static void unmap_large(const void *mem, unsigned int count)
{
	struct vm_struct *vm = find_vm_area(mem);

	if (vm && (vm->addr != mem || vm->size != count * PAGE_SIZE)) {
		bad_unmap(mem, count);
		return;
	}
	vm = vm_take_area(mem, VM_RAM, "vm_unmap_ram");
	if (vm)
		free_vm_area(vm);
}

void vm_unmap_ram(const void *mem, unsigned int count)
{
	unsigned long kva = port_ptr_to_kva(mem);
	struct vmap_block *b;
	unsigned int at, w;
	u64 bits;

	if (!count || !is_vmalloc_addr(mem) || !IS_ALIGNED(kva, PAGE_SIZE)) {
		bad_unmap(mem, count);
		return;
	}
	if (count > VMAP_MAX_ALLOC) {
		unmap_large(mem, count);
		return;
	}
	b = find_block(kva);
	at = b ? (unsigned int)((kva - b->vm->va.start) / PAGE_SIZE) : 0;
	w = at / 64;
	if (!b || at % 64 + count > 64) {
		bad_unmap(mem, count);
		return;
	}
	bits = relaxed_load(&b->free[w]) | relaxed_load(&b->dirty[w]) |
	       relaxed_load(&b->flushing[w]);
	if (bits & run(at % 64, count)) {
		bad_unmap(mem, count);
		return;
	}
	vunmap_range(kva, count * PAGE_SIZE);
	give_run(b, kva, count);
}

/* ------------------------------------------------------------------ checking */

static int check_mapped(const struct vmap_block *b, unsigned int w)
{
	int bad = 0;

	for (unsigned int i = 0; i < 64; i++) {
		unsigned long kva = b->vm->va.start + (w * 64 + i) * PAGE_SIZE;
		bool unused = (b->free[w] | b->dirty[w]) >> i & 1;
		struct walk walk;

		kernel_walk(kva, &walk);
		if (unused == (walk.result == WALK_OK)) {
			pr_err("vmap_ram: 0x%016lx is %s\n", kva,
			       unused ? "mapped and not in use" : "in use and not mapped");
			bad++;
		}
	}
	return bad;
}

static int check_block(const struct vmap_queue *q, const struct vmap_block *b)
{
	const struct vmap_block *f = q->with_free;
	unsigned int nr_free = 0, nr_dirty = 0;
	int bad = 0;

	for (unsigned int w = 0; w < WORDS; w++) {
		bad += w < b->from && b->free[w];
		nr_free += (unsigned int)__builtin_popcountll(b->free[w]);
		nr_dirty += (unsigned int)__builtin_popcountll(b->dirty[w]);
		bad += (b->free[w] & b->dirty[w]) != 0 || b->flushing[w] != 0;
		bad += check_mapped(b, w);
	}
	while (f && f != b)
		f = f->next_free;
	if (nr_free != b->nr_free || nr_dirty != b->nr_dirty || b->listed != (nr_free != 0) ||
	    b->listed != (f == b) || q != queue_of(b->cpu) || find_block(b->vm->va.start) != b ||
	    b->vm->va.lazy)
		bad++;
	if (bad)
		pr_err("vmap_ram: block 0x%016lx of CPU %u: %u pages free, %u counted; %u dirty, "
		       "%u "
		       "counted\n",
		       b->vm->va.start, b->cpu, nr_free, b->nr_free, nr_dirty, b->nr_dirty);
	return bad;
}

int vmap_ram_check(void)
{
	unsigned long all_dirty = 0;
	unsigned int cpu;
	int bad = 0;

	for_each_possible_cpu(cpu)
	{
		const struct vmap_queue *q = queue_of(cpu);
		unsigned int nr_dirty = 0;

		for (const struct vmap_block *b = q->all; b; b = b->next) {
			bad += check_block(q, b);
			nr_dirty += b->nr_dirty;
		}
		bad += nr_dirty != q->nr_dirty;
		all_dirty += nr_dirty;
	}
	if (all_dirty != total_dirty) {
		pr_err("vmap_ram: %lu pages are dirty, %lu counted\n", all_dirty, total_dirty);
		bad++;
	}
	return bad;
}
