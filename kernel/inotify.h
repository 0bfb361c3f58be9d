/* SPDX-License-Identifier: MIT */
/* What happens to files, for who wants to know (kernel/inotify.c). All under kernel_lock. */
#ifndef KERNEL_INOTIFY_H
#define KERNEL_INOTIFY_H

#include "vfs.h"

#define IN_ACCESS 0x1U
#define IN_MODIFY 0x2U
#define IN_ATTRIB 0x4U
#define IN_CLOSE_WRITE 0x8U
#define IN_CLOSE_NOWRITE 0x10U
#define IN_OPEN 0x20U
#define IN_MOVED_FROM 0x40U
#define IN_MOVED_TO 0x80U
#define IN_CREATE 0x100U
#define IN_DELETE 0x200U
#define IN_DELETE_SELF 0x400U
#define IN_MOVE_SELF 0x800U
#define IN_ISDIR 0x40000000U

extern unsigned int nr_inotify_watches;

/* To the watches of this inode: what has happened to the name in it, or to itself (NULL). */
void inotify_tell(struct inode *inode, u32 event, const char *name, u32 cookie);
/* To those of the file and of its directory. */
void inotify_file_told(struct dentry *d, u32 event);
/* Two ends of a move have this number in common. */
u32 inotify_cookie(void);
/* The inode goes: its watches do, too. */
void inotify_forget(struct inode *inode);
/* The same, if nobody but its watches uses it. */
void inotify_unused(struct inode *inode);

/* The file system goes: nobody watches anything of it any more. */
void inotify_unmount(const struct super *sb);
/* /proc/sys/fs/inotify: events that an instance keeps, instances and watches of a user. */
extern int sysctl_inotify_max_events;
extern long sysctl_inotify_max_instances, sysctl_inotify_max_watches;

/* Costs a load where nobody watches anything. */
static inline void inotify_file(struct dentry *d, u32 event)
{
	if (unlikely(nr_inotify_watches))
		inotify_file_told(d, event);
}
static inline void inotify_name(struct inode *dir, u32 event, const char *name, u32 cookie)
{
	if (unlikely(nr_inotify_watches))
		inotify_tell(dir, event, name, cookie);
}

#endif
