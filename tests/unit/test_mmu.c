// SPDX-License-Identifier: MIT
/*
 * paging_init and mark_rodata_ro on machines of a few banks, judged page by page by the software MMU.
 *
 *   WORLD_BASE        +2M       +4M            +16M          end      4G            8G+1G
 *   |    ram          | image   |    ram       |nomap|  ram  |        |  far bank    |
 *                      text|rodata|inittext|initdata|data, tables
 */
/* links: @tables */
/* granules: 12 14 16 */
#include <pthread.h>
#include <quire/memblock.h>

#include "fixmap_world.h"

#define VA_BITS 48
#define IMAGE (WORLD_BASE + SZ_2M)
#define IMAGE_SIZE SZ_2M
#define WORLD_END (WORLD_BASE + WORLD_PAGES * PAGE_SIZE)
#define NOMAP (WORLD_BASE + SZ_16M + 0x800)
#define NOMAP_SIZE 0x5100UL
#define FAR 0x100000000UL
#define FAR_SIZE (4 * SZ_1G + SZ_1G + SZ_64K)

static const struct kimage_segment segments[] = {
	{"text", 0, SZ_64K * 4, KIMAGE_RX},
	{"rodata", SZ_64K * 4, SZ_64K * 6, KIMAGE_RO},
	{"inittext", SZ_64K * 6, SZ_64K * 8, KIMAGE_INIT_RX},
	{"initdata", SZ_64K * 8, SZ_64K * 9, KIMAGE_INIT_RW},
	{"data", SZ_64K * 9, IMAGE_SIZE, KIMAGE_RW},
};

/* A machine up to paging_init. */
static void machine(unsigned int va_bits, enum rodata_mode mode)
{
	world_image_tables = IMAGE + SZ_1M;
	world_init(va_bits, va_bits == 52 ? 52 : 48, va_bits == 52);
	memset(shown, 0, sizeof(shown));
	pgtable_alloc_hook = NULL;
	pgtable_free_hook = NULL;
	early_pgtable_pages = 0;
	rodata_mode = mode;
	assert_int_equal(va_layout_init(va_bits), 0);
	boot_params.image = (struct kimage){
		.phys = IMAGE,
		.size = IMAGE_SIZE,
		.kva = va_layout.kimage_vaddr,
		.nr_segments = ARRAY_SIZE(segments),
	};
	memcpy(boot_params.image.segment, segments, sizeof(segments));
	memstart_addr = WORLD_BASE;

	memblock_remove(0, PHYS_ADDR_MAX);
	memblock_phys_free(0, PHYS_ADDR_MAX);
	memblock_add(WORLD_BASE, WORLD_END - WORLD_BASE);
	memblock_add(FAR, FAR_SIZE);
	memblock_mark_nomap(NOMAP, NOMAP_SIZE);
	memblock_reserve(IMAGE, IMAGE_SIZE);
	memblock_set_current_limit(WORLD_END);
	mmu_reset();
	early_fixmap_init();
}

static void whole(void)
{
	if (mmu_errors())
		fail_msg("%s", mmu_first_error());
	assert_int_equal(kernel_pgtable_check(), 0);
}

enum { NONE, RW, RO, RX, RWX };

static void expect_at(unsigned long kva, phys_addr_t pa, int what)
{
	struct mmu_result r;
	bool mapped = mmu_translate(kva, MMU_READ, &r);

	if (mapped != (what != NONE))
		fail_msg("0x%lx is %smapped", kva, mapped ? "" : "not ");
	if (!mapped)
		return;
	assert_int_equal(r.pa, pa);
	if (mmu_translate(kva, MMU_WRITE, &r) != (what == RW || what == RWX))
		fail_msg("0x%lx: writable is wrong", kva);
	if (mmu_translate(kva, MMU_EXEC, &r) != (what == RX || what == RWX))
		fail_msg("0x%lx: executable is wrong", kva);
}

static bool overlaps(phys_addr_t page, phys_addr_t base, u64 size)
{
	return page < base + size && page + PAGE_SIZE > base;
}

