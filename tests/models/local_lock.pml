/* SPDX-License-Identifier: MIT */
/* mutations: NO_BARRIER1 NO_BARRIER2 NO_BARRIER3 NO_SECOND_LOOK NO_WAIT */
/* about: include/quire/local_lock.h, an owner without barriers against a remote with three */
/*
 * Property: both add 1 to x as often as they have the lock, and no addition is lost; nobody waits for ever.
 *
 * Promela runs one statement after another; what the processor may do is written out. An owner's round is six accesses, each
 * performed at a moment of its own, in any order that the architecture allows for plain loads and stores:
 *
 *   S1 busy = 1     L2 wanted?     D3 load x     S4 store x + 1     S5 busy = 0     then the next round's S1 ...
 *
 * Loads go ahead of earlier loads and stores; stores to different places change places; a store is not performed before the branch
 * that it hangs on is decided (L2 before S4 and S5), nor x + 1 stored before x is loaded; accesses to one place keep
 * their order. smp_membarrier() interrupts the owner between two instructions with a full barrier: at that moment exactly the accesses
 * before that place have been performed. So it waits until what has been performed is a beginning of the program.
 *
 * The remote's own accesses are one after the other: its membarrier is a full barrier to itself as well.
 * Bound: two rounds of the owner, two of the remote.
 */
#define ROUNDS 2

byte x, wanted, busy;
byte added;			    /* what x should be */
bool done;			    /* the remote has ended */
bool s1[ROUNDS], l2[ROUNDS], d3[ROUNDS], s4[ROUNDS], s5[ROUNDS];
bool refused[ROUNDS];		    /* L2 saw 1 */
byte value[ROUNDS];		    /* what D3 loaded */

/* Round r has been performed as a whole. A round that was refused has no S4; its D3 came to nothing. */
#define WHOLE(r) (s1[r] && l2[r] && d3[r] && s4[r] && s5[r])
#define NOTHING(r) (!s1[r] && !l2[r] && !d3[r] && !s4[r] && !s5[r])
/* A beginning of round r: nothing performed behind a place where something is missing. */
#define BEGUN(r)                                                                                                      \
	((s1[r] || !(l2[r] || d3[r] || s4[r] || s5[r])) && (l2[r] || !(d3[r] || s4[r] || s5[r])) &&                   \
	 (d3[r] || !(s4[r] || s5[r])) && (s4[r] || !s5[r]))
#define BETWEEN_TWO ((BEGUN(0) && NOTHING(1)) || (WHOLE(0) && BEGUN(1)))

inline membarrier()
{
	BETWEEN_TWO
}

/* What round r saw of `wanted`. */
#ifdef NO_SECOND_LOOK
#define LOOK(r) refused[r] = false
#else
#define LOOK(r) refused[r] = (wanted != 0)
#endif

/*
 * The accesses of round r, each when it may come. Rounds overlap: the next one's loads may be early as well. busy: S5 of the round
 * before comes first; x: a load gets what its own processor stored before.
 */
#define ACCESSES(r, last_busy, last_look, last_x)                                                                     \
	:: atomic { !s1[r] && last_busy -> busy = 1; s1[r] = true }                                                   \
	:: atomic { !l2[r] && last_look -> LOOK(r); l2[r] = true }                                                    \
	:: atomic { !d3[r] && last_x -> value[r] = x; d3[r] = true }                                                  \
	:: atomic { !s4[r] && l2[r] && d3[r] && refused[r] -> s4[r] = true }                                          \
	:: atomic { !s4[r] && l2[r] && d3[r] && !refused[r] -> x = value[r] + 1; added++; s4[r] = true }              \
	:: atomic { !s5[r] && s1[r] && l2[r] -> busy = 0; s5[r] = true }

active proctype owner()
{
	do
	:: WHOLE(0) && WHOLE(1) -> break
	ACCESSES(0, true, true, true)
	ACCESSES(1, s5[0], l2[0], s4[0])
	od
}

active proctype remote()
{
	byte n, v;

	do
	:: n == ROUNDS -> done = true; break
	:: else ->
		wanted = 1;
#ifndef NO_BARRIER1
		membarrier();
#endif
#ifndef NO_WAIT
		busy == 0;
#endif
#ifndef NO_BARRIER2
		membarrier();
#endif
		v = x;
		x = v + 1;
		added++;
#ifndef NO_BARRIER3
		membarrier();
#endif
		wanted = 0;
		n++
	od
}

/* When both have ended. */
active proctype end()
{
	(WHOLE(0) && WHOLE(1) && done) -> assert(x == added)
}
