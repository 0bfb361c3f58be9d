/* SPDX-License-Identifier: MIT */
/* mutations: NO_WAITER_BARRIER NO_WAKER_BARRIER LOOK_FIRST NOT_MOVED */
/* about: kernel/futex.c, a wake that finds nobody waiting without the lock under which waiters go to sleep */
/*
 * Property: who waits for a word is woken by who changes it, or does not sleep; also when he has been moved to wait for another word.
 *
 * Two words, A and B, each with its bucket. A waiter waits for A to leave 0: counts itself in A's bucket, a full barrier, looks at A, and sleeps
 * if it is 0; all of it under the lock, which sleeping gives up. The mover changes nothing: under the lock it moves whoever sleeps at A to B, and counts
 * him there before A lets go of him; then it says so to the waker of B (`moved`). The waker changes A, and wakes A; after the mover has moved
 * somebody it changes B, and wakes B. A wake is: a full barrier, a look at the bucket's count, nothing more if it is 0; else the lock, and
 * whoever sleeps there is woken.
 *
 * A store may become visible to others late, until the processor's next full barrier or the lock's release: the waiter's count (`late_count`) and the
 * waker's word (`late_word`). Bound: one waiter, one mover, one waker.
 */
byte word_a;
byte count[2];
bool lock;
byte late_count, late_word;
byte sleeps;			/* 0: not, 1: at A, 2: at B */
bool woken, moved, mover_done, waiter_done, waker_done;

inline take()
{
	atomic { !lock -> lock = true }
}
inline give()
{
	lock = false
}

/* What was late is late no more. */
inline waiter_barrier()
{
	atomic { count[0] = count[0] + late_count; late_count = 0 }
}
inline waker_barrier()
{
	atomic { word_a = word_a + late_word; late_word = 0 }
}

/* Stores become visible some time. */
active proctype stores()
{
	do
	:: late_count -> waiter_barrier()
	:: late_word -> waker_barrier()
	:: waiter_done && waker_done -> break
	od
}

active proctype waiter()
{
	byte seen;

	take();
#ifdef LOOK_FIRST
	seen = word_a;
#endif
	late_count = 1;
#ifndef NO_WAITER_BARRIER
	waiter_barrier();
#endif
#ifndef LOOK_FIRST
	seen = word_a;
#endif
	if
	:: seen == 0 ->
		sleeps = 1;
		/* The lock's release is no full barrier for what the look has read. */
		waiter_barrier();
		give();
		woken;
	:: else ->
		waiter_barrier();
		give();
	fi;
	waiter_done = true
}

active proctype mover()
{
	take();
	if
	:: sleeps == 1 ->
		sleeps = 2;
#ifndef NOT_MOVED
		count[1]++;
#endif
		count[0]--;
		moved = true
	:: else
	fi;
	give();
	mover_done = true
}

inline wake_at(i)
{
#ifndef NO_WAKER_BARRIER
	waker_barrier();
#endif
	if
	:: count[i] == 0
	:: else ->
		take();
		if
		:: sleeps == i + 1 -> sleeps = 0; woken = true
		:: else
		fi;
		give()
	fi
}

active proctype waker()
{
	late_word = 1;
	wake_at(0);
	/* Whoever was moved is the next one's to wake, who has heard of it. */
	(moved || mover_done);
	if
	:: moved -> wake_at(1)
	:: else
	fi;
	waker_done = true
}
