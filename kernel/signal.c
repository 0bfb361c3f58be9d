// SPDX-License-Identifier: MIT
/*
 * Signals: sent, kept, taken (Linux: kernel/signal.c; the same decisions).
 *
 * A signal is sent to a task or to a process. It is dropped when it is ignored and not blocked; else it is pending there, and a thread that
 * may take it is woken. Threads take signals on their way to EL0 (do_signal): handled ones get a frame on the program's stack, others do
 * what is their default. A fatal one ends the process at once: every thread gets SIGKILL of its own.
 *
 * Invariants: bit n of a `set` is set exactly when signal n + 1 is pending there; a queue entry's bit is set; USER_WORK_SIGNAL is set
 * on a task that has something to take. Only the task itself takes the bit off.
 *
 * Locking: kernel_lock.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "poll.h"
#include "ptrace.h"
#include "task.h"
#include "userns.h"

/* ------------------------------------------------------------------ structures */

struct sighand *sighand_alloc(void)
{
	struct sighand *s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ZERO);

	if (s)
		s->users = 1;
	return s;
}

void sighand_put(struct sighand *s)
{
	if (!s || --s->users)
		return;
	wait_queue_end(&s->wait_signal);
	kfree(s);
}

void sigpending_init(struct sigpending *p)
{
	link_init(&p->queue);
	p->set = 0;
}

static void drop_entry(struct sigqueue *q)
{
	link_remove(&q->link);
	if (!q->kept)
		kfree(q);
}

void flush_signals(struct sigpending *p, u64 set)
{
	p->set &= ~set;
	for_each_link_safe(l, &p->queue)
	{
		struct sigqueue *q = link_entry(l, struct sigqueue, link);

		if (set & SIG_BIT(q->info.signo))
			drop_entry(q);
	}
}

void sigpending_flush(struct sigpending *p)
{
	flush_signals(p, ~0ULL);
}

void flush_signal_handlers(struct task *t)
{
	for (unsigned int i = 0; i < NSIG; i++) {
		struct sigaction *a = &t->sighand->action[i];
		unsigned long handler = a->handler == SIG_IGN ? SIG_IGN : SIG_DFL;

		*a = (struct sigaction){.handler = handler};
	}
}

/* ------------------------------------------------------------------ what is to be taken */

static bool has_signal(const struct task *t)
{
	return ((t->pending.set | t->signal->pending.set) & ~t->blocked) || t->stop_pending ||
	       t->trace_stop_wanted || (t->signal->flags & SIGNAL_GROUP_EXIT && !t->exiting);
}

void recalc_sigpending(struct task *t)
{
	if (!t->regs)
		return;
	if (has_signal(t))
		user_work_set(t, USER_WORK_SIGNAL);
	else if (t == current)
		__atomic_fetch_and(&t->regs->work, ~USER_WORK_SIGNAL, __ATOMIC_RELAXED);
}

static void wake_for_signal(struct task *t, bool fatal)
{
	user_work_set(t, USER_WORK_SIGNAL);
	if (wake_up_state(t, TASK_WAITING))
		return;
	if (fatal && !wake_up_state(t, TASK_KILLABLE) && !wake_up_state(t, TASK_STOPPED))
		wake_up_state(t, TASK_TRACED);
}

void kill_thread(struct task *t)
{
	if (t->exiting || !t->regs)
		return;
	t->pending.set |= SIG_BIT(SIGKILL);
	wake_for_signal(t, true);
}

void set_blocked(u64 set)
{
	struct task *t = current;
	u64 newly = set & ~t->blocked;

	t->blocked = set & ~SIG_UNBLOCKABLE;
	/* What the process has pending and this thread will not take any more, another one may. */
	if (newly & t->signal->pending.set)
		signal_retarget(t);
	recalc_sigpending(t);
}

/* ------------------------------------------------------------------ sending */

bool sig_ignored_by(const struct sighand *sh, int sig)
{
	unsigned long handler = sh->action[sig - 1].handler;

	return handler == SIG_IGN || (handler == SIG_DFL && SIG_BIT(sig) & SIG_IGNORED);
}

