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

/* What is where a mapping goes, and what unmapping will take away. */
struct unmap {
	struct vm_area_struct *first; /* NULL: nothing is there */
	unsigned long end;
	unsigned long pages, accounted;
	struct vm_area_struct *prev, *next; /* neighbours of what is there then */
	bool known;			    /* that nothing is there, and the neighbours */
};

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

/*
 * The same as highest_room(mm, MMAP_MIN_ADDR, mm->mmap_base, len). Mostly all is full from mmap_base down to where the last mapping
 * went, and below is one large hole: mm->mmap_full knows. It goes down past what others have mapped there, a little way at a time.
 */
static unsigned long room_below_base(struct mm_struct *mm, unsigned long len, struct unmap *u)
{
	unsigned long high = min(mm->mmap_full, mm->mmap_base), low;
	struct vm_area_struct *next = find_vma_to_change(mm, high), *prev;

	if (unlikely(next && (next->vm_start < high || next->vm_flags & VM_GROWSDOWN)))
		return highest_room(mm, MMAP_MIN_ADDR, high, len);
	prev = next ? next->prev : gap_tree_last(&mm->areas);
	for (unsigned int i = 0; i < 8 && prev && prev->vm_end == high; i++) {
		if (unlikely(prev->vm_flags & VM_GROWSDOWN))
			break;
		mm->mmap_full = high = prev->vm_start;
		next = prev;
		prev = prev->prev;
	}
	low = max(prev ? prev->vm_end : 0, MMAP_MIN_ADDR);
	if (likely(low <= high && high - low >= len)) {
		u->known = true;
		u->prev = prev;
		u->next = next;
		return high - len;
	}
	return highest_room(mm, MMAP_MIN_ADDR, high, len);
}

/* u: what is known about the room then. */
static unsigned long find_room(struct mm_struct *mm, unsigned long len, struct unmap *u)
{
	unsigned long addr;

	u->known = false;
	if (mm->mmap_legacy)
		return lowest_room(mm, mm->mmap_base, TASK_SIZE, len);
	addr = room_below_base(mm, len, u);
	return IS_ERR_VALUE(addr) ? lowest_room(mm, TASK_UNMAPPED_BASE, TASK_SIZE, len) : addr;
}

/*
 * Room for what huge pages can serve, where they can: at an address that goes with the offset as far as a huge page's size is concerned.
 * 0: there is none.
 */
static unsigned long find_huge_room(struct mm_struct *mm, unsigned long len, unsigned long pgoff,
				    struct unmap *u)
{
	const unsigned long size = level_size(MAX_LEVEL - 1);
	unsigned long off = pgoff << PAGE_SHIFT, first = ALIGN(off, size), addr, past;

	if (off + len <= first || off + len - first < size || len + size < len ||
	    len + size > TASK_SIZE - MMAP_MIN_ADDR)
		return 0;
	addr = find_room(mm, len + size, u);
	if (IS_ERR_VALUE(addr))
		return 0;
	past = (off - addr) & (size - 1);
	return addr + (!past && !mm->mmap_legacy ? size : past);
}

static unsigned long choose_address(struct mm_struct *mm, const struct file *file,
				    unsigned long addr, unsigned long len, unsigned long pgoff,
				    unsigned long flags, struct unmap *u)
{
	bool shmem = file ? file->f_mapping && file->f_mapping->shmem : flags & MAP_SHARED;
	bool hint = addr;

	u->known = false;
	if (len > TASK_SIZE - MMAP_MIN_ADDR)
		return (unsigned long)-ENOMEM;
	if (!(flags & MAP_FIXED)) {
		addr = PAGE_ALIGN(addr);
		if (!hint || !is_free(mm, addr, len)) {
			addr = 0;
			if (!hint && !shmem && !(len & (level_size(MAX_LEVEL - 1) - 1)))
				addr = find_huge_room(mm, len, file ? pgoff : 0, u);
			if (!addr)
				addr = find_room(mm, len, u);
		}
	}
	if (IS_ERR_VALUE(addr))
		return addr;
	if (addr > TASK_SIZE - len)
		return (unsigned long)-ENOMEM;
	if (addr & (PAGE_SIZE - 1))
		return (unsigned long)-EINVAL;
	return addr;
}

