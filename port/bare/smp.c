// SPDX-License-Identifier: MIT
/*
 * CPUs of the board: one.
 */
#include "bare.h"

int port_irq_init(const struct irqchip *chips, unsigned int nr)
{
	return -ENODEV;
}

int port_irq_init_cpu(void)
{
	return -ENODEV;
}

int port_cpu_start(unsigned int cpu, u64 hwid, const char *enable_method, phys_addr_t release_addr,
		   unsigned long percpu_offset)
{
	return -ENODEV;
}

void port_send_ipi(unsigned int cpu)
{
}

void port_cpu_idle(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

void port_cpu_stop(void)
{
	__asm__ volatile("msr daifset, #0xf" ::: "memory");
	for (;;)
		__asm__ volatile("wfi");
}

bool port_membarrier(void)
{
	return false;
}

u64 port_time_ns(void)
{
	return port_clock_ns();
}
