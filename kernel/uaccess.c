// SPDX-License-Identifier: MIT
/*
 * The memory of the running program, as the kernel reads and writes it: at the program's own addresses, by the port's instructions that may
 * fault (port/bare/uaccess.S), with the program's rights. Here is what must be known before: that the range is in EL0's half.
 *
 * An access that faults enters handle_mm_fault as one of the program's own would, with whatever its caller holds: kernel_lock, which no fault
 * takes, and never mmap_lock, a page's or a file's lock, nor vma_start_read. Memory of other programs goes by its pages (access_remote_vm).
 *
 * A pointer with a tag in its top byte is taken from who has asked for it (PR_SET_TAGGED_ADDR_CTRL), and is a bad one otherwise (Linux:
 * access_ok on arm64).
 */
#include <quire/string.h>

#include "syscall.h"
#include "task.h"

bool user_range(unsigned long *addr, size_t n)
{
	if (current->tagged_addr)
		*addr = untagged_addr(*addr);
	return n <= TASK_SIZE && *addr <= TASK_SIZE - n;
}

size_t copy_from_user_partly(void *to, unsigned long from, size_t n)
{
	return user_range(&from, n) ? port_copy_from_user(to, from, n) : n;
}

size_t copy_to_user_partly(unsigned long to, const void *from, size_t n)
{
	return user_range(&to, n) ? port_copy_to_user(to, from, n) : n;
}

size_t clear_user_partly(unsigned long to, size_t n)
{
	return user_range(&to, n) ? port_clear_user(to, n) : n;
}

int copy_from_user(void *to, unsigned long from, size_t n)
{
	return copy_from_user_partly(to, from, n) ? -EFAULT : 0;
}

int copy_to_user(unsigned long to, const void *from, size_t n)
{
	return copy_to_user_partly(to, from, n) ? -EFAULT : 0;
}

int clear_user(unsigned long to, size_t n)
{
	return clear_user_partly(to, n) ? -EFAULT : 0;
}

int get_user_32(u32 *to, unsigned long from)
{
	return user_range(&from, sizeof(*to)) ? port_get_user_32(from, to) : -EFAULT;
}

int get_user_64(u64 *to, unsigned long from)
{
	return user_range(&from, sizeof(*to)) ? port_get_user_64(from, to) : -EFAULT;
}

int put_user_32(u32 value, unsigned long to)
{
	return user_range(&to, sizeof(value)) ? port_put_user_32(to, value) : -EFAULT;
}

int put_user_64(u64 value, unsigned long to)
{
	return user_range(&to, sizeof(value)) ? port_put_user_64(to, value) : -EFAULT;
}

int cmpxchg_user(unsigned long addr, u32 *old, u32 new)
{
	return user_range(&addr, sizeof(new)) ? port_cmpxchg_user(addr, old, new) : -EFAULT;
}

long strncpy_from_user(char *to, unsigned long from, size_t size)
{
	size_t n = size;
	long len;

	if (!user_range(&from, 1))
		return -EFAULT;
	/* The string may end before the addresses do. */
	n = min(n, TASK_SIZE - from);
	len = port_strncpy_from_user(to, from, n);
	if (len != (long)n)
		return len;
	return n < size ? -EFAULT : -ENAMETOOLONG;
}
