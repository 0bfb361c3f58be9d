// SPDX-License-Identifier: MIT
/*
 * The console as a terminal: what is typed is edited and echoed, ^C and its like become signals of the foreground process group
 * (POSIX.1, General Terminal Interface; Linux: drivers/tty/n_tty.c).
 *
 * Bytes come from the port when somebody looks: a timer, as long as a program has the terminal's input open for reading and has looked
 * once. They go through `receive` into `line`, which erasing takes them out of again, and with the line's end into `in`, which reads
 * take from; without ICANON straight into `in`. In `in` a byte carries a mark when a line ends with it, or instead of it (^D).
 *
 * Locking: kernel_lock. There is one terminal; /dev/console, /dev/tty and /dev/ttyAMA0 are it.
 */
#include <quire/string.h>

#include "device.h"
#include "pid.h"
#include "poll.h"
#include "signal.h"
#include "syscall.h"
#include "timer.h"

#define QUEUE 4096U /* a power of two */
/* An echo is seen as immediate, and a UART's FIFO of 16 bytes takes 14 ms to fill at 11,520 bytes a second. */
#define POLL_NS 10000000ULL

/* c_iflag, c_oflag, c_lflag, c_cc: asm-generic/termbits.h's values */
#define ISTRIP 0x20U
#define INLCR 0x40U
#define IGNCR 0x80U
#define ICRNL 0x100U
#define IXON 0x400U
#define OPOST 0x1U
#define ONLCR 0x4U
#define OCRNL 0x8U
#define ISIG 0x1U
#define ICANON 0x2U
#define ECHO 0x8U
#define ECHOE 0x10U
#define ECHOK 0x20U
#define ECHONL 0x40U
#define NOFLSH 0x80U
#define TOSTOP 0x100U
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
	VEOL2,
	NCCS = 19
};

struct termios {
	u32 iflag, oflag, cflag, lflag;
	u8 discipline;
	u8 cc[NCCS];
	u32 ispeed, ospeed; /* of termios2 only */
};
#define TERMIOS_SIZE offsetof(struct termios, ispeed)
BUILD_BUG_ON(TERMIOS_SIZE != 36);

struct winsize {
	u16 rows, cols, xpixel, ypixel;
};

#define ENDS_LINE 0x100U /* with this byte */
#define ENDS_HERE 0x200U /* and there is no byte */

static struct {
	struct termios t;
	struct winsize size;
	u16 in[QUEUE];
	u32 head, tail; /* of in */
	u32 lines;	/* marks in it */
	u8 line[QUEUE];
	u32 len;
	bool literal; /* the next byte is taken as it is (^V) */
	bool looking; /* the timer runs */
	int session, pgrp;
	struct wait_queue readers;
	struct ktimer timer;
} tty = {
	.t = {.iflag = ICRNL | IXON,
	      .oflag = OPOST | ONLCR,
	      .cflag = 0x4bf, /* B38400 CS8 CREAD HUPCL */
	      .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	      .cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
	      .ispeed = 38400,
	      .ospeed = 38400},
};

/* ------------------------------------------------------------------ out */

static void put(const char *s, size_t n)
{
	size_t from = 0, i;

	if (!(tty.t.oflag & OPOST)) {
		port_console_put(s, n);
		return;
	}
	for (i = 0; i < n; i++) {
		if (s[i] == '\n' && tty.t.oflag & ONLCR) {
			port_console_put(s + from, i - from);
			port_console_put("\r\n", 2);
			from = i + 1;
		} else if (s[i] == '\r' && tty.t.oflag & OCRNL) {
			port_console_put(s + from, i - from);
			port_console_put("\n", 1);
			from = i + 1;
		}
	}
	port_console_put(s + from, n - from);
}

static bool shown_as_control(u8 c)
{
	return tty.t.lflag & ECHOCTL && ((c < 32 && c != '\n' && c != '\t') || c == 127);
}

static void echo(u8 c)
{
	char text[2] = {(char)c};

	if (!(tty.t.lflag & ECHO) && !(c == '\n' && tty.t.lflag & ECHONL))
		return;
	if (shown_as_control(c)) {
		text[0] = '^';
		text[1] = (char)(c ^ 0x40);
		put(text, 2);
	} else {
		put(text, 1);
	}
}

