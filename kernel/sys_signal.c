// SPDX-License-Identifier: MIT
/* System calls on signals (kernel/syscalls.def). */
#include <quire/string.h>

#include "pid.h"
#include "syscall.h"
#include "userns.h"

long call_rt_sigaction(const struct syscall_args *r)
{
	struct task *t = current;
	int sig = (int)r->a[0];
	struct sigaction new_action, old;

	if (r->a[3] != sizeof(u64))
		return -EINVAL;
	if (r->a[1] && get_user(new_action, r->a[1]))
		return -EFAULT;
	if (sig < 1 || sig > NSIG || (r->a[1] && SIG_BIT(sig) & SIG_UNBLOCKABLE))
		return -EINVAL;
	old = t->sighand->action[sig - 1];
	if (r->a[1]) {
		new_action.mask &= ~SIG_UNBLOCKABLE;
		/* Flags that nobody knows are not kept, so that programs can see which are known. */
		new_action.flags &= SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER |
				    SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | 0x800;
		t->sighand->action[sig - 1] = new_action;
		/* What is ignored from now on is not pending any more. */
		if (sig_ignored_by(t->sighand, sig)) {
			flush_signals(&t->signal->pending, SIG_BIT(sig));
			for_each_thread(other, t->signal)
				flush_signals(&other->pending, SIG_BIT(sig));
		}
	}
	if (r->a[2] && put_user(old, r->a[2]))
		return -EFAULT;
	return 0;
}

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

long call_rt_sigprocmask(const struct syscall_args *r)
{
	u64 old = current->blocked, set;

	if (r->a[3] != sizeof(set))
		return -EINVAL;
	if (r->a[1]) {
		if (get_user(set, r->a[1]))
			return -EFAULT;
		switch ((int)r->a[0]) {
		case SIG_BLOCK:
			set_blocked(old | set);
			break;
		case SIG_UNBLOCK:
			set_blocked(old & ~set);
			break;
		case SIG_SETMASK:
			set_blocked(set);
			break;
		default:
			return -EINVAL;
		}
	}
	return r->a[2] ? put_user(old, r->a[2]) : 0;
}

long call_rt_sigpending(const struct syscall_args *r)
{
	struct task *t = current;
	u64 set = (t->pending.set | t->signal->pending.set) & t->blocked;

	if (r->a[1] > sizeof(set))
		return -EINVAL;
	return copy_to_user(r->a[0], &set, r->a[1]);
}

void set_temporary_mask(u64 set)
{
	struct task *t = current;

	t->saved_blocked = t->blocked;
	t->restore_blocked = true;
	set_blocked(set);
}

void restore_temporary_mask(bool interrupted)
{
	struct task *t = current;

	/* A signal that has interrupted is handled under the mask that let it through (do_signal). */
	if (interrupted || !t->restore_blocked)
		return;
	t->restore_blocked = false;
	set_blocked(t->saved_blocked);
}

long call_rt_sigsuspend(const struct syscall_args *r)
{
	u64 set;

	if (r->a[1] != sizeof(set))
		return -EINVAL;
	if (get_user(set, r->a[0]))
		return -EFAULT;
	set_temporary_mask(set);
	while (!sleep_until(WAIT_FOREVER))
		continue;
	return -ERESTARTNOHAND;
}

long call_rt_sigtimedwait(const struct syscall_args *r)
{
	struct task *t = current;
	u8 out[SIGINFO_SIZE] = {0};
	struct siginfo info;
	struct timespec64 ts;
	u64 set, deadline = WAIT_FOREVER;
	int sig, err;

	if (r->a[3] != sizeof(set))
		return -EINVAL;
	if (get_user(set, r->a[0]) || (r->a[2] && get_user(ts, r->a[2])))
		return -EFAULT;
	if (r->a[2]) {
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = add_ns(port_time_ns(), timespec_ns(&ts));
	}
	set &= ~SIG_UNBLOCKABLE;
	sig = dequeue_signal(t, set, &info);
	if (!sig) {
		u64 blocked = t->blocked;

		/* Unblocked while it sleeps: so a signal among them wakes it. */
		t->sleeping_for = set;
		t->blocked &= ~set;
		recalc_sigpending(t);
		err = sleep_until(deadline);
		t->blocked = blocked;
		t->sleeping_for = 0;
		sig = dequeue_signal(t, set, &info);
		recalc_sigpending(t);
		if (!sig)
			return err == -ETIMEDOUT || !signal_pending() ? -EAGAIN : -EINTR;
	}
	recalc_sigpending(t);
	memcpy(out, &info, sizeof(info));
	if (r->a[1] && copy_to_user(r->a[1], out, sizeof(out)))
		return -EFAULT;
	return sig;
}

long call_rt_sigreturn(const struct syscall_args *r)
{
	return restore_sigframe(current->regs);
}

