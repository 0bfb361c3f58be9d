/* SPDX-License-Identifier: MIT */
/* mutations: NO_DRAIN_LOCK NO_BARRIER1 NO_BARRIER2 NO_BARRIER3 LET_GO_EARLY WAIT_FOR_FIRST */
/* about: mm/page/pageset.c, drain_pages: several CPUs' lists, three barriers for all of them */
/*
 * Property: pages in lists and free pages are as many as there were, whoever takes, gives and drains; nobody waits for ever.
 *
 * Two owners, each with a list of its own; each has one round: under the lock it takes a page off its list for itself, a
 * load and a store. Their accesses are performed as in local_lock.pml. Two drainers empty both lists into the zone, which has a lock.
 */
#define CPUS 2
#define DRAINERS 2

byte list[CPUS], zone, taken, ended;
byte wanted[CPUS], busy[CPUS];
bool drain_lock;
bool s1[CPUS], l2[CPUS], d3[CPUS], s4[CPUS], s5[CPUS], refused[CPUS];
byte value[CPUS];

/* What is performed of c's round is a beginning of it. */
#define BEGUN(c)                                                                                                      \
	((s1[c] || !(l2[c] || d3[c] || s4[c] || s5[c])) && (l2[c] || !(d3[c] || s4[c] || s5[c])) &&                   \
	 (d3[c] || !(s4[c] || s5[c])) && (s4[c] || !s5[c]))
#define WHOLE(c) (s1[c] && l2[c] && d3[c] && s4[c] && s5[c])

inline membarrier()
{
	/* One CPU is interrupted after the other. */
	BEGUN(0);
	BEGUN(1)
}

proctype owner(byte c)
{
	do
	:: WHOLE(c) -> break
	:: atomic { !s1[c] -> busy[c] = 1; s1[c] = true }
	:: atomic { !l2[c] -> refused[c] = (wanted[c] != 0); l2[c] = true }
	:: atomic { !d3[c] -> value[c] = list[c]; d3[c] = true }
	:: atomic { !s4[c] && l2[c] && d3[c] && (refused[c] || value[c] == 0) -> s4[c] = true }
	:: atomic { !s4[c] && l2[c] && d3[c] && !refused[c] && value[c] > 0 ->
		list[c] = value[c] - 1; taken++; s4[c] = true }
	:: atomic { !s5[c] && s1[c] && l2[c] -> busy[c] = 0; s5[c] = true }
	od;
	ended++
}

inline drain(c)
{
	n = list[c];
	atomic { zone = zone + n };
	list[c] = 0
}

proctype drainer()
{
	byte n;

#ifndef NO_DRAIN_LOCK
	atomic { !drain_lock -> drain_lock = true };
#endif
	wanted[0] = 1;
	wanted[1] = 1;
#ifndef NO_BARRIER1
	membarrier();
#endif
	busy[0] == 0;
#ifndef WAIT_FOR_FIRST
	busy[1] == 0;
#endif
#ifndef NO_BARRIER2
	membarrier();
#endif
#ifdef LET_GO_EARLY
	wanted[0] = 0;
#endif
	drain(0);
	drain(1);
#ifndef NO_BARRIER3
	membarrier();
#endif
	wanted[0] = 0;
	wanted[1] = 0;
	drain_lock = false;
	ended++
}

init {
	atomic {
		list[0] = 2;
		list[1] = 1;
		run owner(0);
		run owner(1);
		run drainer();
		run drainer()
	}
	ended == CPUS + DRAINERS -> assert(list[0] + list[1] + zone + taken == 3)
}
