// SPDX-License-Identifier: MIT
/*
 * Pipes and FIFOs: bytes in a ring of pages, which are there only while bytes are in them (Linux: fs/pipe.c).
 *
 *	tail <= head, head - tail <= size;  byte `pos` is in page (pos / PAGE_SIZE) % (size / PAGE_SIZE)
 *
 * Writes of up to PIPE_BUF bytes are never parted. With O_DIRECT each is a packet in a page of its own, which is read as one: its page ends early
 * (ends), and positions go on with the next page. Locking: kernel_lock.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pipe.h"
#include "poll.h"

#define PIPE_BUF 4096U
#define DEFAULT_SIZE (16 * PAGE_SIZE)
/* sysctl fs.pipe-max-size, which root may exceed; here it is the end. */
#define MAX_SIZE SZ_1M
#define MAX_PIPE_SIZE SZ_2G

#define END_PACKET 0x80000000U

struct pipe {
	char **pages;
	u32 *ends; /* of each page that is not full and will not be, how many bytes are in it, and END_PACKET; NULL: there is none */
	size_t size; /* bytes, whole pages, a power of two */
	u64 head, tail;
	u32 readers, writers, opened_readers, opened_writers;
	s32 users; /* open files */
	struct wait_queue readable, writable;
};

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_ZERO);

	if (!p)
		return NULL;
	p->size = DEFAULT_SIZE;
	p->pages = kmalloc(p->size / PAGE_SIZE * sizeof(char *), GFP_KERNEL | __GFP_ZERO);
	if (!p->pages) {
		kfree(p);
		return NULL;
	}
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (size_t i = 0; i < p->size / PAGE_SIZE; i++)
		if (p->pages[i])
			free_page((unsigned long)p->pages[i]);
	wait_queue_end(&p->readable);
	wait_queue_end(&p->writable);
	kfree(p->ends);
	kfree(p->pages);
	kfree(p);
}

static char **page_at(const struct pipe *p, u64 pos)
{
	return &p->pages[pos / PAGE_SIZE % (p->size / PAGE_SIZE)];
}

static size_t slot_of(const struct pipe *p, u64 pos)
{
	return pos / PAGE_SIZE % (p->size / PAGE_SIZE);
}

static u32 end_of(const struct pipe *p, u64 pos)
{
	return p->ends ? p->ends[slot_of(p, pos)] : 0;
}

/* Bytes from pos on that are in its page. */
static size_t chunk_at(const struct pipe *p, u64 pos)
{
	size_t offset = pos & (PAGE_SIZE - 1), end = end_of(p, pos) & ~END_PACKET;

	return min((end ? end : PAGE_SIZE) - offset, (size_t)(p->head - pos));
}

/* Where it goes on behind n of them. */
static u64 behind(const struct pipe *p, u64 pos, size_t n)
{
	return end_of(p, pos) && n == chunk_at(p, pos) ? ALIGN_DOWN(pos, PAGE_SIZE) + PAGE_SIZE
						       : pos + n;
}

size_t pipe_used(const struct pipe *p)
{
	size_t n = 0;

	if (likely(!p->ends))
		return (size_t)(p->head - p->tail);
	for (u64 pos = p->tail; pos < p->head; pos = behind(p, pos, chunk_at(p, pos)))
		n += chunk_at(p, pos);
	return n;
}

size_t pipe_room(const struct pipe *p)
{
	/* The page that is being read counts as a whole, as in Linux: its bytes that are gone are not to be written yet. */
	return p->size - (size_t)(p->head - ALIGN_DOWN(p->tail, PAGE_SIZE));
}

/* ------------------------------------------------------------------ bytes */

/* n bytes of the first page are read. */
static void consume(struct pipe *p, size_t n)
{
	char **page = page_at(p, p->tail);
	u64 next = behind(p, p->tail, n);

	if (p->ends && !(next & (PAGE_SIZE - 1)))
		p->ends[slot_of(p, p->tail)] = 0;
	p->tail = next;
	if (!(p->tail & (PAGE_SIZE - 1)) && n) {
		free_page((unsigned long)*page);
		*page = NULL;
	} else if (p->tail == p->head) {
		/* Empty: from the start of the page again. */
		p->tail = p->head = ALIGN_DOWN(p->head, PAGE_SIZE);
	}
}

