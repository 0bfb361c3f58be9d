// SPDX-License-Identifier: MIT
/*
 * The call chain by frame pointers, which everything of ours is compiled with. It is followed only upwards, within the thread's
 * stack, and ends at the first return address that is not ours: what started the program keeps no such chain.
 */
#include <quire/port.h>

#include <pthread.h>

static __thread unsigned long stack_top;

static unsigned long top_of_stack(void)
{
	pthread_attr_t attr;
	void *base;
	size_t size;

	if (!stack_top && !pthread_getattr_np(pthread_self(), &attr)) {
		if (!pthread_attr_getstack(&attr, &base, &size))
			stack_top = (unsigned long)base + size;
		pthread_attr_destroy(&attr);
	}
	return stack_top;
}

#if defined(__clang__)
__attribute__((no_sanitize("address")))
#else
__attribute__((no_sanitize_address))
#endif
unsigned int
port_stack_trace(unsigned long *entries, unsigned int max, unsigned int skip)
{
	unsigned long fp = (unsigned long)__builtin_frame_address(0), top = top_of_stack();
	unsigned long offset, size;
	unsigned int n = 0;

	while (n < max && fp % sizeof(long) == 0 && fp + 2 * sizeof(long) <= top) {
		const unsigned long *record = (const unsigned long *)fp;

		if (!record[1] || !port_symbolize(record[1] - 1, &offset, &size))
			break;
		if (skip)
			skip--;
		else
			entries[n++] = record[1];
		if (record[0] <= fp)
			break;
		fp = record[0];
	}
	return n;
}
