// SPDX-License-Identifier: MIT
/*
 * System V message queues (Linux: ipc/msg.c): messages with a type, received in the order of sending, or by type.
 *
 * A message that somebody waits for goes straight to the first who wants it; so no message is in a queue that a receiver in its list
 * would take. Senders wait until there is room for theirs and look again whenever some was made. A queue that is removed stays
 * until the last who sleeps there has left. Locking: kernel_lock.
 */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "ipc.h"
#include "list.h"
#include "pid.h"
#include "vfs.h"

#define MSG_STAT 11
#define MSG_INFO 12
#define MSG_STAT_ANY 13
#define MSG_NOERROR 010000U
#define MSG_EXCEPT 020000U
#define MSG_COPY 040000U

struct msg {
	struct link link;
	s64 type;
	u64 size;
	char text[];
};

struct msg_queue {
	struct ipc_object o;
	s64 stime, rtime, ctime;
	u64 bytes, nr, max_bytes;
	int lspid, lrpid;
	struct link messages;	/* of struct msg */
	struct link receivers;	/* of struct receiver */
	struct wait_queue room; /* senders */
	unsigned int users;	/* that sleep here */
	bool removed;
};

/* Which messages somebody wants. */
struct wanted {
	enum { ANY, EQUAL, NOT_EQUAL, LESS_EQUAL, NUMBER } how;
	s64 type;
};

/* On its task's stack. */
struct receiver {
	struct link link;
	struct wanted wanted;
	u64 max;
	int pid, err;
	struct msg *msg;
	bool done, again; /* done: msg or err says how; again: the queue has changed */
	struct wait_queue queue;
};

/* As programs see it (Linux: include/uapi/asm-generic/msgbuf.h, msg.h). */
struct msqid64_ds {
	struct ipc64_perm perm;
	s64 stime, rtime, ctime;
	u64 cbytes, qnum, qbytes;
	s32 lspid, lrpid;
	u64 unused[2];
};

struct msginfo {
	s32 pool, map, max, mnb, mni, ssz, tql;
	u16 seg, pad;
};

static struct ipc_table *own(void)
{
	return &ipc_own()->msg;
}

static struct msg_queue *msg_find(int id)
{
	return (struct msg_queue *)ipc_find(own(), id);
}

/* ------------------------------------------------------------------ making and removing */

long call_msgget(const struct syscall_args *r)
{
	const s32 key = (s32)r->a[0];
	const unsigned int flags = (unsigned int)r->a[1];
	struct msg_queue *q = NULL;
	int err;

	if (key != IPC_PRIVATE)
		q = (struct msg_queue *)ipc_by_key(own(), key);
	if (q) {
		if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
			return -EEXIST;
		err = ipc_may(&q->o, flags);
		return err ? err : q->o.id;
	}
	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	q = kmalloc(sizeof(*q), GFP_KERNEL | __GFP_ZERO);
	if (!q)
		return -ENOMEM;
	err = ipc_add(own(), &q->o, key, flags);
	if (err) {
		kfree(q);
		return err;
	}
	link_init(&q->messages);
	link_init(&q->receivers);
	q->max_bytes = (u64)ipc_own()->msgmnb;
	q->ctime = ipc_time();
	return q->o.id;
}

/* They look again. */
static void wake_receivers(struct msg_queue *q)
{
	for_each_link(l, &q->receivers)
	{
		struct receiver *w = link_entry(l, struct receiver, link);

		w->again = true;
		wake_up_all(&w->queue);
	}
}

static void take(struct msg_queue *q, struct msg *m)
{
	link_remove(&m->link);
	q->nr--;
	q->bytes -= m->size;
}

static void leave(struct msg_queue *q)
{
	if (!--q->users && q->removed)
		kfree(q);
}

static void msg_remove(struct msg_queue *q)
{
	ipc_remove(&q->o);
	q->removed = true;
	q->users++;
	wake_receivers(q);
	wake_up_all(&q->room);
	while (!link_alone(&q->messages)) {
		struct msg *m = link_entry(q->messages.next, struct msg, link);

		take(q, m);
		kvfree(m);
	}
	leave(q);
}

