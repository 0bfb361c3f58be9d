/* SPDX-License-Identifier: MIT */
/* kernel/proc_fd.c: the directories of a task's descriptors, and what they share with the task's own (kernel/proc_pid.c). */
#ifndef KERNEL_PROC_FD_H
#define KERNEL_PROC_FD_H

#include "proc.h"

extern const struct pseudo_dir proc_fds, proc_fdinfos;

/* A name that is a number, without a sign and leading zeros. False: it is none. */
bool proc_number(const char *name, size_t len, unsigned int *value);
/* pseudo_entry.readlink of one that has follow: the name of the place. Its length, or an error. */
long proc_read_place(const struct pseudo_ref *r, char *buf, size_t size);

#endif
