/* SPDX-License-Identifier: MIT */
/* Things to do at a time (kernel/timer.c). All under kernel_lock; times are port_time_ns(). */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "list.h"

struct ktimer {
	struct link link; /* by time; alone: not set. link_init() before use */
	u64 at;		  /* what it was set for */
	u64 due;	  /* when it is looked at: never before that */
	u64 date; /* not 0: it is for this time of CLOCK_REALTIME, and moves when that is set */
	void (*fn)(
		struct ktimer *
			t); /* under kernel_lock; the timer is not set any more, and may be set again */
};

/* fn is called once `at` has come; a timer that is set already is moved. */
void ktimer_set(struct ktimer *t, u64 at);
/*
 * The next time of one that comes again and again: fn is called once `at` has come, and not within a tenth of a millisecond from now. fn counts by t->at
 * what has passed since. So what interrupts every microsecond leaves the machine to its programs.
 */
void ktimer_set_again(struct ktimer *t, u64 at);
/* The same for a time of CLOCK_REALTIME: when somebody sets that clock, the timer keeps its date. */
void ktimer_set_date(struct ktimer *t, u64 date);
/* Not any more. True: it was set. */
bool ktimer_cancel(struct ktimer *t);
/* The earliest that is set; ~0: none. */
u64 ktimer_next(void);
/* Do what is due. */
void ktimer_run(void);

/* CLOCK_REALTIME = port_time_ns() + this. */
extern s64 realtime_offset;
/* Seconds that CLOCK_TAI is ahead of it. */
extern int tai_offset;
/* When port_time_ns() will show what CLOCK_REALTIME shows as ns; 0: that has been. */
u64 realtime_to_mono(u64 ns);
/* timerfd.c: to those who want to hear of it. */
void timerfd_clock_was_set(void);
/* Another date: what waits for one is told. */
void realtime_set(s64 offset);

#endif
