// SPDX-License-Identifier: MIT
/*
 * /proc/PID/smaps and smaps_rollup: what of a program's areas is in memory, and how it is shared (Linux: fs/proc/task_mmu.c).
 *
 * Formats are Linux 6.12's to the character. A program of a thousand areas has most of a megabyte of text, so a block of lines is copied as it
 * is where nothing is mapped, and numbers are put into it. Locking: an area is kept as faults keep it while its pages are counted, without mmap_lock
 * and kernel_lock. As on Linux, which writes as much as is read at once, the areas of a long text may change in between.
 */
#include <quire/pagewalk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "proc.h"

/* Proportional sizes are kept so much finer than bytes. */
#define PSS_SHIFT 12

struct smaps {
	u64 resident, shared_clean, shared_dirty, private_clean, private_dirty, referenced,
		anonymous, lazyfree, anon_huge, shmem_huge, file_huge;
	u64 pss, pss_anon, pss_file, pss_shmem, pss_dirty, pss_locked;
};

static void add_page(void *arg, const struct vm_area_struct *vma, const struct mapped_page *m,
		     unsigned long size)
{
	struct smaps *s = arg;
	u64 pss = size << PSS_SHIFT;
	bool dirty, private;

	if (!m->page)
		return;
	dirty = m->dirty || PageDirty(m->page);
	private = m->mapcount < 2;
	if (!private)
		pss /= (u64)m->mapcount;
	s->resident += size;
	if (m->anon) {
		s->anonymous += size;
		if (!PageSwapBacked(m->page) && !dirty)
			s->lazyfree += size;
	}
	if (m->young || PageReferenced(m->page))
		s->referenced += size;
	s->pss += pss;
	*(m->anon ? &s->pss_anon : m->shmem ? &s->pss_shmem : &s->pss_file) += pss;
	if (vma->vm_flags & VM_LOCKED)
		s->pss_locked += pss;
	if (dirty)
		s->pss_dirty += pss;
	*(dirty ? (private ? &s->private_dirty : &s->shared_dirty)
		: (private ? &s->private_clean : &s->shared_clean)) += size;
	if (m->size > PAGE_SIZE)
		*(m->anon ? &s->anon_huge : m->shmem ? &s->shmem_huge : &s->file_huge) += size;
}

/* The lines with sizes: of an area up to ROW_LOCKED, of a rollup from ROW_RSS on, with the last three behind ROW_PSS_DIRTY. */
enum row {
	ROW_SIZE,
	ROW_KERNEL_PAGE,
	ROW_MMU_PAGE,
	ROW_RSS,
	ROW_PSS,
	ROW_PSS_DIRTY,
	ROW_SHARED_CLEAN,
	ROW_SHARED_DIRTY,
	ROW_PRIVATE_CLEAN,
	ROW_PRIVATE_DIRTY,
	ROW_REFERENCED,
	ROW_ANONYMOUS,
	ROW_KSM,
	ROW_LAZYFREE,
	ROW_ANONHUGEPAGES,
	ROW_SHMEMPMDMAPPED,
	ROW_FILEPMDMAPPED,
	ROW_SHARED_HUGETLB,
	ROW_PRIVATE_HUGETLB,
	ROW_SWAP,
	ROW_SWAPPSS,
	ROW_LOCKED,
	ROW_PSS_ANON,
	ROW_PSS_FILE,
	ROW_PSS_SHMEM,
	NR_ROWS,
};
#define NAME_WIDTH 16
#define ROW_WIDTH 28
/* As they are when there is nothing, which is what most of them say of most areas. */
static const char rows[NR_ROWS][ROW_WIDTH] = {
	[ROW_SIZE] = "Size:                  0 kB\n",
	[ROW_KERNEL_PAGE] = "KernelPageSize:        0 kB\n",
	[ROW_MMU_PAGE] = "MMUPageSize:           0 kB\n",
	[ROW_RSS] = "Rss:                   0 kB\n",
	[ROW_PSS] = "Pss:                   0 kB\n",
	[ROW_PSS_DIRTY] = "Pss_Dirty:             0 kB\n",
	[ROW_SHARED_CLEAN] = "Shared_Clean:          0 kB\n",
	[ROW_SHARED_DIRTY] = "Shared_Dirty:          0 kB\n",
	[ROW_PRIVATE_CLEAN] = "Private_Clean:         0 kB\n",
	[ROW_PRIVATE_DIRTY] = "Private_Dirty:         0 kB\n",
	[ROW_REFERENCED] = "Referenced:            0 kB\n",
	[ROW_ANONYMOUS] = "Anonymous:             0 kB\n",
	[ROW_KSM] = "KSM:                   0 kB\n",
	[ROW_LAZYFREE] = "LazyFree:              0 kB\n",
	[ROW_ANONHUGEPAGES] = "AnonHugePages:         0 kB\n",
	[ROW_SHMEMPMDMAPPED] = "ShmemPmdMapped:        0 kB\n",
	[ROW_FILEPMDMAPPED] = "FilePmdMapped:         0 kB\n",
	[ROW_SHARED_HUGETLB] = "Shared_Hugetlb:        0 kB\n",
	[ROW_PRIVATE_HUGETLB] = "Private_Hugetlb:       0 kB\n",
	[ROW_SWAP] = "Swap:                  0 kB\n",
	[ROW_SWAPPSS] = "SwapPss:               0 kB\n",
	[ROW_LOCKED] = "Locked:                0 kB\n",
	[ROW_PSS_ANON] = "Pss_Anon:              0 kB\n",
	[ROW_PSS_FILE] = "Pss_File:              0 kB\n",
	[ROW_PSS_SHMEM] = "Pss_Shmem:             0 kB\n",
};

