// SPDX-License-Identifier: MIT
/*
 * Bringing the other CPUs up, one after the other (Linux: smp_init, __cpu_up, secondary_start_kernel; the same lines of log).
 *
 * A CPU's way: DOWN -> STARTING (asked to) -> ARRIVED (it runs in here) -> online, or FAILED, which it reports. One that does not arrive within five seconds is
 * GIVEN_UP by the boot CPU, reported and left out; both steps out of STARTING are compare-and-exchanges, so that one that comes
 * too late finds that it has been, and stops.
 *
 * What all CPUs can is known when the last one has come: then the port may use FEAT_LSE, and FEAT_PAN is kept on while programs run (Linux:
 * setup_system_features, where both are features of the system, too). None comes later; where one is on its way for longer than it is waited
 * for, neither is used. What has been settled by then a secondary must have: ASIDs as wide as the boot CPU's, as Linux
 * wants them, and addresses that reach all memory, which Linux does not look at; one without stays down.
 */
#define pr_fmt(fmt) "smp: " fmt

#include <quire/boot.h>
#include <quire/percpu.h>
#include <quire/printk.h>
#include <quire/smp.h>

#include "fdt_scan.h"
#include "irqchip.h"

enum cpu_way { CPU_DOWN, CPU_STARTING, CPU_ARRIVED, CPU_GIVEN_UP, CPU_FAILED };

static DEFINE_PER_CPU(enum cpu_way, cpu_way);
/* The CPU that runs is one of those that the tree lists. */
static bool boot_cpu_listed;
static bool interrupts_started;
/* CPUs that have no FEAT_LSE, no FEAT_PAN, or are said to have none; CPUs that arrived, and took too long to go on. */
static unsigned int nr_without_lse, nr_without_pan, nr_stuck;
/* ASIDBits of the boot CPU. */
static unsigned int boot_asid_bits;
bool system_has_pan;

/* Linux waits as long. */
#define COME_UP_NS 5000000000ULL
#define MAX_IRQCHIPS 8
#define pr_cpu_features(fmt, ...) printk(KERN_INFO "CPU features: " fmt, __VA_ARGS__)

void smp_init_cpus(void)
{
	u64 hwid = port_read_reg(PORT_MPIDR_EL1) & MPIDR_HWID_MASK;
	struct cpu_desc boot;
	unsigned int i;

	for (i = 0; i < nr_cpus_possible && cpu_descs[i].hwid != hwid; i++)
		;
	boot_cpu_listed = i < nr_cpus_possible;
	if (boot_cpu_listed) {
		boot = cpu_descs[i];
		for (; i; i--)
			cpu_descs[i] = cpu_descs[i - 1];
		cpu_descs[0] = boot;
	}
	if (nr_cpus_possible > nr_cpus_limit) {
		printk(KERN_WARNING "Number of cores (%u) exceeds configured maximum of %u - "
				    "clipping\n",
		       nr_cpus_possible, nr_cpus_limit);
		nr_cpus_possible = nr_cpus_limit;
	}
}

static enum cpu_way way_of(unsigned int cpu)
{
	return __atomic_load_n(&per_cpu(cpu_way, cpu), __ATOMIC_ACQUIRE);
}

