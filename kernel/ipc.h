/* SPDX-License-Identifier: MIT */
/* What System V's shared memory, semaphores and messages have in common (kernel/ipc.c). All under kernel_lock. */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include <quire/out.h>

#include "namespace.h"
#include "syscall.h"

#define IPC_PRIVATE 0
#define IPC_CREAT 01000U
#define IPC_EXCL 02000U
#define IPC_NOWAIT 04000U
#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3

/* As programs see it (Linux: include/uapi/asm-generic/ipcbuf.h). */
struct ipc64_perm {
	s32 key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad;
	u64 unused[2];
};

/* An object, first in what it is. */
struct ipc_object {
	struct ipc64_perm perm;
	struct ipc_table *in; /* NULL: it was taken out */
	struct ipc_object *next_by_key;
	int id; /* seq * IPC_MAX + place */
};

/* Places that there can be: no id has more. */
#define IPC_MAX 32768U
/* So many places at least are taken before the first is taken again. */
#define IPC_AROUND 64U

struct ipc_table {
	struct ipc_object **objects; /* by place; places of them, more when all are taken */
	struct ipc_object *
		*by_key; /* those with a key, in IPC_HASH lists; NULL: there has been none yet */
	unsigned int places;
	unsigned int end; /* behind the last one's place: seq grows when places are taken anew */
	u16 seq;
	unsigned int used;
	const int *most; /* not more of them than that */
	int *next_id;	 /* the next one's id, once, when it is not -1 */
};

/* What there is of all that, POSIX's message queues too, with its limits: /proc/sys/kernel, /proc/sys/fs/mqueue. */
struct ipc_ns {
	struct namespace ns;
	struct ipc_table shm, sem, msg;
	u64 shmmax, shmall, shm_pages; /* shm_pages: of all segments */
	int sem_most
		[4]; /* kernel.sem: counters of a set, of all sets, operations of a call, sets */
	int sem_next_id;
	u32 sem_counters; /* of all sets */
	int shmmni, shm_next_id, msgmax, msgmnb, msgmni, msg_next_id;
	int nr_mqueues, mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default,
		mq_msgsize_default;
};

extern struct ipc_ns init_ipc_ns;
/* The running program's. */
struct ipc_ns *ipc_own(void);
/* The same place in it as p in the first one; p itself when no program runs. */
void *ipc_own_place(void *p);
long ipc_ns_new(struct user_ns *owner, struct namespace **made);
void ipc_ns_free(struct namespace *ns);
/* All that is in one that goes; segments that are attached stay until they are not. */
void shm_end(struct ipc_ns *ns);
void sem_end(struct ipc_ns *ns);
void msg_end(struct ipc_ns *ns);
void mqueue_end(struct ipc_ns *ns);

/* By id: NULL when there is none, or another one with its place. */
struct ipc_object *ipc_find(const struct ipc_table *t, int id);
/* By place, for the *_STAT calls of ipcs. */
struct ipc_object *ipc_at(const struct ipc_table *t, int place);
struct ipc_object *ipc_by_key(const struct ipc_table *t, s32 key);
/* A new one: perm and id are filled in. -ENOSPC, -ENOMEM. */
int ipc_add(struct ipc_table *t, struct ipc_object *o, s32 key, unsigned int flags);
void ipc_remove(struct ipc_object *o);
/* Nobody finds it by its key any more. */
void ipc_forget_key(struct ipc_object *o);
/* The highest place in use, 0 when none is. */
int ipc_highest(const struct ipc_table *t);
/* mode: 4 read, 2 write, in any of a mode's three digits: what is asked of one is asked. 0, -EACCES. */
int ipc_may(const struct ipc_object *o, unsigned int mode);
/* Owner, maker or root. 0, -EPERM. */
int ipc_owns(const struct ipc_object *o);
/* Seconds since 1970. */
s64 ipc_time(void);
/* IPC_SET. 0, -EINVAL: there is no such user or group. */
int ipc_set(struct ipc_object *o, const struct ipc64_perm *from);

/* /proc/sysvipc */
void shm_report(struct out *out);
void sem_report(struct out *out);
void msg_report(struct out *out);
/* A process has ended: what it wants undone is. */
void sem_exit(int tgid);

#endif
