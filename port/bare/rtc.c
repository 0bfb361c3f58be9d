// SPDX-License-Identifier: MIT
/*
 * Clocks that know the date: Arm's PL031, whose data register counts seconds since 1970 (PrimeCell RTC, DDI 0224, 3.3.1). It is read and
 * never set, and unmapped again. Boot CPU only.
 */
#include <quire/io.h>
#include <quire/port.h>
#include <quire/string.h>

#include "mmio.h"

#define RTCDR 0x00
#define RTC_SIZE SZ_4K

static int read_op(void *arg)
{
	u32 **at = arg;

	*(u32 *)at[1] = mmio_read32(at[0]);
	return 0;
}

int port_rtc_read(const char *compatible, phys_addr_t base, u64 *seconds)
{
	u64 esr, far;
	u32 now = 0;
	void *regs;
	int err;

	if (strcmp(compatible, "arm,pl031") != 0)
		return -ENODEV;
	regs = ioremap(base, RTC_SIZE);
	if (!regs)
		return -ENOMEM;
	/* Where there is no device, reading faults. */
	err = port_expect_fault(read_op, (void *[]){(char *)regs + RTCDR, &now}, &esr, &far)
		      ? -ENODEV
		      : 0;
	iounmap(regs);
	if (!err)
		*seconds = now;
	return err;
}
