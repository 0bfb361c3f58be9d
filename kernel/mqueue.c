// SPDX-License-Identifier: MIT
/*
 * POSIX message queues: sending, receiving, notification (Linux: ipc/mqueue.c). Their names are kernel/mqueue_open.c's.
 *
 * Messages stand in the order in which they are received. Linux has a tree of priorities; here a new one looks for its place from the
 * end, and at the front first, so that only priorities between others cost a walk. Who finds a queue full or empty waits in a list by
 * priority; a message goes straight to the first receiver, and the first sender's into the place that a receiver has made. So:
 * receivers wait only while there is no message, senders only while there is no room. Locking: kernel_lock; a waiter holds its file, and
 * with it the queue.
 */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "mqueue.h"
#include "pid.h"
#include "poll.h"
#include "socket.h"
#include "syscall.h"

#define MQ_PRIO_MAX 32768U
#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD 2
#define SI_MESGQ (-3)

/* On its task's stack. */
struct mq_waiter {
	struct link link;
	int importance;
	bool done;
	struct mq_msg *msg; /* to be sent; that was received */
	struct wait_queue queue;
};

enum { NOTIFY_WOKENUP = 1, NOTIFY_REMOVED };

/* Nobody is told any more. The last byte says why. */
static void forget(struct mqueue *q, u8 why)
{
	struct mq_notify *n = &q->notify;

	if (n->tgid && n->how == SIGEV_THREAD) {
		n->cookie[sizeof(n->cookie) - 1] = why;
		unix_deliver(n->socket, n->cookie, sizeof(n->cookie));
		file_put(n->socket);
	}
	n->tgid = 0;
}

/* ------------------------------------------------------------------ messages */

static void put_msg(struct mqueue *q, struct mq_msg *m)
{
	struct link *at = &q->messages;

	if (!link_alone(at) && link_entry(at->next, struct mq_msg, link)->priority < m->priority)
		at = at->next;
	else
		while (at->prev != &q->messages &&
		       link_entry(at->prev, struct mq_msg, link)->priority < m->priority)
			at = at->prev;
	link_init(&m->link);
	link_add_before(&m->link, at);
	q->curmsgs++;
	q->bytes += m->size;
}

static struct mq_msg *take_msg(struct mqueue *q)
{
	struct mq_msg *m = link_entry(q->messages.next, struct mq_msg, link);

	link_remove(&m->link);
	q->curmsgs--;
	q->bytes -= m->size;
	return m;
}

void mqueue_drain(struct mqueue *q)
{
	/* Who closed it last need not be who is to be told. */
	forget(q, NOTIFY_REMOVED);
	while (!link_alone(&q->messages))
		kvfree(take_msg(q));
	wait_queue_end(&q->changed);
}

/* ------------------------------------------------------------------ waiting */

static int importance_of(const struct task *t)
{
	return t->rt_priority ? 100 + t->rt_priority : -t->nice;
}

static long wait_in(struct link *list, struct mq_waiter *w, u64 deadline)
{
	struct link *at = list->next;
	long err;

	w->importance = importance_of(current);
	while (at != list && link_entry(at, struct mq_waiter, link)->importance >= w->importance)
		at = at->next;
	link_init(&w->link);
	link_lend(&w->link, at);
	err = wait_event(&w->queue, w->done, deadline);
	link_remove(&w->link);
	/* Its message has come, or gone, at the last moment. */
	return w->done ? 0 : err;
}

static struct mq_waiter *first_of(struct link *list)
{
	return link_alone(list) ? NULL : link_entry(list->next, struct mq_waiter, link);
}

static void serve(struct mq_waiter *w)
{
	link_remove(&w->link);
	w->done = true;
	wake_up_all(&w->queue);
}

/* ------------------------------------------------------------------ notification */

static struct signal_struct *to_be_told(const struct mq_notify *n)
{
	struct signal_struct *s = process_find(n->tgid);

	/* A program that has become another does not expect it. */
	return s && s->exec_id == n->exec_id ? s : NULL;
}

