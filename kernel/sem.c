// SPDX-License-Identifier: MIT
/*
 * System V semaphores (Linux: ipc/sem.c): arrays of counters that operations change all together or not at all.
 *
 * Who cannot go on waits in the array's queue and looks again when any counter has changed. What an operation with SEM_UNDO has
 * added up to is kept for each process that did it, and taken back at its end. Locking: kernel_lock.
 */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "ipc.h"
#include "pid.h"
#include "poll.h"

#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17
#define SEM_STAT 18
#define SEM_INFO 19
#define SEM_STAT_ANY 20
#define SEM_UNDO 010000
#define SEM_VALUE_MAX 32767

struct sem_op {
	u16 num;
	s16 op, flags;
};

struct sem_undo {
	struct sem_undo *next;
	int tgid;
	s16 adjust[];
};

struct sem_waiter {
	struct sem_waiter *next;
	u16 num;
	bool for_zero;
};

struct sem_value {
	u16 value;
	int pid; /* who has changed it last */
};

struct sem {
	struct ipc_object o;
	s64 otime, ctime;
	struct wait_queue changed;
	struct sem_waiter *waiters;
	struct sem_undo *undo;
	unsigned int users; /* that sleep in semop */
	bool removed;
	u32 nr;
	struct sem_value v[];
};

/* As programs see it (Linux: include/uapi/asm-generic/sembuf.h). */
struct semid64_ds {
	struct ipc64_perm perm;
	s64 otime, ctime;
	u64 nsems, unused[2];
};

static struct ipc_table *own(void)
{
	return &ipc_own()->sem;
}

static struct sem *sem_find(int id)
{
	return (struct sem *)ipc_find(own(), id);
}

/* ------------------------------------------------------------------ making and removing */

long call_semget(const struct syscall_args *r)
{
	const s32 key = (s32)r->a[0];
	const int nr = (int)r->a[1];
	const unsigned int flags = (unsigned int)r->a[2];
	struct sem *s = NULL;
	int err;

	if (nr < 0 || nr > ipc_own()->sem_most[0])
		return -EINVAL;
	if (key != IPC_PRIVATE)
		s = (struct sem *)ipc_by_key(own(), key);
	if (s) {
		if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
			return -EEXIST;
		if ((u32)nr > s->nr)
			return -EINVAL;
		err = ipc_may(&s->o, flags);
		return err ? err : s->o.id;
	}
	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	if (!nr)
		return -EINVAL;
	if ((u64)ipc_own()->sem_counters + (u32)nr > (u64)max(ipc_own()->sem_most[1], 0))
		return -ENOSPC;
	s = kvmalloc(sizeof(*s) + (size_t)nr * sizeof(s->v[0]), GFP_KERNEL | __GFP_ZERO);
	if (!s)
		return -ENOMEM;
	err = ipc_add(own(), &s->o, key, flags);
	if (err) {
		kvfree(s);
		return err;
	}
	s->nr = (u32)nr;
	ipc_own()->sem_counters += s->nr;
	s->ctime = ipc_time();
	return s->o.id;
}

/* Of all sets, so that who ends without any looks at none. kernel_lock. */
static unsigned int nr_undos;

static void undo_free(struct sem *s)
{
	while (s->undo) {
		struct sem_undo *u = s->undo;

		s->undo = u->next;
		nr_undos--;
		kvfree(u);
	}
}

static void sem_remove(struct sem *s)
{
	container_of(s->o.in, struct ipc_ns, sem)->sem_counters -= s->nr;
	ipc_remove(&s->o);
	s->removed = true;
	undo_free(s);
	wake_up_all(&s->changed);
	if (!s->users)
		kvfree(s);
}

void sem_end(struct ipc_ns *ns)
{
	for (unsigned int i = 0; i < ns->sem.places; i++)
		if (ipc_at(&ns->sem, (int)i))
			sem_remove((struct sem *)ipc_at(&ns->sem, (int)i));
}

