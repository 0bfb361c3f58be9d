/* SPDX-License-Identifier: MIT */
/*
 * The kernel log and formatted output (lib/vsprintf.c, lib/printk.c).
 *
 * Levels are Linux's. A line is "[    0.000000] text"; a message goes to the console when its
 * level is below console_loglevel (7 by default; `quiet` sets 4, `loglevel=N`, `debug` 10) and
 * always into the log buffer, from which a console that starts later is filled.
 *
 * The formats are C's (d i u x X o c s p %, h hh l ll z, width, precision, flags - 0 + # space; %#x of 0 is 0x0, as in Linux)
 * and two of Linux's: %pS symbol+offset/size of an address passed as void *, %pa the value of a
 * phys_addr_t passed by pointer, as 0x%016llx.
 */
#ifndef QUIRE_PRINTK_H
#define QUIRE_PRINTK_H

#include <quire/types.h>

#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"
/* Continue the line that is open. */
#define KERN_CONT KERN_SOH "c"

extern int console_loglevel;
/* Of a message that says none. */
extern int default_message_loglevel;

/* A line of the log, as it is kept. */
struct log_record {
	u64 seq; /* counts from the start */
	int level;
	unsigned int facility; /* syslog's: 0 the kernel's */
	size_t len;
	char text[1100]; /* len bytes of "[    0.000000] text", no line's end */
};
#define LOG_FACILITY_MAX 0x7fU

/* The record of that number, or the first that still is there after it. False: there is none yet. Any context but the log's own. */
bool log_read(u64 seq, struct log_record *record);
/* Numbers of the first record that is there, and of the one that comes next. */
u64 log_first_seq(void);
u64 log_next_seq(void);
/* Bytes that the log keeps at the most. */
size_t log_size(void);
/* A line of somebody else's than the kernel's: n bytes, without its end. One that has not `ended` is read when another follows, as in Linux. */
void log_write(int level, unsigned int facility, const char *text, size_t n, bool ended);

int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list args);
/* C's snprintf: returns the length that the whole text has, always terminates if size > 0. */
int quire_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int quire_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);

/*
 * Attach the console: print what the log holds so far and everything after it. Called once by
 * the port-independent boot when stdout-path or earlycon names a device, or by the host at once.
 */
void console_start(void);
/* True while lines are passed to the console. */
bool console_active(void);

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)

/* A lock that this CPU waits for has not changed hands for too long: say so. Nothing is said of the log's own. */
void printk_lock_stuck(const void *lock, u64 seconds);

/* The log's lock may be held by the code that failed: free it, before the last words are printed. */
void printk_break_lock(void);

/*
 * Stop: print "Kernel panic - not syncing: ...", a backtrace, and power off with exit code 1.
 * For input that leaves nothing to go on with, and for broken invariants (BUG_ON).
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

#define BUG() panic("BUG at %s:%d in %s()", __FILE__, __LINE__, __func__)
#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(cond))                                                                \
			panic("BUG: %s at %s:%d in %s()", #cond, __FILE__, __LINE__, __func__);    \
	} while (0)
/* Report a condition that should not be, and go on. Returns the condition. */
#define WARN_ON(cond)                                                                              \
	({                                                                                         \
		bool _w = !!(cond);                                                                \
		if (unlikely(_w))                                                                  \
			pr_warn("WARNING: %s at %s:%d in %s()\n", #cond, __FILE__, __LINE__,       \
				__func__);                                                         \
		_w;                                                                                \
	})
#define WARN_ON_ONCE(cond)                                                                         \
	({                                                                                         \
		static bool _once;                                                                 \
		bool _c = !!(cond);                                                                \
		if (unlikely(_c && !_once)) {                                                      \
			_once = true;                                                              \
			WARN_ON(true);                                                             \
		}                                                                                  \
		_c;                                                                                \
	})

#endif
