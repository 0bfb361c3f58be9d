// SPDX-License-Identifier: MIT
/*
 * System calls on a file's contents as a whole (kernel/syscalls.def; Linux: fs/open.c, sync.c, mm/fadvise.c): its size and room, and what would be
 * written back or read ahead if files were anywhere but in memory. Locking: kernel_lock.
 */
#include <quire/mm.h>

#include "inotify.h"
#include "lease.h"
#include "syscall.h"
#include "vfs.h"

/* ------------------------------------------------------------------ size */

/* RLIMIT_FSIZE, for what is made longer without writing. */
static long grow_to(const struct inode *n, u64 size)
{
	if (size <= inode_size(n) || size <= current->signal->rlim[RLIMIT_FSIZE].cur)
		return 0;
	send_signal(SIGXFSZ, current);
	return -EFBIG;
}

static long truncate_inode(struct inode *n, s64 size)
{
	long err;

	if (size < 0)
		return -EINVAL;
	if ((n->mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if ((n->mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	err = grow_to(n, (u64)size);
	if (err)
		return err;
	return n->mapping ? inode_truncate(n, (u64)size) : 0;
}

long call_truncate(const struct syscall_args *r)
{
	struct dentry *d;
	long err;

	if ((s64)r->a[1] < 0)
		return -EINVAL;
	err = user_path(AT_FDCWD, r->a[0], WALK_FOLLOW, &d);
	if (err)
		return err;
	if ((d->inode->mode & S_IFMT) == S_IFREG) {
		err = inode_permission(d->inode, MAY_WRITE);
		if (!err)
			err = file_may_write(d->inode);
		if (!err)
			err = leases_break(d->inode, O_WRONLY);
	}
	if (!err)
		err = truncate_inode(d->inode, (s64)r->a[1]);
	if (!err)
		inotify_file(d, IN_MODIFY);
	dput(d);
	return err;
}

long call_ftruncate(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	long err;

	if ((s64)r->a[1] < 0)
		return -EINVAL;
	if (!f)
		return -EBADF;
	if (!(f->file.f_mode & FMODE_WRITE) || (f->inode->mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	err = truncate_inode(f->inode, (s64)r->a[1]);
	if (!err)
		inotify_file(f->dentry, IN_MODIFY);
	return err;
}

#define FALLOC_FL_KEEP_SIZE 1

long call_fallocate(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	s64 offset = (s64)r->a[2], len = (s64)r->a[3];
	int mode = (int)r->a[1];
	u32 type;
	long err;

	if (!f)
		return -EBADF;
	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~0x7f || (mode & 0x3) == 0x2) /* a hole keeps the size */
		return -EOPNOTSUPP;
	if (!(f->file.f_mode & FMODE_WRITE))
		return -EBADF;
	type = f->inode->mode & S_IFMT;
	if (type == S_IFIFO)
		return -ESPIPE;
	if (type == S_IFDIR)
		return -EISDIR;
	if (type != S_IFREG)
		return -ENODEV;
	if (offset + (u64)len > LONG_MAX)
		return -EFBIG;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && grow_to(f->inode, (u64)(offset + len)))
		return -EFBIG;
	err = f->op->fallocate ? f->op->fallocate(f, mode, offset, len) : -EOPNOTSUPP;
	if (!err)
		inotify_file(f->dentry, IN_MODIFY);
	return err;
}

/* ------------------------------------------------------------------ nothing to write back */

long call_sync(const struct syscall_args *r)
{
	return 0;
}

long call_fsync(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	u32 type;

	if (!f)
		return -EBADF;
	type = f->inode->mode & S_IFMT;
	return type == S_IFREG || type == S_IFDIR ? 0 : -EINVAL;
}

/* The file system that a file is in. */
long call_syncfs(const struct syscall_args *r)
{
	return file_of((unsigned int)r->a[0]) ? 0 : -EBADF;
}

long call_sync_file_range(const struct syscall_args *r)
{
	const struct open_file *f = file_of((unsigned int)r->a[0]);

	if (!f)
		return -EBADF;
	if (r->a[3] & ~7ULL || (s64)r->a[1] < 0 || (s64)r->a[2] < 0)
		return -EINVAL;
	switch (f->inode->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFBLK:
		return 0;
	}
	return -ESPIPE;
}

long call_fadvise64(const struct syscall_args *r)
{
	const struct open_file *f = file_of((unsigned int)r->a[0]);

	if (!f)
		return -EBADF;
	if ((f->inode->mode & S_IFMT) == S_IFIFO)
		return -ESPIPE;
	return (s64)r->a[2] < 0 || r->a[3] > 5 ? -EINVAL : 0;
}

long call_readahead(const struct syscall_args *r)
{
	const struct open_file *f = file_of((unsigned int)r->a[0]);

	if (!f || !(f->file.f_mode & FMODE_READ))
		return -EBADF;
	return (f->inode->mode & S_IFMT) == S_IFREG ? 0 : -EINVAL;
}

struct cachestat {
	u64 cache, dirty, writeback, evicted, recently_evicted;
};

/* Pages that are there; in memory none is dirty, as Linux's shmem says it. */
long call_cachestat(const struct syscall_args *r)
{
	const struct open_file *f = file_of((unsigned int)r->a[0]);
	struct cachestat out = {0};
	u64 range[2], last;

	if (!f)
		return -EBADF;
	if (copy_from_user(range, r->a[1], sizeof(range)))
		return -EFAULT;
	if (r->a[3])
		return -EINVAL;
	last = range[1] ? (range[0] + range[1] - 1) >> PAGE_SHIFT : ~0ULL;
	if (f->file.f_mapping) {
		u64 index = mapping_next_index(f->file.f_mapping, range[0] >> PAGE_SHIFT);

		while (index <= last && index != ULONG_MAX) {
			out.cache++;
			index = mapping_next_index(f->file.f_mapping, index + 1);
		}
	}
	return copy_to_user(r->a[2], &out, sizeof(out));
}
