/* SPDX-License-Identifier: MIT */
/* mutations: NO_FLUSH FLUSH_LATE KEEP_OTHERS NO_WAIT OWN_FIRST NO_SECOND_LOOK FAULTS_GO_ON NO_LAST_FLUSH FOLD_AT_ONCE */
/* about: mm/vm/cont.c and mm/vm/group.c, mm/vm/mprotect.c, entries of a run that a TLB may hold as one, filled, unfolded, folded again and unmapped */
/*
 * Property: no TLB holds the run and one of its pages at once (break-before-make); what is made of an entry that was the maker's alone
 * stays until it is unmapped or folded again; where faults are kept away and all is unmapped nothing is left, in entries or TLBs; nobody waits
 * for ever (an end that is not reached is an error).
 *
 * Each access of an entry is one step: a load, a store, or an exchange that compares. What is stored becomes visible in order; but a load of the run's first
 * entry may be as old as its reader's fault, since nothing orders it behind that of the entry which he found folded.
 * TLB: takes in what an entry says at any time, and forgets it when it is flushed.
 * Bound: a run of three; a fault that fills it, twice; two that each change one entry, the first and the last; one unmapping of all and one change of
 * permission, which folds again, under mmap_lock; one TLB.
 */
#define N 3

#define NONE 0
#define BUSY 1
#define FOLDED 2
#define SINGLE 3
#define CHANGED 4
#define CLOSED 5 /* of a run, and allows nothing */

/* Which entry who unfolds takes to have the run. */
#ifdef OWN_FIRST
#define TAKE me
#else
#define TAKE 0
#endif

byte entry[N];
bool changed[N];		/* an entry that was its own has been changed, and not unmapped since */
bool tlb_run, tlb_page[N];
byte faults;			/* that have begun */
bool kept_away, mmap_lock;
byte ended;

inline fault_begin()
{
	atomic { !kept_away -> faults++ }
}

inline fault_end()
{
	faults--
}

inline keep_away()
{
	atomic { !mmap_lock -> mmap_lock = true };
	kept_away = true;
#ifndef FAULTS_GO_ON
	faults == 0
#endif
}

inline flush()
{
	atomic {
		tlb_run = false;
		tlb_page[0] = false;
		tlb_page[1] = false;
		tlb_page[2] = false
	}
}

/* The walker of a CPU, that may look anywhere. */
active proctype mmu()
{
	byte i;
end:
	do
	:: atomic {
		if
		:: i = 0
		:: i = 1
		:: i = 2
		fi;
		if
		:: entry[i] == FOLDED -> tlb_run = true
		:: entry[i] == SINGLE || entry[i] == CHANGED -> tlb_page[i] = true
		:: else
		fi;
		assert(!tlb_run || (!tlb_page[0] && !tlb_page[1] && !tlb_page[2]));
		i = 0
	   }
	od
}

/* group.c: take_empty and fill. */
proctype filling(byte rounds)
{
	byte i;

	do
	:: rounds == 0 -> break
	:: else ->
		rounds--;
		fault_begin();
		i = 0;
		do
		:: i == N -> break
		:: i < N ->
			if
			:: atomic { entry[i] == NONE -> entry[i] = BUSY }; i++
			:: atomic { entry[i] != NONE -> skip }; break
			fi
		od;
		if
		:: i == N ->
			i = 0;
			do
			:: i == N -> break
			:: i < N ->
				/* Nobody else touches what is taken. */
				assert(entry[i] == BUSY);
				entry[i] = FOLDED;
				i++
			od
		:: else ->
			do
			:: i == 0 -> break
			:: i > 0 -> i--; entry[i] = NONE
			od
		fi;
		i = 0;
		fault_end()
	od;
	ended++
}

inline pte_wait(k)
{
	atomic { entry[k] != BUSY -> val = entry[k] }
}

