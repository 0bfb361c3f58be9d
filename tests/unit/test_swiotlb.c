// SPDX-License-Identifier: MIT
/* granules: 12 14 16 */
/*
 * Bounce buffers: the pool's size is Linux's, buffers do not meet and keep what is in them, everything comes back. The file itself is
 * included, to begin anew for every machine and to break what the check has to see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include <pthread.h>

#include "mm/kmem/swiotlb.c"

#include "device_log.h"

struct page *vmemmap, *page_index_base;
unsigned long page_base_pfn, max_pfn;
unsigned int nr_cpus_possible;
phys_addr_t arm64_dma_phys_limit;

u64 parse_size(const char *s, const char **end, bool *overflow)
{
	if (*s < '0' || *s > '9') {
		*end = s;
		return 0;
	}
	return strtoull(s, (char **)end, 0);
}

/* ---- memory: RAM from BASE on, in an arena; boot memory is taken from its beginning */
#define BASE 0x40000000UL
#define ARENA (1UL << 30)
static char *arena;
static size_t boot_used, boot_live, largest_free;
static unsigned int fail_after; /* so many boot allocations succeed; 0: all */
static u64 ram;

phys_addr_t memblock_phys_mem_size(void)
{
	return ram;
}

dma_addr_t phys_to_dma(const struct device *dev, phys_addr_t phys)
{
	return phys;
}

void *memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				 phys_addr_t max_addr, int nid)
{
	char *p;

	if (size > largest_free || (fail_after && !--fail_after))
		return NULL;
	boot_live += size;
	boot_used = ALIGN(boot_used, (size_t)align);
	p = arena + boot_used;
	boot_used += size;
	assert_true(boot_used < ARENA / 2);
	return p;
}

void memblock_free(void *p, size_t size)
{
	assert_true((char *)p >= arena && (char *)p + size <= arena + boot_used);
	boot_live -= size;
}

static struct device device;

static void machine(u64 bytes, unsigned int cpus, const char *option)
{
	if (!arena) {
		arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_true(arena != MAP_FAILED);
		/* Boot memory is not cleared. */
		memset(arena, 0xa5, 16 << 20);
	}
	physvirt_offset = (s64)((u64)(unsigned long)arena - BASE);
	memset(&pool, 0, sizeof(pool));
	default_nslabs = IO_TLB_DEFAULT_SIZE >> IO_TLB_SHIFT;
	default_nareas = 0;
	force_bounce = force_disable = false;
	boot_used = boot_live = 0;
	if (!largest_free)
		largest_free = ARENA;
	log_clear();
	host_cpu = 0;
	ram = bytes;
	nr_cpus_possible = cpus;
	max_pfn = PHYS_PFN(BASE + bytes);
	arm64_dma_phys_limit = min(BASE + bytes, (u64)SZ_4G);
	device = (struct device){.name = "device"};
	if (option)
		assert_null(swiotlb_setup(option));
	swiotlb_init();
	assert_int_equal(swiotlb_check(), 0);
}

static void nothing_is_left(void)
{
	struct swiotlb_stats stats;
	unsigned long i;

	assert_int_equal(swiotlb_check(), 0);
	swiotlb_get_stats(&stats);
	assert_int_equal(stats.used, 0);
	for (i = 0; i < pool.nslabs / IO_TLB_SEGSIZE; i++)
		assert_int_equal(pool.segments[i].free, IO_TLB_SEGSIZE);
}

static char *ptr(phys_addr_t phys)
{
	return phys_to_virt(phys);
}

/* Where buffers' originals lie: the arena's second half. */
#define ORIG (BASE + ARENA / 2)

/* ---- tests */

