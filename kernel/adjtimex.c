// SPDX-License-Identifier: MIT
/*
 * adjtimex and clock_adjtime: what a program that keeps CLOCK_REALTIME right tells the kernel and asks it (Linux: kernel/time/ntp.c).
 *
 * A second of CLOCK_REALTIME at a time (one_second): the state of a leap second goes on, the error grows, an offset and an adjustment
 * shrink. A timer sees to it while a leap second is ordered; otherwise the seconds that have passed are caught up with when somebody asks.
 *
 * Against Linux: leap seconds, offsets that are set at once and CLOCK_TAI change the clock. Frequency, tick, slow offsets and adjustments are
 * kept, limited and reported as there, but the clock goes on with the counter's own rate. Locking: kernel_lock.
 */
#include "adjtimex.h"
#include "clocks.h"
#include "syscall.h"

#define NSEC_PER_SEC 1000000000LL
#define SECS_PER_DAY 86400

/* modes */
#define ADJ_OFFSET 0x0001U
#define ADJ_FREQUENCY 0x0002U
#define ADJ_MAXERROR 0x0004U
#define ADJ_ESTERROR 0x0008U
#define ADJ_STATUS 0x0010U
#define ADJ_TIMECONST 0x0020U
#define ADJ_TAI 0x0080U
#define ADJ_SETOFFSET 0x0100U
#define ADJ_MICRO 0x1000U
#define ADJ_NANO 0x2000U
#define ADJ_OFFSET_READONLY 0x2000U
#define ADJ_TICK 0x4000U
#define ADJ_ADJTIME 0x8000U

/* status */
#define STA_PLL 0x0001
#define STA_FLL 0x0008
#define STA_INS 0x0010
#define STA_DEL 0x0020
#define STA_UNSYNC 0x0040
#define STA_FREQHOLD 0x0080
#define STA_CLOCKERR 0x1000
#define STA_NANO 0x2000
#define STA_MODE 0x4000
#define STA_READ_ONLY 0xff00

enum { TIME_OK, TIME_INS, TIME_DEL, TIME_OOP, TIME_WAIT, TIME_ERROR };

#define USER_HZ 100
/* Ticks a second: what an offset is divided into. */
#define HZ 250
#define MAX_PHASE 500000000L
#define MAX_FREQUENCY 500000 /* nanoseconds a second */
#define MAX_ERROR 16000000L
#define MAX_CONSTANT 10
#define MAX_TAI 100000
#define MIN_FLL_SEC 256
#define MAX_PLL_SEC 2048
/* An adjustment moves so many microseconds a second. */
#define ADJUST_STEP 500
/* freq in the call has 16 bits behind the point, here there are 32, of nanoseconds. */
#define FREQ_SCALE (1000LL << 16)
#define MAX_FREQ_SCALED ((s64)MAX_FREQUENCY << 32)

struct timex {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	struct timeval64 time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad3[11];
};
BUILD_BUG_ON(sizeof(struct timex) != 208);

static int state = TIME_OK, status = STA_UNSYNC;
static s64 offset,
	freq; /* with 32 bits behind the point, of nanoseconds: a tick's share, a second's */
static s64 constant = 2, maxerror = MAX_ERROR, esterror = MAX_ERROR, tick_usec = 1000000 / USER_HZ;
static s64 adjust;	  /* of adjtime, microseconds that are left */
static s64 reference_sec; /* when an offset was set last */
static s64 leap_sec =
	(s64)(~0ULL >>
	      1);    /* when it is inserted or left out; the last one there is: none is known */
static s64 seen_sec; /* up to which seconds have been looked at */
static struct ktimer second_timer;

static s64 realtime_ns(void)
{
	return (s64)port_time_ns() + realtime_offset;
}

/* ------------------------------------------------------------------ second by second */

/* The second that begins; what the clock is to be moved by, in seconds. */
static int leap(s64 sec)
{
	const s64 never = (s64)(~0ULL >> 1);

	switch (state) {
	case TIME_OK:
		if (status & STA_INS) {
			state = TIME_INS;
			leap_sec = sec + SECS_PER_DAY - sec % SECS_PER_DAY;
		} else if (status & STA_DEL) {
			state = TIME_DEL;
			leap_sec = sec + SECS_PER_DAY - (sec + 1) % SECS_PER_DAY;
		}
		break;
	case TIME_INS:
		if (!(status & STA_INS)) {
			leap_sec = never;
			state = TIME_OK;
		} else if (sec == leap_sec) {
			state = TIME_OOP;
			return -1;
		}
		break;
	case TIME_DEL:
		if (!(status & STA_DEL)) {
			leap_sec = never;
			state = TIME_OK;
		} else if (sec == leap_sec) {
			leap_sec = never;
			state = TIME_WAIT;
			return 1;
		}
		break;
	case TIME_OOP:
		leap_sec = never;
		state = TIME_WAIT;
		break;
	case TIME_WAIT:
		if (!(status & (STA_INS | STA_DEL)))
			state = TIME_OK;
		break;
	}
	return 0;
}