/* What an area's lines and flags need at most, if every number needs 20 digits. */
struct lines {
	char *end;
	char text[(NR_ROWS + 4) * (NAME_WIDTH + 20 + 4)];
};

static void row_values(u64 kb[NR_ROWS], const struct smaps *s)
{
	memset(kb, 0, NR_ROWS * sizeof(*kb));
	kb[ROW_RSS] = s->resident >> 10;
	kb[ROW_PSS] = s->pss >> (PSS_SHIFT + 10);
	kb[ROW_PSS_DIRTY] = s->pss_dirty >> (PSS_SHIFT + 10);
	kb[ROW_SHARED_CLEAN] = s->shared_clean >> 10;
	kb[ROW_SHARED_DIRTY] = s->shared_dirty >> 10;
	kb[ROW_PRIVATE_CLEAN] = s->private_clean >> 10;
	kb[ROW_PRIVATE_DIRTY] = s->private_dirty >> 10;
	kb[ROW_REFERENCED] = s->referenced >> 10;
	kb[ROW_ANONYMOUS] = s->anonymous >> 10;
	kb[ROW_LAZYFREE] = s->lazyfree >> 10;
	kb[ROW_ANONHUGEPAGES] = s->anon_huge >> 10;
	kb[ROW_SHMEMPMDMAPPED] = s->shmem_huge >> 10;
	kb[ROW_FILEPMDMAPPED] = s->file_huge >> 10;
	kb[ROW_LOCKED] = s->pss_locked >> (PSS_SHIFT + 10);
	kb[ROW_PSS_ANON] = s->pss_anon >> (PSS_SHIFT + 10);
	kb[ROW_PSS_FILE] = s->pss_file >> (PSS_SHIFT + 10);
	kb[ROW_PSS_SHMEM] = s->pss_shmem >> (PSS_SHIFT + 10);
}

static void put_rows(struct lines *l, enum row first, enum row last, const u64 kb[NR_ROWS])
{
	char *const begin = l->end;

	memcpy(begin, rows[first], (last - first + 1) * ROW_WIDTH);
	l->end = begin + (last - first + 1) * ROW_WIDTH;
	for (enum row i = first; i <= last; i++) {
		char *p = begin + (i - first) * ROW_WIDTH + ROW_WIDTH - 4;

		if (kb[i] > 99999999)
			goto wide;
		for (u64 v = kb[i]; v; v /= 10)
			*--p = (char)('0' + v % 10);
	}
	return;
wide:
	l->end = begin;
	for (enum row i = first; i <= last; i++) {
		memcpy(l->end, rows[i], NAME_WIDTH);
		l->end = put_decimal(l->end + NAME_WIDTH, kb[i], 8);
		memcpy(l->end, " kB\n", 4);
		l->end += 4;
	}
}

static void put_flags(struct lines *l, unsigned long flags)
{
	static const struct {
		unsigned long flag;
		char name[3];
	} names[] = {
		{VM_READ, "rd"},       {VM_WRITE, "wr"},       {VM_EXEC, "ex"},
		{VM_SHARED, "sh"},     {VM_MAYREAD, "mr"},     {VM_MAYWRITE, "mw"},
		{VM_MAYEXEC, "me"},    {VM_MAYSHARE, "ms"},    {VM_GROWSDOWN, "gd"},
		{VM_PFNMAP, "pf"},     {VM_LOCKED, "lo"},      {VM_IO, "io"},
		{VM_SEQ_READ, "sr"},   {VM_RAND_READ, "rr"},   {VM_DONTCOPY, "dc"},
		{VM_DONTEXPAND, "de"}, {VM_LOCKONFAULT, "lf"}, {VM_ACCOUNT, "ac"},
		{VM_NORESERVE, "nr"},  {VM_SYNC, "sf"},	       {VM_WIPEONFORK, "wf"},
		{VM_DONTDUMP, "dd"},   {VM_MIXEDMAP, "mm"},    {VM_HUGEPAGE, "hg"},
		{VM_NOHUGEPAGE, "nh"}, {VM_MERGEABLE, "mg"},   {VM_DROPPABLE, "dp"},
		{VM_SEALED, "sl"},
	};

	_Static_assert(9 + 3 * ARRAY_SIZE(names) + 1 <= 3 * 40, "they take three lines");
	memcpy(l->end, "VmFlags: ", 9);
	l->end += 9;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		*l->end++ = names[i].name[0];
		*l->end++ = names[i].name[1];
		*l->end++ = ' ';
	}
	*l->end++ = '\n';
}

