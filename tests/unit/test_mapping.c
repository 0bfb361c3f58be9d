// SPDX-License-Identifier: MIT
/*
 * Mapping, unmapping, protecting: against a model of one word a page, with the walker, the software MMU and the tree's own
 * check as judges.
 */
/* links: @tables */
/* granules: 12 14 16 */
#include "mapping_world.h"

bool host_ptr_to_kva(const void *p, unsigned long *kva)
{
	return false;
}

static u64 seed = 1;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL >> 11;
}

static u64 below(u64 n)
{
	return rnd() % n;
}

/* ------------------------------------------------------------------ the model */

#define MODEL_PAGES (1UL << 19)
#define NR_PROTS 4

/* pfn << 8 | protection + 1; 0: not mapped. */
static u64 *model;
static unsigned long model_base;

static pgprot_t prot_of(unsigned int i)
{
	const pgprot_t prots[NR_PROTS] = {PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX,
					  PROT_DEVICE_nGnRE};

	return prots[i];
}

static u64 attrs_of(u64 desc)
{
	u64 mask = desc_pa_mask(tree.pa52) | DESC_CONT | DESC_TABLE | DESC_VALID;

	return desc & ~mask;
}

static void expect_page(unsigned long page, u64 desc, phys_addr_t pa)
{
	u64 m = model[page];

	if (!m)
		fail_msg("page %lu is mapped to 0x%llx, the model has nothing", page,
			 (unsigned long long)pa);
	assert_int_equal(m >> 8, pa >> PAGE_SHIFT);
	assert_int_equal(attrs_of(desc), attrs_of(prot_of((m & 0xff) - 1).val));
}

static unsigned long seen_pages;
/* Kinds of leaf that came up: [level][contiguous]. */
static unsigned long seen_kind[4][2];

static int compare_leaf(const struct pgtable_leaf *leaf, void *arg)
{
	unsigned long page = (leaf->kva - model_base) >> PAGE_SHIFT;

	for (u64 i = 0; i < leaf->size >> PAGE_SHIFT; i++)
		expect_page(page + i, leaf->desc, leaf->pa + i * PAGE_SIZE);
	seen_pages += leaf->size >> PAGE_SHIFT;
	seen_kind[leaf->level][!!(leaf->desc & DESC_CONT)]++;
	return 0;
}

static void compare_all(void)
{
	unsigned long mapped = 0;

	seen_pages = 0;
	pgtable_for_each_leaf_tree(&tree, 0, 0, compare_leaf, NULL);
	for (unsigned long i = 0; i < MODEL_PAGES; i++)
		mapped += model[i] != 0;
	assert_int_equal(seen_pages, mapped);
}

/* One page by the TLB and by a walk. */
static void compare_page(unsigned long page)
{
	unsigned long kva = model_base + page * PAGE_SIZE + below(PAGE_SIZE);
	struct mmu_result r;
	struct walk w;

	pgtable_walk_tree(&tree, kva, &w);
	mmu_translate(kva, MMU_READ, &r);
	assert_int_equal(r.ok, model[page] != 0);
	assert_int_equal(w.result, model[page] ? WALK_OK : WALK_TRANSLATION);
	if (!model[page])
		return;
	assert_int_equal(r.pa, w.pa);
	expect_page(page, r.desc, r.pa);
	assert_int_equal(mmu_translate(kva, MMU_WRITE, &r), !(r.desc & DESC_RDONLY));
	assert_int_equal(mmu_translate(kva, MMU_EXEC, &r), !(r.desc & DESC_PXN));
}

/* ------------------------------------------------------------------ random changes */

/* Sizes worth meeting: a page, a run, a block, ... in pages. */
static unsigned long random_grain(void)
{
	const unsigned long run = contiguous_entries(3), block = TABLE_ENTRIES,
			    blocks = TABLE_ENTRIES * contiguous_entries(2);
	const unsigned long grains[] = {1, 1, run, run, block, block, blocks, MODEL_PAGES / 2};

	return grains[below(ARRAY_SIZE(grains))];
}

static unsigned long touched, nr_touched;

/* Fill the TLB with some of what is about to change, or look at it afterwards. */
static void touch(void)
{
	for (unsigned int k = 0; k < 16; k++)
		compare_page(touched + below(nr_touched));
	compare_page(touched);
	compare_page(touched + nr_touched - 1);
	for (unsigned int k = 0; k < 4; k++)
		compare_page(below(MODEL_PAGES));
}

