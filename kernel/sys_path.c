// SPDX-License-Identifier: MIT
/* System calls on names (kernel/syscalls.def): making, removing and moving them, where a program stands, what is mounted. */
#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"
#include "pid.h"
#include "pseudo.h"
#include "syscall.h"
#include "tmpfs.h"
#include "userns.h"
#include "vfs.h"

/* ------------------------------------------------------------------ making */

/* Where a name is to be made: 0 and the walk, which the caller ends; -EEXIST. */
static long walk_new(int dirfd, unsigned long from, bool directory, struct path_walk *w)
{
	char *path;
	long err = user_path_get(from, &path);

	if (err)
		return err;
	err = walk_path(dirfd, path, WALK_PARENT, w);
	kfree(path);
	if (err)
		return err;
	if (w->dentry || !w->len)
		err = -EEXIST;
	/* /proc says of a name that it does not know that there is none, even to who wants to make it. */
	else if ((w->slash && !directory) || w->parent->inode->sb->type->magic == PROC_MAGIC)
		err = -ENOENT;
	if (err)
		walk_end(w);
	return err;
}

long call_mknodat(const struct syscall_args *r)
{
	u32 mode = (u32)r->a[2], type = mode & S_IFMT;
	struct path_walk w;
	long err;

	if (type == S_IFDIR)
		return -EPERM;
	if (type && type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO &&
	    type != S_IFSOCK)
		return -EINVAL;
	err = walk_new((int)r->a[0], r->a[1], false, &w);
	if (err)
		return err;
	err = inode_permission(w.parent->inode, MAY_WRITE | MAY_EXEC);
	/* What hides a name in a layer above it (0, 0) is no device. */
	if (!err && (type == S_IFBLK || (type == S_IFCHR && r->a[3])) && !capable(CAP_MKNOD))
		err = -EPERM;
	if (!err)
		err = vfs_create(w.parent, w.last, w.len,
				 (type ? type : S_IFREG) | (mode & S_IALLUGO & ~current->fs->umask),
				 dev_decode((u32)r->a[3]), NULL);
	walk_end(&w);
	return err;
}

long call_mkdirat(const struct syscall_args *r)
{
	struct path_walk w;
	long err = walk_new((int)r->a[0], r->a[1], true, &w);

	if (err)
		return err;
	err = vfs_create(w.parent, w.last, w.len,
			 S_IFDIR | ((u32)r->a[2] & (S_ISVTX | 0777) & ~current->fs->umask), 0,
			 NULL);
	walk_end(&w);
	return err;
}

long call_symlinkat(const struct syscall_args *r)
{
	struct path_walk w;
	char *text;
	long err = user_path_get(r->a[0], &text);

	if (err)
		return err;
	err = *text ? walk_new((int)r->a[1], r->a[2], false, &w) : -ENOENT;
	if (!err) {
		err = vfs_symlink(w.parent, w.last, w.len, text);
		walk_end(&w);
	}
	kfree(text);
	return err;
}

/* By a descriptor alone: who opened it may link it, and who may find any file. */
static bool may_link_file(unsigned int fd, unsigned long path)
{
	const struct open_file *f = file_of_raw(fd);
	char first = 'x';

	return get_user(first, path) || first || !f || f->opener == current->cred.fsuid ||
	       capable(CAP_DAC_READ_SEARCH);
}

