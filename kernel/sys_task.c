// SPDX-License-Identifier: MIT
/* System calls on tasks and the machine (kernel/syscalls.def). */
#include <quire/mm.h>
#include <quire/slab.h>

#include "syscall.h"
#include "task.h"

long call_exit(const struct syscall_args *r)
{
	task_exit((int)(r->a[0] & 0xff) << 8);
}

long call_getpid(const struct syscall_args *r)
{
	return current->pid;
}

long call_getppid(const struct syscall_args *r)
{
	return current->parent ? current->parent->pid : 0;
}

/* Of what every program asks and there is nothing to say. */
long call_zero(const struct syscall_args *r)
{
	return 0;
}

long call_clone(const struct syscall_args *r)
{
	return task_fork(r->a[0], r->a[1]);
}

/* The strings that an array of pointers in the program's memory names, into buf and list. How many, or an error. */
static long user_strings(unsigned long array, char **list, size_t max, char **buf, char *end)
{
	size_t n = 0;

	for (;; n++) {
		u64 at;
		long len;

		if (n == max || *buf >= end)
			return -E2BIG;
		list[n] = NULL;
		if (!array)
			return 0;
		if (copy_from_user(&at, array + n * sizeof(at), sizeof(at)))
			return -EFAULT;
		if (!at)
			return (long)n;
		len = strncpy_from_user(*buf, at, (size_t)(end - *buf));
		if (len < 0)
			return len == -ENAMETOOLONG ? -E2BIG : len;
		list[n] = *buf;
		*buf += len + 1;
	}
}

/* Strings of argv and envp together, and how many there may be of each. */
#define EXEC_BYTES SZ_16K
#define EXEC_STRINGS 128U

struct exec_strings {
	char path[256];
	char *argv[EXEC_STRINGS], *envp[EXEC_STRINGS];
	char text[EXEC_BYTES];
};

long call_execve(const struct syscall_args *r)
{
	struct exec_strings *s = kmalloc(sizeof(*s), GFP_KERNEL);
	char *next;
	long n;

	if (!s)
		return -ENOMEM;
	next = s->text;
	n = strncpy_from_user(s->path, r->a[0], sizeof(s->path));
	if (n >= 0)
		n = user_strings(r->a[1], s->argv, EXEC_STRINGS, &next, s->text + sizeof(s->text));
	if (n >= 0)
		n = user_strings(r->a[2], s->envp, EXEC_STRINGS, &next, s->text + sizeof(s->text));
	if (n >= 0)
		n = do_execve(current, s->path, s->argv, s->envp);
	kfree(s);
	return n;
}

long call_wait4(const struct syscall_args *r)
{
	return task_wait((int)r->a[0], r->a[1], (int)r->a[2]);
}

long call_uname(const struct syscall_args *r)
{
	/* The interface that programs are told to expect is Linux's; the version says whose it is. */
	static const char fields[6][65] = {"Linux", "quire",   "6.12.0",
					   "Quire", "aarch64", "(none)"};

	return copy_to_user(r->a[0], fields, sizeof(fields));
}
