/* SPDX-License-Identifier: MIT */
/* Files by name: the tree that an initramfs fills (kernel/ramfs.c), and descriptors (kernel/file.c). */
#ifndef KERNEL_RAMFS_H
#define KERNEL_RAMFS_H

#include "task.h"

#define S_IFMT 0170000U
#define S_IFDIR 0040000U
#define S_IFREG 0100000U
#define S_IFLNK 0120000U
#define S_IFCHR 0020000U

struct inode {
	struct inode *parent, *children, *next; /* of a directory: its entries */
	u32 mode;
	u64 ino;
	struct address_space *mapping; /* of a file, and of a symbolic link's text */
	char name[];
};

/* The root, empty. -ENOMEM. */
int ramfs_init(void);
/* Fill it from a cpio archive in the "newc" format (070701). Returns files made, or -EINVAL, -ENOMEM after a message. */
long ramfs_unpack(const void *cpio, size_t size);
/* By an absolute path; symbolic links are followed, 8 at the most. NULL: there is none. */
struct inode *ramfs_lookup(const char *path);

/* What a descriptor stands for. */
struct open_file {
	struct file file;    /* what mmap sees */
	s32 users;	     /* descriptors, of all tables */
	struct inode *inode; /* NULL: the console */
	u64 pos;
};

long sys_openat(const char *path, int flags);
long sys_close(unsigned int fd);
long sys_read(unsigned int fd, unsigned long buf, size_t n);
long sys_write(unsigned int fd, unsigned long buf, size_t n);
/* NULL: no such descriptor. */
struct open_file *file_of(unsigned int fd);

#endif
