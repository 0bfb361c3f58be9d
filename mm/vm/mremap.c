// SPDX-License-Identifier: MIT
/*
 * mremap: an area becomes larger, smaller, or another place's.
 *
 * A move makes the new area first, then takes the entries over, a whole table at a time where both places allow, and then unmaps the old
 * area. What is looked at, in which order, and with which error, is Linux 6.12's (mm/mremap.c).
 *
 * Locking: mmap_lock. While entries move, mm_seq is odd and faults in both areas have ended: nobody sees a page missing in between. A
 * CPU may use the old place by what its TLB holds until the flush, which comes before the lock is given back.
 */
#include <quire/filemap.h>
#include <quire/mm.h>

#include "gather.h"
#include "internal.h"

#define TABLE_SIZE level_size(MAX_LEVEL - 1)

struct remap {
	struct mm_struct *mm;
	unsigned long addr, old_len, new_len, flags, new_addr;
	bool locked; /* what is new is to be populated */
};

/* ------------------------------------------------------------------ entries */

/* Entries of one table. The CPU may set marks in `from` until it is empty. */
static void move_entries(u64 *from, u64 *to, unsigned long n)
{
	for (; n--; from++, to++) {
		u64 val = pte_load(from);

		if (!val)
			continue;
		while (!pte_cmpxchg(from, &val, 0))
			continue;
		port_set_pte(to, val);
	}
}

/* Returns how many bytes were moved: all, unless there is no memory for a table. Faults of both awaited. */
static unsigned long move_page_tables(struct mm_struct *mm, unsigned long from, unsigned long to,
				      unsigned long len)
{
	unsigned long start = from, end = from + len;
	bool tables = false;

	/* Those that have another place among their neighbours afterwards, and what the ends cut. */
	if (mm_has_cont(mm) && (from ^ to) & (CONT_SIZE - 1)) {
		cont_unfold_range(mm, from, end);
	} else if (mm_has_cont(mm)) {
		cont_cut(mm, from);
		cont_cut(mm, end);
	}
	while (from < end) {
		unsigned long stop, n = min(end - from, TABLE_SIZE - (to & (TABLE_SIZE - 1)));
		u64 *old, *new;

		if (n == TABLE_SIZE && !(from & (TABLE_SIZE - 1)) && move_table(mm, from, to)) {
			tables = true;
			from += n;
			to += n;
			continue;
		}
		old = pte_find(mm, from, &stop);
		n = min(n, stop - from);
		if (old) {
			new = pte_alloc(mm, to);
			if (!new)
				break;
			move_entries(old, new, n >> PAGE_SHIFT);
		} else if (mm_has_huge(mm) && huge_split_at(mm, from)) {
			continue;
		}
		from += n;
		to += n;
	}
	if (from > start)
		port_flush_tlb_user_range(mm->context_id, start, from, tables);
	return from - start;
}

/* ------------------------------------------------------------------ areas */

/* The area at new_addr that [addr, addr + old_len) of vma moves to. NULL: no memory. */
static struct vm_area_struct *copy_vma(struct vm_area_struct *vma, const struct remap *r)
{
	struct vma_merge m = {
		.start = r->new_addr,
		.end = r->new_addr + r->new_len,
		.flags = vma->vm_flags,
		.pgoff = linear_page_index(vma, r->addr),
		.file = vma->vm_file,
		.ops = vma->vm_ops,
		.private = vma->vm_private_data,
		.name = vma->anon_name,
		.policy = vma->vm_policy,
		.anon_vma = vma->anon_vma,
	};
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *new;

