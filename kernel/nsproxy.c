// SPDX-License-Identifier: MIT
/*
 * Which namespaces a task is in, and how it comes into others: by clone, unshare, setns (Linux: kernel/nsproxy.c, and unshare of
 * kernel/fork.c; the same order of checks). Locking: kernel_lock.
 */
#include <quire/slab.h>

#include "clone.h"
#include "ipc.h"
#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"
#include "userns.h"
#include "vfs.h"

struct ns_kind {
	u64 type;
	long (*make)(struct user_ns *owner, struct namespace **made);
};

/* By NSP_*. */
/* Of sockets' addresses: no devices are in one but a loopback that nothing goes through. Of groups: there is but the root. */
static long plain_new(u32 type, struct user_ns *owner, struct namespace **made)
{
	struct namespace *ns = kmalloc(sizeof(*ns), GFP_KERNEL);
	int err = ns ? ns_init(ns, type, owner) : -ENOMEM;

	if (err)
		kfree(ns);
	else
		*made = ns;
	return err;
}

static long net_ns_new(struct user_ns *owner, struct namespace **made)
{
	return plain_new(CLONE_NEWNET, owner, made);
}

static long cgroup_ns_new(struct user_ns *owner, struct namespace **made)
{
	return plain_new(CLONE_NEWCGROUP, owner, made);
}

static const struct ns_kind kinds[NR_NSP] = {
	[NSP_UTS] = {CLONE_NEWUTS, uts_ns_new}, [NSP_IPC] = {CLONE_NEWIPC, ipc_ns_new},
	[NSP_NET] = {CLONE_NEWNET, net_ns_new}, [NSP_CGROUP] = {CLONE_NEWCGROUP, cgroup_ns_new},
	[NSP_PID] = {CLONE_NEWPID, pid_ns_new},
};
#define CLONE_PROXIED (CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID)

static struct namespace init_net_ns = {.users = 1, .type = CLONE_NEWNET, .ino = NET_NS_INO},
			init_cgroup_ns = {
				.users = 1, .type = CLONE_NEWCGROUP, .ino = CGROUP_NS_INO};

struct nsproxy init_nsproxy = {.users = 1};

void nsproxy_init(void)
{
	ucount_limits(&init_user_ns, (int)(max_tasks / 2));
	init_nsproxy.of[NSP_UTS] = init_uts_ns;
	init_nsproxy.of[NSP_IPC] = &init_ipc_ns.ns;
	init_nsproxy.of[NSP_NET] = &init_net_ns;
	init_nsproxy.of[NSP_CGROUP] = &init_cgroup_ns;
	init_nsproxy.of[NSP_PID] = &init_pid_ns.ns;
}

/* The numbers behind those of the first namespaces. */
static u64 last_ino = 4026532000ULL;

/* ------------------------------------------------------------------ one */

struct user_ns *ns_owner(const struct namespace *ns)
{
	return ns->owner ? ns->owner : &init_user_ns;
}

int ns_init(struct namespace *ns, u32 type, struct user_ns *owner)
{
	int err = ucount_add(owner, current->cred.euid, type);

	if (err)
		return err;
	ns->uid = current->cred.euid;
	ns_get(&owner->ns);
	ns->owner = owner;
	ns->users = 1;
	ns->type = type;
	ns->ino = ++last_ino;
	return 0;
}

void ns_get(struct namespace *ns)
{
	ns->users++;
}

static void ns_free(struct namespace *ns)
{
	switch (ns->type) {
	case CLONE_NEWPID:
		pid_ns_free(ns);
		break;
	case CLONE_NEWIPC:
		ipc_ns_free(ns);
		break;
	case CLONE_NEWTIME:
		time_ns_free(ns);
		break;
	case CLONE_NEWNS:
		mount_ns_free(ns);
		break;
	case CLONE_NEWUSER:
		user_ns_free(ns);
		break;
	default:
		kfree(ns); /* it is the head of what it is in */
	}
}

