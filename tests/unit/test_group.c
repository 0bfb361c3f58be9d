// SPDX-License-Identifier: MIT
/* links: @vm */
/* granules: 12 14 16 */
/*
 * Groups of pages that one fault brings, through everything that happens to an address space. HELD pages from BASE on, three times as many as
 * the architecture's contiguous groups have.
 */
#define CONT_ORDER_HERE (PAGE_SHIFT == 14 ? 7U : PAGE_SHIFT == 16 ? 5U : 4U)
#define GROUP (1U << CONT_ORDER_HERE)
#define HELD (3U * GROUP)
/* Of what is unmapped at once: more than is noted without memory for a list. */
#define MORE (8U * GROUP)
#define CACHE_ROOM (HELD + 1U)
#include "sized_tlb.h"

#include <quire/migrate.h>
#include <quire/pagewalk.h>

#define BASE (8UL * SZ_1G)

static struct mm_struct *mm;

static unsigned long page_at_index(unsigned long page)
{
	return BASE + page * PAGE_SIZE;
}

/* ------------------------------------------------------------------ the world */

static unsigned int fail_from, fail_share;
static bool watched;

/* A run that is there in part when translations are flushed could come into a TLB as a whole again. */
static void flush_and_look(u64 asid, unsigned long start, unsigned long stop)
{
	flush_cache(asid, start, stop);
	if (!watched || (mm->context_id & 0xff) != (asid & 0xff))
		return;
	for (unsigned long first = 0; first < MORE; first += GROUP) {
		const u64 *pte = pte_lookup(mm, page_at_index(first));
		unsigned int there = 0;

		for (unsigned long i = 0; pte && i < GROUP; i++)
			there += (pte_load(&pte[i]) & (DESC_CONT | DESC_VALID)) ==
				 (DESC_CONT | DESC_VALID);
		if (there && there < GROUP)
			fail_msg("%u entries of a run from page %lu are left at a flush", there,
				 first);
	}
}

static bool should_fail(gfp_t gfp, unsigned int order)
{
	return (fail_from && order >= fail_from) ||
	       (fail_share && (unsigned int)random() % 1000 < fail_share);
}

static const struct page_debug_ops injected = {.should_fail = should_fail};

static void enable(unsigned int order, int choice)
{
	relaxed_store(&thp_size_enabled[order], choice);
	thp_sizes_changed();
}

static void disable_all(void)
{
	for (unsigned int order = 0; order < HUGE_ORDER; order++)
		thp_size_enabled[order] = THP_SIZE_NEVER;
	thp_sizes_changed();
}

static int begin(void **state)
{
	memset(cache, 0, sizeof(cache));
	world_begin();
	flush_more = flush_and_look;
	watched = true;
	vm_migration_init();
	mm = mm_alloc();
	assert_non_null(mm);
	return 0;
}

static int end(void **state)
{
	page_debug = NULL;
	fail_from = fail_share = 0;
	disable_all();
	thp_enabled = THP_NEVER;
	assert_int_equal(mm_check(mm), 0);
	watched = false;
	mmput(mm);
	world_end();
	return 0;
}