long call_linkat(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[4];
	struct dentry *old;
	struct path_walk w;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH && !may_link_file((unsigned int)r->a[0], r->a[1]))
		return -ENOENT;
	err = user_path((int)r->a[0], r->a[1],
			(flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
				(flags & AT_EMPTY_PATH ? WALK_EMPTY : 0),
			&old);
	if (err)
		return err;
	err = walk_new((int)r->a[2], r->a[3], false, &w);
	if (err)
		goto out;
	if (w.parent->inode->sb->flags & MS_RDONLY)
		err = -EROFS;
	else if (w.parent->inode->sb != old->inode->sb)
		err = -EXDEV;
	/* fs.protected_hardlinks: of somebody else's file only when it may be read and written (Linux: may_linkat). */
	else if (sysctl_protected_hardlinks && inode_owner(old->inode) &&
		 ((old->inode->mode & S_IFMT) != S_IFREG || old->inode->mode & S_ISUID ||
		  (old->inode->mode & (S_ISGID | 010)) == (S_ISGID | 010) ||
		  inode_permission(old->inode, MAY_READ | MAY_WRITE)))
		err = -EPERM;
	else if ((old->inode->mode & S_IFMT) == S_IFDIR)
		err = -EPERM;
	else if (w.parent->unlinked || (!old->inode->nlink && !old->inode->linkable))
		err = -ENOENT;
	else
		err = inode_permission(w.parent->inode, MAY_WRITE | MAY_EXEC);
	if (!err && w.parent->inode->op && w.parent->inode->op->lookup)
		err = -EPERM;
	if (!err && !old->inode->nlink && !old->inode->linkable)
		err = -ENOENT;
	if (!err && old->inode->nlink && !tmpfs_charge(old->inode->sb, INODE_BYTES))
		err = -ENOSPC;
	if (!err) {
		old->inode->linkable = false;
		iget(old->inode);
		err = dentry_add(w.parent, w.last, w.len, old->inode);
		if (err && old->inode->nlink)
			tmpfs_uncharge(old->inode->sb, INODE_BYTES);
	}
	if (!err) {
		old->inode->nlink++;
		old->inode->linkable = false;
		inode_changed(old->inode, false);
		inode_changed(w.parent->inode, true);
		inotify_name(old->inode, IN_ATTRIB, NULL, 0);
		inotify_name(w.parent->inode, IN_CREATE, w.last, 0);
	}
	walk_end(&w);
out:
	dput(old);
	return err;
}

/* ------------------------------------------------------------------ removing, moving */

long call_unlinkat(const struct syscall_args *r)
{
	bool directory = r->a[2] & AT_REMOVEDIR;
	struct path_walk w;
	char *path;
	long err;

	if (r->a[2] & ~(u64)AT_REMOVEDIR)
		return -EINVAL;
	err = user_path_get(r->a[1], &path);
	if (err)
		return err;
	err = walk_path((int)r->a[0], path, WALK_PARENT, &w);
	if (!err && !w.len) {
		size_t n = strlen(path);

		while (n && path[n - 1] == '/')
			n--;
		if (!directory)
			err = -EISDIR;
		else if (w.dots && n && path[n - 1] == '.' && (n < 2 || path[n - 2] != '.'))
			err = -EINVAL;
		else
			err = w.dots ? -ENOTEMPTY : -EBUSY;
	} else if (!err && w.parent->inode->sb->flags & MS_RDONLY) {
		err = -EROFS;
	} else if (!err && !w.dentry) {
		err = -ENOENT;
	} else if (!err && w.slash && !directory) {
		err = (w.dentry->inode->mode & S_IFMT) == S_IFDIR ? -EISDIR : -ENOTDIR;
	} else if (!err) {
		err = vfs_unlink(w.dentry, directory, false);
	}
	kfree(path);
	walk_end(&w);
	return err;
}

#define RENAME_NOREPLACE 1U
#define RENAME_EXCHANGE 2U
#define RENAME_WHITEOUT 4U

static bool is_dir(const struct dentry *d)
{
	return (d->inode->mode & S_IFMT) == S_IFDIR;
}

/* What is moved onto `to`, when there is such a name. */
static long may_replace(const struct dentry *from, const struct dentry *to, unsigned int flags)
{
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (dentry_is_under(from, to))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (mounted_on(to) || !to->pinned)
		return -EBUSY;
	if (flags & RENAME_EXCHANGE)
		return 0;
	if (is_dir(from) && !is_dir(to))
		return -ENOTDIR;
	if (!is_dir(from) && is_dir(to))
		return -EISDIR;
	return to->inode->entries ? -ENOTEMPTY : 0;
}

