// SPDX-License-Identifier: MIT
/*
 * Pseudo-terminals: a terminal whose line is a file that a program reads and writes, and devpts, where slaves have their names
 * (Linux: drivers/tty/pty.c, fs/devpts; man 4 ptmx, man 7 pty).
 *
 * Opening a ptmx makes a pair, and a name for its slave in the devpts that the ptmx belongs to: the one that it is in, or the one at pts
 * beside it. What the slave writes waits in `out` for the master. The pair ends with the last file of both. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "poll.h"
#include "signal.h"
#include "tty.h"
#include "userns.h"

#define OUT 8192U /* a power of two */
#define MAX_PTYS 4096U

#define TIOCPKT 0x5420U
#define TIOCGPKT 0x80045438U
#define TIOCGPTN 0x80045430U
#define TIOCSPTLCK 0x40045431U
#define TIOCGPTLCK 0x80045439U
#define TIOCSIG 0x40045436U
#define TIOCGPTPEER 0x5441U
#define FIONREAD 0x541bU
#define TIOCOUTQ 0x5411U
#define TCFLSH 0x540bU

struct pty {
	struct tty tty; /* the slave's side */
	char out[OUT];
	u32 head, tail;
	u32 number;
	bool locked, packet;
	bool had_slave, had_master;
	u32 masters, slaves; /* open files */
	struct super *sb;
	struct dentry *name;		    /* with a reference; NULL: the master is closed */
	struct wait_queue readers, writers; /* at the master */
};

/* A mounted devpts. */
struct devpts {
	u32 uid, gid, mode, max;
	bool own_uid, own_gid;
	u64 used[MAX_PTYS / 64];
};

static struct pty *pty_of(struct tty *tty)
{
	return container_of(tty, struct pty, tty);
}

/* ------------------------------------------------------------------ the slave's line */

static void pty_put(struct tty *tty, const char *s, size_t n)
{
	struct pty *p = pty_of(tty);

	for (; n && p->head - p->tail < OUT; n--)
		p->out[p->head++ % OUT] = *s++;
	wake_up_all(&p->readers);
}

static size_t pty_room(const struct tty *tty)
{
	const struct pty *p = container_of(tty, const struct pty, tty);

	return OUT - (p->head - p->tail);
}

static void pty_taken(struct tty *tty)
{
	wake_up_all(&pty_of(tty)->writers);
}

static const struct tty_driver driver = {.put = pty_put, .room = pty_room, .taken = pty_taken};

static void pty_free(struct pty *p)
{
	if (p->masters || p->slaves)
		return;
	if (p->name)
		dput(p->name);
	tty_hangup(&p->tty);
	tty_exit(&p->tty);
	wait_queue_end(&p->readers);
	wait_queue_end(&p->writers);
	kvfree(p);
}

/* ------------------------------------------------------------------ slaves */

static long slave_read(struct open_file *f, struct iter *to, u64 *pos)
{
	(void)pos;
	return tty_read_from(f->private, f, to);
}

static long slave_write(struct open_file *f, struct iter *from, u64 *pos)
{
	(void)pos;
	return tty_write_to(f->private, f, from);
}

static unsigned int slave_poll(struct open_file *f, struct poll_table *table)
{
	return tty_poll_of(f->private, table);
}

static long slave_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	return tty_ioctl_of(f->private, f, cmd, arg, false);
}

static void slave_release(struct open_file *f)
{
	struct pty *p = pty_of(f->private);

	if (!--p->slaves) {
		/* What was typed is nobody's any more. */
		tty_flush_input(&p->tty);
		wake_up_all(&p->readers);
		wake_up_all(&p->writers);
	}
	pty_free(p);
}

static const struct file_operations slave_fop = {
	.read = slave_read,
	.write = slave_write,
	.poll = slave_poll,
	.ioctl = slave_ioctl,
	.release = slave_release,
};

int pts_open_as(struct tty *tty, struct open_file *f)
{
	struct pty *p = pty_of(tty);

	if (p->locked || tty->hung)
		return -EIO;
	if (tty->exclusive && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	p->slaves++;
	p->had_slave = true;
	f->private = tty;
	f->op = &slave_fop;
	return 0;
}

int pts_open(struct inode *inode, struct open_file *f)
{
	int err;

	/* A node of that number anywhere else leads to none. */
	if (inode->sb->type != &devpts_type || !inode->private)
		return -EIO;
	err = pts_open_as(inode->private, f);
	if (!err)
		tty_opened(inode->private, f);
	return err;
}

/* ------------------------------------------------------------------ masters */

/* The slave was there, and is not any more. */
static bool left(const struct pty *p)
{
	return p->had_slave && !p->slaves;
}

static long master_read(struct open_file *f, struct iter *to, u64 *pos)
{
	struct pty *p = f->private;
	size_t done = 0;
	char zero = 0;
	long err;

	(void)pos;
	if (p->head == p->tail && !left(p)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&p->readers, p->head != p->tail || left(p), WAIT_FOREVER);
		if (err)
			return err;
	}
	if (p->head == p->tail)
		return -EIO;
	/* In packet mode a byte says that data follow. */
	if (p->packet && to->left && copy_to_iter(&zero, 1, to))
		done++;
	while (to->left && p->head != p->tail) {
		size_t at = p->tail % OUT,
		       n = min(min((size_t)(p->head - p->tail), OUT - at), to->left),
		       moved = copy_to_iter(p->out + at, n, to);

		p->tail += (u32)moved;
		done += moved;
		if (moved < n)
			return done ? (long)done : -EFAULT;
	}
	wake_up_all(&p->tty.writers);
	return (long)done;
}

