// SPDX-License-Identifier: MIT
/*
 * Descriptors that stand for a process (Linux: kernel/pid.c, fs/pidfs.c): pidfd_open, CLONE_PIDFD, pidfd_send_signal, pidfd_getfd,
 * waitid's P_PIDFD, and unshare.
 *
 * One remembers the number of the process and when it began; a process that has been waited for is not found any more, whoever has its
 * number then. Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "clone.h"
#include "poll.h"
#include "ptrace.h"
#include "syscall.h"
#include "vfs.h"
#include "timens.h"

struct pidfd {
	int pid;
	u64 start;
};

static struct signal_struct *process_of(const struct pidfd *p)
{
	struct signal_struct *s = process_find(p->pid);

	return s && s->leader && s->leader->start_time == p->start ? s : NULL;
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
	kfree(f->private);
}

static const struct file_operations pidfd_fop = {.poll = pidfd_poll, .release = pidfd_release};

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
	return process_of(f->private) ? ((const struct pidfd *)f->private)->pid : -ECHILD;
}

static long make(const struct task *t, unsigned int flags)
{
	struct pidfd *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct open_file *f;

	if (!p)
		return -ENOMEM;
	p->pid = t->pid; /* of a leader: a child is one before it knows */
	p->start = t->start_time;
	f = file_anon("anon_inode:[pidfd]", S_IFREG | 0600, O_RDWR | flags, &pidfd_fop);
	if (!f) {
		kfree(p);
		return -ENOMEM;
	}
	f->private = p;
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
	t = task_find(pid);
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
	if (err)
		return err;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	if (r->a[2]) {
		if (get_user(info.signo, r->a[2]))
			return -EFAULT;
		if (info.signo != sig)
			return -EINVAL;
		err = user_siginfo(r->a[2], sig, s->leader->tgid, &info);
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

/* ------------------------------------------------------------------ unshare */

long call_unshare(const struct syscall_args *r)
{
	const u64 flags = r->a[0], known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM |
					   CLONE_FILES | CLONE_SYSVSEM | CLONE_NAMESPACES;
	struct task *t = current;
	struct files_struct *files = NULL;
	struct fs_struct *fs = NULL;

	/* There are no namespaces but the one that all are in, mounts of one's own, and times. */
	if (flags & ~known || flags & CLONE_NAMESPACES & ~(CLONE_NEWNS | CLONE_NEWTIME))
		return -EINVAL;
	if (flags & CLONE_NAMESPACES && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* Only who shares these with nobody may ask for them. */
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && t->signal->nr_threads > 1)
		return -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM) && t->sighand->users > 1)
		return -EINVAL;
	if (flags & CLONE_VM && t->mm->mm_users > 1)
		return -EINVAL;
	if ((flags & CLONE_FS && t->fs->users > 1) || flags & CLONE_NEWNS) {
		fs = fs_dup(t->fs);
		if (!fs)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWNS) {
		struct mount_ns *ns = mount_ns_new();

		if (!ns) {
			fs_put(fs);
			return -ENOMEM;
		}
		mount_ns_put(fs->ns);
		fs->ns = ns;
	}
	if (flags & CLONE_FILES && files_shared(t->files)) {
		files = files_dup(t->files);
		if (!files) {
			if (fs)
				fs_put(fs);
			return -ENOMEM;
		}
	}
	if (flags & CLONE_NEWTIME && time_ns_unshare(t)) {
		if (fs)
			fs_put(fs);
		if (files)
			files_put(files);
		return -ENOMEM;
	}
	if (fs) {
		fs_put(t->fs);
		t->fs = fs;
	}
	if (files) {
		files_put(t->files);
		t->files = files;
	}
	return 0;
}
