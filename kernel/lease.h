/* SPDX-License-Identifier: MIT */
/* Leases (kernel/lease.c), and directories that tell by signals (kernel/dnotify.c). All under kernel_lock. */
#ifndef KERNEL_LEASE_H
#define KERNEL_LEASE_H

#include "vfs.h"

/* F_SETLEASE, F_GETLEASE. */
long file_set_lease(struct open_file *f, int fd, int type);
long file_get_lease(struct open_file *f);
/* The file is opened with these flags, or truncated: leases that stand against it are broken. 0, -EAGAIN (O_NONBLOCK), -ERESTARTSYS. */
long leases_break(struct inode *inode, unsigned int flags);
/* The open file is closed. */
void lease_end(struct open_file *f);
extern int sysctl_leases_enable, sysctl_lease_break_time;

/* F_NOTIFY: a directory tells its owner what happens in it (events are kernel/inotify.h's). */
long file_notify(struct open_file *f, int fd, u32 what);
void dnotify_tell(struct inode *dir, u32 event);
/* A table of descriptors closes one of that file; NULL: it is closed altogether. */
void dnotify_end(struct open_file *f, const void *table);

#endif