/* What Linux 6.12 said on machines of these sizes. */
static void the_pool_is_as_large_as_linux_has_it(void **state)
{
	static const struct {
		u64 ram;
		unsigned int cpus;
		const char *option;
		size_t size;
		const char *says[2];
	} t[] = {
		{128UL << 20,
		 2,
		 NULL,
		 524288,
		 {"SWIOTLB bounce buffer size adjusted to 0MB\n",
		  "SWIOTLB bounce buffer size roundup to 0MB\n"}},
		{1UL << 30, 2, NULL, 1048576, {"size adjusted to 1MB\n", "area num 2.\n"}},
		{1UL << 30, 8, NULL, 2097152, {"area num 8.\n", "size roundup to 2MB\n"}},
		{6UL << 30, 2, NULL, 67108864, {"(64MB)\n", "software IO TLB: mapped [mem 0x"}},
		{6UL << 30, 3, NULL, 67108864, {"area num 4.\n", "(64MB)\n"}},
		{2UL << 30, 2, "65536,force", 134217728, {"area num 2.\n", "(128MB)\n"}},
		{2UL << 30, 2, "100,4", 1048576, {"area num 4.\n", "(1MB)\n"}},
		{6UL << 30, 2, "noforce", 0, {"", ""}},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		machine(t[i].ram, t[i].cpus, t[i].option);
		assert_int_equal(pool.end - pool.start, t[i].size);
		assert_true(logged(t[i].says[0]) && logged(t[i].says[1]));
		assert_true(is_swiotlb_active() == (t[i].size != 0));
	}
	machine(1UL << 30, 2, "force");
	assert_true(is_swiotlb_force_bounce());
	assert_non_null(swiotlb_setup("lots"));
	assert_non_null(swiotlb_setup("12,2,perhaps"));
	assert_non_null(swiotlb_setup("99999999999"));
	assert_non_null(swiotlb_setup(NULL));
}

static void where_memory_is_short_the_pool_is_smaller(void **state)
{
	largest_free = 5UL << 20;
	machine(6UL << 30, 2, NULL);
	assert_int_equal(pool.end - pool.start, 4UL << 20);
	assert_true(logged("adjusted 32768 -> 2048 slabs\n"));
	largest_free = SZ_1M - 1;
	machine(6UL << 30, 2, NULL);
	assert_false(is_swiotlb_active());
	assert_true(swiotlb_tbl_map_single(&device, ORIG, 100, DMA_TO_DEVICE) == PHYS_ADDR_MAX);
	largest_free = 0;
}

/* Each of the three allocations that describe the pool fails once. */
static void a_pool_that_cannot_be_described_is_given_back(void **state)
{
	for (unsigned int ok = 1; ok <= 3; ok++) {
		fail_after = ok + 1;
		machine(6UL << 30, 2, NULL);
		assert_int_equal(fail_after, 0);
		assert_false(is_swiotlb_active());
		assert_int_equal(boot_live, 0);
		assert_true(logged("no memory for the descriptions of 32768 slots"));
		assert_true(swiotlb_tbl_map_single(&device, ORIG, 1, DMA_TO_DEVICE) ==
			    PHYS_ADDR_MAX);
	}
	fail_after = 5;
	machine(6UL << 30, 2, NULL);
	assert_true(is_swiotlb_active());
	fail_after = 0;
}

struct buffer {
	phys_addr_t orig, at;
	size_t size;
	enum dma_data_direction dir;
};

static void fill(phys_addr_t at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		ptr(at)[i] = (char)(seed * 7 + i * 13);
}

static bool filled(phys_addr_t at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (ptr(at)[i] != (char)(seed * 7 + i * 13))
			return false;
	return true;
}

static void unmap_and_look(struct buffer *b, unsigned int seed)
{
	/* What came in is still there; the device writes something else. */
	assert_true(filled(b->at, b->size, seed));
	fill(b->at, b->size, seed + 100);
	swiotlb_tbl_unmap_single(&device, b->at, b->size, b->dir, true);
	assert_true(filled(b->orig, b->size, b->dir == DMA_TO_DEVICE ? seed : seed + 100));
	b->size = 0;
}

