// SPDX-License-Identifier: MIT
/*
 * What programs ask of the kernel: Linux's system calls for arm64, by number. One that nobody knows is ENOSYS, and is counted and
 * named at the end.
 */
#include <quire/printk.h>

#include "ptrace.h"
#include "seccomp.h"
#include "syscall.h"
#include "vfs.h"

#define NR_CALLS 512U

static const struct {
	long (*fn)(const struct syscall_args *r);
	bool locked;
} calls[NR_CALLS] = {
#define SYSCALL(nr, name, handler) [nr] = {call_##handler, true},
#define SYSCALL_UNLOCKED(nr, name, handler) [nr] = {call_##handler, false},
#include "syscalls.def"
#undef SYSCALL
#undef SYSCALL_UNLOCKED
};

static unsigned int unknown[NR_CALLS];

void do_syscall_nr(struct user_regs *regs, u64 nr)
{
	if (likely(nr < NR_CALLS && calls[nr].fn)) {
		if (!calls[nr].locked) {
			regs->x[0] = (u64)calls[nr].fn((const struct syscall_args *)regs->x);
			return;
		}
		kernel_lock();
		/* What areas let go of before is closed for who asks now. */
		files_reap();
		regs->x[0] = (u64)calls[nr].fn((const struct syscall_args *)regs->x);
		files_reap();
		kernel_unlock();
		return;
	}
	if (nr < NR_CALLS)
		__atomic_fetch_add(&unknown[nr], 1, __ATOMIC_RELAXED);
	regs->x[0] = (u64)-ENOSYS;
}

/* The tracer first, then seccomp: either may take the call away, and then x0 is what they have put there. */
static void watched_syscall(struct user_regs *regs)
{
	struct task *t = current;
	bool go_on = true;

	kernel_lock();
	t->trace_nr = (s64)(s32)regs->x[8];
	regs->orig_x0 = regs->x[0];
	if (t->trace_nr == -1)
		regs->x[0] = (u64)-ENOSYS;
	if (regs->call_work & CALL_TRACE)
		go_on = ptrace_call_stop(regs, false);
	if (go_on && regs->call_work & CALL_SECCOMP && !seccomp_syscall(regs))
		t->trace_nr = -1;
	files_reap();
	kernel_unlock();
	if (!go_on)
		return;
	if (t->trace_nr != -1)
		do_syscall_nr(regs, (u64)t->trace_nr);
	if (!(regs->call_work & CALL_TRACE))
		return;
	kernel_lock();
	(void)ptrace_call_stop(regs, true);
	kernel_unlock();
}

void do_syscall(struct user_regs *regs)
{
	if (unlikely(regs->call_work))
		watched_syscall(regs);
	else
		do_syscall_nr(regs, regs->x[8]);
}

void report_unknown_syscalls(void)
{
	for (unsigned int i = 0; i < NR_CALLS; i++)
		if (unknown[i])
			pr_notice("system call %u (%s) is not known here: %u times\n", i,
				  syscall_name(i), unknown[i]);
}
