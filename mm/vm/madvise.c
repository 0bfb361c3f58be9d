// SPDX-License-Identifier: MIT
/*
 * madvise, mseal, and names of anonymous memory: properties of areas that a program states.
 *
 * Of reclaim there is what mm/vm/lazyfree.c does. Files are in memory and there is no swap, so MADV_PAGEOUT drops what may be dropped, and
 * leaves the rest where it is, as Linux 6.12 does then. What changes an area's flags shows in /proc/PID/smaps, and in which areas join.
 *
 * Locking: mmap_lock.
 */
#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "internal.h"

/* ------------------------------------------------------------------ advice that is taken at once */

static int advise_dontneed(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			   int advice)
{
	unsigned long forbidden = VM_PFNMAP | (advice == MADV_DONTNEED_LOCKED ? 0 : VM_LOCKED);

	if (vma->vm_flags & forbidden)
		return -EINVAL;
	if (advice == MADV_FREE) {
		if (!vma_is_anonymous(vma))
			return -EINVAL;
		mark_lazy_pages(vma, start, end);
		return 0;
	}
	zap_range(vma->vm_mm, start, end);
	return 0;
}

/* The file gets a hole there. */
static int advise_remove(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	u64 from = (u64)linear_page_index(vma, start) << PAGE_SHIFT;

	if (vma->vm_flags & VM_LOCKED || !vma->vm_file || !vma->vm_file->f_mapping)
		return -EINVAL;
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	zap_range(vma->vm_mm, start, end);
	mapping_punch(vma->vm_file->f_mapping, from, from + (end - start));
	return 0;
}

/* ------------------------------------------------------------------ advice that is a flag */

/* KSM could share pages of the area (Linux: vma_ksm_compatible). */
static bool can_be_merged(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO | VM_DONTEXPAND |
				  VM_MIXEDMAP | VM_DROPPABLE));
}

/* The flags that the area shall have, or an error in *err. */
static unsigned long advised_flags(const struct vm_area_struct *vma, int advice, int *err)
{
	unsigned long flags = vma->vm_flags;

	switch (advice) {
	case MADV_NORMAL:
		return flags & ~(VM_RAND_READ | VM_SEQ_READ);
	case MADV_SEQUENTIAL:
		return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
	case MADV_RANDOM:
		return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
	case MADV_DONTFORK:
		return flags | VM_DONTCOPY;
	case MADV_DOFORK:
		if (flags & VM_IO)
			*err = -EINVAL;
		return flags & ~VM_DONTCOPY;
	case MADV_WIPEONFORK:
		if (vma->vm_file || flags & VM_SHARED)
			*err = -EINVAL;
		return flags | VM_WIPEONFORK;
	case MADV_KEEPONFORK:
		if (flags & VM_DROPPABLE)
			*err = -EINVAL;
		return flags & ~VM_WIPEONFORK;
	case MADV_DONTDUMP:
		return flags | VM_DONTDUMP;
	case MADV_DODUMP:
		if (flags & (VM_SPECIAL | VM_DROPPABLE))
			*err = -EINVAL;
		return flags & ~VM_DONTDUMP;
	case MADV_MERGEABLE:
		return can_be_merged(vma) ? flags | VM_MERGEABLE : flags;
	case MADV_UNMERGEABLE:
		return flags & ~VM_MERGEABLE;
	case MADV_HUGEPAGE:
		return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
	case MADV_NOHUGEPAGE:
		return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
	}
	return flags;
}

static bool is_discard(int advice)
{
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
		return true;
	}
	return false;
}

/* *vma: the area that holds start, afterwards too. */
static int advise_area(struct vm_area_struct **vma, unsigned long start, unsigned long end,
		       int advice)
{
	unsigned long flags = (*vma)->vm_flags, new;
	int err = 0;

	/* Contents that cannot be written cannot be discarded either, once sealed. */
	if (is_discard(advice) && flags & VM_SEALED && !(*vma)->vm_file &&
	    !(flags & (VM_SHARED | VM_WRITE)))
		return -EPERM;
	switch (advice) {
	case MADV_REMOVE:
		return advise_remove(*vma, start, end);
	case MADV_WILLNEED:
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		if (flags & (VM_LOCKED | VM_PFNMAP))
			return -EINVAL;
		if (advice == MADV_COLD)
			make_pages_old(*vma, start, end);
		else if (vma_is_anonymous(*vma))
			drop_lazy_pages(*vma, start, end, ULONG_MAX, NULL);
		return 0;
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return advise_dontneed(*vma, start, end, advice);
	case MADV_COLLAPSE:
		return collapse_range(*vma, start, end);
	}
	new = advised_flags(*vma, advice, &err);
	if (err || new == flags)
		return err;
	*vma = vma_modify_flags(*vma, start, end, new);
	/* That there is no memory for another area is not the caller's mistake: not ENOMEM, which says that. */
	return *vma ? 0 : -EAGAIN;
}

