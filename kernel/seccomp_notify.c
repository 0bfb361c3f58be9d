// SPDX-License-Identifier: MIT
/*
 * seccomp's listeners: a descriptor by which one program is asked what becomes of the system calls of another (Linux: kernel/seccomp.c,
 * SECCOMP_RET_USER_NOTIF).
 *
 * A call that is asked about is a `question` on the stack of the task that waits for the answer: asked, told (somebody has read it),
 * answered. Who answers may put files among the caller's descriptors: a `gift`, on the giver's stack, that the caller takes when it
 * wakes. Both lists are lent (list.h): who lies on them takes itself off before it returns, and looks again after each sleep.
 *
 * The listener lives as long as its descriptor; the filter, which the descriptor refers to, at least as long. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "poll.h"
#include "seccomp.h"
#include "syscall.h"
#include "vfs.h"

struct seccomp_listener {
	struct seccomp_filter *filter; /* with a reference */
	struct link questions;
	u64 next_id;
	struct wait_queue changed;
	bool orphaned;
};

enum question_state { ASKED, TOLD, ANSWERED };

struct question {
	struct link link;
	u64 id;
	int pid;
	enum question_state state;
	const struct seccomp_data *data;
	s64 val;
	s32 error;
	u32 flags;
	struct link gifts;
	struct wait_queue ready;
};

struct gift {
	struct link link;
	struct open_file *file;
	u32 fd, flags;
	bool cloexec, done;
	long ret;
	struct wait_queue taken;
};

#define FLAG_CONTINUE 1U
#define ADDFD_SETFD 1U
#define ADDFD_SEND 2U

struct notif {
	u64 id;
	u32 pid, flags;
	struct seccomp_data data;
};
struct answer {
	u64 id;
	s64 val;
	s32 error;
	u32 flags;
};
struct addfd {
	u64 id;
	u32 flags, srcfd, newfd, newfd_flags;
};
BUILD_BUG_ON(sizeof(struct notif) != 80 || sizeof(struct answer) != 24 ||
	     sizeof(struct addfd) != 24);

#define IOC_RECV 0xc0502100U
#define IOC_SEND 0xc0182101U
#define IOC_ID_VALID 0x40082102U
#define IOC_ID_VALID_WRONG_DIR 0x80082102U
#define IOC_ADDFD 0x2103U /* of any size and direction */
#define IOC_SET_FLAGS 0x40082104U
#define IOC_SIZE(cmd) ((cmd) >> 16 & 0x3fffU)

/* ------------------------------------------------------------------ who asks */

static void take_gifts(struct question *q)
{
	for_each_link_safe(l, &q->gifts)
	{
		struct gift *g = link_entry(l, struct gift, link);

		link_remove(&g->link);
		g->ret = g->flags & ADDFD_SETFD ? fd_replace(g->file, g->fd, g->cloexec)
						: fd_install(file_get(g->file), 0, g->cloexec);
		if (g->flags & ADDFD_SEND) {
			if (g->ret < 0) {
				/* The answer was not given then. */
				q->state = TOLD;
			} else {
				q->flags &= ~FLAG_CONTINUE;
				q->error = 0;
				q->val = g->ret;
			}
		}
		g->done = true;
		wake_up_all(&g->taken);
	}
}

static void refuse_gifts(struct question *q)
{
	for_each_link_safe(l, &q->gifts)
	{
		struct gift *g = link_entry(l, struct gift, link);

		link_remove(&g->link);
		g->ret = -ESRCH;
		g->done = true;
		wake_up_all(&g->taken);
	}
}

bool seccomp_ask(const struct seccomp_filter *f, const struct seccomp_data *data,
		 struct user_regs *regs)
{
	struct seccomp_listener *l = f->listener;
	struct question q = {.pid = current->pid, .data = data};
	int err = 0;

