// SPDX-License-Identifier: MIT
/* What files need of signals and clocks as long as those are not there: each of these goes when its own file comes. */
#include "vfs.h"

void send_signal(int sig, struct task *t);
void get_random_bytes(void *buf, size_t n);

__attribute__((weak)) s64 realtime_offset;

__attribute__((weak)) void send_signal(int sig, struct task *t)
{
	(void)sig;
	(void)t;
}

__attribute__((weak)) void get_random_bytes(void *buf, size_t n)
{
	static u64 state;
	u8 *p = buf;

	while (n--) {
		state = (state ^ port_time_ns()) * 0x5851f42d4c957f2dULL + 0x14057b7ef767814fULL;
		*p++ = (u8)(state >> 56);
	}
}

void set_temporary_mask(u64 set);
void restore_temporary_mask(bool interrupted);

__attribute__((weak)) void set_temporary_mask(u64 set)
{
	(void)set;
}

__attribute__((weak)) void restore_temporary_mask(bool interrupted)
{
	(void)interrupted;
}