static void random_range(unsigned long *first, unsigned long *n)
{
	unsigned long grain = random_grain();

	if (grain > MODEL_PAGES / 2)
		grain = MODEL_PAGES / 2;
	*first = below(MODEL_PAGES / grain) * grain;
	*n = (1 + below(5)) * grain;
	/* Now and then ends that are aligned to nothing. */
	if (below(3) == 0)
		*first += below(grain);
	if (below(3) == 0)
		*n += below(2 * TABLE_ENTRIES);
	if (*first + *n > MODEL_PAGES)
		*n = MODEL_PAGES - *first;
	touched = *first;
	nr_touched = *n;
	touch();
}

static int random_map(void)
{
	static const u64 offsets[] = {0, 0, 0, 1, 16, 512, 8192};
	unsigned int prot = (unsigned int)below(NR_PROTS), flags = (unsigned int)below(4);
	u64 offset = offsets[below(ARRAY_SIZE(offsets))];
	unsigned long first, n, i;
	phys_addr_t pa;
	int expected = 0, err;

	random_range(&first, &n);
	/* Mostly one offset from va to pa, so that maps overlap with the same addresses; sometimes others. */
	if (below(4))
		offset = 0;
	if (below(3))
		flags = 0;
	pa = 0x4000000000UL + (first + offset) * PAGE_SIZE;
	for (i = 0; i < n; i++)
		if (model[first + i] && model[first + i] >> 8 != (pa >> PAGE_SHIFT) + i)
			expected = -EEXIST;
	err = pgtable_map(&tree, model_base + first * PAGE_SIZE, pa, n * PAGE_SIZE, prot_of(prot),
			  flags);
	if (err != -ENOMEM)
		assert_int_equal(err, expected);
	for (i = 0; !err && i < n; i++)
		model[first + i] = ((pa >> PAGE_SHIFT) + i) << 8 | (prot + 1);
	return err;
}

static int random_unmap(void)
{
	unsigned long first, n, i;
	int err;

	random_range(&first, &n);
	err = pgtable_unmap(&tree, model_base + first * PAGE_SIZE, n * PAGE_SIZE);
	if (err != -ENOMEM)
		assert_int_equal(err, 0);
	for (i = 0; !err && i < n; i++)
		model[first + i] = 0;
	return err;
}

static int random_protect(void)
{
	unsigned int prot = (unsigned int)below(NR_PROTS);
	unsigned long first, n, i;
	int expected = 0, err;

	random_range(&first, &n);
	for (i = 0; i < n; i++)
		if (!model[first + i])
			expected = -ENOENT;
	err = pgtable_protect(&tree, model_base + first * PAGE_SIZE, n * PAGE_SIZE, prot_of(prot));
	if (err != -ENOMEM)
		assert_int_equal(err, expected);
	for (i = 0; !err && i < n; i++)
		model[first + i] = (model[first + i] & ~0xffULL) | (prot + 1);
	return err;
}

static int random_change(void)
{
	switch (below(8)) {
	case 0 ... 3:
		return random_map();
	case 4:
	case 5:
		return random_unmap();
	}
	return random_protect();
}

static void start(unsigned int va_bits, unsigned int pa_bits, bool lpa2, bool at_top)
{
	world_init(va_bits, pa_bits, lpa2);
	if (!model)
		model = malloc(MODEL_PAGES * sizeof(*model));
	assert_non_null(model);
	memset(model, 0, MODEL_PAGES * sizeof(*model));
	/* The lowest addresses of the tree, or the highest, whose end is 2^64. */
	model_base = at_top ? -(MODEL_PAGES * PAGE_SIZE) : -(1UL << va_bits);
}

static void random_changes(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		random_change();
		touch();
		if (i % 8 == 0) {
			world_check();
			compare_all();
		}
	}
	world_check();
	compare_all();
	assert_int_equal(pgtable_unmap(&tree, model_base, MODEL_PAGES * PAGE_SIZE - PAGE_SIZE), 0);
	assert_int_equal(
		pgtable_unmap(&tree, model_base + (MODEL_PAGES - 1) * PAGE_SIZE, PAGE_SIZE), 0);
	memset(model, 0, MODEL_PAGES * sizeof(*model));
	world_check();
	assert_int_equal(world_outstanding, 0);
}

struct geometry {
	unsigned int va_bits, pa_bits;
	bool lpa2;
};

static const struct geometry geometries[] = {
#if PAGE_SHIFT == 12
	{39, 40, false},
	{48, 48, false},
	{52, 52, true},
#elif PAGE_SHIFT == 14
	{47, 44, false},
	{48, 48, false},
	{52, 52, true},
#else
	{42, 44, false},
	{48, 48, false},
	{52, 52, false},
#endif
};

