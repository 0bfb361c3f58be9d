/* SPDX-License-Identifier: MIT */
/*
 * Stress: every CPU asks every allocator for everything, at random, and looks whether it got what it asked for
 * (mm/debug/stress.c). The same on the board and in a process.
 *
 * Where fail_page_alloc= or failslab= are on the command line, requests fail while the CPUs work.
 *
 * What is got holds a pattern of its own and is checked before it is given back, by the same CPU or another one that it was
 * handed to. Between the phases, with all CPUs quiet, every allocator's check runs; at the end everything is given back, and
 * each zone has the free pages that it had before.
 */
#ifndef QUIRE_STRESS_H
#define QUIRE_STRESS_H

#include <quire/types.h>

struct stress_options {
	u64 seed;		    /* the same seed on one CPU: the same run */
	unsigned int phases;	    /* how many; 0: until `expired` says so */
	unsigned int operations;    /* a CPU and phase; 0: 4,000 */
	bool (*expired)(void *arg); /* asked between phases by the CPU that called; NULL: never */
	void *arg;
	bool hotplug; /* memory may come beyond the last: quire.hotplug=SIZE left room, and it can be touched */
	bool verbose; /* print how often each kind was got and refused */
};

/*
 * Run on all CPUs that are online, this one included. Prints the seed, and a line at the end. Returns the violations, each
 * printed (the first ones), or -ENOMEM when there is no memory for its own tables. From thread context, with no other user of the
 * allocators at work.
 */
int quire_stress(const struct stress_options *options);

#endif
