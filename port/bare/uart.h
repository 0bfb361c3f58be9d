/* SPDX-License-Identifier: MIT */
/*
 * The UARTs that the board port can write to and read from: as firmware left them, polled. Inline and without tables, because
 * the raw writer (early_die.c) uses them before the image is relocated.
 */
#ifndef QUIRE_BARE_UART_H
#define QUIRE_BARE_UART_H

#include <quire/types.h>

/* Ready for a byte when (status & mask) == ready. No address: no UART. */
struct uart {
	u64 data, status; /* addresses of the registers */
	u32 mask, ready;
	unsigned int io_width; /* bytes of an access: 1 or 4 */
	u64 received; /* where a byte that came is read; it has when (status & rx_mask) == rx_ready */
	u32 rx_mask, rx_ready;
};

static __always_inline bool uart_name_is(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static __always_inline void uart_registers(struct uart *u, u64 data, u64 status, u32 mask,
					   u32 ready)
{
	u->data = data;
	u->status = status;
	u->mask = mask;
	u->ready = ready;
}

static __always_inline void uart_receiver(struct uart *u, u64 received, u32 mask, u32 ready)
{
	u->received = received;
	u->rx_mask = mask;
	u->rx_ready = ready;
}

/*
 * u for a device whose compatible string or earlycon name is `name`, with its registers at the address base. reg_shift, io_width
 * 0: the device's default. False for an unknown device or an impossible width.
 */
static __always_inline bool uart_setup(struct uart *u, const char *name, u64 base,
				       unsigned int reg_shift, unsigned int io_width)
{
	u->io_width = 4;
	if (uart_name_is(name, "arm,pl011") || uart_name_is(name, "pl011") ||
	    uart_name_is(name, "arm,sbsa-uart")) {
		uart_registers(u, base, base + 0x18, 1 << 5, 0); /* UARTFR.TXFF */
		uart_receiver(u, base, 1 << 4, 0);		 /* RXFE */
	} else if (uart_name_is(name, "brcm,bcm2835-aux-uart") ||
		   uart_name_is(name, "bcm2835aux")) {
		uart_registers(u, base, base + 0x14, 1 << 5, 1 << 5); /* LSR: room for a byte */
		uart_receiver(u, base, 1, 1);
	} else if (uart_name_is(name, "amlogic,meson-ao-uart") || uart_name_is(name, "meson")) {
		uart_registers(u, base, base + 0xc, 1 << 21, 0); /* STATUS: TX FIFO full */
		uart_receiver(u, base + 4, 1 << 20, 0);		 /* RX FIFO empty */
	} else if (uart_name_is(name, "cdns,uart-r1p12") || uart_name_is(name, "cdns") ||
		   uart_name_is(name, "xlnx,xuartps")) {
		uart_registers(u, base + 0x30, base + 0x2c, 1 << 4, 0); /* SR.TXFULL */
		uart_receiver(u, base + 0x30, 1 << 1, 0);		/* SR.RXEMPTY */
	} else if (uart_name_is(name, "ns16550a") || uart_name_is(name, "ns16550") ||
		   uart_name_is(name, "snps,dw-apb-uart") || uart_name_is(name, "uart8250") ||
		   uart_name_is(name, "uart")) {
		if (reg_shift > 4 || (io_width != 0 && io_width != 1 && io_width != 4))
			return false;
		u->io_width = io_width ? io_width : 1;
		uart_registers(u, base, base + (5UL << reg_shift), 1 << 5, 1 << 5); /* LSR.THRE */
		uart_receiver(u, base, 1, 1);					    /* LSR.DR */
	} else {
		return false;
	}
	return true;
}

/*
 * So many reads of the status and it is no UART, or a dead one: a read takes 100 ns and more, so this is most of a
 * second, and a byte takes 33 ms at 300 baud.
 */
#define UART_PATIENCE (1U << 23)

/* False: it never becomes ready. */
static __always_inline bool uart_wait(const struct uart *u)
{
	u32 left = UART_PATIENCE, status;

	do {
		status = u->io_width == 4 ? *(volatile u32 *)u->status : *(volatile u8 *)u->status;
		if ((status & u->mask) == u->ready)
			return true;
	} while (--left);
	return false;
}

/* False, and the byte is lost, when the UART never becomes ready. */
static __always_inline bool uart_putc(const struct uart *u, char c)
{
	if (!uart_wait(u))
		return false;
	if (u->io_width == 4)
		*(volatile u32 *)u->data = (u8)c;
	else
		*(volatile u8 *)u->data = (u8)c;
	return true;
}

/* A byte that has come, or -1. */
static __always_inline int uart_getc(const struct uart *u)
{
	u32 status = u->io_width == 4 ? *(volatile u32 *)u->status : *(volatile u8 *)u->status;

	if ((status & u->rx_mask) != u->rx_ready)
		return -1;
	return (int)((u->io_width == 4 ? *(volatile u32 *)u->received
				       : *(volatile u8 *)u->received) &
		     0xff);
}

#endif
