// SPDX-License-Identifier: MIT
/* System calls on descriptors (kernel/syscalls.def): opening, moving bytes, what a descriptor is told. */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"
#include "lease.h"
#include "device.h"
#include "pipe.h"
#include "poll.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

/* What one call moves at most (MAX_RW_COUNT). */
#define MAX_MOVE ((size_t)INT_MAX & ~(PAGE_SIZE - 1))
#define IOV_MAX 1024U

/* ------------------------------------------------------------------ open, close */

static long do_open(int dirfd, unsigned long from, unsigned int flags, u32 mode, unsigned int walk)
{
	struct open_file *f;
	char *path;
	long err = user_path_get(from, &path);

	if (err)
		return err;
	err = file_open_walk(dirfd, path, flags, mode, walk, &f);
	kfree(path);
	return err ? err : fd_install(f, 0, flags & O_CLOEXEC);
}

long call_openat(const struct syscall_args *r)
{
	return do_open((int)r->a[0], r->a[1], (unsigned int)r->a[2], (u32)r->a[3], 0);
}

struct open_how {
	u64 flags, mode, resolve;
};

#define RESOLVE_NO_XDEV 0x01U
#define RESOLVE_NO_MAGICLINKS 0x02U
#define RESOLVE_NO_SYMLINKS 0x04U
#define RESOLVE_BENEATH 0x08U
#define RESOLVE_IN_ROOT 0x10U
#define RESOLVE_CACHED 0x20U
#define RESOLVE_ALL 0x3fU
#define OPEN_ALL                                                                                   \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
	 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |     \
	 O_PATH | O_TMPFILE_BIT)

