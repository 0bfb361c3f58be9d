// SPDX-License-Identifier: MIT
/*
 * Terminals: what is typed is edited and echoed, ^C and its like become signals of the foreground process group
 * (POSIX.1, General Terminal Interface; Linux: drivers/tty/n_tty.c).
 *
 * Bytes that are typed go through tty_receive into `line`, which erasing takes them out of again, and with the line's end into `in`, which
 * reads take from; without ICANON straight into `in`. In `in` a byte carries a mark when a line ends with it, or instead of it (^D).
 *
 * Locking: kernel_lock.
 */
#include "tty.h"

#include <quire/string.h>

#include "device.h"
#include "poll.h"
#include "signal.h"

#define QUEUE TTY_QUEUE

/* c_iflag, c_oflag, c_lflag, c_cc: asm-generic/termbits.h's values */
#define ISTRIP 0x20U
#define INLCR 0x40U
#define IGNCR 0x80U
#define ICRNL 0x100U
#define IXON 0x400U
#define OPOST TTY_OPOST
#define ONLCR 0x4U
#define OCRNL 0x8U
#define ISIG 0x1U
#define ICANON TTY_ICANON
#define ECHO 0x8U
#define ECHOE 0x10U
#define ECHOK 0x20U
#define ECHONL 0x40U
#define NOFLSH 0x80U
#define TOSTOP TTY_TOSTOP
#define ECHOCTL 0x200U
#define ECHOKE 0x800U
#define IEXTEN 0x8000U
enum {
	VINTR,
	VQUIT,
	VERASE,
	VKILL,
	VEOF,
	VTIME,
	VMIN,
	VSWTC,
	VSTART,
	VSTOP,
	VSUSP,
	VEOL,
	VREPRINT,
	VDISCARD,
	VWERASE,
	VLNEXT,
	VEOL2
};

#define TERMIOS_SIZE offsetof(struct termios, ispeed)
BUILD_BUG_ON(TERMIOS_SIZE != 36);

#define ENDS_LINE 0x100U /* with this byte */
#define ENDS_HERE 0x200U /* and there is no byte */

static struct tty *all;

void tty_init(struct tty *tty, const struct tty_driver *driver, u32 rdev)
{
	memset(tty, 0, sizeof(*tty));
	tty->driver = driver;
	tty->rdev = rdev;
	tty->t = (struct termios){
		.iflag = ICRNL | IXON,
		.oflag = OPOST | ONLCR,
		.cflag = 0xbf, /* B38400 CS8 CREAD */
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
		.ispeed = 38400,
		.ospeed = 38400};
	tty->next = all;
	all = tty;
}

void tty_exit(struct tty *tty)
{
	struct tty **p = &all;

	while (*p != tty)
		p = &(*p)->next;
	*p = tty->next;
	wait_queue_end(&tty->readers);
	wait_queue_end(&tty->writers);
}

/* ------------------------------------------------------------------ out */

static void put(struct tty *tty, const char *s, size_t n)
{
	size_t from = 0, i;

	if (!(tty->t.oflag & OPOST)) {
		tty->driver->put(tty, s, n);
		return;
	}
	for (i = 0; i < n; i++) {
		if (s[i] == '\n' && tty->t.oflag & ONLCR) {
			tty->driver->put(tty, s + from, i - from);
			tty->driver->put(tty, "\r\n", 2);
			from = i + 1;
		} else if (s[i] == '\r' && tty->t.oflag & OCRNL) {
			tty->driver->put(tty, s + from, i - from);
			tty->driver->put(tty, "\n", 1);
			from = i + 1;
		}
	}
	tty->driver->put(tty, s + from, n - from);
}

static bool shown_as_control(const struct tty *tty, u8 c)
{
	return tty->t.lflag & ECHOCTL && ((c < 32 && c != '\n' && c != '\t') || c == 127);
}

static void echo(struct tty *tty, u8 c)
{
	char text[2] = {(char)c};

	if (!(tty->t.lflag & ECHO) && !(c == '\n' && tty->t.lflag & ECHONL))
		return;
	if (shown_as_control(tty, c)) {
		text[0] = '^';
		text[1] = (char)(c ^ 0x40);
		put(tty, text, 2);
	} else {
		put(tty, text, 1);
	}
}

/* ------------------------------------------------------------------ in */

