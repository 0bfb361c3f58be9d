// SPDX-License-Identifier: MIT
/*
 * Waiting for a word in a program's memory (Linux: kernel/futex/; futex(2)).
 *
 * A word is known by its key: address space and address where nobody else sees the memory, page and offset where others may, by a
 * mapping of their own. Who waits on a page keeps it. Waiters stand in a table of rings by key, each on its own stack.
 *
 * Locking: kernel_lock, so that the look at the word and the sleep are one step to whoever wakes. Programs change the word without it, but then call
 * futex to wake. Two calls end without it, because they have nothing to do: a wait for a word that is not as expected, and a wake where nobody
 * waits. For the latter each bucket counts those that wait in it, or are about to look at their word:
 *
 *   who waits    W1 ++waiters   W2 full barrier   W3 look at the word; it is as expected: into the ring, sleep
 *   who wakes    K1 (the program) the word changes   K2 full barrier   K3 look at waiters; 0: done
 *
 * If K3 misses W1 then W3 sees K1. A waiter counts where it stands: one that is moved to another word's bucket is counted there before the
 * first lets go of it. Modelled in tests/models/futex.pml. Locks that have an owner are in futex_pi.c.
 */
#include <quire/page.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "futex.h"
#include "syscall.h"
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
#define FUTEX2_SIZE_MASK 3U
#define FUTEX2_SIZE_U32 2U
#define FUTEX2_PRIVATE 128U
#define FUTEX_WAITV_MAX 128U

struct bucket futex_buckets[FUTEX_BUCKETS];

static struct bucket *bucket_of(const struct key *k)
{
	unsigned long h = ((unsigned long)k->object >> 5) ^ (k->offset >> 2);

	return &futex_buckets[(h ^ h >> 8 ^ h >> 20) % FUTEX_BUCKETS];
}

/* Where those wait that have the key, and others. */
struct link *futex_ring(const struct key *k)
{
	struct link *ring = &bucket_of(k)->ring;

	if (!ring->next)
		link_init(ring);
	return ring;
}

/* W1 and W2: before the look at the word. Once more: at another key's. */
void futex_count(struct waiter *w)
{
	struct bucket *b = bucket_of(&w->key), *was = w->counted;

	if (b == was)
		return;
	__atomic_fetch_add(&b->waiters, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (was)
		__atomic_fetch_sub(&was->waiters, 1, __ATOMIC_RELEASE);
	w->counted = b;
}

/* It does not wait any more, or never did. */
void futex_uncount(struct waiter *w)
{
	if (w->counted)
		__atomic_fetch_sub(&w->counted->waiters, 1, __ATOMIC_RELEASE);
	w->counted = NULL;
}

/* K2 and K3: the caller's program has changed the word. */
static bool nobody_waits(const struct key *k)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !__atomic_load_n(&bucket_of(k)->waiters, __ATOMIC_RELAXED);
}

/* Without a tag, if the program may give one. */
static unsigned long word_address(u64 addr)
{
	unsigned long a = addr;

	(void)user_range(&a, sizeof(u32));
	return a;
}

long futex_key(unsigned long addr, bool shared, enum futex_access access, struct key *key,
	       struct page **page)
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
	if (!*page && access == FUTEX_READ)
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

void futex_drop_key(struct page *page)
{
	if (page)
		user_page_put(page);
}

/* ------------------------------------------------------------------ waking */

void futex_wake_waiter(struct waiter *w)
{
	link_remove(&w->link);
	w->woken = true;
	wake_up(w->task);
}

static long wake_key(const struct key *key, unsigned int n, u32 bitset)
{
	struct link *head = futex_ring(key);
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
		futex_wake_waiter(w);
		done++;
	}
	return done;
}

static long futex_wake(unsigned long addr, bool shared, unsigned int n, u32 bitset)
{
	struct key key;
	struct page *page;
	long ret = futex_key(addr, shared, FUTEX_READ, &key, &page);

	if (!bitset)
		return -EINVAL;
	if (ret)
		return ret;
	/* Linux wakes one when asked for none, and for less. */
	ret = wake_key(&key, (int)n < 1 ? 1 : n, bitset);
	futex_drop_key(page);
	return ret;
}

long futex_wake_address(unsigned long addr, unsigned int n)
{
	return futex_wake(addr, true, n, FUTEX_BITSET_MATCH_ANY);
}

/* ------------------------------------------------------------------ waiting */

long futex_wait_setup(struct waiter *w, unsigned long addr, u32 val)
{
	u32 now;

	futex_count(w);
	if (get_user(now, addr))
		return -EFAULT;
	if (now != val)
		return -EAGAIN;
	link_init(&w->link);
	link_lend(&w->link, futex_ring(&w->key));
	return 0;
}

