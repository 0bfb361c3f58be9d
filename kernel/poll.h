/* SPDX-License-Identifier: MIT */
/* Waiting for one of many files (kernel/poll.c, epoll.c). */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#include "vfs.h"

#define POLLIN 0x1U
#define POLLPRI 0x2U
#define POLLOUT 0x4U
#define POLLERR 0x8U
#define POLLHUP 0x10U
#define POLLNVAL 0x20U
#define POLLRDNORM 0x40U
#define POLLRDBAND 0x80U
#define POLLWRNORM 0x100U
#define POLLWRBAND 0x200U
#define POLLRDHUP 0x2000U

/* Whom file_operations.poll tells where it would have to be waited. */
struct poll_table {
	void (*add)(struct poll_table *table, struct wait_queue *queue);
};

static inline void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	if (table)
		table->add(table, queue);
}

static inline unsigned int file_poll(struct open_file *f, struct poll_table *table)
{
	return f->op && f->op->poll ? f->op->poll(f, table)
				    : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

/* The file is closed: no epoll set holds it any more. */
void epoll_forget(struct open_file *f);

#endif
