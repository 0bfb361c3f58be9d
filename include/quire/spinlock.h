/* SPDX-License-Identifier: MIT */
/*
 * A ticket-free test-and-set lock for short sections. Not fair; the fair lock comes with the secondary CPUs.
 * Lock order is in docs/architecture.md.
 */
#ifndef QUIRE_SPINLOCK_H
#define QUIRE_SPINLOCK_H

#include <quire/port.h>

typedef struct {
	u32 locked;
} spinlock_t;

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

static inline bool spin_trylock(spinlock_t *l)
{
	return __atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_lock(spinlock_t *l)
{
	while (unlikely(!spin_trylock(l)))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			port_cpu_relax();
}

static inline void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
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