static size_t take(struct pipe *p, struct iter *to)
{
	size_t done = 0;

	while (to->left && p->tail != p->head) {
		size_t all = chunk_at(p, p->tail), part = min(to->left, all), n;
		bool packet = end_of(p, p->tail) & END_PACKET;

		n = copy_to_iter(*page_at(p, p->tail) + (p->tail & (PAGE_SIZE - 1)), part, to);
		done += n;
		if (n < part) {
			if (!packet)
				consume(p, n);
			break;
		}
		/* What nobody has room for of a packet is lost. */
		consume(p, packet ? all : n);
		if (packet)
			break;
	}
	return done;
}

/* No more goes into the page that is being written. */
static bool end_page(struct pipe *p, u32 packet)
{
	u32 n = (u32)(p->head & (PAGE_SIZE - 1));

	if (!p->ends)
		p->ends = kmalloc(p->size / PAGE_SIZE * sizeof(u32), GFP_KERNEL | __GFP_ZERO);
	if (!p->ends)
		return false;
	/* A page that is full has no early end, but may be a packet. */
	p->ends[slot_of(p, p->head - 1)] = (n ? n : (u32)PAGE_SIZE) | packet;
	p->head = ALIGN(p->head, PAGE_SIZE);
	return true;
}

static size_t put(struct pipe *p, struct iter *from, bool packets)
{
	size_t done = 0;

	if (packets && p->head & (PAGE_SIZE - 1) && !end_page(p, 0))
		return 0;
	while (from->left && pipe_room(p)) {
		size_t offset = p->head & (PAGE_SIZE - 1),
		       part = min(min(from->left, pipe_room(p)), PAGE_SIZE - offset), n;
		char **page = page_at(p, p->head);

		if (!*page) {
			*page = (char *)__get_free_page(GFP_KERNEL);
			if (!*page)
				break;
		}
		n = copy_from_iter(*page + offset, part, from);
		p->head += n;
		done += n;
		if (n && packets && !end_page(p, END_PACKET))
			break;
		if (n < part)
			break;
	}
	return done;
}

size_t pipe_peek(const struct pipe *p, void *buf, size_t n)
{
	size_t done = 0;

	for (u64 pos = p->tail; done < n && pos != p->head;) {
		size_t part = min(n - done, chunk_at(p, pos));

		memcpy((char *)buf + done, *page_at(p, pos) + (pos & (PAGE_SIZE - 1)), part);
		done += part;
		pos = behind(p, pos, part);
	}
	return done;
}

void pipe_drop(struct pipe *p, size_t n)
{
	while (n) {
		size_t part = min(n, chunk_at(p, p->tail));

		consume(p, part);
		n -= part;
	}
	wake_up_all(&p->writable);
}

/* ------------------------------------------------------------------ an end */

long pipe_wait_readable(struct pipe *p, bool nonblock)
{
	if (p->head != p->tail || !p->writers)
		return 0;
	if (nonblock)
		return -EAGAIN;
	return wait_event(&p->readable, p->head != p->tail || !p->writers, WAIT_FOREVER);
}

long pipe_wait_writable(struct pipe *p, bool nonblock)
{
	long err = 0;

	if (p->readers && !pipe_room(p) && nonblock)
		return -EAGAIN;
	if (p->readers && !pipe_room(p))
		err = wait_event(&p->writable, pipe_room(p) || !p->readers, WAIT_FOREVER);
	if (err)
		return err;
	if (p->readers)
		return 0;
	send_signal(SIGPIPE, current);
	return -EPIPE;
}

static long pipe_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct pipe *p = f->private;
	size_t n;
	bool full;
	long err;

	if (!to->left)
		return 0;
	err = pipe_wait_readable(p, f->flags & O_NONBLOCK);
	if (err || !pipe_used(p))
		return err;
	full = pipe_room(p) < PAGE_SIZE;
	n = take(p, to);
	wake_up_all(&p->writable);
	if (full && pipe_room(p) >= PAGE_SIZE)
		file_tell_owners(f->inode, false);
	return n ? (long)n : -EFAULT;
}