/* A message has come, and nobody waits for it. */
static void notify(struct mqueue *q)
{
	const struct mq_notify n = q->notify;

	if (n.tgid && q->curmsgs == 1) {
		struct signal_struct *s = to_be_told(&n);

		forget(q, NOTIFY_WOKENUP);
		if (n.how == SIGEV_SIGNAL && n.signo && s) {
			const struct siginfo info = {
				.signo = n.signo,
				.code = SI_MESGQ,
				.pid = pid_nr_in(current->tgid, task_pid_ns(s->leader)),
				.uid = current->cred.uid,
				.value = n.value};

			send_group_signal_info(&info, s);
		}
	}
	wake_up_all(&q->changed);
}

/* ------------------------------------------------------------------ calls */

static struct open_file *mqueue_file(u64 fd)
{
	struct open_file *f = file_of((unsigned int)fd);

	return f && f->op == &mqueue_fop ? f : NULL;
}

static int get_deadline(unsigned long from, u64 *deadline)
{
	struct timespec64 ts;

	*deadline = WAIT_FOREVER;
	if (!from)
		return 0;
	if (copy_from_user(&ts, from, sizeof(ts)))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*deadline = realtime_to_mono(timespec_ns(&ts));
	return 0;
}

static long send(struct open_file *f, struct mq_msg *m, u64 deadline)
{
	struct mqueue *q = f->private;
	struct mq_waiter w = {.msg = m}, *receiver;

	if (q->curmsgs == q->maxmsg)
		return f->flags & O_NONBLOCK ? -EAGAIN : wait_in(&q->senders, &w, deadline);
	receiver = first_of(&q->receivers);
	if (receiver) {
		receiver->msg = m;
		serve(receiver);
	} else {
		put_msg(q, m);
		notify(q);
	}
	inode_changed(q->inode, true);
	return 0;
}

long call_mq_timedsend(const struct syscall_args *r)
{
	struct open_file *f;
	struct mq_msg *m;
	u64 deadline;
	long err = get_deadline(r->a[4], &deadline);

	if (err)
		return err;
	if ((u32)r->a[3] >= MQ_PRIO_MAX)
		return -EINVAL;
	f = mqueue_file(r->a[0]);
	if (!f || !(f->file.f_mode & FMODE_WRITE))
		return -EBADF;
	if (r->a[2] > (u64)((struct mqueue *)f->private)->msgsize)
		return -EMSGSIZE;
	m = kvmalloc(sizeof(*m) + r->a[2], GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->priority = (u32)r->a[3];
	m->size = r->a[2];
	if (copy_from_user(m->text, r->a[1], m->size)) {
		kvfree(m);
		return -EFAULT;
	}
	file_get(f);
	err = send(f, m, deadline);
	file_put(f);
	if (err)
		kvfree(m);
	return err;
}

/* The next message, which is the caller's then. */
static long receive(struct open_file *f, u64 deadline, struct mq_msg **m)
{
	struct mqueue *q = f->private;
	struct mq_waiter w = {0}, *sender;
	long err;

	if (!q->curmsgs) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_in(&q->receivers, &w, deadline);
		*m = w.msg;
		return err;
	}
	*m = take_msg(q);
	sender = first_of(&q->senders);
	if (sender) {
		put_msg(q, sender->msg);
		serve(sender);
	} else {
		wake_up_all(&q->changed);
	}
	inode_changed(q->inode, true);
	return 0;
}

long call_mq_timedreceive(const struct syscall_args *r)
{
	struct open_file *f;
	struct mq_msg *m = NULL;
	u64 deadline;
	long err = get_deadline(r->a[4], &deadline);

	if (err)
		return err;
	f = mqueue_file(r->a[0]);
	if (!f || !(f->file.f_mode & FMODE_READ))
		return -EBADF;
	if (r->a[2] < (u64)((struct mqueue *)f->private)->msgsize)
		return -EMSGSIZE;
	file_get(f);
	err = receive(f, deadline, &m);
	file_put(f);
	if (err)
		return err;
	err = (long)m->size;
	if ((r->a[3] && put_user(m->priority, r->a[3])) || copy_to_user(r->a[1], m->text, m->size))
		err = -EFAULT;
	kvfree(m);
	return err;
}

struct sigevent {
	u64 value;
	s32 signo, how;
	u64 unused[6];
};

