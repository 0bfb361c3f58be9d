// SPDX-License-Identifier: MIT
/* System calls on what files are (kernel/syscalls.def): stat and its kin, directories' entries, modes, owners, times. */
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/mm_init.h>
#include <quire/vmstat.h>

#include "inotify.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

/* ------------------------------------------------------------------ stat */

#define AT_STATX_SYNC_TYPE 0x6000U

struct stat {
	u64 dev, ino;
	u32 mode, nlink, uid, gid;
	u64 rdev, pad1;
	s64 size;
	s32 blksize, pad2;
	s64 blocks;
	struct timespec atime, mtime, ctime;
	u32 unused[2];
};
BUILD_BUG_ON(sizeof(struct stat) != 128);

static u64 blocks_of(const struct inode *n)
{
	return n->mapping ? mapping_pages(n->mapping) * (PAGE_SIZE / 512) : 0;
}

/* No path at all, and a descriptor: the file that it is. */
static bool only_file(const struct syscall_args *r, unsigned int flags)
{
	return flags == AT_EMPTY_PATH && !r->a[1] && (int)r->a[0] >= 0;
}

static long put_stat(struct inode *n, unsigned long to)
{
	struct stat s;

	if (n->op && n->op->refresh)
		n->op->refresh(n);
	s = (struct stat){
		.dev = dev_encode(n->sb->dev),
		.ino = n->ino,
		.mode = n->mode,
		.nlink = n->nlink,
		.uid = uid_to_user(n->uid),
		.gid = gid_to_user(n->gid),
		.rdev = dev_encode(n->rdev),
		.size = (s64)inode_size(n),
		.blksize = (s32)PAGE_SIZE,
		.blocks = (s64)blocks_of(n),
		.atime = n->atime,
		.mtime = n->mtime,
		.ctime = n->ctime,
	};
	return copy_to_user(to, &s, sizeof(s));
}

/* The file that dirfd, path and AT_ flags name, with a reference. */
static long at_path(int dirfd, unsigned long path, unsigned int flags, struct dentry **d)
{
	return user_path(dirfd, path,
			 (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
				 (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0),
			 d);
}

long call_newfstatat(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[3];
	struct open_file *f;
	struct dentry *d;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if (only_file(r, flags)) {
		f = file_of_raw((unsigned int)r->a[0]);
		return f ? put_stat(f->inode, r->a[2]) : -EBADF;
	}
	err = at_path((int)r->a[0], r->a[1], flags, &d);
	if (err)
		return err;
	err = put_stat(d->inode, r->a[2]);
	dput(d);
	return err;
}

long call_fstat(const struct syscall_args *r)
{
	struct open_file *f = file_of_raw((unsigned int)r->a[0]);

	return f ? put_stat(f->inode, r->a[1]) : -EBADF;
}

struct statx_time {
	s64 sec;
	u32 nsec;
	s32 pad;
};

struct statx {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad;
	u64 ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 mnt_id, unused[13];
};
BUILD_BUG_ON(sizeof(struct statx) != 256);

#define STATX_BASIC_STATS 0x7ffU
#define STATX_BTIME 0x800U
#define STATX_MNT_ID 0x1000U
#define STATX_MNT_ID_UNIQUE 0x4000U
#define STATX_RESERVED (1U << 31)
#define STATX_ATTR_MOUNT_ROOT 0x2000U

static struct statx_time statx_time(struct timespec t)
{
	return (struct statx_time){t.sec, (u32)t.nsec, 0};
}

/* What may be said of any file, and of one in memory (Linux: generic_fill_statx_attr, shmem_getattr). */
#define ATTRIBUTES_KNOWN 0x303000U
#define ATTRIBUTES_KNOWN_TMPFS 0x70U

static long put_statx(const struct dentry *d, u32 wanted, unsigned long to)
{
	struct inode *n = d->inode;
	bool in_memory = n->sb->type->magic == tmpfs_type.magic;
	struct statx s;

	if (n->op && n->op->refresh)
		n->op->refresh(n);
	s = (struct statx){
		.mask = STATX_BASIC_STATS |
			(wanted & STATX_MNT_ID_UNIQUE ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID),
		.blksize = PAGE_SIZE,
		.attributes = d == n->sb->root ? STATX_ATTR_MOUNT_ROOT : 0,
		.attributes_mask = ATTRIBUTES_KNOWN | (in_memory ? ATTRIBUTES_KNOWN_TMPFS : 0),
		.nlink = n->nlink,
		.uid = uid_to_user(n->uid),
		.gid = gid_to_user(n->gid),
		.mode = (u16)n->mode,
		.ino = n->ino,
		.size = inode_size(n),
		.blocks = blocks_of(n),
		.atime = statx_time(n->atime),
		.ctime = statx_time(n->ctime),
		.mtime = statx_time(n->mtime),
		.rdev_major = n->rdev >> 20,
		.rdev_minor = n->rdev & 0xfffff,
		.dev_major = n->sb->dev >> 20,
		.dev_minor = n->sb->dev & 0xfffff,
		.mnt_id = mount_id(n->sb),
	};
	if (in_memory && wanted & STATX_BTIME) {
		s.mask |= STATX_BTIME;
		s.btime = statx_time(n->btime);
	}
	return copy_to_user(to, &s, sizeof(s));
}

long call_statx(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[2];
	const struct open_file *f;
	struct dentry *d;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE) ||
	    r->a[3] & STATX_RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (only_file(r, flags)) {
		f = file_of_raw((unsigned int)r->a[0]);
		return f ? put_statx(f->dentry, (u32)r->a[3], r->a[4]) : -EBADF;
	}
	err = at_path((int)r->a[0], r->a[1], flags, &d);
	if (err)
		return err;
	err = put_statx(d, (u32)r->a[3], r->a[4]);
	dput(d);
	return err;
}

