// SPDX-License-Identifier: MIT
/*
 * A program from its file: static AArch64 ELF executables (System V ABI, gABI 4.1; AAELF64), mapped page by page, and the stack that it
 * finds (Linux: fs/binfmt_elf.c for what is on it).
 *
 * The new address space is made beside the old one, which goes only when nothing can fail any more. Every number in the file is
 * looked at before use.
 */
#include <quire/filemap.h>
#include <quire/printk.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/user.h>

#include "vdso.h"
#include "vfs.h"

struct elf64_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

#define ET_EXEC 2
#define ET_DYN 3
#define EM_AARCH64 183
#define PT_LOAD 1U
#define PT_INTERP 3U
#define PF_X 1U
#define PF_W 2U
#define PF_R 4U
#define MAX_PHDRS 64U
/* Where a static PIE goes (ELF_ET_DYN_BASE: two thirds of the way up). */
#define ELF_DYN_BASE (2 * (TASK_SIZE / 3))

/* What the stack has at first, below what is on it (Linux: 128 KiB, setup_arg_pages). */
#define STACK_EXPAND SZ_128K
#define SZ_128K 0x20000UL
#define MAX_ARG_STRINGS SZ_64K
/* Linux's mmap_base: the stack's limit, at least 128 MiB, and the guard gap, below the top. */
#define MIN_STACK_GAP SZ_128M

enum auxv_type {
	AT_NULL,
	AT_PHDR = 3,
	AT_PHENT,
	AT_PHNUM,
	AT_PAGESZ,
	AT_BASE,
	AT_FLAGS,
	AT_ENTRY,
	AT_UID = 11,
	AT_EUID,
	AT_GID,
	AT_EGID,
	AT_PLATFORM,
	AT_HWCAP,
	AT_CLKTCK,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
};

struct image {
	struct open_file *file;
	const struct inode *inode; /* the file's */
	struct elf64_header header;
	struct elf64_phdr phdr[MAX_PHDRS];
	unsigned long bias;
	unsigned long phdr_addr, end; /* of the program; end: of its last segment */
	bool linker;		      /* the program's, not the program */
};

static int read_exact(const struct inode *n, u64 pos, void *buf, size_t size)
{
	return mapping_read(n->mapping, pos, buf, size) == (long)size ? 0 : -ENOEXEC;
}

static int read_headers(struct image *im)
{
	const struct elf64_header *h = &im->header;

	if (read_exact(im->inode, 0, &im->header, sizeof(im->header)) ||
	    memcmp(h->ident, "\177ELF\2\1\1", 7) != 0 || h->machine != EM_AARCH64 ||
	    (h->type != ET_EXEC && h->type != ET_DYN) ||
	    h->phentsize != sizeof(struct elf64_phdr) || !h->phnum || h->phnum > MAX_PHDRS ||
	    read_exact(im->inode, h->phoff, im->phdr, h->phnum * sizeof(im->phdr[0])))
		return -ENOEXEC;
	im->bias = h->type == ET_DYN ? ALIGN_DOWN(ELF_DYN_BASE, PAGE_SIZE) : 0;
	return 0;
}

/* ------------------------------------------------------------------ where things are put */

#define ADDR_NO_RANDOMIZE 0x0040000UL
/* In pages; Linux: STACK_RND_MASK, ARCH_MMAP_RND_BITS of Debian; brk moves by up to 1 GiB. */
#define STACK_RANDOM 0x3ffffUL
#define MMAP_RANDOM (BIT(18) - 1)
#define BRK_RANDOM (SZ_1G >> PAGE_SHIFT)

/* /proc/sys/kernel/randomize_va_space: 0: nothing, 1: stack and mappings, 2: brk, too. */
int sysctl_randomize_va_space = 2;

static bool randomized(const struct task *t, int level)
{
	return sysctl_randomize_va_space >= level && !(t->personality & ADDR_NO_RANDOMIZE);
}

static unsigned long random_pages(unsigned long mask)
{
	unsigned long n;

	get_random_bytes(&n, sizeof(n));
	return (n & mask) << PAGE_SHIFT;
}

/* ------------------------------------------------------------------ segments */

static unsigned long segment_prot(u32 flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static int map_at(struct mm_struct *mm, struct file *file, unsigned long start, unsigned long end,
		  unsigned long prot, unsigned long pgoff, unsigned long flags)
{
	unsigned long at;

	if (start >= end)
		return 0;
	at = vm_mmap_pgoff(mm, file, start, end - start, prot,
			   MAP_PRIVATE | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS) | flags, pgoff);
	return IS_ERR_VALUE(at) ? (int)(long)at : 0;
}

