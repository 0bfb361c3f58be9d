/* SPDX-License-Identifier: MIT */
/*
 * Hash tables whose size follows the size of memory. Owns no data; the caller owns the table, which is never freed.
 *
 * The arithmetic is Linux's (alloc_large_system_hash), so that the sizes in the log are the same. Tables larger than a
 * buddy block come from memblock only: they are asked for early.
 */
#include <quire/gfp.h>
#include <quire/memblock.h>
#include <quire/printk.h>

/* From here on, each fourfold of memory gives a table twice the size, not four times. */
#define ADAPT_FROM_PAGES ((64UL << 30) >> PAGE_SHIFT)
#define ADAPT_SHIFT 2

/* Free pages, as memblock has them: after the hand-over its regions still tell what was free then. */
static unsigned long free_pages_of_boot(void)
{
	unsigned long pages = 0;
	phys_addr_t start, end;
	u64 i;

	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end,
				NULL) if (PFN_UP(start) < PFN_DOWN(end)) pages +=
		PFN_DOWN(end) - PFN_UP(start);
	return pages;
}

/* Entries for `pages` pages of memory. */
static unsigned long entries_for(unsigned long pages, unsigned long bucketsize, int scale,
				 unsigned long high_limit)
{
	unsigned long n = ALIGN(pages, SZ_1M / PAGE_SIZE), adapt;

	if (!high_limit)
		for (adapt = ADAPT_FROM_PAGES; adapt < n; adapt <<= ADAPT_SHIFT)
			scale++;
	if (scale > (int)PAGE_SHIFT)
		n >>= scale - PAGE_SHIFT;
	else
		n <<= PAGE_SHIFT - scale;
	return n * bucketsize < PAGE_SIZE ? PAGE_SIZE / bucketsize : n;
}

void *alloc_large_system_hash(const char *tablename, unsigned long bucketsize,
			      unsigned long numentries, int scale, int flags,
			      unsigned int *hash_shift, unsigned int *hash_mask,
			      unsigned long low_limit, unsigned long high_limit)
{
	unsigned long pages = free_pages_of_boot(), limit = high_limit, size;
	unsigned int shift;
	void *table;

	if (!numentries)
		numentries = entries_for(pages, bucketsize, scale, high_limit);
	numentries = roundup_pow_of_two(numentries);
	if (!limit)
		limit = (pages << PAGE_SHIFT) / 16 / bucketsize;
	limit = min(limit, 1UL << 31);
	numentries = min(max(numentries, low_limit), limit);
	shift = numentries ? (unsigned int)ilog2(numentries) : 0;

	for (;; shift--) {
		size = bucketsize << shift;
		if (!(flags & HASH_EARLY))
			table = alloc_pages_exact(size, flags & HASH_ZERO ? GFP_ATOMIC | __GFP_ZERO
									  : GFP_ATOMIC);
		else if (flags & HASH_ZERO)
			table = memblock_alloc(size, SMP_CACHE_BYTES);
		else
			table = memblock_alloc_raw(size, SMP_CACHE_BYTES);
		if (table || size <= PAGE_SIZE || !shift)
			break;
	}
	if (!table)
		panic("Failed to allocate %s hash table\n", tablename);

	pr_info("%s hash table entries: %lu (order: %u, %lu bytes, linear)\n", tablename,
		1UL << shift, get_order(size), size);
	if (hash_shift)
		*hash_shift = shift;
	if (hash_mask)
		*hash_mask = (1U << shift) - 1;
	return table;
}
