// SPDX-License-Identifier: MIT
/*
 * System calls that move bytes between a program and what a descriptor stands for (kernel/syscalls.def; Linux: fs/read_write.c): read, write, with a place,
 * with vectors, with flags, and lseek. What is moved is counted, limited (RLIMIT_FSIZE) and told (inotify) here; how it moves is
 * the file's (file_operations.read, write). Locking: kernel_lock, which a call that sleeps lets go: it holds the file.
 */
#include <quire/slab.h>

#include "inotify.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

/* What one call moves at most (MAX_RW_COUNT). */
#define MAX_MOVE ((size_t)INT_MAX & ~(PAGE_SIZE - 1))
#define IOV_MAX 1024U

/* How much of n bytes at pos a program may write (RLIMIT_FSIZE); -EFBIG, and the signal, when nothing. */
static long within_fsize(const struct open_file *f, u64 pos, size_t *n)
{
	u64 limit = current->signal->rlim[RLIMIT_FSIZE].cur;

	if (limit == RLIM_INFINITY || !*n || (f->inode->mode & S_IFMT) != S_IFREG)
		return 0;
	if (pos >= limit) {
		send_signal(SIGXFSZ, current);
		return -EFBIG;
	}
	*n = min(*n, (size_t)(limit - pos));
	return 0;
}

/* Can all of it be the program's memory? Asked for before anything is moved, also of what is not moved in the end (access_ok). */
static bool is_user_range(u64 base, u64 len)
{
	u64 at = untagged_addr(base);

	return len <= TASK_SIZE && at <= TASK_SIZE - len;
}

/* pos NULL: the file's own. */
static long move(struct open_file *f, struct iter *it, u64 *pos, bool write)
{
	struct open_file *held;
	u64 own;
	long n;

	if (!(f->file.f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (!f->op || !(write ? f->op->write : f->op->read))
		return (f->inode->mode & S_IFMT) == S_IFDIR ? -EISDIR : -EINVAL;
	it->left = min(it->left, MAX_MOVE);
	held = file_get(f); /* the call may sleep, and another thread close it */
	if (!pos) {
		own = write && f->flags & O_APPEND ? inode_size(f->inode) : f->pos;
		n = write ? within_fsize(f, own, &it->left) : 0;
		if (n < 0) {
			file_put(held);
			return n;
		}
		n = write ? f->op->write(f, it, &own) : f->op->read(f, it, &own);
		if (f->op->llseek)
			f->pos = own;
	} else {
		if (write && f->flags & O_APPEND)
			*pos = inode_size(f->inode);
		n = write ? within_fsize(f, *pos, &it->left) : 0;
		if (n < 0) {
			file_put(held);
			return n;
		}
		n = write ? f->op->write(f, it, pos) : f->op->read(f, it, pos);
	}
	if (n > 0 && write) {
		if ((f->inode->mode & S_IFMT) == S_IFREG && !inode_capable(f->inode, CAP_FSETID))
			f->inode->mode &= ~mode_privileges(f->inode);
		inode_changed(f->inode, true);
		inotify_file(f->dentry, IN_MODIFY);
	} else if (n > 0) {
		inotify_file(f->dentry, IN_ACCESS);
		file_accessed(f);
	}
	file_put(held);
	return n;
}

static bool can_move(const struct open_file *f, bool write)
{
	return f->file.f_mode & (write ? FMODE_WRITE : FMODE_READ) && f->op &&
	       (write ? f->op->write : f->op->read);
}

static long move_one(const struct syscall_args *r, bool write)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	struct iter it;

	if (!f)
		return -EBADF;
	iter_init(&it, r->a[1], r->a[2]);
	if (can_move(f, write) && !is_user_range(r->a[1], r->a[2]))
		return -EFAULT;
	return move(f, &it, NULL, write);
}

long call_read(const struct syscall_args *r)
{
	return move_one(r, false);
}

long call_write(const struct syscall_args *r)
{
	return move_one(r, true);
}

static long move_at(const struct syscall_args *r, bool write)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	u64 pos = r->a[3];
	struct iter it;

	if ((s64)pos < 0)
		return -EINVAL;
	if (!f)
		return -EBADF;
	if (!f->op || !f->op->llseek)
		return (f->inode->mode & S_IFMT) == S_IFDIR ? -EISDIR : -ESPIPE;
	iter_init(&it, r->a[1], r->a[2]);
	if (can_move(f, write) && !is_user_range(r->a[1], r->a[2]))
		return -EFAULT;
	return move(f, &it, &pos, write);
}