	/* What nobody has touched yet may as well have begun there, and joins better so. */
	if (vma_is_anonymous(vma) && !vma->anon_vma)
		m.pgoff = r->new_addr >> PAGE_SHIFT;
	find_neighbours(mm, &m);
	if (r->flags & MREMAP_DONTUNMAP && !vma->anon_vma) {
		if (m.prev == vma)
			m.prev = NULL;
		if (m.next == vma)
			m.next = NULL;
	}
	new = vma_merge_new(mm, &m);
	if (new)
		return new;
	new = gap_tree_reserve(&mm->areas, 1) ? NULL : vma_alloc(mm, m.start, m.end, vma->vm_flags);
	if (!new)
		return NULL;
	new->vm_pgoff = m.pgoff;
	new->vm_ops = m.ops;
	new->vm_file = m.file;
	new->vm_private_data = m.private;
	new->anon_name = m.name;
	new->vm_policy = m.policy;
	new->anon_vma = vma->anon_vma;
	new->anon_chain = vma->anon_chain;
	vma_set_page_prot(new);
	vma_get(new);
	find_neighbours(mm, &m);
	vma_change_begin(mm);
	vma_link(mm, new, m.prev);
	vma_change_end(mm);
	return new;
}

/* Whatever a fault of another thread has put where nothing should be yet goes, and then the entries come. */
static unsigned long take_entries(struct mm_struct *mm, struct vm_area_struct *from,
				  struct vm_area_struct *to, unsigned long old, unsigned long new,
				  unsigned long len)
{
	unsigned long moved;

	vma_change_begin(mm);
	vma_start_write(from);
	vma_start_write(to);
	zap_range(mm, new, new + len);
	/* Truncation finds an entry at the old place or at the new one. */
	if (vma_in_file(from))
		spin_lock(&vma_mapping(from)->i_mmap_lock);
	moved = move_page_tables(mm, old, new, len);
	if (vma_in_file(from))
		spin_unlock(&vma_mapping(from)->i_mmap_lock);
	vma_change_end(mm);
	return moved;
}

static void set_account(struct mm_struct *mm, struct vm_area_struct *vma, bool on)
{
	vma_change_begin(mm);
	vma_start_write(vma);
	if (on)
		vma->vm_flags |= VM_ACCOUNT;
	else
		vma->vm_flags &= ~VM_ACCOUNT;
	vma_change_end(mm);
}

/* DONTUNMAP: the old area stays, with nothing in it, not locked, and nobody's if all of it was moved. */
static void leave_empty(struct mm_struct *mm, struct vm_area_struct *vma, const struct remap *r)
{
	long pages = (long)vma_pages(vma);

	vma_change_begin(mm);
	vma_start_write(vma);
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm -= (unsigned long)pages;
	vma->vm_flags &= ~VM_LOCKED_MASK;
	if (vma->vm_start == r->addr && vma->vm_end == r->addr + r->old_len) {
		vma->anon_vma = 0;
		vma->anon_chain = 0;
		if (vma_is_anonymous(vma) && !vma->vm_file)
			vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
	}
	vma_change_end(mm);
}

