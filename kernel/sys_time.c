// SPDX-License-Identifier: MIT
/*
 * System calls on time (kernel/syscalls.def): clocks, sleeping, interval and POSIX timers. The clock is the generic timer's counter, in
 * nanoseconds from its start; CLOCK_REALTIME is that and an offset: from a clock that knows the date (boot/rtc.c), or what somebody sets.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "syscall.h"
#include "timens.h"

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

/* ------------------------------------------------------------------ clocks */

static u64 process_time(const struct signal_struct *s)
{
	u64 sum = s->dead_threads.utime + s->dead_threads.stime;

	for_each_thread(t, s) sum += task_runtime(t);
	return sum;
}

/* A clock of another process or thread has its number in it (Linux: include/linux/posix-timers.h). */
static long cpu_clock(int clock, u64 *ns)
{
	int pid = ~(clock >> 3);
	bool thread = clock & 4;
	struct task *t = pid ? task_find(pid) : current;

	if ((clock & 3) == 3 || !t)
		return -EINVAL;
	if (thread) {
		if (t->signal != current->signal)
			return -EINVAL;
		*ns = task_runtime(t);
	} else {
		*ns = process_time(t->signal);
	}
	return 0;
}

static long read_clock(int clock, u64 *ns)
{
	if (clock < 0)
		return cpu_clock(clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*ns = port_time_ns() + (u64)realtime_offset;
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

long call_clock_gettime(const struct syscall_args *r)
{
	struct timespec64 ts;
	u64 ns = 0;
	long err = read_clock((int)r->a[0], &ns);

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

	if (read_clock(clock, &ns))
		return -EINVAL;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		ts.nsec = TICK_NS;
	return r->a[1] ? put_user(ts, r->a[1]) : 0;
}

long call_clock_settime(const struct syscall_args *r)
{
	struct timespec64 ts;

	if ((int)r->a[0] != CLOCK_REALTIME)
		return -EINVAL;
	if (get_user(ts, r->a[1]))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	realtime_offset = (s64)(timespec_ns(&ts) - port_time_ns());
	return 0;
}

long call_gettimeofday(const struct syscall_args *r)
{
	u64 ns = port_time_ns() + (u64)realtime_offset;
	const struct timeval64 tv = {(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
	const s32 zone[2] = {0, 0};

	if (r->a[0] && copy_to_user(r->a[0], &tv, sizeof(tv)))
		return -EFAULT;
	return r->a[1] ? copy_to_user(r->a[1], zone, sizeof(zone)) : 0;
}

long call_settimeofday(const struct syscall_args *r)
{
	struct timeval64 tv;

	if (!r->a[0])
		return 0;
	if (get_user(tv, r->a[0]))
		return -EFAULT;
	if (tv.sec < 0 || tv.usec < 0 || tv.usec >= 1000000)
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	realtime_offset = tv.sec * 1000000000 + tv.usec * 1000 - (s64)port_time_ns();
	return 0;
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

long call_clock_nanosleep(const struct syscall_args *r)
{
	int clock = (int)r->a[0];
	struct timespec64 ts;
	u64 ns, deadline;
	long err;

	/* A thread's own time does not pass while it sleeps. */
	if (clock == CLOCK_THREAD_CPUTIME_ID || read_clock(clock, &ns))
		return -EINVAL;
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (get_user(ts, r->a[2]))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	if (!(r->a[1] & TIMER_ABSTIME))
		return sleep_for(timespec_ns(&ts), r->a[3]);
	deadline = timespec_ns(&ts);
	if (clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM)
		deadline = realtime_to_mono(deadline);
	else
		deadline = time_ns_to_machine(clock, deadline);
	do
		err = sleep_until(deadline);
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

/*
 * Timers of used time are looked at by a timer of real time: none of the process's threads has used more than that since, times their
 * number.
 */
static void cpu_timer_look(struct ktimer *kt)
{
	struct signal_struct *s = container_of(kt, struct signal_struct, cpu_look);
	u64 used = process_time(s), next = ~0ULL;

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

/* ------------------------------------------------------------------ POSIX timers */

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct posix_timer {
	struct posix_timer *next;
	struct ktimer timer;
	struct signal_struct *signal;
	int id, clock, notify, sig, tid;
	u64 value, interval;
	u64 missed;  /* while its signal was pending */
	int overrun; /* of the signal that was taken last */
	struct sigqueue entry;
};

struct itimerspec {
	struct timespec64 interval, value;
};

static void posix_timer_over(struct ktimer *kt)
{
	struct posix_timer *p = container_of(kt, struct posix_timer, timer);
	u64 n = 1, now = port_time_ns();
	struct siginfo info = {.signo = p->sig, .code = SI_TIMER};
	struct task *t;

	if (p->interval) {
		u64 next = kt->at + p->interval;

		if (next <= now) {
			n += (now - next) / p->interval + 1;
			next = kt->at + n * p->interval;
		}
		ktimer_set_again(kt, next);
	}
	if (p->notify == SIGEV_NONE)
		return;
	info.timer.tid = p->id;
	info.timer.value = p->value;
	info.timer.overrun = (int)min(n - 1, (u64)0x7fffffff);
	p->overrun = info.timer.overrun;
	if (p->notify == SIGEV_THREAD_ID) {
		t = task_find(p->tid);
		if (t && t->signal == p->signal && !(t->pending.set & SIG_BIT(p->sig)))
			send_signal_info(&info, t);
		else
			p->missed += n;
	} else if (!(p->signal->pending.set & SIG_BIT(p->sig))) {
		send_group_signal_info(&info, p->signal);
	} else {
		p->missed += n;
	}
}

/* A new program keeps the interval timers, but not these. */
void posix_timers_exec(struct signal_struct *s)
{
	while (s->posix_timers) {
		struct posix_timer *p = s->posix_timers;

		s->posix_timers = p->next;
		ktimer_cancel(&p->timer);
		kfree(p);
	}
}

void posix_timers_free(struct signal_struct *s)
{
	ktimer_cancel(&s->real_timer);
	ktimer_cancel(&s->cpu_look);
	posix_timers_exec(s);
}

static struct posix_timer *find_timer(int id)
{
	struct posix_timer *p = current->signal->posix_timers;

	while (p && p->id != id)
		p = p->next;
	return p;
}

struct sigevent {
	u64 value;
	int signo, notify, tid;
	int pad[11];
};

long call_timer_create(const struct syscall_args *r)
{
	struct signal_struct *s = current->signal;
	struct sigevent ev = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	struct posix_timer *p;
	struct task *t;
	u64 ns;

	if (r->a[1] && get_user(ev, r->a[1]))
		return -EFAULT;
	if (read_clock((int)r->a[0], &ns))
		return -EINVAL;
	if (r->a[0] == CLOCK_MONOTONIC_RAW || r->a[0] == CLOCK_REALTIME_COARSE ||
	    r->a[0] == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (ev.notify == SIGEV_THREAD_ID) {
		t = task_find(ev.tid);
		if (!t || t->signal != s)
			return -EINVAL;
	} else if (ev.notify != SIGEV_SIGNAL && ev.notify != SIGEV_NONE &&
		   ev.notify != SIGEV_THREAD) {
		return -EINVAL;
	}
	if (ev.notify != SIGEV_NONE && (ev.signo < 1 || ev.signo > NSIG))
		return -EINVAL;
	p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_ZERO);
	if (!p)
		return -EAGAIN;
	link_init(&p->timer.link);
	p->timer.fn = posix_timer_over;
	p->signal = s;
	p->id = s->next_timer_id++;
	p->clock = (int)r->a[0];
	p->notify = ev.notify;
	p->sig = ev.signo;
	p->tid = ev.tid;
	p->value = r->a[1] ? ev.value : (u64)p->id;
	if (put_user(p->id, r->a[2])) {
		kfree(p);
		return -EFAULT;
	}
	p->next = s->posix_timers;
	s->posix_timers = p;
	return 0;
}

static struct itimerspec read_timer(const struct posix_timer *p)
{
	u64 now = port_time_ns();
	struct itimerspec v = {ns_timespec(p->interval), {0, 0}};

	if (!link_alone(&p->timer.link))
		v.value = ns_timespec(p->timer.at > now ? p->timer.at - now : 1);
	return v;
}

long call_timer_gettime(const struct syscall_args *r)
{
	const struct posix_timer *p = find_timer((int)r->a[0]);
	struct itimerspec v;

	if (!p)
		return -EINVAL;
	v = read_timer(p);
	return put_user(v, r->a[1]);
}

long call_timer_settime(const struct syscall_args *r)
{
	struct posix_timer *p = find_timer((int)r->a[0]);
	struct itimerspec v, old;
	u64 at;

	if (!r->a[2])
		return -EINVAL;
	if (get_user(v, r->a[2]))
		return -EFAULT;
	if (!p || !timespec_valid(&v.value) || !timespec_valid(&v.interval))
		return -EINVAL;
	old = read_timer(p);
	ktimer_cancel(&p->timer);
	p->interval = timespec_ns(&v.interval);
	p->missed = 0;
	p->overrun = 0;
	at = timespec_ns(&v.value);
	if (at) {
		if (!(r->a[1] & TIMER_ABSTIME))
			at = add_ns(port_time_ns(), at);
		else if (p->clock == CLOCK_REALTIME || p->clock == CLOCK_TAI)
			at = realtime_to_mono(at);
		else
			at = time_ns_to_machine(p->clock, at);
		ktimer_set(&p->timer, at);
	}
	return r->a[3] ? put_user(old, r->a[3]) : 0;
}

long call_timer_getoverrun(const struct syscall_args *r)
{
	const struct posix_timer *p = find_timer((int)r->a[0]);

	return p ? (long)min((u64)p->overrun + p->missed, (u64)0x7fffffff) : -EINVAL;
}

long call_timer_delete(const struct syscall_args *r)
{
	struct posix_timer **at = &current->signal->posix_timers;
	struct posix_timer *p = find_timer((int)r->a[0]);

	if (!p)
		return -EINVAL;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	ktimer_cancel(&p->timer);
	kfree(p);
	return 0;
}
