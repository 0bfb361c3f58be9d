// SPDX-License-Identifier: MIT
/*
 * /proc/PID/maps and what else looks at areas: numa_maps, pagemap, map_files; smaps has a file of its own (Linux: fs/proc/task_mmu.c).
 *
 * Formats are Linux 6.12's to the character. Locking: kernel_lock keeps the address space, mmap_lock, for reading, its areas.
 */
#include <quire/pagewalk.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "proc.h"
#include "ptrace.h"

/* ------------------------------------------------------------------ what an area is called */

static bool is_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack && vma->vm_end >= vma->vm_mm->start_stack;
}

static bool is_heap(const struct vm_area_struct *vma)
{
	return vma->vm_start < vma->vm_mm->brk && vma->vm_end > vma->vm_mm->start_brk;
}

/* The file that an area shows, if it is one of a name; NULL: none, or shared anonymous memory. */
static struct open_file *area_file(const struct vm_area_struct *vma)
{
	return vma->vm_file ? open_file_of(vma->vm_file) : NULL;
}

/* What stands in the last column; "" when nothing does. buf: PATH_MAX bytes. */
static const char *area_name(const struct vm_area_struct *vma, char *buf)
{
	const struct open_file *f = area_file(vma);
	const char *anon = vma_anon_name(vma);
	char *text;

	if (anon) {
		quire_snprintf(buf, PATH_MAX, vma->vm_file ? "[anon_shmem:%s]" : "[anon:%s]", anon);
		return buf;
	}
	if (vma->vm_start == vma->vm_mm->vdso)
		return "[vdso]";
	if (f) {
		if (d_path(f->dentry, vfs_root(), buf, PATH_MAX, &text) < 0)
			return "";
		return text;
	}
	if (vma->vm_file)
		return "/dev/zero (deleted)";
	if (vma->vm_ops && vma->vm_ops->name && vma->vm_ops->name((struct vm_area_struct *)vma))
		return vma->vm_ops->name((struct vm_area_struct *)vma);
	if (is_heap(vma))
		return "[heap]";
	if (is_stack(vma))
		return "[stack]";
	return "";
}

/* Names must not break lines. */
static void put_name(struct out *out, const char *name)
{
	const char *end;

	while ((end = strchr(name, '\n'))) {
		out_write(out, name, (size_t)(end - name));
		out_puts(out, "\\012");
		name = end + 1;
	}
	out_puts(out, name);
}

char *put_hex(char *to, u64 v, unsigned int least)
{
	unsigned int n = v ? (67U - (unsigned int)__builtin_clzll(v)) / 4 : 1;

	for (n = max(n, least); n--; v &= BIT(4 * n) - 1)
		*to++ = "0123456789abcdef"[v >> 4 * n];
	return to;
}

char *put_decimal(char *to, u64 v, unsigned int width)
{
	char digits[20];
	unsigned int n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (; width > n; width--)
		*to++ = ' ';
	while (n)
		*to++ = digits[--n];
	return to;
}

void put_area_header(struct out *out, const struct vm_area_struct *vma, char *buf)
{
	const struct open_file *f = area_file(vma);
	u32 dev = f ? f->inode->sb->dev : vma->vm_file ? MKDEV(0, 1) : 0;
	const char *name = area_name(vma, buf);
	char line[128], *p;

	p = put_hex(line, vma->vm_start, 8);
	*p++ = '-';
	p = put_hex(p, vma->vm_end, 8);
	*p++ = ' ';
	*p++ = vma->vm_flags & VM_READ ? 'r' : '-';
	*p++ = vma->vm_flags & VM_WRITE ? 'w' : '-';
	*p++ = vma->vm_flags & VM_EXEC ? 'x' : '-';
	*p++ = vma->vm_flags & VM_MAYSHARE ? 's' : 'p';
	*p++ = ' ';
	p = put_hex(p, vma->vm_file ? (u64)vma->vm_pgoff << PAGE_SHIFT : 0, 8);
	*p++ = ' ';
	p = put_hex(p, dev >> 20, 2);
	*p++ = ':';
	p = put_hex(p, dev & 0xfffff, 2);
	*p++ = ' ';
	p = put_decimal(p, f ? f->inode->ino : vma->vm_file ? 1 : 0, 0);
	*p++ = ' ';
	while (*name && p - line < AREA_NAME_COLUMN)
		*p++ = ' ';
	out_write(out, line, (size_t)(p - line));
	put_name(out, name);
	out_write(out, "\n", 1);
}

