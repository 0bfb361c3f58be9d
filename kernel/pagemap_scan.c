// SPDX-License-Identifier: MIT
/*
 * The ioctl PAGEMAP_SCAN of /proc/PID/pagemap: which pages of a range are of some categories, as regions of pages alike (Linux:
 * fs/proc/task_mmu.c). No area here can be write-protected by userfaultfd, so that a scan that shall protect finds no area, or is refused
 * where it asks for that (PM_SCAN_CHECK_WPASYNC).
 *
 * Locking: kernel_lock keeps the address space, mmap_lock its areas and tables; regions are gathered under it, and copied out without.
 */
#include <quire/pagewalk.h>
#include <quire/slab.h>

#include "proc.h"
#include "syscall.h"

#define PAGEMAP_SCAN 0xc0606610U
#define PAGE_IS_WPALLOWED 1UL
#define PAGE_IS_WRITTEN 2UL
#define PAGE_IS_FILE 4UL
#define PAGE_IS_PRESENT 8UL
#define PAGE_IS_PFNZERO 32UL
#define PAGE_IS_HUGE 64UL
#define PAGE_IS_ALL 255UL
#define PM_SCAN_WP_MATCHING 1UL
#define PM_SCAN_CHECK_WPASYNC 2UL

struct pm_scan_arg {
	u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct page_region {
	u64 start, end, categories;
};

/* Regions gathered under mmap_lock at a time. */
#define REGIONS 512UL

struct scan {
	struct pm_scan_arg arg;
	struct page_region *buf; /* NULL: none is wanted */
	u64 size, nr;
	u64 found; /* pages */
};

static bool wanted(u64 categories, const struct pm_scan_arg *a)
{
	categories ^= a->category_inverted;
	return (categories & a->category_mask) == a->category_mask &&
	       (!a->category_anyof_mask || categories & a->category_anyof_mask);
}

/* [addr, end) is of these. 0; -ENOSPC: there is no room for all of it, and walk_end says for how much there was. */
static int put(struct scan *s, u64 categories, u64 addr, u64 end)
{
	u64 pages = (end - addr) >> PAGE_SHIFT;
	struct page_region *last = s->nr ? &s->buf[s->nr - 1] : NULL;
	int ret = 0;

	if (!s->buf)
		return 0;
	categories &= s->arg.return_mask;
	if (pages > s->arg.max_pages - s->found) {
		pages = s->arg.max_pages - s->found;
		ret = -ENOSPC;
	}
	end = addr + (pages << PAGE_SHIFT);
	if (!pages) {
		s->arg.walk_end = addr;
		return ret;
	}
	if (last && last->end == addr && last->categories == categories) {
		last->end = end;
	} else if (s->nr < s->size) {
		s->buf[s->nr++] = (struct page_region){addr, end, categories};
	} else {
		end = addr;
		pages = 0;
		ret = -ENOSPC;
	}
	s->found += pages;
	if (ret)
		s->arg.walk_end = end;
	return ret;
}

static u64 categories_of(const struct mapped_page *m)
{
	u64 c = PAGE_IS_PRESENT | PAGE_IS_WRITTEN;

	if (!m->page)
		c |= PAGE_IS_PFNZERO;
	else if (!m->anon)
		c |= PAGE_IS_FILE;
	if (m->size > PAGE_SIZE)
		c |= PAGE_IS_HUGE;
	return c;
}

static int scan_area(struct scan *s, const struct vm_area_struct *vma, u64 addr, u64 end)
{
	unsigned long next;

	if (s->arg.flags & PM_SCAN_CHECK_WPASYNC)
		return -EPERM;
	if (s->arg.flags & PM_SCAN_WP_MATCHING || vma->vm_flags & VM_PFNMAP)
		return 0;
	if (s->arg.category_mask & ~s->arg.category_inverted & PAGE_IS_WPALLOWED)
		return 0;
	for (; addr < end; addr = next) {
		struct mapped_page m;
		u64 c;
		int ret;

		if (vm_mapped_page(vma->vm_mm, addr, end, &m, &next))
			c = categories_of(&m);
		else
			/* An entry of a table that is empty was not protected; where there is no table nothing was. */
			c = next == addr + PAGE_SIZE ? PAGE_IS_WRITTEN : 0;
		ret = wanted(c, &s->arg) ? put(s, c, addr, next) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

static int walk(struct scan *s, struct mm_struct *mm, u64 start)
{
	u64 end = s->arg.end;
	int ret = 0;

	mmap_write_lock(mm);
	for (const struct vm_area_struct *vma = find_vma(mm, start);
	     !ret && vma && vma->vm_start < end; vma = vma->next)
		ret = scan_area(s, vma, max(start, (u64)vma->vm_start), min(end, (u64)vma->vm_end));
	mmap_write_unlock(mm);
	return ret;
}

static int check_arg(struct pm_scan_arg *a)
{
	if (a->size != sizeof(*a) || a->flags & ~(PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC))
		return -EINVAL;
	if ((a->category_inverted | a->category_mask | a->category_anyof_mask | a->return_mask) &
	    ~PAGE_IS_ALL)
		return -EINVAL;
	a->start = untagged_addr(a->start);
	a->end = untagged_addr(a->end);
	a->vec = untagged_addr(a->vec);
	if (a->start & (PAGE_SIZE - 1))
		return -EINVAL;
	if (a->end - a->start > TASK_SIZE || a->start > TASK_SIZE - (a->end - a->start))
		return -EFAULT;
	if (!a->vec && a->vec_len)
		return -EINVAL;
	if (a->vec && (a->vec_len > TASK_SIZE / sizeof(struct page_region) ||
		       a->vec > TASK_SIZE - a->vec_len * sizeof(struct page_region)))
		return -EFAULT;
	a->end = ALIGN(a->end, PAGE_SIZE);
	a->walk_end = 0;
	if (!a->max_pages)
		a->max_pages = ULONG_MAX;
	return 0;
}

/* What was gathered goes to the program. How many regions, or -EFAULT. */
static long flush(struct scan *s)
{
	u64 n = s->nr;

	if (n && copy_to_user(s->arg.vec, s->buf, n * sizeof(*s->buf)))
		return -EFAULT;
	s->arg.vec += n * sizeof(*s->buf);
	s->arg.vec_len -= n;
	s->size = min(s->size, s->arg.vec_len);
	s->nr = 0;
	return (long)n;
}

static long scan(struct mm_struct *mm, unsigned long uarg)
{
	struct scan s = {0};
	long ret, regions = 0, n;
	u64 at;

	if (copy_from_user(&s.arg, uarg, sizeof(s.arg)))
		return -EFAULT;
	ret = check_arg(&s.arg);
	if (ret)
		return ret;
	s.size = min(s.arg.vec_len, REGIONS);
	if (s.size) {
		s.buf = kmalloc(s.size * sizeof(*s.buf), GFP_KERNEL);
		if (!s.buf)
			return -ENOMEM;
	}
	for (at = s.arg.start; at < s.arg.end; at = s.arg.walk_end) {
		if (fatal_signal_pending()) {
			ret = -EINTR;
			break;
		}
		s.arg.walk_end = 0;
		ret = walk(&s, mm, at);
		n = flush(&s);
		if (n < 0)
			ret = n;
		else
			regions += n;
		if (ret != -ENOSPC || !s.arg.vec_len || s.found == s.arg.max_pages)
			break;
	}
	if (!ret || ret == -ENOSPC)
		ret = regions;
	if (!s.arg.walk_end)
		s.arg.walk_end = s.arg.end;
	if (copy_to_user(uarg + offsetof(struct pm_scan_arg, walk_end), &s.arg.walk_end,
			 sizeof(s.arg.walk_end)))
		ret = -EFAULT;
	kfree(s.buf);
	return ret;
}

long proc_pagemap_ioctl(struct open_file *f, unsigned int cmd, unsigned long arg)
{
	const struct task *t = proc_task(pseudo_ref(f->inode));
	long ret;

	if (cmd != PAGEMAP_SCAN)
		return -EINVAL;
	if (!t || !t->mm)
		return -ESRCH;
	mmget(t->mm);
	ret = scan(t->mm, arg);
	mmput(t->mm);
	return ret;
}
