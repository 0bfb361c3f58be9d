// SPDX-License-Identifier: MIT
/*
 * Advisory locks of files: flock's, of a whole file, and fcntl's, of ranges of bytes (Linux: fs/locks.c).
 *
 * A lock hangs at the inode. Its owner is the open file (flock, F_OFD_*) or the table of descriptors (F_SETLK). Invariant: locks of
 * one owner and kind do not overlap. Everybody who waits for any lock is on one queue: they are few, and on a list, so that fcntl finds who would
 * wait for himself in the end (EDEADLK). Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "pid.h"
#include "vfs.h"

#define F_GETLK 5U
#define F_SETLK 6U
#define F_SETLKW 7U
#define F_OFD_GETLK 36U
#define F_OFD_SETLK 37U
#define F_OFD_SETLKW 38U
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define END_OF_ALL LONG_MAX

struct file_lock {
	struct file_lock *next;
	const void *owner;
	bool flock, record; /* record: F_SETLK's, whose owner is a process */
	int type;	    /* F_RDLCK, F_WRLCK */
	int pid;
	s64 start, end; /* both in it */
};

/* As programs see it. */
struct flock {
	s16 type, whence;
	s64 start, len;
	s32 pid;
};

static struct wait_queue waiters;

/* Who waits for a record lock: what it wants, and where. */
struct lock_wait {
	struct lock_wait *next;
	const struct inode *inode;
	const struct file_lock *want;
};
static struct lock_wait *lock_waits;

static struct file_lock *conflict(const struct inode *n, const struct file_lock *want)
{
	struct file_lock *l = n->locks;

	for (; l; l = l->next)
		if (l->flock == want->flock && l->owner != want->owner && l->start <= want->end &&
		    l->end >= want->start && (l->type == F_WRLCK || want->type == F_WRLCK))
			return l;
	return NULL;
}

/* The owner has nothing in [start, end] any more. spare: for the upper half of one that is cut in two; NULL when it was used. */
static void carve(struct inode *n, const struct file_lock *what, struct file_lock **spare)
{
	struct file_lock **p = &n->locks, *l;

	while ((l = *p)) {
		if (l->flock != what->flock || l->owner != what->owner || l->start > what->end ||
		    l->end < what->start) {
			p = &l->next;
			continue;
		}
		if (l->start < what->start && l->end > what->end) {
			**spare = *l;
			(*spare)->start = what->end + 1;
			l->end = what->start - 1;
			l->next = *spare;
			*spare = NULL;
			return;
		}
		if (l->start < what->start) {
			l->end = what->start - 1;
			p = &l->next;
		} else if (l->end > what->end) {
			l->start = what->end + 1;
			p = &l->next;
		} else {
			*p = l->next;
			kfree(l);
		}
	}
}

/* Linux: posix_locks_deadlock. Does who has what `want` needs wait, over however many others, for its owner? */
static bool deadlock(const struct inode *n, const struct file_lock *want)
{
	const void *owner = want->owner;

	if (want->flock || !want->record)
		return false;
	for (unsigned int i = 0; i < 10; i++) {
		const struct file_lock *l = conflict(n, want);
		const struct lock_wait *w = lock_waits;

		if (!l || !l->record)
			return false;
		if (l->owner == owner)
			return true;
		while (w && w->want->owner != l->owner)
			w = w->next;
		if (!w)
			return false;
		n = w->inode;
		want = w->want;
	}
	return false;
}

static long wait_for(struct inode *n, const struct file_lock *want)
{
	struct lock_wait w = {.next = lock_waits, .inode = n, .want = want}, **p = &lock_waits;
	long err;

	if (!conflict(n, want))
		return 0;
	if (deadlock(n, want))
		return -EDEADLK;
	if (want->record)
		lock_waits = &w;
	err = wait_event(&waiters, !conflict(n, want), WAIT_FOREVER);
	if (want->record) {
		while (*p != &w)
			p = &(*p)->next;
		*p = w.next;
	}
	return err;
}

/* The next one goes on where this one ends, and is the same: they are one. */
static void join(struct file_lock *l)
{
	struct file_lock *next = l->next;

	if (l->flock || !next || next->flock || next->owner != l->owner || next->type != l->type ||
	    l->end == END_OF_ALL || l->end + 1 != next->start)
		return;
	l->end = next->end;
	l->next = next->next;
	kfree(next);
}

/* With its owner's others, by start: the first that is in the way is what F_GETLK tells. */
static void insert(struct inode *n, struct file_lock *l)
{
	struct file_lock **p = &n->locks;

	while (*p && ((*p)->flock != l->flock || (*p)->owner != l->owner))
		p = &(*p)->next;
	while (*p && (*p)->flock == l->flock && (*p)->owner == l->owner && (*p)->start < l->start)
		p = &(*p)->next;
	l->next = *p;
	*p = l;
	join(l);
	if (p != &n->locks)
		join(container_of(p, struct file_lock, next));
}