long call_pread64(const struct syscall_args *r)
{
	return move_at(r, false);
}

long call_pwrite64(const struct syscall_args *r)
{
	return move_at(r, true);
}

long import_iovec(unsigned long from, u64 nr, struct iovec **vec, struct iter *it)
{
	struct iovec *v;

	if (nr > IOV_MAX)
		return -EINVAL;
	v = kmalloc((nr + 1) * sizeof(*v), GFP_KERNEL);
	if (!v)
		return -ENOMEM;
	if (nr && copy_from_user(v, from, nr * sizeof(*v))) {
		kfree(v);
		return -EFAULT;
	}
	*it = (struct iter){.vec = v};
	for (u64 i = 0; i < nr; i++) {
		if ((s64)v[i].len < 0) {
			kfree(v);
			return -EINVAL;
		}
		if (!is_user_range(v[i].base, min((size_t)v[i].len, MAX_MOVE))) {
			kfree(v);
			return -EFAULT;
		}
		v[i].len = min((size_t)v[i].len, MAX_MOVE - it->left);
		it->left += v[i].len;
	}
	*vec = v;
	return 0;
}

static long move_vec(const struct syscall_args *r, bool write, bool at, u64 pos)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	struct iovec *vec;
	struct iter it;
	long n;

	if (at && (s64)pos < 0)
		return -EINVAL;
	if (!f)
		return -EBADF;
	if (at && (!f->op || !f->op->llseek))
		return -ESPIPE;
	if (!(f->file.f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	n = import_iovec(r->a[1], r->a[2], &vec, &it);
	if (n)
		return n;
	n = it.left ? move(f, &it, at ? &pos : NULL, write) : 0;
	kfree(vec);
	return n;
}

long call_readv(const struct syscall_args *r)
{
	return move_vec(r, false, false, 0);
}

long call_writev(const struct syscall_args *r)
{
	return move_vec(r, true, false, 0);
}

long call_preadv(const struct syscall_args *r)
{
	return move_vec(r, false, true, r->a[3]);
}

long call_pwritev(const struct syscall_args *r)
{
	return move_vec(r, true, true, r->a[3]);
}

#define RWF_NOWAIT 0x08U
#define RWF_APPEND 0x10U
#define RWF_NOAPPEND 0x20U
/* HIPRI, DSYNC, SYNC as well: memory is always in time. */
#define RWF_SUPPORTED 0x3fU

/* The flags of one call; f is what it is about, or NULL. */
static long check_rwf(const struct open_file *f, u64 flags)
{
	if ((u32)flags & ~RWF_SUPPORTED)
		return -EOPNOTSUPP;
	if ((flags & (RWF_APPEND | RWF_NOAPPEND)) == (RWF_APPEND | RWF_NOAPPEND))
		return -EINVAL;
	/* Files in memory do not promise not to wait. */
	return f && flags & RWF_NOWAIT && (f->inode->mode & S_IFMT) == S_IFREG ? -EOPNOTSUPP : 0;
}

long call_preadv2(const struct syscall_args *r)
{
	long err = check_rwf(file_of((unsigned int)r->a[0]), r->a[5]);

	if (err)
		return err;
	return move_vec(r, false, r->a[3] != ~0ULL, r->a[3]);
}

long call_pwritev2(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	long err = check_rwf(f, r->a[5]);
	unsigned int was;

	if (err || !f)
		return err ? err : -EBADF;
	/* For this call alone. */
	was = f->flags;
	if (r->a[5] & RWF_APPEND)
		f->flags |= O_APPEND;
	if (r->a[5] & RWF_NOAPPEND)
		f->flags &= ~O_APPEND;
	file_get(f);
	err = move_vec(r, true, r->a[3] != ~0ULL, r->a[3]);
	f->flags = (f->flags & ~O_APPEND) | (was & O_APPEND);
	file_put(f);
	return err;
}

long call_lseek(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);

	if (!f)
		return -EBADF;
	if (r->a[2] > 4)
		return -EINVAL;
	if (f->op && f->op->llseek)
		return f->op->llseek(f, (s64)r->a[1], (int)r->a[2]);
	return f->op && f->op->stays ? 0 : -ESPIPE;
}
