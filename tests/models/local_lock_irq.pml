/* SPDX-License-Identifier: MIT */
/* mutations: NO_BUSY_CHECK NO_UNDO BUSY_LATE */
/* about: include/quire/local_lock.h, the owner's interrupts */
/*
 * Property: an interrupt that comes between any two instructions of its CPU's use of a lock, and tries it too, adds to x either
 * wholly before, wholly after or not at all; the lock is free at the end.
 *
 * A processor sees its own accesses in program order, also across an interrupt, so that these are one after the other here; what the
 * remote needs beyond that is in local_lock.pml. The owner stands still while the interrupt runs; the remote does not.
 * Bound: two uses by the owner, two interrupts, one by the remote.
 */
byte x, added, wanted, busy, ended;
bool in_irq;

/* An addition under the lock, if it can be had. v: what was loaded. */
inline use(v)
{
#ifndef NO_BUSY_CHECK
	if
	:: busy -> goto out
	:: else
	fi;
#endif
#ifdef BUSY_LATE
	if
	:: wanted -> goto out
	:: else
	fi;
	busy = 1;
#else
	busy = 1;
	if
	:: wanted ->
#ifndef NO_UNDO
		busy = 0;
#endif
		goto out
	:: else
	fi;
#endif
	v = x;
	x = v + 1;
	added++;
	busy = 0
}

active proctype owner() provided (!in_irq)
{
	byte n, v;

	do
	:: n == 2 -> break
	:: else ->
		n++;
		use(v);
out:
		skip
	od;
	ended++
}

active proctype interrupt()
{
	byte n, v;

	do
	:: n == 2 -> break
	:: else ->
		n++;
		in_irq = true;
		use(v);
out:
		in_irq = false
	od;
	ended++
}

active proctype remote()
{
	byte v;

	wanted = 1;
	busy == 0;
	v = x;
	x = v + 1;
	added++;
	wanted = 0;
	ended++
}

active proctype end()
{
	ended == 3 -> assert(x == added && !busy)
}
