// SPDX-License-Identifier: MIT
/*
 * Call chains, each kept once, and named by a 32-bit number.
 *
 *   table[hash]   -> record -> record -> 0        records lie one behind another in the pool, for good
 *   record        next, hash, nr, entries[nr]     handle = its place in the pool in words, plus 1
 *
 * Owns the pool, which mm_debug_init() takes from memblock: keeping a chain allocates nothing, so any allocator may do it in any
 * context. A full pool loses chains, and counts them.
 *
 * Invariants: a record does not change once it is linked. Locking: readers none, records are published by a release; who adds
 * takes depot_lock, interrupts off, and looks once more. Nobody else's lock is taken under it.
 *
 * Against Linux (lib/stackdepot.c): there pools are allocated as needed, and records may be given back.
 */
#include <quire/memblock.h>
#include <quire/printk.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#include "debug.h"

#define DEPOT_BUCKETS 4096U

struct stack_record {
	u32 next; /* handle */
	u32 hash;
	u32 nr, pad;
	unsigned long entries[];
};

static u32 *table;
static u64 *pool;
static u32 pool_words, pool_used;
static unsigned long nr_stacks, nr_lost;
static spinlock_t depot_lock = SPINLOCK_INIT;

bool stack_depot_init(size_t bytes)
{
	size_t head = DEPOT_BUCKETS * sizeof(u32);
	char *p;

	if (pool)
		return true;
	bytes = ALIGN(max(bytes, 2 * head), PAGE_SIZE);
	p = memblock_alloc(bytes, PAGE_SIZE);
	if (!p)
		return false;
	table = (u32 *)p;
	pool_words = (u32)((bytes - head) / sizeof(u64));
	__atomic_store_n(&pool, (u64 *)(p + head), __ATOMIC_RELEASE);
	return true;
}

static struct stack_record *record_of(depot_stack_handle_t handle)
{
	return (struct stack_record *)(pool + (handle - 1));
}

static u32 hash_entries(const unsigned long *entries, unsigned int nr)
{
	u64 h = nr * 0x9e3779b97f4a7c15ULL;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		h = (h ^ entries[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return (u32)h;
}

static depot_stack_handle_t find(u32 hash, const unsigned long *entries, unsigned int nr)
{
	depot_stack_handle_t h = __atomic_load_n(&table[hash % DEPOT_BUCKETS], __ATOMIC_ACQUIRE);

	for (; h; h = record_of(h)->next) {
		const struct stack_record *r = record_of(h);

		if (r->hash == hash && r->nr == nr &&
		    !memcmp(r->entries, entries, nr * sizeof(*entries)))
			return h;
	}
	return 0;
}

static depot_stack_handle_t add(u32 hash, const unsigned long *entries, unsigned int nr)
{
	u32 words = (u32)(sizeof(struct stack_record) / sizeof(u64)) + nr;
	depot_stack_handle_t h = pool_used + 1;
	struct stack_record *r = record_of(h);

	if (words > pool_words - pool_used) {
		__atomic_store_n(&nr_lost, nr_lost + 1, __ATOMIC_RELAXED);
		return 0;
	}
	__atomic_store_n(&pool_used, pool_used + words, __ATOMIC_RELAXED);
	nr_stacks++;
	r->hash = hash;
	r->nr = nr;
	r->next = table[hash % DEPOT_BUCKETS];
	memcpy(r->entries, entries, nr * sizeof(*entries));
	__atomic_store_n(&table[hash % DEPOT_BUCKETS], h, __ATOMIC_RELEASE);
	return h;
}

depot_stack_handle_t stack_depot_save(const unsigned long *entries, unsigned int nr)
{
	depot_stack_handle_t h;
	unsigned long flags;
	u32 hash;

	if (!nr || !__atomic_load_n(&pool, __ATOMIC_ACQUIRE))
		return 0;
	hash = hash_entries(entries, nr);
	h = find(hash, entries, nr);
	if (h)
		return h;
	flags = spin_lock_irqsave(&depot_lock);
	h = find(hash, entries, nr);
	if (!h)
		h = add(hash, entries, nr);
	spin_unlock_irqrestore(&depot_lock, flags);
	return h;
}

noinline depot_stack_handle_t stack_depot_here(unsigned int skip)
{
	unsigned long entries[STACK_DEPTH];

	/* Without this function itself. */
	return stack_depot_save(entries, port_stack_trace(entries, STACK_DEPTH, skip + 1));
}

unsigned int stack_depot_fetch(depot_stack_handle_t handle, const unsigned long **entries)
{
	const u32 head = (u32)(sizeof(struct stack_record) / sizeof(u64));
	u32 used = __atomic_load_n(&pool_used, __ATOMIC_RELAXED), behind;
	const struct stack_record *r;

	if (!handle || handle > used)
		return 0;
	/* The number may come from a note that somebody wrote over, and lead into the middle of a chain. */
	behind = used - (handle - 1);
	r = record_of(handle);
	if (behind < head || r->nr > behind - head || r->hash != hash_entries(r->entries, r->nr))
		return 0;
	*entries = r->entries;
	return r->nr;
}

void stack_depot_print(depot_stack_handle_t handle)
{
	const unsigned long *entries;
	unsigned int nr = stack_depot_fetch(handle, &entries), i;

	/* A call, not the instruction after it, which may be another function's. */
	for (i = 0; i < nr; i++)
		pr_err(" %pS\n", (void *)(entries[i] - 1));
	if (!nr)
		pr_err(" (the call chain is not known)\n");
}

void stack_depot_get_stats(struct stack_depot_stats *st)
{
	unsigned long flags = spin_lock_irqsave(&depot_lock);

	st->stacks = nr_stacks;
	st->bytes = pool_used * sizeof(u64);
	st->bytes_max = pool_words * sizeof(u64);
	st->lost = nr_lost;
	spin_unlock_irqrestore(&depot_lock, flags);
}
