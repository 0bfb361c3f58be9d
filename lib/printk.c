// SPDX-License-Identifier: MIT
/*
 * The kernel log: a buffer of whole lines, each with its level, and the console behind it.
 *
 * Invariants: log_used bytes of log_buf hold complete records "level byte, facility byte with bit 7, text, '\n'", except
 * that the last one may lack its '\n' (an open line, which KERN_CONT continues). Records are numbered from the start on;
 * the first that is there is log_first. When the buffer is full the older half goes, whole lines only. Everything is under
 * log_lock with interrupts off; the console is written while it is held, so that lines of two CPUs do not mix.
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
#define HEAD 2U /* bytes before the text */

int console_loglevel = 7, default_message_loglevel = 4;

/* Not cleared at start: log_used says what is valid. */
static char log_buf[LOG_SIZE] __attribute__((section(".bss.noinit")));
static u32 log_used;
static u64 log_first, log_next; /* numbers of the first record, and of the one after the last */
static bool log_held;		/* the last record is for nobody before another one follows */
static u64 hint_seq; /* a record that was read, and where it stands: the next one is near */
static u32 hint_pos;
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
		log_first += log_buf[i] == '\n';
	memmove(log_buf, log_buf + cut, log_used - cut);
	log_used -= cut;
	hint_pos = hint_seq > log_first ? hint_pos - cut : 0;
	hint_seq = max(hint_seq, log_first);
}

/* Bytes of one record to the buffer and, when the level is shown, to the console. */
static void emit(const char *s, size_t n, bool visible)
{
	make_room(n);
	memcpy(log_buf + log_used, s, n);
	log_used += (u32)n;
	log_next += s[n - 1] == '\n';
	if (visible && console_on)
		port_console_write(s, n);
}

static void emit_head(int level, unsigned int facility)
{
	log_next += log_held;
	log_held = false;
	make_room(HEAD);
	log_buf[log_used++] = (char)level;
	log_buf[log_used++] = (char)(0x80U | facility);
}

static size_t timestamp(char *buf, size_t size)
{
	u64 us = port_clock_ns() / 1000;

	return (size_t)quire_snprintf(buf, size, "[%5lu.%06lu] ", (unsigned long)(us / 1000000),
				      (unsigned long)(us % 1000000));
}

/* One line or part of a line, without its level prefix. */
static void log_piece(const char *s, size_t n, int level, unsigned int facility, bool cont)
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
		emit_head(level, facility);
		emit(stamp, timestamp(stamp, sizeof(stamp)), line_visible);
	}
	emit(s, n, line_visible);
	line_open = s[n - 1] != '\n';
}

int vprintk(const char *fmt, va_list args)
{
	char line[LOG_LINE_MAX];
	int level = default_message_loglevel, n;
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

		log_piece(p, (size_t)(stop - p), level, 0, cont);
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
			char *text = log_buf + pos + HEAD;
			char *nl = memchr(text, '\n', log_used - pos - HEAD);
			size_t n = nl ? (size_t)(nl + 1 - text) : log_used - pos - HEAD;

			if (level < console_loglevel)
				port_console_write(text, n);
			pos += HEAD + (u32)n;
		}
	}
	spin_unlock_irqrestore(&log_lock, flags);
}

/* ------------------------------------------------------------------ for who reads it */

void log_write(int level, unsigned int facility, const char *text, size_t n, bool ended)
{
	unsigned long flags = spin_lock_irqsave(&log_lock);

	if (n)
		log_piece(text, min(n, (size_t)LOG_LINE_MAX), level, facility & LOG_FACILITY_MAX,
			  false);
	log_piece("\n", 1, level, facility & LOG_FACILITY_MAX, n != 0);
	log_held = !ended;
	log_next -= log_held;
	spin_unlock_irqrestore(&log_lock, flags);
}

u64 log_next_seq(void)
{
	return __atomic_load_n(&log_next, __ATOMIC_RELAXED);
}

u64 log_first_seq(void)
{
	return __atomic_load_n(&log_first, __ATOMIC_RELAXED);
}

size_t log_size(void)
{
	return LOG_SIZE;
}

/* The record of that number, between the first and the last, under the lock. */
static u32 find_record(u64 seq)
{
	u64 at = hint_seq;
	u32 pos = hint_pos;

	if (seq < at || at < log_first) {
		at = log_first;
		pos = 0;
	}
	for (; at < seq; at++) {
		const char *nl = memchr(log_buf + pos + HEAD, '\n', log_used - pos - HEAD);

		if (!nl)
			break;
		pos = (u32)(nl + 1 - log_buf);
	}
	hint_seq = at;
	hint_pos = pos;
	return pos;
}

bool log_read(u64 seq, struct log_record *record)
{
	unsigned long flags = spin_lock_irqsave(&log_lock);
	bool found = seq < log_next;

	if (found) {
		const char *nl;
		u32 pos;

		record->seq = max(seq, log_first);
		pos = find_record(record->seq);
		record->level = log_buf[pos];
		record->facility = log_buf[pos + 1] & LOG_FACILITY_MAX;
		nl = memchr(log_buf + pos + HEAD, '\n', log_used - pos - HEAD);
		record->len = nl ? (size_t)(nl - log_buf) - pos - HEAD : 0;
		record->len = min(record->len, sizeof(record->text));
		memcpy(record->text, log_buf + pos + HEAD, record->len);
	}
	spin_unlock_irqrestore(&log_lock, flags);
	return found;
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
