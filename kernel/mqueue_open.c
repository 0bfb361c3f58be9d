// SPDX-License-Identifier: MIT
/*
 * POSIX message queues: their names and limits (Linux: ipc/mqueue.c). What is in them is kernel/mqueue.c's.
 *
 * A queue is an inode of a file system that is mounted nowhere; its name is a dentry in no directory, which the list of all queues leads
 * to, so names cost a walk of that list. The inode goes with the name and the last descriptor, and the queue with the inode. What a queue
 * could hold at most is paid for by its maker's real user id until then (RLIMIT_MSGQUEUE), as Linux counts it, root too. Locking:
 * kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "ipc.h"
#include "mqueue.h"
#include "syscall.h"

#define HARD_MSG_MAX 65536
#define HARD_MSGSIZE_MAX (16 << 20)
#define MQ_PRIO_MAX 32768
/* What Linux counts for a message, and for a priority. */
#define COST_OF_MSG 48U
#define COST_OF_PRIORITY 48U

static struct link queues = {&queues, &queues};
static struct super super;

static void mqueue_evict(struct inode *inode)
{
	struct mqueue *q = inode->private;

	mqueue_drain(q);
	link_remove(&q->link);
	if (q->ns)
		q->ns->nr_mqueues--;
	kfree(q);
}

static const struct fs_type mqueue_type = {.name = "mqueue", .magic = 0x19800202, .nodev = true};
static const struct inode_operations mqueue_iop = {.evict = mqueue_evict};

/* ------------------------------------------------------------------ making one */

/* How large it may be: fills in maxmsg, msgsize, charge. 0, -EINVAL, -EOVERFLOW, -EMFILE. */
static int set_size(struct mqueue *q, const struct mq_attr *attr)
{
	const u64 limit = current->signal->rlim[RLIMIT_MSGQUEUE].cur;
	const bool may_more = capable(CAP_SYS_RESOURCE);
	u64 paid = 0;

	q->maxmsg = attr ? attr->maxmsg : min(ipc_own()->mq_msg_max, ipc_own()->mq_msg_default);
	q->msgsize = attr ? attr->msgsize
			  : min(ipc_own()->mq_msgsize_max, ipc_own()->mq_msgsize_default);
	if (q->maxmsg <= 0 || q->msgsize <= 0)
		return -EINVAL;
	if (q->maxmsg > (may_more ? HARD_MSG_MAX : ipc_own()->mq_msg_max) ||
	    q->msgsize > (may_more ? HARD_MSGSIZE_MAX : ipc_own()->mq_msgsize_max))
		return -EINVAL;
	/* At most 2^40: nothing here overflows. */
	q->uid = current->cred.uid;
	q->charge = (u64)q->maxmsg * (u64)(q->msgsize + COST_OF_MSG) +
		    (u64)min(q->maxmsg, (s64)MQ_PRIO_MAX) * COST_OF_PRIORITY;
	for_each_link(l, &queues)
	{
		const struct mqueue *other = link_entry(l, struct mqueue, link);

		paid += other->uid == q->uid ? other->charge : 0;
	}
	return paid + q->charge > limit ? -EMFILE : 0;
}

static struct mqueue *mqueue_new(const char *name, u32 mode, const struct mq_attr *attr, int *err)
{
	struct mqueue *q;
	struct inode *inode;
	char path[NAME_MAX + 2];