static void random_buffers(const struct device_dma_parameters *parms, const char *option)
{
	static struct buffer have[200];
	unsigned int i, k, x = 11, refused = 0, served = 0;
	size_t largest;

	machine(1UL << 30, 4, option);
	device.dma_parms = parms;
	largest = swiotlb_max_mapping_size(&device);
	memset(have, 0, sizeof(have));
	for (i = 0; i < 8000; i++) {
		u64 keep = parms ? parms->min_align_mask : 0;
		u64 boundary = parms ? parms->segment_boundary_mask : 0;
		struct buffer *b;

		x = x * 1103515245 + 12345;
		k = (x >> 8) % ARRAY_SIZE(have);
		b = &have[k];
		host_cpu = (x >> 16) % 4;
		if (b->size) {
			unmap_and_look(b, k);
			continue;
		}
		b->size = 1 + (x >> 10) % ((x >> 28) ? 9000 : largest);
		b->orig = ORIG + (u64)k * SZ_1M + (x >> 4) % 5000;
		b->dir = (enum dma_data_direction)((x >> 13) % 3);
		fill(b->orig, b->size, k);
		b->at = swiotlb_tbl_map_single(&device, b->orig, b->size, b->dir);
		if (b->at == PHYS_ADDR_MAX) {
			b->size = 0;
			refused++;
			continue;
		}
		served++;
		assert_true(is_swiotlb_buffer(b->at) && is_swiotlb_buffer(b->at + b->size - 1));
		assert_int_equal(b->at & keep, b->orig & keep);
		if (!keep && b->size >= PAGE_SIZE)
			assert_true(IS_ALIGNED(b->at, PAGE_SIZE));
		if (boundary)
			assert_int_equal((b->at ^ (b->at + b->size - 1)) & ~boundary, 0);
		if (i % 500 == 0)
			assert_int_equal(swiotlb_check(), 0);
	}
	assert_true(served > 1000 && refused > 10);
	for (k = 0; k < ARRAY_SIZE(have); k++)
		if (have[k].size)
			unmap_and_look(&have[k], k);
	nothing_is_left();
	device.dma_parms = NULL;
}

static void random_buffers_keep_their_contents(void **state)
{
	random_buffers(NULL, NULL);
}

static void random_buffers_keep_address_bits(void **state)
{
	static const struct device_dma_parameters nvme = {.min_align_mask = 4095};
	static const struct device_dma_parameters coarse = {.min_align_mask = 0xffff};
	static const struct device_dma_parameters fine = {.min_align_mask = 511};

	random_buffers(&nvme, "1024");
	random_buffers(&coarse, "2048");
	random_buffers(&fine, "640");
}

static void no_buffer_crosses_a_boundary(void **state)
{
	static const struct device_dma_parameters narrow = {.segment_boundary_mask = 0xffff};

	random_buffers(&narrow, "1024");
}

static void a_full_pool_refuses_and_is_whole_again(void **state)
{
	static phys_addr_t at[1 << 14];
	struct swiotlb_stats stats;
	unsigned int n = 0, i;

	machine(1UL << 30, 3, NULL);
	while ((at[n] = swiotlb_tbl_map_single(&device, ORIG, 2048, DMA_TO_DEVICE)) !=
	       PHYS_ADDR_MAX)
		n++;
	swiotlb_get_stats(&stats);
	assert_int_equal(n, stats.nslabs);
	assert_int_equal(stats.used, n);
	assert_int_equal(swiotlb_check(), 0);
	/* Every other one: nothing of two slots is free. */
	for (i = 0; i < n; i += 2)
		swiotlb_tbl_unmap_single(&device, at[i], 2048, DMA_TO_DEVICE, true);
	assert_true(swiotlb_tbl_map_single(&device, ORIG, 2049, DMA_TO_DEVICE) == PHYS_ADDR_MAX);
	assert_true(swiotlb_tbl_map_single(&device, ORIG, 1, DMA_TO_DEVICE) != PHYS_ADDR_MAX);
	for (i = 1; i < n; i += 2)
		swiotlb_tbl_unmap_single(&device, at[i], 2048, DMA_TO_DEVICE, true);
	swiotlb_tbl_unmap_single(&device, at[0], 1, DMA_TO_DEVICE, true);
	swiotlb_get_stats(&stats);
	assert_int_equal(stats.hiwater, n);
	nothing_is_left();
}

