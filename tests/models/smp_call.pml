/* SPDX-License-Identifier: MIT */
/* mutations: NO_RELEASE NO_WAIT_FOR_LAST NOT_TAKEN_MEANWHILE DONE_EARLY PENDING_LATE NO_WITHDRAWAL ONE_PLACE */
/* about: lib/smp.c, calls between CPUs: one on its way for each sender and sort, a bit for each receiver and sort */
/*
 * Properties: a receiver runs each call that has a bit for it, once, with that call's function; who waits goes on when all have run
 * it; CPUs that call each other at once, whose functions call on, and one that goes down meanwhile, do not keep anybody waiting for ever.
 *
 * Three CPUs. 0 and 1 call all others, at once, and wait; 0 has made a call before that it does not wait for. What runs on 0 or 1 of a call
 * that is waited for calls back without waiting: for this the two sorts have places of their own (ONE_PLACE: they have not). 2 only
 * takes calls, and goes down at any moment. fn is the call's number, of its sender and sort. A CPU is one process: its interrupts come before
 * a call, between two, while it waits, and afterwards; within a call they are off.
 *
 * Bound: three calls to all, two that call back. A CPU that takes calls within a function meets none that is waited for: its only other caller
 * waits for the one that it runs.
 */
#define NR 3
#define BIT(c) (1 << (c))
#define UNWAITED 0
#define WAITED 1

#ifdef ONE_PLACE
#define PLACE(sort, c) (c)
#else
#define PLACE(sort, c) ((sort) * NR + (c))
#endif

bool online[NR] = true;
byte from[6];			/* bits of senders; by sort and receiver */
byte fn[6], pending[6];		/* by sort and sender */
bool waits[6];			/* the call there is waited for: in ONE_PLACE it does not say so itself */

/* What must hold, not part of the program: the call that a bit was set for, and the last one run, by sort, sender and receiver. */
byte number[6], sent[18], ran[18];
bool withdrawn[18];
byte ended;
#define AT(sort, s, r) (PLACE(sort, s) * NR + (r))

inline look(sort, c, s, f)
{
	d_step {
		f = fn[PLACE(sort, s)];
		assert(f == sent[AT(sort, s, c)] && f > ran[AT(sort, s, c)])
	}
}

inline is_done(sort, s)
{
	d_step { assert(pending[PLACE(sort, s)] > 0); pending[PLACE(sort, s)]-- }
}

/* Within a function. What it runs does nothing. */
inline take_calls_inside(c)
{
	do
	:: so2 == 2 -> break
	:: else ->
		atomic { bits2 = from[PLACE(so2, c)]; from[PLACE(so2, c)] = 0 }
		do
		:: s2 == NR -> break
		:: s2 < NR && !(bits2 & BIT(s2)) -> s2++
		:: s2 < NR && (bits2 & BIT(s2)) ->
			look(so2, c, s2, f2);
			is_done(so2, s2);
			atomic { ran[AT(so2, s2, c)] = f2; s2++; f2 = 0 }
		od;
		atomic { s2 = 0; bits2 = 0; so2++ }
	od;
	so2 = 0
}

/* The function of a call that is waited for: to its sender, without waiting. */
inline call_back(c, to)
{
	do
	:: pending[PLACE(UNWAITED, c)] == 0 -> break
	:: pending[PLACE(UNWAITED, c)] != 0 && (from[PLACE(UNWAITED, c)] || from[PLACE(WAITED, c)]) ->
		take_calls_inside(c)
	:: pending[PLACE(UNWAITED, c)] != 0 && !online[2] && (from[PLACE(UNWAITED, 2)] & BIT(c)) ->
		withdraw(c, UNWAITED)
	od;
	atomic {
		number[PLACE(UNWAITED, c)]++;
		fn[PLACE(UNWAITED, c)] = number[PLACE(UNWAITED, c)];
		waits[PLACE(UNWAITED, c)] = false;
		pending[PLACE(UNWAITED, c)] = 1
	}
	set_bit(UNWAITED, c, to)
}

inline take_calls(c)
{
	do
	:: so == 2 -> break
	:: else ->
		atomic { bits = from[PLACE(so, c)]; from[PLACE(so, c)] = 0 }
		do
		:: s == NR -> break
		:: s < NR && !(bits & BIT(s)) -> s++
		:: s < NR && (bits & BIT(s)) ->
			look(so, c, s, f);
			if
			:: waits[PLACE(so, s)] ->
#ifdef DONE_EARLY
				is_done(so, s);
#endif
				if
				:: c != 2 -> call_back(c, s)
				:: else
				fi;
				ran[AT(so, s, c)] = f;
#ifndef DONE_EARLY
				is_done(so, s)
#endif
			:: else ->
				is_done(so, s);
				ran[AT(so, s, c)] = f
			fi;
			atomic { s++; f = 0 }
		od;
		atomic { s = 0; bits = 0; so++ }
	od;
	so = 0
}

