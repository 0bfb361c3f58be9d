// SPDX-License-Identifier: MIT
/*
 * The four CPUs' own interrupt controller of Raspberry Pi 2 and 3 (Broadcom QA7): mailbox 0 of each CPU is its IPI. The
 * interrupts of the rest of the chip come by another controller, which is left as it is and not let through.
 */
#include <quire/boot.h>
#include <quire/io.h>
#include <quire/smp.h>

#include "bare.h"
#include "mmio.h"

#define QA7_TIMER_CONTROL(core) (0x40 + 4 * (core))
#define QA7_MAILBOX_CONTROL(core) (0x50 + 4 * (core))
#define QA7_MAILBOX_SET(core) (0x80 + 16 * (core))
#define QA7_MAILBOX_CLEAR(core) (0xc0 + 16 * (core))
#define QA7_IRQ_SOURCE(core) (0x60 + 4 * (core))
#define QA7_VIRTUAL_TIMER (1U << 3) /* in TIMER_CONTROL and IRQ_SOURCE */
#define QA7_SIZE 0x100
#define QA7_CORES 4

static char *qa7;

static unsigned int core_of(unsigned int cpu)
{
	return (unsigned int)(cpu_descs[cpu].hwid & 0xff);
}

static int bcm2836_init(const struct irqchip *chip)
{
	if (!chip->nr_regs)
		return -ENODEV;
	qa7 = ioremap(chip->reg[0].base, QA7_SIZE);
	return qa7 ? 0 : -ENOMEM;
}

static int bcm2836_init_cpu(void)
{
	unsigned int core = core_of(port_cpu());

	if (core >= QA7_CORES)
		return -ENODEV;
	mmio_write32(qa7 + QA7_TIMER_CONTROL(core), 0);
	mmio_write32(qa7 + QA7_MAILBOX_CLEAR(core), ~0U);
	mmio_write32(qa7 + QA7_MAILBOX_CONTROL(core), 1);
	return 0;
}

static void bcm2836_send_ipi(unsigned int cpu)
{
	mmio_publish();
	mmio_write32(qa7 + QA7_MAILBOX_SET(core_of(cpu)), 1);
}

static void bcm2836_enable_timer(void)
{
	mmio_write32(qa7 + QA7_TIMER_CONTROL(core_of(port_cpu())), QA7_VIRTUAL_TIMER);
}

static void bcm2836_handle(void)
{
	char *mailbox = qa7 + QA7_MAILBOX_CLEAR(core_of(port_cpu()));
	u32 set = mmio_read32(mailbox);

	if (mmio_read32(qa7 + QA7_IRQ_SOURCE(core_of(port_cpu()))) & QA7_VIRTUAL_TIMER)
		timer_irq();
	if (!set)
		return;
	/* Cleared before the calls are looked for: one that comes now interrupts again. */
	mmio_write32(mailbox, set);
	__asm__ volatile("dsb sy" ::: "memory");
	ipi_irq();
}

static const char *const names[] = {"brcm,bcm2836-l1-intc", NULL};

const struct irqchip_driver bcm2836_driver = {
	.name = "bcm2836-timer",
	.compatible = names,
	.init = bcm2836_init,
	.init_cpu = bcm2836_init_cpu,
	.send_ipi = bcm2836_send_ipi,
	.handle = bcm2836_handle,
	.enable_timer = bcm2836_enable_timer,
};
