/* SPDX-License-Identifier: MIT */
/* mutations: KEEP_ACCIDENT GIVE_BACK_ALWAYS TRY_KEEPS SERVE_HELD NO_RESET_CHECK OVERTAKE */
/* about: include/quire/spinlock.h and lib/spinlock.c, one word with the holder's bit and tickets */
/*
 * Property: one holds the lock at a time; who drew a ticket is served in the order of tickets, and nobody who came later by the short
 * way gets in before; when all is over the word is 0; nobody waits for ever (an end that is not reached is an error).
 *
 * Every access of the word is one instruction, so each is one step here: or'ing the bit, storing the byte, adding to draw,
 * compare-and-exchange to be served. They are of one word, which has one order for all processors. Tickets are two bits.
 * Bound: three CPUs that lock twice, of which one tries first.
 */
#define CPUS 3
#define ROUNDS 2
#define TICKETS 4

bool held;		  /* bit 0 */
byte served, next;	  /* the tickets in the word */
byte holders;		  /* who is in the section */
byte ended;
/* In the order of tickets: whose each was, to see that they are served so. */
byte turn_drawn, turn_served;

#define FREE (!held && served == next && served == 0)

inline section()
{
	holders++;
	assert(holders == 1);
	holders--
}

/* stlrb */
inline unlock()
{
	held = false
}

/* The word is or'ed with the bit: what was there. */
inline set_bit()
{
	atomic { was_held = held; was_out = (served != 0 || next != 0); held = true }
}

inline wait_for_turn()
{
	/* Draw, and give the bit back in the same step when it is one's own by accident. */
	atomic {
		mine = next;
		next = (next + 1) % TICKETS;
		my_turn = turn_drawn;
		turn_drawn++;
#ifdef GIVE_BACK_ALWAYS
		held = false;
#else
#ifndef KEEP_ACCIDENT
		if
		:: !was_held -> held = false
		:: else
		fi
#endif
#endif
	}
	atomic {
#ifdef SERVE_HELD
		served == mine ->
#else
		!held && served == mine ->
#endif
		held = true;
		served = (served + 1) % TICKETS;
		assert(turn_served == my_turn);
		turn_served++;
		if
#ifdef NO_RESET_CHECK
		:: true -> served = 0; next = 0
#else
		:: served == next -> served = 0; next = 0
		:: else
#endif
		fi
	}
}

inline lock()
{
	set_bit();
	if
	:: !was_held && !was_out
#ifdef OVERTAKE
	/* The bit alone decides: who waits is overtaken, and the holder who comes by the short way is nobody's turn. */
	:: !was_held && was_out -> assert(turn_served == turn_drawn)
	:: was_held -> wait_for_turn()
#else
	:: else -> wait_for_turn()
#endif
	fi
}

active [CPUS] proctype cpu()
{
	bool was_held, was_out, mine_by_try;
	byte mine, my_turn, n;

	do
	:: n == ROUNDS -> break
	:: else ->
		mine_by_try = false;
		if
		:: _pid == 0 && !held && served == 0 && next == 0 ->
			/* spin_trylock: looks first, then sets. */
			set_bit();
			if
			:: !was_held && !was_out -> mine_by_try = true
			:: !was_held && was_out ->
#ifndef TRY_KEEPS
				unlock()
#else
				skip
#endif
			:: else
			fi
		:: else
		fi;
		if
		:: mine_by_try
		:: else -> lock()
		fi;
		section();
		unlock();
		n++
	od;
	ended++;
	if
	:: ended == CPUS -> assert(FREE && next == 0)
	:: else
	fi
}