static bool is_ignored(const struct task *t, int sig, bool force)
{
	const struct sighand *sh = t->sighand;

	/* Who blocks it may ask for it by sigtimedwait, or handle it later. */
	if (t->blocked & SIG_BIT(sig) || t->sleeping_for & SIG_BIT(sig))
		return false;
	/* A tracer sees it first. */
	if (t->tracer && sig != SIGKILL)
		return false;
	if (t->signal->flags & SIGNAL_UNKILLABLE && !(force && SIG_BIT(sig) & SIG_UNBLOCKABLE) &&
	    sh->action[sig - 1].handler == SIG_DFL)
		return true;
	return sig_ignored_by(sh, sig);
}

static void continue_process(struct signal_struct *s)
{
	bool was_stopped = s->flags & SIGNAL_STOPPED, stopping = s->stop_count != 0;

	s->stop_count = 0;
	for_each_thread(t, s)
	{
		flush_signals(&t->pending, SIG_STOPS);
		t->stop_pending = false;
		wake_up_state(t, TASK_STOPPED);
	}
	flush_signals(&s->pending, SIG_STOPS);
	if (!was_stopped && !stopping)
		return;
	s->flags &= ~(SIGNAL_STOPPED | SIGNAL_WAIT_STOPPED);
	if (was_stopped) {
		s->flags |= SIGNAL_WAIT_CONTINUED;
		notify_parent(s, CLD_CONTINUED, SIGCONT);
	} else {
		notify_parent(s, CLD_STOPPED, s->stop_signal);
	}
}

/* What sending alone does. False: and that is all. */
static bool prepare_signal(int sig, struct task *t, bool force)
{
	struct signal_struct *s = t->signal;

	if (s->flags & SIGNAL_GROUP_EXIT)
		return s->core_task && sig == SIGKILL;
	if (SIG_BIT(sig) & SIG_STOPS) {
		flush_signals(&s->pending, SIG_BIT(SIGCONT));
		for_each_thread(other, s) flush_signals(&other->pending, SIG_BIT(SIGCONT));
	} else if (sig == SIGCONT) {
		continue_process(s);
	}
	return !is_ignored(t, sig, force);
}

static bool wants_signal(int sig, const struct task *t)
{
	if (t->exiting || !t->regs)
		return false;
	if (t->blocked & SIG_BIT(sig) && !(t->sleeping_for & SIG_BIT(sig)))
		return false;
	return sig == SIGKILL || (t->state != TASK_STOPPED && t->state != TASK_TRACED);
}

static bool is_fatal(int sig, const struct task *t)
{
	return t->sighand->action[sig - 1].handler == SIG_DFL &&
	       !(SIG_BIT(sig) & (SIG_IGNORED | SIG_STOPS)) &&
	       (sig == SIGKILL || (!(t->blocked & SIG_BIT(sig)) && !t->tracer)) &&
	       (sig == SIGKILL || !(t->signal->flags & SIGNAL_UNKILLABLE));
}

static void begin_group_exit(struct signal_struct *s, int code)
{
	s->flags = (s->flags & SIGNAL_UNKILLABLE) | SIGNAL_GROUP_EXIT;
	s->group_exit_code = code;
	s->stop_count = 0;
	for_each_thread(t, s)
	{
		t->stop_pending = false;
		kill_thread(t);
	}
}

/* Wake a thread that will take it. */
static void complete_signal(int sig, struct task *t, bool group)
{
	struct task *to = NULL;

	if (wants_signal(sig, t)) {
		to = t;
	} else if (group) {
		for_each_thread(other, t->signal) if (wants_signal(sig, other))
		{
			to = other;
			break;
		}
	}
	if (!to)
		return;
	/* What leaves no core behind needs nobody who looks at it. */
	if (is_fatal(sig, to) && !(SIG_BIT(sig) & SIG_CORES)) {
		begin_group_exit(t->signal, sig);
		return;
	}
	wake_for_signal(to, sig == SIGKILL);
}