static long pipe_write(struct open_file *f, struct iter *from, u64 *pos)
{
	struct pipe *p = f->private;
	size_t total = from->left, done = 0, n,
	       need = f->flags & O_DIRECT ? PAGE_SIZE
		      : total <= PIPE_BUF ? total
					  : 1;
	long err;

	if (!total)
		return 0;
	while (from->left) {
		if (!p->readers) {
			send_signal(SIGPIPE, current);
			return done ? (long)done : -EPIPE;
		}
		if (pipe_room(p) < need) {
			if (f->flags & O_NONBLOCK)
				return done ? (long)done : -EAGAIN;
			err = wait_event(&p->writable, pipe_room(p) >= need || !p->readers,
					 WAIT_FOREVER);
			if (err)
				return done ? (long)done : err;
			continue;
		}
		n = put(p, from, f->flags & O_DIRECT);
		done += n;
		need = f->flags & O_DIRECT ? PAGE_SIZE : 1;
		if (n)
			wake_up_all(&p->readable);
		if (n)
			file_tell_owners(f->inode, true);
		if (!n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

long pipe_write_some(struct open_file *f, struct iter *from)
{
	struct pipe *p = f->private;
	long err = pipe_wait_writable(p, f->flags & O_NONBLOCK);
	size_t n;

	if (err)
		return err;
	n = put(p, from, false);
	if (n)
		wake_up_all(&p->readable);
	return n ? (long)n : -EFAULT;
}

static unsigned int pipe_poll(struct open_file *f, struct poll_table *table)
{
	struct pipe *p = f->private;
	unsigned int events = 0;

	if (f->file.f_mode & FMODE_READ) {
		poll_wait(table, &p->readable);
		if (pipe_used(p))
			events |= POLLIN | POLLRDNORM;
		if (!p->writers && p->opened_writers)
			events |= POLLHUP;
	}
	if (f->file.f_mode & FMODE_WRITE) {
		poll_wait(table, &p->writable);
		if (pipe_room(p) >= PAGE_SIZE)
			events |= POLLOUT | POLLWRNORM;
		if (!p->readers)
			events |= POLLERR;
	}
	return events;
}

#define FIONREAD 0x541bU

static long pipe_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	int n = (int)pipe_used(f->private);

	if (cmd != FIONREAD)
		return -ENOTTY;
	return copy_to_user(arg, &n, sizeof(n));
}

static void pipe_release(struct open_file *f)
{
	struct pipe *p = f->private;

	if (f->file.f_mode & FMODE_READ)
		p->readers--;
	if (f->file.f_mode & FMODE_WRITE)
		p->writers--;
	wake_up_all(&p->readable);
	wake_up_all(&p->writable);
	if (--p->users)
		return;
	f->inode->private = NULL;
	pipe_free(p);
}

static void join(struct pipe *p, struct open_file *f)
{
	f->private = p;
	p->users++;
	if (f->file.f_mode & FMODE_READ) {
		p->readers++;
		p->opened_readers++;
		wake_up_all(&p->writable);
	}
	if (f->file.f_mode & FMODE_WRITE) {
		p->writers++;
		p->opened_writers++;
		wake_up_all(&p->readable);
	}
}

const struct file_operations pipe_fop = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

int pipe_open(unsigned int flags, struct open_file *ends[2])
{
	struct pipe *p = pipe_alloc();
	char name[32];

	if (!p)
		return -ENOMEM;
	ends[0] = file_anon("", S_IFIFO | 0600, (flags & O_NONBLOCK) | O_RDONLY, &pipe_fop);
	if (!ends[0]) {
		pipe_free(p);
		return -ENOMEM;
	}
	quire_snprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)ends[0]->inode->ino);
	/* One file, two ends. */
	ends[1] = file_rename_anon(ends[0], name)
			  ? NULL
			  : file_alloc(dget(ends[0]->dentry),
				       (flags & (O_NONBLOCK | O_DIRECT)) | O_WRONLY, &pipe_fop);
	join(p, ends[0]);
	ends[0]->inode->private = p;
	ends[0]->inode->fop = &fifo_fop; /* by /proc/PID/fd it is opened like a FIFO */
	if (!ends[1]) {
		file_put(ends[0]);
		return -ENOMEM;
	}
	join(p, ends[1]);
	return 0;
}

