// SPDX-License-Identifier: MIT
/*
 * New tasks (Linux: kernel/fork.c, copy_process; the same checks and errors).
 *
 * The copy of an address space is made without kernel_lock: the parent's areas are guarded by their own locks. Until task_publish() nobody
 * knows the child.
 */
#include <quire/mempolicy.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/smp.h>
#include <quire/string.h>

#include "clone.h"
#include "pid.h"
#include "ptrace.h"
#include "sched_attr.h"
#include "seccomp.h"
#include "task.h"
#include "timens.h"
#include "userns.h"
#include "vfs.h"

struct completion {
	struct wait_queue queue;
	bool done;
};

static void complete(struct completion *c)
{
	c->done = true;
	wake_up_all(&c->queue);
}

void mm_release(struct task *t)
{
	u32 zero = 0;

	if (t->clear_child_tid) {
		/* Nobody to tell when this was the last task. */
		if (t->mm && __atomic_load_n(&t->mm->mm_users, __ATOMIC_RELAXED) > 1) {
			(void)put_user(zero, t->clear_child_tid);
			futex_wake_address(t->clear_child_tid, 1);
		}
		t->clear_child_tid = 0;
	}
	if (t->vfork_done) {
		complete(t->vfork_done);
		t->vfork_done = NULL;
	}
}

static long check_flags(u64 flags)
{
	if (flags & CLONE_FS && flags & (CLONE_NEWNS | CLONE_NEWUSER))
		return -EINVAL;
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && !(flags & CLONE_VM))
		return -EINVAL;
	if (flags & CLONE_PARENT && current->signal->flags & SIGNAL_UNKILLABLE)
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) ==
	    (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_PIDFD && flags & CLONE_DETACHED)
		return -EINVAL;
	/* Threads have their numbers in one namespace. */
	if (flags & CLONE_THREAD && (flags & (CLONE_NEWUSER | CLONE_NEWPID) ||
				     pid_ns_children(current) != task_pid_ns(current)))
		return -EINVAL;
	/* Semaphores' changes to be undone are a process's, in one namespace. */
	if ((flags & (CLONE_NEWIPC | CLONE_SYSVSEM)) == (CLONE_NEWIPC | CLONE_SYSVSEM))
		return -EINVAL;
	/* There are no control groups: no descriptor stands for one. */
	return flags & CLONE_INTO_CGROUP ? -EBADF : 0;
}

/* What clone shares is counted once more, the rest is copied. -ENOMEM: what is there already is dropped by the caller. */
static long copy_parts(struct task *t, struct task *parent, u64 flags)
{
	if (!(flags & CLONE_FILES) && files_too_many(parent->files))
		return -EMFILE;
	t->files = flags & CLONE_FILES ? files_get(parent->files) : files_dup(parent->files);
	t->fs = flags & CLONE_FS ? fs_get(parent->fs) : fs_dup(parent->fs);
	if (!t->files || !t->fs)
		return -ENOMEM;
	if (flags & CLONE_NEWNS) {
		struct mount_ns *ns;
		int err = mount_ns_new(t->user_ns, &ns);

		if (err)
			return err;
		mount_ns_put(t->fs->ns);
		t->fs->ns = ns;
	}
	if (flags & CLONE_SIGHAND) {
		t->sighand = parent->sighand;
		t->sighand->users++;
	} else {
		t->sighand = sighand_alloc();
		if (!t->sighand)
			return -ENOMEM;
		memcpy(t->sighand->action, parent->sighand->action, sizeof(t->sighand->action));
		if (flags & CLONE_CLEAR_SIGHAND)
			flush_signal_handlers(t);
	}
	if (flags & CLONE_THREAD)
		return 0;
	t->signal = signal_alloc();
	if (!t->signal)
		return -ENOMEM;
	return 0;
}

static void drop_parts(struct task *t, u64 flags)
{
	files_put(t->files);
	fs_put(t->fs);
	sighand_put(t->sighand);
	if (!(flags & CLONE_THREAD))
		kfree(t->signal);
	if (t->mm)
		mmput(t->mm);
	task_free(t);
}

static void copy_registers(struct task *t, const struct task *parent, const struct clone_args *args)
{
	*t->regs = *parent->regs;
	t->regs->x[0] = 0;
	t->regs->work = 0;
	t->regs->call_work = 0;
	t->regs->pstate &= ~PSTATE_SS;
	port_save_user(&t->fp);
	if (args->stack)
		t->regs->sp = args->stack + args->stack_size;
	if (args->flags & CLONE_SETTLS)
		t->fp.tls = args->tls;
}

