// SPDX-License-Identifier: MIT
/*
 * System calls on time (kernel/syscalls.def): clocks, sleeping, interval timers. The clock is the generic timer's counter, in
 * nanoseconds from its start; CLOCK_REALTIME is that and an offset: from a clock that knows the date (boot/rtc.c), or what somebody sets.
 */
#include <quire/string.h>

#include "pid.h"
#include "syscall.h"
#include "adjtimex.h"
#include "clocks.h"
#include "timens.h"

/* ------------------------------------------------------------------ clocks */

u64 process_time(const struct signal_struct *s)
{
	u64 sum = s->dead_threads.utime + s->dead_threads.stime;

	for_each_thread(t, s) sum += task_runtime(t);
	return sum;
}

/* A clock of another process or thread has its number in it (Linux: include/linux/posix-timers.h). */
struct task *cpu_clock_task(int clock, bool *thread)
{
	int pid = ~(clock >> 3);
	struct task *t;

	if (clock >= 0) {
		*thread = clock == CLOCK_THREAD_CPUTIME_ID;
		return clock == CLOCK_PROCESS_CPUTIME_ID || *thread ? current : NULL;
	}
	*thread = clock & 4;
	t = pid ? task_find_v(pid) : current;
	if ((clock & 3) == 3 || (t && *thread && t->signal != current->signal))
		return NULL;
	return t;
}

static long cpu_clock(int clock, u64 *ns)
{
	bool thread;
	const struct task *t = cpu_clock_task(clock, &thread);

	if (!t)
		return -EINVAL;
	*ns = thread ? task_runtime(t) : process_time(t->signal);
	return 0;
}

u64 tai_ns(void)
{
	return (u64)((s64)tai_offset * 1000000000);
}

long read_clock(int clock, u64 *ns)
{
	if (clock < 0)
		return cpu_clock(clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
		*ns = port_time_ns() + (u64)READ_ONCE(realtime_offset);
		return 0;
	case CLOCK_TAI:
		*ns = port_time_ns() + (u64)realtime_offset + tai_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = port_time_ns() + (u64)time_ns_offset(clock);
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_time(current->signal);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = task_runtime(current);
		return 0;
	}
	return -EINVAL;
}

/*
 * The same without kernel_lock, which the times of processes and of other threads need, and CLOCK_TAI, which is two numbers. A task's own time
 * changes when it is switched, and its namespace by its own calls.
 */
static long read_clock_unlocked(int clock, u64 *ns)
{
	long err;

	if (clock >= 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_TAI)
		return read_clock(clock, ns);
	kernel_lock();
	err = read_clock(clock, ns);
	kernel_unlock();
	return err;
}

long call_clock_gettime(const struct syscall_args *r)
{
	struct timespec64 ts;
	u64 ns = 0;
	long err = read_clock_unlocked((int)r->a[0], &ns);

	if (err)
		return err;
	ts = ns_timespec(ns);
	return put_user(ts, r->a[1]);
}

long call_clock_getres(const struct syscall_args *r)
{
	int clock = (int)r->a[0];
	struct timespec64 ts = {0, 1};
	u64 ns;

	if (read_clock_unlocked(clock, &ns))
		return -EINVAL;
	/* Used time that is counted in ticks: all of it, or what was spent in programs. */
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ||
	    (clock < 0 && (clock & 3) != 2))
		ts.nsec = TICK_NS;
	return r->a[1] ? put_user(ts, r->a[1]) : 0;
}

/* Linux: do_settimeofday64. Not before the machine was started. */

static long set_date(const struct timespec64 *ts)
{
	if (!timespec_valid(ts) || ts->sec >= DATE_MAX_SEC)
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (timespec_ns(ts) < port_time_ns())
		return -EINVAL;
	ntp_clock_set();
	realtime_set((s64)(timespec_ns(ts) - port_time_ns()));
	ntp_clock_is_set();
	return 0;
}

