// SPDX-License-Identifier: MIT
/* Runs /000, /001, ... , each in a child, until there is none: whatever they are, this program goes on. */
#include "sys.h"

#define NR_execve 221
#define MAX_PROGRAMS 1000

int failures;

static char name[] = "/000";

static void run(void)
{
	char *argv[] = {name, 0};

	sys3(NR_execve, name, argv, argv + 1);
	quit(99);
}

void _start(void)
{
	long n;

	for (n = 0; n < MAX_PROGRAMS; n++) {
		long fd;

		name[1] = (char)('0' + n / 100);
		name[2] = (char)('0' + n / 10 % 10);
		name[3] = (char)('0' + n % 10);
		fd = sys4(NR_openat, -100, name, 0, 0);
		if (fd < 0)
			break;
		sys1(NR_close, fd);
		in_child(run);
	}
	say("exec_all: ");
	say_number(n);
	say(" programs\n");
	quit(0);
}