static unsigned long move_vma(struct vm_area_struct *vma, struct remap *r)
{
	struct mm_struct *mm = r->mm;
	unsigned long flags = vma->vm_flags, addr = r->addr, old_len = r->old_len, moved;
	bool keep = r->flags & MREMAP_DONTUNMAP, before, after;
	unsigned long hiwater = mm->hiwater_vm;
	long account = keep ? (long)r->new_len : (long)r->new_len - (long)old_len;
	struct vm_area_struct *new;

	if (mm->map_count >= mm->max_map_count - 3)
		return (unsigned long)-ENOMEM;
	if (keep && flags & VM_LOCKED) {
		if (vma->vm_start != addr) {
			if (split_vma(vma, addr))
				return (unsigned long)-ENOMEM;
			vma = vma->next;
		}
		if (vma->vm_end != addr + old_len && split_vma(vma, addr + old_len))
			return (unsigned long)-ENOMEM;
	}
	account >>= PAGE_SHIFT;
	if (flags & VM_ACCOUNT && vm_enough_memory(mm, account))
		return (unsigned long)-ENOMEM;
	new = copy_vma(vma, r);
	if (!new) {
		if (flags & VM_ACCOUNT)
			vm_acct_memory(-account);
		return (unsigned long)-ENOMEM;
	}
	/* The old area may have become part of the new one: where it was not touched, and they lie side by side. */
	vma = find_vma(mm, addr);
	moved = take_entries(mm, vma, new, addr, r->new_addr, old_len);
	vm_stat_account(mm, flags, (long)(r->new_len >> PAGE_SHIFT));
	if (moved < old_len) {
		/* Tables for the way back are there. The new area goes, with what was promised for all of it. */
		take_entries(mm, new, vma, r->new_addr, addr, moved);
		if (flags & VM_ACCOUNT && !keep)
			vm_acct_memory((long)(old_len >> PAGE_SHIFT));
		(void)unmap_areas(mm, r->new_addr, r->new_addr + r->new_len);
		return (unsigned long)-ENOMEM;
	}
	if (keep) {
		leave_empty(mm, vma, r);
		return r->new_addr;
	}
	/* What was promised moves with the pages: unmapping gives nothing back. */
	before = flags & VM_ACCOUNT && vma->vm_start < addr;
	after = flags & VM_ACCOUNT && vma->vm_end > addr + old_len;
	if (flags & VM_ACCOUNT && old_len)
		set_account(mm, vma, false);
	if (old_len && unmap_areas(mm, addr, addr + old_len)) {
		if (flags & VM_ACCOUNT)
			vm_acct_memory((long)(old_len >> PAGE_SHIFT));
		before = after = false;
	}
	mm->hiwater_vm = max(hiwater, mm->total_vm);
	r->locked = flags & VM_LOCKED;
	if (before)
		set_account(mm, find_vma(mm, addr - 1), true);
	if (after)
		set_account(mm, find_vma(mm, addr + old_len), true);
	return r->new_addr;
}

/* The area that is to change its size, or an error in *err. */
static struct vm_area_struct *vma_to_resize(const struct remap *r, int *err)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma = vma_lookup(mm, r->addr);
	unsigned long pgoff;

	*err = -EFAULT;
	if (!vma)
		return NULL;
	*err = -EINVAL;
	if (!r->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return NULL;
	if (r->flags & MREMAP_DONTUNMAP && vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return NULL;
	*err = -EFAULT;
	if (r->old_len > vma->vm_end - r->addr)
		return NULL;
	*err = 0;
	if (r->new_len == r->old_len)
		return vma;
	pgoff = linear_page_index(vma, r->addr);
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		*err = -EINVAL;
	else if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		*err = -EFAULT;
	else if (!mlock_future_ok(mm, vma->vm_flags, r->new_len - r->old_len))
		*err = -EAGAIN;
	else if (!may_expand_vm(mm, vma->vm_flags, (r->new_len - r->old_len) >> PAGE_SHIFT))
		*err = -ENOMEM;
	return *err ? NULL : vma;
}

/* To a place of the caller's (FIXED), or wherever there is room (DONTUNMAP). */
static unsigned long mremap_to(struct remap *r)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma;
	unsigned long map_flags = 0, to;
	int err;

	if (r->new_addr & (PAGE_SIZE - 1) || r->new_len > TASK_SIZE ||
	    r->new_addr > TASK_SIZE - r->new_len)
		return (unsigned long)-EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return (unsigned long)-EINVAL;
	if (mm->map_count + 2 >= mm->max_map_count - 3)
		return (unsigned long)-ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		err = unmap_areas(mm, r->new_addr, r->new_addr + r->new_len);
		if (err)
			return (unsigned long)err;
	}
	if (r->old_len > r->new_len) {
		err = unmap_range(mm, r->addr + r->new_len, r->old_len - r->new_len);
		if (err)
			return (unsigned long)err;
		r->old_len = r->new_len;
	}
	vma = vma_to_resize(r, &err);
	if (!vma)
		return (unsigned long)err;
	if (r->flags & MREMAP_DONTUNMAP &&
	    !may_expand_vm(mm, vma->vm_flags, r->old_len >> PAGE_SHIFT))
		return (unsigned long)-ENOMEM;
	if (r->flags & MREMAP_FIXED)
		map_flags |= MAP_FIXED;
	if (vma->vm_flags & VM_MAYSHARE)
		map_flags |= MAP_SHARED;
	to = get_unmapped_area(mm, vma->vm_file, r->new_addr, r->new_len,
			       linear_page_index(vma, r->addr), map_flags);
	if (IS_ERR_VALUE(to))
		return to;
	if (!(r->flags & MREMAP_FIXED))
		r->new_addr = to;
	return move_vma(vma, r);
}

