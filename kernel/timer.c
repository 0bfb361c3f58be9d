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
int tai_offset;

u64 realtime_to_mono(u64 ns)
{
	s64 at = (s64)ns - READ_ONCE(realtime_offset);

	return at < 0 ? 0 : (u64)at;
}

static struct ktimer *first(void)
{
	return link_alone(&timers) ? NULL : link_entry(timers.next, struct ktimer, link);
}

/*
 * Handling one takes a few microseconds, on a slow emulator some ten. So what comes again at once, and as many others as there may be, leave
 * half of a CPU at least.
 */
#define TIMER_AGAIN_NS 100000
#define TIMER_EACH_NS 20000

static unsigned int nr_set;

static void set(struct ktimer *t, u64 at, u64 due)
{
	struct link *l;

	nr_set += link_alone(&t->link);
	link_remove(&t->link);
	t->at = at;
	t->due = due;
	/* From the end: most are later than the others. */
	for (l = timers.prev; l != &timers; l = l->prev)
		if (link_entry(l, struct ktimer, link)->due <= due)
			break;
	link_add_before(&t->link, l->next);
	if (first() == t)
		sched_timer_changed();
}

void ktimer_set(struct ktimer *t, u64 at)
{
	t->date = 0;
	set(t, at, at);
}

void ktimer_set_date(struct ktimer *t, u64 date)
{
	u64 at = realtime_to_mono(date);

	t->date = date;
	set(t, at, at);
}

void realtime_set(s64 offset)
{
	struct link moved = {&moved, &moved}, *l, *next;

	WRITE_ONCE(realtime_offset, offset);
	for (l = timers.next; l != &timers; l = next) {
		next = l->next;
		if (link_entry(l, struct ktimer, link)->date) {
			link_remove(l);
			link_add_before(l, &moved);
		}
	}
	while (!link_alone(&moved)) {
		struct ktimer *t = link_entry(moved.next, struct ktimer, link);

		nr_set--;
		link_remove(&t->link);
		ktimer_set_date(t, t->date);
	}
	timerfd_clock_was_set();
}

void ktimer_set_again(struct ktimer *t, u64 at)
{
	t->date = 0;
	set(t, at, max(at, port_time_ns() + TIMER_AGAIN_NS + (u64)nr_set * TIMER_EACH_NS));
}

bool ktimer_cancel(struct ktimer *t)
{
	bool was_set = !link_alone(&t->link);

	nr_set -= was_set;
	link_remove(&t->link);
	return was_set;
}

u64 ktimer_next(void)
{
	const struct ktimer *t = first();

	return t ? t->due : ~0ULL;
}

void ktimer_run(void)
{
	u64 now = port_time_ns();
	struct ktimer *t;

	/* What becomes due meanwhile has the next turn. */
	while ((t = first()) && t->due <= now) {
		ktimer_cancel(t);
		t->fn(t);
	}
}