static void the_largest_buffer_is_a_segment(void **state)
{
	static const struct device_dma_parameters nvme = {.min_align_mask = 4095};
	phys_addr_t at;

	machine(1UL << 30, 2, NULL);
	assert_int_equal(swiotlb_max_mapping_size(&device), 256 << 10);
	at = swiotlb_tbl_map_single(&device, ORIG, 256 << 10, DMA_TO_DEVICE);
	assert_true(at != PHYS_ADDR_MAX);
	swiotlb_tbl_unmap_single(&device, at, 256 << 10, DMA_TO_DEVICE, true);
	assert_true(swiotlb_tbl_map_single(&device, ORIG, (256 << 10) + 1, DMA_TO_DEVICE) ==
		    PHYS_ADDR_MAX);
	assert_true(swiotlb_tbl_map_single(&device, ORIG, 0, DMA_TO_DEVICE) == PHYS_ADDR_MAX);
	device.dma_parms = &nvme;
	assert_int_equal(swiotlb_max_mapping_size(&device), 252 << 10);
	nothing_is_left();
}

static void parts_are_synchronised(void **state)
{
	phys_addr_t at;

	machine(1UL << 30, 2, NULL);
	fill(ORIG, 200000, 1);
	at = swiotlb_tbl_map_single(&device, ORIG, 200000, DMA_BIDIRECTIONAL);
	assert_true(filled(at, 200000, 1));
	/* Far behind the first slot, and across words of its segment's bits. */
	ptr(at + 150001)[0] = 'd';
	swiotlb_sync_single_for_cpu(&device, at + 150001, 1, DMA_FROM_DEVICE);
	assert_int_equal(ptr(ORIG)[150001], 'd');
	ptr(ORIG + 70000)[0] = 'c';
	swiotlb_sync_single_for_device(&device, at + 70000, 1, DMA_TO_DEVICE);
	assert_int_equal(ptr(at)[70000], 'c');
	/* Not in this direction. */
	ptr(at + 5)[0] = 'x';
	swiotlb_sync_single_for_cpu(&device, at + 5, 1, DMA_TO_DEVICE);
	assert_true(ptr(ORIG)[5] != 'x');
	/* Beyond its end: cut. */
	ptr(ORIG + 200000)[0] = 'y';
	swiotlb_sync_single_for_cpu(&device, at + 199999, 2, DMA_FROM_DEVICE);
	assert_int_equal(ptr(ORIG)[200000], 'y');
	assert_true(logged("Buffer overflow detected"));
	/* Without copying out. */
	ptr(at)[0] = 'z';
	swiotlb_tbl_unmap_single(&device, at, 200000, DMA_FROM_DEVICE, false);
	assert_true(ptr(ORIG)[0] != 'z');
	nothing_is_left();
}

static void what_is_no_buffer_is_reported_and_left_alone(void **state)
{
	phys_addr_t at;

	machine(1UL << 30, 2, NULL);
	at = swiotlb_tbl_map_single(&device, ORIG, 5000, DMA_TO_DEVICE);
	swiotlb_tbl_unmap_single(&device, at + 2048, 100, DMA_TO_DEVICE, true);
	swiotlb_tbl_unmap_single(&device, ORIG, 100, DMA_TO_DEVICE, true);
	swiotlb_tbl_unmap_single(&device, pool.end - 2048, 100, DMA_TO_DEVICE, true);
	assert_true(logged("is no bounce buffer that could be unmapped"));
	swiotlb_sync_single_for_cpu(&device, at + 8192, 1, DMA_FROM_DEVICE);
	assert_true(logged("no bounce buffer is at"));
	assert_int_equal(pool.used, 3);
	swiotlb_tbl_unmap_single(&device, at, 5000, DMA_TO_DEVICE, true);
	/* Twice. */
	log_clear();
	swiotlb_tbl_unmap_single(&device, at, 5000, DMA_TO_DEVICE, true);
	assert_true(logged("is no bounce buffer"));
	nothing_is_left();
}

