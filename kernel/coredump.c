// SPDX-License-Identifier: MIT
/*
 * Core dumps: what a program that a signal ends leaves in a file, for debuggers (Linux: fs/coredump.c, fs/binfmt_elf.c).
 *
 * An ELF file with the registers of the thread that took the signal, and the areas that /proc/PID/coredump_filter and MADV_DONTDUMP leave. A
 * page that the program has never touched is a hole. The name is kernel.core_pattern's, without pipes to programs, and RLIMIT_CORE ends the
 * file where it ends in Linux: holes do not count.
 *
 * The process is on its way to end from the beginning: the other threads are told to, and waited for, so the memory stands still. SIGKILL is all that
 * it still takes (prepare_signal), and ends the dump: what has been written stays, and the exit code is SIGKILL's. Locking: kernel_lock, which is
 * given up before each page, and free while it is read; nobody else has what `struct core` holds.
 */
#include <quire/mm.h>
#include <quire/pagewalk.h>
#include <quire/slab.h>
#include <quire/string.h>

#include "pid.h"
#include "signal.h"
#include "task.h"
#include "vfs.h"

#define ET_CORE 4
#define EM_AARCH64 183
#define PT_LOAD 1U
#define PT_NOTE 4U
#define NT_PRSTATUS 1U

/* Bits of coredump_filter. */
#define FILTER_ANON_PRIVATE BIT(0)
#define FILTER_ANON_SHARED BIT(1)
#define FILTER_FILE_PRIVATE BIT(2)
#define FILTER_FILE_SHARED BIT(3)
#define FILTER_ELF_HEADERS BIT(4)

struct core_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct core_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

struct prstatus {
	s32 signo, code, err;
	s16 cursig, pad;
	u64 pending, blocked;
	s32 pid, ppid, pgrp, session;
	u64 times[8];
	u64 regs[34];
	s32 fpvalid, pad2;
};
BUILD_BUG_ON(sizeof(struct prstatus) != 392);

struct core_note {
	u32 namesz, descsz, type;
	char name[8];
	struct prstatus status;
} __attribute__((packed, aligned(4)));

struct core_area {
	unsigned long start, end, flags, dumped; /* dumped: bytes of it in the file */
};

struct core {
	struct open_file *file;
	u64 pos;  /* of what comes next */
	u64 hole; /* bytes before it that have been skipped, and nothing after them written */
	u64 room; /* what RLIMIT_CORE leaves */
	struct core_area *areas;
	unsigned int nr;
	char *page;
};

/* ------------------------------------------------------------------ what is dumped */

static unsigned long dumped_bytes(const struct vm_area_struct *vma, u32 filter)
{
	unsigned long all = vma->vm_end - vma->vm_start;
	/* Shared anonymous memory is a file that nobody has opened. */
	const struct open_file *f = vma->vm_file ? open_file_of(vma->vm_file) : NULL;

	if (vma->vm_flags & (VM_DONTDUMP | VM_IO))
		return 0;
	if (vma->vm_flags & VM_SHARED) {
		bool named = f && f->inode->nlink;

		return filter & (named ? FILTER_FILE_SHARED : FILTER_ANON_SHARED) ? all : 0;
	}
	/* Written to. */
	if (filter & FILTER_ANON_PRIVATE && vma->anon_vma)
		return all;
	if (!vma->vm_file)
		return 0;
	if (filter & FILTER_FILE_PRIVATE)
		return all;
	/* The first page of a program or library says which it is. */
	return filter & FILTER_ELF_HEADERS && !vma->vm_pgoff && vma->vm_flags & VM_READ ? PAGE_SIZE
											: 0;
}

/* 0, or -ENOMEM. Areas that come after the count are not in the file. */
static int list_areas(struct core *c, struct mm_struct *mm)
{
	const struct vm_area_struct *vma;
	unsigned int n = 0;

	mmap_read_lock(mm);
	for (vma = mm->mmap; vma; vma = vma->next)
		n++;
	mmap_read_unlock(mm);
	c->areas = kmalloc(max(n, 1U) * sizeof(*c->areas), GFP_KERNEL);
	if (!c->areas)
		return -ENOMEM;
	mmap_read_lock(mm);
	for (vma = mm->mmap; vma && c->nr < n; vma = vma->next)
		c->areas[c->nr++] = (struct core_area){vma->vm_start, vma->vm_end, vma->vm_flags,
						       dumped_bytes(vma, mm->coredump_filter)};
	mmap_read_unlock(mm);
	return 0;
}

/* ------------------------------------------------------------------ writing */