/* For each area, in order. */
static int each_area(struct out *out, const struct pseudo_ref *r,
		     void (*show)(struct out *out, const struct vm_area_struct *vma, char *buf,
				  const struct task *t))
{
	const struct task *t = proc_task(r);
	struct mm_struct *mm = t ? t->mm : NULL;
	char *buf;

	if (!t)
		return -ESRCH;
	if (!mm)
		return 0;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	mmap_read_lock(mm);
	for (const struct vm_area_struct *vma = mm->mmap; vma; vma = vma->next)
		show(out, vma, buf, t);
	mmap_read_unlock(mm);
	kfree(buf);
	return 0;
}

static void show_map(struct out *out, const struct vm_area_struct *vma, char *buf,
		     const struct task *t)
{
	(void)t;
	put_area_header(out, vma, buf);
}

int proc_show_maps(struct out *out, const struct pseudo_ref *r)
{
	return each_area(out, r, show_map);
}

/* ------------------------------------------------------------------ numa_maps */

static void show_numa(struct out *out, const struct vm_area_struct *vma, char *buf,
		      const struct task *t)
{
	unsigned long addr = vma->vm_start, next, pages = 0, anon = 0, dirty = 0;
	unsigned long on[MAX_NUMNODES] = {0};
	s32 mapmax = 0;
	const struct open_file *f = area_file(vma);

	for (; addr < vma->vm_end; addr = next) {
		struct mapped_page m;

		if (!vm_mapped_page(vma->vm_mm, addr, vma->vm_end, &m, &next) || !m.page)
			continue;
		pages += (next - addr) >> PAGE_SHIFT;
		on[page_to_nid(m.page)] += (next - addr) >> PAGE_SHIFT;
		anon += m.anon ? (next - addr) >> PAGE_SHIFT : 0;
		dirty += m.dirty || PageDirty(m.page) ? (next - addr) >> PAGE_SHIFT : 0;
		mapmax = max(mapmax, m.mapcount);
	}
	out_printf(out, "%08lx ", vma->vm_start);
	mpol_show(out, vma->vm_policy ? vma->vm_policy : t->mempolicy);
	if (f) {
		char *text;

		out_puts(out, " file=");
		if (d_path(f->dentry, vfs_root(), buf, PATH_MAX, &text) >= 0)
			put_name(out, text);
	} else if (vma->vm_file) {
		out_puts(out, " file=/dev/zero\\040(deleted)");
	} else if (is_heap(vma)) {
		out_puts(out, " heap");
	} else if (is_stack(vma)) {
		out_puts(out, " stack");
	}
	if (pages) {
		if (anon)
			out_printf(out, " anon=%lu", anon);
		if (dirty)
			out_printf(out, " dirty=%lu", dirty);
		if (pages != anon && pages != dirty)
			out_printf(out, " mapped=%lu", pages);
		if (mapmax > 1)
			out_printf(out, " mapmax=%d", mapmax);
		for (unsigned int n = 0; n < MAX_NUMNODES; n++)
			if (on[n])
				out_printf(out, " N%u=%lu", n, on[n]);
		out_printf(out, " kernelpagesize_kB=%lu", PAGE_SIZE >> 10);
	}
	out_puts(out, "\n");
}

int proc_show_numa_maps(struct out *out, const struct pseudo_ref *r)
{
	return each_area(out, r, show_numa);
}

/* ------------------------------------------------------------------ pagemap */

#define PM_FILE BIT(61)
#define PM_PRESENT BIT(63)
#define PM_EXCLUSIVE BIT(56)
#define PM_PFN_MASK (BIT(55) - 1)

static u64 pagemap_entry(const struct mapped_page *m, unsigned long offset)
{
	u64 e = PM_PRESENT | ((m->pfn + (offset >> PAGE_SHIFT)) & PM_PFN_MASK);

	if (m->page && !m->anon)
		e |= PM_FILE;
	if (m->page && m->mapcount == 1)
		e |= PM_EXCLUSIVE;
	return e;
}

