// SPDX-License-Identifier: MIT
/*
 * Address spaces as a whole: made, copied for a child, taken down.
 *
 * A copy has the same areas; pages of private areas are shared, for reading only on both sides, until one side writes.
 *
 * Locking: dup_mm keeps the parent's areas from changing and from faults, so that no entry becomes writable behind the copy. The
 * child is nobody's yet.
 */
#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "gather.h"
#include "internal.h"

static struct kmem_cache *mm_cache, *area_node_cache;

/* ------------------------------------------------------------------ one address space */

static void *area_node_alloc(void)
{
	return kmem_cache_alloc(area_node_cache, GFP_KERNEL_ACCOUNT);
}

static void area_node_free(void *node)
{
	kmem_cache_free(area_node_cache, node);
}

void vm_init(void)
{
	context_init();
	mm_cache = KMEM_CACHE(mm_struct, SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT);
	vma_cache = KMEM_CACHE(vm_area_struct, SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT);
	area_node_cache = kmem_cache_create("vma_tree_node", GAP_NODE_SIZE, 64,
					    SLAB_PANIC | SLAB_ACCOUNT | SLAB_TYPESAFE_BY_RCU, NULL);
	filemap_init();
	huge_zero_forget();
	zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!zero_page)
		panic("No memory for the zero page");
	__SetPageReserved(zero_page);
}

unsigned int sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;

static struct mm_struct *mm_new(const struct mm_struct *parent)
{
	struct mm_struct *mm = kmem_cache_zalloc(mm_cache, GFP_KERNEL_ACCOUNT);

	if (!mm)
		return NULL;
	if (pgd_alloc(mm))
		goto no_pgd;
	context_alloc(mm);
	mm_family_join(mm, parent);
	gap_tree_init(&mm->areas, area_node_alloc, area_node_free);
	mm->mm_users = 1;
	mm->mmap_full = ULONG_MAX;
	mm->max_map_count = sysctl_max_map_count;
	mm->coredump_filter = DEFAULT_COREDUMP_FILTER;
	mm->rlimit_as = mm->rlimit_data = ULONG_MAX;
	mm->rlimit_stack = mm->rlimit_memlock = SZ_8M;
	return mm;
no_pgd:
	kmem_cache_free(mm_cache, mm);
	return NULL;
}

struct mm_struct *mm_alloc(void)
{
	return mm_new(NULL);
}

void mmget(struct mm_struct *mm)
{
	__atomic_fetch_add(&mm->mm_users, 1, __ATOMIC_RELAXED);
}

void mmput(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *next;
	struct mmu_gather tlb;

	if (__atomic_sub_fetch(&mm->mm_users, 1, __ATOMIC_ACQ_REL))
		return;
	fault_forget_mm(mm);
	mm_family_leave(mm);
	/* Nobody runs in it, so nothing of it comes into a TLB again: the first flush is of all there is. */
	gather_begin(&tlb, mm, true);
	gather_flush(&tlb);
	tlb.whole = false;
	tlb.dead = true;
	for (vma = mm->mmap; vma; vma = vma->next)
		vma_file_unlink(vma);
	for (vma = mm->mmap; vma; vma = vma->next)
		unmap_area(&tlb, vma);
	/* A table that two areas share goes with the second one. */
	for (vma = mm->mmap; vma; vma = vma->next)
		free_pgtables(&tlb, vma->vm_start, vma->vm_end, 0,
			      vma->next ? vma->next->vm_start : 0);
	gather_flush(&tlb);
	for (vma = mm->mmap; vma; vma = next) {
		next = vma->next;
		if (vma->vm_flags & VM_ACCOUNT)
			vm_acct_memory(-(long)vma_pages(vma));
		remove_vma(vma);
	}
	gap_tree_destroy(&mm->areas);
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++)
		if (mm_counter_sum(mm, i))
			pr_err("BUG: Bad rss-counter state mm:%p type:%u val:%ld\n", mm, i,
			       mm_counter_sum(mm, i));
	if (mm->pgtables_bytes)
		pr_err("BUG: non-zero pgtables_bytes on freeing mm: %ld\n", mm->pgtables_bytes);
	if (mm->exe_file)
		fput(mm->exe_file);
	free_pgd(mm);
	context_free(mm);
	kmem_cache_free(mm_cache, mm);
}

/* ------------------------------------------------------------------ a copy */

/* A reference and a mapping more. */
static __always_inline void page_dup_rmap(struct page *page)
{
	page_counts_add(page, PAGE_COUNTS_MAPPED);
}

