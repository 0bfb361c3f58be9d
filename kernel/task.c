// SPDX-License-Identifier: MIT
/*
 * Tasks: their making, their turns, their end.
 *
 * Locking: none. One CPU runs programs, and the kernel is not preempted. A task's structure goes when its parent has read how it
 * ended; its memory, files and stack are given back at its end, the stack by who runs next.
 */
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "task.h"

DEFINE_PER_CPU(struct task *, current_task);

static struct task *tasks; /* all, by pid */
static struct task idle;   /* the boot's own context: runs when init has ended */
static int last_pid;
static int init_code;
static void *dead_stack; /* of a task that has ended, until another one runs */

/* ------------------------------------------------------------------ turns */

static struct task *next_runnable(const struct task *after)
{
	struct task *t = after->next;

	for (; t; t = t->next)
		if (t->state == TASK_RUNNING)
			return t;
	for (t = tasks; t; t = t->next)
		if (t->state == TASK_RUNNING)
			return t;
	return NULL;
}

static void free_dead_stack(void)
{
	if (!dead_stack)
		return;
	free_pages((unsigned long)dead_stack, TASK_STACK_ORDER);
	dead_stack = NULL;
}

static void switch_to(struct task *next)
{
	struct task *prev = current;

	if (next == prev)
		return;
	this_cpu_write(current_task, next);
	if (next->mm)
		port_switch_mm(next->mm->pgd, next->mm->context_id);
	else
		port_switch_mm(0, 0);
	port_switch_to(&prev->context, &next->context);
	free_dead_stack();
}

void schedule(void)
{
	struct task *next = next_runnable(current);

	if (!next)
		panic("every task waits: nobody can wake one");
	switch_to(next);
}

void wake_up(struct task *t)
{
	t->state = TASK_RUNNING;
}

bool signal_pending(void)
{
	return false;
}

int sleep_until(u64 deadline)
{
	if (deadline != WAIT_FOREVER && port_time_ns() >= deadline)
		return -ETIMEDOUT;
	current->state = deadline == WAIT_FOREVER ? TASK_WAITING : TASK_RUNNING;
	schedule();
	return 0;
}

int sleep_killable(u64 deadline)
{
	return sleep_until(deadline);
}

void wait_queue_add(struct wait_queue *q, struct wait_entry *e)
{
	e->task = current;
	e->queue = q;
	e->next = NULL;
	e->prev = q->last;
	if (q->last)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
}

void wait_queue_remove(struct wait_entry *e)
{
	struct wait_queue *q = e->queue;

	if (!q)
		return;
	if (e->prev)
		e->prev->next = e->next;
	else
		q->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		q->last = e->prev;
	e->queue = NULL;
}

void wake_up_queue(struct wait_queue *q, unsigned int n)
{
	q->wakes++;
	for (struct wait_entry *e = q->first; e; e = e->next) {
		if (e->exclusive && !n)
			continue;
		n -= e->exclusive;
		wake_up(e->task);
	}
}

/* ------------------------------------------------------------------ making */

static void add_task(struct task *t)
{
	struct task **p = &tasks;

	while (*p && (*p)->pid < t->pid)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static void remove_task(struct task *t)
{
	struct task **p = &tasks;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
}

static struct task *task_alloc(void)
{
	struct task *t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);

	if (!t)
		return NULL;
	t->stack = (void *)__get_free_pages(GFP_KERNEL, TASK_STACK_ORDER);
	if (!t->stack) {
		kfree(t);
		return NULL;
	}
	t->regs = (struct user_regs *)((char *)t->stack + (PAGE_SIZE << TASK_STACK_ORDER)) - 1;
	memset(t->regs, 0, sizeof(*t->regs));
	t->pid = ++last_pid;
	return t;
}

static void task_free(struct task *t)
{
	if (t->stack)
		free_pages((unsigned long)t->stack, TASK_STACK_ORDER);
	kfree(t);
}