void ns_put(struct namespace *ns)
{
	static struct namespace *dead;
	static bool freeing;

	if (--ns->users)
		return;
	ns->next_dead = dead;
	dead = ns;
	/* One that goes lets others go, its owner and what it came out of, and programs nest them deeper than a stack is. */
	if (freeing)
		return;
	freeing = true;
	while ((ns = dead)) {
		struct user_ns *owner = ns->owner;
		const u32 type = ns->type, uid = ns->uid;

		dead = ns->next_dead;
		ns_free(ns);
		if (!owner)
			continue;
		ucount_drop(owner, uid, type);
		ns_put(&owner->ns);
	}
	freeing = false;
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

static long nsproxy_copy(u64 flags, struct user_ns *owner, struct nsproxy **to)
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
		err = kinds[i].make(owner, &made);
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

/* Whose those are that come into being by these flags, with a use: a new one's, or the caller's. */
static long owner_for(u64 flags, struct user_ns **owner)
{
	long err = 0;

	if (flags & CLONE_NEWUSER) {
		err = user_ns_new(owner);
	} else {
		*owner = current->user_ns;
		ns_get(&(*owner)->ns);
	}
	if (err)
		return err;
	if (flags & CLONE_NAMESPACES & ~CLONE_NEWUSER && !ns_capable(*owner, CAP_SYS_ADMIN)) {
		ns_put(&(*owner)->ns);
		*owner = NULL;
		return -EPERM;
	}
	return 0;
}

long namespaces_for_child(u64 flags, struct user_ns **user, struct nsproxy **to)
{
	long err = owner_for(flags, user);

	if (err)
		return err;
	err = nsproxy_copy(flags, *user, to);
	if (err)
		ns_put(&(*user)->ns);
	return err;
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
	struct user_ns *user; /* with a use */
};

static void parts_drop(const struct parts *n)
{
	if (n->fs)
		fs_put(n->fs);
	if (n->files)
		files_put(n->files);
	nsproxy_put(n->in);
	if (n->user)
		ns_put(&n->user->ns);
}

static long unshare_parts(u64 flags, struct parts *n)
{
	struct task *t = current;
	long err = owner_for(flags, &n->user);

	if (err)
		return err;

	if ((flags & CLONE_FS && t->fs->users > 1) || flags & CLONE_NEWNS) {
		n->fs = fs_dup(t->fs);
		if (!n->fs)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWNS) {
		struct mount_ns *ns;

		err = mount_ns_new(n->user, &ns);
		if (err)
			return err;
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
		err = nsproxy_copy(flags, n->user, &n->in);
		if (err)
			return err;
	}
	return flags & CLONE_NEWTIME ? time_ns_unshare(t, n->user) : 0;
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
		/* What it wants undone is done, where it was. */
		if (n->in->of[NSP_IPC] != t->nsproxy->of[NSP_IPC])
			sem_exit(t->tgid);
		nsproxy_put(t->nsproxy);
		t->nsproxy = n->in;
	}
	if (n->user != t->user_ns)
		user_ns_enter(t, n->user);
	ns_put(&n->user->ns);
}

long call_unshare(const struct syscall_args *r)
{
	const u64 known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
			  CLONE_SYSVSEM | CLONE_NAMESPACES;
	u64 flags = r->a[0];
	struct parts parts = {0};
	struct task *t = current;
	long err;

	if (flags & ~known)
		return -EINVAL;
	if (flags & CLONE_NEWUSER)
		flags |= CLONE_THREAD | CLONE_FS;
	/* Only who shares these with nobody may ask for them. */
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && t->signal->nr_threads > 1)
		return -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM) && t->sighand->users > 1)
		return -EINVAL;
	if (flags & CLONE_VM && mm_is_shared(t))
		return -EINVAL;
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
	struct namespace *mounts; /* NULL: as they are */
	struct user_ns *user;	  /* without a use */
	bool new_time;
};

/* In it, and where the caller will be. */
static bool may_install(const struct nsset *set, const struct namespace *n)
{
	return ns_capable(ns_owner(n), CAP_SYS_ADMIN) && ns_capable(set->user, CAP_SYS_ADMIN);
}

/* Where one is already nobody goes, nor with threads, nor with paths that others share. */
static long user_ns_install(struct nsset *set, struct namespace *n)
{
	struct user_ns *ns = container_of(n, struct user_ns, ns);

	if (ns == current->user_ns || current->signal->nr_threads > 1 || current->fs->users != 1)
		return -EINVAL;
	if (!ns_capable(ns, CAP_SYS_ADMIN))
		return -EPERM;
	set->user = ns;
	return 0;
}

/* Downwards only, and never below oneself: -EINVAL. */
static long pid_ns_install(struct nsset *set, struct namespace *n)
{
	const struct pid_ns *active = task_pid_ns(current),
			    *ns = container_of(n, struct pid_ns, ns);

	if (!may_install(set, n))
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
	if (!may_install(set, n))
		return -EPERM;
	set->time = n == &init_time_ns.ns ? NULL : container_of(n, struct time_ns, ns);
	set->new_time = true;
	return 0;
}

/* Paths begin at its root from then on. Who shares them with others does not go. */
static long mount_ns_install(struct nsset *set, struct namespace *n)
{
	if (!may_install(set, n) || !ns_capable(set->user, CAP_SYS_CHROOT))
		return -EPERM;
	if (current->fs->users != 1)
		return -EINVAL;
	set->mounts = n;
	return 0;
}

static long install(struct nsset *set, struct namespace *n)
{
	switch (n->type) {
	case CLONE_NEWPID:
		return pid_ns_install(set, n);
	case CLONE_NEWTIME:
		return time_ns_install(set, n);
	case CLONE_NEWNS:
		return mount_ns_install(set, n);
	case CLONE_NEWUSER:
		return user_ns_install(set, n);
	}
	if (!may_install(set, n))
		return -EPERM;
	for (unsigned int i = 0; i < NR_NSP; i++)
		if (kinds[i].type == n->type) {
			ns_get(n);
			ns_put(set->in->of[i]);
			set->in->of[i] = n;
		}
	return 0;
}

static void commit(const struct nsset *set)
{
	struct task *t = current;

	if (set->in->of[NSP_IPC] != t->nsproxy->of[NSP_IPC])
		sem_exit(t->tgid);
	nsproxy_put(t->nsproxy);
	t->nsproxy = nsproxy_get(set->in);
	if (set->user != t->user_ns)
		user_ns_enter(t, set->user);
	if (set->mounts)
		mount_ns_enter(t->fs, set->mounts);
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
	set.user = current->user_ns;
	set.in = nsproxy_dup(current->nsproxy);
	if (!set.in)
		return -ENOMEM;
	err = ns ? install(&set, ns) : install_all(&set, p, flags);
	if (!err)
		commit(&set);
	nsproxy_put(set.in);
	return err;
}
