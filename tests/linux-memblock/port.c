/* SPDX-License-Identifier: MIT */
/*
 * The machine under Linux's memblock tests: physical addresses are pointers, the log is stdout, events go nowhere.
 * LINUX_MEMBLOCK_DEBUG in the environment turns on memblock=debug, as MEMBLOCK_DEBUG=1 does in Linux's build.
 */
#include <linux/memblock.h>

#include <quire/event.h>

s64 physvirt_offset;
struct event_log event_log;

void event_record(const struct event *e)
{
	(void)e;
}

/* Only that something was said matters here: the formats have kernel extensions that libc does not know. */
int printk(const char *fmt, ...)
{
	const char *text = fmt[0] == KERN_SOH[0] ? fmt + 2 : fmt;

	return fputs(text, stdout);
}

int quire_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	abort();
}

static void __attribute__((constructor)) debug_from_environment(void)
{
	const char *debug = getenv("LINUX_MEMBLOCK_DEBUG");

	if (debug && *debug)
		memblock_set_debug(true);
}

/* Every test leaves memblock as its check wants it, whatever it did to the arrays. */
static void __attribute__((destructor)) check_at_end(void)
{
	if (memblock_check())
		abort();
}
