// SPDX-License-Identifier: MIT
/*
 * Signals as something to read (Linux: fs/signalfd.c): of whoever reads, not of who has made the descriptor, and only those that it
 * names; so a program blocks them first. Who waits, does so at its sighand. Locking: kernel_lock.
 */
#include <quire/out.h>
#include <quire/slab.h>

#include "poll.h"
#include "syscall.h"
#include "vfs.h"

#define SFD_FLAGS (O_CLOEXEC | O_NONBLOCK)

struct signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value, utime, stime, addr;
	u16 addr_lsb, pad;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 unused[28];
};
BUILD_BUG_ON(sizeof(struct signalfd_siginfo) != 128);

static u64 mask_of(const struct open_file *f)
{
	return *(const u64 *)f->private;
}

static struct signalfd_siginfo tell(const struct siginfo *i)
{
	struct signalfd_siginfo s = {.signo = (u32)i->signo, .err = i->err, .code = i->code};

	if (i->code == SI_TIMER) {
		s.tid = (u32)i->timer.tid;
		s.overrun = (u32)i->timer.overrun;
		s.value = i->timer.value;
		s.value_int = (s32)i->timer.value;
	} else if (i->signo == SIGIO && i->code > 0 && i->code < SI_KERNEL) {
		s.band = (u32)i->poll.band;
		s.fd = i->poll.fd;
	} else if (i->signo == SIGCHLD && i->code > 0 && i->code < SI_KERNEL) {
		s.pid = (u32)i->pid;
		s.uid = i->uid;
		s.status = i->chld.status;
		s.utime = (u64)i->chld.utime;
		s.stime = (u64)i->chld.stime;
	} else if (SIG_BIT(i->signo) & SIG_SYNCHRONOUS && i->code > 0 && i->code < SI_KERNEL) {
		s.addr = i->fault.addr;
		s.addr_lsb = (u16)i->fault.addr_lsb;
	} else {
		s.pid = (u32)i->pid;
		s.uid = i->uid;
		if (i->code < 0 && i->code != SI_TKILL) {
			s.value = i->value;
			s.value_int = (s32)i->value;
		}
	}
	return s;
}

static bool is_pending(const struct open_file *f)
{
	const struct task *t = current;

	return (t->pending.set | t->signal->pending.set) & mask_of(f);
}

static long signalfd_read(struct open_file *f, struct iter *to, u64 *pos)
{
	long done = 0, err;

	(void)pos;
	if (to->left < sizeof(struct signalfd_siginfo))
		return -EINVAL;
	while (to->left >= sizeof(struct signalfd_siginfo)) {
		struct signalfd_siginfo s;
		struct siginfo info;

		if (!is_pending(f)) {
			if (done)
				break;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			err = wait_event(&current->sighand->wait_signal, is_pending(f),
					 WAIT_FOREVER);
			if (err)
				return err;
			continue;
		}
		(void)dequeue_signal(current, mask_of(f), &info);
		recalc_sigpending(current);
		s = tell(&info);
		if (copy_to_iter(&s, sizeof(s), to) != sizeof(s))
			return done ? done : -EFAULT;
		done += (long)sizeof(s);
	}
	return done;
}

static unsigned int signalfd_poll(struct open_file *f, struct poll_table *table)
{
	poll_wait(table, &current->sighand->wait_signal);
	return is_pending(f) ? POLLIN : 0;
}

static void signalfd_release(struct open_file *f)
{
	kfree(f->private);
}

static void signalfd_show(struct out *out, const struct open_file *f, const struct pid_ns *ns)
{
	out_printf(out, "sigmask:\t%016llx\n", (unsigned long long)mask_of(f));
}

static const struct file_operations signalfd_fop = {.show_fdinfo = signalfd_show,
						    .read = signalfd_read,
						    .poll = signalfd_poll,
						    .release = signalfd_release,
						    .stays = true};

long call_signalfd4(const struct syscall_args *r)
{
	int fd = (int)r->a[0];
	unsigned int flags = (unsigned int)r->a[3];
	struct open_file *f;
	u64 mask, *own;

	if (r->a[2] != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, r->a[1]))
		return -EFAULT;
	if (flags & ~SFD_FLAGS)
		return -EINVAL;
	mask &= ~SIG_UNBLOCKABLE;
	if (fd != -1) {
		f = file_of((unsigned int)fd);
		if (!f)
			return -EBADF;
		if (f->op != &signalfd_fop)
			return -EINVAL;
		*(u64 *)f->private = mask;
		wake_up_all(&current->sighand->wait_signal);
		return fd;
	}
	own = kmalloc(sizeof(*own), GFP_KERNEL);
	if (!own)
		return -ENOMEM;
	*own = mask;
	f = file_anon("anon_inode:[signalfd]", S_IFREG | 0600, O_RDWR | (flags & O_NONBLOCK),
		      &signalfd_fop);
	if (!f) {
		kfree(own);
		return -ENOMEM;
	}
	f->private = own;
	return fd_install(f, 0, flags & O_CLOEXEC);
}
