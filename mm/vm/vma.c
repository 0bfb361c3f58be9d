// SPDX-License-Identifier: MIT
/*
 * Areas of an address space: finding, adding, removing, splitting, joining.
 *
 * Invariants (mm_check): areas are in order, do not meet, are whole pages and not empty; the list and the tree hold the same; two
 * neighbours that could be one are one, unless an area that could not be joined lay between them when they came.
 *
 * Locking. mmap_lock is for those who change areas. Faults do without: mm_seq is odd while areas change, and each CPU says in
 * fault_vma which area its fault is in.
 *
 *	fault					change
 *	seq = mm_seq, even			mm_seq odd
 *	vma = area of the address		full barrier
 *	fault_vma = vma				wait until no CPU's fault_vma is the area
 *	full barrier				... the area changes or goes ...
 *	mm_seq != seq? then by mmap_lock	mm_seq even
 *	... the fault ...
 *	fault_vma = NULL
 *
 * Either the fault sees the odd count, or the change sees fault_vma. So two faults write nothing that both use, in one area or in
 * two.
 *
 * Against Linux 6.12: a maple tree and a lock in each area there, which faults in one area share; merging and splitting decide alike.
 */
#include <quire/mm.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>

#include "internal.h"

struct kmem_cache *vma_cache;

static DEFINE_PER_CPU_ALIGNED(struct vm_area_struct *, fault_vma);

/* ------------------------------------------------------------------ faults and changes */

void mmap_write_lock(struct mm_struct *mm)
{
	spin_lock(&mm->mmap_lock);
}

void mmap_write_unlock(struct mm_struct *mm)
{
	spin_unlock(&mm->mmap_lock);
}

void vma_change_begin(struct mm_struct *mm)
{
	__atomic_store_n(&mm->mm_seq, mm->mm_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void vma_change_end(struct mm_struct *mm)
{
	__atomic_store_n(&mm->mm_seq, mm->mm_seq + 1, __ATOMIC_RELEASE);
}

void vma_start_write(struct vm_area_struct *vma)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) while (
		__atomic_load_n(per_cpu_ptr(&fault_vma, cpu), __ATOMIC_ACQUIRE) == vma)
		port_cpu_relax();
}

struct vm_area_struct *vma_start_read(struct mm_struct *mm, unsigned long addr)
{
	u32 seq = __atomic_load_n(&mm->mm_seq, __ATOMIC_ACQUIRE);
	struct vm_area_struct **mine = this_cpu_ptr(&fault_vma), *vma;
	void *found;