static bool put(struct core *c, const void *from, size_t n)
{
	struct iter it;
	u64 pos = c->pos;

	/* A hole at the end is only made by what comes after it. */
	c->hole = 0;
	if (n > c->room || fatal_signal_pending())
		return false;
	iter_init_kernel(&it, (void *)from, n);
	if (c->file->op->write(c->file, &it, &pos) != (long)n)
		return false;
	c->pos += n;
	c->room -= n;
	return true;
}

static void skip(struct core *c, size_t n)
{
	c->pos += n;
	c->hole += n;
}

/* The hole that nothing came after: its last byte is written. */
static void end_hole(struct core *c)
{
	if (!c->hole)
		return;
	c->pos--;
	(void)put(c, "", 1);
}

static bool put_headers(struct core *c, const struct core_note *note)
{
	struct core_header h = {
		.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
		.type = ET_CORE,
		.machine = EM_AARCH64,
		.version = 1,
		.phoff = sizeof(h),
		.ehsize = sizeof(h),
		.phentsize = sizeof(struct core_phdr),
		.phnum = (u16)(c->nr + 1),
	};
	u64 at = sizeof(h) + (c->nr + 1ULL) * sizeof(struct core_phdr);
	struct core_phdr p = {.type = PT_NOTE, .offset = at, .filesz = sizeof(*note), .align = 4};

	if (!put(c, &h, sizeof(h)) || !put(c, &p, sizeof(p)))
		return false;
	at = ALIGN(at + sizeof(*note), PAGE_SIZE);
	for (unsigned int i = 0; i < c->nr; i++) {
		const struct core_area *a = &c->areas[i];

		/* VM_READ, VM_WRITE and VM_EXEC are PF_R, PF_W and PF_X the other way round. */
		p = (struct core_phdr){
			.type = PT_LOAD,
			.flags = (a->flags & VM_READ ? 4U : 0) | (a->flags & VM_WRITE ? 2U : 0) |
				 (a->flags & VM_EXEC ? 1U : 0),
			.offset = at,
			.vaddr = a->start,
			.filesz = a->dumped,
			.memsz = a->end - a->start,
			.align = PAGE_SIZE,
		};
		if (!put(c, &p, sizeof(p)))
			return false;
		at += a->dumped;
	}
	if (!put(c, note, sizeof(*note)))
		return false;
	skip(c, (size_t)(ALIGN(c->pos, PAGE_SIZE) - c->pos));
	return true;
}

/* The next page: others may have what the kernel's lock keeps, and this CPU. False: it is not there. */
static bool read_page(struct core *c, struct mm_struct *mm, unsigned long addr)
{
	size_t left;

	sched_relax();
	kernel_unlock();
	left = access_remote_vm(mm, addr, c->page, PAGE_SIZE, false);
	kernel_lock();
	return !left;
}

static bool put_area(struct core *c, struct mm_struct *mm, const struct core_area *a)
{
	unsigned long addr = a->start, end = a->start + a->dumped, next;

	while (addr < end) {
		struct mapped_page m;
		bool there;

		mmap_read_lock(mm);
		there = vm_mapped_page(mm, addr, end, &m, &next);
		mmap_read_unlock(mm);
		if (!there) {
			skip(c, next - addr);
			addr = next;
			sched_relax();
			if (fatal_signal_pending())
				return false;
			continue;
		}
		for (; addr < next; addr += PAGE_SIZE) {
			if (!read_page(c, mm, addr))
				skip(c, PAGE_SIZE);
			else if (!put(c, c->page, PAGE_SIZE))
				return false;
		}
	}
	return true;
}

static void fill_note(struct core_note *n, const struct siginfo *info)
{
	const struct task *t = current;

	*n = (struct core_note){
		.namesz = 5,
		.descsz = sizeof(n->status),
		.type = NT_PRSTATUS,
		.name = "CORE",
		.status = {.signo = info->signo,
			   .code = info->code,
			   .cursig = (s16)info->signo,
			   .pending = t->pending.set,
			   .blocked = t->blocked,
			   .pid = task_vnr(t),
			   .ppid = t->signal->parent ? pid_vnr(t->signal->parent->leader->tgid) : 0,
			   .pgrp = pid_vnr(t->signal->pgrp),
			   .session = pid_vnr(t->signal->session)}};
	memcpy(n->status.regs, t->regs->x, sizeof(t->regs->x));
	n->status.regs[31] = t->regs->sp;
	n->status.regs[32] = t->regs->pc;
	n->status.regs[33] = t->regs->pstate;
}

/* ------------------------------------------------------------------ the file */

struct name {
	char text[256];
	size_t len;
};