/* The area grows where it is. False: there is no room, and nothing has changed; else *err. */
static bool expand(struct vm_area_struct *vma, struct remap *r, int *err)
{
	struct mm_struct *mm = r->mm;
	unsigned long delta = r->new_len - r->old_len, end = vma->vm_end + delta;
	long pages = (long)(delta >> PAGE_SHIFT);
	struct vma_merge m = {
		.start = vma->vm_end,
		.end = end,
		.flags = vma->vm_flags,
		.pgoff = vma->vm_pgoff + vma_pages(vma),
		.file = vma->vm_file,
		.ops = vma->vm_ops,
		.private = vma->vm_private_data,
		.name = vma->anon_name,
		.policy = vma->vm_policy,
		.anon_vma = vma->anon_vma,
		.prev = vma,
		.next = vma->next,
	};

	if (end < vma->vm_end || end > TASK_SIZE || (vma->next && vma->next->vm_start < end))
		return false;
	*err = -ENOMEM;
	if (vma->vm_flags & VM_ACCOUNT && vm_enough_memory(mm, pages))
		return true;
	if (!vma_merge_new(mm, &m)) {
		if (vma->vm_flags & VM_ACCOUNT)
			vm_acct_memory(-pages);
		return true;
	}
	*err = 0;
	vm_stat_account(mm, m.flags, pages);
	r->locked = m.flags & VM_LOCKED;
	r->new_addr = r->addr;
	return true;
}

static unsigned long do_mremap(struct remap *r)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma = vma_lookup(mm, r->addr);
	int err;

	if (!vma)
		return (unsigned long)-EFAULT;
	if (vma->vm_flags & VM_SEALED)
		return (unsigned long)-EPERM;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return mremap_to(r);
	if (r->old_len >= r->new_len) {
		err = r->old_len == r->new_len
			      ? 0
			      : unmap_range(mm, r->addr + r->new_len, r->old_len - r->new_len);
		return err ? (unsigned long)err : r->addr;
	}
	vma = vma_to_resize(r, &err);
	if (!vma)
		return (unsigned long)err;
	if (r->old_len == vma->vm_end - r->addr && expand(vma, r, &err))
		return err ? (unsigned long)err : r->addr;
	if (!(r->flags & MREMAP_MAYMOVE))
		return (unsigned long)-ENOMEM;
	r->new_addr =
		get_unmapped_area(mm, vma->vm_file, 0, r->new_len, linear_page_index(vma, r->addr),
				  vma->vm_flags & VM_MAYSHARE ? MAP_SHARED : 0);
	return IS_ERR_VALUE(r->new_addr) ? r->new_addr : move_vma(vma, r);
}

unsigned long vm_mremap(struct mm_struct *mm, unsigned long addr, unsigned long old_len,
			unsigned long new_len, unsigned long flags, unsigned long new_addr)
{
	struct remap r = {.mm = mm,
			  .addr = addr,
			  .old_len = PAGE_ALIGN(old_len),
			  .new_len = PAGE_ALIGN(new_len),
			  .flags = flags,
			  .new_addr = new_addr};
	unsigned long ret;

	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ||
	    (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)) ||
	    (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_len != new_len)) ||
	    addr & (PAGE_SIZE - 1) || !r.new_len)
		return (unsigned long)-EINVAL;
	mmap_write_lock(mm);
	ret = do_mremap(&r);
	mmap_write_unlock(mm);
	if (!IS_ERR_VALUE(ret) && r.locked && r.new_len > r.old_len)
		(void)mm_populate(mm, r.new_addr + r.old_len, r.new_len - r.old_len, true);
	return ret;
}
