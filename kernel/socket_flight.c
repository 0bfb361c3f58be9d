// SPDX-License-Identifier: MIT
/*
 * Files on their way between sockets: counted by who has sent them, against his limit of open files (Linux: too_many_unix_fds), and those
 * that nobody can receive any more.
 *
 * A socket may be on its way to itself, or two to each other: then each is held by a packet that only the other one could give away. So
 * when sockets end, what is on its way is looked through: sockets of which somebody else holds a reference are reached, and what waits at
 * those that are reached; all others are in a circle, and lose their packets, with which they go (Linux: net/unix/garbage.c, which
 * keeps the graph instead). What waits at sockets that nobody has accepted yet waits at their listener.
 *
 * One look takes as long as there are sockets, packets and files on their way. Each socket that ends, and each that is sent, pays for LOOKS of
 * these, and the look begins when it has been paid for: with few sockets always, with many it never costs more than everything else.
 *
 * Locking: kernel_lock. A reference that is neither a packet's nor a program's, as of a call that waits, counts as somebody's.
 */
#include <quire/slab.h>

#include "socket_internal.h"
#include "user_count.h"
#include "userns.h"

#define LOOKS 64U

static struct user_count *users; /* files on their way, of each */
static unsigned int nr_sockets;	 /* among all of them */
static unsigned int nr_files;
static u64 paid;

static void count(struct packet *p, s32 by)
{
	nr_files += (unsigned int)by * p->nr_files;
	for (unsigned int i = 0; i < p->nr_files; i++) {
		struct usock *s = usock_of(p->files[i]);

		if (!s)
			continue;
		s->inflight += by;
		nr_sockets += (unsigned int)by;
	}
}

int flight_begin(struct packet *p, struct message *m)
{
	const u64 most = current->signal->rlim[RLIMIT_NOFILE].cur;

	if (!m->nr_files)
		return 0;
	p->uid = current->cred.uid;
	if (user_count_of(users, p->uid) > most && !capable(CAP_SYS_RESOURCE) &&
	    !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	p->files = kmalloc(m->nr_files * sizeof(struct open_file *), GFP_KERNEL);
	if (!p->files || !user_count_add_many(&users, p->uid, m->nr_files))
		return -ENOMEM;
	for (; p->nr_files < m->nr_files; p->nr_files++)
		p->files[p->nr_files] = file_get(m->files[p->nr_files]);
	m->nr_files = 0;
	count(p, 1);
	return 0;
}

void flight_end(struct packet *p)
{
	if (!p->nr_files)
		return;
	count(p, -1);
	user_count_drop_many(&users, p->uid, p->nr_files);
}

void packet_free(struct packet *p)
{
	flight_end(p);
	while (p->nr_files)
		file_put(p->files[--p->nr_files]);
	kfree(p->files);
	kvfree(p);
}

void packets_free(struct packet *first)
{
	struct packet *p;

	while ((p = first)) {
		first = p->next;
		packet_free(p);
	}
}

/* ------------------------------------------------------------------ what nobody can receive */

/* Sockets that are reached, and through which the search has not gone yet. */
static void reach(struct usock *s, struct usock **found)
{
	if (s->reached)
		return;
	s->reached = true;
	s->next_found = *found;
	*found = s;
}

static void reach_waiting(const struct usock *at, struct usock **found)
{
	for (const struct packet *p = at->first; p; p = p->next)
		for (unsigned int i = 0; i < p->nr_files; i++) {
			struct usock *s = usock_of(p->files[i]);

			if (s)
				reach(s, found);
		}
}

/* Does somebody hold it, other than packets? Who has not been accepted is his listener's. */
static bool is_held(const struct usock *s)
{
	return s->file && s->file->file.f_count != s->inflight;
}

static void search(void)
{
	struct usock *s, *found = NULL;

	for (s = usocks; s; s = s->next)
		s->reached = false;
	for (s = usocks; s; s = s->next)
		if (is_held(s))
			reach(s, &found);
	while ((s = found)) {
		found = s->next_found;
		reach_waiting(s, &found);
		for (const struct usock *p = s->pending; p; p = p->next_pending)
			reach_waiting(p, &found);
	}
}

/* Its packets go to the front of a list. */
static void take_packets(struct usock *s, struct packet **list)
{
	if (!s->first)
		return;
	s->last->next = *list;
	*list = s->first;
	s->first = s->last = NULL;
	nr_queued -= s->nr_packets;
	s->nr_packets = 0;
	s->queued = 0;
}

void flight_collect(void)
{
	struct packet *lost = NULL;

	paid += LOOKS;
	if (!nr_sockets || paid < (u64)nr_usocks + nr_queued + nr_files)
		return;
	paid = 0;
	search();
	for (struct usock *s = usocks; s; s = s->next) {
		/* One that ends right now has no file's reference any more, and is no packet's. */
		if (s->reached || !s->inflight)
			continue;
		take_packets(s, &lost);
		for (struct usock *p = s->pending; p; p = p->next_pending)
			take_packets(p, &lost);
	}
	/* The last file of a circle ends it: when this call's caller is done (file_put). */
	packets_free(lost);
}
