// SPDX-License-Identifier: MIT
/*
 * seccomp: a program gives up system calls, for ever and for its children (Linux: kernel/seccomp.c; the same order of checks).
 *
 * Strict: read, write, exit and rt_sigreturn remain. Filters: each is a program over number, architecture, program counter and arguments
 * (bpf.c) that says what is to be done; of all that a task has the strictest answer counts. Who has called may see SIGSYS, an error, its
 * tracer, or somebody who is asked (seccomp_notify.c).
 *
 * Invariant: a task's CALL_SECCOMP is set exactly when its mode is not DISABLED. Locking: kernel_lock.
 *
 * Against Linux: no architecture but arm64's own, no speculation to be mitigated, and what is to be logged is not.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "ptrace.h"
#include "seccomp.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

#define SECCOMP_SET_MODE_STRICT 0U
#define SECCOMP_SET_MODE_FILTER 1U
#define SECCOMP_GET_ACTION_AVAIL 2U
#define SECCOMP_GET_NOTIF_SIZES 3U

#define FLAG_TSYNC 1U
#define FLAG_LOG 2U
#define FLAG_NEW_LISTENER 8U
#define FLAG_TSYNC_ESRCH 16U
#define FLAG_WAIT_KILLABLE 32U
#define KNOWN_FLAGS 63U /* 4: speculation is allowed, as it is anyway */

#define RET_KILL_PROCESS 0x80000000U
#define RET_KILL_THREAD 0x00000000U
#define RET_TRAP 0x00030000U
#define RET_ERRNO 0x00050000U
#define RET_USER_NOTIF 0x7fc00000U
#define RET_TRACE 0x7ff00000U
#define RET_LOG 0x7ffc0000U
#define RET_ALLOW 0x7fff0000U
#define RET_ACTION 0xffff0000U
#define RET_DATA 0x0000ffffU

/* All filters of a task, each with some more for the way through it. */
#define MAX_TOTAL (32768U)
#define EACH_MORE 4U
#define MAX_ERRNO 4095U

/* ------------------------------------------------------------------ filters */

void seccomp_filter_put(struct seccomp_filter *f)
{
	while (f && !--f->refs) {
		struct seccomp_filter *prev = f->prev;

		kfree(f);
		f = prev;
	}
}

/* One task or follower less: what nobody is filtered by any more says so to its listener. */
static void filter_leave(struct seccomp_filter *f)
{
	for (struct seccomp_filter *o = f; o && !--o->users; o = o->prev)
		seccomp_orphaned(o);
	seccomp_filter_put(f);
}

static struct seccomp_filter *filter_get(struct seccomp_filter *f)
{
	if (f) {
		f->refs++;
		f->users++;
	}
	return f;
}

void seccomp_fork(struct task *t, const struct task *parent)
{
	t->seccomp_mode = parent->seccomp_mode;
	t->seccomp = filter_get(parent->seccomp);
	if (t->seccomp_mode)
		t->regs->call_work |= CALL_SECCOMP;
}

void seccomp_exit(struct task *t)
{
	struct seccomp_filter *f = t->seccomp;

	t->seccomp = NULL;
	filter_leave(f);
}

unsigned int seccomp_filters(const struct task *t)
{
	unsigned int n = 0;

	for (const struct seccomp_filter *f = t->seccomp; f; f = f->prev)
		n++;
	return n;
}

const struct seccomp_filter *seccomp_filter_at(const struct task *t, u64 n)
{
	const struct seccomp_filter *f = t->seccomp;
	const unsigned int all = seccomp_filters(t);

	if (n >= all)
		return NULL;
	for (unsigned int i = all - 1; i > n; i--)
		f = f->prev;
	return f;
}

struct sock_fprog {
	u16 len;
	u16 pad[3];
	u64 filter;
};

