// SPDX-License-Identifier: MIT
/*
 * Namespaces as files: what the links in /proc/PID/ns lead to, and setns, which enters one (Linux: fs/nsfs.c, kernel/nsproxy.c). Of most
 * kinds there is but one namespace, that all are in. Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "proc.h"
#include "pseudo.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"
#include "vfs.h"

#define NSFS_MAGIC 0x6e736673U

struct ns_kind {
	const char *link, *name;
	u64 flag; /* CLONE_NEW* */
	u64 ino;  /* of the only one */
};

static const struct ns_kind kinds[] = {
	{"time", "time", CLONE_NEWTIME, 0},
	{"time_for_children", "time", CLONE_NEWTIME, 0},
	{"net", "net", CLONE_NEWNET, 4026531840},
	{"uts", "uts", CLONE_NEWUTS, 4026531838},
	{"ipc", "ipc", CLONE_NEWIPC, 4026531839},
	{"pid", "pid", CLONE_NEWPID, 4026531836},
	{"pid_for_children", "pid", CLONE_NEWPID, 4026531836},
	{"user", "user", CLONE_NEWUSER, 4026531837},
	{"mnt", "mnt", CLONE_NEWNS, 4026531841},
	{"cgroup", "cgroup", CLONE_NEWCGROUP, 4026531835},
};

struct ns_file {
	const struct ns_kind *kind;
	struct time_ns *time; /* of a time namespace; NULL: the first */
};

static struct super super;
static const struct fs_type type = {.name = "nsfs", .magic = NSFS_MAGIC, .nodev = true};
static const struct file_operations ns_fop = {0};

static const struct ns_kind *kind_of(const struct pseudo_ref *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].link, r->e->name))
			return &kinds[i];
	return NULL;
}

/* The time namespace that a link of a task leads to. */
static struct time_ns *time_of(const struct task *t, const struct ns_kind *kind)
{
	if (kind->flag != CLONE_NEWTIME)
		return NULL;
	return kind == &kinds[0] ? t->time_ns : t->time_ns_children;
}

static u64 ino_of(const struct ns_kind *kind, const struct time_ns *time)
{
	if (kind->flag != CLONE_NEWTIME)
		return kind->ino;
	return time ? time->ino : TIME_NS_INO;
}

static size_t put_name(char *text, size_t size, const struct ns_kind *kind,
		       const struct time_ns *time)
{
	return (size_t)quire_snprintf(text, size, "%s:[%llu]", kind->name,
				      (unsigned long long)ino_of(kind, time));
}

long ns_read(const struct pseudo_ref *r, char *buf, size_t size)
{
	const struct ns_kind *kind = kind_of(r);
	const struct task *t = proc_task(r);
	char text[48];
	size_t n;

	if (!t || !kind)
		return -ESRCH;
	n = min(put_name(text, sizeof(text), kind, time_of(t, kind)), size);
	memcpy(buf, text, n);
	return (long)n;
}

static void ns_evict(struct inode *inode)
{
	struct ns_file *f = inode->private;

	time_ns_put(f->time);
	kfree(f);
}

static const struct inode_operations ns_iop = {.evict = ns_evict};

int ns_follow(const struct pseudo_ref *r, struct dentry **to)
{
	const struct ns_kind *kind = kind_of(r);
	const struct task *t = proc_task(r);
	struct ns_file *f;
	struct inode *n;
	char text[48];

	if (!t || !kind)
		return -ESRCH;
	if (!super.type)
		super_init(&super, &type);
	f = kmalloc(sizeof(*f), GFP_KERNEL);
	n = f ? inode_alloc(&super, S_IFREG | 0444) : NULL;
	if (!n) {
		kfree(f);
		return -ENOMEM;
	}
	f->kind = kind;
	f->time = time_ns_get(time_of(t, kind));
	n->ino = ino_of(kind, f->time);
	n->op = &ns_iop;
	n->fop = &ns_fop;
	n->private = f;
	*to = dentry_alloc(NULL, text, put_name(text, sizeof(text), kind, f->time), n);
	return *to ? 0 : -ENOMEM;
}

long call_setns(const struct syscall_args *r)
{
	struct open_file *f = file_of((unsigned int)r->a[0]);
	const struct ns_file *ns;
	struct task *t = current;

	if (!f)
		return -EBADF;
	if (f->inode->op != &ns_iop)
		return -EINVAL;
	ns = f->inode->private;
	if (r->a[1] && (u32)r->a[1] != (u32)ns->kind->flag)
		return -EINVAL;
	/* Into a user namespace that one is in already nobody goes. */
	if (ns->kind->flag == CLONE_NEWUSER)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (ns->kind->flag != CLONE_NEWTIME)
		return 0;
	if (t->signal->nr_threads > 1)
		return -EUSERS;
	time_ns_get(ns->time);
	time_ns_put(t->time_ns_children);
	t->time_ns_children = ns->time;
	time_ns_enter(t, ns->time);
	return 0;
}
