// SPDX-License-Identifier: MIT
/*
 * inotify (Linux: fs/notify/inotify): a descriptor that tells what happens to the files that it watches.
 *
 * A watch stands in its instance's list and in its inode's; it holds the inode. It goes by inotify_rm_watch, with the instance, or when
 * the file's last name does or its file system, and IN_IGNORED tells so. Events are kept up to a number, then one IN_Q_OVERFLOW; one that is
 * like the last one is not kept again. Instances and watches count against their user's (/proc/sys/fs/inotify).
 *
 * Invariant: nr_inotify_watches is the number of watches, and of directories' owners that F_NOTIFY has made. Locking: kernel_lock.
 */
#include "inotify.h"

#include <quire/slab.h>
#include <quire/string.h>

#include "lease.h"
#include "poll.h"
#include "syscall.h"
#include "user_count.h"

#define IN_UNMOUNT 0x2000U
#define IN_Q_OVERFLOW 0x4000U
#define IN_IGNORED 0x8000U
#define IN_ONLYDIR 0x01000000U
#define IN_DONT_FOLLOW 0x02000000U
#define IN_EXCL_UNLINK 0x04000000U
#define IN_MASK_CREATE 0x10000000U
#define IN_MASK_ADD 0x20000000U
#define IN_ONESHOT 0x80000000U
#define IN_ALL_EVENTS 0xfffU
#define ALL_BITS                                                                                   \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |   \
	 IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)
#define FIONREAD 0x541bU

int sysctl_inotify_max_events = 16384;
long sysctl_inotify_max_instances = 128, sysctl_inotify_max_watches = 15000;

/* Of each user. */
static struct user_count *instances, *watches;
static struct link all_watches = {&all_watches, &all_watches};

struct inotify_watch {
	struct link of_instance, of_all;
	struct inotify_watch *next; /* of the inode */
	struct inotify *to;
	struct inode *inode; /* with a reference */
	int wd;
	u32 mask;
};

/* As read, with the name behind it. */
struct event_head {
	s32 wd;
	u32 mask, cookie, len;
};

struct event {
	struct link link;
	struct event_head head;
	char name[];
};

struct inotify {
	struct link watches, events;
	u32 uid; /* whose it is */
	unsigned int nr_events, max_events;
	size_t bytes;
	int last_wd;
	struct wait_queue readers;
};

unsigned int nr_inotify_watches;

static void queue(struct inotify *in, int wd, u32 mask, u32 cookie, const char *name)
{
	size_t len = name ? ALIGN(strlen(name) + 1, sizeof(struct event_head)) : 0;
	struct event *e;

	if (!link_alone(&in->events)) {
		const struct event *last = link_entry(in->events.prev, struct event, link);

		if (last->head.wd == wd && last->head.mask == mask && last->head.cookie == cookie &&
		    last->head.len == len && (!len || !strcmp(last->name, name)))
			return;
	}
	if (in->nr_events > in->max_events)
		return;
	if (in->nr_events == in->max_events) {
		wd = -1;
		mask = IN_Q_OVERFLOW;
		cookie = 0;
		len = 0;
	}
	e = kmalloc(sizeof(*e) + len, GFP_KERNEL | __GFP_ZERO);
	if (!e)
		return;
	e->head = (struct event_head){wd, mask, cookie, (u32)len};
	if (len)
		memcpy(e->name, name, strlen(name));
	link_init(&e->link);
	link_add_before(&e->link, &in->events);
	in->nr_events++;
	in->bytes += sizeof(e->head) + len;
	wake_up_all(&in->readers);
}

static void remove_watch(struct inotify_watch *w, bool tell)
{
	struct inotify_watch **p = &w->inode->watches;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	link_remove(&w->of_instance);
	link_remove(&w->of_all);
	user_count_drop(&watches, w->to->uid);
	nr_inotify_watches--;
	w->inode->sb->watches--;
	if (tell)
		queue(w->to, w->wd, IN_IGNORED, 0, NULL);
	iput(w->inode);
	kfree(w);
}

