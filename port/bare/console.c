// SPDX-License-Identifier: MIT
/*
 * The console: one of the UARTs of uart.h, mapped by the fixmap; or, for a boot that ends before it has one, the UART
 * that the raw tree names (mapped through the identity map) or the semihosting host.
 */
#include <quire/pgtable.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "bare.h"
#include "uart.h"

static struct uart console;
static bool console_semihosting;
static bool looked; /* for the last resort, which is tried once */

struct uart_wait_arg {
	const struct uart *uart;
	bool ready;
};

static int wait_op(void *p)
{
	struct uart_wait_arg *arg = p;

	arg->ready = uart_wait(arg->uart);
	return 0;
}

/* Does it become ready? Where there is no device, reading its status faults. */
static bool uart_answers(const struct uart *u)
{
	struct uart_wait_arg arg = {.uart = u};
	u64 esr, far;

	return !port_expect_fault(wait_op, &arg, &esr, &far) && arg.ready;
}

int port_console_init(const char *compatible, phys_addr_t base, unsigned int reg_shift,
		      unsigned int io_width)
{
	unsigned long va = fix_to_virt(FIX_EARLYCON) + (base & ~PAGE_MASK);
	struct uart u;
	int err = 0;

	if (!uart_setup(&u, compatible, va, reg_shift, io_width))
		return -ENODEV;
	set_fixmap(FIX_EARLYCON, base & PAGE_MASK, PROT_DEVICE_nGnRE);
	if (port_at_s1e1(u.data, true) & 1)
		err = -ENOMEM;
	else if (!uart_answers(&u))
		err = -ENODEV;
	if (err)
		set_fixmap(FIX_EARLYCON, 0, __pgprot(0));
	else
		console = u;
	return err;
}

/* The UART of the raw tree, in the identity map's spare pages. False when there is none. */
static bool raw_uart(void)
{
	struct early_pool pool = {
		.next = image_pa(early_uncached_end) - IDMAP_SPARE_PAGES * PAGE_SIZE,
		.end = image_pa(early_uncached_end),
		.offset = boot_params.image.kva - boot_params.image.phys,
	};
	struct early_uart found;
	struct early_fdt t;
	struct uart u;
	u64 page;

	if (boot_params.fdt_phys >= BIT(48) - SZ_4M || !early_fdt_open(&t, boot_params.fdt_phys) ||
	    !early_fdt_uart(&t, &found) || found.base >= BIT(48) ||
	    !uart_setup(&u, found.compatible, found.base, found.reg_shift, found.io_width))
		return false;
	page = ALIGN_DOWN(found.base, PAGE_SIZE);
	if (early_map_range(&pool, image_pa(idmap_pg_dir), page, page, PAGE_SIZE,
			    EARLY_PROT_DEVICE))
		return false;
	port_pte_barrier();
	if (!uart_wait(&u))
		return false;
	console = u;
	return true;
}

static int raw_uart_op(void *arg)
{
	*(bool *)arg = raw_uart();
	return 0;
}

static void last_resort(void)
{
	bool found = false;
	u64 esr, far;

	idmap_install();
	/* The tree may be what is broken: a fault in reading it must not hide the message. */
	if (!port_expect_fault(raw_uart_op, &found, &esr, &far) && found)
		return; /* the identity map stays: the UART is there */
	idmap_uninstall();
	console_semihosting = semihosting_present();
}

static void write_bytes(const char *s, size_t n, bool lines)
{
	struct uart u;

	/* Words before there is a console are those of a boot that fails. */
	if (unlikely(!console.data && !looked)) {
		looked = true;
		last_resort();
	}
	u = console; /* a copy that the loop can keep in registers */

	if (u.data) {
		for (; n; n--, s++) {
			if ((lines && *s == '\n' && !uart_putc(&u, '\r')) || !uart_putc(&u, *s)) {
				/* It died: the boot goes on without it. */
				console.data = 0;
				looked = true;
				return;
			}
		}
	} else if (console_semihosting) {
		semihosting_write0(s, n);
	}
}

void port_console_write(const char *s, size_t n)
{
	write_bytes(s, n, true);
}

void port_console_put(const char *s, size_t n)
{
	write_bytes(s, n, false);
}

size_t port_console_read(char *s, size_t n)
{
	size_t done = 0;
	int c;

	while (console.data && done < n && (c = uart_getc(&console)) >= 0)
		s[done++] = (char)c;
	return done;
}
