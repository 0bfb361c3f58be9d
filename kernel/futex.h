/* SPDX-License-Identifier: MIT */
/* What the two halves of futexes share: kernel/futex.c and kernel/futex_pi.c. Locking: kernel_lock, but where something else is said. */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include "task.h"

#define FUTEX_BUCKETS 256U

struct key {
	const void *object; /* mm_struct or page */
	unsigned long offset;
};

struct bucket {
	struct link ring; /* under kernel_lock */
	u32 waiters;	  /* those in it, and those that may come into it; read without a lock */
};

struct waiter {
	struct link link;
	struct bucket *counted; /* there; NULL: not yet */
	struct key key;
	struct page *page; /* kept; NULL: the key is an address */
	struct task *task;
	u32 bitset;
	bool woken;
	bool pi; /* waits for a lock to be handed to it */
	const struct key
		*to; /* FUTEX_WAIT_REQUEUE_PI: where it is to be moved; NULL: it is, or need not */
	struct task *owner; /* pi: who had the lock when it was asked for */
};

extern struct bucket futex_buckets[FUTEX_BUCKETS];

/* Where those wait that have the key, and others. */
struct link *futex_ring(const struct key *k);
/* w is about to look at its word, or has got another key: from here on nobody overlooks it. */
void futex_count(struct waiter *w);
/* It is counted, and waits at its key if the word is val: 0; -EAGAIN: it is another one; -EFAULT. futex_uncount ends all three. */
long futex_wait_setup(struct waiter *w, unsigned long addr, u32 val);
/* It does not wait any more, or never did. */
void futex_uncount(struct waiter *w);
/*
 * The word's key. *page: with a reference where the key is a page, else NULL. FUTEX_WRITE: of a word that the kernel may write, by that
 * page too: -EFAULT where the program may only read it. 0, -EINVAL, -EFAULT. Needs no lock.
 */
enum futex_access { FUTEX_READ, FUTEX_WRITE };
long futex_key(unsigned long addr, bool shared, enum futex_access access, struct key *key,
	       struct page **page);
void futex_drop_key(struct page *page);
void futex_wake_waiter(struct waiter *w);

static inline bool same_key(const struct key *a, const struct key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Locks that inherit priority: the calls of FUTEX_LOCK_PI and kin. */
long futex_lock_pi(unsigned long addr, bool shared, u64 deadline, bool try);
long futex_unlock_pi(unsigned long addr, bool shared);
long futex_wait_requeue_pi(unsigned long addr, unsigned long addr2, bool shared, u32 val,
			   u64 deadline, u32 bitset);
long futex_cmp_requeue_pi(unsigned long from, unsigned long to, bool shared, int n_wake, int n_move,
			  u32 expected);

#endif