static void expect_linear(phys_addr_t page, int alias)
{
	int what = RW;

	if (page + PAGE_SIZE > WORLD_END && page < FAR)
		what = NONE;
	else if (page + PAGE_SIZE > FAR + FAR_SIZE || overlaps(page, NOMAP, NOMAP_SIZE))
		what = NONE;
	else if (page >= IMAGE && page < IMAGE + segments[2].start)
		what = alias;
	expect_at(phys_to_kva(page), page, what);
}

static void expect_linear_map(int alias)
{
	for (phys_addr_t page = WORLD_BASE; page < WORLD_END + 4 * PAGE_SIZE; page += PAGE_SIZE)
		expect_linear(page, alias);
	for (phys_addr_t page = FAR - 2 * PAGE_SIZE; page < FAR + FAR_SIZE + 4 * PAGE_SIZE;
	     page += page < FAR + FAR_SIZE - 20 * PAGE_SIZE && page > FAR + 20 * PAGE_SIZE
			     ? SZ_2M - 3 * PAGE_SIZE
			     : PAGE_SIZE)
		expect_linear(page & PAGE_MASK, alias);
}

static void expect_image(int text, int rodata, int inittext)
{
	const int what[] = {text, rodata, inittext, RW, RW};

	for (unsigned int i = 0; i < ARRAY_SIZE(segments); i++)
		for (u64 at = segments[i].start; at < segments[i].end; at += PAGE_SIZE)
			expect_at(boot_params.image.kva + at, IMAGE + at, what[i]);
	expect_at(boot_params.image.kva + IMAGE_SIZE, 0, NONE);
	expect_at(boot_params.image.kva - PAGE_SIZE, 0, NONE);
}

/* The walk of kva leads through the table. */
static bool passes(unsigned long kva, phys_addr_t table)
{
	struct walk w;

	kernel_walk(kva, &w);
	for (unsigned int i = 0; i < w.nr_steps; i++)
		if (w.step[i].table == table)
			return true;
	return false;
}

static void the_kernel_and_all_memory_are_mapped(void **state)
{
	static const unsigned int sizes[] = {PAGE_SHIFT == 12	? 39
					     : PAGE_SHIFT == 14 ? 47
								: 42,
					     48, 52};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct pgtable_stats s;
		unsigned long tables = 0;

		machine(sizes[i], RODATA_FULL);
		set_fixmap(FIX_EARLYCON, 0x9000000, PROT_DEVICE_nGnRE);
		paging_init();
		whole();
		expect_linear_map(RO);
		expect_image(RX, RO, RX);
		/* What was in the fixmap is there still; the slots for tables are not. */
		expect_at(fix_to_virt(FIX_EARLYCON), 0x9000000, RW);
		for (unsigned int idx = FIX_PTE; idx <= FIX_PGD; idx++)
			expect_at(fix_to_virt(idx), 0, NONE);
		assert_false(memblock_is_reserved(world_image_tables + PAGE_SIZE));
		assert_true(memblock_is_reserved(world_image_tables));
		/* Every page that memblock gave hangs in the tree. */
		pgtable_stats_tree(&kernel_pgtable, 0, 0, &s);
		for (unsigned int k = 0; k < ARRAY_SIZE(s.table_pages); k++)
			tables += s.table_pages[k];
		for (unsigned int k = 0; k < NR_BM_TABLES; k++)
			tables -= passes(fix_to_virt(FIX_FDT_END), port_bm_table(k)) ||
				  passes(fix_to_virt(FIX_EARLYCON), port_bm_table(k));
		assert_int_equal(early_pgtable_pages, tables - 1);
		mark_rodata_ro();
		whole();
		expect_image(RX, RO, RO);
		assert_int_equal(kernel_check_wx(), 0);
	}
}

static void rodata_modes(void **state)
{
	machine(VA_BITS, RODATA_ON);
	paging_init();
	expect_linear_map(RO);
	expect_image(RX, RO, RX);
	whole();
	machine(VA_BITS, RODATA_OFF);
	paging_init();
	mark_rodata_ro();
	expect_linear_map(RO);
	expect_image(RWX, RW, RWX);
	whole();
}

