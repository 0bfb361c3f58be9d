// SPDX-License-Identifier: MIT
/* System calls on memory (kernel/syscalls.def): arguments are taken apart, mm/vm/ does the rest. */
#include <quire/mm.h>

#include "syscall.h"
#include "vfs.h"

long call_brk(const struct syscall_args *r)
{
	return (long)vm_brk(current->mm, r->a[0]);
}

long call_munmap(const struct syscall_args *r)
{
	return vm_munmap(current->mm, untagged_addr(r->a[0]), r->a[1]);
}

long call_mprotect(const struct syscall_args *r)
{
	return vm_mprotect(current->mm, untagged_addr(r->a[0]), r->a[1], r->a[2]);
}

long call_mremap(const struct syscall_args *r)
{
	/* The new address keeps its tag, and is refused with one. */
	return (long)vm_mremap(current->mm, untagged_addr(r->a[0]), r->a[1], r->a[2], r->a[3],
			       r->a[4]);
}

long call_mlock(const struct syscall_args *r)
{
	return vm_mlock(current->mm, untagged_addr(r->a[0]), r->a[1], false);
}

#define MLOCK_ONFAULT 1U

long call_mlock2(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[2];

	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return vm_mlock(current->mm, untagged_addr(r->a[0]), r->a[1], flags & MLOCK_ONFAULT);
}

long call_munlock(const struct syscall_args *r)
{
	return vm_munlock(current->mm, untagged_addr(r->a[0]), r->a[1]);
}

long call_mlockall(const struct syscall_args *r)
{
	return vm_mlockall(current->mm, (int)r->a[0]);
}

long call_munlockall(const struct syscall_args *r)
{
	return vm_munlockall(current->mm);
}

long call_remap_file_pages(const struct syscall_args *r)
{
	return vm_remap_file_pages(current->mm, untagged_addr(r->a[0]), r->a[1], r->a[2], r->a[3],
				   r->a[4]);
}

long call_msync(const struct syscall_args *r)
{
	return vm_msync(current->mm, untagged_addr(r->a[0]), r->a[1], (int)r->a[2]);
}

long call_mseal(const struct syscall_args *r)
{
	return vm_mseal(current->mm, untagged_addr(r->a[0]), r->a[1], r->a[2]);
}

/* [addr, addr + len) could be a program's (Linux: access_ok). */
static bool access_ok(unsigned long addr, unsigned long len)
{
	return len <= TASK_SIZE && addr <= TASK_SIZE - len;
}

#define MINCORE_CHUNK 512UL

long call_mincore(const struct syscall_args *r)
{
	unsigned long start = untagged_addr(r->a[0]), len = r->a[1], vec = r->a[2];
	unsigned long pages = (len >> PAGE_SHIFT) + ((len & (PAGE_SIZE - 1)) != 0);
	unsigned char chunk[MINCORE_CHUNK];

	if (start & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!access_ok(start, len))
		return -ENOMEM;
	if (!access_ok(untagged_addr(vec), pages))
		return -EFAULT;
	while (pages) {
		long n = vm_mincore(current->mm, start, min(pages, MINCORE_CHUNK), chunk);

		if (n <= 0)
			return n;
		if (copy_to_user(vec, chunk, (size_t)n))
			return -EFAULT;
		pages -= (unsigned long)n;
		vec += (unsigned long)n;
		start += (unsigned long)n << PAGE_SHIFT;
	}
	return 0;
}

/* What a key may forbid: access, writing, execution, reading. */
#define PKEY_ACCESS_MASK 15UL

/*
 * No CPU here has protection keys, so none is handed out. Key 0, which all memory has, is everybody's from the beginning, until it is
 * given back.
 */
long call_pkey_mprotect(const struct syscall_args *r)
{
	const unsigned long start = untagged_addr(r->a[0]), len = r->a[1];
	const unsigned long grows = PROT_GROWSDOWN | PROT_GROWSUP;
	int key = (int)r->a[3];

	if (key == -1 ||
	    (key == 0 && !__atomic_load_n(&current->mm->pkey0_freed, __ATOMIC_RELAXED)))
		return call_mprotect(r);
	/* What comes before the look at the key. */
	if ((r->a[2] & grows) == grows || start & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	return start + PAGE_ALIGN(len) <= start ? -ENOMEM : -EINVAL;
}

long call_pkey_alloc(const struct syscall_args *r)
{
	return r->a[0] || r->a[1] & ~PKEY_ACCESS_MASK ? -EINVAL : -ENOSPC;
}

long call_pkey_free(const struct syscall_args *r)
{
	if ((int)r->a[0])
		return -EINVAL;
	return __atomic_exchange_n(&current->mm->pkey0_freed, true, __ATOMIC_RELAXED) ? -EINVAL : 0;
}

long call_madvise(const struct syscall_args *r)
{
	return vm_madvise(current->mm, untagged_addr(r->a[0]), r->a[1], (int)r->a[2]);
}

#define MAP_HUGE_SHIFT 26

/*
 * Anonymous memory of huge pages, of which there are none: what Linux says then.
 */
static long mmap_hugetlb(const struct syscall_args *r)
{
	unsigned int log = r->a[3] >> MAP_HUGE_SHIFT & 63;
	unsigned long size = BIT(log ? log : 21), len = ALIGN(r->a[1], size), flags = r->a[3];

	if (log && log != 16 && log != 21 && log != 25 && log != 30)
		return -EINVAL;
	if (!len)
		return -EINVAL;
	if (len > TASK_SIZE)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (r->a[0] & (size - 1))
			return -EINVAL;
		if (r->a[0] > TASK_SIZE - len)
			return -ENOMEM;
	}
	if (flags & MAP_FIXED_NOREPLACE && vm_is_mapped(current->mm, r->a[0], len))
		return -EEXIST;
	/* It is a file's memory: what a file refuses comes before that there is none. */
	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE && flags & (MAP_FIXED_NOREPLACE | MAP_SYNC))
		return -EOPNOTSUPP;
	if (!(flags & MAP_TYPE) || (flags & MAP_TYPE) > MAP_SHARED_VALIDATE ||
	    flags & MAP_GROWSDOWN)
		return -EINVAL;
	return -ENOMEM;
}

long call_mmap(const struct syscall_args *r)
{
	struct open_file *f = NULL;
	unsigned long at;

	if (r->a[5] & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!(r->a[3] & MAP_ANONYMOUS)) {
		kernel_lock();
		f = file_of((unsigned int)r->a[4]);
		if (f)
			file_get(f);
		kernel_unlock();
		if (!f)
			return -EBADF;
		/* Only a file of hugetlbfs may be asked so, and there is none. */
		if (r->a[3] & MAP_HUGETLB) {
			fput(&f->file);
			return -EINVAL;
		}
	} else if (r->a[3] & MAP_HUGETLB) {
		return mmap_hugetlb(r);
	}
	at = vm_mmap_pgoff(current->mm, f ? &f->file : NULL, r->a[0], r->a[1], r->a[2], r->a[3],
			   r->a[5] >> PAGE_SHIFT);
	if (f)
		fput(&f->file);
	return (long)at;
}
