// SPDX-License-Identifier: MIT
/*
 * Descriptors: the console and files of the ramfs. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "ramfs.h"

#define O_ACCMODE 3
#define O_CREAT 0100
#define O_DIRECTORY 040000
/* What is copied at a time between a program and a file. */
#define CHUNK 512U
#define MAX_FILES 64

struct files_struct {
	s32 users; /* tasks */
	struct open_file *fd[MAX_FILES];
};

struct fs_struct {
	s32 users;
	u32 umask;
};

static struct open_file *open_alloc(struct inode *inode, unsigned int mode)
{
	struct open_file *f = kmalloc(sizeof(*f), GFP_KERNEL | __GFP_ZERO);

	if (!f)
		return NULL;
	f->users = 1;
	f->inode = inode;
	f->file.f_mode = mode;
	f->file.f_mapping = inode ? inode->mapping : NULL;
	return f;
}

struct files_struct *files_init(void)
{
	struct files_struct *files = kmalloc(sizeof(*files), GFP_KERNEL | __GFP_ZERO);
	struct open_file *console = open_alloc(NULL, FMODE_READ | FMODE_WRITE);

	if (!files || !console) {
		kfree(files);
		kfree(console);
		return NULL;
	}
	files->users = 1;
	console->users = 3;
	files->fd[0] = files->fd[1] = files->fd[2] = console;
	return files;
}

struct files_struct *files_dup(struct files_struct *files)
{
	struct files_struct *copy = kmalloc(sizeof(*copy), GFP_KERNEL);

	if (!copy)
		return NULL;
	*copy = *files;
	copy->users = 1;
	for (unsigned int i = 0; i < MAX_FILES; i++)
		if (copy->fd[i])
			copy->fd[i]->users++;
	return copy;
}

struct files_struct *files_get(struct files_struct *files)
{
	files->users++;
	return files;
}

static void put_file(struct open_file *f)
{
	if (!--f->users)
		kfree(f);
}

void files_put(struct files_struct *files)
{
	if (!files || --files->users)
		return;
	for (unsigned int i = 0; i < MAX_FILES; i++)
		if (files->fd[i])
			put_file(files->fd[i]);
	kfree(files);
}

void files_exec(struct files_struct *files)
{
	(void)files;
}

bool files_shared(const struct files_struct *files)
{
	return files->users > 1;
}

struct fs_struct *fs_init(void)
{
	struct fs_struct *fs = kmalloc(sizeof(*fs), GFP_KERNEL | __GFP_ZERO);

	if (!fs)
		return NULL;
	fs->users = 1;
	fs->umask = 022;
	return fs;
}

struct fs_struct *fs_dup(struct fs_struct *fs)
{
	struct fs_struct *copy = kmalloc(sizeof(*copy), GFP_KERNEL);

	if (!copy)
		return NULL;
	*copy = *fs;
	copy->users = 1;
	return copy;
}

struct fs_struct *fs_get(struct fs_struct *fs)
{
	fs->users++;
	return fs;
}

void fs_put(struct fs_struct *fs)
{
	if (fs && !--fs->users)
		kfree(fs);
}

struct open_file *file_of(unsigned int fd)
{
	return fd < MAX_FILES ? current->files->fd[fd] : NULL;
}

long sys_openat(const char *path, int flags)
{
	static const unsigned int modes[] = {FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE};
	struct inode *n = ramfs_lookup(path);
	unsigned int fd;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (!n)
		return -ENOENT;
	if ((n->mode & S_IFMT) == S_IFDIR && flags & (O_ACCMODE | O_CREAT))
		return -EISDIR;
	if ((n->mode & S_IFMT) != S_IFDIR && flags & O_DIRECTORY)
		return -ENOTDIR;
	/* A device or a pipe, and nobody behind it. */
	if ((n->mode & S_IFMT) != S_IFDIR && !n->mapping)
		return -ENXIO;
	for (fd = 0; fd < MAX_FILES; fd++) {
		if (current->files->fd[fd])
			continue;
		current->files->fd[fd] = open_alloc(n, modes[flags & O_ACCMODE]);
		return current->files->fd[fd] ? (long)fd : -ENOMEM;
	}
	return -EMFILE;
}

long sys_close(unsigned int fd)
{
	struct open_file *f = file_of(fd);

	if (!f)
		return -EBADF;
	current->files->fd[fd] = NULL;
	put_file(f);
	return 0;
}

long sys_read(unsigned int fd, unsigned long buf, size_t n)
{
	struct open_file *f = file_of(fd);
	size_t done = 0;
	char chunk[CHUNK];

	if (!f || !(f->file.f_mode & FMODE_READ))
		return -EBADF;
	/* Nobody types: the console's input is at its end. */
	if (!f->inode)
		return 0;
	if (!f->file.f_mapping)
		return -EISDIR;
	while (done < n) {
		long got = mapping_read(f->file.f_mapping, f->pos, chunk,
					min(n - done, sizeof(chunk)));

		if (got <= 0)
			break;
		if (copy_to_user(buf + done, chunk, (size_t)got))
			return done ? (long)done : -EFAULT;
		done += (size_t)got;
		f->pos += (size_t)got;
	}
	return (long)done;
}

long sys_write(unsigned int fd, unsigned long buf, size_t n)
{
	struct open_file *f = file_of(fd);
	size_t done = 0;
	char chunk[CHUNK];

	if (!f || !(f->file.f_mode & FMODE_WRITE))
		return -EBADF;
	while (done < n) {
		size_t part = min(n - done, sizeof(chunk));
		long put = (long)part;

		if (copy_from_user(chunk, buf + done, part))
			return done ? (long)done : -EFAULT;
		if (!f->inode)
			port_console_write(chunk, part);
		else
			put = mapping_write(f->file.f_mapping, f->pos, chunk, part);
		if (put <= 0)
			return done ? (long)done : put;
		done += (size_t)put;
		f->pos += (size_t)put;
	}
	return (long)done;
}
