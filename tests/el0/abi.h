/* SPDX-License-Identifier: MIT */
/* For the programs that look at one part of Linux's interface each, with glibc: what they expect was seen on Linux 6.12 by the same binary. */
#ifndef TESTS_EL0_ABI_H
#define TESTS_EL0_ABI_H

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;

/* Bytes of a page: the kernel can have 4, 16 or 64 KiB. */
#define PAGE ((long)getpagesize())
#define PAGE_MOST 65536

static inline int check(int ok, const char *what)
{
	int was = errno;

	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	if (!ok)
		printf("     errno is %d\n", was);
	failures += !ok;
	return ok;
}

#define FAILS(call, err) check((call) == -1 && errno == (err), #call " is " #err)
#define WORKS(call) check((call) >= 0, #call)

static inline void begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 0777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
}

static inline int end(const char *name)
{
	printf("%s: %s\n", name, failures ? "failed" : "done");
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return failures != 0;
}

#endif
