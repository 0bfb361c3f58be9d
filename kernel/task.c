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

#include "task.h"
#include "timens.h"

#define PID_BUCKETS 1024U
#define MAX_SPARE_STACKS 32U

struct link all_processes = {&all_processes, &all_processes};

static struct task *by_pid[PID_BUCKETS];
static int last_pid;
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

struct task *task_find(int pid)
{
	struct task *t = by_pid[(unsigned int)pid % PID_BUCKETS];

	while (t && t->pid != pid)
		t = t->next_by_pid;
	return t;
}

struct signal_struct *process_find(int pid)
{
	struct task *t = task_find(pid);

	return t && t->tgid == pid ? t->signal : NULL;
}

void task_hash(struct task *t)
{
	struct task **bucket = &by_pid[(unsigned int)t->pid % PID_BUCKETS];

	t->next_by_pid = *bucket;
	*bucket = t;
}

void task_unhash(struct task *t)
{
	struct task **p = &by_pid[(unsigned int)t->pid % PID_BUCKETS];

	while (*p && *p != t)
		p = &(*p)->next_by_pid;
	if (*p)
		*p = t->next_by_pid;
}

void task_set_pid(struct task *t, int pid)
{
	task_unhash(t);
	t->pid = pid;
	task_hash(t);
}

static bool pid_in_use(int pid)
{
	if (task_find(pid))
		return true;
	for_each_process(p) if (p->pgrp == pid || p->session == pid) return true;
	return false;
}

/* 0: there is none left. */
static int pid_alloc(void)
{
	for (int i = 0; i < PID_MAX; i++) {
		/* As Linux: after the first round the low ones stay free. */
		last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : 300;
		if (!pid_in_use(last_pid))
			return last_pid;
	}
	return 0;
}

/* ------------------------------------------------------------------ structures */

struct task *task_alloc(void)
{
	struct task *t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);

	if (!t)
		return NULL;
	t->stack = stack_alloc();
	t->pid = t->stack ? pid_alloc() : 0;
	if (!t->pid) {
		stack_free(t->stack);
		kfree(t);
		return NULL;
	}
	t->regs = (struct user_regs *)((char *)t->stack + TASK_STACK_SIZE) - 1;
	memset(t->regs, 0, sizeof(*t->regs));
	link_init(&t->run);
	link_init(&t->thread);
	link_init(&t->traced);
	t->trace_nr = -1;
	sigpending_init(&t->pending);
	t->state = TASK_WAITING;
	return t;
}

void task_free(struct task *t)
{
	kfree(t->hw_debug[0]);
	kfree(t->hw_debug[1]);
	mpol_put(t->mempolicy);
	time_ns_put(t->time_ns);
	time_ns_put(t->time_ns_children);
	stack_free(t->stack);
	kfree(t);
}

void signal_free(struct signal_struct *s)
{
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
