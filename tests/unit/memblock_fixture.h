/* SPDX-License-Identifier: MIT */
/*
 * Shared by the memblock tests: an empty memblock with its first arrays, and the log in a buffer.
 */
#ifndef TESTS_MEMBLOCK_FIXTURE_H
#define TESTS_MEMBLOCK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/event.h>
#include <quire/memblock.h>
#include <quire/printk.h>

#define MAX_REGIONS 20000UL

static char logged[1 << 16];
static size_t logged_len;

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	if (fmt[0] == KERN_SOH[0])
		fmt += 2;
	n = quire_vsnprintf(logged + logged_len, sizeof(logged) - logged_len, fmt, args);
	va_end(args);
	logged_len = min(logged_len + (size_t)n, sizeof(logged) - 1);
	return n;
}

static struct memblock_region *memory_init, *reserved_init;
static unsigned long memory_init_max, reserved_init_max;

static int fresh_memblock(void **state)
{
	(void)state;
	if (!memory_init) {
		memory_init = memblock.memory.regions;
		memory_init_max = memblock.memory.max;
		reserved_init = memblock.reserved.regions;
		reserved_init_max = memblock.reserved.max;
	}
	memblock.memory.regions = memory_init;
	memblock.memory.max = memory_init_max;
	memblock.reserved.regions = reserved_init;
	memblock.reserved.max = reserved_init_max;
	memblock.memory.cnt = memblock.reserved.cnt = physmem.cnt = 0;
	memblock.memory.total_size = memblock.reserved.total_size = physmem.total_size = 0;
	memblock.bottom_up = false;
	memblock.current_limit = MEMBLOCK_ALLOC_ANYWHERE;
	memblock_record_events = true;
	memblock_closed = false;
	movable_node_enabled = false;
	memblock_set_debug(false);
	event_log.nr = 0;
	logged_len = 0;
	logged[0] = 0;
	return 0;
}

static inline void assert_region(struct memblock_type *type, unsigned long i, phys_addr_t base,
				 phys_addr_t size, int nid, enum memblock_flags flags)
{
	assert_true(i < type->cnt);
	assert_int_equal(type->regions[i].base, base);
	assert_int_equal(type->regions[i].size, size);
	assert_int_equal(type->regions[i].nid, nid);
	assert_int_equal(type->regions[i].flags, flags);
}

/* A number sequence that is the same everywhere. */
static u32 test_seed = 1;

static inline u32 test_random(void)
{
	test_seed = test_seed * 1664525 + 1013904223;
	return test_seed >> 8;
}

/* A permutation of 0 .. n-1. */
static inline const u32 *shuffled(unsigned long n)
{
	static u32 order[MAX_REGIONS];
	unsigned long i, j;

	for (i = 0; i < n; i++)
		order[i] = (u32)i;
	for (i = n - 1; i; i--) {
		j = test_random() % (i + 1);
		swap(order[i], order[j]);
	}
	return order;
}

#endif