/* The file's part of a segment, then zeros to its end in memory. */
static int map_segment(struct mm_struct *mm, struct image *im, const struct elf64_phdr *p)
{
	unsigned long start, file_end, end, prot = segment_prot(p->flags);
	int err;

	if (p->filesz > p->memsz || p->vaddr >= TASK_SIZE || p->memsz > TASK_SIZE - im->bias ||
	    p->vaddr > TASK_SIZE - im->bias - p->memsz ||
	    (p->vaddr ^ p->offset) & (PAGE_SIZE - 1) || p->offset + p->filesz < p->offset)
		return -ENOEXEC;
	start = p->vaddr + im->bias;
	file_end = start + p->filesz;
	end = start + p->memsz;
	err = map_at(mm, &im->file->file, ALIGN_DOWN(start, PAGE_SIZE),
		     p->filesz ? PAGE_ALIGN(file_end) : 0, prot, p->offset >> PAGE_SHIFT, 0);
	if (err)
		return err;
	if (end > file_end) {
		/* The rest of the file's last page belongs to the zeros. */
		static const char zeros[64];
		unsigned long at = file_end, stop = p->filesz ? min(end, PAGE_ALIGN(file_end)) : at;

		if (!(p->flags & PF_W))
			return -ENOEXEC;
		for (; at < stop; at += min(stop - at, sizeof(zeros)))
			if (access_remote_vm(mm, at, (void *)zeros, min(stop - at, sizeof(zeros)),
					     true))
				return -ENOMEM;
		err = map_at(mm, NULL,
			     p->filesz ? PAGE_ALIGN(file_end) : ALIGN_DOWN(start, PAGE_SIZE),
			     PAGE_ALIGN(end), prot, 0, 0);
		if (err)
			return err;
	}
	im->end = max(im->end, end);
	if (p->offset <= im->header.phoff && im->header.phoff - p->offset < p->filesz)
		im->phdr_addr = start + (im->header.phoff - p->offset);
	if (im->linker)
		return 0;
	if (p->flags & PF_X && (!mm->start_code || start < mm->start_code))
		mm->start_code = start;
	if (p->flags & PF_X)
		mm->end_code = max(mm->end_code, file_end);
	mm->start_data = max(mm->start_data, start);
	mm->end_data = max(mm->end_data, file_end);
	return 0;
}

static int map_image(struct mm_struct *mm, struct image *im)
{
	unsigned int i;
	int err;

	for (i = 0; i < im->header.phnum; i++) {
		if (im->phdr[i].type != PT_LOAD || !im->phdr[i].memsz)
			continue;
		err = map_segment(mm, im, &im->phdr[i]);
		if (err)
			return err;
	}
	if (!im->end || im->header.entry >= TASK_SIZE - im->bias)
		return -ENOEXEC;
	if (!im->linker)
		mm->start_brk = mm->brk = PAGE_ALIGN(im->end);
	return 0;
}

/* The program that is to be started in its place, to link it (PT_INTERP). False: there is none. */
static int open_linker(const struct image *im, struct image **linker)
{
	const struct elf64_phdr *p = im->phdr, *last = p + im->header.phnum;
	char path[256];
	int err;

	while (p < last && p->type != PT_INTERP)
		p++;
	if (p == last)
		return 0;
	if (p->filesz < 2 || p->filesz > sizeof(path) ||
	    read_exact(im->inode, p->offset, path, p->filesz) || path[p->filesz - 1])
		return -ENOEXEC;
	*linker = kmalloc(sizeof(**linker), GFP_KERNEL | __GFP_ZERO);
	if (!*linker)
		return -ENOMEM;
	(*linker)->linker = true;
	err = file_open_exec(AT_FDCWD, path, 0, &(*linker)->file);
	if (err)
		return err;
	(*linker)->inode = (*linker)->file->inode;
	err = read_headers(*linker);
	return err == -ENOEXEC ? -ELIBBAD : err;
}

