// SPDX-License-Identifier: MIT
/*
 * How tasks end, and how their parents hear of it (Linux: kernel/exit.c; the same order).
 *
 * A thread that is not the leader goes without a word. A process is a zombie when its last thread has ended; the leader's task stays
 * for it, however early it ended itself. Then the parent is sent exit_signal, and reads by wait; or it does not care (SIGCHLD ignored, SA_NOCLDWAIT), and
 * the process goes at once.
 *
 * Locking: kernel_lock; the address space is given back without it.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "ipc.h"
#include "pid.h"
#include "poll.h"
#include "ptrace.h"
#include "seccomp.h"
#include "task.h"
#include "userns.h"
#include "tty.h"

/* ------------------------------------------------------------------ telling the parent */

void usage_add(struct usage *to, const struct usage *u)
{
	to->utime += u->utime;
	to->stime += u->stime;
	to->min_flt += u->min_flt;
	to->maj_flt += u->maj_flt;
	to->nvcsw += u->nvcsw;
	to->nivcsw += u->nivcsw;
	to->maxrss = max(to->maxrss, u->maxrss);
}

void usage_of_process(const struct signal_struct *s, struct usage *sum)
{
	*sum = s->dead_threads;
	for_each_thread(t, s)
	{
		struct usage u = task_usage(t);

		if (t->mm)
			u.maxrss = max(u.maxrss, (u64)get_mm_rss(t->mm));
		usage_add(sum, &u);
	}
}

void notify_parent(struct signal_struct *s, int why, int status)
{
	struct signal_struct *parent = s->parent;
	const struct sigaction *sa;
	struct siginfo info = {.signo = SIGCHLD, .code = why, .chld.status = status};
	struct usage used;
	int sig = SIGCHLD;

	if (!parent)
		return;
	info.uid = uid_seen(parent->leader->user_ns, s->leader->cred.uid);
	info.pid = pid_nr_in(s->leader->pid, task_pid_ns(parent->leader));
	used = task_usage(s->leader);
	info.chld.utime = (s64)((s->dead_threads.utime + used.utime) / 10000000);
	info.chld.stime = (s64)((s->dead_threads.stime + used.stime) / 10000000);
	if (why == CLD_EXITED || why == CLD_KILLED || why == CLD_DUMPED) {
		sig = s->leader->exit_signal;
		info.signo = sig;
	}
	sa = &parent->leader->sighand->action[SIGCHLD - 1];
	if ((why == CLD_STOPPED || why == CLD_CONTINUED) && sa->flags & SA_NOCLDSTOP)
		sig = 0;
	if (sig && (sig != SIGCHLD || sa->handler != SIG_IGN))
		send_group_signal_info(&info, parent);
	wake_up_all(&parent->wait_chldexit);
}

/* Nobody will wait for it. */
static bool nobody_cares(const struct signal_struct *s)
{
	const struct sigaction *sa;

	if (!s->parent || !s->leader->exit_signal)
		return !s->parent;
	sa = &s->parent->leader->sighand->action[SIGCHLD - 1];
	return s->leader->exit_signal == SIGCHLD &&
	       (sa->handler == SIG_IGN || sa->flags & SA_NOCLDWAIT);
}

static bool is_zombie(const struct signal_struct *s)
{
	return !s->nr_threads && s->leader->state == TASK_ZOMBIE;
}

/* The process has been read, or nobody will: it goes. Its tasks but the leader have gone before. */
static void release_process(struct signal_struct *s)
{
	struct task *leader = s->leader;

	if (s->parent) {
		struct usage u = s->dead_threads;

		usage_add(&u, &leader->usage);
		usage_add(&u, &s->children_usage);
		usage_add(&s->parent->children_usage, &u);
	}
	ptrace_detach(leader);
	link_remove(&s->sibling);
	link_remove(&s->process);
	link_remove(&leader->thread);
	signal_set_group(s, 0, 0);
	task_unhash(leader);
	sigpending_flush(&s->pending);
	/* Who polls a pidfd finds out, and stands at no queue that is gone. */
	wait_queue_end(&s->wait_exit);
	posix_timers_free(s);
	sighand_put(leader->sighand);
	if (leader->stack) {
		/* It runs on its way to its last schedule(), and is freed behind it. */
		leader->state = TASK_DEAD;
		leader->signal = NULL;
	} else {
		task_free(leader);
	}
	signal_free(s);
}

