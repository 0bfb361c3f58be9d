// SPDX-License-Identifier: MIT
/* System calls on tasks (kernel/syscalls.def): beginning, ending, waiting, what they are called and whose they are. */
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "pid.h"
#include "seccomp.h"
#include "syscall.h"
#include "task.h"
#include "userns.h"
#include "vfs.h"

long call_exit(const struct syscall_args *r)
{
	kernel_lock();
	task_exit((int)(r->a[0] & 0xff) << 8);
}

long call_exit_group(const struct syscall_args *r)
{
	kernel_lock();
	task_exit_group((int)(r->a[0] & 0xff) << 8);
}

long call_getpid(const struct syscall_args *r)
{
	return current->own_tgid;
}

long call_gettid(const struct syscall_args *r)
{
	return task_vnr(current);
}

long call_getppid(const struct syscall_args *r)
{
	const struct signal_struct *parent = current->signal->parent;

	return parent ? pid_vnr(parent->leader->pid) : 0;
}

long call_set_tid_address(const struct syscall_args *r)
{
	current->clear_child_tid = r->a[0];
	return task_vnr(current);
}

/* ------------------------------------------------------------------ clone */

long call_clone(const struct syscall_args *r)
{
	const struct clone_args args = {
		.flags = (u32)r->a[0] & ~CSIGNAL,
		.exit_signal = r->a[0] & CSIGNAL,
		.stack = r->a[1],
		.parent_tid = r->a[2],
		.pidfd = r->a[2],
		.tls = r->a[3],
		.child_tid = r->a[4],
	};

	/* CLONE_PIDFD and CLONE_PARENT_SETTID want the same word. */
	if (args.flags & CLONE_PIDFD && args.flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return task_clone(&args);
}

#define CLONE_ARGS_SIZE_VER0 64
#define CLONE_ARGS_SIZE_VER2 88

/* A structure that programs may know in an older or newer shape: what is missing is 0, what is more has to be 0. */
static long copy_struct_from_user(void *to, size_t size, unsigned long from, size_t user_size)
{
	u8 byte;

	memset(to, 0, size);
	for (size_t i = size; i < user_size; i++) {
		if (get_user(byte, from + i))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return copy_from_user(to, from, min(size, user_size));
}

long call_clone3(const struct syscall_args *r)
{
	/* struct clone_args of Linux's uapi: the same words, and set_tid, set_tid_size, cgroup behind them. */
	struct {
		u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
		u64 set_tid, set_tid_size, cgroup;
	} a;
	int set_tid[MAX_PID_NS_LEVEL];
	struct clone_args args;
	long err;

	if (r->a[1] > PAGE_SIZE)
		return -E2BIG;
	if (r->a[1] < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&a, sizeof(a), r->a[0], r->a[1]);
	if (err)
		return err;
	if (a.set_tid_size > MAX_PID_NS_LEVEL || !a.set_tid != !a.set_tid_size)
		return -EINVAL;
	if (a.flags & ~(0xffffffffULL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP) ||
	    a.flags & (CLONE_DETACHED | (CSIGNAL & ~0x80ULL)))
		return -EINVAL;
	if (copy_from_user(set_tid, a.set_tid, a.set_tid_size * sizeof(int)))
		return -EFAULT;
	if (a.exit_signal & ~(u64)CSIGNAL || a.exit_signal > NSIG)
		return -EINVAL;
	if (a.flags & (CLONE_THREAD | CLONE_PARENT) && a.exit_signal)
		return -EINVAL;
	if (!a.stack != !a.stack_size)
		return -EINVAL;
	if (a.stack && (a.stack + a.stack_size < a.stack || a.stack + a.stack_size > TASK_SIZE))
		return -EINVAL;
	if (a.flags & CLONE_INTO_CGROUP && (a.cgroup > INT_MAX || r->a[1] < CLONE_ARGS_SIZE_VER2))
		return -EINVAL;
	args = (struct clone_args){a.flags,	  a.pidfd,	 a.child_tid,  a.parent_tid,
				   a.exit_signal, a.stack,	 a.stack_size, a.tls,
				   set_tid,	  a.set_tid_size};
	return task_clone(&args);
}

/* ------------------------------------------------------------------ waiting */

struct rusage {
	struct timeval64 utime, stime;
	s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
		nsignals, nvcsw, nivcsw;
};

static struct timeval64 ns_timeval(u64 ns)
{
	return (struct timeval64){(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
}

static struct rusage rusage_of(const struct usage *u)
{
	return (struct rusage){
		.utime = ns_timeval(u->utime),
		.stime = ns_timeval(u->stime),
		.maxrss = (s64)(u->maxrss << (PAGE_SHIFT - 10)),
		.minflt = (s64)u->min_flt,
		.majflt = (s64)u->maj_flt,
		.nvcsw = (s64)u->nvcsw,
		.nivcsw = (s64)u->nivcsw,
	};
}

#define WNOHANG 1U
#define WSTOPPED 2U
#define WEXITED 4U
#define WCONTINUED 8U
#define WNOWAIT 0x01000000U
#define WTHREADS 0xe0000000U /* __WNOTHREAD, __WALL, __WCLONE */

long call_wait4(const struct syscall_args *r)
{
	struct wait_for w = {.options = (u32)r->a[2] | WEXITED};
	int pid = (int)r->a[0];
	struct rusage ru;
	long ret;

	if ((u32)r->a[2] & ~(WNOHANG | WSTOPPED | WCONTINUED | WTHREADS))
		return -EINVAL;
	/* -INT_MIN is no number of a group. */
	if ((u32)pid == 0x80000000U)
		return -ESRCH;
	if (pid > 0)
		w.pid = pid_from_user(pid);
	else if (pid == 0)
		w.pgrp = current->signal->pgrp;
	else if (pid < -1)
		w.pgrp = pid_from_user(-pid);
	ret = wait_for_child(&w);
	if (ret <= 0)
		return ret;
	if (r->a[1] && put_user(w.status, r->a[1]))
		return -EFAULT;
	ru = rusage_of(&w.usage);
	if (r->a[3] && put_user(ru, r->a[3]))
		return -EFAULT;
	return w.nr;
}

enum { P_ALL, P_PID, P_PGID, P_PIDFD };

long call_waitid(const struct syscall_args *r)
{
	struct wait_for w = {.options = (u32)r->a[3]};
	int id = (int)r->a[1];
	u8 info[SIGINFO_SIZE] = {0};
	struct siginfo *si = (struct siginfo *)(void *)info;
	struct rusage ru;
	bool nonblock = false;
	long ret;

	if (w.options & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WTHREADS) ||
	    !(w.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch (r->a[0]) {
	case P_ALL:
		break;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		w.pid = pid_from_user(id);
		break;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		w.pgrp = id ? pid_from_user(id) : current->signal->pgrp;
		break;
	case P_PIDFD:
		ret = id < 0 ? -EINVAL : pidfd_pid(id, &nonblock);
		if (ret < 0)
			return ret;
		w.pid = (int)ret;
		break;
	default:
		return -EINVAL;
	}
	/* One that does not block says so, unless the caller has asked for that anyway. */
	nonblock = nonblock && !(w.options & WNOHANG);
	if (nonblock)
		w.options |= WNOHANG;
	ret = wait_for_child(&w);
	if (!ret && nonblock)
		return -EAGAIN;
	if (ret < 0)
		return ret;
	if (ret > 0) {
		si->signo = SIGCHLD;
		si->code = w.code;
		si->pid = w.nr;
		si->chld.status = w.code == CLD_CONTINUED ? SIGCONT
				  : w.code == CLD_EXITED  ? w.status >> 8 & 0xff
				  : w.code == CLD_STOPPED ? w.status >> 8 & 0xff
							  : w.status & 0x7f;
		ru = rusage_of(&w.usage);
		if (r->a[4] && put_user(ru, r->a[4]))
			return -EFAULT;
	}
	/* The 48 bytes that Linux writes, and no more. */
	if (r->a[2] && copy_to_user(r->a[2], info, sizeof(*si)))
		return -EFAULT;
	return 0;
}

long call_getrusage(const struct syscall_args *r)
{
	struct usage u;
	struct rusage ru;

	switch ((int)r->a[0]) {
	case 0:
		usage_of_process(current->signal, &u);
		break;
	case -1:
		u = current->signal->children_usage;
		break;
	case 1:
		u = task_usage(current);
		u.maxrss = max(u.maxrss, (u64)get_mm_rss(current->mm));
		break;
	default:
		return -EINVAL;
	}
	ru = rusage_of(&u);
	return put_user(ru, r->a[1]);
}

long call_times(const struct syscall_args *r)
{
	const u64 tick = 10000000;
	const struct usage *c = &current->signal->children_usage;
	struct usage u;
	s64 tms[4];

	usage_of_process(current->signal, &u);
	tms[0] = (s64)(u.utime / tick);
	tms[1] = (s64)(u.stime / tick);
	tms[2] = (s64)(c->utime / tick);
	tms[3] = (s64)(c->stime / tick);
	if (r->a[0] && copy_to_user(r->a[0], tms, sizeof(tms)))
		return -EFAULT;
	return (long)(port_time_ns() / tick);
}

/* ------------------------------------------------------------------ groups and sessions */

long call_setpgid(const struct syscall_args *r)
{
	struct signal_struct *me = current->signal, *s;
	int pid = (int)r->a[0], pgid = (int)r->a[1];

	pid = pid ? pid_from_user(pid) : current->tgid;
	if (pgid < 0)
		return -EINVAL;
	pgid = pgid ? pid_from_user(pgid) : pid;
	s = process_find(pid);
	if (!s)
		return -ESRCH;
	if (s->parent == me) {
		if (s->session != me->session)
			return -EPERM;
		if (s->has_execed)
			return -EACCES;
	} else if (s != me) {
		return -ESRCH;
	}
	if (s->session == pid)
		return -EPERM;
	if (pgid != pid) {
		bool found = false;

		for_each_process(p) found |= p->pgrp == pgid && p->session == me->session;
		if (!found)
			return -EPERM;
	}
	signal_set_group(s, pgid, s->session);
	return 0;
}

long call_getpgid(const struct syscall_args *r)
{
	struct task *t = r->a[0] ? task_find_v((int)r->a[0]) : current;

	return t && t->signal ? pid_vnr(t->signal->pgrp) : -ESRCH;
}

long call_getsid(const struct syscall_args *r)
{
	struct task *t = r->a[0] ? task_find_v((int)r->a[0]) : current;

	return t && t->signal ? pid_vnr(t->signal->session) : -ESRCH;
}

long call_setsid(const struct syscall_args *r)
{
	struct signal_struct *me = current->signal;
	int pid = current->tgid;

	if (me->session == pid)
		return -EPERM;
	for_each_process(p) if (p->pgrp == pid) return -EPERM;
	signal_set_group(me, pid, pid);
	me->tty = NULL;
	return pid_vnr(pid);
}

/* ------------------------------------------------------------------ limits */

static long do_prlimit(struct signal_struct *s, struct mm_struct *mm, unsigned int nr,
		       const struct rlimit *new_limit, struct rlimit *old)
{
	struct rlimit *rlim;

	if (nr >= NR_RLIMITS)
		return -EINVAL;
	rlim = &s->rlim[nr];
	if (new_limit) {
		if (new_limit->cur > new_limit->max)
			return -EINVAL;
		if (nr == RLIMIT_NOFILE && new_limit->max > (u64)sysctl_nr_open)
			return -EPERM;
		if (new_limit->max > rlim->max && !capable(CAP_SYS_RESOURCE))
			return -EPERM;
	}
	if (old)
		*old = *rlim;
	if (!new_limit)
		return 0;
	*rlim = *new_limit;
	if (nr == RLIMIT_CPU)
		cpu_limit_changed(s);
	if (mm && nr == RLIMIT_AS)
		mm->rlimit_as = new_limit->cur;
	if (mm && nr == RLIMIT_DATA)
		mm->rlimit_data = new_limit->cur;
	if (mm && nr == RLIMIT_STACK)
		mm->rlimit_stack = new_limit->cur;
	if (mm && nr == RLIMIT_MEMLOCK)
		mm->rlimit_memlock = new_limit->cur;
	return 0;
}

/* Whose limits may current see and set: those of a process that has its ids (Linux: check_prlimit_permission). */
static bool may_limit(const struct task *t)
{
	const struct cred *c = &current->cred, *o = &t->cred;

	return t->signal == current->signal || ns_capable(t->user_ns, CAP_SYS_RESOURCE) ||
	       (c->uid == o->uid && c->uid == o->euid && c->uid == o->suid && c->gid == o->gid &&
		c->gid == o->egid && c->gid == o->sgid);
}

long call_prlimit64(const struct syscall_args *r)
{
	struct task *t = r->a[0] ? task_find_v((int)r->a[0]) : current;
	struct rlimit wanted, old;
	long err;

	if (r->a[2] && get_user(wanted, r->a[2]))
		return -EFAULT;
	if (!t || !t->signal)
		return -ESRCH;
	if (!may_limit(t))
		return -EPERM;
	err = do_prlimit(t->signal, t->mm, (u32)r->a[1], r->a[2] ? &wanted : NULL, &old);
	if (!err && r->a[3] && put_user(old, r->a[3]))
		return -EFAULT;
	return err;
}

long call_getrlimit(const struct syscall_args *r)
{
	struct rlimit old;
	long err = do_prlimit(current->signal, current->mm, (u32)r->a[0], NULL, &old);

	return err ? err : put_user(old, r->a[1]);
}

long call_setrlimit(const struct syscall_args *r)
{
	struct rlimit wanted;

	if (get_user(wanted, r->a[1]))
		return -EFAULT;
	return do_prlimit(current->signal, current->mm, (u32)r->a[0], &wanted, NULL);
}

/* ------------------------------------------------------------------ prctl, personality */

enum {
	PR_SET_PDEATHSIG = 1,
	PR_GET_PDEATHSIG,
	PR_GET_DUMPABLE,
	PR_SET_DUMPABLE,
	PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS,
	PR_GET_TIMING = 13,
	PR_SET_TIMING,
	PR_SET_NAME,
	PR_GET_NAME,
	PR_GET_SECCOMP = 21,
	PR_SET_SECCOMP,
	PR_CAPBSET_READ = 23,
	PR_CAPBSET_DROP = 24,
	PR_GET_TSC,
	PR_SET_TSC,
	PR_GET_SECUREBITS,
	PR_SET_SECUREBITS,
	PR_SET_TIMERSLACK,
	PR_GET_TIMERSLACK,
	PR_TASK_PERF_EVENTS_DISABLE,
	PR_TASK_PERF_EVENTS_ENABLE,
	PR_MCE_KILL,
	PR_MCE_KILL_GET,
	PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER,
	PR_SET_NO_NEW_PRIVS,
	PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS,
	PR_SET_THP_DISABLE = 41,
	PR_GET_THP_DISABLE,
	PR_CAP_AMBIENT = 47,
	PR_SET_TAGGED_ADDR_CTRL = 55,
	PR_GET_TAGGED_ADDR_CTRL,
	PR_SET_MDWE = 65,
	PR_GET_MDWE,
	PR_SET_VMA = 0x53564d41,
};

static long set_name(unsigned long from)
{
	char name[TASK_COMM_LEN] = {0};
	long n = strncpy_from_user(name, from, sizeof(name) - 1);

	if (n == -EFAULT)
		return n;
	memcpy(current->comm, name, sizeof(name));
	return 0;
}

#define PR_TSC_ENABLE 1U

enum { MCE_KILL_CLEAR, MCE_KILL_SET };
enum { MCE_KILL_LATE, MCE_KILL_EARLY, MCE_KILL_DEFAULT };

/* When to be killed for memory that turns out to be bad: the wish is kept. */
static long set_mce_kill(const struct syscall_args *r)
{
	struct task *t = current;

	if (r->a[3] || r->a[4] || r->a[1] > MCE_KILL_SET || (r->a[1] == MCE_KILL_CLEAR && r->a[2]))
		return -EINVAL;
	/* As Linux: also when what follows is a mistake. */
	t->mce_process = r->a[1] == MCE_KILL_SET;
	if (r->a[1] == MCE_KILL_CLEAR)
		return 0;
	switch (r->a[2]) {
	case MCE_KILL_EARLY:
		t->mce_early = true;
		return 0;
	case MCE_KILL_LATE:
		t->mce_early = false;
		return 0;
	case MCE_KILL_DEFAULT:
		t->mce_process = t->mce_early = false;
		return 0;
	}
	return -EINVAL;
}

long call_prctl(const struct syscall_args *r)
{
	struct task *t = current;
	const u32 tsc = PR_TSC_ENABLE;
	u64 v = r->a[1];
	char name[TASK_COMM_LEN] = {0};

	switch ((int)r->a[0]) {
	case PR_SET_PDEATHSIG:
		if (v > NSIG)
			return -EINVAL;
		t->pdeath_signal = (int)v;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(t->pdeath_signal, v);
	case PR_GET_DUMPABLE:
		return t->signal->dumpable;
	case PR_SET_DUMPABLE:
		if (v > 1)
			return -EINVAL;
		t->signal->dumpable = v;
		return 0;
	case PR_SET_NAME:
		return set_name(v);
	case PR_GET_NAME:
		memcpy(name, t->comm, sizeof(name));
		return copy_to_user(v, name, sizeof(name));
	case PR_GET_SECCOMP:
		return t->seccomp_mode;
	case PR_SET_SECCOMP:
		return seccomp_set_mode(v, r->a[2]);
	/* Time is counted one way only, and there are no events to count. */
	case PR_GET_TIMING:
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0;
	case PR_SET_TIMING:
		return v ? -EINVAL : 0;
	/* The counter can be read at EL0; to forbid it is not offered. */
	case PR_GET_TSC:
		return put_user(tsc, v);
	case PR_SET_TSC:
		return v == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_GET_KEEPCAPS:
		return !!(t->cred.securebits & SECURE_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return prctl_keep_caps(v);
	case PR_GET_SECUREBITS:
		return t->cred.securebits;
	case PR_SET_SECUREBITS:
		return prctl_securebits(v);
	case PR_CAP_AMBIENT:
		return prctl_cap_ambient(r);
	case PR_MCE_KILL:
		return set_mce_kill(r);
	case PR_MCE_KILL_GET:
		if (v || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return !t->mce_process ? MCE_KILL_DEFAULT
		       : t->mce_early  ? MCE_KILL_EARLY
				       : MCE_KILL_LATE;
	case PR_GET_TID_ADDRESS:
		return put_user(t->clear_child_tid, v);
	case PR_CAPBSET_READ:
		return v >= NR_CAPS ? -EINVAL : (long)(t->cred.cap_bset >> v & 1);
	case PR_CAPBSET_DROP:
		if (!own_capable(CAP_SETPCAP))
			return -EPERM;
		if (v >= NR_CAPS)
			return -EINVAL;
		t->cred.cap_bset &= ~BIT(v);
		return 0;
	case PR_SET_TIMERSLACK:
		t->timer_slack = (s64)v <= 0 ? 50000 : v;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack;
	case PR_SET_CHILD_SUBREAPER:
		set_child_subreaper(t->signal, v);
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)t->signal->child_subreaper, v);
	case PR_SET_NO_NEW_PRIVS:
		if (v != 1 || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		t->signal->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		if (v || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return t->signal->no_new_privs;
	case PR_SET_TAGGED_ADDR_CTRL:
		if (v > 1 || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		t->tagged_addr = v;
		return 0;
	case PR_GET_TAGGED_ADDR_CTRL:
		return v || r->a[2] || r->a[3] || r->a[4] ? -EINVAL : t->tagged_addr;
	case PR_SET_THP_DISABLE:
		if (r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return prctl_thp_disable(true, v);
	case PR_GET_THP_DISABLE:
		if (v || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return prctl_thp_disable(false, 0);
	case PR_SET_VMA:
		return prctl_set_vma(r);
	case PR_SET_MDWE:
		if (r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return prctl_mdwe(true, v);
	case PR_GET_MDWE:
		if (v || r->a[2] || r->a[3] || r->a[4])
			return -EINVAL;
		return prctl_mdwe(false, 0);
	}
	return -EINVAL;
}

long call_personality(const struct syscall_args *r)
{
	unsigned long old = current->personality;

	if ((u32)r->a[0] != 0xffffffffU)
		current->personality = (u32)r->a[0];
	return (long)old;
}
