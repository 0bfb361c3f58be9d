// SPDX-License-Identifier: MIT
/*
 * Policies and priorities of tasks (Linux: kernel/sched/syscalls.c; the same checks and errors). They are kept and told; turns are dealt out
 * without regard to them (kernel/sched.c). Locking: kernel_lock.
 */
#include <quire/string.h>

#include "sched_attr.h"
#include "syscall.h"

enum { SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE, SCHED_EXT };
#define SCHED_RESET_ON_FORK 0x40000000

#define FLAG_RESET_ON_FORK 0x01U
#define FLAG_KEEP_POLICY 0x08U
#define FLAG_KEEP_PARAMS 0x10U
#define FLAG_UTIL_CLAMP 0x60U
#define FLAG_ALL 0x7fU
#define FLAG_DEADLINE 0x06U

/* Nanoseconds: a period of SCHED_DEADLINE, and how little it may ask for. */
#define PERIOD_MIN 100000ULL
#define PERIOD_MAX ((1ULL << 22) * 1000)
#define RUNTIME_MIN 1024U

#define ATTR_SIZE_0 48U

struct sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
	u32 util_min, util_max;
};
BUILD_BUG_ON(sizeof(struct sched_attr) != 56);

static bool is_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_fair(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

static bool is_policy(int policy)
{
	return policy >= SCHED_NORMAL && policy <= SCHED_DEADLINE && policy != 4;
}

static bool deadline_valid(const struct sched_attr *a)
{
	u64 period = a->period ? a->period : a->deadline;

	return a->deadline && a->runtime >= RUNTIME_MIN && !(a->deadline >> 63) &&
	       !(a->period >> 63) && period >= a->deadline && a->deadline >= a->runtime &&
	       period >= PERIOD_MIN && period <= PERIOD_MAX;
}

/* May it become as nice as that without being privileged? */
static bool nice_allowed(const struct task *t, int nice)
{
	return 20 - nice <= (int)min(t->signal->rlim[RLIMIT_NICE].cur, (u64)40);
}

/* What takes CAP_SYS_NICE (user_check_sched_setscheduler). */
static bool is_privileged(const struct task *t, const struct sched_attr *a, int policy, bool reset)
{
	u64 limit = t->signal->rlim[RLIMIT_RTPRIO].cur;

	if (is_fair(policy) && a->nice < t->nice && !nice_allowed(t, a->nice))
		return true;
	if (is_realtime(policy) && ((policy != t->policy && !limit) ||
				    ((int)a->priority > t->rt_priority && a->priority > limit)))
		return true;
	if (policy == SCHED_DEADLINE)
		return true;
	if (t->policy == SCHED_IDLE && policy != SCHED_IDLE && !nice_allowed(t, t->nice))
		return true;
	return !may_set_sched(t) || (t->reset_on_fork && !reset);
}

/* policy negative: the one that it has. */
static long set_attr(struct task *t, const struct sched_attr *a, int policy)
{
	bool reset = a->flags & FLAG_RESET_ON_FORK;

	if (policy < 0) {
		reset = t->reset_on_fork;
		policy = t->policy;
	} else if (!is_policy(policy)) {
		return -EINVAL;
	}
	if (a->flags & ~(u64)FLAG_ALL || a->priority > 99 ||
	    (policy == SCHED_DEADLINE && !deadline_valid(a)) ||
	    is_realtime(policy) != (a->priority != 0))
		return -EINVAL;
	if (is_privileged(t, a, policy, reset) && !capable(CAP_SYS_NICE))
		return -EPERM;
	/* Limits of use are an option of Linux's. */
	if (a->flags & FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP;
	t->policy = policy;
	t->reset_on_fork = reset;
	t->rt_priority = (int)a->priority;
	if (is_fair(policy))
		t->nice = a->nice;
	if (policy == SCHED_DEADLINE) {
		t->deadline[0] = a->runtime;
		t->deadline[1] = a->deadline;
		t->deadline[2] = a->period ? a->period : a->deadline;
		t->deadline_flags = (u32)a->flags & FLAG_DEADLINE;
	}
	return 0;
}

bool sched_may_fork(const struct task *parent)
{
	return parent->policy != SCHED_DEADLINE || parent->reset_on_fork;
}

void sched_fork_attr(struct task *t, const struct task *parent)
{
	t->nice = parent->nice;
	t->policy = parent->policy;
	t->rt_priority = parent->rt_priority;
	if (!parent->reset_on_fork)
		return;
	if (is_realtime(t->policy) || t->policy == SCHED_DEADLINE) {
		t->policy = SCHED_NORMAL;
		t->rt_priority = 0;
		t->nice = 0;
	} else {
		t->nice = max(t->nice, 0);
	}
}

/* ------------------------------------------------------------------ the old calls */

static long set_policy(u64 pid, int policy, unsigned long param)
{
	struct sched_attr a = {0};
	struct task *t;
	int priority;

	if (!param || (int)pid < 0)
		return -EINVAL;
	if (get_user(priority, param))
		return -EFAULT;
	t = task_or_current(pid);
	if (!t)
		return -ESRCH;
	if (policy >= 0 && policy & SCHED_RESET_ON_FORK) {
		a.flags = FLAG_RESET_ON_FORK;
		policy &= ~SCHED_RESET_ON_FORK;
	}
	a.priority = (u32)priority;
	a.nice = t->nice;
	return set_attr(t, &a, policy);
}

long call_sched_setscheduler(const struct syscall_args *r)
{
	return (int)r->a[1] < 0 ? -EINVAL : set_policy(r->a[0], (int)r->a[1], r->a[2]);
}

long call_sched_setparam(const struct syscall_args *r)
{
	return set_policy(r->a[0], -1, r->a[1]);
}

long call_sched_getscheduler(const struct syscall_args *r)
{
	struct task *t = task_or_current(r->a[0]);

	if ((int)r->a[0] < 0)
		return -EINVAL;
	return t ? t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0) : -ESRCH;
}

long call_sched_getparam(const struct syscall_args *r)
{
	struct task *t = task_or_current(r->a[0]);

	if (!r->a[1] || (int)r->a[0] < 0)
		return -EINVAL;
	return t ? put_user(t->rt_priority, r->a[1]) : -ESRCH;
}

/* SCHED_EXT has one too, where it cannot be had. */
static bool has_range(int policy)
{
	return is_policy(policy) || policy == SCHED_EXT;
}

long call_sched_get_priority_max(const struct syscall_args *r)
{
	return !has_range((int)r->a[0]) ? -EINVAL : is_realtime((int)r->a[0]) ? 99 : 0;
}

long call_sched_get_priority_min(const struct syscall_args *r)
{
	return !has_range((int)r->a[0]) ? -EINVAL : is_realtime((int)r->a[0]) ? 1 : 0;
}

long call_sched_rr_get_interval(const struct syscall_args *r)
{
	struct task *t = task_or_current(r->a[0]);
	struct timespec64 ts = {0, 0};

	if ((int)r->a[0] < 0)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (t->policy == SCHED_RR)
		ts.nsec = SCHED_RR_SLICE_MS * 1000000;
	return put_user(ts, r->a[1]);
}

/* ------------------------------------------------------------------ the new ones */

/* What is behind the fields that are known here has to be 0. */
static long copy_attr(struct sched_attr *a, unsigned long from)
{
	static const u32 known = sizeof(*a);
	u32 size;

	if (get_user(size, from))
		return -EFAULT;
	if (!size)
		size = ATTR_SIZE_0;
	if (size < ATTR_SIZE_0 || size > PAGE_SIZE)
		goto bad_size;
	if (copy_from_user(a, from, min((size_t)size, sizeof(*a))))
		return -EFAULT;
	for (u32 at = known; at < size; at++) {
		u8 c;

		if (get_user(c, from + at))
			return -EFAULT;
		if (c)
			goto bad_size;
	}
	if (a->flags & FLAG_UTIL_CLAMP && size < known)
		return -EINVAL;
	a->nice = clamp(a->nice, -20, 19);
	return 0;
bad_size:
	return put_user(known, from) ? -EFAULT : -E2BIG;
}

static void get_params(const struct task *t, struct sched_attr *a)
{
	if (t->policy == SCHED_DEADLINE) {
		a->priority = (u32)t->rt_priority;
		a->runtime = t->deadline[0];
		a->deadline = t->deadline[1];
		a->period = t->deadline[2];
		a->flags = (a->flags & ~(u64)FLAG_DEADLINE) | t->deadline_flags;
	} else if (is_realtime(t->policy)) {
		a->priority = (u32)t->rt_priority;
	} else {
		a->nice = t->nice;
	}
}

long call_sched_setattr(const struct syscall_args *r)
{
	struct sched_attr a = {0};
	struct task *t;
	int policy;
	long err;

	if (!r->a[1] || (int)r->a[0] < 0 || (u32)r->a[2])
		return -EINVAL;
	err = copy_attr(&a, r->a[1]);
	if (err)
		return err;
	policy = (int)a.policy;
	if (policy < 0)
		return -EINVAL;
	if (a.flags & FLAG_KEEP_POLICY)
		policy = -1;
	t = task_or_current(r->a[0]);
	if (!t)
		return -ESRCH;
	if (a.flags & FLAG_KEEP_PARAMS)
		get_params(t, &a);
	return set_attr(t, &a, policy);
}

long call_sched_getattr(const struct syscall_args *r)
{
	struct task *t = task_or_current(r->a[0]);
	struct sched_attr a = {0};
	u32 size = (u32)r->a[2];

	if (!r->a[1] || (int)r->a[0] < 0 || size < ATTR_SIZE_0 || size > PAGE_SIZE || (u32)r->a[3])
		return -EINVAL;
	if (!t)
		return -ESRCH;
	a.policy = (u32)t->policy;
	a.flags = t->reset_on_fork ? FLAG_RESET_ON_FORK : 0;
	get_params(t, &a);
	a.size = (u32)min((size_t)size, sizeof(a));
	return copy_to_user(r->a[1], &a, a.size);
}
