// SPDX-License-Identifier: MIT
/*
 * The way from a path to a file (Linux: fs/namei.c), and the names that are made and removed at its end.
 *
 * Errors and their order are Linux's: a missing part is ENOENT, a part that is no directory ENOTDIR, the 41st symbolic link ELOOP, and a
 * slash behind the last name asks for a directory and follows a link. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "inotify.h"
#include "tmpfs.h"
#include "userns.h"

#define MAX_LINKS 40U

static bool is_type(const struct dentry *d, u32 type)
{
	return (d->inode->mode & S_IFMT) == type;
}

/* ------------------------------------------------------------------ may it */

bool in_group(u32 gid)
{
	const struct cred *c = &current->cred;
	bool in = c->fsgid == gid;

	for (u32 i = 0; i < c->nr_groups; i++)
		in |= c->groups[i] == gid;
	return in;
}

int inode_permission(const struct inode *inode, unsigned int mask)
{
	const struct cred *c = current ? &current->cred : NULL;
	u32 type = inode->mode & S_IFMT, mode = inode->mode;
	bool directory = type == S_IFDIR;

	if (mask & MAY_WRITE && inode->sb->flags & MS_RDONLY &&
	    (type == S_IFREG || type == S_IFDIR || type == S_IFLNK))
		return -EROFS;
	if (!c)
		return 0;
	if (c->fsuid == inode->uid)
		mode >>= 6;
	else if (in_group(inode->gid))
		mode >>= 3;
	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (!(mask & ~mode))
		return 0;
	/* Root may read and write everything; what nobody may execute, root may not either. */
	if (inode_capable(inode, CAP_DAC_OVERRIDE) &&
	    (directory || !(mask & MAY_EXEC) || inode->mode & 0111))
		return 0;
	if (inode_capable(inode, CAP_DAC_READ_SEARCH) &&
	    (directory ? !(mask & MAY_WRITE) : mask == MAY_READ))
		return 0;
	return -EACCES;
}

int inode_owner(const struct inode *inode)
{
	/* Before the first program everything is the kernel's. */
	return !current || current->cred.fsuid == inode->uid || inode_capable(inode, CAP_FOWNER)
		       ? 0
		       : -EPERM;
}

u32 mode_privileges(const struct inode *inode)
{
	u32 bits = inode->mode & S_ISUID;

	if (inode->mode & S_ISGID &&
	    (inode->mode & 010 || (!in_group(inode->gid) && !inode_capable(inode, CAP_FSETID))))
		bits |= S_ISGID;
	return bits;
}

/* ------------------------------------------------------------------ walking */

struct walker {
	struct dentry *at; /* with a reference */
	struct dentry *root;
	unsigned int links;
	unsigned int flags;
	struct path_walk *result;
	bool inner;    /* in the text of a link that did not end the path */
	bool root_met; /* the way has been at the root, or has asked for it */
};

static void step(struct walker *w, struct dentry *to)
{
	dput(w->at);
	w->at = to;
}

struct dentry *cross_mounts(struct dentry *d)
{
	const struct super *sb;

	while ((sb = mounted_on(d))) {
		struct dentry *top = dget(sb->root);

		dput(d);
		d = top;
	}
	return d;
}

/* The same on the way: 0, and *d is on top; -EXDEV, and it is put. */
static int cross_down(const struct walker *w, struct dentry **d)
{
	struct super *sb = mounted_on(*d);

	if (w->flags & WALK_NO_XDEV && sb) {
		dput(*d);
		*d = NULL;
		return -EXDEV;
	}
	if (sb && !(w->flags & WALK_KEEP_EXPIRY))
		sb->expiring = false;
	*d = cross_mounts(*d);
	return 0;
}

static int dotdot(struct walker *w)
{
	struct dentry *d = w->at, *up;

	w->root_met = true;
	while (d != w->root && !d->parent && d->inode->sb->root == d && d->inode->sb->covers)
		d = d->inode->sb->covers;
	if (d == w->root || !d->parent)
		return w->flags & WALK_BENEATH && d == w->root ? -EXDEV : 0;
	up = cross_mounts(dget(d->parent));
	if (w->flags & WALK_NO_XDEV && up->inode->sb != w->at->inode->sb) {
		dput(up);
		return -EXDEV;
	}
	step(w, up);
	return 0;
}

