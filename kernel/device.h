/* SPDX-License-Identifier: MIT */
/* Devices (kernel/device.c). */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "vfs.h"

extern const struct fs_type devtmpfs_type;
/* What opening a device, a FIFO or a socket's name of that type does. */
const struct file_operations *special_fop(u32 mode);
/* The nodes of /dev in a directory. 0, -ENOMEM. */
int devices_make(struct dentry *dev);

#endif