static unsigned int count_queued(const struct sigpending *p)
{
	unsigned int n = 0;

	for_each_link(l, &p->queue) n++;
	return n;
}

static bool is_program(const struct siginfo *info)
{
	return current && (info->code == SI_USER ||
			   (info->code < 0 && info->code != SI_TIMER && info->code != SI_SIGIO));
}

/* A program's, from outside of the namespace of who is sent it: as if from the kernel. */
static bool from_above(const struct siginfo *info, const struct task *t)
{
	return is_program(info) && current->thread_pid &&
	       !pid_nr(current->thread_pid, task_pid_ns(t));
}

static int send_to(const struct siginfo *info, struct task *t, bool group, bool force)
{
	struct sigpending *p = group ? &t->signal->pending : &t->pending;
	bool above = from_above(info, t);
	int sig = info->signo;
	struct sigqueue *q;

	force |= above;
	if (!prepare_signal(sig, t, force))
		return 0;
	/* Of those before the real-time ones, one is enough. */
	if (sig < SIGRTMIN && p->set & SIG_BIT(sig))
		return 0;
	q = sig == SIGKILL || (sig >= SIGRTMIN &&
			       count_queued(p) >= t->signal->rlim[RLIMIT_SIGPENDING].cur)
		    ? NULL
		    : kmalloc(sizeof(*q), GFP_KERNEL);
	if (q) {
		*q = (struct sigqueue){.info = *info};
		if (above)
			q->info.pid = 0;
		if (is_program(info) && t->user_ns != current->user_ns)
			q->info.uid = uid_seen(t->user_ns, uid_from_user(info->uid));
		link_init(&q->link);
		link_add_before(&q->link, &p->queue);
	} else if (sig >= SIGRTMIN && info->code != SI_USER) {
		return -EAGAIN;
	}
	p->set |= SIG_BIT(sig);
	if (t->sighand->wait_signal.first)
		wake_up_all(&t->sighand->wait_signal);
	complete_signal(sig, t, group);
	return 0;
}

int send_signal_info(const struct siginfo *info, struct task *t)
{
	if (t->state >= TASK_ZOMBIE)
		return 0;
	return send_to(info, t, false, info->code == SI_KERNEL);
}

int send_group_signal_info(const struct siginfo *info, struct signal_struct *s)
{
	if (!s->nr_threads)
		return 0;
	return send_to(info, s->leader, true, info->code == SI_KERNEL);
}

void send_signal(int sig, struct task *t)
{
	const struct siginfo info = {.signo = sig, .code = SI_USER, .pid = pid_vnr(current->tgid)};

	send_signal_info(&info, t);
}

void send_group_signal(int sig, struct signal_struct *s)
{
	const struct siginfo info = {.signo = sig, .code = SI_KERNEL};

	send_group_signal_info(&info, s);
}

int send_pgrp_signal(const struct siginfo *info, int pgrp)
{
	int n = 0;

	for_each_process(p)
	{
		if (p->pgrp != pgrp)
			continue;
		n++;
		if (info->signo)
			send_group_signal_info(info, p);
	}
	return n;
}

void force_signal(const struct siginfo *info)
{
	struct task *t = current;
	struct sigaction *a = &t->sighand->action[info->signo - 1];
	bool blocked = t->blocked & SIG_BIT(info->signo);

	if (blocked || a->handler == SIG_IGN) {
		a->handler = SIG_DFL;
		t->blocked &= ~SIG_BIT(info->signo);
	}
	/* init does not survive what it does wrong itself. */
	if (a->handler == SIG_DFL)
		t->signal->flags &= ~SIGNAL_UNKILLABLE;
	send_to(info, t, false, true);
	recalc_sigpending(t);
}

void force_fatal_signal(const struct siginfo *info)
{
	struct sigaction *a = &current->sighand->action[info->signo - 1];

	*a = (struct sigaction){.handler = SIG_DFL, .flags = SA_IMMUTABLE};
	current->blocked &= ~SIG_BIT(info->signo);
	force_signal(info);
}

