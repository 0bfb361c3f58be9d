/* SPDX-License-Identifier: MIT */
/* What the kernel/sys_*.c share: a handler for each line of syscalls.def. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "task.h"

struct timespec64 {
	s64 sec, nsec;
};
struct timeval64 {
	s64 sec, usec;
};

static inline bool timespec_valid(const struct timespec64 *ts)
{
	return ts->sec >= 0 && ts->nsec >= 0 && ts->nsec < 1000000000;
}

/* Saturates: a time that far never comes. */
static inline u64 timespec_ns(const struct timespec64 *ts)
{
	if ((u64)ts->sec >= 9223372036ULL)
		return 9223372036ULL * 1000000000;
	return (u64)ts->sec * 1000000000 + (u64)ts->nsec;
}

static inline struct timespec64 ns_timespec(u64 ns)
{
	return (struct timespec64){(s64)(ns / 1000000000), (s64)(ns % 1000000000)};
}

/* Never WAIT_FOREVER. */
static inline u64 add_ns(u64 a, u64 b)
{
	return a + b < a || a + b == WAIT_FOREVER ? WAIT_FOREVER - 1 : a + b;
}

/* The arguments, as the program's x0 to x5 hold them. Begins as struct user_regs does. */
struct syscall_args {
	u64 a[6];
};

/* The top byte is the program's own for data (TCR_EL1.TBI0): bit 55 says which half the address is in. */
static inline unsigned long untagged_addr(u64 addr)
{
	return (unsigned long)((s64)(addr << 8) >> 8);
}

/* LOCKED: under kernel_lock; UNLOCKED: the handler sees to that itself, or touches memory and nothing else. */
#define SYSCALL_UNLOCKED SYSCALL
#define SYSCALL(nr, name, handler) long call_##handler(const struct syscall_args *r);
#include "syscalls.def"
#undef SYSCALL
#undef SYSCALL_UNLOCKED

/* The call of that number, from these registers. */
void do_syscall_nr(struct user_regs *regs, u64 nr);
/* What Linux calls it; "?": it has no call of that number. */
const char *syscall_name(unsigned int nr);
/* kernel/sys_mm.c, when it has them; weak ones in sys_task.c: prctl's PR_SET_VMA; PR_SET_THP_DISABLE, or what it is set to. */
long prctl_set_vma(const struct syscall_args *r);
long prctl_thp_disable(bool set, unsigned long v);
long prctl_mdwe(bool set, unsigned long bits);
/* sys_cred.c */
long prctl_securebits(u64 bits);
long prctl_keep_caps(u64 on);
long prctl_cap_ambient(const struct syscall_args *r);

#endif
