// SPDX-License-Identifier: MIT
/*
 * The console as a terminal. /dev/console, /dev/ttyAMA0 and, for whom it controls, /dev/tty are it.
 *
 * Bytes come from the port when somebody looks: a timer, once a program has looked for input. Locking: kernel_lock.
 */
#include "signal.h"
#include "timer.h"
#include "tty.h"

/* An echo is seen as immediate, and a UART's FIFO of 16 bytes takes 14 ms to fill at 11,520 bytes a second. */
#define POLL_NS 10000000ULL

static void console_put(struct tty *tty, const char *s, size_t n)
{
	(void)tty;
	port_console_put(s, n);
}

static size_t console_room(const struct tty *tty)
{
	(void)tty;
	return SZ_4K;
}

static void look(struct ktimer *timer)
{
	char bytes[64];
	size_t n;

	while ((n = port_console_read(bytes, sizeof(bytes))))
		for (size_t i = 0; i < n; i++)
			tty_receive(&console_tty, (u8)bytes[i]);
	ktimer_set(timer, port_time_ns() + POLL_NS);
}

static void console_look(struct tty *tty)
{
	static struct ktimer timer;

	(void)tty;
	if (timer.fn)
		return;
	link_init(&timer.link);
	timer.fn = look;
	look(&timer);
}

static const struct tty_driver driver = {
	.put = console_put, .room = console_room, .look = console_look};

struct tty console_tty;

void tty_console_init(void)
{
	tty_init(&console_tty, &driver, MKDEV(204, 64));
	console_tty.t.cflag = 0x4bf; /* B38400 CS8 CREAD HUPCL */
}
