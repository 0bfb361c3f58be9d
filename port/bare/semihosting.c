// SPDX-License-Identifier: MIT
/*
 * Semihosting (Arm "Semihosting for AArch32 and AArch64"): HLT #0xF000 with the operation in W0 and a parameter block in
 * X1. Used only when the command line asks (`quire.semihosting`) and by a boot that dies without a console, and only
 * where a host answers: HLT is an undefined instruction otherwise, so that is tried with the fault expected.
 */
#include <quire/printk.h>
#include <quire/string.h>

#include "bare.h"

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITEC 0x03
#define SYS_WRITE 0x05
#define SYS_ERRNO 0x13
#define SYS_EXIT_EXTENDED 0x20
#define ADP_STOPPED_APPLICATION_EXIT 0x20026
#define OPEN_MODE_W 4

static bool enabled;
static long report_handle = -1;

static long call(unsigned long op, const void *arg)
{
	register unsigned long x0 __asm__("x0") = op;
	register const void *x1 __asm__("x1") = arg;

	__asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
	return (long)x0;
}

static int probe(void *arg)
{
	call(SYS_ERRNO, NULL);
	return 0;
}

bool semihosting_present(void)
{
	u64 esr, far;

	return !port_expect_fault(probe, NULL, &esr, &far);
}

void port_enable_semihosting(void)
{
	enabled = semihosting_present();
	if (!enabled)
		pr_warn("quire.semihosting: no host answers, the exit code is lost\n");
}

bool semihosting_enabled(void)
{
	return enabled;
}

void semihosting_write0(const char *s, size_t n)
{
	for (; n; n--, s++)
		call(SYS_WRITEC, s);
}

void semihosting_exit(int code)
{
	u64 block[2] = {ADP_STOPPED_APPLICATION_EXIT, (u64)code};

	call(SYS_EXIT_EXTENDED, block);
}

int port_report_open(const char *name)
{
	u64 block[3] = {(u64)name, OPEN_MODE_W, strlen(name)};

	if (!enabled)
		return -ENODEV;
	report_handle = call(SYS_OPEN, block);
	return report_handle < 0 ? -EIO : 0;
}

int port_report_write(const char *s, size_t n)
{
	u64 block[3] = {(u64)report_handle, (u64)s, n};

	if (report_handle < 0)
		return -EIO;
	/* The result is the number of bytes that were not written. */
	return call(SYS_WRITE, block) ? -EIO : 0;
}

void port_report_close(void)
{
	u64 block[1] = {(u64)report_handle};

	if (report_handle >= 0)
		call(SYS_CLOSE, block);
	report_handle = -1;
}