/* So many areas at a time: well below a millisecond for their headers, and some 100 KiB of text. */
#define AREAS_AT_ONCE 128U
struct areas {
	unsigned int nr;
	struct {
		unsigned long start, end, flags;
		size_t header;
		bool thp_eligible;
	} area[AREAS_AT_ONCE];
	struct text headers;
	char buf[PATH_MAX];
};

static void show_smap(struct out *out, struct mm_struct *mm, const struct areas *areas,
		      unsigned int i)
{
	struct smaps s = {0};
	struct lines l;
	u64 kb[NR_ROWS];

	l.end = l.text;
	vm_each_mapped(mm, areas->area[i].start, areas->area[i].end, add_page, &s);
	row_values(kb, &s);
	kb[ROW_SIZE] = (areas->area[i].end - areas->area[i].start) >> 10;
	kb[ROW_KERNEL_PAGE] = kb[ROW_MMU_PAGE] = PAGE_SIZE >> 10;
	put_rows(&l, ROW_SIZE, ROW_LOCKED, kb);
	memcpy(l.end, "THPeligible:           0\n", 25);
	l.end[23] += areas->area[i].thp_eligible;
	l.end += 25;
	put_flags(&l, areas->area[i].flags);
	out_write(out, l.text, (size_t)(l.end - l.text));
}

/* The headers of the next areas from addr on. Where to go on; 0: there are no more. */
static unsigned long list_areas(struct areas *areas, struct mm_struct *mm, unsigned long addr)
{
	const struct vm_area_struct *vma;

	areas->nr = 0;
	areas->headers.len = 0;
	mmap_read_lock(mm);
	for (vma = find_vma(mm, addr); vma && areas->nr < AREAS_AT_ONCE; vma = vma->next) {
		put_area_header(&areas->headers.out, vma, areas->buf);
		areas->area[areas->nr].start = vma->vm_start;
		areas->area[areas->nr].end = vma->vm_end;
		areas->area[areas->nr].flags = vma->vm_flags;
		areas->area[areas->nr].thp_eligible = vm_thp_eligible(vma);
		areas->area[areas->nr++].header = areas->headers.len;
		addr = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return vma ? addr : 0;
}

/* Headers want kernel_lock for the names of files, and mmap_lock; the pages are counted without: that is long, and others wait. */
int proc_show_smaps(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	struct mm_struct *mm = t ? t->mm : NULL;
	unsigned long addr = 0;
	struct areas *areas;
	int err;

	if (!t)
		return -ESRCH;
	if (!mm)
		return 0;
	areas = kmalloc(sizeof(*areas), GFP_KERNEL);
	if (!areas)
		return -ENOMEM;
	text_init(&areas->headers);
	mmget(mm);
	do {
		size_t at = 0;

		addr = list_areas(areas, mm, addr);
		kernel_unlock();
		for (unsigned int i = 0; i < areas->nr && !areas->headers.out.error; i++) {
			out_write(out, areas->headers.buf + at, areas->area[i].header - at);
			at = areas->area[i].header;
			show_smap(out, mm, areas, i);
		}
		kernel_lock();
	} while (addr && !out->error);
	kernel_unlock();
	mmput(mm);
	kernel_lock();
	err = areas->headers.out.error;
	text_free(&areas->headers);
	kfree(areas);
	return err;
}

int proc_show_smaps_rollup(struct out *out, const struct pseudo_ref *r)
{
	const struct task *t = proc_task(r);
	struct mm_struct *mm = t ? t->mm : NULL;
	const struct vm_area_struct *vma;
	unsigned long first = 0, end = 0;
	struct smaps s = {0};
	struct lines l;
	u64 kb[NR_ROWS];
	char line[128], *p;

	if (!t || !mm)
		return -ESRCH;
	mmget(mm);
	kernel_unlock();
	do {
		unsigned long from = end;

		mmap_read_lock(mm);
		vma = find_vma(mm, from);
		if (vma) {
			from = max(from, vma->vm_start);
			if (!end)
				first = from;
			end = vma->vm_end;
		}
		mmap_read_unlock(mm);
		vm_each_mapped(mm, from, end, add_page, &s);
	} while (vma);
	mmput(mm);
	kernel_lock();
	p = put_hex(line, first, 8);
	*p++ = '-';
	p = put_hex(p, end, 8);
	memcpy(p, " ---p 00000000 00:00 0 ", 23);
	p += 23;
	while (p - line < AREA_NAME_COLUMN)
		*p++ = ' ';
	out_write(out, line, (size_t)(p - line));
	out_puts(out, "[rollup]\n");
	l.end = l.text;
	row_values(kb, &s);
	put_rows(&l, ROW_RSS, ROW_PSS_DIRTY, kb);
	put_rows(&l, ROW_PSS_ANON, ROW_PSS_SHMEM, kb);
	put_rows(&l, ROW_SHARED_CLEAN, ROW_LOCKED, kb);
	out_write(out, l.text, (size_t)(l.end - l.text));
	return 0;
}