static void queue(struct tty *tty, u32 c)
{
	/* Full: what is typed is lost. */
	if (tty->head - tty->tail == QUEUE)
		return;
	tty->in[tty->head++ % QUEUE] = (u16)c;
	tty->lines += c >= ENDS_LINE;
}

static void end_line(struct tty *tty, u32 last)
{
	for (u32 i = 0; i < tty->len; i++)
		queue(tty, tty->line[i]);
	tty->len = 0;
	queue(tty, last);
	wake_up_all(&tty->readers);
}

void tty_flush_input(struct tty *tty)
{
	tty->head = tty->tail = tty->lines = tty->len = 0;
}

static void erase_one(struct tty *tty)
{
	u8 c = tty->line[--tty->len];

	/* The bytes that continue a character in UTF-8 take no place. */
	while (tty->len && (c & 0xc0) == 0x80)
		c = tty->line[--tty->len];
	if (!(tty->t.lflag & ECHO))
		return;
	put(tty, "\b \b", 3);
	if (shown_as_control(tty, c))
		put(tty, "\b \b", 3);
}

static bool is_signal_key(struct tty *tty, u8 c)
{
	static const u8 keys[][2] = {{VINTR, SIGINT}, {VQUIT, SIGQUIT}, {VSUSP, SIGTSTP}};

	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!c || tty->t.cc[keys[i][0]] != c)
			continue;
		echo(tty, c);
		if (!(tty->t.lflag & NOFLSH))
			tty_flush_input(tty);
		tty_signal(tty, keys[i][1]);
		return true;
	}
	return false;
}

static bool edits(struct tty *tty, u8 c)
{
	const u8 *cc = tty->t.cc;

	if (c == cc[VERASE] || c == '\b') {
		if (tty->len)
			erase_one(tty);
	} else if (c == cc[VKILL]) {
		while (tty->len)
			erase_one(tty);
	} else if (c == cc[VWERASE] && tty->t.lflag & IEXTEN) {
		while (tty->len && tty->line[tty->len - 1] == ' ')
			erase_one(tty);
		while (tty->len && tty->line[tty->len - 1] != ' ')
			erase_one(tty);
	} else if (c == cc[VEOF]) {
		end_line(tty, ENDS_HERE);
	} else if (c == cc[VLNEXT] && tty->t.lflag & IEXTEN) {
		tty->literal = true;
	} else {
		return false;
	}
	return true;
}

void tty_receive(struct tty *tty, u8 c)
{
	const struct termios *t = &tty->t;

	if (t->iflag & ISTRIP)
		c &= 0x7f;
	if (!tty->literal) {
		if (c == '\r' && t->iflag & IGNCR)
			return;
		if (c == '\r' && t->iflag & ICRNL)
			c = '\n';
		else if (c == '\n' && t->iflag & INLCR)
			c = '\r';
		/* Nothing here is so slow that it would have to be stopped. */
		if (t->iflag & IXON && c && (c == t->cc[VSTART] || c == t->cc[VSTOP]))
			return;
		if (t->lflag & ISIG && is_signal_key(tty, c))
			return;
		if (t->lflag & ICANON && c && edits(tty, c))
			return;
	}
	echo(tty, c);
	if (!(t->lflag & ICANON)) {
		queue(tty, c);
		wake_up_all(&tty->readers);
	} else if (!tty->literal && (c == '\n' || (c && (c == t->cc[VEOL] || c == t->cc[VEOL2])))) {
		end_line(tty, c | ENDS_LINE);
	} else if (tty->len < QUEUE - 1) {
		tty->line[tty->len++] = c;
	}
	tty->literal = false;
}

size_t tty_input_room(const struct tty *tty)
{
	size_t used = tty->head - tty->tail + tty->len;

	/* A line that does not end is taken, and its rest lost. */
	if (tty->t.lflag & ICANON && !tty->lines)
		return QUEUE;
	return used < QUEUE - 1 ? QUEUE - 1 - used : 0;
}

/* ------------------------------------------------------------------ calls */

static bool readable(const struct tty *tty)
{
	return tty->t.lflag & ICANON ? tty->lines != 0 : tty->head != tty->tail;
}

