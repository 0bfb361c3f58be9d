// SPDX-License-Identifier: MIT
/*
 * File systems, and where they are mounted: a table in the order of mounting. A mount point is a dentry that another one, the root of
 * what is mounted, covers. Locking: kernel_lock.
 *
 * As small as programs that test memory allow: no namespaces, no bind mounts, no propagation, which Linux has.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"

#define MAX_TYPES 16U

struct super *mounts;

static const struct fs_type *types[MAX_TYPES];
static unsigned int nr_types;
static u32 last_dev;

int fs_register(const struct fs_type *type)
{
	if (nr_types == MAX_TYPES)
		return -ENOSPC;
	types[nr_types++] = type;
	return 0;
}

const struct fs_type *fs_find(const char *name)
{
	for (unsigned int i = 0; i < nr_types; i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

const struct fs_type *fs_nth(unsigned int n)
{
	return n < nr_types ? types[n] : NULL;
}

int super_init(struct super *sb, const struct fs_type *type)
{
	sb->type = type;
	sb->dev = MKDEV(0, ++last_dev);
	return 0;
}

bool mount_seen(const struct super *sb)
{
	const struct mount_ns *ns = current && current->fs ? current->fs->ns : NULL;

	while (ns && ns != sb->ns)
		ns = ns->parent;
	return ns == sb->ns;
}

int do_mount(const struct fs_type *type, const char *source, struct dentry *on, unsigned long flags,
	     const char *options)
{
	struct super *sb, **last = &mounts;
	int err;

	if (on && (on->inode->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	/* Somebody else has mounted there, unseen. */
	if (on && on->mounted)
		return -EBUSY;
	sb = kmalloc(sizeof(*sb), GFP_KERNEL | __GFP_ZERO);
	if (!sb)
		return -ENOMEM;
	super_init(sb, type);
	quire_strlcpy(sb->source, source, sizeof(sb->source));
	sb->flags = flags & MS_KEPT;
	sb->ns = current && current->fs ? current->fs->ns : NULL;
	err = type->fill(sb, options);
	if (err) {
		kfree(sb);
		return err;
	}
	while (*last)
		last = &(*last)->next;
	*last = sb;
	if (on) {
		sb->covers = dget(on);
		on->mounted = sb;
	}
	return 0;
}

int do_remount(struct dentry *root, unsigned long flags, const char *options)
{
	struct super *sb = root->inode->sb;
	int err;

	if (sb->root != root)
		return -EINVAL;
	if (flags & MS_RDONLY && !(sb->flags & MS_RDONLY) && sb->writers)
		return -EBUSY;
	err = sb->type->reconfigure ? sb->type->reconfigure(sb, options) : 0;
	if (!err)
		sb->flags = flags & MS_KEPT;
	return err;
}

/* Everything that is pinned below, leaves first. */
static void empty(struct dentry *dir)
{
	struct dentry *d;

	while ((d = dir->children)) {
		empty(d);
		dentry_unpin(d);
	}
}

/* Users of what is below: everything that is pinned has one reference for that, and one of each entry. */
static bool in_use(const struct dentry *dir)
{
	s32 own = dir->pinned;

	for (const struct dentry *d = dir->children; d; d = d->next) {
		own++;
		if (d->mounted || in_use(d))
			return true;
	}
	return dir->users != own;
}

/* The same of a whole file system: the table's reference of the root is nobody's use. */
bool super_busy(const struct super *sb)
{
	bool used;

	sb->root->users--;
	used = in_use(sb->root);
	sb->root->users++;
	return used;
}

/* Nobody is inside any more, nor comes: its files go, and the description with the last of them (iput). */
static void super_end(struct super *sb)
{
	struct dentry *root = sb->root;
	struct inode *last;

	inotify_unmount(sb);
	empty(root);
	sb->root = NULL;
	/* What comes from elsewhere, as an open file in a message, holds its inode. */
	last = root->inode;
	iget(last);
	sb->gone = true;
	dput(root);
	iput(last);
}

void super_left(struct super *sb)
{
	if (sb->detached && !super_busy(sb)) {
		sb->detached = false;
		super_end(sb);
	}
}

int do_umount(struct super *sb, bool detach)
{
	struct super **p = &mounts, *other;

	if (!sb->covers)
		return -EINVAL;
again:
	for (other = mounts; other; other = other->next) {
		if (!other->covers || other->covers->inode->sb != sb)
			continue;
		if (!detach)
			return -EBUSY;
		(void)do_umount(other, true);
		goto again;
	}
	if (!detach && super_busy(sb))
		return -EBUSY;
	while (*p && *p != sb)
		p = &(*p)->next;
	if (*p)
		*p = sb->next;
	sb->covers->mounted = NULL;
	dput(sb->covers);
	sb->covers = NULL;
	sb->detached = true;
	/* Who is inside keeps it (dput). */
	super_left(sb);
	return 0;
}

struct mount_ns *mount_ns_new(void)
{
	struct mount_ns *ns = kmalloc(sizeof(*ns), GFP_KERNEL);

	if (!ns)
		return NULL;
	ns->users = 1;
	ns->parent = current->fs->ns;
	if (ns->parent)
		ns->parent->users++;
	return ns;
}

void mount_ns_put(struct mount_ns *ns)
{
	while (ns && !--ns->users) {
		struct mount_ns *parent = ns->parent;
		struct super *sb, *last;

		/* The last one first: what is mounted on it is gone then. */
		do {
			last = NULL;
			for (sb = mounts; sb; sb = sb->next)
				if (sb->ns == ns)
					last = sb;
			if (last)
				last->ns = NULL;
		} while (last && !do_umount(last, true));
		kfree(ns);
		ns = parent;
	}
}

struct dentry *vfs_root(void)
{
	struct dentry *d = mounts->root;

	while (d->mounted)
		d = d->mounted->root;
	return d;
}