#define PAGEMAP_CHUNK 64U

static long pagemap_read(struct open_file *f, struct iter *to, u64 *pos)
{
	const struct task *t = proc_task(pseudo_ref(f->inode));
	struct mm_struct *mm = t ? t->mm : NULL;
	unsigned int chunks = 0;
	long done = 0;

	if (!mm)
		return 0;
	if (*pos % sizeof(u64) || to->left % sizeof(u64))
		return -EINVAL;
	mmget(mm);
	while (to->left) {
		u64 entries[PAGEMAP_CHUNK] = {0}, first = *pos / sizeof(u64);
		unsigned long addr, end, next;
		size_t n = min(to->left / sizeof(u64), (size_t)PAGEMAP_CHUNK), moved;

		if (first >= TASK_SIZE >> PAGE_SHIFT)
			break;
		n = min(n, (size_t)((TASK_SIZE >> PAGE_SHIFT) - first));
		addr = first << PAGE_SHIFT;
		end = addr + (n << PAGE_SHIFT);
		mmap_read_lock(mm);
		for (; addr < end; addr = next) {
			struct mapped_page m;

			if (!vm_mapped_page(mm, addr, end, &m, &next))
				continue;
			for (unsigned long a = addr; a < next; a += PAGE_SIZE)
				entries[(a >> PAGE_SHIFT) - first] = pagemap_entry(&m, a - addr);
		}
		mmap_read_unlock(mm);
		moved = copy_to_iter(entries, n * sizeof(u64), to);
		*pos += moved;
		done += (long)moved;
		if (moved != n * sizeof(u64)) {
			if (!done)
				done = -EFAULT;
			break;
		}
		/* A reader may ask for gigabytes: the others go on meanwhile. */
		if (++chunks % 256)
			continue;
		sched_relax();
		if (fatal_signal_pending())
			break;
	}
	mm_put_unlocked(mm);
	return done;
}

static s64 any_llseek(struct open_file *f, s64 offset, int whence)
{
	if (whence == 1)
		offset += (s64)f->pos;
	else if (whence)
		return -EINVAL;
	f->pos = (u64)offset;
	return offset;
}

const struct file_operations proc_pagemap_fop = {.no_splice_read = true,
						 .read = pagemap_read,
						 .llseek = any_llseek,
						 .ioctl = proc_pagemap_ioctl};

/* ------------------------------------------------------------------ mem */

static long mem_move(struct open_file *f, struct iter *it, u64 *pos, bool write)
{
	const struct task *t = proc_task(pseudo_ref(f->inode));
	struct mm_struct *mm = t ? t->mm : NULL;
	long done = 0;
	char *page;

	if (!mm)
		return 0;
	if (ptrace_may_access(t))
		return -EACCES;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while (it->left) {
		size_t n = min(it->left, PAGE_SIZE - (size_t)(*pos & (PAGE_SIZE - 1))), left,
		       moved = n;

		if (*pos >= TASK_SIZE)
			break;
		if (write && (moved = copy_from_iter(page, n, it)) == 0)
			break;
		left = access_remote_vm_force(mm, *pos, page, moved, write);
		if (left == moved) {
			done = done ? done : -EIO;
			break;
		}
		moved -= left;
		if (!write && copy_to_iter(page, moved, it) != moved) {
			done = done ? done : -EFAULT;
			break;
		}
		*pos += moved;
		done += (long)moved;
		if (left)
			break;
	}
	kfree(page);
	return done;
}

static long mem_read(struct open_file *f, struct iter *to, u64 *pos)
{
	return mem_move(f, to, pos, false);
}

static long mem_write(struct open_file *f, struct iter *from, u64 *pos)
{
	return mem_move(f, from, pos, true);
}

const struct file_operations proc_mem_fop = {.no_splice_read = true,
					     .no_splice_write = true,
					     .read = mem_read,
					     .write = mem_write,
					     .llseek = any_llseek};

/* ------------------------------------------------------------------ map_files */

