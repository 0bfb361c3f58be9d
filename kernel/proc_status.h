/* SPDX-License-Identifier: MIT */
/* kernel/proc_status.c: a task's texts. */
#ifndef KERNEL_PROC_STATUS_H
#define KERNEL_PROC_STATUS_H

#include "proc.h"

int proc_show_status(struct out *out, const struct pseudo_ref *r);
int proc_show_stat(struct out *out, const struct pseudo_ref *r);
int proc_show_statm(struct out *out, const struct pseudo_ref *r);
int proc_show_limits(struct out *out, const struct pseudo_ref *r);
/* Lines of status: Uid and Gid, Groups, Cap*. */
void proc_put_ids(struct out *out, const struct task *t);
void proc_put_groups(struct out *out, const struct task *t);
void proc_put_caps(struct out *out, const struct task *t);

#endif