/* Where a mapping would come: one as large as all segments makes the place. */
static int map_linker(struct mm_struct *mm, struct image *im)
{
	unsigned long first = ULONG_MAX, last = 0, at;

	if (im->header.type != ET_DYN)
		return map_image(mm, im);
	for (unsigned int i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *p = &im->phdr[i];

		if (p->type != PT_LOAD || !p->memsz)
			continue;
		if (p->vaddr >= TASK_SIZE || p->memsz > TASK_SIZE - p->vaddr)
			return -ELIBBAD;
		first = min(first, ALIGN_DOWN((unsigned long)p->vaddr, PAGE_SIZE));
		last = max(last, PAGE_ALIGN((unsigned long)(p->vaddr + p->memsz)));
	}
	if (first >= last)
		return -ELIBBAD;
	at = vm_mmap_pgoff(mm, NULL, 0, last - first, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(at))
		return (int)(long)at;
	im->bias = at - first;
	vm_munmap(mm, at, last - first);
	return map_image(mm, im);
}

/* ------------------------------------------------------------------ the stack */

struct stack {
	struct mm_struct *mm;
	unsigned long sp;
	bool failed;
};

static unsigned long push(struct stack *s, const void *data, size_t n)
{
	s->sp -= n;
	s->failed |= access_remote_vm(s->mm, s->sp, (void *)data, n, true) != 0;
	return s->sp;
}

static unsigned long push_string(struct stack *s, const char *text)
{
	return push(s, text, strlen(text) + 1);
}

#define MAX_STRINGS 256U
#define NR_AUXV 18U

/* argc, argv, NULL, envp, NULL, auxv: one block, at the stack pointer. */
static int fill_stack(struct mm_struct *mm, const struct image *im, const struct image *linker,
		      const char *path, char *const *argv, char *const *envp, unsigned long *sp)
{
	struct stack s = {.mm = mm, .sp = mm->start_stack - sizeof(u64)};
	unsigned int argc = 0, envc = 0, n = 0, i;
	u64 random[2], *block;
	size_t size;
	unsigned long execfn, platform, at_random;

	get_random_bytes(random, sizeof(random));
	while (argv[argc])
		argc++;
	while (envp[envc])
		envc++;
	if (argc + envc > MAX_STRINGS)
		return -E2BIG;
	size = (1 + argc + 1 + envc + 1 + 2 * NR_AUXV) * sizeof(u64);
	block = kmalloc(size, GFP_KERNEL | __GFP_ZERO);
	if (!block)
		return -ENOMEM;
	execfn = push_string(&s, path);
	block[n++] = argc;
	mm->env_end = s.sp;
	n = 1 + argc + 1;
	for (i = envc; i--;)
		block[n + i] = push_string(&s, envp[i]);
	mm->env_start = mm->arg_end = s.sp;
	for (i = argc; i--;)
		block[1 + i] = push_string(&s, argv[i]);
	mm->arg_start = s.sp;
	n += envc + 1;
	platform = push_string(&s, "aarch64");
	s.sp = ALIGN_DOWN(s.sp, 16);
	at_random = push(&s, random, sizeof(random));
	{
		const u64 auxv[NR_AUXV][2] = {
			{AT_SYSINFO_EHDR, mm->vdso},
			{AT_HWCAP, port_user_hwcap()},
			{AT_PAGESZ, PAGE_SIZE},
			{AT_CLKTCK, 100},
			{AT_PHDR, im->phdr_addr},
			{AT_PHENT, sizeof(struct elf64_phdr)},
			{AT_PHNUM, im->header.phnum},
			{AT_BASE, linker ? linker->bias : 0},
			{AT_FLAGS, 0},
			{AT_ENTRY, im->header.entry + im->bias},
			{AT_UID, 0},
			{AT_EUID, 0},
			{AT_GID, 0},
			{AT_EGID, 0},
			{AT_RANDOM, at_random},
			{AT_EXECFN, execfn},
			{AT_PLATFORM, platform},
			{AT_NULL, 0},
		};

		memcpy(block + n, auxv, sizeof(auxv));
	}
	s.sp = ALIGN_DOWN(s.sp - size, 16) + size;
	push(&s, block, size);
	kfree(block);
	*sp = mm->start_stack = s.sp;
	return s.failed ? -ENOMEM : 0;
}

static int make_stack(struct mm_struct *mm, const struct task *t)
{
	unsigned long gap = mm->rlimit_stack, pad = STACK_GUARD_GAP, shift = 0, top = TASK_SIZE;

	if (randomized(t, 1)) {
		top -= random_pages(STACK_RANDOM);
		pad += (STACK_RANDOM + 1) << PAGE_SHIFT;
		shift = random_pages(MMAP_RANDOM);
	}

	/* A stack without limit leaves no place to begin below it. */
	mm->mmap_legacy = gap == ULONG_MAX;
	if (gap + pad > gap)
		gap += pad;
	gap = min(max(gap, MIN_STACK_GAP), TASK_SIZE / 6 * 5);
	mm->mmap_base =
		PAGE_ALIGN(mm->mmap_legacy ? TASK_SIZE / 4 + shift : TASK_SIZE - gap - shift);
	mm->start_stack = top;
	return map_at(mm, NULL, top - STACK_EXPAND - PAGE_SIZE, top, PROT_READ | PROT_WRITE, 0,
		      MAP_GROWSDOWN);
}

