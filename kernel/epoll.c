// SPDX-License-Identifier: MIT
/*
 * epoll, and eventfd: files that are about other files, and about a number (Linux: fs/eventpoll.c, eventfd.c).
 *
 * A set has an item for each file and descriptor, on its own list and on the file's (open_file.watchers), which ends it with the file. Every wait
 * asks all files of the set: its time grows with the set, where Linux has a list of those that are ready; the sets of programs that test
 * memory are small. An edge (EPOLLET) is a count of wake-ups of the file's queues, which the item has seen.
 *
 * Sets may be in sets, each by many descriptors and in many others: who goes through them gives his search a number and leaves what it has
 * found in each set, so that each is gone through once, by however many ways it is reached. A user's items are limited
 * (fs.epoll.max_user_watches), and with them what one search can take.
 *
 * Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "poll.h"
#include "syscall.h"
#include "user_count.h"

#define EPOLLEXCLUSIVE (1U << 28)
#define EPOLLWAKEUP (1U << 29)
#define EPOLLONESHOT (1U << 30)
#define EPOLLET (1U << 31)
#define EPOLL_HOW (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)
#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3
#define MAX_NESTING 4U
#define QUEUES 2U /* that a file has at most */

struct epoll_event {
	u32 events;
	u32 pad;
	u64 data;
};
BUILD_BUG_ON(sizeof(struct epoll_event) != 16);

struct epoll_item {
	struct epoll_item *next;       /* of the set */
	struct epoll_item *next_watch; /* of the file */
	struct epoll *set;
	struct open_file *file; /* no reference: the file ends the item */
	int fd;
	struct epoll_event event;
	struct wait_queue *queue[QUEUES]; /* where the file wakes */
	unsigned int nr_queues;
	u64 seen;   /* their wake-ups, when an edge was last told */
	bool armed; /* an edge that has not been told */
};

/* What a search has found in a set. */
struct found {
	u64 search; /* its number; another one: nothing yet */
	unsigned int value;
};

struct epoll {
	const struct open_file *self;
	u32 uid; /* who has made it: whose items they are */
	struct found ready, below, above;
	struct epoll_item *items, *last_told;
	struct wait_queue changed; /* items come, or are armed again */
};

static const struct file_operations epoll_fop;
long sysctl_epoll_max_watches = 400000;
static struct user_count *users; /* items of each */

/* The number of a search that begins. */
static u64 new_search(void)
{
	static u64 last;

	return ++last;
}

/* Has the search been here? If not, it has now, and has found nothing so far. */
static bool been_here(struct found *f, u64 search)
{
	if (f->search == search)
		return true;
	*f = (struct found){.search = search};
	return false;
}

/* ------------------------------------------------------------------ items */

/* A table that notes where a file would have to be waited for. */
struct note_table {
	struct poll_table table;
	struct epoll_item *item;
};

static void note_queue(struct poll_table *table, struct wait_queue *queue)
{
	struct epoll_item *item = container_of(table, struct note_table, table)->item;

	if (item->nr_queues < QUEUES)
		item->queue[item->nr_queues++] = queue;
}

static u64 wakes_of(const struct epoll_item *item)
{
	u64 n = 0;

	for (unsigned int i = 0; i < item->nr_queues; i++)
		n += item->queue[i]->wakes;
	return n;
}

static void item_end(struct epoll_item *item)
{
	struct epoll_item **p = &item->set->items;

	while (*p != item)
		p = &(*p)->next;
	*p = item->next;
	p = &item->file->watchers;
	while (*p != item)
		p = &(*p)->next_watch;
	*p = item->next_watch;
	if (item->set->last_told == item)
		item->set->last_told = NULL;
	user_count_drop(&users, item->set->uid);
	kfree(item);
}

void epoll_forget(struct open_file *f)
{
	while (f->watchers)
		item_end(f->watchers);
}

static unsigned int set_poll(struct epoll *e, struct poll_table *table, u64 search);

/* What is to be told of an item now. */
static u32 item_ready(struct epoll_item *item, struct poll_table *table, u64 search)
{
	u32 events = item->file->op == &epoll_fop ? set_poll(item->file->private, table, search)
						  : file_poll(item->file, table);
	u64 wakes;

	events &= item->event.events | POLLERR | POLLHUP;
	/* ONESHOT has turned it off. */
	if (!(item->event.events & ~EPOLL_HOW))
		return 0;
	if (!(item->event.events & EPOLLET))
		return events;
	wakes = wakes_of(item);
	if (wakes != item->seen)
		item->armed = true;
	return item->armed ? events : 0;
}