/* ------------------------------------------------------------------ in */

static void queue(u32 c)
{
	/* Full: what is typed is lost. */
	if (tty.head - tty.tail == QUEUE)
		return;
	tty.in[tty.head++ % QUEUE] = (u16)c;
	tty.lines += c >= ENDS_LINE;
}

static void end_line(u32 last)
{
	for (u32 i = 0; i < tty.len; i++)
		queue(tty.line[i]);
	tty.len = 0;
	queue(last);
	wake_up_all(&tty.readers);
}

static void flush_input(void)
{
	tty.head = tty.tail = tty.lines = tty.len = 0;
}

static void erase_one(void)
{
	u8 c = tty.line[--tty.len];

	/* The bytes that continue a character in UTF-8 take no place. */
	while (tty.len && (c & 0xc0) == 0x80)
		c = tty.line[--tty.len];
	if (!(tty.t.lflag & ECHO))
		return;
	put("\b \b", 3);
	if (shown_as_control(c))
		put("\b \b", 3);
}

static bool is_signal_key(u8 c)
{
	static const u8 keys[][2] = {{VINTR, SIGINT}, {VQUIT, SIGQUIT}, {VSUSP, SIGTSTP}};

	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct siginfo info = {.signo = keys[i][1], .code = SI_KERNEL};

		if (!c || tty.t.cc[keys[i][0]] != c)
			continue;
		echo(c);
		if (!(tty.t.lflag & NOFLSH))
			flush_input();
		if (tty.pgrp)
			(void)send_pgrp_signal(&info, tty.pgrp);
		return true;
	}
	return false;
}

static bool edits(u8 c)
{
	const u8 *cc = tty.t.cc;

	if (c == cc[VERASE] || c == '\b') {
		if (tty.len)
			erase_one();
	} else if (c == cc[VKILL]) {
		while (tty.len)
			erase_one();
	} else if (c == cc[VWERASE] && tty.t.lflag & IEXTEN) {
		while (tty.len && tty.line[tty.len - 1] == ' ')
			erase_one();
		while (tty.len && tty.line[tty.len - 1] != ' ')
			erase_one();
	} else if (c == cc[VEOF]) {
		end_line(ENDS_HERE);
	} else if (c == cc[VLNEXT] && tty.t.lflag & IEXTEN) {
		tty.literal = true;
	} else {
		return false;
	}
	return true;
}

static void receive(u8 c)
{
	const struct termios *t = &tty.t;

	if (t->iflag & ISTRIP)
		c &= 0x7f;
	if (!tty.literal) {
		if (c == '\r' && t->iflag & IGNCR)
			return;
		if (c == '\r' && t->iflag & ICRNL)
			c = '\n';
		else if (c == '\n' && t->iflag & INLCR)
			c = '\r';
		/* Nothing here is so slow that it would have to be stopped. */
		if (t->iflag & IXON && c && (c == t->cc[VSTART] || c == t->cc[VSTOP]))
			return;
		if (t->lflag & ISIG && is_signal_key(c))
			return;
		if (t->lflag & ICANON && c && edits(c))
			return;
	}
	echo(c);
	if (!(t->lflag & ICANON)) {
		queue(c);
		wake_up_all(&tty.readers);
	} else if (!tty.literal && (c == '\n' || (c && (c == t->cc[VEOL] || c == t->cc[VEOL2])))) {
		end_line(c | ENDS_LINE);
	} else if (tty.len < QUEUE - 1) {
		tty.line[tty.len++] = c;
	}
	tty.literal = false;
}

static void look(struct ktimer *timer)
{
	char bytes[64];
	size_t n;

	while ((n = port_console_read(bytes, sizeof(bytes))))
		for (size_t i = 0; i < n; i++)
			receive((u8)bytes[i]);
	ktimer_set(timer, port_time_ns() + POLL_NS);
}

static void start_looking(void)
{
	if (tty.looking)
		return;
	tty.looking = true;
	link_init(&tty.timer.link);
	tty.timer.fn = look;
	look(&tty.timer);
}

/* ------------------------------------------------------------------ job control */

