// SPDX-License-Identifier: MIT
/*
 * What Linux takes from memblock between setup_arch and the hand-over: gigantic pages, the log buffer, the early hash
 * tables, KFENCE's, bounce buffers; and the sizes of hash tables that follow.
 *
 * All sizes follow from the command line, the amount of memory and the number of CPUs. Where a request fails Linux asks
 * for half, or goes without; so does this.
 */
#include <stdlib.h>

#include <quire/boot.h>
#include <quire/mmzone.h>
#include <quire/params.h>
#include <quire/pgtable.h>
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

#include "predict.h"

struct linux_gigantic *linux_gigantic;
unsigned long nr_linux_gigantic;
struct linux_hash linux_hashes[MAX_LINUX_HASHES];
unsigned int nr_linux_hashes;
struct linux_swiotlb linux_swiotlb;
unsigned long linux_kernel_pages;
phys_addr_t linux_kfence_pool;

/* ------------------------------------------------------------------ hash tables */

/* From here on, each fourfold of memory gives a table twice the size, not four times. */
#define ADAPT_FROM_PAGES ((64UL << 30) >> PAGE_SHIFT)
#define ADAPT_SHIFT 2

unsigned long linux_memmap_pages(unsigned long spanned, unsigned long present)
{
	unsigned long pages;

	if (!linux_before(0x60a))
		return 0;
	/* With few holes the map is counted for all of the zone. */
	pages = spanned > present + (present >> 4) ? present : spanned;
	pages = PAGE_ALIGN(pages * build_profile->page_size_of) >> PAGE_SHIFT;
	return pages <= present ? pages : 0;
}

void linux_count_kernel_pages(void)
{
	phys_addr_t start, end;
	struct zone *zone;
	u64 i;

	linux_kernel_pages = 0;
	if (linux_before(0x60a)) {
		for_each_zone(zone) linux_kernel_pages +=
			zone->present_pages -
			linux_memmap_pages(zone->spanned_pages, zone->present_pages);
		return;
	}
	for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
	{
		if (PFN_UP(start) < PFN_DOWN(end))
			linux_kernel_pages += PFN_DOWN(end) - PFN_UP(start);
	}
}

static unsigned int order_of(unsigned long size)
{
	unsigned long pages = DIV_ROUND_UP(size, PAGE_SIZE);

	return pages > 1 ? (unsigned int)ilog2(pages - 1) + 1 : 0;
}

/* log2 of the entries of a table that the command line, or memory, sizes. */
static unsigned int hash_shift(unsigned long bucket, unsigned long entries, unsigned int scale,
			       unsigned long least, unsigned long limit)
{
	unsigned long most = limit, adapt;

	if (!entries) {
		entries = ALIGN(linux_kernel_pages, SZ_1M / PAGE_SIZE);
		for (adapt = ADAPT_FROM_PAGES; !limit && adapt < entries; adapt <<= ADAPT_SHIFT)
			scale++;
		if (scale > PAGE_SHIFT)
			entries >>= scale - PAGE_SHIFT;
		else
			entries <<= PAGE_SHIFT - scale;
		if (entries * bucket < PAGE_SIZE)
			entries = PAGE_SIZE / bucket;
	}
	entries = roundup_pow_of_two(entries);
	if (!most)
		most = (linux_kernel_pages << PAGE_SHIFT) / 16 / bucket;
	most = min(most, 0x80000000UL);
	entries = min(max(entries, least), most);
	return entries ? (unsigned int)ilog2(entries) : 0;
}

static void hash_table(const char *name, unsigned long bucket, unsigned long entries,
		       unsigned int scale, unsigned long least)
{
	unsigned int shift = hash_shift(bucket, entries, scale, least, 0);
	unsigned long size = bucket << shift;

	/* With more than one node the tables come later, spread over the nodes by vmalloc. */
	if (!linux_params.spread_hash) {
		while (!linux_alloc("alloc_large_system_hash", size, SMP_CACHE_BYTES)) {
			if (size <= PAGE_SIZE || !shift)
				panic("Failed to allocate %s hash table", name);
			size = bucket << --shift;
		}
	}
	linux_hashes[nr_linux_hashes++] = (struct linux_hash){
		.name = name,
		.entries = 1UL << shift,
		.bytes = size,
		.order = order_of(size),
		.vmalloc = linux_params.spread_hash,
	};
}

