/* SPDX-License-Identifier: MIT */
/* POSIX message queues (kernel/mqueue.c, mqueue_open.c). All under kernel_lock. */
#ifndef KERNEL_MQUEUE_H
#define KERNEL_MQUEUE_H

#include "list.h"
#include "vfs.h"

struct ipc_ns;

/* As programs see it (Linux: include/uapi/linux/mqueue.h). */
struct mq_attr {
	s64 flags, maxmsg, msgsize, curmsgs, reserved[4];
};

struct mq_msg {
	struct link link;
	u32 priority;
	size_t size;
	char text[];
};

/* Who wants to be told, once, that the queue is empty no more. */
struct mq_notify {
	int tgid; /* 0: nobody */
	u32 exec_id;
	int how, signo; /* SIGEV_* */
	u64 value;
	/* SIGEV_THREAD: the C library waits for these bytes at a socket of netlink, which is held, and starts the thread. */
	struct open_file *socket;
	u8 cookie[32];
};

/* A queue: its inode's. It goes with its last name and its last descriptor. */
struct mqueue {
	struct link link;      /* of all queues, also those without a name */
	struct ipc_ns *ns;     /* that it is in; NULL: it has gone */
	struct dentry *dentry; /* its name, with a reference; NULL: it was unlinked */
	struct inode *inode;
	s64 maxmsg, msgsize, curmsgs;
	u64 bytes;		   /* of the messages that are in it */
	u32 uid;		   /* whose RLIMIT_MSGQUEUE has paid */
	u64 charge;		   /* how much */
	struct link messages;	   /* of mq_msg: the highest priority first, then the oldest */
	struct link senders;	   /* of mq_waiter: that is full */
	struct link receivers;	   /* that is empty */
	struct wait_queue changed; /* poll */
	struct mq_notify notify;
};

extern const struct file_operations mqueue_fop;

/* Its messages go, and its notification; nobody waits there. */
void mqueue_drain(struct mqueue *q);

#endif
