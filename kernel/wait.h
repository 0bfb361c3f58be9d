/* SPDX-License-Identifier: MIT */
/*
 * Waiting for something that another task, a timer or an interrupt's bottom half does (kernel/sched.c; Linux: include/linux/wait.h).
 *
 * All under kernel_lock: who waits looks at the condition, sleeps, looks again; who makes the condition true wakes the queue. The lock is
 * free while a task sleeps, and nowhere else, so nothing is lost between the look and the sleep.
 *
 *	struct wait_entry e;
 *	wait_queue_add(&q, &e);			(more queues: an entry for each)
 *	while (!condition && !(err = sleep_until(deadline)))
 *		continue;
 *	wait_queue_remove(&e);
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include <quire/types.h>

struct task;
struct wait_queue;

struct wait_entry {
	struct task *task;
	struct wait_queue *queue; /* NULL: in none */
	struct wait_entry *next, *prev;
	bool exclusive; /* woken one at a time */
};

/* {0} is an empty one. */
struct wait_queue {
	struct wait_entry *first, *last;
	u32 wakes; /* how often it was woken: epoll's edges */
};

#define WAIT_FOREVER (~0ULL)

/* Results of calls that a signal has interrupted; programs never see them (Linux: include/linux/errno.h). */
#define ERESTARTSYS                                                                                \
	512 /* again from the start, or EINTR when the handler was set without SA_RESTART */
#define ERESTARTNOINTR 513	  /* always again */
#define ERESTARTNOHAND 514	  /* again when no handler ran, else EINTR */
#define ERESTART_RESTARTBLOCK 516 /* the same, by restart_syscall */

/* The current task waits in the queue; at its end. */
void wait_queue_add(struct wait_queue *q, struct wait_entry *e);
/* Out of its queue, when it is in one. */
void wait_queue_remove(struct wait_entry *e);
/* Everybody who waits, but of those that are exclusive only the first n. */
void wake_up_queue(struct wait_queue *q, unsigned int n);
#define wake_up_all(q) wake_up_queue(q, ~0U)
#define wake_up_one(q) wake_up_queue(q, 1)

/*
 * Sleep until somebody wakes this task. 0: somebody did, perhaps for another reason than is hoped for; -ERESTARTSYS: a signal is
 * pending; -ETIMEDOUT: port_time_ns() has reached the deadline (WAIT_FOREVER: none). A signal that is pending already, or a deadline that is
 * over, does not sleep.
 */
int sleep_until(u64 deadline);
/* A signal waits to be delivered to the current task. */
bool signal_pending(void);
/* The same for a time of CLOCK_REALTIME: the date counts, also when that clock is set meanwhile. */
int sleep_until_date(u64 date);
/* The same as sleep_until, but only a fatal signal ends it. */
int sleep_killable(u64 deadline);

/* The same, and nothing but the deadline and a wake-up ends it: 0, -ETIMEDOUT. */
int sleep_uninterruptible(u64 deadline);

/* In queue q until `condition`: 0, -ERESTARTSYS, -ETIMEDOUT. */
#define wait_event(q, condition, deadline)                                                         \
	({                                                                                         \
		struct wait_entry _entry = {0};                                                    \
		int _err = 0;                                                                      \
		if (!(condition)) {                                                                \
			wait_queue_add(q, &_entry);                                                \
			while (!(condition) && !(_err = sleep_until(deadline)))                    \
				continue;                                                          \
			wait_queue_remove(&_entry);                                                \
		}                                                                                  \
		_err;                                                                              \
	})

#endif
