// SPDX-License-Identifier: MIT
/*
 * Failures on purpose: what happens when there is no memory just here?
 *
 *   fail_page_alloc=, failslab=   <interval>,<probability>,<space>,<times>, as Linux has them
 *   fail_nth=N, fault_nth()       the Nth request, pages and objects counted together, once
 *   fail_boot=N                   the Nth request of the boot itself, from the hand-over on
 *
 * Owns the counters. Requests with __GFP_NOFAIL never fail, and none before mm_debug_arm(): the kernel's own boot cannot go on without
 * its memory; fault_nth() works at once. Any context; counters are atomic.
 *
 * Against Linux 6.12: there are no files to set the rest with, so what Linux spares by default (requests that may
 * reclaim, pages of order 0) fails here too; the smallest order may be given as a fifth number.
 */
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "debug.h"

struct fault_attr fail_page_alloc = {.name = "fail_page_alloc", .interval = 1, .times = 1};
struct fault_attr failslab = {.name = "failslab", .interval = 1, .times = 1};

static unsigned long nth_fail, nth_count;
static depot_stack_handle_t nth_site;
static bool nth_came;
static u64 random_state = 0x9e3779b97f4a7c15ULL;

/* ------------------------------------------------------------------ options */

static const char *number(const char **p, long *v, bool negative)
{
	bool minus = negative && **p == '-';
	u64 n;

	*p += minus;
	if (!debug_number(p, &n) || n > LONG_MAX)
		return "<interval>,<probability>,<space>,<times>: a number is missing or too large";
	*v = minus ? -(long)n : (long)n;
	return NULL;
}

const char *setup_fault_attr(struct fault_attr *attr, const char *val)
{
	long v[5] = {0};
	const char *why;
	unsigned int i;

	if (!val)
		return "<interval>,<probability>,<space>,<times> wanted";
	for (i = 0; i < ARRAY_SIZE(v); i++) {
		if (i && *val++ != ',')
			return "<interval>,<probability>,<space>,<times> wanted";
		why = number(&val, &v[i], i == 3);
		if (why)
			return why;
		if (i >= 3 && !*val)
			break;
	}
	if (*val)
		return "something follows the numbers";
	if (v[1] > 100)
		return "a probability is at most 100";
	if (v[3] < -1)
		return "<times> is -1 (always) or a number";
	if (v[4] > MAX_PAGE_ORDER)
		return "there is no such order";
	attr->interval = (unsigned long)v[0];
	attr->probability = (unsigned long)v[1];
	attr->space = v[2];
	attr->times = v[3];
	attr->min_order = (unsigned int)v[4];
	return NULL;
}

const char *fail_page_alloc_option(const char *val)
{
	return setup_fault_attr(&fail_page_alloc, val);
}

const char *failslab_option(const char *val)
{
	return setup_fault_attr(&failslab, val);
}

static unsigned long boot_nth, in_boot_nth;

static const char *positive(const char *val, unsigned long *n)
{
	u64 v;

	if (!val || !debug_number(&val, &v) || *val || !v)
		return "not a number from 1 on";
	*n = v;
	return NULL;
}

const char *fail_boot_option(const char *val)
{
	return positive(val, &in_boot_nth);
}

const char *fail_nth_option(const char *val)
{
	return positive(val, &boot_nth);
}

bool fault_pages_wanted(void)
{
	return fail_page_alloc.probability || boot_nth || in_boot_nth || fail_walk;
}

bool fault_slab_wanted(void)
{
	return failslab.probability || boot_nth || in_boot_nth || (fail_walk && !fail_walk_pages);
}

/* ------------------------------------------------------------------ deciding */

static unsigned int random_below(unsigned int below)
{
	u64 x = __atomic_add_fetch(&random_state, 0x9e3779b97f4a7c15ULL, __ATOMIC_RELAXED);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (unsigned int)((x >> 33) % below);
}