static void map(unsigned long page, unsigned long n)
{
	assert_int_equal(vm_mmap_pgoff(mm, NULL, page_at_index(page), n * PAGE_SIZE,
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
			 page_at_index(page));
}

static struct page *mapped(struct mm_struct *by, unsigned long page)
{
	u64 raw, val;

	return entry_find(by, page_at_index(page), &raw, &val) && pte_present(val) ? pte_page(val)
										   : NULL;
}

/* Pages [first, first + n) are a group of their own, in a row and aligned in memory. */
static void assert_group(unsigned long first, unsigned long n)
{
	struct page *head = mapped(mm, first);

	assert_non_null(head);
	assert_int_equal(page_to_pfn(head) & (n - 1), 0);
	for (unsigned long i = 0; i < n; i++) {
		assert_ptr_equal(mapped(mm, first + i), head + i);
		assert_ptr_equal(page_large_head(head + i), head);
		assert_int_equal(page_counts(head + i), PAGE_COUNTS_EXCLUSIVE);
	}
	assert_int_equal(head->prev, ilog2(n));
}

/* ------------------------------------------------------------------ moving */

static struct folio *new_page(struct folio *src, unsigned long private)
{
	return (struct folio *)alloc_page(GFP_HIGHUSER_MOVABLE);
}

static void move(struct page *page)
{
	struct page_list list = {0};
	struct folio *folio;

	if (!isolate_page_for_migration(page, MIGRATE_SYNC, &folio))
		return;
	page_list_add(&list, &folio->page);
	if (migrate_pages(&list, new_page, NULL, 0, MIGRATE_SYNC, MR_COMPACTION, NULL))
		putback_movable_pages(&list);
}

/* ------------------------------------------------------------------ faults */

static void a_write_brings_the_group_that_it_is_in(void **state)
{
	enable(3, THP_SIZE_ALWAYS);
	map(0, HELD);
	set(mm, page_at_index(13), 'a');
	assert_int_equal(get_mm_rss(mm), 8);
	assert_group(8, 8);
	assert_null(mapped(mm, 7));
	assert_null(mapped(mm, 16));
	for (unsigned long i = 8; i < 16; i++)
		assert_int_equal(see(mm, page_at_index(i)), i == 13 ? 'a' : 0);
	assert_int_equal(mthp_stat(3, MTHP_ANON_FAULT_ALLOC), 1);
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 1);
	assert_int_equal(mm_check(mm), 0);
}

static void a_read_of_nothing_brings_the_zero_page_alone(void **state)
{
	enable(2, THP_SIZE_ALWAYS);
	map(0, 8);
	assert_int_equal(see(mm, page_at_index(1)), 0);
	assert_int_equal(get_mm_rss(mm), 0);
	/* A write to it brings one page, and one beside it too: there is something in its group. */
	set(mm, page_at_index(1), 'b');
	set(mm, page_at_index(2), 'c');
	assert_int_equal(get_mm_rss(mm), 2);
}

static void area_and_what_is_there_leave_the_next_smaller_size(void **state)
{
	for (unsigned int order = 2; order < CONT_ORDER_HERE; order++)
		enable(order, THP_SIZE_ALWAYS);
	/* From page 4 on there is no group of 8 below page 8, and none of 16 below page 16. */
	map(4, 12);
	set(mm, page_at_index(5), 'a');
	assert_group(4, 4);
	set(mm, page_at_index(9), 'b');
	assert_group(8, 8);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* An area's odd ends. */
	map(1, 6);
	set(mm, page_at_index(2), 'a');
	assert_int_equal(get_mm_rss(mm), 1);
	set(mm, page_at_index(5), 'b');
	assert_int_equal(get_mm_rss(mm), 2);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* Page 2 is there: its four do not come again, their neighbours do. */
	disable_all();
	map(0, 8);
	set(mm, page_at_index(2), 'x');
	enable(2, THP_SIZE_ALWAYS);
	enable(3, THP_SIZE_ALWAYS);
	set(mm, page_at_index(6), 'y');
	assert_group(4, 4);
	set(mm, page_at_index(1), 'z');
	assert_int_equal(get_mm_rss(mm), 6);
	assert_int_equal(mm_check(mm), 0);
}

static void settings_and_advice_decide_who_gets_a_group(void **state)
{
	const struct {
		int enabled, size, advice;
		bool disabled, group;
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
		enable(2, cases[i].size);
		mm->thp_disabled = cases[i].disabled;
		map(0, 4);
		assert_int_equal(vm_madvise(mm, BASE, 4 * PAGE_SIZE, cases[i].advice), 0);
		assert_int_equal(vm_thp_eligible(vma_lookup(mm, BASE)), cases[i].group);
		set(mm, page_at_index(3), 'x');
		assert_int_equal(get_mm_rss(mm), cases[i].group ? 4 : 1);
		assert_int_equal(vm_munmap(mm, BASE, 4 * PAGE_SIZE), 0);
	}
	mm->thp_disabled = false;
}

