// SPDX-License-Identifier: MIT
/*
 * What is known of every page: who allocated and freed it (page_owner=on), and whether it was filled when it was freed
 * (page_poison=1), which is looked at when it is given out again.
 *
 *   records[section] -> struct page_record of each page; NULL: a section without memory, or one that came later
 *
 * Owns the records. A block's record is that of its first page; the others' hold only whether they are filled. Invariants: RECORD_IN_USE
 * is set from `alloc` to `free` of the first page; RECORD_POISONED from `free` to `alloc`, and the page holds PAGE_POISON then.
 *
 * Locking: none: a block belongs to him who allocates or frees it while its record changes. Readers may see a moment's mixture.
 *
 * Against Linux: pages that nobody has had yet are not filled, because nobody has written their struct pages either.
 */
#include <quire/memblock.h>
#include <quire/page-flags.h>
#include <quire/printk.h>
#include <quire/sparse.h>
#include <quire/string.h>

#include "debug.h"

#define PAGE_POISON 0xaa

enum { RECORD_IN_USE = 1, RECORD_POISONED = 2, RECORD_BOOT = 4, RECORD_KNOWN = 8 };

struct page_record {
	depot_stack_handle_t stack, free_stack;
	gfp_t gfp;
	u8 flags, order;
	u8 guarded; /* order of the block that this one was cut from, when the rest is kept back */
	u8 cpu;
	u64 ts_nsec, free_ts_nsec;
};

bool page_poison, page_owner;
static struct page_record **records;

/* ------------------------------------------------------------------ options */

static const char *on_or_off(const char *val, bool *flag)
{
	if (val && (!strcmp(val, "1") || !strcmp(val, "on") || !strcmp(val, "y")))
		*flag = true;
	else if (val && (!strcmp(val, "0") || !strcmp(val, "off") || !strcmp(val, "n")))
		*flag = false;
	else
		return "on or off";
	return NULL;
}

const char *page_poison_option(const char *val)
{
	return on_or_off(val, &page_poison);
}

const char *page_owner_option(const char *val)
{
	return on_or_off(val, &page_owner);
}

/* ------------------------------------------------------------------ records */

bool page_debug_init(void)
{
	size_t bytes = PAGES_PER_SECTION * sizeof(struct page_record);
	unsigned long i;

	records = memblock_alloc(nr_mem_sections * sizeof(struct page_record *), SMP_CACHE_BYTES);
	for (i = 0; records && i < nr_mem_sections; i++) {
		if (!mem_sections[i].present)
			continue;
		records[i] = memblock_alloc(bytes, PAGE_SIZE);
		if (!records[i])
			break;
	}
	if (records && i == nr_mem_sections)
		return true;
	pr_warn("page_owner: no memory for %zu bytes a page: page_owner, page_poison, "
		"debug_guardpage_minorder and debug_leaks are off for pages\n",
		sizeof(struct page_record));
	for (i = 0; records && i < nr_mem_sections; i++)
		memblock_free(records[i], bytes);
	memblock_free(records, nr_mem_sections * sizeof(struct page_record *));
	records = NULL;
	page_poison = page_owner = false;
	return false;
}

static struct page_record *record_at(unsigned long pfn)
{
	unsigned long nr = (pfn >> PFN_SECTION_SHIFT) - first_section_nr;

	if (!records || nr >= nr_mem_sections || !records[nr])
		return NULL;
	return records[nr] + pfn % PAGES_PER_SECTION;
}

static struct page_record *record_of(const struct page *page)
{
	return record_at(page_to_pfn(page));
}

void page_debug_forget_hook(unsigned long pfn, unsigned long nr)
{
	struct page_record *r;

	for (; nr; nr--, pfn++) {
		r = record_at(pfn);
		if (r)
			*r = (struct page_record){0};
	}
}

/* ------------------------------------------------------------------ poison */

static void report_poison(const struct page *page, const u8 *bad, const char *p)
{
	const u8 *end = (const u8 *)p + PAGE_SIZE, *last = end - 1;
	bool single;

	while (*last == PAGE_POISON)
		last--;
	single = bad == last && !((*bad ^ PAGE_POISON) & ((*bad ^ PAGE_POISON) - 1));
	pr_err("pagealloc: %s\n", single ? "single bit error" : "memory corruption");
	pr_err("pagealloc: page of pfn %#lx, bytes %#lx to %#lx, written after it was freed\n",
	       page_to_pfn(page), (unsigned long)(bad - (const u8 *)p),
	       (unsigned long)(last - (const u8 *)p));
	hex_dump("", bad, min((size_t)(last - bad) + 1, (size_t)64));
	port_backtrace();
	pr_err("pagealloc: corrupted page details\n");
	page_owner_print(page);
}

static void check_poison(struct page *page, struct page_record *r)
{
	const char *p = page_address(page);
	const u8 *bad;

	r->flags &= (u8)~RECORD_POISONED;
	bad = find_other_byte(p, PAGE_POISON, PAGE_SIZE);
	if (unlikely(bad))
		report_poison(page, bad, p);
}

