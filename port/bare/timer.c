// SPDX-License-Identifier: MIT
/*
 * The CPU's own timer: the virtual one (Arm ARM D12), which EL1 has on every machine, whatever a hypervisor keeps. Its interrupt is the
 * private one that the tree gives it; on the Raspberry Pi's first controller it has a line of its own.
 *
 * One shot: it interrupts once, and is off until it is set again. Locking: none, each CPU has its own.
 */
#include <quire/user.h>

#include "bare.h"

#define CNTV_ENABLE 1UL

static u64 frequency;
unsigned int timer_intid;
DEFINE_PER_CPU(u64, timer_irqs);

int port_timer_init(unsigned int interrupt)
{
	WRITE_ONCE(timer_intid, interrupt);
	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
	__asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb" ::: "memory");
	if (!frequency)
		return -ENODEV;
	return irq_enable_timer();
}

void port_timer_set(u64 at)
{
	/* Rounded up: when it comes, the time has come. */
	u64 count = at / 1000000000 * frequency +
		    (at % 1000000000 * frequency + 999999999) / 1000000000;

	if (at == ~0ULL)
		__asm__ volatile("msr cntv_ctl_el0, xzr" ::: "memory");
	else
		__asm__ volatile("msr cntv_cval_el0, %0\n\tmsr cntv_ctl_el0, %1" ::"r"(count),
				 "r"(CNTV_ENABLE)
				 : "memory");
	/* Whoever waits for the interrupt has it set. */
	__asm__ volatile("isb" ::: "memory");
}

void timer_irq(void)
{
	/* The line falls before the controller looks at it again. */
	__asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb" ::: "memory");
	this_cpu_write(timer_irqs, this_cpu_read(timer_irqs) + 1);
	timer_interrupt(this_cpu_read(irq_from_user));
}
