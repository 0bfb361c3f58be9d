// SPDX-License-Identifier: MIT
/* Do two tasks share something (Linux: kernel/kcmp.c)? 0: yes; 1, 2: no, in an order that says nothing else. Locking: kernel_lock. */
#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "vfs.h"

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM };

static u64 order_key;

/* Where things lie is nobody's business. */
static long compare(const void *a, const void *b)
{
	u64 x, y;

	while (!order_key)
		get_random_bytes(&order_key, sizeof(order_key));
	x = ((u64)(unsigned long)a ^ order_key) * (order_key | 1);
	y = ((u64)(unsigned long)b ^ order_key) * (order_key | 1);
	return x == y ? 0 : x < y ? 1 : 2;
}

long call_kcmp(const struct syscall_args *r)
{
	const struct task *a = task_find_v((int)r->a[0]), *b = task_find_v((int)r->a[1]);
	const struct open_file *f, *g;

	if ((int)r->a[0] <= 0 || (int)r->a[1] <= 0 || !a || !b)
		return -ESRCH;
	if (ptrace_may_access(a) || ptrace_may_access(b))
		return -EPERM;
	switch ((int)r->a[2]) {
	case KCMP_FILE:
		f = a->files ? files_lookup(a->files, (unsigned int)r->a[3]) : NULL;
		g = b->files ? files_lookup(b->files, (unsigned int)r->a[4]) : NULL;
		return f && g ? compare(f, g) : -EBADF;
	case KCMP_VM:
		return compare(a->mm, b->mm);
	case KCMP_FILES:
		return compare(a->files, b->files);
	case KCMP_FS:
		return compare(a->fs, b->fs);
	case KCMP_SIGHAND:
		return compare(a->sighand, b->sighand);
	case KCMP_IO:
		return 0;
	case KCMP_SYSVSEM:
		return a->signal == b->signal ? 0 : compare(a->signal, b->signal);
	}
	return -EINVAL;
}
