// SPDX-License-Identifier: MIT
/* Sleeping, and queues of those who do. See wait.h. */
#include "task.h"

/* ------------------------------------------------------------------ sleeping */

struct sleeper {
	struct ktimer timer;
	struct task *task;
	bool over;
};

static void sleeper_wake(struct ktimer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);

	s->over = true;
	wake_up(s->task);
}

/* date: not 0, and the deadline is of CLOCK_REALTIME. */
static int sleep_as(enum task_state state, u64 deadline, u64 date)
{
	struct sleeper s = {.timer.fn = sleeper_wake, .task = current};
	struct task *me = current;

	if (state == TASK_WAITING ? signal_pending()
				  : state == TASK_KILLABLE && fatal_signal_pending())
		return -ERESTARTSYS;
	if (deadline == WAIT_FOREVER) {
		me->state = state;
		schedule();
	} else {
		if (port_time_ns() >= deadline)
			return -ETIMEDOUT;
		link_init(&s.timer.link);
		if (date)
			ktimer_set_date(&s.timer, date);
		else
			ktimer_set(&s.timer, deadline);
		me->state = state;
		schedule();
		ktimer_cancel(&s.timer);
	}
	/* Whoever was woken for something looks for it first: then for the time, then for a signal, by asking again. */
	return 0;
}

int sleep_until(u64 deadline)
{
	return sleep_as(TASK_WAITING, deadline, 0);
}

int sleep_until_date(u64 date)
{
	return sleep_as(TASK_WAITING, realtime_to_mono(date), date);
}

int sleep_killable(u64 deadline)
{
	return sleep_as(TASK_KILLABLE, deadline, 0);
}

int sleep_uninterruptible(u64 deadline)
{
	return sleep_as(TASK_UNINTERRUPTIBLE, deadline, 0);
}

bool signal_pending(void)
{
	return __atomic_load_n(&current->regs->work, __ATOMIC_RELAXED) & USER_WORK_SIGNAL;
}

bool fatal_signal_pending(void)
{
	return signal_pending() && current->pending.set & SIG_BIT(SIGKILL);
}

/* ------------------------------------------------------------------ queues */

void link_lend(struct link *l, struct link *head)
{
	link_add_before(l, head);
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
		/* One that has been woken already, and has not looked yet, does not count. */
		if (wake_up_sync(e->task) && e->exclusive)
			n--;
	}
}