unsigned long get_unmapped_area(struct mm_struct *mm, const struct file *file, unsigned long addr,
				unsigned long len, unsigned long pgoff, unsigned long flags)
{
	struct unmap u;

	return choose_address(mm, file, addr, len, pgoff, flags, &u);
}

/* ------------------------------------------------------------------ limits */

bool may_expand_vm(const struct mm_struct *mm, unsigned long flags, unsigned long pages)
{
	if (mm->total_vm + pages > mm->rlimit_as >> PAGE_SHIFT)
		return false;
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) != VM_WRITE ||
	       mm->data_vm + pages <= mm->rlimit_data >> PAGE_SHIFT;
}

bool mlock_future_ok(const struct mm_struct *mm, unsigned long flags, unsigned long bytes)
{
	return !(flags & VM_LOCKED) || !mm->unprivileged ||
	       (bytes >> PAGE_SHIFT) + mm->locked_vm <= mm->rlimit_memlock >> PAGE_SHIFT;
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

/* Areas are cut at start and end; nothing is taken away yet. 0, -ENOMEM, -EPERM: sealed. */
static int unmap_prepare(struct mm_struct *mm, unsigned long start, unsigned long end,
			 struct unmap *u)
{
	struct vm_area_struct *vma = find_vma_to_change(mm, start);
	int err;

	u->first = NULL;
	u->end = end;
	u->pages = u->accounted = 0;
	u->next = vma;
	u->prev = vma ? vma->prev : gap_tree_last(&mm->areas);
	if (!vma || vma->vm_start >= end)
		return 0;
	if (vma->vm_start < start) {
		/* The count may pass its limit for a moment, but not stay there. */
		if (end < vma->vm_end && mm->map_count >= mm->max_map_count)
			return -ENOMEM;
		if (vma->vm_flags & VM_SEALED)
			return -EPERM;
		err = cut_vma(vma, start);
		if (err)
			return err;
		u->prev = vma;
		vma = vma->next;
	}
	u->first = vma;
	for (; vma && vma->vm_start < end; vma = vma->next) {
		if (vma->vm_flags & VM_SEALED)
			return -EPERM;
		if (vma->vm_end > end) {
			err = cut_vma(vma, end);
			if (err)
				return err;
		}
		u->pages += vma_pages(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			u->accounted += vma_pages(vma);
	}
	u->next = vma;
	return 0;
}

static void unmap_commit(struct mm_struct *mm, const struct unmap *u)
{
	struct vm_area_struct *vma = u->first, *last, *next;
	unsigned long start, end = 0;
	struct mmu_gather tlb;

	if (!vma)
		return;
	vma = detach(mm, vma, u->end);
	gather_begin(&tlb, mm, false);
	start = vma->vm_start;
	for (last = vma; last; last = last->next) {
		unmap_area(&tlb, last);
		end = last->vm_end;
	}
	free_pgtables(&tlb, start, end, u->prev ? u->prev->vm_end : 0,
		      u->next ? u->next->vm_start : 0);
	if (tlb.start < tlb.end)
		gather_flush(&tlb);
	for (; vma; vma = next) {
		next = vma->next;
		remove_vma(vma);
	}
	vm_acct_memory(-(long)u->accounted);
}

int unmap_areas(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct unmap u;
	int err = unmap_prepare(mm, start, end, &u);

	if (!err)
		unmap_commit(mm, &u);
	return err;
}

bool vm_is_mapped(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	const struct vm_area_struct *vma;
	bool mapped;

	mmap_read_lock(mm);
	vma = find_vma(mm, start);
	mapped = vma && vma->vm_start < start + len;
	mmap_read_unlock(mm);
	return mapped;
}

static __always_inline int unmap_checked(struct mm_struct *mm, unsigned long start,
					 unsigned long len)
{
	if (start & (PAGE_SIZE - 1) || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	len = PAGE_ALIGN(len);
	return len ? unmap_areas(mm, start, start + len) : -EINVAL;
}

int unmap_range(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	return unmap_checked(mm, start, len);
}

int vm_munmap(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	int err;

	mmap_write_lock(mm);
	err = unmap_checked(mm, start, len);
	mmap_write_unlock(mm);
	return err;
}

/* ------------------------------------------------------------------ adding */

void find_neighbours(struct mm_struct *mm, struct vma_merge *m)
{
	m->next = find_vma_to_change(mm, m->start);
	m->prev = m->next ? m->next->prev : gap_tree_last(&mm->areas);
}

/* Private, writable, and not said to be without a reserve. */
static bool is_accountable(unsigned long flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* What a new area of this file shows. 0 or an error. */
static int set_up_file(struct vm_area_struct *vma, struct file *file)
{
	int err;

	if (!file)
		return 0;
	vma->vm_file = get_file(file);
	if (vma_may_write_file(vma))
		__atomic_fetch_add(&file->f_mapping->i_mmap_writable, 1, __ATOMIC_SEQ_CST);
	/* Sealed since the flags were looked at? Either this sees the seal, or who seals sees the count. */
	err = vma_may_write_file(vma) &&
			      __atomic_load_n(&file->f_mapping->write_sealed, __ATOMIC_SEQ_CST)
		      ? -EPERM
		      : file_mmap(file, vma);
	if (!err) {
		vma_set_page_prot(vma);
		return 0;
	}
	if (vma_may_write_file(vma))
		__atomic_fetch_sub(&file->f_mapping->i_mmap_writable, 1, __ATOMIC_RELEASE);
	fput(file);
	vma->vm_file = NULL;
	return err;
}

/*
 * [addr, addr + len) is made room for and becomes an area. 0 or an error. In the latter case nothing has gone, but areas may have been
 * cut.
 */
static int mmap_region(struct mm_struct *mm, struct file *file, unsigned long addr,
		       unsigned long len, unsigned long flags, unsigned long pgoff, struct unmap *u)
{
	unsigned long pages = len >> PAGE_SHIFT;
	struct file *zero = NULL;
	struct vm_area_struct *vma;
	struct vma_merge m;
	long charged = 0;
	bool plain;
	int err;

	if (mm->mdwe && (flags & (VM_WRITE | VM_EXEC)) == (VM_WRITE | VM_EXEC))
		return -EACCES;
	if (u->known) {
		u->first = NULL;
		u->pages = u->accounted = 0;
	} else {
		err = unmap_prepare(mm, addr, addr + len, u);
		if (err)
			return err;
	}
	if (!may_expand_vm(mm, flags, pages - u->pages))
		return -ENOMEM;
	if (is_accountable(flags)) {
		charged = (long)pages - (long)u->accounted;
		if (charged && vm_enough_memory(mm, charged))
			return -ENOMEM;
		u->accounted = 0;
		flags |= VM_ACCOUNT;
	}
	m.start = addr;
	m.end = addr + len;
	m.flags = flags;
	m.pgoff = pgoff;
	m.file = file;
	m.ops = NULL;
	m.private = NULL;
	m.name = NULL;
	m.policy = NULL;
	m.anon_vma = 0;
	m.prev = u->prev;
	m.next = u->next;
	/* A neighbour takes it in: what is anonymous needs nothing else. */
	plain = !file && !(flags & VM_SHARED) && !u->first;
	if (plain && vma_merge_new(mm, &m))
		goto mapped;
	/* All that can fail, before anything goes. */
	err = -ENOMEM;
	vma = gap_tree_reserve(&mm->areas, 1) ? NULL : vma_alloc(mm, addr, addr + len, flags);
	if (!vma)
		goto no_vma;
	vma->vm_pgoff = pgoff;
	if (!file && flags & VM_SHARED) {
		zero = shmem_zero_file(len, flags & VM_NORESERVE);
		if (!zero)
			goto no_file;
	}
	err = set_up_file(vma, file ? file : zero);
	if (zero)
		fput(zero);
	if (err)
		goto no_file;
	if (u->first)
		unmap_commit(mm, u);
	m.flags = flags = vma->vm_flags;
	m.file = vma->vm_file;
	m.ops = vma->vm_ops;
	m.private = vma->vm_private_data;
	if (!plain && vma_merge_new(mm, &m)) {
		vma->vm_ops = NULL;
		remove_vma(vma);
	} else {
		vma_change_begin(mm);
		vma_link(mm, vma, m.prev);
		vma_change_end(mm);
	}
mapped:
	vm_stat_account(mm, flags, (long)pages);
	return 0;
no_file:
	vma_free(vma);
no_vma:
	vm_acct_memory(-charged);
	return err;
}

static unsigned long prot_flags(unsigned long prot)
{
	/* The same bits; what is none of the three is dropped, as Linux drops it. */
	return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* What MAP_SHARED ignores beyond, and MAP_SHARED_VALIDATE refuses (Linux: LEGACY_MAP_MASK). */
#define MAP_DENYWRITE 0x0800UL
#define MAP_EXECUTABLE 0x1000UL
#define MAP_UNINITIALIZED 0x4000000UL
#define MAP_HUGE_2MB (21UL << 26)
#define MAP_HUGE_1GB (30UL << 26)
#define LEGACY_MAP_MASK                                                                            \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |   \
	 MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |           \
	 MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_HUGE_2MB | MAP_HUGE_1GB)
#define MAP_DROPPABLE 0x08UL

/* With PROT_*: the file counts as opened to be read, whatever its mode is. */
#define PROT_OF_READER BIT(31)

/* How a file may be mapped. 0 or an error. */
static int file_flags(const struct file *file, unsigned long prot, unsigned long flags,
		      unsigned long *vm_flags)
{
	const unsigned int mode = file->f_mode & ~(prot & PROT_OF_READER ? FMODE_WRITE : 0);

	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~LEGACY_MAP_MASK)
			return -EOPNOTSUPP;
		fallthrough;
	case MAP_SHARED:
		if (prot & PROT_WRITE && !(mode & FMODE_WRITE))
			return -EACCES;
		*vm_flags |= VM_SHARED | VM_MAYSHARE;
		if (!(mode & FMODE_WRITE))
			*vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
		fallthrough;
	case MAP_PRIVATE:
		if (!(mode & FMODE_READ))
			return -EACCES;
		if (!file->f_mapping && !file->f_mmap)
			return -ENODEV;
		if (*vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (*vm_flags & VM_SHARED && file->f_mapping && file->f_mapping->write_sealed) {
		if (*vm_flags & VM_WRITE)
			return -EPERM;
		*vm_flags &= ~VM_MAYWRITE;
	}
	return 0;
}

static int anon_flags(unsigned long flags, unsigned long *vm_flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		if (*vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		*vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_DROPPABLE:
		if (flags & (MAP_LOCKED | MAP_HUGETLB) || *vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		*vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		return 0;
	case MAP_PRIVATE:
		return 0;
	}
	return -EINVAL;
}

static unsigned long do_mmap(struct mm_struct *mm, struct file *file, unsigned long addr,
			     unsigned long len, unsigned long prot, unsigned long flags,
			     unsigned long pgoff, unsigned long *populate)
{
	unsigned long vm_flags =
		prot_flags(prot) | mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	struct unmap u;
	int err;

	if (!len)
		return (unsigned long)-EINVAL;
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED)) {
		addr &= ~(PAGE_SIZE - 1);
		if (addr && addr < MMAP_MIN_ADDR)
			addr = PAGE_ALIGN(MMAP_MIN_ADDR);
	}
	len = PAGE_ALIGN(len);
	if (!len)
		return (unsigned long)-ENOMEM;
	if (pgoff + (len >> PAGE_SHIFT) < pgoff)
		return (unsigned long)-EOVERFLOW;
	if (mm->map_count > mm->max_map_count)
		return (unsigned long)-ENOMEM;
	if (flags & MAP_GROWSDOWN)
		vm_flags |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		vm_flags |= VM_LOCKED;
	if (flags & MAP_SYNC)
		vm_flags |= VM_SYNC;
	if (flags & MAP_STACK)
		vm_flags |= VM_NOHUGEPAGE;
	addr = choose_address(mm, file, addr, len, pgoff, flags, &u);
	if (IS_ERR_VALUE(addr))
		return addr;
	if (addr < DAC_MMAP_MIN_ADDR && mm->unprivileged)
		return (unsigned long)-EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		const struct vm_area_struct *vma = find_vma(mm, addr);

		if (vma && vma->vm_start < addr + len)
			return (unsigned long)-EEXIST;
	}
	if (flags & MAP_LOCKED && mm->unprivileged && !mm->rlimit_memlock)
		return (unsigned long)-EPERM;
	if (!mlock_future_ok(mm, vm_flags, len))
		return (unsigned long)-EAGAIN;
	/* A file's offsets are positive numbers. */
	if (file && (len > LONG_MAX || pgoff > (LONG_MAX - len) >> PAGE_SHIFT))
		return (unsigned long)-EOVERFLOW;
	err = file ? file_flags(file, prot, flags, &vm_flags) : anon_flags(flags, &vm_flags);
	if (err)
		return (unsigned long)err;
	if (vm_flags & (VM_SPECIAL | VM_DROPPABLE))
		vm_flags &= ~VM_LOCKED_MASK;
	if (!file)
		pgoff = vm_flags & VM_SHARED ? 0 : addr >> PAGE_SHIFT;
	if (flags & MAP_NORESERVE && sysctl_overcommit_memory != OVERCOMMIT_NEVER)
		vm_flags |= VM_NORESERVE;
	err = mmap_region(mm, file, addr, len, vm_flags, pgoff, &u);
	if (err)
		return (unsigned long)err;
	*populate = vm_flags & VM_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE
			    ? len
			    : 0;
	return addr;
}

static __always_inline unsigned long mmap_locked(struct mm_struct *mm, struct file *file,
						 unsigned long addr, unsigned long len,
						 unsigned long prot, unsigned long flags,
						 unsigned long pgoff)
{
	unsigned long ret, populate = 0;

	mmap_write_lock(mm);
	ret = do_mmap(mm, file, addr, len, prot, flags, pgoff, &populate);
	mmap_write_unlock(mm);
	/* As far as it goes: that there is no page for all of it is no error of mmap. */
	if (populate)
		(void)mm_populate(mm, ret, populate, true);
	return ret;
}

unsigned long vm_mmap_pgoff(struct mm_struct *mm, struct file *file, unsigned long addr,
			    unsigned long len, unsigned long prot, unsigned long flags,
			    unsigned long pgoff)
{
	return mmap_locked(mm, file, addr, len, prot & ~PROT_OF_READER, flags, pgoff);
}

unsigned long vm_mmap_reader(struct mm_struct *mm, struct file *file, unsigned long addr,
			     unsigned long len, unsigned long prot, unsigned long flags,
			     unsigned long pgoff)
{
	return mmap_locked(mm, file, addr, len, prot | PROT_OF_READER, flags, pgoff);
}

/* The areas of [start, end) are pieces of one mapping of a file, shared. The first, or NULL. */
static struct vm_area_struct *one_file(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = vma_lookup(mm, start), *next;

	if (!vma || !(vma->vm_flags & VM_SHARED))
		return NULL;
	for (next = vma; next->vm_end < end; next = next->next)
		if (!next->next || next->next->vm_start != next->vm_end ||
		    next->next->vm_file != vma->vm_file || next->next->vm_flags != vma->vm_flags)
			return NULL;
	return vma;
}

int vm_remap_file_pages(struct mm_struct *mm, unsigned long start, unsigned long size,
			unsigned long prot, unsigned long pgoff, unsigned long flags)
{
	unsigned long populate = 0, ret = (unsigned long)-EINVAL;
	struct vm_area_struct *vma;

	start &= ~(PAGE_SIZE - 1);
	size &= ~(PAGE_SIZE - 1);
	if (prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	mmap_write_lock(mm);
	vma = one_file(mm, start, start + size);
	if (vma) {
		struct file *file = get_file(vma->vm_file);

		flags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE |
			(vma->vm_flags & VM_LOCKED ? MAP_LOCKED : 0);
		ret = do_mmap(mm, file, start, size, vma->vm_flags & VM_ACCESS_FLAGS, flags, pgoff,
			      &populate);
		mmap_write_unlock(mm);
		fput(file);
	} else {
		mmap_write_unlock(mm);
	}
	if (populate)
		(void)mm_populate(mm, ret, populate, true);
	return IS_ERR_VALUE(ret) ? (int)(long)ret : 0;
}

/* ------------------------------------------------------------------ brk */

static bool brk_grow(struct mm_struct *mm, unsigned long old, unsigned long new)
{
	struct vma_merge m = {.start = old,
			      .end = new,
			      .pgoff = old >> PAGE_SHIFT,
			      .flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
				       VM_ACCOUNT | mm->def_flags};
	unsigned long pages = (new - old) >> PAGE_SHIFT;
	struct vm_area_struct *vma;

	find_neighbours(mm, &m);
	if (new > TASK_SIZE || (m.next && new + PAGE_SIZE > vm_start_gap(m.next)))
		return false;
	if (!mlock_future_ok(mm, mm->def_flags, new - old) || !may_expand_vm(mm, m.flags, pages) ||
	    mm->map_count > mm->max_map_count || vm_enough_memory(mm, (long)pages))
		return false;
	m.next = NULL;
	if (!vma_merge_new(mm, &m)) {
		vma = gap_tree_reserve(&mm->areas, 1) ? NULL : vma_alloc(mm, old, new, m.flags);
		if (!vma) {
			vm_acct_memory(-(long)pages);
			return false;
		}
		vma_change_begin(mm);
		vma_link(mm, vma, m.prev);
		vma_change_end(mm);
	}
	vm_stat_account(mm, m.flags, (long)pages);
	return true;
}

/* The heap gives up [new, old). Something else may lie there by now, and goes too, as in Linux. */
static bool brk_shrink(struct mm_struct *mm, unsigned long new, unsigned long old)
{
	const struct vm_area_struct *vma = find_vma_to_change(mm, new);

	return vma && vma->vm_start < old && !unmap_areas(mm, new, old);
}

unsigned long vm_brk(struct mm_struct *mm, unsigned long brk)
{
	unsigned long old, new, ret;
	bool grown = false;

	mmap_write_lock(mm);
	old = PAGE_ALIGN(mm->brk);
	new = PAGE_ALIGN(brk);
	/* What the limit is about: the heap, and the program's data. */
	if (brk >= mm->start_brk &&
	    (mm->rlimit_data == ULONG_MAX ||
	     brk - mm->start_brk + (mm->end_data - mm->start_data) <= mm->rlimit_data)) {
		grown = new > old &&brk > mm->brk &&brk_grow(mm, old, new);
		if (grown || new == old || (brk <= mm->brk && brk_shrink(mm, new, old)))
			mm->brk = brk;
	}
	ret = mm->brk;
	mmap_write_unlock(mm);
	if (grown && mm->def_flags & VM_LOCKED)
		(void)mm_populate(mm, old, new - old, true);
	return ret;
}
