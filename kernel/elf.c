// SPDX-License-Identifier: MIT
/*
 * A program from its file: AArch64 ELF executables (System V ABI, gABI 4.1; AAELF64), static or with the dynamic linker that they name, mapped
 * page by page, and the stack that they find (Linux: fs/binfmt_elf.c for what is on it and where things go).
 *
 * Every number in a file is looked at before use. The address space is nobody's yet; from where Linux has given the old program up,
 * exec.no_return says so: what goes wrong later is no result of exec, but its end.
 */
#include <quire/filemap.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/user.h>

#include "exec.h"
#include "userns.h"
#include "vdso.h"

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
#define MAX_PHDRS (SZ_64K / sizeof(struct elf64_phdr))
/* Where a PIE goes (ELF_ET_DYN_BASE: two thirds of the way up). */
#define ELF_DYN_BASE ALIGN_DOWN(2 * (TASK_SIZE / 3), PAGE_SIZE)

/* What the stack has at first, below what is on it (Linux: 128 KiB, setup_arg_pages). */
#define STACK_EXPAND SZ_128K
#define SZ_128K 0x20000UL
/* Linux's mmap_base: the stack's limit, at least 128 MiB, and the guard gap, below the top. */
#define MIN_STACK_GAP SZ_128M
/* Random bits of addresses, in pages: the stack, in 1 GiB below the top; brk, in its GiB. */
#define STACK_RANDOM_BITS (30 - PAGE_SHIFT)
#define BRK_RANDOM_BITS (30 - PAGE_SHIFT)
#define ADDR_COMPAT_LAYOUT 0x0200000UL

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
	AT_HWCAP2,
	AT_RSEQ_FEATURE_SIZE,
	AT_RSEQ_ALIGN,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
	AT_MINSIGSTKSZ = 51,
};

/* What a signal's frame takes at the most: frame and record (kernel/sigframe.c), as Linux tells it without SVE. */
#define MIN_SIGNAL_STACK 4720

/* One file of a program: itself, or its interpreter. */
struct image {
	struct open_file *file;
	const struct inode *inode; /* the file's */
	struct elf64_header header;
	struct elf64_phdr *phdr;
	unsigned long bias;
	unsigned long phdr_addr, start, end; /* of the program; of its segments */
	unsigned long start_code, end_code, start_data, end_data;
};

static int read_exact(const struct inode *n, u64 pos, void *buf, size_t size)
{
	return mapping_read(n->mapping, pos, buf, size) == (long)size ? 0 : -ENOEXEC;
}

