// SPDX-License-Identifier: MIT
/*
 * mlock and kin: which areas keep their pages, and filling them.
 *
 * There is no reclaim that would take a page away, so what is locked differs in two things: its pages are there when the call returns,
 * and they count against RLIMIT_MEMLOCK. Errors and their order are Linux 6.12's (mm/mlock.c).
 *
 * Locking: mmap_lock over the areas; pages are faulted in without it.
 */
#include <quire/mm.h>

#include "internal.h"

/* Does the area's kind let its pages be locked? */
static bool can_lock(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_SPECIAL | VM_DROPPABLE));
}

/* The first area that reaches into [start, end), copied. False: none does. */
static bool next_area(struct mm_struct *mm, unsigned long start, unsigned long end,
		      struct vm_area_struct *copy)
{
	const struct vm_area_struct *vma;
	bool found;

	mmap_read_lock(mm);
	vma = find_vma(mm, start);
	found = vma && vma->vm_start < end;
	if (found)
		*copy = *vma;
	mmap_read_unlock(mm);
	return found;
}

/* Pages of one area. 0, -EFAULT, -ENOMEM, -EINTR. */
static int populate_area(struct mm_struct *mm, const struct vm_area_struct *vma,
			 unsigned long start, unsigned long end)
{
	bool write = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

	if (vma->vm_flags & VM_LOCKONFAULT)
		return 0;
	if (!(vma->vm_flags & VM_ACCESS_FLAGS))
		return -EFAULT;
	while (start < end) {
		vm_fault_t ret = handle_mm_fault(mm, start, write ? FAULT_FLAG_WRITE : 0);

		if (unlikely(ret & VM_FAULT_ERROR)) {
			if (!(ret & VM_FAULT_OOM))
				return -EFAULT;
			if (vma->vm_flags & VM_DROPPABLE || !vm_out_of_memory ||
			    !vm_out_of_memory())
				return -ENOMEM;
			continue;
		}
		start = fault_next(start, ret);
		if (unlikely(faults_end(start)))
			return -EINTR;
	}
	return 0;
}

int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long len, bool ignore)
{
	unsigned long end = start + len;
	struct vm_area_struct vma;

	for (; start < end && next_area(mm, start, end, &vma); start = vma.vm_end) {
		int err;

		if (vma.vm_flags & (VM_IO | VM_PFNMAP))
			continue;
		err = populate_area(mm, &vma, max(start, vma.vm_start), min(end, vma.vm_end));
		if (err && (!ignore || err == -EINTR))
			return err;
	}
	return 0;
}

/* [start, end) of the area gets other flags of locking. The area that holds start then, or NULL: no memory. */
static struct vm_area_struct *mlock_fixup(struct vm_area_struct *vma, unsigned long start,
					  unsigned long end, unsigned long flags)
{
	flags |= vma->vm_flags & ~VM_LOCKED_MASK;
	return flags == vma->vm_flags || !can_lock(vma) ? vma
							: vma_modify_flags(vma, start, end, flags);
}

static int apply_vma_lock_flags(struct mm_struct *mm, unsigned long start, unsigned long len,
				unsigned long flags)
{
	unsigned long end = start + len, stop;
	struct vm_area_struct *vma;

	if (end < start)
		return -EINVAL;
	for (; start < end; start = stop) {
		vma = vma_lookup(mm, start);
		if (!vma)
			return -ENOMEM;
		stop = min(vma->vm_end, end);
		if (!mlock_fixup(vma, start, stop, flags))
			return -ENOMEM;
	}
	return 0;
}

/* Pages of the range that are locked already. */
static unsigned long count_locked(const struct mm_struct *mm, unsigned long start,
				  unsigned long len)
{
	unsigned long end = start + len < start ? ULONG_MAX : start + len, n = 0;
	const struct vm_area_struct *vma;

	for (vma = find_vma(mm, start); vma && vma->vm_start < end; vma = vma->next)
		if (vma->vm_flags & VM_LOCKED)
			n += min(vma->vm_end, end) - max(vma->vm_start, start);
	return n >> PAGE_SHIFT;
}

static bool can_do_mlock(const struct mm_struct *mm)
{
	return !mm->unprivileged || mm->rlimit_memlock;
}

int vm_mlock(struct mm_struct *mm, unsigned long start, unsigned long len, bool onfault)
{
	unsigned long pages;
	int err = -ENOMEM;

	if (!can_do_mlock(mm))
		return -EPERM;
	len = PAGE_ALIGN(len + (start & (PAGE_SIZE - 1)));
	start &= ~(PAGE_SIZE - 1);
	mmap_write_lock(mm);
	pages = (len >> PAGE_SHIFT) + mm->locked_vm;
	if (mm->unprivileged && pages > mm->rlimit_memlock >> PAGE_SHIFT)
		pages -= count_locked(mm, start, len);
	if (!mm->unprivileged || pages <= mm->rlimit_memlock >> PAGE_SHIFT)
		err = apply_vma_lock_flags(mm, start, len,
					   VM_LOCKED | (onfault ? VM_LOCKONFAULT : 0));
	mmap_write_unlock(mm);
	if (err)
		return err;
	err = mm_populate(mm, start, len, false);
	/* POSIX's names for the two. */
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

int vm_munlock(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	int err;

	len = PAGE_ALIGN(len + (start & (PAGE_SIZE - 1)));
	start &= ~(PAGE_SIZE - 1);
	mmap_write_lock(mm);
	err = apply_vma_lock_flags(mm, start, len, 0);
	mmap_write_unlock(mm);
	return err;
}

static void apply_mlockall_flags(struct mm_struct *mm, int flags)
{
	unsigned long locked = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0), end;
	struct vm_area_struct *vma;

	mm->def_flags &= ~VM_LOCKED_MASK;
	if (flags & MCL_FUTURE) {
		mm->def_flags |= locked;
		if (!(flags & MCL_CURRENT))
			return;
	}
	/* An area that cannot be changed stays as it is. */
	for (vma = mm->mmap; vma; vma = find_vma(mm, end)) {
		end = vma->vm_end;
		(void)mlock_fixup(vma, vma->vm_start, end, flags & MCL_CURRENT ? locked : 0);
	}
}

int vm_mlockall(struct mm_struct *mm, int flags)
{
	int err = -ENOMEM;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	mmap_write_lock(mm);
	if (!(flags & MCL_CURRENT) || !mm->unprivileged ||
	    mm->total_vm <= mm->rlimit_memlock >> PAGE_SHIFT) {
		apply_mlockall_flags(mm, flags);
		err = 0;
	}
	mmap_write_unlock(mm);
	if (!err && flags & MCL_CURRENT)
		(void)mm_populate(mm, 0, TASK_SIZE, true);
	return err;
}

int vm_munlockall(struct mm_struct *mm)
{
	mmap_write_lock(mm);
	apply_mlockall_flags(mm, 0);
	mmap_write_unlock(mm);
	return 0;
}