static bool go_on(unsigned int cpu, enum cpu_way from, enum cpu_way to)
{
	return __atomic_compare_exchange_n(&per_cpu(cpu_way, cpu), &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Until the CPU is online, has said why not, or has had its time. */
static bool wait_online(unsigned int cpu)
{
	u64 start = port_time_ns();

	while (!cpu_online(cpu)) {
		if (way_of(cpu) == CPU_FAILED)
			return true;
		if (port_time_ns() - start > COME_UP_NS)
			return false;
		port_cpu_relax();
	}
	return true;
}

static void count_without(unsigned int *nr, unsigned int cpu, bool has, u64 said_to_have_none)
{
	if (!has || said_to_have_none >> min(cpu, 63U) & 1)
		__atomic_fetch_add(nr, 1, __ATOMIC_RELAXED);
}

/*
 * On the CPU itself, before it is online. ID_AA64ISAR0_EL1.Atomic, bits 23 to 20, is 2 or more with FEAT_LSE; ID_AA64MMFR1_EL1.PAN, in the
 * same place, 1 or more with FEAT_PAN.
 */
static void look_for_features(unsigned int cpu)
{
	count_without(&nr_without_lse, cpu, (port_read_reg(PORT_ID_AA64ISAR0_EL1) >> 20 & 0xf) >= 2,
		      setup_nolse);
	count_without(&nr_without_pan, cpu, port_read_reg(PORT_ID_AA64MMFR1_EL1) >> 20 & 0xf,
		      setup_nopan);
}

/* ID_AA64MMFR0_EL1.ASIDBits: 2 says 16 bits, else there are 8 (Arm ARM D24.2.64). */
static unsigned int asid_bits(void)
{
	return (port_read_reg(PORT_ID_AA64MMFR0_EL1) >> 4 & 0xf) == 2 ? 16 : 8;
}

/* On the CPU itself: it cannot do what has been settled without it. */
static bool fits(unsigned int cpu)
{
	if (asid_bits() < boot_asid_bits) {
		printk(KERN_CRIT "CPU%u: smaller ASID size (%u) than boot CPU (%u)\n", cpu,
		       asid_bits(), boot_asid_bits);
		return false;
	}
	if (max_pfn && (PFN_PHYS(max_pfn) - 1) >> port_pa_bits()) {
		printk(KERN_CRIT "CPU%u: its %u-bit physical addresses do not reach all memory\n",
		       cpu, port_pa_bits());
		return false;
	}
	return true;
}

/* With every CPU there that ever will be. The port turns it off where it is and not all have it (port_user_init). */
static void use_pan(void)
{
	unsigned int without = __atomic_load_n(&nr_without_pan, __ATOMIC_RELAXED);

	system_has_pan = !without && !nr_stuck;
	if (system_has_pan)
		pr_cpu_features("detected: %s\n", "Privileged Access Never");
	else if (!without)
		pr_cpu_features("Privileged Access Never is not used: %u CPUs may come yet\n",
				nr_stuck);
	else if (without < num_online_cpus())
		pr_cpu_features("Privileged Access Never is not used: %u of %u CPUs have none\n",
				without, num_online_cpus());
}

/* With every CPU there that ever will be. */
static void use_lse(void)
{
	unsigned int without = __atomic_load_n(&nr_without_lse, __ATOMIC_RELAXED), nr;
	unsigned long flags;

	if (nr_stuck) {
		pr_cpu_features("LSE atomic instructions are not used: %u CPUs may come yet\n",
				nr_stuck);
		return;
	}
	if (without) {
		if (without < num_online_cpus())
			pr_cpu_features(
				"LSE atomic instructions are not used: %u of %u CPUs have none\n",
				without, num_online_cpus());
		return;
	}
	flags = smp_hold_others();
	nr = port_use_lse();
	smp_release_others(flags);
	if (nr)
		pr_cpu_features("detected: LSE atomic instructions (in %u places)\n", nr);
}

static void cpu_up(unsigned int cpu)
{
	const struct cpu_desc *desc = &cpu_descs[cpu];
	int err;

	__atomic_store_n(&per_cpu(cpu_way, cpu), CPU_STARTING, __ATOMIC_RELEASE);
	err = port_cpu_start(cpu, desc->hwid, desc->enable_method, desc->release_addr,
			     per_cpu_offset(cpu));
	if (err) {
		go_on(cpu, CPU_STARTING, CPU_GIVEN_UP);
		printk(KERN_ERR "CPU%u: failed to boot: %d\n", cpu, err);
		return;
	}
	if (wait_online(cpu))
		return;
	if (go_on(cpu, CPU_STARTING, CPU_GIVEN_UP))
		printk(KERN_CRIT "CPU%u: failed to come online\n", cpu);
	/* It is there, only slow. */
	else if (way_of(cpu) == CPU_ARRIVED && !wait_online(cpu)) {
		nr_stuck++;
		printk(KERN_CRIT "CPU%u: is stuck in kernel\n", cpu);
	}
}

static int start_interrupts(void)
{
	struct irqchip chips[MAX_IRQCHIPS];
	int err = port_irq_init(chips, find_irqchips(chips, MAX_IRQCHIPS));

	interrupts_started = !err;
	return err;
}

int smp_start_interrupts(void)
{
	int err = interrupts_started ? 0 : start_interrupts();

	if (!err)
		port_irq_enable();
	return err;
}

/* Why no other CPU is to be started; NULL: nothing is in the way. */
static const char *why_alone(void)
{
	int err;

	if (!boot_cpu_listed)
		return "the boot CPU is not in the device tree";
	err = start_interrupts();
	if (err == -ENODEV)
		return "no interrupt controller is known that could send them interrupts";
	return err ? "the interrupt controller could not be started" : NULL;
}

static unsigned int count_nodes(void)
{
	return (unsigned int)__builtin_popcountll(node_online_mask);
}

void smp_init(void)
{
	unsigned int cpu, limit = max(min(nr_cpus_possible, setup_max_cpus), 1U);
	const char *why;

	nr_without_lse = nr_without_pan = nr_stuck = 0;
	boot_asid_bits = asid_bits();
	look_for_features(0);
	pr_info("Bringing up secondary CPUs ...\n");
	if (limit > 1) {
		why = why_alone();
		if (why) {
			pr_warn("%u secondary CPUs stay down: %s\n", nr_cpus_possible - 1, why);
			limit = 1;
		} else {
			port_irq_enable();
		}
	}
	for (cpu = 1; cpu < limit; cpu++)
		cpu_up(cpu);
	pr_info("Brought up %u node%s, %u CPU%s\n", count_nodes(), count_nodes() > 1 ? "s" : "",
		num_online_cpus(), num_online_cpus() > 1 ? "s" : "");
	use_pan();
	use_lse();
}

void secondary_start_kernel(unsigned int cpu)
{
	int err;

	if (!go_on(cpu, CPU_STARTING, CPU_ARRIVED))
		port_cpu_stop();
	if (!fits(cpu)) {
		go_on(cpu, CPU_ARRIVED, CPU_FAILED);
		port_cpu_stop();
	}
	err = port_irq_init_cpu();
	if (err) {
		printk(KERN_CRIT "CPU%u: cannot take interrupts: %d\n", cpu, err);
		go_on(cpu, CPU_ARRIVED, CPU_FAILED);
		port_cpu_stop();
	}
	printk(KERN_INFO "CPU%u: Booted secondary processor 0x%010lx [0x%08x]\n", cpu,
	       (unsigned long)(port_read_reg(PORT_MPIDR_EL1) & MPIDR_HWID_MASK),
	       (u32)port_read_reg(PORT_MIDR_EL1));
	look_for_features(cpu);
	smp_cpu_up(cpu);
	port_irq_enable();
	smp_idle();
}
