/* SPDX-License-Identifier: MIT */
/* mutations: NO_BARRIER1 NO_BARRIER2 NO_BARRIER3 NO_BARRIER4 NO_BARRIER5 NO_WAIT1 NO_WAIT2 NO_SHUT NO_LOOK REMOTE_OPENS */
/* about: mm/kmem/slab_internal.h, a CPU's stack of objects against another CPU that empties it */
/*
 * Property: an object that the owner put into its stack is in a stack that exists, or the remote has taken it, once; what the owner
 * writes to is no sheaf that the remote gave up.
 *
 * As in local_lock.pml an access is performed at a moment of its own: loads whenever they like, also before the branches that they
 * stand behind; a store not before those branches are decided; accesses to one place in their order; and a membarrier of the remote
 * comes where what has been performed is a beginning of the owner's program. A round of the owner puts one object there:
 *
 *   the short way	0 tag = 0   1 bound?   2 top?   3 store, top + 1   4 tag = 1
 *   bound was shut:	5 tag = 0   6 wanted?  7 has?   8 bound = open   9 has = 1, a new stack with one object   10 tag = 1
 *   (wanted: nothing of 8 and 9)
 *
 * A place in a stack is the number of its sheaf times 8, and how many objects are in it.
 * Bound: two rounds of the owner, two of the remote; the first stack has no object yet.
 */
#define ROUNDS 2
#define STEPS 11
#define ALL 22

bool d[ALL];			/* performed */
byte tag = 1, bound, wanted, has;
byte top;			/* sheaf * 8 + objects */
byte live;			/* the sheaf that is in use */
byte sheaves;			/* made so far */
byte put, taken;		/* objects */
bool ended;
byte vb[ROUNDS], vt[ROUNDS], vw[ROUNDS], vh[ROUNDS];

/* Nothing performed behind a place where something is missing. */
#define UPTO(i) (!d[i + 1] || d[i])
inline membarrier()
{
	UPTO(0) && UPTO(1) && UPTO(2) && UPTO(3) && UPTO(4) && UPTO(5) && UPTO(6) && UPTO(7) && UPTO(8) && UPTO(9) &&
	UPTO(10) && UPTO(11) && UPTO(12) && UPTO(13) && UPTO(14) && UPTO(15) && UPTO(16) && UPTO(17) && UPTO(18) &&
	UPTO(19) && UPTO(20)
}

#ifdef NO_LOOK
#define WANTED 0
#else
#define WANTED wanted
#endif

/*
 * Round r, its accesses from b on. before: the round before has decided its branches; last: has stored to one place and another.
 */
#define ACCESSES(r, b, before, last_tag, last_bound, last_top, last_has)                                              \
	:: atomic { !d[b] && before && last_tag -> tag = 0; d[b] = true }                                             \
	:: atomic { !d[b + 1] && last_bound -> vb[r] = bound; d[b + 1] = true }                                       \
	:: atomic { !d[b + 2] && last_top -> vt[r] = top; d[b + 2] = true }                                           \
	:: atomic { !d[b + 3] && before && d[b + 1] && d[b + 2] && vb[r] ->                                           \
		assert(vt[r] / 8 == live); top = vt[r] + 1; put++; d[b + 3] = true }                                  \
	:: atomic { !d[b + 3] && before && d[b + 1] && d[b + 2] && !vb[r] -> d[b + 3] = true }                        \
	:: atomic { !d[b + 4] && d[b] && d[b + 1] -> tag = 1; d[b + 4] = true }                                       \
	/* Loads of the long way, early or not; for nothing if it is not taken. */                                    \
	:: atomic { !d[b + 6] -> vw[r] = WANTED; d[b + 6] = true }                                                    \
	:: atomic { !d[b + 7] && last_has -> vh[r] = has; d[b + 7] = true }                                           \
	:: atomic { !d[b + 5] && d[b + 4] && !vb[r] -> tag = 0; d[b + 5] = true }                                     \
	:: atomic { !d[b + 8] && d[b + 1] && !vb[r] && d[b + 6] && d[b + 7] && vw[r] -> d[b + 8] = true }             \
	:: atomic { !d[b + 8] && d[b + 1] && !vb[r] && d[b + 6] && d[b + 7] && !vw[r] ->                              \
		assert(!vh[r]); bound = 1; d[b + 8] = true }                                                          \
	:: atomic { !d[b + 9] && d[b + 3] && !vb[r] && d[b + 6] && d[b + 7] && vw[r] -> d[b + 9] = true }             \
	:: atomic { !d[b + 9] && d[b + 3] && !vb[r] && d[b + 6] && d[b + 7] && !vw[r] ->                              \
		sheaves++; live = sheaves; top = live * 8 + 1; put++; has = 1; d[b + 9] = true }                      \
	:: atomic { !d[b + 10] && d[b + 5] && !vb[r] && d[b + 6] && d[b + 7] -> tag = 1; d[b + 10] = true }           \
	/* The short way was enough. */                                                                               \
	:: atomic { d[b + 1] && vb[r] && !d[b + 5] -> d[b + 5] = true }                                               \
	:: atomic { d[b + 1] && vb[r] && !d[b + 8] -> d[b + 8] = true }                                               \
	:: atomic { d[b + 1] && vb[r] && d[b + 3] && !d[b + 9] -> d[b + 9] = true }                                   \
	:: atomic { d[b + 1] && vb[r] && d[b + 4] && !d[b + 10] -> d[b + 10] = true }

#define WHOLE(b)                                                                                                      \
	(d[b] && d[b + 1] && d[b + 2] && d[b + 3] && d[b + 4] && d[b + 5] && d[b + 6] && d[b + 7] && d[b + 8] &&      \
	 d[b + 9] && d[b + 10])

active proctype owner()
{
	do
	:: WHOLE(0) && WHOLE(11) -> break
	ACCESSES(0, 0, true, true, true, true, true)
	ACCESSES(1, 11, (d[1] && d[6] && d[7]), d[10], d[8], d[9], d[9])
	od
}

active proctype remote()
{
	byte n;

	do
	:: n == ROUNDS -> break
	:: else ->
		n++;
		wanted = 1;
#ifndef NO_BARRIER1
		membarrier();
#endif
#ifndef NO_WAIT1
		tag != 0;
#endif
#ifndef NO_BARRIER2
		membarrier();
#endif
#ifndef NO_SHUT
		bound = 0;
#endif
#ifndef NO_BARRIER3
		membarrier();
#endif
#ifndef NO_WAIT2
		tag != 0;
#endif
#ifndef NO_BARRIER4
		membarrier();
#endif
		if
		:: has ->
			taken = taken + top % 8;
			live = 0;
			has = 0;
#ifdef REMOTE_OPENS
			/* A new one in its place. */
			sheaves++;
			live = sheaves;
			top = live * 8;
			has = 1;
#endif
		:: else
		fi;
#ifndef NO_BARRIER5
		membarrier();
#endif
#ifdef REMOTE_OPENS
		bound = has;
#endif
		wanted = 0
	od;
	ended = true
}

/* When both have ended. */
active proctype end()
{
	byte left;

	(WHOLE(0) && WHOLE(11) && ended) ->
		if
		:: has -> left = top % 8
		:: else
		fi;
		assert(taken + left == put)
}
