/* SPDX-License-Identifier: MIT */
/* How many of something each user has, where all that he has is limited (kernel/ucount.c). Locking: kernel_lock. */
#ifndef KERNEL_USER_COUNT_H
#define KERNEL_USER_COUNT_H

#include <quire/types.h>

/* Of one user; it goes when it is 0. A list of them is a static pointer, NULL at first. */
struct user_count {
	struct user_count *next;
	u32 uid;
	u64 n;
};

/* One more, of at most `most`. False: he has as many, or there is no memory. */
bool user_count_add(struct user_count **list, u32 uid, u64 most);
/* One less of those that were added. */
void user_count_drop(struct user_count **list, u32 uid);
/* How many he has. */
u64 user_count_of(const struct user_count *list, u32 uid);
/* n > 0 more, whatever he has. False: there is no memory. */
bool user_count_add_many(struct user_count **list, u32 uid, u64 n);
void user_count_drop_many(struct user_count **list, u32 uid, u64 n);

#endif
