// SPDX-License-Identifier: MIT
/*
 * Bytes from file to file without the program's memory between: sendfile, splice, tee, vmsplice, copy_file_range (Linux: fs/splice.c).
 *
 * They are copied, by way of a buffer, where Linux moves pages: a pipe then never shows what was written after the call. Nothing is taken
 * out of a pipe before it has arrived. Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "pipe.h"
#include "syscall.h"
#include "vfs.h"

#define BUFFER SZ_64K
#define MAX_MOVE ((size_t)INT_MAX & ~(PAGE_SIZE - 1))

#define SPLICE_F_NONBLOCK 2U
#define SPLICE_F_ALL 15U

/* One side: a file, where in it, and whether that is the file's own position. */
struct end {
	struct open_file *f;
	u64 pos;
	bool own;
	unsigned long user; /* where the program keeps the position; 0: it does not */
};

static long end_open(struct end *e, unsigned int fd, unsigned long user, bool write)
{
	s64 pos;

	e->f = file_of(fd);
	if (!e->f || !(e->f->file.f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (!e->f->op || !(write ? e->f->op->write : e->f->op->read) ||
	    (write ? e->f->op->no_splice_write : e->f->op->no_splice_read))
		return -EINVAL;
	e->user = user;
	e->own = !user;
	e->pos = e->f->pos;
	if (!user)
		return 0;
	if (!e->f->op->llseek)
		return -ESPIPE;
	if (copy_from_user(&pos, user, sizeof(pos)))
		return -EFAULT;
	if (pos < 0)
		return -EINVAL;
	e->pos = (u64)pos;
	return 0;
}

static long end_close(struct end *e, long ret)
{
	if (e->user && ret >= 0 && copy_to_user(e->user, &e->pos, sizeof(e->pos)))
		ret = -EFAULT;
	if (e->own && e->f->op->llseek)
		e->f->pos = e->pos;
	return ret;
}

static long read_some(struct end *e, void *buf, size_t n, u64 *pos)
{
	struct iter it;

	iter_init_kernel(&it, buf, n);
	return e->f->op->read(e->f, &it, pos);
}

static long write_some(struct end *e, void *buf, size_t n)
{
	struct iter it;
	long done;

	iter_init_kernel(&it, buf, n);
	done = e->f->op->write(e->f, &it, &e->pos);
	if (done > 0)
		inode_changed(e->f->inode, true);
	return done;
}

/* From a file that has positions, so that what could not be written is read again. */
static long copy_seekable(struct end *in, struct end *out, size_t len, void *buf)
{
	size_t done = 0;
	long n = 0;

	while (done < len) {
		u64 pos = in->pos;
		long got = read_some(in, buf, min(len - done, BUFFER), &pos);

		if (got <= 0)
			return done ? (long)done : got;
		n = write_some(out, buf, (size_t)got);
		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
		in->pos += (size_t)n;
		if (n < got)
			break;
	}
	return (long)done;
}

static long to_pipe(struct end *in, struct pipe *p, struct end *out, size_t len, bool nonblock)
{
	void *buf = kvmalloc(BUFFER, GFP_KERNEL);
	size_t done = 0;
	long n = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		u64 pos = in->pos;

		n = done && !pipe_room(p) ? 0 : pipe_wait_writable(p, nonblock);
		if (n || !pipe_room(p))
			break;
		n = read_some(in, buf, min(min(len - done, BUFFER), pipe_room(p)), &pos);
		if (n <= 0)
			break;
		n = write_some(out, buf, (size_t)n);
		if (n <= 0)
			break;
		in->pos += (size_t)n;
		done += (size_t)n;
	}
	kvfree(buf);
	return done ? (long)done : n;
}

static long copy_between(struct end *in, struct end *out, size_t len)
{
	void *buf = kvmalloc(BUFFER, GFP_KERNEL);
	struct open_file *a = file_get(in->f), *b = file_get(out->f);
	long ret = -ENOMEM;

	len = min(len, MAX_MOVE);
	if (buf && file_pipe(out->f))
		ret = to_pipe(in, file_pipe(out->f), out, len, out->f->flags & O_NONBLOCK);
	else if (buf)
		ret = copy_seekable(in, out, len, buf);
	if (ret > 0)
		file_accessed(in->f);
	ret = end_close(in, ret);
	ret = end_close(out, ret);
	kvfree(buf);
	file_put(a);
	file_put(b);
	return ret;
}

long call_sendfile(const struct syscall_args *r)
{
	struct end in, out;
	long err = end_open(&in, (unsigned int)r->a[1], r->a[2], false);

	if (!err)
		err = end_open(&out, (unsigned int)r->a[0], 0, true);
	if (err)
		return err;
	/* What has no positions would lose what could not be written. */
	if (out.f->flags & O_APPEND || (!in.f->op->llseek && !file_pipe(out.f)))
		return -EINVAL;
	return copy_between(&in, &out, r->a[3]);
}

long call_copy_file_range(const struct syscall_args *r)
{
	struct end in, out;
	u64 len = r->a[4];
	long err;

	if (r->a[5])
		return -EINVAL;
	in.f = file_of((unsigned int)r->a[0]);
	out.f = file_of((unsigned int)r->a[2]);
	if (!in.f || !out.f)
		return -EBADF;
	if ((in.f->inode->mode & S_IFMT) == S_IFDIR || (out.f->inode->mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if ((in.f->inode->mode & S_IFMT) != S_IFREG || (out.f->inode->mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	err = end_open(&in, (unsigned int)r->a[0], r->a[1], false);
	if (!err)
		err = end_open(&out, (unsigned int)r->a[2], r->a[3], true);
	if (err)
		return err;
	if (out.f->flags & O_APPEND)
		return -EBADF;
	if (in.f->inode == out.f->inode && in.pos < out.pos + len && out.pos < in.pos + len)
		return -EINVAL;
	return copy_between(&in, &out, len);
}

/* ------------------------------------------------------------------ pipes */

/* What is in a pipe goes to a file, or to another pipe. keep: it stays in the first one. */
static long from_pipe(struct pipe *p, struct end *out, size_t len, bool nonblock, bool keep)
{
	struct pipe *to = file_pipe(out->f);
	size_t done = 0;
	void *buf = kvmalloc(BUFFER, GFP_KERNEL);
	long err = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		size_t n;
		long put;

		/* What has come is enough. */
		if (done && !pipe_used(p))
			break;
		err = pipe_wait_readable(p, nonblock);
		if (!err && to)
			err = done && !pipe_room(to) ? 1 : pipe_wait_writable(to, nonblock);
		if (err || !pipe_used(p))
			break;
		n = min(min(len - done, BUFFER), pipe_used(p));
		if (to)
			n = min(n, pipe_room(to));
		n = pipe_peek(p, buf, n);
		put = write_some(out, buf, n);
		if (put <= 0) {
			err = put;
			break;
		}
		if (!keep)
			pipe_drop(p, (size_t)put);
		done += (size_t)put;
		if (keep)
			break;
	}
	kvfree(buf);
	return done ? (long)done : min(err, 0L);
}

long call_splice(const struct syscall_args *r)
{
	bool nonblock = r->a[5] & SPLICE_F_NONBLOCK;
	struct pipe *from, *to;
	struct end in = {0}, out = {0};
	struct open_file *a, *b;
	size_t len = min((size_t)r->a[4], MAX_MOVE);
	long ret;

	if (!len)
		return 0;
	if (r->a[5] & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	in.f = file_of((unsigned int)r->a[0]);
	out.f = file_of((unsigned int)r->a[2]);
	if (!in.f || !out.f)
		return -EBADF;
	from = file_pipe(in.f);
	to = file_pipe(out.f);
	if ((from && r->a[1]) || (to && r->a[3]))
		return -ESPIPE;
	ret = end_open(&in, (unsigned int)r->a[0], r->a[1], false);
	if (!ret)
		ret = end_open(&out, (unsigned int)r->a[2], r->a[3], true);
	if (ret)
		return ret;
	if ((!from && !to) || from == to)
		return -EINVAL;
	if (!to && out.f->flags & O_APPEND)
		return -EINVAL;
	a = file_get(in.f);
	b = file_get(out.f);
	if (from)
		ret = from_pipe(from, &out, len, nonblock || in.f->flags & O_NONBLOCK, false);
	else
		ret = to_pipe(&in, to, &out, len, nonblock || out.f->flags & O_NONBLOCK);
	ret = end_close(&in, ret);
	ret = end_close(&out, ret);
	file_put(a);
	file_put(b);
	return ret;
}

long call_tee(const struct syscall_args *r)
{
	struct open_file *in = file_of((unsigned int)r->a[0]), *b;
	struct end out = {.own = true};
	struct pipe *from, *to;
	long ret;

	if (r->a[3] & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	if (!r->a[2])
		return 0;
	out.f = file_of((unsigned int)r->a[1]);
	if (!in || !out.f || !(in->file.f_mode & FMODE_READ) || !(out.f->file.f_mode & FMODE_WRITE))
		return -EBADF;
	from = file_pipe(in);
	to = file_pipe(out.f);
	if (!from || !to || from == to)
		return -EINVAL;
	file_get(in);
	b = file_get(out.f);
	ret = from_pipe(from, &out, min((size_t)r->a[2], MAX_MOVE), r->a[3] & SPLICE_F_NONBLOCK,
			true);
	file_put(in);
	file_put(b);
	return ret;
}

/*
 * How many bytes from the start can be had as pages, of those that a pipe may take: memory that the kernel may not look into (memfd_secret)
 * ends them, as what is not there does.
 */
static size_t pages_from(const struct iovec *vec, u64 nr)
{
	size_t sum = 0;

	for (u64 i = 0; i < nr && sum < SZ_1M; i++) {
		const unsigned long start = untagged_addr(vec[i].base), end = start + vec[i].len;

		if (end < start)
			return sum;

		for (unsigned long at = start; at < end && sum < SZ_1M;) {
			const unsigned long next = min(end, (at & PAGE_MASK) + PAGE_SIZE);
			struct page *page = get_user_page(current->mm, at, false);

			if (!page)
				return sum;
			user_page_put(page);
			sum += next - at;
			at = next;
		}
	}
	return sum;
}

long call_vmsplice(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]), *held;
	unsigned int flags = (unsigned int)r->a[3], old;
	struct iovec *vec;
	struct iter it;
	u64 pos = 0;
	long ret;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!f || !(f->file.f_mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	ret = import_iovec(r->a[1], r->a[2], &vec, &it);
	if (ret)
		return ret;
	if (it.left && !file_pipe(f)) {
		kfree(vec);
		return -EBADF;
	}
	held = file_get(f);
	old = f->flags;
	if (flags & SPLICE_F_NONBLOCK)
		f->flags |= O_NONBLOCK;
	if (!it.left)
		ret = 0;
	else if (f->file.f_mode & FMODE_WRITE) {
		/* As much as there is room for: the call waits for the first byte only. */
		it.left = min(it.left, pages_from(vec, r->a[2]));
		ret = it.left ? pipe_write_some(f, &it) : -EFAULT;
	} else
		ret = f->op->read(f, &it, &pos);
	f->flags = (f->flags & ~O_NONBLOCK) | (old & O_NONBLOCK);
	file_put(held);
	kfree(vec);
	return ret;
}
