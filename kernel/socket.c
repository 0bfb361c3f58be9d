// SPDX-License-Identifier: MIT
/*
 * Sockets between programs of this machine: AF_UNIX, by pairs, by names in the file system and by abstract names; streams, datagrams and
 * packets in sequence; descriptors go along (SCM_RIGHTS). There is no network (Linux: net/unix/af_unix.c).
 *
 * What is sent is a packet in the receiver's queue. Connected sockets point at each other; a datagram socket may point at one that does
 * not point back. Who ends clears every pointer at it, by a list of who points at it. Files that wait in packets are
 * kernel/socket_flight.c's. Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "namespace.h"
#include "poll.h"
#include "socket_internal.h"

#define RUNNING ((struct peer){current->tgid, current->cred.euid, current->cred.egid})

struct usock *usocks;
unsigned int nr_usocks, nr_queued;
static const struct file_operations socket_fop;

u64 usock_wait_until(const struct usock *s, bool send)
{
	u64 ns = s->timeout[send];

	return ns ? port_time_ns() + ns : WAIT_FOREVER;
}

long usock_wait_error(u64 until, long err)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && until != WAIT_FOREVER ? -EINTR : err;
}

long usock_wait_room(struct usock *to, u64 until)
{
	struct wait_entry e = {0};
	long err;

	wait_queue_add(&to->writable, &e);
	err = usock_wait_error(until, sleep_until(until));
	wait_queue_remove(&e);
	return err;
}

/* ------------------------------------------------------------------ making, ending */

static struct usock *usock_alloc(int type)
{
	struct usock *s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ZERO);

	if (!s)
		return NULL;
	s->type = type;
	s->net = current->nsproxy->of[NSP_NET];
	ns_get(s->net);
	s->next = usocks;
	s->prev = &usocks;
	if (s->next)
		s->next->prev = &s->next;
	usocks = s;
	nr_usocks++;
	return s;
}

static void changed(struct usock *s)
{
	wake_up_all(&s->readable);
	wake_up_all(&s->writable);
}

/* NULL: at nobody. */
static void point_at(struct usock *s, struct usock *to)
{
	if (s->peer) {
		*s->prev_pointing = s->next_pointing;
		if (s->next_pointing)
			s->next_pointing->prev_pointing = s->prev_pointing;
	}
	s->peer = to;
	if (!to)
		return;
	s->next_pointing = to->pointing;
	s->prev_pointing = &to->pointing;
	if (s->next_pointing)
		s->next_pointing->prev_pointing = &s->next_pointing;
	to->pointing = s;
}

/* One that has nobody waiting to be accepted. */
static void usock_end(struct usock *s)
{
	struct usock *other;

	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	nr_usocks--;
	while ((other = s->pointing)) {
		point_at(other, NULL);
		other->peer_closed = true;
		/* What was sent and not read was lost. */
		if (s->first && other->type != SOCK_DGRAM)
			other->error = ECONNRESET;
		changed(other);
	}
	point_at(s, NULL);
	nr_queued -= s->nr_packets;
	packets_free(s->first);
	dput(s->bound);
	wait_queue_end(&s->readable);
	wait_queue_end(&s->writable);
	ns_put(s->net);
	kfree(s);
}

static void usock_free(struct usock *s)
{
	struct usock *other;

	while ((other = s->pending)) {
		s->pending = other->next_pending;
		usock_end(other);
	}
	usock_end(s);
}

static void socket_release(struct open_file *f)
{
	usock_free(f->private);
	flight_collect();
}

static long usock_file(struct usock *s, unsigned int flags, struct open_file **f)
{
	char name[32];

	*f = file_anon("", S_IFSOCK | 0777, O_RDWR | (flags & O_NONBLOCK), &socket_fop);
	if (!*f)
		return -ENOMEM;
	quire_snprintf(name, sizeof(name), "socket:[%llu]", (unsigned long long)(*f)->inode->ino);
	if (file_rename_anon(*f, name)) {
		(*f)->op = NULL;
		file_put(*f);
		return -ENOMEM;
	}
	(*f)->private = s;
	s->file = *f;
	return 0;
}

long unix_create(int type, unsigned int flags, struct open_file **f)
{
	struct usock *s = usock_alloc(type);
	long err;

	if (!s)
		return -ENOMEM;
	err = usock_file(s, flags, f);
	if (err)
		usock_free(s);
	return err;
}

long netlink_create(unsigned int flags, struct open_file **f)
{
	long err = unix_create(SOCK_DGRAM, flags, f);

	if (!err)
		usock_of(*f)->netlink = true;
	return err;
}

bool unix_is_netlink(const struct open_file *f)
{
	return file_is_socket(f) && usock_of(f)->netlink;
}