static void add(struct name *n, const char *text)
{
	while (*text && n->len < sizeof(n->text) - 1)
		n->text[n->len++] = *text++;
	n->text[n->len] = '\0';
}

static void add_number(struct name *n, u64 value)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\0';
	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	add(n, p);
}

/* A slash of a program's name would be a directory. */
static void add_comm(struct name *n, const char *comm)
{
	for (char one[2] = {0}; *comm; comm++) {
		one[0] = *comm;
		add(n, *comm == '/' ? "!" : one);
	}
}

static void make_name(struct name *n, const char *pattern, int sig)
{
	const struct task *t = current;
	char one[2] = {0};
	bool pid = false;

	for (; *pattern; pattern++) {
		if (*pattern != '%') {
			one[0] = *pattern;
			add(n, one);
			continue;
		}
		switch (*++pattern) {
		case '\0':
			return;
		case '%':
			add(n, "%");
			break;
		case 'p':
			pid = true;
			add_number(n, (u64)pid_vnr(t->tgid));
			break;
		case 'P':
			add_number(n, (u64)t->tgid);
			break;
		case 'i':
			add_number(n, (u64)task_vnr(t));
			break;
		case 'I':
			add_number(n, (u64)t->pid);
			break;
		case 'u':
			add_number(n, t->cred.uid);
			break;
		case 'g':
			add_number(n, t->cred.gid);
			break;
		case 's':
			add_number(n, (u64)sig);
			break;
		case 't':
			add_number(n, (u64)time_now().sec);
			break;
		case 'c':
			add_number(n, t->signal->rlim[RLIMIT_CORE].cur);
			break;
		case 'e':
		case 'f':
			add_comm(n, t->comm);
			break;
		case 'h':
			add(n, "quire");
		}
	}
	if (!pid && sysctl_core_uses_pid) {
		add(n, ".");
		add_number(n, (u64)pid_vnr(t->tgid));
	}
}

/* What has that name goes: nothing is written into somebody else's file. */
static struct open_file *open_core(const char *name)
{
	struct open_file *f;
	struct path_walk w;

	if (!walk_path(AT_FDCWD, name, WALK_PARENT, &w)) {
		if (w.dentry && (w.dentry->inode->mode & S_IFMT) != S_IFDIR)
			(void)vfs_unlink(w.dentry, false, false);
		walk_end(&w);
	}
	if (file_open(AT_FDCWD, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600, &f))
		return NULL;
	if ((f->inode->mode & S_IFMT) == S_IFREG && f->inode->mapping && f->op && f->op->write)
		return f;
	file_put(f);
	return NULL;
}

/* True: what has been written is a dump, even if the limit cuts it off. */
static bool write_core(struct core *c, const struct siginfo *info)
{
	struct mm_struct *mm = current->mm;
	struct core_note note;

	c->page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!c->page || list_areas(c, mm))
		return false;
	fill_note(&note, info);
	if (put_headers(c, &note))
		for (unsigned int i = 0; i < c->nr && put_area(c, mm, &c->areas[i]); i++)
			;
	end_hole(c);
	return true;
}

/* The process ends by this signal; then the caller is the only thread. False: it was killed meanwhile. */
static bool be_alone(struct signal_struct *s, int sig)
{
	s->flags = (s->flags & SIGNAL_UNKILLABLE) | SIGNAL_GROUP_EXIT;
	s->group_exit_code = sig;
	s->stop_count = 0;
	for_each_thread(other, s) if (other != current) kill_thread(other);
	s->core_task = current;
	while (s->nr_threads > 1)
		if (sleep_killable(WAIT_FOREVER))
			return false;
	return true;
}

void core_dump(const struct siginfo *info)
{
	struct signal_struct *s = current->signal;
	struct core c = {.room = s->rlim[RLIMIT_CORE].cur};
	struct name name = {.len = 0};

	if (!current->mm || !s->dumpable || c.room < PAGE_SIZE || sysctl_core_pattern[0] == '|')
		return;
	/* It ends already: by what has come while a debugger looked at the signal. */
	if (s->flags & SIGNAL_GROUP_EXIT || fatal_signal_pending())
		return;
	make_name(&name, sysctl_core_pattern, info->signo);
	if (be_alone(s, info->signo) && name.len) {
		c.file = open_core(name.text);
		if (c.file && write_core(&c, info) && !fatal_signal_pending())
			s->group_exit_code |= WAIT_DUMPED;
	}
	kfree(c.areas);
	kfree(c.page);
	if (c.file)
		file_put(c.file);
	s->core_task = NULL;
}
