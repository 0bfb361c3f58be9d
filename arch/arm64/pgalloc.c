// SPDX-License-Identifier: MIT
/*
 * Pages for translation tables: from memblock until the page allocator is up, then from it.
 *
 * A change of the tables first counts what it needs and fills a pool, then takes pages from it, which cannot fail.
 * Counting first lets memblock give all pages of a change in one piece, one reservation for what Linux asks for page by page
 * (early_pgtable_alloc).
 *
 * Locking: pools belong to their caller. Fill and drain call the page allocator and are therefore called without the
 * page tables' lock.
 */
#include <quire/memblock.h>

#include "pgtable.h"

phys_addr_t (*pgtable_alloc_hook)(void);
void (*pgtable_free_hook)(phys_addr_t table);
unsigned long early_pgtable_pages;

static void chain_push(struct table_pool *pool, int level, phys_addr_t table)
{
	WRITE_ONCE(*table_ptr(level, table), pool->chain);
	pool->chain = table;
	pool->count++;
}

/* What came back while there was a hook to allocate but none to free. */
static struct table_pool spare;
static spinlock_t spare_lock = SPINLOCK_INIT;

static phys_addr_t alloc_one(void)
{
	phys_addr_t table = 0;

	if (spare.count) {
		unsigned long flags = spin_lock_irqsave(&spare_lock);

		if (spare.count)
			table = table_pool_take(&spare, MAX_LEVEL);
		spin_unlock_irqrestore(&spare_lock, flags);
		if (table)
			return table;
	}
	if (pgtable_alloc_hook)
		return pgtable_alloc_hook();
	table = memblock_phys_alloc_range(PAGE_SIZE, PAGE_SIZE, 0, MEMBLOCK_ALLOC_NOLEAKTRACE);
	if (table)
		early_pgtable_pages++;
	return table;
}

static void free_one(phys_addr_t table)
{
	if (pgtable_free_hook) {
		pgtable_free_hook(table);
	} else if (!pgtable_alloc_hook) {
		memblock_phys_free(table, PAGE_SIZE);
		early_pgtable_pages--;
	} else {
		unsigned long flags = spin_lock_irqsave(&spare_lock);

		chain_push(&spare, MAX_LEVEL, table);
		spin_unlock_irqrestore(&spare_lock, flags);
	}
}

int table_pool_fill(struct table_pool *pool, unsigned long n)
{
	struct table_pool more = {0};

	if (!pgtable_alloc_hook && n > 1 && pool->next == pool->end) {
		phys_addr_t base = memblock_phys_alloc_range(n * PAGE_SIZE, PAGE_SIZE, 0,
							     MEMBLOCK_ALLOC_NOLEAKTRACE);

		if (base) {
			early_pgtable_pages += n;
			pool->next = base;
			pool->end = base + n * PAGE_SIZE;
			pool->count += n;
			return 0;
		}
	}
	while (more.count < n) {
		phys_addr_t table = alloc_one();

		if (!table) {
			table_pool_drain(&more);
			return -ENOMEM;
		}
		chain_push(&more, MAX_LEVEL, table);
	}
	while (more.count)
		chain_push(pool, MAX_LEVEL, table_pool_take(&more, MAX_LEVEL));
	return 0;
}

phys_addr_t table_pool_take(struct table_pool *pool, int level)
{
	phys_addr_t table;

	pool->count--;
	if (pool->next != pool->end) {
		table = pool->next;
		pool->next += PAGE_SIZE;
		return table;
	}
	table = pool->chain;
	pool->chain = port_get_pte(table_ptr(level, table));
	return table;
}

void table_pool_put(struct table_pool *pool, int level, phys_addr_t table)
{
	chain_push(pool, level, table);
}

void table_pool_drain(struct table_pool *pool)
{
	while (pool->count)
		free_one(table_pool_take(pool, MAX_LEVEL));
}