void inotify_tell(struct inode *inode, u32 event, const char *name, u32 cookie)
{
	struct inotify_watch *w, *next;

	if (inode->dnotify)
		dnotify_tell(inode, event);
	for (w = inode->watches; w; w = next) {
		next = w->next;
		if (!(w->mask & event & IN_ALL_EVENTS))
			continue;
		queue(w->to, w->wd, event, cookie, name);
		if (w->mask & IN_ONESHOT)
			remove_watch(w, true);
	}
}

void inotify_file_told(struct dentry *d, u32 event)
{
	if ((d->inode->mode & S_IFMT) == S_IFDIR)
		event |= IN_ISDIR;
	if (d->parent && !d->unlinked)
		inotify_tell(d->parent->inode, event, d->name, 0);
	inotify_tell(d->inode, event, NULL, 0);
}

u32 inotify_cookie(void)
{
	static u32 last;

	return ++last;
}

void inotify_unused(struct inode *inode)
{
	s32 n = 0;

	for (const struct inotify_watch *w = inode->watches; w; w = w->next)
		n++;
	if (n != inode->users)
		return;
	iget(inode);
	inotify_forget(inode);
	iput(inode);
}

void inotify_forget(struct inode *inode)
{
	struct inotify_watch *w, *next;

	if (!inode->watches)
		return;
	inotify_tell(inode, IN_DELETE_SELF, NULL, 0);
	for (w = inode->watches; w; w = next) {
		next = w->next;
		remove_watch(w, true);
	}
}

void inotify_unmount(const struct super *sb)
{
	struct link *kept = &all_watches; /* up to here all are of others, and stay */

	/* The end of a watch may be that of others of its file, which the next one in the list is. */
	while (sb->watches) {
		struct inotify_watch *w = link_entry(kept->next, struct inotify_watch, of_all);

		if (w->inode->sb != sb) {
			kept = kept->next;
			continue;
		}
		queue(w->to, w->wd,
		      (w->inode->mode & S_IFMT) == S_IFDIR ? IN_UNMOUNT | IN_ISDIR : IN_UNMOUNT, 0,
		      NULL);
		remove_watch(w, true);
	}
}

/* ------------------------------------------------------------------ the descriptor */

static long inotify_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct inotify *in = f->private;
	long done = 0, err;

	(void)pos;
	for (;;) {
		struct event *e;
		size_t n;

		if (link_alone(&in->events)) {
			if (done)
				return done;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			err = wait_event(&in->readers, !link_alone(&in->events), WAIT_FOREVER);
			if (err)
				return err;
			continue;
		}
		e = link_entry(in->events.next, struct event, link);
		/* The analyzer does not see that link_remove has taken out what was freed. */
		n = sizeof(e->head) + e->head.len; /* NOLINT(clang-analyzer-unix.Malloc) */
		if (n > to->left)
			return done ? done : -EINVAL;
		link_remove(&e->link);
		in->nr_events--;
		in->bytes -= n;
		err = copy_to_iter(&e->head, n, to) == n ? 0 : -EFAULT;
		kfree(e);
		if (err)
			return done ? done : err;
		done += (long)n;
	}
}

static unsigned int inotify_poll(struct open_file *f, struct poll_table *table)
{
	struct inotify *in = f->private;

	poll_wait(table, &in->readers);
	return link_alone(&in->events) ? 0 : POLLIN | POLLRDNORM;
}

static long inotify_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	const struct inotify *in = f->private;

	return cmd == FIONREAD ? put_user((int)in->bytes, arg) : -ENOTTY;
}

static void inotify_release(struct open_file *f)
{
	struct inotify *in = f->private;

	while (!link_alone(&in->watches))
		remove_watch(link_entry(in->watches.next, struct inotify_watch, of_instance),
			     false);
	for_each_link_safe(l, &in->events)
	{
		link_remove(l);
		kfree(link_entry(l, struct event, link));
	}
	wait_queue_end(&in->readers);
	user_count_drop(&instances, in->uid);
	kfree(in);
}

