// SPDX-License-Identifier: MIT
/*
 * Areas of an address space: finding, adding, removing, splitting, joining.
 *
 * Invariants (mm_check): areas are in order, do not meet, are whole pages and not empty; the list and the tree hold the same; two
 * neighbours that could be one are one, unless an area that could not be joined lay between them when they came.
 *
 * Locking. mmap_lock is for those who change areas. Faults do without: mm_seq is odd while areas change, and each CPU says in
 * fault_state.vma which area its fault is in.
 *
 *	fault					change
 *	seq = mm_seq, even			mm_seq odd
 *	vma = area of the address		full barrier
 *	fault_state.vma = vma				wait until no CPU's fault_state.vma is the area
 *	full barrier				... the area changes or goes ...
 *	mm_seq != seq? then by mmap_lock	mm_seq even
 *	... the fault ...
 *	fault_state.vma = NULL
 *
 * Either the fault sees the odd count, or the change sees fault_state.vma. So two faults write nothing that both use, in one area or in
 * two.
 *
 * Against Linux 6.12: a maple tree and a lock in each area there, which faults in one area share; merging and splitting decide alike.
 */
#include <quire/filemap.h>
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "internal.h"

struct kmem_cache *vma_cache;

/*
 * What a CPU's faults are about. vma: the area of the one that runs, for who changes areas. The others: the area of the last one, which
 * that address is in as long as mm has this count: programs mostly go on where they are.
 */
struct fault_state {
	struct vm_area_struct *vma;
	const struct mm_struct *mm;
	u32 seq;
	unsigned long start, size;
	struct vm_area_struct *last;
};
static DEFINE_PER_CPU_ALIGNED(struct fault_state, fault_state);

/* ------------------------------------------------------------------ faults and changes */

void mmap_await_readers(const struct mm_struct *mm)
{
	while (__atomic_load_n(&mm->mmap_readers, __ATOMIC_ACQUIRE))
		smp_wait_relax();
}

static noinline void await_faults(const struct vm_area_struct *vma)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) while (
		__atomic_load_n(&per_cpu_ptr(&fault_state, cpu)->vma, __ATOMIC_ACQUIRE) == vma)
		smp_wait_relax();
}

void vma_start_write(struct vm_area_struct *vma)
{
	bool found = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu) found |=
		__atomic_load_n(&per_cpu_ptr(&fault_state, cpu)->vma, __ATOMIC_ACQUIRE) == vma;
	if (unlikely(found))
		await_faults(vma);
}

void fault_forget_mm(const struct mm_struct *mm)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct fault_state *s = per_cpu_ptr(&fault_state, cpu);

		if (relaxed_load(&s->mm) == mm)
			relaxed_store(&s->mm, NULL);
	}
}

static void publish(struct fault_state *s, struct vm_area_struct *vma)
{
	__atomic_store_n(&s->vma, vma, __ATOMIC_RELAXED);
}

/* By mmap_lock. Who changes areas holds it, and waits for what is published before it touches an area. */
static noinline struct vm_area_struct *start_read_locked(struct fault_state *s,
							 struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	/* Whoever holds the lock may wait for this CPU. */
	__atomic_store_n(&s->vma, NULL, __ATOMIC_RELEASE);
	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	publish(s, vma);
	mmap_read_unlock(mm);
	if (vma && vma->vm_start <= addr)
		return vma;
	vma_end_read();
	return NULL;
}

/* Not the area of the last fault. */
static noinline struct vm_area_struct *start_read_other(struct fault_state *s, struct mm_struct *mm,
							unsigned long addr, u32 seq)
{
	struct vm_area_struct *vma;
	void *found;

	if (unlikely(seq & 1) || !gap_tree_find_seq(&mm->areas, addr, &mm->mm_seq, seq, &found))
		return start_read_locked(s, mm, addr);
	vma = found;
	if (!vma)
		return NULL;
	publish(s, vma);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&mm->mm_seq, __ATOMIC_RELAXED) != seq))
		return start_read_locked(s, mm, addr);
	if (unlikely(vma->vm_start > addr)) {
		/* What was read of it was read before whoever waits changes it. */
		vma_end_read();
		return NULL;
	}
	relaxed_store(&s->mm, mm);
	s->seq = seq;
	s->start = vma->vm_start;
	s->size = vma->vm_end - vma->vm_start;
	s->last = vma;
	return vma;
}