static void copy_properties(struct task *t, const struct task *parent, u64 flags)
{
	memcpy(t->comm, parent->comm, sizeof(t->comm));
	t->allowed = parent->allowed;
	t->cred = parent->cred;
	if (t->user_ns != parent->user_ns)
		user_ns_enter(t, t->user_ns);
	t->mempolicy = mpol_get(parent->mempolicy);
	time_ns_fork(t, parent, flags & CLONE_VM);
	t->blocked = parent->blocked;
	sched_fork_attr(t, parent);
	t->ioprio = parent->ioprio;
	t->personality = parent->personality;
	t->timer_slack = parent->timer_slack;
	t->mce_process = parent->mce_process;
	t->mce_early = parent->mce_early;
	t->tagged_addr = parent->tagged_addr;
	seccomp_fork(t, parent);
	t->start_time = port_time_ns();
	if (!(flags & CLONE_VM)) {
		t->rseq = parent->rseq;
		t->rseq_len = parent->rseq_len;
		t->rseq_sig = parent->rseq_sig;
	}
	/* A child on a stack of its own does not have the parent's for signals; one that borrows everything does. */
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
		t->altstack = parent->altstack;
	else
		t->altstack.flags = SS_DISABLE;
}

/* Of the parent as it is now: it may have left its group, and lost its terminal, while its memory was copied. */
static void inherit(struct signal_struct *s, const struct signal_struct *parent)
{
	memcpy(s->rlim, parent->rlim, sizeof(s->rlim));
	s->pgrp = parent->pgrp;
	s->session = parent->session;
	s->tty = parent->tty;
	pid_attach_nr(s->pgrp);
	pid_attach_nr(s->session);
	s->oom_score_adj = parent->oom_score_adj;
	s->no_new_privs = parent->no_new_privs;
	s->dumpable = parent->dumpable;
	s->exec_user_ns = parent->exec_user_ns;
	ns_get(&s->exec_user_ns->ns);
	s->real_timer.fn = parent->real_timer.fn;
}

/* Everybody may find it from here on, and kernel_lock is not given up before it can run. */
static void task_publish(struct task *t, struct task *parent, const struct clone_args *args)
{
	struct signal_struct *s = t->signal, *of;

	if (args->flags & CLONE_THREAD) {
		t->signal = s = parent->signal;
		t->tgid = parent->tgid;
		t->own_tgid = parent->own_tgid;
		t->exit_signal = 0;
	} else {
		of = args->flags & CLONE_PARENT ? parent->signal->parent : parent->signal;
		t->tgid = t->pid;
		t->own_tgid = task_vnr(t);
		t->exit_signal = args->flags & CLONE_PARENT ? parent->signal->leader->exit_signal
							    : (int)args->exit_signal;
		s->leader = t;
		s->parent = of;
		s->below_subreaper = of->below_subreaper || of->child_subreaper;
		link_add_before(&s->sibling, &of->children);
		link_add_before(&s->process, &all_processes);
		inherit(s, parent->signal);
		pid_ns_enter(s);
	}
	link_add_before(&t->thread, &s->threads);
	s->nr_threads++;
	s->live++;
	if (s->nr_threads == 1)
		cpu_limit_changed(s);
	nr_tasks++;
	task_hash(t);
}

static long wait_for_vfork(struct completion *c, struct task *child)
{
	while (!c->done) {
		struct wait_entry e;
		int err;

		wait_queue_add(&c->queue, &e);
		err = sleep_killable(WAIT_FOREVER);
		wait_queue_remove(&e);
		if (err && !c->done) {
			/* The child must not touch what was on this stack. */
			child->vfork_done = NULL;
			return err;
		}
	}
	return 0;
}

/* While the lock was free the process may have been told to end, or the namespace's init. */
static long told_to_end(const struct task *t, const struct task *parent)
{
	if (task_pid_ns(t)->dead)
		return -ENOMEM;
	return fatal_signal_pending() || parent->signal->flags & SIGNAL_GROUP_EXIT ? -ERESTARTNOINTR
										   : 0;
}