/* 0, or why there is no such notification. What a thread is to be told by is noted. */
static long check_event(const struct sigevent *ev, struct mq_notify *n)
{
	struct open_file *f;

	if (ev->how == SIGEV_NONE)
		return 0;
	if (ev->how == SIGEV_SIGNAL)
		return (u32)ev->signo > NSIG ? -EINVAL : 0;
	if (ev->how != SIGEV_THREAD)
		return -EINVAL;
	if (copy_from_user(n->cookie, ev->value, sizeof(n->cookie)))
		return -EFAULT;
	f = file_of((unsigned int)ev->signo);
	if (!f)
		return -EBADF;
	if ((f->inode->mode & S_IFMT) != S_IFSOCK)
		return -ENOTSOCK;
	if (!unix_is_netlink(f))
		return -EINVAL;
	n->socket = f;
	return 0;
}

long call_mq_notify(const struct syscall_args *r)
{
	struct mq_notify n = {.tgid = current->tgid, .exec_id = current->signal->exec_id};
	const struct open_file *f;
	struct sigevent ev;
	struct mqueue *q;
	long err = 0;

	if (r->a[1] && copy_from_user(&ev, r->a[1], sizeof(ev)))
		return -EFAULT;
	if (r->a[1])
		err = check_event(&ev, &n);
	if (err)
		return err;
	f = mqueue_file(r->a[0]);
	if (!f)
		return -EBADF;
	q = f->private;
	if (!r->a[1]) {
		if (q->notify.tgid == current->tgid)
			forget(q, NOTIFY_REMOVED);
		return 0;
	}
	if (q->notify.tgid)
		return -EBUSY;
	n.how = ev.how;
	n.signo = ev.signo;
	n.value = ev.value;
	if (n.socket)
		file_get(n.socket);
	q->notify = n;
	return 0;
}

long call_mq_getsetattr(const struct syscall_args *r)
{
	struct mq_attr new, old = {0};
	const struct mqueue *q;
	struct open_file *f;

	if (r->a[1] && copy_from_user(&new, r->a[1], sizeof(new)))
		return -EFAULT;
	if (r->a[1] && new.flags & ~(s64)O_NONBLOCK)
		return -EINVAL;
	f = mqueue_file(r->a[0]);
	if (!f)
		return -EBADF;
	q = f->private;
	old.flags = f->flags & O_NONBLOCK;
	old.maxmsg = q->maxmsg;
	old.msgsize = q->msgsize;
	old.curmsgs = q->curmsgs;
	if (r->a[1])
		f->flags = (f->flags & ~O_NONBLOCK) | (u32) new.flags;
	return r->a[2] && copy_to_user(r->a[2], &old, sizeof(old)) ? -EFAULT : 0;
}

/* ------------------------------------------------------------------ as a file */

/* By way of /proc/PID/fd. */
static int mqueue_open(struct inode *inode, struct open_file *f)
{
	f->private = inode->private;
	return 0;
}

static long mqueue_read(struct open_file *f, struct iter *to, u64 *pos)
{
	const struct mqueue *q = f->private;
	const struct mq_notify *n = &q->notify;
	char text[80];
	int len = quire_snprintf(
		text, sizeof(text), "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
		(unsigned long long)q->bytes, n->tgid ? n->how : 0,
		n->tgid && n->how == SIGEV_SIGNAL ? n->signo : 0, pid_vnr(n->tgid));

	return simple_read(to, pos, text, min((size_t)len, sizeof(text) - 1));
}

static unsigned int mqueue_poll(struct open_file *f, struct poll_table *table)
{
	struct mqueue *q = f->private;

	poll_wait(table, &q->changed);
	return (q->curmsgs ? POLLIN | POLLRDNORM : 0) |
	       (q->curmsgs < q->maxmsg ? POLLOUT | POLLWRNORM : 0);
}

/* A process that closes any of its descriptors of the queue is not told any more. */
static void mqueue_flush(struct open_file *f)
{
	struct mqueue *q = f->private;

	if (q->notify.tgid == current->tgid)
		forget(q, NOTIFY_REMOVED);
}

const struct file_operations mqueue_fop = {.open = mqueue_open,
					   .read = mqueue_read,
					   .poll = mqueue_poll,
					   .flush = mqueue_flush,
					   .llseek = generic_llseek};
