// SPDX-License-Identifier: MIT
/*
 * Namespaces as files: what the links in /proc/PID/ns lead to, and what they say by ioctl (Linux: fs/nsfs.c). A file uses its
 * namespace. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "pid.h"
#include "proc.h"
#include "pseudo.h"
#include "ptrace.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"
#include "userns.h"
#include "vfs.h"

#define NSFS_MAGIC 0x6e736673U

/* A name in /proc/PID/ns. */
struct ns_link {
	const char *link, *name;
	u64 type;
	bool children; /* those to come */
};

static const struct ns_link links[NR_NS_LINKS] = {
	[NS_LINK_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP, false},
	[NS_LINK_IPC] = {"ipc", "ipc", CLONE_NEWIPC, false},
	[NS_LINK_MNT] = {"mnt", "mnt", CLONE_NEWNS, false},
	[NS_LINK_NET] = {"net", "net", CLONE_NEWNET, false},
	[NS_LINK_PID] = {"pid", "pid", CLONE_NEWPID, false},
	[NS_LINK_PID_CHILDREN] = {"pid_for_children", "pid", CLONE_NEWPID, true},
	[NS_LINK_TIME] = {"time", "time", CLONE_NEWTIME, false},
	[NS_LINK_TIME_CHILDREN] = {"time_for_children", "time", CLONE_NEWTIME, true},
	[NS_LINK_USER] = {"user", "user", CLONE_NEWUSER, false},
	[NS_LINK_UTS] = {"uts", "uts", CLONE_NEWUTS, false},
};

static struct super super;
static const struct fs_type type = {.name = "nsfs", .magic = NSFS_MAGIC, .nodev = true};

/* ------------------------------------------------------------------ whose */

struct namespace *ns_of_task(const struct task *t, u64 type)
{
	if (!t->nsproxy)
		return NULL;
	switch (type) {
	case CLONE_NEWPID:
		return &task_pid_ns(t)->ns;
	case CLONE_NEWTIME:
		return t->time_ns ? &t->time_ns->ns : &init_time_ns.ns;
	case CLONE_NEWUSER:
		return &t->user_ns->ns;
	case CLONE_NEWNS:
		return t->fs ? &t->fs->ns->ns : NULL;
	}
	for (unsigned int i = 0; i < NR_NSP; i++)
		if (t->nsproxy->of[i]->type == type)
			return t->nsproxy->of[i];
	return NULL;
}

/* What a link leads to now. NULL: nowhere. */
static struct namespace *ns_of_link(const struct task *t, const struct ns_link *l)
{
	struct pid_ns *pid;

	if (!l->children || !t->nsproxy)
		return ns_of_task(t, l->type);
	if (l->type == CLONE_NEWTIME)
		return t->time_ns_children ? &t->time_ns_children->ns : &init_time_ns.ns;
	/* One that nobody has come into yet has no init, and is not shown. */
	pid = pid_ns_children(t);
	return pid->started ? &pid->ns : NULL;
}

static const struct ns_link *link_of(const struct pseudo_ref *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (!strcmp(links[i].link, r->e->name))
			return &links[i];
	return NULL;
}

static int find(const struct pseudo_ref *r, const struct ns_link **l, struct namespace **ns)
{
	const struct task *t = proc_task(r);

	*l = link_of(r);
	if (!t || !*l)
		return -ESRCH;
	if (ptrace_may_access(t))
		return -EACCES;
	*ns = ns_of_link(t, *l);
	return *ns ? 0 : -ENOENT;
}

/* ------------------------------------------------------------------ links */

static size_t put_name(char *text, size_t size, const char *name, const struct namespace *ns)
{
	return (size_t)quire_snprintf(text, size, "%s:[%llu]", name, (unsigned long long)ns->ino);
}

long ns_read(const struct pseudo_ref *r, char *buf, size_t size)
{
	const struct ns_link *l;
	struct namespace *ns;
	char text[48];
	size_t n;
	int err = find(r, &l, &ns);

	if (err)
		return err;
	n = min(put_name(text, sizeof(text), l->name, ns), size);
	memcpy(buf, text, n);
	return (long)n;
}

static void ns_evict(struct inode *inode)
{
	ns_put(inode->private);
}

static const struct inode_operations ns_iop = {.evict = ns_evict};
static const struct file_operations ns_fop;