long call_sigaltstack(const struct syscall_args *r)
{
	return do_sigaltstack(r->a[0], r->a[1], current->regs->sp, MINSIGSTKSZ);
}

/* ------------------------------------------------------------------ sending */

static bool may_signal(const struct signal_struct *s, int sig)
{
	const struct cred *me = &current->cred, *it = &s->leader->cred;

	return ns_capable(s->leader->user_ns, CAP_KILL) || me->euid == it->suid ||
	       me->euid == it->uid || me->uid == it->suid || me->uid == it->uid ||
	       (sig == SIGCONT && s->session == current->signal->session);
}

struct siginfo user_info(int sig, int code)
{
	return (struct siginfo){.signo = sig,
				.code = code,
				.pid = pid_vnr(current->tgid),
				.uid = uid_to_user(current->cred.uid)};
}

long kill_process(struct signal_struct *s, const struct siginfo *info)
{
	if (!may_signal(s, info->signo))
		return -EPERM;
	return info->signo ? send_group_signal_info(info, s) : 0;
}

static long kill_many(int pgrp, const struct siginfo *info)
{
	unsigned int found = 0, sent = 0;
	long err = 0, last;

	for_each_process(s)
	{
		/* -1: everybody but init and the caller. */
		if (pgrp ? s->pgrp != pgrp : pid_vnr(s->leader->pid) <= 1 || s == current->signal)
			continue;
		found++;
		last = kill_process(s, info);
		sent += !last;
		/* Who may not, among everybody, is not told. */
		if (last && (pgrp || last != -EPERM))
			err = last;
	}
	if (!found)
		return -ESRCH;
	return sent ? 0 : err;
}

long call_kill(const struct syscall_args *r)
{
	int pid = (int)r->a[0], sig = (int)r->a[1];
	const struct siginfo info = user_info(sig, SI_USER);
	struct task *t;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	if (pid > 0) {
		t = task_find_v(pid);
		return t ? kill_process(t->signal, &info) : -ESRCH;
	}
	if ((u32)pid == 0x80000000U)
		return -ESRCH;
	return kill_many(pid == 0    ? current->signal->pgrp
			 : pid == -1 ? 0
				     : pid_from_user(-pid),
			 &info);
}

static long send_specific(int tgid, int pid, const struct siginfo *info)
{
	struct task *t = task_find_v(pid);

	if (!t || (tgid > 0 && pid_vnr(t->tgid) != tgid))
		return -ESRCH;
	if (!may_signal(t->signal, info->signo))
		return -EPERM;
	return info->signo ? send_signal_info(info, t) : 0;
}

long call_tkill(const struct syscall_args *r)
{
	const struct siginfo info = user_info((int)r->a[1], SI_TKILL);

	if ((int)r->a[0] <= 0 || r->a[1] > NSIG)
		return -EINVAL;
	return send_specific(0, (int)r->a[0], &info);
}

long call_tgkill(const struct syscall_args *r)
{
	const struct siginfo info = user_info((int)r->a[2], SI_TKILL);

	if ((int)r->a[0] <= 0 || (int)r->a[1] <= 0 || r->a[2] > NSIG)
		return -EINVAL;
	return send_specific((int)r->a[0], (int)r->a[1], &info);
}

long user_siginfo(unsigned long from, int sig, int pid, struct siginfo *info)
{
	if (get_user(*info, from))
		return -EFAULT;
	info->signo = sig;
	/* Nobody may play the kernel, or kill(), to somebody else. */
	if ((info->code >= 0 || info->code == SI_TKILL) && pid_vnr(current->tgid) != pid)
		return -EPERM;
	return 0;
}

long call_rt_sigqueueinfo(const struct syscall_args *r)
{
	int pid = (int)r->a[0];
	struct siginfo info;
	struct task *t;
	long err = user_siginfo(r->a[2], (int)r->a[1], pid, &info);

	if (err)
		return err;
	if ((int)r->a[1] < 0 || (int)r->a[1] > NSIG)
		return -EINVAL;
	t = task_find_v(pid);
	return t ? kill_process(t->signal, &info) : -ESRCH;
}

long call_rt_tgsigqueueinfo(const struct syscall_args *r)
{
	int pid = (int)r->a[1];
	struct siginfo info;
	long err = user_siginfo(r->a[3], (int)r->a[2], (int)r->a[0], &info);

	if (err)
		return err;
	if ((int)r->a[0] <= 0 || pid <= 0 || r->a[2] > NSIG)
		return -EINVAL;
	return send_specific((int)r->a[0], pid, &info);
}

long call_restart_syscall(const struct syscall_args *r)
{
	long (*fn)(struct task * t) = current->restart.fn;

	current->restart.fn = NULL;
	return fn ? fn(current) : -EINTR;
}