static long exchange(const struct path_walk *a, const struct path_walk *b)
{
	/* By way of a name that no path can have. */
	long err = dentry_move(a->dentry, a->parent, "/", 1);

	if (!err)
		err = dentry_move(b->dentry, a->parent, a->last, a->len);
	if (!err)
		err = dentry_move(a->dentry, b->parent, b->last, b->len);
	return err;
}

/* The file system that a name is in, or whose root it is. */
static const struct super *super_of(const struct path_walk *w)
{
	return (w->parent ? w->parent : w->dentry)->inode->sb;
}

static void tell_move(struct dentry *d, const struct path_walk *from, const struct path_walk *to)
{
	u32 cookie = inotify_cookie(), dir = is_dir(d) ? IN_ISDIR : 0;

	inotify_tell(from->parent->inode, IN_MOVED_FROM | dir, from->last, cookie);
	inotify_tell(to->parent->inode, IN_MOVED_TO | dir, to->last, cookie);
	inotify_tell(d->inode, IN_MOVE_SELF, NULL, 0);
}

static long do_rename(const struct path_walk *a, const struct path_walk *b, unsigned int flags)
{
	long err;

	if (super_of(a) != super_of(b))
		return -EXDEV;
	if (!a->len || !b->len)
		return -EBUSY;
	if (a->parent->inode->sb->flags & MS_RDONLY)
		return -EROFS;
	if (!a->dentry)
		return -ENOENT;
	if (flags & RENAME_EXCHANGE && !b->dentry)
		return -ENOENT;
	if (!is_dir(a->dentry) && (a->slash || (!(flags & RENAME_EXCHANGE) && b->slash)))
		return -ENOTDIR;
	if (!a->dentry->pinned || mounted_on(a->dentry))
		return a->parent->inode->op && a->parent->inode->op->lookup ? -EPERM : -EBUSY;
	if (dentry_is_under(b->parent, a->dentry))
		return -EINVAL;
	err = inode_permission(a->parent->inode, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = inode_permission(b->parent->inode, MAY_WRITE | MAY_EXEC);
	if (!err && b->parent->unlinked)
		err = -ENOENT;
	if (!err && !may_remove(a->parent->inode, a->dentry->inode))
		err = -EPERM;
	/* Two names of one file: nothing is to be done. */
	if (!err && b->dentry && a->dentry->inode == b->dentry->inode && !flags)
		return 0;
	if (!err && b->dentry)
		err = may_replace(a->dentry, b->dentry, flags);
	if (err)
		return err;
	if (flags & RENAME_EXCHANGE) {
		err = exchange(a, b);
	} else {
		if (b->dentry)
			err = vfs_unlink(b->dentry, is_dir(b->dentry), true);
		if (!err)
			err = dentry_move(a->dentry, b->parent, b->last, b->len);
		if (!err && flags & RENAME_WHITEOUT)
			err = vfs_create(a->parent, a->last, a->len, S_IFCHR, 0, NULL);
	}
	if (!err && unlikely(nr_inotify_watches)) {
		tell_move(a->dentry, a, b);
		if (flags & RENAME_EXCHANGE)
			tell_move(b->dentry, b, a);
	}
	inode_changed(a->parent->inode, true);
	inode_changed(b->parent->inode, true);
	inode_changed(a->dentry->inode, false);
	return err;
}

static long rename_paths(const struct syscall_args *r, const char *from, const char *to,
			 unsigned int flags)
{
	struct path_walk a, b;
	long err = walk_path((int)r->a[0], from, WALK_PARENT, &a);

	if (err)
		return err;
	err = walk_path((int)r->a[2], to, WALK_PARENT, &b);
	if (!err)
		err = do_rename(&a, &b, flags);
	walk_end(&a);
	walk_end(&b);
	return err;
}

static long rename_user(const struct syscall_args *r, unsigned int flags)
{
	char *from, *to;
	long err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    (flags & RENAME_EXCHANGE && flags != RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_WHITEOUT && !capable(CAP_MKNOD))
		return -EPERM;
	err = user_path_get(r->a[1], &from);
	if (err)
		return err;
	err = user_path_get(r->a[3], &to);
	if (!err) {
		err = rename_paths(r, from, to, flags);
		kfree(to);
	}
	kfree(from);
	return err;
}

long call_renameat(const struct syscall_args *r)
{
	return rename_user(r, 0);
}

long call_renameat2(const struct syscall_args *r)
{
	return rename_user(r, (unsigned int)r->a[4]);
}

long call_readlinkat(const struct syscall_args *r)
{
	struct dentry *d;
	char *text;
	long n;

	if ((int)r->a[3] <= 0)
		return -EINVAL;
	n = user_path((int)r->a[0], r->a[1], WALK_EMPTY, &d);
	if (n)
		return n;
	/* An empty path: the link that the descriptor is, and nothing else. */
	if ((d->inode->mode & S_IFMT) != S_IFLNK) {
		char first = 'x';

		n = get_user(first, r->a[1]) ? -EFAULT : first ? -EINVAL : -ENOENT;
		dput(d);
		return n;
	}
	text = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!text)
		n = -ENOMEM;
	else
		n = read_link(d->inode, text, min((size_t)r->a[3], (size_t)PATH_MAX - 1));
	if (n > 0 && copy_to_user(r->a[2], text, (size_t)n))
		n = -EFAULT;
	kfree(text);
	dput(d);
	return n;
}