void process_ended(struct signal_struct *s)
{
	int code = s->leader->exit_code;
	bool ignored = nobody_cares(s);

	/* Its parent hears of it when its tracer has. */
	if (traced_by_other(s)) {
		ptrace_notify(s->leader,
			      code & 0x80   ? CLD_DUMPED
			      : code & 0x7f ? CLD_KILLED
					    : CLD_EXITED,
			      code & 0x7f ? code & 0x7f : code >> 8);
		return;
	}

	wake_up_all(&s->wait_exit);
	if (s->parent)
		notify_parent(s,
			      code & 0x80   ? CLD_DUMPED
			      : code & 0x7f ? CLD_KILLED
					    : CLD_EXITED,
			      code & 0x7f ? code & 0x7f : code >> 8);
	if (ignored && s->leader->pid != 1)
		release_process(s);
}

/* ------------------------------------------------------------------ ending */

static void give_children_away(struct signal_struct *s)
{
	struct signal_struct *to = reaper_for(s);

	while (!link_alone(&s->children)) {
		struct signal_struct *c =
			link_entry(s->children.next, struct signal_struct, sibling);

		link_remove(&c->sibling);
		c->parent = to;
		link_add_before(&c->sibling, &to->children);
		c->leader->exit_signal = SIGCHLD;
		if (c->leader->pdeath_signal && !is_zombie(c))
			send_group_signal(c->leader->pdeath_signal, c);
		if (is_zombie(c))
			process_ended(c);
	}
}

/* Stopped children of a process group that nobody can continue any more (POSIX): SIGHUP, SIGCONT. */
static bool group_is_orphaned(int pgrp, const struct signal_struct *but)
{
	for_each_process(p)
	{
		if (p == but || p->pgrp != pgrp || is_zombie(p) || !p->parent)
			continue;
		if (p->parent->leader->pid != 1 && p->parent->pgrp != pgrp &&
		    p->parent->session == p->session)
			return false;
	}
	return true;
}

static void hang_up_orphans(struct signal_struct *s)
{
	bool stopped = false;

	if (!s->parent || s->parent->pgrp == s->pgrp || s->parent->session != s->session ||
	    !group_is_orphaned(s->pgrp, s))
		return;
	for_each_process(p) stopped |= p != s && p->pgrp == s->pgrp && p->flags & SIGNAL_STOPPED;
	if (!stopped)
		return;
	for_each_process(p)
	{
		if (p == s || p->pgrp != s->pgrp)
			continue;
		send_group_signal(SIGHUP, p);
		send_group_signal(SIGCONT, p);
	}
}

/*
 * A namespace's init ends: everything else there does before, and has been waited for, some of it perhaps from outside (Linux:
 * zap_pid_ns_processes; when the machine's does it panics).
 */
static void end_all_others(struct signal_struct *init)
{
	struct pid_ns *ns = task_pid_ns(init->leader);
	struct wait_entry e;
	bool more, released;

	ns->dead = true;
	wait_queue_add(&init->wait_chldexit, &e);
	do {
		more = released = false;
		for_each_process(p)
		{
			if (p == init || p->leader->kthread || !pid_nr(p->leader->thread_pid, ns))
				continue;
			more = true;
			if (!is_zombie(p))
				send_group_signal(SIGKILL, p);
		}
		for_each_link_safe(l, &init->children)
		{
			struct signal_struct *c = link_entry(l, struct signal_struct, sibling);

			if (!is_zombie(c))
				continue;
			release_process(c);
			released = true;
		}
		if (more && !released)
			sleep_uninterruptible(WAIT_FOREVER);
	} while (more);
	wait_queue_remove(&e);
	acct_end(ns);
	if (ns->reboot)
		init->group_exit_code = ns->reboot;
	if (ns != &init_pid_ns)
		ns->reaper = NULL;
}