static void join(struct usock *a, struct usock *b)
{
	point_at(a, b);
	point_at(b, a);
	a->was_connected = b->was_connected = true;
	a->other_end = b->other_end = RUNNING;
}

void unix_pair(struct open_file *a, struct open_file *b)
{
	join(a->private, b->private);
}

struct usock *usock_of(const struct open_file *f)
{
	return f->op == &socket_fop ? f->private : NULL;
}

bool file_is_socket(const struct open_file *f)
{
	return f->op == &socket_fop;
}

int unix_type(const struct open_file *f)
{
	return usock_of(f)->type;
}

/* ------------------------------------------------------------------ names */

static bool is_abstract(const struct address *a)
{
	return a->len > 2 && !a->path[0];
}

long usock_find(const struct address *a, const struct namespace *net, struct usock **found)
{
	struct dentry *d = NULL;
	struct usock *s;
	long err;

	if (a->len <= 2)
		return -EINVAL;
	if (!is_abstract(a)) {
		err = kern_path(a->path, WALK_FOLLOW, &d);
		if (err)
			return err;
	}
	for (s = usocks; s; s = s->next)
		if (d ? s->bound && s->bound->inode == d->inode
		      : s->net == net && !s->was_connected && s->name.len == a->len &&
				    !memcmp(s->name.path, a->path, a->len - 2U))
			break;
	dput(d);
	*found = s;
	return s ? 0 : -ECONNREFUSED;
}

long unix_bind(struct open_file *f, const struct address *a)
{
	struct usock *s = usock_of(f), *other;
	struct path_walk w;
	long err;

	if (s->name.len && (a->len <= 2 || is_abstract(a)))
		return a->len <= 2 ? 0 : -EINVAL;
	if (a->len <= 2) {
		static u32 last;

		/* Any abstract name. */
		s->name.len = 8;
		quire_snprintf(s->name.path + 1, sizeof(s->name.path) - 1, "%05x", ++last);
		return 0;
	}
	if (is_abstract(a)) {
		if (!usock_find(a, s->net, &other))
			return -EADDRINUSE;
		s->name = *a;
		return 0;
	}
	err = walk_path(AT_FDCWD, a->path, WALK_PARENT, &w);
	if (err)
		return err;
	if (w.dentry || !w.len)
		err = -EADDRINUSE;
	else if (s->name.len)
		err = -EINVAL;
	else
		err = vfs_create(w.parent, w.last, w.len, S_IFSOCK | (0777 & ~current->fs->umask),
				 0, &s->bound);
	walk_end(&w);
	if (!err)
		s->name = *a;
	return err;
}

void unix_name(const struct open_file *f, bool peer, struct address *a)
{
	const struct usock *s = usock_of(f);

	a->len = 2;
	if (peer)
		s = s->peer;
	if (s && s->name.len)
		*a = s->name;
}

bool unix_connected(const struct open_file *f)
{
	const struct usock *s = usock_of(f);

	return s->peer || (s->was_connected && s->peer_closed);
}

/* ------------------------------------------------------------------ connecting */

long unix_listen(struct open_file *f, int backlog)
{
	struct usock *s = usock_of(f);

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!s->name.len || s->was_connected)
		return -EINVAL;
	s->listening = true;
	s->backlog = (unsigned int)clamp(backlog, 0, 4096);
	s->other_end = RUNNING;
	return 0;
}

long unix_connect(struct open_file *f, const struct address *a, bool nonblock)
{
	struct usock *s = usock_of(f), *to, *other, **last;
	u64 until;
	long err;

	if (s->type == SOCK_DGRAM) {
		err = usock_find(a, s->net, &to);
		if (!err && to->type != SOCK_DGRAM)
			err = -EPROTOTYPE;
		if (!err) {
			point_at(s, to);
			s->peer_closed = false;
		}
		return err;
	}
	if (s->was_connected)
		return -EISCONN;
	if (s->listening)
		return -EINVAL;
	until = usock_wait_until(s, true);
	for (;;) {
		err = usock_find(a, s->net, &to);
		if (err)
			return err;
		if (to->type != s->type)
			return -EPROTOTYPE;
		if (!to->listening)
			return -ECONNREFUSED;
		if (to->nr_pending <= to->backlog)
			break;
		if (nonblock)
			return -EAGAIN;
		err = usock_wait_room(to, until);
		if (err)
			return err;
	}
	other = usock_alloc(s->type);
	if (!other)
		return -ENOMEM;
	other->name = to->name;
	ns_get(to->net);
	ns_put(other->net);
	other->net = to->net;
	join(s, other);
	s->other_end = to->other_end;
	for (last = &to->pending; *last; last = &(*last)->next_pending)
		;
	*last = other;
	to->nr_pending++;
	wake_up_all(&to->readable);
	return 0;
}

