/* SPDX-License-Identifier: MIT */
/*
 * A lock for per-CPU data: free for the CPU that owns the data, dear for anybody else.
 *
 * The owner takes it by plain loads and stores, no atomic operation and no barrier:
 *
 *	owner					remote
 *	busy? then give up			wanted = 1
 *	busy = 1				smp_membarrier()
 *	wanted? then busy = 0, give up		while (busy) wait
 *	... the data ...			smp_membarrier()
 *	busy = 0				... the data ...
 *						smp_membarrier()
 *						wanted = 0
 *
 * The remote's membarriers stand for the barriers that the owner leaves out, as every CPU passes a full barrier between
 * two instructions while one runs. After the first, either the owner's busy = 1 is visible to the remote, or the owner's look at
 * `wanted` comes later and sees 1. After the second, what the owner did before busy = 0 is visible. And an owner
 * that sees wanted = 0 again looked after the third, and sees what the remote did. tests/models/local_lock.pml is this in
 * Promela. (ThreadSanitizer does not know such barriers: for it the same points are acquires and releases.)
 *
 * An interrupt on the owner's CPU that finds busy set goes another way (as after a failed trylock); one that comes
 * between the owner's load and store of busy leaves it as it found it. So the owner need not turn interrupts off.
 *
 * Remotes of one lock are kept apart by a lock of their own. A CPU takes its own data's lock by remote_lock() as well when it
 * has to have it, not in interrupt context and not while it holds it.
 */
#ifndef QUIRE_LOCAL_LOCK_H
#define QUIRE_LOCAL_LOCK_H

#include <quire/local_lock_types.h>
#include <quire/smp.h>

/* Plain accesses, which take an offset where atomic ones want the address in a register; words, which need no extension. */
#define LOCAL_LOAD(x) READ_ONCE(x)
#define LOCAL_STORE(x, v) WRITE_ONCE(x, v)
#ifdef QUIRE_TSAN
#undef LOCAL_LOAD
#undef LOCAL_STORE
#define LOCAL_LOAD(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define LOCAL_STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#endif

static __always_inline void local_unlock(struct local_lock *l)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	LOCAL_STORE(l->busy, 0);
}

/* On the owner's CPU. False: an interrupt came into its use, or a remote has it. */
static __always_inline bool local_trylock(struct local_lock *l)
{
	if (unlikely(LOCAL_LOAD(l->busy)))
		return false;
	LOCAL_STORE(l->busy, 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(LOCAL_LOAD(l->wanted))) {
		local_unlock(l);
		return false;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return true;
}

/*
 * Not with interrupts off. Several at once: announce each, smp_membarrier(), wait for each by __remote_lock_wait,
 * smp_membarrier(); and after the work smp_membarrier(), __remote_unlock of each.
 */
static inline void remote_lock_announce(struct local_lock *l)
{
	__atomic_store_n(&l->wanted, 1, __ATOMIC_RELAXED);
}

static inline void __remote_lock_wait(struct local_lock *l)
{
	while (__atomic_load_n(&l->busy, __ATOMIC_ACQUIRE))
		smp_wait_relax();
}

static inline void remote_lock_wait(struct local_lock *l)
{
	__remote_lock_wait(l);
	smp_membarrier();
}

static inline void remote_lock(struct local_lock *l)
{
	remote_lock_announce(l);
	smp_membarrier();
	remote_lock_wait(l);
}

static inline void __remote_unlock(struct local_lock *l)
{
	__atomic_store_n(&l->wanted, 0, __ATOMIC_RELEASE);
}

static inline void remote_unlock(struct local_lock *l)
{
	smp_membarrier();
	__remote_unlock(l);
}

#endif
