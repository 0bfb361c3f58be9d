// SPDX-License-Identifier: MIT
/*
 * Stops for a tracer, and how it hears of them (Linux: kernel/signal.c, ptrace_stop; kernel/ptrace.c). What it asks for is in ptrace.c.
 *
 * A task that is watched has a tracer, a task, and stands in the tracer's process's list `tracees`. In a stop its state is TASK_TRACED,
 * trace_code is what wait tells and `trace_told` that it has; only its tracer or SIGKILL lets it go on.
 *
 * Against Linux: a thread that is no leader ends without a word to its tracer. Locking: kernel_lock.
 */
#include <quire/string.h>

#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "userns.h"

#define CLD_TRAPPED 4

void ptrace_notify(struct task *t, int why, int status)
{
	struct signal_struct *to = t->tracer->signal;
	const struct siginfo info = {.signo = SIGCHLD,
				     .code = why,
				     .pid = pid_nr_in(t->pid, task_pid_ns(t->tracer)),
				     .uid = uid_seen(t->tracer->user_ns, t->cred.uid),
				     .chld.status = status};
	const struct sigaction *sa = &to->leader->sighand->action[SIGCHLD - 1];

	if (sa->handler != SIG_IGN && !(sa->flags & SA_NOCLDSTOP && why == CLD_TRAPPED))
		send_group_signal_info(&info, to);
	wake_up_all(&to->wait_chldexit);
}

int ptrace_stop(int code, struct siginfo *info)
{
	struct task *t = current;
	struct siginfo own = {.signo = code & 0x7f,
			      .code = code,
			      .pid = task_vnr(t),
			      .uid = uid_to_user(t->cred.uid)};

	if (!t->tracer || t->pending.set & SIG_BIT(SIGKILL))
		return 0;
	t->trace_info = info ? info : &own;
	t->trace_code = code;
	t->trace_told = false;
	t->state = TASK_TRACED;
	ptrace_notify(t, CLD_TRAPPED, code & 0x7f);
	schedule();
	t->trace_info = NULL;
	t->trace_told = true;
	recalc_sigpending(t);
	return t->pending.set & SIG_BIT(SIGKILL) ? 0 : t->trace_code;
}

void ptrace_event(enum ptrace_event event, u64 message)
{
	struct task *t = current;

	if (!t->tracer)
		return;
	if (event != PTRACE_EVENT_STOP && !(t->trace_options & BIT((unsigned int)event))) {
		/* The way it was before there were options. */
		if (event == PTRACE_EVENT_EXEC && !t->trace_seized)
			send_signal(SIGTRAP, t);
		return;
	}
	t->trace_message = message;
	(void)ptrace_stop((int)event << 8 | SIGTRAP, NULL);
}

int ptrace_signal(int sig, struct siginfo *info)
{
	struct task *t = current;
	int to;

	to = ptrace_stop(sig, info);
	if (!to)
		return 0;
	/* PTRACE_SETSIGINFO may have put any number there. */
	info->signo = to;
	if (to != sig)
		*info = (struct siginfo){.signo = to,
					 .code = SI_USER,
					 .pid = t->tracer ? pid_vnr(t->tracer->tgid) : 0,
					 .uid = t->tracer ? uid_to_user(t->tracer->cred.uid) : 0};
	if (t->blocked & SIG_BIT(to)) {
		send_signal_info(info, t);
		return 0;
	}
	return to;
}

/* ------------------------------------------------------------------ who watches whom */

void ptrace_link(struct task *t, struct task *tracer, bool seize, u32 options)
{
	t->tracer = tracer;
	t->trace_seized = seize;
	t->trace_options = options;
	t->trace_told = true;
	link_add_before(&t->traced, &tracer->signal->tracees);
}

u64 ptrace_message_pid(int pid)
{
	return current->tracer ? (u64)pid_nr_in(pid, task_pid_ns(current->tracer)) : (u64)pid;
}

void ptrace_clone(struct task *child, struct task *parent, enum ptrace_event event, bool wanted)
{
	if (!parent->tracer || !(wanted || parent->trace_options & BIT((unsigned int)event)))
		return;
	ptrace_link(child, parent->tracer, parent->trace_seized, parent->trace_options);
	if (child->trace_seized) {
		child->trace_stop_wanted = true;
		user_work_set(child, USER_WORK_SIGNAL);
	} else {
		child->pending.set |= SIG_BIT(SIGSTOP);
		user_work_set(child, USER_WORK_SIGNAL);
	}
}

void ptrace_detach(struct task *t)
{
	if (!t->tracer)
		return;
	link_remove(&t->traced);
	t->tracer = NULL;
	t->trace_options = 0;
	t->trace_stop_wanted = false;
	if (t->regs) {
		t->regs->call_work &= (u16)~CALL_TRACE;
		t->single_step = false;
	}
	wake_up_state(t, TASK_TRACED);
}

void ptrace_exit(struct task *t)
{
	for_each_link_safe(l, &t->signal->tracees)
	{
		struct task *c = link_entry(l, struct task, traced);
		bool die;

		if (c->tracer != t)
			continue;
		die = c->trace_options & PTRACE_O_EXITKILL;
		/* One that was to be read by this one is its parent's again. */
		c->trace_code = 0;
		ptrace_detach(c);
		if (die)
			send_group_signal(SIGKILL, c->signal);
		if (c->state == TASK_ZOMBIE && c->signal->leader == c && !c->signal->nr_threads &&
		    c->signal->parent != t->signal)
			process_ended(c->signal);
	}
	/* A zombie leader is read by its tracer, or by its parent. */
	if (t->tracer && t->signal->leader != t)
		ptrace_detach(t);
}

int ptrace_wait(struct wait_for *w, bool *any)
{
	for_each_link_safe(l, &current->signal->tracees)
	{
		struct task *t = link_entry(l, struct task, traced);
		int pid = t->pid;

		if ((w->pid > 0 && pid != w->pid) || (w->pgrp && t->signal->pgrp != w->pgrp))
			continue;
		w->nr = pid_vnr(pid);
		*any |= w->options & (WAIT_EXITED | WAIT_CONTINUED) || t->state != TASK_ZOMBIE;
		if (t->state == TASK_TRACED && !t->trace_told) {
			w->status = t->trace_code << 8 | 0x7f;
			w->code = CLD_TRAPPED;
			w->usage = task_usage(t);
			if (!(w->options & WAIT_NOWAIT))
				t->trace_told = true;
			return pid;
		}
		if (w->options & WAIT_EXITED && t->state == TASK_ZOMBIE && !t->signal->nr_threads &&
		    traced_by_other(t->signal)) {
			w->status = t->exit_code;
			w->code = w->status & 0x80   ? CLD_DUMPED
				  : w->status & 0x7f ? CLD_KILLED
						     : CLD_EXITED;
			w->usage = t->usage;
			if (!(w->options & WAIT_NOWAIT)) {
				ptrace_detach(t);
				process_ended(t->signal);
			}
			return pid;
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ system calls */

bool ptrace_call_stop(struct user_regs *regs, bool after)
{
	struct task *t = current;
	u64 was = regs->x[7];
	int sig;

	/* As arm64 says on which side of the call it is. */
	regs->x[7] = after;
	t->trace_message = after ? 2 : 1;
	sig = ptrace_stop(t->trace_options & PTRACE_O_TRACESYSGOOD ? SIGTRAP | 0x80 : SIGTRAP,
			  NULL);
	regs->x[7] = was;
	if (sig)
		send_signal(sig, t);
	return !fatal_signal_pending();
}
