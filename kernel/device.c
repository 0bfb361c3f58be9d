// SPDX-License-Identifier: MIT
/*
 * Devices of characters, by number (Linux: drivers/char/mem.c, random.c; numbers: Documentation/admin-guide/devices.txt), and the /dev
 * that is there at the start: Linux's devtmpfs as far as programs look. Locking: kernel_lock.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "device.h"
#include "kmsg.h"
#include "pipe.h"
#include "poll.h"
#include "tty.h"

/* ------------------------------------------------------------------ memory devices */

static long null_read(struct open_file *f, struct iter *to, u64 *pos)
{
	return 0;
}

static long null_write(struct open_file *f, struct iter *from, u64 *pos)
{
	long n = (long)from->left;

	from->left = 0;
	return n;
}

static long zero_read(struct open_file *f, struct iter *to, u64 *pos)
{
	size_t want = to->left, n = zero_iter(want, to);

	return n || !want ? (long)n : -EFAULT;
}

static long full_write(struct open_file *f, struct iter *from, u64 *pos)
{
	return -ENOSPC;
}

static s64 null_llseek(struct open_file *f, s64 offset, int whence)
{
	f->pos = 0;
	return 0;
}

static long random_read(struct open_file *f, struct iter *to, u64 *pos)
{
	size_t done = 0, part;
	u8 bytes[256];

	while (to->left) {
		size_t n = min(to->left, sizeof(bytes));

		get_random_bytes(bytes, n);
		part = copy_to_iter(bytes, n, to);
		done += part;
		if (part < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long random_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	int bits = 256;

	if (cmd == 0x80045200) /* RNDGETENTCNT */
		return copy_to_user(arg, &bits, sizeof(bits));
	return -EINVAL;
}

/* A private mapping is anonymous memory; a shared one is shared memory of its own (Linux: mmap_zero). */
static int zero_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *own;
	int err;

	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	own = shmem_zero_file(vma->vm_end - vma->vm_start, false);
	if (!own)
		return -ENOMEM;
	err = file_mmap(own, vma);
	if (err) {
		fput(own);
		return err;
	}
	vma->vm_file = own;
	fput(file);
	return 0;
}

static int zero_open(struct inode *inode, struct open_file *f)
{
	f->file.f_mmap = zero_mmap;
	return 0;
}

static const struct file_operations null_fop = {
	.no_splice_read = true, .read = null_read, .write = null_write, .llseek = null_llseek};
static const struct file_operations zero_fop = {
	.open = zero_open, .read = zero_read, .write = null_write, .llseek = null_llseek};
static const struct file_operations full_fop = {
	.no_splice_write = true, .read = zero_read, .write = full_write, .llseek = null_llseek};
static const struct file_operations random_fop = {
	.read = random_read, .write = null_write, .llseek = null_llseek, .ioctl = random_ioctl};

/* ------------------------------------------------------------------ by number */

static const struct {
	const char *name;
	u32 rdev;
	u32 mode;
	const struct file_operations *fop;
} devices[] = {
	{"null", MKDEV(1, 3), 0666, &null_fop},	     {"zero", MKDEV(1, 5), 0666, &zero_fop},
	{"full", MKDEV(1, 7), 0666, &full_fop},	     {"random", MKDEV(1, 8), 0666, &random_fop},
	{"urandom", MKDEV(1, 9), 0666, &random_fop}, {"kmsg", MKDEV(1, 11), 0644, &kmsg_fop},
	{"tty", MKDEV(5, 0), 0666, &tty_fop},	     {"console", MKDEV(5, 1), 0600, &tty_fop},
	{"ttyAMA0", MKDEV(204, 64), 0600, &tty_fop}, {"ptmx", PTMX_RDEV, 0666, NULL},
};

static int device_open(struct inode *inode, struct open_file *f)
{
	if (inode->rdev == PTMX_RDEV)
		return ptmx_open(inode, f);
	if (inode->rdev >> 20 == PTS_MAJOR)
		return pts_open(inode, f);
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		if (devices[i].rdev != inode->rdev)
			continue;
		f->op = devices[i].fop;
		return f->op->open ? f->op->open(inode, f) : 0;
	}
	return -ENXIO;
}

static const struct file_operations device_fop = {.open = device_open};

static int no_device(struct inode *inode, struct open_file *f)
{
	return -ENXIO;
}

static const struct file_operations none_fop = {.open = no_device};

const struct file_operations *special_fop(u32 mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return &device_fop;
	case S_IFIFO:
		return &fifo_fop;
	}
	return &none_fop;
}

/* ------------------------------------------------------------------ /dev */

static int make(struct dentry *dir, const char *name, u32 mode, u32 rdev)
{
	struct dentry *d;
	int err = dentry_lookup(dir, name, strlen(name), &d);

	if (!err) {
		dput(d);
		return 0;
	}
	return vfs_create(dir, name, strlen(name), mode, rdev, NULL);
}

int devices_make(struct dentry *dev)
{
	static const struct {
		const char *name, *to;
	} links[] = {{"fd", "/proc/self/fd"},
		     {"stdin", "/proc/self/fd/0"},
		     {"stdout", "/proc/self/fd/1"},
		     {"stderr", "/proc/self/fd/2"}};
	int err = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(devices) && !err; i++)
		err = make(dev, devices[i].name, S_IFCHR | devices[i].mode, devices[i].rdev);
	for (unsigned int i = 0; i < ARRAY_SIZE(links) && !err; i++)
		err = vfs_symlink(dev, links[i].name, strlen(links[i].name), links[i].to);
	if (!err)
		err = make(dev, "shm", S_IFDIR | 01777, 0);
	if (!err)
		err = make(dev, "pts", S_IFDIR | 0755, 0);
	return err;
}

static int devtmpfs_fill(struct super *sb, const char *options)
{
	int err = tmpfs_type.fill(sb, "mode=755");

	return err ? err : devices_make(sb->root);
}

const struct fs_type devtmpfs_type = {
	.name = "devtmpfs",
	.magic = 0x01021994,
	.nodev = true,
	.xattrs = true,
	.fill = devtmpfs_fill,
};
