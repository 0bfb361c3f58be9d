/* SPDX-License-Identifier: MIT */
/*
 * Finding bugs in users of the allocators (mm/debug/): off unless the command line asks, and free then. docs/debugging.md shows
 * what each option finds and how its report looks.
 *
 *   page_poison=1  page_owner=on  debug_guardpage_minorder=N     pages             page_debug.c, guard_pages.c
 *   slab_debug=FZPU[,cache[,...]][;...]                          objects           slab_debug.c, slab_report.c
 *   guard_pages=N[,SIZE]                                         sampled objects   guard_pool.c
 *   debug_leaks                                                  what is left      leaks.c
 *   fail_page_alloc=, failslab=, fail_nth=N, fail_boot=N         failures          fault_inject.c
 *   fail_walk[=pages]                                            each in turn      fail_walk.c
 *
 * The options are parsed before memory is known, and take effect in mm_debug_init(). The memory that they need comes from
 * memblock there; nothing here allocates later. Any CPU and any context may come into the checks.
 */
#ifndef QUIRE_MM_DEBUG_H
#define QUIRE_MM_DEBUG_H

#include <quire/gfp.h>
#include <quire/out.h>
#include <quire/page_debug.h>

/* ------------------------------------------------------------------ the options */

/* set takes the value (NULL: a bare name). Returns NULL, or why the value cannot be used. Ends with a NULL name. */
struct mm_debug_option {
	const char *name;
	const char *(*set)(const char *val);
};
extern const struct mm_debug_option mm_debug_options[];

/* After the memory map is laid out, before memblock_free_all(): the memory, and the hooks. */
void mm_debug_init(void);
/* The kernel's own boot is over: what is allocated from here on may fail, and counts as a leak when it is left. */
void mm_debug_arm(void);
/* The end: check what can be checked, report what is left. Returns what was found. Other CPUs quiet. */
unsigned int mm_debug_shutdown(void);
/* Every check that debugging adds to those of the allocators. Violations, each printed. Other CPUs quiet. */
int mm_debug_check(void);

/* ------------------------------------------------------------------ stacks (stackdepot.c) */

/* A call chain by number: the same one has the same number. 0: none (no room, or it is not known). */
typedef u32 depot_stack_handle_t;

#define STACK_DEPTH 16
/* Room for this many bytes of stacks. false: no memory. Before it every handle is 0. */
bool stack_depot_init(size_t bytes);
depot_stack_handle_t stack_depot_save(const unsigned long *entries, unsigned int nr);
/* The caller's chain, without the `skip` functions nearest to it. */
depot_stack_handle_t stack_depot_here(unsigned int skip);
/* *entries: in the depot, for good. Returns how many. */
unsigned int stack_depot_fetch(depot_stack_handle_t handle, const unsigned long **entries);
/* One " fn+0x1/0x2" a line, as errors. */
void stack_depot_print(depot_stack_handle_t handle);
struct stack_depot_stats {
	unsigned long stacks, bytes, bytes_max, lost;
};
void stack_depot_get_stats(struct stack_depot_stats *st);

/* ------------------------------------------------------------------ failures (fault_inject.c) */

/* Linux's struct fault_attr, as far as the boot parameters set it. */
struct fault_attr {
	const char *name;
	unsigned long interval;	   /* every so many-th request may fail */
	unsigned long probability; /* with this chance in percent */
	long space;		   /* not before this many bytes (pages) were given */
	long times;		   /* at most so often; -1: always */
	unsigned int min_order;	   /* pages: no smaller block */
	unsigned long count;	   /* requests that came to the interval */
	unsigned long failed;	   /* requests that were made to fail */
};
extern struct fault_attr fail_page_alloc, failslab;
/* "<interval>,<probability>,<space>,<times>" (Linux: setup_fault_attr); NULL: good. The fifth number is min_order. */
const char *setup_fault_attr(struct fault_attr *attr, const char *val);
/* size: what is taken off `space`. */
bool should_fail(struct fault_attr *attr, long size);

/*
 * The walk over every allocation: the nth request from now on fails, pages and objects counted together; 0: none. Whoever
 * walks lets n grow until fault_nth_hit() says that the work was done before the nth request came.
 */
void fault_nth(unsigned long n);
/* Has the nth request come? *site: its call chain. */
bool fault_nth_hit(depot_stack_handle_t *site);
/* Requests since fault_nth(). */
unsigned long fault_nth_asked(void);

/* ------------------------------------------------------------------ for reports (leaks.c, page_debug.c, guard_pool.c) */

/* What page_owner knows of a block in use. */
struct page_owner {
	unsigned long pfn;
	unsigned int order, cpu;
	gfp_t gfp;
	u64 ts_nsec, free_ts_nsec;
	depot_stack_handle_t stack, free_stack;
	bool boot; /* allocated before mm_debug_arm() */
};
bool page_owner_enabled(void);
/* The first block in use at *pfn or above; *pfn: where to go on. False: none. */
bool page_owner_next(unsigned long *pfn, struct page_owner *owner);
/* What is known of a page, in use or free. False: nothing. */
bool page_owner_of(const struct page *page, struct page_owner *owner);

bool guard_pool_enabled(void);
struct guard_stats {
	unsigned int objects, in_use;
	unsigned long allocated, freed, errors, full;
};
void guard_pool_get_stats(struct guard_stats *st);

/* ------------------------------------------------------------------ slab objects (slab_debug.c) */

enum slab_track { SLAB_TRACK_ALLOC, SLAB_TRACK_FREE };
/* Look at every object of every cache that is checked. Violations, each reported. */
int slab_debug_validate(void);

#endif
