/* SPDX-License-Identifier: MIT */
/* Between exec.c, which knows what a program is given, and elf.c, which knows what it is. */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "vfs.h"

/* Random bits of where mappings go, in pages (vm.mmap_rnd_bits of Debian: Linux's smallest). */
#define MMAP_RANDOM_BITS (30 - PAGE_SHIFT)

/* A program about to be. */
struct exec {
	struct mm_struct *mm;
	struct open_file *file;
	/* The strings as they lie in memory: argv's, envp's, the name, each with its 0. */
	char *text;
	size_t len, room;
	size_t arg_len, env_len, name_len;
	unsigned int argc, envc;
	bool name_goes; /* it is called by a descriptor that exec closes */
	bool no_return; /* where Linux has given the old program up (begin_new_exec) */
	int randomize;	/* as sysctl_randomize_va_space */
	/* What elf.c finds out: where it begins, and for the auxiliary vector. */
	unsigned long pc, sp;
};

/*
 * Make e->mm the program that e->file holds, with its stack. -ENOEXEC: it is no ELF file for this machine; -ELIBBAD: nor is the
 * interpreter that it names.
 */
int elf_load(struct exec *e);

/* What strings of so many bytes take of a stack, with the 0 at its top: whole pages. */
static inline unsigned long exec_strings_size(size_t bytes)
{
	return PAGE_ALIGN(bytes + sizeof(u64));
}

/* Pages of a random offset, up to 2^bits of them; 0 when addresses are not to be random. In bytes. */
unsigned long exec_random_pages(const struct exec *e, unsigned int bits);

#endif
