/* SPDX-License-Identifier: MIT */
/*
 * The UARTs that the board port can write to: as firmware left them, polled, transmit only. Inline and without tables, because
 * the raw writer (early_die.c) uses them before the image is relocated.
 */
#ifndef QUIRE_BARE_UART_H
#define QUIRE_BARE_UART_H

#include <quire/types.h>

enum uart_kind { UART_NONE, UART_PL011, UART_8250 };

struct uart {
	enum uart_kind kind;
	unsigned int io_width; /* bytes of an access, 8250 only */
	u64 data, status;      /* addresses of the registers */
};

static __always_inline bool uart_name_is(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/*
 * u for a device whose compatible string or earlycon name is `name`, with its registers at the address base. reg_shift, io_width
 * 0: the device's default. False for an unknown device or an impossible width.
 */
static __always_inline bool uart_setup(struct uart *u, const char *name, u64 base,
				       unsigned int reg_shift, unsigned int io_width)
{
	u->kind = UART_NONE;
	u->io_width = 4;
	u->data = base;
	if (uart_name_is(name, "arm,pl011") || uart_name_is(name, "pl011") ||
	    uart_name_is(name, "arm,sbsa-uart") || uart_name_is(name, "arm,primecell")) {
		u->kind = UART_PL011;
		u->status = base + 0x18; /* UARTFR */
		return true;
	}
	if (uart_name_is(name, "brcm,bcm2835-aux-uart") || uart_name_is(name, "bcm2835aux")) {
		u->kind = UART_8250;
		u->status = base + (5 << 2); /* word registers */
		return true;
	}
	if (uart_name_is(name, "ns16550a") || uart_name_is(name, "ns16550") ||
	    uart_name_is(name, "snps,dw-apb-uart") || uart_name_is(name, "uart8250") ||
	    uart_name_is(name, "uart") || uart_name_is(name, "8250")) {
		if (reg_shift > 4 || (io_width != 0 && io_width != 1 && io_width != 4))
			return false;
		u->kind = UART_8250;
		u->io_width = io_width ? io_width : 1;
		u->status = base + (5UL << reg_shift);
		return true;
	}
	return false;
}

static __always_inline void uart_putc(const struct uart *u, char c)
{
	if (u->kind == UART_PL011) {
		while (*(volatile u32 *)u->status & 0x20) /* TXFF */
			;
		*(volatile u32 *)u->data = (u8)c;
	} else if (u->io_width == 4) {
		while (!(*(volatile u32 *)u->status & 0x20)) /* THRE */
			;
		*(volatile u32 *)u->data = (u8)c;
	} else {
		while (!(*(volatile u8 *)u->status & 0x20))
			;
		*(volatile u8 *)u->data = (u8)c;
	}
}

#endif
