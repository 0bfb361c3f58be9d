/* SPDX-License-Identifier: MIT */
/*
 * Process numbers, and the namespaces that give them (kernel/pid.c; Linux: kernel/pid.c, kernel/pid_namespace.c).
 *
 * A task has a number in its namespace and in each above that: a struct pid. Inside the kernel the number in the first namespace stands for
 * it (task.pid, tgid, pgrp, session): everything that comes from a program is looked up in the program's own namespace, and everything that goes
 * to one is shown by pid_vnr(). Locking: kernel_lock.
 */
#ifndef KERNEL_PID_H
#define KERNEL_PID_H

#include "namespace.h"

#define MAX_PID_NS_LEVEL 32U

struct open_file;
struct out;
struct signal_struct;

struct pid_ns {
	struct namespace ns;
	struct pid_ns *parent;	      /* with a use; NULL: the first */
	u32 level;		      /* below the first */
	u32 nr_pids;		      /* numbers in use */
	int last;		      /* the last that was given */
	struct signal_struct *reaper; /* its init; NULL: there is none yet, or no more */
	bool started, dead;	/* had an init; whose end has begun, and nobody comes in any more */
	int reboot;		/* the signal that reboot() has ended it by, as a status; 0: none */
	struct open_file *acct; /* where acct() wants a record of each that ends; NULL: nowhere */
};

struct pid {
	s32 users;
	u32 attached; /* by a task, by processes as group or session; the numbers are taken while it is not 0 */
	struct task *task; /* NULL: it has gone, or is not there yet */
	u32 level;	   /* of the deepest namespace */
	struct pid_number {
		int nr;
		struct pid_ns *ns; /* the deepest with a use */
		struct pid_number *next;
	} number[]; /* level + 1 */
};

extern struct pid_ns init_pid_ns;

/* A namespace below the running program's. 0, -EINVAL, -ENOSPC, -ENOMEM. */
long pid_ns_new(struct user_ns *owner, struct namespace **made);
void pid_ns_free(struct namespace *ns);

/* New numbers, attached once: those of set_tid, n of them, the deepest first; any, where it says nothing. -EINVAL, -EPERM, -EEXIST, -EAGAIN, -ENOMEM. */
long pid_new(struct pid_ns *ns, const int *set_tid, unsigned int n, struct pid **made);
struct pid *pid_get(struct pid *p);
void pid_put(struct pid *p);
void pid_attach(struct pid *p);
void pid_detach(struct pid *p);
/* Of a group's or a session's number, 0 being none. */
void pid_attach_nr(int pid);
void pid_detach_nr(int pid);
/* Who has that number there. NULL: nobody. */
struct pid *pid_lookup(int nr, const struct pid_ns *ns);
/* How it is called there; 0: it is not seen. */
int pid_nr(const struct pid *p, const struct pid_ns *ns);
/* The same of a number of the first namespace. */
int pid_nr_in(int pid, const struct pid_ns *ns);
/* The namespace that a task's number is of. */
struct pid_ns *task_pid_ns(const struct task *t);
/* How the running program calls it. */
int pid_vnr(int pid);
/* How the task calls itself. */
int task_vnr(const struct task *t);
/* What a program calls nr, in the first namespace. NO_PID: there is none of that number. */
int pid_from_user(int nr);
#define NO_PID 0x7fffffff
static inline struct task *pid_task(const struct pid *p)
{
	return p ? p->task : NULL;
}
/* The task that the running program calls nr. */
struct task *task_find_v(int nr);
/* reboot() in a namespace below the first: its init ends, as by a signal that says how. Does not return, or -EINVAL. */
long pid_ns_reboot(u32 how);
/* The namespace has no more records of who ends (kernel/acct.c). */
void acct_end(struct pid_ns *ns);
/* Is it the init of its namespace? */
bool is_reaper(const struct signal_struct *s);
/* Who takes over the children of a process that ends. */
struct signal_struct *reaper_for(const struct signal_struct *s);
void set_child_subreaper(struct signal_struct *s, bool on);
/* A process of it is there, and is its init if it is the first. */
void pid_ns_enter(struct signal_struct *s);
/* "\tN" for each namespace from `ns` down. */
void pid_put_numbers(struct out *out, const struct pid *p, const struct pid_ns *ns);

#endif