/* A place for it. 0, -ENOMEM. */
static int ns_dentry(struct namespace *ns, const char *name, struct dentry **to)
{
	struct inode *n;
	char text[48];

	if (!super.type)
		super_init(&super, &type);
	n = inode_alloc(&super, S_IFREG | 0444);
	if (!n)
		return -ENOMEM;
	ns_get(ns);
	n->ino = ns->ino;
	n->op = &ns_iop;
	n->fop = &ns_fop;
	n->private = ns;
	*to = dentry_alloc(NULL, text, put_name(text, sizeof(text), name, ns), n);
	return *to ? 0 : -ENOMEM;
}

int ns_follow(const struct pseudo_ref *r, struct dentry **to)
{
	const struct ns_link *l;
	struct namespace *ns;
	int err = find(r, &l, &ns);

	return err ? err : ns_dentry(ns, l->name, to);
}

struct namespace *ns_of_file(const struct open_file *f)
{
	return f->inode->op == &ns_iop ? f->inode->private : NULL;
}

/* ------------------------------------------------------------------ ioctl */

#define NS_GET_USERNS 0xb701U
#define NS_GET_PARENT 0xb702U
#define NS_GET_NSTYPE 0xb703U
#define NS_GET_OWNER_UID 0xb704U
#define NS_GET_PID_FROM_PIDNS 0x8004b706U
#define NS_GET_TGID_FROM_PIDNS 0x8004b707U
#define NS_GET_PID_IN_PIDNS 0x8004b708U
#define NS_GET_TGID_IN_PIDNS 0x8004b709U

/* A descriptor for a namespace. */
static long ns_open(struct namespace *ns, const char *name)
{
	struct dentry *d;
	struct open_file *f;
	int err = ns_dentry(ns, name, &d);

	if (err)
		return err;
	f = file_alloc(d, O_RDONLY, &ns_fop);
	return f ? fd_install(f, 0, true) : -ENOMEM;
}

long ns_open_of_task(const struct task *t, unsigned int link)
{
	struct namespace *ns = ns_of_link(t, &links[link]);

	return ns ? ns_open(ns, links[link].name) : -ESRCH;
}

/* Whose it is. One that the caller is not in, nor above, is not told. */
static long owner_of(const struct namespace *ns)
{
	struct user_ns *owner = ns->type == CLONE_NEWUSER ? ns->owner : ns_owner(ns), *seen = owner;

	while (seen && seen != current->user_ns)
		seen = seen->parent;
	return seen ? ns_open(&owner->ns, "user") : -EPERM;
}

/* The next above. One that the caller does not see is not told. */
static long parent_of(struct namespace *ns)
{
	struct pid_ns *pid = container_of(ns, struct pid_ns, ns), *seen;

	if (ns->type == CLONE_NEWUSER)
		return owner_of(ns);
	if (ns->type != CLONE_NEWPID)
		return -EINVAL;
	for (seen = pid->parent; seen && seen != task_pid_ns(current); seen = seen->parent)
		;
	return seen ? ns_open(&pid->parent->ns, "pid") : -EPERM;
}

/* Numbers of one namespace in another: the caller's, and the file's. */
static long translate(const struct namespace *ns, unsigned int cmd, int nr)
{
	const struct pid_ns *there = container_of(ns, const struct pid_ns, ns),
			    *here = task_pid_ns(current);
	const bool in = cmd == NS_GET_PID_IN_PIDNS || cmd == NS_GET_TGID_IN_PIDNS;
	const struct task *t;
	int found;

	if (ns->type != CLONE_NEWPID)
		return -EINVAL;
	t = pid_task(pid_lookup(nr, in ? here : there));
	if (!t)
		return -ESRCH;
	found = pid_nr_in(cmd == NS_GET_TGID_FROM_PIDNS || cmd == NS_GET_TGID_IN_PIDNS ? t->tgid
										       : t->pid,
			  in ? there : here);
	return found ? found : -ESRCH;
}

static long ns_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	struct namespace *ns = ns_of_file(f);
	const u32 uid = ns->type == CLONE_NEWUSER
				? uid_to_user(container_of(ns, struct user_ns, ns)->owner)
				: 0;

	switch (cmd) {
	case NS_GET_USERNS:
		return owner_of(ns);
	case NS_GET_OWNER_UID:
		if (ns->type != CLONE_NEWUSER)
			return -EINVAL;
		return put_user(uid, arg);
	case NS_GET_PARENT:
		return parent_of(ns);
	case NS_GET_NSTYPE:
		return (long)ns->type;
	case NS_GET_PID_FROM_PIDNS:
	case NS_GET_TGID_FROM_PIDNS:
	case NS_GET_PID_IN_PIDNS:
	case NS_GET_TGID_IN_PIDNS:
		return translate(ns, cmd, (int)arg);
	}
	return -ENOTTY;
}

static const struct file_operations ns_fop = {.ioctl = ns_ioctl};