/* To the root, from a link's text or at the beginning. */
static int to_root(struct walker *w, bool beginning)
{
	struct dentry *root;

	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	root = w->flags & WALK_IN_ROOT ? dget(w->root) : cross_mounts(dget(w->root));
	/* Linux does not know yet which file system the root is of, and then it is another one. */
	if (w->flags & WALK_NO_XDEV && !beginning &&
	    (!w->root_met || root->inode->sb != w->at->inode->sb)) {
		dput(root);
		return -EXDEV;
	}
	step(w, root);
	w->root_met = true;
	return 0;
}

long read_link(struct inode *link, char *buf, size_t size)
{
	if (link->op && link->op->readlink)
		return link->op->readlink(link, buf, size);
	if (link->text) {
		size = min(size, (size_t)link->size);
		memcpy(buf, link->text, size);
		return (long)size;
	}
	return mapping_read(link->mapping, 0, buf, size);
}

static int walk_text(struct walker *w, const char *path, bool beginning);

int sysctl_protected_symlinks = 1, sysctl_protected_hardlinks = 1;

/* A link that ends the path, found in w->at: not in a directory like /tmp, but the own one and that of whose the directory is (Linux: may_follow_link). */
static int may_follow(const struct walker *w, const struct inode *link)
{
	const struct inode *dir = w->at->inode;

	if (!sysctl_protected_symlinks || !current || link->uid == current->cred.fsuid ||
	    (dir->mode & (S_ISVTX | 2)) != (S_ISVTX | 2) || link->uid == dir->uid)
		return 0;
	return -EACCES;
}

/* By a link to a place. */
static int may_jump(const struct walker *w, const struct dentry *to)
{
	if (w->flags & WALK_NO_MAGICLINKS)
		return -ELOOP;
	if (w->flags & WALK_SCOPED ||
	    (w->flags & WALK_NO_XDEV && to->inode->sb != w->at->inode->sb))
		return -EXDEV;
	return 0;
}

/* The symbolic link d, found in w->at; takes over the reference of d. last: it ends the path, and the result is filled in. */
static int follow(struct walker *w, struct dentry *d, bool last, bool slash)
{
	unsigned int flags = w->flags;
	bool inner = w->inner;
	char *text;
	long n;
	int err = 0;

	if (++w->links > MAX_LINKS)
		err = -ELOOP;
	else if (last && !inner)
		err = may_follow(w, d->inode);
	if (!err && (w->flags & WALK_NO_SYMLINKS || d->inode->sb->flags & MS_NOSYMFOLLOW))
		err = -ELOOP;
	if (err) {
		dput(d);
		return err;
	}
	if (d->inode->op && d->inode->op->follow) {
		struct dentry *to;

		err = d->inode->op->follow(d->inode, &to);
		dput(d);
		if (err)
			return err;
		err = may_jump(w, to);
		if (err) {
			dput(to);
			return err;
		}
		step(w, to);
		if (last) {
			w->result->len = 0;
			w->result->slash = slash;
			w->result->dots = false;
			w->result->parent = NULL;
			w->result->dentry = dget(w->at);
		}
		return 0;
	}
	text = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!text) {
		dput(d);
		return -ENOMEM;
	}
	n = read_link(d->inode, text, PATH_MAX - 1);
	dput(d);
	err = n < 0 ? (int)n : n == 0 ? -ENOENT : 0;
	if (!err) {
		text[n] = '\0';
		/* The link's own last name is a part of the way unless the link was the end. */
		w->flags |= WALK_FOLLOW;
		if (!last) {
			w->flags &= ~WALK_PARENT;
			w->inner = true;
		}
		err = walk_text(w, text, false);
		w->flags = flags;
		w->inner = inner;
		if (!err && last)
			w->result->slash |= slash;
		if (!err && !last) {
			dput(w->result->parent);
			w->result->parent = NULL;
			step(w, w->result->dentry);
			w->result->dentry = NULL;
		}
	}
	kfree(text);
	return err;
}

static int end_at(struct walker *w, bool dots)
{
	w->result->len = 0;
	w->result->slash = false;
	w->result->dots = dots;
	w->result->parent = NULL;
	w->result->dentry = dget(w->at);
	return 0;
}

static int last_name(struct walker *w, const char *name, size_t len, bool slash)
{
	struct path_walk *r = w->result;
	struct dentry *d;
	int err;

	err = dentry_lookup(w->at, name, len, &d);
	if (err && (err != -ENOENT || !(w->flags & WALK_PARENT)))
		return err;
	if (d && is_type(d, S_IFLNK) && w->flags & WALK_FOLLOW)
		return follow(w, d, true, slash);
	if (d && is_type(d, S_IFLNK) && slash && !(w->flags & WALK_PARENT))
		return follow(w, d, true, slash);
	memcpy(r->last, name, len);
	r->last[len] = '\0';
	r->len = len;
	r->slash = slash;
	r->dots = false;
	r->parent = dget(w->at);
	err = d ? cross_down(w, &d) : 0;
	r->dentry = d;
	return err;
}

