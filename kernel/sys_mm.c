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

long call_madvise(const struct syscall_args *r)
{
	return vm_madvise(current->mm, untagged_addr(r->a[0]), r->a[1], (int)r->a[2]);
}

long call_mmap(const struct syscall_args *r)
{
	struct open_file *f = NULL;

	if (r->a[5] & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!(r->a[3] & MAP_ANONYMOUS)) {
		f = file_of((unsigned int)r->a[4]);
		if (!f)
			return -EBADF;
	}
	return (long)vm_mmap_pgoff(current->mm, f ? &f->file : NULL, r->a[0], r->a[1], r->a[2],
				   r->a[3], r->a[5] >> PAGE_SHIFT);
}