static s64 shift_right(s64 v, unsigned int by)
{
	return v < 0 ? -(-v >> by) : v >> by;
}

static void one_second(void)
{
	maxerror += MAX_FREQUENCY / 1000;
	if (maxerror > MAX_ERROR) {
		maxerror = MAX_ERROR;
		status |= STA_UNSYNC;
	}
	offset -= shift_right(offset, 2 + (unsigned int)constant);
	if (adjust > ADJUST_STEP)
		adjust -= ADJUST_STEP;
	else if (adjust < -ADJUST_STEP)
		adjust += ADJUST_STEP;
	else
		adjust = 0;
}

static void catch_up(void)
{
	s64 now = realtime_ns() / NSEC_PER_SEC;

	/* After so many nothing changes any more. */
	if (now - seen_sec > SECS_PER_DAY && state == TIME_OK && !(status & (STA_INS | STA_DEL)))
		seen_sec = now - SECS_PER_DAY;
	while (seen_sec < now) {
		int by = leap(++seen_sec);

		one_second();
		if (by) {
			/* Atomic time does not know of it. */
			tai_offset -= by;
			realtime_set(realtime_offset + by * NSEC_PER_SEC);
			seen_sec += by;
			now += by;
		}
	}
}

static void second_over(struct ktimer *t);

static void wait_for_second(void)
{
	second_timer.fn = second_over;
	if (!second_timer.link.next)
		link_init(&second_timer.link);
	ktimer_cancel(&second_timer);
	if (state != TIME_OK || status & (STA_INS | STA_DEL))
		ktimer_set_date(&second_timer, (u64)((seen_sec + 1) * NSEC_PER_SEC));
}

static void second_over(struct ktimer *t)
{
	catch_up();
	wait_for_second();
}

void ntp_clock_set(void)
{
	catch_up();
	adjust = 0;
	status |= STA_UNSYNC;
	maxerror = esterror = MAX_ERROR;
	offset = 0;
	leap_sec = (s64)(~0ULL >> 1);
}

void ntp_clock_is_set(void)
{
	seen_sec = realtime_ns() / NSEC_PER_SEC;
	wait_for_second();
}

/* ------------------------------------------------------------------ what a program says */

static void set_status(int new)
{
	if (status & STA_PLL && !(new &STA_PLL)) {
		state = TIME_OK;
		status = STA_UNSYNC;
		leap_sec = (s64)(~0ULL >> 1);
	}
	if (!(status & STA_PLL) && new &STA_PLL)
		reference_sec = realtime_ns() / NSEC_PER_SEC;
	status = (status & STA_READ_ONLY) | (new & ~STA_READ_ONLY);
}

/* How much an offset that has stood for so long says about the frequency, in the loop that is locked to it (FLL). */
static s64 frequency_of(s64 phase, s64 secs)
{
	status &= ~STA_MODE;
	if (secs < MIN_FLL_SEC || (!(status & STA_FLL) && secs <= MAX_PLL_SEC))
		return 0;
	status |= STA_MODE;
	return phase * (1LL << 30) / secs;
}

static void set_offset(s64 phase)
{
	s64 now = realtime_ns() / NSEC_PER_SEC, secs = now - reference_sec, change;

	if (!(status & STA_PLL))
		return;
	if (!(status & STA_NANO))
		phase = clamp(phase, -1000000LL, 1000000LL) * 1000;
	phase = clamp(phase, -(s64)MAX_PHASE, (s64)MAX_PHASE);
	if (status & STA_FREQHOLD)
		secs = 0;
	reference_sec = now;
	change = frequency_of(phase, secs);
	secs = min(secs, (s64)(1LL << (3 + constant)));
	change += phase * secs * (1LL << (32 - 2 * (4 + constant)));
	freq = clamp(freq + change, -MAX_FREQ_SCALED, MAX_FREQ_SCALED);
	offset = phase * (1LL << 32) / HZ;
}

static void set_modes(const struct timex *t)
{
	if (t->modes & ADJ_STATUS)
		set_status(t->status);
	if (t->modes & ADJ_NANO)
		status |= STA_NANO;
	if (t->modes & ADJ_MICRO)
		status &= ~STA_NANO;
	if (t->modes & ADJ_FREQUENCY)
		freq = clamp(t->freq * FREQ_SCALE, -MAX_FREQ_SCALED, MAX_FREQ_SCALED);
	if (t->modes & ADJ_MAXERROR)
		maxerror = clamp(t->maxerror, (s64)0, (s64)MAX_ERROR);
	if (t->modes & ADJ_ESTERROR)
		esterror = clamp(t->esterror, (s64)0, (s64)MAX_ERROR);
	if (t->modes & ADJ_TIMECONST) {
		constant = clamp(t->constant, (s64)0, (s64)MAX_CONSTANT);
		if (!(status & STA_NANO))
			constant += 4;
		constant = min(constant, (s64)MAX_CONSTANT);
	}
	if (t->modes & ADJ_TAI && t->constant >= 0 && t->constant <= MAX_TAI)
		tai_offset = (int)t->constant;
	if (t->modes & ADJ_OFFSET)
		set_offset(t->offset);
	if (t->modes & ADJ_TICK)
		tick_usec = t->tick;
}