static void the_check_sees_what_is_wrong(void **state)
{
	phys_addr_t at;
	long i;

	machine(1UL << 30, 2, NULL);
	at = swiotlb_tbl_map_single(&device, ORIG, 5000, DMA_TO_DEVICE);
	i = (long)((at - pool.start) >> IO_TLB_SHIFT);
	assert_int_equal(swiotlb_check(), 0);
	pool.segments[0].free++;
	assert_int_equal(swiotlb_check(), 1);
	pool.segments[0].free--;
	pool.slots[i].nslots++;
	assert_int_equal(swiotlb_check(), 1);
	pool.slots[i].nslots--;
	pool.segments[0].first[0] |= 2ULL << i;
	pool.slots[i + 1] = pool.slots[i];
	pool.slots[i + 1].nslots = 2;
	pool.slots[i + 1].size = 10;
	assert_int_equal(swiotlb_check(), 1);
	pool.segments[0].first[0] &= ~(2ULL << i);
	pool.areas[0].used++;
	assert_int_equal(swiotlb_check(), 1);
	pool.areas[0].used--;
	pool.used++;
	pool.hiwater++;
	assert_int_equal(swiotlb_check(), 1);
	pool.used--;
	swiotlb_tbl_unmap_single(&device, at, 5000, DMA_TO_DEVICE, true);
	nothing_is_left();
}

#define THREADS 3

static void *user(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, i, k;
	phys_addr_t orig = ORIG + (u64)cpu * SZ_16M, at[8] = {0};

	host_cpu = cpu;
	for (i = 0; i < 8000; i++) {
		size_t size;

		k = (i * 5 + cpu) % 8;
		size = 100 + k * 3000;
		if (at[k]) {
			assert_true(filled(at[k], size, cpu * 8 + k));
			swiotlb_sync_single_for_cpu(&device, at[k] + size / 2, 10, DMA_FROM_DEVICE);
			swiotlb_tbl_unmap_single(&device, at[k], size, DMA_FROM_DEVICE, true);
			at[k] = 0;
			continue;
		}
		fill(orig + k * SZ_64K, size, cpu * 8 + k);
		at[k] = swiotlb_tbl_map_single(&device, orig + k * SZ_64K, size, DMA_FROM_DEVICE);
		if (at[k] == PHYS_ADDR_MAX)
			at[k] = 0;
	}
	for (k = 0; k < 8; k++)
		if (at[k])
			swiotlb_tbl_unmap_single(&device, at[k], 100 + k * 3000, DMA_FROM_DEVICE,
						 true);
	return NULL;
}

static void several_cpus(void **state)
{
	pthread_t t[THREADS];
	unsigned int i;

	/* One area for all, and one each. */
	for (unsigned int areas = 1; areas <= 4; areas += 3) {
		machine(1UL << 30, THREADS, areas == 1 ? "512,1" : "512,4");
		for (i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&t[i], NULL, user, (void *)(uintptr_t)i),
					 0);
		for (i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		nothing_is_left();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_is_as_large_as_linux_has_it),
		cmocka_unit_test(where_memory_is_short_the_pool_is_smaller),
		cmocka_unit_test(a_pool_that_cannot_be_described_is_given_back),
		cmocka_unit_test(random_buffers_keep_their_contents),
		cmocka_unit_test(random_buffers_keep_address_bits),
		cmocka_unit_test(no_buffer_crosses_a_boundary),
		cmocka_unit_test(a_full_pool_refuses_and_is_whole_again),
		cmocka_unit_test(the_largest_buffer_is_a_segment),
		cmocka_unit_test(parts_are_synchronised),
		cmocka_unit_test(what_is_no_buffer_is_reported_and_left_alone),
		cmocka_unit_test(the_check_sees_what_is_wrong),
		cmocka_unit_test(several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
