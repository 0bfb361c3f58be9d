/* SPDX-License-Identifier: MIT */
/* Which system calls a program has given up (kernel/seccomp.c, seccomp_notify.c). All under kernel_lock. */
#ifndef KERNEL_SECCOMP_H
#define KERNEL_SECCOMP_H

#include "bpf.h"
#include "task.h"

enum seccomp_mode {
	SECCOMP_MODE_DISABLED,
	SECCOMP_MODE_STRICT,
	SECCOMP_MODE_FILTER,
	SECCOMP_MODE_DEAD
};

/* What a filter looks at (Linux: include/uapi/linux/seccomp.h). */
struct seccomp_data {
	s32 nr;
	u32 arch;
	u64 pc;
	u64 args[6];
};

#define AUDIT_ARCH_AARCH64 0xc00000b7U

struct seccomp_listener;

/*
 * One filter; with those before it, of which each may have other followers: a tree whose roots are the first ones. `users` are tasks and
 * followers, refs these and a listener's descriptor.
 */
struct seccomp_filter {
	unsigned int refs, users;
	struct seccomp_filter *prev;
	struct seccomp_listener *listener; /* NULL: nobody is asked, or nobody any more */
	bool log, wait_killable;
	unsigned int len;
	struct bpf_insn insn[];
};

/* A call of the running task's is about to be made; t->trace_nr says which. False: it is not, and x0 is what comes of it. */
bool seccomp_syscall(struct user_regs *regs);
/* clone: the child has what its parent has. The end of a task. */
void seccomp_fork(struct task *t, const struct task *parent);
void seccomp_exit(struct task *t);
unsigned int seccomp_filters(const struct task *t);
/* Filter n of t's, counted from the first. NULL: there is none. */
const struct seccomp_filter *seccomp_filter_at(const struct task *t, u64 n);
/* prctl's PR_SET_SECCOMP. */
long seccomp_set_mode(u64 mode, unsigned long filter);
/* The task sees `nr` fail by SIGSYS. immutable: and ends by it. */
void seccomp_sigsys(struct user_regs *regs, int nr, int reason, bool immutable);

/* ------------------------------------------------------------------ seccomp_notify.c */

/* A descriptor by which somebody is asked about calls that f leaves to it. fd, or an error, and then f has no listener. */
long seccomp_listener_install(struct seccomp_filter *f);
/* Ask. True: the call goes on; false: x0 is what comes of it. */
bool seccomp_ask(const struct seccomp_filter *f, const struct seccomp_data *data,
		 struct user_regs *regs);
/* The last task that it filtered has gone. */
void seccomp_orphaned(struct seccomp_filter *f);
/* One reference less. */
void seccomp_filter_put(struct seccomp_filter *f);

#endif