static long futex_wait(unsigned long addr, bool shared, u32 val, u64 deadline, u32 bitset)
{
	struct waiter w = {.task = current, .bitset = bitset};
	long ret;

	if (!bitset)
		return -EINVAL;
	ret = futex_key(addr, shared, FUTEX_READ, &w.key, &w.page);
	if (ret)
		return ret;
	ret = futex_wait_setup(&w, addr, val);
	if (!ret) {
		while (!w.woken && !ret)
			ret = sleep_until(deadline);
		if (w.woken)
			ret = 0;
		else
			link_remove(&w.link);
	}
	futex_uncount(&w);
	futex_drop_key(w.page);
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
	ret = futex_key(from, shared, FUTEX_READ, &key_from, &page_from);
	if (ret)
		return ret;
	ret = futex_key(to, shared, FUTEX_READ, &key_to, &page_to);
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
	for_each_link_safe(l, futex_ring(&key_from))
	{
		struct waiter *w = link_entry(l, struct waiter, link);

		if (!same_key(&w->key, &key_from))
			continue;
		if (w->pi || w->to) {
			ret = -EINVAL;
			break;
		}
		if (ret < n_wake) {
			futex_wake_waiter(w);
		} else if (ret < (long)n_wake + n_move) {
			if (!same_key(&key_from, &key_to)) {
				link_remove(&w->link);
				if (page_to)
					get_page(page_to);
				futex_drop_key(w->page);
				w->page = page_to;
				w->key = key_to;
				futex_count(w);
				link_add_before(&w->link, futex_ring(&key_to));
			}
		} else {
			break;
		}
		ret++;
	}
out:
	futex_drop_key(page_to);
out_from:
	futex_drop_key(page_from);
	return ret;
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
	long ret = futex_key(addr, shared, FUTEX_READ, &key, &page), is;

	if (ret)
		return ret;
	ret = futex_key(addr2, shared, FUTEX_WRITE, &key2, &page2);
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
	futex_drop_key(page2);
out:
	futex_drop_key(page);
	return ret;
}

static bool takes_timeout(u32 cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI ||
	       cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
}

static long futex_locked(const struct syscall_args *r)
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

/*
 * A wait or wake that has nothing to do: its result is in *ret. It is looked at without kernel_lock; what it sees is no older than the
 * call, and that is all that a look under the lock could say.
 */
static bool nothing_to_do(u32 cmd, unsigned long addr, bool shared, u32 val, u32 bitset, long *ret)
{
	struct page *page;
	struct key key;
	u32 now;

	if (!bitset)
		return false;
	*ret = futex_key(addr, shared, FUTEX_READ, &key, &page);
	if (*ret)
		return true;
	if (cmd == FUTEX_WAKE) {
		*ret = 0;
		futex_drop_key(page);
		return nobody_waits(&key);
	}
	futex_drop_key(page);
	*ret = get_user(now, addr) ? -EFAULT : -EAGAIN;
	return *ret == -EFAULT || now != val;
}

long call_futex(const struct syscall_args *r)
{
	u32 cmd = (u32)r->a[1] & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(r->a[1] & FUTEX_PRIVATE_FLAG),
	     wake = cmd == FUTEX_WAKE || cmd == FUTEX_WAKE_BITSET;
	long ret;

	/* A time has to be looked at first. */
	if (!(r->a[1] & FUTEX_CLOCK_REALTIME) &&
	    (wake || ((cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET) && !r->a[3])) &&
	    nothing_to_do(
		    wake ? FUTEX_WAKE : FUTEX_WAIT, word_address(r->a[0]), shared, (u32)r->a[2],
		    cmd == FUTEX_WAIT || cmd == FUTEX_WAKE ? FUTEX_BITSET_MATCH_ANY : (u32)r->a[5],
		    &ret))
		return ret;
	kernel_lock();
	ret = futex_locked(r);
	kernel_unlock();
	return ret;
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
		ret = futex_key(word_address(v.uaddr), !(v.flags & FUTEX2_PRIVATE), FUTEX_READ,
				&w[i].key, &w[i].page);
		if (ret)
			break;
		added = i + 1;
		futex_count(&w[i]);
		if (get_user(now, v.uaddr))
			ret = -EFAULT;
		else if (now != (u32)v.val)
			ret = -EAGAIN;
		else
			link_add_before(&w[i].link, futex_ring(&w[i].key));
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
		futex_uncount(&w[i]);
		futex_drop_key(w[i].page);
	}
	kfree(w);
	return ret;
}
