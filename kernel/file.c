// SPDX-License-Identifier: MIT
/*
 * Open files: their making, their end, and the memory of programs that they read and write.
 *
 * A file is closed by the last one that holds it: a descriptor, an area that maps it, a call that is at it. Areas go under mmap_lock, with
 * or without kernel_lock, so the last reference of an area only puts the file on a list (no lock: one exchange), and files_reap, under
 * kernel_lock, closes what is there.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "lease.h"
#include "inotify.h"
#include "poll.h"
#include "vfs.h"

static struct open_file *dead; /* by next_dead */

/* ------------------------------------------------------------------ memory of programs */

void iter_init(struct iter *it, unsigned long base, size_t len)
{
	*it = (struct iter){.left = len, .one = {.base = base, .len = len}};
	it->vec = &it->one;
}

void iter_init_kernel(struct iter *it, void *base, size_t len)
{
	iter_init(it, (unsigned long)base, len);
	it->kernel = true;
}

/* Up to n bytes; buf NULL: zeros. */
static size_t move(void *buf, size_t n, struct iter *it, bool out)
{
	size_t done = 0;

	n = min(n, it->left);
	while (done < n) {
		size_t part = min(n - done, (size_t)it->vec->len - it->skip), left = 0;
		unsigned long at = it->vec->base + it->skip;
		char *piece = (char *)buf + done;

		if (!part) {
			it->vec++;
			it->skip = 0;
			continue;
		}
		if (it->kernel && !buf)
			memset((void *)at, 0, part);
		else if (it->kernel && out)
			memcpy((void *)at, piece, part);
		else if (it->kernel)
			memcpy(piece, (const void *)at, part);
		else if (!buf)
			left = clear_user_partly(at, part);
		else if (out)
			left = copy_to_user_partly(at, piece, part);
		else
			left = copy_from_user_partly(piece, at, part);
		part -= left;
		it->skip += part;
		it->left -= part;
		done += part;
		if (left)
			break;
	}
	return done;
}

size_t copy_to_iter(const void *from, size_t n, struct iter *it)
{
	return move((void *)from, n, it, true);
}

size_t copy_from_iter(void *to, size_t n, struct iter *it)
{
	return move(to, n, it, false);
}

size_t zero_iter(size_t n, struct iter *it)
{
	return move(NULL, n, it, true);
}

long simple_read(struct iter *to, u64 *pos, const void *text, size_t len)
{
	size_t n;

	if (*pos >= len || !to->left)
		return 0;
	n = copy_to_iter((const char *)text + *pos, len - *pos, to);
	*pos += n;
	return n ? (long)n : -EFAULT;
}

s64 generic_llseek(struct open_file *f, s64 offset, int whence)
{
	switch (whence) {
	case 0:
		break;
	case 1:
		offset += (s64)f->pos;
		break;
	case 2:
		offset += (s64)inode_size(f->inode);
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0)
		return -EINVAL;
	f->pos = (u64)offset;
	return offset;
}

/* ------------------------------------------------------------------ times */

struct timespec time_now(void)
{
	u64 ns = port_time_ns() + (u64)realtime_offset;

	return (struct timespec){(s64)(ns / 1000000000), (s64)(ns % 1000000000)};
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec < b->nsec);
}

/* relatime, which all mounts have but the first: once for each change, and once a day. */
#define DAY_SEC 86400

void file_accessed(struct open_file *f)
{
	struct inode *n = f->inode;
	struct timespec now = time_now();

	if (f->flags & O_NOATIME)
		return;
	if (n->sb == mounts || !is_before(&n->mtime, &n->atime) ||
	    !is_before(&n->ctime, &n->atime) || now.sec - n->atime.sec >= DAY_SEC)
		n->atime = now;
}

void inode_changed(struct inode *inode, bool contents)
{
	inode->ctime = time_now();
	if (contents)
		inode->mtime = inode->ctime;
}

/* ------------------------------------------------------------------ making and closing */