/* ------------------------------------------------------------------ statfs */

struct statfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree;
	u32 fsid[2];
	u64 namelen, frsize, flags, spare[4];
};

#define PIPEFS_MAGIC 0x50495045U
#define SOCKFS_MAGIC 0x534f434bU

/* What has no place is of one file system here, and of several in Linux. */
static u64 magic_of(const struct open_file *f)
{
	u32 type = f->inode->mode & S_IFMT;

	if (file_is_anon(f) && (type == S_IFIFO || type == S_IFSOCK))
		return type == S_IFIFO ? PIPEFS_MAGIC : SOCKFS_MAGIC;
	return f->inode->sb->type->magic;
}

static long put_statfs(struct super *sb, u64 magic, unsigned long to)
{
	struct fs_room room = {0};
	struct statfs s = {
		.type = magic,
		.bsize = PAGE_SIZE,
		.frsize = PAGE_SIZE,
		.namelen = NAME_MAX,
		.fsid = {sb->dev, 0},
		/* ST_VALID, ST_RELATIME, but of what was there first; and ST_RDONLY to ST_NOEXEC are MS_'s. */
		.flags = (sb == mounts ? 0x20U : 0x1020U) | (sb->flags & 15) |
			 (sb->flags & MS_NOSYMFOLLOW ? 0x2000U : 0U),
	};

	if (sb->type->statfs)
		sb->type->statfs(sb, &room);
	s.blocks = room.blocks;
	s.bfree = s.bavail = room.free;
	s.files = room.files;
	s.ffree = room.files_free;
	return copy_to_user(to, &s, sizeof(s));
}

long call_statfs(const struct syscall_args *r)
{
	struct dentry *d;
	long err = user_path(AT_FDCWD, r->a[0], WALK_FOLLOW, &d);

	if (err)
		return err;
	err = put_statfs(d->inode->sb, d->inode->sb->type->magic, r->a[1]);
	dput(d);
	return err;
}

long call_fstatfs(const struct syscall_args *r)
{
	struct open_file *f = file_of_raw((unsigned int)r->a[0]);

	return f ? put_statfs(f->inode->sb, magic_of(f), r->a[1]) : -EBADF;
}

/* ------------------------------------------------------------------ getdents64 */

struct dirent64 {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};
#define DIRENT_HEADER offsetof(struct dirent64, name)

struct dents {
	struct dir_context ctx;
	char *buf;
	size_t size, used;
	struct dirent64 *last; /* its off is where the next one is found */
};