static void without_memory_for_it_a_smaller_one_does(void **state)
{
	const long none = mthp_stat(4, MTHP_ANON_FAULT_FALLBACK),
		   less = mthp_stat(3, MTHP_ANON_FAULT_FALLBACK),
		   least = mthp_stat(2, MTHP_ANON_FAULT_FALLBACK);

	for (unsigned int order = 2; order <= 4; order++)
		enable(order, THP_SIZE_ALWAYS);
	page_debug = &injected;
	fail_from = 3;
	map(0, 32);
	set(mm, page_at_index(9), 'x');
	assert_group(8, 4);
	fail_from = 2;
	set(mm, page_at_index(25), 'x');
	assert_int_equal(get_mm_rss(mm), 5);
	fail_from = 0;
	assert_int_equal(mthp_stat(4, MTHP_ANON_FAULT_FALLBACK) - none, 2);
	assert_int_equal(mthp_stat(3, MTHP_ANON_FAULT_FALLBACK) - less, 2);
	assert_int_equal(mthp_stat(2, MTHP_ANON_FAULT_FALLBACK) - least, 1);
}

/* ------------------------------------------------------------------ parts */

static void its_pages_are_unmapped_copied_and_moved_one_by_one(void **state)
{
	struct mm_struct *child;
	struct page *head;

	enable(3, THP_SIZE_ALWAYS);
	map(0, 8);
	for (unsigned long i = 0; i < 8; i++)
		set(mm, page_at_index(i), (char)('a' + i));
	head = mapped(mm, 0);
	child = dup_mm(mm);
	set(child, page_at_index(2), 'X');
	assert_ptr_not_equal(mapped(child, 2), head + 2);
	assert_ptr_equal(mapped(child, 3), head + 3);
	/* Nobody else has that one any more: no copy. */
	set(mm, page_at_index(2), 'C');
	assert_ptr_equal(mapped(mm, 2), head + 2);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	set(mm, page_at_index(3), 'D');
	assert_ptr_equal(mapped(mm, 3), head + 3);
	assert_int_equal(vm_madvise(mm, page_at_index(5), PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(get_mm_rss(mm), 7);
	assert_int_equal(see(mm, page_at_index(5)), 0);
	assert_ptr_equal(page_large_head(head + 6), head);
	assert_int_equal(vm_mremap(mm, page_at_index(6), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, page_at_index(17)),
			 page_at_index(17));
	assert_int_equal(see(mm, page_at_index(17)), 'g');
	assert_ptr_equal(mapped(mm, 18), head + 7);
	/* The group lasts as long as its first page. */
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 1);
	assert_int_equal(vm_munmap(mm, BASE, PAGE_SIZE), 0);
	assert_int_equal(mthp_stat(3, MTHP_NR_ANON), 0);
	assert_null(page_large_head(head + 7));
	assert_int_equal(see(mm, page_at_index(1)), 'b');
	assert_int_equal(mm_check(mm), 0);
}

/* ------------------------------------------------------------------ contiguous entries */

/* How many entries of the pages held have the bit. */
static unsigned int folded(struct mm_struct *by)
{
	unsigned int n = 0;

	for (unsigned long i = 0; i < HELD; i++) {
		u64 raw, val;

		if (entry_find(by, page_at_index(i), &raw, &val))
			n += !!(val & DESC_CONT);
	}
	return n;
}

/* All pages held, by groups as large as the architecture's: three. */
static void fill_folded(void)
{
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	map(0, HELD);
	for (unsigned long i = 0; i < HELD; i++)
		set(mm, page_at_index(i), (char)(1 + i % 100));
	assert_int_equal(folded(mm), HELD);
}

static void assert_filled(struct mm_struct *by, unsigned long from, unsigned long to)
{
	for (unsigned long i = from; i < to; i++)
		assert_int_equal(see(by, page_at_index(i)), 1 + i % 100);
}

static void only_a_group_as_large_as_the_architectures_is_folded(void **state)
{
	enable(CONT_ORDER_HERE - 1, THP_SIZE_ALWAYS);
	map(0, HELD);
	set(mm, BASE, 'a');
	set(mm, page_at_index(GROUP / 2), 'b');
	assert_int_equal(get_mm_rss(mm), GROUP);
	assert_int_equal(folded(mm), 0);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	set(mm, page_at_index(GROUP + 1), 'c');
	assert_int_equal(folded(mm), GROUP);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	/* A larger one is several. */
	enable(CONT_ORDER_HERE + 1, THP_SIZE_ALWAYS);
	map(0, HELD);
	set(mm, BASE, 'd');
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(mm_check(mm), 0);
}

static void what_happens_to_one_entry_unfolds_its_run_alone(void **state)
{
	const struct {
		int advice;
		bool stays;
	} cases[] = {{MADV_DONTNEED, false},
		     {MADV_FREE, true},
		     {MADV_COLD, true},
		     {MADV_DONTDUMP, true}};
	struct page *page;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		fill_folded();
		assert_int_equal(
			vm_madvise(mm, page_at_index(GROUP + 1), PAGE_SIZE, cases[i].advice), 0);
		assert_int_equal(folded(mm), 2 * GROUP);
		assert_int_equal(see(mm, page_at_index(GROUP + 1)),
				 cases[i].stays ? 1 + (GROUP + 1) % 100 : 0);
		assert_filled(mm, 0, GROUP + 1);
		assert_filled(mm, GROUP + 2, HELD);
		assert_int_equal(mm_check(mm), 0);
	}
	fill_folded();
	assert_int_equal(vm_munmap(mm, page_at_index(GROUP - 1), PAGE_SIZE), 0);
	assert_int_equal(folded(mm), 2 * GROUP);
	assert_int_equal(vm_mprotect(mm, page_at_index(2 * GROUP), PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(folded(mm), GROUP);
	page = get_user_page(mm, page_at_index(GROUP + 3), false);
	user_page_put(page);
	move(page);
	assert_int_equal(folded(mm), 0);
	assert_ptr_not_equal(mapped(mm, GROUP + 3), page);
	assert_filled(mm, GROUP, HELD);
	assert_int_equal(mm_check(mm), 0);
	fill_folded();
	vm_clear_refs(mm, 1);
	assert_int_equal(folded(mm), 0);
	assert_filled(mm, 0, HELD);
}

static void what_happens_to_a_whole_run_leaves_it_folded(void **state)
{
	const unsigned long far = BASE + 8 * HUGE_SIZE, run = GROUP * PAGE_SIZE;
	struct mm_struct *child;
	char byte = 'x';
	u64 raw, val;

	fill_folded();
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ), 0);
	assert_true(touch(mm, page_at_index(GROUP + 2), true, &byte) & VM_FAULT_SIGSEGV);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_NONE), 0);
	assert_true(touch(mm, page_at_index(GROUP), false, &byte) & VM_FAULT_SIGSEGV);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ | PROT_WRITE), 0);
	assert_non_null(cpu_access(mm, page_at_index(GROUP + 5), true));
	assert_int_equal(folded(mm), HELD);
	assert_int_equal(vm_madvise(mm, BASE, run, MADV_DONTNEED), 0);
	assert_int_equal(folded(mm), HELD - GROUP);
	assert_filled(mm, GROUP, HELD);
	/* A child's entries are folded too, and writes unfold on either side. */
	child = dup_mm(mm);
	assert_int_equal(folded(child), HELD - GROUP);
	assert_int_equal(folded(mm), HELD - GROUP);
	/* The first pages, by which no one may judge the others. */
	set(child, page_at_index(GROUP), 'c');
	set(child, page_at_index(GROUP + 1), 'c');
	assert_int_equal(folded(child), GROUP);
	assert_int_equal(folded(mm), HELD - GROUP);
	assert_filled(mm, GROUP, HELD);
	/* Not alone with all of its pages: not to be written without a fault, none of it. */
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ), 0);
	assert_int_equal(vm_mprotect(mm, page_at_index(GROUP), run, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm_check(mm), 0);
	set(mm, page_at_index(GROUP + 1), (char)(1 + (GROUP + 1) % 100));
	set(mm, page_at_index(GROUP + 2), (char)(1 + (GROUP + 2) % 100));
	assert_int_equal(see(child, page_at_index(GROUP + 1)), 'c');
	assert_filled(child, GROUP + 2, HELD);
	assert_int_equal(mm_check(child), 0);
	mmput(child);
	assert_filled(mm, GROUP, HELD);
	/* To a place that is aligned alike, and to one that is not. */
	fill_folded();
	assert_int_equal(
		vm_mremap(mm, page_at_index(GROUP), run, run, MREMAP_MAYMOVE | MREMAP_FIXED, far),
		far);
	assert_non_null(entry_find(mm, far, &raw, &val));
	assert_true(val & DESC_CONT);
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_mremap(mm, far, run, run, MREMAP_MAYMOVE | MREMAP_FIXED,
				   far + 2 * run + PAGE_SIZE),
			 far + 2 * run + PAGE_SIZE);
	assert_non_null(entry_find(mm, far + 2 * run + PAGE_SIZE, &raw, &val));
	assert_false(val & DESC_CONT);
	assert_int_equal(see(mm, far + 2 * run + PAGE_SIZE), 1 + GROUP % 100);
	assert_int_equal(mm_check(mm), 0);
}

