/* SPDX-License-Identifier: MIT */
/* Sockets of AF_UNIX (kernel/socket.c), as the calls on them see them (kernel/sys_socket.c). */
#ifndef KERNEL_SOCKET_H
#define KERNEL_SOCKET_H

#include "vfs.h"

#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SHUT_RD 0
#define SHUT_WR 1
#define MSG_OOB 0x1U
#define MSG_PEEK 0x2U
#define MSG_CTRUNC 0x8U
#define MSG_TRUNC 0x20U
#define MSG_DONTWAIT 0x40U
#define MSG_WAITALL 0x100U
#define MSG_NOSIGNAL 0x4000U
#define MSG_CMSG_CLOEXEC 0x40000000U
/* Descriptors that go with one message. */
#define SCM_MAX_FD 253U

/* struct sockaddr_un, with its length; 0: none. path is terminated. */
struct address {
	u16 len, family;
	char path[110];
};

struct message {
	struct iter data;
	const struct address *to; /* NULL: the peer */
	struct address from;
	unsigned int nr_files;
	struct open_file *files[SCM_MAX_FD]; /* with references */
	bool truncated;
};

long unix_create(int type, unsigned int flags, struct open_file **f);
/*
 * A socket of netlink (AF_NETLINK): only the kernel sends to it, and what is sent by it is refused, as there is nobody to ask about
 * networks.
 */
#define AF_NETLINK 16
long netlink_create(unsigned int flags, struct open_file **f);
bool unix_is_netlink(const struct open_file *f);
/* A packet of the kernel's; lost without memory, and where too much waits already. */
void unix_deliver(struct open_file *f, const void *data, size_t len);
/* Two new ones, connected. */
void unix_pair(struct open_file *a, struct open_file *b);
bool file_is_socket(const struct open_file *f);
int unix_type(const struct open_file *f);
long unix_bind(struct open_file *f, const struct address *a);
void unix_name(const struct open_file *f, bool peer, struct address *a);
bool unix_connected(const struct open_file *f);
long unix_listen(struct open_file *f, int backlog);
long unix_connect(struct open_file *f, const struct address *a, bool nonblock);
long unix_accept(struct open_file *f, unsigned int flags, struct open_file **new);
long unix_shutdown(struct open_file *f, int how);
/* SO_ERROR: and it is 0 from then on. */
int unix_error(struct open_file *f);
bool unix_is_listening(const struct open_file *f);
/* The sockets of a namespace, as /proc/net/unix has them. */
void unix_report(struct out *out, const struct namespace *net);
/* SO_RCVTIMEO, SO_SNDTIMEO, nanoseconds; 0: calls wait for ever. */
u64 *unix_timeout(struct open_file *f, bool send);
/* Who has connected, made the pair, or begun to listen; users as the first namespace knows them. */
struct peer {
	int pid; /* 0: nobody has */
	u32 uid, gid;
};
const struct peer *unix_peer(const struct open_file *f);
/* Bytes, or an error; -EPIPE without the signal. Files of the message that were sent are counted again there. */
long unix_send(struct open_file *f, struct message *m, bool nonblock);
/* Files that came are the message's. */
long unix_receive(struct open_file *f, struct message *m, unsigned int flags, bool nonblock);

#endif
