/* SPDX-License-Identifier: MIT */
/* mutations: NO_RELEASE NO_WAIT_FOR_LAST NOT_TAKEN_MEANWHILE DONE_EARLY PENDING_LATE NO_WITHDRAWAL */
/* about: lib/smp.c, calls between CPUs: one on its way for each sender and sort, a bit for each receiver */
/*
 * Properties: a receiver runs each call that has a bit for it, once, with that call's function; who waits goes on when all have run
 * it; CPUs that call each other at once, and one that goes down meanwhile, do not keep anybody waiting for ever.
 *
 * Three CPUs. 0 and 1 call all others, at once. 2 only takes calls, and goes down at any moment. irq[c]: CPU c's interrupts are off, or its handler runs. fn is the call's number.
 *
 * The program keeps calls that are waited for and those that are not in places of their own; here they share one, so that a sender waits more
 * often. Functions do not call on, which is what the two places are for (tests/unit/test_smp.c).
 *
 * Bound: three calls. A sender that waits looks for calls itself (take_calls), so that handlers are not needed for CPUs 0 and 1 to get on;
 * they run all the same.
 */
#define NR 3
#define BIT(c) (1 << (c))

bool online[NR] = true, irq[NR];
byte from[NR];			/* bits of senders */
byte fn[NR], pending[NR];
bool wait[NR];

/* What must hold, not part of the program: the call that a bit was set for, and the last one run, by sender and receiver. */
byte sent[9], ran[9];
bool withdrawn[9];
byte ended;
/* CPU 0 has two calls, the first of which it does not wait for; CPU 1 one. */
#define CALLS(c) (2 - (c))
#define AT(s, r) ((s) * NR + (r))

inline irqs_off(c)
{
	atomic { !irq[c] -> irq[c] = true }
}

/* Interrupts are off. */
inline take_calls(c)
{
	atomic { bits = from[c]; from[c] = 0 }
	do
	:: s == NR -> break
	:: s < NR && !(bits & BIT(s)) -> s++
	:: s < NR && (bits & BIT(s)) ->
		atomic { f = fn[s]; assert(f == sent[AT(s, c)] && f == ran[AT(s, c)] + 1) }
		if
		:: wait[s] ->
#ifdef DONE_EARLY
			pending[s]--;
			ran[AT(s, c)] = f
#else
			ran[AT(s, c)] = f;
			pending[s]--
#endif
		:: else ->
			d_step { assert(pending[s] > 0); pending[s]-- }
			ran[AT(s, c)] = f
		fi;
		atomic { s++; f = 0 }
	od;
	s = 0;
	bits = 0
}

/* For CPU 2 alone: the others stay. */
inline withdraw(c)
{
#ifndef NO_WITHDRAWAL
	if
	:: !online[2] ->
		d_step {
			if
			:: from[2] & BIT(c) -> from[2] = from[2] & ~BIT(c); pending[c]--; withdrawn[AT(c, 2)] = true
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

/* Interrupts are off, or on: then it turns them off to look. */
inline wait_until_through(c, off)
{
	do
	:: pending[c] == 0 -> break
	:: pending[c] != 0 && from[c] ->
#ifndef NOT_TAKEN_MEANWHILE
		if
		:: off -> take_calls(c)
		:: else -> irqs_off(c); take_calls(c); irq[c] = false
		fi
#else
		pending[c] == 0
#endif
	:: pending[c] != 0 && !online[2] && (from[2] & BIT(c)) -> withdraw(c)
#ifdef NO_WITHDRAWAL
		; pending[c] == 0
#endif
	od
}

inline set_bit(c, r)
{
	d_step { sent[AT(c, r)] = call; withdrawn[AT(c, r)] = false; from[r] = from[r] | BIT(c) }
}

proctype cpu(byte c)
{
	byte call, bits, s, f;
	bool two;

	do
	:: call == CALLS(c) -> break
	:: else ->
		irqs_off(c);
#ifndef NO_WAIT_FOR_LAST
		wait_until_through(c, true);
#endif
		call++;
		two = online[2];
#ifdef NO_RELEASE
		/* The stores become visible in any order. */
		if
		:: fn[c] = call; wait[c] = (call == CALLS(c)); pending[c] = 1 + two; set_bit(c, 1 - c)
		:: pending[c] = 1 + two; set_bit(c, 1 - c); fn[c] = call; wait[c] = (call == CALLS(c))
		fi;
#else
#ifdef PENDING_LATE
		d_step { fn[c] = call; wait[c] = (call == CALLS(c)) }
#else
		d_step { fn[c] = call; wait[c] = (call == CALLS(c)); pending[c] = 1 + two }
#endif
		set_bit(c, 1 - c);
#endif
		if
		:: two -> set_bit(c, 2)
		:: else
		fi;
#ifdef PENDING_LATE
		pending[c] = 1 + two;
#endif
		irq[c] = false;
		if
		:: wait[c] ->
			wait_until_through(c, false);
			assert(ran[AT(c, 1 - c)] == call);
			assert(!two || ran[AT(c, 2)] == call || withdrawn[AT(c, 2)])
		:: else
		fi
	od;
	ended++
}

/* The IPI's handler. */
proctype handler(byte c)
{
	byte bits, s, f;

	do
	:: atomic { from[c] && !irq[c] && online[c] -> irq[c] = true };
		take_calls(c);
		irq[c] = false
	:: ended == 3 -> break
	od
}

/* smp_cpu_down: a call that is sent after its last look is withdrawn by its sender. */
proctype going_down()
{
	byte bits, s, f;

	online[2] = false;
	irqs_off(2);
	take_calls(2);
	ended++
}

init {
	atomic {
		run cpu(0);
		run cpu(1);
		run handler(0);
		run handler(1);
		run handler(2);
		run going_down()
	}
	ended == 3 -> assert(pending[0] + pending[1] == 0 || from[0] + from[1] + from[2] != 0)
}
