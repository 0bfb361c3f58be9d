/* SPDX-License-Identifier: MIT */
/* mutations: NO_BARN_LOCK NO_CAPACITY NO_LOCAL_LOCK HINT_DECIDES */
/* about: mm/kmem/slab.c, sheaves between CPUs, barn and slabs, while another CPU flushes */
/*
 * Property: every object is in one place at any time: with a user, in a sheaf or in a slab; a sheaf that was given up is not used;
 * when all are given back and flushed, all are in slabs.
 *
 * Sheaves hold one object. Two CPUs, each with a main and a spare sheaf once it came here; a barn with its lock and its hint, read
 * without; slabs, a number behind a lock. A CPU's turn is one step here: that it excludes is what slab_cpu.pml shows. A CPU that
 * finds it taken goes to the slabs.
 * Bound: two CPUs, each allocates and frees one object twice; one flush of CPUs and barn meanwhile, and one at the end.
 */
#define CPUS 2
#define OBJECTS 3
#define NONE 0

byte slabs = OBJECTS;		/* objects in slabs */
byte users;			/* objects that users have */
bool has[CPUS];			/* sheaves: main and spare */
byte main_nr[CPUS], spare_nr[CPUS], capacity[CPUS];
byte filled, vacant;		/* the barn's sheaves */
byte sheaves;			/* that exist */
bool cpu_lock[CPUS], wanted[CPUS], barn_lock;
byte ended;

inline take_barn_lock()
{
#ifdef NO_BARN_LOCK
	skip
#else
	atomic { !barn_lock -> barn_lock = true }
#endif
}
inline give_barn_lock()
{
	barn_lock = false
}

/* local_trylock */
inline trylock(c, ok)
{
	atomic {
		if
#ifdef NO_LOCAL_LOCK
		:: true -> ok = true
#else
		:: !cpu_lock[c] && !wanted[c] -> cpu_lock[c] = true; ok = true
		:: else -> ok = false
#endif
		fi
	}
}

/* lock_own */
inline own_sheaves(c)
{
	if
	:: !has[c] ->
		atomic { sheaves = sheaves + 2 };
		main_nr[c] = 0;
		spare_nr[c] = 0;
		capacity[c] = 1;
		has[c] = true
	:: else
	fi
}

inline from_slabs()
{
	atomic { slabs > 0 -> slabs--; users++ }
}
inline to_slabs()
{
	atomic { assert(users > 0); users--; slabs++ }
}

/* refill: the spare, a full sheaf of the barn, the slabs. */
inline alloc(c)
{
	trylock(c, ok);
	if
	:: !ok -> from_slabs()
	:: else ->
		own_sheaves(c);
		if
		:: main_nr[c] > 0
		:: main_nr[c] == 0 && spare_nr[c] > 0 -> spare_nr[c] = 0; main_nr[c] = 1
		:: main_nr[c] == 0 && spare_nr[c] == 0 ->
			/* The hint. */
			hint = filled;
			if
			:: hint > 0 ->
				take_barn_lock();
				n = filled;
#ifdef HINT_DECIDES
				n = hint;
#endif
				if
				:: n > 0 -> filled = n - 1; vacant++; main_nr[c] = 1
				:: else
				fi;
				give_barn_lock()
			:: else
			fi
		fi;
		if
		:: main_nr[c] > 0 -> assert(has[c]); atomic { main_nr[c]--; users++ }
		:: else -> from_slabs()
		fi;
		cpu_lock[c] = false
	fi
}

/* make_room: the spare, an empty sheaf of the barn, the slabs. The fast path asks for the limit alone. */
inline free(c)
{
	trylock(c, ok);
	if
	:: !ok -> to_slabs()
	:: else ->
		if
		:: main_nr[c] == capacity[c] -> own_sheaves(c)
		:: else
		fi;
		if
		:: main_nr[c] < capacity[c]
		:: main_nr[c] >= capacity[c] && spare_nr[c] == 0 -> spare_nr[c] = 1; main_nr[c] = 0
		:: main_nr[c] >= capacity[c] && spare_nr[c] > 0 ->
			take_barn_lock();
			n = vacant;
			if
			:: n > 0 && filled == 0 -> vacant = n - 1; filled++; main_nr[c] = 0
			:: else
			fi;
			give_barn_lock()
		fi;
		if
		:: main_nr[c] < capacity[c] ->
			assert(has[c]);
			atomic { main_nr[c]++; users-- }
		:: else -> to_slabs()
		fi;
		cpu_lock[c] = false
	fi
}

proctype cpu(byte c)
{
	byte round, n, hint;
	bool ok;

	do
	:: round == 2 -> break
	:: else ->
		alloc(c);
		free(c);
		round++
	od;
	ended++
}

/* slab_flush_cpus, slab_flush_barns */
inline flush_cpu(c)
{
#ifndef NO_LOCAL_LOCK
	wanted[c] = true;
	!cpu_lock[c];
#endif
	if
	:: has[c] ->
		atomic { slabs = slabs + main_nr[c] + spare_nr[c] };
		main_nr[c] = 0;
		spare_nr[c] = 0;
		has[c] = false;
#ifndef NO_CAPACITY
		capacity[c] = 0;
#endif
		atomic { sheaves = sheaves - 2 }
	:: else
	fi;
	wanted[c] = false
}

inline flush()
{
	flush_cpu(0);
	flush_cpu(1);
	take_barn_lock();
	n = filled;
	m = vacant;
	filled = 0;
	vacant = 0;
	give_barn_lock();
	atomic { slabs = slabs + n; sheaves = sheaves - n - m }
}

proctype flusher()
{
	byte n, m;

	flush();
	ended == CPUS;
	flush();
	assert(slabs == OBJECTS && users == 0 && sheaves == 0 && filled + vacant == 0)
}

init {
	atomic {
		/* The barn has an empty sheaf and a full one. */
		vacant = 1;
		filled = 1;
		slabs = OBJECTS - 1;
		sheaves = 2;
		run cpu(0);
		run cpu(1);
		run flusher()
	}
}
