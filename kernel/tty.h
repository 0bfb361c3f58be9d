/* SPDX-License-Identifier: MIT */
/*
 * Terminals: the line discipline and the calls (kernel/tty.c), sessions and foreground groups (tty_job.c), the console (tty_console.c), and pairs
 * of which a program is one side (pty.c). All under kernel_lock.
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "vfs.h"

#define TTY_QUEUE 4096U /* a power of two */

struct pid;
struct poll_table;
struct signal_struct;

/* c_iflag, c_oflag, c_lflag: asm-generic/termbits.h's values; those that more than one file needs */
#define TTY_ICANON 0x2U
#define TTY_OPOST 0x1U
#define TTY_TOSTOP 0x100U
#define TTY_NCCS 19

struct termios {
	u32 iflag, oflag, cflag, lflag;
	u8 discipline;
	u8 cc[TTY_NCCS];
	u32 ispeed, ospeed; /* of termios2 only */
};

struct winsize {
	u16 rows, cols, xpixel, ypixel;
};

struct tty;

/* What is behind a terminal. */
struct tty_driver {
	/* n bytes go out; as many as room() has said there are. */
	void (*put)(struct tty *tty, const char *s, size_t n);
	size_t (*room)(const struct tty *tty);
	/* Somebody looks for input. May be NULL. */
	void (*look)(struct tty *tty);
	/* Input was taken: there is room for more. May be NULL. */
	void (*taken)(struct tty *tty);
};

struct tty {
	const struct tty_driver *driver;
	struct tty *next; /* of all */
	u32 rdev;
	struct termios t;
	struct winsize size;
	u16 in[TTY_QUEUE];
	u32 head, tail; /* of in */
	u32 lines;	/* marks in it */
	u8 line[TTY_QUEUE];
	u32 len;
	bool literal; /* the next byte is taken as it is (^V) */
	bool hung;    /* the other side is gone */
	bool exclusive;
	int session;
	struct pid *front; /* the foreground group, with a use; NULL: none */
	struct wait_queue readers, writers;
};

/* With the defaults of a new terminal; and out of the list of all, before its memory goes. */
void tty_init(struct tty *tty, const struct tty_driver *driver, u32 rdev);
void tty_exit(struct tty *tty);
/* A byte that was typed. */
void tty_receive(struct tty *tty, u8 c);
/* So many would be taken now. */
size_t tty_input_room(const struct tty *tty);
void tty_flush_input(struct tty *tty);
/* File operations on a terminal. */
long tty_read_from(struct tty *tty, struct open_file *f, struct iter *to);
long tty_write_to(struct tty *tty, struct open_file *f, struct iter *from);
unsigned int tty_poll_of(struct tty *tty, struct poll_table *table);
/* master: by the other side of a pair. */
long tty_ioctl_of(struct tty *tty, struct open_file *f, unsigned int cmd, unsigned long arg,
		  bool master);

/* ------------------------------------------------------------------ tty_job.c */

/* A background process may not do that: 0, -EIO, -ERESTARTSYS after the signal. */
long tty_in_background(const struct tty *tty, int sig);
/* Is it the running program's controlling terminal? */
bool tty_is_ours(const struct tty *tty);
/* It becomes that, as the first terminal that a session's leader opens. */
void tty_opened(struct tty *tty, const struct open_file *f);
/* TIOCSCTTY, TIOCNOTTY, TIOCSPGRP, TIOCGPGRP, TIOCGSID; -ENOTTY: none of them. */
long tty_job_ioctl(struct tty *tty, struct open_file *f, unsigned int cmd, unsigned long arg,
		   bool master);
/* The line is cut: the session is told, and has no terminal any more. */
void tty_hangup(struct tty *tty);
/* A process ends. */
void tty_process_ends(struct signal_struct *s);
/* A signal for the foreground group. */
void tty_signal(const struct tty *tty, int sig);

/* ------------------------------------------------------------------ others */

extern struct tty console_tty; /* tty_console.c */
void tty_console_init(void);
extern const struct file_operations tty_fop;
/* The numbers of /dev/ptmx and of slaves; a file on them is opened (pty.c). */
#define PTMX_RDEV MKDEV(5, 2)
#define PTS_MAJOR 136U
int ptmx_open(struct inode *inode, struct open_file *f);
int pts_open(struct inode *inode, struct open_file *f);
/* The same of a slave that is known. */
int pts_open_as(struct tty *tty, struct open_file *f);
extern const struct fs_type devpts_type;

#endif
