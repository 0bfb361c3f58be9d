/* SPDX-License-Identifier: MIT */
/* One program watches another (kernel/ptrace.c, ptrace_stop.c). All under kernel_lock. */
#ifndef KERNEL_PTRACE_H
#define KERNEL_PTRACE_H

#include "task.h"

/* PTRACE_SETOPTIONS; an event's bit is 1 << its number. */
#define PTRACE_O_TRACESYSGOOD 1U
#define PTRACE_O_EXITKILL BIT(20)
#define PTRACE_O_SUSPEND_SECCOMP BIT(21)
#define PTRACE_O_MASK 0x3000ffU
enum ptrace_event {
	PTRACE_EVENT_FORK = 1,
	PTRACE_EVENT_VFORK,
	PTRACE_EVENT_CLONE,
	PTRACE_EVENT_EXEC,
	PTRACE_EVENT_VFORK_DONE,
	PTRACE_EVENT_EXIT,
	PTRACE_EVENT_SECCOMP,
	PTRACE_EVENT_STOP = 128,
};

/*
 * The running task stops for its tracer: code as wait tells it, behind the 0x7f. Returns the signal with which it was let go on; at
 * once, 0, when nobody traces it or it is to die.
 */
int ptrace_stop(int code, struct siginfo *info);
/* An event that may be asked for: a stop, when it was. */
void ptrace_event(enum ptrace_event event, u64 message);
/* A process as current's tracer calls it, for a message. */
u64 ptrace_message_pid(int pid);
/* The signal is about to be taken. 0: the tracer has taken it away; *info may be another one's. */
int ptrace_signal(int sig, struct siginfo *info);
/* Before a system call, which is in trace_nr, and after. False: it is to die. */
bool ptrace_call_stop(struct user_regs *regs, bool after);
/* clone: the child is watched by the parent's tracer, too. event: as that would be asked for. */
void ptrace_clone(struct task *child, struct task *parent, enum ptrace_event event, bool wanted);
/* The running task ends: it watches nobody any more. */
void ptrace_exit(struct task *t);
/* t is watched from here on. */
void ptrace_link(struct task *t, struct task *tracer, bool seize, u32 options);
/* Nobody watches t from here on; it goes on if it was stopped. */
void ptrace_detach(struct task *t);
/* Something of a task that this process watches, as wait tells it. 0: nothing; *any: it watches somebody who is wanted. */
int ptrace_wait(struct wait_for *w, bool *any);
/* Its tracer looks again, and is sent SIGCHLD. */
void ptrace_notify(struct task *t, int why, int status);
/* A process that ends is its tracer's to read first. */
static inline bool traced_by_other(const struct signal_struct *s)
{
	return s->leader->tracer && s->leader->tracer->signal != s->parent;
}
/* What ptrace_info.c answers of a task that has stopped. -EAGAIN: that is no request of its. */
long ptrace_info(struct task *t, int request, unsigned long addr, unsigned long data);
/* May the running task look into t: 0, -EPERM (Linux: ptrace_may_access). */
long ptrace_may_access(const struct task *t);

#endif
