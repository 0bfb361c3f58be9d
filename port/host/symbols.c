// SPDX-License-Identifier: MIT
/*
 * Names for code addresses, from the program's own ELF symbol table (.symtab: local symbols are in it, .dynsym would
 * not have them). Read once, at the first question; a stripped program has no names.
 *
 * Without libelf: one table of one format, our own file, is a page of code.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

struct symbol {
	uintptr_t start;
	size_t size;
	const char *name;
};

static struct symbol *symbols;
static size_t nr_symbols;

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What to add to a link address: the run-time address of the program headers less the one they were linked at. */
static uintptr_t load_bias(const Elf64_Ehdr *eh)
{
	const Elf64_Phdr *ph = (const void *)((const char *)eh + eh->e_phoff);
	uintptr_t at = getauxval(AT_PHDR);

	for (unsigned int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			return at - (ph[i].p_vaddr + eh->e_phoff);
	return 0;
}

/* A copy of the name without ".isra.0", ".constprop.1", ".cold". */
static const char *plain_name(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && dot != name ? strndup(name, (size_t)(dot - name)) : name;
}

static void take_symbols(const char *file, size_t size, const Elf64_Shdr *symtab,
			 const Elf64_Shdr *strtab, uintptr_t bias)
{
	const Elf64_Sym *sym = (const void *)(file + symtab->sh_offset);
	size_t n = symtab->sh_size / sizeof(*sym);

	if (symtab->sh_offset + symtab->sh_size > size ||
	    strtab->sh_offset + strtab->sh_size > size)
		return;
	symbols = calloc(n ? n : 1, sizeof(*symbols));
	if (!symbols)
		return;
	for (size_t i = 0; i < n; i++) {
		if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC || sym[i].st_shndx == SHN_UNDEF ||
		    sym[i].st_name >= strtab->sh_size)
			continue;
		symbols[nr_symbols++] = (struct symbol){
			.start = sym[i].st_value + bias,
			.size = sym[i].st_size,
			.name = plain_name(file + strtab->sh_offset + sym[i].st_name),
		};
	}
	qsort(symbols, nr_symbols, sizeof(*symbols), by_start);
}

/* The mapping stays: the names are in it. */
static void read_own_symbols(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *eh;
	const Elf64_Shdr *sh;
	const char *file;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) || (size_t)st.st_size < sizeof(*eh)) {
		close(fd);
		return;
	}
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return;
	eh = (const void *)file;
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_shoff + (size_t)eh->e_shnum * sizeof(*sh) > (size_t)st.st_size)
		return;
	sh = (const void *)(file + eh->e_shoff);
	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum)
			continue;
		take_symbols(file, (size_t)st.st_size, &sh[i], &sh[sh[i].sh_link], load_bias(eh));
		return;
	}
}

const char *host_symbolize(uintptr_t addr, unsigned long *offset, unsigned long *size)
{
	static pthread_once_t read = PTHREAD_ONCE_INIT;
	size_t lo = 0, hi;

	pthread_once(&read, read_own_symbols);
	hi = nr_symbols;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (symbols[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - symbols[lo - 1].start >= symbols[lo - 1].size)
		return NULL;
	*offset = addr - symbols[lo - 1].start;
	*size = symbols[lo - 1].size;
	return symbols[lo - 1].name;
}
