// SPDX-License-Identifier: MIT
/*
 * Leases of files (Linux: fs/locks.c; man 2 fcntl, F_SETLEASE): who has one is told before another opens the file against it, and has
 * lease-break-time seconds to give it up or to be content with less; meanwhile the other waits.
 *
 * A lease is an open file's and hangs at the inode. Against a reader's lease stands an open for writing, against a writer's any other.
 * Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "lease.h"

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

struct lease {
	struct lease *next; /* of the inode */
	struct open_file *file;
	int fd, type;
	bool unlock, downgrade;	     /* it is to go, to become a reader's */
	u64 unlock_at, downgrade_at; /* then it does so itself; WAIT_FOREVER: never */
};

int sysctl_leases_enable = 1, sysctl_lease_break_time = 45;

static struct wait_queue waiters;

/* F_UNLCK: it is gone. */
static void change(struct lease *l, int type)
{
	struct lease **p = &l->file->inode->leases;

	if (type != F_WRLCK)
		l->downgrade = false;
	if (type == F_UNLCK) {
		file_disown(l->file);
		while (*p != l)
			p = &(*p)->next;
		*p = l->next;
		kfree(l);
	} else {
		/* Linux: lease_clear_pending. */
		l->type = type;
		l->unlock = false;
	}
	wake_up_all(&waiters);
}

/* What is over its time. */
static void time_out(struct inode *inode)
{
	struct lease *l, *next;
	u64 now = port_time_ns();

	for (l = inode->leases; l; l = next) {
		next = l->next;
		if (l->downgrade && now >= l->downgrade_at)
			change(l, F_RDLCK);
		else if (l->unlock && now >= l->unlock_at)
			change(l, F_UNLCK);
	}
}

static struct lease *lease_of(const struct open_file *f)
{
	struct lease *l = f->inode->leases;

	while (l && l->file != f)
		l = l->next;
	return l;
}

static long may_lease(const struct open_file *f, int type)
{
	const struct inode *n = f->inode;
	bool writes = f->file.f_mode & FMODE_WRITE, reads = !writes && f->file.f_mode & FMODE_READ;

	if (type == F_RDLCK)
		return n->writers ? -EAGAIN : 0;
	return n->writers != writes || n->readers != reads ? -EAGAIN : 0;
}

static long add(struct open_file *f, int fd, int type)
{
	struct lease *own = lease_of(f);
	long err = may_lease(f, type);

	if (err)
		return err;
	for (const struct lease *l = f->inode->leases; l; l = l->next)
		if (l != own && (type == F_WRLCK || l->unlock))
			return -EAGAIN;
	if (own) {
		change(own, type);
		file_own(f);
		return 0;
	}
	if (!sysctl_leases_enable)
		return -EINVAL;
	own = kmalloc(sizeof(*own), GFP_KERNEL | __GFP_ZERO);
	if (!own)
		return -ENOMEM;
	file_own(f);
	own->file = f;
	own->fd = fd;
	own->type = type;
	own->next = f->inode->leases;
	f->inode->leases = own;
	return 0;
}

long file_set_lease(struct open_file *f, int fd, int type)
{
	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (f->inode->uid != current->cred.fsuid && !capable(CAP_LEASE))
		return -EACCES;
	if ((f->inode->mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	time_out(f->inode);
	if (type != F_UNLCK)
		return add(f, fd, type);
	if (!lease_of(f))
		return -EAGAIN;
	change(lease_of(f), F_UNLCK);
	return 0;
}

long file_get_lease(struct open_file *f)
{
	const struct lease *l;

	time_out(f->inode);
	l = lease_of(f);
	return !l || l->unlock ? F_UNLCK : l->downgrade ? F_RDLCK : l->type;
}

static struct lease *against(const struct inode *inode, bool writes)
{
	struct lease *l = inode->leases;

	while (l && !writes && l->type != F_WRLCK)
		l = l->next;
	return l;
}

/* Who has not been told yet is. */
static void tell(struct lease *l, bool writes, u64 until)
{
	if (writes ? l->unlock : l->unlock || l->downgrade || l->type != F_WRLCK)
		return;
	if (writes) {
		l->unlock = true;
		l->unlock_at = until;
	} else {
		l->downgrade = true;
		l->downgrade_at = until;
	}
	file_tell(l->file, l->fd);
}

long leases_break(struct inode *inode, unsigned int flags)
{
	const bool writes = flags & (O_ACCMODE | O_TRUNC);
	u64 until = WAIT_FOREVER;
	long err = 0;

	if (likely(!inode->leases))
		return 0;
	time_out(inode);
	if (!against(inode, writes))
		return 0;
	if (sysctl_lease_break_time > 0)
		until = port_time_ns() + (u64)sysctl_lease_break_time * 1000000000;
	for (struct lease *l = inode->leases; l; l = l->next)
		tell(l, writes, until);
	if (flags & O_NONBLOCK)
		return -EAGAIN;
	iget(inode);
	while (!err && against(inode, writes)) {
		err = wait_event(&waiters, !against(inode, writes), until);
		if (err == -ETIMEDOUT) {
			time_out(inode);
			/* What was asked of another a little later has its own time. */
			until = port_time_ns() + 1000000;
			err = 0;
		}
	}
	iput(inode);
	return err;
}

void lease_end(struct open_file *f)
{
	if (unlikely(f->inode->leases) && lease_of(f))
		change(lease_of(f), F_UNLCK);
}
