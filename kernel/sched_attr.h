/* SPDX-License-Identifier: MIT */
/* What a program may say about its turns (kernel/sys_sched.c, kernel/sched_attr.c). */
#ifndef KERNEL_SCHED_ATTR_H
#define KERNEL_SCHED_ATTR_H

#include "task.h"

/* A turn of SCHED_RR, milliseconds: nobody is told another. */
#define SCHED_RR_SLICE_MS 100

/* The task of that number, 0: the running one. NULL: there is none. */
struct task *task_or_current(u64 pid);
/* Whose CPUs, policy and nice value current may set (Linux: check_same_owner). */
bool may_set_sched(const struct task *t);
/* What is promised to one task by SCHED_DEADLINE is not promised to its children. */
bool sched_may_fork(const struct task *parent);
/* A child does not inherit what SCHED_RESET_ON_FORK takes back. */
void sched_fork_attr(struct task *t, const struct task *parent);

#endif