long call_clock_settime(const struct syscall_args *r)
{
	struct timespec64 ts;
	u64 ns;
	long err;

	/* What a process or thread has used can be read, and nobody may set it. */
	if ((int)r->a[0] < 0) {
		if (get_user(ts, r->a[1]))
			return -EFAULT;
		err = cpu_clock((int)r->a[0], &ns);
		return err ? err : -EPERM;
	}
	if ((int)r->a[0] != CLOCK_REALTIME)
		return -EINVAL;
	return get_user(ts, r->a[1]) ? -EFAULT : set_date(&ts);
}

static s32 time_zone[2]; /* minutes west, and when summer is: only kept */

long call_gettimeofday(const struct syscall_args *r)
{
	u64 ns = port_time_ns() + (u64)READ_ONCE(realtime_offset);
	const struct timeval64 tv = {(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
	long err;

	if (r->a[0] && copy_to_user(r->a[0], &tv, sizeof(tv)))
		return -EFAULT;
	if (!r->a[1])
		return 0;
	kernel_lock();
	err = copy_to_user(r->a[1], time_zone, sizeof(time_zone));
	kernel_unlock();
	return err;
}

long call_settimeofday(const struct syscall_args *r)
{
	struct timespec64 ts = {0, 0};
	struct timeval64 tv;
	s32 zone[2];

	if (r->a[0]) {
		if (get_user(tv, r->a[0]))
			return -EFAULT;
		if (tv.usec < 0 || tv.usec > 1000000)
			return -EINVAL;
		ts = (struct timespec64){tv.sec, tv.usec * 1000};
	}
	if (r->a[1] && copy_from_user(zone, r->a[1], sizeof(zone)))
		return -EFAULT;
	if (r->a[0] && (!timespec_valid(&ts) || ts.sec >= DATE_MAX_SEC))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (r->a[1]) {
		if (zone[0] > 15 * 60 || zone[0] < -15 * 60)
			return -EINVAL;
		memcpy(time_zone, zone, sizeof(zone));
	}
	return r->a[0] ? set_date(&ts) : 0;
}

/* ------------------------------------------------------------------ sleeping */

static long sleep_and_tell(u64 deadline, unsigned long rem)
{
	struct timespec64 left;
	u64 now;
	long err;

	do
		err = sleep_until(deadline);
	while (!err);
	if (err == -ETIMEDOUT)
		return 0;
	if (rem) {
		now = port_time_ns();
		left = ns_timespec(deadline > now ? deadline - now : 0);
		if (put_user(left, rem))
			return -EFAULT;
	}
	return -ERESTART_RESTARTBLOCK;
}

static long restart_sleep(struct task *t)
{
	return sleep_and_tell(t->restart.arg[0], t->restart.arg[1]);
}

static long sleep_for(u64 ns, unsigned long rem)
{
	struct task *t = current;
	u64 deadline = add_ns(port_time_ns(), ns);
	long err = sleep_and_tell(deadline, rem);

	if (err == -ERESTART_RESTARTBLOCK) {
		t->restart.fn = restart_sleep;
		t->restart.arg[0] = deadline;
		t->restart.arg[1] = rem;
	}
	return err;
}

long call_nanosleep(const struct syscall_args *r)
{
	struct timespec64 ts;

	if (get_user(ts, r->a[0]))
		return -EFAULT;
	return timespec_valid(&ts) ? sleep_for(timespec_ns(&ts), r->a[1]) : -EINVAL;
}

/*
 * Until that thread, or the process of it, has used so much: looked at as often as it could have come to that. One that has been waited for
 * meanwhile uses no more: only a signal ends the sleep.
 */
static long sleep_used(struct pid *pid, bool thread, u64 until)
{
	long err;

	pid_get(pid);
	do {
		const struct task *t = pid_task(pid);
		u64 next = WAIT_FOREVER;

		if (t) {
			u64 used = thread ? task_runtime(t) : process_time(t->signal);
			u64 at_once = thread ? 1 : max(t->signal->nr_threads, 1U);

			err = 0;
			if (used >= until)
				break;
			next = add_ns(port_time_ns(),
				      max((until - used) / at_once, (u64)TICK_NS / 4));
		}
		err = sleep_until(next);
	} while (!err || err == -ETIMEDOUT);
	pid_put(pid);
	return err ? -ERESTARTNOHAND : 0;
}

/* The same for so much more: how much is left is told who a signal wakes, and it goes on when that has no handler. */
static long sleep_used_for(int clock, u64 until, unsigned long rem)
{
	bool thread;
	struct task *t = cpu_clock_task(clock, &thread);
	struct timespec64 left;
	u64 now;
	long err;

	if (!t)
		return -EINVAL;
	err = sleep_used(t->thread_pid, thread, until);
	if (err != -ERESTARTNOHAND)
		return err;
	if (read_clock(clock, &now))
		now = 0;
	if (now >= until)
		return 0;
	left = ns_timespec(until - now);
	if (rem && put_user(left, rem))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long restart_used(struct task *t)
{
	return sleep_used_for((int)t->restart.arg[2], t->restart.arg[0], t->restart.arg[1]);
}

long call_clock_nanosleep(const struct syscall_args *r)
{
	int clock = (int)r->a[0];
	struct timespec64 ts;
	struct task *t;
	u64 ns, deadline;
	bool date, thread;
	long err;

	if (read_clock(clock, &ns))
		return -EINVAL;
	t = cpu_clock_task(clock, &thread);
	/* A thread's own time does not pass while it sleeps. */
	if (t && thread && (clock >= 0 || t == current))
		return clock >= 0 ? -EOPNOTSUPP : -EINVAL;
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (get_user(ts, r->a[2]))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	if (t) {
		/* It may have ended while the time was read. */
		t = cpu_clock_task(clock, &thread);
		if (!t)
			return -EINVAL;
		if (r->a[1] & TIMER_ABSTIME)
			return sleep_used(t->thread_pid, thread, timespec_ns(&ts));
		deadline = add_ns(ns, timespec_ns(&ts));
		err = sleep_used_for(clock, deadline, r->a[3]);
		if (err == -ERESTART_RESTARTBLOCK) {
			current->restart.fn = restart_used;
			current->restart.arg[0] = deadline;
			current->restart.arg[1] = r->a[3];
			current->restart.arg[2] = (unsigned long)(long)clock;
		}
		return err;
	}
	if (!(r->a[1] & TIMER_ABSTIME))
		return sleep_for(timespec_ns(&ts), r->a[3]);
	deadline = timespec_ns(&ts);
	if (clock == CLOCK_TAI)
		deadline -= min(deadline, tai_ns());
	date = clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
	if (!date)
		deadline = time_ns_to_machine(clock, deadline);
	do
		err = date ? sleep_until_date(max(deadline, (u64)1)) : sleep_until(deadline);
	while (!err);
	/* An absolute time is the same when it starts again. */
	return err == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
}

/* ------------------------------------------------------------------ interval timers */

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

struct itimerval {
	struct timeval64 interval, value;
};

static void real_timer_over(struct ktimer *kt)
{
	struct signal_struct *s = container_of(kt, struct signal_struct, real_timer);

	if (s->real_interval) {
		u64 next = kt->at + s->real_interval, now = port_time_ns();

		/* What was missed is one signal. */
		if (next <= now)
			next += (now - next) / s->real_interval * s->real_interval +
				s->real_interval;
		ktimer_set_again(kt, next);
	}
	send_group_signal(SIGALRM, s);
}

static struct timeval64 left_of(u64 at, u64 now)
{
	/* Rounded up, and never nothing while it is set. */
	u64 us = at <= now ? 1 : (at - now + 999) / 1000;

	return (struct timeval64){(s64)(us / 1000000), (s64)(us % 1000000)};
}

static struct timeval64 timeval_of(u64 ns)
{
	return (struct timeval64){(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
}

static void read_itimer(struct signal_struct *s, int which, struct itimerval *v)
{
	*v = (struct itimerval){{0, 0}, {0, 0}};
	if (which == ITIMER_REAL) {
		v->interval = timeval_of(s->real_interval);
		if (!link_alone(&s->real_timer.link))
			v->value = left_of(s->real_timer.at, port_time_ns());
	} else {
		v->interval = timeval_of(s->cpu_timer[which - 1].interval);
		if (s->cpu_timer[which - 1].at)
			v->value = left_of(s->cpu_timer[which - 1].at, process_time(s));
	}
}

/* RLIMIT_CPU: a signal every second from the soft limit on, and the end at the hard one. When to look again. */
static u64 look_at_limit(struct signal_struct *s, u64 used)
{
	struct rlimit *limit = &s->rlim[RLIMIT_CPU];
	u64 soft = max(limit->cur, (u64)1);

	if (limit->cur == RLIM_INFINITY)
		return ~0ULL;
	if (limit->max != RLIM_INFINITY && used / 1000000000 >= max(limit->max, (u64)1)) {
		send_group_signal(SIGKILL, s);
		return ~0ULL;
	}
	if (used / 1000000000 >= soft) {
		send_group_signal(SIGXCPU, s);
		limit->cur = ++soft;
	}
	return soft < ~0ULL / 1000000000 ? soft * 1000000000 - used : ~0ULL;
}

/*
 * Timers of used time are looked at by a timer of real time: none of the process's threads has used more than that since, times their
 * number.
 */
static void cpu_timer_look(struct ktimer *kt)
{
	struct signal_struct *s = container_of(kt, struct signal_struct, cpu_look);
	u64 used = process_time(s), next = look_at_limit(s, used);

	for (unsigned int i = 0; i < 2; i++) {
		if (!s->cpu_timer[i].at)
			continue;
		if (used >= s->cpu_timer[i].at) {
			s->cpu_timer[i].at =
				s->cpu_timer[i].interval ? used + s->cpu_timer[i].interval : 0;
			send_group_signal(i ? SIGPROF : SIGVTALRM, s);
		}
		if (s->cpu_timer[i].at)
			next = min(next, s->cpu_timer[i].at - used);
	}
	if (next != ~0ULL)
		ktimer_set(kt,
			   port_time_ns() + max(next / max(s->nr_threads, 1U), (u64)TICK_NS / 4));
}

static void set_itimer(struct signal_struct *s, int which, u64 value, u64 interval)
{
	if (which == ITIMER_REAL) {
		ktimer_cancel(&s->real_timer);
		s->real_interval = interval;
		s->real_timer.fn = real_timer_over;
		if (value)
			ktimer_set(&s->real_timer, add_ns(port_time_ns(), value));
		return;
	}
	s->cpu_timer[which - 1].at = value ? process_time(s) + value : 0;
	s->cpu_timer[which - 1].interval = interval;
	s->cpu_look.fn = cpu_timer_look;
	cpu_timer_look(&s->cpu_look);
}

void cpu_limit_changed(struct signal_struct *s)
{
	if (s->rlim[RLIMIT_CPU].cur == RLIM_INFINITY)
		return;
	s->cpu_look.fn = cpu_timer_look;
	cpu_timer_look(&s->cpu_look);
}

static bool timeval_valid(const struct timeval64 *tv)
{
	return tv->sec >= 0 && tv->usec >= 0 && tv->usec < 1000000;
}

static u64 timeval_ns(const struct timeval64 *tv)
{
	const struct timespec64 ts = {tv->sec, tv->usec * 1000};

	return timespec_ns(&ts);
}

long call_getitimer(const struct syscall_args *r)
{
	struct itimerval v;

	if (r->a[0] > ITIMER_PROF)
		return -EINVAL;
	read_itimer(current->signal, (int)r->a[0], &v);
	return put_user(v, r->a[1]);
}

long call_setitimer(const struct syscall_args *r)
{
	struct itimerval v = {{0, 0}, {0, 0}}, old;

	if (r->a[1] && get_user(v, r->a[1]))
		return -EFAULT;
	if (r->a[0] > ITIMER_PROF || !timeval_valid(&v.value) || !timeval_valid(&v.interval))
		return -EINVAL;
	read_itimer(current->signal, (int)r->a[0], &old);
	set_itimer(current->signal, (int)r->a[0], timeval_ns(&v.value), timeval_ns(&v.interval));
	return r->a[2] ? put_user(old, r->a[2]) : 0;
}