static long set_lock(struct inode *n, const struct file_lock *want, bool wait)
{
	struct file_lock *spare = kmalloc(sizeof(*spare), GFP_KERNEL | __GFP_ZERO),
			 *own = kmalloc(sizeof(*own), GFP_KERNEL | __GFP_ZERO);
	long err = spare && own ? 0 : -ENOLCK;

	if (!err && want->type != F_UNLCK) {
		/* flock gives up what it has before it waits for another kind. */
		if (want->flock && conflict(n, want)) {
			carve(n, want, &spare);
			wake_up_all(&waiters);
		}
		if (!wait && conflict(n, want))
			err = -EAGAIN;
		if (!err)
			err = wait_for(n, want);
	}
	if (!err) {
		carve(n, want, &spare);
		if (want->type != F_UNLCK) {
			*own = *want;
			insert(n, own);
			own = NULL;
		}
		wake_up_all(&waiters);
	}
	kfree(spare);
	kfree(own);
	return err;
}

long file_flock(struct open_file *f, unsigned int how)
{
	struct file_lock want = {.owner = f, .flock = true, .end = END_OF_ALL};
	struct open_file *held;
	long err;

	switch (how & ~LOCK_NB) {
	case LOCK_SH:
		want.type = F_RDLCK;
		break;
	case LOCK_EX:
		want.type = F_WRLCK;
		break;
	default:
		want.type = F_UNLCK;
		break;
	}
	held = file_get(f); /* another thread may close it while this one waits */
	err = set_lock(f->inode, &want, !(how & LOCK_NB));
	file_put(held);
	return err;
}

static int range_of(const struct open_file *f, const struct flock *fl, struct file_lock *l)
{
	s64 base = fl->whence == 0   ? 0
		   : fl->whence == 1 ? (s64)f->pos
		   : fl->whence == 2 ? (s64)inode_size(f->inode)
				     : -1;

	if (base < 0)
		return -EINVAL;
	if (__builtin_add_overflow(base, fl->start, &l->start))
		return -EOVERFLOW;
	l->end = END_OF_ALL;
	if (fl->len > 0 && __builtin_add_overflow(l->start, fl->len - 1, &l->end))
		return -EOVERFLOW;
	if (fl->len < 0) {
		l->end = l->start - 1;
		l->start += fl->len;
	}
	return l->start < 0 ? -EINVAL : 0;
}

/* Its owner's own lock there: what F_OFD_GETLK shows for F_UNLCK. */
static const struct file_lock *own_lock(const struct inode *n, const struct file_lock *want)
{
	const struct file_lock *l = n->locks;

	while (l && (l->flock || l->owner != want->owner || l->start > want->end ||
		     l->end < want->start))
		l = l->next;
	return l;
}

static long get_lock(struct open_file *f, struct file_lock *want, struct flock *fl, bool ofd,
		     unsigned long arg)
{
	const struct file_lock *l;

	if (want->type == F_UNLCK && !ofd)
		return -EINVAL;
	l = want->type == F_UNLCK ? own_lock(f->inode, want) : conflict(f->inode, want);
	if (!l) {
		fl->type = F_UNLCK;
	} else {
		fl->type = (s16)l->type;
		fl->whence = 0;
		fl->start = l->start;
		fl->len = l->end == END_OF_ALL ? 0 : l->end - l->start + 1;
		fl->pid = l->pid > 0 ? pid_vnr(l->pid) : l->pid;
	}
	return copy_to_user(arg, fl, sizeof(*fl));
}

long file_fcntl_lock(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	bool ofd = cmd >= F_OFD_GETLK;
	struct file_lock want = {0};
	struct flock fl;
	struct open_file *held;
	long err;

	if (copy_from_user(&fl, arg, sizeof(fl)))
		return -EFAULT;
	if (ofd && fl.pid)
		return -EINVAL;
	if (fl.type != F_RDLCK && fl.type != F_WRLCK && fl.type != F_UNLCK)
		return -EINVAL;
	err = range_of(f, &fl, &want);
	if (err)
		return err;
	want.owner = ofd ? (const void *)f : current->files;
	want.record = !ofd;
	want.type = fl.type;
	want.pid = ofd ? -1 : current->tgid;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return get_lock(f, &want, &fl, ofd, arg);
	if ((want.type == F_RDLCK && !(f->file.f_mode & FMODE_READ)) ||
	    (want.type == F_WRLCK && !(f->file.f_mode & FMODE_WRITE)))
		return -EBADF;
	held = file_get(f);
	err = set_lock(f->inode, &want, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
	file_put(held);
	return err;
}

void locks_drop(struct inode *inode, const void *owner)
{
	struct file_lock **p = &inode->locks, *l;
	bool any = false;

	while ((l = *p)) {
		if (l->owner != owner) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		kfree(l);
		any = true;
	}
	if (any)
		wake_up_all(&waiters);
}
