// SPDX-License-Identifier: MIT
/*
 * POSIX timers (Linux: kernel/time/posix-timers.c, posix-cpu-timers.c). One is set for a time of the machine, for a date, or for a time that a process
 * or thread has used: this one is looked at by a timer of real time, as nobody uses more than that.
 *
 * A user's timers, of all of his processes, are as many as RLIMIT_SIGPENDING allows: Linux counts the signals that are pending with them.
 *
 * While its signal is pending, a timer counts what it missed; who takes the signal is told (posix_timer_taken). Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "clocks.h"
#include "pid.h"
#include "syscall.h"
#include "timens.h"
#include "user_count.h"

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct posix_timer {
	struct posix_timer *next;
	struct ktimer timer;
	struct signal_struct *signal;
	int id, clock, notify, sig, tid;
	u32 uid; /* who has made it */
	u64 value, interval;
	bool queued;		/* its signal is */
	u64 missed;		/* since then */
	int overrun;		/* of the signal that was taken last */
	bool used, used_thread; /* it is a clock of used time, a thread's */
	int used_pid;
	u64 used_at; /* when it has used so much; 0: not set */
};

struct itimerspec {
	struct timespec64 interval, value;
};

#define OVERRUN_MAX 0x7fffffffULL

static struct user_count *users; /* timers of each */

/* ------------------------------------------------------------------ going off */

static void deliver(struct posix_timer *p, u64 n)
{
	struct siginfo info = {.signo = p->sig, .code = SI_TIMER};
	struct task *t = p->notify == SIGEV_THREAD_ID ? task_find(p->tid) : NULL;
	const struct sigpending *pending = t ? &t->pending : &p->signal->pending;

	if (p->notify == SIGEV_NONE)
		return;
	if (p->notify == SIGEV_THREAD_ID && (!t || t->signal != p->signal))
		return;
	if (p->queued && pending->set & SIG_BIT(p->sig)) {
		p->missed += n;
		return;
	}
	info.timer.tid = p->id;
	info.timer.value = p->value;
	p->missed = n - 1;
	if (t)
		send_signal_info(&info, t);
	else
		send_group_signal_info(&info, p->signal);
	/* Nobody may want it. */
	p->queued = pending->set & SIG_BIT(p->sig);
}

static u64 used_by(const struct posix_timer *p, unsigned int *threads)
{
	const struct task *t = task_find(p->used_pid);

	*threads = 1;
	if (!t)
		return 0;
	if (p->used_thread)
		return task_runtime(t);
	*threads = max(t->signal->nr_threads, 1U);
	return process_time(t->signal);
}

static void look_again(struct posix_timer *p, u64 used, unsigned int threads)
{
	u64 left = p->used_at > used ? (p->used_at - used) / threads : 0;

	ktimer_set(&p->timer, add_ns(port_time_ns(), max(left, (u64)TICK_NS / 4)));
}

static void used_timer_look(struct posix_timer *p)
{
	unsigned int threads;
	u64 used = used_by(p, &threads), n = 1;

	if (used >= p->used_at) {
		if (p->interval)
			n += (used - p->used_at) / p->interval;
		p->used_at = p->interval ? p->used_at + n * p->interval : 0;
		deliver(p, n);
	}
	if (p->used_at)
		look_again(p, used, threads);
}

static void posix_timer_over(struct ktimer *kt)
{
	struct posix_timer *p = container_of(kt, struct posix_timer, timer);
	/* A date may be long ago: longer than the machine runs. */
	u64 n = 1, offset = kt->date ? (u64)realtime_offset : 0, now = port_time_ns() + offset;
	u64 at = kt->date ? kt->date : kt->at;

	if (p->used) {
		used_timer_look(p);
		return;
	}
	if (p->interval) {
		u64 next = at + p->interval;

		if (next <= now) {
			n += (now - next) / p->interval + 1;
			next = at + n * p->interval;
		}
		ktimer_set_again(kt, next - offset);
	}
	deliver(p, n);
}

void posix_timer_taken(struct signal_struct *s, struct siginfo *info)
{
	struct posix_timer *p = s->posix_timers;

	while (p && p->id != info->timer.tid)
		p = p->next;
	if (!p || !p->queued)
		return;
	/* What comes by the time it is taken is missed as well: it has its turn a little later than it is due. */
	if (p->interval && !p->used && !link_alone(&p->timer.link)) {
		u64 now = port_time_ns(), n;

		if (p->timer.at <= now) {
			n = (now - p->timer.at) / p->interval + 1;
			p->missed += n;
			ktimer_set_again(&p->timer, p->timer.at + n * p->interval);
		}
	}
	p->queued = false;
	p->overrun = (int)min(p->missed, OVERRUN_MAX);
	p->missed = 0;
	info->timer.overrun = p->overrun;
}

static void timer_free(struct posix_timer *p)
{
	ktimer_cancel(&p->timer);
	user_count_drop(&users, p->uid);
	kfree(p);
}

/* A new program keeps the interval timers, but not these. */
void posix_timers_exec(struct signal_struct *s)
{
	while (s->posix_timers) {
		struct posix_timer *p = s->posix_timers;

		s->posix_timers = p->next;
		timer_free(p);
	}
}

