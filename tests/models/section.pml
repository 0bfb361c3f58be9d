/* SPDX-License-Identifier: MIT */
/* mutations: NO_RELEASE NO_ACQUIRE NO_CAS NO_WAIT NO_LAST_LOOK COUNT_EARLY */
/* about: mm/page/handover.c (section_grow, zone_grow) and mm/page/buddy.c (grow_and_retry) */
/*
 * Sections EMPTY, GROWING, READY. Properties: the struct pages of a section are written once; nobody reads one that is not written;
 * of n requests and m pages only n - m fail; free pages, in lists or deferred, are as many as counted whenever
 * zone->lock is free.
 *
 * Two sections of one free page each. Processes: CPUs that take a page (rmqueue_buddy: lists, grow, once more), and one that
 * only wants a struct page of the last section (pfn_to_online_page).
 *
 * Promela's statements come one after another: where the mutations leave out a release or an acquire, both orders are written.
 * Bound: two pages, three requests and one reader.
 */
#define SECTIONS 2
#define REQUESTS 3

mtype = { EMPTY, GROWING, READY };
mtype state[SECTIONS] = EMPTY;
byte writes[SECTIONS];		/* how often its struct pages were written */
byte in_lists, deferred = SECTIONS, cursor;
byte got, failed;
bool zone_lock;

inline lock()
{
	atomic { !zone_lock -> zone_lock = true }
}
inline unlock()
{
	assert(in_lists + deferred + got == SECTIONS);
	zone_lock = false
}

/* s is GROWING, and this process's. */
inline grow(s)
{
#ifdef NO_RELEASE
	/* The stores become visible in any order. */
	if
	:: writes[s]++; give(s); state[s] = READY
	:: state[s] = READY; writes[s]++; give(s)
	fi
#else
	writes[s]++;
	give(s);
	state[s] = READY
#endif
}

/* buddy_free_deferred */
inline give(s)
{
#ifdef COUNT_EARLY
	/* Not under one hold of the lock. */
	lock(); deferred--; unlock();
	lock(); in_lists++; unlock()
#else
	lock();
	in_lists++;
	deferred--;
	unlock()
#endif
}

inline grow_or_wait(s)
{
#ifdef NO_CAS
	if
	:: state[s] == EMPTY -> state[s] = GROWING; mine = true
	:: else -> mine = false
	fi;
#else
	atomic {
		if
		:: state[s] == EMPTY -> state[s] = GROWING; mine = true
		:: else -> mine = false
		fi
	}
#endif
	if
	:: mine -> grow(s)
	:: else ->
#ifndef NO_WAIT
		state[s] == READY
#else
		skip
#endif
	fi
}

/* ret: the lists got pages since the call. */
inline zone_grow()
{
	before = deferred;
	ret = false;
	if
	:: before == 0
	:: else ->
		s = cursor;
		do
		:: s >= SECTIONS -> break
		:: s < SECTIONS && state[s] == READY -> s++
		:: s < SECTIONS && state[s] != READY ->
			grow_or_wait(s);
			s++;
			cursor = s;
			if
			:: deferred < before -> ret = true; break
			:: else
			fi
		od;
		if
		:: deferred < before -> ret = true
		:: else
		fi
	fi
}

active [REQUESTS] proctype request()
{
	bool found, was_deferred, grown, mine, ret;
	byte before, s;

again:
	/* One step: others see nothing of it but the counts at its end. */
	atomic {
		!zone_lock ->
		assert(in_lists + deferred + got == SECTIONS);
		was_deferred = (deferred != 0);
		if
		:: in_lists > 0 -> in_lists--; got++; found = true
		:: else
		fi
	}
	if
	:: found -> goto out
	:: else
	fi;
	if
	:: !was_deferred || grown -> failed++; goto out
	:: else
	fi;
	zone_grow();
#ifdef NO_LAST_LOOK
	if
	:: !ret -> failed++; goto out
	:: else
	fi;
#endif
	if
	:: !ret -> grown = true
	:: else
	fi;
	goto again;
out:
	assert(failed <= REQUESTS - SECTIONS)
}

/* pfn_to_online_page, and a look at the page. */
active proctype reader()
{
	bool mine;
	byte seen;

#ifdef NO_ACQUIRE
	/* The load of the struct page may have come before that of the state. */
	seen = writes[1];
#endif
	if
	:: state[1] == READY
	:: else ->
		grow_or_wait(1);
#ifdef NO_ACQUIRE
		seen = writes[1]
#endif
	fi;
#ifndef NO_ACQUIRE
	seen = writes[1];
#endif
	assert(seen == 1)
}