/* beginning: not a link's text. */
static int walk_text(struct walker *w, const char *path, bool beginning)
{
	bool dots = false;
	int err;

	if (*path == '/') {
		err = to_root(w, beginning);
		if (err)
			return err;
	}
	for (;;) {
		struct dentry *d;
		size_t len = 0, after;

		while (*path == '/')
			path++;
		if (!*path) {
			err = end_at(w, dots);
			if (dots)
				w->result->dots = true;
			return err;
		}
		if (!is_type(w->at, S_IFDIR))
			return -ENOTDIR;
		err = inode_permission(w->at->inode, MAY_EXEC);
		if (err)
			return err;
		while (path[len] && path[len] != '/')
			len++;
		dots = (len == 1 && path[0] == '.') ||
		       (len == 2 && path[0] == '.' && path[1] == '.');
		if (dots) {
			err = len == 2 ? dotdot(w) : 0;
			if (err)
				return err;
			path += len;
			continue;
		}
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		for (after = len; path[after] == '/';)
			after++;
		if (!path[after])
			return last_name(w, path, len, after > len);
		err = dentry_lookup(w->at, path, len, &d);
		if (err)
			return err;
		path += after;
		if (is_type(d, S_IFLNK)) {
			err = follow(w, d, false, false);
			if (err)
				return err;
			if (!is_type(w->at, S_IFDIR))
				return -ENOTDIR;
		} else {
			err = cross_down(w, &d);
			if (err)
				return err;
			step(w, d);
		}
	}
}

