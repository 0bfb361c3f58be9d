// SPDX-License-Identifier: MIT
/*
 * GICv1 and GICv2 (Arm IHI 0048): as much as software-generated interrupts and the timer need. All others are turned off: there is no
 * driver that would ask for one.
 *
 * Each CPU interface has a bit, which SGIs are sent by; it is read from the registers that a CPU sees of its own. Locking: what
 * is written after the start is written once, by the CPU that it is of.
 */
#include <quire/io.h>
#include <quire/printk.h>
#include <quire/smp.h>

#include "bare.h"
#include "mmio.h"

#define GICD_CTLR 0x000
#define GICD_TYPER 0x004
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_ICACTIVER 0x380
#define GICD_IPRIORITYR 0x400
#define GICD_ITARGETSR 0x800
#define GICD_SGIR 0xf00
#define GICD_SIZE 0x1000

#define GICC_CTLR 0x00
#define GICC_PMR 0x04
#define GICC_IAR 0x0c
#define GICC_EOIR 0x10
#define GICC_SIZE 0x100

#define SGI_IPI 0
#define ALL_SGIS 0x0000ffffU
#define ALL_PPIS 0xffff0000U
#define PRIORITY 0xa0a0a0a0U
#define PRIORITY_MASK 0xf0
#define SPURIOUS 1020 /* and above */

static char *dist, *cpu_interface;
static u8 target_of[NR_CPUS]; /* the CPU's bit, 0: not known */

static int gic_init(const struct irqchip *chip)
{
	unsigned int lines, i;

	if (chip->nr_regs < 2)
		return -ENODEV;
	dist = ioremap(chip->reg[0].base, GICD_SIZE);
	cpu_interface = ioremap(chip->reg[1].base, GICC_SIZE);
	if (!dist || !cpu_interface)
		return -ENOMEM;
	mmio_write32(dist + GICD_CTLR, 0);
	lines = ((mmio_read32(dist + GICD_TYPER) & 0x1f) + 1) * 32;
	for (i = 32; i < lines; i += 32) {
		mmio_write32(dist + GICD_ICENABLER + i / 8, ~0U);
		mmio_write32(dist + GICD_ICACTIVER + i / 8, ~0U);
	}
	mmio_write32(dist + GICD_CTLR, 1);
	return 0;
}

/* The CPU's own bit, as the target of what is private to it; one CPU alone need not have any. */
static u8 own_target(void)
{
	unsigned int i;
	u32 targets = 0;

	for (i = 0; i < 32 && !targets; i += 4)
		targets = mmio_read32(dist + GICD_ITARGETSR + i);
	targets |= targets >> 16;
	targets |= targets >> 8;
	return (u8)targets;
}

static int gic_init_cpu(void)
{
	unsigned int i;

	target_of[port_cpu()] = own_target();
	/* Nobody sends to a CPU that is alone. */
	if (!target_of[port_cpu()] && nr_cpus_possible > 1)
		return -EIO;
	mmio_write32(dist + GICD_ICENABLER, ALL_PPIS);
	mmio_write32(dist + GICD_ICACTIVER, ~0U);
	for (i = 0; i < 32; i += 4)
		mmio_write32(dist + GICD_IPRIORITYR + i, PRIORITY);
	mmio_write32(dist + GICD_ISENABLER, ALL_SGIS);
	mmio_write32(cpu_interface + GICC_PMR, PRIORITY_MASK);
	/* Bits that say what bypasses the interface stay as they are. */
	mmio_write32(cpu_interface + GICC_CTLR,
		     (mmio_read32(cpu_interface + GICC_CTLR) & 0x1e0) | 1);
	return 0;
}

static void gic_send_ipi(unsigned int cpu)
{
	mmio_publish();
	mmio_write32(dist + GICD_SGIR, (u32)target_of[cpu] << 16 | SGI_IPI);
}

static void gic_enable_timer(void)
{
	mmio_write32(dist + GICD_ISENABLER, 1U << timer_intid);
}

static void gic_handle(void)
{
	for (;;) {
		u32 iar = mmio_read32(cpu_interface + GICC_IAR), id = iar & 0x3ff;

		if (id >= SPURIOUS)
			return;
		/* First: an SGI that comes while the handler runs is a new one. The sender's number goes back with it. */
		mmio_write32(cpu_interface + GICC_EOIR, iar);
		if (id == SGI_IPI) {
			ipi_irq();
		} else if (id == timer_intid) {
			timer_irq();
		} else if (id >= 16) {
			mmio_write32(dist + GICD_ICENABLER + id / 32 * 4, 1U << id % 32);
			pr_warn("GIC: interrupt %u is nobody's, turned off\n", id);
		}
	}
}

static const char *const names[] = {"arm,cortex-a15-gic",  "arm,gic-400",
				    "arm,cortex-a7-gic",   "arm,cortex-a9-gic",
				    "arm,cortex-a5-gic",   "arm,eb11mp-gic",
				    "arm,pl390",	   "qcom,msm-qgic2",
				    "brcm,brahma-b15-gic", NULL};

const struct irqchip_driver gic_v2_driver = {
	.name = "GIC-0",
	.compatible = names,
	.init = gic_init,
	.init_cpu = gic_init_cpu,
	.send_ipi = gic_send_ipi,
	.handle = gic_handle,
	.enable_timer = gic_enable_timer,
};