static bool emit(struct dir_context *ctx, const char *name, size_t len, u64 ino, u32 type)
{
	struct dents *d = container_of(ctx, struct dents, ctx);
	size_t reclen = ALIGN(DIRENT_HEADER + len + 1, 8);
	struct dirent64 *e;

	if (d->last)
		d->last->off = (s64)ctx->pos;
	if (reclen > d->size - d->used)
		return false;
	e = (struct dirent64 *)(d->buf + d->used);
	memset(e, 0, reclen);
	e->ino = ino;
	e->reclen = (u16)reclen;
	e->type = (u8)type;
	memcpy(e->name, name, len);
	d->used += reclen;
	d->last = e;
	return true;
}

long call_getdents64(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	struct dents d = {.ctx = {.emit = emit}};
	long err;

	if (!f)
		return -EBADF;
	if (!f->op || !f->op->readdir)
		return -ENOTDIR;
	if (f->dentry->unlinked)
		return -ENOENT;
	d.size = min((size_t)(u32)r->a[2], (size_t)SZ_64K);
	d.buf = kmalloc(d.size, GFP_KERNEL);
	if (!d.buf)
		return -ENOMEM;
	d.ctx.pos = f->pos;
	err = f->op->readdir(f, &d.ctx);
	if (d.last)
		d.last->off = (s64)d.ctx.pos;
	/* There is an entry, and no room for it. */
	if (!err && !d.used && d.ctx.pos == f->pos && d.size < DIRENT_HEADER + NAME_MAX + 1) {
		struct dents probe = {.ctx = {.emit = emit, .pos = f->pos}, .size = SZ_1K};
		char name[SZ_1K];

		probe.buf = name;
		(void)f->op->readdir(f, &probe.ctx);
		err = probe.used ? -EINVAL : 0;
	}
	if (!err && d.used && copy_to_user(r->a[1], d.buf, d.used))
		err = -EFAULT;
	if (!err)
		f->pos = d.ctx.pos;
	kfree(d.buf);
	file_accessed(f);
	if (!err)
		inotify_file(f->dentry, IN_ACCESS);
	return err ? err : (long)d.used;
}

/* ------------------------------------------------------------------ modes, owners, access, times */

/* What d is has changed unless there was an error, which is returned. */
static long told(struct dentry *d, long err)
{
	if (!err)
		inotify_file(d, IN_ATTRIB);
	return err;
}

static long set_mode(struct inode *n, u32 mode)
{
	long err = n->sb->flags & MS_RDONLY ? -EROFS : inode_owner(n);

	if (err)
		return err;
	if ((n->mode & S_IFMT) == S_IFLNK)
		return -EOPNOTSUPP;
	/* Who may execute it is sealed. */
	if (n->seals & F_SEAL_EXEC && (n->mode ^ mode) & 0111)
		return -EPERM;
	/* Nobody lends a group that is not theirs. */
	if (!in_group(n->gid) && !inode_capable(n, CAP_FSETID))
		mode &= ~S_ISGID;
	n->mode = (n->mode & ~S_IALLUGO) | (mode & S_IALLUGO);
	inode_changed(n, false);
	return 0;
}

long call_fchmod(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);

	return f ? told(f->dentry, set_mode(f->inode, (u32)r->a[1])) : -EBADF;
}

static long chmod_at(const struct syscall_args *r, unsigned int flags)
{
	struct dentry *d;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = at_path((int)r->a[0], r->a[1], flags, &d);
	if (err)
		return err;
	err = told(d, set_mode(d->inode, (u32)r->a[2]));
	dput(d);
	return err;
}

long call_fchmodat(const struct syscall_args *r)
{
	return chmod_at(r, 0);
}

long call_fchmodat2(const struct syscall_args *r)
{
	return chmod_at(r, (unsigned int)r->a[3]);
}

