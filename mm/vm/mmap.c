// SPDX-License-Identifier: MIT
/*
 * mmap, munmap, brk: areas come and go.
 *
 * Which address a mapping gets, which error a bad request, and in which order things are looked at, is as Linux 6.12 has it; see
 * mm/mmap.c there. Locking: mmap_lock; areas leave the tree before what they show is taken away, so that no fault fills it
 * again.
 */
#include <quire/filemap.h>
#include <quire/mm.h>

#include "gather.h"
#include "internal.h"

/* ------------------------------------------------------------------ where there is room */

/* A stack that begins above the gap keeps some of it free. True: the gap ends at *high then. */
static bool stack_above(const struct mm_struct *mm, unsigned long end, unsigned long *high)
{
	const struct vm_area_struct *next = find_vma(mm, end);

	if (!next || vm_start_gap(next) >= end)
		return false;
	*high = vm_start_gap(next);
	return true;
}

static unsigned long highest_room(const struct mm_struct *mm, unsigned long low, unsigned long high,
				  unsigned long len)
{
	unsigned long start, end;

	while (gap_tree_highest(&mm->areas, low, high, len, &start, &end))
		if (!stack_above(mm, end, &high))
			return end - len;
	return (unsigned long)-ENOMEM;
}

static unsigned long lowest_room(const struct mm_struct *mm, unsigned long low, unsigned long high,
				 unsigned long len)
{
	unsigned long start, end, below;

	while (gap_tree_lowest(&mm->areas, low, high, len, &start, &end)) {
		if (!stack_above(mm, end, &below) || (below > start && below - start >= len))
			return start;
		low = end + 1;
	}
	return (unsigned long)-ENOMEM;
}

static bool is_free(const struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	const struct vm_area_struct *vma = find_vma(mm, addr);

	return TASK_SIZE - len >= addr && addr >= MMAP_MIN_ADDR &&
	       (!vma || addr + len <= vm_start_gap(vma));
}

/* A quarter of the way up: where mappings go that have no room below mmap_base (TASK_UNMAPPED_BASE). */
#define TASK_UNMAPPED_BASE PAGE_ALIGN(TASK_SIZE / 4)

static unsigned long get_unmapped_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
				       unsigned long flags)
{
	if (len > TASK_SIZE - MMAP_MIN_ADDR)
		return (unsigned long)-ENOMEM;
	if (flags & MAP_FIXED) {
		if (addr > TASK_SIZE - len)
			return (unsigned long)-ENOMEM;
		return addr & (PAGE_SIZE - 1) ? (unsigned long)-EINVAL : addr;
	}
	if (addr) {
		addr = PAGE_ALIGN(addr);
		if (is_free(mm, addr, len))
			return addr;
	}
	addr = highest_room(mm, MMAP_MIN_ADDR, mm->mmap_base, len);
	return IS_ERR_VALUE(addr) ? lowest_room(mm, TASK_UNMAPPED_BASE, TASK_SIZE, len) : addr;
}

/* ------------------------------------------------------------------ limits */

static bool may_expand_vm(const struct mm_struct *mm, unsigned long flags, unsigned long pages)
{
	if (mm->total_vm + pages > mm->rlimit_as >> PAGE_SHIFT)
		return false;
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) != VM_WRITE ||
	       mm->data_vm + pages <= mm->rlimit_data >> PAGE_SHIFT;
}

/* ------------------------------------------------------------------ taking away */

/* Unlink the areas of [start, end), which begin and end there. Returns the first, the others by next; the last one's is NULL. */
static struct vm_area_struct *detach(struct mm_struct *mm, struct vm_area_struct *first,
				     unsigned long end)
{
	struct vm_area_struct *vma = first, *last = NULL, *next;

	vma_change_begin(mm);
	for (; vma && vma->vm_start < end; vma = next) {
		next = vma->next;
		vma_start_write(vma);
		vma_unlink(vma);
		vm_stat_account(mm, vma->vm_flags, -(long)vma_pages(vma));
		if (last)
			last->next = vma;
		last = vma;
	}
	vma_change_end(mm);
	if (last)
		last->next = NULL;
	return first;
}