static void changes_agree_with_a_model_of_pages(void **state)
{
	memset(seen_kind, 0, sizeof(seen_kind));
	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		seed = 77 + g;
		start(geometries[g].va_bits, geometries[g].pa_bits, geometries[g].lpa2, g == 1);
		if (g == 1)
			model_base -= SZ_8M; /* an end of exactly 2^64 is refused */
		random_changes(300);
	}
	for (int level = 2; level <= 3; level++) {
		assert_true(seen_kind[level][0] > 0);
		assert_true(seen_kind[level][1] > 0);
	}
}

/* Fail every allocation of a change in turn: nothing may change, nothing may be lost. */
static void a_failed_allocation_changes_and_leaks_nothing(void **state)
{
	unsigned int failures = 0;

	seed = 4711;
	start(geometries[1].va_bits, geometries[1].pa_bits, false, false);
	for (unsigned int i = 0; i < 120; i++) {
		for (long fail_at = 0;; fail_at++) {
			u64 before = seed;
			int err;

			world_fail_after = fail_at;
			err = random_change();
			world_fail_after = -1;
			if (err != -ENOMEM)
				break;
			failures++;
			assert_int_equal(world_outstanding, world_tables());
			if (fail_at % 16 == 0)
				compare_all();
			/* The same change again, with one allocation more. */
			seed = before;
			if (fail_at > 40)
				fail_at += 37;
		}
		world_check();
	}
	compare_all();
	assert_true(failures > 50);
}

/* ------------------------------------------------------------------ chosen cases */

static void count_kind(unsigned long kva, u64 size, struct pgtable_stats *s)
{
	pgtable_stats_tree(&tree, kva, kva + size, s);
}

/*
 *   one level's runs and blocks, when addresses agree modulo 16 GiB (4K), 1 GiB (16K), 16 GiB (64K):
 *   |page..|run of pages..|block..|run of blocks..|...
 */
static void the_largest_leaves_are_used(void **state)
{
	struct pgtable_stats s;

	for (unsigned int g = 0; g < ARRAY_SIZE(geometries); g++) {
		unsigned int va_bits = geometries[g].va_bits;
		unsigned long kva = -(1UL << va_bits);
		u64 size = va_bits > 39 ? 1UL << (va_bits - 2) : 1UL << 38;
		u64 largest = 0, at;

		world_init(va_bits, geometries[g].pa_bits, geometries[g].lpa2);
		size = min_t(u64, size, 1UL << (geometries[g].pa_bits - 1));
		for (int level = 0; level <= 3; level++)
			if (level_has_leaf(level, tree.pa52) && level >= tree.top)
				largest = max(largest, level_size(level));
		assert_int_equal(pgtable_map(&tree, kva + PAGE_SIZE, PAGE_SIZE,
					     size - 2 * PAGE_SIZE, PAGE_KERNEL, 0),
				 0);
		count_kind(kva, size, &s);
		/* Two ends, at each level the entries that the next larger leaf leaves over. */
		for (int level = 3; level >= max(0, (int)tree.top); level--) {
			unsigned int run = contiguous_entries(level);
			unsigned long loose =
				level == 3 ? 2 * (run - 1) : 2 * (run > 1 ? run - 1 : 0);

			if (!level_has_leaf(level, tree.pa52))
				continue;
			if (run > 1) {
				assert_int_equal(s.leaves_by_level[level + 1],
						 size >= 2 * run * level_size(level) ? loose : 0);
				assert_true(s.contiguous_runs_by_level[level + 1] > 0);
			} else {
				assert_true(s.leaves_by_level[level + 1] > 0);
			}
		}
		for (at = PAGE_SIZE; at < size - PAGE_SIZE; at += size / 64 - PAGE_SIZE) {
			struct mmu_result r;

			assert_true(mmu_translate(kva + at, MMU_WRITE, &r));
			assert_int_equal(r.pa, at);
		}
		world_check();
	}
}