void msg_end(struct ipc_ns *ns)
{
	for (unsigned int i = 0; i < ns->msg.places; i++)
		if (ipc_at(&ns->msg, (int)i))
			msg_remove((struct msg_queue *)ipc_at(&ns->msg, (int)i));
}

/* ------------------------------------------------------------------ sending */

static bool is_wanted(const struct msg *m, const struct wanted *w)
{
	switch (w->how) {
	case EQUAL:
		return m->type == w->type;
	case NOT_EQUAL:
		return m->type != w->type;
	case LESS_EQUAL:
		return m->type <= w->type;
	default:
		return true;
	}
}

static void serve(struct receiver *w, struct msg *m, int err)
{
	link_remove(&w->link);
	w->msg = m;
	w->err = err;
	w->done = true;
	wake_up_all(&w->queue);
}

/* To the first who waits for it; whose buffer is too small hears of that. False: nobody does. */
static bool hand_over(struct msg_queue *q, struct msg *m)
{
	for_each_link_safe(l, &q->receivers)
	{
		struct receiver *w = link_entry(l, struct receiver, link);

		if (!is_wanted(m, &w->wanted))
			continue;
		if (w->max < m->size) {
			serve(w, NULL, -E2BIG);
			continue;
		}
		q->lrpid = w->pid;
		q->rtime = ipc_time();
		serve(w, m, 0);
		return true;
	}
	return false;
}

static bool fits(const struct msg_queue *q, u64 size)
{
	return size + q->bytes <= q->max_bytes && 1 + q->nr <= q->max_bytes;
}

static long wait_for_room(struct msg_queue *q, u64 size, bool nowait)
{
	struct wait_entry e = {0};
	int err;

	for (;;) {
		err = ipc_may(&q->o, 2);
		if (err || fits(q, size))
			return err;
		if (nowait)
			return -EAGAIN;
		wait_queue_add(&q->room, &e);
		err = sleep_until(WAIT_FOREVER);
		wait_queue_remove(&e);
		if (q->removed)
			return -EIDRM;
		if (err)
			return -ERESTARTNOHAND;
	}
}

