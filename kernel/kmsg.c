// SPDX-License-Identifier: MIT
/*
 * The kernel's log as programs read it: /dev/kmsg (Linux: Documentation/ABI/testing/dev-kmsg), syslog(2), /proc/kmsg.
 *
 * A reader has the number of the record that it reads next; what has gone meanwhile is EPIPE once. A message is logged in any context, where
 * nobody can be woken: as long as somebody waits, a timer looks whether there is more. Against Linux: a message of several lines is a
 * record for each, and what programs write is never too much (there: ten messages in five seconds). Locking: kernel_lock.
 */
#include "kmsg.h"

#include <quire/out.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "poll.h"
#include "pseudo.h"
#include "syscall.h"
#include "timer.h"

#define RECORD_MAX 1024U /* of what a program writes */
#define LOOK_NS 20000000ULL
#define SEEK_SET 0
#define SEEK_END 2
#define SEEK_DATA 3

int sysctl_dmesg_restrict = 1;

static u64 clear_seq;			   /* readers of all begin here */
static u64 syslog_seq;			   /* of syslog's reader, */
static size_t syslog_done;		   /* and bytes of that record that it has had */
static int minimum_level = 1, saved_level; /* 0: none is saved */
static struct wait_queue readers;
static u64 looked_at; /* the number up to which readers know */
static struct ktimer timer;
static bool looking;

/* ------------------------------------------------------------------ waiting */

static void look(struct ktimer *t)
{
	if (looked_at != log_next_seq()) {
		looked_at = log_next_seq();
		wake_up_all(&readers);
	}
	looking = readers.first != NULL;
	if (looking)
		ktimer_set(t, port_time_ns() + LOOK_NS);
	else
		ktimer_cancel(t);
}

static void start_looking(void)
{
	if (looking)
		return;
	looking = true;
	looked_at = log_next_seq();
	if (!timer.fn)
		link_init(&timer.link);
	timer.fn = look;
	ktimer_set(&timer, port_time_ns() + LOOK_NS);
}

/* Until there is that record. */
static long wait_for(const u64 *seq)
{
	if (*seq < log_next_seq())
		return 0;
	start_looking();
	return wait_event(&readers, *seq < log_next_seq(), WAIT_FOREVER);
}

/* ------------------------------------------------------------------ /dev/kmsg */

static long kmsg_write(struct open_file *f, struct iter *from, u64 *pos)
{
	size_t len = from->left;
	char *line, *text, *end;
	u32 facility = 1; /* LOG_USER */
	int level = default_message_loglevel;

	(void)f;
	(void)pos;
	if (len > RECORD_MAX)
		return -EINVAL;
	line = kmalloc(RECORD_MAX + 1, GFP_KERNEL);
	if (!line)
		return -ENOMEM;
	if (copy_from_iter(line, len, from) < len) {
		kfree(line);
		return -EFAULT;
	}
	line[len] = '\0';
	text = line;
	/* Facility and level before it; the kernel's own is nobody else's. */
	if (*text == '<') {
		u32 n = 0;

		while (*++text >= '0' && *text <= '9')
			n = n * 10 + (u32)(*text - '0');
		if (*text == '>') {
			level = (int)(n & 7);
			facility = n >> 3 & LOG_FACILITY_MAX ? n >> 3 & LOG_FACILITY_MAX : facility;
			text++;
		} else {
			text = line;
		}
	}
	do {
		end = strchr(text, '\n');
		log_write(level, facility, text, end ? (size_t)(end - text) : strlen(text), end);
		text = end ? end + 1 : text + strlen(text);
	} while (*text);
	kfree(line);
	if (looking)
		look(&timer);
	return (long)len;
}

/* Microseconds since the start, from "[    1.234567] "; *text: what follows. */
static u64 stamp_of(const struct log_record *r, const char **text, size_t *len)
{
	u64 us = 0;
	size_t i = 0;

	while (i < r->len && r->text[i] != ']') {
		if (r->text[i] >= '0' && r->text[i] <= '9')
			us = us * 10 + (u64)(r->text[i] - '0');
		i++;
	}
	i = min(i + 2, r->len);
	*text = r->text + i;
	*len = r->len - i;
	return us;
}