static void exit_mm(struct task *t)
{
	struct mm_struct *mm = t->mm;

	if (!mm)
		return;
	t->usage.maxrss = max(t->usage.maxrss, (u64)get_mm_rss(mm));
	futex_exit(t);
	mm_release(t);
	mm_switch(NULL);
	t->mm = NULL;
	kernel_unlock();
	mmput(mm);
	kernel_lock();
}

void task_exit(int code)
{
	struct task *t = current;
	struct signal_struct *s = t->signal;
	bool last, leader = s->leader == t;

	ptrace_event(PTRACE_EVENT_EXIT, (u64)(u32)code);
	t->exiting = true;
	seccomp_exit(t);
	ptrace_exit(t);
	/* Of those that end at once, too, one is the last. */
	last = !--s->live;
	if (last) {
		acct_process(t, s->flags & SIGNAL_GROUP_EXIT ? s->group_exit_code : code);
		posix_timers_free(s);
		if (is_reaper(s))
			end_all_others(s);
	}
	t->exit_code = s->flags & SIGNAL_GROUP_EXIT ? s->group_exit_code : code;
	stop_done(t);
	signal_retarget(t);
	exit_mm(t);
	files_put(t->files);
	fs_put(t->fs);
	if (last)
		sem_exit(t->tgid);
	nsproxy_put(t->nsproxy);
	t->files = NULL;
	t->fs = NULL;
	t->nsproxy = NULL;
	sigpending_flush(&t->pending);
	s->nr_threads--;
	nr_tasks--;
	if (leader && !s->nr_threads && !(s->flags & SIGNAL_GROUP_EXIT))
		s->group_exit_code = t->exit_code;
	t->state = TASK_ZOMBIE;
	/* The process's time includes what this thread has had. */
	t->usage = task_usage(t);
	t->ran_since = port_time_ns();
	if (!leader) {
		usage_add(&s->dead_threads, &t->usage);
		link_remove(&t->thread);
		task_unhash(t);
		sighand_put(t->sighand);
		t->state = TASK_DEAD;
	}
	if (s->exec_task && s->nr_threads == 1)
		wake_up(s->exec_task);
	if (s->core_task && s->nr_threads == 1)
		wake_up(s->core_task);
	if (!s->nr_threads) {
		if (s->flags & SIGNAL_GROUP_EXIT)
			s->leader->exit_code = s->group_exit_code;
		tty_process_ends(s);
		hang_up_orphans(s);
		give_children_away(s);
		if (s->leader->pid == 1)
			sched_stop();
		else
			process_ended(s);
	}
	schedule();
	panic("a task runs that has ended");
}

void task_exit_group(int code)
{
	struct signal_struct *s = current->signal;

	if (!(s->flags & SIGNAL_GROUP_EXIT)) {
		s->flags = (s->flags & SIGNAL_UNKILLABLE) | SIGNAL_GROUP_EXIT;
		s->group_exit_code = code;
		for_each_thread(t, s) if (t != current) kill_thread(t);
	}
	task_exit(s->group_exit_code);
}

int de_thread(struct task *t)
{
	struct signal_struct *s = t->signal;
	struct task *old = s->leader;

	if (s->flags & SIGNAL_GROUP_EXIT || s->exec_task)
		return -EAGAIN;
	s->exec_task = t;
	for_each_thread(other, s) if (other != t) kill_thread(other);
	while (s->nr_threads > 1) {
		if (fatal_signal_pending() && s->flags & SIGNAL_GROUP_EXIT) {
			s->exec_task = NULL;
			return -EAGAIN;
		}
		sleep_uninterruptible(WAIT_FOREVER);
	}
	s->exec_task = NULL;
	if (old != t) {
		/* The process keeps its number, so this task takes it. The old leader is a zombie that nobody is told of. */
		link_remove(&old->thread);
		ptrace_detach(old);
		task_take_pid(t, old);
		t->exit_signal = old->exit_signal;
		t->start_time = old->start_time;
		s->leader = t;
		usage_add(&s->dead_threads, &old->usage);
		sighand_put(old->sighand);
		if (old->stack)
			old->state = TASK_DEAD;
		else
			task_free(old);
	}
	t->exit_signal = SIGCHLD;
	return 0;
}