/*
 * Past the point where it can fail: other threads are gone, and what the old program shared with others or had set up goes, as Linux's
 * begin_new_exec has it.
 */
static void become(struct task *t, struct mm_struct *mm, const char *path)
{
	struct mm_struct *old = t->mm;

	if (old) {
		futex_exit(t);
		mm_release(t);
	}
	t->mm = mm;
	if (t == current)
		mm_switch(mm);
	if (old) {
		kernel_unlock();
		mmput(old);
		kernel_lock();
	}
	flush_signal_handlers(t);
	files_exec(t->files);
	t->altstack.sp = t->altstack.size = 0;
	t->altstack.flags = SS_DISABLE;
	t->restart.fn = NULL;
	t->fault_address = t->fault_esr = 0;
	t->robust_list = t->clear_child_tid = 0;
	t->signal->has_execed = true;
	t->signal->dumpable = true;
	posix_timers_exec(t->signal);
	memset(t->comm, 0, sizeof(t->comm));
	quire_strlcpy(t->comm, strrchr(path, '/') ? strrchr(path, '/') + 1 : path, sizeof(t->comm));
	memset(t->regs, 0, offsetof(struct user_regs, work));
	memset(&t->fp, 0, sizeof(t->fp));
	if (t == current)
		port_load_user(&t->fp);
}

/* What threads share and a new program does not: its own copies, so that nothing fails later. */
static int unshare_for_exec(struct task *t)
{
	struct files_struct *files;
	struct sighand *sighand;

	if (files_shared(t->files)) {
		files = files_dup(t->files);
		if (!files)
			return -ENOMEM;
		files_put(t->files);
		t->files = files;
	}
	if (t->sighand->users > 1) {
		sighand = sighand_alloc();
		if (!sighand)
			return -ENOMEM;
		memcpy(sighand->action, t->sighand->action, sizeof(sighand->action));
		sighand_put(t->sighand);
		t->sighand = sighand;
	}
	return 0;
}

int exec_image(struct task *t, const char *path, const char *name, char *const *argv,
	       char *const *envp)
{
	struct image *im, *linker = NULL;
	struct mm_struct *mm;
	unsigned long sp;
	int err = -ENOMEM;

	im = kmalloc(sizeof(*im), GFP_KERNEL | __GFP_ZERO);
	mm = mm_alloc();
	if (!im || !mm)
		goto out;
	if (t->mm)
		mm_inherit(mm, t->mm);
	mm->rlimit_stack = t->signal->rlim[RLIMIT_STACK].cur;
	mm->rlimit_data = t->signal->rlim[RLIMIT_DATA].cur;
	mm->rlimit_as = t->signal->rlim[RLIMIT_AS].cur;
	mm->rlimit_memlock = t->signal->rlim[RLIMIT_MEMLOCK].cur;
	mm->unprivileged = t->cred.euid != 0;
	err = file_open_exec(AT_FDCWD, path, 0, &im->file);
	if (!err) {
		im->inode = im->file->inode;
		err = read_headers(im);
	}
	if (!err && im->bias && randomized(t, 1))
		im->bias += random_pages(MMAP_RANDOM);
	if (!err)
		err = open_linker(im, &linker);
	if (!err)
		err = make_stack(mm, t);
	if (!err)
		err = map_image(mm, im);
	if (!err && randomized(t, 2))
		mm->start_brk = mm->brk += random_pages(BRK_RANDOM - 1);
	if (!err && linker)
		err = map_linker(mm, linker);
	if (!err)
		err = vdso_map(mm);
	if (!err)
		err = fill_stack(mm, im, linker, name, argv, envp, &sp);
	if (!err)
		err = de_thread(t);
	if (!err)
		err = unshare_for_exec(t);
	if (err)
		goto out;
	become(t, mm, name);
	mm = NULL;
	t->regs->pc = linker ? linker->header.entry + linker->bias : im->header.entry + im->bias;
	t->regs->sp = sp;
out:
	if (mm)
		mmput(mm);
	if (im && im->file)
		file_put(im->file);
	if (linker && linker->file)
		file_put(linker->file);
	kfree(linker);
	kfree(im);
	return err;
}