static long master_write(struct open_file *f, struct iter *from, u64 *pos)
{
	struct pty *p = f->private;
	size_t done = 0;
	long err = 0;

	(void)pos;
	while (!err && from->left) {
		char chunk[256];
		size_t want = min(min(from->left, sizeof(chunk)), tty_input_room(&p->tty)), n;

		if (left(p)) {
			err = -EIO;
		} else if (!want) {
			err = f->flags & O_NONBLOCK
				      ? -EAGAIN
				      : wait_event(&p->writers, tty_input_room(&p->tty) || left(p),
						   WAIT_FOREVER);
		} else {
			n = copy_from_iter(chunk, want, from);
			for (size_t i = 0; i < n; i++)
				tty_receive(&p->tty, (u8)chunk[i]);
			done += n;
			err = n < want ? -EFAULT : 0;
		}
	}
	return done ? (long)done : err;
}

static unsigned int master_poll(struct open_file *f, struct poll_table *table)
{
	struct pty *p = f->private;

	poll_wait(table, &p->readers);
	poll_wait(table, &p->writers);
	return (p->head != p->tail ? POLLIN | POLLRDNORM : 0) | (left(p) ? POLLHUP : 0) |
	       (tty_input_room(&p->tty) && !left(p) ? POLLOUT | POLLWRNORM : 0);
}

static long open_peer(struct pty *p, unsigned int flags)
{
	struct open_file *f;
	int err;

	if (!p->name)
		return -EIO;
	err = file_open_dentry(dget(p->name), flags, &f);
	return err ? err : fd_install(f, 0, flags & O_CLOEXEC);
}

static long master_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	struct pty *p = f->private;
	int n;

	switch (cmd) {
	case TIOCGPTN:
		return put_user(p->number, arg);
	case TIOCGPTLCK:
		return put_user((int)p->locked, arg);
	case TIOCGPKT:
		return put_user((int)p->packet, arg);
	case TIOCSPTLCK:
	case TIOCPKT:
		if (copy_from_user(&n, arg, sizeof(n)))
			return -EFAULT;
		*(cmd == TIOCPKT ? &p->packet : &p->locked) = n;
		return 0;
	case TIOCSIG:
		n = (int)arg;
		if (n != SIGINT && n != SIGQUIT && n != SIGTSTP)
			return -EINVAL;
		tty_signal(&p->tty, n);
		return 0;
	case TIOCGPTPEER:
		return open_peer(p, (unsigned int)arg);
	case FIONREAD:
		return put_user((int)(p->head - p->tail), arg);
	case TIOCOUTQ:
		return put_user((int)(p->tty.head - p->tty.tail), arg);
	case TCFLSH:
		if (arg > 2)
			return -EINVAL;
		if (arg != 1)
			p->tail = p->head;
		if (arg)
			tty_flush_input(&p->tty);
		wake_up_all(&p->tty.writers);
		return 0;
	}
	return tty_ioctl_of(&p->tty, f, cmd, arg, true);
}

static void master_release(struct open_file *f)
{
	struct pty *p = f->private;
	struct devpts *fs = p->sb->private;

	p->masters--;
	if (p->name) {
		p->name->inode->private = NULL;
		if (p->name->pinned)
			dentry_unpin(p->name);
		fs->used[p->number / 64] &= ~(1ULL << p->number % 64);
		dput(p->name);
		p->name = NULL;
	}
	tty_hangup(&p->tty);
	pty_free(p);
}

static const struct file_operations master_fop = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
};

/* The devpts that this ptmx is of: its root, with a reference. 0, -ENOENT, -ENODEV. */
static int devpts_of(const struct open_file *f, struct dentry **to)
{
	struct dentry *dir = f->dentry->parent, *d;

	if (f->inode->sb->type == &devpts_type) {
		*to = dget(f->inode->sb->root);
		return 0;
	}
	if (!dir || dentry_lookup(dir, "pts", 3, &d))
		return -ENOENT;
	d = cross_mounts(d);
	if (d->inode->sb->type == &devpts_type && d->inode->sb->root == d) {
		*to = d;
		return 0;
	}
	dput(d);
	return -ENODEV;
}

static int add_name(struct pty *p, struct dentry *root)
{
	const struct devpts *fs = root->inode->sb->private;
	char name[12];
	size_t len = (size_t)quire_snprintf(name, sizeof(name), "%u", p->number);
	struct inode *n =
		tmpfs_inode(root->inode->sb, S_IFCHR | fs->mode, MKDEV(PTS_MAJOR, p->number));
	int err;

	if (!n)
		return -ENOMEM;
	n->uid = fs->own_uid ? fs->uid : current->cred.fsuid;
	n->gid = fs->own_gid ? fs->gid : current->cred.fsgid;
	n->private = &p->tty;
	err = dentry_add(root, name, len, n);
	return err ? err : dentry_lookup(root, name, len, &p->name);
}

