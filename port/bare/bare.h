/* SPDX-License-Identifier: MIT */
/* What the files of the board port share once the kernel runs at its own address. */
#ifndef QUIRE_BARE_H
#define QUIRE_BARE_H

#include <quire/percpu.h>
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

/* A CPU's stacks; vectors.S finds the first by the CPU's number. */
struct cpu_stacks {
	char *exception_top; /* EXCEPTION_STACK_SIZE below it */
	char *kernel;	     /* KERNEL_STACK_SIZE from it on; nothing is mapped below */
};
extern struct cpu_stacks cpu_stacks[NR_CPUS];

u64 exception_handler(struct exception_frame *f);
/* irq.c, called by vectors.S with interrupts off. */
void irq_handler(struct exception_frame *f);
void exception_hopeless(void) __noreturn;
int expect_call(int (*op)(void *arg), void *arg, u64 *saved_sp);

/* Print the chain of frame records that starts at fp. exact: the first holds an interrupted pc, not a return address. */
void backtrace_from(unsigned long fp, bool exact);

/* Install the identity map in TTBR0_EL1, or the empty one. */
void idmap_install(void);
void idmap_uninstall(void);

/* psci.c: call firmware. The conduit is found in the raw tree when nothing has named it. -EIO: there is none. */
#define PSCI_SYSTEM_OFF 0x84000008UL
#define PSCI_CPU_ON 0xc4000003UL
int psci_call(u64 function, u64 a1, u64 a2, u64 a3, s64 *result);
u64 psci_cpu_on_function(void);

/*
 * What an interrupt controller's driver offers (irq.c). name: as Linux has it in /proc/interrupts. init: on the boot CPU, 0 when the
 * device is this driver's and runs; init_cpu: on every CPU, this one included. handle: acknowledge what is pending, and call ipi_irq() for an IPI,
 * timer_irq() for the timer. enable_timer: let this CPU's timer interrupt it.
 */
struct irqchip_driver {
	const char *name;
	const char *const *compatible; /* ends with NULL */
	int (*init)(const struct irqchip *chip);
	int (*init_cpu)(void);
	void (*send_ipi)(unsigned int cpu);
	void (*handle)(void);
	void (*enable_timer)(void);
};
extern const struct irqchip_driver gic_v2_driver, gic_v3_driver, bcm2836_driver;

/* timer.c. The interrupt of the virtual timer, a private one of a GIC: written before any CPU turns it on. */
extern unsigned int timer_intid;
void timer_irq(void);
/* irq.c: what this CPU's interrupt has interrupted. */
DECLARE_PER_CPU(bool, irq_from_user);
/* irq.c: another CPU has called. */
void ipi_irq(void);
/* timer.c: how often it has interrupted each CPU. */
DECLARE_PER_CPU(u64, timer_irqs);
/* irq.c. -ENODEV: there is no controller. */
int irq_enable_timer(void);

/* head.S: where a secondary begins, by its physical address. */
void secondary_entry(void);
void secondary_start(void) __noreturn;

/* semihosting.c: is there a host that answers? Asked by trying, with the fault expected. */
bool semihosting_present(void);
bool semihosting_enabled(void);
void semihosting_exit(int code);
void semihosting_write0(const char *s, size_t n);

void port_start(u64 phys, u64 fdt, u64 x1, u64 x2, u64 x3, u64 entry_el) __noreturn;

#endif
