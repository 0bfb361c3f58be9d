// SPDX-License-Identifier: MIT
/* Text to wherever a report goes; the first error sticks and the rest is dropped. */
#include <quire/out.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

void out_write(struct out *out, const char *s, size_t n)
{
	if (!out->error && n)
		out->error = out->write(out, s, n);
}

void out_puts(struct out *out, const char *s)
{
	out_write(out, s, strlen(s));
}

void out_printf(struct out *out, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = quire_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* A longer piece would be cut without a word: the caller splits its lines. */
	BUG_ON((size_t)n >= sizeof(text));
	out_write(out, text, (size_t)n);
}

static int console_out_write(struct out *out, const char *s, size_t n)
{
	port_console_write(s, n);
	return 0;
}

struct out console_out = {.write = console_out_write};
