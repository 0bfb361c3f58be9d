/* SPDX-License-Identifier: MIT */
/*
 * Where a report goes: console, file, buffer. Every text in report/ is written to a struct out.
 */
#ifndef QUIRE_OUT_H
#define QUIRE_OUT_H

#include <quire/types.h>

struct out {
	/* Takes n bytes; returns 0 or a negative errno, after which the rest is dropped and `error` is kept. */
	int (*write)(struct out *out, const char *s, size_t n);
	int error;
	bool colour;	      /* ANSI colours are welcome */
	bool unicode;	      /* UTF-8 is welcome: the map is drawn with block characters */
	unsigned int columns; /* width of the terminal, 0: unknown (80) */
	void *ctx;
};

void out_write(struct out *out, const char *s, size_t n);
void out_puts(struct out *out, const char *s);
void out_printf(struct out *out, const char *fmt, ...) __printf(2, 3);

/* The console of the port as an out. */
extern struct out console_out;

#endif
