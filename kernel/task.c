// SPDX-License-Identifier: MIT
/*
 * Tasks and processes as structures: their numbers, stacks and memory. How they begin is in fork.c, how they end in exit.c.
 *
 * A kernel stack is vmalloc'ed, with nothing mapped below it: an overflow is a fault, which is reported on the exception stack. Some are
 * kept for the next task, since mapping one costs more than all the rest of a clone.
 *
 * Locking: kernel_lock.
 */
#include <quire/mempolicy.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/vmalloc.h>

#include "pid.h"
#include "seccomp.h"
#include "task.h"
#include "timens.h"
#include "userns.h"

#define MAX_SPARE_STACKS 32U

struct link all_processes = {&all_processes, &all_processes};

static void *spare_stacks[MAX_SPARE_STACKS];
static unsigned int nr_spare_stacks;

/* ------------------------------------------------------------------ stacks */

static void *stack_alloc(void)
{
	if (nr_spare_stacks)
		return spare_stacks[--nr_spare_stacks];
	return vmalloc(TASK_STACK_SIZE);
}

void stack_free(void *stack)
{
	if (!stack)
		return;
	if (nr_spare_stacks < MAX_SPARE_STACKS)
		spare_stacks[nr_spare_stacks++] = stack;
	else
		vfree(stack);
}

void stacks_drop(void)
{
	while (nr_spare_stacks)
		vfree(spare_stacks[--nr_spare_stacks]);
}

/* ------------------------------------------------------------------ numbers */

void task_hash(struct task *t)
{
	t->thread_pid->task = t;
}

void task_unhash(struct task *t)
{
	struct pid *p = t->thread_pid;

	t->thread_pid = NULL;
	p->task = NULL;
	pid_detach(p);
}

void task_take_pid(struct task *t, struct task *from)
{
	task_unhash(t);
	t->thread_pid = from->thread_pid;
	from->thread_pid = NULL;
	t->pid = from->pid;
	task_hash(t);
}

void signal_set_group(struct signal_struct *s, int pgrp, int session)
{
	const int old[2] = {s->pgrp, s->session};

	pid_attach_nr(pgrp);
	pid_attach_nr(session);
	s->pgrp = pgrp;
	s->session = session;
	pid_detach_nr(old[0]);
	pid_detach_nr(old[1]);
}

/* ------------------------------------------------------------------ structures */

long task_alloc(struct nsproxy *in, const int *set_tid, unsigned int n, struct task **made)
{
	struct task *t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);
	long err = -ENOMEM;

	if (!t)
		return err;
	t->stack = stack_alloc();
	if (t->stack)
		err = pid_new(container_of(in->of[NSP_PID], struct pid_ns, ns), set_tid, n,
			      &t->thread_pid);
	if (err) {
		stack_free(t->stack);
		kfree(t);
		return err;
	}
	t->pid = t->thread_pid->number[0].nr;
	t->nsproxy = nsproxy_get(in);
	t->regs = (struct user_regs *)((char *)t->stack + TASK_STACK_SIZE) - 1;
	memset(t->regs, 0, sizeof(*t->regs));
	link_init(&t->run);
	link_init(&t->thread);
	link_init(&t->traced);
	t->trace_nr = -1;
	sigpending_init(&t->pending);
	t->state = TASK_WAITING;
	*made = t;
	return 0;
}

void task_free(struct task *t)
{
	if (t->thread_pid)
		task_unhash(t);
	nsproxy_put(t->nsproxy);
	if (t->user_ns)
		ns_put(&t->user_ns->ns);
	kfree(t->hw_debug[0]);
	kfree(t->hw_debug[1]);
	mpol_put(t->mempolicy);
	seccomp_exit(t);
	time_ns_put(t->time_ns);
	time_ns_put(t->time_ns_children);
	stack_free(t->stack);
	kfree(t);
}

void signal_free(struct signal_struct *s)
{
	if (s->exec_user_ns)
		ns_put(&s->exec_user_ns->ns);
	kfree(s);
}

struct signal_struct *signal_alloc(void)
{
	struct signal_struct *s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ZERO);

	if (!s)
		return NULL;
	link_init(&s->threads);
	link_init(&s->process);
	link_init(&s->children);
	link_init(&s->sibling);
	link_init(&s->tracees);
	link_init(&s->real_timer.link);
	link_init(&s->cpu_look.link);
	sigpending_init(&s->pending);
	s->dumpable = true;
	return s;
}

/* mm_users counts who looks into it, too. */
bool mm_is_shared(const struct task *t)
{
	if (t->signal->nr_threads > 1)
		return true;
	if (!t->mm || __atomic_load_n(&t->mm->mm_users, __ATOMIC_RELAXED) == 1)
		return false;
	for_each_process(p) if (p != t->signal)
		for_each_thread(other, p) if (other->mm == t->mm) return true;
	return false;
}