/* Any context. */
static void file_released(struct file *file)
{
	struct open_file *f = container_of(file, struct open_file, file),
			 *head = __atomic_load_n(&dead, __ATOMIC_RELAXED);

	do
		f->next_dead = head;
	while (!__atomic_compare_exchange_n(&dead, &head, f, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

struct open_file *open_file_of(struct file *file)
{
	return file->f_release == file_released ? container_of(file, struct open_file, file) : NULL;
}

/* Does it keep its file system from becoming read-only? */
static bool is_file_writer(const struct open_file *f)
{
	return f->file.f_mode & FMODE_WRITE && (f->inode->mode & S_IFMT) == S_IFREG;
}

struct open_file *file_alloc(struct dentry *d, unsigned int flags, const struct file_operations *op)
{
	static const unsigned int modes[] = {FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE, 0};
	struct open_file *f = kmalloc(sizeof(*f), GFP_KERNEL | __GFP_ZERO);

	if (!f) {
		dput(d);
		return NULL;
	}
	f->file.f_count = 1;
	f->file.f_mode = flags & O_PATH ? 0 : modes[flags & O_ACCMODE];
	f->file.f_mapping = d->inode->mapping;
	f->file.f_release = file_released;
	f->dentry = d;
	f->inode = d->inode;
	f->flags = flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC | O_ASYNC);
	f->noctty = flags & O_NOCTTY;
	f->op = op;
	f->opener = current ? current->cred.fsuid : 0;
	f->inode->writers += !!(f->file.f_mode & FMODE_WRITE);
	f->inode->readers += f->file.f_mode == FMODE_READ;
	f->inode->sb->writers += is_file_writer(f);
	return f;
}

void file_not_running(struct open_file *f)
{
	f->inode->runners -= f->running;
	f->running = false;
}

int file_may_write(const struct inode *n)
{
	/* Who has ended may have left it behind. */
	if (n->runners)
		files_reap();
	return n->runners ? -ETXTBSY : 0;
}

static void file_close(struct open_file *f)
{
	locks_drop(f->inode, f);
	lease_end(f);
	dnotify_end(f, NULL);
	if (f->op)
		inotify_file(f->dentry,
			     f->file.f_mode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	file_set_async(f, 0, false);
	epoll_forget(f);
	if (f->op && f->op->release)
		f->op->release(f);
	f->inode->writers -= !!(f->file.f_mode & FMODE_WRITE);
	f->inode->readers -= f->file.f_mode == FMODE_READ;
	f->inode->sb->writers -= is_file_writer(f);
	file_not_running(f);
	dput(f->dentry);
	kfree(f);
}

bool file_get_live(struct open_file *f)
{
	s32 n = __atomic_load_n(&f->file.f_count, __ATOMIC_RELAXED);

	/* Areas let theirs go without kernel_lock. */
	while (n && !__atomic_compare_exchange_n(&f->file.f_count, &n, n + 1, true,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return n != 0;
}

void file_put(struct open_file *f)
{
	if (__atomic_sub_fetch(&f->file.f_count, 1, __ATOMIC_ACQ_REL))
		return;
	file_released(&f->file);
	files_reap();
}

void files_reap(void)
{
	static bool reaping;
	struct open_file *f, *next;

	/* A file that is closed closes others. */
	if (likely(!__atomic_load_n(&dead, __ATOMIC_RELAXED)) || reaping)
		return;
	reaping = true;
	while ((f = __atomic_exchange_n(&dead, NULL, __ATOMIC_ACQUIRE)))
		for (; f; f = next) {
			next = f->next_dead;
			file_close(f);
		}
	reaping = false;
}

static struct super anon; /* of what has no place */
static const struct fs_type anon_type = {.name = "anon_inodefs", .magic = 0x09041934};

struct open_file *file_anon(const char *name, u32 mode, unsigned int flags,
			    const struct file_operations *op)
{
	struct inode *n;
	struct dentry *d;

	if (!anon.type)
		super_init(&anon, &anon_type);
	n = inode_alloc(&anon, mode);
	if (!n)
		return NULL;
	d = dentry_alloc(NULL, name, strlen(name), n);
	return d ? file_alloc(d, flags, op) : NULL;
}

bool file_is_anon(const struct open_file *f)
{
	return f->inode->sb == &anon;
}

int file_rename_anon(struct open_file *f, const char *name)
{
	struct dentry *d;

	iget(f->inode);
	d = dentry_alloc(NULL, name, strlen(name), f->inode);
	if (!d)
		return -ENOMEM;
	dput(f->dentry);
	f->dentry = d;
	return 0;
}

long kernel_read(struct open_file *f, void *buf, size_t n, u64 pos)
{
	struct iter it;

	if (!f->op || !f->op->read)
		return -EINVAL;
	iter_init_kernel(&it, buf, n);
	return f->op->read(f, &it, &pos);
}

/* ------------------------------------------------------------------ open */

/* A new name for O_CREAT. The walk's dentry becomes it. */
static int create(struct path_walk *w, u32 mode)
{
	if (w->slash)
		return -EISDIR;
	return vfs_create(w->parent, w->last, w->len,
			  S_IFREG | (mode & S_IALLUGO & ~(current ? current->fs->umask : 0)), 0,
			  &w->dentry);
}

/* O_TMPFILE: a file in that directory's file system, without a name. */
static int create_tmpfile(struct dentry **d, unsigned int flags, u32 mode)
{
	struct dentry *dir = *d;
	struct inode *n;
	int err;

	if (dir->inode->op && dir->inode->op->lookup)
		return -EOPNOTSUPP;
	err = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!tmpfs_has_inode(dir->inode->sb))
		return -ENOSPC;
	n = tmpfs_inode(dir->inode->sb, S_IFREG | (mode & S_IALLUGO & ~current->fs->umask), 0);
	if (!n)
		return -ENOMEM;
	n->uid = current->cred.fsuid;
	n->gid = dir->inode->mode & S_ISGID ? dir->inode->gid : current->cred.fsgid;
	n->nlink = 0;
	n->linkable = !(flags & O_EXCL);
	*d = dentry_alloc(NULL, "#tmpfile", 8, n);
	if (!*d) {
		*d = dir;
		return -ENOMEM;
	}
	(*d)->unlinked = true;
	dput(dir);
	return 0;
}

static int may_open(const struct inode *n, unsigned int flags, bool created)
{
	static const unsigned int access[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					      MAY_READ | MAY_WRITE};
	u32 type = n->mode & S_IFMT;

	if (type == S_IFLNK)
		return -ELOOP;
	if (type == S_IFDIR && flags & (O_ACCMODE | O_TRUNC | O_CREAT))
		return -EISDIR;
	if (type == S_IFSOCK)
		return -ENXIO;
	if ((type == S_IFCHR || type == S_IFBLK) && n->sb->flags & MS_NODEV)
		return -EACCES;
	if (created)
		return 0;
	if (flags & O_TRUNC && type == S_IFREG && inode_permission(n, MAY_WRITE))
		return inode_permission(n, MAY_WRITE);
	if (inode_permission(n, access[flags & O_ACCMODE]))
		return inode_permission(n, access[flags & O_ACCMODE]);
	return flags & O_NOATIME && current ? inode_owner(n) : 0;
}

static int find(int dirfd, const char *path, unsigned int flags, u32 mode, unsigned int walk,
		struct dentry **d, bool *created)
{
	unsigned int how =
		walk | (flags & O_NOFOLLOW || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)
				? 0
				: WALK_FOLLOW);
	struct path_walk w;
	int err;

	if (flags & O_DIRECTORY && !(flags & O_CREAT))
		how |= flags & O_NOFOLLOW ? 0 : WALK_DIRECTORY;
	err = walk_path(dirfd, path, flags & O_CREAT ? how | WALK_PARENT : how, &w);
	if (err)
		return err;
	*created = false;
	if (flags & O_CREAT && !w.dentry) {
		err = create(&w, mode);
		*created = !err;
	} else if (flags & O_CREAT && flags & O_EXCL) {
		err = -EEXIST;
	} else if (flags & O_CREAT &&
		   (w.dots || w.slash || (w.dentry->inode->mode & S_IFMT) == S_IFDIR)) {
		err = -EISDIR;
	}
	if (!err)
		*d = dget(w.dentry);
	walk_end(&w);
	return err;
}

static int open_dentry(struct dentry *d, unsigned int flags, bool created, struct open_file **out)
{
	struct inode *n = d->inode;
	struct open_file *f;
	int err = 0;

	if (flags & O_PATH) {
		*out = file_alloc(d, flags, NULL);
		return *out ? 0 : -ENOMEM;
	}
	if (!created)
		err = may_open(n, flags, created);
	/* A file without a place, by /proc/PID/fd: only a pipe can be opened again. */
	if (!err && !n->fop)
		err = -ENXIO;
	if (!err && (flags & O_ACCMODE || flags & O_TRUNC))
		err = file_may_write(n);
	if (!err)
		err = (int)leases_break(n, flags);
	if (!err && flags & O_TRUNC && (n->mode & S_IFMT) == S_IFREG && n->mapping) {
		err = inode_truncate(n, 0);
		inotify_file(d, IN_MODIFY);
	}
	if (err) {
		dput(d);
		return err;
	}
	f = file_alloc(d, flags, n->fop);
	if (!f)
		return -ENOMEM;
	f->created = created;
	if (f->op && f->op->open) {
		err = f->op->open(n, f);
		if (err) {
			/* It was never open. */
			static const struct file_operations none;

			f->op = &none;
			file_put(f);
			return err;
		}
	}
	inotify_file(d, IN_OPEN);
	*out = f;
	return 0;
}

int file_open_dentry(struct dentry *d, unsigned int flags, struct open_file **f)
{
	return open_dentry(d, flags, false, f);
}

int file_open(int dirfd, const char *path, unsigned int flags, u32 mode, struct open_file **f)
{
	return file_open_walk(dirfd, path, flags, mode, 0, f);
}

int file_open_walk(int dirfd, const char *path, unsigned int flags, u32 mode, unsigned int walk,
		   struct open_file **f)
{
	struct dentry *d;
	bool created = false, tmpfile = flags & O_TMPFILE_BIT;
	int err;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (tmpfile && (!(flags & O_DIRECTORY) || flags & O_CREAT || !(flags & O_ACCMODE)))
		return -EINVAL;
	if (!tmpfile && (flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	err = find(dirfd, path, flags, mode, walk, &d, &created);
	if (err)
		return err;
	if (tmpfile) {
		err = create_tmpfile(&d, flags, mode);
		created = true;
	} else if (flags & O_DIRECTORY && (d->inode->mode & S_IFMT) != S_IFDIR) {
		err = (d->inode->mode & S_IFMT) == S_IFLNK && !(flags & O_PATH) ? -ELOOP : -ENOTDIR;
	}
	if (err) {
		dput(d);
		return err;
	}
	return open_dentry(d, flags, created, f);
}

int file_open_exec(int dirfd, const char *path, unsigned int flags, struct open_file **f)
{
	struct path_walk w;
	struct dentry *d;
	int err = walk_path(dirfd, path,
			    (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
				    (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0),
			    &w);

	if (err)
		return err;
	d = dget(w.dentry);
	walk_end(&w);
	if ((d->inode->mode & S_IFMT) == S_IFLNK)
		err = -ELOOP;
	else if ((d->inode->mode & S_IFMT) != S_IFREG || !d->inode->mapping ||
		 d->inode->sb->flags & MS_NOEXEC)
		err = -EACCES;
	else
		err = inode_permission(d->inode, MAY_EXEC);
	if (!err && d->inode->writers)
		err = -ETXTBSY;
	if (err) {
		dput(d);
		return err;
	}
	err = open_dentry(d, O_RDONLY, false, f);
	if (!err) {
		(*f)->running = true;
		(*f)->inode->runners++;
	}
	return err;
}
