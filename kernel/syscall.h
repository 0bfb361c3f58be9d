/* SPDX-License-Identifier: MIT */
/* What the kernel/sys_*.c share: a handler for each line of syscalls.def. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "task.h"

/* The arguments, as the program's x0 to x5 hold them. Begins as struct user_regs does. */
struct syscall_args {
	u64 a[6];
};

/* The top byte is the program's own for data (TCR_EL1.TBI0): bit 55 says which half the address is in. */
static inline unsigned long untagged_addr(u64 addr)
{
	return (unsigned long)((s64)(addr << 8) >> 8);
}

#define SYSCALL(nr, name, handler) long call_##handler(const struct syscall_args *r);
#include "syscalls.def"
#undef SYSCALL

/* What Linux calls it; "?": it has no call of that number. */
const char *syscall_name(unsigned int nr);
/* Do what the program's registers ask. */
void do_syscall(struct user_regs *regs);

#endif