static long set_owner(struct inode *n, u32 user, u32 group)
{
	const u32 uid = uid_from_user(user), gid = gid_from_user(group);
	u32 privileges = (n->mode & S_IFMT) == S_IFDIR ? 0 : mode_privileges(n);
	bool own = current->cred.fsuid == n->uid;

	if ((uid == NO_ID && user != NO_ID) || (gid == NO_ID && group != NO_ID))
		return -EINVAL;
	if (n->sb->flags & MS_RDONLY)
		return -EROFS;
	/* One's own file to another group that one is in; everything else takes a capability. */
	if (!inode_capable(n, CAP_CHOWN) &&
	    ((uid != ~0U && (!own || uid != n->uid)) ||
	     (gid != ~0U && (!own || (gid != n->gid && !in_group(gid))))))
		return -EPERM;
	if (privileges && inode_owner(n))
		return -EPERM;
	if (uid != ~0U)
		n->uid = uid;
	if (gid != ~0U)
		n->gid = gid;
	n->mode &= ~privileges;
	inode_changed(n, false);
	return 0;
}

long call_fchown(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);

	return f ? told(f->dentry, set_owner(f->inode, (u32)r->a[1], (u32)r->a[2])) : -EBADF;
}

long call_fchownat(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[4];
	struct dentry *d;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = at_path((int)r->a[0], r->a[1], flags, &d);
	if (err)
		return err;
	err = told(d, set_owner(d->inode, (u32)r->a[2], (u32)r->a[3]));
	dput(d);
	return err;
}

static long do_access(const struct syscall_args *r, unsigned int flags)
{
	struct cred *c = &current->cred;
	const struct cred was = *c;
	struct dentry *d;
	long err;

	if (r->a[2] & ~7ULL || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* By the real ids unless told otherwise, and with what they may do. R_OK, W_OK, X_OK are MAY_*. */
	if (!(flags & AT_EACCESS)) {
		c->fsuid = c->uid;
		c->fsgid = c->gid;
		if (!(c->securebits & SECURE_NO_SETUID_FIXUP))
			c->cap_effective = c->uid ? 0 : c->cap_permitted;
	}
	err = at_path((int)r->a[0], r->a[1], flags, &d);
	if (!err) {
		err = inode_permission(d->inode, (unsigned int)r->a[2]);
		dput(d);
	}
	*c = was;
	return err;
}

long call_faccessat(const struct syscall_args *r)
{
	return do_access(r, 0);
}

long call_faccessat2(const struct syscall_args *r)
{
	return do_access(r, (unsigned int)r->a[3]);
}

#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe

long call_utimensat(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[3];
	struct timespec t[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, now = time_now();
	struct dentry *d;
	struct inode *n;
	long err;

	if (r->a[2] && copy_from_user(t, r->a[2], sizeof(t)))
		return -EFAULT;
	for (unsigned int i = 0; i < 2; i++)
		if (t[i].nsec != UTIME_NOW && t[i].nsec != UTIME_OMIT && (u64)t[i].nsec > 999999999)
			return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (t[0].nsec == UTIME_OMIT && t[1].nsec == UTIME_OMIT)
		return 0;
	if (!r->a[1]) {
		struct open_file *f = file_of((unsigned int)r->a[0]);

		if (flags)
			return -EINVAL;
		if ((int)r->a[0] == AT_FDCWD)
			return -EFAULT;
		if (!f)
			return -EBADF;
		d = dget(f->dentry);
	} else {
		err = at_path((int)r->a[0], r->a[1], flags, &d);
		if (err)
			return err;
	}
	n = d->inode;
	err = n->sb->flags & MS_RDONLY ? -EROFS : inode_owner(n);
	/* To now: who may write may do that. */
	if (err == -EPERM && t[0].nsec == UTIME_NOW && t[1].nsec == UTIME_NOW)
		err = inode_permission(n, MAY_WRITE);
	if (!err) {
		if (t[0].nsec != UTIME_OMIT)
			n->atime = t[0].nsec == UTIME_NOW ? now : t[0];
		if (t[1].nsec != UTIME_OMIT)
			n->mtime = t[1].nsec == UTIME_NOW ? now : t[1];
		n->ctime = now;
		inotify_file(d, t[0].nsec == UTIME_OMIT	  ? IN_MODIFY
				: t[1].nsec == UTIME_OMIT ? IN_ACCESS
							  : IN_ATTRIB);
	}
	dput(d);
	return err;
}
