/* SPDX-License-Identifier: MIT */
/*
 * Namespaces: what all kinds have in common, and which ones a task is in (kernel/nsproxy.c; Linux: include/linux/nsproxy.h, ns_common.h).
 *
 * A namespace lives as long as somebody uses it: tasks that are in it, files that stand for it (kernel/nsfs.c), namespaces below it,
 * and what it has given away (a process number, a mount of /proc). The first ones are static and are counted, too, but never go.
 * Locking: kernel_lock.
 */
#ifndef KERNEL_NAMESPACE_H
#define KERNEL_NAMESPACE_H

#include <quire/types.h>

struct dentry;
struct open_file;
struct out;
struct pseudo_ref;
struct task;
struct user_ns;

/* At the head of each kind. */
struct namespace
{
	s32 users;
	u32 type; /* CLONE_NEW* */
	u64 ino;  /* of the file that stands for it */
	/* Whose capabilities count in it, with a use; of a user namespace its parent; NULL: the first. */
	struct user_ns *owner;
	u32 uid;		     /* who has made it: ucount.c */
	struct namespace *next_dead; /* nsproxy.c */
};

/* As Linux numbers the first ones (include/linux/proc_ns.h, fs/nsfs.c). */
#define IPC_NS_INO 4026531839ULL
#define UTS_NS_INO 4026531838ULL
#define USER_NS_INO 4026531837ULL
#define PID_NS_INO 4026531836ULL
#define TIME_NS_INO 4026531834ULL
#define CGROUP_NS_INO 4026531835ULL
#define NET_NS_INO 4026531840ULL
#define MNT_NS_INO 4026531841ULL

/* The kinds that a task has by its nsproxy. */
enum {
	NSP_UTS,
	NSP_IPC,
	NSP_NET,
	NSP_CGROUP,
	NSP_PID, /* of the children to come; the task's own is that of its number */
	NR_NSP,
};

/* What a task is in, of these kinds; shared, and never changed once it is. */
struct nsproxy {
	s32 users;
	struct namespace *of[NR_NSP];
};

extern struct nsproxy init_nsproxy;
/* Before the first task. */
void nsproxy_init(void);

/* A new namespace begins: one user, a number of its own. 0, -ENOSPC: the running program's user has too many. */
int ns_init(struct namespace *ns, u32 type, struct user_ns *owner);
/* Whose it is. */
struct user_ns *ns_owner(const struct namespace *ns);
void ns_get(struct namespace *ns);
/* The last one frees it, by its kind. */
void ns_put(struct namespace *ns);

struct nsproxy *nsproxy_get(struct nsproxy *p);
/* NULL is allowed. */
void nsproxy_put(struct nsproxy *p);
/*
 * What the running program is in, but for new ones of the kinds that clone's flags name; with uses. 0, -EPERM, -EINVAL, -ENOSPC, -ENOMEM.
 */
long namespaces_for_child(u64 flags, struct user_ns **user, struct nsproxy **to);
/* The namespace that children to come of t are in. */
struct pid_ns *pid_ns_children(const struct task *t);

/* uts.c: names of the machine, as the caller's has them. */
extern struct namespace *const init_uts_ns;
long uts_ns_new(struct user_ns *owner, struct namespace **made);
int show_uts(struct out *out, const struct pseudo_ref *r);
int store_uts(const struct pseudo_ref *r, char *text, size_t n);

/* A task's namespaces as /proc/PID/ns and pidfds name them, in the order of PIDFD_GET_*_NAMESPACE. */
enum {
	NS_LINK_CGROUP,
	NS_LINK_IPC,
	NS_LINK_MNT,
	NS_LINK_NET,
	NS_LINK_PID,
	NS_LINK_PID_CHILDREN,
	NS_LINK_TIME,
	NS_LINK_TIME_CHILDREN,
	NS_LINK_USER,
	NS_LINK_UTS,
	NR_NS_LINKS
};
/* nsfs.c: a descriptor for one. -ESRCH: it has none any more. */
long ns_open_of_task(const struct task *t, unsigned int link);
/* What a link of /proc/PID/ns leads to, and says. */
int ns_follow(const struct pseudo_ref *r, struct dentry **to);
long ns_read(const struct pseudo_ref *r, char *buf, size_t size);
/* The namespace of that type that a task is in; NULL: it has ended. */
struct namespace *ns_of_task(const struct task *t, u64 type);
/* The one that a file stands for, without a use. NULL: it stands for none. */
struct namespace *ns_of_file(const struct open_file *f);

#endif