static void item_told(struct epoll_item *item)
{
	item->seen = wakes_of(item);
	item->armed = false;
	if (item->event.events & EPOLLONESHOT)
		item->event.events &= EPOLLET | EPOLLONESHOT;
}

/* ------------------------------------------------------------------ the set as a file */

static unsigned int set_poll(struct epoll *e, struct poll_table *table, u64 search)
{
	unsigned int events = 0;

	if (been_here(&e->ready, search))
		return e->ready.value;
	poll_wait(table, &e->changed);
	for (struct epoll_item *item = e->items; item; item = item->next)
		if (item_ready(item, table, search))
			events = POLLIN | POLLRDNORM;
	e->ready.value = events;
	return events;
}

static unsigned int epoll_poll(struct open_file *f, struct poll_table *table)
{
	return set_poll(f->private, table, new_search());
}

static void epoll_release(struct open_file *f)
{
	struct epoll *e = f->private;

	while (e->items)
		item_end(e->items);
	wait_queue_end(&e->changed);
	kfree(e);
}

static void epoll_show(struct out *out, const struct open_file *f, const struct pid_ns *ns)
{
	const struct epoll *set = f->private;

	for (const struct epoll_item *i = set->items; i; i = i->next) {
		/* These two are always told, but of one that has been told once and for all. */
		const u32 always = i->event.events & ~EPOLL_HOW ? POLLERR | POLLHUP : 0;

		out_printf(out, "tfd: %8d events: %8x data: %16llx  pos:%llu ino:%llx sdev:%x\n",
			   i->fd, i->event.events | always, (unsigned long long)i->event.data,
			   (unsigned long long)i->file->pos,
			   (unsigned long long)i->file->inode->ino, i->file->inode->sb->dev);
	}
}

static const struct file_operations epoll_fop = {
	.stays = true,
	.show_fdinfo = epoll_show,
	.poll = epoll_poll,
	.release = epoll_release,
};

long call_epoll_create1(const struct syscall_args *r)
{
	struct open_file *f;
	struct epoll *e;

	if (r->a[0] & ~(u64)O_CLOEXEC)
		return -EINVAL;
	e = kmalloc(sizeof(*e), GFP_KERNEL | __GFP_ZERO);
	if (!e)
		return -ENOMEM;
	f = file_anon("anon_inode:[eventpoll]", 0600, O_RDWR, &epoll_fop);
	if (!f) {
		kfree(e);
		return -ENOMEM;
	}
	f->private = e;
	e->self = f;
	e->uid = current->cred.uid;
	return fd_install(f, 0, r->a[0] & O_CLOEXEC);
}

/* How many sets are in sets below the set f; more than MAX_NESTING: too many, or `set` is among them. */
static unsigned int nesting(const struct open_file *f, const struct epoll *set, unsigned int depth,
			    u64 search)
{
	struct epoll *e = f->private;
	unsigned int most = 0;

	if (e == set || depth > MAX_NESTING)
		return MAX_NESTING + 1;
	if (been_here(&e->below, search))
		return e->below.value;
	for (const struct epoll_item *item = e->items; item; item = item->next)
		if (item->file->op == &epoll_fop)
			most = max(most, nesting(item->file, set, depth + 1, search) + 1);
	e->below.value = most;
	return most;
}

/* ... and above it. */
static unsigned int nesting_above(struct epoll *e, unsigned int depth, u64 search)
{
	unsigned int most = 0;

	if (depth > MAX_NESTING)
		return depth;
	if (been_here(&e->above, search))
		return e->above.value;
	for (const struct epoll_item *item = e->self->watchers; item; item = item->next_watch)
		most = max(most, nesting_above(item->set, depth + 1, search) + 1);
	e->above.value = most;
	return most;
}