/* RLIMIT_NPROC: may t's user have one more? Root may, and who may break limits. */
static bool within_nproc(const struct task *t)
{
	u64 limit = t->signal->rlim[RLIMIT_NPROC].cur;

	if (!t->cred.uid || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return true;
	return user_ns_within(t, limit);
}

long task_clone(const struct clone_args *args)
{
	struct task *parent = current, *t;
	struct completion vfork = {.done = false};
	u64 flags = args->flags;
	long err = check_flags(flags);
	struct nsproxy *in;
	struct user_ns *user;
	enum ptrace_event event;
	int pid, seen_pid;

	if (err)
		return err;
	/* A signal that came before is taken before (Linux: it must not be lost between the two). */
	if (!(flags & CLONE_THREAD) && signal_pending())
		return -ERESTARTNOINTR;
	if (nr_tasks >= max_tasks || !within_nproc(parent) || !sched_may_fork(parent))
		return -EAGAIN;
	err = namespaces_for_child(flags, &user, &in);
	if (err)
		return err;
	err = task_alloc(in, args->set_tid, (unsigned int)args->set_tid_size, &t);
	nsproxy_put(in);
	if (err) {
		ns_put(&user->ns);
		return err;
	}
	t->user_ns = user;
	err = copy_parts(t, parent, flags);
	if (err)
		goto fail;
	if (flags & CLONE_VM) {
		t->mm = parent->mm;
		mmget(t->mm);
	} else {
		kernel_unlock();
		t->mm = dup_mm(parent->mm);
		kernel_lock();
		err = -ENOMEM;
		if (!t->mm)
			goto fail;
	}
	err = told_to_end(t, parent);
	if (err)
		goto fail;
	copy_registers(t, parent, args);
	copy_properties(t, parent, flags);
	if (flags & CLONE_NEWTIME) {
		err = time_ns_unshare(t, t->user_ns);
		if (err)
			goto fail;
		time_ns_enter(t, t->time_ns_children);
	}
	if (flags & CLONE_CHILD_SETTID)
		t->set_child_tid = args->child_tid;
	if (flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = args->child_tid;
	if (flags & CLONE_PIDFD) {
		err = pidfd_install(t, args->pidfd);
		if (err)
			goto fail;
	}
	pid = pid_vnr(t->pid);
	seen_pid = t->pid;
	if (flags & CLONE_PARENT_SETTID)
		(void)put_user(pid, args->parent_tid);
	/* What was written may have had to be brought in. */
	err = told_to_end(t, parent);
	if (err)
		goto fail;
	task_publish(t, parent, args);
	if (flags & CLONE_VFORK)
		t->vfork_done = &vfork;
	event = flags & CLONE_VFORK			   ? PTRACE_EVENT_VFORK
		: (args->exit_signal & CSIGNAL) == SIGCHLD ? PTRACE_EVENT_FORK
							   : PTRACE_EVENT_CLONE;
	if (!(flags & CLONE_UNTRACED))
		ptrace_clone(t, parent, event, flags & CLONE_PTRACE);
	sched_start(t);
	if (!(flags & CLONE_UNTRACED))
		ptrace_event(event, ptrace_message_pid(seen_pid));
	/* Interrupted by a fatal signal only: this task ends, whatever it returns. */
	if (flags & CLONE_VFORK) {
		wait_for_vfork(&vfork, t);
		ptrace_event(PTRACE_EVENT_VFORK_DONE, ptrace_message_pid(seen_pid));
	}
	return pid;
fail:
	drop_parts(t, flags);
	return err;
}

/* ------------------------------------------------------------------ the first one */

static void default_limits(struct rlimit *rlim)
{
	const u64 threads = max_tasks / 2;

	for (unsigned int i = 0; i < NR_RLIMITS; i++)
		rlim[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	/* Linux: include/asm-generic/resource.h. */
	rlim[RLIMIT_STACK].cur = SZ_8M;
	rlim[RLIMIT_CORE].cur = 0;
	rlim[RLIMIT_NPROC] = (struct rlimit){threads, threads};
	rlim[RLIMIT_NOFILE] = (struct rlimit){1024, 4096};
	rlim[RLIMIT_MEMLOCK] = (struct rlimit){SZ_8M, SZ_8M};
	rlim[RLIMIT_SIGPENDING] = (struct rlimit){threads, threads};
	rlim[RLIMIT_MSGQUEUE] = (struct rlimit){819200, 819200};
	rlim[RLIMIT_NICE] = rlim[RLIMIT_RTPRIO] = (struct rlimit){0, 0};
}

static int make_init(struct task *t, char *const *argv, char *const *envp)
{
	t->files = files_init();
	t->fs = fs_init();
	t->sighand = sighand_alloc();
	t->signal = signal_alloc();
	if (!t->files || !t->fs || !t->sighand || !t->signal)
		return -ENOMEM;
	default_limits(t->signal->rlim);
	t->signal->leader = t;
	t->tgid = t->own_tgid = t->pid;
	t->altstack.flags = SS_DISABLE;
	t->exit_signal = SIGCHLD;
	t->timer_slack = 50000;
	t->start_time = port_time_ns();
	memset(&t->allowed, 0xff, sizeof(t->allowed));
	link_add_before(&t->thread, &t->signal->threads);
	t->signal->nr_threads = t->signal->live = 1;
	pid_ns_enter(t->signal);
	return do_execve(t, argv[0], argv, envp);
}

int run_init(char *const *argv, char *const *envp)
{
	struct task *t = NULL;
	int err, code;

	sched_init();
	nsproxy_init();
	kernel_lock();
	err = (int)task_alloc(&init_nsproxy, NULL, 0, &t);
	if (!err) {
		t->user_ns = &init_user_ns;
		ns_get(&init_user_ns.ns);
		t->cred.cap_bset = ALL_CAPS;
	}
	err = err ? err : make_init(t, argv, envp);
	if (err) {
		if (t)
			drop_parts(t, 0);
		sched_stop();
		kernel_unlock();
		sched_wait_stopped();
		return err;
	}
	nr_tasks++;
	link_add_before(&t->signal->process, &all_processes);
	task_hash(t);
	kthreadd_start(t->signal->rlim);
	sched_start(t);
	kernel_unlock();
	sched_idle(NULL);
	sched_wait_stopped();
	kernel_lock();
	kthreadd_end();
	t = process_find(1)->leader;
	code = t->exit_code;
	/* Its own number is given back when it is gone: nobody waits for the namespace to be empty any more. */
	init_pid_ns.reaper = NULL;
	sighand_put(t->sighand);
	signal_set_group(t->signal, 0, 0);
	link_remove(&t->signal->process);
	signal_free(t->signal);
	task_free(t);
	stacks_drop();
	kernel_unlock();
	return code;
}
