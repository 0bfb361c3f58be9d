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

/* Items that all sets of a user may have (fs.epoll.max_user_watches). */
extern long sysctl_epoll_max_watches;

/* The current task at many queues: {.table = {.add = poll_set_add}}. */
struct poll_chunk {
	struct poll_chunk *next;
	unsigned int nr;
	struct wait_entry entry[12];
};

struct poll_set {
	struct poll_table table;
	struct poll_chunk *chunks;
	bool failed; /* there was no memory for an entry */
};

void poll_set_add(struct poll_table *table, struct wait_queue *queue);
/* At none of them any more. */
void poll_set_end(struct poll_set *set);
/* The queue's memory goes: whoever waits there, by poll, is woken and finds itself at no queue. */
void wait_queue_end(struct wait_queue *queue);
/* port_time_ns() then; WAIT_FOREVER when that is beyond all time. */
u64 deadline_after(u64 sec, u64 nsec);

/* The signal mask that ppoll and its kin set meanwhile: a sigset_t of the program's, 0 for none. 0, -EINVAL, -EFAULT. */
long poll_mask_begin(unsigned long mask, u64 size);
/* The mask comes back: at once, or when a signal that has interrupted the call has been taken. */
long poll_mask_end(long ret);

/* The file is closed: no epoll set holds it any more. */
void epoll_forget(struct open_file *f);

#endif