/* ------------------------------------------------------------------ where a program stands */

static long stand_at(struct dentry *d, struct dentry **where)
{
	long err = is_dir(d) ? inode_permission(d->inode, MAY_EXEC) : -ENOTDIR;

	if (err) {
		dput(d);
		return err;
	}
	dput(*where);
	*where = d;
	return 0;
}

long call_chdir(const struct syscall_args *r)
{
	struct dentry *d;
	long err = user_path(AT_FDCWD, r->a[0], WALK_FOLLOW | WALK_DIRECTORY, &d);

	return err ? err : stand_at(d, &current->fs->cwd);
}

long call_fchdir(const struct syscall_args *r)
{
	struct open_file *f = file_of_raw((unsigned int)r->a[0]);

	return f ? stand_at(dget(f->dentry), &current->fs->cwd) : -EBADF;
}

long call_chroot(const struct syscall_args *r)
{
	struct dentry *d;
	long err = user_path(AT_FDCWD, r->a[0], WALK_FOLLOW | WALK_DIRECTORY, &d);

	if (err)
		return err;
	err = inode_permission(d->inode, MAY_EXEC);
	if (!err && !own_capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		return stand_at(d, &current->fs->root);
	dput(d);
	return err;
}

long call_getcwd(const struct syscall_args *r)
{
	static const char outside[] = "(unreachable)";
	const struct fs_struct *fs = current->fs;
	bool inside = dentry_is_under(fs->cwd, fs->root);
	char *buf, *text;
	long n;

	if (fs->cwd->unlinked)
		return -ENOENT;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	n = d_path(fs->cwd, inside ? fs->root : vfs_root(), buf, PATH_MAX, &text);
	if (n >= 0 && !inside) {
		n += (long)sizeof(outside) - 1;
		text -= sizeof(outside) - 1;
		if (text < buf)
			n = -ENAMETOOLONG;
		else
			memcpy(text, outside, sizeof(outside) - 1);
	}
	if (n >= 0)
		n = (u64)++n > r->a[1] ? -ERANGE : n;
	if (n > 0 && copy_to_user(r->a[0], text, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

long call_umask(const struct syscall_args *r)
{
	u32 old = current->fs->umask;

	current->fs->umask = (u32)r->a[0] & 0777;
	return old;
}

/* ------------------------------------------------------------------ mounts */

#define MS_BIND 4096UL
#define MS_MOVE 8192UL
#define MS_PROPAGATION (0xfUL << 17)

/* A string of the program's, "" for NULL. */
static long user_text(unsigned long from, char *to, size_t size)
{
	long n = from ? strncpy_from_user(to, from, size) : 0;

	if (!from)
		*to = '\0';
	return n < 0 ? n : 0;
}

struct mount_text {
	char source[64], type[32], options[512];
};

/* In the namespace of mounts. */
static bool may_mount(void)
{
	return ns_capable(ns_owner(&current->fs->ns->ns), CAP_SYS_ADMIN);
}

/* Root of a user namespace may mount what shows nothing but its own: /proc where the PID namespace is its, too, /sys where the network is. */
static bool may_mount_type(const struct fs_type *type)
{
	if (capable(CAP_SYS_ADMIN))
		return true;
	if (type == &proc_type)
		return ns_capable(ns_owner(&task_pid_ns(current)->ns), CAP_SYS_ADMIN);
	if (type == &sysfs_type)
		return ns_capable(ns_owner(current->nsproxy->of[NSP_NET]), CAP_SYS_ADMIN);
	return strcmp(type->name, "devtmpfs") != 0 && strcmp(type->name, "rootfs") != 0;
}

long call_mount(const struct syscall_args *r)
{
	struct mount_text *t = kmalloc(sizeof(*t), GFP_KERNEL);
	const struct fs_type *type;
	struct dentry *on;
	long err;

	if (!may_mount()) {
		kfree(t);
		return -EPERM;
	}
	if (!t)
		return -ENOMEM;
	err = user_text(r->a[0], t->source, sizeof(t->source));
	if (!err)
		err = user_text(r->a[2], t->type, sizeof(t->type));
	if (!err)
		err = user_text(r->a[4], t->options, sizeof(t->options));
	if (!err)
		err = user_path(AT_FDCWD, r->a[1], WALK_FOLLOW, &on);
	if (err)
		goto out;
	type = fs_find(t->type);
	if (type && !may_mount_type(type) &&
	    !(r->a[3] & (MS_REMOUNT | MS_PROPAGATION | MS_BIND | MS_MOVE)))
		err = -EPERM;
	else if (!r->a[2] && !(r->a[3] & (MS_REMOUNT | MS_PROPAGATION | MS_BIND | MS_MOVE)))
		err = -EINVAL;
	else if (r->a[3] & MS_REMOUNT)
		err = do_remount(on, r->a[3], t->options);
	else if (r->a[3] & MS_PROPAGATION)
		err = do_propagation(on, r->a[3]);
	else if (r->a[3] & (MS_BIND | MS_MOVE))
		err = -EINVAL;
	else
		err = type ? do_mount(type, t->source, on, r->a[3], t->options) : -ENODEV;
	dput(on);
out:
	kfree(t);
	return err;
}

#define MNT_FORCE 1U
#define MNT_DETACH 2U
#define MNT_EXPIRE 4U
#define UMOUNT_NOFOLLOW 8U

long call_umount2(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[1];
	struct super *sb;
	struct dentry *d;
	bool top;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = user_path(AT_FDCWD, r->a[0],
			(flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW) | WALK_KEEP_EXPIRY, &d);
	if (err)
		return err;
	sb = d->inode->sb;
	top = sb->root == d;
	dput(d);
	if (!may_mount())
		return -EPERM;
	if (!top || !may_umount(sb) || (flags & MNT_EXPIRE && flags & (MNT_FORCE | MNT_DETACH)))
		return -EINVAL;
	/* It goes when it is asked for twice, and nobody has used it between. */
	if (flags & MNT_EXPIRE) {
		if (super_busy(sb))
			return -EBUSY;
		if (!sb->expiring) {
			sb->expiring = true;
			return -EAGAIN;
		}
	}
	return do_umount(sb, flags & MNT_DETACH);
}