/* A background process may not: it is stopped, and tries again (POSIX 11.1.4). */
static long in_background(int sig)
{
	const struct siginfo info = {.signo = sig, .code = SI_KERNEL};
	const struct signal_struct *s = current->signal;

	if (s->session != tty.session || !tty.pgrp || s->pgrp == tty.pgrp)
		return 0;
	if (sig_ignored_by(current->sighand, sig) || current->blocked & SIG_BIT(sig))
		return sig == SIGTTIN ? -EIO : 0;
	(void)send_pgrp_signal(&info, s->pgrp);
	return -ERESTARTSYS;
}

static bool is_ours(void)
{
	return tty.session && current->signal->session == tty.session;
}

static long set_controlling(void)
{
	const struct signal_struct *s = current->signal;

	if (is_ours())
		return 0;
	/* Only a leader; and root may take it from another session, which is who asks here. */
	if (s->session != s->leader->pid)
		return -EPERM;
	tty.session = s->session;
	tty.pgrp = s->pgrp;
	return 0;
}

static long set_foreground(unsigned long arg)
{
	int pgrp;
	long err;

	if (copy_from_user(&pgrp, arg, sizeof(pgrp)))
		return -EFAULT;
	if (!is_ours())
		return -ENOTTY;
	err = in_background(SIGTTOU);
	if (err)
		return err;
	if (pgrp < 0)
		return -EINVAL;
	pgrp = pid_from_user(pgrp);
	for_each_process(p)
	{
		if (p->pgrp != pgrp)
			continue;
		if (p->session != tty.session)
			return -EPERM;
		tty.pgrp = pgrp;
		return 0;
	}
	return -ESRCH;
}

/* ------------------------------------------------------------------ calls */

static bool readable(void)
{
	return tty.t.lflag & ICANON ? tty.lines != 0 : tty.head != tty.tail;
}

/* One line at the most with ICANON. */
static long take(struct iter *to)
{
	bool canonical = tty.t.lflag & ICANON, ended = false;
	size_t done = 0;

	while (to->left && tty.head != tty.tail) {
		u32 c = tty.in[tty.tail % QUEUE];
		char byte = (char)c;

		if (!(c & ENDS_HERE) && !copy_to_iter(&byte, 1, to))
			return done ? (long)done : -EFAULT;
		done += !(c & ENDS_HERE);
		tty.tail++;
		tty.lines -= c >= ENDS_LINE;
		ended = canonical && c >= ENDS_LINE;
		if (ended)
			break;
	}
	/* A ^D that follows what just filled the buffer ends the same read; behind a whole line it is the end of the file. */
	if (canonical && done && !ended && tty.head != tty.tail &&
	    tty.in[tty.tail % QUEUE] == ENDS_HERE) {
		tty.tail++;
		tty.lines--;
	}
	return (long)done;
}

