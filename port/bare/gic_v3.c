// SPDX-License-Identifier: MIT
/*
 * GICv3 and GICv4 (Arm IHI 0069): as much as software-generated interrupts need, with affinity routing and the CPU interface
 * by system registers. All other interrupts are turned off.
 *
 * Each CPU has a redistributor, two frames of 64 KiB (four with virtual LPIs), found by the affinity in its GICR_TYPER. The
 * boot CPU looks at all of them once and keeps those of CPUs that the tree lists mapped: redist_of[], which does not change after.
 */
#include <quire/boot.h>
#include <quire/io.h>
#include <quire/printk.h>
#include <quire/smp.h>

#include "bare.h"
#include "mmio.h"

#define FRAME SZ_64K
#define GICD_CTLR 0x0000
#define GICD_TYPER 0x0004
#define GICD_ICENABLER 0x0180
#define GICD_CTLR_ENABLE_GRP1 (1U << 0) /* Non-secure view; else Group 0, which nothing is in */
#define GICD_CTLR_ENABLE_GRP1A (1U << 1)
#define GICD_CTLR_ARE (1U << 4)
#define GICD_CTLR_RWP (1U << 31)

#define GICR_CTLR 0x0000
#define GICR_CTLR_RWP (1U << 3)
#define GICR_TYPER 0x0008
#define GICR_TYPER_VLPIS BIT(1)
#define GICR_TYPER_LAST BIT(4)
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1U << 1)
#define GICR_WAKER_ASLEEP (1U << 2)
/* The second frame: SGIs and PPIs. */
#define GICR_IGROUPR0 (FRAME + 0x0080)
#define GICR_ISENABLER0 (FRAME + 0x0100)
#define GICR_ICENABLER0 (FRAME + 0x0180)
#define GICR_ICACTIVER0 (FRAME + 0x0380)
#define GICR_IPRIORITYR (FRAME + 0x0400)

#define SGI_IPI 0
#define ALL_SGIS 0x0000ffffU
#define ALL_PPIS 0xffff0000U
#define PRIORITY 0xa0a0a0a0U
#define PRIORITY_MASK 0xf0UL
#define SPURIOUS 1020 /* to 1023 */
/* Registers are written behind one another; a device that takes longer than this is not there. */
#define BUSY_NS 1000000000ULL

#define write_icc(reg, v) __asm__ volatile("msr " reg ", %0\n\tisb" ::"r"((u64)(v)) : "memory")
#define read_icc(reg)                                                                              \
	({                                                                                         \
		u64 _v;                                                                            \
		__asm__ volatile("mrs %0, " reg : "=r"(_v)::"memory");                             \
		_v;                                                                                \
	})
#define ICC_PMR_EL1 "S3_0_C4_C6_0"
#define ICC_SGI1R_EL1 "S3_0_C12_C11_5"
#define ICC_IAR1_EL1 "S3_0_C12_C12_0"
#define ICC_EOIR1_EL1 "S3_0_C12_C12_1"
#define ICC_BPR1_EL1 "S3_0_C12_C12_3"
#define ICC_CTLR_EL1 "S3_0_C12_C12_4"
#define ICC_SRE_EL1 "S3_0_C12_C12_5"
#define ICC_IGRPEN1_EL1 "S3_0_C12_C12_7"

static char *dist;
static char *redist_of[NR_CPUS]; /* NULL: the tree's regions have none for it */

/* Until none of the bits is set. */
static int wait_clear(const char *reg, u32 bits)
{
	u64 start = port_time_ns();

	while (mmio_read32(reg) & bits) {
		if (port_time_ns() - start > BUSY_NS) {
			pr_err("GICv3: a register stays busy\n");
			return -EIO;
		}
		port_cpu_relax();
	}
	return 0;
}

/* The number of the CPU with this affinity (Aff3 to Aff0 in 32 bits); NR_CPUS: there is none. */
static unsigned int cpu_of(u32 affinity)
{
	u64 hwid = (u64)(affinity >> 24) << 32 | (affinity & 0xffffff);
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus_possible; cpu++)
		if (cpu_descs[cpu].hwid == hwid)
			return cpu;
	return NR_CPUS;
}

/* Look at the redistributors of one region. */
static int find_redists(phys_addr_t base, u64 size, u64 stride)
{
	u64 offset, step;

	for (offset = 0; offset + 2 * FRAME <= size; offset += step) {
		char *r = ioremap(base + offset, 2 * FRAME);
		unsigned int cpu;
		u64 typer;

		if (!r)
			return -ENOMEM;
		typer = mmio_read64(r + GICR_TYPER);
		cpu = cpu_of((u32)(typer >> 32));
		if (cpu < NR_CPUS && !redist_of[cpu])
			redist_of[cpu] = r;
		else
			iounmap(r);
		if (typer & GICR_TYPER_LAST)
			break;
		step = stride ? stride : (typer & GICR_TYPER_VLPIS ? 4 : 2) * FRAME;
	}
	return 0;
}

