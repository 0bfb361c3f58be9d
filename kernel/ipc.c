// SPDX-License-Identifier: MIT
/* Objects by key and by id (Linux: ipc/util.c): places in a table, with a number that tells who had the place before. kernel_lock. */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "ipc.h"
#include "task.h"
#include "userns.h"
#include "vfs.h"

#define SHM_MAX (ULONG_MAX - (1UL << 24))
#define SEM_MOST 32000, 1024000000, 500, 32000
#define SHM_MOST 4096
/* Lists of a table's objects by key. */
#define IPC_HASH 1024U

struct ipc_ns init_ipc_ns = {
	.ns = {.users = 1, .type = CLONE_NEWIPC, .ino = IPC_NS_INO},
	.shm = {.most = &init_ipc_ns.shmmni, .next_id = &init_ipc_ns.shm_next_id},
	.sem = {.most = &init_ipc_ns.sem_most[3], .next_id = &init_ipc_ns.sem_next_id},
	.msg = {.most = &init_ipc_ns.msgmni, .next_id = &init_ipc_ns.msg_next_id},
	.sem_most = {SEM_MOST},
	.sem_next_id = -1,
	.shmmax = SHM_MAX,
	.shmall = SHM_MAX,
	.shmmni = SHM_MOST,
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
	return current && current->nsproxy ? (char *)ipc_own() + ((char *)p - (char *)&init_ipc_ns)
					   : p;
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
	ns->sem.most = &ns->sem_most[3];
	ns->sem.next_id = &ns->sem_next_id;
	ns->msg.most = &ns->msgmni;
	ns->msg.next_id = &ns->msg_next_id;
	ns->shmmax = ns->shmall = SHM_MAX;
	ns->shmmni = SHM_MOST;
	ns->shm_next_id = ns->sem_next_id = ns->msg_next_id = -1;
	memcpy(ns->sem_most, (const int[]){SEM_MOST}, sizeof(ns->sem_most));
	ns->msgmax = 8192;
	ns->msgmnb = 16384;
	ns->msgmni = 32000;
	ns->mq_queues_max = 256;
	ns->mq_msg_max = ns->mq_msg_default = 10;
	ns->mq_msgsize_max = ns->mq_msgsize_default = 8192;
	*made = &ns->ns;
	return 0;
}

static void table_free(const struct ipc_table *t)
{
	kvfree(t->objects);
	kfree(t->by_key);
}

void ipc_ns_free(struct namespace *n)
{
	struct ipc_ns *ns = container_of(n, struct ipc_ns, ns);

	shm_end(ns);
	sem_end(ns);
	msg_end(ns);
	mqueue_end(ns);
	table_free(&ns->shm);
	table_free(&ns->sem);
	table_free(&ns->msg);
	kfree(ns);
}

/* ------------------------------------------------------------------ places */

struct ipc_object *ipc_at(const struct ipc_table *t, int place)
{
	return place >= 0 && place < (int)t->places ? t->objects[place] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_table *t, int id)
{
	struct ipc_object *o = id >= 0 ? ipc_at(t, id % (int)IPC_MAX) : NULL;

	return o && o->id == id ? o : NULL;
}

static unsigned int bucket(s32 key)
{
	return ((u32)key * 2654435761U) >> 22;
}

struct ipc_object *ipc_by_key(const struct ipc_table *t, s32 key)
{
	struct ipc_object *o = t->by_key ? t->by_key[bucket(key)] : NULL;

	while (o && o->perm.key != key)
		o = o->next_by_key;
	return o;
}

/* The table reaches that place. -ENOSPC, -ENOMEM. */
static int reach(struct ipc_table *t, unsigned int place)
{
	struct ipc_object **more;
	unsigned int places = max(t->places, IPC_AROUND);

	if (place >= IPC_MAX)
		return -ENOSPC;
	if (!t->by_key)
		t->by_key = kmalloc(IPC_HASH * sizeof(void *), GFP_KERNEL | __GFP_ZERO);
	if (!t->by_key)
		return -ENOMEM;
	while (places <= place)
		places *= 2;
	if (places == t->places)
		return 0;
	more = kvmalloc(places * sizeof(void *), GFP_KERNEL | __GFP_ZERO);
	if (!more)
		return -ENOMEM;
	if (t->places)
		memcpy(more, t->objects, t->places * sizeof(void *));
	kvfree(t->objects);
	t->objects = more;
	t->places = places;
	return 0;
}

