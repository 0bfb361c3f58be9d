// SPDX-License-Identifier: MIT
/*
 * Waiting for a word in a program's memory (Linux: kernel/futex/; futex(2)).
 *
 * A word is known by its key: address space and address where nobody else sees the memory, page and offset where others may, by a
 * mapping of their own. Who waits on a page keeps it. Waiters stand in a table of rings by key, each on its own stack.
 *
 * Locking: kernel_lock, so that the look at the word and the sleep are one step to whoever wakes. Programs change the word without it, but then call
 * futex to wake.
 *
 * Locks that inherit priority (FUTEX_LOCK_PI and kin) are handed from owner to waiter in the order in which they came. There are no
 * priorities to inherit (kernel/sched.c).
 */
#include <quire/page.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "task.h"
#include "timens.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_PRIVATE_FLAG 128U
#define FUTEX_CLOCK_REALTIME 256U
#define FUTEX_BITSET_MATCH_ANY 0xffffffffU
#define FUTEX_WAITERS 0x80000000U
#define FUTEX_OWNER_DIED 0x40000000U
#define FUTEX_TID_MASK 0x3fffffffU
#define ROBUST_LIST_LIMIT 2048U
#define FUTEX2_SIZE_MASK 3U
#define FUTEX2_SIZE_U32 2U
#define FUTEX2_PRIVATE 128U
#define FUTEX_WAITV_MAX 128U

#define BUCKETS 256U

struct key {
	const void *object; /* mm_struct or page */
	unsigned long offset;
};

struct waiter {
	struct link link;
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

static struct link buckets[BUCKETS];

static struct link *bucket_of(const struct key *k)
{
	unsigned long h = ((unsigned long)k->object >> 5) ^ (k->offset >> 2);
	struct link *b = &buckets[(h ^ h >> 8 ^ h >> 20) % BUCKETS];