long task_fork(unsigned long flags, unsigned long stack)
{
	struct task *parent = current, *t;

	/* The low byte is the signal at the end; nothing else is known yet. */
	if (flags & ~0xffUL)
		return -EINVAL;
	t = task_alloc();
	if (!t)
		return -ENOMEM;
	t->mm = dup_mm(parent->mm);
	if (!t->mm) {
		task_free(t);
		return -ENOMEM;
	}
	*t->regs = *parent->regs;
	t->regs->x[0] = 0;
	if (stack)
		t->regs->sp = stack;
	memcpy(t->comm, parent->comm, sizeof(t->comm));
	t->files = files_dup(parent->files);
	t->fs = fs_dup(parent->fs);
	if (!t->files || !t->fs) {
		files_put(t->files);
		fs_put(t->fs);
		mmput(t->mm);
		task_free(t);
		return -ENOMEM;
	}
	t->parent = parent;
	port_task_start(&t->context, t->regs);
	add_task(t);
	return t->pid;
}

/* ------------------------------------------------------------------ ending */

void task_exit(int code)
{
	struct task *t = current, *child;

	files_put(t->files);
	fs_put(t->fs);
	t->files = NULL;
	t->fs = NULL;
	port_switch_mm(0, 0);
	mmput(t->mm);
	t->mm = NULL;
	t->exit_code = code;
	t->state = TASK_ZOMBIE;
	if (t->pid == 1) {
		/* Those that are left have nobody any more, as when Linux panics. */
		init_code = code;
		switch_to(&idle);
	}
	for (child = tasks; child; child = child->next) {
		if (child->parent != t)
			continue;
		child->parent = tasks;
		if (child->state == TASK_ZOMBIE && tasks->state == TASK_WAITING)
			wake_up(tasks);
	}
	if (t->parent->state == TASK_WAITING)
		wake_up(t->parent);
	/* The last one that ended was perhaps followed by a task that had never run, which does not come by there. */
	free_dead_stack();
	dead_stack = t->stack;
	t->stack = NULL;
	schedule();
	panic("a task runs that has ended");
}

#define WNOHANG 1

long task_wait(int pid, unsigned long status, int options)
{
	struct task *me = current, *t;
	bool any = false;

	for (;;) {
		for (t = tasks; t; t = t->next) {
			if (t->parent != me || (pid > 0 && t->pid != pid))
				continue;
			any = true;
			if (t->state != TASK_ZOMBIE)
				continue;
			if (status && copy_to_user(status, &t->exit_code, sizeof(t->exit_code)))
				return -EFAULT;
			pid = t->pid;
			remove_task(t);
			task_free(t);
			return pid;
		}
		if (!any)
			return -ECHILD;
		if (options & WNOHANG)
			return 0;
		me->state = TASK_WAITING;
		schedule();
		any = false;
	}
}

/* Whatever is left when init has ended. */
static void end_all(void)
{
	while (tasks) {
		struct task *t = tasks;

		tasks = t->next;
		files_put(t->files);
		fs_put(t->fs);
		if (t->mm)
			mmput(t->mm);
		task_free(t);
	}
}

int run_init(const char *path)
{
	static char *const no_env[] = {"HOME=/", "TERM=linux", NULL};
	char *const argv[] = {(char *)path, NULL};
	struct task *t = task_alloc();
	int err;

	if (!t)
		return -ENOMEM;
	t->files = files_init();
	t->fs = fs_init();
	err = t->files && t->fs ? do_execve(t, path, argv, no_env) : -ENOMEM;
	if (err) {
		files_put(t->files);
		fs_put(t->fs);
		task_free(t);
		return err;
	}
	t->parent = &idle;
	port_task_start(&t->context, t->regs);
	add_task(t);
	this_cpu_write(current_task, &idle);
	switch_to(t);
	this_cpu_write(current_task, NULL);
	end_all();
	return init_code;
}