static unsigned int free_from(const struct ipc_table *t, unsigned int from)
{
	while (from < t->places && t->objects[from])
		from++;
	return from;
}

/*
 * Places are taken one behind the other, and from the start again when half as many as are taken are free: an id comes back late
 * (Linux: ipc_idr_alloc).
 */
static unsigned int next_place(const struct ipc_table *t)
{
	const unsigned int most = (unsigned int)*t->most;
	unsigned int limit = min(max(t->used * 3 / 2, IPC_AROUND), most), place;

	place = t->end < limit ? free_from(t, t->end) : limit;
	return place < limit ? place : free_from(t, 0);
}

int ipc_add(struct ipc_table *t, struct ipc_object *o, s32 key, unsigned int flags)
{
	const struct cred *c = &current->cred;
	const int next = *t->next_id;
	unsigned int place;
	u16 seq;
	int err;

	if (t->used >= (unsigned int)max(*t->most, 0))
		return -ENOSPC;
	/* kernel.shm_next_id and its like: that id, or the next place that is free. */
	place = next >= 0 ? free_from(t, (unsigned int)next % IPC_MAX) : next_place(t);
	err = reach(t, place);
	if (err)
		return err;
	if (next >= 0) {
		seq = (u16)((unsigned int)next / IPC_MAX);
		*t->next_id = -1;
	} else {
		/* An id is a positive int. */
		if (place < t->end)
			t->seq = (t->seq + 1) & 0x7fff;
		t->end = place + 1;
		seq = t->seq;
	}
	o->perm = (struct ipc64_perm){.key = key,
				      .uid = c->euid,
				      .gid = c->egid,
				      .cuid = c->euid,
				      .cgid = c->egid,
				      .mode = flags & 0777,
				      .seq = seq};
	o->id = (int)(seq * IPC_MAX + place);
	o->in = t;
	t->objects[place] = o;
	t->used++;
	if (key != IPC_PRIVATE) {
		o->next_by_key = t->by_key[bucket(key)];
		t->by_key[bucket(key)] = o;
	}
	return 0;
}

void ipc_forget_key(struct ipc_object *o)
{
	struct ipc_object **p = &o->in->by_key[bucket(o->perm.key)];

	while (*p && *p != o)
		p = &(*p)->next_by_key;
	if (*p)
		*p = o->next_by_key;
	o->perm.key = IPC_PRIVATE;
}

void ipc_remove(struct ipc_object *o)
{
	if (!o->in)
		return;
	ipc_forget_key(o);
	o->in->objects[(u32)o->id % IPC_MAX] = NULL;
	o->in->used--;
	o->in = NULL;
}

int ipc_highest(const struct ipc_table *t)
{
	for (int i = (int)t->places - 1; i > 0; i--)
		if (ipc_at(t, i))
			return i;
	return 0;
}

int ipc_may(const struct ipc_object *o, unsigned int mode)
{
	const struct cred *c = &current->cred;
	unsigned int have = o->perm.mode;

	if (c->euid == o->perm.uid || c->euid == o->perm.cuid)
		have >>= 6;
	else if (in_group(o->perm.gid) || in_group(o->perm.cgid))
		have >>= 3;
	mode |= mode >> 6 | mode >> 3;
	return mode & ~have & 7 && !ns_capable(ns_owner(&ipc_own()->ns), CAP_IPC_OWNER) ? -EACCES
											: 0;
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

int ipc_set(struct ipc_object *o, const struct ipc64_perm *from)
{
	if (from->uid == UINT_MAX || from->gid == UINT_MAX)
		return -EINVAL;
	o->perm.uid = from->uid;
	o->perm.gid = from->gid;
	o->perm.mode = (o->perm.mode & ~0777U) | (from->mode & 0777);
	return 0;
}
