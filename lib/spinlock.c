// SPDX-License-Identifier: MIT
/*
 * Waiting for a spinlock: tickets. See <quire/spinlock.h> for the word.
 *
 *	serve(t):  held = 0 and served = t  ->  held = 1, served = t + 1;  and when that was the last ticket drawn, all of it is 1
 *
 *
 *	draw:      next + 1;  and held = 0, if who draws has just set it though tickets were out (spin_lock's short way)
 *
 * The bit has one owner at a time, so `serve`, which wants it clear, is of one ticket only, and a ticket is served once. Putting
 * the tickets back to 0 is safe: served = next means that none is outstanding. An owner by accident keeps the next one from
 * being served for as long as it takes to draw, and does so once, since then he waits himself.
 */
#include <quire/printk.h>
#include <quire/smp.h>
#include <quire/spinlock.h>

#define HELD SPINLOCK_HELD
#define ONE_NEXT (1U << SPINLOCK_NEXT_SHIFT)
/* A lock that has not changed hands for so long is not going to. */
#define STUCK_NS 20000000000ULL
#define LOOK_AT_CLOCK 0xffffU

static u32 served(u32 word)
{
	return word >> SPINLOCK_SERVED_SHIFT & SPINLOCK_TICKETS;
}

static u32 next_ticket(u32 word)
{
	return word >> SPINLOCK_NEXT_SHIFT;
}

/* The word when the ticket after the one being served comes up, and its holder has the lock. */
static u32 serve(u32 word)
{
	u32 after = (served(word) + 1) & SPINLOCK_TICKETS;

	if (after == next_ticket(word))
		return HELD;
	return next_ticket(word) << SPINLOCK_NEXT_SHIFT | after << SPINLOCK_SERVED_SHIFT | HELD;
}

void spin_lock_wait(spinlock_t *l, u32 old)
{
	/* A bit that was set before is the holder's. */
	u32 draw = old & HELD ? ONE_NEXT : ONE_NEXT - HELD;
	u32 word = __atomic_fetch_add(&l->word, draw, __ATOMIC_RELAXED);
	const u32 mine = next_ticket(word);
	u32 turns = 0, seen = 0;
	u64 since = 0, now;

	for (;;) {
		word = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
		if (!(word & HELD) && served(word) == mine) {
			if (__atomic_compare_exchange_n(&l->word, &word, serve(word), true,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
			continue;
		}
		smp_hold_point();
		port_cpu_relax();
		if (++turns & LOOK_AT_CLOCK)
			continue;
		now = port_time_ns();
		if (!since || served(word) != seen) {
			seen = served(word);
			since = now;
		} else if (now - since > STUCK_NS) {
			printk_lock_stuck(l, (now - since) / 1000000000);
			since = now;
		}
	}
}