static int gic_init(const struct irqchip *chip)
{
	unsigned int lines, i, regions = max(chip->nr_redist_regions, 1U);
	int err;

	if (chip->nr_regs < 2)
		return -ENODEV;
	dist = ioremap(chip->reg[0].base, FRAME);
	if (!dist)
		return -ENOMEM;
	for (i = 1; i < chip->nr_regs && i <= regions; i++) {
		err = find_redists(chip->reg[i].base, chip->reg[i].size, chip->redist_stride);
		if (err)
			return err;
	}
	mmio_write32(dist + GICD_CTLR, 0);
	err = wait_clear(dist + GICD_CTLR, GICD_CTLR_RWP);
	lines = min(((mmio_read32(dist + GICD_TYPER) & 0x1f) + 1) * 32, 1020U);
	for (i = 32; i < lines; i += 32)
		mmio_write32(dist + GICD_ICENABLER + i / 8, ~0U);
	if (!err)
		err = wait_clear(dist + GICD_CTLR, GICD_CTLR_RWP);
	mmio_write32(dist + GICD_CTLR,
		     GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1A | GICD_CTLR_ENABLE_GRP1);
	return err ? err : wait_clear(dist + GICD_CTLR, GICD_CTLR_RWP);
}

static int init_redist(char *r)
{
	unsigned int i;
	int err;

	mmio_write32(r + GICR_WAKER, mmio_read32(r + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	err = wait_clear(r + GICR_WAKER, GICR_WAKER_ASLEEP);
	if (err)
		return err;
	mmio_write32(r + GICR_ICENABLER0, ALL_PPIS);
	mmio_write32(r + GICR_ICACTIVER0, ~0U);
	mmio_write32(r + GICR_IGROUPR0, ~0U);
	for (i = 0; i < 32; i += 4)
		mmio_write32(r + GICR_IPRIORITYR + i, PRIORITY);
	mmio_write32(r + GICR_ISENABLER0, ALL_SGIS);
	return wait_clear(r + GICR_CTLR, GICR_CTLR_RWP);
}

static int gic_init_cpu(void)
{
	char *r = redist_of[port_cpu()];
	int err;

	if (!r)
		return -ENODEV;
	err = init_redist(r);
	if (err)
		return err;
	write_icc(ICC_SRE_EL1, read_icc(ICC_SRE_EL1) | 1);
	/* EL2 or EL3 may keep the system registers for itself. */
	if (!(read_icc(ICC_SRE_EL1) & 1))
		return -EIO;
	write_icc(ICC_PMR_EL1, PRIORITY_MASK);
	write_icc(ICC_BPR1_EL1, 0);
	write_icc(ICC_CTLR_EL1, 0);
	write_icc(ICC_IGRPEN1_EL1, 1);
	return 0;
}

static void gic_send_ipi(unsigned int cpu)
{
	u64 hwid = cpu_descs[cpu].hwid, aff0 = hwid & 0xff;

	mmio_publish();
	write_icc(ICC_SGI1R_EL1, (hwid >> 32 & 0xff) << 48 | (aff0 >> 4) << 44 |
					 (hwid >> 16 & 0xff) << 32 | (u64)SGI_IPI << 24 |
					 (hwid >> 8 & 0xff) << 16 | BIT(aff0 & 15));
}

static void gic_enable_timer(void)
{
	mmio_write32(redist_of[port_cpu()] + GICR_ISENABLER0, 1U << timer_intid);
}

static void gic_handle(void)
{
	for (;;) {
		u64 id = read_icc(ICC_IAR1_EL1) & 0xffffff;

		/* The acknowledge is done before what it stands for is looked at. */
		__asm__ volatile("dsb sy" ::: "memory");
		if (id >= SPURIOUS && id < 1024)
			return;
		/* First: an SGI that comes while the handler runs is a new one. */
		write_icc(ICC_EOIR1_EL1, id);
		if (id == SGI_IPI)
			ipi_irq();
		else if (id == timer_intid)
			timer_irq();
		else
			pr_warn("GICv3: interrupt %llu is nobody's\n", (unsigned long long)id);
	}
}

static const char *const names[] = {"arm,gic-v3", "qcom,msm8996-gic-v3", NULL};

const struct irqchip_driver gic_v3_driver = {
	.name = "GICv3",
	.compatible = names,
	.init = gic_init,
	.init_cpu = gic_init_cpu,
	.send_ipi = gic_send_ipi,
	.handle = gic_handle,
	.enable_timer = gic_enable_timer,
};