static long tty_read(struct open_file *f, struct iter *to, u64 *pos)
{
	u64 deadline = WAIT_FOREVER;
	u32 wanted = 1;
	long err;

	start_looking();
	err = in_background(SIGTTIN);
	if (err)
		return err;
	if (!to->left)
		return 0;
	if (!(tty.t.lflag & ICANON)) {
		wanted = (u32)min((size_t)tty.t.cc[VMIN], to->left);
		/* Linux starts the time at the first byte when there is a minimum; a tenth of a second more or less is nobody's. */
		if (tty.t.cc[VTIME] && !wanted)
			deadline = port_time_ns() + tty.t.cc[VTIME] * 100000000ULL;
		if (!wanted && !tty.t.cc[VTIME])
			return take(to);
		wanted = max(wanted, 1U);
	}
	if (!readable() && f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wait_event(&tty.readers,
			 tty.t.lflag & ICANON ? tty.lines != 0 : tty.head - tty.tail >= wanted,
			 deadline);
	if (err == -ETIMEDOUT)
		err = 0;
	return err ? err : take(to);
}

static long tty_write(struct open_file *f, struct iter *from, u64 *pos)
{
	size_t done = 0;
	char chunk[256];
	long err = tty.t.lflag & TOSTOP ? in_background(SIGTTOU) : 0;

	if (err)
		return err;
	while (from->left) {
		size_t want = min(from->left, sizeof(chunk)), n = copy_from_iter(chunk, want, from);

		put(chunk, n);
		done += n;
		if (n < want)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static unsigned int tty_poll(struct open_file *f, struct poll_table *table)
{
	start_looking();
	poll_wait(table, &tty.readers);
	return POLLOUT | POLLWRNORM | (readable() ? POLLIN | POLLRDNORM : 0);
}

#define TCGETS 0x5401U
#define TCSETS 0x5402U
#define TCSETSW 0x5403U
#define TCSETSF 0x5404U
#define TCSBRK 0x5409U
#define TCXONC 0x540aU
#define TCFLSH 0x540bU
#define TIOCSCTTY 0x540eU
#define TIOCGPGRP 0x540fU
#define TIOCSPGRP 0x5410U
#define TIOCOUTQ 0x5411U
#define TIOCGWINSZ 0x5413U
#define TIOCSWINSZ 0x5414U
#define FIONREAD 0x541bU
#define TIOCNOTTY 0x5422U
#define TIOCGETD 0x5424U
#define TCSBRKP 0x5425U
#define TIOCGSID 0x5429U
#define TCGETS2 0x802c542aU
#define TCSETS2 0x402c542bU
#define TCSETSW2 0x402c542cU
#define TCSETSF2 0x402c542dU

static long set_termios(unsigned long arg, size_t size, bool flush)
{
	bool was_canonical = tty.t.lflag & ICANON;
	long err = in_background(SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&tty.t, arg, size))
		return -EFAULT;
	if (flush)
		flush_input();
	/* What stands in the line can be read now. */
	if (was_canonical && !(tty.t.lflag & ICANON)) {
		for (u32 i = 0; i < tty.len; i++)
			queue(tty.line[i]);
		tty.len = 0;
		wake_up_all(&tty.readers);
	}
	return 0;
}

static long put_int(int value, unsigned long to)
{
	return copy_to_user(to, &value, sizeof(value));
}

static long tty_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TCGETS:
		return copy_to_user(arg, &tty.t, TERMIOS_SIZE);
	case TCGETS2:
		return copy_to_user(arg, &tty.t, sizeof(tty.t));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(arg, TERMIOS_SIZE, cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(arg, sizeof(tty.t), cmd == TCSETSF2);
	case TCFLSH:
		if (arg != 1)
			flush_input();
		return 0;
	case TCSBRK:
	case TCSBRKP:
	case TCXONC:
		return 0;
	case TIOCGWINSZ:
		return copy_to_user(arg, &tty.size, sizeof(tty.size));
	case TIOCSWINSZ:
		return copy_from_user(&tty.size, arg, sizeof(tty.size));
	case TIOCSCTTY:
		return set_controlling();
	case TIOCNOTTY:
		if (!is_ours())
			return -ENOTTY;
		if (current->signal->leader->pid == tty.session)
			tty.session = tty.pgrp = 0;
		return 0;
	case TIOCGPGRP:
		return is_ours() ? put_int(pid_vnr(tty.pgrp), arg) : -ENOTTY;
	case TIOCSPGRP:
		return set_foreground(arg);
	case TIOCGSID:
		return is_ours() ? put_int(pid_vnr(tty.session), arg) : -ENOTTY;
	case FIONREAD:
		return put_int((int)(tty.head - tty.tail), arg);
	case TIOCOUTQ:
	case TIOCGETD:
		return put_int(0, arg);
	}
	return -ENOTTY;
}

static int tty_open(struct inode *inode, struct open_file *f)
{
	/* /dev/tty is the terminal of who has one. */
	if (inode->rdev == MKDEV(5, 0) && !is_ours())
		return -ENXIO;
	/* The first terminal that a session's leader opens is its own; the console is nobody's (Linux: tty_io.c, noctty). */
	if (inode->rdev == MKDEV(204, 64) && !(f->flags & O_NOCTTY) && !tty.session && current)
		(void)set_controlling();
	return 0;
}

const struct file_operations tty_fop = {
	.open = tty_open,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

/* As if the line had gone: who is on the terminal is told, and it is nobody's. */
long call_vhangup(const struct syscall_args *r)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	if (!is_ours())
		return 0;
	for_each_process(s)
	{
		if (s->session != tty.session ||
		    (s->pgrp != tty.pgrp && s->leader->pid != s->session))
			continue;
		send_group_signal(SIGHUP, s);
		send_group_signal(SIGCONT, s);
	}
	tty.session = tty.pgrp = 0;
	return 0;
}
