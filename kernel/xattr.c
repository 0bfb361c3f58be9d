// SPDX-License-Identifier: MIT
/*
 * Extended attributes of files in memory (Linux: fs/xattr.c, mm/shmem.c; man 7 xattr): user., trusted. and security., each with its rules.
 *
 * An inode's attributes are a list by their names, the last one first, which is the order that listxattr shows. Each counts against the inodes
 * that its file system may have (kernel/tmpfs_mount.c). security. is kept and not heeded; system., Linux's access lists, is not there.
 * Locking: kernel_lock.
 */
#include "xattr.h"

#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"
#include "syscall.h"
#include "tmpfs.h"

#define XATTR_CREATE 1U
#define XATTR_REPLACE 2U
#define XATTR_NAME_MAX 255U
#define XATTR_SIZE_MAX 65536U
#define XATTR_LIST_MAX 65536U

struct xattr {
	struct xattr *next;
	char *value;
	size_t size;
	char name[];
};

/* What one counts as. */
static s64 space_of(const char *name, size_t size)
{
	return (s64)(40 + size + strlen(name));
}

static void xattr_free(struct xattr *x)
{
	if (x)
		kvfree(x->value);
	kfree(x);
}

void xattrs_free(struct inode *inode)
{
	struct xattr *x;

	while ((x = inode->xattrs)) {
		inode->xattrs = x->next;
		tmpfs_uncharge(inode->sb, space_of(x->name, x->size));
		xattr_free(x);
	}
}

/* Where that name is, or belongs. */
static struct xattr **find(struct inode *inode, const char *name, bool *there)
{
	struct xattr **p = &inode->xattrs;

	while (*p && strcmp((*p)->name, name) > 0)
		p = &(*p)->next;
	*there = *p && !strcmp((*p)->name, name);
	return p;
}

