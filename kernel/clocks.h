/* SPDX-License-Identifier: MIT */
/* Clocks by number, for the calls that take one (kernel/sys_time.c). */
#ifndef KERNEL_CLOCKS_H
#define KERNEL_CLOCKS_H

#include "task.h"

enum {
	CLOCK_REALTIME,
	CLOCK_MONOTONIC,
	CLOCK_PROCESS_CPUTIME_ID,
	CLOCK_THREAD_CPUTIME_ID,
	CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME,
	CLOCK_REALTIME_ALARM,
	CLOCK_BOOTTIME_ALARM,
	CLOCK_TAI = 11,
};
#define TIMER_ABSTIME 1
/* A tick of a kernel with 250 Hz: the resolution of the coarse clocks. */
#define TICK_NS 4000000
/* CLOCK_REALTIME is set to less than this: a date that can be kept for a while (30 years). */
#define DATE_MAX_SEC ((s64)(~0ULL >> 1) / 1000000000 - 30LL * 365 * 24 * 3600)

/* What it shows. 0, -EINVAL: there is none. */
long read_clock(int clock, u64 *ns);
/* Whose used time it shows: a thread's, or its process's. NULL: it is no such clock, or nobody's. */
struct task *cpu_clock_task(int clock, bool *thread);
/* What all threads of a process have used. */
u64 process_time(const struct signal_struct *s);
/* How much CLOCK_TAI is ahead of CLOCK_REALTIME. */
u64 tai_ns(void);

#endif
