// SPDX-License-Identifier: MIT
/*
 * The kernel log: a buffer of whole lines, each with its level, and the console behind it.
 *
 * Invariants: log_used bytes of log_buf hold complete records "level byte, text, '\n'", except that the last one may
 * lack its '\n' (an open line, which KERN_CONT continues). When the buffer is full the older half goes, whole lines
 * only. Everything is under log_lock with interrupts off; the console is written while it is held, so that lines of
 * two CPUs do not mix.
 *
 * Unlike Linux's ring of descriptors this keeps finished text: a record is formatted once, and a console that starts
 * later prints the buffer as it is.
 */
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#define LOG_SIZE (128 * 1024)
#define LOG_LINE_MAX 1024
#define DEFAULT_LEVEL 4

int console_loglevel = 7;

/* Not cleared at start: log_used says what is valid. */
static char log_buf[LOG_SIZE] __attribute__((section(".bss.noinit")));
static u32 log_used;
static u32 log_lines_dropped;
static bool line_open;	      /* the last record has no '\n' yet */
static bool line_visible;     /* ... and its level is shown */
static unsigned int line_cpu; /* ... and this CPU's it is */
static bool console_on;
static spinlock_t log_lock = SPINLOCK_INIT;

bool console_active(void)
{
	return console_on;
}

/* Room for n more bytes: the older half of the lines goes when the buffer is full. */
static void make_room(size_t n)
{
	u32 cut;

	if (log_used + n <= LOG_SIZE)
		return;
	for (cut = LOG_SIZE / 2; cut < log_used && log_buf[cut - 1] != '\n'; cut++)
		;
	for (u32 i = 0; i < cut; i++)
		log_lines_dropped += log_buf[i] == '\n';
	memmove(log_buf, log_buf + cut, log_used - cut);
	log_used -= cut;
}

/* Bytes of one record to the buffer and, when the level is shown, to the console. */
static void emit(const char *s, size_t n, bool visible)
{
	make_room(n);
	memcpy(log_buf + log_used, s, n);
	log_used += (u32)n;
	if (visible && console_on)
		port_console_write(s, n);
}

static void emit_level(int level)
{
	make_room(1);
	log_buf[log_used++] = (char)level;
}

static size_t timestamp(char *buf, size_t size)
{
	u64 us = port_clock_ns() / 1000;

	return (size_t)quire_snprintf(buf, size, "[%5lu.%06lu] ", (unsigned long)(us / 1000000),
				      (unsigned long)(us % 1000000));
}

/* One line or part of a line, without its level prefix. */
static void log_piece(const char *s, size_t n, int level, bool cont)
{
	char stamp[24];

	if (!n)
		return;
	if (line_open && (!cont || line_cpu != port_cpu())) {
		emit("\n", 1, line_visible);
		line_open = false;
	}
	if (!line_open) {
		line_cpu = port_cpu();
		line_visible = level < console_loglevel;
		emit_level(level);
		emit(stamp, timestamp(stamp, sizeof(stamp)), line_visible);
	}
	emit(s, n, line_visible);
	line_open = s[n - 1] != '\n';
}

int vprintk(const char *fmt, va_list args)
{
	char line[LOG_LINE_MAX];
	int level = DEFAULT_LEVEL, n;
	bool cont = false;
	unsigned long flags;
	char *p, *end;

	if (fmt[0] == KERN_SOH[0] && fmt[1]) {
		cont = fmt[1] == 'c';
		if (fmt[1] >= '0' && fmt[1] <= '7')
			level = fmt[1] - '0';
		fmt += 2;
	}
	n = quire_vsnprintf(line, sizeof(line), fmt, args);
	if ((size_t)n >= sizeof(line)) {
		/* Too long for one line: what fits, ended properly. */
		memcpy(line + sizeof(line) - 5, "...\n", 5);
		end = line + sizeof(line) - 1;
	} else {
		end = line + n;
	}

	if (unlikely(smp_ended_elsewhere()))
		port_cpu_stop();
	flags = spin_lock_irqsave(&log_lock);
	for (p = line; p < end;) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		char *stop = nl ? nl + 1 : end;

		log_piece(p, (size_t)(stop - p), level, cont);
		p = stop;
		cont = line_open;
	}
	spin_unlock_irqrestore(&log_lock, flags);
	return n;
}

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

void console_start(void)
{
	unsigned long flags = spin_lock_irqsave(&log_lock);
	u32 pos = 0;

	if (!console_on) {
		console_on = true;
		while (pos < log_used) {
			int level = log_buf[pos];
			char *text = log_buf + pos + 1;
			char *nl = memchr(text, '\n', log_used - pos - 1);
			size_t n = nl ? (size_t)(nl + 1 - text) : log_used - pos - 1;

			if (level < console_loglevel)
				port_console_write(text, n);
			pos += 1 + (u32)n;
		}
	}
	spin_unlock_irqrestore(&log_lock, flags);
}

void printk_break_lock(void)
{
	log_lock.word = 0;
}

void printk_lock_stuck(const void *lock, u64 seconds)
{
	if (lock == &log_lock)
		return;
	pr_emerg("BUG: spinlock %pS, which CPU%u waits for, is held for %llu s\n", lock, port_cpu(),
		 (unsigned long long)seconds);
}

void panic(const char *fmt, ...)
{
	static bool panicking;
	unsigned int running;
	char text[512];
	va_list args;

	if (!smp_claim_end())
		port_cpu_stop();

	va_start(args, fmt);
	quire_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (panicking)
		port_poweroff(1);
	panicking = true;
	running = smp_stop_others();
	console_loglevel = max(console_loglevel, 5);
	printk_break_lock();
	console_start();
	pr_emerg("Kernel panic - not syncing: %s\n", text);
	if (running)
		pr_crit("SMP: failed to stop %u secondary CPUs\n", running);
	port_backtrace();
	pr_emerg("---[ end Kernel panic - not syncing: %s ]---\n", text);
	port_poweroff(1);
}
