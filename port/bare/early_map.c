// SPDX-License-Identifier: MIT
/*
 * The first page tables: the identity map (TTBR0_EL1) and init_pg_dir (TTBR1_EL1), 48 bits.
 *
 * Table pages come from two pools in the image (quire.lds). With 4 KiB pages the identity map needs at most: the root, two tables
 * each of levels 1 and 2 and five of level 3 for an image of up to 8 MiB, two more of levels 1 and 2 for the
 * device tree, one of each level for a UART that a failing boot maps: 17. init_pg_dir: 1 + 2 + 2 + 5.
 * With 16 KiB, where the image and the 4 MiB at the tree lie in two blocks at most: 1 + 2 + 2 + 2, and 2 + 2 + 2 as the tree is mapped by
 * pages, and 3: 16; 1 + 2 + 2 + 2. With 64 KiB the root is of level 1: 1 + 2 + 2, 2 + 2, 2: 11; 1 + 2 + 2.
 *
 * The identity map is built with the MMU off: aligned accesses only, no library calls; see early.h. The text of the image is mapped
 * executable and read-only, all else writable and not executable: there is no moment with both.
 */
#include <quire/string.h>

#include "early.h"

#define BITS (PAGE_SHIFT - 3)
#define PTRS (1U << BITS)
/* An entry of level 2 is a table or a block of this size: 2 MiB, 32 MiB, 512 MiB. 48 bits: the root is of level 0, 0, 1. */
#define BLOCK_SHIFT (PAGE_SHIFT + BITS)
#define BLOCK_SIZE BIT(BLOCK_SHIFT)
#define LEVEL1_SHIFT (BLOCK_SHIFT + BITS)
#define LEVEL0_SHIFT (LEVEL1_SHIFT + BITS)

/*
 * Zero a page with the MMU off: no dirty line of it may be left in a cache, to be written back over what is stored here.
 * volatile: this must stay a loop of aligned stores.
 */
static __early void zero_page_uncached(u64 page)
{
	volatile u64 *p = (u64 *)page, *end = p + PTRS;

	dcache_inval_poc_range(page, page + PAGE_SIZE);
	for (; p != end; p += 16) {
		p[0] = 0, p[1] = 0, p[2] = 0, p[3] = 0;
		p[4] = 0, p[5] = 0, p[6] = 0, p[7] = 0;
		p[8] = 0, p[9] = 0, p[10] = 0, p[11] = 0;
		p[12] = 0, p[13] = 0, p[14] = 0, p[15] = 0;
	}
}

static __early u64 pool_page(struct early_pool *pool)
{
	u64 page = pool->next;

	if (page >= pool->end)
		return 0;
	if (pool->uncached)
		zero_page_uncached(page);
	else
		memset((void *)(page + pool->offset), 0, PAGE_SIZE);
	pool->next += PAGE_SIZE;
	return page;
}

/* The table of the next level that *entry points to, made when there is none; 0: no page left. */
static __early u64 *next_table(struct early_pool *pool, volatile u64 *entry)
{
	u64 desc = *entry;

	if (!(desc & EARLY_PTE_VALID)) {
		u64 page = pool_page(pool);

		if (!page)
			return NULL;
		desc = page | EARLY_PTE_TYPE;
		*entry = desc;
	}
	return (u64 *)((desc & EARLY_PTE_ADDR) + pool->offset);
}

__early int early_map_range(struct early_pool *pool, u64 root, u64 va, u64 pa, u64 size, u64 prot)
{
	u64 end = va + size;

	while (va != end) {
		volatile u64 *table = (u64 *)(root + pool->offset);
		volatile u64 *entry;
		u64 stop;

		if (LEVEL0_SHIFT < 48) {
			table = next_table(pool, &table[(va & GENMASK(47, 0)) >> LEVEL0_SHIFT]);
			if (!table)
				return -ENOMEM;
		}
		table = next_table(pool, &table[((va & GENMASK(47, 0)) >> LEVEL1_SHIFT) % PTRS]);
		if (!table)
			return -ENOMEM;
		entry = &table[(va >> BLOCK_SHIFT) % PTRS];
		if (!(*entry & EARLY_PTE_VALID) && IS_ALIGNED(va | pa, BLOCK_SIZE) &&
		    end - va >= BLOCK_SIZE) {
			*entry = pa | prot | EARLY_PTE_VALID;
			va += BLOCK_SIZE;
			pa += BLOCK_SIZE;
			continue;
		}
		stop = ALIGN_DOWN(va, BLOCK_SIZE) + BLOCK_SIZE;
		if (end - va < stop - va)
			stop = end;
		if ((*entry & EARLY_PTE_TYPE) == EARLY_PTE_VALID) { /* a block: mapped already */
			pa += stop - va;
			va = stop;
			continue;
		}
		table = next_table(pool, entry);
		if (!table)
			return -ENOMEM;
		for (; va != stop; va += PAGE_SIZE, pa += PAGE_SIZE) {
			entry = &table[(va >> PAGE_SHIFT) % PTRS];
			if (!(*entry & EARLY_PTE_VALID))
				*entry = pa | prot | EARLY_PTE_TYPE;
		}
	}
	return 0;
}

static __early int map_identity(struct early_pool *pool, const char *start, const char *end,
				u64 prot)
{
	u64 pa = (u64)start;

	return early_map_range(pool, (u64)idmap_pg_dir, pa, pa, (u64)end - pa, prot);
}

__early int early_create_idmap(u64 fdt)
{
	struct early_pool pool = {
		.next = (u64)idmap_pg_dir + PAGE_SIZE,
		.end = (u64)early_uncached_end - IDMAP_SPARE_PAGES * PAGE_SIZE,
		.offset = 0,
		.uncached = true,
	};
	int err;

	if ((u64)_end > BIT(48))
		return -ERANGE;
	zero_page_uncached((u64)reserved_pg_dir);
	zero_page_uncached((u64)idmap_pg_dir);
	err = map_identity(&pool, _text, _etext, EARLY_PROT_RX);
	if (!err)
		err = map_identity(&pool, __start_rodata, __end_rodata, EARLY_PROT_RW);
	if (!err)
		err = map_identity(&pool, __end_rodata, __inittext_end, EARLY_PROT_RX);
	if (!err)
		err = map_identity(&pool, __inittext_end, __data_end, EARLY_PROT_RW);
	if (!err)
		err = map_identity(&pool, __stack_start, _end, EARLY_PROT_RW);
	/*
	 * The boot protocol: the tree may be mapped cacheable in 2 MiB blocks, so none of its blocks holds what must not be.
	 * Where it shares a block with the image, the image's pages stay.
	 */
	if (!err && fdt && fdt < BIT(48) - SZ_4M) {
		u64 start = ALIGN_DOWN(fdt, SZ_2M);

		err = early_map_range(&pool, (u64)idmap_pg_dir, start, start,
				      ALIGN(fdt + MAX_FDT_SIZE, SZ_2M) - start, EARLY_PROT_RW);
	}
	/* The walker reads the tables through the caches: drop what was speculatively read of them. */
	dcache_inval_poc_range((u64)reserved_pg_dir, pool.next);
	return err;
}