/*
 * The parent's entry becomes read-only; returns what it is then. Only the CPU may change it meanwhile: it sets marks where they are not,
 * and of one that is accessed and written it sets none.
 */
static __always_inline u64 wrprotect_entry(u64 *pte, u64 val)
{
	if (!pte_write(val))
		return val;
	if (likely((val & (DESC_RDONLY | DESC_AF)) == DESC_AF))
		port_set_pte(pte, pte_wrprotect(val));
	else
		while (!pte_cmpxchg(pte, &val, pte_wrprotect(val)))
			continue;
	return pte_wrprotect(val);
}

/*
 * A batch of private anonymous pages that are all alike: written and writable, or not writable any more. What the parent has then is what
 * the child has. False: they are not, and nothing has been done.
 */
static __always_inline bool copy_batch(u64 *from, u64 *to, struct page *map)
{
	const u64 written = DESC_WRITE | DESC_DIRTY | DESC_AF;
	u64 val[PTE_BATCH], all, any;

	port_get_ptes(from, val);
	all = val[0] & val[1] & val[2] & val[3];
	any = val[0] | val[1] | val[2] | val[3];
	if (!(all & DESC_NG) || any & PTE_SPECIAL)
		return false;
	if (any & DESC_WRITE) {
		if ((all & written) != written || any & DESC_RDONLY)
			return false;
#pragma GCC unroll 4
		for (unsigned int i = 0; i < PTE_BATCH; i++)
			val[i] ^= DESC_WRITE | DESC_RDONLY;
		port_set_ptes(from, val);
	} else if (!(all & DESC_RDONLY)) {
		return false;
	}
	port_set_ptes(to, val);
#pragma GCC unroll 4
	for (unsigned int i = 0; i < PTE_BATCH; i++)
		page_dup_rmap(pte_page_48(val[i], map));
	return true;
}

/* Private anonymous memory; returns how many pages. */
static unsigned int copy_anon(u64 *from, u64 *to, unsigned int n)
{
	const u64 *end = from + n, *batches = pte_batches_end(end);
	struct page *const map = vmemmap;
	unsigned int none = 0;

	while (from < end) {
		u64 val;

		if (likely(from <= batches) && likely(copy_batch(from, to, map))) {
			from += PTE_BATCH;
			to += PTE_BATCH;
			continue;
		}
		val = pte_load(from);
		if (val) {
			val = wrprotect_entry(from, val) | DESC_RDONLY;
			port_set_pte(to, val);
		}
		if (val && !(val & PTE_SPECIAL))
			page_dup_rmap(pte_page(val));
		else
			none++;
		from++;
		to++;
	}
	return n - none;
}

/* Any other area. Shared pages are clean in the child: it has written nothing. */
static void copy_some(u64 *from, u64 *to, unsigned int n, bool cow, long *rss)
{
	for (; n; n--, from++, to++) {
		u64 val = pte_load(from);

		if (!val)
			continue;
		if (cow)
			val = wrprotect_entry(from, val);
		if (likely(!(val & PTE_SPECIAL))) {
			struct page *page = pte_page(val);

			page_dup_rmap(page);
			rss[page_counter(page)]++;
		}
		port_set_pte(to, cow ? val | DESC_RDONLY : pte_mkclean(val));
	}
}

static int copy_entries(struct mm_struct *mm, struct vm_area_struct *vma, bool cow, long *rss)
{
	bool anon = cow && vma_is_anonymous(vma);
	unsigned long addr = vma->vm_start, stop;

	for (; addr < vma->vm_end; addr = stop) {
		u64 *from = pte_find(vma->vm_mm, addr, &stop), *to;
		unsigned int n, none;

		stop = min(stop, vma->vm_end);
		if (!from) {
			if (mm_has_huge(vma->vm_mm) && huge_copy(mm, vma, addr))
				return -ENOMEM;
			continue;
		}
		/* No table for what is empty. */
		n = (unsigned int)((stop - addr) >> PAGE_SHIFT);
		none = ptes_none(from, n);
		if (none == n)
			continue;
		from += none;
		n -= none;
		to = pte_alloc(mm, addr + none * PAGE_SIZE);
		if (!to)
			return -ENOMEM;
		if (anon)
			rss[MM_ANONPAGES] += copy_anon(from, to, n);
		else
			copy_some(from, to, n, cow, rss);
	}
	return 0;
}