/* A structure of n bytes of which this kernel knows `size`: what it does not know must be 0. 0, -EFAULT, -E2BIG. */
static long get_extensible(void *to, size_t size, unsigned long from, size_t n)
{
	if (copy_from_user(to, from, min(size, n)))
		return -EFAULT;
	for (size_t i = size; i < n; i++) {
		u8 byte = 0;

		if (get_user(byte, from + i))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

/* What openat ignores is an error here. 0, -EINVAL, -EAGAIN. */
static long check_how(const struct open_how *how)
{
	const u64 flags = how->flags;
	const bool creates = flags & (O_CREAT | O_TMPFILE_BIT);

	if (flags & ~(u64)OPEN_ALL || how->resolve & ~(u64)RESOLVE_ALL ||
	    (how->resolve & RESOLVE_BENEATH && how->resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (creates ? how->mode & ~(u64)S_IALLUGO : how->mode)
		return -EINVAL;
	if (flags & O_PATH && flags & ~(u64)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC))
		return -EINVAL;
	/* Names that are made, and what O_TRUNC does, may wait. */
	if (how->resolve & RESOLVE_CACHED && flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT))
		return flags & O_DIRECTORY && flags & O_CREAT ? -EINVAL : -EAGAIN;
	return 0;
}

long call_openat2(const struct syscall_args *r)
{
	static const unsigned int walks[] = {WALK_NO_XDEV, WALK_NO_MAGICLINKS, WALK_NO_SYMLINKS,
					     WALK_BENEATH, WALK_IN_ROOT};
	unsigned int walk = 0;
	struct open_how how;
	long err;

	if (r->a[3] < sizeof(how))
		return -EINVAL;
	if (r->a[3] > PAGE_SIZE)
		return -E2BIG;
	err = get_extensible(&how, sizeof(how), r->a[2], r->a[3]);
	if (!err)
		err = check_how(&how);
	if (err)
		return err;
	for (unsigned int i = 0; i < ARRAY_SIZE(walks); i++)
		if (how.resolve & 1U << i)
			walk |= walks[i];
	return do_open((int)r->a[0], r->a[1], (unsigned int)how.flags, (u32)how.mode, walk);
}

long call_close(const struct syscall_args *r)
{
	return fd_close((unsigned int)r->a[0]);
}

long call_close_range(const struct syscall_args *r)
{
	return fd_close_range((unsigned int)r->a[0], (unsigned int)r->a[1], (unsigned int)r->a[2]);
}

/* ------------------------------------------------------------------ read, write */

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

/* ------------------------------------------------------------------ descriptors */

long call_dup(const struct syscall_args *r)
{
	struct open_file *f = file_of_raw((unsigned int)r->a[0]);

	return f ? fd_install(file_get(f), 0, false) : -EBADF;
}

long call_dup3(const struct syscall_args *r)
{
	if (r->a[2] & ~(u64)O_CLOEXEC || (unsigned int)r->a[0] == (unsigned int)r->a[1])
		return -EINVAL;
	return fd_dup_to((unsigned int)r->a[0], (unsigned int)r->a[1], r->a[2] & O_CLOEXEC);
}

enum {
	F_DUPFD,
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_SETFL,
	F_GETLK,
	F_SETLK,
	F_SETLKW,
	F_SETOWN,
	F_GETOWN,
	F_SETSIG,
	F_GETSIG,
	F_SETOWN_EX = 15,
	F_GETOWNER_UIDS = 17,
	F_SETLEASE = 1024,
	F_GETLEASE,
	F_NOTIFY,
	F_OFD_GETLK = 36,
	F_OFD_SETLKW = 38,
	F_DUPFD_CLOEXEC = 1030,
	F_SETPIPE_SZ = 1031,
	F_DUPFD_QUERY = 1027,
	F_CREATED_QUERY = 1028,
	F_GETPIPE_SZ = 1032,
	F_ADD_SEALS = 1033,
	F_GET_SEALS = 1034,
};

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static long fcntl_dup(struct open_file *f, unsigned long from, bool cloexec)
{
	if (from >= fd_limit())
		return -EINVAL;
	return fd_install(file_get(f), (unsigned int)from, cloexec);
}

long call_fcntl(const struct syscall_args *r)
{
	unsigned int fd = (unsigned int)r->a[0], cmd = (unsigned int)r->a[1];
	struct open_file *f = file_of_raw(fd);
	unsigned long arg = r->a[2];

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC && cmd != F_GETFD &&
	    cmd != F_SETFD && cmd != F_GETFL)
		return -EBADF;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return fcntl_dup(f, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return files_cloexec(current->files, fd);
	case F_SETFD:
		return fd_set_cloexec(fd, arg & 1);
	case F_GETFL:
		/* What open has made is large; a pipe and its like are not. */
		return (long)(f->flags | (f->flags & O_PATH || file_is_anon(f) ? 0 : O_LARGEFILE));
	case F_SETFL:
		if (arg & O_NOATIME && !(f->flags & O_NOATIME) && inode_owner(f->inode))
			return -EPERM;
		f->flags = (f->flags & ~SETFL_MASK) | ((unsigned int)arg & SETFL_MASK);
		file_set_async(f, (int)fd, arg & O_ASYNC);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK ... F_OFD_SETLKW:
		return file_fcntl_lock(fd, f, cmd, arg);
	case F_SETOWN ... F_GETSIG:
	case F_SETOWN_EX ... F_GETOWNER_UIDS:
		return file_fcntl_owner(f, cmd, arg);
	case F_SETLEASE:
		return file_set_lease(f, (int)fd, (int)arg);
	case F_GETLEASE:
		return file_get_lease(f);
	case F_NOTIFY:
		return file_notify(f, (int)fd, (u32)arg);
	case F_SETPIPE_SZ:
		return file_pipe(f) ? pipe_resize(file_pipe(f), arg) : -EBADF;
	case F_GETPIPE_SZ:
		return file_pipe(f) ? pipe_size(file_pipe(f)) : -EBADF;
	case F_DUPFD_QUERY:
		if (!file_of_raw((unsigned int)arg))
			return -EBADF;
		return file_of_raw((unsigned int)arg) == f;
	case F_CREATED_QUERY:
		return f->created;
	case F_ADD_SEALS:
		return file_add_seals(f, (u32)arg);
	case F_GET_SEALS:
		return file_get_seals(f);
	}
	return -EINVAL;
}

#define FIOCLEX 0x5451U
#define FIONCLEX 0x5450U
#define FIONBIO 0x5421U
#define FIONREAD 0x541bU
#define FIOASYNC 0x5452U

long call_ioctl(const struct syscall_args *r)
{
	unsigned int fd = (unsigned int)r->a[0], cmd = (unsigned int)r->a[1];
	struct open_file *f = file_of(fd), *held;
	int on;
	long ret;

	if (!f)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec(fd, cmd == FIOCLEX);
	case FIONBIO:
		if (copy_from_user(&on, r->a[2], sizeof(on)))
			return -EFAULT;
		f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	case FIOASYNC:
		if (copy_from_user(&on, r->a[2], sizeof(on)))
			return -EFAULT;
		file_set_async(f, (int)fd, on);
		return on && !(f->flags & O_ASYNC) ? -ENOTTY : 0;
	case FIONREAD:
		if ((f->inode->mode & S_IFMT) == S_IFREG) {
			on = (int)(inode_size(f->inode) - f->pos);
			return copy_to_user(r->a[2], &on, sizeof(on));
		}
	}
	if (!f->op || !f->op->ioctl)
		return -ENOTTY;
	held = file_get(f);
	ret = f->op->ioctl(f, cmd, r->a[2]);
	file_put(held);
	return ret;
}

long call_flock(const struct syscall_args *r)
{
	unsigned int how = (unsigned int)r->a[1];
	struct open_file *f;

	/* Locks that have to be obeyed: there are none any more, and who asks is not told. */
	if (how & LOCK_MAND)
		return 0;
	if ((how & ~LOCK_NB) != LOCK_SH && (how & ~LOCK_NB) != LOCK_EX &&
	    (how & ~LOCK_NB) != LOCK_UN)
		return -EINVAL;
	f = file_of((unsigned int)r->a[0]);
	return f ? file_flock(f, how) : -EBADF;
}

long call_pipe2(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[1];
	struct open_file *ends[2];
	long err, fd[2];
	int out[2];

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL))
		return -EINVAL;
	/* A queue of what has happened to keys and mounts: an option of Linux's, and seldom built in. */
	if (flags & O_EXCL)
		return -ENOPKG;
	err = pipe_open(flags, ends);
	if (err)
		return err;
	fd[0] = fd_install(ends[0], 0, flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(ends[1]);
		return fd[0];
	}
	fd[1] = fd_install(ends[1], 0, flags & O_CLOEXEC);
	out[0] = (int)fd[0];
	out[1] = (int)fd[1];
	if (fd[1] < 0) {
		(void)fd_close((unsigned int)fd[0]);
		return fd[1];
	}
	if (copy_to_user(r->a[0], out, sizeof(out))) {
		(void)fd_close((unsigned int)fd[0]);
		(void)fd_close((unsigned int)fd[1]);
		return -EFAULT;
	}
	return 0;
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
