// SPDX-License-Identifier: MIT
/* Objects by key and by id (Linux: ipc/util.c): places in a table, with a number that tells who had the place before. kernel_lock. */
#include "ipc.h"
#include "vfs.h"

struct ipc_object *ipc_at(const struct ipc_table *t, int place)
{
	return place >= 0 && place < (int)IPC_PLACES ? t->objects[place] : NULL;
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
		if (!t->objects[i])
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
	t->objects[i] = o;
	t->used++;
	return 0;
}

void ipc_remove(struct ipc_table *t, struct ipc_object *o)
{
	t->objects[(u32)o->id % IPC_MAX] = NULL;
	t->used--;
}

int ipc_highest(const struct ipc_table *t)
{
	for (int i = (int)IPC_PLACES - 1; i > 0; i--)
		if (t->objects[i])
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