	if (likely(!(seq & 1)) &&
	    likely(gap_tree_find_seq(&mm->areas, addr, &mm->mm_seq, seq, &found))) {
		vma = found;
		if (!vma)
			return NULL;
		__atomic_store_n(mine, vma, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (likely(__atomic_load_n(&mm->mm_seq, __ATOMIC_RELAXED) == seq))
			goto found;
		vma_end_read();
	}
	/* Who changes areas holds the lock, and waits for fault_vma before it touches an area. */
	spin_lock(&mm->mmap_lock);
	vma = find_vma(mm, addr);
	__atomic_store_n(mine, vma, __ATOMIC_RELAXED);
	spin_unlock(&mm->mmap_lock);
	if (!vma)
		return NULL;
found:
	if (likely(vma->vm_start <= addr))
		return vma;
	vma_end_read();
	return NULL;
}

void vma_end_read(void)
{
	__atomic_store_n(this_cpu_ptr(&fault_vma), NULL, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ one area */

/* Of private areas; those that are shared may write without a copy. */
static u64 prot_of(unsigned long flags)
{
	u64 prot = DESC_TABLE | DESC_AF | DESC_SH_INNER | DESC_NG | DESC_PXN | DESC_RDONLY;

	if (flags & VM_ACCESS_FLAGS)
		prot |= DESC_VALID | DESC_USER;
	if (!(flags & VM_EXEC))
		prot |= DESC_UXN;
	if ((flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE))
		prot |= DESC_WRITE;
	return prot;
}

void vma_set_page_prot(struct vm_area_struct *vma)
{
	__atomic_store_n(&vma->vm_page_prot, prot_of(vma->vm_flags), __ATOMIC_RELAXED);
}

struct vm_area_struct *vma_alloc(struct mm_struct *mm, unsigned long start, unsigned long end,
				 unsigned long flags)
{
	struct vm_area_struct *vma = kmem_cache_zalloc(vma_cache, GFP_KERNEL_ACCOUNT);

	if (!vma)
		return NULL;
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_mm = mm;
	vma->vm_flags = flags;
	vma->vm_pgoff = start >> PAGE_SHIFT;
	vma_set_page_prot(vma);
	return vma;
}

void vma_free(struct vm_area_struct *vma)
{
	kmem_cache_free(vma_cache, vma);
}

void remove_vma(struct vm_area_struct *vma)
{
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	vma_free(vma);
}

struct vm_area_struct *find_vma(const struct mm_struct *mm, unsigned long addr)
{
	return gap_tree_find(&mm->areas, addr, NULL, NULL);
}

void vm_stat_account(struct mm_struct *mm, unsigned long flags, long pages)
{
	mm->total_vm += (unsigned long)pages;
	if (mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
	if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		mm->exec_vm += (unsigned long)pages;
	else if (flags & VM_GROWSDOWN)
		mm->stack_vm += (unsigned long)pages;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		mm->data_vm += (unsigned long)pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += (unsigned long)pages;
}

/* ------------------------------------------------------------------ list and tree */

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
	gap_tree_insert(&mm->areas, vma->vm_start, vma->vm_end, vma);
	vma->prev = prev;
	vma->next = prev ? prev->next : mm->mmap;
	if (prev)
		prev->next = vma;
	else
		mm->mmap = vma;
	if (vma->next)
		vma->next->prev = vma;
	mm->map_count++;
}

void vma_unlink(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	gap_tree_erase(&mm->areas, vma->vm_start);
	if (vma->prev)
		vma->prev->next = vma->next;
	else
		mm->mmap = vma->next;
	if (vma->next)
		vma->next->prev = vma->prev;
	mm->map_count--;
}

/* pgoff moves with the start. Its faults awaited. */
static void vma_move_ends(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	gap_tree_resize(&vma->vm_mm->areas, vma->vm_start, start, end);
	vma->vm_pgoff += (unsigned long)((long)(start - vma->vm_start) >> PAGE_SHIFT);
	vma->vm_start = start;
	vma->vm_end = end;
}

/* ------------------------------------------------------------------ joining and cutting */

/* The area has these properties, and a page at its edge `at` would have this index. */
static bool is_alike(const struct vm_area_struct *vma, unsigned long flags,
		     const struct vm_operations_struct *ops, void *private, unsigned long at,
		     unsigned long pgoff)
{
	return vma->vm_flags == flags && vma->vm_ops == ops && vma->vm_private_data == private &&
	       !(ops && ops->close && !ops->may_merge) &&
	       vma->vm_pgoff + ((at - vma->vm_start) >> PAGE_SHIFT) == pgoff;
}

struct vm_area_struct *vma_merge_new(struct mm_struct *mm, struct vm_area_struct *prev,
				     unsigned long start, unsigned long end, unsigned long flags,
				     const struct vm_operations_struct *ops, void *private,
				     unsigned long pgoff)
{
	struct vm_area_struct *next = prev ? prev->next : mm->mmap;
	unsigned long pages = (end - start) >> PAGE_SHIFT;
	bool before =
		prev && prev->vm_end == start && is_alike(prev, flags, ops, private, start, pgoff);
	bool after = next && next->vm_start == end &&
		     is_alike(next, flags, ops, private, end, pgoff + pages);

	if (flags & (VM_IO | VM_PFNMAP | VM_DONTEXPAND) || !(before || after))
		return NULL;
	vma_change_begin(mm);
	if (before)
		vma_start_write(prev);
	if (after)
		vma_start_write(next);
	if (!before) {
		vma_move_ends(next, start, next->vm_end);
		vma_change_end(mm);
		return next;
	}
	if (after) {
		end = next->vm_end;
		vma_unlink(next);
	}
	vma_move_ends(prev, prev->vm_start, end);
	vma_change_end(mm);
	if (after)
		remove_vma(next);
	return prev;
}

/* The area takes in its successor, if that is alike. Returns whether. Within vma_change_begin, faults of both awaited. */
static bool join_next(struct vm_area_struct *vma)
{
	struct vm_area_struct *next = vma->next;

	if (!next || next->vm_start != vma->vm_end ||
	    vma->vm_flags & (VM_IO | VM_PFNMAP | VM_DONTEXPAND) ||
	    !is_alike(next, vma->vm_flags, vma->vm_ops, vma->vm_private_data, vma->vm_end,
		      vma->vm_pgoff + vma_pages(vma)))
		return false;
	vma_start_write(next);
	vma_unlink(next);
	vma_move_ends(vma, vma->vm_start, next->vm_end);
	remove_vma(next);
	return true;
}

int split_vma(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *new;

	if (mm->map_count >= mm->max_map_count || gap_tree_reserve(&mm->areas, 1))
		return -ENOMEM;
	new = kmem_cache_alloc(vma_cache, GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	vma_change_begin(mm);
	vma_start_write(vma);
	*new = *vma;
	new->vm_start = addr;
	new->vm_pgoff += (addr - vma->vm_start) >> PAGE_SHIFT;
	vma_move_ends(vma, vma->vm_start, addr);
	vma_link(mm, new, vma);
	vma_change_end(mm);
	if (new->vm_ops &&new->vm_ops->open)
		new->vm_ops->open(new);
	return 0;
}

struct vm_area_struct *vma_modify_flags(struct vm_area_struct *vma, unsigned long start,
					unsigned long end, unsigned long flags)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *prev;

	if (vma->vm_start < start) {
		if (split_vma(vma, start))
			return NULL;
		vma = vma->next;
	}
	if (end < vma->vm_end && split_vma(vma, end)) {
		/* What was cut is joined again. */
		vma_change_begin(mm);
		if (vma->prev) {
			vma_start_write(vma->prev);
			join_next(vma->prev);
		}
		vma_change_end(mm);
		return NULL;
	}
	vma_change_begin(mm);
	vma_start_write(vma);
	vm_stat_account(mm, vma->vm_flags, -(long)vma_pages(vma));
	vma->vm_flags = flags;
	vma_set_page_prot(vma);
	vm_stat_account(mm, flags, (long)vma_pages(vma));
	join_next(vma);
	prev = vma->prev;
	if (prev) {
		vma_start_write(prev);
		if (join_next(prev))
			vma = prev;
	}
	vma_change_end(mm);
	return vma;
}
