// SPDX-License-Identifier: MIT
/*
 * Descriptors that stand for a process (Linux: kernel/pid.c, fs/pidfs.c): pidfd_open, CLONE_PIDFD, pidfd_send_signal, pidfd_getfd,
 * waitid's P_PIDFD.
 *
 * One holds the struct pid of the process, which leads nowhere any more when the process has been waited for. Locking: kernel_lock.
 */
#include <quire/out.h>

#include "clone.h"
#include "pid.h"
#include "poll.h"
#include "proc.h"
#include "ptrace.h"
#include "syscall.h"
#include "vfs.h"

static struct signal_struct *process_of(const struct pid *p)
{
	const struct task *t = p->task;

	return t && t->pid == t->tgid ? t->signal : NULL;
}

static unsigned int pidfd_poll(struct open_file *f, struct poll_table *table)
{
	struct signal_struct *s = process_of(f->private);

	if (!s)
		return POLLIN | POLLRDNORM | POLLHUP;
	poll_wait(table, &s->wait_exit);
	return s->nr_threads ? 0 : POLLIN | POLLRDNORM;
}

static void pidfd_release(struct open_file *f)
{
	pid_put(f->private);
}

static void pidfd_show(struct out *out, const struct open_file *f, const struct pid_ns *ns)
{
	const struct pid *p = f->private;

	if (!process_of(p)) {
		out_puts(out, "Pid:\t-1\nNSpid:\t-1\n");
		return;
	}
	out_printf(out, "Pid:\t%d\nNSpid:", pid_nr(p, ns));
	pid_put_numbers(out, p, ns);
	out_puts(out, "\n");
}

#define PIDFD_GET_NAMESPACE 0xff01U

/* A descriptor for one of its namespaces, for who may look into it. */
static long pidfd_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	const struct task *t = pid_task(f->private);

	if (arg)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (ptrace_may_access(t))
		return -EACCES;
	if (!t->nsproxy)
		return -ESRCH;
	if (cmd - PIDFD_GET_NAMESPACE >= NR_NS_LINKS)
		return -ENOTTY;
	return ns_open_of_task(t, cmd - PIDFD_GET_NAMESPACE);
}

static const struct file_operations pidfd_fop = {
	.ioctl = pidfd_ioctl,
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_show,
};

struct pid *pidfd_get(const struct open_file *f)
{
	return f->op == &pidfd_fop ? f->private : NULL;
}

/* The process that a descriptor stands for. -EBADF, -ESRCH. */
static long find_process(int fd, struct signal_struct **s)
{
	struct open_file *f = file_of((unsigned int)fd);

	if (!f || f->op != &pidfd_fop)
		return -EBADF;
	*s = process_of(f->private);
	return *s ? 0 : -ESRCH;
}

long pidfd_pid(int fd, bool *nonblock)
{
	struct open_file *f = file_of((unsigned int)fd);

	if (!f || f->op != &pidfd_fop)
		return -EBADF;
	*nonblock = f->flags & O_NONBLOCK;
	return process_of(f->private) ? ((const struct pid *)f->private)->number[0].nr : -ECHILD;
}

static long make(const struct task *t, unsigned int flags)
{
	struct open_file *f =
		file_anon("anon_inode:[pidfd]", S_IFREG | 0600, O_RDWR | flags, &pidfd_fop);

	if (!f)
		return -ENOMEM;
	f->private = pid_get(t->thread_pid);
	return fd_install(f, 0, true);
}

long pidfd_install(struct task *t, unsigned long to)
{
	long fd = make(t, 0);
	int value = (int)fd;

	if (fd < 0)
		return fd;
	if (put_user(value, to)) {
		fd_close((unsigned int)fd);
		return -EFAULT;
	}
	return 0;
}

#define PIDFD_NONBLOCK O_NONBLOCK
#define PIDFD_THREAD O_EXCL

long call_pidfd_open(const struct syscall_args *r)
{
	int pid = (int)r->a[0];
	u32 flags = (u32)r->a[1];
	const struct task *t;

	if (flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD) || pid <= 0)
		return -EINVAL;
	t = task_find_v(pid);
	if (!t)
		return -ESRCH;
	/* One for a thread is not told from one for its process, which only a leader has. */
	if (t->pid != t->tgid)
		return flags & PIDFD_THREAD ? -EINVAL : -ENOENT;
	return make(t, flags & PIDFD_NONBLOCK);
}

#define PIDFD_SIGNAL_FLAGS 7U /* thread, group, process group: the first two mean the same here */

long call_pidfd_send_signal(const struct syscall_args *r)
{
	int sig = (int)r->a[1];
	u32 flags = (u32)r->a[3];
	struct siginfo info;
	struct signal_struct *s;
	long err;

	if (flags & ~PIDFD_SIGNAL_FLAGS || (flags & (flags - 1)))
		return -EINVAL;
	err = find_process((int)r->a[0], &s);
	/* The directory in /proc stands for it here, too. */
	if (err == -EBADF) {
		const struct open_file *f = file_of((unsigned int)r->a[0]);
		struct task *t;

		if (f && proc_task_of_dir(f, &t)) {
			s = t ? t->signal : NULL;
			err = s ? 0 : -ESRCH;
		}
	}
	if (err)
		return err;
	/* It is seen in the caller's namespace, or it is none of its. */
	if (!pid_vnr(s->leader->tgid) || sig < 0 || sig > NSIG)
		return -EINVAL;
	if (r->a[2]) {
		if (get_user(info.signo, r->a[2]))
			return -EFAULT;
		if (info.signo != sig)
			return -EINVAL;
		err = user_siginfo(r->a[2], sig, pid_vnr(s->leader->tgid), &info);
		if (err)
			return err;
	} else {
		info = user_info(sig, SI_USER);
	}
	return kill_process(s, &info);
}

/* Another process's open file becomes one of this program's, too. */
long call_pidfd_getfd(const struct syscall_args *r)
{
	struct signal_struct *s;
	struct open_file *f;
	long err;

	if (r->a[2])
		return -EINVAL;
	err = find_process((int)r->a[0], &s);
	if (err)
		return err;
	if (ptrace_may_access(s->leader))
		return -EPERM;
	if (!s->leader->files)
		return -ESRCH;
	f = files_lookup(s->leader->files, (unsigned int)r->a[1]);
	return f ? fd_install(file_get(f), 0, true) : -EBADF;
}
