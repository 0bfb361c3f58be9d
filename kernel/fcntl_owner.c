// SPDX-License-Identifier: MIT
/*
 * Whom an open file tells by a signal: F_SETOWN and its kin, O_ASYNC and what follows from it (Linux: fs/fcntl.c). An inode has a list of the files
 * with O_ASYNC. Locking: kernel_lock.
 */
#include <quire/string.h>

#include "pid.h"
#include "poll.h"
#include "syscall.h"
#include "userns.h"
#include "vfs.h"

enum { OWNER_THREAD, OWNER_PROCESS, OWNER_GROUP };
enum { F_SETOWN = 8, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX = 15, F_GETOWN_EX, F_GETOWNER_UIDS };

struct f_owner_ex {
	int type, pid;
};

static bool group_exists(int pgrp)
{
	for_each_process(s) if (s->pgrp == pgrp) return true;
	return false;
}

/* pid: as the running program calls it. */
static long set_owner(struct open_file *f, int type, int pid)
{
	pid = pid ? pid_from_user(pid) : 0;
	if (pid && (type == OWNER_GROUP	    ? !group_exists(pid)
		    : type == OWNER_PROCESS ? !process_find(pid)
					    : !task_find(pid)))
		return -ESRCH;
	f->owner = pid;
	f->owner_type = type;
	f->owner_uids[0] = current->cred.uid;
	f->owner_uids[1] = current->cred.euid;
	return 0;
}

/* Who has ended is nobody. */
static int owner_of(const struct open_file *f)
{
	int pid = f->owner;

	if (!pid)
		return 0;
	if (f->owner_type == OWNER_GROUP)
		return group_exists(pid) ? pid_vnr(pid) : 0;
	return task_find(pid) ? pid_vnr(pid) : 0;
}

long file_fcntl_owner(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	struct f_owner_ex ex;
	int pid = (int)arg;
	u32 ids[2];

	switch (cmd) {
	case F_SETOWN:
		if (pid == INT_MIN)
			return -EINVAL;
		return set_owner(f, pid < 0 ? OWNER_GROUP : OWNER_PROCESS, pid < 0 ? -pid : pid);
	case F_GETOWN:
		return f->owner_type == OWNER_GROUP ? -owner_of(f) : owner_of(f);
	case F_SETSIG:
		if (arg > NSIG)
			return -EINVAL;
		f->owner_signal = (int)arg;
		return 0;
	case F_GETSIG:
		return f->owner_signal;
	case F_SETOWN_EX:
		if (get_user(ex, arg))
			return -EFAULT;
		if (ex.type < OWNER_THREAD || ex.type > OWNER_GROUP)
			return -EINVAL;
		return set_owner(f, ex.type, ex.pid);
	case F_GETOWN_EX:
		ex = (struct f_owner_ex){f->owner_type, owner_of(f)};
		return put_user(ex, arg);
	case F_GETOWNER_UIDS:
		ids[0] = uid_to_user(f->owner_uids[0]);
		ids[1] = uid_to_user(f->owner_uids[1]);
		return copy_to_user(arg, ids, sizeof(ids));
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ O_ASYNC */

enum { POLL_IN_CODE = 1, POLL_OUT_CODE, POLL_MSG_CODE };

static bool knows_async(const struct open_file *f)
{
	u32 type = f->inode->mode & S_IFMT;

	return type == S_IFIFO || type == S_IFSOCK || (type == S_IFCHR && f->op && f->op->poll);
}

void file_set_async(struct open_file *f, int fd, bool on)
{
	struct open_file **p = &f->inode->async;

	if (!knows_async(f))
		return;
	while (*p && *p != f)
		p = &(*p)->next_async;
	if (on && !*p) {
		f->async_fd = fd;
		f->next_async = NULL;
		*p = f;
	} else if (!on && *p) {
		*p = f->next_async;
	}
	f->flags = on ? f->flags | O_ASYNC : f->flags & ~O_ASYNC;
}

/* May who has set the owner send it signals (sigio_perm)? */
static bool may_tell(const struct open_file *f, const struct task *t)
{
	const u32 *ids = f->owner_uids;

	return !ids[1] || ids[1] == t->cred.suid || ids[1] == t->cred.uid ||
	       ids[0] == t->cred.suid || ids[0] == t->cred.uid;
}

static void tell(const struct open_file *f, const struct siginfo *info)
{
	struct task *t = f->owner_type == OWNER_GROUP ? NULL : task_find(f->owner);

	if (t && may_tell(f, t) && f->owner_type == OWNER_THREAD)
		(void)send_signal_info(info, t);
	else if (t && may_tell(f, t))
		(void)send_group_signal_info(info, t->signal);
	if (f->owner_type != OWNER_GROUP)
		return;
	for_each_process(s) if (s->pgrp == f->owner && may_tell(f, s->leader))(void)
		send_group_signal_info(info, s);
}

/* A POLL_ code, as the owner's signal; SIGIO says none. */
static void tell_code(const struct open_file *f, int fd, int code)
{
	static const s64 bands[] = {
		[POLL_IN_CODE] = POLLIN | POLLRDNORM,
		[POLL_OUT_CODE] = POLLOUT | POLLWRNORM | POLLWRBAND,
		[POLL_MSG_CODE] = POLLIN | POLLRDNORM | 0x400, /* POLLMSG */
	};
	struct siginfo info = {.signo = SIGIO, .code = SI_KERNEL};

	if (!f->owner)
		return;
	if (f->owner_signal) {
		info.signo = f->owner_signal;
		info.code = code;
		info.poll.band = bands[code];
		info.poll.fd = fd;
	}
	tell(f, &info);
}

void file_tell(const struct open_file *f, int fd)
{
	tell_code(f, fd, POLL_MSG_CODE);
}

void file_own(struct open_file *f)
{
	if (!f->owner)
		(void)set_owner(f, OWNER_PROCESS, pid_vnr(current->tgid));
}

void file_disown(struct open_file *f)
{
	f->owner = f->owner_signal = 0;
}

void file_tell_owners(struct inode *n, bool readable)
{
	for (const struct open_file *f = n->async; f; f = f->next_async)
		if (f->file.f_mode & (readable ? FMODE_READ : FMODE_WRITE))
			tell_code(f, f->async_fd, readable ? POLL_IN_CODE : POLL_OUT_CODE);
}