static void a_run_goes_as_a_whole_before_its_pages_do(void **state)
{
	/* Pages that do not come in runs shift what is noted together. */
	for (unsigned long more = 0; more < 4; more++) {
		disable_all();
		map(0, MORE);
		for (unsigned long i = 0; i < more; i++)
			set(mm, page_at_index(i), 'a');
		enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
		for (unsigned long i = GROUP; i < MORE; i += GROUP)
			set(mm, page_at_index(i), 'b');
		assert_int_equal(folded(mm), HELD - GROUP);
		/* No memory for a longer list. */
		page_debug = &injected;
		fail_share = 1000;
		assert_int_equal(vm_munmap(mm, BASE, MORE * PAGE_SIZE), 0);
		fail_share = 0;
		page_debug = NULL;
		assert_int_equal(get_mm_rss(mm), 0);
	}
}

/* ------------------------------------------------------------------ at random */

#define SPACES_HERE 3U
struct model {
	struct mm_struct *mm;
	struct {
		bool mapped, write;
		char byte;
	} page[HELD];
};

static void look_at_all(struct model *m)
{
	for (unsigned int i = 0; i < HELD; i++) {
		char byte = 0;
		vm_fault_t ret;

		/* What is empty stays so mostly, for groups to come. */
		if (m->page[i].mapped && !m->page[i].byte && random() % 64)
			continue;
		ret = touch(m->mm, page_at_index(i), false, &byte);
		assert_int_equal(!(ret & VM_FAULT_SIGSEGV), m->page[i].mapped);
		if (!ret)
			assert_int_equal(byte, m->page[i].byte);
	}
}

