// SPDX-License-Identifier: MIT
/*
 * Futexes with an owner (Linux: kernel/futex/pi.c, requeue.c, and the robust lists of core.c).
 *
 * Locks that inherit priority (FUTEX_LOCK_PI and kin) are handed from owner to waiter in the order in which they came. There are no
 * priorities to inherit (kernel/sched.c). Robust lists: the locks of a thread that ends are marked, and their next owners told.
 * Locking: kernel_lock.
 */
#include <quire/page.h>
#include <quire/string.h>

#include "futex.h"
#include "pid.h"
#include "ptrace.h"
#include "syscall.h"

#define FUTEX_WAITERS 0x80000000U
#define FUTEX_OWNER_DIED 0x40000000U
#define FUTEX_TID_MASK 0x3fffffffU
#define ROBUST_LIST_LIMIT 2048U

/*
 * A word that the kernel changes: of the running program; of another one, by its address space; of a page that is kept, which nobody
 * copies on writing, and which the program could write when it began to wait.
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

/* ------------------------------------------------------------------ locks with an owner */

static struct waiter *first_pi_waiter(const struct key *key)
{
	for_each_link(l, futex_ring(key))
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
	futex_drop_key(w->page);
	w->page = page;
	w->key = *to;
	futex_count(w);
	link_add_before(&w->link, futex_ring(to));
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
		link_add_before(&w->link, futex_ring(key)->next);
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

long futex_lock_pi(unsigned long addr, bool shared, u64 deadline, bool try)
{
	struct waiter w = {.task = current, .pi = true};
	long ret = futex_key(addr, shared, FUTEX_WRITE, &w.key, &w.page);

	if (ret)
		return ret;
	futex_count(&w);
	ret = take_lock(addr, current, !try, &w.owner);
	if (ret == 0 && try) {
		ret = -EAGAIN;
	} else if (ret == 0) {
		w.owner->has_pi_waiters = true;
		link_init(&w.link);
		link_lend(&w.link, futex_ring(&w.key));
		ret = wait_for_lock(&w, deadline);
	} else if (ret > 0) {
		ret = 0;
	}
	futex_uncount(&w);
	futex_drop_key(w.page);
	return ret;
}

long futex_unlock_pi(unsigned long addr, bool shared)
{
	const struct word word = {.addr = addr};
	struct page *key_page;
	struct key key;
	u32 now;
	long ret;

	/* Before the look at what may be done with its page. */
	if (get_user(now, addr))
		return -EFAULT;
	if ((now & FUTEX_TID_MASK) != (u32)task_vnr(current))
		return -EPERM;
	ret = futex_key(addr, shared, FUTEX_WRITE, &key, &key_page);
	if (ret)
		return ret;
	ret = hand_over(&word, &key, current, 0);
	futex_drop_key(key_page);
	return ret;
}

long futex_wait_requeue_pi(unsigned long addr, unsigned long addr2, bool shared, u32 val,
			   u64 deadline, u32 bitset)
{
	struct waiter w = {.task = current, .bitset = bitset};
	struct page *page2;
	struct key to;
	long ret;

	if (addr == addr2 || !bitset)
		return -EINVAL;
	ret = futex_key(addr2, shared, FUTEX_WRITE, &to, &page2);
	if (ret)
		return ret;
	ret = futex_key(addr, shared, FUTEX_READ, &w.key, &w.page);
	if (ret) {
		futex_drop_key(page2);
		return ret;
	}
	w.to = &to;
	ret = futex_wait_setup(&w, addr, val);
	if (!ret) {
		ret = wait_for_lock(&w, deadline);
		/* Interrupted after it was moved: it would not find the word as it was. */
		if (ret == -ERESTARTNOINTR && !w.to)
			ret = -EAGAIN;
	}
	futex_uncount(&w);
	futex_drop_key(w.page);
	futex_drop_key(page2);
	return ret;
}

long futex_cmp_requeue_pi(unsigned long from, unsigned long to, bool shared, int n_wake, int n_move,
			  u32 expected)
{
	struct key key_from, key_to;
	struct page *page_from, *page_to;
	u32 now;
	long ret, done = 0;

	if (from == to || n_wake != 1 || n_move < 0)
		return -EINVAL;
	ret = futex_key(from, shared, FUTEX_READ, &key_from, &page_from);
	if (ret)
		return ret;
	ret = futex_key(to, shared, FUTEX_WRITE, &key_to, &page_to);
	if (ret)
		goto out_from;
	if (get_user(now, from))
		ret = -EFAULT;
	else if (now != expected)
		ret = -EAGAIN;
	if (ret)
		goto out;
	for_each_link_safe(l, futex_ring(&key_from))
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
			futex_wake_waiter(w);
		} else {
			w->pi = true;
			w->owner->has_pi_waiters = true;
			move_waiter(w, &key_to, page_to);
		}
		done++;
		ret = 0;
	}
out:
	futex_drop_key(page_to);
out_from:
	futex_drop_key(page_from);
	return ret ? ret : done;
}

/* An owner ends: what others wait for goes on to them, with a mark. */
static void hand_over_all(struct task *t)
{
	for (unsigned int i = 0; i < FUTEX_BUCKETS; i++) {
		bool again = futex_buckets[i].ring.next != NULL;

		while (again) {
			again = false;
			for_each_link(l, &futex_buckets[i].ring)
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
