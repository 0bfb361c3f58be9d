// SPDX-License-Identifier: MIT
/*
 * Whose reads and writes of disks come first (Linux: block/ioprio.c). There are none to be put in order: it is kept and told. Locking:
 * kernel_lock.
 */
#include "pid.h"
#include "syscall.h"

enum { CLASS_NONE, CLASS_RT, CLASS_BE, CLASS_IDLE };
enum { WHO_PROCESS = 1, WHO_PGRP, WHO_USER };

#define VALUE(class, level) ((class) << 13 | (level))
#define CLASS_OF(prio) ((prio) >> 13 & 7)
#define LEVEL_OF(prio) ((prio)&7)

static long check(int prio)
{
	switch (CLASS_OF(prio)) {
	case CLASS_RT:
		return capable(CAP_SYS_ADMIN) || capable(CAP_SYS_NICE) ? 0 : -EPERM;
	case CLASS_BE:
	case CLASS_IDLE:
		return 0;
	case CLASS_NONE:
		return LEVEL_OF(prio) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static long set(struct task *t, int prio)
{
	const struct cred *c = &current->cred;

	if (t->cred.uid != c->euid && t->cred.uid != c->uid && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->ioprio = (u16)prio;
	return 0;
}

/* What nobody has set follows from the nice value. */
static long effective(const struct task *t)
{
	if (CLASS_OF(t->ioprio) != CLASS_NONE)
		return t->ioprio;
	return VALUE(t->policy == 5			? CLASS_IDLE
		     : t->policy == 1 || t->policy == 2 ? CLASS_RT
							: CLASS_BE,
		     (t->nice + 20) / 5);
}

static bool is_meant(const struct signal_struct *s, int which, int who)
{
	if (which == WHO_PGRP)
		return s->pgrp == (who ? pid_from_user(who) : current->signal->pgrp);
	return s->leader->cred.uid == (u32)who;
}

long call_ioprio_set(const struct syscall_args *r)
{
	int which = (int)r->a[0], who = (int)r->a[1], prio = (int)r->a[2];
	struct task *t;
	long err = check(prio);

	if (err)
		return err;
	if (which == WHO_PROCESS) {
		t = who ? task_find_v(who) : current;
		return t ? set(t, prio) : -ESRCH;
	}
	if (which != WHO_PGRP && which != WHO_USER)
		return -EINVAL;
	err = -ESRCH;
	for_each_process(s)
	{
		if (!is_meant(s, which, who))
			continue;
		for_each_thread(thread, s)
		{
			err = set(thread, prio);
			if (err)
				return err;
		}
	}
	return err;
}

long call_ioprio_get(const struct syscall_args *r)
{
	int which = (int)r->a[0], who = (int)r->a[1];
	long best = -ESRCH;
	struct task *t;

	if (which == WHO_PROCESS) {
		t = who ? task_find_v(who) : current;
		return t ? t->ioprio : -ESRCH;
	}
	if (which != WHO_PGRP && which != WHO_USER)
		return -EINVAL;
	/* The lower number comes first. */
	for_each_process(s)
	{
		if (!is_meant(s, which, who))
			continue;
		for_each_thread(thread, s) best =
			best < 0 ? effective(thread) : min(best, effective(thread));
	}
	return best;
}
