// SPDX-License-Identifier: MIT
/*
 * poll and select: asking many files, and waiting at all of their queues at once (Linux: fs/select.c).
 *
 * The first pass over the files adds an entry to each queue, later ones only ask. Locking: kernel_lock, which is given up while the task
 * sleeps: a queue that goes meanwhile takes its waiters off (wait_queue_end).
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "poll.h"
#include "syscall.h"

/* ------------------------------------------------------------------ signals meanwhile */

long poll_mask_begin(unsigned long mask, u64 size)
{
	u64 set;

	if (!mask)
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof(set)))
		return -EFAULT;
	set_temporary_mask(set);
	return 0;
}

long poll_mask_end(long ret)
{
	restore_temporary_mask(ret == -ERESTARTSYS);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

/* ------------------------------------------------------------------ waiting at many queues */

void poll_set_add(struct poll_table *table, struct wait_queue *queue)
{
	struct poll_set *set = container_of(table, struct poll_set, table);
	struct poll_chunk *c = set->chunks;

	if (!c || c->nr == ARRAY_SIZE(c->entry)) {
		c = kmalloc(sizeof(*c), GFP_KERNEL | __GFP_ZERO);
		if (!c) {
			set->failed = true;
			return;
		}
		c->next = set->chunks;
		set->chunks = c;
	}
	wait_queue_add(queue, &c->entry[c->nr++]);
}

void poll_set_end(struct poll_set *set)
{
	struct poll_chunk *c, *next;

	for (c = set->chunks; c; c = next) {
		next = c->next;
		for (unsigned int i = 0; i < c->nr; i++)
			wait_queue_remove(&c->entry[i]);
		kfree(c);
	}
	set->chunks = NULL;
}

void wait_queue_end(struct wait_queue *queue)
{
	while (queue->first) {
		struct wait_entry *e = queue->first;
		struct task *t = e->task;

		wait_queue_remove(e);
		wake_up(t);
	}
}

u64 deadline_after(u64 sec, u64 nsec)
{
	u64 now = port_time_ns(), left = WAIT_FOREVER - 1 - now;

	if (sec >= left / 1000000000)
		return WAIT_FOREVER;
	return now + sec * 1000000000 + nsec;
}

/* ------------------------------------------------------------------ poll */

struct pollfd {
	s32 fd;
	s16 events, revents;
};

static unsigned int ask(int fd, unsigned int wanted, struct poll_table *table)
{
	struct open_file *f;

	if (fd < 0)
		return 0;
	f = file_of((unsigned int)fd);
	if (!f)
		return POLLNVAL;
	return file_poll(f, table) & (wanted | POLLERR | POLLHUP);
}

static long poll_wait_for(struct pollfd *fds, size_t nr, u64 deadline)
{
	struct poll_set set = {.table = {.add = poll_set_add}};
	struct poll_table *table = deadline ? &set.table : NULL;
	long ready, err = 0;

	for (;;) {
		ready = 0;
		for (size_t i = 0; i < nr; i++) {
			fds[i].revents = (s16)ask(fds[i].fd, (u16)fds[i].events, table);
			ready += fds[i].revents != 0;
			if (ready)
				table = NULL;
		}
		table = NULL;
		if (ready || err || !deadline || set.failed)
			break;
		err = sleep_until(deadline);
	}
	poll_set_end(&set);
	if (ready || !err)
		return ready ? ready : set.failed ? -ENOMEM : 0;
	return err == -ETIMEDOUT ? 0 : err;
}

static long do_poll(unsigned long user, u64 nr, u64 deadline)
{
	struct pollfd fast[16], *fds = fast;
	long ret;

	if (nr > fd_limit())
		return -EINVAL;
	if (nr > ARRAY_SIZE(fast)) {
		fds = kvmalloc(nr * sizeof(*fds), GFP_KERNEL);
		if (!fds)
			return -ENOMEM;
	}
	ret = -EFAULT;
	if (!nr || !copy_from_user(fds, user, nr * sizeof(*fds))) {
		ret = poll_wait_for(fds, nr, deadline);
		if (ret >= 0 && nr && copy_to_user(user, fds, nr * sizeof(*fds)))
			ret = -EFAULT;
	}
	if (fds != fast)
		kvfree(fds);
	return ret;
}

/* A struct timespec of the program's; 0: none. In nanoseconds of port_time_ns, 0 for "do not wait". */
static long user_deadline(unsigned long from, u64 *deadline)
{
	struct timespec t;

	*deadline = WAIT_FOREVER;
	if (!from)
		return 0;
	if (copy_from_user(&t, from, sizeof(t)))
		return -EFAULT;
	if (t.sec < 0 || (u64)t.nsec > 999999999)
		return -EINVAL;
	*deadline = t.sec || t.nsec ? deadline_after((u64)t.sec, (u64)t.nsec) : 0;
	return 0;
}

/* What is left of the time goes back to the program. */
static void put_left(unsigned long to, u64 deadline)
{
	u64 now = port_time_ns(), left = deadline > now ? deadline - now : 0;
	struct timespec t = {(s64)(left / 1000000000), (s64)(left % 1000000000)};

	if (to && deadline != WAIT_FOREVER)
		(void)copy_to_user(to, &t, sizeof(t));
}

long call_ppoll(const struct syscall_args *r)
{
	u64 deadline;
	long ret = user_deadline(r->a[2], &deadline);

	if (!ret)
		ret = poll_mask_begin(r->a[3], r->a[4]);
	if (ret)
		return ret;
	ret = do_poll(r->a[0], (u32)r->a[1], deadline);
	put_left(r->a[2], deadline);
	return poll_mask_end(ret);
}

/* ------------------------------------------------------------------ select */

#define IN_SET (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define OUT_SET (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define EX_SET POLLPRI

struct fd_sets {
	u64 *in[3], *out[3];
	unsigned int nr, words;
};

static bool in_set(const u64 *set, unsigned int fd)
{
	return set[fd / 64] >> fd % 64 & 1;
}

static long select_once(struct fd_sets *s, struct poll_table *table)
{
	static const unsigned int sets[3] = {IN_SET, OUT_SET, EX_SET};
	long ready = 0;

	for (unsigned int fd = 0; fd < s->nr; fd++) {
		struct open_file *f;
		unsigned int events;

		if (!in_set(s->in[0], fd) && !in_set(s->in[1], fd) && !in_set(s->in[2], fd))
			continue;
		f = file_of(fd);
		if (!f)
			return -EBADF;
		events = file_poll(f, table);
		for (unsigned int i = 0; i < 3; i++) {
			if (!in_set(s->in[i], fd) || !(events & sets[i]))
				continue;
			s->out[i][fd / 64] |= 1ULL << fd % 64;
			ready++;
		}
	}
	return ready;
}

static long select_wait_for(struct fd_sets *s, u64 deadline)
{
	struct poll_set set = {.table = {.add = poll_set_add}};
	struct poll_table *table = deadline ? &set.table : NULL;
	long ready, err = 0;

	for (;;) {
		ready = select_once(s, table);
		table = NULL;
		if (ready || err || !deadline || set.failed)
			break;
		err = sleep_until(deadline);
	}
	poll_set_end(&set);
	if (ready)
		return ready;
	return set.failed ? -ENOMEM : err == -ETIMEDOUT ? 0 : err;
}

static long do_select(u64 nr, const unsigned long user[3], u64 deadline)
{
	struct fd_sets s = {.nr = (unsigned int)nr, .words = (unsigned int)DIV_ROUND_UP(nr, 64)};
	size_t bytes = s.words * sizeof(u64);
	u64 *bits;
	long ret = 0;

	if ((int)nr < 0)
		return -EINVAL;
	s.nr = min(s.nr, files_max(current->files));
	bits = kvmalloc(6 * bytes + 8, GFP_KERNEL | __GFP_ZERO);
	if (!bits)
		return -ENOMEM;
	for (unsigned int i = 0; i < 3 && !ret; i++) {
		s.in[i] = bits + i * s.words;
		s.out[i] = bits + (3 + i) * s.words;
		if (user[i] && bytes && copy_from_user(s.in[i], user[i], bytes))
			ret = -EFAULT;
	}
	if (!ret)
		ret = select_wait_for(&s, deadline);
	for (unsigned int i = 0; i < 3 && ret >= 0; i++)
		if (user[i] && bytes && copy_to_user(user[i], s.out[i], bytes))
			ret = -EFAULT;
	kvfree(bits);
	return ret;
}

long call_pselect6(const struct syscall_args *r)
{
	const unsigned long user[3] = {r->a[1], r->a[2], r->a[3]};
	u64 mask[2] = {0}, deadline;
	long ret = user_deadline(r->a[4], &deadline);

	if (!ret && r->a[5] && copy_from_user(mask, r->a[5], sizeof(mask)))
		ret = -EFAULT;
	if (!ret)
		ret = poll_mask_begin(mask[0], mask[1]);
	if (ret)
		return ret;
	ret = do_select((u32)r->a[0], user, deadline);
	put_left(r->a[4], deadline);
	return poll_mask_end(ret);
}