static long filter_from_user(unsigned long at, struct seccomp_filter **out)
{
	struct seccomp_filter *f;
	struct sock_fprog prog;
	long err;

	if (get_user(prog, at))
		return -EFAULT;
	if (!prog.len || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!current->signal->no_new_privs && !own_capable(CAP_SYS_ADMIN))
		return -EACCES;
	f = kmalloc(sizeof(*f) + prog.len * sizeof(f->insn[0]), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	*f = (struct seccomp_filter){.refs = 1, .users = 1, .len = prog.len};
	err = copy_from_user(f->insn, prog.filter, prog.len * sizeof(f->insn[0]));
	if (!err)
		err = bpf_check(f->insn, f->len, sizeof(struct seccomp_data));
	if (err) {
		kfree(f);
		return err;
	}
	*out = f;
	return 0;
}

/* ------------------------------------------------------------------ setting */

static bool may_assign(const struct task *t, enum seccomp_mode mode)
{
	return !t->seccomp_mode || t->seccomp_mode == mode;
}

static void assign(struct task *t, enum seccomp_mode mode)
{
	t->seccomp_mode = mode;
	t->regs->call_work |= CALL_SECCOMP;
}

static bool is_ancestor(const struct seccomp_filter *a, const struct seccomp_filter *f)
{
	if (!a)
		return true;
	while (f && f != a)
		f = f->prev;
	return f;
}

/* A thread whose filters are not among this one's: it cannot have the same. NULL: all can. */
static struct task *cannot_sync(void)
{
	for_each_thread(t, current->signal)
	{
		if (t == current || t->exiting)
			continue;
		if (!t->seccomp_mode || (t->seccomp_mode == SECCOMP_MODE_FILTER &&
					 is_ancestor(t->seccomp, current->seccomp)))
			continue;
		return t;
	}
	return NULL;
}

static void sync_threads(void)
{
	for_each_thread(t, current->signal)
	{
		struct seccomp_filter *old = t->seccomp;

		if (t == current || t->exiting)
			continue;
		t->seccomp = filter_get(current->seccomp);
		filter_leave(old);
		assign(t, SECCOMP_MODE_FILTER);
	}
}

static long attach(struct seccomp_filter *f, u64 flags)
{
	unsigned int total = f->len;

	for (const struct seccomp_filter *o = current->seccomp; o; o = o->prev)
		total += o->len + EACH_MORE;
	if (total > MAX_TOTAL)
		return -ENOMEM;
	if (flags & FLAG_TSYNC) {
		const struct task *t = cannot_sync();

		if (t)
			return flags & FLAG_TSYNC_ESRCH ? -ESRCH : pid_vnr(t->pid);
	}
	f->log = flags & FLAG_LOG;
	f->wait_killable = flags & FLAG_WAIT_KILLABLE;
	/* The task's reference becomes the new one's. */
	f->prev = current->seccomp;
	current->seccomp = f;
	if (flags & FLAG_TSYNC)
		sync_threads();
	return 0;
}

static bool has_listener(const struct seccomp_filter *f)
{
	while (f && !f->listener)
		f = f->prev;
	return f;
}

static long set_filter(u64 flags, unsigned long at)
{
	struct seccomp_filter *f;
	long err, fd = -1;

	if (flags & ~(u64)KNOWN_FLAGS)
		return -EINVAL;
	if (flags & FLAG_TSYNC && flags & FLAG_NEW_LISTENER && !(flags & FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if (flags & FLAG_WAIT_KILLABLE && !(flags & FLAG_NEW_LISTENER))
		return -EINVAL;
	err = filter_from_user(at, &f);
	if (err)
		return err;
	if (flags & FLAG_NEW_LISTENER) {
		fd = seccomp_listener_install(f);
		err = min(fd, 0L);
	}
	if (!err && !may_assign(current, SECCOMP_MODE_FILTER))
		err = -EINVAL;
	if (!err && flags & FLAG_NEW_LISTENER && has_listener(current->seccomp))
		err = -EBUSY;
	if (!err)
		err = attach(f, flags);
	if (err) {
		if (fd >= 0)
			(void)fd_close((unsigned int)fd);
		seccomp_filter_put(f);
		return err;
	}
	assign(current, SECCOMP_MODE_FILTER);
	return flags & FLAG_NEW_LISTENER ? fd : 0;
}

static long set_strict(void)
{
	if (!may_assign(current, SECCOMP_MODE_STRICT))
		return -EINVAL;
	assign(current, SECCOMP_MODE_STRICT);
	return 0;
}

long seccomp_set_mode(u64 mode, unsigned long filter)
{
	switch (mode) {
	case SECCOMP_MODE_STRICT:
		return set_strict();
	case SECCOMP_MODE_FILTER:
		return set_filter(0, filter);
	}
	return -EINVAL;
}

static bool known_action(u32 action)
{
	switch (action) {
	case RET_KILL_PROCESS:
	case RET_KILL_THREAD:
	case RET_TRAP:
	case RET_ERRNO:
	case RET_USER_NOTIF:
	case RET_TRACE:
	case RET_LOG:
	case RET_ALLOW:
		return true;
	}
	return false;
}

long call_seccomp(const struct syscall_args *r)
{
	const u16 sizes[3] = {80, 24, sizeof(struct seccomp_data)};
	u32 flags = (u32)r->a[1], action;

	switch ((u32)r->a[0]) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || r->a[2] ? -EINVAL : set_strict();
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(flags, r->a[2]);
	case SECCOMP_GET_ACTION_AVAIL:
		if (flags)
			return -EINVAL;
		if (get_user(action, r->a[2]))
			return -EFAULT;
		return known_action(action) ? 0 : -EOPNOTSUPP;
	case SECCOMP_GET_NOTIF_SIZES:
		return flags ? -EINVAL : copy_to_user(r->a[2], sizes, sizeof(sizes));
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ a call */

#define SYS_SECCOMP 1

void seccomp_sigsys(struct user_regs *regs, int nr, int reason, bool immutable)
{
	const struct siginfo info = {.signo = SIGSYS,
				     .code = SYS_SECCOMP,
				     .err = reason,
				     .sigsys = {regs->pc, nr, AUDIT_ARCH_AARCH64}};

	/* The call as it was, for a handler that looks. */
	regs->x[0] = regs->orig_x0;
	if (immutable)
		force_fatal_signal(&info);
	else
		force_signal(&info);
}

/* The strictest answer, and whose it is: actions are in their order as signed numbers. */
static u32 run_filters(const struct seccomp_data *data, const struct seccomp_filter **match)
{
	u32 ret = RET_ALLOW;

	for (const struct seccomp_filter *f = current->seccomp; f; f = f->prev) {
		u32 r = bpf_run(f->insn, data, sizeof(*data));

		if ((s32)(r & RET_ACTION) < (s32)(ret & RET_ACTION)) {
			ret = r;
			*match = f;
		}
	}
	return ret;
}

static void kill_caller(struct user_regs *regs, u32 action, int nr, int reason)
{
	struct task *t = current;

	t->seccomp_mode = SECCOMP_MODE_DEAD;
	if (action == RET_KILL_THREAD && t->signal->nr_threads > 1)
		task_exit(SIGSYS);
	seccomp_sigsys(regs, nr, reason, true);
}

/* What the tracer may have made of the call. False: it is none any more. */
static bool ask_tracer(struct user_regs *regs, u32 data)
{
	struct task *t = current;

	if (!t->tracer || !(t->trace_options & BIT(PTRACE_EVENT_SECCOMP))) {
		regs->x[0] = (u64)-ENOSYS;
		return false;
	}
	ptrace_event(PTRACE_EVENT_SECCOMP, data);
	return !fatal_signal_pending() && t->trace_nr >= 0;
}

static bool filter_call(struct user_regs *regs, bool again)
{
	struct task *t = current;
	const struct seccomp_filter *match = NULL;
	struct seccomp_data data = {.nr = (s32)t->trace_nr,
				    .arch = AUDIT_ARCH_AARCH64,
				    .pc = regs->pc,
				    .args = {regs->orig_x0, regs->x[1], regs->x[2], regs->x[3],
					     regs->x[4], regs->x[5]}};
	u32 ret = run_filters(&data, &match), value = ret & RET_DATA;

	switch (ret & RET_ACTION) {
	case RET_ALLOW:
	case RET_LOG:
		return true;
	case RET_ERRNO:
		regs->x[0] = (u64) - (s64)min(value, MAX_ERRNO);
		return false;
	case RET_TRAP:
		seccomp_sigsys(regs, data.nr, (int)value, false);
		return false;
	case RET_TRACE:
		if (again)
			return true;
		return ask_tracer(regs, value) && filter_call(regs, true);
	case RET_USER_NOTIF:
		return seccomp_ask(match, &data, regs);
	}
	kill_caller(regs, ret & RET_ACTION, data.nr, (int)value);
	return false;
}

#define NR_READ 63
#define NR_WRITE 64
#define NR_EXIT 93
#define NR_RT_SIGRETURN 139

bool seccomp_syscall(struct user_regs *regs)
{
	struct task *t = current;

	if (t->tracer && t->trace_options & PTRACE_O_SUSPEND_SECCOMP)
		return true;
	switch (t->seccomp_mode) {
	case SECCOMP_MODE_STRICT:
		if (t->trace_nr == NR_READ || t->trace_nr == NR_WRITE || t->trace_nr == NR_EXIT ||
		    t->trace_nr == NR_RT_SIGRETURN)
			return true;
		t->seccomp_mode = SECCOMP_MODE_DEAD;
		task_exit(SIGKILL);
	case SECCOMP_MODE_FILTER:
		return filter_call(regs, false);
	case SECCOMP_MODE_DEAD:
		task_exit(SIGKILL);
	case SECCOMP_MODE_DISABLED:
		break;
	}
	return true;
}