void force_signal_fault(int sig, int code, u64 addr)
{
	const struct siginfo info = {.signo = sig, .code = code, .fault.addr = addr};

	kernel_lock();
	force_signal(&info);
	kernel_unlock();
}

void signal_retarget(struct task *t)
{
	u64 left = t->signal->pending.set & (t->exiting ? ~0ULL : t->blocked);

	for_each_thread(other, t->signal)
	{
		if (!left)
			return;
		if (other == t || other->exiting || !(left & ~other->blocked))
			continue;
		left &= other->blocked;
		wake_for_signal(other, false);
	}
}

/* ------------------------------------------------------------------ taking */

static int first_signal(u64 set)
{
	if (set & SIG_SYNCHRONOUS)
		set &= SIG_SYNCHRONOUS;
	return set ? (int)__ffs(set) + 1 : 0;
}

static void collect(struct sigpending *p, int sig, struct siginfo *info)
{
	struct sigqueue *found = NULL;
	bool more = false;

	for_each_link(l, &p->queue)
	{
		struct sigqueue *q = link_entry(l, struct sigqueue, link);

		if (q->info.signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = q;
	}
	if (!more)
		p->set &= ~SIG_BIT(sig);
	if (found) {
		*info = found->info;
		drop_entry(found);
	} else {
		*info = (struct siginfo){.signo = sig, .code = SI_USER};
	}
}

int dequeue_signal(struct task *t, u64 wanted, struct siginfo *info)
{
	struct sigpending *p = &t->pending;
	int sig = first_signal(p->set & wanted);

	if (!sig) {
		p = &t->signal->pending;
		sig = first_signal(p->set & wanted);
	}
	if (sig)
		collect(p, sig, info);
	if (sig && info->code == SI_TIMER)
		posix_timer_taken(t->signal, info);
	return sig;
}

static void all_stopped(struct signal_struct *s)
{
	s->flags |= SIGNAL_STOPPED | SIGNAL_WAIT_STOPPED;
	notify_parent(s, CLD_STOPPED, s->stop_signal);
}

void stop_done(struct task *t)
{
	if (!t->stop_pending)
		return;
	t->stop_pending = false;
	if (t->signal->stop_count && !--t->signal->stop_count)
		all_stopped(t->signal);
}

static void begin_stop(struct signal_struct *s, int sig)
{
	if (s->stop_count || s->flags & SIGNAL_STOPPED)
		return;
	s->stop_signal = sig;
	s->flags &= ~(SIGNAL_WAIT_CONTINUED | SIGNAL_WAIT_STOPPED);
	for_each_thread(t, s)
	{
		if (t->exiting || !t->regs)
			continue;
		t->stop_pending = true;
		s->stop_count++;
		if (t != current)
			wake_for_signal(t, false);
	}
}

bool pgrp_is_orphaned(int pgrp)
{
	for_each_process(p)
	{
		if (p->pgrp == pgrp && p->nr_threads && p->parent && p->parent->leader->pid != 1 &&
		    p->parent->pgrp != pgrp && p->parent->session == p->session)
			return false;
	}
	return true;
}

/* The next that has a handler, whose action is in *sa; defaults are done. 0: there is none. */
static int get_signal(struct task *t, struct siginfo *info, struct sigaction *sa)
{
	struct signal_struct *s = t->signal;

	for (;;) {
		struct sigaction *a;
		int sig;

		if (s->flags & SIGNAL_GROUP_EXIT)
			task_exit(s->group_exit_code);
		if (t->pending.set & SIG_BIT(SIGKILL) && s->exec_task && s->exec_task != t)
			task_exit(SIGKILL);
		if (t->stop_pending) {
			stop_done(t);
			if (t->tracer) {
				(void)ptrace_stop(t->trace_seized
							  ? s->stop_signal | PTRACE_EVENT_STOP << 8
							  : s->stop_signal,
						  NULL);
				continue;
			}
			t->state = TASK_STOPPED;
			schedule();
			continue;
		}
		if (t->trace_stop_wanted) {
			t->trace_stop_wanted = false;
			ptrace_event(PTRACE_EVENT_STOP, 0);
			continue;
		}
		sig = dequeue_signal(t, ~t->blocked, info);
		if (!sig)
			return 0;
		if (t->tracer && sig != SIGKILL &&
		    !(t->sighand->action[sig - 1].flags & SA_IMMUTABLE)) {
			sig = ptrace_signal(sig, info);
			if (!sig)
				continue;
		}
		a = &t->sighand->action[sig - 1];
		if (a->handler == SIG_IGN)
			continue;
		if (a->handler != SIG_DFL) {
			*sa = *a;
			if (a->flags & SA_RESETHAND)
				a->handler = SIG_DFL;
			return sig;
		}
		if (SIG_BIT(sig) & SIG_IGNORED)
			continue;
		if (s->flags & SIGNAL_UNKILLABLE && !(SIG_BIT(sig) & SIG_UNBLOCKABLE))
			continue;
		if (SIG_BIT(sig) & SIG_STOPS) {
			if (sig == SIGSTOP || !pgrp_is_orphaned(s->pgrp))
				begin_stop(s, sig);
			continue;
		}
		if (SIG_BIT(sig) & SIG_CORES)
			core_dump(info);
		task_exit_group(sig);
	}
}

#define NR_RESTART_SYSCALL 128U

/* The call is made again: SVC is four bytes long. */
static void restart_call(struct user_regs *regs, bool by_block)
{
	regs->pc -= 4;
	regs->x[0] = regs->orig_x0;
	if (by_block)
		regs->x[8] = NR_RESTART_SYSCALL;
}

/* A call was interrupted by a signal that has a handler. */
static void interrupted_by_handler(struct user_regs *regs, const struct sigaction *sa)
{
	switch ((long)regs->x[0]) {
	case -ERESTARTSYS:
		if (sa->flags & SA_RESTART) {
			restart_call(regs, false);
			return;
		}
		break;
	case -ERESTARTNOINTR:
		restart_call(regs, false);
		return;
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		break;
	default:
		return;
	}
	regs->x[0] = (u64)-EINTR;
}

static void interrupted_by_none(struct user_regs *regs)
{
	switch ((long)regs->x[0]) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
		restart_call(regs, false);
		return;
	case -ERESTART_RESTARTBLOCK:
		restart_call(regs, true);
	}
}