static long add_item(struct epoll *e, struct open_file *f, int fd, const struct epoll_event *event)
{
	struct epoll_item *item, **last = &e->items;
	struct note_table note = {.table = {.add = note_queue}};

	if (!f->op || !f->op->poll)
		return -EPERM;
	if (f->op == &epoll_fop) {
		const u64 search = new_search();
		unsigned int below = nesting(f, e, 0, search);

		if (below > MAX_NESTING || below + 1 + nesting_above(e, 0, search) > MAX_NESTING)
			return -ELOOP;
	}
	if (!user_count_add(&users, e->uid, (u64)sysctl_epoll_max_watches))
		return -ENOSPC;
	item = kmalloc(sizeof(*item), GFP_KERNEL | __GFP_ZERO);
	if (!item) {
		user_count_drop(&users, e->uid);
		return -ENOMEM;
	}
	item->set = e;
	item->file = f;
	item->fd = fd;
	item->event = *event;
	item->armed = true;
	note.item = item;
	(void)file_poll(f, &note.table);
	item->seen = wakes_of(item);
	while (*last)
		last = &(*last)->next;
	*last = item;
	item->next_watch = f->watchers;
	f->watchers = item;
	wake_up_all(&e->changed);
	return 0;
}

long call_epoll_ctl(const struct syscall_args *r)
{
	struct open_file *set = file_of((unsigned int)r->a[0]), *f = file_of((unsigned int)r->a[2]);
	struct epoll_event event = {0};
	struct epoll_item *item;
	struct epoll *e;

	if (r->a[1] != EPOLL_CTL_DEL && copy_from_user(&event, r->a[3], sizeof(event)))
		return -EFAULT;
	if (!set || !f)
		return -EBADF;
	if (!f->op || !f->op->poll)
		return -EPERM;
	if (set == f || set->op != &epoll_fop)
		return -EINVAL;
	/* One of many that wait for it, woken alone: not to be changed, and with few other wishes. */
	if (r->a[1] != EPOLL_CTL_DEL && event.events & EPOLLEXCLUSIVE &&
	    (r->a[1] == EPOLL_CTL_MOD || f->op == &epoll_fop ||
	     event.events & ~(POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET |
			      EPOLLEXCLUSIVE)))
		return -EINVAL;
	e = set->private;
	for (item = e->items; item; item = item->next)
		if (item->file == f && item->fd == (int)r->a[2])
			break;
	switch (r->a[1]) {
	case EPOLL_CTL_ADD:
		return item ? -EEXIST : add_item(e, f, (int)r->a[2], &event);
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		item_end(item);
		return 0;
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		if (item->event.events & EPOLLEXCLUSIVE)
			return -EINVAL;
		item->event = event;
		item->armed = true;
		wake_up_all(&e->changed);
		return 0;
	}
	return -EINVAL;
}

/* Tell what is ready, beginning behind who was told last, so that everybody's turn comes. */
static long collect(struct epoll *e, unsigned long user, int max, struct poll_table *table)
{
	const u64 search = new_search();
	struct epoll_item *first = e->last_told && e->last_told->next ? e->last_told->next
								      : e->items,
			  *item = first;
	long n = 0;

	while (item && n < max) {
		struct epoll_event out = {.data = item->event.data};

		out.events = item_ready(item, table, search);
		if (out.events) {
			if (copy_to_user(user + (unsigned long)n * sizeof(out), &out, sizeof(out)))
				return n ? n : -EFAULT;
			item_told(item);
			e->last_told = item;
			n++;
		}
		item = item->next ? item->next : e->items;
		if (item == first)
			break;
	}
	return n;
}

static long epoll_wait_for(struct open_file *set, unsigned long user, int max, u64 deadline)
{
	struct poll_set waits = {.table = {.add = poll_set_add}};
	struct epoll *e = set->private;
	long n, err = 0;

	file_get(set);
	for (;;) {
		/* Items come and go while this sleeps: the queues are looked up each time. */
		if (deadline)
			poll_wait(&waits.table, &e->changed);
		n = collect(e, user, max, deadline ? &waits.table : NULL);
		if (n || err || !deadline || waits.failed)
			break;
		err = sleep_until(deadline);
		poll_set_end(&waits);
	}
	poll_set_end(&waits);
	file_put(set);
	if (n)
		return n;
	return waits.failed ? -ENOMEM : err == -ETIMEDOUT ? 0 : err;
}

