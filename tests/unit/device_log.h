/* SPDX-License-Identifier: MIT */
/* The log of the tests of memory for devices: what was said since the last look, with addresses where %pa is. */
#ifndef TESTS_DEVICE_LOG_H
#define TESTS_DEVICE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char log_text[4096];

int printk(const char *fmt, ...)
{
	char clean[256], *o = clean;
	va_list args;
	size_t n = strlen(log_text);

	/* %pa wants a pointer: as an address here. */
	for (fmt += fmt[0] == '\001' ? 2 : 0; *fmt && o < clean + 250; fmt++) {
		*o++ = *fmt;
		if (fmt[0] == '%' && fmt[1] == 'p' && fmt[2] == 'a') {
			*o++ = 'p';
			fmt += 2;
		}
	}
	*o = '\0';
	va_start(args, fmt);
	vsnprintf(log_text + n, sizeof(log_text) - n, clean, args);
	va_end(args);
	return 0;
}

static inline bool logged(const char *text)
{
	return strstr(log_text, text) != NULL;
}

static inline void log_clear(void)
{
	log_text[0] = '\0';
}

/* The same, and the log is empty afterwards. */
static inline bool said(const char *text)
{
	bool yes = logged(text);

	log_clear();
	return yes;
}

#endif
