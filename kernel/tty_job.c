// SPDX-License-Identifier: MIT
/*
 * Terminals and who works in them: a terminal is a session's, and one of its process groups is in the foreground (POSIX.1, 11.1;
 * Linux: drivers/tty/tty_jobctrl.c).
 *
 * Invariant: a process whose signal->tty is a terminal is in the session of that terminal. The foreground group may end before its session,
 * and its number come again: what is kept is the group. Locking: kernel_lock.
 */
#include "pid.h"
#include "signal.h"
#include "syscall.h"
#include "tty.h"

#define TIOCSCTTY 0x540eU
#define TIOCGPGRP 0x540fU
#define TIOCSPGRP 0x5410U
#define TIOCNOTTY 0x5422U
#define TIOCGSID 0x5429U

static void tell_group(int pgrp, int sig)
{
	const struct siginfo info = {.signo = sig, .code = SI_KERNEL};

	if (pgrp)
		(void)send_pgrp_signal(&info, pgrp);
}

static void set_front(struct tty *tty, struct pid *group)
{
	struct pid *old = tty->front;

	tty->front = group ? pid_get(group) : NULL;
	if (old)
		pid_put(old);
}

/* Its number; 0: there is none, or no more. */
static int front_group(const struct tty *tty)
{
	int pgrp = pid_nr(tty->front, &init_pid_ns);

	return pgrp && pid_lookup(pgrp, &init_pid_ns) == tty->front ? pgrp : 0;
}

void tty_signal(const struct tty *tty, int sig)
{
	tell_group(front_group(tty), sig);
}

bool tty_is_ours(const struct tty *tty)
{
	return current->signal->tty == tty;
}

static bool is_leader(const struct signal_struct *s)
{
	return s->session == s->leader->pid;
}

long tty_in_background(const struct tty *tty, int sig)
{
	const struct signal_struct *s = current->signal;

	if (!tty_is_ours(tty) || !tty->front || s->pgrp == front_group(tty))
		return 0;
	if (sig_ignored_by(current->sighand, sig) || current->blocked & SIG_BIT(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(s->pgrp))
		return -EIO;
	tell_group(s->pgrp, sig);
	return -ERESTARTSYS;
}

/* Nobody of the session has it any more. */
static void clear_session(struct tty *tty)
{
	for_each_process(p) if (p->tty == tty) p->tty = NULL;
	tty->session = 0;
	set_front(tty, NULL);
}

static void make_controlling(struct tty *tty)
{
	struct signal_struct *s = current->signal;

	tty->session = s->session;
	set_front(tty, pid_lookup(s->pgrp, &init_pid_ns));
	s->tty = tty;
}

void tty_opened(struct tty *tty, const struct open_file *f)
{
	if (!f->noctty && is_leader(current->signal) && !current->signal->tty && !tty->session &&
	    f->file.f_mode & FMODE_READ)
		make_controlling(tty);
}

static long set_controlling(struct tty *tty, const struct open_file *f, unsigned long arg)
{
	const struct signal_struct *s = current->signal;

	if (is_leader(s) && s->session == tty->session)
		return 0;
	if (!is_leader(s) || s->tty)
		return -EPERM;
	/* Another session's: root may take it. */
	if (tty->session) {
		if (arg != 1 || !capable(CAP_SYS_ADMIN))
			return -EPERM;
		clear_session(tty);
	}
	if (!(f->file.f_mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	make_controlling(tty);
	return 0;
}

static long give_up(struct tty *tty)
{
	if (!tty_is_ours(tty))
		return -ENOTTY;
	current->signal->tty = NULL;
	if (is_leader(current->signal)) {
		tty_signal(tty, SIGHUP);
		tty_signal(tty, SIGCONT);
		clear_session(tty);
	}
	return 0;
}

/* The session of a group, or of the process of that number when there is no such group; -1: nobody. */
static int session_of(int pgrp)
{
	const struct task *t = task_find(pgrp);

	for_each_process(p) if (p->pgrp == pgrp) return p->session;
	return t ? t->signal->session : -1;
}

static long set_foreground(struct tty *tty, unsigned long arg)
{
	long err = tty_in_background(tty, SIGTTOU);
	int pgrp, session;

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (!tty_is_ours(tty) || tty->session != current->signal->session)
		return -ENOTTY;
	if (copy_from_user(&pgrp, arg, sizeof(pgrp)))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	pgrp = pid_from_user(pgrp);
	session = session_of(pgrp);
	if (session < 0)
		return -ESRCH;
	if (session != tty->session)
		return -EPERM;
	set_front(tty, pid_lookup(pgrp, &init_pid_ns));
	return 0;
}

long tty_job_ioctl(struct tty *tty, struct open_file *f, unsigned int cmd, unsigned long arg,
		   bool master)
{
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(tty, f, arg);
	case TIOCNOTTY:
		return give_up(tty);
	case TIOCGPGRP:
		if (!master && !tty_is_ours(tty))
			return -ENOTTY;
		return put_user(pid_nr(tty->front, task_pid_ns(current)), arg);
	case TIOCSPGRP:
		return set_foreground(tty, arg);
	case TIOCGSID:
		if ((!master && !tty_is_ours(tty)) || !tty->session)
			return -ENOTTY;
		return put_user(pid_vnr(tty->session), arg);
	}
	return -ENOTTY;
}

void tty_hangup(struct tty *tty)
{
	/* One that hangs already may be a session's again, by its master. */
	tty->hung = true;
	if (tty->session) {
		struct task *leader = task_find(tty->session);

		if (leader && leader->signal->tty == tty) {
			send_group_signal(SIGHUP, leader->signal);
			send_group_signal(SIGCONT, leader->signal);
		}
		tty_signal(tty, SIGHUP);
		clear_session(tty);
	}
	wake_up_all(&tty->readers);
	wake_up_all(&tty->writers);
}

void tty_process_ends(struct signal_struct *s)
{
	struct tty *tty = s->tty;

	if (!tty || !is_leader(s))
		return;
	s->tty = NULL;
	tty_signal(tty, SIGHUP);
	clear_session(tty);
}

/* As if the line had gone: who is on the terminal is told, and it is nobody's. The console's line stays. */
long call_vhangup(const struct syscall_args *r)
{
	struct tty *tty = current->signal->tty;

	(void)r;
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	if (tty)
		tty_hangup(tty);
	if (tty == &console_tty)
		tty->hung = false;
	return 0;
}
