// SPDX-License-Identifier: MIT
/*
 * Descriptors: a table that grows, with a bit for each that execve closes; and where a task's paths begin.
 *
 * Invariant: an entry holds a reference of its file. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "lease.h"

#define FIRST_SIZE 64U

int sysctl_nr_open = 1048576;

struct files_struct {
	s32 users; /* tasks */
	unsigned int size;
	unsigned int first_free; /* no lower one is */
	struct open_file **fd;
	u8 *cloexec;
};

/* ------------------------------------------------------------------ tables */

static struct files_struct *table_alloc(unsigned int size)
{
	struct files_struct *t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);

	if (!t)
		return NULL;
	t->users = 1;
	t->size = size;
	t->fd = kvmalloc(size * sizeof(struct open_file *), GFP_KERNEL | __GFP_ZERO);
	t->cloexec = kvmalloc(size, GFP_KERNEL | __GFP_ZERO);
	if (!t->fd || !t->cloexec) {
		kvfree(t->fd);
		kvfree(t->cloexec);
		kfree(t);
		return NULL;
	}
	return t;
}

static bool table_grow(struct files_struct *t, unsigned int want)
{
	struct files_struct *big = table_alloc((unsigned int)roundup_pow_of_two(want));

	if (!big)
		return false;
	memcpy((void *)big->fd, (const void *)t->fd, t->size * sizeof(struct open_file *));
	memcpy(big->cloexec, t->cloexec, t->size);
	swap(big->fd, t->fd);
	swap(big->cloexec, t->cloexec);
	t->size = big->size;
	kvfree(big->fd);
	kvfree(big->cloexec);
	kfree(big);
	return true;
}

struct files_struct *files_init(void)
{
	struct files_struct *t = table_alloc(FIRST_SIZE);
	struct open_file *f;

	if (!t)
		return NULL;
	if (file_open(AT_FDCWD, "/dev/console", O_RDWR, 0, &f)) {
		files_put(t);
		return NULL;
	}
	for (unsigned int fd = 0; fd < 3; fd++)
		t->fd[fd] = file_get(f);
	file_put(f);
	t->first_free = 3;
	return t;
}

struct files_struct *files_dup(struct files_struct *files)
{
	struct files_struct *t = table_alloc(files->size);

	if (!t)
		return NULL;
	memcpy(t->cloexec, files->cloexec, t->size);
	t->first_free = files->first_free;
	for (unsigned int i = 0; i < t->size; i++)
		if (files->fd[i])
			t->fd[i] = file_get(files->fd[i]);
	return t;
}

struct files_struct *files_get(struct files_struct *files)
{
	files->users++;
	return files;
}

/* The record locks of a table on a file end with any of its descriptors (POSIX). */
static void close_one(struct files_struct *t, struct open_file *f)
{
	locks_drop(f->inode, t);
	dnotify_end(f, t);
	if (f->op && f->op->flush)
		f->op->flush(f);
	file_put(f);
}

void files_put(struct files_struct *files)
{
	if (!files || --files->users)
		return;
	for (unsigned int i = 0; i < files->size; i++)
		if (files->fd[i])
			close_one(files, files->fd[i]);
	kvfree(files->fd);
	kvfree(files->cloexec);
	kfree(files);
}

void files_exec(struct files_struct *files)
{
	for (unsigned int i = 0; i < files->size; i++) {
		struct open_file *f = files->fd[i];

		if (!f || !files->cloexec[i])
			continue;
		files->fd[i] = NULL;
		files->cloexec[i] = 0;
		files->first_free = min(files->first_free, i);
		close_one(files, f);
	}
}

bool files_shared(const struct files_struct *files)
{
	return files->users > 1;
}

struct open_file *files_lookup(const struct files_struct *files, unsigned int fd)
{
	return fd < files->size ? files->fd[fd] : NULL;
}

bool files_too_many(const struct files_struct *files)
{
	unsigned int n = files->size;

	while (n && !files->fd[n - 1])
		n--;
	return n > (unsigned int)sysctl_nr_open;
}

unsigned int files_max(const struct files_struct *files)
{
	return files->size;
}

bool files_cloexec(const struct files_struct *files, unsigned int fd)
{
	return fd < files->size && files->cloexec[fd];
}

