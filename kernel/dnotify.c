// SPDX-License-Identifier: MIT
/*
 * F_NOTIFY: a directory tells its owner by a signal what happens in it, once or again and again (Linux: fs/notify/dnotify). What happens is
 * inotify's to know (kernel/inotify.c). Each is a table's of descriptors, and goes when that closes the directory. Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "inotify.h"
#include "lease.h"

#define DN_ACCESS 0x1U
#define DN_MODIFY 0x2U
#define DN_CREATE 0x4U
#define DN_DELETE 0x8U
#define DN_RENAME 0x10U
#define DN_ATTRIB 0x20U
#define DN_MULTISHOT 0x80000000U

struct dnotify {
	struct dnotify *next; /* of the inode */
	struct open_file *file;
	const void *table;
	int fd;
	u32 what;
};

static u32 events_of(u32 what)
{
	return (what & DN_ACCESS ? IN_ACCESS : 0) | (what & DN_MODIFY ? IN_MODIFY : 0) |
	       (what & DN_CREATE ? IN_CREATE | IN_MOVED_TO : 0) |
	       (what & DN_DELETE ? IN_DELETE | IN_MOVED_FROM : 0) |
	       (what & DN_RENAME ? IN_MOVED_FROM : 0) | (what & DN_ATTRIB ? IN_ATTRIB : 0);
}

static void remove_at(struct dnotify **p)
{
	struct dnotify *d = *p;

	*p = d->next;
	nr_inotify_watches--;
	kfree(d);
}

void dnotify_end(struct open_file *f, const void *table)
{
	struct dnotify **p = &f->inode->dnotify;

	while (*p)
		if ((*p)->file == f && (!table || (*p)->table == table))
			remove_at(p);
		else
			p = &(*p)->next;
}

long file_notify(struct open_file *f, int fd, u32 what)
{
	struct dnotify *d;

	if (!(what & ~DN_MULTISHOT)) {
		dnotify_end(f, current->files);
		return 0;
	}
	if ((f->inode->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	file_own(f);
	for (d = f->inode->dnotify; d; d = d->next) {
		if (d->file != f || d->table != current->files)
			continue;
		d->fd = fd;
		d->what |= what;
		return 0;
	}
	d = kmalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	*d = (struct dnotify){f->inode->dnotify, f, current->files, fd, what};
	f->inode->dnotify = d;
	nr_inotify_watches++;
	return 0;
}

void dnotify_tell(struct inode *dir, u32 event)
{
	struct dnotify **p = &dir->dnotify;

	while (*p) {
		const struct dnotify *d = *p;

		if (!(events_of(d->what) & event)) {
			p = &(*p)->next;
			continue;
		}
		file_tell(d->file, d->fd);
		if (d->what & DN_MULTISHOT)
			p = &(*p)->next;
		else
			remove_at(p);
	}
}