/* ------------------------------------------------------------------ waiting */

#define WNOHANG 1U
#define WSTOPPED 2U
#define WEXITED 4U
#define WCONTINUED 8U
#define WNOWAIT 0x01000000U
#define W__NOTHREAD 0x20000000U
#define W__ALL 0x40000000U
#define W__CLONE 0x80000000U

static bool is_wanted(const struct signal_struct *c, const struct wait_for *w)
{
	bool clone_child = c->leader->exit_signal != SIGCHLD;

	if (w->pid > 0 && c->leader->pid != w->pid)
		return false;
	if (w->pgrp && c->pgrp != w->pgrp)
		return false;
	return w->options & W__ALL || clone_child == !!(w->options & W__CLONE);
}

/* Something to be read of this child: 0: nothing. */
static int look_at(struct signal_struct *c, struct wait_for *w)
{
	int pid = c->leader->pid;

	w->nr = pid_vnr(pid);
	if (is_zombie(c)) {
		if (!(w->options & WEXITED) || traced_by_other(c))
			return 0;
		w->status = c->leader->exit_code;
		w->code = w->status & 0x80   ? CLD_DUMPED
			  : w->status & 0x7f ? CLD_KILLED
					     : CLD_EXITED;
		w->usage = c->dead_threads;
		usage_add(&w->usage, &c->leader->usage);
		usage_add(&w->usage, &c->children_usage);
		if (!(w->options & WNOWAIT))
			release_process(c);
		return pid;
	}
	usage_of_process(c, &w->usage);
	if (w->options & WSTOPPED && c->flags & SIGNAL_WAIT_STOPPED) {
		w->status = c->stop_signal << 8 | 0x7f;
		w->code = CLD_STOPPED;
		if (!(w->options & WNOWAIT))
			c->flags &= ~SIGNAL_WAIT_STOPPED;
		return pid;
	}
	if (w->options & WCONTINUED && c->flags & SIGNAL_WAIT_CONTINUED) {
		w->status = 0xffff;
		w->code = CLD_CONTINUED;
		if (!(w->options & WNOWAIT))
			c->flags &= ~SIGNAL_WAIT_CONTINUED;
		return pid;
	}
	return 0;
}

/* One that has ended neither stops nor continues any more: who asks for nothing else waits for nothing. */
static bool may_still_tell(const struct signal_struct *c, const struct wait_for *w)
{
	return w->options & WEXITED || !is_zombie(c) || traced_by_other(c);
}

long wait_for_child(struct wait_for *w)
{
	struct signal_struct *me = current->signal;
	struct wait_entry e;
	bool any;
	long ret;

	wait_queue_add(&me->wait_chldexit, &e);
	e.exclusive = false;
	for (;;) {
		any = false;
		ret = 0;
		for_each_link_safe(l, &me->children)
		{
			struct signal_struct *c = link_entry(l, struct signal_struct, sibling);

			if (!is_wanted(c, w))
				continue;
			any |= may_still_tell(c, w);
			ret = look_at(c, w);
			if (ret)
				break;
		}
		if (!ret)
			ret = ptrace_wait(w, &any);
		if (ret)
			break;
		if (!any)
			ret = -ECHILD;
		else if (w->options & WNOHANG)
			break;
		else
			ret = sleep_until(WAIT_FOREVER);
		if (ret)
			break;
	}
	wait_queue_remove(&e);
	return ret;
}
