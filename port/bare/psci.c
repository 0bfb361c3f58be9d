// SPDX-License-Identifier: MIT
/*
 * Calls of firmware: PSCI (Arm DEN0022) through the conduit that the tree names.
 *
 * A conduit that is not what the tree says is an undefined instruction: the call is made with that fault expected.
 */
#include "bare.h"

static enum early_psci conduit;
static u64 cpu_on = PSCI_CPU_ON;

void port_set_psci(bool hvc, u32 cpu_on_function)
{
	conduit = hvc ? EARLY_PSCI_HVC : EARLY_PSCI_SMC;
	if (cpu_on_function)
		cpu_on = cpu_on_function;
}

u64 psci_cpu_on_function(void)
{
	return cpu_on;
}

struct call {
	u64 function, a1, a2, a3;
	s64 result;
};

static int make_call(void *arg)
{
	struct call *c = arg;
	register u64 x0 __asm__("x0") = c->function;
	register u64 x1 __asm__("x1") = c->a1;
	register u64 x2 __asm__("x2") = c->a2;
	register u64 x3 __asm__("x3") = c->a3;

	if (conduit == EARLY_PSCI_HVC)
		__asm__ volatile("hvc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7",
				   "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
				   "x17", "memory");
	else
		__asm__ volatile("smc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7",
				   "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
				   "x17", "memory");
	/* PSCI's results are 32 bits, whichever way they come. */
	c->result = (s32)x0;
	return 0;
}

static int find_conduit(void *arg)
{
	struct early_fdt t;

	if (early_fdt_open(&t, boot_params.fdt_phys))
		*(enum early_psci *)arg = early_fdt_psci(&t);
	return 0;
}

int psci_call(u64 function, u64 a1, u64 a2, u64 a3, s64 *result)
{
	struct call c = {function, a1, a2, a3, 0};
	u64 esr, far;

	/* A boot that failed before it had read the tree: look for the conduit in the raw tree. */
	if (conduit == EARLY_PSCI_NONE && boot_params.fdt_phys < BIT(48) - SZ_4M) {
		idmap_install();
		port_expect_fault(find_conduit, &conduit, &esr, &far);
	}
	/* Nothing said how: HVC is safe to try from where there is a hypervisor or none, not after our own drop from EL2. */
	if (conduit == EARLY_PSCI_NONE && boot_params.entry_el == 1)
		conduit = EARLY_PSCI_HVC;
	if (conduit == EARLY_PSCI_NONE || port_expect_fault(make_call, &c, &esr, &far))
		return -EIO;
	*result = c.result;
	return 0;
}