/* Away to where nothing is, and back; page: by how much the place is off. */
static void there_and_back(struct model *m, unsigned int a, unsigned int b, unsigned long page)
{
	unsigned long away = BASE + 8 * HUGE_SIZE + page * PAGE_SIZE, start = page_at_index(a),
		      len = (b - a) * PAGE_SIZE, at;

	for (unsigned int i = a; i < b; i++)
		if (!m->page[i].mapped || m->page[i].write != m->page[a].write)
			return;
	at = vm_mremap(m->mm, start, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away);
	assert_true(at == away || fail_share || (long)at == -EFAULT);
	if (at != away)
		return;
	at = vm_mremap(m->mm, away, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, start);
	if (at == start)
		return;
	assert_true(fail_share);
	assert_int_equal(vm_munmap(m->mm, away, len), 0);
	for (unsigned int i = a; i < b; i++)
		m->page[i].mapped = false, m->page[i].byte = 0;
}

static void protect(struct model *m, unsigned int a, unsigned int b, bool write)
{
	int err;

	for (unsigned int i = a; i < b; i++)
		if (!m->page[i].mapped)
			return;
	/* What allows nothing in between is the same memory afterwards. */
	if (random() % 3 == 0 &&
	    vm_mprotect(m->mm, page_at_index(a), (b - a) * PAGE_SIZE, PROT_NONE))
		assert_true(fail_share);
	do
		err = vm_mprotect(m->mm, page_at_index(a), (b - a) * PAGE_SIZE,
				  PROT_READ | (write ? PROT_WRITE : 0));
	while (err && fail_share);
	assert_int_equal(err, 0);
	for (unsigned int i = a; i < b; i++)
		m->page[i].write = write;
}

