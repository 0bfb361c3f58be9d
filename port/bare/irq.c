// SPDX-License-Identifier: MIT
/*
 * Interrupts of the board: the one controller that the tree describes and a driver knows. All that is taken are IPIs and
 * the CPU's timer, so a driver hands nothing on but those; an interrupt that nobody asked for is turned off where it comes from.
 */
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/string.h>
#include <quire/user.h>

#include "bare.h"

static const struct irqchip_driver *const drivers[] = {&gic_v3_driver, &gic_v2_driver,
						       &bcm2836_driver};
static const struct irqchip_driver *irqchip;

#define PSTATE_EL 0xcUL

DEFINE_PER_CPU(bool, irq_from_user);
static DEFINE_PER_CPU(u64, ipi_irqs);

static bool is_compatible(const struct irqchip *chip, const char *const *names)
{
	const char *p, *end = chip->compatible + chip->compatible_len;

	for (; *names; names++)
		for (p = chip->compatible; p < end; p += strnlen(p, (size_t)(end - p)) + 1)
			if (strncmp(p, *names, (size_t)(end - p)) == 0)
				return true;
	return false;
}

int port_irq_init(const struct irqchip *chips, unsigned int nr)
{
	int err = -ENODEV;
	unsigned int i, d;

	for (i = 0; i < nr && !irqchip; i++) {
		for (d = 0; d < ARRAY_SIZE(drivers) && !irqchip; d++) {
			if (!is_compatible(&chips[i], drivers[d]->compatible))
				continue;
			err = drivers[d]->init(&chips[i]);
			if (!err)
				err = drivers[d]->init_cpu();
			if (!err)
				irqchip = drivers[d];
		}
	}
	return irqchip ? 0 : err;
}

int port_irq_init_cpu(void)
{
	return irqchip->init_cpu();
}

void port_send_ipi(unsigned int cpu)
{
	if (irqchip)
		irqchip->send_ipi(cpu);
}

int irq_enable_timer(void)
{
	if (!irqchip)
		return -ENODEV;
	irqchip->enable_timer();
	return 0;
}

void ipi_irq(void)
{
	this_cpu_write(ipi_irqs, this_cpu_read(ipi_irqs) + 1);
	smp_handle_ipi();
}

void port_irq_counts(unsigned int cpu, struct irq_counts *c)
{
	*c = (struct irq_counts){irqchip ? irqchip->name : NULL, timer_intid,
				 READ_ONCE(per_cpu(timer_irqs, cpu)),
				 READ_ONCE(per_cpu(ipi_irqs, cpu))};
}

void irq_handler(struct exception_frame *f)
{
	this_cpu_write(irq_from_user, !(f->pstate & PSTATE_EL));
	if (irqchip)
		irqchip->handle();
	else
		exception_handler(f);
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
