/* SPDX-License-Identifier: MIT */
/* mutations: NO_FLUSH UNMAP_AFTER_RELEASE NO_DSB FREE_BEFORE_FLUSH GIVE_UP_EARLY */
/* about: mm/kmem/vmalloc.c, addresses that are unmapped at once and flushed from the TLBs together, later */
/*
 * Property: who gets an address that was in use before finds no translation of the former use in any TLB, and an address has one
 * user at a time.
 *
 * One address. Page table: which use it is mapped for, 0 for none. A CPU's TLB takes in what the table says at any time, and
 * keeps it until it is flushed. Stores to the table may be visible to the walkers late, until a DSB: `pending`.
 * Users get the address, map, unmap and release it (vfree); whoever finds no address free purges: takes what is lazy off the list under
 * vm_lock, flushes without it, and frees under it again, all of it under purge_lock. Who finds nothing to purge is served by
 * another one's purge, which he waits for by that lock: so an address that nobody has had since he came is found.
 * Bound: two users, one of them twice; one TLB.
 */
byte table, pending_value, tlb;
bool pending;
byte use;			/* number of the present use: each has its own pages */
bool in_use, is_free = true, is_lazy;
bool vm_lock, purge_lock;
byte using;			/* who has the address, until it is lazy */
byte ended;

inline lock()
{
	atomic { !vm_lock -> vm_lock = true }
}
inline unlock()
{
	vm_lock = false
}

/* A store to the table, and the barrier that follows it (port_pte_barrier, and the one before a TLBI). */
inline set_table(v)
{
#ifdef NO_DSB
	atomic { !pending -> pending = true; pending_value = v }
#else
	table = v
#endif
}

inline flush()
{
#ifdef NO_FLUSH
	skip
#else
	tlb = 0
#endif
}

/* purge_lock held. */
inline purge()
{
	lock();
	detached = is_lazy;
	is_lazy = false;
	unlock();
#ifdef FREE_BEFORE_FLUSH
	if
	:: detached -> lock(); is_free = true; unlock()
	:: else
	fi;
	flush();
#else
	flush();
	if
	:: detached -> lock(); is_free = true; unlock()
	:: else
	fi;
#endif
	detached = false
}

inline lock_purge()
{
	atomic { !purge_lock -> purge_lock = true }
}

inline take()
{
	lock();
	if
	:: is_free ->
		is_free = false;
		got = true;
		assert(!in_use);
		in_use = true;
		using++;
		use++;
		my = use
	:: else
	fi;
	unlock()
}

/* The walker of a CPU that reads there, perhaps only by speculation. */
active proctype mmu()
{
end:
	do
	:: atomic { tlb == 0 && table != 0 -> tlb = table }
	:: atomic { pending -> table = pending_value; pending = false }
	od
}

inline get_area()
{
	got = false;
	do
	:: got -> break
	:: else ->
		atomic { start = use; others = using }
		take();
		if
		:: got
		:: else ->
#ifndef GIVE_UP_EARLY
			lock_purge();
			purge();
			purge_lock = false;
#endif
			take();
			/* Or somebody has had it meanwhile. */
			assert(got || others || use != start);
			/* There is none: not before one is released is it tried again. */
			if
			:: got
			:: !got && (is_free || is_lazy || purge_lock)
			fi
		fi
	od
}

inline release()
{
	lock();
	is_lazy = true;
	using--;
	unlock();
	/* Perhaps too many are lazy, and nobody is at it. */
	if
	:: atomic { !purge_lock -> purge_lock = true };
		purge();
		purge_lock = false
	:: true
	fi
}

inline vfree()
{
	in_use = false;
#ifdef UNMAP_AFTER_RELEASE
	release();
	set_table(0)
#else
	set_table(0);
	release()
#endif
}

proctype user(byte rounds)
{
	byte my, others, start;
	bool got, detached;

	do
	:: rounds == 0 -> break
	:: else ->
		rounds--;
		get_area();
		/* Nothing of an earlier use is left. */
		assert(tlb == 0);
		set_table(my);
		/* An access: what the TLB has is ours. */
		assert(tlb == 0 || tlb == my);
		vfree()
	od;
	ended++
}

init {
	atomic {
		run user(2);
		run user(1)
	}
	ended == 2
}
