// SPDX-License-Identifier: MIT
/*
 * The end: semihosting's exit, which carries a code; PSCI SYSTEM_OFF;
 * else the CPU sleeps.
 */
#include <quire/printk.h>

#include "bare.h"

void port_poweroff(int code)
{
	s64 result;

	__asm__ volatile("msr daifset, #0xf" ::: "memory");
	/* What a failed boot had to say, on whatever console.c can find. */
	if (code && !console_active())
		console_start();
	/* A failing code is worth a try: without a host the probe's fault is caught. */
	if (semihosting_enabled() || (code && semihosting_present()))
		semihosting_exit(code);
	psci_call(PSCI_SYSTEM_OFF, 0, 0, 0, &result);
	for (;;)
		__asm__ volatile("wfi");
}