struct pipe *file_pipe(const struct open_file *f)
{
	return (f->inode->mode & S_IFMT) == S_IFIFO ? f->private : NULL;
}

long pipe_size(const struct pipe *p)
{
	return (long)p->size;
}

long pipe_resize(struct pipe *p, unsigned long size)
{
	struct pipe new = {0};
	u64 pos;

	if (size > MAX_PIPE_SIZE)
		return -EINVAL;
	size = roundup_pow_of_two(max(size, PAGE_SIZE));
	if (size > MAX_SIZE)
		return capable(CAP_SYS_RESOURCE) ? -ENOMEM : -EPERM;
	/* A page may be half read and half written: what is in it counts as a whole. */
	if (ALIGN(p->head, PAGE_SIZE) - ALIGN_DOWN(p->tail, PAGE_SIZE) > size)
		return -EBUSY;
	new.size = size;
	new.pages = kmalloc(size / PAGE_SIZE * sizeof(char *), GFP_KERNEL | __GFP_ZERO);
	if (new.pages && p->ends)
		new.ends = kmalloc(size / PAGE_SIZE * sizeof(u32), GFP_KERNEL | __GFP_ZERO);
	if (!new.pages || (p->ends && !new.ends)) {
		kfree(new.pages);
		return -ENOMEM;
	}
	for (pos = ALIGN_DOWN(p->tail, PAGE_SIZE); pos <= p->head; pos += PAGE_SIZE) {
		if (pos - ALIGN_DOWN(p->tail, PAGE_SIZE) >= min(size, p->size))
			break;
		*page_at(&new, pos) = *page_at(p, pos);
		*page_at(p, pos) = NULL;
		if (p->ends)
			new.ends[slot_of(&new, pos)] = p->ends[slot_of(p, pos)];
	}
	swap(p->pages, new.pages);
	swap(p->ends, new.ends);
	swap(p->size, new.size);
	for (size_t i = 0; i < new.size / PAGE_SIZE; i++)
		if (new.pages[i])
			free_page((unsigned long)new.pages[i]);
	kfree(new.ends);
	kfree(new.pages);
	wake_up_all(&p->writable);
	return (long)p->size;
}

/* ------------------------------------------------------------------ FIFOs */

static int fifo_open(struct inode *inode, struct open_file *f)
{
	struct pipe *p = inode->private;
	bool nonblock = f->flags & O_NONBLOCK;
	u32 seen;
	int err = 0;

	if ((f->flags & O_ACCMODE) == O_WRONLY && nonblock && (!p || !p->readers))
		return -ENXIO;
	if (!p) {
		p = pipe_alloc();
		if (!p)
			return -ENOMEM;
		inode->private = p;
	}
	join(p, f);
	/* Until somebody is at the other end, or has been since. */
	if ((f->flags & O_ACCMODE) == O_RDONLY && !p->writers && !nonblock) {
		seen = p->opened_writers;
		err = wait_event(&p->readable, p->opened_writers != seen, WAIT_FOREVER);
	} else if ((f->flags & O_ACCMODE) == O_RDONLY && !p->writers) {
		/* Not the end yet for poll: nobody has written. */
		p->opened_writers = 0;
	} else if ((f->flags & O_ACCMODE) == O_WRONLY && !p->readers) {
		seen = p->opened_readers;
		err = wait_event(&p->writable, p->opened_readers != seen, WAIT_FOREVER);
	}
	if (err)
		pipe_release(f);
	return err;
}

const struct file_operations fifo_fop = {
	.open = fifo_open,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};
