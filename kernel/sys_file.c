// SPDX-License-Identifier: MIT
/* System calls on files (kernel/syscalls.def). */
#include <quire/mm.h>

#include "ramfs.h"
#include "syscall.h"

long call_openat(const struct syscall_args *r)
{
	char path[256];
	long n = strncpy_from_user(path, r->a[1], sizeof(path));

	return n < 0 ? n : sys_openat(path, (int)r->a[2]);
}

long call_close(const struct syscall_args *r)
{
	return sys_close((unsigned int)r->a[0]);
}

long call_read(const struct syscall_args *r)
{
	return sys_read((unsigned int)r->a[0], r->a[1], r->a[2]);
}

long call_write(const struct syscall_args *r)
{
	return sys_write((unsigned int)r->a[0], r->a[1], r->a[2]);
}