/* "priority,number,microseconds,-;text\n", where what is not printable is escaped. */
static size_t format(const struct log_record *r, char *buf, size_t size)
{
	const char *text;
	size_t len, n;
	u64 us = stamp_of(r, &text, &len);

	n = (size_t)quire_snprintf(buf, size, "%u,%llu,%llu,-;", r->facility << 3 | (u32)r->level,
				   (unsigned long long)r->seq, (unsigned long long)us);
	for (; len && n + 5 < size; text++, len--) {
		u8 c = (u8)*text;

		if (c < ' ' || c >= 127 || c == '\\')
			n += (size_t)quire_snprintf(buf + n, size - n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	buf[n++] = '\n';
	return n;
}

struct kmsg_reader {
	u64 seq;
	struct log_record record;
	char text[5 * RECORD_MAX];
};

static long kmsg_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct kmsg_reader *r = f->private;
	size_t n;
	long err;

	(void)pos;
	if (r->seq >= log_next_seq() && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_for(&r->seq);
	if (err)
		return err;
	if (!log_read(r->seq, &r->record))
		return -EAGAIN;
	if (r->record.seq != r->seq) {
		r->seq = r->record.seq;
		return -EPIPE;
	}
	r->seq++;
	n = format(&r->record, r->text, sizeof(r->text));
	if (n > to->left)
		return -EINVAL;
	return copy_to_iter(r->text, n, to) == n ? (long)n : -EFAULT;
}

static s64 kmsg_llseek(struct open_file *f, s64 offset, int whence)
{
	struct kmsg_reader *r = f->private;

	if (offset)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		r->seq = log_first_seq();
		return 0;
	case SEEK_DATA:
		r->seq = clear_seq;
		return 0;
	case SEEK_END:
		r->seq = log_next_seq();
		return 0;
	}
	return -EINVAL;
}

static unsigned int kmsg_poll(struct open_file *f, struct poll_table *table)
{
	const struct kmsg_reader *r = f->private;

	start_looking();
	poll_wait(table, &readers);
	if (r->seq >= log_next_seq())
		return 0;
	return r->seq < log_first_seq() ? POLLIN | POLLRDNORM | POLLERR | POLLPRI
					: POLLIN | POLLRDNORM;
}

static long may_read(bool all)
{
	return (sysctl_dmesg_restrict || !all) && !capable(CAP_SYSLOG) ? -EPERM : 0;
}

static int kmsg_open(struct inode *inode, struct open_file *f)
{
	struct kmsg_reader *r;
	long err = f->file.f_mode & FMODE_READ ? may_read(true) : 0;

	(void)inode;
	if (err)
		return (int)err;
	r = kvmalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->seq = log_first_seq();
	f->private = r;
	return 0;
}

static void kmsg_release(struct open_file *f)
{
	kvfree(f->private);
}

const struct file_operations kmsg_fop = {
	.no_splice_read = true,
	.no_splice_write = true,
	.open = kmsg_open,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
	.release = kmsg_release,
};

/* ------------------------------------------------------------------ syslog(2) */

enum {
	LOG_CLOSE,
	LOG_OPEN,
	LOG_READ,
	LOG_READ_ALL,
	LOG_READ_CLEAR,
	LOG_CLEAR,
	LOG_CONSOLE_OFF,
	LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL,
	LOG_SIZE_UNREAD,
	LOG_SIZE_BUFFER,
};

/* "<6>[    0.000000] text\n" */
static size_t put_line(const struct log_record *r, char *buf, size_t size)
{
	return (size_t)quire_snprintf(buf, size, "<%u>%.*s\n", r->facility << 3 | (u32)r->level,
				      (int)r->len, r->text);
}

struct lines {
	struct log_record record;
	char text[RECORD_MAX + 100];
};

/* What has not been read yet, whole lines if one fits. */
static long read_next(struct lines *l, unsigned long to, size_t size)
{
	long done = 0, err = wait_for(&syslog_seq);

	while (!err && size && log_read(syslog_seq, &l->record)) {
		size_t n = put_line(&l->record, l->text, sizeof(l->text)), part;

		if (l->record.seq != syslog_seq) {
			syslog_seq = l->record.seq;
			syslog_done = 0;
		}
		part = n - syslog_done;
		if (part > size && done)
			break;
		part = min(part, size);
		if (copy_to_user(to + (size_t)done, l->text + syslog_done, part))
			return done ? done : -EFAULT;
		syslog_done += part;
		if (syslog_done == n) {
			syslog_seq++;
			syslog_done = 0;
		}
		done += (long)part;
		size -= part;
	}
	return err ? err : done;
}

/* The last lines, as many as fit. */
static long read_all(struct lines *l, unsigned long to, size_t size, bool clear)
{
	u64 seq, end = log_next_seq();
	size_t total = 0, done = 0;

	for (seq = clear_seq; seq < end && log_read(seq, &l->record); seq = l->record.seq + 1)
		total += put_line(&l->record, l->text, sizeof(l->text));
	for (seq = clear_seq; seq < end && log_read(seq, &l->record); seq = l->record.seq + 1) {
		size_t n = put_line(&l->record, l->text, sizeof(l->text));

		if (total > size) {
			total -= n;
			continue;
		}
		if (done + n > size)
			break;
		if (copy_to_user(to + done, l->text, n))
			return -EFAULT;
		done += n;
	}
	if (clear)
		clear_seq = seq;
	return (long)done;
}

static long read_log(int type, unsigned long to, int len)
{
	struct lines *l;
	long n;

	if (!to || len < 0)
		return -EINVAL;
	if (!len)
		return 0;
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	n = type == LOG_READ ? read_next(l, to, (size_t)len)
			     : read_all(l, to, (size_t)len, type == LOG_READ_CLEAR);
	kfree(l);
	return n;
}

static long unread(void)
{
	struct lines *l = kmalloc(sizeof(*l), GFP_KERNEL);
	long n = 0;

	if (!l)
		return -ENOMEM;
	if (syslog_seq < log_first_seq()) {
		syslog_seq = log_first_seq();
		syslog_done = 0;
	}
	for (u64 seq = syslog_seq; log_read(seq, &l->record); seq = l->record.seq + 1)
		n += (long)put_line(&l->record, l->text, sizeof(l->text));
	kfree(l);
	return n - (long)syslog_done;
}

static long set_level(int level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	console_loglevel = max(level, minimum_level);
	saved_level = 0;
	return 0;
}

long call_syslog(const struct syscall_args *r)
{
	int type = (int)r->a[0], len = (int)r->a[2];
	long err = may_read(type == LOG_READ_ALL || type == LOG_SIZE_BUFFER);

	if (err)
		return err;
	switch (type) {
	case LOG_CLOSE:
	case LOG_OPEN:
		return 0;
	case LOG_READ:
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		return read_log(type, r->a[1], len);
	case LOG_CLEAR:
		clear_seq = log_next_seq();
		return 0;
	case LOG_CONSOLE_OFF:
		if (!saved_level)
			saved_level = console_loglevel;
		console_loglevel = minimum_level;
		return 0;
	case LOG_CONSOLE_ON:
		if (saved_level)
			console_loglevel = saved_level;
		saved_level = 0;
		return 0;
	case LOG_CONSOLE_LEVEL:
		return set_level(len);
	case LOG_SIZE_UNREAD:
		return unread();
	case LOG_SIZE_BUFFER:
		return (long)log_size();
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ /proc/kmsg, /proc/sys/kernel/printk */

static int proc_kmsg_open(struct inode *inode, struct open_file *f)
{
	(void)inode;
	(void)f;
	return (int)may_read(false);
}

static long proc_kmsg_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct lines *l;
	size_t n, part;
	long err;

	(void)pos;
	if (syslog_seq >= log_next_seq() && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_for(&syslog_seq);
	if (err || !to->left)
		return err;
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	if (!log_read(syslog_seq, &l->record)) {
		kfree(l);
		return -EAGAIN;
	}
	if (l->record.seq != syslog_seq)
		syslog_done = 0;
	n = put_line(&l->record, l->text, sizeof(l->text));
	part = min(n - syslog_done, to->left);
	err = copy_to_iter(l->text + syslog_done, part, to) == part ? (long)part : -EFAULT;
	syslog_done += part;
	syslog_seq = l->record.seq;
	if (syslog_done == n) {
		syslog_seq++;
		syslog_done = 0;
	}
	kfree(l);
	return err;
}

static unsigned int proc_kmsg_poll(struct open_file *f, struct poll_table *table)
{
	(void)f;
	start_looking();
	poll_wait(table, &readers);
	return syslog_seq < log_next_seq() ? POLLIN | POLLRDNORM : 0;
}

const struct file_operations proc_kmsg_fop = {.open = proc_kmsg_open,
					      .no_splice_read = true,
					      .read = proc_kmsg_read,
					      .poll = proc_kmsg_poll,
					      .llseek = generic_llseek};

int proc_show_printk(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	out_printf(out, "%d\t%d\t%d\t7\n", console_loglevel, default_message_loglevel,
		   minimum_level);
	return 0;
}

/* Up to four numbers; the last one, the default, is only looked at. */
int proc_store_printk(const struct pseudo_ref *r, char *text, size_t n)
{
	int unused, *const to[] = {&console_loglevel, &default_message_loglevel, &minimum_level,
				   &unused};

	(void)r;
	(void)n;
	for (unsigned int i = 0; i < ARRAY_SIZE(to); i++) {
		long value;
		int got = parse_next(&text, &value);

		if (!got)
			return i ? 0 : -EINVAL;
		if (got < 0 || value < INT_MIN || value > INT_MAX)
			return -EINVAL;
		*to[i] = (int)value;
	}
	return 0;
}

/* Only who administers the machine says who reads the log. */
int proc_store_dmesg_restrict(const struct pseudo_ref *r, char *text, size_t n)
{
	return capable(CAP_SYS_ADMIN) ? pseudo_store_int(r, text, n) : -EPERM;
}
