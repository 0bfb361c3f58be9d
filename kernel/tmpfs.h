/* SPDX-License-Identifier: MIT */
/* Between the halves of tmpfs: files (kernel/tmpfs.c) and the mounted whole (kernel/tmpfs_mount.c). Locking: kernel_lock. */
#ifndef KERNEL_TMPFS_H
#define KERNEL_TMPFS_H

#include "vfs.h"

#define TMPFS_MAGIC 0x01021994U
/* What an inode counts as (Linux: BOGO_INODE_SIZE). */
#define INODE_BYTES 1024
/* A symbolic link's text takes a page from this length on. */
#define LONG_LINK 128U

/* So many bytes more of what inodes may take: false, and nothing, when there is no room. */
bool tmpfs_charge(struct super *sb, s64 bytes);
void tmpfs_uncharge(struct super *sb, s64 bytes);
/* Before the first mount. */
void tmpfs_init(void);

#endif