static bool advice_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL ... MADV_DONTNEED:
	case MADV_FREE ... MADV_COLLAPSE:
	case MADV_HWPOISON:
	case MADV_SOFT_OFFLINE:
		return true;
	}
	return false;
}

/* What is faulted in has to allow it beforehand. 0, -EINVAL, -ENOMEM, -EFAULT. */
static int populate(struct mm_struct *mm, unsigned long start, unsigned long end, bool write)
{
	while (start < end) {
		const struct vm_area_struct *vma;
		unsigned long stop = 0;
		int err = -ENOMEM;

		mmap_write_lock(mm);
		vma = vma_lookup(mm, start);
		if (vma) {
			err = vma->vm_flags & (VM_IO | VM_PFNMAP) ||
					      !(vma->vm_flags & (write ? VM_WRITE : VM_READ))
				      ? -EINVAL
				      : 0;
			stop = min(vma->vm_end, end);
		}
		mmap_write_unlock(mm);
		if (!err)
			err = populate_range(mm, start, stop, write);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

int vm_madvise(struct mm_struct *mm, unsigned long start, unsigned long len, int advice)
{
	unsigned long end = start + PAGE_ALIGN(len), stop;
	int err = 0, hole = 0;

	if (!advice_known(advice) || start & (PAGE_SIZE - 1) || (len && !PAGE_ALIGN(len)) ||
	    end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	/* Pages cannot be declared bad here. */
	if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return mm->unprivileged ? -EPERM : -EOPNOTSUPP;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate(mm, start, end, advice == MADV_POPULATE_WRITE);
	mmap_write_lock(mm);
	while (start < end && !err) {
		struct vm_area_struct *vma = find_vma(mm, start);

		if (!vma || vma->vm_start > start) {
			/* What is not mapped is an error at the end, not for what follows. */
			hole = -ENOMEM;
			if (!vma || vma->vm_start >= end)
				break;
			start = vma->vm_start;
		}
		stop = min(vma->vm_end, end);
		err = advise_area(&vma, start, stop, advice);
		start = stop;
	}
	mmap_write_unlock(mm);
	return err ? err : hole;
}

/* ------------------------------------------------------------------ seals */

/* No hole in the range. */
static bool is_whole(const struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vm_area_struct *vma = vma_lookup(mm, start);

	while (vma && vma->vm_end < end)
		vma = vma->next && vma->next->vm_start == vma->vm_end ? vma->next : NULL;
	return vma;
}

bool vm_is_whole(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	bool whole;

	mmap_read_lock(mm);
	whole = is_whole(mm, start, start + len);
	mmap_read_unlock(mm);
	return whole;
}

int vm_mseal(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long flags)
{
	unsigned long end = start + PAGE_ALIGN(len), stop;
	int err = 0;

	if (flags || start & (PAGE_SIZE - 1) || (len && !PAGE_ALIGN(len)) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	mmap_write_lock(mm);
	if (!is_whole(mm, start, end))
		err = -ENOMEM;
	for (; !err && start < end; start = stop) {
		struct vm_area_struct *vma = vma_lookup(mm, start);

		stop = min(vma->vm_end, end);
		if (!(vma->vm_flags & VM_SEALED) &&
		    !vma_modify_flags(vma, start, stop, vma->vm_flags | VM_SEALED))
			err = -ENOMEM;
	}
	mmap_write_unlock(mm);
	return err;
}

/* ------------------------------------------------------------------ names */

static int name_area(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		     struct anon_vma_name *name)
{
	/* Of what shows no file; shared memory without one has a file that does not count. */
	if (vma->vm_file && !mapping_is_anon_shmem(vma->vm_file->f_mapping))
		return -EBADF;
	return vma_modify_name(vma, start, end, name) ? 0 : -EAGAIN;
}

int vm_set_anon_name(struct mm_struct *mm, unsigned long start, unsigned long len, const char *text)
{
	unsigned long end = start + PAGE_ALIGN(len), stop;
	struct anon_vma_name *name = NULL;
	int err = 0, hole = 0;

	if (start & (PAGE_SIZE - 1) || (len && !PAGE_ALIGN(len)) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (text) {
		name = kmalloc(sizeof(*name), GFP_KERNEL);
		if (!name)
			return -ENOMEM;
		name->users = 1;
		quire_strlcpy(name->name, text, sizeof(name->name));
	}
	mmap_write_lock(mm);
	for (; start < end && !err; start = stop) {
		struct vm_area_struct *vma = find_vma(mm, start);

		if (!vma || vma->vm_start > start) {
			hole = -ENOMEM;
			if (!vma || vma->vm_start >= end)
				break;
			start = vma->vm_start;
		}
		stop = min(vma->vm_end, end);
		err = name_area(vma, start, stop, name);
	}
	mmap_write_unlock(mm);
	anon_name_put(name);
	return err ? err : hole;
}