void linux_vfs_caches_init_early(void)
{
	unsigned int nodes = 0;
	int nid;

	event_step("vfs_caches_init_early");
	for_each_online_node(nid) nodes += NODE_DATA(nid)->node_present_pages != 0;
	linux_params.spread_hash &= nodes > 1;
	nr_linux_hashes = 0;
	hash_table("Dentry cache", 8, linux_params.dhash_entries, 13, 2);
	hash_table("Inode-cache", 8, linux_params.ihash_entries, 14, 0);
}

/* Room for call stacks by their hash, where the slab allocator keeps its callers. */
void linux_stack_depot(void)
{
	unsigned int shift;

	if (!linux_params.stack_depot)
		return;
	event_step("stack_depot_early_init");
	shift = hash_shift(16, 0, 14, 1UL << 12, 1UL << 20);
	linux_request(REQUEST_TRY_NID_RAW, "alloc_large_system_hash", 16UL << shift,
		      SMP_CACHE_BYTES, 0, MEMBLOCK_ALLOC_ACCESSIBLE, NUMA_NO_NODE);
}

/* ------------------------------------------------------------------ the log */

/* A record takes 2^5 bytes on average. */
#define RECORD_SHIFT 5

void linux_setup_log_buf(void)
{
	static const char who[] = "setup_log_buf";
	u64 size = linux_params.log_buf_len, descs, extra;

	event_step("setup_log_buf");
	if (!size && nr_cpus_possible > 1) {
		extra = (nr_cpus_possible - 1ULL) << build_profile->log_cpu_max_buf_shift;
		if (extra > (1ULL << build_profile->log_buf_shift) / 2)
			size = roundup_pow_of_two(extra + (1ULL << build_profile->log_buf_shift));
	}
	descs = size >> RECORD_SHIFT;
	if (!descs || !linux_alloc(who, size, 8) ||
	    !linux_alloc(who, descs * build_profile->prb_desc, 8))
		return;
	linux_alloc(who, descs * build_profile->printk_info, 8);
}

/* ------------------------------------------------------------------ KFENCE */

#define PAGES_PER_KFENCE_OBJECT 2

phys_addr_t linux_kfence_pool_size(void)
{
	return (build_profile->kfence_num_objects + 1) * PAGES_PER_KFENCE_OBJECT * PAGE_SIZE;
}

void linux_kfence_metadata(void)
{
	static const char who[] = "kfence_alloc_pool_and_metadata";
	u64 size = PAGE_ALIGN(build_profile->kfence_num_objects * build_profile->kfence_metadata);

	if (!build_profile->kfence || !linux_params.kfence_sample_interval)
		return;
	event_step("kfence_alloc_pool_and_metadata");
	if (!linux_kfence_pool)
		linux_kfence_pool = linux_alloc(who, linux_kfence_pool_size(), PAGE_SIZE);
	if (linux_kfence_pool && !linux_alloc(who, size, PAGE_SIZE))
		linux_free(who, linux_kfence_pool, linux_kfence_pool_size());
}

/* ------------------------------------------------------------------ gigantic pages */

static u64 memory_nodes(void)
{
	u64 nodes = 0;
	int nid;

	for_each_online_node(nid) if (NODE_DATA(nid)->node_present_pages) nodes |= 1ULL << nid;
	return nodes;
}

/* The next node with memory after nid, the first again after the last. */
static int next_node(int nid)
{
	u64 nodes = memory_nodes(), above = nid < 63 ? nodes >> (nid + 1) << (nid + 1) : 0;

	return (int)__ffs(above ? above : nodes);
}

static void note_gigantic(phys_addr_t base, u64 size)
{
	struct linux_gigantic *more;

	/* Only the first page's structure is written. */
	memblock_reserved_mark_noinit(base + PAGE_SIZE, size - PAGE_SIZE);
	more = realloc(linux_gigantic, (nr_linux_gigantic + 1) * sizeof(*more));
	if (!more)
		panic("no memory for the list of gigantic pages");
	linux_gigantic = more;
	linux_gigantic[nr_linux_gigantic++] = (struct linux_gigantic){base, size};
}

/* `count` pages of `size`, one node after the other; a node that has none is passed over. */
static void gigantic_pages(u64 size, unsigned long count)
{
	unsigned int nr = (unsigned int)__builtin_popcountll(memory_nodes()), tries;
	phys_addr_t found;
	int nid;

	for (nid = (int)__ffs(memory_nodes()); count; count--) {
		found = 0;
		for (tries = 0; !found && tries < nr; tries++, nid = next_node(nid))
			found = linux_request(REQUEST_TRY_NID_RAW, "__alloc_bootmem_huge_page",
					      size, size, 0, MEMBLOCK_ALLOC_ACCESSIBLE, nid);
		if (!found)
			return;
		note_gigantic(found, size);
	}
}

