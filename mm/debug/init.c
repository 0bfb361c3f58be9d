// SPDX-License-Identifier: MIT
/*
 * Debugging as a whole: which hooks the options want, when they begin, what is done at the end.
 *
 * Owns the tables of hooks; they are set in mm_debug_init(), before the page allocator has a page, and stay. What no option asks for is
 * not hooked in, and a machine without options has no hooks at all: its fast paths are as if this did not exist.
 */
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "debug.h"

const struct mm_debug_option mm_debug_options[] = {
	{"page_poison", page_poison_option},
	{"page_owner", page_owner_option},
	{"debug_guardpage_minorder", debug_guardpage_option},
	{"slab_debug", slab_debug_option},
	{"slub_debug", slab_debug_option},
	{"guard_pages", guard_pages_option},
	{"debug_leaks", debug_leaks_option},
	{"fail_page_alloc", fail_page_alloc_option},
	{"failslab", failslab_option},
	{"fail_nth", fail_nth_option},
	{"fail_boot", fail_boot_option},
	{"fail_walk", fail_walk_option},
	{NULL, NULL},
};

bool mm_debug_armed;

static struct page_debug_ops page_ops;
static struct slab_debug_ops slab_ops;

/* Room for call chains: a 512th of memory, from 1 to 16 MiB. */
static size_t depot_bytes(void)
{
	return clamp(memblock_phys_mem_size() / 512, SZ_1M, SZ_16M);
}

static bool explain_fault(unsigned long kva, bool write, unsigned long pc)
{
	return guard_explain(kva, write, pc) || guard_pages_explain(kva, write, pc);
}

/* Returns whether there is a hook. */
static bool init_pages(void)
{
	bool records = page_poison || page_owner || guardpage_minorder;

	if (records && page_debug_init()) {
		page_ops.alloc = page_debug_alloc_hook;
		page_ops.free = page_debug_free_hook;
		page_ops.split = page_debug_split_hook;
		page_ops.forget = page_debug_forget_hook;
		if (guardpage_minorder) {
			page_ops.guard_order = guardpage_minorder;
			page_ops.guard = guard_pages_keep;
			pr_info("Setting debug_guardpage_minorder to %u\n", guardpage_minorder);
		}
	} else {
		records = false;
	}
	if (fault_pages_wanted())
		page_ops.should_fail = page_should_fail;
	return records || page_ops.should_fail;
}

void mm_debug_init(void)
{
	if (debug_leaks) {
		page_owner = true;
		slab_debug_track_all = true;
	}
	/* A report of a guard without the block's owner would say little. */
	if (guardpage_minorder)
		page_owner = true;
	if ((page_owner || page_poison || guard_interval || slab_debug_wanted() ||
	     fault_pages_wanted() || fault_slab_wanted()) &&
	    !stack_depot_init(depot_bytes()))
		pr_warn("stackdepot: no memory: reports will name nobody\n");
	if (init_pages())
		page_debug = &page_ops;

	slab_object_debug = &slab_object_debug_ops;
	if (guard_interval && guard_pool_init()) {
		slab_ops.guard_alloc = guard_alloc;
		slab_ops.guard_free = guard_free;
		slab_ops.guard_size = guard_size;
		slab_ops.guard_forget = guard_forget;
	}
	if (fault_slab_wanted())
		slab_ops.should_fail = slab_should_fail;
	if (slab_ops.guard_alloc || slab_ops.should_fail)
		slab_debug_ops = &slab_ops;
	fault_inject_init();
	if (guard_interval || guardpage_minorder)
		mm_explain_fault = explain_fault;
}

int mm_debug_check(void)
{
	return slab_debug_validate() + guard_pool_check();
}

unsigned int mm_debug_shutdown(void)
{
	int bad = (fail_walk ? (int)fail_walk_run() : 0) + mm_debug_check();

	if (bad)
		pr_err("mm_debug: %d broken objects were found\n", bad);
	if (debug_leaks)
		leaks_report();
	return (unsigned int)bad;
}

/* ------------------------------------------------------------------ helpers */

bool debug_number(const char **p, u64 *v)
{
	const char *s = *p;

	*v = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(*v, 10ULL, v) ||
		    __builtin_add_overflow(*v, (u64)(*s - '0'), v))
			return false;
	if (s == *p)
		return false;
	*p = s;
	return true;
}

const u8 *find_other_byte(const void *p, u8 want, size_t n)
{
	const u64 words = want * 0x0101010101010101ULL;
	const u8 *at = p, *end = at + n;

	for (; at < end && (unsigned long)at % sizeof(u64); at++)
		if (*at != want)
			return at;
	while (at + sizeof(u64) <= end && *(const u64 *)at == words)
		at += sizeof(u64);
	for (; at < end; at++)
		if (*at != want)
			return at;
	return NULL;
}

void hex_dump(const char *title, const void *p, size_t n)
{
	const u8 *at = p, *end = at + n;

	for (; at < end; at += 16) {
		size_t part = min((size_t)(end - at), (size_t)16), i;
		char hex[16 * 3 + 1], text[17];

		for (i = 0; i < 16; i++) {
			quire_snprintf(hex + 3 * i, 4, i < part ? "%02x " : "   ",
				       i < part ? at[i] : 0);
			text[i] = (char)(i >= part			? '\0'
					 : at[i] >= ' ' && at[i] < 0x7f ? at[i]
									: '.');
		}
		text[16] = '\0';
		pr_err("%s%p: %s %s\n", title, at, hex, text);
	}
}