/* One off *n unless it is -1. False: there is none left. */
static bool take_one(long *n)
{
	long old = __atomic_load_n(n, __ATOMIC_RELAXED);

	do {
		if (old <= 0)
			return old == -1;
	} while (!__atomic_compare_exchange_n(n, &old, old - 1, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

bool should_fail(struct fault_attr *attr, long size)
{
	unsigned long count;

	if (!attr->probability || !__atomic_load_n(&attr->times, __ATOMIC_RELAXED))
		return false;
	if (__atomic_load_n(&attr->space, __ATOMIC_RELAXED) > size) {
		__atomic_sub_fetch(&attr->space, size, __ATOMIC_RELAXED);
		return false;
	}
	if (attr->interval > 1) {
		count = __atomic_add_fetch(&attr->count, 1, __ATOMIC_RELAXED);
		if (count % attr->interval)
			return false;
	}
	if (attr->probability <= random_below(100) || !take_one(&attr->times))
		return false;
	__atomic_fetch_add(&attr->failed, 1, __ATOMIC_RELAXED);
	return true;
}

static void say(const struct fault_attr *attr)
{
	pr_notice("FAULT_INJECTION: forcing a failure.\n"
		  "name %s, interval %lu, probability %lu, space %ld, times %ld\n",
		  attr->name, attr->interval, attr->probability, attr->space, attr->times);
	port_backtrace();
}

/* ------------------------------------------------------------------ the nth */

void fault_nth(unsigned long n)
{
	__atomic_store_n(&nth_count, 0, __ATOMIC_RELAXED);
	nth_site = 0;
	nth_came = false;
	__atomic_store_n(&nth_fail, n, __ATOMIC_RELEASE);
}

bool fault_nth_hit(depot_stack_handle_t *site)
{
	if (site)
		*site = nth_site;
	return nth_came;
}

unsigned long fault_nth_asked(void)
{
	return __atomic_load_n(&nth_count, __ATOMIC_RELAXED);
}

static bool is_nth(void)
{
	if (__atomic_add_fetch(&nth_count, 1, __ATOMIC_RELAXED) !=
	    __atomic_load_n(&nth_fail, __ATOMIC_ACQUIRE))
		return false;
	nth_site = stack_depot_here(1);
	nth_came = true;
	return true;
}

/* ------------------------------------------------------------------ the hooks */

bool page_should_fail(gfp_t gfp, unsigned int order)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	if (is_nth()) {
		if (boot_nth)
			pr_notice("FAULT_INJECTION: failing request %lu, a block of order %u.\n",
				  fault_nth_asked(), order);
		return true;
	}
	if (!mm_debug_armed || order < fail_page_alloc.min_order ||
	    !should_fail(&fail_page_alloc, 1L << order))
		return false;
	if (!(gfp & __GFP_NOWARN))
		say(&fail_page_alloc);
	return true;
}

bool slab_should_fail(struct kmem_cache *s, gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	if (is_nth()) {
		if (boot_nth)
			pr_notice("FAULT_INJECTION: failing request %lu, an object.\n",
				  fault_nth_asked());
		return true;
	}
	if (!mm_debug_armed ||
	    !should_fail(&failslab, s ? (long)kmem_cache_size(s) : (long)PAGE_SIZE))
		return false;
	if (!(gfp & __GFP_NOWARN))
		say(&failslab);
	return true;
}

void fault_inject_init(void)
{
	if (in_boot_nth)
		fault_nth(in_boot_nth);
}

/* The command line's: counted from the end of the boot. */
void mm_debug_arm(void)
{
	mm_debug_armed = true;
	if (in_boot_nth && fault_nth_hit(NULL))
		pr_info("fail_boot: request %lu failed, and the boot went on\n", in_boot_nth);
	else if (in_boot_nth)
		pr_info("fail_boot: the boot makes only %lu requests\n", fault_nth_asked());
	fault_nth(0);
	if (boot_nth)
		fault_nth(boot_nth);
}