int unmap_areas(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = find_vma(mm, start), *last, *prev, *after, *next;
	struct mmu_gather tlb;
	int err;

	if (!vma || vma->vm_start >= end)
		return 0;
	if (vma->vm_start < start) {
		err = split_vma(vma, start);
		if (err)
			return err;
		vma = vma->next;
	}
	last = find_vma(mm, end - 1);
	if (last && last->vm_start < end && last->vm_end > end) {
		err = split_vma(last, end);
		if (err)
			return err;
	}
	prev = vma->prev;
	vma = detach(mm, vma, end);
	after = prev ? prev->next : mm->mmap;
	gather_begin(&tlb, mm, false);
	start = vma->vm_start;
	for (last = vma; last; last = last->next) {
		unmap_page_range(&tlb, last->vm_start, last->vm_end);
		end = last->vm_end;
	}
	free_pgtables(&tlb, start, end, prev ? prev->vm_end : 0, after ? after->vm_start : 0);
	gather_flush(&tlb);
	for (; vma; vma = next) {
		next = vma->next;
		remove_vma(vma);
	}
	return 0;
}

int vm_munmap(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	int err;

	if (start & (PAGE_SIZE - 1) || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	len = PAGE_ALIGN(len);
	if (!len)
		return -EINVAL;
	mmap_write_lock(mm);
	err = unmap_areas(mm, start, start + len);
	mmap_write_unlock(mm);
	return err;
}

/* ------------------------------------------------------------------ adding */

/* The last area that ends at addr or below. */
static struct vm_area_struct *area_before(const struct mm_struct *mm, unsigned long addr)
{
	const struct vm_area_struct *next = find_vma(mm, addr);

	return next ? next->prev : gap_tree_last(&mm->areas);
}

/* [addr, addr + len) is made room for and becomes an area. 0 or an error, and then what was there may be gone. */
static int map_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
		    unsigned long flags, const struct vm_operations_struct *ops, void *private,
		    unsigned long pgoff)
{
	unsigned long pages = len >> PAGE_SHIFT;
	struct vm_area_struct *vma, *prev;
	int err;

	if (!may_expand_vm(mm, flags, pages))
		return -ENOMEM;
	err = unmap_areas(mm, addr, addr + len);
	if (err)
		return err;
	prev = area_before(mm, addr);
	if (!vma_merge_new(mm, prev, addr, addr + len, flags, ops, private, pgoff)) {
		if (gap_tree_reserve(&mm->areas, 1))
			return -ENOMEM;
		vma = vma_alloc(mm, addr, addr + len, flags);
		if (!vma)
			return -ENOMEM;
		vma->vm_ops = ops;
		vma->vm_private_data = private;
		vma->vm_pgoff = pgoff;
		if (ops && ops->open)
			ops->open(vma);
		vma_change_begin(mm);
		vma_link(mm, vma, prev);
		vma_change_end(mm);
	}
	vm_stat_account(mm, flags, (long)pages);
	return 0;
}