struct vm_area_struct *vma_start_read(struct mm_struct *mm, unsigned long addr)
{
	u32 seq = __atomic_load_n(&mm->mm_seq, __ATOMIC_ACQUIRE);
	struct fault_state *s = this_cpu_ptr(&fault_state);
	struct vm_area_struct *vma = s->last;

	if (unlikely(relaxed_load(&s->mm) != mm || s->seq != seq || addr - s->start >= s->size))
		return start_read_other(s, mm, addr, seq);
	publish(s, vma);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(__atomic_load_n(&mm->mm_seq, __ATOMIC_RELAXED) == seq))
		return vma;
	return start_read_locked(s, mm, addr);
}

void vma_end_read(void)
{
	__atomic_store_n(&this_cpu_ptr(&fault_state)->vma, NULL, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ one area */

/* Of private areas; those that are shared may write without a copy, unless somebody wants to know (page_mkwrite). */
static u64 prot_of(unsigned long flags, const struct vm_operations_struct *ops)
{
	u64 prot = DESC_TABLE | DESC_AF | DESC_SH_INNER | DESC_NG | DESC_PXN | DESC_RDONLY;

	if (flags & VM_ACCESS_FLAGS)
		prot |= DESC_VALID | DESC_USER;
	if (!(flags & VM_EXEC))
		prot |= DESC_UXN;
	if ((flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE) &&
	    !(ops && ops->page_mkwrite))
		prot |= DESC_WRITE;
	return prot;
}

void vma_set_page_prot(struct vm_area_struct *vma)
{
	__atomic_store_n(&vma->vm_page_prot, prot_of(vma->vm_flags, vma->vm_ops), __ATOMIC_RELAXED);
}

struct vm_area_struct *vma_alloc(struct mm_struct *mm, unsigned long start, unsigned long end,
				 unsigned long flags)
{
	struct vm_area_struct *vma = kmem_cache_alloc(vma_cache, GFP_KERNEL_ACCOUNT);

	if (!vma)
		return NULL;
	/* All but the links, which are set when it is linked. */
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_mm = mm;
	vma->vm_flags = flags;
	vma->vm_ops = NULL;
	vma->vm_pgoff = start >> PAGE_SHIFT;
	vma->vm_file = NULL;
	vma->vm_private_data = NULL;
	vma->anon_vma = 0;
	vma->anon_chain = 0;
	vma->anon_name = NULL;
	vma->vm_policy = NULL;
	vma_set_page_prot(vma);
	return vma;
}

void vma_copy(struct vm_area_struct *to, const struct vm_area_struct *from)
{
	/* in_file is its file's to change, and the last. */
	memcpy(to, from, offsetof(struct vm_area_struct, in_file));
}

void vma_free(struct vm_area_struct *vma)
{
	kmem_cache_free(vma_cache, vma);
}

bool vma_may_write_file(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->f_mapping &&
	       (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

void vma_get(struct vm_area_struct *vma)
{
	if (vma_may_write_file(vma))
		__atomic_fetch_add(&vma->vm_file->f_mapping->i_mmap_writable, 1, __ATOMIC_RELAXED);
	if (vma->vm_file)
		get_file(vma->vm_file);
	anon_name_get(vma->anon_name);
	mpol_get(vma->vm_policy);
	if (vma->vm_ops && vma->vm_ops->open)
		vma->vm_ops->open(vma);
}

void remove_vma(struct vm_area_struct *vma)
{
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	if (vma_may_write_file(vma))
		__atomic_fetch_sub(&vma->vm_file->f_mapping->i_mmap_writable, 1, __ATOMIC_RELEASE);
	if (vma->vm_file)
		fput(vma->vm_file);
	anon_name_put(vma->anon_name);
	mpol_put(vma->vm_policy);
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

/* Most areas are no file's. */
static __always_inline void file_link(struct vm_area_struct *vma)
{
	if (unlikely(vma_in_file(vma)))
		vma_file_link(vma);
}

static __always_inline void file_unlink(struct vm_area_struct *vma)
{
	if (unlikely(vma_in_file(vma)))
		vma_file_unlink(vma);
}

/* [start, end) is mapped from here on. */
static void hole_filled(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long full = min(mm->mmap_full, mm->mmap_base);

	if (start < full && full <= end)
		mm->mmap_full = start;
}

static void list_add(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
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

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *prev)
{
	gap_tree_insert(&mm->areas, vma->vm_start, vma->vm_end, vma);
	list_add(mm, vma, prev);
	file_link(vma);
	hole_filled(mm, vma->vm_start, vma->vm_end);
}

/* Another area takes its place. */
static void take_out(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	file_unlink(vma);
	gap_tree_erase(&mm->areas, vma->vm_start);
	if (vma->prev)
		vma->prev->next = vma->next;
	else
		mm->mmap = vma->next;
	if (vma->next)
		vma->next->prev = vma->prev;
	mm->map_count--;
}

void vma_unlink(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	take_out(vma);
	/* What is above the hole is full up to there. */
	if (vma->vm_end > mm->mmap_full)
		mm->mmap_full = vma->next ? vma->next->vm_start : ULONG_MAX;
}

/* An area ends or begins at addr: no block lies across, and no folded entries. Faults of who has it awaited. */
static void cut_block(struct mm_struct *mm, unsigned long addr)
{
	if (mm_has_huge(mm) && addr & (HUGE_SIZE - 1))
		huge_split_at(mm, addr);
	if (mm_has_cont(mm))
		cont_cut(mm, addr);
}

/* pgoff moves with the start. Its faults awaited. A block that lies in the area lies in it afterwards, or is split. */
static void vma_move_ends(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	if (start > vma->vm_start)
		cut_block(vma->vm_mm, start);
	if (end < vma->vm_end)
		cut_block(vma->vm_mm, end);
	file_unlink(vma);
	gap_tree_resize(&vma->vm_mm->areas, vma->vm_start, start, end);
	vma->vm_pgoff += (unsigned long)((long)(start - vma->vm_start) >> PAGE_SHIFT);
	vma->vm_start = start;
	vma->vm_end = end;
	file_link(vma);
}

/* ------------------------------------------------------------------ who owns private pages */

static u64 last_anon_vma;

/* Two neighbours, but for what they allow, are of one kind (Linux: anon_vma_compatible). */
static bool may_share_owner(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a && b && a->vm_end == b->vm_start && a->vm_file == b->vm_file &&
	       !((a->vm_flags ^ b->vm_flags) & ~VM_ACCESS_FLAGS) &&
	       b->vm_pgoff == a->vm_pgoff + vma_pages(a);
}

void anon_vma_prepare(struct vm_area_struct *vma)
{
	const struct vm_area_struct *next = vma->next, *prev = vma->prev;
	u64 owner;

	if (vma->anon_vma)
		return;
	vma->anon_chain = 1;
	if (may_share_owner(vma, next) && next->anon_vma && next->anon_chain == 1)
		owner = next->anon_vma;
	else if (may_share_owner(prev, vma) && prev->anon_vma && prev->anon_chain == 1)
		owner = prev->anon_vma;
	else
		owner = __atomic_add_fetch(&last_anon_vma, 1, __ATOMIC_RELAXED);
	/* Faults look for it. */
	__atomic_store_n(&vma->anon_vma, owner, __ATOMIC_RELAXED);
}

void anon_vma_fork(struct vm_area_struct *copy)
{
	if (!copy->anon_vma)
		return;
	copy->anon_vma = __atomic_add_fetch(&last_anon_vma, 1, __ATOMIC_RELAXED);
	if (copy->anon_chain < 255)
		copy->anon_chain++;
}

/* Private pages of `from` come into `to`. */
static void anon_vma_take_over(struct vm_area_struct *to, const struct vm_area_struct *from)
{
	if (!to->anon_vma && from->anon_vma) {
		to->anon_vma = from->anon_vma;
		to->anon_chain = from->anon_chain;
	}
}

/* ------------------------------------------------------------------ names of anonymous memory */

void anon_name_get(struct anon_vma_name *name)
{
	if (name)
		__atomic_fetch_add(&name->users, 1, __ATOMIC_RELAXED);
}

void anon_name_put(struct anon_vma_name *name)
{
	if (name && !__atomic_sub_fetch(&name->users, 1, __ATOMIC_ACQ_REL))
		kfree(name);
}

static bool same_name(const struct anon_vma_name *a, const struct anon_vma_name *b)
{
	return a == b || (a && b && !strcmp(a->name, b->name));
}

/* ------------------------------------------------------------------ joining and cutting */

/* The range could be one with the area, as far as properties go. */
static bool is_alike(const struct vma_merge *m, const struct vm_area_struct *vma)
{
	if (vma->vm_flags != m->flags || vma->vm_file != m->file || vma->vm_ops != m->ops ||
	    vma->vm_private_data != m->private || !same_name(vma->anon_name, m->name) ||
	    !mpol_equal(vma->vm_policy, m->policy))
		return false;
	/* One of the two has nobody's pages yet, and the area has not got any from ancestors; or both have the same owner's. */
	return ((!m->anon_vma || !vma->anon_vma) && vma->anon_chain == 1) ||
	       m->anon_vma == vma->anon_vma;
}

static bool joins_before(const struct vma_merge *m, const struct vm_area_struct *prev)
{
	return prev && prev->vm_end == m->start && prev->vm_pgoff + vma_pages(prev) == m->pgoff &&
	       is_alike(m, prev);
}

static bool joins_after(const struct vma_merge *m, const struct vm_area_struct *next,
			const struct vm_area_struct *before)
{
	return next && next->vm_start == m->end &&
	       next->vm_pgoff == m->pgoff + ((m->end - m->start) >> PAGE_SHIFT) &&
	       is_alike(m, next) &&
	       (!before || !before->anon_vma || !next->anon_vma ||
		before->anon_vma == next->anon_vma);
}

static bool may_go(const struct vm_area_struct *vma)
{
	return !vma->vm_ops || !vma->vm_ops->close;
}

struct vm_area_struct *vma_merge_new(struct mm_struct *mm, struct vma_merge *m)
{
	struct vm_area_struct *prev = m->prev, *next = m->next;
	bool before, after;
	unsigned long end = m->end;

	if (m->flags & VM_SPECIAL)
		return NULL;
	before = joins_before(m, prev);
	after = joins_after(m, next, before ? prev : NULL);
	if (before && after && !may_go(next))
		after = false;
	if (!before && !after)
		return NULL;
	vma_change_begin(mm);
	if (before)
		vma_start_write(prev);
	if (after)
		vma_start_write(next);
	hole_filled(mm, m->start, m->end);
	if (!before) {
		vma_move_ends(next, m->start, next->vm_end);
		vma_change_end(mm);
		return next;
	}
	if (after) {
		anon_vma_take_over(prev, next);
		end = next->vm_end;
		take_out(next);
	}
	vma_move_ends(prev, prev->vm_start, end);
	vma_change_end(mm);
	if (after)
		remove_vma(next);
	return prev;
}

/*
 * The part [m->start, m->end) of the area, which has its new properties in m, goes to the neighbours that are alike. Returns the area
 * that holds it then; NULL: none is.
 */
static struct vm_area_struct *merge_existing(struct vm_area_struct *vma, const struct vma_merge *m)
{
	struct mm_struct *mm = vma->vm_mm;
	bool left_side = m->start == vma->vm_start, right_side = m->end == vma->vm_end;
	bool whole = left_side && right_side, before, after;
	struct vm_area_struct *prev = vma->prev, *next = vma->next;

	if (m->flags & VM_SPECIAL)
		return NULL;
	before = left_side && joins_before(m, prev);
	after = right_side && joins_after(m, next, before ? prev : NULL);
	if (!(before || after) || (whole && !may_go(vma)))
		return NULL;
	if (before && after && !may_go(next))
		after = false;
	vma_change_begin(mm);
	vma_start_write(vma);
	if (before) {
		unsigned long end = after ? next->vm_end : m->end;

		vma_start_write(prev);
		anon_vma_take_over(prev, after && next->anon_vma ? next : vma);
		if (whole)
			take_out(vma);
		else
			vma_move_ends(vma, m->end, vma->vm_end);
		if (after) {
			vma_start_write(next);
			take_out(next);
		}
		vma_move_ends(prev, prev->vm_start, end);
	} else {
		vma_start_write(next);
		anon_vma_take_over(next, vma);
		if (whole)
			take_out(vma);
		else
			vma_move_ends(vma, vma->vm_start, m->start);
		vma_move_ends(next, m->start, next->vm_end);
	}
	vma_change_end(mm);
	if (whole)
		remove_vma(vma);
	if (before && after)
		remove_vma(next);
	return before ? prev : next;
}

/* Without a look at how many areas there may be. */
int cut_vma(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *new;

	if (gap_tree_reserve(&mm->areas, 1))
		return -ENOMEM;
	new = kmem_cache_alloc(vma_cache, GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	vma_change_begin(mm);
	vma_start_write(vma);
	vma_copy(new, vma);
	new->vm_start = addr;
	new->vm_pgoff += (addr - vma->vm_start) >> PAGE_SHIFT;
	cut_block(mm, addr);
	file_unlink(vma);
	gap_tree_split(&mm->areas, addr, new);
	vma->vm_end = addr;
	list_add(mm, new, vma);
	file_link(vma);
	file_link(new);
	vma_change_end(mm);
	vma_get(new);
	return 0;
}

int split_vma(struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_mm->map_count >= vma->vm_mm->max_map_count ? -ENOMEM : cut_vma(vma, addr);
}

static struct vm_area_struct *vma_modify(struct vm_area_struct *vma, unsigned long start,
					 unsigned long end, unsigned long flags,
					 struct anon_vma_name *name, struct mempolicy *policy)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long old = vma->vm_flags;
	long pages = (long)((end - start) >> PAGE_SHIFT);
	struct vma_merge m = {
		.start = start,
		.end = end,
		.flags = flags,
		.pgoff = linear_page_index(vma, start),
		.file = vma->vm_file,
		.ops = vma->vm_ops,
		.private = vma->vm_private_data,
		.name = name,
		.policy = policy,
		.anon_vma = vma->anon_vma,
	};
	struct vm_area_struct *merged = merge_existing(vma, &m);

	if (!merged) {
		if (vma->vm_start < start) {
			if (split_vma(vma, start))
				return NULL;
			vma = vma->next;
		}
		if (end < vma->vm_end && split_vma(vma, end))
			return NULL;
		vma_change_begin(mm);
		vma_start_write(vma);
		vma->vm_flags = flags;
		vma_set_page_prot(vma);
		if (name != vma->anon_name) {
			anon_name_get(name);
			anon_name_put(vma->anon_name);
			vma->anon_name = name;
		}
		if (policy != vma->vm_policy) {
			mpol_get(policy);
			mpol_put(vma->vm_policy);
			vma->vm_policy = policy;
		}
		vma_change_end(mm);
	}
	if (flags != old) {
		vm_stat_account(mm, old, -pages);
		vm_stat_account(mm, flags, pages);
	}
	return merged ? merged : vma;
}

struct vm_area_struct *vma_modify_flags(struct vm_area_struct *vma, unsigned long start,
					unsigned long end, unsigned long flags)
{
	return vma_modify(vma, start, end, flags, vma->anon_name, vma->vm_policy);
}

struct vm_area_struct *vma_modify_policy(struct vm_area_struct *vma, unsigned long start,
					 unsigned long end, struct mempolicy *policy)
{
	return vma_modify(vma, start, end, vma->vm_flags, vma->anon_name, policy);
}

struct vm_area_struct *vma_modify_name(struct vm_area_struct *vma, unsigned long start,
				       unsigned long end, struct anon_vma_name *name)
{
	return vma_modify(vma, start, end, vma->vm_flags, name, vma->vm_policy);
}
