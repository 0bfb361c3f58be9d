// SPDX-License-Identifier: MIT
/*
 * The memory of the running program, as the kernel reads and writes it: by its pages in the linear map, faulted in like an access of
 * the program's own. So a bad address is an error and never a fault of the kernel, and what the program may not touch the kernel does
 * not touch for it.
 */
#include <quire/string.h>

#include "task.h"

int copy_from_user(void *to, unsigned long from, size_t n)
{
	return access_remote_vm(current->mm, from, to, n, false) ? -EFAULT : 0;
}

int copy_to_user(unsigned long to, const void *from, size_t n)
{
	return access_remote_vm(current->mm, to, (void *)from, n, true) ? -EFAULT : 0;
}

long strncpy_from_user(char *to, unsigned long from, size_t size)
{
	size_t n = 0;

	while (n < size) {
		/* To the end of the page: what follows may not be there. */
		size_t part = min(size - n, PAGE_SIZE - ((from + n) & (PAGE_SIZE - 1))), len;

		if (copy_from_user(to + n, from + n, part))
			return -EFAULT;
		len = strnlen(to + n, part);
		n += len;
		if (len < part)
			return (long)n;
	}
	return -ENAMETOOLONG;
}

int clear_user(unsigned long to, size_t n)
{
	static const char zeros[256];

	for (; n; n -= min(n, sizeof(zeros))) {
		if (copy_to_user(to, zeros, min(n, sizeof(zeros))))
			return -EFAULT;
		to += min(n, sizeof(zeros));
	}
	return 0;
}
