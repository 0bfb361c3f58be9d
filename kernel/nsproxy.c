// SPDX-License-Identifier: MIT
/*
 * Which namespaces a task is in, and how it comes into others: by clone, unshare, setns (Linux: kernel/nsproxy.c, and unshare of
 * kernel/fork.c; the same order of checks). Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "clone.h"
#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"
#include "vfs.h"

struct ns_kind {
	u64 type;
	long (*make)(struct namespace **made);
};

/* By NSP_*. */
static const struct ns_kind kinds[NR_NSP] = {
	[NSP_PID] = {CLONE_NEWPID, pid_ns_new},
};
#define CLONE_PROXIED CLONE_NEWPID

struct nsproxy init_nsproxy = {
	.users = 1,
	.of = {[NSP_PID] = &init_pid_ns.ns},
};

/* The numbers behind those of the first namespaces. */
static u64 last_ino = 4026532000ULL;

/* ------------------------------------------------------------------ one */

void ns_init(struct namespace *ns, u32 type)
{
	ns->users = 1;
	ns->type = type;
	ns->ino = ++last_ino;
}

void ns_get(struct namespace *ns)
{
	ns->users++;
}

void ns_put(struct namespace *ns)
{
	if (--ns->users)
		return;
	switch (ns->type) {
	case CLONE_NEWPID:
		pid_ns_free(ns);
		break;
	case CLONE_NEWTIME:
		time_ns_free(ns);
		break;
	}
}

/* ------------------------------------------------------------------ all of a task */

struct nsproxy *nsproxy_get(struct nsproxy *p)
{
	p->users++;
	return p;
}

void nsproxy_put(struct nsproxy *p)
{
	if (!p || --p->users)
		return;
	for (unsigned int i = 0; i < NR_NSP; i++)
		if (p->of[i])
			ns_put(p->of[i]);
	kfree(p);
}

/* One of its own, the same otherwise. NULL: no memory. */
static struct nsproxy *nsproxy_dup(const struct nsproxy *old)
{
	struct nsproxy *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	*p = *old;
	p->users = 1;
	for (unsigned int i = 0; i < NR_NSP; i++)
		ns_get(p->of[i]);
	return p;
}

long nsproxy_copy(u64 flags, struct nsproxy **to)
{
	struct nsproxy *p;
	long err;

	if (!(flags & CLONE_PROXIED)) {
		*to = nsproxy_get(current->nsproxy);
		return 0;
	}
	p = nsproxy_dup(current->nsproxy);
	if (!p)
		return -ENOMEM;
	for (unsigned int i = 0; i < NR_NSP; i++) {
		struct namespace *made;

		if (!(flags & kinds[i].type))
			continue;
		err = kinds[i].make(&made);
		if (err) {
			nsproxy_put(p);
			return err;
		}
		ns_put(p->of[i]);
		p->of[i] = made;
	}
	*to = p;
	return 0;
}

struct pid_ns *pid_ns_children(const struct task *t)
{
	return container_of(t->nsproxy->of[NSP_PID], struct pid_ns, ns);
}

/* ------------------------------------------------------------------ unshare */

/* What there is instead of what the program has; NULL: nothing else. */
struct parts {
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *in;
};

static void parts_drop(const struct parts *n)
{
	if (n->fs)
		fs_put(n->fs);
	if (n->files)
		files_put(n->files);
	nsproxy_put(n->in);
}

static long unshare_parts(u64 flags, struct parts *n)
{
	struct task *t = current;
	long err;

	if ((flags & CLONE_FS && t->fs->users > 1) || flags & CLONE_NEWNS) {
		n->fs = fs_dup(t->fs);
		if (!n->fs)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWNS) {
		struct mount_ns *ns = mount_ns_new();

		if (!ns)
			return -ENOMEM;
		mount_ns_put(n->fs->ns);
		n->fs->ns = ns;
	}
	if (flags & CLONE_FILES && files_shared(t->files)) {
		if (files_too_many(t->files))
			return -EMFILE;
		n->files = files_dup(t->files);
		if (!n->files)
			return -ENOMEM;
	}
	if (flags & CLONE_PROXIED) {
		err = nsproxy_copy(flags, &n->in);
		if (err)
			return err;
	}
	return flags & CLONE_NEWTIME ? time_ns_unshare(t) : 0;
}

