/* SPDX-License-Identifier: MIT */
/* The log of the page allocator's tests, to see what was reported, and a clock by which every report is due. */
#ifndef TESTS_PAGE_LOG_H
#define TESTS_PAGE_LOG_H

#include "page_world.h"

static char log_text[16384];
static size_t log_len;

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(log_text + log_len, sizeof(log_text) - log_len,
		      fmt[0] == KERN_SOH[0] ? fmt + 2 : fmt, args);
	va_end(args);
	log_len = min(log_len + (size_t)n, sizeof(log_text) - 1);
	return n;
}

static inline void log_clear(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

static u64 now;
u64 port_clock_ns(void)
{
	return now += 100 * 1000000000ULL;
}

static inline int log_start(void **state)
{
	log_clear();
	return 0;
}

#endif