long unix_accept(struct open_file *f, unsigned int flags, struct open_file **new)
{
	struct usock *s = usock_of(f), *other;
	u64 until = usock_wait_until(s, false);
	long err;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!s->listening)
		return -EINVAL;
	if (!s->pending && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = usock_wait_error(until, wait_event(&s->readable, s->pending || s->shut_read, until));
	if (err)
		return err;
	other = s->pending;
	if (!other)
		return -EINVAL;
	err = usock_file(other, flags, new);
	if (err)
		return err;
	s->pending = other->next_pending;
	s->nr_pending--;
	wake_up_all(&s->writable);
	return 0;
}

long unix_shutdown(struct open_file *f, int how)
{
	struct usock *s = usock_of(f);

	if (how < 0 || how > 2)
		return -EINVAL;
	if (how != SHUT_WR)
		s->shut_read = true;
	if (how != SHUT_RD)
		s->shut_write = true;
	if (s->peer && s->type != SOCK_DGRAM) {
		if (how != SHUT_RD)
			s->peer->shut_read = true;
		if (how != SHUT_WR)
			s->peer->shut_write = true;
		changed(s->peer);
	}
	changed(s);
	return 0;
}

int unix_error(struct open_file *f)
{
	struct usock *s = usock_of(f);
	int err = s->error;

	s->error = 0;
	return err;
}

bool unix_is_listening(const struct open_file *f)
{
	return usock_of(f)->listening;
}

u64 *unix_timeout(struct open_file *f, bool send)
{
	return &usock_of(f)->timeout[send];
}

const struct peer *unix_peer(const struct open_file *f)
{
	return &usock_of(f)->other_end;
}

/* ------------------------------------------------------------------ as a file */

static long socket_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct message m = {.data = *to};
	long n;

	/* A copy of an iter that points into itself points into the copy. */
	if (to->vec == &to->one)
		m.data.vec = &m.data.one;
	n = unix_receive(f, &m, 0, f->flags & O_NONBLOCK);
	for (unsigned int i = 0; i < m.nr_files; i++)
		file_put(m.files[i]);
	return n;
}

static long socket_write(struct open_file *f, struct iter *from, u64 *pos)
{
	struct message m = {.data = *from};
	long n;

	if (from->vec == &from->one)
		m.data.vec = &m.data.one;
	n = unix_send(f, &m, f->flags & O_NONBLOCK);
	if (n == -EPIPE)
		send_signal(SIGPIPE, current);
	return n;
}

static unsigned int socket_poll(struct open_file *f, struct poll_table *table)
{
	struct usock *s = f->private;
	unsigned int events = 0;

	poll_wait(table, &s->readable);
	/* Room is at the receiver's. */
	poll_wait(table, s->peer && s->type != SOCK_DGRAM ? &s->peer->writable : &s->writable);
	if (s->error)
		events |= POLLERR;
	if (s->first || s->pending || s->shut_read || (s->peer_closed && s->type != SOCK_DGRAM))
		events |= POLLIN | POLLRDNORM;
	if (s->shut_read || (s->peer_closed && s->type != SOCK_DGRAM))
		events |= POLLRDHUP;
	if ((s->peer_closed && s->type != SOCK_DGRAM) || (s->shut_read && s->shut_write) ||
	    (s->type != SOCK_DGRAM && !s->was_connected && !s->listening))
		events |= POLLHUP;
	if (!s->listening && (!s->peer || usock_has_room(s->peer, 1)))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

#define FIONREAD 0x541bU

static long socket_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	const struct usock *s = f->private;
	int n = s->type == SOCK_STREAM ? (int)s->queued : s->first ? (int)s->first->len : 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return s->listening ? -EINVAL : copy_to_user(arg, &n, sizeof(n));
}

static const struct file_operations socket_fop = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

/* ------------------------------------------------------------------ /proc/net/unix */

#define SO_ACCEPTED_CONNECTIONS 0x10000U
enum { UNCONNECTED = 1, CONNECTED = 3 };

static void put_name(struct out *out, const struct address *a)
{
	out_puts(out, " ");
	for (unsigned int i = 0; i < a->len - 2U && (a->path[i] || is_abstract(a)); i++)
		out_write(out, a->path[i] ? &a->path[i] : "@", 1);
}

void unix_report(struct out *out, const struct namespace *net)
{
	out_puts(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	for (const struct usock *s = usocks; s; s = s->next) {
		if (s->net != net)
			continue;
		out_printf(out, "%016x: %08X %08X %08X %04X %02X %5llu", 0, s->peer ? 3 : 2, 0,
			   s->listening ? SO_ACCEPTED_CONNECTIONS : 0, (unsigned int)s->type,
			   s->peer ? CONNECTED : UNCONNECTED,
			   s->file ? (unsigned long long)s->file->inode->ino : 0);
		if (s->name.len > 2)
			put_name(out, &s->name);
		out_puts(out, "\n");
	}
}
