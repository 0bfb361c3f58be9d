// SPDX-License-Identifier: MIT
/*
 * Things to do at a time: a ring, by time. See timer.h.
 *
 * What sets an earlier one than all others does not interrupt anybody for it: every CPU sets its own interrupt before it goes on with a
 * program, or idles, by ktimer_next() (kernel/sched.c), so the CPU that set the timer sees to it.
 */
#include "task.h"

static struct link timers = {&timers, &timers};

s64 realtime_offset;

static struct ktimer *first(void)
{
	return link_alone(&timers) ? NULL : link_entry(timers.next, struct ktimer, link);
}

void ktimer_set(struct ktimer *t, u64 at)
{
	struct link *l;

	link_remove(&t->link);
	t->at = at;
	/* From the end: most are later than the others. */
	for (l = timers.prev; l != &timers; l = l->prev)
		if (link_entry(l, struct ktimer, link)->at <= at)
			break;
	link_add_before(&t->link, l->next);
	if (first() == t)
		sched_timer_changed();
}

bool ktimer_cancel(struct ktimer *t)
{
	bool set = !link_alone(&t->link);

	link_remove(&t->link);
	return set;
}

u64 ktimer_next(void)
{
	const struct ktimer *t = first();

	return t ? t->at : ~0ULL;
}

void ktimer_run(void)
{
	struct ktimer *t;

	while ((t = first()) && t->at <= port_time_ns()) {
		link_remove(&t->link);
		t->fn(t);
	}
}
