// SPDX-License-Identifier: MIT
/*
 * Advisory locks of files: flock's, of a whole file, and fcntl's, of ranges of bytes (Linux: fs/locks.c).
 *
 * A lock hangs at the inode. Its owner is the open file (flock, F_OFD_*) or the table of descriptors (F_SETLK). Invariant: locks of
 * one owner and kind do not overlap. Everybody who waits for any lock is on one queue: they are few, and on a list, so that fcntl finds who would
 * wait for himself in the end (EDEADLK). All that are held are on a ring, for /proc/locks. Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/slab.h>

#include "list.h"
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
	struct file_lock *next; /* of the inode, or of those that are waited for */
	struct inode *inode;
	struct link held; /* in all_held, the last one first */
	const void *owner;
	bool flock, record; /* record: F_SETLK's, whose owner is a process */
	int type;	    /* F_RDLCK, F_WRLCK */
	int pid;
	s64 start, end; /* both in it */
	/* While /proc/locks is written: who waits for it, for what this one waits, and who else does. */
	struct file_lock *below, *above, *beside;
};

/* As programs see it. */
struct flock {
	s16 type, whence;
	s64 start, len;
	s32 pid;
};

static struct wait_queue waiters;
static struct file_lock *waited_for; /* the longest first */
static struct link all_held = {&all_held, &all_held};

static bool in_the_way(const struct file_lock *l, const struct file_lock *want)
{
	return l->flock == want->flock && l->owner != want->owner && l->start <= want->end &&
	       l->end >= want->start && (l->type == F_WRLCK || want->type == F_WRLCK);
}

static struct file_lock *conflict(const struct inode *n, const struct file_lock *want)
{
	struct file_lock *l = n->locks;

	while (l && !in_the_way(l, want))
		l = l->next;
	return l;
}

static void lock_free(struct file_lock *l)
{
	link_remove(&l->held);
	kfree(l);
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
			BUG_ON(!*spare); /* flock's, which are carved twice, are never cut */
			**spare = *l;
			(*spare)->start = what->end + 1;
			l->end = what->start - 1;
			l->next = *spare;
			link_add_before(&l->next->held, all_held.next);
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
			lock_free(l);
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
		const struct file_lock *w = waited_for;

		if (!l || !l->record)
			return false;
		if (l->owner == owner)
			return true;
		while (w && (!w->record || w->owner != l->owner))
			w = w->next;
		if (!w)
			return false;
		n = w->inode;
		want = w;
	}
	return false;
}

static long wait_for(struct inode *n, struct file_lock *want)
{
	struct file_lock **p = &waited_for;
	long err;

	if (!conflict(n, want))
		return 0;
	if (deadlock(n, want))
		return -EDEADLK;
	while (*p)
		p = &(*p)->next;
	want->next = NULL;
	*p = want;
	err = wait_event(&waiters, !conflict(n, want), WAIT_FOREVER);
	for (p = &waited_for; *p != want;)
		p = &(*p)->next;
	*p = want->next;
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
	lock_free(next);
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
	link_add_before(&l->held, all_held.next);
	join(l);
	if (p != &n->locks)
		join(container_of(p, struct file_lock, next));
}

static long set_lock(struct inode *n, struct file_lock *want, bool wait)
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
	struct file_lock want = {.inode = f->inode,
				 .owner = f,
				 .flock = true,
				 .pid = current->tgid,
				 .end = END_OF_ALL};
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

long file_fcntl_lock(unsigned int fd, struct open_file *f, unsigned int cmd, unsigned long arg)
{
	bool ofd = cmd >= F_OFD_GETLK;
	struct file_lock want = {.inode = f->inode};
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
	/* Closed by another thread while this one waited: what close drops was not there yet (Linux: fcntl_setlk). */
	if (!err && want.record && want.type != F_UNLCK && file_of_raw(fd) != f) {
		want.type = F_UNLCK;
		if (set_lock(f->inode, &want, false))
			locks_drop(f->inode, current->files);
		err = -EBADF;
	}
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
		lock_free(l);
		any = true;
	}
	if (any)
		wake_up_all(&waiters);
}

/* ------------------------------------------------------------------ /proc/locks */

/* w waits for `on`, or for who waits for that already and would be in the way too (Linux: __locks_insert_block). */
static void hang(struct file_lock *w, struct file_lock *on)
{
	struct file_lock **p = &on->below;

	while (*p) {
		if (in_the_way(*p, w)) {
			on = *p;
			p = &on->below;
		} else {
			p = &(*p)->beside;
		}
	}
	*p = w;
	w->above = on;
	w->below = w->beside = NULL;
}

static void show_lock(struct out *out, const struct file_lock *l, const struct pid_ns *ns,
		      unsigned int nr, int depth)
{
	const struct super *sb = l->inode->sb;

	out_printf(out, "%u: ", nr);
	if (depth)
		out_printf(out, "%*s", depth + 2, "-> ");
	out_puts(out, l->flock	  ? "FLOCK  ADVISORY  "
		      : l->record ? "POSIX  ADVISORY  "
				  : "OFDLCK ADVISORY  ");
	out_printf(out, "%s %d %02x:%02x:%llu %lld ", l->type == F_WRLCK ? "WRITE" : "READ",
		   l->pid > 0 ? pid_nr_in(l->pid, ns) : l->pid, sb->dev >> 20, sb->dev & 0xfffff,
		   (unsigned long long)l->inode->ino, (long long)l->start);
	if (l->end == END_OF_ALL)
		out_puts(out, "EOF\n");
	else
		out_printf(out, "%lld\n", (long long)l->end);
}

/* Who waits for l, each below what it waits for. */
static void show_waiting(struct out *out, const struct file_lock *l, const struct pid_ns *ns,
			 unsigned int nr)
{
	const struct file_lock *w = l->below;
	int depth = 1;

	while (w) {
		show_lock(out, w, ns, nr, depth);
		if (w->below) {
			w = w->below;
			depth++;
			continue;
		}
		while (!w->beside && w->above != l) {
			w = w->above;
			depth--;
		}
		w = w->beside;
	}
}

void locks_report(struct out *out, const struct pid_ns *ns)
{
	struct file_lock *l, *w;
	unsigned int nr = 0;
	struct link *at;

	for (at = all_held.next; at != &all_held; at = at->next)
		container_of(at, struct file_lock, held)->below = NULL;
	for (w = waited_for; w; w = w->next) {
		/* None: it has gone, and who waits does not run yet. */
		l = conflict(w->inode, w);
		w->above = w->below = w->beside = NULL;
		if (l)
			hang(w, l);
	}
	for (at = all_held.next; at != &all_held; at = at->next) {
		l = container_of(at, struct file_lock, held);
		nr++;
		/* Of nobody that is known there. */
		if (l->pid > 0 && !pid_nr_in(l->pid, ns))
			continue;
		show_lock(out, l, ns, nr, 0);
		show_waiting(out, l, ns, nr);
	}
}
