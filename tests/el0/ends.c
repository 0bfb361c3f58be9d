// SPDX-License-Identifier: MIT
/* Thousands of children that use memory of each kind and end: what one of them keeps is missed at last. */
#include "sys.h"

int failures;

#define ROUNDS 4000
#define CHILDREN 2

/* Pages of a shared area that lie apart, some that are copied, a hole, a stack that grows. */
static void child(void)
{
	char *shared = (char *)map(0, 200 * PAGE, PROT_RW, SHARED | ANON, -1, 0);
	char *own = (char *)map(0, 20 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	long i;

	if ((long)shared < 0 || (long)own < 0)
		quit(1);
	for (i = 2; i < 200; i += 45)
		shared[i * PAGE] = shared[(i + 1) * PAGE] = 1;
	for (i = 0; i < 20; i += 3)
		own[i * PAGE] = 1;
	sys2(NR_munmap, own + 5 * PAGE, 3 * PAGE);
	quit(0);
}

void _start(void)
{
	long n, i, status;

	for (n = 0; n < ROUNDS && !failures; n++) {
		/* The second one has not run yet when the first one ends. */
		for (i = 0; i < CHILDREN; i++) {
			long pid = sys2(NR_clone, 17, 0);

			if (!pid)
				child();
			failures += pid < 0;
		}
		for (i = 0; i < CHILDREN; i++) {
			status = 0;
			failures += sys4(NR_wait4, -1, &status, 0, 0) < 0 || status;
		}
	}
	say_number(n);
	say(failures ? " rounds, then no more\nends: failed\n" : " rounds\nends: done\n");
	quit(failures != 0);
}