static void flags_keep_blocks_and_runs_away(void **state)
{
	unsigned long kva = -(1UL << geometries[1].va_bits);
	u64 block = level_size(2);
	struct pgtable_stats s;

	world_init(geometries[1].va_bits, geometries[1].pa_bits, false);
	assert_int_equal(
		pgtable_map(&tree, kva, 0, 2 * block, PAGE_KERNEL, MAP_NO_BLOCKS | MAP_NO_CONT), 0);
	count_kind(kva, 2 * block, &s);
	assert_int_equal(s.leaves_by_level[4], 2 * TABLE_ENTRIES);
	assert_int_equal(s.leaves_by_level[3] + s.contiguous_runs_by_level[4], 0);
	world_check();
	/* Pages whose addresses disagree below the block: pages again. */
	assert_int_equal(pgtable_map(&tree, kva + 2 * block, PAGE_SIZE, block, PAGE_KERNEL, 0), 0);
	count_kind(kva + 2 * block, block, &s);
	assert_int_equal(s.leaves_by_level[4], TABLE_ENTRIES);
	world_check();
}

/* Splitting a block: |------block------| to |..pages..|ro|..pages..| in one break, the rest still mapped. */
static void protecting_a_page_splits_its_block_once(void **state)
{
	unsigned long kva = -(1UL << geometries[1].va_bits);
	u64 block = level_size(2);
	struct pgtable_stats s;
	struct mmu_result r;

	world_init(geometries[1].va_bits, geometries[1].pa_bits, false);
	assert_int_equal(pgtable_map(&tree, kva, 0, 4 * block, PAGE_KERNEL, MAP_NO_CONT), 0);
	assert_true(mmu_translate(kva + block, MMU_WRITE, &r));
	assert_int_equal(r.size, block);
	assert_int_equal(
		pgtable_protect(&tree, kva + block + 40 * PAGE_SIZE, PAGE_SIZE, PAGE_KERNEL_RO), 0);
	assert_false(mmu_translate(kva + block + 40 * PAGE_SIZE, MMU_WRITE, &r));
	assert_int_equal(r.fsc, 0x0f);
	assert_true(mmu_translate(kva + block + 39 * PAGE_SIZE, MMU_WRITE, &r));
	assert_true(mmu_translate(kva + block + 41 * PAGE_SIZE, MMU_WRITE, &r));
	assert_true(mmu_translate(kva, MMU_WRITE, &r));
	count_kind(kva, 4 * block, &s);
	assert_int_equal(s.leaves_by_level[3], 3);
	assert_int_equal(s.table_pages[4], 1);
	world_check();
	/* The same protection again changes nothing. */
	assert_int_equal(
		pgtable_protect(&tree, kva + block + 40 * PAGE_SIZE, PAGE_SIZE, PAGE_KERNEL_RO), 0);
	world_check();
}

/*
 * The largest block that there is, changed across several entries of the level below it, with both ends in the middle:
 *   |----|----|--xx|xxxx|xxxx|x---|----|
 */
static void the_largest_block_falls_apart_where_it_must(void **state)
{
	const struct geometry *g = &geometries[2];
	int level = PAGE_SHIFT == 12 ? 0 : 1;
	unsigned long kva = -(1UL << g->va_bits), from, to;
	u64 part = level_size(level + 1);
	struct mmu_result r;

	world_init(g->va_bits, g->pa_bits, g->lpa2);
	assert_int_equal(pgtable_map(&tree, kva, 0, level_size(level), PAGE_KERNEL, 0), 0);
	assert_int_equal(world_outstanding, level - tree.top);
	from = kva + 3 * part - PAGE_SIZE;
	to = kva + 5 * part + 3 * PAGE_SIZE;
	assert_true(mmu_translate(from, MMU_WRITE, &r));
	assert_int_equal(r.size, level_size(level));
	assert_int_equal(pgtable_protect(&tree, from, to - from, PAGE_KERNEL_RO), 0);
	assert_true(mmu_translate(from - 1, MMU_WRITE, &r));
	assert_int_equal(r.pa, from - 1 - kva);
	assert_false(mmu_translate(from, MMU_WRITE, &r));
	assert_false(mmu_translate(to - 1, MMU_WRITE, &r));
	assert_true(mmu_translate(to, MMU_WRITE, &r));
	assert_int_equal(r.pa, to - kva);
	world_check();
	/* One table for the block, and for each end one a level. */
	assert_int_equal(world_outstanding, level - tree.top + 1 + 2 * (2 - level));
	assert_int_equal(pgtable_unmap(&tree, from + PAGE_SIZE, part), 0);
	assert_false(mmu_translate(from + PAGE_SIZE, MMU_READ, &r));
	world_check();
	assert_int_equal(pgtable_unmap(&tree, kva, level_size(level)), 0);
	world_check();
	assert_int_equal(world_outstanding, 0);
}