/* -ENOEXEC: nothing that runs here. */
static int read_headers(struct image *im)
{
	const struct elf64_header *h = &im->header;
	size_t size;

	if (read_exact(im->inode, 0, &im->header, sizeof(im->header)) ||
	    memcmp(h->ident, "\177ELF\2\1\1", 7) != 0 || h->machine != EM_AARCH64 ||
	    (h->type != ET_EXEC && h->type != ET_DYN) ||
	    h->phentsize != sizeof(struct elf64_phdr) || !h->phnum || h->phnum > MAX_PHDRS)
		return -ENOEXEC;
	size = h->phnum * sizeof(im->phdr[0]);
	im->phdr = kmalloc(size, GFP_KERNEL);
	if (!im->phdr)
		return -ENOMEM;
	return read_exact(im->inode, h->phoff, im->phdr, size);
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

static bool is_loaded(const struct elf64_phdr *p)
{
	return p->type == PT_LOAD && p->memsz;
}

/* The pages that its segments reach over, and how it wants to be aligned. */
static int measure(const struct image *im, unsigned long *low, unsigned long *high, u64 *align)
{
	*low = ULONG_MAX;
	*high = 0;
	*align = PAGE_SIZE;
	for (unsigned int i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *p = &im->phdr[i];

		if (!is_loaded(p))
			continue;
		if (p->filesz > p->memsz || p->vaddr >= TASK_SIZE ||
		    p->memsz > TASK_SIZE - p->vaddr || (p->vaddr ^ p->offset) & (PAGE_SIZE - 1) ||
		    p->offset + p->filesz < p->offset)
			return -ENOEXEC;
		*low = min(*low, ALIGN_DOWN(p->vaddr, PAGE_SIZE));
		*high = max(*high, PAGE_ALIGN(p->vaddr + p->memsz));
		/* One that is no power of two says nothing. */
		if (p->align && !(p->align & (p->align - 1)) && p->align < TASK_SIZE)
			*align = max(*align, p->align);
	}
	return *high ? 0 : -ENOEXEC;
}

/*
 * The rest of the last page of the file, to its end: dynamic linkers take memory from behind their bss for zeroed. Where the program may not
 * write, it stays what the file has.
 */
static int zero_tail(struct mm_struct *mm, unsigned long at, unsigned long stop)
{
	static const char zeros[256];

	while (at < stop) {
		size_t n = min(stop - at, sizeof(zeros));

		if (access_remote_vm(mm, at, (void *)zeros, n, true))
			return -ENOMEM;
		at += n;
	}
	return 0;
}

/* The file's part of a segment, then zeros to its end in memory. */
static int map_segment(struct mm_struct *mm, struct image *im, const struct elf64_phdr *p)
{
	unsigned long start = p->vaddr + im->bias, file_end = start + p->filesz,
		      end = start + p->memsz, prot = segment_prot(p->flags), zeros;
	int err;

	zeros = p->filesz ? PAGE_ALIGN(file_end) : ALIGN_DOWN(start, PAGE_SIZE);
	err = map_at(mm, &im->file->file, ALIGN_DOWN(start, PAGE_SIZE), p->filesz ? zeros : 0, prot,
		     p->offset >> PAGE_SHIFT, 0);
	if (!err && p->filesz && end > file_end && p->flags & PF_W)
		err = zero_tail(mm, file_end, zeros);
	if (!err)
		err = map_at(mm, NULL, zeros, PAGE_ALIGN(end), prot, 0, 0);
	if (err)
		return err;
	if (p->flags & PF_X) {
		im->start_code = min(im->start_code, start);
		im->end_code = max(im->end_code, file_end);
	}
	im->start_data = max(im->start_data, start);
	im->end_data = max(im->end_data, file_end);
	im->end = max(im->end, end);
	if (p->offset <= im->header.phoff && im->header.phoff - p->offset < p->filesz)
		im->phdr_addr = start + (im->header.phoff - p->offset);
	return 0;
}

/* at: where its first segment shall be, if it does not mind; 0: wherever there is room. */
static int map_image(struct exec *e, struct image *im, unsigned long at)
{
	unsigned long low, high;
	u64 align;
	int err = measure(im, &low, &high, &align);

	if (err)
		return err;
	im->start_code = ULONG_MAX;
	if (im->header.type == ET_DYN) {
		if (!at) {
			/* Room for all of it, which is then given back for the segments to take. */
			unsigned long room = high - low + (align - PAGE_SIZE);

			at = vm_mmap_pgoff(e->mm, NULL, 0, room, PROT_NONE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
			if (IS_ERR_VALUE(at))
				return (int)(long)at;
			vm_munmap(e->mm, at, room);
			at += align - 1;
		}
		at &= ~(align - 1);
		if (at + (high - low) > TASK_SIZE || at + (high - low) < at)
			return -ENOMEM;
		im->bias = at - low;
	}
	for (unsigned int i = 0; i < im->header.phnum && !err; i++)
		if (is_loaded(&im->phdr[i]))
			err = map_segment(e->mm, im, &im->phdr[i]);
	if (!err && im->header.entry + im->bias >= TASK_SIZE)
		err = -EINVAL;
	return err;
}

/* ------------------------------------------------------------------ the interpreter */

/* The file that PT_INTERP names; NULL: it has none. */
static int open_interpreter(const struct image *im, struct open_file **f)
{
	char *path;
	int err = 0;

	*f = NULL;
	for (unsigned int i = 0; i < im->header.phnum && !*f && !err; i++) {
		const struct elf64_phdr *p = &im->phdr[i];

		if (p->type != PT_INTERP)
			continue;
		if (p->filesz < 2 || p->filesz > PATH_MAX)
			return -ENOEXEC;
		path = kmalloc(p->filesz, GFP_KERNEL);
		if (!path)
			return -ENOMEM;
		err = read_exact(im->inode, p->offset, path, p->filesz) ? -EIO : 0;
		if (!err && path[p->filesz - 1])
			err = -ENOEXEC;
		if (!err)
			err = file_open_exec(AT_FDCWD, path, 0, f);
		kfree(path);
	}
	return err;
}

static int read_interpreter(struct image *im)
{
	int err;

	im->inode = im->file->inode;
	err = read_headers(im);
	return err == -ENOEXEC ? -ELIBBAD : err;
}

/* ------------------------------------------------------------------ the stack */

unsigned long exec_random_pages(const struct exec *e, unsigned int bits)
{
	u32 r;

	if (!e->randomize)
		return 0;
	get_random_bytes(&r, sizeof(r));
	return (unsigned long)(r & ((1U << bits) - 1)) << PAGE_SHIFT;
}

static int make_stack(struct exec *e)
{
	struct mm_struct *mm = e->mm;
	const unsigned long strings = exec_strings_size(e->len),
			    limit = ALIGN_DOWN(mm->rlimit_stack, PAGE_SIZE);
	unsigned long gap = mm->rlimit_stack, pad = STACK_GUARD_GAP, base, top;

	if (e->randomize)
		pad += PAGE_SIZE << STACK_RANDOM_BITS;
	/* A stack without limit leaves no place to begin below it. */
	mm->mmap_legacy =
		gap == ULONG_MAX || (current && current->personality & ADDR_COMPAT_LAYOUT);
	if (gap + pad > gap)
		gap += pad;
	gap = min(max(gap, MIN_STACK_GAP), TASK_SIZE / 6 * 5);
	base = mm->mmap_legacy ? TASK_SIZE / 4 + exec_random_pages(e, MMAP_RANDOM_BITS)
			       : TASK_SIZE - gap - exec_random_pages(e, MMAP_RANDOM_BITS);
	mm->mmap_base = PAGE_ALIGN(base);
	top = TASK_SIZE - exec_random_pages(e, STACK_RANDOM_BITS);
	mm->start_stack = top;
	/* The strings, and some more as far as the limit allows. */
	return map_at(mm, NULL, top - max(strings, min(limit, strings + STACK_EXPAND)), top,
		      PROT_READ | PROT_WRITE, 0, MAP_GROWSDOWN);
}

/* The strings' addresses, one after the other, and NULL. */
static u64 *fill_pointers(u64 *to, unsigned int n, const char *text, unsigned long at)
{
	while (n--) {
		size_t len = strlen(text) + 1;

		*to++ = at;
		text += len;
		at += len;
	}
	*to++ = 0;
	return to;
}

/* argc, argv, NULL, envp, NULL, auxv: one block, at the stack pointer. */
static int fill_stack(struct exec *e, const struct image *im, const struct image *interp)
{
	static const char platform[] = "aarch64";
	struct mm_struct *mm = e->mm;
	const struct cred none = {.uid = 0}, *cred = current ? &current->cred : &none;
	unsigned long text = mm->start_stack - sizeof(u64) - e->len, at, platform_at, random_at;
	size_t size;
	u64 random[2], *block, *p;
	int err = -ENOMEM;

	get_random_bytes(random, sizeof(random));
	mm->arg_start = text;
	mm->arg_end = mm->env_start = text + e->arg_len;
	mm->env_end = mm->env_start + e->env_len;
	at = text;
	/* Linux moves it by up to a page, so that cache lines differ (arch_align_stack). */
	if (e->randomize)
		at -= random[0] * 0x9e3779b97f4a7c15ULL >> (64 - PAGE_SHIFT);
	platform_at = ALIGN_DOWN(at, 16) - sizeof(platform);
	random_at = ALIGN_DOWN(platform_at - sizeof(random), 16);
	{
		const u64 auxv[][2] = {
			{AT_SYSINFO_EHDR, mm->vdso},
			{AT_MINSIGSTKSZ, MIN_SIGNAL_STACK},
			{AT_HWCAP, port_user_hwcap()},
			{AT_PAGESZ, PAGE_SIZE},
			{AT_CLKTCK, 100},
			{AT_PHDR, im->phdr_addr},
			{AT_PHENT, sizeof(struct elf64_phdr)},
			{AT_PHNUM, im->header.phnum},
			{AT_BASE, interp ? interp->bias : 0},
			{AT_FLAGS, 0},
			{AT_ENTRY, im->header.entry + im->bias},
			{AT_UID, current ? uid_to_user(cred->uid) : 0},
			{AT_EUID, current ? uid_to_user(cred->euid) : 0},
			{AT_GID, current ? gid_to_user(cred->gid) : 0},
			{AT_EGID, current ? gid_to_user(cred->egid) : 0},
			{AT_SECURE, 0},
			{AT_RANDOM, random_at},
			{AT_HWCAP2, 0},
			{AT_RSEQ_FEATURE_SIZE, 28}, /* up to rseq's `end` */
			{AT_RSEQ_ALIGN, 32},
			{AT_EXECFN, text + e->arg_len + e->env_len},
			{AT_PLATFORM, platform_at},
			{AT_NULL, 0},
		};

		BUILD_BUG_ON(sizeof(auxv) > sizeof(mm->saved_auxv));
		size = (1 + e->argc + 1 + e->envc + 1) * sizeof(u64) + sizeof(auxv);
		block = kvmalloc(size, GFP_KERNEL);
		if (!block)
			return -ENOMEM;
		p = block;
		*p++ = e->argc;
		p = fill_pointers(p, e->argc, e->text, text);
		p = fill_pointers(p, e->envc, e->text + e->arg_len, text + e->arg_len);
		memcpy(p, auxv, sizeof(auxv));
		memset(mm->saved_auxv, 0, sizeof(mm->saved_auxv));
		memcpy(mm->saved_auxv, auxv, sizeof(auxv));
	}
	e->sp = ALIGN_DOWN(random_at - size, 16);
	if (!access_remote_vm(mm, text, e->text, e->len, true) &&
	    !access_remote_vm(mm, platform_at, (void *)platform, sizeof(platform), true) &&
	    !access_remote_vm(mm, random_at, random, sizeof(random), true) &&
	    !access_remote_vm(mm, e->sp, block, size, true))
		err = 0;
	kvfree(block);
	return err;
}

/* ------------------------------------------------------------------ all of it */

static void set_brk(struct exec *e, const struct image *im, bool has_interpreter)
{
	struct mm_struct *mm = e->mm;
	unsigned long brk = im->end;

	/* A static PIE lies among the mappings: its heap is put where there is room to grow. */
	if (im->header.type == ET_DYN && !has_interpreter)
		brk = ELF_DYN_BASE;
	brk = PAGE_ALIGN(brk);
	if (e->randomize > 1)
		brk += (brk == ELF_DYN_BASE ? 0 : PAGE_SIZE) +
		       exec_random_pages(e, BRK_RANDOM_BITS);
	mm->start_brk = mm->brk = brk;
}

int elf_load(struct exec *e)
{
	struct image *im = kmalloc(2 * sizeof(*im), GFP_KERNEL | __GFP_ZERO), *interp;
	unsigned long at = 0;
	int err;

	if (!im)
		return -ENOMEM;
	interp = im + 1;
	im->file = e->file;
	im->inode = e->file->inode;
	err = read_headers(im);
	if (!err)
		err = open_interpreter(im, &interp->file);
	if (!err && interp->file)
		err = read_interpreter(interp);
	e->no_return = !err;
	if (!err)
		err = make_stack(e);
	if (!err && interp->file)
		at = ELF_DYN_BASE + exec_random_pages(e, MMAP_RANDOM_BITS);
	if (!err)
		err = map_image(e, im, at);
	if (!err && interp->file)
		err = map_image(e, interp, 0);
	if (interp->file)
		file_not_running(interp->file);
	if (!err)
		err = vdso_map(e->mm);
	if (!err)
		err = fill_stack(e, im, interp->file ? interp : NULL);
	if (!err) {
		struct mm_struct *mm = e->mm;

		mm->start_code = im->start_code == ULONG_MAX ? 0 : im->start_code;
		mm->end_code = im->end_code;
		mm->start_data = im->start_data;
		mm->end_data = im->end_data;
		mm->start_stack = e->sp;
		set_brk(e, im, interp->file);
		e->pc = interp->file ? interp->header.entry + interp->bias
				     : im->header.entry + im->bias;
	}
	if (interp->file)
		file_put(interp->file);
	kfree(im->phdr);
	kfree(interp->phdr);
	kfree(im);
	return err;
}