/* For CPU 2 alone: the others stay. */
inline withdraw(c, sort)
{
#ifndef NO_WITHDRAWAL
	d_step {
		if
		:: from[PLACE(sort, 2)] & BIT(c) ->
			from[PLACE(sort, 2)] = from[PLACE(sort, 2)] & ~BIT(c);
			pending[PLACE(sort, c)]--;
			withdrawn[AT(sort, c, 2)] = true
		:: else
		fi
	}
#else
	pending[PLACE(sort, c)] == 0
#endif
}

inline wait_until_through(c, sort)
{
	do
	:: pending[PLACE(sort, c)] == 0 -> break
	:: pending[PLACE(sort, c)] != 0 && (from[PLACE(UNWAITED, c)] || from[PLACE(WAITED, c)]) ->
#ifndef NOT_TAKEN_MEANWHILE
		take_calls(c)
#else
		pending[PLACE(sort, c)] == 0
#endif
	:: pending[PLACE(sort, c)] != 0 && !online[2] && (from[PLACE(sort, 2)] & BIT(c)) ->
		withdraw(c, sort)
	od
}

inline set_bit(sort, c, r)
{
	d_step {
		sent[AT(sort, c, r)] = number[PLACE(sort, c)];
		withdrawn[AT(sort, c, r)] = false;
		from[PLACE(sort, r)] = from[PLACE(sort, r)] | BIT(c)
	}
}

/* To all others. */
inline send_call(c, sort)
{
#ifndef NO_WAIT_FOR_LAST
	wait_until_through(c, sort);
#endif
	atomic { number[PLACE(sort, c)]++; mine = number[PLACE(sort, c)]; two = online[2] }
#ifdef NO_RELEASE
	/* The stores become visible in any order. */
	if
	:: fn[PLACE(sort, c)] = mine; waits[PLACE(sort, c)] = sort; pending[PLACE(sort, c)] = 1 + two; set_bit(sort, c, 1 - c)
	:: pending[PLACE(sort, c)] = 1 + two; set_bit(sort, c, 1 - c); fn[PLACE(sort, c)] = mine; waits[PLACE(sort, c)] = sort
	fi;
#else
#ifdef PENDING_LATE
	d_step { fn[PLACE(sort, c)] = mine; waits[PLACE(sort, c)] = sort }
#else
	d_step { fn[PLACE(sort, c)] = mine; waits[PLACE(sort, c)] = sort; pending[PLACE(sort, c)] = 1 + two }
#endif
	set_bit(sort, c, 1 - c);
#endif
	if
	:: two -> set_bit(sort, c, 2)
	:: else
	fi;
#ifdef PENDING_LATE
	pending[PLACE(sort, c)] = 1 + two
#endif
}

/* CPUs 0 and 1. */
proctype cpu(byte c)
{
	byte bits, s, f, so, bits2, s2, f2, so2, mine, sort = UNWAITED + c;
	bool two;

	do
	:: from[PLACE(UNWAITED, c)] || from[PLACE(WAITED, c)] -> take_calls(c)
	:: sort <= WAITED ->
		send_call(c, sort);
		if
		:: sort == WAITED ->
			wait_until_through(c, WAITED);
			assert(ran[AT(WAITED, c, 1 - c)] >= mine);
			assert(!two || ran[AT(WAITED, c, 2)] >= mine || withdrawn[AT(WAITED, c, 2)]);
			ended++
		:: else
		fi;
		sort++
	:: sort > WAITED && ended == 3 && !from[PLACE(UNWAITED, c)] && !from[PLACE(WAITED, c)] -> break
	od
}

/* smp_cpu_down: a call that is sent after its last look is withdrawn by its sender. */
proctype going_down()
{
	byte bits, s, f, so, bits2, s2, f2, so2;
	bool down;

	do
	:: !down && (from[PLACE(UNWAITED, 2)] || from[PLACE(WAITED, 2)]) -> take_calls(2)
	:: !down -> online[2] = false; down = true; take_calls(2)
	:: down -> break
	od;
	ended++
}

init {
	atomic {
		run cpu(0);
		run cpu(1);
		run going_down()
	}
	ended == 3
}
