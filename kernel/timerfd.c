// SPDX-License-Identifier: MIT
/* timerfd: a timer that is read (Linux: fs/timerfd.c). Locking: kernel_lock. */
#include <quire/out.h>
#include <quire/slab.h>

#include "poll.h"
#include "syscall.h"
#include "timer.h"
#include "timens.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define TFD_TIMER_ABSTIME 1U
#define TFD_TIMER_CANCEL_ON_SET 2U
#define NS 1000000000ULL

struct itimerspec {
	struct timespec interval, value;
};

struct timerfd {
	struct ktimer timer;
	int clock;
	bool set;
	bool date;		 /* `at` is of CLOCK_REALTIME */
	u64 at, interval;	 /* nanoseconds, of port_time_ns unless it is a date */
	u64 expired;		 /* and not read */
	bool watches, cancelled; /* TFD_TIMER_CANCEL_ON_SET: and the clock has been set */
	struct timerfd *next;	 /* of all */
	unsigned int how;	 /* settime's flags */
	struct wait_queue changed;
};

static struct timerfd *all;

void timerfd_clock_was_set(void)
{
	for (struct timerfd *t = all; t; t = t->next) {
		if (!t->watches)
			continue;
		t->cancelled = true;
		wake_up_all(&t->changed);
	}
}

/* One that is periodic goes on when somebody asks (go_on): what nobody reads costs nothing. */
static void expire(struct ktimer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);

	t->expired = 1;
	if (!t->interval)
		t->set = false;
	wake_up_all(&t->changed);
}

/* What t->at is to be compared with. */
static u64 time_of(const struct timerfd *t)
{
	return port_time_ns() + (t->date ? (u64)realtime_offset : 0);
}

/* A periodic one that has expired: count what has passed since, and set the next time. */
static void go_on(struct timerfd *t)
{
	u64 now = time_of(t), n;

	if (!t->set || !t->expired || !link_alone(&t->timer.link))
		return;
	n = now > t->at ? (now - t->at) / t->interval : 0;
	t->expired += n;
	t->at += (n + 1) * t->interval;
	if (t->date)
		ktimer_set_date(&t->timer, t->at);
	else
		ktimer_set(&t->timer, t->at);
}

static long timerfd_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct timerfd *t = f->private;
	u64 n;
	long err;

	if (to->left < sizeof(n))
		return -EINVAL;
	if (!t->expired && !t->cancelled && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_event(&t->changed, t->expired || t->cancelled, WAIT_FOREVER);
	if (err)
		return err;
	/* The date that it was set for is another one now. */
	if (t->cancelled) {
		t->cancelled = false;
		t->expired = 0;
		return -ECANCELED;
	}
	go_on(t);
	n = t->expired;
	t->expired = 0;
	return copy_to_iter(&n, sizeof(n), to) == sizeof(n) ? (long)sizeof(n) : -EFAULT;
}

static unsigned int timerfd_poll(struct open_file *f, struct poll_table *table)
{
	struct timerfd *t = f->private;

	poll_wait(table, &t->changed);
	return t->expired || t->cancelled ? POLLIN : 0;
}

#define TFD_IOC_SET_TICKS 0x40085400U

/* For who puts a program back as it was. */
static long timerfd_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	struct timerfd *t = f->private;
	u64 n;

	if (cmd != TFD_IOC_SET_TICKS)
		return -ENOTTY;
	if (get_user(n, arg))
		return -EFAULT;
	if (!n)
		return -EINVAL;
	t->expired = n;
	wake_up_all(&t->changed);
	return 0;
}

static void timerfd_release(struct open_file *f)
{
	struct timerfd *t = f->private;

	struct timerfd **p = &all;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	(void)ktimer_cancel(&t->timer);
	wait_queue_end(&t->changed);
	kfree(t);
}

static struct timespec to_timespec(u64 ns)
{
	return (struct timespec){(s64)(ns / NS), (s64)(ns % NS)};
}

static struct itimerspec current_setting(const struct timerfd *t)
{
	u64 now = time_of(t);

	return (struct itimerspec){
		.interval = to_timespec(t->interval),
		.value = to_timespec(!t->set	   ? 0
				     : t->at > now ? t->at - now
						   : 1),
	};
}