/* ------------------------------------------------------------------ operations */

static struct sem_undo *undo_of(struct sem *s, int tgid, bool make)
{
	struct sem_undo *u = s->undo;

	while (u && u->tgid != tgid)
		u = u->next;
	if (u || !make)
		return u;
	u = kvmalloc(sizeof(*u) + s->nr * sizeof(u->adjust[0]), GFP_KERNEL | __GFP_ZERO);
	if (!u)
		return NULL;
	u->tgid = tgid;
	u->next = s->undo;
	s->undo = u;
	nr_undos++;
	return u;
}

/* All of them: 0; or none: -ERANGE, -EAGAIN and the one that cannot be. */
static int try_ops(struct sem *s, const struct sem_op *ops, unsigned int n, struct sem_undo *u,
		   const struct sem_op **blocked)
{
	unsigned int done = 0;
	int err = 0;

	for (; done < n; done++) {
		const struct sem_op *op = &ops[done];
		int now = s->v[op->num].value, then = now + op->op;

		if ((!op->op && now) || then < 0) {
			*blocked = op;
			err = -EAGAIN;
			break;
		}
		if (then > SEM_VALUE_MAX) {
			err = -ERANGE;
			break;
		}
		if (op->flags & SEM_UNDO && u) {
			int adjust = u->adjust[op->num] - op->op;

			if (adjust < -SEM_VALUE_MAX - 1 || adjust > SEM_VALUE_MAX) {
				err = -ERANGE;
				break;
			}
			u->adjust[op->num] = (s16)adjust;
		}
		s->v[op->num].value = (u16)then;
	}
	if (!err) {
		for (unsigned int i = 0; i < n; i++)
			s->v[ops[i].num].pid = current->tgid;
		return 0;
	}
	while (done--) {
		const struct sem_op *op = &ops[done];

		s->v[op->num].value = (u16)(s->v[op->num].value - op->op);
		if (op->flags & SEM_UNDO && u)
			u->adjust[op->num] = (s16)(u->adjust[op->num] + op->op);
	}
	return err;
}

static void waiter_remove(struct sem *s, struct sem_waiter *w)
{
	struct sem_waiter **p = &s->waiters;

	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
}

/* Sleeps until all can be done. The array stays as long as somebody sleeps here. */
static long do_ops(struct sem *s, const struct sem_op *ops, unsigned int n, struct sem_undo *u,
		   u64 deadline, bool undo)
{
	struct wait_entry e = {0};
	const struct sem_op *blocked = NULL;
	struct sem_waiter w;
	long err;

	s->users++;
	for (;;) {
		err = try_ops(s, ops, n, u, &blocked);
		if (err != -EAGAIN || blocked->flags & (s16)IPC_NOWAIT)
			break;
		w = (struct sem_waiter){s->waiters, blocked->num, !blocked->op};
		s->waiters = &w;
		wait_queue_add(&s->changed, &e);
		err = sleep_until(deadline);
		wait_queue_remove(&e);
		waiter_remove(s, &w);
		if (s->removed)
			err = -EIDRM;
		else if (err == -ETIMEDOUT)
			err = -EAGAIN;
		else if (err)
			err = -EINTR;
		if (err)
			break;
		/* An exec or the end of another thread may have taken it away. */
		if (undo)
			u = undo_of(s, current->tgid, true);
		if (undo && !u) {
			err = -ENOMEM;
			break;
		}
	}
	s->users--;
	if (!err) {
		s->otime = ipc_time();
		wake_up_all(&s->changed);
	}
	if (s->removed && !s->users)
		kvfree(s);
	return err;
}

