// SPDX-License-Identifier: MIT
/*
 * What programs ask of the kernel: Linux's system calls for arm64, by number. One that nobody knows is ENOSYS, and is counted and
 * named at the end.
 */
#include <quire/printk.h>

#include "syscall.h"
#include "vfs.h"

#define NR_CALLS 512U
#define NR_EXECVE 221U

static long (*const calls[NR_CALLS])(const struct syscall_args *r) = {
#define SYSCALL(nr, name, handler) [nr] = call_##handler,
#include "syscalls.def"
#undef SYSCALL
};

static unsigned int unknown[NR_CALLS];

void do_syscall(struct user_regs *regs)
{
	u64 nr = regs->x[8];

	if (likely(nr < NR_CALLS && calls[nr])) {
		long ret = calls[nr]((const struct syscall_args *)regs->x);

		files_reap();
		/* A program that has become another finds its registers as exec has set them. */
		if (nr != NR_EXECVE || ret)
			regs->x[0] = (u64)ret;
		return;
	}
	if (nr < NR_CALLS)
		unknown[nr]++;
	regs->x[0] = (u64)-ENOSYS;
}

void report_unknown_syscalls(void)
{
	for (unsigned int i = 0; i < NR_CALLS; i++)
		if (unknown[i])
			pr_notice("system call %u (%s) is not known here: %u times\n", i,
				  syscall_name(i), unknown[i]);
}
