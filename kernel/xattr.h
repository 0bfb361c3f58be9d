/* SPDX-License-Identifier: MIT */
/* Extended attributes (kernel/xattr.c). Locking: kernel_lock. */
#ifndef KERNEL_XATTR_H
#define KERNEL_XATTR_H

#include "vfs.h"

/* The inode goes, and its attributes. */
void xattrs_free(struct inode *inode);

#endif
