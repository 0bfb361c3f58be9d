// SPDX-License-Identifier: MIT
/* The console as a terminal: what programs write goes to the port's console. */
#include "device.h"
#include "poll.h"

static long tty_write(struct open_file *f, struct iter *from, u64 *pos)
{
	size_t done = 0;
	char chunk[256];

	while (from->left) {
		size_t want = min(from->left, sizeof(chunk)), n = copy_from_iter(chunk, want, from);

		port_console_write(chunk, n);
		done += n;
		if (n < want)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long tty_read(struct open_file *f, struct iter *to, u64 *pos)
{
	return 0;
}

const struct file_operations tty_fop = {.read = tty_read, .write = tty_write};
