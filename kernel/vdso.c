// SPDX-License-Identifier: MIT
/*
 * The vDSO: a shared object that every program finds in its address space (AT_SYSINFO_EHDR), with what signal handlers return to and
 * with the functions that a C library calls for the time (Linux: arch/arm64/kernel/vdso). One page, an ELF image written out below.
 *
 * Against Linux: the functions ask the kernel, where Linux's read the counter, and there is no page of data. Unwinders know the two
 * instructions of __kernel_rt_sigreturn (mov x8, #139; svc #0), and want one before them that belongs to the same function.
 */
#include <quire/filemap.h>

#include "vdso.h"

#define MOV_X8(n) (0xd2800008U | (u32)(n) << 5)
#define SVC 0xd4000001U
#define RET 0xd65f03c0U
#define NOP 0xd503201fU

struct elf_symbol {
	u32 name;
	u8 info, other;
	u16 shndx;
	u64 value, size;
};

struct verdef {
	u16 version, flags, ndx, cnt;
	u32 hash, aux, next;
	u32 aux_name, aux_next; /* the only Verdaux of it follows */
};

enum { NR_SYMBOLS = 5, NR_DYNAMIC = 9 };

struct vdso_image {
	struct {
		u8 ident[16];
		u16 type, machine;
		u32 version;
		u64 entry, phoff, shoff;
		u32 flags;
		u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	} header;
	struct {
		u32 type, flags;
		u64 offset, vaddr, paddr, filesz, memsz, align;
	} phdr[2];
	u64 dynamic[NR_DYNAMIC][2];
	struct elf_symbol symbols[NR_SYMBOLS];
	struct verdef verdef[2];
	u32 hash[2 + 1 + NR_SYMBOLS];
	u16 versym[NR_SYMBOLS + 3];
	struct {
		char soname[16], version[16], sigreturn[24], gettimeofday[24], clock_gettime[24],
			clock_getres[24];
	} strings;
	u32 pad[2];
	struct {
		u32 sigreturn[4], gettimeofday[3], clock_gettime[3], clock_getres[3];
	} code;
};
BUILD_BUG_ON(sizeof(struct vdso_image) > 4096);
BUILD_BUG_ON(offsetof(struct vdso_image, code.sigreturn[2]) != VDSO_SIGRETURN);

#define AT(member) offsetof(struct vdso_image, member)
#define STR(member) (AT(strings.member) - AT(strings))
/* A function: global, in a section that is not named. */
#define SYMBOL(member)                                                                             \
	{                                                                                          \
		STR(member), 0x12, 0, 1, AT(code.member), sizeof(image.code.member)                \
	}

enum {
	PT_LOAD = 1,
	PT_DYNAMIC = 2,
	PF_X = 1,
	PF_R = 4,
	ET_DYN = 3,
	EM_AARCH64 = 183,
	VER_FLG_BASE = 1
};
enum {
	DT_HASH = 4,
	DT_STRTAB,
	DT_SYMTAB,
	DT_STRSZ = 10,
	DT_SYMENT,
	DT_SONAME = 14,
	DT_VERSYM = 0x6ffffff0,
	DT_VERDEF = 0x6ffffffc,
};

static const struct vdso_image image = {
	.header = {.ident = "\177ELF\2\1\1",
		   .type = ET_DYN,
		   .machine = EM_AARCH64,
		   .version = 1,
		   .phoff = AT(phdr),
		   .ehsize = sizeof(image.header),
		   .phentsize = sizeof(image.phdr[0]),
		   .phnum = 2},
	.phdr = {{PT_LOAD, PF_R | PF_X, 0, 0, 0, sizeof(image), sizeof(image), 4096},
		 {PT_DYNAMIC, PF_R, AT(dynamic), AT(dynamic), AT(dynamic), sizeof(image.dynamic),
		  sizeof(image.dynamic), 8}},
	.dynamic = {{DT_SONAME, STR(soname)},
		    {DT_HASH, AT(hash)},
		    {DT_STRTAB, AT(strings)},
		    {DT_SYMTAB, AT(symbols)},
		    {DT_STRSZ, sizeof(image.strings)},
		    {DT_SYMENT, sizeof(image.symbols[0])},
		    {DT_VERSYM, AT(versym)},
		    {DT_VERDEF, AT(verdef)}},
	.symbols = {{0},
		    SYMBOL(sigreturn),
		    SYMBOL(gettimeofday),
		    SYMBOL(clock_gettime),
		    SYMBOL(clock_getres)},
	/* Hashes are ELF's of the two names. */
	.verdef = {{1, VER_FLG_BASE, 1, 1, 0x0deebfa1, 20, sizeof(image.verdef[0]), STR(soname), 0},
		   {1, 0, 2, 1, 0x075fcb89, 20, 0, STR(version), 0}},
	/* One bucket: every symbol in one chain. */
	.hash = {1, NR_SYMBOLS, 1, 0, 2, 3, 4, 0},
	.versym = {0, 2, 2, 2, 2},
	.strings = {"linux-vdso.so.1", "LINUX_2.6.39", "__kernel_rt_sigreturn",
		    "__kernel_gettimeofday", "__kernel_clock_gettime", "__kernel_clock_getres"},
	.pad = {NOP, NOP},
	.code = {.sigreturn = {NOP, NOP, MOV_X8(139), SVC},
		 .gettimeofday = {MOV_X8(169), SVC, RET},
		 .clock_gettime = {MOV_X8(113), SVC, RET},
		 .clock_getres = {MOV_X8(114), SVC, RET}},
};

static struct file *vdso_file;

int vdso_init(void)
{
	struct address_space *mapping = mapping_alloc(false);

	if (!mapping)
		return -ENOMEM;
	vdso_file = mapping_file(mapping, FMODE_READ);
	if (!vdso_file)
		return -ENOMEM;
	return mapping_write(mapping, 0, &image, sizeof(image)) == sizeof(image) ? 0 : -ENOMEM;
}

int vdso_map(struct mm_struct *mm)
{
	unsigned long at =
		vm_mmap_pgoff(mm, vdso_file, 0, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);

	if (IS_ERR_VALUE(at))
		return (int)(long)at;
	mm->vdso = at;
	return 0;
}