static const struct file_operations inotify_fop = {.read = inotify_read,
						   .poll = inotify_poll,
						   .ioctl = inotify_ioctl,
						   .release = inotify_release,
						   .stays = true};

long call_inotify_init1(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[0];
	const u32 uid = current->cred.euid;
	struct inotify *in;
	struct open_file *f;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (!user_count_add(&instances, uid, (u64)sysctl_inotify_max_instances))
		return -EMFILE;
	in = kmalloc(sizeof(*in), GFP_KERNEL | __GFP_ZERO);
	f = in ? file_anon("anon_inode:inotify", 0600, O_RDONLY | (flags & O_NONBLOCK),
			   &inotify_fop)
	       : NULL;
	if (!f) {
		user_count_drop(&instances, uid);
		kfree(in);
		return -ENOMEM;
	}
	in->uid = uid;
	in->max_events = (unsigned int)sysctl_inotify_max_events;
	link_init(&in->watches);
	link_init(&in->events);
	f->private = in;
	return fd_install(f, 0, flags & O_CLOEXEC);
}

static long instance_of(unsigned int fd, struct inotify **in)
{
	struct open_file *f = file_of(fd);

	if (!f)
		return -EBADF;
	if (f->op != &inotify_fop)
		return -EINVAL;
	*in = f->private;
	return 0;
}

static long add_watch(struct inotify *in, struct inode *inode, u32 mask)
{
	struct inotify_watch *w = inode->watches;

	while (w && w->to != in)
		w = w->next;
	if (w) {
		if (mask & IN_MASK_CREATE)
			return -EEXIST;
		w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | mask;
		return w->wd;
	}
	if (!user_count_add(&watches, in->uid, (u64)sysctl_inotify_max_watches))
		return -ENOSPC;
	w = kmalloc(sizeof(*w), GFP_KERNEL | __GFP_ZERO);
	if (!w) {
		user_count_drop(&watches, in->uid);
		return -ENOMEM;
	}
	w->wd = ++in->last_wd;
	w->mask = mask;
	w->to = in;
	w->inode = inode;
	iget(inode);
	link_init(&w->of_instance);
	link_add_before(&w->of_instance, &in->watches);
	link_init(&w->of_all);
	link_add_before(&w->of_all, &all_watches);
	w->next = inode->watches;
	inode->watches = w;
	nr_inotify_watches++;
	w->inode->sb->watches++;
	return w->wd;
}

long call_inotify_add_watch(const struct syscall_args *r)
{
	u32 mask = (u32)r->a[2];
	struct inotify *in;
	struct dentry *d;
	long err;

	if (!(mask & ALL_BITS) || mask & ~ALL_BITS)
		return -EINVAL;
	if (!file_of((unsigned int)r->a[0]))
		return -EBADF;
	if ((mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
		return -EINVAL;
	err = instance_of((unsigned int)r->a[0], &in);
	if (!err)
		err = user_path(AT_FDCWD, r->a[1],
				(mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW) |
					(mask & IN_ONLYDIR ? WALK_DIRECTORY : 0),
				&d);
	if (err)
		return err;
	err = inode_permission(d->inode, MAY_READ);
	if (!err)
		err = add_watch(in, d->inode, mask);
	dput(d);
	return err;
}

long call_inotify_rm_watch(const struct syscall_args *r)
{
	struct inotify *in;
	long err = instance_of((unsigned int)r->a[0], &in);

	if (err)
		return err;
	for_each_link_safe(l, &in->watches)
	{
		struct inotify_watch *w = link_entry(l, struct inotify_watch, of_instance);

		if (w->wd != (int)r->a[1])
			continue;
		remove_watch(w, true);
		return 0;
	}
	return -EINVAL;
}
