// SPDX-License-Identifier: MIT
/*
 * What is sent from socket to socket (kernel/socket.c): a packet in the receiver's queue, with a name that it came from and files. A stream's bytes go in
 * packets of at most STREAM_PART, which a read joins (Linux: unix_stream_sendmsg, unix_dgram_sendmsg and kin of net/unix/af_unix.c).
 *
 * Invariants: queued is the sum of what is not read of the packets from first to last, nr_packets their number. Locking: kernel_lock; who waits for
 * room looks up the receiver again afterwards, as it may have gone.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "poll.h"
#include "socket_internal.h"

/* ------------------------------------------------------------------ sending */

/* Where it goes now: the peer, or who has the name. */
static long target(struct usock *s, const struct address *a, struct usock **to)
{
	if (s->netlink)
		return -ECONNREFUSED;
	if (s->shut_write)
		return -EPIPE;
	if (a && a->len) {
		if (s->type != SOCK_DGRAM)
			return s->was_connected ? -EISCONN : -EOPNOTSUPP;
		return usock_find(a, s->net, to);
	}
	*to = s->peer;
	if (*to)
		return (*to)->shut_read ? -EPIPE : 0;
	if (s->type == SOCK_DGRAM)
		return s->peer_closed ? -ECONNREFUSED : -ENOTCONN;
	return s->peer_closed ? -EPIPE : -ENOTCONN;
}

/* It has arrived. */
static void append(struct usock *to, struct packet *p)
{
	if (to->first)
		to->last->next = p;
	else
		to->first = p;
	to->last = p;
	to->queued += p->len;
	to->nr_packets++;
	nr_queued++;
	wake_up_all(&to->readable);
	if (to->file)
		file_tell_owners(to->file->inode, true);
}

static long send_one(struct usock *s, struct message *m, size_t len, bool nonblock)
{
	u64 until = usock_wait_until(s, true);
	struct packet *p;
	struct usock *to;
	long err;

	for (;;) {
		err = target(s, m->to, &to);
		if (err)
			return err;
		if (usock_has_room(to, len))
			break;
		if (nonblock)
			return -EAGAIN;
		err = usock_wait_room(to, until);
		if (err)
			return err;
	}
	p = kvmalloc(sizeof(*p) + len, GFP_KERNEL);
	if (!p)
		return -ENOBUFS;
	memset(p, 0, sizeof(*p));
	p->len = len;
	p->from = s->name;
	if (copy_from_iter(p->data, len, &m->data) != len) {
		packet_free(p);
		return -EFAULT;
	}
	err = flight_begin(p, m);
	if (err) {
		packet_free(p);
		return err;
	}
	append(to, p);
	return (long)len;
}

void unix_deliver(struct open_file *f, const void *data, size_t len)
{
	struct usock *to = usock_of(f);
	struct packet *p;

	if (to->queued + len > MAX_QUEUED || to->nr_packets >= MAX_PACKETS)
		return;
	p = kvmalloc(sizeof(*p) + len, GFP_KERNEL);
	if (!p)
		return;
	memset(p, 0, sizeof(*p));
	p->len = len;
	memcpy(p->data, data, len);
	append(to, p);
}

long unix_send(struct open_file *f, struct message *m, bool nonblock)
{
	struct usock *s = usock_of(f);
	struct open_file *held = file_get(f);
	size_t done = 0;
	long n = 0;

	if (m->nr_files)
		flight_collect();
	if (s->error) {
		n = -unix_error(f);
	} else if (s->type != SOCK_STREAM) {
		n = m->data.left > MAX_QUEUED ? -EMSGSIZE : send_one(s, m, m->data.left, nonblock);
		done = n > 0 ? (size_t)n : 0;
	} else {
		/* Files go with bytes, or not at all. */
		while (m->data.left) {
			n = send_one(s, m, min(m->data.left, (size_t)STREAM_PART), nonblock);
			if (n <= 0)
				break;
			done += (size_t)n;
		}
	}
	file_put(held);
	return done ? (long)done : n;
}

/* ------------------------------------------------------------------ receiving */

static void drop_first(struct usock *s)
{
	struct packet *p = s->first;

	s->first = p->next;
	s->nr_packets--;
	nr_queued--;
	packet_free(p);
}

/* Its descriptors are the message's now. */
static void take_files(struct packet *p, struct message *m, bool peek)
{
	if (!peek)
		flight_end(p);
	for (unsigned int i = 0; i < p->nr_files; i++)
		m->files[m->nr_files++] = peek ? file_get(p->files[i]) : p->files[i];
	if (!peek)
		p->nr_files = 0;
}

static long receive_stream(struct usock *s, struct message *m, unsigned int flags)
{
	size_t done = 0;
	struct packet *p = s->first;

	while (p && m->data.left) {
		size_t want = min(m->data.left, p->len - p->off), n;
		const bool ends = p->nr_files;

		n = copy_to_iter(p->data + p->off, want, &m->data);
		if (n < want && !done && !n)
			return -EFAULT;
		if (ends)
			take_files(p, m, flags & MSG_PEEK);
		done += n;
		if (flags & MSG_PEEK) {
			p = p->next;
		} else {
			p->off += n;
			s->queued -= n;
			if (p->off < p->len)
				break;
			drop_first(s);
			p = s->first;
		}
		/* Bytes with descriptors end a read. */
		if (ends)
			break;
	}
	if (done && !(flags & MSG_PEEK))
		wake_up_all(&s->writable);
	return (long)done;
}

static long receive_packet(struct usock *s, struct message *m, unsigned int flags)
{
	struct packet *p = s->first;
	size_t want = min(m->data.left, p->len), n = copy_to_iter(p->data, want, &m->data);
	long len = (long)p->len;

	if (n < want)
		return -EFAULT;
	m->from = p->from;
	m->truncated = want < p->len;
	take_files(p, m, flags & MSG_PEEK);
	if (!(flags & MSG_PEEK)) {
		s->queued -= p->len;
		drop_first(s);
		wake_up_all(&s->writable);
	}
	return flags & MSG_TRUNC ? len : (long)n;
}

long unix_receive(struct open_file *f, struct message *m, unsigned int flags, bool nonblock)
{
	struct usock *s = usock_of(f);
	u64 until = usock_wait_until(s, false);
	struct open_file *held;
	size_t done = 0;
	long n = 0;

	if (s->listening)
		return -EINVAL;
	if (s->type != SOCK_DGRAM && !s->was_connected)
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	/* Nothing comes out of its turn. */
	if (flags & MSG_OOB)
		return s->type == SOCK_STREAM ? -EINVAL : -EOPNOTSUPP;
	held = file_get(f);
	for (;;) {
		if (!s->first && s->error) {
			n = -unix_error(f);
			break;
		}
		if (!s->first && (s->shut_read || (s->peer_closed && s->type != SOCK_DGRAM))) {
			n = 0;
			break;
		}
		if (!s->first) {
			n = nonblock ? -EAGAIN
				     : wait_event(&s->readable,
						  s->first || s->shut_read || s->error ||
							  (s->peer_closed && s->type != SOCK_DGRAM),
						  until);
			n = usock_wait_error(until, n);
			if (n)
				break;
			continue;
		}
		if (s->type != SOCK_STREAM) {
			n = receive_packet(s, m, flags);
			break;
		}
		n = receive_stream(s, m, flags);
		if (n > 0)
			done += (size_t)n;
		if (n <= 0 || !m->data.left || !(flags & MSG_WAITALL) || flags & MSG_PEEK ||
		    m->nr_files)
			break;
	}
	file_put(held);
	return done ? (long)done : n;
}