static void fork_over(struct model *m, struct model *to)
{
	if (to == m)
		return;
	if (to->mm)
		mmput(to->mm);
	to->mm = dup_mm(m->mm);
	assert_true(to->mm || fail_share);
	if (to->mm)
		memcpy(to->page, m->page, sizeof(to->page));
}

static void write_some(struct model *m, unsigned int a, unsigned int n)
{
	for (unsigned int i = a; i < a + n && i < HELD; i++) {
		char byte = (char)(1 + random() % 100);
		vm_fault_t ret = touch(m->mm, page_at_index(i), true, &byte);

		if (ret & VM_FAULT_OOM)
			assert_true(fail_share);
		else
			assert_int_equal(!ret, m->page[i].mapped && m->page[i].write);
		if (!ret)
			m->page[i].byte = byte;
	}
}

static void step(struct model *spaces)
{
	struct model *m = &spaces[random() % SPACES_HERE];
	unsigned int a = (unsigned int)random() % HELD,
		     b = a + 1 + (unsigned int)random() % (HELD - a);
	unsigned long start, len;

	if (!m->mm)
		m = &spaces[0];
	if (!m->mm)
		return;
	/* Often what groups begin and end with. */
	if (random() % 2) {
		a = a / GROUP * GROUP;
		b = DIV_ROUND_UP(b, GROUP) * GROUP;
	}
	start = page_at_index(a);
	len = (b - a) * PAGE_SIZE;
	switch (random() % 14) {
	case 0:
	case 1:
		if (IS_ERR_VALUE(vm_mmap_pgoff(m->mm, NULL, start, len, PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0))) {
			assert_true(fail_share);
			return;
		}
		for (unsigned int i = a; i < b; i++) {
			m->page[i].mapped = m->page[i].write = true;
			m->page[i].byte = 0;
		}
		return;
	case 2:
		if (random() % 3 == 0 && !vm_munmap(m->mm, start, len))
			for (unsigned int i = a; i < b; i++)
				m->page[i].mapped = false, m->page[i].byte = 0;
		return;
	case 3:
	case 4:
		protect(m, a, b, random() % 2);
		return;
	case 5:
		vm_madvise(m->mm, start, len, MADV_DONTNEED);
		for (unsigned int i = a; i < b; i++)
			m->page[i].byte = 0;
		return;
	case 6:
		fork_over(m, &spaces[random() % SPACES_HERE]);
		return;
	case 7:
		there_and_back(m, a, b, (unsigned long)random() % 2 * (random() % 2 ? GROUP : 3));
		return;
	case 8: {
		struct page *page = m->page[a].mapped ? get_user_page(m->mm, start, false) : NULL;

		if (page) {
			user_page_put(page);
			move(page);
		}
		return;
	}
	case 9:
		vm_madvise(m->mm, start, len, random() % 2 ? MADV_COLD : MADV_DONTDUMP);
		return;
	case 10:
		for (unsigned int order = 2; order <= CONT_ORDER_HERE + 1; order++)
			enable(order, random() % 2 ? THP_SIZE_ALWAYS : THP_SIZE_NEVER);
		return;
	default:
		write_some(m, a, random() % 2 ? 1 : GROUP);
	}
}

static void run_random(unsigned int seed, unsigned int steps)
{
	struct model spaces[SPACES_HERE] = {{.mm = mm}};

	srandom(seed);
	for (unsigned int i = 0; i < steps; i++) {
		step(spaces);
		if (i % 16)
			continue;
		for (unsigned int s = 0; s < SPACES_HERE; s++) {
			unsigned int share = fail_share;

			if (!spaces[s].mm)
				continue;
			fail_share = 0;
			look_at_all(&spaces[s]);
			fail_share = share;
			if (i % 64 == 0)
				assert_int_equal(mm_check(spaces[s].mm), 0);
		}
	}
	fail_share = 0;
	mm = spaces[0].mm ? spaces[0].mm : mm_alloc();
	for (unsigned int s = 1; s < SPACES_HERE; s++)
		if (spaces[s].mm)
			mmput(spaces[s].mm);
}

