// SPDX-License-Identifier: MIT
/*
 * /proc/PID/fd and fdinfo: a task's descriptors (Linux: fs/proc/fd.c). A link of fd leads to the file itself, also where it has no name any more; its mode
 * says how it is open. What there is besides position and flags the file's own show_fdinfo tells. Locking: kernel_lock.
 */
#include "proc_fd.h"

#include <quire/printk.h>

static struct open_file *ref_file(const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);

	return t && t->files ? files_lookup(t->files, (unsigned int)r->key) : NULL;
}

static int follow_fd(const struct pseudo_ref *r, struct dentry **to)
{
	const struct open_file *f = ref_file(r);

	if (!f)
		return -ENOENT;
	*to = dget(f->dentry);
	return 0;
}

static int show_fdinfo(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	const struct open_file *f = ref_file(r);

	if (!t || !f)
		return -ENOENT;
	out_printf(out, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
		   (unsigned long long)f->pos,
		   f->flags | (files_cloexec(t->files, (unsigned int)r->key) ? O_CLOEXEC : 0),
		   f->inode->sb->dev & 0xfffff, (unsigned long long)f->inode->ino);
	if (f->op && f->op->show_fdinfo)
		f->op->show_fdinfo(out, f, r->ns);
	return 0;
}

/* By the access that the descriptor has. */
static const struct pseudo_entry fd_entries[4] = {
#define FD_ENTRY(m)                                                                                \
	{                                                                                          \
		.name = "", .mode = S_IFLNK | (m), .follow = follow_fd,                            \
		.readlink = proc_read_place                                                        \
	}
	FD_ENTRY(0000),
	FD_ENTRY(0500),
	FD_ENTRY(0300),
	FD_ENTRY(0700),
};
static const struct pseudo_entry fdinfo_entry = PSEUDO_TEXT("", 0444, show_fdinfo);

static void fd_ref(const struct open_file *f, unsigned int fd, bool info, struct pseudo_ref *found)
{
	found->e = info ? &fdinfo_entry : &fd_entries[f->file.f_mode & (FMODE_READ | FMODE_WRITE)];
	found->key = fd;
}

static int fd_lookup_as(const struct pseudo_ref *dir, const char *name, size_t len,
			struct pseudo_ref *found, bool info)
{
	const struct task *t = proc_task(dir);
	const struct open_file *f;
	unsigned int fd;

	if (!t || !t->files || !proc_number(name, len, &fd))
		return -ENOENT;
	f = files_lookup(t->files, fd);
	if (!f)
		return -ENOENT;
	fd_ref(f, fd, info, found);
	return 0;
}

static bool fd_next_as(const struct pseudo_ref *dir, u64 *pos, char name[64],
		       struct pseudo_ref *found, bool info)
{
	const struct task *t = proc_task(dir);

	if (!t || !t->files)
		return false;
	for (; *pos < files_max(t->files); ++*pos) {
		const struct open_file *f = files_lookup(t->files, (unsigned int)*pos);

		if (!f)
			continue;
		quire_snprintf(name, 64, "%u", (unsigned int)*pos);
		fd_ref(f, (unsigned int)*pos, info, found);
		return true;
	}
	return false;
}

static int fd_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
		     struct pseudo_ref *found)
{
	return fd_lookup_as(dir, name, len, found, false);
}

static bool fd_next(const struct pseudo_ref *dir, u64 *pos, char name[64], struct pseudo_ref *found)
{
	return fd_next_as(dir, pos, name, found, false);
}

static int fdinfo_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
			 struct pseudo_ref *found)
{
	return fd_lookup_as(dir, name, len, found, true);
}

static bool fdinfo_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
			struct pseudo_ref *found)
{
	return fd_next_as(dir, pos, name, found, true);
}

const struct pseudo_dir proc_fds = {fd_lookup, fd_next},
			proc_fdinfos = {fdinfo_lookup, fdinfo_next};