/* One line at the most with ICANON. */
static long take(struct tty *tty, struct iter *to)
{
	bool canonical = tty->t.lflag & ICANON, ended = false;
	size_t done = 0;

	while (to->left && tty->head != tty->tail) {
		u32 c = tty->in[tty->tail % QUEUE];
		char byte = (char)c;

		if (!(c & ENDS_HERE) && !copy_to_iter(&byte, 1, to))
			return done ? (long)done : -EFAULT;
		done += !(c & ENDS_HERE);
		tty->tail++;
		tty->lines -= c >= ENDS_LINE;
		ended = canonical && c >= ENDS_LINE;
		if (ended)
			break;
	}
	/* A ^D that follows what just filled the buffer ends the same read; behind a whole line it is the end of the file. */
	if (canonical && done && !ended && tty->head != tty->tail &&
	    tty->in[tty->tail % QUEUE] == ENDS_HERE) {
		tty->tail++;
		tty->lines--;
	}
	if (done && tty->driver->taken)
		tty->driver->taken(tty);
	return (long)done;
}

long tty_read_from(struct tty *tty, struct open_file *f, struct iter *to)
{
	u64 deadline = WAIT_FOREVER;
	u32 wanted = 1;
	long err;

	if (tty->driver->look)
		tty->driver->look(tty);
	if (tty->hung)
		return 0;
	err = tty_in_background(tty, SIGTTIN);
	if (err)
		return err;
	if (!to->left)
		return 0;
	if (!(tty->t.lflag & ICANON)) {
		wanted = (u32)min((size_t)tty->t.cc[VMIN], to->left);
		/* Linux starts the time at the first byte when there is a minimum; a tenth of a second more or less is nobody's. */
		if (tty->t.cc[VTIME] && !wanted)
			deadline = port_time_ns() + tty->t.cc[VTIME] * 100000000ULL;
		if (!wanted && !tty->t.cc[VTIME])
			return take(tty, to);
		wanted = max(wanted, 1U);
	}
	if (!readable(tty) && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_event(&tty->readers,
			 tty->hung || (tty->t.lflag & ICANON ? tty->lines != 0
							     : tty->head - tty->tail >= wanted),
			 deadline);
	if (err == -ETIMEDOUT)
		err = 0;
	return err ? err : tty->hung ? 0 : take(tty, to);
}

long tty_write_to(struct tty *tty, struct open_file *f, struct iter *from)
{
	size_t done = 0;
	char chunk[256];
	long err = tty->t.lflag & TOSTOP ? tty_in_background(tty, SIGTTOU) : 0;

	while (!err && from->left) {
		/* A byte may become two. */
		size_t want = min(min(from->left, sizeof(chunk)), tty->driver->room(tty) / 2), n;

		if (tty->hung) {
			err = -EIO;
		} else if (!want) {
			err = f->flags & O_NONBLOCK
				      ? -EAGAIN
				      : wait_event(&tty->writers,
						   tty->hung || tty->driver->room(tty) >= 2,
						   WAIT_FOREVER);
		} else {
			n = copy_from_iter(chunk, want, from);
			put(tty, chunk, n);
			done += n;
			err = n < want ? -EFAULT : 0;
		}
	}
	return done ? (long)done : err;
}

unsigned int tty_poll_of(struct tty *tty, struct poll_table *table)
{
	if (tty->driver->look)
		tty->driver->look(tty);
	poll_wait(table, &tty->readers);
	poll_wait(table, &tty->writers);
	if (tty->hung)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	return (tty->driver->room(tty) >= 2 ? POLLOUT | POLLWRNORM : 0) |
	       (readable(tty) ? POLLIN | POLLRDNORM : 0);
}

#define TCGETS 0x5401U
#define TCSETS 0x5402U
#define TCSETSW 0x5403U
#define TCSETSF 0x5404U
#define TCSBRK 0x5409U
#define TCXONC 0x540aU
#define TCFLSH 0x540bU
#define TIOCEXCL 0x540cU
#define TIOCNXCL 0x540dU
#define TIOCSPGRP 0x5410U
#define TIOCOUTQ 0x5411U
#define TIOCGWINSZ 0x5413U
#define TIOCSWINSZ 0x5414U
#define FIONREAD 0x541bU
#define TIOCSETD 0x5423U
#define TIOCGETD 0x5424U
#define TCSBRKP 0x5425U
#define TIOCGEXCL 0x80045440U
#define TCGETS2 0x802c542aU
#define TCSETS2 0x402c542bU
#define TCSETSW2 0x402c542cU
#define TCSETSF2 0x402c542dU

static long set_termios(struct tty *tty, unsigned long arg, size_t size, bool flush)
{
	bool was_canonical = tty->t.lflag & ICANON;
	long err = tty_in_background(tty, SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&tty->t, arg, size))
		return -EFAULT;
	if (flush)
		tty_flush_input(tty);
	/* What stands in the line can be read now. */
	if (was_canonical && !(tty->t.lflag & ICANON)) {
		for (u32 i = 0; i < tty->len; i++)
			queue(tty, tty->line[i]);
		tty->len = 0;
		wake_up_all(&tty->readers);
	}
	return 0;
}