#define SEEDS (PAGE_SHIFT == 12 ? 20U : 2U)

static void random_programs_see_what_the_model_says(void **state)
{
	long allocated = mthp_stat(CONT_ORDER_HERE, MTHP_ANON_FAULT_ALLOC);

	watched = false;
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		run_random(seed, 400);
		mmput(mm);
		mm = mm_alloc();
	}
	assert_true(mthp_stat(CONT_ORDER_HERE, MTHP_ANON_FAULT_ALLOC) - allocated > 5 * SEEDS);
}

static void a_lack_of_memory_at_any_point_loses_nothing(void **state)
{
	page_debug = &injected;
	watched = false;
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		fail_share = 100;
		run_random(1000 + seed, 400);
		mmput(mm);
		mm = mm_alloc();
	}
}

/* ------------------------------------------------------------------ several CPUs */

static bool stop_threads;

/* Pages of the same groups, each CPU in an order of its own. */
static void *faulting(void *arg)
{
	unsigned long cpu = (unsigned long)arg;

	be_cpu((unsigned int)cpu);
	for (unsigned long n = 0; !__atomic_load_n(&stop_threads, __ATOMIC_ACQUIRE); n++) {
		unsigned long i = (n * (2 * cpu + 1) + cpu) % HELD, addr = page_at_index(i);
		struct page *page;

		/* Not always to be written. */
		if (i == 2 || i == 3)
			continue;
		if (handle_mm_fault(mm, addr, FAULT_FLAG_WRITE) & VM_FAULT_ERROR)
			return arg;
		page = get_user_page(mm, addr, n & 1);
		if (!page)
			return arg;
		user_page_put(page);
	}
	be_cpu(0);
	return NULL;
}

static void faults_in_one_group_go_on_while_it_changes(void **state)
{
	pthread_t t[CPUS];

	stop_threads = watched = false;
	map(0, HELD);
	cpus_begin();
	for (unsigned long i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, faulting, (void *)(i + 1)), 0);
	for (unsigned int i = 0; i < (PAGE_SHIFT == 12 ? 400 : 60); i++) {
		struct mm_struct *child;

		for (unsigned int order = 2; order <= CONT_ORDER_HERE + 1; order++)
			enable(order, (i >> (order & 3)) & 1 ? THP_SIZE_ALWAYS : THP_SIZE_NEVER);
		assert_int_equal(vm_madvise(mm, page_at_index(i % 5), (HELD - i % 7) * PAGE_SIZE,
					    MADV_DONTNEED),
				 i % 5 > i % 7 ? -ENOMEM : 0);
		handle_mm_fault(mm, page_at_index(5), FAULT_FLAG_WRITE);
		assert_int_equal(vm_mprotect(mm, page_at_index(2), 2 * PAGE_SIZE, PROT_READ), 0);
		child = dup_mm(mm);
		assert_non_null(child);
		handle_mm_fault(mm, page_at_index(6), FAULT_FLAG_WRITE);
		mmput(child);
		assert_int_equal(
			vm_mprotect(mm, page_at_index(2), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE),
			0);
	}
	__atomic_store_n(&stop_threads, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < CPUS; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}

static unsigned long round_begun;

/* A page of the run's first half, when a round begins, each time a little later. */
static void *faulting_in_time(void *arg)
{
	unsigned long cpu = (unsigned long)arg, seen = 0, now;

	be_cpu((unsigned int)cpu);
	while (!__atomic_load_n(&stop_threads, __ATOMIC_ACQUIRE)) {
		now = __atomic_load_n(&round_begun, __ATOMIC_ACQUIRE);
		if (now == seen)
			continue;
		seen = now;
		for (volatile unsigned long wait = now * cpu % 2000; wait; wait--)
			continue;
		if (handle_mm_fault(mm, page_at_index(cpu), FAULT_FLAG_WRITE) & VM_FAULT_ERROR)
			return arg;
	}
	be_cpu(0);
	return NULL;
}