static void impossible_requests_are_refused(void **state)
{
	unsigned long kva = -(1UL << geometries[1].va_bits);

	world_init(geometries[1].va_bits, geometries[1].pa_bits, false);
	assert_int_equal(pgtable_map(&tree, kva, 0, 0, PAGE_KERNEL, 0), 0);
	assert_int_equal(pgtable_map(&tree, kva + 8, 0, PAGE_SIZE, PAGE_KERNEL, 0), -EINVAL);
	assert_int_equal(pgtable_map(&tree, kva, 8, PAGE_SIZE, PAGE_KERNEL, 0), -EINVAL);
	assert_int_equal(pgtable_map(&tree, kva, 0, 8, PAGE_KERNEL, 0), -EINVAL);
	assert_int_equal(pgtable_map(&tree, kva - PAGE_SIZE, 0, PAGE_SIZE, PAGE_KERNEL, 0),
			 -EINVAL);
	assert_int_equal(pgtable_map(&tree, -PAGE_SIZE, 0, 2 * PAGE_SIZE, PAGE_KERNEL, 0), -EINVAL);
	assert_int_equal(pgtable_map(&tree, kva, 1UL << 52, PAGE_SIZE, PAGE_KERNEL, 0), -ERANGE);
	assert_int_equal(pgtable_map(&tree, kva, -PAGE_SIZE, 2 * PAGE_SIZE, PAGE_KERNEL, 0),
			 -ERANGE);
	assert_int_equal(pgtable_protect(&tree, kva, PAGE_SIZE, PAGE_KERNEL), -ENOENT);
	assert_int_equal(pgtable_unmap(&tree, kva, 1UL << 38), 0);
	assert_int_equal(pgtable_map(&tree, kva, 0, 2 * PAGE_SIZE, PAGE_KERNEL, 0), 0);
	assert_int_equal(pgtable_map(&tree, kva, PAGE_SIZE, PAGE_SIZE, PAGE_KERNEL, 0), -EEXIST);
	assert_int_equal(pgtable_protect(&tree, kva, 3 * PAGE_SIZE, PAGE_KERNEL_RO), -ENOENT);
	world_check();
}

/* 52-bit addresses change shape in the descriptor at 2^48 (64K) or 2^50 (LPA2): a row of leaves across that line. */
static void addresses_cross_the_split_in_the_descriptor(void **state)
{
	unsigned long kva = -(1UL << 52);
	phys_addr_t line = PAGE_SHIFT == 16 ? 1UL << 48 : 1UL << 50;
	struct mmu_result r;

	world_init(52, 52, PAGE_SHIFT != 16);
	for (int level = 3; level >= 1; level--) {
		u64 size = level_size(level);

		if (!level_has_leaf(level, true))
			continue;
		assert_int_equal(pgtable_map(&tree, kva, line - 3 * size, 6 * size, PAGE_KERNEL, 0),
				 0);
		for (int i = 0; i < 6; i++) {
			assert_true(mmu_translate(kva + i * size + 5, MMU_READ, &r));
			assert_int_equal(r.pa, line - 3 * size + i * size + 5);
		}
		world_check();
		assert_int_equal(pgtable_unmap(&tree, kva, 6 * size), 0);
	}
	world_check();
	assert_int_equal(world_outstanding, 0);
}

/* NO_EXEC tables carry PXNTable, and the walker's answer follows it whatever the leaf says. */
static void tables_without_execution(void **state)
{
	unsigned long kva = -(1UL << geometries[1].va_bits);
	struct mmu_result r;
	struct walk w;

	world_init(geometries[1].va_bits, geometries[1].pa_bits, false);
	assert_int_equal(pgtable_map(&tree, kva, 0, PAGE_SIZE, PAGE_KERNEL_ROX, MAP_NO_EXEC), 0);
	assert_false(mmu_translate(kva, MMU_EXEC, &r));
	pgtable_walk_tree(&tree, kva, &w);
	assert_int_equal(w.table_attrs, DESC_PXNTABLE | DESC_UXNTABLE);
	world_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_agree_with_a_model_of_pages),
		cmocka_unit_test(a_failed_allocation_changes_and_leaks_nothing),
		cmocka_unit_test(the_largest_leaves_are_used),
		cmocka_unit_test(flags_keep_blocks_and_runs_away),
		cmocka_unit_test(protecting_a_page_splits_its_block_once),
		cmocka_unit_test(the_largest_block_falls_apart_where_it_must),
		cmocka_unit_test(impossible_requests_are_refused),
		cmocka_unit_test(addresses_cross_the_split_in_the_descriptor),
		cmocka_unit_test(tables_without_execution),
	};
	int err = cmocka_run_group_tests_name("mapping", tests, NULL, NULL);

	free(model);
	return err;
}