void do_signal(struct user_regs *regs, bool syscall)
{
	struct task *t = current;
	struct siginfo info;
	struct sigaction sa;
	u64 mask;
	int sig;

	__atomic_fetch_and(&regs->work, ~USER_WORK_SIGNAL, __ATOMIC_ACQUIRE);
	sig = get_signal(t, &info, &sa);
	syscall = syscall && !regs->no_restart;
	if (!sig) {
		if (syscall)
			interrupted_by_none(regs);
		if (t->restore_blocked) {
			t->restore_blocked = false;
			t->blocked = t->saved_blocked;
		}
		recalc_sigpending(t);
		return;
	}
	if (syscall)
		interrupted_by_handler(regs, &sa);
	if (t->rseq && !rseq_resume(regs)) {
		const struct siginfo segv = {.signo = SIGSEGV, .code = SI_KERNEL};

		if (sig == SIGSEGV)
			t->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
		force_signal(&segv);
		return;
	}
	mask = t->restore_blocked ? t->saved_blocked : t->blocked;
	t->restore_blocked = false;
	if (setup_sigframe(regs, &info, &sa, mask)) {
		/* No room for the frame: that is a fault of its own, which its handler cannot get on this stack either. */
		const struct siginfo segv = {.signo = SIGSEGV, .code = SI_KERNEL};

		if (sig == SIGSEGV)
			t->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
		force_signal(&segv);
		return;
	}
	set_blocked(t->blocked | sa.mask | (sa.flags & SA_NODEFER ? 0 : SIG_BIT(sig)));
}