static void parts_use(const struct parts *n)
{
	struct task *t = current;

	if (n->fs) {
		fs_put(t->fs);
		t->fs = n->fs;
	}
	if (n->files) {
		files_put(t->files);
		t->files = n->files;
	}
	if (n->in) {
		nsproxy_put(t->nsproxy);
		t->nsproxy = n->in;
	}
}

long call_unshare(const struct syscall_args *r)
{
	const u64 known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
			  CLONE_SYSVSEM | CLONE_NAMESPACES;
	u64 flags = r->a[0];
	struct parts parts = {0};
	struct task *t = current;
	long err;

	if (flags & ~known ||
	    flags & CLONE_NAMESPACES & ~(CLONE_NEWNS | CLONE_NEWTIME | CLONE_PROXIED))
		return -EINVAL;
	/* Only who shares these with nobody may ask for them. */
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && t->signal->nr_threads > 1)
		return -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM) && t->sighand->users > 1)
		return -EINVAL;
	if (flags & CLONE_VM && t->mm->mm_users > 1)
		return -EINVAL;
	if (flags & CLONE_NAMESPACES && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = unshare_parts(flags, &parts);
	if (err)
		parts_drop(&parts);
	else
		parts_use(&parts);
	return err;
}

/* ------------------------------------------------------------------ setns */

/* Where the caller will be, when everything is allowed. */
struct nsset {
	struct nsproxy *in;
	struct time_ns *time;
	bool new_time;
};

/* Downwards only, and never below oneself: -EINVAL. */
static long pid_ns_install(struct nsset *set, struct namespace *n)
{
	const struct pid_ns *active = task_pid_ns(current),
			    *ns = container_of(n, struct pid_ns, ns);

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	while (ns && ns->level > active->level)
		ns = ns->parent;
	if (ns != active)
		return -EINVAL;
	ns_get(n);
	ns_put(set->in->of[NSP_PID]);
	set->in->of[NSP_PID] = n;
	return 0;
}

static long time_ns_install(struct nsset *set, struct namespace *n)
{
	if (current->signal->nr_threads > 1)
		return -EUSERS;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	set->time = n == &init_time_ns.ns ? NULL : container_of(n, struct time_ns, ns);
	set->new_time = true;
	return 0;
}

static long install(struct nsset *set, struct namespace *n)
{
	switch (n->type) {
	case CLONE_NEWPID:
		return pid_ns_install(set, n);
	case CLONE_NEWTIME:
		return time_ns_install(set, n);
	case CLONE_NEWUSER:
		/* Where one is already nobody goes. */
		return -EINVAL;
	}
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static void commit(const struct nsset *set)
{
	struct task *t = current;

	nsproxy_put(t->nsproxy);
	t->nsproxy = nsproxy_get(set->in);
	if (set->new_time) {
		time_ns_get(set->time);
		time_ns_put(t->time_ns_children);
		t->time_ns_children = set->time;
		time_ns_enter(t, set->time);
	}
}

/* Into those of a process, all that are named, or none. */
static long install_all(struct nsset *set, const struct pid *p, u64 flags)
{
	static const u64 order[] = {CLONE_NEWUSER, CLONE_NEWNS,	    CLONE_NEWUTS, CLONE_NEWIPC,
				    CLONE_NEWPID,  CLONE_NEWCGROUP, CLONE_NEWNET, CLONE_NEWTIME};
	const struct task *t = pid_task(p);
	long err = 0;

	if (!t)
		return -ESRCH;
	if (ptrace_may_access(t))
		return -EPERM;
	if (!t->nsproxy)
		return -ESRCH;
	for (unsigned int i = 0; i < ARRAY_SIZE(order) && !err; i++)
		if (flags & order[i])
			err = install(set, ns_of_task(t, order[i]));
	return err;
}

long call_setns(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	struct namespace *ns = f ? ns_of_file(f) : NULL;
	const struct pid *p = f ? pidfd_get(f) : NULL;
	const u64 flags = (u32)r->a[1];
	struct nsset set = {0};
	long err;

	if (!f)
		return -EBADF;
	if (ns ? flags && flags != ns->type : !p || !flags || flags & ~CLONE_NAMESPACES)
		return -EINVAL;
	set.in = nsproxy_dup(current->nsproxy);
	if (!set.in)
		return -ENOMEM;
	err = ns ? install(&set, ns) : install_all(&set, p, flags);
	if (!err)
		commit(&set);
	nsproxy_put(set.in);
	return err;
}