/* The far bank is 1 GiB aligned on both sides: the largest blocks, and table pages for its ends alone. */
static void large_banks_cost_few_tables(void **state)
{
	struct pgtable_stats s;
	unsigned long start;

	machine(VA_BITS, RODATA_FULL);
	paging_init();
	start = phys_to_kva(FAR);
	kernel_pgtable_stats(start, start + 4 * SZ_1G, &s);
	if (PAGE_SHIFT == 12) {
		assert_int_equal(s.leaves_by_level[2], 4);
		assert_int_equal(s.leaves_by_level[4], 0);
	} else {
		assert_int_equal((s.leaves_by_level[3] +
				  s.contiguous_runs_by_level[3] * contiguous_entries(2)) *
					 level_size(2),
				 4 * SZ_1G);
		assert_int_equal(s.leaves_by_level[4] + s.contiguous_runs_by_level[4], 0);
	}
	assert_in_range(early_pgtable_pages, 3, 14);
}

/* Tables are counted some at a time; the sum is that of one walk, wherever it begins and ends. */
static void counts_in_pieces_are_those_of_one_walk(void **state)
{
	const u64 span = PAGE_SIZE << (PAGE_SHIFT - 3);
	struct pgtable_stats pieces, whole_tree;
	unsigned long at, start;
	unsigned int i;

	machine(VA_BITS, RODATA_FULL);
	paging_init();
	/* Beyond the image. */
	at = (boot_params.image.kva & ~(span - 1)) + 16 * SZ_1G;
	for (i = 0; i < 150; i++)
		assert_int_equal(kernel_map(at + i * span + i % 3 * PAGE_SIZE, WORLD_BASE,
					    PAGE_SIZE, PAGE_KERNEL, 0),
				 0);
	for (i = 0; i < 6; i++) {
		start = i < 2 ? va_layout.page_offset : at + i * span + (i % 2) * PAGE_SIZE;
		memset(&pieces, 0xff, sizeof(pieces));
		kernel_pgtable_stats(start, i % 2 ? at + 77 * span : -PAGE_SIZE, &pieces);
		pgtable_stats_tree(&kernel_pgtable, start, i % 2 ? at + 77 * span : -PAGE_SIZE,
				   &whole_tree);
		assert_memory_equal(&pieces, &whole_tree, sizeof(pieces));
		assert_true(pieces.table_pages[MAX_LEVEL + 1] >= 70);
	}
}

static bool counted;

static void *count(void *arg)
{
	kernel_pgtable_stats(va_layout.page_offset, -PAGE_SIZE, arg);
	__atomic_store_n(&counted, true, __ATOMIC_RELEASE);
	return NULL;
}

/* An unmapping on another CPU gives tables back: who counts waits for it. */
static void tables_are_counted_with_the_lock_held(void **state)
{
	struct pgtable_stats s;
	pthread_t thread;

	machine(VA_BITS, RODATA_FULL);
	paging_init();
	counted = false;
	spin_lock(&kernel_pgtable.lock);
	assert_int_equal(pthread_create(&thread, NULL, count, &s), 0);
	while (!spin_waiters(&kernel_pgtable.lock))
		assert_false(__atomic_load_n(&counted, __ATOMIC_ACQUIRE));
	spin_unlock(&kernel_pgtable.lock);
	pthread_join(thread, NULL);
	assert_true(counted && s.table_pages[kernel_pgtable.top + 1] == 1);
	assert_int_equal(kernel_pgtable.lock.word, 0);
}

/* Two regions that differ in a flag and touch in the middle of a page: one bank. */
static void regions_that_touch_are_one_bank(void **state)
{
	phys_addr_t middle = FAR + SZ_1G + 0x800;

	machine(VA_BITS, RODATA_FULL);
	memblock_mark_hotplug(middle, FAR + FAR_SIZE - middle);
	paging_init();
	expect_at(phys_to_kva(middle & PAGE_MASK), middle & PAGE_MASK, RW);
	whole();
}