/* ------------------------------------------------------------------ descriptors of the running program */

struct open_file *file_of_raw(unsigned int fd)
{
	return current->files ? files_lookup(current->files, fd) : NULL;
}

struct open_file *file_of(unsigned int fd)
{
	struct open_file *f = file_of_raw(fd);

	return f && f->flags & O_PATH ? NULL : f;
}

unsigned int fd_limit(void)
{
	return (unsigned int)min((u64)sysctl_nr_open, current->signal->rlim[RLIMIT_NOFILE].cur);
}

long fd_install(struct open_file *f, unsigned int from, bool cloexec)
{
	struct files_struct *t = current->files;
	unsigned int fd = max(from, t->first_free);

	while (fd < t->size && t->fd[fd])
		fd++;
	if (fd >= fd_limit()) {
		file_put(f);
		return -EMFILE;
	}
	if (fd >= t->size && !table_grow(t, fd + 1)) {
		file_put(f);
		return -ENOMEM;
	}
	t->fd[fd] = f;
	t->cloexec[fd] = cloexec;
	if (from <= t->first_free)
		t->first_free = fd + 1;
	return (long)fd;
}

long fd_close(unsigned int fd)
{
	struct files_struct *t = current->files;
	struct open_file *f = file_of_raw(fd);

	if (!f)
		return -EBADF;
	t->fd[fd] = NULL;
	t->cloexec[fd] = 0;
	t->first_free = min(t->first_free, fd);
	close_one(t, f);
	return 0;
}

long fd_replace(struct open_file *f, unsigned int fd, bool cloexec)
{
	struct files_struct *t = current->files;

	if (fd >= fd_limit())
		return -EBADF;
	if (fd >= t->size && !table_grow(t, fd + 1))
		return -ENOMEM;
	file_get(f);
	(void)fd_close(fd);
	t->fd[fd] = f;
	t->cloexec[fd] = cloexec;
	return (long)fd;
}

long fd_dup_to(unsigned int old, unsigned int new, bool cloexec)
{
	struct open_file *f = file_of_raw(old);

	return f ? fd_replace(f, new, cloexec) : -EBADF;
}

long fd_set_cloexec(unsigned int fd, bool cloexec)
{
	if (!file_of_raw(fd))
		return -EBADF;
	current->files->cloexec[fd] = cloexec;
	return 0;
}

#define CLOSE_RANGE_UNSHARE 2U
#define CLOSE_RANGE_CLOEXEC 4U

long fd_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	struct files_struct *t;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE && files_shared(current->files)) {
		t = files_dup(current->files);
		if (!t)
			return -ENOMEM;
		files_put(current->files);
		current->files = t;
	}
	t = current->files;
	last = min(last, t->size - 1);
	for (unsigned int fd = first; fd <= last; fd++) {
		if (!t->fd[fd])
			continue;
		if (flags & CLOSE_RANGE_CLOEXEC)
			t->cloexec[fd] = 1;
		else
			(void)fd_close(fd);
	}
	return 0;
}

/* ------------------------------------------------------------------ where paths begin */

struct fs_struct *fs_init(void)
{
	struct fs_struct *fs = kmalloc(sizeof(*fs), GFP_KERNEL | __GFP_ZERO);

	if (!fs)
		return NULL;
	fs->users = 1;
	fs->umask = 022;
	fs->ns = &init_mount_ns;
	ns_get(&fs->ns->ns);
	fs->root = dget(vfs_root());
	fs->cwd = dget(fs->root);
	return fs;
}

struct fs_struct *fs_dup(struct fs_struct *fs)
{
	struct fs_struct *copy = kmalloc(sizeof(*copy), GFP_KERNEL);

	if (!copy)
		return NULL;
	*copy = *fs;
	copy->users = 1;
	dget(copy->root);
	dget(copy->cwd);
	ns_get(&copy->ns->ns);
	return copy;
}

struct fs_struct *fs_get(struct fs_struct *fs)
{
	fs->users++;
	return fs;
}

void fs_put(struct fs_struct *fs)
{
	if (!fs || --fs->users)
		return;
	dput(fs->root);
	dput(fs->cwd);
	mount_ns_put(fs->ns);
	kfree(fs);
}
