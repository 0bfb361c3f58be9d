/* SPDX-License-Identifier: MIT */
/* Time namespaces (kernel/timens.c). Locking: kernel_lock. */
#ifndef KERNEL_TIMENS_H
#define KERNEL_TIMENS_H

#include "namespace.h"

struct out;
struct pseudo_ref;
struct task;

/* What CLOCK_MONOTONIC and CLOCK_BOOTTIME show more than the machine's. NULL stands for the first namespace, which shows nothing more. */
struct time_ns {
	struct namespace ns;
	bool entered;	     /* its offsets stay as they are */
	s64 monotonic, boot; /* nanoseconds */
};

/* Stands for the first one where a namespace is meant. */
extern struct time_ns init_time_ns;

struct time_ns *time_ns_get(struct time_ns *ns);
void time_ns_put(struct time_ns *ns);
void time_ns_free(struct namespace *ns);
/* unshare: the caller's children are in a new one, with its offsets. -ENOMEM. */
int time_ns_unshare(struct task *t, struct user_ns *owner);
/* A new task, which is no thread of the other: it is where its parent's children are. */
void time_ns_fork(struct task *t, const struct task *parent, bool same_memory);
/* A new program is where its children would be. */
void time_ns_exec(struct task *t);
void time_ns_enter(struct task *t, struct time_ns *ns);
/* What current sees more of that clock than the machine: nanoseconds. */
s64 time_ns_offset(int clock);
/* A time of that clock, as current gave it, on the machine's; not below 0. */
u64 time_ns_to_machine(int clock, u64 ns);

int show_timens_offsets(struct out *out, const struct pseudo_ref *r);
int store_timens_offsets(const struct pseudo_ref *r, char *text, size_t n);

#endif