static long put_int(int value, unsigned long to)
{
	return copy_to_user(to, &value, sizeof(value));
}

/* There is but N_TTY. */
static long set_discipline(unsigned long arg)
{
	int n;

	if (copy_from_user(&n, arg, sizeof(n)))
		return -EFAULT;
	return n ? -EINVAL : 0;
}

/* Who works in it is told that it has another size. */
static long set_size(struct tty *tty, unsigned long arg)
{
	struct winsize size;

	if (copy_from_user(&size, arg, sizeof(size)))
		return -EFAULT;
	if (memcmp(&size, &tty->size, sizeof(size)) != 0)
		tty_signal(tty, SIGWINCH);
	tty->size = size;
	return 0;
}

static long flush_queues(struct tty *tty, unsigned long which, bool master)
{
	long err = master ? 0 : tty_in_background(tty, SIGTTOU);

	if (err)
		return err;
	if (which > 2)
		return -EINVAL;
	if (which != 1)
		tty_flush_input(tty);
	return 0;
}

long tty_ioctl_of(struct tty *tty, struct open_file *f, unsigned int cmd, unsigned long arg,
		  bool master)
{
	if (tty->hung && !master)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TCGETS:
		return copy_to_user(arg, &tty->t, TERMIOS_SIZE);
	case TCGETS2:
		return copy_to_user(arg, &tty->t, sizeof(tty->t));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(tty, arg, TERMIOS_SIZE, cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(tty, arg, sizeof(tty->t), cmd == TCSETSF2);
	case TCFLSH:
		return flush_queues(tty, arg, master);
	case TCSBRK:
	case TCSBRKP:
	case TCXONC:
		return 0;
	case TIOCGWINSZ:
		return copy_to_user(arg, &tty->size, sizeof(tty->size));
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case FIONREAD:
		return put_int(tty->t.lflag & ICANON && !tty->lines ? 0
								    : (int)(tty->head - tty->tail),
			       arg);
	case TIOCEXCL:
	case TIOCNXCL:
		tty->exclusive = cmd == TIOCEXCL;
		return 0;
	case TIOCGEXCL:
		return put_int(tty->exclusive, arg);
	case TIOCOUTQ:
	case TIOCGETD:
		return put_int(0, arg);
	case TIOCSETD:
		return set_discipline(arg);
	}
	return tty_job_ioctl(tty, f, cmd, arg, master);
}

static long tty_read(struct open_file *f, struct iter *to, u64 *pos)
{
	return tty_read_from(f->private, f, to);
}

static long tty_write(struct open_file *f, struct iter *from, u64 *pos)
{
	return tty_write_to(f->private, f, from);
}

static unsigned int tty_poll(struct open_file *f, struct poll_table *table)
{
	return tty_poll_of(f->private, table);
}

static long tty_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	return tty_ioctl_of(f->private, f, cmd, arg, false);
}

static int tty_open(struct inode *inode, struct open_file *f)
{
	f->private = &console_tty;
	/* /dev/tty is the terminal of who has one; of a pair, it is one more that has the slave open. */
	if (inode->rdev == MKDEV(5, 0)) {
		struct tty *tty = current ? current->signal->tty : NULL;

		if (!tty)
			return -ENXIO;
		return tty == &console_tty ? 0 : pts_open_as(tty, f);
	}
	/* The console is nobody's (Linux: tty_io.c, noctty). */
	if (inode->rdev == MKDEV(204, 64) && current)
		tty_opened(&console_tty, f);
	return 0;
}

const struct file_operations tty_fop = {
	.open = tty_open,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};