void posix_timers_free(struct signal_struct *s)
{
	ktimer_cancel(&s->real_timer);
	ktimer_cancel(&s->cpu_look);
	posix_timers_exec(s);
}

void posix_timers_show(struct out *out, const struct task *t)
{
	static const char *const how[] = {"signal", "none", "thread"};

	for (const struct posix_timer *p = t->signal->posix_timers; p; p = p->next)
		out_printf(out, "ID: %d\nsignal: %d/%016llx\nnotify: %s/%s.%d\nClockID: %d\n",
			   p->id, p->sig, (unsigned long long)p->value, how[p->notify & 3],
			   p->notify & SIGEV_THREAD_ID ? "tid" : "pid",
			   p->notify & SIGEV_THREAD_ID ? pid_vnr(p->tid) : pid_vnr(t->tgid),
			   p->clock);
}

/* ------------------------------------------------------------------ calls */

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

static long check_clock(int clock)
{
	u64 ns;

	/* A device's clock, which has no timers. */
	if (clock < 0 && (clock & 7) == 3)
		return -EOPNOTSUPP;
	if (read_clock(clock, &ns))
		return -EINVAL;
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	return 0;
}

static long check_event(const struct sigevent *ev)
{
	struct task *t;

	if (ev->notify == SIGEV_THREAD_ID) {
		t = task_find_v(ev->tid);
		if (!t || t->signal != current->signal)
			return -EINVAL;
	} else if (ev->notify != SIGEV_SIGNAL && ev->notify != SIGEV_NONE &&
		   ev->notify != SIGEV_THREAD) {
		return -EINVAL;
	}
	return ev->notify != SIGEV_NONE && (ev->signo < 1 || ev->signo > NSIG) ? -EINVAL : 0;
}

/* The next one that no timer of the process has; they come round. */
static int new_timer_id(struct signal_struct *s)
{
	const struct posix_timer *p;
	int id;

	do {
		id = s->next_timer_id;
		s->next_timer_id = (int)((unsigned int)id + 1) & INT_MAX;
		for (p = s->posix_timers; p && p->id != id; p = p->next)
			;
	} while (p);
	return id;
}

long call_timer_create(const struct syscall_args *r)
{
	struct signal_struct *s = current->signal;
	struct sigevent ev = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	int clock = (int)r->a[0];
	struct posix_timer *p;
	struct task *t;
	bool thread;
	long err;

	if (r->a[1] && get_user(ev, r->a[1]))
		return -EFAULT;
	err = check_clock(clock);
	if (!err)
		err = check_event(&ev);
	if (!err && (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) &&
	    !capable(CAP_WAKE_ALARM))
		err = -EPERM;
	if (err)
		return err;
	if (!user_count_add(&users, current->cred.uid, s->rlim[RLIMIT_SIGPENDING].cur))
		return -EAGAIN;
	p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_ZERO);
	if (!p) {
		user_count_drop(&users, current->cred.uid);
		return -EAGAIN;
	}
	p->uid = current->cred.uid;
	link_init(&p->timer.link);
	p->timer.fn = posix_timer_over;
	p->signal = s;
	p->id = new_timer_id(s);
	p->clock = clock;
	p->notify = ev.notify;
	p->sig = ev.signo;
	p->tid = ev.notify == SIGEV_THREAD_ID ? task_find_v(ev.tid)->pid : 0;
	p->value = r->a[1] ? ev.value : (u64)p->id;
	t = cpu_clock_task(clock, &thread);
	if (t) {
		p->used = true;
		p->used_thread = thread;
		p->used_pid = thread ? t->pid : t->tgid;
	}
	if (put_user(p->id, r->a[2])) {
		timer_free(p);
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
	unsigned int threads;

	if (p->used) {
		now = used_by(p, &threads);
		if (p->used_at)
			v.value = ns_timespec(p->used_at > now ? p->used_at - now : 1);
		return v;
	}
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

/* at: not 0. */
static void arm(struct posix_timer *p, u64 at, bool absolute)
{
	unsigned int threads;

	if (p->used) {
		u64 used = used_by(p, &threads);

		p->used_at = absolute ? at : add_ns(used, at);
		if (p->used_at <= used)
			used_timer_look(p);
		else
			look_again(p, used, threads);
		return;
	}
	if (!absolute)
		ktimer_set(&p->timer, add_ns(port_time_ns(), at));
	else if (p->clock == CLOCK_TAI)
		ktimer_set_date(&p->timer, at - min(at - 1, tai_ns()));
	else if (p->clock == CLOCK_REALTIME || p->clock == CLOCK_REALTIME_ALARM)
		ktimer_set_date(&p->timer, at);
	else
		ktimer_set(&p->timer, time_ns_to_machine(p->clock, at));
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
	p->used_at = 0;
	at = timespec_ns(&v.value);
	if (at)
		arm(p, at, r->a[1] & TIMER_ABSTIME);
	return r->a[3] ? put_user(old, r->a[3]) : 0;
}

long call_timer_getoverrun(const struct syscall_args *r)
{
	const struct posix_timer *p = find_timer((int)r->a[0]);

	return p ? p->overrun : -EINVAL;
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
	timer_free(p);
	return 0;
}
