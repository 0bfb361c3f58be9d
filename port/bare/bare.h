/* SPDX-License-Identifier: MIT */
/* What the files of the board port share once the kernel runs at its own address. */
#ifndef QUIRE_BARE_H
#define QUIRE_BARE_H

#include <quire/port.h>

#include "early.h"

/* Physical address of a symbol of the image. */
static inline phys_addr_t image_pa(const void *sym)
{
	return (unsigned long)sym - boot_params.image.kva + boot_params.image.phys;
}

/* What exception entry stores (vectors.S); the offsets are in asm.h. */
struct exception_frame {
	u64 x[31];
	u64 sp, pc, pstate;
	u64 esr, far;
	u64 kind; /* index of the vector: group of four (SP_EL0, SP_ELx, AArch64, AArch32), sync IRQ FIQ SError */
	u64 unused;
	u64 chain[2]; /* frame record for the backtrace: interrupted x29, pc */
};

u64 exception_handler(struct exception_frame *f);
void exception_hopeless(void) __noreturn;
int expect_call(int (*op)(void *arg), void *arg, u64 *saved_sp);

/* Print the chain of frame records that starts at fp. exact: the first holds an interrupted pc, not a return address. */
void backtrace_from(unsigned long fp, bool exact);

/* Install the identity map in TTBR0_EL1, or the empty one. */
void idmap_install(void);
void idmap_uninstall(void);

/* semihosting.c: is there a host that answers? Asked by trying, with the fault expected. */
bool semihosting_present(void);
bool semihosting_enabled(void);
void semihosting_exit(int code);
void semihosting_write0(const char *s, size_t n);

void port_start(u64 phys, u64 fdt, u64 x1, u64 x2, u64 x3, u64 entry_el) __noreturn;

#endif
