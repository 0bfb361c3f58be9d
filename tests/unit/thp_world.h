/* SPDX-License-Identifier: MIT */
/*
 * For tests of what is larger than a page: an address space, memory of which some orders or some requests are not to be had, pages that are moved away,
 * and the settings that say who gets a size. Before it what sized_tlb.h wants.
 */
#ifndef TESTS_THP_WORLD_H
#define TESTS_THP_WORLD_H

#include "sized_tlb.h"

#include <quire/migrate.h>

#define BASE (8UL * SZ_1G)

static struct mm_struct *mm;

/* Orders from this one on are not to be had, 0: all are; and so many of a thousand requests fail. Both while page_debug is `injected`. */
static unsigned int fail_from, fail_share;

static bool should_fail(gfp_t gfp, unsigned int order)
{
	return (fail_from && order >= fail_from) ||
	       (fail_share && (unsigned int)random() % 1000 < fail_share);
}

static const struct page_debug_ops injected = {.should_fail = should_fail};

/* flush: what is done beside the TLBs of single pages. */
static void thp_begin(void (*flush)(u64 asid, unsigned long start, unsigned long end))
{
	memset(cache, 0, sizeof(cache));
	world_begin();
	flush_more = flush;
	vm_migration_init();
	mm = mm_alloc();
	assert_non_null(mm);
}

static void thp_end(void)
{
	page_debug = NULL;
	fail_from = fail_share = 0;
	assert_int_equal(mm_check(mm), 0);
	mmput(mm);
	world_end();
}

static __maybe_unused void map(struct mm_struct *by, unsigned long start, unsigned long len)
{
	assert_int_equal(vm_mmap_pgoff(by, NULL, start, len, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 start);
}

static struct folio *new_page(struct folio *src, unsigned long private)
{
	return (struct folio *)alloc_page(GFP_HIGHUSER_MOVABLE);
}

/* Whether the page is another one now. */
static __maybe_unused bool move(struct page *page, enum migrate_mode mode)
{
	struct page_list list = {0};
	struct folio *folio;

	if (!isolate_page_for_migration(page, mode, &folio))
		return false;
	page_list_add(&list, &folio->page);
	if (!migrate_pages(&list, new_page, NULL, 0, mode, MR_COMPACTION, NULL))
		return true;
	putback_movable_pages(&list);
	return false;
}

/* An area of one group or block of the order gets it when global setting, size and advice say so. */
static __maybe_unused void settings_and_advice_decide(unsigned int order)
{
	const unsigned long size = PAGE_SIZE << order;
	const struct {
		int enabled, size, advice;
		bool disabled, large;
	} cases[] = {
		{THP_ALWAYS, THP_SIZE_INHERIT, MADV_NORMAL, false, true},
		{THP_ALWAYS, THP_SIZE_INHERIT, MADV_NOHUGEPAGE, false, false},
		{THP_ALWAYS, THP_SIZE_INHERIT, MADV_HUGEPAGE, true, false},
		{THP_MADVISE, THP_SIZE_INHERIT, MADV_NORMAL, false, false},
		{THP_MADVISE, THP_SIZE_INHERIT, MADV_HUGEPAGE, false, true},
		{THP_NEVER, THP_SIZE_INHERIT, MADV_HUGEPAGE, false, false},
		{THP_NEVER, THP_SIZE_ALWAYS, MADV_NORMAL, false, true},
		{THP_NEVER, THP_SIZE_MADVISE, MADV_NORMAL, false, false},
		{THP_NEVER, THP_SIZE_MADVISE, MADV_HUGEPAGE, false, true},
		{THP_ALWAYS, THP_SIZE_NEVER, MADV_HUGEPAGE, false, false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		thp_enabled = cases[i].enabled;
		thp_size_enabled[order] = cases[i].size;
		thp_sizes_changed();
		mm->thp_disabled = cases[i].disabled;
		map(mm, BASE, size);
		assert_int_equal(vm_madvise(mm, BASE, size, cases[i].advice), 0);
		assert_int_equal(vm_thp_eligible(vma_lookup(mm, BASE)), cases[i].large);
		set(mm, BASE + size - PAGE_SIZE, 'x');
		assert_int_equal(get_mm_rss(mm), cases[i].large ? size / PAGE_SIZE : 1);
		assert_int_equal(vm_munmap(mm, BASE, size), 0);
	}
	mm->thp_disabled = false;
}

#endif
