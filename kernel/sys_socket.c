// SPDX-License-Identifier: MIT
/* System calls on sockets (kernel/syscalls.def). */
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "socket.h"
#include "syscall.h"
#include "userns.h"

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MAX_CONTROL SZ_4K

static long socket_of(u64 fd, struct open_file **f)
{
	*f = file_of((unsigned int)fd);
	if (!*f)
		return -EBADF;
	return file_is_socket(*f) ? 0 : -ENOTSOCK;
}

static long get_address(unsigned long from, u64 len, struct address *a)
{
	memset(a, 0, sizeof(*a));
	if (len > 128)
		return -EINVAL;
	if (len < 2)
		return -EINVAL;
	len = min(len, (u64)110);
	if (copy_from_user(&a->family, from, len))
		return -EFAULT;
	if (a->family != AF_UNIX)
		return -EINVAL;
	/* A name that is no path counts all its bytes; a path ends where it ends. */
	a->len = (u16)(len > 2 && a->path[0] ? 2 + strlen(a->path) + 1 : len);
	return 0;
}

/* As much as there is room for; the length is the whole one. */
static long put_address(const struct address *a, unsigned long to, unsigned long len_at)
{
	struct address full = *a;
	int room, len = a->len ? a->len : 2;

	if (!to)
		return 0;
	full.family = AF_UNIX;
	if (copy_from_user(&room, len_at, sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(to, &full.family, (size_t)min(room, len)) ||
	    copy_to_user(len_at, &len, sizeof(len)))
		return -EFAULT;
	return 0;
}

static long check_kind(const struct syscall_args *r, int *type, unsigned int *flags)
{
	*type = (int)(r->a[1] & 0xf);
	*flags = (unsigned int)(r->a[1] & ~0xfULL);
	if (*flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (r->a[0] != AF_UNIX)
		return -EAFNOSUPPORT;
	if (r->a[2] && r->a[2] != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (*type == 3) /* SOCK_RAW is as good */
		*type = SOCK_DGRAM;
	return *type == SOCK_STREAM || *type == SOCK_DGRAM || *type == SOCK_SEQPACKET
		       ? 0
		       : -ESOCKTNOSUPPORT;
}

long call_socket(const struct syscall_args *r)
{
	struct open_file *f;
	unsigned int flags;
	int type;
	long err;

	if (r->a[0] == AF_NETLINK && !r->a[2]) {
		type = (int)(r->a[1] & 0xf);
		flags = (unsigned int)(r->a[1] & ~0xfULL);
		if (flags & ~(O_CLOEXEC | O_NONBLOCK))
			return -EINVAL;
		err = type == 3 || type == SOCK_DGRAM ? netlink_create(flags, &f)
						      : -ESOCKTNOSUPPORT;
		return err ? err : fd_install(f, 0, flags & O_CLOEXEC);
	}
	err = check_kind(r, &type, &flags);
	if (!err)
		err = unix_create(type, flags, &f);
	return err ? err : fd_install(f, 0, flags & O_CLOEXEC);
}

long call_socketpair(const struct syscall_args *r)
{
	struct open_file *a, *b;
	unsigned int flags;
	int type, out[2];
	long err = check_kind(r, &type, &flags), fd[2];

	if (!err)
		err = unix_create(type, flags, &a);
	if (err)
		return err;
	err = unix_create(type, flags, &b);
	if (err) {
		file_put(a);
		return err;
	}
	unix_pair(a, b);
	fd[0] = fd_install(a, 0, flags & O_CLOEXEC);
	fd[1] = fd_install(b, 0, flags & O_CLOEXEC);
	out[0] = (int)fd[0];
	out[1] = (int)fd[1];
	err = fd[0] < 0 ? fd[0] : fd[1] < 0 ? fd[1] : copy_to_user(r->a[3], out, sizeof(out));
	if (err && fd[0] >= 0)
		(void)fd_close((unsigned int)fd[0]);
	if (err && fd[1] >= 0)
		(void)fd_close((unsigned int)fd[1]);
	return err;
}

long call_bind(const struct syscall_args *r)
{
	struct address a;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (!err)
		err = get_address(r->a[1], r->a[2], &a);
	return err ? err : unix_bind(f, &a);
}

long call_listen(const struct syscall_args *r)
{
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	return err ? err : unix_listen(f, (int)r->a[1]);
}

long call_connect(const struct syscall_args *r)
{
	struct address a;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (!err)
		err = get_address(r->a[1], r->a[2], &a);
	if (err)
		return err;
	file_get(f);
	err = unix_connect(f, &a, f->flags & O_NONBLOCK);
	file_put(f);
	return err;
}

static long do_accept(const struct syscall_args *r, unsigned int flags)
{
	struct open_file *f, *new;
	struct address a;
	long err = socket_of(r->a[0], &f);

	if (err)
		return err;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	file_get(f);
	err = unix_accept(f, flags, &new);
	file_put(f);
	if (err)
		return err;
	unix_name(new, true, &a);
	err = put_address(&a, r->a[1], r->a[2]);
	if (err) {
		file_put(new);
		return err;
	}
	return fd_install(new, 0, flags & O_CLOEXEC);
}

long call_accept(const struct syscall_args *r)
{
	return do_accept(r, 0);
}

long call_accept4(const struct syscall_args *r)
{
	return do_accept(r, (unsigned int)r->a[3]);
}

static long name_call(const struct syscall_args *r, bool peer)
{
	struct address a;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (!err && peer && !unix_connected(f))
		err = -ENOTCONN;
	if (err)
		return err;
	unix_name(f, peer, &a);
	return put_address(&a, r->a[1], r->a[2]);
}

long call_getsockname(const struct syscall_args *r)
{
	return name_call(r, false);
}

long call_getpeername(const struct syscall_args *r)
{
	return name_call(r, true);
}

long call_shutdown(const struct syscall_args *r)
{
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	return err ? err : unix_shutdown(f, (int)r->a[1]);
}

/* ------------------------------------------------------------------ options */

enum {
	SO_TYPE = 3,
	SO_ERROR,
	SO_SNDBUF = 7,
	SO_RCVBUF,
	SO_PEERCRED = 17,
	SO_RCVTIMEO = 20,
	SO_SNDTIMEO,
	SO_ACCEPTCONN = 30,
	SO_DOMAIN = 39,
	SO_LAST = 83,
};

static long set_timeout(struct open_file *f, const struct syscall_args *r)
{
	u64 *timeout = unix_timeout(f, r->a[2] == SO_SNDTIMEO);
	struct timeval64 tv;

	if ((int)r->a[4] < (int)sizeof(tv))
		return -EINVAL;
	if (get_user(tv, r->a[3]))
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	/* Before now: not at all. */
	if (tv.sec < 0)
		*timeout = 1;
	else
		*timeout = tv.sec > 1000000000 ? 0 : (u64)(tv.sec * 1000000000 + tv.usec * 1000);
	return 0;
}

long call_setsockopt(const struct syscall_args *r)
{
	struct open_file *f;
	long err = socket_of(r->a[0], &f);
	int value;

	if (err)
		return err;
	if (r->a[1] == SOL_SOCKET && (int)r->a[4] < (int)sizeof(value))
		return -EINVAL;
	if (r->a[1] == SOL_SOCKET && get_user(value, r->a[3]))
		return -EFAULT;
	if (r->a[1] != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (r->a[2] == SO_RCVTIMEO || r->a[2] == SO_SNDTIMEO)
		return set_timeout(f, r);
	/* Sizes of buffers, and who may share a name, are what they are. */
	return r->a[2] <= SO_LAST && r->a[2] != SO_TYPE && r->a[2] != SO_ERROR ? 0 : -ENOPROTOOPT;
}

long call_getsockopt(const struct syscall_args *r)
{
	struct open_file *f;
	int value[4] = {0}, len = sizeof(int), room;
	long err = socket_of(r->a[0], &f);

	if (err)
		return err;
	if (r->a[1] != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (copy_from_user(&room, r->a[4], sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	switch (r->a[2]) {
	case SO_TYPE:
		value[0] = unix_type(f);
		break;
	case SO_ERROR:
		value[0] = unix_error(f);
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
		value[0] = 212992;
		break;
	case SO_PEERCRED:
		value[0] = pid_vnr(unix_peer(f)->pid);
		value[1] = value[2] = -1;
		if (unix_peer(f)->pid) {
			value[1] = (int)uid_to_user(unix_peer(f)->uid);
			value[2] = (int)gid_to_user(unix_peer(f)->gid);
		}
		len = 3 * sizeof(value[0]);
		break;
	case SO_ACCEPTCONN:
		value[0] = unix_is_listening(f);
		break;
	case SO_DOMAIN:
		value[0] = AF_UNIX;
		break;
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		memcpy(value,
		       &(struct timeval64){
			       (s64)(*unix_timeout(f, r->a[2] == SO_SNDTIMEO) / 1000000000),
			       (s64)(*unix_timeout(f, r->a[2] == SO_SNDTIMEO) / 1000 % 1000000)},
		       sizeof(struct timeval64));
		len = sizeof(struct timeval64);
		break;
	default:
		if (r->a[2] > SO_LAST)
			return -ENOPROTOOPT;
	}
	len = min(len, room);
	if (copy_to_user(r->a[3], value, (size_t)len) || copy_to_user(r->a[4], &len, sizeof(len)))
		return -EFAULT;
	return 0;
}

/* ------------------------------------------------------------------ messages */

struct msghdr {
	u64 name;
	u32 namelen, pad;
	u64 iov, iovlen, control, controllen;
	u32 flags, pad2;
};

struct cmsghdr {
	u64 len;
	s32 level, type;
};

static long do_send(struct open_file *f, struct message *m, unsigned int flags)
{
	long n = flags & MSG_OOB ? -EOPNOTSUPP
				 : unix_send(f, m, flags & MSG_DONTWAIT || f->flags & O_NONBLOCK);

	if (n == -EPIPE && !(flags & MSG_NOSIGNAL))
		send_signal(SIGPIPE, current);
	return n;
}

static void drop_files(struct message *m)
{
	while (m->nr_files)
		file_put(m->files[--m->nr_files]);
}

long call_sendto(const struct syscall_args *r)
{
	struct message *m;
	struct address to;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (!err && r->a[4])
		err = get_address(r->a[4], r->a[5], &to);
	if (err)
		return err;
	m = kmalloc(sizeof(*m), GFP_KERNEL | __GFP_ZERO);
	if (!m)
		return -ENOMEM;
	m->to = r->a[4] ? &to : NULL;
	iter_init(&m->data, r->a[1], r->a[2]);
	err = do_send(f, m, (unsigned int)r->a[3]);
	kfree(m);
	return err;
}

long call_recvfrom(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[3];
	struct message *m;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (err)
		return err;
	m = kmalloc(sizeof(*m), GFP_KERNEL | __GFP_ZERO);
	if (!m)
		return -ENOMEM;
	iter_init(&m->data, r->a[1], r->a[2]);
	err = unix_receive(f, m, flags, flags & MSG_DONTWAIT || f->flags & O_NONBLOCK);
	drop_files(m);
	if (err >= 0 && r->a[4] && m->from.len && put_address(&m->from, r->a[4], r->a[5]))
		err = -EFAULT;
	kfree(m);
	return err;
}

/* The descriptors in a message's control data become the message's files. */
static long get_control(const struct msghdr *h, struct message *m)
{
	u64 at = 0;

	if (h->controllen > MAX_CONTROL)
		return -ENOBUFS;
	while (at + sizeof(struct cmsghdr) <= h->controllen) {
		struct cmsghdr c;

		if (copy_from_user(&c, h->control + at, sizeof(c)))
			return -EFAULT;
		if (c.len < sizeof(c) || c.len > h->controllen - at)
			return -EINVAL;
		if (c.level == SOL_SOCKET && c.type == SCM_RIGHTS) {
			u64 n = (c.len - sizeof(c)) / sizeof(int);

			if (n + m->nr_files > SCM_MAX_FD)
				return -EINVAL;
			for (u64 i = 0; i < n; i++) {
				struct open_file *f;
				int fd;

				if (copy_from_user(&fd,
						   h->control + at + sizeof(c) + i * sizeof(fd),
						   sizeof(fd)))
					return -EFAULT;
				f = file_of_raw((unsigned int)fd);
				if (!f)
					return -EBADF;
				m->files[m->nr_files++] = file_get(f);
			}
		}
		at += ALIGN(c.len, 8);
	}
	return 0;
}

/* The other way: descriptors for what came, as many as there is room for. */
static long put_control(struct msghdr *h, struct message *m, bool cloexec)
{
	u64 room = h->controllen, n = 0;
	struct cmsghdr c = {.level = SOL_SOCKET, .type = SCM_RIGHTS};

	h->controllen = 0;
	if (!m->nr_files)
		return 0;
	while (n < m->nr_files && sizeof(c) + (n + 1) * sizeof(int) <= room) {
		long fd = fd_install(file_get(m->files[n]), 0, cloexec);
		int out = (int)fd;

		if (fd < 0)
			break;
		if (copy_to_user(h->control + sizeof(c) + n * sizeof(int), &out, sizeof(out)))
			return -EFAULT;
		n++;
	}
	if (n < m->nr_files)
		h->flags |= MSG_CTRUNC;
	if (!n)
		return 0;
	c.len = sizeof(c) + n * sizeof(int);
	h->controllen = min(room, ALIGN(c.len, 8));
	return copy_to_user(h->control, &c, sizeof(c));
}

long call_sendmsg(const struct syscall_args *r)
{
	struct msghdr h;
	struct message *m;
	struct address to;
	struct iovec *vec = NULL;
	struct open_file *f;
	long err = socket_of(r->a[0], &f);

	if (err)
		return err;
	if (copy_from_user(&h, r->a[1], sizeof(h)))
		return -EFAULT;
	m = kmalloc(sizeof(*m), GFP_KERNEL | __GFP_ZERO);
	if (!m)
		return -ENOMEM;
	if (h.name && h.namelen) {
		err = get_address(h.name, h.namelen, &to);
		m->to = &to;
	}
	if (!err)
		err = h.iovlen > 1024 ? -EMSGSIZE : import_iovec(h.iov, h.iovlen, &vec, &m->data);
	if (!err && h.control)
		err = get_control(&h, m);
	if (!err) {
		unsigned int nr = m->nr_files;

		err = do_send(f, m, (unsigned int)r->a[2]);
		m->nr_files = nr; /* the packet has its own references */
	}
	drop_files(m);
	kfree(vec);
	kfree(m);
	return err;
}

long call_recvmsg(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[2];
	struct msghdr h;
	struct message *m;
	struct iovec *vec = NULL;
	struct open_file *f;
	long err = socket_of(r->a[0], &f), n;

	if (err)
		return err;
	if (copy_from_user(&h, r->a[1], sizeof(h)))
		return -EFAULT;
	m = kmalloc(sizeof(*m), GFP_KERNEL | __GFP_ZERO);
	if (!m)
		return -ENOMEM;
	n = h.iovlen > 1024 ? -EMSGSIZE : import_iovec(h.iov, h.iovlen, &vec, &m->data);
	if (!n)
		n = unix_receive(f, m, flags, flags & MSG_DONTWAIT || f->flags & O_NONBLOCK);
	if (n >= 0) {
		h.flags = m->truncated ? MSG_TRUNC : 0;
		err = put_control(&h, m, flags & MSG_CMSG_CLOEXEC);
		if (h.name && m->from.len) {
			m->from.family = AF_UNIX;
			if (copy_to_user(h.name, &m->from.family, min(h.namelen, (u32)m->from.len)))
				err = -EFAULT;
		}
		h.namelen = m->from.len;
		if (!err)
			err = copy_to_user(r->a[1], &h, sizeof(h));
	}
	drop_files(m);
	kfree(vec);
	kfree(m);
	return err ? err : n;
}