static int walk_begin(int dirfd, const char *path, unsigned int flags, struct dentry **at)
{
	struct open_file *f;

	if ((*path == '/' && !(flags & WALK_SCOPED)) || (dirfd == AT_FDCWD && !current)) {
		*at = dget(current ? current->fs->root : vfs_root());
		return 0;
	}
	if (dirfd == AT_FDCWD) {
		*at = dget(current->fs->cwd);
		return 0;
	}
	f = file_of_raw((unsigned int)dirfd);
	if (!f)
		return -EBADF;
	if (*path && (f->inode->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	*at = dget(f->dentry);
	return 0;
}

int walk_path(int dirfd, const char *path, unsigned int flags, struct path_walk *r)
{
	struct walker w = {.flags = flags, .result = r, .root_met = flags & WALK_SCOPED};
	int err;

	r->parent = r->dentry = NULL;
	r->len = 0;
	r->slash = r->dots = false;
	if (!*path && !(flags & WALK_EMPTY))
		return -ENOENT;
	if (*path == '/' && flags & WALK_BENEATH)
		return -EXDEV;
	err = walk_begin(dirfd, path, flags, &w.at);
	if (err)
		return err;
	w.root = dget(flags & WALK_SCOPED ? w.at : current ? current->fs->root : vfs_root());
	if (!*path)
		err = end_at(&w, false);
	else
		err = walk_text(&w, path, true);
	if (!err && flags & WALK_SCOPED && r->dentry && !dentry_is_under(r->dentry, w.root))
		err = -EXDEV;
	dput(w.at);
	dput(w.root);
	if (err) {
		walk_end(r);
		return err;
	}
	if (r->dentry && (flags & WALK_DIRECTORY || (r->slash && !(flags & WALK_PARENT))) &&
	    !is_type(r->dentry, S_IFDIR)) {
		walk_end(r);
		return -ENOTDIR;
	}
	return 0;
}

void walk_end(struct path_walk *w)
{
	dput(w->parent);
	dput(w->dentry);
	w->parent = w->dentry = NULL;
}

int user_path_get(unsigned long from, char **path)
{
	char *p = kmalloc(PATH_MAX, GFP_KERNEL);
	long n;

	*path = NULL;
	if (!p)
		return -ENOMEM;
	n = strncpy_from_user(p, from, PATH_MAX);
	if (n < 0) {
		kfree(p);
		return (int)n;
	}
	*path = p;
	return 0;
}

int user_path(int dirfd, unsigned long from, unsigned int flags, struct dentry **d)
{
	struct path_walk w;
	char *path;
	int err = user_path_get(from, &path);

	if (err)
		return err;
	err = walk_path(dirfd, path, flags, &w);
	kfree(path);
	if (err)
		return err;
	*d = dget(w.dentry);
	walk_end(&w);
	return 0;
}

int kern_path(const char *path, unsigned int flags, struct dentry **d)
{
	struct path_walk w;
	int err = walk_path(AT_FDCWD, path, flags, &w);

	if (err)
		return err;
	*d = dget(w.dentry);
	walk_end(&w);
	return 0;
}

/* ------------------------------------------------------------------ making and removing */

/* Directories whose names are made up: no, or what they say. */
static int may_change_names(struct inode *dir)
{
	if (!dir->op || (!dir->op->lookup && !dir->op->may_change))
		return 0;
	return dir->op->may_change ? dir->op->may_change(dir) : -EPERM;
}

static int may_change(struct dentry *dir)
{
	int err = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);

	if (!err && dir->unlinked)
		err = -ENOENT;
	return err ? err : may_change_names(dir->inode);
}

/* link: what a symbolic link leads to; NULL: it is none. */
static int make(struct dentry *dir, const char *name, size_t len, u32 mode, u32 rdev,
		const char *link, struct dentry **made)
{
	struct super *sb = dir->inode->sb;
	struct inode *inode;
	int err = may_change(dir);

	if (err)
		return err;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (!tmpfs_has_inode(sb))
		return -ENOSPC;
	if (dir->inode->mode & S_ISGID && (mode & S_IFMT) == S_IFDIR)
		mode |= S_ISGID;
	else if (dir->inode->mode & S_ISGID && (mode & (S_ISGID | 010)) == (S_ISGID | 010) &&
		 current && !in_group(dir->inode->gid) && !inode_capable(dir->inode, CAP_FSETID))
		mode &= ~S_ISGID;
	inode = tmpfs_inode(sb, mode, rdev);
	if (!inode)
		return -ENOMEM;
	if (current) {
		inode->uid = current->cred.fsuid;
		inode->gid = current->cred.fsgid;
	}
	if (dir->inode->mode & S_ISGID)
		inode->gid = dir->inode->gid;
	if (link) {
		err = tmpfs_link_text(inode, link);
		if (err) {
			iput(inode);
			return err;
		}
	}
	err = dentry_add(dir, name, len, inode);
	if (err)
		return err;
	inode_changed(dir->inode, true);
	if (unlikely(nr_inotify_watches)) {
		char text[NAME_MAX + 1];

		memcpy(text, name, len);
		text[len] = '\0';
		inotify_tell(dir->inode,
			     (mode & S_IFMT) == S_IFDIR ? IN_CREATE | IN_ISDIR : IN_CREATE, text,
			     0);
	}
	return made ? dentry_lookup(dir, name, len, made) : 0;
}

int vfs_create(struct dentry *dir, const char *name, size_t len, u32 mode, u32 rdev,
	       struct dentry **made)
{
	return make(dir, name, len, mode, rdev, NULL, made);
}

int vfs_symlink(struct dentry *dir, const char *name, size_t len, const char *text)
{
	return make(dir, name, len, S_IFLNK | 0777, 0, text, NULL);
}

bool may_remove(const struct inode *dir, const struct inode *inode)
{
	return !(dir->mode & S_ISVTX) || !inode_owner(inode) || !inode_owner(dir);
}

int vfs_unlink(struct dentry *d, bool directory, bool replaced)
{
	struct dentry *dir = d->parent;
	struct inode *inode = d->inode;
	int err;

	/* A root, or what covers a mount point. */
	if (!dir)
		return -EBUSY;
	err = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!may_remove(dir->inode, inode))
		return -EPERM;
	if (directory && !is_type(d, S_IFDIR))
		return -ENOTDIR;
	if (!directory && is_type(d, S_IFDIR))
		return -EISDIR;
	err = may_change(dir);
	if (err)
		return err;
	if (mounted_on(d))
		return -EBUSY;
	if (inode->entries)
		return -ENOTEMPTY;
	if (!d->pinned)
		return -EPERM;
	inode_changed(dir->inode, true);
	inode_changed(inode, false);
	/* A name that is not the only one counts as an inode. */
	if (!directory && inode->nlink > 1)
		tmpfs_uncharge(inode->sb, INODE_BYTES);
	inode->nlink -= directory ? 2 : 1;
	/* IN_DELETE_SELF comes with the last who uses it (iput). */
	if (!directory)
		inotify_name(inode, IN_ATTRIB, NULL, 0);
	if (!replaced)
		inotify_name(dir->inode, directory ? IN_DELETE | IN_ISDIR : IN_DELETE, d->name, 0);
	dentry_unpin(d);
	return 0;
}