long call_msgsnd(const struct syscall_args *r)
{
	const u64 size = r->a[2];
	struct msg_queue *q;
	struct msg *m;
	s64 type;
	long err;

	if (get_user(type, r->a[1]))
		return -EFAULT;
	if (size > (u64)ipc_own()->msgmax || (int)r->a[0] < 0 || type < 1)
		return -EINVAL;
	m = kvmalloc(sizeof(*m) + size, GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	link_init(&m->link);
	m->type = type;
	m->size = size;
	err = copy_from_user(m->text, r->a[1] + sizeof(type), size);
	q = err ? NULL : msg_find((int)r->a[0]);
	if (!err && !q)
		err = -EINVAL;
	if (!err) {
		q->users++;
		err = wait_for_room(q, size, (u32)r->a[3] & IPC_NOWAIT);
		if (!err) {
			q->lspid = current->tgid;
			q->stime = ipc_time();
			if (!hand_over(q, m)) {
				link_add_before(&m->link, &q->messages);
				q->bytes += size;
				q->nr++;
			}
			m = NULL;
		}
		leave(q);
	}
	kvfree(m);
	return err;
}

/* ------------------------------------------------------------------ receiving */

static struct wanted which(s64 type, unsigned int flags)
{
	if (flags & MSG_COPY)
		return (struct wanted){NUMBER, type};
	if (!type)
		return (struct wanted){ANY, 0};
	if (type < 0)
		return (struct wanted){LESS_EQUAL, -max(type, -LONG_MAX)};
	return (struct wanted){flags & MSG_EXCEPT ? NOT_EQUAL : EQUAL, type};
}

/* The first; of those up to a type the first of the lowest. */
static struct msg *look(const struct msg_queue *q, const struct wanted *w)
{
	struct msg *found = NULL;
	s64 n = 0;

	for_each_link(l, &q->messages)
	{
		struct msg *m = link_entry(l, struct msg, link);

		if (w->how == NUMBER ? n++ != w->type : !is_wanted(m, w))
			continue;
		if (w->how != LESS_EQUAL)
			return m;
		if (!found || m->type < found->type)
			found = m;
	}
	return found;
}

static long wait_for_msg(struct msg_queue *q, const struct wanted *wanted, u64 max, struct msg **m)
{
	struct receiver w = {.wanted = *wanted, .max = max, .pid = current->tgid};
	int err;

	link_init(&w.link);
	link_lend(&w.link, &q->receivers);
	err = wait_event(&w.queue, w.done || w.again, WAIT_FOREVER);
	link_remove(&w.link);
	*m = w.msg;
	if (w.done)
		return w.err;
	if (q->removed)
		return -EIDRM;
	return err ? -ERESTARTNOHAND : -EAGAIN;
}

/* The message is the caller's, but not with MSG_COPY. */
static long receive(struct msg_queue *q, const struct wanted *w, u64 size, unsigned int flags,
		    struct msg **m)
{
	long err;

	do {
		err = ipc_may(&q->o, 4);
		if (err)
			return err;
		*m = look(q, w);
		if (*m) {
			if (size < (*m)->size && !(flags & MSG_NOERROR))
				return -E2BIG;
			if (flags & MSG_COPY)
				return 0;
			take(q, *m);
			q->rtime = ipc_time();
			q->lrpid = current->tgid;
			wake_up_all(&q->room);
			return 0;
		}
		if (flags & IPC_NOWAIT)
			return -ENOMSG;
		err = wait_for_msg(q, w, flags & MSG_NOERROR ? INT_MAX : size, m);
	} while (err == -EAGAIN);
	return err;
}

/* What MSG_COPY asks of the buffer: that it can be read. */
static long check_buffer(unsigned long at, u64 size)
{
	char *copy;
	long err;

	size = min(size, (u64)ipc_own()->msgmax);
	copy = kvmalloc(max(size, (u64)1), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	err = copy_from_user(copy, at, size);
	kvfree(copy);
	return err;
}

static long copy_msg(struct msg **m, u64 max)
{
	const struct msg *from = *m;
	struct msg *to;

	if (from->size > max)
		return -EINVAL;
	to = kvmalloc(sizeof(*to) + from->size, GFP_KERNEL);
	if (!to)
		return -ENOMEM;
	memcpy(to, from, sizeof(*to) + from->size);
	*m = to;
	return 0;
}

long call_msgrcv(const struct syscall_args *r)
{
	const unsigned long to = r->a[1];
	const u64 size = r->a[2];
	const unsigned int flags = (unsigned int)r->a[4];
	const struct wanted w = which((s64)r->a[3], flags);
	struct msg_queue *q;
	struct msg *m = NULL;
	long err;

	if ((int)r->a[0] < 0 || (s64)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY) {
		if (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT))
			return -EINVAL;
		err = check_buffer(to, size);
		if (err)
			return err;
	}
	q = msg_find((int)r->a[0]);
	if (!q)
		return -EINVAL;
	q->users++;
	err = receive(q, &w, size, flags, &m);
	leave(q);
	if (!err && flags & MSG_COPY)
		err = copy_msg(&m, min(size, (u64)ipc_own()->msgmax));
	if (err)
		return err;
	err = (long)min(size, m->size);
	if (put_user(m->type, to) || copy_to_user(to + sizeof(m->type), m->text, (size_t)err))
		err = -EFAULT;
	kvfree(m);
	return err;
}

/* ------------------------------------------------------------------ msgctl */

static long msg_info(int cmd, unsigned long to)
{
	struct msginfo info = {.pool = 512000,
			       .map = 16384,
			       .max = ipc_own()->msgmax,
			       .mnb = ipc_own()->msgmnb,
			       .mni = ipc_own()->msgmni,
			       .ssz = 16,
			       .tql = 16384,
			       .seg = 0xffff};

	if (cmd == MSG_INFO) {
		u64 nr = 0, bytes = 0;

		for (unsigned int i = 0; i < own()->places; i++) {
			const struct msg_queue *q = (const struct msg_queue *)ipc_at(own(), (int)i);

			nr += q ? q->nr : 0;
			bytes += q ? q->bytes : 0;
		}
		info.pool = (s32)own()->used;
		info.map = (s32)min(nr, (u64)INT_MAX);
		info.tql = (s32)min(bytes, (u64)INT_MAX);
	}
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : ipc_highest(own());
}

static long msg_stat(const struct msg_queue *q, unsigned long to)
{
	const struct msqid64_ds ds = {.perm = q->o.perm,
				      .stime = q->stime,
				      .rtime = q->rtime,
				      .ctime = q->ctime,
				      .cbytes = q->bytes,
				      .qnum = q->nr,
				      .qbytes = q->max_bytes,
				      .lspid = pid_vnr(q->lspid),
				      .lrpid = pid_vnr(q->lrpid)};

	return copy_to_user(to, &ds, sizeof(ds));
}

static long msg_set(struct msg_queue *q, const struct msqid64_ds *ds)
{
	int err = ipc_owns(&q->o);

	if (err)
		return err;
	if ((u32)ds->qbytes > (u32)ipc_own()->msgmnb && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	err = ipc_set(&q->o, &ds->perm);
	if (err)
		return err;
	q->max_bytes = (u64)(s64)(s32)ds->qbytes;
	q->ctime = ipc_time();
	/* Who may not any more, and who can now. */
	wake_receivers(q);
	wake_up_all(&q->room);
	return 0;
}

long call_msgctl(const struct syscall_args *r)
{
	const int id = (int)r->a[0], cmd = (int)r->a[1];
	const bool by_place = cmd == MSG_STAT || cmd == MSG_STAT_ANY;
	struct msqid64_ds ds;
	struct msg_queue *q;
	int err;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	if (cmd == IPC_INFO || cmd == MSG_INFO)
		return msg_info(cmd, r->a[2]);
	if (cmd == IPC_SET && copy_from_user(&ds, r->a[2], sizeof(ds)))
		return -EFAULT;
	q = by_place ? (struct msg_queue *)ipc_at(own(), id) : msg_find(id);
	if (!q)
		return -EINVAL;
	switch (cmd) {
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		err = cmd == MSG_STAT_ANY ? 0 : ipc_may(&q->o, 4);
		if (!err)
			err = (int)msg_stat(q, r->a[2]);
		return err || !by_place ? err : q->o.id;
	case IPC_SET:
		return msg_set(q, &ds);
	case IPC_RMID:
		err = ipc_owns(&q->o);
		if (!err)
			msg_remove(q);
		return err;
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ /proc/sysvipc/msg */

void msg_report(struct out *out)
{
	out_puts(out, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  "
		      "cuid  cgid"
		      "      stime      rtime      ctime\n");
	for (unsigned int i = 0; i < own()->places; i++) {
		const struct msg_queue *q = (const struct msg_queue *)ipc_at(own(), (int)i);

		if (q)
			out_printf(out,
				   "%10d %10d  %4o  %10llu %10llu %5u %5u %5u %5u %5u %5u %10llu "
				   "%10llu %10llu\n",
				   q->o.perm.key, q->o.id, q->o.perm.mode,
				   (unsigned long long)q->bytes, (unsigned long long)q->nr,
				   (u32)pid_vnr(q->lspid), (u32)pid_vnr(q->lrpid), q->o.perm.uid,
				   q->o.perm.gid, q->o.perm.cuid, q->o.perm.cgid,
				   (unsigned long long)q->stime, (unsigned long long)q->rtime,
				   (unsigned long long)q->ctime);
	}
}