static unsigned long prot_flags(unsigned long prot)
{
	/* The same bits; what is none of the three is dropped, as Linux drops it. */
	return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

static unsigned long do_mmap(struct mm_struct *mm, struct file *file, unsigned long addr,
			     unsigned long len, unsigned long prot, unsigned long flags,
			     unsigned long pgoff)
{
	unsigned long vm_flags = prot_flags(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	const struct vm_operations_struct *ops = NULL;
	void *private = NULL;
	int err;

	if (!len)
		return (unsigned long)-EINVAL;
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED) && addr && ALIGN_DOWN(addr, PAGE_SIZE) < MMAP_MIN_ADDR)
		addr = MMAP_MIN_ADDR;
	len = PAGE_ALIGN(len);
	if (!len)
		return (unsigned long)-ENOMEM;
	if (pgoff + (len >> PAGE_SHIFT) < pgoff)
		return (unsigned long)-EOVERFLOW;
	if (mm->map_count > mm->max_map_count)
		return (unsigned long)-ENOMEM;
	addr = get_unmapped_area(mm, addr, len, flags);
	if (IS_ERR_VALUE(addr))
		return addr;
	if (addr < MMAP_MIN_ADDR)
		return (unsigned long)-EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		const struct vm_area_struct *vma = find_vma(mm, addr);

		if (vma && vma->vm_start < addr + len)
			return (unsigned long)-EEXIST;
	}
	if (flags & MAP_GROWSDOWN)
		vm_flags |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		vm_flags |= VM_LOCKED;
	if (flags & MAP_NORESERVE)
		vm_flags |= VM_NORESERVE;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		/* Of files only. */
		if (!file)
			return (unsigned long)-EINVAL;
		fallthrough;
	case MAP_SHARED:
		if (vm_flags & VM_GROWSDOWN)
			return (unsigned long)-EINVAL;
		vm_flags |= VM_SHARED | VM_MAYSHARE;
		break;
	case MAP_PRIVATE:
		break;
	default:
		return (unsigned long)-EINVAL;
	}
	if (file) {
		err = file_mmap(file, &vm_flags, &ops, &private);
		if (err)
			return (unsigned long)err;
		if (vm_flags & VM_GROWSDOWN)
			return (unsigned long)-EINVAL;
	} else if (vm_flags & VM_SHARED) {
		pgoff = 0;
		err = shmem_zero_setup(len, &ops, &private);
		if (err)
			return (unsigned long)err;
	} else {
		pgoff = addr >> PAGE_SHIFT;
		if ((vm_flags & (VM_WRITE | VM_NORESERVE)) == VM_WRITE)
			vm_flags |= VM_ACCOUNT;
	}
	err = map_area(mm, addr, len, vm_flags, ops, private, pgoff);
	if (!file && ops)
		shmem_put(private);
	return err ? (unsigned long)err : addr;
}

unsigned long vm_mmap_pgoff(struct mm_struct *mm, struct file *file, unsigned long addr,
			    unsigned long len, unsigned long prot, unsigned long flags,
			    unsigned long pgoff)
{
	unsigned long ret;

	mmap_write_lock(mm);
	ret = do_mmap(mm, file, addr, len, prot, flags, pgoff);
	mmap_write_unlock(mm);
	/* As far as it goes: that there is no page for all of it is no error of mmap. */
	if (!IS_ERR_VALUE(ret) && flags & (MAP_POPULATE | MAP_LOCKED) &&
	    prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
		(void)populate_range(mm, ret, ret + PAGE_ALIGN(len),
				     prot & PROT_WRITE && !(flags & MAP_SHARED));
	return ret;
}

/* ------------------------------------------------------------------ brk */

static bool brk_grow(struct mm_struct *mm, unsigned long old, unsigned long new)
{
	const struct vm_area_struct *next = find_vma(mm, old);

	if (next && new + PAGE_SIZE > vm_start_gap(next))
		return false;
	if (mm->map_count > mm->max_map_count)
		return false;
	return !map_area(mm, old, new - old,
			 VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT,
			 NULL, NULL, old >> PAGE_SHIFT);
}

unsigned long vm_brk(struct mm_struct *mm, unsigned long brk)
{
	unsigned long old, new, ret;

	mmap_write_lock(mm);
	old = PAGE_ALIGN(mm->brk);
	new = PAGE_ALIGN(brk);
	if (brk >= mm->start_brk && brk < TASK_SIZE && brk - mm->start_brk <= mm->rlimit_data &&
	    (new == old || (new < old ? !unmap_areas(mm, new, old) : brk_grow(mm, old, new))))
		mm->brk = brk;
	ret = mm->brk;
	mmap_write_unlock(mm);
	return ret;
}