	if (!b->next)
		link_init(b);
	return b;
}

static bool same_key(const struct key *a, const struct key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Without a tag, if the program may give one. */
static unsigned long word_address(u64 addr)
{
	unsigned long a = addr;

	(void)user_range(&a, sizeof(u32));
	return a;
}

/* *page: with a reference where the key is a page, else NULL. */
static long get_key(unsigned long addr, bool shared, struct key *key, struct page **page)
{
	struct mm_struct *mm = current->mm;

	*page = NULL;
	if (addr & 3)
		return -EINVAL;
	if (addr >= TASK_SIZE)
		return -EFAULT;
	*key = (struct key){mm, addr};
	if (!shared)
		return 0;
	*page = get_user_page(mm, addr, true);
	if (!*page)
		*page = get_user_page(mm, addr, false);
	if (!*page)
		return -EFAULT;
	if (user_page_is_anon(*page)) {
		user_page_put(*page);
		*page = NULL;
	} else {
		*key = (struct key){*page, addr & (PAGE_SIZE - 1)};
	}
	return 0;
}

static void drop_key(struct page *page)
{
	if (page)
		user_page_put(page);
}

/* ------------------------------------------------------------------ waking */

static void wake_waiter(struct waiter *w)
{
	link_remove(&w->link);
	w->woken = true;
	wake_up(w->task);
}

static long wake_key(const struct key *key, unsigned int n, u32 bitset)
{
	struct link *head = bucket_of(key);
	unsigned int done = 0;

	for_each_link_safe(l, head)
	{
		struct waiter *w = link_entry(l, struct waiter, link);

		if (done >= n)
			break;
		if (!same_key(&w->key, key))
			continue;
		/* Who waits for a lock is only woken by getting it. */
		if (w->pi || w->to)
			return -EINVAL;
		if (!(w->bitset & bitset))
			continue;
		wake_waiter(w);
		done++;
	}
	return done;
}

static long futex_wake(unsigned long addr, bool shared, unsigned int n, u32 bitset)
{
	struct key key;
	struct page *page;
	long ret = get_key(addr, shared, &key, &page);

	if (!bitset)
		return -EINVAL;
	if (ret)
		return ret;
	/* Linux wakes one when asked for none, and for less. */
	ret = wake_key(&key, (int)n < 1 ? 1 : n, bitset);
	drop_key(page);
	return ret;
}

long futex_wake_address(unsigned long addr, unsigned int n)
{
	return futex_wake(addr, true, n, FUTEX_BITSET_MATCH_ANY);
}

/* ------------------------------------------------------------------ waiting */

static long futex_wait(unsigned long addr, bool shared, u32 val, u64 deadline, u32 bitset)
{
	struct waiter w = {.task = current, .bitset = bitset};
	u32 now;
	long ret;

	if (!bitset)
		return -EINVAL;
	ret = get_key(addr, shared, &w.key, &w.page);
	if (ret)
		return ret;
	if (get_user(now, addr))
		ret = -EFAULT;
	else if (now != val)
		ret = -EAGAIN;
	if (!ret) {
		link_init(&w.link);
		link_lend(&w.link, bucket_of(&w.key));
		while (!w.woken && !ret)
			ret = sleep_until(deadline);
		if (w.woken)
			ret = 0;
		else
			link_remove(&w.link);
	}
	drop_key(w.page);
	return ret;
}

static long restart_wait(struct task *t)
{
	const u64 *a = t->restart.arg;
	long ret = futex_wait(a[0], a[1], (u32)a[2], a[3], (u32)a[4]);

	return ret == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : ret;
}

static long wait_or_restart(unsigned long addr, bool shared, u32 val, u64 deadline, u32 bitset)
{
	long ret = futex_wait(addr, shared, val, deadline, bitset);

	if (ret != -ERESTARTSYS || deadline == WAIT_FOREVER)
		return ret;
	/* The time that is left counts from the first try. */
	current->restart.fn = restart_wait;
	current->restart.arg[0] = addr;
	current->restart.arg[1] = shared;
	current->restart.arg[2] = val;
	current->restart.arg[3] = deadline;
	current->restart.arg[4] = bitset;
	return -ERESTART_RESTARTBLOCK;
}

/* ------------------------------------------------------------------ others */

static long futex_requeue(unsigned long from, unsigned long to, bool shared, int n_wake, int n_move,
			  const u32 *expected)
{
	struct key key_from, key_to;
	struct page *page_from, *page_to;
	u32 now;
	long ret;

	if (n_wake < 0 || n_move < 0)
		return -EINVAL;
	ret = get_key(from, shared, &key_from, &page_from);
	if (ret)
		return ret;
	ret = get_key(to, shared, &key_to, &page_to);
	if (ret)
		goto out_from;
	if (expected) {
		if (get_user(now, from))
			ret = -EFAULT;
		else if (now != *expected)
			ret = -EAGAIN;
		if (ret)
			goto out;
	}
	for_each_link_safe(l, bucket_of(&key_from))
	{
		struct waiter *w = link_entry(l, struct waiter, link);

		if (!same_key(&w->key, &key_from))
			continue;
		if (w->pi || w->to) {
			ret = -EINVAL;
			break;
		}
		if (ret < n_wake) {
			wake_waiter(w);
		} else if (ret < (long)n_wake + n_move) {
			if (!same_key(&key_from, &key_to)) {
				link_remove(&w->link);
				if (page_to)
					get_page(page_to);
				drop_key(w->page);
				w->page = page_to;
				w->key = key_to;
				link_add_before(&w->link, bucket_of(&key_to));
			}
		} else {
			break;
		}
		ret++;
	}
out:
	drop_key(page_to);
out_from:
	drop_key(page_from);
	return ret;
}

/*
 * A word that the kernel changes: of the running program; of another one, by its address space; of a page that is kept, which nobody
 * copies on writing.
 */
struct word {
	unsigned long addr;
	struct mm_struct *mm;
	struct page *page;
};

/* As cmpxchg_user: 1, 0 and *old is what it was, -EFAULT. */
static int word_cmpxchg(const struct word *w, u32 *old, u32 new)
{
	if (w->page) {
		u32 *p = (u32 *)(void *)((char *)page_address(w->page) +
					 (w->addr & (PAGE_SIZE - 1)));

		return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
	}
	if (w->mm)
		return cmpxchg_remote_vm(w->mm, w->addr, old, new);
	return cmpxchg_user(w->addr, old, new);
}

static s32 sign_extend12(u32 v)
{
	return (s32)(v << 20) >> 20;
}

/* op: what FUTEX_OP() encodes. 0 or 1: the comparison; negative: an error. */
static long do_op(u32 op, unsigned long addr)
{
	s32 oparg = sign_extend12(op >> 12), cmparg = sign_extend12(op), old;
	u32 seen, want;
	int done;

	if (op >> 31) {
		if (oparg < 0 || oparg > 31)
			oparg &= 31;
		oparg = (s32)(1U << oparg);
	}
	if (get_user(seen, addr))
		return -EFAULT;
	do {
		switch (op >> 28 & 7) {
		case 0:
			want = (u32)oparg;
			break;
		case 1:
			want = seen + (u32)oparg;
			break;
		case 2:
			want = seen | (u32)oparg;
			break;
		case 3:
			want = seen & ~(u32)oparg;
			break;
		case 4:
			want = seen ^ (u32)oparg;
			break;
		default:
			return -ENOSYS;
		}
		done = cmpxchg_user(addr, &seen, want);
	} while (!done);
	if (done < 0)
		return done;
	old = (s32)seen;
	switch (op >> 24 & 15) {
	case 0:
		return old == cmparg;
	case 1:
		return old != cmparg;
	case 2:
		return old < cmparg;
	case 3:
		return old <= cmparg;
	case 4:
		return old > cmparg;
	case 5:
		return old >= cmparg;
	}
	return -ENOSYS;
}

static long futex_wake_op(unsigned long addr, unsigned long addr2, bool shared, int n, int n2,
			  u32 op)
{
	struct key key, key2;
	struct page *page, *page2;
	long ret = get_key(addr, shared, &key, &page), is;

	if (ret)
		return ret;
	ret = get_key(addr2, shared, &key2, &page2);
	if (ret)
		goto out;
	is = do_op(op, addr2);
	if (is < 0) {
		ret = is;
	} else {
		ret = wake_key(&key, (unsigned int)max(n, 1), FUTEX_BITSET_MATCH_ANY);
		if (is)
			ret += wake_key(&key2, (unsigned int)max(n2, 1), FUTEX_BITSET_MATCH_ANY);
	}
	drop_key(page2);
out:
	drop_key(page);
	return ret;
}

/* ------------------------------------------------------------------ locks with an owner */

static struct waiter *first_pi_waiter(const struct key *key)
{
	for_each_link(l, bucket_of(key))
	{
		struct waiter *w = link_entry(l, struct waiter, link);

		if (w->pi && same_key(&w->key, key))
			return w;
	}
	return NULL;
}

static void move_waiter(struct waiter *w, const struct key *to, struct page *page)
{
	link_remove(&w->link);
	if (page)
		get_page(page);
	drop_key(w->page);
	w->page = page;
	w->key = *to;
	link_add_before(&w->link, bucket_of(to));
}

/*
 * The word becomes t's, if nobody has it. 1: it is; 0: it is not, and says that somebody waits (wait), *owner has it; -EDEADLK: t has it
 * already; -ESRCH: who has it is not there.
 */
static long take_lock(unsigned long addr, struct task *t, bool wait, struct task **owner)
{
	u32 seen, want;
	int done;

	if (get_user(seen, addr))
		return -EFAULT;
	for (;;) {
		u32 tid = seen & FUTEX_TID_MASK;

		if (tid == (u32)task_vnr(t))
			return -EDEADLK;
		if (!tid)
			want = (u32)task_vnr(t) | (seen & (FUTEX_OWNER_DIED | FUTEX_WAITERS));
		else if (wait)
			want = seen | FUTEX_WAITERS;
		else
			return 0;
		if (tid) {
			*owner = task_find_v((int)tid);
			if (!*owner || (*owner)->exiting)
				return -ESRCH;
		}
		done = cmpxchg_user(addr, &seen, want);
		if (done)
			return done < 0 ? done : !tid;
	}
}

/* What its owner, t, gives up goes to who has waited longest, or to nobody. -EPERM: it is not t's; -EFAULT. */
static int hand_over(const struct word *word, const struct key *key, const struct task *t, u32 more)
{
	struct waiter *w = first_pi_waiter(key);
	u32 seen = (u32)task_vnr(t), val = more;
	int done;

	if (w) {
		link_remove(&w->link);
		val |= (u32)task_vnr(w->task);
		if (first_pi_waiter(key))
			val |= FUTEX_WAITERS;
	}
	do {
		done = (seen & FUTEX_TID_MASK) == (u32)task_vnr(t) ? word_cmpxchg(word, &seen, val)
								   : -EPERM;
	} while (!done);
	if (!w)
		return min(done, 0);
	if (done < 0) {
		link_add_before(&w->link, bucket_of(key)->next);
		return done;
	}
	w->woken = true;
	wake_up(w->task);
	return 0;
}

/* In the ring already, until the lock is handed over. */
static long wait_for_lock(struct waiter *w, u64 deadline)
{
	long ret = 0;

	while (!w->woken && !ret)
		ret = sleep_until(deadline);
	if (w->woken)
		return 0;
	link_remove(&w->link);
	return ret == -ERESTARTSYS ? -ERESTARTNOINTR : ret;
}

static long futex_lock_pi(unsigned long addr, bool shared, u64 deadline, bool try)
{
	struct waiter w = {.task = current, .pi = true};
	long ret = get_key(addr, shared, &w.key, &w.page);

	if (ret)
		return ret;
	ret = take_lock(addr, current, !try, &w.owner);
	if (ret == 0 && try) {
		ret = -EAGAIN;
	} else if (ret == 0) {
		w.owner->has_pi_waiters = true;
		link_init(&w.link);
		link_lend(&w.link, bucket_of(&w.key));
		ret = wait_for_lock(&w, deadline);
	} else if (ret > 0) {
		ret = 0;
	}
	drop_key(w.page);
	return ret;
}

static long futex_unlock_pi(unsigned long addr, bool shared)
{
	const struct word word = {.addr = addr};
	struct page *key_page;
	struct key key;
	long ret = get_key(addr, shared, &key, &key_page);

	if (ret)
		return ret;
	ret = hand_over(&word, &key, current, 0);
	drop_key(key_page);
	return ret;
}

static long futex_wait_requeue_pi(unsigned long addr, unsigned long addr2, bool shared, u32 val,
				  u64 deadline, u32 bitset)
{
	struct waiter w = {.task = current, .bitset = bitset};
	struct page *page2;
	struct key to;
	u32 now;
	long ret;

	if (addr == addr2 || !bitset)
		return -EINVAL;
	ret = get_key(addr2, shared, &to, &page2);
	if (ret)
		return ret;
	ret = get_key(addr, shared, &w.key, &w.page);
	if (ret) {
		drop_key(page2);
		return ret;
	}
	if (get_user(now, addr))
		ret = -EFAULT;
	else if (now != val)
		ret = -EAGAIN;
	if (!ret) {
		w.to = &to;
		link_init(&w.link);
		link_lend(&w.link, bucket_of(&w.key));
		ret = wait_for_lock(&w, deadline);
		/* Interrupted after it was moved: it would not find the word as it was. */
		if (ret == -ERESTARTNOINTR && !w.to)
			ret = -EAGAIN;
	}
	drop_key(w.page);
	drop_key(page2);
	return ret;
}

static long futex_cmp_requeue_pi(unsigned long from, unsigned long to, bool shared, int n_wake,
				 int n_move, u32 expected)
{
	struct key key_from, key_to;
	struct page *page_from, *page_to;
	u32 now;
	long ret, done = 0;

	if (from == to || n_wake != 1 || n_move < 0)
		return -EINVAL;
	ret = get_key(from, shared, &key_from, &page_from);
	if (ret)
		return ret;
	ret = get_key(to, shared, &key_to, &page_to);
	if (ret)
		goto out_from;
	if (get_user(now, from))
		ret = -EFAULT;
	else if (now != expected)
		ret = -EAGAIN;
	if (ret)
		goto out;
	for_each_link_safe(l, bucket_of(&key_from))
	{
		struct waiter *w = link_entry(l, struct waiter, link);

		if (done > n_move)
			break;
		if (!same_key(&w->key, &key_from))
			continue;
		if (!w->to || !same_key(w->to, &key_to)) {
			ret = -EINVAL;
			break;
		}
		ret = take_lock(to, w->task, true, &w->owner);
		if (ret < 0)
			break;
		w->to = NULL;
		if (ret) {
			wake_waiter(w);
		} else {
			w->pi = true;
			w->owner->has_pi_waiters = true;
			move_waiter(w, &key_to, page_to);
		}
		done++;
		ret = 0;
	}
out:
	drop_key(page_to);
out_from:
	drop_key(page_from);
	return ret ? ret : done;
}

/* An owner ends: what others wait for goes on to them, with a mark. */
static void hand_over_all(struct task *t)
{
	for (unsigned int i = 0; i < BUCKETS; i++) {
		bool again = buckets[i].next != NULL;

		while (again) {
			again = false;
			for_each_link(l, &buckets[i])
			{
				struct waiter *w = link_entry(l, struct waiter, link);
				const struct key key = w->key;
				struct page *page = w->page;
				const struct word word = {key.offset, w->task->mm, page};

				if (!w->pi || w->owner != t)
					continue;
				if (page)
					get_page(page);
				w->owner = NULL;
				(void)hand_over(&word, &key, t, FUTEX_OWNER_DIED);
				if (page)
					user_page_put(page);
				again = true;
				break;
			}
		}
	}
}

static bool takes_timeout(u32 cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI ||
	       cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
}

long call_futex(const struct syscall_args *r)
{
	u32 op = (u32)r->a[1], cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	unsigned long addr = word_address(r->a[0]), addr2 = word_address(r->a[4]);
	u32 val = (u32)r->a[2], val3 = (u32)r->a[5];
	u64 deadline = WAIT_FOREVER;

	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI &&
	    cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if (takes_timeout(cmd) && r->a[3]) {
		struct timespec64 ts;

		if (get_user(ts, r->a[3]))
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = timespec_ns(&ts);
		if (cmd == FUTEX_WAIT)
			deadline = add_ns(port_time_ns(), deadline);
		else if (op & FUTEX_CLOCK_REALTIME || cmd == FUTEX_LOCK_PI)
			deadline = realtime_to_mono(deadline);
		else
			deadline = time_ns_to_machine(1 /* CLOCK_MONOTONIC */, deadline);
	}
	switch (cmd) {
	case FUTEX_WAIT:
		return wait_or_restart(addr, shared, val, deadline, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return wait_or_restart(addr, shared, val, deadline, val3);
	case FUTEX_WAKE:
		return futex_wake(addr, shared, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, shared, val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, shared, (int)val, (int)r->a[3], NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, shared, (int)val, (int)r->a[3], &val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(addr, shared, deadline, cmd == FUTEX_TRYLOCK_PI);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(addr, addr2, shared, val, deadline,
					     FUTEX_BITSET_MATCH_ANY);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(addr, addr2, shared, (int)val, (int)r->a[3], val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, shared, (int)val, (int)r->a[3], val3);
	}
	return -ENOSYS;
}

/* ------------------------------------------------------------------ robust lists */

struct robust_list_head {
	u64 next;
	s64 futex_offset;
	u64 pending;
};

long call_set_robust_list(const struct syscall_args *r)
{
	if (r->a[1] != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = r->a[0];
	return 0;
}

long call_get_robust_list(const struct syscall_args *r)
{
	struct task *t = r->a[0] ? task_find_v((int)r->a[0]) : current;

	if (!t)
		return -ESRCH;
	if (ptrace_may_access(t))
		return -EPERM;
	if (put_user((u64)sizeof(struct robust_list_head), r->a[2]) ||
	    put_user((u64)t->robust_list, r->a[1]))
		return -EFAULT;
	return 0;
}

/* A lock of a thread that ends: its next owner is told, and woken. */
static void owner_died(unsigned long addr, int pid, bool pi, bool pending)
{
	u32 seen;

	if (addr & 3 || get_user(seen, addr))
		return;
	for (;;) {
		int done;

		/* Between unlocking and waking: somebody may wait for a wake that will not come. */
		if (pending && !(seen & FUTEX_TID_MASK)) {
			futex_wake_address(addr, 1);
			break;
		}
		if ((seen & FUTEX_TID_MASK) != (u32)pid)
			break;
		/* Its waiters get it in futex_exit, with the same mark. */
		if (pi && seen & FUTEX_WAITERS)
			break;
		done = cmpxchg_user(addr, &seen, (seen & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
		if (done > 0 && seen & FUTEX_WAITERS)
			futex_wake_address(addr, 1);
		if (done)
			break;
	}
}

void futex_exit(struct task *t)
{
	struct robust_list_head head;
	u64 entry, next;
	bool pi;

	if (!t->robust_list || get_user(head, t->robust_list))
		goto out;
	/* Bit 0 of a pointer says that the lock inherits priorities. */
	entry = head.next & ~1ULL;
	pi = head.next & 1;
	for (unsigned int i = 0; entry != t->robust_list && i < ROBUST_LIST_LIMIT; i++) {
		bool failed = get_user(next, entry);

		if (entry != (head.pending & ~1ULL))
			owner_died(entry + (u64)head.futex_offset, task_vnr(t), pi, false);
		if (failed)
			break;
		pi = next & 1;
		entry = next & ~1ULL;
	}
	if (head.pending & ~1ULL)
		owner_died((head.pending & ~1ULL) + (u64)head.futex_offset, task_vnr(t),
			   head.pending & 1, true);
out:
	t->robust_list = 0;
	if (t->has_pi_waiters)
		hand_over_all(t);
	t->has_pi_waiters = false;
}

/* ------------------------------------------------------------------ many at once */

struct waitv {
	u64 val, uaddr;
	u32 flags, reserved;
};

long call_futex_waitv(const struct syscall_args *r)
{
	unsigned int n = (unsigned int)r->a[1], i, added = 0;
	struct waiter *w;
	u64 deadline = WAIT_FOREVER;
	long ret = 0;

	if (r->a[2] || !n || n > FUTEX_WAITV_MAX || !r->a[0])
		return -EINVAL;
	if (r->a[3]) {
		struct timespec64 ts;

		if (r->a[4] > 1)
			return -EINVAL;
		if (get_user(ts, r->a[3]))
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = timespec_ns(&ts);
		if (!r->a[4])
			deadline = realtime_to_mono(deadline);
		else
			deadline = time_ns_to_machine((int)r->a[4], deadline);
	}
	w = kmalloc(n * sizeof(*w), GFP_KERNEL | __GFP_ZERO);
	if (!w)
		return -ENOMEM;
	for (i = 0; i < n && !ret; i++) {
		struct waitv v;
		u32 now;

		if (get_user(v, r->a[0] + i * sizeof(v))) {
			ret = -EFAULT;
			break;
		}
		if (v.reserved || v.flags & ~(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE) ||
		    (v.flags & FUTEX2_SIZE_MASK) != FUTEX2_SIZE_U32) {
			ret = -EINVAL;
			break;
		}
		w[i].task = current;
		w[i].bitset = FUTEX_BITSET_MATCH_ANY;
		link_init(&w[i].link);
		ret = get_key(word_address(v.uaddr), !(v.flags & FUTEX2_PRIVATE), &w[i].key,
			      &w[i].page);
		if (ret)
			break;
		added = i + 1;
		if (get_user(now, v.uaddr))
			ret = -EFAULT;
		else if (now != (u32)v.val)
			ret = -EAGAIN;
		else
			link_add_before(&w[i].link, bucket_of(&w[i].key));
	}
	for (;;) {
		for (i = 0; i < added; i++)
			if (w[i].woken) {
				ret = (long)i;
				goto out;
			}
		if (ret)
			break;
		ret = sleep_until(deadline);
	}
out:
	for (i = 0; i < added; i++) {
		link_remove(&w[i].link);
		drop_key(w[i].page);
	}
	kfree(w);
	return ret;
}
