/* SPDX-License-Identifier: MIT */
/*
 * A fair lock for short sections, in one word.
 *
 *	bit 0		somebody holds it
 *	bits 8..19	the ticket that is served next
 *	bits 20..31	the ticket that the next one who has to wait will draw
 *
 * Nobody waits: the word is 0 or 1. Taking it sets the bit and looks at what was there, freeing it stores a byte; on a board with
 * LSE three instructions (Linux's pair: seven). Who did not find 0 draws a ticket, and is served in the order of
 * tickets: the word is not 0 as long as one is drawn, so that nobody overtakes by the short way. He may have set the bit in
 * the moment between a release and the turn of who waits; then he has the lock without being next, and gives the bit back in the step
 * that draws his ticket. The last one served puts the tickets back to 0. 12 bits: 256 CPUs with three contexts each that wait
 * are 768.
 *
 * Invariant: who found the bit clear when he set it, or sets it with his turn, owns it until he clears it; nobody else does.
 *
 * Linux queues waiters (MCS), each spinning on its own cache line; here all look at the lock's. Which of the two is cheaper shows
 * beyond some ten CPUs that wait for one lock; this one needs no node, so it may be taken in any context and by
 * threads that are no CPU. Lock order is in docs/architecture.md.
 */
#ifndef QUIRE_SPINLOCK_H
#define QUIRE_SPINLOCK_H

#include <quire/port.h>

typedef union {
	u32 word;
	u8 bytes[4]; /* [0] with the holder's bit: little-endian machines only */
} spinlock_t;

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

#define SPINLOCK_HELD 1U
#define SPINLOCK_SERVED_SHIFT 8
#define SPINLOCK_NEXT_SHIFT 20
#define SPINLOCK_TICKETS 0xfffU

/* lib/spinlock.c: the bit has been set in `old`, which was not 0. Give it back if it is this CPU's, draw a ticket and wait for the turn. */
void spin_lock_wait(spinlock_t *l, u32 old);

static __always_inline void spin_lock(spinlock_t *l)
{
	u32 old = port_fetch_or_acquire(&l->word, SPINLOCK_HELD);

	if (unlikely(old))
		spin_lock_wait(l, old);
}

static __always_inline void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->bytes[0], 0, __ATOMIC_RELEASE);
}

/* True: it is the caller's. False: somebody holds it or waits for it. */
static __always_inline bool spin_trylock(spinlock_t *l)
{
	u32 old;

	if (__atomic_load_n(&l->word, __ATOMIC_RELAXED))
		return false;
	old = port_fetch_or_acquire(&l->word, SPINLOCK_HELD);
	if (unlikely(old) && !(old & SPINLOCK_HELD))
		spin_unlock(l); /* free, but somebody else's turn: given back */
	return !old;
}

static inline bool spin_is_locked(const spinlock_t *l)
{
	return __atomic_load_n(&l->word, __ATOMIC_RELAXED) & SPINLOCK_HELD;
}

/* How many wait for it. */
static inline unsigned int spin_waiters(const spinlock_t *l)
{
	u32 word = __atomic_load_n(&l->word, __ATOMIC_RELAXED);

	return ((word >> SPINLOCK_NEXT_SHIFT) - (word >> SPINLOCK_SERVED_SHIFT)) & SPINLOCK_TICKETS;
}

static inline unsigned long spin_lock_irqsave(spinlock_t *l)
{
	unsigned long flags = port_irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags)
{
	spin_unlock(l);
	port_irq_restore(flags);
}

#endif