static long check(const struct timex *t)
{
	const s64 most = (s64)(~0ULL >> 1) / FREQ_SCALE;

	if (t->modes & ADJ_ADJTIME) {
		if (!(t->modes & ADJ_OFFSET))
			return -EINVAL;
		if (!(t->modes & ADJ_OFFSET_READONLY) && !capable(CAP_SYS_TIME))
			return -EPERM;
	} else {
		if (t->modes && !capable(CAP_SYS_TIME))
			return -EPERM;
		/* More than a tenth off is no clock. */
		if (t->modes & ADJ_TICK &&
		    (t->tick < 900000 / USER_HZ || t->tick > 1100000 / USER_HZ))
			return -EINVAL;
	}
	if (t->modes & ADJ_SETOFFSET) {
		if (!capable(CAP_SYS_TIME))
			return -EPERM;
		if (t->time.usec < 0 ||
		    t->time.usec >= (t->modes & ADJ_NANO ? NSEC_PER_SEC : 1000000))
			return -EINVAL;
	}
	return t->modes & ADJ_FREQUENCY && (t->freq > most || t->freq < -most) ? -EINVAL : 0;
}

/* At once. */
static long move_clock(const struct timex *t)
{
	s64 by;

	if (t->time.sec >= DATE_MAX_SEC || t->time.sec <= -DATE_MAX_SEC)
		return -EINVAL;
	by = t->time.sec * NSEC_PER_SEC + t->time.usec * (t->modes & ADJ_NANO ? 1 : 1000);
	/* Not before the machine was started, nor to a date that clock_settime would refuse. */
	if (by < -realtime_offset ||
	    (u64)realtime_ns() + (u64)by >= (u64)DATE_MAX_SEC * NSEC_PER_SEC)
		return -EINVAL;
	ntp_clock_set();
	realtime_set(realtime_offset + by);
	ntp_clock_is_set();
	return 0;
}

static long report(struct timex *t)
{
	s64 now = realtime_ns();

	t->freq = shift_right((freq >> 19) * ((1LL << 51) / FREQ_SCALE + 1), 32);
	t->maxerror = maxerror;
	t->esterror = esterror;
	t->status = status;
	t->constant = constant;
	t->precision = 1;
	t->tolerance = MAX_FREQ_SCALED / FREQ_SCALE;
	t->tick = tick_usec;
	t->tai = tai_offset;
	t->ppsfreq = t->jitter = t->shift = t->stabil = 0;
	t->jitcnt = t->calcnt = t->errcnt = t->stbcnt = 0;
	t->time.sec = now / NSEC_PER_SEC;
	t->time.usec = now % NSEC_PER_SEC / (status & STA_NANO ? 1 : 1000);
	return status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : state;
}

static long do_adjtimex(unsigned long at)
{
	struct timex t;
	long ret;

	if (get_user(t, at))
		return -EFAULT;
	ret = check(&t);
	if (ret)
		return ret;
	catch_up();
	if (t.modes & ADJ_SETOFFSET)
		ret = move_clock(&t);
	if (ret)
		return ret;
	if (t.modes & ADJ_ADJTIME) {
		s64 left = adjust;

		if (!(t.modes & ADJ_OFFSET_READONLY))
			adjust = t.offset;
		t.offset = left;
	} else {
		set_modes(&t);
		t.offset = shift_right(offset * HZ, 32) / (status & STA_NANO ? 1 : 1000);
	}
	wait_for_second();
	ret = report(&t);
	return put_user(t, at) ? -EFAULT : ret;
}

long call_adjtimex(const struct syscall_args *r)
{
	return do_adjtimex(r->a[0]);
}

#define CLOCK_REALTIME 0
#define CLOCK_TAI 11

long call_clock_adjtime(const struct syscall_args *r)
{
	int clock = (int)r->a[0];
	struct timex t;

	if (get_user(t, r->a[1]))
		return -EFAULT;
	if (clock == CLOCK_REALTIME)
		return do_adjtimex(r->a[1]);
	/* Of a device, and there are none; unknown; or a clock that nobody steers. */
	return clock > CLOCK_TAI || clock == 10 || (clock < 0 && (clock & 7) == 3) ? -EINVAL
										   : -EOPNOTSUPP;
}
