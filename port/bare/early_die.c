// SPDX-License-Identifier: MIT
/*
 * Words from a machine that cannot boot this image: MMU off, no console, perhaps no EL1. The UART is found in the tree
 * (early_fdt.c) and written as firmware left it. Then PSCI SYSTEM_OFF where the tree names a conduit that works from
 * here; otherwise the caller parks the CPU.
 */
#include "early.h"
#include "uart.h"

struct raw {
	struct uart uart;
	bool there;
};

static __early void put_char(struct raw *r, char c)
{
	r->there = r->there && uart_putc(&r->uart, c);
}

static __early void put(struct raw *r, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			put_char(r, '\r');
		put_char(r, *s);
	}
}

static __early void put_hex(struct raw *r, u64 v)
{
	int shift;

	put(r, "0x");
	for (shift = 60; shift >= 0; shift -= 4) {
		unsigned int d = (v >> shift) & 15;

		put_char(r, (char)(d < 10 ? '0' + d : 'a' + d - 10));
	}
}

static __early void open_raw(struct raw *r, const struct early_fdt *t)
{
	struct early_uart u;

	r->there = t->size && early_fdt_uart(t, &u) &&
		   uart_setup(&r->uart, u.compatible, u.base, u.reg_shift, u.io_width);
}

static __early void power_off(const struct early_fdt *t, u64 el)
{
	enum early_psci psci = t->size ? early_fdt_psci(t) : EARLY_PSCI_NONE;
	register u64 fid __asm__("x0") = 0x84000008; /* SYSTEM_OFF */

	if (psci == EARLY_PSCI_HVC && el == 1)
		__asm__ volatile("hvc #0" : "+r"(fid)::"x1", "x2", "x3", "memory");
	else if (psci == EARLY_PSCI_SMC && el <= 2)
		__asm__ volatile("smc #0" : "+r"(fid)::"x1", "x2", "x3", "memory");
}

static __early void open_tree(struct early_fdt *t, u64 fdt)
{
	if (!early_fdt_open(t, fdt))
		t->size = 0;
}

__early void early_die(const char *why, u64 fdt, u64 entry_el)
{
	struct early_fdt t;
	struct raw r;

	open_tree(&t, fdt);
	open_raw(&r, &t);
	put(&r, "Quire: ");
	put(&r, why);
	put(&r, ". Stopped.\n");
	power_off(&t, entry_el);
}

__early void early_secondary_message(u64 mpidr, u64 fdt)
{
	struct early_fdt t;
	struct raw r;

	open_tree(&t, fdt);
	open_raw(&r, &t);
	put(&r, "Quire: CPU ");
	put_hex(&r, mpidr & 0xff00ffffff);
	put(&r, " entered the image while another boots it: it is parked.\n");
}

__early void early_exception_report(u64 esr, u64 image_offset, u64 far, u64 fdt, u64 entry_el)
{
	struct early_fdt t;
	struct raw r;

	open_tree(&t, fdt);
	open_raw(&r, &t);
	put(&r, "Quire: exception before the kernel runs at its own address: ESR_EL1 ");
	put_hex(&r, esr);
	put(&r, ", at image offset ");
	put_hex(&r, image_offset);
	put(&r, ", FAR_EL1 ");
	put_hex(&r, far);
	put(&r, ". Stopped.\n");
	power_off(&t, entry_el);
}