/* ------------------------------------------------------------------ who may */

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int permission(const struct inode *n, const char *name, bool write)
{
	const u32 type = n->mode & S_IFMT;

	if (write && n->sb->flags & MS_RDONLY)
		return -EROFS;
	if (has_prefix(name, "security.") || has_prefix(name, "system."))
		return 0;
	if (has_prefix(name, "trusted."))
		return capable(CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
	if (has_prefix(name, "user.")) {
		if (type != S_IFREG && type != S_IFDIR)
			return write ? -EPERM : -ENODATA;
		if (type == S_IFDIR && n->mode & S_ISVTX && write && inode_owner(n))
			return -EPERM;
	}
	return inode_permission(n, write ? MAY_WRITE : MAY_READ);
}

/* security.: what no module guards is root's; file capabilities have a form. */
static int security_permission(const char *name, const void *value, size_t size)
{
	u32 revision = 0;

	if (!has_prefix(name, "security."))
		return 0;
	if (strcmp(name, "security.capability") != 0)
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (!capable(CAP_SETFCAP))
		return -EPERM;
	if (!value)
		return 0;
	if (size >= sizeof(revision))
		memcpy(&revision, value, sizeof(revision));
	return (size == 20 && revision >> 24 == 2) || (size == 24 && revision >> 24 == 3) ? 0
											  : -EINVAL;
}

/* Can the file have attributes of that family? */
static int family(const struct inode *n, const char *name)
{
	static const char *const families[] = {"security.", "trusted.", "user."};

	for (unsigned int i = 0; n->sb->type->xattrs && i < ARRAY_SIZE(families); i++)
		if (has_prefix(name, families[i]))
			return name[strlen(families[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

/* ------------------------------------------------------------------ set, get, list */

static struct xattr *xattr_alloc(const char *name, const void *value, size_t size)
{
	size_t len = strlen(name);
	struct xattr *x = kmalloc(sizeof(*x) + len + 1, GFP_KERNEL);

	if (!x)
		return NULL;
	memcpy(x->name, name, len + 1);
	x->size = size;
	x->value = kvmalloc(max(size, (size_t)1), GFP_KERNEL);
	if (!x->value) {
		kfree(x);
		return NULL;
	}
	memcpy(x->value, value, size);
	return x;
}

static int replace(struct inode *n, const char *name, struct xattr *x, unsigned int flags)
{
	bool there;
	struct xattr **p = find(n, name, &there), *old = *p;

	if (there && flags & XATTR_CREATE)
		return -EEXIST;
	if (!there && flags & XATTR_REPLACE)
		return -ENODATA;
	if (x) {
		x->next = there ? old->next : old;
		*p = x;
	} else if (there) {
		*p = old->next;
	}
	if (there) {
		tmpfs_uncharge(n->sb, space_of(old->name, old->size));
		xattr_free(old);
	}
	inode_changed(n, false);
	return 0;
}

/* value NULL: it goes. */
static int set(struct inode *n, const char *name, const void *value, size_t size,
	       unsigned int flags)
{
	struct xattr *x = NULL;
	int err = permission(n, name, true);

	if (!err)
		err = security_permission(name, value, size);
	if (!err)
		err = family(n, name);
	if (err)
		return err;
	if (value) {
		if (!tmpfs_charge(n->sb, space_of(name, size)))
			return -ENOSPC;
		x = xattr_alloc(name, value, size);
		err = x ? 0 : -ENOMEM;
	}
	if (!err)
		err = replace(n, name, x, flags);
	if (err && value) {
		tmpfs_uncharge(n->sb, space_of(name, size));
		xattr_free(x);
	}
	return err;
}

/* size 0: how long it is. */
static long get(struct inode *n, const char *name, unsigned long to, size_t size)
{
	const struct xattr *x;
	bool there;
	int err = permission(n, name, false);

	if (!err)
		err = family(n, name);
	if (err)
		return err;
	x = *find(n, name, &there);
	if (!there)
		return -ENODATA;
	if (!size)
		return (long)x->size;
	if (x->size > size)
		return -ERANGE;
	return copy_to_user(to, x->value, x->size) ? -EFAULT : (long)x->size;
}

static long list(const struct inode *n, unsigned long to, size_t size)
{
	size_t done = 0;

	for (const struct xattr *x = n->xattrs; x; x = x->next) {
		size_t len = strlen(x->name) + 1;

		if (has_prefix(x->name, "trusted.") && !capable(CAP_SYS_ADMIN))
			continue;
		if (size && done + len > min(size, (size_t)XATTR_LIST_MAX))
			return size >= XATTR_LIST_MAX ? -E2BIG : -ERANGE;
		if (size && copy_to_user(to + done, x->name, len))
			return -EFAULT;
		done += len;
	}
	return (long)done;
}

/* ------------------------------------------------------------------ calls */

static long get_name(char *name, unsigned long from)
{
	long n = strncpy_from_user(name, from, XATTR_NAME_MAX + 1);

	return n == -ENAMETOOLONG || n == 0 ? -ERANGE : n < 0 ? n : 0;
}

struct setting {
	char name[XATTR_NAME_MAX + 1];
	char *value;
};

static long get_setting(struct setting *s, const struct syscall_args *r)
{
	size_t size = r->a[3];
	long err;

	s->value = NULL;
	if (r->a[4] & ~(u64)(XATTR_CREATE | XATTR_REPLACE) & 0xffffffffU)
		return -EINVAL;
	err = get_name(s->name, r->a[1]);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	s->value = kvmalloc(max(size, (size_t)1), GFP_KERNEL);
	if (!s->value)
		return -ENOMEM;
	return size && copy_from_user(s->value, r->a[2], size) ? -EFAULT : 0;
}

static long set_path(const struct syscall_args *r, unsigned int walk)
{
	struct setting s;
	struct dentry *d;
	long err = get_setting(&s, r);

	if (!err)
		err = user_path(AT_FDCWD, r->a[0], walk, &d);
	if (!err) {
		err = set(d->inode, s.name, s.value, r->a[3], (unsigned int)r->a[4]);
		if (!err)
			inotify_file(d, IN_ATTRIB);
		dput(d);
	}
	kvfree(s.value);
	return err;
}

long call_setxattr(const struct syscall_args *r)
{
	return set_path(r, WALK_FOLLOW);
}

long call_lsetxattr(const struct syscall_args *r)
{
	return set_path(r, 0);
}

long call_fsetxattr(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	struct setting s;
	long err;

	if (!f)
		return -EBADF;
	err = get_setting(&s, r);
	if (!err)
		err = set(f->inode, s.name, s.value, r->a[3], (unsigned int)r->a[4]);
	if (!err)
		inotify_file(f->dentry, IN_ATTRIB);
	kvfree(s.value);
	return err;
}

static long get_of(struct inode *n, const struct syscall_args *r)
{
	char name[XATTR_NAME_MAX + 1];
	long err = get_name(name, r->a[1]);

	return err ? err : get(n, name, r->a[2], r->a[3]);
}

static long get_path(const struct syscall_args *r, unsigned int walk)
{
	struct dentry *d;
	long n = user_path(AT_FDCWD, r->a[0], walk, &d);

	if (n)
		return n;
	n = get_of(d->inode, r);
	dput(d);
	return n;
}

long call_getxattr(const struct syscall_args *r)
{
	return get_path(r, WALK_FOLLOW);
}

long call_lgetxattr(const struct syscall_args *r)
{
	return get_path(r, 0);
}

long call_fgetxattr(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);

	return f ? get_of(f->inode, r) : -EBADF;
}

static long list_path(const struct syscall_args *r, unsigned int walk)
{
	struct dentry *d;
	long n = user_path(AT_FDCWD, r->a[0], walk, &d);

	if (n)
		return n;
	n = list(d->inode, r->a[1], r->a[2]);
	dput(d);
	return n;
}

long call_listxattr(const struct syscall_args *r)
{
	return list_path(r, WALK_FOLLOW);
}

long call_llistxattr(const struct syscall_args *r)
{
	return list_path(r, 0);
}

long call_flistxattr(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);

	return f ? list(f->inode, r->a[1], r->a[2]) : -EBADF;
}

static long remove_path(const struct syscall_args *r, unsigned int walk)
{
	char name[XATTR_NAME_MAX + 1];
	struct dentry *d;
	long err = get_name(name, r->a[1]);

	if (!err)
		err = user_path(AT_FDCWD, r->a[0], walk, &d);
	if (err)
		return err;
	err = set(d->inode, name, NULL, 0, XATTR_REPLACE);
	if (!err)
		inotify_file(d, IN_ATTRIB);
	dput(d);
	return err;
}

long call_removexattr(const struct syscall_args *r)
{
	return remove_path(r, WALK_FOLLOW);
}

long call_lremovexattr(const struct syscall_args *r)
{
	return remove_path(r, 0);
}

long call_fremovexattr(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	char name[XATTR_NAME_MAX + 1];
	long err;

	if (!f)
		return -EBADF;
	err = get_name(name, r->a[1]);
	if (!err)
		err = set(f->inode, name, NULL, 0, XATTR_REPLACE);
	if (!err)
		inotify_file(f->dentry, IN_ATTRIB);
	return err;
}