/* Sizes that this granule has, and that the page allocator does not give. */
static bool is_gigantic(u64 size)
{
	const unsigned int pmd = PAGE_SHIFT + PAGE_SHIFT - 3;
	const unsigned int cont_pmd = PAGE_SHIFT == 12 ? 4 : 5;
	bool exists = size == 1ULL << (pmd + cont_pmd) || (PAGE_SHIFT == 12 && size == SZ_1G);

	return exists && size > PAGE_SIZE << build_profile->max_page_order;
}

void linux_hugetlb(void)
{
	static char copy[COMMAND_LINE_SIZE];
	char *args = copy, *param, *val;
	u64 size = 0;

	if (!build_profile->hugetlb)
		return;
	quire_strlcpy(copy, boot_command_line, sizeof(copy));
	while (*args == ' ')
		args++;
	while (*args) {
		args = next_arg(args, &param, &val);
		if (!val)
			continue;
		if (parameq(param, "hugepagesz") || parameq(param, "default_hugepagesz"))
			size = memparse(val, NULL);
		else if (parameq(param, "hugepages") && size && is_gigantic(size))
			gigantic_pages(size, (unsigned long)memparse(val, NULL));
	}
}

/* ------------------------------------------------------------------ bounce buffers */

#define SLOT_SIZE 2048UL
#define SEGMENT_SLOTS 128UL
#define MIN_SLOTS (SZ_1M / SLOT_SIZE)
#define DEFAULT_SLOTS (SZ_64M / SLOT_SIZE)

static unsigned long slots;
static unsigned int areas;

/* Each area has a segment at least, and the number of slots is a power of two. */
static void round_up_slots(void)
{
	if (areas && slots < SEGMENT_SLOTS * areas)
		slots = SEGMENT_SLOTS * areas;
	else if (!areas || is_power_of_2(slots))
		return;
	slots = roundup_pow_of_two(slots);
}

static void set_areas(unsigned int n)
{
	areas = (unsigned int)roundup_pow_of_two(max(n, 1U));
	round_up_slots();
}

static unsigned int limit_areas(unsigned int n, unsigned long of)
{
	return of < n * SEGMENT_SLOTS ? (unsigned int)(of / SEGMENT_SLOTS) : n;
}

void linux_swiotlb_init(void)
{
	static const char who[] = "swiotlb_init_remap";
	const struct linux_params *p = &linux_params;
	bool needed = max_pfn > PFN_DOWN(arm64_dma_phys_limit);
	unsigned long n;
	unsigned int nareas;
	phys_addr_t base;

	event_step("swiotlb_init");
	linux_swiotlb = (struct linux_swiotlb){0};
	slots = p->swiotlb_slabs ? ALIGN(p->swiotlb_slabs, SEGMENT_SLOTS) : DEFAULT_SLOTS;
	areas = 0;
	if (p->swiotlb_areas)
		set_areas(p->swiotlb_areas);
	if (build_profile->bounce_unaligned_kmalloc && !needed) {
		/* Only for small buffers of kmalloc: 1 MiB for each GiB of memory. */
		u64 size = DIV_ROUND_UP(memblock_phys_mem_size(), 1024);

		size = min(size, (u64)slots * SLOT_SIZE);
		if (slots == DEFAULT_SLOTS) {
			slots = ALIGN(ALIGN(size, SLOT_SIZE) / SLOT_SIZE, SEGMENT_SLOTS);
			round_up_slots();
		}
		needed = true;
	}
	if ((!needed && !p->swiotlb_force) || p->swiotlb_off)
		return;
	if (!areas)
		set_areas(nr_cpus_possible);
	n = slots;
	nareas = limit_areas(areas, n);
	while (!(base = linux_request(REQUEST_TRY_NID, who, PAGE_ALIGN(n * SLOT_SIZE), PAGE_SIZE, 0,
				      arm64_dma_phys_limit - 1, NUMA_NO_NODE))) {
		if (n <= MIN_SLOTS)
			return;
		n = ALIGN(n / 2, SEGMENT_SLOTS);
		nareas = limit_areas(nareas, n);
	}
	if (!linux_alloc(who, PAGE_ALIGN(build_profile->io_tlb_slot * n), PAGE_SIZE) ||
	    !linux_alloc(who, build_profile->io_tlb_area * nareas, SMP_CACHE_BYTES))
		return;
	linux_swiotlb = (struct linux_swiotlb){base, n * SLOT_SIZE, nareas};
}