int ptmx_open(struct inode *inode, struct open_file *f)
{
	struct dentry *root;
	struct devpts *fs;
	struct pty *p;
	u32 number = 0;
	int err = devpts_of(f, &root);

	(void)inode;
	if (err)
		return err;
	fs = root->inode->sb->private;
	while (number < fs->max && fs->used[number / 64] & 1ULL << number % 64)
		number++;
	p = number < fs->max ? kvzalloc(sizeof(*p), GFP_KERNEL) : NULL;
	if (!p) {
		dput(root);
		return number < fs->max ? -ENOMEM : -ENOSPC;
	}
	tty_init(&p->tty, &driver, MKDEV(PTS_MAJOR, number));
	p->number = number;
	p->locked = true;
	p->sb = root->inode->sb;
	err = add_name(p, root);
	dput(root);
	if (err) {
		pty_free(p);
		return err;
	}
	fs->used[number / 64] |= 1ULL << number % 64;
	p->masters = 1;
	f->private = p;
	f->op = &master_fop;
	return 0;
}

/* ------------------------------------------------------------------ devpts */

static bool number_of(const char *text, u32 base, u32 *to)
{
	const char *p = text;

	for (*to = 0; *p >= '0' && *p < (char)('0' + base); p++)
		*to = *to * base + (u32)(*p - '0');
	return p > text && (!*p || *p == ',');
}

static bool parse(struct devpts *fs, u32 *ptmx_mode, const char *options)
{
	u32 n;

	while (options && *options) {
		const char *end = strchr(options, ',');

		if (!strncmp(options, "uid=", 4) && number_of(options + 4, 10, &n)) {
			fs->own_uid = true;
			fs->uid = uid_from_user(n);
			if (fs->uid == NO_ID)
				return false;
		} else if (!strncmp(options, "gid=", 4) && number_of(options + 4, 10, &n)) {
			fs->own_gid = true;
			fs->gid = gid_from_user(n);
			if (fs->gid == NO_ID)
				return false;
		} else if (!strncmp(options, "mode=", 5) && number_of(options + 5, 8, &n)) {
			fs->mode = n & S_IALLUGO;
		} else if (!strncmp(options, "ptmxmode=", 9) && number_of(options + 9, 8, &n)) {
			*ptmx_mode = n & S_IALLUGO;
		} else if (!strncmp(options, "max=", 4) && number_of(options + 4, 10, &n)) {
			fs->max = min(n, MAX_PTYS);
		} else if (*options != ',' && strncmp(options, "newinstance", 11) != 0) {
			return false;
		}
		options = end ? end + 1 : NULL;
	}
	return true;
}

/* Names come and go with their pairs only. */
static int may_change(struct inode *dir)
{
	(void)dir;
	return -EPERM;
}

static void evict(struct inode *root)
{
	kfree(root->private);
}

static const struct inode_operations root_op = {.may_change = may_change, .evict = evict};

static int devpts_fill(struct super *sb, const char *options)
{
	struct devpts *fs = kmalloc(sizeof(*fs), GFP_KERNEL | __GFP_ZERO);
	u32 ptmx_mode = 0;
	struct inode *n;

	if (!fs)
		return -ENOMEM;
	fs->mode = 0600;
	fs->max = MAX_PTYS;
	if (!parse(fs, &ptmx_mode, options)) {
		kfree(fs);
		return -EINVAL;
	}
	sb->private = fs;
	n = tmpfs_inode(sb, S_IFDIR | 0755, 0);
	if (!n) {
		kfree(fs);
		return -ENOMEM;
	}
	n->op = &root_op;
	n->private = fs;
	sb->root = dentry_alloc(NULL, "", 0, n);
	if (!sb->root)
		return -ENOMEM;
	n = tmpfs_inode(sb, S_IFCHR | ptmx_mode, PTMX_RDEV);
	if (n) {
		n->uid = current->cred.fsuid;
		n->gid = current->cred.fsgid;
	}
	if (n && !dentry_add(sb->root, "ptmx", 4, n))
		return 0;
	dput(sb->root);
	return -ENOMEM;
}

static int devpts_reconfigure(struct super *sb, const char *options)
{
	struct devpts *fs = sb->private, new = *fs;
	struct dentry *d;
	u32 ptmx_mode = ~0U;

	if (!parse(&new, &ptmx_mode, options))
		return -EINVAL;
	*fs = new;
	if (ptmx_mode != ~0U && !dentry_lookup(sb->root, "ptmx", 4, &d)) {
		d->inode->mode = S_IFCHR | ptmx_mode;
		dput(d);
	}
	return 0;
}

const struct fs_type devpts_type = {
	.name = "devpts",
	.magic = 0x1cd1,
	.nodev = true,
	.fill = devpts_fill,
	.reconfigure = devpts_reconfigure,
};
