/* SPDX-License-Identifier: MIT */
/*
 * What a socket is (kernel/socket.c), what goes from one to another (kernel/socket_message.c), and files on their way between sockets
 * (kernel/socket_flight.c). Locking: kernel_lock.
 */
#ifndef KERNEL_SOCKET_INTERNAL_H
#define KERNEL_SOCKET_INTERNAL_H

#include "socket.h"

/* net.core.wmem_default: bytes that may wait at a receiver. */
#define MAX_QUEUED 212992U
/* And packets, however short: as many as Linux finds room for in that, counting 768 bytes for a short one. */
#define MAX_PACKETS 278U
/* A stream's packet: what one page's allocation holds, and more is another packet. */
#define STREAM_PART SZ_16K

struct packet {
	struct packet *next;
	size_t len, off; /* off: of a stream, what has been read */
	struct address from;
	u32 uid; /* for whom its files are counted */
	unsigned int nr_files;
	struct open_file **files; /* with references; NULL: none */
	char data[];
};

struct usock {
	struct usock *next, **prev; /* of all */
	struct namespace *net;	    /* whose names it has; with a use */
	int type;
	struct open_file *file; /* NULL: not accepted yet */
	struct usock *peer;
	struct usock *pointing; /* whose peer it is */
	struct usock *next_pointing, **prev_pointing;
	bool listening, was_connected, peer_closed, shut_read, shut_write;
	struct usock *pending, *next_pending; /* of a listener: not accepted yet */
	unsigned int nr_pending, backlog;
	struct packet *first, *last;
	unsigned int nr_packets;
	size_t queued;
	struct address name;
	struct dentry *bound; /* a name in the file system, with a reference */
	struct wait_queue readable, writable;
	int error;
	struct peer other_end; /* who is there, or has begun to listen here */
	bool passcred;
	bool netlink;
	u64 timeout[2]; /* SO_RCVTIMEO, SO_SNDTIMEO: nanoseconds; 0: for ever */
	/* socket_flight.c: */
	s32 inflight; /* references of its file that wait in packets */
	bool reached; /* by the search that goes on */
	struct usock *next_found;
};

extern struct usock *usocks; /* all */
extern unsigned int nr_usocks;
extern unsigned int nr_queued; /* packets at all of them */

/* NULL: the file is none. */
struct usock *usock_of(const struct open_file *f);
/* The socket of that name there; -ECONNREFUSED: nobody has it. What a listener has accepted has its name, and is not meant. */
long usock_find(const struct address *a, const struct namespace *net, struct usock **found);

/* Until when a call waits that begins now. */
u64 usock_wait_until(const struct usock *s, bool send);
/* A wait that ends: with a limit the time is EAGAIN, and the call does not start again (Linux: sock_intr_errno). */
long usock_wait_error(u64 until, long err);
/* Until somebody has read there: 0, or the error of the wait. It may have gone meanwhile, and is to be looked up again. */
long usock_wait_room(struct usock *to, u64 until);
static inline bool usock_has_room(const struct usock *to, size_t len)
{
	return !to->nr_packets || (to->queued + len <= MAX_QUEUED && to->nr_packets < MAX_PACKETS);
}

/* With the references of its files; of a whole list. */
void packet_free(struct packet *p);
void packets_free(struct packet *first);

/* The message's files, counted again, are on their way in the packet from now on, and no more the message's. 0, -ETOOMANYREFS, -ENOMEM. */
int flight_begin(struct packet *p, struct message *m);
/* They have arrived. */
void flight_end(struct packet *p);
/* Ends sockets that only packets hold that nobody can receive. */
void flight_collect(void);

#endif
