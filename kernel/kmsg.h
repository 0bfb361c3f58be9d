/* SPDX-License-Identifier: MIT */
/* The kernel's log for programs (kernel/kmsg.c). */
#ifndef KERNEL_KMSG_H
#define KERNEL_KMSG_H

#include "vfs.h"

struct out;
struct pseudo_ref;

extern const struct file_operations kmsg_fop, proc_kmsg_fop;

/* /proc/sys/kernel: printk, dmesg_restrict. 0, -EINVAL, -EPERM. */
extern int sysctl_dmesg_restrict;
int proc_show_printk(struct out *out, const struct pseudo_ref *r);
int proc_store_printk(const struct pseudo_ref *r, char *text, size_t n);
int proc_store_dmesg_restrict(const struct pseudo_ref *r, char *text, size_t n);

#endif
