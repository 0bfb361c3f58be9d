// SPDX-License-Identifier: MIT
/*
 * The end: semihosting's exit, which carries a code; PSCI SYSTEM_OFF (Arm DEN0022) through the conduit that the tree names;
 * else the CPU sleeps.
 */
#include <quire/printk.h>

#include "bare.h"

#define PSCI_SYSTEM_OFF 0x84000008UL

static enum early_psci conduit;

void port_set_psci_conduit(bool hvc)
{
	conduit = hvc ? EARLY_PSCI_HVC : EARLY_PSCI_SMC;
}

static int system_off(void *arg)
{
	register u64 x0 __asm__("x0") = PSCI_SYSTEM_OFF;

	if (*(enum early_psci *)arg == EARLY_PSCI_HVC)
		__asm__ volatile("hvc #0"
				 : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
				   "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
				   "memory");
	else
		__asm__ volatile("smc #0"
				 : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
				   "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
				   "memory");
	return 0;
}

static int find_conduit(void *arg)
{
	struct early_fdt t;

	if (early_fdt_open(&t, boot_params.fdt_phys))
		*(enum early_psci *)arg = early_fdt_psci(&t);
	return 0;
}

void port_poweroff(int code)
{
	u64 esr, far;

	__asm__ volatile("msr daifset, #0xf" ::: "memory");
	/* What a failed boot had to say, on whatever console.c can find. */
	if (code && !console_active())
		console_start();
	/* A failing code is worth a try: without a host the probe's fault is caught. */
	if (semihosting_enabled() || (code && semihosting_present()))
		semihosting_exit(code);
	/* A boot that failed before it had read the tree: look for the conduit in the raw tree. */
	if (conduit == EARLY_PSCI_NONE && boot_params.fdt_phys < BIT(48) - SZ_4M) {
		idmap_install();
		port_expect_fault(find_conduit, &conduit, &esr, &far);
	}
	/* Nothing said how: HVC is safe to try from where there is a hypervisor or none, not after our own drop from EL2. */
	if (conduit == EARLY_PSCI_NONE && boot_params.entry_el == 1)
		conduit = EARLY_PSCI_HVC;
	if (conduit != EARLY_PSCI_NONE)
		port_expect_fault(system_off, &conduit, &esr, &far);
	for (;;)
		__asm__ volatile("wfi");
}
