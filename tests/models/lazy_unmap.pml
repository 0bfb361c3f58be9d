/* SPDX-License-Identifier: MIT */
/* mutations: NO_FLUSH UNMAP_AFTER_RELEASE NO_DSB FLUSH_WITHOUT_LOCK */
/* about: mm/kmem/vmalloc.c, addresses that are unmapped at once and flushed from the TLBs together, later */
/*
 * Property: who gets an address that was in use before finds no translation of the former use in any TLB, and an address has one
 * user at a time.
 *
 * One address. Page table: which use it is mapped for, 0 for none. A CPU's TLB takes in what the table says at any time, and
 * keeps it until it is flushed. Stores to the table may be visible to the walkers late, until a DSB: `pending`.
 * Users get the address, map, unmap and release it (vfree); whoever finds no address free purges.
 * Bound: two users, one of them twice; one TLB.
 */
byte table, pending_value, tlb;
bool pending;
byte use;			/* number of the present use: each has its own pages */
bool in_use, is_free = true, is_lazy;
bool vm_lock;
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

/* vm_lock held. */
inline purge()
{
	if
	:: is_lazy ->
#ifdef FLUSH_WITHOUT_LOCK
		/* The list is emptied first, and flushed when others may have it. */
		is_lazy = false;
		is_free = true;
		unlock();
		flush();
		lock()
#else
		flush();
		is_lazy = false;
		is_free = true
#endif
	:: else
	fi
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
		lock();
		purge();
		if
		:: is_free ->
			is_free = false;
			got = true;
			assert(!in_use);
			in_use = true;
			use++;
			my = use
		:: else
		fi;
		unlock();
		/* Wait until something changes: not a step of the program. */
		if
		:: got
		:: !got && (is_free || is_lazy)
		fi
	od
}

inline release()
{
	lock();
	is_lazy = true;
	/* Perhaps too many are lazy. */
	if
	:: purge()
	:: true
	fi;
	unlock()
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
	byte my;
	bool got;

	do
	:: rounds == 0 -> break
	:: else ->
		rounds--;
		get_area();
		/* Nothing of an earlier use is left. */
		assert(tlb == 0);
		set_table(my);
		/* An access: what the TLB has is ours. */
		if
		:: tlb != 0 -> assert(tlb == my)
		:: else
		fi;
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
