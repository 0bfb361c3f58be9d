// SPDX-License-Identifier: MIT
/*
 * System calls on descriptors (kernel/syscalls.def; Linux: fs/open.c, fcntl.c, ioctl.c, pipe.c): opening, closing, copying, and what is asked or told of what
 * they stand for. Bytes move in sys_rw.c. Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "device.h"
#include "inotify.h"
#include "lease.h"
#include "pipe.h"
#include "poll.h"
#include "syscall.h"
#include "vfs.h"

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