/* first: what was seen of the first entry, perhaps long ago; BUSY: nothing yet. */
inline cont_unfold()
{
	do
	:: true ->
		if
		:: first == BUSY -> pte_wait(TAKE); first = val
		:: else
		fi;
		if
		:: first == FOLDED ->
			first = BUSY;
			if
			:: atomic { entry[TAKE] == FOLDED -> entry[TAKE] = BUSY }; mine = true; break
			:: atomic { entry[TAKE] != FOLDED -> skip }
			fi
		:: else ->
			first = BUSY;
			pte_wait(me);
#ifndef NO_SECOND_LOOK
			if
			:: val != FOLDED -> break
			:: else
			fi
#else
			break
#endif
		fi
	od;
	if
	:: mine ->
		i = 0;
		do
		:: i == N -> break
		:: i < N && i == TAKE -> i++
		:: i < N && i != TAKE ->
#ifndef NO_WAIT
			pte_wait(i);
#endif
#ifndef KEEP_OTHERS
			entry[i] = BUSY;
#endif
			i++
		od;
#if !defined(NO_FLUSH) && !defined(FLUSH_LATE)
		flush();
#endif
		do
		:: i == 0 -> break
		:: i > 0 -> i--; entry[i] = SINGLE
		od;
#ifdef FLUSH_LATE
		flush();
#endif
		mine = false;
		pte_wait(me)
	:: else
	fi
}

/* A fault, or who moves a page: one entry is changed. */
proctype changing(byte me)
{
	byte val, first = BUSY, i;
	bool mine;

	fault_begin();
	/* The load of the first entry may have come before. */
	if
	:: first = entry[TAKE]
	:: true
	fi;
	pte_wait(me);
	if
	:: val == FOLDED -> cont_unfold()
	:: else
	fi;
	first = BUSY;
	/* What the caller does with an entry that he takes for one of its own. */
	if
	:: val == SINGLE || val == FOLDED ->
		if
		:: atomic { entry[me] == val -> entry[me] = CHANGED; changed[me] = true };
			assert(val == SINGLE)
		:: atomic { entry[me] != val -> skip }
		fi
	:: else
	fi;
	fault_end();
	ended++
}

/* Of the whole run, entry after entry, with one flush at the end. */
proctype unmapping()
{
	byte i;

	keep_away();
	do
	:: i == N -> break
	:: i < N ->
		atomic { entry[i] = NONE; changed[i] = false };
		i++
	od;
#ifndef NO_LAST_FLUSH
	flush();
#endif
	atomic {
		assert(entry[0] == NONE && entry[1] == NONE && entry[2] == NONE);
		assert(!tlb_run && !tlb_page[0] && !tlb_page[1] && !tlb_page[2]);
		kept_away = false;
		mmap_lock = false
	}
	ended++
}

/* Of the whole run: entries that are all there become a run, whether they were one or not. */
proctype protecting()
{
	byte i;

	keep_away();
	if
	:: entry[0] >= FOLDED && entry[1] >= FOLDED && entry[2] >= FOLDED ->
#ifndef FOLD_AT_ONCE
		do
		:: i == N -> break
		:: i < N -> atomic { entry[i] = CLOSED; changed[i] = false }; i++
		od;
		flush();
		i = 0;
#endif
		do
		:: i == N -> break
		:: i < N -> atomic { entry[i] = FOLDED; changed[i] = false }; i++
		od
	:: else
	fi;
	atomic { kept_away = false; mmap_lock = false };
	ended++
}

init {
	atomic {
		run filling(2);
		run changing(0);
		run changing(2);
		run unmapping();
		run protecting()
	}
	ended == 5;
	/* No update is lost, and the entries agree. */
	assert(changed[0] == (entry[0] == CHANGED) && changed[2] == (entry[2] == CHANGED));
	assert(entry[0] != BUSY && entry[1] != BUSY && entry[2] != BUSY);
	assert((entry[0] == FOLDED) == (entry[1] == FOLDED) && (entry[1] == FOLDED) == (entry[2] == FOLDED))
}