	if (!l) {
		regs->x[0] = (u64)-ENOSYS;
		return false;
	}
	q.id = l->next_id++;
	link_init(&q.link);
	link_init(&q.gifts);
	link_lend(&q.link, &l->questions);
	wake_up_all(&l->changed);
	while (q.state != ANSWERED || !link_alone(&q.gifts)) {
		const bool killable = f->wait_killable && q.state == TOLD;
		struct wait_entry e = {0};

		if (!link_alone(&q.gifts)) {
			take_gifts(&q);
			continue;
		}
		wait_queue_add(&q.ready, &e);
		err = killable ? sleep_killable(WAIT_FOREVER) : sleep_until(WAIT_FOREVER);
		wait_queue_remove(&e);
		/* It may have been told meanwhile: then a signal that does not kill waits. */
		if (err && !killable && f->wait_killable && q.state == TOLD)
			continue;
		if (err && q.state != ANSWERED)
			break;
		err = 0;
	}
	refuse_gifts(&q);
	link_remove(&q.link);
	if (!err && q.flags & FLAG_CONTINUE)
		return true;
	regs->x[0] = err ? (u64)(s64)err : q.error ? (u64)(s64)q.error : (u64)q.val;
	return false;
}

/* ------------------------------------------------------------------ who is asked */

static struct question *find(const struct seccomp_listener *l, u64 id)
{
	for_each_link(i, &l->questions)
	{
		struct question *q = link_entry(i, struct question, link);

		if (q->id == id)
			return q;
	}
	return NULL;
}

static struct question *first_asked(const struct seccomp_listener *l)
{
	for_each_link(i, &l->questions)
	{
		struct question *q = link_entry(i, struct question, link);

		if (q->state == ASKED)
			return q;
	}
	return NULL;
}

static long receive(struct seccomp_listener *l, unsigned long to)
{
	struct notif n;
	struct question *q;
	long err;

	if (copy_from_user(&n, to, sizeof(n)))
		return -EFAULT;
	for (size_t i = 0; i < sizeof(n); i++)
		if (((const u8 *)&n)[i])
			return -EINVAL;
	err = wait_event(&l->changed, first_asked(l) || l->orphaned, WAIT_FOREVER);
	if (err)
		return err;
	q = first_asked(l);
	if (!q)
		return -ENOENT;
	n = (struct notif){.id = q->id, .pid = (u32)pid_vnr(q->pid), .data = *q->data};
	if (copy_to_user(to, &n, sizeof(n)))
		return -EFAULT;
	q->state = TOLD;
	/* It looks again how it may be woken; others may answer. */
	wake_up_all(&q->ready);
	wake_up_all(&l->changed);
	return 0;
}

static long send(struct seccomp_listener *l, unsigned long from)
{
	struct answer a;
	struct question *q;

	if (get_user(a, from))
		return -EFAULT;
	if (a.flags & ~FLAG_CONTINUE || (a.flags & FLAG_CONTINUE && (a.error || a.val)))
		return -EINVAL;
	q = find(l, a.id);
	if (!q)
		return -ENOENT;
	if (q->state != TOLD)
		return -EINPROGRESS;
	q->state = ANSWERED;
	q->val = a.val;
	q->error = a.error;
	q->flags = a.flags;
	wake_up_all(&q->ready);
	return 0;
}

static long id_valid(const struct seccomp_listener *l, unsigned long from)
{
	const struct question *q;
	u64 id;

	if (get_user(id, from))
		return -EFAULT;
	q = find(l, id);
	return q && q->state == TOLD ? 0 : -ENOENT;
}

