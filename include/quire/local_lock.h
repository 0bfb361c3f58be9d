/* SPDX-License-Identifier: MIT */
/*
 * A lock for per-CPU data: free for the CPU that owns the data, dear for anybody else.
 *
 * The owner takes it by plain loads and stores, no atomic operation and no barrier:
 *
 *	owner					remote
 *	busy = 1				wanted = 1
 *	(compiler barrier)			smp_membarrier()
 *	wanted? then busy = 0, give up		while (busy) wait
 *	... the data ...			... the data ...
 *	busy = 0 (release)			wanted = 0 (release)
 *
 * The remote's membarrier stands for the barrier that the owner leaves out: when it has returned, either the owner's
 * busy = 1 is visible to the remote, or the owner's look at `wanted` comes later and sees 1. tests/models/local_lock.pml is
 * this in Promela.
 *
 * An interrupt on the owner's CPU that finds busy set goes another way (as after a failed trylock); one that comes
 * between the owner's load and store of busy leaves both as it found them. So the owner need not turn interrupts off.
 *
 * Remotes of one lock are kept apart by a lock of their own. A CPU takes its own data's lock by remote_lock() as well when it
 * has to have it, not in interrupt context and not while it holds it.
 */
#ifndef QUIRE_LOCAL_LOCK_H
#define QUIRE_LOCAL_LOCK_H

#include <quire/smp.h>

struct local_lock {
	u8 busy;
	u8 wanted;
};

/* On the owner's CPU. False: an interrupt came into its use, or a remote has it. */
static __always_inline bool local_trylock(struct local_lock *l)
{
	if (unlikely(READ_ONCE(l->busy)))
		return false;
	__atomic_store_n(&l->busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&l->wanted, __ATOMIC_ACQUIRE))) {
		__atomic_store_n(&l->busy, 0, __ATOMIC_RELEASE);
		return false;
	}
	return true;
}

static __always_inline void local_unlock(struct local_lock *l)
{
	__atomic_store_n(&l->busy, 0, __ATOMIC_RELEASE);
}

/* Not with interrupts off. Several at once: announce each, one smp_membarrier(), then wait for each. */
static inline void remote_lock_announce(struct local_lock *l)
{
	__atomic_store_n(&l->wanted, 1, __ATOMIC_RELAXED);
}

static inline void remote_lock_wait(struct local_lock *l)
{
	while (__atomic_load_n(&l->busy, __ATOMIC_ACQUIRE))
		port_cpu_relax();
}

static inline void remote_lock(struct local_lock *l)
{
	remote_lock_announce(l);
	smp_membarrier();
	remote_lock_wait(l);
}

static inline void remote_unlock(struct local_lock *l)
{
	__atomic_store_n(&l->wanted, 0, __ATOMIC_RELEASE);
}

#endif
