/* SPDX-License-Identifier: MIT */
/* What a socket is (kernel/socket.c), and files on their way between sockets (kernel/socket_flight.c). Locking: kernel_lock. */
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

/* NULL: the file is none. */
struct usock *usock_of(const struct open_file *f);
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
