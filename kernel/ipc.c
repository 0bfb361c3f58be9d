// SPDX-License-Identifier: MIT
/* Objects by key and by id (Linux: ipc/util.c): places in a table, with a number that tells who had the place before. kernel_lock. */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "ipc.h"
#include "task.h"
#include "vfs.h"

#define SHM_MAX (ULONG_MAX - (1UL << 24))
#define SEM_SETS 32000

static struct ipc_object *first_objects[3][IPC_PLACES];
static const int sem_sets = SEM_SETS;

struct ipc_ns init_ipc_ns = {
	.ns = {.users = 1, .type = CLONE_NEWIPC, .ino = IPC_NS_INO},
	.shm = {.objects = first_objects[0],
		.most = &init_ipc_ns.shmmni,
		.next_id = &init_ipc_ns.shm_next_id},
	.sem = {.objects = first_objects[1], .most = &sem_sets},
	.msg = {.objects = first_objects[2],
		.most = &init_ipc_ns.msgmni,
		.next_id = &init_ipc_ns.msg_next_id},
	.shmmax = SHM_MAX,
	.shmall = SHM_MAX,
	.shmmni = (int)IPC_PLACES,
	.shm_next_id = -1,
	.msgmax = 8192,
	.msgmnb = 16384,
	.msgmni = 32000,
	.msg_next_id = -1,
	.mq_queues_max = 256,
	.mq_msg_max = 10,
	.mq_msgsize_max = 8192,
	.mq_msg_default = 10,
	.mq_msgsize_default = 8192,
};

/* ------------------------------------------------------------------ namespaces */

struct ipc_ns *ipc_own(void)
{
	return container_of(current->nsproxy->of[NSP_IPC], struct ipc_ns, ns);
}

void *ipc_own_place(void *p)
{
	size_t at = (size_t)((char *)p - (char *)&init_ipc_ns);

	return at < sizeof(init_ipc_ns) && current && current->nsproxy ? (char *)ipc_own() + at : p;
}

long ipc_ns_new(struct user_ns *owner, struct namespace **made)
{
	struct ipc_ns *ns = kmalloc(sizeof(*ns), GFP_KERNEL | __GFP_ZERO);
	int err = ns ? ns_init(&ns->ns, CLONE_NEWIPC, owner) : -ENOMEM;

	if (err) {
		kfree(ns);
		return err;
	}
	ns->shm.most = &ns->shmmni;
	ns->shm.next_id = &ns->shm_next_id;
	ns->sem.most = &sem_sets;
	ns->msg.most = &ns->msgmni;
	ns->msg.next_id = &ns->msg_next_id;
	ns->shmmax = ns->shmall = SHM_MAX;
	ns->shmmni = (int)IPC_PLACES;
	ns->shm_next_id = ns->msg_next_id = -1;
	ns->msgmax = 8192;
	ns->msgmnb = 16384;
	ns->msgmni = 32000;
	ns->mq_queues_max = 256;
	ns->mq_msg_max = ns->mq_msg_default = 10;
	ns->mq_msgsize_max = ns->mq_msgsize_default = 8192;
	*made = &ns->ns;
	return 0;
}

void ipc_ns_free(struct namespace *n)
{
	struct ipc_ns *ns = container_of(n, struct ipc_ns, ns);

	shm_end(ns);
	sem_end(ns);
	msg_end(ns);
	mqueue_end(ns);
	kfree(ns->shm.objects);
	kfree(ns->sem.objects);
	kfree(ns->msg.objects);
	kfree(ns);
}

/* ------------------------------------------------------------------ places */

struct ipc_object *ipc_at(const struct ipc_table *t, int place)
{
	return t->objects && place >= 0 && place < (int)IPC_PLACES ? t->objects[place] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_table *t, int id)
{
	struct ipc_object *o = id >= 0 ? ipc_at(t, id % (int)IPC_MAX) : NULL;

	return o && o->id == id ? o : NULL;
}

struct ipc_object *ipc_by_key(const struct ipc_table *t, s32 key)
{
	unsigned int left = t->used;

	for (unsigned int i = 0; i < IPC_PLACES && left; i++) {
		if (!ipc_at(t, (int)i))
			continue;
		left--;
		if (t->objects[i]->perm.key == key)
			return t->objects[i];
	}
	return NULL;
}

int ipc_add(struct ipc_table *t, struct ipc_object *o, s32 key, unsigned int flags)
{
	const struct cred *c = &current->cred;
	unsigned int i = 0;
	u16 seq = t->seq;

	if (!t->objects)
		t->objects = kmalloc(IPC_PLACES * sizeof(void *), GFP_KERNEL | __GFP_ZERO);
	if (!t->objects)
		return -ENOMEM;
	while (i < IPC_PLACES && t->objects[i])
		i++;
	if (i == IPC_PLACES || (t->most && t->used >= (unsigned int)max(*t->most, 0)))
		return -ENOSPC;
	/* kernel.shm_next_id and its like: that id, or the next place that is free. */
	if (t->next_id && *t->next_id >= 0) {
		unsigned int place = (unsigned int)*t->next_id % IPC_MAX;

		while (place < IPC_PLACES && t->objects[place])
			place++;
		if (place >= IPC_PLACES)
			return -ENOSPC;
		i = place;
		seq = (u16)((unsigned int)*t->next_id / IPC_MAX);
		*t->next_id = -1;
	} else {
		/* An id is a positive int. */
		t->seq = (t->seq + 1) & 0x7fff;
	}
	o->perm = (struct ipc64_perm){.key = key,
				      .uid = c->euid,
				      .gid = c->egid,
				      .cuid = c->euid,
				      .cgid = c->egid,
				      .mode = flags & 0777,
				      .seq = seq};
	o->id = (int)(seq * IPC_MAX + i);
	o->in = t;
	t->objects[i] = o;
	t->used++;
	return 0;
}

void ipc_remove(struct ipc_object *o)
{
	if (!o->in)
		return;
	o->in->objects[(u32)o->id % IPC_MAX] = NULL;
	o->in->used--;
	o->in = NULL;
}

int ipc_highest(const struct ipc_table *t)
{
	for (int i = (int)IPC_PLACES - 1; i > 0; i--)
		if (ipc_at(t, i))
			return i;
	return 0;
}

int ipc_may(const struct ipc_object *o, unsigned int mode)
{
	const struct cred *c = &current->cred;
	unsigned int have = o->perm.mode;

	if (!c->euid)
		return 0;
	if (c->euid == o->perm.uid || c->euid == o->perm.cuid)
		have >>= 6;
	else if (c->egid == o->perm.gid || c->egid == o->perm.cgid)
		have >>= 3;
	return mode & ~have & 7 ? -EACCES : 0;
}

int ipc_owns(const struct ipc_object *o)
{
	u32 euid = current->cred.euid;

	return capable(CAP_SYS_ADMIN) || euid == o->perm.uid || euid == o->perm.cuid ? 0 : -EPERM;
}

s64 ipc_time(void)
{
	return time_now().sec;
}

void ipc_set(struct ipc_object *o, const struct ipc64_perm *from)
{
	o->perm.uid = from->uid;
	o->perm.gid = from->gid;
	o->perm.mode = (o->perm.mode & ~0777U) | (from->mode & 0777);
}