	*err = -ENOSPC;
	if (ipc_own()->nr_mqueues >= ipc_own()->mq_queues_max && !capable(CAP_SYS_RESOURCE))
		return NULL;
	q = kmalloc(sizeof(*q), GFP_KERNEL | __GFP_ZERO);
	*err = q ? set_size(q, attr) : -ENOMEM;
	if (*err)
		goto fail;
	*err = -ENOMEM;
	if (!super.type)
		super_init(&super, &mqueue_type);
	inode = inode_alloc(&super, S_IFREG | (mode & ~current->fs->umask & S_IALLUGO));
	if (!inode)
		goto fail;
	quire_snprintf(path, sizeof(path), "/%s", name);
	q->dentry = dentry_alloc(NULL, path, strlen(path), inode);
	if (!q->dentry)
		goto fail;
	link_init(&q->messages);
	link_init(&q->senders);
	link_init(&q->receivers);
	link_init(&q->link);
	link_add_before(&q->link, &queues);
	q->ns = ipc_own();
	q->ns->nr_mqueues++;
	q->inode = inode;
	inode->op = &mqueue_iop;
	inode->fop = &mqueue_fop;
	inode->private = q;
	inode->uid = current->cred.fsuid;
	inode->gid = current->cred.fsgid;
	inode->size = 80; /* what Linux says of every one */
	*err = 0;
	return q;
fail:
	kfree(q);
	return NULL;
}

/* ------------------------------------------------------------------ names */

static struct mqueue *find(const char *name)
{
	for_each_link(l, &queues)
	{
		struct mqueue *q = link_entry(l, struct mqueue, link);

		if (q->ns == ipc_own() && q->dentry && !strcmp(q->dentry->name + 1, name))
			return q;
	}
	return NULL;
}

/* A name of the program's, by kmalloc. */
static int get_name(unsigned long from, char **name)
{
	int err = user_path_get(from, name);

	if (err)
		return err;
	if (!**name)
		err = -ENOENT;
	else if (strchr(*name, '/') || !strcmp(*name, ".") || !strcmp(*name, ".."))
		err = -EACCES;
	else if (strlen(*name) > NAME_MAX)
		err = -ENAMETOOLONG;
	if (err)
		kfree(*name);
	return err;
}

static int open_name(const char *name, unsigned int flags, u32 mode, const struct mq_attr *attr,
		     struct mqueue **found)
{
	static const u32 access[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE};
	int err = 0;

	*found = find(name);
	if (!*found) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		*found = mqueue_new(name, mode, attr, &err);
		return err;
	}
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_permission((*found)->inode, access[flags & O_ACCMODE]);
}

/* The queue loses its name. */
static void drop_name(struct mqueue *q)
{
	struct dentry *d = q->dentry;

	q->dentry = NULL;
	q->inode->nlink = 0;
	inode_changed(q->inode, false);
	d->unlinked = true;
	dput(d);
}

void mqueue_end(struct ipc_ns *ns)
{
	for_each_link_safe(l, &queues)
	{
		struct mqueue *q = link_entry(l, struct mqueue, link);

		if (q->ns != ns)
			continue;
		/* Who has it open keeps it. */
		q->ns = NULL;
		if (q->dentry)
			drop_name(q);
	}
}

long call_mq_open(const struct syscall_args *r)
{
	const unsigned int flags = (unsigned int)r->a[1];
	struct mq_attr attr;
	struct mqueue *q;
	struct open_file *f;
	char *name;
	bool is_new;
	long err;

	if (r->a[3] && copy_from_user(&attr, r->a[3], sizeof(attr)))
		return -EFAULT;
	err = get_name(r->a[0], &name);
	if (err)
		return err;
	is_new = !find(name);
	err = open_name(name, flags, (u32)r->a[2], r->a[3] ? &attr : NULL, &q);
	kfree(name);
	if (err)
		return err;
	f = file_alloc(dget(q->dentry), flags & ~O_PATH, &mqueue_fop);
	if (f)
		f->private = q;
	err = f ? fd_install(f, 0, true) : -ENOMEM;
	if (err < 0 && is_new)
		drop_name(q);
	return err;
}

long call_mq_unlink(const struct syscall_args *r)
{
	struct mqueue *q;
	char *name;
	int err = get_name(r->a[0], &name);

	if (err)
		return err;
	q = find(name);
	kfree(name);
	if (!q)
		return -ENOENT;
	/* As in a directory that is root's and sticky. */
	if (inode_owner(q->inode))
		return -EPERM;
	drop_name(q);
	return 0;
}