static long epoll_pwait(const struct syscall_args *r, u64 deadline)
{
	struct open_file *set = file_of((unsigned int)r->a[0]);
	long ret;

	if ((int)r->a[2] <= 0 || (int)r->a[2] > INT_MAX / (int)sizeof(struct epoll_event))
		return -EINVAL;
	if (!set)
		return -EBADF;
	if (set->op != &epoll_fop)
		return -EINVAL;
	ret = poll_mask_begin(r->a[4], r->a[5]);
	if (ret)
		return ret;
	return poll_mask_end(epoll_wait_for(set, r->a[1], (int)r->a[2], deadline));
}

long call_epoll_pwait(const struct syscall_args *r)
{
	int ms = (int)r->a[3];

	return epoll_pwait(r, ms < 0 ? WAIT_FOREVER
			      : ms   ? deadline_after((u64)ms / 1000, (u64)ms % 1000 * 1000000)
				     : 0);
}

long call_epoll_pwait2(const struct syscall_args *r)
{
	struct timespec t;
	u64 deadline = WAIT_FOREVER;

	if (r->a[3]) {
		if (copy_from_user(&t, r->a[3], sizeof(t)))
			return -EFAULT;
		if (t.sec < 0 || (u64)t.nsec > 999999999)
			return -EINVAL;
		deadline = t.sec || t.nsec ? deadline_after((u64)t.sec, (u64)t.nsec) : 0;
	}
	return epoll_pwait(r, deadline);
}

/* ------------------------------------------------------------------ eventfd */

#define EFD_SEMAPHORE 1U

struct eventfd {
	u64 count;
	bool semaphore;
	int id; /* for /proc; against Linux: none comes twice */
	struct wait_queue changed;
};

static long eventfd_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct eventfd *e = f->private;
	u64 value;
	long err;

	if (to->left < sizeof(value))
		return -EINVAL;
	if (!e->count && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_event(&e->changed, e->count, WAIT_FOREVER);
	if (err)
		return err;
	value = e->semaphore ? 1 : e->count;
	e->count -= value;
	wake_up_all(&e->changed);
	return copy_to_iter(&value, sizeof(value), to) == sizeof(value) ? (long)sizeof(value)
									: -EFAULT;
}

static long eventfd_write(struct open_file *f, struct iter *from, u64 *pos)
{
	struct eventfd *e = f->private;
	u64 value;
	long err;

	if (from->left < sizeof(value))
		return -EINVAL;
	if (copy_from_iter(&value, sizeof(value), from) != sizeof(value))
		return -EFAULT;
	if (value == ~0ULL)
		return -EINVAL;
	if (value > ~0ULL - 1 - e->count && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_event(&e->changed, value <= ~0ULL - 1 - e->count, WAIT_FOREVER);
	if (err)
		return err;
	e->count += value;
	wake_up_all(&e->changed);
	return sizeof(value);
}

static unsigned int eventfd_poll(struct open_file *f, struct poll_table *table)
{
	struct eventfd *e = f->private;

	poll_wait(table, &e->changed);
	return (e->count ? POLLIN : 0) | (e->count < ~0ULL - 1 ? POLLOUT : 0);
}

static void eventfd_release(struct open_file *f)
{
	struct eventfd *e = f->private;

	wait_queue_end(&e->changed);
	kfree(e);
}

static void eventfd_show(struct out *out, const struct open_file *f, const struct pid_ns *ns)
{
	const struct eventfd *e = f->private;

	out_printf(out, "eventfd-count: %16llx\neventfd-id: %d\neventfd-semaphore: %d\n",
		   (unsigned long long)e->count, e->id, e->semaphore);
}

static const struct file_operations eventfd_fop = {
	.stays = true,
	.show_fdinfo = eventfd_show,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

long call_eventfd2(const struct syscall_args *r)
{
	static unsigned int next_id;
	unsigned int flags = (unsigned int)r->a[1];
	struct open_file *f;
	struct eventfd *e;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	e = kmalloc(sizeof(*e), GFP_KERNEL | __GFP_ZERO);
	if (!e)
		return -ENOMEM;
	e->count = (u32)r->a[0];
	e->semaphore = flags & EFD_SEMAPHORE;
	e->id = next_id++ & INT_MAX;
	f = file_anon("anon_inode:[eventfd]", 0600, O_RDWR | (flags & O_NONBLOCK), &eventfd_fop);
	if (!f) {
		kfree(e);
		return -ENOMEM;
	}
	f->private = e;
	return fd_install(f, 0, flags & O_CLOEXEC);
}
