/* SPDX-License-Identifier: MIT */
/*
 * User namespaces (kernel/userns.c; Linux: kernel/user_namespace.c, kernel/capability.c).
 *
 * Inside the kernel users and groups are those of the first namespace, in struct cred, in inodes, everywhere: what comes from a program is
 * turned into one by id_from_user(), and what goes to one is shown by id_to_user(). A task's capabilities are of its own namespace and of those below;
 * capable() asks for the first one. Locking: kernel_lock.
 */
#ifndef KERNEL_USERNS_H
#define KERNEL_USERNS_H

#include "namespace.h"

#define MAX_USER_NS_LEVEL 32U
#define OVERFLOW_ID 65534U
#define NO_ID 0xffffffffU

struct out;
struct inode;
struct pseudo_ref;
struct task;

enum { MAP_UID, MAP_GID, MAP_PROJID, NR_MAPS };

struct id_range {
	u32 first, lower, count; /* lower: in the first namespace */
};
#define NR_UCOUNTS 8

struct id_map {
	u32 nr;
	struct id_range *ranges; /* NULL: there is none yet */
};

struct user_ns {
	struct namespace ns;
	struct user_ns *parent;	 /* with a use; NULL: the first */
	u32 level, owner, group; /* who has made it */
	bool setgroups_denied;
	bool parent_setfcap; /* its maker could have mapped root */
	u64 max_processes;   /* RLIMIT_NPROC of its maker, for all that are in it */
	struct id_map map[NR_MAPS];
	int most[NR_UCOUNTS]; /* namespaces that a user may have: ucount.c */
	struct ucount *counts;
};

extern struct user_ns init_user_ns;

/* One below the running program's, its owner. 0, -ENOSPC, -EPERM, -ENOMEM. */
long user_ns_new(struct user_ns **made);
void user_ns_free(struct namespace *ns);
/* t is in it from here on, with all capabilities there; its uses: one more of ns, one less of the old. */
void user_ns_enter(struct task *t, struct user_ns *ns);

/* Has the running program that capability there? */
bool ns_capable(const struct user_ns *ns, unsigned int cap);
/* ... in its own namespace. */
bool own_capable(unsigned int cap);
/* ... towards a file, whose owner is known in it. */
bool inode_capable(const struct inode *inode, unsigned int cap);

/* An id of ns as the first one knows it, and back; NO_ID: it has none. */
u32 map_down(const struct user_ns *ns, unsigned int which, u32 id);
u32 map_up(const struct user_ns *ns, unsigned int which, u32 id);
/* In the running program's: NO_ID stays what it is; what is not known is shown as OVERFLOW_ID. */
u32 uid_from_user(u32 id);
u32 gid_from_user(u32 id);
u32 uid_to_user(u32 id);
u32 gid_to_user(u32 id);
/* How who is in that namespace sees a user. */
u32 uid_seen(const struct user_ns *ns, u32 id);
/* RLIMIT_NPROC: may t be one more? */
bool user_ns_within(const struct task *t, u64 limit);

/* ucount.c: a namespace of that kind more, or less, for that user. 0, -ENOSPC. */
int ucount_add(struct user_ns *ns, u32 uid, u32 type);
void ucount_drop(struct user_ns *ns, u32 uid, u32 type);
void ucount_limits(struct user_ns *ns, int most);
int show_max_namespaces(struct out *out, const struct pseudo_ref *r);
int store_max_namespaces(const struct pseudo_ref *r, char *text, size_t n);

/* /proc/PID/uid_map and the like. */
int show_id_map(struct out *out, const struct pseudo_ref *r);
int store_id_map(const struct pseudo_ref *r, char *text, size_t n);
int show_setgroups(struct out *out, const struct pseudo_ref *r);
int store_setgroups(const struct pseudo_ref *r, char *text, size_t n);

#endif