/* Linux's rule for structures that may grow: what is not known here has to be 0. */
static long addfd_from_user(struct addfd *a, unsigned long from, u32 size)
{
	if (size < sizeof(*a) || size >= PAGE_SIZE)
		return -EINVAL;
	if (get_user(*a, from))
		return -EFAULT;
	for (u32 i = sizeof(*a); i < size; i++) {
		u8 byte;

		if (get_user(byte, from + i))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

static long give(struct seccomp_listener *l, unsigned long from, u32 size)
{
	struct addfd a;
	struct gift g = {0};
	struct question *q;
	long err = addfd_from_user(&a, from, size);

	if (err)
		return err;
	if (a.newfd_flags & ~O_CLOEXEC || a.flags & ~(ADDFD_SETFD | ADDFD_SEND) ||
	    (a.newfd && !(a.flags & ADDFD_SETFD)))
		return -EINVAL;
	g.file = file_of(a.srcfd);
	if (!g.file)
		return -EBADF;
	q = find(l, a.id);
	if (!q)
		return -ENOENT;
	if (q->state != TOLD)
		return -EINPROGRESS;
	if (a.flags & ADDFD_SEND) {
		if (!link_alone(&q->gifts))
			return -EBUSY;
		q->state = ANSWERED;
	}
	g.fd = a.newfd;
	g.flags = a.flags;
	g.cloexec = a.newfd_flags & O_CLOEXEC;
	file_get(g.file);
	link_init(&g.link);
	link_lend(&g.link, &q->gifts);
	wake_up_all(&q->ready);
	err = wait_event(&g.taken, g.done, WAIT_FOREVER);
	if (g.done) {
		err = g.ret;
	} else {
		/* The question is there as long as its gifts are: the answer was not given. */
		link_remove(&g.link);
		if (a.flags & ADDFD_SEND)
			q->state = TOLD;
	}
	file_put(g.file);
	return err;
}

static long listener_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	struct seccomp_listener *l = f->private;
	long ret;

	/* Who sleeps keeps it. */
	if (cmd == IOC_RECV || (u16)cmd == IOC_ADDFD) {
		file_get(f);
		ret = cmd == IOC_RECV ? receive(l, arg) : give(l, arg, IOC_SIZE(cmd));
		file_put(f);
		return ret;
	}
	switch (cmd) {
	case IOC_SEND:
		return send(l, arg);
	case IOC_ID_VALID:
	case IOC_ID_VALID_WRONG_DIR:
		return id_valid(l, arg);
	/* On which CPU the other wakes is not for the program to say. */
	case IOC_SET_FLAGS:
		return arg & ~1UL ? -EINVAL : 0;
	}
	return -EINVAL;
}

static unsigned int listener_poll(struct open_file *f, struct poll_table *table)
{
	struct seccomp_listener *l = f->private;
	unsigned int mask = l->orphaned ? POLLHUP : 0;

	poll_wait(table, &l->changed);
	for_each_link(i, &l->questions)
	{
		switch (link_entry(i, struct question, link)->state) {
		case ASKED:
			mask |= POLLIN | POLLRDNORM;
			break;
		case TOLD:
			mask |= POLLOUT | POLLWRNORM;
			break;
		case ANSWERED:
			break;
		}
	}
	return mask;
}

static void listener_release(struct open_file *f)
{
	struct seccomp_listener *l = f->private;

	/* Nobody answers any more. */
	for_each_link(i, &l->questions)
	{
		struct question *q = link_entry(i, struct question, link);

		if (q->state == ANSWERED)
			continue;
		q->state = ANSWERED;
		q->error = -ENOSYS;
		q->val = 0;
		q->flags = 0;
		wake_up_all(&q->ready);
	}
	/* Their tasks take themselves off, and must not find a list that has gone. */
	while (!link_alone(&l->questions))
		link_remove(l->questions.next);
	l->filter->listener = NULL;
	seccomp_filter_put(l->filter);
	wait_queue_end(&l->changed);
	kfree(l);
}

static const struct file_operations listener_fop = {
	.ioctl = listener_ioctl, .poll = listener_poll, .release = listener_release};

long seccomp_listener_install(struct seccomp_filter *f)
{
	struct seccomp_listener *l = kmalloc(sizeof(*l), GFP_KERNEL);
	struct open_file *file;

	if (!l)
		return -ENOMEM;
	*l = (struct seccomp_listener){.filter = f, .next_id = port_time_ns()};
	link_init(&l->questions);
	file = file_anon("anon_inode:seccomp notify", S_IFREG | 0600, O_RDWR, &listener_fop);
	if (!file) {
		kfree(l);
		return -ENOMEM;
	}
	f->refs++;
	f->listener = l;
	file->private = l;
	return fd_install(file, 0, true);
}

void seccomp_orphaned(struct seccomp_filter *f)
{
	if (!f->listener)
		return;
	f->listener->orphaned = true;
	wake_up_all(&f->listener->changed);
}