int copy_page_range(struct mm_struct *mm, struct vm_area_struct *vma)
{
	bool cow = (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
	struct address_space *mapping = vma_in_file(vma) ? vma_mapping(vma) : NULL;
	long rss[NR_MM_COUNTERS] = {0};
	int err;

	/* What has no private page can be faulted in again, and is. */
	if (!vma->anon_vma)
		return 0;
	/* Truncation finds both entries, or is over before the first is read. */
	if (mapping)
		spin_lock(&mapping->i_mmap_lock);
	err = copy_entries(mm, vma, cow, rss);
	if (mapping)
		spin_unlock(&mapping->i_mmap_lock);
	for (unsigned int i = 0; i < NR_MM_COUNTERS; i++)
		if (rss[i])
			add_mm_counter(mm, i, rss[i]);
	return err;
}

static int dup_mmap(struct mm_struct *mm, struct mm_struct *oldmm)
{
	struct vm_area_struct *vma, *prev = NULL;

	for (vma = oldmm->mmap; vma; vma = vma->next) {
		struct vm_area_struct *copy;

		vma_start_write(vma);
		if (vma->vm_flags & VM_DONTCOPY) {
			/* The counts came from the parent; that of locked pages did not. */
			vm_stat_account(mm, vma->vm_flags & ~VM_LOCKED, -(long)vma_pages(vma));
			continue;
		}
		if (vma->vm_flags & VM_ACCOUNT && vm_enough_memory(oldmm, (long)vma_pages(vma)))
			return -ENOMEM;
		copy = gap_tree_reserve(&mm->areas, 1)
			       ? NULL
			       : kmem_cache_alloc(vma_cache, GFP_KERNEL_ACCOUNT);
		if (!copy) {
			if (vma->vm_flags & VM_ACCOUNT)
				vm_acct_memory(-(long)vma_pages(vma));
			return -ENOMEM;
		}
		vma_copy(copy, vma);
		copy->vm_mm = mm;
		copy->vm_flags &= ~VM_LOCKED_MASK;
		vma_link(mm, copy, prev);
		prev = copy;
		vma_get(copy);
		anon_vma_fork(copy);
		if (!(vma->vm_flags & VM_WIPEONFORK) && copy_page_range(mm, vma))
			return -ENOMEM;
	}
	return 0;
}

void mm_inherit(struct mm_struct *mm, const struct mm_struct *old)
{
	mm->rlimit_as = old->rlimit_as;
	mm->rlimit_data = old->rlimit_data;
	mm->rlimit_stack = old->rlimit_stack;
	mm->rlimit_memlock = old->rlimit_memlock;
	mm->max_map_count = old->max_map_count;
	mm->unprivileged = old->unprivileged;
	mm->thp_disabled = old->thp_disabled;
	mm->coredump_filter = old->coredump_filter;
}

struct mm_struct *dup_mm(struct mm_struct *oldmm)
{
	struct mm_struct *mm = mm_new(oldmm);
	int err;

	if (!mm)
		return NULL;
	mmap_write_lock(oldmm);
	/* Its family knows it already. */
	mmap_write_lock(mm);
	mm->max_map_count = oldmm->max_map_count;
	mm->coredump_filter = oldmm->coredump_filter;
	mm->pkey0_freed = oldmm->pkey0_freed;
	mm->total_vm = oldmm->total_vm;
	mm->data_vm = oldmm->data_vm;
	mm->exec_vm = oldmm->exec_vm;
	mm->stack_vm = oldmm->stack_vm;
	mm->hiwater_vm = oldmm->hiwater_vm;
	__atomic_store_n(&mm->has_lazy, __atomic_load_n(&oldmm->has_lazy, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	mm->mmap_base = oldmm->mmap_base;
	/* Addresses and limits stand together, from start_code to the end. */
	memcpy(&mm->start_code, &oldmm->start_code,
	       sizeof(*mm) - offsetof(struct mm_struct, start_code));
	if (mm->exe_file)
		get_file(mm->exe_file);
	/* What is locked is not inherited, nor that what comes shall be. */
	mm->def_flags &= ~VM_LOCKED_MASK;
	if (mm->mdwe_no_inherit)
		mm->mdwe = mm->mdwe_no_inherit = false;
	vma_change_begin(oldmm);
	err = dup_mmap(mm, oldmm);
	/* Folded entries are so in the child. */
	relaxed_store(&mm->has_cont, relaxed_load(&oldmm->has_cont));
	/* Entries became read-only: no TLB may hold them as they were. */
	port_flush_tlb_asid(oldmm->context_id);
	vma_change_end(oldmm);
	mmap_write_unlock(mm);
	mmap_write_unlock(oldmm);
	if (err) {
		mmput(mm);
		return NULL;
	}
	return mm;
}