static void timerfd_show(struct out *out, const struct open_file *f, const struct pid_ns *ns)
{
	const struct timerfd *t = f->private;
	const struct itimerspec now = current_setting(t);

	out_printf(out,
		   "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\n"
		   "it_interval: (%llu, %llu)\n",
		   t->clock, (unsigned long long)t->expired, t->how,
		   (unsigned long long)now.value.sec, (unsigned long long)now.value.nsec,
		   (unsigned long long)now.interval.sec, (unsigned long long)now.interval.nsec);
}

static const struct file_operations timerfd_fop = {
	.stays = true,
	.show_fdinfo = timerfd_show,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.ioctl = timerfd_ioctl,
	.release = timerfd_release,
};

long call_timerfd_create(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[1];
	struct open_file *f;
	struct timerfd *t;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK) ||
	    (r->a[0] != CLOCK_REALTIME && r->a[0] != CLOCK_MONOTONIC && r->a[0] != CLOCK_BOOTTIME &&
	     r->a[0] != CLOCK_REALTIME_ALARM && r->a[0] != CLOCK_BOOTTIME_ALARM))
		return -EINVAL;
	if (r->a[0] >= CLOCK_REALTIME_ALARM && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_ZERO);
	if (!t)
		return -ENOMEM;
	link_init(&t->timer.link);
	t->timer.fn = expire;
	t->clock = (int)r->a[0];
	f = file_anon("anon_inode:[timerfd]", 0600, O_RDWR | (flags & O_NONBLOCK), &timerfd_fop);
	if (!f) {
		kfree(t);
		return -ENOMEM;
	}
	f->private = t;
	t->next = all;
	all = t;
	return fd_install(f, 0, flags & O_CLOEXEC);
}

static bool valid(const struct timespec *t)
{
	return t->sec >= 0 && (u64)t->nsec < NS;
}

static u64 to_ns(const struct timespec *t)
{
	return (u64)t->sec >= ~0ULL / NS / 2 ? ~0ULL / 2 : (u64)t->sec * NS + (u64)t->nsec;
}

static long timer_of(u64 fd, struct timerfd **t)
{
	struct open_file *f = file_of((unsigned int)fd);

	if (!f)
		return -EBADF;
	if (f->op != &timerfd_fop)
		return -EINVAL;
	*t = f->private;
	return 0;
}

long call_timerfd_settime(const struct syscall_args *r)
{
	struct itimerspec new, old;
	struct timerfd *t;
	bool was_cancelled;
	u64 at;
	long err;

	if (r->a[1] & ~(u64)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (copy_from_user(&new, r->a[2], sizeof(new)))
		return -EFAULT;
	if (!valid(&new.value) || !valid(&new.interval))
		return -EINVAL;
	err = timer_of(r->a[0], &t);
	if (err)
		return err;
	old = current_setting(t);
	was_cancelled = t->watches && t->cancelled;
	t->watches = (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM) &&
		     (r->a[1] & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) ==
			     (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
	t->cancelled = false;
	(void)ktimer_cancel(&t->timer);
	at = to_ns(&new.value);
	t->how = (unsigned int)r->a[1];
	t->expired = 0;
	t->interval = to_ns(&new.interval);
	t->set = at != 0;
	t->date = false;
	if (at) {
		t->date = r->a[1] & TFD_TIMER_ABSTIME &&
			  (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM);
		if (!(r->a[1] & TFD_TIMER_ABSTIME))
			at += port_time_ns();
		else if (!t->date)
			at = max(time_ns_to_machine(t->clock, at), (u64)1);
		t->at = at;
		if (t->date)
			ktimer_set_date(&t->timer, at);
		else
			ktimer_set(&t->timer, at);
	}
	if (was_cancelled)
		return -ECANCELED;
	return r->a[3] ? copy_to_user(r->a[3], &old, sizeof(old)) : 0;
}

long call_timerfd_gettime(const struct syscall_args *r)
{
	struct itimerspec now;
	struct timerfd *t;
	long err = timer_of(r->a[0], &t);

	if (err)
		return err;
	go_on(t);
	now = current_setting(t);
	return copy_to_user(r->a[1], &now, sizeof(now));
}