/* ------------------------------------------------------------------ the hooks */

void page_debug_alloc_hook(struct page *page, unsigned int order, gfp_t gfp)
{
	struct page_record *r = record_of(page);
	unsigned long i;

	if (!r)
		return;
	for (i = 0; page_poison && i < 1UL << order; i++) {
		struct page_record *one = record_of(page + i);

		if (one && one->flags & RECORD_POISONED)
			check_poison(page + i, one);
	}
	r->stack = page_owner ? stack_depot_here(1) : 0;
	r->ts_nsec = port_clock_ns();
	r->gfp = gfp;
	r->order = (u8)order;
	r->guarded = 0;
	r->cpu = (u8)port_cpu();
	r->flags = RECORD_IN_USE | RECORD_KNOWN | (mm_debug_armed ? 0 : RECORD_BOOT);
}

void page_debug_free_hook(struct page *page, unsigned int order)
{
	struct page_record *r = record_of(page);
	depot_stack_handle_t stack;
	unsigned long i;
	u64 now;

	if (!r)
		return;
	if (r->guarded)
		guard_pages_give_back(page);
	stack = page_owner || page_poison ? stack_depot_here(1) : 0;
	now = port_clock_ns();
	for (i = 0; i < 1UL << order; i++) {
		struct page_record *one = record_of(page + i);

		if (!one)
			continue;
		one->flags &= (u8) ~(RECORD_IN_USE | RECORD_POISONED);
		/* Who frees a block frees each of its pages; who allocated it, too. */
		if (i) {
			one->stack = r->stack;
			one->order = r->order;
			one->gfp = r->gfp;
			one->ts_nsec = r->ts_nsec;
			one->cpu = r->cpu;
			one->flags |= RECORD_KNOWN;
		}
		one->free_stack = stack;
		one->free_ts_nsec = now;
		if (page_poison) {
			memset(page_address(page + i), PAGE_POISON, PAGE_SIZE);
			one->flags |= RECORD_POISONED;
		}
	}
}

void page_debug_split_hook(struct page *page, unsigned int order)
{
	struct page_record *r = record_of(page);
	unsigned long i;

	if (!r)
		return;
	if (r->guarded)
		guard_pages_give_back(page);
	r->order = 0;
	for (i = 1; i < 1UL << order; i++) {
		struct page_record *one = record_of(page + i);

		if (one)
			*one = *r;
	}
}

void page_record_guard(struct page *page, unsigned int order, unsigned int guarded)
{
	struct page_record *r = record_of(page);

	if (r) {
		r->order = (u8)order;
		r->guarded = (u8)guarded;
	}
}

unsigned int page_record_unguard(struct page *page)
{
	struct page_record *r = record_of(page);
	unsigned int guarded = r ? r->guarded : 0;

	if (r)
		r->guarded = 0;
	return guarded;
}

/* ------------------------------------------------------------------ asking */

bool page_owner_enabled(void)
{
	return page_owner && records;
}

static void fill(struct page_owner *o, const struct page_record *r, unsigned long pfn)
{
	*o = (struct page_owner){
		.pfn = pfn,
		.order = r->order,
		.cpu = r->cpu,
		.gfp = r->gfp,
		.ts_nsec = r->ts_nsec,
		.free_ts_nsec = r->free_ts_nsec,
		.stack = r->stack,
		.free_stack = r->free_stack,
		.boot = r->flags & RECORD_BOOT,
	};
}

bool page_owner_next(unsigned long *pfn, struct page_owner *owner)
{
	unsigned long end = (first_section_nr + nr_mem_sections) << PFN_SECTION_SHIFT, at = *pfn;

	at = max(at, first_section_nr << PFN_SECTION_SHIFT);
	while (records && at < end) {
		const struct page_record *r = record_at(at);

		/* What is not grown holds nobody's pages. */
		if (!r || !pfn_ready(at)) {
			at = ALIGN(at + 1, PAGES_PER_SECTION);
			continue;
		}
		if (r->flags & RECORD_IN_USE) {
			fill(owner, r, at);
			*pfn = at + (1UL << r->order);
			return true;
		}
		at++;
	}
	*pfn = end;
	return false;
}

bool page_owner_of(const struct page *page, struct page_owner *owner)
{
	const struct page_record *r = record_of(page);

	if (!r || !(r->flags & RECORD_KNOWN))
		return false;
	fill(owner, r, page_to_pfn(page));
	return true;
}

void page_owner_print(const struct page *page)
{
	struct page_owner o;

	if (!page_owner_of(page, &o)) {
		pr_err("page_owner: nothing is known of the page (page_owner=on tells more)\n");
		return;
	}
	pr_err("page last allocated via order %u, gfp_mask %#x, cpu %u, ts %llu, free_ts %llu\n",
	       o.order, o.gfp, o.cpu, (unsigned long long)o.ts_nsec,
	       (unsigned long long)o.free_ts_nsec);
	if (o.stack)
		stack_depot_print(o.stack);
	if (!o.free_stack)
		return;
	pr_err("page last free stack trace:\n");
	stack_depot_print(o.free_stack);
}