/* The table that maps a block lies in the block: it is reached through the fixmap while the block is broken. */
static void a_block_that_holds_its_own_table_is_split(void **state)
{
	struct walk w;
	unsigned long kva;
	phys_addr_t page;

	machine(VA_BITS, RODATA_FULL);
	paging_init();
	/* Tables come from the end of the world. */
	page = WORLD_END - 2 * PAGE_SIZE * 64;
	kva = phys_to_kva(page);
	kernel_walk(phys_to_kva(WORLD_END - PAGE_SIZE), &w);
	assert_int_equal(w.result, WALK_OK);
	assert_int_equal(kernel_protect(kva, PAGE_SIZE, PAGE_KERNEL_RO), 0);
	expect_at(kva, page, RO);
	expect_at(kva + PAGE_SIZE, page + PAGE_SIZE, RW);
	expect_at(kva - PAGE_SIZE, page - PAGE_SIZE, RW);
	whole();
	assert_int_equal(kernel_map(kva, page, PAGE_SIZE, PAGE_KERNEL, 0), 0);
	expect_linear_map(RO);
	whole();
}

static void what_must_not_be_is_reported(void **state)
{
	unsigned long kva;

	machine(VA_BITS, RODATA_FULL);
	paging_init();
	mark_rodata_ro();
	kva = boot_params.image.kva + segments[4].start;
	assert_int_equal(kernel_protect(kva, 3 * PAGE_SIZE, PAGE_KERNEL_EXEC), 0);
	assert_int_equal(kernel_check_wx(), 3);
	assert_int_equal(kernel_pgtable_check(), 3);
	assert_int_equal(kernel_protect(kva, 3 * PAGE_SIZE, PAGE_KERNEL), 0);
	assert_int_equal(kernel_check_wx(), 0);
	assert_int_equal(kernel_pgtable_check(), 0);
	/* The linear map over NOMAP memory, over no memory, and with another address than it says. */
	kva = phys_to_kva(NOMAP & PAGE_MASK);
	assert_int_equal(kernel_map(kva, NOMAP & PAGE_MASK, PAGE_SIZE, PAGE_KERNEL, 0), 0);
	assert_true(kernel_pgtable_check() > 0);
	assert_int_equal(kernel_unmap(kva, PAGE_SIZE), 0);
	assert_int_equal(kernel_pgtable_check(), 0);
	assert_int_equal(
		kernel_map(phys_to_kva(FAR - SZ_1G), FAR - SZ_1G, PAGE_SIZE, PAGE_KERNEL, 0), 0);
	assert_true(kernel_pgtable_check() > 0);
	assert_int_equal(kernel_unmap(phys_to_kva(FAR - SZ_1G), PAGE_SIZE), 0);
	assert_int_equal(kernel_map(phys_to_kva(FAR - SZ_1G), FAR, PAGE_SIZE, PAGE_KERNEL, 0), 0);
	assert_true(kernel_pgtable_check() > 0);
	assert_int_equal(kernel_unmap(phys_to_kva(FAR - SZ_1G), PAGE_SIZE), 0);
	assert_int_equal(kernel_pgtable_check(), 0);
	/* A table page that its allocator would give to somebody else. */
	struct walk w;

	kernel_walk(boot_params.image.kva, &w);
	memblock_phys_free(w.step[1].table, PAGE_SIZE);
	assert_true(kernel_pgtable_check() > 0);
}

static void no_room_for_tables_is_a_panic(void **state)
{
	machine(VA_BITS, RODATA_FULL);
	memblock_reserve(WORLD_BASE, WORLD_END - WORLD_BASE);
	expect_assert_failure(paging_init());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_and_all_memory_are_mapped),
		cmocka_unit_test(rodata_modes),
		cmocka_unit_test(large_banks_cost_few_tables),
		cmocka_unit_test(counts_in_pieces_are_those_of_one_walk),
		cmocka_unit_test(tables_are_counted_with_the_lock_held),
		cmocka_unit_test(regions_that_touch_are_one_bank),
		cmocka_unit_test(a_block_that_holds_its_own_table_is_split),
		cmocka_unit_test(what_must_not_be_is_reported),
		cmocka_unit_test(no_room_for_tables_is_a_panic),
	};
	return cmocka_run_group_tests_name("mmu", tests, NULL, NULL);
}
