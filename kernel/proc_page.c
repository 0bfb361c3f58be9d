// SPDX-License-Identifier: MIT
/*
 * /proc/kpagecount, kpageflags, kpagecgroup: a word for each page frame (Linux: fs/proc/page.c; flags by
 * include/uapi/linux/kernel-page-flags.h). Frames that are no memory have 0. Without a lock: a report of what was.
 */
#include <quire/mm_init.h>
#include <quire/page-flags.h>
#include <quire/page.h>
#include <quire/pagewalk.h>
#include <quire/sparse.h>

#include "proc.h"

enum {
	KPF_LOCKED = 0,
	KPF_REFERENCED = 2,
	KPF_UPTODATE = 3,
	KPF_DIRTY = 4,
	KPF_LRU = 5,
	KPF_ACTIVE = 6,
	KPF_SLAB = 7,
	KPF_BUDDY = 10,
	KPF_MMAP = 11,
	KPF_ANON = 12,
	KPF_SWAPBACKED = 14,
	KPF_COMPOUND_HEAD = 15,
	KPF_COMPOUND_TAIL = 16,
	KPF_NOPAGE = 20,
	KPF_THP = 22,
	KPF_ZERO_PAGE = 24,
	KPF_PGTABLE = 26,
	KPF_RESERVED = 32,
};

static bool is_anon(const struct page *page)
{
	return __atomic_load_n(&page->word, __ATOMIC_RELAXED) & PAGE_MAPPING_ANON;
}

static struct page *frame(u64 pfn)
{
	return pfn < max_pfn ? pfn_to_online_page(pfn) : NULL;
}

static u64 count_of(u64 pfn)
{
	struct page *page = frame(pfn);
	u32 word;

	if (!page)
		return 0;
	/* A type stands where the count would. */
	word = __atomic_load_n(&page->page_type, __ATOMIC_RELAXED);
	return (s32)word < 0 ? 0 : word + 1;
}

static u64 flags_of(u64 pfn)
{
	struct page *page = frame(pfn), *head;
	u64 f = 0;

	if (!page)
		return BIT(KPF_NOPAGE);
	head = compound_head(page);
	if (PageBuddy(page))
		return BIT(KPF_BUDDY);
	if (PageSlab(head))
		f |= BIT(KPF_SLAB);
	if (PageTable(page))
		f |= BIT(KPF_PGTABLE);
	if (count_of(pfn) && !PageSlab(head))
		f |= BIT(KPF_MMAP);
	if (is_anon(head))
		f |= BIT(KPF_ANON);
	if (page == vm_zero_page() || is_huge_zero(page))
		f |= BIT(KPF_ZERO_PAGE);
	if (PageCompound(page)) {
		f |= head == page ? BIT(KPF_COMPOUND_HEAD) : BIT(KPF_COMPOUND_TAIL);
		if (is_anon(head) || PageSwapBacked(head))
			f |= BIT(KPF_THP);
	}
	/* A page of a block counts by itself, but comes as one of many. */
	if (page_large_head(page))
		f |= BIT(KPF_THP) |
		     BIT(page_large_head(page) == page ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL);
	f |= (u64)PageLocked(head) << KPF_LOCKED | (u64)PageReferenced(head) << KPF_REFERENCED |
	     (u64)PageUptodate(head) << KPF_UPTODATE | (u64)PageDirty(head) << KPF_DIRTY |
	     (u64)PageLRU(head) << KPF_LRU | (u64)PageActive(head) << KPF_ACTIVE |
	     (u64)PageSwapBacked(head) << KPF_SWAPBACKED | (u64)PageReserved(page) << KPF_RESERVED;
	return f;
}

static u64 nothing_of(u64 pfn)
{
	(void)pfn;
	return 0;
}

static long words_read(struct iter *to, u64 *pos, u64 (*word)(u64 pfn))
{
	long done = 0;

	if (*pos % sizeof(u64) || to->left % sizeof(u64))
		return -EINVAL;
	while (to->left && *pos / sizeof(u64) < max_pfn) {
		u64 w = word(*pos / sizeof(u64));

		if (copy_to_iter(&w, sizeof(w), to) != sizeof(w))
			return done ? done : -EFAULT;
		*pos += sizeof(w);
		done += (long)sizeof(w);
	}
	return done;
}

static long count_read(struct open_file *f, struct iter *to, u64 *pos)
{
	(void)f;
	return words_read(to, pos, count_of);
}

static long flags_read(struct open_file *f, struct iter *to, u64 *pos)
{
	(void)f;
	return words_read(to, pos, flags_of);
}

static long cgroup_read(struct open_file *f, struct iter *to, u64 *pos)
{
	(void)f;
	return words_read(to, pos, nothing_of);
}

const struct file_operations kpagecount_fop = {
	.read = count_read, .llseek = generic_llseek, .no_splice_read = true};
const struct file_operations kpageflags_fop = {
	.read = flags_read, .llseek = generic_llseek, .no_splice_read = true};
const struct file_operations kpagecgroup_fop = {
	.read = cgroup_read, .llseek = generic_llseek, .no_splice_read = true};