static void a_run_that_comes_while_a_part_changes_permission_is_cut(void **state)
{
	const unsigned long at = page_at_index(CONT_PAGES / 2), size = CONT_SIZE / 2;
	pthread_t t[CPUS];

	stop_threads = watched = false;
	round_begun = 0;
	map(0, HELD);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	handle_mm_fault(mm, page_at_index(2 * CONT_PAGES), FAULT_FLAG_WRITE);
	cpus_begin();
	for (unsigned long i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, faulting_in_time, (void *)(i + 1)), 0);
	for (unsigned long i = 1; i <= (PAGE_SHIFT == 12 ? 4000 : 500); i++) {
		assert_int_equal(vm_mprotect(mm, at, size, PROT_READ), 0);
		assert_int_equal(vm_madvise(mm, BASE, CONT_SIZE, MADV_DONTNEED), 0);
		__atomic_store_n(&round_begun, i, __ATOMIC_RELEASE);
		/* One area again, so a fault may bring a run over all of it before its entries are looked at. */
		assert_int_equal(vm_mprotect(mm, at, size, PROT_READ | PROT_WRITE), 0);
	}
	__atomic_store_n(&stop_threads, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < CPUS; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}

static void *dropping_the_first(void *arg)
{
	be_cpu(1);
	arg = (void *)(long)vm_madvise(mm, BASE, PAGE_SIZE, MADV_DONTNEED);
	be_cpu(0);
	return arg;
}

static void a_run_is_unfolded_when_its_fault_has_come_to_all_of_it(void **state)
{
	u64 rest[GROUP], *pte;
	pthread_t t;
	void *err;

	watched = false;
	map(0, HELD);
	enable(CONT_ORDER_HERE, THP_SIZE_ALWAYS);
	handle_mm_fault(mm, BASE, FAULT_FLAG_WRITE);
	pte = pte_lookup(mm, BASE);
	assert_true(*pte & DESC_CONT);
	/* As the fault leaves them meanwhile that has filled four of them. */
	for (unsigned int i = 4; i < CONT_PAGES; i++) {
		rest[i] = pte[i];
		port_set_pte(&pte[i], PTE_BUSY);
	}
	cpus_begin();
	assert_int_equal(pthread_create(&t, NULL, dropping_the_first, NULL), 0);
	while (pte_load(pte) & DESC_CONT)
		sched_yield();
	/* Long enough for who does not wait. */
	for (unsigned int i = 0; i < 2000 && pte_load(pte) == PTE_BUSY; i++)
		sched_yield();
	for (unsigned int i = 4; i < CONT_PAGES; i++)
		port_set_pte(&pte[i], rest[i]);
	pthread_join(t, &err);
	assert_null(err);
	assert_int_equal(pte_load(pte), 0);
	for (unsigned int i = 1; i < CONT_PAGES; i++)
		assert_true(pte_present(pte_load(&pte[i])) && !(pte_load(&pte[i]) & DESC_CONT));
	assert_int_equal(mm_check(mm), 0);
	assert_int_equal(vm_munmap(mm, BASE, HELD * PAGE_SIZE), 0);
	cpus_end();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_brings_the_group_that_it_is_in),
		TEST(a_read_of_nothing_brings_the_zero_page_alone),
		TEST(area_and_what_is_there_leave_the_next_smaller_size),
		TEST(settings_and_advice_decide_who_gets_a_group),
		TEST(without_memory_for_it_a_smaller_one_does),
		TEST(its_pages_are_unmapped_copied_and_moved_one_by_one),
		TEST(only_a_group_as_large_as_the_architectures_is_folded),
		TEST(what_happens_to_one_entry_unfolds_its_run_alone),
		TEST(what_happens_to_a_whole_run_leaves_it_folded),
		TEST(a_run_goes_as_a_whole_before_its_pages_do),
		TEST(random_programs_see_what_the_model_says),
		TEST(a_lack_of_memory_at_any_point_loses_nothing),
		TEST(faults_in_one_group_go_on_while_it_changes),
		TEST(a_run_that_comes_while_a_part_changes_permission_is_cut),
		TEST(a_run_is_unfolded_when_its_fault_has_come_to_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