static long semop(int id, unsigned long from, u64 n, u64 deadline)
{
	struct sem_op few[8], *ops = few;
	struct sem *s;
	struct sem_undo *u = NULL;
	bool changes = false, undo = false;
	long err = 0;

	if (!n || id < 0)
		return -EINVAL;
	if (n > (u64)max(ipc_own()->sem_most[2], 0))
		return -E2BIG;
	if (n > ARRAY_SIZE(few))
		ops = kvmalloc(n * sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	if (copy_from_user(ops, from, n * sizeof(*ops)))
		err = -EFAULT;
	s = sem_find(id);
	if (!err && !s)
		err = -EINVAL;
	for (u64 i = 0; !err && i < n; i++) {
		if (ops[i].num >= s->nr)
			err = -EFBIG;
		changes |= ops[i].op != 0;
		undo |= ops[i].flags & SEM_UNDO;
	}
	if (!err)
		err = ipc_may(&s->o, changes ? 2 : 4);
	if (!err && undo) {
		u = undo_of(s, current->tgid, true);
		err = u ? 0 : -ENOMEM;
	}
	if (!err)
		err = do_ops(s, ops, (unsigned int)n, u, deadline, undo);
	if (ops != few)
		kvfree(ops);
	return err;
}

long call_semop(const struct syscall_args *r)
{
	return semop((int)r->a[0], r->a[1], r->a[2], WAIT_FOREVER);
}

long call_semtimedop(const struct syscall_args *r)
{
	struct {
		s64 sec, nsec;
	} t;
	u64 deadline = WAIT_FOREVER;

	if (r->a[3]) {
		if (copy_from_user(&t, r->a[3], sizeof(t)))
			return -EFAULT;
		if (t.sec < 0 || t.nsec < 0 || t.nsec >= 1000000000)
			return -EINVAL;
		deadline = deadline_after((u64)t.sec, (u64)t.nsec);
	}
	return semop((int)r->a[0], r->a[1], r->a[2], deadline);
}

void sem_exit(int tgid)
{
	for (unsigned int i = 0; nr_undos && i < own()->places; i++) {
		struct sem *s = (struct sem *)ipc_at(own(), (int)i);
		struct sem_undo **p, *u;

		if (!s)
			continue;
		for (p = &s->undo; *p && (*p)->tgid != tgid;)
			p = &(*p)->next;
		u = *p;
		if (!u)
			continue;
		*p = u->next;
		nr_undos--;
		for (u32 k = 0; k < s->nr; k++) {
			int then = s->v[k].value + u->adjust[k];

			if (!u->adjust[k])
				continue;
			s->v[k].value = (u16)min(max(then, 0), SEM_VALUE_MAX);
			s->v[k].pid = tgid;
		}
		kvfree(u);
		s->otime = ipc_time();
		wake_up_all(&s->changed);
	}
}

/* ------------------------------------------------------------------ semctl */

static long set_value(struct sem *s, u32 num, int value)
{
	if (value < 0 || value > SEM_VALUE_MAX)
		return -ERANGE;
	s->v[num].value = (u16)value;
	s->v[num].pid = current->tgid;
	for (struct sem_undo *u = s->undo; u; u = u->next)
		u->adjust[num] = 0;
	s->ctime = ipc_time();
	wake_up_all(&s->changed);
	return 0;
}

static long all_values(struct sem *s, unsigned long at, bool set)
{
	u16 *v = kvmalloc(s->nr * sizeof(*v), GFP_KERNEL);
	long err = 0;

	if (!v)
		return -ENOMEM;
	if (!set) {
		for (u32 i = 0; i < s->nr; i++)
			v[i] = s->v[i].value;
		err = copy_to_user(at, v, s->nr * sizeof(*v));
	} else {
		err = copy_from_user(v, at, s->nr * sizeof(*v));
		for (u32 i = 0; !err && i < s->nr; i++)
			err = v[i] > SEM_VALUE_MAX ? -ERANGE : 0;
		for (u32 i = 0; !err && i < s->nr; i++)
			set_value(s, i, v[i]);
	}
	kvfree(v);
	return err;
}

static long one_value(struct sem *s, int cmd, u32 num, int value)
{
	long n = 0;

	if (num >= s->nr)
		return -EINVAL;
	switch (cmd) {
	case GETVAL:
		return s->v[num].value;
	case GETPID:
		return pid_vnr(s->v[num].pid);
	case SETVAL:
		return set_value(s, num, value);
	}
	for (const struct sem_waiter *w = s->waiters; w; w = w->next)
		n += w->num == num && w->for_zero == (cmd == GETZCNT);
	return n;
}

static long sem_info(int cmd, unsigned long to)
{
	const int *m = ipc_own()->sem_most;
	/* semmap, mni, mns, mnu, msl, opm, ume, usz, vmx, aem: some have had no meaning for long. */
	s32 info[10] = {1024000000, m[3], m[1], 1024000000,    m[0],
			m[2],	    500,  20,	SEM_VALUE_MAX, SEM_VALUE_MAX};

	if (cmd == SEM_INFO) {
		info[7] = (s32)own()->used;
		info[9] = (s32)ipc_own()->sem_counters;
	}
	return copy_to_user(to, info, sizeof(info)) ? -EFAULT : ipc_highest(own());
}

static long sem_stat(const struct sem *s, unsigned long to)
{
	const struct semid64_ds ds = {
		.perm = s->o.perm, .otime = s->otime, .ctime = s->ctime, .nsems = s->nr};

	return copy_to_user(to, &ds, sizeof(ds));
}

long call_semctl(const struct syscall_args *r)
{
	const int id = (int)r->a[0], cmd = (int)r->a[2];
	struct semid64_ds ds;
	struct sem *s;
	int err;

	if (id < 0)
		return -EINVAL;
	if (cmd == IPC_INFO || cmd == SEM_INFO)
		return sem_info(cmd, r->a[3]);
	if (cmd == SEM_STAT || cmd == SEM_STAT_ANY) {
		s = (struct sem *)ipc_at(own(), id);
		if (!s)
			return -EINVAL;
		err = cmd == SEM_STAT ? ipc_may(&s->o, 4) : 0;
		if (!err)
			err = (int)sem_stat(s, r->a[3]);
		return err ? err : s->o.id;
	}
	s = sem_find(id);
	if (!s)
		return -EINVAL;
	switch (cmd) {
	case IPC_STAT:
		err = ipc_may(&s->o, 4);
		return err ? err : sem_stat(s, r->a[3]);
	case IPC_SET:
		if (copy_from_user(&ds, r->a[3], sizeof(ds)))
			return -EFAULT;
		err = ipc_owns(&s->o);
		if (!err)
			err = ipc_set(&s->o, &ds.perm);
		if (!err)
			s->ctime = ipc_time();
		return err;
	case IPC_RMID:
		err = ipc_owns(&s->o);
		if (!err)
			sem_remove(s);
		return err;
	case GETALL:
	case SETALL:
		err = ipc_may(&s->o, cmd == SETALL ? 2 : 4);
		return err ? err : all_values(s, r->a[3], cmd == SETALL);
	case GETPID:
	case GETVAL:
	case GETNCNT:
	case GETZCNT:
	case SETVAL:
		err = ipc_may(&s->o, cmd == SETVAL ? 2 : 4);
		return err ? err : one_value(s, cmd, (u32)r->a[1], (int)r->a[3]);
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ /proc/sysvipc/sem */

void sem_report(struct out *out)
{
	out_puts(out, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime   "
		      "   ctime\n");
	for (unsigned int i = 0; i < own()->places; i++) {
		const struct sem *s = (const struct sem *)ipc_at(own(), (int)i);

		if (s)
			out_printf(out, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lld %10lld\n",
				   s->o.perm.key, s->o.id, s->o.perm.mode, s->nr, s->o.perm.uid,
				   s->o.perm.gid, s->o.perm.cuid, s->o.perm.cgid,
				   (long long)s->otime, (long long)s->ctime);
	}
}