static bool hex(const char **p, const char *end, unsigned long *value)
{
	const char *start = *p;

	*value = 0;
	for (; *p < end; ++*p) {
		char c = **p;
		unsigned long d = c >= '0' && c <= '9'	 ? (unsigned long)(c - '0')
				  : c >= 'a' && c <= 'f' ? (unsigned long)(c - 'a') + 10
							 : 16;

		if (d == 16)
			break;
		if (*value >> 60)
			return false;
		*value = *value << 4 | d;
	}
	/* "0" is a number, "01" is none. */
	return *p > start && (*start != '0' || *p == start + 1);
}

/* With mmap_lock held, as the area is for as long as that. */
static const struct vm_area_struct *exact_area(struct mm_struct *mm, unsigned long start,
					       unsigned long end)
{
	const struct vm_area_struct *vma = find_vma(mm, start);

	return vma && vma->vm_start == start && vma->vm_end == end && area_file(vma) ? vma : NULL;
}

static int map_file_follow(const struct pseudo_ref *r, struct dentry **to)
{
	const struct task *t = proc_task(r);
	const struct vm_area_struct *vma;

	if (!t || !t->mm)
		return -ENOENT;
	mmap_read_lock(t->mm);
	vma = exact_area(t->mm, r->key, r->key2);
	if (vma)
		*to = dget(area_file(vma)->dentry);
	mmap_read_unlock(t->mm);
	return vma ? 0 : -ENOENT;
}

static long map_file_readlink(const struct pseudo_ref *r, char *buf, size_t size)
{
	struct dentry *d;
	int err = map_file_follow(r, &d);

	return err ? err : proc_put_path(d, buf, size);
}

/* By what the area may do with its file. */
#define MAP_FILE_ENTRY(m)                                                                          \
	{                                                                                          \
		.name = "", .mode = S_IFLNK | (m), .follow = map_file_follow,                      \
		.readlink = map_file_readlink                                                      \
	}
static const struct pseudo_entry map_file_entries[4] = {MAP_FILE_ENTRY(0000), MAP_FILE_ENTRY(0400),
							MAP_FILE_ENTRY(0200), MAP_FILE_ENTRY(0600)};

static void map_file_ref(const struct vm_area_struct *vma, struct pseudo_ref *found)
{
	found->e = &map_file_entries[vma->vm_file->f_mode & (FMODE_READ | FMODE_WRITE)];
	found->key = vma->vm_start;
	found->key2 = vma->vm_end;
}

static int map_files_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
			    struct pseudo_ref *found)
{
	const char *p = name, *end = name + len;
	const struct task *t = proc_task(dir);
	const struct vm_area_struct *vma;
	unsigned long start, stop;

	if (!hex(&p, end, &start) || p == end || *p++ != '-' || !hex(&p, end, &stop) || p != end)
		return -ENOENT;
	if (!t || !t->mm)
		return -ENOENT;
	mmap_read_lock(t->mm);
	vma = exact_area(t->mm, start, stop);
	if (vma)
		map_file_ref(vma, found);
	mmap_read_unlock(t->mm);
	return vma ? 0 : -ENOENT;
}

static bool map_files_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
			   struct pseudo_ref *found)
{
	const struct task *t = proc_task(dir);
	const struct vm_area_struct *vma;

	if (!t || !t->mm)
		return false;
	mmap_read_lock(t->mm);
	vma = find_vma(t->mm, *pos << PAGE_SHIFT);
	/* The area that begins before the place has been shown. */
	while (vma && (vma->vm_start < *pos << PAGE_SHIFT || !area_file(vma)))
		vma = vma->next;
	if (vma) {
		*pos = vma->vm_start >> PAGE_SHIFT;
		quire_snprintf(name, 64, "%lx-%lx", vma->vm_start, vma->vm_end);
		map_file_ref(vma, found);
	}
	mmap_read_unlock(t->mm);
	return vma;
}

const struct pseudo_dir proc_map_files = {map_files_lookup, map_files_next};

/* ------------------------------------------------------------------ exe */

int proc_exe(const struct mm_struct *mm, struct dentry **to)
{
	const struct vm_area_struct *vma;
	const struct open_file *f;

	mmap_read_lock((struct mm_struct *)mm);
	vma = vma_lookup(mm, mm->start_code);
	mmap_read_unlock((struct mm_struct *)mm);
	f = vma ? area_file(vma) : NULL;
	if (!f)
		return -ENOENT;
	*to = dget(f->dentry);
	return 0;
}
