// SPDX-License-Identifier: MIT
/*
 * The call chain as numbers, for those who keep it: frame records (AAPCS64), x29 points to {caller's x29, return address}.
 *
 * Followed only upwards and in steps that a stack can have, on whichever stack the caller runs, and only as long as return addresses
 * are in the image's code.
 */
#include "bare.h"

#define STEP_MAX SZ_16K

unsigned int port_stack_trace(unsigned long *entries, unsigned int max, unsigned int skip)
{
	const unsigned long *record = __builtin_frame_address(0);
	unsigned int n = 0;

	while (n < max) {
		unsigned long next = record[0], from = record[1];

		if (!port_symbolize(from - 1, NULL, NULL))
			break;
		if (skip)
			skip--;
		else
			entries[n++] = from;
		if (next % 8 || next <= (unsigned long)record ||
		    next - (unsigned long)record > STEP_MAX)
			break;
		record = (const unsigned long *)next;
	}
	return n;
}
